"""GitHub's limits: so many requests an hour, and the secondary limit for too many at once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bot.localhub.answers import Answer, ApiError

Kind = Literal["primary", "secondary"]

AN_HOUR = 3600
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


class Limits:
    """Counts requests, and refuses them while a limit lasts."""

    def __init__(self) -> None:
        self.clock: Callable[[], float] = time.time
        """Seconds since 1970. A test that shall not wait puts its own here."""
        self.hourly = 5_000
        self.pressed: list[str] = []
        """Requests that came although an answer had said to wait: GitHub bans for that."""
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

    def refusal(self, method: str, path: str) -> Answer | None:
        """Return the answer to a request that comes too early, else None."""
        now = self.clock()
        for limit in self._limits:
            if not limit.refuses(now, method, path):
                continue
            if limit.until is not None:
                self.pressed.append(f"{method} {path}")
            limit.until = limit.until or now + limit.seconds
            return _refused(limit, limit.until, now)
        rate = self.rate()
        if rate["remaining"]:
            return None
        spent = _Limit(rate["reset"] - now, "primary", False, 403, None, "")
        return _refused(spent, rate["reset"], now)

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
