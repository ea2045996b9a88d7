"""`python -m bot classroom`: the class on GitHub, from the course in the working folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.classroom.importing_commands import add_to
from tito.cli import ui
from tito.course import Course, find_root, load
from tito.errors import TitoError

if TYPE_CHECKING:
    from bot.classroom.session import Session
    from bot.classroom.steps import Step

dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Say what would be done, write nothing."
)
login_option = click.option(
    "--login",
    "logins",
    multiple=True,
    metavar="LOGIN",
    help="Only this student or group; repeatable.",
)


@click.group("classroom", epilog="Exit codes: 0 done, 1 something is wrong, 2 wrong use.")
def command() -> None:
    """Publish the course to a class, and keep the class going.

    Reads the sections `classroom` and `assignments` of classroom.yml, the roster, and from the
    environment GITHUB_TOKEN, or TITO_APP_ID and TITO_APP_KEY of a GitHub App.
    """


add_to(command)


def course_here() -> Course:
    """The course of the working folder. Not the copy in `.tito/`, which anybody can write."""
    return load(find_root(Path.cwd()))


@command.command("publish")
@dry_run_option
@ui.json_option
def publish(dry_run: bool, json_file: str | None) -> int:
    """Prove the course, and publish its tools and its template from the last commit."""
    from bot.classroom.doctor import require
    from bot.classroom.publish import everything
    from bot.classroom.session import opened

    with opened(course_here(), "publish", os.environ) as session:
        require(session)
        with ui.working("proving the course"):
            steps = everything(session, dry_run=dry_run)
        return told(steps, session, json_file, dry_run=dry_run)


@command.command("provision")
@dry_run_option
@ui.json_option
def provision(dry_run: bool, json_file: str | None) -> int:
    """Make a repository for every student of the roster, and bring the others up to date."""
    from bot.classroom.doctor import require
    from bot.classroom.provision import Provisioner, lately
    from bot.classroom.publish import releases
    from bot.classroom.session import opened

    with opened(course_here(), "provision", os.environ) as session:
        require(session)
        handed_out = releases(session.forge, session.template())
        lately(session.course, session.repositories, session.pace, session.clock)
        provisioner = Provisioner(
            session.course,
            session.door,
            session.forge,
            clock=session.clock,
            dry_run=dry_run,
            starters=lambda: handed_out.trees,
        )
        steps = provisioner.run(session.wanted(), session.repositories)
        return told(steps, session, json_file, dry_run=dry_run)


@command.command("update")
@login_option
@dry_run_option
@ui.json_option
def update(logins: tuple[str, ...], dry_run: bool, json_file: str | None) -> int:
    """Offer the newest release to every student, as one pull request each."""
    from bot.classroom.publish import releases
    from bot.classroom.session import chosen, opened
    from bot.classroom.update import Updater

    with opened(course_here(), "update", os.environ) as session:
        handed_out = releases(session.forge, session.template())
        updater = Updater(session.course, session.door, session.forge, handed_out, dry_run=dry_run)
        steps = updater.run(chosen(session.homes, logins))
        return told(steps, session, json_file, dry_run=dry_run)


def told(steps: Iterator[Step], session: Session, json_file: str | None, *, dry_run: bool) -> int:
    """Show steps as they are taken. Returns the exit code.

    A pause that GitHub wants is no failure: what is done stays, and the next run goes on.
    """
    from bot.errors import LaterError

    done: list[Step] = []
    pause: LaterError | None = None
    try:
        for step in steps:
            done.append(step)
            if json_file != "-":
                _show(step)
    except LaterError as error:
        pause = error
    failed = [step for step in done if step.failed]
    data = {
        "steps": [{"repository": s.repository, "what": s.what, "failed": s.failed} for s in done],
        "unknown": session.unknown,
        "resume_after": pause.until.isoformat() if pause else None,
        "dry_run": dry_run,
    }
    if not ui.write_json(json_file, data):
        ui.show_findings(session.unknown)
        _summed(done, failed, pause, dry_run=dry_run)
    return 1 if failed or session.unknown else 0


def _show(step: Step) -> None:
    sign, style = ("✗", "red") if step.failed else ("·", "")
    ui.line(f"{sign} {step.repository}: {step.what}", style)


def _summed(
    done: Iterable[Step], failed: Iterable[Step], pause: TitoError | None, *, dry_run: bool
) -> None:
    repositories = {step.repository for step in done if not step.failed}
    count = len(repositories)
    words = "would change" if dry_run else "changed"
    troubled = len({step.repository for step in failed})
    said = f"{count} repositories {words}" if count != 1 else f"1 repository {words}"
    if troubled:
        said += f", {troubled} in trouble: each is said above"
    ui.verdict(not troubled, said if count or troubled else "nothing to do: all is as it should be")
    if pause is not None:
        ui.line(f"! not done yet: {pause.message}", "yellow")
        ui.step(pause.hint)


import bot.classroom.keeping  # noqa: E402, F401 - enters its commands into the group
