"""The results of several gates become one report. Every file read here is untrusted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from tito.course import MANIFEST
from tito.errors import TitoError, UsageError
from tito.report import (
    LARGEST_RESULT,
    CheckpointResult,
    Finding,
    GateResult,
    Report,
    decode,
    encode,
    failed,
    in_order,
)

_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_LONGEST_TEXT = 2000
_MOST_FINDINGS = (1000, 200, 50, 5)
"""Of one gate. Fewer are kept where the report would else be too large to be read again."""


class _Status(msgspec.Struct):
    """What is read of an entry of `tito checkpoint status --json`."""

    checkpoint: str
    question: str
    state: str


def merge(
    files: Sequence[Path],
    *,
    expected: Sequence[str],
    checkpoints: Iterable[CheckpointResult] = (),
    sha: str = "",
    head: str = "",
) -> Report:
    """One result for each expected gate, in that order, then what else is there.

    A gate whose result is missing, unreadable, doubled or contradicts itself has status `error`.
    Raises UsageError if `sha` or `head` is no full commit hash; both may be empty.
    """
    for value in (sha, head):
        if value and not _SHA.fullmatch(value):
            raise UsageError(f"{value!r} is no commit hash", hint="write all its 40 digits")
    found: dict[str, list[GateResult]] = {name: [] for name in expected}
    for file in files:
        result = _result(file)
        found.setdefault(result.gate, []).append(result)
    gates = [_one(name, results, name in expected) for name, results in found.items()]
    for most in _MOST_FINDINGS:
        kept = tuple(shortened(gate, most) for gate in gates)
        report = Report(kept, tuple(checkpoints), sha, head)
        if len(encode(report)) <= LARGEST_RESULT:
            break
    return report


def _result(file: Path) -> GateResult:
    """What the file holds; if that is no result, the error in its place."""
    try:
        return decode(read_bounded(file))
    except TitoError as error:
        return _broken(file.stem, f"{file.name}: {error.message}")


def read_bounded(file: Path) -> bytes:
    """The bytes of a file from outside. Raises TitoError if there are too many, or none."""
    try:
        if file.stat().st_size > LARGEST_RESULT:
            raise TitoError("the file is too large for a result", where=str(file))
        return file.read_bytes()
    except OSError as error:
        raise TitoError(f"it cannot be read: {error.strerror}", where=str(file)) from None


def _one(name: str, results: Sequence[GateResult], expected: bool) -> GateResult:
    if not results:
        return _broken(name, "this gate left no result, so it did not run to its end")
    if len(results) > 1:
        return _broken(name, f"{len(results)} results claim to be of this gate")
    (result,) = results
    if not expected and result.status != "error":
        return _broken(name, "nobody asked for a result of this gate")
    if result.status == "passed" and failed(result.findings):
        return _broken(name, "the result says passed and holds an error")
    return result


def _broken(name: str, message: str) -> GateResult:
    hint = "look into the log of the run, or run the gate where you are"
    reproduce = f"tito gate {name}"
    return GateResult(
        name, "error", (Finding("gate", "error", MANIFEST, 0, message, hint),), reproduce
    )


def shortened(gate: GateResult, most: int) -> GateResult:
    """The result with its `most` worst findings, and texts that somebody may read to their end."""
    ordered = in_order(gate.findings)
    kept = [_cut(finding) for finding in ordered[:most]]
    if len(ordered) > most:
        message = f"{len(ordered) - most} more findings are not shown"
        kept.append(Finding("gate", "notice", MANIFEST, 0, message, gate.reproduce[:_LONGEST_TEXT]))
    words = {"gate": gate.gate[:100], "reproduce": gate.reproduce[:_LONGEST_TEXT]}
    return msgspec.structs.replace(gate, findings=tuple(kept), **words)


def _cut(finding: Finding) -> Finding:
    fields = msgspec.structs.asdict(finding).items()
    short = {k: v[:_LONGEST_TEXT] for k, v in fields if isinstance(v, str)}
    return msgspec.structs.replace(finding, **short)


def read_checkpoints(file: Path) -> tuple[CheckpointResult, ...]:
    """What `tito checkpoint status --json` wrote. Raises TitoError if it is something else."""
    try:
        entries = msgspec.json.decode(read_bounded(file), type=list[_Status])
        plain = [msgspec.structs.asdict(entry) for entry in entries[: _MOST_FINDINGS[1]]]
        states = msgspec.convert(plain, type=tuple[CheckpointResult, ...])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TitoError(f"this is no list of checkpoints: {error}", where=str(file)) from None
    return tuple(
        CheckpointResult(s.checkpoint[:100], s.question[:_LONGEST_TEXT], s.state) for s in states
    )
