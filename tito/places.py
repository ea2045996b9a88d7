"""From a traceback to the line and cell of a dev file, or the line of a test file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tito.course import Course, Module
from tito.export import locate
from tito.report import Finding
from tito.source import read


class Entry(msgspec.Struct):
    """One frame of a traceback."""

    path: str
    lineno: int
    message: str = ""


@dataclass(frozen=True)
class Place:
    """A line and cell of a dev file, or a line of a test file."""

    module: Module | None
    path: str
    line: int
    cell: str


class Mapper:
    """From frames of a traceback to a dev file's line and cell."""

    def __init__(
        self, course: Course, folder: Path, module: Module | None, tested: Path | None
    ) -> None:
        self.course = course
        self.package = folder / course.settings.package
        self.module = module
        self.tested = tested

    def place(self, entries: Sequence[Entry]) -> Place | None:
        """The deepest frame that is the student's or the test's."""
        for entry in reversed(entries):
            path = (self.course.root / entry.path).resolve()
            if self.tested is not None and path == self.tested.resolve():
                return self._tested(entry.lineno)
            if path.is_relative_to(self.package.resolve()):
                found = self._generated(path, entry.lineno)
                if found:
                    return found
        return None

    def _tested(self, line: int) -> Place:
        assert self.tested is not None
        if self.module is None:
            path = self.tested.resolve().relative_to(self.course.root.resolve()).as_posix()
            return Place(None, path, line, "")
        dev = read(self.tested, self.course.dev_path(self.module))
        cell = dev.cell_at(line)
        return Place(self.module, dev.path, line, cell.identity if cell else "")

    def _generated(self, path: Path, line: int) -> Place | None:
        name = path.relative_to(self.package.resolve()).as_posix()
        module = next((m for m in self.course.modules if m.file == name), None)
        if module is None or not path.is_file():
            return None
        dev = read(self.course.dev_file(module), self.course.dev_path(module))
        found = locate(path.read_text(encoding="utf-8"), line, dev)
        return Place(module, dev.path, found[0], found[1].identity) if found else None

    def finding(
        self, name: str, entries: Sequence[Entry] | None, message: str, hint: str = ""
    ) -> Finding:
        """A failed test as a finding. A fault in an earlier module is said first."""
        place = self.place(entries or ())
        path = self.course.dev_path(self.module) if self.module else self._tested(0).path
        if place is None:
            return Finding("test", "error", path, 0, f"{name}: {message}", hint)
        if place.module and self.module and place.module is not self.module:
            message = f"This fails inside module {place.module.slug}. Mend that first.\n{message}"
            hint = f"tito module test {place.module.number}"
        return Finding(
            "test", "error", place.path, place.line, f"{name}: {message}", hint, place.cell
        )


def python_traceback(text: str) -> list[Entry]:
    """The frames of a traceback as Python prints it."""
    entries = []
    for line in text.split("\n"):
        head, _, rest = line.strip().partition('", line ')
        number = rest.partition(",")[0]
        if head.startswith('File "') and number.isdigit():
            entries.append(Entry(head.removeprefix('File "'), int(number)))
    return entries
