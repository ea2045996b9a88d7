"""What an event asks for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bot.events import Stop, decide, decode, matching
from tests.unit.bot.subjects import HEAD, PULL, RUN, URL
from tito.errors import TitoError

HOME = {"id": 77, "owner": {"login": "acme"}, "name": "course"}
FORK = {"id": 78, "owner": {"login": "ann"}, "name": "course"}
QUEUED = f"gh-readonly-queue/main/pr-7-{HEAD}"


def event(action: str = "completed", **changes: Any) -> bytes:
    run = {
        "id": 1001,
        "run_number": 12,
        "run_attempt": 1,
        "event": "pull_request",
        "status": "completed",
        "conclusion": "failure",
        "head_sha": HEAD,
        "head_branch": "fix/typo",
        "head_repository": HOME,
        "html_url": URL,
        "pull_requests": [],
    }
    home = {**HOME, "default_branch": "main"}
    told = {"action": action, "workflow_run": run | changes, "repository": home, "sender": {}}
    return json.dumps(told).encode()


def test_a_finished_run_of_a_pull_request_is_reported() -> None:
    assert decide(decode(event())) == RUN


def test_a_deleted_fork_has_no_repository() -> None:
    found = decide(decode(event(head_repository=None)))
    assert found == replace(RUN, head_repository=None, head_owner="")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (event(event="schedule"), "was started by schedule, which nobody waits for"),
        (event(event="workflow_dispatch", head_branch="main"), "was started by workflow_dispatch"),
        (event(event="push", conclusion="action_required"), "waits for a maintainer's approval"),
        (event(event="push", head_branch="main", action="requested", status="queued"), "not over"),
        (event(conclusion="action_required"), "waits for a maintainer's approval"),
        (event(action="requested", status="queued", conclusion=None), "is not over yet"),
        (event(action="completed", status="in_progress", conclusion=None), "is not over yet"),
        (event(head_branch=None), "names no branch"),
        (event(event="push", head_branch=None), "names no branch"),
    ],
)
def test_other_runs_stop_neutrally(data: bytes, words: str) -> None:
    found = decide(decode(data))
    assert isinstance(found, Stop)
    assert words in found.sentence


@pytest.mark.parametrize(("kind", "branch"), [("push", "main"), ("merge_group", QUEUED)])
def test_what_lands_on_the_default_branch_is_reported(kind: str, branch: str) -> None:
    found = decide(decode(event(event=kind, head_branch=branch)))
    assert found == replace(RUN, head_branch=branch, landed=True)


@pytest.mark.parametrize(
    ("kind", "branch", "home"),
    [
        ("push", "main", FORK),
        ("push", "main", None),
        ("push", "dev", HOME),
        ("push", "v1.0.0", HOME),
        ("push", "refs/heads/main", HOME),
        ("push", QUEUED, HOME),
        ("merge_group", QUEUED, FORK),
        ("merge_group", QUEUED, None),
        ("merge_group", "main", HOME),
        ("merge_group", f"my/{QUEUED}", HOME),
    ],
)
def test_what_lands_elsewhere_stops_neutrally(
    kind: str, branch: str, home: dict[str, Any] | None
) -> None:
    found = decide(decode(event(event=kind, head_branch=branch, head_repository=home)))
    assert isinstance(found, Stop)
    assert "nothing that is, or becomes, the default branch" in found.sentence


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"action": "opened", "pull_request": {}}',
        event(id="1001"),
        event().replace(b'"default_branch": "main"', b'"master_branch": "main"'),
        event(head_sha="main"),
        event(head_sha=HEAD + "\n"),
        event(html_url="javascript:alert(1)"),
        event(html_url="https://github.com/a) ![x](https://evil.example"),
    ],
)
def test_what_is_no_such_event_is_refused(data: bytes) -> None:
    with pytest.raises(TitoError, match="not a workflow_run event"):
        decode(data)


def test_a_pull_request_must_hold_exactly_what_was_judged() -> None:
    assert matching(RUN, [PULL]) == [PULL]
    for other in (
        replace(PULL, open=False),
        replace(PULL, head_sha="0" * 40),
        replace(PULL, head_branch="other"),
        replace(PULL, head_repository=78),
        replace(PULL, head_repository=None),
    ):
        assert isinstance(matching(RUN, [other]), Stop)
    assert isinstance(matching(RUN, []), Stop)


def test_a_branch_offered_to_two_bases_is_reported_to_both() -> None:
    second = replace(PULL, number=3, base_branch="next")
    assert matching(RUN, [PULL, second]) == [second, PULL]
