"""What an endpoint gets and gives, and the table that endpoints enter themselves into."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from bot.localhub.answers import Answer, ApiError
from bot.localhub.limits import Limits
from bot.localhub.paging import page_of
from bot.localhub.payloads import Payload, Payloads
from bot.localhub.state import Repository, State, User
from bot.localhub.tokens import Access, Token

if TYPE_CHECKING:
    from bot.localhub.apps import Tokens

REPOSITORY = "/repos/{owner}/{repo}"

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Call:
    """A checked request."""

    url: str
    """The absolute address, without the query."""
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    token: Token | None
    payloads: Payloads
    storage: str
    """Where archives are fetched: another host, as on GitHub."""
    state: State
    tokens: Tokens
    bearer: str = ""
    """What was sent to prove who asks."""
    limits: Limits
    template_takes: int = 0
    """How many requests find a repository made from a template still empty."""
    _repository: Repository | None = None

    @property
    def rate(self) -> Mapping[str, int]:
        """What is left of the limit."""
        return self.limits.rate()

    @property
    def repository(self) -> Repository:
        assert self._repository is not None, "the route names no repository"
        return self._repository

    @property
    def user(self) -> User:
        assert self.token is not None, "the route lets in a request without a token"
        return self.token.user

    def number(self, name: str) -> int:
        return int(self.path[name])

    def pages(
        self,
        items: Sequence[Item],
        show: Callable[[Item], Payload],
        *,
        key: str = "",
    ) -> Answer:
        """Answer with a page of a list; with `key`, inside an object that counts the whole."""
        chosen, headers = page_of(items, self.query, self.url)
        shown = [show(item) for item in chosen]
        return Answer(200, {"total_count": len(items), key: shown} if key else shown, headers)


Endpoint = Callable[[Call], Answer]


@dataclass(frozen=True)
class Route:
    """An endpoint and what it asks for; `access` None where no repository is named."""

    endpoint: Endpoint
    access: Access | None
    signed: bool = False
    """It is asked for by an app with a signature of its own, and not with a token."""
    archived: bool = False
    """It may be asked for although it changes an archived repository."""


ROUTES: dict[tuple[str, str], Route] = {}


def route(
    method: str,
    path: str,
    access: Access | None,
    *,
    signed: bool = False,
    archived: bool = False,
) -> Callable[[Endpoint], Endpoint]:
    """Enter an endpoint into `ROUTES`."""

    def enter(endpoint: Endpoint) -> Endpoint:
        ROUTES[method, path] = Route(endpoint, access, signed, archived)
        return endpoint

    return enter


def invalid(resource: str, field_name: str, message: str = "") -> ApiError:
    """Return the 422 for a field that does not do, with the sentence that GitHub says of it."""
    code = {"code": "custom", "message": message} if message else {"code": "invalid"}
    error = {"resource": resource, "field": field_name, **code}
    return ApiError(422, "Validation Failed", [error])


def missing() -> NoReturn:
    """What is not there, or must not be seen."""
    raise ApiError(404, "Not Found")
