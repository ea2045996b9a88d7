"""What can go wrong with GitHub in a way that the bot can answer."""

from __future__ import annotations

from datetime import datetime

from tito.errors import TitoError


class UnsureError(TitoError):
    """A write was not confirmed: look what is there before trying again."""


class GoneError(TitoError):
    """What was to be read or changed is not there."""


class NotAllowedError(TitoError):
    """The token may not do this."""


class LaterError(TitoError):
    """GitHub takes no requests for longer than this job can wait. The message says until when."""

    def __init__(self, message: str, *, hint: str = "", until: datetime) -> None:
        super().__init__(message, hint=hint)
        self.until = until


class NotOnThisPlanError(TitoError):
    """The account or its plan has no such feature."""
