"""What a new release changes in a student repository: locked files follow it, work stays. Pure.

Three trees are compared: the release the student was given, the new one, and what stands there now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bot.git import File
from tito.course import Protection
from tito.protection import covered
from tito.provenance import FILE, digest
from tito.source import Cell, parse

KEPT = "kept"
"""The folder in which a student finds edits of files that were restored."""

Tree = Mapping[str, File]


@dataclass(frozen=True)
class Changes:
    """What is to be written and deleted, and what the student should be told."""

    write: dict[str, File] = field(default_factory=dict)
    delete: frozenset[str] = frozenset()
    kept: dict[str, str] = field(default_factory=dict)
    """Path → where the student's own version of it is kept."""
    told: tuple[str, ...] = ()
    """Sentences, in Markdown, about work that is left as it is."""

    @property
    def any(self) -> bool:
        """True if there is anything to hand out."""
        return bool(self.write or self.delete)

    def applied(self, tree: Tree) -> dict[str, File]:
        """The student's tree with these changes."""
        left = {path: file for path, file in tree.items() if path not in self.delete}
        return dict(sorted({**left, **self.write}.items()))


def changes(
    base: Tree, new: Tree, theirs: Tree, protection: Protection, *, release: str
) -> Changes:
    """From `base` to `new`, for somebody who made `theirs` of `base`."""
    write: dict[str, File] = {}
    delete: set[str] = set()
    kept: dict[str, str] = {}
    told: list[str] = []
    for path in sorted({*base, *new}):
        before, after, now = base.get(path), new.get(path), theirs.get(path)
        if covered(path, protection.generated) or same(now, after):
            continue
        if covered(path, protection.editable):
            if after is not None and (
                (now is None and before is None) or (now and same(now, before))
            ):
                write[path] = after
            elif not same(before, after):
                told += [*_about(path, before, after, now)]
            continue
        if now is not None and path != FILE and not same(now, before):
            kept[path] = f"{KEPT}/{release}/{path}"
            write[kept[path]] = File("100644", now.data)
        if after is None:
            delete |= {path} if now is not None else set()
        else:
            write[path] = after
    return Changes(write, frozenset(delete), kept, tuple(told))


def same(one: File | None, other: File | None) -> bool:
    """True if both hold the same, whatever their line ends, or neither is there."""
    if one is None or other is None:
        return one is other
    return digest(one.data) == digest(other.data)


def _about(path: str, before: File | None, after: File | None, now: File | None) -> Iterator[str]:
    """What a new release would have in a file that the student has worked in."""
    if after is None:
        yield f"`{path}` is no longer part of the course. Yours stays."
        return
    if now is None:
        yield f"`{path}` has changed. You have deleted it, so it stays away."
        return
    old, fresh = _cells(path, before), _cells(path, after)
    for identity, cell in fresh.items():
        earlier = old.get(identity)
        where = f"`{path}`, cell `{identity}`"
        if earlier is None:
            yield f"{where}, is new:\n\n{_quoted(cell)}"
        elif earlier.source != cell.source and cell.solution:
            yield f"{where}: what you are given to write has changed, to\n\n{_quoted(cell)}"
        elif earlier.source != cell.source and cell.nbgrader.get("locked"):
            yield f"{where}: the test or given code has changed, to\n\n{_quoted(cell)}"
    for identity in (each for each in old if each not in fresh):
        yield f"`{path}`: cell `{identity}` is no longer part of it."


def _cells(path: str, file: File | None) -> dict[str, Cell]:
    """The cells that nbgrader knows, by their ids."""
    if file is None:
        return {}
    dev = parse(file.data.decode("utf-8", "replace"), path)
    return {cell.identity: cell for cell in dev.cells if cell.nbgrader.get("grade_id")}


def _quoted(cell: Cell) -> str:
    fence = "````" if "```" in cell.source else "```"
    return f"{fence}python\n{cell.source.rstrip()}\n{fence}"
