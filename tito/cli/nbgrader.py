"""`tito nbgrader`: student versions, made and proven with nbgrader."""

from __future__ import annotations

from pathlib import Path

import click

from tito.cli import ui
from tito.cli.module import choose

GRADEBOOK = "gradebook.db"


@click.group(name="nbgrader")
def command() -> None:
    """Make student versions of modules, and prove them."""


@command.command("generate")
@click.argument("modules", nargs=-1, metavar="MODULE...")
@click.option("--all", "everything", is_flag=True, help="Every written module.")
@click.option(
    "--output", metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/student"), show_default=True, help="Where the student repository goes.",
)  # fmt: skip
@click.option(
    "--gradebook", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help=f"nbgrader's database, for instructors only.  [default: {GRADEBOOK} in the course]",
)  # fmt: skip
@click.option("--allow-dirty", is_flag=True, help="Take files that are not committed, too.")
@ui.json_option
def generate(
    modules: tuple[str, ...],
    everything: bool,
    output: Path,
    gradebook: Path | None,
    allow_dirty: bool,
    json_file: str | None,
) -> None:
    """Write the student repository with these modules, and save graded cells to the gradebook.

    Proves nothing: see `tito nbgrader validate`.
    """
    from tito import handout, student

    course = ui.open_course()
    chosen = choose(course, modules, everything=everything)
    handout.check(course, output)
    with ui.working("making student versions"):
        files = student.tree(
            course,
            chosen,
            source=student.commit_of(course),
            allow_dirty=allow_dirty,
            gradebook=gradebook or course.root / GRADEBOOK,
        )
        done = handout.write(course, output, files)
    data = {"modules": [m.slug for m in chosen], "files": len(files), "changed": done.changed}
    if ui.write_json(json_file, data | {"aside": str(done.aside) if done.aside else None}):
        return
    if done.aside:
        ui.line(f"! The release that was there is now in {done.aside}", "yellow")
    words = f"{len(files)} files" if done.changed else "nothing had changed"
    ui.verdict(True, f"{output} holds {len(chosen)} module(s) for students; {words}")
    ui.step("before anybody gets it: tito nbgrader validate --all")


@command.command("validate")
@click.argument("modules", nargs=-1, metavar="MODULE...")
@click.option("--all", "everything", is_flag=True, help="Every written module.")
@ui.json_option
def validate(modules: tuple[str, ...], everything: bool, json_file: str | None) -> int:
    """Prove that these modules can be handed out: five proofs, with the working folder's files."""
    from tito import proof

    course = ui.open_course()
    chosen = choose(course, modules, everything=everything)
    with ui.working("getting ready") as status:
        progress = status.update if status else lambda _: None
        found = proof.proofs(course, chosen, progress=progress)
    held = all(each.holds for each in found)
    if ui.write_json(json_file, found):
        return 0 if held else 1
    ui.show_findings(finding for each in found for finding in each.findings)
    for module in ("", *(module.slug for module in chosen)):
        mine = [each for each in found if each.module == module]
        words = (f"{'✓' if p.holds else '✗'} {proof.NAMES[p.number - 1]}" for p in mine)
        ui.line(f"{module or 'all files'}: {', '.join(words)}")
    failed = sum(not each.holds for each in found)
    ui.verdict(
        held, f"{failed} of {len(found)} proofs do not hold" if failed else "all proofs hold"
    )
    return 0 if held else 1
