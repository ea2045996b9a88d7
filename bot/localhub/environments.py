"""Environments, and the users and teams who review them, as the local GitHub keeps them."""

from __future__ import annotations

from typing import Any

from bot.localhub.answers import Answer, ApiError
from bot.localhub.payloads import PAGES, Payload, node_id
from bot.localhub.routing import REPOSITORY, Call, missing, route
from bot.localhub.rulesets import ADMINISTRATION, READ, require_admin
from bot.localhub.state import Repository, User
from bot.localhub.tokens import Access

ENVIRONMENT = REPOSITORY + "/environments/{environment_name}"
REFS = ENVIRONMENT + "/deployment-branch-policies"
READ_ADMINISTRATION = Access(("administration",), "read", anonymous=False)


@route("GET", "/users/{username}", None)
def get_user_by_name(call: Call) -> Answer:
    user = call.payloads.own_profile(_user(call))
    return Answer(200, user)


@route("GET", "/user/{account_id}", None)
def get_user_by_id(call: Call) -> Answer:
    users = call.state.users.values()
    found = next((user for user in users if user.id == call.number("account_id")), None)
    return Answer(200, call.payloads.own_profile(found or missing()))


def _user(call: Call) -> User:
    return call.state.find_user(call.path["username"]) or missing()


@route("GET", REPOSITORY + "/teams", READ_ADMINISTRATION)
def list_teams(call: Call) -> Answer:
    names = sorted(call.repository.teams)
    return call.pages(names, lambda name: _team(call.repository, name))


def _team(repository: Repository, name: str) -> Payload:
    number = repository.teams[name]
    page = f"{PAGES}/orgs/{repository.owner.login}/teams/{name}"
    links = ("url", "html_url", "members_url", "repositories_url")
    return {
        "id": number,
        "node_id": node_id("T", number),
        "name": name.title(),
        "slug": name,
        "description": None,
        "permission": "push",
        "type": "organization",
        **dict.fromkeys(links, page),
        "parent": None,
    }


@route("GET", ENVIRONMENT, READ)
def get_environment(call: Call) -> Answer:
    return Answer(200, _shown(call, _environment(call)))


@route("PUT", ENVIRONMENT, ADMINISTRATION)
def put_environment(call: Call) -> Answer:
    """Set every setting; what is not given is set back, as on GitHub."""
    require_admin(call)
    repository, name = call.repository, call.path["environment_name"]
    if repository.private and call.body.get("reviewers"):
        raise ApiError(422, _BILLING)
    now = repository.state.now()
    present = repository.environments.setdefault(
        name, {"id": repository.state.next_id(), "created_at": now, "refs": {}}
    )
    present["given"], present["updated_at"] = dict(call.body), now
    return Answer(200, _shown(call, present))


_BILLING = (
    "Failed to create the environment protection rule. Please ensure the billing plan supports the "
    "required reviewers protection rule."
)


@route("GET", REFS, READ)
def list_refs(call: Call) -> Answer:
    refs = list(_environment(call)["refs"].values())
    return call.pages(refs, lambda ref: ref, key="branch_policies")


@route("POST", REFS, ADMINISTRATION)
def create_ref(call: Call) -> Answer:
    require_admin(call)
    present = _environment(call)
    policy = present["given"].get("deployment_branch_policy") or {}
    if not policy.get("custom_branch_policies"):
        raise ApiError(404, "Not Found")
    number = call.repository.state.next_id()
    made = {"id": number, "node_id": node_id("P", number), "type": "branch", **call.body}
    present["refs"][number] = made
    return Answer(200, made)


@route("DELETE", REFS + "/{branch_policy_id}", ADMINISTRATION)
def delete_ref(call: Call) -> Answer:
    require_admin(call)
    if _environment(call)["refs"].pop(call.number("branch_policy_id"), None) is None:
        raise ApiError(404, "Not Found")
    return Answer(204)


def _environment(call: Call) -> dict[str, Any]:
    found = call.repository.environments.get(call.path["environment_name"])
    if found is None:
        raise ApiError(404, "Not Found")
    return found


def _shown(call: Call, present: dict[str, Any]) -> Payload:
    name, given = call.path["environment_name"], present["given"]
    number = present["id"]
    rules: list[Payload] = []
    if given.get("wait_timer"):
        rules.append({"type": "wait_timer", "wait_timer": given["wait_timer"]})
    if given.get("reviewers"):
        shown = [_reviewer(call, each) for each in given["reviewers"]]
        self_review = given.get("prevent_self_review", False)
        rules.append({"type": "required_reviewers", "prevent_self_review": self_review,
                      "reviewers": shown})  # fmt: skip
    if given.get("deployment_branch_policy"):
        rules.append({"type": "branch_policy"})
    return {
        "id": number,
        "node_id": node_id("EN", number),
        "name": name,
        "url": f"{call.payloads.address(call.repository)}/environments/{name}",
        "html_url": f"{PAGES}/{call.repository.full_name}/deployments",
        "created_at": present["created_at"],
        "updated_at": present["updated_at"],
        "protection_rules": [
            {"id": number + i, "node_id": node_id("GA", number + i), **rule}
            for i, rule in enumerate(rules)
        ],
        "deployment_branch_policy": given.get("deployment_branch_policy"),
    }


def _reviewer(call: Call, given: Payload) -> Payload:
    teams = {number: name for name, number in call.repository.teams.items()}
    if given["type"] == "Team":
        return {"type": "Team", "reviewer": _team(call.repository, teams[given["id"]])}
    user = User(f"user-{given['id']}", given["id"])
    return {"type": "User", "reviewer": call.payloads.user(user)}
