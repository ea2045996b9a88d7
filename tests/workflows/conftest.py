"""A runner of workflows per test."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import act
from tests.conftest import ROOT


@pytest.fixture
def runner(tmp_path: Path) -> act.Act:
    """`act`, in a folder of this test. Skipped where it is not installed."""
    program = act.program()
    if program is None:
        pytest.skip("missing: act")
    return act.Act(tmp_path / "runner", program, ROOT)


@pytest.fixture
def repository(tmp_path: Path) -> act.Repository:
    """This course as it is now, in a git repository of its own."""
    return act.Repository(ROOT, tmp_path / "repository")
