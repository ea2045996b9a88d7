"""The notebook twin: which side follows which, what is kept, and what is refused."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.unit.twin import DEV, Twin
from tito import course as course_module
from tito.cli import invoke
from tito.course import Module
from tito.errors import RefusedError
from tito.export import build
from tito.notebook import is_ahead, synchronise, twin_path
from tito.source import read

ROOT = Path(__file__).resolve().parents[2]
COURSE = course_module.load(ROOT)
WRITTEN = [module for module in COURSE.modules if COURSE.written(module)]


@pytest.fixture
def twin(small: Any) -> Twin:
    small.add("small", DEV)
    return Twin(small.load())


@pytest.mark.slow
@pytest.mark.parametrize("module", WRITTEN, ids=lambda module: module.slug)
@pytest.mark.parametrize("step", ["unchanged", "from the notebook alone"])
def test_a_module_survives_the_round_trip(module: Module, step: str, tmp_path: Path) -> None:
    for name in ("classroom.yml", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    course = course_module.load(tmp_path)
    file = course.dev_file(module)
    file.parent.mkdir(parents=True)
    shutil.copy(COURSE.dev_file(module), file)
    before = file.read_bytes()
    synchronise(course, module)
    if step == "unchanged":
        # A change and its opposite: the .py file is written anew both times.
        twin = course.root / twin_path(course, module)
        for old, new in (("import", "import "), ("import ", "import")):
            notebook = nbformat.read(twin, as_version=4)
            code = next(cell for cell in notebook.cells if cell.cell_type == "code")
            code.source = code.source.replace(old, new)
            nbformat.write(notebook, twin)
            assert "brought up to date" in synchronise(course, module)
            assert (file.read_bytes() == before) == (old == "import ")
    else:
        file.unlink()
        assert synchronise(course, module).startswith(f"{course.dev_path(module)} was brought")
    assert file.read_bytes() == before


def test_the_first_notebook_holds_every_cell(twin: Twin) -> None:
    assert "was made from" in twin.run()
    notebook = twin.read()
    nbformat.validate(notebook)
    cells = read(twin.python, "x").cells
    assert [(c.cell_type, c.source) for c in notebook.cells] == [(c.kind, c.source) for c in cells]
    assert notebook.cells[1].metadata["nbgrader"] == cells[1].nbgrader
    assert notebook.metadata["jupytext"]["comment_magics"] is False
    assert notebook.metadata["kernelspec"]["name"] == "python3"


def test_ids_are_deterministic_valid_and_unique(twin: Twin) -> None:
    twin.run()
    first = twin.notebook.read_bytes()
    ids = [cell.id for cell in twin.read().cells]
    assert ids[1] == "small-answer"
    assert ids[3] == ids[2] + "-2"
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", identity) for identity in ids)
    twin.notebook.unlink()
    twin.run()
    assert twin.notebook.read_bytes() == first


def test_a_second_run_writes_nothing(twin: Twin) -> None:
    twin.run()
    before = twin.files()
    times = {path: Path(path).stat().st_mtime_ns for path in before}
    assert twin.run().endswith("agree")
    assert twin.files() == before
    assert {path: Path(path).stat().st_mtime_ns for path in before} == times


def test_a_changed_python_file_brings_the_notebook_along(twin: Twin) -> None:
    twin.run()
    before = twin.python.read_bytes()
    twin.change_python("return 42", "return 43")
    assert "ipynb was brought up to date with" in twin.run()
    assert "return 43" in twin.read().cells[1].source
    assert twin.python.read_bytes() == before.replace(b"42", b"43")
    assert twin.aside() == []
    assert twin.run().endswith("agree")


def test_a_changed_notebook_brings_the_python_file_along(twin: Twin) -> None:
    twin.run()
    before = twin.python.read_bytes()
    assert not is_ahead(twin.course, twin.module)
    twin.change_notebook("return 42", "return 43")
    assert is_ahead(twin.course, twin.module)
    said = twin.run()
    assert twin.python.read_bytes() == before.replace(b"42", b"43")
    (kept,) = twin.aside()
    assert kept.read_bytes() == before
    assert kept.parent.is_relative_to(twin.course.root / ".tito-aside")
    assert said.endswith(f"kept in .tito-aside/{kept.relative_to(twin.course.root).parts[1]}")
    assert not is_ahead(twin.course, twin.module)
    assert twin.run().endswith("agree")


@pytest.mark.parametrize("kept", ["python", "notebook"])
def test_what_the_refusal_says_to_type_works(twin: Twin, kept: str) -> None:
    twin.run()
    twin.change_notebook("return 42", "return 43")
    twin.change_python("return 42", "return 44")
    if kept == "python":
        twin.notebook.unlink()
    else:
        twin.python.rename(twin.python.with_suffix(".old"))
    twin.run()
    wanted = "return 44" if kept == "python" else "return 43"
    assert wanted in twin.read().cells[1].source
    assert wanted in twin.python.read_text(encoding="utf-8")


def test_both_changed_alike_is_agreement(twin: Twin) -> None:
    twin.run()
    twin.change_notebook("return 42", "return 43")
    twin.change_python("return 42", "return 43")
    assert twin.run().endswith("agree")
    twin.change_python("return 43", "return 44")
    assert "ipynb was brought up to date" in twin.run()


def test_without_a_record_equal_contents_are_recorded(twin: Twin) -> None:
    twin.run()
    complete = twin.notebook.read_bytes()
    notebook = twin.read()
    del notebook.metadata["tito"]
    twin.write(notebook)
    assert twin.run().endswith("agree")
    assert twin.notebook.read_bytes() == complete


def test_deleting_the_state_folder_loses_nothing(twin: Twin) -> None:
    twin.run()
    shutil.rmtree(twin.course.root / ".tito", ignore_errors=True)
    twin.change_notebook("return 42", "return 43")
    assert "py was brought up to date" in twin.run()


def with_outputs(twin: Twin) -> None:
    """As if every code cell had been run in Jupyter."""
    notebook = twin.read()
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            cell.execution_count = number
            cell.outputs = [nbformat.v4.new_output("stream", text=f"output {number}\n")]
            cell.metadata["collapsed"] = True
            cell.metadata["execution"] = {"iopub.execute_input": "2026"}
    notebook.metadata["language_info"] = {"name": "python", "version": "3.11"}
    twin.write(notebook)


def outputs(twin: Twin) -> list[str]:
    code = [cell for cell in twin.read().cells if cell.cell_type == "code"]
    return ["".join(output.text for output in cell.outputs).strip() for cell in code]


def test_running_cells_is_no_change(twin: Twin) -> None:
    twin.run()
    with_outputs(twin)
    before = twin.files()
    assert not is_ahead(twin.course, twin.module)
    assert twin.run().endswith("agree")
    assert twin.files() == before


def test_outputs_stay_where_the_source_is_unchanged(twin: Twin) -> None:
    twin.run()
    with_outputs(twin)
    twin.change_python("return 42", "return 43")
    twin.change_python("# %%\nprint(answer())\n", "# %%\nprint('new')\n\n# %%\nprint(answer())\n")
    twin.run()
    assert outputs(twin) == ["", "", "output 2", "output 3", "output 6"]
    notebook = twin.read()
    assert notebook.cells[3].metadata["collapsed"] is True
    assert notebook.cells[3].execution_count == 2
    assert notebook.metadata["language_info"]["version"] == "3.11"
    assert "collapsed" not in twin.python.read_text(encoding="utf-8")


def test_outputs_stay_when_the_notebook_was_changed(twin: Twin) -> None:
    twin.run()
    with_outputs(twin)
    twin.change_notebook("return 42", "return 43")
    twin.run()
    assert outputs(twin) == ["output 1", "output 2", "output 3", "output 6"]
    assert "output" not in twin.python.read_text(encoding="utf-8")


def test_new_cells_of_the_notebook_are_written_well(twin: Twin) -> None:
    twin.run()
    notebook = twin.read()
    new = nbformat.v4
    notebook.cells[2:2] = [
        new.new_markdown_cell("New **prose**"),
        new.new_markdown_cell("A formula $\\beta$"),
        new.new_markdown_cell('With """ quotes'),
        new.new_code_cell("y = 2\n\n\n"),
        new.new_code_cell("def f():\r\n    return 3"),
        new.new_code_cell(""),
    ]
    notebook.cells.append(new.new_code_cell(""))
    twin.write(notebook)
    twin.run()
    text = twin.python.read_text(encoding="utf-8")
    assert '# %% [markdown]\n"""\nNew **prose**\n"""\n' in text
    assert '# %% [markdown]\nr"""\nA formula $\\beta$\n"""\n' in text
    assert '# %% [markdown]\n# With """ quotes\n' in text
    assert "# %% [markdown]\n# Prose in comments.\n" in text
    assert re.search(r"\n# %%\ny = 2\n+# %%\ndef f\(\):\n    return 3\n+# %%\n+# %%\n", text)
    assert twin.run().endswith("agree")


