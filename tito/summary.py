"""A report on GitHub's own pages: Markdown for a job's summary, annotations for its log."""

from __future__ import annotations

import unicodedata

from tito import outline
from tito.markdown import Look, body
from tito.report import Finding, Report, in_order
from tito.untrusted import code

LARGEST_SUMMARY = 1024 * 1024
"""Bytes that GitHub takes for one step; of more it shows nothing."""
MOST_ANNOTATIONS = 10
"""What GitHub shows of one step."""
_LONGEST_ANNOTATION = 4000


def all_findings(report: Report) -> tuple[Finding, ...]:
    """Of all gates, errors first; what two gates say alike stands once."""
    return in_order(finding for gate in report.gates for finding in gate.findings)


def markdown(report: Report, *, room: int = LARGEST_SUMMARY) -> str:
    """The report as a job's summary of at most `room` bytes. Empty if not even the verdict fits."""
    opening = [f"### {outline.headline(report)}", outline.sentence(report), _commits(report)]
    shown = "\n\n".join(part for part in opening if part)
    left = room - len(shown.encode()) - 4
    if left < 0:
        return ""
    return "\n\n".join([shown, *body(report, Look(), left)]) + "\n\n"


def _commits(report: Report) -> str:
    pairs = (("Judged commit", report.sha), ("head of the pull request", report.head))
    return ", ".join(f"{name} {code(value, 64)}" for name, value in pairs if value)


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
    message = _data(f"{finding.message}{hint}"[:_LONGEST_ANNOTATION])
    return f"::{finding.severity} {listed}::{message}"


def _data(text: str) -> str:
    """As GitHub's toolkit escapes it; a carriage return is no longer one."""
    text = visible(text.replace("\r\n", "\n"), lines=True)
    return text.replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
