"""How a module file is written: curriculum.md's rules, as far as reading can check them.

Here stand the rules about the file as a whole and its text. The others: parts and steps in
parts.py, nbgrader's metadata in metadata.py, test cells in graded.py, solution cells and the import
in solutions.py. `RULES` names them all.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from tito import graded, metadata, parts, solutions
from tito.course import Course, Module
from tito.page import Fault, Page, called, functions, rule, runs_at_top, shown
from tito.report import Finding, in_order
from tito.source import Cell, DevFile

SHORTEST = 300
"""Lines. A shorter module explains too little; the upper limit is classroom.yml's `max_lines`."""

_HEADER = ("jupyter:", "jupytext:", "text_representation:", "format_name: percent", "kernelspec:")
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b1b\u2b1c\u2b50\u2b55\u231a\u231b\u23e9-\u23fa\ufe0f\u20e3]"
)
_HEADING_EMOJI = re.compile(r"^## (?:🤔 ML Systems|🎯 MODULE SUMMARY)")
_COMMENT_HEADING = re.compile(r"#\s+#{1,6} ")
_FENCE = re.compile(r"\s*(```|~~~|\$\$(?!.*\$\$))")
_PROSE = re.compile(r"(\*\*|[A-Za-z`(\"])")
_QUOTED = re.compile(r"""([rR]?)(\"{3}|'{3}).*\2$""", re.DOTALL)


def check(course: Course, module: Module, dev: DevFile) -> list[Finding]:
    """Every finding about one module's file. Reads it only, and raises for no content."""
    page = Page(course, module, dev)
    found = (page.finding(item, fault) for item in _RULES for fault in item.find(page))
    return list(in_order(found))


def check_course(course: Course, devs: Iterable[DevFile]) -> list[Finding]:
    """What only all files together show: a grade_id that stands in two of them."""
    modules = {course.dev_path(module): module for module in course.modules}
    first: dict[str, DevFile] = {}
    found = []
    for dev in devs:
        for cell in dev.cells:
            value = cell.nbgrader.get("grade_id")
            earlier = first.setdefault(value, dev) if isinstance(value, str) else dev
            if earlier is not dev:
                name = modules[dev.path].name if dev.path in modules else "name"
                message = f"the grade_id {shown(value)} stands in {earlier.path} already"
                hint = f"begin it with the name of the module: {name}-…"
                line, identity = cell.marker_line, cell.identity
                found.append(
                    Finding(_OVER_COURSE, "error", dev.path, line, message, hint, identity)
                )
    return list(in_order(found))


@rule("header", "The file begins with jupytext's header: percent format and a kernelspec.")
def header(page: Page) -> Iterator[Fault]:
    lines = _header(page)
    for wanted in _HEADER:
        if wanted not in lines:
            hint = "copy the header, from `# ---` to `# ---`, from another module"
            yield Fault(1, f"the header has no line `{wanted}`", hint)
            return


@rule("magics", "The header says comment_magics: false, so that jupytext changes no line of code.")
def magics(page: Page) -> Iterator[Fault]:
    lines = _header(page)
    if "jupytext:" in lines and "comment_magics: false" not in lines:
        line = lines.index("jupytext:") + 2
        message = "the header does not say `comment_magics: false`"
        yield Fault(line, message, "write `#     comment_magics: false` below `#   jupytext:`")


@rule("length", "A file has at least 300 lines, and at most what classroom.yml says (max_lines).")
def length(page: Page) -> Iterator[Fault]:
    if page.released:  # without its solutions a file is shorter, with a student's it may be longer
        return
    # Blank lines are the formatter's, and nobody has to read them.
    numbers = [number for number, line in enumerate(page.lines, start=1) if line.strip()]
    count, most = len(numbers), page.module.max_lines
    if count < SHORTEST:
        message = f"the file has {count} lines that are not blank, a module has {SHORTEST} or more"
        yield Fault(len(page.lines), message, "explain more: each idea before the code it needs")
    if count > most:
        message = f"the file has {count} lines that are not blank, classroom.yml allows {most}"
        yield Fault(numbers[most], message, "shorten it, or raise max_lines of this module")


