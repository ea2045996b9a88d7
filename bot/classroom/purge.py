"""The end of a term: its student repositories are deleted, each after a copy of it is kept.

What is a student repository is told by its description alone, and asked again right before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from bot.classroom.copies import keep
from bot.classroom.forge import Forge
from bot.classroom.names import Home, home, homes, terms
from bot.classroom.steps import Step, one_by_one
from bot.errors import GoneError
from bot.organisation import Organisation, Repository
from tito.course import MANIFEST, Course
from tito.errors import TitoError


def of_term(course: Course, repositories: Sequence[Repository], term: str) -> Course:
    """The course as it was in a term. Raises TitoError unless the term is named exactly."""
    found = terms(course, repositories)
    if term in found or term == course.classroom.term:
        return replace(course, classroom=replace(course.classroom, term=term))
    there = f"there are: {', '.join(found)}" if found else "this course has none left"
    message = f"no student repository is of the term {term!r}"
    hint = f"{there}; {MANIFEST} names {course.classroom.term}"
    raise TitoError(message, hint=hint)


@dataclass
class Purge:
    """Deletes what belongs to a term. `keep_in` is where copies go; None is without copies."""

    course: Course
    door: Organisation
    forge: Forge
    keep_in: Path | None
    dry_run: bool = False

    def agreed(self, repositories: Sequence[Repository], number: int) -> list[Home]:
        """What is to be deleted. Raises TitoError unless `number` is how many they are."""
        found = homes(self.course, repositories)
        if number != len(found) and not self.dry_run:
            term = self.course.classroom.term
            message = f"{len(found)} repositories are of {term}, and you agreed to {number}"
            hint = f"look at them with --dry-run, then type --yes-delete {len(found)}"
            raise TitoError(message, hint=hint)
        return found

    def run(self, found: Sequence[Home]) -> Iterator[Step]:
        """Yields what is done. One that cannot be copied is not deleted."""
        return one_by_one(found, self._one, lambda home: home.repository.name)

    def _one(self, each: Home) -> Iterator[Step]:
        name = each.repository.name
        if self.dry_run:
            yield Step(name, "deleted")
            return
        if self.keep_in is not None:
            kept = keep(self.forge, name, each.repository.clone_url, self.keep_in)
            yield Step(name, f"kept as {kept.name}" if kept else "empty: there is nothing to keep")
        now = self.door.repository(name)
        if now is None:
            return
        if now.id != each.repository.id or home(self.course, now) is None:
            raise TitoError(f"{name} is no student repository of this term any more: left alone")
        # Gone it is where an answer was lost and the request made again.
        with contextlib.suppress(GoneError):
            self.door.delete(name)
        yield Step(name, "deleted")
