"""Repositories made from a template: there at once, empty until GitHub has copied the files."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from bot.localhub.answers import Answer, ApiError
from bot.localhub.routing import Call, missing, route
from bot.localhub.rulesets import ADMINISTRATION
from bot.localhub.state import START, Repository, User

NAME_LIMIT = 100


@dataclass
class Generation:
    """The copying that GitHub does after its answer.

    It is measured in requests to the new repository and not in time, so that a test which waits
    for it neither sleeps nor depends on how busy the machine is.
    """

    repository: Repository
    left: int
    """How many more requests find the repository empty."""
    branches: dict[str, str]
    """What it will hold: branch → sha."""

    def go_on(self) -> None:
        """Let one request pass; when none is left, the branches are there."""
        if self.left:
            self.left -= 1
            return
        for branch, sha in self.branches.items():
            self.repository.push(branch, sha)
        self.repository.generation = None


@route("POST", "/repos/{template_owner}/{template_repo}/generate", ADMINISTRATION)
def generate(call: Call) -> Answer:
    template = call.repository
    if not template.is_template:
        missing()
    owner = _owner(call)
    name = _name(template, owner, call.body["name"])
    _require_content(call)
    made = template.state.repository(
        f"{owner.login}/{name}", private=call.body.get("private", False)
    )
    made.template, made.description = template, call.body.get("description")
    made.default_branch = template.default_branch
    if owner == template.owner:
        made.plan, made.in_organisation = template.plan, template.in_organisation
    if not call.user.is_bot:
        made.roles[call.user.login] = "admin"
    every = call.body.get("include_all_branches", False)
    made.generation = Generation(made, call.template_takes, _branches(made, template, every))
    if not call.template_takes:
        made.generation.go_on()
    payload = call.payloads.whole_repository(made)
    return Answer(201, payload, {"Location": payload["url"]})


def _owner(call: Call) -> User:
    """Return whose it will be: the token's user, or an account that they administer.

    Without a known organisation, who is an admin of the template stands for one of its owners. A
    token for one repository could not see the one that it makes.
    """
    user, token = call.user, call.token
    assert token is not None
    login = call.body.get("owner", user.login).lower()
    if token.repository is None and token.chosen is None:
        if login == user.login.lower() and not user.is_bot:
            return user
        account = _administered(call, login)
        if account and token.account in (None, account):
            return account
    if user.is_bot:
        raise ApiError(403, "Resource not accessible by integration")
    raise ApiError(
        403, "You need admin access to the organization before adding a repository to it."
    )


def _administered(call: Call, login: str) -> User | None:
    template, user = call.repository, call.user
    organisation = call.state.organisations.get(login)
    if organisation:
        role = organisation.members.get(user.login)
        may = role and organisation.settings["members_can_create_private_repositories"]
        return organisation.account if user.is_bot or role == "admin" or may else None
    if login != template.owner.login.lower():
        return None
    return template.owner if user.is_bot or template.role(user) == "admin" else None


def _name(template: Repository, owner: User, given: str) -> str:
    """Return the name as GitHub keeps it: what no name may hold becomes a hyphen."""
    name = re.sub(r"[^\w.-]+", "-", given.strip(), flags=re.ASCII)
    if not name:
        raise _refused("Name is too short (minimum is 1 character)")
    if len(name) > NAME_LIMIT:
        raise _refused(f"Name is too long (maximum is {NAME_LIMIT} characters)")
    if f"{owner.login}/{name}".lower() in template.state.repositories:
        raise _refused("Name already exists on this account")
    return name


def _require_content(call: Call) -> None:
    """Refuse a template without commits, or whose commits the token may not read."""
    template = call.repository
    assert call.token is not None
    if template.private and not call.token.holds("contents", "read"):
        raise _refused("template repository not found.")
    if template.default_branch not in template.branches:
        # That GitHub refuses it is known, its words are not.
        raise _refused("template repository is empty.")


def _refused(why: str) -> ApiError:
    sentence = f"Could not clone: {why}"
    return ApiError(422, sentence, [sentence])


def _branches(made: Repository, template: Repository, every: bool) -> dict[str, str]:
    """Return the branches to come, each one new commit: no history is shared with a template."""
    return {
        branch: _commit(made, template, sha)
        for branch, sha in template.branches.items()
        if every or branch == template.default_branch
    }


def _commit(made: Repository, template: Repository, sha: str) -> str:
    """Return a commit of the same tree; its time is the repository's number, so no two are one."""
    if made.bare is None or template.bare is None or made.state.forge is None:
        return hashlib.sha1(f"{made.id} {sha}".encode(), usedforsecurity=False).hexdigest()
    tree = template.bare.tree(sha)
    made.state.forge.copy_tree(template.bare, tree, made.bare)
    return made.bare.commit(tree, "Initial commit", when=START + made.id)
