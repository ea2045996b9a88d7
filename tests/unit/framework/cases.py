"""One table of cases for every operation, and what PyTorch calls it.

`CASES[name]` lists the cases of an operation: how to draw its inputs and its settings. Inputs stay
1e-2 from kinks and 0.1 from poles, so that gradients can be taken of the same cases.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cases_spatial
import numpy as np
from drawing import Case, distinct, numbers

from tinytorch.core.autograd import Function


def pairs(**domain: Any) -> list[Case]:
    """Two inputs: equal shapes, every way to broadcast, scalars, zero sizes."""
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((), ()),
        ((5,), (5,)),
        ((3, 4), (3, 4)),
        ((3, 4), ()),
        ((), (3, 4)),
        ((3, 4), (4,)),
        ((4,), (3, 4)),
        ((3, 1), (1, 4)),
        ((2, 1, 4), (3, 1)),
        ((0, 4), (4,)),
        ((2, 0), (2, 1)),
    ]
    return [Case(numbers(*two, **domain)) for two in shapes]


SHAPES: tuple[tuple[int, ...], ...] = (
    (),
    (1,),
    (7,),
    (3, 4),
    (2, 3, 4),
    (2, 1, 3, 2),
    (0, 3),
    (3, 0),
)


def singles(settings: dict[str, Any] | None = None, **domain: Any) -> list[Case]:
    """One input in every shape."""
    return [Case(numbers(shape, **domain), settings or {}) for shape in SHAPES]


def reductions(draw: Callable[..., Any], more: dict[str, Any], *, empty: bool) -> list[Case]:
    """Every kind of axis, kept and not; over an axis of length 0 only if `empty`."""
    axes: list[tuple[tuple[int, ...], Any]] = [
        ((), None),
        ((6,), None),
        ((6,), 0),
        ((3, 4), None),
        ((3, 4), 0),
        ((3, 4), -1),
        ((3, 4), (0, 1)),
        ((2, 3, 4), 1),
        ((2, 3, 4), -3),
        ((2, 3, 4), (0, 2)),
        ((2, 3, 4), (-1, 0)),
        ((0, 4), 1),
    ]
    if empty:
        axes += [((0, 4), 0), ((0, 4), None)]
    return [
        Case(draw(shape), {"axis": axis, "keepdims": keepdims, **more})
        for shape, axis in axes
        for keepdims in (False, True)
    ]


def variances() -> list[Case]:
    """Over more numbers than the correction: else the variance is no number."""
    cases = []
    for correction in (0, 1, 2):
        for case in reductions(numbers, {"correction": correction}, empty=False):
            x = case.draw(np.random.default_rng(0))[0]
            if (
                np.ones_like(x).sum(axis=case.settings["axis"]).min(initial=9) > correction
                and x.size
            ):
                cases.append(case)
    return cases


def along(axes: tuple[tuple[tuple[int, ...], int], ...]) -> list[Case]:
    return [Case(numbers(shape, low=-5, high=5), {"axis": axis}) for shape, axis in axes]


MATRICES: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((4,), (4,)),
    ((3, 4), (4, 2)),
    ((4,), (4, 2)),
    ((3, 4), (4,)),
    ((2, 3, 4), (4, 2)),
    ((3, 4), (2, 4, 2)),
    ((2, 3, 4), (2, 4, 2)),
    ((2, 1, 3, 4), (5, 4, 2)),
    ((2, 3, 4), (4,)),
    ((4,), (2, 4, 3)),
    ((0, 4), (4, 2)),
    ((3, 0), (0, 2)),
    ((17, 33), (33, 9)),
)
RESHAPES: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((), (1, 1)),
    ((1,), ()),
    ((6,), (2, 3)),
    ((2, 3), (3, 2)),
    ((2, 3, 4), (-1,)),
    ((2, 3, 4), (4, -1)),
    ((0, 3), (3, 0)),
)
PERMUTES: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((), ()),
    ((4,), (0,)),
    ((3, 4), (1, 0)),
    ((2, 3, 4), (1, 2, 0)),
    ((2, 3, 4), (-1, 0, 1)),
    ((2, 1, 3, 2), (3, 1, 0, 2)),
    ((0, 3), (1, 0)),
)
BROADCASTS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((), (2, 3)),
    ((3,), (3,)),
    ((3,), (2, 3)),
    ((2, 1), (2, 3)),
    ((1, 3), (4, 2, 3)),
    ((1, 3), (0, 3)),
)
INDICES: tuple[tuple[tuple[int, ...], Any], ...] = (
    ((4,), 2),
    ((4,), -1),
    ((3, 4), 1),
    ((3, 4), (1, -2)),
    ((3, 4), (slice(None), 1)),
    ((3, 4), slice(1, None)),
    ((5, 4), slice(0, 5, 2)),
    ((3, 4), (Ellipsis, 0)),
    ((3, 4), (slice(None), None)),
    ((3, 4), np.array([0, 2, 0])),
    ((3, 4), (np.array([0, 2, 0]), np.array([1, 1, 1]))),
    ((3, 4), (slice(None), np.array([[0, 1], [3, 3]]))),
    ((2, 2), np.array([[True, False], [True, True]])),
    ((3, 4), np.array([True, False, True])),
    ((3, 4), slice(3, None)),
    ((0, 4), (slice(None), 1)),
)
ROWS = np.array([[True], [False], [True]])
TABLE = np.array([[True, False, True, False], [False] * 4, [True] * 4])
WHERES: tuple[tuple[np.ndarray, tuple[int, ...], tuple[int, ...]], ...] = (
    (np.array(True), (), ()),
    (np.array(False), (3,), (3,)),
    (TABLE, (3, 4), (3, 4)),
    (TABLE, (), (4,)),
    (ROWS, (3, 4), (4,)),
    (ROWS, (1, 4), ()),
    (TABLE[0], (3, 1), (2, 1, 1)),
    (np.zeros((0, 4), dtype=bool), (0, 4), (4,)),
)
SLICES = (((5,), 0), ((3, 4), -1), ((3, 4), 0), ((2, 3, 4), 1), ((2, 3, 4), -2), ((0, 4), -1))


def truths(shape: tuple[int, ...]) -> dict[str, Any]:
    """Targets between 0 and 1, both included: eighths, which every dtype holds exactly."""
    size = int(np.prod(shape))
    return {"targets": (np.arange(size, dtype=np.float32) * 3 % 9 / 8).reshape(shape)}


def binary(low: float, high: float) -> list[Case]:
    """Numbers in every shape, and a truth for each."""
    return [Case(numbers(shape, low=low, high=high), truths(shape)) for shape in SHAPES]


def rows(count: int, classes: int, size: float = 3.0) -> Case:
    """Scores up to `size` in rows, and a class for each row."""
    targets = np.arange(count) * 7 % classes
    return Case(numbers((count, classes), low=-size, high=size), {"targets": targets})


def of_loss(name: str, shape: tuple[int, ...], size: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """An input and a target for the loss of this name, in float64; class indices are integers."""
    rng = np.random.default_rng(5)
    x = np.asarray(rng.standard_normal(shape) * size)
    if name in ("CrossEntropyLoss", "NLLLoss"):
        number = shape[0 if len(shape) == 1 else 1]
        return x, np.asarray(
            rng.integers(0, number, shape[:1] + shape[2:] if len(shape) > 1 else ())
        )
    truths = np.asarray(rng.integers(0, 9, shape) / 8)
    if name == "BCELoss":
        return np.asarray(rng.uniform(0.1, 0.9, shape)), truths
    return x, truths if name == "BCEWithLogitsLoss" else np.asarray(rng.standard_normal(shape))


class Cube(Function):
    """x**3, with a gradient of its own."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x * x * x

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        x = self.inputs[0]
        return 3 * x * x * gradient