@rule("emoji", "There is no emoji beyond the two in the headings of parts 9 and 10.")
def emoji(page: Page) -> Iterator[Fault]:
    own = {line for cell in page.dev.cells if page.students_own(cell) for line in _lines_of(cell)}
    for number, line in enumerate(page.lines, start=1):
        match = _EMOJI.search(_HEADING_EMOJI.sub("", line, count=1))
        if match and number not in own:
            message = f"the character U+{ord(match[0]):04X} is an emoji"
            hint = f"delete it; a string that needs it can say \\U{ord(match[0]):08x}"
            yield Fault(number, message, hint)


@rule("markdown-quotes", "Markdown is a triple-quoted string, never lines of comments.")
def markdown_quotes(page: Page) -> Iterator[Fault]:
    hint = '`# %% [markdown]`, then """, the text, and """'
    for cell, text in page.written:
        if cell.kind == "markdown" and not _QUOTED.match(text):
            message = "this markdown is not a triple-quoted string"
            yield Fault(cell.marker_line, message, hint)
        if cell.kind == "code":
            lines = [line.strip() for line in cell.source.split("\n") if line.strip()]
            heading = any(_COMMENT_HEADING.match(line) for line in lines)
            if heading and all(line.startswith("#") for line in lines):
                message = "this is text, written as comments in a code cell"
                yield Fault(cell.marker_line, message, hint)


@rule("markdown-raw", "Markdown with a backslash is a raw string.")
def markdown_raw(page: Page) -> Iterator[Fault]:
    for cell, text in page.written:
        if cell.kind != "markdown" or page.students_own(cell):
            continue
        quoted = _QUOTED.match(text)
        at = cell.source.find("\\")
        if quoted and not quoted[1] and at >= 0:
            line = cell.line + cell.source.count("\n", 0, at)
            message = "Python reads this backslash as the start of an escape"
            yield Fault(line, message, 'open the string with r"""')


@rule("markdown-wrapped", "A paragraph of markdown is one line.")
def markdown_wrapped(page: Page) -> Iterator[Fault]:
    for cell in page.dev.cells:
        if cell.kind != "markdown" or page.students_own(cell):
            continue
        inside, before = False, ""
        for number, line in enumerate(cell.source.split("\n"), start=cell.line):
            opens = bool(_FENCE.match(line))
            inside ^= opens
            prose = bool(_PROSE.match(line)) and not inside and not opens
            if prose and before and not before.endswith(("  ", "\\")):
                message = "this line goes on with the paragraph above"
                yield Fault(number, message, "join the two lines, or put an empty line between")
                break
            before = line if prose else ""


@rule("start", "The first code cell is locked and sends warnings to stdout.")
def start(page: Page) -> Iterator[Fault]:
    code = [cell for cell in page.dev.cells if cell.kind == "code" and cell.source.strip()]
    trees = {cell.marker_line: tree for cell, tree in page.trees}
    name = "warnings_to_stdout"
    names = [{f.name for f in functions(trees.get(c.marker_line, _EMPTY))} for c in code]
    # The module that defines the function calls it in the cell below the definition.
    after = next((i + 1 for i, defined in enumerate(names) if name in defined), 0)
    first = next(iter(code[after:] or code[-1:]), None)
    if first is None or first.marker_line not in trees:
        return
    calls = [called(node) for node in runs_at_top(trees[first.marker_line].body)]
    if first.nbgrader.get("locked") is not True or name not in calls:
        message = f"this cell must be locked and call {name}()"
        yield Fault(first.marker_line, message, f"make `{name}()` the last line of a locked cell")


def _header(page: Page) -> list[str]:
    """The lines of the file's header, without `#`; empty if it is not closed."""
    lines = [line.removeprefix("#").strip() for line in page.lines[:100]]
    if lines[0] != "---" or "---" not in lines[1:] or not page.lines[0].startswith("#"):
        return []
    return lines[: lines.index("---", 1)]


def _lines_of(cell: Cell) -> range:
    return range(cell.marker_line, cell.line + cell.source.count("\n") + 1)


_EMPTY = ast.Module(body=[], type_ignores=[])

_RULES = (
    header,
    magics,
    length,
    emoji,
    markdown_quotes,
    markdown_raw,
    markdown_wrapped,
    start,
    *parts.RULES,
    *metadata.RULES,
    *graded.RULES,
    *solutions.RULES,
)
_OVER_COURSE = "structure-grade-id-course"
RULES: Mapping[str, str] = MappingProxyType(
    {item.id: item.description for item in _RULES}
    | {_OVER_COURSE: "A grade_id stands once in the whole course."}
)
"""Every rule: its id and a sentence that says what must hold."""
