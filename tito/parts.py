"""Rules for the parts of a module file: headings, steps, analyses, main block, questions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tito.page import (
    Fault,
    Page,
    Part,
    called,
    expected_heading,
    functions,
    is_answer,
    is_implementation,
    is_test_cell,
    rule,
    runs_at_top,
    shown,
)

FEWEST_ANSWERS, MOST_ANSWERS = 3, 4
LENGTH_OF_STEP = 3
"""Cells below a step's text: implementation, text of the test, test."""


@rule("section-missing", "Every part of a module file is there.")
def section_missing(page: Page) -> Iterator[Fault]:
    there = {part for part, _ in page.parts}
    for part in Part:
        if part not in there and part is not Part.MAIN:
            wanted = expected_heading(part, page.module)
            message = f"the heading `{wanted}` is missing"
            yield Fault(page.place(part), message, "write it in a markdown cell above this line")


@rule("section-duplicate", "Every part of a module file stands there once.")
def section_duplicate(page: Page) -> Iterator[Fault]:
    first: dict[Part, int] = {}
    for part, line in page.parts:
        earlier = first.setdefault(part, line)
        if earlier != line and part is not Part.STEPS:
            message = f"`{expected_heading(part, page.module)}` stands in line {earlier} already"
            yield Fault(line, message, "join the two parts under one heading")


@rule("section-order", "The parts of a module file stand in the order of curriculum.md.")
def section_order(page: Page) -> Iterator[Fault]:
    first = dict(reversed(page.parts))  # a part that stands twice is told by another rule
    once = [item for item in page.parts if item[0] is Part.STEPS or first[item[0]] == item[1]]
    for (before, _), (part, line) in pairwise(once):
        if before > part:
            message = f"part {int(part)} stands below part {int(before)}"
            hint = f"move it above `{expected_heading(before, page.module)}`"
            yield Fault(line, message, hint)


@rule("section-test", "Integration and comprehensive testing each hold a graded test cell.")
def section_test(page: Page) -> Iterator[Fault]:
    for part in (Part.INTEGRATION, Part.TESTING):
        heading = page.first(part)
        if heading and not any(is_test_cell(cell) for cell in page.cells_of(part)):
            message = f"no graded test cell stands below `{heading.text}`"
            yield Fault(heading.line, message, "add one: grade and locked true, points n")


@rule("step-number", "Steps are numbered from 1 without gaps: `## Step 1: …`.")
def step_number(page: Page) -> Iterator[Fault]:
    for expected, step in enumerate(page.steps, start=1):
        if step.heading.number != expected:
            hint = f"write `## Step {expected}: …`, and number the steps below it anew"
            message = f"this is step {expected} of the file: {shown(step.heading.text)}"
            yield Fault(step.heading.line, message, hint)
            return


@rule("step-solution", "The text of a step is followed by its solution cell.")
def step_solution(page: Page) -> Iterator[Fault]:
    hint = "a given cell stands above the step, below a heading `## …` of its own"
    yield from _breaks(page, 0, "the solution cell of this step belongs here", hint)


@rule("step-test-text", "A solution cell is followed by markdown that begins with `**Test:`.")
def step_test_text(page: Page) -> Iterator[Fault]:
    hint = "write `**Test: …`: what is checked and why; given cells stand above the step"
    yield from _breaks(page, 1, "what the test of this step checks is not said here", hint)


@rule("step-test", "The text of a test is followed by a graded test cell.")
def step_test(page: Page) -> Iterator[Fault]:
    hint = "put the test cell here: grade and locked true, points n"
    yield from _breaks(page, 2, "the graded test cell of this step belongs here", hint)


@rule("step-extra", "Nothing stands in a step below its test cell.")
def step_extra(page: Page) -> Iterator[Fault]:
    hint = "open a new step, or a heading `## …` of its own, above this cell"
    yield from _breaks(page, 3, "this cell stands below the test of its step", hint)


@rule("solution-in-step", "Every solution cell of code stands in a step.")
def solution_in_step(page: Page) -> Iterator[Fault]:
    inside = {cell.marker_line for step in page.steps for cell in step.cells}
    for cell in page.dev.cells:
        if is_implementation(cell) and cell.marker_line not in inside:
            message = "this solution cell stands outside the steps, where no test follows it"
            yield Fault(cell.marker_line, message, "open a step above it: `## Step N: …`")


@rule("main-one", "There is exactly one main block.")
def main_one(page: Page) -> Iterator[Fault]:
    if not page.main_blocks and not page.unreadable:
        hint = 'add a cell: if __name__ == "__main__": run_tests(), then each analyze_…()'
        yield Fault(page.place(Part.MAIN), "the file has no main block", hint)
    for _, _, node in page.main_blocks[1:]:
        yield Fault(node.lineno, "this is a second main block", "move its lines to the first one")


@rule("main-alone", "The main block is alone in its cell, which is neither exported nor graded.")
def main_alone(page: Page) -> Iterator[Fault]:
    for cell, tree, node in page.main_blocks:
        if len(tree.body) > 1:
            message = "the main block shares its cell with other code"
            yield Fault(node.lineno, message, "give the main block a cell of its own: `# %%`")
        if cell.exported or cell.nbgrader.get("grade"):
            message = "the cell of the main block is exported or graded"
            yield Fault(node.lineno, message, "delete its directive and its metadata")


