"""Tell a student what a run of theirs has found: one comment on the Feedback pull request, one
status on the commit, and the job's summary.

It runs in the job it reports on, in a later step that alone holds the token. What it reads was
written where no student code could write; it is decoded strictly all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bot import comment, status
from bot.comment import marker_of
from bot.door import Door
from bot.errors import NotAllowedError
from bot.feedback_page import Subject, render, status_of, summary
from bot.settings import RunSettings
from bot.verdict import Unreadable, bytes_of
from tito.attempt import BRANCH
from tito.errors import TitoError
from tito.feedback import Feedback, decode
from tito.run_on import BRANCH as HEAD


def tell(settings: RunSettings, file: Path) -> Iterator[str]:
    """Do it. Yields what was done, a sentence each, as soon as it is done.

    Raises TitoError if GitHub does not answer. A token that may not write is said and no error: the
    summary holds everything.
    """
    found = read_feedback(file)
    if settings.cancelled and isinstance(found, Unreadable):
        yield "This run was ended before it had a result: a newer one will report."
        return
    subject = Subject(settings.repository, settings.server_url, settings.run, found)
    if settings.summary is not None:
        _append(settings.summary, subject)
    with Door(settings) as door:
        yield from _comment(settings, door, subject)
        yield from _status(settings, door, found)


def read_feedback(file: Path) -> Feedback | Unreadable:
    """The result from a file that may be missing or hostile. It is read, never executed."""
    try:
        return decode(bytes_of(file))
    except FileNotFoundError:
        return Unreadable("the run has left no result: something ended it too early")
    except OSError as error:
        return Unreadable(f"the result cannot be opened: {error.strerror}")
    except TitoError as error:
        return Unreadable(error.message)


def _append(file: Path, subject: Subject) -> None:
    try:
        with file.open("ab") as stream:
            stream.write(summary(subject).encode())
    except OSError as error:
        raise TitoError(f"cannot write the summary: {error.strerror}") from None


def _comment(settings: RunSettings, door: Door, subject: Subject) -> Iterator[str]:
    try:
        pulls = door.pulls_between(BRANCH, HEAD)
        if not pulls:
            yield (
                f"There is no pull request from {HEAD} to {BRANCH} yet: "
                "the run's summary has everything."
            )
            return
        number = pulls[0].number
        body = render(subject, number)
        done = comment.write(door, settings.author, marker_of(settings.run, number), body)
    except NotAllowedError as error:
        yield _excused(error)
        return
    yield f"Pull request {number}: {comment.in_words(done.plan)}."


def _status(settings: RunSettings, door: Door, found: Feedback | Unreadable) -> Iterator[str]:
    sha, wanted = settings.run.head_sha, status_of(found, settings.run.page)
    try:
        done = status.write(door, sha, [wanted], lambda: False)
        yield f"Status of {sha[:7]}: {done}."
    except NotAllowedError as error:
        yield _excused(error)


def _excused(error: NotAllowedError) -> str:
    return f"{error.message}. The run's summary has everything."
