"""Rules for test cells: each defines tests, calls them, asserts, and says nothing on stderr."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator, Sequence

from tito.page import Fault, Page, called, dotted, functions, is_test_cell, rule

_BROAD = ("", "Exception", "BaseException", "AssertionError")
_TRIES: tuple[type[ast.stmt], ...] = (ast.Try, getattr(ast, "TryStar", ast.Try))
_STDERR = (
    "sys.stderr",
    "sys.__stderr__",
    "warnings.warn",
    "warnings.warn_explicit",
    "traceback.print_exc",
    "traceback.print_exception",
    "traceback.print_stack",
    "logging.debug",
    "logging.info",
    "logging.warning",
    "logging.error",
    "logging.exception",
    "logging.critical",
)


@rule("test-defined", "Every graded code cell defines a function test_*.")
def defined(page: Page) -> Iterator[Fault]:
    for cell, tree in page.tests:
        if not functions(tree, "test_"):
            hint = "put the assertions into `def test_…():` and call it below"
            yield Fault(cell.marker_line, "this graded cell defines no test", hint)


@rule("test-called", "A test cell ends by calling each test it defines, and nothing follows.")
def called_at_the_end(page: Page) -> Iterator[Fault]:
    for _, tree in page.tests:
        tests = {test.name: test for test in functions(tree, "test_")}
        body = tree.body[:-1] if _value_at_the_end(tree) else tree.body
        for statement in reversed(body):
            name = called(statement.value) if isinstance(statement, ast.Expr) else ""
            if name not in tests:
                break
            del tests[name]
        for name, test in tests.items():
            message = f"{name} is not called at the end of its cell"
            yield Fault(test.lineno, message, f"make `{name}()` the last line of the cell")


@rule("test-graded", "A cell that defines a test is graded and not exported.")
def graded(page: Page) -> Iterator[Fault]:
    for cell, tree in page.trees:
        for test in functions(tree, "test_"):
            if cell.exported:
                message = f"{test.name} is exported: importing the package would bring it along"
                yield Fault(test.lineno, message, "delete the directive of this cell")
            elif not cell.nbgrader.get("grade"):
                message = f"{test.name} stands in a cell that is not graded"
                hint = 'write "grade": true and "points": n in the metadata of this cell'
                yield Fault(test.lineno, message, hint)


@rule("test-duplicate", "A test's name stands once in a file.")
def unique(page: Page) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for _, tree in page.trees:
        for test in functions(tree, "test_"):
            earlier = first.setdefault(test.name, test.lineno)
            if earlier != test.lineno:
                message = f"{test.name} is defined in line {earlier} already"
                yield Fault(test.lineno, message, "rename it: the second would hide the first")


@rule("test-asserts", "A test asserts something that could fail.")
def asserts(page: Page) -> Iterator[Fault]:
    asserting = _asserting(page)
    for _, tree in page.tests:
        for test in functions(tree, "test_"):
            if test.name not in asserting:
                hint = "compare a result with the value it must have: `assert … == …`"
                yield Fault(test.lineno, f"{test.name} asserts nothing, so it cannot fail", hint)


@rule("test-swallows", "A test cell lets every error out, unless it asserts that one is raised.")
def swallows(page: Page) -> Iterator[Fault]:
    hint = "let the error out; to expect it, write `with pytest.raises(ValueError):`"
    for _, tree in page.tests:
        for statement, following in _statements(tree):
            for handler in _swallowing(statement, following):
                yield Fault(handler.lineno, "an error that is caught here is lost", hint)
        for node in ast.walk(tree):
            if called(node) in ("suppress", "contextlib.suppress"):
                line = getattr(node, "lineno", 1)
                yield Fault(line, "`suppress` hides errors from the test", hint)


@rule("test-stderr", "A test cell writes nothing to stderr: nbgrader would give no points for it.")
def stderr(page: Page) -> Iterator[Fault]:
    for _, tree in page.tests:
        for node in ast.walk(tree):
            names = [dotted(node)] if isinstance(node, ast.Attribute) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in names:
                if name in _STDERR:
                    message = f"`{name}` leads to stderr, and nbgrader gives 0 points for that"
                    hint = "raise an AssertionError, or print to stdout"
                    yield Fault(getattr(node, "lineno", 1), message, hint)


@rule("test-value", "A test cell ends without a value: nbgrader would read a number as the points.")
def value(page: Page) -> Iterator[Fault]:
    for _, tree in page.tests:
        if _value_at_the_end(tree):
            message = "the cell ends in a value, which nbgrader may read as points"
            yield Fault(tree.body[-1].lineno, message, "delete the line, or assert what it must be")
        for test in functions(tree, "test_"):
            for node in _own_nodes(test):
                if isinstance(node, ast.Return) and node.value is not None:
                    message = f"{test.name} returns a value, which nbgrader may read as points"
                    yield Fault(node.lineno, message, "assert instead of returning")


def _value_at_the_end(tree: ast.Module) -> bool:
    last = tree.body[-1] if tree.body else None
    return isinstance(last, ast.Expr) and not isinstance(last.value, ast.Call)


def _own_nodes(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions and classes inside it."""
    waiting: list[ast.AST] = list(function.body)
    inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, inner):
            waiting += ast.iter_child_nodes(node)


