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
# Module 05: Losses

A network answers; the loss says how wrong the answer is, in one number. Everything that follows hangs on it: gradients (module 06) are gradients of the loss, optimizers (07) make it smaller, and a trainer (08) prints it so that you see whether anything is learned at all. A network becomes good at exactly what its loss measures, and at nothing else.

In this module you write six losses. Two measure distances between numbers: the mean squared error and the mean absolute error. Two are for yes or no, given a probability or a score. Two are for one class out of many, given scores or logarithms of probabilities. The formulas are short. The work is in two places: a loss takes logarithms, which are infinite at zero, and it compares two tensors, whose shapes must fit exactly and not just somehow.
"""

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "losses-start"}
import math

from tinytorch.core.setup import run_tests, warnings_to_stdout

warnings_to_stdout()

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "losses-imports"}
#| default_exp core.losses
#| export
import numpy as np

from tinytorch.core.layers import Module
from tinytorch.core.tensor import Operation, Tensor, apply, where

# %% [markdown]
r"""
## Mathematical background

**Distances.** For an answer $x$ and the truth $t$: the squared error $(x - t)^2$ and the absolute error $|x - t|$. The square makes a large error count far more than several small ones; the absolute value is calmer about outliers.

**Surprise.** A model that says "class 2 with probability $p$", and class 2 it was, is surprised by $-\log p$: nothing for $p = 1$, 0.69 for $p = 1/2$, ever more towards $p = 0$. The mean surprise over all examples is called *cross-entropy*. It is the natural loss for probabilities: it is smallest, on average, for the model whose probabilities are the true frequencies.

| loss | input | target | for one element |
| --- | --- | --- | --- |
| `MSELoss` | numbers | numbers | $(x - t)^2$ |
| `L1Loss` | numbers | numbers | $\lvert x - t\rvert$ |
| `BCELoss` | a probability $p$ | $t$ between 0 and 1 | $-t \log p - (1 - t)\log(1 - p)$ |
| `BCEWithLogitsLoss` | a score $x$ | $t$ between 0 and 1 | the same, of $p = \mathrm{sigmoid}(x)$ |
| `NLLLoss` | log-probabilities | a class $c$ | $-x_c$ |
| `CrossEntropyLoss` | scores | a class $c$ | $-\log \mathrm{softmax}(x)_c$ |

A *logit* is a score before the sigmoid or the softmax: any number, from minus to plus infinity. All six take `O(n)` time for `n` numbers of input.

**From many numbers to one.** The *reduction* of a loss is `"mean"`, `"sum"` or `"none"`. The mean is the usual one: with it, the loss of a batch of 8 and one of 800 have the same size, and a learning rate that suits one suits the other.

**An empty batch** has the sum 0 and the mean `nan`, zero divided by zero, with a warning from NumPy, as in module 02.
"""

# %% [markdown]
"""
## What all losses share

This cell is given. A loss is a `Module` without parameters: it is made once, with its settings, and called with the answer and the truth. `_floating` lets whole numbers through as floating ones, as in module 03.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "losses-shared"}
#| export
def _floating(x):
    """`x` as a floating tensor: integers and booleans become the default dtype."""
    x = x if isinstance(x, Tensor) else Tensor(x)
    return x if x.dtype.kind == "f" else x / 1


class _Loss(Module):
    """What all losses share. `reduction` is "mean", "sum" or "none", else ValueError."""

    def __init__(self, reduction="mean"):
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"the reduction is 'mean', 'sum' or 'none', not {reduction!r}")
        self.reduction = reduction

    def __repr__(self):
        return f"{type(self).__name__}(reduction={self.reduction!r})"


# %% [markdown]
"""
## Step 1: Two shapes that fit, and one number

A network gives `(N, 1)`, the targets lie there as `(N,)`. Broadcasting makes an `(N, N)` table of their differences: every answer is compared with every truth, the mean of it all is a plausible number, and training runs on it without an error for days. So a loss asks for equal shapes and refuses everything else. The error shows both shapes: whoever reads it sees at once which one to change.

The second function reduces. Some losses leave elements out of the mean; they say with `count` how many were left in.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "losses-reduce"}
#| exporti
def _pair(input, target):
    """Input and target as tensors of one shape. Else ValueError, with both shapes in it.

    1. `input` becomes `_floating(input)`.
    2. `target`, unless it is a Tensor, becomes one of the dtype of `input`: `Tensor(…, dtype=…)`.
    3. If the shapes differ, raise a ValueError whose text contains both, e.g. (3, 1) and (3,).
    4. Return the two.
    """
    ### BEGIN SOLUTION
    input = _floating(input)
    target = target if isinstance(target, Tensor) else Tensor(target, dtype=input.dtype)
    if input.shape != target.shape:
        raise ValueError(f"the input has shape {input.shape}, the target {target.shape}")
    return input, target
    ### END SOLUTION


def _reduce(losses, reduction, count=None):
    """One loss an element becomes a single number, unless `reduction` is "none".

    >>> _reduce(Tensor([1.0, 2.0, 0.0]), "mean", count=2).item()
    1.5

    1. "none": the losses as they are. 2. "sum": their sum.
    3. "mean": without a count their mean, with one their sum divided by it.
    """
    ### BEGIN SOLUTION
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    return losses.mean() if count is None else losses.sum() / count
    ### END SOLUTION


# %% [markdown]
"""
**Test: shapes and reduction.** Whole numbers become floating, and a list or an array takes the dtype of the input. Shapes that would broadcast, in either direction, are refused, and the text says both. Then the three reductions, with a count and without.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "losses-reduce-test", "points": 5}
def test_shapes_must_be_equal():
    for input, dtype in ((Tensor([1.0, 2.0], dtype=np.float64), np.float64), ([1, 2], np.float32)):
        for target in ([3, 4], np.array([3.0, 4.0]), Tensor([3.0, 4.0], dtype=dtype)):
            x, t = _pair(input, target)
            assert (x.tolist(), t.tolist()) == ([1.0, 2.0], [3.0, 4.0])
            assert (x.dtype, t.dtype) == (dtype, dtype)
    assert _pair(Tensor(np.array([7])), [1.0])[0].dtype == np.float32
    for first, second in (((3, 1), (3,)), ((3,), (3, 1)), ((2, 3), (3, 2)), ((3,), ()), ((), (1,))):
        message = "nothing was refused"
        try:
            _pair(Tensor(np.ones(first)), Tensor(np.ones(second)))
        except ValueError as error:
            message = str(error)
        assert str(first) in message, message
        assert str(second) in message, message


