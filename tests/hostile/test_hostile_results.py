"""Results that a student may have written: none counts for anybody else, none adds up to more."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.results_of_ada import SOURCE, result
from tito.errors import TitoError
from tito.result_formats import LARGEST, decode_legacy, decode_v1, encode_legacy, encode_v1

V1: dict[str, Any] = json.loads(encode_v1(result()))
LEGACY: dict[str, Any] = json.loads(base64.b64decode(encode_legacy(result().tests)))
WORTH = {"one": 3, "two": 2}
DEEP = b"[" * 100_000


def changed(base: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one value set; without a value, the key goes."""
    content = json.loads(json.dumps(base))
    *way, last = path.split("/")
    place = content
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return dict(content)


def v1(content: Any) -> bytes:
    return json.dumps(content).encode()


def line(content: Any) -> str:
    return base64.b64encode(json.dumps(content).encode()).decode("ascii")


REFUSED_V1: list[tuple[str, Any]] = [
    ("schema", "classroom50/result/v2"), ("schema", None), ("classroom", "spring-2027"),
    ("classroom", ""), ("assignment", "second"), ("assignment_type", "group"),
    ("assignment_type", "team"), ("owner", "bob"), ("owner", "ada\u200b"), ("owner", ["ada"]),
    ("owner", None), ("submission", "v1"), ("submission", "submit/$(id)"), ("submission", None),
    ("commit", "https://github.example/acme/x/commit/" + "b" * 40), ("commit", ""),
    ("commit", None), ("release", ""), ("release", None), ("review", ""), ("review", None),
    ("datetime", "2026-11-01T22:59:58+01:00"), ("datetime", "2026-11-01 22:59:58"),
    ("datetime", "2026-11-99T22:59:58Z"), ("datetime", None), ("graded_at", "yesterday"),
    ("score", 6), ("score", -1), ("score", 4.5), ("score", "4"), ("score", True), ("score", 10**30),
    ("score", None), ("max-score", 500), ("max-score", -5), ("max-score", None), ("tests", {}),
    ("tests", None), ("tests", [V1["tests"][0]] * 2), ("tests", [V1["tests"][0]] * 1001),
    ("usernames", ["ada", "bob"]), ("override", True), ("late", False),
    ("tests/0/score", 4), ("tests/0/passed", 1), ("tests/0/passed", None), ("tests/0/score", 2),
    ("tests/0/test-name", ""), ("tests/0/test-name", "a\nb"), ("tests/0/test-name", "x" * 300),
    ("tests/0/test-name", "two"), ("tests/0/max-score", None), ("tests/0/bonus", 100),
    ("submitted_by", {"id": 1}), ("submitted_by", {"username": "ada", "admin": True}),
    ("submitted_by", {"username": ""}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value"), REFUSED_V1)
def test_a_bent_result_of_classroom_50_is_refused(path: str, value: Any) -> None:
    with pytest.raises(TitoError) as caught:
        decode_v1(v1(changed(V1, path, value)), SOURCE)
    assert "\u200b" not in caught.value.message


@pytest.mark.parametrize(
    ("path", "value"),
    [("owner", "Ada"), ("submitted_by", {"username": "bob", "id": None}), ("graded_at", None)],
)
def test_what_an_honest_one_may_differ_in_is_read(path: str, value: Any) -> None:
    found = decode_v1(v1(changed(V1, path, value)), SOURCE)
    assert (found.source, found.earned) == (SOURCE, 4)


@pytest.mark.parametrize(
    "bend",
    [
        lambda s: replace(s, owner="bob"),
        lambda s: replace(s, classroom="spring-2027"),
        lambda s: replace(s, assignment="second"),
        lambda s: replace(s, kind="group"),
        lambda s: replace(s, commit="b" * 40),
    ],
)
def test_a_good_result_counts_only_where_it_came_from(bend: Callable[[Any], Any]) -> None:
    with pytest.raises(TitoError):
        decode_v1(encode_v1(result()), bend(SOURCE))


REFUSED_LEGACY: list[tuple[str, Any]] = [
    ("version", 2), ("version", "1"), ("version", None), ("status", "passed"), ("status", "pass"),
    ("status", None), ("max_score", 100), ("max_score", None), ("tests", []), ("tests", None),
    ("tests", [LEGACY["tests"][0]] * 2), ("login", "bob"), ("tests/0/name", "three"),
    ("tests/0/name", None), ("tests/0/score", 99), ("tests/0/score", 2), ("tests/0/score", 0.5),
    ("tests/0/status", "skipped"), ("tests/1/status", "pass"), ("tests/1/duration", -1),
    ("tests/1/duration", 1e9), ("tests/1/line_no", "1"), ("tests/1/message", "x" * 10_001),
    ("tests/1/filename", "x" * 301), ("tests/1/points", 2),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value"), REFUSED_LEGACY)
def test_a_bent_legacy_result_is_refused(path: str, value: Any) -> None:
    with pytest.raises(TitoError):
        decode_legacy(line(changed(LEGACY, path, value)), WORTH)


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b"{", DEEP, b"\xff\xfe", b" " * (LARGEST + 1)]
)
def test_what_is_no_result_is_refused(data: bytes) -> None:
    with pytest.raises(TitoError):
        decode_v1(data, SOURCE)
    with pytest.raises(TitoError):
        decode_legacy(base64.b64encode(data).decode("ascii"), WORTH)


@pytest.mark.parametrize(
    "text", ["", "!", "e30", "e3\n0=", "ｅ30=", "A" * (2 * LARGEST + 1), line(LEGACY) + "\n"]
)
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(TitoError):
        decode_legacy(text, WORTH)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60, deadline=None)
@given(st.sampled_from(sorted(V1)), ANYTHING, st.sampled_from(sorted(LEGACY)))
def test_nothing_else_than_a_refusal_comes_of_anything(key: str, value: Any, other: str) -> None:
    for read in (
        lambda: decode_v1(v1(V1 | {key: value}), SOURCE),
        lambda: decode_legacy(line(LEGACY | {other: value}), WORTH),
    ):
        try:
            read()
        except TitoError as error:
            assert error.message.isprintable()
