"""Who set the label that sets the policy aside: GitHub's word, put into the report.

The gate knows it only when the label itself started the run, and what the gate wrote could have
been written by the author of the pull request.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from tito.report import Finding, Report

RULE = "policy-override"


def overridden(report: Report) -> bool:
    """True if a gate says that a label sets something aside."""
    return any(_told(finding) for gate in report.gates for finding in gate.findings)


def named(report: Report, label: str, who: Callable[[str], str]) -> Report:
    """The report with the login of whoever set `label`, as `who` has it; empty is nobody."""
    if not (label and overridden(report)):
        return report
    login = who(label)
    message = f"the label {label!r}, set by {login}, sets findings against the policy aside"
    if not login:
        message = f"a gate says that the label {label!r} is set, and on GitHub nobody has set it"
    gates = tuple(
        replace(gate, findings=tuple(
            replace(each, message=message) if _told(each) else each for each in gate.findings
        ))
        for gate in report.gates
    )  # fmt: skip
    return replace(report, gates=gates)


def _told(finding: Finding) -> bool:
    return finding.rule == RULE and finding.severity == "warning"
