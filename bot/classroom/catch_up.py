"""A module that is over is given to those who want to go on: a pull request with the course's own.

Nothing of the student's is lost: the file it takes the place of is kept beside it. Each offer is
noted in `catch-ups.csv` before it is made, so that nobody is ever scored for the course's work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from bot import git
from bot.classroom.changes import KEPT, same
from bot.classroom.forge import MAIN, Forge
from bot.classroom.names import Home, Target
from bot.classroom.offer import open_once, push
from bot.classroom.steps import Step, one_by_one
from bot.clock import Clock
from bot.git import File
from bot.organisation import Organisation
from tito.assignments import Assignment
from tito.course import MANIFEST, Course, Module
from tito.errors import TitoError
from tito.roster import CATCH_UPS_FILE, CatchUp, Extension, note_catch_up, read_catch_ups

BRANCH = "course-catch-up-"
_SECRETS = ("HIDDEN TESTS", "MARK SCHEME")
"""Regions of a dev file that no student is ever given."""


def due_for(
    assignments: Sequence[Assignment],
    extensions: Sequence[Extension],
    module: Module,
    logins: Sequence[str],
) -> datetime | None:
    """The moment after which none of these may hand the module in. None if nothing says when.

    That is the due date or the latest extension, with the grace of the assignment; and not before
    the course's solutions may be seen at all.
    """
    mine = [each for each in assignments if module.name in each.modules]
    moments = []
    for each in mine:
        if each.due is None:
            return None
        named = {login.lower() for login in logins}
        more = [
            e.until for e in extensions if e.assignment == each.slug and e.login.lower() in named
        ]
        last = max([each.due, *more]) + timedelta(minutes=each.grace_minutes)
        moments.append(max(last, each.solutions_after or last))
    return max(moments, default=None)


def given_file(course: Course, module: Module) -> File:
    """The course's own dev file, without what is secret beside solutions."""
    path = course.dev_path(module)
    if not course.written(module):
        raise TitoError("this module is not written yet", where=path, hint="tito module list")
    lines, inside = [], ""
    for line in course.dev_file(module).read_text(encoding="utf-8").splitlines(keepends=True):
        begun = next((name for name in _SECRETS if f"BEGIN {name}" in line), "")
        inside = inside or begun
        if not inside:
            lines.append(line)
        elif f"END {inside}" in line:
            inside = ""
    if inside:
        hint = f"close it with END {inside}"
        raise TitoError(f"a region BEGIN {inside} has no end", where=path, hint=hint)
    return File("100644", "".join(lines).encode("utf-8"))


