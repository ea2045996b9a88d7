"""What people see, shared by the commands. A renderer never checks.

Rich is imported where a terminal shows its colours and folding; a file or a program gets plain
lines, and does not wait for it.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from tito.course import Course, Module, find_root, load_cached
from tito.errors import RefusedError, TitoError
from tito.report import Finding, encode, in_order

Command = TypeVar("Command", bound=Callable[..., Any])

_SIGNS = {
    "error": ("✗ error", "bold red"),
    "warning": ("! warning", "yellow"),
    "notice": ("· note", "cyan"),
}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def open_course() -> Course:
    """The course of the working folder. An export that was cut off is finished first."""
    from tito import atomic

    course = load_cached(find_root(Path.cwd()))
    if atomic.staging_folder(course.package).exists():
        with atomic.locked(course.package):
            if atomic.recover(course.package):
                _say(sys.stderr, ("An export that was cut off has been finished.", "yellow"))
    return course


def follow_notebooks(course: Course, modules: Iterable[Module]) -> None:
    """What a student changed in a notebook reaches the .py file before anything looks at it."""
    twins = [m for m in modules if course.dev_file(m).with_suffix(".ipynb").exists()]
    if twins:
        from tito.notebook import follow

        for done in follow(course, twins):
            _say(sys.stderr, (f"· {done}", "cyan"))


def json_option(command: Command) -> Command:
    """The option `--json FILE` that every command that reports has."""
    return click.option(
        "--json", "json_file", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True),
        help="Write the result as JSON; - for standard output.",
    )(command)  # fmt: skip


def write_json(json_file: str | None, value: object) -> bool:
    """Write `value` if a file was named. True if standard output was, and should hold no more."""
    if json_file is None:
        return False
    if json_file == "-":
        sys.stdout.write(encode(value).decode())
        return True
    try:
        Path(json_file).write_bytes(encode(value))
    except OSError as error:
        raise TitoError(f"cannot write {json_file}: {error.strerror}") from None
    return False


def show_error(error: TitoError) -> None:
    """An error of ours: what, where, what to type next."""
    if isinstance(error, RefusedError):
        show_findings(error.findings, sys.stderr)
    _say(sys.stderr, ("✗ ", "bold red"), (error.message, ""))
    if error.where:
        _say(sys.stderr, (error.where, "cyan"), indent=2)
    if error.hint:
        _say(sys.stderr, (f"→ {error.hint}", "green"), indent=2)


def show_findings(findings: Iterable[Finding], stream: TextIO | None = None) -> None:
    """Each finding: place, message, and what to do."""
    stream = stream or sys.stdout
    for finding in in_order(findings):
        sign, style = _SIGNS[finding.severity]
        cell = f"  cell {finding.cell}" if finding.cell else ""
        _say(stream, (f"{sign}  ", style), (finding.place, "bold"), (cell, "cyan"))
        _say(stream, (finding.message, ""), indent=2)
        if finding.hint:
            _say(stream, (f"→ {finding.hint}", "green"), indent=2)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table. In a window below 60 columns only its first two columns are shown."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False)
    # Off a terminal Rich would assume 80 columns and fold what a script wants to read.
    width = console.width if sys.stdout.isatty() else 200
    shown = 2 if width < 60 else len(columns)
    view = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for index, column in enumerate(columns[:shown]):
        view.add_column(column, overflow="fold", no_wrap=index == 0)
    for row in rows:
        view.add_row(*(Text(cell) for cell in row[:shown]))
    console.print(view, width=width)


def verdict(passed: bool, text: str) -> None:
    """The last line of a command: a sign and a sentence."""
    sign, style = ("✓", "bold green") if passed else ("✗", "bold red")
    _say(sys.stdout, (f"{sign} ", style), (text, ""))


def step(text: str) -> None:
    """What to do next."""
    _say(sys.stdout, (f"→ {text}", "green"))


def line(text: str, style: str = "") -> None:
    """One plain line; `text` is never read as markup."""
    _say(sys.stdout, (text, style))


def _say(stream: TextIO, *parts: tuple[str, str], indent: int = 0) -> None:
    """Parts of a line with their styles: folded to the window, or plain where there is none.

    Student code may have written them, so no control character gets through.
    """
    clean = [(_CONTROL.sub(_visible, text), style) for text, style in parts if text]
    if not stream.isatty():
        text = "".join(text for text, _ in clean)
        stream.write("".join(f"{' ' * indent}{each}\n" for each in text.split("\n")))
        return
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    folded = Text.assemble(*clean, overflow="fold")
    Console(file=stream, highlight=False).print(Padding(folded, (0, 0, 0, indent)))


def _visible(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def working(text: str) -> Any:
    """A spinner around work of more than a second; silent where nobody watches."""
    if not sys.stderr.isatty():
        return contextlib.nullcontext()
    from rich.console import Console

    return Console(file=sys.stderr).status(text)
