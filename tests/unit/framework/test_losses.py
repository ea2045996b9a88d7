"""Module 05: every loss against PyTorch, at its limits, and what it refuses."""

from __future__ import annotations

import doctest
import importlib
import math
import os
import warnings
from typing import Any

import numpy as np
import pytest
from cases import of_loss

import tinytorch.core.losses as module
from tinytorch.core.losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
)
from tinytorch.core.tensor import Tensor, apply, operations

REDUCTIONS = ["mean", "sum", "none"]
PAIRED = [MSELoss, L1Loss, BCELoss, BCEWithLogitsLoss]
"""Losses of an input and a target of one shape."""
CLASSES = [CrossEntropyLoss, NLLLoss]
SHAPES = [(), (1,), (7,), (5, 1), (3, 4), (2, 3, 4), (2, 1, 3, 2), (300, 50)]
CLASS_SHAPES = [
    (3,), (1,), (1, 1), (4, 1), (5, 3), (64, 10), (17, 1000), (2, 3, 4), (2, 5, 3, 4), (3, 2, 1, 2, 2)
]  # fmt: skip
EMPTY = [(0, 3), (0, 3, 2), (2, 3, 0)]


@pytest.fixture
def torch() -> Any:
    """PyTorch; without it the test is skipped, but fails where everything must run."""
    if os.environ.get("CI") == "true":
        return importlib.import_module("torch")
    return pytest.importorskip("torch")


def careful() -> np.errstate:
    """Any overflow, division by zero or invalid operation is an error; rounding to 0 is not."""
    return np.errstate(over="raise", divide="raise", invalid="raise")


def error(found: np.ndarray, expected: np.ndarray) -> float:
    """max|a − b| / max(1e-3, max|b|); the shapes must be equal."""
    assert found.shape == expected.shape
    if not found.size:
        return 0.0
    return float(abs(found - expected).max() / max(1e-3, abs(expected).max()))


def agrees(torch: Any, kind: type, x: np.ndarray, target: np.ndarray, **settings: Any) -> None:
    """Ours against PyTorch, in float64 and float32, with the tolerances of performance.md."""
    theirs = getattr(torch.nn, kind.__name__)(**settings)

    def wanted(dtype: Any) -> np.ndarray:
        t = target if target.dtype.kind == "i" else target.astype(dtype)
        result: np.ndarray = theirs(torch.from_numpy(x.astype(dtype)), torch.from_numpy(t)).numpy()
        return result

    if target.dtype.kind == "f":  # the same numbers in both dtypes
        target = np.asarray(target, np.float32).astype(np.float64)
    x = np.asarray(x, np.float32).astype(np.float64)
    exact = wanted(np.float64)
    for dtype in (np.float64, np.float32):
        tolerance = 1e-10
        if dtype == np.float32:
            tolerance = max(1e-6, 4 * error(wanted(np.float32), exact))
        t = target if target.dtype.kind == "i" else target.astype(dtype)
        result = kind(**settings)(Tensor(x, dtype=dtype), Tensor(t, dtype=t.dtype))
        assert result.dtype == dtype
        assert error(result.data, exact) <= tolerance, (kind.__name__, x.shape, settings, dtype)


def test_the_public_names_are_these_and_each_is_compared() -> None:
    expected = {"MSELoss", "L1Loss", "CrossEntropyLoss", "NLLLoss", "BCELoss", "BCEWithLogitsLoss"}
    assert set(module.__all__) == expected
    assert {kind.__name__ for kind in (*PAIRED, *CLASSES)} == expected


def test_the_registered_names_are_those_of_the_gradients_to_come() -> None:
    ours = {name for name, kind in operations.items() if kind.__module__ == module.__name__}
    assert ours == {"cross_entropy", "bce", "bce_with_logits"}


# Against PyTorch


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", PAIRED)
def test_agrees_with_pytorch(torch: Any, kind: type, shape: Any, reduction: str) -> None:
    agrees(torch, kind, *of_loss(kind.__name__, shape), reduction=reduction)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", CLASS_SHAPES, ids=str)
@pytest.mark.parametrize("kind", CLASSES)
def test_classes_agree_with_pytorch(torch: Any, kind: type, shape: Any, reduction: str) -> None:
    agrees(torch, kind, *of_loss(kind.__name__, shape), reduction=reduction)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("ignore_index", [-100, -1, 0, 2, 255])
