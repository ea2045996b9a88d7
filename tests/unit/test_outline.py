"""What a report says, before anybody gives it a form."""

from __future__ import annotations

import pytest

from tito import outline
from tito.report import CheckpointResult, Finding, GateResult, Report


def result(status: str, *findings: Finding, gate: str = "g") -> GateResult:
    return GateResult(gate, status, findings, "tito gate g")  # type: ignore[arg-type]


def error(path: str = "a.py", line: int = 1, message: str = "m", hint: str = "") -> Finding:
    return Finding("test", "error", path, line, message, hint)


@pytest.mark.parametrize(
    ("gates", "headline", "sentence"),
    [
        (["passed", "passed"], "✓ Every gate passed", "ready for a review"),
        ([], "! No gate has run, which counts as failed", "decides nothing"),
        (["failed", "passed"], "✗ Not yet: 1 of 2 gates asks for a change", "What to do next"),
        (["error", "failed"], "✗ Not yet: 2 of 2 gates ask for a change", "What to do next"),
        (["error", "passed"], "! 1 gate could not run", "decides nothing"),
        (["error", "error"], "! 2 gates could not run", "decides nothing"),
    ],
)
def test_the_verdict_in_words(gates: list[str], headline: str, sentence: str) -> None:
    report = Report(tuple(map(result, gates)))
    assert outline.headline(report) == headline
    assert sentence in outline.sentence(report)


def test_a_gate_says_what_it_decided_and_how_much_is_to_mend() -> None:
    note = Finding("n", "notice", "a.py", 1, "m")
    assert outline.result(result("failed", error(), error("b.py"), note)) == "✗ failed: 2 to mend"
    assert outline.result(result("error", error())) == "! could not run"
    assert outline.result(result("passed", note)) == "✓ passed"


def test_two_points_have_a_first_one() -> None:
    report = Report((result("failed", error(), error("b.py")),))
    assert outline.sentence(report).startswith("Start with the first point below")


def test_a_place_is_one_point_whatever_many_say_about_it() -> None:
    gates = (
        result("failed", error(message="one"), error(message="two"), error(line=2)),
        result("failed", error(message="one"), error(line=0, message="x"), error(line=0), gate="h"),
        result("passed", Finding("test", "warning", "c.py", 1, "w"), gate="i"),
    )
    found = outline.points(Report(gates), most=9)
    assert [(p.finding.message, p.finding.line, p.others) for p in found] == [
        ("one", 1, 1),
        ("m", 2, 0),
        ("x", 0, 0),
        ("m", 0, 0),
    ]
    assert len(outline.points(Report(gates), most=2)) == 2


def test_the_reason_is_the_rule_s_then_the_gate_s_then_any() -> None:
    def why(rule: str, gate: str, status: str = "failed") -> str:
        wrong = Finding(rule, "error", "a.py", 1, "m")
        return outline.Point(result(status, wrong, gate=gate), wrong).why

    assert "every module must work together" in why("other", "integration")
    assert "the test says" in why("test", "integration")
    assert "must pass before a merge" in why("other", "other")
    assert "not checked" in why("test", "integration", "error")


@pytest.mark.parametrize(
    ("message", "what", "rest"),
    [
        ("one", "one", ""),
        ("\n one \n\n    two\n      three \n", "one", "two\n  three"),
        ("AssertionError: \n\nNot equal\nmore", "AssertionError: Not equal", "more"),
        (":\n:\n:", ": : :", ""),
        (":\n" * 9, ": : : : : :", ":\n:\n:"),
        ("one\n  a  \n  b\r", "one", "a  \nb"),
        ("", "", ""),
    ],
)
def test_the_first_line_of_a_message_says_something(message: str, what: str, rest: str) -> None:
    assert outline.parts_of(message) == (what, rest)


@pytest.mark.parametrize(
    ("path", "hint", "place"),
    [
        ("tinytorch/core/tensor.py", "make the change in modules/source/02_t/t_dev.py:621, then", ("modules/source/02_t/t_dev.py", 621)),
        ("tinytorch/core/tensor.py", "its place: modules/source/02_t/t_dev.py", ("modules/source/02_t/t_dev.py", 0)),
        ("tinytorch/core/tensor.py", "tito export --all", ("tinytorch/core/tensor.py", 9)),
        ("modules/a_dev.py", "as in modules/b_dev.py:3", ("modules/a_dev.py", 9)),
        ("x.py", "../a/b_dev.py:1 //evil.example/c_dev.py:2 /etc/d_dev.py e/f_dev.py/g", ("x.py", 9)),
        ("x.py", "a/b_dev.py:99999999999", ("a/b_dev.py", 0)),
    ],
)  # fmt: skip
def test_a_generated_file_names_its_origin(path: str, hint: str, place: tuple[str, int]) -> None:
    assert outline.origin(error(path, 9, hint=hint)) == place


def test_the_checkpoints_stand_in_groups_with_those_passed_first() -> None:
    states = ["passed", "not run", "passed", "failed"]
    strip = [CheckpointResult(f"0{i}_a_b", f"q{i}", s) for i, s in enumerate(states)]  # type: ignore[arg-type]
    assert [(group.state, group.names) for group in outline.groups(strip)] == [
        ("passed", ("00 a b", "02 a b")),
        ("failed", ("03 a b",)),
        ("not run", ("01 a b",)),
    ]
    assert outline.how_far(strip) == "Checkpoints: 2 of 4 passed"
    assert outline.ahead(strip) == strip[1]
    assert outline.ahead(strip[:1]) is None
    assert outline.ahead([CheckpointResult("00_a", "q", "not written"), strip[3]]) == strip[3]


def test_every_sign_has_its_word() -> None:
    """Without colours, and read aloud, it says the same."""
    for table in (outline.SIGNS, outline.SEVERITIES, outline.STATES):
        for name, shown in table.items():
            sign, word = shown.split(" ", 1)
            assert len(sign) == 1
            assert word in (name, "could not run", "note")
        assert len({shown[0] for shown in table.values()}) == len(table)
