"""The label that sets the policy aside: the comment names who set it, as GitHub has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openapi_core")
pytest.importorskip("github")

from bot.localhub import LocalHub
from bot.localhub.labels import set_label
from bot.override import named, overridden
from tests.conftest import ROOT
from tests.integration.posting import GOOD, Posting
from tests.unit.bot.subjects import report as some_report
from tito.course import load
from tito.report import Finding, Report, judge

LABEL = load(ROOT).branches.override
CLAIM = Finding("policy-override", "warning", "classroom.yml", 0, "set by eve", "look")
BRANCH = Finding("policy-branch", "warning", "classroom.yml", 0, "the branch is called x", "")
OVERRIDDEN = some_report(judge("protection", [CLAIM, BRANCH], "tito gate protection"))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Posting]:
    monkeypatch.chdir(ROOT)  # as the workflow, in a checkout of the default branch
    with LocalHub() as hub:
        yield Posting(hub, tmp_path)
        assert hub.violations == []


def test_the_comment_names_who_set_it_and_not_whom_the_report_names(world: Posting) -> None:
    pull = world.open()
    set_label(pull, "bug", "eve")
    set_label(pull, LABEL, "eve")
    set_label(pull, LABEL, "eve", "unlabeled")
    for number in range(120):  # more than a page of other things
        set_label(pull, f"l{number}", "eve")
    set_label(pull, LABEL, "ada")
    world.post(world.run(pull), OVERRIDDEN)
    (body,) = world.bodies(pull)
    assert f"the label '{LABEL}', set by ada" in body
    assert "eve" not in body
    assert "the branch is called x" in body


def test_a_label_that_is_not_there_is_said_to_be_made_up(world: Posting) -> None:
    pull = world.open()
    set_label(pull, LABEL, "ada")
    set_label(pull, LABEL, "ada", "unlabeled")
    world.post(world.run(pull), OVERRIDDEN)
    (body,) = world.bodies(pull)
    assert "on GitHub nobody has set it" in body
    assert "ada" not in body


def test_a_report_without_it_costs_no_request(world: Posting) -> None:
    world.post(world.run(world.open()), GOOD)
    assert not [path for _, path in world.hub.requests if path.endswith("/events")]


def test_only_the_gates_own_finding_is_reworded() -> None:
    other = Finding("policy-branch", "error", "classroom.yml", 0, "x")
    notice = Finding("policy-override", "notice", "classroom.yml", 0, "nothing needs it")
    for report in (GOOD, some_report(judge("protection", [other, notice], "x")), Report(())):
        assert not overridden(report)
        assert named(report, LABEL, lambda _: "ada") is report
    assert named(OVERRIDDEN, "", lambda _: "ada") is OVERRIDDEN
    reworded = named(OVERRIDDEN, LABEL, lambda _: "ada")
    assert [f for gate in reworded.gates for f in gate.findings if f.rule == "policy-branch"] == [
        BRANCH
    ]
