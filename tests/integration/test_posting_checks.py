"""The check run: what the workflow's annotations leave out, fifty a request, each once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openapi_core")
pytest.importorskip("github")

from bot.checks import MOST, NAME
from bot.errors import UnsureError
from bot.localhub import LocalHub
from bot.localhub.checks import CheckRun
from tests.integration.posting import GOOD, HEAD, WRITES, Posting, red
from tests.unit.bot.subjects import SYNTAX
from tito.report import Report

pytestmark = pytest.mark.slow

CHECKS = "/check-runs"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Posting]:
    with LocalHub() as hub:
        yield Posting(hub, tmp_path)
        assert (hub.violations, hub.pressed) == ([], [])


def only(world: Posting) -> CheckRun:
    [check] = world.course.check_runs.values()
    return check


def lines(check: CheckRun) -> list[int]:
    return [one["start_line"] for one in check.annotations]


def sent(world: Posting) -> list[int]:
    """The annotations of each request that brought some."""
    asked = [write.body for write in world.hub.writes if CHECKS in write.path]
    return [len(body["output"]["annotations"]) for body in asked]


@pytest.mark.parametrize(
    ("errors", "requests"),
    [(11, [1]), (60, [50]), (61, [50, 1]), (999, [50] * 10)],
)
def test_what_is_beyond_ten_is_sent_fifty_at_a_time(
    world: Posting, errors: int, requests: list[int]
) -> None:
    pull = world.open()
    said = world.post(world.run(pull, "failure"), red(errors))
    assert sent(world) == requests
    check = only(world)
    assert lines(check) == list(range(11, min(errors, MOST + 10) + 1))
    assert (check.name, check.sha, check.conclusion) == (NAME, HEAD, "neutral")
    assert said[1] == f"Check run '{NAME}': {len(check.annotations)} annotations."
    assert f"{errors - 10} more finding" in str(check.title)
    assert ("500 of them are shown" in str(check.title)) == (errors > 510)
    assert (check.annotations[0]["path"], check.annotations[0]["annotation_level"]) == (
        SYNTAX.path,
        "failure",
    )


@pytest.mark.parametrize("report", [GOOD, red(10)], ids=["green", "ten"])
def test_without_more_than_ten_nothing_is_asked(world: Posting, report: Report) -> None:
    world.post(world.run(world.open(), "success" if report is GOOD else "failure"), report)
    assert not [path for _, path in world.hub.requests if CHECKS in path]


def test_it_never_takes_the_name_of_the_required_job(world: Posting) -> None:
    world.post(world.run(world.open(), "failure"), red(30))
    assert only(world).name not in ("verdict", "static", "integration")


def test_a_job_that_broke_off_goes_on_where_it_stopped(world: Posting) -> None:
    run = world.run(world.open(), "failure")
    world.hub.before(lambda: world.hub.fail(9, 502, method="PATCH"), method="POST", path=CHECKS)
    with pytest.raises(UnsureError, match="add to check run"):
        world.post(run, red(150))
    assert lines(only(world)) == list(range(11, 61))
    assert world.states() == {}, "the statuses come last"
    world.hub.mend()
    world.post(run, red(150))
    assert lines(only(world)) == list(range(11, 151))
    assert world.states()["tito/verdict"] == "failure"


def test_another_attempt_gets_a_check_run_of_its_own(world: Posting) -> None:
    run = world.run(world.open(), "failure")
    world.post(run, red(30))
    run.attempt = 2
    run.job("verdict", "failure")
    world.post(run, red(25))
    first, second = world.course.check_runs.values()
    assert (lines(first), lines(second)) == (list(range(11, 31)), list(range(11, 26)))
    assert str(second.details_url).endswith(f"/runs/{run.id}/attempts/2")


def test_an_attempt_with_nothing_to_show_takes_the_old_ones_place(world: Posting) -> None:
    run = world.run(world.open(), "failure")
    world.post(run, red(30))
    run.attempt, run.conclusion = 2, "success"
    run.job("verdict", "success")
    world.post(run)
    first, second = world.course.check_runs.values()
    assert (len(first.annotations), second.annotations) == (20, [])
    assert (second.title, second.conclusion) == ("No further findings", "neutral")


def test_a_report_that_the_verdict_contradicts_is_not_shown(world: Posting) -> None:
    world.post(world.run(world.open(), "success"), red(30))
    assert world.course.check_runs == {}


@pytest.mark.parametrize("fork", ["", "ann/course"])
def test_without_the_permission_the_rest_is_written(world: Posting, fork: str) -> None:
    allowed = {name: level for name, level in WRITES.items() if name != "checks"}
    world.token = world.hub.token(allowed, repository=world.course)
    said = world.post(world.run(world.open(fork=fork), "failure"), red(30))
    assert "Resource not accessible by integration. 20 annotations are left out." in said[1]
    assert world.states()["tito/verdict"] == "failure"


def test_what_github_does_not_take_does_not_stop_the_statuses(world: Posting) -> None:
    world.hub.fail(1, 422, message="Invalid request", method="POST", path=CHECKS)
    said = world.post(world.run(world.open(), "failure"), red(30))
    assert "422 Invalid request. 20 annotations are left out." in said[1]
    assert world.states()["tito/verdict"] == "failure"


def test_a_newer_run_is_left_alone(world: Posting) -> None:
    pull = world.open()
    old, new = world.run(pull, "failure"), world.run(pull)
    world.hub.before(lambda: world.post(new), method="GET", path=CHECKS)
    said = world.post(old, red(30))
    assert said[-1] == (
        f"Statuses of {HEAD[:7]}: left to a newer run, which has reported in the meantime."
    )
    assert world.course.check_runs == {}
    assert f"run={new.number} " in world.bodies(pull)[0]
    assert set(world.states().values()) == {"success"}
