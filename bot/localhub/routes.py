"""The endpoints: what each asks of the token, and what it does to the state.

An endpoint gets a `Call` whose request has been matched and checked against the description, and
returns an `Answer` or raises a `ApiError`.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.localhub.answers import Answer, ApiError, too_long
from bot.localhub.changes import comparison, file
from bot.localhub.paging import page_of
from bot.localhub.routing import REPOSITORY, Call, missing, route
from bot.localhub.state import Comment, PullRequest, Status, WorkflowRun
from bot.localhub.tokens import Access, may_push

COMMENT_LIMIT = 65_536
DESCRIPTION_LIMIT = 140
STATUSES_LIMIT = 1_000
FILES_LIMIT = 3_000
COMPARED_LIMIT = 300

RUN = REPOSITORY + "/actions/runs/{run_id}"

METADATA = Access(
    (
        "metadata",
        "administration",
        "contents",
        "issues",
        "pull-requests",
        "statuses",
        "actions",
        "checks",
    )
)
"""GitHub gives the right to read them to every token that has any of the others."""
TALK = Access(("issues", "pull-requests"))
TALK_WRITE = Access(("issues", "pull-requests"), "write")
PULLS = Access(("pull-requests",))
STATUSES = Access(("statuses",))
STATUSES_WRITE = Access(("statuses",), "write", push=True)
CONTENTS = Access(("contents",))
ACTIONS = Access(("actions",))
ARTIFACTS = Access(("actions",), anonymous=False)


@route("GET", "/user", None)
def get_user(call: Call) -> Answer:
    if call.token is None:
        raise ApiError(401, "Requires authentication")
    if call.user.is_bot:
        raise ApiError(403, "Resource not accessible by integration")
    return Answer(200, call.payloads.own_profile(call.user))


@route("GET", "/rate_limit", None)
def get_rate_limit(call: Call) -> Answer:
    search = {"limit": 30, "remaining": 30, "used": 0, "reset": call.rate["reset"]}
    payload = {"resources": {"core": call.rate, "search": search}, "rate": call.rate}
    return Answer(200, payload, uncounted=True)


@route("GET", REPOSITORY, METADATA)
def get_repository(call: Call) -> Answer:
    return Answer(200, call.payloads.whole_repository(call.repository))


# Comments


@route("GET", REPOSITORY + "/issues/{issue_number}/comments", TALK)
def list_comments(call: Call) -> Answer:
    pull = _pull(call, "issue_number")
    since = call.query.get("since", "")
    comments = [
        comment for comment in call.repository.comments(pull.number) if comment.updated_at >= since
    ]
    return call.pages(comments, lambda comment: call.payloads.comment(call.repository, comment))


@route("POST", REPOSITORY + "/issues/{issue_number}/comments", TALK_WRITE)
def create_comment(call: Call) -> Answer:
    pull = _pull(call, "issue_number")
    comment = call.repository.comment(pull.number, _comment_body(call), call.user)
    payload = call.payloads.comment(call.repository, comment)
    return Answer(201, payload, {"Location": payload["url"]})


@route("GET", REPOSITORY + "/issues/comments/{comment_id}", TALK)
def get_comment(call: Call) -> Answer:
    return Answer(200, call.payloads.comment(call.repository, _comment(call)))


@route("PATCH", REPOSITORY + "/issues/comments/{comment_id}", TALK_WRITE)
def update_comment(call: Call) -> Answer:
    comment = _own_comment(call)
    edited = call.repository.edit_comment(comment.id, _comment_body(call))
    return Answer(200, call.payloads.comment(call.repository, edited))


@route("DELETE", REPOSITORY + "/issues/comments/{comment_id}", TALK_WRITE)
def delete_comment(call: Call) -> Answer:
    call.repository.delete_comment(_own_comment(call).id)
    return Answer(204)


def _comment(call: Call) -> Comment:
    return call.repository.find_comment(call.number("comment_id")) or missing()


def _own_comment(call: Call) -> Comment:
    """Return the comment if the token may change it: its author's, or one that may push."""
    comment = _comment(call)
    assert call.token is not None
    if comment.author is not call.user and not may_push(call.token, call.repository):
        raise ApiError(403, "Must have admin rights to Repository.")
    return comment


