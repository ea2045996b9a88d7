"""A student pushes, and the workflow that was handed out answers: under act, on the local GitHub."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.act import Act, Run
from tests.small_class import FIRST, GOOD, HALF, OFTEN_TOO, SECOND, TWICE, solve, write
from tests.workflows.student_world import Student, instructors_course, published
from tito import leaks
from tito.course import Course

pytest.importorskip("openapi_core")
pytest.importorskip("github")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return instructors_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def tools(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(course, tmp_path_factory.mktemp("published"))


@pytest.fixture
def student(course: Course, tools: Path, runner: Act, tmp_path: Path) -> Iterator[Student]:
    from bot.localhub import LocalHub

    runner.token = SECRET
    with LocalHub() as hub:
        yield Student(hub, runner, course, tools, tmp_path)
        assert hub.violations == []


def ended(run: Run, conclusion: str) -> None:
    assert run.jobs == {"feedback": conclusion}, run.log


def test_from_the_first_day_to_the_last_point(student: Student) -> None:
    student.open()
    ended(student.push(), "failure")
    (first,) = student.comments()
    assert "### ○ Not started: every module is as it was handed out" in first
    assert student.statuses() == {"tito/feedback": "pending"}

    solve(student.root, FIRST, GOOD)
    run = student.push()
    ended(run, "failure")
    (second,) = student.comments()
    assert "### ✗ Not yet: 1 of 1 module asks for a change" in second
    assert "| `01_twice` | ✗ failed | 1 of 2 | 15 of 20 |" in second
    assert f"run={student.runs} " in second
    assert student.statuses() == {"tito/feedback": "failure"}
    assert second.partition("\n\n")[2] in run.summary()

    solve(student.root, FIRST, HALF)
    before = student.writes()
    ended(student.push(), "success")
    (third,) = student.comments()
    assert "### ✓ 1 module passes" in third
    assert "| `01_twice` | ✓ passed | 2 of 2 | 20 of 20 |" in third
    assert "`✓ passed` 00 begin" in third
    assert student.statuses() == {"tito/feedback": "success"}
    assert student.writes() - before == 2


def test_the_same_again_writes_nothing_and_without_a_pull_request_the_summary_has_all(
    student: Student,
) -> None:
    solve(student.root, FIRST, GOOD, HALF)
    run = student.push()
    ended(run, "success")
    assert "There is no pull request from main to feedback yet" in run.log
    assert "### ✓ 1 module passes" in run.summary()
    assert student.statuses() == {"tito/feedback": "success"}
    student.open()
    ended(student.push(), "success")
    before = student.writes()
    ended(student.again(), "success")
    assert student.writes() == before


def test_broken_and_endless_work_are_told_where(student: Student) -> None:
    student.open()
    student.more = {"          minutes:": '          seconds: "1"\n          minutes:'}
    solve(student.root, FIRST, "while True: pass\n", HALF)
    ended(student.push(), "failure")
    (comment,) = student.comments()
    assert "! could not run" in comment
    assert "the tests did not finish: it ran longer than 1 seconds" in comment
    assert student.statuses() == {"tito/feedback": "failure"}
    text = (student.root / FIRST).read_text(encoding="utf-8")
    write(student.root, FIRST, text.replace("def half(value):", "def half(value:"))
    ended(student.push(), "failure")
    (comment,) = student.comments()
    assert "was never closed" in comment, comment
    line = text.split("def half(value):")[0].count("\n") + 1
    assert f"blob/{student.head}/{FIRST}#L{line}" in comment


def test_a_tag_that_starts_nothing_says_so_and_is_not_green(student: Student) -> None:
    student.open()
    solve(student.root, SECOND, OFTEN_TOO)
    ended(student.push("refs/tags/submit/second"), "failure")
    (comment,) = student.comments()
    assert "### ○ Not run: nothing has been tried" in comment
    assert "assignment second starts no run in this course" in comment
    assert "`tito feedback --assignment second`" in comment
    assert student.statuses() == {"tito/not-run": "pending"}


def test_a_run_that_was_ended_leaves_an_error(student: Student) -> None:
    """As a runner without memory does: the step is over, and there is no result."""
    student.open()
    student.more = {'minutes: "12"': 'minutes: "twelve"'}
    ended(student.push(), "failure")
    (comment,) = student.comments()
    assert "### ! No verdict: the result of this run cannot be read" in comment
    assert student.statuses() == {"tito/feedback": "error"}


def test_a_token_that_may_not_write_is_said(student: Student) -> None:
    student.open()
    student.hub.token({"contents": "read"}, repository=student.github, value=student.runner.token)
    solve(student.root, FIRST, GOOD, HALF)
    run = student.push()
    ended(run, "success")
    assert "Resource not accessible by integration" in run.log
    assert run.log.count("The run's summary has everything.") == 2
    assert student.comments() == []


# What student code gets to see, and to change

SECRET = f"ghs_{secrets.token_hex(16)}"
HUNT = """
import os, pathlib
word = "{token}"[::-1]
seen, found, written = 0, [], []
for top in {places}:
    for folder, _, names in os.walk(top):
        for name in names:
            path = pathlib.Path(folder, name)
            try:
                seen += 1
                if word.encode() in path.read_bytes():
                    found.append(str(path))
            except OSError:
                pass
            try:
                path.open("r+b").close()
                written.append(str(path))
            except OSError:
                pass
