"""`tito report`: gather the results of gates, and show them."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from tito.cli import ui
from tito.errors import TitoError
from tito.gates import GATES
from tito.report import CheckpointResult, Report, encode

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
    from tito import merging, summary

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
            ui.line(f"{summary.SIGNS[gate.status]}: {gate.gate}")
    ui.verdict(report.status == "passed", summary.verdict(report))
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
    ui.verdict(found.status == "passed", summary.verdict(found))
    return 0 if found.status == "passed" else 1


def _print(report: Report) -> None:
    from tito import summary

    for gate in report.gates:
        ui.line(f"{summary.SIGNS[gate.status]}: {gate.gate}", "bold")
        ui.show_findings(gate.findings)
        if gate.status != "passed":
            ui.step(f"see it again: {gate.reproduce}")
    if report.checkpoints:
        rows = [(summary.visible(each.checkpoint), each.state) for each in report.checkpoints]
        ui.table(("checkpoint", "state"), rows)


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
