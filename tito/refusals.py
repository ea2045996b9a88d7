"""What may not be exported, each with file, line, cell and hint. Nothing here runs a cell."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache

import msgspec

from tito.course import Course, Module
from tito.names import definition_line, public_of, solutions_of
from tito.options import BROKEN_METADATA
from tito.report import Finding
from tito.source import BEGIN_SOLUTION, ENCODING, END_SOLUTION, KEPT, Cell, DevFile
from tito.syntax import fault as fault
from tito.syntax import inside_strings, parse_cells
from tito.syntax import placed as placed

DIRECTIVES = ("default_exp", "export", "exporti", "exports", "hide")
_LATE = re.compile(r"\s*#\s*\|\s*(default_exp|export[is]?|hide)\b")
_ALMOST_A_MARKER = re.compile(r"#\s*%%+[\w\[]")
# At some of them str.splitlines, and so jupytext, breaks a line and Python does not.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029]")
_SOLUTION_LINE = re.compile(r"\s*#+\s*(BEGIN|END) SOLUTION\s*$")
_FOLDERS = ("core", "utils")


class Parsed(msgspec.Struct, frozen=True, dict=True, eq=False):
    """The exported cells of a module as one syntax tree with the dev file's line numbers."""

    module: Module
    dev: DevFile
    tree: ast.Module
    public: tuple[str, ...]
    """The names of `__all__`."""
    solutions: frozenset[str]
    """Functions and classes that solution cells define."""

    @cached_property
    def at_import(self) -> tuple[ast.AST, ...]:
        """Every node that runs when the module is imported."""
        return tuple(_at_import(self.tree.body))


def examine(
    module: Module, dev: DevFile, *, compiled: bool = True
) -> tuple[Parsed | None, list[Finding]]:
    """One module by itself. No tree if a cell is not Python."""
    parsed, faults = parse(module, dev, compiled=compiled)
    others = look(module, dev, compiled=compiled)
    return parsed, [*faults, *others, *(judge(parsed) if parsed else ())]


@lru_cache(2 * KEPT)
def parse(
    module: Module, dev: DevFile, *, compiled: bool
) -> tuple[Parsed | None, tuple[Finding, ...]]:
    """All that a package needs of a module; what else is wrong, `look` and `judge` find."""
    tree, faults = parse_cells(dev, dev.exported, compiled=compiled)
    if tree is None:
        return None, tuple(faults)
    parsed = Parsed(module, dev, tree, public_of(dev, tree), solutions_of(dev, tree))
    return parsed, tuple(faults)


@lru_cache(2 * KEPT)
def judge(parsed: Parsed) -> tuple[Finding, ...]:
    """The faults of the exported code that is Python."""
    return (*_names(parsed), *_defined_twice(parsed), *_notebook_calls(parsed))


@lru_cache(2 * KEPT)
def look(module: Module, dev: DevFile, *, compiled: bool) -> tuple[Finding, ...]:
    """The faults that do not depend on the exported code: an export with nothing new looks too."""
    others = (cell for cell in dev.cells if cell.kind == "code" and not cell.exported)
    return (
        *_target(module, dev),
        *_encoding(dev),
        *_controls(dev),
        *_almost_markers(dev),
        *(finding for cell in dev.cells for finding in _cell(dev, cell)),
        *parse_cells(dev, others, compiled=compiled)[1],
    )


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


def _target(module: Module, dev: DevFile) -> Iterator[Finding]:
    found = [d for cell in dev.cells for d in cell.directives if d.name == "default_exp"]
    line = f"#| default_exp {module.target}"
    if not found:
        cells = dev.exported or dev.cells
        first = cells[0].marker_line if cells else 1
        hint = f"put `{line}` at the top of the first exported cell"
        message = "no cell says where this module is exported to"
        yield fault(dev, "export-target", first, message, hint)
    for directive in found[:1]:
        if directive.value != module.target:
            message = f"default_exp is {directive.value!r}, classroom.yml says {module.target!r}"
            yield fault(dev, "export-target", directive.line, message, f"write `{line}`")
    for directive in found[1:]:
        message, hint = "default_exp stands here a second time", "keep the first one"
        yield fault(dev, "export-duplicate", directive.line, message, hint)


def _controls(dev: DevFile) -> Iterator[Finding]:
    if not _CONTROL.search(dev.text):
        return  # line by line is many times as slow
    for number, line in enumerate(dev.text.split("\n"), start=1):
        match = _CONTROL.search(line)
        if match:
            message = f"the character U+{ord(match[0]):04X} is invisible and breaks lines or tools"
            hint = f"delete it, or write it as an escape: \\u{ord(match[0]):04x}"
            yield fault(dev, "export-character", number, message, hint)


