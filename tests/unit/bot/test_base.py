"""What the statuses of the base commit tell, and what has become of a gate since."""

from __future__ import annotations

import pytest

from bot.base import Before, change, known_at_base
from bot.model import Status
from bot.status import statuses
from tests.unit.bot.subjects import COULD_NOT, FAILED, GOOD, SYNTAX, TRACE, report
from tito.report import judge


def test_what_one_run_writes_the_next_one_reads() -> None:
    judged = report(judge("export", [SYNTAX, TRACE], ""), COULD_NOT)
    assert known_at_base(statuses(judged, FAILED, "u")) == {
        "export": Before("failed", 2),
        "protection": Before("passed"),
        "integration": Before("error"),
        "verdict": Before("failed"),
    }


@pytest.mark.parametrize(
    ("status", "known"),
    [
        (Status("tito/export", "failure", "3 to mend", ""), {"export": Before("failed", 3)}),
        (
            Status("tito/export", "failure", "3 to mend, says @ann", ""),
            {"export": Before("failed")},
        ),
        (Status("tito/export", "failure", "9999999 to mend", ""), {"export": Before("failed")}),
        (Status("tito/export", "pending", "3 to mend", ""), {}),
        (Status("ci/export", "failure", "3 to mend", ""), {}),
        (Status("export", "failure", "3 to mend", ""), {}),
    ],
)
def test_a_status_tells_a_state_and_a_number(status: Status, known: dict[str, Before]) -> None:
    assert known_at_base([status]) == known


def test_the_newest_status_counts() -> None:
    newest, older = (Status("tito/export", state, "", "") for state in ("success", "failure"))
    assert known_at_base([newest, older]) == {"export": Before("passed")}


def test_only_what_failed_both_times_is_counted() -> None:
    assert change(COULD_NOT, {"integration": Before("error", 7)}) == "as before"
    assert change(GOOD[0], {"export": Before("passed", 7)}) == "as before"
