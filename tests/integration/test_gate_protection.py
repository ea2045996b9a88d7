"""The protection gate: what was changed by hand, and what a change locks or unlocks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tito.cli import invoke
from tito.course import load
from tito.export import _sha
from tito.gates import protection_gate
from tito.protection import covered
from tito.report import Finding, GateResult, decode

pytestmark = pytest.mark.slow

ADD = "        return x + y\n"
TENSOR = "tinytorch/core/tensor.py"
DEV = "modules/source/02_tensor/tensor_dev.py"


@pytest.fixture
def root(copy_of_course: Callable[[], Path]) -> Path:
    return copy_of_course()


@pytest.fixture
def repository(root: Path) -> Path:
    """The course in a git repository whose branch `work` began where `main` is."""
    git(root, "init", "--quiet", "--initial-branch", "main")
    save(root)
    git(root, "switch", "--quiet", "--create", "work")
    return root


def git(root: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=root, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def save(root: Path) -> str:
    git(root, "add", "--all", "--force")
    git(root, "commit", "--quiet", "--message", "a change")
    return git(root, "rev-parse", "HEAD")


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def forge(file: Path) -> None:
    """Write the hash into the header that belongs to the body as it is now."""
    text = file.read_text(encoding="utf-8")
    head, _, body = text.partition("\n\n")
    lines = head.split("\n")
    at = next(i for i, line in enumerate(lines) if line.startswith("# body-hash: "))
    lines[at] = f"# body-hash: {_sha(body)}"
    file.write_text("\n".join(lines) + f"\n\n{body}", encoding="utf-8")


def errors(result: GateResult) -> list[Finding]:
    return [finding for finding in result.findings if finding.severity == "error"]


def rules(result: GateResult) -> set[tuple[str, str]]:
    return {(finding.rule, finding.path) for finding in result.findings}


def test_the_course_as_it_stands_passes(root: Path) -> None:
    assert protection_gate(root) == GateResult("protection", "passed", (), "tito gate protection")


def test_an_edit_by_hand_names_the_place_in_the_source(root: Path) -> None:
    change(root / TENSOR, ADD, ADD.replace("+", "-"))
    (finding,) = errors(protection_gate(root))
    assert (finding.rule, finding.path, finding.cell) == ("package-edited", TENSOR, "tensor-add")
    line = (root / TENSOR).read_text("utf-8").split("\n")[finding.line - 1]
    assert line.strip() == "return x - y"
    number = (root / DEV).read_text("utf-8").split("\n").index(ADD.rstrip()) + 1
    assert f"{DEV}:{number}" in finding.hint


def test_an_edit_is_seen_even_if_the_sources_cannot_be_exported(root: Path) -> None:
    change(root / TENSOR, ADD, ADD.replace("+", "-"))
    change(root / "modules/source/03_activations/activations_dev.py", "import", "imprt (")
    (finding,) = errors(protection_gate(root))
    assert (finding.rule, finding.path, finding.line) == ("package-edited", TENSOR, 0)
    assert DEV in finding.hint


def test_an_edit_of_the_file_of_no_module_is_undone_by_an_export(root: Path) -> None:
    file = root / "tinytorch/core/__init__.py"
    file.write_text(file.read_text("utf-8") + "x = 1\n", encoding="utf-8")
    (finding,) = errors(protection_gate(root))
    assert (finding.rule, finding.path) == ("package-edited", "tinytorch/core/__init__.py")
    assert finding.hint == "throw the change away: tito export --all"


def test_a_forged_header_does_not_match_the_manifest(root: Path) -> None:
    change(root / TENSOR, ADD, ADD.replace("+", "-"))
    forge(root / TENSOR)
    (finding,) = errors(protection_gate(root))
    assert (finding.rule, finding.path) == ("package-manifest", TENSOR)


def test_a_forged_manifest_too_is_seen_against_the_base(repository: Path) -> None:
    init = repository / "tinytorch/__init__.py"
    before = _sha((repository / TENSOR).read_text("utf-8"))
    change(repository / TENSOR, ADD, ADD.replace("+", "-"))
    forge(repository / TENSOR)
    change(init, before, _sha((repository / TENSOR).read_text("utf-8")))
    forge(init)
    assert errors(protection_gate(repository)) == []  # without history there is nothing to see
    save(repository)
    result = protection_gate(repository, base="main")
    assert result.status == "failed"
    assert {finding.rule for finding in errors(result)} == {"protection-generated"}
    by_path = {finding.path: finding.message for finding in errors(result)}
    assert by_path[TENSOR] == f"this generated file changed, and {DEV} did not"
    assert by_path["tinytorch/__init__.py"].endswith("and none of its sources did")


def test_missing_and_foreign_files_and_links_are_stopped(root: Path) -> None:
    (root / "tinytorch/utils/__init__.py").unlink()
    (root / "tinytorch/core/mine.py").write_text("x = 1\n", encoding="utf-8")
    (root / "tinytorch/away").symlink_to(root / "modules")
    cache = root / "tinytorch/__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "link.pyc").symlink_to(root / "classroom.yml")
    assert rules(protection_gate(root)) == {
        ("package-missing", "tinytorch/utils/__init__.py"),
        ("package-foreign", "tinytorch/core/mine.py"),
        ("package-foreign", "tinytorch/away"),
    }


@pytest.mark.parametrize("text", ["", "_manifest = 3\n", "_manifest = {'a': f()}\n", "x = (\n"])
def test_a_package_without_a_manifest_is_stopped(root: Path, text: str) -> None:
    (root / "tinytorch/__init__.py").write_text(text, encoding="utf-8")
    change(root / TENSOR, ADD, ADD.replace("+", "-"))
    (root / "tinytorch/mine.py").write_text("x = 1\n", encoding="utf-8")
    found = rules(protection_gate(root))
    assert ("package-manifest", "tinytorch/__init__.py") in found
    assert ("package-edited", "tinytorch/__init__.py") in found
    assert ("package-edited", TENSOR) in found
    assert ("package-foreign", "tinytorch/mine.py") in found


def test_no_package_at_all_is_stopped(root: Path) -> None:
    (root / "tinytorch").rename(root / "elsewhere")
    assert rules(protection_gate(root)) == {
        ("package-manifest", "tinytorch/__init__.py"),
        ("package-missing", "tinytorch/__init__.py"),
    }


def test_windows_line_ends_are_no_edit(root: Path) -> None:
    for file in (root / "tinytorch").rglob("*.py"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert protection_gate(root).status == "passed"


# With a base.


def test_a_changed_module_and_its_export_pass(
    repository: Path, in_folder: Callable[[Path], None]
) -> None:
    change(repository / DEV, ADD, "        return np.add(x, y)\n")
    in_folder(repository)
    assert invoke(["export", "--all"]) == 0
    save(repository)
    result = protection_gate(repository, base="main")
    assert (result.status, result.findings) == ("passed", ())
    assert result.reproduce == "tito gate protection --base main"


def test_what_a_change_locks_is_said_and_does_not_fail(repository: Path) -> None:
    (repository / ".github").mkdir()
    (repository / ".github/x.yml").write_text("a: b\n", encoding="utf-8")
    (repository / "README").write_text("not locked\n", encoding="utf-8")
    save(repository)
    result = protection_gate(repository, base="main")
    assert result.status == "passed"
    (finding,) = result.findings
    assert (finding.rule, finding.severity) == ("protection-locked", "warning")
    assert finding.path == ".github/x.yml"
    assert "changes its own gates" in finding.message


def test_nobody_unlocks_what_the_same_change_touches(repository: Path) -> None:
    change(repository / "classroom.yml", '"tests/**", ', "")
    change(repository / "classroom.yml", 'locked: ["classroom.yml", ', "locked: [")
    file = next((repository / "tests/checkpoints").glob("checkpoint_*.py"))
    file.write_text(file.read_text("utf-8") + "\n", encoding="utf-8")
    save(repository)
    found = {f.path for f in protection_gate(repository, base="main").findings}
    assert found == {"classroom.yml", file.relative_to(repository).as_posix()}


def test_a_base_whose_course_cannot_be_read_locks_nothing_more(repository: Path) -> None:
    good = (repository / "classroom.yml").read_text("utf-8")
    (repository / "classroom.yml").write_text("no: course\n", encoding="utf-8")
    broken = save(repository)
    (repository / "classroom.yml").write_text(good, encoding="utf-8")
    save(repository)
    result = protection_gate(repository, base=broken)
    assert [finding.path for finding in result.findings] == ["classroom.yml"]


def test_what_is_not_committed_yet_counts_too(repository: Path) -> None:
    (repository / "tests/new.py").write_text("x = 1\n", encoding="utf-8")
    change(repository / "classroom.yml", "name: TinyTorch", "name: Tiny")
    found = {f.path for f in protection_gate(repository, base="main").findings}
    assert found >= {"tests/new.py", "classroom.yml"}


def test_only_what_changed_since_the_branch_began_counts(repository: Path) -> None:
    git(repository, "switch", "--quiet", "main")
    (repository / "tests/other.py").write_text("x = 1\n", encoding="utf-8")
    save(repository)
    git(repository, "switch", "--quiet", "work")
    assert protection_gate(repository, base="main").findings == ()


def test_a_module_that_enters_the_package_has_no_changed_source(repository: Path) -> None:
    for module in load(repository).entered()[1:]:
        (repository / "tinytorch" / module.file).unlink()
    assert invoke_in(repository, "export", "--all") == 0
    save(repository)
    assert invoke_in(repository, "export", "--all", "--force") == 0
    save(repository)
    assert protection_gate(repository, base="HEAD~1").findings == ()


def invoke_in(folder: Path, *arguments: str) -> int:
    before = Path.cwd()
    os.chdir(folder)
    try:
        return invoke(arguments)
    finally:
        os.chdir(before)


def test_a_generated_file_of_an_unreadable_course_needs_its_source_changed(
    repository: Path,
) -> None:
    change(repository / "modules/source/03_activations/activations_dev.py", "import", "imprt (")
    change(repository / TENSOR, ADD, ADD.replace("+", "-"))
    forge(repository / TENSOR)
    (repository / "tinytorch/__init__.py").unlink()
    save(repository)
    found = rules(protection_gate(repository, base="main"))
    assert ("protection-generated", TENSOR) in found


@pytest.mark.parametrize("base", ["", "nowhere", "--output=x", "HEAD:classroom.yml", "0" * 40])
def test_a_missing_base_is_an_error_and_never_green(repository: Path, base: str) -> None:
    result = protection_gate(repository, base=base)
    assert result.status == "error"
    assert "git fetch" in result.findings[0].hint
    refused = "is no commit to compare with" in result.findings[0].message
    assert refused == (base in ("", "--output=x"))


def test_a_base_without_a_common_commit_is_an_error(repository: Path) -> None:
    git(repository, "switch", "--quiet", "--orphan", "other")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "another beginning")
    git(repository, "switch", "--quiet", "work")
    result = protection_gate(repository, base="other")
    assert result.status == "error"
    assert "no common commit" in result.findings[0].message


def test_outside_a_repository_a_base_is_an_error(root: Path) -> None:
    result = protection_gate(root, base="main")
    assert result.status == "error"
    assert "not a git repository" in result.findings[0].message


def test_without_git_a_base_is_an_error(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = protection_gate(repository, base="main")
    assert (result.status, result.findings[0].message) == ("error", "git is not installed")


def test_a_git_that_hangs_is_an_error(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tool = tmp_path / "git"
    tool.write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("tito.protection._LONGEST_GIT", 0.2)
    result = protection_gate(repository, base="main")
    assert result.status == "error"
    assert "took more than" in result.findings[0].message


def test_the_environment_cannot_lead_git_elsewhere(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (repository / "tests/new.py").write_text("x = 1\n", encoding="utf-8")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    assert [f.path for f in protection_gate(repository, base="main").findings] == ["tests/new.py"]


def test_a_course_in_a_folder_of_the_repository_has_its_own_paths(
    root: Path, tmp_path: Path
) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    save(tmp_path)
    (root / "tests/new.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "classroom.yml").write_text("outside\n", encoding="utf-8")
    save(tmp_path)
    assert [f.path for f in protection_gate(root, base="HEAD~1").findings] == ["tests/new.py"]


def test_an_unreadable_course_is_not_green(root: Path) -> None:
    (root / "classroom.yml").write_text("[", encoding="utf-8")
    assert protection_gate(root).status == "failed"
    (root / "classroom.yml").write_bytes(b"\xff")
    assert protection_gate(root).status == "error"


def test_the_command_writes_json_and_its_exit_code_is_the_verdict(
    repository: Path, tmp_path: Path
) -> None:
    file = tmp_path / "result.json"
    arguments = ("gate", "protection", "--base", "main", "--json", str(file))
    assert invoke_in(repository, *arguments) == 0
    assert decode(file.read_bytes()).status == "passed"
    change(repository / TENSOR, ADD, ADD.replace("+", "-"))
    assert invoke_in(repository, *arguments) == 1
    assert decode(file.read_bytes()).status == "failed"
    assert invoke_in(repository, "gate", "protection", "--base", "nowhere") == 1


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("tests/**", "tests/a/b.py", True),
        ("tests/**", "tests", False),
        ("tests/**", "my/tests/a", False),
        ("classroom.yml", "classroom.yml", True),
        ("classroom.yml", "classroomXyml", False),
        ("modules/*/*_dev.py", "modules/a/b_dev.py", True),
        ("modules/*/*_dev.py", "modules/a/c/b_dev.py", False),
        ("**/x.py", "x.py", True),
        ("**/x.py", "a/b/x.py", True),
        ("**/x.py", "ax.py", False),
        ("?.py", "a.py", True),
        ("?.py", "/.py", False),
        ("a**", "a/b\nc", True),
    ],
)
def test_globs(glob: str, path: str, expected: bool) -> None:
    assert covered(path, [glob]) is expected
