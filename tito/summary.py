"""A report as text for GitHub's own pages: Markdown for a job summary, annotations for a log.

Every text in a report may have been written by somebody else. In Markdown it stands in code spans
and code blocks alone, where nothing is a mention, a link, an image, HTML or a table.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from tito.report import CheckpointResult, Finding, GateResult, Report, in_order

LARGEST_SUMMARY = 1024 * 1024
"""Bytes that GitHub takes for one step; of more it shows nothing."""
MOST_ANNOTATIONS = 10
"""What GitHub shows of one step."""
_RESERVE = 4096
"""Bytes of a summary for what says that the rest was left out."""
_LONGEST_SPAN = 300
_LONGEST_BLOCK = 4000

SIGNS = {"passed": "✓ passed", "failed": "✗ failed", "error": "! could not run"}
_SEVERITIES = {"error": "✗ error", "warning": "! warning", "notice": "· note"}
_STATES = {
    "passed": "✓",
    "failed": "✗",
    "to run again": "~",
    "not run": "·",
    "waiting": "·",
    "not written": "–",
}


def verdict(report: Report) -> str:
    """One sentence."""
    bad = [gate for gate in report.gates if gate.status != "passed"]
    if report.status == "passed":
        return f"All {len(report.gates)} gates passed"
    if not report.gates:
        return "No gate has run, which counts as failed"
    stuck = sum(gate.status == "error" for gate in bad)
    words = f", {stuck} of them because it could not run" if stuck else ""
    return f"{len(bad)} of {len(report.gates)} gates failed{words}"


def all_findings(report: Report) -> tuple[Finding, ...]:
    """Of all gates, errors first; what two gates say alike stands once."""
    return in_order(finding for gate in report.gates for finding in gate.findings)


def visible(text: str, *, lines: bool = False) -> str:
    """Control, format and bidirectional characters and lone surrogates written as escapes.

    With `lines`, line feeds and tabs stay.
    """
    kept = "\n\t" if lines else ""
    return "".join(char if char in kept or not _hidden(char) else _escape(char) for char in text)


def _hidden(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode()


def workflow_commands(report: Report) -> list[str]:
    """Workflow commands for errors and warnings, the worst first, no more than GitHub shows."""
    found = [f for f in all_findings(report) if f.severity != "notice"]
    return [_annotation(finding) for finding in found[:MOST_ANNOTATIONS]]


def _annotation(finding: Finding) -> str:
    properties = {
        "file": finding.path,
        "line": str(finding.line) if finding.line > 0 else "",
        "title": f"{finding.rule}, cell {finding.cell}" if finding.cell else finding.rule,
    }
    listed = ",".join(f"{key}={_property(text)}" for key, text in properties.items() if text)
    hint = f"\n→ {finding.hint}" if finding.hint else ""
    message = _data(f"{finding.message}{hint}"[:_LONGEST_BLOCK])
    return f"::{finding.severity} {listed}::{message}"


def _data(text: str) -> str:
    """As GitHub's toolkit escapes it; a carriage return is no longer one."""
    text = visible(text.replace("\r\n", "\n"), lines=True)
    return text.replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def code(text: str) -> str:
    """A code span: nothing in it is Markdown, and no line or cell of a table ends in it."""
    shown = visible(text[:_LONGEST_SPAN]).replace("|", "¦").strip() or "–"
    if len(text) > _LONGEST_SPAN:
        shown += "…"
    fence = "`" * (_longest_run(shown) + 1)
    space = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{fence}{space}{shown}{space}{fence}"


def block(text: str) -> str:
    """A code block, fenced by more backticks than the text has in a row."""
    shown = visible(text[:_LONGEST_BLOCK].replace("\r\n", "\n"), lines=True)
    if len(text) > _LONGEST_BLOCK:
        shown += "\n…"
    fence = "`" * max(3, _longest_run(shown) + 1)
    return f"{fence}text\n{shown}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def markdown(report: Report, *, room: int = LARGEST_SUMMARY) -> str:
    """The report as a job summary of at most `room` bytes: verdict, gates, checkpoints, findings.

    What does not fit is left out from the end, and that is said.
    """
    parts = [f"## {verdict(report)}", _commits(report), _gates(report.gates)]
    parts += [_checkpoints(report.checkpoints), *_findings(all_findings(report))]
    text, left = "", room - _RESERVE
    for number, part in enumerate(part for part in parts if part):
        added = f"{part}\n\n"
        left -= len(added.encode())
        if left < 0:
            rest = len([p for p in parts if p]) - number
            return f"{text}{rest} more parts did not fit: the log holds them all.\n\n"
        text += added
    return text


def _commits(report: Report) -> str:
    pairs = (("judged commit", report.sha), ("head of the pull request", report.head))
    return " · ".join(f"{name} {code(value)}" for name, value in pairs if value)


def _gates(gates: Iterable[GateResult]) -> str:
    lines = ["| gate | result | errors | see it again |", "| --- | --- | --- | --- |"]
    for gate in gates:
        errors = sum(finding.severity == "error" for finding in gate.findings)
        again = code(gate.reproduce)
        lines.append(f"| {code(gate.gate)} | {SIGNS[gate.status]} | {errors} | {again} |")
    return "\n".join(lines)


def _checkpoints(results: Iterable[CheckpointResult]) -> str:
    lines = [
        f"- {_STATES[r.state]} {r.state}: {code(r.checkpoint)} {code(r.question)}" for r in results
    ]
    return "\n".join(["### Checkpoints", "", *lines]) if lines else ""


def _findings(findings: Iterable[Finding]) -> Iterator[str]:
    """Each finding by itself; notices folded away below the rest."""
    open_ones = [f for f in findings if f.severity != "notice"]
    if open_ones:
        yield "### What was found"
    yield from map(_finding, open_ones)
    notes = [_finding(f) for f in findings if f.severity == "notice"]
    if notes:
        inner = "\n\n".join(notes)
        yield f"<details><summary>{len(notes)} notes</summary>\n\n{inner}\n\n</details>"


def _finding(finding: Finding) -> str:
    cell = f", cell {code(finding.cell)}" if finding.cell else ""
    place = code(finding.place) if finding.path else "the gate itself"
    parts = [f"**{_SEVERITIES[finding.severity]}** {place}{cell} ({code(finding.rule)})"]
    parts.append(block(finding.message))
    if finding.hint:
        parts.append(f"→ {code(finding.hint)}")
    return "\n\n".join(parts)
