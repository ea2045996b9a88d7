"""Each of the five proofs of a release holds for our modules, and fails on a planted fault."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.graded_course import FIRST, SECOND, graded_course
from tests.nbgrader_course import needs_nbgrader
from tests.student_tree import commit
from tito import course as course_module
from tito import proof
from tito.cli import invoke
from tito.course import Course
from tito.gates import student_gate
from tito.report import Finding
from tito.sandbox import Limits
from tito.source import read
from tito.student import student_versions

pytestmark = needs_nbgrader
PATH = "modules/source/02_second/second_dev.py"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small course reaches its tests at once."""
    monkeypatch.setattr("tito.trials.SHORT", Limits(seconds=1.0, megabytes=2048))


def released(course: Course) -> dict[str, bytes]:
    versions = student_versions(course, course.modules)
    return {course.dev_path(module): text.encode() for module, text in versions.items()}


def found_in(
    course: Course, files: dict[str, bytes] | None = None, *, first: bool = False
) -> list[Finding]:
    modules = course.modules[:1] if first else course.modules[1:]
    return proof.prove(course, modules, files=files or released(course))


def rules(findings: list[Finding]) -> set[str]:
    return {finding.rule for finding in findings}


@pytest.mark.slow
def test_it_holds_for_the_modules_of_the_course() -> None:
    """Two of them; `tito gate student`, which CI runs, proves all."""
    course = course_module.load(ROOT)
    versions = student_versions(course, course.modules[:8])
    files = {course.dev_path(module): text.encode() for module, text in versions.items()}
    modules = [course.module(name) for name in ("setup", "training")]
    assert proof.prove(course, modules, files=files) == []


@pytest.mark.slow
def test_a_course_without_faults_has_no_findings(tmp_path: Path) -> None:
    course = graded_course(tmp_path)
    done: list[str] = []
    found = proof.proofs(course, course.modules, files=released(course), progress=done.append)
    assert [f for each in found for f in each.findings] == []
    assert [(each.module, each.number) for each in found] == [
        ("", 3),
        *(("01_first", number) for number in (1, 2, 4, 5)),
        *(("02_second", number) for number in (1, 2, 4, 5)),
    ]
    assert "02_second: memory eater" in done


@pytest.mark.slow
def test_planted_faults_are_found_each_by_its_rule(tmp_path: Path) -> None:
    text = SECOND
    for old, new in (
        ("    assert square(3) == 9 < LIMIT\n", "    assert LIMIT\n"),
        ("    assert cube(3) == 27\n", "    assert cube(3) == 28\n"),
        (
            "    squared_value = x * x\n",
            "    import os; os.write(2, b'oh')\n    squared_value = x * x\n",
        ),
        ('"points": 3', '"points": 4'),
    ):
        assert old in text
        text = text.replace(old, new)
    found = found_in(graded_course(tmp_path, second=text))
    for rule, message in (
        ("proof-stub", "the student version passes test_square"),
        ("proof-solution", "the solution fails this cell: test_cube"),
        ("proof-stderr", "the solution writes to stderr: oh"),
        ("proof-points", "have 6 points, classroom.yml says 5"),
        ("proof-submission", "'perfect' gets a wrong score: it earns 2 of 6"),
    ):
        assert any(f.rule == rule and message in f.message for f in found), (rule, found)
    assert {finding.path for finding in found} == {PATH}
    assert next(f for f in found if f.rule == "proof-stub").cell == "second-square-test"


@pytest.mark.slow
def test_a_first_test_that_does_not_reach_the_first_solution_is_found(tmp_path: Path) -> None:
    """It fails on stubs and passes on the solution, but would not notice an endless loop."""
    test = "def test_double():\n    assert double(3) == 6\n"
    late = "def other(x):\n    ### BEGIN SOLUTION\n    return 6\n    ### END SOLUTION\n"
    text = FIRST.replace(test, "def test_double():\n    assert other(3) == 6\n")
    text = text.replace("# %% nbgrader", f"{_solution('first-other')}{late}\n\n# %% nbgrader", 2)
    text = text.replace(f"{_solution('first-other')}{late}\n\n", "", 1)
    course = graded_course(tmp_path, first=text)
    found = [f.message for f in found_in(course, first=True) if f.rule == "proof-submission"]
    assert any("'endless loop' gets a wrong score: it was not stopped" in m for m in found), found
    assert any("'memory eater'" in m for m in found)


def _solution(name: str) -> str:
    from tests.graded_course import marker

    return f"{marker(name, 's')}#| export\n"


