"""The integration gate on a small course: each stage fails on a fault planted for it."""

from __future__ import annotations

import sys
import textwrap
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, SmallCourse
from tests.integration.built_course import PROJECT, Built, one
from tito.cli import invoke
from tito.export import export
from tito.gates import integration_gate
from tito.integration import failures
from tito.report import Finding, GateResult, decode
from tito.sandbox import Isolation, run
from tito.testing import TestResult, TestRun

pytestmark = pytest.mark.slow


@pytest.fixture
def built(small: SmallCourse) -> Built:
    return Built(small)


def test_a_good_course_passes_and_its_checkpoints_are_stored(built: Built) -> None:
    names: list[str] = []
    result = integration_gate(built.root, progress=names.append)
    assert (result.status, result.findings) == ("passed", ())
    assert sorted(names) == [
        "a wheel",
        "all tests",
        "checkpoint 00_shapes",
        "checkpoints",
        "prefix 01_tensor",
        "prefix 02_layers",
    ]
    assert (built.root / ".tito/results/00.json").is_file()
    assert not (built.root / ".tito/results/01.json").exists()
    assert not (built.root / "dist").exists()


def test_a_failing_test_names_line_cell_and_command(built: Built) -> None:
    built.change("layers", "np.ones((inputs, outputs))", "np.ones((outputs, inputs))")
    result = built.gate()
    finding = one(result, "test")
    assert finding.path == built.path("layers")
    assert built.line(finding).startswith("assert Linear(2, 3)")
    assert finding.hint == "tito module test 02"
    assert finding.cell


def test_a_prefix_that_needs_a_later_module_is_stopped(built: Built) -> None:
    """The whole package imports: only the prefix by itself shows the fault."""
    late = "import numpy as np\n\n\ndef later():\n    from tinytorch.core.layers import Linear\n    return Linear\n"
    built.change("tensor", "import numpy as np\n", late)
    built.change("tensor", "    assert Tensor(", "    later()\n    assert Tensor(")
    finding = one(built.gate(), "test")
    assert "tinytorch.core.layers" in finding.message
    assert built.line(finding) == "from tinytorch.core.layers import Linear"
    assert finding.hint == "tito module test 01"


def test_an_import_that_prints_is_stopped(built: Built) -> None:
    built.change("layers", "import numpy as np\n", "import numpy as np\n\nprint('hello')\n")
    finding = one(built.gate(), "package-import")
    assert "'hello'" in finding.message


def test_a_prefix_that_prints_where_the_whole_does_not_is_stopped(built: Built) -> None:
    alone = "import importlib.util\n\nimport numpy as np\n\nif importlib.util.find_spec('tinytorch.core.layers') is None:\n    print('alone')\n"
    built.change("tensor", "import numpy as np\n", alone)
    assert "'alone'" in one(built.gate(), "package-import").message


def test_an_import_that_fails_names_line_cell_and_command(built: Built) -> None:
    built.change("layers", "import numpy as np\n", "import numpy as np\n\nhalf = 1 / 0\n")
    finding = one(built.gate(), "package-import")
    assert "ZeroDivisionError" in finding.message
    assert (finding.path, built.line(finding)) == (built.path("layers"), "half = 1 / 0")
    assert finding.hint == "mend the cell, then: tito module test 02"
    assert finding.cell


def test_what_cannot_be_exported_is_told_once_and_the_rest_still_runs(built: Built) -> None:
    built.change("layers", "class ReLU:", "class ReLU(:", exported=False)
    built.change("tensor", "assert Tensor([1.0]).shape == (1,)", "assert 1 == 2", exported=False)
    result = built.gate()
    assert one(result, "export-syntax").path == built.path("layers")
    assert one(result, "test").hint == "tito module test 01"


