"""Whatever a report holds, nothing of it becomes more than text."""

from __future__ import annotations

import unicodedata

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile.texts import TEXTS
from tests.unit.bot.harmless import PARSER, complaints
from tito.cli import tito
from tito.untrusted import (
    ODD,
    cell,
    code,
    command,
    fence,
    linkable,
    one_line,
    plain,
    prose,
    prose_cell,
)

pieces = st.one_of(st.text(max_size=40), st.sampled_from(TEXTS), st.text("`|\\ <>@#[]()!*_~-\n"))
hostile = st.lists(pieces, max_size=6).map("".join)


@given(hostile)
def test_a_code_span_is_one_code_span(text: str) -> None:
    tokens = PARSER.parseInline(f"a {code(text)} b")[0].children or []
    assert [token.type for token in tokens] == ["text", "code_inline", "text"]


@given(hostile)
def test_a_cell_stays_one_cell(text: str) -> None:
    table = f"| a | b |\n| --- | --- |\n| {cell(text)} | end |"
    tokens = PARSER.parse(table)
    assert [token.type for token in tokens].count("td_open") == 2
    row = [token for token in tokens if token.type == "inline"][2:]
    assert [child.type for child in row[0].children or []] == ["code_inline"]
    assert row[1].content == "end"


@given(hostile)
def test_prose_holds_only_plain_words_and_code(text: str) -> None:
    shown = prose(text) or "no message"
    assert "\n" not in shown
    for placed in (f"Next: {shown}", f"1. **{shown}**", f"> {shown} and more"):
        assert complaints(placed) == []
    tokens = PARSER.parseInline(f"Next: {shown}")[0].children or []
    assert {token.type for token in tokens} <= {"text", "code_inline"}


@given(hostile)
def test_a_fence_holds_everything_to_its_end(text: str) -> None:
    tokens = PARSER.parse(f"before\n\n{fence(text)}\n\nafter")
    kinds = [
        token.type for token in tokens if token.type not in ("paragraph_open", "paragraph_close")
    ]
    assert kinds == ["inline", "fence", "inline"]


@given(hostile)
def test_nothing_hidden_is_left(text: str) -> None:
    for shown in (one_line(text, 300), code(text), prose(text), fence(text).replace("\n", "")):
        assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


@given(hostile, st.integers(2, 50))
def test_a_line_is_no_longer_than_asked_for(text: str, longest: int) -> None:
    assert len(one_line(text, longest)) <= longest


def test_what_hides_or_reorders_is_shown_as_odd() -> None:
    assert one_line("a\u202eb\u200bc\x00d", 50) == f"a{ODD}b{ODD}c{ODD}d"
    assert one_line("\x1b[31mred\x1b[0m", 50) == "red"
    assert one_line("e" + "\u0301" * 50, 50) == "e\u0301\u0301"


def test_a_long_word_is_cut_and_says_so() -> None:
    assert one_line("x" * 1000, 300) == "x" * 99 + "…"
    assert one_line("a b " * 100, 10) == "a b a b a…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("'(' was never closed", "'(' was never closed"),
        ("write `#| default_exp core.first`", "write `#| default_exp core.first`"),
        ("thanks, @acme/teachers: merge it", "thanks, `@acme/teachers`: merge it"),
        ("closes #1 and GH-2 at deadbeef", "closes `#1` and `GH-2` at `deadbeef`"),
        ("see www.evil.example!", "see `www.evil.example`!"),
        ("(`a`, `b`)", "(`a`, `b`)"),
        ("`a``b`", "`ab`"),
        ("`a`@b", "`a@b`"),
        ("50% of 12 tests", "50% of 12 tests"),
        ("tito module test 03", "`tito module test 03`"),
        ("mend it, then: tito export --all.", "mend it, then: `tito export --all`."),
        ("tito module reset 02", "tito module reset 02"),
        (
            "test_add: assert [-2.0, 1] == [4.0, (6)]",
            "`test_add`: assert `[-2.0, 1] == [4.0, (6)]`",
        ),
        ("at (0, 0) f(x, y), then", "at (0, 0) `f(x, y)`, then"),
        ("[a `b` c] d", "`[a` `b` `c]` d"),
        ("a]x ((b) c", "`a]x` ((b) c"),
        ("tito module test 03;rm -f", "tito module test `03;rm -f`"),
        ("don't stop – go on…", "don't stop – go on…"),
        ("", ""),
    ],
)
def test_plain_words_stay_plain_and_the_rest_is_code(text: str, shown: str) -> None:
    assert prose(text) == shown


