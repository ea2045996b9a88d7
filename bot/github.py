"""The one door to PyGithub: retries, pacing, paging, errors in words. Nobody else imports it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from github import Auth, Github, GithubException, GithubRetry
from github.PullRequest import PullRequest
from github.Repository import Repository
from urllib3.exceptions import HTTPError

from bot.errors import GoneError, NotAllowedError, NotOnThisPlanError, UnsureError
from bot.model import Comment, Job, Pull, Run, Status
from bot.settings import Access
from bot.untrusted import one_line
from tito.errors import TitoError

PER_PAGE = 100
MOST_FILES = 3000
"""GitHub lists no more files of a pull request."""
MOST_COMPARED = 300
"""GitHub lists no more files of a comparison."""

_RETRIES = 4
_SECONDS_AFTER_LIMIT = 60
"""GitHub asks to wait a minute after a secondary limit. Times `seconds_before_retry`."""
_LONGEST_WAIT = 900
_REPEATABLE = ("GET", "HEAD", "PUT", "PATCH", "DELETE")
_NOT_OURS = "resource not accessible"
_NO_COMMIT = "no commit found"
# "Upgrade to GitHub Pro or make this repository public …"; a rule that the plan lacks is refused
# with its name and no reason.
_NO_PLAN = re.compile(
    r"upgrade to github|invalid rule '\w+': *(?:\n|$)|billing plan", re.IGNORECASE
)


class Retries(GithubRetry):
    """Repeats what may be repeated. A POST only if it was refused: it could be done twice."""

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        if method == "POST":
            return status_code in (403, 429)
        return super().is_retry(method, status_code, has_retry_after)


def _retries(seconds: float) -> Retries:
    return Retries(
        total=_RETRIES,
        backoff_factor=seconds,
        secondary_rate_wait=_SECONDS_AFTER_LIMIT * seconds,
        max_rate_limit_wait=_LONGEST_WAIT,
        allowed_methods=_REPEATABLE,
        status_forcelist=[429, *range(500, 600)],
    )


class Door:
    """One repository on GitHub, as far as the bot reads and writes it."""

    def __init__(self, settings: Access) -> None:
        self._github = Github(
            auth=Auth.Token(settings.token),
            base_url=settings.api_url,
            per_page=PER_PAGE,
            retry=_retries(settings.seconds_before_retry),
            seconds_between_requests=settings.seconds_between_requests or None,
            seconds_between_writes=settings.seconds_between_writes or None,
            user_agent="tito-bot",
            lazy=True,
        )
        self._name = settings.repository
        self._repository: Repository = self._github.get_repo(settings.repository)

    def __enter__(self) -> Door:
        return self

    def __exit__(self, *_: object) -> None:
        self._github.close()

    def open_pulls(self, run: Run) -> list[Pull]:
        """Open pull requests that may belong to the run: all of them if its fork is deleted."""
        with _asking("list the pull requests"):
            if run.head_owner:
                branch = f"{run.head_owner}:{run.head_branch}"
                found = self._repository.get_pulls(state="open", head=branch)
            else:
                found = self._repository.get_pulls(state="open")
            return [self._pull(pull) for pull in found]

    def pull(self, number: int) -> Pull:
        """One pull request as it is now."""
        with _asking(f"read pull request {number}"):
            return self._pull(self._repository.get_pull(number))

    def _pull(self, pull: PullRequest) -> Pull:
        repository = pull.head.repo  # null if the fork is deleted, whatever the types say
        name = repository.full_name if repository else ""
        return Pull(
            number=pull.number,
            open=pull.state == "open",
            head_sha=pull.head.sha,
            head_branch=pull.head.ref,
            head_repository=repository.id if repository else None,
            base_sha=pull.base.sha,
            base_branch=pull.base.ref,
            fork=name.lower() != self._name.lower(),
        )

    def jobs(self, run: Run) -> list[Job]:
        """The jobs of this attempt. GitHub's own record: no workflow can write it."""
        path = f"/repos/{self._name}/actions/runs/{run.id}/attempts/{run.attempt}/jobs"
        with _asking(f"read the jobs of run {run.number}"):
            pages = list(self._pages(path))
        return [Job(job["name"], job["conclusion"]) for page in pages for job in page["jobs"]]

    def changed_paths(self, number: int) -> list[str] | None:
        """Every path the pull request touches, old names too. None: more than GitHub lists."""
        with _asking(f"list the files of pull request {number}"):
            files = list(self._repository.get_pull(number).get_files())
        if len(files) >= MOST_FILES:
            return None
        names = [name for file in files for name in (file.filename, file.previous_filename)]
        return [name for name in names if name]

    def moved_paths(self, pull: Pull) -> frozenset[str] | None:
        """Paths that the base has changed since the head left it: there, lines may differ.

        None if GitHub cannot say, or has more to say than it lists.
        """
        try:
            with _asking("compare the head with its base"):
                compared = self._repository.compare(pull.head_sha, pull.base_branch)
                names = frozenset(file.filename for file in compared.files)
        except (GoneError, NotAllowedError):
            return None
        return names if len(names) < MOST_COMPARED else None

    def statuses(self, sha: str) -> list[Status]:
        """The statuses of a commit, the newest first. Empty if there is no such commit."""
        try:
            with _asking(f"read the statuses of {sha[:7]}"):
                pages = list(self._pages(f"/repos/{self._name}/commits/{sha}/statuses"))
        except GoneError:
            return []
        return [
            Status(one["context"], one["state"], one["description"] or "", one["target_url"] or "")
            for page in pages
            for one in page
        ]

    def create_status(self, sha: str, status: Status) -> None:
        """Give a commit a status. Raises UnsureError if it may have it now."""
        given = {"state": status.state, "context": status.context}
        given |= {"description": status.description, "target_url": status.url}
        with _asking(f"write the status {status.context}", creates=True):
            path = f"/repos/{self._name}/statuses/{sha}"
            self._github.requester.requestJsonAndCheck("POST", path, input=given)

    def comments(self, number: int) -> list[Comment]:
        """Every comment of a pull request, over all pages."""
        with _asking(f"list the comments of pull request {number}"):
            found = list(self._repository.get_issue(number).get_comments())
        # an account that was deleted has left comments without an author
        return [Comment(c.id, c.user.login if c.user else "", c.body or "") for c in found]

    def create_comment(self, number: int, body: str) -> None:
        """Write a new comment. Raises UnsureError if it may have been created."""
        with _asking(f"comment on pull request {number}", creates=True):
            self._repository.get_issue(number).create_comment(body)

    def edit_comment(self, comment: int, body: str) -> None:
        """Replace a comment. Raises GoneError if it was deleted."""
        with _asking(f"edit comment {comment}"):
            path = f"/repos/{self._name}/issues/comments/{comment}"
            self._github.requester.requestJsonAndCheck("PATCH", path, input={"body": body})

    def delete_comment(self, comment: int) -> None:
        """Delete a comment. Raises GoneError if it was deleted already."""
        with _asking(f"delete comment {comment}"):
            path = f"/repos/{self._name}/issues/comments/{comment}"
            self._github.requester.requestJsonAndCheck("DELETE", path)

    def labelled_by(self, number: int, label: str) -> str:
        """Who set the label that a pull request has now; empty if nobody did, or took it off."""
        with _asking(f"read who labelled pull request {number}"):
            pages = list(self._pages(f"/repos/{self._name}/issues/{number}/events"))
        about = [e for page in pages for e in page if e.get("label", {}).get("name") == label]
        if not about or about[-1]["event"] != "labeled":
            return ""
        return about[-1]["actor"]["login"] if about[-1]["actor"] else "an account that is deleted"

    def app(self, slug: str) -> int:
        """The number of an app, which differs from one GitHub to another."""
        with _asking(f"look up the app {slug}"):
            return int(self._read(f"/apps/{slug}")["id"])

    def rulesets(self) -> list[dict[str, Any]]:
        """The rulesets of the repository itself, whole; those of its organisation are not ours."""
        path = f"/repos/{self._name}/rulesets"
        with _asking("list the rulesets"):
            pages = list(self._pages(path, includes_parents="false"))
            # A list names them, and leaves their rules out.
            return [self._read(f"{path}/{one['id']}") for page in pages for one in page]

    def write_ruleset(self, ruleset: Mapping[str, Any], present: int | None = None) -> None:
        """Make a ruleset, or replace the one of the number `present`.

        Raises NotOnThisPlanError if the account has none of that kind.
        """
        path = f"/repos/{self._name}/rulesets"
        verb, path = ("POST", path) if present is None else ("PUT", f"{path}/{present}")
        with _asking(f"write the ruleset {ruleset['name']}", creates=present is None):
            self._github.requester.requestJsonAndCheck(verb, path, input=dict(ruleset))

    def reviewer(self, name: str) -> tuple[str, int]:
        """Kind and number of a login, or of a team that has access, written `team/its-name`.

        Raises GoneError if there is none.
        """
        with _asking(f"look up the reviewer {name}"):
            if not name.startswith("team/"):
                return "User", int(self._read(f"/users/{name}")["id"])
            pages = list(self._pages(f"/repos/{self._name}/teams"))
        teams = {team["slug"]: int(team["id"]) for page in pages for team in page}
        slug = name.removeprefix("team/")
        if slug not in teams:
            hint = "give the team access to the repository, or name another in classroom.yml"
            raise GoneError(f"the repository has no team {slug}", hint=hint)
        return "Team", teams[slug]

    def environment(self, name: str) -> dict[str, Any] | None:
        """An environment with its rules; None if there is none."""
        try:
            with _asking(f"read the environment {name}"):
                found: dict[str, Any] = self._read(self._environment(name))
                return found
        except GoneError:
            return None

    def environment_refs(self, name: str) -> dict[tuple[str, str], int]:
        """(kind, pattern) → number of every ref that may use the environment."""
        with _asking(f"read which refs may use the environment {name}"):
            pages = list(self._pages(f"{self._environment(name)}/deployment-branch-policies"))
        found = [each for page in pages for each in page["branch_policies"]]
        return {(each.get("type", "branch"), each["name"]): each["id"] for each in found}

    def write_environment(self, name: str, settings: Mapping[str, Any]) -> None:
        """Make an environment, or change it."""
        with _asking(f"write the environment {name}"):
            path = self._environment(name)
            self._github.requester.requestJsonAndCheck("PUT", path, input=dict(settings))

    def allow_ref(self, name: str, kind: str, pattern: str) -> None:
        """Let jobs of a branch or tag use an environment. Repeated, it changes nothing."""
        with _asking(f"let {kind} {pattern} use the environment {name}", creates=True):
            path = f"{self._environment(name)}/deployment-branch-policies"
            given = {"name": pattern, "type": kind}
            self._github.requester.requestJsonAndCheck("POST", path, input=given)

    def forbid_ref(self, name: str, number: int) -> None:
        """Take back what `allow_ref` gave."""
        with _asking(f"shut the environment {name}"):
            path = f"{self._environment(name)}/deployment-branch-policies/{number}"
            self._github.requester.requestJsonAndCheck("DELETE", path)

    def _environment(self, name: str) -> str:
        return f"/repos/{self._name}/environments/{name}"

    def _read(self, path: str) -> Any:
        return self._github.requester.requestJsonAndCheck("GET", path)[1]

    def _pages(self, path: str, **asked_for: str) -> Iterator[Any]:
        """Every page of a list, as GitHub's Link header leads from one to the next."""
        asked: dict[str, Any] | None = {"per_page": PER_PAGE, **asked_for}
        while path:
            headers, data = self._github.requester.requestJsonAndCheck("GET", path, asked)
            yield data
            links = requests.utils.parse_header_links(headers.get("link", ""))
            path = next((link["url"] for link in links if link.get("rel") == "next"), "")
            asked = None


