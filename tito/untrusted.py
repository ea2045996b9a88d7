"""The one place where text from a pull request is made harmless for Markdown.

Whoever opens a pull request can write its report. Nothing in it may become a link, an image, HTML,
a mention or a fence. Two ideas do it: a code span, inside which GitHub reads nothing; and an allow
list of plain words, outside of which every word stands in a code span.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

ODD = "\N{REPLACEMENT CHARACTER}"
"""Stands where a character was that hides, reorders or controls."""

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
_MARKS = frozenset(("Mn", "Me"))
_MOST_MARKS = 2
_LONGEST_WORD = 100
_MOST_LINES = 30
_FIRST_LINES = 5
_LONGEST_LINE = 200

_COMMAND = re.compile(
    r"tito (?:gate [a-z]+(?:-[a-z]+)*(?: --base [A-Za-z0-9][A-Za-z0-9_./-]*)?"
    r"|module (?:list|(?:test|export|complete|validate|notebook) [0-9a-z_]+)"
    r"|checkpoint (?:status|(?:test|run) [0-9a-z_]+)"
    r"|package (?:validate|test|api --write)"
    r"|feedback(?: --assignment [a-z][a-z0-9-]*)?"
    r"|export(?: --all)?)"
)
"""Calls of tito that look, run tests, or write what only tito writes. None that names a file."""

_WORD = re.compile(
    rf"(?P<space>\s*)(?:`(?P<quoted>[^`]*[^`\s][^`]*)`"
    rf"|(?P<command>{_COMMAND.pattern})(?=[,;:.!?…)]*(?:\s|$))"
    r"|(?P<word>(?:(?!`[^`]*[^`\s][^`]*`)\S)+))"
)
_PLAIN = re.compile(
    r"""["'(]*(?:[^\W\d_]+(?:['’-][^\W\d_]+)*|\d{1,6}%?)[)"',;:.!?…]*"""  # a word or number
    r"""|[)"',;:.!?…]+|["'(]+|[–—→]""",  # what stands beside a code span, and dashes
)
_AFTER = ",;:.!?…"
"""Punctuation that may follow a code span instead of standing in it."""
_ENDS = re.compile(rf"[{_AFTER}]*(?:\s|$)")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_NAME = re.compile(r"(?=.{1,30}$)[a-z]+(?:-[a-z]+)*")
_SLUG = re.compile(r"(?=.{1,60}$)[0-9]{2}(?:_[a-z0-9]+)+")
_LINKABLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")


def _visible(text: str) -> str:
    """`text` without terminal colours; other hidden characters shown as ODD, marks not piled up."""
    if text.isascii() and text.isprintable():
        return text  # almost always, and a hundred times faster
    shown: list[str] = []
    marks = 0
    for character in _ESCAPES.sub("", text):
        category = unicodedata.category(character)
        marks = marks + 1 if category in _MARKS else 0
        if marks <= _MOST_MARKS:
            shown.append(ODD if category in _HIDDEN else character)
    return "".join(shown)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def one_line(text: str, longest: int) -> str:
    """Plain text of at most `longest` characters: no line end, nothing hidden, no endless word."""
    # Cut before anything else: the rest of a megabyte is not worth cleaning.
    words = _visible(" ".join(text[: 4 * longest].split())).split()
    line = " ".join(_cut(word, _LONGEST_WORD) for word in words)
    return _cut(line + (" …" if len(text) > 4 * longest else ""), longest)


def code(text: str, longest: int = 200) -> str:
    """A code span on one line. Not for table cells: see `cell`."""
    return _span(one_line(text, longest) or "(empty)")


def cell(text: str, longest: int = 100) -> str:
    """A code span for a table cell. A pipe is shown broken: escapes differ between parsers."""
    return code(text, longest).replace("|", "¦")


def prose_cell(text: str, longest: int = 100) -> str:
    """A sentence for a table cell."""
    return prose(text, longest).replace("|", "¦")


