"""From a run's result to the student's comment and status, over HTTP against the local GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openapi_core")
pytest.importorskip("github")

from bot.__main__ import invoke
from bot.feedback import tell
from bot.localhub import LocalHub
from bot.localhub.state import PullRequest
from bot.settings import run_settings_from
from tests.unit.bot.test_feedback_page import GOOD, SKIPPED, partial
from tito.errors import TitoError
from tito.feedback import Feedback
from tito.report import encode

HEAD = "a1" * 20
ASKED = {"contents": "read", "pull-requests": "write", "statuses": "write"}


class Posting:
    """A student's repository, and the step of its workflow that tells."""

    def __init__(self, hub: LocalHub, folder: Path) -> None:
        self.hub, self.folder = hub, folder
        self.github = hub.repository("acme/tinytorch-ann", private=True)
        self.github.push("main", HEAD)
        self.token = hub.token(ASKED, repository=self.github)

    def open(self, *, fork: str = "", base: str = "feedback", branch: str = "main") -> PullRequest:
        return self.github.pull_request(
            head_sha=HEAD, branch=branch, head_repository=fork, base=base
        )

    def environment(self, run: int, **more: str) -> dict[str, str]:
        return {
            "GITHUB_API_URL": self.hub.url,
            "GITHUB_REPOSITORY": "acme/tinytorch-ann",
            "GITHUB_TOKEN": self.token,
            "GITHUB_SHA": HEAD,
            "GITHUB_REF_NAME": "main",
            "GITHUB_RUN_ID": f"{1000 + run}",
            "GITHUB_RUN_NUMBER": f"{run}",
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "TITO_SECONDS_BETWEEN_WRITES": "0",
            "TITO_SECONDS_BEFORE_RETRY": "0.01",
            **more,
        }

    def tell(self, found: Feedback | None, run: int = 1, **more: str) -> list[str]:
        file = self.folder / "found.json"
        file.unlink(missing_ok=True)
        if found is not None:
            file.write_bytes(encode(found))
        return [*tell(run_settings_from(self.environment(run, **more)), file)]

    def bodies(self, pull: PullRequest) -> list[str]:
        return [comment.body for comment in self.github.comments(pull.number)]

    def statuses(self) -> list[tuple[str, str]]:
        return [(each.context, each.state) for each in self.github.statuses(HEAD)]

    def writes(self) -> int:
        return sum(method != "GET" for method, _ in self.hub.requests)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Posting]:
    with LocalHub() as hub:
        yield Posting(hub, tmp_path)
        assert hub.violations == []


def test_one_comment_one_status_and_nothing_twice(world: Posting) -> None:
    pull = world.open()
    assert world.tell(partial()) == [
        "Pull request 1: commented.",
        f"Status of {HEAD[:7]}: tito/feedback failure.",
    ]
    [first] = world.bodies(pull)
    assert "### ✗ Not yet: 1 of 2 modules asks for a change" in first
    assert world.writes() == 2
    assert world.tell(partial())[0] == "Pull request 1: comment unchanged."
    assert world.writes() == 2
    world.tell(GOOD, run=2)
    [second] = world.bodies(pull)
    assert "### ✓ 2 modules pass" in second
    assert world.writes() == 4
    assert world.tell(partial(), run=1)[0].startswith("Pull request 1: nothing is written, run 2")
    assert world.bodies(pull) == [second]


def test_the_oldest_pull_request_is_told_open_or_closed_and_no_other(world: Posting) -> None:
    others = [
        world.open(fork="ben/tinytorch-ann"),
        world.open(base="main", branch="try"),
        world.open(branch="try"),
    ]
    ours, later = world.open(), world.open()
    ours.close(merged=True)
    world.tell(GOOD)
    assert len(world.bodies(ours)) == 1
    assert [world.bodies(pull) for pull in (*others, later)] == [[]] * 4


def test_what_was_not_run_has_a_context_of_its_own(world: Posting) -> None:
    pull = world.open()
    world.tell(SKIPPED)
    assert world.statuses() == [("tito/not-run", "pending")]
    assert "### ○ Not run" in world.bodies(pull)[0]


def test_without_a_pull_request_the_summary_has_everything(world: Posting) -> None:
    assert "There is no pull request from main to feedback yet" in world.tell(GOOD)[0]
    assert world.statuses() == [("tito/feedback", "success")]
    text = (world.folder / "summary.md").read_text("utf-8")
    assert text.startswith("### ✓ 2 modules pass")


def test_a_token_that_may_not_write_is_no_error(world: Posting) -> None:
    world.open()
    world.token = world.hub.token({"contents": "read"}, repository=world.github)
    said = world.tell(GOOD)
    assert [each.endswith("The run's summary has everything.") for each in said] == [True, True]
    assert world.writes() == 0


def test_a_result_that_is_missing_is_an_error_unless_the_run_was_ended(world: Posting) -> None:
    pull = world.open()
    assert "newer one will report" in world.tell(None, TITO_JOB_STATUS="cancelled")[0]
    assert world.hub.requests == []
    world.tell(None, TITO_JOB_STATUS="failure")
    assert "### ! No verdict" in world.bodies(pull)[0]
    assert world.statuses() == [("tito/feedback", "error")]


def test_a_lost_answer_leaves_one_comment_and_one_status(world: Posting) -> None:
    pull = world.open()
    world.hub.drop_response_after_write(method="POST", path="/comments")
    world.hub.drop_response_after_write(method="POST", path="/statuses/")
    world.tell(GOOD)
    assert len(world.bodies(pull)) == len(world.statuses()) == 1


def test_a_summary_that_cannot_be_written_is_told(world: Posting) -> None:
    with pytest.raises(TitoError, match="cannot write the summary"):
        world.tell(GOOD, GITHUB_STEP_SUMMARY=str(world.folder))
    assert world.tell(GOOD, GITHUB_STEP_SUMMARY="")
    assert not (world.folder / "summary.md").exists()


def test_the_command_reads_the_environment(
    world: Posting, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pull = world.open()
    for name, value in world.environment(1).items():
        monkeypatch.setenv(name, value)
    assert invoke(["feedback", "--result", str(world.folder / "none.json")]) == 0
    assert "Pull request 1: commented." in capsys.readouterr().out
    assert len(world.bodies(pull)) == 1
    monkeypatch.setenv("GITHUB_SHA", "main")
    assert invoke(["feedback", "--result", "x"]) == 1
    assert "GITHUB_SHA cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value"),
    [("GITHUB_RUN_ID", "0"), ("GITHUB_RUN_NUMBER", "x"), ("GITHUB_RUN_ATTEMPT", "1.5"), ("GITHUB_SHA", "a1")],
)  # fmt: skip
def test_a_wrong_setting_is_named(world: Posting, name: str, value: str) -> None:
    with pytest.raises(TitoError, match=name):
        run_settings_from(world.environment(1, **{name: value}))
