"""`python -m bot`: the GitHub side of the course, for its workflows and its maintainers."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bot.classroom.commands import command as classroom_group
from tito.cli import ui
from tito.course import find_root
from tito.errors import TitoError
from tito.report import Finding


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done or nothing to do, 1 something is wrong, 2 wrong use.",
)
def bot() -> None:
    """Report on pull requests, guard the branches, publish tools and courses, keep a class."""


@bot.command("post")
@click.option(
    "--report", "report_file", metavar="FILE", type=click.Path(path_type=Path),
    help="The report of the run; may be missing.",
)  # fmt: skip
@click.option("--local", is_flag=True, help="Print what would be written, without GitHub.")
def post_command(report_file: Path | None, local: bool) -> None:
    """Write the comment and the statuses of a finished run."""
    if local:
        from bot.local import preview

        click.echo(preview(report_file))
        return
    from bot.settings import settings_from

    settings = settings_from(os.environ)
    from bot.post import post

    for sentence in post(settings, report_file):
        click.echo(sentence)


@bot.command("feedback")
@click.option(
    "--result", "result_file", metavar="FILE", type=click.Path(path_type=Path), required=True,
    help="What `tito feedback --json FILE` wrote; may be missing.",
)  # fmt: skip
def feedback_command(result_file: Path) -> None:
    """Tell a student what this run has found, on the Feedback pull request and the commit."""
    from bot.settings import run_settings_from

    settings = run_settings_from(os.environ)
    from bot.feedback import tell

    for sentence in tell(settings, result_file):
        click.echo(sentence)


@bot.group("branches")
def branches_group() -> None:
    """The rules for branches and tags of classroom.yml, and what GitHub has.

    Reads GITHUB_REPOSITORY and GITHUB_TOKEN, a token with Administration: write.
    """


@branches_group.command("diff")
@ui.json_option
def branches_diff(json_file: str | None) -> int:
    """Show what differs, and write nothing."""
    return _branches(json_file, write=False)


@branches_group.command("apply")
@ui.json_option
def branches_apply(json_file: str | None) -> int:
    """Have GitHub as classroom.yml says. Writes only what differs."""
    return _branches(json_file, write=True)


def _branches(json_file: str | None, *, write: bool) -> int:
    from bot.administration import Administration
    from bot.branches import Branches, settled
    from bot.environments import Environments
    from bot.settings import access_from
    from tito.course import load

    wanted = load(find_root(Path.cwd())).branches
    done: list[str] = []
    found: list[Finding] = []
    with Administration(access_from(os.environ)) as door:
        for part in (Branches(door, wanted.rules), Environments(door, wanted.environments)):
            if write:
                written, left = part.apply()
                done += written
                found += left
            else:
                found += part.diff()
    if not ui.write_json(json_file, found):
        for sentence in done:
            ui.line(sentence)
        ui.show_findings(found)
        ui.verdict(settled(found), _in_words(found))
    return 0 if settled(found) else 1


def _in_words(found: list[Finding]) -> str:
    errors = sum(finding.severity == "error" for finding in found)
    if errors:
        return f"GitHub is not as classroom.yml says: {errors} to mend"
    said = "GitHub is as classroom.yml says"
    return f"{said}, as far as can be: see above" if found else said


@bot.group("tools")
def tools_group() -> None:
    """The repository whose actions others use."""


@tools_group.command("publish")
@click.argument("target")
@click.option("--version", required=True, metavar="1.2.3", help="The tag, with v before it.")
@click.option("--dry-run", is_flag=True, help="Look at everything, and write nothing.")
def publish_command(target: str, version: str, dry_run: bool) -> None:
    """Publish the tools of the last commit to the git repository TARGET, an address or a path."""
    from bot.tools import publish

    done = publish(find_root(Path.cwd()), target, version, dry_run=dry_run)
    click.echo(f"{done.tag}: commit {done.commit}, {done.files} files, no leak found")
    verb = "would be written" if dry_run else "written"
    click.echo(f"{verb}: {', '.join(done.refs)}" if done.refs else "nothing to write")


bot.add_command(classroom_group)


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; our own errors are printed without a traceback."""
    try:
        result = bot.main(arguments, prog_name="python -m bot", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return 2
    except click.Abort:
        return 130
    except TitoError as error:
        ui.show_error(error)
        return error.exit_code
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    sys.exit(invoke())
