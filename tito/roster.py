"""What an instructor keeps of a class in files of comma-separated values: who is in it, who has
more time, whose points were set by hand, who was given a module. Private: none of these files is
ever handed out.

All but the roster are appended to and never changed, so that a grade can be made again and
explained.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from tito.course import Course
from tito.errors import RefusedError, TitoError
from tito.report import Finding

Row = TypeVar("Row")

_LOGIN = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}")
_GROUP = re.compile(r"[a-z0-9][a-z0-9-]{0,38}")
STATES = ("active", "dropped")
ROSTER = (
    "login",
    "github_id",
    "status",
    "section",
    "group",
    "joined",
    "left",
    "name",
    "email",
    "student_number",
)
EXTENSIONS = ("login", "assignment", "until", "reason")
OVERRIDES = ("login", "assignment", "points", "reason", "by")
CATCH_UPS = ("login", "module", "when", "commit")
CATCH_UPS_FILE = "catch-ups.csv"
"""Beside classroom.yml, and as private as the roster."""


@dataclass(frozen=True)
class Student:
    """One row of the roster. Name, e-mail and number are read by nobody but the instructor."""

    login: str
    github_id: int | None = None
    """GitHub's number, which stays when the login changes."""
    active: bool = True
    section: str = ""
    group: str = ""
    joined: date | None = None
    """Since when in the group."""
    left: date | None = None


@dataclass(frozen=True)
class Extension:
    """More time for one student. The latest one counts."""

    login: str
    assignment: str
    until: datetime
    reason: str


@dataclass(frozen=True)
class Override:
    """Points set by hand. The last one counts, and survives every regrade."""

    login: str
    assignment: str
    points: Fraction
    reason: str
    by: str


@dataclass(frozen=True)
class CatchUp:
    """A module that was given to a student. What the commit holds is never scored as theirs."""

    login: str
    module: str
    """As `02_tensor`."""
    when: datetime
    commit: str


def read_roster(file: Path, path: str) -> tuple[Student, ...]:
    """Every student, in the order of the file. Raises RefusedError with every fault."""
    found = _read(file, path, ROSTER, ("login",), _student)
    seen: dict[str, int] = {}
    faults = []
    for line, student in found:
        for key in (student.login.lower(), f"#{student.github_id}" if student.github_id else ""):
            earlier = seen.setdefault(key, line) if key else line
            if earlier != line:
                message = f"{key.removeprefix('#')} stands in line {earlier} already"
                faults.append(_fault(path, line, message, "keep one of the two rows"))
    _refuse(path, faults)
    return tuple(student for _, student in found)


def read_extensions(course: Course, file: Path, path: str) -> tuple[Extension, ...]:
    """Empty if there is no such file. Raises RefusedError as `read_roster` does."""
    return _of_assignments(course, file, path, EXTENSIONS, _extension)


def read_overrides(course: Course, file: Path, path: str) -> tuple[Override, ...]:
    """Empty if there is no such file. Raises RefusedError as `read_roster` does."""
    return _of_assignments(course, file, path, OVERRIDES, _override)


def read_catch_ups(file: Path, path: str) -> tuple[CatchUp, ...]:
    """Empty if there is no such file. Raises RefusedError as `read_roster` does."""
    if not file.exists():
        return ()
    return tuple(row for _, row in _read(file, path, CATCH_UPS, CATCH_UPS, _catch_up))


