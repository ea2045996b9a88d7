"""The student version of a module is nbgrader's, cell for cell, and its gradebook is nbgrader's."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import nbgrader_course
from tests.conftest import ROOT, SmallCourse
from tests.nbgrader_course import Source, cell_of, kept, needs_nbgrader
from tito import course as course_module
from tito.course import Course, Module
from tito.errors import TitoError
from tito.released import STUB, assignment_of, release
from tito.source import DevFile, header_of, parse, read

pytestmark = [pytest.mark.slow, needs_nbgrader]

COURSE = course_module.load(ROOT)
WRITTEN = [module for module in COURSE.modules if COURSE.written(module)]
FORMAT = {"extension": ".py", "format_name": "percent", "comment_magics": False}
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
HIDDEN = (
    "\n### BEGIN HIDDEN TESTS\nassert 1 + 1 == 2\n### END HIDDEN TESTS\nassert sum([1, 1]) == 2"
)
SCHEME = "\n### BEGIN MARK SCHEME\nTwo points for each sum.\n### END MARK SCHEME\nShow your work."


@dataclass(frozen=True)
class Both:
    """What nbgrader made of the sources, and what tito did."""

    theirs: Mapping[str, list[nbgrader_course.Cell]]
    ours: Mapping[str, str]
    books: tuple[Path, ...]
    their_book: Path


def planted(module: Module) -> DevFile:
    """Module 03 with hidden tests in a graded cell, every other module as it is."""
    dev = read(COURSE.dev_file(module), COURSE.dev_path(module))
    if module.name != "activations":
        return dev
    cell = next(cell for cell in dev.cells if cell.nbgrader.get("grade") and cell.kind == "code")
    return parse(dev.text.replace(cell.source, cell.source + HIDDEN, 1), dev.path)


def samples(root: Path) -> tuple[Course, dict[str, Any]]:
    """nbgrader's own sample notebooks as a course, with hidden tests and a mark scheme in them."""
    nbgrader = pytest.importorskip("nbgrader")
    jupytext = pytest.importorskip("jupytext")
    folder = Path(nbgrader.__file__).parent / "docs/source/user_guide/source/ps1"
    small, notebooks = SmallCourse(root), {}
    for file in sorted(folder.glob("*.ipynb")):
        notebook = jupytext.read(file)
        notebook["metadata"] = {"kernelspec": KERNEL}
        for cell in notebook["cells"]:
            data = cell["metadata"].get("nbgrader", {})
            if data.get("task"):
                cell["source"] += SCHEME
            elif data.get("grade") and not data["solution"]:
                cell["source"] += HIDDEN
            if cell["cell_type"] == "markdown":
                cell["metadata"]["cell_marker"] = '"""' if "\\" not in cell["source"] else 'r"""'
        path = small.add(file.stem, "")
        path.write_text(jupytext.writes(notebook, fmt=FORMAT), encoding="utf-8")
        notebooks[file.stem] = notebook
    return small.load(), notebooks


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    jupytext = pytest.importorskip("jupytext")
    root = tmp_path_factory.mktemp("both")
    sample_course, sample_notebooks = samples(root)
    devs = {module: planted(module) for module in WRITTEN}
    sample_devs = {
        module: read(sample_course.dev_file(module), sample_course.dev_path(module))
        for module in sample_course.modules
    }
    sources = []
    for course, files in ((COURSE, devs), (sample_course, sample_devs)):
        for module, dev in files.items():
            notebook = sample_notebooks.get(module.name) or jupytext.reads(dev.text, fmt=FORMAT)
            stub = STUB.format(module=module.slug)
            sources.append(Source(assignment_of(course, module), module.slug, stub, notebook))
    made = nbgrader_course.generate(root / "nbgrader", sources)
    books = root / "ours.db", root / "samples.db"
    ours = release(COURSE, devs, gradebook=books[0])
    ours |= release(sample_course, sample_devs, gradebook=books[1])
    theirs = {source.name: cells for source, cells in zip(sources, made, strict=True)}
    texts = {module.slug: text for module, text in ours.items()}
    return Both(theirs, texts, books, root / "nbgrader" / "gradebook.db")


def test_ours_is_nbgraders_cell_for_cell(both: Both) -> None:
    """One test for all: the workers would each run nbgrader, which takes most of the time."""
    assert len(both.theirs) == len(WRITTEN) + 2
    for name in both.theirs:
        every_cell_is_as_nbgrader_releases_it(both, name)
        jupytext_reads_the_same_cells(both, name)
    for module in WRITTEN:
        what_nbgrader_does_not_change_stays_line_for_line(both, module)
    what_is_hidden_is_gone_and_kept_in_the_gradebook(both)
    the_gradebook_says_what_nbgraders_says(both)


