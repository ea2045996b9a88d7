"""Run a module's tests, or checkpoints, in the sandbox and map each failure to the dev file.

A result made by a process that ran student code is feedback, never a grade.
"""

from __future__ import annotations

import ast
import json
import secrets
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec

from tito.course import Course, Module
from tito.errors import TitoError
from tito.export import build
from tito.importing import fault_of
from tito.places import Entry, Mapper, python_traceback
from tito.report import Finding
from tito.sandbox import Isolation, Limits, Outcome, run
from tito.source import DevFile, read
from tito.syntax import fresh_tree

_INSIDE = Path(__file__).with_name("inside.py")
_WRONG_PACKAGE = 97
"""Exit code of inside.py: the package came from another place than it should."""
_LARGEST_REPORT = 16 * 1024 * 1024
_LONGEST_MESSAGE = 600

Verdict = Literal["passed", "failed", "skipped", "not run"]


@dataclass(frozen=True)
class TestResult:
    """One test. A failed one has a finding that says where and what next."""

    __test__ = False

    name: str
    verdict: Verdict
    seconds: float = 0.0
    finding: Finding | None = None


@dataclass(frozen=True)
class TestRun:
    """All tests of one run, and how well the run was isolated."""

    __test__ = False

    tests: tuple[TestResult, ...]
    isolation: Isolation
    output: str = ""
    import_fault: TitoError | None = None
    """Why the package could not be imported in silence; only `run_module` looks for it."""

    @property
    def passed(self) -> bool:
        """True if there were tests and every one passed."""
        return bool(self.tests) and all(test.verdict == "passed" for test in self.tests)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One for each test that did not pass."""
        return tuple(test.finding for test in self.tests if test.finding is not None)


class _Stage(msgspec.Struct):
    outcome: str
    duration: float = 0.0
    crash: Entry | None = None
    traceback: tuple[Entry, ...] = ()
    longrepr: str = ""


class _Test(msgspec.Struct):
    nodeid: str
    outcome: str
    setup: _Stage | None = None
    call: _Stage | None = None
    teardown: _Stage | None = None


class _Report(msgspec.Struct):
    """The part of pytest-json-report's file that is read. It is untrusted."""

    exitcode: int
    tests: tuple[_Test, ...] = ()


