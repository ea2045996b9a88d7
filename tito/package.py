"""The package as it stands: against a fresh export, its interface, and whether it imports."""

from __future__ import annotations

from pathlib import Path

from tito import contract, gradients
from tito.course import Course, Module
from tito.errors import RefusedError, SandboxError, TitoError
from tito.export import build, intact, locate, present
from tito.importing import check_import
from tito.report import Finding
from tito.source import read


def validate(course: Course) -> list[Finding]:
    """Everything about the package. Imports it, in the sandbox."""
    return [*compare(course), *import_findings(course, course.root)]


def import_findings(course: Course, folder: Path) -> list[Finding]:
    """What importing the package in `folder` has to say. Imports it, in the sandbox."""
    try:
        check_import(course, folder)
    except SandboxError:
        raise  # says nothing about the package
    except TitoError as error:
        return [import_finding(course, error)]
    return []


def import_finding(course: Course, fault: TitoError) -> Finding:
    """What is wrong with importing the package, as a finding."""
    where, _, rest = fault.where.partition(":")
    path = where or f"{course.settings.package}/__init__.py"
    number, _, cell = rest.partition(", cell ")
    line = int(number) if number.isdigit() else 0
    return Finding("package-import", "error", path, line, fault.message, fault.hint, cell)


def compare(course: Course) -> list[Finding]:
    """The package against a fresh export, file by file, its interface and its gradients."""
    try:
        fresh = build(course, course.entered())
    except RefusedError as error:
        return list(error.findings)
    findings = _differences(course, fresh)
    if not findings:
        findings = [*contract.check(course), *contract.pattern(course), *gradients.check(course)]
    return findings


def _differences(course: Course, fresh: dict[str, bytes]) -> list[Finding]:
    found = present(course.package)
    findings = []
    for name in sorted({**fresh, **found}):
        path = f"{course.settings.package}/{name}"
        if name not in found:
            message, hint = "this generated file is missing", "tito export --all"
            findings.append(Finding("package-missing", "error", path, 0, message, hint))
        elif name not in fresh:
            findings.append(foreign(course, name))
        elif found[name] != fresh[name]:
            findings.append(_difference(course, name, found[name], fresh[name]))
    return findings


def _difference(course: Course, name: str, found: bytes, fresh: bytes) -> Finding:
    text, expected = found.decode("utf-8", "replace"), fresh.decode("utf-8")
    if not intact(text):
        return edited(course, name, text, expected)
    path = f"{course.settings.package}/{name}"
    module = written_module(course, name)
    if module is None:
        message = "this generated file differs from a fresh export"
        line = _first_difference(text, expected)
        return Finding("package-differs", "error", path, line, message, "tito export --all")
    message = f"the package is older than {course.dev_path(module)}"
    hint = f"tito module export {module.number}, then commit {path}"
    return Finding("package-stale", "error", path, 0, message, hint)


def written_module(course: Course, name: str) -> Module | None:
    """The module that is exported to this file of the package, if it has a dev file."""
    found = (m for m in course.modules if m.file == name and course.written(m))
    return next(found, None)


def foreign(course: Course, name: str) -> Finding:
    """A file in the package that no export wrote."""
    message = "this file was not made by an export"
    hint = "the package is generated: delete the file, or write a module that makes it"
    path = f"{course.settings.package}/{name}"
    return Finding("package-foreign", "error", path, 0, message, hint)


def edited(course: Course, name: str, found: str, expected: str | None) -> Finding:
    """A generated file that was edited by hand: where, and where the change belongs.

    `expected` is what an export would write, None if it would be refused.
    """
    path = f"{course.settings.package}/{name}"
    line = 0 if expected is None else _first_difference(found, expected)
    module = written_module(course, name)
    message = "this generated file was edited by hand"
    if module is None:
        hint = "throw the change away: tito export --all"
        return Finding("package-edited", "error", path, line, message, hint)
    dev = read(course.dev_file(module), course.dev_path(module))
    place = locate(found, line, dev)
    cell = place[1].identity if place else ""
    where = f"{dev.path}:{place[0]}" if place else dev.path
    hint = f"make the change in {where}, then: tito module export {module.number}"
    return Finding("package-edited", "error", path, line, message, hint, cell)


def _first_difference(found: str, expected: str) -> int:
    """The first line that differs, below the header: its hashes differ with every edit."""
    left, right = found.split("\n"), expected.split("\n")
    for number, (one, other) in enumerate(zip(left, right, strict=False), start=1):
        if one != other and not one.startswith(("# source-hash:", "# body-hash:")):
            return number
    return min(len(left), len(right))
