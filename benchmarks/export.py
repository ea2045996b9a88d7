"""Writing the package from all dev files: `tito` against jupytext and nbdev, whole processes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import ROOT, Comparison, compare, interleaved, script, seconds
from tito import course as course_module
from tito.errors import TitoError

ROUNDS = 7
PACKAGES = ("numpy", "jupytext", "nbdev")

_NBDEV_PROJECT = """\
[project]
name = "tinytorch"
version = "0.0.0"

[tool.nbdev]
nbs_path = "notebooks"
lib_path = "tinytorch"
"""


def measure(rounds: int) -> list[Comparison]:
    """From nothing against jupytext and nbdev; with unchanged sources against from nothing."""
    with tempfile.TemporaryDirectory() as folder:
        sides = _sides(Path(folder))
        times = interleaved(sides, rounds)
    command = "tito export --all --force"
    return [
        compare(
            "export", "all modules, empty package",
            ours=(command, times["empty"]),
            theirs=("jupytext, then nbdev-export", times["nbdev"]),
            want="at least", limit=10,
        ),
        compare(
            "export", "all modules, unchanged sources",
            ours=(command, times["unchanged"]),
            theirs=("the same, empty package", times["empty"]),
            want="at least", limit=2,
        ),
    ]  # fmt: skip


def _sides(folder: Path) -> dict[str, Callable[[], float]]:
    ours, theirs = folder / "ours", folder / "theirs"
    for name in ("classroom.yml", "pyproject.toml", "modules"):
        _copy(ROOT / name, ours / name)
    course = course_module.load(ours)
    written = [course.dev_file(module) for module in course.modules if course.written(module)]
    notebooks = theirs / "notebooks"
    for path in written:
        _copy(path, notebooks / path.name)
    (theirs / "pyproject.toml").write_text(_NBDEV_PROJECT, encoding="utf-8")
    export = [str(script("tito")), "export", "--all", "--force"]
    convert = [str(script("jupytext")), "--quiet", "--to", "ipynb", *(p.name for p in written)]
    concatenate = [str(script("nbdev-export"))]

    def empty() -> float:
        shutil.rmtree(course.package, ignore_errors=True)
        return seconds(export, folder=ours)

    def unchanged() -> float:
        return seconds(export, folder=ours)

    def with_nbdev() -> float:
        shutil.rmtree(theirs / "tinytorch", ignore_errors=True)
        for path in notebooks.glob("*.ipynb"):
            path.unlink()
        taken = seconds(convert, folder=notebooks) + seconds(concatenate, folder=theirs)
        _same_modules(course.package, theirs / "tinytorch")
        return taken

    return {"empty": empty, "unchanged": unchanged, "nbdev": with_nbdev}


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.ipynb"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def _same_modules(ours: Path, theirs: Path) -> None:
    """Both sides must have done the same work."""
    left, right = (
        {path.relative_to(root).as_posix() for path in root.rglob("[!_]*.py")}
        for root in (ours, theirs)
    )
    if left != right or not left:
        raise TitoError(f"the two exports differ in their modules: {sorted(left ^ right)}")
