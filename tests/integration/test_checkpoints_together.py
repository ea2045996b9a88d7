"""Checkpoints in one process: each has the outcome that it has alone, whatever another one does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, SmallCourse
from tests.integration.built_course import Built
from tito import checkpoints
from tito import course as course_module
from tito.checkpoints import run_together, status
from tito.course import Checkpoint, Course
from tito.errors import CutShortError, TitoError
from tito.gates import integration_gate
from tito.integration import Job, _all
from tito.report import Finding
from tito.sandbox import Limits
from tito.testing import TestRun, run_file, run_files

pytestmark = pytest.mark.slow

FIRST = "tests/checkpoints/checkpoint_00_shapes.py"
SECOND = "tests/checkpoints/checkpoint_01_later.py"
GOOD = "from tinytorch import Linear\n\n\ndef test_later():\n    assert Linear(2, 3)\n"


@pytest.fixture
def built(small: SmallCourse) -> Built:
    """With two checkpoints that pass."""
    built = Built(small)
    (built.root / SECOND).write_text(GOOD, encoding="utf-8")
    return built


def outcomes(course: Course) -> dict[str, bytes]:
    files = sorted((course.root / ".tito/results").glob("*.json"))
    return {file.name: file.read_bytes() for file in files}


def names_of(chosen: tuple[Checkpoint, ...]) -> list[str]:
    return [checkpoint.name for checkpoint in chosen]


def known(run: TestRun) -> list[tuple[str, str, Finding | None]]:
    return [(test.name, test.verdict, test.finding) for test in run.tests]


def test_what_passes_together_is_not_run_again(built: Built) -> None:
    names: list[str] = []
    assert integration_gate(built.root, progress=names.append).findings == ()
    assert "checkpoints" in names
    assert [name for name in names if name.startswith("checkpoint ")] == []
    together = outcomes(built.course)
    for checkpoint in built.course.checkpoints:
        checkpoints.run(built.course, checkpoint)
    assert outcomes(built.course) == together
    assert [status(built.course, c).state for c in built.course.checkpoints] == ["passed"] * 2


ENDINGS = {
    "crash": ("import os\n    os._exit(0)", "did not finish"),
    "signal": ("import os\n    os.kill(os.getpid(), 9)", "did not finish"),
    "exit": ("import pytest\n    pytest.exit('enough')", "did not run"),
    "failure": ("assert 1 == 2", "assert 1 == 2"),
    "skip": ("import pytest\n    pytest.skip('later')", "later"),
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("bad", [FIRST, SECOND])
def test_one_that_ends_badly_is_named_and_the_other_passes(
    built: Built, ending: str, bad: str
) -> None:
    what, said = ENDINGS[ending]
    good, number = (SECOND, "00") if bad == FIRST else (FIRST, "01")
    (built.root / bad).write_text(f"def test_bad():\n    {what}\n", encoding="utf-8")
    result = built.gate()
    assert result.status == "failed"
    (finding,) = result.findings
    assert (finding.path, finding.hint) == (bad, f"tito checkpoint test {number}")
    assert said in finding.message
    course = built.course
    states = {c.path: status(course, c).state for c in course.checkpoints}
    assert states == {bad: "failed", good: "passed"}


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [("def test_bad(:\n", "checkpoint", 1), ("value = 1 / 0\n\ndef test_bad():\n", "test", 0)],
)
def test_a_file_that_is_not_even_collected_takes_no_other_with_it(
    built: Built, text: str, rule: str, line: int
) -> None:
    (built.root / FIRST).write_text(text + "    pass\n", encoding="utf-8")
    (finding,) = built.gate().findings
    assert (finding.rule, finding.path, finding.line) == (rule, FIRST, line)
    assert b'"passed": true' in outcomes(built.course)["01.json"]


def test_one_that_hangs_is_named(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tito.integration._LONGEST_RUN", 5.0)
    built.checkpoint("while True: pass")
    result = built.gate()
    (finding,) = result.findings
    assert finding.path == FIRST
    assert "longer than" in finding.message
    assert b'"passed": true' in outcomes(built.course)["01.json"]


def test_what_one_leaves_behind_is_not_another_ones_fault(built: Built) -> None:
    built.checkpoint("import os; os.environ['LEFT'] = 'behind'")
    text = GOOD + "    import os\n    assert 'LEFT' not in os.environ\n"
    (built.root / SECOND).write_text(text, encoding="utf-8")
    course = built.course
    assert names_of(run_together(course, course.checkpoints)) == ["shapes"]
    assert sorted(outcomes(course)) == ["00.json"]
    assert built.gate().findings == ()
    assert status(course, course.checkpoints[1]).state == "passed"


def test_one_that_may_not_run_stays_out(built: Built) -> None:
    built.change("layers", "np.ones((inputs", "np.zeros((inputs", exported=False)
    course = built.course
    assert run_together(course, course.checkpoints) == ()
    findings = [finding for finding in built.gate().findings if finding.rule == "checkpoint"]
    assert [(f.path, f.hint) for f in findings] == [(built.path("layers"), "tito module export 02")]
    assert sorted(outcomes(course)) == ["00.json"]


def test_each_result_is_what_the_file_gives_alone(built: Built) -> None:
    built.checkpoint("assert softmax(Tensor([[0.0, 0.0]])).data[0, 0] == 0.25")
    together = run_files(built.course, [FIRST, SECOND])
    alone = [run_file(built.course, path) for path in (FIRST, SECOND)]
    assert [known(run) for run in together] == [known(run) for run in alone]
    assert [run.passed for run in together] == [False, True]


def test_too_little_time_for_all_together_passes_nothing(built: Built) -> None:
    built.checkpoint("import time; time.sleep(60)")
    limits = Limits(seconds=2)
    assert run_together(built.course, built.course.checkpoints, limits=limits) == ()
    assert outcomes(built.course) == {}


def test_what_was_found_before_a_job_was_cut_short_is_kept() -> None:
    found = Finding("test", "error", "a.py", 1, "wrong")

    def cut_short() -> list[Finding]:
        raise CutShortError(TitoError("the time is over"), [found])

    with pytest.raises(CutShortError, match="the time is over") as caught:
        _all([Job("checkpoints", cut_short)], lambda _: None, ())
    assert caught.value.findings == (found,)


@pytest.mark.slow
def test_the_courses_own_pass_together(copy_of_course: Callable[[], Path]) -> None:
    course = course_module.load(copy_of_course())
    written = [c for c in course.checkpoints if (ROOT / c.path).is_file()]
    assert list(run_together(course, written)) == written
    together = outcomes(course)
    for checkpoint in written:
        checkpoints.run(course, checkpoint)
    assert outcomes(course) == together
