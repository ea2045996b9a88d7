"""What this pull request changes, told by the statuses of the commit it starts from. Pure.

The statuses are the only memory: each gate's state, and in its description how much was to mend.
Anybody who may push can write one, so nothing of a status is shown but a state and a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.model import Status
from bot.status import PREFIX, newest
from tito.report import GateResult

_STATES = {"success": "passed", "failure": "failed", "error": "error"}
_TO_MEND = re.compile(r"(\d{1,6}) to mend")


@dataclass(frozen=True)
class Before:
    """How a gate stood. `errors` is None if nobody said how many."""

    status: str
    errors: int | None = None


def known_at_base(statuses: Iterable[Status]) -> dict[str, Before]:
    """Gate → how it stood, from the statuses of the base commit, the newest first."""
    found = {}
    for context, status in newest(statuses).items():
        if context.startswith(PREFIX) and status.state in _STATES:
            said = _TO_MEND.fullmatch(status.description)
            before = Before(_STATES[status.state], int(said[1]) if said else None)
            found[context.removeprefix(PREFIX)] = before
    return found


def change(gate: GateResult, base: Mapping[str, Before]) -> str:
    """What has become of a gate since then, in a few words."""
    before = base.get(gate.gate)
    if before is None:
        return "not known there"
    if gate.status != before.status:
        return "mended" if gate.status == "passed" else f"new: {_WORDS[before.status]} before"
    errors = sum(finding.severity == "error" for finding in gate.findings)
    if gate.status != "failed" or before.errors is None or before.errors == errors:
        return "as before"
    return f"{'fewer' if errors < before.errors else 'more'}: {before.errors} before"


_WORDS = {"passed": "passed", "failed": "failed", "error": "could not run"}
