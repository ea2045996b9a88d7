"""Mutants run against graded tests in the sandbox: what strong tests catch, weak ones let live."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import SmallCourse
from tests.unit.written_module import marker
from tito import mutation_proof
from tito.course import Course
from tito.errors import TitoError
from tito.mutation import Mutant, mutants
from tito.mutation_proof import (
    Equivalent,
    Equivalents,
    Tried,
    prove,
    read_equivalents,
    try_mutants,
)
from tito.sandbox import Limits
from tito.source import read
from tito.testing import run_module

FIRST = "def one():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n"
SECOND = '''\
import os
import threading

from tinytorch.core.first import one


def step(x, y):
    """x plus y, if x is below 10."""
    ### BEGIN SOLUTION
    if x < 10:
        return x + y * one()
    return x
    ### END SOLUTION


def down(n):
    """Count down to 0."""
    ### BEGIN SOLUTION
    while n > 0:
        n = n - 1
    return n
    ### END SOLUTION


def guarded(n):
    """n, unless that is below 0."""
    ### BEGIN SOLUTION
    if n < 0:
        os.abort()
    return n
    ### END SOLUTION
'''
WEAK = "assert step(9, 0) == 9 and down(1) == guarded(0) == 0"
STRONG = "assert (step(9, 2), step(10, 2), down(2), guarded(0)) == (11, 10, 0, 0)"
NONE = Equivalents("list.yml")


def module(name: str, code: str, test: str) -> str:
    """A dev file with one solution cell and one test that looks for the name in the package."""
    return (
        f"{marker(name, 's')}#| default_exp core.{name}\n#| export\n{code}\n"
        f"{marker(f'{name}-test', 'gl', points=1)}def test_{name}():\n"
        f"    from tinytorch import {'one' if name == 'first' else 'step'}\n\n    {test}\n\n\n"
        f"test_{name}()\n"
    ).replace("small-", "")


def course_of(small: SmallCourse, test: str, code: str = SECOND) -> Course:
    small.add("first", module("first", FIRST, "assert one() == 1"))
    small.add("second", module("second", code, test), needs=["first"])
    return small.load()


def of_second(course: Course, *changes: str) -> list[Mutant]:
    """The mutants that make these changes, each of the first line with that text."""
    second = course.modules[1]
    found = mutants(read(course.dev_file(second), course.dev_path(second)))
    return [next(m for m in found if m.change == change) for change in changes]


CHANGES = (
    "return x + y * one() → return x - y * one()",
    "if x < 10: → if x <= 10:",
    "n = n - 1 → n = n + 1",
    "if n < 0: → if n <= 0:",
)
pytestmark = pytest.mark.slow


def outcomes(course: Course, chosen: list[Mutant]) -> list[Tried]:
    return try_mutants(course, course.modules[1], chosen)


def test_a_strong_test_catches_what_a_weak_one_lets_live(
    small: SmallCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutation_proof, "_LEAST_SECONDS", 0.5)
    course = course_of(small, WEAK)
    chosen = of_second(course, *CHANGES)
    weak = outcomes(course, chosen)
    assert [each.how for each in weak] == ["survived", "survived", "timeout", "crash"]
    assert [each.caught for each in weak] == [False, False, True, True]
    assert "longer than" in weak[2].by
    assert "code -6" in weak[3].by
    file = course.dev_file(course.modules[1])
    file.write_text(file.read_text().replace(WEAK, STRONG))
    strong = outcomes(course, of_second(course, *CHANGES[:2]))
    assert [each.how for each in strong] == ["test", "test"]
    assert strong[0].by.startswith("test_second: AssertionError")


def test_the_same_change_in_the_file_has_the_same_outcome(small: SmallCourse) -> None:
    course = course_of(small, "assert (step(9, 2), down(2)) == (11, 0)")
    second = course.modules[1]
    file = course.dev_file(second)
    text = file.read_text()
    for tried in outcomes(course, of_second(course, *CHANGES[:2])):
        before, _, after = tried.mutant.change.partition(" → ")
        file.write_text(text.replace(before, after))
        assert run_module(course, second).passed is not tried.caught
    assert not (course.root / "tinytorch").exists()


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("assert step(1, 1) == 3", "test_second: AssertionError"),
        ("assert step(1, 1) == 2\n\nlimit = 1 / 0", "cell second-test: ZeroDivisionError"),
        ("down(0), os._exit(3)", "the process ended with code 3"),
    ],
)
def test_a_solution_that_fails_its_own_tests_is_refused(
    small: SmallCourse, test: str, said: str
) -> None:
    course = course_of(small, test)
    with pytest.raises(TitoError, match=f"the solution of 02_second fails its own tests: {said}") as refused:  # fmt: skip
        outcomes(course, of_second(course, CHANGES[0]))
    assert refused.value.where == "modules/source/02_second/second_dev.py"
    assert refused.value.hint == "tito module test 02"


def test_a_module_that_cannot_even_be_imported_is_refused(small: SmallCourse) -> None:
    course = course_of(small, WEAK, SECOND + "\nvalue = 1 / 0\n")
    with pytest.raises(TitoError, match="ZeroDivisionError"):
        outcomes(course, of_second(course, CHANGES[0]))


def test_a_run_that_takes_too_long_says_so(
    small: SmallCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutation_proof, "_LIMITS", Limits(seconds=0.1))
    course = course_of(small, WEAK)
    with pytest.raises(TitoError, match="the mutants of 01_first could not be tried: it ran long"):
        prove(course, course.modules, equivalents=NONE)


LISTED = tuple(
    Equivalent(f"second:{name}", change, reason)
    for name, change, reason in (
        ("comparison:1", CHANGES[1], "No x is 10."),
        ("comparison:1", CHANGES[1], "No x is 10."),
        ("arithmetic:1", CHANGES[0], "It is a test's duty."),
        ("arithmetic:2", "x * y → x / y", "Another line."),
        ("statement:2", "return x → pass", " "),
        ("comparison:9", "x → y", "It was."),
    )
)
FAULTS = (
    "second:comparison:1 stands twice",
    "second:arithmetic:1 is not equivalent, a test notices it: test_second",
    "second:arithmetic:2 is another mutant now: return x + y * one() → return x + y / one()",
    "second:statement:2 has no reason",
    "there is no mutant second:comparison:9",
    "6 of 10 mutants are declared equivalent",
)


def test_equivalent_mutants_are_counted_apart_and_their_list_is_checked(
    small: SmallCourse,
) -> None:
    course = course_of(small, "assert step(9, 2) == 11", SECOND.split("\n\n\ndef down")[0] + "\n")
    said: list[str] = []
    equivalents = Equivalents("list.yml", LISTED)
    proof = prove(course, course.modules, equivalents=equivalents, progress=said.append)
    assert said == ["3 of 10 mutants", "10 of 10 mutants"]
    counts = [(each.what, each.mutants) for each in proof.modules]
    assert counts == [("01_first", 3), ("02_second", 7)]
    assert (proof.total.caught, proof.total.equivalent, proof.total.late) == (6, 1, 0)
    assert proof.total.share == 6 / 10
    survivors = [each.mutant.change for each in proof.survivors]
    assert len(survivors) == proof.total.survived == 3
    assert CHANGES[1] not in survivors
    assert {finding.path for finding in proof.findings} == {"list.yml"}
    messages = sorted(finding.message for finding in proof.findings)
    for message, start in zip(messages, sorted(FAULTS), strict=True):
        assert message.startswith(start)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- mutant: [", "while parsing"),
        ("- mutant: a\n  reason: b\n", "missing required field `change`"),
        ("a: b\n", "Expected `array`"),
    ],
)
def test_what_is_no_list_of_mutants_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "list.yml"
    file.write_text(text)
    with pytest.raises(TitoError, match=f"this is no list of mutants: .*{said}") as refused:
        read_equivalents(file, "list.yml")
    assert refused.value.where == "list.yml"
    file.write_text("# none\n")
    assert read_equivalents(file, "list.yml") == NONE


def test_a_system_that_cannot_fork_is_told_so(
    small: SmallCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "fork")
    course = course_of(small, WEAK)
    with pytest.raises(TitoError, match="can fork"):
        prove(course, course.modules, equivalents=NONE)
