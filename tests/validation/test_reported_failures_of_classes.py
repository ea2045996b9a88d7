"""What instructors reported of tools that keep a class. One test a row; here each is impossible."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.conftest import SmallCourse

if TYPE_CHECKING:
    from tests.integration.class_on_hub import Turned, World


@pytest.fixture
def class_and_clock(
    small: SmallCourse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, Turned]]:
    """A class on the local GitHub, and the clock that both sides go by."""
    pytest.importorskip("openapi_core")
    pytest.importorskip("github")
    from tests.integration.class_on_hub import Turned, world_in

    turned = Turned()
    with world_in(tmp_path_factory.mktemp("world"), small, clock=turned.now) as world:
        world.release()
        yield world, turned


def provisioned(world: World, turned: Turned) -> list[str]:
    """What a run of `provision` says it has done."""
    from bot.classroom.provision import Provisioner, lately
    from bot.classroom.session import opened

    with opened(world.course, "provision", world.environment, turned.clock) as session:
        lately(session.course, session.repositories, session.pace, session.clock)
        provisioner = Provisioner(session.course, session.door, session.forge, clock=session.clock)
        steps = list(provisioner.run(session.targets, session.repositories))
    assert not any(step.failed for step in steps)
    return [f"{step.repository}: {step.what}" for step in steps]


def test_r29_an_invitation_that_expired_is_made_again_and_nothing_is_lost(
    class_and_clock: tuple[World, Turned],
) -> None:
    world, turned = class_and_clock
    world.roster("ada", "bob")
    assert len(provisioned(world, turned)) == 8
    ada, bob = (world.hub.repository(f"acme/work-{login}") for login in ("ada", "bob"))
    bob.accept("bob")
    sha = world.work("work-bob", {"notes.md": "mine\n"})
    [first] = ada.invitations.values()
    identities = (ada.id, bob.id)
    turned.days(8)
    assert first.expires < turned.now()
    assert provisioned(world, turned) == ["work-ada: ada invited again"]
    [second] = ada.invitations.values()
    assert second.id != first.id
    assert second.expires > turned.now()
    # Until it expires too, or is accepted, there is nothing to do.
    assert provisioned(world, turned) == []
    ada.accept("ada")
    assert ada.roles["ada"] == "write"
    turned.days(30)
    assert provisioned(world, turned) == []
    assert (ada.id, bob.id) == identities
    assert bob.roles["bob"] == "write"
    assert bob.branches["main"] == sha
    assert not [write for write in world.hub.writes if "/invitations" not in write.path
                and write.method == "DELETE"]  # fmt: skip
    assert [len(each.pulls) for each in (ada, bob)] == [1, 1]
