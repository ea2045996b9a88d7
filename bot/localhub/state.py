"""What the local GitHub knows: users, organisations and repositories, and what time it is.

Nothing here speaks HTTP or JSON. Ids increase over the whole hub, times are counted from a fixed
second, so that a run of a test gives the same bytes as the one before.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone

from bot.localhub.forge import Forge
from bot.localhub.organisation import Organisation
from bot.localhub.pulls import PullRequest
from bot.localhub.records import WORKFLOW_LOGIN, Artifact, Comment, Job, Role, Status, User
from bot.localhub.repository import Repository
from bot.localhub.runs import WorkflowRun
from tito.errors import UsageError

__all__ = [
    "WORKFLOW_LOGIN",
    "Artifact",
    "Comment",
    "Job",
    "Organisation",
    "PullRequest",
    "Repository",
    "Role",
    "State",
    "Status",
    "User",
    "WorkflowRun",
]

START = int(datetime(2030, 1, 1, tzinfo=timezone.utc).timestamp())
"""The second at which a hub begins that has no clock."""


def written(seconds: float) -> str:
    """Return a time as GitHub writes it."""
    return f"{datetime.fromtimestamp(int(seconds), timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


@dataclass
class State:
    """All users, organisations and repositories, the time and the counter of ids."""

    forge: Forge | None = None
    """Where the repositories' git repositories lie; without it, branches are only remembered."""
    clock: Callable[[], float] | None = None
    """Seconds since 1970. Without it, each time that is asked for is a second later."""
    everybody_exists: bool = True
    """Any login but `nobody` is somebody's; else only those that were made."""
    users: dict[str, User] = field(default_factory=dict)
    """By login, in lower case."""
    organisations: dict[str, Organisation] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    _redirects: dict[str, Repository] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1001))
    _ticks: int = 0

    def next_id(self) -> int:
        return next(self._ids)

    def seconds(self) -> float:
        """Return what time it is, in seconds since 1970."""
        return self.clock() if self.clock else float(START + self._ticks)

    def now(self) -> str:
        """Return the time, as GitHub writes it; without a clock, the next second."""
        now = self.seconds()
        self._ticks += 1
        return written(now)

    def user(self, login: str) -> User:
        """Return the user of that name, made when first asked for."""
        key = login.lower()
        if key not in self.users:
            self.users[key] = User(login, self.next_id())
        return self.users[key]

    def find_user(self, login: str) -> User | None:
        """Return the user of that name, if there is one."""
        if self.everybody_exists and login != "nobody":
            return self.user(login)
        return self.users.get(login.lower())

    def organisation(self, login: str, *, plan: str = "team") -> Organisation:
        """Return the organisation of that name, made when first asked for."""
        key = login.lower()
        if key not in self.organisations:
            account = self.user(login)
            account.is_organisation = True
            self.organisations[key] = Organisation(self, account, plan, self.now())
        return self.organisations[key]

    def rename_user(self, old: str, new: str) -> User:
        """Give a user another login, as they may do at any time; the id stays.

        Raises:
            UsageError: nobody has the old login, or somebody the new one.
        """
        user = self.users.get(old.lower())
        if user is None or new.lower() in self.users:
            raise UsageError(f"'{old}' cannot become '{new}'", hint="one is unknown or one taken")
        mine = [repository for repository in self.repositories.values() if repository.owner is user]
        # Collected first: they are found by the login that they are about to lose.
        names = {repository: f"{new}/{repository.name}" for repository in mine}
        del self.users[user.login.lower()]
        self.users[new.lower()] = user
        for repository in self.repositories.values():
            if user.login in repository.roles:
                repository.roles[new] = repository.roles.pop(user.login)
        for organisation in self.organisations.values():
            if user.login in organisation.members:
                organisation.members[new] = organisation.members.pop(user.login)
        before, user.login = user.login, new
        for repository, name in names.items():
            self._move(f"{before}/{repository.name}", name, repository)
        return user

    def repository(
        self, full_name: str, *, private: bool = False, fork_of: Repository | None = None
    ) -> Repository:
        """Return the repository `owner/name`, made when first asked for."""
        if full_name.count("/") != 1:
            raise UsageError(f"'{full_name}' names no repository", hint="write it as owner/name")
        key = full_name.lower()
        if key not in self.repositories:
            self._redirects.pop(key, None)
            owner, name = full_name.split("/")
            made = Repository(
                self, self.next_id(), self.user(owner), name, private, fork_of, self.now()
            )
            if self.forge:
                made.bare = self.forge.create(full_name)
            self.repositories[key] = made
        return self.repositories[key]

    def rename_repository(self, repository: Repository, name: str) -> None:
        """Give a repository another name. The old one leads to it until somebody takes it."""
        before = repository.full_name
        repository.name = name
        self._move(before, repository.full_name, repository)

    def _move(self, before: str, after: str, repository: Repository) -> None:
        del self.repositories[before.lower()]
        self._redirects.pop(after.lower(), None)
        self.repositories[after.lower()] = repository
        if before.lower() != after.lower():
            self._redirects[before.lower()] = repository
        if self.forge and repository.bare:
            self.forge.move(repository.bare, after)

    def delete_repository(self, repository: Repository) -> None:
        """Delete a repository, and with it the names that it had before."""
        del self.repositories[repository.full_name.lower()]
        self._redirects = {
            name: target for name, target in self._redirects.items() if target is not repository
        }
        if repository.bare:
            repository.bare.delete()

    def find(self, owner: str, name: str) -> Repository | None:
        """Return the repository of that name, or the one that had it last."""
        key = f"{owner}/{name}".lower()
        return self.repositories.get(key) or self._redirects.get(key)

    def by_id(self, number: int) -> Repository | None:
        return next((each for each in self.repositories.values() if each.id == number), None)
