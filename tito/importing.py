"""Import a package in the sandbox before it takes the old one's place."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path
from types import TracebackType

from tito.course import Course
from tito.errors import TitoError
from tito.sandbox import Outcome, run
from tito.testing import Mapper, python_traceback

_CODE = """
import sys
try:
    import numpy  # takes most of the time, and needs no package
except ImportError:
    pass
folder, package = sys.stdin.readline().rstrip("\\n"), sys.argv[1]
if folder:
    sys.path.insert(0, folder)
    found = __import__(package).__file__
    if not found.startswith(folder):
        sys.exit(f"{package} was imported from {found}")
"""


class Importer:
    """A sandbox that gets ready while the package is still being written, then imports it.

    Use it in a `with` block, which ends a sandbox that was started and not needed.
    """

    def __init__(self, course: Course) -> None:
        self._course = course
        self._thread: threading.Thread | None = None
        self._pipe = -1
        self._outcome: Outcome | TitoError | None = None

    def __enter__(self) -> Importer:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._tell("")

    def start(self) -> None:
        """Start the sandbox. Without a folder to import it ends by itself."""
        read_end, self._pipe = os.pipe()
        self._thread = threading.Thread(target=self._run, args=[read_end])
        self._thread.start()

    def _run(self, read_end: int) -> None:
        code = [sys.executable, "-I", "-B", "-c", _CODE, self._course.settings.package]
        try:
            self._outcome = run(code, cwd=self._course.root, stdin=read_end)
        except TitoError as error:
            self._outcome = error
        finally:
            os.close(read_end)

    def _tell(self, folder: str) -> None:
        if self._thread is None:
            return
        with contextlib.suppress(BrokenPipeError):  # the sandbox has ended: its outcome says why
            os.write(self._pipe, f"{folder}\n".encode())
        os.close(self._pipe)
        self._thread.join()
        self._thread = None

    def outcome(self, folder: Path) -> Outcome:
        """Import the package that lies in `folder`. It must print nothing."""
        if self._thread is None:
            self.start()
        self._tell(str(folder.resolve()))
        if isinstance(self._outcome, Outcome):
            return self._outcome
        raise self._outcome or TitoError("the sandbox gave no outcome")

    def check(self, folder: Path) -> None:
        """Raise TitoError, with the dev file's line, if the package cannot be imported."""
        outcome = self.outcome(folder)
        if outcome.returncode == 0 and not outcome.stopped:
            said = (outcome.stdout + outcome.stderr).strip()
            if not said:
                return
            raise TitoError(
                f"importing the package prints: {said[:200]!r}",
                hint="an exported cell may define things; move the call into a test cell",
            )
        mapper = Mapper(self._course, folder.resolve(), None, None)
        last = outcome.stderr.strip().split("\n")[-1]
        place = mapper.place(python_traceback(outcome.stderr))
        raise TitoError(
            f"the package cannot be imported: {outcome.stopped or last}",
            where=f"{place.path}:{place.line}, cell {place.cell}" if place else "",
            hint="the package stays as it was; mend the cell and export again",
        )


def import_package(course: Course, folder: Path) -> Outcome:
    """How the import of the package in `folder` ends."""
    with Importer(course) as importer:
        return importer.outcome(folder)


def check_import(course: Course, folder: Path) -> None:
    """Raise TitoError if the package in `folder` cannot be imported, or prints."""
    with Importer(course) as importer:
        importer.check(folder)
