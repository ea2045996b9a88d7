"""GitHub's limits are kept before GitHub names them."""

from __future__ import annotations

import pytest

from bot.clock import Clock
from bot.errors import LaterError
from bot.pace import A_DAY, AN_HOUR, Pace
from bot.waiting import Patience


class Hours:
    """A clock that waits by saying that it has waited."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0
        self.clock = Clock(lambda: self.seconds, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def hours() -> Hours:
    return Hours()


def patience(hours: Hours, longest: float = 0) -> Patience:
    return Patience(longest, 0, hours.clock)


def ask(pace: Pace, hours: Hours, times: int) -> None:
    for _ in range(times):
        pace.before("GET", patience(hours))


def test_eighty_writes_a_minute_wait_for_the_next_minute_and_cost_no_patience(hours: Hours) -> None:
    pace, began = Pace(hours.clock), hours.seconds
    for _ in range(80):
        pace.before("POST", patience(hours))
    assert hours.seconds == began
    pace.before("POST", patience(hours))
    assert 60 < hours.seconds - began < 61


def test_five_hundred_writes_an_hour_end_the_job(hours: Hours) -> None:
    pace, began = Pace(hours.clock), hours.seconds
    for _ in range(500):
        pace.before("POST", patience(hours))
    with pytest.raises(LaterError) as caught:
        pace.before("POST", patience(hours))
    assert AN_HOUR < caught.value.until.timestamp() - began < AN_HOUR + 60
    hours.seconds = caught.value.until.timestamp()
    pace.before("POST", patience(hours))


def test_reading_costs_points_and_requests_but_no_writes(hours: Hours) -> None:
    pace, began = Pace(hours.clock), hours.seconds
    for _ in range(900):
        pace.before("GET", patience(hours))
    assert hours.seconds == began
    pace.before("GET", patience(hours))
    assert hours.seconds > began
    with pytest.raises(LaterError):
        ask(pace, hours, 5_000)


@pytest.mark.parametrize("allowed", [50, 500])
def test_invitations_are_counted_by_the_day(hours: Hours, allowed: int) -> None:
    pace = Pace(hours.clock)
    pace.allow(allowed)
    for _ in range(allowed):
        pace.invite(patience(hours))
    with pytest.raises(LaterError) as caught:
        pace.invite(patience(hours))
    assert caught.value.until.timestamp() - hours.seconds >= A_DAY


def test_what_an_earlier_process_wrote_counts(hours: Hours) -> None:
    pace, now = Pace(hours.clock), hours.seconds
    pace.known([now - 10] * 500, [now - AN_HOUR] * 50)
    with pytest.raises(LaterError):
        pace.before("POST", patience(hours))
    with pytest.raises(LaterError):
        pace.invite(patience(hours))
    pace = Pace(hours.clock)
    pace.known([now - 2 * AN_HOUR] * 500, [now - 2 * A_DAY] * 50)
    pace.before("POST", patience(hours))
    pace.invite(patience(hours))
