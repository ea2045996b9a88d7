"""`tito export`: write the package from the modules."""

from __future__ import annotations

import click

from tito import fingerprint
from tito.cli import ui
from tito.course import Course, Module
from tito.errors import TitoError
from tito.importing import Importer


@click.command(name="export")
@click.argument("modules", nargs=-1, metavar="MODULE...")
@click.option("--all", "everything", is_flag=True, help="Every module of the package.")
@click.option("--force", is_flag=True, help="Take new modules in without running their tests.")
@ui.json_option
def command(modules: tuple[str, ...], everything: bool, force: bool, json_file: str | None) -> None:
    """Write the package from the modules.

    --all re-exports the modules that are in the package, and names the next one; with --force it
    takes in every written module.
    """
    export_modules(modules, everything=everything, force=force, json_file=json_file)


def export_modules(
    references: tuple[str, ...], *, everything: bool, force: bool, json_file: str | None
) -> None:
    """What both `tito export` and `tito module export` do."""
    if everything == bool(references):
        raise click.UsageError("name a module (02, tensor or 02_tensor), or type --all")
    course = ui.open_course()
    entered = course.entered()
    wanted = [course.module(reference) for reference in references]
    if everything and force:
        wanted = [module for module in course.modules if course.written(module)]
    modules = _extended(course, entered, wanted)
    ui.follow_notebooks(course, modules)
    if not force:
        for module in modules[len(entered) :]:
            _require_tests(course, module, quiet=json_file == "-")
    changed, aside = _export(course, modules)
    data = {"modules": [module.slug for module in modules], "changed": changed, "aside": aside}
    if ui.write_json(json_file, data):
        return
    package = course.settings.package
    for name in changed:
        ui.line(f"  {package}/{name}", "cyan")
    if aside:
        ui.line(f"! Hand-made changes in {package}/ were kept in {aside}", "yellow")
    count = len(changed)
    changes = f"{count} file(s) written" if count else "nothing had changed"
    ui.verdict(True, f"{package} holds {len(modules)} module(s); {changes}")
    following = course.modules[len(modules) :]
    if following and everything:
        ui.step(_next_step(course, following[0]))


def _export(course: Course, modules: tuple[Module, ...]) -> tuple[tuple[str, ...], str | None]:
    """Export, and return what changed and where hand-made changes are kept.

    Where nothing has changed, nothing more is imported; else the sandbox starts before the rest.
    """
    if fingerprint.unchanged(course, modules):
        return (), None
    with ui.working("exporting"), Importer(course) as importer:
        importer.start()
        from tito.export import export

        done = export(course, modules, check=importer)
    return done.changed, done.aside.relative_to(course.root).as_posix() if done.aside else None


def _next_step(course: Course, module: Module) -> str:
    if not course.written(module):
        return f"next is {module.slug}, which is not written yet: {course.dev_path(module)}"
    return f"next is {module.slug}: tito module export {module.number}"


def _extended(
    course: Course, entered: tuple[Module, ...], wanted: list[Module]
) -> tuple[Module, ...]:
    """The package's modules with the wanted ones behind them, without a gap."""
    modules = list(entered)
    for module in sorted(set(wanted) - set(entered), key=lambda module: module.number):
        following = course.modules[len(modules)]
        if module is not following:
            raise TitoError(
                f"{module.slug} cannot enter the package before {following.slug}",
                hint=f"tito module export {following.number}",
            )
        modules.append(module)
    return tuple(modules)


def _require_tests(course: Course, module: Module, *, quiet: bool) -> None:
    from tito.cli.module import run_tests

    if not run_tests(course, module, quiet=quiet)[0]:
        raise TitoError(
            f"{module.slug} does not pass its tests, so it did not enter the package",
            hint=f"mend it, or take it in as it is: tito module export {module.number} --force",
        )
