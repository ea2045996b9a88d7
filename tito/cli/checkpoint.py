"""`tito checkpoint`: see and run the capability checkpoints."""

from __future__ import annotations

import click

from tito.checkpoints import Status, require, run, status
from tito.cli import ui

_SIGNS = {
    "passed": "✓ passed",
    "failed": "✗ failed",
    "to run again": "~ to run again",
    "not run": "· not run",
    "waiting": "· waiting",
    "not written": "– not written",
}


@click.group(name="checkpoint")
def command() -> None:
    """See and run the capability checkpoints."""


@command.command("status")
@click.option("--detailed", is_flag=True, help="Show each question and what it waits for.")
@ui.json_option
def show_status(detailed: bool, json_file: str | None) -> None:
    """How far you are: every checkpoint and its last outcome."""
    course = ui.open_course()
    found = [status(course, checkpoint) for checkpoint in course.checkpoints]
    data = [
        {
            "checkpoint": item.checkpoint.slug,
            "state": item.state,
            "question": item.checkpoint.question,
            "waits_for": [module.slug for module in item.waits_for],
        }
        for item in found
    ]
    if ui.write_json(json_file, data):
        return
    if detailed:
        for item in found:
            _show(item)
    else:
        ui.table(
            ("checkpoint", "state", "waits for"),
            [(i.checkpoint.slug, _SIGNS[i.state], _waits(i)) for i in found],
        )
    passed = sum(item.state == "passed" for item in found)
    ui.verdict(True, f"{passed} of {len(found)} checkpoints passed")
    ready = [item for item in found if item.state in ("not run", "to run again", "failed")]
    if ready:
        ui.step(f"next: tito checkpoint test {ready[0].checkpoint.number}")


def _show(item: Status) -> None:
    ui.line(f"{_SIGNS[item.state]}  {item.checkpoint.slug}", "bold")
    ui.line(f"  {item.checkpoint.question}")
    if item.waits_for:
        ui.line(f"  waits for {_waits(item)}", "cyan")


def _waits(item: Status) -> str:
    return ", ".join(module.slug for module in item.waits_for)


@command.command("test")
@click.argument("checkpoints", nargs=-1, metavar="CHECKPOINT...")
@click.option("--all", "everything", is_flag=True, help="Every checkpoint that can run.")
@ui.json_option
def test(checkpoints: tuple[str, ...], everything: bool, json_file: str | None) -> int:
    """Run a checkpoint's tests on the package and remember the outcome."""
    if everything == bool(checkpoints):
        raise click.UsageError("name a checkpoint (01 or foundation), or type --all")
    course = ui.open_course()
    chosen = [course.checkpoint(reference) for reference in checkpoints]
    if everything:
        states = (status(course, checkpoint) for checkpoint in course.checkpoints)
        chosen = [s.checkpoint for s in states if s.state not in ("waiting", "not written")]
    good, data = True, []
    for checkpoint in chosen:
        with ui.working(f"checkpoint {checkpoint.slug}"):
            result = run(course, checkpoint)
        good = good and result.passed
        verdicts = {item.name: item.verdict for item in result.tests}
        data.append({"checkpoint": checkpoint.slug, "passed": result.passed, "tests": verdicts})
        if json_file == "-":
            continue
        ui.show_findings(result.findings)
        count = sum(item.verdict == "passed" for item in result.tests)
        words = f"checkpoint {checkpoint.slug}: {count} of {len(result.tests)} tests passed"
        ui.verdict(result.passed, words)
    ui.write_json(json_file, data)
    return 0 if good else 1


@command.command("run")
@click.argument("checkpoint")
@click.option("--verbose", is_flag=True, help="Show how the run was isolated, and its time.")
def run_alone(checkpoint: str, verbose: bool) -> int:
    """Run a checkpoint's file as `python` would, and watch it answer its question."""
    from tito.testing import run_script

    course = ui.open_course()
    chosen = course.checkpoint(checkpoint)
    require(course, chosen)
    ui.line(chosen.question, "bold")
    with ui.working(f"checkpoint {chosen.slug}"):
        outcome = run_script(course, chosen.path)
        result = run(course, chosen)
    ui.line((outcome.stdout + outcome.stderr).rstrip())
    if verbose:
        ui.line(f"{outcome.seconds:.1f} s; {outcome.isolation}", "cyan")
    if outcome.stopped:
        ui.line(f"stopped: {outcome.stopped}", "red")
    passed = outcome.returncode == 0 and not outcome.stopped and result.passed
    ui.verdict(passed, "yes, you can" if passed else "not yet")
    if not passed:
        ui.step(f"see each test: tito checkpoint test {chosen.number}")
    return 0 if passed else 1
