"""Every written checkpoint fails on planted faults, on stubs, and on a package that is empty."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.nbgrader_course import needs_nbgrader
from tito import course as course_module
from tito.checkpoints import run
from tito.course import Checkpoint
from tito.export import export
from tito.student import student_version
from tito.testing import run_file

COURSE = course_module.load(ROOT)
WRITTEN = [c for c in COURSE.checkpoints if (ROOT / c.path).is_file()]

FAULTS = [
    ("environment", "setup", "return found < required", "return found > required"),
    ("environment", "setup", '"numpy": np.__version__', '"numpy": "2.0.0"'),
    ("foundation", "tensor", "return x + y\n", "return x - y\n"),
    ("foundation", "tensor", "return x @ y\n", "return y @ x\n"),
    ("foundation", "tensor", "return x.sum(axis=self.axis,", "return x.sum(axis=0,"),
    ("intelligence", "activations", "return np.maximum(x, 0)\n", "return np.minimum(x, 0)\n"),
    ("intelligence", "activations", "x - x.max(axis=self.axis, keepdims=True)", "x"),
    ("components", "layers", "return y if self.bias is None else y + self.bias", "return y"),
    ("components", "layers", "        if not self.training:\n            return x\n", ""),
    ("components", "layers", "        for layer in self.layers:\n            x", "        x"),
    ("networks", "losses", "- chosen\n", "+ chosen\n"),
    ("networks", "losses", "shifted = x - x.max(axis=1, keepdims=True)", "shifted = x - 0"),
    ("networks", "losses", "- x * self.targets", "+ x * self.targets"),
    ("networks", "losses", "    if input.shape != target.shape:", "    if False:"),
    ("networks", "losses", "return losses.mean()", "return losses.sum()"),
    ("networks", "layers", "        for layer in self.layers:\n            x", "        x"),
    ("learning", "spatial", "return room // stride + 1", "return room // stride"),
    ("learning", "spatial", "x[n, c, i * down + u,", "x[n, c, i + u,"),
    ("learning", "spatial", "x[index] += patches", "x[index] = patches"),
    ("learning", "spatial", "columns.swapaxes(2, 3)).sum(axis=0)", "columns.swapaxes(2, 3))[0]"),
    ("learning", "spatial", "first = windows.argmax(", "first = windows.argmin("),
    ("learning", "spatial", '"dilation": self.dilation}', '"dilation": (1, 1)}'),
    ("learning", "spatial", "if self.training and x.numel():", "if x.numel():"),
    ("learning", "spatial", "gradient - dbias / count - normal *", "gradient - normal *"),
    ("learning", "spatial", "running += self.momentum * new", "running += new"),
    ("learning", "spatial", "matrix[i, start:end] = 1 / (end - start)", "matrix[i, start:end] = 1"),
    ("differentiation", "autograd", "return gradient, -gradient", "return gradient, gradient"),
    ("differentiation", "autograd", "(1 - operation.output**2)", "(1 - operation.output)"),
    ("differentiation", "autograd", "sum(axis=stretched, keepdims=True)", "sum(axis=stretched)"),
    ("differentiation", "autograd", "if uses[parent] == 0:", "if True:"),
    ("differentiation", "autograd", "        node.check()\n", ""),
    ("differentiation", "autograd", "recorder.enabled = False", "recorder.enabled = True"),
    ("training", "training", "(loss * (len(inputs) / examples))", "(loss * (1 / len(group)))"),
    ("training", "training", "    trainer.optimizer.zero_grad()\n", ""),
    ("training", "training", "no_grad(), _in_mode(model, False)", "no_grad()"),
    ("training", "training", ".item() * len(inputs)\n", ".item()\n"),
    ("training", "training", "if patience is not None and", "if False and"),
    ("training", "training", "_since_best(trainer.history[watched]) == 0", "True"),
    ("training", "training", '    if trainer.interval == "epoch":', "    if False:"),
    ("training", "training", "        clip_grad_norm_(trainer.", "        print(trainer."),
    ("training", "training", '"random": _Random}', '"random": None}'),
    ("training", "training", "actual * classes + predicted\n", "predicted * classes + actual\n"),
    ("optimization", "optimizers", "buffer *= group", "buffer += group"),
    ("optimization", "optimizers", "(1 - beta2**step)) + group", "(1 - beta2)) + group"),
    ("optimization", "optimizers", "(np.sqrt(square) + group", "np.sqrt(square + group"),
    ("optimization", "optimizers", '{**group, "weight_decay": 0}', "group"),
    ("optimization", "optimizers", "math.pi * part", "2 * math.pi * part"),
    ("optimization", "optimizers", "if self.last_epoch <= top:", "if self.last_epoch >= top:"),
    ("optimization", "optimizers", "p.grad *= factor", "p.grad * factor"),
    ("optimization", "optimizers", "self.last_epoch // self.step_size", "self.last_epoch"),
    ("regularization", "dataloader", "result[mirrored] = images[mirrored, :, :, ::-1]", "pass"),
    ("regularization", "dataloader", "np.arange(len(images)), :, rows, columns]", "0, :, rows, 0]"),
    ("regularization", "dataloader", "= random.permutation(count)", "= np.arange(count)"),
    ("regularization", "dataloader", "order[e - n : e]", "order[:n]"),
    ("regularization", "dataloader", "        self.epoch += 1\n", ""),
    ("regularization", "training", "epochs = 0 if loss < lowest", "epochs = 0 if loss > lowest"),
    ("regularization", "optimizers", 'data *= 1 - group["lr"] * group["weight_decay"]', "pass"),
    ("regularization", "layers", "        if not self.training:\n            return x\n", ""),
]


def slug(checkpoint: Checkpoint) -> str:
    return checkpoint.slug


def test_every_written_checkpoint_has_planted_faults() -> None:
    assert {name for name, *_ in FAULTS} == {checkpoint.name for checkpoint in WRITTEN}


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint", WRITTEN, ids=slug)
def test_it_passes_on_the_course_and_runs_alone(checkpoint: Checkpoint) -> None:
    done = subprocess.run(
        [sys.executable, checkpoint.path], cwd=ROOT, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    tests = [
        n
        for n in ast.parse((ROOT / checkpoint.path).read_text("utf-8")).body
        if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")
    ]
    assert done.stdout.count("✓") == len(tests) >= 3


@pytest.mark.parametrize("checkpoint", WRITTEN, ids=slug)
def test_its_first_line_asks_the_question_of_classroom_yml(checkpoint: Checkpoint) -> None:
    text = (ROOT / checkpoint.path).read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring is not None
    assert docstring.split("\n")[0] == checkpoint.question


@pytest.mark.slow
@pytest.mark.parametrize(("name", "module", "old", "new"), FAULTS)
def test_it_fails_on_a_planted_fault(
    name: str, module: str, old: str, new: str, copy_of_course: Callable[[], Path]
) -> None:
    course = course_module.load(copy_of_course())
    file = course.dev_file(course.module(module))
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    export(course, course.entered())
    assert not run(course, course.checkpoint(name)).passed


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint", WRITTEN, ids=slug)
def test_it_fails_on_an_empty_package(
    checkpoint: Checkpoint, copy_of_course: Callable[[], Path]
) -> None:
    course = course_module.load(copy_of_course())
    export(course, ())
    result = run_file(course, checkpoint.path)
    assert [test.name for test in result.tests if test.verdict == "passed"] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("checkpoint", "name"),
    [(c, name) for c in WRITTEN for name in c.modules],
    ids=lambda value: value if isinstance(value, str) else value.slug,
)
@needs_nbgrader
def test_it_fails_if_one_of_its_modules_holds_stubs(
    checkpoint: Checkpoint, name: str, copy_of_course: Callable[[], Path]
) -> None:
    course = course_module.load(copy_of_course())
    module = course.module(name)
    text = student_version(course, module)
    course.dev_file(module).write_text(text, encoding="utf-8")
    export(course, course.entered())
    assert not run(course, checkpoint).passed
