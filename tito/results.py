"""What a submission earned: one record, from which every format of a result is made.

Points are exact fractions until a format wants something else. A whole number is the exact total
rounded once, a half upwards; what the tests show is shared out so that it adds up to that number:
each test keeps its whole points, and the largest remainders get what is left.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from typing import Literal

from tito.errors import TitoError

Kind = Literal["individual", "group"]

COLUMNS = ("login", "assignment", "points", "of", "submitted", "commit", "submission")
"""Of the table for a learning-management system."""
_DANGEROUS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are the wide forms, which some programs take for the narrow ones."""
_SHA = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Source:
    """Where a result comes from, as it is known without asking the result."""

    classroom: str
    assignment: str
    kind: Kind
    owner: str
    """A login, or the name of a group."""
    commit: str
    """All 40 digits."""


@dataclass(frozen=True)
class TestPoints:
    """One test. What it is worth is a whole number, as nbgrader has it."""

    __test__ = False

    name: str
    earned: Fraction
    points: int
    message: str = ""
    code: str = ""
    file: str = ""
    line: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if not self.name.strip() or not 0 <= self.earned <= self.points:
            said = f"{self.name!r} earns {self.earned} of {self.points} points"
            raise TitoError(said, hint="a test has a name, and earns from 0 to what it is worth")

    @property
    def passed(self) -> bool:
        """True if nothing is missing."""
        return self.earned == self.points


@dataclass(frozen=True)
class Links:
    """Where a commit, what was published of it and its difference to the starter can be seen."""

    commit: str
    release: str
    review: str


@dataclass(frozen=True)
class SubmissionResult:
    """What one commit of one student or group earned in one assignment."""

    source: Source
    submitted: datetime
    """When it was pushed, by the clock of the server. A regrade does not change it."""
    graded: datetime
    tests: tuple[TestPoints, ...]
    links: Links
    submission: str = ""
    """The tag it was handed in with; empty if it was none, then `tag` makes one."""
    counted: Fraction | None = None
    """The points that count where they are not those of the tests: lateness, an override."""

    def __post_init__(self) -> None:
        if not _SHA.fullmatch(self.source.commit):
            raise TitoError(f"{self.source.commit!r} is no whole hash of a commit")
        if self.submitted.tzinfo is None or self.graded.tzinfo is None:
            raise TitoError("a result holds a time without a zone")
        if self.counted is not None and self.counted < 0:
            raise TitoError(f"{self.counted} points are less than nothing")
        names = [test.name for test in self.tests]
        if len(set(names)) < len(names):
            raise TitoError("two tests of a result have the same name")

    @property
    def earned(self) -> Fraction:
        """The points that count."""
        return (
            sum((t.earned for t in self.tests), Fraction())
            if self.counted is None
            else self.counted
        )

    @property
    def points(self) -> int:
        """What all tests together are worth."""
        return sum(test.points for test in self.tests)

    @property
    def tag(self) -> str:
        """`submit/2027-03-01T22-59-00Z-a1b2c3d`, or the tag it was handed in with."""
        moment = self.submitted.astimezone(timezone.utc).strftime("%Y-%m-%dT%H-%M-%SZ")
        return self.submission or f"submit/{moment}-{self.source.commit[:7]}"


def rounded(points: Fraction) -> int:
    """The nearest whole number; a half goes up."""
    return math.floor(points + Fraction(1, 2))


def shared_out(tests: Sequence[TestPoints]) -> tuple[int, ...]:
    """Whole points per test that add up to the rounded total, and are never above its own."""
    whole = [math.floor(test.earned) for test in tests]
    left = rounded(sum((test.earned for test in tests), Fraction())) - sum(whole)
    by_remainder = sorted(range(len(tests)), key=lambda i: (whole[i] - tests[i].earned, i))
    for index in by_remainder[:left]:
        whole[index] += 1
    return tuple(whole)


def together(assignment: str, results: Sequence[SubmissionResult]) -> SubmissionResult:
    """Several assignments of one owner as one, called `assignment`: its newest commit, all points.

    Raises TitoError if they are of several owners, or one assignment stands there twice.
    """
    whose = {(r.source.classroom, r.source.owner.lower(), r.source.kind) for r in results}
    slugs = [result.source.assignment for result in results]
    if len(whose) != 1 or len(set(slugs)) < len(slugs):
        raise TitoError("these results are not one of each assignment of one student or group")
    newest = max(results, key=lambda result: result.submitted)
    tests = tuple(
        replace(test, name=f"{result.source.assignment}: {test.name}")
        for result in results
        for test in result.tests
    )
    same = all(result.counted is None for result in results)
    return replace(
        newest,
        source=replace(newest.source, assignment=assignment),
        graded=max(result.graded for result in results),
        tests=tests,
        counted=None if same else sum((result.earned for result in results), Fraction()),
    )


def table(results: Iterable[SubmissionResult]) -> str:
    """Comma-separated values for a learning-management system, with points of two decimals.

    Lines end with CR LF, as in RFC 4180: write them as they are.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for result in results:
        source = result.source
        cells = (
            source.owner, source.assignment, decimal(result.earned), str(result.points),
            utc(result.submitted), source.commit, result.tag,
        )  # fmt: skip
        writer.writerow([escaped(cell) for cell in cells])
    return file.getvalue()


def decimal(points: Fraction) -> str:
    """Two decimals, rounded once, a half upwards; none for a whole number."""
    cents = rounded(points * 100)
    return str(cents // 100) if cents % 100 == 0 else f"{cents // 100}.{cents % 100:02}"


def escaped(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, whoever wrote it."""
    if cell[:1] in ("\t", "\r", "\n") or cell.lstrip().startswith(_DANGEROUS):
        return f"'{cell}"
    return cell


def utc(moment: datetime) -> str:
    """`2027-03-01T22:59:00Z`: to the second, which is never rounded up past a deadline."""
    plain = moment.astimezone(timezone.utc)
    return (plain - timedelta(microseconds=plain.microsecond)).strftime("%Y-%m-%dT%H:%M:%SZ")
