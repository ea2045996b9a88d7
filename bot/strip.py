"""The checkpoint strip: how far the framework is, one badge a checkpoint. Pure.

A badge is a word with a symbol: it says the same without colours, in a mail, and read aloud.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.untrusted import cell, prose
from tito.report import CheckpointResult

_SYMBOLS = {
    "passed": "✓",
    "failed": "✗",
    "to run again": "↻",
    "not run": "○",
    "waiting": "…",
    "not written": "–",
}
COLUMNS = 4


def checkpoint_strip(checkpoints: Sequence[CheckpointResult]) -> str:
    """A table: the count, then one badge a checkpoint, in the course's order."""
    if not checkpoints:
        return ""
    passed = sum(result.state == "passed" for result in checkpoints)
    badges = [_badge(result) for result in checkpoints]
    badges += [""] * (-len(badges) % COLUMNS)
    head = ["Checkpoints", f"{passed} of {len(checkpoints)} passed", *[""] * (COLUMNS - 2)]
    rows = [head, ["---"] * COLUMNS]
    rows += [badges[i : i + COLUMNS] for i in range(0, len(badges), COLUMNS)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _badge(result: CheckpointResult) -> str:
    badge = cell(f"{_SYMBOLS[result.state]} {result.state}")
    return f"{badge} {prose(result.checkpoint.replace('_', ' '))}"
