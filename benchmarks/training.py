"""Training steps, the optimizer, the loader and memory, against PyTorch on the CPU.

Ours is measured with kernels on, which is what the targets are about, and with kernels off: the
readable versions that students write. The anchors are PyTorch's faster variants.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import tinytorch
from benchmarks import models
from benchmarks.harness import ROOT, Comparison, compare, interleaved, run
from tito.errors import TitoError

ROUNDS = 11
PACKAGES = ("numpy", "torch")
NEEDED = ("CrossEntropyLoss", "Adam", "BatchNorm2d", "DataLoader")


@dataclass(frozen=True)
class Workload:
    """A network and its step. `limit` and `aim` are those of kernels on against PyTorch."""

    name: str
    network: Callable[[Any], Any]
    shape: tuple[int, ...]
    optimizer: Callable[[Any, Any], Any]
    limit: float
    aim: float
    anchor: str = ""
    repeats: int = 1


def _sgd(side: Any, parameters: Any) -> Any:
    return side.SGD(parameters, lr=0.01)


def _adam(side: Any, parameters: Any) -> Any:
    return side.Adam(parameters, lr=1e-4)


def _nesterov(side: Any, parameters: Any) -> Any:
    return side.SGD(parameters, lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)


WORKLOADS = (
    Workload("MLP, batch 128, SGD", models.mlp, (128, 784), _sgd, 1.05, 0.90, repeats=20),
    Workload("MLP, batch 128, Adam", models.mlp, (128, 784), _adam, 0.95, 0.75, "fused", 20),
    Workload("CNN, batch 64", models.cnn, (64, 3, 32, 32), _sgd, 1.20, 1.00, "channels_last"),
    Workload(
        "BatchNorm CNN, batch 128", models.batch_norm_cnn, (128, 3, 32, 32), _nesterov, 1.20, 0.95,
        "channels_last",
    ),
)  # fmt: skip


def measure(rounds: int) -> list[Comparison]:
    """Every line of the table: steps first, then the optimizer, the loader and memory.

    Raises TitoError if a module that it measures is not in the package.
    """
    missing = [name for name in NEEDED if not hasattr(tinytorch, name)]
    if missing:
        raise TitoError(
            f"the package lacks {', '.join(missing)}: training needs modules 01 to 10",
            hint="tito export --all --force",
        )
    torch.set_num_threads(1)
    torch.manual_seed(0)
    steps = [line for workload in WORKLOADS for line in _step(workload, rounds)]
    return [*steps, *_adam_alone(rounds), *_loader(rounds), _memory(min(rounds, 5))]


def _lines(
    name: str, times: Mapping[str, list[float]], limit: float, aim: float
) -> list[Comparison]:
    """Kernels on against PyTorch, as required; then kernels off, and the anchor, to compare."""
    lines = partial(compare, "training", want="at most")
    on, torch_side = ("kernels on", times["kernels on"]), ("PyTorch", times["PyTorch"])
    found = [lines(name, ours=on, theirs=torch_side, limit=limit, aim=aim)]
    if "kernels off" in times:
        found.append(lines(name, ours=("kernels off", times["kernels off"]), theirs=torch_side))
    known = {"kernels on", "kernels off", "PyTorch"}
    anchors = [anchor for anchor in times if anchor not in known]
    return found + [lines(name, ours=on, theirs=(a, times[a])) for a in anchors]


def _step(workload: Workload, rounds: int) -> list[Comparison]:
    steps = models.steps(workload.network, workload.shape, workload.optimizer, workload.anchor)
    _agree(workload.name, steps)
    sides = {
        name: models.timed(step, kernels=name == "kernels on", repeats=workload.repeats)
        for name, step in steps.items()
    }
    return _lines(workload.name, interleaved(sides, rounds), workload.limit, workload.aim)


def _agree(name: str, steps: Mapping[str, Callable[[], float]]) -> None:
    """Every side computes the same, or there is nothing to compare: the first losses tell."""
    losses = {}
    for side, step in steps.items():
        with tinytorch.use_kernels(side == "kernels on"):
            losses[side] = step()
    if max(losses.values()) - min(losses.values()) > 1e-5 * abs(losses["PyTorch"]):
        raise TitoError(f"{name}: the sides do not compute the same: first losses {losses}")


def _adam_alone(rounds: int) -> list[Comparison]:
    """A step of Adam on ten million parameters, in one array."""
    rng = np.random.default_rng(0)
    data, gradient = rng.standard_normal((2, 10_000_000)).astype(np.float32)

    def ours() -> Callable[[], None]:
        parameter = tinytorch.Parameter(data)
        parameter.grad = gradient.copy()
        step: Callable[[], None] = tinytorch.Adam([parameter], lr=1e-3).step
        return step

    def theirs(**settings: Any) -> Callable[[], None]:
        parameter = torch.nn.Parameter(torch.from_numpy(data.copy()))
        parameter.grad = torch.from_numpy(gradient.copy())
        step: Callable[[], None] = torch.optim.Adam([parameter], lr=1e-3, **settings).step
        return step

    sides = {
        "kernels on": models.timed(ours(), kernels=True, repeats=1),
        "kernels off": models.timed(ours(), kernels=False, repeats=1),
        "PyTorch": models.timed(theirs(), kernels=False, repeats=1),
        "fused": models.timed(theirs(fused=True), kernels=False, repeats=1),
    }
    return _lines("Adam, 10 million parameters", interleaved(sides, rounds), 0.50, 0.40)


def _loader(rounds: int) -> list[Comparison]:
    """A shuffled epoch of 20,000 images 3×32×32, in batches of 128, in this process."""
    rng = np.random.default_rng(0)
    images = rng.random((20_000, 3, 32, 32), dtype=np.float32)
    classes = np.zeros(20_000, dtype=np.int64)
    ours = tinytorch.DataLoader(tinytorch.TensorDataset(images, classes), 128, shuffle=True)
    pairs = torch.utils.data.TensorDataset(torch.from_numpy(images), torch.from_numpy(classes))
    theirs = torch.utils.data.DataLoader(pairs, batch_size=128, shuffle=True)
    sides = {
        "kernels on": partial(_epoch, ours, kernels=True),
        "kernels off": partial(_epoch, ours, kernels=False),
        "PyTorch": partial(_epoch, theirs, kernels=False),
    }
    return _lines("DataLoader, 20,000 images", interleaved(sides, rounds), 0.35, 0.25)


def _epoch(loader: Any, *, kernels: bool) -> float:
    seen = 0
    with tinytorch.use_kernels(kernels):
        start = time.perf_counter()
        for images, _ in loader:
            seen += len(images)
        elapsed = time.perf_counter() - start
    assert seen == 20_000
    return elapsed


_MEMORY = """\
import re, sys
from benchmarks import models
import torch, tinytorch