def test_reductions():
    losses = Tensor([[1.0, 2.0], [3.0, 6.0]])
    assert _reduce(losses, "none").tolist() == losses.tolist()
    assert _reduce(losses, "sum").item() == 12.0
    assert _reduce(losses, "mean").item() == 3.0
    assert _reduce(losses, "mean", count=2).item() == 6.0
    assert _reduce(losses, "sum", count=2).item() == 12.0


test_shapes_must_be_equal()
test_reductions()

# %% [markdown]
"""
## Step 2: Squared and absolute error

Both are made of operations you have: a difference and a product, a difference and an absolute value. So in module 06 they need no gradients of their own, and the target receives one too if it asks for it.

Write the square as a product of the difference with itself: a power is a slower way to say the same.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "losses-distances"}
#| export
class MSELoss(_Loss):
    """The squared difference of `input` and `target`, which have one shape, reduced.

    >>> MSELoss()(Tensor([1.0, 5.0]), Tensor([3.0, 5.0])).item()
    2.0
    """

    def forward(self, input, target):
        """1. `_pair`. 2. The difference, times itself. 3. `_reduce` it by `self.reduction`."""
        ### BEGIN SOLUTION
        input, target = _pair(input, target)
        difference = input - target
        return _reduce(difference * difference, self.reduction)
        ### END SOLUTION


class L1Loss(_Loss):
    """The absolute difference of `input` and `target`, which have one shape, reduced.

    >>> L1Loss()(Tensor([1.0, 5.0]), Tensor([3.0, 5.0])).item()
    1.0
    """

    def forward(self, input, target):
        """As above, with the `abs()` of the difference."""
        ### BEGIN SOLUTION
        input, target = _pair(input, target)
        return _reduce((input - target).abs(), self.reduction)
        ### END SOLUTION


# %% [markdown]
"""
**Test: distances.** Errors in both directions, so that a lost sign shows; all reductions; small whole numbers, whose difference must not wrap around (3 − 5 is 254 for bytes); a list that would lose digits if it did not take the dtype of the input; and a shape that would broadcast.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "losses-distances-test", "points": 5}
def test_squared_and_absolute_error():
    x, t = Tensor([[1.0, 2.0], [3.0, -4.0]]), Tensor([[1.5, 0.0], [6.0, -4.0]])
    expected = {MSELoss: [[0.25, 4.0], [9.0, 0.0]], L1Loss: [[0.5, 2.0], [3.0, 0.0]]}
    byte = np.array([3], dtype=np.uint8), np.array([5], dtype=np.uint8)
    for loss, table in expected.items():
        assert loss("none")(x, t).tolist() == loss("none")(x, t.data).tolist() == table
        assert loss("sum")(x, t).item() == np.sum(table)
        assert loss()(x, t).item() == np.mean(table)
        assert loss()(*byte).item() == (4.0 if loss is MSELoss else 2.0)
        assert loss()(Tensor([0.1], dtype=np.float64), [0.1]).item() == 0.0
        assert repr(loss("sum")) == f"{loss.__name__}(reduction='sum')"
        refused = False
        try:
            loss()(Tensor(np.ones((3, 1))), Tensor(np.ones(3)))
        except ValueError:
            refused = True
        assert refused, f"{loss.__name__} compared shape (3, 1) with shape (3,)"


test_squared_and_absolute_error()

