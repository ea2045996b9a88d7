"""Every public name of module 09 against PyTorch, forward and backward, and finite differences."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pytest
from drawing import distinct
from gradients import error, excess_over_differences, excess_over_pytorch

from tinytorch.core import spatial
from tinytorch.core.tensor import Tensor, apply, kernels, use_kernels

if os.environ.get("CI") == "true":
    import torch
else:
    torch = pytest.importorskip("torch")

IMAGES = [(2, 4, 6, 7), (1, 4, 6, 7), (0, 4, 6, 7), (3, 4, 1, 1)]


@dataclass(frozen=True)
class Pair:
    """The same function, ours and PyTorch's, and the images and parameters to call it with."""

    label: str
    ours: Callable[..., Tensor]
    theirs: Callable[..., Any]
    arrays: list[np.ndarray]


def drawn(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.standard_normal(shape) for shape in shapes]


def pair(name: str, images: np.ndarray, *args: Any, mode: bool = True, **settings: Any) -> Pair:
    """The layer `name` and PyTorch's of that name, both called with the same parameters."""
    mine = getattr(spatial, name)(*args, **settings).train(mode)
    other = getattr(torch.nn, name)(*args, **settings).train(mode)
    names = [name for name, _ in mine.named_parameters()]
    assert names == [name for name, _ in other.named_parameters()]
    buffers = dict(mine.named_buffers())
    for buffer, array in buffers.items():
        array[...] = np.random.default_rng(4).uniform(0.5, 1.5, array.shape)
        getattr(other, buffer)[...] = torch.from_numpy(array)

    def run(x: Tensor, *parameters: Tensor) -> Tensor:
        vars(mine).update(zip(names, parameters, strict=True))
        vars(mine).update((buffer, array.astype(x.dtype)) for buffer, array in buffers.items())
        return mine(x)

    def same(x: Any, *parameters: Any) -> Any:
        state = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(other.to(x.dtype), state, (x,))

    label = f"{name} {args} {settings} {images.shape} training={mode}"
    shapes = [parameter.shape for parameter in mine.parameters()]
    return Pair(label, run, same, [images, *drawn(*shapes)])


def fits(shape: tuple[int, ...], kernel: Any, padding: Any, dilation: Any) -> bool:
    both = [np.broadcast_to(value, 2) for value in (kernel, padding, dilation)]
    return all(n + 2 * p >= d * (k - 1) + 1 for n, k, p, d in zip(shape[2:], *both, strict=True))


def convolutions() -> Iterator[Pair]:
    choices = ((1, 3, (2, 3)), (1, 2, (2, 3)), (0, 1, (1, 2)), (1, 2, (1, 3)), (1, 2, 4), IMAGES)
    for number, chosen in enumerate(product(*choices)):
        kernel, stride, padding, dilation, groups, shape = chosen
        settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        if fits(shape, kernel, padding, dilation):
            yield pair("Conv2d", *drawn(shape), 4, 8, kernel, bias=number % 3 > 0, **settings)


def pools(name: str) -> Iterator[Pair]:
    choices = ((1, 2, (3, 2)), (None, 1, (2, 3)), (0, 1, (1, 0)), IMAGES)
    for kernel, stride, padding, shape in product(*choices):
        halves = 2 * np.broadcast_to(padding, 2) <= np.broadcast_to(kernel, 2)
        if fits(shape, kernel, padding, 1) and halves.all():
            (images,) = distinct(shape)(np.random.default_rng(5))
            yield pair(name, images, kernel, stride=stride, padding=padding)


def adaptive() -> Iterator[Pair]:
    for size, shape in product((1, 2, 4, 8, (3, 1), (1, 5)), IMAGES):
        yield pair("AdaptiveAvgPool2d", *drawn(shape), size)


def normalizations() -> Iterator[Pair]:
    for eps, momentum, mode, shape in product((1e-5, 0.3), (0.1, 0.5), (True, False), IMAGES):
        if shape[0] != 3 or not mode or eps > 0.1:  # three values a channel: badly conditioned
            settings = {"eps": eps, "momentum": momentum, "mode": mode}
            yield pair("BatchNorm2d", *drawn(shape), 4, **settings)


def loops() -> Iterator[Pair]:
    """`conv2d_naive` takes arrays and knows no gradient: it is compared forward."""
    for stride, padding, bias in product((1, (2, 1)), (0, (2, 1)), (True, False)):
        settings = {"stride": stride, "padding": padding}

        def run(*tensors: Tensor, settings: Any = settings) -> Tensor:
            found = spatial.conv2d_naive(*(t.data for t in tensors), **settings)
            return Tensor(found, dtype=found.dtype)

        def same(*tensors: Any, settings: Any = settings) -> Any:
            return torch.nn.functional.conv2d(*tensors, **settings)

        for shape in ((2, 2, 4, 5), (0, 2, 4, 5)):
            arrays = drawn(shape, (3, 2, 2, 3), *([(3,)] if bias else []))
            yield Pair(f"conv2d_naive {settings} {shape}", run, same, arrays)


COMPARISONS: dict[str, Callable[[], Iterator[Pair]]] = {
    "conv2d_naive": loops,
    "Conv2d": convolutions,
    "MaxPool2d": lambda: pools("MaxPool2d"),
    "AvgPool2d": lambda: pools("AvgPool2d"),
    "AdaptiveAvgPool2d": adaptive,
    "BatchNorm2d": normalizations,
}
WITHOUT_GRADIENT = {"conv2d_naive"}
FASTER = (
    [False, True]
    if {"conv2d", "max_pool2d", "avg_pool2d", "batch_norm2d"} & set(kernels)
    else [False]
)


