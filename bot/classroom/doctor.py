"""Whether an organisation is fit for a class: nobody sees another's work, and no secret leaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from bot.classroom.session import Session
from bot.clock import Clock
from bot.errors import GoneError, NotAllowedError
from bot.pace import A_DAY, INVITATIONS_A_DAY, INVITATIONS_OF_THE_KNOWN
from tito.errors import RefusedError
from tito.report import Finding, failed

MUST_BE: Mapping[str, tuple[Any, str]] = {
    "default_repository_permission": (
        "none",
        "every member could read, or change, every repository",
    ),
    "members_can_create_public_repositories": (False, "work could be made public"),
    "members_can_fork_private_repositories": (False, "a fork would keep what is private"),
    "members_can_delete_repositories": (False, "work could be deleted"),
    "members_can_change_repo_visibility": (False, "a repository could be made public"),
}
"""GitHub's name of a setting → what it must be, and what would happen otherwise."""
A_MONTH = 31 * A_DAY
BY_HAND = ("members_can_delete_repositories", "members_can_change_repo_visibility")
"""What GitHub shows and lets nobody change through its API."""


def examine(session: Session) -> list[Finding]:
    """Everything that stands in the way of a class. Reads, and writes nothing."""
    return [*_organisation(session), *_secrets(session), *_course(session)]


def require(session: Session) -> None:
    """Raise RefusedError if anything of it is an error."""
    findings = examine(session)
    session.pace.allow(invitations_a_day(session.door.settings(), session.clock))
    if failed(findings):
        message = f"{session.door.login} is not ready for a class: nothing was written"
        raise RefusedError(message, findings, hint="see all of it: python -m bot classroom doctor")


def invitations_a_day(found: Mapping[str, Any], clock: Clock) -> int:
    """GitHub allows more to an organisation that pays, or is older than a month."""
    paid = (found.get("plan") or {}).get("name", "free") != "free"
    made = datetime.fromisoformat(str(found["created_at"]).replace("Z", "+00:00"))
    old = clock.now() - made.timestamp() > A_MONTH
    return INVITATIONS_OF_THE_KNOWN if paid or old else INVITATIONS_A_DAY


def _organisation(session: Session) -> Iterator[Finding]:
    login = session.door.login
    found = session.door.settings()
    for name, (wanted, why) in MUST_BE.items():
        if name not in found:
            message = f"this token is not shown whether {name} is {_word(wanted)}"
            hint = "use an owner's token, or an App with Organization administration: read"
            yield Finding("organisation-unseen", "error", login, 0, message, hint)
        elif found[name] != wanted:
            message = f"{name} is {_word(found[name])} and must be {_word(wanted)}: {why}"
            yield Finding("organisation", "error", login, 0, message, _mend(login, name, wanted))


def _mend(login: str, name: str, wanted: Any) -> str:
    if name in BY_HAND:
        return f"Settings → Member privileges of the organisation {login}: take the tick away"
    flag = "-F" if isinstance(wanted, bool) else "-f"
    return f"gh api -X PATCH orgs/{login} {flag} {name}={_word(wanted)}"


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _secrets(session: Session) -> Iterator[Finding]:
    login = session.door.login
    try:
        secrets = session.door.secrets()
    except (NotAllowedError, GoneError):
        message = "this token is not shown the organisation's secrets"
        hint = "use an owner's token, or an App with Organization secrets: read"
        yield Finding("organisation-unseen", "error", login, 0, message, hint)
        return
    for name, visibility in secrets:
        if visibility in ("all", "private"):
            message = (
                f"the secret {name} is shown to {visibility} repositories, students' among them"
            )
            hint = f"gh secret set {name} --org {login} --repos ONE,OTHER"
            yield Finding("organisation-secret", "error", login, 0, message, hint)


def _course(session: Session) -> Iterator[Finding]:
    """Workflows of students must not reach the repository with the solutions."""
    owner, _, name = session.classroom.course.partition("/")
    if owner.lower() != session.door.login.lower() or not name:
        return
    try:
        level = session.door.actions_access(name)
    except (NotAllowedError, GoneError):
        return  # a public repository has no such setting
    if level != "none":
        place = session.classroom.course
        message = f"its actions may be used by {level}: a student's job could unpack all of it"
        path = f"repos/{place}/actions/permissions/access"
        hint = f"gh api -X PUT {path} -f access_level=none"
        yield Finding("course-open", "error", place, 0, message, hint)
