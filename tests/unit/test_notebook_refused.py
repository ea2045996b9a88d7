"""What the notebook twin refuses: nothing is changed, and the message says what to type."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.twin import DEV, Twin
from tito.errors import TitoError
from tito.notebook import is_ahead, twin_path


@pytest.fixture
def twin(small: Any) -> Twin:
    small.add("small", DEV)
    return Twin(small.load())


def test_both_changed_changes_nothing(twin: Twin) -> None:
    twin.run()
    twin.change_notebook("return 42", "return 43")
    twin.change_python("return 42", "return 44")
    before = twin.files()
    with pytest.raises(TitoError, match="both changed") as error:
        twin.run()
    for name in (twin.course.dev_path(twin.module), twin_path(twin.course, twin.module)):
        assert name in error.value.message
    assert "tito module notebook 01" in error.value.hint
    assert twin.files() == before


def test_without_a_record_different_contents_are_refused(twin: Twin) -> None:
    twin.run()
    notebook = twin.read()
    notebook.metadata["tito"] = "nonsense"
    notebook.cells[1].source += "\n# more"
    twin.write(notebook)
    before = twin.files()
    with pytest.raises(TitoError, match="never agreed"):
        twin.run()
    assert twin.files() == before


@pytest.mark.parametrize("source", ["x = 1\n# %%\ny = 2", "x = '\u2028'", "x = '\x0c'", "'\ud800'"])
def test_what_cannot_stand_in_a_python_file_is_refused(twin: Twin, source: str) -> None:
    twin.run()
    data = json.loads(twin.notebook.read_text(encoding="utf-8"))
    data["cells"][2]["source"] = source
    twin.notebook.write_text(json.dumps(data), encoding="utf-8")
    before = twin.files()
    with pytest.raises(TitoError, match=r"cannot (stand|be written)") as error:
        twin.run()
    assert error.value.where == twin_path(twin.course, twin.module)
    assert twin.files() == before


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[]",
        b"3",
        b"{}",
        b'{"cells": 3}',
        b'{"cells": [3]}',
        b'{"cells": [], "nbformat": "x"}',
        b'{"cells": [], "nbformat": 99, "nbformat_minor": 0, "metadata": {}}',
        b'{"cells": [{}], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
        b'{"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": 3}',
        b'{"worksheets": [], "nbformat": 3, "nbformat_minor": 0, "metadata": {}}',
        b"[" * 100_000,
        b'{"cells": [{"cell_type": "code", "metadata": {}, "source": 3}],'
        b' "nbformat": 4, "nbformat_minor": 4, "metadata": {}}',
    ],
    ids=lambda data: repr(data[:30]),
)
def test_a_broken_notebook_is_refused_and_kept(twin: Twin, data: bytes) -> None:
    twin.notebook.write_bytes(data)
    before = twin.files()
    with pytest.raises(TitoError, match="notebook") as error:
        twin.run()
    assert error.value.where == twin_path(twin.course, twin.module)
    assert error.value.hint
    assert twin.files() == before


def test_is_ahead_reads_what_jupyter_writes(twin: Twin) -> None:
    """Sources as lists of lines, and no notebook at all."""
    assert not is_ahead(twin.course, twin.module)
    twin.run()
    data = json.loads(twin.notebook.read_bytes())
    assert isinstance(data["cells"][1]["source"], list)
    assert not is_ahead(twin.course, twin.module)
    twin.notebook.write_bytes(b"{")
    with pytest.raises(TitoError, match="cannot be read"):
        is_ahead(twin.course, twin.module)


def test_a_module_without_any_file_is_refused(twin: Twin) -> None:
    twin.python.unlink()
    with pytest.raises(TitoError, match="not written yet"):
        twin.run()


def test_a_header_that_jupytext_cannot_read_is_refused(twin: Twin) -> None:
    twin.change_python("#     display_name: Python 3\n", "#     display_name: [\n")
    before = twin.files()
    with pytest.raises(TitoError, match="no notebook can be made") as error:
        twin.run()
    assert error.value.where == twin.course.dev_path(twin.module)
    assert twin.files() == before


def test_no_part_is_left_when_writing_fails(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    twin.run()
    twin.change_notebook("return 42", "return 43")
    before = twin.files()

    def fail(source: Path, target: Path) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        twin.run()
    monkeypatch.undo()
    after = {path: data for path, data in twin.files().items() if ".tito-aside" not in path}
    assert after == before
