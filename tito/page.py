"""A dev file as the rules of curriculum.md see it: parts, steps, parsed cells; and what a rule is.

Everything here reads and nothing runs. A cell that is not Python has no tree (tito/refusals.py
reports it), and no walk over a tree is recursive, so that a hostile file cannot raise.
"""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any, NamedTuple

from tito.course import Course, Module
from tito.report import Finding
from tito.source import Cell, DevFile
from tito.syntax import fresh_tree

_HEADING = re.compile(r"(#{1,2})\s+(.*)$")
_STEP = re.compile(r"step ([0-9]{1,4}): \S")
_FENCE = re.compile(r"\s*(```|~~~)")


class Part(IntEnum):
    """The parts of a module file, numbered as in curriculum.md."""

    INTRODUCTION = 1
    BACKGROUND = 2
    STEPS = 3
    ANALYSIS = 4
    INTEGRATION = 5
    PRODUCTION = 6
    TESTING = 7
    MAIN = 8
    QUESTIONS = 9
    SUMMARY = 10


def expected_heading(part: Part, module: Module) -> str:
    """The line that opens a part."""
    return {
        Part.INTRODUCTION: f"# Module {module.number}: {module.title}",
        Part.BACKGROUND: "## Mathematical background",
        Part.STEPS: "## Step 1: …",
        Part.ANALYSIS: "## Systems analysis",
        Part.INTEGRATION: "## Integration",
        Part.PRODUCTION: "## Production context",
        Part.TESTING: "## Comprehensive testing",
        Part.MAIN: 'if __name__ == "__main__":',
        Part.QUESTIONS: "## 🤔 ML Systems Thinking: Interactive Questions",
        Part.SUMMARY: f"## 🎯 MODULE SUMMARY: {module.title}",
    }[part]


class Fault(NamedTuple):
    """What a rule found, before it is known which rule it was."""

    line: int
    message: str
    hint: str


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 or 2, its line in the file and the index of its cell."""

    text: str
    line: int
    index: int
    part: Part | None
    number: int | None
    """The step's number, None if it is no step or not written as one."""


@dataclass(frozen=True)
class Step:
    """The cells of one step, its heading's cell first."""

    heading: Heading
    cells: tuple[Cell, ...]

    @cached_property
    def work(self) -> tuple[Cell, ...]:
        """The cells below the text that opens the step and the given cells it speaks of."""
        count = 0
        for cell in self.cells:
            text = cell.kind == "markdown" and not is_test_text(cell)
            if not text and not is_given(cell):
                break
            count += 1
        return self.cells[count:]

    @cached_property
    def matched(self) -> int:
        """How many of implementation, text of the test, and test stand where they belong."""
        wanted = (is_implementation, is_test_text, is_test_cell)
        count = 0
        for cell, fits in zip(self.work, wanted, strict=False):
            if not fits(cell):
                break
            count += 1
        return count


