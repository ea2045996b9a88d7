"""The one door to PyGithub: retries, pacing, paging, errors in words. Nobody else imports it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import requests
import urllib3
from github import Auth, Github, GithubException, GithubRetry
from github.Requester import Requester
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from bot.errors import GoneError, NotAllowedError, UnsureError
from bot.model import Changes, CheckRun, Comment, Job, Pull, Run, Status
from bot.settings import Settings
from bot.untrusted import one_line
from bot.waiting import LIMITED, Patience, is_limit
from tito.errors import TitoError

PER_PAGE = 100
MOST_FILES = 3000
"""GitHub lists no more files of a pull request."""
MOST_COMPARED = 300
"""GitHub lists no more files of a comparison."""

_RETRIES = 4
_REPEATABLE = ("GET", "HEAD", "PUT", "DELETE")
"""What may be repeated without a look. POST and PATCH may not: a comment would stand there twice,
annotations are added to those that are there, and an edit that had to wait could overwrite what a
newer run has written in the meantime. Those are repeated by whoever asked, after reading again."""
_NOT_OURS = "resource not accessible"
_NO_COMMIT = "no commit found"


class _RefusedForNowError(Exception):
    """A write beyond a limit: surely not done, and the time to wait is over."""


class Retries(GithubRetry):
    """PyGithub's own, with one patience for all requests, and for every way to say `later`."""

    def __init__(self, *, patience: Patience, **others: Any) -> None:
        super().__init__(**others)
        self._patience = patience

    def new(self, **changed: Any) -> Retries:
        """A copy, as urllib3 makes one for each retry."""
        return super().new(patience=self._patience, **changed)

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        # a 403 is read first: it may be a limit, or a no
        return status_code in LIMITED or super().is_retry(method, status_code, has_retry_after)

    def increment(
        self,
        method: Any = None,
        url: Any = None,
        response: Any = None,
        error: Any = None,
        *rest: Any,
        **others: Any,
    ) -> Any:
        """Wait, if an answer asks for it. Raises what the answer means if that is no use."""
        if response is None or response.status not in LIMITED:
            return super().increment(method, url, response, error, *rest, **others)
        headers = {name.lower(): value for name, value in response.headers.items()}
        data = _decoded(self.get_content(response, url))
        if not is_limit(response.status, headers, _message(data)):
            raise Requester.createException(response.status, headers, data)
        self._patience.after_limit(headers)
        if method not in _REPEATABLE:
            raise _RefusedForNowError
        return urllib3.Retry.increment(self, method, url, response, error, *rest, **others)

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        """Wait before the next try, unless `increment` has done it."""
        if response is None or response.status not in LIMITED:
            asked = self.get_retry_after(response) if response is not None else None
            self._patience.wait(asked or self.get_backoff_time())


@dataclass(frozen=True)
class _Known:
    """An answer that was given before; GitHub sends it again only if it has changed."""

    tag: str
    data: Any
    following: str


