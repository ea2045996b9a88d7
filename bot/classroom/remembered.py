"""What `status` has read of each repository, kept in `.tito/classroom/status.json`.

It names repositories and accounts by their numbers alone. A file that is broken or of another
format is as good as none: everything is read again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tito.errors import TitoError

FILE = ".tito/classroom/status.json"
FORMAT = 1
A_RUN = 2 * 3600
"""Seconds within which a push gets its status, if it gets one."""


class Read(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one repository was like."""

    pushed_at: str
    open_issues: int
    read_at: float
    pushed: float
    """`pushed_at` in seconds since 1970."""
    release: str
    """The one that its main branch was given last."""
    feedback: str
    """What the last run on main said; empty if none has."""
    complete: bool
    """It has its Feedback pull request."""
    update: str
    """The newest course update: open, merged, closed, or empty."""
    catch_ups: dict[str, str]
    """Number of a module → open, merged or closed."""
    waiting: dict[int, str]
    """Number of an account → when it was invited and has not answered since."""

    def holds(self, pushed_at: str, open_issues: int) -> bool:
        """True if nothing of it can have changed but who accepted an invitation."""
        settled = bool(self.feedback) or self.read_at - self.pushed > A_RUN
        return settled and (self.pushed_at, self.open_issues) == (pushed_at, open_issues)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    organisation: str
    repositories: dict[int, Read]


def recall(root: Path, organisation: str) -> dict[int, Read]:
    """Number of a repository → what was read of it, as far as that is known."""
    with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
        found = msgspec.json.decode((root / FILE).read_bytes(), type=_File)
        if (found.format, found.organisation) == (FORMAT, organisation):
            return found.repositories
    return {}


def remember(root: Path, organisation: str, repositories: Mapping[int, Read]) -> None:
    """Keep it for the next time. The file is replaced at once."""
    file = root / FILE
    made = _File(FORMAT, organisation, dict(sorted(repositories.items())))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_suffix(".next")
        beside.write_bytes(msgspec.json.encode(made))
        os.replace(beside, file)
    except OSError as error:
        raise TitoError(f"cannot keep what was read: {error.strerror}", where=FILE) from None
