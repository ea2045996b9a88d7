"""Where tools are not published to: every target that holds anything else, and every odd address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot import tools
from bot.act import Repository
from bot.tools import publish
from tests.integration.tools_course import (
    SOLUTION,
    course,
    git,
    publish_to,
    refs,
    target,
    write,
)
from tito.errors import RefusedError, TitoError, UsageError

__all__ = ["course", "target"]  # fixtures


def with_history(target: Path, folder: Path) -> None:
    clone = commit_into(target, folder, tools.MARK, '{"format": 1}\n')
    git(clone, "commit", "--quiet", "--allow-empty", "-m", "two")
    git(clone, "push", "--quiet", "origin", "main")


def without_a_mark(target: Path, folder: Path) -> None:
    commit_into(target, folder, "README.md", "# A repository\n")


def with_a_mark_that_is_none(target: Path, folder: Path) -> None:
    commit_into(target, folder, tools.MARK, "[1]\n")


def with_a_mark_that_is_no_json(target: Path, folder: Path) -> None:
    commit_into(target, folder, tools.MARK, "no\n")


def with_a_mark_of_another_format(target: Path, folder: Path) -> None:
    commit_into(target, folder, tools.MARK, '{"format": 2}\n')


def with_another_branch(target: Path, folder: Path) -> None:
    commit_into(target, folder, "a.txt", "x\n", ref="other")


def with_a_tag_that_is_an_object(target: Path, folder: Path) -> None:
    clone = commit_into(target, folder, tools.MARK, '{"format": 1}\n')
    git(clone, "tag", "-a", "v0", "-m", "a tag")
    git(clone, "push", "--quiet", "origin", "v0")


def commit_into(target: Path, folder: Path, name: str, text: str, ref: str = "main") -> Path:
    clone = folder / "clone"
    git(folder, "clone", "--quiet", str(target), str(clone))
    write(clone, name, text)
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "-m", "one")
    git(clone, "push", "--quiet", "origin", f"HEAD:refs/heads/{ref}")
    return clone


@pytest.mark.parametrize(
    ("fill", "said"),
    [
        (with_history, "has a history"),
        (without_a_mark, "holds no tools.json"),
        (with_a_mark_that_is_none, "holds no tools.json"),
        (with_a_mark_that_is_no_json, "holds no tools.json"),
        (with_a_mark_of_another_format, "holds no tools.json"),
        (with_another_branch, "refs/heads/other holds no tools.json"),
        (with_a_tag_that_is_an_object, "is no plain commit"),
    ],
)
def test_a_target_that_is_not_for_tools_is_refused(
    course: Repository,
    target: Path,
    tmp_path: Path,
    fill: Callable[[Path, Path], None],
    said: str,
) -> None:
    fill(target, tmp_path)
    before = refs(target)
    with pytest.raises(RefusedError) as refused:
        publish_to(course, target)
    assert any(said in finding.message for finding in refused.value.findings)
    assert refs(target) == before


def test_the_course_itself_is_no_target(course: Repository) -> None:
    before = course.git("rev-parse", "main")
    with pytest.raises(RefusedError, match="no target for tools"):
        publish_to(course, course.folder)
    assert course.git("rev-parse", "main") == before


def test_a_target_that_leaks_is_refused(course: Repository, target: Path, tmp_path: Path) -> None:
    clone = commit_into(target, tmp_path, tools.MARK, '{"format": 1}\n')
    write(clone, "notes.md", SOLUTION)
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "--amend", "-m", "one")
    git(clone, "push", "--quiet", "--force", "origin", "main")
    with pytest.raises(RefusedError, match="leak") as refused:
        publish_to(course, target)
    assert "notes.md" in refused.value.findings[0].path


@pytest.mark.parametrize(
    "address", ["--upload-pack=touch x", "https://ada:secret@example.org/tools.git"]
)
def test_an_address_that_is_dangerous_is_refused(course: Repository, address: str) -> None:
    with pytest.raises(UsageError) as refused:
        publish(course.folder, address, "1.0.0")
    assert "secret" not in f"{refused.value.message} {refused.value.hint}"


@pytest.mark.parametrize("version", ["1", "1.0", "v1.0.0", "1.0.0-rc1", "01.0.0", "1.0.0\n", ""])
def test_a_version_has_three_numbers(course: Repository, target: Path, version: str) -> None:
    with pytest.raises(UsageError, match="no version"):
        publish_to(course, target, version)


def test_a_target_that_is_not_there_is_an_error(course: Repository, tmp_path: Path) -> None:
    with pytest.raises(TitoError, match="fetch failed"):
        publish_to(course, tmp_path / "nowhere.git")


def test_a_course_without_the_tools_is_an_error(course: Repository, target: Path) -> None:
    course.git("rm", "--quiet", "-r", "bot", "LICENSE")
    course.commit("Less")
    with pytest.raises(TitoError, match="the last commit has no bot/, LICENSE"):
        publish_to(course, target)