def _cell(dev: DevFile, cell: Cell) -> Iterator[Finding]:
    marker = cell.marker
    if marker and not marker.startswith("# %%"):
        message = f"unusual marker {marker[:12]!r}"
        hint = "write `# %%`, with one space, at the start of the line"
        yield fault(dev, "export-marker", cell.marker_line, message, hint)
    if BROKEN_METADATA in cell.metadata:
        hint = 'write nbgrader={"schema_version": 3, ...}, closed by } on the same line'
        message = "the metadata of this cell is not closed or not JSON"
        yield fault(dev, "export-metadata", cell.marker_line, message, hint)
    if cell.kind == "code":
        yield from _directives(dev, cell)
        yield from _solutions(dev, cell)


def _encoding(dev: DevFile) -> Iterator[Finding]:
    for number, line in enumerate(dev.text.split("\n")[:2], start=1):
        match = ENCODING.match(line)
        if match and match[1] != "utf-8":
            message = f"the file says that its encoding is {match[1]}"
            yield fault(dev, "export-encoding", number, message, "delete the line: it is utf-8")


def _almost_markers(dev: DevFile) -> Iterator[Finding]:
    """`# %%[markdown]` begins no cell: what follows it would join the cell above."""
    lines = dev.text.split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.startswith("#"):
            continue
        cell = dev.cell_at(number) if _ALMOST_A_MARKER.match(line) else None
        if cell is None:
            continue
        first = cell.marker_line + 1 if cell.marker else cell.marker_line
        following = min((c.marker_line for c in dev.cells if c.marker_line >= number), default=None)
        body = "\n".join(lines[first - 1 : following and following - 1])
        if number - first not in inside_strings(body):
            message = "this looks like the start of a cell, and is none"
            hint = "write `# %%`, then a space; a comment should not begin with %%"
            yield fault(dev, "export-marker", number, message, hint)


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
    exports = [d for d in cell.directives if d.name.startswith("export")]
    for directive in exports[1:]:
        message = f"this cell has `#| {exports[0].name}` already"
        yield fault(dev, "export-directive", directive.line, message, "keep one of them")
    lines = cell.code.split("\n") if "|" in cell.code else []
    late = {n for n, line in enumerate(lines) if _LATE.match(line)}
    for number in sorted(late - inside_strings(cell.code)) if late else ():
        message = "a directive below the first line of code has no effect"
        hint = "move it to the top of the cell"
        yield fault(dev, "export-directive", cell.code_line + number, message, hint)


def _solutions(dev: DevFile, cell: Cell) -> Iterator[Finding]:
    """A solution cell needs pairs of markers: nbgrader empties one that has none.

    A cell with nbgrader's checksum has been released: its solution is gone, its markers with it.
    nbgrader looks for the two words anywhere in a line and removes the line.
    """
    if "checksum" in cell.nbgrader:
        return
    opened = count = 0
    hint = f"each {BEGIN_SOLUTION} needs one {END_SOLUTION} below it"
    for number, line in enumerate(cell.source.split("\n"), start=cell.line):
        if "BEGIN SOLUTION" not in line and "END SOLUTION" not in line:
            continue
        count += 1
        match = _SOLUTION_LINE.match(line)
        message = ""
        if not match:
            message, hint = "a solution marker stands alone on its line", f"write {BEGIN_SOLUTION}"
        elif not cell.solution:
            message = "a solution region outside a solution cell would stay in the student version"
            hint = 'write "solution": true in the metadata of this cell'
        elif (match[1] == "BEGIN") == bool(opened):
            message = f"{line.strip()!r} has no partner"
        if message:
            yield fault(dev, "export-solution", number, message, hint)
            return
        opened = number if match and match[1] == "BEGIN" else 0
    if cell.solution and (opened or not count):
        message = f"this solution cell has no {END_SOLUTION if opened else BEGIN_SOLUTION}"
        hint = f"put the body between {BEGIN_SOLUTION} and {END_SOLUTION}"
        yield fault(dev, "export-solution", opened or cell.marker_line, message, hint)


