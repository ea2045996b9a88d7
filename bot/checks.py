"""The check run: the findings that a workflow's own annotations leave no room for.

GitHub shows ten annotations of a step. What stands beyond goes into a check run, fifty a request.
It informs and never decides: it is neutral, and its name is not that of the required job.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from bot.errors import UnsureError
from bot.model import Annotation, CheckRun, Run
from tito.report import Finding, Report
from tito.summary import MOST_ANNOTATIONS, all_findings
from tito.untrusted import linkable, one_line

NAME = "tito findings"
CHUNK = 50
"""What GitHub takes in one request."""
MOST = 500
"""Ten requests. Nobody reads the five hundredth."""
TRIES = 4

_LONGEST_TITLE = 200
_LONGEST_LINE = 300
_MOST_LINES = 30
_LAST_LINE = 1_000_000
_LEVELS: dict[str, Any] = {"error": "failure", "warning": "warning", "notice": "notice"}


def left_out(report: Report, moved: frozenset[str] | None) -> list[Annotation]:
    """What the workflow's own annotations leave out: errors and warnings, the worst first.

    `moved` are the paths whose lines may differ at the head (None: any): they are shown at line 1.
    """
    found = [f for f in all_findings(report) if f.severity != "notice"][MOST_ANNOTATIONS:]
    return [_annotation(finding, moved) for finding in found if linkable(finding.path)]


def _annotation(finding: Finding, moved: frozenset[str] | None) -> Annotation:
    here = moved is not None and finding.path not in moved and 0 < finding.line < _LAST_LINE
    title = f"{finding.rule}, cell {finding.cell}" if finding.cell else finding.rule
    lines = finding.message.strip().split("\n")[:_MOST_LINES]
    if finding.line > 0 and not here:
        lines.append(f"(line {min(finding.line, _LAST_LINE)} of the merge that was judged)")
    if finding.hint.strip():
        lines.append(f"→ {finding.hint}")
    message = "\n".join(one_line(line, _LONGEST_LINE) for line in lines).strip()
    return Annotation(
        path=finding.path,
        line=finding.line if here else 1,
        level=_LEVELS[finding.severity],
        title=one_line(title, _LONGEST_TITLE),
        message=message or "no message",
    )


class Checks(Protocol):
    """What writing a check run needs of GitHub."""

    def check_runs(self, sha: str, name: str) -> list[CheckRun]:
        """The check runs of a commit with this name, those of earlier attempts too."""

    def create_check_run(self, sha: str, **given: Any) -> CheckRun:
        """Raises UnsureError if it may have been made."""

    def annotate(self, check_run: int, output: dict[str, Any]) -> CheckRun:
        """Add annotations. Raises UnsureError if they may be there now."""


def write(
    door: Checks, run: Run, wanted: Sequence[Annotation], overtaken: Callable[[], bool]
) -> int:
    """Make the check run of this attempt hold all of `wanted`. Returns how many were added.

    At most MOST of them. GitHub adds to what is there, so after an answer that was lost it is asked
    how many there are. Without anything to show, a check run is made only to take the place of an
    earlier attempt's.
    """
    made_by, added, last = f"{run.id}/{run.attempt}", 0, None
    title, wanted = _title(len(wanted)), wanted[:MOST]
    for _ in range(TRIES):
        present = door.check_runs(run.head_sha, NAME)
        ours = next((one for one in present if one.made_by == made_by), None)
        if (ours is None and not wanted and not present) or overtaken():
            return added
        try:
            ours = ours or _create(door, run, made_by, _output(title, wanted[:CHUNK]))
            added = max(added, ours.count)
            while ours.count < len(wanted):
                chunk = wanted[ours.count : ours.count + CHUNK]
                ours = door.annotate(ours.id, _output(title, chunk))
                added = ours.count
        except UnsureError as error:
            last = error
            continue
        return added
    assert last is not None
    raise last


def _create(door: Checks, run: Run, made_by: str, output: dict[str, Any]) -> CheckRun:
    return door.create_check_run(
        run.head_sha,
        name=NAME,
        external_id=made_by,
        details_url=run.page,
        conclusion="neutral",
        output=output,
    )


def _title(count: int) -> str:
    if not count:
        return "No further findings"
    more = "1 more finding" if count == 1 else f"{count} more findings"
    shown = f"; {MOST} of them are shown" if count > MOST else ""
    return f"{more} beside the first {MOST_ANNOTATIONS}{shown}"


def _output(title: str, chunk: Sequence[Annotation]) -> dict[str, Any]:
    summary = "The run's summary and the comment on the pull request say what to do next."
    return {"title": title, "summary": summary, "annotations": [_shown(one) for one in chunk]}


def _shown(one: Annotation) -> dict[str, Any]:
    return {
        "path": one.path,
        "start_line": one.line,
        "end_line": one.line,
        "annotation_level": one.level,
        "title": one.title,
        "message": one.message,
    }