def test_a_package_that_was_edited_cannot_be_used(built: Built) -> None:
    file = built.root / "tinytorch/core/tensor.py"
    file.write_text(file.read_text("utf-8").replace("powers.sum", "powers.max"), "utf-8")
    finding = one(built.gate(), "package-import")
    assert "is not what the export wrote" in finding.message


def test_tests_that_break_each_other_are_found_together(built: Built) -> None:
    spoil = "assert Tensor([1.0]).shape == (1,)\n    import os\n    os.environ['SPOILT'] = '1'"
    built.change("tensor", "assert Tensor([1.0]).shape == (1,)", spoil)
    built.change(
        "layers",
        "    assert Linear",
        "    import os\n    assert 'SPOILT' not in os.environ\n    assert Linear",
    )
    finding = one(built.gate(), "test")
    assert built.line(finding) == "assert 'SPOILT' not in os.environ"


def test_a_checkpoint_that_fails_names_its_line_and_command(built: Built) -> None:
    built.checkpoint("assert softmax(Tensor([[0.0, 0.0]])).data[0, 0] == 0.25")
    finding = one(built.gate(), "test")
    assert finding.path == "tests/checkpoints/checkpoint_00_shapes.py"
    assert finding.hint == "tito checkpoint test 00"
    assert built.line(finding).startswith("assert softmax")
    assert b'"passed": false' in (built.root / ".tito/results/00.json").read_bytes()


def test_a_checkpoint_on_a_package_older_than_its_source_is_stopped(built: Built) -> None:
    built.change("tensor", "self.shape = self.data.shape", "self.shape = (1,)", exported=False)
    finding = one(built.gate(), "checkpoint")
    assert (finding.path, finding.hint) == (built.path("tensor"), "tito module export 01")


def test_a_checkpoint_that_is_no_python_is_stopped_at_its_line(built: Built) -> None:
    built.checkpoint("assert (")
    finding = one(built.gate(), "checkpoint")
    assert (finding.path, finding.line) == ("tests/checkpoints/checkpoint_00_shapes.py", 5)


@pytest.mark.parametrize(
    ("name", "old", "new", "words", "hint"),
    [
        ("layers", "x.data @ self.weight", "(x.data @ self.weight)[:1]", "the shape is", "02"),
        ("layers", "x.data @ self.weight", "x.data @ self.weight * np.inf", "not every", "02"),
        ("tensor", "powers / powers.sum(axis=-1, keepdims=True)", "powers", "no probability", "01"),
        ("tensor", "self.shape = self.data.shape", "self.shape = (1,)", "the shape is", "01"),
    ],
)
def test_a_wheel_that_computes_nonsense_is_stopped(
    built: Built, name: str, old: str, new: str, words: str, hint: str
) -> None:
    """Its module's tests did not find it: here they look elsewhere."""
    built.checkpoint("assert Tensor and softmax")
    built.change(name, old, new)
    finding = one(built.gate(), "wheel-use")
    assert words in finding.message
    assert (finding.path, finding.hint) == (built.path(name), f"tito module test {hint}")


def test_a_wheel_that_fails_in_use_names_the_line(built: Built) -> None:
    built.change("layers", "            x = layer(x)\n", "            x = layer(x.missing)\n")
    finding = one(built.gate(), "wheel-use")
    assert "AttributeError" in finding.message
    assert built.line(finding) == "x = layer(x.missing)"
    assert finding.cell


def test_a_package_that_ends_the_program_early_has_not_been_used(built: Built) -> None:
    built.change("tensor", "    powers = np.exp(x.data)\n", "    import os\n    os._exit(0)\n")
    built.checkpoint("assert Tensor and softmax")
    finding = one(built.gate(), "wheel-use")
    assert finding.path == "tinytorch/__init__.py"


def test_a_wheel_that_does_not_build_is_stopped(built: Built) -> None:
    file = built.root / "pyproject.toml"
    file.write_text(PROJECT + '\n[tool.hatch.build]\nexclude = "no list"\n', encoding="utf-8")
    finding = one(built.gate(), "wheel-build")
    assert finding.path == "pyproject.toml"
    assert "hatchling build" in finding.hint