@dataclass
class CatchUps:
    """Offers one module. `later` says, after a run, who may have it when."""

    course: Course
    door: Organisation
    forge: Forge
    module: Module
    extensions: Sequence[Extension]
    clock: Clock
    dry_run: bool = False
    anyway: bool = False
    later: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._path = self.course.dev_path(self.module)
        self._branch = f"{BRANCH}{self.module.number}"
        self._given = given_file(self.course, self.module)
        self._file = self.course.root / CATCH_UPS_FILE
        rows = read_catch_ups(self._file, CATCH_UPS_FILE)
        self._noted = {(row.login.lower(), row.module, row.commit) for row in rows}

    def due(self, pairs: Sequence[tuple[Target, Home]]) -> list[tuple[Target, Home]]:
        """Those whose time is over. Raises TitoError if that is nobody's, or nothing says when."""
        ready = []
        for target, home in pairs:
            logins = [member.login for member in target.members if member.active]
            moment = due_for(self.course.assignments, self.extensions, self.module, logins)
            if moment is None and not self.anyway:
                hint = f"give its assignment a `due` in {MANIFEST}, or type --anyway"
                raise TitoError(f"nothing says when {self.module.slug} is due", hint=hint)
            if moment is not None and self.clock.moment() <= moment:
                self.later[target.owner] = moment
            else:
                ready.append((target, home))
        if self.later and not ready:
            when = min(self.later.values())
            message = f"{self.module.slug} can still be handed in, until {written(when)}"
            raise TitoError(message, hint="offer it after that")
        return ready

    def run(self, pairs: Sequence[tuple[Target, Home]]) -> Iterator[Step]:
        """Yields what is done. Raises LaterError where GitHub wants a pause."""
        return one_by_one(
            pairs, lambda pair: self._one(*pair), lambda pair: pair[1].repository.name
        )

    def _one(self, target: Target, home: Home) -> Iterator[Step]:
        name, address = home.repository.name, home.repository.clone_url
        pulls = self.door.pulls(name, head=self._branch, base=MAIN)
        if pulls and pulls[-1].state != "open":
            return  # taken, or not wanted
        refs = self.forge.refs(address)
        ref, tip = f"refs/heads/{self._branch}", refs.get(f"refs/heads/{MAIN}", "")
        if not tip:
            message = f"{name} has no branch {MAIN} yet"
            raise TitoError(message, hint="python -m bot classroom provision")
        before = refs.get(ref, "")
        self.forge.fetch(address, *filter(None, (tip, before)))
        theirs = self.forge.files(tip)
        if same(theirs.get(self._path), self._given) or (pulls and self._stands(before, theirs)):
            return
        yield Step(name, f"catch-up {self.module.number} {'replaced' if pulls else 'offered'}")
        if self.dry_run:
            return
        made = self._commit(tip, theirs)
        self._note(target, made)
        if before != made:
            push(self.forge, address, ref, made=made, before=before)
        if not pulls:
            title = f"Course catch-up {self.module.number}: {self.module.title}"
            open_once(self.door, name, head=self._branch, title=title, body=self._body(theirs, tip))

    def _stands(self, before: str, theirs: Mapping[str, File]) -> bool:
        """True if the open offer is about the file as it is now, or if it is ours no more."""
        if not before:
            return False
        parent = git.text(self.forge.local, "rev-parse", f"{before}^")
        earlier = self.forge.files(parent)
        if self._commit(parent, earlier) != before:
            return True  # the student has worked on it
        return same(earlier.get(self._path), theirs.get(self._path))

    def _commit(self, tip: str, theirs: Mapping[str, File]) -> str:
        """The student's files with the given one. The same files make the same commit."""
        files = {**theirs, self._path: self._given}
        own = theirs.get(self._path)
        if own is not None:
            files[self._kept(theirs, tip)] = File("100644", own.data)
        message = f"Course catch-up {self.module.number}\n"
        return self.forge.commit(message, dict(sorted(files.items())), parent=tip)

    def _kept(self, theirs: Mapping[str, File], tip: str) -> str:
        """Where the student's own file goes. What is kept there already is never overwritten."""
        folder = f"{KEPT}/catch-up-{self.module.number}"
        taken = theirs.get(f"{folder}/{self._path}")
        free = taken is None or same(taken, theirs.get(self._path))
        return f"{folder}/{self._path}" if free else f"{folder}-{tip[:7]}/{self._path}"

    def _note(self, target: Target, commit: str) -> None:
        """Before GitHub hears of it: a row too many costs nothing, one too few a wrong grade."""
        now = datetime.fromtimestamp(self.clock.now(), timezone.utc)
        for member in target.members:
            key = (member.login.lower(), self.module.slug, commit)
            if member.active and key not in self._noted:
                self._noted.add(key)
                note_catch_up(self._file, CatchUp(member.login, self.module.slug, now, commit))

    def _body(self, theirs: Mapping[str, File], tip: str) -> str:
        number, slug = self.module.number, self.module.slug
        lines = [f"Module {slug} is over. Here is the course's own, so that you can go on with it."]
        if self._path in theirs:
            lines.append(f"- Your own file is kept as `{self._kept(theirs, tip)}`.")
        return "\n".join(
            [
                lines[0],
                "",
                *lines[1:],
                "- It is not scored as yours: what you handed in yourself counts.",
                f"- To use it, merge this, then type `git pull` and `tito module export {number}`.",
                "- You need not: close this, and go on with your own.",
            ]
        )


def written(moment: datetime) -> str:
    """As a person reads it, in UTC."""
    return f"{moment.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC"
