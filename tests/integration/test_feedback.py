"""What a student's run finds, on repositories as they are handed out."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.small_class import (
    CHECK,
    FIRST,
    GOOD,
    HALF,
    OFTEN_TOO,
    SECOND,
    hand_out,
    small_course,
    solve,
)
from tito import attempt, feedback, sandbox
from tito.attempt import Clock
from tito.cli import invoke
from tito.course import load
from tito.errors import RefusedError, TitoError, UsageError
from tito.feedback import Feedback, decode
from tito.report import encode
from tito.run_on import everything, of_assignment


@pytest.fixture
def student(tmp_path: Path) -> Path:
    return hand_out(small_course(tmp_path / "course"), tmp_path / "student").root


def look(root: Path, choose: feedback.Choose = everything, seconds: float = 30) -> Feedback:
    """A run's result, as it is read from its file."""
    clock = Clock(seconds, time.monotonic() + 60)
    return decode(encode(feedback.find(root, choose, clock=clock)))


def states(found: Feedback) -> dict[str, str]:
    return {module.module: module.state for module in found.modules}


def messages(found: Feedback, gate: str = "") -> list[str]:
    gates = [each for each in found.report.gates if gate in ("", each.gate)]
    return [finding.message for each in gates for finding in each.findings]


def edit(root: Path, path: str, old: str, new: str) -> None:
    text = (root / path).read_text(encoding="utf-8")
    assert old in text
    (root / path).write_text(text.replace(old, new), encoding="utf-8")


def test_a_tree_as_it_was_handed_out_is_not_started(student: Path) -> None:
    found = look(student)
    assert found.state == "not started"
    assert states(found) == {"01_twice": "not started", "02_often": "not started"}
    assert (found.report.gates, found.report.checkpoints) == ((), ())


def test_one_function_of_two_earns_its_points(student: Path) -> None:
    solve(student, FIRST, GOOD)
    found = look(student)
    assert found.state == "failed"
    (first, second) = found.modules
    assert (first.passed, first.tests, first.earned, first.points) == (1, 2, 15, 20)
    assert second.state == "not started"
    assert messages(found) == ["test_half: NotImplementedError: this is yours to write, in module 01_twice"]  # fmt: skip
    assert [c.state for c in found.report.checkpoints] == ["waiting"]


def test_what_was_started_passes_and_so_does_its_checkpoint(student: Path) -> None:
    solve(student, FIRST, GOOD, HALF)
    found = look(student)
    assert found.state == "passed"
    assert states(found) == {"01_twice": "passed", "02_often": "not started"}
    assert [c.state for c in found.report.checkpoints] == ["passed"]
    assert not (student / ".tito").exists()
    assert not (student / "tinytorch/core/twice.py").exists()


def test_an_assignment_looks_at_its_modules_alone(student: Path) -> None:
    solve(student, FIRST, GOOD)
    solve(student, SECOND, OFTEN_TOO)
    found = look(student, partial(of_assignment, slug="second"))
    assert (found.state, states(found)) == ("passed", {"02_often": "passed"})
    assert (found.assignment, found.reproduce) == ("second", "tito feedback --assignment second")
    with pytest.raises(UsageError, match="no assignment 'third'"):
        look(student, partial(of_assignment, slug="third"))


def test_a_fault_in_an_earlier_module_is_one_point(student: Path) -> None:
    solve(student, FIRST, GOOD, HALF)
    solve(student, SECOND, OFTEN_TOO)
    edit(student, FIRST, "def twice(value):", "def twice(value:")
    found = look(student)
    assert states(found) == {"01_twice": "could not run", "02_often": "could not run"}
    first, second = messages(found)
    assert first == "syntax error: '(' was never closed"
    assert second == "02_often stands on this, and cannot be tried before it is mended"
    (place,) = {(f.path, f.line) for gate in found.report.gates for f in gate.findings}
    assert place == (FIRST, 4)
    assert found.modules[0].points == 0 or found.modules[0].earned == 0


