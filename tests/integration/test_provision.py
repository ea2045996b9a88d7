"""Every student gets a repository, whatever happens in between, and nothing is made twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("openapi_core")

from bot import __main__ as program
from bot.classroom.provision import STARTED
from bot.localhub.repository import Repository
from tests.conftest import SmallCourse
from tests.integration.class_on_hub import World, git, world_in

ADA, BOB, CAM = "ada", "bob", "cam"


@pytest.fixture
def world(
    small: SmallCourse, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    with world_in(tmp_path_factory.mktemp("world"), small) as world:
        world.enter(monkeypatch)
        world.release()
        yield world


def students(repository: Repository) -> dict[str, str]:
    return {login: role for login, role in repository.roles.items() if login != "teacher"}


def run(*arguments: str) -> int:
    return program.invoke(["classroom", *arguments])


def test_a_class_is_provisioned_with_four_writes_a_student(world: World) -> None:
    world.roster(ADA, BOB, CAM)
    assert run("provision") == 0
    for login in (ADA, BOB, CAM):
        repository = world.hub.repository(f"acme/work-{login}")
        bare = world.bare(repository)
        main, feedback = git(bare, "rev-parse", "main"), git(bare, "rev-parse", "feedback")
        assert git(bare, "rev-parse", "main^") == feedback
        assert git(bare, "log", "-1", "--format=%s") == STARTED
        assert git(bare, "rev-list", "--count", "feedback") == "1"
        (pull,) = repository.pulls.values()
        assert (pull.base, pull.branch, pull.head_sha) == ("feedback", "main", main)
        assert repository.private
        repository.accept(login)
        assert repository.roles[login] == "write"
    # The fourth is the push of git, which is no request.
    assert len(world.hub.writes) == 3 * 3
    before = len(world.hub.writes), len(world.hub.requests)
    assert run("provision") == 0
    assert len(world.hub.writes) == before[0]
    assert len(world.hub.requests) - before[1] <= 5


def test_a_dry_run_writes_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.roster(ADA)
    assert run("provision", "--dry-run") == 0
    assert "work-ada: made" in capsys.readouterr().out
    assert world.hub.writes == []
    assert world.hub.state.find("acme", "work-ada") is None


def test_a_student_without_an_account_is_said_and_stops_nobody(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.roster(ADA)
    file = world.course.root / "roster.csv"
    file.write_text("login\nnobody-is-called-so\nada\n")
    assert run("provision") == 1
    assert "nobody on GitHub is called 'nobody-is-called-so'" in capsys.readouterr().out
    assert world.hub.state.find("acme", "work-ada") is not None


def test_a_repository_that_is_not_the_students_is_left_alone(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.hub.repository("acme/work-ada", private=True).description = "My own"
    world.roster(ADA, BOB)
    assert run("provision") == 1
    assert "is not ada's" in capsys.readouterr().out
    assert world.hub.repository("acme/work-ada").description == "My own"
    assert world.hub.repository("acme/work-bob").pulls


def test_a_login_that_was_changed_keeps_its_repository(world: World) -> None:
    world.roster(ADA)
    assert run("provision") == 0
    world.hub.repository("acme/work-ada").accept(ADA)
    world.work("work-ada", {"mine.txt": "mine"})
    number = world.hub.state.user(ADA).id
    world.hub.state.rename_user(ADA, "countess")
    world.roster(f"countess,{number}", columns="login,github_id")
    assert run("provision") == 0
    renamed = world.hub.state.find("acme", "work-countess")
    assert renamed is not None
    assert students(renamed) == {"countess": "write"}
    assert "countess [" in (renamed.description or "")
    assert git(world.bare("work-countess"), "show", "main:mine.txt") == "mine"
    assert len([r for r in world.organisation.repositories() if r.name.startswith("work-")]) == 1
    writes = len(world.hub.writes)
    assert run("provision") == 0
    assert len(world.hub.writes) == writes


def test_who_leaves_may_read_and_who_comes_back_may_write(world: World) -> None:
    world.roster("ada,active", "bob,active", columns="login,status")
    assert run("provision") == 0
    ada, bob = (world.hub.repository(f"acme/work-{login}") for login in (ADA, BOB))
    ada.accept(ADA)
    world.roster("ada,dropped", "bob,dropped", columns="login,status")
    assert run("provision") == 0
    assert students(ada) == {ADA: "read"}
    assert bob.invitations == {}
    assert "[-" in (ada.description or "")
    writes = len(world.hub.writes)
    assert run("provision") == 0
    assert len(world.hub.writes) == writes
    world.roster("ada,active", "bob,active", columns="login,status")
    assert run("provision") == 0
    assert students(ada) == {ADA: "write"}
    assert [each.invitee.login for each in bob.invitations.values()] == [BOB]


def test_a_group_has_one_repository_and_its_members_change(world: World) -> None:
    world.roster("ada,red", "bob,red", "cam,", columns="login,group")
    assert run("provision") == 0
    red = world.hub.repository("acme/work-red")
    assert {each.invitee.login for each in red.invitations.values()} == {ADA, BOB}
    red.accept(ADA)
    red.accept(BOB)
    world.roster("ada,red", "dan,red", "cam,", columns="login,group")
    assert run("provision") == 0
    assert students(red) == {ADA: "write", BOB: "read"}
    assert [each.invitee.login for each in red.invitations.values()] == ["dan"]


@pytest.mark.parametrize("lost", ["feedback", "pull", "invitation", "all but the copy"])
def test_r26_what_is_half_made_is_finished(world: World, lost: str) -> None:
    world.roster(ADA)
    assert run("provision") == 0
    repository, bare = world.hub.repository("acme/work-ada"), world.bare("work-ada")
    starter = git(bare, "rev-parse", "feedback")
    if lost in ("feedback", "all but the copy"):
        git(bare, "update-ref", "-d", "refs/heads/feedback")
    if lost == "all but the copy":
        git(bare, "update-ref", "refs/heads/main", starter)
    repository.pulls.clear()
    if lost in ("invitation", "all but the copy"):
        repository.invitations.clear()
    assert run("provision") == 0
    assert git(bare, "rev-parse", "feedback") == starter
    assert git(bare, "rev-parse", "main^") == starter
    assert [pull.base for pull in repository.pulls.values()] == ["feedback"]
    assert [each.invitee.login for each in repository.invitations.values()] == [ADA]


def test_a_history_that_is_none_of_ours_is_not_taken_for_the_starter(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.roster(ADA)
    assert run("provision") == 0
    repository, bare = world.hub.repository("acme/work-ada"), world.bare("work-ada")
    tree = git(bare, "hash-object", "-t", "tree", "-w", "/dev/null")
    other = git(bare, "commit-tree", tree, "-m", "Rewritten")
    git(bare, "update-ref", "refs/heads/main", other)
    git(bare, "update-ref", "-d", "refs/heads/feedback")
    repository.pulls.clear()
    assert run("provision") == 1
    assert "the first commit of work-ada is no release of this course" in capsys.readouterr().out
    assert git(bare, "rev-parse", "main") == other


def test_a_feedback_pull_request_that_was_closed_is_adopted(world: World) -> None:
    world.roster(ADA)
    assert run("provision") == 0
    repository = world.hub.repository("acme/work-ada")
    next(iter(repository.pulls.values())).close()
    assert run("provision") == 0
    assert len(repository.pulls) == 1
