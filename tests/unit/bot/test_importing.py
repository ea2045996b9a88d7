"""Roster and grades of GitHub Classroom come along; what cannot be used is named with its line."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from bot import __main__ as program
from bot.classroom.importing import appended, grades, roster, rows_in
from tests.conftest import SmallCourse
from tito.course import Course, load
from tito.errors import TitoError
from tito.roster import read_overrides, read_roster

ROSTER = """\
"identifier","github_username","github_id","name"
"ada@example.invalid","ada","1001","Ada Lovelace"
"S-17","bob","",""
"S-18","","",""
"=HYPERLINK(1)","cam","x","+Cam"
"S-19","ADA","1001",""
"S-20","-nobody-","5",""

"""
GRADES = """\
assignment_name,assignment_url,starter_code_url,github_username,roster_identifier,student_repository_name,student_repository_url,submission_timestamp,points_awarded,points_available
=One,u,u,ada,a,r,u,2026-01-01,7,30
=One,u,u,bob,b,r,u,,30,30
=One,u,u,cam,c,r,u,,,30
=One,u,u,,d,r,u,,5,30
=One,u,u,dan,e,r,u,,5,0
=One,u,u,eve,f,r,u,,-5,30
=One,u,u,not a login,f,r,u,,5,30
"""


@pytest.fixture
def course(small: SmallCourse, monkeypatch: pytest.MonkeyPatch) -> Course:
    small.add("alpha", "#| default_exp core.alpha\n")
    root = small.load().root
    with (root / "classroom.yml").open("a", encoding="utf-8") as file:
        file.write("\nassignments: [{slug: first, title: A, modules: [alpha], points: 1}]\n")
    monkeypatch.chdir(root)
    return load(root)


def written(folder: Path, text: str, name: str = "export.csv") -> Path:
    file = folder / name
    file.write_bytes(text.encode())
    return file


@pytest.mark.parametrize("text", [ROSTER, "\ufeff" + ROSTER, ROSTER.replace("\n", "\r\n")])
def test_a_roster_comes_along(
    course: Course, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    file = written(course.root, text)
    assert program.invoke(["classroom", "import-roster", str(file)]) == 0
    shown = capsys.readouterr()
    assert "3 students, 3 left out" in shown.out
    for line, said in ((4, "no account yet"), (6, "stands in line 2 already"), (7, "no login")):
        assert f"export.csv:{line}" in shown.out + shown.err
        assert said in shown.out + shown.err
    for private in ("Lovelace", "example.invalid"):
        assert private not in shown.out + shown.err
    target = course.root / "roster.csv"
    found = read_roster(target, "roster.csv")
    assert [(s.login, s.github_id) for s in found] == [("ada", 1001), ("bob", None), ("cam", None)]
    assert target.read_text("utf-8").split("\n")[1:4] == [
        "ada,1001,active,Ada Lovelace,ada@example.invalid,",
        "bob,,active,,,S-17",
        "cam,,active,'+Cam,,'=HYPERLINK(1)",
    ]


def test_a_roster_that_is_there_is_not_overwritten(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    file, target = written(course.root, ROSTER), course.root / "roster.csv"
    target.write_text("mine", encoding="utf-8")
    assert program.invoke(["classroom", "import-roster", str(file)]) == 1
    assert "--output FILE" in capsys.readouterr().err
    assert target.read_text("utf-8") == "mine"
    assert program.invoke(["classroom", "import-roster", str(file), "--output", "other.csv"]) == 0
    assert len(read_roster(course.root / "other.csv", "other.csv")) == 3
    assert program.invoke(["classroom", "import-roster", str(file), "--output", "no/x.csv"]) == 1


def test_grades_come_along_as_points_set_by_hand(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["classroom", "import-grades", str(written(course.root, GRADES)), "--assignment"]
    assert program.invoke([*command, "first", "--dry-run"]) == 0
    target = course.root / "overrides.csv"
    assert not target.exists()
    assert program.invoke([*command, "first"]) == 0
    shown = capsys.readouterr().out
    assert "2 rows would be added, 5 left out" in shown
    assert "2 rows were added, 5 left out" in shown
    found = read_overrides(course, target, "overrides.csv")
    assert [(o.login, o.points) for o in found] == [("ada", Fraction(7, 30)), ("bob", 1)]
    assert found[0].reason == "'=One: 7 of 30 points"
    assert program.invoke([*command, "first"]) == 0
    assert read_overrides(course, target, "overrides.csv") == found
    assert program.invoke([*command, "second"]) == 2
    assert "there are: first" in capsys.readouterr().err


def test_what_was_set_by_hand_stays_below_what_is_added(course: Course) -> None:
    text = "by,login,assignment,points,reason\nme,ada,first,9,asked"
    target = written(course.root, text, "overrides.csv")
    found, _ = grades(written(course.root, GRADES), course.assignments[0])
    assert appended(text, found[:1]).startswith(f"{text}\nimport-grades,ada,first,7/30,")
    arguments = ["import-grades", str(course.root / "export.csv"), "--assignment", "first"]
    assert program.invoke(["classroom", *arguments]) == 0
    rows = read_overrides(course, target, "overrides.csv")
    assert [(row.login, row.by) for row in rows] == [
        ("ada", "me"), ("ada", "import-grades"), ("bob", "import-grades"),
    ]  # fmt: skip


def test_one_row_twice_is_added_once(course: Course) -> None:
    lines = GRADES.split("\n")
    written(course.root, "\n".join([*lines[:2], lines[1], ""]))
    arguments = ["import-grades", "export.csv", "--assignment", "first"]
    assert program.invoke(["classroom", *arguments]) == 0
    target = course.root / "overrides.csv"
    assert len(read_overrides(course, target, "overrides.csv")) == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no column identifier"), (b"identifier,name\n", "no column github_username"),
        (b"\xff", "not UTF-8"), (b'identifier,github_username\n"a\n', "unexpected end"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_export_is_said(tmp_path: Path, data: bytes, said: str) -> None:
    file = tmp_path / "export.csv"
    with pytest.raises(TitoError, match="cannot be read"):
        roster(file)
    file.write_bytes(data)
    with pytest.raises(TitoError, match=said):
        roster(file)


def test_a_short_row_has_no_more_cells_than_it_has(tmp_path: Path) -> None:
    file = written(tmp_path, "identifier,github_username\nx\n")
    assert rows_in(file, ["identifier"])[0].cells == {"identifier": "x"}
