"""A report → commit statuses: one for each gate and one for the verdict.

They inform. What a ruleset requires is the Actions job, which no token of the bot can write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from bot.errors import UnsureError
from bot.model import Run, State, Status
from bot.verdict import JOB, Unreadable, Verdict
from tito.report import GateResult, Report

LONGEST_DESCRIPTION = 140
PREFIX = "tito/"
TRIES = 4
ALREADY = "already as they should be"
_LEFT = "left to a newer run, which has reported in the meantime"

_STATES: dict[str, State] = {"passed": "success", "failed": "failure", "error": "error"}
_WORDS = {
    "success": "every gate passed",
    "failure": "not yet: the run's summary says what to do next",
}


def statuses(report: Report | Unreadable, verdict: Verdict, url: str) -> list[Status]:
    """What the head commit should carry. A report that the verdict contradicts is not believed.

    The verdict is the last one: who finds it there knows that everything else was written before.
    """
    gates = report.gates if isinstance(report, Report) else ()
    believed = not (gates and verdict.state == "error")
    wanted = [_of_gate(gate, believed, url) for gate in gates]
    words = verdict.because or _WORDS[verdict.state]
    return [*wanted, Status(f"{PREFIX}{JOB}", verdict.state, short(words), url)]


def _of_gate(gate: GateResult, believed: bool, url: str) -> Status:
    context = f"{PREFIX}{gate.gate}"
    if not believed:
        return Status(context, "error", "not to be relied on: see the verdict", url)
    return Status(context, _STATES[gate.status], short(_describe(gate)), url)


def _describe(gate: GateResult) -> str:
    if gate.status == "passed":
        return "passed"
    if gate.status == "error":
        return "could not run, which counts as failed"
    errors = sum(finding.severity == "error" for finding in gate.findings)
    return f"{errors} to mend" if errors else "failed"


def short(text: str) -> str:
    """As much of a description as GitHub takes."""
    if len(text) <= LONGEST_DESCRIPTION:
        return text
    return text[: LONGEST_DESCRIPTION - 1] + "…"


def newest(present: Iterable[Status]) -> dict[str, Status]:
    """Context → its newest status, from a list with the newest first."""
    found: dict[str, Status] = {}
    for status in present:
        found.setdefault(status.context, status)
    return found


def to_write(wanted: Iterable[Status], present: Iterable[Status]) -> list[Status]:
    """Those of `wanted` that the commit does not carry already."""
    there = newest(present)
    return [status for status in wanted if there.get(status.context) != status]


def written_later(present: Iterable[Status], run: Run) -> bool:
    """True if a newer run of this repository, or a newer attempt, has set a status of ours.

    Which one it was is told by the address that the status leads to.
    """
    runs = re.escape(run.url.rpartition("/")[0])
    page = re.compile(rf"{runs}/(\d{{1,18}})(?:/attempts/(\d{{1,9}}))?")
    found = (page.fullmatch(one.url) for one in present if one.context.startswith(PREFIX))
    return any((int(one[1]), int(one[2] or 1)) > (run.id, run.attempt) for one in found if one)


class Statuses(Protocol):
    """What writing statuses needs of GitHub."""

    def statuses(self, sha: str) -> list[Status]:
        """The newest status of each context of a commit."""

    def create_status(self, sha: str, status: Status) -> None:
        """Raises UnsureError if it may have been created."""


def write(door: Statuses, sha: str, wanted: Sequence[Status], overtaken: Callable[[], bool]) -> str:
    """Write those that are missing and look again, until none is. Returns what was done.

    `overtaken` is asked before each write: True if a newer run has reported meanwhile.
    """
    written = dict[str, str]()
    for _ in range(TRIES):
        missing, last = to_write(wanted, door.statuses(sha)), None
        if not missing:
            break
        try:
            for status in missing:
                if overtaken():
                    return _LEFT
                written[status.context] = status.state
                door.create_status(sha, status)
        except UnsureError as error:
            last = error
    if last is not None:
        raise last
    said = (f"{context} {state}" for context, state in written.items())
    return ", ".join(said) or ALREADY
