"""What a submission would earn: its solutions count, and nothing else that it says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.graded_course import FIRST, SECOND, graded_course
from tito.course import Course
from tito.sandbox import Limits
from tito.scoring import Score, laid_over, one_line, score
from tito.source import read

WHOLE = SECOND.replace("    ### BEGIN SOLUTION\n", "").replace("    ### END SOLUTION\n", "")


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return graded_course(tmp_path)


def scored(course: Course, text: str, limits: Limits | None = None) -> Score:
    return score(course, course.modules[1], text, limits=limits)


def messages(found: Score) -> list[str]:
    return [cell.message for cell in found.cells]


def test_a_whole_submission_earns_everything(course: Course) -> None:
    found = scored(course, WHOLE)
    assert (found.module, found.earned, found.possible) == ("02_second", 5, 5)
    assert (found.began, found.stopped, found.stderr) == (True, "", "")
    assert found.cells[0].tests == {"": "", "test_square": "", "test_square_of_a_double": ""}


def test_each_test_of_a_cell_is_told_and_one_failure_costs_its_points(course: Course) -> None:
    found = scored(course, WHOLE.replace("squared_value = x * x", "squared_value = 9"))
    assert found.earned == 0
    assert found.cells[0].tests["test_square"] == ""
    assert found.cells[0].message == "test_square_of_a_double: AssertionError:"


def test_hidden_tests_count_though_the_submission_has_none(course: Course) -> None:
    found = scored(course, WHOLE.replace("x * square(x)", "8"))
    assert [cell.earned for cell in found.cells] == [2, 0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    assert cube(2) == 8\n", ""),
        ('"points": 3', '"points": 300'),
        ("test_cube()\n", ""),
        ('"second-cube-test"', '"nothing"'),
        ("LIMIT = 100", "LIMIT = 0"),
        ("# %%\nprint(cube(5))", "# %%\nimport os\nos._exit(0)"),
    ],
)
def test_what_stands_outside_the_solutions_changes_nothing(
    course: Course, old: str, new: str
) -> None:
    assert old in WHOLE
    assert scored(course, WHOLE.replace(old, new)).earned == 5
    wrong = WHOLE.replace(old, new).replace("x * square(x)", "x")
    assert scored(course, wrong).earned == 2


def test_a_solution_cell_that_is_gone_is_not_the_instructors(course: Course) -> None:
    found = scored(course, WHOLE.replace('"second-cube"', '"other"'))
    assert [cell.earned for cell in found.cells] == [2, 0]
    assert "NameError" in messages(found)[1]


def test_under_it_lie_the_modules_of_the_course(course: Course) -> None:
    assert score(course, course.modules[0], FIRST.replace("x + x", "x")).earned == 0
    assert scored(course, WHOLE).earned == 5


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("return cubed_value", "return (", "syntax error"),
        ("return cubed_value", 'return """', "cannot stand in a .py file"),
        ("def cube(x)", "from tinytorch.core.later import f\ndef cube(x)", "No module"),
        ("def cube(x)", "import sys; sys.exit(3)\ndef cube(x)", "it was not run"),
        ("def cube(x)", "import os; os._exit(0)\ndef cube(x)", "it was not run"),
    ],
)
def test_what_cannot_be_imported_earns_nothing_and_says_why(
    course: Course, old: str, new: str, message: str
) -> None:
    found = scored(course, WHOLE.replace(old, new))
    assert found.earned == 0
    assert found.possible == 5
    if message != "it was not run":
        assert message in messages(found)[0]


def test_a_cell_that_writes_to_stderr_earns_nothing(course: Course) -> None:
    noisy = "import sys; print('warning', file=sys.stderr)\n    return cubed_value"
    found = scored(course, WHOLE.replace("return cubed_value", noisy))
    assert [cell.earned for cell in found.cells] == [2, 0]
    assert messages(found)[1] == "it wrote to stderr"
    assert "warning" in found.stderr


def test_what_ends_the_process_costs_the_cells_from_there_on(course: Course) -> None:
    found = scored(course, WHOLE.replace("return cubed_value", "import os; os._exit(0)"))
    assert [cell.earned for cell in found.cells] == [2, 0]
    assert messages(found)[1] == "it was not run"


def test_an_endless_loop_is_stopped_and_keeps_what_came_before(course: Course) -> None:
    looping = WHOLE.replace("return cubed_value", "while True: pass")
    found = scored(course, looping, Limits(seconds=3))
    assert [cell.earned for cell in found.cells] == [2, 0]
    assert "ran longer than 3 seconds" in found.stopped
    assert found.stopped in messages(found)[1]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems limit no memory")
def test_a_memory_eater_is_stopped(course: Course) -> None:
    eating = WHOLE.replace("return cubed_value", "a = [bytes(1 << 28) for _ in range(1 << 10)]")
    assert "MemoryError" in messages(scored(course, eating))[1]


def test_messages_are_single_lines_that_command_nothing(course: Course) -> None:
    said = 'raise ValueError("\\n::set-env name=PATH::x\\n##[error]y")'
    found = scored(course, WHOLE.replace("return squared_value", said))
    assert messages(found)[0].startswith("test_square: ValueError: ::set-env")
    assert "\n" not in "".join(messages(found))
    assert one_line("\n ::error::no") == "error::no"
    assert one_line("##[error] x") == "[error] x"
    assert one_line(" \n") == "it says nothing"


def test_an_error_that_cannot_be_shown_is_one_all_the_same(course: Course) -> None:
    nasty = (
        "class Nasty(BaseException):\n        def __str__(self):\n            raise Nasty\n"
        "    raise Nasty"
    )
    found = scored(course, WHOLE.replace("return cubed_value", nasty))
    assert "an error that cannot be shown" in messages(found)[1]


@pytest.mark.parametrize(
    "forged",
    [
        '{"cell": "second-cube-test", "tests": {}}',
        '{"cell": 3}',
        "[[[",
    ],
)
def test_a_forged_report_is_not_taken_for_a_second_result(course: Course, forged: str) -> None:
    """Feedback all the same: whoever writes the whole report says what they like."""
    write = (
        f"import json, sys; spec = json.load(open(sys.argv[1])); "
        f"open(spec['report'], 'a').write({forged!r} + chr(10))\n    return cubed_value"
    )
    found = scored(course, WHOLE.replace("return cubed_value", write))
    assert [cell.earned for cell in found.cells] == [2, 0]


def test_solutions_alone_are_laid_over(course: Course) -> None:
    pristine = read(course.dev_file(course.modules[1]), course.dev_path(course.modules[1]))
    text = WHOLE.replace("x * square(x)", "x ** 3  # mine").replace("LIMIT = 100", "LIMIT = 7")
    dev = laid_over(pristine, text)
    assert "x ** 3  # mine" in dev.text
    assert "LIMIT = 100" in dev.text
    assert "### BEGIN HIDDEN TESTS" in dev.text
    assert "### BEGIN SOLUTION" not in dev.text
