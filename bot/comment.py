"""The one comment: finding it, never overwriting newer results, writing only what has changed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from bot.errors import GoneError, UnsureError
from bot.model import Comment, Run
from tito.errors import TitoError

MARKER_VERSION = 1
TRIES = 4

_MARKER = re.compile(r"<!-- tito-report v\d+((?: [a-z]+=[0-9a-f]+)*) -->")


@dataclass(frozen=True)
class Marker:
    """The hidden first line: what the comment was made from."""

    pull: int
    sha: str
    run: int
    attempt: int

    @property
    def line(self) -> str:
        """As it stands in the comment. Numbers and a commit alone: nothing to escape."""
        return (
            f"<!-- tito-report v{MARKER_VERSION} pull={self.pull} sha={self.sha}"
            f" run={self.run} attempt={self.attempt} -->"
        )


def marker_of(run: Run, pull: int) -> Marker:
    """The marker of what `run` says about a pull request."""
    return Marker(pull, run.head_sha, run.number, run.attempt)


def read_marker(body: str) -> Marker | None:
    """The marker on the first line of a comment of any version; fields it lacks are 0."""
    found = _MARKER.fullmatch(body.split("\n", 1)[0].strip())
    if found is None:
        return None
    fields = dict(pair.split("=", 1) for pair in found[1].split())

    def number(name: str) -> int:
        text = fields.get(name, "")
        return int(text) if text.isdecimal() and len(text) < 16 else 0

    return Marker(number("pull"), fields.get("sha", ""), number("run"), number("attempt"))


@dataclass(frozen=True)
class Plan:
    """What is to be done with the comments of a pull request."""

    create: bool = False
    edit: int | None = None
    delete: tuple[int, ...] = ()
    stop: str = ""


def plan(comments: Iterable[Comment], author: str, marker: Marker, body: str) -> Plan:
    """Keep the oldest of ours, delete the rest; leave everything alone if a newer run spoke."""
    ours = sorted((c for c in comments if _is_ours(c, author)), key=lambda comment: comment.id)
    if not ours:
        return Plan(create=True)
    spoken = [found for c in ours if (found := read_marker(c.body)) is not None]
    latest = max((found.run, found.attempt) for found in spoken)
    if latest > (marker.run, marker.attempt):
        return Plan(stop=f"run {latest[0]}, attempt {latest[1]} has reported already")
    oldest, *rest = ours
    same = _normal(oldest.body) == _normal(body)
    return Plan(edit=None if same else oldest.id, delete=tuple(c.id for c in rest))


def _is_ours(comment: Comment, author: str) -> bool:
    """By marker and author: anybody can copy a marker."""
    return comment.author == author and read_marker(comment.body) is not None


def _normal(body: str) -> str:
    return body.replace("\r\n", "\n").strip()


class Comments(Protocol):
    """What writing a comment needs of GitHub."""

    def comments(self, number: int) -> list[Comment]:
        """Every comment of a pull request."""

    def create_comment(self, number: int, body: str) -> None:
        """Raises UnsureError if it may have been created."""

    def edit_comment(self, comment: int, body: str) -> None:
        """Raises GoneError if somebody deleted it."""

    def delete_comment(self, comment: int) -> None:
        """Raises GoneError if somebody was faster."""


def write(door: Comments, author: str, marker: Marker, body: str) -> Plan:
    """Bring the comment up to date and say what was done.

    A comment deleted in between is created again; after a create that may or may not have been done
    the list is read again. Raises UnsureError if GitHub does not get to the end of it.
    """
    last: TitoError | None = None
    for _ in range(TRIES):
        todo = plan(door.comments(marker.pull), author, marker, body)
        try:
            if todo.create:
                door.create_comment(marker.pull, body)
            elif todo.edit is not None:
                door.edit_comment(todo.edit, body)
            for comment in todo.delete:
                door.delete_comment(comment)
        except (UnsureError, GoneError) as error:
            last = error
            continue
        return todo
    assert last is not None
    raise last
