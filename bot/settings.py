"""The environment and the event file → Settings. Everything is checked here, once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from bot.events import SHA, Event, decode
from bot.model import Run
from tito.errors import TitoError

Value = TypeVar("Value")

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/(?!\.{1,2}$)[A-Za-z0-9._-]+")
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(\[bot\])?")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, kw_only=True)
class Access:
    """What a conversation with GitHub needs. Seconds are 0 in tests.

    `longest_wait` is what a job has for all waiting together, and less than its own timeout.
    """

    api_url: str
    server_url: str
    repository: str
    token: str = field(repr=False)
    seconds_between_requests: float
    seconds_between_writes: float
    seconds_before_retry: float
    longest_wait: float


@dataclass(frozen=True, kw_only=True)
class Settings(Access):
    """What the bot needs to know to post.

    `author` is the account that the token writes as: only its comments are taken for the bot's.
    """

    event: Event
    author: str


@dataclass(frozen=True, kw_only=True)
class RunSettings(Access):
    """What a step needs to know that reports on the very run it stands in."""

    run: Run
    author: str
    summary: Path | None
    """Where GitHub takes the job's summary from."""
    cancelled: bool


_ADDRESS = "an address that begins with https:// (http:// for this machine alone)"
_SECONDS = "a number of seconds from 0 to 600"
_NUMBER = "a whole number above 0"
EXPECTED = {
    "GITHUB_API_URL": _ADDRESS,
    "GITHUB_SERVER_URL": _ADDRESS,
    "GITHUB_REPOSITORY": "owner/name of the repository",
    "GITHUB_TOKEN": "a token of GitHub: one line without spaces",
    "GITHUB_EVENT_PATH": "the path of the file with the workflow_run event",
    "GITHUB_SHA": "the full hash of the commit that was tried",
    "GITHUB_REF_NAME": "the branch or tag that was pushed",
    "GITHUB_RUN_ID": _NUMBER,
    "GITHUB_RUN_NUMBER": _NUMBER,
    "GITHUB_RUN_ATTEMPT": _NUMBER,
    "GITHUB_STEP_SUMMARY": "the path of the file for the job's summary",
    "TITO_JOB_STATUS": "success, failure or cancelled",
    "TITO_BOT_AUTHOR": "the login of the account that writes the comments",
    "TITO_SECONDS_BETWEEN_REQUESTS": _SECONDS,
    "TITO_SECONDS_BETWEEN_WRITES": _SECONDS,
    "TITO_SECONDS_BEFORE_RETRY": _SECONDS,
    "TITO_LONGEST_WAIT": _SECONDS,
    "TITO_PACE": "off, where GitHub is one of your own and has no limits",
}
"""Every variable the bot reads, and what it should hold."""


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Read and check every variable. Raises TitoError naming the variable and what it holds."""
    get = partial(_get, environment)
    return Settings(
        **_shared(environment),
        event=get("GITHUB_EVENT_PATH", clean_event),
        author=get("TITO_BOT_AUTHOR", clean_author, "github-actions[bot]"),
    )


def run_settings_from(environment: Mapping[str, str]) -> RunSettings:
    """As `settings_from`, for a step of the run that it reports on."""
    get, shared = partial(_get, environment), _shared(environment)
    identity = get("GITHUB_RUN_ID", clean_number)
    run = Run(
        id=identity,
        number=get("GITHUB_RUN_NUMBER", clean_number),
        attempt=get("GITHUB_RUN_ATTEMPT", clean_number, "1"),
        head_sha=get("GITHUB_SHA", clean_sha),
        head_branch=get("GITHUB_REF_NAME", str, "main"),
        head_repository=None,
        head_owner="",
        url=f"{shared['server_url']}/{shared['repository']}/actions/runs/{identity}",
    )
    summary = environment.get("GITHUB_STEP_SUMMARY", "")
    return RunSettings(
        **shared,
        run=run,
        author=get("TITO_BOT_AUTHOR", clean_author, "github-actions[bot]"),
        summary=Path(summary) if summary else None,
        cancelled=environment.get("TITO_JOB_STATUS") == "cancelled",
    )


def access_from(environment: Mapping[str, str]) -> Access:
    """As `settings_from`, for a command that no event started."""
    return Access(**_shared({"GITHUB_API_URL": "https://api.github.com", **environment}))


def organisation_access_from(
    environment: Mapping[str, str], organisation: str, token: str
) -> Access:
    """As `access_from`, for a command about a whole organisation; the token was checked before."""
    given = {
        "GITHUB_API_URL": "https://api.github.com",
        **environment,
        "GITHUB_REPOSITORY": f"{organisation}/classroom",
        "GITHUB_TOKEN": token or "minted-when-it-is-needed",
    }
    return Access(**_shared(given))


def _shared(environment: Mapping[str, str]) -> dict[str, Any]:
    get = partial(_get, environment)
    return {
        "api_url": get("GITHUB_API_URL", clean_address),
        "server_url": get("GITHUB_SERVER_URL", clean_address, "https://github.com"),
        "repository": get("GITHUB_REPOSITORY", clean_repository),
        "token": get("GITHUB_TOKEN", clean_token),
        "seconds_between_requests": get("TITO_SECONDS_BETWEEN_REQUESTS", clean_seconds, "0"),
        "seconds_between_writes": get("TITO_SECONDS_BETWEEN_WRITES", clean_seconds, "1"),
        "seconds_before_retry": get("TITO_SECONDS_BEFORE_RETRY", clean_seconds, "1"),
        "longest_wait": get("TITO_LONGEST_WAIT", clean_seconds, "300"),
    }


def _get(
    environment: Mapping[str, str], name: str, clean: Callable[[str], Value], default: str = ""
) -> Value:
    text = environment.get(name, "").strip() or default
    if not text:
        raise TitoError(f"{name} is not set: it should hold {EXPECTED[name]}")
    try:
        return clean(text)
    except ValueError as error:
        because = f" ({error})" if str(error) else ""
        message = f"{name} cannot be used{because}: it should hold {EXPECTED[name]}"
        raise TitoError(message) from None


def clean_address(text: str) -> str:
    """Without a slash at the end. The token never travels in the clear."""
    parts = urlsplit(text)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not (safe and parts.hostname) or parts.username or parts.query or parts.fragment:
        raise ValueError
    if re.search(r"[\s<>()\"'`|]", text):
        raise ValueError
    return text.rstrip("/")


def clean_repository(text: str) -> str:
    """`owner/name`."""
    if not _REPOSITORY.fullmatch(text):
        raise ValueError
    return text


def clean_token(text: str) -> str:
    """Never part of an error's text."""
    if not re.fullmatch(r"[!-~]{8,}", text):
        raise ValueError
    return text


def clean_author(text: str) -> str:
    """A user or, with `[bot]`, an app."""
    if not _LOGIN.fullmatch(text):
        raise ValueError
    return text


def clean_number(text: str) -> int:
    """Of a run, or of an attempt."""
    if not re.fullmatch(r"[1-9]\d{0,17}", text):
        raise ValueError
    return int(text)


def clean_sha(text: str) -> str:
    """All of it."""
    if not SHA.fullmatch(text):
        raise ValueError
    return text


def clean_seconds(text: str) -> float:
    """Whole or with a decimal point."""
    if not re.fullmatch(r"\d{1,3}(\.\d+)?", text) or float(text) > 600:
        raise ValueError
    return float(text)


def clean_event(text: str) -> Event:
    """Read and decoded here, so that a bad file stops the bot at once."""
    try:
        return decode(Path(text).read_bytes())
    except OSError as error:
        raise ValueError(error.strerror) from None
    except TitoError as error:
        raise ValueError(error.message) from None
