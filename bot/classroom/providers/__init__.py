"""Who runs the class beside GitHub itself, behind one small interface. One provider a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from tito.course import Course

if TYPE_CHECKING:
    from bot.classroom.session import Session
    from bot.classroom.steps import Step


class Provider(Protocol):
    """What differs between providers. All else is the same for a class."""

    def repository_name(self, course: Course, owner: str) -> str:
        """Of the repository of a login or group."""

    def files(self, course: Course, tools: str, sha: str) -> dict[str, bytes]:
        """What a release holds for it beside the course: what runs in student repositories.

        `tools` is `owner/name` of the tools repository, `sha` the commit of it to use.
        """

    def publish(self, session: Session, *, dry_run: bool) -> Iterator[Step]:
        """What it wants to know once the template is published. Repeated, it writes only news."""


def provider_of(course: Course) -> Provider:
    """The one that classroom.yml names."""
    from bot.classroom.providers.classroom50 import Classroom50
    from bot.classroom.providers.github import PlainGitHub
    from bot.classroom.providers.legacy import Legacy

    kinds = {"github": PlainGitHub, "classroom50": Classroom50, "legacy": Legacy}
    provider: Provider = kinds[course.classroom.provider]()
    return provider
