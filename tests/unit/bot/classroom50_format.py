"""What Classroom 50's published formats ask of the fields we write, in our own words.

Assignments and entries may hold more; the objects inside them may not.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec

from tito.result_formats import TestV1

ShortName = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9-]{1,38}\Z")]
Filled = Annotated[str, msgspec.Meta(min_length=1)]
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d"
Moment = Annotated[str, msgspec.Meta(pattern=rf"\A\d{{4}}-\d\d-\d\dT{_CLOCK}:[0-5]\dZ\Z")]
Offset = Annotated[str, msgspec.Meta(pattern=rf"\A[+-]{_CLOCK}\Z")]
Tag = Annotated[str, msgspec.Meta(min_length=1, pattern=r"\A[A-Za-z0-9._/*?+\[\]-]+\Z")]
Size = Annotated[int, msgspec.Meta(ge=2, le=100)]
Version = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._+-]{1,32}\Z")]


class Closed(msgspec.Struct, forbid_unknown_fields=True):
    """An object that takes no other fields."""


class Template(Closed):
    owner: Filled
    repo: Filled
    branch: Filled


class DueMeta(Closed):
    input: str
    offset: Offset
    source: Literal["explicit-offset", "auto-detected", "migrated"]
    zone: str | msgspec.UnsetType = msgspec.UNSET


class Runtime(Closed):
    python: Version


class Assignment(msgspec.Struct):
    slug: ShortName
    name: Filled
    mode: Literal["individual", "group"]
    autograder: ShortName
    template: Template
    runtime: Runtime | msgspec.UnsetType = msgspec.UNSET
    due: Moment | msgspec.UnsetType = msgspec.UNSET
    due_meta: DueMeta | msgspec.UnsetType = msgspec.UNSET
    max_group_size: Size | msgspec.UnsetType = msgspec.UNSET
    feedback_pr: bool | msgspec.UnsetType = msgspec.UNSET
    empty_repo: bool | msgspec.UnsetType = msgspec.UNSET
    tests: list[dict[str, object]] | msgspec.UnsetType = msgspec.UNSET
    submission_mode: Literal["every-push", "tag"] | msgspec.UnsetType = msgspec.UNSET
    submission_tags: Annotated[list[Tag], msgspec.Meta(max_length=20)] | msgspec.UnsetType = (
        msgspec.UNSET
    )

    def __post_init__(self) -> None:
        if (self.mode == "group") != (self.max_group_size is not msgspec.UNSET):
            raise ValueError("max_group_size is for groups, and they need it")
        if self.empty_repo is True:
            raise ValueError("an empty repository has neither template nor tags")
        tags = self.submission_tags or []
        if len(set(tags)) < len(tags):
            raise ValueError("a tag stands there twice")
        if any(re.search(r"\A[?+]|[*?+\]]\+", tag) for tag in tags):
            raise ValueError("a tag begins with a quantifier, or stacks two")


class Assignments(Closed):
    schema: Literal["classroom50/assignments/v1"]
    assignments: list[Assignment]

    def __post_init__(self) -> None:
        slugs = [each.slug for each in self.assignments]
        if len(set(slugs)) < len(slugs):
            raise ValueError("two assignments have one slug")


class Team(Closed):
    id: int
    slug: Filled


class Classroom(msgspec.Struct):
    schema: Literal["classroom50/classroom/v1"]
    name: Filled
    short_name: ShortName
    term: str
    org: Filled
    team: Team | msgspec.UnsetType = msgspec.UNSET


class Mark(msgspec.Struct):
    schema: Literal["classroom50/repo-config/v1"]
    classroom: Filled
    assignment: Filled
    source: Template


class Record(msgspec.Struct, rename={"points": "max-score"}):
    schema: Literal["classroom50/result/v1"]
    classroom: Filled
    assignment_type: Literal["individual", "group"]
    owner: Filled
    submission: Annotated[str, msgspec.Meta(pattern=r"\Asubmit/")]
    commit: Filled
    release: Filled
    review: Filled
    datetime: Moment
    score: Annotated[int, msgspec.Meta(ge=0)]
    points: Annotated[int, msgspec.Meta(ge=0)]
    tests: list[TestV1]
    graded_at: Moment | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        rows = [(self.score, self.points), *((t.score, t.points) for t in self.tests)]
        if any(score > points for score, points in rows):
            raise ValueError("more points than there are")


class Entry(msgspec.Struct):
    owner: Filled
    submissions: Annotated[list[Record], msgspec.Meta(min_length=1)]
    override: bool
    member_usernames: Annotated[list[Filled], msgspec.Meta(min_length=1)] | msgspec.UnsetType = (
        msgspec.UNSET
    )


class Bucket(Closed):
    type: Literal["individual", "group"]
    entries: list[Entry]
    collected_at: Moment | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        owners = [entry.owner.lower() for entry in self.entries]
        if len(set(owners)) < len(owners):
            raise ValueError("an owner has two entries")
        if any(
            record.assignment_type != self.type for e in self.entries for record in e.submissions
        ):
            raise ValueError("a record is of another mode")
        if any(
            (e.member_usernames is not msgspec.UNSET) != (self.type == "group")
            for e in self.entries
        ):
            raise ValueError("members are for groups")


class Scores(Closed):
    schema: Literal["classroom50/scores/v1"]
    assignments: dict[ShortName, Bucket]
