"""Rules for solution cells and for what runs when the package is imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tito.page import Fault, Page, called, is_test_cell, parse, rule, runs_at_top
from tito.source import BEGIN_SOLUTION, END_SOLUTION, Cell

_MARKER = re.compile(r"(\s*)#+\s*(BEGIN|END) SOLUTION\s*$")
_STUB = "raise NotImplementedError"


@rule("solution-docstring", "Public functions and classes have a docstring outside the markers.")
def docstrings(page: Page) -> Iterator[Fault]:
    for _, _, stub in _solutions(page):
        for node in stub.body:
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                continue
            if not node.name.startswith("_") and ast.get_docstring(node) is None:
                message = f"{node.name!r} has no docstring that a student will see"
                hint = f"say shapes, an example and the steps, above {BEGIN_SOLUTION}"
                yield Fault(node.lineno, message, hint)


@rule("solution-frame", "Without its solutions a cell defines the same names and signatures.")
def frame(page: Page) -> Iterator[Fault]:
    hint = f"put the body alone between {BEGIN_SOLUTION} and {END_SOLUTION}"
    for cell, tree in page.trees:
        stubbed = _stubbed(page, cell)
        if stubbed is None:
            continue
        text, regions = stubbed
        stub = parse(cell, text)
        if stub is None:
            yield Fault(regions[0], "without its solution this cell is not Python", hint)
            continue
        raised = _raised_at_top(stub, regions)
        if raised:
            yield Fault(raised[0], "this solution is not the body of a function", hint)
            continue
        remaining = {what for what, _ in _defines(stub)}
        for what, line in _defines(tree):
            if what not in remaining:
                message = f"{what[0]!r} changes or goes when the solution is taken out"
                yield Fault(line, message, hint)


@rule("quiet-import", "Exported cells print nothing and call nothing for its effect at the top.")
def quiet_import(page: Page) -> Iterator[Fault]:
    hint = "move it into a function, or into a cell without a directive"
    # That a test or the main block is exported, other rules tell.
    main = {id(node) for _, _, node in page.main_blocks}
    for cell, tree in page.trees:
        if not cell.exported or is_test_cell(cell):
            continue
        lines = {}
        for node in runs_at_top(item for item in tree.body if id(item) not in main):
            if called(node) == "print":
                lines[getattr(node, "lineno", 1)] = "print"
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                lines[node.lineno] = called(node.value) or "this"
        for line, name in lines.items():
            yield Fault(line, f"{name} is called whenever the package is imported", hint)


@rule("target-first", "The directive default_exp stands in the first exported cell.")
def target_first(page: Page) -> Iterator[Fault]:
    target, first = page.dev.default_exp, next(iter(page.dev.exported), None)
    if target and first and target not in first.directives:
        hint = f"move it to line {first.line}, the top of the first exported cell"
        yield Fault(target.line, "default_exp stands outside the first exported cell", hint)


def _solutions(page: Page) -> Iterator[tuple[Cell, ast.Module, ast.Module]]:
    """Each solution cell with its tree and that of its stub, if both are Python."""
    for cell, tree in page.trees:
        stubbed = _stubbed(page, cell)
        stub = parse(cell, stubbed[0]) if stubbed else None
        if stub is not None:
            yield cell, tree, stub


def _stubbed(page: Page, cell: Cell) -> tuple[str, list[int]] | None:
    """The code with each solution replaced, line for line, and the lines of the replacements.

    None for a cell without solutions or with unpaired markers, which the export refuses.
    """
    if not cell.solution or page.students_own(cell):
        return None
    lines, regions, inside = [], [], False
    for number, line in enumerate(cell.code.split("\n"), start=cell.code_line):
        match = _MARKER.match(line)
        if match:
            begins = match[2] == "BEGIN"
            if begins == inside:
                return None
            inside = begins
            if begins:
                regions.append(number)
            lines.append(f"{match[1]}{_STUB}" if begins else "")
        else:
            lines.append("" if inside else line)
    return ("\n".join(lines), regions) if regions and not inside else None


def _raised_at_top(stub: ast.Module, regions: list[int]) -> list[int]:
    raised = {node.lineno for node in runs_at_top(stub.body) if isinstance(node, ast.Raise)}
    return [line for line in regions if line in raised]


def _defines(tree: ast.Module) -> Iterator[tuple[tuple[str, str], int]]:
    """Names and signatures at the top and in classes, each with its line."""
    waiting: list[tuple[str, ast.stmt]] = [("", node) for node in tree.body[::-1]]
    while waiting:
        prefix, node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            head: list[ast.AST] = [node.args, *node.decorator_list]
            yield (prefix + node.name, _text(head)), node.lineno
        elif isinstance(node, ast.ClassDef):
            head = [*node.bases, *node.keywords, *node.decorator_list]
            yield (prefix + node.name, _text(head)), node.lineno
            waiting += [(f"{prefix}{node.name}.", inner) for inner in node.body[::-1]]
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                yield (prefix + (alias.asname or alias.name), "import"), node.lineno
        else:
            for inner_node in runs_at_top([node]):
                if isinstance(inner_node, ast.Name) and isinstance(inner_node.ctx, ast.Store):
                    yield (prefix + inner_node.id, "name"), node.lineno


def _text(nodes: list[ast.AST]) -> str:
    try:
        return " ".join(ast.dump(node) for node in nodes)
    except RecursionError:
        return "nested too deeply"


RULES = (docstrings, frame, quiet_import, target_first)
