"""Which comment is ours, and what is done with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.comment import Marker, Plan, marker_of, plan, read_marker
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
        ([ours(1, 1), ours(2, 13)], Plan(stop="run 13, attempt 1 has reported already")),
    ],
)
def test_the_oldest_of_ours_is_kept_unless_a_newer_run_spoke(
    comments: list[Comment], wanted: Plan
) -> None:
    assert plan(comments, BOT, MARKER, BODY) == wanted
