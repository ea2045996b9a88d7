"""`tito package graph` and `tito package api`, as they are typed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SmallCourse
from tito.cli import invoke
from tito.course import Course
from tito.export import export

TENSOR = "class Tensor:\n    def add(self, other, alpha=1):\n        return self"
LAYERS = "from tinytorch.core.tensor import Tensor\n\n\nclass Linear(Tensor):\n    size = 1"


def dev(name: str, exported: str) -> str:
    return f"# %%\n#| default_exp core.{name}\n\n# %%\n#| export\n{exported}\n"


@pytest.fixture
def course(small: SmallCourse, in_folder: Callable[[Path], None]) -> Course:
    """Two written modules, both in the package, and one that is not written."""
    small.add("tensor", dev("tensor", TENSOR))
    small.add("layers", dev("layers", LAYERS), needs=["tensor"])
    small.add("losses", "", needs=["tensor", "layers"]).unlink()
    loaded = small.load()
    export(loaded, loaded.modules[:2])
    in_folder(loaded.root)
    return loaded


def replaced(course: Course, name: str, before: str, after: str) -> None:
    """Change a module's source and export the package anew."""
    file = course.dev_file(course.module(name))
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")
    export(course, course.modules[:2])


def test_the_graph_is_shown_in_course_order(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["package", "graph"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == ["01_tensor", "–", "written"]
    assert lines[2] == ["02_layers", "tensor", "written"]
    assert lines[3] == ["03_losses", "tensor,", "layers", "not", "written"]
    assert "03_losses" in lines[4]
    assert lines[-1][0] == "✓"


@pytest.mark.slow
def test_the_graph_fits_a_window_of_40_columns(
    copy_of_course: Callable[[], Path],
    in_folder: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_folder(copy_of_course())
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert invoke(["package", "graph"]) == 0
    lines = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 40
    assert "state" not in lines[0]
    words = set(" ".join(lines).replace(",", "").split())
    assert {"activations", "transformers", "embeddings", "optimizers"} <= words


def test_the_graph_as_mermaid(course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["package", "graph", "--mermaid"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "flowchart LR",
        '    m01["01 tensor"]',
        '    m02["02 layers"]',
        '    m03["03 losses"]:::later',
        "    m01 --> m02",
        "    m01 --> m03",
        "    m02 --> m03",
        "    classDef later stroke-dasharray: 4 4",
    ]


def test_the_graph_as_json(course: Course, tmp_path: Path) -> None:
    file = tmp_path / "graph.json"
    assert invoke(["package", "graph", "--json", str(file)]) == 0
    data = json.loads(file.read_bytes())
    assert data["modules"][1] == {
        "module": "02_layers", "imports": ["01_tensor"], "state": "written"
    }  # fmt: skip
    assert data["order"] == ["01_tensor", "02_layers", "03_losses"]
    assert data["findings"] == []


@pytest.mark.parametrize("option", [[], ["--mermaid"], ["--json", "-"]])
def test_a_graph_that_contradicts_the_course_is_a_failure(
    course: Course, capsys: pytest.CaptureFixture[str], option: list[str]
) -> None:
    layers = course.dev_file(course.module("layers"))
    layers.write_text(dev("layers", "class Linear:\n    pass"), encoding="utf-8")
    tensor = course.dev_file(course.module("tensor"))
    text = dev("tensor", "from tinytorch.core.layers import Linear")
    tensor.write_text(text, encoding="utf-8")
    assert invoke(["package", "graph", *option]) == 1
    output = capsys.readouterr().out
    assert ("m02 --> m01" if option == ["--mermaid"] else "02_layers, 01_tensor") in output


def test_a_graph_of_a_module_that_is_not_python(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    course.dev_file(course.module("layers")).write_text("# %%\n#| export\n%magic (\n")
    assert invoke(["package", "graph"]) == 0
    assert re.search(r"02_layers +tensor +not readable", capsys.readouterr().out)


def test_the_api_is_shown(course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["package", "api"]) == 0
    output = capsys.readouterr().out
    assert re.search(r"Tensor +class +core.tensor", output)
    assert re.search(r"\.add +\(other, alpha=1\)", output)
    assert re.search(r"Linear +class from Tensor +core.layers", output)
    assert re.search(r"\.size +–", output)
    assert "there is no snapshot" in output


def test_writing_the_snapshot_settles_what_is_new(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    replaced(
        course,
        "tensor",
        "class Tensor",
        "level = 1\n\n\ndef zeros(*shape):\n    pass\n\n\nclass Tensor",
    )
    assert invoke(["package", "api", "--write"]) == 0
    assert "modules/api.json holds the API of 2 module(s)" in capsys.readouterr().out
    stored = json.loads((course.root / "modules/api.json").read_bytes())
    assert stored["modules"]["core.tensor"]["functions"] == {"zeros": "(*shape)"}
    assert stored["modules"]["core.layers"]["classes"]["Linear"]["bases"] == ["Tensor"]
    assert invoke(["package", "api"]) == 0
    output = capsys.readouterr().out
    assert "0 fault(s), 0 change(s)" in output
    assert re.search(r"level +value +core.tensor", output)
    assert re.search(r"zeros +\(\*shape\) +core.tensor", output)


def test_a_break_fails_and_is_written_only_by_force(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["package", "api", "--write"]) == 0
    replaced(course, "tensor", "alpha=1", "beta=1")
    assert invoke(["package", "api"]) == 1
    output = capsys.readouterr().out
    assert "modules/source/01_tensor/tensor_dev.py:7" in output
    assert "'alpha' is gone or renamed: 'beta' stands in its place" in output
    assert invoke(["package", "api", "--write"]) == 1
    assert "nothing was written" in capsys.readouterr().err
    assert invoke(["package", "api", "--write", "--force"]) == 0
    assert invoke(["package", "api"]) == 0


def test_the_api_as_json(course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["package", "api", "--json", "-"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["modules"]["core.tensor"]["classes"]["Tensor"]["methods"] == {
        "add": "(other, alpha=1)"
    }
    assert [finding["rule"] for finding in data["findings"]] == ["contract-new"]
    assert invoke(["package", "api", "--write"]) == 0
    replaced(course, "tensor", "def add", "def _add")
    capsys.readouterr()
    assert invoke(["package", "api", "--json", "-"]) == 1


def test_force_alone_is_wrong_use(course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["package", "api", "--force"]) == 2
    assert "--write" in capsys.readouterr().err