def test_a_build_that_fails_after_it_wrote_a_wheel_is_stopped(built: Built) -> None:
    hook = """\
        from hatchling.builders.hooks.plugin.interface import BuildHookInterface


        class Hook(BuildHookInterface):
            def finalize(self, version, build_data, artifact_path):
                raise RuntimeError("too late")
        """
    (built.root / "hatch_build.py").write_text(textwrap.dedent(hook), encoding="utf-8")
    file = built.root / "pyproject.toml"
    file.write_text(PROJECT + "\n[tool.hatch.build.hooks.custom]\n", encoding="utf-8")
    assert "RuntimeError: too late" in one(built.gate(), "wheel-build").message


def test_a_wheel_without_the_package_is_not_replaced_by_another(built: Built) -> None:
    """Where this course is installed for development, Python would find that one."""
    (built.root / "other").mkdir()
    (built.root / "other/__init__.py").write_text("", encoding="utf-8")
    file = built.root / "pyproject.toml"
    file.write_text(PROJECT.replace('["tinytorch"]', '["other"]'), encoding="utf-8")
    assert one(built.gate(), "wheel-use").path == "tinytorch/__init__.py"


def test_a_wheel_that_does_not_install_is_stopped(built: Built) -> None:
    file = built.root / "pyproject.toml"
    changed = PROJECT.replace(
        'version = "1.2.3"\n', 'version = "1.2.3"\nrequires-python = "<3.8"\n'
    )
    file.write_text(changed, encoding="utf-8")
    assert "requires a different Python" in one(built.gate(), "wheel-install").message


def test_a_file_that_is_not_in_the_wheel_is_missed(built: Built) -> None:
    file = built.root / "pyproject.toml"
    text = PROJECT + 'exclude = ["tinytorch/core/layers.py"]\n'
    file.write_text(text, encoding="utf-8")
    finding = one(built.gate(), "wheel-use")
    assert "core/layers.py is not what the export wrote" in finding.message


def test_an_empty_package_passes_and_says_so(built: Built) -> None:
    export(built.course, ())
    result = built.gate()
    assert result.status == "passed"
    assert [finding.rule for finding in result.findings] == ["integration-empty"]
    # Nor did looking for pip make setuptools' import hook change this process.
    assert [
        hook for hook in sys.meta_path if "spec_for_distutils" in getattr(hook, "__dict__", {})
    ] == []


# A gate that could not run.


def test_without_the_build_tool_the_gate_is_an_error_and_keeps_what_it_found(
    built: Built, tmp_path: Path
) -> None:
    """In an environment that has everything but hatchling."""
    built.change("layers", "np.ones((inputs, outputs))", "np.ones((outputs, inputs))")
    python = environment_without("hatchling", tmp_path / "environment")
    result = gate_with(python, built.root, tmp_path)
    assert result.status == "error"
    assert "hatchling is not installed" in result.findings[0].message
    assert [f.hint for f in result.findings if f.rule == "test"] == ["tito module test 02"]


def test_without_pip_the_gate_is_an_error(built: Built, tmp_path: Path) -> None:
    python = environment_without("pip", tmp_path / "environment")
    result = gate_with(python, built.root, tmp_path)
    assert result.status == "error"
    assert "pip is not installed" in result.findings[0].message


def environment_without(name: str, folder: Path) -> Path:
    """An environment with links to everything that is installed here, one package left out."""
    import click

    venv.create(folder, with_pip=False)
    (target,) = (folder / "lib").glob("python*/site-packages")
    for path in Path(click.__file__).parents[1].iterdir():
        if path.name != name and not path.name.startswith((f"{name}-", "__editable__")):
            (target / path.name).symlink_to(path)
    return folder / "bin/python"


