"""A branch with a pull request, offered to a student once, whatever becomes of an answer."""

from __future__ import annotations

from bot.classroom.forge import MAIN, Forge
from bot.classroom.provision import TRIES
from bot.errors import LaterError, UnsureError
from bot.organisation import Organisation
from tito.errors import TitoError


def push(forge: Forge, address: str, ref: str, *, made: str, before: str) -> None:
    """Let `ref` lead to a commit, if it still stands where it stood."""
    try:
        forge.push(address, {ref: (made, before)})
    except TitoError:
        # A push whose answer was lost is there.
        if forge.refs(address).get(ref) != made:
            raise


def open_once(door: Organisation, name: str, *, head: str, title: str, body: str) -> None:
    """Open the pull request to `main`. An answer that was lost may have opened it."""
    for left in range(TRIES, 0, -1):
        try:
            door.open_pull(name, head=head, base=MAIN, title=title, body=body)
            return
        except LaterError:
            raise
        except TitoError as error:
            pulls = door.pulls(name, head=head, base=MAIN)
            if any(pull.state == "open" and pull.body == body for pull in pulls):
                return
            if left == 1 or not isinstance(error, UnsureError):
                raise
