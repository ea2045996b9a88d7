"""An organisation of the local GitHub: who is in it, and what its members may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from bot.localhub.records import Role, User

if TYPE_CHECKING:
    from bot.localhub.repository import Repository
    from bot.localhub.state import State

Membership = Literal["admin", "member"]
Visibility = Literal["all", "private", "selected"]

OPEN: dict[str, Any] = {
    "default_repository_permission": "read",
    "members_can_create_repositories": True,
    "members_can_create_public_repositories": True,
    "members_can_create_private_repositories": True,
    "members_can_create_internal_repositories": False,
    "members_can_create_pages": True,
    "members_can_create_public_pages": True,
    "members_can_create_private_pages": True,
    "members_can_delete_repositories": True,
    "members_can_change_repo_visibility": True,
    "members_can_invite_outside_collaborators": True,
    "members_can_delete_issues": False,
    "members_can_create_teams": True,
    "members_can_fork_private_repositories": False,
    "web_commit_signoff_required": False,
    "deploy_keys_enabled_for_repositories": False,
    "two_factor_requirement_enabled": False,
}
"""What a new organisation lets its members do."""

LOCKED: dict[str, Any] = {
    "default_repository_permission": "none",
    "members_can_create_repositories": False,
    "members_can_create_public_repositories": False,
    "members_can_create_private_repositories": False,
    "members_can_delete_repositories": False,
    "members_can_change_repo_visibility": False,
    "members_can_fork_private_repositories": False,
}
"""What a class needs."""


@dataclass(frozen=True)
class Setting:
    """A secret or a variable of an organisation; of a secret, nobody sees the value."""

    name: str
    visibility: Visibility
    created_at: str
    value: str = field(default="", repr=False)


@dataclass(eq=False)
class Organisation:
    """An organisation. `settings` has GitHub's names; `members` maps a login to a role."""

    state: State = field(repr=False)
    account: User
    plan: str
    created_at: str
    members: dict[str, Membership] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=lambda: dict(OPEN))
    secrets: dict[str, Setting] = field(default_factory=dict)
    variables: dict[str, Setting] = field(default_factory=dict)

    @property
    def login(self) -> str:
        return self.account.login

    @property
    def base_role(self) -> Role:
        """What every member may do in every repository."""
        return cast("Role", self.settings["default_repository_permission"])

    def lock_down(self) -> None:
        """Set what a class needs."""
        self.settings |= LOCKED

    def add(self, login: str, role: Membership = "member") -> User:
        """Make somebody a member."""
        user = self.state.user(login)
        self.members[user.login] = role
        return user

    def secret(self, name: str, visibility: Visibility = "all") -> None:
        """Store a secret."""
        self.secrets[name] = Setting(name, visibility, self.state.now())

    def variable(self, name: str, value: str, visibility: Visibility = "all") -> None:
        """Store a variable."""
        self.variables[name] = Setting(name, visibility, self.state.now(), value)

    def repositories(self) -> list[Repository]:
        """Return its repositories, in the order in which they were made."""
        return [each for each in self.state.repositories.values() if each.owner is self.account]