@pytest.mark.parametrize("shape", [(40, 5), (6, 5, 7), (2, 5, 3, 4)], ids=str)
@pytest.mark.parametrize("kind", CLASSES)
def test_ignored_targets_agree_with_pytorch(
    torch: Any, kind: type, shape: Any, ignore_index: int, reduction: str
) -> None:
    x, target = of_loss(kind.__name__, shape)
    target.ravel()[::3] = ignore_index
    agrees(torch, kind, x, target, reduction=reduction, ignore_index=ignore_index)


@pytest.mark.parametrize("size", [30.0, 1000.0])
@pytest.mark.parametrize("kind", [BCEWithLogitsLoss, CrossEntropyLoss, MSELoss, L1Loss])
def test_large_numbers_agree_with_pytorch(torch: Any, kind: type, size: float) -> None:
    with careful():
        agrees(torch, kind, *of_loss(kind.__name__, (64, 10), size), reduction="none")


def test_certain_probabilities_agree_with_pytorch(torch: Any) -> None:
    p = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1e-45, 1e-38, 1e-9, 1.0 - 2**-24])
    target = np.array([0.0, 1.0, 1.0, 0.0, 0.5, 1.0, 1.0, 0.0, 0.0])
    with careful():
        agrees(torch, BCELoss, p, target, reduction="none")


def test_infinite_scores_agree_with_pytorch(torch: Any) -> None:
    x = np.array([[0.0, -math.inf, 1.0], [-math.inf, 2.0, -math.inf]])
    with careful():
        agrees(torch, CrossEntropyLoss, x, np.array([2, 1]), reduction="none")
        masked = CrossEntropyLoss("none")(Tensor(x), [1, 1])
    assert masked.tolist() == [math.inf, 0.0]


@pytest.mark.parametrize("shape", EMPTY, ids=str)
@pytest.mark.parametrize("kind", [*PAIRED, *CLASSES])
def test_nothing_agrees_with_pytorch(torch: Any, kind: type, shape: Any) -> None:
    x, target = (
        of_loss(kind.__name__, shape)
        if kind in PAIRED
        else (np.zeros(shape), np.zeros(shape)[:, 0])
    )
    target = target.astype(np.int64) if kind in CLASSES else target
    for reduction in ("sum", "none"):
        agrees(torch, kind, x, target, reduction=reduction)
    theirs = getattr(torch.nn, kind.__name__)()(torch.from_numpy(x), torch.from_numpy(target))
    assert math.isnan(theirs.item())
    with pytest.warns(RuntimeWarning):  # as the mean of nothing in module 02
        assert math.isnan(kind()(Tensor(x), Tensor(target)).item())


@pytest.mark.parametrize("kind", CLASSES)
def test_only_ignored_targets_are_nothing(torch: Any, kind: type) -> None:
    x, target = of_loss(kind.__name__, (4, 3))
    target[:] = -100
    for reduction in ("sum", "none"):
        agrees(torch, kind, x, target, reduction=reduction)
    assert math.isnan(
        getattr(torch.nn, kind.__name__)()(torch.from_numpy(x), torch.from_numpy(target)).item()
    )
    with pytest.warns(RuntimeWarning):
        assert math.isnan(kind()(Tensor(x), Tensor(target)).item())


