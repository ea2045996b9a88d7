"""A status for each gate and one for the verdict; none that is there already."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model import Status
from bot.status import LONGEST_DESCRIPTION, newest, statuses, to_write, written_later
from bot.verdict import Unreadable, Verdict
from tests.unit.bot.subjects import COULD_NOT, FAILED, PASSED, RUN, SYNTAX, URL, report
from tito.report import GateResult, judge


def shown(found: list[Status]) -> dict[str, tuple[str, str]]:
    assert {status.url for status in found} == {URL}
    return {status.context: (status.state, status.description) for status in found}


def test_every_gate_and_the_verdict_have_one() -> None:
    assert shown(statuses(report(), PASSED, URL)) == {
        "tito/export": ("success", "passed"),
        "tito/protection": ("success", "passed"),
        "tito/integration": ("success", "passed"),
        "tito/verdict": ("success", "every gate passed"),
    }


def test_a_gate_that_could_not_run_is_an_error_and_a_failed_one_counts() -> None:
    gates = report(judge("export", [SYNTAX], ""), COULD_NOT, GateResult("wheel", "failed", (), ""))
    found = shown(statuses(gates, FAILED, URL))
    assert found["tito/export"] == ("failure", "1 to mend")
    assert found["tito/integration"] == ("error", "could not run, which counts as failed")
    assert found["tito/wheel"] == ("failure", "failed")
    assert found["tito/verdict"] == ("failure", "not yet: the run's summary says what to do next")


def test_a_report_that_the_verdict_contradicts_is_not_believed() -> None:
    found = shown(statuses(report(), Verdict("error", "the report says passed"), URL))
    assert {state for state, _ in found.values()} == {"error"}
    assert found["tito/verdict"] == ("error", "the report says passed")


def test_without_a_report_the_verdict_is_the_only_one() -> None:
    assert shown(statuses(Unreadable("gone"), PASSED, URL)) == {
        "tito/verdict": ("success", "every gate passed")
    }


def test_a_description_keeps_to_the_limit() -> None:
    found = statuses(Unreadable("x"), Verdict("error", "y" * 300), URL)
    assert len(found[0].description) == LONGEST_DESCRIPTION
    assert found[0].description.endswith("…")


def test_only_what_differs_from_the_newest_is_written() -> None:
    old, new = Status("a", "failure", "1", URL), Status("a", "success", "2", URL)
    other = Status("b", "success", "", URL)
    assert newest([new, old, other]) == {"a": new, "b": other}
    assert to_write([new, other], [new, old, other]) == []
    assert to_write([old, other], [new, old]) == [old, other]


RUNS = URL.rpartition("/")[0]
SECOND = replace(RUN, attempt=2)


@pytest.mark.parametrize(
    ("context", "url", "later"),
    [
        ("tito/export", f"{RUNS}/{RUN.id + 1}", True),
        ("tito/export", f"{RUNS}/{RUN.id}/attempts/3", True),
        ("tito/export", f"{RUNS}/{RUN.id}/attempts/2", False),
        ("tito/export", f"{RUNS}/{RUN.id}", False),
        ("tito/export", f"{RUNS}/{RUN.id - 1}/attempts/9", False),
        ("ci/export", f"{RUNS}/{RUN.id + 1}", False),
        ("tito/export", f"https://elsewhere.example/actions/runs/{RUN.id + 1}", False),
        ("tito/export", f"{RUNS}/{RUN.id + 1}/job/3", False),
        ("tito/export", "", False),
    ],
)
def test_a_newer_run_is_known_by_its_address(context: str, url: str, later: bool) -> None:
    present = [Status("tito/verdict", "success", "", URL), Status(context, "success", "", url)]
    assert written_later(present, SECOND) == later