def every_cell_is_as_nbgrader_releases_it(both: Both, name: str) -> None:
    found = [(c.kind, c.source, c.metadata) for c in parse(both.ours[name], name).cells]
    assert found == both.theirs[name], name
    assert "SOLUTION" not in both.ours[name]
    graded = [cell for cell in found if cell[2].get("nbgrader", {}).get("grade")]
    assert graded
    assert all("checksum" in cell[2]["nbgrader"] for cell in graded)


def jupytext_reads_the_same_cells(both: Both, name: str) -> None:
    jupytext = pytest.importorskip("jupytext")
    notebook = jupytext.reads(both.ours[name], fmt=FORMAT)
    assert [cell_of(cell) for cell in notebook["cells"]] == both.theirs[name]


def what_is_hidden_is_gone_and_kept_in_the_gradebook(both: Both) -> None:
    for name, words in (("03_activations", "1 + 1 == 2"), ("01_problem1", "Two points")):
        assert words not in both.ours[name]
    saved = [row for book in both.books for row in kept(book)["source"]]
    for name, words in (("03_activations", "1 + 1 == 2"), ("01_problem1", "1 + 1 == 2")):
        assert any(row[0] == name and words in row[4] for row in saved)


def the_gradebook_says_what_nbgraders_says(both: Both) -> None:
    ours = [kept(book) for book in both.books]
    theirs = kept(both.their_book)
    assert ours[0].pop("schema") == ours[1].pop("schema") == theirs.pop("schema")
    merged = {name: sorted([*ours[0][name], *ours[1][name]]) for name in ours[0]}
    assert merged == theirs


def what_nbgrader_does_not_change_stays_line_for_line(both: Both, module: Module) -> None:
    text = planted(module).text
    made = both.ours[module.slug]
    assert header_of(made) == header_of(text) != ""
    before, stub = text.split("\n"), STUB.format(module=module.slug)
    new = [line for line in made.split("\n") if line not in before]
    assert stub in {line.strip() for line in new}
    rest = (line.strip() for line in new if not (line.startswith("# %%") and "checksum" in line))
    assert set(rest) <= {stub, "YOUR ANSWER HERE"}


def changed_course(root: Path, text: str) -> Course:
    root.mkdir(exist_ok=True)
    small = SmallCourse(root)
    small.add("tensor", text)
    return small.load()


CELL = '# %% nbgrader={{"schema_version": 3, "grade": {grade}, "solution": {solution}, "locked": {grade}, "task": false, "grade_id": "{name}"{points}}}\n'
SOLUTION = CELL.format(grade="false", solution="true", name="tensor-a", points="")
TEST = CELL.format(grade="true", solution="false", name="tensor-b", points=', "points": 1')
SMALL = (
    f"{SOLUTION}def a():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n\n\n"
    f"{TEST}def test_a():\n    assert a() == 1\n    ### BEGIN HIDDEN TESTS\n    assert a() < 2\n"
    "    ### END HIDDEN TESTS\n\n\ntest_a()\n"
)


def released(course: Course, book: Path | None = None) -> str:
    module = course.modules[0]
    dev = read(course.dev_file(module), course.dev_path(module))
    return release(course, {module: dev}, gradebook=book)[module]


@pytest.mark.filterwarnings("ignore:Object of type")
def test_a_second_release_updates_the_gradebook_and_keeps_submissions(tmp_path: Path) -> None:
    api = pytest.importorskip("nbgrader.api")
    book = tmp_path / "gradebook.db"
    course = changed_course(tmp_path / "a", SMALL)
    released(course, book)
    with api.Gradebook(f"sqlite:///{book}") as gradebook:
        gradebook.add_student("ada")
        gradebook.add_submission("01_tensor", "ada")
        found = gradebook.find_submission_notebook("01_tensor", "01_tensor", "ada")
        (grade,) = found.grades
        grade.manual_score = 0.5
        gradebook.db.commit()
    other = changed_course(tmp_path / "b", SMALL.replace('"points": 1', '"points": 2'))
    released(other, book)
    assert [row[3] for row in kept(book)["grade"]] == [2.0]
    with sqlite3.connect(book) as connection:
        assert [*connection.execute("select manual_score from grade")] == [(0.5,)]
    connection.close()
    gone = changed_course(tmp_path / "c", SMALL.replace("tensor-b", "tensor-c"))
    with pytest.raises(TitoError, match="Cannot add or remove cells"):
        released(gone, book)
    assert [row[1] for row in kept(book)["grade"]] == ["tensor-b"]


