"""A report as Markdown: the part that a comment and a job's summary share. Pure.

Everything of a report passes through `tito.untrusted`. What matters most comes first; what does not
fit is left out from the end, never cut in two, and that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tito import outline
from tito.outline import NO_MESSAGE, Point
from tito.report import CheckpointResult, Finding, GateResult, Report, in_order
from tito.untrusted import cell, code, command, fence, plain, prose, prose_cell

PAGE = 10
"""Findings that are open to see; the others are folded, as many at a time."""
_MOST_ROWS = 30
_MOST_COMMANDS = 10
_LONGEST_POINT = 240
_LONGEST_ITEM = 400
_PAGE_COST = 90
"""Bytes, at most, of what folds a page of findings."""
_BLOCK_COST = 500
"""Bytes, at most, of what a gate's block holds besides its findings."""

_MORE = "More did not fit here: the log holds all of it."


def plain_place(path: str, line: int) -> str:
    """`path:line` without a link."""
    return code(f"{path}:{line}" if line > 0 else path)


def own_command(gate: GateResult) -> str:
    """The result's own command if it is a call of tito, which a reader may type unread."""
    named = f"tito gate {gate.gate}" if plain(gate.gate) else "tito gate --help"
    return command(gate.reproduce) or named


@dataclass(frozen=True)
class Look:
    """Where the pages differ.

    `since`: the head of a further column, and what it says of a gate. `believed`: False if somebody
    who knows better says something else than the report. `noun`: what a result is of.
    """

    place: Callable[[str, int], str] = plain_place
    command: Callable[[GateResult], str] = own_command
    since: tuple[str, Callable[[GateResult], str]] | None = None
    believed: bool = True
    noun: Callable[[GateResult], str] = lambda _: "gate"


def body(report: Report, look: Look, room: int) -> list[str]:
    """The parts of a report below its verdict, in their order, of at most `room` bytes together.

    They are joined by blank lines, which are counted.
    """
    return arranged(report, look, room, head=table(report, look), last=reproduce(report, look))


def arranged(report: Report, look: Look, room: int, *, head: str, last: str) -> list[str]:
    """As `body`, with a table and a last line of its own."""
    points = outline.points(report)
    if room < _size(_MORE):
        return []
    room -= _size(last) + _size(_MORE)
    wanted = [head, strip(report.checkpoints), first(points, look)]
    before = _fitting([part for part in wanted if part], room)
    if len(before) < len([part for part in wanted if part]):
        return [*before, _MORE]
    shown = details(report, points, look, room - sum(_size(part) for part in before))
    return [part for part in (*before, shown, last) if part]


def _size(part: str) -> int:
    return len(part.encode()) + 2


def _fitting(parts: Sequence[str], room: int) -> list[str]:
    """As many of the parts as fit, from the first on."""
    kept = []
    for part in parts:
        room -= _size(part)
        if room < 0:
            break
        kept.append(part)
    return kept