def without_comparison() -> list[str]:
    return sorted(set(spatial.__all__) - set(COMPARISONS))


def excess(pair: Pair, dtype: Any) -> float:
    """How far our result lies beyond the tolerance: at most 1 is agreement."""
    arrays = [x.astype(dtype) for x in pair.arrays]
    found = pair.ours(*(Tensor(x, dtype=dtype) for x in arrays))
    assert found.dtype == dtype
    exact = pair.theirs(*(torch.from_numpy(x.astype(np.float64)) for x in arrays)).detach().numpy()
    tolerance = 1e-10
    if dtype == np.float32:
        rounded = pair.theirs(*map(torch.from_numpy, arrays)).detach().numpy()
        tolerance = max(1e-6, 4 * error(rounded, exact))
    return error(found.data, exact) / tolerance


def test_every_public_name_is_compared() -> None:
    assert without_comparison() == []
    assert set(COMPARISONS) <= set(spatial.__all__)


def test_a_name_without_comparison_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spatial, "__all__", [*spatial.__all__, "Planted"])
    assert without_comparison() == ["Planted"]


@pytest.mark.slow
@pytest.mark.parametrize("kernels_on", FASTER)
@pytest.mark.parametrize("name", spatial.__all__)
def test_it_gives_what_pytorch_gives(name: str, kernels_on: bool) -> None:
    count = 0
    with use_kernels(kernels_on):
        for each in COMPARISONS[name]():
            for dtype in (np.float64, np.float32):
                assert excess(each, dtype) <= 1.0, (each.label, dtype)
            count += 1
    assert count >= 16


@pytest.mark.slow
@pytest.mark.parametrize("kernels_on", FASTER)
@pytest.mark.parametrize("name", sorted(set(spatial.__all__) - WITHOUT_GRADIENT))
def test_r08_its_gradients_are_those_of_pytorch(name: str, kernels_on: bool) -> None:
    with use_kernels(kernels_on):
        for each in COMPARISONS[name]():
            for dtype in (np.float64, np.float32):
                found = excess_over_pytorch(each.ours, each.theirs, each.arrays, dtype)
                assert found <= 1.0, (each.label, dtype)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(spatial.__all__) - WITHOUT_GRADIENT))
def test_its_gradients_agree_with_finite_differences(name: str) -> None:
    pairs = list(COMPARISONS[name]())
    for each in pairs[:: max(1, len(pairs) // 12)]:
        assert excess_over_differences(each.ours, each.arrays) <= 1.0, each.label


def test_a_wrong_setting_is_noticed() -> None:
    """A stride that the layer did not pass on would be seen."""
    (images,) = drawn((2, 2, 6, 6))
    right = pair("Conv2d", images, 2, 2, 3, stride=2)
    wrong = pair("Conv2d", images, 2, 2, 3, stride=1)
    assert excess(right, np.float64) <= 1.0
    with pytest.raises(AssertionError):
        excess(Pair("wrong", wrong.ours, right.theirs, right.arrays), np.float64)
    right.arrays[1][0, 0, 0, 0] += 1e-5
    moved = Pair("moved", lambda x, w, b: right.ours(x, w + 1e-8, b), right.theirs, right.arrays)
    assert excess(moved, np.float64) > 1.0


@pytest.mark.parametrize("stride", [1, (2, 3)])
@pytest.mark.parametrize("padding", [0, (1, 2)])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 2), (4, 5)])
def test_the_loops_equal_the_operation(stride: Any, padding: Any, kernel: tuple[int, int]) -> None:
    x, weight, bias = drawn((2, 3, 4, 5), (4, 3, *kernel), (4,))
    pairs = {
        k: v if isinstance(v, tuple) else (v, v)
        for k, v in (("stride", stride), ("padding", padding))
    }
    found = apply(
        "conv2d", *(Tensor(a, dtype=np.float64) for a in (x, weight, bias)),
        dilation=(1, 1), groups=1, **pairs,
    )  # fmt: skip
    expected = spatial.conv2d_naive(x, weight, bias, stride, padding)
    np.testing.assert_allclose(found.data, expected, atol=1e-12)


@pytest.mark.parametrize("x", [[0.0] * 8, [1.0, 3, 3, 1, 3, 3, 1, 1], [np.nan, 2, np.inf, np.inf, 1, 0, 1, -np.inf]])  # fmt: skip
def test_the_first_of_equal_numbers_gets_the_slope_as_in_pytorch(x: list[float]) -> None:
    image = np.array(x).reshape(1, 1, 2, 4)
    for settings in ({"kernel_size": 2}, {"kernel_size": 2, "stride": 1, "padding": 1}):
        mine = Tensor(image, dtype=np.float64, requires_grad=True)
        other = torch.tensor(image, requires_grad=True)
        ours, theirs = spatial.MaxPool2d(**settings)(mine), torch.nn.MaxPool2d(**settings)(other)
        np.testing.assert_array_equal(ours.data, theirs.detach().numpy())
        weights = np.arange(1.0, theirs.numel() + 1).reshape(theirs.shape)
        ours.backward(weights)
        theirs.backward(torch.from_numpy(weights))
        np.testing.assert_array_equal(mine.grad, other.grad.numpy())
