"""What modules import from each other: declared against actual, order, cycles, prefixes.

Everything is read from syntax trees; nothing is imported. `needs` of classroom.yml counts the
exported cells. Test and analysis cells may import any earlier module, but never a later one.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from tito.course import MANIFEST, Course, Module
from tito.errors import TitoError
from tito.imports import Import, definitions, folders, imports_elsewhere, imports_of
from tito.refusals import Parsed, examine, fault
from tito.report import Finding
from tito.source import read

RULES = {
    "dependency-declared": "`needs` names a module that no exported cell imports",
    "dependency-undeclared": "an exported cell imports a module that `needs` does not name",
    "dependency-forward": "a cell imports a later module",
    "dependency-self": "a cell imports the module it belongs to",
    "dependency-cycle": "modules import each other in a circle",
    "dependency-order": "classroom.yml has another order than the imports ask for",
    "dependency-direction": "a name is taken from a module that only passes it on",
    "dependency-name": "a name is taken that no module defines, or `*`",
    "dependency-package": "the package is imported as a whole",
    "dependency-relative": "a relative import, which a dev file cannot run",
    "dependency-unknown": "a module is imported that the course does not have",
    "dependency-outside": "an exported cell imports more than numpy and the standard library",
    "dependency-unwritten": "a module could not be compared (a note, not a fault)",
}
"""Rule → what it finds."""

ALLOWED_OUTSIDE = {"plot_training_history": "matplotlib"}
"""Function → the one library beyond numpy that its body may import."""


@dataclass(frozen=True)
class Node:
    """A module in the graph, and the modules its exported cells import."""

    module: Module
    imports: tuple[Module, ...]
    state: Literal["written", "not written", "not readable"]
    """Only for a written module are `imports` read from its file; else they are its `needs`."""


@dataclass(frozen=True)
class Order:
    """The order in which modules can be imported, what was left out, and the contradictions."""

    modules: tuple[Module, ...]
    unwritten: tuple[Module, ...]
    findings: tuple[Finding, ...]


def prefixes(course: Course) -> tuple[tuple[Module, ...], ...]:
    """For each k the modules 1…k."""
    return tuple(course.up_to(module) for module in course.modules)


def graph(course: Course, parsed: Sequence[Parsed] = ()) -> tuple[Node, ...]:
    """Every module of the course in course order, written or not."""
    known = _Known(course, parsed)
    return tuple(
        Node(module, known.needs(module), known.state(module)) for module in course.modules
    )


def order(course: Course, parsed: Sequence[Parsed] = ()) -> Order:
    """The first order, nearest to the course's, in which every import finds its module.

    Modules in a circle stay in the course's order. Modules not in `parsed` are read from their
    files; one without a file goes by its `needs` and is listed as unwritten.
    """
    known = _Known(course, parsed)
    left, done = list(course.modules), list[Module]()
    while left:
        ready = (m for m in left if all(n in done or n == m for n in known.needs(m)))
        following = next(ready, left[0])
        left.remove(following)
        done.append(following)
    unwritten = tuple(m for m in course.modules if known.state(m) == "not written")
    findings = [_contradiction(known, done)] if done != list(course.modules) else []
    return Order(tuple(done), unwritten, tuple(f for f in findings if f))


def check(course: Course, parsed: Sequence[Parsed]) -> list[Finding]:
    """Every fault in what these modules import. Other modules are read where they matter."""
    known = _Known(course, parsed)
    findings: list[Finding] = []
    for item in parsed:
        findings += _needs(known, item)
        for each in known.everything(item.module):
            findings += _import(known, item, each)
        findings += _not_compared(known, item)
    findings += _cycles(known, [item.module for item in parsed])
    if any(known.forward(item.module) for item in parsed):
        findings += order(course, parsed).findings
    return findings


class _Known:
    """The course's modules, each read when it is first asked for."""

    def __init__(self, course: Course, parsed: Iterable[Parsed]) -> None:
        self.course = course
        self.folders = folders(course)
        self._parsed: dict[Module, Parsed | None] = {item.module: item for item in parsed}
        self._everything: dict[Module, tuple[Import, ...]] = {}
        self._definitions: dict[Module, frozenset[str]] = {}

    def parsed(self, module: Module) -> Parsed | None:
        """The module's tree; None if it has no file or is not Python."""
        if module not in self._parsed:
            item = None
            if self.course.written(module):
                try:
                    dev = read(self.course.dev_file(module), self.course.dev_path(module))
                    item = examine(module, dev)[0]
                except TitoError:
                    item = None  # not UTF-8: its own check says so, here it is "not readable"
            self._parsed[module] = item
        return self._parsed[module]

    def state(self, module: Module) -> Literal["written", "not written", "not readable"]:
        if self.parsed(module) is not None:
            return "written"
        return "not readable" if self.course.written(module) else "not written"

    def everything(self, module: Module) -> tuple[Import, ...]:
        """The imports of all cells; `from tinytorch import Tensor` with the module it means."""
        if module not in self._everything:
            item = self.parsed(module)
            found: tuple[Import, ...] = ()
            if item is not None:
                found = imports_of(self.course, item) + imports_elsewhere(self.course, item)
            self._everything[module] = found
        return self._everything[module]

    def needs(self, module: Module) -> tuple[Module, ...]:
        """What the exported cells import, in course order; its `needs` if it cannot be read."""
        if self.parsed(module) is None:
            return tuple(m for m in self.course.modules if m.name in module.needs)
        meant = {self.meant(each) for each in self.everything(module) if each.exported}
        return tuple(m for m in self.course.modules if m in meant)

    def meant(self, each: Import) -> Module | None:
        """The module an import reaches, through the whole package as well."""
        if each.module is None and each.source == self.course.settings.package and each.name:
            return self.home_of(each.name)
        return each.module

    def defined(self, module: Module) -> frozenset[str] | None:
        """The names a module defines; None if it cannot be read."""
        item = self.parsed(module)
        if item is None:
            return None
        return self._definitions.setdefault(module, definitions(item))

    def home_of(self, name: str) -> Module | None:
        """The module that defines a name; one that makes it public is preferred."""
        homes = [m for m in self.course.modules if name in (self.defined(m) or ())]
        public = (m for m in homes if (item := self.parsed(m)) and name in item.public)
        return next(public, homes[0] if homes else None)

    def later(self, module: Module, other: Module) -> bool:
        return self.course.modules.index(other) > self.course.modules.index(module)

    def forward(self, module: Module) -> list[Module]:
        """The later modules that the exported cells import."""
        return [other for other in self.needs(module) if self.later(module, other)]