def _asserting(page: Page) -> set[str]:
    """The functions of tests and helpers that assert, by themselves or through one another."""
    trees = [tree for cell, tree in page.trees if is_test_cell(cell) or not cell.exported]
    local = {function.name for tree in trees for function in functions(tree)}
    shared = {name for tree in trees for node in tree.body for name in _aliases(node, local)}
    callers: dict[str, set[str]] = {}
    waiting: list[str] = []
    for function in (function for tree in trees for function in functions(tree)):
        nodes = list(ast.walk(function))
        names = {called(node) for node in nodes}
        aliases = shared.union(*(_aliases(node, local) for node in nodes))
        if names & aliases or any(_asserts(node, local) for node in nodes):
            waiting.append(function.name)
        for name in names:
            callers.setdefault(name, set()).add(function.name)
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += callers.get(name, ())
    return found


def _aliases(node: ast.AST, local: Container[str]) -> set[str]:
    """The names that a line such as `close = np.testing.assert_allclose` gives an assertion."""
    if not isinstance(node, ast.Assign):
        return set()
    inner = [item for item in ast.walk(node.value) if isinstance(item, (ast.Name, ast.Attribute))]
    if not any(_is_assertion(dotted(item), local) for item in inner):
        return set()
    return {target.id for target in node.targets if isinstance(target, ast.Name)}


def _is_assertion(name: str, local: Container[str]) -> bool:
    """True for assertions of libraries. What functions of the file do, their names do not say."""
    last = name.rpartition(".")[2]
    return name not in local and (last.startswith("assert") or last in ("raises", "warns"))


def _asserts(node: ast.AST, local: Container[str] = ()) -> bool:
    if isinstance(node, ast.Assert):
        # A constant or a tuple (`assert (x, "message")`) never changes.
        return not isinstance(node.test, (ast.Constant, ast.Tuple))
    if isinstance(node, ast.Raise) and node.exc is not None:
        return "AssertionError" in (called(node.exc), dotted(node.exc))
    return _is_assertion(called(node), local)


def _statements(tree: ast.Module) -> Iterator[tuple[ast.stmt, Sequence[ast.stmt]]]:
    """Every statement that catches errors, with the one that follows it, if any."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, [])
            # The body of a lambda or a conditional expression is no list.
            block = block if isinstance(block, list) else []
            for index, statement in enumerate(block):
                if isinstance(statement, _TRIES):
                    yield statement, block[index + 1 : index + 2]


def _swallowing(node: ast.stmt, following: Sequence[ast.stmt]) -> Iterator[ast.ExceptHandler]:
    """The handlers that do nothing about an error, where no error is a failure either."""
    body: Sequence[ast.stmt] = getattr(node, "body", ())
    if _raises_for_failure(getattr(node, "orelse", ())):
        return
    for handler in getattr(node, "handlers", ()):
        leaves = isinstance(handler.body[-1], (ast.Return, ast.Continue))
        expected = leaves and _raises_for_failure(following)
        expected = expected or (_narrow(handler) and _raises_for_failure(body))
        if not expected and all(_idle(statement) for statement in handler.body):
            yield handler


def _raises_for_failure(statements: Sequence[ast.stmt]) -> bool:
    """`raise AssertionError` or `assert False`: getting here means that the test fails."""
    for statement in statements:
        if isinstance(statement, ast.Raise) and _asserts(statement):
            return True
        if isinstance(statement, ast.Assert) and isinstance(statement.test, ast.Constant):
            return not statement.test.value
    return False


def _narrow(handler: ast.ExceptHandler) -> bool:
    caught = handler.type
    types = caught.elts if isinstance(caught, ast.Tuple) else [caught] if caught else []
    return bool(types) and not any(dotted(item) in _BROAD for item in types)


def _idle(statement: ast.stmt) -> bool:
    """True for a statement that leaves no trace of the error."""
    if isinstance(statement, ast.Return):
        return True
    if isinstance(statement, ast.Expr):
        return not _asserts(statement.value)
    return isinstance(statement, (ast.Pass, ast.Continue, ast.Break))


RULES = (
    defined,
    called_at_the_end,
    graded,
    unique,
    asserts,
    swallows,
    stderr,
    value,
)