# %% [markdown]
r"""
## Step 3: Yes or no, the operations

With a probability $p$ for yes and the truth $t$, 1 for yes and 0 for no, the loss is $-t \log p - (1 - t)\log(1 - p)$: one of the two terms is always zero. $t$ may lie between, for a truth that is itself uncertain.

For $p = 0$ the logarithm is minus infinity, and infinity times zero is `nan`: a model that was *right*, and certain, would end in `nan`. PyTorch's way out, and yours: **no logarithm falls below −100.** So the loss of one element is at most 100. Write $\log(1 - p)$ as `np.log1p(-p)`: for small $p$ the difference $1 - p$ would round to 1. `np.errstate(divide="ignore")` in a `with` keeps NumPy from warning of a zero that we expect.

A limit at −100 is a patch, though. The float32 nearest to sigmoid(20) is exactly 1, and the loss for a "no" is 100 where the truth is 20. The real remedy is to start from the score. With the sigmoid put in and worked out, nothing can overflow and nothing is rounded away:

$$\max(x, 0) - x\,t + \log(1 + e^{-|x|})$$

These two are operations of their own, so that they see all at once and module 06 can give them one short gradient each. The truth is a *setting* and not an input: it is an array `self.targets` and receives no gradient.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "losses-binary-operations"}
#| exporti
class BCEOperation(Operation):
    """-t log p - (1 - t) log(1 - p), element by element, no logarithm below -100.

    `p`: probabilities; `self.targets`: t, an array of that shape. Shape and dtype of `p`.

    1. Inside `with np.errstate(divide="ignore"):` take the logarithms of p and of 1 - p
       (`np.log1p`), each raised to -100 by `np.maximum`.
    2. Put the formula together.
    """

    name = "bce"

    def forward(self, p):
        ### BEGIN SOLUTION
        with np.errstate(divide="ignore"):
            yes = np.maximum(np.log(p), -100)
            no = np.maximum(np.log1p(-p), -100)
        return -self.targets * yes - (1 - self.targets) * no
        ### END SOLUTION


class BCEWithLogitsOperation(Operation):
    """max(x, 0) - x t + log(1 + exp(-|x|)), element by element. Shape and dtype of `x`.

    `x`: scores; `self.targets`: t, an array of that shape. `np.log1p(y)` is log(1 + y).
    """

    name = "bce_with_logits"

    def forward(self, x):
        ### BEGIN SOLUTION
        return np.maximum(x, 0) - x * self.targets + np.log1p(np.exp(-np.abs(x)))
        ### END SOLUTION


# %% [markdown]
"""
**Test: the operations.** Values from the formula, with truths between 0 and 1 as well; certainty, right and wrong; a probability of 1e-9, where `1 - p` rounds; scores of ±1000, where an overflow is an error here; both dtypes.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "losses-binary-operations-test", "points": 5}
def test_binary_operations():
    p, t = np.array([0.25, 0.5, 0.9, 0.2]), np.array([1.0, 0.0, 0.25, 0.0])
    expected = -t * np.log(p) - (1 - t) * np.log(1 - p)
    for dtype, rtol in ((np.float32, 1e-5), (np.float64, 1e-12)):
        for name, input in (("bce", p), ("bce_with_logits", np.log(p / (1 - p)))):
            result = apply(name, Tensor(input, dtype=dtype), targets=t.astype(dtype))
            assert result.dtype == dtype
            np.testing.assert_allclose(result.data, expected, rtol=rtol)


def test_binary_operations_of_the_certain():
    truths = np.array([1.0, 0.0, 1.0, 0.0], dtype=np.float32)
    with np.errstate(all="raise", under="ignore"):
        certain = apply("bce", Tensor([1.0, 0.0, 0.0, 1.0]), targets=truths)
        assert certain.tolist() == [0.0, 0.0, 100.0, 100.0]
        scores = Tensor([1000.0, -1000.0, -1000.0, 1000.0])
        assert apply("bce_with_logits", scores, targets=truths).tolist() == [0.0, 0.0, 1e3, 1e3]
    for name, input, loss in (("bce", 1e-9, 1e-9), ("bce_with_logits", -20.0, math.exp(-20))):
        result = apply(name, Tensor([input]), targets=truths[1:2])
        np.testing.assert_allclose(result.data, [loss], rtol=1e-5)


test_binary_operations()
test_binary_operations_of_the_certain()

