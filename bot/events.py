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
_ADDRESS = re.compile(r"https?://[^\s<>()\"'`|]+")


class _Owner(msgspec.Struct, frozen=True):
    login: str


class _Repository(msgspec.Struct, frozen=True):
    id: int
    owner: _Owner


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
    """The run to report. Stops for runs of no pull request, not started, or not over."""
    run = event.workflow_run
    if run.event != "pull_request":
        return Stop(f"run {run.run_number} was started by {run.event}, not by a pull request")
    if run.conclusion == "action_required":
        return Stop(f"run {run.run_number} waits for a maintainer's approval: nothing has run")
    if event.action != "completed" or run.status != "completed":
        return Stop(f"run {run.run_number} is not over yet")
    if run.head_branch is None:
        return Stop(f"run {run.run_number} names no branch: its pull request cannot be found")
    repository = run.head_repository
    return Run(
        id=run.id,
        number=run.run_number,
        attempt=run.run_attempt,
        head_sha=run.head_sha,
        head_branch=run.head_branch,
        head_repository=repository.id if repository else None,
        head_owner=repository.owner.login if repository else "",
        url=run.html_url,
    )


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
