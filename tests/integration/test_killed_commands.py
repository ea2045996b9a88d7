"""A command that dies, or meets a GitHub that fails, is run again: same end, nothing twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openapi_core")

from tests.conftest import SmallCourse
from tests.integration.class_on_hub import world_in
from tests.integration.client import Client
from tests.integration.killing import Killer, every_request_fails_once, state_of, through_the_term

pytestmark = pytest.mark.slow
THREE = ["ada", "bob", "cam"]
WRITES, PUSHES = 17, 7
"""So many there are in a term of three students. A test counts them."""


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client() as client:
        yield client


def world(folder: Path) -> Any:
    (folder / "course").mkdir(parents=True)
    return world_in(folder, SmallCourse(folder / "course"))


@pytest.fixture(scope="module")
def undisturbed(client: Client, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with world(tmp_path_factory.mktemp("undisturbed")) as made:
        killer = Killer(client, made)
        through_the_term(killer, THREE)
        assert (len(made.hub.writes), killer.pushes, killer.kills) == (WRITES, PUSHES, 0)
        return state_of(made)


@pytest.mark.parametrize("write", range(1, WRITES + 1))
def test_killed_after_a_write(
    write: int, client: Client, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    with world(tmp_path / "world") as made:
        killer = Killer(client, made, at_write=[write])
        through_the_term(killer, THREE)
        assert killer.kills == 1
        assert state_of(made) == undisturbed


@pytest.mark.parametrize("push", range(1, PUSHES + 1))
def test_killed_after_a_push(
    push: int, client: Client, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    with world(tmp_path / "world") as made:
        killer = Killer(client, made, at_push=push)
        through_the_term(killer, THREE)
        assert killer.kills <= 1  # the last words of a push may come after the command's own end
        assert state_of(made) == undisturbed


@pytest.mark.parametrize("lost", [False, True])
def test_every_request_fails_once(
    lost: bool,
    client: Client,
    undisturbed: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = every_request_fails_once(monkeypatch, lost=lost)
    with world(tmp_path / "world") as made:
        through_the_term(Killer(client, made), THREE)
        assert state_of(made) == undisturbed
    assert len(seen) > 40


def test_ten_random_places_among_thirty_students(client: Client, tmp_path: Path) -> None:
    students = [f"student-{n:02}" for n in range(30)]
    with world(tmp_path / "calm") as made:
        killer = Killer(client, made)
        through_the_term(killer, students)
        expected, writes = state_of(made), len(made.hub.writes)
    chosen = sorted(random.Random(6).sample(range(1, writes), 10))
    gaps = [after - before for before, after in zip([0, *chosen], chosen, strict=False)]
    with world(tmp_path / "killed") as made:
        killer = Killer(client, made, at_write=gaps)
        through_the_term(killer, students)
        assert killer.kills == 10
        assert state_of(made) == expected
