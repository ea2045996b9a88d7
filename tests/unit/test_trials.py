"""A test submission says what is wrong with a score, and nothing if it is the deserved one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.graded_course import graded_course
from tito.sandbox import Isolation
from tito.scoring import CellScore, Score
from tito.source import DevFile, parse, read
from tito.trials import Trial, trials

SQUARE, CUBE = "second-square-test", "second-cube-test"
LIMITED = Isolation(limits=("RLIMIT_AS",))


@pytest.fixture
def made(tmp_path: Path) -> dict[str, Trial]:
    course = graded_course(tmp_path)
    module = course.modules[1]
    dev = read(course.dev_file(module), course.dev_path(module))
    return {trial.name: trial for trial in trials(dev, released(dev).text)}


def released(dev: DevFile) -> DevFile:
    """As students get it, without asking nbgrader."""
    lines, inside = [], False
    for line in dev.text.split("\n"):
        if "BEGIN SOLUTION" in line:
            lines.append("    raise NotImplementedError")
        inside = ("BEGIN SOLUTION" in line or inside) and "END SOLUTION" not in line
        if not inside and "SOLUTION" not in line:
            lines.append(line)
    return parse("\n".join(lines), dev.path)


def a_score(
    square: str, cube: str, *, began: bool = True, stopped: str = "", held: bool = True
) -> Score:
    cells = CellScore(SQUARE, 2, {}, square), CellScore(CUBE, 3, {}, cube)
    isolation = LIMITED if held else Isolation()
    return Score("02_second", cells, began, stopped, "", isolation)


@pytest.mark.parametrize(
    ("name", "score", "wrong"),
    [
        ("empty", a_score("no", "no"), ""),
        ("empty", a_score("", "no"), "it earns 2 points, and deserves none"),
        ("perfect", a_score("", ""), ""),
        ("perfect", a_score("", "no"), "2 of 5 points: nothing for second-cube-test (no)"),
        ("perfect", Score("02_second", ()), "there are none"),
        ("partial", a_score("", "no"), ""),
        ("partial", a_score("no", "no"), "second-square-test earns nothing"),
        ("partial", a_score("", ""), "second-cube-test earns its points"),
        ("syntax error", a_score("no", ""), "it earns 3 points"),
        ("endless loop", a_score("no", "no", stopped="time"), ""),
        ("endless loop", a_score("no", "no"), "it was not stopped"),
        ("endless loop", a_score("no", "no", began=False, stopped="time"), "not reached"),
        ("endless loop", a_score("", "no", stopped="time"), "second-square-test earns its"),
        ("memory eater", a_score("MemoryError: ", "no"), ""),
        ("memory eater", a_score("no", "no"), "it got all the memory"),
        ("memory eater", a_score("no", "no", held=False), ""),
        ("memory eater", a_score("", "no", held=False), "second-square-test earns its"),
        ("tampered tests", a_score("", ""), "it earns 5 points"),
        ("workflow commands", a_score("", ""), ""),
    ],
)
def test_a_score_is_judged_by_what_its_submission_deserves(
    made: dict[str, Trial], name: str, score: Score, wrong: str
) -> None:
    assert wrong in made[name].wrong(score)
    assert bool(wrong) == bool(made[name].wrong(score))


def test_the_submissions_are_what_their_names_say(made: dict[str, Trial]) -> None:
    assert "raise NotImplementedError" not in made["perfect"].text
    assert made["partial"].text.count("raise NotImplementedError") == 1
    assert "    while True:\n        pass\n" in made["endless loop"].text
    assert "bytes(1 << 28)" in made["memory eater"].text
    assert '"points": 1000' in made["tampered tests"].text
    assert "def test_cube" not in made["tampered tests"].text
    assert "::set-env" in made["workflow commands"].text
