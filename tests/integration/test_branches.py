"""`python -m bot branches` against the local GitHub: it writes what differs, once, and no more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openapi_core")
pytest.importorskip("github")

from bot.administration import Administration
from bot.branches import Branches, settled
from bot.environments import Environments, reviewers_of
from bot.localhub import READ_ONLY, LocalHub
from bot.localhub.rulesets import ACTIONS_APP
from bot.settings import access_from
from tests.conftest import ROOT
from tito.course import BranchRule, Environment, load
from tito.errors import TitoError

SECTION = load(ROOT).branches
RELEASE = tuple(each for each in SECTION.environments if each.name == "release")
RULES = SECTION.rules
NAMES = [rule.name for rule in RULES]
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Organisation:
    """A repository of one, and the command's own code talking to it."""

    def __init__(self, hub: LocalHub) -> None:
        self.hub = hub
        self.course = hub.repository("acme/course")
        self.course.teams = {"maintainers": 31, "others": 32}
        self.token = hub.token({"administration": "write"}, login="tito-setup[bot]")

    def environment(self) -> dict[str, str]:
        seconds = ("BETWEEN_REQUESTS", "BETWEEN_WRITES", "BEFORE_RETRY")
        return {
            "GITHUB_API_URL": self.hub.url,
            "GITHUB_REPOSITORY": "acme/course",
            "GITHUB_TOKEN": self.token,
            **{f"TITO_SECONDS_{name}": "0" for name in seconds},
        }

    def branches(self, rules: tuple[BranchRule, ...] = RULES) -> Branches:
        return Branches(Administration(access_from(self.environment())), rules)

    def environments(self, environments: tuple[Environment, ...] = ()) -> Environments:
        door = Administration(access_from(self.environment()))
        return Environments(door, environments or RELEASE)

    def writes(self) -> int:
        return sum(method in WRITES for method, _ in self.hub.requests)

    def names(self) -> list[str]:
        return sorted(each["name"] for each in self.course.rulesets.values())

    def ruleset(self, name: str) -> dict[str, object]:
        return next(each for each in self.course.rulesets.values() if each["name"] == name)


@pytest.fixture
def organisation() -> Iterator[Organisation]:
    with LocalHub() as hub:
        yield Organisation(hub)
        assert hub.violations == []


def test_what_is_missing_is_made_and_the_second_time_nothing_is_written(
    organisation: Organisation,
) -> None:
    before = organisation.branches().diff()
    assert [each.rule for each in before] == ["branches-missing"] * len(RULES)
    assert organisation.writes() == 0
    done, found = organisation.branches().apply()
    assert done == [f"made: {name}" for name in NAMES]
    assert found == []
    assert organisation.names() == sorted(NAMES)
    assert organisation.writes() == len(RULES)
    assert organisation.branches().diff() == []
    assert organisation.branches().apply() == ([], [])
    assert organisation.writes() == len(RULES)


def test_what_somebody_changed_by_hand_is_named_and_put_right(organisation: Organisation) -> None:
    organisation.branches().apply()
    before = organisation.writes()
    organisation.ruleset("main")["enforcement"] = "disabled"
    organisation.ruleset("dev")["bypass_actors"] = [
        {"actor_id": 4, "actor_type": "RepositoryRole", "bypass_mode": "always"}
    ]
    found = organisation.branches().diff()
    assert [each.message for each in found] == [
        "'main': enforcement is disabled, not active",
        "'dev': bypass_actors has RepositoryRole 4 too",
    ]
    assert not settled(found)
    assert organisation.branches().apply() == (["changed: main", "changed: dev"], [])
    assert organisation.branches().diff() == []
    assert organisation.writes() == before + 2


def test_a_ruleset_of_somebody_else_is_left_alone_and_said(organisation: Organisation) -> None:
    other = {"id": 7, "name": "theirs", "target": "branch", "source": "acme/course"}
    organisation.course.rulesets[7] = other | {"enforcement": "active", "rules": []}
    _, found = organisation.branches().apply()
    assert [(each.rule, each.severity) for each in found] == [("branches-foreign", "notice")]
    assert settled(found)
    assert organisation.course.rulesets[7]["name"] == "theirs"


def test_a_plan_without_rulesets_is_a_finding(organisation: Organisation) -> None:
    organisation.course.private, organisation.course.plan = True, "free"
    for found in (organisation.branches().diff(), organisation.branches().apply()[1]):
        (finding,) = found
        assert finding.rule == "branches-unavailable"
        assert "not available on this plan" in finding.message
        assert not settled(found)
    assert organisation.writes() == 0


def test_a_plan_without_a_merge_queue_gets_all_the_rest(organisation: Organisation) -> None:
    organisation.course.in_organisation = False
    done, found = organisation.branches().apply()
    queue = [rule.name for rule in RULES if rule.merge_queue]
    assert done == [f"made: {name}" for name in NAMES if name not in queue]
    (finding,) = found
    assert repr(queue[0]) in finding.message
    assert "not available on this plan" in finding.message
    assert settled(found)


def test_a_token_that_may_not_is_said(organisation: Organisation) -> None:
    organisation.token = organisation.hub.token(READ_ONLY, repository=organisation.course)
    found = organisation.branches().apply()[1]
    assert "Administration: write" in found[-1].hint
    assert not settled(found)
    assert organisation.course.rulesets == {}


def test_a_user_who_is_no_admin_is_said(organisation: Organisation) -> None:
    organisation.course.roles["ann"] = "write"
    organisation.token = organisation.hub.token({"administration": "write"}, login="ann")
    found = organisation.branches().apply()[1]
    assert "404" in found[-1].message
    assert not settled(found)


