"""A small course and what its students get of it: two modules, a checkpoint, two assignments."""

from __future__ import annotations

import re
import textwrap
import time
from functools import partial
from pathlib import Path

from tito import course as course_module
from tito.attempt import Clock
from tito.course import Course
from tito.export import build
from tito.feedback import Feedback, find
from tito.provenance import stamped
from tito.run_on import of_ref

MANIFEST = """\
course:
  name: Small
  package: tinytorch
  source: modules/source
  pythons: ["3.10"]
  timezone: UTC
  points: 30

modules:
  - number: "01"
    name: twice
    title: Twice
    target: core.twice
    points: 20
  - number: "02"
    name: often
    title: Often
    target: core.often
    needs: [twice]
    points: 10

checkpoints:
  - number: "00"
    name: begin
    question: Can I double a number?
    modules: [twice]

protection:
  generated: ["tinytorch/**"]
  locked: ["classroom.yml", "pyproject.toml", "tests/**", "tito/**", ".github/**"]
  editable: ["modules/source/*/*_dev.py"]

classroom:
  organisation: acme
  tools: tools

assignments:
  - slug: first
    title: The first one
    modules: [twice]
    points: 20
    run_on: {first}
  - slug: second
    title: The second one
    modules: [often]
    points: 10
    run_on: {second}
"""
HEAD = (
    '# %% nbgrader={{"schema_version": 3, "solution": true, "grade": false, "locked": false,'
    ' "task": false, "grade_id": "{name}-code"}}\n'
)
TEST = (
    '# %% nbgrader={{"schema_version": 3, "solution": false, "grade": true, "locked": true,'
    ' "task": false, "points": {points}, "grade_id": "{name}-test"}}\n'
)
TWICE = f"""\
{HEAD.format(name="twice")}\
#| default_exp core.twice
#| export
def twice(value):
    ### BEGIN SOLUTION
    doubled_without_a_product = value + value
    return doubled_without_a_product
    ### END SOLUTION


def half(value):
    ### BEGIN SOLUTION
    halved_by_a_division = value / 2.0
    return halved_by_a_division
    ### END SOLUTION

{TEST.format(name="twice", points=15)}\
def test_twice():
    assert twice(3) == 6


test_twice()

{TEST.format(name="half", points=5)}\
def test_half():
    assert half(3) == 1.5


test_half()
"""
OFTEN = f"""\
{HEAD.format(name="often")}\
#| default_exp core.often
#| export
from tinytorch.core.twice import twice


def often(value):
    ### BEGIN SOLUTION
    first_time_around = twice(value)
    return twice(first_time_around)
    ### END SOLUTION

{TEST.format(name="often", points=10)}\
def test_often():
    assert often(2) == 8


test_often()
"""
CHECKPOINT = """\
from tinytorch.core.twice import twice


def test_it_doubles():
    assert twice(21) == 42
"""
FIRST = "modules/source/01_twice/twice_dev.py"
SECOND = "modules/source/02_often/often_dev.py"
CHECK = "tests/checkpoints/checkpoint_00_begin.py"
GOOD = "    return value + value\n"
HALF = "    return value / 2\n"
REFS = ("refs/heads/main", "refs/tags/submit/first")
RAN, NOT_RUN = ("tito/feedback", "success"), ("tito/not-run", "pending")
"""Context and state of a commit's status."""
OFTEN_TOO = "    return twice(twice(value))\n"


def small_course(folder: Path, *, first: str = "push", second: str = "push") -> Course:
    """The course of the instructor, solutions and all. Each assignment with its `run_on`."""
    write(folder, "classroom.yml", MANIFEST.format(first=first, second=second))
    write(folder, "pyproject.toml", '[project]\nname = "x"\nversion = "1.0.0"\n')
    write(folder, FIRST, TWICE)
    write(folder, SECOND, OFTEN)
    write(folder, CHECK, CHECKPOINT)
    return course_module.load(folder)


def write(folder: Path, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text, encoding="utf-8")


def stub(text: str, slug: str) -> str:
    """The text with every solution taken out, and nbgrader's mark of what is handed out."""
    text = re.sub(r'("grade_id": "[a-z-]+")', r'\1, "checksum": "0123456789abcdef"', text)
    error = f'    raise NotImplementedError("this is yours to write, in module {slug}")\n'
    return re.sub(r" +### BEGIN SOLUTION\n.*?### END SOLUTION\n", error, text, flags=re.DOTALL)


def hand_out(course: Course, folder: Path) -> Course:
    """A student's repository of this course in `folder`, as it is on the first day."""
    files = {path: (course.root / path).read_bytes() for path in ("classroom.yml", "pyproject.toml", CHECK)}  # fmt: skip
    for module in course.modules:
        text = course.dev_file(module).read_text(encoding="utf-8")
        files[course.dev_path(module)] = stub(text, module.slug).encode()
    files["README.md"] = b"Yours from the first day on.\n"
    empty = build(course, ())
    files |= {f"{course.settings.package}/{name}": data for name, data in empty.items()}
    for path, data in stamped(course, files, course.modules, source="a" * 40).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return course_module.load(folder)


def solve(folder: Path, path: str, *bodies: str) -> None:
    """Write a student's code into the first so many stubs of a dev file."""
    text = (folder / path).read_text(encoding="utf-8")
    for body in bodies:
        body = textwrap.indent(textwrap.dedent(body), "    ")
        text = re.sub(r"    raise NotImplementedError.*\n", lambda _, b=body: b, text, count=1)
    (folder / path).write_text(text, encoding="utf-8")


def pushed(folder: Path, run_on: str, ref: str) -> Feedback:
    """What comes of good work that is pushed as `ref`, where the first assignment is `run_on`."""
    course = small_course(folder / "course", first=run_on, second="off")
    root = hand_out(course, folder / "student").root
    solve(root, FIRST, GOOD, HALF)
    return find(root, partial(of_ref, ref=ref), clock=Clock(30, time.monotonic() + 60))