def _needs(known: _Known, item: Parsed) -> Iterator[Finding]:
    """classroom.yml's `needs` against the exported cells."""
    module = item.module
    actual = known.needs(module)
    first = item.dev.default_exp
    for name in module.needs:
        if name not in [each.name for each in actual]:
            message = f"{MANIFEST} says that {module.slug} needs {name!r}; no exported cell does"
            hint = f"take {name} out of `needs` of {module.slug}, or import what is missing"
            yield fault(item.dev, "dependency-declared", first.line if first else 1, message, hint)
    for other in actual:
        if other.name not in module.needs and not known.later(module, other) and other != module:
            line = _first_line(known, module, other)
            message = f"{other.target} is imported, but `needs` of {module.slug} does not name it"
            hint = f"add {other.name} to `needs` of {module.slug} in {MANIFEST}"
            yield fault(item.dev, "dependency-undeclared", line, message, hint)


def _first_line(known: _Known, module: Module, other: Module) -> int:
    everything = known.everything(module)
    return next((e.line for e in everything if e.exported and known.meant(e) == other), 1)


def _import(known: _Known, item: Parsed, each: Import) -> Iterator[Finding]:
    """One import by itself."""
    package = known.course.settings.package
    inside = each.source == package or each.source.startswith((package + ".", "."))
    if not inside:
        yield from _outside(item, each)
        return
    if each.relative:
        hint = f"write it out: {_line(each.source, each.name)}"
        message = "a relative import works in the package, but not when this file is run"
        yield fault(item.dev, "dependency-relative", each.line, message, hint)
    meant = known.meant(each)
    if meant is not None:
        yield from _direction(known, item, each, meant)
    if each.module is not None:
        yield from _name(known, item, each, each.module)
    elif each.source == package or (each.source in known.folders and each.name in ("", "*")):
        yield from _package(known, item, each)
    else:
        yield _unknown(known, item, each)


def _direction(known: _Known, item: Parsed, each: Import, other: Module) -> Iterator[Finding]:
    """A module looks back only: never at itself, never at what comes later."""
    module = item.module
    if other == module:
        message = f"{module.slug} imports itself: {each.source}"
        hint = "delete the import: the cells above define the name, and they are what is tested"
        yield fault(item.dev, "dependency-self", each.line, message, hint)
    elif known.later(module, other):
        message = f"{module.slug} imports {other.target}, which comes later ({other.slug})"
        hint = f"a module uses earlier ones only: move this to {other.slug} or behind it"
        yield fault(item.dev, "dependency-forward", each.line, message, hint)


