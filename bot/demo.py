"""`make demo`: three branches of a fresh clone of this course, judged by the export gate.

One is good, one has a syntax error in module 03, one edits the generated package by hand. Exits
with 0 only if the verdicts are the expected ones.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tito.cli import ui
from tito.course import find_root
from tito.errors import TitoError
from tito.report import GateResult, decode

GOOD, BAD = "passed", "failed"


@dataclass(frozen=True)
class Branch:
    """A change somebody could push, and the verdict it must get."""

    name: str
    about: str
    change: Callable[[Path], None]
    expected: str
    rule: str = ""
    """The rule that must be broken, and no other."""


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    if old not in text:
        raise TitoError(f"the demo looks for {old!r} there", where=str(file.name))
    # newline="": the clone's line ends stay as git wrote them
    with open(file, "w", encoding="utf-8", newline="") as stream:
        stream.write(text.replace(old, new, 1))


def _better_prose(root: Path) -> None:
    dev = root / "modules/source/03_activations/activations_dev.py"
    _replace(dev, "\n# Module 03", "\n<!-- Read on paper first. -->\n# Module 03")


def _syntax_error(root: Path) -> None:
    dev = root / "modules/source/03_activations/activations_dev.py"
    _replace(dev, "def relu(x):", "def relu(x:")


def _hand_edit(root: Path) -> None:
    _replace(root / "tinytorch/core/tensor.py", "        return x + y\n", "        return x - y\n")


BRANCHES = (
    Branch("improve/prose", "a better sentence in module 03", _better_prose, GOOD),
    Branch("fix/typo", "a syntax error in module 03", _syntax_error, BAD, "export-syntax"),
    Branch(
        "fix/by-hand",
        "a hand edit of tinytorch/core/tensor.py",
        _hand_edit,
        BAD,
        "package-edited",
    ),
)


def _git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Demo", "-c", "user.email=demo@localhost")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise TitoError(f"git {arguments[0]} failed: {done.stderr.strip()}")


def judge(clone: Path, branch: Branch) -> GateResult:
    """Commit the branch's change in the clone and let the clone's own gate judge it."""
    _git(clone, "switch", "--quiet", "--create", branch.name, "main")
    branch.change(clone)
    _git(clone, "commit", "--quiet", "--all", "--message", branch.about)
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        file = Path(folder) / "result.json"
        command = [sys.executable, "-m", "tito", "gate", "export", "--json", str(file)]
        done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)
        if not file.is_file():
            raise TitoError(f"the gate wrote no result: {done.stderr.strip()[-500:]}")
        result = decode(file.read_bytes())
    if (done.returncode == 0) != (result.status == "passed"):
        raise TitoError(f"the gate says {result.status} and exits with {done.returncode}")
    return result


def as_expected(branch: Branch, result: GateResult) -> bool:
    """The verdict, and that it was given for the planted reason alone."""
    rules = {finding.rule for finding in result.findings if finding.severity == "error"}
    return result.status == branch.expected and rules == ({branch.rule} if branch.rule else set())


def main() -> int:
    """Run the demo. Returns the exit code."""
    root = find_root(Path(__file__).resolve())
    right = True
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        clone = Path(folder) / "course"
        _git(root, "clone", "--quiet", "--no-hardlinks", str(root), str(clone))
        _git(clone, "switch", "--quiet", "--force-create", "main")
        for branch in BRANCHES:
            ui.line(f"\n{branch.name}: {branch.about}", "bold")
            result = judge(clone, branch)
            errors = [finding for finding in result.findings if finding.severity == "error"]
            ui.show_findings(errors)
            ui.verdict(result.status == "passed", f"gate export: {result.status}")
            if errors:
                ui.step(f"reproduce it: git switch {branch.name} && {result.reproduce}")
            right = right and as_expected(branch, result)
    ui.line("")
    ui.verdict(right, "the verdicts are the expected ones" if right else "A VERDICT IS WRONG")
    return 0 if right else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TitoError as error:
        ui.show_error(error)
        sys.exit(error.exit_code)