def test_who_may_bypass_is_not_taken_for_nobody_where_it_is_not_shown(
    organisation: Organisation,
) -> None:
    organisation.branches().apply()
    organisation.token = organisation.hub.token(READ_ONLY, repository=organisation.course)
    found = organisation.branches().diff()
    assert all("not shown to this token" in each.message for each in found)
    assert len(found) == len(RULES)


def test_an_answer_lost_after_the_write_makes_no_second_ruleset(
    organisation: Organisation,
) -> None:
    organisation.hub.drop_response_after_write()
    organisation.branches().apply()
    assert organisation.names() == sorted(NAMES)
    assert organisation.writes() == len(RULES)
    assert organisation.branches().diff() == []


@pytest.mark.slow
def test_more_rulesets_than_a_page_holds(organisation: Organisation) -> None:
    for number in range(101):
        one = {"id": number, "name": f"r{number}", "source": "acme/course", "enforcement": "active"}
        organisation.course.rulesets[number] = one | {"target": "branch"}
    organisation.branches().apply()
    assert organisation.branches().apply()[0] == []


def run(organisation: Organisation, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **organisation.environment()}
    return subprocess.run(
        [sys.executable, "-m", "bot", "branches", *words],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_the_command_says_what_it_did_and_its_exit_code_what_is_left(
    organisation: Organisation, tmp_path: Path
) -> None:
    differing = run(organisation, "diff")
    assert differing.returncode == 1, differing.stderr
    assert "'main' is not there" in differing.stdout
    assert "python -m bot branches apply" in differing.stdout
    made = run(organisation, "apply")
    assert made.returncode == 0, made.stderr
    assert "made: main\n" in made.stdout
    file = tmp_path / "found.json"
    again = run(organisation, "diff", "--json", str(file))
    assert (again.returncode, file.read_text().strip()) == (0, "[]")
    assert "✓ GitHub is as classroom.yml says" in again.stdout
    assert organisation.token not in made.stdout + made.stderr


def test_the_number_of_the_app_is_asked_for_and_not_assumed(organisation: Organisation) -> None:
    organisation.branches().apply()
    assert ("GET", "/apps/github-actions") in organisation.hub.requests
    rules = organisation.ruleset("main")["rules"]
    assert str(ACTIONS_APP) in str(rules)


def test_a_server_that_fails_ends_in_words(organisation: Organisation) -> None:
    organisation.hub.fail(10, status=502)
    with pytest.raises(TitoError, match="list the rulesets"):
        organisation.branches().diff()


# Environments


def test_an_environment_is_made_once_with_its_reviewers_and_tags(
    organisation: Organisation,
) -> None:
    (before,) = organisation.environments().diff()
    assert before.message == "environment 'release': it is not there"
    assert organisation.writes() == 0
    assert organisation.environments().apply() == (["made: environment release"], [])
    made = organisation.course.environments["release"]
    assert made["given"]["reviewers"] == [{"type": "Team", "id": 31}]
    assert [(ref["type"], ref["name"]) for ref in made["refs"].values()] == [("tag", "v*")]
    written = organisation.writes()
    assert organisation.environments().diff() == []
    assert organisation.environments().apply() == ([], [])
    assert organisation.writes() == written


def nobody_reviews(made: dict[str, Any]) -> None:
    made["given"]["reviewers"] = []


def others_review(made: dict[str, Any]) -> None:
    made["given"]["reviewers"] = [{"type": "Team", "id": 32}]


def every_branch(made: dict[str, Any]) -> None:
    made["given"]["deployment_branch_policy"] = None


def a_branch_too(made: dict[str, Any]) -> None:
    made["refs"][9] = {"id": 9, "node_id": "x", "name": "main", "type": "branch"}


def no_tag(made: dict[str, Any]) -> None:
    made["refs"].clear()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (nobody_reviews, "its reviewers are not team/maintainers"),
        (others_review, "its reviewers are not team/maintainers"),
        (every_branch, "jobs of other branches and tags may use it"),
        (a_branch_too, "branch main may use it too"),
        (no_tag, "tag v* may not use it"),
    ],
)
def test_an_environment_that_somebody_opened_is_shut_again(
    organisation: Organisation, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    organisation.environments().apply()
    made = organisation.course.environments["release"]
    made["given"]["wait_timer"], made["given"]["prevent_self_review"] = 30, True
    change(made)
    (found,) = organisation.environments().diff()
    assert said in found.message
    assert organisation.environments().apply() == (["changed: environment release"], [])
    assert organisation.environments().diff() == []
    # Nobody asked for this to be set back.
    assert made["given"]["wait_timer"] == 30
    assert made["given"].get("prevent_self_review", False) is (change is not nobody_reviews)


def test_a_person_may_review_too(organisation: Organisation) -> None:
    staging = Environment("staging", reviewers=("ada",))
    assert organisation.environments((staging,)).apply()[1] == []
    ((kind, _),) = reviewers_of({"protection_rules": [
        {"reviewers": [{"type": each["type"], "reviewer": each}
                       for each in organisation.course.environments["staging"]["given"]["reviewers"]]}
    ]})  # fmt: skip
    assert kind == "User"
    assert organisation.environments((staging,)).diff() == []


@pytest.mark.parametrize("name", ["team/nobody", "nobody"])
def test_a_reviewer_whom_nobody_knows_is_a_finding(organisation: Organisation, name: str) -> None:
    unknown = Environment("release", reviewers=(name,))
    done, (found,) = organisation.environments((unknown,)).apply()
    assert done == []
    assert found.rule == "branches-unavailable"
    assert "nobody" in found.message
    assert organisation.course.environments == {}


def test_a_plan_without_reviewers_is_a_finding(organisation: Organisation) -> None:
    organisation.course.private = True
    (found,) = organisation.environments().apply()[1]
    assert "billing plan" in found.message
    assert not settled([found])
