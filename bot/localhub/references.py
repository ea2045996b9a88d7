"""Branches and tags over HTTP, and the list of what was pushed."""

from __future__ import annotations

from urllib.parse import urlencode

from bot.localhub.answers import Answer, ApiError
from bot.localhub.paging import DEFAULT, MOST
from bot.localhub.payloads import Payload, node_id
from bot.localhub.records import Activity
from bot.localhub.routes import CONTENTS
from bot.localhub.routing import REPOSITORY, Call, missing, route
from bot.localhub.state import Repository
from bot.localhub.tokens import Access, may_push

GIT = REPOSITORY + "/git"
CONTENTS_WRITE = Access(("contents",), "write")


def references(repository: Repository) -> dict[str, str]:
    """Return every branch and tag by its full name."""
    heads = {f"refs/heads/{name}": sha for name, sha in repository.branches.items()}
    tags = {f"refs/tags/{name}": sha for name, sha in repository.tags.items()}
    return dict(sorted({**heads, **tags}.items()))


@route("GET", GIT + "/ref/{ref}", CONTENTS)
def get_reference(call: Call) -> Answer:
    """Show where a branch or a tag stands; 409 while the repository holds nothing at all."""
    _require_content(call)
    ref = f"refs/{call.path['ref']}"
    sha = references(call.repository).get(ref) or missing()
    return Answer(200, _shown(call, ref, sha))


@route("GET", GIT + "/matching-refs/{ref}", CONTENTS)
def list_matching_references(call: Call) -> Answer:
    """List those whose name begins like that."""
    _require_content(call)
    start = f"refs/{call.path['ref']}"
    found = [
        (ref, sha) for ref, sha in references(call.repository).items() if ref.startswith(start)
    ]
    return call.pages(found, lambda pair: _shown(call, *pair))


@route("POST", GIT + "/refs", CONTENTS_WRITE)
def create_reference(call: Call) -> Answer:
    _require_push(call)
    _require_content(call)
    repository, ref, sha = call.repository, call.body["ref"], call.body["sha"]
    if not ref.startswith(("refs/heads/", "refs/tags/")):
        raise ApiError(422, "Reference name must start with 'refs/heads/' or 'refs/tags/'.")
    if ref in references(repository):
        raise ApiError(422, "Reference already exists")
    _require_commit(repository, sha)
    _set(call, ref, sha)
    shown = _shown(call, ref, sha)
    return Answer(201, shown, {"Location": shown["url"]})


@route("PATCH", GIT + "/refs/{ref}", CONTENTS_WRITE)
def update_reference(call: Call) -> Answer:
    """Move a branch or a tag; backwards or aside only with `force`."""
    _require_push(call)
    repository, ref, sha = call.repository, f"refs/{call.path['ref']}", call.body["sha"]
    before = references(repository).get(ref)
    if before is None:
        raise ApiError(422, "Reference does not exist")
    _require_commit(repository, sha)
    bare = repository.bare
    if not call.body.get("force") and bare and not bare.contains(sha, before):
        raise ApiError(422, "Update is not a fast forward")
    _set(call, ref, sha)
    return Answer(200, _shown(call, ref, sha))


@route("DELETE", GIT + "/refs/{ref}", CONTENTS_WRITE)
def delete_reference(call: Call) -> Answer:
    _require_push(call)
    ref = f"refs/{call.path['ref']}"
    if ref not in references(call.repository):
        raise ApiError(422, "Reference does not exist")
    call.repository.remove(ref, by=call.user)
    return Answer(204)


def _require_content(call: Call) -> None:
    if not call.repository.branches:
        raise ApiError(409, "Git Repository is empty.")


def _require_commit(repository: Repository, sha: str) -> None:
    if repository.commit_of(sha) != sha:
        raise ApiError(422, "Object does not exist")


def _require_push(call: Call) -> None:
    assert call.token is not None
    if not may_push(call.token, call.repository):
        raise ApiError(403, "Must have push access to repository")


def _set(call: Call, ref: str, sha: str) -> None:
    _, kind, name = ref.split("/", 2)
    move = call.repository.push if kind == "heads" else call.repository.tag
    move(name, sha, by=call.user)


def _shown(call: Call, ref: str, sha: str) -> Payload:
    git = f"{call.payloads.address(call.repository)}/git"
    return {
        "ref": ref,
        "node_id": node_id("REF", call.repository.id),
        "url": f"{git}/{ref}",
        "object": {"type": "commit", "sha": sha, "url": f"{git}/commits/{sha}"},
    }


@route("GET", REPOSITORY + "/activity", CONTENTS)
def list_activity(call: Call) -> Answer:
    """List what was pushed, the newest first, in pages that follow one another by a cursor.

    Two pushes to one branch between two looks of the hub are one: see `Repository.refresh`.
    """
    query = call.query
    ref, kind, actor = (query.get(name, "") for name in ("ref", "activity_type", "actor"))
    found = [
        each
        for each in call.repository.activities
        if ref in ("", each.ref, each.ref.removeprefix("refs/heads/"))
        and kind in ("", each.kind)
        and actor.lower() in ("", each.actor.login.lower() if each.actor else None)
    ]
    if query.get("direction", "desc") == "desc":
        found.reverse()
    after = query.get("after")
    if after:
        numbers = [str(each.id) for each in found]
        found = found[numbers.index(after) + 1 :] if after in numbers else []
    size = min(max(int(query.get("per_page", DEFAULT)), 1), MOST)
    page = found[:size]
    headers = {}
    if len(found) > size:
        following = urlencode({**query, "after": page[-1].id})
        headers["Link"] = f'<{call.url}?{following}>; rel="next"'
    return Answer(200, [_activity(call, each) for each in page], headers)


def _activity(call: Call, activity: Activity) -> Payload:
    return {
        "id": activity.id,
        "node_id": node_id("PSH", activity.id),
        "before": activity.before,
        "after": activity.after,
        "ref": activity.ref,
        "timestamp": activity.timestamp,
        "activity_type": activity.kind,
        "actor": call.payloads.user(activity.actor) if activity.actor else None,
    }
