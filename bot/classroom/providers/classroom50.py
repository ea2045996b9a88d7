"""Classroom 50: the course is written into the organisation's repository `classroom50`.

What stands there is published to everybody, except roster and scores. So the autograder holds the
names and points of released tests alone, and what it says is feedback. The grade is ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bot.classroom.providers import classroom50_files as made
from bot.classroom.providers.github import PlainGitHub
from tito.course import Course
from tito.errors import RefusedError, TitoError
from tito.report import failed

if TYPE_CHECKING:
    from bot.classroom.names import Target
    from bot.classroom.session import Session
    from bot.classroom.steps import Step
    from bot.organisation import Repository
    from tito.results import SubmissionResult

MARK = ".classroom50.yaml"
"""By it Classroom 50 knows a repository, and the commit that everything is compared with."""


class Classroom50(PlainGitHub):
    """A term is a classroom, and the course the one assignment in it."""

    def repository_name(self, course: Course, owner: str) -> str:
        """`<classroom>-<assignment>-<login>`, by which its programs find a student's work."""
        return f"{made.classroom_name(course)}-{made.assignment_slug(course)}-{owner.lower()}"

    def files(self, course: Course, tools: str, sha: str) -> dict[str, bytes]:
        """Our workflow, and the mark of a repository that Classroom 50 has made."""
        return {**super().files(course, tools, sha), MARK: mark(course)}

    def publish(self, session: Session, *, dry_run: bool) -> Iterator[Step]:
        """Classroom, assignment, autograder and roster, in one commit."""
        from bot.classroom.providers import config_repository
        from bot.classroom.steps import Step

        course, folder = session.course, made.classroom_name(session.course)
        config_repository.repository(session)
        template = session.door.repository(course.classroom.template)
        if template is None:
            if not dry_run:
                hint = "it is published first: python -m bot classroom publish"
                raise TitoError(f"there is no {course.classroom.template} yet", hint=hint)
            yield Step(config_repository.NAME, "written, once there is a template")
            return
        script = _autograder(session, template)
        targets = session.targets if (course.root / course.classroom.roster).is_file() else []

        def build(there: Mapping[str, bytes]) -> dict[str, bytes]:
            return course_files(course, targets, script, there)

        paths = config_repository.write(
            session, f"{made.words(course)}: the course\n", build, dry_run=dry_run
        )
        if paths:
            names = ", ".join(path.removeprefix(f"{folder}/") for path in paths)
            yield Step(config_repository.NAME, f"{folder}: {names} written")


def mark(course: Course) -> bytes:
    """In the format classroom50/repo-config/v1, which is YAML, and JSON as well.

    Whose repository it is, it does not say: the template holds it, and the name tells.
    """
    content = {
        "schema": "classroom50/repo-config/v1",
        "classroom": made.classroom_name(course),
        "assignment": made.assignment_slug(course),
        "source": {
            "owner": course.classroom.organisation,
            "repo": course.classroom.template,
            "branch": "main",
        },
    }
    return (json.dumps(content, indent=2) + "\n").encode()


def course_files(
    course: Course, targets: Sequence[Target], script: bytes, there: Mapping[str, bytes]
) -> dict[str, bytes]:
    """What the classroom's folder should hold, from what the repository holds."""
    from bot.classroom.providers.classroom50_scores import EMPTY

    folder = made.classroom_name(course)
    names = ("classroom.json", "assignments.json", "roster.csv", "scores.json")
    known, listed, roster, scores = (f"{folder}/{name}" for name in names)
    files = {f"{folder}/autograders/{made.assignment_slug(course)}/autograder.py": script}
    if known in there:
        made.refuse_unlisted(there[known], known)
    else:
        files |= {known: made.classroom(course), scores: there.get(scores, EMPTY)}
    files[listed] = made.assignments(course, targets, there.get(listed), listed)
    if targets or roster not in there:
        members = [member for target in targets for member in target.members]
        files[roster] = made.roster(members, there.get(roster), roster)
    return files


def record_grades(
    session: Session, results: Sequence[SubmissionResult], *, dry_run: bool = False
) -> Iterator[Step]:
    """Write grades as overrides into `scores.json`: of each owner, the sum of all assignments.

    `results` holds, of each owner, all that is graded so far. Raises TitoError as
    `classroom50_scores.with_overrides` does; then nothing is written.
    """
    from bot.classroom.providers import classroom50_scores, config_repository
    from bot.classroom.steps import Step

    course = session.course
    path = f"{made.classroom_name(course)}/scores.json"
    members = {
        target.owner.lower(): [member.login for member in target.members]
        for target in session.targets
    }

    def build(there: Mapping[str, bytes]) -> dict[str, bytes]:
        before = there.get(path, classroom50_scores.EMPTY)
        return {path: classroom50_scores.with_overrides(course, results, members, before, path)}

    message = f"{made.words(course)}: grades\n"
    if config_repository.write(session, message, build, dry_run=dry_run):
        owners = {result.source.owner.lower() for result in results}
        yield Step(config_repository.NAME, f"{path}: {len(owners)} grades written")


def _autograder(session: Session, template: Repository) -> bytes:
    """Of the newest release in the template, held against the secrets of the course."""
    from bot.classroom.publish import releases, secrets_of_commit
    from tito import leaks
    from tito.source import parse
    from tito.visible import visible_tests

    course = session.course
    newest = releases(session.forge, template)
    tree = session.forge.files(newest.commits[newest.newest])
    released = {path: file.data for path, file in tree.items()}
    tests = [
        (module, visible_tests(parse(released[path].decode("utf-8"), path)))
        for module in course.modules
        for path in [course.dev_path(module)]
        if path in released
    ]
    script = made.autograder(course, tests)
    found = leaks.search(secrets_of_commit(course, released), "autograder.py", script)
    if failed(found):
        raise RefusedError("there is a leak in what everybody could read", found)
    return script
