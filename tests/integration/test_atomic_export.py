"""The package is never half-written: killed at any moment it is the old one or the new one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, SmallCourse
from tito import atomic
from tito.errors import RefusedError, TitoError
from tito.export import export

MODULE = """\
    # %%
    #| default_exp core.{name}
    #| export
    def {name}_value():
        return {value}
    """


def two_states(small: SmallCourse) -> None:
    """A course whose package is older than its dev files: changed, new and removed files."""
    for name in ("first", "second", "third"):
        small.add(name, MODULE.format(name=name, value=1))
    course = small.load()
    export(course, course.modules[:2])
    stale = course.package / "core" / "stale.py"
    stale.write_text("# left from before\n", encoding="utf-8")
    for name, number in (("first", 1), ("third", 3)):
        path = small.root / f"modules/source/0{number}_{name}/{name}_dev.py"
        path.write_text(path.read_text(encoding="utf-8").replace("return 1", "return 2"), "utf-8")


def kill_everywhere(root: Path, way: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.kill_points", str(root), way, "240"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs fork; the journal is the way there")
@pytest.mark.parametrize("way", ["exchange", "journal"])
def test_killed_at_any_of_200_points_nothing_is_half_written(small: SmallCourse, way: str) -> None:
    two_states(small)
    seen = kill_everywhere(small.root, way)
    assert seen["faults"] == []
    assert seen["points"] >= 200
    assert seen["old"] > 0
    assert seen["new"] > 0
    # The journal's promise is "old, new, or refused and mended": each of them must have been met.
    assert (seen["refused"] > 0) == (way == "journal")
    assert (seen["mended"] > 0) == (way == "journal")


@pytest.mark.parametrize("exchange", [True, False])
def test_both_ways_give_the_same_tree(small: SmallCourse, exchange: bool) -> None:
    two_states(small)
    course = small.load()
    done = export(course, course.modules, exchange=exchange)
    assert "core/stale.py" in done.changed
    assert not (course.package / "core" / "stale.py").exists()
    assert "return 2" in (course.package / "core" / "third.py").read_text(encoding="utf-8")
    assert not atomic.staging_folder(course.package).exists()


def test_a_file_that_no_export_wrote_is_kept_aside(small: SmallCourse) -> None:
    two_states(small)
    course = small.load()
    done = export(course, course.modules)
    assert done.aside is not None
    kept = done.aside / "tinytorch" / "core" / "stale.py"
    assert kept.read_text(encoding="utf-8") == "# left from before\n"


def test_a_refused_export_leaves_package_and_folder_as_they_were(small: SmallCourse) -> None:
    two_states(small)
    path = small.root / "modules/source/03_third/third_dev.py"
    path.write_text(path.read_text(encoding="utf-8") + "\n# %%\n#| export\ndef f(:\n", "utf-8")
    course = small.load()
    before = {p: p.read_bytes() for p in small.root.rglob("*.py")}
    with pytest.raises(RefusedError) as caught:
        export(course, course.modules)
    assert [finding.rule for finding in caught.value.findings] == ["export-syntax"]
    assert {p: p.read_bytes() for p in small.root.rglob("*.py")} == before


def test_a_failed_check_of_the_new_tree_leaves_the_old_one(small: SmallCourse) -> None:
    two_states(small)
    course = small.load()
    before = {p: p.read_bytes() for p in course.package.rglob("*.py")}

    class Refuse:
        started = False

        def start(self) -> None:
            self.started = True

        def begin(self, folder: Path) -> None:
            assert self.started
            assert (folder / "tinytorch" / "core" / "third.py").is_file()

        def finish(self) -> None:
            raise TitoError("not good enough")

    with pytest.raises(TitoError, match="not good enough"):
        export(course, course.modules, check=Refuse())
    assert {p: p.read_bytes() for p in course.package.rglob("*.py")} == before
    assert not atomic.staging_folder(course.package).exists()


def test_the_first_export_needs_no_package(small: SmallCourse) -> None:
    small.add("first", MODULE.format(name="first", value=1))
    course = small.load()
    assert "core/first.py" in export(course, course.modules).changed


@pytest.mark.parametrize("exchange", [True, False])
def test_read_only_bits_are_taken_away_and_links_left_alone(
    small: SmallCourse, exchange: bool
) -> None:
    """What binds no superuser is still seen: the modes of what is left behind."""
    two_states(small)
    course = small.load()
    outside = small.root / "outside"
    outside.write_text("not ours\n", encoding="utf-8")
    outside.chmod(0o444)
    (course.package / "link").symlink_to(outside)
    for path in [*course.package.rglob("*"), course.package]:
        if not path.is_symlink():
            path.chmod(0o555 if path.is_dir() else 0o444)
    export(course, course.modules, exchange=exchange)
    assert outside.stat().st_mode & 0o777 == 0o444
    assert outside.read_text(encoding="utf-8") == "not ours\n"
    modes = [p.stat().st_mode for p in [*course.package.rglob("*"), course.package]]
    assert len(modes) > 5
    assert all(mode & 0o200 for mode in modes)
    export(course, course.modules, exchange=exchange)


def test_what_a_dead_process_left_read_only_is_cleared_away(small: SmallCourse) -> None:
    two_states(small)
    course = small.load()
    tree = atomic.stage(course.package, {"__init__.py": b"x = 1\n"})
    (tree / "__init__.py").chmod(0o444)
    tree.chmod(0o555)
    assert not atomic.recover(course.package)
    assert not atomic.staging_folder(course.package).exists()


def test_a_folder_that_cannot_be_exchanged_takes_the_journal(
    small: SmallCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_states(small)
    course = small.load()
    monkeypatch.setattr(atomic.ctypes, "CDLL", lambda *_, **__: object())
    atomic.stage(course.package, {"__init__.py": b"x = 1\n"})
    assert atomic.commit(course.package) == "journal"
    assert (course.package / "__init__.py").read_bytes() == b"x = 1\n"
    assert not (course.package / "core").exists()