def _span(line: str) -> str:
    ticks = "`" * (_longest_run(line) + 1)
    pad = " " if "`" in (line[0], line[-1]) else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


@dataclass(frozen=True)
class _Token:
    """A word of a sentence; `glued` if no space stands before it."""

    text: str
    code: bool
    quoted: bool = False
    glued: bool = False


def prose(text: str, longest: int = 300) -> str:
    """A sentence on one line: plain words stay, everything else stands in code spans."""
    line = one_line(text, longest)
    shown: list[_Token] = []
    for token in _tokens(line):
        last = shown[-1] if shown else None
        if last is not None and last.code and token.code and _together(last, token):
            space = "" if token.glued else " "
            shown[-1] = _Token(f"{last.text}{space}{token.text}", True, last.quoted, last.glued)
        else:
            shown.append(token)
    parts = (("" if t.glued else " ") + (_span(t.text) if t.code else t.text) for t in shown)
    return "".join(parts).strip()


def _together(last: _Token, token: _Token) -> bool:
    """Two spans that touch would be read as one with other borders; two bare ones read better."""
    return token.glued or not (last.quoted or token.quoted)


def _tokens(line: str) -> Iterator[_Token]:
    at = 0
    while found := _WORD.match(line, at):
        at = found.end()
        glued = not found["space"]
        if found["quoted"]:
            yield _Token(found["quoted"].strip(), True, True, glued)
        elif found["command"]:
            yield _Token(found["command"], True, True, glued)
        elif _is_plain(found["word"]):
            yield _Token(found["word"], False, False, glued)
        else:
            at = max(at, _end_of_brackets(line, found.start("word")))
            word = line[found.start("word") : at]
            bare = word.rstrip(_AFTER) or word
            yield _Token(bare, True, False, glued)
            if bare != word:
                yield _Token(word[len(bare) :], False, False, True)


def _end_of_brackets(line: str, start: int) -> int:
    """Where a value such as `[1.0, 2.0]` that begins at `start` ends; 0 if it is none."""
    depth = 0
    for at in range(start, len(line)):
        depth += (line[at] in "([{") - (line[at] in ")]}")
        if line[at] == "`" or depth < 0 or (depth == 0 and line[at].isspace()):
            return 0
        if depth == 0 and line[at] in ")]}" and _ENDS.match(line, at + 1):
            return at + 1
    return 0


def _is_plain(word: str) -> bool:
    """A word that no parser and no filter of GitHub reads as anything else."""
    return _PLAIN.fullmatch(word) is not None and _COMMIT.search(word.lower()) is None


def fence(text: str) -> str:
    """A code block of at most 30 lines: the first ones and, as errors stand there, the last."""
    lines = [_cut(_visible(line.expandtabs(4)), _LONGEST_LINE) for line in _some(text)]
    ticks = "`" * max(3, _longest_run("\n".join(lines)) + 1)
    return "\n".join([f"{ticks}text", *lines, ticks])


def _some(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").split("\n")
    if len(lines) <= _MOST_LINES:
        return lines
    last = _MOST_LINES - _FIRST_LINES - 1
    left_out = len(lines) - last - _FIRST_LINES
    return [*lines[:_FIRST_LINES], f"… {left_out} lines left out …", *lines[-last:]]


def command(text: str) -> str | None:
    """`text` if it is a plain call of tito, which a reader may type without a second thought."""
    return text if len(text) <= 120 and _COMMAND.fullmatch(text) else None


def plain(name: str) -> bool:
    """True for the name of a gate or module: it is text anywhere, as a word or within a tag."""
    if _SLUG.fullmatch(name):
        return _COMMIT.search(name) is None
    return _NAME.fullmatch(name) is not None and _is_plain(name)


def linkable(path: str) -> bool:
    """True for a path that can stand in an address as it is."""
    return len(path) <= 200 and _LINKABLE.fullmatch(path) is not None
