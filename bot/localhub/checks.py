"""Check runs: their state, and the endpoints that make them, add to them and show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.localhub.answers import Answer, ApiError, too_long
from bot.localhub.payloads import PAGES, Payload, node_id
from bot.localhub.routing import REPOSITORY, Call, missing, route
from bot.localhub.tokens import Access

TITLE_LIMIT = 255
TEXT_LIMIT = 64 * 1024

CHECKS = Access(("checks",))
CHECKS_WRITE = Access(("checks",), "write")
CHECK_RUN = REPOSITORY + "/check-runs/{check_run_id}"


@dataclass(eq=False)
class CheckRun:
    """A check run with what was added to it so far."""

    id: int
    sha: str
    name: str
    created_at: str
    external_id: str | None = None
    details_url: str | None = None
    status: str = "queued"
    conclusion: str | None = None
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[Mapping[str, Any]] = field(default_factory=list)

    def update(self, body: Mapping[str, Any]) -> None:
        """Take over what a request says; annotations are added to those that are there."""
        for name in ("name", "external_id", "details_url", "status", "conclusion"):
            setattr(self, name, body.get(name, getattr(self, name)))
        if self.conclusion:
            self.status = "completed"
        output = body.get("output", {})
        for name in ("title", "summary", "text"):
            setattr(self, name, output.get(name, getattr(self, name)))
        self.annotations += output.get("annotations", ())


@route("POST", REPOSITORY + "/check-runs", CHECKS_WRITE)
def create_check_run(call: Call) -> Answer:
    _only_apps(call)
    sha, state = call.body["head_sha"], call.repository.state
    if call.repository.commit_of(sha) != sha:
        raise ApiError(422, f"No commit found for SHA: {sha}")
    _acceptable(call.body)
    made = CheckRun(state.next_id(), sha, call.body["name"], state.now())
    made.update(call.body)
    call.repository.check_runs[made.id] = made
    payload = _shown(call, made)
    return Answer(201, payload, {"Location": payload["url"]})


@route("PATCH", CHECK_RUN, CHECKS_WRITE)
def update_check_run(call: Call) -> Answer:
    _only_apps(call)
    found = _check_run(call)
    _acceptable(call.body)
    found.update(call.body)
    return Answer(200, _shown(call, found))


@route("GET", CHECK_RUN, CHECKS)
def get_check_run(call: Call) -> Answer:
    return Answer(200, _shown(call, _check_run(call)))


@route("GET", CHECK_RUN + "/annotations", CHECKS)
def list_annotations(call: Call) -> Answer:
    found = _check_run(call)
    place = f"{PAGES}/{call.repository.full_name}/blob/{found.sha}"
    unset = dict.fromkeys(("start_column", "end_column", "title", "raw_details"))
    return call.pages(
        found.annotations, lambda one: {**unset, **one, "blob_href": f"{place}/{one['path']}"}
    )


@route("GET", REPOSITORY + "/commits/{ref}/check-runs", CHECKS)
def list_check_runs(call: Call) -> Answer:
    """List the check runs of a commit; by default the newest of each name."""
    sha = call.repository.commit_of(call.path["ref"])
    if sha is None:
        raise ApiError(422, f"No commit found for SHA: {call.path['ref']}")
    name, status = call.query.get("check_name"), call.query.get("status")
    found = [
        run
        for run in reversed(call.repository.check_runs.values())
        if run.sha == sha and name in (None, run.name) and status in (None, run.status)
    ]
    if call.query.get("filter", "latest") == "latest":
        found = list({run.name: run for run in reversed(found)}.values())
    return call.pages(found, lambda run: _shown(call, run), key="check_runs")


def _only_apps(call: Call) -> None:
    if not call.user.is_bot:
        raise ApiError(403, "You must authenticate via a GitHub App.")


def _check_run(call: Call) -> CheckRun:
    return call.repository.check_runs.get(call.number("check_run_id")) or missing()


def _acceptable(body: Mapping[str, Any]) -> None:
    """Refuse what the description allows and GitHub does not. It counts the annotations itself."""
    for one in body.get("output", {}).get("annotations", ()):
        if not 1 <= one["start_line"] <= one["end_line"]:
            raise too_long("CheckRun", "start_line", "is no line", code="invalid")
        for name, limit in (("title", TITLE_LIMIT), ("message", TEXT_LIMIT)):
            if len(one.get(name, "").encode()) > limit:
                raise too_long("CheckRun", name, f"is too long (maximum is {limit} bytes)")


def _shown(call: Call, run: CheckRun) -> Payload:
    url = f"{call.payloads.address(call.repository)}/check-runs/{run.id}"
    done = run.created_at if run.conclusion else None
    return {
        "id": run.id,
        "node_id": node_id("CR", run.id),
        "name": run.name,
        "head_sha": run.sha,
        "external_id": run.external_id or "",
        "url": url,
        "html_url": f"{PAGES}/{call.repository.full_name}/runs/{run.id}",
        "details_url": run.details_url,
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": run.created_at,
        "completed_at": done,
        "output": {
            "title": run.title,
            "summary": run.summary,
            "text": run.text,
            "annotations_count": len(run.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": None,
        "app": None,
        "pull_requests": [],
    }
