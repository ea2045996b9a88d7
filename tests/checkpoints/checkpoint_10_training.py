"""Can I build complete training loops for end-to-end learning?

A network learns from batches and is judged on examples it never saw; a group of batches does what
one large batch does; the best epoch is kept; and a run that was saved goes on to the last bit.
"""

import math
import os
import sys
import tempfile

import numpy as np

# Each test imports what it uses: with a part missing, the checkpoint says which test that stops.


def spirals(count, seed):
    """Batches of points on three arms of a spiral, which no straight lines part."""
    from tinytorch.core.tensor import Tensor

    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 3, count)
    radius = rng.uniform(0.2, 1.0, count)
    angle = radius * 4 + classes * 2 * math.pi / 3 + 0.15 * rng.standard_normal(count)
    points = 2 * radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return [(Tensor(points[i : i + 32]), classes[i : i + 32]) for i in range(0, count, 32)]


def a_trainer(seed, p=0.0, **settings):
    """A network for the spirals, with Adam and a schedule over twelve epochs."""
    from tinytorch.core.layers import Dropout, Linear, Sequential
    from tinytorch.core.losses import CrossEntropyLoss
    from tinytorch.core.optimizers import Adam, CosineAnnealingLR
    from tinytorch.core.tensor import manual_seed
    from tinytorch.core.training import Accuracy, Trainer

    manual_seed(seed)

    def bend(x):
        return x.clip(0.0, None)

    model = Sequential(Linear(2, 48), bend, Dropout(p), Linear(48, 48), bend, Linear(48, 3))
    optimizer = Adam(model.parameters(), lr=0.03)
    schedule = CosineAnnealingLR(optimizer, T_max=12)
    return Trainer(model, optimizer, CrossEntropyLoss(), [Accuracy()], schedule, **settings)


def test_it_learns_and_is_judged_on_new_examples():
    """Three spirals are told apart, and the best epoch is the one in the file."""
    from tinytorch.core.training import compute_confusion_matrix, evaluate_model, load_checkpoint

    trainer, validation = a_trainer(0), spirals(240, seed=2)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "best.npz")
        history = trainer.fit(
            spirals(960, seed=1), validation, epochs=12, save_best=path, verbose=False
        )
        best = a_trainer(9).model
        load_checkpoint(path, best)
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    assert all(rate > later for rate, later in zip(history["lr"], history["lr"][1:], strict=False))
    found = evaluate_model(best, validation)
    np.testing.assert_allclose(found["loss"], min(history["val_loss"]), rtol=1e-5)
    assert found["accuracy"] > 0.93
    table = compute_confusion_matrix(best, validation)
    truths = np.concatenate([targets for _, targets in validation])
    assert table.sum(axis=1).tolist() == np.bincount(truths).tolist()
    np.testing.assert_allclose(np.trace(table) / 240, found["accuracy"])


def test_evaluation_gives_known_values_and_changes_nothing():
    """Loss, accuracy and accuracy by class are those computed by hand, dropout switched off."""
    from tinytorch.core.layers import Dropout
    from tinytorch.core.tensor import Tensor
    from tinytorch.core.training import evaluate_model

    layer = Dropout(0.5)
    scores = math.log(3.0) * np.eye(2)  # the right class has probability 3/4, the other 1/4
    data = [(Tensor(scores), np.array([0, 1])), (Tensor(scores[:1]), np.array([1]))]
    found = evaluate_model(layer, data)
    np.testing.assert_allclose(found["loss"], (2 * math.log(4 / 3) + math.log(4)) / 3, rtol=1e-5)
    np.testing.assert_allclose(found["accuracy"], 2 / 3)
    assert found["class_accuracy"] == [1.0, 0.5]
    assert layer.training


def test_a_group_of_batches_is_one_large_batch():
    """Batches of unequal size, accumulated, give the weights and the loss of one large batch."""
    from tinytorch.core.tensor import cat

    batches = spirals(70, seed=3)  # 32, 32 and 6 examples
    whole = cat([x for x, _ in batches]), np.concatenate([targets for _, targets in batches])
    runs = []
    for data, steps in ((batches, 3), ([whole], 1)):
        trainer = a_trainer(4, accumulation_steps=steps, max_grad_norm=0.05)
        history = trainer.fit(data, epochs=3, verbose=False)
        runs.append((history["loss"], trainer.model.state_dict()))
        total = sum(float((p.grad**2).sum()) for p in trainer.model.parameters())
        np.testing.assert_allclose(math.sqrt(total), 0.05, rtol=1e-3)
    np.testing.assert_allclose(runs[0][0], runs[1][0], rtol=1e-4)
    for name, array in runs[0][1].items():
        np.testing.assert_allclose(array, runs[1][1][name], rtol=1e-2, atol=1e-4)


def test_a_saved_run_goes_on_as_if_it_had_not_stopped():
    """Losses and weights of a resumed run are equal to the last bit, with dropout and all."""
    from tinytorch.core.tensor import manual_seed

    data, validation = spirals(96, seed=5), spirals(32, seed=6)
    whole, first, second = a_trainer(7, 0.3), a_trainer(7, 0.3), a_trainer(8, 0.3)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "run.npz")
        for trainer, epochs in ((whole, 6), (first, 3)):
            manual_seed(1)
            trainer.fit(data, validation, epochs=epochs, verbose=False)
        first.save_checkpoint(path)
        manual_seed(2)
        second.load_checkpoint(path)
        second.fit(data, validation, epochs=6, verbose=False)
        for name in ("loss", "val_loss", "accuracy", "lr"):
            assert second.history[name] == whole.history[name], name
        for name, array in whole.model.state_dict().items():
            np.testing.assert_array_equal(second.model.state_dict()[name], array)
        with open(path, "rb+") as file:
            file.truncate(os.path.getsize(path) // 2)
        before = second.model.state_dict()
        try:
            second.load_checkpoint(path)
        except ValueError as error:
            assert str(error)
        else:
            raise AssertionError("half a checkpoint must be refused")
        for name, array in second.model.state_dict().items():
            np.testing.assert_array_equal(array, before[name])


def test_training_stops_when_nothing_gets_better():
    """With validation labels that are wrong, it stops early, and the file holds an early epoch."""
    from tinytorch.core.training import load_checkpoint

    wrong = [(points, (targets + 1) % 3) for points, targets in spirals(64, seed=1)]
    trainer, train = a_trainer(0), spirals(320, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "best.npz")
        history = trainer.fit(train, wrong, 12, path, early_stopping_patience=2, verbose=False)
        saved = load_checkpoint(path, trainer.model)
    best = int(np.argmin(history["val_loss"]))
    assert (history.epochs, saved.epochs) == (best + 3, best + 1)
    assert history.epochs < 12
    assert history["loss"][-1] < history["loss"][0]


def test_memory_does_not_grow_with_the_data():
    """Training and evaluation need the memory of one batch, however many there are."""
    import tracemalloc

    from tinytorch.core.training import evaluate_model

    trainer, peaks = a_trainer(0), []
    few, many = spirals(64, seed=1), spirals(64, seed=1) * 20
    trainer.fit(few, epochs=1, verbose=False)
    for data in (few, many):
        tracemalloc.start()
        evaluate_model(trainer.model, data)
        trainer.run_epoch(data)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


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
