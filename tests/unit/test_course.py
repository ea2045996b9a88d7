"""classroom.yml: every fault is reported with its line and what was meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import ROOT
from tito import course as course_module
from tito.classroom import json_schema
from tito.course import find_root, load, load_cached
from tito.errors import RefusedError, TitoError, UsageError
from tito.report import Finding

TEXT = (ROOT / "classroom.yml").read_text(encoding="utf-8")


def faults(root: Path, text: str) -> tuple[Finding, ...]:
    (root / "classroom.yml").write_text(text, encoding="utf-8")
    with pytest.raises(RefusedError) as caught:
        load(root)
    return caught.value.findings


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_the_course_declares_twenty_modules_and_sixteen_checkpoints() -> None:
    course = load(ROOT)
    assert [module.number for module in course.modules] == [f"{i:02}" for i in range(1, 21)]
    assert [c.number for c in course.checkpoints] == [f"{i:02}" for i in range(16)]
    assert course.settings.points == sum(module.points for module in course.modules)


@pytest.mark.parametrize("reference", ["2", "02", "tensor", "02_tensor", "Tensor", " 02 "])
def test_a_module_is_found_by_number_and_name(reference: str) -> None:
    assert load(ROOT).module(reference).slug == "02_tensor"


@pytest.mark.parametrize("reference", ["tensr", "99", "", "²", "-1", "02_tensors"])
def test_an_unknown_module_gets_a_suggestion(reference: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(ROOT).module(reference)
    assert repr(reference) in caught.value.message
    assert "tito module list" in caught.value.hint
    if reference.startswith(("tens", "02_")):
        assert "02_tensor" in caught.value.hint


def test_a_checkpoint_is_found_too() -> None:
    course = load(ROOT)
    assert course.checkpoint("1").slug == course.checkpoint("foundation").slug == "01_foundation"
    assert course.checkpoint("0").path == "tests/checkpoints/checkpoint_00_environment.py"


PLANTED: dict[str, tuple[Callable[[str], str], str, str, str]] = {
    # what is done to the text → the rule, a part of the message, a part of the hint
    "number without quotes": (
        lambda t: t.replace('number: "07"', "number: 07"),
        "course-value",
        "number",
        '"07"',
    ),
    "python without quotes": (
        lambda t: t.replace('"3.10",', "3.10,"),
        "course-value",
        "pythons",
        '"3.10"',
    ),
    "duplicate key": (
        lambda t: t.replace("    name: tensor\n", "    name: tensor\n    name: tensor\n"),
        "course-duplicate",
        "'name' stands twice",
        "keep one",
    ),
    "alias": (
        lambda t: t.replace("title: Setup", "title: &a Setup").replace(
            "title: Tensor", "title: *a"
        ),
        "course-alias",
        "alias",
        "write the value out",
    ),
    "merge key": (
        lambda t: t.replace("    name: tensor\n", "    <<: {name: tensor}\n"),
        "course-alias",
        "merge key",
        "",
    ),
    "unknown field": (
        lambda t: t.replace("target: core.tensor", "targt: core.tensor"),
        "course-value",
        "unknown field 'targt'",
        "'target'",
    ),
    "unknown section": (
        lambda t: t.replace("\nmodules:", "\nmodule:"),
        "course-value",
        "unknown section 'module'",
        "'modules'",
    ),
    "unknown need": (
        lambda t: t.replace("needs: [tensor]\n    points: 40", "needs: [tensro]\n    points: 40"),
        "course-value",
        "unknown module 'tensro'",
        "'tensor'",
    ),
    "later need": (
        lambda t: t.replace("needs: [tensor]\n    points: 40", "needs: [spatial]\n    points: 40"),
        "course-order",
        "needs the later 'spatial'",
        "earlier",
    ),
    "same name": (
        lambda t: t.replace("name: layers\n", "name: tensor\n"),
        "course-duplicate",
        "'tensor' stands twice",
        "",
    ),
    "same target": (
        lambda t: t.replace("target: core.layers", "target: core.tensor"),
        "course-duplicate",
        "'core.tensor' stands twice",
        "",
    ),
    "number out of order": (
        lambda t: t.replace(
            'number: "03"\n    name: activations', 'number: "04"\n    name: activations'
        ),
        "course-value",
        'where "03" belongs',
        "",
    ),
    "points do not add up": (
        lambda t: t.replace("points: 50", "points: 51", 1),
        "course-value",
        "the modules add up to",
        "",
    ),
    "checkpoint of nothing": (
        lambda t: t.replace("modules: [setup]", "modules: []"),
        "course-value",
        "names no module",
        "",
    ),
    "checkpoint of an unknown module": (
        lambda t: t.replace("modules: [setup]", "modules: [setpu]"),
        "course-value",
        "unknown module 'setpu'",
        "'setup'",
    ),
    "not a list": (
        lambda t: t.replace("\nprotection:\n", "\nprotection: 3\nx:\n"),
        "course-value",
        "protection",
        "",
    ),
    "target elsewhere": (
        lambda t: t.replace("target: core.tensor", "target: other.tensor"),
        "course-value",
        "target",
        "",
    ),
    "not YAML": (lambda t: t + "\n  - [", "course-yaml", "not valid YAML", ""),
    "a list instead": (lambda _: "- 1\n", "course-value", "must be a mapping", ""),
    "empty": (lambda _: "", "course-value", "must be a mapping", ""),
    "modules are text": (
        lambda t: t.replace("\nmodules:\n", "\nmodules: many\nmodul:\n"),
        "course-value",
        "must be a list of records",
        "",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_each_planted_fault_is_reported(tmp_path: Path, name: str) -> None:
    change, rule, message, hint = PLANTED[name]
    text = change(TEXT)
    assert text != TEXT
    found = faults(tmp_path, text)
    matching = [f for f in found if f.rule == rule and message in f.message and hint in f.hint]
    assert matching, found
    assert matching[0].path == "classroom.yml"
    assert 1 <= matching[0].line <= text.count("\n") + 1


def test_the_line_is_the_line_of_the_value(tmp_path: Path) -> None:
    text = TEXT.replace('number: "07"', "number: 07").replace("core.spatial", "spatial")
    lines = {finding.line for finding in faults(tmp_path, text)}
    assert line_of(text, "number: 07") in lines
    assert line_of(text, "target: spatial") in lines


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "classroom.yml").write_bytes(b"course: \xff\xfe")
    with pytest.raises(TitoError, match="UTF-8"):
        load(tmp_path)


def test_no_course_names_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TitoError) as caught:
        find_root(tmp_path)
    assert "change into the folder" in caught.value.hint
    with pytest.raises(TitoError, match=r"no classroom\.yml"):
        load(tmp_path)


def test_the_root_is_found_from_below() -> None:
    assert find_root(ROOT / "tests" / "unit") == ROOT


def test_the_shipped_schema_is_the_one_of_the_types() -> None:
    shipped = (ROOT / "tito" / "classroom.schema.json").read_text(encoding="utf-8")
    assert shipped == json_schema(), "write it anew: python -m tito.classroom"


def test_windows_newlines_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()
    (tmp_path / "classroom.yml").write_bytes(data)
    assert load(tmp_path).modules == load(ROOT).modules


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_mangled_file_is_refused_or_read_and_never_crashes(
    tmp_path: Path, data: st.DataObject
) -> None:
    lines = TEXT.split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        index = data.draw(st.integers(0, len(lines) - 1))
        piece = data.draw(
            st.sampled_from(["", "- ", "&a", "*a", "{", "]", "'", "\t", ": 1", "!!set"])
        )
        lines[index] = data.draw(
            st.sampled_from([piece, lines[index] + piece, piece + lines[index]])
        )
    (tmp_path / "classroom.yml").write_text("\n".join(lines), encoding="utf-8")
    try:
        assert course_module.load(tmp_path).modules
    except RefusedError as error:
        assert error.findings
        assert all(finding.line >= 1 for finding in error.findings)


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    (tmp_path / "classroom.yml").write_text("course: " + "[" * 5000, encoding="utf-8")
    with pytest.raises(RefusedError):
        load(tmp_path)


def test_the_copy_is_used_only_for_the_very_same_file(tmp_path: Path) -> None:
    file = tmp_path / "classroom.yml"
    file.write_text(TEXT, encoding="utf-8")
    assert load_cached(tmp_path) == load_cached(tmp_path) == load(tmp_path)
    file.write_text(TEXT.replace("name: TinyTorch", "name: Other"), encoding="utf-8")
    assert load_cached(tmp_path).settings.name == "Other"
    file.write_text(TEXT.replace("name: TinyTorch", "nme: Other"), encoding="utf-8")
    with pytest.raises(RefusedError):
        load_cached(tmp_path)


@pytest.mark.parametrize("spoil", [lambda _: b"", lambda data: data[:40], lambda data: b"x" + data])
def test_a_broken_copy_is_made_again(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    (tmp_path / "classroom.yml").write_text(TEXT, encoding="utf-8")
    whole = load_cached(tmp_path)
    copy = tmp_path / ".tito" / "course"
    good = copy.read_bytes()
    copy.write_bytes(spoil(good))
    assert load_cached(tmp_path) == whole
    assert copy.read_bytes() == good
