"""Kernels give what the readable versions give, in blocks of every size and for every layout."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tinytorch.core import spatial
from tinytorch.core.tensor import Tensor, apply, kernels, operations, use_kernels

CONVOLUTIONS = [
    # images (N, C, H, W), weight (M, C / groups, KH, KW), stride, padding, dilation, groups
    ((5, 3, 8, 7), (4, 3, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((5, 2, 9, 8), (3, 2, 3, 2), (2, 3), (1, 0), (1, 1), 1),
    ((2, 4, 9, 9), (6, 2, 3, 3), (1, 2), (2, 1), (2, 3), 2),
    ((2, 3, 5, 5), (3, 1, 3, 3), (1, 1), (1, 1), (1, 1), 3),
    ((2, 2, 7, 8), (3, 2, 3, 3), (1, 1), (1, 2), (1, 2), 1),
    ((3, 2, 4, 4), (2, 2, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((3, 2, 6, 6), (2, 2, 1, 1), (3, 2), (0, 0), (1, 1), 1),
    ((2, 2, 4, 3), (2, 2, 2, 2), (1, 1), (3, 4), (1, 1), 1),
    ((2, 2, 5, 6), (3, 2, 5, 6), (1, 1), (0, 0), (1, 1), 1),
    ((1, 1, 1, 1), (2, 1, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((0, 3, 6, 6), (2, 3, 3, 3), (1, 1), (1, 1), (1, 1), 1),
]
POOLS = [
    ((3, 2, 6, 8), (2, 2), (2, 2), (0, 0)),
    ((3, 2, 7, 5), (2, 2), (2, 2), (0, 0)),
    ((2, 3, 7, 8), (3, 3), (2, 2), (1, 1)),
    ((2, 3, 6, 6), (2, 3), (1, 1), (0, 1)),
    ((2, 1, 9, 9), (2, 2), (3, 4), (1, 0)),
    ((0, 2, 4, 4), (2, 2), (2, 2), (0, 0)),
]


@pytest.fixture(params=[1, 50, 300, 1 << 20])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Blocks of a single line, of some lines, of some images, and of everything."""
    monkeypatch.setattr(spatial, "_BLOCK", request.param)
    monkeypatch.setattr(spatial, "_LINES", request.param)
    return int(request.param)


def both(name: str, arrays: list[np.ndarray], needs: tuple[bool, ...], **settings: Any) -> Iterator[list[Any]]:  # fmt: skip
    """The result and the gradients: of the readable version, then of the kernel."""
    for enabled in (False, True):
        tensors = [Tensor(x, dtype=x.dtype) for x in arrays]
        for tensor, needed in zip(tensors, needs, strict=True):
            tensor.requires_grad = needed
        with use_kernels(enabled):
            output = apply(name, *tensors, **settings)
            if any(needs):
                weights = np.random.default_rng(1).uniform(0.5, 1.5, output.shape)
                output.backward(weights.astype(output.dtype))
        yield [output.data, *(tensor.grad for tensor in tensors)]


def assert_same(name: str, arrays: list[np.ndarray], needs: tuple[bool, ...], **settings: Any) -> None:  # fmt: skip
    readable, kernel = both(name, arrays, needs, **settings)
    for mine, expected in zip(kernel, readable, strict=True):
        assert (mine is None) == (expected is None)
        if expected is not None:
            assert mine.dtype == expected.dtype
            np.testing.assert_allclose(mine, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_convolution(case: tuple[Any, ...], bias: bool, block: int) -> None:
    images, weight, stride, padding, dilation, groups = case
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(images), rng.standard_normal(weight)]
    arrays += [rng.standard_normal(weight[0])] if bias else []
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    assert_same("conv2d", arrays, (True,) * len(arrays), **settings)


