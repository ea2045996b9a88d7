"""Findings and gate results: what every check returns and every renderer takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from tito.errors import TitoError

FORMAT = 1
LARGEST_RESULT = 4 * 1024 * 1024
"""Bytes. A file above this size is refused before it is decoded."""

Severity = Literal["error", "warning", "notice"]
ORDER: dict[str, int] = {"error": 0, "warning": 1, "notice": 2}


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One thing a check has to say. `path` is relative to the course and uses `/`."""

    rule: str
    severity: Severity
    path: str
    line: int
    message: str
    hint: str = ""
    cell: str = ""

    @property
    def place(self) -> str:
        """`path:line`, or what is known of it."""
        return f"{self.path}:{self.line}" if self.line else self.path


class GateResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one gate decided. `error` means that the gate could not run: never green."""

    gate: str
    status: Literal["passed", "failed", "error"]
    findings: tuple[Finding, ...]
    reproduce: str
    format: int = FORMAT


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first, then by place, without duplicates."""
    unique = dict.fromkeys(findings)
    return tuple(sorted(unique, key=lambda f: (ORDER[f.severity], f.path, f.line, f.rule)))


def failed(findings: Iterable[Finding]) -> bool:
    """True if one of the findings is an error."""
    return any(finding.severity == "error" for finding in findings)


def judge(gate: str, findings: Iterable[Finding], reproduce: str) -> GateResult:
    """The result of a gate that ran to its end."""
    ordered = in_order(findings)
    return GateResult(gate, "failed" if failed(ordered) else "passed", ordered, reproduce)


def encode(value: object) -> bytes:
    """JSON with sorted keys, so that equal results are equal bytes."""
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=2) + b"\n"


def decode(data: bytes) -> GateResult:
    """A gate result from untrusted bytes.

    Raises TitoError if it is too large, not JSON of this format, or has unknown fields.
    """
    if len(data) > LARGEST_RESULT:
        raise TitoError(f"a gate result of {len(data)} bytes is too large to read")
    try:
        result = msgspec.json.decode(data, type=GateResult)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TitoError(f"this is not a gate result: {error}") from None
    if result.format != FORMAT:
        raise TitoError(
            f"this gate result has format {result.format}, this tito reads {FORMAT}",
            hint="run the gate again with the same tito",
        )
    return result
