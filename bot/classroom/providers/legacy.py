"""The file formats of GitHub Classroom, retired in 2026, for those who have tools for them.

Nothing asks that product anything: its addresses are gone. Repository names are as it made them;
the workflow has the name, the job and the output that its tools look for; the tests are listed in
its file.
"""

from __future__ import annotations

import json

from bot.classroom.providers.classroom50_files import rows
from bot.classroom.providers.github import WORKFLOW, PlainGitHub
from tito.course import Course
from tito.errors import TitoError
from tito.source import read
from tito.visible import visible_tests

AUTOGRADING_WORKFLOW = ".github/workflows/classroom.yml"
AUTOGRADING_TESTS = ".github/classroom/autograding.json"
JOB = "run-autograding-tests"
_MINUTES_OF_A_TEST = 5
_OUTPUTS = """\
    outputs:
      result: ${{ steps.report.outputs.result }}
"""
_CHANGES = (
    ("\nname: Feedback\n", "\nname: Autograding Tests\n"),
    (
        "\n  feedback:\n    name: feedback\n",
        f"\n  {JOB}:\n    name: {JOB}\n{_OUTPUTS}",
    ),
    ("      - name: Set up tito\n", "      - name: Set up tito\n        id: setup\n"),
    ("      - name: Feedback\n", "      - name: Feedback\n        id: feedback\n"),
)
_REPORT = """\

      - name: Autograding report
        id: report
        if: ${{ !cancelled() && steps.feedback.outputs.result }}
        env:
          PYTHONPATH: ${{ steps.setup.outputs.root }}
          RESULT: ${{ steps.feedback.outputs.result }}
        run: |
          cd "$RUNNER_TEMP" # Python looks for modules here first, and you have a tito of your own
          python -m bot classroom autograding --result "$RESULT"
"""


class Legacy(PlainGitHub):
    """As plain GitHub, with files that other tools know."""

    def files(self, course: Course, tools: str, sha: str) -> dict[str, bytes]:
        """The workflow under its old name, and the tests that a student can see."""
        found = super().files(course, tools, sha)
        workflow = autograding_workflow(found.pop(WORKFLOW).decode("utf-8"))
        tests = {AUTOGRADING_TESTS: autograding_tests(course)}
        return {**found, AUTOGRADING_WORKFLOW: workflow.encode(), **tests}


def autograding_workflow(text: str) -> str:
    """The student's workflow with the names that tools look for, and a step that gives the result.

    Raises TitoError if the workflow is not as it was when this was written.
    """
    for old, new in _CHANGES:
        if text.count(old) != 1:
            where = old.strip().split("\n")[0]
            raise TitoError(f"the student's workflow has not one line {where!r}", where=WORKFLOW)
        text = text.replace(old, new)
    return text.rstrip("\n") + "\n" + _REPORT


def autograding_tests(course: Course) -> bytes:
    """`autograding.json`: what each visible test is called, worth, and run by."""
    names = {name for each in course.assignments for name in each.modules}
    tests = [
        {
            "name": name,
            "setup": "",
            "run": f"tito module test {module.number}",
            "input": "",
            "output": "",
            "comparison": "included",
            "timeout": _MINUTES_OF_A_TEST,
            "points": points,
        }
        for module in course.modules
        if course.written(module) and (module.name in names or not names)
        for dev in [read(course.dev_file(module), course.dev_path(module))]
        for name, _, points in rows(module, visible_tests(dev))
    ]
    return (json.dumps({"tests": tests}, indent=2) + "\n").encode()