# %% [markdown]
"""
## Step 4: Yes or no, the losses

Around the operations stands what makes them losses: shapes, a check, the reduction. `BCELoss` refuses what is no probability; a score given to it by mistake is found that way. For `nan` every comparison is false, so ask whether all numbers lie *within* the range, not whether one lies outside.

A target that asks for a gradient would be left without one in silence. The given function `_constant` refuses it, and gives a copy of the target's array in the dtype of the input.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "losses-constant"}
#| exporti
def _constant(input, target):
    """A copy of the target's array in the dtype of `input`. ValueError if it wants a gradient."""
    if target.requires_grad:
        raise ValueError("these targets receive no gradient: pass target.detach() instead")
    # A copy, since backward (module 06) still needs it when the caller fills the next batch in.
    return target.data.astype(input.dtype)


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "losses-binary-classes"}
#| export
class BCELoss(_Loss):
    """Binary cross-entropy of probabilities, reduced; input and target have one shape.

    >>> round(BCELoss()(Tensor([0.5]), Tensor([1.0])).item(), 4)
    0.6931
    """

    def forward(self, input, target):
        """1. `_pair`. 2. ValueError, unless all probabilities `input.data` lie between 0 and 1.

        3. `apply("bce", input, targets=…)`, with `_constant(input, target)` for the targets.
        4. `_reduce`.
        """
        ### BEGIN SOLUTION
        input, target = _pair(input, target)
        if not ((input.data >= 0) & (input.data <= 1)).all():
            raise ValueError("BCELoss takes probabilities; for scores use BCEWithLogitsLoss")
        losses = apply("bce", input, targets=_constant(input, target))
        return _reduce(losses, self.reduction)
        ### END SOLUTION


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy of scores, reduced; input and target have one shape.

    >>> BCEWithLogitsLoss()(Tensor([1000.0, -1000.0]), Tensor([0.0, 0.0])).item()
    500.0
    """

    def forward(self, input, target):
        """As above without the check: any number is a score. The operation: "bce_with_logits"."""
        ### BEGIN SOLUTION
        input, target = _pair(input, target)
        losses = apply("bce_with_logits", input, targets=_constant(input, target))
        return _reduce(losses, self.reduction)
        ### END SOLUTION


# %% [markdown]
"""
**Test: yes or no.** Probabilities and their scores give the same losses, in all reductions and both dtypes. Refused are 1.5 and −0.1 as probabilities, `nan`, a shape that would broadcast, and a target that wants a gradient. 0 and 1 are probabilities.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "losses-binary-test", "points": 4}
def test_binary_cross_entropy():
    p, t = np.array([[0.25, 0.5], [0.9, 0.0]]), np.array([[1.0, 0.0], [0.25, 0.0]])
    expected = np.array([[math.log(4), math.log(2)], [-0.25 * math.log(0.9), 0.0]])
    expected[1, 0] -= 0.75 * math.log(0.1)
    x = np.array([[-math.log(3), 0.0], [math.log(9), -1000.0]])
    for dtype in (np.float32, np.float64):
        for kind, input in ((BCELoss, p), (BCEWithLogitsLoss, x)):
            each, total, mean = (
                kind(reduction)(Tensor(input, dtype=dtype), target)
                for reduction, target in (("none", t), ("sum", Tensor(t)), ("mean", t.tolist()))
            )
            assert each.dtype == dtype
            np.testing.assert_allclose(each.data, expected, rtol=1e-5)
            np.testing.assert_allclose(total.item(), expected.sum(), rtol=1e-5)
            np.testing.assert_allclose(mean.item(), expected.mean(), rtol=1e-5)
    assert BCELoss()([1.0, 0.0], [1.0, 0.0]).item() == 0.0


def test_binary_cross_entropy_refuses():
    one, hopeful = Tensor([1.0]), Tensor([1.0], requires_grad=True)
    scored = [(BCELoss(), Tensor([0.5, wrong]), [1.0, 1.0]) for wrong in (1.5, -0.1, math.nan)]
    for kind in (BCELoss, BCEWithLogitsLoss):
        scored += [(kind(), one, Tensor([[1.0]])), (kind(), one, hopeful)]
    for loss, input, target in scored:
        refused = False
        try:
            loss(input, target)
        except ValueError:
            refused = True
        assert refused, f"{loss} took {input} and {target}"


test_binary_cross_entropy()
test_binary_cross_entropy_refuses()

# %% [markdown]
r"""
## Step 5: One class of many, the operation

The scores of one example are a row $x$; its class $c$ is the place of the right answer in that row. The loss is $-\log \mathrm{softmax}(x)_c$. With $m$ the largest score, as in module 03, this is

$$\log \sum_j e^{x_j - m} - (x_c - m)$$

and no probability is ever formed. It is one operation from the scores to the losses, `(N, C)` to `(N,)`: nothing of size `(N, C)` has to be kept between softmax, logarithm and choice, which for a language model with 50,000 classes is the largest array of all.

NumPy picks one number a row with two lists of indices: `x[np.arange(N), classes]` is `x[0, classes[0]]`, `x[1, classes[1]]` and so on. The trap is in Python's indices: class −1 would be taken for the last one without a word. So class indices are checked first, and the error names the class and how many there are.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "losses-cross-entropy"}
#| exporti
def _check_classes(classes, number):
    """IndexError if one of `classes` is below 0 or not below `number`.

    1. `wrong`: those of the array `classes` that do not exist; `|` joins two conditions.
    2. If there are any, raise an IndexError that names the first of them and the number.
    """
    ### BEGIN SOLUTION
    wrong = classes[(classes < 0) | (classes >= number)]
    if wrong.size:
        raise IndexError(f"there is no class {wrong[0]}: {number} classes, 0 to {number - 1}")
    ### END SOLUTION


class CrossEntropyOperation(Operation):
    """One loss a row: (N, C) scores and `self.targets`, N classes, give shape (N,).

    1. `shifted`: `x` minus the largest score of each row (keep the dimension).
    2. `chosen`: of each row of `shifted` the number at its class.
    3. Exponentiate `shifted`: `np.exp(shifted, out=shifted)` needs no second array of its size.
    4. The logarithm of each row's sum, minus `chosen`.
    """

    name = "cross_entropy"

    def forward(self, x):
        ### BEGIN SOLUTION
        shifted = x - x.max(axis=1, keepdims=True)
        chosen = shifted[np.arange(len(x)), self.targets]
        np.exp(shifted, out=shifted)
        return np.log(shifted.sum(axis=1)) - chosen
        ### END SOLUTION


# %% [markdown]
"""
**Test: the operation.** Three rows whose probabilities are simple fractions, in both dtypes; scores of ±1000; no rows at all; the scores must be afterwards what they were. Then class indices: the first and the last are right, −1 and one too many are refused, and the error says which and how many.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "losses-cross-entropy-test", "points": 6}
def test_cross_entropy_of_rows():
    rows, classes = np.log([[1.0, 2.0, 5.0], [3.0, 3.0, 2.0], [0.5, 0.25, 0.25]]), [2, 0, 1]
    for dtype, rtol in ((np.float32, 1e-5), (np.float64, 1e-12)):
        x = Tensor(rows + 7, dtype=dtype)
        before = x.data.copy()
        each = apply("cross_entropy", x, targets=np.array(classes))
        assert (each.dtype, each.shape) == (dtype, (3,))
        np.testing.assert_allclose(each.data, -np.log([5 / 8, 3 / 8, 1 / 4]), rtol=rtol)
        np.testing.assert_array_equal(x.data, before)
    large = Tensor([[1000.0, -1000.0], [-1000.0, 1000.0], [1000.0, 1000.0]])
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        each = apply("cross_entropy", large, targets=np.array([0, 0, 1]))
    np.testing.assert_allclose(each.data, [0.0, 2000.0, math.log(2.0)], rtol=1e-6)
    assert apply("cross_entropy", large[:0], targets=np.array([], dtype=int)).shape == (0,)


