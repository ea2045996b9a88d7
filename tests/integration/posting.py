"""A repository on the local GitHub, a run in it, and the bot that reports the run.

`python -m tests.integration.posting` prints the requests and the own time of a report.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bot.comment import read_marker
from bot.localhub import LocalHub
from bot.localhub.state import WORKFLOW_LOGIN, PullRequest, WorkflowRun
from bot.localhub.tokens import Level
from bot.post import post
from bot.settings import settings_from
from tests.conftest import ROOT
from tests.unit.bot.subjects import SYNTAX, replace_line
from tests.unit.bot.subjects import report as some_report
from tito.report import Report, encode, judge

HEAD = "a1" * 20
BASE = "b2" * 20
WRITES: Mapping[str, Level] = {
    "actions": "read",
    "checks": "write",
    "contents": "read",
    "pull-requests": "write",
    "statuses": "write",
}
"""What the job of report.yml may do."""

GOOD = some_report()
RED = some_report(judge("export", [SYNTAX], "tito gate export"))


def red(count: int) -> Report:
    """A report with so many errors."""
    findings = [replace_line(SYNTAX, line, f"number {line}") for line in range(1, count + 1)]
    return some_report(judge("export", findings, "tito gate export"))


@dataclass(frozen=True)
class Ended:
    """A process that has ended."""

    code: int
    out: str
    err: str


class Posting:
    """One repository, and the bot as the workflow would start it."""

    def __init__(self, hub: LocalHub, folder: Path) -> None:
        self.hub = hub
        self.folder = folder
        self.course = hub.repository("acme/course")
        self.course.push("main", BASE)
        self.token = hub.token(WRITES, repository=self.course)

    def open(self, branch: str = "relu", *, sha: str = HEAD, fork: str = "") -> PullRequest:
        """A pull request, of a fork if one is named."""
        pull = self.course.pull_request(head_sha=sha, branch=branch, head_repository=fork)
        pull.files = ["modules/source/03_activations/activations_dev.py"]
        return pull

    def run(
        self, pull: PullRequest, conclusion: str | None = "success", attempt: int = 1
    ) -> WorkflowRun:
        """A finished run of what the pull request holds now, with its verdict."""
        run = self.course.workflow_run(
            head_sha=pull.head_sha,
            branch=pull.branch,
            head_repository=pull.head_repository or "",
            conclusion=conclusion,
            attempt=attempt,
        )
        run.job("static", "success")
        run.job("verdict", conclusion)
        return run

    def landed(
        self,
        conclusion: str | None = "success",
        *,
        sha: str = BASE,
        event: str = "push",
        branch: str = "main",
        fork: str = "",
    ) -> WorkflowRun:
        """A finished run of a push to `main`, or of what else is named, with its verdict."""
        run = self.course.workflow_run(
            head_sha=sha, branch=branch, head_repository=fork, event=event, conclusion=conclusion
        )
        run.job("verdict", conclusion)
        return run

    def environment(self, run: WorkflowRun) -> dict[str, str]:
        """What the workflow hands over."""
        event = self.folder / f"event-{run.id}-{run.attempt}.json"
        event.write_text(json.dumps(self.hub.workflow_run_event(run)), encoding="utf-8")
        return {
            "GITHUB_API_URL": self.hub.url,
            "GITHUB_REPOSITORY": self.course.full_name,
            "GITHUB_TOKEN": self.token,
            "GITHUB_EVENT_PATH": str(event),
            "TITO_SECONDS_BETWEEN_WRITES": "0",
            "TITO_SECONDS_BEFORE_RETRY": "0",
        }

    def write(self, report: Report | bytes | None, run: WorkflowRun) -> Path:
        """The file of the artifact, about the commit of the run."""
        file = self.folder / f"report-{run.id}-{run.attempt}.json"
        file.unlink(missing_ok=True)
        if isinstance(report, Report):
            pull, sha = run.event == "pull_request", run.head_sha
            named = {"head": sha} if pull else {"head": "", "sha": sha}
            report = encode(msgspec.structs.replace(report, **named))
        if report is not None:
            file.write_bytes(report)
        return file

    def post(self, run: WorkflowRun, report: Report | bytes | None = GOOD) -> list[str]:
        """Let the bot report the run. Returns what it says."""
        return list(post(settings_from(self.environment(run)), self.write(report, run)))

    def start(
        self, run: WorkflowRun, report: Report | None = GOOD, **settings: str
    ) -> subprocess.Popen[str]:
        """Let the bot report the run as the workflow does: in a process of its own."""
        file = self.write(report, run)
        return subprocess.Popen(
            [sys.executable, "-m", "bot", "post", "--report", str(file)], cwd=ROOT,
            env={"PATH": os.environ["PATH"], **self.environment(run), **settings},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def process(self, run: WorkflowRun, report: Report | None = GOOD, **settings: str) -> Ended:
        """The same, and wait for its end."""
        return ended(self.start(run, report, **settings))

    def settle(self, pull: PullRequest, run: WorkflowRun, verdict: str) -> str:
        """What must hold in the end, whatever came in between. Returns the comment."""
        assert (self.hub.violations, self.hub.pressed) == ([], [])
        [body] = self.bodies(pull)
        assert marked(body) == (run.number, run.attempt)
        assert f"sha={pull.head_sha} " in body
        assert self.states(pull.head_sha)["tito/verdict"] == verdict
        return body

    def bodies(self, pull: PullRequest) -> list[str]:
        """The comments that the bot wrote, in order."""
        return [
            c.body for c in self.course.comments(pull.number) if c.author.login == WORKFLOW_LOGIN
        ]

    def states(self, sha: str = HEAD) -> dict[str, str]:
        """Context → the state GitHub shows for it."""
        return {status.context: status.state for status in self.course.statuses(sha)}

    def writes(self) -> list[str]:
        """Every request so far that was no question."""
        return [f"{method} {path}" for method, path in self.hub.requests if method != "GET"]


def marked(body: str) -> tuple[int, int]:
    """Run and attempt that a comment reports."""
    found = read_marker(body)
    assert found is not None
    return found.run, found.attempt


def ended(started: subprocess.Popen[str]) -> Ended:
    """Wait for the end of a process. It never shows a traceback."""
    out, err = started.communicate(timeout=120)
    assert "Traceback" not in err
    return Ended(started.returncode, out, err)


def own_time(world: Posting, run: WorkflowRun, report: Report) -> tuple[float, int]:
    """Seconds of processor time of one process that reports, start to end, and its requests."""
    before, requests = os.times(), len(world.hub.requests)
    assert world.process(run, report).code == 0
    after = os.times()
    seconds = after.children_user + after.children_system
    seconds -= before.children_user + before.children_system
    return seconds, len(world.hub.requests) - requests


def main() -> None:
    """Print a line for the first time and one for the second, of a short report and a long one."""
    for name, report in (("one error", RED), ("400 errors", red(400))):
        with LocalHub() as hub, tempfile.TemporaryDirectory() as folder:
            world = Posting(hub, Path(folder))
            run = world.run(world.open(), "failure")
            for time in ("written", "unchanged"):
                rounds = [own_time(world, run, report)]
                rounds += [
                    own_time(world, run, report) for _ in range(8 if time != "written" else 0)
                ]
                seconds = statistics.median(second for second, _ in rounds)
                print(f"{name}, {time}: {rounds[0][1]} requests, {seconds:.2f} s of own time")


if __name__ == "__main__":
    main()
