"""An organisation on GitHub and the repositories in it, as the classroom's commands see them."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.errors import GoneError, UnsureError
from bot.github import Connection, asking


@dataclass(frozen=True)
class Repository:
    """What a list of repositories tells of one. Times are as GitHub writes them."""

    name: str
    id: int
    private: bool
    description: str
    created_at: str
    pushed_at: str
    archived: bool
    default_branch: str
    open_issues: int
    """Open pull requests are among them."""
    clone_url: str
    is_template: bool


@dataclass(frozen=True)
class Account:
    """A user by name and by the number that stays when the name changes."""

    login: str
    id: int


@dataclass(frozen=True)
class Invitation:
    """To one repository, and not answered yet."""

    id: int
    account: Account
    expired: bool
    created_at: str = ""


@dataclass(frozen=True)
class Pull:
    """A pull request, as far as the classroom needs it."""

    number: int
    state: str
    merged: bool
    title: str
    body: str
    head_sha: str
    base_sha: str
    head: str = ""
    """The branch it offers, and `base` the one it is offered to."""
    base: str = ""


class Organisation(Connection):
    """Requests about one organisation. `login` is its name."""

    def __init__(self, settings: Any, login: str, **others: Any) -> None:
        super().__init__(settings, **others)
        self.login = login
        self.root = ""

    def _repo(self, name: str) -> str:
        return f"/repos/{self.login}/{name}"

    # The organisation itself

    def settings(self) -> Mapping[str, Any]:
        """What members may do, and the plan. What this token may not see is not in it."""
        with asking(f"read the organisation {self.login}"):
            return dict(self.read(f"/orgs/{self.login}"))

    def repositories(self) -> list[Repository]:
        """All of them, a hundred a request."""
        with asking(f"list the repositories of {self.login}"):
            found = self.pages(f"/orgs/{self.login}/repos", type="all", sort="created")
            return [_repository(each) for each in found]

    def members(self) -> list[Account]:
        """Who belongs to the organisation."""
        with asking(f"list the members of {self.login}"):
            return [_account(each) for each in self.pages(f"/orgs/{self.login}/members")]

    def outside_collaborators(self) -> list[Account]:
        """Who has accepted an invitation to a repository and is no member."""
        with asking(f"list the outside collaborators of {self.login}"):
            path = f"/orgs/{self.login}/outside_collaborators"
            return [_account(each) for each in self.pages(path)]

    def secrets(self) -> list[tuple[str, str]]:
        """(name, visibility) of the organisation's secrets for Actions."""
        with asking(f"list the secrets of {self.login}"):
            found = self.pages(f"/orgs/{self.login}/actions/secrets", "secrets")
            return [(each["name"], each["visibility"]) for each in found]

    def account(self, login: str) -> Account:
        """Raises GoneError if nobody has that name."""
        with asking(f"look up the account {login}"):
            return _account(self.read(f"/users/{login}"))

    def account_numbered(self, number: int) -> Account:
        """The account of that number, whatever it is called by now. Raises GoneError."""
        with asking(f"look up the account number {number}"):
            return _account(self.read(f"/user/{number}"))

    # Repositories

    def repository(self, name: str) -> Repository | None:
        """None if there is none."""
        try:
            with asking(f"look up {name}"):
                found = self.read(self._repo(name))
        except GoneError:
            return None
        # After a renaming, GitHub leads from the old name to the new one.
        return _repository(found) if found["name"].lower() == name.lower() else None

    def create(self, name: str, description: str) -> Repository:
        """A private, empty repository."""
        given = {"name": name, "private": True, "description": description, "has_wiki": False}
        what = f"make the repository {name}"
        return _repository(self.write(what, "POST", f"/orgs/{self.login}/repos", given))

    def generate(self, template: str, name: str, description: str) -> Repository:
        """A private repository with what the template holds, which GitHub copies a moment later."""
        given = {"owner": self.login, "name": name, "description": description, "private": True}
        path = f"{self._repo(template)}/generate"
        return _repository(self.write(f"make the repository {name}", "POST", path, given))

    def change(self, name: str, /, **given: Any) -> None:
        """Name, description, is_template, archived. Repeated, it changes nothing."""
        what = f"change the repository {name}"
        try:
            self.write(what, "PATCH", self._repo(name), given)
        except UnsureError:
            # By its new name, if that was among what may have been changed.
            there = self.repository(given.get("name", name))
            self.write(what, "PATCH", self._repo(there.name if there else name), given)

    def delete(self, name: str) -> None:
        """For good."""
        with contextlib.suppress(GoneError):
            self.write(f"delete the repository {name}", "DELETE", self._repo(name))

    def actions_access(self, name: str) -> str:
        """Whose workflows may use what a private repository holds: none, user, organization."""
        with asking(f"read who may use the actions of {name}"):
            return str(self.read(f"{self._repo(name)}/actions/permissions/access")["access_level"])

    def open_actions(self, name: str) -> None:
        """To every repository of the organisation."""
        what, given = f"let workflows use {name}", {"access_level": "organization"}
        self.write(what, "PUT", f"{self._repo(name)}/actions/permissions/access", given)

    def branch(self, name: str, branch: str) -> str | None:
        """The commit it leads to; None while there is none, as in a repository just made."""
        try:
            with asking(f"look for the branch {branch} of {name}"):
                found = self.read(f"{self._repo(name)}/git/ref/heads/{branch}")
        except GoneError:
            return None
        return str(found["object"]["sha"])

    def content(self, name: str, path: str, ref: str) -> bytes | None:
        """A file of a branch. None if it is not there, or larger than GitHub shows: 1 MB."""
        try:
            with asking(f"read {path} of {name}"):
                found = self.read(f"{self._repo(name)}/contents/{path}", ref=ref)
        except GoneError:
            return None
        if not isinstance(found, dict) or found.get("encoding") != "base64":
            return None
        return base64.b64decode(found["content"])

    # People

    def collaborators(self, name: str) -> dict[int, tuple[Account, str]]:
        """Number → who may do what there directly: pull, triage, push, maintain, admin."""
        with asking(f"list the collaborators of {name}"):
            found = self.pages(f"{self._repo(name)}/collaborators", affiliation="direct")
            return {each["id"]: (_account(each), _role(each)) for each in found}

    def invitations(self, name: str) -> list[Invitation]:
        """Those that wait for an answer, and those that waited too long."""
        with asking(f"list the invitations to {name}"):
            found = [*self.pages(f"{self._repo(name)}/invitations")]
        return [
            Invitation(
                each["id"],
                _account(each["invitee"]),
                bool(each.get("expired")),
                each.get("created_at") or "",
            )
            for each in found
            if each["invitee"]
        ]

    def let(self, name: str, login: str, permission: str) -> None:
        """Give somebody a permission, by an invitation if need be. Repeated, it changes nothing."""
        what, given = f"let {login} into {name}", {"permission": permission}
        self.write(what, "PUT", f"{self._repo(name)}/collaborators/{login}", given)

    def invite(self, name: str, login: str) -> None:
        """Let somebody in who was not: of that, GitHub allows so many a day."""
        if self._pace:
            self._pace.invite(self._patience)
        self.let(name, login, "push")

    def withdraw(self, name: str, invitation: int) -> None:
        """An invitation that has not been accepted."""
        what = f"withdraw an invitation to {name}"
        # Gone is what it should be: an answer may have been lost.
        with contextlib.suppress(GoneError):
            self.write(what, "DELETE", f"{self._repo(name)}/invitations/{invitation}")

    # Pull requests

    def pulls(self, name: str, *, head: str = "", base: str = "") -> list[Pull]:
        """Open and closed ones between two branches, or all of them, the oldest first."""
        between = {"head": f"{self.login}:{head}" if head else "", "base": base}
        asked = {"state": "all", "direction": "asc", **{k: v for k, v in between.items() if v}}
        with asking(f"list the pull requests of {name}"):
            found = [_pull(each) for each in self.pages(f"{self._repo(name)}/pulls", **asked)]
        return sorted(found, key=lambda pull: pull.number)

    def open_pull(self, name: str, *, head: str, base: str, title: str, body: str) -> Pull:
        """Raises UnsureError if it may have been opened."""
        given = {"title": title, "head": head, "base": base, "body": body}
        what = f"open the pull request {title!r} in {name}"
        return _pull(self.write(what, "POST", f"{self._repo(name)}/pulls", given))

    def edit_pull(self, name: str, number: int, **given: str) -> None:
        """Title, body or state."""
        what, path = f"change pull request {number} of {name}", f"{self._repo(name)}/pulls/{number}"
        try:
            self.write(what, "PATCH", path, given)
        except UnsureError:
            self.write(what, "PATCH", path, given)

    def comments(self, name: str, number: int) -> Iterator[Mapping[str, Any]]:
        """What was said on a pull request."""
        with asking(f"list the comments on pull request {number} of {name}"):
            yield from self.pages(f"{self._repo(name)}/issues/{number}/comments")

    def statuses(self, name: str, ref: str) -> list[Mapping[str, Any]]:
        """The newest status of each context on a commit. Empty if there is no such commit."""
        try:
            with asking(f"read the statuses of {name}"):
                return list(self.read(f"{self._repo(name)}/commits/{ref}/status")["statuses"])
        except GoneError:
            return []


def _repository(found: Mapping[str, Any]) -> Repository:
    return Repository(
        name=found["name"],
        id=found["id"],
        private=bool(found["private"]),
        description=found.get("description") or "",
        created_at=found.get("created_at") or "",
        pushed_at=found.get("pushed_at") or "",
        archived=bool(found.get("archived")),
        default_branch=found.get("default_branch") or "main",
        open_issues=int(found.get("open_issues_count") or 0),
        clone_url=found.get("clone_url") or "",
        is_template=bool(found.get("is_template")),
    )


def _account(found: Mapping[str, Any]) -> Account:
    return Account(found["login"], int(found["id"]))


def _role(found: Mapping[str, Any]) -> str:
    held = found.get("permissions") or {}
    return next((r for r in ("admin", "maintain", "push", "triage", "pull") if held.get(r)), "none")


def _pull(found: Mapping[str, Any]) -> Pull:
    return Pull(
        number=found["number"],
        state=found["state"],
        merged=bool(found.get("merged_at")),
        title=found["title"],
        body=found.get("body") or "",
        head_sha=found["head"]["sha"],
        base_sha=found["base"]["sha"],
        head=found["head"]["ref"],
        base=found["base"]["ref"],
    )
