"""What can go wrong with GitHub in a way that the bot can answer."""

from __future__ import annotations

from tito.errors import TitoError


class UnsureError(TitoError):
    """A write ended so that nobody knows whether it was done: look before trying again."""


class GoneError(TitoError):
    """What was to be read or changed is not there."""


class NotAllowedError(TitoError):
    """The token may not do this."""


class NotOnThisPlanError(TitoError):
    """The account or its plan has no such feature."""
