"""A push to `main` is judged by the real workflows, and a pull request is then compared with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openapi_core")
pytest.importorskip("github")

from bot import act
from bot.laptop import NAME, Laptop, Opened, laptop
from bot.localhub.state import WorkflowRun
from tests.conftest import ROOT
from tests.workflows.test_pull_request_workflow import GATES, replaced
from tito.report import GateResult, Report, decode_report, encode

LOCKED = "tests/checkpoints/checkpoint_00_environment.py"
EDIT = ("tinytorch/core/tensor.py", "        return x + y\n", "        return x - y\n")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Laptop]:
    if act.program() is None:
        pytest.skip("missing: act")
    with laptop(ROOT, tmp_path) as made:
        yield made
        assert made.hub.violations == []


def judged_good(machine: Laptop, opened: Opened) -> WorkflowRun:
    """A run that has passed every gate, and what it has stored."""
    sha, branch = opened.pull.head_sha, opened.pull.branch
    recorded = machine.hub.repository(NAME).workflow_run(head_sha=sha, branch=branch)
    recorded.job("verdict", "success")
    folder = machine.runner.folder / f"artifacts/{recorded.id}/tito-report"
    folder.mkdir(parents=True)
    gates = tuple(GateResult(gate, "passed", (), f"tito gate {gate}") for gate in GATES)
    (folder / "report.json").write_bytes(encode(Report(gates, head=sha)))
    return recorded


@pytest.mark.slow
def test_a_pull_request_is_compared_with_what_was_pushed_to_main(machine: Laptop) -> None:
    repository, (file, right, wrong) = machine.repository, EDIT
    before = repository.git("rev-parse", "main")
    for change in (replaced(LOCKED, '"""Can I', '"""May I'), replaced(file, right, wrong)):
        change(repository.folder)
        repository.commit("One of two commits that are pushed at once")

    pushed = machine.judge_main(before)
    assert machine.report(pushed).jobs == {"report": "success"}
    assert pushed.conclusion == "failure"
    states = dict.fromkeys((*GATES, "verdict"), "failure")
    assert machine.statuses(pushed.head_sha) == {f"tito/{name}": s for name, s in states.items()}
    stored = machine.runner.folder / f"artifacts/{pushed.id}/tito-report/report.json"
    (protection,) = [g for g in decode_report(stored.read_bytes()).gates if g.gate == "protection"]
    # Both commits count, and the policy for branches has nothing to say of `main`.
    found = {(each.rule, each.path) for each in protection.findings}
    assert found == {("package-edited", file), ("protection-locked", LOCKED)}

    # Judged already: the demo runs the first workflow on pull requests too.
    opened = machine.open("fix/by-hand", replaced(file, wrong, right))
    mended = judged_good(machine, opened)
    assert machine.report(mended).jobs == {"report": "success"}
    (comment,) = machine.comments(opened)
    for gate in GATES:
        assert f"| {gate} | ✓ passed | mended |" in comment.body
