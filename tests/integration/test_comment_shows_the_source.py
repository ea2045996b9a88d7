"""A failure inside the generated package stands in the comment at the dev file's line and cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.render import render
from tests.conftest import SmallCourse
from tests.integration.test_running_module_tests import DOUBLE, add, export_checked, run_last
from tests.unit.bot.harmless import complaints
from tests.unit.bot.subjects import FAILED, HEAD, subject
from tito import package
from tito.report import Finding, GateResult, Report, judge


def point(gate: GateResult) -> list[str]:
    """The lines of the first point of the comment about this gate."""
    comment = render(subject(Report((gate,)), FAILED))
    assert complaints(comment) == []
    return comment.split("1. **")[1].split("\n\n")[0].split("\n")


def linked(path: Path, root: Path, line: int) -> str:
    name = path.relative_to(root).as_posix()
    return f"[`{name}:{line}`](https://github.com/acme/course/blob/{HEAD}/{name}#L{line})"


def line_of(path: Path, text: str) -> int:
    return path.read_text("utf-8").split("\n").index(text) + 1


def test_what_raises_in_the_package_is_shown_where_the_student_edits(small: SmallCourse) -> None:
    earlier = add(small, "first", "def double(x):\n    raise ValueError('broken')", "def test_it():\n    pass")  # fmt: skip
    add(
        small,
        "second",
        "from tinytorch.core.first import double\n\ndef four(x):\n    return double(double(x))",
        "def test_four():\n    assert four(1) == 4",
        needs=["first"],
    )
    findings: tuple[Finding, ...] = run_last(small).findings
    what, where, *rest = point(judge("integration", findings, "tito gate integration"))
    assert what.startswith("`test_four`: This fails inside module `01_first`. Mend that first.")
    at = line_of(earlier, "    raise ValueError('broken')")
    assert where == f"   - Where: {linked(earlier, small.root, at)}, cell `first-code`"
    assert rest[-1] == "   - Next: `tito module test 01`"


@pytest.mark.parametrize("edit", ["    return x * 3", "    return x * 2 + 1"])
def test_an_edit_of_the_package_leads_to_its_origin(small: SmallCourse, edit: str) -> None:
    dev = add(small, "first", DOUBLE, "def test_it():\n    pass")
    course = small.load()
    export_checked(course)
    generated = course.package / "core/first.py"
    generated.chmod(0o644)
    text = generated.read_text("utf-8")
    generated.write_text(text.replace("    return x * 2", edit), encoding="utf-8")
    where = point(judge("export", package.compare(course), "tito gate export"))[1]
    origin = linked(dev, small.root, line_of(dev, "    return x * 2"))
    made = linked(generated, small.root, line_of(generated, edit))
    assert where == f"   - Where: {origin}, cell `first-code`, for {made}"
