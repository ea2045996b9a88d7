"""The rules for how a module file is written: a good file passes, each planted fault is found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tito import structure
from tito.course import Course, Module, Protection, Settings
from tito.report import Finding, encode
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
PROSE = "A line of prose.\n" * 160
CELLS = (
    *(HEADER, markdown(f"# Module 01: Small\n\n{PROSE}The last one."), START, IMPORTS, BACKGROUND),
    *(markdown("## Given\n\nA heading of its own."), STEP_1, DOUBLE, TEXT_1, TEST_1),
    *(STEP_2, SCALE, TEXT_2, TEST_2, ANALYSIS, ANALYZE, INTEGRATION, TEST_3, PRODUCTION),
    *(TESTING, TEST_4, MAIN, QUESTIONS, asked(1), answer(1), asked(2), answer(2)),
    *(asked(3), answer(3), SUMMARY),
)
GOOD = "\n".join(CELLS)

FREE = '"grade": false, "solution": false, "locked": false'
LOCKED = '"grade": false, "solution": false, "locked": true'
END_1 = '"grade_id": "small-double-test", "points": 2}'
ASSERT_1 = "    assert double(-2) == -4\n"
CALL_1 = "\n\ntest_double()\n"
EXTRA = "# %%\nextra = 1\n"


def tried(handler: str, body: str = "double(None)") -> str:
    return f"{ASSERT_1}    try:\n        {body}\n    {handler}\n"


# rule, what stands in the good file, what takes its place, a part of the line that is told.
PLANTED = [
    ("header", "#       format_name: percent\n", "", 1),
    ("header", HEADER, "", 1),
    ("magics", "#     comment_magics: false\n", "", "#     text_representation:"),
    ("length", PROSE, "", "end"),
    ("length", PROSE, PROSE * 3, MODULE.max_lines + 1),
    ("emoji", "How long it takes.", "How long it takes \N{ROCKET}", "How long"),
    ("emoji", "## Given", "## 🎯 Goals", "## 🎯 Goals"),
    ("markdown-quotes", TEXT_2, "# %% [markdown]\n# **Test: it.**\n", ("**Test: it", -1)),
    ("markdown-quotes", ANALYZE, f"# %%\n# ## Title\n\n{ANALYZE}", ("# ## Title", -1)),
    ("markdown-raw", "Others do it too.", "Others\nuse $\\alpha$.", "alpha"),
    ("start", "\nwarnings_to_stdout()\n", "", '"small-start"'),
    ("start", START, f"# %%\nimport os\n\n{START}", ("import os", -1)),
    ("section-missing", "## Production context", "## In production", "## Comprehensive"),
    ("section-missing", "# Module 01: Small", "# Module 02: Small", "## Mathematical"),
    ("section-missing", "## 🎯 MODULE SUMMARY: Small", "## Summary", "end"),
    ("section-duplicate", "## Given", "## Mathematical Background", "## Mathematical Background"),
    ("section-order", f"{PRODUCTION}\n{TESTING}\n{TEST_4}", f"{TESTING}\n{TEST_4}\n{PRODUCTION}",
     "## Production"),
    ("section-order", f"{TESTING}\n{TEST_4}\n{MAIN}", f"{MAIN}\n{TESTING}\n{TEST_4}",
     "## Comprehensive"),
    ("section-test", f"{INTEGRATION}\n{TEST_3}\n{PRODUCTION}\n{TESTING}",
     f"{INTEGRATION}\n{PRODUCTION}\n{TESTING}\n{TEST_3}", "## Integration"),
    ("step-number", "## Step 2: Scale", "## Step 3: Scale", "## Step 3"),
    ("step-number", "## Step 1: Double", "## Step 1 Double", "## Step 1"),
    ("step-number", "## Step 1: Double", f"## Step {'9' * 5000}: Double", "## Step 9"),
    ("step-solution", f"{DOUBLE}\n{TEXT_1}\n{TEST_1}", f"{TEXT_1}\n{TEST_1}\n{DOUBLE}",
     ("**Test: doubling", -2)),
    ("step-solution", DOUBLE, f"{EXTRA}\n{DOUBLE}", ("extra = 1", -1)),
    ("step-test-text", TEXT_1, markdown("Now we test."), ("Now we test", -2)),
    ("step-test-text", DOUBLE, f"{DOUBLE}\n{EXTRA}", ("extra = 1", -1)),
    ("step-test", f"{TEXT_1}\n{TEST_1}", f"{TEXT_1}\n{EXTRA}\n{TEST_1}", ("extra = 1", -1)),
    ("step-test", f"{TEST_1}\n{STEP_2}\n{SCALE}\n{TEXT_2}\n{TEST_2}\n{ANALYSIS}\n{ANALYZE}\n"
     + INTEGRATION, f"{STEP_2}\n{SCALE}\n{TEXT_2}\n{TEST_2}\n{ANALYSIS}\n{ANALYZE}\n{INTEGRATION}\n"
     + TEST_1, "## Step 1: Double"),
    ("step-extra", TEST_1, f"{TEST_1}\n{EXTRA}", ("extra = 1", -1)),
    ("solution-in-step", INTEGRATION,
     f"{INTEGRATION}\n{DOUBLE.replace('double', 'again')}", '"small-again"'),
    ("main-one", f"{MAIN}\n", "", "## 🤔"),
    ("main-one", MAIN, f"{MAIN}\n# %%\nif '__main__' == __name__:\n    pass\n", "== __name__"),
    ("main-alone", MAIN, MAIN.replace("if", "import os\n\nif"), "if __name__"),
    ("main-alone", MAIN, MAIN.replace("# %%\n", marker("main", "l") + "#| export\n", 1),
     "if __name__"),
    ("main-tests", "    run_tests()\n", "", "if __name__"),
    ("main-tests", "    run_tests()\n    analyze_time()\n",
     "    analyze_time()\n    run_tests()\n", "if __name__"),
    ("main-analyses", "    analyze_time()\n", "", "def analyze_time"),
    ("analysis-defined", f"{ANALYSIS}\n{ANALYZE}\n{INTEGRATION}",
     f"{ANALYSIS}\n{INTEGRATION}\n{ANALYZE}", "## Systems"),
    ("analysis-called", ANALYZE, f"{ANALYZE}\n\nfor _ in (1, 2):\n    analyze_time()\n",
     ("for _ in", 1)),
    ("heading-questions", "## 🤔 ML", "## ML", "## ML Systems"),
    ("heading-questions", "Thinking: Interactive", "thinking: interactive", "## 🤔"),
    ("heading-summary", "SUMMARY: Small", "SUMMARY: Large", "## 🎯"),
    ("summary-last", SUMMARY, f"{SUMMARY}\n{EXTRA}", ("extra = 1", -1)),
    ("answers", f"{answer(2)}\n{asked(3)}\n{answer(3)}", answer(2).replace("4}", "8}"), "## 🤔"),
    ("question", asked(3), EXTRA, '"small-answer-3"'),
    ("metadata-keys", '"task": false, "grade_id": "small-double"}', '"grade_id": "small-double"}',
     '"small-double"'),
    ("metadata-keys", '"small-double"}', '"small-double", "colour": 1}', '"small-double"'),
    ("metadata-keys", ANALYZE, ANALYZE.replace("# %%", "# %% nbgrader=3"), "nbgrader=3"),
    ("metadata-types", END_1, END_1.replace("2", '"2"'), END_1[:32]),
    ("metadata-types", END_1, END_1.replace("2}", "true}"), END_1[:32]),
    ("metadata-types", marker("double", "s"), marker("double", "s").replace("3", "2"),
     '"small-double"'),
    ("metadata-types", '"task": false, "grade_id": "small-start"',
     '"task": 0, "grade_id": "small-start"', '"small-start"'),
    ("metadata-points", END_1, '"grade_id": "small-double-test"}', '"small-double-test"'),
    ("metadata-points", '"small-double"}', '"small-double", "points": 2}', '"small-double"'),
    ("metadata-kind", marker("double", "s"), marker("double", "sl"), '"small-double"'),
    ("metadata-kind", TESTING, marker("x", "s", "[markdown] ") + f'"""\nx\n"""\n\n{TESTING}',
     '"small-x"'),
    ("metadata-kind", ANALYZE, ANALYZE.replace("# %%\n", marker("time", "")), '"small-time"'),
    ("metadata-kind", ANALYZE, f'{marker("text", "l", "[raw] ")}x\n\n{ANALYZE}', '"small-text"'),
    ("grade-id", '"small-double"', '"double"', '"double"'),
    ("grade-id", '"small-double"', '"small-Double"', '"small-Double"'),
    ("grade-id-duplicate", '"small-scale"', '"small-double"', ("class Scale", -2)),
    ("exported-metadata", marker("imports", "l"), "# %%\n", ("default_exp", -1)),
    ("points", END_1, END_1.replace("2}", "3}"), '"small-answer-3"'),
    ("test-defined", TEST_1, TEST_1.split("def")[0] + "assert double(-2) == -4\n",
     '"small-double-test"'),
    ("test-called", CALL_1, "\n", "def test_double"),
    ("test-called", CALL_1, f"{CALL_1}print(1)\n", "def test_double"),
    ("test-called", CALL_1, "\n\nif True:\n    test_double()\n", "def test_double"),
    ("test-graded", ANALYZE, f"{ANALYZE}\n\ndef test_time():\n    assert double(1) == 2\n",
     "def test_time"),
    ("test-graded", END_1 + "\n", END_1 + "\n#| exporti\n", "def test_double"),
    ("test-duplicate", TEST_4, TEST_4.replace("test_everything", "test_double"),
     ("with pytest", -1)),
    ("test-asserts", ASSERT_1, "    double(-2)\n", "def test_double"),
    ("test-asserts", ASSERT_1, "    assert True\n", "def test_double"),
    ("test-asserts", ASSERT_1, '    assert (double(1) == 3, "message")\n', "def test_double"),
    ("test-asserts", HELPER, "def check(scale):\n    scale.factor\n\n\n", "def test_scale"),
    ("test-swallows", ASSERT_1, tried("except:\n        pass"), "    except:"),
    ("test-swallows", ASSERT_1, tried("except Exception as error:\n        print(error)"),
     "except Exception"),
    ("test-swallows", ASSERT_1, tried("except ValueError:\n        return"), "except ValueError"),
    ("test-swallows", ASSERT_1, tried("except (ValueError, AssertionError):\n        pass",
     "assert False"), "except (Value"),
    ("test-swallows", ASSERT_1, f"{ASSERT_1}    with contextlib.suppress(ValueError):\n"
     "        double(None)\n", "suppress"),
    ("test-stderr", ASSERT_1, f"{ASSERT_1}    print(1, file=sys.stderr)\n", "sys.stderr"),
    ("test-stderr", ASSERT_1, f'{ASSERT_1}    warnings.warn("slow")\n', "warnings.warn"),
    ("test-stderr", ASSERT_1, f"    from sys import stderr\n\n{ASSERT_1}", "import stderr"),
    ("test-value", CALL_1, f"{CALL_1}0.5\n", "0.5"),
    ("test-value", ASSERT_1, f"{ASSERT_1}    return 1\n", "return 1"),
    ("solution-docstring", '    """Twice `x`."""\n', "", "def double"),
    ("solution-docstring", '    """Twice `x`."""\n    ### BEGIN SOLUTION\n',
     '    ### BEGIN SOLUTION\n    """Twice `x`."""\n', "def double"),
    ("solution-docstring", '    """A factor."""\n', "", "class Scale"),
    ("solution-frame", INIT + BODY_2, f"    ### BEGIN SOLUTION\n{INIT}"
     "        self.factor = factor\n    ### END SOLUTION\n", ("def __init__", -1)),
    ("solution-frame", "    return x + x\n    ### END SOLUTION\n",
     "    return x + x\n\n\ndef more():\n    return 1\n    ### END SOLUTION\n", "def more"),
    ("solution-frame", DOUBLE, f"{DOUBLE}    else:\n        pass\n".replace(
        "    return", "    if x:\n        return"), ("def double", 2)),
    ("quiet-import", "TURN = 6\n", 'TURN = 6\nprint("ready")\n', 'print("ready")'),
    ("quiet-import", "TURN = 6\n", "TURN = 6\nif TURN:\n    math.seed(1)\n", "math.seed"),
    ("quiet-import", "TURN = 6\n", "TURN = print(6)\n", "TURN = print"),
]  # fmt: skip


# What stands in the good file, what takes its place, and no rule may complain.
ACCEPTED = [
    ("## Systems analysis", "## systems  ANALYSIS"),
    ("How long it takes.", "How long:\n\n```\n## Step 7: no heading\n```"),
    ("How long it takes.", "How long → it takes, in `O(n·m)` time: 10⁻³ s."),
    (START, "\n".join([
        marker("given", "l") + "#| exporti\ndef warnings_to_stdout():\n    pass\n",
        marker("start", "l") + "warnings_to_stdout()\n",
    ])),
    (ASSERT_1, f"{tried('except TypeError:')}        pass\n    else:\n"
     "        raise AssertionError('None has no double')\n"),
    (ASSERT_1, tried("except TypeError:\n        pass", "double(None)\n        assert False")),
    (ASSERT_1, tried("except Exception as error:\n        assert 'NoneType' in str(error)")),
    (ASSERT_1, "    check(Scale(3))\n"),
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


def dev_file(text: str, module: Module = MODULE) -> DevFile:
    return parse(text, COURSE.dev_path(module))


def check(text: str) -> list[Finding]:
    return structure.check(COURSE, MODULE, dev_file(text))


def changed(old: str, new: str) -> str:
    """The good file with one place changed."""
    assert GOOD.count(old) == 1, f"stands {GOOD.count(old)} times in the good file: {old!r}"
    return GOOD.replace(old, new)


def line_of(text: str, place: int | str | tuple[str, int]) -> int:
    """A line's number: as given, of the one line that holds a part, or so many lines from it."""
    lines = text.removesuffix("\n").split("\n")
    if isinstance(place, int) or place == "end":
        return place if isinstance(place, int) else len(lines)
    part, offset = place if isinstance(place, tuple) else (place, 0)
    found = [number for number, line in enumerate(lines, start=1) if part in line]
    assert len(found) == 1, f"{part!r} stands in the lines {found}"
    return found[0] + offset


