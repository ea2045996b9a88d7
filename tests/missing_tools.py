"""With CI=true, a test that is skipped because its tool is missing fails.

Elsewhere such a skip is fine and `-rs` lists it. A skip for another reason, such as the system a
test is about, is left alone. A missing tool shows in the reason: `pytest.importorskip` words it
as "could not import", and a skip of our own begins with "missing: ", as in "missing: chromium".
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TypeVar

import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _judged((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _judged((yield))


def _judged(report: Report) -> Report:
    if os.environ.get("CI") != "true" or not report.skipped:
        return report
    if not isinstance(report.longrepr, tuple):
        return report
    path, line, reason = report.longrepr
    reason = reason.removeprefix("Skipped: ")
    if reason.startswith(("missing: ", "could not import")):
        report.outcome = "failed"
        report.longrepr = f"{path}:{line}: skipped, and CI must not: {reason}"
    return report
