"""Can I prevent overfitting and build robust models?

A network that is too large for its data learns it by heart. Weight decay, dropout, augmentation
and early stopping are switched on one at a time, and each must help on examples it has not seen.
"""

import os
import sys
import tempfile

import numpy as np

# Each test imports what it uses: with a part missing, the checkpoint says which test that stops.


def pictures(count, seed, move=0, noise=0.7, wrong=0.0):
    """Noisy pictures (1, 8, 8) of four classes, moved by up to `move` pixels, some labels wrong."""
    from tinytorch.core.dataloader import TensorDataset

    random = np.random.default_rng(seed)
    shapes = np.zeros((4, 12, 12))
    shapes[:, 4:8, 4:8] = np.random.default_rng(5).choice([-1.0, 1.0], (4, 4, 4))
    classes = np.arange(count) % 4
    corners = 2 + random.integers(-move, move + 1, (count, 2))
    images = [shapes[k, r : r + 8, c : c + 8] for k, (r, c) in zip(classes, corners, strict=True)]
    images = np.stack(images)[:, None] + noise * random.standard_normal((count, 1, 8, 8))
    lies = random.random(count) < wrong
    labels = np.where(lies, random.integers(0, 4, count), classes)
    return TensorDataset(images.astype(np.float32), labels)


def trained(training, epochs, dropout=0.0, decay=0.0, width=128, **settings):
    """A trained network, and the trainer that holds its history."""
    from tinytorch.core.activations import ReLU
    from tinytorch.core.dataloader import DataLoader
    from tinytorch.core.layers import Dropout, Flatten, Linear, Sequential
    from tinytorch.core.losses import CrossEntropyLoss
    from tinytorch.core.optimizers import AdamW
    from tinytorch.core.tensor import manual_seed
    from tinytorch.core.training import Accuracy, Trainer

    manual_seed(0)
    model = Sequential(Flatten(), Linear(64, width), ReLU(), Dropout(dropout), Linear(width, 4))
    optimizer = AdamW(model.parameters(), lr=0.01, weight_decay=decay)
    trainer = Trainer(model, optimizer, CrossEntropyLoss(), metrics=[Accuracy()])
    loader = DataLoader(training, 16, shuffle=True, seed=1, prefetch=1)
    trainer.fit(loader, epochs=epochs, verbose=False, **settings)
    return trainer


def measured(trainer, dataset):
    """Loss and accuracy on a dataset, twice the same."""
    from tinytorch.core.dataloader import DataLoader
    from tinytorch.core.training import evaluate_model

    first, second = (evaluate_model(trainer.model, DataLoader(dataset, 100)) for _ in range(2))
    assert first == second
    return first["loss"], first["accuracy"]


def test_a_large_network_learns_its_examples_by_heart():
    """Labels that mean nothing are learned all the same, and nothing is known about new examples."""
    nonsense = pictures(64, seed=1, wrong=1.0)
    trainer = trained(nonsense, epochs=40)
    assert measured(trainer, nonsense)[1] == 1.0
    loss, accuracy = measured(trainer, pictures(400, seed=2, wrong=1.0))
    assert 0.15 < accuracy < 0.35
    assert loss > 2 * np.log(4)


def test_what_is_put_aside_is_not_learned_from():
    """A split and the batches of an epoch show each example once, in a new order each time."""
    from tinytorch.core.dataloader import DataLoader, random_split

    whole = pictures(60, seed=1)
    keys = lambda dataset: {dataset[i][0].data.tobytes() for i in range(len(dataset))}  # noqa: E731
    training, aside = random_split(whole, [45, 15], seed=0)
    assert keys(training).isdisjoint(keys(aside))
    assert keys(training) | keys(aside) == keys(whole)
    loader, orders = DataLoader(training, 8, shuffle=True, seed=3, prefetch=2), []
    for _ in range(2):
        orders.append([image.tobytes() for x, _ in loader for image in x.data])
        assert len(orders[-1]) == 45
        assert set(orders[-1]) == keys(training)
    assert orders[0] != orders[1]


