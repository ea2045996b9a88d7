"""Each operator makes the changes its line of the table says, inside solutions and nowhere else."""

from __future__ import annotations

import ast
import textwrap

import pytest

from tests.unit.written_module import marker
from tito.mutation import OPERATORS, Mutant, mutants
from tito.source import DevFile, parse

PATH = "modules/source/01_small/small_dev.py"


def dev(body: str, *, export: bool = True, before: str = "    z = 1 + 1\n") -> DevFile:
    """A function whose solution is `body`, below two lines that are the student's to read."""
    lines = textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")
    return parse(
        f"{marker('f', 's')}{'#| export' if export else '# none'}\n"
        f'def f(x, y):\n    """Adds 1 to 2."""\n{before}'
        f"    ### BEGIN SOLUTION\n{lines}\n    ### END SOLUTION\n",
        PATH,
    )


def made(body: str, operator: str) -> list[str]:
    """The changed lines of one operator, in their order."""
    return [mutant.after for mutant in mutants(dev(body)) if mutant.operator == operator]


def whole(body: str, operator: str) -> list[str]:
    """The changed solutions, where a change has several lines."""
    file = dev(body)
    cell = file.exported[0]
    texts = [m.applied(cell.code) for m in mutants(file) if m.operator == operator]
    regions = [text.split("SOLUTION\n")[1].rpartition("\n    ### END")[0] for text in texts]
    return [textwrap.dedent(region) for region in regions]


CASES = [
    ("broadcast", "x.sum(axis=y, keepdims=True)", ["x.sum(axis=y, keepdims=False)"]),
    ("broadcast", "x.sum(axis=y, keepdims=False)", []),
    ("broadcast", "(x + y)[:, None] * x[0]", ["(x + y) * x[0]"]),
    ("broadcast", "x[..., np.newaxis]", ["x"]),
    ("broadcast", "x.T.reshape(2, -1).sum()", ["x.T.sum()"]),
    ("broadcast", "(x + y).reshape(2)", ["(x + y)"]),
    ("broadcast", "np.broadcast_to(x + y, s) * y", ["(x + y) * y"]),
    ("broadcast", "np.expand_dims(x, y)", ["(x)"]),
    ("axis-or-argument", "x.sum(axis=0)", ["x.sum(axis=-1)"]),
    ("axis-or-argument", "x.max(axis=-1) + x.max(dim=1)",
     ["x.max(axis=0) + x.max(dim=1)", "x.max(axis=-1) + x.max(dim=0)"]),
    ("axis-or-argument", "g(x, y, 2)", ["g(y, x, 2)", "g(x, 2, y)"]),
    ("axis-or-argument", "g(*x, y) + g(x, x) + g(x) + np.maximum(x, y)", []),
    ("axis-or-argument", "x.transpose(0, 1)", ["x.transpose(1, 0)"]),
    ("axis-or-argument", "x.permute((0, 2, 1))", ["x.permute((0, 1, 2))"]),
    ("arithmetic", "(x + y) * x", ["(x + y) / x", "(x - y) * x"]),
    ("arithmetic", "x - y / x", ["x + y / x", "x - y * x"]),
    ("arithmetic", "x // y", ["x / y"]),
    ("arithmetic", "x % y", ["x * y"]),
    ("arithmetic", "x ** y", ["x * y"]),
    ("arithmetic", "x @ y", ["x * y"]),
    ("arithmetic", "g(-x, -1)", ["g(x, -1)"]),
    ("comparison", "x < y <= x", ["x <= y <= x", "x < y < x"]),
    ("comparison", "x > y or x >= y", ["x >= y or x >= y", "x > y or x > y"]),
    ("comparison", "x == y", ["x != y"]),
    ("comparison", "x != y", ["x == y"]),
    ("comparison", "x is y", ["x is not y"]),
    ("comparison", "x is  not y", ["x is y"]),
    ("comparison", "x in y", ["x not in y"]),
    ("comparison", "x not in y", ["x in y"]),
    ("boolean", "x and y and z", ["x or y and z", "x and y or z"]),
    ("boolean", "x or y", ["x and y"]),
    ("boolean", "(x & y) | z", ["(x & y) & z", "(x | y) | z"]),
    ("boolean", "g(not x, True)", ["g( x, True)", "g(not x, False)"]),
    ("boolean", "x if y else z", ["x if (not (y)) else z"]),
    ("boolean", "[a for a in x if a]", ["[a for a in x if (not (a))]"]),
    ("constant", "x + 2", ["x + 1", "x + 3"]),
    ("constant", "x * 0.5", ["x * -0.5", "x * 1.5"]),
    ("constant", "x[-1]", ["x[-2]", "x[0]"]),
    ("constant", "g('1', None, True, 1j)", []),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "value", "expected"), CASES)
