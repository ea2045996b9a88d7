"""Nine ways in which a module breaks: the gate stops each, names the dev file, changes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow

DEV = "modules/source/03_activations/activations_dev.py"
IMPORT = "from tinytorch.core.tensor import Operation, Tensor, apply\n"
GELU = """\
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
        return 0.5 * x * (1 + np.tanh(inner))
"""
CELL = '"task": false, "grade_id": "activations-functions"}'


@dataclass(frozen=True)
class Fault:
    """What stands in the dev file, what takes its place, and where that must be seen.

    `at` is in the line of the finding.
    """

    rule: str
    old: str
    new: str
    at: str
    hint: str


FAULTS = {
    "syntax error": Fault(
        "export-syntax",
        "        return np.maximum(x, 0)\n",
        "        return np.maximum(x, 0\n",
        "return np.maximum(x, 0",
        "",
    ),
    "magic line": Fault(
        "export-magic", IMPORT, f"{IMPORT}!pip install magic\n", "!pip install", "delete"
    ),
    "wrong target": Fault(
        "export-target",
        "default_exp core.activations",
        "default_exp core.activation",
        "core.activation",
        "#| default_exp core.activations",
    ),
    "no target": Fault(
        "export-target", "#| default_exp core.activations\n", "", "# %%", "default_exp"
    ),
    "unknown directive": Fault(
        "export-directive",
        "#| export\ndef _floating",
        "#| exprot\ndef _floating",
        "#| exprot",
        "known are",
    ),
    "broken metadata": Fault(
        "export-metadata", CELL, CELL.replace('"}', '"'), "activations-functions", ""
    ),
    "import of a later module": Fault(
        "dependency-forward",
        IMPORT,
        f"{IMPORT}from tinytorch.core.layers import Linear\n",
        "core.layers",
        "",
    ),
    "import from the wrong module": Fault(
        "dependency-direction",
        IMPORT,
        f"{IMPORT}from tinytorch.core.tensor import run_tests\n",
        "run_tests",
        "",
    ),
    "solution without markers": Fault(
        "export-solution",
        f"        ### BEGIN SOLUTION\n{GELU}        ### END SOLUTION\n",
        GELU,
        "activations-gelu",
        "BEGIN SOLUTION",
    ),
}


def tito(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tito", *arguments],
        cwd=root, env={"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_there_are_nine() -> None:
    assert len(FAULTS) == 9


@pytest.mark.parametrize("name", FAULTS)
def test_the_gate_stops_it(copy_of_course: Callable[[], Path], name: str, tmp_path: Path) -> None:
    fault = FAULTS[name]
    root = copy_of_course()
    dev = root / DEV
    text = dev.read_text(encoding="utf-8")
    assert fault.old in text
    text = text.replace(fault.old, fault.new, 1)
    dev.write_text(text, encoding="utf-8")
    before = tree(root / "tinytorch")
    file = tmp_path / "result.json"

    done = tito(root, "gate", "export", "--json", str(file))

    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert f"✗ error  {DEV}:" in done.stdout
    assert tree(root / "tinytorch") == before
    result = json.loads(file.read_text(encoding="utf-8"))
    assert result["status"] == "failed"
    found = [f for f in result["findings"] if f["rule"] == fault.rule]
    assert [finding["path"] for finding in found] == [DEV]
    assert fault.at in text.split("\n")[found[0]["line"] - 1]
    assert fault.hint in found[0].get("hint", "")
    assert found[0]["cell"]


@pytest.mark.parametrize(
    "name", [name for name in FAULTS if FAULTS[name].rule.startswith("export")]
)
def test_an_export_is_refused(copy_of_course: Callable[[], Path], name: str) -> None:
    """The imports are the gate's alone: a package whose modules import in circles may still work."""
    fault = FAULTS[name]
    root = copy_of_course()
    dev = root / DEV
    dev.write_text(dev.read_text("utf-8").replace(fault.old, fault.new, 1), encoding="utf-8")
    before = tree(root / "tinytorch")
    done = tito(root, "export", "--all")
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert f"✗ error  {DEV}:" in done.stderr
    assert tree(root / "tinytorch") == before
