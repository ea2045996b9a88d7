"""What the bot would write for a report, on a laptop: no event, no token, no network."""

from __future__ import annotations

from pathlib import Path

from bot.events import SHA
from bot.model import Job, Pull, Run
from bot.render import Subject, render
from bot.status import statuses
from bot.verdict import JOB, judge, read_report
from tito.errors import UsageError
from tito.report import Report

NOWHERE = "0" * 40


def preview(report_file: Path | None) -> str:
    """The comment and the statuses of a report, its verdict taken from the report itself.

    Raises UsageError if no report is named.
    """
    if report_file is None:
        raise UsageError("--local shows a report", hint="python -m bot post --local --report FILE")
    report = read_report(report_file)
    passed = isinstance(report, Report) and report.status == "passed"
    named = report.head if isinstance(report, Report) else ""
    head = named if SHA.fullmatch(named) else NOWHERE
    verdict = judge([Job(JOB, "success" if passed else "failure")], report)
    run = Run(0, 0, 1, head, "local", None, "", "https://github.com/local/local/actions/runs/0")
    pull = Pull(0, True, head, "local", None, NOWHERE, "main", fork=False)
    subject = Subject("local/local", "https://github.com", run, pull, verdict, report)
    lines = [f"{s.context}: {s.state}: {s.description}" for s in statuses(report, verdict, run.url)]
    return "\n".join([render(subject), "", *lines])
