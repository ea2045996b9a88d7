"""The commands of `python -m bot classroom` that look at a class and keep it going."""

from __future__ import annotations

import os
from pathlib import Path

import click

from bot.classroom.commands import command, course_here, dry_run_option, login_option, told
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


@command.command("preview-as-student")
@click.option(
    "--output", metavar="DIR", required=True, type=click.Path(path_type=Path),
    help="A folder that is not there yet.",
)  # fmt: skip
def preview_as_student(output: Path) -> None:
    """Put into a folder what a student gets. Writes nothing on GitHub."""
    from bot.classroom.preview import preview
    from bot.classroom.publish import releases
    from bot.classroom.session import opened

    with opened(course_here(), "look", os.environ) as session:
        handed_out = releases(session.forge, session.template())
        preview(session.forge, handed_out, output)
    ui.verdict(True, f"release {handed_out.newest} is in {output}, as a student gets it")
    ui.line("Look at README.md first: set up what it says, in that folder. Then type:")
    for words in (
        f"cd {output}",
        "git log --oneline --all",
        "tito module list",
        "tito module test 01",
    ):
        ui.step(words)


@command.command("catch-up")
@click.argument("module")
@login_option
@click.option("--anyway", is_flag=True, help="Although nothing says when the module is due.")
@dry_run_option
@ui.json_option
def catch_up(
    module: str, logins: tuple[str, ...], anyway: bool, dry_run: bool, json_file: str | None
) -> int:
    """Offer the course's own MODULE to those whose time for it is over."""
    from bot.classroom.catch_up import CatchUps, written
    from bot.classroom.session import members_homes, opened
    from tito.roster import read_extensions

    with opened(course_here(), "catch-up", os.environ) as session:
        course, path = session.course, session.classroom.extensions
        offers = CatchUps(
            course,
            session.door,
            session.forge,
            course.module(module),
            read_extensions(course, course.root / path, path),
            session.clock,
            dry_run=dry_run,
            anyway=anyway,
        )
        ready = offers.due(members_homes(session, logins))
        if json_file != "-":
            for owner, moment in offers.later.items():
                ui.line(f"· {owner}: not before {written(moment)}")
        return told(offers.run(ready), session, json_file, dry_run=dry_run)


@command.command("export")
@click.option("--login", metavar="LOGIN", required=True, help="Whose.")
@click.option(
    "--output", metavar="FILE.zip", required=True, type=click.Path(dir_okay=False, path_type=Path),
    help="A file that is not there yet.",
)  # fmt: skip
def export_command(login: str, output: Path) -> None:
    """Write everything GitHub has of one student into a zip archive."""
    from bot.classroom.export import export, home_of_login, write
    from bot.classroom.session import opened

    with opened(course_here(), "export", os.environ) as session:
        home, others = home_of_login(session, login)
        write(output, export(session.door, session.forge, login, home))
    ui.verdict(True, f"all of {home.repository.name} is in {output}")
    if others:
        ui.line(f"It is a group's: the work of {', '.join(others)} is in it too.", "yellow")


@command.command("purge")
@click.option("--term", metavar="TERM", required=True, help="Its exact name in classroom.yml.")
@click.option(
    "--yes-delete", "number", type=click.IntRange(0), metavar="N", default=0,
    help="How many repositories that deletes: the exact number.",
)  # fmt: skip
@click.option(
    "--keep", "keep_in", metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
    help="Keep a copy of each there first, as a git bundle.",
)  # fmt: skip
@click.option("--without-copies", is_flag=True, help="Keep nothing.")
@dry_run_option
@ui.json_option
def purge(
    term: str,
    number: int,
    keep_in: Path | None,
    without_copies: bool,
    dry_run: bool,
    json_file: str | None,
) -> int:
    """Delete the student repositories of a term, for good."""
    from bot.classroom.purge import Purge, of_term
    from bot.classroom.session import opened

    if (keep_in is None) is not without_copies:
        raise click.UsageError("Type either --keep DIR or --without-copies.")
    with opened(course_here(), "purge", os.environ) as session:
        course = of_term(session.course, session.repositories, term)
        work = Purge(course, session.door, session.forge, keep_in, dry_run)
        found = work.agreed(session.repositories, number)
        return told(work.run(found), session, json_file, dry_run=dry_run)
