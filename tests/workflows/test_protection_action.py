"""The action `protection`: what it compares with, by the event that started it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tito.report import GateResult, decode

FOLDER = ROOT / ".github/actions/protection"
ZEROS = "0" * 40
PUSH = {"ref": "refs/heads/main", "before": ZEROS}
PULL = {"pull_request": {"head": {"ref": "mine"}}}

Action = Callable[[str, str, object], GateResult]


@pytest.fixture
def action(copy_of_course: Callable[[], Path], tmp_path: Path) -> Action:
    """The action's own script, with the event and the base that it is given."""
    root = copy_of_course()
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    for words in (["init", "-qb", "main"], ["add", "--all", "--force"], ["commit", "-qm", "x"]):
        subprocess.run(["git", *who, *words], cwd=root, check=True)
    (step,) = yaml.safe_load((FOLDER / "action.yml").read_text("utf-8"))["runs"]["steps"]
    tito = tmp_path / "bin/tito"
    tito.parent.mkdir()
    script = f"import sys\n\nsys.path.insert(0, {str(ROOT)!r})\nfrom tito.cli import main\n\nmain()"
    tito.write_text(f"#!{sys.executable}\n{script}\n", encoding="utf-8")
    tito.chmod(0o755)

    def run(name: str, base: str, event: object) -> GateResult:
        file = tmp_path / "event.json"
        file.write_text(json.dumps(event), encoding="utf-8")
        environment = {
            "PATH": f"{tito.parent}:{os.environ['PATH']}",
            "ACTION": str(FOLDER),
            "BASE": base,
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(file),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "RUNNER_TEMP": str(tmp_path),
        }
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, check=False)
        result = decode((tmp_path / "tito-results/protection.json").read_bytes())
        assert (done.returncode == 0) == (result.status == "passed")
        return result

    return run


@pytest.mark.slow
def test_what_it_compares_with(action: Action) -> None:
    new = action("push", ZEROS, PUSH)
    assert (new.status, new.reproduce) == ("passed", "tito gate protection")
    later = action("push", "HEAD", PUSH)
    assert (later.status, later.reproduce) == ("passed", "tito gate protection --base HEAD")
    # Nobody gets past the policy, or past the comparison, with a base that is none.
    assert action("pull_request", ZEROS, PULL).status == "error"
    assert action("push", "", PUSH).status == "error"
    named = action("pull_request", "HEAD", PULL)
    assert [finding.rule for finding in named.findings] == ["policy-branch"]
