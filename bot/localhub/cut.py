"""Cut GitHub's OpenAPI description down to what the local GitHub serves.

    npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-*.tgz
    python -m bot.localhub.cut package/generated/api.github.com.json

writes `api.json` beside this file: the operations that `routing.ROUTES` names, the components they
reach, nothing to read aloud. The same source and routes give the same bytes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bot.localhub.check import MULTI_SEGMENT, TARGET
from tito.errors import TitoError, UsageError

PACKAGE = {"package": "@octokit/openapi", "file": "generated/api.github.com.json", "licence": "MIT"}

PROSE = {"description", "summary", "title", "example", "examples", "externalDocs", "tags"}
# Of the many kinds of a thing, those that the hub has.
KINDS = {
    "issue-event-for-issue": ("labeled-issue-event", "unlabeled-issue-event"),
}
# Under these keys stand names that somebody chose, and a property may well be called "title".
NAMES = {"properties", "patternProperties", "headers", "content"}


def cut(source: dict[str, Any], routes: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the part of a description that `routes`, pairs of method and path, need.

    Raises:
        TitoError: a route that the description does not have.
    """
    paths: dict[str, Any] = {}
    for method, path in sorted(routes):
        try:
            operation = source["paths"][path][method.lower()]
        except KeyError:
            raise TitoError(f"GitHub does not describe {method} {path}") from None
        paths.setdefault(path, {})[method.lower()] = _without_prose(operation)
    version = source["info"]["version"]
    return {
        "openapi": source["openapi"],
        "info": {"title": "GitHub", "version": version, "x-source": PACKAGE | {"version": version}},
        "servers": source["servers"],
        "paths": paths,
        "components": _reached(paths, source["components"]),
    }


def _without_prose(node: Any, *, named: bool = False) -> Any:
    """Return `node` without prose; with `named`, its keys are names and stay."""
    if isinstance(node, list):
        return [_without_prose(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        if not named and (key in PROSE or (key.startswith("x-") and key != MULTI_SEGMENT)):
            continue
        # An enumeration is a list of values, whatever they look like.
        if not named and key in ("enum", "default", "required"):
            kept[key] = value
        elif not named and key == "responses":
            kept[key] = {status: _response(response) for status, response in value.items()}
        else:
            kept[key] = _without_prose(value, named=not named and key in NAMES)
    return kept


def _response(node: dict[str, Any]) -> dict[str, Any]:
    """Return a response without prose, and with the description that OpenAPI demands."""
    kept: dict[str, Any] = _without_prose(node)
    return kept if "$ref" in kept else {"description": "", **kept}


def _reached(start: Any, components: dict[str, Any]) -> dict[str, Any]:
    """Return the components that `start` refers to, directly or through others, sorted."""
    found: dict[str, dict[str, Any]] = {}
    waiting = list(references(start))
    while waiting:
        kind, name = waiting.pop().removeprefix("#/components/").split("/")
        if name not in found.setdefault(kind, {}):
            strip = _response if kind == "responses" else _without_prose
            found[kind][name] = _kinds_here(name, strip(components[kind][name]))
            waiting += references(found[kind][name])
    return {kind: dict(sorted(found[kind].items())) for kind in sorted(found)}


def _kinds_here(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    if name not in KINDS:
        return schema
    wanted = {f"#/components/schemas/{kind}" for kind in KINDS[name]}
    return {**schema, "anyOf": [each for each in schema["anyOf"] if each["$ref"] in wanted]}


def references(node: Any) -> Iterable[str]:
    """Yield the target of every `$ref` inside `node`."""
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from references(value)


def encoded(description: dict[str, Any]) -> bytes:
    """Return the bytes of `api.json`: a line for each path and component, for readable diffs."""
    lines = ["{"]
    for key in ("openapi", "info", "servers"):
        lines.append(f"{json.dumps(key)}: {json.dumps(description[key])},")
    lines += ['"paths": {', *_lines(description["paths"]), "},", '"components": {']
    kinds = description["components"]
    for kind, members in kinds.items():
        end = "}" if kind == list(kinds)[-1] else "},"
        lines += [f"{json.dumps(kind)}: {{", *_lines(members), end]
    return ("\n".join([*lines, "}", "}"]) + "\n").encode("ascii")


def _lines(members: dict[str, Any]) -> list[str]:
    pairs = [
        f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}"
        for name, value in members.items()
    ]
    return [f"{pair}," for pair in pairs[:-1]] + pairs[-1:]


def main(arguments: list[str], target: Path = TARGET) -> None:
    """Write `target` from the description that `arguments` names."""
    from bot.localhub.routing import ROUTES

    if len(arguments) != 1:
        raise UsageError("one file is wanted", hint="python -m bot.localhub.cut SOURCE.json")
    source = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    target.write_bytes(encoded(cut(source, ROUTES)))


if __name__ == "__main__":
    main(sys.argv[1:])
