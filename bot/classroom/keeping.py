"""The commands of `python -m bot classroom` that look at a class and keep it going."""

from __future__ import annotations

import os

import click

from bot.classroom.commands import command, course_here
from tito.cli import ui


@command.command("doctor")
@ui.json_option
def doctor(json_file: str | None) -> int:
    """Look at the organisation, the token, the roster and what is published. Writes nothing."""
    from bot.classroom.doctor import examine_all
    from bot.classroom.session import opened
    from tito.report import failed

    with opened(course_here(), "look", os.environ) as session:
        found = examine_all(session)
        if not ui.write_json(json_file, found):
            ui.show_findings(found)
            errors = sum(each.severity == "error" for each in found)
            login = session.door.login
            said = f"{login} is not ready yet: {errors} to mend, each with what mends it"
            ui.verdict(not errors, said if errors else f"{login} is ready for this class")
        return 1 if failed(found) else 0


@command.command("plan")
@click.option(
    "--pushes-per-module", "pushes", type=click.IntRange(0), default=10, show_default=True,
    metavar="N", help="How often a student pushes to a module.",
)  # fmt: skip
@click.option(
    "--minutes", type=click.IntRange(1), default=2, show_default=True, metavar="N",
    help="How long a run takes.",
)  # fmt: skip
@ui.json_option
def plan(pushes: int, minutes: int, json_file: str | None) -> int:
    """Say how much provisioning writes, when it is done, and what runs will cost."""
    from bot.classroom.doctor import invitations_a_day
    from bot.classroom.plan import in_words, plan_of, work_of
    from bot.classroom.session import opened

    with opened(course_here(), "look", os.environ) as session:
        settings = session.door.settings()
        found = plan_of(
            work_of(session.students, session.homes),
            session.course.assignments,
            session.clock.moment(),
            invitations_a_day=invitations_a_day(settings, session.clock),
            pushes=pushes,
            minutes=minutes,
            plan=str((settings.get("plan") or {}).get("name", "")),
        )
    if not ui.write_json(json_file, found):
        for sentence in in_words(found):
            ui.line(sentence)
        if found.advice:
            ui.step(found.advice)
    return 0


@command.command("status")
@ui.json_option
def status(json_file: str | None) -> int:
    """Show how far everybody is. Reads what has changed since the last time, and writes nothing."""
    from bot.classroom.session import opened
    from bot.classroom.status import COLUMNS, Status

    with opened(course_here(), "look", os.environ) as session:
        found = Status(session)
    data = {"students": found.rows, "findings": found.findings, "read": found.read}
    if not ui.write_json(json_file, data):
        ui.table(COLUMNS, [row.cells for row in found.rows])
        ui.show_findings(found.findings)
        accepted = sum(row.access == "accepted" for row in found.rows)
        ui.line(f"{len(found.rows)} students, {accepted} have accepted; {found.read} read anew")
    return 1 if session.unknown else 0
