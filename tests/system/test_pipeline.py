"""From data to a trained and measured network, as a user of the whole framework does it."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.conftest import ROOT

EXAMPLES = ROOT / "examples"
pytestmark = pytest.mark.slow


def example(name: str) -> ModuleType:
    """A script of examples/, loaded without running it."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(name: str, *options: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The script as a user starts it, in a folder of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLCONFIGDIR": str(folder)}
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *options]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("seed", range(5))
def test_xor_is_learned(seed: int) -> None:
    xor = example("xor")
    model, losses = xor.train(seed)
    assert xor.predict(model) == [0, 1, 1, 0]
    assert losses[-1] < 0.05 < losses[0]


def test_the_xor_script_says_what_it_learned(tmp_path: Path) -> None:
    done = run("xor", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("right") == 4
    assert "accuracy: 100%" in done.stdout


@pytest.mark.parametrize(("name", "least"), [("mlp", 0.96), ("cnn", 0.98)])
def test_digits_are_read(name: str, least: float) -> None:
    if os.environ.get("CI") != "true":
        pytest.importorskip("sklearn")
    digits = example("digits")
    with digits.use_kernels():
        reached = [digits.train(name, seed, verbose=False)[2] for seed in range(5)]
    assert len(set(reached)) > 1, "five seeds, five networks"
    assert np.mean(reached) >= least, reached


def test_cifar10_trains_saves_resumes_and_draws(tmp_path: Path) -> None:
    """Stopped by Ctrl-C after its first epoch, it goes on with the second."""
    settings = ["--synthetic", "--images", "500", "--epochs", "2", "--seed", "3"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLCONFIGDIR": str(tmp_path)}
    command = [sys.executable, "-u", str(EXAMPLES / "demo_cifar10_training.py"), *settings]
    started = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert started.stdout is not None
    assert started.stdout.readline().startswith("epoch 1/2  loss ")
    started.send_signal(signal.SIGINT)
    _, complained = started.communicate()
    assert started.returncode == 1
    assert "--resume" in complained
    assert "Traceback" not in complained
    output = tmp_path / "runs" / "cifar10"
    assert {path.name for path in output.iterdir()} == {"latest.npz", "best.npz"}

    resumed = run("demo_cifar10_training", *settings, "--resume", folder=tmp_path)
    assert (resumed.returncode, resumed.stderr) == (0, "")
    assert "going on after epoch 1" in resumed.stdout
    assert resumed.stdout.count("epoch 2/2") == 1
    assert "epoch 1/2" not in resumed.stdout
    accuracy = re.search(r"test accuracy of the best epoch: ([\d.]+)%", resumed.stdout)
    assert accuracy is not None
    assert float(accuracy[1]) > 30  # a guess is right in 10 %
    if importlib.util.find_spec("matplotlib"):
        assert (output / "history.png").read_bytes().startswith(b"\x89PNG")
    else:
        assert "pip install matplotlib" in resumed.stdout

    longer = run("demo_cifar10_training", *settings, "--epochs", "3", "--resume", folder=tmp_path)
    assert longer.returncode == 1
    assert "begin anew" in longer.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--epochs", "0"], "at least 1 epoch"),
        (["--resume"], "latest.npz to resume"),
        (["--lr", "much"], "invalid float value"),
    ],
)
def test_wrong_options_are_told(tmp_path: Path, options: list[str], said: str) -> None:
    done = run("demo_cifar10_training", "--synthetic", *options, folder=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_download_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYTORCH_CIFAR10_URL", "http://127.0.0.1:9/cifar-10-binary.tar.gz")
    done = run("demo_cifar10_training", folder=tmp_path)
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr


def test_memory_stays_flat_over_epochs(tmp_path: Path) -> None:
    """What an epoch takes at most, and what is left after it, is the same in each."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        demo = example("demo_cifar10_training")
        folder = example("synthetic_cifar10").make_folder(tmp_path, train=300, test=20)
    finally:
        sys.path.remove(str(EXAMPLES))
    training, validation, _ = demo.make_loaders(folder, batch_size=32, seed=0)
    trainer = demo.make_trainer(epochs=6, updates=len(training), rate=0.05)
    most, left = [], []
    tracemalloc.start()
    try:
        with demo.use_kernels():
            for epoch in range(1, 7):
                tracemalloc.reset_peak()
                trainer.fit(training, validation, epochs=epoch, verbose=False)
                now, peak = tracemalloc.get_traced_memory()
                most.append(peak)
                left.append(now)
    finally:
        tracemalloc.stop()
    assert max(most[2:]) < 1.02 * min(most[2:]), most
    assert max(left[1:]) < 1.02 * min(left[1:]), left
    assert left[-1] < most[-1] / 2  # the graph of a step is gone after it
