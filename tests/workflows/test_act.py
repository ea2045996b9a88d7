"""What act leaves in the dark, so that the tests of workflows look for it themselves."""

from __future__ import annotations

import pytest

from bot.act import Act, Repository

pytestmark = pytest.mark.slow

WORKFLOW = """\
name: Try
on: push
permissions: {}
jobs:
  here:
    runs-on: ubuntu-24.04
    steps:
      - id: say
        run: |
          echo "word=found" >>"$GITHUB_OUTPUT"
          echo "::warning file=a.py,line=3::look here"
  never:
    if: github.event.number == 2
    runs-on: ubuntu-24.04
    steps: [{run: "true"}]
  elsewhere:
    runs-on: a-runner-that-is-not-there
    steps: [{run: "true"}]
"""


@pytest.fixture
def course(repository: Repository) -> Repository:
    file = repository.folder / ".github/workflows/try.yml"
    file.write_text(WORKFLOW, encoding="utf-8")
    repository.commit("Try")
    return repository


def test_a_job_that_did_not_run_is_not_in_the_set(course: Repository, runner: Act) -> None:
    run = runner.run(course.folder, "try.yml", "push", {"number": 1})
    assert run.jobs == {"here": "success"}
    assert run.outputs("here", "say") == {"word": "found"}
    assert run.annotations() == [("warning", {"file": "a.py", "line": "3"}, "look here")]
    assert run.files("anything") == {}


def test_a_workflow_that_act_cannot_read_is_an_error(course: Repository, runner: Act) -> None:
    file = course.folder / ".github/workflows/try.yml"
    file.write_text("jobs: [1, 2\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match="act could not run"):
        runner.run(course.folder, "try.yml", "push", {})
