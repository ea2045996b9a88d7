"""The course in a git repository of its own, and its student repository on the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import ROOT
from tito import course as course_module
from tito.course import Course

ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_NAME": "Ada" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "ada@localhost" for who in ("AUTHOR", "COMMITTER")},
}
LEFT_OUT = ("bot/", "docs/", ".github/", "benchmarks/")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"], **ENVIRONMENT},
    )  # fmt: skip
    return done.stdout


def commit(folder: Path) -> None:
    """All that is in the folder as a commit of a repository there."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "All of it")


def committed_course(root: Path) -> Course:
    """This course, as far as students could get of it and some more, in a repository."""
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for path in listed:
        if path and not path.startswith(LEFT_OUT) and (ROOT / path).is_file():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, root / path)
    commit(root)
    return course_module.load(root)


def lay(folder: Path, files: Mapping[str, bytes]) -> Path:
    """The files, below a folder."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def tito(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of the tree's own tito, as a student would type it there."""
    environment = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-B", "-m", "tito", *arguments], cwd=folder, capture_output=True, text=True,
        env={**environment, "PYTHONPATH": str(folder), "PYTHONUTF8": "1"}, check=False,
    )  # fmt: skip
