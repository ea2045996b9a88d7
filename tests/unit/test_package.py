"""`tito package validate`: the package as it stands, imported in the sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SmallCourse
from tito.cli import invoke
from tito.export import export
from tito.package import validate

CODE = """\
# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "first-code"}
#| default_exp core.first
#| export
value = VALUE
"""


def course_with(small: SmallCourse, value: str) -> Path:
    path = small.add("first", "")
    path.write_text(CODE.replace("VALUE", value), encoding="utf-8")
    course = small.load()
    export(course, course.modules)
    return path


def test_a_package_that_cannot_be_imported_is_told_at_its_line(small: SmallCourse) -> None:
    path = course_with(small, "1 / 0")
    (finding,) = [f for f in validate(small.load()) if f.severity == "error"]
    assert (finding.rule, finding.cell) == ("package-import", "first-code")
    assert path.read_text(encoding="utf-8").split("\n")[finding.line - 1] == "value = 1 / 0"
    assert "ZeroDivisionError" in finding.message


def test_a_file_lost_from_the_package_is_told_with_the_way_back(small: SmallCourse) -> None:
    course_with(small, "1")
    course = small.load()
    (course.package / "core/__init__.py").unlink()
    found = {f.rule: f for f in validate(course) if f.severity == "error"}
    assert set(found) == {"package-missing", "package-import"}
    assert found["package-missing"].hint == "tito export --all"
    assert found["package-import"].path == "tinytorch/__init__.py"


def test_the_command_says_so(
    small: SmallCourse, in_folder: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    course_with(small, "1")
    in_folder(small.root)
    assert invoke(["package", "validate"]) == 0
    assert "is what a fresh export gives" in capsys.readouterr().out
    (small.root / "tinytorch/core/first.py").unlink()
    assert invoke(["package", "validate", "--json", "-"]) == 1
    rules = [finding["rule"] for finding in json.loads(capsys.readouterr().out)]
    assert "package-differs" in rules
