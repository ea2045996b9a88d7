"""`make demo` judges three branches, and its exit code says whether the verdicts are right."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.demo import BRANCHES, as_expected
from tests.conftest import ROOT
from tito.report import Finding, GateResult


@pytest.mark.slow
def test_the_demo_gives_one_green_and_two_red(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    command = [sys.executable, "-m", "bot.demo"]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("✓ gate export: passed") == 1
    assert done.stdout.count("✗ gate export: failed") == 2
    assert "03_activations/activations_dev.py:" in done.stdout
    assert "tinytorch/core/tensor.py:" in done.stdout
    assert "cell tensor-add" in done.stdout
    assert "reproduce it: git switch fix/typo && tito gate export" in done.stdout


def result(status: str, *rules: str) -> GateResult:
    findings = tuple(Finding(rule, "error", "a.py", 1, "m") for rule in rules)
    return GateResult("export", status, findings, "")  # type: ignore[arg-type]


def test_a_wrong_verdict_or_a_wrong_reason_is_noticed() -> None:
    good, typo, _ = BRANCHES
    assert as_expected(good, result("passed"))
    assert not as_expected(good, result("failed", "export-syntax"))
    assert as_expected(typo, result("failed", "export-syntax"))
    assert not as_expected(typo, result("passed"))
    assert not as_expected(typo, result("failed", "export-target"))
    assert not as_expected(typo, result("failed", "export-syntax", "export-target"))
    assert not as_expected(typo, result("error", "export-syntax"))
    assert not as_expected(replace(good, expected="failed"), result("passed"))
