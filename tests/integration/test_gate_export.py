"""The export gate on a copy of this very course: what it lets pass and what it stops."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tito.cli import invoke
from tito.errors import TitoError
from tito.gates import export_gate, run_gate
from tito.report import Finding, GateResult, decode

pytestmark = pytest.mark.slow

ADD = "        return x + y\n"


@pytest.fixture
def root(copy_of_course: Callable[[], Path]) -> Path:
    return copy_of_course()


def errors(result: GateResult) -> list[Finding]:
    return [finding for finding in result.findings if finding.severity == "error"]


def change(file: Path, old: str, new: str) -> str:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return file.read_text(encoding="utf-8")


def test_the_course_as_it_stands_passes(root: Path) -> None:
    result = export_gate(root)
    assert errors(result) == []
    assert [f for f in result.findings if f.severity == "warning"] == []
    assert result.status == "passed"


def test_what_is_not_written_is_said(root: Path) -> None:
    notices = [finding.message for finding in export_gate(root).findings]
    assert any("modules not written yet" in text and "20_benchmarking" in text for text in notices)
    assert any("checkpoints not written yet" in text and "15_capstone" in text for text in notices)


def test_an_edit_by_hand_names_the_place_in_the_source(root: Path) -> None:
    text = change(root / "tinytorch/core/tensor.py", ADD, ADD.replace("+", "-"))
    (finding,) = errors(export_gate(root))
    assert finding.rule == "package-edited"
    assert finding.cell == "tensor-add"
    assert text.split("\n")[finding.line - 1].strip() == "return x - y"
    dev = root / "modules/source/02_tensor/tensor_dev.py"
    number = dev.read_text("utf-8").split("\n").index(ADD.rstrip()) + 1
    assert f"tensor_dev.py:{number}" in finding.hint
    assert "tito module export 02" in finding.hint


def test_a_package_older_than_its_source_is_stopped(root: Path) -> None:
    change(root / "modules/source/02_tensor/tensor_dev.py", ADD, ADD.replace("x + y", "y + x"))
    rules = {finding.rule for finding in errors(export_gate(root))}
    # __init__.py holds the hash of every file, so it differs as well.
    assert "package-stale" in rules
    assert rules <= {"package-stale", "package-differs"}


def test_a_missing_and_a_foreign_file_are_stopped(root: Path) -> None:
    (root / "tinytorch/utils/__init__.py").unlink()
    (root / "tinytorch/core/mine.py").write_text("x = 1\n", encoding="utf-8")
    found = {(finding.rule, finding.path) for finding in errors(export_gate(root))}
    assert found == {
        ("package-missing", "tinytorch/utils/__init__.py"),
        ("package-foreign", "tinytorch/core/mine.py"),
    }


def test_bytecode_is_no_foreign_file(root: Path) -> None:
    cache = root / "tinytorch/core/__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "tensor.cpython-311.pyc").write_bytes(b"\0")
    assert errors(export_gate(root)) == []


def test_a_module_taken_out_of_the_package_is_stopped(root: Path) -> None:
    """The prefix ends before the gap; what stands behind it was made by no export of it."""
    (root / "tinytorch/core/tensor.py").unlink()
    found = {finding.path for finding in errors(export_gate(root))}
    assert "tinytorch/core/activations.py" in found


def test_a_syntax_error_is_stopped_with_line_and_cell(root: Path) -> None:
    dev = root / "modules/source/02_tensor/tensor_dev.py"
    text = change(dev, ADD, "        return x +\n")
    finding = next(f for f in errors(export_gate(root)) if f.rule == "export-syntax")
    assert text.split("\n")[finding.line - 1] == "        return x +"
    assert (finding.cell, finding.path) == ("tensor-add", "modules/source/02_tensor/tensor_dev.py")


def test_a_broken_course_file_fails_the_gate(root: Path) -> None:
    change(root / "classroom.yml", 'number: "02"', "number: 02")
    result = export_gate(root)
    assert result.status == "failed"
    assert errors(result)[0].path == "classroom.yml"


def test_a_gate_that_could_not_run_is_never_green(root: Path) -> None:
    def broken(_: object) -> list[Finding]:
        raise ZeroDivisionError("surprise")

    result = run_gate("export", root, broken)
    assert result.status == "error"
    assert "surprise" in result.findings[0].message
    shutil.rmtree(root / "modules")
    assert export_gate(root).status == "error"
    assert run_gate("export", root / "nowhere", broken).status == "error"


def test_the_command_prints_what_to_do_and_writes_json(
    root: Path,
    in_folder: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    in_folder(root)
    file = tmp_path / "result.json"
    assert invoke(["gate", "export", "--json", str(file)]) == 0
    assert "✓ gate export: passed" in capsys.readouterr().out
    assert decode(file.read_bytes()).status == "passed"
    change(root / "tinytorch/core/tensor.py", ADD, ADD.replace("+", "-"))
    assert invoke(["gate", "export", "--json", str(file)]) == 1
    told = capsys.readouterr().out
    assert "✗ error  tinytorch/core/tensor.py:" in told
    assert "cell tensor-add" in told
    assert "see it again: tito gate export" in told
    assert decode(file.read_bytes()).status == "failed"
    assert invoke(["gate", "export", "--json", "-"]) == 1
    assert json.loads(capsys.readouterr().out)["status"] == "failed"


def test_a_result_that_cannot_be_written_is_a_clear_error(
    root: Path, in_folder: Callable[[Path], None], tmp_path: Path
) -> None:
    in_folder(root)
    assert invoke(["gate", "export", "--json", str(tmp_path / "no" / "folder.json")]) == 1


def test_outside_a_course_the_gate_says_so(
    tmp_path: Path, in_folder: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    in_folder(tmp_path)
    assert invoke(["gate", "export"]) == 1
    assert "change into the folder of your course" in capsys.readouterr().err
    with pytest.raises(TitoError, match="classroom"):
        export_gate_root(tmp_path)


def export_gate_root(folder: Path) -> Path:
    from tito.course import find_root

    return find_root(folder)
