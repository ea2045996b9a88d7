"""Gradients through the public API: every activation, layer and loss by its name in `__all__`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from cases import of_loss
from gradients import excess_over_differences, excess_over_pytorch

from tinytorch.core import activations, layers, losses
from tinytorch.core.tensor import Tensor, manual_seed

if os.environ.get("CI") == "true":
    import torch
else:
    torch = pytest.importorskip("torch")

SHAPES: list[tuple[int, ...]] = [(4,), (3, 4), (2, 3, 4), (0, 4)]


@dataclass(frozen=True)
class Pair:
    """The same function, ours and PyTorch's, and where to take its gradient."""

    ours: Callable[..., Tensor]
    theirs: Callable[..., Any]
    arrays: list[np.ndarray]


def drawn(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    """Numbers at least 0.05 from zero, where some activations have a kink."""
    rng = np.random.default_rng(3)
    return [rng.choice([-1.0, 1.0], shape) * rng.uniform(0.05, 2.0, shape) for shape in shapes]


def activation(name: str) -> Iterator[Pair]:
    functional, nn = torch.nn.functional, torch.nn
    mine = getattr(activations, name)
    other, ours, options = name, mine, [({}, {})]
    if name.lower() == "gelu":
        options = [({}, {"approximate": "tanh"})]
    elif "softmax" in name.lower():
        options = [({"axis": -1}, {"dim": -1}), ({"axis": 0}, {"dim": 0})]
    elif "leaky" in name.lower():
        options += [({"negative_slope": 0.3}, {"negative_slope": 0.3})]
    for settings, same in options:
        for shape in SHAPES:
            if isinstance(mine, type):
                yield Pair(ours(**settings), getattr(nn, other)(**same), drawn(shape))
            else:
                there = getattr(torch, name, None) if name in ("sigmoid", "tanh") else None
                there = there or getattr(functional, name)
                yield Pair(lambda x, s=settings: mine(x, **s), lambda x, s=same, f=there: f(x, **s), drawn(shape))  # fmt: skip


def linear() -> Iterator[Pair]:
    for shape in [(4,), (3, 4), (2, 3, 4), (0, 4)]:
        for bias in (True, False):
            layer = layers.Linear(4, 2, bias=bias)

            def run(x: Tensor, weight: Tensor, *more: Tensor, layer: Any = layer) -> Tensor:
                layer.weight, layer.bias = weight, (more or (None,))[0]
                return layer(x)

            def same(x: Any, weight: Any, *more: Any) -> Any:
                return torch.nn.functional.linear(x, weight.T, *more)

            yield Pair(run, same, drawn(shape, (4, 2), *([(2,)] if bias else [])))


def dropout() -> Iterator[Pair]:
    for p in (0.0, 0.25, 1.0):
        for mode in (True, False):
            layer = layers.Dropout(p).train(mode)

            def run(x: Tensor, layer: Any = layer) -> Tensor:
                manual_seed(9)
                return layer(x)

            mask = run(Tensor(np.ones((3, 4)), dtype=np.float64)).data
            yield Pair(run, lambda x, m=mask: x * torch.from_numpy(m).to(x.dtype), drawn((3, 4)))


def flatten() -> Iterator[Pair]:
    for start in (0, 1, 2):
        yield Pair(layers.Flatten(start), torch.nn.Flatten(start), drawn((2, 3, 4)))


def sequential() -> Iterator[Pair]:
    first, second = layers.Linear(4, 5), layers.Linear(5, 2)
    model = layers.Sequential(layers.Flatten(), first, activations.Tanh(), second)

    def run(x: Tensor, *parameters: Tensor) -> Tensor:
        first.weight, first.bias, second.weight, second.bias = parameters
        return model(x)

    def same(x: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        return torch.tanh(x.flatten(1) @ a + b) @ c + d

    yield Pair(run, same, drawn((3, 2, 2), (4, 5), (5,), (5, 2), (2,)))


def matmul() -> Iterator[Pair]:
    for shapes in [((3, 4), (4, 2)), ((4,), (4,)), ((2, 3, 4), (4, 2)), ((2, 1, 3, 4), (3, 4, 2))]:
        yield Pair(layers.matmul, torch.matmul, drawn(*shapes))


LAYERS = {
    "Linear": linear,
    "Dropout": dropout,
    "Flatten": flatten,
    "Sequential": sequential,
    "matmul": matmul,
}


def loss(name: str) -> Iterator[Pair]:
    for reduction in ("mean", "sum", "none"):
        for shape in [(5, 3), (1, 3), (4, 3, 2)]:
            x, target = of_loss(name, shape)
            if name == "NLLLoss":
                x = np.log(np.exp(x) / np.exp(x).sum(axis=1, keepdims=True))
            if name == "L1Loss":
                x = target + drawn(shape)[0]
            mine = getattr(losses, name)(reduction=reduction)
            other = getattr(torch.nn, name)(reduction=reduction)
            whole = target.dtype.kind == "i"

            def run(x: Tensor, mine: Any = mine, t: Any = target, whole: bool = whole) -> Tensor:
                return mine(x, Tensor(t) if whole else Tensor(t, dtype=x.dtype))

            def same(x: Any, other: Any = other, t: Any = target, whole: bool = whole) -> Any:
                given = torch.from_numpy(t)
                return other(x, given if whole else given.to(x.dtype))

            yield Pair(run, same, [x])


GROUPS: list[tuple[str, str, Callable[[], Iterator[Pair]]]] = [
    *(("activations", n, lambda n=n: activation(n)) for n in activations.__all__),
    *(("layers", n, LAYERS[n]) for n in layers.__all__ if n in LAYERS),
    *(("losses", n, lambda n=n: loss(n)) for n in losses.__all__),
]


def test_every_layer_is_compared() -> None:
    assert set(layers.__all__) - set(LAYERS) == {"Module"}
    assert len(GROUPS) == len(activations.__all__) + len(LAYERS) + len(losses.__all__)


@pytest.mark.parametrize(("module", "name", "pairs"), GROUPS, ids=lambda value: str(value)[:20])
def test_r08_gradients_of_the_public_api_agree(
    module: str, name: str, pairs: Callable[[], Iterator[Pair]]
) -> None:
    assert name in __import__(f"tinytorch.core.{module}", fromlist=["__all__"]).__all__
    count = 0
    for pair in pairs():
        assert excess_over_differences(pair.ours, pair.arrays) <= 1.0, name
        for dtype in (np.float64, np.float32):
            assert excess_over_pytorch(pair.ours, pair.theirs, pair.arrays, dtype) <= 1.0, name
        count += 1
    assert count > 0
