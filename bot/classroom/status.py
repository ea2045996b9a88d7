"""How far everybody is: who is in, what was pushed, what the last run said, what is on offer.

GitHub's list of repositories tells which have changed since they were read last. Only those are
read again, so that a second look at a quiet class takes a request for a hundred students.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from msgspec.structs import replace

from bot.classroom.forge import FEEDBACK, MAIN, UPDATE
from bot.classroom.names import Home, Member, Target
from bot.classroom.provision import EXPIRES
from bot.classroom.remembered import Read, recall, remember
from bot.classroom.session import Session
from bot.feedback_page import CONTEXT, NOT_RUN
from bot.organisation import Account, Pull
from tito.errors import TitoError
from tito.provenance import FILE, decode
from tito.report import Finding

CATCH_UP = "course-catch-up-"
_WORDS = {"success": "passed", "failure": "to mend", "error": "error", "pending": "not started"}
COLUMNS = ("student", "access", "repository", "last push", "feedback", "release", "update",
           "catch-up")  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One student. Texts are empty where there is nothing to say."""

    student: str
    access: str
    """accepted, invited, expired, dropped, not invited; empty without a repository."""
    repository: str
    last_push: str
    feedback: str
    release: str
    update: str
    catch_up: str

    @property
    def cells(self) -> tuple[str, ...]:
        """As a table shows it."""
        access = self.access or "no repository"
        rest = (self.last_push[:16].replace("T", " "), self.feedback, self.release[:7])
        return (self.student, access, self.repository, *rest, self.update, self.catch_up)


class Status:
    """One look at the class. `rows` and `findings` are ready when it is made."""

    def __init__(self, session: Session) -> None:
        """Raises LaterError where GitHub wants a pause: what was read until then is kept."""
        self._session, self._door = session, session.door
        self._known = recall(session.course.root, session.door.login)
        self._now = session.clock.now()
        self.read = 0
        """So many repositories had changed."""
        targets = session.targets
        homes = {target.name: session.directory.home_of(target) for target in targets}
        try:
            reads = {home.repository.id: self._one(home) for home in homes.values() if home}
        finally:
            there = {each.id for each in session.repositories}
            kept = {number: read for number, read in self._known.items() if number in there}
            remember(session.course.root, session.door.login, kept)
        self.rows = [row for t in targets for row in self._rows(t, homes[t.name], reads)]
        self.findings = [*session.unknown, *self._findings(targets, homes, reads)]

    @cached_property
    def _in(self) -> Mapping[int, Account]:
        """Who has accepted an invitation to any repository, or belongs to the organisation."""
        accounts = [*self._door.outside_collaborators(), *self._door.members()]
        return {account.id: account for account in accounts}

    # Reading

    def _one(self, home: Home) -> Read:
        repository = home.repository
        known = self._known.get(repository.id)
        if known is None or not known.holds(repository.pushed_at, repository.open_issues):
            self.read += 1
            known = self._read(home)
        elif self._doubtful(known):
            known = replace(known, waiting=self._waiting(repository.name))
        self._known[repository.id] = known
        return known

    def _read(self, home: Home) -> Read:
        repository, name = home.repository, home.repository.name
        pulls = self._door.pulls(name)
        return Read(
            pushed_at=repository.pushed_at,
            open_issues=repository.open_issues,
            read_at=self._now,
            pushed=seconds(repository.pushed_at),
            release=self._release(name),
            feedback=self._feedback(name),
            complete=any(pull.base == FEEDBACK for pull in pulls),
            update=_state([pull for pull in pulls if pull.head == UPDATE]),
            catch_ups=dict(_catch_ups(pulls)),
            waiting=self._waiting(name),
        )

    def _release(self, name: str) -> str:
        """A student may have written anything into it."""
        data = self._door.content(name, FILE, MAIN)
        try:
            return decode(data).release if data else ""
        except TitoError:
            return ""

    def _feedback(self, name: str) -> str:
        found = {each["context"]: each["state"] for each in self._door.statuses(name, MAIN)}
        if CONTEXT in found:
            return _WORDS[found[CONTEXT]]
        return "not run" if NOT_RUN in found else ""

    def _waiting(self, name: str) -> dict[int, str]:
        return {each.account.id: each.created_at for each in self._door.invitations(name)}

    def _doubtful(self, known: Read) -> bool:
        """True if an invitation may have been accepted, or made anew, since it was read."""
        return any(
            number in self._in or self._expired(since) for number, since in known.waiting.items()
        )

    def _expired(self, since: str) -> bool:
        return self._now - seconds(since) > EXPIRES.total_seconds()

    # Telling

    def _rows(self, target: Target, home: Home | None, reads: Mapping[int, Read]) -> Iterator[Row]:
        for member in target.members:
            if home is None:
                yield Row(member.login, "" if member.active else "dropped", *[""] * 6)
                continue
            read = reads[home.repository.id]
            states = [f"{number} {state}" for number, state in sorted(read.catch_ups.items())]
            yield Row(
                member.login,
                self._access(member, home, read),
                home.repository.name,
                home.repository.pushed_at,
                read.feedback,
                read.release,
                read.update,
                ", ".join(states),
            )

    def _access(self, member: Member, home: Home, read: Read) -> str:
        if not member.active:
            return "dropped"
        since = read.waiting.get(member.number)
        if since is not None:
            return "expired" if self._expired(since) else "invited"
        if member.number in self._in and home.numbers.get(member.number, False):
            return "accepted"
        return "not invited"

    def _findings(
        self,
        targets: Sequence[Target],
        homes: Mapping[str, Home | None],
        reads: Mapping[int, Read],
    ) -> Iterator[Finding]:
        again = "python -m bot classroom provision"
        for target in targets:
            home = homes[target.name]
            if home is None:
                if target.active:
                    message = "has no repository yet"
                    yield Finding("missing", "warning", target.owner, 0, message, again)
                continue
            if not reads[home.repository.id].complete:
                place, message = home.repository.name, "is half made: it has no Feedback"
                yield Finding("half-made", "warning", place, 0, message, again)
            yield from self._renamed(target)

    def _renamed(self, target: Target) -> Iterator[Finding]:
        """Accounts that GitHub knows by another login than the roster does."""
        path = self._session.classroom.roster
        for member in target.members:
            account = self._in.get(member.number)
            if account is not None and account.login.lower() != member.login.lower():
                message = f"{member.login} [{member.number}] is called {account.login} by now"
                hint = f"write {account.login} into {path}; the column github_id says {account.id}"
                yield Finding("renamed", "warning", path, 0, message, hint)


def seconds(moment: str) -> float:
    """Since 1970; 0 for what is no moment."""
    try:
        return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0


def _state(pulls: Sequence[Pull]) -> str:
    """Of the newest one."""
    if not pulls:
        return ""
    return "merged" if pulls[-1].merged else pulls[-1].state


def _catch_ups(pulls: Sequence[Pull]) -> Iterator[tuple[str, str]]:
    branches = sorted({pull.head for pull in pulls if pull.head.startswith(CATCH_UP)})
    for branch in branches:
        state = _state([pull for pull in pulls if pull.head == branch])
        yield branch.removeprefix(CATCH_UP), state
