"""`python -m bot post` as the workflow starts it, and everything that can come in between.

Each test ends with the same three questions: one comment, the newest result, nothing that breaks
GitHub's description or that a limit had forbidden.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openapi_core")
pytest.importorskip("github")

from bot.localhub import LocalHub
from bot.localhub.limits import AN_HOUR
from bot.localhub.state import WORKFLOW_LOGIN
from bot.localhub.tokens import READ_ONLY
from tests.integration.posting import RED, Posting, ended, red

pytestmark = pytest.mark.slow

NEXT = "c3" * 20
COMMENTS = "/issues/1/comments"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Posting]:
    with LocalHub() as hub:
        yield Posting(hub, tmp_path)


@pytest.mark.parametrize("fork", ["", "ann/course"], ids=["of the repository", "of a fork"])
def test_a_pull_request(world: Posting, fork: str) -> None:
    pull = world.open(fork=fork)
    run = world.run(pull, "failure")
    done = world.process(run, RED)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Pull request 1: commented.\nStatuses of ")
    assert "✗ Not yet: 1 of 3 gates asks for a change" in world.settle(pull, run, "failure")


def test_another_push_edits_the_comment(world: Posting) -> None:
    pull = world.open()
    assert world.process(world.run(pull, "failure"), RED).code == 0
    [first] = world.course.comments(1)
    pull.push(NEXT)
    run = world.run(pull)
    assert world.process(run).out.startswith("Pull request 1: comment edited.")
    world.settle(pull, run, "success")
    assert [comment.id for comment in world.course.comments(1)] == [first.id]


def test_an_old_run_that_ends_late_changes_nothing(world: Posting) -> None:
    pull = world.open()
    old, new = world.run(pull, "failure"), world.run(pull)
    assert world.process(new).code == 0
    written = list(world.hub.writes)
    done = world.process(old, RED)
    assert (done.code, done.out) == (
        0,
        "Pull request 1: nothing is written, run 2, attempt 1 has reported already.\n",
    )
    assert world.hub.writes == written
    world.settle(pull, new, "success")


def test_a_head_that_has_moved_stops_it_neutrally(world: Posting) -> None:
    pull = world.open()
    first = world.run(pull, "failure")
    assert world.process(first, RED).code == 0
    late = world.run(pull)
    pull.push(NEXT)
    written = list(world.hub.writes)
    done = world.process(late)
    assert (done.code, world.hub.writes) == (0, written)
    assert "no open pull request has a1a1a1a as its head any more" in done.out
    run = world.run(pull)
    assert world.process(run).code == 0
    world.settle(pull, run, "success")


def test_ours_is_found_among_three_hundred_comments(world: Posting) -> None:
    pull = world.open()
    for number in range(150):
        world.course.comment(1, f"question {number}", "ann")
    assert world.process(world.run(pull, "failure"), RED).code == 0
    for number in range(149):
        world.course.comment(1, f"answer {number}", WORKFLOW_LOGIN)
    run = world.run(pull)
    assert world.process(run).out.startswith("Pull request 1: comment edited.")
    assert len(world.course.comments(1)) == 300
    ours = [c for c in world.course.comments(1) if c.body.startswith("<!-- tito-report")]
    assert [comment.number for comment in ours] == [1]
    assert f"run={run.number} " in ours[0].body
    assert (world.states()["tito/verdict"], world.hub.violations) == ("success", [])


def test_a_comment_deleted_between_list_and_edit_is_written_again(world: Posting) -> None:
    pull = world.open()
    assert world.process(world.run(pull, "failure"), RED).code == 0
    [first] = world.course.comments(1)
    world.hub.before(lambda: world.course.delete_comment(first.id), method="PATCH")
    run = world.run(pull)
    assert world.process(run).code == 0
    world.settle(pull, run, "success")


@pytest.mark.parametrize("behind", [0, 99], ids=["alone", "the last of a full page"])
def test_an_answer_lost_after_the_write_makes_no_second_comment(
    world: Posting, behind: int
) -> None:
    pull = world.open()
    for number in range(behind):
        world.course.comment(1, f"question {number}", "ann")
    world.hub.drop_response_after_write(method="POST", path=COMMENTS)
    world.hub.drop_response_after_write(method="POST", path="/check-runs")
    world.hub.drop_response_after_write(2, method="PATCH", path="/check-runs/")
    world.hub.drop_response_after_write(2, method="POST", path="/statuses/")
    run = world.run(pull, "failure")
    done = world.process(run, red(170))
    assert done.code == 0, done.err
    assert done.out.startswith("Pull request 1: commented.\nCheck run 'tito findings': 160 ann")
    world.settle(pull, run, "failure")
    [check] = world.course.check_runs.values()
    assert [one["start_line"] for one in check.annotations] == list(range(11, 171))
    contexts = [status.context for status in world.course.statuses(pull.head_sha)]
    assert len(contexts) == len(set(contexts)) == 4


def test_a_github_that_stumbles_everywhere_gets_there(world: Posting) -> None:
    pull = world.open()
    assert world.process(world.run(pull, "failure"), RED).code == 0
    for method, path in (
        ("GET", "/pulls"), ("GET", "/jobs"), ("GET", "/compare/"), ("GET", COMMENTS),
        ("GET", "/status"), ("PATCH", "/issues/comments/"), ("POST", "/statuses/"),
    ):  # fmt: skip
        world.hub.fail(2, 502, method=method, path=path)
    run = world.run(pull)
    done = world.process(run)
    assert done.code == 0, done.err
    world.settle(pull, run, "success")


@pytest.mark.parametrize(
    ("method", "retry_after", "status"),
    [("GET", True, 403), ("GET", False, 429), ("POST", True, 429), ("POST", False, 403)],
)
def test_a_secondary_limit_is_waited_for(
    world: Posting, method: str, retry_after: bool, status: int
) -> None:
    pull = world.open()
    run = world.run(pull, "failure")
    # Where nothing is said the bot waits a minute, here 60 times 10 ms.
    seconds = 0.9 if retry_after else 0.5
    world.hub.rate_limit(seconds, retry_after=retry_after, status=status, method=method)
    done = world.process(run, RED, TITO_SECONDS_BEFORE_RETRY="0.01")
    assert done.code == 0, done.err
    world.settle(pull, run, "failure")


def test_a_primary_limit_that_ends_soon_is_waited_for(world: Posting) -> None:
    pull = world.open()
    run = world.run(pull, "failure")
    world.hub.rate_limit(0.5, "primary", method="POST", path="/statuses/")
    done = world.process(run, RED)
    assert done.code == 0, done.err
    world.settle(pull, run, "failure")


@pytest.mark.parametrize("path", ["/pulls", COMMENTS, "/statuses/"])
def test_a_primary_limit_that_is_too_far_away_stops_it_and_says_when(
    world: Posting, path: str
) -> None:
    pull = world.open()
    run = world.run(pull, "failure")
    now = world.hub.limits.clock()
    world.hub.limits.clock = lambda: now
    method = "GET" if path == "/pulls" else "POST"
    world.hub.rate_limit(AN_HOUR, "primary", method=method, path=path)
    done = world.process(run, RED)
    assert done.code == 1
    words = " ".join(done.err.split())
    assert "GitHub takes no requests before" in words
    assert "run this job again after" in words
    assert len(world.bodies(pull)) == (path == "/statuses/"), "what is written is written"
    assert world.hub.pressed == []
    world.hub.limits.clock = lambda: now + AN_HOUR
    assert world.process(run, RED).code == 0
    world.settle(pull, run, "failure")


@pytest.mark.parametrize("fork", ["", "ann/course"], ids=["of the repository", "of a fork"])
def test_a_token_that_may_only_read(world: Posting, fork: str) -> None:
    """For a fork the run's summary is enough; in a repository of one's own it is a mistake."""
    run = world.run(world.open(fork=fork), "failure")
    world.token = world.hub.token(READ_ONLY, repository=world.course)
    done = world.process(run, red(30))
    assert (done.code, world.hub.writes, world.hub.violations) == (0 if fork else 1, [], [])
    shown = " ".join((done.out + done.err).split())
    assert "Resource not accessible by integration" in shown
    words = "For a fork that is no error: the run has the summary." if fork else "the permission"
    assert words in shown


@pytest.mark.parametrize("first", [COMMENTS, "/statuses/", "/commits/"])
def test_two_runs_at_once_leave_one_comment_with_the_newest(world: Posting, first: str) -> None:
    pull = world.open()
    old, new = world.run(pull, "failure"), world.run(pull)
    world.hub.meet(2, method="POST" if first == "/statuses/" else "GET", path=first)
    if first == COMMENTS:
        world.hub.meet(2, method="POST", path=COMMENTS)
    for done in [ended(each) for each in (world.start(old, RED), world.start(new))]:
        assert done.code == 0, done.err
    world.settle(pull, new, "success")
    assert set(world.states().values()) == {"success"}
