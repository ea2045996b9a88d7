"""Apps, their installations, and the tokens that they and everybody else hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import jwt

from bot.localhub.answers import Answer, ApiError
from bot.localhub.limits import AN_HOUR
from bot.localhub.payloads import PAGES, Payload
from bot.localhub.routing import Call, missing, route
from bot.localhub.state import Organisation, Repository, User, written
from bot.localhub.tokens import Level, Token

LONGEST = 600
"""How many seconds an app's signature may be good for."""
LEEWAY = 60

_ORDER = ("read", "write")


@dataclass(frozen=True)
class App:
    """An app: what it may do, and the key that its signatures are checked with."""

    id: int
    user: User
    permissions: Mapping[str, Level]
    public_key: str = field(repr=False)

    @property
    def slug(self) -> str:
        return self.user.login.removesuffix("[bot]")


@dataclass(frozen=True)
class Installation:
    """An app in an organisation, for all of its repositories."""

    id: int
    app: App
    organisation: Organisation
    created_at: str


class Tokens:
    """All tokens by their value, and all installations by their number."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held: dict[str, Token] = {}
        self.installations: dict[int, Installation] = {}

    def __len__(self) -> int:
        return len(self._held)

    def add(self, token: Token) -> str:
        self._held[token.value] = token
        return token.value

    def find(self, value: str) -> Token:
        """Return a token that is still good.

        Raises:
            ApiError: 401, it is unknown or has expired.
        """
        token = self._held.get(value)
        if token is None or (token.expires is not None and token.expires <= self._clock()):
            raise ApiError(401, "Bad credentials")
        return token

    def app(self, signature: str) -> App:
        """Return the app that has signed.

        Raises:
            ApiError: 401, with what is wrong about the signature.
        """
        try:
            issuer = str(jwt.decode(signature, options={"verify_signature": False}).get("iss"))
            app = next(
                each.app for each in self.installations.values() if str(each.app.id) == issuer
            )
            # The hub's clock may be another one than the machine's.
            claims = jwt.decode(
                signature,
                app.public_key,
                algorithms=["RS256"],
                options={
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "require": ["iat", "exp"],
                },
            )
        except StopIteration:
            raise ApiError(404, "Integration not found") from None
        except jwt.PyJWTError:
            raise ApiError(401, "A JSON web token could not be decoded") from None
        self._check_times(claims["iat"], claims["exp"])
        return app

    def _check_times(self, issued: float, expires: float) -> None:
        now = self._clock()
        if expires <= now:
            message = (
                "'Expiration time' claim ('exp') must be a numeric value representing the future "
                "time at which the assertion expires"
            )
        elif expires > now + LONGEST + LEEWAY or expires > issued + LONGEST + LEEWAY:
            message = "'Expiration time' claim ('exp') is too far in the future"
        elif issued > now + LEEWAY:
            message = (
                "'Issued at' claim ('iat') must be an Integer representing the time that the "
                "assertion was issued"
            )
        else:
            return
        raise ApiError(401, message)


@route("GET", "/orgs/{org}/installation", None, signed=True)
def get_installation(call: Call) -> Answer:
    app = call.tokens.app(call.bearer)
    organisation = call.state.organisations.get(call.path["org"].lower())
    for each in call.tokens.installations.values():
        if each.app == app and each.organisation is organisation:
            return Answer(200, _shown(call, each))
    return missing()


@route("POST", "/app/installations/{installation_id}/access_tokens", None, signed=True)
def create_access_token(call: Call) -> Answer:
    """Make a token that lives an hour, with no more than was asked for."""
    app = call.tokens.app(call.bearer)
    installation = call.tokens.installations.get(call.number("installation_id"))
    if installation is None or installation.app != app:
        missing()
    asked: Mapping[str, Level] = call.body.get("permissions") or _underscored(app.permissions)
    beyond = [name for name, level in asked.items() if not _within(app.permissions, name, level)]
    if beyond:
        message = "The permissions requested are not granted to this installation."
        raise ApiError(422, message)
    chosen = _repositories(call, installation.organisation)
    expires = call.limits.clock() + AN_HOUR
    token = Token(
        f"ghs_local_app_{len(call.tokens):04}",
        app.user,
        {name.replace("_", "-"): level for name, level in asked.items()},
        account=installation.organisation.account,
        chosen=None if chosen is None else frozenset(each.id for each in chosen),
        expires=expires,
    )
    payload: Payload = {
        "token": call.tokens.add(token),
        "expires_at": written(expires),
        "permissions": {"metadata": "read", **asked},
        "repository_selection": "all" if chosen is None else "selected",
    }
    if chosen is not None:
        payload["repositories"] = [call.payloads.repository(each) for each in chosen]
    return Answer(201, payload)


def _underscored(permissions: Mapping[str, Level]) -> dict[str, Level]:
    return {name.replace("-", "_"): level for name, level in permissions.items()}


def _within(held: Mapping[str, Level], name: str, level: str) -> bool:
    if name == "metadata":
        return level == "read"
    mine = held.get(name.replace("_", "-"))
    return mine is not None and _ORDER.index(level) <= _ORDER.index(mine)


def _repositories(call: Call, organisation: Organisation) -> list[Repository] | None:
    """Return those to which the token shall be narrowed; None is all of them."""
    names, numbers = call.body.get("repositories"), call.body.get("repository_ids")
    if names is None and numbers is None:
        return None
    found = {each.name.lower(): each for each in organisation.repositories()}
    by_number = {each.id: each for each in found.values()}
    chosen = [found.get(name.lower()) for name in names or ()]
    chosen += [by_number.get(number) for number in numbers or ()]
    known = [each for each in chosen if each]
    if len(known) < len(chosen):
        message = (
            "There is at least one repository that does not exist or is not accessible to the "
            "parent installation."
        )
        raise ApiError(422, message)
    return known


def _shown(call: Call, installation: Installation) -> Payload:
    organisation, number = installation.organisation, installation.id
    app = installation.app
    return {
        "id": number,
        "account": call.payloads.user(organisation.account),
        "app_id": app.id,
        "app_slug": app.slug,
        "target_id": organisation.account.id,
        "target_type": "Organization",
        "repository_selection": "all",
        "access_tokens_url": f"{call.payloads.api}/app/installations/{number}/access_tokens",
        "repositories_url": f"{call.payloads.api}/installation/repositories",
        "html_url": f"{PAGES}/organizations/{organisation.login}/settings/installations/{number}",
        "permissions": {"metadata": "read", **_underscored(app.permissions)},
        "events": [],
        "single_file_name": None,
        "created_at": installation.created_at,
        "updated_at": installation.created_at,
        "suspended_by": None,
        "suspended_at": None,
    }


def public_key(text: str) -> str:
    """Return a public key in PEM.

    Raises:
        ValueError: it is none; a private one has no business here.
    """
    if not re.match(r"\s*-----BEGIN (RSA )?PUBLIC KEY-----", text):
        raise ValueError("an app is known by its public key, in PEM")
    return text
