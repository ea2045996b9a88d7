"""Handwritten digits, 8 by 8 pixels: from arrays to a trained and measured network.

    python examples/digits.py                 a convolutional network
    python examples/digits.py --model mlp     two linear layers
    python examples/digits.py --seeds 5       five times, and the mean

Needs modules 01 to 10, and scikit-learn for the 1,797 images: pip install scikit-learn
"""

from __future__ import annotations

import argparse
import os
import sys

# One thread of BLAS: with more, the small matrix products here take longer, not shorter.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from tinytorch import (
    Accuracy,
    AdamW,
    BatchNorm2d,
    Conv2d,
    CrossEntropyLoss,
    DataLoader,
    DigitsDataset,
    Dropout,
    Flatten,
    History,
    Linear,
    MaxPool2d,
    OneCycleLR,
    ReLU,
    Sequential,
    Trainer,
    evaluate_model,
    manual_seed,
    random_split,
    use_kernels,
)

BATCH = 64
EPOCHS = {"mlp": 20, "cnn": 12}


def load_digits() -> DigitsDataset:
    """The images and their classes. They come with scikit-learn; nothing is downloaded."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        sys.exit("This example needs scikit-learn for its images: pip install scikit-learn")
    digits = load_digits()
    return DigitsDataset(digits.images, digits.target)


def make_model(name: str) -> Sequential:
    """Images (N, 1, 8, 8) → scores (N, 10)."""
    if name == "mlp":
        return Sequential(Flatten(), Linear(64, 128), ReLU(), Linear(128, 10))

    def layer(channels_in: int, channels: int) -> tuple[Conv2d, BatchNorm2d, ReLU]:
        convolution = Conv2d(channels_in, channels, 3, padding=1, bias=False)
        return convolution, BatchNorm2d(channels), ReLU()

    body = [*layer(1, 16), *layer(16, 32), MaxPool2d(2), *layer(32, 64), MaxPool2d(2)]
    return Sequential(*body, Flatten(), Dropout(0.3), Linear(64 * 2 * 2, 10))


def train(name: str, seed: int, *, verbose: bool = True) -> tuple[Sequential, History, float]:
    """The model, its history, and the share of right answers on images it never saw."""
    manual_seed(seed)
    digits = load_digits()
    held_out = len(digits) // 5
    train_set, test_set = random_split(digits, [len(digits) - held_out, held_out], seed=seed)
    loader = DataLoader(train_set, batch_size=BATCH, shuffle=True)
    model = make_model(name)
    optimizer = AdamW(model.parameters(), lr=1e-3)
    steps = EPOCHS[name] * len(loader)
    schedule = OneCycleLR(optimizer, max_lr=5e-3, total_steps=steps)
    trainer = Trainer(model, optimizer, CrossEntropyLoss(), [Accuracy()], schedule)
    history = trainer.fit(loader, epochs=EPOCHS[name], verbose=verbose)
    accuracy = evaluate_model(model, DataLoader(test_set, batch_size=256))["accuracy"]
    return model, history, accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a network on scikit-learn's digits.")
    parser.add_argument("--model", choices=sorted(EPOCHS), default="cnn")
    parser.add_argument("--seed", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds (default: 1)")
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error("--seeds must be at least 1")
    reached = []
    with use_kernels():
        for seed in range(options.seed, options.seed + options.seeds):
            _, _, accuracy = train(options.model, seed, verbose=options.seeds == 1)
            reached.append(accuracy)
            print(f"seed {seed}: {accuracy:.2%} of the test images are right")
    if len(reached) > 1:
        print(f"mean of {len(reached)} seeds: {sum(reached) / len(reached):.2%}")


if __name__ == "__main__":
    main()
