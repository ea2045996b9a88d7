"""The workflow "Report", run by act against the local GitHub, after the workflow it reports on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from bot import act
from bot.act import Act, Repository, Run
from tests.conftest import ROOT
from tests.workflows.test_pull_request_workflow import DEV, GATES, PROSE, Change, replaced
from tito.report import GateResult, Report, encode

if TYPE_CHECKING:
    from bot.localhub import LocalHub
    from bot.localhub.state import Comment, PullRequest, WorkflowRun

pytestmark = pytest.mark.slow

REPORT = ROOT / ".github/workflows/report.yml"


@dataclass
class Service:
    """A course on the local GitHub, with one pull request."""

    hub: LocalHub
    repository: Repository
    runner: Act
    head: str = ""
    runs: int = 0

    def open(self, head: str, conclusion: str = "success") -> WorkflowRun:
        """A pull request from a fork, and a finished run for it whose jobs are not recorded."""
        self.head = head
        course = self.hub.repository("acme/course")
        where = {"head_sha": head, "branch": "fix/it", "head_repository": "ann/course"}
        self.pull: PullRequest = course.pull_request(**where)
        return course.workflow_run(**where, conclusion=conclusion)

    def judge(self, change: Change) -> WorkflowRun:
        """Open a pull request and run the first workflow for it."""
        event = self.repository.pull_request("fix/it", change)
        recorded = self.open(event["pull_request"]["head"]["sha"])
        done = self.runner.run(
            self.repository.folder, "pull-request.yml", "pull_request", event, number=recorded.id
        )
        for name, conclusion in done.jobs.items():
            recorded.job(name, conclusion)
        recorded.conclusion = done.jobs["verdict"]
        # What the second workflow checks out.
        self.repository.git("switch", "--quiet", "main")
        return recorded

    def claim(self, verdict: str) -> tuple[WorkflowRun, Path]:
        """A run with this verdict and an artifact that says it has passed; also its folder."""
        recorded = self.open("a1" * 20, verdict)
        return recorded, self.claimed(recorded, verdict)

    def claimed(self, recorded: WorkflowRun, verdict: str) -> Path:
        """Give a run its verdict and an artifact that says it has passed. Returns its folder."""
        recorded.job("verdict", verdict)
        folder = self.runner.folder / "artifacts" / str(recorded.id) / "tito-report"
        folder.mkdir(parents=True)
        gates = tuple(GateResult(gate, "passed", (), f"tito gate {gate}") for gate in GATES)
        (folder / "report.json").write_bytes(encode(Report(gates, head=self.head)))
        return folder

    def another(self, verdict: str) -> WorkflowRun:
        """One more run of what the pull request holds now."""
        where = {"head_sha": self.pull.head_sha, "branch": self.pull.branch}
        recorded = self.hub.repository("acme/course").workflow_run(
            **where, head_repository="ann/course", conclusion=verdict
        )
        self.head = self.pull.head_sha
        self.claimed(recorded, verdict)
        return recorded

    def report(self, recorded: WorkflowRun) -> Run:
        """Run the second workflow, with a token of the permissions that its job asks for."""
        self.runs += 1
        payload: dict[str, Any] = self.hub.workflow_run_event(recorded)
        settings = {
            "GITHUB_API_URL": self.hub.url,
            "TITO_SECONDS_BETWEEN_WRITES": "0",
            "TITO_SECONDS_BEFORE_RETRY": "0.01",
        }
        return self.runner.run(
            self.repository.folder, "report.yml", "workflow_run", payload,
            number=self.runs, environment=settings,
        )  # fmt: skip

    def comments(self) -> list[Comment]:
        return self.hub.repository("acme/course").comments(self.pull.number)

    def statuses(self) -> dict[str, str]:
        found = self.hub.repository("acme/course").statuses(self.head)
        return {status.context: status.state for status in found}

    def writes(self) -> list[tuple[str, str]]:
        return [request for request in self.hub.requests if request[0] != "GET"]


@pytest.fixture
def service(repository: Repository, runner: Act) -> Iterator[Service]:
    pytest.importorskip("openapi_core")
    pytest.importorskip("github")
    from bot.localhub import LocalHub

    asked = yaml.safe_load(REPORT.read_text(encoding="utf-8"))["jobs"]["report"]["permissions"]
    with LocalHub() as hub:
        hub.token(asked, repository=hub.repository("acme/course"), value=act.TOKEN)
        yield Service(hub, repository, runner)
        assert hub.violations == []


def test_a_good_branch_gets_one_comment_and_green_statuses(service: Service) -> None:
    recorded = service.judge(PROSE)
    done = service.report(recorded)
    assert done.jobs == {"report": "success"}, done.log
    assert len(service.comments()) == 1
    assert service.statuses() == {f"tito/{name}": "success" for name in (*GATES, "verdict")}
    written = len(service.writes())
    assert service.report(recorded).jobs == {"report": "success"}
    assert len(service.writes()) == written, "the same results are not written again"


def test_a_syntax_error_is_named_in_the_comment(service: Service) -> None:
    done = service.report(service.judge(replaced(DEV, "def relu(x):", "def relu(x:")))
    assert done.jobs == {"report": "success"}, done.log
    (comment,) = service.comments()
    line = (ROOT / DEV).read_text("utf-8").split("def relu(x):")[0].count("\n") + 1
    assert f"{Path(DEV).name}:{line}" in comment.body
    assert "activations-" in comment.body
    assert service.statuses()["tito/verdict"] == "failure"
    assert service.statuses()["tito/export"] == "failure"


def gone(folder: Path) -> None:
    shutil.rmtree(folder)


def accompanied(folder: Path) -> None:
    (folder / "more.json").write_text("{}", encoding="utf-8")


def renamed(folder: Path) -> None:
    (folder / "report.json").rename(folder / "other.json")


def linked(folder: Path) -> None:
    (folder / "report.json").unlink()
    (folder / "report.json").symlink_to(ROOT / "classroom.yml")


def endless(folder: Path) -> None:
    (folder / "report.json").write_bytes(b" " * (4 * 1024 * 1024 + 1))


def hidden(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "report.json").rename(folder / "deep/report.json")


@pytest.mark.parametrize("tamper", [gone, accompanied, renamed, linked, endless, hidden])
def test_an_artifact_that_is_not_one_small_file_is_not_read(
    service: Service, tamper: Callable[[Path], None]
) -> None:
    recorded, folder = service.claim("success")
    tamper(folder)
    done = service.report(recorded)
    assert done.jobs == {"report": "success"}, done.log
    # GitHub's record of the job still decides; what would say why is left out.
    assert service.statuses() == {"tito/verdict": "success"}
    assert len(service.comments()) == 1


def test_an_artifact_that_is_one_small_file_is_read(service: Service) -> None:
    recorded, _ = service.claim("success")
    assert service.report(recorded).jobs == {"report": "success"}
    assert set(service.statuses()) == {f"tito/{name}" for name in (*GATES, "verdict")}


def test_a_verdict_that_contradicts_the_report_is_an_error(service: Service) -> None:
    recorded, _ = service.claim("failure")
    assert service.report(recorded).jobs == {"report": "success"}
    assert service.statuses()["tito/verdict"] == "error"


def test_what_a_queue_is_about_to_merge_gets_its_statuses_and_no_comment(service: Service) -> None:
    recorded, _ = service.claim("success")
    recorded.event, recorded.branch = "merge_group", "gh-readonly-queue/main/pr-1"
    recorded.head_repository = service.hub.repository("acme/course")
    assert service.report(recorded).jobs == {"report": "success"}
    assert set(service.statuses()) == {f"tito/{name}" for name in (*GATES, "verdict")}
    assert {path.split("/")[4] for _, path in service.writes()} == {"statuses"}


def test_a_run_that_anything_else_started_is_not_reported(service: Service) -> None:
    recorded, _ = service.claim("success")
    recorded.event = "schedule"
    assert service.report(recorded).jobs == {}
    assert service.writes() == []


def test_another_push_edits_the_comment_and_an_old_run_changes_nothing(service: Service) -> None:
    old, _ = service.claim("failure")
    new = service.another("success")
    for recorded in (new, old):
        assert service.report(recorded).jobs == {"report": "success"}
    (first,) = service.comments()
    assert f"run={new.number} " in first.body
    assert service.statuses()["tito/verdict"] == "success"
    service.pull.push("c3" * 20)
    latest = service.another("success")
    assert service.report(latest).jobs == {"report": "success"}
    (second,) = service.comments()
    assert (second.id, second.body != first.body) == (first.id, True)
    assert f"sha={'c3' * 20} run={latest.number} " in second.body
    assert service.statuses()["tito/verdict"] == "success"


def test_a_limit_and_lost_answers_leave_one_comment(service: Service) -> None:
    recorded, _ = service.claim("success")
    service.hub.rate_limit(0.9, method="POST")
    service.hub.drop_response_after_write(method="POST", path="/comments")
    service.hub.drop_response_after_write(method="POST", path="/statuses/")
    service.hub.fail(2, 502, method="GET", path="/pulls")
    done = service.report(recorded)
    assert done.jobs == {"report": "success"}, done.log
    assert len(service.comments()) == 1
    assert service.statuses()["tito/verdict"] == "success"
    assert service.hub.pressed == []


def test_a_limit_that_is_too_far_away_fails_the_job_and_says_when(service: Service) -> None:
    recorded, _ = service.claim("success")
    service.hub.rate_limit(3600, "primary", method="POST", path="/statuses/")
    done = service.report(recorded)
    assert done.jobs == {"report": "failure"}
    assert "GitHub takes no requests before" in done.log
    assert "Pull request 1: commented." in done.log
    assert service.hub.pressed == []
