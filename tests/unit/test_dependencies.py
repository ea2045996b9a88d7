"""Every dependency rule finds its planted fault, and a clean course has none."""

from __future__ import annotations

import textwrap

import pytest

from tests.conftest import ROOT, SmallCourse
from tito import course as course_module
from tito import dependencies
from tito.course import Course
from tito.dependencies import RULES, check
from tito.imports import imports_elsewhere, imports_of
from tito.refusals import Parsed, examine
from tito.report import Finding
from tito.source import parse, read

TENSOR = "class Tensor:\n    pass\n\n_raw = 0\n"
LAYERS = "from tinytorch.core.tensor import Tensor, _raw\n\n\nclass Linear:\n    pass\n"


def dev(name: str, exported: str, test: str = "", *, given: str = "") -> str:
    """A dev file: an exported cell, an internal one and a test cell."""
    text = f"# %%\n#| default_exp core.{name}\n\n# %%\n#| export\n{exported}\n"
    if given:
        text += f"\n# %%\n#| exporti\n{given}\n"
    return text + (f"\n# %%\n{test}\n" if test else "")


def built(small: SmallCourse, **modules: tuple[str, str, list[str]]) -> Course:
    """A course of modules given as name=(exported, test, needs)."""
    for name, (exported, test, needs) in modules.items():
        small.add(name, dev(name, exported, test), needs=needs)
    return small.load()


def parsed_of(course: Course) -> list[Parsed]:
    """Every written module that is Python."""
    found = (
        examine(m, read(course.dev_file(m), course.dev_path(m)))[0]
        for m in course.modules
        if course.written(m)
    )
    return [item for item in found if item is not None]


def findings_of(course: Course) -> list[Finding]:
    return check(course, parsed_of(course))


FAULTS: dict[str, dict[str, tuple[str, str, list[str]]]] = {
    "dependency-declared": {"tensor": (TENSOR, "", []), "layers": ("x = 1", "", ["tensor"])},
    "dependency-undeclared": {"tensor": (TENSOR, "", []), "layers": (LAYERS, "", [])},
    "dependency-forward": {
        "tensor": (TENSOR, "from tinytorch.core.layers import Linear", []),
        "layers": (LAYERS, "", ["tensor"]),
    },
    "dependency-self": {"tensor": (TENSOR, "from tinytorch.core.tensor import Tensor", [])},
    "dependency-cycle": {
        "tensor": ("from tinytorch.core.layers import Linear\n" + TENSOR, "", []),
        "layers": (LAYERS, "", ["tensor"]),
    },
    "dependency-order": {
        "tensor": ("from tinytorch.core.layers import Linear\n" + TENSOR, "", []),
        "layers": ("class Linear:\n    pass", "", []),
    },
    "dependency-direction": {
        "tensor": (TENSOR, "", []),
        "layers": (LAYERS, "", ["tensor"]),
        "losses": ("from tinytorch.core.layers import Tensor", "", ["layers"]),
    },
    "dependency-name": {
        "tensor": (TENSOR, "", []),
        "layers": ("from tinytorch.core.tensor import Tensors", "", ["tensor"]),
    },
    "dependency-package": {
        "tensor": (TENSOR, "", []),
        "layers": ("x = 1", "from tinytorch import Tensor", []),
    },
    "dependency-relative": {
        "tensor": (TENSOR, "", []),
        "layers": ("from .tensor import Tensor", "", ["tensor"]),
    },
    "dependency-unknown": {"tensor": (TENSOR, "import tinytorch.core.tensors", [])},
    "dependency-outside": {"tensor": ("import pandas\n" + TENSOR, "", [])},
}


def test_every_rule_has_a_planted_fault() -> None:
    assert {*FAULTS, "dependency-unwritten"} == set(RULES)


