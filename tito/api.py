"""The public API of the generated package, read from its text. The package is never imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import msgspec

from tito.course import Course, Module
from tito.errors import TitoError
from tito.export import locate
from tito.imports import assigned, imports_in, statements
from tito.source import DevFile, read
from tito.syntax import fresh_tree

FORMAT = 1

Signature = str
"""`(x, axis=-1)`: what a caller writes, without `self`, `cls` and annotations.

`classmethod (array)` and `staticmethod (array)` for those two kinds of method.
"""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of the API. An unknown field means another format, not an extension."""


class Class(Part, frozen=True):
    """What a class adds to its public bases; what private ones bring counts as its own."""

    bases: tuple[str, ...] = ()
    methods: dict[str, Signature] = {}
    properties: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    """Set in the class or in `__init__`."""


class Surface(Part, frozen=True):
    """What a module's `__all__` offers."""

    functions: dict[str, Signature] = {}
    classes: dict[str, Class] = {}
    names: tuple[str, ...] = ()


class Api(Part, frozen=True):
    """Target (`core.tensor`) → what it offers, for the modules of the package."""

    modules: dict[str, Surface] = {}
    format: int = FORMAT


@dataclass(frozen=True)
class Place:
    """Where something stands, for a finding."""

    path: str
    line: int = 0
    cell: str = ""


@dataclass(frozen=True, eq=False)
class Definition:
    """A class of the package; `bases` as they are written."""

    module: Module
    node: ast.ClassDef

    @cached_property
    def members(self) -> Class:
        """What the class itself defines, without what it inherits."""
        return _members(self.node)

    @cached_property
    def bases(self) -> tuple[str, ...]:
        """The bases as written, `Generic[T]` without its brackets."""
        return tuple(ast.unparse(base).partition("[")[0] for base in self.node.bases)

    def has(self, name: str) -> bool:
        """True if the class itself defines that method or attribute."""
        own = self.members
        return name in own.methods or name in (*own.properties, *own.attributes)


class Package:
    """The generated files of a course's package."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self.modules = course.entered()
        self._texts: dict[Module, str] = {}
        self._devs: dict[Module, DevFile] = {}
        self._trees: dict[Module, ast.Module] = {}
        for module in self.modules:
            where = f"{course.settings.package}/{module.file}"
            try:
                self._texts[module] = (course.package / module.file).read_text(encoding="utf-8")
                self._trees[module] = fresh_tree(self._texts[module])
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                hint = "write it anew from its source: tito export --all"
                message = f"the generated file is not Python: {error}"
                raise TitoError(message, where=where, hint=hint) from None
        self._scopes = {module: _scope(tree.body) for module, tree in self._trees.items()}
        self._imports = {m: imports_in(course, m, tree) for m, tree in self._trees.items()}

    def tree(self, module: Module) -> ast.Module:
        """The syntax tree of the generated file."""
        return self._trees[module]

    def public(self, module: Module) -> tuple[str, ...]:
        """The names in the module's `__all__`."""
        node = self._scopes[module].get("__all__")
        elements = getattr(getattr(node, "value", None), "elts", [])
        values = (getattr(element, "value", None) for element in elements)
        return tuple(value for value in values if isinstance(value, str))

    def find(self, module: Module, name: str) -> tuple[Module, ast.stmt] | None:
        """The statement that defines a name, followed through imports and `a = b`."""
        seen: set[tuple[Module, str]] = set()
        while (module, name) not in seen:
            seen.add((module, name))
            node = self._scopes[module].get(name)
            value = getattr(node, "value", None)
            if isinstance(node, ast.Assign) and isinstance(value, (ast.Name, ast.Attribute)):
                alias = self._imported(module, ast.unparse(value))
                following = alias or (module, ast.unparse(value))
                if following[1] in self._scopes[following[0]]:
                    module, name = following
                    continue
            if node is not None:
                return module, node
            imported = self._imported(module, name)
            if imported is None:
                return None
            module, name = imported
        return None

    def _imported(self, module: Module, text: str) -> tuple[Module, str] | None:
        """The module and name behind `Tensor` or `layers.Module`, if the course has them."""
        for each in self._imports[module]:
            if each.module not in self._trees or each.functions:
                continue
            if each.name and text == each.bound:
                return each.module, each.name
            if not each.name and each.bound and text.startswith(each.bound + "."):
                return each.module, text[len(each.bound) + 1 :]
        return None

    def definition(self, module: Module, name: str) -> Definition | None:
        """The class of that name, wherever in the package it is defined."""
        found = self.find(module, name)
        if found is None or not isinstance(found[1], ast.ClassDef):
            return None
        return Definition(found[0], found[1])

    def lineage(self, definition: Definition) -> list[Definition]:
        """The class and every class of the package above it, the nearest first."""
        line: list[Definition] = []
        todo = [definition]
        while todo:
            each = todo.pop(0)
            if all(each.node is not known.node for known in line):
                line.append(each)
                above = (self.definition(each.module, base) for base in each.bases)
                todo = [base for base in above if base is not None] + todo
        return line

    def place(self, target: str, dotted: str) -> Place:
        """The dev file's line and cell of `Tensor` or `Tensor.reshape`; of what is known."""
        module = self.course.module_of_target(target)
        if module is None:
            return Place(target)
        name, _, member = dotted.partition(".")
        found = self.find(module, name)
        node: ast.AST | None = found[1] if found else None
        if found and isinstance(node, ast.ClassDef) and member:
            for each in self.lineage(Definition(found[0], node)):
                inner = _scope(each.node.body).get(member)
                if inner is not None:
                    module, node = each.module, inner
                    break
            else:
                module = found[0]
        elif found:
            module = found[0]
        return self.located(module, getattr(node, "lineno", 0))

    def located(self, module: Module, line: int) -> Place:
        """A line of a generated file as a line of the dev file; as it is if there is none."""
        if not self.course.written(module):
            return Place(f"{self.course.settings.package}/{module.file}", line)
        path = self.course.dev_path(module)
        if module not in self._devs:
            self._devs[module] = read(self.course.dev_file(module), path)
        found = locate(self._texts[module], line, self._devs[module]) if line else None
        return Place(path, found[0], found[1].identity) if found else Place(path)

    def api(self) -> Api:
        """The whole."""
        return Api({module.target: self._surface(module) for module in self.modules})

    def _surface(self, module: Module) -> Surface:
        functions: dict[str, Signature] = {}
        classes: dict[str, Class] = {}
        names: list[str] = []
        for name in self.public(module):
            found = self.find(module, name)
            if found and isinstance(found[1], _FUNCTIONS):
                functions[name] = signature(found[1].args)
            elif found and isinstance(found[1], ast.ClassDef):
                classes[name] = self._class(Definition(found[0], found[1]))
            else:
                names.append(name)
        return Surface(functions, classes, tuple(names))

    def _class(self, definition: Definition) -> Class:
        own, above = [definition], list[str]()
        for each in own:  # grows by the private classes above it
            for base in each.bases:
                found = self.definition(each.module, base)
                if found is None or not found.node.name.startswith("_"):
                    above.append(found.node.name if found else base)
                elif all(found.node is not known.node for known in own):
                    own.append(found)
        methods: dict[str, Signature] = {}
        for each in reversed(own):
            methods.update(_dataclass_init(self.lineage(each)))
            methods.update(each.members.methods)
        properties = {name for each in own for name in each.members.properties}
        attributes = {name for each in own for name in each.members.attributes}
        return Class(
            tuple(dict.fromkeys(above)),
            dict(sorted(methods.items())),
            tuple(sorted(properties)),
            tuple(sorted(attributes - properties)),
        )


