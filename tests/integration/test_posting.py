"""From a finished run to the comment and the statuses, over HTTP against the local GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openapi_core")
pytest.importorskip("github")

from bot.__main__ import invoke
from bot.comment import Marker
from bot.errors import NotAllowedError
from bot.localhub import LocalHub
from bot.localhub.state import WORKFLOW_LOGIN
from bot.localhub.tokens import READ_ONLY
from tests.integration.posting import BASE, HEAD, RED, Posting, marked
from tests.unit.bot.harmless import complaints
from tests.unit.bot.subjects import DEV, SUBJECTS
from tito.report import Report

NEXT = "c3" * 20


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Posting]:
    """Every test ends by asking GitHub's description what was wrong with its requests."""
    with LocalHub() as hub:
        yield Posting(hub, tmp_path)
        assert hub.violations == []


def test_the_first_run_comments_and_sets_the_statuses(world: Posting) -> None:
    pull = world.open()
    run = world.run(pull, "failure")
    said = world.post(run, RED)
    assert said == [
        "Pull request 1: commented.",
        f"Statuses of {HEAD[:7]}: tito/export failure, tito/protection success, "
        "tito/integration success, tito/verdict failure.",
    ]
    [body] = world.bodies(pull)
    assert marked(body) == (run.number, 1)
    assert "### ✗ Not yet: 1 of 3 gates asks for a change" in body
    assert f"https://github.com/acme/course/blob/{HEAD}/{DEV}#L212" in body
    assert world.states() == {
        "tito/export": "failure",
        "tito/protection": "success",
        "tito/integration": "success",
        "tito/verdict": "failure",
    }


