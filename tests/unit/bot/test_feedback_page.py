"""What a student reads, as it stands there. `python -m tests.unit.bot.test_feedback_page` writes the
golden files in `student/` anew; look at the difference."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.feedback_page import Subject, render, status_of, summary
from bot.render import BUDGET
from bot.verdict import Unreadable
from tests.hostile.texts import FEW
from tests.unit.bot.harmless import complaints
from tests.unit.bot.subjects import CHECKPOINTS, RUN
from tito.feedback import Feedback, ModuleFeedback, decode
from tito.report import Finding, GateResult, Report, encode, judge

HERE = Path(__file__).parent / "student"
TENSOR = "modules/source/02_tensor/tensor_dev.py"
LAYERS = "modules/source/04_layers/layers_dev.py"
CHECK = "tests/checkpoints/checkpoint_01_foundation.py"
WAITING = tuple(
    msgspec.structs.replace(each, state="waiting" if at else "passed")
    for at, each in enumerate(CHECKPOINTS[:4])
)
SETUP = ModuleFeedback("01_setup", "passed", 6, 6, 6, 6)
HALF = ModuleFeedback("02_tensor", "failed", 9, 11, 22, 30)
IDLE = ModuleFeedback("03_activations", "not started")
WRONG = Finding(
    "test", "error", TENSOR, 633,
    "test_add: assert [-2.0, -2.0] == [4.0, 6.0]\nAt index 0 diff: -2.0 != 4.0",
    "tito module test 02", "tensor-add-test",
)  # fmt: skip
TODO = Finding(
    "test", "error", TENSOR, 702,
    "test_matmul: NotImplementedError: this is yours to write, in module 02_tensor",
    "tito module test 02", "tensor-matmul",
)  # fmt: skip
LOCKED = Finding(
    "locked-changed", "warning", CHECK, 0,
    "this file was changed since it was handed out; grading uses it as it was",
    f"to have it back: `git checkout origin/feedback -- {CHECK}`",
)  # fmt: skip
SYNTAX = Finding(
    "export-syntax", "error", LAYERS, 88, "syntax error: '(' was never closed",
    "look at: def forward(self, x:", "layers-linear",
)  # fmt: skip


def partial(*more: Finding) -> Feedback:
    gates = [judge("01_setup", [], "tito module test 01")]
    gates += [judge("02_tensor", [WRONG, TODO, *more], "tito module test 02")]
    gates += [judge("locked-files", [LOCKED], "tito feedback")]
    report = Report(tuple(gates), WAITING)
    modules = (SETUP, HALF, IDLE)
    again = "tito feedback --assignment foundations"
    return Feedback("failed", again, modules, report, "foundations")


BROKEN = Feedback(
    "failed",
    "tito feedback",
    (ModuleFeedback("04_layers", "could not run", 0, 8, 0, 20),),
    Report((judge("04_layers", [SYNTAX], "tito module test 04"),), WAITING),
)
GOOD = Feedback(
    "passed",
    "tito feedback",
    (SETUP, msgspec.structs.replace(HALF, state="passed", passed=11, earned=30)),
    Report((judge("01_setup", [], ""), judge("02_tensor", [], "")), WAITING),
)
SKIPPED = Feedback(
    "skipped", "tito feedback", assignment="foundations",
    because="assignment foundations starts no run in this course",
    hint="Your tag hands it in all the same. See how far you are on your own machine: "
    "tito feedback --assignment foundations",
)  # fmt: skip
ERROR = Feedback(
    "error",
    "tito feedback",
    report=Report((GateResult("feedback", "error", (Finding("gate", "error", "classroom.yml", 3, "section 'modules' is missing"),), "tito feedback"),)),
    because="classroom.yml has 1 fault(s)",
)  # fmt: skip
SUBJECTS: dict[str, Feedback | Unreadable] = {
    "good": GOOD,
    "partial": partial(),
    "broken": BROKEN,
    "not-started": Feedback("not started", "tito feedback", (IDLE,)),
    "skipped": SKIPPED,
    "error": ERROR,
    "unreadable": Unreadable("the run has left no result: something ended it too early"),
}


def subject(found: Feedback | Unreadable) -> Subject:
    return Subject("acme/course", "https://github.com", RUN, found)


@pytest.mark.parametrize("name", SUBJECTS)
def test_it_is_what_the_golden_file_shows(name: str) -> None:
    text = render(subject(SUBJECTS[name]), 7)
    assert (HERE / f"{name}.md").read_text("utf-8") == text + "\n"
    assert complaints(text) == []
    assert summary(subject(SUBJECTS[name])) == text.partition("\n\n")[2] + "\n\n"


def test_there_is_no_golden_file_too_many() -> None:
    assert {file.stem for file in HERE.iterdir()} == set(SUBJECTS)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("good", ("tito/feedback", "success", "2 of 2 modules pass; feedback, not the grade")),
        ("partial", ("tito/feedback", "failure", "not yet: 1 of 2 modules pass; feedback, not the grade")),
        ("not-started", ("tito/feedback", "pending", "not started: every module is as it was handed out")),
        ("skipped", ("tito/not-run", "pending", "not run: assignment foundations starts no run in this course")),
        ("error", ("tito/feedback", "error", "your work could not be tried: see the run")),
        ("unreadable", ("tito/feedback", "error", "no verdict: the run has left no result: something ended it too early")),
    ],
)  # fmt: skip
def test_only_what_passes_is_green(name: str, wanted: tuple[str, str, str]) -> None:
    found = status_of(SUBJECTS[name], RUN.page)
    assert (found.context, found.state, found.description) == wanted


def test_much_is_cut_and_everything_is_within_the_budget() -> None:
    lines = "\n".join(f"frame {i}: `value`" for i in range(60))
    many = [msgspec.structs.replace(WRONG, line=i, message=f"test {i}\n{lines}") for i in range(1, 200)]  # fmt: skip
    text = render(subject(partial(*many)), 7)
    assert len(text.encode()) <= BUDGET
    assert "more left out here: `tito module test 02` shows them all" in text
    assert text.count("\n   - Where:") == 3
    assert complaints(text) == []


def hostile(*texts: str) -> Feedback:
    """A result that decodes, with these texts wherever text may stand."""
    findings = [Finding(t, "error", t, i, f"{t}\n{t}", t, t) for i, t in enumerate(texts, start=1)]
    modules = (HALF, ModuleFeedback("05_losses_deadbeef", "failed"))
    gates = tuple(judge(module.module, findings, texts[0]) for module in modules)
    return Feedback(
        "failed", texts[0], modules, Report(gates, WAITING, texts[0]), isolation=texts[0]
    )


def test_nothing_of_a_student_gets_out() -> None:
    assert complaints(render(subject(hostile(*FEW)), 7)) == []
    for text in FEW:
        skipped = Feedback("skipped", text, because=text[:1900], hint=text[:1900])
        assert complaints(render(subject(skipped), 7)) == []
        assert complaints(render(subject(Unreadable(text)), 7)) == []
        assert len(status_of(skipped, RUN.page).description) <= 140


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(FEW), st.text(max_size=40)), min_size=1, max_size=3))
def test_no_text_whatever_gets_out(texts: list[str]) -> None:
    assert complaints(render(subject(hostile(*texts)), 7)) == []


def test_the_file_is_read_with_care(tmp_path: Path) -> None:
    pytest.importorskip("github")
    from bot.feedback import read_feedback

    file = tmp_path / "result.json"
    assert read_feedback(file) == SUBJECTS["unreadable"]
    file.write_bytes(encode(partial()))
    assert read_feedback(file) == decode(encode(partial()))
    file.write_bytes(b"{}")
    assert isinstance(read_feedback(file), Unreadable)
    link = tmp_path / "link"
    link.symlink_to(file)
    assert isinstance(read_feedback(link), Unreadable)
    assert isinstance(read_feedback(tmp_path), Unreadable)


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    for name, found in SUBJECTS.items():
        (HERE / f"{name}.md").write_text(render(subject(found), 7) + "\n", encoding="utf-8")
