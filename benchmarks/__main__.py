"""`python -m benchmarks NAME...`: measure, print the table, write JSON."""

from __future__ import annotations

import os

# Before numpy is imported anywhere: BLAS looks at its settings once. It shall choose instructions
# by the processor, as PyTorch does; a machine may hold it, and it alone, to older ones.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["OPENBLAS_CORETYPE"] = os.environ["OPENBLAS_L2_SIZE"] = ""

import difflib
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import click
from rich.console import Console

from benchmarks.harness import Results, machine, markdown, plot, show
from tito.cli import ui
from tito.errors import TitoError, UsageError
from tito.report import encode

BENCHMARKS = {
    "export": "export",
    "cli": "cli",
    "import": "importing",
    "classroom": "classroom",
    "training": "training",
}
"""Name on the command line → file of this folder. `import` is no name for a Python file."""

PROOFS = {"mutation": "mutation"}
"""What compares no two sides and has options of its own; each is named by itself."""


def find(name: str) -> ModuleType:
    """The benchmark of that name.

    Raises UsageError with the names there are, and TitoError if it cannot run here.
    """
    if name in PROOFS:
        hint = f"python -m benchmarks {name} --help"
        raise UsageError(f"{name} has options of its own and goes by itself", hint=hint)
    if name not in BENCHMARKS:
        near = difflib.get_close_matches(name, [*BENCHMARKS, *PROOFS], n=1)
        guess = f" Did you mean {near[0]!r}?" if near else ""
        raise UsageError(
            f"there is no benchmark {name!r}.{guess}",
            hint=f"python -m benchmarks {' '.join(BENCHMARKS)}",
        )
    try:
        return importlib.import_module(f"benchmarks.{BENCHMARKS[name]}")
    except ImportError as error:
        raise TitoError(
            f"the benchmark {name!r} needs {error.name}, which is not installed",
            hint="make setup CI=true",
        ) from None


def measure(names: Sequence[str], rounds: int | None) -> Results:
    """Run the benchmarks one after the other."""
    chosen = {name: find(name) for name in names or BENCHMARKS}
    comparisons = []
    for name, module in chosen.items():
        with ui.working(f"measuring {name}"):
            comparisons += module.measure(module.ROUNDS if rounds is None else rounds)
    packages = sorted({package for module in chosen.values() for package in module.PACKAGES})
    return Results(machine(packages), tuple(comparisons))


@click.command()
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--rounds", type=int, metavar="N", help="Rounds, instead of each one's own number.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown instead of a table.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False), metavar="FILE")
@click.option("--plot", "plot_file", type=click.Path(dir_okay=False), metavar="FILE.png")
def command(
    names: tuple[str, ...],
    rounds: int | None,
    as_markdown: bool,
    json_file: str | None,
    plot_file: str | None,
) -> None:
    """Measure NAME... (all, if none is named) and print what was reached.

    `mutation` is called by itself and has options of its own.

    Exit code 1 if something was not.
    """
    try:
        results = measure(names, rounds)
        if json_file:
            Path(json_file).write_bytes(encode(results))
        if plot_file:
            plot(results, Path(plot_file))
    except TitoError as error:
        ui.show_error(error)
        sys.exit(error.exit_code)
    if as_markdown:
        click.echo(markdown(results))
    else:
        show(results, Console(highlight=False))
    sys.exit(not all(each.reached for each in results.comparisons))


def main(arguments: Sequence[str]) -> None:
    """Run a proof, if one is named first, else the comparisons."""
    name, program = arguments[0] if arguments else "", "python -m benchmarks"
    if name in PROOFS:
        proof = importlib.import_module(f"benchmarks.{PROOFS[name]}")
        proof.command(arguments[1:], prog_name=f"{program} {name}")
    else:
        command(arguments, prog_name=program)


if __name__ == "__main__":
    main(sys.argv[1:])
