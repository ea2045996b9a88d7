"""A small course with all that the integration gate looks at, to plant faults in."""

from __future__ import annotations

import pytest

from tests.conftest import SmallCourse
from tito.course import Course, load
from tito.export import export
from tito.gates import integration_gate
from tito.report import Finding, GateResult

PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "small"
version = "1.2.3"

[tool.hatch.build.targets.wheel]
packages = ["tinytorch"]
"""
TENSOR = """
import numpy as np


class Tensor:
    def __init__(self, data):
        self.data = np.asarray(data)
        self.shape = self.data.shape

    def numpy(self):
        return self.data


def softmax(x):
    powers = np.exp(x.data)
    return Tensor(powers / powers.sum(axis=-1, keepdims=True))
"""
LAYERS = """
import numpy as np

from tinytorch.core.tensor import Tensor


class Linear:
    def __init__(self, inputs, outputs):
        self.weight = np.ones((inputs, outputs))

    def __call__(self, x):
        return Tensor(x.data @ self.weight)


class ReLU:
    def __call__(self, x):
        return Tensor(x.data * (x.data > 0))


class Sequential:
    def __init__(self, *layers):
        self.layers = layers

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
"""
CHECKPOINTS = """\
checkpoints:
  - number: "00"
    name: shapes
    question: "Can I?"
    modules: [tensor]
  - number: "01"
    name: later
    question: "Can I do more?"
    modules: [layers]
"""


def dev_text(name: str, code: str, test: str) -> str:
    return (
        f"# %%\n#| default_exp core.{name}\n#| export\n{code.strip()}\n\n\n"
        f"# %%\ndef test_{name}():\n    {test}\n"
    )


pytestmark = pytest.mark.slow


class Built:
    """The small course, exported; `change` plants a fault, `gate` runs the gate."""

    def __init__(self, small: SmallCourse) -> None:
        self.root = small.root
        (self.root / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
        self.devs = {
            name: small.add(name, dev_text(name, code, test), needs=needs)
            for name, code, test, needs in (
                ("tensor", TENSOR, "assert Tensor([1.0]).shape == (1,)", []),
                ("layers", LAYERS, "assert Linear(2, 3).weight.shape == (2, 3)", ["tensor"]),
            )
        }
        small.load()
        manifest = self.root / "classroom.yml"
        text = manifest.read_text("utf-8").replace("checkpoints: []\n", CHECKPOINTS)
        manifest.write_text(text, encoding="utf-8")
        self.checkpoint("assert softmax(Tensor([[0.0, 0.0]])).data[0, 0] == 0.5")
        self.export()

    @property
    def course(self) -> Course:
        return load(self.root)

    def checkpoint(self, test: str) -> None:
        path = self.root / "tests/checkpoints/checkpoint_00_shapes.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = f"from tinytorch import Tensor, softmax\n\n\ndef test_it():\n    {test}\n"
        path.write_text(text, encoding="utf-8")

    def change(self, name: str, old: str, new: str, *, exported: bool = True) -> None:
        text = self.devs[name].read_text(encoding="utf-8")
        assert old in text
        self.devs[name].write_text(text.replace(old, new, 1), encoding="utf-8")
        if exported:
            self.export()

    def export(self) -> None:
        export(self.course, self.course.modules)

    def path(self, name: str) -> str:
        return self.devs[name].relative_to(self.root).as_posix()

    def line(self, finding: Finding) -> str:
        return (self.root / finding.path).read_text("utf-8").split("\n")[finding.line - 1].strip()

    def gate(self) -> GateResult:
        return integration_gate(self.root)


def one(result: GateResult, rule: str) -> Finding:
    assert result.status == "failed", result.findings
    (finding,) = [finding for finding in result.findings if finding.rule == rule]
    return finding
