"""The few errors that a command prints without a traceback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tito.report import Finding


class TitoError(Exception):
    """Something the user can mend: what happened, where, and what to type next. Exit code 1."""

    exit_code = 1

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint


class UsageError(TitoError):
    """The command was called in a way it does not understand. Exit code 2."""

    exit_code = 2


class SandboxError(TitoError):
    """The sandbox could not start: nothing was run, so nothing is known."""


class CutShortError(TitoError):
    """A check that did not come to its end. Carries what it found before."""

    def __init__(self, error: TitoError, findings: Sequence[Finding]) -> None:
        super().__init__(error.message, where=error.where, hint=error.hint)
        self.findings = tuple(findings)


class RefusedError(TitoError):
    """A check found faults, and nothing was written. Carries every finding."""

    def __init__(self, message: str, findings: Sequence[Finding], *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.findings = tuple(findings)
