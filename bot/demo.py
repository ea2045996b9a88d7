"""`make demo`: three pull requests, from push to comment, on this machine alone.

One is good, one has a syntax error in module 03, one edits the generated package by hand. `main` is
judged before them, so that each comment can say what has changed since. Both real workflows run for
each; what the bot writes goes to the local GitHub. Exits with 0 only if the
verdicts are the expected ones, for the expected reasons, and nothing broke GitHub's description.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.laptop import Laptop, laptop
from bot.localhub.state import WorkflowRun
from tito.cli import ui
from tito.course import find_root
from tito.errors import TitoError

GREEN, RED = "success", "failure"


@dataclass(frozen=True)
class Branch:
    """A change somebody could push, the verdict it must get, and what the comment must say."""

    name: str
    about: str
    change: Callable[[Path], None]
    expected: str
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judged:
    """What became of a branch."""

    verdict: str
    statuses: dict[str, str]
    comments: tuple[str, ...]


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    if old not in text:
        raise TitoError(f"the demo looks for {old!r} there", where=file.name)
    # newline="": the line ends stay as git wrote them
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


_SINCE = "new: passed before"

BRANCHES = (
    Branch(
        "improve/prose",
        "a better sentence in module 03",
        _better_prose,
        GREEN,
        ("| export | ✓ passed | as before |",),
    ),
    Branch(
        "fix/typo",
        "a syntax error in module 03",
        _syntax_error,
        RED,
        (
            "activations_dev.py:",
            "activations-functions",
            "never closed",
            _SINCE,
            "tito gate export",
        ),
    ),
    Branch(
        "fix/by-hand",
        "a hand edit of tinytorch/core/tensor.py",
        _hand_edit,
        RED,
        ("tinytorch/core/tensor.py", "tensor-add", "edited by hand", _SINCE, "tito gate export"),
    ),
)


def judge(machine: Laptop, branch: Branch) -> Judged:
    """Open the pull request, let both workflows run, and read what the bot wrote."""
    opened = machine.open(branch.name, branch.change)
    recorded = _reported(machine, machine.judge(opened))
    comments = tuple(comment.body for comment in machine.comments(opened))
    return Judged(recorded.conclusion or "", machine.statuses(recorded.head_sha), comments)


def main_faults(machine: Laptop) -> list[str]:
    """Let both workflows run for `main`. Returns what is not as it must be."""
    recorded = _reported(machine, machine.judge_main())
    states = machine.statuses(recorded.head_sha)
    if "tito/verdict" in states and set(states.values()) == {GREEN}:
        return []
    return [f"main is not green, the run ended with {recorded.conclusion}: {states}"]


def _reported(machine: Laptop, recorded: WorkflowRun) -> WorkflowRun:
    done = machine.report(recorded)
    if done.jobs != {"report": "success"}:
        raise TitoError(f"the workflow Report ended with {done.jobs}", hint=done.log[-1500:])
    return recorded


def faults(branch: Branch, judged: Judged) -> list[str]:
    """What is not as it must be."""
    found = []
    if judged.verdict != branch.expected:
        found.append(f"the verdict is {judged.verdict}, expected is {branch.expected}")
    if judged.statuses.get("tito/verdict") != branch.expected:
        found.append(f"the status tito/verdict is {judged.statuses.get('tito/verdict')}")
    if len(judged.comments) != 1:
        found.append(f"there are {len(judged.comments)} comments, one is expected")
    for words in branch.said:
        if not any(words in body for body in judged.comments):
            found.append(f"the comment does not say {words!r}")
    return found


def main() -> int:
    """Run the demo. Returns the exit code."""
    root = find_root(Path(__file__).resolve())
    wrong: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="demo-", ignore_cleanup_errors=True) as folder,
        laptop(root, Path(folder).resolve()) as machine,
    ):
        with ui.working("main is judged first"):
            wrong += main_faults(machine)
        for branch in BRANCHES:
            ui.line(f"\n{'=' * 8} {branch.name}: {branch.about}", "bold")
            with ui.working("both workflows run"):
                judged = judge(machine, branch)
            for body in judged.comments:
                ui.line(body)
            ui.verdict(judged.verdict == GREEN, f"{branch.name}: {judged.verdict}")
            wrong += [f"{branch.name}: {fault}" for fault in faults(branch, judged)]
        wrong += [f"GitHub's description was broken: {each}" for each in machine.hub.violations]
    ui.line("")
    for each in wrong:
        ui.line(f"✗ {each}", "red")
    words = "the verdicts are the expected ones" if not wrong else "SOMETHING IS NOT AS EXPECTED"
    ui.verdict(not wrong, words)
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TitoError as error:
        ui.show_error(error)
        sys.exit(error.exit_code)
