"""What an artifact unpacks into: the workflow's own step keeps one file or nothing, the bot reads one."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from bot.verdict import Unreadable, read_report
from tests.conftest import ROOT
from tests.hostile.artifacts import NAME, NOT_KEPT, SECRET, good
from tests.hostile.reports import REPORT
from tito.report import Report

STEP = "Keep one file of the expected name, kind and size"

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="missing: bash")


@pytest.fixture(scope="module")
def script() -> str:
    """The step of report.yml as it stands."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/report.yml").read_text("utf-8"))
    (step,) = [each for each in workflow["jobs"]["report"]["steps"] if each.get("name") == STEP]
    text: str = step["run"]
    return text


def kept(script: str, folder: Path, make: Callable[[Path], None]) -> Path:
    """Run the step where `make` has unpacked the artifact. Returns where the report should be."""
    fetched = folder / "fetched"
    fetched.mkdir()
    (folder / "secret.json").write_text(json.dumps(REPORT | {"sha": SECRET}), encoding="utf-8")
    make(fetched)
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=folder,
        env={"PATH": "/usr/bin:/bin", "RUNNER_TEMP": str(folder)}, capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == b"" or b"No such file" in done.stderr
    return folder / "report" / NAME


@pytest.mark.parametrize("name", NOT_KEPT)
def test_nothing_is_kept_but_one_small_file(name: str, script: str, tmp_path: Path) -> None:
    file = kept(script, tmp_path, NOT_KEPT[name])
    assert not [*file.parent.iterdir()]
    assert not [*tmp_path.rglob("owned")]
    assert isinstance(read_report(file), Unreadable)


def test_one_small_file_is_kept(script: str, tmp_path: Path) -> None:
    file = kept(script, tmp_path, good)
    assert isinstance(read_report(file), Report)


@pytest.mark.parametrize("name", [name for name in NOT_KEPT if name != "nothing"])
def test_the_bot_itself_reads_no_link_no_pipe_and_no_flood(name: str, tmp_path: Path) -> None:
    """As if the workflow's step were not there."""
    folder = tmp_path / "fetched"
    folder.mkdir()
    (tmp_path / "secret.json").write_text(json.dumps(REPORT | {"sha": SECRET}), encoding="utf-8")
    NOT_KEPT[name](folder)
    found = read_report(folder / NAME)
    if isinstance(found, Report):
        assert (folder / NAME).is_file()
        assert not (folder / NAME).is_symlink()
        assert found.sha != SECRET
