"""The workflow "Classroom release": who may start what, with which key, and that its commands work."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT, SmallCourse
from tito.course import load

CONTENT = yaml.safe_load(
    (ROOT / ".github/workflows/classroom-release.yml").read_text(encoding="utf-8")
)
JOBS: dict[str, dict[str, Any]] = CONTENT["jobs"]
BIN = Path(sys.executable).parent
CALLS = {name: job["steps"][-1] for name, job in JOBS.items()}


def run(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {"PATH": f"{BIN}{os.pathsep}{os.defpath}", **environment}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder, env=given, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_three_jobs_follow_one_another() -> None:
    assert list(JOBS) == ["publish", "provision", "update"]
    assert [job.get("needs") for job in JOBS.values()] == [None, "publish", "provision"]
    assert set(CONTENT[True]) == {"workflow_dispatch", "schedule"}
    assert CONTENT[True]["workflow_dispatch"]["inputs"]["dry-run"]["default"] is True


def test_an_hour_starts_provisioning_alone_and_only_if_the_variable_says_so() -> None:
    by_hand = "github.event_name == 'workflow_dispatch'"
    assert JOBS["publish"]["if"] == JOBS["update"]["if"] == by_hand
    condition = " ".join(JOBS["provision"]["if"].split())
    assert "github.event_name == 'schedule' && vars.CLASSROOM_PROVISION == 'hourly'" in condition
    assert f"{by_hand} && needs.publish.result == 'success'" in condition


def test_the_key_is_in_an_environment_that_main_alone_may_use_and_people_review() -> None:
    (environment,) = [each for each in load(ROOT).branches.environments if each.name == "classroom"]
    assert (environment.branches, environment.tags) == (("main",), ())
    assert environment.reviewers
    for job in JOBS.values():
        assert job["environment"] == "classroom"
        assert job["permissions"] == {"contents": "read"}
        holding = [step for step in job["steps"] if "secrets." in str(step)]
        assert holding == [job["steps"][-1]], "no other step sees the key"
    assert "GITHUB_TOKEN" not in str(CONTENT)
    assert "github.token" not in str(CONTENT)


@pytest.mark.parametrize(("private", "code"), [("true", 0), ("false", 1)])
def test_a_public_repository_holds_no_roster(tmp_path: Path, private: str, code: int) -> None:
    first = JOBS["provision"]["steps"][0]
    done = run(first["run"], tmp_path, PRIVATE=private)
    assert done.returncode == code
    assert ("::error::This repository is public" in done.stdout) == bool(code)


def test_without_a_dry_run_nothing_is_added_to_the_commands() -> None:
    for name, step in CALLS.items():
        assert step["run"] == f'python -m bot classroom {name} ${{DRY_RUN:+"$DRY_RUN"}}'
        assert step["env"]["DRY_RUN"] == "${{ inputs.dry-run && '--dry-run' || '' }}"


@pytest.fixture
def environment(
    small: SmallCourse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    pytest.importorskip("openapi_core")
    from tests.integration.class_on_hub import world_in

    with world_in(tmp_path_factory.mktemp("world"), small) as world:
        world.release()
        world.roster("ada", "bob")
        yield {**world.environment, "FOLDER": str(world.course.root), "PYTHONPATH": str(ROOT)}
        assert world.hub.writes == []


@pytest.mark.slow
@pytest.mark.parametrize(("job", "said"), [("provision", "work-bob: made"), ("update", "nothing")])
def test_a_dry_run_of_a_job_says_what_it_would_do_and_writes_nothing(
    environment: dict[str, str], job: str, said: str
) -> None:
    folder = Path(environment.pop("FOLDER"))
    done = run(
        CALLS[job]["run"],
        folder,
        **{**environment, "PATH": f"{BIN}:{environment['PATH']}"},
        DRY_RUN="--dry-run",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert said in done.stdout
