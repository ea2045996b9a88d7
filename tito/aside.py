"""Copies of what is about to be overwritten. No command deletes them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

FOLDER = ".tito-aside"


def keep(root: Path, names: Iterable[str]) -> Path | None:
    """Copy files, named relative to `root`, to `.tito-aside/<UTC>/`. None if there are none."""
    stamp = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H-%M-%S.%fZ")
    folder = root / FOLDER / stamp
    for name in names:
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, copy)
    return folder if folder.exists() else None
