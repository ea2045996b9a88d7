"""A result as Classroom 50 and as the retired GitHub Classroom write it, and read back strictly.

What is read may have been written by the student it is about. It counts only for the repository it
came from, and the caller says which one that is.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from tito.errors import TitoError
from tito.results import (
    Kind,
    Links,
    Source,
    SubmissionResult,
    TestPoints,
    rounded,
    shared_out,
    utc,
)

SCHEMA: Literal["classroom50/result/v1"] = "classroom50/result/v1"
LARGEST = 1024 * 1024
MOST_TESTS = 1000

_MOMENT = r"^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$"
Moment = Annotated[str, msgspec.Meta(pattern=_MOMENT)]
Points = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Name = Annotated[
    str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")
]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
Long = Annotated[str, msgspec.Meta(max_length=10_000)] | None
Decoded = TypeVar("Decoded")


class TestV1(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True,
    rename={"name": "test-name", "points": "max-score"},
):  # fmt: skip
    """One row of `tests`."""

    __test__ = False

    name: Name
    passed: bool
    score: Points
    points: Points


class Pusher(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who pushed. Classroom 50's runner adds it; nothing is read from it."""

    username: Text
    id: int | None = None


class ResultV1(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True,
    rename={"points": "max-score"},
):  # fmt: skip
    """`result.json`, with the keys that classroom50/result/v1 has and no others."""

    schema: Literal["classroom50/result/v1"]
    classroom: Text
    assignment: Text
    assignment_type: Kind
    owner: Text
    submission: Annotated[str, msgspec.Meta(pattern=r"^submit/[A-Za-z0-9._/-]+$", max_length=200)]
    commit: Text
    release: Text
    review: Text
    datetime: Moment
    score: Points
    points: Points
    tests: Annotated[tuple[TestV1, ...], msgspec.Meta(max_length=MOST_TESTS)]
    graded_at: Moment | None = None
    submitted_by: Pusher | None = None


class LegacyTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of a legacy result."""

    __test__ = False

    name: Name
    status: Literal["pass", "fail", "error"]
    score: Points
    message: Long = None
    test_code: Long = None
    filename: Annotated[str, msgspec.Meta(max_length=300)] | None = None
    line_no: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    duration: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0


class LegacyResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the output `result` of an autograding step holds in base64."""

    version: Literal[1]
    status: Literal["pass", "fail", "error"]
    max_score: Points
    tests: Annotated[tuple[LegacyTest, ...], msgspec.Meta(max_length=MOST_TESTS)]


def result_v1(result: SubmissionResult) -> dict[str, Any]:
    """The content of `result.json`. Raises TitoError if more points count than there are."""
    score = rounded(result.earned)
    if score > result.points:
        message = f"{result.source.owner} has {score} points of {result.points}"
        raise TitoError(message, hint="Classroom 50 takes no more points than an assignment has")
    source, links = result.source, result.links
    rows = zip(result.tests, shared_out(result.tests), strict=True)
    made = ResultV1(
        SCHEMA, source.classroom, source.assignment, source.kind, source.owner, result.tag,
        links.commit, links.release, links.review, utc(result.submitted), score, result.points,
        tuple(TestV1(test.name, test.passed, whole, test.points) for test, whole in rows),
        utc(result.graded),
    )  # fmt: skip
    content: dict[str, Any] = msgspec.to_builtins(made)
    return content


def encode_v1(result: SubmissionResult) -> bytes:
    """`result.json`."""
    return (json.dumps(result_v1(result), indent=2, ensure_ascii=False) + "\n").encode()


