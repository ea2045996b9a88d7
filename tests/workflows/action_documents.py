"""What an action's README says, what its action.yml declares and what its steps do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.workflows.rules import pins

TOOLS = "your-organisation/tools/.github/actions/"


@dataclass(frozen=True)
class Action:
    """A composite action: its name, action.yml, README, and the scripts beside it."""

    name: str
    text: str
    readme: str
    scripts: str

    @property
    def content(self) -> dict[str, Any]:
        content: dict[str, Any] = yaml.safe_load(self.text)
        return content

    def declared(self, kind: str) -> dict[str, dict[str, Any]]:
        """`inputs` or `outputs`."""
        return self.content.get(kind) or {}

    @property
    def example(self) -> str:
        """The workflow in the README."""
        return examples(self.readme)[0]


def actions(folder: Path) -> list[Action]:
    """All of the actions in a folder."""
    shared = "".join(path.read_text("utf-8") for path in sorted(folder.glob("*.sh")))
    return [
        Action(
            file.parent.name,
            file.read_text("utf-8"),
            (file.parent / "README.md").read_text("utf-8"),
            shared,
        )
        for file in sorted(folder.glob("*/action.yml"))
    ]


def examples(text: str) -> list[str]:
    """The YAML in a document."""
    return re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def section(text: str, heading: str) -> str:
    """What stands below a heading of a document, up to the next one."""
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def rows(text: str) -> list[list[str]]:
    """The cells of a table's rows, without its head and without the signs for code."""
    lines = [line for line in text.split("\n") if line.startswith("| ")][2:]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def faults(action: Action) -> Iterator[str]:
    """Every way in which README, action.yml and steps disagree."""
    yield from _presentation(action)
    yield from _tables(action)
    yield from _inputs_are_used(action)
    yield from _outputs_are_made(action)
    for example in examples(action.readme):
        yield from example_faults(example, {action.name: action})


def _presentation(action: Action) -> Iterator[str]:
    content = action.content
    if set(content.get("branding") or {}) != {"icon", "color"}:
        yield "no branding"
    if not action.readme.startswith(f"# {content['name']}\n"):
        yield "the README has another title"
    about = action.readme.split("\n\n")[1]
    if content["description"] not in about:
        yield "the README begins with something else than the description"
    for heading in ("Inputs", "Outputs", "What it needs", "Example"):
        if not section(action.readme, heading).strip():
            yield f"the README has no section {heading}"


def _tables(action: Action) -> Iterator[str]:
    inputs = [
        [
            name,
            "required" if each.get("required") else str(each.get("default", "")),
            each["description"],
        ]
        for name, each in action.declared("inputs").items()
    ]
    if rows(section(action.readme, "Inputs")) != inputs:
        yield "the README's inputs are not those of action.yml"
    outputs = [[name, each["description"]] for name, each in action.declared("outputs").items()]
    if rows(section(action.readme, "Outputs")) != outputs:
        yield "the README's outputs are not those of action.yml"


def _inputs_are_used(action: Action) -> Iterator[str]:
    used = set(re.findall(r"\binputs\.([\w-]+)", str(action.content["runs"])))
    if used != set(action.declared("inputs")):
        yield f"the steps use the inputs {sorted(used)}"


def _outputs_are_made(action: Action) -> Iterator[str]:
    """Each output is that of a step, which writes it to GITHUB_OUTPUT."""
    steps = {step["id"]: step for step in action.content["runs"]["steps"] if "id" in step}
    for name, output in action.declared("outputs").items():
        match = re.fullmatch(r"\$\{\{ steps\.([\w-]+)\.outputs\.([\w-]+) \}\}", output["value"])
        step = steps.get(match[1]) if match else None
        if match is None or step is None:
            yield f"the output {name} is that of no step"
            continue
        script = step["run"] + (action.scripts if "tito.sh" in step["run"] else "")
        if not re.search(rf'echo "{match[2]}=.*" >>"\$GITHUB_OUTPUT"', script):
            yield f"no step writes the output {name}"


def example_faults(text: str, known: dict[str, Action]) -> Iterator[str]:
    """An example uses actions as they are declared and pins those of others. `known` are named."""
    workflow = yaml.safe_load(text)
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    used = {}
    for step in (step for step in steps if "uses" in step):
        name, _, ref = step["uses"].partition("@")
        if name.startswith(TOOLS):
            used[name.removeprefix(TOOLS)] = step
            if ref != "v1":
                yield f"{name} at {ref}"
        elif pins().get(name, {}).get("sha") != ref:
            yield f"{step['uses']} is not as in action-pins.toml"
    for name, action in known.items():
        if name not in used:
            yield f"the example does not use {name}"
            continue
        inputs, given = action.declared("inputs"), set(used[name].get("with", {}))
        if given - set(inputs):
            yield f"the example gives {name} what it does not know"
        if {each for each, value in inputs.items() if value.get("required")} - given:
            yield f"the example does not give {name} all that it requires"
    if used and "setup" not in used:
        yield "the example does not set tito up"
