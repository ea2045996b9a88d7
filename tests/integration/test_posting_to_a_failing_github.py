"""What the bot does when GitHub fails, loses an answer, or changes while the bot works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openapi_core")
pytest.importorskip("github")

from bot.errors import UnsureError
from bot.localhub import LocalHub
from tests.integration.posting import HEAD, RED, Posting
from tito.errors import TitoError


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Posting]:
    """Every test ends by asking GitHub's description what was wrong with its requests."""
    with LocalHub() as hub:
        yield Posting(hub, tmp_path)
        assert hub.violations == []


def test_a_comment_deleted_between_list_and_edit_is_created_again(world: Posting) -> None:
    pull = world.open()
    world.post(world.run(pull, "failure"), RED)
    [first] = world.course.comments(1)
    world.hub.before(lambda: world.course.delete_comment(first.id), method="PATCH")
    assert world.post(world.run(pull))[0] == "Pull request 1: commented."
    [second] = world.course.comments(1)
    assert second.id != first.id
    assert "✓ Every gate passed" in second.body


def test_an_answer_that_gets_lost_makes_no_second_comment(world: Posting) -> None:
    pull = world.open()
    world.hub.drop_response_after_write()
    world.post(world.run(pull))
    assert len(world.bodies(pull)) == 1
    assert [w for w in world.writes() if "/comments" in w] == [
        "POST /repos/acme/course/issues/1/comments"
    ]


def test_a_status_whose_answer_gets_lost_is_not_written_twice(world: Posting) -> None:
    run = world.run(world.open())
    world.post(run)
    world.course.status(HEAD, "error", context="tito/export")
    world.hub.drop_response_after_write()
    world.post(run)
    assert len([s for s in world.course.statuses(HEAD) if s.context == "tito/export"]) == 3


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_create_that_failed_is_tried_again_after_a_look(world: Posting, status: int) -> None:
    pull = world.open()
    world.hub.fail(1, status, method="POST", path="/comments")
    world.hub.fail(1, status, method="POST", path="/statuses/")
    world.post(world.run(pull))
    assert len(world.bodies(pull)) == 1
    assert world.states()["tito/verdict"] == "success"
    asked = [f"{m} {p}" for m, p in world.hub.requests if p.endswith("/issues/1/comments")]
    assert [line.split()[0] for line in asked] == ["GET", "GET", "POST", "GET", "POST", "GET"]


def test_a_github_that_stays_down_is_said_in_words(world: Posting) -> None:
    pull = world.open()
    world.hub.fail(99, 502, method="POST", path="/comments")
    with pytest.raises(UnsureError, match=r"comment on pull request 1: 502"):
        world.post(world.run(pull))
    assert world.bodies(pull) == []


def test_statuses_that_cannot_be_written_are_said_in_words(world: Posting) -> None:
    world.hub.fail(99, 502, method="POST", path="/statuses/")
    with pytest.raises(UnsureError, match="write the status tito/export"):
        world.post(world.run(world.open()))


def test_questions_and_edits_are_repeated(world: Posting) -> None:
    pull = world.open()
    world.post(world.run(pull, "failure"), RED)
    for method in ("GET", "PATCH"):
        world.hub.fail(2, 502, method=method)
    world.post(world.run(pull))
    assert "✓ Every gate passed" in world.bodies(pull)[0]


def test_a_refused_create_is_repeated_at_once(world: Posting) -> None:
    pull = world.open()
    limit = (
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    )
    world.hub.fail(2, 403, message=limit, method="POST", path="/comments")
    world.post(world.run(pull))
    assert len(world.bodies(pull)) == 1


def test_a_github_that_cannot_be_reached_is_said_in_words(world: Posting) -> None:
    run = world.run(world.open())
    world.hub.fail(99, 500, path="/pulls")
    with pytest.raises(TitoError, match="could not be reached to list the pull requests"):
        world.post(run)


def test_a_token_nobody_knows_is_said_in_words(world: Posting) -> None:
    world.token = "ghs_unknown_token"
    with pytest.raises(TitoError, match="401"):
        world.post(world.run(world.open()))
