"""A dev file as students get it: through nbgrader's own preprocessors, and back to `.py`.

nbgrader decides what every cell becomes. Here its answer is written in the form of the dev file:
what it did not change stays as it stands, line for line.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tito.course import Course, Module
from tito.errors import TitoError
from tito.options import Kind
from tito.preprocessing import NOT_INSTALLED, REFUSED
from tito.source import Cell, DevFile, escaped, parse

STUB = 'raise NotImplementedError("this is yours to write, in module {module}")'
"""What stands in the place of a solution."""
_PREPROCESSING = Path(__file__).with_name("preprocessing.py")
_LONGEST = 300
_FEW_CHARACTERS = 600


class Released(msgspec.Struct, frozen=True):
    """A cell as nbgrader releases it."""

    cell_type: Kind
    source: str
    metadata: dict[str, Any]


class _Refusal(msgspec.Struct):
    notebook: str
    message: str


def release(
    course: Course, devs: Mapping[Module, DevFile], *, gradebook: Path | None = None
) -> dict[Module, str]:
    """The released text of each dev file. All in one process of nbgrader's.

    With a gradebook, what nbgrader keeps of each graded cell, hidden tests included, is saved
    there: the assignment is that of classroom.yml, or the module's own, the notebook the module.
    Raises TitoError, naming the file, if nbgrader refuses one or it cannot be written as `.py`.
    """
    if not devs:
        return {}
    cells = preprocess(course, devs, gradebook=gradebook)
    return {module: written(dev, cells[module]) for module, dev in devs.items()}


def preprocess(
    course: Course, devs: Mapping[Module, DevFile], *, gradebook: Path | None = None
) -> dict[Module, tuple[Released, ...]]:
    """The cells of each dev file as nbgrader releases them."""
    notebooks = [
        {
            "name": module.slug,
            "assignment": assignment_of(course, module),
            "stub": STUB.format(module=module.slug),
            "cells": [
                {"cell_type": cell.kind, "source": cell.source, "metadata": cell.metadata}
                for cell in dev.cells
            ],
        }
        for module, dev in devs.items()
    ]
    spec = {
        "gradebook": f"sqlite:///{gradebook.resolve()}" if gradebook else "",
        "assignments": _assignments(course, devs),
        "notebooks": notebooks,
    }
    done = _run(spec, {module.slug: dev.path for module, dev in devs.items()})
    return dict(zip(devs, msgspec.json.decode(done, type=list[tuple[Released, ...]]), strict=True))


def assignment_of(course: Course, module: Module) -> str:
    """The gradebook's assignment of a module: that of classroom.yml, or the module's own name."""
    found = (each.slug for each in course.assignments if module.name in each.modules)
    return next(found, module.slug)


def _assignments(course: Course, devs: Mapping[Module, DevFile]) -> dict[str, list[str]]:
    """Each assignment that is touched, with all its notebooks, these or others."""
    touched = {assignment_of(course, module) for module in devs}
    notebooks: dict[str, list[str]] = {name: [] for name in sorted(touched)}
    for module in course.modules:
        name = assignment_of(course, module)
        if name in touched and course.written(module):
            notebooks[name].append(module.slug)
    return notebooks


def _run(spec: object, paths: Mapping[str, str]) -> bytes:
    command = [sys.executable, "-I", "-B", str(_PREPROCESSING)]
    given = json.dumps(spec).encode("utf-8")
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, timeout=_LONGEST, check=False
        )
    except subprocess.TimeoutExpired:
        raise TitoError(f"nbgrader took more than {_LONGEST} seconds") from None
    if done.returncode == REFUSED:
        said = msgspec.json.decode(done.stdout, type=_Refusal)
        where = paths.get(said.notebook, said.notebook)
        hint = "nbgrader's own words; mend the cell, then try again"
        raise TitoError(f"nbgrader refuses this: {said.message}", where=where, hint=hint)
    complaint = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode == NOT_INSTALLED:
        last = complaint.rpartition("\n")[2]
        hint = 'python -m pip install -e ".[instructor]"'
        raise TitoError(f"nbgrader cannot be used here: {last}", hint=hint)
    if done.returncode:
        raise TitoError(f"nbgrader ended with a fault: {complaint[-_FEW_CHARACTERS:]}")
    return done.stdout


def written(dev: DevFile, cells: Sequence[Released]) -> str:
    """The dev file with its cells as released. Read again, it holds exactly these cells.

    Raises TitoError if a cell cannot stand in a `.py` file.
    """
    lines = dev.text.split("\n")
    starts = [cell.marker_line - 1 for cell in dev.cells]
    first = starts[0] if starts else len(lines)
    parts = lines[:first]
    for cell, made, start, end in zip(
        dev.cells, cells, starts, [*starts[1:], len(lines)], strict=True
    ):
        parts += _region(cell, made, lines[start:end])
    text = "\n".join(parts)
    for cell, made, found in zip(dev.cells, cells, parse(text, dev.path).cells, strict=False):
        if (made.cell_type, made.source, made.metadata) != (
            found.kind,
            found.source,
            found.metadata,
        ):
            raise TitoError(
                "without what is hidden, this cell cannot stand in a .py file",
                where=f"{dev.path}:{cell.marker_line}",
                hint="delete a blank line before or behind its solution, hidden test or scheme",
            )
    return text


def _region(cell: Cell, made: Released, lines: list[str]) -> list[str]:
    """The lines of one cell, and those between it and the next."""
    marker = [_marker(cell, made)] if cell.marker else []
    body = lines[len(marker) :]
    if made.source == cell.source:
        return [*marker, *body]
    if cell.kind == "code":
        count = cell.source.count("\n") + 1 if cell.source else 0
        lines = escaped(made.source.split("\n")) if made.source else []
        return [*marker, *lines, *body[count:]]
    return [*marker, *_prose(made.source, body)]


def _marker(cell: Cell, made: Released) -> str:
    """The cell's marker, with the metadata that it has now."""
    if made.metadata == cell.metadata:
        return cell.marker
    words = ["# %%"]
    if cell.title:
        words.append(cell.title)
    if cell.kind != "code":
        words.append(f"[{cell.kind}]")
    for key, value in made.metadata.items():
        text = json.dumps(value, ensure_ascii=False)
        words.append(key if value is None else f"{key}={text}")
    return " ".join(words)


def _prose(text: str, body: list[str]) -> list[str]:
    """Changed prose, between the quotes it stood in or as comments, and the lines behind it."""
    behind = len(body)
    while behind and not body[behind - 1].strip():
        behind -= 1
    opening = body[0].strip()
    for quote in ('"""', "'''"):
        prefix = opening.partition(quote)[0]
        if opening.startswith(prefix + quote) and prefix in ("", "r", "R"):
            return [prefix + quote, *text.split("\n"), quote, *body[behind:]]
    return [*(f"# {line}".rstrip() for line in text.split("\n")), *body[behind:]]