def test_a_good_file_passes_every_rule() -> None:
    assert check(GOOD) == []


@pytest.mark.parametrize(
    ("rule", "old", "new", "place"),
    [pytest.param(*planted, id=f"{planted[0]}-{i}") for i, planted in enumerate(PLANTED)],
)
def test_a_planted_fault_is_told_by_its_rule_and_line(
    rule: str, old: str, new: str, place: int | str | tuple[str, int]
) -> None:
    text = changed(old, new)
    findings = check(text)
    assert {(f.rule, f.line) for f in findings} == {(f"structure-{rule}", line_of(text, place))}
    for finding in findings:
        assert (finding.severity, finding.path) == ("error", COURSE.dev_path(MODULE))
        assert finding.message
        assert finding.hint
        cell = dev_file(text).cell_at(finding.line)
        assert finding.cell == (cell.identity if cell else "")


def test_a_grade_id_of_another_module_is_told() -> None:
    other = dev_file(GOOD.replace("small-", "other-").replace("other-scale", "small-scale"), OTHER)
    findings = structure.check_course(COURSE, [dev_file(GOOD), other])
    twice = [line_of(other.text, f'"{name}"') for name in ("small-scale", "small-scale-test")]
    assert [(f.rule, f.path, f.line) for f in findings] == [
        ("structure-grade-id-course", other.path, line) for line in twice
    ]


