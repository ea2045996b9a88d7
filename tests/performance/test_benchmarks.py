"""What the benchmarks compute and print. Times are measured by them, never asserted here."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks import harness
from benchmarks.__main__ import BENCHMARKS, find
from benchmarks.harness import (
    Comparison,
    Results,
    compare,
    interleaved,
    markdown,
    plot,
    rows,
    show,
)
from tests.nbgrader_course import needs_nbgrader
from tito.errors import TitoError, UsageError
from tito.report import encode

ROOT = Path(__file__).resolve().parents[2]


def comparison(**changes: Any) -> Comparison:
    settings: dict[str, Any] = {
        "ours": ("tito", [1.0, 2.0, 3.0]),
        "theirs": ("other", [10.0, 30.0, 36.0]),
        "want": "at least",
        "limit": 12,
    } | changes
    return compare("export", "all", **settings)


def test_the_ratio_is_the_median_of_the_rounds_ratios() -> None:
    # 10, 15 and 12: neither the ratio of the medians (15) nor of the sums (12.67).
    found = comparison()
    assert found.ratio == 12
    assert (found.ours.median, found.theirs.median, found.rounds) == (2, 30, 3)


def test_at_most_is_ours_over_theirs() -> None:
    found = comparison(ours=("tito", [4.0, 9.0]), theirs=("bare", [1.0, 2.0]), want="at most")
    assert found.ratio == 4.25


@pytest.mark.parametrize(
    ("want", "limit", "reached"),
    [
        ("at least", 12, True), ("at least", 12.01, False),
        ("at most", 1 / 12, True), ("at most", 0.083, False),
    ],
)  # fmt: skip
def test_reached_at_the_limit_and_not_beyond(want: str, limit: float, reached: bool) -> None:
    assert comparison(want=want, limit=limit).reached is reached


def test_rounds_of_different_number_are_no_comparison() -> None:
    with pytest.raises(ValueError, match="longer"):
        comparison(ours=("tito", [1.0]))


def test_rounds_are_interleaved_and_turn_about() -> None:
    called: list[str] = []

    def side(name: str, seconds: float) -> float:
        called.append(name)
        return seconds

    sides = {"a": lambda: side("a", 1.0), "b": lambda: side("b", 2.0)}
    assert interleaved(sides, 3) == {"a": [1.0, 1.0, 1.0], "b": [2.0, 2.0, 2.0]}
    assert "".join(called) == "ab" + "ab" + "ba" + "ab"


@pytest.mark.parametrize("rounds", [0, -1])
def test_no_rounds_are_refused(rounds: int) -> None:
    with pytest.raises(UsageError, match="cannot be measured"):
        interleaved({}, rounds)


def test_the_table_names_both_sides_the_goal_and_the_outcome() -> None:
    results = Results({"cores": "2"}, (comparison(), comparison(limit=20)))
    assert rows(results.comparisons)[0] == (
        "export: all", "tito, 2.00 s", "other, 30.00 s", "12.00×", "≥ 12×", "", "yes",
    )  # fmt: skip
    assert rows(results.comparisons)[1][-3:] == ("≥ 20×", "", "no")
    console = Console(width=120, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    with console.file:
        show(results, console)
    assert "cores 2; rounds: 3" in console.export_text()
    lines = markdown(results).split("\n")
    assert lines[0] == "| what | ours | theirs | ratio | must reach | aim for | reached |"
    assert [line.count("|") for line in lines[:4]] == [8] * 4


def test_the_json_has_its_shape_and_names_no_machine() -> None:
    results = Results(harness.machine(["numpy", "no-such-package"]), (comparison(),))
    data = json.loads(encode(results))
    assert set(data) == {"format", "machine", "comparisons"}
    assert set(data["machine"]) == {
        "system", "processor", "cores", "python", "blas threads", "numpy",
    }  # fmt: skip
    assert data["comparisons"] == [
        {
            "benchmark": "export", "name": "all", "rounds": 3,
            "ours": {"what": "tito", "median": 2.0}, "theirs": {"what": "other", "median": 30.0},
            "ratio": 12.0, "want": "at least", "limit": 12, "aim": None, "reached": True, "unit": "s",
        }
    ]  # fmt: skip
    text = json.dumps(data)
    assert platform.node() not in text
    assert str(Path.home()) not in text


def test_a_comparison_without_a_limit_requires_nothing() -> None:
    told = comparison(limit=None, aim=9.0, want="at most", unit="MB")
    assert told.reached
    (row,) = rows([told])
    assert row[1:3] == ("tito, 2 MB", "other, 30 MB")
    assert row[-3:] == ("", "≤ 9×", "")


def test_the_plot_shows_every_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = Results({"cores": "2"}, (comparison(), comparison(want="at most", limit=None)))
    target = tmp_path / "plot.png"
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(TitoError, match="needs matplotlib"):
        plot(results, target)
    monkeypatch.undo()
    figures = pytest.importorskip("matplotlib.figure")
    drawn = []
    saved = figures.Figure.savefig
    monkeypatch.setattr(
        figures.Figure, "savefig", lambda self, *a, **k: (drawn.append(self), saved(self, *a, **k))
    )
    plot(results, target)
    assert target.read_bytes().startswith(b"\x89PNG")
    names = [label.get_text() for axes in drawn[0].axes for label in axes.get_yticklabels()]
    assert names == ["all: tito / other"] * 2


def test_every_benchmark_can_be_found() -> None:
    if os.environ.get("CI") != "true":
        pytest.importorskip("torch")
    for name in BENCHMARKS:
        module = find(name)
        fewest = 3 if name == "classroom" else 5
        assert fewest <= module.ROUNDS
        assert callable(module.measure)


def test_an_unknown_name_is_told_what_there_is() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "exprt"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "Did you mean 'export'?" in done.stderr
    assert all(name in done.stderr for name in BENCHMARKS)


def test_what_cannot_run_here_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BENCHMARKS, "odd", "no_such_file")
    with pytest.raises(TitoError, match=r"'odd' needs benchmarks\.no_such_file"):
        find("odd")
    if os.environ.get("CI") != "true":
        pytest.importorskip("torch")
    training = find("training")
    monkeypatch.setattr(training, "NEEDED", ("Adam", "NotWritten"))
    with pytest.raises(TitoError, match="lacks NotWritten") as refused:
        training.measure(1)
    assert refused.value.hint == "tito export --all --force"


def test_a_measured_process_that_fails_stops_the_benchmark(tmp_path: Path) -> None:
    with pytest.raises(TitoError, match=r"(?s)ended with code 3.*it broke"):
        harness.run([sys.executable, "-c", "print('it broke'); exit(3)"], folder=tmp_path)


def test_measured_processes_use_one_thread_and_keep_bytecode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "8")
    code = "import os, sys, tito; print(os.environ['OPENBLAS_NUM_THREADS'], end=' ')"
    code += "; print(sys.flags.dont_write_bytecode, tito)"
    said = harness.run([sys.executable, "-c", code], folder=tmp_path)
    assert said.startswith("1 0 ")
    assert str(ROOT / "tito") in said


@pytest.mark.slow
def test_a_short_run_measures_all_of_them(tmp_path: Path) -> None:
    if os.environ.get("CI") != "true":
        pytest.importorskip("nbdev")
        pytest.importorskip("torch")
    target = tmp_path / "results.json"
    quick = [name for name in BENCHMARKS if name != "classroom"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *quick, "--rounds", "1", "--json", str(target)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    data = json.loads(target.read_bytes())
    assert {each["benchmark"] for each in data["comparisons"]} == set(quick)
    assert all(each["rounds"] == 1 for each in data["comparisons"])
    assert data["machine"]["blas threads"] == "1"
    assert done.returncode == (not all(each["reached"] for each in data["comparisons"]))
    assert "must reach" in done.stdout


@pytest.mark.slow
@needs_nbgrader
def test_student_versions_are_compared_with_nbgraders() -> None:
    """One module: nbgrader would take half a minute for all of them."""
    (found,) = find("classroom").measure(1, modules=1)
    assert (found.benchmark, found.limit, found.rounds) == ("classroom", 20, 1)
    assert found.ratio == found.theirs.median / found.ours.median > 0