CASES: dict[str, list[Case]] = {
    "add": pairs(),
    "sub": pairs(),
    "mul": pairs(),
    "div": pairs(kinks=(0.0,), margin=0.1),
    "neg": singles(),
    "pow": [
        *pairs(low=0.2, high=3.0),
        *(
            Case(lambda rng, e=e: [*numbers((3, 4))(rng), np.asarray(e)], constant=(1,))
            for e in (0.0, 1.0, 2.0, 3.0)
        ),
        Case(lambda rng: [np.asarray(2.0), *numbers((3, 4))(rng)]),
    ],
    "matmul": [Case(numbers(*two)) for two in MATRICES],
    "exp": [*singles(), Case(numbers((40,), low=-20, high=20))],
    "log": [*singles(low=0.1, high=3.0), Case(numbers((40,), low=0.1, high=1e4))],
    "sqrt": [*singles(low=0.1, high=3.0), Case(numbers((40,), low=0.1, high=1e4))],
    "abs": singles(kinks=(0.0,)),
    "clip": [
        *singles({"min": -0.5, "max": 0.7}, kinks=(-0.5, 0.7)),
        *singles({"min": 0, "max": None}, kinks=(0.0,)),
        *singles({"min": None, "max": 0.1}, kinks=(0.1,)),
        Case(numbers((9,)), {"min": 0.5, "max": -0.5}),
    ],
    "sum": reductions(numbers, {}, empty=True),
    "mean": reductions(numbers, {}, empty=False),
    "max": reductions(distinct, {}, empty=False),
    "min": reductions(distinct, {}, empty=False),
    "var": variances(),
    "reshape": [Case(numbers(a), {"shape": b}) for a, b in RESHAPES],
    "permute": [Case(numbers(a), {"dims": b}) for a, b in PERMUTES],
    "broadcast_to": [Case(numbers(a), {"shape": b}) for a, b in BROADCASTS],
    "getitem": [Case(numbers(shape), {"index": index}) for shape, index in INDICES],
    "cat": [
        Case(numbers((3,)), {"axis": 0}),
        Case(numbers((2, 3), (4, 3)), {"axis": 0}),
        Case(numbers((2, 3), (2, 1), (2, 2)), {"axis": 1}),
        Case(numbers((2, 3, 1), (2, 3, 4)), {"axis": -1}),
        Case(numbers((2, 1, 4), (2, 3, 4)), {"axis": -2}),
        Case(numbers((0, 3), (2, 3)), {"axis": 0}),
    ],
    "stack": [
        Case(numbers((), ()), {"axis": 0}),
        Case(numbers((3,), (3,), (3,)), {"axis": 0}),
        Case(numbers((3,), (3,)), {"axis": -1}),
        Case(numbers((2, 3), (2, 3)), {"axis": 1}),
        Case(numbers((2, 3), (2, 3)), {"axis": -3}),
        Case(numbers((0, 3), (0, 3)), {"axis": 2}),
    ],
    "where": [Case(numbers(x, y), {"condition": c}) for c, x, y in WHERES],
    # Module 03
    "relu": singles(kinks=(0.0,)),
    "leaky_relu": [
        *singles({"negative_slope": 0.01}, kinks=(0.0,)),
        Case(numbers((3, 4), kinks=(0.0,)), {"negative_slope": 0.3}),
    ],
    "sigmoid": [*singles(), Case(numbers((40,), low=-30, high=30))],
    "tanh": [*singles(), Case(numbers((40,), low=-15, high=15))],
    "gelu": [*singles(), Case(numbers((40,), low=-8, high=8))],
    "softmax": along(SLICES),
    "log_softmax": along(SLICES),
    # Module 05
    "bce": binary(0.1, 0.9),
    "bce_with_logits": [
        *binary(-2, 2),
        Case(numbers((40,), low=-30, high=30, kinks=(0.0,)), truths((40,))),
    ],
    "cross_entropy": [
        *(rows(*two) for two in ((1, 1), (1, 4), (5, 3), (4, 1), (0, 3), (17, 33), (3, 1000))),
        rows(8, 5, size=40.0),
    ],
    # Module 06: a function of the user's
    "function": singles({"name": "Cube", "call": Cube()}),
    **cases_spatial.CASES,  # module 09
}


