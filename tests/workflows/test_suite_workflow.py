"""The workflow "Test suite", run by act: each job's commands work, and one that fails is not green.

The course is cut to two modules and one Python, the measurements to one round, and pytest only
collects: it would run the tests that run here anyway.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from bot.act import Act, Repository, Run
from tito import course as course_module
from tito.cli import invoke

pytestmark = pytest.mark.slow

JOBS = ("plan", "module", "integration", "checkpoint", "performance", "nbgrader", "docs", "suite")


def replaced(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def course(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    root = repository.folder
    whole = course_module.load(root)
    listed = ", ".join(f'"{each}"' for each in whole.settings.pythons)
    newest = f'"{whole.settings.pythons[-1]}"'
    replaced(root / "classroom.yml", f"pythons: [{listed}]", f"pythons: [{newest}]")
    for module in whole.modules[2:]:
        shutil.rmtree(root / whole.settings.source / module.slug, ignore_errors=True)
    shutil.rmtree(whole.package)
    monkeypatch.chdir(root)
    assert invoke(["export", "01", "02", "--force"]) == 0
    for file in (root / "benchmarks").glob("*.py"):
        text = re.sub(r"(?m)^ROUNDS = \d+$", "ROUNDS = 1", file.read_text(encoding="utf-8"))
        file.write_text(text, encoding="utf-8")
    repository.commit("Less to do")
    return repository


def run(course: Repository, runner: Act, event: str) -> Run:
    # Each folder of tests takes seconds to collect, and one shows that the command is right.
    ignored = [f"--ignore=tests/{name}" for name in ("unit", "integration", "workflows", "system")]
    options = " ".join(["--collect-only", "-p no:cacheprovider", *ignored])
    environment = {"PYTEST_ADDOPTS": options}
    return runner.run(course.folder, "test-suite.yml", event, {}, environment=environment)


def test_every_job_runs_and_is_green(course: Repository, runner: Act) -> None:
    done = run(course, runner, "push")
    assert done.jobs == dict.fromkeys(JOBS, "success"), done.log
    newest = course_module.load(course.folder).settings.pythons[-1]
    assert done.outputs("plan", "course") == {"pythons": f'["{newest}"]', "newest": newest}
    figures = done.files("tito-benchmarks")
    assert set(figures) == {"results.json", "table.md"}
    assert json.loads(figures["results.json"])
    assert "| export: all modules, empty package |" in done.summary()
    assert "tests collected" in done.log
    assert done.log.count("Success! Your notebook passes all the tests.") == 2
    assert "gate student: passed" in done.log


def test_a_pull_request_gets_its_answer_and_runs_nothing(course: Repository, runner: Act) -> None:
    done = run(course, runner, "pull_request")
    assert done.jobs == {"suite": "success"}, done.log
    assert "The suite runs when this is merged" in done.log


def test_a_module_that_fails_its_tests_is_red(course: Repository, runner: Act) -> None:
    dev = course.folder / "modules/source/02_tensor/tensor_dev.py"
    text = dev.read_text(encoding="utf-8")
    first = re.search(r"(?m)^def (test_\w+)\(\):\n", text)
    assert first
    replaced(dev, first[0], f"{first[0]}    assert 1 == 2\n")
    only(course, "plan", "module", "suite")
    done = run(course, runner, "merge_group")
    assert done.jobs == {"plan": "success", "module": "failure", "suite": "failure"}


def only(course: Repository, *jobs: str) -> None:
    """Have the other jobs be skipped, which alone must keep `suite` from being green."""
    file = course.folder / ".github/workflows/test-suite.yml"
    text = file.read_text(encoding="utf-8")
    for job in set(JOBS) - set(jobs):
        head, _, tail = text.partition(f"\n  {job}:\n")
        text = f"{head}\n  {job}:\n" + tail.replace("!= 'pull_request'", "== 'never'", 1)
    file.write_text(text, encoding="utf-8")
    course.commit("Some jobs only")


def test_a_job_that_is_skipped_is_not_green(course: Repository, runner: Act) -> None:
    only(course, "plan", "suite")
    done = run(course, runner, "push")
    assert done.jobs == {"plan": "success", "suite": "failure"}