@pytest.mark.parametrize(
    "needs", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 0, 1), (0, 0, 0)]
)
def test_convolution_gives_what_is_needed(needs: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    shapes = [(4, 2, 6, 6), (3, 2, 3, 3), (3,)]
    arrays = [rng.standard_normal(shape) for shape in shapes]
    settings = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
    assert_same("conv2d", arrays, tuple(map(bool, needs)), **settings)


def test_what_nobody_needs_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(spatial, "_convolve_back")
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((2, 3, 5, 5)), rng.standard_normal((4, 3, 3, 3))
    settings = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
    operation = operations["conv2d"](**settings)
    operation.inputs, operation.needs = (x, weight), (False, True)
    dx, dweight = kernels["conv2d"][1](operation, rng.standard_normal((2, 4, 5, 5)))
    assert dx is None
    assert dweight.shape == weight.shape


@pytest.mark.parametrize("dtypes", [("f4", "f8"), ("f8", "f4")])
def test_convolution_of_two_dtypes(dtypes: tuple[str, str]) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.integers(-3, 4, (2, 2, 4, 4)), rng.integers(-3, 4, (3, 2, 3, 3))]
    arrays = [array.astype(dtype) for array, dtype in zip(arrays, dtypes, strict=True)]
    settings = {"stride": (2, 2), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
    assert_same("conv2d", arrays, (True, True), **settings)


@pytest.mark.parametrize("shape", [(), (0, 3), (4,), (2, 3, 4)])
def test_relu(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).integers(-9, 9, shape).astype(np.float64)
    assert_same("relu", [x], (True,))
    assert_same("relu", [np.array([0.0, 1e9, -1e9, 1e-300])], (True,))


@pytest.mark.parametrize("case", POOLS, ids=str)
def test_max_pooling(case: tuple[Any, ...]) -> None:
    images, kernel, stride, padding = case
    # Whole numbers, so that windows have ties: the first maximum takes the slope.
    x = np.random.default_rng(0).integers(-3, 3, images).astype(np.float64)
    assert_same("max_pool2d", [x], (True,), kernel_size=kernel, stride=stride, padding=padding)


@pytest.mark.parametrize("shape", [(4, 3, 5, 6), (2, 1, 1, 1), (7, 2, 1, 3)])
def test_batch_normalization(shape: tuple[int, ...], block: int) -> None:
    rng = np.random.default_rng(0)
    channels = shape[1]
    arrays = [3 + rng.standard_normal(shape), *rng.uniform(0.5, 2, (2, channels))]
    seen = []
    for enabled in (False, True):
        running = {"running_mean": np.ones(channels), "running_var": 2 * np.ones(channels)}
        with use_kernels(enabled):
            tensors = [Tensor(x, dtype=x.dtype) for x in arrays]
            apply("batch_norm2d", *tensors, **running, momentum=0.3, eps=1e-3)
        seen.append(running)
    for name, expected in seen[0].items():
        np.testing.assert_allclose(seen[1][name], expected, rtol=1e-12)
    running = {"running_mean": np.zeros(channels), "running_var": np.ones(channels)}
    assert_same("batch_norm2d", arrays, (True,) * 3, **running, momentum=0.1, eps=1e-5)


@pytest.mark.parametrize("name", ["conv2d", "max_pool2d", "batch_norm2d", "relu"])
def test_images_may_lie_in_memory_in_any_order(name: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 6, 7, 2))
    more: list[np.ndarray] = []
    settings: dict[str, Any] = {}
    if name == "conv2d":
        more = [rng.standard_normal((4, 2, 3, 3))]
        settings = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
    elif name == "max_pool2d":
        settings = {"kernel_size": (2, 2), "stride": (2, 2), "padding": (0, 0)}
    elif name == "batch_norm2d":
        more = [np.ones(2), np.zeros(2)]
        settings = {"running_mean": np.zeros(2), "running_var": np.ones(2), "momentum": 0.1, "eps": 1e-5}  # fmt: skip
    given = [Tensor(array, dtype=array.dtype) for array in more]
    with use_kernels():
        shown = apply(name, Tensor._wrap(x.transpose(0, 3, 1, 2)), *given, **settings)
        copied = apply(name, Tensor._wrap(x.transpose(0, 3, 1, 2).copy()), *given, **settings)
    np.testing.assert_allclose(shown.data, copied.data, rtol=1e-12)


def test_a_kernel_that_differs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    forward, gradient = kernels["relu"]
    for wrong in (
        (lambda operation, x: forward(operation, x) + 1e-6, gradient),
        (forward, lambda operation, g: (g * (operation.output >= 0),)),
    ):
        monkeypatch.setitem(kernels, "relu", wrong)
        with pytest.raises(AssertionError):
            assert_same("relu", [np.array([-1.0, 0.5, 2.0])], (True,))


def test_kernels_stand_beside_operations_and_are_off() -> None:
    assert {"relu", "conv2d", "max_pool2d", "batch_norm2d"} <= set(kernels) & set(operations)
    calls = []

    def counted(operation: Any, x: np.ndarray) -> np.ndarray:
        calls.append(x)
        return x

    before, kernels["relu"] = kernels["relu"], (counted, None)
    try:
        apply("relu", Tensor([1.0]))
        assert not calls
        with use_kernels():
            apply("relu", Tensor([1.0]))
        assert len(calls) == 1
    finally:
        kernels["relu"] = before


def test_the_convolution_keeps_no_windows() -> None:
    """What stays for backward is the input alone; windows are made again, block by block."""
    rng = np.random.default_rng(0)
    x = Tensor(rng.standard_normal((16, 8, 32, 32)), requires_grad=True)
    weight = Tensor(rng.standard_normal((8, 8, 3, 3)), requires_grad=True)
    with use_kernels():
        gc.collect()
        tracemalloc.start()
        output = apply(
            "conv2d", x, weight, stride=(1, 1), padding=(1, 1), dilation=(1, 1), groups=1
        )
        kept = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
    assert output.data.nbytes <= kept < 1.1 * output.data.nbytes
