"""A small module file that keeps every rule, as the parts it is made of."""

from __future__ import annotations

from pathlib import Path

from tito import structure
from tito.course import Course, Module, Protection, Settings
from tito.report import Finding
from tito.source import DevFile, parse

MODULE = Module("01", "small", "Small", "core.small", points=20, max_lines=400)
OTHER = Module("02", "other", "Other", "core.other", points=20)
SETTINGS = Settings("Small", "tinytorch", "modules/source", ("3.10",), "UTC", 40)
COURSE = Course(Path("unused"), SETTINGS, (MODULE, OTHER), (), Protection((), (), ()))


def marker(name: str, flags: str, kind: str = "", points: int = 0) -> str:
    """A cell marker with nbgrader's metadata; `flags` holds g, s and l for what is true."""
    values = [("grade", "g"), ("solution", "s"), ("locked", "l")]
    words = ", ".join(f'"{key}": {str(flag in flags).lower()}' for key, flag in values)
    end = f', "points": {points}' if points else ""
    data = f'{{"schema_version": 3, {words}, "task": false, "grade_id": "small-{name}"{end}}}'
    return f"# %% {kind}nbgrader={data}\n"


def markdown(text: str) -> str:
    return f'# %% [markdown]\n"""\n{text}\n"""\n'


def graded(name: str, body: str, before: str = "") -> str:
    """A graded cell with one test, which it calls."""
    head = marker(f"{name}-test", "gl", points=2)
    return f"{head}{before}def test_{name}():\n    {body}\n\n\ntest_{name}()\n"


def asked(number: int) -> str:
    return markdown(f"**Question {number}.** Why is it twice?")


def answer(number: int) -> str:
    head = marker(f"answer-{number}", "gs", "[markdown] ", points=4)
    return f'{head}"""\nBecause of reason {number}.\n"""\n'


HEADER = """\
# ---
# jupyter:
#   jupytext:
#     comment_magics: false
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---
"""
START = marker("start", "l") + (
    "from tinytorch.core.setup import run_tests, warnings_to_stdout\n\nwarnings_to_stdout()\n"
)
IMPORTS = marker("imports", "l") + "#| default_exp core.small\n#| export\nimport math\n\nTURN = 6\n"
BACKGROUND = '# %% [markdown]\nr"""\n## Mathematical background\n\nIt is $2 \\cdot x$.\n"""\n'
STEP_1 = markdown("## Step 1: Double\n\nTwice a number.")
BODY_1 = "    ### BEGIN SOLUTION\n    return x + x\n    ### END SOLUTION\n"
DOUBLE = f'{marker("double", "s")}#| export\ndef double(x):\n    """Twice `x`."""\n{BODY_1}'
TEXT_1 = markdown("**Test: doubling.** Below zero as well.")
TEST_1 = graded("double", "assert double(-2) == -4")
STEP_2 = markdown("## Step 2: Scale\n\nA factor to keep.")
INIT = "    def __init__(self, factor):\n"
BODY_2 = "        ### BEGIN SOLUTION\n        self.factor = factor\n        ### END SOLUTION\n"
SCALE = (
    f'{marker("scale", "s")}#| export\nclass Scale:\n    """A factor."""\n\n'
    f'    name = "scale"\n\n{INIT}{BODY_2}'
)
TEXT_2 = markdown("**Test: the factor.** It is kept.")
HELPER = "def check(scale):\n    assert scale.factor == 3\n\n\n"
TEST_2 = graded("scale", "check(Scale(3))", HELPER)
ANALYSIS = markdown("## Systems analysis\n\nHow long it takes.")
ANALYZE = "# %%\ndef analyze_time():\n    print(double(1))\n"
INTEGRATION = markdown("## Integration")
TEST_3 = graded("integration", "np.testing.assert_allclose(double(1.0), 2.0)")
PRODUCTION = markdown("## Production context\n\nOthers do it too.")
TESTING = markdown("## Comprehensive testing")
TEST_4 = graded("everything", "with pytest.raises(TypeError):\n        double()")
MAIN = '# %%\nif __name__ == "__main__":\n    run_tests()\n    analyze_time()\n'
QUESTIONS = markdown("## 🤔 ML Systems Thinking: Interactive Questions\n\nAbout your code.")
SUMMARY = markdown("## 🎯 MODULE SUMMARY: Small\n\nYou can double.")
PROSE = "- A line of prose.\n" * 190
CELLS = (
    *(
        HEADER,
        markdown(f"# Module 01: Small\n\n{PROSE}\nThe last one."),
        START,
        IMPORTS,
        BACKGROUND,
    ),
    *(markdown("## Given\n\nA heading of its own."), STEP_1, DOUBLE, TEXT_1, TEST_1),
    *(STEP_2, SCALE, TEXT_2, TEST_2, ANALYSIS, ANALYZE, INTEGRATION, TEST_3, PRODUCTION),
    *(TESTING, TEST_4, MAIN, QUESTIONS, asked(1), answer(1), asked(2), answer(2)),
    *(asked(3), answer(3), SUMMARY),
)
GOOD = "\n".join(CELLS)
END_1 = '"grade_id": "small-double-test", "points": 2}'
ASSERT_1 = "    assert double(-2) == -4\n"
CALL_1 = "\n\ntest_double()\n"
EXTRA = "# %%\nextra = 1\n"


def tried(handler: str, body: str = "double(None)") -> str:
    return f"{ASSERT_1}    try:\n        {body}\n    {handler}\n"


def filled(text: str) -> list[int]:
    """The numbers of the lines that are not blank."""
    return [number for number, line in enumerate(text.split("\n"), start=1) if line.strip()]


def dev_file(text: str, module: Module = MODULE) -> DevFile:
    return parse(text, COURSE.dev_path(module))


def check(text: str) -> list[Finding]:
    return structure.check(COURSE, MODULE, dev_file(text))


def changed(old: str, new: str) -> str:
    """The good file with one place changed."""
    assert GOOD.count(old) == 1, f"stands {GOOD.count(old)} times in the good file: {old!r}"
    return GOOD.replace(old, new)
