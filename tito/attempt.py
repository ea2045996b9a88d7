"""A student's modules and checkpoints tried on the student's own code, each with a result."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from tito.course import Checkpoint, Course, Module
from tito.errors import RefusedError, SandboxError, TitoError
from tito.export import build
from tito.integration import failures
from tito.package import import_finding
from tito.page import functions, is_test_cell
from tito.report import CheckpointResult, Finding, GateResult, in_order, judge
from tito.sandbox import Limits
from tito.source import DevFile, read
from tito.syntax import UNREADABLE, parse_cells, tree_of
from tito.testing import TestRun, run_files, run_module, write_package

AT_ONCE = 2
"""Runs side by side: what the smallest of GitHub's machines has cores for."""

BRANCH = "feedback"
"""The branch of a student's repository that holds what was handed out, and never moves."""

Progress = Callable[[str], object]


def restore(path: str) -> str:
    """What brings a file back as it was handed out."""
    return f"`git checkout origin/{BRANCH} -- {path}`"


@dataclass(frozen=True)
class Clock:
    """Seconds for one module's tests, and the moment of the monotonic clock when all must be over.

    `own_files`: student code can write nowhere else, or nothing runs.
    """

    seconds: float
    end: float
    own_files: bool = False

    def limits(self) -> Limits | None:
        """For a run that starts now; None if there is no time left for one."""
        left = self.end - time.monotonic()
        if left <= 0:
            return None
        return Limits(seconds=min(left, self.seconds), own_files=self.own_files)


@dataclass(frozen=True)
class Attempt:
    """What came of one module."""

    module: Module
    state: Literal["passed", "failed", "could not run"]
    result: GateResult
    passed: int = 0
    tests: int = 0
    earned: int = 0
    points: int = 0
    isolation: str = field(default="", compare=False)


def try_modules(
    course: Course, modules: Sequence[Module], clock: Clock, progress: Progress
) -> list[Attempt]:
    """Each module's tests on modules 1…k as they are, in the order of the modules.

    Raises SandboxError if nothing can be run here.
    """

    def one(module: Module) -> Attempt:
        progress(f"testing {module.slug}")
        return _attempt(course, module, clock)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, modules))


def _attempt(course: Course, module: Module, clock: Clock) -> Attempt:
    limits, again = clock.limits(), _again(module)
    lost = partial(_lost, course, module)
    if limits is None:
        message = "the time of this run was over before its turn came"
        return lost([Finding("module", "error", course.dev_path(module), 0, message, again)])
    if not course.written(module):
        hint = f"to have it back: {restore(course.dev_path(module))}"
        message = "this file is gone since it was handed out"
        return lost([Finding("module", "error", course.dev_path(module), 0, message, hint)])
    try:
        dev = read(course.dev_file(module), course.dev_path(module))
        if faults := parse_cells(dev, (c for c in dev.cells if c.kind == "code"))[1]:
            return lost([_told(fault, again) for fault in faults])
        run = run_module(course, module, limits=limits)
    except RefusedError as error:
        return lost([_told(finding, again) for finding in error.findings])
    except SandboxError:
        raise
    except TitoError as error:
        path = error.where or course.dev_path(module)
        return lost([Finding("module", "error", path, 0, error.message, error.hint)])
    return _judged(course, module, dev, run)


def _again(module: Module) -> str:
    return f"tito module test {module.number}"


def _told(finding: Finding, hint: str) -> Finding:
    return finding if finding.hint else msgspec.structs.replace(finding, hint=hint)


def _lost(course: Course, module: Module, findings: Sequence[Finding]) -> Attempt:
    """Of a module that could not run. What is wrong in an earlier one is told there."""
    path, found = course.dev_path(module), in_order(findings)
    errors = [finding for finding in found if finding.severity == "error"]
    if errors and not any(finding.path == path for finding in errors):
        first = errors[0]
        message = f"{module.slug} stands on this, and cannot be tried before it is mended"
        found = (Finding(first.rule, "error", first.path, first.line, message, first.hint),)
    if not errors:
        message = "this module could not be tried"
        found = (*found, Finding("module", "error", path, 0, message, _again(module)))
    result = judge(module.slug, found, _again(module))
    cells = _graded(course, module)
    names = sum(len(tests) for _, tests in cells)
    points = sum(worth for worth, _ in cells)
    return Attempt(module, "could not run", result, 0, names, 0, points)