def test_the_command_reads_the_environment(
    world: Posting, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = world.run(world.open())
    for name, value in world.environment(run).items():
        monkeypatch.setenv(name, value)
    assert invoke(["post", "--report", str(world.write(RED, run))]) == 0
    assert capsys.readouterr().out.startswith("Pull request 1: commented.\nStatuses of ")
    assert world.states()["tito/verdict"] == "error"


def test_a_second_push_edits_the_comment(world: Posting) -> None:
    pull = world.open()
    world.post(world.run(pull, "failure"), RED)
    [first] = world.course.comments(1)
    pull.push(NEXT)
    assert world.post(world.run(pull))[0] == "Pull request 1: comment edited."
    [second] = world.course.comments(1)
    assert second.id == first.id
    assert "### ✓ Every gate passed" in second.body
    assert f"sha={NEXT}" in second.body
    assert world.states(NEXT)["tito/verdict"] == "success"
    assert world.states(HEAD)["tito/verdict"] == "failure"


def test_identical_results_write_nothing(world: Posting) -> None:
    run = world.run(world.open(), "failure")
    world.post(run, RED)
    before = world.writes()
    assert len(before) == 5
    assert world.post(run, RED) == [
        "Pull request 1: comment unchanged.",
        f"Statuses of {HEAD[:7]}: already as they should be.",
    ]
    assert world.writes() == before


def test_only_the_status_that_changed_is_written(world: Posting) -> None:
    run = world.run(world.open())
    world.post(run)
    world.course.status(HEAD, "error", context="tito/export", description="?")
    assert world.post(run)[1] == f"Statuses of {HEAD[:7]}: tito/export success."


def test_the_table_knows_how_the_base_stood(world: Posting) -> None:
    world.course.status(BASE, "failure", context="tito/export")
    world.course.status(BASE, "success", context="tito/export")
    pull = world.open()
    world.post(world.run(pull, "failure"), RED)
    [body] = world.bodies(pull)
    assert "| export | ✗ failed: 1 to mend | new: passed before |" in body
    assert "| protection | ✓ passed | not known there |" in body


def test_a_base_that_has_no_commit_yet_is_no_error(world: Posting) -> None:
    pull = world.open()
    pull.base = "nowhere"
    world.post(world.run(pull))
    assert "not known there" in world.bodies(pull)[0]


def test_no_line_is_linked_where_the_base_has_moved(world: Posting) -> None:
    pull = world.open()
    pull.base_files = [DEV]
    world.post(world.run(pull, "failure"), RED)
    assert f"/blob/{HEAD}/{DEV})" in world.bodies(pull)[0]
    assert "#L" not in world.bodies(pull)[0]


def test_without_the_right_to_compare_no_line_is_linked(world: Posting) -> None:
    pull = world.open()
    world.hub.fail(1, 403, message="Resource not accessible by integration", path="/compare/")
    world.post(world.run(pull, "failure"), RED)
    assert f"/blob/{HEAD}/{DEV})" in world.bodies(pull)[0]
    assert "#L" not in world.bodies(pull)[0]


def test_where_more_has_moved_than_github_lists_no_line_is_linked(world: Posting) -> None:
    pull = world.open()
    pull.base_files = [f"docs/{i}.md" for i in range(400)]
    world.post(world.run(pull, "failure"), RED)
    assert f"/blob/{HEAD}/{DEV})" in world.bodies(pull)[0]
    assert "#L" not in world.bodies(pull)[0]


@pytest.mark.parametrize(
    ("files", "renamed", "warned"),
    [
        ([DEV], {}, False),
        ([DEV, ".github/workflows/pull-request.yml"], {}, True),
        (["docs/gates.py"], {"docs/gates.py": "tito/gates.py"}, True),
        ([f"docs/{i}.md" for i in range(250)] + ["tests/conftest.py"], {}, True),
        ([f"docs/{i}.md" for i in range(3100)], {}, True),
    ],
    ids=["a module", "a workflow", "moved away", "on the third page", "more than GitHub lists"],
)
def test_a_change_of_the_gates_opens_with_a_warning(
    world: Posting, files: list[str], renamed: dict[str, str], warned: bool
) -> None:
    pull = world.open()
    pull.files, pull.renamed = files, renamed
    world.post(world.run(pull))
    assert ("This changes its own gates; green proves nothing" in world.bodies(pull)[0]) == warned


def test_duplicates_are_removed_and_the_oldest_stays(world: Posting) -> None:
    pull = world.open()
    old = f"{Marker(1, HEAD, 0, 1).line}\n\nold"
    kept = world.course.comment(1, old, WORKFLOW_LOGIN)
    for _ in range(2):
        world.course.comment(1, old, WORKFLOW_LOGIN)
    theirs = world.course.comment(1, old, "ann")
    other = world.course.comment(1, "another workflow", WORKFLOW_LOGIN)
    said = world.post(world.run(pull))
    assert said[0] == "Pull request 1: comment edited, 2 of ours too many deleted."
    assert [c.id for c in world.course.comments(1)] == [kept.id, theirs.id, other.id]
    assert theirs.body == old


def test_a_head_that_moved_stops_neutrally(world: Posting) -> None:
    pull = world.open()
    run = world.run(pull)
    pull.push(NEXT)
    assert world.post(run) == [
        f"Nothing to report: no open pull request has {HEAD[:7]} as its head any more."
    ]
    assert world.writes() == []


def test_a_head_that_moves_while_the_bot_works_is_noticed(world: Posting) -> None:
    pull = world.open()
    run = world.run(pull)
    world.hub.before(lambda: pull.push(NEXT), path="/status")
    assert world.post(run) == ["Pull request 1 has moved on: nothing is written."]
    assert world.writes() == []


def test_a_closed_pull_request_stops_neutrally(world: Posting) -> None:
    pull = world.open()
    run = world.run(pull)
    pull.close()
    assert world.post(run)[0].startswith("Nothing to report")
    assert world.writes() == []


@pytest.mark.parametrize("event", ["schedule", "workflow_dispatch"])
def test_a_run_of_anything_else_asks_nothing(world: Posting, event: str) -> None:
    run = world.course.workflow_run(head_sha=BASE, branch="main", event=event)
    assert world.post(run)[0].startswith("Nothing to report: run 1 was started by")
    assert world.hub.requests == []


def test_a_fork_gets_its_comment_too(world: Posting) -> None:
    pull = world.open("main", fork="ann/course")
    other = world.open("main", sha=NEXT, fork="ben/course")
    world.post(world.run(pull, "failure"), RED)
    assert len(world.bodies(pull)) == 1
    assert world.bodies(other) == []
    assert world.states(HEAD)["tito/verdict"] == "failure"


def test_a_token_that_may_not_write_is_no_error_for_a_fork(world: Posting) -> None:
    pull = world.open(fork="ann/course")
    world.token = world.hub.token(READ_ONLY, repository=world.course)
    said = world.post(world.run(pull))
    assert len(said) == 2
    for sentence in said:
        assert "Resource not accessible by integration" in sentence
        assert "For a fork that is no error" in sentence
    assert world.course.comments(1) == []


def test_the_same_in_a_repository_of_ones_own_is_an_error(world: Posting) -> None:
    pull = world.open()
    world.token = world.hub.token(READ_ONLY, repository=world.course)
    with pytest.raises(NotAllowedError) as caught:
        world.post(world.run(pull))
    assert "permission" in caught.value.hint


def test_a_deleted_fork_is_found_among_all(world: Posting) -> None:
    for number in range(120):
        world.open(f"other-{number}", sha=f"{number:040x}")
    pull = world.course.pull_request(head_sha=HEAD, branch="relu", head_repository=None)
    run = world.run(pull)
    event = world.hub.workflow_run_event(run)
    event["workflow_run"]["head_repository"] = None
    world.hub.workflow_run_event = lambda _: event  # type: ignore[method-assign]
    world.post(run)
    assert len(world.bodies(pull)) == 1


def test_two_pull_requests_of_one_branch_are_both_told(world: Posting) -> None:
    first, second = world.open(), world.open()
    second.base = "next"
    said = world.post(world.run(first, "failure"), RED)
    assert len(world.bodies(first)) == len(world.bodies(second)) == 1
    assert "pull=2 " in world.bodies(second)[0]
    assert len([sentence for sentence in said if sentence.startswith("Statuses")]) == 1


def test_a_report_that_the_verdict_contradicts_is_an_error(world: Posting) -> None:
    pull = world.open()
    world.post(world.run(pull, "failure"))
    [body] = world.bodies(pull)
    assert "the report says passed, the job verdict ended with failure" in body
    assert set(world.states().values()) == {"error"}


@pytest.mark.parametrize(
    "report", [None, b"\x80\x04K\x01.", b"{}"], ids=["none", "pickle", "empty"]
)
def test_an_unreadable_report_leaves_the_verdict(world: Posting, report: bytes | None) -> None:
    pull = world.open()
    world.post(world.run(pull, "failure"), report)
    [body] = world.bodies(pull)
    assert "The results could not be read" in body
    assert world.states() == {"tito/verdict": "failure"}


def test_a_run_without_the_job_is_an_error(world: Posting) -> None:
    pull = world.open()
    run = world.run(pull)
    run.jobs = [job for job in run.jobs if job.name != "verdict"]
    world.post(run)
    assert world.states()["tito/verdict"] == "error"


def test_the_verdict_is_that_of_the_attempt_that_is_reported(world: Posting) -> None:
    pull = world.open()
    run = world.run(pull, "failure")
    world.post(run, RED)
    run.attempt, run.conclusion = 2, "success"
    for number in range(130):
        run.job(f"other-{number}", "success")
    run.job("verdict", "success")
    world.post(run)
    assert world.states()["tito/verdict"] == "success"
    assert marked(world.bodies(pull)[0]) == (run.number, 2)


def test_a_hostile_report_stays_text(world: Posting) -> None:
    pull = world.open()
    hostile = SUBJECTS["hostile"].report
    assert isinstance(hostile, Report)
    world.post(world.run(pull, "failure"), hostile)
    [body] = world.bodies(pull)
    assert complaints(body.replace(HEAD, "4f1c" * 10)) == []


def test_a_huge_report_is_accepted_by_github(world: Posting) -> None:
    huge = SUBJECTS["huge"].report
    assert isinstance(huge, Report)
    pull = world.open()
    world.post(world.run(pull, "failure"), huge)
    assert 50_000 < len(world.bodies(pull)[0]) < 65_536
