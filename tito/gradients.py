"""Every operation of the package has a gradient, or says why it has none. Reads, never imports.

Operations are classes below `Operation` with `name = "…"`; a gradient is registered by
`gradient_of("…")`. The rule holds once the package registers gradients at all: before the module
that brings them, no operation can have one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tito.api import Definition, Package
from tito.contract import OPERATION
from tito.course import Course
from tito.report import Finding

RULES = {"gradient-missing": "an operation of the package has no gradient and gives no reason"}
"""Rule → what it finds."""

_REGISTER, _REASON = "gradient_of", "no_gradient"


def check(course: Course) -> list[Finding]:
    """One finding for each operation without a gradient, at its place in the dev file."""
    package = Package(course)
    known = set(_registered(package))
    return list(_missing(package, known)) if known else []


def _missing(package: Package, known: set[str]) -> Iterator[Finding]:
    for module in package.modules:
        for node in package.tree(module).body:
            if not isinstance(node, ast.ClassDef):
                continue
            name = _text(node, "name")
            line = package.lineage(Definition(module, node))
            below = any(each.node.name == OPERATION for each in line[1:])
            if not below or not name or name in known or _text(node, _REASON):
                continue
            place = package.located(module, node.lineno)
            message = f"the operation {name!r} has no gradient: training through it would fail"
            hint = f'register it: @{_REGISTER}("{name}"), or write {_REASON} = "why" below its name'
            yield Finding(
                "gradient-missing", "error", place.path, place.line, message, hint, place.cell
            )


def _registered(package: Package) -> Iterator[str]:
    """The names in every `gradient_of("…")` of the package."""
    for module in package.modules:
        for node in ast.walk(package.tree(module)):
            if isinstance(node, ast.Call) and node.args:
                called, given = ast.unparse(node.func), node.args[0]
                literal = isinstance(given, ast.Constant) and isinstance(given.value, str)
                if called.rpartition(".")[2] == _REGISTER and literal:
                    yield ast.literal_eval(given)


def _text(node: ast.ClassDef, name: str) -> str:
    """The string that the class's body assigns to `name`; empty if there is none."""
    for statement in node.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            value = getattr(statement, "value", None)
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                return value.value
    return ""
