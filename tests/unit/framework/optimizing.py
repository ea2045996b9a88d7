"""Steps of our optimizers and of PyTorch's, from the same numbers with the same gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gradients import error

from tinytorch.core import optimizers
from tinytorch.core.tensor import Parameter, use_kernels

Settings = dict[str, Any]
Arrays = list[np.ndarray]
SHAPES: tuple[tuple[int, ...], ...] = ((), (0,), (1,), (3, 1), (4, 5), (2, 0, 3), (2, 3, 4), (7,))
STEPS = 8

OPTIMIZERS: dict[str, list[Settings]] = {
    "SGD": [
        {},
        {"lr": 0.1},
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.05, "momentum": 0.8, "nesterov": True},
        {"lr": 0.1, "weight_decay": 0.3},
        {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1, "nesterov": True},
    ],
    "RMSprop": [
        {},
        {"lr": 0.05, "alpha": 0.5},
        {"lr": 0.05, "eps": 0.1},
        {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.2},
    ],
    "Adam": [
        {},
        {"lr": 0.1, "betas": (0.5, 0.9)},
        {"lr": 0.1, "betas": (0.0, 0.0), "eps": 0.1},
        {"lr": 0.05, "eps": 0.5, "weight_decay": 0.3},
    ],
    "AdamW": [
        {},
        {"lr": 0.1, "weight_decay": 0.0},
        {"lr": 0.1, "betas": (0.5, 0.9), "eps": 0.1, "weight_decay": 0.5},
    ],
}
"""Settings with which each optimizer is compared: a new one must be entered here."""

SCHEDULES: dict[str, list[tuple[Settings, int]]] = {
    "StepLR": [({"step_size": 3}, 10), ({"step_size": 1, "gamma": 0.9}, 6)],
    "CosineAnnealingLR": [
        ({"T_max": 6}, 20),
        ({"T_max": 5, "eta_min": 0.01}, 12),
        ({"T_max": 1}, 3),
    ],
    "OneCycleLR": [
        ({"max_lr": 0.5, "total_steps": 20}, 20),
        ({"max_lr": [0.5, 0.1], "total_steps": 7, "pct_start": 0.5}, 7),
        ({"max_lr": 1.0, "total_steps": 9, "pct_start": 0.0, "cycle_momentum": False}, 9),
        ({"max_lr": 1.0, "total_steps": 9, "pct_start": 0.9, "div_factor": 3.0}, 9),
        ({"max_lr": 1.0, "total_steps": 9, "final_div_factor": 7.0, "base_momentum": 0.5}, 9),
        ({"max_lr": 1.0, "total_steps": 9, "max_momentum": 0.99}, 9),
    ],
}
"""Settings and the number of steps with which each schedule is compared."""


def starts(shapes: Sequence[tuple[int, ...]] = SHAPES) -> Arrays:
    """The parameters at first: numbers that float32 holds exactly."""
    rng = np.random.default_rng(7)
    return [np.asarray(rng.standard_normal(s), np.float32).astype(np.float64) for s in shapes]


def slopes(step: int, shapes: Sequence[tuple[int, ...]] = SHAPES) -> list[np.ndarray | None]:
    """The gradients of one step: sizes from 1e-3 to 1e3, some missing now and then, one always."""
    rng = np.random.default_rng(100 + step)
    sizes = 10.0 ** (np.arange(len(shapes)) % 7 - 3)
    drawn = [size * rng.standard_normal(s) for size, s in zip(sizes, shapes, strict=True)]
    exact = [np.asarray(x, np.float32).astype(np.float64) for x in drawn]
    missing = {number for number in range(len(shapes)) if (step + number) % 4 == 0}
    if len(shapes) > 1:
        missing.add(len(shapes) - 1)
    return [None if number in missing else x for number, x in enumerate(exact)]


def groups(tensors: list[Any]) -> list[dict[str, Any]]:
    """Two groups: the first takes the settings given, the second has a learning rate of its own."""
    half = max(1, len(tensors) // 2)
    rest = [{"params": tensors[half:], "lr": 0.02}] if tensors[half:] else []
    return [{"params": tensors[:half]}, *rest]


def ours(
    name: str,
    settings: Settings,
    dtype: Any,
    *,
    kernels_on: bool = False,
    reload_at: int | None = None,
    shapes: Sequence[tuple[int, ...]] = SHAPES,
) -> Arrays:
    """Our parameters after all steps; at step `reload_at` new ones go on from the saved state."""
    parameters = [Parameter(x, dtype=dtype) for x in starts(shapes)]
    optimizer = getattr(optimizers, name)(groups(parameters), **settings)
    for step in range(STEPS):
        if step == reload_at:
            state = optimizer.state_dict()
            parameters = [Parameter(p.data, dtype=dtype) for p in parameters]
            optimizer = getattr(optimizers, name)(groups(parameters), lr=123.0)
            optimizer.load_state_dict(state)
        for parameter, gradient in zip(parameters, slopes(step, shapes), strict=True):
            parameter.grad = None if gradient is None else gradient.astype(dtype)
        with use_kernels(kernels_on):
            optimizer.step()
    for parameter in parameters:
        assert parameter.data.dtype == dtype
        for value in optimizer.state.get(parameter, {}).values():
            if isinstance(value, np.ndarray):
                assert (value.shape, value.dtype) == (parameter.shape, parameter.dtype)
    return [parameter.data for parameter in parameters]


def theirs(
    name: str, settings: Settings, dtype: Any, shapes: Sequence[tuple[int, ...]] = SHAPES
) -> Arrays:
    """PyTorch's parameters after the same steps."""
    import torch

    parameters = [torch.nn.Parameter(torch.from_numpy(x.astype(dtype))) for x in starts(shapes)]
    optimizer = getattr(torch.optim, name)(groups(parameters), **settings)
    for step in range(STEPS):
        for parameter, gradient in zip(parameters, slopes(step, shapes), strict=True):
            parameter.grad = None
            if gradient is not None:
                parameter.grad = torch.from_numpy(np.asarray(gradient.astype(dtype)))
        optimizer.step()
    return [parameter.detach().numpy() for parameter in parameters]


def excess(found: Arrays, pytorch: Arrays, exact: Arrays, dtype: Any) -> float:
    """How far ours lies beyond the tolerance: at most 1 is agreement.

    float64: 1e-10 of PyTorch. float32: of a float64 reference, 1e-6 or 4 times PyTorch's error.
    """
    worst = 0.0
    for a, b, c in zip(found, pytorch, exact, strict=True):
        allowed = 1e-10 if dtype == np.float64 else max(1e-6, 4 * error(b, c))
        far = error(a, c) / allowed
        worst = far if np.isnan(far) else max(worst, far)
    return worst