def table(report: Report, look: Look) -> str:
    """One row a gate: what it decided and what to do next."""
    if not report.gates:
        return ""
    head = ["Gate", "Result", *([look.since[0]] if look.since else []), "Next step"]
    rows = [head, ["---"] * len(head)]
    for gate in report.gates[:_MOST_ROWS]:
        since = [look.since[1](gate)] if look.since else []
        done = gate.status == "passed" and look.believed
        decided = outline.result(gate) if look.believed else f"? reported: {gate.status}"
        after = "nothing to do" if done else f"run {cell(look.command(gate))}"
        rows.append([prose_cell(gate.gate, 60), decided, *since, after])
    if len(report.gates) > _MOST_ROWS:
        more = f"{len(report.gates) - _MOST_ROWS} more gates"
        rows.append([more, *[""] * (len(head) - 1)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def strip(checkpoints: Sequence[CheckpointResult]) -> str:
    """How far the framework is: one badge a state, with the checkpoints in it."""
    if not checkpoints:
        return ""
    shown = checkpoints[:_MOST_ROWS]
    lines = [f"**{outline.how_far(checkpoints)}**", ""]
    for group in outline.groups(shown):
        names = ", ".join(prose(name, 60) for name in group.names)
        lines.append(f"- {code(outline.STATES[group.state])} {names}")
    if len(checkpoints) > _MOST_ROWS:
        lines.append(f"- {len(checkpoints) - _MOST_ROWS} more checkpoints")
    following = outline.ahead(shown)
    if following is not None and following.question.strip():
        name = prose(following.checkpoint.replace("_", " "), 60)
        lines.append(f"- Next, {name}: {prose(following.question, 200)}")
    return "\n".join(lines)


def first(points: Sequence[Point], look: Look) -> str:
    """What to mend first: what, where, why, and one command."""
    if not points:
        return ""
    numbered = [f"{number}. {_point(point, look)}" for number, point in enumerate(points, start=1)]
    return "\n".join(["#### Fix first", "", *numbered])


def _point(point: Point, look: Look) -> str:
    finding, gate = point.finding, point.gate
    what = prose(outline.parts_of(finding.message)[0], _LONGEST_POINT) or NO_MESSAGE
    where = [f"Where: {_where(finding, look)}"]
    if point.others:
        more = "1 more finding" if point.others == 1 else f"{point.others} more findings"
        where.append(f"At the same place: {more}")
    judged = f"{look.noun(gate)} {prose(gate.gate, 60)}, rule {code(finding.rule, 60)}"
    lines = [*where, f"Why: {point.why} ({judged})", *_advice(point, look)]
    return "\n".join([f"**{what}**", *(f"   - {line}" for line in lines)])


def _advice(point: Point, look: Look) -> Iterator[str]:
    """What to do, with one command: the hint's own, else the one that shows the gate again."""
    hint = point.finding.hint.strip()
    if hint:
        yield f"Next: {prose(hint, _LONGEST_POINT)}"
    if not command(hint):
        yield f"See it yourself: {code(look.command(point.gate))}"


def _where(finding: Finding, look: Look) -> str:
    """The place to edit. For a generated file that is the dev file it comes from."""
    path, line = outline.origin(finding)
    inside = f", cell {code(finding.cell, 60)}" if finding.cell else ""
    if (path, line) == (finding.path, finding.line):
        return look.place(path, line) + inside
    return f"{look.place(path, line)}{inside}, for {look.place(finding.path, finding.line)}"


def details(report: Report, points: Sequence[Point], look: Look, room: int) -> str:
    """One folding block a gate, open where it holds an error, until the room is used.

    Gates with little to say come first in the sharing, so that one with much takes what they leave.
    """
    said = {point.finding for point in points if _is_said(point.finding)}
    listed = [[f for f in in_order(gate.findings) if f not in said] for gate in report.gates]
    waiting = sorted((i for i, found in enumerate(listed) if found), key=lambda i: len(listed[i]))
    blocks: dict[int, str] = {}
    for left, index in zip(range(len(waiting), 0, -1), waiting, strict=True):
        blocks[index] = _block(report.gates[index], listed[index], look, room // left)
        room -= _size(blocks[index])
    order = sorted(blocks, key=lambda index: (report.gates[index].status == "passed", index))
    shown = [blocks[index] for index in order if blocks[index]]
    return "\n\n".join([*shown, *([_MORE] if len(shown) < len(blocks) else [])])


def _is_said(finding: Finding) -> bool:
    """True if a point says all of it."""
    what, rest = outline.parts_of(finding.message)
    return not rest and max(len(what), len(finding.hint)) <= _LONGEST_POINT


def _block(gate: GateResult, findings: Sequence[Finding], look: Look, room: int) -> str:
    """A gate's findings, in pages, as far as there is room; how many are left out is said."""
    room -= _BLOCK_COST
    if room < 0:
        return ""
    items: list[str] = []
    for finding in findings:
        room -= _PAGE_COST if len(items) % PAGE == 0 else 0
        sizes = (item for item in _forms(finding, look) if _size(item) <= room)
        if (item := next(sizes, None)) is None:
            break
        room -= _size(item)
        items.append(item)
    name = f"{look.noun(gate)} {gate.gate if plain(gate.gate) else 'of another name'}"
    asks = gate.status != "passed" and any(f.severity == "error" for f in findings)
    opened = " open" if asks else ""
    parts = [f"<details{opened}><summary>{name}: {outline.counts(gate.findings)}</summary>"]
    parts += _pages(items, len(findings))
    if len(items) < len(findings):
        again = code(look.command(gate))
        parts.append(f"{len(findings) - len(items)} more left out here: {again} shows them all.")
    return "\n\n".join([*parts, "</details>"])


def _pages(items: Sequence[str], total: int) -> Iterator[str]:
    yield from items[:PAGE]
    for start in range(PAGE, len(items), PAGE):
        page = items[start : start + PAGE]
        yield f"<details><summary>{start + 1} to {start + len(page)} of {total}</summary>"
        yield from page
        yield "</details>"


def _forms(finding: Finding, look: Look) -> Iterator[str]:
    """A finding in full; then, where that does not fit, without what follows its first line."""
    what, rest = outline.parts_of(finding.message)
    sign = outline.SEVERITIES[finding.severity]
    line = f"**{sign}** {_where(finding, look)} ({code(finding.rule, 60)})"
    head = f"{line}: {prose(what, _LONGEST_ITEM) or NO_MESSAGE}"
    hint = finding.hint.strip()
    head += f" → {code(hint)}" if command(hint) else ""
    advice = [] if command(hint) or not hint else [f"Next: {prose(hint, _LONGEST_ITEM)}"]
    if rest:
        yield "\n\n".join([head, fence(rest), *advice])
    yield "\n\n".join([head, *advice])


def reproduce(report: Report, look: Look) -> str:
    """The line that says the same on the reader's own machine."""
    gates = outline.not_passed(report) or report.gates
    commands = list(dict.fromkeys(look.command(gate) for gate in gates))[:_MOST_COMMANDS]
    if not commands:
        return ""
    return f"On this branch, your own machine says the same: {code(' && '.join(commands), 1500)}"
