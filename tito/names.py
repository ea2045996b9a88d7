"""The names that the exported cells of a dev file define. Reads syntax trees, runs nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tito.source import Cell, DevFile
from tito.syntax import placed, targets_of, tree_of


def public_names(dev: DevFile) -> tuple[str, ...]:
    """The names of `__all__`. Raises one of UNREADABLE if the exported code is no Python."""
    return public_of(dev, tree_of(placed(dev, dev.exported)))


def public_of(dev: DevFile, tree: ast.Module) -> tuple[str, ...]:
    """`__all__` in nbdev's order: assignments, definitions, `_all_`; no private names."""
    assigned: list[str] = []
    defined: list[str] = []
    extra: list[str] = []
    for cell, node in _statements(dev, tree):
        if not cell.public:
            continue
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            defined.append(node.name)
        for target in targets_of(node):
            if target == "_all_":
                extra += _all_values(node)
            assigned.append(target)
    public = [name for name in assigned + defined if not name.startswith("_")]
    return tuple(dict.fromkeys(public + extra))


def _statements(dev: DevFile, tree: ast.Module) -> Iterator[tuple[Cell, ast.stmt]]:
    """Each top statement of the exported code, with its cell."""
    cells = iter(dev.exported)
    cell, following = None, next(cells, None)
    for node in tree.body:
        while following is not None and following.code_line <= node.lineno:
            cell, following = following, next(cells, None)
        assert cell is not None
        yield cell, node


def definition_line(tree: ast.Module, name: str) -> int:
    """The line where a module defines or assigns a name at its top."""
    for node in tree.body:
        if getattr(node, "name", None) == name or name in targets_of(node):
            return node.lineno
    return 1


def _all_values(node: ast.stmt) -> list[str]:
    elements = getattr(getattr(node, "value", None), "elts", [])
    values = (getattr(item, "value", getattr(item, "id", None)) for item in elements)
    return [value for value in values if isinstance(value, str)]


def solutions_of(dev: DevFile, tree: ast.Module) -> frozenset[str]:
    """Functions, classes and other names that solution cells define."""
    names = set()
    for cell, node in _statements(dev, tree):
        if cell.solution:
            names.update([getattr(node, "name", ""), *targets_of(node)])
    return frozenset(names - {""})
