"""Cases of the operations of module 09: images, kernels and their settings."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
from drawing import Case, distinct, numbers

Pair = tuple[int, int]


def convolution(
    x: tuple[int, ...],
    weight: tuple[int, ...],
    *,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> list[Case]:
    """One convolution, without a bias and with one."""
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return [Case(numbers(x, weight, *more), settings) for more in ((), (weight[:1],))]


def window(shape: tuple[int, ...], kernel: Pair, stride: Pair, padding: Pair = (0, 0)) -> Case:
    """Windows of images in which no two numbers are equal."""
    return Case(distinct(shape), {"kernel_size": kernel, "stride": stride, "padding": padding})


def normalization(shape: tuple[int, ...], *, momentum: float = 0.1, eps: float = 1e-5) -> Case:
    """A batch and its running statistics, which the operation changes."""
    features = shape[1:2]
    running = {"running_mean": np.zeros(features), "running_var": np.ones(features)}
    return Case(numbers(shape, features, features), {**running, "momentum": momentum, "eps": eps})


CONVOLUTIONS = [
    *convolution((2, 3, 5, 6), (4, 3, 3, 3), padding=(1, 1)),
    *convolution((1, 1, 1, 1), (1, 1, 1, 1)),
    *convolution((1, 2, 1, 1), (3, 2, 3, 3), padding=(1, 1)),
    *convolution((2, 2, 5, 4), (3, 2, 1, 1)),
    *convolution((2, 2, 5, 6), (3, 2, 2, 3), stride=(2, 1), padding=(0, 2)),
    *convolution((1, 2, 7, 6), (2, 2, 3, 2), stride=(3, 2), padding=(2, 1), dilation=(1, 3)),
    *convolution((2, 2, 6, 7), (2, 2, 3, 3), stride=(2, 2), padding=(1, 1), dilation=(2, 2)),
    *convolution((2, 4, 4, 5), (6, 2, 3, 3), padding=(1, 1), groups=2),
    *convolution((2, 3, 4, 4), (6, 1, 3, 3), stride=(2, 2), padding=(1, 1), groups=3),
    *convolution((1, 4, 5, 4), (4, 2, 2, 1), dilation=(2, 1), groups=2),
    *convolution((2, 1, 4, 4), (2, 1, 4, 4)),
    *convolution((0, 2, 4, 4), (3, 2, 3, 3), padding=(1, 1)),
    *convolution((0, 2, 4, 4), (2, 1, 3, 3), stride=(2, 2), groups=2),
]
WINDOWS = [
    window((2, 3, 4, 6), (2, 2), (2, 2)),
    window((1, 1, 1, 1), (1, 1), (1, 1)),
    window((1, 2, 1, 1), (2, 2), (2, 2), (1, 1)),
    window((2, 2, 5, 7), (2, 2), (2, 2)),
    window((2, 2, 6, 5), (3, 3), (1, 1), (1, 1)),
    window((1, 2, 6, 7), (3, 2), (1, 2), (1, 0)),
    window((2, 1, 7, 6), (2, 3), (3, 1), (0, 1)),
    window((1, 2, 5, 5), (1, 2), (3, 3)),
    window((2, 1, 4, 3), (4, 3), (1, 1)),
    window((0, 2, 4, 4), (2, 2), (2, 2)),
]
CASES: dict[str, list[Case]] = {
    "conv2d": CONVOLUTIONS,
    "max_pool2d": WINDOWS,
    "avg_pool2d": WINDOWS,
    "batch_norm2d": [
        *(normalization(shape) for shape in ((4, 3, 5, 6), (8, 2, 1, 1), (1, 2, 3, 4))),
        *(
            normalization((3, 2, 2, 3), momentum=momentum, eps=eps)
            for momentum, eps in product((0.0, 0.5, 1.0), (1e-3, 0.5))
        ),
    ],
}


def pytorch() -> dict[str, Callable[..., Any]]:
    """What PyTorch does for the operation of each name: tensors and our settings → tensor."""
    import torch
    from torch.nn import functional

    def norm(x: Any, weight: Any, bias: Any, **settings: Any) -> Any:
        running = [
            torch.from_numpy(settings.pop(name).copy()).to(x.dtype)
            for name in ("running_mean", "running_var")
        ]
        return functional.batch_norm(x, *running, weight, bias, training=True, **settings)

    return {
        "conv2d": lambda x, weight, *bias, **settings: functional.conv2d(
            x, weight, *bias, **settings
        ),
        "max_pool2d": functional.max_pool2d,
        "avg_pool2d": functional.avg_pool2d,
        "batch_norm2d": norm,
    }