def _name(known: _Known, item: Parsed, each: Import, module: Module) -> Iterator[Finding]:
    """The name must be defined where it is taken from."""
    defined = known.defined(module)
    if each.name == "*":
        message = f"`from {each.source} import *` hides what is used"
        hint = f"name it: from {each.source} import ..."
        yield fault(item.dev, "dependency-name", each.line, message, hint)
    elif each.name and defined is not None and each.name not in defined:
        home = known.home_of(each.name)
        if home is not None:
            message = f"{each.name!r} is not {module.target}'s own: {home.target} defines it"
            hint = _line(f"{known.course.settings.package}.{home.target}", each.name)
            yield fault(item.dev, "dependency-direction", each.line, message, hint)
        else:
            message = f"no module defines {each.name!r}, and {module.target} does not either"
            hint = _near(each.name, defined, f"see {known.course.dev_path(module)}")
            yield fault(item.dev, "dependency-name", each.line, message, hint)


def _package(known: _Known, item: Parsed, each: Import) -> Iterator[Finding]:
    home = known.meant(each)
    package = known.course.settings.package
    hint = f"import each name from its module: from {package}.core... import ..."
    if home is not None:
        hint = _line(f"{package}.{home.target}", each.name)
    message = f"{each.source} is imported as a whole, with modules that are not there yet"
    yield fault(item.dev, "dependency-package", each.line, message, hint)


def _unknown(known: _Known, item: Parsed, each: Import) -> Finding:
    wanted = f"{each.source}.{each.name}" if each.source in known.folders else each.source
    names = [f"{known.course.settings.package}.{m.target}" for m in known.course.modules]
    message = f"the course has no module {wanted}"
    hint = _near(wanted, names, "see: tito module list")
    return fault(item.dev, "dependency-unknown", each.line, message, hint)


def _outside(item: Parsed, each: Import) -> Iterator[Finding]:
    library = each.source.partition(".")[0]
    if not each.exported or library == "numpy" or library in sys.stdlib_module_names:
        return
    if any(ALLOWED_OUTSIDE.get(function) == library for function in each.functions):
        return
    message = f"an exported cell imports {library}: the package has numpy and Python alone"
    hint = "do without it, or move the import to a cell that is not exported"
    yield fault(item.dev, "dependency-outside", each.line, message, hint)


def _not_compared(known: _Known, item: Parsed) -> Iterator[Finding]:
    """Modules this one uses or declares that could not be read: named, never silently skipped."""
    meant = {known.meant(each) for each in known.everything(item.module)}
    for other in known.course.modules:
        if known.state(other) != "written" and (other in meant or other.name in item.module.needs):
            message = f"{other.slug} is {known.state(other)}: names taken from it are not compared"
            hint = f"its place: {known.course.dev_path(other)}"
            yield Finding("dependency-unwritten", "notice", item.dev.path, 0, message, hint)


def _cycles(known: _Known, modules: Iterable[Module]) -> Iterator[Finding]:
    """Each circle that goes through one of these modules, once."""
    told: set[frozenset[Module]] = set()
    for module in modules:
        path = _back_to(known, module)
        if path and frozenset(path) not in told:
            told.add(frozenset(path))
            # The circle is opened where one of them imports a later one: begin there.
            while not known.later(path[0], path[1]):
                path = [*path[1:], path[0]]
            item = known.parsed(path[0])
            if item is not None:
                names = " → ".join(m.slug for m in [*path, path[0]])
                line = _first_line(known, path[0], path[1])
                hint = f"open it at {path[0].slug}: it may not import {path[1].slug}"
                yield fault(item.dev, "dependency-cycle", line, f"a circle: {names}", hint)


def _back_to(known: _Known, start: Module) -> list[Module]:
    """The shortest way from a module over its imports back to it; empty if there is none."""
    ways = [[start]]
    seen: set[Module] = set()
    for way in ways:
        for other in known.needs(way[-1]):
            if other == start and len(way) > 1:
                return way
            if other not in seen and other != start:
                seen.add(other)
                ways.append([*way, other])
    return []


def _contradiction(known: _Known, done: list[Module]) -> Finding | None:
    for module in known.course.modules:
        item = known.parsed(module)
        for other in known.forward(module):
            if item is not None and done.index(other) < done.index(module):
                message = f"the imports ask for this order: {', '.join(m.slug for m in done)}"
                hint = f"do without {other.slug} in {module.slug}, or change {MANIFEST}"
                line = _first_line(known, module, other)
                return fault(item.dev, "dependency-order", line, message, hint)
    return None


def _line(source: str, name: str) -> str:
    return f"from {source} import {name}" if name else f"import {source}"


def _near(word: str, choices: Iterable[str], otherwise: str) -> str:
    near = difflib.get_close_matches(word, sorted(choices), n=1)
    return f"did you mean {near[0]}?" if near else otherwise
