"""Small faults planted into solutions, one at a time, to see whether the graded tests notice.

A mutant is one place of a solution region changed by one operator of a fixed table. Nothing is run
here: `mutation_proof` runs the module's graded tests against each mutant.

Left as they are: strings, and with them docstrings and messages; what is raised, though not that it
is raised; f-strings, whose inner positions Python tells from 3.12 on only.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import msgspec

from tito.page import dotted
from tito.source import BEGIN_SOLUTION, END_SOLUTION, Cell, DevFile
from tito.syntax import UNREADABLE, fresh_tree, tree_of

_ARITHMETIC: Mapping[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "/"),
    ast.Mod: ("%", "*"),
    ast.Pow: ("**", "*"),
    ast.MatMult: ("@", "*"),
}
_MASKS: Mapping[type[ast.operator], tuple[str, str]] = {
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
}
_COMPARISONS: Mapping[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: (r"is\b", "is not"),
    ast.IsNot: (r"is\s+not\b", "is"),
    ast.In: (r"in\b", "not in"),
    ast.NotIn: (r"not\s+in\b", "in"),
}
_SHAPING = ("reshape", "broadcast_to", "expand_dims")
_PERMUTING = ("transpose", "permute")
_SYMMETRIC = ("max", "min", "maximum", "minimum", "add", "multiply")
"""Functions that give the same whichever argument comes first."""
_SIMPLE = (
    *(ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete),
    *(ast.Return, ast.Raise, ast.Assert, ast.Break, ast.Continue),
)


class Mutant(msgspec.Struct, frozen=True):
    """One change of one cell. `line` is the dev file's, of the first line that differs.

    `text` takes the place of the cell's code from `start` to `end` and has as many lines.
    """

    id: str
    operator: str
    path: str
    line: int
    cell: str
    before: str
    after: str
    start: int
    end: int
    text: str

    @property
    def change(self) -> str:
        """The changed line before and after, in one line."""
        return f"{self.before} → {self.after}"

    def applied(self, code: str) -> str:
        """The cell's code with the fault."""
        return code[: self.start] + self.text + code[self.end :]


@dataclass(frozen=True)
class _Edit:
    start: int
    end: int
    text: str


