"""`tito gate`: judge the course as a pull request is judged."""

from __future__ import annotations

from pathlib import Path

import click

from tito.cli import ui
from tito.course import find_root
from tito.report import GateResult


@click.group(name="gate")
def command() -> None:
    """Judge the course as a pull request is judged."""


@command.command("export")
@ui.json_option
def export(json_file: str | None) -> int:
    """A fresh export equals the package, and every rule holds. Runs none of the students' code."""
    from tito.gates import export_gate

    return show(export_gate(find_root(Path.cwd())), json_file)


@command.command("protection")
@click.option("--base", metavar="REF", help="Also judge what changed since the branch left REF.")
@click.option("--branch", metavar="NAME", help="Also judge this name and the commits since REF.")
@click.option(
    "--event", type=click.Path(path_type=Path), metavar="FILE",
    help="Take the branch and its labels from the event that GitHub wrote to FILE.",
)  # fmt: skip
@ui.json_option
def protection(
    base: str | None, branch: str | None, event: Path | None, json_file: str | None
) -> int:
    """Nothing generated was edited by hand, nothing locked was changed unseen."""
    from tito import policy
    from tito.gates import protection_gate

    if (branch is not None or event is not None) and base is None:
        raise click.UsageError("--branch and --event need --base: commits are judged since then")
    if branch is not None and event is not None:
        raise click.UsageError("--branch and --event both name the branch: give one of them")
    proposal = policy.Proposal(branch) if branch else None
    if event is not None:
        proposal = policy.proposal_in(event)
    return show(protection_gate(find_root(Path.cwd()), base=base, proposal=proposal), json_file)


@command.command("integration")
@ui.json_option
def integration(json_file: str | None) -> int:
    """Every prefix works, all tests pass, a wheel works, so do the checkpoints. Runs your code."""
    from tito.gates import integration_gate

    with ui.working("getting ready") as status:
        progress = status.update if status else None
        result = integration_gate(find_root(Path.cwd()), progress=progress)
    return show(result, json_file)


@command.command("student")
@ui.json_option
def student(json_file: str | None) -> int:
    """What a class would be given is fit for it: the five proofs. For instructors."""
    from tito.gates import student_gate

    with ui.working("getting ready") as status:
        progress = status.update if status else None
        result = student_gate(find_root(Path.cwd()), progress=progress)
    return show(result, json_file)


def show(result: GateResult, json_file: str | None) -> int:
    """Print a gate's result and return the exit code."""
    if not ui.write_json(json_file, result):
        ui.show_findings(result.findings)
        errors = sum(finding.severity == "error" for finding in result.findings)
        words = {
            "passed": f"gate {result.gate}: passed",
            "failed": f"gate {result.gate}: failed, {errors} to mend",
            "error": f"gate {result.gate}: could not run, which counts as failed",
        }
        ui.verdict(result.status == "passed", words[result.status])
        if result.status != "passed":
            ui.step(f"see it again: {result.reproduce}")
    return 0 if result.status == "passed" else 1
