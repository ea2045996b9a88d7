"""The options of a cell marker: `# %% Title [markdown] nbgrader={...}`, read as jupytext does."""

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import Any, Literal

Kind = Literal["code", "markdown", "raw"]

BROKEN_METADATA = "incorrectly_encoded_metadata"
"""jupytext's name for an option line that is neither JSON nor key=value."""

_KEY = re.compile(r"[a-zA-Z0-9_.@/-]+")
_FLAG = re.compile(r"[a-zA-Z_.][a-zA-Z0-9_.]*")


def read_options(text: str) -> tuple[Kind, str, dict[str, Any]]:
    """The cell's kind, title and metadata from what stands behind `# %%`."""
    title, metadata = _options(text)
    kind, title = _kind(title)
    if metadata.get("cell_type") in ("code", "markdown", "raw"):
        kind = metadata.pop("cell_type")
    return kind, title, metadata


def _kind(title: str) -> tuple[Kind, str]:
    kinds: tuple[tuple[str, Kind], ...] = (
        ("[markdown]", "markdown"),
        ("[raw]", "raw"),
        ("[md]", "markdown"),
    )
    kind: Kind = "code"
    for word, named in kinds:
        if word in title:
            kind, title = named, title.replace(word, "").strip()
            break
    if title.startswith("%"):
        title = title.lstrip("%").strip()
    return kind, title


def _options(text: str) -> tuple[str, dict[str, Any]]:
    """A marker's title and metadata: `Title {json}` or `Title key=json key`."""
    text = text.strip()
    brace, equals = text.find("{"), text.find("=")
    if brace >= 0 and not 0 <= equals < brace:
        return text[:brace].strip(), _json_metadata(text[brace:])
    words = text.split(" ") if equals < 0 else text[:equals].rstrip(" ").split(" ")[:-1]
    while words and (not words[-1].strip() or words[-1].startswith(".")):
        words.pop()
    title = " ".join(words)
    return title, _keys_and_values(text[len(title) :].strip())


def _json_metadata(text: str) -> dict[str, Any]:
    try:
        value = _value(text)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {BROKEN_METADATA: text}


def _value(text: str) -> Any:
    """A value in JSON or else in Python. Raises ValueError if it is neither."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        raise ValueError(text) from None


def _keys_and_values(text: str) -> dict[str, Any]:
    """`a=1 b="x" flag` as a dictionary, read from its end; what cannot be read is kept as text."""
    items: list[tuple[str, Any, bool]] = []
    broken = {}
    while text := text.strip():
        before, _, last = text.rpartition(" ")
        if _FLAG.fullmatch(last) and not text.startswith("--"):
            items.append((last, None, True))
            text = before
            continue
        found = _last_assignment(text)
        if found is None:
            broken = {BROKEN_METADATA: text}
            break
        text, key, value = found
        items.append((key, value, False))
    result: dict[str, Any] = broken
    for key, value, flag in reversed(items):
        if not flag or key not in result:
            result[key] = value
    return result


def _last_assignment(text: str) -> tuple[str, str, Any] | None:
    """The shortest `key=value` that ends the text: what stands before it, the key, the value."""
    equals = text.rfind("=")
    while equals >= 0:
        before, _, key = text[:equals].rstrip().rpartition(" ")
        if _KEY.fullmatch(key.strip()):
            try:
                return before, key.strip(), _value(text[equals + 1 :])
            except ValueError:
                pass
        equals = text.rfind("=", 0, equals)
    return None
