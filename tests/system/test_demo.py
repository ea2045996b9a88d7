"""`make demo`: three pull requests from push to comment; its exit code says whether all is right."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from tests.conftest import ROOT

demo = pytest.importorskip("bot.demo", reason="could not import what the demo needs")


@pytest.mark.slow
def test_the_demo_gives_one_green_and_two_red() -> None:
    command = [sys.executable, "-m", "bot.demo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✓ improve/prose: success" in done.stdout
    assert "✗ fix/typo: failure" in done.stdout
    assert "✗ fix/by-hand: failure" in done.stdout
    assert done.stdout.count("<!-- tito-report") == 3
    assert "modules/source/03_activations/activations_dev.py:" in done.stdout
    assert "✓ the verdicts are the expected ones" in done.stdout


def judged(verdict: str, *comments: str) -> object:
    return demo.Judged(verdict, {"tito/verdict": verdict}, comments)


def test_a_wrong_verdict_or_a_wrong_reason_is_noticed() -> None:
    good, typo, _ = demo.BRANCHES
    told, praised = " ".join(typo.said), " ".join(good.said)
    assert demo.faults(good, judged("success", praised)) == []
    assert demo.faults(good, judged("success", praised.replace("as before", "not known there")))
    assert demo.faults(typo, judged("failure", told)) == []
    assert demo.faults(good, judged("failure", praised))
    assert demo.faults(typo, judged("success", told))
    assert demo.faults(typo, judged("failure", "something else"))
    assert demo.faults(typo, judged("failure"))
    assert demo.faults(typo, judged("failure", told, told))
    assert demo.faults(typo, replace(judged("failure", told), statuses={}))
