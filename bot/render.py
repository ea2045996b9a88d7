"""Report → the comment, as Markdown within a byte budget. Pure: same input, same bytes.

What the comment shares with a job's summary is made by `tito.markdown`. Here stands what only a
pull request has: the marker, who decided, the commits, the links, and what has changed since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bot.base import Before, change
from bot.comment import marker_of
from bot.model import Pull, Run
from bot.verdict import Unreadable, Verdict
from tito import outline
from tito.markdown import Look, body, own_command, plain_place
from tito.report import GateResult, Report
from tito.untrusted import cell, code, command, linkable, prose

BUDGET = 60_000
"""Bytes. GitHub takes 65,536 characters."""

OWN_GATES = (".github/", "tito/", "bot/", "tests/", "classroom.yml")
"""A pull request that changes one of these changes what judges it."""
WARNING = "This changes its own gates; green proves nothing until a code owner has reviewed it"

_ENDED = {"success": "passed", "failure": "did not pass", "error": "gave no verdict"}
_HEADLINES = {
    "success": "✓ Every gate passed",
    "failure": "✗ Not yet",
    "error": "! No verdict yet",
}


@dataclass(frozen=True)
class Subject:
    """Everything a comment says. `moved`: paths whose lines may differ at the head; None: any."""

    repository: str
    server: str
    run: Run
    pull: Pull
    verdict: Verdict
    report: Report | Unreadable
    touches_gates: bool = False
    moved: frozenset[str] | None = None
    base: Mapping[str, Before] = field(default_factory=dict)

    @property
    def web(self) -> str:
        """Address of the repository for people."""
        return f"{self.server}/{self.repository}"


def touches_own_gates(paths: Iterable[str] | None) -> bool:
    """True if one of the changed paths is part of the gates, or nobody knows them all."""
    return paths is None or any(path.startswith(OWN_GATES) for path in paths)


def render(subject: Subject) -> str:
    """The comment: at most BUDGET bytes of UTF-8, no line end at the end."""
    opening = [*_opening(subject)]
    closing = f"[The whole run with its summary]({subject.run.url})"
    middle: list[str] = []
    if isinstance(subject.report, Report):
        fixed = "\n\n".join([*opening, closing]).encode()
        middle = body(subject.report, _look(subject), BUDGET - len(fixed) - 2)
    return "\n\n".join([*opening, *middle, closing])


def _opening(subject: Subject) -> Iterator[str]:
    yield marker_of(subject.run, subject.pull.number).line
    if subject.touches_gates:
        yield f"> **{WARNING}.**"
    yield f"### {_headline(subject)}"
    yield _sentence(subject)
    pull, web = subject.pull, subject.web
    head = f"[`{subject.run.head_sha[:7]}`]({web}/commit/{subject.run.head_sha})"
    base = f"[`{pull.base_sha[:7]}`]({web}/commit/{pull.base_sha})"
    yield f"Commit {head} against {base} of {code(pull.base_branch)}"


def _headline(subject: Subject) -> str:
    if isinstance(subject.report, Unreadable) or subject.verdict.state == "error":
        return _HEADLINES[subject.verdict.state]
    return outline.headline(subject.report)


def _sentence(subject: Subject) -> str:
    verdict, report = subject.verdict, subject.report
    if isinstance(report, Unreadable):
        why = f" ({verdict.because})" if verdict.because else ""
        return (
            f"The results could not be read: {prose(report.because)}. The verdict still "
            f"stands: the run {_ENDED[verdict.state]}{why}. "
            "Open the run to see why, or run it again."
        )
    if verdict.state == "error":
        return (
            f"Nothing is decided: {verdict.because}. Do not rely on what the report says "
            "below. Run it again; if this stays, ask whoever keeps this repository."
        )
    return outline.sentence(report)


def _look(subject: Subject) -> Look:
    believed = subject.verdict.state != "error"

    def since(gate: GateResult) -> str:
        return change(gate, subject.base) if believed else "not known"

    return Look(
        place=lambda path, line: _place(subject, path, line),
        command=lambda gate: _command(subject, gate),
        since=(f"Since {cell(subject.pull.base_branch)}", since),
        believed=believed,
    )


def _command(subject: Subject, gate: GateResult) -> str:
    """The gate's own command. A run names its base in a way that means nothing on a laptop."""
    found = own_command(gate)
    if " --base " not in gate.reproduce:
        return found
    named = f"tito gate {gate.gate} --base origin/{subject.pull.base_branch}"
    return command(named) or found


def _place(subject: Subject, path: str, line: int) -> str:
    """`path:line`, linked at the head: to the line if the head holds the very file that was judged.

    Where the base has changed the file since, or nobody knows, the link leads to the file alone.
    """
    shown = plain_place(path, line)
    if not (line > 0 and linkable(path)):
        return shown
    address = f"{subject.web}/blob/{subject.run.head_sha}/{path}"
    same = subject.moved is not None and path not in subject.moved
    return f"[{shown}]({address}#L{line})" if same else f"[{shown}]({address})"