def _names(parsed: Parsed) -> Iterator[Finding]:
    """What `from tinytorch import *` could not give, or would break."""
    bound, everything = _bound(parsed.at_import)
    if "__all__" in bound:
        line = definition_line(parsed.tree, "__all__")
        hint = "hide a name with #| exporti, add one with _all_ = [...]"
        yield fault(parsed.dev, "export-name", line, "the export writes __all__ itself", hint)
    for name in parsed.public:
        line = definition_line(parsed.tree, name)
        if hasattr(builtins, name) or name in _FOLDERS:
            owner = "a folder of the package" if name in _FOLDERS else "one of Python's functions"
            hint = "rename it, or keep it to yourself with #| exporti"
            message = f"{name!r} is the name of {owner} already"
            yield fault(parsed.dev, "export-builtin", line, message, hint)
        elif name not in bound and not everything:
            if line == 1:
                line = definition_line(parsed.tree, "_all_")
            message = f"{name!r} is exported and never gets a value"
            hint = "define it in an exported cell, or take it out of _all_"
            yield fault(parsed.dev, "export-name", line, message, hint)


def _bound(nodes: Iterable[ast.AST]) -> tuple[set[str], bool]:
    """The names that the module has once it is imported; True if `import *` brings others."""
    names: set[str] = set()
    everything = False
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del):
            names.discard(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            everything = everything or node.name == "*"
            names.add(node.asname or node.name.partition(".")[0])
    return names - _only_annotated(nodes), everything


def _only_annotated(nodes: Iterable[ast.AST]) -> set[str]:
    """Names of `x: int` without a value, if nothing else stores them."""
    empty = {
        id(node.target): node.target.id
        for node in nodes
        if isinstance(node, ast.AnnAssign) and not node.value and isinstance(node.target, ast.Name)
    }
    stored = {
        node.id
        for node in nodes
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in empty
    }
    return set(empty.values()) - stored


def _defined_twice(parsed: Parsed) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for node in parsed.tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            words = {_dotted(item).rpartition(".")[2] for item in node.decorator_list}
            if words & {"overload", "register"}:
                continue
            earlier = first.setdefault(node.name, node.lineno)
            if earlier != node.lineno:
                message = f"{node.name!r} is defined in line {earlier} already"
                hint = "keep one of them: the second would hide the first"
                yield fault(parsed.dev, "export-duplicate", node.lineno, message, hint)


def _notebook_calls(parsed: Parsed) -> Iterator[Finding]:
    for node in ast.walk(parsed.tree) if "get_ipython" in parsed.dev.text else ():
        if isinstance(node, ast.Name) and node.id == "get_ipython":
            hint = "delete the line: outside a notebook there is no get_ipython"
            message = "get_ipython is a notebook command, not Python"
            yield fault(parsed.dev, "export-magic", node.lineno, message, hint)


def _calls_of_solutions(
    parsed: Parsed, solutions: Mapping[str, frozenset[str]]
) -> Iterator[Finding]:
    known = set(parsed.solutions)
    for node in parsed.at_import:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            known |= _imported_solutions(node, solutions)
    for node in parsed.at_import:
        called = [node.func] if isinstance(node, ast.Call) else getattr(node, "decorator_list", [])
        for function in called:
            name = _dotted(function)
            parts = name.split(".")
            if any(".".join(parts[: n + 1]) in known for n in range(len(parts))):
                message = f"{name!r} is called while the package is imported"
                hint = "the student version could not be imported: move the call into a function"
                yield fault(parsed.dev, "export-call", function.lineno, message, hint)


def _imported_solutions(
    node: ast.Import | ast.ImportFrom, solutions: Mapping[str, frozenset[str]]
) -> set[str]:
    """The names, with dots, under which an import statement brings functions of solution cells."""
    found: set[str] = set()
    for alias in node.names:
        local = alias.asname or alias.name
        if isinstance(node, ast.Import):
            found |= {f"{local}.{name}" for name in solutions.get(alias.name, ())}
            continue
        inside = solutions.get(node.module or "", frozenset())
        found |= inside if alias.name == "*" else {local} if alias.name in inside else set()
        found |= {f"{local}.{n}" for n in solutions.get(f"{node.module}.{alias.name}", ())}
    return found


def _at_import(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Every node that runs at import: all but bodies of functions and the main block."""
    waiting = list(nodes)[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        inner: Iterable[ast.AST] = ast.iter_child_nodes(node)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner = [*node.decorator_list, node.args, *([node.returns] if node.returns else [])]
        elif isinstance(node, ast.Lambda):
            inner = [node.args]
        elif isinstance(node, ast.If) and _dotted(getattr(node.test, "left", None)) == "__name__":
            inner = node.orelse
        waiting += list(inner)[::-1]


def _dotted(node: ast.AST | None) -> str:
    """`a.b` of `a.b` and of `a.b(...)`; empty for anything else."""
    parts: list[str] = []
    node = node.func if isinstance(node, ast.Call) else node
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *parts[::-1]]) if isinstance(node, ast.Name) else ""
