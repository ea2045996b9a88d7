"""What a module's text says is found out once, and is never what another text said."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import SmallCourse
from tito import refusals, source
from tito.course import Course
from tito.errors import RefusedError
from tito.export import build, export, stale_modules

KEPT = (source.parse, refusals.parse, refusals.look, refusals.judge)
NAMES = ("first", "second", "third")
DEV = "# %%\n#| default_exp core.NAME\n#| export\nNAME_value = 1\n\n\n# %%\ndef test_it():\n    pass\n"


@pytest.fixture
def course(small: SmallCourse) -> Course:
    for name in NAMES:
        small.add(name, DEV.replace("NAME", name))
    return small.load()


def forget() -> None:
    for function in KEPT:
        function.cache_clear()


def test_the_packages_of_all_prefixes_read_each_module_once(course: Course) -> None:
    forget()
    for module in course.modules:
        build(course, course.up_to(module))
    assert [function.cache_info().misses for function in KEPT] == [len(NAMES)] * len(KEPT)


def test_a_package_is_the_same_when_everything_is_remembered(course: Course) -> None:
    def built() -> list[dict[str, bytes]]:
        return [build(course, course.up_to(module)) for module in course.modules]

    forget()
    assert built() == built()


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_file_is_read_again(course: Course, name: str) -> None:
    before = build(course, course.modules)
    export(course, course.modules)
    module = course.module(name)
    file = course.dev_file(module)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("_value = 1", "_value = 2"), encoding="utf-8")
    assert b"_value = 2" in build(course, course.modules)[module.file]
    assert stale_modules(course) == (module,)
    file.write_text(text.replace("_value = 1", "_value = ("), encoding="utf-8")
    with pytest.raises(RefusedError):
        build(course, course.modules)
    file.write_text(text, encoding="utf-8")
    assert build(course, course.modules) == before
    assert stale_modules(course) == ()


@pytest.mark.parametrize("first", [True, False])
def test_what_only_compiling_sees_is_seen_when_it_is_asked_for(course: Course, first: bool) -> None:
    """Whatever was asked before."""
    file = course.dev_file(course.modules[0])
    text = file.read_text(encoding="utf-8").replace("first_value = 1", "first_value = 1\nreturn")
    file.write_text(text, encoding="utf-8")
    builds: dict[bool, Callable[[], object]] = {
        True: lambda: build(course, course.modules, compiled=True),
        False: lambda: build(course, course.modules, compiled=False),
    }
    for compiled in (first, not first, first):
        if compiled:
            with pytest.raises(RefusedError) as refused:
                builds[compiled]()
            assert "'return' outside function" in refused.value.findings[0].message
        else:
            builds[compiled]()


def test_what_was_found_cannot_be_added_to(course: Course) -> None:
    module = course.modules[0]
    dev = source.read(course.dev_file(module), course.dev_path(module))
    examined = refusals.examine(module, dev)[1]
    examined += refusals.examine(module, source.parse("# %%\nx = (\n", dev.path))[1]
    assert examined
    assert refusals.examine(module, dev)[1] == []


def test_the_same_text_under_another_name_is_another_file(course: Course) -> None:
    text = DEV.replace("NAME", "first")
    one, other = source.parse(text, "one.py"), source.parse(text, "other.py")
    assert (one.path, other.path) == ("one.py", "other.py")
    assert source.parse(text, "one.py") is one
