"""Reports as Markdown and as workflow commands, whatever somebody wrote into them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tito.report import CheckpointResult, Finding, GateResult, Report
from tito.summary import (
    LARGEST_SUMMARY,
    MOST_ANNOTATIONS,
    block,
    code,
    markdown,
    verdict,
    visible,
    workflow_commands,
)

HOSTILE = [
    "@everyone and #1 and acme/course#2",
    "[link](https://example.org) ![image](https://example.org/a.png)",
    "<img src=x onerror=alert(1)><!-- marker --> --> </details>",
    "`one` ``two`` ```` four",
    "`",
    "``` \n```\n# heading\n",
    "~~~\n</details>\n~~~",
    "a | b \\| c",
    "line\r\n::error file=x::planted\n::set-output name=a::b",
    "\r::stop-commands::x",
    "%0A::error::x",
    "\u202egnp.exe\u202c \u200b \u2066 \ufeff \x1b[31m \x00 \x85 \u2028",
    " ",
    "",
    "\ud800",
    "a, file=b: c",
    "https://example.org www.example.org a@example.org",
    "$`x`$ $$y$$",
    "&lt;b&gt; &#64;name",
]
TEXT = st.sampled_from(HOSTILE) | st.text(max_size=80) | st.text("`|\\<>@![]()\n ", max_size=40)


def finding(text: str, severity: str = "error") -> Finding:
    return Finding(text, severity, text, 3, text, text, text)  # type: ignore[arg-type]


def report(text: str) -> Report:
    found = (finding(text), finding(text, "warning"), finding(text, "notice"))
    gates = (GateResult(text, "failed", found, text), GateResult("x", "error", (), text))
    return Report(gates, (CheckpointResult(text, text, "to run again"),), text, text)


def tokens(text: str) -> list[Token]:
    parsed = MarkdownIt("commonmark").enable("table").parse(text)
    return [inner for token in parsed for inner in (token, *(token.children or ()))]


HARMLESS = tokens(markdown(report("a")))


@given(TEXT.filter(bool))
def test_no_text_of_others_is_markdown(text: str) -> None:
    """The outline is that of a harmless report, and so is all that stands outside of code."""
    found = tokens(markdown(report(text)))
    assert [token.type for token in found] == [token.type for token in HARMLESS]
    assert outside_code(found) == outside_code(HARMLESS)


def outside_code(found: list[Token]) -> list[str]:
    return [token.content for token in found if token.type in ("text", "html_block", "html_inline")]


@given(TEXT)
def test_markdown_has_no_hidden_character(text: str) -> None:
    made = markdown(report(text))
    assert visible(made, lines=True) == made
    made.encode()


@given(TEXT)
def test_a_code_span_is_one_and_says_the_text(text: str) -> None:
    (inline,) = [t for t in tokens(f"a {code(text)} b") if t.type == "inline"]
    kinds = [(child.type, child.content) for child in inline.children or ()]
    assert [kind for kind, _ in kinds] == ["text", "code_inline", "text"]
    assert kinds[1][1] == (visible(text).replace("|", "¦").strip() or "–")


@given(TEXT)
def test_a_code_block_is_one_and_says_the_text(text: str) -> None:
    (fence,) = tokens(block(text))
    assert fence.type == "fence"
    assert fence.content == visible(text.replace("\r\n", "\n"), lines=True) + "\n"


@given(TEXT)
def test_an_annotation_is_one_line_and_one_command(text: str) -> None:
    lines = workflow_commands(report(text))
    assert len(lines) == 2  # no notice
    for line in lines:
        assert len(line.splitlines()) == 1
        match = re.fullmatch(r"::(error|warning) ((?:\w+=[^,:]*)(?:,\w+=[^,:]*)*)::(.*)", line)
        assert match is not None
        keys = [pair.partition("=")[0] for pair in match[2].split(",")]
        assert keys in (["file", "line", "title"], ["line", "title"], ["line"])
        assert re.sub("%(25|0A|3A|2C)", "", line).count("%") == 0


def test_an_annotation_says_what_is_wrong_and_what_to_do() -> None:
    wrong = Finding("export-syntax", "error", "a b.py", 3, "100% wrong:\nso", "mend it", "c-1")
    (line,) = workflow_commands(Report((GateResult("export", "failed", (wrong,), ""),)))
    title = "title=export-syntax%2C cell c-1"
    assert line == f"::error file=a b.py,line=3,{title}::100%25 wrong:%0Aso%0A→ mend it"


def test_errors_are_annotated_first_once_and_no_more_than_are_shown() -> None:
    many = [Finding("r", "warning", f"a{n:02}.py", 0, "m") for n in range(20)]
    error = Finding("r", "error", "z.py", 1, "m")
    gates = (GateResult("a", "failed", (*many, error), ""), GateResult("b", "failed", (error,), ""))
    lines = workflow_commands(Report(gates))
    assert len(lines) == MOST_ANNOTATIONS
    assert lines[0].startswith("::error file=z.py,line=1")
    assert sum(line.startswith("::error") for line in lines) == 1
    assert lines[1] == "::warning file=a00.py,title=r::m"


@pytest.mark.parametrize("size", [400, LARGEST_SUMMARY])
def test_a_summary_fits_and_says_what_it_leaves_out(size: int) -> None:
    many = tuple(Finding("r", "error", f"{n}.py", 0, "🧠" * 3000) for n in range(200))
    made = markdown(Report((GateResult("a", "failed", many, "tito gate a"),)), room=size + 4096)
    assert len(made.encode()) <= size + 4096
    assert made.startswith("## 1 of 1 gates failed")
    assert "more parts did not fit: the log holds them all." in made
    kinds = [token.type for token in tokens(made)]
    assert kinds.count("fence") == made.count("```text")


def test_a_summary_shows_gates_checkpoints_and_findings() -> None:
    wrong = Finding("package-edited", "error", "tinytorch/a.py", 3, "edited", "mend it", "c-1")
    note = Finding("not-written", "notice", "classroom.yml", 0, "two modules")
    made = markdown(
        Report(
            (GateResult("export", "failed", (wrong, note), "tito gate export"),),
            (CheckpointResult("01_a", "Can I?", "passed"),),
            "1" * 40,
            "2" * 40,
        )
    )
    for part in (
        "## 1 of 1 gates failed\n",
        f"judged commit `{'1' * 40}` · head of the pull request `{'2' * 40}`",
        "| `export` | ✗ failed | 1 | `tito gate export` |",
        "- ✓ passed: `01_a` `Can I?`",
        "**✗ error** `tinytorch/a.py:3`, cell `c-1` (`package-edited`)\n\n```text\nedited\n```",
        "→ `mend it`",
        "<details><summary>1 notes</summary>",
    ):
        assert part in made
    assert made.index("edited") < made.index("two modules")


def test_long_texts_are_cut_and_that_is_seen() -> None:
    assert code("x" * 1000) == f"`{'x' * 300}…`"
    assert block("x" * 5000).endswith("\n…\n```")


def result(status: str) -> GateResult:
    return GateResult("g", status, (), "")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (["passed", "passed"], "All 2 gates passed"),
        ([], "No gate has run, which counts as failed"),
        (["failed", "passed"], "1 of 2 gates failed"),
        (["error", "failed"], "2 of 2 gates failed, 1 of them because it could not run"),
    ],
)
def test_the_verdict_in_one_sentence(states: list[str], words: str) -> None:
    assert verdict(Report(tuple(map(result, states)))) == words
