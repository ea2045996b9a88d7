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
