"""What happened to the labels of a pull request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.localhub.answers import Answer, ApiError
from bot.localhub.payloads import Payload, node_id
from bot.localhub.routes import TALK
from bot.localhub.routing import REPOSITORY, Call, route
from bot.localhub.state import PullRequest, User

Kind = Literal["labeled", "unlabeled"]


@dataclass(frozen=True)
class LabelEvent:
    id: int
    kind: Kind
    label: str
    actor: User
    created_at: str


def set_label(pull: PullRequest, label: str, by: str, kind: Kind = "labeled") -> None:
    """Set a label as `by`, or take it off."""
    state = pull.repository.state
    event = LabelEvent(state.next_id(), kind, label, state.user(by), state.now())
    pull.label_events.append(event)


@route("GET", REPOSITORY + "/issues/{issue_number}/events", TALK)
def list_issue_events(call: Call) -> Answer:
    pull = call.repository.pulls.get(call.number("issue_number"))
    if pull is None:
        raise ApiError(404, "Not Found")
    return call.pages(pull.label_events, lambda event: _event(call, event))


def _event(call: Call, event: LabelEvent) -> Payload:
    url = f"{call.payloads.address(call.repository)}/issues/events/{event.id}"
    return {
        "id": event.id,
        "node_id": node_id("LE", event.id),
        "url": url,
        "actor": call.payloads.user(event.actor),
        "event": event.kind,
        "commit_id": None,
        "commit_url": None,
        "created_at": event.created_at,
        "label": {"name": event.label, "color": "ededed"},
        "performed_via_github_app": None,
    }
