"""Every refusal of an export, with a planted fault: rule, line, cell, hint, and nothing written."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.hostile.faults import FAULTS, GOOD, SOLUTION, START, Fault, exported, graded, unexported
from tito import course as course_module
from tito.course import Course, Module
from tito.errors import RefusedError, TitoError
from tito.export import build, export
from tito.refusals import Parsed, examine
from tito.report import Finding
from tito.source import parse

ROOT = Path(__file__).resolve().parents[2]


def line_of(text: str, at: str) -> int:
    return text[: text.rindex(at)].count("\n") + 1


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def refused(course: Course) -> tuple[Finding, ...]:
    """Export everything, see it refused and the package untouched, and return the findings."""
    before = tree(course.package)
    assert before
    with pytest.raises(RefusedError, match="the package stays as it was") as error:
        export(course, course.modules)
    assert tree(course.package) == before
    assert not list(course.root.glob(".tito-aside"))
    assert not list(course.root.glob(".tinytorch-next/*"))
    count = int(error.value.message.partition(" ")[0])
    assert count == len(error.value.findings)
    return error.value.findings


@pytest.fixture
def course(small: Any) -> Course:
    """A course of one good module that is in the package."""
    small.add("small", GOOD)
    loaded: Course = small.load()
    assert export(loaded, loaded.modules).changed
    return loaded


def write(course: Course, text: str) -> None:
    course.dev_file(course.modules[0]).write_bytes(text.encode())


def test_the_good_file_is_exported(course: Course) -> None:
    assert export(course, course.modules).changed == ()
    assert b"def solved" in (course.package / "core/small.py").read_bytes()


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_refused(course: Course, name: str) -> None:
    planted = FAULTS[name]
    line = line_of(planted.text, planted.at)
    if name == "defined again in another cell":
        line -= 1
    write(course, planted.text)
    findings = refused(course)
    found = [f for f in findings if (f.rule, f.line) == (planted.rule, line)]
    assert len(found) == 1, findings
    finding = found[0]
    assert finding.severity == "error"
    assert finding.path == course.dev_path(course.modules[0])
    cell = parse(planted.text, "x").cell_at(line)
    assert finding.cell == (planted.cell if planted.cell != "*" else cell.identity if cell else "")
    assert finding.hint
    assert planted.words in finding.message
    # One fault, one finding, whatever else it breaks: only these say a second thing.
    if name not in ("cell ends in a bracket", "null byte", "form feed", "indented marker"):
        assert len(findings) == 1, findings


def test_several_faults_are_all_reported(course: Course) -> None:
    text = GOOD
    text += f"{graded('one')}\n#| export\ndef f(:\n\n"
    text += f"{graded('two')}\n#| exprot\nx = 1\n\n"
    text += f"{graded('three')}\n#| export\nx = 1\nreturn x\n\n"
    text += f"{graded('four', solution=True)}\nx = 1\n\n"
    text += f"{graded('five')}\n!pip install x\n\n"
    text += f"{graded('six')}\n#| export\ny = '\\d'\n\n"
    text += f"{graded('seven')}\n#| export\nyield 3\n\n"
    text += "#%%\nz = 1\n"
    write(course, text)
    assert [(f.rule, f.cell) for f in refused(course)][:7] == [
        ("export-syntax", "one"),
        ("export-directive", "two"),
        ("export-syntax", "three"),
        ("export-solution", "four"),
        ("export-magic", "five"),
        ("export-syntax", "six"),
        ("export-syntax", "seven"),
    ]


def test_faults_of_several_modules_are_all_reported(small: Any) -> None:
    for name in ("small", "tall"):
        small.add(name, GOOD.replace("core.small", f"core.{name}"))
    small.add("wide", "# %%\n#| default_exp core.wide\n#| export\nx = (\n")
    with pytest.raises(RefusedError) as error:
        build(small.load(), small.load().modules)
    found = [(f.rule, f.path.split("/")[2], f.message) for f in error.value.findings]
    assert found == [
        ("export-duplicate", "02_tall", "'solved' is exported by 01_small already"),
        ("export-duplicate", "02_tall", "'Solved' is exported by 01_small already"),
        ("export-syntax", "03_wide", "syntax error: '(' was never closed"),
    ]


@pytest.mark.parametrize(
    ("header", "call"),
    [
        ("from tinytorch.core.small import solved", "solved(1)"),
        ("from tinytorch.core.small import solved as s", "s(1)"),
        ("from tinytorch.core.small import *", "solved(1)"),
        ("import tinytorch.core.small", "tinytorch.core.small.solved(1)"),
        ("import tinytorch.core.small as m", "m.solved(1)"),
        ("from tinytorch.core import small", "small.Solved()"),
        ("from tinytorch.core import small as m", "m.Solved.method(1)"),
        ("if True:\n    from tinytorch.core.small import solved", "solved(1)"),
    ],
)
def test_calls_of_an_earlier_modules_solutions_are_refused(
    small: Any, header: str, call: str
) -> None:
    small.add("small", GOOD)
    start = f"# %%\n#| default_exp core.tall\n#| exporti\n{header}\n\n"
    small.add("tall", f"{start}# %%\n#| export\nvalue = {call}\n")
    loaded = small.load()
    with pytest.raises(RefusedError) as error:
        build(loaded, loaded.modules)
    (finding,) = error.value.findings
    assert (finding.rule, finding.path) == ("export-call", loaded.dev_path(loaded.modules[1]))
    assert f"{call.partition('(')[0]!r} is called" in finding.message
    assert finding.line == line_of(f"{start}# %%\n#| export\nvalue = {call}\n", "value")


@pytest.mark.parametrize(
    "text",
    [
        exported("def f(x):\n    return solved(x)\n"),
        exported("f = lambda x: solved(x)\n"),
        exported("class C:\n    def f(self):\n        return solved(1)\n"),
        exported('if __name__ == "__main__":\n    solved(1)\n'),
        exported("table = {'solved': solved}\n"),
        unexported("print(solved(1))\n"),
        exported('x = """\n#| export\n# %%[markdown]\n"""\n'),
        exported("x = 3  # %%time or !pip\n"),
        exported("from typing import overload\n@overload\ndef f(): ...\n@overload\ndef f(): ...\n"),
        exported("def _(): ...\n").replace("def _", "def f"),
        exported("for x in range(2):\n    y = x\n_all_ = ['y']\n"),
        exported("x: int = 1\ny: int\ny = 2\n"),
        exported("from math import *\n_all_ = ['sqrt']\n"),
        exported("if True:\n    def g(): ...\n_all_ = ['g', math]\n"),
        exported("try:\n    import json as j\nexcept ImportError:\n    j = None\n_all_ = ['j']\n"),
        exported("with open(__file__) as f, f as g: pass\n_all_ = ['g']\n"),
        exported("if (n := 3): pass\n_all_ = ['n']\n"),
        exported("# %matplotlib inline\nx = 1\n"),
        GOOD + "# %% [markdown]\n# ```\n# %% in a diagram\n# ```\n# 1 # %% of 2\n",
        GOOD + graded("old", solution=True)[:-1] + ', "checksum": "0"}\nx = 1\n',
        GOOD + graded("answer", solution=True).replace("# %%", "# %% [markdown]") + "\n# text\n",
        "\ufeff" + GOOD.replace("\n", "\r\n"),
        GOOD.replace("solved", "størrelse"),
    ],
)
def test_what_is_no_fault_is_exported(course: Course, text: str) -> None:
    write(course, text)
    (small,) = course.modules
    files = build(course, course.modules)
    compile(files[small.file], small.file, "exec", dont_inherit=True)