def test_class_indices():
    for classes in ([0, 2], [1], []):
        _check_classes(np.array(classes, dtype=int), 3)
    for classes, number, wrong in (([0, 12, 25], 12, "12"), ([2, -1], 7, "-1"), ([25, 3], 7, "25")):
        message = "nothing was refused"
        try:
            _check_classes(np.array(classes), number)
        except IndexError as error:
            message = str(error)
        for word in (wrong, str(number)):
            assert word in message, f"{classes}: {word!r} is not in {message!r}"
        assert "25" not in message or wrong == "25", f"{message!r} does not name the first"


test_cross_entropy_of_rows()
test_class_indices()

# %% [markdown]
"""
## Step 6: One class of many, the losses

The next cell is given. It brings every shape that PyTorch takes into rows: `(C,)` for a single example, `(N, C)`, and `(N, C, d1, …)`, a class for every pixel of an image, where the classes are in the *second* dimension. Targets equal to `ignore_index` do not count, neither in the sum nor in the mean; padding at the end of a short sentence is marked so. PyTorch can also weight classes, and takes probabilities as targets; we leave both out.

What is left for each of the two losses is its method `_losses`, from rows and classes to one loss a row. A model that ends with `LogSoftmax` has done half of the cross-entropy already: pick the number at the right class and turn its sign. This is the *negative log-likelihood*. Indexing a tensor is an operation of module 02, so nothing new is needed.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "losses-classes"}
#| export
def _rows_and_classes(input, target):
    """The scores as rows (M, C) and the classes (M,) as integers, M = the size of `target`."""
    input = _floating(input)
    target = target.data if isinstance(target, Tensor) else np.asarray(target)
    fitting = input.shape[:1] + input.shape[2:] if input.ndim > 1 else ()
    if not input.ndim or target.shape != fitting:
        expected = f", not {fitting}" if input.ndim else ": one dimension must be the classes"
        raise ValueError(f"input {input.shape} and target {target.shape} do not fit{expected}")
    if target.dtype.kind not in "iu" and target.size:
        hint = "np.array([0, 2]) or Tensor(…, dtype=np.int64)"
        raise TypeError(f"class indices are whole numbers, as in {hint}, not {target.dtype}")
    classes = input.shape[0 if input.ndim == 1 else 1]
    if not classes:
        raise ValueError(f"an input of shape {input.shape} has no classes")
    if input.ndim > 2:
        input = input.permute(0, *range(2, input.ndim), 1)
    if input.ndim != 2:
        input = input.reshape(target.size, classes)
    return input, target.reshape(-1).astype(np.int64)


class _ClassLoss(_Loss):
    """A loss of scores and class indices. Targets equal to `ignore_index` do not count."""

    def __init__(self, reduction="mean", ignore_index=-100):
        super().__init__(reduction)
        self.ignore_index = ignore_index

    def forward(self, input, target):
        """(N, C, d1, …) and classes (N, d1, …), or (C,) and one class: a loss for each, reduced."""
        rows, classes = _rows_and_classes(input, target)
        counts = classes != self.ignore_index
        _check_classes(classes[counts], rows.shape[1])
        if counts.all():
            losses, count = self._losses(rows, classes), None
        else:
            losses = where(counts, self._losses(rows, np.where(counts, classes, 0)), 0)
            count = counts.sum()
        shape = np.shape(target)
        losses = losses if losses.shape == shape else losses.reshape(shape)
        return _reduce(losses, self.reduction, count)

    def __repr__(self):
        settings = f"reduction={self.reduction!r}, ignore_index={self.ignore_index}"
        return f"{type(self).__name__}({settings})"


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "losses-class-losses"}
#| export
class CrossEntropyLoss(_ClassLoss):
    """Cross-entropy of scores (logits) and class indices, reduced.

    >>> round(CrossEntropyLoss()(Tensor([[0.0, 0.0]]), np.array([1])).item(), 4)
    0.6931
    """

    def _losses(self, rows, classes):
        """One loss a row, of shape (M,): `apply` the operation, with the classes as `targets`."""
        ### BEGIN SOLUTION
        return apply("cross_entropy", rows, targets=classes)
        ### END SOLUTION


class NLLLoss(_ClassLoss):
    """The negative log-probability of each example's class, reduced. The input is not checked.

    >>> NLLLoss("none")(Tensor([[-0.5, -1.0], [-2.0, -0.25]]), np.array([1, 0])).tolist()
    [1.0, 2.0]
    """

    def _losses(self, rows, classes):
        """One loss a row, of shape (M,).

        1. Index `rows`, a tensor, with a pair: `np.arange` over the rows, and the classes.
        2. Turn the sign.
        """
        ### BEGIN SOLUTION
        return -rows[np.arange(len(classes)), classes]
        ### END SOLUTION


# %% [markdown]
"""
**Test: one class of many.** Log-probabilities are scores, too, whose cross-entropy is the negative log-likelihood: both losses must give the same, in every shape and reduction, with targets that do not count and without. A row that does not count may hold anything. Then what is refused: a class that does not exist, a shape, and targets that are no whole numbers. And scores that are no log-probabilities tell the two apart.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "losses-class-losses-test", "points": 6}
def test_class_losses():
    table = np.log([[0.125, 0.25, 0.625], [0.375, 0.375, 0.25]])
    classes, expected = np.array([2, 0]), -np.log([0.625, 0.375])
    for kind in (CrossEntropyLoss, NLLLoss):
        each = kind("none")(Tensor(table), classes)
        np.testing.assert_allclose(each.data, expected, rtol=1e-6)
        image = kind("none")(Tensor(table.T.reshape(1, 3, 2, 1)), classes.reshape(1, 2, 1))
        np.testing.assert_allclose(image.data, expected.reshape(1, 2, 1), rtol=1e-6)
        np.testing.assert_allclose(kind("none")(Tensor(table[1]), 0).data, expected[1], rtol=1e-6)
        totals = [kind(reduction)(Tensor(table), Tensor(classes)) for reduction in ("sum", "mean")]
        np.testing.assert_allclose([t.item() for t in totals], [expected.sum(), expected.mean()])
        rows = Tensor(np.vstack([table, [[math.nan] * 3]]), dtype=np.float64)
        for ignored in (-100, 1):
            some = [kind(r, ignored)(rows, [2, 0, ignored]) for r in ("none", "sum", "mean")]
            np.testing.assert_allclose(some[0].data, [*expected, 0.0])
            np.testing.assert_allclose(some[1].item(), expected.sum())
            np.testing.assert_allclose(some[2].item(), expected.mean())
        assert repr(kind("sum")) == f"{kind.__name__}(reduction='sum', ignore_index=-100)"
    assert NLLLoss("none")(Tensor([[-1.0, -2.0]]), [1]).tolist() == [2.0]
    assert CrossEntropyLoss("none")(Tensor([[-1.0, -1001.0]]), [1]).tolist() == [1000.0]


