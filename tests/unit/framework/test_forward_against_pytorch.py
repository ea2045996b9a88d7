"""Every operation of the registry gives what PyTorch gives, in float64 and in float32."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from cases import CASES, Case, pytorch
from gradients import error

import tinytorch  # noqa: F401  (registers the operations of every module)
from tinytorch.core.tensor import Operation, Tensor, apply, kernels, operations, use_kernels

if os.environ.get("CI") == "true":
    import torch
else:
    torch = pytest.importorskip("torch")

PYTORCH = pytorch()


def without_case() -> list[str]:
    """Operations of the registry that the table does not know."""
    return sorted(set(operations) - (set(CASES) & set(PYTORCH)))


def theirs(name: str, arrays: list[np.ndarray], case: Case) -> np.ndarray:
    result: torch.Tensor = PYTORCH[name](*map(torch.from_numpy, arrays), **case.settings)
    return result.numpy()


def excess(name: str, case: Case, dtype: Any) -> float:
    """How far our result lies beyond the tolerance: at most 1 is agreement."""
    arrays = [x.astype(dtype) for x in case.draw(np.random.default_rng(0))]
    ours = apply(name, *(Tensor(x, dtype=dtype) for x in arrays), **case.settings)
    assert ours.dtype == dtype
    expected = theirs(name, [x.astype(np.float64) for x in arrays], case)
    tolerance = 1e-10
    if dtype == np.float32:
        tolerance = max(1e-6, 4 * error(theirs(name, arrays, case), expected))
    return error(ours.data, expected) / tolerance


RUNS = [
    pytest.param(name, on, id=f"{name}-kernel" if on else name)
    for name in operations
    for on in ((False, True) if name in kernels else (False,))
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "kernels_on"), RUNS)
def test_operation_agrees(name: str, kernels_on: bool, dtype: Any) -> None:
    assert name in CASES, f"the operation {name!r} has no case in cases.py"
    with use_kernels(kernels_on):
        for case in CASES[name]:
            assert excess(name, case, dtype) <= 1.0, case.settings


def test_every_operation_has_a_case() -> None:
    assert len(operations) >= 24
    assert without_case() == []


def test_an_operation_without_a_case_is_noticed() -> None:
    try:

        class Planted(Operation):
            name = "planted"

            def forward(self, x: np.ndarray) -> np.ndarray:
                return x

        assert without_case() == ["planted"]
    finally:
        del operations["planted"]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("fault", [1e-5, np.nan])
def test_a_wrong_result_is_noticed(
    monkeypatch: pytest.MonkeyPatch, fault: float, dtype: Any
) -> None:
    class Wrong(Operation):
        def forward(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
            return x + y * type(x.flat[0])(1 + fault)

    monkeypatch.setitem(operations, "add", Wrong)
    assert not excess("add", CASES["add"][2], dtype) <= 1.0


def test_a_wrong_shape_or_dtype_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Flat(Operation):
        def forward(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
            return (x + y).ravel()

    class Wide(Operation):
        def forward(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
            return (x + y).astype(np.float64)

    for wrong in (Flat, Wide):
        monkeypatch.setitem(operations, "add", wrong)
        with pytest.raises(AssertionError):
            excess("add", CASES["add"][2], np.float32)