@pytest.mark.parametrize("rule", FAULTS)
def test_the_planted_fault_is_found_with_its_line_and_cell(small: SmallCourse, rule: str) -> None:
    course = built(small, **FAULTS[rule])
    found = [finding for finding in findings_of(course) if finding.rule == rule]
    assert len(found) == 1, found
    finding = found[0]
    assert finding.severity == "error"
    assert finding.hint
    text = (course.root / finding.path).read_text(encoding="utf-8")
    line = text.split("\n")[finding.line - 1]
    assert "default_exp" in line if rule == "dependency-declared" else "import" in line
    cell = parse(text, finding.path).cell_at(finding.line)
    assert cell is not None
    assert finding.cell == cell.identity


def test_a_clean_course_has_no_findings(small: SmallCourse) -> None:
    tests = "from tinytorch.core.setup import run_tests\nimport torch"
    course = built(
        small,
        setup=("import sys\n\n\ndef run_tests():\n    pass", "", []),
        tensor=("import math\nimport numpy as np\n" + TENSOR, tests, []),
        layers=(LAYERS, tests, ["tensor"]),
        losses=("import tinytorch.core.layers as l\nfrom tinytorch.core import tensor", tests,
                ["tensor", "layers"]),
    )  # fmt: skip
    assert findings_of(course) == []
    derived = dependencies.order(course)
    assert derived.modules == course.modules
    assert derived.findings == derived.unwritten == ()


@pytest.mark.slow
def test_this_course_has_no_faults_and_names_what_is_not_written() -> None:
    course = course_module.load(ROOT)
    assert [f for f in findings_of(course) if f.severity != "notice"] == []
    derived = dependencies.order(course)
    assert derived.modules == course.modules
    assert derived.unwritten == tuple(m for m in course.modules if not course.written(m))


FORMS = """\
from tinytorch.core.tensor import (
    Tensor,
    _raw as raw,
)
import tinytorch.core.tensor as t
from tinytorch.core import tensor
from .tensor import Tensor as other
from . import tensor as third
from ..core import tensor as fourth


def late():
    from tinytorch.core.tensor import Tensor
    importlib.import_module("tinytorch.core.tensor")
    import_module(".tensor", "tinytorch.core")
    import_module(name="tinytorch.core.tensor")
    __import__("tinytorch.core.tensor")
"""


def test_every_form_of_import_is_read_with_its_line(small: SmallCourse) -> None:
    course = built(small, tensor=(TENSOR, "", []), layers=(FORMS, "", ["tensor"]))
    layers = parsed_of(course)[1]
    found = imports_of(course, layers)
    assert {each.module.name if each.module else "" for each in found} == {"tensor"}
    lines = layers.dev.text.split("\n")
    named = [(each.name, lines[each.line - 1].strip()) for each in found if each.name]
    assert named == [
        ("Tensor", "Tensor,"),
        ("_raw", "_raw as raw,"),
        ("Tensor", "from .tensor import Tensor as other"),
        ("Tensor", "from tinytorch.core.tensor import Tensor"),
    ]
    assert len(found) == 12
    assert [each.functions for each in found[-5:]] == [("late",)] * 5
    assert sum(each.relative for each in found) == 3


def test_names_that_are_not_literal_are_no_imports(small: SmallCourse) -> None:
    text = "import_module(name)\nimport_module()\nimport_module(3)\nimport_module('')\nf()()"
    course = built(small, tensor=(text, text, []))
    item = parsed_of(course)[0]
    assert imports_of(course, item) == imports_elsewhere(course, item) == ()


def test_imports_of_test_cells_do_not_count_as_needs(small: SmallCourse) -> None:
    course = built(
        small,
        tensor=(TENSOR, "", []),
        layers=("x = 1", "from tinytorch.core.tensor import Tensor", []),
    )
    assert findings_of(course) == []
    item = parsed_of(course)[1]
    assert imports_of(course, item) == ()
    assert [each.name for each in imports_elsewhere(course, item)] == ["Tensor"]


def test_private_names_are_shared_between_modules(small: SmallCourse) -> None:
    small.add(
        "tensor", dev("tensor", TENSOR, given="generator = 1\nif generator:\n    a, *b = 1, 2")
    )
    text = "from tinytorch.core.tensor import Tensor, generator, a, b, _raw"
    small.add("layers", dev("layers", text), needs=["tensor"])
    assert findings_of(small.load()) == []


