"""The package as it stands: against a fresh export, its interface, and whether it imports."""

from __future__ import annotations

from tito import contract, gradients
from tito.course import Course
from tito.errors import RefusedError, TitoError
from tito.export import build, intact, locate, present
from tito.importing import check_import
from tito.report import Finding
from tito.source import read


def validate(course: Course) -> list[Finding]:
    """Everything about the package. Imports it, in the sandbox."""
    findings = compare(course)
    try:
        check_import(course, course.root)
    except TitoError as error:
        where, _, rest = error.where.partition(":")
        path = where or f"{course.settings.package}/__init__.py"
        number, _, cell = rest.partition(", cell ")
        line = int(number) if number.isdigit() else 0
        finding = Finding("package-import", "error", path, line, error.message, error.hint, cell)
        findings.append(finding)
    return findings


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
            message = "this file was not made by an export"
            hint = "the package is generated: delete the file, or write a module that makes it"
            findings.append(Finding("package-foreign", "error", path, 0, message, hint))
        elif found[name] != fresh[name]:
            findings.append(_difference(course, name, found[name], fresh[name]))
    return findings


def _difference(course: Course, name: str, found: bytes, fresh: bytes) -> Finding:
    text, expected = found.decode("utf-8", "replace"), fresh.decode("utf-8")
    path = f"{course.settings.package}/{name}"
    line = _first_difference(text, expected)
    module = next((module for module in course.modules if module.file == name), None)
    if module is None or not course.written(module):
        message = "this generated file differs from a fresh export"
        return Finding("package-differs", "error", path, line, message, "tito export --all")
    dev = read(course.dev_file(module), course.dev_path(module))
    if intact(text):
        message = f"the package is older than {dev.path}"
        hint = f"tito module export {module.number}, then commit {path}"
        return Finding("package-stale", "error", path, 0, message, hint)
    place = locate(text, line, dev)
    cell = place[1].identity if place else ""
    where = f"{dev.path}:{place[0]}" if place else dev.path
    message = "this generated file was edited by hand"
    hint = f"make the change in {where}, then: tito module export {module.number}"
    return Finding("package-edited", "error", path, line, message, hint, cell)


def _first_difference(found: str, expected: str) -> int:
    """The first line that differs, below the header: its hashes differ with every edit."""
    left, right = found.split("\n"), expected.split("\n")
    for number, (one, other) in enumerate(zip(left, right, strict=False), start=1):
        if one != other and not one.startswith(("# source-hash:", "# body-hash:")):
            return number
    return min(len(left), len(right))
