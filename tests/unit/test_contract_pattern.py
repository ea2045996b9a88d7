"""The `Module` pattern: what a class with parameters, and a plain callable, must define."""

from __future__ import annotations

import pytest

from tests.conftest import SmallCourse
from tests.unit.test_contract import add, changed, exported, kept
from tito import contract
from tito.contract import RULES, pattern

MODULE = """\
class Module:
    def __init__(self):
        self.training = True

    def forward(self, x):
        raise NotImplementedError

    def __call__(self, x):
        return self.forward(x)

    def __repr__(self):
        return "Module()"
"""

CONVENTION = "def __init__(self): pass\n    def forward(self, x): pass\n    "
WHOLE = CONVENTION + "def __repr__(self): return ''"


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        (f"class Linear(Module):\n    {WHOLE}", ""),
        (f"class _Base(Module):\n    {WHOLE}\n\nclass Linear(_Base):\n    pass", ""),
        (f"class Half(Module):\n    {WHOLE}\n\nclass Linear(Half):\n    x = 1", ""),
        ("class Linear(Module):\n    pass", "__init__, forward, __repr__"),
        (f"class Linear(Module):\n    {CONVENTION}x = 1", "__repr__"),
        ("class _Base(Module):\n    def forward(self, x): pass\n\nclass Linear(_Base):\n    pass",
         "__init__, __repr__"),
        ("class _Private(Module):\n    pass\n\nLinear = 1", ""),
    ],
)  # fmt: skip
def test_the_module_pattern(small: SmallCourse, text: str, missing: str) -> None:
    add(small, "layers", MODULE)
    add(small, "spatial", f"from tinytorch.core.layers import Module\n\n\n{text}")
    course = exported(small)
    found = pattern(course)
    assert [f.rule for f in found] == ["contract-module"] * bool(missing)
    if missing:
        assert f"has no {missing} of its own" in found[0].message
        assert found[0].path == "modules/source/02_spatial/spatial_dev.py"
        lines = course.dev_file(course.modules[1]).read_text(encoding="utf-8").split("\n")
        assert "class Linear" in lines[found[0].line - 1]
        assert found[0].cell


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("class ReLU:\n    def forward(self, x): pass\n    __call__ = forward\n"
         "    def __repr__(self): return ''", ""),
        ("class ReLU:\n    def forward(self, x): pass", "__call__, __repr__"),
        ("class _Base:\n    def forward(self, x): pass\n    def __call__(self, x): pass\n\n"
         "class ReLU(_Base):\n    pass", "__repr__"),
        ("class Operation:\n    def forward(self, x): pass\n\n"
         "class Function(Operation):\n    def forward(self, x): pass", ""),
        ("class Plain:\n    def backward(self, x): pass", ""),
    ],
)  # fmt: skip
def test_the_pattern_of_plain_callables(small: SmallCourse, text: str, missing: str) -> None:
    add(small, "activations", text)
    found = pattern(exported(small))
    assert [f.rule for f in found] == ["contract-module"] * bool(missing)
    assert all(f"has no {missing} of its own" in f.message for f in found)


PLANTED = {
    "contract-broken": ("default = 1", "_default = 1"),
    "contract-new": ("default = 1", "default = added = 1"),
    "contract-module": ("def shared(", "def forward("),
}


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_finds_its_planted_fault(small: SmallCourse, rule: str) -> None:
    course = kept(small)
    assert contract.check(course) + pattern(course) == []
    found = changed(course, *PLANTED[rule]) + pattern(course)
    assert rule in {finding.rule for finding in found}
