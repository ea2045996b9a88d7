"""`python -m bot`: the GitHub side of the course, for the workflow `report.yml`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from tito.cli.ui import show_error
from tito.errors import TitoError


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done or nothing to do, 1 something is wrong, 2 wrong use.",
)
def bot() -> None:
    """Tell a pull request what its run found."""


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
