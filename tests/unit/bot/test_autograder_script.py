"""The script that Classroom 50 runs: what it chooses, what it lets student code see, what it says."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import git
from bot.classroom.providers import autograder
from bot.git import File
from tests.unit.results_of_ada import SOURCE
from tito.result_formats import decode_v1
from tito.results import Source

ALPHA = {"number": "01", "module": "alpha", "tests": [["a", ["test_a", "test_b"], 3]]}
BETA = {"number": "02", "module": "beta", "tests": [["b", ["test_c"], 2]]}
COURSE = {"assignments": {"first": ["alpha"]}, "modules": [ALPHA, BETA]}
TITO = """\
import json, os, sys, time
names = sorted(os.environ)
{body}
"""
GOOD = """\
verdicts = [{"name": "test_a", "verdict": "passed"}, {"name": "test_b", "verdict": "passed"}]
print(json.dumps([{"tests": verdicts}]))
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A repository whose `tito` is a few lines."""
    monkeypatch.setattr(autograder, "COURSE", COURSE)

    def made(body: str) -> Path:
        (tmp_path / "tito").mkdir()
        (tmp_path / "tito/__init__.py").touch()
        (tmp_path / "tito/__main__.py").write_text(TITO.format(body=body), encoding="utf-8")
        git.run(None, "init", "--quiet", "--initial-branch", "main", str(tmp_path))
        files = {"README.md": File("100644", b"x")}
        git.commit(tmp_path, "refs/heads/main", "Work", files, seconds=1793487598)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return made


def test_a_tag_chooses_its_modules_and_anything_else_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autograder, "COURSE", COURSE)
    assert autograder.chosen("refs/tags/submit/first") == [ALPHA]
    for ref in ("refs/tags/submit/2026-11-01T00-00-00Z-a1b2c3d", "refs/heads/main", ""):
        assert autograder.chosen(ref) == [ALPHA, BETA]


def test_the_result_is_of_the_format_and_of_this_repository(
    checkout: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkout(GOOD)
    given = {
        "CLASSROOM": "autumn-2026", "ASSIGNMENT": "work", "ASSIGNMENT_TYPE": "group",
        "OWNER": "red", "USERNAME": "ada", "SUBMISSION_TAG": "submit/x",
        "COMMIT_URL": f"https://github.example/acme/x/commit/{SOURCE.commit}",
        "RELEASE_URL": "https://github.example/r", "REVIEW_URL": "https://github.example/v",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert autograder.main() == 0
    source = Source("autumn-2026", "work", "group", "red", SOURCE.commit)
    found = decode_v1((folder / "result.json").read_bytes(), source)
    assert [(test.name, test.earned) for test in found.tests] == [("a", 3), ("b", 0)]
    assert found.links.review.endswith("/v")


@pytest.mark.parametrize(
    "body",
    [
        "sys.exit(1)", "print('{')", "print('[]')", "print('[1]')", "print('{}')",
        "print(json.dumps([{'tests': [{'name': 'x'}]}]))", "sys.stdout.buffer.write(b'\\xff')",
        "time.sleep(60)",
    ],
)  # fmt: skip
def test_a_module_that_cannot_be_tried_has_no_verdicts(
    checkout: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    checkout(body)
    monkeypatch.setattr(autograder, "MODULE_SECONDS", 0.3 if "sleep" in body else 30)
    assert autograder.tried("01", {}, time.monotonic() + 60) == {}
    assert [row["score"] for row in autograder.rows_of(ALPHA, {"test_a": "passed"})] == [0]


def test_without_time_left_nothing_is_started(checkout: Callable[[str], Path]) -> None:
    folder = checkout("open('started', 'w')")
    assert autograder.tried("01", {}, time.monotonic()) == {}
    assert not (folder / "started").exists()


def test_student_code_sees_no_token(
    checkout: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_x")
    monkeypatch.setenv("ACTIONS_RUNTIME_TOKEN", "x")
    for name in ("CLASSROOM", "ASSIGNMENT", "ASSIGNMENT_TYPE", "USERNAME", "SUBMISSION_TAG"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("COMMIT_URL", "x")
    monkeypatch.setenv("RELEASE_URL", "x")
    folder = checkout("json.dump(names, open('seen', 'w'))")
    autograder.main()
    seen = json.loads((folder / "seen").read_text("utf-8"))
    assert "PATH" in seen
    assert not {name for name in seen if "TOKEN" in name or name.startswith(("GITHUB", "ACTIONS"))}


def test_what_is_locked_is_installed_first(
    checkout: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = checkout("")
    pip = tmp_path / "python"
    pip.write_text('#!/bin/sh\necho "$@" >called\n', encoding="utf-8")
    pip.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(pip))
    autograder.set_up({})
    assert not (folder / "called").exists()
    (folder / "requirements").mkdir()
    (folder / "requirements/base.txt").write_text("x==1\n", encoding="utf-8")
    autograder.set_up({})
    called = (folder / "called").read_text("utf-8")
    assert called == "-m pip install --quiet --require-hashes -r requirements/base.txt\n"