class Door:
    """One repository on GitHub, as far as the bot reads and writes it."""

    def __init__(self, settings: Settings) -> None:
        self._patience = Patience(settings.longest_wait, settings.seconds_before_retry)
        self._github = Github(
            auth=Auth.Token(settings.token),
            base_url=settings.api_url,
            per_page=PER_PAGE,
            retry=Retries(
                patience=self._patience,
                total=_RETRIES,
                backoff_factor=settings.seconds_before_retry,
                allowed_methods=_REPEATABLE,
                status_forcelist=[429, *range(500, 600)],
            ),
            seconds_between_requests=settings.seconds_between_requests or None,
            seconds_between_writes=settings.seconds_between_writes or None,
            user_agent="tito-bot",
            lazy=True,
        )
        self._name = settings.repository
        self._root = f"/repos/{settings.repository}"
        self._known: dict[str, _Known] = {}

    def __enter__(self) -> Door:
        return self

    def __exit__(self, *_: object) -> None:
        self._github.close()

    def open_pulls(self, run: Run) -> list[Pull]:
        """Open pull requests that may belong to the run: all of them if its fork is deleted."""
        asked = {"state": "open"}
        if run.head_owner:
            asked["head"] = f"{run.head_owner}:{run.head_branch}"
        with _asking("list the pull requests"):
            return [self._pull(pull) for pull in self._pages(f"{self._root}/pulls", **asked)]

    def pull(self, number: int) -> Pull:
        """One pull request as it is now."""
        with _asking(f"read pull request {number}"):
            return self._pull(self._read(f"{self._root}/pulls/{number}")[0])

    def _pull(self, pull: Any) -> Pull:
        head, base = pull["head"], pull["base"]
        repository = head["repo"]  # null if the fork is deleted
        name = repository["full_name"] if repository else ""
        return Pull(
            number=pull["number"],
            open=pull["state"] == "open",
            head_sha=head["sha"],
            head_branch=head["ref"],
            head_repository=repository["id"] if repository else None,
            base_sha=base["sha"],
            base_branch=base["ref"],
            fork=name.lower() != self._name.lower(),
        )

    def jobs(self, run: Run) -> list[Job]:
        """The jobs of this attempt. GitHub's own record: no workflow can write it."""
        path = f"{self._root}/actions/runs/{run.id}/attempts/{run.attempt}/jobs"
        with _asking(f"read the jobs of run {run.number}"):
            return [Job(job["name"], job["conclusion"]) for job in self._pages(path, "jobs")]

    def changes(self, pull: Pull) -> Changes:
        """Every path the pull request touches, old names too, and whether its base has moved on."""
        try:
            compared = self._compare(pull.base_branch, pull.head_sha)
        except (GoneError, NotAllowedError):
            return Changes(self._listed_paths(pull), None)
        files, behind = compared["files"], bool(compared["behind_by"])
        paths = _paths(files) if len(files) < MOST_COMPARED else self._listed_paths(pull)
        return Changes(paths, behind)

    def _listed_paths(self, pull: Pull) -> tuple[str, ...] | None:
        with _asking(f"list the files of pull request {pull.number}"):
            files = list(self._pages(f"{self._root}/pulls/{pull.number}/files"))
        return _paths(files) if len(files) < MOST_FILES else None

    def moved_paths(self, pull: Pull) -> frozenset[str] | None:
        """Paths that the base has changed since the head left it: there, lines may differ.

        None if GitHub cannot say, or has more to say than it lists.
        """
        try:
            files = self._compare(pull.head_sha, pull.base_branch)["files"]
        except (GoneError, NotAllowedError):
            return None
        return frozenset(_paths(files)) if len(files) < MOST_COMPARED else None

    def _compare(self, first: str, second: str) -> Any:
        """What `second` has changed since it left `first`. The files are all on the first page."""
        path = f"{self._root}/compare/{quote(first)}...{quote(second)}"
        with _asking("compare the head with its base"):
            return self._read(path, per_page=1)[0]

    def statuses(self, sha: str) -> list[Status]:
        """The newest status of each context. Empty if there is no such commit."""
        try:
            with _asking(f"read the statuses of {sha[:7]}"):
                found = list(self._pages(f"{self._root}/commits/{sha}/status", "statuses"))
        except GoneError:
            return []
        return [
            Status(one["context"], one["state"], one["description"] or "", one["target_url"] or "")
            for one in found
        ]

    def create_status(self, sha: str, status: Status) -> None:
        """Give a commit a status. Raises UnsureError if it may have it now."""
        given = {"state": status.state, "context": status.context}
        given |= {"description": status.description, "target_url": status.url}
        self._write(f"write the status {status.context}", "POST", f"/statuses/{sha}", given)

    def comments(self, number: int) -> list[Comment]:
        """Every comment of a pull request, over all pages."""
        with _asking(f"list the comments of pull request {number}"):
            return [_comment(one) for one in self._pages(f"{self._root}/issues/{number}/comments")]

    def comment(self, comment: int) -> Comment:
        """One comment as it is now. Raises GoneError if it was deleted."""
        with _asking(f"read comment {comment}"):
            return _comment(self._read(f"{self._root}/issues/comments/{comment}")[0])

    def create_comment(self, number: int, body: str) -> Comment:
        """Write a new comment. Raises UnsureError if it may have been created."""
        what, given = f"comment on pull request {number}", {"body": body}
        return _comment(self._write(what, "POST", f"/issues/{number}/comments", given))

    def edit_comment(self, comment: int, body: str) -> Comment:
        """Replace a comment. Raises GoneError if it was deleted, UnsureError if nobody knows."""
        what, given = f"edit comment {comment}", {"body": body}
        return _comment(self._write(what, "PATCH", f"/issues/comments/{comment}", given))

    def delete_comment(self, comment: int) -> None:
        """Delete a comment. Raises GoneError if it was deleted already."""
        self._write(f"delete comment {comment}", "DELETE", f"/issues/comments/{comment}")

    def check_runs(self, sha: str, name: str) -> list[CheckRun]:
        """The check runs of a commit with this name, those of earlier attempts too."""
        path = f"{self._root}/commits/{sha}/check-runs"
        with _asking(f"read the check runs of {sha[:7]}"):
            found = list(self._pages(path, "check_runs", check_name=name, filter="all"))
        return [_check_run(one) for one in found]

    def create_check_run(self, sha: str, **given: Any) -> CheckRun:
        """Make a check run of a commit. Raises UnsureError if it may have been made."""
        what = f"create the check run {given['name']}"
        return _check_run(self._write(what, "POST", "/check-runs", {"head_sha": sha, **given}))

    def annotate(self, check_run: int, output: dict[str, Any]) -> CheckRun:
        """Add annotations to those that are there. Raises UnsureError if they may be there now."""
        what, given = f"add to check run {check_run}", {"status": "completed", "output": output}
        given["conclusion"] = "neutral"
        return _check_run(self._write(what, "PATCH", f"/check-runs/{check_run}", given))

    def _pages(self, path: str, key: str = "", **asked: str) -> Iterator[Any]:
        """Every item of a list, as GitHub's Link header leads from one page to the next."""
        data, following = self._read(path, per_page=PER_PAGE, **asked)
        yield from data[key] if key else data
        while following:
            data, following = self._read(following)
            yield from data[key] if key else data

    def _read(self, path: str, **asked: Any) -> tuple[Any, str]:
        """An answer, and the address of the next page. Asked again, GitHub counts only news."""
        key = f"{path}?{urlencode(asked)}"
        known = self._known.get(key)
        condition = {"If-None-Match": known.tag} if known else None
        headers, data = self._github.requester.requestJsonAndCheck("GET", path, asked, condition)
        if known is not None and data is None:
            return known.data, known.following
        links = requests.utils.parse_header_links(headers.get("link", ""))
        following = next((link["url"] for link in links if link.get("rel") == "next"), "")
        # A full page may get a successor without a change of its own.
        if "etag" in headers and (following or not _is_full(data)):
            self._known[key] = _Known(headers["etag"], data, following)
        return data, following

    def _write(self, what: str, method: str, path: str, given: object = None) -> Any:
        """A request that changes something, once. Waits before it raises UnsureError."""
        try:
            with _asking(what, creates=method not in _REPEATABLE):
                requester = self._github.requester
                return requester.requestJsonAndCheck(method, self._root + path, input=given)[1]
        except UnsureError:
            self._patience.after_unsure()
            raise


