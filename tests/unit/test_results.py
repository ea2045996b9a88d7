"""Points stay exact, are rounded once, and leave in the formats others read."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.results_of_ada import COMMIT, PUSHED, SOURCE, points, result
from tito.errors import TitoError
from tito.result_formats import decode_legacy, decode_v1, encode_legacy, encode_v1, result_v1
from tito.results import TestPoints, decimal, escaped, rounded, shared_out, table, together


@st.composite
def some_tests(draw: Any) -> list[TestPoints]:
    rows = []
    for index in range(draw(st.integers(0, 8))):
        whole = draw(st.integers(0, 30))
        part = draw(st.fractions(0, 1, max_denominator=20))
        rows.append(TestPoints(f"test {index}", part * whole, whole))
    return rows


@settings(max_examples=40, deadline=None)
@given(some_tests())
def test_whole_points_add_up_to_the_total_rounded_once(rows: list[TestPoints]) -> None:
    exact = sum((row.earned for row in rows), Fraction())
    shared = shared_out(rows)
    assert sum(shared) == rounded(exact)
    assert abs(rounded(exact) - exact) <= Fraction(1, 2)
    for row, whole in zip(rows, shared, strict=True):
        assert 0 <= whole <= row.points
        assert abs(whole - row.earned) < 1
        assert whole == row.earned or row.earned.denominator > 1


@settings(max_examples=40, deadline=None)
@given(some_tests())
def test_both_formats_come_back_as_they_went(rows: list[TestPoints]) -> None:
    made = result(*rows) if rows else result()
    found = decode_v1(encode_v1(made), SOURCE)
    assert [test.earned for test in found.tests] == list(shared_out(made.tests))
    assert (found.earned, found.points, found.tag) == (rounded(made.earned), made.points, made.tag)
    worth = {test.name: test.points for test in made.tests}
    back = decode_legacy(encode_legacy(made.tests), worth)
    assert [test.earned for test in back] == list(shared_out(made.tests))


def test_a_half_goes_up_once_and_not_per_test() -> None:
    made = result(points("one", "1/2", 1), points("two", "1/2", 1), points("three", "1/2", 1))
    content = result_v1(made)
    assert content["score"] == 2
    assert [row["score"] for row in content["tests"]] == [1, 1, 0]
    assert not any(row["passed"] for row in content["tests"])


def test_the_keys_are_those_of_the_format_and_no_others() -> None:
    content = result_v1(result())
    assert list(content) == [
        "schema", "classroom", "assignment", "assignment_type", "owner", "submission", "commit",
        "release", "review", "datetime", "score", "max-score", "tests", "graded_at",
    ]  # fmt: skip
    assert set(content["tests"][0]) == {"test-name", "passed", "score", "max-score"}
    assert content["submission"] == f"submit/2026-11-01T22-59-58Z-{COMMIT[:7]}"
    assert content["datetime"] == "2026-11-01T22:59:58Z", "a second is never made late"
    assert (content["score"], content["max-score"]) == (4, 5)


def test_times_are_told_in_utc() -> None:
    zone = timezone(timedelta(hours=-5, minutes=-30))
    made = replace(result(), submitted=datetime(2026, 11, 1, 23, 59, tzinfo=zone))
    assert result_v1(made)["datetime"] == "2026-11-02T05:29:00Z"


def test_what_counts_may_be_other_than_what_the_tests_show() -> None:
    late = replace(result(), counted=Fraction(7, 4))
    assert result_v1(late)["score"] == 2
    assert decode_v1(encode_v1(late), SOURCE).counted == 2
    above = replace(result(), counted=Fraction(6))
    with pytest.raises(TitoError, match="6 points of 5"):
        encode_v1(above)
    assert ",6,5," in table([above]), "a table has no such limit"


def test_a_tag_that_was_pushed_keeps_its_name() -> None:
    assert replace(result(), submission="submit/first").tag == "submit/first"


def test_assignments_are_added_up() -> None:
    second = replace(
        result(points("one", "1/2", 1), source=replace(SOURCE, assignment="second", owner="Ada")),
        submitted=PUSHED + timedelta(days=1),
    )
    whole = together("work", [result(), second])
    assert (whole.earned, whole.points, whole.source.assignment) == (4, 6, "work")
    assert [test.name for test in whole.tests] == ["first: one", "first: two", "second: one"]
    assert whole.submitted == second.submitted
    late = together("work", [replace(result(), counted=Fraction(1)), second])
    assert late.earned == Fraction(3, 2)
    for wrong in ([result(), result()], [], [result(), replace(second, source=replace(SOURCE, owner="bob", assignment="x"))]):  # fmt: skip
        with pytest.raises(TitoError, match="one of each assignment"):
            together("work", wrong)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: points("x", "3", 2), "earns 3 of 2"),
        (lambda: points("x", "-1", 2), "earns -1 of 2"),
        (lambda: points(" ", "1", 2), "has a name"),
        (lambda: result(source=replace(SOURCE, commit="a1b2c3d")), "whole hash"),
        (lambda: replace(result(), submitted=datetime(2026, 1, 1)), "without a zone"),
        (lambda: replace(result(), counted=Fraction(-1)), "less than nothing"),
        (lambda: result(points("x", "1", 2), points("x", "1", 2)), "same name"),
    ],
)
def test_a_result_that_cannot_be_is_refused(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(TitoError) as caught:
        make()
    assert said in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    ("points", "text"),
    [("3", "3"), ("1/3", "0.33"), ("1/200", "0.01"), ("199/200", "1"), ("7/4", "1.75"), ("0", "0")],
)
def test_two_decimals_are_rounded_once(points: str, text: str) -> None:
    assert decimal(Fraction(points)) == text


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\N{FULLWIDTH EQUALS SIGN}1"],
)
def test_no_cell_is_a_formula(cell: str) -> None:
    assert escaped(cell) == f"'{cell}"
    row = next(
        csv.DictReader(io.StringIO(table([result(source=replace(SOURCE, owner=cell))]), newline=""))
    )
    assert row["login"] == f"'{cell}"


def test_plain_cells_stay_as_they_are() -> None:
    assert [escaped(cell) for cell in ("ada", "3.5", "", "a=b", "x-1")] == [
        "ada", "3.5", "", "a=b", "x-1",
    ]  # fmt: skip
    text = table([result()])
    assert text.split("\r\n")[1] == (
        f"ada,first,3.50,5,2026-11-01T22:59:58Z,{COMMIT},submit/2026-11-01T22-59-58Z-a1b2c3d"
    )
