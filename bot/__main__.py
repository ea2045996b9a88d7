"""`python -m bot`: the GitHub side of the course, for its workflows and its maintainers."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from tito.cli.ui import show_error
from tito.course import find_root
from tito.errors import TitoError


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done or nothing to do, 1 something is wrong, 2 wrong use.",
)
def bot() -> None:
    """Tell a pull request what its run found, and publish what other repositories use."""


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


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; our own errors are printed without a traceback."""
    try:
        bot.main(arguments, prog_name="python -m bot", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return 2
    except click.Abort:
        return 130
    except TitoError as error:
        show_error(error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(invoke())
