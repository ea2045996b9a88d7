"""Every optimizer and schedule of module 07, and clipping, against PyTorch."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from optimizing import OPTIMIZERS, SCHEDULES, SHAPES, STEPS, error, excess, groups, ours, theirs

from tinytorch.core import optimizers
from tinytorch.core.activations import ReLU, Tanh
from tinytorch.core.layers import Linear, Sequential
from tinytorch.core.losses import CrossEntropyLoss
from tinytorch.core.optimizers import SGD, Adam, Optimizer, clip_grad_norm_
from tinytorch.core.tensor import Parameter, Tensor, kernels, manual_seed, use_kernels

if os.environ.get("CI") == "true":
    import torch
else:
    torch = pytest.importorskip("torch")

RUNS = [
    pytest.param(name, settings, on, id=f"{name}-{number}{'-kernel' * on}")
    for name, several in OPTIMIZERS.items()
    for on in ((False, True) if getattr(optimizers, name).name in kernels else (False,))
    for number, settings in enumerate(several)
]


def not_compared() -> list[str]:
    """Public names without a comparison in this file."""
    known = {*OPTIMIZERS, *SCHEDULES, "Optimizer", "clip_grad_norm_"}
    return sorted(set(optimizers.__all__) ^ known)


def test_every_public_name_is_compared() -> None:
    assert not_compared() == []
    assert len(OPTIMIZERS) >= 4
    assert len(SCHEDULES) >= 3
    classes = {n for n in optimizers.__all__ if isinstance(getattr(optimizers, n), type)}
    assert {n for n in classes if issubclass(getattr(optimizers, n), Optimizer)} == {
        "Optimizer",
        *OPTIMIZERS,
    }
    of_kernels = {getattr(optimizers, name).name for name in OPTIMIZERS} & set(kernels)
    assert {"adam", "adamw"} <= of_kernels


def test_one_without_a_comparison_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimizers, "__all__", [*optimizers.__all__, "Planted"])
    assert not_compared() == ["Planted"]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "settings", "kernels_on"), RUNS)
def test_optimizer_agrees(name: str, settings: Any, kernels_on: bool, dtype: Any) -> None:
    """In every shape, with missing gradients, in two groups, and through a saved state."""
    exact, pytorch = theirs(name, settings, np.float64), theirs(name, settings, dtype)
    found = ours(name, settings, dtype, kernels_on=kernels_on)
    assert excess(found, pytorch, exact, dtype) <= 1.0
    resumed = ours(name, settings, dtype, kernels_on=kernels_on, reload_at=STEPS // 2)
    for a, b in zip(resumed, found, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings", "kernels_on"), [run for run in RUNS if run.values[2]])
def test_large_parameters_agree(name: str, settings: Any, kernels_on: bool) -> None:
    """One block of the kernel, one number more, and several blocks."""
    for shape in ((65536,), (65537,), (200, 701)):
        exact = theirs(name, settings, np.float64, [shape])
        found = ours(name, settings, np.float64, kernels_on=kernels_on, shapes=[shape])
        assert excess(found, exact, exact, np.float64) <= 1.0


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("fault", ["lr", "update"])
def test_a_wrong_optimizer_is_noticed(
    monkeypatch: pytest.MonkeyPatch, fault: str, dtype: Any
) -> None:
    class Wrong(SGD):
        def update(self, data: Any, gradient: Any, state: Any, group: Any) -> None:
            step = 1 + 1e-4 if fault == "lr" else np.nan
            super().update(data, gradient * data.dtype.type(step), state, group)

    settings = {"lr": 0.1, "momentum": 0.9}
    exact, pytorch = theirs("SGD", settings, np.float64), theirs("SGD", settings, dtype)
    monkeypatch.setattr(optimizers, "SGD", Wrong)
    assert not excess(ours("SGD", settings, dtype), pytorch, exact, dtype) <= 1.0


def rates(optimizer: Any) -> list[float]:
    """All that a schedule may change."""
    found = []
    for group in optimizer.param_groups:
        found += [group["lr"], group.get("momentum", 0.0), *group.get("betas", ())]
    return found


SCHEDULED = [
    pytest.param(name, settings, steps, kind, id=f"{name}-{number}-{kind}")
    for name, several in SCHEDULES.items()
    for number, (settings, steps) in enumerate(several)
    for kind in OPTIMIZERS
]


@pytest.mark.parametrize("reloading", [False, True])
@pytest.mark.parametrize(("name", "settings", "steps", "kind"), SCHEDULED)
def test_schedule_agrees(name: str, settings: Any, steps: int, kind: str, reloading: bool) -> None:
    """Over the whole length, with two groups; also if it is saved and loaded before each step."""

    def made() -> Any:
        optimizer = getattr(optimizers, kind)(groups([Parameter([1.0]) for _ in "ab"]), lr=0.3)
        return optimizer, getattr(optimizers, name)(optimizer, **settings)

    tensors = [torch.nn.Parameter(torch.ones(1)) for _ in "ab"]
    other = getattr(torch.optim, kind)(groups(tensors), lr=0.3)
    same = getattr(torch.optim.lr_scheduler, name)(other, **settings)
    optimizer, schedule = made()
    for step in range(steps + 1):
        np.testing.assert_allclose(rates(optimizer), rates(other), rtol=1e-10, atol=1e-12)
        assert schedule.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
        np.testing.assert_allclose(schedule.get_last_lr(), same.get_last_lr(), atol=1e-12)
        if step < steps:
            if reloading:
                states = optimizer.state_dict(), schedule.state_dict()
                optimizer, schedule = made()
                optimizer.load_state_dict(states[0])
                schedule.load_state_dict(states[1])
            other.step()
            same.step()
            schedule.step()
    initial = [group["initial_lr"] for group in optimizer.param_groups]
    np.testing.assert_allclose(initial, [group["initial_lr"] for group in other.param_groups])


@pytest.mark.parametrize("max_norm", [0.0, 0.5, 3.0, 1e6])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("size", [0.0, 1e-8, 1.0, 1e3])
def test_clipping_agrees(size: float, dtype: Any, max_norm: float) -> None:
    rng = np.random.default_rng(1)
    drawn = [np.asarray(size * rng.standard_normal(shape), np.float32) for shape in SHAPES]

    def other(kind: Any) -> Any:
        tensors = [torch.nn.Parameter(torch.zeros(s, dtype=kind)) for s in (*SHAPES, (2,))]
        for tensor, gradient in zip(tensors, drawn, strict=False):
            tensor.grad = torch.from_numpy(gradient).to(kind)
        norm = torch.nn.utils.clip_grad_norm_(tensors, max_norm)
        return [norm.numpy(), *(t.grad.numpy() for t in tensors[:-1])]

    parameters = [Parameter(np.zeros(shape), dtype=dtype) for shape in (*SHAPES, (2,))]
    for parameter, gradient in zip(parameters, drawn, strict=False):
        parameter.grad = gradient.astype(dtype)
    norm = clip_grad_norm_(parameters, max_norm)
    assert type(norm) is float
    found = [np.asarray(norm), *(p.grad for p in parameters[:-1])]
    assert all(gradient.dtype == dtype for gradient in found[1:])
    pytorch = other(torch.float64 if dtype == np.float64 else torch.float32)
    assert excess(found, pytorch, other(torch.float64), dtype) <= 1.0
    assert parameters[-1].grad is None


def test_clipping_nothing_agrees() -> None:
    for tensors in ([], [Parameter([1.0])]):
        same = [torch.nn.Parameter(torch.ones(1)) for _ in tensors]
        assert clip_grad_norm_(tensors, 1.0) == torch.nn.utils.clip_grad_norm_(same, 1.0) == 0.0


TRAINED: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}),
    ("RMSprop", {"lr": 0.002, "momentum": 0.5}),
    ("Adam", {"lr": 0.01}),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.1}),
]


def batches(count: int, dtype: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Points around a centre for each of five classes; the last batch is smaller."""
    rng = np.random.default_rng(4)
    centres, drawn = rng.standard_normal((5, 12)), []
    for number in range(count):
        classes = rng.integers(0, 5, 7 if number % 4 == 3 else 32)
        points = centres[classes] + 0.3 * rng.standard_normal((len(classes), 12))
        drawn.append((points.astype(dtype), classes))
    return drawn