def _comment_body(call: Call) -> str:
    body: str = call.body["body"]
    if len(body) > COMMENT_LIMIT:
        message = f"Body is too long (maximum is {COMMENT_LIMIT} characters)"
        raise too_long("IssueComment", "data", message, code="unprocessable")
    if not body.strip():
        raise too_long("IssueComment", "data", "Body cannot be blank", code="unprocessable")
    return body


# Pull requests


@route("GET", REPOSITORY + "/pulls", PULLS)
def list_pulls(call: Call) -> Answer:
    """List pull requests; as on GitHub, a `head` without an owner filters nothing."""
    state = call.query.get("state", "open")
    owner, colon, branch = call.query.get("head", "").partition(":")
    base = call.query.get("base", "")
    pulls = [
        pull
        for pull in call.repository.pulls.values()
        if state in (pull.state, "all")
        and base in (pull.base, "")
        and (not colon or (pull.head_owner.lower(), pull.branch) == (owner.lower(), branch))
    ]
    by_update = call.query.get("sort") == "updated"
    pulls.sort(
        key=lambda pull: (pull.updated_at if by_update else pull.created_at, pull.number),
        reverse=call.query.get("direction", "desc") == "desc",
    )
    return call.pages(pulls, call.payloads.pull)


@route("GET", REPOSITORY + "/pulls/{pull_number}", PULLS)
def get_pull(call: Call) -> Answer:
    return Answer(200, call.payloads.whole_pull(_pull(call, "pull_number")))


@route("GET", REPOSITORY + "/pulls/{pull_number}/files", PULLS)
def list_files_of_pull(call: Call) -> Answer:
    """List what it changes; as on GitHub, no more than FILES_LIMIT paths."""
    pull = _pull(call, "pull_number")
    return call.pages(
        pull.files[:FILES_LIMIT], lambda path: file(call.payloads, pull, path, pull.head_sha)
    )


@route("GET", REPOSITORY + "/compare/{basehead}", CONTENTS)
def compare(call: Call) -> Answer:
    """Compare the base of a pull request with its head, or its head with its base.

    As on GitHub, what the second one has changed since it left the first: at most COMPARED_LIMIT
    paths, however they are asked for.
    """
    first, _, second = call.path["basehead"].partition("...")
    for pull in call.repository.pulls.values():
        if (pull.base, pull.head_sha) == (first, second):
            return Answer(200, comparison(call.payloads, pull, pull.files[:COMPARED_LIMIT]))
        if (pull.head_sha, pull.base) == (first, second):
            paths = pull.base_files[:COMPARED_LIMIT]
            return Answer(200, comparison(call.payloads, pull, paths, backwards=True))
    return missing()


@route("GET", REPOSITORY + "/commits/{commit_sha}/pulls", PULLS)
def list_pulls_of_commit(call: Call) -> Answer:
    """List the pull requests of a commit; as on GitHub, those of a fork's are not among them."""
    sha = _sha(call, "commit_sha")
    pulls = [
        pull
        for pull in call.repository.pulls.values()
        if pull.head_sha == sha and not pull.from_fork
    ]
    return call.pages(pulls, call.payloads.pull)


def _pull(call: Call, name: str) -> PullRequest:
    return call.repository.pulls.get(call.number(name)) or missing()


# Statuses