def test_a_name_in_a_conditional_definition_counts(small: SmallCourse) -> None:
    text = """\
    try:
        import fast
    except ImportError:
        class Tensor:
            pass
    with open("x") as file:
        for number in file:
            match number:
                case 1:
                    def deep():
                        hidden = 1
    """
    wanted = "from tinytorch.core.tensor import Tensor, file, number, deep, hidden"
    course = built(small, tensor=(textwrap.dedent(text), "", []), layers=(wanted, "", ["tensor"]))
    found = [(f.rule, f.message) for f in findings_of(course)]
    assert [rule for rule, _ in found] == ["dependency-outside", "dependency-name"]
    assert "'hidden'" in found[1][1]


def test_the_hint_of_a_wrong_direction_is_the_right_line(small: SmallCourse) -> None:
    course = built(small, **FAULTS["dependency-direction"])
    finding = next(f for f in findings_of(course) if f.rule == "dependency-direction")
    assert finding.hint == "from tinytorch.core.tensor import Tensor"
    assert finding.path == "modules/source/03_losses/losses_dev.py"


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("from tinytorch import Tensor", "from tinytorch.core.tensor import Tensor"),
        ("import tinytorch", "import each name from its module"),
        ("import tinytorch.core", "import each name from its module"),
        ("from tinytorch import core", "import each name from its module"),
        ("from tinytorch import *", "import each name from its module"),
        ("from tinytorch.core import *", "import each name from its module"),
        ("from tinytorch import Tensr", "import each name from its module"),
    ],
)
def test_the_whole_package_is_not_imported(small: SmallCourse, line: str, hint: str) -> None:
    course = built(small, tensor=(TENSOR, "", []), layers=("x = 1", line, []))
    (finding,) = findings_of(course)
    assert finding.rule == "dependency-package"
    assert finding.hint.startswith(hint)


def test_a_name_of_the_whole_package_counts_as_its_module(small: SmallCourse) -> None:
    course = built(
        small,
        tensor=("from tinytorch import Linear\n" + TENSOR, "", []),
        layers=("from tinytorch import Tensor\nclass Linear:\n    pass", "", ["tensor"]),
    )
    rules = {finding.rule for finding in findings_of(course)}
    assert rules == {
        "dependency-package", "dependency-forward", "dependency-cycle"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("def plot_training_history():\n    import matplotlib.pyplot as plt", 0),
        ("def plot_training_history():\n    import pandas", 1),
        ("def plot():\n    import matplotlib.pyplot as plt", 1),
        ("import matplotlib", 1),
        ("import os.path, tito", 1),
        ("from __future__ import annotations", 0),
        ("def f():\n    importlib.import_module('torch')", 1),
    ],
)
def test_what_the_package_may_import(small: SmallCourse, text: str, faults: int) -> None:
    found = findings_of(built(small, tensor=(text, "import torch", [])))
    assert [finding.rule for finding in found] == ["dependency-outside"] * faults


def test_a_circle_over_three_modules_is_told_once_with_its_path(small: SmallCourse) -> None:
    course = built(
        small,
        a=("from tinytorch.core.c import z\nx = 1", "", []),
        b=("from tinytorch.core.a import x\ny = 1", "", ["a"]),
        c=("from tinytorch.core.b import y\nz = 1", "", ["b"]),
    )
    found = [f for f in findings_of(course) if f.rule == "dependency-cycle"]
    assert [f.message for f in found] == ["a circle: 01_a → 03_c → 02_b → 01_a"]
    assert found[0].path == "modules/source/01_a/a_dev.py"
    one = [f for f in check(course, parsed_of(course)[2:]) if f.rule == "dependency-cycle"]
    assert one == found


