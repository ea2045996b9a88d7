"""Every operation of the registry has the right gradient: by differences and by PyTorch (R07, R08)."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from cases import CASES, Case, pytorch
from gradients import excess_over_differences, excess_over_pytorch, ours, theirs

import tinytorch  # noqa: F401  (registers the operations and gradients of every module)
from tinytorch.core.tensor import (
    Operation,
    Tensor,
    apply,
    gradient_of,
    gradients,
    kernels,
    operations,
    use_kernels,
)

if os.environ.get("CI") == "true":
    import torch
else:
    torch = pytest.importorskip("torch")

PYTORCH = pytorch()


def without_gradient() -> list[str]:
    """Operations that have no gradient and give no reason."""
    return sorted(
        name
        for name, operation in operations.items()
        if name not in gradients and not getattr(operation, "no_gradient", "")
    )


def functions(name: str, case: Case) -> tuple[Any, Any, list[np.ndarray]]:
    """The operation as a function of the inputs that get a gradient: ours, PyTorch's, those."""
    arrays = case.draw(np.random.default_rng(0))
    varying = [i for i in range(len(arrays)) if i not in case.constant]

    def filled(given: tuple[Any, ...], constant: Any) -> list[Any]:
        places = dict(zip(varying, given, strict=True))
        return [places[i] if i in places else constant(x) for i, x in enumerate(arrays)]

    def mine(*given: Tensor) -> Tensor:
        dtype = given[0].dtype
        return apply(name, *filled(given, lambda x: Tensor(x, dtype=dtype)), **case.settings)

    def same(*given: Any) -> Any:
        def constant(x: np.ndarray) -> Any:
            return torch.from_numpy(x).to(given[0].dtype)

        return PYTORCH[name](*filled(given, constant), **case.settings)

    return mine, same, [arrays[i] for i in varying]


RUNS = [
    pytest.param(name, on, id=f"{name}-kernel" if on else name)
    for name in operations
    for on in ((False, True) if name in kernels else (False,))
]


@pytest.mark.parametrize(("name", "kernels_on"), RUNS)
def test_gradient_agrees_with_finite_differences(name: str, kernels_on: bool) -> None:
    assert name in CASES, f"the operation {name!r} has no case in cases.py"
    with use_kernels(kernels_on):
        for case in CASES[name]:
            mine, _, arrays = functions(name, case)
            assert excess_over_differences(mine, arrays) <= 1.0, case.settings


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "kernels_on"), RUNS)
def test_gradient_agrees_with_pytorch(name: str, kernels_on: bool, dtype: Any) -> None:
    with use_kernels(kernels_on):
        for case in CASES[name]:
            mine, same, arrays = functions(name, case)
            assert excess_over_pytorch(mine, same, arrays, dtype) <= 1.0, case.settings


def test_r07_every_operation_has_a_gradient() -> None:
    assert len(operations) >= 34
    assert without_gradient() == []
    assert sorted(set(gradients) - set(operations)) == []


def test_an_operation_without_a_gradient_is_noticed() -> None:
    try:

        class Planted(Operation):
            name = "planted"

            def forward(self, x: np.ndarray) -> np.ndarray:
                return x + 0

        assert without_gradient() == ["planted"]
        with pytest.raises(NotImplementedError, match="'planted' has no gradient"):
            apply("planted", Tensor(1.0, requires_grad=True)).backward()
        Planted.no_gradient = "it counts"
        assert without_gradient() == []
        with pytest.raises(NotImplementedError, match="it counts"):
            apply("planted", Tensor(1.0, requires_grad=True)).backward()
    finally:
        del operations["planted"]


@pytest.mark.parametrize("fault", [1e-5, np.nan])
def test_a_wrong_gradient_is_noticed(monkeypatch: pytest.MonkeyPatch, fault: float) -> None:
    monkeypatch.setitem(gradients, "mul", gradients["mul"])
    right = gradients["mul"]

    @gradient_of("mul")
    def wrong(operation: Any, gradient: Any) -> Any:
        operation.inputs, operation.output  # noqa: B018  (what the right one reads is kept)
        return tuple(part * part.dtype.type(1 + fault) for part in right(operation, gradient))

    mine, same, arrays = functions("mul", CASES["mul"][2])
    assert not excess_over_differences(mine, arrays) <= 1.0
    assert not excess_over_pytorch(mine, same, arrays, np.float64) <= 1.0
    faulty = excess_over_pytorch(mine, same, arrays, np.float32)
    assert not faulty <= 0.9  # 1e-5 is the very tolerance


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1), (1, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_ties_are_shared_as_in_pytorch(name: str, axis: Any, keepdims: bool) -> None:
    x = np.random.default_rng(2).integers(0, 3, (3, 4, 2)).astype(np.float64)
    settings = {"axis": axis, "keepdims": keepdims}
    mine = ours(lambda t: apply(name, t, **settings), [x])
    other = theirs(lambda t: PYTORCH[name](t, **settings), [x])
    np.testing.assert_allclose(mine[0], other[0], rtol=1e-12)


KINKS = {
    "relu": {},
    "leaky_relu": {"negative_slope": 0.3},
    "abs": {},
    "clip": {"min": -1.0, "max": 0.0},
}


@pytest.mark.parametrize("name", KINKS)
def test_kinks_are_as_in_pytorch(name: str) -> None:
    x = np.array([-1.0, 0.0, 0.5])
    mine = ours(lambda t: apply(name, t, **KINKS[name]), [x])
    other = theirs(lambda t: PYTORCH[name](t, **KINKS[name]), [x])
    np.testing.assert_array_equal(mine[0], other[0])


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 0.5])
def test_powers_of_zero_are_as_in_pytorch(exponent: float) -> None:
    x, y = np.zeros(1), np.array([exponent])
    with np.errstate(divide="ignore"):
        mine = ours(lambda a, b: a**b, [x, y])
    other = theirs(torch.pow, [x, y])
    for a, b in zip(mine, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_probabilities_of_zero_and_one_are_as_in_pytorch() -> None:
    p, t = np.array([0.0, 1.0, 0.0, 1.0, 1e-14]), np.array([1.0, 0.0, 0.0, 1.0, 1.0])
    mine = ours(lambda x: apply("bce", x, targets=t), [p])
    other = theirs(lambda x: PYTORCH["bce"](x, targets=t), [p])
    np.testing.assert_allclose(mine[0], other[0], rtol=1e-8)  # PyTorch holds at float32 1e-12
