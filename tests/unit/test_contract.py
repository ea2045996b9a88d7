"""A break of the public API is found where it stands, and only then."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from tests.conftest import ROOT, SmallCourse
from tito import contract
from tito import course as course_module
from tito.api import Api, Class, Surface
from tito.contract import compare, snapshot
from tito.course import Course
from tito.errors import RefusedError, TitoError
from tito.export import export
from tito.report import Finding

BASE = """\
def apply(name, *inputs, **settings):
    return name


class _Shared:
    def shared(self, x):
        return x


class Tensor(_Shared):
    kind = "dense"

    def __init__(self, data: list, dtype=None):
        self.data = data
        self._hidden = dtype

    def reshape(self, *shape):
        return self

    @property
    def shape(self):
        return ()

    @classmethod
    def wrap(cls, array=(1, 2)):
        return cls(array)

    def __add__(self, other):
        return self

    __radd__ = __add__

    def _private(self):
        return None


class Parameter(Tensor):
    def extra(self):
        return None


default = 1
"""


def add(small: SmallCourse, name: str, text: str, *, given: str = "") -> Path:
    """A module of one public and one internal cell."""
    parts = [f"# %%\n#| default_exp core.{name}"]
    parts += [f"# %%\n#| exporti\n{textwrap.dedent(given)}"] if given else []
    return small.add(name, "\n\n".join([*parts, f"# %%\n#| export\n{textwrap.dedent(text)}"]))


def exported(small: SmallCourse) -> Course:
    """The course with all its modules in the package."""
    course = small.load()
    export(course, course.modules)
    return course


def kept(small: SmallCourse, text: str = BASE) -> Course:
    """A course of one module whose snapshot is written."""
    add(small, "tensor", text)
    course = exported(small)
    contract.write(course)
    return course


def changed(course: Course, before: str, after: str) -> list[Finding]:
    """What is found once a piece of the module's source has been replaced and exported."""
    file = course.dev_file(course.modules[0])
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1
    file.write_text(text.replace(before, after), encoding="utf-8")
    export(course, course.modules)
    return contract.check(course)


def test_the_snapshot_holds_what_all_offers(small: SmallCourse) -> None:
    add(small, "tensor", BASE, given="class Add:\n    pass")
    surface = snapshot(exported(small)).modules["core.tensor"]
    assert surface.functions == {"apply": "(name, *inputs, **settings)"}
    assert surface.names == ("default",)
    tensor = surface.classes["Tensor"]
    assert tensor.methods == {
        "__add__": "(other)",
        "__init__": "(data, dtype=None)",
        "__radd__": "(other)",
        "reshape": "(*shape)",
        "shared": "(x)",
        "wrap": "classmethod (array=(1, 2))",
    }
    assert (tensor.bases, tensor.properties, tensor.attributes) == (
        (),
        ("shape",),
        ("data", "kind"),
    )
    assert surface.classes["Parameter"] == Class(("Tensor",), {"extra": "()"})


def test_the_package_is_read_and_never_imported(small: SmallCourse) -> None:
    course = kept(small, "raise_it = 1\n\n\ndef f():\n    pass")
    path = course.package / "core/tensor.py"
    path.write_text(path.read_text() + "\nraise SystemExit('imported')\n")
    before = set(sys.modules)
    assert "f" in snapshot(course).modules["core.tensor"].functions
    assert not {name for name in set(sys.modules) - before if name.startswith("tinytorch")}


def test_an_unchanged_package_has_no_findings(small: SmallCourse) -> None:
    assert contract.check(kept(small)) == []


def test_this_course_has_no_broken_contract() -> None:
    course = course_module.load(ROOT)
    assert [f for f in contract.check(course) if f.severity == "error"] == []
    api = snapshot(course)
    assert compare(api, api) == []
    assert "add" not in api.modules["core.tensor"].functions
    assert api.modules["core.tensor"].classes["Parameter"].bases == ("Tensor",)


BREAKS = {
    "a name": ("def apply(", "def _apply(", "apply is gone"),
    "a class": ("class Parameter(Tensor):", "class _Parameter(Tensor):", "Parameter is gone"),
    "a value": ("default = 1", "_default = 1", "default is gone"),
    "a method": ("def reshape(self, *shape)", "def _reshape(self)", "Tensor.reshape is gone"),
    "a method of a private base": ("def shared(", "def _shared(", "Tensor.shared is gone"),
    "a special method": ("__radd__ = __add__", "", "Tensor.__radd__ is gone"),
    "a property": ("def shape(self)", "def _shape(self)", "Tensor.shape is gone"),
    "a class attribute": ('kind = "dense"', "", "Tensor.kind is gone"),
    "an attribute": ("self.data = data", "self._data = data", "Tensor.data is gone"),
    "a base": ("Parameter(Tensor)", "Parameter", "Parameter is no longer a Tensor"),
    "a kind of name": ("default = 1", "def default(): pass", "was a value and is now a function"),
    "a property into a method": (
        "@property\n    def shape", "def shape", "was an attribute and is now a method"
    ),
    "a method into a property": (
        "def reshape(self, *shape)", "@property\n    def reshape(self)",
        "was a method and is now an attribute",
    ),
    "a binding": (
        "@classmethod", "@staticmethod", "was a classmethod and is now a staticmethod"
    ),
    "a parameter": ("data: list, dtype=None", "data: list", "'dtype' is gone"),
}  # fmt: skip


