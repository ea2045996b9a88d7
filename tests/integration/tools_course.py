"""A small course with the files that are published as tools, and a repository to publish to."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bot.act import Repository
from bot.tools import Publication, publish
from tests.conftest import ROOT, SmallCourse

DEV = '''\
# %% nbgrader={"solution": true, "grade": false, "grade_id": "tensor-mean"}
#| default_exp core.tensor
#| export
def mean(values):
    """The mean."""
    ### BEGIN SOLUTION
    total = values.sum(axis=-1, keepdims=True)
    return total / values.shape[-1]
    ### END SOLUTION
'''
SOLUTION = "    t = v.sum(axis=-1, keepdims=True)\n    return t / v.shape[-1]\n"


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@localhost"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def course(small: SmallCourse, tmp_path: Path) -> Repository:
    """A small course with the files that are carried, in a git repository."""
    small.add("tensor", DEV)
    root = small.load().root
    for name in ("tito/fingerprint.py", "tito/course.py", "bot/tools.py", "bot/demo.py"):
        write(root, name, (ROOT / name).read_text(encoding="utf-8"))
    write(root, ".github/actions/export/action.yml", "name: x\n")
    write(root, ".github/workflows/a.yml", "name: x\n")
    for name in (".github/action-pins.toml", "requirements/base.txt", "requirements/bot.txt"):
        write(root, name, "x\n")
    for name in ("LICENSE", "tinytorch/core/tensor.py", "tests/test_a.py", "requirements/test.txt"):
        write(root, name, "x\n")
    git(root, "init", "--quiet")
    return Repository(root, tmp_path / "repository")


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return bare(tmp_path / "tools.git")


def bare(folder: Path) -> Path:
    git(folder.parent, "init", "--quiet", "--bare", "--initial-branch", "main", str(folder))
    return folder


def refs(target: Path) -> dict[str, str]:
    lines = git(target, "for-each-ref", "--format=%(refname) %(objectname)").split("\n")
    return dict(line.split(" ") for line in lines if line)


def publish_to(course: Repository, target: Path, version: str = "1.0.0") -> Publication:
    return publish(course.folder, str(target), version)
