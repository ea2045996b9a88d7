# ---
# jupyter:
#   jupytext:
#     comment_magics: false
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
"""
# Module 03: Activations

A layer multiplies its input by a matrix. Two such layers, one after the other, are again a multiplication by a matrix: however many you stack, the whole computes nothing that one layer could not. What breaks this is a bend between them, a function applied to every number that is not a straight line. Such functions are called activations, and they are the reason why depth helps at all.

In this module you write seven of them. Five bend each number by itself: ReLU, leaky ReLU, sigmoid, tanh and GELU. Two turn a row of scores into a row of probabilities or their logarithms: softmax and log-softmax. Each is one line of mathematics, and for some the obvious line of code is wrong for large numbers. You will write the line that is right.
"""

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "activations-start"}
from tinytorch.core.setup import run_tests, warnings_to_stdout

warnings_to_stdout()

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "activations-imports"}
#| default_exp core.activations
#| export
import math

import numpy as np

from tinytorch.core.tensor import Operation, Tensor, apply

# %% [markdown]
r"""
## Mathematical background

Two linear layers without a bend are one linear layer, because `(x·A)·B = x·(A·B)`. With a bend `f` between them, `f(x·A + b)·B`, they can follow any continuous curve over a bounded range as closely as you like, if there are enough numbers in the middle.

| name | formula | values |
| --- | --- | --- |
| ReLU | $\max(x, 0)$ | from 0 up |
| leaky ReLU | $x$ above 0, $a\,x$ below, with a small $a$ | all |
| sigmoid | $1 / (1 + e^{-x})$ | between 0 and 1 |
| tanh | $(e^x - e^{-x}) / (e^x + e^{-x})$ | between −1 and 1 |
| GELU | $\tfrac{1}{2}\,x\,\bigl(1 + \tanh\bigl(\sqrt{2/\pi}\,(x + 0.044715\,x^3)\bigr)\bigr)$ | from −0.17 up |
| softmax | $e^{x_i} / \sum_j e^{x_j}$ | between 0 and 1, sum 1 |
| log-softmax | $x_i - \log \sum_j e^{x_j}$ | up to 0 |

All take `O(n)` time for `n` numbers. What differs is the constant: a comparison is far cheaper than an exponential.

**How large is too large.** A float32 holds numbers up to about $3.4 \cdot 10^{38}$, so $e^x$ becomes infinite from $x = 89$ on (float64: from 710). A score of 1000 is nothing unusual in a network that has just begun to learn badly, and `inf / inf` is `nan`, not a number, which spreads through everything it touches. In the other direction nothing breaks: $e^{-1000}$ is simply 0. So the rule of this module: **rearrange the formula until every exponent is at or below zero.**

**What must hold for all of them.** The result has the shape and the dtype of the input; the input stays as it was; `nan` comes out where `nan` went in, since an error that is hidden is worse than one that is seen; and an empty tensor gives an empty tensor.
"""

