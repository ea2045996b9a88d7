"""How long a class takes to set up, and what its runs cost, before anything is written. Pure.

The limits are those that `bot.pace` keeps to. What is assumed is said with the result.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.classroom.names import Home
from bot.pace import INVITATIONS_A_DAY, WRITES_A_MINUTE, WRITES_AN_HOUR
from tito.assignments import Assignment
from tito.roster import Student

WRITES_OF_A_REPOSITORY = 3
"""It is made, one push brings its branches, the Feedback pull request is opened. Each invitation is
one more. The push is git's, and no request to the API."""
MOST_WRITES = 4
TAGS = 2
"""How often a student hands in one assignment, where tags start the runs."""
USUAL_MONTHS = 4
DAYS_A_MONTH = 30.44
A_DAY = 24 * 60
"""Minutes."""
INCLUDED: Mapping[str, int] = {"free": 2_000, "team": 3_000, "business": 50_000}
"""Plan, as GitHub names it → minutes of Actions that it includes, a month."""


@dataclass(frozen=True)
class Work:
    """What the roster wants and GitHub does not show yet."""

    students: int
    """Those who are active."""
    there: int
    """Repositories that are complete."""
    repositories: int
    """Those to be made, or to be finished."""
    invitations: int


@dataclass(frozen=True)
class Runs:
    """What the runs of one assignment cost."""

    assignment: str
    run_on: str
    runs: int
    minutes: int


@dataclass(frozen=True)
class Plan:
    """Everything that `plan` says. Times are minutes, at the earliest."""

    work: Work
    writes: int
    requests: int
    """The writes that GitHub's limits count: all but git's pushes."""
    invitations_a_day: int
    minutes: int
    """By the limits of writing alone."""
    days: int
    """On so many days somebody is invited."""
    done_after: int
    done_at: datetime
    runs: tuple[Runs, ...]
    months: float
    actions_a_month: int
    included: int
    """Minutes of Actions in the plan; 0 where the token is not shown it."""
    by_tag_a_month: int
    """The same with `run_on: tag` in place of every `push`."""
    assumed: tuple[str, ...]

    @property
    def writes_a_student(self) -> int:
        """At most, with one student a repository."""
        return WRITES_OF_A_REPOSITORY + 1

    @property
    def advice(self) -> str:
        """What would make the runs fit; empty if they do."""
        most = self.included or INCLUDED["team"]
        if self.actions_a_month <= most or self.by_tag_a_month == self.actions_a_month:
            return ""
        return (
            f"{self.actions_a_month:,} minutes a month are more than the {most:,} of the plan: "
            f"`run_on: tag` in the section `assignments` makes {self.by_tag_a_month:,} of them"
        )


def work_of(students: Sequence[Student], homes: Sequence[Home]) -> Work:
    """By names and numbers as they are known: nobody is looked up for a plan."""
    together: dict[str, list[Student]] = {}
    for student in students:
        if student.active:
            together.setdefault((student.group or student.login).lower(), []).append(student)
    owners = {home.owner.lower(): home for home in homes}
    numbers = {number: home for home in homes for number in home.numbers}
    there = repositories = invitations = 0
    for owner, members in together.items():
        home = owners.get(owner)
        if home is None and len(members) == 1:
            home = numbers.get(members[0].github_id or 0)
        if home is None or not home.repository.open_issues:
            repositories += 1
            invitations += len(members)
        else:
            there += 1
            invitations += max(len(members) - sum(home.numbers.values()), 0)
    return Work(sum(map(len, together.values())), there, repositories, invitations)


def minutes_of(requests: int) -> int:
    """In how many minutes so many writes are made, from a quiet hour on."""
    if not requests:
        return 0
    full_hours, left = divmod(requests - 1, WRITES_AN_HOUR)
    return 60 * full_hours + left // WRITES_A_MINUTE + 1


def done_after(requests: int, invitations: int, a_day: int) -> int:
    """Minutes until all is done, if a run goes on every hour where the last one stopped."""
    minutes = minutes_of(requests)
    if invitations:
        full_days = (invitations - 1) // a_day
        before = full_days * a_day * requests // invitations
        minutes = max(minutes, full_days * A_DAY + minutes_of(requests - before))
    return minutes if minutes <= 60 else math.ceil(minutes / 60) * 60


