"""Checkpoints of module 08: resumed bit for bit; whatever is no whole checkpoint is refused."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import ROOT
from tinytorch.core import optimizers
from tinytorch.core.activations import Tanh
from tinytorch.core.layers import Dropout, Linear, Sequential
from tinytorch.core.losses import CrossEntropyLoss
from tinytorch.core.optimizers import Optimizer, StepLR
from tinytorch.core.tensor import Tensor, generator, manual_seed
from tinytorch.core.training import (
    Accuracy,
    History,
    Trainer,
    _encoded,
    _read,
    load_checkpoint,
    save_checkpoint,
)

RNG = np.random.default_rng(2)
POINTS, CLASSES = RNG.standard_normal((30, 4)), RNG.integers(0, 3, 30)
EPOCHS = 6


class Shuffled:
    """Batches of 8, 8, 8 and 6, in an order drawn from the one generator in each epoch."""

    def __iter__(self) -> Iterator[Any]:
        order = generator().permutation(30)
        for i in range(0, 30, 8):
            yield Tensor(POINTS[order[i : i + 8]]), CLASSES[order[i : i + 8]]


class Seeded:
    """Batches in an order that the epoch decides, as a DataLoader with a seed has it."""

    epoch = -1

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[Any]:
        order = np.random.default_rng([9, self.epoch]).permutation(30)
        yield Tensor(POINTS[order]), CLASSES[order]


OPTIMIZERS: dict[str, list[dict[str, Any]]] = {
    "SGD": [{"lr": 0.1}, {"lr": 0.1, "momentum": 0.9, "nesterov": True}, {"lr": np.float64(0.1)}],
    "Adam": [{"lr": 0.02, "betas": (0.8, 0.99)}],
    "AdamW": [{"lr": 0.02, "weight_decay": 0.1}],
    "RMSprop": [{"lr": 0.01, "momentum": 0.5}],
}
SCHEDULES: dict[str, dict[str, Any]] = {
    "StepLR": {"step_size": 2, "gamma": 0.5},
    "CosineAnnealingLR": {"T_max": EPOCHS},
    "OneCycleLR": {"max_lr": 0.2, "total_steps": 2 * EPOCHS},
}


def public(kind: type) -> set[str]:
    """The public classes of module 07 that are optimizers, or that are not."""
    values = {name: getattr(optimizers, name) for name in optimizers.__all__}
    return {n for n, v in values.items() if isinstance(v, type) and issubclass(v, kind)}


def uncovered() -> set[str]:
    classes = public(object) - {"Optimizer"}
    return classes ^ {*OPTIMIZERS, *SCHEDULES}


def trainer(seed: int, name: str, settings: dict[str, Any], schedule: str = "") -> Trainer:
    manual_seed(seed)
    model = Sequential(Linear(4, 8), Tanh(), Dropout(0.4), Linear(8, 3))
    optimizer = getattr(optimizers, name)(model.parameters(), **settings)
    scheduler = getattr(optimizers, schedule)(optimizer, **SCHEDULES[schedule]) if schedule else None  # fmt: skip
    return Trainer(model, optimizer, CrossEntropyLoss(), [Accuracy()], scheduler, 2, 0.7)


def state(ours: Trainer) -> dict[str, bytes]:
    """Everything that training depends on, to the last bit."""
    parts: dict[str, Any] = {"model": ours.model.state_dict(), "optimizer": ours.optimizer.state_dict()}  # fmt: skip
    if ours.scheduler is not None:
        parts["scheduler"] = ours.scheduler.state_dict()
    parts["random"] = generator().bit_generator.state
    return {name: array.tobytes() for name, array in _encoded(parts).items()}


def test_every_optimizer_and_schedule_is_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert uncovered() == set()
    planted = type("Planted", (Optimizer,), {})
    monkeypatch.setattr(optimizers, "Planted", planted, raising=False)
    monkeypatch.setattr(optimizers, "__all__", [*optimizers.__all__, "Planted"])
    assert uncovered() == {"Planted"}


@pytest.mark.parametrize("stop", [1, 4])
@pytest.mark.parametrize("data", [Shuffled, Seeded])
@pytest.mark.parametrize("schedule", ["", *SCHEDULES])
@pytest.mark.parametrize(
    ("name", "settings"), [(name, s) for name, several in OPTIMIZERS.items() for s in several]
)
def test_a_resumed_run_is_the_run_that_never_stopped(
    name: str, settings: dict[str, Any], schedule: str, data: type, stop: int, tmp_path: Path
) -> None:
    path = tmp_path / "run.npz"
    whole = trainer(1, name, settings, schedule)
    whole.fit(data(), Shuffled(), EPOCHS, verbose=False)
    expected = state(whole)
    first = trainer(1, name, settings, schedule)
    first.fit(data(), Shuffled(), stop, verbose=False)
    first.save_checkpoint(path)
    second = trainer(5, name, settings, schedule)
    second.fit([next(iter(Shuffled()))], epochs=1, verbose=False)  # has a state of its own
    second.load_checkpoint(path)
    assert second.history == first.history
    second.fit(data(), Shuffled(), EPOCHS, verbose=False)
    for column in whole.history:
        if column != "seconds":
            assert second.history[column] == whole.history[column], column
    assert state(second) == expected


def test_early_stopping_and_the_best_epoch_are_resumed(tmp_path: Path) -> None:
    first, second = (trainer(1, "SGD", {"lr": 0.0}) for _ in range(2))
    settings: dict[str, Any] = {"epochs": 9, "early_stopping_patience": 3, "verbose": False}
    data = [(Tensor(POINTS), CLASSES)]
    first.model.eval().layers[2].p = second.model.layers[2].p = 0.0
    first.fit(data, data, **{**settings, "epochs": 2})
    first.save_checkpoint(tmp_path / "run")
    second.load_checkpoint(tmp_path / "run")
    second.fit(data, data, save_best=tmp_path / "best", **settings)
    assert second.history.epochs == 4  # epochs 2, 3 and 4 brought nothing new
    assert not (tmp_path / "best").exists()


def saved(path: Path, seed: int = 1) -> Trainer:
    ours = trainer(seed, "Adam", {"lr": 0.02}, "StepLR")
    ours.fit(Shuffled(), epochs=1, verbose=False)
    ours.save_checkpoint(path)
    return ours


def refused(ours: Trainer, path: Path) -> str:
    """The message of the refusal; nothing in the trainer may have changed."""
    before, history = state(ours), ours.history
    with pytest.raises(ValueError, match=path.name) as caught:
        ours.load_checkpoint(path)
    assert state(ours) == before
    assert ours.history is history
    return str(caught.value)


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.npz"
    ours = saved(path)
    whole = path.read_bytes()
    generator().random()
    for length in [*range(0, 300, 7), *range(0, len(whole), len(whole) // 60), len(whole) - 1]:
        path.write_bytes(whole[:length])
        assert "is cut off, damaged, or no checkpoint" in refused(ours, path), length
    path.write_bytes(whole)
    ours.load_checkpoint(path)


def test_a_file_with_one_wrong_byte_is_refused_or_means_the_same(tmp_path: Path) -> None:
    path = tmp_path / "wrong.npz"
    ours = saved(path)
    whole, expected = path.read_bytes(), repr(_read(path))
    same = 0
    for place in range(0, len(whole), len(whole) // 150):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            found = repr(_read(path))
        except ValueError as error:
            assert "take an earlier one" in str(error)
        else:
            same += 1  # a date in the archive's table, which nobody reads
            assert found == expected, place
    assert same < 30
    assert ours.history.epochs == 1


def archive(**entries: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **entries)
    return file.getvalue()


def text(content: object) -> np.ndarray:
    return np.frombuffer(json.dumps(content).encode(), dtype=np.uint8)


def plain_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("checkpoint.npy", "no array")
    return file.getvalue()


def lone_array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


class Exploding:
    """Unpickling this ends the process."""

    def __reduce__(self) -> tuple[Callable[[int], None], tuple[int]]:
        return os._exit, (7,)


HEADER = {"format": "TinyTorch checkpoint", "version": 1}
FOREIGN = {
    "text": b"no archive at all",
    "zip": plain_zip(),
    "array": lone_array(),
    "other npz": archive(weights=np.zeros(3)),
    "pickle": archive(checkpoint=np.array([Exploding()], dtype=object)),
    "pickled weights": archive(
        checkpoint=text(
            {**HEADER, "state": {"model": {"of": "file", "array": "w"}, "history": {}}}
        ),
        w=np.array([Exploding()], dtype=object),
    ),
    "no json": archive(checkpoint=np.frombuffer(b"{", dtype=np.uint8)),
    "no dict": archive(checkpoint=text([1, 2])),
    "no state": archive(checkpoint=text(HEADER)),
    "no history": archive(checkpoint=text({**HEADER, "state": {"model": {}}})),
    "wrong history": archive(checkpoint=text({**HEADER, "state": {"history": {"loss": 3}}})),
    "missing array": archive(
        checkpoint=text({**HEADER, "state": {"model": {"of": "file", "array": "w"}, "history": {}}})
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_refused(name: str, tmp_path: Path) -> None:
    ours = saved(path := tmp_path / "foreign.npz")
    path.write_bytes(FOREIGN[name])
    assert "no checkpoint of TinyTorch: take an earlier one" in refused(ours, path)


def test_a_later_or_other_format_is_refused(tmp_path: Path) -> None:
    ours = saved(path := tmp_path / "later.npz")
    for header in ({**HEADER, "version": 2}, {"format": "another", "version": 1}):
        path.write_bytes(archive(checkpoint=text(header)))
        assert "update TinyTorch" in refused(ours, path)


def changed(path: Path, part: str, value: object) -> None:
    """Write the checkpoint again with another state of one part."""
    content = _read(path)
    content[part] = value
    with open(path, "wb") as file:
        np.savez(file, **_encoded({**content, "history": dict(content["history"])}))


@pytest.mark.parametrize("part", ["model", "optimizer", "scheduler", "random"])
@pytest.mark.parametrize("value", [{}, 5, None, [1], {"state": 3, "param_groups": 4}])
def test_a_part_that_does_not_fit_is_refused_as_a_whole(
    part: str, value: object, tmp_path: Path
) -> None:
    ours = saved(path := tmp_path / "part.npz")
    saved(path, seed=2)
    changed(path, part, value)
    assert f"nothing changed: {part}: " in refused(ours, path)


def test_wrong_shapes_are_refused(tmp_path: Path) -> None:
    ours = saved(path := tmp_path / "shape.npz")
    content = _read(path)
    changed(path, "model", {**content["model"], "0.weight": np.zeros((8, 4))})
    assert "0.weight has shape (8, 4), not (4, 8)" in refused(ours, path)
    saved(path)
    kept = content["optimizer"]["state"][0]
    kept["exp_avg"] = kept["exp_avg"].T
    changed(path, "optimizer", content["optimizer"])
    assert "exp_avg of parameter 0 is (8, 4), not (4, 8)" in refused(ours, path)


def test_a_part_that_was_not_saved_is_missed(tmp_path: Path) -> None:
    ours = saved(path := tmp_path / "part.npz")
    save_checkpoint(path, ours.model, ours.optimizer)
    assert refused(ours, path).endswith("holds no scheduler: was it saved without?")
    save_checkpoint(path, ours.model)
    assert "holds no optimizer" in refused(ours, path)
    assert load_checkpoint(path, ours.model) == History()


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_checkpoint(tmp_path / "nowhere", Linear(1, 1))


def test_what_cannot_be_saved_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    ours = saved(path := tmp_path / "kept.npz")
    before = path.read_bytes()
    for wrong in (object(), np.array([object()], dtype=object), {1}, b"bytes"):
        optimizer = StepLR(ours.optimizer, 1)
        optimizer.extra = wrong
        with pytest.raises(TypeError, match="JSON"):
            save_checkpoint(path, ours.model, optimizer)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["kept.npz"]


def test_it_is_written_under_its_name_and_read_by_numpy_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "best"
    ours = saved(path)
    assert os.listdir(path.parent) == ["best"]
    with np.load(path, allow_pickle=False) as entries:
        for name, array in ours.model.state_dict().items():
            np.testing.assert_array_equal(entries[f"model/{name}"], array)
    ours.save_checkpoint(str(path))
    with pytest.raises(OSError, match=r"."):
        ours.save_checkpoint(path / "below a file")


KILLED = """
import os, signal, sys
import numpy as np
from tinytorch.core.layers import Linear
from tinytorch.core.training import save_checkpoint

