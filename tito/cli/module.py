"""`tito module`: list, export, test, validate, notebook."""

from __future__ import annotations

import click

from tito.cli import ui
from tito.cli.export import export_modules
from tito.course import Course, Module


@click.group(name="module")
def command() -> None:
    """List, test, export and check modules."""


@command.command("list")
@ui.json_option
def list_modules(json_file: str | None) -> None:
    """Show every module of the course and how far it is."""
    course = ui.open_course()
    entered = course.entered()
    rows = []
    for module in course.modules:
        state = "in the package" if module in entered else "written"
        rows.append((module, state if course.written(module) else "not written"))
    data = [{"module": m.slug, "state": state, "file": course.dev_path(m)} for m, state in rows]
    if ui.write_json(json_file, data):
        return
    ui.table(
        ("module", "state", "package", "needs"),
        [(m.slug, state, m.target, ", ".join(m.needs) or "–") for m, state in rows],
    )
    ui.verdict(True, f"{len(entered)} of {len(course.modules)} modules are in the package")


@command.command("export")
@click.argument("modules", nargs=-1, metavar="MODULE...")
@click.option("--all", "everything", is_flag=True, help="Every module of the package.")
@click.option("--force", is_flag=True, help="Take a new module in without running its tests.")
@ui.json_option
def export(modules: tuple[str, ...], everything: bool, force: bool, json_file: str | None) -> None:
    """Write modules into the package. A new one must pass its tests first."""
    export_modules(modules, everything=everything, force=force, json_file=json_file)


@command.command("test")
@click.argument("modules", nargs=-1, metavar="MODULE...")
@click.option("--all", "everything", is_flag=True, help="Every written module.")
@ui.json_option
def test(modules: tuple[str, ...], everything: bool, json_file: str | None) -> int:
    """Run a module's tests on the code you wrote, in a sandbox."""
    course = ui.open_course()
    chosen = choose(course, modules, everything=everything)
    passed, data = True, []
    for module in chosen:
        result = run_tests(course, module, quiet=json_file == "-")
        passed = passed and result[0]
        data.append(result[1])
    ui.write_json(json_file, data)
    return 0 if passed else 1


@command.command("validate")
@click.argument("modules", nargs=-1, metavar="MODULE...")
@click.option("--all", "everything", is_flag=True, help="Every written module.")
@ui.json_option
def validate(modules: tuple[str, ...], everything: bool, json_file: str | None) -> int:
    """Check how a module is written: cells, directives, imports, sections. Runs no code."""
    from tito.gates import module_findings
    from tito.report import failed, in_order

    course = ui.open_course()
    chosen = choose(course, modules, everything=everything)
    findings = in_order(f for module in chosen for f in module_findings(course, module))
    if not ui.write_json(json_file, findings):
        ui.show_findings(findings)
        names = ", ".join(module.slug for module in chosen)
        words = "has faults" if failed(findings) else "follows the rules"
        ui.verdict(not failed(findings), f"{names} {words}")
    return 1 if failed(findings) else 0


@command.command("notebook")
@click.argument("module")
def notebook(module: str) -> None:
    """Bring the module's notebook and its .py file up to date with each other."""
    from tito.notebook import synchronise

    course = ui.open_course()
    chosen = course.module(module)
    with ui.working("reading the notebook"):
        done = synchronise(course, chosen)
    ui.verdict(True, done)


def choose(course: Course, references: tuple[str, ...], *, everything: bool) -> list[Module]:
    """The modules that a command line names, brought up to date with their notebooks."""
    if everything == bool(references):
        raise click.UsageError("name a module (02, tensor or 02_tensor), or type --all")
    if everything:
        chosen = [module for module in course.modules if course.written(module)]
    else:
        chosen = list(dict.fromkeys(course.module(reference) for reference in references))
    ui.follow_notebooks(course, course.up_to(max(chosen, key=lambda module: module.number)))
    return chosen


def run_tests(course: Course, module: Module, *, quiet: bool = False) -> tuple[bool, object]:
    """Run and show one module's tests. Returns whether all passed, and the result as data."""
    from tito.testing import run_module

    with ui.working(f"testing {module.slug}"):
        run = run_module(course, module)
    data = {
        "module": module.slug,
        "passed": run.passed,
        "isolation": str(run.isolation),
        "tests": [{"name": t.name, "verdict": t.verdict, "finding": t.finding} for t in run.tests],
    }
    if quiet:
        return run.passed, data
    good = sum(test.verdict == "passed" for test in run.tests)
    ui.show_findings(run.findings)
    ui.verdict(run.passed, f"{module.slug}: {good} of {len(run.tests)} tests passed")
    if run.passed and module not in course.entered():
        ui.step(f"put it into the package: tito module export {module.number}")
    elif not run.passed:
        ui.step(f"mend the first one, then: tito module test {module.number}")
    return run.passed, data
