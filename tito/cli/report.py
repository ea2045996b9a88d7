"""`tito report`: gather the results of gates, and show them."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from tito.cli import ui
from tito.errors import TitoError
from tito.gates import GATES
from tito.report import CheckpointResult, Finding, Report, encode

_FILE = click.Path(path_type=Path)


@click.group(name="report")
def command() -> None:
    """Gather the results of gates, and show them."""


@command.command("merge")
@click.argument("results", nargs=-1, metavar="RESULT.json...", type=_FILE)
@click.option(
    "--expect", default=",".join(GATES), show_default=True, metavar="GATE,...",
    help="The gates that must be there.",
)  # fmt: skip
@click.option(
    "--checkpoints", type=_FILE, metavar="FILE",
    help="What `tito checkpoint status --json FILE` wrote.",
)  # fmt: skip
@click.option("--sha", default="", help="The commit that was judged.")
@click.option("--head", default="", help="The head commit of the pull request.")
@click.option("-o", "--output", required=True, type=_FILE, metavar="FILE", help="The report.")
def merge(
    results: tuple[Path, ...],
    expect: str,
    checkpoints: Path | None,
    sha: str,
    head: str,
    output: Path,
) -> int:
    """Write one report. A gate that is missing, or whose result is unreadable, is not green."""
    from tito import merging, outline, summary

    known: tuple[CheckpointResult, ...] = ()
    if checkpoints is not None:
        try:
            known = merging.read_checkpoints(checkpoints)
        except TitoError as error:
            # They decide nothing, and a gate that broke leaves none.
            ui.show_error(TitoError(f"the checkpoints are left out: {error.message}"))
    expected = tuple(filter(None, expect.split(",")))
    report = merging.merge(results, expected=expected, checkpoints=known, sha=sha, head=head)
    try:
        output.write_bytes(encode(report))
    except OSError as error:
        raise TitoError(f"cannot write {output}: {error.strerror}") from None
    with _quoted():
        for gate in report.gates:
            ui.line(f"{summary.visible(gate.gate)}: {outline.result(gate)}")
    _verdict(report)
    return 0 if report.status == "passed" else 1


@command.command("show")
@click.argument("report", type=_FILE, metavar="REPORT.json")
@click.option("--annotations", is_flag=True, help="Also as annotations for GitHub's log.")
@click.option(
    "--summary", "as_summary", is_flag=True,
    help="Also as Markdown, at the end of the file $GITHUB_STEP_SUMMARY.",
)  # fmt: skip
def show(report: Path, annotations: bool, as_summary: bool) -> int:
    """Show a report. The exit code is the verdict."""
    from tito import merging, summary
    from tito.report import decode_report

    found = decode_report(merging.read_bounded(report))
    if as_summary:
        _append(found)
    with _quoted():
        _print(found)
    if annotations:
        for text in summary.workflow_commands(found):
            click.echo(text)
    _verdict(found)
    return 0 if found.status == "passed" else 1


def _verdict(report: Report) -> None:
    """The last line, which is what a terminal's reader sees first."""
    from tito import outline

    _, _, words = outline.headline(report).partition(" ")  # a terminal has its own sign
    ui.verdict(report.status == "passed", words)


def _print(report: Report) -> None:
    """The report's parts, what matters most last: there a terminal stops scrolling."""
    from tito import outline

    for gate in report.gates:
        ui.line(f"{_shown(gate.gate)}: {outline.result(gate)}", "bold")
        ui.show_findings(map(clean, gate.findings))
        if gate.status != "passed":
            ui.step(f"see it again: {_shown(gate.reproduce)}")
    print_checkpoints(report)
    ui.line(outline.sentence(report))
    print_points(report)


def print_checkpoints(report: Report) -> None:
    """How far the framework is, and the question that comes next."""
    from tito import outline

    if not report.checkpoints:
        return
    ui.line(outline.how_far(report.checkpoints), "bold")
    for group in outline.groups(report.checkpoints):
        ui.line(f"  {outline.STATES[group.state]}: {', '.join(map(_shown, group.names))}")
    following = outline.ahead(report.checkpoints)
    if following is not None:
        ui.line(f"  Next, {_shown(following.checkpoint)}: {_shown(following.question)}")


def print_points(report: Report) -> None:
    """What to mend first."""
    from tito import outline

    points = outline.points(report)
    if points:
        ui.line("Fix first", "bold")
    for number, point in enumerate(points, start=1):
        finding = clean(point.finding)
        path, line = outline.origin(finding)
        ui.line(f"{number}. {outline.parts_of(finding.message)[0] or outline.NO_MESSAGE}")
        ui.line(f"   {path}:{line}" if line > 0 else f"   {path}")
        ui.line(f"   Why: {point.why}")
        ui.step(f"  {finding.hint or point.gate.reproduce}")


def _shown(text: str) -> str:
    from tito.summary import visible

    return visible(text)


def clean(finding: Finding) -> Finding:
    """Without a character that hides, reorders or controls."""
    from tito.summary import visible

    texts = ("rule", "path", "message", "hint", "cell")
    made = {name: visible(getattr(finding, name), lines=name == "message") for name in texts}
    return msgspec.structs.replace(finding, **made)


def _append(report: Report) -> None:
    """To the file that GitHub names. Markdown of more than it takes would not be shown at all."""
    from tito import summary

    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        hint = "GitHub sets GITHUB_STEP_SUMMARY; here, leave --summary out"
        raise TitoError("there is no file to write the summary to", hint=hint)
    try:
        with open(name, "ab") as file:
            room = summary.LARGEST_SUMMARY - file.tell()
            file.write(summary.markdown(report, room=room).encode())
    except OSError as error:
        raise TitoError(f"cannot write the summary: {error.strerror}") from None


@contextlib.contextmanager
def _quoted() -> Iterator[None]:
    """What is printed in here was written by others: GitHub's runner shall take no command of it,
    until it meets a word that nobody can guess."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        yield
        return
    word = secrets.token_hex(16)
    click.echo(f"::stop-commands::{word}")
    try:
        yield
    finally:
        sys.stdout.flush()
        click.echo(f"::{word}::")
