"""A course of two small modules with solutions, tests and a written answer, to score and prove."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import SmallCourse
from tito.course import Course, load


def marker(name: str, flags: str, more: str = "") -> str:
    """A cell marker with nbgrader's metadata; `flags` holds g, s and l for what is true."""
    values = {key: str(key[0] in flags).lower() for key in ("grade", "solution", "locked")}
    shown = "".join(f', "{key}": {value}' for key, value in values.items())
    return (
        f'# %% nbgrader={{"schema_version": 3{shown}, "task": false, "grade_id": "{name}"{more}}}\n'
    )


FIRST = f"""\
{marker("first-double", "s")}#| default_exp core.first
#| export
def double(x):
    \"\"\"Twice x.\"\"\"
    ### BEGIN SOLUTION
    doubled_value = x + x
    return doubled_value
    ### END SOLUTION


{marker("first-double-test", "gl", ', "points": 1')}def test_double():
    assert double(3) == 6


test_double()
"""
SECOND = f"""\
{marker("second-start", "l")}
LIMIT = 100

{marker("second-square", "s")}#| default_exp core.second
#| export
from tinytorch.core.first import double


def square(x):
    \"\"\"x times x.\"\"\"
    ### BEGIN SOLUTION
    squared_value = x * x
    return squared_value
    ### END SOLUTION


{marker("second-square-test", "gl", ', "points": 2')}def test_square():
    assert square(3) == 9 < LIMIT


def test_square_of_a_double():
    assert square(double(2)) == 16


test_square()
test_square_of_a_double()

{marker("second-cube", "s")}#| export
def cube(x):
    \"\"\"x times x times x.\"\"\"
    ### BEGIN SOLUTION
    if not isinstance(x, (int, float, complex)):
        raise TypeError("only numbers have a cube here")
    cubed_value = x * square(x)
    return cubed_value
    ### END SOLUTION


{marker("second-cube-test", "gl", ', "points": 3')}def test_cube():
    assert cube(2) == 8
    ### BEGIN HIDDEN TESTS
    assert cube(3) == 27
    ### END HIDDEN TESTS


test_cube()

# %%
print(cube(5))
"""


def graded_course(root: Path, *, first: str = FIRST, second: str = SECOND) -> Course:
    """The course, with what differs from the two texts above."""
    small = SmallCourse(root)
    small.add("first", first)
    small.add("second", second, needs=["first"])
    small.load()
    file = root / "classroom.yml"
    text = file.read_text(encoding="utf-8").replace("  points: 2\n", "  points: 6\n")
    before, _, after = text.rpartition("points: 1\n")
    file.write_text(f"{before}points: 5\n{after}", encoding="utf-8")
    return load(root)