def runs_of(
    assignment: Assignment, students: int, *, pushes: int, minutes: int, tags: int = TAGS
) -> Runs:
    """What the runs of one assignment cost from its first day to its last."""
    started = {"push": len(assignment.modules) * pushes, "tag": tags, "off": 0}
    runs = students * started[assignment.run_on]
    return Runs(assignment.slug, assignment.run_on, runs, runs * max(minutes, 1))


def months_of(assignments: Sequence[Assignment]) -> float:
    """From the first moment that classroom.yml names to the last; at least one."""
    named = [m for each in assignments for m in (each.opens, each.due) if m is not None]
    if len(named) < 2:
        return USUAL_MONTHS
    return max((max(named) - min(named)) / timedelta(days=DAYS_A_MONTH), 1.0)


def plan_of(
    work: Work,
    assignments: Sequence[Assignment],
    now: datetime,
    *,
    invitations_a_day: int = INVITATIONS_A_DAY,
    pushes: int = 10,
    minutes: int = 2,
    plan: str = "",
) -> Plan:
    """The whole plan. `pushes` are those to one module, `minutes` those of one run."""
    writes = WRITES_OF_A_REPOSITORY * work.repositories + work.invitations
    requests = writes - work.repositories
    after = done_after(requests, work.invitations, invitations_a_day)
    months = months_of(assignments)
    runs = [runs_of(a, work.students, pushes=pushes, minutes=minutes) for a in assignments]
    by_tag = [
        replaced_by_tag(a, run, work.students, minutes)
        for a, run in zip(assignments, runs, strict=True)
    ]
    return Plan(
        work,
        writes,
        requests,
        invitations_a_day,
        minutes_of(requests),
        math.ceil(work.invitations / invitations_a_day),
        after,
        now + timedelta(minutes=after),
        tuple(runs),
        round(months, 1),
        round(sum(run.minutes for run in runs) / months),
        INCLUDED.get(plan, 0),
        round(sum(by_tag) / months),
        _assumed(months, pushes, minutes, named=months != USUAL_MONTHS),
    )


def replaced_by_tag(assignment: Assignment, run: Runs, students: int, minutes: int) -> int:
    """The minutes of an assignment if tags started what pushes start now."""
    if assignment.run_on != "push":
        return run.minutes
    return students * TAGS * max(minutes, 1)


def _assumed(months: float, pushes: int, minutes: int, *, named: bool) -> tuple[str, ...]:
    term = "as classroom.yml dates them" if named else "for want of dates"
    return (
        "a run every hour goes on where the last one stopped, and nobody else writes meanwhile",
        f"{pushes} pushes to a module, {minutes} minutes a run; each run bills at least a minute",
        f"{TAGS} tags `submit/…` to an assignment, where tags start the runs",
        f"the assignments take {months:.1f} months, {term}; superseded runs are not deducted",
    )


def in_words(plan: Plan) -> list[str]:
    """The lines that a person reads."""
    work = plan.work
    lines = [
        f"{work.students} students; {work.there} repositories are complete",
        f"to make or finish: {work.repositories} repositories, {work.invitations} invitations",
    ]
    if plan.writes:
        lines += [
            f"writes: {plan.writes:,}, {plan.requests:,} of them requests, the others git's; "
            f"{plan.writes_a_student} for a student (at most {MOST_WRITES})",
            f"time: {lasting(plan.minutes)} for {WRITES_A_MINUTE} requests a minute and "
            f"{WRITES_AN_HOUR} an hour; {plan.days} day(s) for {plan.invitations_a_day} "
            "invitations a day",
            f"done: {plan.done_at:%Y-%m-%d %H:%M} UTC at the earliest, {lasting(plan.done_after)} "
            "from now, if it starts now and goes on every hour",
        ]
    lines.append(f"Actions: about {plan.actions_a_month:,} minutes a month")
    lines += [
        f"  {run.assignment} ({run.run_on}): {run.runs:,} runs, {run.minutes:,} minutes"
        for run in plan.runs
    ]
    return [*lines, *(f"assumed: {each}" for each in plan.assumed)]


def lasting(minutes: int) -> str:
    """`9 days 3 hours`, `7 minutes`: the two largest parts."""
    days, rest = divmod(minutes, A_DAY)
    hours, left = divmod(rest, 60)
    parts = [(days, "day"), (hours, "hour"), (left, "minute")]
    words = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in parts if count]
    return " ".join(words[:2]) or "no time"
