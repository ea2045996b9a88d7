"""Which comment is ours, and what is done with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.comment import (
    TRIES,
    Marker,
    Plan,
    linked_paths,
    marker_of,
    plan,
    read_marker,
    same_attempt,
    write,
)
from bot.errors import GoneError
from bot.model import Comment
from tests.hostile.texts import TEXTS
from tests.unit.bot.subjects import HEAD, RUN

BOT = "github-actions[bot]"
MARKER = Marker(7, HEAD, 12, 2)
BODY = f"{MARKER.line}\n\nnew"


def ours(number: int, run: int, attempt: int = 1, text: str = "old", author: str = BOT) -> Comment:
    return Comment(number, author, f"{Marker(7, HEAD, run, attempt).line}\n\n{text}")


def test_a_marker_survives_the_way_there_and_back() -> None:
    assert read_marker(BODY) == MARKER
    assert read_marker(BODY.replace("\n", "\r\n")) == MARKER
    assert marker_of(RUN, 7) == Marker(7, HEAD, 12, 1)


def test_a_marker_of_another_version_is_ours_with_what_it_says() -> None:
    assert read_marker("<!-- tito-report v9 run=4 -->\nx") == Marker(0, "", 4, 0)
    assert read_marker("<!-- tito-report v2 run=abc attempt=99999999999999999 -->") == Marker(
        0, "", 0, 0
    )


@pytest.mark.parametrize("text", ["", "x", f"hello\n{MARKER.line}", f"> {MARKER.line}", *TEXTS])
def test_a_marker_anywhere_but_on_the_first_line_is_none(text: str) -> None:
    assert read_marker(text) is None


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    assert read_marker(text) is None or text.lstrip().startswith("<!-- tito-report")


@pytest.mark.parametrize(
    ("comments", "wanted"),
    [
        ([], Plan(create=True)),
        ([Comment(1, "ann", "hello")], Plan(create=True)),
        ([ours(1, 99, author="ann")], Plan(create=True)),
        ([Comment(1, BOT, "another bot's words")], Plan(create=True)),
        ([ours(1, 11)], Plan(edit=1)),
        ([ours(1, 12, 1)], Plan(edit=1)),
        ([Comment(1, BOT, BODY)], Plan()),
        ([Comment(1, BOT, BODY.replace("\n", "\r\n") + "\n")], Plan()),
        ([ours(9, 3), ours(4, 2), ours(6, 1)], Plan(edit=4, delete=(6, 9))),
        ([Comment(3, BOT, BODY), ours(5, 1)], Plan(delete=(5,))),
        ([ours(1, 13)], Plan(stop="run 13, attempt 1 has reported already")),
        ([ours(1, 12, 3)], Plan(stop="run 12, attempt 3 has reported already")),
        (
            [ours(1, 1), ours(2, 13)],
            Plan(edit=1, delete=(2,), stop="run 13, attempt 1 has reported already"),
        ),
        (
            [ours(1, 13), ours(2, 1)],
            Plan(delete=(2,), stop="run 13, attempt 1 has reported already"),
        ),
    ],
)
def test_the_oldest_of_ours_is_kept_unless_a_newer_run_spoke(
    comments: list[Comment], wanted: Plan
) -> None:
    assert plan(comments, BOT, MARKER, BODY) == wanted


def test_what_the_newest_run_has_said_is_what_stands_in_the_end() -> None:
    newer = ours(2, 13, text="newer")
    todo = plan([ours(1, 1), newer], BOT, MARKER, BODY)
    assert (todo.edit, todo.text, todo.delete) == (1, newer.body, (2,))
    assert plan([ours(1, 1)], BOT, MARKER, BODY).text == BODY
    assert plan([], BOT, MARKER, BODY).text == BODY


def test_what_this_attempt_has_said_is_found() -> None:
    mine = Comment(4, BOT, BODY)
    assert same_attempt([ours(1, 12, 1), mine], BOT, MARKER) == mine
    assert same_attempt([ours(1, 12, 1), Comment(4, "ann", BODY)], BOT, MARKER) is None


def test_linked_paths_are_those_of_this_commit() -> None:
    place = "https://github.com/acme/course/blob"
    body = f"[`a`]({place}/{HEAD}/a/b.py#L3) ({place}/{'0' * 40}/c.py#L3) {place}/{HEAD}/d.py"
    assert linked_paths(body, HEAD) == {"a/b.py"}


class Rewritten:
    """Comments that somebody else rewrites after every write: there is no end to it."""

    def __init__(self, deleting: bool) -> None:
        self.found: list[Comment] = [ours(1, 1)]
        self.deleting = deleting
        self.writes = 0

    def comments(self, number: int) -> list[Comment]:
        return self.found

    def create_comment(self, number: int, body: str) -> Comment:
        raise AssertionError("there is one")

    def edit_comment(self, comment: int, body: str) -> Comment:
        self.writes += 1
        if self.deleting:
            raise GoneError(f"comment {comment} is gone")
        return Comment(comment, BOT, body)

    def delete_comment(self, comment: int) -> None:
        raise AssertionError("there is one")


def test_a_fight_has_an_end() -> None:
    door = Rewritten(deleting=False)
    assert write(door, BOT, MARKER, BODY).plan.edit == 1
    assert door.writes == TRIES
    door = Rewritten(deleting=True)
    with pytest.raises(GoneError):
        write(door, BOT, MARKER, BODY)
    assert door.writes == TRIES
