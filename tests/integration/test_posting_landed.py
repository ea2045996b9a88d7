"""What has landed on the default branch: `python -m bot post` sets its statuses and no more, and
the comment of a later pull request says what has changed since."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openapi_core")
pytest.importorskip("github")

from bot.localhub import LocalHub
from bot.localhub.tokens import READ_ONLY
from tests.integration.posting import BASE, GOOD, HEAD, RED, Posting, ended, red
from tito.report import Report

QUEUED = f"gh-readonly-queue/main/pr-1-{BASE}"
GATES = ("export", "protection", "integration")
GREEN = dict.fromkeys([*(f"tito/{gate}" for gate in GATES), "tito/verdict"], "success")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Posting]:
    with LocalHub() as hub:
        yield Posting(hub, tmp_path)
        assert (hub.violations, hub.pressed) == ([], [])


@pytest.mark.slow
@pytest.mark.parametrize(("event", "branch"), [("push", "main"), ("merge_group", QUEUED)])
def test_it_gets_its_statuses_and_nothing_else(world: Posting, event: str, branch: str) -> None:
    # A pull request from `main` itself, to some other branch: it is not told.
    world.open("main", sha=BASE)
    run = world.landed("failure", event=event, branch=branch)
    done = world.process(run, red(40))
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        f"Statuses of {BASE[:7]}: tito/export failure, tito/protection success, "
        "tito/integration success, tito/verdict failure.\n"
    )
    assert world.writes() == [f"POST /repos/acme/course/statuses/{BASE}"] * 4
    assert not [path for _, path in world.hub.requests if "/pulls" in path or "/issues" in path]
    said = {status.context: status.description for status in world.course.statuses(BASE)}
    assert said["tito/export"] == "40 to mend"
    assert "comment" not in said["tito/verdict"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("event", "branch", "fork"),
    [
        ("push", "main", "ann/course"),
        ("merge_group", QUEUED, "ann/course"),
        ("push", "v1.0.0", ""),
        ("push", "dev", ""),
    ],
    ids=["a fork's push", "a fork's queue", "a tag", "another branch"],
)
def test_what_lands_elsewhere_is_left_alone(
    world: Posting, event: str, branch: str, fork: str
) -> None:
    done = world.process(world.landed(event=event, branch=branch, fork=fork))
    assert (done.code, world.hub.requests) == (0, [])
    assert done.out.startswith("Nothing to report: run 1 judged nothing that is, or becomes,")


@pytest.mark.slow
def test_a_token_that_may_not_write_is_an_error(world: Posting) -> None:
    world.token = world.hub.token(READ_ONLY, repository=world.course)
    done = world.process(world.landed())
    assert (done.code, world.hub.writes) == (1, [])
    assert "the permission" in done.err


@pytest.mark.slow
def test_lost_answers_and_a_stumbling_github_leave_each_status_once(world: Posting) -> None:
    world.hub.drop_response_after_write(2, method="POST", path="/statuses/")
    world.hub.fail(2, 502, method="GET", path="/jobs")
    done = world.process(world.landed())
    assert done.code == 0, done.err
    assert len(world.course.statuses(BASE)) == 4
    assert world.states(BASE) == GREEN


def test_the_same_results_are_not_written_again(world: Posting) -> None:
    run = world.landed()
    world.post(run)
    before = world.writes()
    assert world.post(run) == [f"Statuses of {BASE[:7]}: already as they should be."]
    assert world.writes() == before


@pytest.mark.parametrize(
    ("report", "verdict", "states"),
    [
        (GOOD, "failure", dict.fromkeys(GREEN, "error")),
        (RED, "success", dict.fromkeys(GREEN, "error")),
        (GOOD, "cancelled", dict.fromkeys(GREEN, "error")),
        (None, "failure", {"tito/verdict": "failure"}),
        (b"{}", "success", {"tito/verdict": "success"}),
    ],
)
def test_the_job_decides_and_the_report_explains(
    world: Posting, report: Report | bytes | None, verdict: str, states: dict[str, str]
) -> None:
    world.post(world.landed(verdict), report)
    assert world.states(BASE) == states


def test_a_report_about_another_commit_is_not_believed(world: Posting) -> None:
    run = world.landed()
    file = world.write(GOOD, world.landed(sha=HEAD))
    world.post(run, file.read_bytes())
    assert world.states(BASE) == {"tito/verdict": "success"}


def test_of_two_runs_of_one_commit_the_newer_stays(world: Posting) -> None:
    """The queue judges a commit, and so does the push by which it lands."""
    queued, pushed = world.landed("failure", event="merge_group", branch=QUEUED), world.landed()
    world.post(pushed)
    before = world.writes()
    assert world.post(queued, RED) == [
        f"Statuses of {BASE[:7]}: left to a newer run, which has reported in the meantime."
    ]
    assert (world.writes(), world.states(BASE)) == (before, GREEN)
    pushed.attempt = 2
    pushed.conclusion = "failure"
    pushed.job("verdict", "failure")
    assert "tito/export failure" in world.post(pushed, RED)[0]


@pytest.mark.slow
def test_two_runs_of_one_commit_at_once_leave_the_newer(world: Posting) -> None:
    queued, pushed = world.landed("failure", event="merge_group", branch=QUEUED), world.landed()
    world.hub.meet(2, method="POST", path="/statuses/")
    for done in [ended(each) for each in (world.start(queued, RED), world.start(pushed))]:
        assert done.code == 0, done.err
    assert world.states(BASE) == GREEN


@pytest.mark.parametrize(
    ("main", "pull", "rows"),
    [
        (
            GOOD,
            GOOD,
            ["| export | ✓ passed | as before |", "| protection | ✓ passed | as before |"],
        ),
        (GOOD, RED, ["| export | ✗ failed: 1 to mend | new: passed before |"]),
        (RED, GOOD, ["| export | ✓ passed | mended |", "| integration | ✓ passed | as before |"]),
        (red(3), RED, ["| export | ✗ failed: 1 to mend | fewer: 3 before |"]),
        (RED, red(3), ["| export | ✗ failed: 3 to mend | more: 1 before |"]),
        (RED, RED, ["| export | ✗ failed: 1 to mend | as before |"]),
    ],
)
def test_a_comment_says_what_has_changed_since(
    world: Posting, main: Report, pull: Report, rows: list[str]
) -> None:
    def ended_with(report: Report) -> str:
        return "success" if report.status == "passed" else "failure"

    world.post(world.landed(ended_with(main)), main)
    opened = world.open()
    world.post(world.run(opened, ended_with(pull)), pull)
    [body] = world.bodies(opened)
    assert "| Gate | Result | Since `main` |" in body
    for row in rows:
        assert row in body
    assert "not known there" not in body