@dataclass(frozen=True)
class Page:
    """A module's dev file with what the rules ask of it."""

    course: Course
    module: Module
    dev: DevFile

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the file."""
        return self.dev.text.removesuffix("\n").split("\n")

    @cached_property
    def written(self) -> list[tuple[Cell, str]]:
        """Each cell with what stands below its marker, quotes and all."""
        ends = [*(cell.marker_line - 1 for cell in self.dev.cells[1:]), len(self.lines)]
        return [
            (cell, "\n".join(self.lines[cell.marker_line : end]).strip())
            for cell, end in zip(self.dev.cells, ends, strict=False)
        ]

    @cached_property
    def released(self) -> bool:
        """True for a student's file: nbgrader put checksums into it."""
        return any("checksum" in cell.nbgrader for cell in self.dev.cells)

    @cached_property
    def trees(self) -> list[tuple[Cell, ast.Module]]:
        """The code cells that are Python, with the file's line numbers."""
        parsed = ((cell, parse(cell)) for cell in self.dev.cells if cell.kind == "code")
        return [(cell, tree) for cell, tree in parsed if tree is not None]

    @cached_property
    def unreadable(self) -> bool:
        """True if some code cell is not Python, so that what seems missing may stand there."""
        return len(self.trees) < sum(cell.kind == "code" for cell in self.dev.cells)

    @cached_property
    def tests(self) -> list[tuple[Cell, ast.Module]]:
        """The graded code cells."""
        return [(cell, tree) for cell, tree in self.trees if is_test_cell(cell)]

    @cached_property
    def main_blocks(self) -> list[tuple[Cell, ast.Module, ast.If]]:
        """Every `if __name__ == "__main__":` at the top of a cell."""
        return [
            (cell, tree, node)
            for cell, tree in self.trees
            for node in tree.body
            if isinstance(node, ast.If) and _asks_for_main(node.test)
        ]

    @cached_property
    def headings(self) -> list[Heading]:
        """The headings of level 1 and 2, outside fenced blocks and written answers."""
        found = []
        for index, cell in enumerate(self.dev.cells):
            if cell.kind == "markdown" and not cell.solution:
                found += [self._heading(*item, index) for item in _headings(cell)]
        return found

    def _heading(self, line: int, match: re.Match[str], index: int) -> Heading:
        # What stands before the first letter is an emoji, or is missing: another rule looks at it.
        words = " ".join(re.sub(r"^[\W_]+", "", match[2]).casefold().split())
        step = _STEP.match(words)
        part = self._part(match[1], words)
        return Heading(match[0].rstrip(), line, index, part, int(step[1]) if step else None)

    def _part(self, hashes: str, words: str) -> Part | None:
        if hashes == "##" and re.match(r"step [0-9]", words):
            return Part.STEPS
        if hashes == "##" and words.startswith("module summary"):
            return Part.SUMMARY
        return self._parts.get(f"{hashes} {words}")

    @cached_property
    def _parts(self) -> dict[str, Part]:
        lines = {part: expected_heading(part, self.module) for part in Part}
        return {line.replace("🤔 ", "").casefold(): part for part, line in lines.items()}

    @cached_property
    def parts(self) -> list[tuple[Part, int]]:
        """Each part that was found, with its line, in the order of the file."""
        found = [(h.part, h.line) for h in self.headings if h.part is not None]
        found += [(Part.MAIN, node.lineno) for _, _, node in self.main_blocks[:1]]
        return sorted(found, key=lambda item: item[1])

    def first(self, part: Part) -> Heading | None:
        """The heading of a part."""
        return next((heading for heading in self.headings if heading.part is part), None)

    def cells_of(self, part: Part) -> tuple[Cell, ...]:
        """The cells below a part's heading, up to the heading of the next part."""
        first = self.first(part)
        if first is None:
            return ()
        later = (h.index for h in self.headings if h.part is not None and h.index > first.index)
        return self.dev.cells[first.index + 1 : next(later, None)]

    @cached_property
    def steps(self) -> list[Step]:
        """The steps. Each ends at the next heading of level 1 or 2."""
        found = []
        ends = [*(heading.index for heading in self.headings[1:]), len(self.dev.cells)]
        for heading, end in zip(self.headings, ends, strict=False):
            if heading.part is Part.STEPS:
                cells = self.dev.cells[heading.index : max(end, heading.index + 1)]
                if self.released:  # students may add cells of their own to try things out
                    cells = tuple(c for c in cells if c.kind != "code" or c.nbgrader)
                found.append(Step(heading, cells))
        return found

    def place(self, part: Part) -> int:
        """The line before which a missing part belongs."""
        return next((line for found, line in self.parts if found > part), len(self.lines))

    def students_own(self, cell: Cell) -> bool:
        """True for what a student has written: no rule of style holds there."""
        return cell.solution and "checksum" in cell.nbgrader

    @cached_property
    def _marker_lines(self) -> list[int]:
        return [cell.marker_line for cell in self.dev.cells]

    def finding(self, rule: Rule, fault: Fault) -> Finding:
        """The fault as a finding, with the cell that holds its line."""
        index = bisect_right(self._marker_lines, fault.line) - 1
        identity = self.dev.cells[index].identity if index >= 0 else ""
        path = self.dev.path
        return Finding(rule.id, "error", path, fault.line, fault.message, fault.hint, identity)


