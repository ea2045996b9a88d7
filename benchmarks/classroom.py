"""Student versions of all modules: `tito` against nbgrader, whole processes."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmarks.harness import ROOT, Comparison, compare, interleaved, run, script, seconds
from tito import course as course_module
from tito.course import Module
from tito.errors import TitoError
from tito.notebook import synchronise, twin_path
from tito.source import read

ROUNDS = 3
PACKAGES = ("nbgrader", "nbconvert", "sqlalchemy", "jsonschema")
_IDENTITY = ("-c", "user.name=x", "-c", "user.email=x@localhost")


def measure(rounds: int, *, modules: int | None = None) -> list[Comparison]:
    """Everything that a class is given, against one `nbgrader generate_assignment` a module.

    `modules` takes the first so many instead of all.
    """
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs, count = _sides(Path(folder), modules)
        # nbgrader takes so long for a module that a round more would tell nothing new.
        times = interleaved({"ours": ours, "theirs": theirs}, rounds, warm_up=False)
    return [
        compare(
            "classroom", f"student versions, {count} modules",
            ours=("tito nbgrader generate", times["ours"]),
            theirs=("nbgrader generate_assignment, each", times["theirs"]),
            want="at least", limit=20,
        )
    ]  # fmt: skip


def _sides(
    folder: Path, modules: int | None
) -> tuple[Callable[[], float], Callable[[], float], int]:
    course = course_module.load(_committed(folder / "ours"))
    written = [module for module in course.modules if course.written(module)][:modules]
    other = folder / "theirs"
    for module in written:
        synchronise(course, module)
        target = other / "source" / module.slug / f"{module.slug}.ipynb"
        target.parent.mkdir(parents=True)
        shutil.move(course.root / twin_path(course, module), target)
    generate = [str(script("tito")), "nbgrader", "generate", *(m.number for m in written)]
    assign = [str(script("nbgrader")), "generate_assignment"]
    book, tree = "gradebook.db", course.root / "build/student"

    def ours() -> float:
        (course.root / book).unlink(missing_ok=True)
        shutil.rmtree(tree, ignore_errors=True)
        return seconds(generate, folder=course.root)

    def theirs() -> float:
        (other / book).unlink(missing_ok=True)
        shutil.rmtree(other / "release", ignore_errors=True)
        taken = sum(seconds([*assign, module.slug], folder=other) for module in written)
        for module in written:
            _same_cells(module, tree / course.dev_path(module), other)
        return taken

    ours()  # fills caches, and is what the other side's work is compared with
    run([*assign, written[0].slug], folder=other)
    return ours, theirs, len(written)


def _committed(folder: Path) -> Path:
    """This course in a repository of its own: a release is made of what git lists."""
    listed = run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], folder=ROOT
    )
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for words in (("init",), ("add", "--all"), (*_IDENTITY, "commit", "--message", "all")):
        subprocess.run(["git", *words], cwd=folder, capture_output=True, check=True)
    return folder


def _same_cells(module: Module, ours: Path, theirs: Path) -> None:
    """Both sides must have released the same cells. Their stubs differ, and so do checksums."""
    released = theirs / "release" / module.slug / f"{module.slug}.ipynb"
    notebook = msgspec.json.decode(released.read_bytes())
    left = [cell.nbgrader.get("grade_id") for cell in read(ours, module.slug).cells]
    right = [c["metadata"].get("nbgrader", {}).get("grade_id") for c in notebook["cells"]]
    if left != right:
        raise TitoError(f"the two student versions of {module.slug} differ in their cells")
