"""GitHub's limits: so many requests an hour, and the secondary limit for too many at once."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from bot.localhub.answers import Answer, ApiError

Kind = Literal["primary", "secondary"]

AN_HOUR = 3600
READING = ("GET", "HEAD", "OPTIONS")
WRITE_POINTS = 5
MESSAGES: dict[Kind, str] = {
    "primary": "API rate limit exceeded for installation.",
    "secondary": "You have exceeded a secondary rate limit. "
    "Please wait a few minutes before you try again.",
}


@dataclass
class _Limit:
    seconds: float
    kind: Kind
    retry_after: bool
    status: int
    method: str | None
    path: str
    until: float | None = None
    """None until the first request that it refuses."""

    def refuses(self, now: float, method: str, path: str) -> bool:
        if self.until is not None:
            return now < self.until
        return self.method in (None, method) and self.path in path


@dataclass
class Window:
    """So much in so many seconds, whenever they begin."""

    name: str
    most: int
    seconds: float
    _spent: deque[tuple[float, int]] = field(default_factory=deque)
    _total: int = 0

    def wait(self, now: float, weight: int) -> float:
        """Return how many seconds it takes until there is room for `weight`; 0 if there is."""
        while self._spent and self._spent[0][0] <= now - self.seconds:
            self._total -= self._spent.popleft()[1]
        over, wait = self._total + weight - self.most, 0.0
        for at, spent in self._spent:
            if over <= 0:
                break
            over -= spent
            wait = at + self.seconds - now
        return wait

    def spend(self, now: float, weight: int) -> None:
        self._spent.append((now, weight))
        self._total += weight


class Limits:
    """Counts requests, and refuses them while a limit lasts.

    GitHub's limits beside the hourly one are off until `enforce` switches them on.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        """Seconds since 1970. A test that shall not wait puts its own here."""
        self.hourly = 5_000
        self.pressed: list[str] = []
        """Requests that came although an answer had said to wait: GitHub bans for that."""
        self.broken: list[str] = []
        """Each limit that was run into, and the request that did so."""
        self._content: list[Window] = []
        self._points: Window | None = None
        self._invitations: Window | None = None
        self._status = 403
        self._used = 0
        self._reset = 0.0
        self._limits: list[_Limit] = []

    def rate_limit(
        self,
        seconds: float,
        kind: Kind = "secondary",
        *,
        retry_after: bool = True,
        status: int = 403,
        method: str | None = None,
        path: str = "",
    ) -> None:
        """Refuse everything for `seconds`, from the next request of that method and path on.

        The secondary limit says how long only with `retry_after`; the primary one names the second
        at which it ends.
        """
        self._limits.append(_Limit(seconds, kind, retry_after, status, method, path))

    def enforce(
        self,
        *,
        writes_a_minute: int = 80,
        writes_an_hour: int = 500,
        points_a_minute: int = 900,
        invitations_a_day: int = 50,
        status: int = 403,
    ) -> None:
        """Switch GitHub's limits on: one of content, of points, of invitations.

        A write is any request that is no reading one, but for those that make a token. Of points
        it costs five, and reading one. Paid and older organisations invite 500 a day.
        """
        self._content = [
            Window(f"{writes_a_minute} content writes a minute", writes_a_minute, 60),
            Window(f"{writes_an_hour} content writes an hour", writes_an_hour, AN_HOUR),
        ]
        self._points = Window(f"{points_a_minute} points a minute", points_a_minute, 60)
        self._invitations = Window(
            f"{invitations_a_day} invitations a day", invitations_a_day, 24 * AN_HOUR
        )
        self._status = status

    def may_invite(self) -> bool:
        """Count an invitation, if there may be one more."""
        window, now = self._invitations, self.clock()
        if window is None:
            return True
        if window.wait(now, 1):
            self.broken.append(window.name)
            return False
        window.spend(now, 1)
        return True

    def refusal(self, method: str, path: str) -> Answer | None:
        """Return the answer to a request that comes too early, else None."""
        now = self.clock()
        self._limits = [each for each in self._limits if each.until is None or now < each.until]
        for limit in self._limits:
            if not limit.refuses(now, method, path):
                continue
            if limit.until is not None:
                self.pressed.append(f"{method} {path}")
            limit.until = limit.until or now + limit.seconds
            return _refused(limit, limit.until, now)
        rate = self.rate()
        if not rate["remaining"]:
            name = f"{self.hourly} requests an hour"
            return self._broken(name, rate["reset"] - now, "primary", f"{method} {path}")
        return self._spend(now, method, path)

    def _spend(self, now: float, method: str, path: str) -> Answer | None:
        """Count a request against the secondary limits, if it breaks none."""
        writes = method not in READING
        due = [(self._points, WRITE_POINTS if writes else 1)] if self._points else []
        if writes and not path.endswith("/access_tokens"):
            due += [(window, 1) for window in self._content]
        for window, weight in due:
            wait = window.wait(now, weight)
            if wait:
                return self._broken(window.name, wait, "secondary", f"{method} {path}")
        for window, weight in due:
            window.spend(now, weight)
        return None

    def _broken(self, name: str, seconds: float, kind: Kind, request: str) -> Answer:
        """Refuse everything from now on until there is room again."""
        self.broken.append(f"{name}: {request}")
        now, status = self.clock(), self._status if kind == "secondary" else 403
        limit = _Limit(seconds, kind, True, status, None, "", now + seconds)
        self._limits.append(limit)
        return _refused(limit, now + seconds, now)

    def count(self) -> None:
        """Count a request: all but those answered with 304, and those about the limit itself."""
        self.rate()
        self._used += 1

    def rate(self) -> dict[str, int]:
        """Return what is left of the hour, as GitHub's objects and headers name it."""
        now = self.clock()
        if now >= self._reset:
            self._used, self._reset = 0, math.ceil(now) + AN_HOUR
        left = max(self.hourly - self._used, 0)
        counts = {"limit": self.hourly, "remaining": left, "used": self._used}
        return {**counts, "reset": int(self._reset)}


def _refused(limit: _Limit, until: float, now: float) -> Answer:
    payload = ApiError(limit.status, MESSAGES[limit.kind]).answer().payload
    headers = {}
    if limit.kind == "primary":
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(math.ceil(until))}
    elif limit.retry_after:
        headers = {"Retry-After": str(math.ceil(until - now))}
    return Answer(limit.status, payload, headers)
