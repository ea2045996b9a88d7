"""The rules of classroom.yml's section `branches` ↔ the rulesets of the repository on GitHub.

A rule is one ruleset of its name. What GitHub adds of its own is no difference; a ruleset that
classroom.yml does not name is left alone, and said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bot.administration import Administration
from bot.errors import GoneError, NotAllowedError, NotOnThisPlanError, UnsureError
from tito.course import MANIFEST, BranchRule
from tito.errors import TitoError
from tito.report import Finding, Severity

ACTIONS = "github-actions"
"""The app whose word for a check counts. No token of a workflow can speak for a job of it."""
ROLES = {"maintain": 2, "admin": 5}
"""GitHub's numbers for the roles of a repository."""
TRIES = 3

Payload = dict[str, Any]

_QUEUE = {
    "merge_method": "MERGE",
    "grouping_strategy": "ALLGREEN",
    "check_response_timeout_minutes": 60,
    "max_entries_to_build": 5,
    "max_entries_to_merge": 5,
    "min_entries_to_merge": 1,
    "min_entries_to_merge_wait_minutes": 5,
}


def ruleset(rule: BranchRule, actions: int) -> Payload:
    """A rule of classroom.yml as GitHub takes it. `actions` is the number of the Actions app."""
    kind, patterns = ("branch", rule.branches) if rule.branches else ("tag", rule.tags)
    folder = "refs/heads/" if rule.branches else "refs/tags/"
    bypass = []
    if rule.made_by:
        bypass = [{"actor_id": ROLES[rule.made_by], "actor_type": "RepositoryRole"}]
    return {
        "name": rule.name,
        "target": kind,
        "enforcement": "active",
        # Named even if empty, so that nobody stays on the list.
        "bypass_actors": [{**actor, "bypass_mode": "always"} for actor in bypass],
        "conditions": {"ref_name": {"include": [folder + p for p in patterns], "exclude": []}},
        "rules": list(_rules(rule, actions)),
    }


def _rules(rule: BranchRule, actions: int) -> Iterator[Payload]:
    if rule.made_by:
        yield {"type": "creation"}
        return
    yield {"type": "deletion"}
    # A tag that moves is an update; a branch that moves backwards is none.
    yield {"type": "non_fast_forward" if rule.branches else "update"}
    if rule.reviews is not None:
        reviewed = rule.reviews > 0
        parameters: Payload = {
            "required_approving_review_count": rule.reviews,
            "require_code_owner_review": rule.code_owners,
            # Nobody approves what is pushed after the approval.
            "dismiss_stale_reviews_on_push": reviewed,
            "require_last_push_approval": reviewed,
            "required_review_thread_resolution": False,
        }
        yield {"type": "pull_request", "parameters": parameters}
    if rule.checks:
        checks = [{"context": name, "integration_id": actions} for name in rule.checks]
        parameters = {
            "required_status_checks": checks,
            "strict_required_status_checks_policy": rule.up_to_date,
        }
        yield {"type": "required_status_checks", "parameters": parameters}
    if rule.merge_queue:
        yield {"type": "merge_queue", "parameters": dict(_QUEUE)}


def differences(wanted: Any, present: Any, place: str = "") -> list[str]:
    """In what `present` is not as `wanted`, one phrase each. What only GitHub names is no matter.

    The order of a list says nothing; a list holds what is wanted and no more.
    """
    if isinstance(wanted, Mapping) and isinstance(present, Mapping):
        return [
            phrase
            for key, value in wanted.items()
            for phrase in differences(value, present.get(key), f"{place}.{key}".lstrip("."))
        ]
    if isinstance(wanted, list) and isinstance(present, list):
        return _in_lists(wanted, present, place)
    return [] if wanted == present else [f"{place} is {_words(present)}, not {_words(wanted)}"]


def _in_lists(wanted: list[Any], present: list[Any], place: str) -> list[str]:
    found, left = [], {_name(item): item for item in present}
    for item in wanted:
        name = _name(item)
        if name in left:
            found += differences(item, left.pop(name), f"{place}.{name}")
        else:
            found.append(f"{place} lacks {name}")
    return found + [f"{place} has {name} too" for name in left]


def _name(item: Any) -> str:
    """What tells an item of a list from the others."""
    if not isinstance(item, Mapping):
        return str(item)
    keys = ("type", "context", "actor_type")
    words = [str(item[key]) for key in keys if key in item]
    return " ".join([*words, *([str(item["actor_id"])] if "actor_id" in item else [])])


