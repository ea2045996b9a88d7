"""Rules for nbgrader's metadata, schema 3: complete, sensible, unique, and adding up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tito.page import Fault, Page, rule, shown
from tito.source import Cell

_FLAGS = ("grade", "solution", "locked", "task")
_REQUIRED = ("schema_version", *_FLAGS, "grade_id")
_OPTIONAL = ("points", "checksum", "cell_type")  # the last two stand in a released student file
_ORDER = (*_REQUIRED, "points")
_PATTERN = (
    '{"schema_version": 3, "grade": …, "solution": …, "locked": …, "task": false, "grade_id": "…"}'
)
_KINDS = {
    "code": {
        (False, False, True): "given",
        (False, True, False): "solution",
        (True, False, True): "test",
    },
    "markdown": {(True, True, False): "answer"},
}


@rule("metadata-keys", "The metadata for nbgrader has every key of schema 3 and no unknown one.")
def keys(page: Page) -> Iterator[Fault]:
    for cell in page.dev.cells:
        if "nbgrader" not in cell.metadata:
            continue
        data = cell.metadata["nbgrader"]
        line = cell.marker_line
        if not isinstance(data, dict):
            message = f"nbgrader's metadata is {shown(data)}, not a dictionary"
            yield Fault(line, message, f"write nbgrader={_PATTERN}")
            continue
        for key in _REQUIRED:
            if key not in data:
                hint = f"the whole of it: nbgrader={_PATTERN}"
                yield Fault(line, f"nbgrader's metadata has no {key!r}", hint)
        for key in data:
            if key not in (*_REQUIRED, *_OPTIONAL):
                hint = f"known are: {', '.join((*_REQUIRED, *_OPTIONAL))}"
                yield Fault(line, f"nbgrader does not know the key {shown(key)}", hint)


@rule("metadata-types", "Each value of nbgrader's metadata has the right type.")
def types(page: Page) -> Iterator[Fault]:
    for cell in page.dev.cells:
        for key, wanted in _wrong_types(page, cell):
            message = f"{key!r} is {shown(cell.nbgrader[key])} in nbgrader's metadata"
            yield Fault(cell.marker_line, message, f'write "{key}": {wanted}')


@rule("metadata-order", "The keys of the metadata stand in one order, so that cells read alike.")
def order(page: Page) -> Iterator[Fault]:
    for cell in page.dev.cells:
        known = [key for key in cell.nbgrader if key in _ORDER]
        # jupytext has written a released cell, in an order of its own.
        if "checksum" not in cell.nbgrader and known != sorted(known, key=_ORDER.index):
            hint = f"the order is: {', '.join(_ORDER)}"
            yield Fault(cell.marker_line, "the keys of the metadata are out of order", hint)


@rule("metadata-points", "A cell has points exactly when it is graded.")
def points_when_graded(page: Page) -> Iterator[Fault]:
    for cell in page.dev.cells:
        grade = cell.nbgrader.get("grade")
        if grade is True and "points" not in cell.nbgrader:
            hint = 'add "points": n at the end of the metadata'
            yield Fault(cell.marker_line, "this cell is graded and has no points", hint)
        if grade is False and "points" in cell.nbgrader:
            hint = 'delete "points", or write "grade": true'
            yield Fault(cell.marker_line, "this cell has points and is not graded", hint)


@rule("metadata-kind", "A cell is given, a solution, a test or a written answer, and no mixture.")
def kinds(page: Page) -> Iterator[Fault]:
    for cell in page.dev.cells:
        data = cell.nbgrader
        if not all(type(data.get(flag)) is bool for flag in _FLAGS):
            continue
        flags = (data["grade"], data["solution"], data["locked"])
        if data["task"] or flags not in _KINDS.get(cell.kind, {}):
            names = [flag for flag in _FLAGS if data[flag]]
            message = f"a {cell.kind} cell cannot be {' and '.join(names) or 'none of all'}"
            yield Fault(cell.marker_line, message, _kind_hint(cell))


def _kind_hint(cell: Cell) -> str:
    if cell.kind == "raw":
        return "delete the metadata: nbgrader knows code and markdown cells"
    if cell.kind == "markdown":
        return "a written answer is grade and solution; plain text has no metadata"
    return "a test is grade and locked, a solution is solution alone, a given cell is locked alone"


@rule("grade-id", "A grade_id is the module's name, a hyphen, and small letters, digits, hyphens.")
def grade_ids(page: Page) -> Iterator[Fault]:
    name = page.module.name
    for cell in page.dev.cells:
        value = cell.nbgrader.get("grade_id")
        if isinstance(value, str) and not re.fullmatch(f"{re.escape(name)}-[a-z0-9-]+", value):
            hint = f'write "grade_id": "{name}-…", in small letters, digits and hyphens'
            yield Fault(cell.marker_line, f"the grade_id {shown(value)} does not fit", hint)


@rule("grade-id-duplicate", "A grade_id stands once in a file.")
def unique_grade_ids(page: Page) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for cell in page.dev.cells:
        value = cell.nbgrader.get("grade_id")
        if isinstance(value, str):
            earlier = first.setdefault(value, cell.marker_line)
            if earlier != cell.marker_line:
                message = f"the grade_id {shown(value)} stands in line {earlier} already"
                yield Fault(cell.marker_line, message, "give this cell a grade_id of its own")


@rule("exported-metadata", "Every exported cell is known to nbgrader, as locked or as a solution.")
def exported(page: Page) -> Iterator[Fault]:
    for cell in page.dev.exported:
        if not cell.solution and not cell.nbgrader.get("locked"):
            message = "this cell is exported, and nbgrader does not protect it"
            hint = f"locked: true if it is given, solution: true if students write it: {_PATTERN}"
            yield Fault(cell.marker_line, message, hint)


@rule("points", "The points of a module's cells add up to what classroom.yml says.")
def points(page: Page) -> Iterator[Fault]:
    graded = [cell for cell in page.dev.cells if cell.nbgrader.get("grade") is True]
    values: list[Any] = [cell.nbgrader.get("points") for cell in graded]
    if not all(_fits(page, value) for value in values):
        return  # what is missing or no number has been told, and a sum would say nothing
    total = sum(values)
    if total != page.module.points:
        line = graded[-1].marker_line if graded else 1
        message = f"the points add up to {total}, classroom.yml says {page.module.points}"
        yield Fault(line, message, "change the points of some cells, or points in classroom.yml")


def _fits(page: Page, value: Any) -> bool:
    return type(value) is int and 1 <= value <= page.course.settings.points


def _wrong_types(page: Page, cell: Cell) -> Iterator[tuple[str, str]]:
    """Each key with a wrong value, and what to write instead."""
    data = cell.nbgrader
    version = data.get("schema_version", 3)
    if type(version) is not int or version != 3:
        yield "schema_version", "3"
    for key in _FLAGS:
        if key in data and type(data[key]) is not bool:
            yield key, "true or false"
    for key in ("grade_id", "checksum", "cell_type"):
        if key in data and not isinstance(data[key], str):
            yield key, f'"{page.module.name}-…"' if key == "grade_id" else '"…"'
    if "points" in data and not _fits(page, data["points"]):
        yield "points", f"a whole number from 1 to {page.course.settings.points}"


RULES = (
    keys,
    types,
    order,
    points_when_graded,
    kinds,
    grade_ids,
    unique_grade_ids,
    exported,
    points,
)
