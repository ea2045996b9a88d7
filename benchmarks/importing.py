"""`import tinytorch` against `import numpy`: the import alone, each in a process of its own."""

from __future__ import annotations

import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.harness import ROOT, Comparison, compare, interleaved, run

ROUNDS = 21
PACKAGES = ("numpy",)


def measure(rounds: int) -> list[Comparison]:
    """On a copy of the package, compiled first; the warm-up round compiles numpy if need be."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "tinytorch", folder / "tinytorch", ignore=ignored)
        run([sys.executable, "-m", "compileall", "-q", "tinytorch"], folder=folder)
        times = interleaved(
            {name: partial(_import, name, folder) for name in ("tinytorch", "numpy")},
            rounds,
        )
    return [
        compare(
            "import", "warm bytecode",
            ours=("import tinytorch", times["tinytorch"]),
            theirs=("import numpy", times["numpy"]),
            want="at most", limit=2,
        )
    ]  # fmt: skip


def _import(name: str, folder: Path) -> float:
    """Seconds of one import statement. The interpreter's own start would flatter the ratio."""
    code = f"import time; start = time.perf_counter(); import {name}"
    code += "; print(time.perf_counter() - start)"
    return float(run([sys.executable, "-c", code], folder=folder, path=folder))
