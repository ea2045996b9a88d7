"""What every command of the classroom needs: the course, GitHub, git, and who is in the class."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bot.classroom.forge import Forge
from bot.classroom.names import Directory, Home, Target, homes, targets
from bot.clock import REAL, Clock
from bot.credentials import credentials_from, token_for
from bot.errors import GoneError
from bot.organisation import Organisation, Repository
from bot.pace import Pace
from bot.settings import organisation_access_from
from tito.assignments import Classroom
from tito.course import MANIFEST, Course
from tito.errors import TitoError
from tito.report import Finding
from tito.roster import Student, read_roster

UNNAMED = Classroom().organisation


@dataclass
class Session:
    """One command at work. Everything is looked up once."""

    course: Course
    door: Organisation
    forge: Forge
    pace: Pace
    clock: Clock = REAL
    unknown: list[Finding] = field(default_factory=list)
    """Students whose login is nobody's."""
    mint: Callable[[str], object] | None = None
    """Makes a token for a job, or raises TitoError. None without an App."""

    @property
    def classroom(self) -> Classroom:
        """The section of classroom.yml."""
        return self.course.classroom

    @cached_property
    def repositories(self) -> list[Repository]:
        """Everything in the organisation, a hundred a request."""
        return self.door.repositories()

    @cached_property
    def homes(self) -> list[Home]:
        """The student repositories of this class."""
        return homes(self.course, self.repositories)

    @cached_property
    def students(self) -> tuple[Student, ...]:
        """The roster."""
        path = self.classroom.roster
        return read_roster(self.course.root / path, path)

    @cached_property
    def directory(self) -> Directory:
        """The same, to look up."""
        return Directory(self.homes)

    def wanted(self) -> Iterator[Target]:
        """The repositories there should be, each looked up just before it is needed."""
        return targets(self.course, self.students, self._number_of)

    @cached_property
    def targets(self) -> list[Target]:
        """All of them. Logins without a number are looked up, one by one."""
        return list(self.wanted())

    @cached_property
    def _alone(self) -> Mapping[str, int]:
        """Login → number, of those who have a repository by themselves."""
        return {h.owner.lower(): next(iter(h.numbers)) for h in self.homes if len(h.numbers) == 1}

    def _number_of(self, student: Student) -> int | None:
        """From the roster, from the repositories, else from GitHub."""
        known = student.github_id or self._alone.get(student.login.lower())
        return known or self._looked_up(student)

    def _looked_up(self, student: Student) -> int | None:
        try:
            return self.door.account(student.login).id
        except GoneError:
            message = f"nobody on GitHub is called {student.login!r}"
            hint = "ask for the right login; if it was changed, fill the column github_id"
            path = self.classroom.roster
            self.unknown.append(Finding("roster-login", "error", path, 0, message, hint))
            return None

    def template(self) -> Repository:
        """The template repository. Raises TitoError if nothing was published."""
        name = self.classroom.template
        found = next((r for r in self.repositories if r.name.lower() == name.lower()), None)
        if found is None:
            message = f"{self.door.login} has no repository {name}"
            raise TitoError(message, hint="python -m bot classroom publish")
        return found


@contextmanager
def opened(
    course: Course, job: str, environment: Mapping[str, str], clock: Clock = REAL
) -> Iterator[Session]:
    """A session for a job of `credentials.PERMISSIONS`. Its git folder is removed at the end."""
    login = course.classroom.organisation
    if login == UNNAMED:
        hint = "write the organisation's name in the section `classroom`"
        raise TitoError("no organisation is named", where=MANIFEST, hint=hint)
    credentials = credentials_from(environment)
    access = organisation_access_from(environment, login, credentials.token)
    token = token_for(job, credentials, access, login, clock)
    pace = Pace(clock)
    # A GitHub of one's own has no limits that could be run into.
    kept = None if environment.get("TITO_PACE", "").strip() == "off" else pace
    with (
        tempfile.TemporaryDirectory(prefix="classroom-") as folder,
        Organisation(access, login, token=token, clock=clock, pace=kept) as door,
    ):
        forge = Forge(Path(folder), token, access.server_url)

        def mint(job: str) -> object:
            return token_for(job, credentials, access, login, clock)()

        yield Session(course, door, forge, pace, clock, mint=mint if credentials.app else None)


def chosen(homes: Sequence[Home], logins: Sequence[str]) -> list[Home]:
    """Those of some owners; all if none is named. Raises TitoError for one that is not there."""
    if not logins:
        return list(homes)
    named = {home.owner.lower(): home for home in homes}
    missing = [login for login in logins if login.lower() not in named]
    if missing:
        hint = "python -m bot classroom status lists them"
        raise TitoError(f"no repository of this class is {', '.join(missing)}'s", hint=hint)
    return [named[login.lower()] for login in logins]


def members_homes(
    session: Session, logins: Sequence[str], *, active: bool = True
) -> list[tuple[Target, Home]]:
    """Those who are in the class, with their repositories; of some logins or groups, if named.

    With `active` false, those too who have left it.
    Raises TitoError for a named one that has none.
    """
    wanted = {login.lower() for login in logins}
    found, seen = [], set()
    for target in session.targets:
        names = {target.owner.lower(), *(m.login.lower() for m in target.members)}
        home = session.directory.home_of(target)
        if (target.active or not active) and home is not None and (not wanted or names & wanted):
            found.append((target, home))
            seen |= names
    if wanted - seen:
        hint = "python -m bot classroom status lists them"
        raise TitoError(f"no repository here is {', '.join(sorted(wanted - seen))}'s", hint=hint)
    return found