@pytest.mark.filterwarnings("ignore:Object of type")
def test_a_module_that_left_its_assignment_leaves_the_gradebook(tmp_path: Path) -> None:
    api = pytest.importorskip("nbgrader.api")
    book = tmp_path / "gradebook.db"
    course = changed_course(tmp_path / "a", SMALL)
    released(course, book)
    with api.Gradebook(f"sqlite:///{book}") as gradebook:
        gradebook.add_notebook("old", "01_tensor")
    released(course, book)
    assert [row[1] for row in kept(book)["notebook"]] == ["01_tensor"]
    with api.Gradebook(f"sqlite:///{book}") as gradebook:
        gradebook.add_notebook("old", "01_tensor")
        gradebook.add_student("ada")
        gradebook.add_submission("01_tensor", "ada")
    with pytest.raises(TitoError, match="has submissions, and would lose old"):
        released(course, book)


def test_a_file_that_is_no_gradebook_is_left_alone(tmp_path: Path) -> None:
    book = tmp_path / "gradebook.db"
    book.write_text("grades: all of them\n" * 50)
    with pytest.raises(TitoError, match="not a database") as caught:
        released(changed_course(tmp_path / "a", SMALL), book)
    assert caught.value.where == str(book)
    assert book.read_text().startswith("grades")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    ### END SOLUTION\n", "", "no end solution"),
        ('"grade_id": "tensor-b"', '"grade_id": "tensor-a"', "Duplicate grade id|failed to validate"),
        (', "points": 1', "", "failed to validate"),
    ],
)  # fmt: skip
def test_what_nbgrader_refuses_is_refused_with_its_words(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in SMALL
    with pytest.raises(TitoError, match=message) as caught:
        released(changed_course(tmp_path, SMALL.replace(old, new)))
    assert caught.value.where == "modules/source/01_tensor/tensor_dev.py"


def test_a_cell_that_no_py_file_can_hold_is_refused_with_its_line(tmp_path: Path) -> None:
    text = SMALL.replace("    ### BEGIN HIDDEN", "\n    ### BEGIN HIDDEN").replace(
        "\n\n\ntest_a()\n", "\n"
    )
    with pytest.raises(TitoError, match=r"cannot stand in a \.py file") as caught:
        released(changed_course(tmp_path, text))
    assert caught.value.where == "modules/source/01_tensor/tensor_dev.py:8"


def test_prose_and_comments_keep_the_form_they_had(tmp_path: Path) -> None:
    answer = '{"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "points": 1, "grade_id": "tensor-%s"}'
    text = (
        f'# %% [markdown] nbgrader={answer % "w"}\nr"""\nBecause $\\alpha$.\n"""\n\n'
        f"# %% [markdown] nbgrader={answer % 'x'}\n# Because.\n# And so.\n\n"
        f'{SOLUTION}x = 1\n# # + not a cell\n### BEGIN SOLUTION\ny = 2\n### END SOLUTION\nz = """\n# + text\n"""\n'
    )
    made = released(changed_course(tmp_path, text))
    assert '\nr"""\nYOUR ANSWER HERE\n"""\n\n# %%' in made
    assert "\n# YOUR ANSWER HERE\n\n# %%" in made
    assert "x = 1\n# # + not a cell\nraise NotImplementedError" in made
    assert 'z = """\n# + text\n"""\n' in made


def test_without_nbgrader_the_error_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "none.py"
    script.write_text(
        "import sys\nprint('No module named nbgrader', file=sys.stderr)\nsys.exit(3)\n"
    )
    monkeypatch.setattr("tito.released._PREPROCESSING", script)
    with pytest.raises(TitoError, match="nbgrader cannot be used here: No module") as caught:
        released(changed_course(tmp_path, SMALL))
    assert "instructor" in caught.value.hint
    script.write_text("import sys\nsys.exit('a fault')\n")
    with pytest.raises(TitoError, match="ended with a fault: a fault"):
        released(changed_course(tmp_path / "again", SMALL))


def test_no_module_is_no_work() -> None:
    assert release(COURSE, {}) == {}
