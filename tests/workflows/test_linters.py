"""The tools of `make lint` have no finding in our workflows, and each finds a planted one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.workflows.linters import BIN, LINTERS, extract, lint

pytestmark = pytest.mark.slow

PROGRAMS = {"schemas": "check-jsonschema"}

WORKFLOW = ".github/workflows/pull-request.yml"
REPORT = ".github/workflows/report.yml"
SETUP = ".github/actions/setup/action.yml"
PLANTED = [
    ("zizmor", WORKFLOW, "          persist-credentials: false\n", ""),
    ("zizmor", REPORT, "permissions: {}\n\n", ""),
    ("zizmor", REPORT, ' # to write the comment', ''),
    ("zizmor", WORKFLOW, '--head "$HEAD"', '--head "${{ github.head_ref }}"'),
    ("zizmor", SETUP, "${{ inputs.requirements }}\n      run: | # zizmor: ignore[github-env]", "${{ inputs.requirements }}\n      run: | #"),
    ("schemas", WORKFLOW, "    runs-on:", "    run-on:"),
    ("schemas", SETUP, "using: composite", "using: composit"),
    ("schemas", ".github/dependabot.yml", "interval: weekly", "interval: sometimes"),
    ("act", WORKFLOW, "timeout-minutes", "timeout-minuts"),
    ("act", WORKFLOW, "needs.static.result", "need.static.result"),
    ("shellcheck", SETUP, '"$ROOT/requirements/$REQUIREMENTS"', "$ROOT/requirements/$REQUIREMENTS"),
    ("shellcheck", WORKFLOW, '--head "$HEAD"', "--head $HEAD"),
    ("shellcheck", ".github/actions/tito.sh", '"$result" ||', "$result ||"),
    ("yamllint", WORKFLOW, "permissions: {}\n\n", "permissions: {}\npermissions: {}\n\n"),
]  # fmt: skip


def needs(linter: str) -> None:
    program = PROGRAMS.get(linter, linter)
    if not (BIN / program).is_file():
        pytest.skip(f"missing: {program}")


@pytest.mark.parametrize("linter", LINTERS)
def test_there_is_no_finding(linter: str) -> None:
    needs(linter)
    assert lint(linter, ROOT) == ""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A repository that holds what the linters look at."""
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    for name in (".yamllint.yml", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path / name)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    return tmp_path


@pytest.mark.parametrize(
    ("linter", "name", "old", "new"),
    PLANTED,
    ids=[f"{linter}-{number}" for number, (linter, *_) in enumerate(PLANTED)],
)
def test_a_planted_fault_is_found(linter: str, name: str, old: str, new: str, copy: Path) -> None:
    needs(linter)
    file = copy / name
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    found = lint(linter, copy)
    assert Path(name).stem in found


def test_every_linter_has_a_planted_fault() -> None:
    assert {linter for linter, *_ in PLANTED} == set(LINTERS)


def test_every_script_is_extracted(tmp_path: Path) -> None:
    texts = [path.read_text(encoding="utf-8") for path in extract(ROOT, tmp_path)]
    files = [*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob(".github/actions/*/action.yml")]
    written = sum(file.read_text(encoding="utf-8").count(" run: ") for file in files)
    assert len(texts) == written
    assert any("python3 -I -m venv" in text for text in texts)
