"""A skip for a missing tool fails in CI, and there alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

INSIDE = """
import pytest

def test_module(): pytest.importorskip("no_such_module")

@pytest.mark.skipif(True, reason="missing: act")
def test_tool(): pass

@pytest.mark.skipif(True, reason="needs fork")
def test_system(): pass
"""
WHOLE_FILE = 'import pytest\npytest.importorskip("no_such_module")\n'


def outcome(folder: Path, ci: str) -> tuple[int, str]:
    (folder / "test_inside.py").write_text(INSIDE, encoding="utf-8")
    (folder / "test_whole_file.py").write_text(WHOLE_FILE, encoding="utf-8")
    settings = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.missing_tools", "-c", os.devnull,
         "--continue-on-collection-errors", "."],
        cwd=folder, env=settings, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_in_ci_it_fails_with_its_reason(tmp_path: Path) -> None:
    code, said = outcome(tmp_path, "true")
    assert code != 0
    assert "skipped, and CI must not: missing: act" in said
    assert "skipped, and CI must not: could not import 'no_such_module'" in said
    assert "1 failed, 1 skipped, 2 errors" in said  # in the test, on another system, at import


@pytest.mark.parametrize("ci", ["", "false"])
def test_elsewhere_it_is_a_skip(tmp_path: Path, ci: str) -> None:
    code, said = outcome(tmp_path, ci)
    assert code == 0
    assert "4 skipped" in said
