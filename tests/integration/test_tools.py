"""`python -m bot tools publish`: one commit, the same for the same files, and never a leak."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import __main__ as program
from bot import tools
from bot.act import Repository
from bot.tools import publish
from tests.conftest import ROOT
from tests.integration.tools_course import (
    SOLUTION,
    bare,
    course,
    git,
    publish_to,
    refs,
    target,
    write,
)
from tito.errors import RefusedError, TitoError
from tito.fingerprint import own

__all__ = ["course", "target"]  # fixtures


def test_what_is_published_is_one_commit_with_the_tools_alone(
    course: Repository, target: Path
) -> None:
    done = publish_to(course, target)
    listed = git(target, "ls-tree", "-r", "--name-only", "main").split("\n")
    assert set(listed) == {
        ".github/action-pins.toml",
        ".github/actions/export/action.yml",
        "LICENSE",
        "README.md",
        "bot/tools.py",
        "requirements/base.txt",
        "requirements/bot.txt",
        "tito/course.py",
        "tito/fingerprint.py",
        "tools.json",
    }
    assert len(listed) == done.files
    assert git(target, "rev-list", "--count", "--all") == "1"
    # Nothing of who publishes, or when: the hash would tell the same files apart.
    about = git(target, "log", "--format=%an %at %cn %ct %B")
    assert about == "TinyTorch tools 946684800 TinyTorch tools 946684800 The tools of the course"
    everywhere = dict.fromkeys(("refs/heads/main", "refs/tags/v1", "refs/tags/v1.0.0"), done.commit)
    assert refs(target) == everywhere
    mark = git(target, "show", "main:tools.json")
    assert own(course.folder / "tito") in mark


def test_the_last_commit_is_published_and_not_the_folder(course: Repository, target: Path) -> None:
    write(course.folder, "tito/errors.py", "# not committed\n")
    publish_to(course, target)
    assert "tito/errors.py" not in git(target, "ls-tree", "-r", "--name-only", "main")


def test_the_same_files_are_the_same_commit(
    course: Repository, target: Path, tmp_path: Path
) -> None:
    first = publish_to(course, target)
    before = refs(target)
    again = publish_to(course, target)
    assert (again.commit, again.refs, refs(target)) == (first.commit, (), before)
    # Another time, another message, another author, more history, another module.
    write(course.folder, "modules/source/01_tensor/notes.md", "more\n")
    course.commit("Something else")
    elsewhere = publish_to(course, bare(tmp_path / "other.git"))
    assert elsewhere.commit == first.commit
    assert publish_to(course, target).refs == ()


def test_other_files_need_a_higher_version_and_the_old_commit_stays(
    course: Repository, target: Path
) -> None:
    first = publish_to(course, target)
    write(course.folder, "tito/more.py", "X = 1\n")
    course.commit("More")
    with pytest.raises(RefusedError, match=r"v1.0.0 was published with other files"):
        publish_to(course, target)
    second = publish_to(course, target, "1.1.0")
    assert second.refs == ("refs/heads/main", "refs/tags/v1", "refs/tags/v1.1.0")
    assert git(target, "rev-parse", "v1.0.0") == first.commit != second.commit
    assert refs(target)["refs/tags/v1"] == refs(target)["refs/heads/main"] == second.commit
    assert git(target, "rev-list", "--count", "main") == "1"
    with pytest.raises(RefusedError, match=r"v1.1.0 is there already"):
        publish_to(course, target, "1.0.5")
    third = publish_to(course, target, "2.0.0")
    assert third.commit == second.commit
    assert third.refs == ("refs/tags/v2", "refs/tags/v2.0.0")


def test_an_old_version_once_more_moves_nothing(course: Repository, target: Path) -> None:
    publish_to(course, target)
    write(course.folder, "tito/more.py", "X = 1\n")
    course.commit("More")
    publish_to(course, target, "1.1.0")
    before = refs(target)
    (course.folder / "tito/more.py").unlink()
    course.commit("Less")
    assert publish_to(course, target).refs == ()
    assert refs(target) == before


def test_what_was_moved_by_hand_is_put_right(course: Repository, target: Path) -> None:
    publish_to(course, target)
    write(course.folder, "tito/more.py", "X = 1\n")
    course.commit("More")
    second = publish_to(course, target, "1.1.0")
    git(target, "update-ref", "refs/heads/main", "v1.0.0")
    git(target, "tag", "--delete", "v1")
    assert publish_to(course, target, "1.1.0").refs == ("refs/heads/main", "refs/tags/v1")
    assert refs(target)["refs/heads/main"] == refs(target)["refs/tags/v1"] == second.commit


def test_a_dry_run_writes_nothing(course: Repository, target: Path) -> None:
    done = publish(course.folder, str(target), "1.0.0", dry_run=True)
    assert done.refs == ("refs/heads/main", "refs/tags/v1", "refs/tags/v1.0.0")
    assert refs(target) == {}
    assert publish_to(course, target).commit == done.commit


def test_two_at_once_do_not_overwrite_each_other(
    course: Repository, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_to(course, target)
    write(course.folder, "tito/more.py", "X = 1\n")
    course.commit("More")
    push = tools._push

    def late(*arguments: object) -> None:
        # Between the look and the push somebody else publishes.
        monkeypatch.setattr(tools, "_push", push)
        write(course.folder, "tito/more.py", "X = 2\n")
        course.commit("Other")
        publish_to(course, target, "1.2.0")
        push(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(tools, "_push", late)
    with pytest.raises(TitoError, match="push failed"):
        publish_to(course, target, "1.1.0")
    assert "refs/tags/v1.1.0" not in refs(target)
    assert refs(target)["refs/heads/main"] == refs(target)["refs/tags/v1.2.0"]


# Leaks


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("tito/hint.py", SOLUTION, "leak-solution"),
        ("bot/example.py", f"CODE = {SOLUTION!r}\n", "leak-solution"),
        (".github/actions/export/README.md", "```\n### BEGIN SOLUTION\n```\n", "leak-marker"),
        ("tito/old.pyc", "x\n", "tools-content"),
        ("tito/tensor_dev.py", "x = 1\n", "tools-content"),
        ("bot/tensor_dev.ipynb", "{}\n", "tools-content"),
        ("bot/tensor_cases.py", "x = 1\n", "tools-content"),
    ],
)
def test_tools_that_leak_are_not_published(
    course: Repository, target: Path, name: str, text: str, rule: str
) -> None:
    write(course.folder, name, text)
    course.git("add", "--force", name)
    course.commit("A leak")
    with pytest.raises(RefusedError) as refused:
        publish_to(course, target)
    assert [(f.rule, f.path) for f in refused.value.findings] == [(rule, name)]
    assert refs(target) == {}


def test_links_and_what_is_no_text_are_not_published(course: Repository, target: Path) -> None:
    (course.folder / "tito/link.py").symlink_to("../modules/source/01_tensor/tensor_dev.py")
    (course.folder / "bot/data.bin").write_bytes(b"\xff\x00\x80")
    course.commit("Others")
    with pytest.raises(RefusedError) as refused:
        publish_to(course, target)
    found = {(f.rule, f.path, f.message) for f in refused.value.findings}
    assert found == {
        ("tools-content", "tito/link.py", "a link, which could lead anywhere"),
        ("tools-content", "bot/data.bin", "this is no text"),
    }


def test_a_secret_of_that_commit_counts_and_not_of_the_folder(
    course: Repository, target: Path
) -> None:
    write(course.folder, "tito/hint.py", SOLUTION)
    course.commit("A leak")
    dev = course.folder / "modules/source/01_tensor/tensor_dev.py"
    dev.write_text("# %%\nx = 1\n", encoding="utf-8")
    with pytest.raises(RefusedError):
        publish_to(course, target)


@pytest.mark.slow
def test_the_real_tools_can_be_published(target: Path, tmp_path: Path) -> None:
    repository = Repository(ROOT, tmp_path / "course")
    done = publish_to(repository, target)
    listed = git(target, "ls-tree", "-r", "--name-only", "main").split("\n")
    assert len(listed) == done.files > 80
    tops = {name.split("/")[0] for name in listed}
    assert tops == {".github", "LICENSE", "README.md", "bot", "requirements", "tito", "tools.json"}
    actions = {name.split("/")[2] for name in listed if name.startswith(".github/actions/")}
    assert actions == {
        "setup",
        "export",
        "protection",
        "integration",
        "feedback",
        "tito.sh",
    }
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(target), str(clone))
    assert own(clone / "tito") == own(ROOT / "tito")


# The command


def test_the_command_says_what_it_did(
    course: Repository,
    target: Path,
    in_folder: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    in_folder(course.folder)
    command = ["tools", "publish", "../tools.git", "--version", "1.0.0"]
    assert program.invoke([*command, "--dry-run"]) == 0
    assert "would be written: refs/heads/main, refs/tags/v1, refs" in capsys.readouterr().out
    assert program.invoke(command) == 0
    assert "no leak found\nwritten: refs/heads/main" in capsys.readouterr().out
    assert program.invoke(command) == 0
    assert "nothing to write" in capsys.readouterr().out
    assert program.invoke(["tools", "publish", "../tools.git"]) == 2


def test_the_command_exits_with_1_and_names_the_place_of_a_leak(
    course: Repository, target: Path
) -> None:
    write(course.folder, "tito/hint.py", f"x = 1\n{SOLUTION}")
    course.commit("A leak")
    path = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from bot.__main__ import invoke; "
    arguments = ["tools", "publish", str(target), "--version", "1.0.0"]
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"{path}sys.exit(invoke({arguments!r}))"],
        cwd=course.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "tito/hint.py:2" in done.stderr
    assert "modules/source/01_tensor/tensor_dev.py:7" in done.stderr
    assert "1 finding(s), nothing was written" in done.stderr
    assert "keepdims" not in done.stderr + done.stdout
