"""Module 08 against numbers computed another way: history, metrics, evaluation, plots, refusals."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import ROOT
from tinytorch.core import training
from tinytorch.core.layers import Dropout, Linear, Module, Sequential
from tinytorch.core.losses import CrossEntropyLoss, MSELoss
from tinytorch.core.optimizers import SGD, StepLR
from tinytorch.core.tensor import Tensor, generator, manual_seed
from tinytorch.core.training import (
    Accuracy,
    History,
    Trainer,
    compute_confusion_matrix,
    evaluate_model,
    load_checkpoint,
    plot_training_history,
    save_checkpoint,
)

RNG = np.random.default_rng(8)
SCORES, CLASSES = RNG.standard_normal((50, 4)), RNG.integers(0, 4, 50)
SIZES = [(0, 20), (20, 41), (41, 50)]
DATA = [(Tensor(SCORES[a:b]), CLASSES[a:b]) for a, b in SIZES]
TABLE = np.zeros((4, 4), dtype=int)
for true, row in zip(CLASSES, SCORES, strict=True):
    TABLE[true, row.argmax()] += 1


def identity(x: Tensor) -> Tensor:
    return x


def trainer(**settings: Any) -> Trainer:
    manual_seed(0)
    model = Sequential(Linear(4, 4), Dropout(0.2))
    return Trainer(model, SGD(model.parameters(), lr=0.1), CrossEntropyLoss(), **settings)


def history() -> None:
    found = History()
    for epoch in range(3):
        found.append({"loss": epoch, **({"late": np.float64(7)} if epoch else {})})
    assert found == {"loss": [0.0, 1.0, 2.0], "late": [None, 7.0, 7.0]}
    assert found.epochs == 3
    assert History(found) == found


def accuracy() -> None:
    metric = Accuracy()
    for scores, classes in DATA:
        metric.update(scores, classes)
    assert metric.compute() == np.trace(TABLE) / 50
    assert metric.name == "accuracy"


def evaluated() -> None:
    shifted = SCORES - np.log(np.exp(SCORES).sum(axis=1, keepdims=True))
    found = evaluate_model(identity, DATA)
    loss = -shifted[np.arange(50), CLASSES].mean()
    np.testing.assert_allclose(found["loss"], loss, rtol=1e-6)
    assert found["accuracy"] == np.trace(TABLE) / 50
    np.testing.assert_allclose(found["class_accuracy"], np.diag(TABLE) / TABLE.sum(axis=1))


def confusion() -> None:
    assert compute_confusion_matrix(identity, DATA).tolist() == TABLE.tolist()
    larger = compute_confusion_matrix(identity, iter(DATA), num_classes=6)
    assert larger.tolist() == np.pad(TABLE, (0, 2)).tolist()


def trained() -> None:
    """One epoch by hand: every batch one step against the gradient of the softmax."""
    ours = trainer()
    ours.model.layers[1].p = 0.0
    weight, bias = (p.data.astype(np.float64).copy() for p in ours.model.parameters())
    total = 0.0
    for scores, classes in DATA:
        x = scores.data.astype(np.float64)
        z = x @ weight + bias
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        total -= np.log(p[np.arange(len(x)), classes]).sum()
        slope = (p - np.eye(4)[classes]) / len(x)
        weight -= 0.1 * x.T @ slope
        bias -= 0.1 * slope.sum(axis=0)
    found = ours.fit(DATA, verbose=False)
    np.testing.assert_allclose(found["loss"], [total / 50], rtol=1e-6)
    np.testing.assert_allclose(next(iter(ours.model.parameters())).data, weight, rtol=1e-5)


def saved_and_loaded(path: str = "") -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        first, second = trainer(), trainer()
        first.fit(DATA, verbose=False)
        save_checkpoint(Path(folder) / "x", first.model, first.optimizer, None, first.history)
        drawn = generator().random(5)
        assert load_checkpoint(Path(folder) / "x", second.model, second.optimizer) == first.history
        np.testing.assert_array_equal(generator().random(5), drawn)
        for mine, theirs in zip(second.model.parameters(), first.model.parameters(), strict=True):
            np.testing.assert_array_equal(mine.data, theirs.data)


def refused_without_matplotlib() -> None:
    """In a process of its own, in which the import finds nothing."""
    code = """
import sys
sys.modules["matplotlib"] = None
from tinytorch.core.training import History, plot_training_history
try:
    plot_training_history(History(loss=[1.0]))
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert "pip install matplotlib" in done.stdout


CHECKS: dict[str, Callable[[], None]] = {
    "History": history,
    "Accuracy": accuracy,
    "Trainer": trained,
    "evaluate_model": evaluated,
    "compute_confusion_matrix": confusion,
    "save_checkpoint": saved_and_loaded,
    "load_checkpoint": saved_and_loaded,
    "plot_training_history": refused_without_matplotlib,
}


def unchecked() -> list[str]:
    return sorted(set(training.__all__) ^ set(CHECKS))


@pytest.mark.parametrize("name", CHECKS)
def test_it_agrees_with_numbers_computed_another_way(name: str) -> None:
    CHECKS[name]()


def test_every_public_name_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unchecked() == []
    monkeypatch.setattr(training, "__all__", [*training.__all__, "planted"])
    assert unchecked() == ["planted"]