def write_package(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a built package below `folder`."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def test_names(dev: DevFile) -> tuple[str, ...]:
    """The tests that the dev file's unexported cells define, in their order."""
    names = []
    for cell in _test_cells(dev):
        for node in fresh_tree(cell[2]).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                names.append(node.name)
    return tuple(dict.fromkeys(names))


test_names.__test__ = False  # type: ignore[attr-defined]


def _test_cells(dev: DevFile) -> list[tuple[int, str, str]]:
    return [
        (cell.code_line, cell.identity, cell.code)
        for cell in dev.cells
        if cell.kind == "code" and not cell.exported and cell.code.strip()
    ]


def run_module(
    course: Course,
    module: Module,
    *,
    package_of: Module | None = None,
    limits: Limits | None = None,
) -> TestRun:
    """Export modules 1…N into a temporary package and run module N's tests against it.

    `package_of` names a later module up to which the package shall go.
    Raises RefusedError if one of them cannot be exported.
    """
    files = build(course, course.up_to(package_of or module))
    dev = read(course.dev_file(module), course.dev_path(module))
    with tempfile.TemporaryDirectory(prefix="tito-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary).resolve()
        write_package(folder / course.settings.package, files)
        collected = described(course, module, dev)
        ran = _run(course, folder, None, [collected], folder, limits)
        mapper = Mapper(course, folder, module, course.dev_file(module))
        results = _results(ran, ran.report, test_names(dev), mapper)
        return replace(results, import_fault=fault_of(course, folder, ran.imported))


def run_together(
    course: Course, modules: Sequence[Module], *, limits: Limits | None = None
) -> list[TestRun]:
    """Run the tests of all `modules` in one process, on the repository's own package."""
    devs = {m: read(course.dev_file(m), course.dev_path(m)) for m in modules}
    with tempfile.TemporaryDirectory(prefix="tito-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary).resolve()
        collected = [described(course, module, dev) for module, dev in devs.items()]
        ran = _run(course, course.root, None, collected, folder, limits)
        runs = []
        for module, dev in devs.items():
            mapper = Mapper(course, course.root, module, course.dev_file(module))
            runs.append(_results(ran, _of_file(ran.report, dev.path), test_names(dev), mapper))
        return runs


def _of_file(report: _Report | None, path: str) -> _Report | None:
    if report is None:
        return None
    tests = (test for test in report.tests if test.nodeid.startswith(f"{path}::"))
    return _Report(report.exitcode, tuple(tests))


def described(course: Course, module: Module, dev: DevFile) -> dict[str, object]:
    """What inside.py has to know of a dev file."""
    return {
        "path": str(course.dev_file(module).resolve()),
        "module": f"{course.settings.package}.{module.target}",
        "cells": _test_cells(dev),
    }


def run_file(course: Course, path: str, *, limits: Limits | None = None) -> TestRun:
    """Run one test file of the course by pytest against the repository's own package."""
    return run_files(course, [path], limits=limits)[0]


def run_files(
    course: Course, paths: Sequence[str], *, limits: Limits | None = None
) -> list[TestRun]:
    """As `run_file`, all in one process: what one file does to it, the others see.

    Raises TitoError if a file is missing, and what `ast.parse` raises if one is no Python.
    """
    expected = {path: _tests_of(course, path) for path in paths}
    files = {path: (course.root / path).resolve() for path in paths}
    with tempfile.TemporaryDirectory(prefix="tito-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary).resolve()
        ran = _run(course, course.root, [*map(str, files.values())], (), folder, limits)
        return [
            _results(
                ran,
                _of_file(ran.report, path),
                expected[path],
                Mapper(course, course.root, None, file),
            )
            for path, file in files.items()
        ]


def _tests_of(course: Course, path: str) -> tuple[str, ...]:
    file = course.root / path
    if not file.is_file():
        raise TitoError("this file is not written yet", where=path)
    return tuple(
        node.name
        for node in fresh_tree(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def run_script(course: Course, path: str, *, limits: Limits | None = None) -> Outcome:
    """Run one file of the course as a script, in the sandbox, on the repository's own package."""
    with tempfile.TemporaryDirectory(prefix="tito-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary).resolve()
        script = str(course.root / path)
        return _start(course, course.root, [script], (), folder, limits)


@dataclass(frozen=True)
class _Ran:
    """How the import of the package ended, how all ended, and pytest's report, if there is one."""

    imported: Outcome
    outcome: Outcome
    report: _Report | None


def _run(
    course: Course,
    folder: Path,
    files: Sequence[str] | None,
    devs: Sequence[Mapping[str, object]],
    temporary: Path,
    limits: Limits | None,
) -> _Ran:
    mark, file = f"[{secrets.token_hex()}]", temporary / "report.json"
    outcome = _start(course, folder, files, devs, temporary, limits, report=file, mark=mark)
    imported, outcome = _divided(outcome, mark)
    try:
        data = file.read_bytes()
        if len(data) > _LARGEST_REPORT:
            return _Ran(imported, outcome, None)
        return _Ran(imported, outcome, msgspec.json.decode(data, type=_Report))
    except (OSError, msgspec.MsgspecError, RecursionError):
        return _Ran(imported, outcome, None)


def _divided(outcome: Outcome, mark: str) -> tuple[Outcome, Outcome]:
    """How the import ended, and the whole without the mark that stands behind the import."""
    said, complained = outcome.stdout.partition(mark), outcome.stderr.partition(mark)
    if not said[1] and not complained[1]:
        return outcome, outcome
    change = msgspec.structs.replace
    before = change(outcome, returncode=0, stopped="", stdout=said[0], stderr=complained[0])
    whole = change(outcome, stdout=said[0] + said[2], stderr=complained[0] + complained[2])
    return before, whole


def _start(
    course: Course,
    folder: Path,
    files: Sequence[str] | None,
    devs: Sequence[Mapping[str, object]],
    temporary: Path,
    limits: Limits | None,
    *,
    report: Path | None = None,
    mark: str = "",
) -> Outcome:
    settings = temporary / "pytest.ini"
    settings.write_text("[pytest]\npython_files = *.py\n", encoding="utf-8")
    spec = {
        "package": course.settings.package,
        "folder": str(folder),
        "root": str(course.root.resolve()),
        "settings": str(settings),
        "report": str(report) if report else None,
        "mark": mark,
        "files": [*files] if files else [dev["path"] for dev in devs],
        "devs": devs,
    }
    path = temporary / "spec.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    command = [sys.executable, "-I", "-B", str(_INSIDE), str(path)]
    return run(command, cwd=course.root, limits=limits, folders=[temporary])


def _results(ran: _Ran, report: _Report | None, expected: Sequence[str], mapper: Mapper) -> TestRun:
    outcome = ran.outcome
    output = (outcome.stdout + outcome.stderr).strip()
    # A test that ends pytest itself is reported as passed, but was never called to its end.
    ended = [t for t in report.tests if t.call or t.outcome != "passed"] if report else []
    found = {t.nodeid.rpartition("::")[2]: t for t in ended}
    results = [_result(name, test, mapper) for name, test in found.items()]
    missing = [name for name in expected if name not in found]
    if missing or not results:
        reason = _why_missing(outcome, report)
        entries = python_traceback(outcome.stderr) if report is None else ()
        for name in missing or ["(no test)"]:
            results.append(TestResult(name, "not run", 0.0, mapper.finding(name, entries, reason)))
    return TestRun(tuple(results), outcome.isolation, output)


def _why_missing(outcome: Outcome, report: _Report | None) -> str:
    if outcome.stopped:
        return f"the tests did not finish: {outcome.stopped}"
    if outcome.returncode == _WRONG_PACKAGE:
        return "the package was imported from outside this course"
    if report is None:
        last = outcome.stderr.strip().rpartition("\n")[2]
        return f"the tests did not finish: {last or f'exit code {outcome.returncode}'}"
    return "tests that stand in the file did not run, or there are none"


def _result(name: str, test: _Test, mapper: Mapper) -> TestResult:
    stages = [stage for stage in (test.setup, test.call, test.teardown) if stage]
    seconds = sum(stage.duration for stage in stages)
    if test.outcome == "passed":
        return TestResult(name, "passed", seconds)
    verdict: Verdict = "skipped" if test.outcome == "skipped" else "failed"
    bad = next((stage for stage in stages if stage.outcome != "passed"), _Stage("failed"))
    message = (bad.crash.message if bad.crash else bad.longrepr).strip()[:_LONGEST_MESSAGE]
    entries = [*bad.traceback, *([bad.crash] if bad.crash else [])]
    return TestResult(name, verdict, seconds, mapper.finding(name, entries, message))