def test_files_that_are_not_what_nbgrader_releases_are_found(tmp_path: Path) -> None:
    course = graded_course(tmp_path)
    devs = {m: read(course.dev_file(m), course.dev_path(m)) for m in course.modules}
    files = released(course)

    def found(text: str) -> list[Finding]:
        made = proof.of_nbgrader(course, devs, {**files, PATH: text.encode()})
        return [finding for each in made for finding in each.findings]

    text = files[PATH].decode()
    assert found(text) == []
    (checksum,) = found(text.replace("assert cube(2) == 8", "assert cube(2) == 7"))
    assert (checksum.rule, checksum.cell) == ("proof-checksum", "second-cube-test")
    (cells,) = found(text.partition("# %%\nprint(")[0])
    assert (cells.rule, cells.path) == ("proof-cells", PATH)
    del files[PATH]
    assert "proof-missing" in rules(found_in(course, files))


@pytest.mark.slow
def test_a_leak_anywhere_in_the_tree_is_found(tmp_path: Path) -> None:
    course = graded_course(tmp_path)
    note = b"Hint:\n\n    raise TypeError('only numbers have a cube here')\n"
    files = {**released(course), "notes.md": note}
    (leak,) = found_in(course, files)
    assert (leak.rule, leak.path) == ("leak-solution", "notes.md")


@pytest.mark.slow
def test_a_module_that_nothing_tests_is_found(tmp_path: Path) -> None:
    untested = FIRST.partition("\n\n\n# %%")[0] + "\n"
    course = graded_course(tmp_path, first=untested)
    assert {"proof-untested", "proof-points"} <= rules(found_in(course, first=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("update grade_cells set max_score = 9", "keeps 9.0 points"),
        ("update source_cell set source = 'pass'", "or another text"),
        ("delete from source_cell where name = 'second-cube-test'", "keeps None points"),
        ("update base_cell set name = 'gone' where name = 'second-cube-test'", "keeps None points"),
    ],
)
def test_a_gradebook_that_says_something_else_is_found(
    tmp_path: Path, change: str, message: str
) -> None:
    course, book = graded_course(tmp_path), tmp_path / "gradebook.db"
    module = course.modules[1]
    student_versions(course, course.modules, gradebook=book)
    dev = read(course.dev_file(module), course.dev_path(module))
    connection = sqlite3.connect(book)
    assert [*proof.against_gradebook(course, module, dev, connection)] == []
    connection.execute(change)
    found = [*proof.against_gradebook(course, module, dev, connection)]
    connection.close()
    assert any(message in finding.message for finding in found)
    assert rules(found) == {"proof-gradebook"}


def test_a_graded_cell_that_left_the_source_is_found(tmp_path: Path) -> None:
    course, book = graded_course(tmp_path), tmp_path / "gradebook.db"
    module = course.modules[1]
    student_versions(course, course.modules, gradebook=book)
    dev = read(course.dev_file(module), course.dev_path(module))
    connection = sqlite3.connect(book)
    connection.execute(
        "insert into base_cell select 'x', 'old', notebook_id, type from base_cell where name = 'second-cube-test'"
    )
    connection.execute("insert into grade_cells values ('x', 1.0, 'code')")
    connection.execute(
        "insert into source_cell select 'y', 'old', cell_type, locked, source, checksum, notebook_id from source_cell where name = 'second-cube-test'"
    )
    (finding,) = proof.against_gradebook(course, module, dev, connection)
    connection.close()
    assert "'old' that is not in the source" in finding.message


@pytest.mark.slow
def test_command_and_gate_say_what_does_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    course = graded_course(tmp_path, second=SECOND.replace("cube(3) == 27", "cube(3) == 28"))
    for name in ("LICENSE", ".gitattributes", ".gitignore", "requirements/base.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(".tito/\n")
    commit(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert invoke(["nbgrader", "validate", "--all"]) == 1
    said = capsys.readouterr().out
    assert "all files: ✓ nothing leaks" in said
    assert "01_first: ✓ the stubs fail, ✓ the solution passes" in said
    assert "02_second: ✓ the stubs fail, ✗ the solution passes" in said
    assert "2 of 9 proofs do not hold" in said
    assert invoke(["nbgrader", "validate", "01", "--json", "-"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [each["number"] for each in data] == [3, 1, 2, 4, 5]
    assert invoke(["gate", "student"]) == 1
    assert "gate student: failed" in capsys.readouterr().out
    (tmp_path / "LICENSE").unlink()
    result = student_gate(course.root)
    assert result.status == "error"
    assert "LICENSE" in result.findings[0].message
