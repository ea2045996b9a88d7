"""Can I build complete multi-layer neural networks?

Networks of several layers are given weights whose outputs and losses are known by hand; a better
network gets a smaller loss; and random changes, kept when the loss falls, find one that computes
exclusive or. Gradients are not needed for it, only a loss that can be trusted.
"""

import math
import sys
from itertools import pairwise

import numpy as np

# Each test imports what it uses: with a part missing, the checkpoint says which test that stops.

TABLE = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
EXCLUSIVE_OR = [[0.0], [1.0], [1.0], [0.0]]


def three_layers():
    """A network of three layers with weights set by hand: scores of two classes."""
    from tinytorch.core.activations import LeakyReLU, ReLU
    from tinytorch.core.layers import Linear, Sequential

    model = Sequential(Linear(2, 3), ReLU(), Linear(3, 2), LeakyReLU(0.5), Linear(2, 2))
    model[0].weight.data[...] = [[1.0, 0.0, -1.0], [0.0, 1.0, 1.0]]
    model[0].bias.data[...] = [0.0, 1.0, 0.0]
    model[2].weight.data[...] = [[1.0, -1.0], [0.0, 1.0], [2.0, 0.0]]
    model[2].bias.data[...] = [-1.0, 0.0]
    model[4].weight.data[...] = [[1.0, 0.0], [0.0, 2.0]]
    model[4].bias.data[...] = [0.0, 1.0]
    return model


def test_a_network_of_three_layers_has_the_known_loss():
    """A network of three layers gives the scores and the losses computed by hand."""
    from tinytorch.core.losses import CrossEntropyLoss, L1Loss, MSELoss
    from tinytorch.core.tensor import Tensor

    # (1, 2) → (1, 3, 1) → (2, 2) → (2, 5); (3, 0) → (3, 1, 0) → (2, -1) → (2, -1)
    scores = three_layers()(Tensor([[1.0, 2.0], [3.0, 0.0]]))
    assert scores.tolist() == [[2.0, 5.0], [2.0, -1.0]]
    expected = [math.log1p(math.exp(-3.0)), 3 + math.log1p(math.exp(-3.0))]
    classes = np.array([1, 1])
    each = CrossEntropyLoss("none")(scores, classes)
    np.testing.assert_allclose(each.data, expected, rtol=1e-5)
    loss = CrossEntropyLoss()(scores, classes)
    assert loss.shape == ()
    np.testing.assert_allclose(loss.item(), sum(expected) / 2, rtol=1e-5)
    target = Tensor([[2.0, 3.0], [0.0, 1.0]])
    assert MSELoss()(scores, target).item() == 3.0
    assert MSELoss("sum")(scores, target).item() == 12.0
    assert L1Loss()(scores, target).item() == 1.5


def test_a_better_network_has_a_smaller_loss():
    """From a network that is wrong to one that is right, every step lowers every loss."""
    from tinytorch.core import losses
    from tinytorch.core.activations import LogSoftmax, ReLU, Sigmoid
    from tinytorch.core.layers import Linear, Sequential
    from tinytorch.core.tensor import Tensor, cat

    hidden = Sequential(Linear(2, 2), ReLU())
    hidden[0].weight.data[...] = [[1.0, 1.0], [1.0, 1.0]]
    hidden[0].bias.data[...] = [0.0, -1.0]
    last = Linear(2, 1)
    classes = np.array(EXCLUSIVE_OR, dtype=np.int64).ravel()
    ladder = []
    for certainty in (-8.0, -4.0, -2.0, 0.0, 2.0, 4.0, 8.0):
        # The score is certainty times +1/2 for exclusive or, and times -1/2 for the rest.
        last.weight.data[...] = [[certainty], [-2 * certainty]]
        last.bias.data[...] = [-certainty / 2]
        score = last(hidden(Tensor(TABLE)))
        both = cat([-score / 2, score / 2], axis=1)
        p = Sigmoid()(score)
        found = {
            "MSELoss": losses.MSELoss()(p, EXCLUSIVE_OR),
            "L1Loss": losses.L1Loss()(p, EXCLUSIVE_OR),
            "BCELoss": losses.BCELoss()(p, EXCLUSIVE_OR),
            "BCEWithLogitsLoss": losses.BCEWithLogitsLoss()(score, EXCLUSIVE_OR),
            "CrossEntropyLoss": losses.CrossEntropyLoss()(both, classes),
            "NLLLoss": losses.NLLLoss()(LogSoftmax()(both), classes),
        }
        ladder.append({name: loss.item() for name, loss in found.items()})
        surprise = math.log1p(math.exp(-certainty / 2))
        for name in list(found)[2:]:
            np.testing.assert_allclose(ladder[-1][name], surprise, rtol=1e-4, err_msg=name)
    for name in ladder[0]:
        values = [found[name] for found in ladder]
        assert all(after < before for before, after in pairwise(values)), f"{name}: {values}"
        assert 0 <= values[-1] < 0.02, f"{name}: {values}"


