"""A student repository on the disk: written whole or not at all, and never over anything else."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from tito import provenance
from tito.aside import FOLDER
from tito.course import Course
from tito.errors import TitoError


class Written(msgspec.Struct, frozen=True):
    """What happened: nothing if the folder held these very files, and where the old ones went."""

    changed: bool
    aside: Path | None = None


def write(course: Course, folder: Path, files: Mapping[str, bytes]) -> Written:
    """Make `folder` hold these files and no others.

    An older release that is there is moved to `.tito-aside/` of the course, as it stands.
    Raises TitoError, and changes nothing, if something else is there.
    """
    check(course, folder)
    if _held(folder) == dict(files):
        return Written(False)
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        tree = staging / "tree"
        for name, data in files.items():
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        aside = _moved(course, folder)
        os.replace(tree, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Written(True, aside)


def check(course: Course, folder: Path) -> None:
    """Raise TitoError unless a release can be written there."""
    hint = "name a folder that is not there yet, or one that this command has made: --output"
    if folder.resolve() in (course.root.resolve(), *course.root.resolve().parents):
        message = "a release cannot be written over the course"
        raise TitoError(message, where=str(folder), hint=hint)
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not folder.is_dir() or folder.is_symlink():
        raise TitoError("here is something that is no folder", where=str(folder), hint=hint)
    try:
        known = provenance.read(folder)
    except TitoError as error:
        raise TitoError(error.message, where=str(folder / error.where), hint=hint) from None
    if known is None:
        raise TitoError("this folder holds no release", where=str(folder), hint=hint)


def _held(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        return {}
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _moved(course: Course, folder: Path) -> Path | None:
    """Where the folder was moved to, if anything was in it."""
    if not folder.exists():
        return None
    if not any(folder.iterdir()):
        folder.rmdir()
        return None
    stamp = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H-%M-%S.%fZ")
    target = course.root / FOLDER / stamp / folder.name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(folder, target)
    return target
