"""Everything that a file holds is found as text, and what cannot be looked into is said."""

from __future__ import annotations

import base64
import bz2
import gzip
import importlib.util
import io
import json
import lzma
import os
import py_compile
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tito import contents
from tito.contents import is_bytecode, pieces

TEXT = "the first line of a secret\nand the second one, so long that base64 is folded within it\n"


def texts(data: bytes) -> list[str]:
    return [piece.text for piece in pieces("file", data)]


def problems(data: bytes) -> list[str]:
    return [piece.problem for piece in pieces("file", data) if piece.problem]


def holds(data: bytes) -> bool:
    return any("first line of a secret\nand the second" in text for text in texts(data))


def zipped(data: bytes, name: str = "inner/a.py") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return stream.getvalue()


def tarred(data: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("a.py")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def notebook(data: bytes) -> bytes:
    lines = data.decode().splitlines(keepends=True)
    return json.dumps({"cells": [{"outputs": [{"data": {"text/plain": lines}}]}]}).encode()


def encoded(data: bytes) -> bytes:
    return b"see " + base64.b64encode(data) + b" for more"


def misaligned(data: bytes) -> bytes:
    return b"key" + base64.urlsafe_b64encode(data)


def folded(data: bytes) -> bytes:
    return b"-----\n" + base64.encodebytes(data) + b"-----\n"


def folded_in_json(data: bytes) -> bytes:
    return json.dumps({"image/png": base64.encodebytes(data).decode()}, indent=1).encode()


def hexadecimal(data: bytes) -> bytes:
    return b"digest: " + data.hex().encode()


def literal(data: bytes) -> bytes:
    return f"CODE = {data.decode()!r}\n".encode()


def utf16(data: bytes) -> bytes:
    return data.decode().encode("utf-16")


def binary(data: bytes) -> bytes:
    return b"\x00\xff\xfe\x80" + data + b"\x00\x01"


def wide_binary(data: bytes) -> bytes:
    return b"\x00\xff\x80\x80" + data.decode().encode("utf-16-le") + b"\x01"


WRAPPED: list[Callable[[bytes], bytes]] = [
    bytes,
    zipped,
    tarred,
    gzip.compress,
    bz2.compress,
    lzma.compress,
    zlib.compress,
    notebook,
    encoded,
    misaligned,
    folded,
    folded_in_json,
    hexadecimal,
    literal,
    utf16,
    binary,
    wide_binary,
]


@pytest.mark.parametrize("wrap", WRAPPED, ids=lambda wrap: wrap.__name__)
def test_a_text_is_found_however_it_is_wrapped(wrap: Callable[[bytes], bytes]) -> None:
    assert holds(wrap(TEXT.encode()))
    assert not holds(wrap(b"something else\nentirely, of the same kind\n"))


@pytest.mark.parametrize("inner", WRAPPED, ids=lambda wrap: wrap.__name__)
@pytest.mark.parametrize("outer", [zipped, tarred, gzip.compress, encoded, folded_in_json])
def test_and_in_two_layers(
    inner: Callable[[bytes], bytes], outer: Callable[[bytes], bytes]
) -> None:
    assert holds(outer(inner(TEXT.encode())))


def test_the_lines_of_a_text_are_counted_from_its_file() -> None:
    first, *others = pieces("a.py", b"one\ntwo\n")
    assert (first.path, first.line, first.text) == ("a.py", 1, "one\ntwo\n")
    assert others == []
    inside = [piece.path for piece in pieces("a.whl", zipped(TEXT.encode()))]
    assert "a.whl!inner/a.py" in inside
    (found,) = [
        p.path for p in pieces("a.md", b"\n\n" + encoded(b"0123456789" * 4)) if p.line == 1
    ][1:]
    assert found == "a.md (encoded, line 3)"


def test_compiled_python_is_said_in_any_version_and_under_any_name(tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_text(f"TEXT = {TEXT!r}\n", encoding="utf-8")
    compiled = Path(str(py_compile.compile(str(source), doraise=True))).read_bytes()
    assert is_bytecode(compiled)
    assert holds(compiled)
    assert problems(compiled) == ["this is compiled Python, which holds what its source held"]
    other = (3394).to_bytes(2, "little") + compiled[2:]
    assert other[:4] != importlib.util.MAGIC_NUMBER
    assert problems(other) != []
    assert any("compiled Python" in each for each in problems(zipped(compiled, "data.bin")))
    assert not is_bytecode(b"ab\r\ncd\r\n")


def locked(data: bytes) -> bytes:
    """A zip whose member says that it is encrypted."""
    plain = bytearray(zipped(data))
    plain[6] |= 1
    plain[plain.index(b"PK\1\2") + 8] |= 1
    return bytes(plain)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (locked(b"x"), "encrypted"),
        (zipped(TEXT.encode())[:60], "archive cannot be read"),
        (gzip.compress(TEXT.encode() * 99)[:40], "compressed file cannot be read"),
        (lzma.compress(TEXT.encode() * 99)[:40], "compressed file cannot be read"),
        (b"PACK\0\0\0\2", "pack of git objects"),
        (b"# v2 git bundle\n", "bundle of git objects"),
        (b"\x28\xb5\x2f\xfd....", "zstandard"),
        (b"7z\xbc\xaf\x27\x1c....", "7z"),
    ],
    # Not the bytes: some hold the time of day, and two workers must collect the same names.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_looked_into_is_said(data: bytes, said: str) -> None:
    assert any(said in problem for problem in problems(data)), problems(data)
    assert any(said in problem for problem in problems(zipped(data)))


def test_a_bomb_is_stopped_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "LARGEST", 1000)
    for bomb in (gzip.compress(bytes(5000)), zipped(bytes(5000)), zlib.compress(bytes(5000))):
        assert problems(bomb) == ["it unpacks to more than 1000 bytes"]
    assert problems(gzip.compress(bytes(500))) == []


def test_layers_without_end_are_stopped_and_said() -> None:
    data = TEXT.encode()
    for _ in range(contents.DEEPEST):
        data = gzip.compress(data)
    assert problems(data) == []
    assert holds(data)
    assert problems(gzip.compress(data)) == ["it holds more than 6 layers"]


def test_deep_json_is_text_like_any_other() -> None:
    assert texts(b"[" * 100_000 + b"]" * 100_000)[0].startswith("[[[")


@given(st.binary(max_size=400))
def test_any_bytes_can_be_looked_at(data: bytes) -> None:
    for piece in pieces("file", data):
        assert piece.path.startswith("file")


@given(st.text(max_size=200))
def test_any_text_is_its_own_first_piece(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    if b"\0" not in data and not text.startswith("\ufeff"):
        assert text in texts(data) or problems(data) or "\ud800" <= max(text) <= "\udfff"


def test_random_bytes_in_a_lock_file_are_no_problem() -> None:
    lines = [f"    --hash=sha256:{os.urandom(32).hex()}" for _ in range(300)]
    assert [p for p in problems("\n".join(lines).encode()) if "encoded" not in p] == []
