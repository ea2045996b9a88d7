"""Rulesets as the local GitHub serves them, asked over HTTP."""

from __future__ import annotations

import pytest

pytest.importorskip("openapi_core")

from bot.localhub import READ_ONLY
from tests.unit.localhub.conftest import Client

RULESETS = "/repos/acme/course/rulesets"
GIVEN = {
    "name": "main",
    "enforcement": "active",
    "rules": [{"type": "deletion"}, {"type": "update"}],
}


@pytest.fixture
def admin(hub, course):
    return Client(hub, hub.token({"administration": "write"}, repository=course))


def test_a_ruleset_is_made_changed_and_deleted(hub, admin):
    made = admin.send("POST", RULESETS, GIVEN)
    assert made.status == 201
    one = f"{RULESETS}/{made.json['id']}"
    assert admin.send("PUT", one, {"name": "main", "enforcement": "disabled"}).status == 200
    seen = admin.send("GET", one).json
    assert seen["enforcement"] == "disabled"
    assert {rule["type"] for rule in seen["rules"]} == {"deletion", "update"}
    assert admin.send("DELETE", one).status == 204
    assert admin.send("GET", one).status == 404
    assert hub.violations == []


def test_a_list_leaves_the_rules_out_and_readers_do_not_see_who_may_bypass(hub, course, admin):
    number = admin.send("POST", RULESETS, GIVEN).json["id"]
    (listed,) = admin.send("GET", RULESETS).json
    assert not {"rules", "conditions", "bypass_actors"} & listed.keys()
    assert admin.send("GET", f"{RULESETS}/{number}").json["bypass_actors"] == []
    reader = Client(hub, hub.token(READ_ONLY, repository=course))
    assert "bypass_actors" not in reader.send("GET", f"{RULESETS}/{number}").json
    assert hub.violations == []


def test_github_writes_out_what_a_rule_leaves_out(admin):
    rules = admin.send("POST", RULESETS, GIVEN).json["rules"]
    assert {"type": "update", "parameters": {"update_allows_fetch_and_merge": False}} in rules


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "main"}, "Name must be unique"),
        ({"rules": [{"type": "merge_queue"}]}, "Invalid rule 'merge_queue': "),
    ],
)
def test_what_is_refused_is_named_in_a_sentence(hub, course, admin, change, said):
    admin.send("POST", RULESETS, GIVEN)
    course.in_organisation = False
    answer = admin.send("POST", RULESETS, {**GIVEN, "name": "other", **change})
    assert (answer.status, answer.json["errors"]) == (422, [said])
    assert hub.violations == []


def test_a_rule_that_github_does_not_describe_is_a_violation(hub, admin):
    answer = admin.send("POST", RULESETS, {**GIVEN, "rules": [{"type": "deletions"}]})
    assert answer.status == 422
    assert hub.violations
    hub.violations.clear()
    admin.send("POST", RULESETS, {**GIVEN, "rules": [{"type": "deletion", "parameter": {}}]})
    assert hub.violations


def test_a_private_repository_of_a_free_plan_has_none(hub, course, admin):
    course.private, course.plan = True, "free"
    for method, path, body in (("GET", RULESETS, None), ("POST", RULESETS, GIVEN)):
        answer = admin.send(method, path, body)
        assert answer.status == 403
        assert answer.json["message"].startswith("Upgrade to GitHub Pro")


def test_the_token_of_a_workflow_may_read_and_not_write(hub, client):
    assert client.send("GET", RULESETS).status == 200
    assert client.send("POST", RULESETS, GIVEN).status == 403
    assert client.send("GET", "/apps/unknown").status == 404
    assert hub.violations == []
