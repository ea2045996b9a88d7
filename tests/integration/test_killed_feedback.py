"""What a student's run writes, killed after each write, or with every request failing once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openapi_core")
pytest.importorskip("github")

from bot.localhub import LocalHub
from tests.integration.client import Client
from tests.integration.killing import every_request_fails_once
from tests.integration.test_feedback_posting import Posting
from tests.unit.bot.test_feedback_page import GOOD
from tito.report import encode

pytestmark = pytest.mark.slow


@pytest.fixture
def posting(tmp_path: Path) -> Iterator[Posting]:
    (tmp_path / "found.json").write_bytes(encode(GOOD))
    with LocalHub() as hub:
        yield Posting(hub, tmp_path)
        assert hub.violations == []


def told(posting: Posting, kill_after: int = 0) -> int:
    """Post until it is through. Returns how often it was killed."""
    pull, kills, process = posting.open(), 0, [0]
    if kill_after:
        posting.hub.after_write(kill_after, lambda: os.kill(process[0], signal.SIGKILL))
    environment = {**posting.environment(1), "PATH": os.environ["PATH"]}
    arguments = ("feedback", "--result", str(posting.folder / "found.json"))
    with Client() as client:
        for _ in range(3):
            code, output = client.run(
                posting.folder,
                environment,
                *arguments,
                started=lambda number: process.__setitem__(0, number),
            )
            if code != -signal.SIGKILL:
                assert code == 0, output
                break
            kills += 1
    assert len(posting.bodies(pull)) == 1
    assert "### ✓ 2 modules pass" in posting.bodies(pull)[0]
    assert posting.statuses() == [("tito/feedback", "success")]
    return kills


@pytest.mark.parametrize("write", [1, 2])
def test_killed_after_a_write(write: int, posting: Posting) -> None:
    assert told(posting, write) == 1


def test_every_request_is_refused_once(posting: Posting, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = every_request_fails_once(monkeypatch, lost=False)
    assert told(posting) == 0
    assert len(seen) >= 4


def test_every_answer_is_lost_once(posting: Posting, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = every_request_fails_once(monkeypatch, lost=True)
    assert told(posting) == 0
    assert len(seen) >= 4