@route("POST", REPOSITORY + "/statuses/{sha}", STATUSES_WRITE)
def create_status(call: Call) -> Answer:
    sha, body = call.path["sha"], call.body
    if sha not in call.repository.commits:
        raise ApiError(422, f"No commit found for SHA: {sha}")
    description, context = body.get("description"), body.get("context", "default")
    if description and len(description) > DESCRIPTION_LIMIT:
        message = f"description is too long (maximum is {DESCRIPTION_LIMIT} characters)"
        raise too_long("Status", "description", message)
    same = [each for each in call.repository.statuses(sha) if each.context == context]
    if len(same) >= STATUSES_LIMIT:
        message = "This SHA and context has reached the maximum number of statuses."
        raise too_long("Status", "sha", message)
    status = call.repository.status(
        sha,
        body["state"],
        context=context,
        description=description,
        target_url=body.get("target_url"),
        creator=call.user,
    )
    payload = call.payloads.status(call.repository, status)
    return Answer(201, payload, {"Location": payload["url"]})


@route("GET", REPOSITORY + "/commits/{ref}/statuses", STATUSES)
def list_statuses(call: Call) -> Answer:
    newest_first = call.repository.statuses(_sha(call, "ref"))[::-1]
    return call.pages(newest_first, lambda status: call.payloads.status(call.repository, status))


@route("GET", REPOSITORY + "/commits/{ref}/status", STATUSES)
def get_combined_status(call: Call) -> Answer:
    sha = _sha(call, "ref")
    newest = newest_statuses(call.repository.statuses(sha))
    chosen, headers = page_of(newest, call.query, call.url)
    state = combined_state(newest)
    payload = call.payloads.combined_status(call.repository, sha, state, chosen, len(newest))
    return Answer(200, payload, headers)


def newest_statuses(statuses: Sequence[Status]) -> list[Status]:
    """Return the newest status of each context, in the order in which the contexts came up."""
    return list({status.context: status for status in statuses}.values())


def combined_state(statuses: Sequence[Status]) -> str:
    """Return failure if any failed, success if all succeeded, else pending."""
    states = {status.state for status in statuses}
    if states & {"error", "failure"}:
        return "failure"
    return "success" if states == {"success"} else "pending"


def _sha(call: Call, name: str) -> str:
    found = call.repository.commit_of(call.path[name])
    if found is None:
        raise ApiError(422, f"No commit found for SHA: {call.path[name]}")
    return found


# Workflow runs


@route("GET", RUN, ACTIONS)
def get_run(call: Call) -> Answer:
    return Answer(200, call.payloads.run(_run(call)))


@route("GET", RUN + "/jobs", ACTIONS)
def list_jobs(call: Call) -> Answer:
    everything = call.query.get("filter", "latest") == "all"
    return _jobs(call, None if everything else _run(call).attempt)


@route("GET", RUN + "/attempts/{attempt_number}/jobs", ACTIONS)
def list_jobs_of_attempt(call: Call) -> Answer:
    attempt = call.number("attempt_number")
    if not 1 <= attempt <= _run(call).attempt:
        missing()
    return _jobs(call, attempt)


def _jobs(call: Call, attempt: int | None) -> Answer:
    run = _run(call)
    jobs = [job for job in run.jobs if attempt in (None, job.attempt)]
    return call.pages(jobs, lambda job: call.payloads.job(run, job), key="jobs")


@route("GET", RUN + "/artifacts", ACTIONS)
def list_artifacts(call: Call) -> Answer:
    run, name = _run(call), call.query.get("name")
    artifacts = [each for each in run.artifacts.values() if name in (None, each.name)]
    return call.pages(artifacts, lambda each: call.payloads.artifact(run, each), key="artifacts")


@route("GET", REPOSITORY + "/actions/artifacts/{artifact_id}/{archive_format}", ARTIFACTS)
def download_artifact(call: Call) -> Answer:
    """Send the client to the storage, where an address that carries its own right is waiting."""
    wanted = call.number("artifact_id")
    known = any(wanted in run.artifacts for run in call.repository.runs.values())
    if not known or call.path["archive_format"] != "zip":
        missing()
    return Answer(302, None, {"Location": f"{call.storage}/{wanted}.zip?sig={signature(wanted)}"})


def signature(artifact_id: int) -> str:
    """Return what a storage address must carry. It keeps nobody out who can count."""
    return f"local-{artifact_id}"


def _run(call: Call) -> WorkflowRun:
    return call.repository.runs.get(call.number("run_id")) or missing()