# %% [markdown]
"""
## The functions and objects that users call

The next two cells are given. As in module 02, each function passes its tensor to `apply` and names the operation; you write the operations below. Integers have no use for most of these curves, so they become floating first; `x / 1` does this, by the rule for division that you know from module 02.

For softmax, `axis` is the direction in which the results add up to 1. PyTorch calls it `dim`, so this word is understood too. The second cell holds what activations share as objects, and those without a setting; step 5 is about them.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "activations-functions"}
#| export
def _floating(x):
    """`x` as a floating tensor: integers and booleans become the default dtype."""
    x = x if isinstance(x, Tensor) else Tensor(x)
    return x if x.dtype.kind == "f" else x / 1


def relu(x):
    """max(x, 0), element by element: same shape and dtype as `x`."""
    return apply("relu", x)


def leaky_relu(x, negative_slope=0.01):
    """x above zero, `negative_slope * x` below, element by element."""
    # A NumPy number in place of Python's would turn float32 into float64.
    return apply("leaky_relu", x, negative_slope=float(negative_slope))


def sigmoid(x):
    """1 / (1 + exp(-x)), element by element: between 0 and 1."""
    return apply("sigmoid", _floating(x))


def tanh(x):
    """The hyperbolic tangent, element by element: between -1 and 1."""
    return apply("tanh", _floating(x))


def gelu(x):
    """x times a smooth step, element by element: the tanh form of GELU."""
    return apply("gelu", _floating(x))


def softmax(x, axis=-1, dim=None):
    """Probabilities along `axis`: same shape as `x`, every slice sums to 1."""
    return apply("softmax", _floating(x), axis=axis if dim is None else dim)


def log_softmax(x, axis=-1, dim=None):
    """The logarithm of `softmax(x, axis)`, exact where the probability itself would round to 0."""
    return apply("log_softmax", _floating(x), axis=axis if dim is None else dim)


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "activations-objects"}
#| export
class _Activation:
    """What all activations as objects share. A subclass defines `forward`."""

    def __call__(self, x):
        return self.forward(x)

    def __repr__(self):
        settings = ", ".join(f"{name}={value}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"


class ReLU(_Activation):
    """`relu` as an object: `ReLU()(x)` is `relu(x)`."""

    def forward(self, x):
        return relu(x)


class Sigmoid(_Activation):
    """`sigmoid` as an object."""

    def forward(self, x):
        return sigmoid(x)


class Tanh(_Activation):
    """`tanh` as an object."""

    def forward(self, x):
        return tanh(x)


class GELU(_Activation):
    """`gelu` as an object."""

    def forward(self, x):
        return gelu(x)


class _AlongAxis(_Activation):
    """An activation that remembers an axis; `dim`, if given, is PyTorch's word for it."""

    def __init__(self, axis=-1, dim=None):
        self.axis = axis if dim is None else dim


# %% [markdown]
"""
## Step 1: ReLU and leaky ReLU

Negative numbers become zero, the others stay. That is the whole of ReLU, the most used activation of all: it costs one comparison, and where it lets a number through, it does so unchanged.

A neuron whose input is negative for every example gives 0 for all of them, and what is constant cannot learn. The leaky version lets a little through: the part above zero as it is, plus the part below zero times a small slope, 0.01 unless the caller says otherwise. Settings of the call are attributes of the operation: read `self.negative_slope`. `np.maximum` and `np.minimum` compare an array and a number place by place. They pass `nan` on, where a comparison such as `x > 0` would quietly be false.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "activations-relu"}
#| exporti
class ReLUOperation(Operation):
    """max(x, 0), element by element. Shape and dtype of `x`.

    >>> relu(Tensor([-1.0, 2.0])).tolist()
    [0.0, 2.0]

    1. `x` is a NumPy array. Return the larger of `x` and 0 at every place.
    """

    name = "relu"

    def forward(self, x):
        ### BEGIN SOLUTION
        return np.maximum(x, 0)
        ### END SOLUTION


class LeakyReLUOperation(Operation):
    """max(x, 0) + slope * min(x, 0), element by element. Shape and dtype of `x`.

    >>> leaky_relu(Tensor([-2.0, 2.0]), negative_slope=0.5).tolist()
    [-1.0, 2.0]

    1. Add the part above zero and `self.negative_slope` times the part below zero.
    """

    name = "leaky_relu"

    def forward(self, x):
        ### BEGIN SOLUTION
        return np.maximum(x, 0) + self.negative_slope * np.minimum(x, 0)
        ### END SOLUTION


# %% [markdown]
"""
**Test: ReLU and leaky ReLU.** Numbers on both sides of zero, near it and far away; the default slope and others, one of them above 1, where taking the larger of `x` and the slope times `x` would be wrong.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "activations-relu-test", "points": 4}
def test_relu_and_leaky_relu():
    x = Tensor([[-1000.0, -0.5, 0.0], [0.5, 1.0, 1000.0]])
    assert relu(x).tolist() == [[0.0, 0.0, 0.0], [0.5, 1.0, 1000.0]]
    np.testing.assert_allclose(leaky_relu(x).data[0], [-10.0, -0.005, 0.0], rtol=1e-6)
    assert leaky_relu(x, 0.5).tolist() == [[-500.0, -0.25, 0.0], [0.5, 1.0, 1000.0]]
    assert leaky_relu(x, negative_slope=2.0).tolist() == [[-2000.0, -1.0, 0.0], [0.5, 1.0, 1000.0]]


test_relu_and_leaky_relu()

