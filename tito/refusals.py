"""What may not be exported, each with file, line, cell and hint. Nothing here runs a cell."""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tito.course import Course, Module
from tito.options import BROKEN_METADATA
from tito.report import Finding
from tito.source import BEGIN_SOLUTION, END_SOLUTION, Cell, DevFile

DIRECTIVES = ("default_exp", "export", "exporti", "exports", "hide")
_MAGIC = re.compile(r"\s*(%{1,2}\w|!|\?\w|\w[\w.]*\?\s*$|[\w, .]+=\s*[%!]\s*\w)")
_CELL_LIKE = re.compile(r"\s*#\s*%%")
# str.splitlines breaks lines here and Python does not; jupytext uses the first.
_ODD_BREAKS = re.compile("[\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")
_SOLUTION_LINE = re.compile(r"\s*#+\s*(BEGIN|END) SOLUTION\s*$")


@dataclass(frozen=True)
class Parsed:
    """The exported cells of a module as one syntax tree with the dev file's line numbers."""

    module: Module
    dev: DevFile
    tree: ast.Module
    public: tuple[str, ...]
    """The names of `__all__`."""
    solutions: frozenset[str]
    """Functions and classes that solution cells define."""


def examine(module: Module, dev: DevFile) -> tuple[Parsed | None, list[Finding]]:
    """One module by itself. No tree if a cell is not Python."""
    findings = [
        *_target(module, dev),
        *_odd_breaks(dev),
        *(finding for cell in dev.cells for finding in _cell(dev, cell)),
    ]
    tree, faults = _parse(dev)
    findings += faults
    if tree is None:
        return None, findings
    parsed = Parsed(module, dev, tree, public_names(dev), _solution_names(dev))
    findings += [*_builtins(parsed), *_defined_twice(parsed)]
    return parsed, findings


def compare(course: Course, modules: Iterable[Parsed]) -> list[Finding]:
    """The modules together: names exported twice, and calls of solution functions at import."""
    parsed = list(modules)
    solutions = {f"{course.settings.package}.{p.module.target}": p.solutions for p in parsed}
    findings: list[Finding] = []
    first: dict[str, Module] = {}
    for item in parsed:
        for name in item.public:
            earlier = first.setdefault(name, item.module)
            if earlier is not item.module:
                line = definition_line(item.tree, name)
                hint = "rename one of them: `from tinytorch import *` can give only one"
                message = f"{name!r} is exported by {earlier.slug} already"
                findings.append(fault(item.dev, "export-duplicate", line, message, hint))
        findings += _calls_of_solutions(item, solutions)
    return findings


def fault(dev: DevFile, rule: str, line: int, message: str, hint: str) -> Finding:
    """An error at a line of a dev file, with the cell that holds it."""
    cell = dev.cell_at(line)
    identity = cell.identity if cell else ""
    return Finding(rule, "error", dev.path, line, message, hint, identity)


def public_names(dev: DevFile) -> tuple[str, ...]:
    """`__all__`: top-level assignments, then definitions, then `_all_`; no private names.

    The order is nbdev's.
    """
    assigned: list[str] = []
    defined: list[str] = []
    extra: list[str] = []
    for cell in dev.exported:
        if not cell.public:
            continue
        for node in ast.parse(cell.code).body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                defined.append(node.name)
            for target in _targets(node):
                if target == "_all_":
                    extra += _all_values(node)
                assigned.append(target)
    public = [name for name in assigned + defined if not name.startswith("_")]
    return tuple(dict.fromkeys(public + extra))


def definition_line(tree: ast.Module, name: str) -> int:
    """The line where a module defines or assigns a name at its top."""
    for node in tree.body:
        if getattr(node, "name", None) == name or name in _targets(node):
            return node.lineno
    return 1


