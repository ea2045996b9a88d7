"""The files of a class in Classroom 50's repository, from the course and a release. Pure.

The class is one classroom, and the course one assignment in it: a student has one repository for
all of it, and hands parts in by tags. Facts about the files are from the schemas that Classroom 50
publishes: classroom50/classroom/v1, classroom50/assignments/v1, and its manual for the roster.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bot.classroom.names import Member, Target
from tito.course import MANIFEST, Course, Module
from tito.errors import TitoError
from tito.visible import VisibleTest

SHORT_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,38}")
MOST_TAGS = 20
SMALLEST_GROUP, LARGEST_GROUP = 2, 100
CLASSROOM, ASSIGNMENTS = "classroom50/classroom/v1", "classroom50/assignments/v1"
ROSTER = ("username", "first_name", "last_name", "email", "section", "github_id", "role")
_SCRIPT = Path(__file__).with_name("autograder.py")
_PLACEHOLDER = 'COURSE: Any = {"assignments": {}, "modules": []}\n'
_OURS = (
    "slug", "name", "mode", "max_group_size", "template", "due", "due_meta", "submission_mode",
    "submission_tags",
)  # fmt: skip
"""What classroom.yml decides. All else in the assignment is somebody's choice, and stays."""
_AGAINST = {
    "tests": "tests in the assignment would be shadowed by its autograder.py",
    "empty_repo": "an empty repository has no template",
}

Tests = Sequence[tuple[Module, Sequence[VisibleTest]]]


def classroom_name(course: Course) -> str:
    """The term, which is the classroom's short name. Raises TitoError if it is too long for one."""
    return _short(course.classroom.term, "term")


def assignment_slug(course: Course) -> str:
    """The prefix in small letters, with hyphens for all that is neither letter nor digit."""
    plain = re.sub(r"[^a-z0-9]+", "-", course.classroom.prefix.lower()).strip("-")
    return _short(plain, "prefix")


def _short(name: str, field: str) -> str:
    if not SHORT_NAME.fullmatch(name):
        message = f"Classroom 50 cannot use {name!r}: 2 to 39 small letters, digits and hyphens"
        raise TitoError(message, where=MANIFEST, hint=f"change `{field}` in `classroom`")
    return name


def words(course: Course) -> str:
    """How a person calls the class."""
    return f"{course.settings.name}, {course.classroom.term}"


def classroom(course: Course) -> bytes:
    """`classroom.json`, for a classroom that is not there yet."""
    return _json(
        {
            "schema": CLASSROOM,
            "name": words(course),
            "short_name": classroom_name(course),
            "term": course.classroom.term,
            "org": course.classroom.organisation,
        }
    )


def refuse_unlisted(data: bytes, path: str) -> None:
    """Raise TitoError for a classroom with a secret address, which student repositories lack."""
    if _read(data, path, CLASSROOM).get("secret"):
        message = "this classroom is unlisted: its runner would look for files at a secret address"
        raise TitoError(message, where=path, hint="make the classroom anew without --unlisted")


def assignments(
    course: Course, targets: Iterable[Target], before: bytes | None, path: str
) -> bytes:
    """`assignments.json` with the course in it; whatever else it held stays as it was.

    Raises TitoError if it cannot be read, or says of the course what cannot be together.
    """
    empty: dict[str, Any] = {"schema": ASSIGNMENTS, "assignments": []}
    content = empty if before is None else _read(before, path, ASSIGNMENTS)
    listed = content.get("assignments")
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise TitoError("`assignments` is no list of assignments", where=path)
    slug = assignment_slug(course)
    old = next((each for each in listed if each.get("slug") == slug), None)
    new = entry(course, targets, old or {})
    if old is None:
        listed = [*listed, new]
    changed = {**content, "assignments": [new if each is old else each for each in listed]}
    return before if before is not None and changed == content else _json(changed)


def entry(course: Course, targets: Iterable[Target], old: Mapping[str, Any]) -> dict[str, Any]:
    """The course as one assignment. `old` is what stands there for it."""
    for field, why in _AGAINST.items():
        if old.get(field):
            message = f"{assignment_slug(course)} has `{field}`: {why}"
            raise TitoError(message, hint=f"take `{field}` out of it in Classroom 50")
    runtime = {"python": course.settings.pythons[-1]}
    start = {"autograder": "default", "feedback_pr": True, "runtime": runtime}
    kept = {key: value for key, value in (old or start).items() if key not in _OURS}
    made = {
        "slug": assignment_slug(course),
        "name": words(course),
        **_mode(course, targets, old),
        "template": {
            "owner": course.classroom.organisation,
            "repo": course.classroom.template,
            "branch": "main",
        },
        **_due(course),
        **_triggers(course),
    }
    return {**made, "autograder": "default", **kept}