def kilobytes(name):
    with open("/proc/self/status") as file:
        return int(re.search(rf"^{name}:\\s*(\\d+) kB$", file.read(), re.MULTILINE)[1])

torch.set_num_threads(1)
ours, theirs = models.pair(models.cnn)
data = models.batch((64, 3, 32, 32))
if sys.argv[1] == "ours":
    step = models.our_step(ours, tinytorch.SGD(ours.parameters(), lr=0.01), *data)
else:
    step = models.their_step(theirs, torch.optim.SGD(theirs.parameters(), lr=0.01), *data)
before = kilobytes("VmRSS")
with tinytorch.use_kernels():
    for _ in range(3):
        step()
print((kilobytes("VmHWM") - before) / 1024)
"""


def _memory(rounds: int) -> Comparison:
    """The most memory that steps of the CNN take beyond what the imports and the data took."""
    sides = {side: partial(_above_import, side) for side in ("ours", "theirs")}
    found = interleaved(sides, rounds, warm_up=False)
    return compare(
        "training", "memory above import, CNN step",
        ours=("kernels on", found["ours"]), theirs=("PyTorch", found["theirs"]),
        want="at most", limit=0.60, aim=0.40, unit="MB",
    )  # fmt: skip


def _above_import(side: str) -> float:
    # Not from resource.getrusage: its maximum begins with that of the process which started it.
    if not Path("/proc/self/status").is_file():
        raise TitoError("memory is read from /proc, which only Linux has")
    return float(run([sys.executable, "-c", _MEMORY, side], folder=ROOT))
