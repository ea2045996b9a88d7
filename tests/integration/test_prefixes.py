"""Prefix integrity: for every k the package of modules 1…k imports silently and passes its tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.nbgrader_course import needs_nbgrader
from tito import course as course_module
from tito.course import Course, Module
from tito.export import build
from tito.importing import check_import, import_package
from tito.student import student_version, student_versions
from tito.testing import run_module, write_package

pytestmark = pytest.mark.slow

COURSE = course_module.load(ROOT)
WRITTEN = [module for module in COURSE.modules if COURSE.written(module)]


def slug(module: Module) -> str:
    return module.slug


def write_prefix(course: Course, module: Module, folder: Path) -> Path:
    write_package(folder / course.settings.package, build(course, course.up_to(module)))
    return folder


@pytest.mark.parametrize("module", WRITTEN, ids=slug)
def test_each_prefix_imports_alone_and_silently(module: Module, tmp_path: Path) -> None:
    outcome = import_package(COURSE, write_prefix(COURSE, module, tmp_path))
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, "", "")


@pytest.mark.parametrize("module", WRITTEN, ids=slug)
def test_module_k_passes_its_tests_on_prefix_k(module: Module) -> None:
    run = run_module(COURSE, module)
    assert run.findings == ()
    assert run.passed


@pytest.mark.parametrize("last", WRITTEN, ids=slug)
def test_every_earlier_module_passes_on_prefix_k(last: Module, tmp_path: Path) -> None:
    """The whole matrix: a later module must not break what stands before it."""
    root = tmp_path / "course"
    shutil.copytree(ROOT / "modules", root / "modules", ignore=shutil.ignore_patterns("*.ipynb"))
    for name in ("classroom.yml", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    course = course_module.load(root)
    for module in course.up_to(last):
        run = run_module(course, module, package_of=last)
        assert run.findings == (), module.slug
        assert run.passed


@needs_nbgrader
def test_the_version_of_stubs_imports_silently(
    copy_of_course: Callable[[], Path], tmp_path: Path
) -> None:
    course = course_module.load(copy_of_course())
    for module, text in student_versions(course, WRITTEN).items():
        course.dev_file(module).write_text(text, encoding="utf-8")
    text = course.dev_file(WRITTEN[1]).read_text(encoding="utf-8")
    assert "NotImplementedError" in text
    assert "SOLUTION" not in text
    folder = write_prefix(course, WRITTEN[-1], tmp_path / "package")
    check_import(course, folder)


@pytest.mark.parametrize("module", WRITTEN, ids=slug)
@needs_nbgrader
def test_a_stub_fails_every_test_of_its_module(
    module: Module, copy_of_course: Callable[[], Path]
) -> None:
    course = course_module.load(copy_of_course())
    file = course.dev_file(module)
    file.write_text(student_version(course, module), encoding="utf-8")
    run = run_module(course, module)
    passed = [test.name for test in run.tests if test.verdict == "passed"]
    assert passed == []
    assert any(module.slug in finding.message for finding in run.findings)
