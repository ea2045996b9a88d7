"""Every student gets a repository, step by step, and whatever a run left undone the next one does.

The steps: GitHub copies the template; one push makes `feedback` the starter and adds an empty
commit to `main`; the members are let in; the Feedback pull request is opened. That order makes the
last step the sign that all is done, which GitHub's list of repositories shows for all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from datetime import datetime, timedelta
from functools import cached_property

from bot.classroom.forge import FEEDBACK, MAIN, Forge
from bot.classroom.names import Directory, Home, Target, described, homes
from bot.classroom.steps import Step, one_by_one
from bot.clock import REAL, Clock
from bot.errors import LaterError, UnsureError
from bot.organisation import Organisation, Repository
from bot.pace import A_DAY, Pace
from tito.course import Course
from tito.errors import TitoError

STARTED = "Begin here [skip ci]"
"""The message of the empty commit, without which GitHub opens no pull request."""
TITLE = "Feedback"
BODY = """\
Here you and your instructors talk about your work.

- `feedback` is what you were given, and stays as it is. All you have written since is shown here.
- Push to `main` as often as you like. A comment below says what works and what to mend first.
- Leave this pull request open, and do not merge it: nothing is lost if you do, but the view is.
"""
TRIES = 3
TRIES_OF_A_COPY = 30
SECONDS_OF_A_COPY = 2.0
WRITES_OF_A_REPOSITORY = 3
"""Requests: the repository, the invitation, the pull request. The fourth write is git's."""
SLACK = 300
"""Seconds that may lie between the making of a repository and its last write."""
EXPIRES = timedelta(days=7)
"""The life of an invitation."""


