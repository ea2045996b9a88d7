"""The verdict is the job's; the report only explains, and may be anything at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.model import Job
from bot.verdict import JOB, MOST_CHECKPOINTS, MOST_GATES, Unreadable, Verdict, judge, read_report
from tests.unit.bot.subjects import COULD_NOT, HEAD, SYNTAX, report
from tito.report import (
    LARGEST_RESULT,
    CheckpointResult,
    GateResult,
    Report,
    encode,
)  # fmt: skip
from tito.report import judge as judged

RED = report(judged("export", [SYNTAX], ""))
GONE = Unreadable("gone")


@pytest.mark.parametrize(
    ("conclusion", "said", "wanted"),
    [
        ("success", report(), Verdict("success")),
        ("failure", RED, Verdict("failure")),
        ("failure", report(COULD_NOT), Verdict("failure")),
        ("success", GONE, Verdict("success")),
        ("failure", GONE, Verdict("failure")),
        ("success", RED, Verdict("error", "the report says not passed, the job verdict ended with success")),
        ("failure", report(), Verdict("error", "the report says passed, the job verdict ended with failure")),
        ("success", Report(()), Verdict("error", "the report says not passed, the job verdict ended with success")),
        ("cancelled", report(), Verdict("error", "the job verdict was cancelled")),
        ("skipped", report(), Verdict("error", "the job verdict was skipped")),
        (None, report(), Verdict("error", "the job verdict is not over")),
        ("new word", report(), Verdict("error", "the job verdict ended without a result")),
    ],
)  # fmt: skip
def test_the_job_decides(
    conclusion: str | None, said: Report | Unreadable, wanted: Verdict
) -> None:
    jobs = [Job("static", "success"), Job(JOB, conclusion), Job("verdict / x", "success")]
    assert judge(jobs, said) == wanted


def test_there_must_be_exactly_one_such_job() -> None:
    assert judge([Job("static", "success")], report()) == Verdict(
        "error", "the run has no job named verdict"
    )
    twice = [Job(JOB, "failure"), Job(JOB, "success")]
    assert judge(twice, report()) == Verdict("error", "the run has 2 jobs named verdict")


def write(folder: Path, data: bytes) -> Path:
    file = folder / "report.json"
    file.write_bytes(data)
    return file


def because(file: Path | None, head: str = HEAD) -> str:
    found = read_report(file, head)
    assert isinstance(found, Unreadable), found
    return found.because


def test_a_good_report_is_read(tmp_path: Path) -> None:
    assert read_report(write(tmp_path, encode(report())), HEAD) == report()
    assert read_report(write(tmp_path, encode(Report(RED.gates))), HEAD) == Report(RED.gates)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "this is not a report"),
        (b"{}", "this is not a report"),
        (b"\x80\x04K\x01.", "this is not a report"),
        (b" " * (LARGEST_RESULT + 10), "too large"),
        (encode(report()).replace(b'"format": 1', b'"format": 2'), "format 2"),
        (encode(Report((GateResult("verdict", "passed", (), ""),))), "takes the name of the verdict"),
        (encode(Report((COULD_NOT, COULD_NOT))), "names a gate twice"),
        (encode(Report((GateResult("../x", "passed", (), ""),))), "a name that no gate has"),
        (encode(Report((GateResult("a\n", "passed", (), ""),))), "a name that no gate has"),
        (encode(Report((GateResult("a" * 31, "passed", (), ""),))), "a name that no gate has"),
        (
            encode(Report((), (CheckpointResult("@ann", "", "passed"),))),
            "a name that no checkpoint has",
        ),
        (
            encode(Report(tuple(GateResult("a" * i, "passed", (), "") for i in range(1, MOST_GATES + 2)))),
            f"{MOST_GATES} are allowed",
        ),
        (
            encode(Report((), tuple(CheckpointResult(f"00_{i}", "", "passed") for i in range(MOST_CHECKPOINTS + 1)))),
            f"{MOST_CHECKPOINTS} are allowed",
        ),
    ],
)  # fmt: skip
def test_anything_else_is_unreadable(tmp_path: Path, data: bytes, words: str) -> None:
    assert words in because(write(tmp_path, data))


def test_a_report_that_is_missing_a_link_or_no_file_is_unreadable(tmp_path: Path) -> None:
    assert because(None) == "no report was handed over"
    assert because(tmp_path / "none.json").startswith("the report cannot be opened: ")
    real = write(tmp_path, encode(report()))
    (tmp_path / "link.json").symlink_to(real)
    assert because(tmp_path / "link.json") == "the report is a link"
    assert "report" in because(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_does_not_hang_the_bot(tmp_path: Path) -> None:
    pipe = tmp_path / "report.json"
    os.mkfifo(pipe)
    assert because(pipe) == "the report is no file"


def test_a_report_about_another_commit_is_none(tmp_path: Path) -> None:
    file = write(tmp_path, encode(report()))
    assert because(file, "0" * 40) == "the report is about another commit"
    assert read_report(file) == report()


def test_a_report_of_what_has_landed_is_about_that_commit_itself(tmp_path: Path) -> None:
    for sha, head, believed in (
        (HEAD, "", True),
        ("", "", True),
        ("0" * 40, "", False),
        (HEAD, "0" * 40, False),
    ):
        file = write(tmp_path, encode(Report(report().gates, sha=sha, head=head)))
        found = read_report(file, HEAD, landed=True)
        assert isinstance(found, Report) == believed, (sha, head)
