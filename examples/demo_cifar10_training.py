"""CIFAR-10 from the archive to a measured network: the course's north star.

    python examples/demo_cifar10_training.py                            the recipe: 12 epochs
    python examples/demo_cifar10_training.py --synthetic --epochs 2     drawn data, a minute
    python examples/demo_cifar10_training.py --resume                   go on where it stopped

Needs modules 01 to 10. The guide, docs/cifar10-training-guide.md, says what to expect.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

# One thread of BLAS: with more, the matrix products of one image block take longer, not shorter.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from tinytorch import (
    SGD,
    Accuracy,
    BatchNorm2d,
    CIFAR10Dataset,
    Compose,
    Conv2d,
    CrossEntropyLoss,
    DataLoader,
    Flatten,
    Linear,
    MaxPool2d,
    Normalize,
    OneCycleLR,
    RandomCrop,
    RandomHorizontalFlip,
    ReLU,
    Sequential,
    Subset,
    Trainer,
    compute_confusion_matrix,
    download_cifar10,
    evaluate_model,
    load_checkpoint,
    manual_seed,
    plot_training_history,
    use_kernels,
)

# Of the training images, each channel by itself.
MEAN, DEVIATION = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


def make_model() -> Sequential:
    """Images (N, 3, 32, 32) → scores (N, 10): three blocks of two convolutions, 308,000 weights."""

    def layer(channels_in: int, channels: int) -> tuple[Conv2d, BatchNorm2d, ReLU]:
        convolution = Conv2d(channels_in, channels, 3, padding=1, bias=False)
        return convolution, BatchNorm2d(channels), ReLU()

    def block(channels_in: int, channels: int) -> tuple[object, ...]:
        return *layer(channels_in, channels), *layer(channels, channels), MaxPool2d(2)

    body = [*block(3, 32), *block(32, 64), *block(64, 128)]
    return Sequential(*body, Flatten(), Linear(128 * 4 * 4, 10))


def make_loaders(
    folder: str, batch_size: int, seed: int
) -> tuple[DataLoader, DataLoader, DataLoader]:
    """To train on, to choose the best epoch by, and to measure once at the end.

    Every tenth training image is kept for choosing. The test images decide nothing.
    """
    plain = Normalize(MEAN, DEVIATION)
    changed = Compose([RandomHorizontalFlip(), RandomCrop(32, padding=4), plain])
    train = CIFAR10Dataset(folder, train=True, transform=changed)
    as_it_is = CIFAR10Dataset(folder, train=True, transform=plain)
    order = np.random.default_rng(seed).permutation(len(train))
    chosen, rest = order[: len(train) // 10], order[len(train) // 10 :]
    test = CIFAR10Dataset(folder, train=False, transform=plain)
    return (
        DataLoader(Subset(train, rest), batch_size, shuffle=True, seed=seed, prefetch=2),
        DataLoader(Subset(as_it_is, chosen), 256),
        DataLoader(test, 256),
    )


def make_trainer(epochs: int, updates: int, rate: float) -> Trainer:
    """The recipe: Nesterov's momentum, weight decay, and one cycle of the learning rate."""
    model = make_model()
    optimizer = SGD(model.parameters(), lr=rate, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = OneCycleLR(optimizer, rate, total_steps=epochs * updates, cycle_momentum=False)
    return Trainer(model, optimizer, CrossEntropyLoss(), [Accuracy()], schedule)


def train(options: argparse.Namespace, folder: str) -> None:
    """Train, keep the best and the latest state, measure the best, draw the history."""
    manual_seed(options.seed)
    training, validation, test = make_loaders(folder, options.batch_size, options.seed)
    trainer = make_trainer(options.epochs, len(training), options.lr)
    latest, best = options.output / "latest.npz", options.output / "best.npz"
    if options.resume:
        trainer.load_checkpoint(latest)
        planned = trainer.scheduler.total_steps
        if planned != options.epochs * len(training):
            asked = options.epochs * len(training)
            sys.exit(
                f"✗ {latest} is of a run of {planned} updates, and these options make {asked}.\n"
                "  One cycle of the learning rate cannot be made longer: give the options of that "
                "run, or begin anew with another --output"
            )
        print(f"{latest}: going on after epoch {trainer.history.epochs}")
    trainer.fit(training, validation, options.epochs, save_best=best, save_last=latest)

    load_checkpoint(best, trainer.model)
    found = evaluate_model(trainer.model, test)
    print(f"\ntest accuracy of the best epoch: {found['accuracy']:.2%}")
    for name, share in zip(CIFAR10Dataset.classes, found["class_accuracy"], strict=True):
        print(f"  {name:<10} {share:6.1%}")
    matrix = compute_confusion_matrix(trainer.model, test, num_classes=10)
    wrong = matrix - np.diag(np.diag(matrix))
    if wrong.any():
        true, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
        names = CIFAR10Dataset.classes
        print(f"most often mistaken: {names[true]} for {names[predicted]}, {wrong.max()} times")
    picture = options.output / "history.png"
    try:
        plot_training_history(trainer.history, picture)
        print(f"the losses and the accuracy over the epochs: {picture}")
    except ImportError as error:
        print(error)


def data_folder(options: argparse.Namespace) -> str:
    """The folder of the data, downloaded or drawn if it is not there yet."""
    if not options.synthetic:
        return download_cifar10(options.data)
    from synthetic_cifar10 import make_folder

    folder = options.data / "synthetic"
    return make_folder(folder, train=options.images, test=max(10, options.images // 5))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a convolutional network on CIFAR-10.")
    parser.add_argument("--epochs", type=int, default=12, help="in all, resumed ones included")
    parser.add_argument("--batch-size", type=int, help="default: 128; of drawn images 64")
    parser.add_argument(
        "--lr", type=float, help="the highest; default: 0.1, with drawn images 0.02"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=Path("data"), help="where the data lies")
    parser.add_argument("--output", type=Path, default=Path("runs/cifar10"), help="what is written")
    parser.add_argument("--resume", action="store_true", help="go on after OUTPUT/latest.npz")
    parser.add_argument("--synthetic", action="store_true", help="drawn data, no download")
    parser.add_argument("--images", type=int, default=2000, help="how many to draw (default: 2000)")
    options = parser.parse_args()
    # A few images make few updates: smaller batches make more, and need smaller steps.
    batch_size, rate = (64, 0.02) if options.synthetic else (128, 0.1)
    options.batch_size = batch_size if options.batch_size is None else options.batch_size
    options.lr = rate if options.lr is None else options.lr
    if options.epochs < 1 or options.batch_size < 2 or options.images < 50:
        parser.error("at least 1 epoch, 2 images in a batch, and 50 images to draw")
    if options.resume and not (options.output / "latest.npz").is_file():
        parser.error(f"there is no {options.output / 'latest.npz'} to resume")
    return options


def main() -> None:
    options = read_options()
    options.output.mkdir(parents=True, exist_ok=True)
    try:
        with use_kernels():
            train(options, data_folder(options))
    except KeyboardInterrupt:
        sys.exit("\nStopped. The same command with --resume goes on after the last whole epoch.")
    except (OSError, ValueError) as error:  # the network, a full disk, a file that is no checkpoint
        sys.exit(f"✗ {error}")


if __name__ == "__main__":
    main()
