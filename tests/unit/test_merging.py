"""Results of gates become one report: what is missing, broken, doubled or made up is not green."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tito import merging
from tito.errors import TitoError, UsageError
from tito.merging import merge, read_bounded, read_checkpoints
from tito.report import LARGEST_RESULT, Finding, GateResult, decode_report, encode

ERROR = Finding("rule", "error", "a.py", 3, "wrong", "mend it")
EXPECTED = ("export", "protection")


def written(folder: Path, result: GateResult, name: str = "") -> Path:
    file = folder / f"{name or result.gate}.json"
    file.write_bytes(encode(result))
    return file


def passed(gate: str, *findings: Finding) -> GateResult:
    return GateResult(gate, "passed", findings, f"tito gate {gate}")


def test_all_there_and_passed_is_green_and_in_the_expected_order(tmp_path: Path) -> None:
    files = [written(tmp_path, passed(name)) for name in reversed(EXPECTED)]
    report = merge(files, expected=EXPECTED, sha="a" * 40, head="b" * 64)
    assert report.status == "passed"
    assert [gate.gate for gate in report.gates] == list(EXPECTED)
    assert (report.sha, report.head) == ("a" * 40, "b" * 64)


def test_a_missing_gate_is_an_error_in_its_place(tmp_path: Path) -> None:
    report = merge([written(tmp_path, passed("protection"))], expected=EXPECTED)
    assert [(gate.gate, gate.status) for gate in report.gates] == [
        ("export", "error"),
        ("protection", "passed"),
    ]
    assert report.status == "error"
    assert "left no result" in report.gates[0].findings[0].message
    assert report.gates[0].reproduce == "tito gate export"


@pytest.mark.parametrize("data", [None, b"", b"{}", b"\xff", b"[" * 100_000, b" " * 5_000_000])
def test_an_unreadable_result_is_an_error_in_its_place(tmp_path: Path, data: bytes | None) -> None:
    file = tmp_path / "export.json"
    if data is not None:
        file.write_bytes(data)
    report = merge([file, written(tmp_path, passed("protection"))], expected=EXPECTED)
    assert [(gate.gate, gate.status) for gate in report.gates] == [
        ("export", "error"),
        ("protection", "passed"),
    ]
    assert "export.json" in report.gates[0].findings[0].message


def test_a_result_under_the_name_of_another_gate_helps_nobody(tmp_path: Path) -> None:
    """Student code can write into its own job's results."""
    export = written(tmp_path, GateResult("export", "failed", (ERROR,), ""))
    forged = written(tmp_path, passed("export"), "integration")
    report = merge([export, forged], expected=("export", "integration"))
    assert {gate.gate: gate.status for gate in report.gates} == {
        "export": "error",
        "integration": "error",
    }
    assert "2 results claim" in report.gates[0].findings[0].message


def test_a_result_that_nobody_asked_for_is_not_green(tmp_path: Path) -> None:
    report = merge([written(tmp_path, passed("other"))], expected=())
    assert report.status == "error"
    assert "nobody asked" in report.gates[0].findings[0].message


def test_a_result_that_contradicts_itself_is_not_green(tmp_path: Path) -> None:
    report = merge([written(tmp_path, passed("export", ERROR))], expected=("export",))
    assert report.status == "error"


def test_a_failed_gate_fails_the_report(tmp_path: Path) -> None:
    result = GateResult("export", "failed", (ERROR,), "tito gate export")
    report = merge([written(tmp_path, result)], expected=("export",))
    assert (report.status, report.gates) == ("failed", (result,))


def test_nothing_at_all_is_not_green() -> None:
    assert merge([], expected=()).status == "error"


def test_a_report_can_be_read_again_however_much_was_found(tmp_path: Path) -> None:
    files = []
    for name in EXPECTED:
        many = tuple(Finding("r", "warning", f"{n}.py", n, "x" * 1000) for n in range(1100))
        long = Finding("r", "error", "b.py", 1, "x" * 3000)
        result = GateResult(name, "failed", (*many, long, ERROR), "tito gate")
        files.append(written(tmp_path, result))
        assert files[-1].stat().st_size < LARGEST_RESULT
    report = merge(files, expected=EXPECTED)
    assert decode_report(encode(report)) == report
    for gate in report.gates:
        assert gate.findings[0] == ERROR
        assert gate.findings[-1].message == "102 more findings are not shown"
        assert gate.status == "failed"
        assert len(gate.findings[1].message) == 2000
        assert all(len(finding.message) <= 2000 for finding in gate.findings)


def test_fewer_findings_are_kept_where_the_report_would_be_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = tuple(Finding("r", "error", f"{n}.py", n, "x" * 100) for n in range(900))
    file = written(tmp_path, GateResult("export", "failed", many, "tito gate export"))
    monkeypatch.setattr(merging, "LARGEST_RESULT", file.stat().st_size)
    (gate,) = merge([file], expected=("export",), sha="a" * 40).gates
    assert gate.findings[-1].message == "700 more findings are not shown"


@pytest.mark.parametrize("value", ["main", "A" * 40, "a" * 39, "a" * 40 + "\n", "--x"])
def test_what_is_no_commit_is_wrong_use(value: str) -> None:
    with pytest.raises(UsageError, match="no commit hash"):
        merge([], expected=(), sha=value)
    with pytest.raises(UsageError, match="no commit hash"):
        merge([], expected=(), head=value)


def test_a_folder_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(TitoError, match="cannot be read"):
        read_bounded(tmp_path)


ENTRY = {"checkpoint": "01_a", "question": "Can I?", "state": "passed", "waits_for": ["02_b"]}


def test_checkpoints_are_read_as_their_status_is_written(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints.json"
    file.write_text(json.dumps([ENTRY]), encoding="utf-8")
    (found,) = read_checkpoints(file)
    assert (found.checkpoint, found.question, found.state) == ("01_a", "Can I?", "passed")
    assert merge([], expected=(), checkpoints=[found]).checkpoints == (found,)


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '[{"checkpoint": "x"}]', json.dumps([{**ENTRY, "state": "green"}])]
)
def test_what_is_no_list_of_checkpoints_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "checkpoints.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(TitoError, match="no list of checkpoints"):
        read_checkpoints(file)
