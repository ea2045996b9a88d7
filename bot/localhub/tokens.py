"""Tokens, and what each may do: the questions behind 401, 403 and 404."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from bot.localhub.answers import ApiError
from bot.localhub.state import Organisation, Repository, User

Level = Literal["read", "write"]

WRITERS = ("write", "maintain", "admin")

ALL: Mapping[str, Level] = MappingProxyType(
    dict.fromkeys(("actions", "checks", "contents", "issues", "pull-requests", "statuses"), "write")
)
"""What `permissions: write-all` gives a workflow, as far as this hub asks."""

READ_ONLY: Mapping[str, Level] = MappingProxyType(dict.fromkeys(ALL, "read"))
"""What the workflow of a pull request from a fork gets, whatever it asks for."""


@dataclass(frozen=True)
class Token:
    """A token of a user, or of an app if the user is a bot; an app has one repository."""

    value: str
    user: User
    permissions: Mapping[str, Level]
    repository: Repository | None = None
    account: User | None = None
    """An installation's token reaches what this account owns, and nothing else."""
    chosen: frozenset[int] | None = None
    """The numbers of the repositories to which an installation's token was narrowed."""
    expires: float | None = None

    def reaches(self, repository: Repository) -> bool:
        """Return whether it is for that repository."""
        return (
            self.repository in (None, repository)
            and self.account in (None, repository.owner)
            and (self.chosen is None or repository.id in self.chosen)
        )

    def __repr__(self) -> str:
        return f"Token(of {self.user.login})"

    def holds(self, permission: str, level: Level) -> bool:
        held = self.permissions.get(permission)
        return held == "write" or held == level


@dataclass(frozen=True)
class Access:
    """What an endpoint asks for: one of some permissions, at a level."""

    permissions: tuple[str, ...]
    level: Level = "read"
    push: bool = False
    """A user must also be allowed to push; otherwise reading the repository is enough."""
    anonymous: bool = True
    """Reading it in a public repository takes no token at all."""


def check(token: Token | None, repository: Repository | None, access: Access) -> Repository:
    """Return the repository if the token may do that to it.

    Raises:
        ApiError: 401 without a token where one is needed, 404 for what the token may not even
            see, 403 for what it may see but not do.
    """
    if repository is None:
        raise ApiError(404, "Not Found")
    if access.level == "read" and access.anonymous and not repository.private:
        return repository
    if token is None:
        raise (
            ApiError(404, "Not Found")
            if repository.private
            else ApiError(401, "Requires authentication")
        )
    refused = not_accessible(token)
    inside = token.reaches(repository)
    if not inside or (not token.user.is_bot and repository.role(token.user) == "none"):
        raise ApiError(404, "Not Found") if repository.private else refused
    if not any(token.holds(name, access.level) for name in access.permissions):
        raise refused
    if access.push and not may_push(token, repository):
        raise ApiError(403, "Must have push access to repository")
    return repository


def not_accessible(token: Token) -> ApiError:
    """Return the refusal of what the token has no permission for."""
    kind = "integration" if token.user.is_bot else "personal access token"
    return ApiError(403, f"Resource not accessible by {kind}")


def check_organisation(
    token: Token | None, organisation: Organisation | None, permission: str, level: Level = "read"
) -> Organisation:
    """Return the organisation if the token may do that to it; a user must be its owner to write.

    Raises:
        ApiError: 404 for one that is not there, 401 without a token, 403 for what may not be done.
    """
    if organisation is None:
        raise ApiError(404, "Not Found")
    if token is None:
        raise ApiError(401, "Requires authentication")
    inside = token.repository is None and token.account in (None, organisation.account)
    if not inside or not token.holds(permission, level):
        raise not_accessible(token)
    role = organisation.members.get(token.user.login)
    if not token.user.is_bot and role != "admin" and (level == "write" or role is None):
        raise ApiError(403, "Must be an organization owner to do that.")
    return organisation


def may_push(token: Token, repository: Repository) -> bool:
    """Return whether the token's user is one of the repository's writers; an app's token is."""
    return token.user.is_bot or repository.role(token.user) in WRITERS
