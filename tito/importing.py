"""Import a package in the sandbox before it takes the old one's place."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from tito.course import Course
from tito.errors import TitoError

if TYPE_CHECKING:
    from tito.sandbox import Outcome, Running

_CODE = """
import os, sys
package, sys.path[:] = sys.argv[1], sys.argv[2:]
try:
    import numpy  # takes most of the time, and needs no package
except ImportError:
    pass
folder = sys.stdin.readline().rstrip("\\n")
if folder:
    sys.path.insert(0, folder)
    found = __import__(package).__file__
    if not found.startswith(folder):
        sys.exit(f"{package} was imported from {found}")
sys.stdout.flush()
sys.stderr.flush()
os._exit(0)  # taking numpy down in order would take as long as importing the package
"""


class Importer:
    """A sandbox that gets ready while the package is still being written, then imports it.

    Use it in a `with` block, which ends a sandbox that was started and not needed.
    """

    def __init__(self, course: Course) -> None:
        self._course = course
        self._running: Running | None = None
        self._pipe = -1
        self._folder: Path | None = None

    def __enter__(self) -> Importer:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._running is not None:
            self._tell("")
            self._running.stop()

    def start(self) -> None:
        """Start the sandbox, if it has not been. Without a folder to import it ends by itself."""
        if self._running is not None:
            return
        from tito.sandbox import Limits, start

        code = [sys.executable, "-I", "-S", "-B", "-c", _CODE]
        arguments = [*code, self._course.settings.package, *sys.path]
        read_end, self._pipe = os.pipe()
        try:
            folder = self._course.root
            self._running = start(arguments, cwd=folder, limits=Limits(), stdin=read_end)
        finally:
            os.close(read_end)

    def _tell(self, folder: str) -> None:
        if self._pipe >= 0:
            with contextlib.suppress(BrokenPipeError):  # it has ended: its outcome says why
                os.write(self._pipe, f"{folder}\n".encode())
            os.close(self._pipe)
            self._pipe = -1

    def begin(self, folder: Path) -> None:
        """Let the sandbox import the package that lies in `folder`. Nothing waits for it."""
        self.start()
        self._folder = folder.resolve()
        self._tell(str(self._folder))

    def outcome(self) -> Outcome:
        """How the import that was begun ends. The package must print nothing."""
        running, self._running = self._running, None
        assert running is not None
        return running.wait()

    def finish(self) -> None:
        """Raise TitoError, with the dev file's line, if the package cannot be imported."""
        outcome = self.outcome()
        assert self._folder is not None
        fault = fault_of(self._course, self._folder, outcome)
        if fault is not None:
            raise fault


def fault_of(course: Course, folder: Path, outcome: Outcome) -> TitoError | None:
    """What is wrong with the package in `folder`, by how its import ended; None if nothing is."""
    if outcome.returncode == 0 and not outcome.stopped:
        said = (outcome.stdout + outcome.stderr).strip()
        if not said:
            return None
        return TitoError(
            f"importing the package prints: {said[:200]!r}",
            hint="an exported cell may define things; move the call into a test cell",
        )
    from tito.places import Mapper, python_traceback

    mapper = Mapper(course, folder, None, None)
    last = outcome.stderr.strip().split("\n")[-1]
    place = mapper.place(python_traceback(outcome.stderr))
    return TitoError(
        f"the package cannot be imported: {outcome.stopped or last}",
        where=f"{place.path}:{place.line}, cell {place.cell}" if place else "",
        hint="mend that cell, then: tito export --all",
    )


def import_package(course: Course, folder: Path) -> Outcome:
    """How the import of the package in `folder` ends."""
    with Importer(course) as importer:
        importer.begin(folder)
        return importer.outcome()


def check_import(course: Course, folder: Path) -> None:
    """Raise TitoError if the package in `folder` cannot be imported, or prints."""
    with Importer(course) as importer:
        importer.begin(folder)
        importer.finish()