# %% [markdown]
r"""
## Step 2: Sigmoid and tanh

The sigmoid presses every number into the space between 0 and 1, so that it can be read as a probability.

The formula $1 / (1 + e^{-x})$ overflows for $x = -1000$. Multiply above and below by $e^x$ and you have $e^x / (1 + e^x)$, the same function, which is safe there and overflows for $x = 1000$ instead. So each is right on its own side of zero, and one line holds both:

$$\frac{e^{\min(x, 0)}}{1 + e^{-|x|}}$$

For $x \ge 0$ the numerator is 1; for $x < 0$ it is $e^x$, and so is the power below. No exponent is above zero.

Tanh is the same curve, stretched to lie between −1 and 1: $\tanh(x) = 2\,\mathrm{sigmoid}(2x) - 1$. Its results lie around zero, which suits the next layer better than results around one half. NumPy has it, fast and safe: half of knowing how to write something is knowing when not to.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "activations-sigmoid"}
#| exporti
class SigmoidOperation(Operation):
    """1 / (1 + exp(-x)), without overflow and exact on both sides. Shape and dtype of `x`.

    >>> sigmoid(Tensor([0.0, 1000.0, -1000.0])).tolist()
    [0.5, 1.0, 0.0]

    1. The numerator is `np.exp` of the smaller of `x` and 0.
    2. The denominator is 1 + exp(-|x|): `np.abs`.
    """

    name = "sigmoid"

    def forward(self, x):
        ### BEGIN SOLUTION
        return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))
        ### END SOLUTION


class TanhOperation(Operation):
    """The hyperbolic tangent, `np.tanh`, element by element. Shape and dtype of `x`.

    >>> tanh(Tensor([0.0, 1000.0])).tolist()
    [0.0, 1.0]
    """

    name = "tanh"

    def forward(self, x):
        ### BEGIN SOLUTION
        return np.tanh(x)
        ### END SOLUTION


# %% [markdown]
"""
**Test: sigmoid and tanh.** Known values; scores of ±1000, where any overflow is an error here; and very small probabilities: `sigmoid(-30)` is about `9.4e-14` and must not round to 0, because losses take its logarithm.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "activations-sigmoid-test", "points": 5}
def test_sigmoid_and_tanh():
    x = Tensor([0.0, math.log(3.0), -math.log(3.0), 2.0])
    np.testing.assert_allclose(sigmoid(x).data, [0.5, 0.75, 0.25, 0.8807970779778823], rtol=1e-6)
    np.testing.assert_allclose(tanh(x).data, [0.0, 0.8, -0.8, 0.9640275800758169], rtol=1e-6)
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        for dtype in [np.float32, np.float64]:
            ends = Tensor([1000.0, -1000.0], dtype=dtype)
            assert sigmoid(ends).tolist() == [1.0, 0.0]
            assert tanh(ends).tolist() == [1.0, -1.0]
    small = sigmoid(Tensor([[-30.0, -60.0]]))
    np.testing.assert_allclose(small.data, [[math.exp(-30.0), math.exp(-60.0)]], rtol=1e-5)


test_sigmoid_and_tanh()

# %% [markdown]
r"""
## Step 3: GELU

GELU is what transformers use. Think of it as a ReLU without the corner: $x$ times the probability that a normally distributed number lies below $x$. Large numbers pass, very negative ones vanish, and around zero it is smooth, even dipping a little below zero.

That probability has no simple formula, so we use the well-known approximation with tanh:

$$\tfrac{1}{2}\,x\,\bigl(1 + \tanh\bigl(\sqrt{2/\pi}\,(x + 0.044715\,x^3)\bigr)\bigr)$$

Write the cube as `x * x * x`. NumPy computes `x**3` with a general power function, number by number; you will measure what this costs.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "activations-gelu"}
#| exporti
class GELUOperation(Operation):
    """The tanh form of GELU, element by element. Shape and dtype of `x`.

    >>> gelu(Tensor([0.0, 10.0, -10.0])).tolist() == [0.0, 10.0, 0.0]
    True

    1. Compute the inner part: sqrt(2 / pi) * (x + 0.044715 * x * x * x). `math.sqrt` gives a
       Python number, which leaves the dtype alone.
    2. Return 0.5 * x * (1 + tanh of it).
    """

    name = "gelu"

    def forward(self, x):
        ### BEGIN SOLUTION
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
        return 0.5 * x * (1 + np.tanh(inner))
        ### END SOLUTION


# %% [markdown]
"""
**Test: GELU.** Values in float64 to twelve digits, which tell this form from the exact one and find every wrong constant; and large scores.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "activations-gelu-test", "points": 3}
def test_gelu():
    x = Tensor([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0], dtype=np.float64)
    expected = [
        -0.045402305912225,
        -0.15880800939172,
        0.0,
        0.34571400982514,
        0.84119199060828,
        2.9963626079182,
    ]
    np.testing.assert_allclose(gelu(x).data, expected, rtol=1e-12)
    with np.errstate(over="raise", invalid="raise"):
        assert gelu(Tensor([1000.0, -1000.0])).tolist() == [1000.0, 0.0]


