"""What a student's own run finds: feedback, never the grade.

One JSON file holds it. It is written by a process that never imports student code, where student
code cannot write; whoever reads it decodes it strictly all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from tito import provenance
from tito.attempt import Attempt, Clock, Progress, restore, try_checkpoints, try_modules
from tito.course import MANIFEST, Checkpoint, Course, Module, load
from tito.errors import RefusedError, TitoError, UsageError
from tito.merging import shortened
from tito.protection import covered
from tito.provenance import Provenance
from tito.report import (
    LARGEST_RESULT,
    CheckpointResult,
    Finding,
    GateResult,
    Report,
    encode,
    judge,
)
from tito.run_on import Selection, command, handed_out

FORMAT = 1
LOCKED, CHECKPOINTS, GATE = "locked-files", "checkpoints", "feedback"
"""Names of results that are of no module."""
_MOST_FINDINGS = (200, 50, 10, 2)
_LARGEST_LOCKED = 64 * 1024 * 1024

Verdict = Literal["passed", "failed", "not started", "skipped", "error"]
ModuleState = Literal["not started", "passed", "failed", "could not run"]
Slug = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{2}(_[a-z0-9]+)+$", max_length=60)]
Text = Annotated[str, msgspec.Meta(max_length=2000)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class ModuleFeedback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One module. Points are those of tests that the student can see."""

    module: Slug
    state: ModuleState
    passed: Count = 0
    tests: Count = 0
    earned: Count = 0
    points: Count = 0


class Feedback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one run. The report holds one result a module that was started, and what else was seen."""

    state: Verdict
    reproduce: Text
    modules: Annotated[tuple[ModuleFeedback, ...], msgspec.Meta(max_length=100)] = ()
    report: Report = Report(())
    assignment: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{0,60}$")] = ""
    because: Text = ""
    """Why nothing was run: the part of a sentence."""
    hint: Text = ""
    isolation: Text = ""
    format: int = FORMAT

    @property
    def started(self) -> tuple[ModuleFeedback, ...]:
        """The modules that are no longer as they were handed out."""
        return tuple(module for module in self.modules if module.state != "not started")


Choose = Callable[[Course, Sequence[Module]], Selection]


def find(
    root: Path, choose: Choose, *, clock: Clock, progress: Progress = lambda _: None
) -> Feedback:
    """Try what is chosen of the modules in `root`. Whatever goes wrong, the result is not green.

    Raises UsageError if `choose` does: somebody has typed a name that is none.
    """
    try:
        course = load(root)
        released = provenance.read(root)
        given = handed_out(course, released)
    except RefusedError as error:
        return _broken(error.message, error.findings)
    except TitoError as error:
        return _broken(error.message, (_finding(error),))
    selection = choose(course, given)
    again = command(selection.assignment)
    if not selection.modules:
        return Feedback(
            "skipped", again, assignment=selection.assignment,
            because=selection.because[:2000], hint=selection.hint[:2000],
        )  # fmt: skip
    try:
        return _bounded(_tried(course, released, selection, clock, progress))
    except UsageError:
        raise
    except TitoError as error:
        return _broken(error.message, (_finding(error),), again)
    except Exception as error:  # noqa: BLE001 - whatever went wrong, it must not be green
        message = f"the run broke: {type(error).__name__}: {error}"
        hint = "this is a fault of tito: please report it with the whole output"
        finding = Finding(GATE, "error", MANIFEST, 0, message, hint)
        return _broken(message, (finding,), again)


def _finding(error: TitoError) -> Finding:
    return Finding(GATE, "error", error.where or MANIFEST, 0, error.message, error.hint)


def _broken(message: str, findings: Sequence[Finding], again: str = "tito feedback") -> Feedback:
    result = GateResult(GATE, "error", tuple(findings), again)
    return _bounded(Feedback("error", again, report=Report((result,)), because=message[:2000]))


def _tried(
    course: Course,
    released: Provenance | None,
    selection: Selection,
    clock: Clock,
    progress: Progress,
) -> Feedback:
    given = handed_out(course, released)
    begun = {module for module in given if started(course, module, released)}
    chosen = [module for module in selection.modules if module in begun]
    attempts = try_modules(course, chosen, clock, progress)
    found = {attempt.module: attempt for attempt in attempts}
    modules = tuple(_of_module(module, found.get(module)) for module in selection.modules)
    checkpoints: tuple[CheckpointResult, ...] = ()
    gates = [attempt.result for attempt in attempts]
    if attempts:
        bad = {module for module, attempt in found.items() if attempt.state != "passed"}
        theirs = msgspec.structs.replace(course, checkpoints=_checkpoints(course, released))
        checkpoints, faults = try_checkpoints(theirs, begun - bad, clock, progress)
        gates += [judge(CHECKPOINTS, faults, "tito checkpoint status")] if faults else []
    changed = list(locked_changes(course, released))
    if changed:
        gates.append(judge(LOCKED, changed, command(selection.assignment)))
    isolation = next((each.isolation for each in attempts if each.isolation), "")
    return Feedback(
        verdict(modules), command(selection.assignment), modules, Report(tuple(gates), checkpoints),
        selection.assignment, isolation=isolation,
    )  # fmt: skip


def _checkpoints(course: Course, released: Provenance | None) -> tuple[Checkpoint, ...]:
    """Those that were handed out: the later ones come with their modules."""
    if released is None:
        return course.checkpoints
    return tuple(each for each in course.checkpoints if each.path in released.locked)


def _of_module(module: Module, attempt: Attempt | None) -> ModuleFeedback:
    if attempt is None:
        return ModuleFeedback(module.slug, "not started")
    counts = (attempt.passed, attempt.tests, attempt.earned, attempt.points)
    return ModuleFeedback(module.slug, attempt.state, *counts)


def verdict(modules: Sequence[ModuleFeedback]) -> Verdict:
    """Passed only if something was started and all of that passes."""
    states = {module.state for module in modules} - {"not started"}
    if not states:
        return "not started"
    return "passed" if states == {"passed"} else "failed"


def started(course: Course, module: Module, released: Provenance | None) -> bool:
    """True if the dev file is not the one that was handed out. Nobody knows: then it is."""
    path = course.dev_path(module)
    known = released and {**released.locked, **released.editable}.get(path)
    return not known or _digest(course.root / path) != known


def locked_changes(course: Course, released: Provenance | None) -> Iterator[Finding]:
    """Files that are not the student's to edit and differ from what was handed out."""
    for path, wanted in sorted(released.locked.items()) if released else ():
        if covered(path, course.protection.generated):
            continue  # each export writes it anew
        digest = _digest(course.root / path)
        if digest != wanted:
            what = "is gone" if digest is None else "was changed"
            message = f"this file {what} since it was handed out; grading uses it as it was"
            hint = f"to have it back: {restore(path)}"
            yield Finding("locked-changed", "warning", path, 0, message, hint)


