"""`tito report`: from the results of gates to what people read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tito.cli import invoke
from tito.report import CheckpointResult, Finding, GateResult, Report, decode_report, encode

ERROR = Finding("package-edited", "error", "tinytorch/a.py", 3, "edited", "mend it", "c-1")
GATES = ("export", "protection", "integration")
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def results(tmp_path: Path) -> list[str]:
    """The files of three gates that passed, outside of any course."""
    files = []
    for gate in GATES:
        file = tmp_path / f"{gate}.json"
        file.write_bytes(encode(GateResult(gate, "passed", (), f"tito gate {gate}")))
        files.append(str(file))
    return files


def stored(folder: Path, *gates: GateResult, checkpoints: tuple[CheckpointResult, ...] = ()) -> str:
    file = folder / "report.json"
    file.write_bytes(encode(Report(gates, checkpoints)))
    return str(file)


def test_merge_writes_one_report_and_its_exit_code_is_the_verdict(
    results: list[str], tmp_path: Path, capsys: Captured
) -> None:
    target = tmp_path / "report.json"
    options = ["-o", str(target), "--sha", "a" * 40, "--head", ""]
    assert invoke(["report", "merge", *results, *options]) == 0
    told = capsys.readouterr().out
    assert "export: ✓ passed\n" in told
    assert told.endswith("✓ Every gate passed\n")
    report = decode_report(target.read_bytes())
    assert (report.status, report.sha, report.head) == ("passed", "a" * 40, "")
    assert invoke(["report", "merge", *results[:2], *options]) == 1
    assert "integration: ! could not run" in capsys.readouterr().out
    assert decode_report(target.read_bytes()).status == "error"
    assert invoke(["report", "merge", *results[:1], "--expect", "export", *options]) == 0


def test_merge_without_any_file_is_not_green(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    assert invoke(["report", "merge", "-o", str(target)]) == 1
    assert [gate.gate for gate in decode_report(target.read_bytes()).gates] == list(GATES)
    assert invoke(["report", "merge", "--expect", "", "-o", str(target)]) == 1


def test_merge_takes_the_checkpoints_or_says_why_not(
    results: list[str], tmp_path: Path, capsys: Captured
) -> None:
    target, file = tmp_path / "report.json", tmp_path / "checkpoints.json"
    entry = {"checkpoint": "01_a", "question": "Can I?", "state": "failed", "waits_for": []}
    file.write_text(json.dumps([entry]), encoding="utf-8")
    arguments = ["report", "merge", *results, "--checkpoints", str(file), "-o", str(target)]
    assert invoke(arguments) == 0
    (found,) = decode_report(target.read_bytes()).checkpoints
    assert (found.checkpoint, found.state) == ("01_a", "failed")
    file.unlink()
    assert invoke(arguments) == 0
    assert "the checkpoints are left out" in capsys.readouterr().err
    assert decode_report(target.read_bytes()).checkpoints == ()


def test_what_checkpoint_status_writes_is_what_merge_reads(
    results: list[str], tmp_path: Path, in_folder: object
) -> None:
    from tests.conftest import ROOT
    from tito.checkpoints import status
    from tito.course import load
    from tito.merging import read_checkpoints

    course = load(ROOT)
    file = tmp_path / "checkpoints.json"
    in_folder(ROOT)  # type: ignore[operator]
    assert invoke(["checkpoint", "status", "--json", str(file)]) == 0
    found = read_checkpoints(file)
    assert [each.checkpoint for each in found] == [each.slug for each in course.checkpoints]
    assert [each.state for each in found] == [status(course, c).state for c in course.checkpoints]


def test_merge_says_what_is_wrong_with_its_use(
    results: list[str], tmp_path: Path, capsys: Captured
) -> None:
    target = str(tmp_path / "report.json")
    assert invoke(["report", "merge", *results, "--sha", "main", "-o", target]) == 2
    assert invoke(["report", "merge", *results]) == 2
    assert invoke(["report", "merge", *results, "-o", str(tmp_path / "no" / "where")]) == 1
    assert "cannot write" in capsys.readouterr().err


def test_show_prints_what_to_do_and_its_exit_code_is_the_verdict(
    tmp_path: Path, capsys: Captured
) -> None:
    gates = (
        GateResult("export", "failed", (ERROR,), "tito gate export"),
        GateResult("protection", "passed", (), "tito gate protection"),
    )
    state = CheckpointResult("01_a", "Can I?", "to run again")
    assert invoke(["report", "show", stored(tmp_path, *gates, checkpoints=(state,))]) == 1
    told = capsys.readouterr().out
    for part in (
        "export: ✗ failed: 1 to mend\n",
        "✗ error  tinytorch/a.py:3  cell c-1\n",
        "  → mend it\n",
        "→ see it again: tito gate export\n",
        "protection: ✓ passed\n",
        "Checkpoints: 0 of 1 passed\n  ↻ to run again: 01 a\n  Next, 01_a: Can I?\n",
        "Fix first\n1. edited\n   tinytorch/a.py:3\n",
        "✗ Not yet: 1 of 2 gates asks for a change\n",
    ):
        assert part in told
    assert "::" not in told
    assert invoke(["report", "show", stored(tmp_path, gates[1])]) == 0


def test_show_annotates_where_it_is_asked_to(tmp_path: Path, capsys: Captured) -> None:
    file = stored(tmp_path, GateResult("export", "failed", (ERROR,), "tito gate export"))
    assert invoke(["report", "show", file, "--annotations"]) == 1
    annotation = "::error file=tinytorch/a.py,line=3,title=package-edited%2C cell c-1::edited%0A"
    assert annotation in capsys.readouterr().out


def test_show_appends_the_summary_and_keeps_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    file = stored(tmp_path, GateResult("export", "failed", (ERROR,), "tito gate export"))
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    assert invoke(["report", "show", file, "--summary"]) == 1
    assert "GITHUB_STEP_SUMMARY" in capsys.readouterr().err
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert invoke(["report", "show", file]) == 1
    assert summary.read_text(encoding="utf-8") == "before\n"
    assert invoke(["report", "show", file, "--summary"]) == 1
    assert summary.read_text(encoding="utf-8").startswith(
        "before\n### ✗ Not yet: 1 of 1 gate asks for a change\n"
    )
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    assert invoke(["report", "show", file, "--summary"]) == 1
    assert "cannot write the summary" in capsys.readouterr().err


def test_a_summary_leaves_room_for_what_the_step_wrote_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    many = tuple(
        Finding("r", "error", f"{n}.py", 1, "\n".join(["x" * 190] * 20)) for n in range(200)
    )
    file = stored(tmp_path, GateResult("export", "failed", many, "tito gate export"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    for _ in range(3):
        assert invoke(["report", "show", file, "--summary"]) == 1
    assert 600_000 < summary.stat().st_size <= 1024 * 1024


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[" * 100_000, b" " * 5_000_000])
def test_show_refuses_what_is_no_report(tmp_path: Path, data: bytes, capsys: Captured) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(data)
    assert invoke(["report", "show", str(file)]) == 1
    told = capsys.readouterr()
    assert (told.out, "Traceback" in told.err) == ("", False)
    assert invoke(["report", "show", str(tmp_path / "missing.json")]) == 1


COMMANDS = st.sampled_from(
    ["\n::error::planted", "\r::add-mask::x", "::stop-commands::x\n", "##[error]planted", "::x::"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(texts=st.lists(COMMANDS | st.text(max_size=30), min_size=6, max_size=6))
def test_the_runner_takes_no_command_from_what_others_wrote(
    texts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    rule, path, message, hint, cell, gate = texts
    wrong = Finding(rule, "error", path, 1, message, hint, cell)
    state = CheckpointResult(message, hint, "passed")
    file = stored(tmp_path, GateResult(gate, "failed", (wrong,), hint), checkpoints=(state,))
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    capsys.readouterr()
    assert invoke(["report", "show", file, "--annotations", "--summary"]) == 1
    told = capsys.readouterr()
    assert told.err == ""
    assert obeyed(told.out) == ["error"]  # the annotation of the one finding


def obeyed(output: str) -> list[str]:
    """The commands that GitHub's runner would take from this output, as it reads it."""
    found, word = [], ""
    for line in re.split(r"\r\n|\r|\n", output):
        text = line.strip()
        if word:
            word = "" if text == f"::{word}::" else word
        elif match := re.match(r"::stop-commands::(\w{32})$", text):
            word = match[1]
        elif match := re.match(r"::([\w-]+)", text):
            found.append(match[1])
        elif "##[" in text:
            found.append("##[")
    return found


def test_merge_too_lets_nobody_else_give_commands(
    results: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    file = tmp_path / "forged.json"
    file.write_bytes(encode(GateResult("x\n::error::planted", "passed", (), "")))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert invoke(["report", "merge", *results, str(file), "-o", str(tmp_path / "r.json")]) == 1
    told = capsys.readouterr().out
    assert "planted" in told
    assert obeyed(told) == []