def test_newlines_and_bom_of_the_editor_stay(twin: Twin) -> None:
    data = b"\xef\xbb\xbf" + twin.python.read_bytes().replace(b"\n", b"\r\n")
    twin.python.write_bytes(data)
    twin.run()
    twin.change_notebook("return 42", "return 43")
    twin.run()
    assert twin.python.read_bytes() == data.replace(b"42", b"43")
    assert twin.run().endswith("agree")


def test_the_order_of_metadata_and_the_file_mode_stay(twin: Twin) -> None:
    """Jupyter sorts the keys it saves. Unusual orders stay, new cells get ours."""
    twin.change_python(
        '"schema_version": 3, "grade": false,', '"grade": false, "schema_version": 3,'
    )
    twin.change_python("# %%\nprint", '# %% zeta=1 alpha={"d": 1, "c": 2}\nprint')
    before = twin.python.read_bytes()
    twin.python.chmod(0o640)
    mode = twin.python.stat().st_mode
    twin.run()
    twin.change_notebook("return 42", "return 43")
    notebook = twin.read()
    graded = {"solution": False, "points": 1, "grade_id": "new", "grade": True, "x": 1}
    cell = nbformat.v4.new_code_cell("assert True", metadata={"nbgrader": graded})
    notebook.cells.append(cell)
    twin.write(notebook)
    twin.run()
    new = b'{"grade": true, "solution": false, "grade_id": "new", "points": 1, "x": 1}'
    added = b"\n# %% nbgrader=" + new + b"\nassert True\n"
    assert twin.python.read_bytes() == before.replace(b"42", b"43") + added
    assert twin.python.stat().st_mode == mode


def test_a_syntax_error_of_the_notebook_is_refused_at_export(twin: Twin) -> None:
    twin.run()
    twin.change_notebook("return 42", "return (42")
    twin.run()
    with pytest.raises(RefusedError) as error:
        build(twin.course, [twin.module])
    (finding,) = error.value.findings
    lines = twin.python.read_text(encoding="utf-8").split("\n")
    assert finding.path == twin.course.dev_path(twin.module)
    assert lines[finding.line - 1] == "    return (42"
    assert (finding.rule, finding.cell) == ("export-syntax", "small.answer")


def test_the_command_says_what_it_did(
    twin: Twin, in_folder: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    in_folder(twin.course.root)
    assert invoke(["module", "notebook", "01"]) == 0
    assert "small_dev.ipynb" in capsys.readouterr().out
    twin.change_notebook("return 42", "return 43")
    twin.change_python("return 42", "return 44")
    assert invoke(["module", "notebook", "small"]) == 1