def test_a_broken_test_cell_is_a_finding_of_its_line(student: Path) -> None:
    solve(student, FIRST, GOOD, HALF)
    edit(student, FIRST, "assert twice(3) == 6", "assert twice(3) == = 6")
    found = look(student)
    assert states(found)["01_twice"] == "could not run"
    assert messages(found) == ["syntax error: invalid syntax"]


def test_an_endless_loop_could_not_run(student: Path) -> None:
    solve(student, FIRST, "while True: pass\n")
    found = look(student, seconds=1)
    assert states(found)["01_twice"] == "could not run"
    assert "the tests did not finish: it ran longer than 1 seconds" in messages(found)[0]


def test_printing_at_import_is_a_failure_as_in_the_gate(student: Path) -> None:
    solve(student, FIRST, GOOD, HALF)
    edit(student, FIRST, "#| export\n", "#| export\nprint('here')\n")
    found = look(student)
    assert found.state == "failed"
    assert any("prints" in message or "print" in message for message in messages(found))


def test_no_time_left_is_said(student: Path) -> None:
    solve(student, FIRST, GOOD)
    found = feedback.find(student, everything, clock=Clock(5, time.monotonic()))
    assert states(found)["01_twice"] == "could not run"
    assert messages(found) == ["the time of this run was over before its turn came"]


def test_a_file_that_is_gone_is_named_with_the_way_back(student: Path) -> None:
    (student / FIRST).unlink()
    found = look(student)
    finding = found.report.gates[0].findings[0]
    assert finding.path == FIRST
    assert finding.hint == f"to have it back: `git checkout origin/feedback -- {FIRST}`"


def test_locked_files_that_changed_are_named_and_the_package_is_not(student: Path) -> None:
    solve(student, FIRST, GOOD, HALF)
    edit(student, CHECK, "== 42", "== 43")
    (student / "README.md").unlink()
    (student / "tinytorch/__init__.py").write_text("# mine\n", encoding="utf-8")
    found = look(student)
    assert found.state == "passed"
    gate = next(each for each in found.report.gates if each.gate == feedback.LOCKED)
    assert [f.path for f in gate.findings] == ["README.md", CHECK]
    assert "is gone" in gate.findings[0].message
    assert f"git checkout origin/feedback -- {CHECK}" in gate.findings[1].hint
    assert [c.state for c in found.report.checkpoints] == ["failed"]
    assert messages(found, "checkpoints")[0].startswith("test_it_doubles: assert 42 == 43")


@pytest.mark.parametrize("text", ["def test_it(:\n", None])
def test_a_checkpoint_that_cannot_be_read_is_waiting(student: Path, text: str | None) -> None:
    solve(student, FIRST, GOOD, HALF)
    (student / CHECK).unlink() if text is None else (student / CHECK).write_text(text)
    found = look(student)
    wanted = "not written" if text is None else "waiting"
    assert [c.state for c in found.report.checkpoints] == [wanted]
    assert found.state == "passed"


def test_what_the_engine_refuses_without_a_reason_is_not_green(
    student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    solve(student, FIRST, GOOD)
    for error, said in (
        (RefusedError("no", []), "this module could not be tried"),
        (TitoError("not like this", where=SECOND), "not like this"),
    ):

        def refuse(*_: object, _error: TitoError = error, **__: object) -> None:
            raise _error

        monkeypatch.setattr(attempt, "run_module", refuse)
        found = look(student)
        assert found.state == "failed"
        assert said in messages(found)[0] or "stands on this" in messages(found)[0]


def test_a_checkpoint_without_time_or_sandbox_has_not_passed(student: Path) -> None:
    solve(student, FIRST, GOOD, HALF)
    course = load(student)
    over = Clock(5, time.monotonic())
    results, found = attempt.try_checkpoints(course, course.modules, over, str)
    assert ([each.state for each in results], found) == (["waiting"], [])


def test_a_link_in_place_of_a_locked_file_is_not_followed(student: Path) -> None:
    text = (student / CHECK).read_bytes()
    (student / "other.py").write_bytes(text)
    (student / CHECK).unlink()
    (student / CHECK).symlink_to(student / "other.py")
    assert messages(look(student), feedback.LOCKED)


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("release.json", "{}", "says not what was handed out"),
        ("classroom.yml", "course: 3\n", "classroom.yml has"),
    ],
)
def test_what_cannot_be_judged_is_an_error(student: Path, path: str, text: str, said: str) -> None:
    (student / path).write_text(text, encoding="utf-8")
    found = look(student)
    assert found.state == "error"
    assert said in found.because
    assert found.report.status == "error"


