"""What a submission would earn: its solutions laid over the pristine file, and its tests run.

The process that finds it out runs the student's code, which can make it say anything. So a score is
feedback, for students and for the proofs of a release; it is never a grade.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from tito.course import Course, Module
from tito.errors import RefusedError, TitoError
from tito.export import build
from tito.released import Released, written
from tito.sandbox import Isolation, Limits, run
from tito.source import Cell, DevFile, parse, read
from tito.testing import write_package

_INSIDE = Path(__file__).with_name("inside.py")
_LARGEST_REPORT = 4 * 1024 * 1024
_MEGABYTES = 2048
LIMITS = Limits(seconds=60.0, megabytes=_MEGABYTES)
"""What a submission may use unless somebody says otherwise."""
_NOT_RUN = "it was not run"


class CellScore(msgspec.Struct, frozen=True):
    """A graded cell. `tests` is what it calls, and why each failed; `""` is the rest of it."""

    cell: str
    possible: int
    tests: dict[str, str] = {}
    message: str = ""
    """Why it earned nothing, in one line that no system takes for a command."""

    @property
    def earned(self) -> int:
        """All its points or none."""
        return 0 if self.message else self.possible


class Score(msgspec.Struct, frozen=True):
    """What a submission earned, cell by cell. Feedback, never a grade.

    Written answers have no part in it: a human reads them.
    """

    module: str
    cells: tuple[CellScore, ...]
    began: bool = False
    """The tests were reached."""
    stopped: str = ""
    """Which limit ended the run, if one did."""
    stderr: str = ""
    isolation: Isolation = Isolation()

    @property
    def earned(self) -> int:
        """The points of all cells that passed."""
        return sum(cell.earned for cell in self.cells)

    @property
    def possible(self) -> int:
        """The points of all cells that can be run."""
        return sum(cell.possible for cell in self.cells)


class _Line(msgspec.Struct):
    """A line of the report. It is untrusted."""

    began: bool = False
    cell: str = ""
    tests: dict[str, str] = {}


def score(course: Course, module: Module, text: str, *, limits: Limits | None = None) -> Score:
    """What the dev file `text` earns in this course, which holds the solutions.

    Only its solution cells count: whatever it says of tests, points and given cells is replaced by
    what the course says. Under it lie the course's own earlier modules.
    """
    pristine = read(course.dev_file(module), course.dev_path(module))
    try:
        dev = laid_over(pristine, text)
        files = build(course, course.up_to(module), instead={module: dev})
    except RefusedError as error:
        first = next(f for f in error.findings if f.severity == "error")
        return _nothing(module, pristine, f"{first.place}: {first.message}")
    except TitoError as error:
        return _nothing(module, pristine, error.message)
    with tempfile.TemporaryDirectory(prefix="tito-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary).resolve()
        write_package(folder / course.settings.package, files)
        return _run(course, module, dev, folder, limits or LIMITS)


def laid_over(pristine: DevFile, text: str) -> DevFile:
    """The pristine file with the solution cells of a submission, by their grade_id.

    A solution cell that the submission lacks is empty. Raises TitoError if one of them would
    swallow what stands behind it.
    """
    theirs: dict[str, str] = {}
    for cell in parse(text, pristine.path).cells:
        if cell.kind == "code" and cell.nbgrader:
            theirs.setdefault(cell.identity, cell.source.rstrip("\n"))
    sources = {c.identity: theirs.get(c.identity, "") for c in pristine.cells if _written_in(c)}
    return answered(pristine, sources)


def answered(dev: DevFile, sources: Mapping[str, str]) -> DevFile:
    """The dev file with other sources in these cells, as a student would hand it in."""
    made = []
    for cell in dev.cells:
        metadata = cell.metadata
        if _written_in(cell):
            # What has a checksum has been released: nobody looks for markers in it.
            data = {"checksum": "", **cell.nbgrader}
            metadata = {**metadata, "nbgrader": data}
        made.append(Released(cell.kind, sources.get(cell.identity, cell.source), metadata))
    return parse(written(dev, made), dev.path)


def graded_cells(dev: DevFile) -> tuple[Cell, ...]:
    """The graded cells that can be run."""
    return tuple(c for c in dev.cells if c.kind == "code" and c.nbgrader.get("grade") is True)


def _written_in(cell: Cell) -> bool:
    return cell.kind == "code" and cell.solution and not cell.nbgrader.get("grade")


def _nothing(module: Module, dev: DevFile, reason: str) -> Score:
    line = one_line(reason)
    cells = (CellScore(c.identity, _points(c), {}, line) for c in graded_cells(dev))
    return Score(module.slug, tuple(cells))


def _points(cell: Cell) -> int:
    points = cell.nbgrader.get("points")
    return points if type(points) is int else 0


def one_line(text: str) -> str:
    """What a program said, in a line that begins with nothing that a runner takes for a command."""
    return " ".join(text.split()).lstrip(":#") or "it says nothing"


def _run(course: Course, module: Module, dev: DevFile, folder: Path, limits: Limits) -> Score:
    graded = graded_cells(dev)
    report, spec = folder / "report", folder / "spec.json"
    cells = [c for c in dev.cells if c.kind == "code" and not c.exported and c.code.strip()]
    given = {
        "path": dev.path,
        "module": f"{course.settings.package}.{module.target}",
        "cells": [(c.code_line, c.identity, c.code, c in graded) for c in cells],
    }
    named = {"package": course.settings.package, "folder": str(folder), "report": str(report)}
    spec.write_text(json.dumps({**named, "graded": given}), encoding="utf-8")
    command = [sys.executable, "-I", "-B", str(_INSIDE), str(spec)]
    outcome = run(command, cwd=folder, limits=limits)
    lines = _read(report)
    why = outcome.stopped or (outcome.stderr.strip().rpartition("\n")[2] if not lines else "")
    return Score(
        module.slug,
        tuple(_judged(cell, lines, why) for cell in graded),
        any(line.began for line in lines),
        outcome.stopped,
        outcome.stderr,
        outcome.isolation,
    )


def _read(report: Path) -> list[_Line]:
    """The lines that are whole. One that is no line of ours ends it."""
    try:
        with report.open("rb") as file:
            data = file.read(_LARGEST_REPORT)
    except OSError:
        return []
    lines = []
    for line in data.split(b"\n")[:-1]:
        try:
            lines.append(msgspec.json.decode(line, type=_Line))
        except (msgspec.MsgspecError, RecursionError):
            break
    return lines


def _judged(cell: Cell, lines: Sequence[_Line], why: str) -> CellScore:
    """A cell passes if it was reported once, and nothing in it failed."""
    found = [line for line in lines if line.cell == cell.identity]
    possible = _points(cell)
    if len(found) != 1:
        reason = one_line(f"{_NOT_RUN}: {why}" if why else _NOT_RUN)
        return CellScore(cell.identity, possible, {}, reason)
    tests = {name: one_line(text) if text else "" for name, text in found[0].tests.items()}
    failed = [f"{name}: {text}" if name else text for name, text in tests.items() if text]
    return CellScore(cell.identity, possible, tests, "; ".join(failed))