class Model:
    def state_dict(self):
        return {"first": np.ones(200_000), "last": np.ones(10)}

write = np.lib.format.write_array
def killing(file, array, *rest, **more):
    write(file, array, *rest, **more)
    if len(array) == 200_000:
        os.kill(os.getpid(), signal.SIGKILL)
np.lib.format.write_array = killing
save_checkpoint(sys.argv[1], Model())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_process_killed_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    ours = saved(path := tmp_path / "run.npz")
    before = path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path)], cwd=ROOT, capture_output=True, text=True,
        check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert path.read_bytes() == before
    half = [name for name in os.listdir(tmp_path) if name != "run.npz"]
    assert len(half) == 1
    assert (tmp_path / half[0]).stat().st_size > 100_000
    assert "cut off" in refused(ours, tmp_path / half[0])
    ours.save_checkpoint(path)
    ours.load_checkpoint(path)


def test_the_dtype_and_every_shape_of_a_state_survive(tmp_path: Path) -> None:
    class Model:
        held: dict[str, Any] = {  # noqa: RUF012
            "half": np.ones((2, 0, 3), dtype=np.float16), "none": None, "yes": True, "list": [1, [2.5, "x"]],
            "scalar": np.array(3.0), "number": np.float64(0.1), "whole": np.int8(4), "large": 2**100,
            "file": np.arange(3), "text": np.array(["a", "bc"]), "infinite": float("inf"),
            "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "flag": np.bool_(True),
        }  # fmt: skip

        def state_dict(self) -> dict[str, Any]:
            return self.held

        def load_state_dict(self, state: dict[str, Any]) -> None:
            self.held = state

    first, second = Model(), Model()
    second.held = {}
    save_checkpoint(tmp_path / "x", first)
    load_checkpoint(tmp_path / "x", second)
    assert repr(second.held) == repr(first.held)
    for name, value in first.held.items():
        assert type(second.held[name]) is type(value), name
        assert getattr(second.held[name], "dtype", None) == getattr(value, "dtype", None)