def _targets(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
        targets = [node.target]
    else:
        return []
    flat = [item for target in targets for item in getattr(target, "elts", [target])]
    return [item.id for item in flat if isinstance(item, ast.Name)]


def _all_values(node: ast.stmt) -> list[str]:
    elements = getattr(getattr(node, "value", None), "elts", [])
    values = (getattr(item, "value", getattr(item, "id", None)) for item in elements)
    return [value for value in values if isinstance(value, str)]


def _target(module: Module, dev: DevFile) -> Iterator[Finding]:
    found = [d for cell in dev.cells for d in cell.directives if d.name == "default_exp"]
    line = f"#| default_exp {module.target}"
    if not found:
        hint = f"put `{line}` at the top of the first code cell"
        yield fault(dev, "export-target", 1, "no cell says where this module is exported to", hint)
    for directive in found[:1]:
        if directive.value != module.target:
            message = f"default_exp is {directive.value!r}, classroom.yml says {module.target!r}"
            yield fault(dev, "export-target", directive.line, message, f"write `{line}`")
    for directive in found[1:]:
        message, hint = "default_exp stands here a second time", "keep the first one"
        yield fault(dev, "export-duplicate", directive.line, message, hint)


def _odd_breaks(dev: DevFile) -> Iterator[Finding]:
    for number, line in enumerate(dev.text.split("\n"), start=1):
        match = _ODD_BREAKS.search(line)
        if match:
            message = f"the character U+{ord(match[0]):04X} breaks the line in a notebook"
            hint = f"write it as an escape: \\u{ord(match[0]):04x}"
            yield fault(dev, "export-line-break", number, message, hint)


def _cell(dev: DevFile, cell: Cell) -> Iterator[Finding]:
    marker = cell.marker.lstrip()
    if marker and not marker.startswith("# %%"):
        hint = "write `# %%`, with one space"
        yield fault(dev, "export-marker", cell.marker_line, f"unusual marker {marker[:12]!r}", hint)
    if BROKEN_METADATA in cell.metadata:
        hint = 'write nbgrader={"schema_version": 3, ...}, closed by } on the same line'
        message = "the metadata of this cell is not closed or not JSON"
        yield fault(dev, "export-metadata", cell.marker_line, message, hint)
    if cell.kind != "code":
        return
    yield from _directives(dev, cell)
    yield from _markers(dev, cell)


def _directives(dev: DevFile, cell: Cell) -> Iterator[Finding]:
    known = "known are: " + ", ".join(f"#| {name}" for name in DIRECTIVES)
    for directive in cell.directives:
        if directive.name not in DIRECTIVES:
            message = f"unknown directive {directive.name!r}"
            yield fault(dev, "export-directive", directive.line, message, known)
        elif directive.name != "default_exp" and directive.value:
            message = f"`#| {directive.name}` takes no value, found {directive.value!r}"
            hint = "one file exports to one module: #| default_exp names it"
            yield fault(dev, "export-directive", directive.line, message, hint)
    for number, line in enumerate(cell.code.split("\n"), start=cell.code_line):
        if re.match(r"\s*#\s*\|\s*(default_exp|export[is]?|hide)\b", line):
            message = "a directive below the first line of code has no effect"
            hint = "move it to the top of the cell"
            yield fault(dev, "export-directive", number, message, hint)


def _markers(dev: DevFile, cell: Cell) -> Iterator[Finding]:
    """A solution cell needs pairs of markers: nbgrader empties one that has none.

    A cell with nbgrader's checksum has been released: its solution is gone, its markers with it.
    """
    if not cell.solution or "checksum" in cell.nbgrader:
        return
    opened = 0
    count = 0
    for number, line in enumerate(cell.source.split("\n"), start=cell.line):
        match = _SOLUTION_LINE.match(line)
        if not match:
            continue
        count += 1
        begins = match[1] == "BEGIN"
        if begins == bool(opened):
            message = f"{line.strip()!r} has no partner"
            hint = f"each {BEGIN_SOLUTION} needs one {END_SOLUTION} below it"
            yield fault(dev, "export-solution", number, message, hint)
            return
        opened = number if begins else 0
    if opened or not count:
        message = f"this solution cell has no {END_SOLUTION if opened else BEGIN_SOLUTION}"
        hint = f"put the body between {BEGIN_SOLUTION} and {END_SOLUTION}"
        yield fault(dev, "export-solution", opened or cell.marker_line, message, hint)


def _parse(dev: DevFile) -> tuple[ast.Module | None, list[Finding]]:
    exported = list(dev.exported)
    code = [cell for cell in dev.cells if cell.kind == "code"]
    findings = _syntax(dev, exported) + _syntax(dev, [c for c in code if c not in exported])
    if findings:
        return None, findings
    return ast.parse(placed(dev, exported)), []


def placed(dev: DevFile, cells: Iterable[Cell]) -> str:
    """The cells' code with every line where it stands in the dev file, the rest left empty."""
    lines = [""] * (dev.text.count("\n") + 1)
    for cell in cells:
        code = cell.code.split("\n")
        lines[cell.code_line - 1 : cell.code_line - 1 + len(code)] = code
    return "\n".join(lines)


def _syntax(dev: DevFile, cells: list[Cell]) -> list[Finding]:
    """Compile all at once; only if that fails, one by one, so that every fault is told."""
    together = _compile(dev, cells)
    if not together:
        return []
    return [f for cell in cells for f in _compile(dev, [cell])] or together


def _compile(dev: DevFile, cells: list[Cell]) -> list[Finding]:
    source = placed(dev, cells)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            compile(source, dev.path, "exec", dont_inherit=True)
        except SyntaxError as error:
            return [_syntax_fault(dev, source, error)]
        except (ValueError, RecursionError, MemoryError, OverflowError) as error:
            line = cells[0].line if cells else 1
            message = f"Python cannot read this: {error}"
            return [fault(dev, "export-syntax", line, message, "look for unusual characters")]
    hint = "importing the package must print nothing: write a raw string, r'...'"
    return [fault(dev, "export-syntax", w.lineno, str(w.message), hint) for w in caught]


def _syntax_fault(dev: DevFile, source: str, error: SyntaxError) -> Finding:
    number = error.lineno or 1
    lines = source.split("\n")
    line = lines[number - 1] if number <= len(lines) else ""
    if _MAGIC.match(line):
        message = f"{line.strip()[:40]!r} is a notebook command, not Python"
        hint = "delete the line; install packages in the terminal"
        return fault(dev, "export-magic", number, message, hint)
    hint = f"look at: {line.strip()[:60]}" if line.strip() else "look just above this line"
    return fault(dev, "export-syntax", number, f"syntax error: {error.msg}", hint)


def _builtins(parsed: Parsed) -> Iterator[Finding]:
    for name in parsed.public:
        if hasattr(builtins, name):
            line = definition_line(parsed.tree, name)
            message = f"{name!r} is the name of one of Python's own functions"
            hint = "rename it, or keep it to yourself with #| exporti"
            yield fault(parsed.dev, "export-builtin", line, message, hint)


def _defined_twice(parsed: Parsed) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for node in parsed.tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            earlier = first.setdefault(node.name, node.lineno)
            if earlier != node.lineno:
                message = f"{node.name!r} is defined in line {earlier} already"
                hint = "keep one of them: the second would hide the first"
                yield fault(parsed.dev, "export-duplicate", node.lineno, message, hint)


def _solution_names(dev: DevFile) -> frozenset[str]:
    names = set()
    for cell in dev.exported:
        if cell.solution:
            for node in ast.parse(cell.code).body:
                names.add(getattr(node, "name", ""))
    return frozenset(names - {""})


def _calls_of_solutions(
    parsed: Parsed, solutions: Mapping[str, frozenset[str]]
) -> Iterator[Finding]:
    known = set(parsed.solutions)
    for node in parsed.tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module in solutions:
            for alias in node.names:
                if alias.name in solutions[node.module]:
                    known.add(alias.asname or alias.name)
    for expression in _run_at_import(parsed.tree.body):
        name = expression.func if isinstance(expression, ast.Call) else expression
        if isinstance(name, ast.Name) and name.id in known:
            message = f"{name.id!r} is called while the package is imported"
            hint = "the student version could not be imported: move the call into a function"
            yield fault(parsed.dev, "export-call", expression.lineno, message, hint)


def _run_at_import(nodes: Iterable[ast.AST]) -> Iterator[ast.expr]:
    """Calls and decorators that run at import: everything outside function bodies."""
    for node in nodes:
        if isinstance(node, ast.Call):
            yield node
        inner: Iterable[ast.AST] = ast.iter_child_nodes(node)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner = [*node.decorator_list, node.args]
        elif isinstance(node, ast.Lambda):
            inner = [node.args]
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield from node.decorator_list
        yield from _run_at_import(inner)
