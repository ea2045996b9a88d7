"""Roster, extensions, overrides: every fault is said with its line, and nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tito.course import load
from tito.errors import RefusedError, TitoError
from tito.roster import Student, read_extensions, read_overrides, read_roster

GOOD = """\
login,github_id,status,group,joined,name,email
ada,1001,active,,,"Lovelace, Ada",ada@example.invalid

bob,,dropped,red,2027-03-01,Bob,
"""


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "file.csv"
    file.write_bytes(text.encode())
    return file


def faults(read: Callable[[], Any]) -> list[tuple[int, str]]:
    with pytest.raises(RefusedError) as caught:
        read()
    return [(finding.line, finding.message) for finding in caught.value.findings]


@pytest.mark.parametrize("text", [GOOD, "\ufeff" + GOOD, GOOD.replace("\n", "\r\n")])
def test_a_roster_is_read_and_names_are_left_where_they_are(tmp_path: Path, text: str) -> None:
    found = read_roster(written(tmp_path, text), "roster.csv")
    assert found == (
        Student("ada", 1001),
        Student("bob", None, False, "", "red", date(2027, 3, 1)),
    )
    assert "Lovelace" not in repr(found)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("bob,,", "-bob,,", 4, "no login"),
        ("bob,,", "Ada,,", 4, "ada stands in line 2 already"),
        ("bob,,", "bob,1001,", 4, "1001 stands in line 2 already"),
        ("1001", "ten", 2, "github_id is 'ten'"),
        ("1001", "0", 2, "github_id is '0'"),
        ("dropped", "gone", 4, "status is 'gone'"),
        ("red", "Red!", 4, "group is 'Red!'"),
        ("2027-03-01", "March", 4, "joined is 'March'"),
        ("Bob,", "Bob", 4, "6 values stand here, the header names 7"),
        ("login,", "user,", 1, "the column 'login' is missing"),
        ("email\n", "phone\n", 1, "unknown column 'phone'"),
        ("name,email\n", "name,name\n", 1, "a column stands twice"),
        ('"Lovelace, Ada"', '"Lovelace', 4, "unexpected end of data"),
    ],
)
def test_what_is_wrong_in_a_roster_is_said(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    assert old in GOOD
    file = written(tmp_path, GOOD.replace(old, new))
    found = faults(lambda: read_roster(file, "roster.csv"))
    assert any(at == line and message in said for at, said in found), found


def test_a_roster_that_is_missing_or_no_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(TitoError) as caught:
        read_roster(tmp_path / "none.csv", "none.csv")
    assert "login" in caught.value.hint
    (tmp_path / "latin.csv").write_bytes(b"login\nj\xf6rg\n")
    with pytest.raises(TitoError, match="not UTF-8"):
        read_roster(tmp_path / "latin.csv", "latin.csv")


def test_extensions_and_overrides_are_read(tmp_path: Path) -> None:
    course = load(ROOT)
    text = "login,assignment,until,reason\nada,vision,2027-03-28T02:30:00+01:00,ill\n"
    (found,) = read_extensions(course, written(tmp_path, text), "extensions.csv")
    assert (found.login, found.until.utcoffset()) == ("ada", timedelta(hours=1))
    text = "login,assignment,points,reason,by\nada,vision,7/2,regraded by hand,prof\n"
    (changed,) = read_overrides(course, written(tmp_path, text), "overrides.csv")
    assert (changed.points, changed.by) == (Fraction(7, 2), "prof")
    assert read_extensions(course, tmp_path / "none.csv", "none.csv") == ()
    assert read_overrides(course, tmp_path / "none.csv", "none.csv") == ()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("ada,vision,2027-03-01T10:00:00,ill", "no moment with a zone"),
        ("ada,vision,soon,ill", "no moment with a zone"),
        ("ada,sight,2027-03-01T10:00:00Z,ill", "unknown assignment 'sight'"),
        ("ada,vision,2027-03-01T10:00:00Z,", "reason is empty"),
    ],
)
def test_what_is_wrong_in_an_extension_is_said(tmp_path: Path, row: str, message: str) -> None:
    file = written(tmp_path, f"login,assignment,until,reason\n{row}\n")
    ((line, said),) = faults(lambda: read_extensions(load(ROOT), file, "extensions.csv"))
    assert line == 2
    assert message in said


@pytest.mark.parametrize(
    ("points", "message"), [("many", "is no number"), ("1/0", "is no number"), ("-1", "below")]
)
def test_what_is_wrong_in_an_override_is_said(tmp_path: Path, points: str, message: str) -> None:
    file = written(tmp_path, f"login,assignment,points,reason,by\nada,vision,{points},so,prof\n")
    ((line, said),) = faults(lambda: read_overrides(load(ROOT), file, "overrides.csv"))
    assert line == 2
    assert message in said
