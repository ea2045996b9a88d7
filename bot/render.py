"""Report → the comment, as Markdown within a byte budget. Pure: same input, same bytes.

Everything of a report passes through `bot.untrusted`. The order of the parts is fixed: what matters
most comes first, so that shortening takes from the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bot.comment import marker_of
from bot.model import Pull, Run
from bot.strip import checkpoint_strip
from bot.untrusted import cell, code, command, fence, linkable, prose
from bot.verdict import Unreadable, Verdict
from tito.report import Finding, GateResult, Report, in_order

BUDGET = 60_000
"""Bytes. GitHub takes 65,536 characters."""
MOST_FIRST = 3

OWN_GATES = (".github/", "tito/", "bot/", "tests/", "classroom.yml")
"""A pull request that changes one of these changes what judges it."""
WARNING = "This changes its own gates; green proves nothing until a code owner has reviewed it"

_SIGNS = {"passed": "✓ passed", "failed": "✗ failed", "error": "! could not run"}
_SEVERITIES = {"error": "✗ error", "warning": "! warning", "notice": "· note"}
_STATUS = {"success": "passed", "failure": "failed", "error": "error"}
NO_MESSAGE = "no message"
_WHY = {
    "export": "the package must be exactly what the modules export",
    "protection": "generated and locked files are changed through their source, never by hand",
    "integration": "every module must work together with the modules before it",
}
_LEFT_OUT = 400
"""Bytes kept free for the sentence that says what was left out."""


@dataclass(frozen=True)
class Subject:
    """Everything a comment says. `moved`: paths whose lines may differ at the head; None: any."""

    repository: str
    server: str
    run: Run
    pull: Pull
    verdict: Verdict
    report: Report | Unreadable
    touches_gates: bool = False
    moved: frozenset[str] | None = None
    base: Mapping[str, str] = field(default_factory=dict)

    @property
    def gates(self) -> tuple[GateResult, ...]:
        """The gates of the report, in its order."""
        return self.report.gates if isinstance(self.report, Report) else ()

    @property
    def web(self) -> str:
        """Address of the repository for people."""
        return f"{self.server}/{self.repository}"


def touches_own_gates(paths: Iterable[str] | None) -> bool:
    """True if one of the changed paths is part of the gates, or nobody knows them all."""
    return paths is None or any(path.startswith(OWN_GATES) for path in paths)


def render(subject: Subject) -> str:
    """The comment: at most BUDGET bytes of UTF-8, no line end at the end."""
    before = [*_opening(subject), _table(subject), _strip(subject), _first(subject)]
    after = [_reproduce(subject), f"[The whole run with its summary]({subject.run.url})"]
    fixed = "\n\n".join(part for part in [*before, *after] if part)
    details = _details(subject, BUDGET - len(fixed.encode()))
    return "\n\n".join(part for part in [*before, details, *after] if part)


def _opening(subject: Subject) -> Iterator[str]:
    yield marker_of(subject.run, subject.pull.number).line
    if subject.touches_gates:
        yield f"> **{WARNING}.**"
    yield f"### {_headline(subject)}"
    yield _sentence(subject)
    pull, web = subject.pull, subject.web
    head = f"[`{subject.run.head_sha[:7]}`]({web}/commit/{subject.run.head_sha})"
    base = f"[`{pull.base_sha[:7]}`]({web}/commit/{pull.base_sha})"
    yield f"Commit {head} against {base} of {code(pull.base_branch)}"


def _headline(subject: Subject) -> str:
    if subject.verdict.state == "error":
        return "! No verdict yet"
    if subject.verdict.state == "success":
        return "✓ Every gate passed"
    stopped = [gate for gate in subject.gates if gate.status != "passed"]
    if not stopped:
        return "✗ Not yet"
    if all(gate.status == "error" for gate in stopped):
        return f"! {_gates(len(stopped))} could not run"
    asks = "asks" if len(stopped) == 1 else "ask"
    return f"✗ Not yet: {len(stopped)} of {_gates(len(subject.gates))} {asks} for a change"


def _gates(count: int) -> str:
    return "1 gate" if count == 1 else f"{count} gates"


def _sentence(subject: Subject) -> str:
    if isinstance(subject.report, Unreadable):
        state = {"success": "passed", "failure": "did not pass", "error": "gave no verdict"}
        return (
            f"The results could not be read: {prose(subject.report.because)}. The verdict still "
            f"stands: the run {state[subject.verdict.state]}{_because(subject)}. "
            "Open the run to see why, or run it again."
        )
    if subject.verdict.state == "error":
        return (
            f"Nothing is decided: {subject.verdict.because}. Do not rely on what the report says "
            "below. Run it again; if this stays, ask whoever keeps this repository."
        )
    if subject.verdict.state == "success":
        return "Well done. Nothing is left to mend; it is ready for a review."
    if any(gate.status == "failed" for gate in subject.gates):
        return "Start with the first point below: later ones often go away with it."
    return "A gate that cannot run decides nothing, so it is not green. What stopped it is below."


def _because(subject: Subject) -> str:
    return f" ({subject.verdict.because})" if subject.verdict.because else ""


def _table(subject: Subject) -> str:
    if not subject.gates:
        return ""
    base = cell(subject.pull.base_branch)
    lines = [f"| Gate | Result | Since {base} | Next step |", "| --- | --- | --- | --- |"]
    for gate in subject.gates:
        change = _change(gate.status, subject.base.get(gate.gate, ""))
        lines.append(f"| {gate.gate} | {_result(gate)} | {change} | {_next_step(gate)} |")
    return "\n".join(lines)


def _result(gate: GateResult) -> str:
    errors = sum(finding.severity == "error" for finding in gate.findings)
    return (
        f"{_SIGNS[gate.status]}: {errors} to mend"
        if gate.status == "failed"
        else _SIGNS[gate.status]
    )


def _change(now: str, base: str) -> str:
    """What this pull request changes; `base` is the state of the status at the base commit."""
    before = _STATUS.get(base, "")
    if not before:
        return "not known there"
    if now == before:
        return "as before"
    return "mended" if now == "passed" else f"new: {before} before"


def _next_step(gate: GateResult) -> str:
    return "nothing to do" if gate.status == "passed" else f"run {cell(_command(gate))}"


def _command(gate: GateResult) -> str:
    """The report's own command if it is a call of tito: a reader may type it unread."""
    return command(gate.reproduce) or f"tito gate {gate.gate}"


