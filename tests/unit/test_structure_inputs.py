"""What the structure rules allow, what they leave to others, and files made to break them."""

from __future__ import annotations

import pytest

from tito import structure
from tito.report import encode

from .written_module import (
    ASSERT_1,
    BODY_1,
    CALL_1,
    CELLS,
    COURSE,
    DOUBLE,
    EXTRA,
    GOOD,
    HEADER,
    HELPER,
    INIT,
    MAIN,
    PROSE,
    START,
    STEP_1,
    TEST_1,
    TEXT_1,
    answer,
    asked,
    changed,
    check,
    dev_file,
    filled,
    marker,
    tried,
)

# What stands in the good file, what takes its place, and no rule may complain.
ACCEPTED = [
    ("## Systems analysis", "## systems  ANALYSIS"),
    ("How long it takes.", "How long:\n\n```\n## Step 7: no heading\n```"),
    ("How long it takes.", "How long → it takes, in `O(n·m)` time: 10⁻³ s."),
    (START, "\n".join([
        marker("given", "l") + "def warnings_to_stdout():\n    pass\n",
        marker("start", "l") + "warnings_to_stdout()\n",
    ])),
    (ASSERT_1, f"{tried('except TypeError:')}        pass\n    else:\n"
     "        raise AssertionError('None has no double')\n"),
    (ASSERT_1, tried("except TypeError:\n        pass", "double(None)\n        assert False")),
    (ASSERT_1, tried("except Exception as error:\n        assert 'NoneType' in str(error)")),
    ("How long it takes.", "- One\n- Two\n\n1. Three\n2. Four\n\n| a | b |\n\n    x\n    y\n\nEnd.\n- It"),
    ("It is $2 \\cdot x$.", "Here:\n\n$$\ny = x \\\nz = y\n$$\n\n$$x$$\n\nThere  \nit is."),
    ("How long it takes.", "How long:\n```\n## x\ny\n```\nThat is it."),
    ("Because of reason 1.", "Because.\n\n## Integration"),
    ("    return x + x\n    ### END SOLUTION\n", "    return x + x\n"),  # told by the export
    (ASSERT_1, "    check(Scale(3))\n"),
    (ASSERT_1, "    close = np.testing.assert_allclose\n    close(double(1), 2)\n"),
    (HELPER, "check = partial(np.testing.assert_allclose, 1)\n\n\n"),
    (ASSERT_1, f"{tried('except TypeError:')}        return\n    raise AssertionError\n"),
    (ASSERT_1, f"    with contextlib.redirect_stderr(io.StringIO()):\n    {ASSERT_1}"),
    (ASSERT_1, f"    def twice(x):\n        return 2 * x\n\n{ASSERT_1}"),
    (HELPER, HELPER.replace("check", "compare") + "def check(scale):\n    compare(scale)\n\n\n"),
    (CALL_1, "\n\ndef test_again():\n    assert double(0) == 0\n\n\ntest_again()\ntest_double()\n"),
    (DOUBLE, DOUBLE.replace("def double", "import os\n\nTWO: int = 2\n\n\ndef double")),
    (BODY_1, BODY_1.replace("return x + x", "def inner(y):\n        return y\n    return 2 * x")),
    (INIT, f"    @staticmethod\n    def one():\n        return 1\n\n{INIT}"),
    ("TURN = 6\n", 'TURN = 6\n"""What it is."""\nTABLE = dict(a=lambda: print(1))\n'),
]  # fmt: skip

HOSTILE = [
    *("", "\n", "# ---\n", "---", "\ufeff# %%", "# %%\n\0", "# %%\ndef (:\n", "# %% [markdown]\n"),
    '# %% [markdown]\n"""never closed\n',
    f"# %%\nx = {'(' * 5000}\n",
    f"# %%\nx = {'-' * 50_000}1\n\n# %%\nx = {'1 + ' * 50_000}1\n",
    f"# %%\nx{'.y' * 50_000}\n",
    f"# %%\nx = {'9' * 5000}\n",
    "# %%\n" + "\n".join(f"{' ' * i}class A:" for i in range(90)) + f"\n{' ' * 90}pass\n",
    '# %% nbgrader={"grade": tru\nx = 1\n\n# %% nbgrader=[1, 2]\nx = 1\n\n# %% nbgrader=\nx = 1\n',
    f"# %% nbgrader={'[' * 20_000}\nx = 1\n",
    f"# %% {{'nbgrader': {{'points': 0x{'f' * 5000}, 'grade': True, 1: 2}}}}\nx = 1\n",
    '# %% nbgrader={"grade_id": ["a"], "points": NaN, "checksum": 1, "grade": {}}\nx = 1\n',
    '# %% nbgrader={"grade_id": "\\ud800", "schema_version": 1e999}\nx = 1\n',
    f"# %% [markdown]\n# {'#' * 50_000}\n# #{' ' * 50_000}x\n",
    f'{marker("x", "s")}### END SOLUTION\n### BEGIN SOLUTION\n### BEGIN SOLUTION\n',
    f'{marker("x", "s")}def f():\n  try:\n    ### BEGIN SOLUTION\n    pass\n    ### END SOLUTION\n',
    f'{marker("x", "gl")}def test_x():\n    test_x()\n\n\ntest_x()\n',
    DOUBLE.replace("(x)", f"(x={'1 + ' * 1500}1)"),
    "\n".join(CELLS[::-1]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), ACCEPTED, ids=range(len(ACCEPTED)))