def note_catch_up(file: Path, row: CatchUp) -> None:
    """Append a row. It is on the disk when this returns."""
    moment = row.when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    with file.open("a", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        if not lines.tell():
            writer.writerow(CATCH_UPS)
        writer.writerow([row.login, row.module, moment, row.commit])


Entry = TypeVar("Entry", Extension, Override)


def _of_assignments(
    course: Course,
    file: Path,
    path: str,
    columns: Sequence[str],
    make: Callable[[Mapping[str, str]], Entry],
) -> tuple[Entry, ...]:
    if not file.exists():
        return ()
    slugs = {assignment.slug for assignment in course.assignments}
    found = _read(file, path, columns, columns, make)
    faults = [
        _fault(path, line, f"unknown assignment {row.assignment!r}", f"known: {', '.join(slugs)}")
        for line, row in found
        if row.assignment not in slugs
    ]
    _refuse(path, faults)
    return tuple(row for _, row in found)


def _read(
    file: Path,
    path: str,
    columns: Sequence[str],
    required: Sequence[str],
    make: Callable[[Mapping[str, str]], Row],
) -> list[tuple[int, Row]]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        hint = f"make it with the columns {','.join(columns)}; needed: {', '.join(required)}"
        raise TitoError("there is no such file", where=path, hint=hint) from None
    except UnicodeDecodeError:
        raise TitoError("the file is not UTF-8", where=path, hint="save it as CSV UTF-8") from None
    lines = csv.reader(text.splitlines(), strict=True)
    try:
        header = [name.strip().lower() for name in next(lines, [])]
        _refuse(path, _header_faults(path, header, columns, required))
        rows, faults = [], []
        for values in lines:
            if not any(value.strip() for value in values):
                continue
            try:
                rows.append((lines.line_num, make(_row(header, values))))
            except ValueError as error:
                faults.append(_fault(path, lines.line_num, str(error), ""))
    except csv.Error as error:
        fault = _fault(
            path, lines.line_num, str(error), "look for a quotation mark without its pair"
        )
        raise RefusedError(f"{path} cannot be read", [fault]) from None
    _refuse(path, faults)
    return rows


def _header_faults(
    path: str, header: Sequence[str], columns: Sequence[str], required: Sequence[str]
) -> list[Finding]:
    known = f"known: {', '.join(columns)}"
    faults = [
        _fault(path, 1, f"the column {n!r} is missing", known) for n in required if n not in header
    ]
    faults += [_fault(path, 1, f"unknown column {n!r}", known) for n in header if n not in columns]
    if len(set(header)) != len(header):
        faults.append(_fault(path, 1, "a column stands twice", "keep one of them"))
    return faults


def _row(header: Sequence[str], values: Sequence[str]) -> dict[str, str]:
    if len(values) != len(header):
        raise ValueError(f"{len(values)} values stand here, the header names {len(header)}")
    return {name: value.strip() for name, value in zip(header, values, strict=True)}


def _student(row: Mapping[str, str]) -> Student:
    status = row.get("status", "") or "active"
    if status not in STATES:
        raise ValueError(f"status is {status!r}: write active or dropped")
    number = row.get("github_id", "")
    if number and not (number.isascii() and number.isdigit() and 0 < int(number) < 2**53):
        raise ValueError(f"github_id is {number!r}, which is no number")
    group = row.get("group", "")
    if group and not _GROUP.fullmatch(group):
        raise ValueError(f"group is {group!r}: small letters, digits and hyphens")
    return Student(
        _login(row),
        int(number) if number else None,
        status == "active",
        row.get("section", ""),
        group,
        _day(row, "joined"),
        _day(row, "left"),
    )


def _extension(row: Mapping[str, str]) -> Extension:
    return Extension(_login(row), row["assignment"], _moment(row, "until"), _words(row, "reason"))


def _catch_up(row: Mapping[str, str]) -> CatchUp:
    return CatchUp(_login(row), _words(row, "module"), _moment(row, "when"), _words(row, "commit"))


def _moment(row: Mapping[str, str], name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(row[name].replace("Z", "+00:00"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        example = "2027-03-01T23:59:00+01:00"
        raise ValueError(f"{name} is {row[name]!r}, no moment with a zone: write {example}")
    return moment


def _override(row: Mapping[str, str]) -> Override:
    try:
        points = Fraction(row["points"])
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"points is {row['points']!r}, which is no number") from None
    if points < 0:
        raise ValueError(f"points is {row['points']}, below nothing")
    return Override(
        _login(row), row["assignment"], points, _words(row, "reason"), _words(row, "by")
    )


def _login(row: Mapping[str, str]) -> str:
    if not _LOGIN.fullmatch(row["login"]):
        raise ValueError(f"{row['login']!r} is no login of GitHub")
    return row["login"]


def _day(row: Mapping[str, str], name: str) -> date | None:
    text = row.get(name, "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ValueError(f"{name} is {text!r}: write a day such as 2027-03-01") from None


def _words(row: Mapping[str, str], name: str) -> str:
    if not row[name]:
        raise ValueError(f"{name} is empty: who asks later wants to know")
    return row[name]


def _fault(path: str, line: int, message: str, hint: str) -> Finding:
    return Finding("roster", "error", path, line, message, hint)


def _refuse(path: str, faults: Sequence[Finding]) -> None:
    if faults:
        raise RefusedError(f"{path} has {len(faults)} fault(s)", faults)
