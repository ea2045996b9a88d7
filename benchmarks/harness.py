"""Interleaved rounds, ratios, the table and the JSON. It knows nothing of what is measured."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
from rich.console import Console
from rich.table import Table

from tito.errors import TitoError, UsageError

ROOT = Path(__file__).resolve().parents[1]
FORMAT = 2

Want = Literal["at least", "at most"]
"""`at least` n: theirs takes n times as long as ours. `at most` n: ours takes n times theirs."""

Unit = Literal["s", "MB"]


class Side(msgspec.Struct, frozen=True):
    """What was run on one side, and the median of its rounds in the comparison's unit."""

    what: str
    median: float


class Comparison(msgspec.Struct, frozen=True):
    """One line of the table. `ratio` is the median of the ratios of the rounds.

    Without a `limit` it is told for comparison and nothing is required of it.
    """

    benchmark: str
    name: str
    ours: Side
    theirs: Side
    ratio: float
    want: Want
    limit: float | None
    aim: float | None
    reached: bool
    rounds: int
    unit: Unit = "s"


class Results(msgspec.Struct, frozen=True):
    """What the JSON file holds. The machine is described, not named."""

    machine: dict[str, str]
    comparisons: tuple[Comparison, ...]
    format: int = FORMAT


def interleaved(
    sides: Mapping[str, Callable[[], float]], rounds: int, *, warm_up: bool = True
) -> dict[str, list[float]]:
    """Each side's seconds, round by round.

    A side times itself, so that what it prepares does not count. Every other round goes through the
    sides backwards: none always has the caches that its neighbour left. The warm-up round, which
    writes bytecode and fills caches, is not kept.
    """
    if rounds < 1:
        raise UsageError(f"{rounds} rounds cannot be measured", hint="--rounds 5")
    if warm_up:
        for side in sides.values():
            side()
    times: dict[str, list[float]] = {name: [] for name in sides}
    for index in range(rounds):
        for name in sides if index % 2 == 0 else reversed(list(sides)):
            times[name].append(sides[name]())
    return times


def compare(
    benchmark: str,
    name: str,
    *,
    ours: tuple[str, Sequence[float]],
    theirs: tuple[str, Sequence[float]],
    want: Want,
    limit: float | None = None,
    aim: float | None = None,
    unit: Unit = "s",
) -> Comparison:
    """The comparison of two sides measured in the same rounds."""
    pairs = zip(ours[1], theirs[1], strict=True)
    ratios = [b / a if want == "at least" else a / b for a, b in pairs]
    ratio = statistics.median(ratios)
    return Comparison(
        benchmark=benchmark,
        name=name,
        ours=Side(ours[0], statistics.median(ours[1])),
        theirs=Side(theirs[0], statistics.median(theirs[1])),
        ratio=ratio,
        want=want,
        limit=limit,
        aim=aim,
        reached=limit is None or (ratio >= limit if want == get_args(Want)[0] else ratio <= limit),
        rounds=len(ratios),
        unit=unit,
    )


def environment() -> dict[str, str]:
    """What measured processes see: this checkout's code, one BLAS thread, bytecode kept.

    Programs of the environment that runs this come first: nbgrader starts some by their names.
    """
    dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONSTARTUP", "PYTHONPROFILEIMPORTTIME")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
    settings = {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "COLUMNS": "100"}
    return {**kept, **settings, "PATH": path}


def run(command: Sequence[str | Path], *, folder: Path, path: Path | None = None) -> str:
    """Run a process to its end and return its output. A process that fails stops the benchmark.

    `path` takes the place of this checkout on Python's path.
    """
    settings = environment() | ({"PYTHONPATH": str(path)} if path else {})
    done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().split("\n")[-5:])
        raise TitoError(f"{Path(command[0]).name} ended with code {done.returncode}: {said}")
    return done.stdout


def seconds(command: Sequence[str | Path], *, folder: Path) -> float:
    """How long a whole process takes, from its start to its end."""
    start = time.perf_counter()
    run(command, folder=folder)
    return time.perf_counter() - start


