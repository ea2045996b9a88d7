"""Repositories over HTTP: made in an organisation, changed, renamed, archived, deleted."""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import quote

from bot.localhub.answers import Answer, ApiError
from bot.localhub.forge import Bare
from bot.localhub.organisation import Organisation
from bot.localhub.organisations import ORGANISATION
from bot.localhub.payloads import PAGES, Payload
from bot.localhub.routes import CONTENTS
from bot.localhub.routing import REPOSITORY, Call, missing, route
from bot.localhub.rulesets import ADMINISTRATION
from bot.localhub.state import Repository
from bot.localhub.tokens import Access, not_accessible

NAME_LIMIT = 100
CONTENT_LIMIT = 1_000_000
"""Beyond it, a file's content is not in the answer."""
READ_ADMINISTRATION = Access(("administration",), anonymous=False)
FORBIDDEN = "Must have admin rights to Repository."

# What PATCH takes that has no room of its own here: kept, and shown again.
_KEPT = re.compile(
    r"has_(issues|projects|wiki)|allow_\w+|delete_branch_on_merge|homepage|\w+_commit_\w+"
)


def require_admin(call: Call) -> None:
    """Raise the 403 that a user gets who may see a repository but not change its settings."""
    if not call.user.is_bot and call.repository.role(call.user) != "admin":
        raise ApiError(403, FORBIDDEN)


@route("POST", ORGANISATION + "/repos", None)
def create_repository(call: Call) -> Answer:
    organisation = call.state.organisations.get(call.path["org"].lower())
    private = _private(call.body, default=False)
    organisation = _may_create(call, organisation, private=private)
    name = _name(call, organisation.login, call.body["name"], "Repository creation failed.")
    made = call.state.repository(f"{organisation.login}/{name}", private=private)
    made.plan = "free" if organisation.plan == "free" else "team"
    made.description = call.body.get("description")
    made.is_template = call.body.get("is_template", False)
    _keep(made, call.body)
    if not call.user.is_bot and organisation.members.get(call.user.login) != "admin":
        made.roles[call.user.login] = "admin"
    if call.body.get("auto_init"):
        made.push("main", _first_commit(made))
    payload = call.payloads.whole_repository(made)
    return Answer(201, payload, {"Location": payload["url"]})


def _may_create(call: Call, organisation: Organisation | None, *, private: bool) -> Organisation:
    if organisation is None:
        return missing()
    token = call.token
    if token is None:
        raise ApiError(401, "Requires authentication")
    inside = token.repository is None and token.account in (None, organisation.account)
    if not inside or token.chosen is not None or not token.holds("administration", "write"):
        raise not_accessible(token)
    kind = "private" if private else "public"
    role = organisation.members.get(call.user.login)
    allowed = role == "member" and organisation.settings[f"members_can_create_{kind}_repositories"]
    if not (call.user.is_bot or role == "admin" or allowed):
        message = "You need admin access to the organization before adding a repository to it."
        raise ApiError(403, message)
    return organisation


def _private(body: Any, *, default: bool) -> bool:
    visibility = body.get("visibility")
    return visibility == "private" if visibility else bool(body.get("private", default))


def _name(call: Call, owner: str, given: str, message: str, own: Repository | None = None) -> str:
    """Return a name that is free, as GitHub keeps it."""
    name = re.sub(r"[^\w.-]+", "-", given.strip(), flags=re.ASCII)
    wrong = ""
    if not name:
        wrong = "name is too short (minimum is 1 character)"
    elif len(name) > NAME_LIMIT:
        wrong = f"name is too long (maximum is {NAME_LIMIT} characters)"
    elif call.state.repositories.get(f"{owner}/{name}".lower()) not in (None, own):
        wrong = "name already exists on this account"
    if wrong:
        error = {"resource": "Repository", "code": "custom", "field": "name", "message": wrong}
        raise ApiError(422, message, [error])
    return name


def _first_commit(repository: Repository) -> str:
    """Return the commit that holds the README of a new repository."""
    if repository.bare is None:
        return f"{repository.id:040x}"
    text = f"# {repository.name}\n".encode()
    blob = repository.bare.git("hash-object", "-w", "--stdin", given=text).decode().strip()
    tree = repository.bare.git("mktree", given=f"100644 blob {blob}\tREADME.md\n".encode())
    when = int(repository.state.seconds())
    return repository.bare.commit(tree.decode().strip(), "Initial commit", when=when)


