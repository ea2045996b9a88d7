"""Replace a folder at once: the old tree or the new one, at whatever moment the process dies.

Where the system can exchange two folders in one step (Linux, macOS), that step is the change.
Elsewhere a journal is written first and files are moved one by one; what a dead process left is
finished by the next call of `recover`, and until then the package refuses to be imported, because
its files do not match the manifest in its `__init__.py`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

LAST = "__init__.py"
"""Moved last on the journal path: it holds the manifest of all others."""


def staging_folder(target: Path) -> Path:
    """Where the new tree is built: beside the target, so on the same file system."""
    return target.parent / f".{target.name}-next"


@contextlib.contextmanager
def locked(target: Path) -> Iterator[None]:
    """One process at a time; the system releases the lock of a dead one."""
    folder = target.parent / ".tito"
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "a+b") as file:
        _lock(file.fileno())
        yield


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)


def stage(target: Path, files: Mapping[str, bytes]) -> Path:
    """Write the new tree beside the target and return its folder. Call `recover` before."""
    tree = staging_folder(target) / target.name
    for name, data in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tree


def commit(target: Path, *, exchange: bool = True) -> str:
    """Put the staged tree in the target's place. Returns the way taken: exchange or journal."""
    staging = staging_folder(target)
    _make_writable(target)
    if exchange and _exchange(staging / target.name, target):
        _discard(staging)
        return "exchange"
    _write_journal(staging, target)
    _roll_forward(staging, target)
    return "journal"


def recover(target: Path) -> bool:
    """Finish or clear away what a dead process left. True if a half-done change was finished."""
    staging = staging_folder(target)
    if not staging.exists():
        return False
    if (staging / "journal.json").exists():
        _roll_forward(staging, target)
        return True
    _discard(staging)
    return False


def _discard(staging: Path) -> None:
    _make_writable(staging)
    shutil.rmtree(staging)


def _make_writable(folder: Path) -> None:
    """Take the read-only bits away: no system moves what is in a read-only folder, some move not
    even the folder, and Windows replaces no read-only file. Links are left alone, as what they
    lead to is not ours.
    """
    for name, _, files in os.walk(folder):
        for path in (name, *(os.path.join(name, each) for each in files)):
            mode = os.lstat(path).st_mode
            if not stat.S_ISLNK(mode) and not mode & stat.S_IWUSR:
                os.chmod(path, stat.S_IMODE(mode) | stat.S_IWUSR)


def _write_journal(staging: Path, target: Path) -> None:
    tree = staging / target.name
    new = sorted(_files(tree), key=lambda name: (name == LAST, name))
    old = [name for name in _files(target) if name not in new] if target.exists() else []
    part = staging / "journal.part"
    part.write_text(json.dumps({"move": new, "remove": old}), encoding="utf-8")
    os.replace(part, staging / "journal.json")


def _roll_forward(staging: Path, target: Path) -> None:
    journal = json.loads((staging / "journal.json").read_text(encoding="utf-8"))
    _make_writable(target)
    *first, last = journal["move"]
    for name in first:
        _move(staging / target.name / name, target / name)
    for name in journal["remove"]:
        (target / name).unlink(missing_ok=True)
    _move(staging / target.name / last, target / last)
    _remove_empty_folders(target)
    # The tree first: a journal without its tree is finished, a tree without a journal is not.
    shutil.rmtree(staging / target.name, ignore_errors=True)
    (staging / "journal.json").unlink()
    _discard(staging)


def _move(source: Path, target: Path) -> None:
    if source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(source, target)


def _remove_empty_folders(target: Path) -> None:
    for folder, _, _ in os.walk(target, topdown=False):
        if not os.listdir(folder):
            os.rmdir(folder)


def _files(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def _exchange(new: Path, target: Path) -> bool:
    """Swap two folders in one step. False where the system or the file system cannot."""
    if not target.exists():
        os.rename(new, target)
        return True
    a, b = os.fsencode(new), os.fsencode(target)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            swap = 0x2  # RENAME_SWAP
            return bool(libc.renamex_np(a, b, swap) == 0)
        here, exchange = -100, 0x2  # AT_FDCWD, RENAME_EXCHANGE
        return bool(libc.renameat2(here, a, here, b, exchange) == 0)
    except (OSError, AttributeError, TypeError):
        return False