@pytest.mark.parametrize("what", BREAKS)
def test_a_break_is_found_in_the_dev_file(small: SmallCourse, what: str) -> None:
    before, after, message = BREAKS[what]
    course = kept(small)
    broken = [f for f in changed(course, before, after) if f.rule == "contract-broken"]
    assert len(broken) == 1, broken
    assert message in broken[0].message
    assert broken[0].severity == "error"
    assert broken[0].path == "modules/source/01_tensor/tensor_dev.py"
    assert "--force" in broken[0].hint


def test_the_line_is_that_of_the_dev_file(small: SmallCourse) -> None:
    course = kept(small)
    (finding,) = changed(course, "def reshape(self, *shape)", "def reshape(self)")
    lines = course.dev_file(course.modules[0]).read_text(encoding="utf-8").split("\n")
    assert "def reshape" in lines[finding.line - 1]
    assert finding.cell
    assert "takes no further positional arguments" in finding.message


ADDITIONS = {
    "a name": ("default = 1", "default = 1\nnew = 2", "new is new"),
    "a method": ("def _private", "def public", "Tensor.public is new"),
    "an attribute": ("self._hidden", "self.hidden", "Tensor.hidden is new"),
    "a parameter": ("(self, *shape)", "(self, *shape, order=None)", "Tensor.reshape takes"),
    "a default": ("dtype=None", "dtype=0", "in the snapshot (data, dtype=None)"),
}


@pytest.mark.parametrize("what", ADDITIONS)
def test_an_addition_is_a_warning_until_it_is_written(small: SmallCourse, what: str) -> None:
    before, after, message = ADDITIONS[what]
    course = kept(small)
    (finding,) = changed(course, before, after)
    assert (finding.rule, finding.severity) == ("contract-new", "warning")
    assert message in finding.message
    assert finding.hint == "tito package api --write"
    assert finding.line
    contract.write(course)
    assert contract.check(course) == []


COMPATIBLE = {
    "a method moves into a base class": (
        "    def shared(self, x):\n        return x\n",
        "    def shared(self, x):\n        return x\n\n    def extra(self):\n        pass\n",
    ),
    "annotations": ("data: list", "data: 'tuple'"),
    "a property becomes an attribute": (
        "    @property\n    def shape(self):\n        return ()\n", "    shape = ()\n"
    ),
    "private things": ("def _private(self)", "def _other(self, x)"),
}  # fmt: skip


@pytest.mark.parametrize("what", COMPATIBLE)
def test_what_callers_cannot_notice_is_no_break(small: SmallCourse, what: str) -> None:
    course = kept(small)
    found = changed(course, *COMPATIBLE[what])
    assert [f for f in found if f.severity == "error"] == []


def test_an_inherited_break_is_told_once_where_it_is_inherited_from(small: SmallCourse) -> None:
    course = kept(small)
    found = changed(course, "def reshape(self, *shape)", "def reshape(self)")
    assert [f.message.partition(":")[0] for f in found] == ["Tensor.reshape"]


def test_modules_outside_the_package_are_not_compared_and_stay_in_the_snapshot(
    small: SmallCourse,
) -> None:
    add(small, "tensor", "class Tensor:\n    pass")
    add(small, "layers", "class Linear:\n    pass")
    course = exported(small)
    contract.write(course)
    export(course, course.modules[:1])
    assert contract.check(course) == []
    contract.write(course)
    kept_api = contract.stored(course)
    assert kept_api is not None
    assert set(kept_api.modules) == {"core.tensor", "core.layers"}


def test_a_new_module_is_one_warning(small: SmallCourse) -> None:
    add(small, "tensor", "class Tensor:\n    pass")
    add(small, "layers", "class Linear:\n    pass\n\n\nclass Dropout:\n    pass")
    course = small.load()
    export(course, course.modules[:1])
    contract.write(course)
    export(course, course.modules)
    (finding,) = contract.check(course)
    assert finding.severity == "warning"
    assert "core.layers" in finding.message


def test_without_a_snapshot_the_hint_says_how_to_make_one(small: SmallCourse) -> None:
    add(small, "tensor", BASE)
    course = exported(small)
    (finding,) = contract.check(course)
    assert (finding.rule, finding.path) == ("contract-new", "modules/api.json")
    assert contract.write(course) == course.root / "modules/api.json"
    assert contract.check(course) == []


