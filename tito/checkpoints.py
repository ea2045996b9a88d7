"""Capability checkpoints: what they wait for, running them, and what is remembered of it.

`.tito/results/NN.json` holds the outcome and a hash of what it was made from. Another hash means
"to run again"; deleting the folder loses nothing but the outcome.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from tito.course import Checkpoint, Course, Module
from tito.errors import TitoError
from tito.export import stale_modules
from tito.report import encode
from tito.sandbox import Limits
from tito.syntax import UNREADABLE
from tito.testing import TestRun, run_file, run_files

State = Literal["passed", "failed", "to run again", "not run", "waiting", "not written"]


class Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One remembered outcome."""

    checkpoint: str
    passed: bool
    sources: str
    tests: dict[str, str]


@dataclass(frozen=True)
class Status:
    """How far one checkpoint is, and the modules it waits for."""

    checkpoint: Checkpoint
    state: State
    waits_for: tuple[Module, ...] = ()


def status(course: Course, checkpoint: Checkpoint) -> Status:
    """Derived from the tree and the stored outcome."""
    missing = _missing(course, checkpoint)
    if not (course.root / checkpoint.path).is_file():
        return Status(checkpoint, "not written", missing)
    if missing:
        return Status(checkpoint, "waiting", missing)
    stored = _stored(course, checkpoint)
    if stored is None:
        return Status(checkpoint, "not run")
    if stored.sources != _sources(course, checkpoint):
        return Status(checkpoint, "to run again")
    return Status(checkpoint, "passed" if stored.passed else "failed")


def run(course: Course, checkpoint: Checkpoint, *, limits: Limits | None = None) -> TestRun:
    """Run the checkpoint's tests on the package as it was last exported, and remember the outcome.

    Raises TitoError if it is not written, waits for modules, or the package is older than a source.
    """
    require(course, checkpoint)
    sources = _sources(course, checkpoint)
    result = run_file(course, checkpoint.path, limits=limits)
    _store(course, checkpoint, result, sources)
    return result


def run_together(
    course: Course, checkpoints: Sequence[Checkpoint], *, limits: Limits | None = None
) -> tuple[Checkpoint, ...]:
    """Run several in one process; return those that passed, whose outcome is remembered.

    Of the others nothing is known, since one may have ended the process of all, or left behind
    what another one stumbles over: `run` them alone.
    """
    ready = [checkpoint for checkpoint in checkpoints if _can_run(course, checkpoint)]
    if len(ready) < 2:
        return ()
    sources = [_sources(course, checkpoint) for checkpoint in ready]
    try:
        runs = run_files(course, [checkpoint.path for checkpoint in ready], limits=limits)
    except UNREADABLE:  # one of the files is no Python
        return ()
    passed = []
    for checkpoint, before, result in zip(ready, sources, runs, strict=True):
        if result.passed:
            _store(course, checkpoint, result, before)
            passed.append(checkpoint)
    return tuple(passed)


def _can_run(course: Course, checkpoint: Checkpoint) -> bool:
    try:
        require(course, checkpoint)
    except TitoError:
        return False
    return True


def require(course: Course, checkpoint: Checkpoint) -> None:
    """Raise TitoError, naming the next command, unless the checkpoint can run."""
    if not (course.root / checkpoint.path).is_file():
        raise TitoError("this checkpoint is not written yet", where=checkpoint.path)
    missing = _missing(course, checkpoint)
    if missing:
        names = ", ".join(module.slug for module in missing)
        raise TitoError(
            f"checkpoint {checkpoint.slug} waits for {names}",
            hint=f"tito module export {missing[0].number}",
        )
    stale = [m for m in stale_modules(course) if m in _foundation(course, checkpoint)]
    if stale:
        raise TitoError(
            f"{stale[0].slug} has changed since its last export",
            where=course.dev_path(stale[0]),
            hint=f"tito module export {stale[0].number}",
        )


def _missing(course: Course, checkpoint: Checkpoint) -> tuple[Module, ...]:
    entered = course.entered()
    needed = (course.module(name) for name in checkpoint.modules)
    return tuple(module for module in needed if module not in entered)


def _foundation(course: Course, checkpoint: Checkpoint) -> tuple[Module, ...]:
    """Every module that the outcome can depend on: up to the last one needed."""
    last = max((course.module(name) for name in checkpoint.modules), key=lambda m: m.number)
    return course.up_to(last)


def _sources(course: Course, checkpoint: Checkpoint) -> str:
    digest = hashlib.sha256()
    files = [course.package / module.file for module in _foundation(course, checkpoint)]
    for file in [course.root / checkpoint.path, *files]:
        digest.update(hashlib.sha256(file.read_bytes().replace(b"\r\n", b"\n")).digest())
    return digest.hexdigest()


def _file(course: Course, checkpoint: Checkpoint) -> Path:
    return course.root / ".tito" / "results" / f"{checkpoint.number}.json"


def _stored(course: Course, checkpoint: Checkpoint) -> Stored | None:
    """None for a file that is missing or no result of ours: then it has simply not run."""
    try:
        return msgspec.json.decode(_file(course, checkpoint).read_bytes(), type=Stored)
    except (OSError, msgspec.MsgspecError, RecursionError):
        return None


def _store(course: Course, checkpoint: Checkpoint, result: TestRun, sources: str) -> None:
    tests = {test.name: test.verdict for test in result.tests}
    file = _file(course, checkpoint)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_bytes(encode(Stored(checkpoint.slug, result.passed, sources, dict(tests))))
    part.replace(file)