test_gelu()

# %% [markdown]
r"""
## Step 4: Softmax and log-softmax

A row of scores becomes a row of probabilities: exponentiate, so that all are positive, then divide by the sum, so that they add up to 1.

$e^{1000}$ overflows. But only differences between scores matter: with any number $m$ subtracted from all of them, the fraction

$$\frac{e^{x_i - m}}{\sum_j e^{x_j - m}}$$

has the same factor $e^{-m}$ above and below. Choose for $m$ the largest score of the row. Then no exponent is above zero, and the largest one is exactly zero, so the sum is at least 1 and the division is safe.

A loss asks for the logarithm of a probability. Computing the softmax first and the logarithm after it loses everything when the probability rounds to 0: the logarithm of 0 is minus infinity, though the true answer may be an unremarkable −1000. The logarithm of the fraction, taken by hand, never forms the small number:

$$(x_i - m) - \log \sum_j e^{x_j - m}$$

`x.max(axis=…, keepdims=True)` keeps the reduced direction with length 1, so that the result broadcasts back against `x`. An empty array has no maximum; for it there is nothing to do.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "activations-softmax"}
#| exporti
class SoftmaxOperation(Operation):
    """Probabilities along `self.axis`: shape and dtype of `x`, every slice sums to 1.

    >>> softmax(Tensor([1000.0, 1000.0])).tolist()
    [0.5, 0.5]

    1. If `x.size` is 0, return a copy of `x`.
    2. Subtract the maximum along `self.axis`, with keepdims=True. 3. Exponentiate.
    4. Divide by the sum along `self.axis`, with keepdims=True.
    """

    name = "softmax"

    def forward(self, x):
        ### BEGIN SOLUTION
        if x.size == 0:
            return x.copy()
        powers = np.exp(x - x.max(axis=self.axis, keepdims=True))
        return powers / powers.sum(axis=self.axis, keepdims=True)
        ### END SOLUTION


class LogSoftmaxOperation(Operation):
    """log(softmax(x)) along `self.axis`, exact for large scores. Shape and dtype of `x`.

    >>> log_softmax(Tensor([1000.0, 0.0])).tolist()
    [0.0, -1000.0]

    1. If `x.size` is 0, return a copy of `x`.
    2. Subtract the maximum along `self.axis`, with keepdims=True.
    3. From this subtract the logarithm of the sum of its exponentials along `self.axis`.
    """

    name = "log_softmax"

    def forward(self, x):
        ### BEGIN SOLUTION
        if x.size == 0:
            return x.copy()
        shifted = x - x.max(axis=self.axis, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=self.axis, keepdims=True))
        ### END SOLUTION


# %% [markdown]
"""
**Test: softmax and log-softmax.** Known values along either axis of a matrix that is not square; scores of ±1000, where a careless softmax returns `nan` and the logarithm of a vanished probability must still be exact; an empty tensor in both directions, where the logarithm of an empty sum would warn.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "activations-softmax-test", "points": 7}
def test_softmax_and_log_softmax():
    log3 = math.log(3.0)
    table = Tensor([[0.0, 0.0, log3], [log3, 0.0, log3]])
    rows = np.array([[0.2, 0.2, 0.6], [3 / 7, 1 / 7, 3 / 7]])
    columns = np.array([[0.25, 0.5, 0.5], [0.75, 0.5, 0.5]])
    np.testing.assert_allclose(softmax(table).data, rows, rtol=1e-6)
    np.testing.assert_allclose(softmax(table, axis=0).data, columns, rtol=1e-6)
    np.testing.assert_allclose(log_softmax(table).data, np.log(rows), rtol=1e-6)
    np.testing.assert_allclose(log_softmax(table, axis=0).data, np.log(columns), rtol=1e-6)
    large = Tensor([[1000.0, 1000.0], [-1000.0, 1000.0], [-1000.0, -1000.0], [1000.0, 0.0]])
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        assert softmax(large).tolist() == [[0.5, 0.5], [0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]
        assert log_softmax(large).tolist()[1::2] == [[-2000.0, 0.0], [0.0, -1000.0]]
        for shape in [(0, 3), (3, 0)]:
            assert softmax(Tensor(np.zeros(shape))).shape == shape
            assert log_softmax(Tensor(np.zeros(shape))).shape == shape


test_softmax_and_log_softmax()

# %% [markdown]
"""
## Step 5: Activations as objects

A model is a list of things to be called one after the other: a layer, an activation, a layer. A function with a setting, such as a slope or an axis, does not fit into a list by itself; an object that remembers the setting does.

The base class `_Activation` stands above, with the four activations that have no setting: calling an object runs its `forward`, and its `repr` shows the class and the settings, which are the attributes that `__init__` sets. You write the three that have one.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "activations-classes"}
#| export
class LeakyReLU(_Activation):
    """`leaky_relu` as an object that remembers its slope; `LeakyReLU(0.2)` shows itself so.

    1. Keep the slope as `self.negative_slope`. 2. Pass it on in `forward`.
    """

    def __init__(self, negative_slope=0.01):
        ### BEGIN SOLUTION
        self.negative_slope = negative_slope
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return leaky_relu(x, self.negative_slope)
        ### END SOLUTION


class Softmax(_AlongAxis):
    """`softmax` along `self.axis`, which `_AlongAxis` keeps, as an object."""

    def forward(self, x):
        ### BEGIN SOLUTION
        return softmax(x, self.axis)
        ### END SOLUTION


class LogSoftmax(_AlongAxis):
    """`log_softmax` along `self.axis`, which `_AlongAxis` keeps, as an object."""

    def forward(self, x):
        ### BEGIN SOLUTION
        return log_softmax(x, self.axis)
        ### END SOLUTION


# %% [markdown]
"""
**Test: objects.** Each gives what its function gives, with the default setting and with another, and shows its settings.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "activations-classes-test", "points": 3}
def test_objects():
    x = Tensor([[-1.0, 0.5, 2.0], [0.0, -3.0, 1.0]])
    pairs = [
        (LeakyReLU(), "LeakyReLU(negative_slope=0.01)", leaky_relu(x)),
        (LeakyReLU(0.2), "LeakyReLU(negative_slope=0.2)", leaky_relu(x, 0.2)),
        (Softmax(), "Softmax(axis=-1)", softmax(x)),
        (Softmax(0), "Softmax(axis=0)", softmax(x, axis=0)),
        (Softmax(dim=0), "Softmax(axis=0)", softmax(x, axis=0)),
        (LogSoftmax(), "LogSoftmax(axis=-1)", log_softmax(x)),
        (LogSoftmax(0), "LogSoftmax(axis=0)", log_softmax(x, axis=0)),
        (LogSoftmax(dim=0), "LogSoftmax(axis=0)", log_softmax(x, axis=0)),
    ]
    for activation, shown, expected in pairs:
        assert repr(activation) == shown
        assert activation(x).tolist() == expected.tolist()


