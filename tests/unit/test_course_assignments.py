"""The sections `classroom` and `assignments` of classroom.yml, and what is refused in them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.conftest import HEADER, ROOT
from tito.assignments import Classroom
from tito.course import load, load_cached
from tito.errors import RefusedError, UsageError

MODULES = """\
  - {number: "01", name: a, title: A, target: core.a, points: 3}
  - {number: "02", name: b, title: B, target: core.b, points: 4}
"""
GOOD = """
classroom:
  provider: legacy
  organisation: acme
  term: autumn-2026
  prefix: work
assignments:
  - slug: first
    title: The first
    modules: [a]
    points: 3
    opens: 2026-10-01T08:00:00+02:00
    due: 2026-10-25T23:59:00+02:00
    grace: 15m
    late: {per_day: 10, max_days: 3, floor: 20}
    late_days: 1
    count: best
    mode: group
    run_on: tag
    earlier: own
    solutions_after: 2026-11-01T00:00:00Z
    feedback: {hidden: message}
  - slug: second
    title: The second
    modules: [b]
    points: 4
"""


def course(root: Path, text: str) -> Path:
    (root / "classroom.yml").write_text(HEADER.format(points=7, modules=MODULES) + text)
    return root


def test_every_field_is_read_and_kept_in_the_copy(tmp_path: Path) -> None:
    found = load(course(tmp_path, GOOD))
    first, second = found.assignments
    assert (first.tag, first.grace_minutes) == ("submit/first", 15)
    assert first.due is not None
    assert first.due.utcoffset() == timedelta(hours=2)
    assert first.late is not None
    assert (first.late.per_day, first.late.floor, first.late_days) == (10, 20, 1)
    assert (first.count, first.mode, first.run_on, first.earlier) == ("best", "group", "tag", "own")
    assert first.feedback.hidden == "message"
    assert (second.due, second.run_on, second.grace_minutes) == (None, "push", 0)
    assert found.classroom.provider == "legacy"
    assert load_cached(tmp_path).assignments == load_cached(tmp_path).assignments == (first, second)
    assert load_cached(tmp_path).classroom == found.classroom


def test_a_course_may_leave_both_out(tmp_path: Path) -> None:
    found = load(course(tmp_path, ""))
    assert found.assignments == ()
    assert found.classroom == Classroom()


def test_an_assignment_is_found_and_another_gets_a_suggestion(tmp_path: Path) -> None:
    found = load(course(tmp_path, GOOD))
    assert found.assignment(" Second").title == "The second"
    with pytest.raises(UsageError) as caught:
        found.assignment("secnd")
    assert "did you mean second?" in caught.value.hint


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("provider: legacy", "provider: moodle", "provider: Invalid enum value"),
        ("organisation: acme", "organisation: a/b", "organisation: Expected"),
        ("prefix: work", "prefix: work\n  pupils: [ada]", "unknown field 'pupils'"),
        ("slug: second", "slug: first", "'first' stands twice"),
        ("slug: second", "slug: The Second", "slug: Expected"),
        ("modules: [b]", "modules: [c]", "unknown module 'c'"),
        ("modules: [b]", "modules: []", "modules: Expected"),
        ("modules: [b]", "modules: [b, a]", "'a' is part of assignment 'first' already"),
        ("points: 4", "points: 5", "points is 5, its modules add up to 4"),
        ("23:59:00+02:00", "23:59:00", "no moment with a zone"),
        ("2026-10-25T23:59:00+02:00", "soon", "no moment with a zone"),
        ("due: 2026-10-25", "due: 2026-09-25", "is due before it opens"),
        ("after: 2026-11-01", "after: 2026-10-02", "shows its solutions before it is due"),
        ("grace: 15m", "grace: 15", "grace: Expected `str`"),
        ("    late: {per_day: 10, max_days: 3, floor: 20}\n", "", "has `late_days` and no `late`"),
        ("per_day: 10", "per_day: 101", "per_day: Expected"),
        ("    due: 2026-10-25T23:59:00+02:00\n", "", "says what is late and has no `due`"),
        ("run_on: tag", "run_on: commit", "run_on: Invalid enum value"),
        ("count: best", "count: tagged", ""),
    ],
)
def test_what_does_not_go_together_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in GOOD
    root = course(tmp_path, GOOD.replace(old, new))
    if not message:
        assert load(root).assignments[0].count == "tagged"
        return
    with pytest.raises(RefusedError) as caught:
        load(root)
    assert any(message in finding.message for finding in caught.value.findings)
    assert all(finding.line > 1 for finding in caught.value.findings)


def test_what_is_tagged_needs_a_run(tmp_path: Path) -> None:
    text = GOOD.replace("count: best", "count: tagged").replace("run_on: tag", "run_on: off")
    with pytest.raises(RefusedError) as caught:
        load(course(tmp_path, text))
    assert "counts what is tagged and runs on nothing" in caught.value.findings[0].message


@pytest.mark.parametrize(("zone", "known"), [("Europe/Zurich", True), ("Europe/Zürich", False)])
def test_the_time_zone_is_a_known_one(tmp_path: Path, zone: str, known: bool) -> None:
    course(tmp_path, GOOD)
    file = tmp_path / "classroom.yml"
    file.write_text(file.read_text().replace("timezone: UTC", f"timezone: {zone}"))
    if known:
        assert load(tmp_path).settings.timezone == zone
        return
    with pytest.raises(RefusedError) as caught:
        load(tmp_path)
    assert "unknown time zone" in caught.value.findings[0].message


def test_our_own_assignments_hold_every_written_module_once() -> None:
    found = load(ROOT)
    named = [name for assignment in found.assignments for name in assignment.modules]
    assert named == [module.name for module in found.modules if found.written(module)]
