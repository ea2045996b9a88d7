"""What a report says, in words and in its order, without markup. Pure.

A comment, a job's summary and a terminal show the same: they take everything they say from here.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tito.report import CheckpointResult, Finding, GateResult, Report, in_order

MOST_FIRST = 3
NO_MESSAGE = "no message"
_MOST_JOINED = 5

SIGNS = {"passed": "✓ passed", "failed": "✗ failed", "error": "! could not run"}
SEVERITIES = {"error": "✗ error", "warning": "! warning", "notice": "· note"}
STATES = {
    "passed": "✓ passed",
    "failed": "✗ failed",
    "to run again": "↻ to run again",
    "not run": "○ not run",
    "waiting": "… waiting",
    "not written": "– not written",
}
"""A word with its symbol: it says the same without colours, in a mail, and read aloud."""

_WHY = {
    "export-syntax": "Python cannot read the module, so nothing of it can be exported",
    "dependency-direction": "a name is imported from the module that defines it",
    "package-import": "nothing works with a package that cannot be imported",
    "package-edited": "the package is generated: the next export would undo the edit",
    "package-stale": "what is tested and handed in is the package, not the dev file",
    "package-differs": "what is tested and handed in is the package, not the dev file",
    "test": "the test says what the code has to do",
    "module": "what could not run was not checked",
    "checkpoint": "a checkpoint shows what the modules can do together",
}
"""Rule → why it matters."""
_WHY_GATE = {
    "export": "the package must be exactly what the modules export",
    "protection": "generated and locked files are changed through their source, never by hand",
    "integration": "every module must work together with the modules before it",
}
_WHY_ERROR = "what could not run was not checked"
_WHY_MODULE = "no test of the module can run as long as this stands"
_WHY_ANY = "this gate must pass before a merge"
_DEV_FILE = re.compile(r"(?<![\w./-])((?:\w+/)+\w+_dev\.py)(?::(\d{1,7}))?(?![\w/])")


def headline(report: Report) -> str:
    """The verdict, with its sign."""
    if report.status == "passed":
        return "✓ Every gate passed"
    if not report.gates:
        return "! No gate has run, which counts as failed"
    stopped = not_passed(report)
    if all(gate.status == "error" for gate in stopped):
        return f"! {_gates(len(stopped))} could not run"
    asks = "asks" if len(stopped) == 1 else "ask"
    return f"✗ Not yet: {len(stopped)} of {_gates(len(report.gates))} {asks} for a change"


def _gates(count: int) -> str:
    return "1 gate" if count == 1 else f"{count} gates"


def sentence(report: Report) -> str:
    """What to do about the verdict."""
    if report.status == "passed":
        return "Well done. Nothing is left to mend; it is ready for a review."
    if all(gate.status == "error" for gate in not_passed(report)):
        return "A gate that cannot run decides nothing, so it is not green. What is known is below."
    if len(points(report)) > 1:
        return "Start with the first point below: later ones often go away with it."
    return "What to do next is below."


def not_passed(report: Report) -> tuple[GateResult, ...]:
    """The gates that ask for something, in the report's order."""
    return tuple(gate for gate in report.gates if gate.status != "passed")


def result(gate: GateResult) -> str:
    """What a gate decided, and how much is to be mended."""
    if gate.status != "failed":
        return SIGNS[gate.status]
    errors = sum(finding.severity == "error" for finding in gate.findings)
    return f"{SIGNS['failed']}: {errors} to mend"


def counts(findings: Iterable[Finding]) -> str:
    """`2 errors, 1 note`."""
    severities = [finding.severity for finding in findings]
    nouns = {"error": "error", "warning": "warning", "notice": "note"}
    found = [(severities.count(key), noun) for key, noun in nouns.items() if key in severities]
    return ", ".join(f"{count} {noun}{'s' if count > 1 else ''}" for count, noun in found)


def parts_of(message: str) -> tuple[str, str]:
    """A message's first line, which takes the next along if it ends in a colon, and the rest."""
    first, *rest = message.strip().split("\n")
    first, joined = first.strip(), 0
    while first.endswith(":") and joined < min(len(rest), _MOST_JOINED):
        first = f"{first} {rest[joined].strip()}".strip()
        joined += 1
    return first, textwrap.dedent("\n".join(rest[joined:])).strip("\n")


def origin(finding: Finding) -> tuple[str, int]:
    """Where the student edits: the finding's place, or the dev file its hint names instead.

    A generated file is never edited: what is wrong in it is mended in the cell it came from.
    """
    named = _DEV_FILE.search(finding.hint[:1000])
    if named is None or finding.path.endswith("_dev.py"):
        return finding.path, finding.line
    return named[1], int(named[2] or 0)


@dataclass(frozen=True)
class Point:
    """Something to mend first. `others` are findings at the very same place."""

    gate: GateResult
    finding: Finding
    others: int = 0

    @property
    def why(self) -> str:
        """What is lost as long as it stays."""
        if self.gate.status == "error":
            return _WHY_ERROR
        reason = _WHY.get(self.finding.rule) or _WHY_GATE.get(self.gate.gate)
        return reason or (_WHY_MODULE if self.gate.gate[:2].isdecimal() else _WHY_ANY)


def points(report: Report, most: int = MOST_FIRST) -> list[Point]:
    """What to mend first. A place counts once, whatever many gates and tests say about it."""
    found: dict[object, list[tuple[GateResult, Finding]]] = {}
    for gate in not_passed(report):
        for finding in in_order(gate.findings):
            if finding.severity == "error":
                found.setdefault(_spot(finding), []).append((gate, finding))
    return [
        Point(*same[0], len(dict.fromkeys(finding for _, finding in same)) - 1)
        for same in list(found.values())[:most]
    ]


def _spot(finding: Finding) -> object:
    return (finding.path, finding.line) if finding.line > 0 else finding


@dataclass(frozen=True)
class Group:
    """Checkpoints of one state, in the course's order."""

    state: str
    names: tuple[str, ...]


def groups(checkpoints: Sequence[CheckpointResult]) -> list[Group]:
    """The checkpoints by state, those that passed first."""
    found = []
    for state in STATES:
        names = [r.checkpoint.replace("_", " ") for r in checkpoints if r.state == state]
        if names:
            found.append(Group(state, tuple(names)))
    return found


def how_far(checkpoints: Sequence[CheckpointResult]) -> str:
    """`Checkpoints: 3 of 16 passed`."""
    passed = sum(result.state == "passed" for result in checkpoints)
    return f"Checkpoints: {passed} of {len(checkpoints)} passed"


def ahead(checkpoints: Sequence[CheckpointResult]) -> CheckpointResult | None:
    """The first checkpoint that has not passed, if there is anything to run."""
    left = (r for r in checkpoints if r.state not in ("passed", "not written"))
    return next(left, None)
