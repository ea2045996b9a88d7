"""Module 05: which inputs and targets its losses take, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from cases import of_loss

import tinytorch.core.losses as module
from tinytorch.core.layers import Linear, Module, Sequential
from tinytorch.core.losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
)
from tinytorch.core.tensor import Tensor, set_default_dtype

REDUCTIONS = ["mean", "sum", "none"]
PAIRED = [MSELoss, L1Loss, BCELoss, BCEWithLogitsLoss]
"""Losses of an input and a target of one shape."""
CLASSES = [CrossEntropyLoss, NLLLoss]


@pytest.fixture
def float64() -> Iterator[None]:
    """The default dtype is float64 for one test."""
    set_default_dtype(np.float64)
    yield
    set_default_dtype(np.float32)


@pytest.mark.parametrize("kind", PAIRED)
@pytest.mark.parametrize(
    ("first", "second"),
    [((4, 1), (4,)), ((4,), (4, 1)), ((3, 4), (4, 3)), ((4,), ()), ((0, 3), (0,)), ((1,), (4,))],
)
def test_shapes_that_differ_are_refused_and_shown(kind: type, first: Any, second: Any) -> None:
    with pytest.raises(ValueError, match="shape") as caught:
        kind()(Tensor(np.ones(first)), Tensor(np.ones(second)))
    assert f"shape {first}" in str(caught.value)
    assert str(second) in str(caught.value)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((4, 3), (4, 1)), ((4, 3), (3,)), ((4, 3), ()), ((4, 3), (4, 3)), ((3,), (1,)),
        ((2, 3, 4), (2, 3)), ((2, 3, 4), (2,)), ((), ()), ((0, 3), (1,)),
    ],
)  # fmt: skip
def test_class_targets_that_do_not_fit_are_refused(kind: type, first: Any, second: Any) -> None:
    with pytest.raises(ValueError, match="do not fit") as caught:
        kind()(Tensor(np.ones(first)), np.zeros(second, dtype=np.int64))
    assert f"input {first} and target {second}" in str(caught.value)
    assert ("one dimension must be the classes" in str(caught.value)) is (first == ())


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("wrong", [-1, 3, -101, 1000])
def test_classes_out_of_range_are_named(kind: type, wrong: int) -> None:
    for x, target in (
        (np.zeros((3, 3)), np.array([0, wrong, 2])),
        (np.zeros(3), np.array(wrong)),
        (np.zeros((1, 3, 2)), np.array([[-100, wrong]])),
    ):
        with pytest.raises(IndexError, match=f"no class {wrong}: 3 classes, 0 to 2"):
            kind()(Tensor(x), Tensor(target))


@pytest.mark.parametrize("kind", CLASSES)
def test_an_input_without_classes_is_refused(kind: type) -> None:
    for shape in [(0,), (0, 0), (2, 0)]:
        with pytest.raises(ValueError, match="has no classes"):
            kind()(Tensor(np.zeros(shape)), np.full(shape[:1] if len(shape) > 1 else (), -100))


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize(
    "target", [Tensor([0, 1]), np.array([0.0, 1.0]), [True, False], np.array([True, False])]
)
def test_targets_that_are_no_whole_numbers_are_refused(kind: type, target: Any) -> None:
    with pytest.raises(TypeError, match="class indices are whole numbers"):
        kind()(Tensor(np.zeros((2, 3))), target)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.int64, np.uint64])
def test_every_kind_of_whole_number_is_taken(kind: type, dtype: type) -> None:
    x, target = of_loss(kind.__name__, (5, 3))
    expected = kind()(Tensor(x), target).item()
    for given in (target.astype(dtype), Tensor(target.astype(dtype)), target.tolist()):
        assert kind()(Tensor(x), given).item() == expected
    assert kind()(Tensor(x[0]), int(target[0])).shape == ()


@pytest.mark.parametrize("wrong", [-1e-6, 1.0001, math.nan, math.inf])
def test_what_is_no_probability_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="BCEWithLogitsLoss"):
        BCELoss()(Tensor([0.5, wrong]), Tensor([1.0, 1.0]))


@pytest.mark.parametrize("kind", [BCELoss, BCEWithLogitsLoss])
def test_a_target_that_wants_a_gradient_is_refused(kind: type) -> None:
    target = Tensor([1.0], requires_grad=True)
    with pytest.raises(ValueError, match=r"target\.detach\(\)"):
        kind()(Tensor([0.5]), target)
    assert kind()(Tensor([0.5]), target.detach()).item() > 0


@pytest.mark.parametrize("kind", [*PAIRED, *CLASSES])
@pytest.mark.parametrize("wrong", ["average", "", None, "Mean", 1])
def test_an_unknown_reduction_is_refused(kind: type, wrong: Any) -> None:
    with pytest.raises(ValueError, match="'mean', 'sum' or 'none'"):
        kind(wrong)


# Dtypes and inputs


@pytest.mark.parametrize("kind", PAIRED)
def test_whole_numbers_become_floating(kind: type, float64: None) -> None:
    for dtype in (np.bool_, np.uint8, np.int64):
        x, target = np.array([0, 1, 1], dtype=dtype), np.array([1, 1, 0], dtype=dtype)
        result = kind("none")(x, target)
        assert result.dtype == np.float64
        floats = kind("none")(Tensor(x.astype(float)), Tensor(target.astype(float)))
        np.testing.assert_array_equal(result.data, floats.data)


@pytest.mark.parametrize("kind", CLASSES)
def test_scores_may_be_whole_numbers_or_lists(kind: type) -> None:
    expected = kind("none")(Tensor([[1.0, 3.0]]), [0]).tolist()
    for given in ([[1, 3]], np.array([[1, 3]]), Tensor(np.array([[1, 3]], dtype=np.uint8))):
        result = kind("none")(given, [0])
        assert (result.dtype, result.tolist()) == (np.float32, expected)


@pytest.mark.parametrize("kind", CLASSES)
def test_a_target_may_be_ignored_where_there_is_one_class(kind: type) -> None:
    assert kind("none")(Tensor(np.zeros((2, 1))), [0, -100]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", PAIRED)
def test_the_dtype_is_that_of_the_input(kind: type, dtype: type) -> None:
    x, target = of_loss(kind.__name__, (3, 4))
    whole = (target > 0.5).astype(np.int64)
    for given in (target, target.tolist(), whole, Tensor(whole), Tensor(target, dtype=dtype)):
        assert kind()(Tensor(x, dtype=dtype), given).dtype == dtype


@pytest.mark.parametrize("kind", [*PAIRED, *CLASSES])
def test_input_and_target_stay_as_they_were(kind: type) -> None:
    shapes = [(3,), (3, 4), (2, 3, 4)] if kind in CLASSES else [(3, 4)]
    for shape in shapes:
        x, target = of_loss(kind.__name__, shape)
        given, truth = Tensor(x, dtype=np.float64), Tensor(target, dtype=target.dtype)
        for reduction in REDUCTIONS:
            kind(reduction)(given, truth)
        np.testing.assert_array_equal(given.data, x)
        np.testing.assert_array_equal(truth.data, target)


def test_a_loss_is_a_module_without_parameters() -> None:
    for kind in (*PAIRED, *CLASSES):
        loss = kind()
        assert isinstance(loss, Module)
        assert list(loss.parameters()) == []
        assert kind.__name__ in repr(Sequential(Linear(1, 1), loss))


@pytest.mark.parametrize("kind", [*PAIRED, *CLASSES])
def test_a_loss_is_shown_as_it_can_be_written(kind: type) -> None:
    for loss in (kind(), kind("sum"), kind(reduction="none").eval()):
        again = eval(repr(loss), vars(module))
        assert type(again) is kind
        assert again.reduction == loss.reduction
        assert getattr(again, "ignore_index", None) == getattr(loss, "ignore_index", None)
    if kind in CLASSES:
        assert repr(kind("sum", 5)) == f"{kind.__name__}(reduction='sum', ignore_index=5)"
    else:
        assert repr(kind()) == f"{kind.__name__}(reduction='mean')"
