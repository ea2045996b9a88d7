"""Whole networks learn as PyTorch's do: the same start, the same batches, the same losses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinytorch
from tinytorch import use_kernels

if os.environ.get("CI") == "true":
    import torch
else:
    torch = pytest.importorskip("torch")

IMAGES = (3, 12, 12)


def mlp(nn: Any) -> Any:
    return nn.Sequential(nn.Flatten(), nn.Linear(432, 32), nn.Tanh(), nn.Linear(32, 10))


def cnn(nn: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, stride=2, padding=1, groups=2), nn.ReLU(), nn.AvgPool2d(3),
        nn.Flatten(), nn.Linear(12, 10),
    )  # fmt: skip


def batch_norm_cnn(nn: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(48, 10),
    )  # fmt: skip


def start(network: Any, dtype: Any) -> tuple[Any, Any]:
    """Our network and PyTorch's with equal weights."""
    tinytorch.manual_seed(0)
    tinytorch.set_default_dtype(dtype)
    try:
        ours = network(tinytorch)
    finally:
        tinytorch.set_default_dtype(np.float32)
    theirs = network(torch.nn).to(torch.float64 if dtype == np.float64 else torch.float32)
    with torch.no_grad():
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            array = mine.data.T if mine.ndim == 2 else mine.data
            other.copy_(torch.from_numpy(np.ascontiguousarray(array)))
    return ours, theirs


def batches(steps: int, dtype: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Learnable: a template for each class, under noise."""
    rng = np.random.default_rng(1)
    templates = rng.standard_normal((10, *IMAGES))
    for step in range(steps):
        classes = rng.integers(0, 10, 15 if step % 5 == 4 else 16)  # some batches are smaller
        yield (templates[classes] + rng.standard_normal((len(classes), *IMAGES))).astype(dtype), classes  # fmt: skip


def losses(network: Any, optimizer: Any, steps: int, dtype: Any) -> tuple[list[float], list[float]]:
    """Ours and PyTorch's, step by step."""
    ours, theirs = start(network, dtype)
    updates = optimizer(tinytorch, ours.parameters()), optimizer(torch.optim, theirs.parameters())
    mine, other = [], []
    for x, classes in batches(steps, dtype):
        for update in updates:
            update.zero_grad()
        loss = tinytorch.CrossEntropyLoss()(ours(tinytorch.Tensor(x, dtype=dtype)), classes)
        same = torch.nn.CrossEntropyLoss()(theirs(torch.from_numpy(x)), torch.from_numpy(classes))
        for each in (loss, same):
            each.backward()
        for update in updates:
            update.step()
        mine.append(loss.item())
        other.append(same.item())
    return mine, other


def momentum(side: Any, parameters: Any) -> Any:
    return side.SGD(parameters, lr=0.02, momentum=0.9, nesterov=True, weight_decay=5e-4)


def small_steps(side: Any, parameters: Any) -> Any:
    return side.SGD(parameters, lr=5e-4, momentum=0.9, nesterov=True, weight_decay=5e-4)


def adam(side: Any, parameters: Any) -> Any:
    return side.Adam(parameters, lr=1e-3)


def small_adam(side: Any, parameters: Any) -> Any:
    return side.Adam(parameters, lr=1e-4)


@pytest.mark.parametrize("kernels_on", [False, True], ids=["readable", "kernels"])
@pytest.mark.parametrize(
    ("network", "optimizer", "steps"),
    [
        (mlp, momentum, 20), (mlp, adam, 20), (cnn, momentum, 20), (cnn, adam, 20),
        (batch_norm_cnn, small_steps, 25), (batch_norm_cnn, small_adam, 25),
    ],
)  # fmt: skip
def test_losses_agree_in_float32(network: Any, optimizer: Any, steps: int, kernels_on: bool) -> None:  # fmt: skip
    with use_kernels(kernels_on):
        mine, other = losses(network, optimizer, steps, np.float32)
    assert len(mine) == steps
    np.testing.assert_allclose(mine, other, rtol=1e-5)


@pytest.mark.parametrize("kernels_on", [False, True], ids=["readable", "kernels"])
@pytest.mark.parametrize("network", [mlp, cnn, batch_norm_cnn])
@pytest.mark.parametrize("optimizer", [momentum, adam])
def test_losses_agree_in_float64(network: Any, optimizer: Any, kernels_on: bool) -> None:
    with use_kernels(kernels_on):
        mine, other = losses(network, optimizer, 50, np.float64)
    np.testing.assert_allclose(mine, other, rtol=1e-9)
    if optimizer is momentum:
        assert np.mean(mine[-5:]) < np.mean(mine[:5])  # and it learns


@pytest.mark.parametrize("kernels_on", [False, True], ids=["readable", "kernels"])
@pytest.mark.parametrize("network", [mlp, cnn, batch_norm_cnn])
def test_first_gradients_agree_with_float64(network: Any, kernels_on: bool) -> None:
    ours, _ = start(network, np.float32)
    _, exact = start(network, np.float64)
    ((x, classes),) = batches(1, np.float32)
    with torch.no_grad():
        for mine, other in zip(ours.parameters(), exact.parameters(), strict=True):
            array = (mine.data.T if mine.ndim == 2 else mine.data).astype(np.float64)
            other.copy_(torch.from_numpy(np.ascontiguousarray(array)))
    with use_kernels(kernels_on):
        tinytorch.CrossEntropyLoss()(ours(tinytorch.Tensor(x)), classes).backward()
    output = exact(torch.from_numpy(x.astype(np.float64)))
    torch.nn.CrossEntropyLoss()(output, torch.from_numpy(classes)).backward()
    for mine, other in zip(ours.parameters(), exact.parameters(), strict=True):
        expected = other.grad.numpy()
        found = mine.grad.T if mine.ndim == 2 else mine.grad
        assert abs(found - expected).max() <= 1e-5 * max(1e-3, abs(expected).max())


def test_a_network_that_differs_is_noticed() -> None:
    """One learning rate that is a thousandth larger."""

    def wrong(side: Any, parameters: Any) -> Any:
        return side.SGD(parameters, lr=0.02 if side is torch.optim else 0.02002)

    mine, other = losses(mlp, wrong, 20, np.float32)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(mine, other, rtol=1e-5)