def test_wrong_classes_are_refused():
    x = Tensor(np.zeros((2, 3)))
    for kind in (CrossEntropyLoss, NLLLoss):
        for target, error, words in (
            ([1, 3], IndexError, ["3"]),
            ([-1, 0], IndexError, ["-1", "3"]),
            ([[0], [2]], ValueError, ["(2, 3)", "(2, 1)"]),
            (Tensor([0.0, 2.0]), TypeError, ["whole numbers", "float32"]),
        ):
            message = "nothing was refused"
            try:
                kind()(x, target)
            except error as caught:
                message = str(caught)
            for word in words:
                assert word in message, f"{target}: {word!r} is not in {message!r}"


test_class_losses()
test_wrong_classes_are_refused()

# %% [markdown]
"""
## Systems analysis

**Fused and composed.** The same loss in three ways: your operation, log-softmax and then the choice, and the logarithm of the softmax. Each intermediate result is an array as large as the scores. How much time and memory does it cost to form them? While a network trains, module 06 keeps every one of these results until the backward pass has used it.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "losses-analyze-fused"}
def analyze_fused():
    """Time and memory of one loss in three ways, for digits, ImageNet and a language model."""
    import timeit
    import tracemalloc

    from tinytorch.core.activations import log_softmax, softmax

    ways = {
        "CrossEntropyLoss": lambda x, t: CrossEntropyLoss()(x, t),
        "NLLLoss of log_softmax": lambda x, t: NLLLoss()(log_softmax(x), t),
        "NLLLoss of softmax.log": lambda x, t: NLLLoss()(softmax(x).log(), t),
    }
    for examples, classes in ((128, 10), (128, 1000), (128, 50_000)):
        random = np.random.default_rng(0)
        x = Tensor(random.standard_normal((examples, classes)))
        t = random.integers(0, classes, examples)
        print(f"\n{examples} x {classes:,}: scores of {x.data.nbytes / 1e6:.2f} MB")
        for name, way in ways.items():
            taken = min(timeit.repeat(lambda w=way, x=x, t=t: w(x, t), number=1, repeat=5)) * 1e3
            tracemalloc.start()
            way(x, t)
            peak = tracemalloc.get_traced_memory()[1] / x.data.nbytes
            tracemalloc.stop()
            print(f"  {name:23} {taken:8.3f} ms, {peak:4.1f} times the memory of the scores")


# %% [markdown]
"""
**What the logarithm of a probability loses.** A score that is ahead by `gap`, and the truth was the other one: the loss is the gap and a little more. How near do the two-step ways come, in float32? Follow the columns down until they break.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "losses-analyze-precision"}
def analyze_precision():
    """The loss of a wrong answer by formula, from the score, and from a rounded probability."""
    from tinytorch.core.activations import sigmoid, softmax

    print("\n gap         exact   cross-entropy    -log(softmax)   with logits     BCE(sigmoid)")
    for gap in (1.0, 5.0, 10.0, 15.0, 20.0, 80.0, 100.0, 110.0):
        exact = gap + math.log1p(math.exp(-gap))
        x, score, wrong = Tensor([[0.0, gap]]), Tensor([gap]), Tensor([0.0])
        fused = CrossEntropyLoss()(x, np.array([0])).item()
        with np.errstate(divide="ignore"):
            composed = -softmax(x).log()[0, 0].item()
        logits = BCEWithLogitsLoss()(score, wrong).item()
        clamped = BCELoss()(sigmoid(score), wrong).item()
        row = f"{exact:14.6f}{fused:16.6f}{composed:17.6f}{logits:14.6f}{clamped:17.6f}"
        print(f"{gap:4.0f}{row}")


