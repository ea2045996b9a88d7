"""Faults on request: an answer that fails or never arrives, and somebody who comes in between."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.localhub.answers import Answer, ApiError

SECONDS_FOR_OTHERS = 5
"""How long a request waits for the others that it shall meet. After that it goes on alone."""


@dataclass
class _Some:
    """The next few requests of a method, or of any, with `path` somewhere in their path."""

    left: int
    method: str | None
    path: str

    def take(self, method: str, path: str) -> bool:
        """True for one of them, which is then used up."""
        if not (self.left and self.method in (None, method) and self.path in path):
            return False
        self.left -= 1
        return True


@dataclass
class _Counted:
    """The request or the write that comes after so many others."""

    left: int
    answer: Answer | None = None
    action: Callable[[], object] | None = None

    def due(self) -> bool:
        """Count one; True for the one that was meant."""
        self.left -= 1
        return self.left == 0


@dataclass
class Faults:
    """What shall go wrong next, in the order in which it was asked for."""

    _failures: list[tuple[_Some, Answer]] = field(default_factory=list)
    _drops: list[_Some] = field(default_factory=list)
    _actions: list[tuple[_Some, Callable[[], object]]] = field(default_factory=list)
    _requests: list[_Counted] = field(default_factory=list)
    _writes: list[_Counted] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

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
        self._failures.append((_Some(times, method, path), answer))

    def drop_response_after_write(
        self, times: int = 1, *, method: str | None = None, path: str = ""
    ) -> None:
        """Carry out the next `times` requests that change something, and hang up instead."""
        self._drops.append(_Some(times, method, path))

    def before(
        self,
        action: Callable[[], object],
        *,
        method: str | None = None,
        path: str = "",
        times: int = 1,
    ) -> None:
        """Call `action` when a request has come, and carry the request out afterwards.

        What somebody else does in this moment; it may ask the hub itself.
        """
        self._actions.append((_Some(times, method, path), action))

    def meet(self, count: int, *, method: str | None = None, path: str = "") -> None:
        """Hold back the next requests until there are `count` of them: clients at once."""
        together = threading.Barrier(count)

        def wait() -> None:
            with contextlib.suppress(threading.BrokenBarrierError):
                together.wait(SECONDS_FOR_OTHERS)

        self.before(wait, method=method, path=path, times=count)

    def after_write(self, n: int, action: Callable[[], object]) -> None:
        """Call `action` once, when the n-th write from now is done and not answered yet.

        It may ask the hub itself, or end the process that has sent the request.
        """
        self._writes.append(_Counted(n, action=action))

    def fail_request(self, k: int, status: int = 502, *, lost: bool = False) -> None:
        """Let the k-th request from now fail once, of whatever kind it is.

        It is answered with `status` and not carried out; if its answer is `lost`, it is carried
        out, and the client hears nothing.
        """
        answer = Answer(status, ApiError(status, "Server Error").answer().payload)
        self._requests.append(_Counted(k, None if lost else answer))

    def mend(self) -> None:
        """Forget everything that was asked for and has not come yet."""
        for waiting in (
            self._failures,
            self._drops,
            self._actions,
            self._requests,
            self._writes,
        ):
            waiting.clear()

    def come_between(self, method: str, path: str) -> None:
        """Do what was asked for before such a request."""
        with self._lock:
            due = [action for some, action in self._actions if some.take(method, path)]
        for action in due:
            action()

    def next_failure(self, method: str, path: str) -> Answer | None:
        return next((answer for some, answer in self._failures if some.take(method, path)), None)

    def next_request(self) -> tuple[Answer | None, bool]:
        """Count a request. Return the answer with which it fails, and whether one gets lost."""
        due = [each for each in self._requests if each.due()]
        return next((each.answer for each in due if each.answer), None), bool(due)

    def next_actions(self) -> list[Callable[[], object]]:
        """Count a write, and return what shall be done before its answer."""
        return [each.action for each in self._writes if each.due() and each.action]

    def next_drop(self, method: str, path: str, answer: Answer) -> bool:
        """Return whether this answer is one to swallow."""
        if method == "GET" or answer.status >= 300:
            return False
        return any(some.take(method, path) for some in self._drops)
