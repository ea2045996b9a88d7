"""Courses to test with: real files in a temporary folder, made from small parts."""

from __future__ import annotations

import os

# Before anything imports numpy or torch: the tests share the cores, and threads of their own that
# wait for each other make small products many times slower.
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import shutil
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tito import course as course_module
from tito.course import Course

pytest_plugins = ["tests.missing_tools"]

ROOT = Path(__file__).resolve().parents[1]

HEADER = """\
course:
  name: Small
  package: tinytorch
  source: modules/source
  pythons: ["3.10"]
  timezone: UTC
  points: {points}

modules:
{modules}
checkpoints: []

protection:
  generated: ["tinytorch/**"]
  locked: ["classroom.yml"]
  editable: ["modules/source/*/*_dev.py"]
"""


class SmallCourse:
    """A course of a few modules in a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.names: list[str] = []
        self.needs: dict[str, list[str]] = {}
        (root / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "9.9.9"\n')

    def add(self, name: str, text: str, *, needs: list[str] | None = None) -> Path:
        """Add a module whose dev file is `text`; `needs` as in classroom.yml."""
        self.names.append(name)
        self.needs[name] = needs or []
        number = f"{len(self.names):02}"
        path = self.root / f"modules/source/{number}_{name}/{name}_dev.py"
        path.parent.mkdir(parents=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def load(self) -> Course:
        """Write classroom.yml and read it."""
        modules = "".join(
            f'  - number: "{i:02}"\n    name: {name}\n    title: {name}\n'
            f"    target: core.{name}\n    points: 1\n    needs: [{', '.join(self.needs[name])}]\n"
            for i, name in enumerate(self.names, start=1)
        )
        text = HEADER.format(points=len(self.names), modules=modules)
        (self.root / "classroom.yml").write_text(text, encoding="utf-8")
        return course_module.load(self.root)


@pytest.fixture
def small(tmp_path: Path) -> SmallCourse:
    """An empty small course."""
    return SmallCourse(tmp_path)


@pytest.fixture
def copy_of_course(tmp_path: Path) -> Callable[[], Path]:
    """Makes a copy of this very course to change at will, without tito, bot and git."""

    def copy() -> Path:
        target = tmp_path / "course"
        target.mkdir()
        for name in ("classroom.yml", "pyproject.toml"):
            shutil.copy(ROOT / name, target / name)
        for name in ("modules", "tinytorch", "tests/checkpoints"):
            if (ROOT / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.ipynb")
                shutil.copytree(ROOT / name, target / name, ignore=ignored)
        return target

    return copy


@pytest.fixture
def in_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Changes the working folder for one test."""
    return lambda folder: monkeypatch.chdir(folder)
