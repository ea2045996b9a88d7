"""Who decides and who explains: the verdict is a job's conclusion, the report says only why.

The author of a pull request controls the workflow that wrote the report. GitHub's own record of the
job named `verdict` cannot be written by it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.model import Job
from tito.errors import TitoError
from tito.report import LARGEST_RESULT, Report, decode_report

JOB = "verdict"
MOST_GATES = 20
MOST_CHECKPOINTS = 64

_GATE = re.compile(r"(?=.{1,30}$)[a-z]+(-[a-z]+)*")
_CHECKPOINT = re.compile(r"(?=.{1,60}$)[0-9]{2}(_[a-z0-9]+)+")
_WORDS = {
    "cancelled": "was cancelled",
    "skipped": "was skipped",
    "timed_out": "took too long and was stopped",
    "neutral": "decided nothing",
    "stale": "was given up by GitHub",
    None: "is not over",
}


@dataclass(frozen=True)
class Verdict:
    """`error` is never green: nothing was decided, or the report says something else."""

    state: Literal["success", "failure", "error"]
    because: str = ""
    """Why it is an error: part of a sentence."""


@dataclass(frozen=True)
class Unreadable:
    """There is no report to show, and why."""

    because: str


def read_report(
    file: Path | None, head_sha: str = "", *, landed: bool = False
) -> Report | Unreadable:
    """The report from a file that may be missing or hostile. It is read, never executed.

    With `head_sha`, a report that names another commit is none. What has `landed` was judged
    itself, and not as the merge that it would be.
    """
    if file is None:
        return Unreadable("no report was handed over")
    try:
        report = decode_report(bytes_of(file))
        _refuse_odd_names(report)
    except OSError as error:
        return Unreadable(f"the report cannot be opened: {error.strerror}")
    except TitoError as error:
        return Unreadable(error.message)
    named = (report.head, report.sha if landed else "")
    if head_sha and any(sha not in ("", head_sha) for sha in named):
        return Unreadable("the report is about another commit")
    return report


def bytes_of(file: Path) -> bytes:
    """At most one byte more than allowed, of a regular file that is no link.

    Raises OSError or TitoError if it is none.
    """
    if file.is_symlink():
        raise TitoError("the report is a link")
    # not to hang on a pipe somebody put there
    opened = os.open(
        file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    )
    with open(opened, "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise TitoError("the report is no file")
        return stream.read(LARGEST_RESULT + 1)


def _refuse_odd_names(report: Report) -> None:
    """Names of gates become contexts of statuses: `verdict` is taken, and each stands once."""
    gates = [gate.gate for gate in report.gates]
    checkpoints = [result.checkpoint for result in report.checkpoints]
    for noun, names, pattern, most in (
        ("gate", gates, _GATE, MOST_GATES),
        ("checkpoint", checkpoints, _CHECKPOINT, MOST_CHECKPOINTS),
    ):
        if len(names) > most:
            raise TitoError(f"the report has {len(names)} {noun}s; {most} are allowed")
        if len(set(names)) < len(names) or JOB in names:
            raise TitoError(f"the report names a {noun} twice or takes the name of the verdict")
        if not all(pattern.fullmatch(name) for name in names):
            raise TitoError(f"the report has a {noun} with a name that no {noun} has")


def judge(jobs: Sequence[Job], report: Report | Unreadable) -> Verdict:
    """The verdict of GitHub's record, compared with what the report says."""
    named = [job for job in jobs if job.name == JOB]
    if len(named) != 1:
        count = "no job" if not named else f"{len(named)} jobs"
        return Verdict("error", f"the run has {count} named {JOB}")
    conclusion = named[0].conclusion
    if conclusion not in ("success", "failure"):
        return Verdict("error", f"the job {JOB} {_WORDS.get(conclusion, 'ended without a result')}")
    if isinstance(report, Report) and (report.status == "passed") != (conclusion == "success"):
        said = "passed" if report.status == "passed" else "not passed"
        ended = "success" if conclusion == "success" else "failure"
        return Verdict("error", f"the report says {said}, the job {JOB} ended with {ended}")
    return Verdict("success" if conclusion == "success" else "failure")
