"""`tito feedback`: how far a student's modules are, and what to mend first."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tito.cli import ui
from tito.cli.report import clean, print_checkpoints, print_points
from tito.course import find_root

if TYPE_CHECKING:
    from tito.feedback import Choose, Feedback

MODULE_SECONDS, ALL_MINUTES = 60, 30


@click.command(name="feedback")
@click.option("--assignment", metavar="SLUG", help="Only the modules of this assignment.")
@click.option(
    "--event", type=click.Path(path_type=Path), metavar="FILE",
    help="What GitHub wrote about a push: its branch or tag says which modules.",
)  # fmt: skip
@click.option(
    "--seconds", type=click.IntRange(1, 3600), default=MODULE_SECONDS, show_default=True,
    help="The longest time for one module.",
)  # fmt: skip
@click.option(
    "--minutes", type=click.FloatRange(0.1, 360), default=ALL_MINUTES, show_default=True,
    help="The longest time for everything.",
)  # fmt: skip
@click.option(
    "--own-files", is_flag=True,
    help="Run nothing unless your code is kept from writing anywhere else.",
)  # fmt: skip
@ui.json_option
def command(
    assignment: str | None,
    event: Path | None,
    seconds: int,
    minutes: float,
    own_files: bool,
    json_file: str | None,
) -> int:
    """See how far your modules are, and what to mend first.

    It tries those you have started. It is not the grade.
    """
    from tito import feedback, run_on
    from tito.attempt import Clock

    if assignment is not None and event is not None:
        raise click.UsageError("--assignment and --event both say which modules: give one of them")
    choose: Choose = run_on.everything
    if assignment is not None:
        choose = partial(run_on.of_assignment, slug=assignment)
    if event is not None:
        choose = partial(run_on.of_ref, ref=run_on.ref_in(event))
    clock = Clock(seconds, time.monotonic() + 60 * minutes, own_files)
    with ui.working("getting ready") as spinner:
        progress = spinner.update if spinner else lambda _: None
        found = feedback.find(find_root(Path.cwd()), choose, clock=clock, progress=progress)
    if not ui.write_json(json_file, found):
        show(found)
    return 0 if found.state == "passed" else 1


def show(found: Feedback) -> None:
    """Print it, what matters most last: there a terminal stops scrolling."""
    from tito import feedback_words as words
    from tito.summary import visible

    if found.modules:
        ui.table(words.COLUMNS, [words.row(module) for module in found.modules])
    print_checkpoints(found.report)
    warned = [f for gate in found.report.gates for f in gate.findings if f.severity != "error"]
    ui.show_findings(map(clean, warned))
    if found.state == "error":
        ui.show_findings(clean(f) for gate in found.report.gates for f in gate.findings)
    else:
        print_points(found.report)
    _, _, verdict = words.headline(found).partition(" ")  # a terminal has its own sign
    ui.verdict(found.state == "passed", verdict)
    for sentence in words.sentences(found):
        ui.line(f"  {visible(sentence)}")
    ui.line(f"  {words.NOT_THE_GRADE}")
    if found.state != "passed":
        ui.step(f"see it again: {found.reproduce}")
