"""Every command of tito, used as a user uses it: right, wrong, as JSON, in a narrow window."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from tests.conftest import ROOT
from tito import atomic, system
from tito import course as course_module
from tito.cli import COMMANDS, invoke, main
from tito.system import Check

MODULES = course_module.load(ROOT).modules


@pytest.fixture
def course(copy_of_course: Callable[[], Path], in_folder: Callable[[Path], None]) -> Path:
    root = copy_of_course()
    in_folder(root)
    return root


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = invoke([*arguments, "--json", "-"])
    return code, json.loads(capsys.readouterr().out)


def commands(
    group: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, group
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            inner = group.get_command(context, name)
            assert inner is not None
            yield from commands(inner, (*path, name))


# Help


def test_the_literal_help_lines_are_those_of_the_commands() -> None:
    for name, line in COMMANDS.items():
        loaded = importlib.import_module(f"tito.cli.{name}").command
        assert loaded.name == name
        assert loaded.get_short_help_str(200) == line


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    from tito.cli import tito

    paths = [path for path, _ in commands(tito)]
    assert len(paths) > 15
    for path in paths:
        assert invoke([*path, "--help"]) == 0
        told = capsys.readouterr().out
        assert told.startswith(f"Usage: tito {' '.join(path)}".rstrip())
        assert len(told.split("\n")[2].strip()) > 20


def test_every_command_that_reports_has_json() -> None:
    from tito.cli import tito

    silent = {
        ("module", "notebook"),
        ("checkpoint", "run"),
        ("report", "merge"),
        ("report", "show"),
    }
    for path, command in commands(tito):
        if not isinstance(command, click.Group) and path not in silent:
            options = {option for parameter in command.params for option in parameter.opts}
            assert "--json" in options, path


def test_help_loads_no_command_and_nothing_heavy() -> None:
    code = (
        "import sys; from tito.cli import invoke; invoke(['--help']);"
        "print([n for n in ('rich', 'yaml', 'msgspec', 'numpy', 'jupytext', 'importlib.metadata')"
        " if n in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"


def test_the_version_is_the_projects(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["--version"]) == 0
    assert f'version = "{capsys.readouterr().out.split()[1]}"' in (
        ROOT / "pyproject.toml"
    ).read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["modul"], "Did you mean 'tito module'?"),
        (["nonsense"], "There are: module,"),
        (["module", "tset"], "tset"),
        (["module", "test", "--fast"], "--fast"),
        (["module", "test"], "name a module"),
        (["module", "test", "02", "--all"], "name a module"),
        (["export"], "name a module"),
        (["checkpoint", "test"], "name a checkpoint"),
        (["checkpoint", "run"], "CHECKPOINT"),
        (["module", "test", "tensro"], "did you mean tensor"),
        (["checkpoint", "test", "foundatio"], "did you mean foundation"),
    ],
)
def test_wrong_use_exits_with_2_and_says_how(
    course: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert invoke(arguments) == 2
    assert told in capsys.readouterr().err


def test_main_exits_with_the_code(course: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["module", "test", "nothing"])
    assert caught.value.code == 2


# Modules


def test_list_names_every_module_and_its_state(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, data = as_json(capsys, "module", "list")
    assert code == 0
    assert [item["module"] for item in data] == [module.slug for module in MODULES]
    assert data[1]["state"] == "in the package"
    assert data[-1]["state"] == "not written"
    (course / "tinytorch/core/tensor.py").unlink()
    assert as_json(capsys, "module", "list")[1][1]["state"] == "written"
    assert invoke(["module", "list"]) == 0
    assert "20_benchmarking" in capsys.readouterr().out


@pytest.mark.slow
def test_test_tells_each_module_and_json(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, data = as_json(capsys, "module", "test", "01", "tensor", "02")
    assert code == 0
    assert [item["module"] for item in data] == ["01_setup", "02_tensor"]
    assert all(test["verdict"] == "passed" for item in data for test in item["tests"])
    assert "limits" in data[0]["isolation"]


def test_a_module_that_is_not_written_is_a_clear_error(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = MODULES[-1]
    assert invoke(["module", "test", last.number]) == 1
    told = capsys.readouterr().err
    assert "not written yet" in told
    assert "Traceback" not in told


@pytest.mark.slow
def test_validate_runs_no_code_and_tells_every_finding(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["module", "validate", "--all"]) == 0
    assert "follows the rules" in capsys.readouterr().out
    dev = course / "modules/source/02_tensor/tensor_dev.py"
    text = dev.read_text(encoding="utf-8").replace("core.tensor\n", "core.tensro\n", 1)
    dev.write_text(text, encoding="utf-8")
    code, data = as_json(capsys, "module", "validate", "02")
    assert code == 1
    assert "export-target" in [finding["rule"] for finding in data]


# Export


@pytest.mark.slow
def test_a_module_enters_in_order_and_after_its_tests(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in reversed(MODULES):
        (course / "tinytorch" / module.file).unlink(missing_ok=True)
    assert invoke(["export", "--all"]) == 0
    assert "next is 01_setup: tito module export 01" in capsys.readouterr().out
    assert invoke(["module", "export", "02"]) == 1
    assert "cannot enter the package before 01_setup" in capsys.readouterr().err
    assert invoke(["module", "export", "01"]) == 0
    capsys.readouterr()
    dev = course / "modules/source/02_tensor/tensor_dev.py"
    good = dev.read_text(encoding="utf-8")
    dev.write_text(good.replace("return x + y\n", "return x - y\n", 1), encoding="utf-8")
    assert invoke(["module", "export", "02"]) == 1
    told = capsys.readouterr()
    assert "did not enter the package" in told.err
    assert "--force" in told.err
    assert not (course / "tinytorch/core/tensor.py").exists()
    assert invoke(["module", "export", "02", "--force"]) == 0
    assert (course / "tinytorch/core/tensor.py").exists()
    capsys.readouterr()
    dev.write_text(good, encoding="utf-8")
    code, data = as_json(capsys, "export", "02")
    assert code == 0
    assert "core/tensor.py" in data["changed"]


def test_export_all_with_force_takes_everything_in(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (course / "tinytorch").rglob("*.py"):
        path.unlink()
    assert invoke(["export", "--all", "--force"]) == 0
    assert "which is not written yet" in capsys.readouterr().out
    assert (course / "tinytorch/core/layers.py").exists()


def test_hand_made_changes_are_kept_and_the_place_is_told(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generated = course / "tinytorch/core/tensor.py"
    generated.write_text(generated.read_text("utf-8") + "# mine\n", encoding="utf-8")
    code, data = as_json(capsys, "export", "--all")
    assert code == 0
    kept = course / data["aside"] / "tinytorch/core/tensor.py"
    assert kept.read_text(encoding="utf-8").endswith("# mine\n")
    generated.write_text(generated.read_text("utf-8") + "# mine\n", encoding="utf-8")
    assert invoke(["export", "--all"]) == 0
    assert "were kept in .tito-aside/" in capsys.readouterr().out


def test_an_export_that_was_cut_off_is_finished_by_the_next_command(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = course / "tinytorch"
    new = {p.relative_to(package).as_posix(): p.read_bytes() for p in package.rglob("*.py")}
    new["core/extra.py"] = b"x = 1\n"
    atomic.stage(package, new)
    atomic._write_journal(atomic.staging_folder(package), package)
    assert invoke(["module", "list"]) == 0
    assert "has been finished" in capsys.readouterr().err
    assert (package / "core/extra.py").is_file()


# Checkpoints


@pytest.mark.slow
def test_status_test_and_run(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    states = {c["checkpoint"]: c["state"] for c in as_json(capsys, "checkpoint", "status")[1]}
    assert states["01_foundation"] == "not run"
    assert states["15_capstone"] == "not written"
    assert invoke(["checkpoint", "test", "01"]) == 0
    assert "checkpoint 01_foundation:" in capsys.readouterr().out
    states = {c["checkpoint"]: c["state"] for c in as_json(capsys, "checkpoint", "status")[1]}
    assert states["01_foundation"] == "passed"
    assert invoke(["checkpoint", "run", "foundation", "--verbose"]) == 0
    told = capsys.readouterr().out
    assert "building blocks of ML?" in told
    assert "yes, you can" in told
    assert invoke(["checkpoint", "status", "--detailed"]) == 0
    assert "Can I create and manipulate" in capsys.readouterr().out
    code, data = as_json(capsys, "checkpoint", "test", "--all")
    assert code == 0
    written = list((course / "tests/checkpoints").glob("checkpoint_*.py"))
    assert [item["passed"] for item in data] == [True] * len(written)


def test_a_change_of_the_package_means_to_run_again(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["checkpoint", "test", "01"]) == 0
    dev = course / "modules/source/02_tensor/tensor_dev.py"
    text = dev.read_text(encoding="utf-8")
    dev.write_text(text.replace("return x + y\n", "return y + x\n", 1), encoding="utf-8")
    capsys.readouterr()
    assert invoke(["checkpoint", "test", "01"]) == 1
    assert "has changed since its last export" in capsys.readouterr().err
    assert invoke(["export", "02"]) == 0
    capsys.readouterr()
    states = {c["checkpoint"]: c["state"] for c in as_json(capsys, "checkpoint", "status")[1]}
    assert states["01_foundation"] == "to run again"
    assert invoke(["checkpoint", "status"]) == 0
    assert "next: tito checkpoint test" in capsys.readouterr().out


def test_a_checkpoint_waits_for_its_modules(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (course / "tinytorch/core/layers.py").unlink()
    assert invoke(["checkpoint", "test", "03"]) == 1
    told = capsys.readouterr().err
    assert "waits for 04_layers" in told
    assert "tito module export 04" in told
    assert invoke(["checkpoint", "test", "15"]) == 1
    assert "not written yet" in capsys.readouterr().err


@pytest.mark.slow
def test_a_failed_checkpoint_is_remembered_and_a_broken_memory_is_no_crash(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = course / "tests/checkpoints/checkpoint_01_foundation.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace("if __name__", "def test_wrong():\n    assert 1 == 2\n\n\nif __name__"),
        "utf-8",
    )
    assert invoke(["checkpoint", "test", "01"]) == 1
    assert "checkpoint_01_foundation.py:" in capsys.readouterr().out
    states = {c["checkpoint"]: c["state"] for c in as_json(capsys, "checkpoint", "status")[1]}
    assert states["01_foundation"] == "failed"
    assert invoke(["checkpoint", "run", "01"]) == 1
    assert "not yet" in capsys.readouterr().out
    (course / ".tito/results/01.json").write_text("{", encoding="utf-8")
    states = {c["checkpoint"]: c["state"] for c in as_json(capsys, "checkpoint", "status")[1]}
    assert states["01_foundation"] == "not run"


# System


def test_info_names_no_path_and_no_user(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, data = as_json(capsys, "system", "info")
    assert code == 0
    assert data["tito"] == system.version()
    assert str(course) not in json.dumps(data)
    assert invoke(["system", "info"]) == 0
    assert "last module" in capsys.readouterr().out


@pytest.mark.slow
def test_the_doctor_finds_all_well_and_names_what_is_not(
    course: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert invoke(["system", "doctor"]) == 0
    assert "all is well" in capsys.readouterr().out
    monkeypatch.setenv("PATH", "")
    (course / "tinytorch/core/tensor.py").write_text("x = 1\n", encoding="utf-8")
    code, checks = as_json(capsys, "system", "doctor")
    assert code == 1
    sick = {check["name"]: check["hint"] for check in checks if not check["well"]}
    assert sick == {
        "git": "install git",
        "tinytorch": "tito gate export",
        "import": "tito export --all",
    }
    assert invoke(["system", "doctor"]) == 1
    assert "→ install git" in capsys.readouterr().out


def test_a_missing_dependency_is_told() -> None:
    assert system._installed("no_such_package_here") == Check(
        "no_such_package_here", False, "missing", "pip install -e ."
    )


def test_the_version_comes_from_the_installed_distribution_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tito").mkdir()
    monkeypatch.setattr(system, "__file__", str(tmp_path / "tito" / "system.py"))
    assert system.version() == "unknown"
    (tmp_path / "tinytorch-1.2.3.dist-info").mkdir()
    assert system.version() == "1.2.3"


@pytest.mark.slow
def test_work_done_in_the_notebook_is_what_is_tested(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["module", "notebook", "02"]) == 0
    notebook = course / "modules/source/02_tensor/tensor_dev.ipynb"
    data = json.loads(notebook.read_text(encoding="utf-8"))
    cell = next(c for c in data["cells"] if "class Add(Operation)" in "".join(c["source"]))
    cell["source"] = "".join(cell["source"]).replace("return x + y", "return x - y")
    notebook.write_text(json.dumps(data), encoding="utf-8")
    assert invoke(["module", "test", "02"]) == 1
    assert "test_add" in capsys.readouterr().out
    dev = course / "modules/source/02_tensor/tensor_dev.py"
    assert "return x - y" in dev.read_text(encoding="utf-8")
    # Now both sides change: nothing is overwritten, and both files are named.
    dev.write_text(dev.read_text("utf-8") + "\n# %%\nmine = 1\n", encoding="utf-8")
    data = json.loads(notebook.read_text(encoding="utf-8"))
    data["cells"][3]["source"] = "# other"
    notebook.write_text(json.dumps(data), encoding="utf-8")
    assert invoke(["module", "test", "02"]) == 1
    told = capsys.readouterr().err
    assert "both changed since they last agreed" in told
    assert "mine = 1" in dev.read_text(encoding="utf-8")
    assert "# other" in notebook.read_text(encoding="utf-8")
