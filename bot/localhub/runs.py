"""A run of a workflow, with its jobs and artifacts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.localhub.archive import zip_of
from bot.localhub.records import Artifact, Job

if TYPE_CHECKING:
    from bot.localhub.repository import Repository


@dataclass(eq=False)
class WorkflowRun:
    repository: Repository
    id: int
    number: int
    name: str
    path: str
    event: str
    branch: str
    head_sha: str
    head_repository: Repository
    conclusion: str | None
    attempt: int
    created_at: str
    jobs: list[Job] = field(default_factory=list)
    artifacts: dict[int, Artifact] = field(default_factory=dict)

    @property
    def status(self) -> str:
        return "completed" if self.conclusion else "in_progress"

    def job(self, name: str, conclusion: str | None, *, attempt: int | None = None) -> Job:
        """Record a job of the run's newest attempt, or of an older one."""
        state = self.repository.state
        made = Job(
            state.next_id(),
            name,
            "completed" if conclusion else "in_progress",
            conclusion,
            attempt or self.attempt,
            state.now(),
        )
        self.jobs.append(made)
        return made

    def artifact(self, name: str, data: bytes, *, file: str | None = "report.json") -> Artifact:
        """Upload a zip that holds `data` as its one file; with `file` None, `data` is the zip."""
        state = self.repository.state
        archive = data if file is None else zip_of(file, data)
        made = Artifact(state.next_id(), name, archive, state.now())
        self.artifacts[made.id] = made
        return made
