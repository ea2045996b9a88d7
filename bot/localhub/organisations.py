"""Organisations over HTTP: their settings, members, repositories, secrets and variables."""

from __future__ import annotations

from typing import Any

from bot.localhub.answers import Answer, ApiError
from bot.localhub.organisation import Organisation, Setting
from bot.localhub.payloads import PAGES, Payload, node_id
from bot.localhub.routing import Call, missing, route
from bot.localhub.state import Repository, User
from bot.localhub.tokens import Level, Token, check_organisation

ORGANISATION = "/orgs/{org}"
MEMBERS = "members"
ADMINISTRATION = "organization-administration"
SECRETS = "organization-secrets"
VARIABLES = "organization-actions-variables"

_LINKS = {
    "repos_url": "/repos",
    "events_url": "/events",
    "hooks_url": "/hooks",
    "issues_url": "/issues",
    "members_url": "/members{/member}",
    "public_members_url": "/public_members{/member}",
}
_SORTS = {"created": "created_at", "updated": "created_at", "pushed": "pushed_at"}


def organisation_of(call: Call, permission: str, level: Level = "read") -> Organisation:
    """Return the organisation of the path if the token may do that to it."""
    return check_organisation(call.token, _named(call), permission, level)


def _named(call: Call) -> Organisation | None:
    return call.state.organisations.get(call.path["org"].lower())


@route("GET", ORGANISATION, None)
def get_organisation(call: Call) -> Answer:
    """Show an organisation to anybody, and its settings to who may administer it."""
    organisation = _named(call) or missing()
    return Answer(200, _whole(call, organisation, settings=_may_see_settings(call, organisation)))


def _may_see_settings(call: Call, organisation: Organisation) -> bool:
    try:
        check_organisation(call.token, organisation, ADMINISTRATION)
    except ApiError:
        return False
    return call.user.is_bot or organisation.members[call.user.login] == "admin"


@route("PATCH", ORGANISATION, None)
def update_organisation(call: Call) -> Answer:
    """Change settings. As on GitHub, some of those that it shows can be changed by hand only."""
    organisation = organisation_of(call, ADMINISTRATION, "write")
    organisation.settings |= call.body
    return Answer(200, _whole(call, organisation, settings=True))


@route("GET", ORGANISATION + "/members", None)
def list_members(call: Call) -> Answer:
    organisation = organisation_of(call, MEMBERS)
    role = call.query.get("role", "all")
    wanted = [login for login, held in organisation.members.items() if role in ("all", held)]
    users = [call.state.user(login) for login in sorted(wanted, key=str.lower)]
    return call.pages(users, call.payloads.user)


@route("GET", ORGANISATION + "/outside_collaborators", None)
def list_outside_collaborators(call: Call) -> Answer:
    """List who works in a repository of the organisation and is no member of it."""
    organisation = organisation_of(call, MEMBERS)
    logins = {login for each in organisation.repositories() for login in each.roles}
    outside = sorted(logins - organisation.members.keys(), key=str.lower)
    return call.pages([call.state.user(login) for login in outside], call.payloads.user)


@route("GET", ORGANISATION + "/memberships/{username}", None)
def get_membership(call: Call) -> Answer:
    organisation = organisation_of(call, MEMBERS)
    user = call.state.users.get(call.path["username"].lower())
    role = organisation.members.get(user.login) if user else None
    if user is None or role is None:
        return missing()
    url = f"{call.payloads.api}/orgs/{organisation.login}"
    payload = {
        "url": f"{url}/memberships/{user.login}",
        "state": "active",
        "role": role,
        "organization_url": url,
        "organization": _simple(call, organisation),
        "user": call.payloads.user(user),
    }
    return Answer(200, payload)


@route("GET", ORGANISATION + "/repos", None)
def list_repositories(call: Call) -> Answer:
    """List what the token may see, the newest first as on GitHub."""
    organisation = _named(call) or missing()
    wanted = call.query.get("type", "all")
    seen = [
        each
        for each in organisation.repositories()
        if sees(call.token, each) and _is_a(wanted, each)
    ]
    sort = call.query.get("sort", "created")
    key = _SORTS.get(sort, "full_name")
    first = "asc" if key == "full_name" else "desc"
    seen.sort(
        key=lambda each: (getattr(each, key).lower(), each.id),
        reverse=call.query.get("direction", first) == "desc",
    )
    return call.pages(seen, call.payloads.repository)


def sees(token: Token | None, repository: Repository) -> bool:
    """Return whether a list holds the repository for who asks."""
    if not repository.private:
        return True
    if token is None or not token.reaches(repository):
        return False
    return token.user.is_bot or repository.role(token.user) != "none"


def _is_a(wanted: str, repository: Repository) -> bool:
    kinds = {
        "public": not repository.private,
        "private": repository.private,
        "forks": repository.fork_of is not None,
        "sources": repository.fork_of is None,
    }
    return kinds.get(wanted, True)


@route("GET", ORGANISATION + "/actions/secrets", None)
def list_secrets(call: Call) -> Answer:
    organisation = organisation_of(call, SECRETS)
    return call.pages(
        list(organisation.secrets.values()),
        lambda each: _setting(call, organisation, each, "secrets"),
        key="secrets",
    )


@route("GET", ORGANISATION + "/actions/variables", None)
def list_variables(call: Call) -> Answer:
    organisation = organisation_of(call, VARIABLES)
    return call.pages(
        list(organisation.variables.values()),
        lambda each: {
            **_setting(call, organisation, each, "variables"),
            "value": each.value,
        },
        key="variables",
    )


def _setting(call: Call, organisation: Organisation, setting: Setting, kind: str) -> Payload:
    shown: Payload = {
        "name": setting.name,
        "visibility": setting.visibility,
        "created_at": setting.created_at,
        "updated_at": setting.created_at,
    }
    if setting.visibility == "selected":
        url = f"{call.payloads.api}/orgs/{organisation.login}/actions/{kind}/{setting.name}"
        shown["selected_repositories_url"] = f"{url}/repositories"
    return shown


def _simple(call: Call, organisation: Organisation) -> Payload:
    url = f"{call.payloads.api}/orgs/{organisation.login}"
    account: User = organisation.account
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node_id("O", account.id),
        "url": url,
        "avatar_url": f"https://avatars.githubusercontent.com/u/{account.id}",
        "description": "",
        **{name: url + end for name, end in _LINKS.items()},
    }


def _whole(call: Call, organisation: Organisation, *, settings: bool) -> Payload:
    repositories = organisation.repositories()
    public = sum(not each.private for each in repositories)
    shown: Payload = {
        **_simple(call, organisation),
        "html_url": f"{PAGES}/{organisation.login}",
        "type": "Organization",
        "has_organization_projects": True,
        "has_repository_projects": True,
        "public_repos": public,
        **dict.fromkeys(("public_gists", "followers", "following"), 0),
        "created_at": organisation.created_at,
        "updated_at": organisation.created_at,
        "archived_at": None,
    }
    if not settings:
        return shown
    private = len(repositories) - public
    plan = {"name": organisation.plan, "space": 976562499, "private_repos": 999999}
    counts = {"total_private_repos": private, "owned_private_repos": private}
    kind = {"members_allowed_repository_creation_type": _creation(organisation.settings)}
    return {**shown, **counts, "plan": plan, **organisation.settings, **kind}


def _creation(settings: dict[str, Any]) -> str:
    """Return the older name of what members may create."""
    if settings["members_can_create_public_repositories"]:
        return "all"
    return "private" if settings["members_can_create_private_repositories"] else "none"