def _judged(course: Course, module: Module, dev: DevFile, run: TestRun) -> Attempt:
    path, again = dev.path, _again(module)
    findings = failures(run, path, again) if not run.passed else []
    if run.import_fault is not None:
        fault = import_finding(course, run.import_fault)
        findings = [msgspec.structs.replace(fault, hint=f"mend the cell, then: {again}")]
    passed = {test.name for test in run.tests if test.verdict == "passed"}
    cells = _graded(course, module)
    ran = any(test.verdict != "not run" for test in run.tests)
    state: Literal["passed", "failed", "could not run"] = "failed" if ran else "could not run"
    return Attempt(
        module,
        "passed" if not findings else state,
        judge(module.slug, findings, again),
        len(passed),
        sum(test.name != "(no test)" for test in run.tests),
        sum(points for points, tests in cells if passed.issuperset(tests)),
        sum(points for points, _ in cells),
        str(run.isolation),
    )


def _graded(course: Course, module: Module) -> list[tuple[int, tuple[str, ...]]]:
    """Points and tests of every cell that students can see being tested; none if unreadable."""
    try:
        dev = read(course.dev_file(module), course.dev_path(module))
        cells = [(cell, functions(tree_of(cell.code), "test_")) for cell in dev.cells
                 if is_test_cell(cell)]  # fmt: skip
    except (TitoError, *UNREADABLE):
        return []
    return [
        (max(0, int(points)), tuple(test.name for test in tests))
        for cell, tests in cells
        if tests and isinstance(points := cell.nbgrader.get("points", 0), (int, float))
    ]


def try_checkpoints(
    course: Course, good: Collection[Module], clock: Clock, progress: Progress
) -> tuple[tuple[CheckpointResult, ...], list[Finding]]:
    """Every checkpoint's state. Those of which all modules are `good` are run, on a fresh export.

    What fails there is a warning: a checkpoint decides nothing about a module.
    """
    written = [c for c in course.checkpoints if (course.root / c.path).is_file()]
    ready = [c for c in written if {course.module(name) for name in c.modules} <= set(good)]
    states: dict[Checkpoint, Literal["passed", "failed"]] = {}
    found: list[Finding] = []
    for checkpoint in ready:
        progress(f"checkpoint {checkpoint.slug}")
        run = _run_checkpoint(course, checkpoint, clock)
        if run is None:
            continue  # an earlier module cannot be exported, and that is said there
        states[checkpoint] = "passed" if run.passed else "failed"
        again = f"tito checkpoint test {checkpoint.number}"
        failed = failures(run, checkpoint.path, again) if not run.passed else []
        found += [msgspec.structs.replace(finding, severity="warning") for finding in failed]
    results = tuple(
        CheckpointResult(
            each.slug,
            each.question,
            states.get(each, "waiting") if each in written else "not written",
        )
        for each in course.checkpoints
    )
    return results, found


def _run_checkpoint(course: Course, checkpoint: Checkpoint, clock: Clock) -> TestRun | None:
    """None if it cannot be run. The package is made anew: the committed one may be an older one."""
    limits = clock.limits()
    last = max((course.module(name) for name in checkpoint.modules), key=lambda m: m.number)
    with tempfile.TemporaryDirectory(prefix="tito-", ignore_cleanup_errors=True) as temporary:
        root = Path(temporary).resolve()
        try:
            files = build(course, course.up_to(last))
            write_package(root / course.settings.package, files)
            for path in (checkpoint.path, *(course.dev_path(m) for m in course.up_to(last))):
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(course.root / path, root / path)
            if limits is None:
                return None
            copy = msgspec.structs.replace(course, root=root)
            return run_files(copy, [checkpoint.path], limits=limits)[0]
        except SandboxError:
            raise
        except (TitoError, OSError, *UNREADABLE):
            return None