def test_write_refuses_a_break_until_it_is_accepted(small: SmallCourse) -> None:
    course = kept(small)
    before = (course.root / "modules/api.json").read_bytes()
    changed(course, "default = 1", "_default = 1")
    with pytest.raises(RefusedError, match="1 change") as caught:
        contract.write(course)
    assert [f.rule for f in caught.value.findings] == ["contract-broken"]
    assert (course.root / "modules/api.json").read_bytes() == before
    contract.write(course, force=True)
    assert contract.check(course) == []


@pytest.mark.parametrize(
    "data",
    [
        b"not json",
        b"[]",
        b'{"modules": {}, "more": 1}',
        b'{"modules": {}, "format": 99}',
        b'{"modules": {"core.tensor": {"functions": {"f": "(x"}}}}',
        b'{"modules": {"core.tensor": {"functions": {"f": "class (x)"}}}}',
        b'{"modules": {"core.tensor": {"functions": {"f": "(x=\\u0000)"}}}}',
        b'{"modules": {"core.tensor": {"functions": {"f": "(x): pass\\nprint("}}}}',
        b"[" * 100_000,
        b"\xff",
        b" " * (contract.LARGEST_SNAPSHOT + 1),
    ],
)
def test_a_snapshot_that_cannot_be_read_is_refused(small: SmallCourse, data: bytes) -> None:
    course = kept(small)
    path = course.root / "modules/api.json"
    path.write_bytes(data)
    with pytest.raises(TitoError, match="snapshot") as caught:
        contract.check(course)
    assert caught.value.where == "modules/api.json"
    with pytest.raises(TitoError, match="snapshot"):
        contract.write(course)
    contract.write(course, force=True)
    assert contract.check(course) == []


def test_a_generated_file_that_is_not_python_is_named(small: SmallCourse) -> None:
    course = kept(small)
    (course.package / "core/tensor.py").write_text("def (:\n")
    with pytest.raises(TitoError, match="not Python") as caught:
        snapshot(course)
    assert caught.value.where == "tinytorch/core/tensor.py"
    assert caught.value.hint.endswith("tito export --all")


def test_without_a_dev_file_the_place_is_the_generated_one(small: SmallCourse) -> None:
    course = kept(small)
    course.dev_file(course.modules[0]).unlink()
    path = course.package / "core/tensor.py"
    path.write_text(path.read_text().replace("def reshape(self, *shape)", "def reshape(self, x)"))
    (finding,) = [f for f in contract.check(course) if f.severity == "error"][:1]
    assert finding.path == "tinytorch/core/tensor.py"
    assert "def reshape" in path.read_text().split("\n")[finding.line - 1]


def test_findings_without_places_name_the_module() -> None:
    old = Api({"core.x": Surface(names=("a",))})
    (finding,) = compare(old, Api({"core.x": Surface()}))
    assert (finding.path, finding.rule) == ("core.x", "contract-broken")


def test_a_dataclass_is_compared_by_its_fields(small: SmallCourse) -> None:
    text = """\
    from dataclasses import dataclass
    from typing import ClassVar

    @dataclass
    class Base:
        first: int

    @dataclass(frozen=True)
    class History(Base):
        kind: ClassVar[str] = "x"
        epochs: int = 0
    """
    course = kept(small, text)
    surface = snapshot(course).modules["core.tensor"]
    assert surface.classes["History"].methods == {"__init__": "(first, epochs=0)"}
    found = changed(course, "epochs: int = 0", "epochs: int")
    assert ["lost its default" in f.message for f in found] == [True]


def test_names_are_followed_through_imports_and_aliases(small: SmallCourse) -> None:
    add(small, "tensor", "def silu(x):\n    pass\n\n\nswish = silu\n\n\nclass Base:\n    y = 1")
    text = """\
    import tinytorch.core.tensor as t
    from tinytorch.core import tensor
    from tinytorch.core.tensor import Base as Root

    again = t.silu
    circle = circle
    outer = t.missing
    for gone in (): pass
    _all_ = ["gone"]

    class A(t.Base): pass
    class B(tensor.Base): pass
    class C(Root): pass
    class D(unknown.Thing[int]): pass
    class E(E): pass
    """
    add(small, "layers", text)
    surface = snapshot(exported(small)).modules["core.layers"]
    assert surface.functions == {"again": "(x)"}
    assert surface.names == ("circle", "outer", "gone")
    bases = {name: described.bases for name, described in surface.classes.items()}
    assert bases == {
        "A": ("Base",), "B": ("Base",), "C": ("Base",), "D": ("unknown.Thing",), "E": ("E",)
    }  # fmt: skip
