"""This machine and this course: what is installed, and whether it fits."""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tito.course import Course

REQUIRED = ("numpy", "click", "rich", "yaml", "msgspec", "jupytext", "pytest", "pytest_jsonreport")
"""What tito and the modules import, by import name."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `hint` says what to type if it is not well."""

    name: str
    well: bool
    found: str
    hint: str = ""


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


def facts(course: Course) -> dict[str, str]:
    """What `tito system info` shows. No user name, no path of the machine."""
    entered = course.entered()
    return {
        "tito": version(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "course": course.settings.name,
        "package": f"{course.settings.package}, {len(entered)} of {len(course.modules)} modules",
        "last module": entered[-1].slug if entered else "none yet",
    }


def examine(course: Course) -> tuple[Check, ...]:
    """What `tito system doctor` looks at, from the ground up."""
    return (
        _python(course),
        *(_installed(name) for name in REQUIRED),
        _git(),
        _package(course),
        *_sandbox(course),
    )


def _python(course: Course) -> Check:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    supported = course.settings.pythons
    hint = f"use one of: {', '.join(supported)}"
    return Check("Python", here in supported, platform.python_version(), hint)


def _installed(name: str) -> Check:
    found = importlib.util.find_spec(name) is not None
    return Check(name, found, "installed" if found else "missing", "pip install -e .")


def _git() -> Check:
    found = shutil.which("git") is not None
    return Check("git", found, "found" if found else "missing", "install git")


def _package(course: Course) -> Check:
    from tito.package import compare
    from tito.report import failed

    findings = compare(course)
    words = "equals a fresh export" if not failed(findings) else f"{len(findings)} finding(s)"
    return Check(course.settings.package, not failed(findings), words, "tito gate export")


def _sandbox(course: Course) -> tuple[Check, ...]:
    from tito.importing import import_package

    outcome = import_package(course, course.root)
    said = outcome.stderr.strip().split("\n")[-1]
    imports = outcome.returncode == 0
    isolation = outcome.isolation
    return (
        Check("import", imports, "works" if imports else said, "tito export --all"),
        # Not an error: a system may not allow more, and then the run says so.
        Check("sandbox", True, str(isolation)),
    )