def test_a_fault_outside_the_exported_cells_is_seen_though_nothing_else_changed(
    course: Course,
) -> None:
    """The hash of the source covers the exported cells alone; the refusals cover the file."""
    write(course, GOOD + "# %% nbgrader={\nx = 1\n")
    assert [f.rule for f in refused(course)] == ["export-metadata"]


def test_every_builtin_is_refused(course: Course) -> None:
    names = [name for name in dir(builtins) if name.isidentifier() and not name.startswith("_")]
    names = [name for name in names if name not in ("True", "False", "None")]
    write(course, exported("\n".join(f"{name} = 1" for name in names)))
    assert {f.rule for f in refused(course)} == {"export-builtin"}
    assert len(refused(course)) == len(names) > 100


MANGLED = [*FAULTS.values(), Fault("", GOOD, "")]
TENSOR = course_module.load(ROOT).dev_file(course_module.load(ROOT).module("tensor"))
TEXTS = [planted.text for planted in MANGLED] + [TENSOR.read_text(encoding="utf-8")]
QUOTES = ['"""', "'''", '"', "'", "#", "{", "}", "(", ")", "\\", "\0", "\r", "\u2028", "é", "\t"]


@st.composite
def mangled_files(draw: st.DrawFn) -> str:
    """A dev file with lines deleted, doubled, swapped, cut, and quotes put in or taken out."""
    lines = draw(st.sampled_from(TEXTS)).split("\n")
    for _ in range(draw(st.integers(1, 6))):
        i = draw(st.integers(0, len(lines) - 1))
        j = draw(st.integers(0, len(lines) - 1))
        way = draw(st.sampled_from(["delete", "double", "swap", "cut", "put", "flip", "marker"]))
        if way == "delete" and len(lines) > 1:
            del lines[i]
        elif way == "double":
            lines.insert(j, lines[i])
        elif way == "swap":
            lines[i], lines[j] = lines[j], lines[i]
        elif way == "cut":
            lines[i] = lines[i][: draw(st.integers(0, len(lines[i])))]
        elif way == "put":
            at = draw(st.integers(0, len(lines[i])))
            lines[i] = lines[i][:at] + draw(st.sampled_from(QUOTES)) + lines[i][at:]
        elif way == "flip":
            lines[i] = lines[i].translate(str.maketrans("\"'", "'\""))
        else:
            lines.insert(i, draw(st.sampled_from(["# %%", "#%%", "# %% [markdown]", "# %% {"])))
    return "\n".join(lines)


