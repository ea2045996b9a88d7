"""Whole runs of the Trainer: against PyTorch, against one large batch, interrupted, stopped."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import ROOT
from tinytorch.core import optimizers
from tinytorch.core.activations import ReLU
from tinytorch.core.layers import Linear, Sequential
from tinytorch.core.losses import CrossEntropyLoss, MSELoss
from tinytorch.core.optimizers import SGD, OneCycleLR, StepLR
from tinytorch.core.tensor import Tensor, manual_seed
from tinytorch.core.training import Accuracy, Trainer, load_checkpoint

if os.environ.get("CI") == "true":
    import torch
else:
    torch = pytest.importorskip("torch")

RNG = np.random.default_rng(3)
CENTRES = RNG.standard_normal((3, 6)) * 2
CLASSES = RNG.integers(0, 3, 150)
POINTS = CENTRES[CLASSES] + RNG.standard_normal((150, 6))
SIZES = [(0, 32), (32, 64), (64, 96), (96, 128), (128, 150)]


def batches(dtype: Any = np.float32) -> list[tuple[Tensor, np.ndarray]]:
    return [(Tensor(POINTS[a:b], dtype=dtype), CLASSES[a:b]) for a, b in SIZES]


def network(dtype: Any = np.float32) -> Sequential:
    manual_seed(4)
    model = Sequential(Linear(6, 16), ReLU(), Linear(16, 3))
    for parameter in model.parameters():
        parameter.data = parameter.data.astype(dtype)
    return model


class Recorded:
    """A loss that notes each of its values."""

    def __init__(self) -> None:
        self.loss, self.values = CrossEntropyLoss(), []

    def __call__(self, outputs: Tensor, targets: np.ndarray) -> Tensor:
        loss = self.loss(outputs, targets)
        self.values.append(loss.item())
        return loss


OPTIMIZERS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-3}),
    ("Adam", {"lr": 0.01}),
    ("AdamW", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.003}),
]


def theirs(name: str, settings: dict[str, Any], dtype: Any, accumulation: int, norm: Any) -> Any:
    """The same run, written out in PyTorch: 20 steps, with OneCycleLR; the losses."""
    model = torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
    model = model.to(torch.float64 if dtype == np.float64 else torch.float32)
    with torch.no_grad():
        for p, q in zip(model.parameters(), network(dtype).parameters(), strict=True):
            p.copy_(torch.from_numpy(q.data.T.copy()))
    optimizer = getattr(torch.optim, name)(model.parameters(), **settings)
    steps = -(-len(SIZES) // accumulation)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings["lr"] * 3, 4 * steps)
    losses = []
    for _ in range(4):
        data = [(torch.from_numpy(x.data), torch.from_numpy(t)) for x, t in batches(dtype)]
        for group in range(0, len(data), accumulation):
            part = data[group : group + accumulation]
            examples = sum(len(x) for x, _ in part)
            optimizer.zero_grad()
            for x, t in part:
                loss = torch.nn.functional.cross_entropy(model(x), t)
                losses.append(loss.item())
                (loss * len(x) / examples).backward()
            if norm is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), norm)
            optimizer.step()
            schedule.step()
    return losses


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-9)])
@pytest.mark.parametrize(("accumulation", "norm"), [(1, None), (1, 0.5), (2, None), (3, 0.5)])
@pytest.mark.parametrize(("name", "settings"), OPTIMIZERS)
def test_twenty_steps_agree_with_pytorch(
    name: str, settings: dict[str, Any], accumulation: int, norm: Any, dtype: Any, tolerance: float
) -> None:
    model, loss = network(dtype), Recorded()
    optimizer = getattr(optimizers, name)(model.parameters(), **settings)
    steps = 4 * -(-len(SIZES) // accumulation)
    schedule = OneCycleLR(optimizer, max_lr=settings["lr"] * 3, total_steps=steps)
    trainer = Trainer(model, optimizer, loss, [Accuracy()], schedule, accumulation, norm)
    history = trainer.fit(batches(dtype), epochs=4, verbose=False)
    expected = theirs(name, settings, dtype, accumulation, norm)
    assert len(loss.values) == 20
    np.testing.assert_allclose(loss.values, expected, rtol=tolerance, atol=tolerance)
    weights = [b - a for a, b in SIZES]
    means = [np.average(expected[i : i + 5], weights=weights) for i in range(0, 20, 5)]
    np.testing.assert_allclose(history["loss"], means, rtol=tolerance * 10)


@pytest.mark.parametrize("steps", [2, 3, 5, 9])
def test_accumulation_is_one_large_batch(steps: int) -> None:
    ends = [(SIZES[i][0], SIZES[min(i + steps, 5) - 1][1]) for i in range(0, 5, steps)]
    large = [(Tensor(POINTS[a:b], dtype=np.float64), CLASSES[a:b]) for a, b in ends]
    results = []
    for data, accumulation in ((batches(np.float64), steps), (large, 1)):
        model = network(np.float64)
        optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
        trainer = Trainer(model, optimizer, CrossEntropyLoss(), accumulation_steps=accumulation)
        trainer.fit(data, epochs=3, verbose=False)
        results.append((trainer.history["loss"], model.state_dict()))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-12)
    for name, array in results[0][1].items():
        np.testing.assert_allclose(array, results[1][1][name], rtol=1e-9)


def test_only_what_the_optimizer_updates_is_clipped_and_cleared() -> None:
    """A frozen part keeps collecting gradients; it must not shorten those that are used."""
    model = network()
    trainer = Trainer(model, SGD(model[2].parameters(), lr=0.1), CrossEntropyLoss(), max_grad_norm=0.1)  # fmt: skip
    trainer.fit(batches(), epochs=2, verbose=False)
    total = math.sqrt(sum(float((p.grad**2).sum()) for p in model[2].parameters()))
    np.testing.assert_allclose(total, 0.1, rtol=1e-3)


def test_the_best_epoch_is_kept_and_it_stops_in_time(tmp_path: Path) -> None:
    """With a rate that is too high for the end, later epochs are worse than the best."""
    model = network()
    optimizer = SGD(model.parameters(), lr=0.05)
    schedule = StepLR(optimizer, 3, 60.0)
    trainer = Trainer(model, optimizer, CrossEntropyLoss(), scheduler=schedule)
    validation = batches()[:1]
    with np.errstate(all="ignore"):
        history = trainer.fit(batches()[1:], validation, 20, tmp_path / "best", 2, verbose=False)
    best = int(np.argmin(history["val_loss"]))
    assert history.epochs == best + 3 < 20
    saved = load_checkpoint(tmp_path / "best", model, optimizer, schedule)
    assert saved.epochs == best + 1
    fresh = Trainer(model, optimizer, CrossEntropyLoss())
    assert fresh.evaluate(validation)["loss"] == history["val_loss"][best]


def test_a_loss_that_is_no_number_stops_training_and_says_why() -> None:
    model = network()
    trainer = Trainer(model, SGD(model.parameters(), lr=1e30), MSELoss())
    data = [(Tensor(POINTS[:9]), Tensor(POINTS[:9, :3]))] * 4
    with (
        np.errstate(all="ignore"),
        pytest.raises(FloatingPointError, match=r"in epoch 1, at lr 1e\+30: "),
    ):
        trainer.fit(data, verbose=False)
    model = network()
    trainer = Trainer(model, SGD(model.parameters(), lr=0.01), MSELoss())
    trainer.fit(data, verbose=False)
    before = model.state_dict()
    bad = (Tensor(np.full((9, 6), np.nan)), data[0][1])
    with pytest.raises(FloatingPointError, match=r"in epoch 2, .*inputs of this batch hold nan"):
        trainer.fit([bad], epochs=2, verbose=False)
    assert (trainer.history.epochs, model.training) == (1, True)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


RUN = textwrap.dedent("""
    import sys, time
    import numpy as np
    from tinytorch.core.layers import Linear
    from tinytorch.core.losses import MSELoss
    from tinytorch.core.optimizers import SGD
    from tinytorch.core.tensor import Tensor
    from tinytorch.core.training import Trainer

    class Slow(list):
        def __iter__(self):
            print("ready", flush=True)
            for pair in super().__iter__():
                time.sleep({pause})
                yield pair

    model = Linear(2, 1)
    trainer = Trainer(model, SGD(model.parameters(), lr=0.01), MSELoss())
    data = [(Tensor(np.ones((4, 2))), Tensor(np.ones((4, 1))))] * 4
    trainer.fit(data, epochs=2)
    try:
        trainer.fit(Slow(data), epochs=3)
    except KeyboardInterrupt:
        print(trainer.history.epochs, {{len(column) for column in trainer.history.values()}})
        trainer.fit(data, epochs=4)
        print(trainer.history.epochs, model.training)
