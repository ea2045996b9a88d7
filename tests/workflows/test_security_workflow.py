"""The workflow "Security", as far as it runs without GitHub: its commands find what is planted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

pytestmark = pytest.mark.slow

CONTENT = yaml.safe_load((ROOT / ".github/workflows/security.yml").read_text(encoding="utf-8"))
BIN = Path(sys.executable).parent


def script(job: str) -> str:
    """The one command that the job is for."""
    runs = [step["run"] for step in CONTENT["jobs"][job]["steps"] if "run" in step]
    assert len(runs) == 1
    return str(runs[0])


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{BIN}{os.pathsep}{os.defpath}", "ZIZMOR_OFFLINE": "true"}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_five_tools_look() -> None:
    assert set(CONTENT["jobs"]) == {
        "zizmor", "pip-audit", "dependency-review", "codeql", "scorecard",
    }  # fmt: skip
    used = str(CONTENT)
    for action in ("dependency-review-action", "codeql-action/analyze", "scorecard-action"):
        assert action in used


def test_zizmor_finds_nothing_here_and_fails_on_a_planted_fault(tmp_path: Path) -> None:
    if not (BIN / "zizmor").is_file():
        pytest.skip("missing: zizmor")
    assert run(script("zizmor"), ROOT).returncode == 0
    workflow = tmp_path / ".github/workflows/x.yml"
    workflow.parent.mkdir(parents=True)
    planted = "on: pull_request_target\njobs: {a: {runs-on: x, steps: [{run: 'echo ${{ github.head_ref }}'}]}}\n"
    workflow.write_text(planted, encoding="utf-8")
    found = run(script("zizmor"), tmp_path)
    assert found.returncode != 0
    assert "::error file=.github/workflows/x.yml" in found.stdout


def test_pip_audit_reads_every_lock_file_and_refuses_a_version_without_a_hash(
    tmp_path: Path,
) -> None:
    if not (BIN / "pip-audit").is_file():
        pytest.skip("missing: pip-audit")
    command = script("pip-audit")
    assert "requirements/*.txt" in command
    assert "--require-hashes" in command
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/base.txt").write_text("click==8.1.8\n", encoding="utf-8")
    refused = run(command, tmp_path)  # before it asks anybody
    assert refused.returncode != 0
    assert "click" in refused.stderr
    (tmp_path / "requirements/base.txt").write_text("", encoding="utf-8")
    assert run(command, tmp_path).returncode == 0
