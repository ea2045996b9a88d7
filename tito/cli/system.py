"""`tito system`: look at this machine and this course."""

from __future__ import annotations

import click

from tito.cli import ui
from tito.system import examine, facts


@click.group(name="system")
def command() -> None:
    """Look at this machine and this course."""


@command.command("info")
@ui.json_option
def info(json_file: str | None) -> None:
    """Show versions and how far the course is."""
    found = facts(ui.open_course())
    if not ui.write_json(json_file, found):
        ui.table(("what", "found"), list(found.items()))


@command.command("doctor")
@ui.json_option
def doctor(json_file: str | None) -> int:
    """Check that this machine can run the course, and say what to do where it cannot."""
    course = ui.open_course()
    with ui.working("looking around"):
        checks = examine(course)
    well = all(check.well for check in checks)
    if ui.write_json(json_file, checks):
        return 0 if well else 1
    for check in checks:
        sign, style = ("✓", "") if check.well else ("✗", "red")
        ui.line(f"{sign} {check.name}: {check.found}", style)
        if not check.well:
            ui.step(check.hint)
    ui.verdict(well, "all is well" if well else "something needs your hand")
    return 0 if well else 1
