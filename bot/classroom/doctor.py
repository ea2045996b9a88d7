"""Whether an organisation is fit for a class: nobody sees another's work, and no secret leaks."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from bot.classroom.forge import FEEDBACK, MAIN
from bot.classroom.publish import releases
from bot.classroom.session import Session
from bot.clock import Clock
from bot.credentials import PERMISSIONS
from bot.errors import GoneError, LaterError, NotAllowedError
from bot.organisation import Repository
from bot.pace import A_DAY, INVITATIONS_A_DAY, INVITATIONS_OF_THE_KNOWN, RESERVE
from tito.errors import RefusedError, TitoError
from tito.protection import git
from tito.provenance import FILE, Provenance, decode
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
PUBLISH = "python -m bot classroom publish"
OPEN_TO_ALL = ("organization", "enterprise")


def examine_all(session: Session) -> list[Finding]:
    """As `examine`, with what a command would stumble on later. Reads, and writes nothing."""
    found = [*_reach(session), *examine(session), *_plan(session)]
    # Last: thousands of logins may take more requests than an hour has.
    return [*found, *_tools(session), *_template(session), *_roster(session)]


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
    return (INVITATIONS_OF_THE_KNOWN if paid or old else INVITATIONS_A_DAY) - RESERVE


def _organisation(session: Session) -> Iterator[Finding]:
    login = session.door.login
    found = session.door.settings()
    if not found.keys() & MUST_BE.keys():
        message = f"this token is no owner's of {login}: it is shown none of the settings"
        hint = "export GITHUB_TOKEN=… of an owner, or an App's with Organization administration"
        yield Finding("organisation-unseen", "error", login, 0, message, hint)
        return
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
    except LaterError:
        raise
    except TitoError as error:
        message = f"this token is not shown the organisation's secrets: {error.message}"
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


def _reach(session: Session) -> Iterator[Finding]:
    """What the token may ask. Whether a token of a person may write, GitHub says to a write."""
    login = session.door.login
    mint = session.mint
    if mint is not None:
        for job, wanted in PERMISSIONS.items():
            refused = _refusal(partial(mint, job))
            if refused:
                words = ", ".join(f"{name}: {level}" for name, level in wanted.items())
                message = f"the App gets no token for the job {job!r}: {refused}"
                hint = f"give the App {words}, and accept that in the settings of {login}"
                yield Finding("token-reach", "error", login, 0, message, hint)
        return
    for permission, ask in _questions(session).items():
        refused = _refusal(ask)
        if refused:
            message = f"this token may not read {permission.lower()}: {refused}"
            hint = f"make a token of an owner with {permission}: read, and export GITHUB_TOKEN"
            yield Finding("token-reach", "error", login, 0, message, hint)


def _questions(session: Session) -> dict[str, Callable[[], object]]:
    """Permission → a small request that needs it."""
    door = session.door
    questions: dict[str, Callable[[], object]] = {"Members": door.outside_collaborators}
    template = _named(session, session.classroom.template)
    if template is not None:
        name = template.name
        questions |= {
            "Administration": lambda: door.invitations(name),
            "Contents": lambda: door.branch(name, MAIN),
            "Pull requests": lambda: door.pulls(name, head=MAIN, base=FEEDBACK),
            "Commit statuses": lambda: door.statuses(name, MAIN),
        }
    return questions


def _refusal(ask: Callable[[], object]) -> str:
    """Why something may not be read or minted; empty if it may."""
    try:
        ask()
    except LaterError:
        raise
    except TitoError as error:
        return error.message
    return ""


def _plan(session: Session) -> Iterator[Finding]:
    login = session.door.login
    plan = session.door.settings().get("plan") or {}
    if plan.get("name") != "free":
        return
    needed = session.classroom.provider == "classroom50"
    message = "the plan is free: private repositories have no rulesets and few minutes of Actions"
    if needed:
        message = "the plan is free, and Classroom 50 needs Team: its pages come from private work"
    hint = f"Settings → Billing of {login}: Team, which GitHub Education gives to teachers"
    yield Finding("plan", "error" if needed else "warning", login, 0, message, hint)


def _roster(session: Session) -> Iterator[Finding]:
    path = session.classroom.roster
    try:
        if not session.students:
            message, hint = "nobody is in it", "write a login a line below the header"
            yield Finding("roster", "warning", path, 0, message, hint)
        session.targets  # noqa: B018 - looks up every login that names no number
    except LaterError as error:
        message = f"not every login could be looked up: {error.message}"
        hint = "python -m bot classroom provision looks up those that are left, hour by hour"
        yield Finding("roster", "warning", path, 0, message, hint)
    except RefusedError as error:
        yield from error.findings
    except TitoError as error:
        yield Finding("roster", "error", path, 0, error.message, error.hint)
    yield from session.unknown


def _named(session: Session, name: str) -> Repository | None:
    return next((r for r in session.repositories if r.name.lower() == name.lower()), None)


def _private(session: Session, name: str) -> Iterator[Finding]:
    """A finding unless a repository is there and private."""
    place, found = f"{session.door.login}/{name}", _named(session, name)
    if found is None:
        message = "this token sees no such repository: nothing was published yet"
        yield Finding("published", "error", place, 0, message, PUBLISH)
    elif not found.private:
        flags = "--visibility private --accept-visibility-change-consequences"
        yield Finding("public", "error", place, 0, "it is public", f"gh repo edit {place} {flags}")


def _tools(session: Session) -> Iterator[Finding]:
    name = session.classroom.tools
    faults = [*_private(session, name)]
    yield from faults
    if faults:
        return
    try:
        level = session.door.actions_access(name)
    except (NotAllowedError, GoneError):
        return  # said of the token already
    if level not in OPEN_TO_ALL:
        message = f"students' workflows may not use it: its actions are open to {level}"
        place = f"{session.door.login}/{name}"
        yield Finding("tools-closed", "error", place, 0, message, PUBLISH)


def _template(session: Session) -> Iterator[Finding]:
    name = session.classroom.template
    faults, found = [*_private(session, name)], _named(session, name)
    yield from faults
    if found is None:
        return
    place = f"{session.door.login}/{name}"
    if not found.is_template:
        message = "GitHub does not know it for a template"
        yield Finding("template", "error", place, 0, message, PUBLISH)
    try:
        handed_out = releases(session.forge, found)
        newest = session.forge.files(handed_out.commits[handed_out.newest])
        changed = _since(session, decode(newest[FILE].data))
    except LaterError:
        raise
    except TitoError as error:
        yield Finding("template", "error", place, 0, error.message, error.hint or PUBLISH)
        return
    if changed:
        message = f"{changed} since release {handed_out.newest} was made"
        yield Finding("template-old", "warning", place, 0, message, PUBLISH)


def _since(session: Session, release: Provenance) -> str:
    """What the course has changed of what was handed out. Empty if nothing, or without git."""
    root = session.course.root
    try:
        git(root, "rev-parse", "--verify", "HEAD")
    except subprocess.CalledProcessError:
        return ""
    try:
        names = git(root, "diff", "--name-only", "-z", release.source, "HEAD").split("\0")
    except subprocess.CalledProcessError:
        return "the course has another history than it had"
    changed = sorted({*release.locked, *release.editable} & set(names))
    return f"{len(changed)} file(s) have changed, {changed[0]} first," if changed else ""
