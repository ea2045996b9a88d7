"""The whole way of a pull request on a laptop: a real git repository, the real workflows under
`act`, and the local GitHub that the bot writes to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bot import act
from bot.act import Act, Repository, Run
from bot.localhub import LocalHub
from bot.localhub.state import Comment, PullRequest, WorkflowRun
from tito.errors import TitoError

NAME = "acme/course"
WORKFLOW = "pull-request.yml"
REPORT = "report.yml"
JOBS = ("static", "integration", "verdict")
"""The jobs of the first workflow. act skips a job silently whose runner it does not know."""

Change = Callable[[Path], object]


@dataclass
class Opened:
    """A pull request: on the local GitHub, and as the event that starts the first workflow."""

    pull: PullRequest
    event: dict[str, Any]
    fork: str


class Laptop:
    """A course on the local GitHub, and a runner for its workflows."""

    def __init__(self, hub: LocalHub, repository: Repository, runner: Act) -> None:
        self.hub = hub
        self.repository = repository
        self.runner = runner
        self.reported: Run | None = None
        self._reports = 0
        self._course = hub.repository(NAME)

    def open(self, branch: str, change: Change, *, fork: str = "") -> Opened:
        """Push a change to a new branch, of a fork if one is named, and open a pull request."""
        event = self.repository.pull_request(branch, change)
        self._course.push("main", event["pull_request"]["base"]["sha"])
        pull = self._course.pull_request(
            head_sha=event["pull_request"]["head"]["sha"],
            branch=branch,
            head_repository=fork or NAME,
        )
        event["number"] = event["pull_request"]["number"] = pull.number
        return Opened(pull, event, fork)

    def judge(self, opened: Opened) -> WorkflowRun:
        """Run the first workflow on the merge, and record it as GitHub would."""
        recorded = self._course.workflow_run(
            head_sha=opened.pull.head_sha,
            branch=opened.pull.branch,
            head_repository=opened.fork or NAME,
            conclusion=None,
        )
        return self._run(recorded, opened.event)

    def judge_main(self, before: str = act.NOTHING) -> WorkflowRun:
        """The same for what `main` holds now, and was `before` a push."""
        event = self.repository.push(before)
        self._course.push("main", event["after"])
        recorded = self._course.workflow_run(
            head_sha=event["after"], branch="main", event="push", conclusion=None
        )
        return self._run(recorded, event)

    def _run(self, recorded: WorkflowRun, event: dict[str, Any]) -> WorkflowRun:
        folder = self.repository.folder
        done = self.runner.run(folder, WORKFLOW, recorded.event, event, number=recorded.id)
        if set(done.jobs) != set(JOBS):
            raise TitoError(f"these jobs ran: {', '.join(done.jobs)}; all of {JOBS} must")
        for name, conclusion in done.jobs.items():
            recorded.job(name, conclusion)
        recorded.conclusion = done.jobs["verdict"]
        return recorded

    def report(self, recorded: WorkflowRun) -> Run:
        """Run the second workflow on the default branch, after the first one has ended."""
        self._reports += 1
        self.repository.git("switch", "--quiet", "main")
        event: dict[str, Any] = self.hub.workflow_run_event(recorded)
        settings = {"GITHUB_API_URL": self.hub.url, "TITO_SECONDS_BETWEEN_WRITES": "0"}
        self.reported = self.runner.run(
            self.repository.folder, REPORT, "workflow_run", event,
            number=self._reports, environment=settings,
        )  # fmt: skip
        return self.reported

    def comments(self, opened: Opened) -> list[Comment]:
        """What stands under the pull request."""
        return self._course.comments(opened.pull.number)

    def statuses(self, sha: str) -> dict[str, str]:
        """The newest state of each context of a commit."""
        found = self._course.statuses(sha)
        return {status.context: status.state for status in found}


@contextmanager
def laptop(source: Path, folder: Path) -> Iterator[Laptop]:
    """A laptop with the course that lies in `source`; everything is written below `folder`."""
    program = act.program()
    if program is None:
        raise TitoError("act is not installed", hint="make setup")
    repository = Repository(source, folder / "repository")
    workflow = yaml.safe_load((source / ".github/workflows" / REPORT).read_text(encoding="utf-8"))
    with LocalHub() as hub:
        # The second workflow's token may do what its job asks for, and nothing else.
        asked = workflow["jobs"]["report"]["permissions"]
        hub.token(asked, repository=hub.repository(NAME), value=act.TOKEN)
        yield Laptop(hub, repository, Act(folder / "runner", program, source))
