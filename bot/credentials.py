"""Who the classroom's commands are: a token, or a GitHub App that mints one for each job.

A minted token may do what its job needs and no more, and is replaced before its hour is over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import jwt

from bot.clock import REAL, Clock
from bot.github import ask_as_app
from bot.settings import Access
from tito.errors import TitoError

Permissions = Mapping[str, str]

_WRITING = {
    "administration": "write",
    "contents": "write",
    "workflows": "write",
    "pull_requests": "write",
    "metadata": "read",
}
PERMISSIONS: Mapping[str, Permissions] = {
    "look": {
        "administration": "read",
        "organization_administration": "read",
        "organization_secrets": "read",
        "members": "read",
        "contents": "read",
        "pull_requests": "read",
        "statuses": "read",
        "metadata": "read",
    },
    "publish": {
        **_WRITING,
        "organization_administration": "read",
        "organization_secrets": "read",
        "members": "read",
    },
    "provision": {
        **_WRITING,
        "organization_administration": "read",
        "organization_secrets": "read",
        "members": "read",
    },
    "update": _WRITING,
    "catch-up": {
        "contents": "write",
        "pull_requests": "write",
        "metadata": "read",
    },
    "export": {
        "contents": "read",
        "pull_requests": "read",
        "statuses": "read",
        "metadata": "read",
    },
    "purge": {"administration": "write", "contents": "read", "metadata": "read"},
    "collect": {"contents": "read", "metadata": "read"},
    "feedback": {"pull_requests": "write", "metadata": "read"},
}
"""Job → what its token may do. Tokens are asked for with exactly this."""
SPARE = 300
"""Seconds before its end at which a token is replaced."""
_LIFE_OF_A_WORD = 540
_SKEW = 60


@dataclass(frozen=True)
class App:
    """A GitHub App that is installed in the organisation."""

    id: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class Credentials:
    """One of the two."""

    token: str = field(default="", repr=False)
    app: App | None = None


def credentials_from(environment: Mapping[str, str]) -> Credentials:
    """TITO_APP_ID and TITO_APP_KEY, or GITHUB_TOKEN. Never part of an error's text."""
    app_id = environment.get("TITO_APP_ID", "").strip()
    key = environment.get("TITO_APP_KEY", "").strip()
    token = environment.get("GITHUB_TOKEN", "").strip()
    if app_id or key:
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,40}", app_id):
            raise TitoError("TITO_APP_ID should hold the number or client id of a GitHub App")
        if not key.startswith("-----BEGIN"):
            raise TitoError("TITO_APP_KEY should hold the App's private key: all lines of its file")
        return Credentials(app=App(app_id, key))
    if not re.fullmatch(r"[!-~]{8,}", token):
        hint = "an App: TITO_APP_ID and TITO_APP_KEY; or a fine-grained token: GITHUB_TOKEN"
        raise TitoError("no credentials for GitHub in the environment", hint=hint)
    return Credentials(token=token)


def token_for(
    job: str, credentials: Credentials, access: Access, organisation: str, clock: Clock = REAL
) -> Callable[[], str]:
    """What gives a token that is good for now, for the requests of a job."""
    if credentials.app is None:
        return lambda: credentials.token
    return Minted(credentials.app, access, organisation, PERMISSIONS[job], clock)


class Minted:
    """A token of an App's installation, made when it is needed and made anew in time."""

    def __init__(
        self, app: App, access: Access, organisation: str, permissions: Permissions, clock: Clock
    ) -> None:
        self._app, self._access, self._clock = app, access, clock
        self._organisation, self._permissions = organisation, dict(permissions)
        self._installation = 0
        self._token, self._until = "", 0.0

    def __call__(self) -> str:
        """As it is good for now."""
        if self._clock.now() > self._until - SPARE:
            self._mint()
        return self._token

    def _mint(self) -> None:
        if not self._installation:
            what = "find the App's installation in the organisation"
            found = self._ask(what, "GET", f"/orgs/{self._organisation}/installation")
            self._installation = int(found["id"])
        path = f"/app/installations/{self._installation}/access_tokens"
        given = {"permissions": self._permissions}
        made = self._ask("mint a token for this job", "POST", path, given)
        self._token = str(made["token"])
        self._until = datetime.fromisoformat(made["expires_at"].replace("Z", "+00:00")).timestamp()

    def _ask(self, what: str, method: str, path: str, given: object = None) -> Any:
        now = int(self._clock.now())
        claims = {"iat": now - _SKEW, "exp": now + _LIFE_OF_A_WORD, "iss": self._app.id}
        try:
            word = jwt.encode(claims, self._app.key, algorithm="RS256")
        except (ValueError, jwt.PyJWTError):
            hint = "all lines of the file that GitHub gave you, from BEGIN to END"
            raise TitoError("TITO_APP_KEY is no private key that can be read", hint=hint) from None
        return ask_as_app(self._access, word, what, method, path, given)
