"""Our grades in Classroom 50's `scores.json`: entries with `override`, which its collection leaves
as they are. The format is classroom50/scores/v1. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.classroom.providers.classroom50_files import assignment_slug, classroom_name
from tito.course import Course
from tito.errors import TitoError
from tito.result_formats import result_v1
from tito.results import SubmissionResult, together

SCHEMA = "classroom50/scores/v1"
EMPTY = b'{\n  "schema": "classroom50/scores/v1",\n  "assignments": {}\n}\n'


def with_overrides(
    course: Course,
    results: Sequence[SubmissionResult],
    members: Mapping[str, Sequence[str]],
    before: bytes,
    path: str,
) -> bytes:
    """The file with a grade for each owner of a result.

    `members` says who is in whose group, by the owner in small letters.
    Raises TitoError if the file is none, or a grade is more than can be had.
    """
    content = _read(before, path)
    slug = assignment_slug(course)
    kind = "individual" if all(a.mode == "individual" for a in course.assignments) else "group"
    bucket = content["assignments"].get(slug, {"type": kind, "entries": []})
    if bucket["type"] != kind:
        message = f"{slug} is {bucket['type']} there and {kind} in the course"
        raise TitoError(message, where=path, hint="change `mode` in classroom.yml, or move it away")
    entries = {str(each["owner"]).lower(): each for each in bucket["entries"]}
    by_owner: dict[str, list[SubmissionResult]] = {}
    for result in results:
        by_owner.setdefault(result.source.owner.lower(), []).append(result)
    for owner, found in by_owner.items():
        record = _record(course, slug, kind, found)
        entries[owner] = _entry(entries.get(owner, {}), record, members.get(owner, ()), kind)
    changed = {**bucket, "entries": list(entries.values())}
    made = {**content, "assignments": {**content["assignments"], slug: changed}}
    return before if made == content else _json(made)


def _record(
    course: Course, slug: str, kind: str, results: Sequence[SubmissionResult]
) -> dict[str, Any]:
    """A submission: a result without the assignment, which the place in the file says."""
    whole = together(slug, results)
    said = {**result_v1(whole), "classroom": classroom_name(course), "assignment_type": kind}
    return {key: value for key, value in said.items() if key != "assignment"}


def _entry(
    old: Mapping[str, Any], record: Mapping[str, Any], members: Sequence[str], kind: str
) -> dict[str, Any]:
    """The grade stands first, where the gradebook looks, instead of what else that commit got."""
    earlier = old.get("submissions", [])
    others = [each for each in earlier if each.get("submission") != record["submission"]]
    made = {**old, "owner": old.get("owner", record["owner"])}
    if kind == "group":
        made["member_usernames"] = list(members) or [made["owner"]]
    return {**made, "submissions": [dict(record), *others], "override": True}


def _read(data: bytes, path: str) -> dict[str, Any]:
    try:
        content: Any = json.loads(data)
        plain = content["schema"] == SCHEMA and all(map(_plain, content["assignments"].values()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        plain = False
    if not plain:
        hint = "mend it by hand, or let Classroom 50 collect the scores anew"
        raise TitoError(f"this is not {SCHEMA}", where=path, hint=hint)
    found: dict[str, Any] = content
    return found


def _plain(bucket: Any) -> bool:
    return bucket["type"] in ("individual", "group") and all(
        isinstance(each["owner"], str)
        and all(isinstance(record, dict) for record in each["submissions"])
        for each in bucket["entries"]
    )


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