def _digest(file: Path) -> str | None:
    """None for what is no plain file, or far larger than anything that is handed out."""
    if file.is_symlink() or not file.is_file() or file.stat().st_size > _LARGEST_LOCKED:
        return None
    return provenance.digest(file.read_bytes())


def _bounded(feedback: Feedback) -> Feedback:
    """With fewer findings, where there are more than anybody reads, or than fit."""
    report = feedback.report
    for most in _MOST_FINDINGS:
        gates = tuple(shortened(gate, most) for gate in report.gates)
        changed = msgspec.structs.replace(report, gates=gates)
        made = msgspec.structs.replace(feedback, report=changed)
        if len(encode(made)) <= LARGEST_RESULT:
            break
    return made


def decode(data: bytes) -> Feedback:
    """From bytes that anybody may have written.

    Raises TitoError if they are too many, of another format, or contradict themselves.
    """
    if len(data) > LARGEST_RESULT:
        raise TitoError("the file is too large for the result of a run")
    try:
        found = msgspec.json.decode(data, type=Feedback)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TitoError(f"this is no result of a run: {error}") from None
    if found.format != FORMAT:
        raise TitoError(f"this result has format {found.format}, this tito reads {FORMAT}")
    if contradiction := _contradiction(found):
        raise TitoError(f"the result contradicts itself: {contradiction}")
    return found


def _contradiction(found: Feedback) -> str:
    slugs = [module.module for module in found.modules]
    gates = [gate.gate for gate in found.report.gates]
    if len(set(slugs)) < len(slugs) or len(set(gates)) < len(gates):
        return "a module stands there twice"
    if not set(gates) <= {*slugs, LOCKED, CHECKPOINTS, GATE}:
        return "it holds a result of no module"
    if found.state in ("skipped", "error"):
        return "modules were judged" if found.modules else ""
    if found.state != verdict(found.modules):
        return f"it says {found.state}, and its modules do not"
    bad = {gate.gate for gate in found.report.gates if gate.status != "passed"}
    if bad & {module.module for module in found.modules if module.state == "passed"}:
        return "a module has passed and has errors"
    return ""
