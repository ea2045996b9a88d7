"""An operation of the package without a gradient is found where it stands, without importing it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SmallCourse
from tests.unit.test_contract import add, exported
from tito import course as course_module
from tito.cli import invoke
from tito.export import export
from tito.gradients import RULES, check

BASE = """\
def gradient_of(name):
    return lambda function: function


class Operation:
    name = ""


class Add(Operation):
    name = "add"
"""
START = "from tinytorch.core.tensor import Operation, gradient_of\n\n\n"
RULE = '@gradient_of("{}")\ndef {}_gradient(operation, gradient):\n    return gradient\n\n\n'
ADD, EXP = RULE.format("add", "add"), RULE.format("exp", "exp")


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("", []),  # no gradients yet: they come with a later module
        ('class Exp(Operation):\n    name = "exp"', []),
        (ADD, []),
        (EXP, ["add"]),
        (ADD + 'class Exp(Operation):\n    name = "exp"', ["exp"]),
        (ADD + EXP + 'class Exp(Operation):\n    name = "exp"', []),
        (ADD + 'class Exp(Operation):\n    name = "exp"\n\n\ngradient_of("exp")(len)', []),
        (ADD + 'class Exp(Operation):\n    name = "exp"\n    no_gradient = "it counts"', []),
        (ADD + 'class Exp(Operation):\n    name = "exp"\n    no_gradient = ""', ["exp"]),
        (ADD + 'class Some(Operation):\n    pass\n\n\nclass Exp(Some):\n    name = "exp"', ["exp"]),
        (ADD + 'class Exp(Operation):\n    name = ""', []),
        (ADD + 'class Exp:\n    name = "exp"', []),
        (ADD + 'class Exp(Operation):\n    """An idea."""\n    name = made = "exp"', ["exp"]),
    ],
)
def test_what_is_missing(small: SmallCourse, text: str, missing: list[str]) -> None:
    add(small, "tensor", BASE)
    add(small, "autograd", START + text)
    findings = check(exported(small))
    assert [finding.message.split("'")[1] for finding in findings] == missing
    assert {finding.rule for finding in findings} <= set(RULES)


def test_the_finding_names_line_and_cell_of_the_dev_file(small: SmallCourse) -> None:
    add(small, "tensor", BASE)
    add(small, "autograd", START + EXP)
    course = exported(small)
    (finding,) = check(course)
    assert finding.severity == "error"
    assert finding.path == "modules/source/01_tensor/tensor_dev.py"
    lines = (course.root / finding.path).read_text(encoding="utf-8").split("\n")
    assert lines[finding.line - 1] == "class Add(Operation):"
    assert finding.cell
    assert '@gradient_of("add")' in finding.hint


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tanh", "cross_entropy", "min"])
def test_a_gradient_taken_from_the_course_fails_the_build(
    copy_of_course: Callable[[], Path],
    in_folder: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    root = copy_of_course()
    in_folder(root)
    assert invoke(["gate", "export"]) == 0
    course = course_module.load(root)
    file = course.dev_file(course.module("autograd"))
    text = file.read_text(encoding="utf-8")
    assert text.count(f'@gradient_of("{name}")\n') == 1
    file.write_text(text.replace(f'@gradient_of("{name}")\n', ""), encoding="utf-8")
    export(course, course.entered())
    for command in (["gate", "export"], ["package", "validate"]):
        capsys.readouterr()
        assert invoke(command) == 1
        told = capsys.readouterr()
        assert f"the operation '{name}' has no gradient" in told.out + told.err
