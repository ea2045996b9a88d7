"""The workflow "Pull request", run by act: only a course that passes every gate is green."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.act import Act, Repository, Run
from tests.conftest import ROOT
from tito.course import load
from tito.report import Finding, Report, decode_report
from tito.summary import all_findings

pytestmark = pytest.mark.slow

DEV = "modules/source/03_activations/activations_dev.py"
GATES = ("export", "protection", "integration")
GREEN = {"static": "success", "integration": "success", "verdict": "success"}
INTEGRATION = ".github/actions/integration/action.yml"
WORKFLOW = ".github/workflows/pull-request.yml"

Change = Callable[[Path], object]


def replaced(name: str, old: str, new: str) -> Change:
    """A change of one place in one file."""

    def change(root: Path) -> None:
        file = root / name
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


PROSE = replaced(DEV, "\n# Module 03", "\n<!-- Read on paper first. -->\n# Module 03")


class Judge:
    """Opens one pull request and lets the workflow judge it."""

    def __init__(self, repository: Repository, runner: Act) -> None:
        self.repository, self.runner = repository, runner

    def __call__(
        self,
        change: Change,
        event: str = "pull_request",
        *,
        branch: str = "fix/it",
        labels: Sequence[str] = (),
        event_data: Mapping[str, Any] | None = None,
    ) -> Run:
        self.payload: dict[str, Any] = self.repository.pull_request(branch, change)
        self.payload["pull_request"]["labels"] = [{"name": name} for name in labels]
        # As after a push to the branch: what that was before is not what it is compared with.
        self.payload["before"] = self.payload["pull_request"]["head"]["sha"]
        self.payload |= event_data or {}
        if event == "merge_group":
            base = self.repository.git("rev-parse", "main")
            self.payload = {"merge_group": {"base_sha": base, "head_ref": "refs/heads/queue"}}
        return self.runner.run(self.repository.folder, "pull-request.yml", event, self.payload)


@pytest.fixture
def judge(repository: Repository, runner: Act) -> Judge:
    return Judge(repository, runner)


def report(run: Run) -> Report:
    """The one file of the one artifact that others read."""
    files = run.files("tito-report")
    assert set(files) == {"report.json"}
    return decode_report(files["report.json"])


def statuses(run: Run) -> dict[str, str]:
    return {gate.gate: gate.status for gate in report(run).gates}


def errors(run: Run) -> list[Finding]:
    return [finding for finding in all_findings(report(run)) if finding.severity == "error"]


def test_a_good_branch_is_green(judge: Judge) -> None:
    run = judge(PROSE)
    assert run.jobs == GREEN, run.log
    assert report(run).status == "passed"
    assert tuple(statuses(run)) == GATES
    assert report(run).sha == judge.repository.git("rev-parse", "HEAD")
    assert report(run).head == judge.payload["pull_request"]["head"]["sha"]
    assert {each.state for each in report(run).checkpoints} >= {"passed"}
    assert set(run.files("tito-static")) == {"export.json", "protection.json"}
    assert [level for level, *_ in run.annotations() if level == "error"] == []
    assert "- `✓ passed` 00 environment, " in run.summary()


def test_a_merge_group_is_judged_by_the_same_jobs(judge: Judge) -> None:
    run = judge(PROSE, "merge_group")
    assert run.jobs == GREEN, run.log
    assert report(run).head == ""


def test_a_syntax_error_is_red_and_named_with_file_line_and_cell(judge: Judge) -> None:
    run = judge(replaced(DEV, "def relu(x):", "def relu(x:"))
    assert run.jobs["static"] == run.jobs["verdict"] == "failure"
    assert set(run.jobs) == set(GREEN)
    line = (judge.repository.folder / DEV).read_text("utf-8").split("def relu(x:")[0].count(
        "\n"
    ) + 1
    (found,) = [each for each in errors(run) if each.rule == "export-syntax"]
    assert (found.path, found.line) == (DEV, line)
    assert found.cell.startswith("activations-")
    assert found.hint
    annotated = [properties for level, properties, _ in run.annotations() if level == "error"]
    assert {"file": DEV, "line": str(line)}.items() <= annotated[0].items()


def test_a_hand_edit_of_the_package_is_red(judge: Judge) -> None:
    edit = replaced("tinytorch/core/tensor.py", "        return x + y\n", "        return x - y\n")
    run = judge(edit)
    assert run.jobs["verdict"] == "failure"
    assert set(run.jobs) == set(GREEN)
    failed = {name for name, status in statuses(run).items() if status == "failed"}
    assert {"export", "protection"} <= failed
    (found,) = [each for each in errors(run) if each.rule == "package-edited"]
    assert (found.path, found.cell) == ("tinytorch/core/tensor.py", "tensor-add")
    edited = (judge.repository.folder / found.path).read_text("utf-8").splitlines()
    assert edited[found.line - 1] == "        return x - y"
    assert "modules/source/02_tensor/tensor_dev.py:" in found.hint


def test_a_change_of_what_judges_it_is_said(judge: Judge) -> None:
    run = judge(replaced("tests/checkpoints/checkpoint_00_environment.py", '"""Can I', '"""May I'))
    assert run.jobs == GREEN, run.log
    (found,) = [each for each in all_findings(report(run)) if each.severity == "warning"]
    assert found.path == "tests/checkpoints/checkpoint_00_environment.py"
    annotated = [properties["file"] for level, properties, _ in run.annotations()]
    assert annotated == [found.path]


def test_a_branch_of_another_name_passes_with_the_label_and_names_who_set_it(
    judge: Judge,
) -> None:
    label = load(ROOT).branches.override
    event = {"action": "labeled", "label": {"name": label}, "sender": {"login": "ada"}}
    run = judge(PROSE, branch="my-work", labels=[label], event_data=event)
    assert run.jobs == GREEN, run.log
    found = {each.rule: each for each in all_findings(report(run))}
    assert found["policy-branch"].severity == "warning"
    assert "'my-work'" in found["policy-branch"].message
    assert "set by ada" in found["policy-override"].message
    assert "set by ada" in run.summary()


def before_the_gate(root: Path) -> None:
    replaced(INTEGRATION, 'run: bash "$ACTION/../tito.sh"', 'run: exit 1 # "$ACTION/../gate.sh"')(
        root
    )


def after_the_gate(root: Path) -> None:
    replaced(WORKFLOW, "  verdict:\n", "      - name: Broken\n        run: exit 1\n\n  verdict:\n")(
        root
    )


def never(root: Path) -> None:
    replaced(WORKFLOW, "    needs: static # not", "    needs: static\n    #")(root)
    replaced(WORKFLOW, "    if: ${{ !cancelled() }}\n    runs-on", "    if: false\n    runs-on")(
        root
    )


def in_another_name(root: Path) -> None:
    forged = 'cp "$RUNNER_TEMP/tito-results/integration.json" "$RUNNER_TEMP/tito-results/export.json"; rm "$RUNNER_TEMP/tito-results/integration.json"'
    replaced(
        INTEGRATION,
        "      run: |\n        checkpoints=",
        f"      run: |\n        {forged}\n        checkpoints=",
    )(root)


@pytest.mark.parametrize(
    ("plant", "status"),
    [
        (before_the_gate, "error"),
        (after_the_gate, "passed"),
        (never, "error"),
        (in_another_name, "error"),
    ],
)
def test_an_integration_job_that_breaks_is_never_green(
    judge: Judge, plant: Change, status: str
) -> None:
    """Whether its result is missing, there all the same, never made, or named as another's."""
    # Planted on main: what locks these files is the protection gate, which is not asked here.
    plant(judge.repository.folder)
    judge.repository.commit("Plant a fault")
    run = judge(PROSE)
    assert run.jobs.get("verdict") == "failure", run.log
    assert run.jobs["static"] == "success"
    assert run.jobs.get("integration") != "success" or plant is in_another_name
    assert statuses(run)["integration"] == status
    assert statuses(run)["export"] == "passed"


def test_what_a_student_prints_is_not_obeyed_by_the_runner(judge: Judge) -> None:
    shout = 'print("::error file=classroom.yml::owned")\n    assert False, "\\n::error::owned\\n"\n'
    name = "def test_gelu"
    text = (judge.repository.folder / DEV).read_text(encoding="utf-8")
    signature = text[text.index(name) :].split("\n")[0]
    run = judge(replaced(DEV, f"{signature}\n", f"{signature}\n    {shout}"))
    assert run.jobs["verdict"] == "failure"
    assert statuses(run) == {"export": "passed", "protection": "passed", "integration": "failed"}
    assert [properties.get("file") for _, properties, _ in run.annotations()] == [DEV]
    # act takes a command at the start of a line alone, GitHub's runner behind spaces as well:
    # so it is the word around the output that counts.
    stopped, shouted = "", 0
    for message in run.messages:
        command, text = message.get("command"), message.get("arg", "")
        if command == "stop-commands":
            stopped = text
        elif stopped and command == stopped:
            stopped = ""
        elif command is None and "::owned" in message["msg"]:
            shouted += 1
            assert stopped
    assert shouted >= 2
