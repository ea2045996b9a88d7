"""The way of a module: export, then its tests on the exported code, failures at dev-file lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tito import course as course_module
from tito.cli import invoke
from tito.testing import run_module


def test_the_second_export_writes_nothing(
    copy_of_course: Callable[[], Path], in_folder: Callable[[Path], None]
) -> None:
    root = copy_of_course()
    in_folder(root)
    assert invoke(["export", "--all"]) == 0
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in root.rglob("tinytorch/**/*.py")}
    assert invoke(["export", "--all"]) == 0
    after = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in root.rglob("tinytorch/**/*.py")}
    assert before == after
    assert len(before) >= 4


@pytest.mark.slow
def test_a_wrong_solution_fails_at_its_test_in_the_dev_file(
    copy_of_course: Callable[[], Path],
) -> None:
    root = copy_of_course()
    dev = root / "modules/source/02_tensor/tensor_dev.py"
    text = dev.read_text(encoding="utf-8")
    dev.write_text(text.replace("        return x + y\n", "        return x - y\n"), "utf-8")
    course = course_module.load(root)
    run = run_module(course, course.module("tensor"))
    assert not run.passed
    failure = next(t for t in run.tests if t.name == "test_add")
    assert failure.finding is not None
    assert failure.finding.cell == "tensor-add-test"
    line = dev.read_text(encoding="utf-8").split("\n")[failure.finding.line - 1]
    assert "Tensor([1.0, 2.0]) + Tensor([3.0, 4.0])" in line


def test_an_error_inside_a_solution_is_shown_at_its_line(
    copy_of_course: Callable[[], Path], in_folder: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    root = copy_of_course()
    dev = root / "modules/source/02_tensor/tensor_dev.py"
    text = dev.read_text(encoding="utf-8")
    dev.write_text(text.replace("        return x * y\n", "        return x * z\n"), "utf-8")
    number = dev.read_text(encoding="utf-8").split("\n").index("        return x * z") + 1
    in_folder(root)
    assert invoke(["module", "test", "02"]) == 1
    output = capsys.readouterr().out
    assert f"modules/source/02_tensor/tensor_dev.py:{number}  cell tensor-arithmetic\n" in output
    assert "name 'z' is not defined" in output