@contextmanager
def _asking(what: str, *, creates: bool = False) -> Iterator[None]:
    """Every error of PyGithub and of the connection, as one of ours."""
    try:
        yield
    except GithubException as error:
        raise _in_words(error, what, creates) from None
    except (requests.RequestException, HTTPError) as error:
        message = f"GitHub could not be reached to {what}: {type(error).__name__}"
        raise (UnsureError if creates else TitoError)(message, hint="run the job again") from None


def _in_words(error: GithubException, what: str, creates: bool) -> TitoError:
    said = error.data.get("message", "") if isinstance(error.data, dict) else ""
    details = error.data.get("errors", ()) if isinstance(error.data, dict) else ()
    said = "\n".join([str(said), *(each for each in details if isinstance(each, str))])
    message = f"GitHub did not {what}: {error.status} {one_line(said, 200)}".rstrip()
    if error.status in (403, 422) and _NO_PLAN.search(said):
        return NotOnThisPlanError(message)
    if error.status in (404, 410) or _NO_COMMIT in said.lower():
        return GoneError(message)
    if error.status == 403 and _NOT_OURS in said.lower():
        return NotAllowedError(message, hint="give the job the permission it asks for")
    if creates and error.status >= 500:
        return UnsureError(message, hint="run the job again")
    return TitoError(message)