@rule("main-tests", "The main block calls run_tests() first.")
def main_tests(page: Page) -> Iterator[Fault]:
    for _, _, node in page.main_blocks[:1]:
        names = [called(item) for item in runs_at_top(node.body)]
        wanted = [name for name in names if name == "run_tests" or name.startswith("analyze_")]
        if wanted[:1] != ["run_tests"]:
            message = "the main block does not begin by running the tests"
            yield Fault(node.lineno, message, "make `run_tests()` its first line")


@rule("main-analyses", "The main block calls every analyze_* of the file.")
def main_analyses(page: Page) -> Iterator[Fault]:
    names = {called(item) for _, _, node in page.main_blocks for item in runs_at_top([node])}
    for _, tree in page.trees if page.main_blocks else []:
        for function in functions(tree, "analyze_"):
            if function.name not in names:
                message = f"the main block does not call {function.name}"
                yield Fault(function.lineno, message, f"add `{function.name}()` to the main block")


@rule("analysis-defined", "The systems analysis defines at least one analyze_*.")
def analysis_defined(page: Page) -> Iterator[Fault]:
    heading = page.first(Part.ANALYSIS)
    inside = {cell.marker_line for cell in page.cells_of(Part.ANALYSIS)}
    trees = [tree for cell, tree in page.trees if cell.marker_line in inside]
    if heading and not page.unreadable and not any(functions(t, "analyze_") for t in trees):
        hint = (
            "define `analyze_…()` in a code cell: measure memory, time or scaling by running code"
        )
        yield Fault(heading.line, "nothing is measured in the systems analysis", hint)


@rule("analysis-called", "An analyze_* is called at the top of a cell by the main block alone.")
def analysis_called(page: Page) -> Iterator[Fault]:
    main = {id(node) for _, _, node in page.main_blocks}
    for _, tree in page.trees:
        for node in runs_at_top(item for item in tree.body if id(item) not in main):
            if called(node).startswith("analyze_"):
                message = f"{called(node)} runs whenever this cell does"
                hint = "delete this call: the main block runs the analyses"
                yield Fault(getattr(node, "lineno", 1), message, hint)


@rule("heading-questions", "The heading of part 9 is written exactly.")
def heading_questions(page: Page) -> Iterator[Fault]:
    yield from _exactly(page, Part.QUESTIONS)


@rule("heading-summary", "The heading of part 10 is written exactly, with the module's title.")
def heading_summary(page: Page) -> Iterator[Fault]:
    yield from _exactly(page, Part.SUMMARY)


@rule("summary-last", "The summary is the last cell of the file.")
def summary_last(page: Page) -> Iterator[Fault]:
    heading = page.first(Part.SUMMARY)
    if heading and heading.index < len(page.dev.cells) - 1:
        line = page.dev.cells[heading.index + 1].marker_line
        yield Fault(line, "this cell stands below the summary", "move it above the summary")


@rule("answers", "Part 9 holds three or four graded written answers.")
def answers(page: Page) -> Iterator[Fault]:
    heading = page.first(Part.QUESTIONS)
    count = sum(is_answer(cell) for cell in page.cells_of(Part.QUESTIONS))
    if heading and not FEWEST_ANSWERS <= count <= MOST_ANSWERS:
        message = f"part 9 has {count} graded answers, {FEWEST_ANSWERS} or {MOST_ANSWERS} belong"
        hint = "an answer is a markdown cell with grade and solution true, and points"
        yield Fault(heading.line, message, hint)


@rule("question", "Each written answer follows a markdown cell that asks for it.")
def question(page: Page) -> Iterator[Fault]:
    for before, cell in zip((None, *page.dev.cells), page.dev.cells, strict=False):
        asked = before is not None and before.kind == "markdown" and not before.solution
        if is_answer(cell) and not asked:
            message = "no question stands above this answer"
            yield Fault(cell.marker_line, message, "ask it in a markdown cell of its own, above")


def _breaks(page: Page, position: int, message: str, hint: str) -> Iterator[Fault]:
    """The steps whose pattern breaks at this position, at the cell that stands there instead."""
    for step in page.steps:
        instead = step.work[position:]
        if step.matched == position and (instead or position < LENGTH_OF_STEP):
            cell = instead[0] if instead else None
            yield Fault(cell.marker_line if cell else step.heading.line, message, hint)


def _exactly(page: Page, part: Part) -> Iterator[Fault]:
    heading, wanted = page.first(part), expected_heading(part, page.module)
    if heading and heading.text != wanted:
        yield Fault(heading.line, f"the heading is {shown(heading.text)}", f"write `{wanted}`")


RULES = (
    section_missing,
    section_duplicate,
    section_order,
    section_test,
    step_number,
    step_solution,
    step_test_text,
    step_test,
    step_extra,
    solution_in_step,
    main_one,
    main_alone,
    main_tests,
    main_analyses,
    analysis_defined,
    analysis_called,
    heading_questions,
    heading_summary,
    summary_last,
    answers,
    question,
)
