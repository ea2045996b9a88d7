"""This machine and this course: what is installed, and whether it fits."""

from __future__ import annotations

import re
from pathlib import Path


def version() -> str:
    """The version of tito: from the checkout it runs from, else of the installed distribution.

    `importlib.metadata` alone would cost half of what `tito --version` may take.
    """
    folder = Path(__file__).parent
    checkout = folder.parent / "pyproject.toml"
    if checkout.is_file():
        match = re.search(r'^version = "(.+)"$', checkout.read_text(encoding="utf-8"), re.MULTILINE)
        if match:
            return match[1]
    for info in sorted(folder.parent.glob("tinytorch-*.dist-info")):
        return info.name.removeprefix("tinytorch-").removesuffix(".dist-info")
    return "unknown"
