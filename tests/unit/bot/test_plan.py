"""What a class takes, with every number worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from bot.classroom.names import Home
from bot.classroom.plan import (
    Plan,
    Work,
    done_after,
    in_words,
    lasting,
    minutes_of,
    months_of,
    plan_of,
    runs_of,
    work_of,
)
from bot.organisation import Repository
from tito.assignments import Assignment
from tito.roster import Student

NOW = datetime(2027, 3, 1, 8, 0, tzinfo=timezone.utc)


def assignment(count: int, **changed: Any) -> Assignment:
    return Assignment("one", "One", tuple(f"m{i}" for i in range(count)), 1, **changed)


def large(a_day: int, **others: Any) -> Plan:
    work = Work(students=5000, there=0, repositories=5000, invitations=5000)
    return plan_of(work, others.pop("assignments", ()), NOW, invitations_a_day=a_day, **others)


def test_five_thousand_students_write_twenty_thousand_times() -> None:
    plan = large(500)
    assert (plan.writes, plan.requests, plan.writes_a_student) == (20_000, 15_000, 4)
    # 29 full hours of 500; the last 500 take six minutes of 80 and a part of the seventh.
    assert plan.minutes == 29 * 60 + 7
    assert plan.days == 10
    # 500 students a day for nine days, then 1,500 requests: two full hours and seven minutes,
    # which is over at the next hourly run.
    assert plan.done_after == 9 * 1440 + 3 * 60
    assert plan.done_at == NOW + timedelta(days=9, hours=3)


def test_a_new_organisation_invites_for_a_hundred_days() -> None:
    plan = large(50)
    assert plan.days == 100
    # 99 days, and 150 requests on the last of them: two minutes.
    assert plan.done_after == 99 * 1440 + 60


@pytest.mark.parametrize(
    ("requests", "minutes"),
    [(0, 0), (1, 1), (80, 1), (81, 2), (500, 7), (501, 61), (1000, 67), (1001, 121)],
)
def test_writes_take_the_minutes_that_the_limits_leave(requests: int, minutes: int) -> None:
    assert minutes_of(requests) == minutes


def test_a_small_class_is_done_in_one_run() -> None:
    assert done_after(90, 30, 50) == 2
    assert done_after(0, 0, 50) == 0


@pytest.mark.parametrize(
    ("run_on", "runs"), [("push", 1000 * 20 * 10), ("tag", 1000 * 2), ("off", 0)]
)
def test_runs_are_counted_by_what_starts_them(run_on: Any, runs: int) -> None:
    found = runs_of(assignment(20, run_on=run_on), 1000, pushes=10, minutes=1)
    assert (found.runs, found.minutes) == (runs, runs)


def test_a_month_is_a_share_of_the_term_and_large_classes_are_told_of_tags() -> None:
    month = timedelta(days=30.44)
    whole = assignment(20, opens=NOW, due=NOW + 2 * month)
    assert months_of([whole]) == 2
    plan = large(500, assignments=[whole], minutes=1, plan="team")
    # 5,000 students, 20 modules, 10 pushes: a million minutes in two months.
    assert plan.actions_a_month == 500_000
    assert plan.by_tag_a_month == 5_000
    assert plan.advice.startswith("500,000 minutes a month are more than the 3,000 of the plan")
    assert "run_on: tag" in plan.advice
    mixed = [whole, assignment(1, run_on="tag")]
    assert large(500, assignments=mixed, minutes=1).by_tag_a_month == 10_000
    tagged = [assignment(20, run_on="tag")]
    assert large(500, assignments=tagged).advice == ""
    assert months_of([assignment(1, due=NOW)]) == 4
    assert months_of([assignment(1, opens=NOW, due=NOW)]) == 1


def test_the_words_name_numbers_and_what_is_assumed() -> None:
    lines = in_words(large(500, assignments=[assignment(2)]))
    text = "\n".join(lines)
    for said in ("20,000, 15,000 of them requests", "4 for a student (at most 4)",
                 "1 day 5 hours", "10 day(s) for 500", "2027-03-10 11:00 UTC",
                 "9 days 3 hours", "assumed: 10 pushes to a module, 2 minutes a run"):  # fmt: skip
        assert said in text
    done = plan_of(Work(3, 3, 0, 0), (), NOW)
    assert "writes:" not in "\n".join(in_words(done))
    assert lasting(0) == "no time"
    assert lasting(1441) == "1 day 1 minute"


def there(owner: str, numbers: Sequence[int], *, complete: bool = True) -> Home:
    repository = Repository(
        f"work-{owner}", 1, True, "", "", "", False, "main", int(complete), "", False
    )
    return Home(repository, owner, dict.fromkeys(numbers, True))


def test_what_is_there_already_is_not_planned_again() -> None:
    students = [
        Student("ada"),
        Student("new-name", 7),
        Student("bob"),
        Student("cam"),
        Student("gone", active=False),
        Student("eve", group="red"),
        Student("fay", group="red"),
    ]
    homes = [
        there("ADA", [5]),
        there("old-name", [7]),
        there("bob", [8], complete=False),
        there("red", [9]),
    ]
    # bob's is half-made, cam's is missing; one of the two in `red` was not invited yet.
    assert work_of(students, homes) == Work(6, 3, 2, 3)
