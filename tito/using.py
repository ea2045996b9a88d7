"""What runs inside the sandbox to use an installed package: data, a model, a prediction.

    python -I -B using.py FOLDER PACKAGE

FOLDER is where the package was installed. What is done depends on the names it exports, so that it
is the same program for each prefix of the course. It imports nothing of tito.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

DONE = "used: "
"""The last line begins with it: a program that ended early has not said so."""


def main() -> None:
    folder, name = sys.argv[1:]
    sys.path.insert(0, folder)
    package = importlib.import_module(name)
    origin = Path(str(package.__file__)).resolve()
    if not origin.is_relative_to(Path(folder).resolve()):
        sys.exit(f"{name} was imported from {origin.parent}, not from the wheel")
    print(DONE + ", ".join(used(package)))


def used(package: Any) -> list[str]:
    """Take a batch as far as the package's names go. Returns the names of what was used."""
    have = set(package.__all__)
    if "Tensor" not in have:
        return sorted(have)[:1]
    import numpy as np

    values = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    batch, steps = package.Tensor(values), ["Tensor"]
    expect("Tensor", batch, (8, 4))
    if "Linear" in have:
        model = package.Linear(4, 3)
        if {"Sequential", "ReLU"} <= have:
            layers = (package.Linear(4, 16), package.ReLU(), package.Linear(16, 3))
            model = package.Sequential(*layers)
            steps.append("Sequential")
        batch = model(batch)
        expect("Linear", batch, (8, 3))
        steps.append("Linear")
    if "softmax" in have:
        batch = package.softmax(batch)
        chances = expect("softmax", batch, batch.shape)
        if chances.min() < 0 or not np.allclose(chances.sum(axis=-1), 1, atol=1e-5):
            raise AssertionError("softmax: what it gives is no probability, row by row")
        steps.append("softmax")
    return steps


def expect(name: str, found: Any, shape: tuple[int, ...]) -> Any:
    """The array of a tensor of this shape, all of it finite. `name` is what made it."""
    import numpy as np

    array = np.asarray(found.numpy())
    if array.shape != shape or tuple(found.shape) != shape:
        raise AssertionError(f"{name}: the shape is {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        raise AssertionError(f"{name}: not every number is finite")
    return array


if __name__ == "__main__":
    main()
