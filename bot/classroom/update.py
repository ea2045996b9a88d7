"""A new release reaches the students as a pull request each, which replaces the one before.

Student work is never touched. The base is the release that `release.json` names in the repository,
if the template has it; a repository that names another one is compared with its own first commit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bot.classroom.changes import Changes, Tree, changes
from bot.classroom.forge import FEEDBACK, MAIN, UPDATE, Forge
from bot.classroom.names import Home
from bot.classroom.offer import open_once, push
from bot.classroom.steps import Step, one_by_one
from bot.organisation import Organisation, Pull
from tito.course import Course
from tito.errors import TitoError
from tito.provenance import FILE, decode

LONGEST_BODY = 60_000
_MARK = "<!-- release {release} -->"


@dataclass
class Releases:
    """What was ever handed out, from the tags of the template."""

    newest: str
    commits: Mapping[str, str]
    """Release → its commit."""
    trees: Mapping[str, str] = field(default_factory=dict)
    """Tree → release."""


class Updater:
    """Opens one pull request a repository, or brings the open one up to date."""

    def __init__(
        self,
        course: Course,
        door: Organisation,
        forge: Forge,
        releases: Releases,
        *,
        dry_run: bool = False,
    ) -> None:
        self._course, self._door, self._forge = course, door, forge
        self._releases, self._dry_run = releases, dry_run
        self._new = forge.files(releases.commits[releases.newest])

    def run(self, homes: Sequence[Home]) -> Iterator[Step]:
        """Yields what is done. Raises LaterError where GitHub wants a pause."""
        return one_by_one(homes, self._one, lambda home: home.repository.name)

    def _one(self, home: Home) -> Iterator[Step]:
        name, mark = home.repository.name, _MARK.format(release=self._releases.newest)
        if home.repository.archived or not any(home.numbers.values()):
            return
        pulls = self._door.pulls(name, head=UPDATE, base=MAIN)
        if any(mark in pull.body for pull in pulls):
            return
        refs = self._forge.refs(home.repository.clone_url)
        tip = refs.get(f"refs/heads/{MAIN}")
        if tip is None:
            raise TitoError(
                f"{name} has no branch {MAIN} yet", hint="python -m bot classroom provision"
            )
        self._forge.fetch(home.repository.clone_url, tip)
        theirs = self._forge.files(tip)
        found = changes(
            self._base(home, theirs, refs),
            self._new,
            theirs,
            self._course.protection,
            release=self._releases.newest,
        )
        if found.any:
            yield from self._hand_out(home, found, theirs, tip, refs, pulls)

    def _base(self, home: Home, theirs: Tree, refs: Mapping[str, str]) -> Tree:
        """What the student was given last. A release.json that names no release is not believed."""
        commit = ""
        # Where it was deleted or rewritten, the first commit tells.
        with contextlib.suppress(KeyError, TitoError):
            commit = self._releases.commits.get(decode(theirs[FILE].data).release, "")
        if not commit:
            commit = refs.get(f"refs/heads/{FEEDBACK}", "")
            if not commit:
                message = f"nothing tells what {home.repository.name} was given"
                raise TitoError(message, hint="python -m bot classroom provision")
            self._forge.fetch(home.repository.clone_url, commit)
        return self._forge.files(commit)

    def _hand_out(
        self,
        home: Home,
        found: Changes,
        theirs: Tree,
        tip: str,
        refs: Mapping[str, str],
        pulls: Sequence[Pull],
    ) -> Iterator[Step]:
        name, release = home.repository.name, self._releases.newest
        there = [pull for pull in pulls if pull.state == "open"]
        yield Step(name, f"update {'replaced' if there else 'offered'}")
        if self._dry_run:
            return
        title = f"Course update {release[:7]}"
        made = self._forge.commit(f"{title}\n", found.applied(theirs), parent=tip)
        ref = f"refs/heads/{UPDATE}"
        if refs.get(ref) != made:
            address, before = home.repository.clone_url, refs.get(ref, "")
            push(self._forge, address, ref, made=made, before=before)
        body = _body(found, release)
        if there:
            self._door.edit_pull(name, there[-1].number, title=title, body=body)
        else:
            open_once(self._door, name, head=UPDATE, title=title, body=body)


def _body(found: Changes, release: str) -> str:
    """What the student reads. The mark tells the next run that this release was offered."""
    parts = [
        _MARK.format(release=release),
        "The course has changed. Merge this when it suits you: your own work is not touched.",
    ]
    written = sorted(path for path in found.write if path not in found.kept.values())
    if written:
        parts += ["**New or mended:**", _listed(written)]
    if found.delete:
        parts += ["**No longer part of the course:**", _listed(sorted(found.delete))]
    if found.kept:
        pairs = [f"- `{path}`: yours is in `{where}`" for path, where in found.kept.items()]
        words = "**Restored.** You had changed these files, which are given. Yours are kept:"
        parts += [words, "\n".join(pairs)]
    if found.told:
        words = "**Look at this yourself.** It concerns files you work in, so nothing is changed:"
        parts += [words, *found.told]
    body = "\n\n".join(parts)
    if len(body.encode()) > LONGEST_BODY:
        body = body.encode()[:LONGEST_BODY].decode("utf-8", "ignore") + "\n\n… and more."
    return body


MOST_LISTED = 30


def _listed(paths: Sequence[str]) -> str:
    lines = [f"- `{path}`" for path in paths[:MOST_LISTED]]
    more = len(paths) - MOST_LISTED
    return "\n".join([*lines, *([f"- and {more} more"] if more > 0 else [])])
