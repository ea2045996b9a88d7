"""A module's tests run on the exported student code, and each failure names the student's line."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.conftest import SmallCourse
from tito import atomic
from tito.course import Course
from tito.errors import RefusedError, TitoError
from tito.export import export
from tito.importing import Importer
from tito.sandbox import Limits
from tito.testing import TestResult, TestRun, run_file, run_module

EXPORTED = """\
# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "NAME-code"}
#| default_exp core.NAME
#| export
CODE
"""
TESTS = """
# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "NAME-test", "points": 1}
CODE
"""


def add(
    small: SmallCourse, name: str, code: str, tests: str, needs: list[str] | None = None
) -> Path:
    text = (EXPORTED.replace("CODE", code) + TESTS.replace("CODE", tests)).replace("NAME", name)
    path = small.add(name, "", needs=needs)
    path.write_text(text, encoding="utf-8")
    return path


def result_of(run: TestRun, name: str) -> TestResult:
    return next(test for test in run.tests if test.name == name)


def export_checked(course: Course) -> None:
    with Importer(course) as importer:
        export(course, course.modules, check=importer)


def run_last(small: SmallCourse, limits: Limits | None = None) -> TestRun:
    course = small.load()
    return run_module(course, course.modules[-1], limits=limits)


DOUBLE = "def double(x):\n    return x * 2"


def test_each_test_has_its_own_result(small: SmallCourse) -> None:
    tests = (
        "def test_right():\n    assert double(2) == 4\n\n"
        "def test_wrong():\n    assert double(2) == 5\n\n"
        "test_right()\ntest_wrong()"
    )
    path = add(small, "first", DOUBLE, tests)
    run = run_last(small)
    assert {test.name: test.verdict for test in run.tests} == {
        "test_right": "passed",
        "test_wrong": "failed",
    }
    assert not run.passed
    finding = result_of(run, "test_wrong").finding
    assert finding is not None
    assert path.read_text().split("\n")[finding.line - 1] == "    assert double(2) == 5"
    assert finding.cell == "first-test"
    assert "assert 4 == 5" in finding.message  # with the values, as pytest shows them


def test_the_exported_code_is_tested_and_not_the_notebooks(small: SmallCourse) -> None:
    """A later unexported cell that repairs the function changes nothing in the package."""
    add(small, "first", "def double(x):\n    return x", "def test_it():\n    import tinytorch\n    assert tinytorch.double(2) == 4\n\ndef double(x):\n    return 2 * x")  # fmt: skip
    assert not run_last(small).passed


def test_a_failure_inside_the_exported_code_is_shown_at_its_line(small: SmallCourse) -> None:
    path = add(small, "first", "\ndef double(x):\n    y = 1\n    return x * z", "def test_it():\n    double(2)")  # fmt: skip
    finding = run_last(small).findings[0]
    assert path.read_text().split("\n")[finding.line - 1] == "    return x * z"
    assert (finding.cell, finding.path) == ("first-code", "modules/source/01_first/first_dev.py")
    assert "name 'z' is not defined" in finding.message


def test_a_fault_in_an_earlier_module_is_said_first(small: SmallCourse) -> None:
    earlier = add(small, "first", "def double(x):\n    raise ValueError('broken')", "def test_it():\n    pass")  # fmt: skip
    add(
        small,
        "second",
        "from tinytorch.core.first import double\n\ndef four(x):\n    return double(double(x))",
        "def test_four():\n    assert four(1) == 4",
        needs=["first"],
    )
    finding = run_last(small).findings[0]
    assert finding.message.startswith("test_four: This fails inside module 01_first.")
    assert finding.hint == "tito module test 01"
    line = earlier.read_text().split("\n")[finding.line - 1]
    assert line == "    raise ValueError('broken')"


def test_a_module_that_cannot_be_imported_says_where(small: SmallCourse) -> None:
    path = add(small, "first", "value = undefined_name", "def test_it():\n    pass")
    course = small.load()
    run = run_module(course, course.modules[0])
    assert not run.passed
    assert any("undefined_name" in finding.message for finding in run.findings)
    with pytest.raises(TitoError, match="undefined_name") as caught:
        export_checked(course)
    line = path.read_text().split("\n").index("value = undefined_name") + 1
    assert caught.value.where == f"modules/source/01_first/first_dev.py:{line}, cell first-code"
    assert not course.package.exists()


def test_a_fault_ends_an_import_that_nobody_waits_for(small: SmallCourse) -> None:
    """The import begins before everything is checked; its minute of time is not waited for."""
    endless = f"{DOUBLE}\n\nwhile True:\n    double(1)"
    add(small, "first", endless, "def test_it():\n    return 1 +")
    began = time.monotonic()
    with pytest.raises(RefusedError) as refused:
        export_checked(small.load())
    assert [finding.rule for finding in refused.value.findings] == ["export-syntax"]
    assert time.monotonic() - began < Limits().seconds / 2
    assert not small.load().package.exists()
    assert not atomic.staging_folder(small.load().package).exists()


def test_a_package_that_prints_does_not_enter(small: SmallCourse) -> None:
    add(small, "first", "print('hello')", "def test_it():\n    pass")
    course = small.load()
    with pytest.raises(TitoError, match="hello"):
        export_checked(course)


def test_a_broken_test_cell_is_a_failure_at_its_line(small: SmallCourse) -> None:
    path = add(small, "first", DOUBLE, "limit = 1 / 0\n\ndef test_it():\n    assert double(1) == 2")
    finding = result_of(run_last(small), "cell first-test").finding
    assert finding is not None
    assert path.read_text().split("\n")[finding.line - 1] == "limit = 1 / 0"


@pytest.mark.slow
def test_an_endless_loop_is_a_failure_of_every_test(small: SmallCourse) -> None:
    add(small, "first", "def f():\n    while True:\n        pass", "def test_it():\n    f()\n\ndef test_b():\n    assert 1 == 1")  # fmt: skip
    run = run_last(small, Limits(seconds=3))
    assert {test.verdict for test in run.tests} == {"not run"}
    assert all("ran longer than 3 seconds" in finding.message for finding in run.findings)


@pytest.mark.parametrize(
    "ending",
    [
        "os._exit(0)",
        "os.kill(os.getpid(), 9)",
        "sys.exit(0)",
        "__import__('pytest').exit('enough')",
    ],
)
def test_ending_the_process_passes_nothing(small: SmallCourse, ending: str) -> None:
    add(small, "first", f"import os\nimport sys\n\ndef f():\n    {ending}", "def test_it():\n    f()")  # fmt: skip
    run = run_last(small)
    assert not run.passed
    assert run.tests[0].name == "test_it"


def test_a_file_without_tests_does_not_pass(small: SmallCourse) -> None:
    add(small, "first", DOUBLE, "x = 1")
    run = run_last(small)
    assert not run.passed
    assert "there are none" in run.findings[0].message


def test_a_skipped_test_does_not_pass(small: SmallCourse) -> None:
    add(small, "first", DOUBLE, "import pytest\n\ndef test_it():\n    pytest.skip('later')")
    run = run_last(small)
    assert (run.passed, run.tests[0].verdict) == (False, "skipped")


def test_exported_functions_named_like_tests_are_none(small: SmallCourse) -> None:
    code = "def test_exported():\n    raise ValueError\n\ndef double(x):\n    return x * 2"
    add(small, "first", code, "def test_it():\n    assert double(2) == 4")
    assert [test.name for test in run_last(small).tests] == ["test_it"]


def test_calls_of_tests_and_the_main_block_do_not_run(small: SmallCourse) -> None:
    tests = (
        "def test_it():\n    assert double(1) == 2\n\ntest_it(undefined_name)\n\n"
        'if __name__ == "__main__":\n    raise SystemExit(5)'
    )
    add(small, "first", DOUBLE, tests)
    assert run_last(small).passed


def test_private_names_are_there_for_the_tests(small: SmallCourse) -> None:
    add(small, "first", "def _secret():\n    return 7", "def test_it():\n    assert _secret() == 7")
    assert run_last(small).passed


def test_a_module_that_cannot_be_exported_is_refused(small: SmallCourse) -> None:
    add(small, "first", "def f(:", "def test_it():\n    pass")
    with pytest.raises(RefusedError):
        run_last(small)


def test_a_package_from_elsewhere_is_refused(small: SmallCourse) -> None:
    """Without a package of its own, the course must not be tested against an installed one."""
    add(small, "first", DOUBLE, "def test_it():\n    pass")
    course = small.load()
    (small.root / "tests").mkdir()
    (small.root / "tests" / "check.py").write_text("def test_it():\n    assert 1 + 1 == 2\n")
    run = run_file(course, "tests/check.py")
    assert not run.passed
    assert (
        "outside this course" in run.findings[0].message
        or "did not finish" in run.findings[0].message
    )


def test_a_missing_file_is_a_clear_error(small: SmallCourse) -> None:
    add(small, "first", DOUBLE, "def test_it():\n    pass")
    with pytest.raises(TitoError, match="not written"):
        run_file(small.load(), "tests/nothing.py")


def test_paths_with_spaces_and_emoji_and_windows_newlines_work(tmp_path: Path) -> None:
    root = tmp_path / "my course 🧠"
    root.mkdir()
    small = SmallCourse(root)
    path = add(small, "first", DOUBLE, "def test_it():\n    assert double(2) == 5")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_text().replace("\n", "\r\n").encode())
    finding = run_last(small).findings[0]
    assert path.read_text().split("\n")[finding.line - 1].strip() == "assert double(2) == 5"


def test_what_only_compiling_sees_is_refused_by_the_import_at_its_line(
    small: SmallCourse,
) -> None:
    path = add(small, "first", "value = 1\nreturn value", "def test_it():\n    assert value == 1")
    with pytest.raises(TitoError, match="'return' outside function") as caught:
        export_checked(small.load())
    line = path.read_text().split("\n").index("return value") + 1
    assert caught.value.where == f"modules/source/01_first/first_dev.py:{line}, cell first-code"
    assert not (small.root / "tinytorch").exists()
