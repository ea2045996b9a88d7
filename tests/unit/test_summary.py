"""Reports as Markdown and as workflow commands, whatever somebody wrote into them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile.texts import TEXTS
from tests.unit.bot.harmless import complaints
from tito.report import CheckpointResult, Finding, GateResult, Report
from tito.summary import (
    LARGEST_SUMMARY,
    MOST_ANNOTATIONS,
    markdown,
    workflow_commands,
)

HOSTILE = [*TEXTS, "\ud800", "\udfff@ann"]
TEXT = st.sampled_from(HOSTILE) | st.text(max_size=80) | st.text("`|\\<>@![]()\n ", max_size=40)


def finding(text: str, severity: str = "error") -> Finding:
    return Finding(text, severity, text, 3, text, text, text)  # type: ignore[arg-type]


def report(text: str) -> Report:
    found = (finding(text), finding(text, "warning"), finding(text, "notice"))
    gates = (GateResult(text, "failed", found, text), GateResult("x", "error", (), text))
    return Report(gates, (CheckpointResult(text, text, "to run again"),), text, text)


@given(TEXT)
def test_no_text_of_others_is_markdown(text: str) -> None:
    made = markdown(report(text))
    assert complaints(made) == []
    made.encode()


@given(TEXT)
def test_an_annotation_is_one_line_and_one_command(text: str) -> None:
    lines = workflow_commands(report(text))
    assert len(lines) == 2  # no notice
    for line in lines:
        assert len(line.splitlines()) == 1
        match = re.fullmatch(r"::(error|warning) ((?:\w+=[^,:]*)(?:,\w+=[^,:]*)*)::(.*)", line)
        assert match is not None
        keys = [pair.partition("=")[0] for pair in match[2].split(",")]
        assert keys in (["file", "line", "title"], ["line", "title"], ["line"])
        assert re.sub("%(25|0A|3A|2C)", "", line).count("%") == 0


def test_an_annotation_says_what_is_wrong_and_what_to_do() -> None:
    wrong = Finding("export-syntax", "error", "a b.py", 3, "100% wrong:\nso", "mend it", "c-1")
    (line,) = workflow_commands(Report((GateResult("export", "failed", (wrong,), ""),)))
    title = "title=export-syntax%2C cell c-1"
    assert line == f"::error file=a b.py,line=3,{title}::100%25 wrong:%0Aso%0A→ mend it"


def test_errors_are_annotated_first_once_and_no_more_than_are_shown() -> None:
    many = [Finding("r", "warning", f"a{n:02}.py", 0, "m") for n in range(20)]
    error = Finding("r", "error", "z.py", 1, "m")
    gates = (GateResult("a", "failed", (*many, error), ""), GateResult("b", "failed", (error,), ""))
    lines = workflow_commands(Report(gates))
    assert len(lines) == MOST_ANNOTATIONS
    assert lines[0].startswith("::error file=z.py,line=1")
    assert sum(line.startswith("::error") for line in lines) == 1
    assert lines[1] == "::warning file=a00.py,title=r::m"


@pytest.mark.slow
@pytest.mark.parametrize("room", [0, 100, 400, 2_000, 20_000, LARGEST_SUMMARY])
def test_a_summary_fits_and_says_what_it_leaves_out(room: int) -> None:
    many = tuple(Finding("r", "error", f"{n}.py", 0, "m\n" + "🧠" * 3000) for n in range(2000))
    made = markdown(Report((GateResult("a", "failed", many, "tito gate a"),)), room=room)
    assert len(made.encode()) <= room
    assert complaints(made) == []
    if room >= 400:
        assert made.startswith("### ✗ Not yet: 1 of 1 gate asks for a change\n")
        assert "More did not fit here: the log holds all of it." in made or "left out here" in made


@pytest.mark.slow
def test_a_summary_of_many_commands_fits_whatever_room_is_left() -> None:
    gates = tuple(
        GateResult("gate-" + "abcdefghij"[i] * 25, "failed", (finding(f"x y {i}"),), "")
        for i in range(10)
    )
    for room in [*range(70, 200, 7), *range(200, 9000, 83)]:
        made = markdown(Report(gates), room=room)
        assert len(made.encode()) <= room
        assert complaints(made) == []
        left_out = "More did not fit here" in made
        assert left_out == (made.count("<summary>") < 7) or room < 200  # three come first


def test_a_report_of_very_many_gates_still_fits() -> None:
    gates = tuple(GateResult(f"g{n}", "failed", (finding("x"),), "") for n in range(5000))
    states = tuple(CheckpointResult(f"{n:02}_x", "?", "passed") for n in range(5000))
    made = markdown(Report(gates, states), room=30_000)
    assert len(made.encode()) <= 30_000
    assert "| 4970 more gates |" in made
    assert "- 4970 more checkpoints" in made


def test_a_summary_shows_gates_checkpoints_and_findings() -> None:
    wrong = Finding("package-edited", "error", "tinytorch/a.py", 3, "edited", "mend it", "c-1")
    note = Finding("not-written", "notice", "classroom.yml", 0, "two modules")
    made = markdown(
        Report(
            (GateResult("export", "failed", (wrong, note), "tito gate export"),),
            (CheckpointResult("01_a", "Can I?", "not run"),),
            "1" * 40,
            "2" * 40,
        )
    )
    parts = [
        "### ✗ Not yet: 1 of 1 gate asks for a change\n",
        f"Judged commit `{'1' * 40}`, head of the pull request `{'2' * 40}`",
        "| export | ✗ failed: 1 to mend | run `tito gate export` |",
        "**Checkpoints: 0 of 1 passed**",
        "- `○ not run` 01 a",
        "- Next, 01 a: Can I?",
        "1. **edited**\n   - Where: `tinytorch/a.py:3`, cell `c-1`",
        "<details><summary>gate export: 1 error, 1 note</summary>",
        "two modules",
        "On this branch, your own machine says the same: `tito gate export`",
    ]
    places = [made.index(part) for part in parts]
    assert places == sorted(places)