def _mode(course: Course, targets: Iterable[Target], old: Mapping[str, Any]) -> dict[str, Any]:
    if all(each.mode == "individual" for each in course.assignments):
        return {"mode": "individual"}
    sizes = [len(target.members) for target in targets]
    known = old.get("max_group_size")
    sizes.append(known if isinstance(known, int) else SMALLEST_GROUP)
    size = max(SMALLEST_GROUP, *sizes)
    if size > LARGEST_GROUP:
        raise TitoError(f"a group of {size} is more than the {LARGEST_GROUP} Classroom 50 takes")
    return {"mode": "group", "max_group_size": size}


def _due(course: Course) -> dict[str, Any]:
    """Of the last assignment, in UTC; beside it what classroom.yml says."""
    moments = [each.due for each in course.assignments if each.due is not None]
    if not moments:
        return {}
    last = max(moments)
    meta = {"input": last.isoformat(), "offset": _offset(last), "source": "explicit-offset"}
    return {"due": last.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "due_meta": meta}


def _offset(moment: datetime) -> str:
    return moment.isoformat()[-6:]


def _triggers(course: Course) -> dict[str, Any]:
    """A push is graded if any assignment wants it; every assignment has a tag."""
    tags = list(dict.fromkeys(each.tag for each in course.assignments))
    if len(tags) > MOST_TAGS:
        message = f"{len(tags)} assignments are more tags than the {MOST_TAGS} Classroom 50 takes"
        raise TitoError(message, where=MANIFEST, hint="hand in more modules together")
    pushed = any(each.run_on == "push" for each in course.assignments)
    found: dict[str, Any] = {} if pushed or not tags else {"submission_mode": "tag"}
    return found | ({"submission_tags": tags} if tags else {})


def autograder(course: Course, tests: Tests) -> bytes:
    """`autograder.py`: names and points of visible tests, and a call of the student's own tito."""
    data = {
        "assignments": {each.slug: list(each.modules) for each in course.assignments},
        "modules": [
            {"number": m.number, "module": m.name, "tests": [list(row) for row in rows(m, found)]}
            for m, found in tests
        ],
    }
    literal = json.dumps(data, indent=1)  # of strings and numbers alone: Python reads it as well
    text = _SCRIPT.read_text(encoding="utf-8")
    return text.replace(_PLACEHOLDER, f"COURSE: Any = {literal}\n").encode()


def rows(module: Module, tests: Iterable[VisibleTest]) -> list[tuple[str, list[str], int]]:
    """Name, functions and points of each test of a module. Names are unique in a course."""
    return [(f"{module.slug} {test.cell}", list(test.functions), test.points) for test in tests]


def roster(members: Iterable[Member], before: bytes | None, path: str) -> bytes:
    """`roster.csv` with everybody who is in the class: login and number, nothing else of ours.

    Rows and cells of others stay; whoever has left the class has no row.
    """
    people = {member.number: member for member in members}
    logins = {member.login.lower(): member for member in people.values()}
    table = _table(before, path)
    seen, kept = set(), []
    for row in table:
        known = people.get(int(row["github_id"] or 0)) or logins.get(row["username"].lower())
        if known is not None and (not known.active or known.number in seen):
            continue
        if known is not None:
            seen.add(known.number)
            row |= {"username": known.login, "github_id": str(known.number)}
        kept.append(row)
    empty = dict.fromkeys(ROSTER, "")
    for member in people.values():
        if member.active and member.number not in seen:
            kept.append(empty | {"username": member.login, "github_id": str(member.number)})
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, ROSTER, lineterminator="\n")
    writer.writeheader()
    writer.writerows(kept)
    same = before is not None and _table(before, path) == kept
    return before if same and before is not None else file.getvalue().encode()


def _table(data: bytes | None, path: str) -> list[dict[str, str]]:
    if data is None:
        return []
    hint = f"its first line is to be {','.join(ROSTER)}"
    try:
        found = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise TitoError(f"this roster cannot be read: {error}", where=path, hint=hint) from None
    header, *lines = found or [[]]
    if tuple(header) != ROSTER or any(len(line) != len(ROSTER) for line in lines if line):
        raise TitoError("this roster has other columns than Classroom 50's", where=path, hint=hint)
    table = [dict(zip(ROSTER, line, strict=True)) for line in lines if line]
    if not all(re.fullmatch(r"[0-9]{0,15}", row["github_id"]) for row in table):
        raise TitoError("a github_id of this roster is no number", where=path)
    return table


def _read(data: bytes, path: str, schema: str) -> dict[str, Any]:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise TitoError("this is no JSON", where=path, hint="mend it by hand") from None
    if not isinstance(content, dict) or content.get("schema") != schema:
        hint = "a newer Classroom 50 has written it, or another program"
        raise TitoError(f"this is not {schema}", where=path, hint=hint)
    return content


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