def pytorch() -> dict[str, Callable[..., Any]]:
    """What PyTorch does for the operation of each name: tensors and our settings → tensor."""
    import torch
    from torch.nn import functional

    def every(x: Any, axis: Any) -> Any:
        return tuple(range(x.ndim)) if axis is None else axis

    def index(place: Any) -> Any:
        if isinstance(place, tuple):
            return tuple(index(part) for part in place)
        return torch.from_numpy(place) if isinstance(place, np.ndarray) else place

    def reduction(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, axis, keepdims, **more: function(
            x, dim=every(x, axis), keepdim=keepdims, **more
        )

    def loss(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, targets: function(
            x, torch.from_numpy(targets).to(x.dtype), reduction="none"
        )

    return {
        "add": torch.add,
        "sub": torch.sub,
        "mul": torch.mul,
        "div": torch.div,
        "neg": torch.neg,
        "pow": torch.pow,
        "matmul": torch.matmul,
        "exp": torch.exp,
        "log": torch.log,
        "sqrt": torch.sqrt,
        "abs": torch.abs,
        "clip": torch.clip,
        "sum": reduction(torch.sum),
        "mean": reduction(torch.mean),
        "max": reduction(torch.amax),
        "min": reduction(torch.amin),
        "var": reduction(torch.var),
        "reshape": torch.reshape,
        "permute": torch.permute,
        "broadcast_to": lambda x, shape: torch.broadcast_to(x, shape),
        "getitem": lambda x, **settings: x[index(settings["index"])],
        "cat": lambda *tensors, axis: torch.cat(tensors, dim=axis),
        "stack": lambda *tensors, axis: torch.stack(tensors, dim=axis),
        "where": lambda x, y, condition: torch.where(torch.from_numpy(condition), x, y),
        "relu": functional.relu,
        "leaky_relu": functional.leaky_relu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "gelu": lambda x: functional.gelu(x, approximate="tanh"),
        "softmax": lambda x, axis: torch.softmax(x, dim=axis),
        "log_softmax": lambda x, axis: torch.log_softmax(x, dim=axis),
        "bce": loss(functional.binary_cross_entropy),
        "bce_with_logits": loss(functional.binary_cross_entropy_with_logits),
        "cross_entropy": lambda x, targets: functional.cross_entropy(
            x, torch.from_numpy(targets), reduction="none"
        ),
        "function": lambda x, **_: x**3,
        **cases_spatial.pytorch(),
    }
