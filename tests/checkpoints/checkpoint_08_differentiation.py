"""Can I automatically compute gradients for learning?

The gradients of whole computations are compared with values known from calculus and with measured
slopes; a thousand doublings cost a thousand steps; and a classifier learns from its gradients.
"""

import math
import sys

import numpy as np

# Each test imports what it uses: with a part missing, the checkpoint says which test that stops.


def test_known_derivatives():
    """Derivatives known from calculus come out of backward."""
    from tinytorch.core.activations import sigmoid, tanh
    from tinytorch.core.autograd import Variable

    x = Variable([0.5, 2.0])
    (x**3 + (2 * x).exp() / x - x.log()).sum().backward()
    expected = 3 * x.data**2 + np.exp(2 * x.data) * (2 / x.data - 1 / x.data**2) - 1 / x.data
    np.testing.assert_allclose(x.grad, expected, rtol=1e-5)
    y = Variable(math.log(3.0))
    (sigmoid(y) + tanh(y)).backward()  # 0.75 * 0.25 and 1 - 0.8**2
    np.testing.assert_allclose(y.grad, 0.1875 + 0.36, rtol=1e-5)


def test_shapes_fit_whatever_was_broadcast():
    """A bias used in every row, a column, and a matrix shared by a batch get their own shapes."""
    from tinytorch.core.autograd import Variable
    from tinytorch.core.tensor import Tensor

    weight, bias, scale = Variable(np.ones((3, 2))), Variable([0.0, 1.0]), Variable([[2.0], [3.0]])
    x = Tensor(np.arange(12.0).reshape(2, 2, 3))
    ((x @ weight + bias) * scale).sum().backward()
    assert bias.grad.tolist() == [10.0, 10.0]
    assert scale.grad.tolist() == [[50.0], [86.0]]
    assert weight.grad.tolist() == [[48.0, 48.0], [58.0, 58.0], [68.0, 68.0]]


def test_every_kind_of_operation_agrees_with_measured_slopes():
    """Activations, reductions, shapes and losses agree with slopes measured by small steps."""
    from tinytorch.core.activations import gelu, leaky_relu, log_softmax, relu, softmax
    from tinytorch.core.autograd import grad_check
    from tinytorch.core.losses import BCEWithLogitsLoss, CrossEntropyLoss, MSELoss
    from tinytorch.core.tensor import Tensor, cat, stack, where

    x = np.array([[0.4, -1.3, 2.2], [-0.7, 0.9, 1.6]])
    truths = Tensor([[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]], dtype=np.float64)
    functions = [
        *(lambda t, f=f: f(t) for f in (relu, leaky_relu, gelu, softmax, log_softmax)),
        lambda t: t.max(axis=1) * t.min(axis=0).sum() + t.var(axis=1) - t.mean(),
        lambda t: cat([t.T.reshape(2, 3), t[:, [0, 0, 2]]]) * stack([t[0], t[1]])[1],
        lambda t: where(t > 0, t.abs().sqrt(), t.clip(-1.0, 0.0)),
        lambda t: CrossEntropyLoss()(t, np.array([2, 0])),
        lambda t: BCEWithLogitsLoss()(t, truths) + MSELoss()(t, truths),
    ]
    for function in functions:
        assert grad_check(function, x)


def test_the_cost_grows_with_operations_and_not_with_paths():
    """A thousand doublings have 2 to the power of 1000 paths, and one gradient, exact."""
    from tinytorch.core.autograd import Variable
    from tinytorch.core.tensor import Tensor

    x = y = Tensor(1.0, dtype=np.float64, requires_grad=True)
    for _ in range(1000):
        y = y * 1.0 + y  # a residual connection: two paths of different length
    y.backward()
    assert x.grad == 2.0**1000
    x = y = Variable(1.0)
    for _ in range(20000):
        y = y * 1.0
    y.backward()
    assert x.grad == 1.0


def test_a_classifier_learns():
    """Three clouds of points are told apart after a hundred steps against the gradient."""
    from tinytorch.core.activations import relu
    from tinytorch.core.autograd import Variable, no_grad
    from tinytorch.core.losses import CrossEntropyLoss
    from tinytorch.core.tensor import Tensor

    rng = np.random.default_rng(0)
    classes = np.repeat(np.arange(3), 30)
    centres = np.array([[0.0, 2.0], [2.0, -1.0], [-2.0, -1.0]])
    points = Tensor(centres[classes] + 0.5 * rng.standard_normal((90, 2)))
    shapes = [(2, 16), (16,), (16, 3), (3,)]
    parameters = [Variable(0.5 * rng.standard_normal(shape)) for shape in shapes]

    def scores():
        first, bias, second, last = parameters
        return relu(points @ first + bias) @ second + last

    losses = []
    for _ in range(100):
        for parameter in parameters:
            parameter.zero_grad()
        loss = CrossEntropyLoss()(scores(), classes)
        loss.backward()
        losses.append(loss.item())
        with no_grad():
            for parameter in parameters:
                parameter -= 0.5 * parameter.grad
    assert losses[-1] < 0.1 * losses[0]
    with no_grad():
        answer = scores()
    assert not answer.requires_grad
    assert (answer.argmax(axis=1).data == classes).mean() > 0.97


def test_mistakes_are_told():
    """What cannot have a gradient raises an error instead of giving a wrong one."""
    from tinytorch.core.autograd import Variable
    from tinytorch.core.tensor import Tensor

    x, factor = Variable([1.0, 2.0]), Tensor([3.0, 4.0])
    changed = (x * factor).sum()
    factor += 1
    used = (x * x).sum()
    used.backward()
    x.zero_grad()
    for wrong in (changed, used, x * 2, factor.sum()):
        try:
            wrong.backward()
        except RuntimeError as error:
            assert str(error)
        else:
            raise AssertionError(f"backward() of {wrong} gave {x.grad} and no error")
        assert x.grad is None


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
