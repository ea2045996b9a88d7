"""Reports as a run would bring them, and the subjects made of them.

Those in `reports/` were written by the gates themselves, on this course with a fault planted in it.
`python -m tests.unit.bot.subjects` writes the golden files anew; look at the difference.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec

from bot.base import Before
from bot.model import Pull, Run
from bot.render import Subject, render
from bot.verdict import Unreadable, Verdict
from tests.conftest import ROOT
from tests.hostile.texts import FEW
from tito import course as course_module
from tito.report import CheckpointResult, Finding, GateResult, Report, decode_report, judge

HERE = Path(__file__).parent
HEAD = "4f1c" * 10
BASE = "b0de" * 10
MERGE = "3e6e" * 10
URL = "https://github.com/acme/course/actions/runs/1001"

RUN = Run(1001, 12, 1, HEAD, "fix/typo", 77, "acme", URL)
PULL = Pull(7, True, HEAD, "fix/typo", 77, BASE, "main", fork=False)

PASSED, FAILED = Verdict("success"), Verdict("failure")

CHECKPOINTS = tuple(
    CheckpointResult(
        checkpoint.slug,
        checkpoint.question,
        "passed" if position < 3 else "not run" if position == 3 else "not written",
    )
    for position, checkpoint in enumerate(course_module.load(ROOT).checkpoints)
)

NOTE = Finding("not-written", "notice", "classroom.yml", 0, "16 modules not written yet")
GOOD = tuple(
    judge(name, [NOTE] if name == "export" else [], f"tito gate {name}")
    for name in ("export", "protection", "integration")
)

DEV = "modules/source/03_activations/activations_dev.py"
SYNTAX = Finding(
    "export-syntax",
    "error",
    DEV,
    212,
    "'(' was never closed",
    "close the bracket that `def relu(x:` opens",
    "activations-relu",
)
TRACE = Finding(
    "test",
    "error",
    DEV,
    230,
    "test_relu_keeps_positive_numbers: SyntaxError: '(' was never closed\n"
    "activations_dev.py:212: in <module>\n    def relu(x:\nE   SyntaxError: '(' was never closed",
    "tito module test 03",
    "activations-relu-test",
)
LOCKED = Finding(
    "protection-locked",
    "warning",
    "tests/checkpoints/checkpoint_03_components.py",
    0,
    "this file is locked and was changed since main",
    "a code owner has to look at it",
)
NEW_NAME = Finding(
    "contract-new",
    "warning",
    "modules/api.json",
    0,
    "tinytorch has a new public name: core.layers.Flatten",
    "tito package api --write",
)


def subject(report: Report | Unreadable, verdict: Verdict) -> Subject:
    """What a run of an ordinary branch has to say, at whose base every gate passed."""
    base = {gate.gate: Before("passed") for gate in GOOD}
    return Subject(
        "acme/course", "https://github.com", RUN, PULL, verdict, report, False, frozenset(), base
    )


def report(*gates: GateResult) -> Report:
    """A report of these gates; the good ones fill up the rest."""
    named = {gate.gate: gate for gate in (*GOOD, *gates)}
    return Report(tuple(named.values()), CHECKPOINTS, MERGE, HEAD)


def real(name: str) -> Report:
    """A report that the gates wrote."""
    found = decode_report((HERE / "reports" / f"{name}.json").read_bytes())
    return msgspec.structs.replace(found, sha=MERGE, head=HEAD)


def _hostile() -> Report:
    findings = [
        Finding(text, "error", text, 10 + i, f"{text}\n{text}", text, text)
        for i, text in enumerate(FEW)
    ]
    return report(judge("export", findings, "tito gate export; rm -rf ~"))


def _huge() -> Report:
    lines = "\n".join(f"frame {i}: `value`" for i in range(100))
    many = [replace_line(TRACE, i, f"test number {i} failed\n{lines}") for i in range(1, MANY + 1)]
    return report(judge("integration", many, "tito gate integration"))


def replace_line(finding: Finding, line: int, message: str) -> Finding:
    """The same finding elsewhere."""
    return msgspec.structs.replace(finding, line=line, message=message)


MANY = 999
"""Findings of the huge report."""

COULD_NOT = GateResult(
    "integration",
    "error",
    (
        Finding(
            "gate",
            "error",
            "classroom.yml",
            0,
            "the gate wrote no result",
            "look at the end of the job's log; run `tito gate integration` on this branch",
        ),
    ),
    "tito gate integration",
)
_WORSE = {"export": Before("passed"), "protection": Before("passed")}

SUBJECTS = {
    "green": subject(report(), PASSED),
    "mended": replace(
        subject(report(), PASSED),
        base={"export": Before("failed", 2), "protection": Before("passed"), "integration": Before("error")},
    ),
    "warnings": subject(
        report(
            judge("protection", [LOCKED], "tito gate protection --base 'HEAD^1'"),
            judge("integration", [NEW_NAME], "tito gate integration"),
        ),
        PASSED,
    ),
    "own-gates": replace(subject(report(), PASSED), touches_gates=True),
    "syntax-error": subject(real("syntax-error"), FAILED),
    "not-exported": subject(real("not-exported"), FAILED),
    "failing-tests": subject(real("failing-tests"), FAILED),
    "fewer-failures": replace(
        subject(real("one-cause"), FAILED), base=_WORSE | {"integration": Before("failed", 40)}
    ),
    "wrong-import": subject(real("wrong-import"), FAILED),
    "hand-edit": subject(real("hand-edit"), FAILED),
    "could-not-run": subject(report(COULD_NOT), FAILED),
    "disagreement": subject(
        report(), Verdict("error", "the report says passed, the job verdict ended with failure")
    ),
    "unreadable": subject(Unreadable("the report is a link"), FAILED),
    "huge": subject(_huge(), FAILED),
    "hostile": replace(subject(_hostile(), FAILED), touches_gates=True),
}  # fmt: skip
"""Name of the golden file → what it shows."""


def golden(name: str) -> Path:
    """The file that shows how a subject looks. What is hostile stands with its kind."""
    if name == "hostile":
        return ROOT / "tests" / "hostile" / "comment.md"
    return HERE / "golden" / f"{name}.md"


if __name__ == "__main__":
    for name, one in SUBJECTS.items():
        golden(name).write_bytes(render(one).encode() + b"\n")