def test_spans_choose_ticks_that_the_text_does_not_hold() -> None:
    assert code("a`b``c") == "```a`b``c```"
    assert code("`a`") == "`` `a` ``"
    assert code(" \n ") == "`(empty)`"
    assert cell("a|b") == "`a¦b`"


def test_a_long_trace_keeps_its_beginning_and_its_end() -> None:
    lines = fence("\n".join(f"line {i}" for i in range(100))).split("\n")
    assert len(lines) == 32
    assert lines[1] == "line 0"
    assert "71 lines left out" in lines[6]
    assert lines[-2] == "line 99"
    assert fence("```\nx") == "````text\n```\nx\n````"
    assert fence("x" * 500) == "```text\n" + "x" * 199 + "…\n```"


@pytest.mark.parametrize(
    "text",
    [
        "tito gate export",
        "tito gate commit-messages --base origin/main",
        "tito module list",
        "tito module test 03",
        "tito module notebook 02_tensor",
        "tito checkpoint status",
        "tito checkpoint test 03",
        "tito package validate",
        "tito package api --write",
        "tito export",
        "tito export --all",
    ],
)
def test_a_call_of_tito_is_a_command(text: str) -> None:
    assert command(text) == text
    group = tito.get_command(click.Context(tito), text.split()[1])
    assert group is not None
    if isinstance(group, click.Group) and "gate" not in text:
        assert group.get_command(click.Context(group), text.split()[2]) is not None


@pytest.mark.parametrize(
    "text",
    ["", "tito", "rm -rf ~", "tito gate export; rm -rf ~", "tito $(x)", "tito `x`", "tito a\nb",
     "tito gate export | sh", "tito  gate", "titox gate", "tito gate " + "a" * 200, "tito a > b",
     # Calls that could overwrite a file, or undo work.
     "tito gate export --json=classroom.yml", "tito report merge --output=.git/config",
     "tito gate export --base --json", "tito module reset 02", "tito system clean",
     "tito module test ../x"],
)  # fmt: skip
def test_nothing_else_is_a_command(text: str) -> None:
    assert command(text) is None


def test_only_plain_relative_paths_are_linked() -> None:
    assert linkable("modules/source/02_tensor/tensor_dev.py")
    for path in ("", "/etc/passwd", "../x", "a/../b", "a//b", "a b", "a#b", "a?b", "a)b", "a%2e", "-x",
                 "ä.py", "a" * 300, "a/", ".git/config", "http://x"):  # fmt: skip
        assert not linkable(path)


def test_the_name_of_a_gate_is_plain_everywhere() -> None:
    assert plain("export")
    assert plain("commit-messages")
    for name in ("", "Export", "a b", "a_b", "@ann", "<b>", "a" * 31, "export\n", "deadbeef", "-a"):
        assert not plain(name)


@given(hostile)
def test_prose_in_a_cell_stays_in_it(text: str) -> None:
    table = f"| a | b |\n| --- | --- |\n| {prose_cell(text)} | end |"
    tokens = PARSER.parse(table)
    assert [token.type for token in tokens].count("td_open") == 2
    assert [token.content for token in tokens if token.type == "inline"][-1] == "end"
    assert complaints(table) == []


def test_the_checker_itself_sees_what_gets_out() -> None:
    """Every kind of complaint, on a comment that is not escaped."""
    for text in ("@user", "#12", "https://evil.example", "[a](https://evil.example)", "![a](b)",
                 "*a*", "~~a~~", "a <b>c</b>", "<details>", "# Heading", "```sh\nx\n```", "---",
                 "$x$", "- [x] done", "> [!NOTE]\n> x", "a[^1]", "<a href=x>", "</p>", "<!-- x -->", "<br/>",
                 "### ✓ Every gate <b>passed</b>", "<details><summary>x</summary>\n\n</details>", "<?x?>", "<!x>",
                 "abcdef1", ":smile:", "<p class=x>y</p>", "ann@example.org"):  # fmt: skip
        assert complaints(f"Start\n\n{text}") != [], text
