"""What users of existing course frameworks reported. One test a row; here each is impossible."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bot.feedback_page import status_of
from bot.verdict import Unreadable, read_report
from tests.conftest import ROOT, SmallCourse
from tests.hostile.reports import Opener
from tests.small_class import NOT_RUN, RAN, REFS, pushed
from tito import course as course_module
from tito import gradients
from tito.cli import invoke
from tito.errors import RefusedError
from tito.export import build, export
from tito.report import Finding
from tito.testing import run_module

if TYPE_CHECKING:
    from tests.integration.posting import Posting

CELL = """\
# %% nbgrader={"schema_version": 3, "grade": false, "solution": SOLUTION, "locked": LOCKED, "task": false, "grade_id": "NAME-code"}
#| default_exp core.NAME
#| export
CODE

# %%
def test_it():
    assert TEST
"""


def dev_text(name: str, code: str, test: str = "1 == 1", *, solution: bool = False) -> str:
    flag = "true" if solution else "false"
    other = "false" if solution else "true"
    text = CELL.replace("SOLUTION", flag).replace("LOCKED", other).replace("CODE", code)
    return text.replace("TEST", test).replace("NAME", name)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*.py")}


def refused(small: SmallCourse) -> Finding:
    """Export the course, which must be refused for one reason and change nothing."""
    course = small.load()
    before = tree(course.package)
    with pytest.raises(RefusedError) as caught:
        export(course, course.modules)
    assert tree(course.package) == before
    assert len(caught.value.findings) == 1
    return caught.value.findings[0]


def test_r02_a_syntax_error_in_the_notebook_never_reaches_the_package(
    copy_of_course: Callable[[], Path],
    in_folder: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = copy_of_course()
    in_folder(root)
    package = tree(root / "tinytorch")
    assert invoke(["module", "notebook", "02"]) == 0
    notebook = root / "modules/source/02_tensor/tensor_dev.ipynb"
    data = json.loads(notebook.read_text(encoding="utf-8"))
    cell = next(c for c in data["cells"] if "class Add(Operation)" in "".join(c["source"]))
    cell["source"] = "".join(cell["source"]).replace("return x + y", "return x +")
    notebook.write_text(json.dumps(data), encoding="utf-8")
    capsys.readouterr()
    assert invoke(["export", "--all"]) == 1
    told = capsys.readouterr().err
    assert "was brought up to date with" in told
    lines = (root / "modules/source/02_tensor/tensor_dev.py").read_text("utf-8").split("\n")
    number = next(i for i, line in enumerate(lines, 1) if line.rstrip().endswith("return x +"))
    assert f"modules/source/02_tensor/tensor_dev.py:{number}  cell tensor-add" in told
    assert "Traceback" not in told
    assert tree(root / "tinytorch") == package


def test_r03_there_is_one_manifest_and_a_disagreement_writes_nothing(small: SmallCourse) -> None:
    small.add("first", dev_text("other", "value = 1"))
    finding = refused(small)
    assert finding.rule == "export-target"
    assert "'core.other'" in finding.message
    assert "'core.first'" in finding.message
    assert finding.hint == "write `#| default_exp core.first`"


def test_r05_no_test_can_need_a_later_module(small: SmallCourse) -> None:
    test = "__import__('importlib').import_module('tinytorch.core.second')"
    small.add("first", dev_text("first", "value = 1", test))
    small.add("second", dev_text("second", "other = 2"))
    course = small.load()
    export(course, course.modules)
    run = run_module(course, course.modules[0])
    assert not run.passed
    assert "tinytorch.core.second" in run.findings[0].message


def test_r06_requires_grad_is_accepted_from_module_02_on() -> None:
    course = course_module.load(ROOT)
    files = build(course, course.up_to(course.module("tensor")))
    assert "core/autograd.py" not in files
    from tinytorch.core.tensor import Tensor

    assert Tensor([1.0], requires_grad=True).requires_grad


@pytest.mark.slow
def test_r07_an_operation_without_a_gradient_fails_the_build(
    copy_of_course: Callable[[], Path],
) -> None:
    """tests/unit/framework/test_gradients.py says the same of the operations as they run."""
    course = course_module.load(copy_of_course())
    assert gradients.check(course) == []
    file = course.dev_file(course.module("autograd"))
    text = file.read_text("utf-8")
    assert '@gradient_of("tanh")\n' in text
    file.write_text(text.replace('@gradient_of("tanh")\n', ""), "utf-8")
    export(course, course.entered())
    (finding,) = gradients.check(course)
    assert finding.rule == "gradient-missing"
    assert "'tanh'" in finding.message


def test_r08_reductions_have_the_gradients_that_numbers_say() -> None:
    """test_gradients.py and test_gradients_of_modules.py compare everything with PyTorch, too."""
    from tinytorch.core.autograd import grad_check

    x = np.array([[0.3, -1.2, 2.0], [0.7, 1.1, -0.4]])
    normalized = [
        lambda t: t.mean(axis=1),
        lambda t: t.max(axis=0) * t.max(),
        lambda t: (t - t.mean(axis=1, keepdims=True)) / (t.var(axis=1, keepdims=True) + 0.1).sqrt(),
        lambda t: (t - t.mean(axis=0)) / (t.var(axis=0, correction=0) + 0.1).sqrt(),
    ]
    for function in normalized:
        assert grad_check(function, x)


def test_r09_backward_calls_each_rule_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from tinytorch.core import tensor

    calls = []
    for name in ("add", "mul"):

        def counted(operation: Any, gradient: Any, rule: Any = tensor.gradients[name]) -> Any:
            calls.append(operation.inputs)
            return rule(operation, gradient)

        monkeypatch.setitem(tensor.gradients, name, counted)
    x = y = tensor.Tensor(1.0, requires_grad=True)
    for _ in range(1000):
        y = (y + y) * 0.5
    y.backward()
    assert (x.dtype, x.grad.dtype) == (np.float32, np.float32)
    assert (len(calls), x.grad) == (2000, 1.0)

    calls.clear()
    x = y = tensor.Tensor(1.0, dtype=np.float64, requires_grad=True)
    for _ in range(1000):
        y = y + y
    y.backward()
    assert (len(calls), x.grad) == (1000, 2.0**1000)


@pytest.mark.slow
def test_r09_a_hundred_thousand_operations_need_no_recursion() -> None:
    from tinytorch.core.tensor import Tensor

    for walked in (True, False):
        x = y = Tensor(1.0, requires_grad=True)
        for _ in range(100_000):
            y = -y
        if walked:
            y.backward()
            assert x.grad == 1.0
        chain = weakref.ref(y)
        del y  # the whole chain goes with it, also where nobody walked
        assert chain() is None


PROTECTED = """
import ctypes, os, sys
from pathlib import Path

