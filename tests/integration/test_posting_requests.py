"""How many requests the bot makes. GitHub gives a repository's workflows a thousand an hour."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openapi_core")
pytest.importorskip("github")

from bot.localhub import LocalHub
from bot.localhub.state import PullRequest
from tests.integration.posting import BASE, GOOD, HEAD, RED, Posting, red
from tests.unit.bot.subjects import DEV
from tito.report import Report

pytestmark = pytest.mark.slow

MOST = 6
"""Requests for a report that changes nothing, with at most a hundred comments."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Posting]:
    with LocalHub() as hub:
        yield Posting(hub, tmp_path)
        assert (hub.violations, hub.pressed) == ([], [])


def counted(world: Posting, report: Report | None, pull: PullRequest, comments: int) -> list[str]:
    """Post a report, let the others talk, post it again: the requests of the second time."""
    run = world.run(pull, "success" if report is GOOD else "failure")
    world.post(run, report)
    while len(world.course.comments(pull.number)) < comments:
        world.course.comment(pull.number, "a question", "ann")
    before = len(world.hub.requests)
    said = world.post(run, report)
    assert said == [
        f"Pull request {pull.number}: comment unchanged.",
        f"Statuses of {HEAD[:7]}: already as they should be.",
    ]
    requests = [f"{method} {path}" for method, path in world.hub.requests[before:]]
    assert all(request.startswith("GET ") for request in requests)
    return requests


@pytest.mark.parametrize("comments", [1, 100, 101, 301])
@pytest.mark.parametrize("fork", ["", "ann/course"])
def test_an_unchanged_report_is_six_requests_and_one_per_hundred_comments(
    world: Posting, fork: str, comments: int
) -> None:
    requests = counted(world, RED, world.open(fork=fork), comments)
    assert len(requests) == MOST + (comments - 1) // 100
    assert sorted({request.removeprefix("GET /repos/acme/course") for request in requests}) == [
        f"/actions/runs/{max(world.course.runs)}/attempts/1/jobs",
        f"/commits/{HEAD}/status",
        f"/commits/{BASE}/status",
        f"/compare/main...{HEAD}",
        "/issues/1/comments",
        "/pulls",
    ]


@pytest.mark.parametrize(
    ("report", "base_files"),
    [
        (GOOD, []),
        (GOOD, ["README.md"]),
        (RED, []),
        (RED, ["README.md"]),
        (RED, [DEV]),
        (red(400), []),
        (red(400), ["README.md"]),
        (None, ["README.md"]),
    ],
    ids=[
        "green", "green behind", "red", "red behind", "red moved", "huge", "huge behind", "none",
    ],
)  # fmt: skip
def test_whatever_the_report_says(
    world: Posting, report: Report | None, base_files: list[str]
) -> None:
    pull = world.open()
    pull.base_files = base_files
    assert len(counted(world, report, pull, 1)) <= MOST


def test_a_base_that_moves_on_later_changes_nothing_that_was_linked(world: Posting) -> None:
    pull = world.open()
    run = world.run(pull, "failure")
    world.post(run, RED)
    [before] = world.bodies(pull)
    assert f"/blob/{HEAD}/{DEV}#L212" in before
    pull.base_files = [DEV]
    assert world.post(run, RED)[0] == "Pull request 1: comment unchanged."
    assert world.bodies(pull) == [before]


def test_statuses_that_were_set_a_hundred_times_are_one_page(world: Posting) -> None:
    pull = world.open()
    for number in range(250):
        world.course.status(HEAD, "pending", context=f"tito/{'export' if number % 2 else 'old'}")
    assert len(counted(world, GOOD, pull, 1)) <= MOST


def test_more_changed_files_than_a_comparison_lists_are_one_more_request_a_hundred(
    world: Posting,
) -> None:
    pull = world.open()
    pull.files = [f"docs/{number}.md" for number in range(450)]
    assert len(counted(world, GOOD, pull, 1)) == MOST + 5


def test_what_was_read_once_is_counted_once(world: Posting) -> None:
    pull = world.open()
    for number in range(250):
        world.course.comment(1, f"question {number}", "ann")
    used = world.hub.limits.rate()["used"]
    world.post(world.run(pull))
    # The list is read three times. Before the write all of it is known; after it, all but the end.
    listed = [path for _, path in world.hub.requests if path.endswith("/issues/1/comments")]
    assert len(listed) == 3 + 3 + 1 + 3
    # Nor do the statuses and the comment count that are looked at between the writes.
    unchanged = len(world.hub.requests) - (world.hub.limits.rate()["used"] - used)
    assert unchanged == 3 + 2 + 1 + 3


def test_a_full_page_is_never_taken_for_the_last_one(world: Posting) -> None:
    """Its own bytes stay the same when the page behind it appears."""
    pull = world.open()
    for number in range(100):
        world.course.comment(1, f"question {number}", "ann")
    world.hub.drop_response_after_write(method="POST", path="/comments")
    world.post(world.run(pull))
    assert len(world.bodies(pull)) == 1
