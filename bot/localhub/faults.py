"""Faults on request: an answer that fails, or one that never arrives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.localhub.answers import Answer, ApiError


@dataclass
class _Failure:
    left: int
    answer: Answer
    method: str | None
    path: str


@dataclass
class Faults:
    """What shall go wrong next, in the order in which it was asked for."""

    _failures: list[_Failure] = field(default_factory=list)
    _drops: int = 0

    def fail(
        self,
        times: int,
        status: int,
        *,
        message: str = "Server Error",
        method: str | None = None,
        path: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer the next `times` requests with `status` and leave the state as it is.

        Only requests of that method, and with `path` somewhere in their path, are counted.
        """
        answer = Answer(status, ApiError(status, message).answer().payload, headers or {})
        self._failures.append(_Failure(times, answer, method, path))

    def drop_response_after_write(self) -> None:
        """Carry out the next request that changes something, and hang up without an answer."""
        self._drops += 1

    def next_failure(self, method: str, path: str) -> Answer | None:
        for failure in self._failures:
            if failure.left and failure.method in (None, method) and failure.path in path:
                failure.left -= 1
                return failure.answer
        return None

    def next_drop(self, method: str, answer: Answer) -> bool:
        """Return whether this answer is one to swallow."""
        if not self._drops or method == "GET" or answer.status >= 300:
            return False
        self._drops -= 1
        return True
