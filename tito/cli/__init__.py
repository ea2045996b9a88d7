"""The command `tito`. Groups are loaded when they are named, so that `--help` answers at once."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click

from tito.errors import TitoError

COMMANDS = {
    "module": "List, test, export and check modules.",
    "export": "Write the package from the modules.",
    "checkpoint": "See and run the capability checkpoints.",
    "package": "Check the whole package and draw its graph.",
    "nbgrader": "Make student versions of modules, and prove them.",
    "feedback": "See how far your modules are, and what to mend first.",
    "gate": "Judge the course as a pull request is judged.",
    "report": "Gather the results of gates, and show them.",
    "system": "Look at this machine and this course.",
}
"""Name → one line of help. A literal: reading it from the commands would load them all."""


class Lazy(click.Group):
    """A group that imports `tito.cli.<name>` when `<name>` is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        loaded = importlib.import_module(f"tito.cli.{cmd_name}").command
        assert isinstance(loaded, click.Command)
        return loaded

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            guess = f" Did you mean 'tito {near[0]}'?" if near else ""
            ctx.fail(f"no such command {args[0]!r}.{guess} There are: {', '.join(COMMANDS)}.")
        return super().resolve_command(ctx, args)


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from tito.system import version

        click.echo(f"tito {version()}")
        ctx.exit()


def _fingerprint(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from tito.fingerprint import own

        click.echo(own())
        ctx.exit()


@click.group(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`tito COMMAND --help` explains a command. Exit codes: 0 fine, 1 findings, 2 wrong use.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version,
    help="Show the version and exit.",
)  # fmt: skip
@click.option(
    "--fingerprint", is_flag=True, is_eager=True, expose_value=False, callback=_fingerprint,
    help="Show the hash of tito's own files and exit.",
)  # fmt: skip
def tito() -> None:
    """Build a machine-learning framework, module by module."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 fine, 1 findings or failures, 2 wrong use."""
    gc.disable()  # a command ends before there is anything worth collecting
    sys.exit(invoke(arguments))


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; our own errors are printed without a traceback."""
    try:
        result: Any = tito.main(arguments, prog_name="tito", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return 130
    except TitoError as error:
        from tito.cli.ui import show_error

        show_error(error)
        return error.exit_code
    return result if isinstance(result, int) else 0
