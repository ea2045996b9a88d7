"""Rulesets and the app that runs workflows, as the local GitHub keeps and serves them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.localhub.answers import Answer, ApiError
from bot.localhub.payloads import PAGES, Payload, node_id
from bot.localhub.routes import METADATA
from bot.localhub.routing import REPOSITORY, Call, route
from bot.localhub.state import Repository, User
from bot.localhub.tokens import Access

RULESETS = REPOSITORY + "/rulesets"
RULESET = RULESETS + "/{ruleset_id}"
READ = Access((*METADATA.permissions, "administration"))
ADMINISTRATION = Access(("administration",), "write")
ACTIONS_APP = 15368
"""The number of GitHub's own app `github-actions`."""

_APP: Payload = {
    "id": ACTIONS_APP,
    "slug": "github-actions",
    "node_id": node_id("A", ACTIONS_APP),
    "name": "GitHub Actions",
    "description": "Automate your workflow from idea to production",
    "external_url": "https://help.github.com/en/actions",
    "html_url": f"{PAGES}/apps/github-actions",
    **dict.fromkeys(("created_at", "updated_at"), "2018-07-30T09:30:17Z"),
    "permissions": {"checks": "write", "metadata": "read"},
    "events": [],
}

# What GitHub writes into a rule that says nothing of it.
_ADDED: Mapping[str, Mapping[str, Any]] = {
    "required_status_checks": {"do_not_enforce_on_create": False},
    "pull_request": {
        "allowed_merge_methods": ["merge", "squash", "rebase"],
        "required_reviewers": [],
    },
    "update": {"update_allows_fetch_and_merge": False},
}


@route("GET", "/apps/{app_slug}", None)
def get_app(call: Call) -> Answer:
    if call.path["app_slug"] != "github-actions":
        raise ApiError(404, "Not Found")
    return Answer(200, {**_APP, "owner": call.payloads.user(User("github", 9919))})


@route("GET", RULESETS, READ)
def list_rulesets(call: Call) -> Answer:
    """List them without their rules, as GitHub does."""
    _require_plan(call.repository)
    left_out = ("rules", "conditions", "bypass_actors")
    return call.pages(
        list(call.repository.rulesets.values()),
        lambda one: {key: value for key, value in one.items() if key not in left_out},
    )


@route("GET", RULESET, READ)
def get_ruleset(call: Call) -> Answer:
    return Answer(200, _shown(call, _ruleset(call)))


@route("POST", RULESETS, ADMINISTRATION)
def create_ruleset(call: Call) -> Answer:
    repository = call.repository
    _require_plan(repository)
    require_admin(call)
    given = _checked(repository, call.body, 0)
    now = repository.state.now()
    made = {
        "id": repository.state.next_id(),
        "target": "branch",
        "source_type": "Repository",
        "source": repository.full_name,
        "bypass_actors": [],
        "conditions": {"ref_name": {"include": [], "exclude": []}},
        "rules": [],
        **given,
        "created_at": now,
        "updated_at": now,
    }
    repository.rulesets[made["id"]] = made
    return Answer(201, _shown(call, made))


@route("PUT", RULESET, ADMINISTRATION)
def update_ruleset(call: Call) -> Answer:
    """Replace what is given; what is not given stays."""
    require_admin(call)
    present = _ruleset(call)
    present |= _checked(call.repository, {**present, **call.body}, present["id"])
    present["updated_at"] = call.repository.state.now()
    return Answer(200, _shown(call, present))


@route("DELETE", RULESET, ADMINISTRATION)
def delete_ruleset(call: Call) -> Answer:
    require_admin(call)
    del call.repository.rulesets[_ruleset(call)["id"]]
    return Answer(204)


def _ruleset(call: Call) -> Payload:
    _require_plan(call.repository)
    found = call.repository.rulesets.get(call.number("ruleset_id"))
    if found is None:
        raise ApiError(404, "Not Found")
    return found


def _shown(call: Call, ruleset: Payload) -> Payload:
    """Who may bypass is for those who may change it."""
    if call.token and call.token.holds("administration", "write"):
        return ruleset
    return {key: value for key, value in ruleset.items() if key != "bypass_actors"}


def _require_plan(repository: Repository) -> None:
    if repository.private and repository.plan == "free":
        message = "Upgrade to GitHub Pro or make this repository public to enable this feature."
        raise ApiError(403, message)


def require_admin(call: Call) -> None:
    """Raise the 404 that a user gets who may not change settings."""
    if not call.user.is_bot and call.repository.role(call.user) != "admin":
        raise ApiError(404, "Not Found")


def _checked(repository: Repository, given: Mapping[str, Any], number: int) -> Payload:
    """What is kept of a ruleset. Raises ApiError with GitHub's sentences, which are no objects."""
    faults = []
    for other in repository.rulesets.values():
        if other["name"] == given["name"] and other["id"] != number:
            faults.append("Name must be unique")
    rules = [_completed(rule) for rule in given.get("rules", ())]
    for rule in rules:
        if rule["type"] == "merge_queue" and not _has_merge_queue(repository):
            faults.append("Invalid rule 'merge_queue': ")
        checks = rule.get("parameters", {}).get("required_status_checks", ())
        if any(check.get("integration_id", ACTIONS_APP) != ACTIONS_APP for check in checks):
            faults.append("Invalid rule 'required_status_checks': Invalid integration id")
    if faults:
        raise ApiError(422, "Validation Failed", faults)
    # In an order of its own: a client must not rely on it.
    return {**given, "rules": sorted(rules, key=lambda rule: str(rule["type"]), reverse=True)}


def _has_merge_queue(repository: Repository) -> bool:
    """True where the plan allows one: in an organisation's public repositories."""
    return repository.in_organisation and not repository.private


def _completed(rule: Payload) -> Payload:
    added = _ADDED.get(rule["type"])
    if added is None:
        return rule
    return {**rule, "parameters": {**added, **rule.get("parameters", {})}}
