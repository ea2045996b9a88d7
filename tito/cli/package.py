"""`tito package`: validate, the graph of the modules and the public API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tito.cli import ui

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tito.api import Api
    from tito.dependencies import Node


@click.group(name="package")
def command() -> None:
    """Check the whole package and draw its graph."""


@command.command("validate")
@ui.json_option
def show_validation(json_file: str | None) -> int:
    """Compare the package with a fresh export and its public API, and import it in a sandbox."""
    from tito.package import validate
    from tito.report import failed, in_order

    course = ui.open_course()
    with ui.working("looking at the package"):
        findings = in_order(validate(course))
    good = not failed(findings)
    if not ui.write_json(json_file, findings):
        ui.show_findings(findings)
        count = len(course.entered())
        words = "is what a fresh export gives, and imports" if good else "has faults"
        ui.verdict(good, f"{course.settings.package} with {count} module(s) {words}")
    return 0 if good else 1


@command.command("graph")
@click.option("--mermaid", is_flag=True, help="The graph as Mermaid text, for a README.")
@ui.json_option
def graph(mermaid: bool, json_file: str | None) -> int:
    """Show which modules each module imports.

    Written modules are read; one that is not written yet shows what classroom.yml says it needs.
    """
    from tito import dependencies
    from tito.report import failed

    course = ui.open_course()
    nodes = dependencies.graph(course)
    derived = dependencies.order(course)
    data = {
        "modules": [
            {"module": n.module.slug, "imports": [m.slug for m in n.imports], "state": n.state}
            for n in nodes
        ],
        "order": [module.slug for module in derived.modules],
        "findings": derived.findings,
    }
    bad = failed(derived.findings)
    if ui.write_json(json_file, data):
        return 1 if bad else 0
    if mermaid:
        for text in mermaid_lines(nodes):
            click.echo(text)
        return 1 if bad else 0
    ui.table(
        ("module", "needs", "state"),
        [(n.module.slug, ", ".join(m.name for m in n.imports) or "–", n.state) for n in nodes],
    )
    ui.show_findings(derived.findings)
    missing = [node.module.slug for node in nodes if node.state != "written"]
    if missing:
        ui.line(f"! not read, shown as declared: {', '.join(missing)}", "yellow")
    words = "contradict the order of the course" if bad else "look back only"
    ui.verdict(not bad, f"the imports of {len(nodes) - len(missing)} module(s) {words}")
    return 1 if bad else 0


def mermaid_lines(nodes: Sequence[Node]) -> list[str]:
    """A Mermaid flow chart: an arrow leads from a module to each one that imports it."""
    lines = ["flowchart LR"]
    for node in nodes:
        number = node.module.number
        mark = "" if node.state == "written" else ":::later"
        lines.append(f'    m{number}["{number} {node.module.name}"]{mark}')
    lines += [f"    m{m.number} --> m{node.module.number}" for node in nodes for m in node.imports]
    return [*lines, "    classDef later stroke-dasharray: 4 4"]


@command.command("api")
@click.option("--write", is_flag=True, help="Keep the API as it is now as the snapshot.")
@click.option("--force", is_flag=True, help="With --write: even if it breaks callers.")
@ui.json_option
def api(write: bool, force: bool, json_file: str | None) -> int:
    """Show the public API of the package and how it differs from the snapshot."""
    from tito import contract
    from tito.report import failed, in_order

    if force and not write:
        raise click.UsageError("--force goes with --write")
    course = ui.open_course()
    if write:
        path = contract.write(course, force=force).relative_to(course.root).as_posix()
    now = contract.snapshot(course)
    findings = in_order(contract.check(course))
    bad = failed(findings)
    if ui.write_json(json_file, {"modules": now.modules, "findings": findings}):
        return 1 if bad else 0
    if write:
        ui.verdict(True, f"{path} holds the API of {len(now.modules)} module(s)")
    else:
        ui.table(("name", "takes", "module"), api_rows(now))
    ui.show_findings(findings)
    errors = sum(finding.severity == "error" for finding in findings)
    news = sum(finding.rule == "contract-new" for finding in findings)
    if not write:
        ui.verdict(not bad, f"{errors} fault(s), {news} change(s) not in the snapshot")
    return 1 if bad else 0


def api_rows(shown: Api) -> list[tuple[str, str, str]]:
    """Every public name with its signature, methods below their class."""
    rows = []
    for target, surface in shown.modules.items():
        for name, takes in surface.functions.items():
            rows.append((name, takes, target))
        for name, described in surface.classes.items():
            above = f" from {', '.join(described.bases)}" if described.bases else ""
            rows.append((name, f"class{above}", target))
            for method, takes in described.methods.items():
                rows.append((f"  .{method}", takes, ""))
            for attribute in (*described.properties, *described.attributes):
                rows.append((f"  .{attribute}", "–", ""))
        rows += [(name, "value", target) for name in surface.names]
    return rows
