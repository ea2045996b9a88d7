"""The files for Classroom 50 are as its published formats want them, and keep what others wrote."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import pytest

from bot.classroom.names import Member, Target, repository_name
from bot.classroom.providers import classroom50_files as made
from bot.classroom.providers.classroom50 import course_files, mark
from tests.conftest import SmallCourse
from tests.unit.bot import classroom50_format as wanted
from tito.course import Course, load
from tito.errors import TitoError

Kind = TypeVar("Kind")
SECTIONS = """
classroom:
  provider: classroom50
  organisation: acme
  term: autumn-2026
  prefix: Tiny_Torch
assignments:
  - {slug: first, title: One, modules: [alpha], points: 1, due: 2026-10-25T23:59:00+02:00}
  - {slug: second, title: Two, modules: [beta], points: 1, due: 2026-11-30T23:59:00-05:30}
"""
ADA = Target("ada", "x", (Member("ada", 1001, True),))
RED = Target("red", "x", tuple(Member(f"student-{i}", i, True) for i in range(1, 4)))
PATH = "autumn-2026/assignments.json"


@pytest.fixture
def course(small: SmallCourse) -> Course:
    return course_with(small, SECTIONS)


def course_with(small: SmallCourse, sections: str) -> Course:
    if not small.names:
        small.add("alpha", "#| default_exp core.alpha\n")
        small.add("beta", "#| default_exp core.beta\n")
    root = small.load().root
    with (root / "classroom.yml").open("a", encoding="utf-8") as file:
        file.write(sections)
    return load(root)


def read(data: bytes, kind: type[Kind]) -> Kind:
    return msgspec.json.decode(data, type=kind, strict=True)


def written(course: Course, before: bytes | None = None, *targets: Target) -> bytes:
    return made.assignments(course, targets or (ADA,), before, PATH)


# What is written


def test_every_file_is_as_its_format_wants_it(course: Course) -> None:
    files = course_files(course, [ADA], b"print()\n", {})
    assert sorted(files) == [
        "autumn-2026/assignments.json",
        "autumn-2026/autograders/tiny-torch/autograder.py",
        "autumn-2026/classroom.json",
        "autumn-2026/roster.csv",
        "autumn-2026/scores.json",
    ]
    (found,) = read(files[PATH], wanted.Assignments).assignments
    assert msgspec.to_builtins(found) == {
        "slug": "tiny-torch",
        "name": "Small, autumn-2026",
        "mode": "individual",
        "autograder": "default",
        "template": {"owner": "acme", "repo": "tinytorch-template", "branch": "main"},
        "runtime": {"python": "3.10"},
        "due": "2026-12-01T05:29:00Z",
        "due_meta": {
            "input": "2026-11-30T23:59:00-05:30", "offset": "-05:30", "source": "explicit-offset",
        },
        "feedback_pr": True,
        "submission_tags": ["submit/first", "submit/second"],
    }  # fmt: skip
    room = read(files["autumn-2026/classroom.json"], wanted.Classroom)
    assert (room.short_name, room.org, room.term) == ("autumn-2026", "acme", "autumn-2026")
    assert read(files["autumn-2026/scores.json"], wanted.Scores).assignments == {}
    assert read(mark(course), wanted.Mark).assignment == "tiny-torch"
    assert repository_name(course, "Ada-L") == "autumn-2026-tiny-torch-ada-l"


def test_groups_and_tags_are_told(small: SmallCourse) -> None:
    sections = SECTIONS.replace("points: 1,", "points: 1, run_on: tag, mode: group,")
    course = course_with(small, sections.replace("term: autumn-2026", "term: t1"))
    (found,) = read(written(course, None, RED), wanted.Assignments).assignments
    assert (found.mode, found.max_group_size, found.submission_mode) == ("group", 3, "tag")
    (found,) = read(written(course, None, ADA), wanted.Assignments).assignments
    assert found.max_group_size == 2
    huge = Target("all", "x", tuple(Member(f"s{i}", i, True) for i in range(101)))
    with pytest.raises(TitoError, match="a group of 101"):
        written(course, None, huge)


def test_a_course_without_assignments_or_dates_has_neither_tags_nor_due(small: SmallCourse) -> None:
    course = course_with(small, SECTIONS.split("assignments:")[0])
    (found,) = read(written(course), wanted.Assignments).assignments
    assert (found.due, found.submission_tags, found.submission_mode) == (msgspec.UNSET,) * 3


# What stays


def test_what_others_have_written_stays_and_nothing_new_changes_no_byte(course: Course) -> None:
    other = {"slug": "hello", "name": "Hello", "mode": "individual", "autograder": "own", "x": [1]}
    before = json.loads(written(course))
    (ours,) = before["assignments"]
    other["template"] = ours["template"]
    ours |= {
        "due": "2020-01-01T00:00:00Z", "feedback_pr": False, "runtime": {"python": "3.14"},
        "autograder": "mine", "from-the-future": {"a": 1}, "pass_threshold": 60,
        "max_group_size": 7, "submission_mode": "tag",
    }  # fmt: skip
    before["assignments"] = [other, ours]
    data = written(course, json.dumps(before).encode())
    content = json.loads(data)
    assert content["assignments"][0] == other
    found = content["assignments"][1]
    assert found["from-the-future"] == {"a": 1}
    kept = ("feedback_pr", "autograder", "pass_threshold", "runtime")
    assert [found[key] for key in kept] == [False, "mine", 60, {"python": "3.14"}]
    assert found["due"] == "2026-12-01T05:29:00Z"
    assert "max_group_size" not in found
    assert "submission_mode" not in found
    read(data, wanted.Assignments)
    compact = json.dumps(content).encode()
    assert written(course, compact) == compact
    added = json.loads(written(course, json.dumps({**before, "assignments": [other]}).encode()))
    assert [each["slug"] for each in added["assignments"]] == ["hello", "tiny-torch"]


def test_a_classroom_that_is_there_is_left_alone(course: Course) -> None:
    there = {"autumn-2026/classroom.json": b'{"schema": "classroom50/classroom/v1", "team": 1}'}
    files = course_files(course, [], b"", there)
    assert "autumn-2026/classroom.json" not in files
    assert "autumn-2026/scores.json" not in files
    unlisted = {
        "autumn-2026/classroom.json": b'{"schema": "classroom50/classroom/v1", "secret": "abcd"}'
    }
    with pytest.raises(TitoError, match="unlisted"):
        course_files(course, [], b"", unlisted)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"{", b"[" * 100_000, b'{"schema": "classroom50/assignments/v2"}', b"\xff",
        b'{"schema": "classroom50/assignments/v1", "assignments": null}',
        b'{"schema": "classroom50/assignments/v1", "assignments": [1]}',
    ],
)  # fmt: skip
def test_assignments_that_cannot_be_read_are_not_overwritten(course: Course, data: bytes) -> None:
    with pytest.raises(TitoError) as caught:
        written(course, data)
    assert caught.value.where == PATH


@pytest.mark.parametrize("field", ["tests", "empty_repo"])
def test_what_an_autograder_cannot_stand_beside_is_said(course: Course, field: str) -> None:
    before = json.loads(written(course))
    before["assignments"][0][field] = [{"name": "x"}] if field == "tests" else True
    with pytest.raises(TitoError, match=f"`{field}`"):
        written(course, json.dumps(before).encode())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("term: autumn-2026", f"term: {'a' * 40}", "change `term`"),
        ("prefix: Tiny_Torch", "prefix: x", "change `prefix`"),
        ("prefix: Tiny_Torch", f"prefix: {'x' * 40}", "change `prefix`"),
    ],
)
def test_a_name_that_classroom_50_cannot_use_is_said(
    small: SmallCourse, old: str, new: str, said: str
) -> None:
    with pytest.raises(TitoError) as caught:
        repository_name(course_with(small, SECTIONS.replace(old, new)), "ada")
    assert said in caught.value.hint


def test_more_tags_than_classroom_50_takes_are_said(course: Course) -> None:
    assignment = course.assignments[0]
    many = tuple(msgspec.structs.replace(assignment, slug=f"a{i:02}") for i in range(21))
    with pytest.raises(TitoError, match="21 assignments"):
        written(msgspec.structs.replace(course, assignments=many))


# The description of the format can fail


def bent(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], None]:
    return lambda content: change(content["assignments"][0])


FAULTS: list[Callable[[dict[str, Any]], Any]] = [
    lambda c: c.update(schema="classroom50/assignments/v2"),
    lambda c: c.pop("schema"),
    lambda c: c.update(more=1),
    lambda c: c["assignments"].append(c["assignments"][0]),
    *(bent(lambda a, key=key: a.pop(key)) for key in ("slug", "name", "mode", "autograder")),  # type: ignore[misc]
    bent(lambda a: a.update(slug="-x")),
    bent(lambda a: a.update(slug="x")),
    bent(lambda a: a.update(slug="x" * 40)),
    bent(lambda a: a.update(slug="X1")),
    bent(lambda a: a.update(slug="x1\n")),
    bent(lambda a: a.update(name="")),
    bent(lambda a: a.update(mode="team")),
    bent(lambda a: a.update(autograder="Default")),
    bent(lambda a: a["template"].update(owner="")),
    bent(lambda a: a["template"].pop("repo")),
    bent(lambda a: a["template"].update(path="x")),
    bent(lambda a: a["runtime"].update(python="")),
    bent(lambda a: a["runtime"].update(pip="x")),
    bent(lambda a: a.update(due="2026-11-30")),
    bent(lambda a: a.update(due="2026-11-30T24:00:00Z")),
    bent(lambda a: a["due_meta"].pop("input")),
    bent(lambda a: a["due_meta"].update(offset="+0100")),
    bent(lambda a: a["due_meta"].update(source="guessed")),
    bent(lambda a: a["due_meta"].update(by="ada")),
    bent(lambda a: a.update(max_group_size=3)),
    bent(lambda a: a.update(mode="group")),
    bent(lambda a: a.update(mode="group", max_group_size=1)),
    bent(lambda a: a.update(mode="group", max_group_size=101)),
    bent(lambda a: a.update(feedback_pr="yes")),
    bent(lambda a: a.update(empty_repo=True)),
    bent(lambda a: a.update(submission_mode="never")),
    bent(lambda a: a.update(submission_tags=["a", "a"])),
    bent(lambda a: a.update(submission_tags=["a b"])),
    bent(lambda a: a.update(submission_tags=["!a"])),
    bent(lambda a: a.update(submission_tags=[""])),
    bent(lambda a: a.update(submission_tags=["+a"])),
    bent(lambda a: a.update(submission_tags=["v*+"])),
    bent(lambda a: a.update(submission_tags=[f"t{i}" for i in range(21)])),
]


@pytest.mark.parametrize("fault", range(len(FAULTS)))
def test_a_planted_fault_in_assignments_is_found(course: Course, fault: int) -> None:
    content = json.loads(written(course))
    FAULTS[fault](content)
    with pytest.raises(msgspec.ValidationError):
        read(json.dumps(content).encode(), wanted.Assignments)


@pytest.mark.parametrize("key", ["schema", "name", "short_name", "term", "org"])
def test_a_classroom_without_a_field_is_found(course: Course, key: str) -> None:
    content = json.loads(made.classroom(course))
    del content[key]
    with pytest.raises(msgspec.ValidationError):
        read(json.dumps(content).encode(), wanted.Classroom)


# The roster

HEAD = ",".join(made.ROSTER)


def roster(before: str | None, *members: Member) -> list[dict[str, str]]:
    data = made.roster(members, None if before is None else before.encode(), "roster.csv")
    again = made.roster(members, data, "roster.csv")
    assert again == data
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_the_roster_holds_logins_and_numbers_alone() -> None:
    (row,) = roster(None, Member("ada", 1001, True), Member("gone", 7, False))
    assert {key: value for key, value in row.items() if value} == {
        "username": "ada", "github_id": "1001",
    }  # fmt: skip


def test_rows_and_cells_of_others_stay() -> None:
    before = (
        f"{HEAD}\nold-name,Ada,Lovelace,a@b,1,1001,student\nTeacher,T,,,,9,teacher\n"
        "BOB,,,,,,\nbob,,,,,1002,\ngone,,,,,7,student\n\n"
    )
    members = [Member("ada", 1001, True), Member("bob", 1002, True), Member("gone", 7, False)]
    rows = [tuple(row.values()) for row in roster(before, *members)]
    assert rows == [
        ("ada", "Ada", "Lovelace", "a@b", "1", "1001", "student"),
        ("Teacher", "T", "", "", "", "9", "teacher"),
        ("bob", "", "", "", "", "1002", ""),
    ]


@pytest.mark.parametrize(
    "data",
    [b"", b"username\n", b"\xff", HEAD.encode() + b"\nx\n", HEAD.encode() + b"\nx,,,,,one,\n", HEAD.encode() + b'\n"x\n'],
)  # fmt: skip
def test_a_roster_with_other_columns_is_not_touched(data: bytes) -> None:
    with pytest.raises(TitoError) as caught:
        made.roster([], data, "autumn-2026/roster.csv")
    assert caught.value.where == "autumn-2026/roster.csv"