class Provisioner:
    """Brings the repositories of a class to where the roster wants them."""

    def __init__(
        self,
        course: Course,
        door: Organisation,
        forge: Forge,
        *,
        clock: Clock = REAL,
        dry_run: bool = False,
        starters: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`starters`: tree → release, of every release that was ever handed out."""
        self._course, self._door, self._forge = course, door, forge
        self._clock, self._dry_run = clock, dry_run
        self._starters = starters

    def run(self, targets: Iterable[Target], repositories: Sequence[Repository]) -> Iterator[Step]:
        """Yields what is done, as soon as it is. One student's trouble is not the others'.

        Raises LaterError where GitHub wants a pause, and the error of the last where many in a
        row had one.
        """
        there = Directory(homes(self._course, repositories))
        taken = {repository.name.lower() for repository in repositories}
        return one_by_one(
            targets,
            lambda target: self._one(target, there.home_of(target), taken),
            lambda target: target.name,
        )

    def _one(self, target: Target, found: Home | None, taken: Set[str]) -> Iterator[Step]:
        if found is not None:
            yield from self._mend(target, found)
        elif target.name.lower() in taken:
            raise TitoError(f"a repository of this name is there, and is not {target.owner}'s")
        elif target.active:
            yield from self._new(target)

    @cached_property
    def _in_already(self) -> frozenset[int]:
        """Who has accepted an invitation of the organisation's, or needs none."""
        accounts = [*self._door.outside_collaborators(), *self._door.members()]
        return frozenset(account.id for account in accounts)

    # A repository that is not there

    def _new(self, target: Target) -> Iterator[Step]:
        yield Step(target.name, "made")
        if self._dry_run:
            yield from (Step(target.name, s) for s in ("feedback branch", "pull request"))
            return
        repository = self._generated(target)
        yield from self._complete(target, repository, {}, fresh=True)

    def _generated(self, target: Target) -> Repository:
        """An answer that was lost may have made it: look before asking again."""
        template, words = self._course.classroom.template, described(self._course, target)
        for left in range(TRIES, 0, -1):
            try:
                return self._door.generate(template, target.name, words)
            except LaterError:
                raise
            except TitoError as error:
                found = self._door.repository(target.name)
                if found is not None and found.description == words:
                    return found
                if left == 1 or not isinstance(error, UnsureError):
                    raise
        raise AssertionError("the last try returns or raises")

    # One that is there

    def _mend(self, target: Target, found: Home) -> Iterator[Step]:
        repository = found.repository
        wanted = described(self._course, target)
        numbers = dict(found.numbers)
        changes = {}
        if repository.name.lower() != target.name.lower():
            changes["name"] = target.name
        if not repository.open_issues and target.active:
            yield from self._complete(target, repository, numbers, fresh=False)
        else:
            yield from self._people(target, repository, numbers)
            if _waiting(found, target, self._clock):
                yield from self._invited_again(target, repository)
        if repository.description != wanted:
            changes["description"] = wanted
        if changes:
            what = f"renamed to {target.name}" if "name" in changes else "roster noted"
            yield Step(repository.name, what)
            if not self._dry_run:
                # Last: until here, the next run sees what is still to be done.
                self._door.change(repository.name, **changes)

    def _complete(
        self, target: Target, repository: Repository, numbers: Mapping[int, bool], *, fresh: bool
    ) -> Iterator[Step]:
        """Branches, members, pull request: each only if it is not there."""
        refs = {} if fresh else self._forge.refs(repository.clone_url)
        if f"refs/heads/{FEEDBACK}" not in refs:
            yield Step(repository.name, "feedback branch")
            if not self._dry_run:
                self._branches(repository, refs)
        if fresh:
            yield from self._let_in(target, repository)
        else:
            yield from self._people(target, repository, numbers)
            yield from self._missing(target, repository)
        head = repository.default_branch
        if fresh or not self._door.pulls(repository.name, head=head, base=FEEDBACK):
            yield Step(repository.name, "pull request")
            if not self._dry_run:
                self._pull(repository)

    def _branches(self, repository: Repository, refs: Mapping[str, str]) -> None:
        """`feedback` at the starter; an empty commit on `main` if nothing is there beside it."""
        address, main = repository.clone_url, refs.get(f"refs/heads/{MAIN}")
        main = main or self._copied(repository)
        self._forge.fetch(address, main)
        starter = self._forge.root(main)
        known = self._starters()
        if known and self._forge.tree(starter) not in known:
            raise TitoError(
                f"the first commit of {repository.name} is no release of this course",
                hint="somebody rewrote its history; restore it, or set its branch feedback by hand",
            )
        wanted = {f"refs/heads/{FEEDBACK}": (starter, "")}
        if main == starter:
            wanted[f"refs/heads/{MAIN}"] = (self._forge.empty_commit(starter, STARTED), starter)
        try:
            self._forge.push(address, wanted)
        except TitoError:
            # A push whose answer was lost is there; one that was refused is not.
            if f"refs/heads/{FEEDBACK}" not in self._forge.refs(address):
                raise

    def _copied(self, repository: Repository) -> str:
        """The commit that GitHub's copying of the template makes. It takes a while."""
        for _ in range(TRIES_OF_A_COPY):
            sha = self._door.branch(repository.name, MAIN)
            if sha is not None:
                return sha
            self._clock.sleep(SECONDS_OF_A_COPY)
        raise TitoError(
            f"GitHub has not copied the template to {repository.name} yet",
            hint="run this again in a few minutes: it goes on where it stopped",
        )

    def _pull(self, repository: Repository) -> None:
        """An answer that was lost may have opened it."""
        name, head = repository.name, repository.default_branch
        for left in range(TRIES, 0, -1):
            try:
                self._door.open_pull(name, head=head, base=FEEDBACK, title=TITLE, body=BODY)
                return
            except LaterError:
                raise
            except TitoError as error:
                if self._door.pulls(name, head=head, base=FEEDBACK):
                    return
                if left == 1 or not isinstance(error, UnsureError):
                    raise

    # People

    def _let_in(self, target: Target, repository: Repository) -> Iterator[Step]:
        for member in target.members:
            if member.active:
                yield Step(repository.name, f"{member.login} invited")
                if not self._dry_run:
                    self._door.invite(repository.name, member.login)

    def _people(
        self, target: Target, repository: Repository, numbers: Mapping[int, bool]
    ) -> Iterator[Step]:
        """What the roster has changed since the description was written."""
        for member in target.members:
            if member.active and not numbers.get(member.number, False) and numbers:
                yield Step(repository.name, f"{member.login} let in")
                if not self._dry_run:
                    self._door.invite(repository.name, member.login)
        leaving = {m.number: m.login for m in target.members if not m.active}
        gone = [number for number, active in numbers.items() if active]
        staying = {member.number for member in target.members if member.active}
        for number in (number for number in gone if number not in staying):
            yield Step(repository.name, f"{leaving.get(number, f'account {number}')} may only read")
            if not self._dry_run:
                self._only_read(repository, number)

    def _only_read(self, repository: Repository, number: int) -> None:
        """Whoever leaves keeps sight of the work, and changes it no more."""
        for invitation in self._door.invitations(repository.name):
            if invitation.account.id == number:
                self._door.withdraw(repository.name, invitation.id)
        there = self._door.collaborators(repository.name)
        if number in there and there[number][1] != "pull":
            self._door.let(repository.name, there[number][0].login, "pull")

    def _missing(self, target: Target, repository: Repository) -> Iterator[Step]:
        """Members whom a run that died half-way has not invited yet."""
        there = set(self._door.collaborators(repository.name))
        asked = {each.account.id for each in self._door.invitations(repository.name)}
        for member in target.members:
            if member.active and member.number not in there | asked:
                yield Step(repository.name, f"{member.login} invited")
                if not self._dry_run:
                    self._door.invite(repository.name, member.login)

    def _invited_again(self, target: Target, repository: Repository) -> Iterator[Step]:
        """An invitation lasts a week. Nobody's work is touched by a new one."""
        absent = [m for m in target.members if m.active and m.number not in self._in_already]
        if not absent:
            return
        waiting = {each.account.id: each for each in self._door.invitations(repository.name)}
        there = self._door.collaborators(repository.name)
        for member in absent:
            found = waiting.get(member.number)
            if (found is not None and not found.expired) or member.number in there:
                continue
            yield Step(repository.name, f"{member.login} invited again")
            if self._dry_run:
                continue
            if found is not None:
                self._door.withdraw(repository.name, found.id)
            self._door.invite(repository.name, member.login)


def _waiting(found: Home, target: Target, clock: Clock) -> bool:
    """True if an invitation to it may have expired."""
    made = _seconds(found.repository.created_at)
    old = made is not None and clock.now() - made > EXPIRES.total_seconds()
    return old and target.active


def _seconds(moment: str) -> float | None:
    try:
        return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None


def lately(course: Course, repositories: Sequence[Repository], pace: Pace, clock: Clock) -> None:
    """Tell what an earlier run has written, as far as the repositories it made show.

    Each took three requests that write, and an invitation for everybody in it.
    """
    now = clock.now()
    writes: list[float] = []
    invitations: list[float] = []
    for each in homes(course, repositories):
        made = _seconds(each.repository.created_at)
        if made is not None and now - made < A_DAY + SLACK:
            # A repository is made first, and its members may have had to wait for a limit.
            then = min(made + SLACK, now)
            writes += [then] * WRITES_OF_A_REPOSITORY
            invitations += [then] * sum(each.numbers.values())
    if writes:
        # One that a pause left half made may have been finished much later, as late as now.
        writes += [now] * WRITES_OF_A_REPOSITORY
    pace.known(writes, invitations)
