"""The course at work: every prefix, all tests, a wheel in use, the checkpoints.

Student code, and what builds the wheel, runs in the sandbox alone.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.machinery import PathFinder
from pathlib import Path

import msgspec

from tito import checkpoints
from tito.course import Checkpoint, Course, Module
from tito.errors import CutShortError, RefusedError, SandboxError, TitoError
from tito.export import build
from tito.names import public_names
from tito.package import import_finding, import_findings
from tito.places import Mapper, python_traceback
from tito.report import Finding
from tito.sandbox import Limits, Outcome, run
from tito.source import read
from tito.testing import TestRun, run_module, run_together

AT_ONCE = 2
"""Runs side by side: each keeps one core busy, and the gate's time is given for two."""
LONGEST = 900.0
"""Seconds for the whole gate. No single run gets more than `_LONGEST_RUN`."""
_LONGEST_RUN = 120.0
_USING = Path(__file__).with_name("using.py")
_DONE = "used: "
_FEW_CHARACTERS = 600

Progress = Callable[[str], object]


@dataclass(frozen=True)
class Clock:
    """The moment, of the monotonic clock, when the gate must have ended."""

    end: float

    def limits(self) -> Limits:
        """For a run that starts now. Raises TitoError if there is no time left for one."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise TitoError("the time for this gate is over", hint="look for a test that is slow")
        return Limits(seconds=min(left, _LONGEST_RUN))


@dataclass(frozen=True)
class Job:
    """Something to run, and how it is called while it runs."""

    name: str
    work: Callable[[], Iterable[Finding]]


def check(
    course: Course, *, progress: Progress = lambda _: None, seconds: float = LONGEST
) -> list[Finding]:
    """Everything that does not work. Raises CutShortError if something could not be tried."""
    clock = Clock(time.monotonic() + seconds)
    modules, found = course.entered(), []
    if not modules:
        message = "no module is in the package yet: only the empty package was tried"
        found.append(Finding("integration-empty", "notice", course.settings.package, 0, message))
    # If the whole cannot even be imported, all but the prefixes would say so again.
    whole = [*_refused(course, modules), *_imported(course)]
    jobs = [Job(f"prefix {m.slug}", partial(_prefix, course, m, clock)) for m in modules]
    if not whole:
        # The long ones first, so that none of them is waited for at the end.
        jobs = [*_on_the_whole(course, modules, clock, progress), *reversed(jobs)]
    return _all(jobs, progress, [*found, *whole])


def _on_the_whole(
    course: Course, modules: Sequence[Module], clock: Clock, progress: Progress
) -> Iterator[Job]:
    """What needs the package as it was committed."""
    states = [checkpoints.status(course, checkpoint) for checkpoint in course.checkpoints]
    chosen = [s.checkpoint for s in states if s.state not in ("waiting", "not written")]
    if chosen:
        yield Job("checkpoints", partial(_checkpoints, course, chosen, clock, progress))
    if modules:
        yield Job("all tests", partial(_together, course, modules, clock))
    yield Job("a wheel", partial(_wheel, course, clock))


def _all(jobs: Iterable[Job], progress: Progress, found: Iterable[Finding]) -> list[Finding]:
    """What was found before and by the jobs. One that could not run ends the gate, not the others.

    Raises CutShortError for the first of those, with everything that was found.
    """
    findings: list[Finding] = [*found]
    stopped: TitoError | None = None

    def start(job: Job) -> list[Finding]:
        progress(job.name)
        return [*job.work()]  # here, not where the findings are gathered

    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = [pool.submit(start, job) for job in jobs]
        try:
            for future in futures:
                try:
                    findings += future.result()
                except CutShortError as error:
                    findings += error.findings
                    stopped = stopped or error
                except TitoError as error:
                    stopped = stopped or error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if stopped:
        raise CutShortError(stopped, findings)
    return findings


def _refused(course: Course, modules: Sequence[Module]) -> Sequence[Finding]:
    try:
        build(course, modules)
    except RefusedError as error:
        return error.findings
    return ()


def _prefix(course: Course, module: Module, clock: Clock) -> Iterable[Finding]:
    """The package of the modules up to this one imports alone, and passes the module's tests."""
    try:
        tests = run_module(course, module, limits=clock.limits())
    except RefusedError as error:
        return error.findings
    if tests.import_fault is not None:
        return [_with_test(course, import_finding(course, tests.import_fault))]
    return _judged(course, module, tests)


def _imported(course: Course) -> list[Finding]:
    return [_with_test(course, finding) for finding in import_findings(course, course.root)]


def _with_test(course: Course, finding: Finding) -> Finding:
    """With the command that shows a fault of an import again."""
    module = next((m for m in course.modules if course.dev_path(m) == finding.path), None)
    hint = f"mend the cell, then: {_test(module)}" if module else finding.hint
    return msgspec.structs.replace(finding, hint=hint)


def _test(module: Module) -> str:
    return f"tito module test {module.number}"


def _together(course: Course, modules: Sequence[Module], clock: Clock) -> Iterable[Finding]:
    """All tests in one process, on the package as it was committed."""
    runs = run_together(course, modules, limits=clock.limits())
    for module, tests in zip(modules, runs, strict=True):
        yield from _judged(course, module, tests)


def _judged(course: Course, module: Module, tests: TestRun) -> list[Finding]:
    return failures(tests, course.dev_path(module), _test(module))


