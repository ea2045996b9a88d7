"""What callers may rely on: the public API against its snapshot, and the `Module` pattern.

The snapshot is `modules/api.json`. A change that breaks a caller is an error; one that does not
is a warning until the snapshot has it. Modules that the package does not hold are not compared:
a student's package is a prefix of the course.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from tito.api import FORMAT, Api, Class, Definition, Package, Place, Signature, Surface
from tito.course import Course, Module
from tito.errors import RefusedError, TitoError
from tito.report import Finding, Severity, encode, failed

RULES = {
    "contract-broken": "a public name or parameter that callers rely on is gone or has changed",
    "contract-new": "something public that the snapshot does not have yet",
    "contract-module": "a class does not follow the pattern of its kind",
}
"""Rule → what it finds."""

LARGEST_SNAPSHOT = 4 * 1024 * 1024
"""Bytes. A file above this size is refused before it is decoded."""

_WRITE = "tito package api --write"
_ACCEPT = f"bring it back, or accept the break: {_WRITE} --force"

ROOT, OPERATION = "Module", "Operation"
"""The two base classes whose subclasses have a `forward` but are called in their own way."""

Where = Callable[[str, str], Place]
"""Target and dotted name (`core.tensor`, `Tensor.reshape`) → the place of a finding."""


def snapshot(course: Course) -> Api:
    """The public API of the package as it stands."""
    return Package(course).api()


def snapshot_path(course: Course) -> str:
    """The snapshot's file, relative to the course: beside the sources of the modules."""
    return str(PurePosixPath(course.settings.source).parent / "api.json")


