"""Everything that a file holds, as text: members of archives, notebooks, what is base64 or hex.

What cannot be looked into is said, never passed over. Out of scope: encryption, and encodings
beside base64, hex, zip, tar, gzip, bzip2, xz and zlib.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import gzip
import io
import json
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

DEEPEST = 6
"""Layers: a text in base64 in a notebook in a wheel has three."""
LARGEST = 64 * 1024 * 1024
"""Bytes that one file may unpack to, all its layers together."""
SHORTEST_RUN = 40
"""Characters of base64 or hex. Shorter runs are words, names and hashes of git."""

_OPAQUE = {
    b"PACK": "a pack of git objects",
    b"# v2 git bundle": "a bundle of git objects",
    b"# v3 git bundle": "a bundle of git objects",
    b"\x28\xb5\x2f\xfd": "a zstandard archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a rar archive",
    b"\x04\x22\x4d\x18": "an lz4 archive",
}
_RUN = re.compile(rf"[A-Za-z0-9+/_-]{{{SHORTEST_RUN},}}={{0,2}}")
_BETWEEN_RUNS = re.compile(r"""[\s"',+]*""")
_LAST_OF_A_RUN = re.compile(r"""["',+\s]*\n["'\s]*([A-Za-z0-9+/_-]{2,39}={0,2})(?![\w+/=-])""")
_LITERAL = re.compile(r"""\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'""")
_PRINTED = re.compile(rb"[\t\n\r -~]{6,}|(?:[\t\n\r -~]\x00){6,}")
_PYTHON_MAGIC = range(3000, 4000)


@dataclass(frozen=True)
class Piece:
    """A text, and where it stands. `line` is where in the file it begins, 0 if it is not known.

    `problem` says instead why a part could not be looked into.
    """

    path: str
    line: int
    text: str
    problem: str = ""


class _TooMuchError(Exception):
    """The file unpacks to more than LARGEST, or in more layers than DEEPEST."""


def pieces(path: str, data: bytes) -> Iterator[Piece]:
    """Every text in a file, its own first. `path` is its name here; `!` leads into an archive."""
    opener = _Opener()
    try:
        yield from opener.look(path, data, 0)
    except _TooMuchError as error:
        yield Piece(path, 0, "", str(error))


def is_bytecode(data: bytes) -> bool:
    """True for what Python compiles a file to, in whatever version and under whatever name."""
    return data[2:4] == b"\r\n" and int.from_bytes(data[:2], "little") in _PYTHON_MAGIC


class _Opener:
    """Opens layer after layer, and stops where a file would unpack without end."""

    def __init__(self) -> None:
        self.room = LARGEST

    def look(self, path: str, data: bytes, depth: int) -> Iterator[Piece]:
        if depth > DEEPEST:
            raise _TooMuchError(f"it holds more than {DEEPEST} layers")
        for start, what in _OPAQUE.items():
            if data.startswith(start):
                yield Piece(path, 0, "", f"this is {what}, which is not looked into")
        if is_bytecode(data):
            yield Piece(path, 0, "", "this is compiled Python, which holds what its source held")
        inner = self._unpacked(data)
        if inner is not None:
            yield from self.look(f"{path}!", inner, depth + 1)
        elif data.startswith((b"\x1f\x8b\x08", b"BZh91AY", b"\xfd7zXZ\0")):
            yield Piece(path, 0, "", "this compressed file cannot be read")
        if data.startswith(b"PK\3\4") or zipfile.is_zipfile(io.BytesIO(data)):
            yield from self._zip(path, data, depth)
        elif data[257:262] == b"ustar":
            yield from self._tar(path, data, depth)
        text = _decoded(data)
        if text is None:
            found = (match[0].replace(b"\0", b"") for match in _PRINTED.finditer(data))
            yield from self._text(path, 0, "\n".join(each.decode("ascii") for each in found), depth)
        else:
            yield from self._text(path, 1, text, depth)

    def _text(self, path: str, line: int, text: str, depth: int) -> Iterator[Piece]:
        """The text itself, the strings in it, and what its runs of base64 and hex stand for."""
        yield Piece(path, line, text)
        read = ["\n".join(_json_strings(text))]
        if "\\n" in text:
            literals = [match[0][1:-1] for match in _LITERAL.finditer(text) if "\\n" in match[0]]
            read += [_unescaped(text), _unescaped("\n".join(literals))]
        for strings in filter(None, read):
            yield Piece(path, 0, strings)
        for seen in [text, *read]:
            for place, data in _runs(seen):
                self._take(len(data))
                at = f", line {text.count(chr(10), 0, place) + 1}" if seen is text and line else ""
                yield from self.look(f"{path} (encoded{at})", data, depth + 1)

    def _unpacked(self, data: bytes) -> bytes | None:
        """What a compressed stream unpacks to, or None if it is none."""
        if data.startswith(b"\x1f\x8b"):
            return self._read(lambda: gzip.GzipFile(fileobj=io.BytesIO(data)))
        if data.startswith(b"BZh"):
            return self._read(lambda: bz2.BZ2File(io.BytesIO(data)))
        if data.startswith((b"\xfd7zXZ\0", b"\x5d\0\0")):
            return self._read(lambda: lzma.LZMAFile(io.BytesIO(data)))
        if len(data) > 8 and data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0:
            try:
                inner = zlib.decompressobj().decompress(data, self.room + 1)
            except zlib.error:
                return None
            self._take(len(inner))
            return inner or None
        return None

    def _read(self, opened: Callable[[], Any]) -> bytes | None:
        """As much as there is room for. None if the stream is not what it begins like."""
        try:
            with opened() as stream:
                data: bytes = stream.read(self.room + 1)
        except (OSError, EOFError, zlib.error, lzma.LZMAError):
            return None
        self._take(len(data))
        return data

    def _zip(self, path: str, data: bytes, depth: int) -> Iterator[Piece]:
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for member in archive.infolist():
                    with archive.open(member) as stream:
                        inner = stream.read(self.room + 1)
                    self._take(len(inner))
                    yield from self.look(f"{path}!{member.filename}", inner, depth + 1)
        except (
            zipfile.BadZipFile,
            RuntimeError,
            NotImplementedError,
            OSError,
            zlib.error,
        ) as error:
            yield Piece(path, 0, "", f"this archive cannot be read: {error}")

    def _tar(self, path: str, data: bytes, depth: int) -> Iterator[Piece]:
        try:
            with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
                for member in archive:
                    stream = archive.extractfile(member) if member.isfile() else None
                    inner = stream.read(self.room + 1) if stream else b""
                    self._take(len(inner))
                    yield from self.look(f"{path}!{member.name}", inner, depth + 1)
        except (tarfile.TarError, OSError) as error:
            yield Piece(path, 0, "", f"this archive cannot be read: {error}")

    def _take(self, size: int) -> None:
        self.room -= size
        if self.room < 0:
            raise _TooMuchError(f"it unpacks to more than {LARGEST} bytes")