def test_weight_decay_keeps_the_weights_small():
    """Weights that must be paid for stay small, and the loss on new examples is lower."""
    examples, unseen = pictures(64, seed=1, wrong=0.25), pictures(800, seed=2)
    sizes, losses = [], []
    for decay in (0.0, 3.0):
        trainer = trained(examples, epochs=30, decay=decay)
        sizes.append(sum(float((p.data**2).sum()) for p in trainer.model.parameters()))
        losses.append(measured(trainer, unseen)[0])
    assert sizes[1] < 0.5 * sizes[0]
    assert losses[1] < 0.9 * losses[0]


def test_dropout_makes_a_network_rely_on_many():
    """With half of the hidden layer missing at random, the loss on new examples is lower."""
    examples, unseen = pictures(64, seed=1, wrong=0.25), pictures(800, seed=2)
    plain, dropped = (trained(examples, epochs=30, dropout=p) for p in (0.0, 0.8))
    assert measured(dropped, unseen)[0] < 0.9 * measured(plain, unseen)[0]
    assert dropped.history["loss"][-1] > 2 * plain.history["loss"][-1]


def test_augmentation_teaches_what_does_not_matter():
    """Examples moved and mirrored at random: a network knows moved and mirrored ones it never saw."""
    from tinytorch.core.dataloader import Compose, RandomCrop, RandomHorizontalFlip

    moved, mirrored = pictures(400, seed=2, move=2, noise=0.3), pictures(400, seed=3, noise=0.3)
    mirrored.arrays[0] = mirrored.arrays[0][..., ::-1]
    found = []
    for transform in (None, Compose([RandomCrop(8, padding=2), RandomHorizontalFlip()])):
        examples = pictures(64, seed=1, noise=0.3)
        before = examples.arrays[0].copy()
        examples.transform = transform
        trainer = trained(examples, epochs=60)
        assert np.array_equal(examples.arrays[0], before)
        found.append([measured(trainer, new)[1] for new in (moved, mirrored)])
    assert found[0][0] < 0.6 < 0.85 < found[1][0], f"moved: {found[0][0]}, then {found[1][0]}"
    assert found[0][1] < 0.6 < 0.85 < found[1][1], f"mirrored: {found[0][1]}, then {found[1][1]}"


def test_early_stopping_ends_where_it_was_best():
    """Training stops soon after the best epoch, whose weights are kept and are better than the last."""
    from tinytorch.core.dataloader import DataLoader

    examples, unseen = pictures(64, seed=1, wrong=0.25), pictures(800, seed=2)
    validation = DataLoader(pictures(100, seed=4), 50)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "best.npz")
        trainer = trained(
            examples, 60, validation=validation, save_best=path, early_stopping_patience=4
        )
        losses = trainer.history["val_loss"]
        assert len(losses) == np.argmin(losses) + 1 + 4 < 60
        trainer.load_checkpoint(path)
    assert np.isclose(trainer.evaluate(validation)["loss"], min(losses))
    to_the_end = trained(examples, 60)
    assert measured(trainer, unseen)[0] < 0.8 * measured(to_the_end, unseen)[0]


def test_it_can_be_done_again():
    """The same seeds give the same losses, with dropout, augmentation and a loader that works ahead."""
    from tinytorch.core.dataloader import RandomHorizontalFlip

    runs = []
    for _ in range(2):
        examples = pictures(64, seed=1)
        examples.transform = RandomHorizontalFlip()
        runs.append(trained(examples, epochs=3, dropout=0.5).history["loss"])
    assert runs[0] == runs[1]


def main():
    """Run the tests in order; stop at the first that fails."""
    tests = [value for name, value in globals().items() if name.startswith("test_")]
    for test in tests:
        try:
            test()
        except Exception as error:
            print(f"✗ {test.__doc__}\n  {test.__name__}: {type(error).__name__}: {error}")
            return 1
        print(f"✓ {test.__doc__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
