"""Module 03: stability, dtypes, shapes, and objects against functions."""

from __future__ import annotations

import doctest
import math
from collections.abc import Callable

import numpy as np
import pytest

import tinytorch.core.activations as module
from tinytorch.core.activations import (
    GELU,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
    gelu,
    leaky_relu,
    log_softmax,
    relu,
    sigmoid,
    softmax,
    tanh,
)
from tinytorch.core.tensor import Tensor, operations, set_default_dtype

Activation = Callable[..., Tensor]
ALL = [relu, leaky_relu, sigmoid, tanh, gelu, softmax, log_softmax]
CURVES = [sigmoid, tanh, gelu, softmax, log_softmax]
PAIRS = [
    (ReLU(), relu, {}, "ReLU()"),
    (LeakyReLU(), leaky_relu, {}, "LeakyReLU(negative_slope=0.01)"),
    (LeakyReLU(0.2), leaky_relu, {"negative_slope": 0.2}, "LeakyReLU(negative_slope=0.2)"),
    (Sigmoid(), sigmoid, {}, "Sigmoid()"),
    (Tanh(), tanh, {}, "Tanh()"),
    (GELU(), gelu, {}, "GELU()"),
    (Softmax(), softmax, {}, "Softmax(axis=-1)"),
    (Softmax(axis=0), softmax, {"axis": 0}, "Softmax(axis=0)"),
    (Softmax(dim=0), softmax, {"dim": 0}, "Softmax(axis=0)"),
    (LogSoftmax(), log_softmax, {}, "LogSoftmax(axis=-1)"),
    (LogSoftmax(0), log_softmax, {"axis": 0}, "LogSoftmax(axis=0)"),
]


def careful() -> np.errstate:
    """Any overflow, division by zero or invalid operation is an error; rounding to 0 is not."""
    return np.errstate(over="raise", divide="raise", invalid="raise")


def random(*shape: int, dtype: type = np.float64, scale: float = 3.0) -> Tensor:
    return Tensor(np.random.default_rng(3).standard_normal(shape) * scale, dtype=dtype)


def test_the_registered_names_are_those_of_the_gradients_to_come() -> None:
    names = {"relu", "leaky_relu", "sigmoid", "tanh", "gelu", "softmax", "log_softmax"}
    ours = {name for name, kind in operations.items() if kind.__module__ == module.__name__}
    assert ours == names


def test_operations_read_their_settings_by_name() -> None:
    x = np.array([[-2.0, 2.0], [-4.0, 2.0]])
    slope = operations["leaky_relu"](negative_slope=0.5)
    assert slope.forward(x).tolist() == [[-1.0, 2.0], [-2.0, 2.0]]
    for name in ["softmax", "log_softmax"]:
        result = operations[name](axis=0).forward(x)
        np.testing.assert_allclose(result[:, 1], [0.5, 0.5] if name == "softmax" else np.log(0.5))


@pytest.mark.parametrize("activation", ALL)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_shape_and_dtype_are_the_inputs(activation: Activation, dtype: type) -> None:
    for shape in [(), (1,), (4,), (2, 3), (2, 3, 4), (0,), (0, 3), (3, 0), (2, 0, 3)]:
        x = random(*shape, dtype=dtype)
        before = x.data.copy()
        result = activation(x)
        assert (result.shape, result.dtype) == (shape, dtype)
        assert result.data is not x.data
        np.testing.assert_array_equal(x.data, before)


@pytest.mark.parametrize("activation", ALL)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_scores_stay_finite_without_a_warning(activation: Activation, dtype: type) -> None:
    x = Tensor([[-1000.0, 0.0, 1000.0], [1000.0, 1000.0, 1000.0], [-1000.0] * 3], dtype=dtype)
    with careful():
        assert np.isfinite(activation(x).data).all()


@pytest.mark.parametrize("activation", ALL)
def test_nan_passes_through(activation: Activation) -> None:
    result = activation(Tensor([[1.0, math.nan], [2.0, 3.0]])).data
    assert np.isnan(result[0, 1])
    assert np.isfinite(result[1]).all()


@pytest.mark.parametrize("activation", CURVES)
@pytest.mark.parametrize("kind", [np.bool_, np.int8, np.uint8, np.int64])
def test_integers_become_the_default_dtype(activation: Activation, kind: type) -> None:
    whole = Tensor(np.array([[0, 1, 1], [1, 0, 0]], dtype=kind))
    result = activation(whole)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result.data, activation(Tensor(whole.data, np.float32)).data)
    set_default_dtype(np.float64)
    try:
        assert activation(whole).dtype == np.float64
    finally:
        set_default_dtype(np.float32)