test_objects()

# %% [markdown]
"""
## Systems analysis

**Speed and memory.** One million numbers through each activation. Every intermediate result of a formula is an array of its own while it is computed; the peak, as a multiple of the input, says how large a batch still fits. Then the same results written in several ways. `np.clip` has a special loop for two constant bounds and beats `np.maximum`. A power is by far the slowest way to a cube. `np.where` has to choose anew at every number, and with signs in random order the processor guesses wrong half of the time; this is why the leaky ReLU above is a sum. The readable version stays in the lesson; a faster one can be registered as a kernel without touching it.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "activations-analyze-cost"}
def analyze_cost():
    """Time and peak memory of each activation, and the time of several ways to write two of them."""
    import timeit
    import tracemalloc

    x = Tensor(np.random.default_rng(0).standard_normal((1000, 1000)))
    for function in [relu, leaky_relu, sigmoid, tanh, gelu, softmax, log_softmax]:
        time = min(timeit.repeat(lambda f=function: f(x), number=1, repeat=7)) * 1000
        tracemalloc.start()
        function(x)
        peak = tracemalloc.get_traced_memory()[1] / x.data.nbytes
        tracemalloc.stop()
        print(f"{function.__name__:12} {time:6.2f} ms, {peak:4.2f} times the memory of its input")
    ways = {
        "np.maximum(x, 0)": lambda a: np.maximum(a, 0),
        "np.clip(x, 0, inf)": lambda a: np.clip(a, 0, np.inf),
        "np.where(x > 0, x, 0)": lambda a: np.where(a > 0, a, 0),
        "x * x * x": lambda a: a * a * a,
        "x**3": lambda a: a**3,
    }
    for name, way in ways.items():
        time = min(timeit.repeat(lambda w=way: w(x.data), number=1, repeat=3)) * 1000
        print(f"{name:21} {time:6.2f} ms")


# %% [markdown]
"""
**Range and slope.** Where does an exponential break, and how steep is each curve? The slope is what learning will use: a network multiplies the slopes of all its layers. The sigmoid is at most 0.25 steep, so ten layers of it leave less than a millionth of the signal, and far from zero nothing at all. This is why deep networks moved to ReLU.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "activations-analyze-range"}
def analyze_range():
    """Scores from which exp overflows, and the slopes of the curves."""
    for dtype in [np.float32, np.float64]:
        with np.errstate(over="ignore"):
            powers = np.exp(np.arange(1000, dtype=dtype))
        print(f"exp in {dtype.__name__} is infinite from {np.isinf(powers).argmax()} on")
    at = np.array([-6.0, -2.0, 0.5, 2.0, 6.0])
    step = 1e-6
    for function in [relu, sigmoid, tanh, gelu]:
        above = function(Tensor(at + step, dtype=np.float64)).data
        below = function(Tensor(at - step, dtype=np.float64)).data
        slopes = (above - below) / (2 * step)
        deep = np.abs(slopes).max() ** 10
        print(
            f"{function.__name__:8} slopes {np.round(slopes, 4)}, steepest to the 10th {deep:.1e}"
        )


