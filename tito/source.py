"""A dev file read into cells: the percent format, its directives and nbgrader's metadata.

Importing jupytext takes two seconds, so the format is read here; a test compares every cell with
jupytext's. Where jupytext and Python disagree about a string, jupytext is followed, since the
notebook must hold the same cells.

Left out: metadata that makes a cell inactive (`active`, `active-*` tags, `run_control`), cells of
other languages (`language`), and the characters beside newlines at which jupytext breaks a line:
an export refuses them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import msgspec

from tito.errors import TitoError
from tito.options import Kind, read_options

BEGIN_SOLUTION = "### BEGIN SOLUTION"
END_SOLUTION = "### END SOLUTION"

_MARKER = re.compile(r"\s*#\s*%%(%*\s.*)$")
_BARE_MARKER = re.compile(r"\s*#\s*(?:%%|<codecell>|In\[[0-9 ]*\]:?)\s*$")
_DIRECTIVE = re.compile(r"\s*#\s*\|\s*([^\s:]+)\s*:?\s*(.*?)\s*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)$")
_ESCAPED_PLUS = re.compile(r"(?:# |#)*(?:#|# )\+")
ENCODING = re.compile(r"[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)")
"""Python's declaration of a file's encoding, in its first or second line."""


class Directive(msgspec.Struct, frozen=True):
    """A line like `#| export`, and its line number in the file."""

    name: str
    value: str
    line: int


class Cell(msgspec.Struct, frozen=True, dict=True):
    """One cell. `line` is the file's line of the first line of `source`."""

    kind: Kind
    source: str
    marker: str
    marker_line: int
    line: int
    title: str = ""
    metadata: dict[str, Any] = {}

    @cached_property
    def _leading(self) -> int:
        """How many lines at the top are blank or directives."""
        if self.kind != "code":
            return 0
        count = 0
        for text in self.source.split("\n"):
            if text.strip() and not _DIRECTIVE.match(text):
                break
            count += 1
        return count

    @cached_property
    def directives(self) -> tuple[Directive, ...]:
        """Those of the leading block. Further down they are comments."""
        lines = self.source.split("\n")[: self._leading]
        found = ((_DIRECTIVE.match(text), self.line + i) for i, text in enumerate(lines))
        return tuple(Directive(m[1], m[2], line) for m, line in found if m)

    @cached_property
    def code(self) -> str:
        """The source below the leading block."""
        return "\n".join(self.source.split("\n")[self._leading :])

    @property
    def code_line(self) -> int:
        """The file's line of the first line of `code`."""
        return self.line + self._leading

    @property
    def exported(self) -> bool:
        """True if the cell goes into the package."""
        return any(d.name in ("export", "exporti", "exports") for d in self.directives)

    @property
    def public(self) -> bool:
        """True if its names go into `__all__`."""
        return any(d.name in ("export", "exports") for d in self.directives)

    @property
    def nbgrader(self) -> dict[str, Any]:
        """nbgrader's metadata, empty if there is none."""
        value = self.metadata.get("nbgrader")
        return value if isinstance(value, dict) else {}

    @property
    def solution(self) -> bool:
        """True if the student writes in this cell."""
        return bool(self.nbgrader.get("solution"))

    @cached_property
    def identity(self) -> str:
        """What cell this is, wherever it stands: its grade_id, else a hash of type and source."""
        grade_id = self.nbgrader.get("grade_id")
        if isinstance(grade_id, str) and re.fullmatch(r"[\w.-]+", grade_id):
            return grade_id
        digest = hashlib.sha256(f"{self.kind}\n{self.source}".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:12]


KEPT = 64
"""Modules of which we remember what was read: more than a course has."""


