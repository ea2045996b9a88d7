"""Which findings become annotations of the check run, and what they may hold."""

from __future__ import annotations

import re

import pytest

from bot.checks import left_out
from bot.model import Annotation
from tests.hostile.texts import TEXTS
from tests.unit.bot.subjects import DEV, SYNTAX, replace_line, report
from tito.report import Finding, judge
from tito.summary import workflow_commands

NOWHERE: frozenset[str] = frozenset()


def many(count: int, severity: str = "error") -> list[Finding]:
    found = [replace_line(SYNTAX, line, f"number {line}") for line in range(1, count + 1)]
    return [Finding(f.rule, severity, f.path, f.line, f.message, f.hint, f.cell) for f in found]


@pytest.mark.parametrize("count", [0, 10, 11, 75])
def test_what_the_workflow_shows_and_what_is_left_out_are_everything_once(count: int) -> None:
    others = [*many(3, "warning"), Finding("written", "notice", "a.py", 1, "a note")]
    found = report(judge("export", many(count), ""), judge("protection", others, ""))
    shown = [re.search(r"^::(\w+) .*line=(\d+),", text) for text in workflow_commands(found)]
    levels = {"error": "failure", "warning": "warning"}
    everything = [(levels[one[1]], int(one[2])) for one in shown if one]
    everything += [(one.level, one.line) for one in left_out(found, NOWHERE)]
    wanted = [("failure", line) for line in range(1, count + 1)]
    assert everything == [*wanted, *(("warning", line) for line in range(1, 4))]


def test_an_annotation_names_the_rule_the_cell_and_the_next_step() -> None:
    [*_, last] = left_out(report(judge("export", many(11), "")), NOWHERE)
    assert last == Annotation(
        path=DEV,
        line=11,
        level="failure",
        title="export-syntax, cell activations-relu",
        message="number 11\n→ close the bracket that `def relu(x:` opens",
    )


@pytest.mark.parametrize("moved", [None, frozenset([DEV])])
def test_a_line_that_may_differ_at_the_head_is_only_told(moved: frozenset[str] | None) -> None:
    [one] = left_out(report(judge("export", many(11), "")), moved)
    assert one.line == 1
    assert "(line 11 of the merge that was judged)" in one.message


def test_what_github_would_refuse_never_reaches_it() -> None:
    odd = [
        Finding("r" * 400, "warning", "a.py", line, f"{line} {'x' * 90_000}\n" * 40)
        for line in (-3, 0, 10**18)
    ]
    beyond = left_out(report(judge("export", [*many(10), *odd], "")), NOWHERE)
    assert [one.line for one in beyond] == [1, 1, 1]
    assert all(len(one.title) <= 255 and len(one.message.encode()) < 65_536 for one in beyond)


def test_hostile_text_stays_on_its_line_and_hostile_paths_stay_out() -> None:
    odd = [Finding(text, "warning", path, 3, text, text, text) for text in TEXTS
           for path in ("a.py", text)]  # fmt: skip
    beyond = left_out(report(judge("export", [*many(10), *odd], "")), NOWHERE)
    assert beyond
    assert {one.path for one in beyond} == {"a.py"}
    for one in beyond:
        assert one.message
        assert "\n" not in one.title
        assert not set("\x00\x1b\u202e\u2066\r") & set(one.title + one.message)
