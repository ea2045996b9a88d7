"""Our grades stand in Classroom 50's scores as its published format wants them, above all else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from bot.classroom.providers.classroom50_scores import EMPTY, with_overrides
from tests.conftest import SmallCourse
from tests.unit.bot import classroom50_format as wanted
from tests.unit.bot.test_classroom50_files import SECTIONS, course_with, read
from tests.unit.results_of_ada import SOURCE, points, result
from tito.course import Course
from tito.errors import TitoError


@pytest.fixture
def course(small: SmallCourse) -> Course:
    return course_with(small, SECTIONS)


BUCKET = b'{"schema":"classroom50/scores/v1","assignments":{"x":%s}}'


def graded(course: Course, before: bytes, *results: Any, members: Any = None) -> wanted.Bucket:
    data = with_overrides(course, results, members or {}, before, "scores.json")
    assert with_overrides(course, results, members or {}, data, "scores.json") == data
    return read(data, wanted.Scores).assignments["tiny-torch"]


def test_a_grade_is_an_override_with_all_assignments_in_it(course: Course) -> None:
    second = result(points("one", "5", 5), source=replace(SOURCE, assignment="second"))
    bucket = graded(course, EMPTY, result(), second)
    (entry,) = bucket.entries
    (record,) = entry.submissions
    assert (entry.owner, entry.override, entry.member_usernames) == ("ada", True, msgspec.UNSET)
    assert (record.score, record.points, record.classroom) == (9, 10, "autumn-2026")
    assert [test.name for test in record.tests] == ["first: one", "first: two", "second: one"]


def test_collected_submissions_and_other_entries_stay_below_the_grade(course: Course) -> None:
    data = with_overrides(course, [result()], {}, EMPTY, "scores.json")
    content = json.loads(data)
    bucket = content["assignments"]["tiny-torch"]
    collected = {**bucket["entries"][0]["submissions"][0], "submission": "submit/x", "late": True}
    bucket["entries"] = [
        {"owner": "Ada", "submissions": [collected], "note": "hers"},
        {"owner": "bob", "submissions": [collected], "override": False},
    ]
    content["assignments"]["hello"] = {"type": "group", "entries": []}
    after = json.loads(with_overrides(course, [result()], {}, json.dumps(content).encode(), "s"))
    ada, bob = after["assignments"]["tiny-torch"]["entries"]
    assert (ada["owner"], ada["note"], ada["override"]) == ("Ada", "hers", True)
    assert [each["submission"][:10] for each in ada["submissions"]] == ["submit/202", "submit/x"]
    assert ada["submissions"][1] == collected
    assert bob == bucket["entries"][1]
    assert after["assignments"]["hello"] == {"type": "group", "entries": []}


def test_a_group_is_credited_with_its_members(small: SmallCourse) -> None:
    course = course_with(small, SECTIONS.replace("points: 1,", "points: 1, mode: group,"))
    red = result(source=replace(SOURCE, owner="red", kind="group"))
    (entry,) = graded(course, EMPTY, red, members={"red": ["ada", "bob"]}).entries
    assert entry.member_usernames == ["ada", "bob"]
    (alone,) = graded(course, EMPTY, red).entries
    assert alone.member_usernames == ["red"]
    other = BUCKET.replace(b"x", b"tiny-torch") % b'{"type":"individual","entries":[]}'
    with pytest.raises(TitoError, match="is individual there"):
        with_overrides(course, [red], {}, other, "scores.json")


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"null", b"[" * 100_000, b'{"schema":"classroom50/scores/v2","assignments":{}}',
        b'{"schema":"classroom50/scores/v1"}', b'{"schema":"classroom50/scores/v1","assignments":[]}',
        BUCKET % b"1", BUCKET % b'{"type":"team","entries":[]}', BUCKET % b'{"type":"group"}',
        BUCKET % b'{"type":"group","entries":[{"owner":1,"submissions":[]}]}',
        BUCKET % b'{"type":"group","entries":[{"owner":"a","submissions":[1]}]}',
    ],
)  # fmt: skip
def test_scores_that_cannot_be_read_are_not_overwritten(course: Course, data: bytes) -> None:
    with pytest.raises(TitoError) as caught:
        with_overrides(course, [result()], {}, data, "scores.json")
    assert caught.value.where == "scores.json"


SCORE_FAULTS: list[Callable[[dict[str, Any]], Any]] = [
    lambda b: b.update(type="team"),
    lambda b: b.update(more=1),
    lambda b: b.update(collected_at="now"),
    lambda b: b["entries"].append(b["entries"][0]),
    lambda b: b["entries"][0].update(owner=""),
    lambda b: b["entries"][0].update(submissions=[]),
    lambda b: b["entries"][0].update(override="yes"),
    lambda b: b["entries"][0].update(member_usernames=["ada"]),
    lambda b: b["entries"][0]["submissions"][0].update(score=99),
    lambda b: b["entries"][0]["submissions"][0].update(score=1.5),
    lambda b: b["entries"][0]["submissions"][0].update(submission="v1"),
    lambda b: b["entries"][0]["submissions"][0].update(datetime="2026-11-01"),
    lambda b: b["entries"][0]["submissions"][0].update(assignment_type="group"),
    lambda b: b["entries"][0]["submissions"][0]["tests"][0].update(score=9),
    *(
        lambda b, key=key: b["entries"][0]["submissions"][0].pop(key)  # type: ignore[misc]
        for key in ("schema", "classroom", "owner", "commit", "release", "review", "max-score", "tests")
    ),
]  # fmt: skip


@pytest.mark.parametrize("fault", range(len(SCORE_FAULTS)))
def test_a_planted_fault_in_scores_is_found(course: Course, fault: int) -> None:
    content = json.loads(with_overrides(course, [result()], {}, EMPTY, "scores.json"))
    read(json.dumps(content).encode(), wanted.Scores)
    SCORE_FAULTS[fault](content["assignments"]["tiny-torch"])
    with pytest.raises(msgspec.ValidationError):
        read(json.dumps(content).encode(), wanted.Scores)
