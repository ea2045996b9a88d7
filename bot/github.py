"""The one door to PyGithub: retries, pacing, paging, errors in words. Nobody else imports it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import requests
import urllib3
from github import Auth, Github, GithubException, GithubRetry
from github.Requester import Requester
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from bot.clock import REAL, Clock
from bot.errors import GoneError, NotAllowedError, NotOnThisPlanError, UnsureError
from bot.pace import Pace
from bot.settings import Access
from bot.waiting import LIMITED, Patience, is_limit
from tito.errors import TitoError
from tito.untrusted import one_line

if TYPE_CHECKING:
    from typing_extensions import Self

PER_PAGE = 100

_RETRIES = 4
_REPEATABLE = ("GET", "HEAD", "PUT", "DELETE")
"""What may be repeated without a look. POST and PATCH may not: a comment would stand there twice,
annotations are added to those that are there, and an edit that had to wait could overwrite what a
newer run has written in the meantime. Those are repeated by whoever asked, after reading again."""
_NOT_OURS = "resource not accessible"
_NO_COMMIT = "no commit found"
# "Upgrade to GitHub Pro or make this repository public …"; a rule that the plan lacks is refused
# with its name and no reason.
_NO_PLAN = re.compile(
    r"upgrade to github|invalid rule '\w+': *(?:\n|$)|billing plan", re.IGNORECASE
)


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


class _Renewed(Auth.Token):
    """A token that is asked for with each request, since it does not last."""

    def __init__(self, current: Callable[[], str]) -> None:
        super().__init__("asked for with each request")
        self._current = current

    @property
    def token(self) -> str:
        return self._current()


@dataclass(frozen=True)
class _Known:
    """An answer that was given before; GitHub sends it again only if it has changed."""

    tag: str
    data: Any
    following: str


class Connection:
    """Requests to one repository on GitHub; who inherits knows what they are about.

    `root` is where the addresses of the repository begin.
    """

    def __init__(
        self,
        settings: Access,
        *,
        token: Callable[[], str] | None = None,
        clock: Clock = REAL,
        pace: Pace | None = None,
    ) -> None:
        """`token` gives one for each request, instead of that of `settings`; `pace` keeps to limits
        before GitHub has to."""
        self._patience = Patience(settings.longest_wait, settings.seconds_before_retry, clock)
        self._pace = pace
        self._github = Github(
            auth=_Renewed(token) if token else Auth.Token(settings.token),
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
        self.name = settings.repository
        self.root = f"/repos/{settings.repository}"
        self._known: dict[str, _Known] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._github.close()

    def read(self, path: str, **asked: Any) -> Any:
        """One answer. The path is whole: not everything lies below `root`."""
        return self._page(path, **asked)[0]

    def pages(self, path: str, key: str = "", **asked: str) -> Iterator[Any]:
        """Every item of a list, as GitHub's Link header leads from one page to the next.

        `key` is where the list stands if the answer is an object.
        """
        data, following = self._page(path, per_page=PER_PAGE, **asked)
        yield from data[key] if key else data
        while following:
            data, following = self._page(following)
            yield from data[key] if key else data

    def _page(self, path: str, **asked: Any) -> tuple[Any, str]:
        """An answer, and the address of the next page. Asked again, GitHub counts only news."""
        key = f"{path}?{urlencode(asked)}"
        known = self._known.get(key)
        condition = {"If-None-Match": known.tag} if known else None
        if self._pace:
            self._pace.before("GET", self._patience)
        headers, data = self._github.requester.requestJsonAndCheck("GET", path, asked, condition)
        if known is not None and data is None:
            return known.data, known.following
        links = requests.utils.parse_header_links(headers.get("link", ""))
        following = next((link["url"] for link in links if link.get("rel") == "next"), "")
        # A full page may get a successor without a change of its own.
        if "etag" in headers and (following or not _is_full(data)):
            self._known[key] = _Known(headers["etag"], data, following)
        return data, following

    def write(self, what: str, method: str, path: str, given: object = None) -> Any:
        """A request below `root` that changes something. Waits before it raises UnsureError."""
        if self._pace:
            self._pace.before(method, self._patience)
        try:
            with asking(what, creates=method not in _REPEATABLE):
                requester = self._github.requester
                return requester.requestJsonAndCheck(method, self.root + path, input=given)[1]
        except UnsureError:
            self._patience.after_unsure()
            raise


def ask_as_app(
    access: Access, word: str, what: str, method: str, path: str, given: object = None
) -> Any:
    """One request of a GitHub App itself, which `word` speaks for: a signed web token."""
    github = Github(
        auth=Auth.AppAuthToken(word), base_url=access.api_url, user_agent="tito-bot", lazy=True
    )
    try:
        with asking(what):
            return github.requester.requestJsonAndCheck(method, path, input=given)[1]
    finally:
        github.close()


def _is_full(data: Any) -> bool:
    return isinstance(data, list) and len(data) >= PER_PAGE


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _message(data: Any) -> str:
    return str(data.get("message", "")) if isinstance(data, dict) else ""


@contextmanager
def asking(what: str, *, creates: bool = False) -> Iterator[None]:
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


def _is_empty(error: GithubException, said: str) -> bool:
    return bool(error.status == 409 and "is empty" in said.lower())


def _in_words(error: GithubException, what: str, creates: bool) -> TitoError:
    details = error.data.get("errors", ()) if isinstance(error.data, dict) else ()
    said = "\n".join([_message(error.data), *(each for each in details if isinstance(each, str))])
    message = f"GitHub did not {what}: {error.status} {one_line(said, 200)}".rstrip()
    if error.status in (403, 422) and _NO_PLAN.search(said):
        return NotOnThisPlanError(message)
    if error.status in (404, 410) or _NO_COMMIT in said.lower() or _is_empty(error, said):
        return GoneError(message)
    if error.status == 403 and _NOT_OURS in said.lower():
        return NotAllowedError(message, hint="give the job the permission it asks for")
    if creates and error.status >= 500:
        return UnsureError(message, hint="run the job again")
    return TitoError(message)