@dataclass(frozen=True)
class Rule:
    """One rule: its id, a sentence that says what must hold, and how to find where it does not."""

    id: str
    description: str
    find: Callable[[Page], Iterable[Fault]]


def rule(identity: str, description: str) -> Callable[[Callable[[Page], Iterable[Fault]]], Rule]:
    """Make a rule of the function below it."""
    return lambda find: Rule(f"structure-{identity}", description, find)


def parse(cell: Cell, code: str | None = None) -> ast.Module | None:
    """The cell's code, or other code in its place, as a tree. None if it is not Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = fresh_tree(cell.code if code is None else code)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            return None
    ast.increment_lineno(tree, cell.code_line - 1)
    return tree


def runs_at_top(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Every node that runs with the cell: all but the bodies of functions, in the file's order."""
    waiting = list(nodes)[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner: list[ast.AST] = [*node.decorator_list, node.args]
        elif isinstance(node, ast.Lambda):
            inner = [node.args]
        else:
            inner = list(ast.iter_child_nodes(node))
        waiting += inner[::-1]


def functions(tree: ast.Module, prefix: str = "") -> list[ast.FunctionDef]:
    """The functions at the top of a cell whose names begin so."""
    nodes = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return [node for node in nodes if node.name.startswith(prefix)]


def dotted(node: ast.AST) -> str:
    """`np.testing.assert_equal` as it is written; an empty string for what is no such name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    names.append(node.id if isinstance(node, ast.Name) else "")
    return ".".join(reversed(names))


def called(node: ast.AST) -> str:
    """The dotted name that a call calls, else an empty string."""
    return dotted(node.func) if isinstance(node, ast.Call) else ""


def is_implementation(cell: Cell) -> bool:
    """True for a code cell in which the student writes."""
    return cell.kind == "code" and cell.solution


def is_given(cell: Cell) -> bool:
    """True for a locked code cell that is no test: the student reads it."""
    own = cell.solution or bool(cell.nbgrader.get("grade"))
    return cell.kind == "code" and bool(cell.nbgrader.get("locked")) and not own


def is_test_text(cell: Cell) -> bool:
    """True for the text that introduces a test."""
    return cell.kind == "markdown" and cell.source.lstrip().startswith("**Test:")


def is_test_cell(cell: Cell) -> bool:
    """True for a graded code cell."""
    return cell.kind == "code" and bool(cell.nbgrader.get("grade"))


def is_answer(cell: Cell) -> bool:
    """True for a graded written answer."""
    return cell.kind == "markdown" and cell.solution and bool(cell.nbgrader.get("grade"))


def shown(value: Any) -> str:
    """A value from untrusted metadata, short and printable."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, or endless nesting
        return f"a {type(value).__name__} too long to show"
    return text if len(text) <= 40 else f"{text[:37]}..."


def _headings(cell: Cell) -> Iterator[tuple[int, re.Match[str]]]:
    fenced = False
    for number, text in enumerate(cell.source.split("\n"), start=cell.line):
        fenced ^= bool(_FENCE.match(text))
        match = None if fenced else _HEADING.match(text)
        if match:
            yield number, match


def _asks_for_main(test: ast.expr) -> bool:
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return False
    sides = (test.left, test.comparators[0])
    names = [dotted(side) for side in sides]
    values = [side.value for side in sides if isinstance(side, ast.Constant)]
    return isinstance(test.ops[0], ast.Eq) and "__name__" in names and values == ["__main__"]
