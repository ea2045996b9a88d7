"""What a dev file imports and what it defines, read from its syntax tree. Nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tito.course import Course, Module
from tito.refusals import Parsed, placed
from tito.syntax import fresh_tree

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_IMPORTERS = ("import_module", "__import__")


@dataclass(frozen=True)
class Import:
    """One imported thing. `from tinytorch.core.tensor import Tensor` has the name `Tensor`."""

    source: str
    """Dotted and absolute: `tinytorch.core.tensor`, `numpy`."""
    name: str
    """The name taken from the source; `*` for all; empty for the source itself."""
    line: int
    module: Module | None = None
    """The course's module behind the source."""
    functions: tuple[str, ...] = ()
    """The functions around it, outermost first."""
    relative: bool = False
    exported: bool = True
    bound: str = ""
    """How the file calls it: `Tensor`, the name behind `as`, or a dotted module."""


def imports_of(course: Course, parsed: Parsed) -> tuple[Import, ...]:
    """What the exported cells import, by line of the dev file."""
    return imports_in(course, parsed.module, parsed.tree)


def imports_elsewhere(course: Course, parsed: Parsed) -> tuple[Import, ...]:
    """What test, analysis and all other unexported cells import."""
    cells = [c for c in parsed.dev.cells if c.kind == "code" and c not in parsed.dev.exported]
    tree = fresh_tree(placed(parsed.dev, cells))
    return _Reader(course, parsed.module, exported=False).imports(tree)


def imports_in(course: Course, module: Module, tree: ast.AST) -> tuple[Import, ...]:
    """The same for any tree of the module: that of its file in the package, for example."""
    return _Reader(course, module, exported=True).imports(tree)


def statements(body: Iterable[ast.AST]) -> Iterator[ast.stmt]:
    """Statements that run in this scope: those inside `if`, `try`, `with` and loops included."""
    todo = list(body)[::-1]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            kinds = (ast.stmt, ast.excepthandler, ast.match_case)
            todo += [n for n in ast.iter_child_nodes(node) if isinstance(n, kinds)][::-1]


def assigned(node: ast.stmt) -> list[str]:
    """The names that an assignment, a loop or a `with` binds."""
    targets: list[ast.AST] = []
    if isinstance(node, ast.Assign):
        targets = list(node.targets)
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.For, ast.AsyncFor)):
        targets = [node.target]
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        targets = [item.optional_vars for item in node.items if item.optional_vars]
    names = (name for target in targets for name in ast.walk(target))
    return [n.id for n in names if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]


def definitions(parsed: Parsed) -> frozenset[str]:
    """The names a module defines at its top, private ones too; not what it imports."""
    names = set(parsed.public)
    for node in statements(parsed.tree.body):
        names.update(assigned(node))
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            names.add(node.name)
    return frozenset(names)


def folders(course: Course) -> frozenset[str]:
    """The package and its folders: `tinytorch`, `tinytorch.core`, `tinytorch.utils`."""
    package = course.settings.package
    inner = {f"{package}.{module.target}".rpartition(".")[0] for module in course.modules}
    return frozenset({package} | inner)


class _Reader:
    """Finds every form of import in a tree, and the course's module behind it."""

    def __init__(self, course: Course, module: Module, *, exported: bool) -> None:
        self.package = course.settings.package
        self.exported = exported
        self.home = f"{self.package}.{module.target}".rpartition(".")[0]
        self.modules = {f"{self.package}.{m.target}": m for m in course.modules}
        self.folders = folders(course)

    def imports(self, tree: ast.AST) -> tuple[Import, ...]:
        found: list[Import] = []
        todo: list[tuple[ast.AST, tuple[str, ...]]] = [(tree, ())]
        while todo:
            node, functions = todo.pop()
            found += self._node(node, functions)
            if isinstance(node, _FUNCTIONS):
                functions = (*functions, node.name)
            todo += [(child, functions) for child in ast.iter_child_nodes(node)]
        return tuple(sorted(found, key=lambda each: (each.line, each.source, each.name)))

    def _node(self, node: ast.AST, functions: tuple[str, ...]) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name
                yield self._made(alias.name, "", alias.lineno, functions, bound)
        elif isinstance(node, ast.ImportFrom):
            source = self._absolute(self.home, node.level, node.module or "")
            for alias in node.names:
                bound = alias.asname or alias.name
                each = self._made(source, alias.name, alias.lineno, functions, bound)
                yield replace(each, relative=bool(node.level))
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in _IMPORTERS:
                yield from self._call(node, functions)

    def _call(self, node: ast.Call, functions: tuple[str, ...]) -> Iterator[Import]:
        """`importlib.import_module("name")`, where the name is written out."""
        values = {str(i): value for i, value in enumerate(node.args)}
        values.update({str(keyword.arg): keyword.value for keyword in node.keywords})
        name = getattr(values.get("0", values.get("name")), "value", None)
        if not isinstance(name, str) or not name:
            return
        anchor = getattr(values.get("1", values.get("package")), "value", None)
        named = name.lstrip(".")
        level = len(name) - len(named)
        base = anchor if isinstance(anchor, str) else self.home
        each = self._made(self._absolute(base, level, named), "", node.lineno, functions, "")
        yield replace(each, relative=bool(level) and base is not anchor)

    def _absolute(self, home: str, level: int, name: str) -> str:
        if not level:
            return name
        parts = home.split(".")
        if level > len(parts):
            return "." * level + name  # above the package: no module can stand there
        base = parts[: len(parts) - level + 1]
        return ".".join([*base, name] if name else base)

    def _made(
        self, source: str, name: str, line: int, functions: tuple[str, ...], bound: str
    ) -> Import:
        inner = f"{source}.{name}"
        if source in self.folders and (inner in self.modules or inner in self.folders):
            source, name = inner, ""  # from tinytorch.core import tensor
        module = self.modules.get(source)
        return Import(source, name, line, module, functions, exported=self.exported, bound=bound)
