"""The workflow that students get keeps our rules, and starts for what its course asks for alone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from bot.classroom import workflow
from bot.classroom.workflow import PATH, student_workflow
from tests.conftest import ROOT
from tests.small_class import FIRST, SECOND, small_course
from tests.workflows import rules
from tests.workflows.linters import BIN, LINTERS, extract, lint
from tests.workflows.rules import File
from tito.course import Course, load
from tito.errors import TitoError, UsageError

TOOLS, SHA = "acme/tools", "c0" * 20
PACKAGE = "tinytorch/**"
MIXES = {
    ("push", "push"): {"branches": ["main"], "tags": ["submit/first", "submit/second"], "paths": [FIRST, SECOND, PACKAGE]},
    ("push", "tag"): {"branches": ["main"], "tags": ["submit/first", "submit/second"], "paths": [FIRST, PACKAGE]},
    ("off", "push"): {"branches": ["main"], "tags": ["submit/second"], "paths": [SECOND, PACKAGE]},
    ("tag", "off"): {"tags": ["submit/first"]},
    ("off", "off"): None,
}  # fmt: skip


def rendered(course: Course) -> str:
    return student_workflow(course, TOOLS, SHA).decode()


def triggers(text: str) -> dict[str, Any]:
    content = yaml.safe_load(text)
    found: dict[str, Any] = content.get("on", content.get(True))
    return found


@pytest.mark.parametrize("mix", MIXES)
def test_it_starts_for_what_the_assignments_want(mix: tuple[str, str], tmp_path: Path) -> None:
    found = triggers(rendered(small_course(tmp_path, first=mix[0], second=mix[1])))
    wanted = MIXES[mix]
    assert found == {"push": wanted, "workflow_dispatch": None} if wanted else {"workflow_dispatch": None}  # fmt: skip
    assert "workflow_dispatch" in found


def test_a_course_without_assignments_runs_every_module_on_a_push(tmp_path: Path) -> None:
    course = msgspec.structs.replace(small_course(tmp_path), assignments=())
    assert triggers(rendered(course))["push"] == {
        "branches": ["main"],
        "paths": [FIRST, SECOND, PACKAGE],
    }


@pytest.mark.parametrize(("limit", "minutes"), [(15, "12"), (5, "2.5"), (1, "0.5"), (60, "57")])
def test_the_tests_end_before_the_job(tmp_path: Path, limit: int, minutes: str) -> None:
    course = small_course(tmp_path)
    classroom = msgspec.structs.replace(course.classroom, run_minutes=limit)
    text = rendered(msgspec.structs.replace(course, classroom=classroom))
    (job,) = yaml.safe_load(text)["jobs"].values()
    assert job["timeout-minutes"] == limit
    assert job["steps"][-1]["with"] == {"minutes": minutes}


def test_it_keeps_our_own_rules() -> None:
    """All but that no push is cut off: minutes cost, and the newest push is what counts."""
    text = rendered(load(ROOT))
    assert text.count(f"{TOOLS}/.github/actions/") == text.count(f"@{SHA}\n") == 2
    for action in ("setup", "feedback"):
        text = text.replace(
            f"{TOOLS}/.github/actions/{action}@{SHA}", f"./.github/actions/{action}"
        )
    found = [fault for rule in rules.RULES for fault in rule(File(PATH, text))]
    assert found == ["what a push started can be cancelled"]
    assert "secrets" not in text
    assert "token" not in text


@pytest.mark.parametrize(
    ("tools", "sha"), [("acme", SHA), ("acme/tools/x", SHA), ("acme/tools", "v1"), ("a/b", SHA[:7])]
)
def test_only_a_full_hash_of_a_repository_is_taken(tools: str, sha: str) -> None:
    with pytest.raises(UsageError):
        student_workflow(load(ROOT), tools, sha)


def test_an_action_that_is_not_pinned_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pins.toml").write_text("[actions]\n", encoding="utf-8")
    monkeypatch.setattr(workflow, "_PINS", tmp_path / "pins.toml")
    with pytest.raises(TitoError, match="actions/checkout is not pinned"):
        rendered(load(ROOT))


@pytest.mark.slow
@pytest.mark.parametrize("linter", LINTERS)
def test_linters_have_no_finding(linter: str, tmp_path: Path) -> None:
    program = {"schemas": "check-jsonschema"}.get(linter, linter)
    if not (BIN / program).is_file():
        pytest.skip(f"missing: {program}")
    folder = tmp_path / "student"
    for place, mix in enumerate([*MIXES][1:4:2] + [*MIXES][4:]):
        text = rendered(small_course(tmp_path / f"{place}", first=mix[0], second=mix[1]))
        file = folder / f".github/workflows/feedback-{place}.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    if linter == "schemas":
        files = sorted(folder.glob(".github/workflows/*"))
        command = [BIN / program, "--builtin-schema", "vendor.github-workflows", *files]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        return
    if linter == "shellcheck":
        assert [*extract(folder, tmp_path)] == [], "it has no script of its own"
        return
    for name in (".gitignore", ".yamllint.yml", ".github/zizmor.yml"):
        shutil.copy(ROOT / name, folder / name)
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    assert lint(linter, folder) == ""
