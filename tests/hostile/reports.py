"""Files that a pull request could hand over in place of a report. Each has a name."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

from tito.report import LARGEST_RESULT, Finding, GateResult, Report, encode

FINDING: dict[str, Any] = {
    "rule": "r", "severity": "error", "path": "a.py", "line": 1, "message": "m", "hint": "h", "cell": "c",
}  # fmt: skip
GATE: dict[str, Any] = {
    "gate": "export", "status": "failed", "findings": [FINDING], "reproduce": "tito gate export", "format": 1,
}  # fmt: skip
CHECKPOINT = {"checkpoint": "01_a", "question": "Can I?", "state": "passed"}
REPORT: dict[str, Any] = {
    "gates": [GATE], "checkpoints": [CHECKPOINT], "sha": "", "head": "", "format": 1,
}  # fmt: skip
"""A good one; what follows is made from it."""


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _with(**changes: object) -> bytes:
    return _json(REPORT | changes)


def _gate(**changes: object) -> bytes:
    return _with(gates=[GATE | changes])


def _finding(**changes: object) -> bytes:
    return _gate(findings=[FINDING | changes])


class Opener:
    """Pickled, it writes a file where it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (self.file, "unpickled"))


def _zip(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../report.json", data)
    return buffer.getvalue()


REFUSED: dict[str, bytes] = {
    "nothing": b"",
    "white space": b" \n\t",
    "null": b"null",
    "a number": b"1e999",
    "a text": b'"report"',
    "a list": b"[]",
    "deep lists": b"[" * 100_000,
    "deep lists, closed": b"[" * 50_000 + b"]" * 50_000,
    "deep objects": b'{"a":' * 100_000,
    "deep inside of a finding": _finding(message="X").replace(b'"X"', b"[" * 90_000 + b"]" * 90_000),
    "deep inside of an unknown field": _with(more=1).replace(b'"more": 1', b'"more": ' + b"[" * 90_000),
    "an unknown field": _with(author="@ann"),
    "a field of Python": _with(__class__="os.system", __reduce__=["os.system", ["id"]]),
    "a field of JavaScript": _with(__proto__={"status": "passed"}),
    "an unknown field of a finding": _finding(blame="<img src=x>"),
    "no gates": _json({"format": 1}),
    "gates as an object": _with(gates={"0": GATE}),
    "gates as a text": _with(gates="export"),
    "gates as null": _with(gates=None),
    "a finding as a text": _gate(findings=["m"]),
    "a line as a text": _finding(line="1"),
    "a line as a fraction": _finding(line=1.5),
    "a line of 400 digits": _finding(line=10**400),
    "a line of 5000 digits": _finding(line=1).replace(b'"line": 1', b'"line": ' + b"1" * 5000),
    "a line below zero": _finding(line=-(10**18)),
    "a format of 4000 digits": _with(format=1).replace(b'"format": 1}', b'"format": ' + b"1" * 4000 + b"}"),
    "half a character in a message": _finding(message="X").replace(b'"X"', b'"\\ud83e \\u0000"'),
    "a line as infinity": _finding(line=1).replace(b'"line": 1', b'"line": Infinity'),
    "a line as true": _finding(line=True),
    "a message as a list": _finding(message=["a", "b"]),
    "a message as null": _finding(message=None),
    "an unknown severity": _finding(severity="fatal"),
    "an unknown status": _gate(status="PASSED"),
    "an unknown state": _with(checkpoints=[CHECKPOINT | {"state": "won"}]),
    "another format": _with(format=2),
    "a format as true": _with(format=True),
    "a gate of another format": _gate(format=0),
    "the gate verdict": _gate(gate="verdict"),
    "a gate with a mention": _gate(gate="@everyone"),
    "a gate with a line end": _gate(gate="export\n"),
    "a gate without a name": _gate(gate=""),
    "a gate twice": _with(gates=[GATE, GATE]),
    "a hundred gates": _with(gates=[GATE | {"gate": "g" * i} for i in range(1, 101)]),
    "a checkpoint with a mention": _with(checkpoints=[CHECKPOINT | {"checkpoint": "01_@ann"}]),
    "a thousand checkpoints": _with(checkpoints=[CHECKPOINT | {"checkpoint": f"01_{i}"} for i in range(1000)]),
    "another commit": _with(head="0" * 40),
    "a head that is no commit": _with(head="--> <b>"),
    "bytes that are no text": b'{"gates": [], "sha": "\xff\xfe"}',
    "half a character": _with(sha="X").replace(b'"X"', b'"\\ud800"'),
    "UTF-16": json.dumps(REPORT).encode("utf-16"),
    "a mark of byte order": b"\xef\xbb\xbf" + _json(REPORT),
    "two reports": _json(REPORT) + _json(REPORT),
    "half a report": _json(REPORT)[:-9],
    "a comment": b"// passed\n" + _json(REPORT),
    "a pickle": pickle.dumps({"gates": []}),
    "YAML with an object": b"!!python/object/apply:os.system [id]",
    "Python": b"__import__('os').system('id')",
    "a zip": _zip(_json(REPORT)),
    "a zip bomb": _zip(b"\0" * 50_000_000),
    "a gzip bomb": gzip.compress(b"\0" * 50_000_000),
    "a zero byte": b"\0" + _json(REPORT),
    "more bytes than allowed": b" " * (LARGEST_RESULT + 1),
    "many keys": b"{" + b",".join(b'"%d":0' % i for i in range(200_000)) + b"}",
    "a long key": _json({"k" * 1_000_000: 1}),
    "a mention as a key": _with(**{"@everyone <img src=https://evil.example>": 1}),
}  # fmt: skip
"""Name → what is no report, or not one to show."""

_MANY = tuple(Finding("r", "error", f"{i}.py", i, "m") for i in range(15_000))
READ: dict[str, bytes] = {
    "a key twice": b'{"gates": [], ' + _json(REPORT)[1:],
    "the largest line": _finding(line=2**31 - 1),
    "every finding that fits": encode(Report((GateResult("export", "failed", _MANY, ""),))),
    "one long message": _finding(message="x" * 4_000_000),
    "a message of line ends": _finding(message="\n" * 1_000_000),
    "a message of colons": _finding(message=":\n" * 200_000),
    "a message of ticks": _finding(message="`" * 1_000_000),
    "a path of slashes": _finding(path="/" * 1_000_000),
    "a hint of paths": _finding(hint="a/b_dev.py/" * 100_000),
    "a hint of brackets": _finding(hint="([{" * 300_000),
    "a zero character": _finding(message="X").replace(b'"X"', b'"\\u0000\\u001b[31m"'),
    "no gate": _with(gates=[]),
}
"""Name → what is a report by its form, and must be shown harmlessly and soon."""
