"""Plain GitHub: repositories, pull requests and Actions, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tito.course import Course

if TYPE_CHECKING:
    from bot.classroom.session import Session
    from bot.classroom.steps import Step

WORKFLOW = ".github/workflows/feedback.yml"


class PlainGitHub:
    """The default."""

    def repository_name(self, course: Course, owner: str) -> str:
        """`<prefix>-<login>`, or `<prefix>-<group>`."""
        return f"{course.classroom.prefix}-{owner}"

    def files(self, course: Course, tools: str, sha: str) -> dict[str, bytes]:
        """The workflow that says on a push what works."""
        from bot.classroom.workflow import student_workflow

        return {WORKFLOW: student_workflow(course, tools, sha)}

    def publish(self, session: Session, *, dry_run: bool) -> Iterator[Step]:  # noqa: ARG002
        """Nothing: all it needs is in the template."""
        return iter(())
