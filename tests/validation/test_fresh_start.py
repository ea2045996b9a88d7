"""R04: a student who starts afresh can complete the modules in order, from the first on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.nbgrader_course import needs_nbgrader
from tests.student_tree import committed_course, lay, tito
from tito import course as course_module
from tito.course import Course
from tito.scoring import answered
from tito.source import read
from tito.student import tree
from tito.trials import solutions


@pytest.mark.slow
@needs_nbgrader
def test_r04_completing_the_modules_in_order_works_from_the_first_on(tmp_path: Path) -> None:
    """With the tree's own tito: each module enters by its tests, each checkpoint then passes."""
    course = committed_course(tmp_path / "course")
    written = [module for module in course.modules if course.written(module)]
    files = tree(course, written, source="a" * 40)
    student = course_module.load(lay(tmp_path / "student", files))
    for module in written:
        path, file = course.dev_path(module), student.dev_file(module)
        solved = solutions(read(course.dev_file(module), path))
        file.write_text(answered(read(file, path), solved).text, encoding="utf-8")
    # Each of the first by itself, as students do; of the others, what takes less time.
    for module in written[:3]:
        works(student, "module", "export", module.number)
    works(student, "checkpoint", "test", "00", "01", "02")
    works(student, "module", "export", *(module.number for module in written[3:]))
    works(student, "checkpoint", "test", "--all")
    states = json.loads(works(student, "checkpoint", "status", "--json", "-"))
    assert [row["state"] for row in states].count("passed") == 10
    works(student, "gate", "export")
    own = {*(course.dev_path(module) for module in written), "tinytorch/__init__.py"}
    there = {path: (student.root / path).read_bytes() for path in files}
    assert {path for path, data in files.items() if there[path] != data} == own


def works(student: Course, *arguments: str) -> str:
    """What a command says that must succeed."""
    done = tito(student.root, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