def _is_full(data: Any) -> bool:
    return isinstance(data, list) and len(data) >= PER_PAGE


def _paths(files: Sequence[Any]) -> tuple[str, ...]:
    """The names of changed files, and those they had before."""
    names = [file.get(key) for file in files for key in ("filename", "previous_filename")]
    return tuple(name for name in names if name)


def _comment(one: Any) -> Comment:
    # an account that was deleted has left comments without an author
    return Comment(one["id"], one["user"]["login"] if one["user"] else "", one["body"] or "")


def _check_run(one: Any) -> CheckRun:
    return CheckRun(one["id"], one["external_id"] or "", one["output"]["annotations_count"])


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _message(data: Any) -> str:
    return str(data.get("message", "")) if isinstance(data, dict) else ""


@contextmanager
def _asking(what: str, *, creates: bool = False) -> Iterator[None]:
    """Every error of PyGithub and of the connection, as one of ours."""
    try:
        yield
    except GithubException as error:
        raise _in_words(error, what, creates) from None
    except _RefusedForNowError:
        message = f"GitHub did not {what}: a limit was reached"
        raise UnsureError(message, hint="run the job again") from None
    except (requests.RequestException, HTTPError) as error:
        message = f"GitHub could not be reached to {what}: {type(error).__name__}"
        raise (UnsureError if creates else TitoError)(message, hint="run the job again") from None


def _in_words(error: GithubException, what: str, creates: bool) -> TitoError:
    said = _message(error.data)
    message = f"GitHub did not {what}: {error.status} {one_line(said, 200)}".rstrip()
    if error.status in (404, 410) or _NO_COMMIT in said.lower():
        return GoneError(message)
    if error.status == 403 and _NOT_OURS in said.lower():
        return NotAllowedError(message, hint="give the job the permission it asks for")
    if creates and error.status >= 500:
        return UnsureError(message, hint="run the job again")
    return TitoError(message)