DEEP = "# %%\n#| default_exp core.small\n#| export\n"


@pytest.mark.slow
@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(mangled_files())
@example(f"{DEEP}x = {'(' * 300}1{')' * 300}\n")
@example(f"{DEEP}x = {'1+' * 2500}1\n")
@example(f"{DEEP}x = {'1+' * 30_000}1\n")
@example(f"{DEEP}x = {'-' * 5000}1\n")
@example(f"{DEEP}x = a{'.b' * 5000}()\n")
@example(f"{DEEP}x = {'[' * 150}{']' * 150}\n")
@example(f"{DEEP}if 1: pass\n{'elif 1: pass' + chr(10)}" + "elif 1: pass\n" * 2000)
@example(f"{DEEP}x = {'9' * 5000}\n")
@example(f"{DEEP}{' ' * 200}x = 1\n")
@example(f"{DEEP}_all_ = 3\n")
@example(f"{DEEP}_all_: list\n")
@example(f"{DEEP}_all_ = [1, *x, f'a', None]\n")
def test_hostile_files_raise_nothing_but_refusals(course: Course, text: str) -> None:
    write(course, text)
    before = tree(course.package)
    try:
        files = build(course, course.modules)
    except RefusedError as error:
        last = parse(text, "x").text.count("\n") + 1
        for finding in error.findings:
            assert 1 <= finding.line <= last
            assert finding.message
            assert finding.hint
    except TitoError as error:
        assert error.hint
    else:
        for name, data in files.items():
            compile(data, name, "exec", dont_inherit=True)
    assert tree(course.package) == before


def test_a_tree_is_given_only_for_a_module_that_is_python() -> None:
    module: Module = course_module.load(ROOT).module("setup")
    text = START.replace("core.small", module.target)
    parsed, findings = examine(module, parse(text + SOLUTION, "x_dev.py"))
    assert isinstance(parsed, Parsed)
    assert findings == []
    assert parsed.public == ("solved", "Solved")
    assert parsed.solutions == {"solved", "Solved"}
    assert parsed.tree.body[0].lineno == line_of(text, "import math")
    assert examine(module, parse(text + "# %%\n#| export\n(\n", "x"))[0] is None
