"""Pull requests that are opened and changed over HTTP."""

from __future__ import annotations

from bot.localhub.answers import Answer, ApiError
from bot.localhub.routing import REPOSITORY, Call, invalid, missing, route
from bot.localhub.state import PullRequest, Repository
from bot.localhub.tokens import Access, may_push

PULLS_WRITE = Access(("pull-requests",), "write")


@route("POST", REPOSITORY + "/pulls", PULLS_WRITE)
def create_pull(call: Call) -> Answer:
    repository, body = call.repository, call.body
    if not body.get("title"):
        raise ApiError(422, "Validation Failed", [{"resource": "Issue", "code": "missing_field",
                                                   "field": "title"}])  # fmt: skip
    base = body["base"]
    if base not in repository.branches:
        raise invalid("PullRequest", "base")
    source, branch = _head(call, body["head"])
    _require_new(repository, source, branch, base)
    sha = source.branches[branch]
    _require_commits(repository, source, base, f"{branch}", sha)
    pull = repository.pull_request(
        head_sha=sha,
        branch=branch,
        head_repository=source,
        base=base,
        title=body["title"],
        author=call.user.login,
    )
    pull.body = body.get("body")
    payload = call.payloads.whole_pull(pull)
    return Answer(201, payload, {"Location": payload["url"]})


def _head(call: Call, given: str) -> tuple[Repository, str]:
    """Return the repository and the branch that `branch` or `owner:branch` names."""
    repository = call.repository
    owner, colon, branch = given.rpartition(":")
    source: Repository | None = repository
    if colon and owner.lower() != repository.owner.login.lower():
        forks = (each for each in call.state.repositories.values() if each.fork_of is repository)
        source = next((each for each in forks if each.owner.login.lower() == owner.lower()), None)
    if source is None or branch not in source.branches:
        raise invalid("PullRequest", "head")
    return source, branch


def _require_new(repository: Repository, source: Repository, branch: str, base: str) -> None:
    for pull in repository.pulls.values():
        same = (pull.head_repository, pull.branch, pull.base) == (source, branch, base)
        if same and pull.state == "open":
            label = f"{source.owner.login}:{branch}"
            raise _refused(f"A pull request already exists for {label}.")


def _require_commits(
    repository: Repository, source: Repository, base: str, branch: str, sha: str
) -> None:
    """Refuse a branch that has nothing which its base has not."""
    stands, bare = repository.branches[base], repository.bare
    if bare and source.bare:
        if source is not repository:
            bare.fetch(source.bare, sha)
        if not bare.related(stands, sha):
            raise _refused(f"The {branch} branch has no history in common with {base}")
        nothing = not bare.between(stands, sha)
    else:
        nothing = stands == sha
    if nothing:
        raise _refused(f"No commits between {base} and {branch}")


def _refused(message: str) -> ApiError:
    error = {"resource": "PullRequest", "code": "custom", "message": message}
    return ApiError(422, "Validation Failed", [error])


@route("PATCH", REPOSITORY + "/pulls/{pull_number}", PULLS_WRITE)
def update_pull(call: Call) -> Answer:
    """Change a pull request; a user only their own, or with the right to push."""
    repository, body = call.repository, call.body
    pull = repository.pulls.get(call.number("pull_number")) or missing()
    assert call.token is not None
    if pull.author is not call.user and not may_push(call.token, repository):
        raise ApiError(403, "Must have admin rights to Repository.")
    base = body.get("base", pull.base)
    if base not in repository.branches and base != pull.base:
        raise invalid("PullRequest", "base")
    _set_state(pull, body.get("state", pull.state))
    pull.title, pull.base = body.get("title", pull.title), base
    pull.body = body.get("body", pull.body)
    pull.updated_at = repository.state.now()
    return Answer(200, call.payloads.whole_pull(pull))


def _set_state(pull: PullRequest, state: str) -> None:
    if state == pull.state:
        return
    if state == "closed":
        pull.close()
        return
    source = pull.head_repository
    sha = source.branches.get(pull.branch) if source else None
    if pull.merged or source is None or sha is None:
        why = "merged" if pull.merged else f"the {pull.branch} branch was deleted"
        message = f"state cannot be changed. The pull request cannot be reopened: {why}."
        raise invalid("PullRequest", "state", message)
    _require_new(pull.repository, source, pull.branch, pull.base)
    pull.state, pull.closed_at = "open", None
    pull.head_moved(sha)
