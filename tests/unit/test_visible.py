"""What a student can see of the graded tests: of what is hidden, not even a name."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from tito import course as course_module
from tito.errors import TitoError
from tito.source import parse, read
from tito.visible import VisibleTest, visible_tests

CELL = '# %% nbgrader={{"grade": true, "grade_id": "{name}", "locked": true, "points": {points}, "schema_version": 3, "solution": false}}\n{code}\n\n'


def cell(name: str, code: str, points: str = "2") -> str:
    return CELL.format(name=name, code=code, points=points)


def test_hidden_tests_are_not_among_them() -> None:
    text = (
        cell("one", "def test_a():\n    assert 1\n### BEGIN HIDDEN TESTS\ndef test_h():\n    pass\n### END HIDDEN TESTS\ndef test_b():\n    assert 1")
        + cell("two", "### BEGIN HIDDEN TESTS\ndef test_h():\n    pass\n### END HIDDEN TESTS")
        + cell("three", "def helper():\n    pass") + cell("four", "def test_c():\n    pass", "0")
        + cell("five", "def test_d():\n    pass", "3.0")
    )  # fmt: skip
    assert visible_tests(parse(text, "x.py")) == (
        VisibleTest("one", ("test_a", "test_b"), 2), VisibleTest("five", ("test_d",), 3),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [(cell("one", "def test_a(:"), "no Python"), (cell("one", "def test_a(): pass", "1.5"), "1.5 points")],
)  # fmt: skip
def test_what_cannot_be_told_is_said(text: str, said: str) -> None:
    with pytest.raises(TitoError, match=said) as caught:
        visible_tests(parse(text, "x.py"))
    assert caught.value.where == "x.py:2"


def test_every_module_of_the_course_has_some_and_none_is_worth_more_than_the_module() -> None:
    course = course_module.load(ROOT)
    for module in course.modules:
        if course.written(module):
            found = visible_tests(read(course.dev_file(module), course.dev_path(module)))
            assert 0 < sum(test.points for test in found) <= module.points
