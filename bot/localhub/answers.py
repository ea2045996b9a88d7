"""Answers and the errors of GitHub's shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DOCUMENTATION = "https://docs.github.com/rest"


@dataclass(frozen=True)
class Answer:
    """What goes back to the client; `payload` None is an answer without a body."""

    status: int
    payload: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    uncounted: bool = False
    """GitHub counts it against no limit."""


@dataclass(frozen=True)
class Message:
    """A request or a response as bytes."""

    headers: Mapping[str, str]
    """In a request, the names are in lower case."""
    body: bytes
    status: int = 0


class ApiError(Exception):
    """An endpoint refuses: the status, GitHub's message and, for 422, what is wrong.

    `errors` are objects that name a field, or sentences where GitHub answers with sentences.
    """

    def __init__(
        self, status: int, message: str, errors: Sequence[Mapping[str, str] | str] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = tuple(errors)

    def answer(self) -> Answer:
        payload: dict[str, Any] = {
            "message": self.message,
            "documentation_url": DOCUMENTATION,
        }
        if self.errors:
            payload["errors"] = [
                each if isinstance(each, str) else dict(each) for each in self.errors
            ]
        elif self.status != 422:  # its description knows no such field
            payload["status"] = str(self.status)
        return Answer(self.status, payload)


def too_long(resource: str, field_name: str, message: str, *, code: str = "custom") -> ApiError:
    """Return the 422 for a text beyond GitHub's limit."""
    error = {"resource": resource, "code": code, "field": field_name, "message": message}
    return ApiError(422, "Validation Failed", [error])
