"""The time, and waiting for it: a simulation has a clock of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone


@dataclass(frozen=True)
class Clock:
    """Seconds since 1970, and how to let some of them pass."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def moment(self, later: float = 0) -> datetime:
        """Now, or so many seconds later, in UTC."""
        return datetime.fromtimestamp(self.now() + later, timezone.utc)


REAL = Clock()
