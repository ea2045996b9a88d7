"""Findings, gate results, reports: what every check returns and every renderer takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, TypeVar

import msgspec

from tito.errors import TitoError

FORMAT = 1
LARGEST_RESULT = 4 * 1024 * 1024
"""Bytes. A file above this size is refused before it is decoded."""

LARGEST_LINE = 2**31 - 1

Severity = Literal["error", "warning", "notice"]
ORDER: dict[str, int] = {"error": 0, "warning": 1, "notice": 2}


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One thing a check has to say. `path` is relative to the course and uses `/`; no line is 0."""

    rule: str
    severity: Severity
    path: str
    line: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_LINE)]
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


class CheckpointResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far one checkpoint is, as `tito.checkpoints.State` names it."""

    checkpoint: str
    question: str
    state: Literal["passed", "failed", "to run again", "not run", "waiting", "not written"]


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every gate of one run and the checkpoints: what a comment, a status and a summary show.

    `sha` is the commit that was judged, `head` the pull request's own commit, empty outside one.
    """

    gates: tuple[GateResult, ...]
    checkpoints: tuple[CheckpointResult, ...] = ()
    sha: str = ""
    head: str = ""
    format: int = FORMAT

    @property
    def status(self) -> Literal["passed", "failed", "error"]:
        """The worst of the gates. A report without gates is an error: nothing has been judged."""
        states = {gate.status for gate in self.gates}
        if not states or "error" in states:
            return "error"
        return "failed" if "failed" in states else "passed"


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
    result = _decoded(data, GateResult, "a gate result")
    _same_format(result.format)
    return result


def decode_report(data: bytes) -> Report:
    """A report from untrusted bytes. Raises TitoError as `decode` does."""
    report = _decoded(data, Report, "a report")
    for number in (report.format, *(gate.format for gate in report.gates)):
        _same_format(number)
    return report


Decoded = TypeVar("Decoded", GateResult, Report)


def _decoded(data: bytes, kind: type[Decoded], noun: str) -> Decoded:
    if len(data) > LARGEST_RESULT:
        raise TitoError(f"{len(data)} bytes are too large for {noun}")
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TitoError(f"this is not {noun}: {error}") from None


def _same_format(number: int) -> None:
    if number != FORMAT:
        raise TitoError(
            f"this result has format {number}, this tito reads {FORMAT}",
            hint="run the gate again with the same tito",
        )
