"""The run of a module's tests sees what importing the package alone would show."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import SmallCourse
from tito.errors import TitoError
from tito.export import build
from tito.importing import check_import
from tito.testing import TestRun, run_module, write_package

CODE = "# %%\n#| default_exp core.first\n#| export\nimport os, sys\n\nCODE\n"
TEST = "\n\n# %%\ndef test_it():\n    TEST\n"

LOUD = {
    "prints": ("print('hello')", "prints: 'hello'"),
    "complains": ("sys.stderr.write('oh')", "prints: 'oh'"),
    "prints much": ("print('x' * 2_000_000)", "prints: 'xxx"),
    "writes directly": ("os.write(1, b'hello')", "prints: 'hello'"),
    "another process prints": ("os.system('echo hello')", "prints: 'hello'"),
    "fails": ("half = 1 / 0", "ZeroDivisionError"),
    "prints and fails": ("print('hello')\nhalf = 1 / 0", "ZeroDivisionError"),
    "needs a later module": ("from tinytorch.core.second import x", "tinytorch.core.second"),
    "ends": ("os._exit(3)", "cannot be imported"),
    "exits": ("sys.exit('enough')", "enough"),
    "is killed": ("os.kill(os.getpid(), 9)", "cannot be imported"),
}


def run(small: SmallCourse, code: str, test: str = "pass") -> TestRun:
    small.add("first", CODE.replace("CODE", code) + TEST.replace("TEST", test))
    small.add("second", "# %%\n#| default_exp core.second\n#| export\nx = 1\n")
    course = small.load()
    return run_module(course, course.modules[0])


@pytest.mark.parametrize("name", LOUD)
def test_what_an_import_says_is_found_as_by_an_import_alone(
    small: SmallCourse, tmp_path: Path, name: str
) -> None:
    code, words = LOUD[name]
    fault = run(small, code).import_fault
    assert fault is not None
    assert words in fault.message
    course = small.load()
    folder = tmp_path / "alone"
    write_package(folder / course.settings.package, build(course, course.modules[:1]))
    with pytest.raises(TitoError) as alone:
        check_import(course, folder)
    assert (fault.message, fault.where, fault.hint) == (
        alone.value.message.replace(str(folder), ""),
        alone.value.where,
        alone.value.hint,
    )


@pytest.mark.parametrize(
    "test",
    [
        "print('hello')",
        "os.write(1, b'hello')",
        "assert 1 == 2",
        "os._exit(3)",
        "os.kill(os.getpid(), 9)",
    ],
)
def test_what_tests_say_and_do_is_no_fault_of_the_import(small: SmallCourse, test: str) -> None:
    assert run(small, "value = 1", test).import_fault is None


def test_an_import_that_ends_the_program_well_passes_no_test(small: SmallCourse) -> None:
    """Imported alone, it seems to be fine: only the tests show that it is not."""
    tests = run(small, "os._exit(0)")
    assert tests.import_fault is None
    assert [test.verdict for test in tests.tests] == ["not run"]


def test_the_mark_behind_the_import_is_not_shown(small: SmallCourse) -> None:
    tests = run(small, "value = 1", "os._exit(3)")
    (finding,) = tests.findings
    assert finding.message == "test_it: the tests did not finish: exit code 3"
    assert tests.output == ""