# %% [markdown]
"""
## Integration

A network of module 04, with the ReLU of module 03 inside, and its loss at the end. The hidden layer gives (1, 2) for the first example and (3, 0) for the second, so the scores are (1, 3) and (3, 1), and with class 1 for both the losses are log(1 + e⁻²) and 2 more than that. The same loss comes out of log-softmax and `NLLLoss`, and, since there are two classes, out of the difference of their scores and `BCEWithLogitsLoss`.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "losses-integration-test", "points": 2}
def test_a_network_and_its_loss():
    from tinytorch.core.activations import LogSoftmax, ReLU, Sigmoid
    from tinytorch.core.layers import Linear, Sequential

    model = Sequential(Linear(2, 2), ReLU(), Linear(2, 2))
    model[0].weight.data[...] = [[1.0, 0.0], [0.0, 1.0]]
    model[0].bias.data[...] = [0.0, -1.0]
    model[2].weight.data[...] = [[1.0, 0.0], [0.0, 1.0]]
    model[2].bias.data[...] = [0.0, 1.0]
    x, classes = Tensor([[1.0, 3.0], [3.0, 0.5]]), np.array([1, 1])
    scores, little = model(x), math.log1p(math.exp(-2.0))
    assert scores.tolist() == [[1.0, 3.0], [3.0, 1.0]]
    each = [little, 2 + little]
    np.testing.assert_allclose(CrossEntropyLoss("none")(scores, classes).data, each, rtol=1e-6)
    np.testing.assert_allclose(NLLLoss("none")(LogSoftmax()(scores), classes).data, each, rtol=1e-6)
    ahead = scores[:, 1] - scores[:, 0]
    np.testing.assert_allclose(BCEWithLogitsLoss("none")(ahead, classes).data, each, rtol=1e-6)
    np.testing.assert_allclose(BCELoss("none")(Sigmoid()(ahead), classes).data, each, rtol=1e-6)
    assert MSELoss()(scores, [[0.0, 1.0], [0.0, 1.0]]).item() == 3.5
    assert L1Loss()(scores, [[0.0, 1.0], [0.0, 1.0]]).item() == 1.5
    assert list(Sequential(model, CrossEntropyLoss()).parameters()) == list(model.parameters())


test_a_network_and_its_loss()

# %% [markdown]
"""
## Production context

PyTorch's losses have these names, settings and results. Its `CrossEntropyLoss` is a log-softmax followed by `NLLLoss` inside, two kernels, and libraries for large language models replace it by a fused one such as yours. Some go further and compute the scores of a few rows at a time, so that the `(N, C)` array never exists. Under automatic half precision its `BCELoss` refuses to run, for the reason you measured, and tells you to use the logits.

JAX leaves losses to small libraries of pure functions: Optax has `softmax_cross_entropy_with_integer_labels`, and the mean is yours to take. Keras has one loss for class indices (`SparseCategoricalCrossentropy`) and one for rows of probabilities, and takes probabilities unless you say `from_logits=True`: forgetting it trains, badly, and without an error.
"""

# %% [markdown]
"""
## Comprehensive testing