def test_checkpoints_that_were_not_handed_out_are_not_shown(student: Path) -> None:
    solve(student, FIRST, GOOD)
    edit(student, "release.json", CHECK, "tests/checkpoints/checkpoint_99_other.py")
    assert look(student).report.checkpoints == ()


def test_without_a_release_every_written_module_counts_as_started(student: Path) -> None:
    (student / "release.json").unlink()
    assert states(look(student)) == {"01_twice": "failed", "02_often": "failed"}


def test_whatever_breaks_is_never_green(student: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("planted")

    solve(student, FIRST, GOOD)
    with monkeypatch.context() as patch:
        patch.setattr(feedback, "try_modules", broken)
        found = look(student)
    assert found.state == "error"
    assert found.because == "the run broke: ZeroDivisionError: planted"
    monkeypatch.setattr(sandbox, "_LAUNCHER", Path("nowhere.py"))
    clock = Clock(30, time.monotonic() + 60, own_files=True)
    found = feedback.find(student, everything, clock=clock)
    assert found.state == "error"
    assert "cannot keep the files of others" in found.because


def test_the_command_shows_what_matters_last(
    student: Path, in_folder: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    in_folder(student)
    assert invoke(["feedback"]) == 1
    assert capsys.readouterr().out.split("\n")[-5] == (
        "✗ Not started: every module is as it was handed out"
    )
    solve(student, FIRST, GOOD)
    assert invoke(["feedback", "--assignment", "first"]) == 1
    lines = capsys.readouterr().out.rstrip().split("\n")
    assert lines[0].split() == ["Module", "State", "Tests", "Visible", "points"]
    assert lines[1].split() == ["01_twice", "✗", "failed", "1", "of", "2", "15", "of", "20"]
    assert "→   tito module test 01" in lines
    assert lines[-1] == "→ see it again: tito feedback --assignment first"
    assert "feedback, not the grade" in lines[-2]
    solve(student, FIRST, HALF)
    edit(student, CHECK, "== 42", "== 43")
    assert invoke(["feedback", "--json", str(student / "found.json")]) == 0
    assert decode((student / "found.json").read_bytes()).state == "passed"
    out = capsys.readouterr().out
    assert "✓ 1 module passes, 1 not started yet" in out
    assert "! warning  tests/checkpoints/checkpoint_00_begin.py" in out
    (student / "release.json").write_text("{}", encoding="utf-8")
    assert invoke(["feedback"]) == 1
    assert "✗ No verdict" in capsys.readouterr().out


def test_wrong_use_is_told(
    student: Path,
    in_folder: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    in_folder(student)
    event = tmp_path / "event.json"
    event.write_text('{"ref": "refs/tags/submit/first"}', encoding="utf-8")
    assert invoke(["feedback", "--assignment", "first", "--event", str(event)]) == 2
    assert invoke(["feedback", "--assignment", "third"]) == 2
    assert invoke(["feedback", "--event", str(tmp_path / "none.json")]) == 1
    event.write_text("{}", encoding="utf-8")
    assert invoke(["feedback", "--event", str(event)]) == 1
    assert "names no branch or tag" in capsys.readouterr().err
    event.write_text('{"ref": "refs/tags/submit/first"}', encoding="utf-8")
    assert invoke(["feedback", "--event", str(event)]) == 1
    assert "tito feedback --assignment first" in capsys.readouterr().out
