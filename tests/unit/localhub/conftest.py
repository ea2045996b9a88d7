"""A hub with one repository and one pull request, and the smallest client there is."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from bot.localhub import LocalHub
    from bot.localhub.state import Repository

HEAD = "a" * 40


class Reply:
    """An answer: status, headers with lower-case names, and the body read as JSON."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Sends one request a connection; `token` None sends none."""

    def __init__(self, hub: LocalHub, token: str | None = None) -> None:
        self.host = urlsplit(hub.url).netloc
        self.token = token

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Send `body` as JSON, or as it is if it is bytes. Underscores in headers are hyphens."""
        connection = http.client.HTTPConnection(self.host, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            named["Authorization"] = f"Bearer {self.token}"
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            connection.request(method, path, data, named)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read())
        finally:
            connection.close()


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    # Here, because without openapi-core each test module is skipped, and this file is still read.
    from bot.localhub import LocalHub

    with LocalHub() as hub:
        yield hub


@pytest.fixture
def course(hub: LocalHub) -> Repository:
    course = hub.repository("acme/course")
    course.pull_request(head_sha=HEAD, branch="relu")
    return course


@pytest.fixture
def client(hub: LocalHub, course: Repository) -> Client:
    return Client(hub, hub.token(repository=course))