for process in filter(str.isdigit, os.listdir("/proc")):
    for name in ("environ", "cmdline"):
        try:
            if word.encode() in pathlib.Path("/proc", process, name).read_bytes():
                found.append(name)
        except OSError:
            pass
found += [name for name, value in os.environ.items() if word in value]
written = [path for path in written if "/tmp/tito-" not in path]  # folders of this very run
raise AssertionError(f"saw {{seen > 100}} found {{found}} wrote {{written[:3]}}")
"""


def test_the_hunt_finds_what_lies_open(tmp_path: Path) -> None:
    write(tmp_path, "a/b", f"token: {SECRET}")
    hunt = HUNT.format(places=[str(tmp_path)], token=SECRET[::-1])
    command = [sys.executable, "-c", hunt]
    surroundings = {"LEAK": SECRET}
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    assert f"found ['{tmp_path}/a/b', 'environ', 'LEAK'] wrote ['{tmp_path}/a/b']" in done.stderr


def test_student_code_finds_no_token_and_can_change_nothing(student: Student) -> None:
    """It reads every process and everything below HOME, RUNNER_TEMP and the files of the runner."""
    student.open()
    places = [str(student.runner.folder), str(student.tools)]
    solve(student.root, FIRST, HUNT.format(places=places, token=SECRET[::-1]))
    ended(student.push(), "failure")
    (comment,) = student.comments()
    assert "saw True found `[]` wrote `[]`" in comment, comment
    run = student.push(LEAK=SECRET)
    ended(run, "failure")
    assert "saw True found `[]` wrote `[]`" in student.comments()[0]


KEEP = """
      - name: Keep
        if: always()
        run: |
          mkdir -p {to}
          for place in "$GITHUB_WORKSPACE" "$RUNNER_TEMP" "$HOME" {others}; do
            cp -RL "$place" "{to}/$(printf %s "$place" | tr / _)"
          done
"""


def test_a_job_never_holds_a_solution_a_hidden_case_or_a_wheel(
    student: Student, course: Course, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    others = " ".join([f"{student.runner.folder}/cache-1", str(student.tools)])
    student.workflow += KEEP.format(to=kept, others=others)
    student.open()
    solve(student.root, FIRST, GOOD)
    ended(student.push(), "failure")
    files = {str(f.relative_to(kept)): f for f in kept.rglob("*") if f.is_file()}
    assert any(FIRST in name for name in files)
    assert any(name.endswith("tito/feedback.py") for name in files)
    assert [n for n in files if n.endswith((".whl", "_cases.py")) or "tinytorch-1" in n] == []
    known = leaks.secrets_of(course)
    readable = {n: f.read_bytes() for n, f in files.items() if not compiled(f) and ".git/" not in n}
    assert leaks.search_files(known, readable) == ()
    repositories = [folder.parent for folder in kept.rglob(".git")]
    assert len(repositories) >= 2
    assert [leaks.search_repository(known, each) for each in repositories] == [()] * len(
        repositories
    )
    assert leaks.search_files(known, {"a.py": TWICE.encode()}), "it knows this course's solutions"


def compiled(file: Path) -> bool:
    """True for what Python leaves beside a source that is looked into."""
    source = file.parent.parent / f"{file.name.split('.')[0]}.py"
    return file.suffix == ".pyc" and file.parent.name == "__pycache__" and source.is_file()