@pytest.mark.parametrize("activation", ALL)
def test_lists_and_numbers_are_taken_too(activation: Activation) -> None:
    assert activation([0.5, -1.0]).tolist() == activation(Tensor([0.5, -1.0])).tolist()
    assert activation(0.5).shape == ()


def test_relu_and_leaky_relu() -> None:
    x = random(50)
    np.testing.assert_array_equal(relu(x).data, np.where(x.data > 0, x.data, 0))
    for slope in [0.0, 0.01, 1.0, 2.5, -0.5]:
        expected = np.where(x.data > 0, x.data, slope * x.data)
        np.testing.assert_allclose(leaky_relu(x, slope).data, expected, rtol=1e-15)
    infinite = Tensor([math.inf, -math.inf])
    assert leaky_relu(infinite, 0.5).tolist() == [math.inf, -math.inf]


def test_a_slope_of_numpy_leaves_float32_alone() -> None:
    x = Tensor([-2.0, 2.0])
    for slope in [np.float64(0.5), np.float32(0.5)]:
        assert leaky_relu(x, slope).dtype == np.float32
        assert LeakyReLU(slope)(x).tolist() == [-1.0, 2.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_is_exact_relative_to_its_size(dtype: type) -> None:
    points = np.array([-80.0, -40.0, -20.0, -1.0, 0.0, 1.0, 20.0])
    result = sigmoid(Tensor(points, dtype=dtype)).data
    expected = [math.exp(p) / (1 + math.exp(p)) for p in points]
    np.testing.assert_allclose(result, expected, rtol=20 * np.finfo(dtype).eps)
    assert sigmoid(Tensor([math.inf, -math.inf])).tolist() == [1.0, 0.0]


def test_tanh_and_gelu_follow_their_formulas() -> None:
    x = random(100)
    np.testing.assert_allclose(tanh(x).data, [math.tanh(v) for v in x.data], rtol=1e-14)
    inner = [math.sqrt(2 / math.pi) * (v + 0.044715 * v**3) for v in x.data]
    expected = [v * (1 + math.tanh(i)) / 2 for v, i in zip(x.data, inner, strict=True)]
    np.testing.assert_allclose(gelu(x).data, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_softmax_along_every_axis(axis: int) -> None:
    x = random(2, 3, 4)
    powers = np.exp(x.data)
    expected = powers / powers.sum(axis=axis, keepdims=True)
    for result in [softmax(x, axis), softmax(x, axis=axis), softmax(x, dim=axis)]:
        np.testing.assert_allclose(result.data, expected, rtol=1e-13)
    for result in [log_softmax(x, axis), log_softmax(x, axis=axis), log_softmax(x, dim=axis)]:
        np.testing.assert_allclose(result.data, np.log(expected), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(softmax(x, axis).data.sum(axis=axis), 1.0, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_softmax_is_exact_where_the_probability_rounds_to_zero(dtype: type) -> None:
    with careful():
        far = log_softmax(Tensor([[1000.0, 0.0], [1e6, -1e6], [-1000.0, 1000.0]], dtype=dtype))
        even = log_softmax(Tensor([1e6, 1e6], dtype=dtype))
    assert far.tolist() == [[0.0, -1000.0], [0.0, -2e6], [-2000.0, 0.0]]
    np.testing.assert_allclose(even.data, -math.log(2), rtol=1e-6)


def test_a_masked_score_gets_no_probability() -> None:
    x = Tensor([[0.0, -math.inf], [-math.inf, 0.0]])
    with careful():
        assert softmax(x).tolist() == [[1.0, 0.0], [0.0, 1.0]]
        assert log_softmax(x).tolist() == [[0.0, -math.inf], [-math.inf, 0.0]]


@pytest.mark.parametrize(("activation", "function", "settings", "shown"), PAIRS)
def test_objects_are_their_functions(
    activation: Activation, function: Activation, settings: dict[str, float], shown: str
) -> None:
    x = random(3, 4, dtype=np.float32)
    expected = function(x, **settings).tolist()
    assert activation(x).tolist() == expected
    assert activation.forward(x).tolist() == expected  # type: ignore[attr-defined]
    assert repr(activation) == shown


def test_an_object_is_shown_as_it_can_be_written() -> None:
    for activation, *_ in PAIRS:
        again = eval(repr(activation), vars(module))
        assert type(again) is type(activation)
        assert vars(again) == vars(activation)


def test_a_subclass_that_changes_forward_is_called() -> None:
    class Doubled(ReLU):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) + super().forward(x)

    assert Doubled()(Tensor([1.0, -1.0])).tolist() == [2.0, 0.0]
    assert repr(Doubled()) == "Doubled()"


def test_the_examples_in_the_docstrings_hold() -> None:
    failed, attempted = doctest.testmod(module)
    assert attempted >= 7
    assert failed == 0
