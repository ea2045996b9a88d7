"""What GitHub tells the bot and what the bot tells GitHub: one frozen type per noun."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["success", "failure", "error", "pending"]


@dataclass(frozen=True)
class Run:
    """One attempt of a workflow run. `head_repository` is None if that one is deleted."""

    id: int
    number: int
    attempt: int
    head_sha: str
    head_branch: str
    head_repository: int | None
    head_owner: str
    url: str


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
