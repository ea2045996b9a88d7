"""What the contract calls a break agrees with what Python accepts, by making the calls."""

from __future__ import annotations

import inspect
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tito.contract import breaks

SIGNATURES = [
    ("(x)", "(x)", ""),
    ("(x)", "(x, y=1)", ""),
    ("(x)", "(x, *, y=1)", ""),
    ("(x)", "(x, *more, **others)", ""),
    ("(x, y=1)", "(*all, **named)", ""),
    ("(x, /)", "(renamed, /)", ""),
    ("(x, /)", "(x)", ""),
    ("(*, k=1)", "(k=1)", ""),
    ("(*, k=1)", "(**others)", ""),
    ("(x)", "(x=1)", ""),
    ("(x=(1, 2))", "(x=f((3)))", ""),
    ("classmethod (x=(1, 2))", "classmethod (x)", "'x' has lost its default"),
    ("(x, y)", "(x)", "'y' is gone"),
    ("(x)", "(z)", "'x' is gone or renamed: 'z' stands in its place"),
    ("(x, y)", "(y, x)", "'x' has moved"),
    ("(x, y=1)", "(x, new=2, y=1)", "'y' has moved"),
    ("(x)", "(x, y)", "the new parameter 'y' needs a value"),
    ("(x)", "(x, *, y)", "the new parameter 'y' needs a value"),
    ("(x=1)", "(x)", "'x' has lost its default"),
    ("(*, k=1)", "(*, k)", "'k' has lost its default"),
    ("(x=1, /)", "(y, /)", "'x' has lost its default"),
    ("(x)", "(x, /)", "'x' can no longer be given by name"),
    ("(x)", "(*, x)", "'x' can no longer be given by position"),
    ("(*, k)", "()", "'k' is gone"),
    ("(x, /)", "()", "'x' is gone"),
    ("(*x)", "()", "no further positional"),
    ("(**x)", "()", "no further named"),
    ("(x)", "(*x)", "'x' is gone"),
    ("(x)", "(*rest, x)", "'x' can no longer be given by position"),
    ("(*rest)", "(x=0, *rest)", "'x' now takes a positional argument"),
    ("(x, /, **more)", "(x, **more)", "'x' can no longer be the name of another"),
    ("(x, /, *, y)", "(y)", "'y' can no longer be the name of another"),
    ("(x, y, /)", "(x, new, y, /)", "the new parameter 'y' needs a value"),
    ("()", "classmethod ()", "was a plain method and is now a classmethod"),
]


@pytest.mark.parametrize(("old", "new", "message"), SIGNATURES)
def test_signatures(old: str, new: str, message: str) -> None:
    problems = breaks(old, new)
    if message:
        assert len(problems) >= 1
        assert any(message in problem for problem in problems), problems
    else:
        assert problems == []


@st.composite
def signatures(draw: st.DrawFn) -> str:
    """A valid signature of up to four parameters named a to d, of every kind."""
    names = draw(st.permutations("abcd"))[: draw(st.integers(0, 4))]
    order = ["positional", "any", "keyword"]
    kinds = sorted(draw(st.sampled_from(order)) for _ in names) if names else []
    kinds.sort(key=order.index)
    optional, parts, starred = False, list[str](), False
    rest = draw(st.booleans())
    for index, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        if kind == "keyword" and not starred:
            parts.append("*rest" if rest else "*")
            starred, optional = True, False
        optional = draw(st.booleans()) or (optional and kind != "keyword")
        parts.append(f"{name}=0" if optional else name)
        if kind == "positional" and kinds[index + 1 : index + 2] != ["positional"]:
            parts.append("/")
    if rest and not starred:
        parts.append("*rest")
    parts += ["**more"] if draw(st.booleans()) else []
    return f"({', '.join(parts)})"


def call(text: str, count: int, named: frozenset[str]) -> dict[str, object]:
    """What each parameter receives from such a call; nothing known if the call is refused."""
    function = eval(f"lambda {text[1:-1]}: locals()")
    try:
        return {**function(*range(count), **{name: name for name in named}), "refused": False}
    except TypeError:
        return {"refused": True}


CALLS = [
    (count, frozenset(named))
    for count in range(6)
    for size in range(5)
    for named in itertools.combinations("abcde", size)
]


def loses(old: str, new: str) -> list[str]:
    """What a caller of `old` loses in `new`, by trying every call of a few arguments."""
    parameters = inspect.signature(eval(f"lambda {old[1:-1]}: 0")).parameters.values()
    named = [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    lost = []
    for count, keywords in CALLS:
        first = call(old, count, keywords)
        second = call(new, count, keywords)
        if first["refused"]:
            continue
        moved = (n for n in named if first[n] != second.get(n, first[n]))
        if second["refused"] or any(moved):
            lost.append(f"{count} and {sorted(keywords)}: {first} and {second}")
    return lost


@settings(max_examples=200, deadline=None, derandomize=True)
@given(signatures(), signatures())
def test_breaks_agree_with_what_python_binds(old: str, new: str) -> None:
    """No problem told: every call still fits, and every name receives what it did."""
    if not breaks(old, new):
        assert loses(old, new) == []