def stored(course: Course) -> Api | None:
    """The snapshot; None if there is none. Raises TitoError if it cannot be read."""
    path = snapshot_path(course)
    hint = f"restore it from git, or write it anew: {_WRITE} --force"
    try:
        data = (course.root / path).read_bytes()
    except FileNotFoundError:
        return None
    if len(data) > LARGEST_SNAPSHOT:
        raise TitoError(f"a snapshot of {len(data)} bytes is too large", where=path, hint=hint)
    try:
        api = msgspec.json.decode(data, type=Api)
        for surface in api.modules.values():
            listed = [surface.functions, *(c.methods for c in surface.classes.values())]
            for signature in (text for functions in listed for text in functions.values()):
                _parameters(signature)
    except (msgspec.MsgspecError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise TitoError(f"this is no API snapshot: {error}", where=path, hint=hint) from None
    if api.format != FORMAT:
        message = f"the snapshot has format {api.format}, this tito reads {FORMAT}"
        raise TitoError(message, where=path, hint=hint)
    return api


def write(course: Course, *, force: bool = False) -> Path:
    """Write the snapshot; modules outside the package stay in it as they were.

    Raises RefusedError if callers would break, unless `force` accepts that.
    """
    package = Package(course)
    new = package.api()
    try:
        old = stored(course)
    except TitoError:
        if not force:
            raise
        old = None
    findings = compare(old, new, package.place) if old else []
    if failed(findings) and not force:
        broken = [finding for finding in findings if finding.severity == "error"]
        raise RefusedError(f"{len(broken)} change(s) break callers; nothing was written", broken)
    modules = {**(old.modules if old else {}), **new.modules}
    known = {m.target: modules[m.target] for m in course.modules if m.target in modules}
    path = course.root / snapshot_path(course)
    path.write_bytes(encode(Api(known)))
    return path


def check(course: Course) -> list[Finding]:
    """The package against its snapshot."""
    old = stored(course)
    package = Package(course)
    if old is not None:
        return compare(old, package.api(), package.place)
    message = "there is no snapshot of the public API yet"
    return [Finding("contract-new", "warning", snapshot_path(course), 0, message, _WRITE)]


def pattern(course: Course) -> list[Finding]:
    """The classes that do not follow the pattern of their kind.

    A class that derives from `Module` has its `__init__`, `forward` and `__repr__` from itself or
    from a class between it and `Module`: what `Module` brings cannot know the class's parameters.
    A class outside that family with a `forward` is a plain callable, and has `__call__` and
    `__repr__` from itself or any class of the course. Operations are run by `apply`, not called.
    """
    return list(_pattern(Package(course)))


def compare(old: Api, new: Api, where: Where | None = None) -> list[Finding]:
    """What callers of `old` lose in `new` (errors), and what the snapshot lacks (warnings)."""
    return list(_Comparison(old, new, where or (lambda target, _: Place(target))).findings())


class _Comparison:
    def __init__(self, old: Api, new: Api, where: Where) -> None:
        self.old, self.new, self.where = old, new, where
        self.old_classes, self.new_classes = _classes(old), _classes(new)

    def findings(self) -> Iterator[Finding]:
        for target, surface in self.new.modules.items():
            if target in self.old.modules:
                yield from self._module(target, self.old.modules[target], surface)
            else:
                yield self._new(target, "", f"the snapshot does not have {target} yet")

    def _module(self, target: str, old: Surface, new: Surface) -> Iterator[Finding]:
        before, now = _kinds(old), _kinds(new)
        for name, kind in before.items():
            if name not in now:
                yield self._broken(target, name, f"{name} is gone from {target}")
            elif now[name] != kind:
                message = f"{name} was a {kind} and is now a {now[name]}"
                yield self._broken(target, name, message)
            elif kind == "class":
                yield from self._class(target, name, old.classes[name], new.classes[name])
            elif kind == "function":
                yield from self._call(target, name, old.functions[name], new.functions[name])
        for name in now:
            if name not in before:
                yield self._new(target, name, f"{name} is new in {target}")

    def _class(self, target: str, name: str, old: Class, new: Class) -> Iterator[Finding]:
        """Members that both inherit are compared where they are inherited from."""
        lost = [
            b for b in _above(self.old_classes, name) if b not in _above(self.new_classes, name)
        ]
        for base in lost:
            if base != "object":
                yield self._broken(target, name, f"{name} is no longer a {base}")
        before, now = _members(self.old_classes, name), _members(self.new_classes, name)
        own = {**_own(old), **_own(new)}
        for member in own:
            dotted = f"{name}.{member}"
            if member not in before:
                yield self._new(target, dotted, f"{dotted} is new")
            elif member not in now:
                yield self._broken(target, dotted, f"{dotted} is gone")
            elif bool(before[member]) != bool(now[member]):
                kinds = (
                    ("an attribute", "a method") if now[member] else ("a method", "an attribute")
                )
                message = f"{dotted} was {kinds[0]} and is now {kinds[1]}"
                yield self._broken(target, dotted, message)
            elif now[member]:
                yield from self._call(target, dotted, before[member], now[member])

    def _call(self, target: str, dotted: str, old: Signature, new: Signature) -> Iterator[Finding]:
        problems = breaks(old, new)
        for problem in problems:
            yield self._broken(target, dotted, f"{dotted}: {problem}")
        if old != new and not problems:
            yield self._new(target, dotted, f"{dotted} takes {new}, in the snapshot {old}")

    def _broken(self, target: str, dotted: str, message: str) -> Finding:
        return self._finding("contract-broken", "error", target, dotted, message, _ACCEPT)

    def _new(self, target: str, dotted: str, message: str) -> Finding:
        return self._finding("contract-new", "warning", target, dotted, message, _WRITE)

    def _finding(
        self, rule: str, severity: Severity, target: str, dotted: str, message: str, hint: str
    ) -> Finding:
        place = self.where(target, dotted)
        return Finding(rule, severity, place.path, place.line, message, hint, place.cell)


def _kinds(surface: Surface) -> dict[str, str]:
    return {
        **dict.fromkeys(surface.functions, "function"),
        **dict.fromkeys(surface.classes, "class"),
        **dict.fromkeys(surface.names, "value"),
    }


def _classes(api: Api) -> dict[str, Class]:
    """Every class by its name: no two modules export the same one."""
    return {n: c for surface in api.modules.values() for n, c in surface.classes.items()}


def _above(classes: dict[str, Class], name: str) -> list[str]:
    """The names of all classes above one, the nearest first."""
    found: list[str] = []
    todo = list(classes[name].bases)
    while todo:
        base = todo.pop(0)
        if base not in found:
            found.append(base)
            todo += classes[base].bases if base in classes else ()
    return found


def _own(described: Class) -> dict[str, Signature]:
    """Member → signature; empty for a property or an attribute."""
    values = dict.fromkeys((*described.properties, *described.attributes), "")
    return {**values, **described.methods}


def _members(classes: dict[str, Class], name: str) -> dict[str, Signature]:
    members: dict[str, Signature] = {}
    for each in [*reversed(_above(classes, name)), name]:
        members.update(_own(classes[each]) if each in classes else {})
    return members


@dataclass(frozen=True)
class _Parameter:
    name: str
    by_position: bool
    by_name: bool
    required: bool


@dataclass(frozen=True)
class _Parameters:
    binding: str
    named: tuple[_Parameter, ...]
    rest: bool
    keywords: bool

    @property
    def by_position(self) -> list[_Parameter]:
        return [each for each in self.named if each.by_position]

    def called(self, name: str) -> _Parameter | None:
        return next((each for each in self.named if each.name == name), None)


def _parameters(signature: Signature) -> _Parameters:
    """Raises SyntaxError if the text is no signature."""
    binding, _, listed = signature.partition("(")
    binding = binding.strip()
    node = ast.parse(f"def f({listed}: ...").body[0]
    if not isinstance(node, ast.FunctionDef) or binding not in ("", "classmethod", "staticmethod"):
        raise SyntaxError(f"no signature: {signature}")
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    first_default = len(positional) - len(given.defaults)
    named = [
        _Parameter(each.arg, True, i >= len(given.posonlyargs), i < first_default)
        for i, each in enumerate(positional)
    ]
    for each, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        named.append(_Parameter(each.arg, False, True, default is None))
    return _Parameters(binding, tuple(named), bool(given.vararg), bool(given.kwarg))


def breaks(old: Signature, new: Signature) -> list[str]:
    """Why a call that fits `old` may not fit `new`: at most one reason a parameter."""
    before, now = _parameters(old), _parameters(new)
    if before.binding != now.binding:
        kinds = [each.binding or "plain method" for each in (before, now)]
        return [f"was a {kinds[0]} and is now a {kinds[1]}"]
    problems = []
    for index, each in enumerate(before.named):
        problem = _lost(each, index, now) or _clash(each, index, before, now)
        if problem:
            problems.append(problem)
    if before.rest and not now.rest:
        problems.append("takes no further positional arguments any more")
    if before.rest and len(now.by_position) > len(before.by_position):
        taking = now.by_position[len(before.by_position)].name
        problems.append(f"{taking!r} now takes a positional argument that was one of the further")
    if before.keywords and not now.keywords:
        problems.append("takes no further named arguments any more")
    for index, added in enumerate(now.named):
        named = before.called(added.name)
        known = added.by_position and index < len(before.by_position)
        known = known or bool(named and named.by_name and added.by_name)
        if added.required and not known:
            problems.append(f"the new parameter {added.name!r} needs a value")
    return problems


def _lost(old: _Parameter, index: int, now: _Parameters) -> str:
    """What a caller who gives `old`, which stands at `index`, can no longer do."""
    same = now.called(old.name)
    there = now.by_position[index] if index < len(now.by_position) else None
    if old.by_position:
        if there is None and (same or not now.rest):
            lost = "can no longer be given by position" if same else "is gone"
            return f"parameter {old.name!r} {lost}"
        if there is not None and old.by_name and there.name != old.name:
            moved = "has moved" if same else "is gone or renamed"
            return f"parameter {old.name!r} {moved}: {there.name!r} stands in its place"
    if not old.by_name:
        same = there
    if old.by_name and not (same.by_name if same else now.keywords):
        lost = "can no longer be given by name" if same else "is gone"
        return f"parameter {old.name!r} {lost}"
    if same and same.required and not old.required:
        return f"parameter {old.name!r} has lost its default"
    return ""


def _clash(old: _Parameter, index: int, before: _Parameters, now: _Parameters) -> str:
    """A parameter once given by position alone now has a name that callers use for another."""
    there = now.by_position[index] if index < len(now.by_position) else None
    if old.by_name or there is None or not there.by_name:
        return ""
    other = before.called(there.name)
    if before.keywords or (other is not None and other.by_name):
        return f"{there.name!r} can no longer be the name of another argument"
    return ""


def _pattern(package: Package) -> Iterator[Finding]:
    for module in package.modules:
        for name in package.public(module):
            definition = package.definition(module, name)
            if definition is not None and definition.module == module:
                yield from _class_pattern(package, module, definition)


def _class_pattern(package: Package, module: Module, definition: Definition) -> Iterator[Finding]:
    line = package.lineage(definition)
    names = [each.node.name for each in line]
    if names[0] in (ROOT, OPERATION) or OPERATION in names:
        return
    wanted = ["__call__", "__repr__"]
    kind = "a callable with `forward`"
    if ROOT in names:
        root = package.lineage(line[names.index(ROOT)])
        line = [each for each in line if all(each.node is not above.node for above in root)]
        wanted, kind = ["__init__", "forward", "__repr__"], f"a {ROOT}"
    elif not any(each.has("forward") for each in line):
        return
    missing = [method for method in wanted if not any(each.has(method) for each in line)]
    if missing:
        place = package.located(module, definition.node.lineno)
        message = f"{names[0]} is {kind} and has no {', '.join(missing)} of its own"
        hint = f"define {' and '.join(missing)} in {names[0]}, or in a class it derives from"
        if ROOT in names:
            hint = f"{hint} other than {ROOT}"
        yield Finding("contract-module", "error", place.path, place.line, message, hint, place.cell)
