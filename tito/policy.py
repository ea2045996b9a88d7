"""How a branch is named and what its commit messages leave out. Reads git and one event's data.

A label of the repository, which only its members can set, sets the policy aside; the findings stay
and say so.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tito.classroom import read_manifest
from tito.course import MANIFEST, Branches, Course
from tito.errors import RefusedError, TitoError
from tito.protection import covered, git, left_at
from tito.report import Finding

MOST_COMMITS = 20
"""Commits that are named one by one; of more, it is said how many."""
LARGEST_EVENT = 32 * 1024 * 1024
_LONGEST_SUBJECT = 72
# Between commits stands the one character that no message can hold.
_LOG = ("-z", "--format=%h%n%B", "--encoding=UTF-8", "--no-show-signature")


class Proposal(msgspec.Struct, frozen=True):
    """What is offered for merging: the branch, its labels, and who set the label just now."""

    branch: str
    labels: tuple[str, ...] = ()
    label: str = ""
    """The label that the event is about; empty if it is about something else."""
    sender: str = ""


class _Label(msgspec.Struct, frozen=True):
    name: str


class _Head(msgspec.Struct, frozen=True):
    ref: str


class _PullRequest(msgspec.Struct, frozen=True):
    head: _Head
    labels: tuple[_Label, ...] = ()


class _Sender(msgspec.Struct, frozen=True):
    login: str


class _Event(msgspec.Struct, frozen=True):
    """As much of an event as is read here; there is more."""

    pull_request: _PullRequest | None = None
    action: str = ""
    label: _Label | None = None
    sender: _Sender | None = None


def proposal_in(file: Path) -> Proposal | None:
    """What the event in this file offers; None if the event is about no pull request.

    Raises TitoError if the file cannot be read or is no event.
    """
    try:
        with open(file, "rb") as stream:
            event = msgspec.json.decode(stream.read(LARGEST_EVENT), type=_Event)
    except OSError as error:
        raise TitoError(f"the event cannot be read: {error.strerror}", where=str(file)) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TitoError(f"this is not an event: {error}", where=str(file)) from None
    pull = event.pull_request
    if pull is None:
        return None
    labelled = event.action == "labeled" and event.label is not None
    return Proposal(
        pull.head.ref,
        tuple(label.name for label in pull.labels),
        event.label.name if labelled and event.label else "",
        event.sender.login if labelled and event.sender else "",
    )


def check(course: Course, proposal: Proposal, *, base: str) -> list[Finding]:
    """What stands against the policy since the branch left `base`.

    Raises TitoError if git cannot say which commits there are.
    """
    since = left_at(course, base)
    policy = _policy(course, since)
    found = [*_branch(policy, proposal.branch), *_commits(course, policy, since)]
    if policy.override and policy.override in proposal.labels:
        return _set_aside(policy, proposal, found)
    return found


def _policy(course: Course, since: str) -> Branches:
    """As it was before this change, if there was one: no change judges itself by its own."""
    try:
        before = read_manifest(git(course.root, "show", f"{since}:./{MANIFEST}")).branches
    except (subprocess.CalledProcessError, RefusedError):
        return course.branches
    return before if before != Branches() else course.branches


def _branch(policy: Branches, branch: str) -> Iterator[Finding]:
    ruled = [pattern for rule in policy.rules for pattern in rule.branches]
    if not policy.prefixes or covered(branch, ruled):
        return
    allowed = (*policy.prefixes, *policy.machines)
    if any(branch.startswith(prefix) and len(branch) > len(prefix) for prefix in allowed):
        return
    *others, last = (f"{prefix}…" for prefix in policy.prefixes)
    named = f"{', '.join(others)} or {last}" if others else last
    word = re.sub(r"[^A-Za-z0-9._-]+", "-", branch.rpartition("/")[2]).strip("-") or "name"
    hint = f"git branch -m {policy.prefixes[0]}{word}, push that, and open the pull request from it"
    yield _finding("branch", f"the branch {branch!r} should be named {named}", hint)


def _commits(course: Course, policy: Branches, since: str) -> Iterator[Finding]:
    """One finding a commit with such a trailer: its key alone, because its value is a person."""
    if not policy.trailers:
        return
    # A space is as good as a hyphen to whoever reads it.
    words = (map(re.escape, re.split("[- ]", key)) for key in policy.trailers)
    keys = "|".join("[- ]".join(each) for each in words)
    pattern = re.compile(rf"^[ \t]*({keys})[ \t]*:", re.IGNORECASE | re.MULTILINE)
    listed = git(course.root, "log", *_LOG, f"{since}..HEAD", "--")
    found = []
    for record in filter(None, map(str.strip, listed.split("\0"))):
        commit, _, message = record.partition("\n")
        keys_here = dict.fromkeys(match[1] for match in pattern.finditer(message))
        if keys_here:
            found.append((commit, message, ", ".join(keys_here)))
    for commit, message, named in found[:MOST_COMMITS]:
        subject = message.strip().partition("\n")[0][:_LONGEST_SUBJECT]
        told = f"commit {commit} ({subject}) carries an attribution trailer: {named}"
        yield _finding("commit", told, _REWORD.format(since=since[:12]))
    if len(found) > MOST_COMMITS:
        rest = len(found) - MOST_COMMITS
        told = f"{rest} more commits carry an attribution trailer"
        yield _finding("commit", told, _REWORD.format(since=since[:12]))


_REWORD = "take the line out: git rebase --interactive {since}, with `reword` before the commit"


def _set_aside(policy: Branches, proposal: Proposal, found: list[Finding]) -> list[Finding]:
    if not found:
        message = f"the label {policy.override!r} is set, and nothing needs it"
        hint = "take it off, so that it sets nothing aside later"
        return [Finding("policy-override", "notice", MANIFEST, 0, message, hint)]
    who = "by whom, the timeline of the pull request says"
    if proposal.label == policy.override and proposal.sender:
        who = f"set by {proposal.sender}"
    count = f"{len(found)} finding" + ("s" if len(found) > 1 else "")
    message = f"the label {policy.override!r} sets {count} against the policy aside: {who}"
    hint = "who reviews this decides whether that is right"
    override = Finding("policy-override", "warning", MANIFEST, 0, message, hint)
    return [override, *(msgspec.structs.replace(each, severity="warning") for each in found)]


def _finding(rule: str, message: str, hint: str) -> Finding:
    return Finding(f"policy-{rule}", "error", MANIFEST, 0, message, hint)
