"""Gradients of any function of tensors, held against finite differences and against PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinytorch.core.tensor import Tensor

Arrays = Sequence[np.ndarray]
Ours = Callable[..., Tensor]
Theirs = Callable[..., Any]
"""The same function for PyTorch's tensors."""


def error(found: np.ndarray, expected: np.ndarray) -> float:
    """max|a − b| / max(1e-3, max|b|); the shapes must be equal."""
    assert found.shape == expected.shape
    if not found.size:
        return 0.0
    difference = abs(found.astype(np.float64) - expected).max()
    return float(difference / max(1e-3, abs(expected).max()))


def weights(shape: tuple[int, ...]) -> np.ndarray:
    """The fixed random v of (output * v).sum(), whose gradient is compared."""
    return np.random.default_rng(1).uniform(-1.0, 1.0, shape)


def ours(function: Ours, arrays: Arrays) -> list[np.ndarray]:
    """Our gradients by each of the arrays, in their dtype."""
    tensors = [Tensor(x, dtype=x.dtype, requires_grad=True) for x in arrays]
    output = function(*tensors)
    output.backward(weights(output.shape))
    found = []
    for x, tensor in zip(arrays, tensors, strict=True):
        gradient = np.zeros_like(x) if tensor.grad is None else tensor.grad
        assert type(gradient) is np.ndarray
        assert (gradient.shape, gradient.dtype) == (x.shape, x.dtype)
        assert gradient.flags.writeable
        found.append(gradient)
    return found


def theirs(function: Theirs, arrays: Arrays) -> list[np.ndarray]:
    """PyTorch's gradients of the same."""
    import torch

    tensors = [torch.from_numpy(np.array(x)).requires_grad_() for x in arrays]
    output = function(*tensors)
    v = torch.from_numpy(weights(tuple(output.shape))).to(output.dtype)
    (output * v).sum().backward()
    return [np.zeros_like(x) if t.grad is None else t.grad.numpy() for x, t in zip(arrays, tensors, strict=True)]  # fmt: skip


def measured(function: Ours, arrays: Arrays) -> list[np.ndarray]:
    """Central differences in float64, in steps of 1e-5 of a number, at least of 1."""
    copies = [np.array(x, dtype=np.float64) for x in arrays]

    def total() -> float:
        output = function(*(Tensor(x, dtype=np.float64) for x in copies))
        return float((output.data * weights(output.shape)).sum())

    slopes = [np.zeros_like(x) for x in copies]
    for x, slope in zip(copies, slopes, strict=True):
        for place in np.ndindex(x.shape):
            before = x[place]
            step = 1e-5 * max(1.0, abs(before))
            x[place] = before + step
            above = total()
            x[place] = before - step
            slope[place] = (above - total()) / (2 * step)
            x[place] = before
    return slopes


def excess_over_differences(function: Ours, arrays: Arrays) -> float:
    """How far float64 lies beyond 1e-6 of finite differences: at most 1 is agreement."""
    exact = [np.array(x, dtype=np.float64) for x in arrays]
    pairs = zip(ours(function, exact), measured(function, exact), strict=True)
    return max((error(a, b) / 1e-6 for a, b in pairs), default=0.0)


def excess_over_pytorch(function: Ours, same: Theirs, arrays: Arrays, dtype: Any) -> float:
    """How far our error lies beyond the tolerance: at most 1 is agreement.

    float64: 1e-10 of PyTorch. float32: of a float64 reference, 1e-5 or 4 times PyTorch's error.
    """
    given = [np.array(x, dtype=dtype) for x in arrays]
    expected = theirs(same, [x.astype(np.float64) for x in given])
    found = ours(function, given)
    if dtype == np.float64:
        return max((error(a, b) / 1e-10 for a, b in zip(found, expected, strict=True)), default=0.0)
    pytorch = theirs(same, given)
    triples = zip(found, pytorch, expected, strict=True)
    return max((error(a, c) / max(1e-5, 4 * error(b, c)) for a, b, c in triples), default=0.0)
