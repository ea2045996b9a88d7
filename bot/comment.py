"""The one comment: finding it, never overwriting newer results, writing only what has changed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from bot.errors import GoneError, UnsureError
from bot.model import Comment, Run

MARKER_VERSION = 1
TRIES = 5

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


def linked_paths(body: str, sha: str) -> frozenset[str]:
    """The files of which a comment links lines at this commit."""
    return frozenset(re.findall(rf"/blob/{sha}/([^\s()#]+)#L\d", body))


@dataclass(frozen=True)
class Plan:
    """What is to be done with the comments of a pull request. `text` is what one of them gets."""

    create: bool = False
    edit: int | None = None
    delete: tuple[int, ...] = ()
    stop: str = ""
    text: str = field(default="", compare=False, repr=False)

    @property
    def writes(self) -> bool:
        """True if anything is to be done."""
        return self.create or self.edit is not None or bool(self.delete)


def plan(comments: Iterable[Comment], author: str, marker: Marker, body: str) -> Plan:
    """Keep the oldest of ours, delete the rest; what the newest run has said stays.

    Whoever comes, an older run or a newer one, wants the same to stand there in the end.
    """
    ours = sorted((c for c in comments if _is_ours(c, author)), key=lambda comment: comment.id)
    if not ours:
        return Plan(create=True, text=body)
    newest, text, stop = (marker.run, marker.attempt), body, ""
    for comment in ours:
        found = read_marker(comment.body)
        if found is not None and (found.run, found.attempt) > newest:
            newest, text = (found.run, found.attempt), comment.body
            stop = f"run {found.run}, attempt {found.attempt} has reported already"
    oldest, *rest = ours
    edit = None if _normal(oldest.body) == _normal(text) else oldest.id
    return Plan(edit=edit, delete=tuple(c.id for c in rest), stop=stop, text=text)


def same_attempt(comments: Iterable[Comment], author: str, marker: Marker) -> Comment | None:
    """What this attempt has already said, if it has."""
    ours = (c for c in comments if _is_ours(c, author))
    return next((c for c in ours if read_marker(c.body) == marker), None)


def _is_ours(comment: Comment, author: str) -> bool:
    """By marker and author: anybody can copy a marker."""
    return comment.author == author and read_marker(comment.body) is not None


def _normal(body: str) -> str:
    return body.replace("\r\n", "\n").strip()


class Comments(Protocol):
    """What writing a comment needs of GitHub."""

    def comments(self, number: int) -> list[Comment]:
        """Every comment of a pull request."""

    def create_comment(self, number: int, body: str) -> Comment:
        """Raises UnsureError if it may have been created."""

    def edit_comment(self, comment: int, body: str) -> Comment:
        """Raises GoneError if somebody deleted it, UnsureError if it may have been edited."""

    def delete_comment(self, comment: int) -> None:
        """Raises GoneError if somebody was faster."""


@dataclass(frozen=True)
class Done:
    """What was done in the end, and the comment that says what this run found, if one does."""

    plan: Plan
    comment: int | None = None


def write(door: Comments, author: str, marker: Marker, body: str) -> Done:
    """Bring the comment up to date and say what was done.

    The list is read before every write, and again after it, until there is nothing to do: a comment
    that was deleted in between, one that may or may not have been created, and a second client at
    work are all seen there. Raises UnsureError or GoneError if GitHub does not get to the end.
    """
    done, last, written = Plan(), None, None
    for _ in range(TRIES):
        comments = _with(door.comments(marker.pull), written)
        todo = plan(comments, author, marker, body)
        if not todo.writes:
            return Done(_together(done, todo), None if todo.stop else kept(comments, author))
        done, last, written = _together(done, todo), None, None
        try:
            written = _carry_out(door, marker, todo)
        except (UnsureError, GoneError) as error:
            last = error
    if last is not None:
        raise last
    return Done(done)


def _carry_out(door: Comments, marker: Marker, todo: Plan) -> Comment | None:
    written = None
    if todo.create:
        written = door.create_comment(marker.pull, todo.text)
    elif todo.edit is not None:
        written = door.edit_comment(todo.edit, todo.text)
    for comment in todo.delete:
        door.delete_comment(comment)
    return written


def _with(listed: Iterable[Comment], written: Comment | None) -> list[Comment]:
    """A list may be a moment behind; what GitHub has confirmed is there."""
    known = {comment.id: comment for comment in ([written] if written else [])}
    return list({**known, **{comment.id: comment for comment in listed}}.values())


def kept(comments: Iterable[Comment], author: str) -> int | None:
    """The one of ours that stays."""
    return min((c.id for c in comments if _is_ours(c, author)), default=None)


def _together(first: Plan, then: Plan) -> Plan:
    """Two rounds as one."""
    edit = first.edit if then.edit is None else then.edit
    return Plan(first.create or then.create, edit, first.delete + then.delete, then.stop)


def in_words(done: Plan) -> str:
    """What was done with the comments: part of a sentence."""
    too_many = f", {len(done.delete)} of ours too many deleted" if done.delete else ""
    if done.stop:
        return f"{'' if done.writes else 'nothing is written, '}{done.stop}{too_many}"
    told = "commented" if done.create else "comment edited" if done.edit else "comment unchanged"
    return told + too_many
