"""The same networks on both sides, with the same first weights, and a training step of each."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

import tinytorch
from tinytorch import use_kernels

CLASSES = 10


def mlp(nn: Any) -> Any:
    """784-512-256-10. `nn` is `tinytorch` or `torch.nn`, here and below."""
    layers = [nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10)]
    return nn.Sequential(*layers)


def cnn(nn: Any) -> Any:
    """Images 3×32×32: convolutions 32, 32, pool, 64, 64, pool, and a linear layer."""

    def layer(channels_in: int, channels: int) -> tuple[Any, Any]:
        return nn.Conv2d(channels_in, channels, 3, padding=1), nn.ReLU()

    return nn.Sequential(
        *layer(3, 32), *layer(32, 32), nn.MaxPool2d(2),
        *layer(32, 64), *layer(64, 64), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 8 * 8, CLASSES),
    )  # fmt: skip


def batch_norm_cnn(nn: Any) -> Any:
    """The network of the CIFAR-10 recipe: three blocks of two normalised convolutions."""

    def layer(channels_in: int, channels: int) -> tuple[Any, ...]:
        convolution = nn.Conv2d(channels_in, channels, 3, padding=1, bias=False)
        return convolution, nn.BatchNorm2d(channels), nn.ReLU()

    def block(channels_in: int, channels: int) -> Iterator[Any]:
        yield from (*layer(channels_in, channels), *layer(channels, channels), nn.MaxPool2d(2))

    body = [*block(3, 32), *block(32, 64), *block(64, 128)]
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(128 * 4 * 4, CLASSES))


def pair(network: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Our network and PyTorch's, with equal weights."""
    tinytorch.manual_seed(0)
    ours, theirs = network(tinytorch), network(torch.nn)
    with torch.no_grad():
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            array = mine.data.T if mine.ndim == 2 else mine.data  # Linear keeps (in, out)
            other.copy_(torch.from_numpy(np.ascontiguousarray(array)))
    return ours, theirs


def batch(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and classes."""
    rng = np.random.default_rng(0)
    return rng.standard_normal(shape).astype(np.float32), rng.integers(0, CLASSES, shape[0])


def our_step(model: Any, optimizer: Any, x: np.ndarray, classes: np.ndarray) -> Callable[[], float]:
    """One step of training, which returns its loss."""
    loss_function, inputs = tinytorch.CrossEntropyLoss(), tinytorch.Tensor(x)

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_function(model(inputs), classes)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def their_step(
    model: Any, optimizer: Any, x: np.ndarray, classes: np.ndarray, *, channels_last: bool = False
) -> Callable[[], float]:
    """The same in eager PyTorch."""
    loss_function = torch.nn.CrossEntropyLoss()
    inputs, targets = torch.from_numpy(x), torch.from_numpy(classes)
    if channels_last:
        model.to(memory_format=torch.channels_last)
        inputs = inputs.to(memory_format=torch.channels_last)

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_function(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def steps(
    network: Callable[[Any], Any],
    shape: tuple[int, ...],
    optimizer: Callable[[Any, Any], Any],
    anchor: str,
) -> dict[str, Callable[[], float]]:
    """Name of a side → its step: ours with kernels off and on, PyTorch, and the harder `anchor`.

    `optimizer` gets `tinytorch` or `torch.optim`, and the parameters. `anchor` is "channels_last",
    "fused" or empty.
    """
    ours, theirs = pair(network)
    readable, other = copy.deepcopy(ours), copy.deepcopy(theirs)
    data = batch(shape)
    sides = {
        "kernels on": our_step(ours, optimizer(tinytorch, ours.parameters()), *data),
        "kernels off": our_step(readable, optimizer(tinytorch, readable.parameters()), *data),
        "PyTorch": their_step(theirs, optimizer(torch.optim, theirs.parameters()), *data),
    }
    if anchor == "channels_last":
        made = optimizer(torch.optim, other.parameters())
        sides[anchor] = their_step(other, made, *data, channels_last=True)
    elif anchor == "fused":
        sides[anchor] = their_step(other, torch.optim.Adam(other.parameters(), fused=True), *data)
    return sides


def timed(step: Callable[[], object], *, kernels: bool, repeats: int) -> Callable[[], float]:
    """A side of the benchmark: seconds of one of `repeats` steps."""

    def side() -> float:
        with use_kernels(kernels):
            start = time.perf_counter()
            for _ in range(repeats):
                step()
            return (time.perf_counter() - start) / repeats

    return side
