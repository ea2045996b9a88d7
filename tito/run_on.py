"""Which modules a student's run is about: all that were handed out, one assignment, or what a push
asks for. A course that grades elsewhere pays for no run that it has not asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tito.assignments import Assignment
from tito.course import Course, Module
from tito.errors import TitoError, UsageError
from tito.provenance import Provenance

BRANCH = "main"
"""The branch of a student's repository that is looked at."""
_BRANCHES, _TAGS, _SUBMIT = "refs/heads/", "refs/tags/", "submit/"
_LARGEST_EVENT = 32 * 1024 * 1024


@dataclass(frozen=True)
class Selection:
    """The modules to run. Without one, `because` is the part of a sentence that says why, and
    `hint` what to do instead."""

    modules: tuple[Module, ...] = ()
    assignment: str = ""
    """The slug of the assignment, where the run is about one alone."""
    because: str = ""
    hint: str = ""


class _Event(msgspec.Struct):
    """What is read of GitHub's event; there is more in it."""

    ref: str


def ref_in(file: Path) -> str:
    """The branch or tag that was pushed, from the event that GitHub wrote.

    Raises TitoError if it names none.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(_LARGEST_EVENT)
        return msgspec.json.decode(data, type=_Event).ref
    except OSError as error:
        raise TitoError(f"the event cannot be read: {error.strerror}", where=str(file)) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TitoError(f"this event names no branch or tag: {error}", where=str(file)) from None


def handed_out(course: Course, released: Provenance | None) -> tuple[Module, ...]:
    """The modules that the student was given, in the course's order; else those that are written.

    Raises UsageError if the release names a module that classroom.yml does not.
    """
    if released is None:
        return tuple(module for module in course.modules if course.written(module))
    given = {course.module(slug) for slug in released.modules}
    return tuple(module for module in course.modules if module in given)


def everything(course: Course, given: Sequence[Module]) -> Selection:
    """All that was handed out."""
    return _found(course, given, [module.name for module in given])


def of_assignment(course: Course, given: Sequence[Module], slug: str) -> Selection:
    """One assignment. Raises UsageError if there is none of that slug."""
    assignment = course.assignment(slug)
    return _found(course, given, assignment.modules, assignment.slug)


def of_ref(course: Course, given: Sequence[Module], ref: str) -> Selection:
    """What a push of this branch or tag asks for."""
    if ref == f"{_BRANCHES}{BRANCH}":
        return _of_push(course, given)
    if ref.startswith(_TAGS + _SUBMIT):
        return _of_tag(course, given, ref.removeprefix(_TAGS + _SUBMIT))
    name = ref.removeprefix(_BRANCHES).removeprefix(_TAGS)
    because = f"{name or 'this'} is neither {BRANCH} nor a tag {_SUBMIT}…"
    return Selection(because=because, hint=f"push to {BRANCH}, or run it here: tito feedback")


def _of_push(course: Course, given: Sequence[Module]) -> Selection:
    if not course.assignments:
        return everything(course, given)
    pushed = [each for each in course.assignments if each.run_on == "push"]
    if pushed:
        return _found(course, given, [name for each in pushed for name in each.modules])
    tagged = [each for each in course.assignments if each.run_on == "tag"]
    if tagged:
        because = "in this course a push starts no run, a tag does"
        return Selection(because=because, hint=_push_the_tag(tagged[0]))
    because = "this course runs nothing on a push"
    return Selection(because=because, hint=_at_home(""))


def _of_tag(course: Course, given: Sequence[Module], slug: str) -> Selection:
    try:
        assignment = course.assignment(slug)
    except UsageError as error:
        return Selection(because=error.message, hint=error.hint)
    if assignment.run_on == "off":
        because = f"assignment {assignment.slug} starts no run in this course"
        handed_in = "Your tag hands it in all the same. "
        return Selection((), assignment.slug, because, handed_in + _at_home(assignment.slug))
    return _found(course, given, assignment.modules, assignment.slug)


def _found(
    course: Course, given: Sequence[Module], names: Iterable[str], assignment: str = ""
) -> Selection:
    wanted = {course.module(name) for name in names}
    modules = tuple(module for module in given if module in wanted)
    if modules:
        return Selection(modules, assignment)
    about = f"assignment {assignment}" if assignment else "a run"
    because = f"no module of {about} has been handed out yet"
    hint = "nothing is to be done: a pull request will bring the modules"
    return Selection((), assignment, because, hint)


def _push_the_tag(assignment: Assignment) -> str:
    tag = assignment.tag
    return f"when it is done: `git tag {tag} && git push origin {tag}`. " + _at_home("")


def _at_home(slug: str) -> str:
    return f"See how far you are on your own machine: {command(slug)}"


def command(assignment: str) -> str:
    """What shows the same on a laptop."""
    return f"tito feedback --assignment {assignment}" if assignment else "tito feedback"
