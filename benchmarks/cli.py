"""How soon `tito` answers, against an interpreter that does nothing."""

from __future__ import annotations

import sys

from benchmarks.harness import ROOT, Comparison, compare, interleaved, script, seconds

ROUNDS = 21
PACKAGES = ("click",)


def measure(rounds: int) -> list[Comparison]:
    """The console script's --help and --version, as whole processes."""
    tito = script("tito")
    times = interleaved(
        {
            "--help": lambda: seconds([tito, "--help"], folder=ROOT),
            "--version": lambda: seconds([tito, "--version"], folder=ROOT),
            "bare": lambda: seconds([sys.executable, "-c", "pass"], folder=ROOT),
        },
        rounds,
    )
    bare = ("python -c pass", times["bare"])
    return [
        compare(
            "cli", f"tito {option}", ours=("console script", times[option]), theirs=bare,
            want="at most", limit=9,
        )
        for option in ("--help", "--version")
    ]  # fmt: skip
