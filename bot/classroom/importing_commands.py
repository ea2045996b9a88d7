"""`python -m bot classroom import-roster | import-grades | autograding`: from and for tools of
GitHub Classroom.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from tito.cli import ui
from tito.course import Course, find_root, load
from tito.errors import TitoError, UsageError

_FILE = click.Path(path_type=Path)


def add_to(group: click.Group) -> None:
    """Give `classroom` these commands."""
    for command in (import_roster, import_grades, autograding):
        group.add_command(command)


def _course() -> Course:
    return load(find_root(Path.cwd()))


@click.command("import-roster")
@click.argument("file", metavar="FILE", type=_FILE)
@click.option("--output", metavar="FILE", type=_FILE, help="Another place than the roster's own.")
def import_roster(file: Path, output: Path | None) -> None:
    """Make the roster from the one that GitHub Classroom exported."""
    from bot.classroom.importing import roster
    from tito.roster import read_roster

    course = _course()
    target = output or course.root / course.classroom.roster
    text, left_out = roster(file)
    try:
        with target.open("x", encoding="utf-8", newline="") as opened:
            opened.write(text)
    except FileExistsError:
        hint = "move it away, or name another place: --output FILE"
        raise TitoError("this roster is there already", where=str(target), hint=hint) from None
    except OSError as error:
        raise TitoError(f"cannot be written: {error.strerror}", where=str(target)) from None
    ui.show_findings(left_out)
    students = read_roster(target, target.name)
    ui.verdict(True, f"{target.name}: {len(students)} students, {len(left_out)} left out")


@click.command("import-grades")
@click.argument("file", metavar="FILE", type=_FILE)
@click.option(
    "--assignment", "slug", required=True, metavar="SLUG", help="What they are points of."
)
@click.option("--dry-run", is_flag=True, help="Say what would be written, write nothing.")
def import_grades(file: Path, slug: str, dry_run: bool) -> None:
    """Take points that GitHub Classroom exported as set by hand."""
    from bot.classroom.importing import appended, grades, new_ones
    from tito.roster import read_overrides

    course = _course()
    assignment = next((each for each in course.assignments if each.slug == slug), None)
    if assignment is None:
        known = ", ".join(each.slug for each in course.assignments) or "none"
        raise UsageError(f"there is no assignment {slug!r}", hint=f"there are: {known}")
    path = course.classroom.overrides
    target = course.root / path
    found, left_out = grades(file, assignment)
    fresh = new_ones(found, read_overrides(course, target, path))
    if fresh and not dry_run:
        before = target.read_bytes().decode("utf-8") if target.exists() else ""
        added = appended(before, fresh).removeprefix(before)
        with target.open("a", encoding="utf-8", newline="") as opened:
            opened.write(added)
    ui.show_findings(left_out)
    verb = "would be" if dry_run else "were"
    ui.verdict(True, f"{path}: {len(fresh)} rows {verb} added, {len(left_out)} left out")


@click.command("autograding")
@click.option(
    "--result", "file", required=True, metavar="FILE", type=_FILE,
    help="What `tito feedback --json FILE` wrote.",
)  # fmt: skip
def autograding(file: Path) -> None:
    """Tell a run's points as GitHub Classroom did: the output `result`, and notices."""
    from bot.classroom.autograding import lines, output, tried_in

    tests = tried_in(file)
    if place := os.environ.get("GITHUB_OUTPUT"):
        with Path(place).open("a", encoding="utf-8") as opened:
            opened.write(output(tests))
    for line in lines(tests):
        click.echo(line)