if sys.platform == "linux" and os.getuid() == 0:
    # Root may write anywhere. Without its capabilities this process is what a user is.
    header, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None).capset(header, nothing) != 0:
        sys.exit(3)

from tito.course import find_root, load
from tito.export import export

package, way = Path("tinytorch"), sys.argv[1]
inside = sorted(package.rglob("*"), reverse=True)
for path in [*inside, package]:
    path.chmod(0o555 if path.is_dir() else 0o444)
try:
    (package / "__init__.py").open("a")
    sys.exit(4)  # the bits bind nobody here
except PermissionError:
    pass
if way == "command":
    from tito.cli import main
    main(["export", "--all"])
course = load(find_root(Path.cwd()))
export(course, course.entered(), exchange=way == "exchange")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no read-only bit there")
@pytest.mark.parametrize("way", ["command", "exchange", "journal"])
def test_r14_read_only_generated_files_do_not_stop_the_next_export(
    copy_of_course: Callable[[], Path], way: str
) -> None:
    root = copy_of_course()
    dev = root / "modules/source/02_tensor/tensor_dev.py"
    text = dev.read_text("utf-8")
    dev.write_text(text.replace("return x + y\n", "return y + x\n", 1), "utf-8")
    assert "return x + y\n" in (root / "tinytorch/core/tensor.py").read_text("utf-8")
    (root / "tinytorch/core/extra.py").write_text("x = 1\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-B", "-c", PROTECTED, way],
        cwd=root, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode in (3, 4):
        pytest.skip("this user may write whatever the bits say, and cannot give that up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "return y + x\n" in (root / "tinytorch/core/tensor.py").read_text("utf-8")
    assert not (root / "tinytorch/core/extra.py").exists()
    assert not (root / ".tinytorch-next").exists()


VALIDATORS = (
    ("module", "validate", "--all"),
    ("package", "validate"),
    ("gate", "export"),
    ("gate", "protection"),
    ("system", "doctor"),
)


@pytest.mark.slow
@pytest.mark.parametrize("command", VALIDATORS, ids=" ".join)
def test_r16_every_validator_fails_on_a_planted_fault(
    copy_of_course: Callable[[], Path], in_folder: Callable[[Path], None], command: tuple[str, ...]
) -> None:
    root = copy_of_course()
    in_folder(root)
    assert invoke(command) == 0
    if command[0] == "module":
        dev = root / "modules/source/02_tensor/tensor_dev.py"
        dev.write_text(dev.read_text("utf-8").replace("#| exporti\n", "#| exprti\n", 1), "utf-8")
    else:
        generated = root / "tinytorch/core/tensor.py"
        generated.write_text(generated.read_text("utf-8").replace("x + y", "x - y", 1), "utf-8")
    assert invoke(command) == 1


ALLOWED = {
    *("copy", "hashlib", "_hashlib", "_blake2", "_sha2", "_sha256", "_sha512"),
    *("linecache", "token", "tokenize"),
    *("importlib", "importlib._bootstrap", "importlib._bootstrap_external"),
}
"""Of the standard library, what the package may load beside what numpy loads."""


def test_r18_importing_the_package_prints_nothing_and_runs_nothing() -> None:
    code = (
        "import sys, numpy; before = set(sys.modules); import tinytorch; from tinytorch import *\n"
        "new = [n for n in set(sys.modules) - before if not n.startswith(('tinytorch', 'numpy'))]\n"
        "sys.stderr.write(' '.join(new))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    assert set(done.stderr.split()) <= ALLOWED


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda data: data.replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(lambda data: b"\xef\xbb\xbf" + data, id="BOM"),
        pytest.param(lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"), id="both"),
    ],
)
def test_r19_windows_files_and_odd_paths_read_alike(
    tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    code = 'def value():\n    if True:\n\treturn "🧠\\t"'.replace("    if True:\n\t", "    ")
    text = dev_text("first", code)
    packages = []
    for name, change in (("plain", bytes), ("with space 🧠", spoil)):
        root = tmp_path / name
        root.mkdir()
        small = SmallCourse(root)
        path = small.add("first", "")
        path.write_bytes(change(text.encode()))
        course = small.load()
        export(course, course.modules)
        packages.append([data for _, data in sorted(tree(course.package).items())])
        assert run_module(course, course.modules[0]).passed
    assert packages[0] == packages[1]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Posting]:
    """A repository on the local GitHub, and the bot. No request may break GitHub's description."""
    pytest.importorskip("openapi_core")
    pytest.importorskip("github")
    from bot.localhub import LocalHub
    from tests.integration.posting import Posting

    with LocalHub() as hub:
        yield Posting(hub, tmp_path)
        assert hub.violations == []


def test_r21_a_busy_pull_request_still_has_one_comment_of_ours(world: Posting) -> None:
    pull = world.open()
    for number in range(150):
        world.course.comment(1, f"question {number}", "ann")
    world.post(world.run(pull))
    for number in range(150):
        world.course.comment(1, f"answer {number}", "ben")
    world.post(world.run(pull, "failure"), None)
    assert len(world.course.comments(1)) == 301
    [ours] = world.bodies(pull)
    assert "run=2 " in ours
    pages = [path for method, path in world.hub.requests if path.endswith("/issues/1/comments")]
    # every page is read, read again right before the write, and read once more after it
    assert len(pages) == (2 + 2 + 1 + 2) + (4 + 4 + 4)


def test_r22_an_old_run_never_overwrites_a_newer_one(world: Posting) -> None:
    pull = world.open()
    old, new = world.run(pull, "failure"), world.run(pull)
    world.post(new)
    [before], states, writes = world.bodies(pull), world.states(), world.writes()
    assert world.post(old, None) == [
        "Pull request 1: nothing is written, run 2, attempt 1 has reported already."
    ]
    assert (world.bodies(pull), world.states(), world.writes()) == ([before], states, writes)
    again = world.run(pull)
    again.number, again.attempt = new.number, 2
    again.job("verdict", "success")
    world.post(again)
    assert "run=2 attempt=2" in world.bodies(pull)[0]
    assert "reported already" in world.post(new, None)[0]


def test_r23_a_results_file_is_json_of_one_schema_and_never_unpickled(tmp_path: Path) -> None:
    file, owned = tmp_path / "report.json", tmp_path / "owned"
    file.write_bytes(pickle.dumps(Opener(owned)))
    assert isinstance(read_report(file), Unreadable)
    for words in (["show"], ["merge", "-o", str(tmp_path / "merged.json")]):
        assert invoke(["report", *words, str(file)]) == 1
    assert not owned.exists()
    pickle.loads(file.read_bytes())
    assert owned.exists(), "this file would have done it"


def test_r24_a_shell_line_is_refused_with_its_line(small: SmallCourse) -> None:
    path = small.add("first", dev_text("first", "import math\n!pip install x\nvalue = 1"))
    finding = refused(small)
    assert finding.rule == "export-magic"
    assert path.read_text("utf-8").split("\n")[finding.line - 1] == "!pip install x"


def test_r25_a_solution_cell_without_markers_is_refused(small: SmallCourse) -> None:
    code = "import math\n\ndef area(r):\n    return math.pi * r * r"
    small.add("first", dev_text("first", code, solution=True))
    finding = refused(small)
    assert finding.rule == "export-solution"
    assert "BEGIN SOLUTION" in finding.message


@pytest.mark.parametrize(
    "asked", [("push", RAN, RAN), ("tag", NOT_RUN, RAN), ("off", NOT_RUN, NOT_RUN)]
)
def test_r28_only_what_is_asked_for_is_run_and_green(asked: Any, tmp_path: Path) -> None:
    run_on, *wanted = asked
    found = [status_of(pushed(tmp_path / ref, run_on, ref), "") for ref in REFS]
    assert [(each.context, each.state) for each in found] == wanted