def decode_v1(data: bytes, source: Source) -> SubmissionResult:
    """From bytes that came from that repository and commit.

    Raises TitoError if they are too many, of another format or repository, or add up wrongly.
    """
    found = _decoded(data, ResultV1)
    said = (found.classroom, found.assignment, found.assignment_type, found.owner.lower())
    if said != (source.classroom, source.assignment, source.kind, source.owner.lower()):
        words = f"{found.owner}'s {found.classroom}/{found.assignment} ({found.assignment_type})"
        raise TitoError(f"this result is {_shown(words)}, and not of the repository it came from")
    if not found.commit.endswith(f"/commit/{source.commit}"):
        raise TitoError("this result is of another commit than the one that was submitted")
    _consistent(found)
    moments = [
        datetime.fromisoformat(text.replace("Z", "+00:00"))
        for text in (_real(found.datetime), _real(found.graded_at or found.datetime))
    ]
    total = sum(test.score for test in found.tests)
    return SubmissionResult(
        source, moments[0], moments[1],
        tuple(TestPoints(t.name, Fraction(t.score), t.points) for t in found.tests),
        Links(found.commit, found.release, found.review),
        found.submission,
        None if total == found.score else Fraction(found.score),
    )  # fmt: skip


def legacy(tests: Sequence[TestPoints]) -> LegacyResult:
    """The result of an autograding step."""
    passed = all(test.passed for test in tests) and bool(tests)
    rows = tuple(
        LegacyTest(
            test.name, "pass" if test.passed else "fail", whole, test.message or None,
            test.code or None, test.file or None, test.line, test.seconds,
        )
        for test, whole in zip(tests, shared_out(tests), strict=True)
    )  # fmt: skip
    points = sum(test.points for test in tests)
    return LegacyResult(1, "pass" if passed else "fail", points, rows)


def encode_legacy(tests: Sequence[TestPoints]) -> str:
    """One line of base64."""
    return base64.b64encode(msgspec.json.encode(legacy(tests))).decode("ascii")


def decode_legacy(text: str, worth: dict[str, int]) -> tuple[TestPoints, ...]:
    """From a line that anybody may have written. `worth`: the tests that the repository lists.

    The format does not say whose result it is: so it is held against the tests of the repository it
    came from. Raises TitoError if it is no such result, or not of exactly these tests.
    """
    if len(text) > 2 * LARGEST:
        raise TitoError("the result is too large")
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise TitoError("this result is no base64") from None
    found = _decoded(data, LegacyResult)
    names = [test.name for test in found.tests]
    if sorted(names) != sorted(worth) or found.max_score != sum(worth.values()):
        raise TitoError("this result is not of the tests that the repository lists")
    for test in found.tests:
        whole = worth[test.name]
        if test.score > whole or (test.status == "pass" and test.score < whole):
            raise TitoError(f"{_shown(test.name)} contradicts itself")
    good = bool(found.tests) and all(test.status == "pass" for test in found.tests)
    if (found.status == "pass") != good:
        raise TitoError("the result contradicts its tests")
    return tuple(
        TestPoints(
            test.name, Fraction(test.score), worth[test.name], test.message or "",
            test.test_code or "", test.filename or "", test.line_no, test.duration,
        )
        for test in found.tests
    )  # fmt: skip


def _decoded(data: bytes, kind: type[Decoded]) -> Decoded:
    if len(data) > LARGEST:
        raise TitoError("the result is too large")
    try:
        return msgspec.json.decode(data, type=kind, strict=True)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TitoError(f"this is no result: {_shown(str(error))}") from None


def _consistent(found: ResultV1) -> None:
    names = [test.name for test in found.tests]
    if len(set(names)) < len(names):
        raise TitoError("a test stands in this result twice")
    if found.score > found.points or found.points != sum(test.points for test in found.tests):
        raise TitoError("the points of this result do not add up")
    for test in found.tests:
        if test.score > test.points or (test.passed and test.score < test.points):
            raise TitoError(f"{_shown(test.name)} contradicts itself")


def _real(text: str) -> str:
    """A moment that the calendar has: the pattern takes the 99th of any month."""
    try:
        datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise TitoError(f"{text} is no moment") from None
    return text


def _shown(text: str) -> str:
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)[
        :200
    ]
