"""Which repository is whose, by GitHub's own list of repositories.

A student repository's description ends with the numbers of its members' accounts, which stay when a
login changes: `TinyTorch, autumn-2026: ada [1001]`. A number with a minus had access and has it no
more. So one list of repositories, a hundred a request, tells who has what already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.classroom.providers import provider_of
from bot.organisation import Repository
from tito.course import Course
from tito.errors import TitoError
from tito.roster import Student

_NUMBERS = re.compile(r"^(?P<words>.*): (?P<owner>[A-Za-z0-9-]+) \[(?P<numbers>[-0-9 ]*)\]$")
LONGEST_NAME = 100


@dataclass(frozen=True)
class Member:
    """A student with the number of the account."""

    login: str
    number: int
    active: bool


@dataclass(frozen=True)
class Target:
    """A repository that there should be, and who should be in it."""

    owner: str
    """A login, or the name of a group."""
    name: str
    members: tuple[Member, ...]

    @property
    def active(self) -> bool:
        """True if somebody still works in it."""
        return any(member.active for member in self.members)


@dataclass(frozen=True)
class Home:
    """A student repository that there is."""

    repository: Repository
    owner: str
    numbers: Mapping[int, bool]
    """Number of an account → whether it may push."""


def words(course: Course) -> str:
    """How descriptions of this class begin."""
    return f"{course.settings.name}, {course.classroom.term}"


def described(course: Course, target: Target) -> str:
    """The description of a student repository."""
    numbers = " ".join(f"{'' if m.active else '-'}{m.number}" for m in target.members)
    return f"{words(course)}: {target.owner} [{numbers}]"


def home(course: Course, repository: Repository) -> Home | None:
    """None for a repository that is none of this class."""
    found = _NUMBERS.fullmatch(repository.description)
    if found is None or found["words"] != words(course):
        return None
    try:
        numbers = [int(number) for number in found["numbers"].split()]
    except ValueError:
        return None
    return Home(repository, found["owner"], {abs(number): number > 0 for number in numbers})


def homes(course: Course, repositories: Iterable[Repository]) -> list[Home]:
    """The student repositories of this class, the oldest first."""
    found = (home(course, repository) for repository in repositories)
    return [each for each in found if each is not None]


def terms(course: Course, repositories: Iterable[Repository]) -> list[str]:
    """Every term of this course that has student repositories."""
    begin = f"{course.settings.name}, "
    found = (_NUMBERS.fullmatch(repository.description) for repository in repositories)
    named = {each["words"] for each in found if each and each["words"].startswith(begin)}
    return sorted(words.removeprefix(begin) for words in named)


def repository_name(course: Course, owner: str) -> str:
    """As the provider of the class names repositories. Raises TitoError if it is too long."""
    name = provider_of(course).repository_name(course, owner)
    if len(name) > LONGEST_NAME:
        raise TitoError(
            f"{name} is longer than the {LONGEST_NAME} characters GitHub allows for a repository",
            hint="shorten `prefix` in the section `classroom` of classroom.yml",
        )
    return name


class Directory:
    """Student repositories by whose they are."""

    def __init__(self, there: Iterable[Home]) -> None:
        self._owned: dict[str, Home] = {}
        self._numbered: dict[frozenset[int], Home] = {}
        for each in there:
            self._owned.setdefault(each.owner.lower(), each)
            self._numbered.setdefault(frozenset(each.numbers), each)

    def home_of(self, target: Target) -> Home | None:
        """By the number of an account, whatever its login was; a group by its name."""
        found = self._owned.get(target.owner.lower())
        if found is None and len(target.members) == 1:
            return self._numbered.get(frozenset(member.number for member in target.members))
        return found


def targets(
    course: Course, students: Sequence[Student], number_of: Callable[[Student], int | None]
) -> Iterator[Target]:
    """Every repository there should be: one a student, or one a group, in the roster's order.

    `number_of` says which account a student has, and is asked as late as can be: it may ask GitHub.
    A student without one is left out.
    """
    together: dict[str, list[Student]] = {}
    for student in students:
        together.setdefault(student.group or student.login, []).append(student)
    for owner, those in together.items():
        numbered = ((student, number_of(student)) for student in those)
        members = tuple(Member(s.login, number, s.active) for s, number in numbered if number)
        if members:
            yield Target(owner, repository_name(course, owner), members)
