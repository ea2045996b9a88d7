"""The small things of the local GitHub: users, comments, statuses, jobs, artifacts, invitations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Role = Literal["none", "read", "triage", "write", "maintain", "admin"]
ROLES: tuple[Role, ...] = ("none", "read", "triage", "write", "maintain", "admin")
"""What a user may do in a repository, from nothing to everything."""

WORKFLOW_LOGIN = "github-actions[bot]"
"""Who a workflow's own token acts as."""

NOTHING = "0" * 40
"""Where a branch stood before it was made, and after it was deleted."""


@dataclass
class User:
    """Somebody, or an organisation. The id stays when the login changes."""

    login: str
    id: int
    is_organisation: bool = False

    def __hash__(self) -> int:
        return self.id

    @property
    def is_bot(self) -> bool:
        return self.login.endswith("[bot]")


@dataclass(frozen=True)
class Comment:
    id: int
    number: int
    """The number of the issue or pull request it stands under."""
    author: User
    body: str
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class Status:
    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: User
    created_at: str


@dataclass(frozen=True)
class Job:
    id: int
    name: str
    status: str
    conclusion: str | None
    attempt: int
    created_at: str


@dataclass(frozen=True)
class Artifact:
    id: int
    name: str
    archive: bytes = field(repr=False)
    created_at: str


@dataclass
class Invitation:
    """An invitation to a repository, until it is accepted or called back."""

    id: int
    invitee: User
    inviter: User
    role: Role
    created_at: str
    expires: float
    """The second after which nobody can accept it any more."""


@dataclass(frozen=True)
class Activity:
    """A branch or a tag that moved, and when GitHub heard of it."""

    id: int
    ref: str
    before: str
    after: str
    kind: str
    actor: User | None
    timestamp: str
