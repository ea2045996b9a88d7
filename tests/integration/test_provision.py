"""Every student gets a repository, whatever happens in between, and nothing is made twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("openapi_core")

from bot import __main__ as program
from bot.classroom.provision import STARTED
from tests.conftest import SmallCourse
from tests.integration.class_on_hub import World, git, world_in

ADA, BOB, CAM = "ada", "bob", "cam"


@pytest.fixture
def world(
    small: SmallCourse, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    with world_in(tmp_path_factory.mktemp("world"), small) as world:
        for name, value in world.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(world.course.root)
        world.release()
        yield world


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