def script(name: str) -> Path:
    """A console script of the environment that runs this."""
    path = Path(sys.executable).with_name(name)
    if not path.is_file():
        raise TitoError(f"{name} is not installed here", hint="make setup")
    return path


def machine(packages: Sequence[str]) -> dict[str, str]:
    """The facts that decide about times: system, processor, versions. No names, no paths."""
    facts = {
        "system": platform.system(),
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "blas threads": os.environ.get("OPENBLAS_NUM_THREADS", "not set"),
    }
    return facts | {name: metadata.version(name) for name in packages if _installed(name)}


def _installed(package: str) -> bool:
    return any(metadata.distributions(name=package))


def _processor() -> str:
    """The model as Linux tells it, else the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n")
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return " ".join([platform.machine(), *models[:1]])


COLUMNS = ("what", "ours", "theirs", "ratio", "must reach", "aim for", "reached")


def rows(comparisons: Sequence[Comparison]) -> list[tuple[str, ...]]:
    """The cells of the table, one tuple a line."""
    return [
        (
            f"{each.benchmark}: {each.name}",
            *(
                f"{side.what}, {_amount(side.median, each.unit)}"
                for side in (each.ours, each.theirs)
            ),
            f"{each.ratio:.2f}×",
            _goal(each, each.limit),
            _goal(each, each.aim),
            "" if each.limit is None else "yes" if each.reached else "no",
        )
        for each in comparisons
    ]


def _goal(comparison: Comparison, goal: float | None) -> str:
    sign = {"at least": "≥", "at most": "≤"}[comparison.want]
    return "" if goal is None else f"{sign} {goal:g}×"


def _amount(value: float, unit: Unit) -> str:
    if unit == "MB":
        return f"{value:.0f} MB"
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"


def show(results: Results, console: Console) -> None:
    """The Rich table, and the machine below it."""
    view = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in COLUMNS:
        view.add_column(column, overflow="fold")
    for row in rows(results.comparisons):
        view.add_row(*row, style="red" if row[-1] == "no" else "")
    console.print(view)
    console.print(_machine_line(results), style="dim")


def markdown(results: Results) -> str:
    """The same as Markdown, for docs/performance.md."""
    lines = [COLUMNS, ("---",) * len(COLUMNS), *rows(results.comparisons)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{table}\n\n{_machine_line(results)}"


def _machine_line(results: Results) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in results.machine.items())
    rounds = sorted({each.rounds for each in results.comparisons})
    return f"{facts}; rounds: {', '.join(map(str, rounds))}"


def plot(results: Results, file: Path) -> None:
    """Draw the ratios as bars, each with what it must reach. Raises TitoError without matplotlib.

    One panel for `at most` and one for `at least`, since they are read in opposite directions.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise TitoError("a plot needs matplotlib", hint='pip install -e ".[plots]"') from None
    wants = [want for want in get_args(Want) if any(c.want == want for c in results.comparisons)]
    counts = [sum(c.want == want for c in results.comparisons) for want in wants]
    figure = Figure(figsize=(9, 1.2 + 0.42 * sum(counts) + 0.8 * len(wants)), layout="constrained")
    panels = figure.subplots(len(wants), squeeze=False, height_ratios=counts)[:, 0]
    for want, axes in zip(wants, panels, strict=True):
        _bars(axes, [each for each in results.comparisons if each.want == want][::-1])
        axes.set_xlabel(f"ratio; {want} the line is required", fontsize=8)
    figure.savefig(file, dpi=120)


def _bars(axes: Any, comparisons: Sequence[Comparison]) -> None:
    """A bar each; those of which nothing is required are grey."""
    for place, each in enumerate(comparisons):
        axes.barh(
            place, each.ratio, height=0.6, color="#bbbbbb" if each.limit is None else "#5b8def"
        )
        axes.text(
            max(each.ratio, each.limit or 0), place, f"  {each.ratio:.2f}", va="center", fontsize=8
        )
        if each.limit is not None:
            axes.plot([each.limit] * 2, [place - 0.4, place + 0.4], color="#b3261e", linewidth=2)
    names = [f"{each.name}: {each.ours.what} / {each.theirs.what}" for each in comparisons]
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.margins(x=0.12, y=0.02)
