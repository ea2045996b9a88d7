"""nbgrader itself, run on notebooks in a course folder of its own: what ours is compared with."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

needs_nbgrader = pytest.mark.skipif(find_spec("nbgrader") is None, reason="missing: nbgrader")
"""Importing it to see whether it is there would take longer than many a test."""

Cell = tuple[str, str, dict[str, Any]]
"""Type, source and metadata."""

_RUN = """
import json, sys
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

for assignment, notebook, stub in json.load(sys.stdin):
    config = Config()
    config.CourseDirectory.root = "."
    config.CourseDirectory.assignment_id = assignment
    config.CourseDirectory.notebook_id = notebook
    config.ClearSolutions.code_stub = {"python": stub}
    GenerateAssignment(coursedir=CourseDirectory(config=config), config=config).start()
"""
_LAYOUT = ("cell_marker", "lines_to_next_cell", "lines_to_end_of_cell_marker")


@dataclass(frozen=True)
class Source:
    """A notebook, the assignment it is part of, and what replaces its solutions."""

    assignment: str
    name: str
    stub: str
    notebook: Any


def generate(folder: Path, sources: list[Source]) -> list[list[Cell]]:
    """The cells of each notebook as nbgrader releases them. One process, and one gradebook."""
    for source in sources:
        path = folder / "source" / source.assignment / f"{source.name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(source.notebook), encoding="utf-8")
    path_of_programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _RUN],
        input=json.dumps([(s.assignment, s.name, s.stub) for s in sources]),
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "JUPYTER_PLATFORM_DIRS": "1", "PATH": path_of_programs},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [_cells(folder / "release" / s.assignment / f"{s.name}.ipynb") for s in sources]


def _cells(file: Path) -> list[Cell]:
    return [cell_of(cell) for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]]


def cell_of(cell: Any) -> Cell:
    """What of a notebook's cell is compared: all but where it stood in a `.py` file."""
    source = cell["source"]
    text = source if isinstance(source, str) else "".join(source)
    metadata = {key: value for key, value in cell["metadata"].items() if key not in _LAYOUT}
    return cell["cell_type"], text, metadata


def kept(gradebook: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What a gradebook says of assignments, notebooks and cells, without ids of its own making."""
    queries = {
        "assignment": "select name, duedate, course_id from assignment",
        "notebook": "select a.name, n.name, n.kernelspec from notebook n, assignment a "
        "where n.assignment_id = a.id",
        "grade": "select n.name, b.name, b.type, g.max_score, g.cell_type from base_cell b, "
        "notebook n, grade_cells g where b.notebook_id = n.id and g.id = b.id",
        "solution": "select n.name, b.name, b.type from base_cell b, notebook n, solution_cells s "
        "where b.notebook_id = n.id and b.id = s.id",
        "source": "select n.name, s.name, s.cell_type, s.locked, s.source, s.checksum "
        "from source_cell s, notebook n where s.notebook_id = n.id",
        "schema": "select version_num from alembic_version",
    }
    with sqlite3.connect(gradebook) as connection:
        found = {name: sorted(connection.execute(text)) for name, text in queries.items()}
    connection.close()
    return found
