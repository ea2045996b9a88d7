"""Submissions that nobody handed in: what a module's tests make of each is known beforehand.

They are made from the student version and the solutions. A trial says what is wrong with a score,
and nothing if the score is the one that its submission deserves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tito.sandbox import Limits
from tito.scoring import LIMITS, Score, answered, graded_cells
from tito.source import Cell, DevFile, parse

_BEGIN = re.compile(r"(\s*)### BEGIN SOLUTION\s*$")
_END = re.compile(r"\s*### END SOLUTION\s*$")
_MARKER = re.compile(r"\s*### (?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS|MARK SCHEME)\s*$")
SHORT = Limits(seconds=2.0, megabytes=LIMITS.megabytes)
"""For what never ends by itself."""
PATIENT = Limits(seconds=20.0, megabytes=LIMITS.megabytes)
"""For the same on a machine that is too busy to reach the tests in that time."""
_LOOP = ("while True:", "    pass")
_EATER = ("eaten = [bytes(1 << 28) for _ in range(1 << 10)]",)
_COMMANDS = 'print("::error::stop\\n::set-env name=PATH::/nowhere", flush=True)'
_POINTS = re.compile(r'"points": \d+')


@dataclass(frozen=True)
class Trial:
    """A submission, and how its score is judged."""

    name: str
    text: str
    wrong: Callable[[Score], str]
    """What is wrong with the score; empty if nothing is."""
    limits: Limits = LIMITS


def trials(solved: DevFile, student: str) -> tuple[Trial, ...]:
    """Eight submissions for a module, given its solutions and what students get."""
    released = parse(student, solved.path)
    perfect = solutions(solved)
    first, last = _ends(solved)
    after_first, after_last = _next_graded(solved, first), _next_graded(solved, last)
    before_last = _graded_before(solved, last)

    def made(changed: dict[str, str]) -> str:
        return answered(released, {**perfect, **changed}).text

    stub = next((c.source for c in released.cells if c.identity == last.identity), "")
    broken = f"{perfect[first.identity]}\n\n\ndef (:"
    noisy = f"{perfect[last.identity]}\n\n\n{_COMMANDS}"
    return (
        Trial("empty", student, _earns_nothing),
        Trial("perfect", made({}), _earns_all),
        Trial("partial", made({last.identity: stub}), _earns(before_last, [after_last])),
        Trial("syntax error", made({first.identity: broken}), _earns_nothing),
        Trial("endless loop", made(_with(first, _LOOP)), _is_stopped(after_first), SHORT),
        Trial("memory eater", made(_with(first, _EATER)), _runs_out_of_memory(after_first)),
        Trial("tampered tests", _tampered(released), _earns_nothing),
        Trial("workflow commands", made({last.identity: noisy}), _earns_all),
    )


def solutions(solved: DevFile) -> dict[str, str]:
    """The source of each solution cell as a student would write it: without markers."""
    return {
        cell.identity: "\n".join(
            line for line in cell.source.split("\n") if not _MARKER.match(line)
        )
        for cell in solved.cells
        if _has_solution(cell)
    }


def _has_solution(cell: Cell) -> bool:
    return cell.kind == "code" and cell.solution and "### BEGIN SOLUTION" in cell.source


def _ends(solved: DevFile) -> tuple[Cell, Cell]:
    """The first and the last solution cell that a graded cell follows."""
    graded = graded_cells(solved)
    cells = [
        cell
        for cell in solved.cells
        if _has_solution(cell) and any(g.line > cell.line for g in graded)
    ]
    return cells[0], cells[-1]


def can_be_tried(solved: DevFile) -> bool:
    """True if a graded cell follows a solution: else nothing can be said about its tests."""
    graded = graded_cells(solved)
    return any(_has_solution(c) and any(g.line > c.line for g in graded) for c in solved.cells)


def _next_graded(solved: DevFile, cell: Cell) -> str:
    return next(g.identity for g in graded_cells(solved) if g.line > cell.line)


def _graded_before(solved: DevFile, cell: Cell) -> list[str]:
    return [g.identity for g in graded_cells(solved) if g.line < cell.line]


def _with(cell: Cell, lines: Iterable[str]) -> dict[str, str]:
    """The cell with these lines in the place of each solution."""
    return {cell.identity: "\n".join(_planted(cell, [*lines]))}


def _planted(cell: Cell, lines: list[str]) -> Iterator[str]:
    inside = False
    for line in cell.source.split("\n"):
        begins = _BEGIN.match(line)
        if begins:
            inside = True
            yield from (begins[1] + planted for planted in lines)
        elif _END.match(line):
            inside = False
        elif not inside:
            yield line


def _tampered(released: DevFile) -> str:
    """The stubs, with tests that are emptied or gone and points that have grown."""
    text = released.text
    for number, cell in enumerate(graded_cells(released)):
        text = text.replace(f"{cell.marker}\n{cell.source}", f"{cell.marker}\npass" * (number % 2))
    return _POINTS.sub('"points": 1000', text)


def _earns_nothing(score: Score) -> str:
    return f"it earns {score.earned} points, and deserves none" if score.earned else ""


def _earns_all(score: Score) -> str:
    lost = [f"{cell.cell} ({cell.message})" for cell in score.cells if cell.message]
    if lost:
        return f"it earns {score.earned} of {score.possible} points: nothing for {', '.join(lost)}"
    return "it deserves all points, and there are none" if not score.possible else ""


def _earns(passing: Iterable[str], failing: Iterable[str]) -> Callable[[Score], str]:
    def wrong(score: Score) -> str:
        for cell in score.cells:
            if cell.cell in passing and cell.message:
                return f"{cell.cell} earns nothing, and what it tests is there: {cell.message}"
            if cell.cell in failing and not cell.message:
                return f"{cell.cell} earns its points, and what it tests is not there"
        return ""

    return wrong


def _is_stopped(cell: str) -> Callable[[Score], str]:
    def wrong(score: Score) -> str:
        if not score.stopped:
            return "it was not stopped"
        if not score.began:
            return "its tests were not reached"
        return _earns([], [cell])(score)

    return wrong


def _runs_out_of_memory(cell: str) -> Callable[[Score], str]:
    def wrong(score: Score) -> str:
        held = "RLIMIT_AS" in score.isolation.limits
        messages = (each.message for each in score.cells if each.cell == cell)
        if held and not any("MemoryError" in message for message in messages):
            return "it got all the memory that it asked for"
        return _earns([], [cell])(score)

    return wrong
