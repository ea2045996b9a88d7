"""What is a limit, how long it lasts, and when waiting is no use."""

from __future__ import annotations

import re

import pytest

from bot.errors import LaterError
from bot.waiting import Patience, asked_for, is_limit

SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try."
NOW = 2_000_000_000.0


@pytest.mark.parametrize(
    ("status", "headers", "message", "limit"),
    [
        (403, {}, "API rate limit exceeded for installation.", True),
        (403, {}, SECONDARY, True),
        (403, {}, "You have triggered an abuse detection mechanism.", True),
        (403, {"retry-after": "3"}, "", True),
        (429, {}, "", True),
        (403, {}, "Resource not accessible by integration", False),
        (403, {"x-ratelimit-remaining": "0"}, "Resource not accessible by integration", False),
        (502, {"retry-after": "3"}, "rate limit", False),
    ],
)
def test_a_limit_refuses_for_now(
    status: int, headers: dict[str, str], message: str, limit: bool
) -> None:
    assert is_limit(status, headers, message) == limit


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "7", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, 7),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{NOW + 30:.0f}"}, 31),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{NOW - 30:.0f}"}, 1),
        ({"x-ratelimit-remaining": "5", "x-ratelimit-reset": f"{NOW + 30:.0f}"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({}, None),
    ],
)
def test_how_long_github_says(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_for(headers, NOW) == seconds


def test_a_wait_that_is_too_long_ends_at_once_and_says_when() -> None:
    with pytest.raises(LaterError) as caught:
        Patience(300, 1).after_limit({"retry-after": "301"})
    assert re.search(r"before \d\d:\d\d:\d\d UTC on \d{4}-\d\d-\d\d", caught.value.message)
    assert "300 s in all" in caught.value.message
    assert "run this job again after" in caught.value.hint


def test_all_waits_together_are_bounded() -> None:
    patience = Patience(3 / 128, 1)
    patience.wait(2 / 128)
    with pytest.raises(LaterError):
        patience.wait(2 / 128)
    patience.wait(1 / 128)


def test_a_limit_that_says_nothing_is_given_longer_each_time() -> None:
    unit = 2**-14
    patience = Patience(60 * unit * (1 + 2), unit)
    patience.after_limit({})
    patience.after_limit({})
    with pytest.raises(LaterError):
        patience.after_limit({})


def test_so_is_an_answer_that_was_lost() -> None:
    patience = Patience(7 / 1024, 1 / 1024)
    for _ in range(3):
        patience.after_unsure()
    with pytest.raises(LaterError):
        patience.after_unsure()