def test_an_expression(operator: str, value: str, expected: list[str]) -> None:
    found = made(f"return {value}", operator)
    assert sorted(found) == sorted(f"return {each}" for each in expected)


def test_assignments_are_changed_too() -> None:
    assert made("x += y", "arithmetic") == ["x -= y"]
    assert made("x |= y", "boolean") == ["x &= y"]
    assert made("if x:\n    x = y", "boolean") == ["if (not (x)):"]
    assert made("while not x:\n    x = y", "boolean") == ["while  x:"]


def test_a_simple_statement_is_dropped() -> None:
    body = """
    "Not a statement that does anything."
    for a in x:
        if a:
            continue
        y[a] = 1; y.sort()
    pass
    return y
    """
    after = ["pass", "pass; y.sort()", "y[a] = 1; pass", "pass"]
    assert made(body, "statement") == after


def test_lines_stay_where_they_are() -> None:
    body = "return g(\n    x,\n    y,\n)"
    assert whole(body, "statement") == ["pass\n\n\n"]
    assert whole(body, "axis-or-argument") == ["return g(\n    y,\n    x,\n)"]
    file = dev(body)
    for mutant in mutants(file):
        changed = mutant.applied(file.exported[0].code)
        assert changed.count("\n") == file.exported[0].code.count("\n")
    (dropped,) = [m for m in mutants(file) if m.operator == "statement"]
    (swapped,) = [m for m in mutants(file) if m.operator == "axis-or-argument"]
    lines = file.text.split("\n")
    assert lines[dropped.line - 1].strip() == dropped.before == "return g("
    assert lines[swapped.line - 1].strip() == swapped.before == "x,"
    assert (swapped.change, swapped.path) == ("x, → y,", PATH)


def test_columns_are_counted_in_characters() -> None:
    assert made("return g('größer', x + y)", "arithmetic") == ["return g('größer', x - y)"]


def test_what_is_raised_and_said_stays() -> None:
    body = 'if x:\n    raise ValueError(f"{x + 1}", x + 2)\nreturn f"{x - 1}" % "3"'
    found = mutants(dev(body))
    assert [(m.operator, m.after) for m in found] == [
        ("arithmetic", 'return f"{x - 1}" * "3"'),
        ("boolean", "if (not (x)):"),
        ("statement", "pass"),
        ("statement", "pass"),
    ]


def test_what_does_not_compile_is_none() -> None:
    """Without the reshape a line would begin with `+`: no Python outside of brackets."""
    assert made("y = x.reshape(\n    2) + 1", "broadcast") == []
    assert made("return x is \\\n    not y", "comparison") == []
    assert made("y = (x.reshape(\n    2) + 1)", "broadcast") == ["y = (x"]


def test_of_two_operators_with_the_same_result_the_first_has_it() -> None:
    body = "return x.sum(axis=1)"
    assert made(body, "axis-or-argument") == ["return x.sum(axis=0)"]
    assert made(body, "constant") == ["return x.sum(axis=2)"]


def test_only_exported_solutions_are_changed() -> None:
    assert mutants(dev("return x + y", export=False)) == ()
    without = parse(f"{marker('f', 's')}#| export\ndef f(x):\n    return x + 1\n", PATH)
    assert mutants(without) == ()
    lines = {mutant.line for mutant in mutants(dev("return x + y"))}
    assert lines == {7}


def test_ids_name_cell_operator_and_number() -> None:
    body = "x = x + y - 1\nreturn x"
    found: tuple[Mutant, ...] = mutants(dev(body))
    assert [mutant.id for mutant in found] == [
        "small-f:arithmetic:1", "small-f:arithmetic:2",
        "small-f:constant:1", "small-f:constant:2",
        "small-f:statement:1", "small-f:statement:2",
    ]  # fmt: skip
    assert found == mutants(dev(body))
    code = dev(body).exported[0].code
    assert len({ast.dump(ast.parse(m.applied(code))) for m in found}) == len(found)


def test_every_operator_says_what_it_does_and_has_a_case() -> None:
    names = [operator.name for operator in OPERATORS]
    assert len(set(names)) == len(names) == 7
    assert all(operator.what for operator in OPERATORS)
    assert set(names) == {case[0] for case in CASES} | {"statement"}
