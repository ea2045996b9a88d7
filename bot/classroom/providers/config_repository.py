"""Classroom 50's repository `classroom50`: changed by one commit on top of what is there.

Teachers and its own programs write there too. So nothing is ever forced, whatever was not asked to
change stays, and who was slower looks again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.classroom.session import Session
from bot.git import File
from bot.organisation import Repository
from tito.errors import TitoError

NAME = "classroom50"
TRIES = 5
_PLAIN = "100644"

Files = Mapping[str, bytes]
Build = Callable[[Files], Files]
"""From what the repository holds to what it should hold instead, by path."""


def write(
    session: Session, message: str, build: Build, *, dry_run: bool = False
) -> tuple[str, ...]:
    """Bring the repository to what `build` makes of it. Returns the paths that changed.

    Without any there is no commit.

    Raises TitoError if there is no such repository, or others are faster each time.
    """
    found = repository(session)
    address, ref = found.clone_url, f"refs/heads/{found.default_branch}"
    for _ in range(TRIES):
        tip = session.forge.refs(address).get(ref)
        if tip is None:
            raise _not_set_up(session, f"{NAME} holds no branch {found.default_branch}")
        session.forge.fetch(address, tip)
        there = {path: file.data for path, file in session.forge.files(tip).items()}
        news = {path: data for path, data in build(there).items() if there.get(path) != data}
        if not news or dry_run:
            return tuple(sorted(news))
        files = {path: File(_PLAIN, data) for path, data in sorted(news.items())}
        seconds = int(session.clock.now())
        made = session.forge.commit(message, files, parent=tip, seconds=seconds, keep=True)
        if _pushed(session, address, ref, made, tip):
            return tuple(files)
    raise TitoError(f"somebody else writes to {NAME} all the time", hint="run this again")


def _pushed(session: Session, address: str, ref: str, made: str, before: str) -> bool:
    """False if somebody was faster. A push whose answer was lost is there."""
    try:
        session.forge.push(address, {ref: (made, before)})
    except TitoError:
        now = session.forge.refs(address).get(ref)
        if now == before:
            raise
        return now == made
    return True


def repository(session: Session) -> Repository:
    """Raises TitoError if it is not there, or everybody could read it."""
    found = session.door.repository(NAME)
    if found is None:
        raise _not_set_up(session, f"{session.door.login} has no repository {NAME}")
    if not found.private:
        hint = "make it private: the roster of the class stands there"
        raise TitoError(f"{session.door.login}/{NAME} is public", hint=hint)
    return found


def _not_set_up(session: Session, message: str) -> TitoError:
    hint = f"let Classroom 50 set the organisation up: gh teacher init {session.door.login}"
    return TitoError(message, hint=f"{hint}; then run this again")
