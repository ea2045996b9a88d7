"""Cases of operations: how their inputs are drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arrays = list[np.ndarray]


@dataclass(frozen=True)
class Case:
    """Inputs of one operation, drawn as float64 arrays, and its settings.

    Gradients are compared for all inputs but those whose numbers are in `constant`.
    """

    draw: Callable[[np.random.Generator], Arrays]
    settings: dict[str, Any] = field(default_factory=dict)
    constant: tuple[int, ...] = ()


def numbers(
    *shapes: tuple[int, ...],
    low: float = -2.0,
    high: float = 2.0,
    kinks: tuple[float, ...] = (),
    margin: float = 0.01,
) -> Callable[[np.random.Generator], Arrays]:
    """Numbers between `low` and `high`, at least `margin` away from each of `kinks`."""

    def draw(rng: np.random.Generator) -> Arrays:
        arrays = []
        for shape in shapes:
            x = np.asarray(rng.uniform(low, high, shape))
            for kink in kinks:
                side = np.where(x < kink, -1.0, 1.0)
                x = np.where(abs(x - kink) < margin, kink + 2 * margin * side, x)
            arrays.append(x)
        return arrays

    return draw


def distinct(shape: tuple[int, ...]) -> Callable[[np.random.Generator], Arrays]:
    """Numbers at least 0.05 apart, in random order: there is one largest and one smallest."""

    def draw(rng: np.random.Generator) -> Arrays:
        size = int(np.prod(shape))
        return [(rng.permutation(size) * 0.05 - 1.0).reshape(shape)]

    return draw
