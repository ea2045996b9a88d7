"""The gates a pull request passes: checks gathered into one result. They print nothing."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tito import dependencies, package, structure
from tito.course import MANIFEST, Course, Module, load
from tito.errors import CutShortError, RefusedError, TitoError
from tito.refusals import Parsed, compare, examine
from tito.report import Finding, GateResult, in_order, judge
from tito.source import DevFile, read

if TYPE_CHECKING:
    from tito.policy import Proposal

GATES = ("export", "protection", "integration")
"""All of them: a report without one of these is not green."""


def run_gate(
    gate: str,
    root: Path,
    check: Callable[[Course], Iterable[Finding]],
    reproduce: str = "",
) -> GateResult:
    """Judge the course in `root`. A gate that cannot run ends as `error`, never as passed.

    `reproduce` is the command that shows it again, where it is more than the gate's name.
    """
    reproduce = reproduce or f"tito gate {gate}"
    before: tuple[Finding, ...] = ()
    try:
        return judge(gate, check(load(root)), reproduce)
    except RefusedError as error:
        return judge(gate, error.findings, reproduce)
    except TitoError as error:
        before = error.findings if isinstance(error, CutShortError) else ()
        finding = Finding("gate", "error", error.where or MANIFEST, 0, error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the gate must not be green
        message = f"the gate broke: {type(error).__name__}: {error}"
        hint = "this is a fault of tito: please report it with the whole output"
        finding = Finding("gate", "error", MANIFEST, 0, message, hint)
    return GateResult(gate, "error", (finding, *in_order(before)), reproduce)


def export_gate(root: Path) -> GateResult:
    """A fresh export equals the committed package, and every rule holds. Runs no student code."""
    return run_gate("export", root, export_findings)


def protection_gate(
    root: Path, *, base: str | None = None, proposal: Proposal | None = None
) -> GateResult:
    """Nothing generated was changed by hand; with `base`, nothing locked unseen since then.

    With a `proposal` as well, its branch and commits keep the policy. Runs no student code.
    """
    from tito import policy, protection

    def check(course: Course) -> Iterator[Finding]:
        yield from protection.check(course, base=base)
        if base is not None and proposal is not None:
            yield from policy.check(course, proposal, base=base)

    words = ["tito", "gate", "protection", *(() if base is None else ("--base", base))]
    if proposal is not None:
        words += ["--branch", proposal.branch]
    return run_gate("protection", root, check, shlex.join(words))


def integration_gate(root: Path, *, progress: Callable[[str], object] | None = None) -> GateResult:
    """The course at work: every prefix, all tests, a wheel, the checkpoints. Runs student code."""
    from tito import integration

    check = partial(integration.check, progress=progress or (lambda _: None))
    return run_gate("integration", root, check)


def student_gate(root: Path, *, progress: Callable[[str], object] | None = None) -> GateResult:
    """What would be handed to a class is proven to be fit for it. Runs solutions, in the sandbox.

    Not one of GATES: a pull request of a student has no solutions to prove anything with.
    """

    def check(course: Course) -> Iterable[Finding]:
        from tito import proof

        modules = [module for module in course.modules if course.written(module)]
        return proof.prove(course, modules, progress=progress or (lambda _: None))

    return run_gate("student", root, check)


def export_findings(course: Course) -> list[Finding]:
    """What the export gate has to say about a course that could be read."""
    devs = {
        m: read(course.dev_file(m), course.dev_path(m)) for m in course.modules if course.written(m)
    }
    examined = {module: examine(module, dev) for module, dev in devs.items()}
    parsed = [item for item, _ in examined.values() if item is not None]
    findings = [finding for _, faults in examined.values() for finding in faults]
    findings += compare(course, parsed)
    findings += rules(course, devs, parsed)
    findings += _not_written(course)
    findings += package.compare(course)
    return findings


def module_findings(course: Course, module: Module) -> list[Finding]:
    """Everything that can be said about one module by reading it."""
    dev = read(course.dev_file(module), course.dev_path(module))
    before = [m for m in course.up_to(module) if course.written(m)]
    devs = {m: read(course.dev_file(m), course.dev_path(m)) for m in before}
    parsed = [item for item, _ in (examine(m, devs[m]) for m in before) if item is not None]
    findings = examine(module, dev)[1] + compare(course, parsed) + rules(course, devs, parsed)
    # What is wrong in an earlier module is said when that one is checked.
    return [finding for finding in findings if finding.path in (dev.path, MANIFEST)]


def rules(course: Course, devs: dict[Module, DevFile], parsed: list[Parsed]) -> list[Finding]:
    """How the modules are written and what they import."""
    findings = [f for module, dev in devs.items() for f in structure.check(course, module, dev)]
    findings += structure.check_course(course, list(devs.values()))
    findings += dependencies.check(course, parsed)
    return findings


def _not_written(course: Course) -> list[Finding]:
    """Modules and checkpoints that are declared and have no file: said, never skipped silently."""
    modules = [module.slug for module in course.modules if not course.written(module)]
    missing = [c.slug for c in course.checkpoints if not (course.root / c.path).is_file()]
    findings = []
    for noun, names in (("modules", modules), ("checkpoints", missing)):
        if names:
            message = f"{len(names)} {noun} not written yet: {', '.join(names)}"
            findings.append(Finding("not-written", "notice", MANIFEST, 0, message))
    return findings