# %% [markdown]
"""
## Integration

Here the bend does its work. No straight line separates the cases of "exclusive or" (one of two inputs is on, but not both), so no linear layer computes it, nor does a stack of them. Two ReLU neurons do: one fires with the number of inputs that are on, the other only when both are, and twice the second is taken off the first. The arithmetic is your module 02. The second test holds the activations against each other by identities that their formulas imply.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "activations-integration-test", "points": 3}
def test_two_neurons_compute_exclusive_or():
    a, b = Tensor([0.0, 0.0, 1.0, 1.0]), Tensor([0.0, 1.0, 0.0, 1.0])
    some, both = relu(a + b), relu(a + b - 1)
    assert (some - 2 * both).tolist() == [0.0, 1.0, 1.0, 0.0]
    without_the_bend = (a + b) - 2 * (a + b - 1)
    assert without_the_bend.tolist() != [0.0, 1.0, 1.0, 0.0]


def test_identities():
    x = Tensor(np.linspace(-5.0, 5.0, 21), dtype=np.float64)
    close = np.testing.assert_allclose
    close((sigmoid(x) + sigmoid(-x)).data, np.ones(21), rtol=1e-12)
    close(tanh(x).data, (2 * sigmoid(2 * x) - 1).data, rtol=1e-9, atol=1e-12)
    close((relu(x) - relu(-x)).data, x.data, rtol=1e-12)
    close((gelu(x) - gelu(-x)).data, x.data, rtol=1e-12, atol=1e-15)
    pair = Tensor(np.stack([x.data, np.zeros(21)], axis=1), dtype=np.float64)
    close(softmax(pair).data[:, 0], sigmoid(x).data, rtol=1e-12)
    close(np.exp(log_softmax(pair).data), softmax(pair).data, rtol=1e-12)


test_two_neurons_compute_exclusive_or()
test_identities()

# %% [markdown]
"""
## Production context

