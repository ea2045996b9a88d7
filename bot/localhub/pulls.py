"""A pull request of the local GitHub."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tito.errors import TitoError

if TYPE_CHECKING:
    from bot.localhub.labels import LabelEvent
    from bot.localhub.records import User
    from bot.localhub.repository import Repository


@dataclass(eq=False)
class PullRequest:
    repository: Repository
    id: int
    number: int
    title: str
    author: User
    branch: str
    _head_sha: str
    base: str
    head_repository: Repository | None
    created_at: str
    updated_at: str
    state: Literal["open", "closed"] = "open"
    merged: bool = False
    closed_at: str | None = None
    body: str | None = None
    merge_commit: str | None = None
    commit_count: int = 1
    files: list[str] = field(default_factory=list)
    """Paths that it changes."""
    base_files: list[str] = field(default_factory=list)
    """Paths that its base has changed since the head left it."""
    renamed: dict[str, str] = field(default_factory=dict)
    """New path → the path it had before, for those of `files` that were moved."""
    label_events: list[LabelEvent] = field(default_factory=list)

    @property
    def head_sha(self) -> str:
        """The commit it offers: where its branch stands, until it is closed."""
        if self.state == "open" and self.head_repository:
            self.head_repository.refresh()
        return self._head_sha

    def head_moved(self, sha: str) -> None:
        self._head_sha, self.updated_at = sha, self.repository.state.now()

    @property
    def head_owner(self) -> str:
        return self.head_repository.owner.login if self.head_repository else self.author.login

    @property
    def from_fork(self) -> bool:
        return self.head_repository is not self.repository

    def push(self, sha: str) -> None:
        """Push a commit to the branch of this pull request."""
        self.commit_count += 1
        if self.head_repository:
            self.head_repository.push(self.branch, sha)

    def merge(self) -> str:
        """Merge it as a user would, with a merge commit, and return the commit's sha.

        Raises:
            TitoError: it is not open, or it conflicts with its base.
        """
        if self.state != "open":
            raise TitoError(f"pull request {self.number} is closed")
        sha = self._merge_commit()
        user = self.author
        self.close(merged=True)
        self.merge_commit = sha
        self.repository.push(self.base, sha, by=user)
        return sha

    def _merge_commit(self) -> str:
        bare, head, base = self.repository.bare, self.head_sha, self.repository.branches[self.base]
        if bare is None:
            return hashlib.sha1(f"{base} {head}".encode(), usedforsecurity=False).hexdigest()
        if self.head_repository and self.head_repository.bare and self.from_fork:
            bare.fetch(self.head_repository.bare, head)
        tree = bare.merged(base, head)
        if tree is None:
            raise TitoError(f"pull request {self.number} conflicts with {self.base}")
        message = f"Merge pull request #{self.number} from {self.head_owner}/{self.branch}"
        when = int(self.repository.state.seconds())
        return bare.commit(tree, message, when=when, parents=(base, head))

    def close(self, *, merged: bool = False) -> None:
        self.state, self.merged, self.closed_at = "closed", merged, self.repository.state.now()
