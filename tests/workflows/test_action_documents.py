"""Each action's README, action.yml and steps agree, and each disagreement is found."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.workflows import rules
from tests.workflows.action_documents import (
    TOOLS,
    Action,
    actions,
    example_faults,
    examples,
    faults,
    rows,
)
from tests.workflows.linters import BIN
from tests.workflows.rules import File

FOLDER = ROOT / ".github/actions"
ACTIONS = {action.name: action for action in actions(FOLDER)}
GUIDE = (ROOT / "docs/actions.md").read_text(encoding="utf-8")
EXAMPLES = {
    **{name: action.example for name, action in ACTIONS.items()},
    "docs/actions.md": examples(GUIDE)[0],
}
OF_ALL_GATES = ("concurrency", "merge_groups", "one_verdict", "student_code_alone")
"""Rules about a required check and the order of its jobs. An example of one action is none."""


def test_every_action_has_a_readme() -> None:
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir()}
    assert folders == set(ACTIONS) == {"setup", "export", "protection", "integration", "feedback"}


@pytest.mark.parametrize("name", ACTIONS)
def test_readme_action_and_steps_agree(name: str) -> None:
    assert list(faults(ACTIONS[name])) == []


PLANTED = [
    ("setup", "text", "branding:\n  icon: settings\n  color: gray-dark\n", "", "no branding"),
    ("setup", "text", "default: base.txt", "default: bot.txt", "inputs are not"),
    ("setup", "text", "  requirements:\n    description: The", "  needs:\n    description: The", "inputs are not"),
    ("setup", "text", "${{ inputs.python-version }}", "3.12", "the steps use the inputs"),
    ("setup", "text", 'echo "origin=', 'echo "place=', "no step writes the output origin"),
    ("setup", "text", "steps.look.outputs.root", "steps.see.outputs.root", "output root is that of no step"),
    ("setup", "text", "name: Set up tito", "name: Set tito up", "another title"),
    ("setup", "readme", "| `requirements` | `base.txt` ", "| `requirements` | `bot.txt` ", "inputs are not"),
    ("setup", "readme", "'found' if the tito", "'found' unless the tito", "outputs are not"),
    ("setup", "readme", "| `root` |", "| `folder` |", "outputs are not"),
    ("setup", "readme", "## What it needs", "## Needs", "no section What it needs"),
    ("export", "readme", "Runs no student code.", "", "something else than the description"),
    ("export", "readme", "actions/export@v1", "actions/setup@v1", "does not use export"),
    ("export", "readme", "actions/export@v1", "actions/export@main", "at main"),
    ("export", "readme", "        uses: your-organisation/tools/.github/actions/setup@v1\n", "        run: exit 0\n", "does not set tito up"),
    ("export", "readme", "checkout@3d3c42e5", "checkout@00000000", "not as in action-pins.toml"),
    ("export", "scripts", 'echo "result=', 'echo "outcome=', "no step writes the output result"),
    ("protection", "readme", "          base: $", "          before: $", "what it does not know"),
    ("protection", "text", "    required: true\n", "    default: main\n", "inputs are not"),
    ("protection", "readme", "        with:\n          base: ${{ github.event.merge_group.base_sha || 'HEAD^1' }}\n", "", "all that it requires"),
    ("integration", "text", 'echo "checkpoints=', 'echo "state=', "no step writes the output checkpoints"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "field", "old", "new", "said"), PLANTED)
def test_a_disagreement_is_found(name: str, field: str, old: str, new: str, said: str) -> None:
    action = ACTIONS[name]
    text = getattr(action, field)
    assert old in text
    planted = dataclasses.replace(action, **{field: text.replace(old, new)})
    assert any(said in fault for fault in faults(planted)), list(faults(planted))


def test_the_guide_shows_every_action_as_it_is() -> None:
    of_courses = {name: action for name, action in ACTIONS.items() if name != "feedback"}
    assert list(example_faults(EXAMPLES["docs/actions.md"], of_courses)) == []
    table = {row[0].split("]")[0].strip("["): row[2] for row in rows(GUIDE)[: len(ACTIONS)]}
    assert set(table) == set(ACTIONS)
    for name, runs in table.items():
        assert (runs == "yes") == ("Runs student code." in ACTIONS[name].content["description"])
    faulty: dict[str, Action] = {**of_courses, "other": ACTIONS["export"]}
    assert list(example_faults(EXAMPLES["docs/actions.md"], faulty)) == [
        "the example does not use other"
    ]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_keeps_our_own_rules(name: str) -> None:
    """All but the pin of the tools repository, whose hash the reader has and we have not."""
    text = EXAMPLES[name]
    for action in ACTIONS:
        text = text.replace(f"{TOOLS}{action}@v1", f"./.github/actions/{action}")
    for rule in rules.RULES:
        if name not in ACTIONS or rule.__name__ not in OF_ALL_GATES:
            assert list(rule(File(name, text))) == [], rule.__name__


@pytest.mark.slow
def test_every_example_is_a_workflow_by_its_schema(tmp_path: Path) -> None:
    program = BIN / "check-jsonschema"
    if not program.is_file():
        pytest.skip("missing: check-jsonschema")
    for name, text in EXAMPLES.items():
        (tmp_path / f"{Path(name).stem}.yml").write_text(text, encoding="utf-8")
    command = [program, "--builtin-schema", "vendor.github-workflows", *tmp_path.iterdir()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
