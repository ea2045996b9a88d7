"""Cells parsed as Python, with the dev file's line numbers and every fault. Nothing is run."""

from __future__ import annotations

import ast
import functools
import re
import threading
import warnings
from collections.abc import Iterable

from tito.report import Finding
from tito.source import Cell, DevFile

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python raises for text that is no Python."""

_PARSING = threading.Lock()
_MAGIC = re.compile(r"\s*(%{1,2}\w|!|\?{1,2}\w|\w[\w.]*\?{1,2}\s*$|[\w, .]+=\s*[%!]\s*\w)")


def fresh_tree(code: str) -> ast.Module:
    """The syntax tree of code: a new one each time. Raises one of UNREADABLE.

    One at a time: before Python 3.11.9 and 3.12.3, two threads that parse at once may get a
    SystemError from `ast.parse`.
    """
    with _PARSING:
        return ast.parse(code)


def fault(dev: DevFile, rule: str, line: int, message: str, hint: str) -> Finding:
    """An error at a line of a dev file, with the cell that holds it."""
    cell = dev.cell_at(line)
    identity = cell.identity if cell else ""
    return Finding(rule, "error", dev.path, line, message, hint, identity)


@functools.lru_cache(maxsize=1024)
def tree_of(code: str) -> ast.Module:
    """The syntax tree of code, without Python's warnings. Raises one of UNREADABLE.

    Several checks ask for the tree of the same cell; none may change it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fresh_tree(code)


def parse_cells(
    dev: DevFile, cells: Iterable[Cell], *, compiled: bool = True
) -> tuple[ast.Module | None, list[Finding]]:
    """The cells' code as one tree. None, and what is wrong, if a cell by itself is no Python.

    `compiled=False` leaves out what only compiling sees, for code that Python is about to import.
    """
    cells = tuple(cells)
    whole = _all_at_once(dev, cells, compiled)
    return (whole, []) if whole is not None else _one_by_one(dev, cells)


def _all_at_once(dev: DevFile, cells: Iterable[Cell], compiled: bool) -> ast.Module | None:
    """The tree if nothing at all is wrong: the usual case, and several times as fast."""
    source = placed(dev, cells)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            tree = fresh_tree(source)
            if compiled:
                compile(source, dev.path, "exec", dont_inherit=True)
        except (*UNREADABLE, Warning):
            return None
    # A statement that begins in one cell and ends in another is none in either of them.
    ends = iter([cell.code_line + cell.code.count("\n") for cell in cells])
    end = 0
    for node in tree.body:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        while first > end:
            end = next(ends)
        if (node.end_lineno or 0) > end:
            return None
    return tree


def _one_by_one(dev: DevFile, cells: Iterable[Cell]) -> tuple[ast.Module | None, list[Finding]]:
    """Each cell by itself, so that every fault is told."""
    trees: list[tuple[Cell, ast.Module]] = []
    findings: list[Finding] = []
    for cell in cells:
        tree, faults = _parse(dev, cell)
        trees += [(cell, tree)] if tree else []
        findings += faults
    whole = ast.Module([node for _, tree in trees for node in tree.body], [])
    together = _compile(dev, whole)
    if together:
        # One by one, so that the faults of two cells are both told.
        findings += [f for _, tree in trees for f in _compile(dev, tree)] or together
    return (None if findings else whole), findings


def _parse(dev: DevFile, cell: Cell) -> tuple[ast.Module | None, list[Finding]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            # Empty lines in front are faster than correcting the numbers afterwards.
            tree = fresh_tree("\n" * (cell.code_line - 1) + cell.code)
        except SyntaxError as error:
            return None, [_syntax_fault(dev, error.lineno or cell.code_line, error.msg)]
        except UNREADABLE as error:
            return None, [_unreadable(dev, cell.code_line, error)]
    return tree, [_warning(dev, w) for w in caught]


def _compile(dev: DevFile, tree: ast.Module) -> list[Finding]:
    """What only compiling sees: a return outside a function, a late import of the future."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            compile(tree, dev.path, "exec", dont_inherit=True)
        except SyntaxError as error:
            return [_syntax_fault(dev, error.lineno or 1, error.msg)]
        except UNREADABLE as error:
            return [_unreadable(dev, tree.body[0].lineno, error)]
    return [_warning(dev, w) for w in caught]


def placed(dev: DevFile, cells: Iterable[Cell]) -> str:
    """The cells' code with every line where it stands in the dev file, the rest left empty."""
    lines = [""] * (dev.text.count("\n") + 1)
    for cell in cells:
        code = cell.code.split("\n")
        lines[cell.code_line - 1 : cell.code_line - 1 + len(code)] = code
    return "\n".join(lines)


def inside_strings(code: str) -> set[int]:
    """The lines, counted from 0, that begin inside a string; empty if this is no Python."""
    try:
        tree = tree_of(code)
    except UNREADABLE:
        return set()
    strings = (n for n in ast.walk(tree) if isinstance(n, (ast.Constant, ast.JoinedStr)))
    return {n for node in strings for n in range(node.lineno, node.end_lineno or 0)}


def targets_of(node: ast.stmt) -> list[str]:
    """The names that an assignment gives a value."""
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
        targets = [node.target]
    else:
        return []
    flat = [item for target in targets for item in getattr(target, "elts", [target])]
    return [item.id for item in flat if isinstance(item, ast.Name)]


def _warning(dev: DevFile, warning: warnings.WarningMessage) -> Finding:
    text = str(warning.message)
    hint = "Python prints a warning here, and importing the package must print nothing: mend it"
    if "escape" in text:
        hint = "write a raw string, r'...', or two backslashes"
    return fault(dev, "export-syntax", warning.lineno, text, hint)


def _unreadable(dev: DevFile, line: int, error: BaseException) -> Finding:
    message = f"Python cannot read this cell: {error}"
    return fault(dev, "export-syntax", line, message, "make it simpler and shorter")


def _syntax_fault(dev: DevFile, number: int, message: str) -> Finding:
    line = "".join(dev.text.split("\n")[number - 1 : number])
    if _MAGIC.match(line):
        message = f"{line.strip()[:40]!r} is a notebook command, not Python"
        hint = "delete the line; install packages in the terminal"
        return fault(dev, "export-magic", number, message, hint)
    hint = f"look at: {line.strip()[:60]}" if line.strip() else "look just above this line"
    return fault(dev, "export-syntax", number, f"syntax error: {message}", hint)
