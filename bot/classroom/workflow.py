"""The workflow of a student's repository: one job that calls the tools repository at one commit.

Every job is billed a minute at least. So there is one, it starts only for what its assignments ask
for, and a newer push ends it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from bot.settings import clean_repository
from tito.course import Course
from tito.errors import TitoError, UsageError
from tito.run_on import BRANCH

PATH = ".github/workflows/feedback.yml"
_PINS = Path(__file__).resolve().parents[2] / ".github/action-pins.toml"
_TEXT = """\
# Tries your modules and says what to mend first: feedback, not the grade.
# It came with the course. The next update brings it back as it was.
name: Feedback

on:
{triggers}

permissions: {{}}

concurrency:
  group: feedback-${{{{ github.ref }}}}
  cancel-in-progress: true # the newest push is what counts, and every minute costs

jobs:
  feedback:
    name: feedback
    runs-on: ubuntu-24.04
    timeout-minutes: {limit}
    permissions:
      contents: read # to check your code out
      pull-requests: write # to comment on your Feedback pull request
      statuses: write # to mark the commit
    steps:
      - name: Check out
        uses: {checkout}
        with:
          persist-credentials: false

      - name: Set up tito
        uses: {tools}/.github/actions/setup@{sha}
        with:
          requirements: bot.txt

      - name: Feedback
        uses: {tools}/.github/actions/feedback@{sha}
        with:
          minutes: "{minutes}"
"""


def student_workflow(course: Course, tools: str, sha: str) -> bytes:
    """The bytes of `PATH` for this course. `tools` is `owner/name`, at the full commit `sha`.

    Raises UsageError if one of them is none.
    """
    try:
        clean_repository(tools)
    except ValueError:
        raise UsageError(f"{tools!r} is no repository", hint="write it as owner/name") from None
    if not re.fullmatch(r"[0-9a-f]{40}", sha):
        raise UsageError(f"{sha!r} is no commit", hint="write all its 40 digits: a tag can move")
    limit = course.classroom.run_minutes
    text = _TEXT.format(
        triggers="\n".join(_triggers(course)),
        limit=limit,
        checkout=_pinned("actions/checkout"),
        tools=tools,
        sha=sha,
        # the rest is for setting up and telling
        minutes=f"{max(limit - 3, limit / 2):g}",
    )
    return text.encode()


def _triggers(course: Course) -> Iterator[str]:
    """What starts a run: pushes of what assignments want to be run, their tags, and a hand."""
    pushed = [each for each in course.assignments if each.run_on == "push"]
    tags = [each.tag for each in course.assignments if each.run_on != "off"]
    names = {name for each in pushed for name in each.modules}
    modules = [m for m in course.modules if m.name in names or not course.assignments]
    if modules or tags:
        yield "  push:"
    if modules:
        yield f"    branches: [{BRANCH}]"
    yield from _listed("tags", tags)
    if modules:
        paths = [course.dev_path(module) for module in modules]
        yield from _listed("paths", [*paths, f"{course.settings.package}/**"])
    yield "  workflow_dispatch:"


def _listed(key: str, values: Iterable[str]) -> Iterator[str]:
    """Values of classroom.yml in quotes: YAML takes JSON's strings for its own."""
    lines = [f"      - {json.dumps(value)}" for value in values]
    if lines:
        yield f"    {key}:"
        yield from lines


def _pinned(action: str) -> str:
    """The action at the commit that the pins file names, and its version as a comment."""
    line = rf'^"{re.escape(action)}" = {{ sha = "([0-9a-f]{{40}})", version = "(v[0-9.]+)" }}'
    found = re.search(line, _PINS.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise TitoError(f"{action} is not pinned", where=".github/action-pins.toml")
    return f"{action}@{found[1]} # {found[2]}"
