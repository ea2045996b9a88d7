"""What was kept in GitHub Classroom comes along: its roster and its grades, as it exported them.

Both files are private, and stay in the course. Nothing is guessed: a row that cannot be used is
named with its line, and left out.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tito.assignments import Assignment
from tito.errors import TitoError
from tito.report import Finding
from tito.results import escaped
from tito.roster import OVERRIDES, Override

LOGIN = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}")
ROSTER_COLUMNS = ("identifier", "github_username", "github_id", "name")
GRADE_COLUMNS = ("assignment_name", "github_username", "points_awarded", "points_available")
WRITTEN = ("login", "github_id", "status", "name", "email", "student_number")
BY = "import-grades"
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


@dataclass(frozen=True)
class Row:
    """A line of an export, by the names of its columns."""

    line: int
    cells: Mapping[str, str]


def rows_in(file: Path, columns: Sequence[str]) -> list[Row]:
    """Every row of an export. Raises TitoError if it is none, or lacks one of these columns."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise TitoError(f"cannot be read: {error.strerror}", where=str(file)) from None
    except UnicodeDecodeError:
        raise TitoError("the file is not UTF-8", where=str(file)) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        lacking = [name for name in columns if name not in header]
        if lacking:
            hint = f"an export has the columns {', '.join(columns)}"
            raise TitoError(f"there is no column {lacking[0]}", where=f"{file}:1", hint=hint)
        found = []
        for values in reader:
            cells = dict(zip(header, (value.strip() for value in values), strict=False))
            if any(cells.values()):
                found.append(Row(reader.line_num, cells))
    except csv.Error as error:
        raise TitoError(str(error), where=f"{file}:{reader.line_num}") from None
    return found


def roster(file: Path) -> tuple[str, list[Finding]]:
    """The text of a roster.csv from an exported roster, and what was left out.

    An identifier with an @ is taken for an e-mail, any other for a student number.
    """
    made = io.StringIO(newline="")
    writer = csv.DictWriter(made, WRITTEN, lineterminator="\n")
    writer.writeheader()
    seen: dict[str, int] = {}
    left_out = []
    for row in rows_in(file, ROSTER_COLUMNS[:2]):
        login, number = row.cells["github_username"], row.cells.get("github_id", "")
        identifier = row.cells["identifier"]
        earlier = seen.get(login.lower())
        if not login:
            message = "this student has no account yet"
            hint = "add the row to the roster by hand as soon as you know the login"
            left_out.append(_warning(file, row, message, hint))
        elif not LOGIN.fullmatch(login):
            left_out.append(_warning(file, row, f"{login!r} is no login of GitHub", "ask for it"))
        elif earlier:
            message = f"{login} stands in line {earlier} already"
            left_out.append(_warning(file, row, message, "two entries have one account: look why"))
        else:
            seen[login.lower()] = row.line
            column = "email" if "@" in identifier else "student_number"
            name = row.cells.get("name", "")
            known = number if re.fullmatch(r"[1-9][0-9]{0,14}", number) else ""
            cells = {"login": login, "github_id": known, "status": "active"}
            writer.writerow({**cells, "name": escaped(name), column: escaped(identifier)})
    return made.getvalue(), left_out


def grades(file: Path, assignment: Assignment) -> tuple[list[Override], list[Finding]]:
    """Points set by hand, from exported grades, and what was left out.

    Points are brought to what the assignment is worth here, as exact fractions.
    """
    found, left_out = [], []
    for row in rows_in(file, GRADE_COLUMNS):
        login, name, awarded, available = (
            row.cells.get(column, "")
            for column in ("github_username", "assignment_name", *GRADE_COLUMNS[2:])
        )
        if not LOGIN.fullmatch(login):
            message = f"{login!r} is no login of GitHub" if login else "this row is nobody's"
            left_out.append(_warning(file, row, message, "set these points by hand"))
        elif not awarded:
            left_out.append(_warning(file, row, f"{login} has no points", "nothing was graded"))
        elif not (_number(awarded) and _number(available) and Fraction(available)):
            message = f"{login} has {awarded!r} of {available!r} points, which are no numbers"
            left_out.append(_warning(file, row, message, "set these points by hand"))
        else:
            points = Fraction(awarded) / Fraction(available) * assignment.points
            reason = escaped(f"{name}: {awarded} of {available} points")
            found.append(Override(login, assignment.slug, points, reason, BY))
    return found, left_out


def new_ones(found: Sequence[Override], there: Sequence[Override]) -> list[Override]:
    """Those that no earlier import has brought, whatever was set by hand since."""
    known = {(row.login.lower(), row.assignment, row.points, row.reason) for row in there}
    fresh = []
    for row in found:
        key = (row.login.lower(), row.assignment, row.points, row.reason)
        if key not in known:
            known.add(key)
            fresh.append(row)
    return fresh


def appended(text: str, rows: Sequence[Override]) -> str:
    """The text of an overrides.csv with these rows at its end, in the order of its columns."""
    made = io.StringIO(newline="")
    first = next(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")), None)
    columns = [name.strip().lower() for name in first or OVERRIDES]
    writer = csv.DictWriter(made, columns, lineterminator="\n")
    if first is None:
        writer.writeheader()
    for row in rows:
        cells = {"login": row.login, "assignment": row.assignment, "points": str(row.points)}
        writer.writerow({**cells, "reason": row.reason, "by": row.by})
    gap = "\n" if text and not text.endswith("\n") else ""
    return f"{text}{gap}{made.getvalue()}"


def _number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def _warning(file: Path, row: Row, message: str, hint: str) -> Finding:
    return Finding("import", "warning", file.name, row.line, f"left out: {message}", hint)
