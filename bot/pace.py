"""GitHub's limits kept before GitHub has to name them: who runs into them often is banned.

The numbers are those of the documentation of its REST API, in the windows that it names.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.clock import REAL, Clock
from bot.waiting import Patience

A_MINUTE, AN_HOUR, A_DAY = 60, 3600, 86_400
WRITES_A_MINUTE, WRITES_AN_HOUR = 80, 500
POINTS_A_MINUTE = 900
POINTS = {"GET": 1, "HEAD": 1, "OPTIONS": 1}
POINTS_OF_A_WRITE = 5
REQUESTS_AN_HOUR = 5_000
INVITATIONS_A_DAY, INVITATIONS_OF_THE_KNOWN = 50, 500
"""Of a new organisation without a plan, and of any other."""
RESERVE = 2
"""Invitations a day that are kept back: one that a pause put off looks a day older than it is."""
MARGIN = 0.5
"""Seconds. GitHub's clock counts when a request arrives, and ours when it leaves."""


@dataclass
class _Window:
    """At most so much within so many seconds, whenever they begin."""

    most: int
    seconds: float
    times: list[float] = field(default_factory=list)

    def wait(self, now: float, weight: int = 1) -> float:
        """Seconds until there is room."""
        del self.times[: bisect_right(self.times, now - self.seconds)]
        over = len(self.times) + weight - self.most
        return self.times[over - 1] + self.seconds - now + MARGIN if over > 0 else 0.0

    def count(self, when: float, weight: int = 1) -> None:
        for _ in range(weight):
            insort(self.times, when)


class Pace:
    """What one client has asked lately, and how long it must wait before it asks more."""

    def __init__(self, clock: Clock = REAL) -> None:
        self._clock = clock
        self._writes = [_Window(WRITES_A_MINUTE, A_MINUTE), _Window(WRITES_AN_HOUR, AN_HOUR)]
        self._requests = _Window(REQUESTS_AN_HOUR, AN_HOUR)
        self._points = _Window(POINTS_A_MINUTE, A_MINUTE)
        self._invitations = _Window(INVITATIONS_A_DAY, A_DAY)

    def known(self, writes: Iterable[float], invitations: Iterable[float]) -> None:
        """When an earlier process wrote and invited, as far as GitHub shows."""
        now = self._clock.now()
        for when in invitations:
            if now - A_DAY < when <= now:
                self._invitations.count(when)
        for when in writes:
            if now - AN_HOUR < when <= now:
                for window in self._writes:
                    window.count(when)

    def allow(self, invitations: int) -> None:
        """So many invitations a day."""
        self._invitations.most = invitations

    def invite(self, patience: Patience) -> None:
        """Wait until somebody may be invited. Raises LaterError if that takes too long."""
        seconds = self._invitations.wait(self._clock.now())
        if seconds:
            patience.wait(seconds)
        self._invitations.count(self._clock.now())

    def before(self, method: str, patience: Patience) -> None:
        """Wait until this request may be made. Raises LaterError if that takes too long.

        What lasts no longer than a minute belongs to the work, and costs no patience.
        """
        points = POINTS.get(method, POINTS_OF_A_WRITE)
        writes = self._writes if points == POINTS_OF_A_WRITE else []
        while True:
            now = self._clock.now()
            seconds = max(
                self._requests.wait(now),
                self._points.wait(now, points),
                *(window.wait(now) for window in writes),
                0.0,
            )
            if not seconds:
                break
            if seconds > A_MINUTE + 2 * MARGIN:
                patience.wait(seconds)
            else:
                self._clock.sleep(seconds)
        self._requests.count(now)
        self._points.count(now, points)
        for window in writes:
            window.count(now)