class DevFile(msgspec.Struct, frozen=True, dict=True, eq=False):
    """A module's dev file. `path` is relative to the course and uses `/`.

    It is compared as an object, so that what was found out about it can be looked up quickly.
    """

    path: str
    text: str
    cells: tuple[Cell, ...]

    @cached_property
    def default_exp(self) -> Directive | None:
        """The first `#| default_exp`, or None."""
        found = (d for cell in self.cells for d in cell.directives if d.name == "default_exp")
        return next(found, None)

    @cached_property
    def exported(self) -> tuple[Cell, ...]:
        """The cells that make up the package's module."""
        return tuple(c for c in self.cells if c.kind == "code" and c.exported and c.code.strip())

    def cell_at(self, line: int) -> Cell | None:
        """The cell that holds a line of the file."""
        before = (cell for cell in self.cells if cell.marker_line <= line)
        return max(before, key=lambda cell: cell.marker_line, default=None)

    def cell_named(self, identity: str) -> Cell | None:
        """The cell of that identity."""
        return next((cell for cell in self.cells if cell.identity == identity), None)


def read(file: Path, path: str) -> DevFile:
    """Read a dev file: UTF-8 with or without BOM, any newlines. `path` is its name here."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise TitoError("this module is not written yet", where=path) from None
    except UnicodeDecodeError as error:
        raise TitoError(
            f"the file is not UTF-8: byte {error.start} cannot be read",
            where=path,
            hint="save it as UTF-8 in your editor",
        ) from None
    return parse(text, path)


@lru_cache(KEPT)
def parse(text: str, path: str) -> DevFile:
    """The dev file of this text: the same object as long as the text is the same.

    A gate builds the package of modules 1…k for every k. None who gets it may change it.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return DevFile(path, text, tuple(_cells(text)))


def header_of(text: str) -> str:
    """What stands above the first cell: jupytext's YAML header and the lines before it."""
    lines = text.split("\n")
    start = _after_header(lines)[0]
    return "".join(line + "\n" for line in lines[:start])


def _cells(text: str) -> list[Cell]:
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    start, cells = _after_header(lines)
    while start < len(lines):
        cell, start = _read_cell(lines, start)
        cells.append(cell)
    return cells


def _after_header(lines: list[str]) -> tuple[int, list[Cell]]:
    """Skip jupytext's YAML header. Keys beside `jupyter:` become a raw cell, as in jupytext."""
    start = 0
    inside = jupyter = False
    other: list[str] = []
    for i, raw in enumerate(lines):
        if i == 0 and raw.startswith("#!"):
            start = 1
            continue
        if (i == 0 or (i == 1 and not ENCODING.match(lines[0]))) and ENCODING.match(raw):
            start = i + 1
            continue
        if not raw.startswith("#"):
            break
        text = _uncomment(raw)
        if re.match(r"---\s*$", text):
            if inside:
                after = i + 1
                if after < len(lines) and not _uncomment(lines[after]).strip():
                    after += 1
                header = "\n".join(["---", *other, "---"])
                return after, [Cell("raw", header, "", 1, 1)] if other else []
            inside = True
            continue
        if not inside and text.strip():
            break
        if re.match(r"jupyter\s*:\s*$", text):
            jupyter = True
        elif text and not text[0].isspace():
            jupyter = False
        if not jupyter:
            other.append(text)
    return start, []


def _read_cell(lines: list[str], start: int) -> tuple[Cell, int]:
    """The cell that begins at `start`, and where the next one begins."""
    first = lines[start]
    marked = _MARKER.match(first)
    has_marker = bool(marked or _BARE_MARKER.match(first))
    kind, title, metadata = read_options(marked[1] if marked else "")
    following = _next_marker(lines, start, kind)
    body_start = start + 1 if has_marker else start
    body = lines[body_start : _end_of(lines, start, following)]
    marker = first if has_marker else ""
    if kind == "code":
        source, skipped = "\n".join(_unescape(body)), 0
    else:
        source, skipped = _prose(body)
    cell = Cell(kind, source, marker, start + 1, body_start + skipped + 1, title, metadata)
    return cell, following