def _strip(subject: Subject) -> str:
    if isinstance(subject.report, Unreadable):
        return ""
    return checkpoint_strip(subject.report.checkpoints)


def _stopping(subject: Subject) -> list[tuple[GateResult, Finding]]:
    """What stops the gates that did not pass, in the order to mend it; what two say, once."""
    first: dict[Finding, GateResult] = {}
    for gate in subject.gates:
        for finding in in_order(gate.findings) if gate.status != "passed" else ():
            if finding.severity == "error":
                first.setdefault(finding, gate)
    return [(gate, finding) for finding, gate in first.items()]


def _first(subject: Subject) -> str:
    shown = [_point(subject, *pair) for pair in _stopping(subject)[:MOST_FIRST]]
    if not shown:
        return ""
    numbered = [f"{number}. {point}" for number, point in enumerate(shown, start=1)]
    return "\n".join(["#### Fix first", "", *numbered])


def _point(subject: Subject, gate: GateResult, finding: Finding) -> str:
    what = prose(finding.message.strip().split("\n")[0], 240) or NO_MESSAGE
    inside = f", cell {code(finding.cell, 60)}" if finding.cell else ""
    why = "what could not run was not checked" if gate.status == "error" else _why(gate.gate)
    lines = [f"**{what}**", f"   - Where: {_place(subject, finding)}{inside}"]
    lines.append(f"   - Why: {why} (gate {gate.gate}, rule {code(finding.rule, 60)})")
    if finding.hint.strip():
        lines.append(f"   - Next: {prose(finding.hint, 240)}")
    lines.append(f"   - See it yourself: `{_command(gate)}`")
    return "\n".join(lines)


def _why(gate: str) -> str:
    return _WHY.get(gate, "this gate must pass before a merge")


def _place(subject: Subject, finding: Finding) -> str:
    """`path:line`, with a link where the head holds the same file as what was judged."""
    shown = code(finding.place)
    here = subject.moved is not None and finding.path not in subject.moved
    if not (here and finding.line > 0 and linkable(finding.path)):
        return shown
    address = f"{subject.web}/blob/{subject.run.head_sha}/{finding.path}#L{finding.line}"
    return f"[{shown}]({address})"


def _details(subject: Subject, budget: int) -> str:
    """One folding block a gate, open where something is to be mended, until the budget is used."""
    blocks: list[str] = []
    left_out = 0
    room = budget - _LEFT_OUT
    for gate in sorted(subject.gates, key=lambda gate: gate.status == "passed"):
        block, hidden = _block(subject, gate, room)
        left_out += hidden
        if block:
            blocks.append(block)
            room -= len(block.encode()) + 2
    if left_out:
        noun = "finding is" if left_out == 1 else "findings are"
        blocks.append(f"{left_out} more {noun} left out here; the run's summary has all of them.")
    return "\n\n".join(blocks)


def _block(subject: Subject, gate: GateResult, room: int) -> tuple[str, int]:
    """A gate's findings as far as there is room, and how many are left out."""
    findings = in_order(gate.findings)
    opened = "" if gate.status == "passed" else " open"
    start = f"<details{opened}><summary>gate {gate.gate}: {_counts(findings)}</summary>"
    room -= len(start.encode()) + len("\n\n</details>")
    items: list[str] = []
    for finding in findings:
        item = _item(subject, finding)
        room -= len(item.encode()) + 2
        if room < 0:
            break
        items.append(item)
    if not items:
        return "", len(findings)
    return "\n\n".join([start, *items, "</details>"]), len(findings) - len(items)


def _counts(findings: Iterable[Finding]) -> str:
    severities = [finding.severity for finding in findings]
    nouns = {"error": "error", "warning": "warning", "notice": "note"}
    counts = [(severities.count(key), noun) for key, noun in nouns.items() if key in severities]
    return ", ".join(f"{count} {noun}{'s' if count > 1 else ''}" for count, noun in counts)


def _item(subject: Subject, finding: Finding) -> str:
    first, _, rest = finding.message.strip().partition("\n")
    inside = f", cell {code(finding.cell, 60)}" if finding.cell else ""
    rule = code(finding.rule, 60)
    line = f"**{_SEVERITIES[finding.severity]}** {_place(subject, finding)}{inside} ({rule})"
    parts = [f"{line}: {prose(first, 400) or NO_MESSAGE}"]
    if rest.strip():
        parts.append(fence(rest.strip("\n")))
    if finding.hint.strip():
        parts.append(f"Next: {prose(finding.hint, 400)}")
    return "\n\n".join(parts)


def _reproduce(subject: Subject) -> str:
    gates = [gate for gate in subject.gates if gate.status != "passed"] or subject.gates
    commands = list(dict.fromkeys(_command(gate) for gate in gates))
    if not commands:
        return ""
    return f"On this branch, your own machine says the same: `{' && '.join(commands)}`"
