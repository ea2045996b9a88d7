"""A rule of classroom.yml as a ruleset, and what counts as a difference."""

from __future__ import annotations

import copy
from typing import Any

import pytest

pytest.importorskip("github")

from bot.branches import differences, ruleset
from tests.conftest import ROOT
from tito.course import BranchRule, load

APP = 15368
MAIN = BranchRule(
    "main", branches=("main",), reviews=2, code_owners=True, checks=("verdict", "suite")
)
RULES = load(ROOT).branches.rules


def rules(made: dict[str, Any]) -> dict[str, Any]:
    return {rule["type"]: rule.get("parameters") for rule in made["rules"]}


def test_main_is_reviewed_checked_and_never_rewritten() -> None:
    made = ruleset(MAIN, APP)
    assert made["conditions"] == {"ref_name": {"include": ["refs/heads/main"], "exclude": []}}
    assert made["enforcement"] == "active"
    assert made["bypass_actors"] == []
    found = rules(made)
    assert set(found) == {
        "deletion", "non_fast_forward", "pull_request", "required_status_checks",
    }  # fmt: skip
    review = found["pull_request"]
    assert review["required_approving_review_count"] == 2
    assert review["require_code_owner_review"] is True
    assert review["dismiss_stale_reviews_on_push"] is review["require_last_push_approval"] is True


def test_a_check_counts_from_the_app_that_runs_workflows_alone() -> None:
    checks = rules(ruleset(MAIN, APP))["required_status_checks"]["required_status_checks"]
    assert checks == [
        {"context": "verdict", "integration_id": APP},
        {"context": "suite", "integration_id": APP},
    ]


def test_a_tag_stays_where_it_is() -> None:
    made = ruleset(BranchRule("tags", tags=("v*",)), APP)
    assert made["target"] == "tag"
    assert made["conditions"]["ref_name"]["include"] == ["refs/tags/v*"]
    assert set(rules(made)) == {"deletion", "update"}


def test_who_may_make_a_tag_bypasses_that_rule_and_no_other() -> None:
    made = ruleset(BranchRule("tags", tags=("v*",), made_by="maintain"), APP)
    assert set(rules(made)) == {"creation"}
    assert made["bypass_actors"] == [
        {"actor_id": 2, "actor_type": "RepositoryRole", "bypass_mode": "always"}
    ]


def test_a_branch_without_reviews_takes_pushes_whose_checks_passed() -> None:
    found = rules(ruleset(BranchRule("dev", branches=("dev",), checks=("verdict",)), APP))
    assert "pull_request" not in found
    assert "required_status_checks" in found


def test_this_course_guards_main_dev_and_its_tags() -> None:
    kinds = {
        place: {kind for rule in RULES if place in (*rule.branches, *rule.tags)
                for kind in rules(ruleset(rule, APP))}
        for place in ("main", "dev", "v*")
    }  # fmt: skip
    assert kinds["main"] >= {
        "pull_request", "required_status_checks", "non_fast_forward", "deletion", "merge_queue",
    }  # fmt: skip
    assert kinds["dev"] >= {"required_status_checks", "non_fast_forward", "deletion"}
    assert kinds["v*"] == {"creation", "update", "deletion"}
    assert all(not ruleset(rule, APP)["bypass_actors"] or rule.made_by for rule in RULES)


def as_github_has_it(made: dict[str, Any]) -> dict[str, Any]:
    """With a number, what GitHub adds, and another order."""
    present = copy.deepcopy(made) | {"id": 1, "source_type": "Repository", "created_at": "now"}
    present["rules"].reverse()
    for rule in present["rules"]:
        rule.setdefault("parameters", {})["added_by_github"] = True
        rule["parameters"].get("required_status_checks", []).reverse()
    return present


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_what_github_adds_and_its_order_are_no_difference(rule: BranchRule) -> None:
    made = ruleset(rule, APP)
    assert differences(made, as_github_has_it(made)) == []


def rule_of(present: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(rule for rule in present["rules"] if rule["type"] == kind)


def switched_off(present: dict[str, Any]) -> None:
    present["enforcement"] = "disabled"


def fewer_reviews(present: dict[str, Any]) -> None:
    rule_of(present, "pull_request")["parameters"]["required_approving_review_count"] = 0


def a_check_less(present: dict[str, Any]) -> None:
    rule_of(present, "required_status_checks")["parameters"]["required_status_checks"].pop()


def anybodys_check(present: dict[str, Any]) -> None:
    checks = rule_of(present, "required_status_checks")["parameters"]["required_status_checks"]
    del checks[0]["integration_id"]


def a_rule_less(present: dict[str, Any]) -> None:
    present["rules"].remove(rule_of(present, "non_fast_forward"))


def a_rule_more(present: dict[str, Any]) -> None:
    present["rules"].append({"type": "required_linear_history"})


def another_branch(present: dict[str, Any]) -> None:
    present["conditions"]["ref_name"]["include"] = ["refs/heads/trunk"]


def an_exception(present: dict[str, Any]) -> None:
    present["conditions"]["ref_name"]["exclude"] = ["refs/heads/main"]


def a_back_door(present: dict[str, Any]) -> None:
    present["bypass_actors"] = [
        {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}
    ]


def no_conditions(present: dict[str, Any]) -> None:
    present["conditions"] = None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (switched_off, "enforcement is disabled, not active"),
        (fewer_reviews, "rules.pull_request.parameters.required_approving_review_count is 0, not 2"),
        (a_check_less, "lacks verdict"),
        (anybodys_check, f"integration_id is not there, not {APP}"),
        (a_rule_less, "rules lacks non_fast_forward"),
        (a_rule_more, "rules has required_linear_history too"),
        (another_branch, "include lacks refs/heads/main"),
        (an_exception, "exclude has refs/heads/main too"),
        (a_back_door, "bypass_actors has RepositoryRole 5 too"),
        (no_conditions, "conditions is not there"),
    ],
)  # fmt: skip
def test_every_other_change_is_a_difference(change: Any, said: str) -> None:
    made = ruleset(MAIN, APP)
    present = as_github_has_it(made)
    change(present)
    assert said in "; ".join(differences(made, present))