def test_the_picture_is_drawn_and_saved(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib").use("agg")
    from matplotlib import pyplot

    given = History(loss=[2.0, 1.0], val_loss=[None, 1.5], accuracy=[0.1, 0.2], lr=[1, 1], seconds=[1, 1])  # fmt: skip
    figure = plot_training_history(given, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes()[:4] == b"\x89PNG"
    assert [axes.get_title() for axes in figure.axes] == ["loss", "accuracy", "lr"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 1, 1]
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_data()[1], [np.nan, 2.0, 1.0])
    np.testing.assert_array_equal(figure.axes[0].lines[1].get_data()[1], [np.nan, np.nan, 1.5])
    assert plot_training_history(History()).axes == []
    pyplot.close("all")


def test_a_class_without_examples_has_no_accuracy() -> None:
    found = evaluate_model(identity, [(np.eye(3), np.array([0, 1, 1]))])
    assert found["class_accuracy"][:2] == [1.0, 0.5]
    assert math.isnan(found["class_accuracy"][2])


def test_scores_of_more_dimensions() -> None:
    scores, classes = RNG.standard_normal((3, 4, 5)), RNG.integers(0, 4, (3, 5))
    found = evaluate_model(identity, [(scores, classes)])
    assert found["accuracy"] == (scores.argmax(axis=1) == classes).mean()


@pytest.mark.parametrize(
    ("outputs", "targets"),
    [((3, 4), (3, 1)), ((3, 4), (4,)), ((3,), (3,)), ((3, 4), ()), ((3, 4, 2), (3,)), ((), ())],
)
def test_scores_and_classes_that_do_not_fit_are_refused(outputs: Any, targets: Any) -> None:
    with pytest.raises(ValueError, match="do not fit: classes need scores"):
        Accuracy().update(np.zeros(outputs), np.zeros(targets, dtype=int))


@pytest.mark.parametrize("wrong", [-1, 3])
def test_a_class_that_does_not_exist_is_refused(wrong: int) -> None:
    with pytest.raises(ValueError, match="classes are 0 to 2, not"):
        compute_confusion_matrix(identity, [(np.eye(3), np.array([0, wrong, 1]))])


def test_further_metrics_stand_under_their_names() -> None:
    class Mean:
        name = "mean"

        def reset(self) -> None:
            self.values: list[float] = []

        def update(self, outputs: Tensor, targets: np.ndarray) -> None:
            self.values.append(float(outputs.data.mean()))

        def compute(self) -> float:
            return sum(self.values) / len(self.values)

    found = evaluate_model(identity, DATA, metrics=[Mean()])
    expected = np.mean([scores.data.mean() for scores, _ in DATA])
    np.testing.assert_allclose(found["mean"], expected, rtol=1e-6)


def test_evaluation_changes_nothing_and_keeps_no_graph() -> None:
    seen: list[tuple[bool, bool]] = []

    class Spy(Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append((self.training, x.requires_grad))
            return x

    model = Sequential(Linear(4, 4), Spy(), Sequential(Dropout(0.5)))
    model[2].eval()
    state, random = model.state_dict(), generator().bit_generator.state
    first, second = (evaluate_model(model, DATA) for _ in range(2))
    assert first == second
    assert seen == [(False, False)] * 6
    assert [m.training for m in model.modules()] == [True, True, True, False, False]
    assert generator().bit_generator.state == random
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, state[name])
    assert all(p.grad is None for p in model.parameters())


def test_modes_come_back_after_an_error() -> None:
    model = Sequential(Linear(3, 4), Sequential(Dropout(0.5)))
    model[1].eval()
    with pytest.raises(ValueError, match="last size must be in_features"):
        evaluate_model(model, DATA)
    assert [m.training for m in model.modules()] == [True, True, False, False]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "gave no examples"),
        (iter(()), "A generator gives them once"),
        ([(np.zeros((0, 4)), np.zeros(0, dtype=int))], "gave no examples"),
        ([np.zeros((2, 4))], "pair .*not ndarray"),
        ([(np.zeros((2, 4)),)], "a batch is a pair"),
        ([(1, 2, 3)], "a batch is a pair"),
    ],
)
def test_data_that_cannot_be_used_is_refused(data: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        evaluate_model(identity, data)
    ours = trainer()
    with pytest.raises(ValueError, match=said):
        ours.fit(data if isinstance(data, list) else iter(()), verbose=False)
    assert ours.history.epochs == 0


def test_empty_batches_are_left_out() -> None:
    empty = (np.zeros((0, 4)), np.zeros(0, dtype=int))
    assert evaluate_model(identity, [empty, *DATA, empty]) == evaluate_model(identity, DATA)


def test_a_trainer_that_cannot_train_is_refused() -> None:
    model, other = Linear(2, 2), Linear(2, 2)
    optimizer = SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match=r"updates nothing of this model: make it from model\."):
        Trainer(other, optimizer, MSELoss())
    for wrong in ({"accumulation_steps": 0}, {"max_grad_norm": 0.0}, {"max_grad_norm": math.nan}):
        with pytest.raises(ValueError, match="there is no update with .*" + next(iter(wrong))):
            Trainer(model, optimizer, MSELoss(), **wrong)
    for patience in (0, -1):
        with pytest.raises(ValueError, match="the patience is 1 or more"):
            Trainer(model, optimizer, MSELoss()).fit([], early_stopping_patience=patience)


def test_a_schedule_without_an_interval_counts_epochs() -> None:
    class Plain:
        steps = 0

        def step(self) -> None:
            self.steps += 1

    scheduler = Plain()
    trainer(scheduler=scheduler).fit(DATA, epochs=2, verbose=False)
    assert scheduler.steps == 2
    assert trainer(scheduler=StepLR(trainer().optimizer, 1)).interval == "epoch"


def test_importing_it_prints_nothing_and_loads_no_json() -> None:
    code = "import sys, tinytorch; assert not {'json', 'matplotlib', 'zipfile'} & set(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import sys; sys.path += sys.argv[1:]; " + code, str(ROOT),
         str(Path(np.__file__).parents[1])], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
