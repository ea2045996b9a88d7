"""`python -m benchmarks mutation [MODULE...]`: which planted faults do the graded tests catch?

It measures no time and compares no two sides; `tito.mutation_proof` does the work.
"""

from __future__ import annotations

import sys
import time

import click
import msgspec

from benchmarks.harness import ROOT
from tito import course as course_module
from tito.cli import ui
from tito.course import Course, Module
from tito.errors import TitoError
from tito.mutation import OPERATORS
from tito.mutation_proof import Count, Proof, Tried, prove, read_equivalents
from tito.report import Finding, failed

FORMAT = 1
EQUIVALENTS = "benchmarks/equivalent_mutants.yml"
"""Beside the code and not beside the modules: it quotes solutions, and students get the modules."""
LEAST_SHARE = 0.85
"""The part of all mutants that must be caught."""
COLUMNS = ("module", "mutants", "caught", "share", "of these late", "equivalent", "survived")


class Results(msgspec.Struct, frozen=True):
    """What the JSON file holds. `total` and `modules` count, `tried` names every mutant."""

    total: Count
    modules: tuple[Count, ...]
    tried: tuple[Tried, ...]
    findings: tuple[Finding, ...]
    operators: dict[str, str]
    seconds: float
    format: int = FORMAT


def rows(proof: Proof) -> list[tuple[str, ...]]:
    """The cells of the table, the total last."""
    return [
        (
            each.what,
            *map(str, (each.mutants, each.caught)),
            f"{each.share:.1%}",
            *map(str, (each.late, each.equivalent, each.survived)),
        )
        for each in (*proof.modules, proof.total)
    ]


def survivor(tried: Tried) -> str:
    """One line: where, which operator, what it changed."""
    mutant = tried.mutant
    return f"{mutant.path}:{mutant.line} {mutant.id}: {mutant.change}"


def chosen(course: Course, names: tuple[str, ...]) -> list[Module]:
    """The modules of these names, or all that are written, in the order of the course.

    Raises UsageError for a name that no module has.
    """
    named = [course.module(name) for name in names]
    return [m for m in course.modules if (m in named if names else course.written(m))]


def show(proof: Proof, seconds: float) -> None:
    """The table, the survivors, what is wrong with the list of equivalent ones, the verdict."""
    ui.table(COLUMNS, rows(proof))
    if proof.survivors:
        ui.line("\nNo test notices:")
    for each in proof.survivors:
        ui.line(survivor(each))
    ui.line("")
    ui.show_findings(proof.findings)
    words = f"{proof.total.share:.1%} of {proof.total.mutants} mutants are caught"
    ui.verdict(well(proof), f"{words}; at least {LEAST_SHARE:.0%} must be ({seconds:.0f} s)")


def well(proof: Proof) -> bool:
    """True if enough are caught and the list of equivalent ones holds."""
    return proof.total.share >= LEAST_SHARE and not failed(proof.findings)


@click.command()
@click.argument("modules", nargs=-1, metavar="MODULE...")
@ui.json_option
def command(modules: tuple[str, ...], json_file: str | None) -> None:
    """Plant faults into the solutions of MODULE... (all, if none is named), and run their tests.

    Exit code 1 if too few are caught, or a mutant is wrongly declared equivalent.
    """
    began = time.monotonic()
    try:
        course = course_module.load(ROOT)
        with ui.working("trying mutants") as status:
            proof = prove(
                course,
                chosen(course, modules),
                equivalents=read_equivalents(ROOT / EQUIVALENTS, EQUIVALENTS),
                progress=lambda said: status.update(said) if status else None,
            )
        seconds = time.monotonic() - began
        table = {operator.name: operator.what for operator in OPERATORS}
        results = Results(
            proof.total, proof.modules, proof.tried, proof.findings, table, round(seconds, 1)
        )
        quiet = ui.write_json(json_file, results)
    except TitoError as error:
        ui.show_error(error)
        sys.exit(error.exit_code)
    if not quiet:
        show(proof, seconds)
    sys.exit(not well(proof))
