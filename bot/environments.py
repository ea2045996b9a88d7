"""The environments of classroom.yml ↔ those of the repository: who must agree, and from where.

What classroom.yml does not speak of, a waiting time for one, stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bot.administration import Administration
from bot.branches import MANIFEST_HINT, said
from bot.errors import GoneError, NotAllowedError, NotOnThisPlanError
from tito.course import Environment
from tito.report import Finding

_OWN_REFS = {"protected_branches": False, "custom_branch_policies": True}

Present = Mapping[str, Any] | None


def reviewers_of(present: Present) -> set[tuple[str, int]]:
    """(kind, number) of everybody who may agree."""
    return {
        (each["type"], each["reviewer"]["id"])
        for rule in (present or {}).get("protection_rules", ())
        for each in rule.get("reviewers", ())
    }


def wanted_refs(environment: Environment) -> set[tuple[str, str]]:
    """(kind, pattern) of every ref whose jobs may use the environment."""
    tags = {("tag", pattern) for pattern in environment.tags}
    return tags | {("branch", pattern) for pattern in environment.branches}


def differences(
    environment: Environment,
    reviewers: set[tuple[str, int]],
    present: Present,
    refs: Iterable[tuple[str, str]],
) -> list[str]:
    """In what the environment on GitHub is not as classroom.yml has it, one phrase each."""
    if present is None:
        return ["it is not there"]
    found = []
    if reviewers_of(present) != reviewers:
        found.append(f"its reviewers are not {', '.join(environment.reviewers)}")
    wanted = wanted_refs(environment)
    if bool(wanted) != (present.get("deployment_branch_policy") == _OWN_REFS):
        found.append("jobs of other branches and tags may use it" if wanted else "refs are limited")
    lacking, more = wanted - set(refs), set(refs) - wanted
    found += [f"{kind} {pattern} may not use it" for kind, pattern in sorted(lacking)]
    return found + [f"{kind} {pattern} may use it too" for kind, pattern in sorted(more)]


class Environments:
    """The environments of a course and the repository that should have them."""

    def __init__(self, door: Administration, environments: Iterable[Environment]) -> None:
        self._door, self._environments = door, tuple(environments)

    def diff(self) -> list[Finding]:
        """What GitHub has otherwise than classroom.yml says."""
        return [found for each in self._environments for found in self._look(each, write=False)[1]]

    def apply(self) -> tuple[list[str], list[Finding]]:
        """Make it so. Returns what was done, and what cannot be had."""
        looked = [self._look(each, write=True) for each in self._environments]
        return [s for done, _ in looked for s in done], [f for _, found in looked for f in found]

    def _look(self, environment: Environment, *, write: bool) -> tuple[list[str], list[Finding]]:
        name = environment.name
        try:
            reviewers = {self._door.reviewer(each) for each in environment.reviewers}
            present = self._door.environment(name)
            refs = self._door.environment_refs(name) if present else {}
            phrases = differences(environment, reviewers, present, refs)
            if not phrases:
                return [], []
            if not write:
                message = f"environment {name!r}: {'; '.join(phrases)}"
                return [], [said("environment", "error", message, MANIFEST_HINT)]
            self._write(environment, reviewers, present, refs)
        except (NotOnThisPlanError, NotAllowedError, GoneError) as error:
            message = f"environment {name!r} cannot be had: {error.message}"
            hint = error.hint or "the plan may lack reviewers, the token Administration: write"
            return [], [said("unavailable", "error", message, hint)]
        return [f"{'changed' if present else 'made'}: environment {name}"], []

    def _write(
        self,
        environment: Environment,
        reviewers: set[tuple[str, int]],
        present: Present,
        refs: Mapping[tuple[str, str], int],
    ) -> None:
        wanted = wanted_refs(environment)
        settings = _kept(present) | {
            "reviewers": [{"type": kind, "id": number} for kind, number in sorted(reviewers)],
            "deployment_branch_policy": dict(_OWN_REFS) if wanted else None,
        }
        self._door.write_environment(environment.name, settings)
        for kind, pattern in sorted(wanted - set(refs)):
            self._door.allow_ref(environment.name, kind, pattern)
        for ref in sorted(set(refs) - wanted):
            self._door.forbid_ref(environment.name, refs[ref])


def _kept(present: Present) -> dict[str, Any]:
    """What a write would otherwise set back."""
    keys = ("wait_timer", "prevent_self_review")
    rules = (present or {}).get("protection_rules", ())
    return {key: rule[key] for rule in rules for key in keys if key in rule}
