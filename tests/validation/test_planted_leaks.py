"""R10: solutions in what students get are found, wherever they were put; and nothing else is.

Fifteen leaks, each planted in a real student tree, a real repository, a real wheel.
"""

from __future__ import annotations

import base64
import io
import json
import pickle
import py_compile
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.nbgrader_course import needs_nbgrader
from tests.student_tree import commit, committed_course, git, lay
from tito.course import Course
from tito.leaks import Secrets, search, search_files, search_repository, secrets_of
from tito.report import Finding
from tito.student import tree

pytestmark = [pytest.mark.slow, needs_nbgrader]

DEV = "modules/source/05_losses/losses_dev.py"
CHECKPOINT = "tests/checkpoints/checkpoint_04_networks.py"
EXAMPLE = "examples/xor.py"
SOLUTION = """\
        input, target = _pair(input, target)
        difference = input - target
        return _reduce(difference * difference, self.reduction)
"""
RENAMED = """\
        a, b = _pair(a, b)
        gap = a - b
        return _reduce(gap * gap, self.reduction)
"""


@dataclass(frozen=True)
class Handed:
    """The course, what students get of it, and what they must not get."""

    course: Course
    files: dict[str, bytes]
    secrets: Secrets

    def text(self, path: str) -> str:
        return self.files[path].decode("utf-8")


@pytest.fixture(scope="module")
def handed(tmp_path_factory: pytest.TempPathFactory) -> Handed:
    course = committed_course(tmp_path_factory.mktemp("course"))
    written = [module for module in course.modules if course.written(module)]
    files = tree(course, written, source="a" * 40)
    released = [files[course.dev_path(module)].decode("utf-8") for module in written]
    return Handed(course, files, secrets_of(course, released=released))


