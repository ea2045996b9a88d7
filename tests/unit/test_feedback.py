"""Which modules a run is about, what its result may say, and in which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.small_class import hand_out, small_course
from tito import feedback
from tito import feedback_words as words
from tito.course import Course
from tito.errors import TitoError, UsageError
from tito.feedback import Feedback, ModuleFeedback, decode
from tito.provenance import Provenance
from tito.report import Finding, GateResult, Report, encode, judge
from tito.run_on import Selection, everything, handed_out, of_assignment, of_ref

MAIN, TAG = "refs/heads/main", "refs/tags/submit/"


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return small_course(tmp_path)


def mixed(tmp_path: Path, first: str, second: str) -> Course:
    return small_course(tmp_path, first=first, second=second)


def names(selection: Selection) -> list[str]:
    return [module.name for module in selection.modules]


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        ("push", "push", ["twice", "often"]),
        ("tag", "push", ["often"]),
        ("push", "off", ["twice"]),
        ("tag", "off", []),
        ("off", "off", []),
    ],
)
def test_a_push_runs_the_assignments_that_want_it(
    tmp_path: Path, first: str, second: str, wanted: list[str]
) -> None:
    course = mixed(tmp_path, first, second)
    found = of_ref(course, course.modules, MAIN)
    assert names(found) == wanted
    assert bool(found.because) == (not wanted)


def test_a_tag_runs_its_assignment_unless_that_is_off(tmp_path: Path) -> None:
    course = mixed(tmp_path, "tag", "off")
    found = of_ref(course, course.modules, f"{TAG}first")
    assert (names(found), found.assignment) == (["twice"], "first")
    off = of_ref(course, course.modules, f"{TAG}second")
    assert (names(off), off.assignment) == ([], "second")
    assert off.because == "assignment second starts no run in this course"
    assert "hands it in all the same" in off.hint
    assert off.hint.endswith("tito feedback --assignment second")
    pushed = of_ref(course, course.modules, MAIN)
    assert "git tag submit/first && git push origin submit/first" in pushed.hint


@pytest.mark.parametrize("ref", ["refs/heads/feedback", "refs/tags/v1", "refs/pull/1/merge", ""])
def test_another_branch_or_tag_is_not_run(course: Course, ref: str) -> None:
    found = of_ref(course, course.modules, ref)
    assert names(found) == []
    assert "neither main nor a tag submit/…" in found.because


def test_a_tag_of_no_assignment_is_told_the_nearest(course: Course) -> None:
    found = of_ref(course, course.modules, f"{TAG}firts")
    assert found.because == "there is no assignment 'firts'"
    assert "did you mean first?" in found.hint


def test_what_was_not_handed_out_is_not_asked_for(course: Course, tmp_path: Path) -> None:
    given = course.modules[:1]
    assert names(everything(course, given)) == ["twice"]
    found = of_assignment(course, given, "second")
    assert found.because == "no module of assignment second has been handed out yet"
    assert names(of_ref(course, given, MAIN)) == ["twice"]
    bare = msgspec.structs.replace(course, assignments=())
    assert names(of_ref(bare, given, MAIN)) == ["twice"]


def test_a_release_names_what_was_handed_out(course: Course, tmp_path: Path) -> None:
    released = Provenance("0" * 16, "", "", ("02_often",), {}, {})
    assert [module.name for module in handed_out(course, released)] == ["often"]
    assert handed_out(course, None) == course.modules
    with pytest.raises(UsageError, match="no module '09_gone'"):
        handed_out(course, msgspec.structs.replace(released, modules=("09_gone",)))
    assert hand_out(course, tmp_path / "student").modules == course.modules


PASSED = ModuleFeedback("01_twice", "passed", 2, 2, 20, 20)
FAILED = ModuleFeedback("02_often", "failed", 0, 1, 0, 10)
IDLE = ModuleFeedback("02_often", "not started")
POINT = Finding("test", "error", "a.py", 3, "no", "tito module test 02")
BAD = judge("02_often", [POINT], "tito module test 02")


def result(state: Any, *modules: ModuleFeedback, **more: Any) -> Feedback:
    return Feedback(state, "tito feedback", modules, **more)


GOOD_ONES = (
    result("passed", PASSED, IDLE),
    result("passed", PASSED),
    result("failed", PASSED, FAILED, report=Report((BAD,))),
    result("not started", IDLE),
    result("skipped", because="a push starts no run", hint="push the tag"),
    result("error", because="it broke"),
)


def test_results_survive_their_file() -> None:
    for one in GOOD_ONES:
        assert decode(encode(one)) == one


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (result("passed", IDLE), "its modules do not"),
        (result("passed"), "its modules do not"),
        (result("passed", PASSED, FAILED), "its modules do not"),
        (result("not started", PASSED), "its modules do not"),
        (result("passed", PASSED, PASSED), "twice"),
        (result("skipped", PASSED), "modules were judged"),
        (result("passed", PASSED, report=Report((BAD,))), "result of no module"),
        (result("failed", FAILED, report=Report((BAD, BAD))), "twice"),
        (
            result("passed", PASSED, report=Report((GateResult("01_twice", "error", (), ""),))),
            "has passed and has errors",
        ),
    ],
)
def test_a_result_that_contradicts_itself_is_none(one: Feedback, said: str) -> None:
    with pytest.raises(TitoError, match=said):
        decode(encode(one))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"\xff", b"[" * 100_000, b'{"state": "passed"}', b" " * (4 * 1024 * 1024 + 1),
        encode(result("passed", PASSED, format=2)),
        encode(result("passed", PASSED)).replace(b"01_twice", b"01_../x"),
        encode(result("passed", PASSED)).replace(b'"tests": 2', b'"tests": -1'),
        encode(result("error", because="x")).replace(b'"because"', b'"more": 1, "because"'),
    ],
)  # fmt: skip
def test_other_bytes_are_no_result(data: bytes) -> None:
    with pytest.raises(TitoError):
        decode(data)


def test_more_findings_than_anybody_reads_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [msgspec.structs.replace(POINT, line=line, message="x" * 900) for line in range(1, 300)]
    whole = result(
        "failed", FAILED, report=Report((judge("02_often", many, "tito module test 02"),))
    )
    found = feedback._bounded(whole)
    assert len(found.report.gates[0].findings) == 201
    assert found.report.gates[0].findings[-1].message == "99 more findings are not shown"
    monkeypatch.setattr(feedback, "LARGEST_RESULT", 40_000)
    assert len(encode(feedback._bounded(whole))) <= 40_000


def test_the_words_say_what_was_found() -> None:
    assert [words.headline(one) for one in GOOD_ONES] == [
        "✓ 1 module passes, 1 not started yet",
        "✓ 1 module passes",
        "✗ Not yet: 1 of 2 modules asks for a change",
        "○ Not started: every module is as it was handed out",
        "○ Not run: nothing has been tried",
        "! No verdict: your work could not be tried",
    ]
    assert [" ".join(words.sentences(one)) for one in GOOD_ONES[:5]] == [
        "Well done. Next: module 02, often.",
        "Well done. Nothing is left to mend here.",
        "What to do next is below.",
        "Begin with module 02, often: read it, write its first function, commit and push.",
        "The reason: a push starts no run. Push the tag",
    ]
    both = result("failed", FAILED, report=Report((judge("02_often", [POINT, msgspec.structs.replace(POINT, line=4)], ""),)))  # fmt: skip
    assert words.sentences(both)[0].startswith("Start with the first point")
    assert words.headline(result("passed", PASSED, msgspec.structs.replace(FAILED, state="passed"))).startswith("✓ 2 modules pass")  # fmt: skip
    assert words.row(PASSED) == ("01_twice", "✓ passed", "2 of 2", "20 of 20")
    assert words.row(IDLE)[2:] == ("–", "–")
    assert all(words.status(one) for one in GOOD_ONES)
