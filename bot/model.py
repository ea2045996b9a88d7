"""What GitHub tells the bot and what the bot tells GitHub: one frozen type per noun."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["success", "failure", "error", "pending"]


@dataclass(frozen=True)
class Run:
    """One attempt of a workflow run. `head_repository` is None if that one is deleted.

    `landed` if it judged what is on the default branch, or what a merge queue is about to put
    there: no pull request is to be told.
    """

    id: int
    number: int
    attempt: int
    head_sha: str
    head_branch: str
    head_repository: int | None
    head_owner: str
    url: str
    landed: bool = False

    @property
    def page(self) -> str:
        """Address of this attempt for people."""
        return self.url if self.attempt == 1 else f"{self.url}/attempts/{self.attempt}"


@dataclass(frozen=True)
class Pull:
    """A pull request as it is now. `fork` if its head is not in the repository itself."""

    number: int
    open: bool
    head_sha: str
    head_branch: str
    head_repository: int | None
    base_sha: str
    base_branch: str
    fork: bool


@dataclass(frozen=True)
class Job:
    """A job of a run. The conclusion is None until it is over."""

    name: str
    conclusion: str | None


@dataclass(frozen=True)
class Comment:
    """A comment of a pull request."""

    id: int
    author: str
    body: str


@dataclass(frozen=True)
class Status:
    """A commit status. GitHub keeps all of them and shows the newest of a context."""

    context: str
    state: str
    description: str
    url: str


@dataclass(frozen=True)
class Changes:
    """What a pull request changes. `paths` None: more than GitHub lists.

    `behind` is True if its base has moved on since, None if GitHub does not say.
    """

    paths: tuple[str, ...] | None
    behind: bool | None


@dataclass(frozen=True)
class Annotation:
    """A finding on a line of a file, as GitHub shows it beside the code."""

    path: str
    line: int
    level: Literal["failure", "warning", "notice"]
    title: str
    message: str


@dataclass(frozen=True)
class CheckRun:
    """A check run of a commit. `made_by` is what its maker called it, `count` its annotations."""

    id: int
    made_by: str
    count: int
