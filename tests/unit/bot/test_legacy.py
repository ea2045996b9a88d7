"""The formats of GitHub Classroom: what its tools look for stands where they look."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import yaml

from bot import __main__ as program
from bot.classroom.autograding import lines, tried_in
from bot.classroom.names import repository_name
from bot.classroom.providers import provider_of
from bot.classroom.providers.legacy import (
    AUTOGRADING_TESTS,
    AUTOGRADING_WORKFLOW,
    JOB,
    autograding_tests,
    autograding_workflow,
)
from tests.conftest import SmallCourse
from tests.unit.test_visible import cell
from tito.course import Course, load
from tito.errors import TitoError
from tito.result_formats import decode_legacy

WORKFLOW = """\
# Feedback, not the grade.
name: Feedback

on:
  workflow_dispatch:

permissions: {}

concurrency:
  group: feedback-${{ github.ref }}

jobs:
  feedback:
    name: feedback
    runs-on: ubuntu-24.04
    steps:
      - name: Check out
        uses: actions/checkout@x

      - name: Set up tito
        uses: acme/tools/.github/actions/setup@x

      - name: Feedback
        uses: acme/tools/.github/actions/feedback@x
        with:
          minutes: "12"
"""
HIDDEN = "### BEGIN HIDDEN TESTS\ndef test_h():\n    assert 1\n### END HIDDEN TESTS"
MODULES = [
    {"module": "01_alpha", "state": "failed", "passed": 1, "tests": 2, "earned": 3, "points": 5},
    {"module": "02_beta", "state": "not started"},
    {"module": "03_gamma", "state": "passed", "earned": 2, "points": 2},
]


@pytest.fixture
def course(small: SmallCourse) -> Course:
    dev = "#| default_exp core.{}\n\n"
    visible = cell("t-one", "def test_a():\n    assert 1", "3")
    small.add("alpha", dev.format("alpha") + visible + cell("t-two", HIDDEN, "2"))
    small.add("beta", dev.format("beta") + visible)
    root = small.load().root
    with (root / "classroom.yml").open("a", encoding="utf-8") as file:
        file.write("\nclassroom: {provider: legacy, organisation: acme, prefix: hw}\n")
        file.write("\nassignments: [{slug: first, title: A, modules: [alpha], points: 1}]\n")
    return load(root)


def test_the_workflow_has_the_name_the_job_and_the_output_that_tools_look_for() -> None:
    content = yaml.safe_load(autograding_workflow(WORKFLOW))
    assert content["name"] == "Autograding Tests"
    assert list(content["jobs"]) == [JOB]
    job = content["jobs"][JOB]
    assert job["name"] == JOB
    assert job["outputs"] == {"result": "${{ steps.report.outputs.result }}"}
    names = [step["name"] for step in job["steps"]]
    assert names == ["Check out", "Set up tito", "Feedback", "Autograding report"]
    assert [step.get("id") for step in job["steps"]] == [None, "setup", "feedback", "report"]
    report = job["steps"][-1]
    assert report["env"]["RESULT"] == "${{ steps.feedback.outputs.result }}"
    assert "python -m bot classroom autograding" in report["run"]
    assert "${{" not in report["run"]


def test_a_workflow_of_another_shape_is_not_bent() -> None:
    for text in (WORKFLOW.replace("name: Feedback\n", "name: F\n"), WORKFLOW + WORKFLOW):
        with pytest.raises(TitoError, match="has not one line"):
            autograding_workflow(text)


def test_visible_tests_of_the_assignments_are_listed(course: Course) -> None:
    assert json.loads(autograding_tests(course)) == {
        "tests": [
            {
                "name": "01_alpha t-one", "setup": "", "run": "tito module test 01", "input": "",
                "output": "", "comparison": "included", "timeout": 5, "points": 3,
            }
        ]
    }  # fmt: skip


def test_repositories_are_named_as_ever(course: Course) -> None:
    assert repository_name(course, "Ada") == "hw-Ada"


def test_the_release_holds_the_old_files(course: Course) -> None:
    pytest.importorskip("bot.classroom.workflow")
    files = provider_of(course).files(course, "acme/tools", "a" * 40)
    assert sorted(files) == [AUTOGRADING_TESTS, AUTOGRADING_WORKFLOW]
    assert yaml.safe_load(files[AUTOGRADING_WORKFLOW])["name"] == "Autograding Tests"


# What the step gives


def feedback(folder: Path, **content: object) -> Path:
    file = folder / "feedback.json"
    file.write_text(json.dumps({"state": "failed", "modules": MODULES, **content}), "utf-8")
    return file


def test_the_step_tells_points_as_output_and_notices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    file = feedback(tmp_path)
    assert program.invoke(["classroom", "autograding", "--result", str(file)]) == 0
    assert capsys.readouterr().out.split("\n") == [
        "01_alpha: 3/5",
        "03_gamma: 2/2",
        '::notice title=Autograding report::{"totalPoints":5,"maxPoints":7}',
        "::notice title=Autograding complete::Points 5/7",
        "",
    ]
    name, _, value = output.read_text("utf-8").rstrip("\n").partition("=")
    assert name == "result"
    found = decode_legacy(value, {"01_alpha": 5, "03_gamma": 2})
    assert [(test.name, test.earned) for test in found] == [("01_alpha", 3), ("03_gamma", 2)]
    content = json.loads(base64.b64decode(value))
    assert (content["version"], content["status"], content["max_score"]) == (1, "fail", 7)
    keys = ["name", "status", "score", "message", "test_code", "filename", "line_no", "duration"]
    assert list(content["tests"][0]) == keys
    monkeypatch.delenv("GITHUB_OUTPUT")
    assert program.invoke(["classroom", "autograding", "--result", str(file)]) == 0


@pytest.mark.parametrize("modules", [[], [MODULES[1]]])
def test_a_run_that_tried_nothing_has_no_points_and_is_not_green(
    tmp_path: Path, modules: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = feedback(tmp_path, modules=modules)
    assert lines(tried_in(file)) == ["Nothing was tried: no points."]
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    program.invoke(["classroom", "autograding", "--result", str(file)])
    value = (tmp_path / "output").read_text("utf-8").strip().removeprefix("result=")
    assert json.loads(base64.b64decode(value))["status"] == "fail"


@pytest.mark.parametrize(
    "module",
    [
        {"module": "01_a\n::error::x"}, {"module": "01_a", "earned": -1}, {"module": "::x::"},
        {"module": "01_a", "points": 1.5}, {}, {"module": "01_a", "earned": 3, "points": 2}, 1,
    ],
)  # fmt: skip
def test_a_bent_result_says_nothing(tmp_path: Path, module: object) -> None:
    with pytest.raises(TitoError):
        tried_in(feedback(tmp_path, modules=[module]))


@pytest.mark.parametrize("data", [b"", b"[" * 100_000, b"\xff", b"{" + b" " * (1024 * 1024)])
def test_what_is_no_result_is_said(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "feedback.json"
    with pytest.raises(TitoError, match="cannot read"):
        tried_in(file)
    file.write_bytes(data)
    with pytest.raises(TitoError, match="is no result of a run"):
        tried_in(file)