def test_every_rule_of_the_table_has_a_planted_fault() -> None:
    planted = {f"structure-{rule}" for rule, *_ in PLANTED} | {"structure-grade-id-course"}
    assert planted == set(structure.RULES)


def test_the_table_describes_each_rule_in_a_sentence() -> None:
    for identity, description in structure.RULES.items():
        assert re.fullmatch(r"structure-[a-z]+(-[a-z]+)*", identity)
        assert re.fullmatch(r"[A-Z][^\n]{15,98}\.", description), identity


@pytest.mark.parametrize(("old", "new"), ACCEPTED, ids=range(len(ACCEPTED)))
def test_what_the_rules_allow_is_not_told(old: str, new: str) -> None:
    assert check(changed(old, new)) == []


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_file_is_told_and_raises_nothing(text: str) -> None:
    findings = check(text)
    last = max(1, text.count("\n") + 1)
    assert findings
    assert all(f.rule in structure.RULES and 1 <= f.line <= last for f in findings)
    assert b"structure-" in encode(findings)
    assert structure.check_course(COURSE, [dev_file(text), dev_file(text)]) is not None


@pytest.mark.parametrize("cell", [EXTRA, asked(1), answer(1), TEST_1, DOUBLE, MAIN, STEP_1])
def test_ten_thousand_cells_are_read(cell: str) -> None:
    assert "structure-length" in {finding.rule for finding in check(f"{cell}\n" * 10_000)}


@pytest.mark.parametrize("old", ["x + x", "run_tests()\n", "(-2) == -4", "factor == 3"])
def test_a_cell_that_is_no_python_is_left_to_the_export(old: str) -> None:
    assert check(changed(old, "(")) == []


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