def _words(value: Any) -> str:
    return "not there" if value is None else str(value)


class Branches:
    """The rules of a course and the repository that should have them."""

    def __init__(self, door: Administration, rules: Sequence[BranchRule]) -> None:
        self._door, self._rules = door, rules

    def diff(self) -> list[Finding]:
        """What GitHub has otherwise than classroom.yml says."""
        try:
            return [finding for _, _, finding in self._compared()]
        except (NotOnThisPlanError, NotAllowedError, GoneError) as error:
            return [_unavailable(error)]

    def apply(self) -> tuple[list[str], list[Finding]]:
        """Make it so. Returns what was done, and what differs still or cannot be had."""
        done: list[str] = []
        found: list[Finding] = []
        try:
            for wanted, present, finding in self._compared():
                if wanted is None:
                    found.append(finding)
                    continue
                try:
                    self._write(wanted, present)
                    made = "made" if present is None else "changed"
                    done.append(f"{made}: {wanted['name']}")
                except NotOnThisPlanError as error:
                    found.append(_unavailable(error, wanted["name"]))
        except (NotOnThisPlanError, NotAllowedError, GoneError) as error:
            found.append(_unavailable(error))
        return done, found

    def _write(self, wanted: Payload, present: int | None) -> None:
        """A ruleset whose making was not answered may be there: look before making it again."""
        for attempt in range(1, TRIES + 1):
            try:
                self._door.write_ruleset(wanted, present)
                return
            except UnsureError:
                same = [one for one in self._door.rulesets() if _same(one, wanted)]
                if same and not differences(wanted, same[0]):
                    return
                present = same[0]["id"] if same else None
                if attempt == TRIES:
                    raise

    def _compared(self) -> list[tuple[Payload | None, int | None, Finding]]:
        """(what to write or None, the number it has already, what to say) of all that differs."""
        present = self._door.rulesets()
        actions = self._door.app(ACTIONS) if any(rule.checks for rule in self._rules) else 0
        found: list[tuple[Payload | None, int | None, Finding]] = []
        for wanted in (ruleset(rule, actions) for rule in self._rules):
            same = [one for one in present if _same(one, wanted)]
            present = [one for one in present if not _same(one, wanted)]
            finding = _finding(wanted, same)
            if finding:
                found.append((wanted, same[0]["id"] if same else None, finding))
        return [*found, *((None, None, _foreign(one)) for one in present)]


def _same(one: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return bool(one["name"] == wanted["name"] and one.get("target", "branch") == wanted["target"])


def _finding(wanted: Payload, same: Sequence[Payload]) -> Finding | None:
    if not same:
        return said("missing", "error", f"{wanted['name']!r} is not there", MANIFEST_HINT)
    phrases = differences(wanted, same[0])
    if not phrases:
        return None
    if "bypass_actors" not in same[0]:
        phrases = [f"{_UNSEEN if each.startswith('bypass_actors') else each}" for each in phrases]
    return said("differs", "error", f"{wanted['name']!r}: {'; '.join(phrases)}", MANIFEST_HINT)


MANIFEST_HINT = "python -m bot branches apply"
_UNSEEN = "who may bypass it is not shown to this token"


def _foreign(one: Mapping[str, Any]) -> Finding:
    message = f"the ruleset {one['name']!r} is not in {MANIFEST} and is left alone"
    return said("foreign", "notice", message, "write it there, or delete it on GitHub")


def _unavailable(error: TitoError, name: str = "") -> Finding:
    about = f"{name!r} is" if name else "rulesets are"
    if isinstance(error, NotOnThisPlanError):
        hint = "a public repository has rulesets on every plan; a merge queue needs an organisation"
        message = f"{about} not available on this plan: {error.message}"
    else:
        hint = "use a token with Administration: write; or the plan has no rulesets"
        message = f"{about} not available on this plan or to this token: {error.message}"
    # One rule may be beyond the plan; without all of them nothing is guarded.
    return said("unavailable", "warning" if name else "error", message, hint)


def said(rule: str, severity: Severity, message: str, hint: str) -> Finding:
    """A finding about the section `branches`."""
    return Finding(f"branches-{rule}", severity, MANIFEST, 0, message, hint)


def settled(findings: Iterable[Finding]) -> bool:
    """True if all that GitHub can do for this repository is done."""
    return all(finding.severity != "error" for finding in findings)
