"""What people see: Rich pieces shared by the commands. A renderer never checks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tito.course import Course, Module, find_root, load
from tito.errors import RefusedError, TitoError
from tito.report import Finding, encode, in_order

Command = TypeVar("Command", bound=Callable[..., Any])

_SIGNS = {
    "error": ("✗ error", "bold red"),
    "warning": ("! warning", "yellow"),
    "notice": ("· note", "cyan"),
}
_FOLD: Literal["fold"] = "fold"


def out() -> Console:
    """The console of this moment's standard output; plain where that is no terminal."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty())


def err() -> Console:
    """The same for standard error."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=not sys.stderr.isatty())


def open_course() -> Course:
    """The course of the working folder. An export that was cut off is finished first."""
    from tito import atomic

    course = load(find_root(Path.cwd()))
    if atomic.staging_folder(course.package).exists():
        with atomic.locked(course.package):
            if atomic.recover(course.package):
                err().print("An export that was cut off has been finished.", style="yellow")
    return course


def follow_notebooks(course: Course, modules: Iterable[Module]) -> None:
    """What a student changed in a notebook reaches the .py file before anything looks at it."""
    from tito.notebook import follow

    for done in follow(course, modules):
        _line(err(), Text(f"· {done}", "cyan"))


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
    console = err()
    if isinstance(error, RefusedError):
        show_findings(error.findings, console)
    _line(console, Text.assemble(("✗ ", "bold red"), error.message))
    if error.where:
        _line(console, Text(f"  {error.where}", "cyan"))
    if error.hint:
        _indented(console, f"→ {error.hint}", "green")


def show_findings(findings: Iterable[Finding], console: Console | None = None) -> None:
    """Each finding: place, message, and what to do."""
    console = console or out()
    for finding in in_order(findings):
        sign, style = _SIGNS[finding.severity]
        place = Text.assemble((f"{sign}  ", style), (finding.place, "bold"))
        if finding.cell:
            place.append(f"  cell {finding.cell}", "cyan")
        _line(console, place)
        _indented(console, finding.message)
        if finding.hint:
            _indented(console, f"→ {finding.hint}", "green")


def _line(console: Console, text: Text) -> None:
    """Folded to the window; as it is where the output goes to a file or a program."""
    if console.soft_wrap:
        console.print(text, crop=False)
    else:
        console.print(text, overflow=_FOLD)


def _indented(console: Console, text: str, style: str = "") -> None:
    if console.soft_wrap:
        for each in text.split("\n"):
            _line(console, Text(f"  {each}", style))
    else:
        console.print(Padding(Text(text, style, overflow=_FOLD), (0, 0, 0, 2)))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table. In a window below 60 columns only its first two columns are shown."""
    console = out()
    # Off a terminal Rich would assume 80 columns and fold what a script wants to read.
    width = console.width if sys.stdout.isatty() else 200
    shown = 2 if width < 60 else len(columns)
    view = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for index, column in enumerate(columns[:shown]):
        view.add_column(column, overflow=_FOLD, no_wrap=index == 0)
    for row in rows:
        view.add_row(*(Text(cell) for cell in row[:shown]))
    console.print(view, width=width)


def verdict(passed: bool, text: str) -> None:
    """The last line of a command: a sign and a sentence."""
    sign, style = ("✓", "bold green") if passed else ("✗", "bold red")
    _line(out(), Text.assemble((f"{sign} ", style), text))


def step(text: str) -> None:
    """What to do next."""
    _line(out(), Text(f"→ {text}", "green"))


def line(text: str, style: str = "") -> None:
    """One plain line; `text` is never read as markup."""
    _line(out(), Text(text, style))


def working(text: str) -> Any:
    """A spinner around work of more than a second; silent where nobody watches."""
    return Console(file=sys.stderr).status(text) if sys.stderr.isatty() else _Silent()


class _Silent:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None
