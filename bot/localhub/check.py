"""GitHub's own description of its API, asked about every request and every response."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.validation.schemas.exceptions import InvalidSchemaValue
from werkzeug.datastructures import Headers, ImmutableMultiDict

TARGET = Path(__file__).with_name("api.json")

# The one extension with a meaning: the parameter may hold slashes.
MULTI_SEGMENT = "x-multi-segment"

JSON = "application/json"

# GitHub answers these on every route, and describes them on few.
EVERYWHERE = {
    **dict.fromkeys(("301", "307", "400", "401", "403", "404", "409"), "basic-error"),
    "422": "validation-error",
    "304": None,
}

# Where the description leaves out what GitHub's refusals hold everywhere else.
SHORT_ERRORS = (("/repos/{owner}/{repo}", "delete"),)

# What the description calls an object although GitHub sends null for it: the fork was deleted.
DELETED_FORKS = (
    ("pull-request", "head"),
    ("pull-request-simple", "head"),
)


@dataclass
class Request:
    """A request as openapi-core wants to see it."""

    host_url: str
    method: str
    path: str
    parameters: RequestParameters
    body: bytes | None
    content_type: str = JSON


@dataclass(frozen=True)
class Response:
    """A response as openapi-core wants to see it."""

    status_code: int
    data: bytes | None
    headers: Headers
    content_type: str = JSON


@dataclass(frozen=True)
class Match:
    """A described operation, and what stands in the path for its parameters."""

    method: str
    template: str
    values: Mapping[str, str]

    @property
    def path(self) -> str:
        """The path with each value percent-encoded, slashes too: one segment a parameter."""
        return self.template.format(
            **{name: quote(value, safe="") for name, value in self.values.items()}
        )

    @property
    def repository(self) -> tuple[str, str]:
        """Owner and name, whatever the description calls them: a path names them first."""
        owner, name, *_ = self.values.values()
        return owner, name


class Description:
    """The cut description: finds the operation a request is for and checks both directions."""

    def __init__(self, file: Path = TARGET) -> None:
        self.document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        self.host_url: str = self.document["servers"][0]["url"]
        self._patterns = {
            template: re.compile(_pattern(template, _multi_segment(self.document, operations)))
            for template, operations in self.document["paths"].items()
        }
        # The document is checked once, by a test; a property it does not name is an error here,
        # because it would be a misspelt one.
        self._openapi = OpenAPI.from_dict(
            _as_github_answers(self.document),
            config=Config(spec_validator_cls=None, additional_properties_default_policy="forbid"),
        )

    def operations(self) -> set[tuple[str, str]]:
        """Return every described pair of method and path."""
        return {
            (method.upper(), path)
            for path, operations in self.document["paths"].items()
            for method in operations
        }

    def match(self, method: str, path: str) -> Match | None:
        """Return the operation that a still encoded path belongs to; None if there is none."""
        for template, pattern in self._patterns.items():
            found = pattern.fullmatch(path)
            if found and method.lower() in self.document["paths"][template]:
                values = {name: unquote(value) for name, value in found.groupdict().items()}
                return Match(method, template, values)
        return None

    def request_errors(
        self, match: Match, query: str, headers: Iterable[tuple[str, str]], body: bytes
    ) -> list[str]:
        """Return in what way a request breaks the description, one sentence each."""
        return _sentences(
            self._openapi.iter_request_errors(self._request(match, query, headers, body))
        )

    def response_errors(
        self, match: Match, status: int, headers: Mapping[str, str], body: bytes
    ) -> list[str]:
        """Return in what way a response breaks the description, one sentence each."""
        request = self._request(match, "", (), b"")
        response = Response(status, body, Headers(list(headers.items())))
        return _sentences(self._openapi.iter_response_errors(request, response))

    def _request(
        self, match: Match, query: str, headers: Iterable[tuple[str, str]], body: bytes
    ) -> Request:
        parameters = RequestParameters(
            query=ImmutableMultiDict(parse_qsl(query, keep_blank_values=True)),
            header=Headers(list(headers)),
        )
        # GitHub reads a body as JSON whatever its type says, and so does this hub.
        return Request(self.host_url, match.method.lower(), match.path, parameters, body or None)


@functools.cache
def shared() -> Description:
    """Return the description, read once: it never changes, and takes a tenth of a second."""
    return Description()


def _pattern(template: str, multi_segment: set[str]) -> str:
    """Return the expression for a path such as `/repos/{owner}/{repo}`."""
    parts = re.split(r"{(\w+)}", template)
    names = parts[1::2]
    groups = [f"(?P<{name}>{'.+' if name in multi_segment else '[^/]+'})" for name in names]
    texts = [re.escape(text) for text in parts[::2]]
    return "".join(text + group for text, group in zip(texts, [*groups, ""], strict=True))


def _multi_segment(document: Mapping[str, Any], operations: Mapping[str, Any]) -> set[str]:
    """Return the path parameters that may hold slashes, such as the name of a branch."""
    named = document["components"]["parameters"]
    found = set()
    for operation in operations.values():
        for given in operation.get("parameters", ()):
            parameter = named[given["$ref"].rpartition("/")[2]] if "$ref" in given else given
            if parameter["in"] == "path" and parameter.get(MULTI_SEGMENT):
                found.add(parameter["name"])
    return found


def _as_github_answers(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the description that allows what GitHub is known to send beyond it."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    for operations in copy["paths"].values():
        for operation in operations.values():
            for status, schema in EVERYWHERE.items():
                operation["responses"].setdefault(status, _plain_response(schema))
    for path, method in SHORT_ERRORS:
        described = copy["paths"].get(path, {}).get(method)
        if described:
            described["responses"]["403"] = _plain_response("basic-error")
    _let_null_be_chosen(copy)
    _leave_properties_to_the_choices(copy)
    schemas = copy["components"]["schemas"]
    _let_errors_be_sentences(schemas["validation-error"])
    for name, side in DELETED_FORKS:
        repository = schemas[name]["properties"][side]["properties"]["repo"]
        repository["$ref"] = "#/components/schemas/nullable-repository"
    return copy


def _leave_properties_to_the_choices(node: Any) -> None:
    """Let an object that is one of several have what its choices name, and no more than that."""
    if isinstance(node, dict):
        chosen = {"oneOf", "anyOf"} & node.keys() and "properties" not in node
        if "array" in node.get("discriminator", {}).get("mapping", {}):
            # A list has no property that could tell it from the others.
            del node["discriminator"]
        if chosen and node.get("type") == "object":
            node.setdefault("additionalProperties", True)
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            _leave_properties_to_the_choices(item)


def _let_errors_be_sentences(schema: dict[str, Any]) -> None:
    """What is refused of rulesets and templates is named in sentences, not in objects."""
    errors = schema["properties"]["errors"]
    errors["items"] = {"anyOf": [errors["items"], {"type": "string"}]}


def _let_null_be_chosen(node: Any) -> None:
    """Add null to the values of every nullable enumeration, as GitHub means it.

    OpenAPI 3.0.3 would have it listed: a job in progress has the conclusion null.
    """
    if isinstance(node, dict):
        if node.get("nullable") is True and None not in node.get("enum", [None]):
            node["enum"] = [*node["enum"], None]
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            _let_null_be_chosen(item)


def _plain_response(schema: str | None) -> dict[str, Any]:
    if schema is None:
        return {"description": ""}
    content = {JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": "", "content": content}


def _sentences(errors: Iterable[Exception]) -> list[str]:
    return [sentence for error in errors for sentence in _details(error)]


def _details(error: Exception) -> Iterator[str]:
    """Yield what is wrong and where, from the innermost error that says it."""
    cause = error.__cause__
    if isinstance(cause, InvalidSchemaValue):
        for wrong in cause.schema_errors:
            yield f"{wrong.message} at {wrong.json_path}"  # type: ignore[attr-defined]
    else:
        yield f"{error}: {cause}" if cause else str(error)
