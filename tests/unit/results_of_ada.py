"""A result to encode, to decode and to bend."""

from __future__ import annotations

from datetime import datetime, timezone
from fractions import Fraction

from tito.results import Links, Source, SubmissionResult, TestPoints

COMMIT = "a1b2c3d" + "0" * 33
SOURCE = Source("autumn-2026", "first", "individual", "ada", COMMIT)
PLACE = "https://github.example/acme/autumn-2026-work-ada"
LINKS = Links(f"{PLACE}/commit/{COMMIT}", f"{PLACE}/releases/tag/x", f"{PLACE}/compare/b...c")
PUSHED = datetime(2026, 11, 1, 22, 59, 58, 999_999, timezone.utc)
GRADED = datetime(2026, 11, 2, 8, 0, tzinfo=timezone.utc)


def points(name: str, earned: str, whole: int) -> TestPoints:
    return TestPoints(name, Fraction(earned), whole)


def result(*tests: TestPoints, source: Source = SOURCE) -> SubmissionResult:
    """Ada's, with two tests unless others are given."""
    rows = tests or (points("one", "3", 3), points("two", "1/2", 2))
    return SubmissionResult(source, PUSHED, GRADED, rows, LINKS)