def test_what_the_rules_allow_is_not_told(old: str, new: str) -> None:
    assert check(changed(old, new)) == []


@pytest.mark.parametrize(("count", "told"), [(299, True), (300, False), (400, False), (401, True)])
def test_the_limits_of_length_are_allowed(count: int, told: bool) -> None:
    prose = "- A line.\n" * (PROSE.count("\n") + count - len(filled(GOOD)))
    text = changed(PROSE, prose)
    assert len(filled(text)) == count
    last = filled(text)[-1]
    assert [(f.rule, f.line) for f in check(text)] == [("structure-length", last)] * told


@pytest.mark.parametrize(
    "line", ["jupyter", "jupytext", "text_representation", "format_name: percent", "kernelspec"]
)
def test_every_line_of_the_header_is_asked_for(line: str) -> None:
    header = "\n".join(text for text in HEADER.split("\n") if line not in text)
    assert [(f.rule, f.line) for f in check(changed(HEADER, header))] == [("structure-header", 1)]


@pytest.mark.parametrize("module", ["sys", "warnings", "traceback", "logging"])
@pytest.mark.parametrize("name", ["stderr", "warn", "print_exc", "warning", "error", "stdout"])
def test_every_way_to_stderr_is_told(module: str, name: str) -> None:
    leads = [
        "sys.stderr",
        "warnings.warn",
        "traceback.print_exc",
        "logging.warning",
        "logging.error",
    ]
    text = changed(ASSERT_1, f"{ASSERT_1}    x = {module}.{name}\n")
    told = {finding.rule for finding in check(text)}
    assert told == ({"structure-test-stderr"} if f"{module}.{name}" in leads else set())


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_file_is_told_and_raises_nothing(text: str) -> None:
    findings = check(text)
    last = max(1, text.count("\n") + 1)
    assert findings
    assert all(f.rule in structure.RULES and 1 <= f.line <= last for f in findings)
    assert b"structure-" in encode(findings)
    assert structure.check_course(COURSE, [dev_file(text), dev_file(text)]) is not None


@pytest.mark.slow
def test_ten_thousand_cells_are_read() -> None:
    cells = [EXTRA, asked(1), answer(1), TEST_1, DOUBLE, MAIN, STEP_1, TEXT_1]
    findings = check("\n".join(cells * 1250))
    assert {"structure-length", "structure-step-number"} <= {f.rule for f in findings}


@pytest.mark.parametrize("old", ["x + x", "run_tests()\n", "(-2) == -4", "factor == 3"])
def test_a_cell_that_is_no_python_is_left_to_the_export(old: str) -> None:
    assert check(changed(old, "(")) == []


def test_a_module_that_defines_the_start_and_never_calls_it_is_told() -> None:
    told = check(marker("start", "l") + "def warnings_to_stdout():\n    pass\n")
    assert [f.line for f in told if f.rule == "structure-start"] == [1]


@pytest.mark.filterwarnings("ignore")
def test_a_released_student_file_passes() -> None:
    text = released(GOOD)
    assert "x + x" not in text
    assert "reason 1" not in text
    assert '"checksum"' in text
    assert check(text) == []
    own = text.replace(NO_BODY, "    print(x)\n    return 2 * x  # \N{ROCKET}\n", 1)
    assert check(own.replace("## Systems", "## Measured", 1))[0].rule == "structure-section-missing"
    assert check(own.replace(TEXT_1, f"# %%\ndouble(1)\n\n{TEXT_1}")) == []


NO_BODY = '    raise NotImplementedError("module 01")\n'


def released(text: str) -> str:
    """The text as nbgrader releases it to students."""
    jupytext = pytest.importorskip("jupytext")
    preprocessors = pytest.importorskip("nbgrader.preprocessors")
    notebook = jupytext.reads(text, fmt="py:percent")
    clear = preprocessors.ClearSolutions(code_stub={"python": NO_BODY.strip()})
    for step in (clear, preprocessors.LockCells(), preprocessors.ComputeChecksums()):
        notebook, _ = step.preprocess(notebook, {})
    return str(jupytext.writes(notebook, fmt="py:percent"))