def _end_of(lines: list[str], start: int, following: int) -> int:
    """The cell's end without the blank line, or the two that PEP 8 asks for, before the next."""
    cell = lines[start:following]
    if len(cell) >= 3 and cell[-3].strip() and not cell[-2].strip() and not cell[-1].strip():
        return following - 2
    return following - 1 if cell[-1] == "" else following


def _next_marker(lines: list[str], start: int, kind: Kind) -> int:
    quote: str | None = None
    fence: str | None = None
    for i in range(start, len(lines)):
        line = lines[i]
        if quote is not None:
            quote = _quote_after(line, quote)
            continue
        if not line.lstrip().startswith("#"):
            quote = _quote_after(line, None)
        if kind != "code":
            # Prose in comments may hold a fenced block whose %% lines are no markers.
            text = _uncomment(line)
            if fence is not None:
                fence = None if _closes(text, fence) else fence
                continue
            fence = _opening_fence(text, lines[i + 1 :])
            if fence is not None:
                continue
        if i > start and "#" in line and (_MARKER.match(line) or _BARE_MARKER.match(line)):
            return i
    return len(lines)


def _quote_after(line: str, quote: str | None) -> str | None:
    """The triple quote left open behind `line`, given the one open before it."""
    if ('"""' not in line and "'''" not in line) or (quote and quote * 3 not in line):
        return quote
    single: str | None = None
    changed = -1
    for i, char in enumerate(line):
        if char == "#" and single is None and quote is None:
            break
        if char not in "\"'" or (i and line[i - 1] == "\\"):
            continue
        if single is not None:
            single = None if single == char else single
        elif i >= 2 and line[i - 2 : i + 1] == char * 3 and i >= changed + 3:
            if quote in (None, char):
                quote, changed = (char if quote is None else None), i
        elif quote is None:
            single = char
    return quote


def _opening_fence(text: str, rest: list[str]) -> str | None:
    match = _FENCE.match(text)
    if not match or (match[1][0] == "`" and "`" in match[2]):
        return None
    return match[1] if any(_closes(_uncomment(line), match[1]) for line in rest) else None


def _closes(text: str, fence: str) -> bool:
    match = _FENCE.match(text)
    return bool(match and match[1].startswith(fence) and not match[2].strip())


def _uncomment(line: str) -> str:
    return line.removeprefix("# ") if line.startswith("# ") else line.removeprefix("#")


def _unescape(body: list[str]) -> list[str]:
    """jupytext writes `# # +` for the comment `# +`, which its light format would misread."""
    quote: str | None = None
    result = []
    for line in body:
        if quote is None and _ESCAPED_PLUS.match(line) and _ESCAPED_PLUS.match(_uncomment(line)):
            line = _uncomment(line)
        result.append(line)
        if quote is not None or not line.lstrip().startswith("#"):
            quote = _quote_after(line, quote)
    return result


def escaped(lines: Iterable[str]) -> list[str]:
    """Lines of code as they stand in a file: what `_unescape` takes away is put there."""
    quote: str | None = None
    result = []
    for line in lines:
        in_code = quote is None
        if in_code and _ESCAPED_PLUS.match(line):
            result.append(f"# {line}")
        else:
            result.append(line)
        if not in_code or not line.lstrip().startswith("#"):
            quote = _quote_after(line, quote)
    return result


def _prose(body: list[str]) -> tuple[str, int]:
    """Markdown from a triple-quoted string or from comment lines, and the lines before it."""
    content = "\n".join(body).strip()
    for prefix in ("", "r", "R"):
        for quote in ('"""', "'''"):
            opening = prefix + quote
            if not (content.startswith(opening) and content.endswith(quote)):
                continue
            if len(content) < len(opening) + 3:
                continue
            inner = content[len(opening) : -3]
            blank = next(i for i, line in enumerate(body) if line.strip())
            skipped = blank + inner.startswith("\n")
            inner = inner.removeprefix("\n").removesuffix("\n")
            return "\n".join(inner.splitlines()), skipped
    return "\n".join(_uncomment(line) for line in body), 0
