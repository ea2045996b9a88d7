"""The event that started the bot → the run to report, or a sentence why there is none. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from bot.model import Pull, Run
from tito.errors import TitoError

SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""The full name of a commit."""
QUEUE = "gh-readonly-queue/"
"""What the branches of a merge queue begin with. Nobody else may make such a branch."""
_LANDS = ("push", "merge_group")
_ADDRESS = re.compile(r"https?://[^\s<>()\"'`|]+")


class _Owner(msgspec.Struct, frozen=True):
    login: str


class _Repository(msgspec.Struct, frozen=True):
    id: int
    owner: _Owner


class _Home(msgspec.Struct, frozen=True):
    """The repository that the event comes from, and that is written to."""

    id: int
    default_branch: str


class WorkflowRun(msgspec.Struct, frozen=True):
    """What the bot reads of `workflow_run`; GitHub sends more."""

    id: int
    run_number: int
    event: str
    status: str
    head_sha: str
    html_url: str
    run_attempt: int = 1
    conclusion: str | None = None
    head_branch: str | None = None
    head_repository: _Repository | None = None


class Event(msgspec.Struct, frozen=True):
    """The `workflow_run` event."""

    action: str
    workflow_run: WorkflowRun
    repository: _Home


@dataclass(frozen=True)
class Stop:
    """Nothing is to be done, and that is no fault."""

    sentence: str


def decode(data: bytes) -> Event:
    """The event from the bytes of its file. Raises TitoError if it is no workflow_run event."""
    try:
        event = msgspec.json.decode(data, type=Event)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TitoError(f"this is not a workflow_run event: {error}") from None
    if not SHA.fullmatch(event.workflow_run.head_sha):
        raise TitoError("this is not a workflow_run event: head_sha is not a commit")
    if not _ADDRESS.fullmatch(event.workflow_run.html_url):
        raise TitoError("this is not a workflow_run event: html_url is not an address")
    return event


def decide(event: Event) -> Run | Stop:
    """The run to report. Stops for runs of anything else, not started, or not over."""
    run = event.workflow_run
    if run.event != "pull_request" and run.event not in _LANDS:
        return Stop(f"run {run.run_number} was started by {run.event}, which nobody waits for")
    if run.conclusion == "action_required":
        return Stop(f"run {run.run_number} waits for a maintainer's approval: nothing has run")
    if event.action != "completed" or run.status != "completed":
        return Stop(f"run {run.run_number} is not over yet")
    if run.head_branch is None:
        return Stop(f"run {run.run_number} names no branch: what it is about cannot be found")
    repository, landed = run.head_repository, run.event in _LANDS
    if landed and not _is_ours(event):
        return Stop(f"run {run.run_number} judged nothing that is, or becomes, the default branch")
    return Run(
        id=run.id,
        number=run.run_number,
        attempt=run.run_attempt,
        head_sha=run.head_sha,
        head_branch=run.head_branch,
        head_repository=repository.id if repository else None,
        head_owner=repository.owner.login if repository else "",
        url=run.html_url,
        landed=landed,
    )


def _is_ours(event: Event) -> bool:
    """True if the run judged the default branch of this repository, or what a queue makes of it.

    A tag's name stands where that of a branch does.
    """
    run, home = event.workflow_run, event.repository
    if run.head_repository is None or run.head_repository.id != home.id:
        return False
    if run.event == "push":
        return run.head_branch == home.default_branch
    return (run.head_branch or "").startswith(QUEUE)


def belongs(run: Run, pull: Pull) -> bool:
    """True if `run` judged what `pull` holds now."""
    return (
        pull.open
        and pull.head_sha == run.head_sha
        and pull.head_branch == run.head_branch
        and pull.head_repository == run.head_repository
    )


def matching(run: Run, pulls: Iterable[Pull]) -> list[Pull] | Stop:
    """The pull requests to report to: more than one if a branch is offered to several bases."""
    found = sorted((pull for pull in pulls if belongs(run, pull)), key=lambda pull: pull.number)
    return found or Stop(f"no open pull request has {run.head_sha[:7]} as its head any more")
