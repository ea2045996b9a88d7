"""The action `setup`: the tito on PATH if it is this one, else an environment from locked wheels."""

from __future__ import annotations

import hashlib
import importlib.metadata
import zipfile
from pathlib import Path

import pytest

from bot.act import Act, Repository, Run
from tests.conftest import ROOT
from tito.fingerprint import own

pytestmark = pytest.mark.slow

WORKFLOW = """\
name: Try
on: push
permissions: {}
jobs:
  try:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v7
      - id: setup
        uses: ./.github/actions/setup
      - id: see
        run: |
          echo "tito=$(tito --fingerprint)" >>"$GITHUB_OUTPUT"
          echo "prefix=$(python -c 'import sys; print(sys.prefix)')" >>"$GITHUB_OUTPUT"
"""


@pytest.fixture
def course(repository: Repository) -> Repository:
    """The course with a workflow that uses the action alone."""
    file = repository.folder / ".github/workflows/try.yml"
    file.write_text(WORKFLOW, encoding="utf-8")
    return repository


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder with the one package that `tito --fingerprint` needs, as a wheel."""
    found = importlib.metadata.distribution("click")
    folder = tmp_path / "wheels"
    folder.mkdir()
    with zipfile.ZipFile(folder / f"click-{found.version}-py3-none-any.whl", "w") as wheel:
        for file in found.files or ():
            if file.suffix != ".pyc":
                wheel.write(str(file.locate()), str(file))
    return folder


def lock(repository: Repository, wheels: Path, digest: str = "") -> None:
    """Have the repository require that wheel alone, with its hash or another one."""
    (wheel,) = wheels.iterdir()
    digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
    version = wheel.name.split("-")[1]
    text = f"click=={version} --hash=sha256:{digest}\n"
    (repository.folder / "requirements/base.txt").write_text(text, encoding="utf-8")


def run(course: Repository, runner: Act, wheels: Path | None = None) -> Run:
    course.commit("Try")
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    return runner.run(course.folder, "try.yml", "push", {}, environment=offline)


def test_the_tito_on_path_is_taken_if_it_is_this_one(course: Repository, runner: Act) -> None:
    done = run(course, runner)
    assert done.jobs == {"try": "success"}
    assert done.outputs("try", "setup")["origin"] == "found"
    assert done.outputs("try", "see")["tito"] == own()


def test_another_tito_on_path_is_not_taken(course: Repository, runner: Act, wheels: Path) -> None:
    lock(course, wheels)
    changed = course.folder / "tito/errors.py"
    changed.write_text(changed.read_text(encoding="utf-8") + "\n\nCHANGED = 1\n", encoding="utf-8")
    done = run(course, runner, wheels)
    assert done.jobs == {"try": "success"}
    assert done.outputs("try", "setup")["origin"] == "made"
    assert done.outputs("try", "see")["tito"] == own(course.folder / "tito") != own()


def test_a_fresh_runner_gets_an_environment(course: Repository, runner: Act, wheels: Path) -> None:
    runner.without_tito()
    lock(course, wheels)
    for name in ("venv", "pip", "sysconfig", "argparse"):  # as a student could name a file
        text = "raise SystemExit('a file of the checkout was run')\n"
        (course.folder / f"{name}.py").write_text(text, encoding="utf-8")
    done = run(course, runner, wheels)
    assert done.jobs == {"try": "success"}, done.log
    assert done.outputs("try", "setup")["origin"] == "made"
    seen = done.outputs("try", "see")
    assert seen["tito"] == own(ROOT / "tito")
    assert Path(seen["prefix"]).name == "tito-environment"


def test_a_package_that_is_not_the_locked_one_is_refused(
    course: Repository, runner: Act, wheels: Path
) -> None:
    runner.without_tito()
    lock(course, wheels, digest="0" * 64)
    done = run(course, runner, wheels)
    assert done.jobs == {"try": "failure"}
    assert "DO NOT MATCH THE HASHES" in done.log
    assert done.outputs("try", "see") == {}