PyTorch has the same pairs: functions in `torch.nn.functional` and classes in `torch.nn`. Its `gelu` is exact unless told `approximate="tanh"`, which is the form here and the one GPT-2 was trained with. Its softmax subtracts the maximum as yours does, and its loss for classification takes scores, not probabilities, for the reason of step 4. On graphics cards these functions are limited by memory, not by arithmetic: reading and writing a number takes longer than bending it. Compilers such as XLA (under JAX and TensorFlow) and `torch.compile` therefore fuse an activation with the operation before it, so that the number never leaves the chip in between. You will do a small version of this in module 16. FlashAttention goes furthest: it computes the softmax of attention piece by piece, carrying the running maximum and sum along, and never stores the whole table of scores.
"""

# %% [markdown]
"""
## Comprehensive testing

The promises made at the beginning, for every activation as a function and as an object: shape and dtype, in float32 and float64; the input unchanged; `nan` visible; an empty tensor; scores of ±1000 without overflow.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "activations-all-test", "points": 2}
def test_promises_of_all():
    functions = [relu, leaky_relu, sigmoid, tanh, gelu, softmax, log_softmax]
    objects = [ReLU(), LeakyReLU(), Sigmoid(), Tanh(), GELU(), Softmax(), LogSoftmax()]
    scores = [[-1000.0, -1.0, 0.0], [1.0, 2.0, 1000.0]]
    for activation in functions + objects:
        for dtype in [np.float32, np.float64]:
            x = Tensor(scores, dtype=dtype)
            with np.errstate(over="raise", divide="raise", invalid="raise"):
                result = activation(x)
            assert (result.dtype, result.shape) == (dtype, (2, 3)), activation
            assert np.isfinite(result.data).all(), activation
            assert result.data is not x.data
            assert x.tolist() == scores, activation
            assert activation(Tensor(np.zeros((0, 3)), dtype=dtype)).shape == (0, 3), activation
        with np.errstate(invalid="ignore"):
            assert np.isnan(activation(Tensor([math.nan, math.nan])).data).all(), activation


test_promises_of_all()

# %%
if __name__ == "__main__":
    run_tests()
    analyze_cost()
    analyze_range()

# %% [markdown]
"""
## 🤔 ML Systems Thinking: Interactive Questions

Answer in a few sentences, in the cell below each question. Use the numbers that your own machine printed.

**Question 1.** Why does softmax subtract the maximum of each row and not, say, the mean? What could still go wrong with the mean?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "activations-question-maximum", "points": 1}
"""
Any number may be subtracted without changing the result, but only with the maximum is every exponent at or below zero, so that nothing overflows, and one exponent exactly zero, so that the sum is at least 1 and never rounds to 0. With the mean, the scores [0, 1000] have mean 500 and the second power is exp(500), which is infinite in float32; the result would be nan again.
"""

# %% [markdown]
"""
**Question 2.** A network of 20 layers with sigmoids learns almost nothing in its first layers; with ReLU it does. Explain this with the slopes you measured. What problem does ReLU have that the sigmoid has not, and which activation here was made against it?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "activations-question-slopes", "points": 1}
"""
The signal that reaches the first layer is multiplied by the slope of every layer above it. The sigmoid's slope is at most 0.25, so 20 layers leave at most 0.25 to the 20th power, about 1e-12. ReLU has slope 1 wherever it lets a number through. But below zero its slope is exactly 0: a neuron whose inputs are all negative never changes again. Leaky ReLU keeps a small slope there, and GELU a smooth one near zero.
"""

# %% [markdown]
"""
**Question 3.** GELU needed several times the memory of its input while it ran. Where do the extra arrays come from, and how could the same formula be computed with only one? Why might a framework not do that during training?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "activations-question-memory", "points": 1}
"""
Each operator of the formula makes a new array: the cube, its sum with x, the tanh and the products exist beside each other for a moment. One buffer is enough if every operation writes into it with `out=`, for example np.multiply(x, x, out=buffer), and a compiler that fuses the formula needs none at all. During training some intermediate values are needed again for the gradient: keeping the tanh saves time, computing it again saves memory. That is a choice between the two, not a mistake.
"""

# %% [markdown]
"""
## 🎯 MODULE SUMMARY: Activations

You wrote seven activations as operations on arrays and as objects that a model can hold. They keep the dtype, let `nan` through and stay finite for scores of ±1000, because every exponent is at or below zero.

You saw two neurons with a bend compute what no stack of straight layers can. In module 04 you build those layers, and a model becomes a list of layers and activations. In module 06 each operation here learns its gradient, without a change to what you wrote.
"""
