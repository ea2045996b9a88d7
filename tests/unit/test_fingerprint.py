"""`tito --fingerprint`: the same for the same tito, another for any other."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tito.cli import invoke
from tito.fingerprint import own


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of tito, as another checkout holds it."""
    ignored = shutil.ignore_patterns("__pycache__")
    return shutil.copytree(ROOT / "tito", tmp_path / "tito", ignore=ignored)


def test_the_command_prints_the_hash_of_the_tito_that_runs(
    capsys: pytest.CaptureFixture[str], copy: Path
) -> None:
    assert invoke(["--fingerprint"]) == 0
    assert capsys.readouterr().out == own(copy) + "\n"


def test_what_running_leaves_behind_and_line_ends_change_nothing(copy: Path) -> None:
    before = own(copy)
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__/gates.cpython-310.pyc").write_bytes(b"compiled")
    file = copy / "gates.py"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert own(copy) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda tito: (tito / "cli/gate.py").write_text("command = None\n"),
        lambda tito: (tito / "extra.py").touch(),
        lambda tito: (tito / "report.py").rename(tito / "reports.py"),
        lambda tito: (tito / "classroom.schema.json").unlink(),
    ],
    ids=["changed", "added", "renamed", "removed"],
)
def test_another_tito_has_another_hash(copy: Path, change: Callable[[Path], object]) -> None:
    before = own(copy)
    change(copy)
    assert own(copy) != before


def test_a_python_without_any_package_can_ask(copy: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import tito.fingerprint as f; print(f.own())"
    )
    command = [sys.executable, "-I", "-S", "-c", program, str(copy.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == own(copy) + "\n"