@pytest.fixture(scope="module")
def repository(handed: Handed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The student tree in git. Never written to: each test takes a copy."""
    folder = lay(tmp_path_factory.mktemp("student"), handed.files)
    commit(folder)
    return folder


def comment(handed: Handed) -> tuple[str, bytes]:
    lines = "".join(f"    # {line.strip()}\n" for line in RENAMED.splitlines())
    return DEV, handed.text(DEV).replace("    raise Not", f"{lines}    raise Not", 1).encode()


def docstring(handed: Handed) -> tuple[str, bytes]:
    text = handed.text(DEV).replace("1. `_pair`. 2.", f"Do:\n\n{SOLUTION}\n        1. `_pair`. 2.")
    assert SOLUTION in text
    return DEV, text.encode()


def notebook(**changed: Any) -> bytes:
    """A notebook with one cell."""
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": "losses(1)", "outputs": []}
    cells = [{**cell, "execution_count": 1, **changed}]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()


def output(_: Handed) -> tuple[str, bytes]:
    said = {"output_type": "stream", "name": "stdout", "text": SOLUTION.splitlines(keepends=True)}
    return "notes.ipynb", notebook(outputs=[said])


def metadata(_: Handed) -> tuple[str, bytes]:
    return "notes.ipynb", notebook(metadata={"nbgrader": {"comment": SOLUTION}})


def attachment(_: Handed) -> tuple[str, bytes]:
    text = base64.b64encode(SOLUTION.encode()).decode()
    attached = {"answer.txt": {"text/plain": text}}
    return "notes.ipynb", notebook(cell_type="markdown", attachments=attached)


def test_file(handed: Handed) -> tuple[str, bytes]:
    return CHECKPOINT, (handed.text(CHECKPOINT) + f"\n\ndef expected(self):\n{SOLUTION}").encode()


test_file.__test__ = False  # type: ignore[attr-defined]


def readme(handed: Handed) -> tuple[str, bytes]:
    return "README.md", f"{handed.text('README.md')}\n```\n{SOLUTION}```\n".encode()


def example(handed: Handed) -> tuple[str, bytes]:
    return (
        EXAMPLE,
        f"{handed.text(EXAMPLE)}\n\nclass Mine:\n    def forward(self, a, b):\n{RENAMED}".encode(),
    )


def notebook_twin(handed: Handed) -> tuple[str, bytes]:
    """As an instructor would leave it beside the dev file."""
    import jupytext

    solved = handed.course.root / DEV
    made = jupytext.writes(jupytext.reads(solved.read_text("utf-8"), fmt="py:percent"), fmt="ipynb")
    return DEV.replace(".py", ".ipynb"), made.encode()


def folded_base64(_: Handed) -> tuple[str, bytes]:
    return "notes.txt", b"see:\n" + base64.encodebytes(zlib.compress(SOLUTION.encode()))


def bytecode(handed: Handed) -> tuple[str, bytes]:
    source = ROOT / "tinytorch/core/losses.py"
    made = handed.course.root.parent / "losses.pyc"
    py_compile.compile(str(source), cfile=str(made), doraise=True)
    return "tinytorch/core/losses.dat", made.read_bytes()


def wheel(handed: Handed) -> tuple[str, bytes]:
    """The course's own, with the package that its solutions make."""
    folder = handed.course.root.parent / "wheel"
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=handed.course.root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (made,) = folder.glob("*.whl")
    return f"dist/{made.name}", made.read_bytes()


def cache(_: Handed) -> tuple[str, bytes]:
    kept = io.BytesIO()
    pickle.dump({"losses_dev.py": SOLUTION}, kept)
    return ".tito/results/sources", kept.getvalue()


FILES = (
    *(comment, docstring, output, metadata, attachment, bytecode, test_file, readme, example),
    *(notebook_twin, folded_base64, wheel, cache),
)


@pytest.mark.parametrize("plant", FILES, ids=lambda plant: plant.__name__)
def test_a_leak_in_a_file_is_found(
    plant: Callable[[Handed], tuple[str, bytes]], handed: Handed
) -> None:
    path, data = plant(handed)
    assert search_files(handed.secrets, {"x": handed.files.get(path, b"")}) == ()
    found = search(handed.secrets, path, data)
    assert found
    assert {finding.severity for finding in found} == {"error"}
    assert all(finding.path.startswith(path) for finding in found)
    if plant is not bytecode:
        assert any("modules/source/05_losses/" in finding.message for finding in found)
    assert not any("difference" in finding.message for finding in found)


def git_object(folder: Path) -> None:
    """A blob that no commit holds."""
    (folder.parent / "blob").write_text(SOLUTION)
    git(folder, "hash-object", "-w", str(folder.parent / "blob"))


def history(folder: Path) -> None:
    """A file that was committed and taken out again."""
    (folder / "answers.py").write_text(SOLUTION)
    commit(folder)
    (folder / "answers.py").unlink()
    commit(folder)


def message(folder: Path) -> None:
    """Of a commit on another branch."""
    git(folder, "switch", "--quiet", "--create", "other")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", f"Losses\n\n{SOLUTION}")
    git(folder, "switch", "--quiet", "-")


@pytest.mark.parametrize("plant", [git_object, history, message], ids=lambda plant: plant.__name__)
def test_a_leak_in_git_is_found(
    plant: Callable[[Path], None], handed: Handed, repository: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(repository, tmp_path / "repository")
    plant(folder)
    if plant is not message:
        git(folder, "gc", "--quiet")
    assert handed.files.keys() == {p for p in git(folder, "ls-files", "-z").split("\0") if p}
    found = search_repository(handed.secrets, folder)
    assert {finding.rule for finding in found} == {"leak-solution"}
    assert all("modules/source/05_losses/" in finding.message for finding in found)


def test_nothing_is_found_in_what_students_get(handed: Handed, repository: Path) -> None:
    assert len(handed.secrets) > 400
    assert search_files(handed.secrets, handed.files) == ()
    assert search_repository(handed.secrets, repository) == ()


def test_r10_a_solution_in_a_student_file_is_found_over_tree_notebooks_and_git(
    handed: Handed, tmp_path: Path
) -> None:
    """As R10 was reported: a published module held what students were to write."""
    solved = (handed.course.root / DEV).read_bytes()
    twin = notebook_twin(handed)
    files = {DEV: solved, twin[0]: twin[1], "README.md": handed.files["README.md"]}
    folder = lay(tmp_path / "repository", files)
    commit(folder)
    git(folder, "rm", "--quiet", twin[0])
    commit(folder)

    def places(found: tuple[Finding, ...]) -> set[str]:
        return {finding.path.rpartition(": ")[2] for finding in found}

    assert places(search_files(handed.secrets, files)) == {DEV, twin[0]}
    assert places(search_repository(handed.secrets, folder)) == {DEV, twin[0]}
    assert {f.rule for f in search_files(handed.secrets, files)} == {"leak-solution", "leak-marker"}
