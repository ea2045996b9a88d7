"""Whether a tito is this one, and whether anything changed since its last export: hashes of files.

Loads nothing but the standard library, so that a Python without any package can ask which tito a
folder holds. The hash of the last export is kept in `.tito/exported`; without it, the export does
its work and finds nothing to write.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tito.course import Course, Module

_TITO = Path(__file__).parent


def own(folder: Path = _TITO) -> str:
    """Of the names and bytes of all that makes up the tito in `folder`; equal means the same tito.

    Line ends count as one: a checkout on Windows holds the same tito as one elsewhere.
    """
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*"), key=lambda file: file.relative_to(folder).as_posix()):
        if file.suffix in (".py", ".json"):
            data = file.read_bytes().replace(b"\r\n", b"\n")
            name = file.relative_to(folder).as_posix()
            digest.update(f"\0{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def unchanged(course: Course, modules: Iterable[Module]) -> bool:
    """True if the package is what an export of these very sources, by this tito, has written."""
    try:
        return _file(course).read_text(encoding="ascii") == _now(course, modules)
    except (OSError, ValueError):
        return False


def remember(course: Course, modules: Iterable[Module]) -> None:
    """Call it once an export has found or left the package as it must be."""
    file = _file(course)
    file.parent.mkdir(exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(_now(course, modules), encoding="ascii")
    part.replace(file)


def _file(course: Course) -> Path:
    return course.root / ".tito" / "exported"


def _now(course: Course, modules: Iterable[Module]) -> str:
    """Of tito itself, the course, every dev file and every file of the package."""
    from tito.course import MANIFEST

    digest = hashlib.sha256(" ".join(module.number for module in modules).encode())
    with os.scandir(_TITO) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.endswith(".py"):
                digest.update(f"\0{entry.name}\0{entry.stat().st_mtime_ns}".encode())
    files = [
        course.root / MANIFEST,
        course.root / "pyproject.toml",
        *(course.dev_file(module) for module in course.modules if course.written(module)),
        *sorted(course.package.rglob("*.py")),
    ]
    for file in files:
        data = file.read_bytes()
        digest.update(f"\0{file.name}\0{len(data)}\0".encode())
        digest.update(data)
    others = (p for p in course.package.rglob("*") if p.suffix not in (".py", ".pyc"))
    for path in sorted(path for path in others if path.is_file()):
        digest.update(f"\0{path.relative_to(course.package)}".encode())
    return digest.hexdigest()