""")


def heeds_ctrl_c() -> None:
    """In the child: where the tests run in the background, they and their children ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_leaves_a_history_that_can_be_used() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", RUN.format(pause=30)], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, preexec_fn=heeds_ctrl_c,
    )  # fmt: skip
    assert child.stdout is not None
    lines = [child.stdout.readline() for _ in range(3)]
    assert lines[2] == "ready\n"
    child.send_signal(signal.SIGINT)
    rest = child.stdout.read()
    child.stdout.close()
    assert child.wait() == 0
    assert "stopped in epoch 3; the history has those before" in rest
    assert "\n2 {2}\n" in rest
    assert "epoch 3/4  loss " in rest
    assert "epoch 4/4  loss " in rest
    assert rest.endswith("\n4 True\n")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_a_long_epoch_counts_its_batches_on_a_terminal_alone() -> None:
    import pty

    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", RUN.format(pause=0.6)]
    quiet = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, check=True)  # fmt: skip
    assert "\r" not in quiet.stdout
    assert [line[:11] for line in quiet.stdout.splitlines()] == ["epoch 1/2  ", "epoch 2/2  ", "ready", "epoch 3/3  "]  # fmt: skip
    leader, follower = pty.openpty()
    subprocess.run(command, cwd=ROOT, stdout=follower, env=environment, check=True)
    os.close(follower)
    shown = os.read(leader, 100_000).decode()
    os.close(leader)
    assert "\rbatch 2 of 4" in shown
    assert shown.index("batch 2 of 4") > shown.index("ready")
    assert "\r" + " " * len("batch 2 of 4") + "\repoch 3/3" in shown  # and is wiped away


def test_the_last_whole_epoch_is_kept_to_go_on_from(tmp_path: Path) -> None:
    """Whatever ends a run: `save_last` has the epoch before it, and the next run goes on there."""
    last = tmp_path / "last.npz"

    class Interrupted(list[Any]):
        def __iter__(self) -> Any:
            if first.history.epochs == 2:
                raise KeyboardInterrupt
            return super().__iter__()

    def started() -> Trainer:
        model = network()
        return Trainer(model, SGD(model.parameters(), lr=0.1, momentum=0.9), CrossEntropyLoss())

    first, second, whole = started(), started(), started()
    whole.fit(batches(), epochs=3, verbose=False)
    with pytest.raises(KeyboardInterrupt):
        first.fit(Interrupted(batches()), epochs=3, verbose=False, save_last=last)
    second.load_checkpoint(last)
    assert second.history.epochs == 2
    second.fit(batches(), epochs=3, verbose=False)
    assert second.history["loss"] == whole.history["loss"]