def _decoded(data: bytes) -> str | None:
    """None for what is no text."""
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    if encoding == "utf-8-sig" and b"\0" in data:
        return None
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _unescaped(text: str) -> str:
    return text.replace("\\n", "\n").replace('\\"', '"').replace("\\'", "'")


def _json_strings(text: str) -> Iterator[str]:
    """The strings of a JSON text that are more than a word; a list of lines is one string."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return
    try:
        waiting: list[Any] = [json.loads(text)]
    except (ValueError, RecursionError):
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value.values(), *value.keys()]
        elif isinstance(value, list):
            lines = [each for each in value if isinstance(each, str)]
            yield "\n".join(line.removesuffix("\n") for line in lines)
            waiting += [each for each in value if not isinstance(each, str)]
        elif isinstance(value, str) and len(value) >= 8:
            yield value


def _runs(text: str) -> Iterator[tuple[int, bytes]]:
    """Where each run of base64 or hex begins, and what it stands for.

    Runs with nothing between them but line ends and quotes are one: that is how they are folded.
    A run may begin behind letters that do not belong to it, so that four beginnings are tried.
    """
    start, parts, end = 0, [""], -1
    for match in _RUN.finditer(text):
        between = _BETWEEN_RUNS.match(text, end) if end >= 0 else None
        if between is None or between.end() != match.start():
            yield from _decodings(start, "".join(parts))
            start, parts = match.start(), []
        parts.append(match[0])
        end = match.end()
        # The last line of a folded run is shorter. Where it is a word instead, it does no harm.
        short = _LAST_OF_A_RUN.match(text, end)
        if short:
            parts.append(short[1])
            end = short.end()
    yield from _decodings(start, "".join(parts))


def _decodings(start: int, run: str) -> Iterator[tuple[int, bytes]]:
    run = run.rstrip("=")
    if re.fullmatch(r"[0-9a-fA-F]{40,}", run):
        yield start, binascii.unhexlify(run[: len(run) // 2 * 2])
    run = run.replace("-", "+").replace("_", "/").replace("=", "")
    for offset in range(4 if run else 0):
        part = run[offset:]
        part = part[: len(part) - 1] if len(part) % 4 == 1 else part
        data = base64.b64decode(part + "=" * (-len(part) % 4))
        if _worth(data):
            yield start, data


def _worth(data: bytes) -> bool:
    """True if bytes begin like something that is looked into, or hold text."""
    known = (b"PK\3\4", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x5d\0\0", b"\x78", *_OPAQUE)
    return data.startswith(known) or is_bytecode(data) or bool(_PRINTED.search(data))