@route("PATCH", REPOSITORY, ADMINISTRATION, archived=True)
def update_repository(call: Call) -> Answer:
    require_admin(call)
    repository, body = call.repository, call.body
    if repository.archived and body.get("archived") is not False:
        raise archived()
    private = _private(body, default=repository.private)
    if private != repository.private and not _may_change_visibility(call):
        raise ApiError(422, "Visibility can't be changed by this user")
    branch = body.get("default_branch", repository.default_branch)
    if "default_branch" in body and branch not in repository.branches:
        message = f"The branch {branch} was not found. Please push that ref first or create it."
        raise ApiError(422, "Validation Failed", [message])
    name = body.get("name", repository.name)
    if name != repository.name:
        owner = repository.owner.login
        name = _name(call, owner, name, "Repository update failed.", repository)
        call.state.rename_repository(repository, name)
    repository.private, repository.default_branch = private, branch
    repository.archived = body.get("archived", repository.archived)
    repository.is_template = body.get("is_template", repository.is_template)
    repository.description = body.get("description", repository.description)
    _keep(repository, body)
    return Answer(200, call.payloads.whole_repository(repository))


def archived() -> ApiError:
    return ApiError(403, "Repository was archived so is read-only.")


def _keep(repository: Repository, body: Any) -> None:
    repository.settings |= {key: value for key, value in body.items() if _KEPT.fullmatch(key)}


def _may_change_visibility(call: Call) -> bool:
    return _owner_or(call, "members_can_change_repo_visibility")


def _owner_or(call: Call, setting: str) -> bool:
    """Return whether an owner asks, an app, or the organisation lets its members do it."""
    organisation = call.state.organisations.get(call.repository.owner.login.lower())
    if organisation is None or call.user.is_bot:
        return True
    role = organisation.members.get(call.user.login)
    return role == "admin" or bool(organisation.settings[setting])


@route("DELETE", REPOSITORY, ADMINISTRATION, archived=True)
def delete_repository(call: Call) -> Answer:
    require_admin(call)
    if not _owner_or(call, "members_can_delete_repositories"):
        raise ApiError(403, "Organization members cannot delete repositories.")
    call.state.delete_repository(call.repository)
    return Answer(204)


@route("GET", REPOSITORY + "/actions/permissions/access", READ_ADMINISTRATION)
def get_actions_access(call: Call) -> Answer:
    _require_private(call)
    return Answer(200, {"access_level": call.repository.access_level})


@route("PUT", REPOSITORY + "/actions/permissions/access", ADMINISTRATION)
def set_actions_access(call: Call) -> Answer:
    require_admin(call)
    _require_private(call)
    call.repository.access_level = call.body["access_level"]
    return Answer(204)


def _require_private(call: Call) -> None:
    if not call.repository.private:
        raise ApiError(422, "Access policy only applies to internal and private repositories.")


@route("GET", REPOSITORY + "/contents/{path}", CONTENTS)
def get_contents(call: Call) -> Answer:
    """Show a file of the git repository, or what a folder holds."""
    repository, path = call.repository, call.path["path"].strip("/")
    bare, sha = repository.bare, None
    if bare:
        sha = repository.commit_of(call.query.get("ref") or repository.default_branch)
    if bare is None or sha is None:
        return missing()
    found = bare.listed(sha, path)
    if not found:
        return missing()
    kind, blob, _, size = found[0]
    if kind == "tree":
        inside = bare.listed(sha, f"{path}/")
        return Answer(200, [_entry(call, sha, *each) for each in inside])
    entry = _entry(call, sha, kind, blob, path, size)
    return Answer(200, {**entry, **_content(bare, blob, size)})


def _content(bare: Bare, blob: str, size: int) -> Payload:
    if size > CONTENT_LIMIT:
        return {"encoding": "none", "content": ""}
    return {"encoding": "base64", "content": base64.encodebytes(bare.blob(blob)).decode()}


def _entry(call: Call, commit: str, kind: str, sha: str, path: str, size: int) -> Payload:
    address, page = call.payloads.address(call.repository), f"{PAGES}/{call.repository.full_name}"
    word, what = ("tree", "dir") if kind == "tree" else ("blob", "file")
    links = {
        "self": f"{address}/contents/{quote(path)}?ref={commit}",
        "git": f"{address}/git/{word}s/{sha}",
        "html": f"{page}/{word}/{commit}/{quote(path)}",
    }
    return {
        "type": what,
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "size": size,
        "url": links["self"],
        "git_url": links["git"],
        "html_url": links["html"],
        "download_url": f"{page}/raw/{commit}/{quote(path)}" if what == "file" else None,
        "_links": links,
    }