def trained(name: str, settings: Any, steps: int, dtype: Any) -> tuple[list[float], list[float]]:
    """The losses of a network in our framework, and in PyTorch."""
    manual_seed(2)
    model = Sequential(Linear(12, 24), Tanh(), Linear(24, 24), ReLU(), Linear(24, 5))
    for parameter in model.parameters():
        parameter.data = parameter.data.astype(dtype)
    same = [torch.nn.Parameter(torch.from_numpy(p.data.copy())) for p in model.parameters()]
    optimizer = getattr(optimizers, name)(model.parameters(), **settings)
    other = getattr(torch.optim, name)(same, **settings)
    found: tuple[list[float], list[float]] = ([], [])
    for x, classes in batches(steps, dtype):
        optimizer.zero_grad()
        loss = CrossEntropyLoss()(model(Tensor(x, dtype=dtype)), classes)
        loss.backward()
        optimizer.step()
        a, b, c, d, e, f = same
        other.zero_grad()
        y = torch.relu(torch.tanh(torch.from_numpy(x) @ a + b) @ c + d) @ e + f
        theirs = torch.nn.functional.cross_entropy(y, torch.from_numpy(classes))
        theirs.backward()
        other.step()
        found[0].append(loss.item())
        found[1].append(theirs.item())
    return found


@pytest.mark.parametrize("kernels_on", [False, True])
@pytest.mark.parametrize(
    ("dtype", "steps", "most"), [(np.float32, 20, 1e-5), (np.float64, 50, 1e-9)]
)
@pytest.mark.parametrize(("name", "settings"), TRAINED)
def test_a_network_trains_as_in_pytorch(
    name: str, settings: Any, dtype: Any, steps: int, most: float, kernels_on: bool
) -> None:
    with use_kernels(kernels_on):
        mine, expected = trained(name, settings, steps, dtype)
    np.testing.assert_allclose(mine, expected, rtol=0, atol=most)
    assert expected[-1] < 0.8 * expected[0]


def test_every_optimizer_trains_a_network() -> None:
    assert {name for name, _ in TRAINED} == set(OPTIMIZERS)


def test_a_kernel_gives_what_the_readable_version_gives() -> None:
    """In float32 as well, and for parameters and gradients whose arrays are not in C order."""
    rng = np.random.default_rng(0)
    start, gradient = rng.standard_normal((2, 300, 400)).astype(np.float32)
    found = []
    for on, order in ((False, "C"), (True, "C"), (True, "F")):
        p = Parameter(np.asarray(start, order=order))
        assert p.data.flags.c_contiguous is (order == "C")
        optimizer = Adam([p], lr=0.1, weight_decay=0.1)
        with use_kernels(on):
            for step in range(3):
                p.grad = np.asarray(gradient * (1 - step), order="F")
                optimizer.step()
        found.append(p.data)
    for other in found[1:]:
        assert error(other, found[0].astype(np.float64)) <= 1e-6
