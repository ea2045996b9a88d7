"""What the bot does when GitHub fails, loses an answer, or changes while the bot works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openapi_core")
pytest.importorskip("github")

from bot.errors import LaterError, UnsureError
from bot.localhub import LocalHub
from bot.localhub.answers import Message
from bot.post import post
from bot.settings import settings_from
from tests.integration.posting import HEAD, RED, Posting
from tito.errors import TitoError

pytestmark = pytest.mark.slow


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


SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)


def test_a_refused_create_is_repeated_after_a_look(world: Posting) -> None:
    pull = world.open()
    world.hub.fail(2, 403, message=SECONDARY, method="POST", path="/comments")
    world.post(world.run(pull))
    assert len(world.bodies(pull)) == 1
    asked = [method for method, path in world.hub.requests if path.endswith("/issues/1/comments")]
    assert asked == ["GET", "GET", "POST", "GET", "POST", "GET", "POST", "GET"]


@pytest.mark.parametrize(
    ("status", "message"), [(403, SECONDARY), (429, ""), (502, "")], ids=["403", "429", "502"]
)
def test_an_edit_that_had_to_wait_does_not_overwrite_a_newer_run(
    world: Posting, status: int, message: str
) -> None:
    pull = world.open()
    world.post(world.run(pull))
    old, new = world.run(pull, "failure"), world.run(pull)
    hub, comments = world.hub, "/issues/1/comments"
    hub.fail(1, status, message=message, method="PATCH")
    # While the old run waits, somebody reports the new one.
    newer = lambda: hub.before(lambda: world.post(new), method="GET", path=comments)  # noqa: E731
    hub.before(newer, method="PATCH")
    said = world.post(old, RED)
    assert said == ["Pull request 1: run 3, attempt 1 has reported already."]
    assert "run=3 " in world.bodies(pull)[0]
    assert set(world.states().values()) == {"success"}


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        ("secondary", {"Retry-After": "301"}),
        ("primary", {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4000000000"}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_limit_that_is_too_far_away_stops_it_at_once(
    world: Posting, kind: str, headers: dict[str, str], method: str
) -> None:
    run = world.run(world.open())
    path = "/pulls" if method == "GET" else "/statuses/"
    message = SECONDARY if kind == "secondary" else "API rate limit exceeded for installation."
    world.hub.fail(1, 403, message=message, method=method, path=path, headers=headers)
    said = []
    with pytest.raises(LaterError, match="takes no requests before"):
        said += post(settings_from(world.environment(run)), world.write(RED, run))
    assert [path for _, path in world.hub.requests if path.endswith("/pulls")] == [
        "/repos/acme/course/pulls"
    ]


def test_what_was_done_is_said_before_the_end_is_known(world: Posting) -> None:
    run = world.run(world.open())
    world.hub.fail(1, 429, method="POST", path="/statuses/", headers={"Retry-After": "9999"})
    sentences = post(settings_from(world.environment(run)), world.write(RED, run))
    assert next(sentences) == "Pull request 1: commented."
    with pytest.raises(LaterError):
        next(sentences)


def test_a_limit_without_end_is_given_up(world: Posting) -> None:
    run = world.run(world.open())
    world.hub.fail(99, 403, message=SECONDARY, path="/pulls")
    with pytest.raises(TitoError, match="list the pull requests"):
        world.post(run)
    assert len(world.hub.requests) == 5


def test_a_403_that_is_no_limit_is_not_repeated(world: Posting) -> None:
    run = world.run(world.open())
    world.hub.fail(1, 403, message="Repository was archived so is read-only.", method="POST")
    with pytest.raises(TitoError, match="403 Repository was archived"):
        world.post(run)
    assert len(world.writes()) == 1


def test_a_github_that_cannot_be_reached_is_said_in_words(world: Posting) -> None:
    run = world.run(world.open())
    world.hub.fail(99, 500, path="/pulls")
    with pytest.raises(TitoError, match="could not be reached to list the pull requests"):
        world.post(run)


def test_a_token_nobody_knows_is_said_in_words(world: Posting) -> None:
    world.token = "ghs_unknown_token"
    with pytest.raises(TitoError, match="401"):
        world.post(world.run(world.open()))


def test_a_page_instead_of_json_is_no_limit(world: Posting) -> None:
    """What stands between us and GitHub answers in its own words."""
    run = world.run(world.open())
    answer = world.hub.answer

    def proxied(method: str, target: str, request: Message) -> Message | None:
        if "/pulls" in target:
            return Message({"Content-Type": "text/html"}, b"<h1>Forbidden</h1>", 403)
        return answer(method, target, request)

    world.hub.answer = proxied  # type: ignore[method-assign]
    with pytest.raises(TitoError, match="did not list the pull requests: 403"):
        world.post(run)


def test_a_comment_deleted_while_the_statuses_are_written_does_not_stop_them(
    world: Posting,
) -> None:
    pull = world.open()
    gone = lambda: world.course.delete_comment(world.course.comments(1)[0].id)  # noqa: E731
    world.hub.before(gone, method="POST", path="/statuses/")
    world.post(world.run(pull))
    assert world.bodies(pull) == []
    assert world.states()["tito/verdict"] == "success"


def test_a_base_that_cannot_be_compared_links_no_line(world: Posting) -> None:
    pull = world.open()
    pull.base_files = ["README.md"]
    world.hub.fail(1, 404, message="Not Found", path=f"/compare/{HEAD}...")
    world.post(world.run(pull, "failure"), RED)
    assert "#L" not in world.bodies(pull)[0]