class _Code:
    """A cell's code, and where in it a node stands. Python counts columns in bytes."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _lines(self) -> Sequence[tuple[int, str]]:
        """Each line with the place where it begins."""
        found, start = [], 0
        for line in self.text.split("\n"):
            found.append((start, line))
            start += len(line) + 1
        return found

    def _place(self, line: int, column: int) -> int:
        start, text = self._lines[line - 1]
        return start + len(text.encode()[:column].decode())

    def start(self, node: ast.expr | ast.stmt) -> int:
        return self._place(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> int:
        return self._place(node.end_lineno or 0, node.end_col_offset or 0)

    def of(self, node: ast.expr | ast.stmt) -> str:
        return self.text[self.start(node) : self.end(node)]

    def replaced(self, node: ast.expr | ast.stmt, text: str) -> _Edit:
        return _Edit(self.start(node), self.end(node), text)

    def between(self, left: ast.expr, right: ast.expr, pattern: str, text: str) -> Iterator[_Edit]:
        """What matches between two nodes, replaced."""
        first = self.end(left)
        match = re.search(pattern, self.text[first : self.start(right)])
        if match:
            yield _Edit(first + match.start(), first + match.end(), text)


Edits = Iterator[_Edit]


def _broadcasts(code: _Code, node: ast.AST) -> Edits:
    if isinstance(node, ast.keyword) and node.arg == "keepdims" and _is(node.value, True):
        yield code.replaced(node.value, "False")
    elif isinstance(node, ast.Subscript):
        inner = getattr(node.slice, "elts", [node.slice])
        if any(_is(item, None) or dotted(item) == "np.newaxis" for item in inner):
            end = code.text.index("[", code.end(node.value))
            yield code.replaced(node, code.text[code.start(node) : end])
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in _SHAPING and dotted(node.func.value) == "np" and node.args:
            yield code.replaced(node, f"({code.of(node.args[0])})")
        elif node.func.attr in _SHAPING:
            end = code.text.index(".", code.end(node.func.value))
            yield code.replaced(node, code.text[code.start(node) : end])


def _axes(code: _Code, node: ast.AST) -> Edits:
    if isinstance(node, ast.keyword) and node.arg in ("axis", "dim"):
        number = _number(node.value)
        if number is not None:
            yield code.replaced(node.value, "-1" if number == 0 else "0")
    elif isinstance(node, ast.Call):
        arguments = node.args
        name = dotted(node.func).rpartition(".")[2]
        yield from _swapped(code, arguments if name not in _SYMMETRIC else ())
        if getattr(node.func, "attr", "") in _PERMUTING and arguments:
            yield from _swapped(code, getattr(arguments[-1], "elts", ())[-2:])


def _swapped(code: _Code, arguments: Sequence[ast.expr]) -> Edits:
    """Each two neighbours change places."""
    for left, right in pairwise(arguments):
        if not isinstance(left, ast.Starred) and not isinstance(right, ast.Starred):
            between = code.text[code.end(left) : code.start(right)]
            text = code.of(right) + between + code.of(left)
            yield _Edit(code.start(left), code.end(right), text)


def _arithmetic(code: _Code, node: ast.AST) -> Edits:
    if isinstance(node, (ast.BinOp, ast.AugAssign)):
        yield from _operation(code, node, _ARITHMETIC)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and _number(node) is None:
        yield _Edit(code.start(node), code.start(node) + 1, "")


def _operation(
    code: _Code,
    node: ast.BinOp | ast.AugAssign,
    table: Mapping[type[ast.operator], tuple[str, str]],
) -> Edits:
    if type(node.op) in table:
        sign, other = table[type(node.op)]
        if isinstance(node, ast.BinOp):
            yield from code.between(node.left, node.right, re.escape(sign), other)
        else:
            yield from code.between(node.target, node.value, re.escape(sign), other)


def _comparison(code: _Code, node: ast.AST) -> Edits:
    if isinstance(node, ast.Compare):
        for (left, right), sign in zip(
            pairwise([node.left, *node.comparators]), node.ops, strict=True
        ):
            yield from code.between(left, right, *_COMPARISONS[type(sign)])


def _boolean(code: _Code, node: ast.AST) -> Edits:
    if isinstance(node, ast.BoolOp):
        word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in pairwise(node.values):
            yield from code.between(left, right, rf"\b{word}\b", other)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield _Edit(code.start(node), code.start(node) + len("not"), "")
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield code.replaced(node, str(not node.value))
    elif isinstance(node, (ast.BinOp, ast.AugAssign)):
        yield from _operation(code, node, _MASKS)
    else:
        tests = [getattr(node, "test", None), *getattr(node, "ifs", ())]
        for test in tests:
            negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
            if test is not None and not negated and not isinstance(test, (ast.Compare, ast.BoolOp)):
                yield code.replaced(test, f"(not ({code.of(test)}))")


def _constants(code: _Code, node: ast.AST) -> Edits:
    number = _number(node)
    if number is not None and isinstance(node, ast.expr):
        for other in (number + 1, number - 1):
            yield code.replaced(node, repr(other))


def _statements(code: _Code, node: ast.AST) -> Edits:
    says_something = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    if isinstance(node, _SIMPLE) and not says_something:
        yield code.replaced(node, "pass")


@dataclass(frozen=True)
class Operator:
    """A way to break code: its name, what it does in words, and the edits it has for a node."""

    name: str
    what: str
    edits: Callable[[_Code, ast.AST], Edits]


OPERATORS: tuple[Operator, ...] = (
    Operator(
        "broadcast",
        "`keepdims=True` becomes False; `[:, None]`, `reshape`, `broadcast_to`, `expand_dims` go",
        _broadcasts,
    ),
    Operator(
        "axis-or-argument",
        "`axis=0` becomes -1, any other axis 0; two neighbouring arguments change places",
        _axes,
    ),
    Operator(
        "arithmetic",
        "`+` ↔ `-`, `*` ↔ `/`, `//` → `/`, `%`, `**` and `@` → `*`; a minus sign goes",
        _arithmetic,
    ),
    Operator(
        "comparison",
        "`<` ↔ `<=`, `>` ↔ `>=`, `==` ↔ `!=`, `is` ↔ `is not`, `in` ↔ `not in`",
        _comparison,
    ),
    Operator(
        "boolean",
        "`and` ↔ `or`, `&` ↔ `|`, True ↔ False; `not` goes; a bare condition is negated",
        _boolean,
    ),
    Operator("constant", "a number becomes one more, and one less", _constants),
    Operator("statement", "a simple statement becomes `pass`", _statements),
)
"""The table. Of two operators that give the same text the first has the mutant."""


def mutants(dev: DevFile) -> tuple[Mutant, ...]:
    """All mutants of a dev file's solution regions, by cell, operator and place.

    What is not Python, or means the same as before, is none.
    """
    return tuple(mutant for cell in dev.exported for mutant in _of_cell(dev, cell))


def _of_cell(dev: DevFile, cell: Cell) -> Iterator[Mutant]:
    lines = _solution_lines(cell.code)
    if not lines:
        return
    code, tree = _Code(cell.code), tree_of(cell.code)
    nodes = [*_nodes(tree, lines)]
    seen = {ast.dump(tree)}
    for operator in OPERATORS:
        number = 0
        edits = {edit for node in nodes for edit in operator.edits(code, node)}
        for edit in sorted(edits, key=lambda e: (e.start, e.end, e.text)):
            mutant = _mutant(dev, cell, operator.name, number + 1, edit)
            meaning = _meaning(mutant.applied(cell.code))
            if meaning and meaning not in seen:
                seen.add(meaning)
                number += 1
                yield mutant


def _mutant(dev: DevFile, cell: Cell, operator: str, number: int, edit: _Edit) -> Mutant:
    code = cell.code
    lost = code.count("\n", edit.start, edit.end) - edit.text.count("\n")
    text = edit.text + "\n" * lost
    changed = code[: edit.start] + text + code[edit.end :]
    pairs = list(zip(code.split("\n"), changed.split("\n"), strict=True))
    at = next((i for i, (before, after) in enumerate(pairs) if before != after), 0)
    before, after = (line.strip() for line in pairs[at])
    line, name = cell.code_line + at, f"{cell.identity}:{operator}:{number}"
    places = (edit.start, edit.end, text)
    return Mutant(name, operator, dev.path, line, cell.identity, before, after, *places)


def _meaning(code: str) -> str:
    """The syntax tree in words; nothing for what does not compile."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = fresh_tree(code)
            compile(tree, "mutant", "exec", dont_inherit=True)
        except UNREADABLE:
            return ""
    return ast.dump(tree)


def _solution_lines(code: str) -> frozenset[int]:
    """The numbers of the lines between the markers, counted from 1."""
    inside, lines = False, set()
    for number, line in enumerate(code.split("\n"), start=1):
        if line.strip() in (BEGIN_SOLUTION, END_SOLUTION):
            inside = line.strip() == BEGIN_SOLUTION
        elif inside:
            lines.add(number)
    return frozenset(lines)


def _nodes(tree: ast.AST, lines: frozenset[int]) -> Iterator[ast.AST]:
    """The nodes of the regions that may be changed, outer ones first."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        # `for … in … if …` inside brackets has no line of its own.
        placed = node.target if isinstance(node, ast.comprehension) else node
        if getattr(placed, "lineno", None) in lines:
            yield node
        if not isinstance(node, (ast.Raise, ast.JoinedStr)) and _number(node) is None:
            waiting += ast.iter_child_nodes(node)


def _number(node: ast.AST) -> int | float | None:
    """The value of a number that is written out, with its sign."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _number(node.operand)
        return None if value is None else -value
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value  # type: ignore[return-value]
    return None


def _is(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value
