"""Each rule for how a module file is written is broken once, and tells it at the right line."""

from __future__ import annotations

import re

import pytest

from tito import structure

from .written_module import (
    ANALYSIS,
    ANALYZE,
    ASSERT_1,
    BODY_2,
    CALL_1,
    COURSE,
    DOUBLE,
    END_1,
    EXTRA,
    GOOD,
    HEADER,
    HELPER,
    INIT,
    INTEGRATION,
    MAIN,
    MODULE,
    OTHER,
    PRODUCTION,
    PROSE,
    SCALE,
    START,
    STEP_2,
    SUMMARY,
    TEST_1,
    TEST_2,
    TEST_3,
    TEST_4,
    TESTING,
    TEXT_1,
    TEXT_2,
    answer,
    asked,
    changed,
    check,
    dev_file,
    filled,
    markdown,
    marker,
    tried,
)

# rule, what stands in the good file, what takes its place, a part of the line that is told.
PLANTED = [
    ("header", "#       format_name: percent\n", "", 1),
    ("header", HEADER, "", 1),
    ("magics", "#     comment_magics: false\n", "", "#     text_representation:"),
    ("length", PROSE, "", "end"),
    ("length", PROSE, PROSE * 3, filled(GOOD.replace(PROSE, PROSE * 3))[MODULE.max_lines]),
    ("emoji", "How long it takes.", "How long it takes \N{ROCKET}", "How long"),
    ("emoji", "## Given", "## 🎯 Goals", "## 🎯 Goals"),
    ("markdown-quotes", TEXT_2, "# %% [markdown]\n# **Test: it.**\n", ("**Test: it", -1)),
    ("markdown-quotes", ANALYZE, f"# %%\n# ## Title\n\n{ANALYZE}", ("# ## Title", -1)),
    ("markdown-raw", "Others do it too.", "Others\n\nuse $\\alpha$.", "alpha"),
    ("markdown-wrapped", "Others do it too.", "Others\ndo it too.", "do it too"),
    ("markdown-wrapped", "Others do it too.", "**Others**\n`do it` too.", "`do it` too"),
    ("start", "\nwarnings_to_stdout()\n", "", '"small-start"'),
    ("start", START, f"# %%\nimport os\n\n{START}", ("import os", -1)),
    ("start", marker("start", "l"), "# %%\n", ("import run_tests", -1)),
    ("section-missing", "## Production context", "## In production", "## Comprehensive"),
    ("section-missing", "# Module 01: Small", "# Module 02: Small", "## Mathematical"),
    ("section-missing", "## 🎯 MODULE SUMMARY: Small", "## Summary", "end"),
    ("section-duplicate", "## Given", "## Mathematical Background", "## Mathematical Background"),
    ("section-duplicate", "Others do it too.", "Others.\n\n## Integration", ("Others.", 2)),
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
    ("main-one", MAIN, '# %%\nif __name__ != "__main__":\n    run_tests()\n', "## 🤔"),
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
    ("metadata-types", '"small-double"}', '"small-double", "cell_type": 1}', '"small-double"'),
    ("metadata-order", END_1, '"points": 2, "grade_id": "small-double-test"}', '"small-double-test"'),
    ("metadata-points", END_1, '"grade_id": "small-double-test"}', '"small-double-test"'),
    ("metadata-points", '"small-double"}', '"small-double", "points": 2}', '"small-double"'),
    ("metadata-kind", '"task": false, "grade_id": "small-start"',
     '"task": true, "grade_id": "small-start"', '"small-start"'),
    ("metadata-kind", marker("double", "s"), marker("double", "sl"), '"small-double"'),
    ("metadata-kind", TESTING, marker("x", "s", "[markdown] ") + f'"""\nx\n"""\n\n{TESTING}',
     '"small-x"'),
    ("metadata-kind", ANALYZE, ANALYZE.replace("# %%\n", marker("time", "")), '"small-time"'),
    ("metadata-kind", TESTING, marker("x", "l", "[markdown] ") + f'"""\nx\n"""\n\n{TESTING}',
     '"small-x"'),
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
    ("test-asserts", ASSERT_1, "    close = np.testing.assert_allclose\n", "def test_double"),
    ("test-asserts", ASSERT_1, "    close = double\n    close(2)\n", "def test_double"),
    ("test-asserts", ASSERT_1, "    with check:\n        double(2)\n", "def test_double"),
    ("test-swallows", ASSERT_1, tried("except TypeError:\n        return\n    print(1)"), "except Ty"),
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
    ("target-first", "#| default_exp core.small\n#| export\nimport math\n\n",
     "#| export\nimport math\n\n# %%\n#| default_exp core.small\n", "default_exp"),
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