def gate_with(python: Path, root: Path, tmp_path: Path) -> GateResult:
    file = tmp_path / "result.json"
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tito.cli import main;"
        f" main(['gate', 'integration', '--json', {str(file)!r}])"
    )
    done = run([str(python), "-I", "-c", code], cwd=root, isolate=False)
    assert done.returncode == 1, done.stderr
    return decode(file.read_bytes())


def test_a_sandbox_that_cannot_start_is_an_error(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    result = built.gate()
    assert result.status == "error"
    assert "the sandbox could not start" in result.findings[0].message


def test_a_checkpoint_whose_sandbox_cannot_start_is_an_error(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = built.course
    from tito.errors import SandboxError
    from tito.integration import Clock, _checkpoint

    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(SandboxError):
        _checkpoint(course, course.checkpoints[0], Clock(float("inf")))


def test_a_gate_without_time_is_an_error(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    from tito.errors import CutShortError
    from tito.integration import check

    with pytest.raises(CutShortError, match="time for this gate is over"):
        check(built.course, seconds=0)


def test_a_test_that_hangs_is_stopped(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tito.integration._LONGEST_RUN", 3.0)
    built.change("layers", "    assert Linear", "    while True: pass\n    assert Linear")
    result = built.gate()
    assert result.status == "failed"
    assert {f.hint for f in result.findings} == {"tito module test 01", "tito module test 02"}
    assert all("longer than" in f.message for f in result.findings)


def test_an_interruption_ends_the_gate(built: Built) -> None:
    def interrupt(name: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        integration_gate(built.root, progress=interrupt)


def test_an_unreadable_course_is_not_green(built: Built) -> None:
    (built.root / "classroom.yml").write_text("course: [", encoding="utf-8")
    assert built.gate().status == "failed"
    (built.root / "pyproject.toml").unlink()
    assert built.gate().status == "failed"


def test_a_course_without_a_version_is_an_error(built: Built) -> None:
    (built.root / "pyproject.toml").write_text("", encoding="utf-8")
    result = built.gate()
    assert result.status == "error"
    assert "no version" in result.findings[0].message


def test_a_run_that_did_not_pass_has_a_finding() -> None:
    isolation = Isolation()
    lost = [
        TestResult(n, "not run", 0.0, Finding("test", "error", "a.py", 0, n)) for n in ("a", "b")
    ]
    found = failures(TestRun(tuple(lost), isolation), "a.py", "again")
    assert [(finding.message, finding.hint) for finding in found] == [("a", "again")]
    (silent,) = failures(TestRun((), isolation), "a.py", "again")
    assert (silent.severity, silent.path, silent.hint) == ("error", "a.py", "again")
    assert failures(TestRun((TestResult("a", "passed"),), isolation), "a.py", "again") == []


def test_this_very_course_passes_and_the_command_says_so(
    copy_of_course: Callable[[], Path], in_folder: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str], tmp_path: Path,
) -> None:  # fmt: skip
    root = copy_of_course()
    for name in ("README.md", "LICENSE"):
        (root / name).write_bytes((ROOT / name).read_bytes())
    (root / "tito").mkdir()
    (root / "tito/__init__.py").write_text("", encoding="utf-8")
    in_folder(root)
    file = tmp_path / "result.json"
    assert invoke(["gate", "integration", "--json", str(file)]) == 0
    assert "✓ gate integration: passed" in capsys.readouterr().out
    assert decode(file.read_bytes()).findings == ()
    dev = root / "modules/source/02_tensor/tensor_dev.py"
    text = dev.read_text("utf-8")
    assert "        return x + y\n" in text
    dev.write_text(text.replace("        return x + y\n", "        return x - y\n", 1), "utf-8")
    assert invoke(["gate", "integration", "--json", str(file)]) == 1
    assert any(f.cell == "tensor-add" or "02" in f.hint for f in decode(file.read_bytes()).findings)
