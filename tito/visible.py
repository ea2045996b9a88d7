"""The graded tests of a module that a student can see, with their points.

Hidden tests are taken out first: not even the name of one is told.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tito.errors import TitoError
from tito.source import Cell, DevFile

_HIDDEN = re.compile(r"\s*#+\s*(BEGIN|END) HIDDEN TESTS\b")


@dataclass(frozen=True)
class VisibleTest:
    """One graded cell: its id, the functions that must pass, and its points."""

    cell: str
    functions: tuple[str, ...]
    points: int


def visible_tests(dev: DevFile) -> tuple[VisibleTest, ...]:
    """In their order. A cell that holds no visible test, or is worth nothing, is left out.

    Raises TitoError if a visible part is no Python, or points are no whole number.
    """
    return tuple(_tests(dev))


def _tests(dev: DevFile) -> Iterator[VisibleTest]:
    for cell in dev.cells:
        if cell.kind != "code" or not cell.nbgrader.get("grade"):
            continue
        points = cell.nbgrader.get("points", 0)
        if points != int(points):
            where = f"{dev.path}:{cell.line}"
            raise TitoError(f"{points} points are no whole number", where=where)
        functions = _functions(dev, cell)
        if functions and points > 0:
            yield VisibleTest(cell.identity, functions, int(points))


def _functions(dev: DevFile, cell: Cell) -> tuple[str, ...]:
    lines, hidden = [], False
    for line in cell.code.split("\n"):
        marker = _HIDDEN.match(line)
        if marker:
            hidden = marker[1] == "BEGIN"
        elif not hidden:
            lines.append(line)
    try:
        tree = ast.parse("\n".join(lines))
    except (SyntaxError, ValueError) as error:
        where = f"{dev.path}:{cell.line}"
        raise TitoError(f"this cell is no Python: {error}", where=where) from None
    found = (node.name for node in tree.body if isinstance(node, ast.FunctionDef))
    return tuple(name for name in found if name.startswith("test_"))
