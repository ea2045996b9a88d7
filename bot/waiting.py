"""How long GitHub wants its clients to wait, and how long this job can."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timezone

from bot.clock import REAL, Clock
from bot.errors import LaterError

LIMITED = (403, 429)
"""How GitHub answers a request beyond a limit. Neither says that by itself."""
UNSAID = 60
"""Seconds to wait after a secondary limit that says nothing, doubled each time."""

_SIGNS = ("rate limit", "abuse detection", "retry your request again later")


def is_limit(status: int, headers: Mapping[str, str], message: str) -> bool:
    """True if an answer refuses for now, and not for good."""
    said = message.lower()
    return status == 429 or (
        status == 403 and ("retry-after" in headers or any(sign in said for sign in _SIGNS))
    )


def asked_for(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until GitHub takes requests again; None if its answer does not say.

    The names of `headers` are in lower case.
    """
    seconds = headers.get("retry-after", "")
    if seconds.isdecimal():
        return float(seconds)
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        # one more, because nobody knows when within that second it ends
        return max(float(reset) - now, 0) + 1
    return None


class Patience:
    """The seconds that one job has for waiting, all requests together.

    `unit` is what every time is counted in that GitHub does not name itself: 1 s, and 0 in tests.
    """

    def __init__(self, longest: float, unit: float, clock: Clock = REAL) -> None:
        self._clock = clock
        self._left = longest
        self._longest = longest
        self._unit = unit
        self._unsaid = 0
        self._unsure = 0

    def after_limit(self, headers: Mapping[str, str]) -> None:
        """Wait as long as a limit asks for. Raises LaterError, at once, if that is too long."""
        seconds = asked_for(headers, self._clock.now())
        if seconds is None:
            seconds = UNSAID * self._unit * 2**self._unsaid
            self._unsaid += 1
        self.wait(seconds)

    def after_unsure(self) -> None:
        """Wait before a look at what became of a write: longer each time."""
        self.wait(self._unit * 2**self._unsure)
        self._unsure += 1

    def wait(self, seconds: float) -> None:
        """Sleep. Raises LaterError, at once, if no time is left for that."""
        if seconds > self._left:
            raise later(self._clock.now() + seconds, self._longest)
        self._left -= seconds
        if seconds > 0:
            self._clock.sleep(seconds)


def later(until: float, longest: float) -> LaterError:
    """What to say if GitHub takes nothing before the second `until`."""
    moment = datetime.fromtimestamp(math.ceil(until), timezone.utc)
    when = f"{moment:%H:%M:%S} UTC on {moment:%Y-%m-%d}"
    return LaterError(
        f"GitHub takes no requests before {when}, and this job waits {longest:g} s in all",
        hint=f"run this job again after {when}: what is written already stays, the rest is added",
        until=moment,
    )