def failures(tests: TestRun, path: str, hint: str) -> list[Finding]:
    """One finding for each failure; of the tests that did not run one stands for all.

    A run that did not pass has at least one finding.
    """
    lost = [t.finding for t in tests.tests if t.finding and t.verdict == "not run"]
    others = [t.finding for t in tests.tests if t.finding and t.verdict != "not run"]
    found = [f if f.hint else msgspec.structs.replace(f, hint=hint) for f in others + lost[:1]]
    if not tests.passed and not found:
        found.append(Finding("test", "error", path, 0, "the tests did not pass", hint))
    return found


def _checkpoints(
    course: Course, chosen: Sequence[Checkpoint], clock: Clock, progress: Progress
) -> list[Finding]:
    """All in one process; what did not pass there alone, so that each has an outcome of its own."""
    passed = checkpoints.run_together(course, chosen, limits=clock.limits())
    alone = (
        Job(f"checkpoint {c.slug}", partial(_checkpoint, course, c, clock))
        for c in chosen
        if c not in passed
    )
    return _all(alone, progress, ())


def _checkpoint(course: Course, checkpoint: Checkpoint, clock: Clock) -> list[Finding]:
    """The checkpoint's tests, whose outcome is stored."""
    limits, again = clock.limits(), f"tito checkpoint test {checkpoint.number}"
    try:
        tests = checkpoints.run(course, checkpoint, limits=limits)
    except SandboxError:
        raise
    except TitoError as error:
        path = error.where or checkpoint.path
        return [Finding("checkpoint", "error", path, 0, error.message, error.hint)]
    except SyntaxError as error:
        message, line = f"this is not Python: {error.msg}", error.lineno or 0
        return [Finding("checkpoint", "error", checkpoint.path, line, message, again)]
    return failures(tests, checkpoint.path, again)


def _wheel(course: Course, clock: Clock) -> list[Finding]:
    """Build a wheel, install it into an empty folder, and use it from there."""
    with tempfile.TemporaryDirectory(prefix="tito-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary).resolve()
        for name in ("built", "installed", "elsewhere"):
            (folder / name).mkdir()
        return (
            _built(course, folder, clock)
            or _installed(folder, clock)
            or _used(course, folder, clock)
        )


def _built(course: Course, folder: Path, clock: Clock) -> list[Finding]:
    tool = ("hatchling", "build", "--target", "wheel", "--directory", str(folder / "built"))
    outcome = _python(tool, course.root, clock)
    if _well(outcome) and len([*(folder / "built").glob("*.whl")]) == 1:
        return []
    message = f"no wheel can be built: {_reason(outcome)}"
    hint = "see all of it: python -m hatchling build --target wheel"
    return [Finding("wheel-build", "error", "pyproject.toml", 0, message, hint)]


def _installed(folder: Path, clock: Clock) -> list[Finding]:
    (wheel,) = (folder / "built").glob("*.whl")
    settings = ("--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check", "--quiet")
    target = ("--target", str(folder / "installed"), str(wheel))
    outcome = _python(("pip", "--isolated", "install", *settings, *target), folder, clock)
    if _well(outcome):
        return []
    message = f"the wheel cannot be installed: {_reason(outcome)}"
    hint = "see it again: tito gate integration"
    return [Finding("wheel-install", "error", "pyproject.toml", 0, message, hint)]


def _used(course: Course, folder: Path, clock: Clock) -> list[Finding]:
    """`using.py` on the installed package, in a folder that holds nothing of the course."""
    place, package = folder / "installed", course.settings.package
    command = [sys.executable, "-I", "-B", str(_USING), str(place), package]
    outcome = run(command, cwd=folder / "elsewhere", limits=clock.limits())
    if _well(outcome) and outcome.stdout.startswith(_DONE) and not outcome.stderr:
        return []
    reason = _reason(outcome)
    message = f"the package from the wheel does not work: {reason}"
    found = Mapper(course, place, None, None).place(python_traceback(outcome.stderr))
    if found and found.module:
        hint = _test(found.module)
        return [Finding("wheel-use", "error", found.path, found.line, message, hint, found.cell)]
    module = _exporter(course, reason)
    path = course.dev_path(module) if module else f"{package}/__init__.py"
    hint = _test(module) if module else "tito package validate"
    return [Finding("wheel-use", "error", path, 0, message, hint)]


def _exporter(course: Course, reason: str) -> Module | None:
    """The module of the name that `using.py` found wanting, as in `AssertionError: Linear: …`."""
    name = reason.removeprefix("AssertionError: ").partition(":")[0]
    for module in course.entered():
        if name in public_names(read(course.dev_file(module), course.dev_path(module))):
            return module
    return None


def _python(arguments: Sequence[str], cwd: Path, clock: Clock) -> Outcome:
    """`python -m …` in the sandbox: what builds the wheel may be the course's own code.

    Raises TitoError if the tool is not installed.
    """
    # Not importlib.util.find_spec: setuptools sees it ask for pip, and changes what is imported.
    if PathFinder.find_spec(arguments[0]) is None:
        raise TitoError(
            f"{arguments[0]} is not installed, so no wheel can be tried",
            hint=f"python -m pip install {arguments[0]}",
        )
    return run([sys.executable, "-I", "-B", "-m", *arguments], cwd=cwd, limits=clock.limits())


def _well(outcome: Outcome) -> bool:
    return outcome.returncode == 0 and not outcome.stopped


def _reason(outcome: Outcome) -> str:
    """Why it was stopped, or the last thing it said."""
    said = (outcome.stderr.strip() or outcome.stdout.strip()).rpartition("\n")[2]
    return (outcome.stopped or said or f"exit code {outcome.returncode}")[:_FEW_CHARACTERS]