def test_a_fault_is_noticed(torch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    right = operations["cross_entropy"].forward
    monkeypatch.setattr(
        operations["cross_entropy"], "forward", lambda self, x: right(self, x) * (1 + 1e-5)
    )
    with pytest.raises(AssertionError, match="CrossEntropyLoss"):
        agrees(torch, CrossEntropyLoss, *of_loss("CrossEntropyLoss", (5, 3)))


# Stability


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_of_a_thousand_have_their_exact_losses(dtype: type) -> None:
    x = Tensor([[1000.0, -1000.0], [-1000.0, 1000.0]], dtype=dtype)
    with careful():
        assert CrossEntropyLoss("none")(x, [1, 1]).tolist() == [2000.0, 0.0]
        yes = BCEWithLogitsLoss("none")(x, np.ones((2, 2))).tolist()
        assert yes == [[0.0, 1000.0], [1000.0, 0.0]]
        no = BCEWithLogitsLoss("none")(x, np.zeros((2, 2))).tolist()
        assert no == [[1000.0, 0.0], [0.0, 1000.0]]
        certain = Tensor([0.0, 1.0], dtype=dtype)
        assert BCELoss("none")(certain, [0.5, 0.5]).tolist() == [50.0, 50.0]


def test_small_losses_keep_their_digits() -> None:
    score = BCEWithLogitsLoss()(Tensor([-40.0]), [0.0]).item()
    assert math.isclose(score, math.exp(-40), rel_tol=1e-5)
    p = BCELoss()(Tensor([1e-30]), [0.0]).item()
    assert math.isclose(p, 1e-30, rel_tol=1e-5)


def test_nan_passes_through() -> None:
    x = Tensor([[1.0, math.nan], [1.0, 2.0]])
    for kind in (MSELoss, L1Loss, BCEWithLogitsLoss):
        result = kind("none")(x, np.ones((2, 2))).data
        assert np.isnan(result).tolist() == [[False, True], [False, False]]
    assert np.isnan(CrossEntropyLoss("none")(x, [0, 0]).data).tolist() == [True, False]


# What the recorder of module 06 will see


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[bool]]]:
    """Each operation that is run: its name, and which of its inputs require a gradient."""
    tensor = importlib.import_module("tinytorch.core.tensor")
    seen: list[tuple[str, list[bool]]] = []

    class Recorder:
        enabled = True

        def record(self, operation: Any, tensors: Any, output: Tensor) -> None:
            seen.append((operation.name, [t.requires_grad for t in tensors]))

    monkeypatch.setattr(tensor._State, "recorder", Recorder())
    return seen


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (MSELoss, ["sub", "mul", "mean"]),
        (L1Loss, ["sub", "abs", "mean"]),
        (BCELoss, ["bce", "mean"]),
        (BCEWithLogitsLoss, ["bce_with_logits", "mean"]),
        (CrossEntropyLoss, ["cross_entropy", "mean"]),
        (NLLLoss, ["getitem", "neg", "mean"]),
    ],
)
def test_a_loss_takes_the_fewest_operations(kind: type, names: list[str], recorded: Any) -> None:
    x, target = of_loss(kind.__name__, (4, 3))
    assert kind()(Tensor(x, requires_grad=True), target).requires_grad
    assert [name for name, _ in recorded] == names
    assert all(all(required) for _, required in recorded[1:])


@pytest.mark.parametrize("kind", [MSELoss, L1Loss])
def test_the_target_of_a_distance_is_an_input(kind: type, recorded: Any) -> None:
    x, target = (Tensor(array) for array in of_loss(kind.__name__, (4, 3)))
    target.requires_grad = True
    assert kind()(x, target).requires_grad
    assert recorded[0] == ("sub", [False, True])


@pytest.mark.parametrize("kind", [BCELoss, BCEWithLogitsLoss, CrossEntropyLoss])
def test_the_recorded_targets_are_the_loss_s_own(
    kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[np.ndarray] = []
    x, target = of_loss(kind.__name__, (4, 3))
    given = Tensor(target, dtype=np.int64 if kind is CrossEntropyLoss else np.float32)

    def keep(name: str, *inputs: Tensor, **settings: Any) -> Tensor:
        kept.append(settings["targets"])
        return apply(name, *inputs, **settings)

    monkeypatch.setattr(module, "apply", keep)
    kind()(Tensor(x), given)
    assert not np.shares_memory(kept[0], given.data)  # a loader may fill in the next batch


def test_images_and_ignored_targets_are_recorded(recorded: Any) -> None:
    x, target = of_loss("CrossEntropyLoss", (2, 3, 4))
    target[0, 0] = -100
    assert CrossEntropyLoss()(Tensor(x, requires_grad=True), target).requires_grad
    names = ["permute", "reshape", "cross_entropy", "where", "reshape", "sum", "div"]
    assert [name for name, _ in recorded] == names


def test_nothing_warns() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in (*PAIRED, *CLASSES):
            for shape in [(3, 4), (2, 3, 4)]:
                assert kind()(*map(Tensor, of_loss(kind.__name__, shape, 1.0))).shape == ()


def test_the_examples_in_the_docstrings_hold() -> None:
    failed, attempted = doctest.testmod(module)
    assert attempted >= 7
    assert failed == 0
