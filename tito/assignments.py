"""The class as frozen records: the sections `classroom` and `assignments` of classroom.yml.

Every moment has a zone. Days are counted in the zone of the course, where both changes of daylight
saving time have a day of 23 and one of 25 hours.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from tito.record import Name, Record

Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,48}[a-z0-9]$")]
Organisation = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9](-?[A-Za-z0-9]){0,38}$")]
RepositoryName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Duration = Annotated[str, msgspec.Meta(pattern=r"^\d{1,3}[mhd]$")]
Count = Annotated[int, msgspec.Meta(ge=0)]
Reason = Annotated[str, msgspec.Meta(min_length=10)]

MINUTES = {"m": 1, "h": 60, "d": 1440}


class LeakException(Record, frozen=True):
    """A finding of the leak check that is none: which file, which secret's place, and why."""

    path: str
    """Where it is found: a glob over paths of the student version."""
    place: str
    """What it was taken for: a glob over dev files, as in `modules/source/02_*/*`."""
    reason: Reason


class Classroom(Record, frozen=True):
    """Section `classroom`: who publishes what to whom. No name of a student stands here."""

    provider: Literal["github", "classroom50", "legacy"] = "github"
    organisation: Organisation = "your-organisation"
    term: Slug = "term"
    prefix: RepositoryName = "tinytorch"
    """Of repositories: `<prefix>-<login>`, or `<prefix>-<group>`."""
    template: RepositoryName = "tinytorch-template"
    tools: RepositoryName = "tinytorch-tools"
    course: str = ""
    """The repository of this course as `owner/name`, if it is on GitHub."""
    roster: str = "roster.csv"
    """Private. Its path, relative to the course."""
    extensions: str = "extensions.csv"
    overrides: str = "overrides.csv"
    run_minutes: Annotated[int, msgspec.Meta(ge=1, le=60)] = 15
    """After how many minutes a student's run is ended."""
    leaks: tuple[LeakException, ...] = ()


class Late(Record, frozen=True):
    """What a day costs. Percents of the points that were earned."""

    per_day: Annotated[int, msgspec.Meta(ge=0, le=100)]
    max_days: Annotated[int, msgspec.Meta(ge=1, le=366)]
    floor: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    """However late within `max_days`, this much of the points stays."""


class HiddenFeedback(Record, frozen=True):
    """What a student is told of hidden cases once the work is graded."""

    hidden: Literal["points", "message", "full"] = "points"


class Assignment(Record, frozen=True):
    """Some modules, handed in together."""

    slug: Slug
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    modules: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)]
    points: Count
    opens: Moment | None = None
    due: Moment | None = None
    grace: Duration = "0m"
    """So much after `due` is not late."""
    late: Late | None = None
    """Without it, nothing counts that comes after `due` and `grace`."""
    late_days: Count = 0
    """So many days of this assignment cost nothing."""
    count: Literal["last", "best", "tagged"] = "last"
    mode: Literal["individual", "group"] = "individual"
    run_on: Literal["push", "tag", "off"] = "push"
    """What starts a student's run: any push, a tag `submit/<slug>`, or nothing."""
    earlier: Literal["released", "own"] = "released"
    """Under a graded module stand the released solutions, or the student's own."""
    solutions_after: Moment | None = None
    feedback: HiddenFeedback = HiddenFeedback()

    @property
    def tag(self) -> str:
        """What students push to hand it in."""
        return f"submit/{self.slug}"

    @property
    def grace_minutes(self) -> int:
        """`grace` as a number."""
        return int(self.grace[:-1]) * MINUTES[self.grace[-1]]