What must hold for all six: no loss is below zero here, and a perfect answer costs nothing; the better of two answers has the smaller loss; the reductions agree with each other; an empty batch has the sum 0 and the mean `nan`; another reduction is refused.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "losses-comprehensive-test", "points": 3}
def test_all_losses():
    import warnings

    scores, classes = [[30.0, -30.0], [-30.0, 30.0]], np.array([0, 1])
    numbers, yes = [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]
    logs = [[0.0, -40.0], [-40.0, 0.0]]
    for loss, perfect, target in (
        (MSELoss, numbers, yes),
        (L1Loss, numbers, yes),
        (BCELoss, numbers, yes),
        (BCEWithLogitsLoss, scores, yes),
        (CrossEntropyLoss, scores, classes),
        (NLLLoss, logs, classes),
    ):
        best, worse = Tensor(perfect), Tensor(perfect) * 0.75
        worst = Tensor(perfect)[::-1]
        costs = [loss()(x, target).item() for x in (best, worse, worst)]
        assert 0.0 <= costs[0] < 1e-6, f"{loss.__name__}: {costs}"
        assert costs[0] <= costs[1] < costs[2], f"{loss.__name__}: {costs}"
        each = loss("none")(worst, target).data
        np.testing.assert_allclose(loss("sum")(worst, target).item(), each.sum(), rtol=1e-6)
        np.testing.assert_allclose(loss("mean")(worst, target).item(), each.mean(), rtol=1e-6)
        nothing = Tensor(np.zeros((0, 2))), np.asarray(target)[:0]
        assert loss("sum")(*nothing).item() == 0.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            assert math.isnan(loss()(*nothing).item())
        refused = False
        try:
            loss("average")
        except ValueError:
            refused = True
        assert refused, f"{loss.__name__} took the reduction 'average'"


test_all_losses()

# %%
if __name__ == "__main__":
    run_tests()
    analyze_fused()
    analyze_precision()

# %% [markdown]
"""
## 🤔 ML Systems Thinking: Interactive Questions

Answer in your own words, from the code you wrote and the numbers you measured. Two or three sentences each are enough.

**Question 1: memory.** A language model computes scores for 16 texts of 1024 tokens and 50,000 classes, in float32. How large is this one array? What do your measurements of `analyze_fused` say about how much is added to it at the peak by the fused loss, and how much by log-softmax and then the choice?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "losses-question-memory", "points": 1}
"""
Model answer: 16 · 1024 · 50,000 numbers of 4 bytes are 3.3 GB. The fused loss adds one array of that size, because it exponentiates in place; log-softmax holds two at its peak, the shifted scores and their exponentials or the result, and the result stays until the backward pass has used it. On a device with 16 GB this decides whether the batch fits at all.
"""

# %% [markdown]
"""
**Question 2: precision.** In the table of `analyze_precision`, `BCE(sigmoid)` breaks long before `-log(softmax)` does. Both take the logarithm of a rounded probability. Why is one near 1 so much worse than one near 0?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "losses-question-precision", "points": 1}
"""
Model answer: floating numbers have the same relative precision at every size, so a tiny probability keeps its seven digits down to about 1e-38, a gap of 87. Near 1 their distance is 6e-8, so 1 - p is a multiple of that: at a gap of 15 one or two digits are left, and from 17 on p is exactly 1 and the clamp answers 100. What was rounded away no logarithm brings back, so the score has to go into the loss.
"""

# %% [markdown]
"""
**Question 3: a shape that fits by accident.** A regression model returns shape (N, 1), the targets have shape (N,), and the loss does not check. The model trains, the loss falls for a while and then stays. What does it compute, and what does the model learn to answer?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "losses-question-shapes", "points": 1}
"""
Model answer: the difference is an (N, N) table, every answer against every target, and the loss is the mean of all N² squares. For each answer alone the best value is then the mean of all targets, whatever its input was, so the model learns a constant and the loss stays at the variance of the targets. It also takes N times the memory.
"""

# %% [markdown]
"""
**Question 4: mean or sum.** Someone trains with `reduction="sum"` and a batch of 32, then moves to a larger machine and a batch of 256. The same learning rate no longer works. Why, and what would have happened with the mean? What does the mean do to the last batch of an epoch, if it has only 3 examples?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "losses-question-reduction", "points": 1}
"""
Model answer: the sum of 256 losses is about eight times that of 32, so its gradients are too, and every step is eight times as long. The mean keeps the size of a step independent of the batch. In a last batch of 3, each example then weighs as much as ten do in a batch of 32, which makes that step noisy; a loader may drop such a batch, and a mean over the epoch has to weight batches by their size.
"""

# %% [markdown]
"""
## 🎯 MODULE SUMMARY: Losses

You wrote six losses and three operations. A loss compares equal shapes only and refuses class indices that do not exist, because both mistakes would pass in silence. It starts from scores, not from probabilities: what was rounded to 0 or 1 cannot be brought back. Fused into one operation, it also needs a fraction of the memory.

Put it into the package with `tito module export 05`, and see what you can do now: `tito checkpoint test 04`. In module 06 the loss finds out by itself in which direction each weight has to move: autograd.
"""
