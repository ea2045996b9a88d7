"""The five proofs of a release, module by module, before anybody gets it.

1. The student version fails every graded test. 2. The solution passes them all, with nothing on
stderr. 3. Nothing leaks. 4. Checksums, gradebook and points are what they must be. 5. Submissions
whose score is known beforehand get it.

The proofs run solutions and made-up submissions in the sandbox. What they find out is about the
release, and no grade of anybody's.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import msgspec

from tito import leaks
from tito.course import Course, Module
from tito.released import assignment_of, preprocess
from tito.report import Finding, in_order
from tito.scoring import LIMITS, Score, score
from tito.source import Cell, DevFile, parse, read
from tito.student import commit_of, tree
from tito.trials import PATIENT, Trial, can_be_tried, trials

NAMES = (
    "the stubs fail",
    "the solution passes",
    "nothing leaks",
    "checksums and points",
    "test submissions",
)
"""The five proofs, in their order."""
AT_ONCE = 2
"""Runs side by side: each keeps one core busy."""

_AGAIN = "make the student version anew: tito nbgrader generate"

Progress = Callable[[str], object]


class Proof(msgspec.Struct, frozen=True):
    """One of the five, for one module; the third is for all of them and names none."""

    number: int
    module: str
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """True if nothing was found that must be mended."""
        return all(finding.severity != "error" for finding in self.findings)


def prove(
    course: Course,
    modules: Iterable[Module],
    *,
    files: Mapping[str, bytes] | None = None,
    progress: Progress = lambda _: None,
) -> list[Finding]:
    """Everything that speaks against handing out these modules. See `proofs`."""
    found = proofs(course, modules, files=files, progress=progress)
    return list(in_order(f for proof in found for f in proof.findings))


def proofs(
    course: Course,
    modules: Iterable[Module],
    *,
    files: Mapping[str, bytes] | None = None,
    progress: Progress = lambda _: None,
) -> tuple[Proof, ...]:
    """The five proofs of the student tree `files`; of the one that would be made now if None.

    Raises TitoError if that tree cannot be made.
    """
    chosen = sorted(set(modules), key=lambda module: module.number)
    if files is None:
        progress("student versions")
        files = tree(course, chosen, source=commit_of(course), allow_dirty=True)
    devs = {m: read(course.dev_file(m), course.dev_path(m)) for m in chosen}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        kept = pool.submit(of_nbgrader, course, devs, files)
        tried = {
            module: pool.submit(_tried, course, module, dev, _text(course, files, module), progress)
            for module, dev in devs.items()
        }
        hidden = Proof(3, "", leaks_of(course, files))
        by_trial = [proof for module in chosen for proof in tried[module].result()]
        return tuple(
            sorted([*by_trial, hidden, *kept.result()], key=lambda p: (p.module, p.number))
        )


def _text(course: Course, files: Mapping[str, bytes], module: Module) -> str:
    return files.get(course.dev_path(module), b"").decode("utf-8")


def leaks_of(course: Course, files: Mapping[str, bytes]) -> tuple[Finding, ...]:
    """Proof 3: what the tree holds and must not, but for the exceptions of classroom.yml."""
    paths = [course.dev_path(module) for module in course.modules]
    released = [files[path].decode("utf-8") for path in paths if path in files]
    secrets = leaks.secrets_of(course, released=released)
    return leaks.excuse(leaks.search_files(secrets, files), course.classroom.leaks)


def _tried(
    course: Course, module: Module, dev: DevFile, student: str, progress: Progress
) -> tuple[Proof, ...]:
    """Proofs 1, 2 and 5 of one module."""
    if not student:
        message = "this module is not among the files that are handed out"
        finding = Finding("proof-missing", "error", dev.path, 0, message, _AGAIN)
        return (Proof(1, module.slug, (finding,)),)
    if not can_be_tried(dev):
        message = "no graded cell follows a solution: nothing shows whether it works"
        hint = "add a test cell with points behind the solution cell"
        finding = Finding("proof-untested", "error", dev.path, 0, message, hint)
        return (Proof(1, module.slug, (finding,)),)
    made = trials(dev, student)
    scores = {}
    for trial in made:
        progress(f"{module.slug}: {trial.name}")
        scores[trial.name] = _score(course, module, trial)
    return (
        Proof(1, module.slug, tuple(_not_failing(dev, scores["empty"]))),
        Proof(2, module.slug, tuple(_not_passing(dev, scores["perfect"]))),
        Proof(5, module.slug, tuple(_undeserved(dev, made, scores))),
    )


def _score(course: Course, module: Module, trial: Trial) -> Score:
    found = score(course, module, trial.text, limits=trial.limits)
    if trial.limits != LIMITS and found.stopped and not found.began:
        return score(course, module, trial.text, limits=PATIENT)
    return found


def _not_failing(dev: DevFile, empty: Score) -> Iterator[Finding]:
    for cell in empty.cells:
        passed = [name for name, fault in cell.tests.items() if name and not fault]
        if passed or not cell.message:
            message = f"the student version passes {', '.join(passed) or 'this cell'}"
            hint = "a graded test must need the solution: ask for more, or take it out"
            yield _finding("proof-stub", dev, cell.cell, message, hint)


def _not_passing(dev: DevFile, perfect: Score) -> Iterator[Finding]:
    for cell in perfect.cells:
        if cell.message:
            message = f"the solution fails this cell: {cell.message}"
            yield _finding("proof-solution", dev, cell.cell, message, "mend solution or test")
    if perfect.stderr.strip():
        first = perfect.stderr.strip().partition("\n")[0]
        message = f"the solution writes to stderr: {first[:200]}"
        hint = "nbgrader gives no points for a cell that does"
        yield Finding("proof-stderr", "error", dev.path, 0, message, hint)


def _undeserved(
    dev: DevFile, made: Sequence[Trial], scores: Mapping[str, Score]
) -> Iterator[Finding]:
    for trial in made:
        wrong = trial.wrong(scores[trial.name])
        if wrong:
            message = f"the test submission {trial.name!r} gets a wrong score: {wrong}"
            hint = "a submission like this one would be scored wrongly: mend the module's tests"
            yield Finding("proof-submission", "error", dev.path, 0, message, hint)


def _finding(rule: str, dev: DevFile, identity: str, message: str, hint: str) -> Finding:
    cell = dev.cell_named(identity)
    line = cell.marker_line if cell else 0
    return Finding(rule, "error", dev.path, line, message, hint, identity)


def of_nbgrader(
    course: Course, devs: Mapping[Module, DevFile], files: Mapping[str, bytes]
) -> list[Proof]:
    """Proof 4 of all modules, against what nbgrader makes of them now."""
    with tempfile.TemporaryDirectory(prefix="tito-") as folder:
        book = Path(folder) / "gradebook.db"
        fresh = preprocess(course, devs, gradebook=book)
        with closing(sqlite3.connect(book)) as connection:
            found = []
            for module, dev in devs.items():
                released = parse(_text(course, files, module), dev.path)
                made = [(c.cell_type, c.source, c.metadata) for c in fresh[module]]
                findings = [
                    *_changed(dev, released, made),
                    *against_gradebook(course, module, dev, connection),
                ]
                found.append(Proof(4, module.slug, tuple(findings)))
        return found


def _changed(
    dev: DevFile, released: DevFile, made: Sequence[tuple[str, str, Mapping[str, object]]]
) -> Iterator[Finding]:
    """Cells of the tree that are not what nbgrader releases, checksums included."""
    there = [(c.kind, c.source, c.metadata) for c in released.cells]
    if len(there) != len(made):
        message = f"{len(there)} cells are handed out, nbgrader releases {len(made)}"
        yield Finding("proof-cells", "error", dev.path, 0, message, _AGAIN)
        return
    for cell, ours, theirs in zip(released.cells, there, made, strict=True):
        if ours != theirs:
            message = "this cell, or its checksum, is not what nbgrader releases"
            line, identity = cell.marker_line, cell.identity
            yield Finding("proof-checksum", "error", dev.path, line, message, _AGAIN, identity)


def against_gradebook(
    course: Course, module: Module, dev: DevFile, connection: sqlite3.Connection
) -> Iterator[Finding]:
    """Graded cells against what nbgrader keeps of them, and the sum of the points."""
    kept = _kept(connection, assignment_of(course, module), module.slug)
    graded = [cell for cell in dev.cells if cell.nbgrader.get("grade") is True]
    for cell in graded:
        points, source = kept.pop(cell.identity, (None, None))
        if points != cell.nbgrader.get("points") or source not in (cell.source, None):
            message = f"the gradebook keeps {points} points for this cell, or another text"
            yield _finding("proof-gradebook", dev, cell.identity, message, _AGAIN)
    for identity in kept:
        message = f"the gradebook has a graded cell {identity!r} that is not in the source"
        yield Finding("proof-gradebook", "error", dev.path, 0, message, _AGAIN)
    total = sum(_points(cell) for cell in graded)
    if total != module.points:
        message = f"the graded cells have {total} points, classroom.yml says {module.points}"
        yield Finding("proof-points", "error", dev.path, 0, message, "change one of the two")


def _points(cell: Cell) -> int:
    points = cell.nbgrader.get("points")
    return points if type(points) is int else 0


def _kept(
    connection: sqlite3.Connection, assignment: str, notebook: str
) -> dict[str, tuple[float, str | None]]:
    """Each graded cell of a gradebook: its points, and its source if no student writes in it."""
    rows = connection.execute(
        "select b.name, g.max_score, s.source, s.locked from base_cell b "
        "join grade_cells g on g.id = b.id join notebook n on n.id = b.notebook_id "
        "join assignment a on a.id = n.assignment_id "
        "join source_cell s on s.notebook_id = n.id and s.name = b.name "
        "where a.name = ? and n.name = ?",
        (assignment, notebook),
    )
    return {name: (points, source if locked else None) for name, points, source, locked in rows}