def test_losses_of_an_overconfident_network_stay_finite():
    """Scores of ±1000 have exact losses: no infinity, no nan, no overflow."""
    from tinytorch.core.layers import Linear
    from tinytorch.core.losses import BCEWithLogitsLoss, CrossEntropyLoss
    from tinytorch.core.tensor import Tensor

    layer = Linear(1, 2, bias=False)
    layer.weight.data[...] = [[1000.0, -1000.0]]
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        scores = layer(Tensor([[1.0], [-1.0]]))
        each = CrossEntropyLoss("none")(scores, np.array([0, 0]))
        assert each.tolist() == [0.0, 2000.0]
        each = BCEWithLogitsLoss("none")(scores, [[1.0, 0.0], [1.0, 0.5]])
        assert each.tolist() == [[0.0, 0.0], [1000.0, 500.0]]


def test_a_comparison_that_makes_no_sense_is_refused():
    """Shapes that fit only by broadcasting and classes that do not exist are refused."""
    from tinytorch.core import losses
    from tinytorch.core.layers import Linear
    from tinytorch.core.tensor import Tensor

    answers = Linear(2, 1)(Tensor(TABLE)).clip(0.0, 1.0)
    for kind in (losses.MSELoss, losses.L1Loss, losses.BCELoss, losses.BCEWithLogitsLoss):
        message = "it was accepted"
        try:
            kind()(answers, Tensor([0.0, 1.0, 1.0, 0.0]))
        except ValueError as error:
            message = str(error)
        assert "(4, 1)" in message, f"{kind.__name__}: {message}"
        assert "(4,)" in message, f"{kind.__name__}: {message}"
    for kind in (losses.CrossEntropyLoss, losses.NLLLoss):
        message = "it was accepted"
        try:
            kind()(three_layers()(Tensor(TABLE)), np.array([0, 1, 2, 0]))
        except IndexError as error:
            message = str(error)
        assert "class 2" in message, f"{kind.__name__}: {message}"


def search(model, loss_of, steps, seed):
    """Change every parameter a little at random; keep the change if the loss falls."""
    random = np.random.default_rng(seed)
    parameters = list(model.parameters())
    best = loss_of(model).item()
    for _ in range(steps):
        before = [parameter.data.copy() for parameter in parameters]
        for parameter in parameters:
            parameter.data += random.normal(0.0, 0.3, parameter.shape).astype(np.float32)
        loss = loss_of(model).item()
        if loss < best:
            best = loss
            continue
        for parameter, array in zip(parameters, before, strict=True):
            parameter.data[...] = array
    return best


def test_random_changes_find_exclusive_or():
    """A search by trial alone lowers the loss on exclusive or from 0.69 to below 0.05."""
    from tinytorch.core.activations import Tanh
    from tinytorch.core.layers import Linear, Sequential
    from tinytorch.core.losses import BCEWithLogitsLoss
    from tinytorch.core.tensor import Tensor, manual_seed

    manual_seed(0)
    model = Sequential(Linear(2, 4), Tanh(), Linear(4, 1))
    x, target, criterion = Tensor(TABLE), Tensor(EXCLUSIVE_OR), BCEWithLogitsLoss()

    def loss_of(model):
        return criterion(model(x), target)

    before = loss_of(model).item()
    assert 0.6 < before < 0.9, before
    after = search(model, loss_of, steps=500, seed=4)
    assert after < 0.05, f"the loss fell from {before} to {after} only"
    assert loss_of(model).item() == after
    answers = (model(x) > 0).tolist()
    assert answers == [[False], [True], [True], [False]]


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
