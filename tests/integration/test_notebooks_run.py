"""Each module's notebook in a real Jupyter kernel: every cell runs, and nothing reaches stderr."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tito import course as course_module
from tito.course import Module
from tito.notebook import synchronise, twin_path

COURSE = course_module.load(ROOT)
WRITTEN = [module for module in COURSE.modules if COURSE.written(module)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("module", WRITTEN, ids=lambda module: module.slug)
def test_the_notebook_runs_from_top_to_bottom(
    module: Module, copy_of_course: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ipykernel")
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    course = course_module.load(copy_of_course())
    synchronise(course, module)
    monkeypatch.setenv("PYTHONPATH", str(course.root))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    notebook = nbformat.read(course.root / twin_path(course, module), as_version=4)
    settings = {"metadata": {"path": os.fspath(course.dev_file(module).parent)}}
    nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources=settings
    ).execute()
    outputs = [o for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]
    said = dict.fromkeys(("stdout", "stderr"), "")
    for output in outputs:
        assert output.output_type in ("stream", "execute_result", "display_data")
        if output.output_type == "stream":
            said[output.name] += output.text
    assert said["stderr"] == ""
    line = next(line for line in said["stdout"].split("\n") if line.endswith("tests passed"))
    passed, _, of, *_ = line.split()
    assert passed == of != "0"