def _scope(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    """Name → the statement that defines it; the last one, as in Python."""
    scope: dict[str, ast.stmt] = {}
    for node in statements(body):
        for name in assigned(node):
            scope[name] = node
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            scope[node.name] = node
    return scope


def _offered(name: str) -> bool:
    special = name.startswith("__") and name.endswith("__") and name not in ("__slots__", "__doc__")
    return special or not name.startswith("_")


def _members(node: ast.ClassDef) -> Class:
    methods: dict[str, Signature] = {}
    properties: list[str] = []
    attributes: list[str] = []
    for name, inner in _scope(node.body).items():
        value = getattr(inner, "value", None)
        if isinstance(inner, _FUNCTIONS):
            kinds = {ast.unparse(d).rpartition(".")[2] for d in inner.decorator_list}
            if kinds & {"property", "cached_property", "setter", "getter", "deleter"}:
                properties.append(name)
            else:
                methods[name] = _method(inner.args, kinds)
            if name == "__init__":
                attributes += _set_on_self(inner)
        elif isinstance(value, ast.Name) and value.id in methods:
            methods[name] = methods[value.id]  # __radd__ = __add__
        elif isinstance(value, ast.Call) and ast.unparse(value.func) == "property":
            properties.append(name)
        else:
            attributes.append(name)
    return Class(
        methods={name: method for name, method in methods.items() if _offered(name)},
        properties=tuple(name for name in properties if _offered(name)),
        attributes=tuple(name for name in attributes if _offered(name)),
    )


def _method(arguments: ast.arguments, decorators: set[str]) -> Signature:
    if "staticmethod" in decorators:
        return f"staticmethod {signature(arguments)}"
    kind = "classmethod " if "classmethod" in decorators else ""
    return kind + signature(arguments, skip=1)


def signature(arguments: ast.arguments, *, skip: int = 0) -> Signature:
    """The parameters behind the first `skip`, without annotations: those bind no caller."""

    def bare(argument: ast.arg | None) -> ast.arg | None:
        return ast.arg(argument.arg) if argument else None

    before = len(arguments.posonlyargs)
    positional = [*arguments.posonlyargs, *arguments.args]
    kept = [ast.arg(argument.arg) for argument in positional[skip:]]
    before = max(before - skip, 0)
    return "({})".format(
        ast.unparse(
            ast.arguments(
                posonlyargs=kept[:before],
                args=kept[before:],
                vararg=bare(arguments.vararg),
                kwonlyargs=[ast.arg(argument.arg) for argument in arguments.kwonlyargs],
                kw_defaults=arguments.kw_defaults,
                kwarg=bare(arguments.kwarg),
                defaults=arguments.defaults[-len(kept) :] if kept else [],
            )
        )
    )


def _set_on_self(init: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    named = [*init.args.posonlyargs, *init.args.args]
    for node in ast.walk(init) if named else ():
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            owner = node.value
            if isinstance(owner, ast.Name) and owner.id == named[0].arg:
                yield node.attr


def _dataclass_init(line: list[Definition]) -> dict[str, Signature]:
    """The `__init__` that `@dataclass` writes, from the fields of the class and those above."""
    if not _is_dataclass(line[0]):
        return {}
    fields: dict[str, str] = {}
    for each in reversed(line):
        for node in each.node.body if _is_dataclass(each) else []:
            field = isinstance(node, ast.AnnAssign) and "ClassVar" not in ast.unparse(node)
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and field:
                default = f"={ast.unparse(node.value)}" if node.value else ""
                fields[node.target.id] = node.target.id + default
    return {"__init__": f"({', '.join(fields.values())})"}


def _is_dataclass(definition: Definition) -> bool:
    texts = (ast.unparse(decorator) for decorator in definition.node.decorator_list)
    return any("dataclass" in text.partition("(")[0] for text in texts)
