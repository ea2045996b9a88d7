"""The student repository holds what its modules need and nothing else, and works by itself."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.nbgrader_course import needs_nbgrader
from tests.student_tree import commit, committed_course, git, lay, tito
from tito import course as course_module
from tito import handout, provenance
from tito.cli import invoke
from tito.course import Course
from tito.errors import TitoError, UsageError
from tito.student import commit_of, student_version, tree

pytestmark = [pytest.mark.slow, needs_nbgrader]
SOURCE = "a" * 40


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """Committed, and never written to."""
    return committed_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def first_three(course: Course) -> dict[str, bytes]:
    return tree(course, course.modules[:3], source=SOURCE)


def test_it_is_a_projection_of_the_course(course: Course, first_three: dict[str, bytes]) -> None:
    assert [path for path in first_three if not path.startswith("tito/")] == [
        ".devcontainer/devcontainer.json",
        ".gitattributes",
        ".gitignore",
        "LICENSE",
        "README.md",
        "classroom.yml",
        "modules/api.json",
        "modules/source/01_setup/README.md",
        "modules/source/01_setup/setup_dev.py",
        "modules/source/02_tensor/README.md",
        "modules/source/02_tensor/tensor_dev.py",
        "modules/source/03_activations/README.md",
        "modules/source/03_activations/activations_dev.py",
        "pyproject.toml",
        "release.json",
        "requirements/base.txt",
        "tests/__init__.py",
        "tests/checkpoints/__init__.py",
        "tests/checkpoints/checkpoint_00_environment.py",
        "tests/checkpoints/checkpoint_01_foundation.py",
        "tests/checkpoints/checkpoint_02_intelligence.py",
        "tinytorch/__init__.py",
        "tinytorch/core/__init__.py",
        "tinytorch/utils/__init__.py",
    ]
    ours = git(course.root, "ls-files", "tito").split()
    assert [path for path in first_three if path.startswith("tito/")] == sorted(ours)
    api = json.loads(first_three["modules/api.json"])
    assert set(api["modules"]) == {"core.setup", "core.tensor", "core.activations"}
    assert b"Conv2d" not in first_three["tinytorch/__init__.py"]


def test_the_release_says_what_it_is(course: Course, first_three: dict[str, bytes]) -> None:
    found = provenance.decode(first_three["release.json"])
    assert found.source == SOURCE
    assert found.modules == ("01_setup", "02_tensor", "03_activations")
    assert set(found.editable) == {course.dev_path(module) for module in course.modules[:3]}
    generated = {path for path in first_three if path.startswith("tinytorch/")}
    assert {*found.locked, *found.editable, *generated, "release.json"} == set(first_three)


def test_the_same_course_makes_the_same_bytes(
    course: Course, first_three: dict[str, bytes]
) -> None:
    backwards = reversed(course.modules[:3])
    assert tree(course, backwards, source=SOURCE) == first_three


@pytest.mark.parametrize(
    ("last", "examples"),
    [
        ("optimizers", ["xor"]),
        ("dataloader", ["demo_cifar10_training", "digits", "synthetic_cifar10", "xor"]),
    ],
)
def test_examples_come_with_the_modules_they_import(
    course: Course, last: str, examples: list[str]
) -> None:
    files = tree(course, course.up_to(course.module(last)), source=SOURCE)
    found = [path for path in files if path.startswith("examples/")]
    assert found == [f"examples/{name}.py" for name in examples]


def test_it_works_with_the_tito_it_brings(first_three: dict[str, bytes], tmp_path: Path) -> None:
    folder = lay(tmp_path / "repository", first_three)
    listed = tito(folder, "module", "list", "--json", "-")
    states = {row["module"]: row["state"] for row in json.loads(listed.stdout)}
    assert states["02_tensor"] == "written"
    assert states["04_layers"] == "not written"
    gate = tito(folder, "gate", "export")
    assert gate.returncode == 0, gate.stdout
    assert tito(folder, "module", "validate", "--all").returncode == 0
    status = json.loads(tito(folder, "checkpoint", "status", "--json", "-").stdout)
    assert [row["state"] for row in status][:4] == ["waiting"] * 3 + ["not written"]
    tested = tito(folder, "module", "test", "01")
    assert tested.returncode == 1
    assert "this is yours to write, in module 01_setup" in tested.stdout
    exported = tito(folder, "module", "export", "01")
    assert exported.returncode == 1
    assert "does not pass its tests" in exported.stderr


def test_a_student_who_uses_a_later_name_is_told_which_module_brings_it(
    first_three: dict[str, bytes], tmp_path: Path
) -> None:
    folder = lay(tmp_path / "repository", first_three)
    (folder / "ask.py").write_text("import tinytorch\ntinytorch.Tensor\n")
    done = subprocess.run(
        [sys.executable, "-B", "ask.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert "comes with module 02_tensor" in done.stderr


def test_modules_with_a_gap_are_refused(course: Course) -> None:
    with pytest.raises(UsageError, match="03_activations cannot be handed out without 02_tensor"):
        tree(course, [course.modules[0], course.modules[2]], source=SOURCE)
    with pytest.raises(UsageError, match="no module to hand out"):
        tree(course, [], source=SOURCE)
    with pytest.raises(TitoError, match="not part of the course yet") as caught:
        tree(course, course.modules[:11], source=SOURCE)
    assert caught.value.where == "modules/source/11_tokenization/tokenization_dev.py"


@pytest.fixture
def own_course(course: Course, tmp_path: Path) -> Course:
    """The course, to be written to."""
    return course_module.load(shutil.copytree(course.root, tmp_path / "own"))


def test_what_is_not_committed_is_refused(own_course: Course) -> None:
    first = own_course.modules[:1]
    readme = own_course.root / "modules/source/01_setup/README.md"
    readme.write_text(readme.read_text(encoding="utf-8") + "\nMore.\n", encoding="utf-8")
    for path in ("modules/source/02_tensor/README.md", "examples/xor.py"):
        (own_course.root / path).write_text("# not handed out\n")
    with pytest.raises(TitoError, match=r"1 file.* are not committed: modules/source/01_setup"):
        tree(own_course, first, source=SOURCE)
    files = tree(own_course, first, source=SOURCE, allow_dirty=True)
    assert files["modules/source/01_setup/README.md"].endswith(b"More.\n")
    for number in range(10):
        (own_course.root / f"tito/{number}.py").write_text("")
    git(own_course.root, "add", "--all")
    with pytest.raises(TitoError, match="and 6 more"):
        tree(own_course, first, source=SOURCE)
    commit(own_course.root)
    assert tree(own_course, first, source=SOURCE).keys() > files.keys()


def test_a_course_that_lacks_what_students_need_is_refused(own_course: Course) -> None:
    git(own_course.root, "rm", "--quiet", "LICENSE")
    with pytest.raises(TitoError, match="git lists no LICENSE"):
        tree(own_course, own_course.modules[:1], source=SOURCE)
    shutil.rmtree(own_course.root / ".git")
    with pytest.raises(TitoError, match="not in a git repository"):
        tree(own_course, own_course.modules[:1], source=SOURCE)
    with pytest.raises(TitoError, match="not in a git repository yet"):
        commit_of(own_course)


def test_an_example_that_is_no_python_stays_here(own_course: Course) -> None:
    for name, text in (
        ("broken", "def (:\n"),
        ("later", "import tinytorch.core.spatial\n"),
        ("whole", "import tinytorch\nimport tinytorch.core.setup\n"),
    ):
        (own_course.root / f"examples/{name}.py").write_text(text)
    commit(own_course.root)
    files = tree(own_course, own_course.modules[:1], source=SOURCE)
    found = {path for path in files if path.startswith("examples/")}
    assert found == {"examples/whole.py"}


def test_a_student_version_is_not_made_of_one(
    first_three: dict[str, bytes], tmp_path: Path
) -> None:
    released = course_module.load(lay(tmp_path, first_three))
    with pytest.raises(TitoError, match="a student version already"):
        student_version(released, released.modules[0])


def test_the_command_writes_it_and_keeps_what_was_there(
    own_course: Course, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(own_course.root)
    assert invoke(["nbgrader", "generate", "01"]) == 0
    output = own_course.root / "build/student"
    assert provenance.read(output) is not None
    assert (own_course.root / "gradebook.db").is_file()
    assert git(own_course.root, "status", "--porcelain") == ""
    assert "1 module(s) for students" in capsys.readouterr().out
    assert invoke(["nbgrader", "generate", "01"]) == 0
    assert "nothing had changed" in capsys.readouterr().out
    (output / "mine.txt").write_text("a note")
    assert invoke(["nbgrader", "generate", "01", "02"]) == 0
    said = capsys.readouterr().out
    (aside,) = own_course.root.glob(".tito-aside/*/student")
    assert str(aside) in said
    assert (aside / "mine.txt").read_text() == "a note"
    assert not (output / "mine.txt").exists()
    arguments = ["nbgrader", "generate", "01", "--output", "new", "--gradebook", "other.db"]
    assert invoke([*arguments, "--json", "-"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["modules"], data["changed"], data["aside"]) == (["01_setup"], True, None)
    assert (own_course.root / "other.db").is_file()


def test_a_folder_that_holds_no_release_is_never_written_over(
    course: Course, first_three: dict[str, bytes], tmp_path: Path
) -> None:
    mine = lay(tmp_path / "mine", {"thesis.txt": b"years of work"})
    broken = lay(tmp_path / "broken", {"release.json": b"{}"})
    (tmp_path / "file").write_text("a file")
    for folder, message in (
        (mine, "holds no release"),
        (broken, "says not what was handed out"),
        (tmp_path / "file", "no folder"),
        (course.root, "over the course"),
        (course.root.parent, "over the course"),
    ):
        with pytest.raises(TitoError, match=message):
            handout.write(course, folder, first_three)
    assert [*mine.iterdir()] == [mine / "thesis.txt"]
    (tmp_path / "empty").mkdir()
    assert handout.write(course, tmp_path / "empty", first_three).changed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "empty", "file", "mine"]
