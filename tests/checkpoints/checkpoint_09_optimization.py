"""Can I optimize neural networks with sophisticated algorithms?

Steps of every optimizer are compared with known values; a steep valley, where plain descent crawls,
is crossed; networks learn with each of them, also after a break; and clipping tames a wild batch.
"""

import math
import sys

import numpy as np

# Each test imports what it uses: with a part missing, the checkpoint says which test that stops.


def network_and_data():
    """A network and two spirals that no straight line tells apart."""
    from tinytorch.core.layers import Linear, Sequential
    from tinytorch.core.tensor import Tensor, manual_seed

    manual_seed(0)
    model = Sequential(Linear(2, 32), Tensor.abs, Linear(32, 2))
    turns, classes = np.linspace(0.2, 1.0, 60) * 4, np.arange(60) % 2
    angles = turns + math.pi * classes
    points = Tensor(np.stack([turns * np.cos(angles), turns * np.sin(angles)], axis=1) / 4)
    return model, points, classes


def train(model, optimizer, points, classes, steps, schedule=None, scale=None, limit=None):
    """The losses of some steps; at step `n` the loss is multiplied by `scale(n)`."""
    from tinytorch.core.losses import CrossEntropyLoss
    from tinytorch.core.optimizers import clip_grad_norm_

    losses = []
    for step in range(steps):
        optimizer.zero_grad()
        loss = CrossEntropyLoss()(model(points), classes)
        losses.append(loss.item())
        (loss * scale(step) if scale else loss).backward()
        if limit:
            clip_grad_norm_(model.parameters(), limit)
        optimizer.step()
        if schedule:
            schedule.step()
    return losses


def test_steps_have_their_known_values():
    """Three steps of every optimizer end where they must, to nine digits."""
    from tinytorch.core import optimizers
    from tinytorch.core.tensor import Parameter

    for name, settings, expected in (
        ("SGD", {"momentum": 0.5, "nesterov": True}, [1.025, -2.29375]),
        ("SGD", {"momentum": 0.5, "weight_decay": 0.5}, [0.764625, -1.829625]),
        ("RMSprop", {"eps": 0.5}, [1.026032006, -2.227720762]),
        ("Adam", {}, [0.8274177409, -2.006579682]),
        ("Adam", {"betas": (0.5, 0.75), "weight_decay": 0.5, "eps": 0.5}, [0.8803789643, -1.914849867]),
        ("AdamW", {"weight_decay": 0.5}, [0.6992036389, -1.728282165]),
    ):  # fmt: skip
        x = Parameter([1.0, -2.0], dtype=np.float64)
        optimizer = getattr(optimizers, name)([x], lr=0.1, **settings)
        for slope in ([1.0, -0.5], [0.5, 2.0], [-2.0, 0.25]):
            x.grad = np.array(slope)
            optimizer.step()
        np.testing.assert_allclose(x.data, expected, rtol=1e-9, err_msg=f"{name} {settings}")


def test_a_steep_valley_is_crossed():
    """Where plain descent needs thousands of steps, momentum and Adam need some hundred."""
    from tinytorch.core.optimizers import SGD, Adam
    from tinytorch.core.tensor import Parameter, Tensor

    curvature, counts = Tensor([1.0, 1000.0]), []
    for kind, settings in (
        (SGD, {"lr": 0.0019}),
        (SGD, {"lr": 0.0019, "momentum": 0.95}),
        (Adam, {"lr": 0.1}),
    ):
        x, steps, loss = Parameter([1.0, 1.0]), 0, math.inf
        optimizer = kind([x], **settings)
        while loss > 1e-3 and steps < 3000:
            optimizer.zero_grad()
            height = (curvature * x * x).sum() / 2
            height.backward()
            optimizer.step()
            loss, steps = height.item(), steps + 1
        counts.append(steps)
    plain, momentum, adam = counts
    assert plain > 1000
    assert momentum < plain / 3
    assert adam < plain / 3


def test_networks_learn_with_every_optimizer():
    """Two spirals are told apart with each optimizer, with the one-cycle schedule."""
    from tinytorch.core.optimizers import SGD, Adam, AdamW, OneCycleLR, RMSprop

    for kind, lr in ((SGD, 0.3), (RMSprop, 0.02), (Adam, 0.1), (AdamW, 0.1)):
        model, points, classes = network_and_data()
        optimizer = kind(model.parameters(), lr=lr)
        schedule = OneCycleLR(optimizer, lr, 300)
        losses = train(model, optimizer, points, classes, 300, schedule)
        right = (model(points).data.argmax(axis=1) == classes).mean()
        assert right > 0.95, (
            f"{kind.__name__}: {right:.0%} right, losses {losses[0]} to {losses[-1]}"
        )
        assert optimizer.param_groups[0]["lr"] < lr / 1e4


def test_training_goes_on_after_a_break():
    """Parameters, averages and schedule are saved and loaded: the same losses as without a break."""
    from tinytorch.core.optimizers import Adam, CosineAnnealingLR, StepLR

    for schedule_of in (lambda o: CosineAnnealingLR(o, 40), lambda o: StepLR(o, 7, gamma=0.5)):
        runs = []
        for _ in range(2):
            model, points, classes = network_and_data()
            optimizer = Adam(model.parameters(), lr=0.05)
            runs.append((model, optimizer, schedule_of(optimizer)))
        (model, optimizer, schedule), resumed = runs
        train(model, optimizer, points, classes, 20, schedule)
        for old, new in zip(runs[0], resumed, strict=True):
            new.load_state_dict(old.state_dict())
        whole = train(model, optimizer, points, classes, 20, schedule)
        assert whole == train(*resumed[:2], points, classes, 20, resumed[2])
        assert whole[-1] < whole[0]
    cosine = [0.5 + 0.5 * math.cos(math.pi * step / 40) for step in range(41)]
    halves = [0.5 ** (step // 7) for step in range(41)]
    for make, rates in (
        (lambda o: CosineAnnealingLR(o, 40), cosine),
        (lambda o: StepLR(o, 7, gamma=0.5), halves),
    ):
        schedule = make(optimizer := Adam(model.parameters(), lr=1.0))
        for rate in rates:
            np.testing.assert_allclose(optimizer.param_groups[0]["lr"], rate, atol=1e-12)
            schedule.step()


def test_clipping_tames_a_wild_batch():
    """One gradient a million times too large ruins training, unless it is clipped."""
    from tinytorch.core.optimizers import SGD

    ends = []
    for limit in (None, 1.0):
        model, points, classes = network_and_data()
        optimizer = SGD(model.parameters(), lr=0.3, momentum=0.9)
        wild = lambda step: 1e6 if step == 50 else 1.0  # noqa: E731
        ends.append(train(model, optimizer, points, classes, 150, scale=wild, limit=limit)[-1])
    assert not ends[0] < 1.0
    assert ends[1] < 0.3


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
