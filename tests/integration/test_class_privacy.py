"""Nothing but logins leaves the private roster: not to GitHub, not into git, not into any log."""

from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openapi_core")

from bot import __main__ as program
from tests.conftest import SmallCourse
from tests.integration.class_on_hub import DEV, SECTIONS, World, world_in

NAMES = ("Lovelace", "Augusta", "Babbage", "Charles")
PRIVATE = (*NAMES, "lovelace@mail.invalid", "babbage@mail.invalid", "4711-0815", "4711-0816")
DUE = '    due: "2020-01-05T00:00:00+00:00"\n'
STUB = DEV.replace("return 1", "raise NotImplementedError")


@pytest.fixture
def world(
    small: SmallCourse, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    with world_in(tmp_path_factory.mktemp("world"), small, SECTIONS + DUE) as world:
        for name, value in world.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(world.course.root)
        world.release(**{"modules__source__01_alpha__alpha_dev.py": STUB})
        yield world


def objects(repository: Path) -> bytes:
    """Every object of a git repository, reachable or not."""
    command = ["git", "-C", str(repository), "cat-file", "--batch", "--batch-all-objects"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def found_in(data: bytes) -> list[str]:
    return [each for each in PRIVATE if each.lower().encode() in data.lower()]


@pytest.mark.slow
def test_nothing_but_logins_leaves_the_roster(
    world: World, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    world.roster(
        'ada,"Lovelace, Augusta",lovelace@mail.invalid,4711-0815,',
        "bob,Charles Babbage,babbage@mail.invalid,4711-0816,",
        columns="login,name,email,student_number,section",
    )
    archive = tmp_path / "ada.zip"
    commands = [
        ["plan"],
        ["provision"],
        ["update"],
        ["doctor"],
        ["status"],
        ["status", "--json", str(tmp_path / "status.json")],
        ["catch-up", "01"],
        ["export", "--login", "ada", "--output", str(archive)],
        ["preview-as-student", "--output", str(tmp_path / "student")],
        ["provision", "--json", "-"],
    ]
    for each in commands[:2]:
        assert program.invoke(["classroom", *each]) == 0
    world.work("work-ada", {"modules/source/01_alpha/alpha_dev.py": STUB + "# mine\n"})
    world.release(
        **{"modules__source__01_alpha__alpha_dev.py": STUB, "README.md": "Welcome again\n"}
    )
    for each in commands[2:]:
        assert program.invoke(["classroom", *each]) in ([0, 1] if each == ["doctor"] else [0]), each
    # A run that fails says no more: somebody has no account, and a row has a fault.
    world.roster("bob,Babbage,babbage@mail.invalid", columns="login,name,email")
    roster = world.course.root / "roster.csv"
    roster.write_text(roster.read_text() + "nobody,Lovelace,lovelace@mail.invalid\n")
    assert program.invoke(["classroom", "provision"]) == 1
    roster.write_text("login,name,status\nada,Augusta Lovelace,Charles,\n")
    assert program.invoke(["classroom", "provision"]) == 1

    said = "".join(capfd.readouterr())
    assert "catch-up 01 offered" in said
    assert "update offered" in said
    sent = json.dumps([[w.method, w.path, w.body] for w in world.hub.writes])
    sent += json.dumps(world.hub.requests)
    assert found_in((said + sent).encode()) == []
    with zipfile.ZipFile(archive) as opened:
        held = b"".join(opened.read(name) for name in opened.namelist())
    kept = [*(world.course.root / ".tito").rglob("*"), world.course.root / "catch-ups.csv"]
    files = [path.read_bytes() for path in [*kept, tmp_path / "status.json"] if path.is_file()]
    assert len(files) >= 3
    for data in (held, *files):
        assert found_in(data) == []
    repositories = [*(world.folder / "forge" / "acme").iterdir(), tmp_path / "student"]
    assert len(repositories) == 4
    for repository in repositories:
        data = objects(repository)
        assert b"Welcome" in data
        assert found_in(data) == []


def test_what_leaks_would_be_found(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    blob = ["git", "-C", str(tmp_path), "hash-object", "-w", "--stdin"]
    subprocess.run(blob, input=b"by AUGUSTA", check=True, capture_output=True)
    assert found_in(objects(tmp_path)) == ["Augusta"]