def test_the_order_of_a_contradicted_course_is_the_nearest_that_works(small: SmallCourse) -> None:
    course = built(
        small,
        a=("from tinytorch.core.c import z", "", []),
        b=("y = 1", "", []),
        c=("z = 1", "", []),
    )
    derived = dependencies.order(course)
    assert [m.name for m in derived.modules] == ["b", "c", "a"]
    assert [f.rule for f in derived.findings] == ["dependency-order"]
    assert "02_b, 03_c, 01_a" in derived.findings[0].message
    assert [f for f in findings_of(course) if f.rule == "dependency-order"] == list(
        derived.findings
    )


def test_prefixes_are_the_modules_up_to_each(small: SmallCourse) -> None:
    course = built(small, a=("", "", []), b=("", "", []), c=("", "", []))
    assert [[m.name for m in prefix] for prefix in dependencies.prefixes(course)] == [
        ["a"], ["a", "b"], ["a", "b", "c"]
    ]  # fmt: skip


def test_a_module_that_is_not_written_is_named_and_not_judged(small: SmallCourse) -> None:
    path = small.add("tensor", "")
    small.add("layers", dev("layers", LAYERS), needs=["tensor"])
    path.unlink()
    course = small.load()
    (finding,) = findings_of(course)
    assert (finding.rule, finding.severity) == ("dependency-unwritten", "notice")
    assert "01_tensor is not written" in finding.message
    assert [m.name for m in dependencies.order(course).unwritten] == ["tensor"]
    assert [node.state for node in dependencies.graph(course)] == ["not written", "written"]


@pytest.mark.parametrize("broken", [b"# %%\n#| export\ndef (:\n", b"# %%\n\xff\n"])
def test_a_module_that_cannot_be_read_is_named(small: SmallCourse, broken: bytes) -> None:
    path = small.add("tensor", "")
    small.add("layers", dev("layers", LAYERS), needs=["tensor"])
    path.write_bytes(broken)
    course = small.load()
    layers = course.module("layers")
    item = examine(layers, read(course.dev_file(layers), course.dev_path(layers)))[0]
    assert item is not None
    (finding,) = check(course, [item])
    assert "01_tensor is not readable" in finding.message
    assert dependencies.graph(course)[1].imports == (course.module("tensor"),)


def test_other_modules_are_read_where_only_one_is_checked(small: SmallCourse) -> None:
    course = built(small, **FAULTS["dependency-direction"])
    one = parsed_of(course)[2:]
    assert [f.rule for f in check(course, one)] == ["dependency-direction"]


HOSTILE = {
    "from tinytorch.core.tensor import *": "dependency-name",
    "from . import *": "dependency-package",
    "from .. import *": "dependency-package",
    "from ... import tensor": "dependency-unknown",
    "from ....... import *": "dependency-unknown",
    "import tinytorch.core.tensor.Tensor": "dependency-unknown",
    "from tinytorch.core.tensor.deep import *": "dependency-unknown",
    "from tinytorch.core import nothing, tensor": "dependency-unknown",
    "import_module('...')": "dependency-unknown",
    "import_module('.tensor', __package__)": "dependency-relative",
    "if True:\n    try:\n        import tinytorch.cores\n    except ImportError: pass":
        "dependency-unknown",
    "class A:\n    from tinytorch.core.tensor import nothing": "dependency-name",
    "f = lambda: __import__('tinytorch.x')": "dependency-unknown",
    "async def f():\n    from tinytorch import Tensor": "dependency-package",
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_imports_are_findings_not_crashes(small: SmallCourse, text: str) -> None:
    course = built(small, tensor=(TENSOR, "", []), layers=(text, "", []), last=("", text, []))
    found = findings_of(course)
    assert HOSTILE[text] in {f.rule for f in found if "layers" in f.path}
    assert HOSTILE[text] in {f.rule for f in found if "last" in f.path}


def test_names_that_only_begin_like_the_package_are_outside(small: SmallCourse) -> None:
    (finding,) = findings_of(built(small, tensor=("import tinytorchvision.core", "", [])))
    assert finding.rule == "dependency-outside"
