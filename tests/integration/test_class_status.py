"""How far everybody is, and how little is asked to know it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

pytest.importorskip("openapi_core")

from bot import __main__ as program
from bot.classroom.remembered import FILE
from bot.classroom.session import opened
from bot.classroom.status import Row, Status
from tests.conftest import SmallCourse
from tests.integration.class_on_hub import Turned, World, world_in

ADA, BOB, CAM = "ada", "bob", "cam"


@pytest.fixture
def turned() -> Turned:
    return Turned()


@pytest.fixture
def world(
    small: SmallCourse,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    turned: Turned,
) -> Iterator[World]:
    """Three students with repositories, some hours after they were made."""
    with world_in(tmp_path_factory.mktemp("world"), small, clock=turned.now) as world:
        world.enter(monkeypatch)
        world.release()
        world.roster(ADA, BOB, CAM)
        assert program.invoke(["classroom", "provision"]) == 0
        turned.seconds += 3 * 3600
        yield world


def look(world: World, turned: Turned) -> tuple[Status, int]:
    """A look at the class, and how many requests it took."""
    before, written = len(world.hub.requests), len(world.hub.writes)
    with opened(world.course, "look", world.environment, turned.clock) as session:
        found = Status(session)
    assert len(world.hub.writes) == written
    return found, len(world.hub.requests) - before


def of(found: Status, login: str) -> Row:
    return next(row for row in found.rows if row.student == login)


def test_r27_only_what_has_changed_is_read_again(world: World, turned: Turned) -> None:
    first, asked = look(world, turned)
    assert first.read == 3
    # The list, who is in (two lists), and five requests for each repository of three students.
    assert asked <= 3 + 3 * 5
    assert [row.access for row in first.rows] == ["invited"] * 3
    again, quiet = look(world, turned)
    assert (again.read, again.rows) == (0, first.rows)
    assert quiet <= 3
    world.work("work-ada", {"notes.md": "Done\n"})
    world.hub.repository("acme/work-ada").refresh()
    changed, one = look(world, turned)
    assert changed.read == 1
    assert one <= 3 + 5


def test_what_a_row_says(world: World, turned: Turned) -> None:
    ada = world.hub.repository("acme/work-ada")
    ada.accept(ADA)
    sha = world.work("work-ada", {"notes.md": "Done\n"})
    ada.refresh()
    ada.status(sha, "failure", context="tito/feedback")
    look(world, turned)
    update = ada.pull_request(head_sha=sha, branch="course-update")
    ada.pull_request(head_sha=sha, branch="course-catch-up-01")
    found = look(world, turned)[0]
    row = of(found, ADA)
    assert (row.access, row.feedback, row.update) == ("accepted", "to mend", "open")
    assert row.catch_up == "01 open"
    assert len(row.release) == 16
    update.close(merged=True)
    assert of(look(world, turned)[0], ADA).update == "merged"
    world.work("work-bob", {"release.json": "nonsense"})
    bob = world.hub.repository("acme/work-bob")
    bob.refresh()
    bob.status(bob.branches["main"], "pending", context="tito/not-run")
    row = of(look(world, turned)[0], BOB)
    assert (row.release, row.feedback) == ("", "not run")


def test_an_invitation_that_is_accepted_or_expires_is_seen(world: World, turned: Turned) -> None:
    look(world, turned)
    world.hub.repository("acme/work-ada").accept(ADA)
    found = look(world, turned)[0]
    assert found.read == 0
    assert [row.access for row in found.rows] == ["accepted", "invited", "invited"]
    turned.days(8)
    found = look(world, turned)[0]
    assert [row.access for row in found.rows] == ["accepted", "expired", "expired"]


def test_what_is_wrong_is_said_with_what_mends_it(world: World, turned: Turned) -> None:
    (pull,) = world.hub.repository("acme/work-cam").pulls.values()
    del world.hub.repository("acme/work-cam").pulls[pull.number]
    world.hub.repository("acme/work-ada").accept(ADA)
    world.hub.state.rename_user(ADA, "countess")
    (world.course.root / "roster.csv").write_text(
        "login,status\nada,\nbob,dropped\ncam,\ndora,\nnobody,\ngone,dropped\n"
    )
    for login in ("dora", "gone"):
        world.hub.state.user(login)
    found = look(world, turned)[0]
    said = {each.rule: each for each in found.findings}
    assert set(said) == {"roster-login", "missing", "half-made", "renamed"}
    assert "is called countess by now" in said["renamed"].message
    assert of(found, BOB).access == "dropped"
    assert of(found, "dora").cells[1] == "no repository"
    assert of(found, "gone").access == "dropped"


def test_a_broken_memory_is_none(world: World, turned: Turned) -> None:
    look(world, turned)
    file = world.course.root / FILE
    kept = file.read_bytes()
    for broken in (b"", b"{}", kept.replace(b'"acme"', b'"other"')):
        file.write_bytes(broken)
        assert look(world, turned)[0].read == 3
    assert ADA.encode() not in file.read_bytes()


def test_the_table_and_its_json(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.invoke(["classroom", "status"]) == 0
    out = capsys.readouterr().out
    assert out.split("\n")[0].split() == [
        "student", "access", "repository", "last", "push", "feedback", "release", "update",
        "catch-up",
    ]  # fmt: skip
    assert "3 students, 0 have accepted; 3 read anew" in out
    assert program.invoke(["classroom", "status", "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["student"] for row in told["students"]] == [ADA, BOB, CAM]
    (world.course.root / "roster.csv").write_text("login\nnobody\n")
    assert program.invoke(["classroom", "status"]) == 1
