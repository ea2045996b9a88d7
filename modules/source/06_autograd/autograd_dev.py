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
# Module 06: Autograd

To learn, a network must know for each of its numbers whether more or less of it would make the loss smaller, and how fast. A small network has a hundred thousand such numbers. Trying them out one by one would take a hundred thousand runs. What you build here finds all of these slopes with one walk backwards through the computation, for about twice the price of computing the loss once.

The idea needs two parts. Every operation knows its own slope, and nothing else: that is a table of some forty short rules, and reading it from top to bottom is reading the calculus. And a walk that multiplies and adds these slopes in the right order, through any computation whatsoever. Both are yours to write. No line of modules 02 to 05 changes: they went through one door, `apply`, and this module hangs a recorder beside that door.
"""

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "autograd-start"}
from tinytorch.core.setup import run_tests, warnings_to_stdout

warnings_to_stdout()

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "autograd-imports"}
#| default_exp core.autograd
#| export
import functools
import math

import numpy as np

from tinytorch.core.tensor import Operation, Tensor, _State, apply, generator, gradient_of

# %% [markdown]
r"""
## Mathematical background

**One rule.** If $L$ depends on $z$, and $z$ on $x$, then $\frac{\partial L}{\partial x} = \frac{\partial L}{\partial z} \cdot \frac{\partial z}{\partial x}$. That is the chain rule, and the whole of this module. Where $x$ goes into several places, the contributions add up.

**What a rule does.** Say $z = x \cdot y$ and somebody already found $\frac{\partial L}{\partial z}$, which the code calls `gradient`: an array with the shape of $z$, one slope for each of its numbers. The rule of the product answers with one array for each input: `gradient * y` for $x$ and `gradient * x` for $y$. It never needs to know what $L$ is, or what happens before or after it. The Jacobian, the full table of all slopes of all outputs by all inputs, is never written down: for a thousand numbers in and out it would hold a million entries, nearly all zero.

**Why backwards.** Going forwards, one walk gives the slopes of everything by *one* input. Going backwards, one walk gives the slopes of *one* output by everything. Training has one output, the loss, and millions of inputs. The price is memory: the rules want the numbers of the forward pass, so these must be kept until the walk comes by.

**Cost.** The walk calls each recorded operation's rule exactly once. A product of matrices needs two products backwards, most others about as much as forwards. Visiting every *path* instead would double the cost with each place where a tensor is used twice: 1,000 of them, and the sun would burn out first.
"""

# %% [markdown]
"""
## How to know that a rule is right

You can always measure a slope: move one number a little up, then a little down, and see how the result changes. Done for every element, these *central differences* are far too slow for training, but they cannot be wrong in the same way as your rule. In float64 they agree with a right rule to seven digits or more.

The next two cells are given. `Variable` is a short word for a tensor that requires a gradient. `_measured_gradient` measures; `grad_check` compares a whole function with it and can be used as soon as step 9 is written. Results with many numbers are weighed with fixed random numbers before they are summed, because a plain sum hides mistakes: the plain sum of a softmax is always 1 and its slope is zero, right or wrong. `assert_gradient`, for the tests of this file, does the same for a single rule.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "autograd-check"}
#| export
def Variable(data):  # noqa: N802
    """A tensor that requires a gradient: `Tensor(data, requires_grad=True)`."""
    return Tensor(data, requires_grad=True)


def _measured_gradient(function, array, step=1e-6):
    """The slope of `function()`, a number, by each element of the float64 `array` it reads."""
    slopes = np.zeros_like(array)
    for place in np.ndindex(array.shape):
        before = array[place]
        array[place] = before + step
        above = function()
        array[place] = before - step
        slopes[place] = (above - function()) / (2 * step)
        array[place] = before
    return slopes


def grad_check(function, *inputs, tolerance=1e-6):
    """Compare backward with central differences, in float64. Returns True or says what differs.

    `function` takes tensors and returns one. Floating inputs are copied and checked, others are
    passed on. It must not draw random numbers, and no input may lie at a kink, such as relu's 0.
    Raises AssertionError with the input, the place and both slopes.
    """
    tensors = [x if isinstance(x, Tensor) else Tensor(x) for x in inputs]
    checked = [Tensor(x, np.float64, True) if x.dtype.kind == "f" else x for x in tensors]
    output = function(*checked)
    weights = np.random.default_rng(0).uniform(0.5, 1.5, output.shape)
    backward(output, weights)

    def total():
        return float((function(*checked).data * weights).sum())

    for number, x in enumerate(checked):
        if x.requires_grad:
            expected = _measured_gradient(total, x.data)
            found = np.zeros(x.shape) if x.grad is None else x.grad
            allowed = tolerance * max(1.0, np.abs(expected).max(initial=0.0))
            for place in map(tuple, np.argwhere(~(np.abs(found - expected) <= allowed)).tolist()):
                slopes = f"backward gives {found[place]:.8g}, measured {expected[place]:.8g}"
                raise AssertionError(f"input {number} is wrong at {place}: {slopes}")
    return True


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "autograd-assert"}
# Importing modules 03 and 05 puts their operations into the table.
from tinytorch.core.activations import gelu, relu
from tinytorch.core.losses import MSELoss
from tinytorch.core.tensor import cat, gradients, manual_seed, operations, rand, randn, where


def run_rule(name, gradient, *arrays, output=None, needs=(True, True), **settings):
    """What the rule of the operation `name` returns, without recorder and walk."""
    operation = operations.get(name, Operation)(**settings)
    shapes = tuple(x.shape for x in arrays)
    vars(operation).update(inputs=arrays, output=output, shapes=shapes, needs=needs)
    return gradients[name](operation, gradient)


def assert_gradient(name, *arrays, **settings):
    """The rule of the operation `name` against central differences of its `forward`."""
    arrays = [np.array(x, dtype=np.float64) for x in arrays]
    forward = operations[name](**settings).forward
    output = np.asarray(forward(*arrays))
    weights = np.random.default_rng(0).uniform(0.5, 1.5, output.shape)
    found = run_rule(name, weights, *arrays, output=output, **settings)
    for x, part in zip(arrays, found, strict=True):
        expected = _measured_gradient(lambda: float((forward(*arrays) * weights).sum()), x)
        part = np.asarray(part) if np.shape(part) == x.shape else _unbroadcast(part, x.shape)
        assert part.shape == x.shape, f"{name}: {part.shape} is no gradient for {x.shape}"
        np.testing.assert_allclose(part, expected, rtol=1e-5, atol=1e-8)


numbers = np.random.default_rng(6)

# %% [markdown]
"""
## What is recorded

The next cell is given. `apply` calls `record` after each operation that has an input which requires a gradient. This makes one *node* and hangs it on the result as `tensor.node`. A node knows its operation, and its `parents`, one for each input: a node, if that input was itself computed; the tensor, if it was not (a *leaf*, such as a parameter, where gradients end up as `tensor.grad`); None, if that input requires no gradient.

So the nodes form a graph that leads from the loss back to the leaves. Your rules get the operation and find there: `operation.inputs` and `operation.output`, the arrays of the forward pass; `operation.shapes`, the shapes of the inputs; `operation.needs`, which tells for each input if anybody wants its gradient; and the settings, such as `operation.axis`.

Memory is what limits training, so a node keeps only what its rule reads: if the code of a rule does not say `operation.inputs`, they are let go. (So read them in the rule itself and not in a function which it calls.) What is kept must not change until the walk comes by: the version of each kept tensor is noted, and `check` compares it.

`parts` runs the rule and makes each answer fit its input with your `_unbroadcast` from step 1. Its third value tells if the array was made by this rule for this input alone, so that it may become somebody's `grad` without a copy. `_first_gradient` is what the walk starts with: the slope of the loss by itself, 1.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "autograd-recorder"}
#| exporti
@functools.cache
def _reads(gradient):
    """Which names the code of a rule uses: what it does not read need not be kept."""
    names, codes = set(), [getattr(gradient, "__code__", None)]
    for code in codes:
        if code is None:
            return {"inputs", "output"}
        names.update(code.co_names)
        codes += [inner for inner in code.co_consts if hasattr(inner, "co_names")]
    return names


class _Node:
    """One recorded operation: what it is, where its inputs came from, what it keeps."""

    __slots__ = ("dtypes", "operation", "parents", "versions")

    def __init__(self, operation, tensors, output):
        self.operation = operation
        self.parents = tuple((t.node or t) if t.requires_grad else None for t in tensors)
        self.dtypes = tuple(t.data.dtype for t in tensors)
        operation.shapes = tuple(t.data.shape for t in tensors)
        operation.needs = tuple(t.requires_grad for t in tensors)
        reads = _reads(operation.gradient)
        kept = [*(tensors if "inputs" in reads else ()), *((output,) if "output" in reads else ())]
        self.versions = [(t._version, t._version[0]) for t in kept]
        for name in {"inputs", "output"}.difference(reads):
            delattr(operation, name)

    def check(self):
        """Raise an error if the walk could not pass here, before it changes any gradient."""
        operation = self.operation
        if operation is None:
            way = "compute the result again, or use backward(tensor, retain_graph=True) before"
            raise RuntimeError(f"backward() has been here and freed what was kept: {way}")
        name = operation.name
        if operation.gradient is None:
            reason = getattr(operation, "no_gradient", "") or "register one with @gradient_of"
            raise NotImplementedError(f"the operation {name!r} has no gradient: {reason}")
        if any(version[0] != number for version, number in self.versions):
            way = "change a copy instead, as in y = y + 1"
            raise RuntimeError(f"what {name!r} needs for its gradient was changed in place: {way}")

    def parts(self, gradient):
        """(parent, its part of the gradient or None, made for it alone) of each input."""
        if gradient is None:
            return [(parent, None, False) for parent in self.parents]
        results = self.operation.gradient(self.operation, gradient)
        if not isinstance(results, (tuple, list)) or len(results) != len(self.parents):
            name, count = self.operation.name, len(self.parents)
            raise TypeError(f"the gradient of {name!r} must be a tuple of {count}, one an input")
        arrays = [x if x is None else np.asarray(x) for x in results]
        used = [id(y) for x in arrays if x is not None for y in (x, x.base)]
        parts = []
        for number, (parent, array) in enumerate(zip(self.parents, arrays, strict=True)):
            part = None if parent is None or array is None else self._fitted(number, array)
            fresh = part is not None and part.base is None and part is not gradient
            parts.append((parent, part, fresh and used.count(id(part)) <= 1))
        return parts

    def _fitted(self, number, array):
        """The gradient of input `number` in that input's shape and dtype."""
        name, shape, found = self.operation.name, self.operation.shapes[number], array.shape
        if found != shape:
            pairs = zip(reversed(found), reversed(shape), strict=False)
            if len(found) < len(shape) or any(theirs not in (1, ours) for ours, theirs in pairs):
                about = f"the gradient of {name!r} for input {number}"
                raise ValueError(f"{about} has shape {found}, the input has {shape}")
            array = _unbroadcast(array, shape)
        return np.asarray(array, dtype=self.dtypes[number])

    def release(self):
        """Let everything go that was kept for the walk."""
        self.operation, self.parents, self.versions = None, (), ()


class _Recorder:
    """What `apply` and `Tensor.backward` call. One for the whole program, also for its threads."""

    enabled = True
    rehearsing = False  # then results say that they require a gradient, and nothing is kept

    def record(self, operation, tensors, output):
        if not self.rehearsing:
            output.node = _Node(operation, tensors, output)

    def backward(self, tensor, gradient):
        backward(tensor, gradient)


def _first_gradient(tensor, gradient):
    """The array with which the walk begins; errors if `tensor` is no place to begin."""
    if not tensor.requires_grad:
        reason = "nothing it was made from requires one, or it was made inside no_grad()"
        raise RuntimeError(f"this tensor requires no gradient: {reason}")
    if gradient is None:
        if tensor.data.size != 1:
            way = "take its .sum() or .mean() first, or pass the gradient to start with"
            raise RuntimeError(f"backward() starts from one number, not {tensor.shape}: {way}")
        return np.ones(tensor.shape, dtype=tensor.dtype)
    gradient = np.array(gradient.data if isinstance(gradient, Tensor) else gradient, tensor.dtype)
    if gradient.shape != tensor.shape:
        raise ValueError(f"the gradient has shape {gradient.shape}, the tensor {tensor.shape}")
    return gradient


_State.recorder = _Recorder()

# %% [markdown]
"""
## Step 1: Un-broadcasting

`(4, 3) + (3,)` uses each of the three numbers four times, once in each row. Where a number is used several times, its contributions add up. So the gradient of the row is the sum over the four rows. In general: whatever broadcasting repeated, its gradient sums.

Broadcasting repeats in two ways. Dimensions that were missing in front were added: sum them away. Dimensions of size 1 were stretched: sum them, but keep them with size 1. This is the one place of the framework that knows about this: the walk calls it wherever a rule's answer is larger than the input, so the rules themselves need not care.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "autograd-unbroadcast"}
#| exporti
def _unbroadcast(gradient, shape):
    """Sum `gradient` over everything that broadcasting repeated: an array of the given `shape`.

    >>> _unbroadcast(np.ones((4, 3)), (3,)).tolist()
    [4.0, 4.0, 4.0]

    1. Sum over the dimensions in front which `shape` does not have (`axis` takes a tuple).
    2. Sum over those where `shape` has size 1, with keepdims=True.
    """
    ### BEGIN SOLUTION
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return gradient.sum(axis=stretched, keepdims=True)
    ### END SOLUTION


# %% [markdown]
"""
**Test: un-broadcasting.** Missing dimensions, stretched ones, both at once, a single number, and a stretched dimension of length 0, where the sum over nothing is 0. The numbers differ, so that a sum along the wrong axis shows.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "autograd-unbroadcast-test", "points": 3}
def test_unbroadcast():
    g = np.arange(6.0).reshape(2, 3)
    assert _unbroadcast(g, (3,)).tolist() == [3.0, 5.0, 7.0]
    assert _unbroadcast(g, (1, 3)).tolist() == [[3.0, 5.0, 7.0]]
    assert _unbroadcast(g, (2, 1)).tolist() == [[3.0], [12.0]]
    assert (_unbroadcast(g, ()), _unbroadcast(g, (1,)).tolist()) == (15.0, [15.0])
    deep = np.arange(24.0).reshape(2, 3, 4)
    assert _unbroadcast(deep, (3, 1)).tolist() == [[60.0], [92.0], [124.0]]
    assert _unbroadcast(np.ones((0, 3)), (1, 3)).tolist() == [[0.0, 0.0, 0.0]]


test_unbroadcast()

# %% [markdown]
r"""
## Step 2: Arithmetic

Each rule gets `gradient`, the slope of the loss by the result, and returns a tuple with one array for each input, here $dx$ and $dy$. A tuple of one is written `(a,)`.

The formulas stand in the docstrings, where $z$ is the result, `dz` the gradient and `dx` your answer for $x$.

The slope of a quotient by $y$ is $-x / y^2$, written there with the result that is at hand already. The power has two exceptions. For $y = 0$ the result is 1 whatever $x$ is, so $dx$ is 0, also at $x = 0$, where the formula says $0 \cdot \infty$. And the exponent is nearly always a plain number: `operation.needs[1]` is then False, and the logarithm, which negative numbers do not have, must not be computed. The exponent's own slope at $x = 0$ is 0.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "autograd-arithmetic"}
#| exporti
@gradient_of("add")
def add_gradient(operation, gradient):
    """z = x + y: dx = dz, dy = dz."""
    return gradient, gradient


@gradient_of("sub")
def sub_gradient(operation, gradient):
    """z = x - y: dx = dz, dy = -dz."""
    ### BEGIN SOLUTION
    return gradient, -gradient
    ### END SOLUTION


@gradient_of("neg")
def neg_gradient(operation, gradient):
    """z = -x: dx = -dz."""
    ### BEGIN SOLUTION
    return (-gradient,)
    ### END SOLUTION


@gradient_of("mul")
def mul_gradient(operation, gradient):
    """z = x * y: dx = dz * y, dy = dz * x."""
    ### BEGIN SOLUTION
    x, y = operation.inputs
    return gradient * y, gradient * x
    ### END SOLUTION


@gradient_of("div")
def div_gradient(operation, gradient):
    """z = x / y: dx = dz / y, dy = -dz * z / y. The result z is `operation.output`."""
    ### BEGIN SOLUTION
    dx = gradient / operation.inputs[1]
    return dx, -dx * operation.output
    ### END SOLUTION


@gradient_of("pow")
def pow_gradient(operation, gradient):
    """z = x**y: dx = dz * y * x**(y - 1), or 0 where y is 0; dy = dz * z * log(x), 0 where x is 0.

    Where y is 0, make the exponent y - 1 harmless: `np.where(y == 0, 1, …)`. The same for the
    logarithm where x is 0. dy is None if `operation.needs[1]` is False.
    """
    ### BEGIN SOLUTION
    x, y = operation.inputs
    dx = gradient * y * x ** np.where(y == 0, 1, y - 1)
    wanted = operation.needs[1]
    return dx, gradient * operation.output * np.log(np.where(x == 0, 1, x)) if wanted else None
    ### END SOLUTION


# %% [markdown]
"""
**Test: arithmetic.** Every rule against measured slopes, with equal shapes, with a row, a column and a single number; and powers that have no slope to measure: of negative numbers, of zero, and to the power of zero.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "autograd-arithmetic-test", "points": 8}
def test_arithmetic_gradients():
    for name in ("add", "sub", "mul", "div"):
        for shapes in (((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2, 2))):
            assert_gradient(name, *(numbers.uniform(0.5, 2.0, shape) for shape in shapes))
    assert_gradient("neg", [[1.0, -2.0]])
    assert_gradient("pow", [[0.5], [2.0]], [3.0, 0.5, -1.0])
    x, ones = np.array([-3.0, 0.0, 2.0]), np.ones(3)
    with np.errstate(all="raise"):
        for y, slopes in ((2.0, [-6.0, 0.0, 4.0]), (1.0, [1.0] * 3), (0.0, [0.0] * 3)):
            dx, dy = run_rule("pow", ones, x, np.array(y), output=x**y, needs=(True, False))
            assert (dx.tolist(), dy) == (slopes, None)
        assert not run_rule("pow", ones, 0 * x, x + 3, output=0.0 ** (x + 3))[1].any()


test_arithmetic_gradients()

# %% [markdown]
r"""
## Step 3: The matrix product

For $Z = X Y$ with shapes `(m, k)` and `(k, n)`, changing $X_{ij}$ changes row $i$ of the result, by row $j$ of $Y$. Written out and summed:

$$dX = dZ \cdot Y^T \qquad dY = X^T \cdot dZ$$

The shapes leave no other way: `(m, n) @ (n, k)` and `(k, m) @ (m, n)`. Forgetting the formula is fine if you remember that.

Two things to take care of. A vector takes part as a matrix of one row (on the left) or one column (on the right), and the result lost that dimension: put it back into `gradient` and compute. `dz[..., None, :]` adds a dimension in the last place but one. From $dY$ take it out again, `dy[..., 0]`; from $dX$ step 1 does, since there it stands in front.

And a batch. `(b, m, k) @ (k, n)` uses one matrix for all examples, so $dY$ is a sum over the batch. Making `b` matrices and adding them up would be right and wasteful: put all rows under each other, `(b·m, k)`, and one product computes the sum as well. For a batch on both sides leave the sum, if there is one, to step 1. Backwards takes two products of the same size, so twice the time of forward, and half of that can be saved where nobody needs the gradient of the input: the first layer of every network.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "autograd-matmul"}
#| exporti
@gradient_of("matmul")
def matmul_gradient(operation, gradient):
    """Z = X @ Y: dX = dZ @ Y transposed, dY = X transposed @ dZ; None for what nobody needs.

    1. A vector on the left becomes (1, k), and `gradient` gets a dimension before its last; one
       on the right becomes (k, 1), and `gradient` gets a dimension at its end.
    2. If `operation.needs[0]`: dx, with `np.swapaxes(y, -1, -2)` for the transpose.
    3. If `operation.needs[1]`: dy in the same way, for a vector without its last dimension. If `y` has two dimensions, reshape `x` and
       `gradient` to (rows, k) and (rows, n) first (count the rows: -1 is unknown for size 0).
    """
    ### BEGIN SOLUTION
    x, y = operation.inputs
    left, right, dz = x, y, gradient
    if y.ndim == 1:
        right, dz = y[:, None], dz[..., None]
    if x.ndim == 1:
        left, dz = x[None, :], dz[..., None, :]
    dx = dy = None
    if operation.needs[0]:
        dx = dz @ np.swapaxes(right, -1, -2)
    if operation.needs[1]:
        if right.ndim == 2:
            rows = math.prod(left.shape[:-1])
            left, dz = left.reshape(rows, left.shape[-1]), dz.reshape(rows, dz.shape[-1])
        dy = np.swapaxes(left, -1, -2) @ dz
        dy = dy[..., 0] if y.ndim == 1 else dy
    return dx, dy
    ### END SOLUTION


# %% [markdown]
"""
**Test: the matrix product.** Matrices whose sizes all differ, vectors on each side and on both, a batch on the left, on the right, on both, and one that broadcasts; a batch without examples; what nobody needs is None.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "autograd-matmul-test", "points": 7}
def test_matmul_gradient():
    shapes = ["2 3, 3 4", "3, 3", "3, 3 2", "2 3, 3", "2 2 3, 3 4", "2 3, 2 3 2", "2 2 3, 3"]
    shapes += ["2 2 3, 2 3 2", "2 1 2 3, 3 3 2", "3, 2 3 2", "0 3, 3 2", "2 0, 0 3", "2 0 3, 3 2"]
    for pair in shapes:
        sizes = [tuple(map(int, shape.split())) for shape in pair.split(",")]
        assert_gradient("matmul", *(numbers.uniform(-1.0, 1.0, size) for size in sizes))
    dz, x, y = np.ones((5, 2, 4)), np.ones((5, 2, 3)), np.ones((3, 4))
    for needs in ((True, False), (False, True)):
        answer = run_rule("matmul", dz, x, y, needs=needs)
        assert tuple(part is not None for part in answer) == needs
    assert answer[1].shape == (3, 4)


test_matmul_gradient()

# %% [markdown]
r"""
## Step 4: Functions of one number

The slope of $e^x$ is $e^x$: the result itself, so the rule needs nothing but its output. The slope of $\log x$ is $1/x$. That of $\sqrt{x}$ is $1 / (2\sqrt{x})$, again made from the output. $|x|$ goes up on the right and down on the left of zero; at zero itself there is no slope and 0 is as good as any. `clip` passes what it did not change, the bounds included, and nothing else.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "autograd-functions"}
#| exporti
@gradient_of("exp")
def exp_gradient(operation, gradient):
    """z = exp(x): dx = dz * z."""
    return (gradient * operation.output,)


@gradient_of("log")
def log_gradient(operation, gradient):
    """z = log(x): dx = dz / x."""
    ### BEGIN SOLUTION
    return (gradient / operation.inputs[0],)
    ### END SOLUTION


@gradient_of("sqrt")
def sqrt_gradient(operation, gradient):
    """z = sqrt(x): dx = dz / (2 * z)."""
    ### BEGIN SOLUTION
    return (gradient / (2 * operation.output),)
    ### END SOLUTION


@gradient_of("abs")
def abs_gradient(operation, gradient):
    """z = |x|: dx = dz * sign(x), by np.sign."""
    ### BEGIN SOLUTION
    return (gradient * np.sign(operation.inputs[0]),)
    ### END SOLUTION


@gradient_of("clip")
def clip_gradient(operation, gradient):
    """z = clip(x, min, max): dx = dz where min <= x <= max, else 0. A bound may be None."""
    ### BEGIN SOLUTION
    (x,) = operation.inputs
    above = True if operation.min is None else x >= operation.min
    below = True if operation.max is None else x <= operation.max
    return (gradient * (above & below),)
    ### END SOLUTION


# %% [markdown]
"""
**Test: functions.** Each against measured slopes; `clip` with both bounds, with each alone, and exactly on them; `abs` at zero.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "autograd-functions-test", "points": 5}
def test_function_gradients():
    for name in ("exp", "log", "sqrt", "abs"):
        assert_gradient(name, [[0.3, 0.7, 1.1], [1.6, 2.0, 3.0]])
    assert_gradient("abs", [-0.3, -2.0])
    assert run_rule("abs", np.ones(1), np.zeros(1))[0] == 0.0
    for bounds in ({"min": -1, "max": 0.7}, {"min": 0, "max": None}, {"min": None, "max": 0.7}):
        assert_gradient("clip", [-2.0, -0.4, 0.5, 0.9, 3.0], **bounds)
    (slope,) = run_rule("clip", 2 * np.ones(3), np.array([0.0, 0.5, 1.0]), min=0, max=1)
    assert slope.tolist() == [2.0, 2.0, 2.0]


test_function_gradients()

# %% [markdown]
r"""
## Step 5: Reductions

A reduction makes one number of many, and its rule hands one slope back to many. `_spread`, which is given, lays the gradient along the axes that disappeared, ready to be broadcast over the input.

- The sum hands its slope to everybody. Return a full array (`.copy()`): a broadcast one, with every number at the same place in memory, would make the products that follow slow.
- The mean of $n$ numbers hands on one $n$-th.
- The maximum hands its slope to the largest number alone. Several may be equally large: they share it, as in PyTorch. The minimum does the same, word for word.
- The variance $\frac{1}{n-c}\sum (x_i - \bar x)^2$ has the slope $\frac{2}{n-c}(x_i - \bar x)$. Each $x_i$ also moves the mean; but the differences from the mean add up to zero, so that this part vanishes.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "autograd-reductions"}
#| exporti
def _spread(operation, array):
    """`array`, of the shape of the result, with the axes of the reduction put back as size 1."""
    there = operation.axis is None or operation.keepdims
    return array if there else np.expand_dims(array, operation.axis)


def _count(operation, gradient):
    """How many numbers of the input went into each number of the result."""
    return max(math.prod(operation.shapes[0]) // max(gradient.size, 1), 1)


@gradient_of("sum")
def sum_gradient(operation, gradient):
    """z = x1 + x2 + …: every dx = dz. `_spread`, then `np.broadcast_to` the input's shape; copy."""
    return (np.broadcast_to(_spread(operation, gradient), operation.shapes[0]).copy(),)


@gradient_of("mean")
def mean_gradient(operation, gradient):
    """z = (x1 + … + xn) / n: every dx = dz / n. The given `_count` is n."""
    ### BEGIN SOLUTION
    part = _spread(operation, gradient / _count(operation, gradient))
    return (np.broadcast_to(part, operation.shapes[0]).copy(),)
    ### END SOLUTION


@gradient_of("max")
@gradient_of("min")
def extreme_gradient(operation, gradient):
    """z = the largest (or smallest) x: dx = dz / (how many are), 0 for all others.

    The places are where x equals the `_spread` output; count them with keepdims=True.
    """
    ### BEGIN SOLUTION
    (x,) = operation.inputs
    places = x == _spread(operation, operation.output)
    number = places.sum(axis=operation.axis, keepdims=True)
    return (_spread(operation, gradient) * places / number,)
    ### END SOLUTION


@gradient_of("var")
def var_gradient(operation, gradient):
    """z = sum((x - mean)**2) / (n - correction): dx = dz * 2 * (x - mean) / (n - correction)."""
    ### BEGIN SOLUTION
    (x,) = operation.inputs
    away = x - x.mean(axis=operation.axis, keepdims=True)
    free = _count(operation, gradient) - operation.correction
    return (_spread(operation, gradient) * 2 * away / free,)
    ### END SOLUTION


# %% [markdown]
"""
**Test: reductions.** Each with no axis, one, a negative one and two, kept and not, and with more dimensions than axes; the correction; ties, which share; a batch without examples.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "autograd-reductions-test", "points": 7}
def test_reduction_gradients():
    x = numbers.permutation(24).reshape(2, 3, 4) * 0.1
    for name in ("sum", "mean", "max", "min", "var"):
        more = {"correction": 1} if name == "var" else {}
        for axis in (None, 0, 1, -1, (0, 2)):
            for keepdims in (False, True):
                assert_gradient(name, x, axis=axis, keepdims=keepdims, **more)
        assert_gradient(name, np.zeros((0, 3)), axis=1, keepdims=False, **more)
    assert_gradient("var", x, axis=1, keepdims=False, correction=0)
    x, gradient = np.array([[3.0, 1.0, 3.0], [2.0, 5.0, 4.0]]), np.array([2.0, 6.0])  # ties
    for name, sign in (("max", 1), ("min", -1)):
        z = sign * np.array([3.0, 5.0])
        (slopes,) = run_rule(name, gradient, sign * x, output=z, axis=1, keepdims=False)
        assert slopes.tolist() == [[1.0, 0.0, 1.0], [0.0, 6.0, 0.0]]


test_reduction_gradients()

# %% [markdown]
"""
## Step 6: Shapes, parts and several tensors

These operations move numbers and change none, so their rules move the slopes back.

- `reshape`: back to the shape of the input.
- `permute`: the opposite order. If result dimension `i` is input dimension `dims[i]`, then `np.argsort(dims)` says where each input dimension went. Count negative `dims` from the start first: `dim % gradient.ndim`.
- `broadcast_to`: what was repeated adds up. The walk does this with step 1, so hand on the gradient as it is.
- Square brackets: zeros everywhere, and the gradient at the picked places. If an index picks the same place twice, both slopes must arrive there: `out[index] += gradient` adds only the last one, `np.add.at(out, index, gradient)` adds all of them, but takes longer. The given `_repeats` tells whether an index can do this at all.

`cat` laid arrays one after the other, so cut the gradient at the same places: `np.split(array, places, axis)` cuts before each of the places, and `np.cumsum` of the sizes gives them (the last sum is the end, where there is nothing to cut). `stack` laid them along a new axis: bring that axis to the front with `np.moveaxis(array, axis, 0)`, and what is left is one array for each input. `where` let one of two numbers through at each place: the gradient goes to that one, and the other gets 0.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "autograd-shapes"}
#| exporti
def _repeats(index):
    """True if `index` may pick a place twice: numbers in a list can, slices and masks cannot."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(np.ndim(part) > 0 and np.asarray(part).dtype.kind != "b" for part in parts)


@gradient_of("reshape")
def reshape_gradient(operation, gradient):
    """z = x in another shape: dx = dz in the shape `operation.shapes[0]`."""
    return (gradient.reshape(operation.shapes[0]),)


@gradient_of("permute")
def permute_gradient(operation, gradient):
    """z = x with the dimensions in the order `operation.dims`: dx = dz in the opposite order."""
    ### BEGIN SOLUTION
    dims = [dim % gradient.ndim for dim in operation.dims]
    return (np.transpose(gradient, np.argsort(dims)),)
    ### END SOLUTION


@gradient_of("broadcast_to")
def broadcast_to_gradient(operation, gradient):
    """z = x, repeated: dx = dz, which the walk sums to the shape of x."""
    ### BEGIN SOLUTION
    return (gradient,)
    ### END SOLUTION


@gradient_of("getitem")
def getitem_gradient(operation, gradient):
    """z = x[index]: dx = dz at `operation.index`, 0 elsewhere.

    Zeros of the input's shape and the gradient's dtype, then `np.add.at` if `_repeats` says so.
    """
    ### BEGIN SOLUTION
    dx = np.zeros(operation.shapes[0], dtype=gradient.dtype)
    if _repeats(operation.index):
        np.add.at(dx, operation.index, gradient)
    else:
        dx[operation.index] = gradient
    return (dx,)
    ### END SOLUTION


@gradient_of("cat")
def cat_gradient(operation, gradient):
    """z = x1, x2, … one after the other along `operation.axis`: each dx = its piece of dz., by the sizes in `operation.shapes`."""
    sizes = [shape[operation.axis] for shape in operation.shapes]
    return tuple(np.split(gradient, np.cumsum(sizes)[:-1], axis=operation.axis))


@gradient_of("stack")
def stack_gradient(operation, gradient):
    """z = x1, x2, … along the new axis `operation.axis`: each dx = its slice of dz."""
    ### BEGIN SOLUTION
    return tuple(np.moveaxis(gradient, operation.axis, 0))
    ### END SOLUTION


@gradient_of("where")
def where_gradient(operation, gradient):
    """z = x where `operation.condition`, else y: dx = dz there, else 0; dy the other way round."""
    ### BEGIN SOLUTION
    zero, condition = np.zeros_like(gradient), operation.condition
    return np.where(condition, gradient, zero), np.where(condition, zero, gradient)
    ### END SOLUTION


# %% [markdown]
"""
**Test: shapes, parts and several tensors.** An order of dimensions that is not its own opposite, with positive and negative numbers; every kind of index, and two that pick a row or a number more than once; pieces of different lengths, negative axes, and a condition that broadcasts.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "autograd-shapes-test", "points": 11}
def test_moving_gradients():
    x = numbers.uniform(size=(2, 3, 4))
    assert_gradient("reshape", x, shape=(4, -1))
    for dims in ((1, 2, 0), (2, 0, 1), (-1, 0, 1)):
        assert_gradient("permute", x, dims=dims)
    for shape in ((5, 2, 3), (2, 3)):
        assert_gradient("broadcast_to", np.ones((2, 1)), shape=shape)
    x, mask = numbers.uniform(size=(3, 4)), np.array([True, False, True])
    for index in (1, (0, -1), (slice(None), 2), slice(1, None, 2), (Ellipsis, None, 0), mask):
        assert_gradient("getitem", x, index=index)
    for index in ([2, 0, 2], (np.array([0, 0, 1]), np.array([3, 3, 0])), (slice(None), [1, 1])):
        assert_gradient("getitem", x, index=index)
    for shapes, axis in ((((2, 3), (4, 3), (1, 3)), 0), (((2, 1), (2, 3)), -1)):
        assert_gradient("cat", *map(np.ones, shapes), axis=axis)
    x, y = np.ones((2, 3)), np.zeros((2, 3))
    for axis in (0, 1, 2, -1, -2):
        assert_gradient("stack", x, y, axis=axis)
    assert_gradient("where", x, y, condition=np.array([[True, False, True], [False, False, True]]))
    assert_gradient("where", x, y[0], condition=np.array([[True], [False]]))
    infinite, sides = np.full(2, np.inf, np.float32), np.array([True, False])
    dx, dy = run_rule("where", infinite, x, y, condition=sides)
    assert (dx.tolist(), dy.tolist(), dx.dtype) == ([np.inf, 0.0], [0.0, np.inf], np.float32)


test_moving_gradients()

# %% [markdown]
r"""
## Step 7: Activations

The operations of module 03. Most slopes can be written with the result itself, so the input need not be kept. For GELU the slope of the inner part, $u = \sqrt{2/\pi}\,(x + 0.044715\,x^3)$, is for you to find. Then two operations where each result depends on each input of its row. In the softmax, raising one score raises its own probability and lowers all others:

$$dx_i = z_i \Bigl(dz_i - \sum_j dz_j\, z_j\Bigr) \qquad \text{and for log-softmax} \qquad dx_i = dz_i - e^{z_i} \sum_j dz_j$$

The sums run along `operation.axis`. Both add up to zero over a row: moving all scores together changes nothing.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "autograd-activations"}
#| exporti
@gradient_of("relu")
def relu_gradient(operation, gradient):
    """z = max(x, 0): dx = dz where z > 0, else 0."""
    return (gradient * (operation.output > 0),)


@gradient_of("leaky_relu")
def leaky_relu_gradient(operation, gradient):
    """z = x or slope * x: dx = dz where x > 0, else `operation.negative_slope` * dz."""
    ### BEGIN SOLUTION
    return (np.where(operation.inputs[0] > 0, gradient, operation.negative_slope * gradient),)
    ### END SOLUTION


@gradient_of("sigmoid")
def sigmoid_gradient(operation, gradient):
    """z = 1 / (1 + exp(-x)): dx = dz * z * (1 - z)."""
    ### BEGIN SOLUTION
    return (gradient * operation.output * (1 - operation.output),)
    ### END SOLUTION


@gradient_of("tanh")
def tanh_gradient(operation, gradient):
    """z = tanh(x): dx = dz * (1 - z * z)."""
    ### BEGIN SOLUTION
    return (gradient * (1 - operation.output**2),)
    ### END SOLUTION


@gradient_of("gelu")
def gelu_gradient(operation, gradient):
    """z = x * (1 + t) / 2, t = tanh(u): dx = dz * ((1 + t) / 2 + x * (1 - t * t) / 2 * (u by x))."""
    ### BEGIN SOLUTION
    (x,) = operation.inputs
    scale, square = math.sqrt(2 / math.pi), x * x
    t = np.tanh(scale * (x + 0.044715 * square * x))
    inner = scale * (1 + 3 * 0.044715 * square)
    return (gradient * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner),)
    ### END SOLUTION


@gradient_of("softmax")
def softmax_gradient(operation, gradient):
    """z = softmax(x): dx = z * (dz - sum(dz * z)), the sum along the axis with keepdims=True."""
    ### BEGIN SOLUTION
    z = operation.output
    return (z * (gradient - (gradient * z).sum(axis=operation.axis, keepdims=True)),)
    ### END SOLUTION


@gradient_of("log_softmax")
def log_softmax_gradient(operation, gradient):
    """z = log_softmax(x): dx = dz - exp(z) * sum(dz), the sum along the axis with keepdims=True."""
    ### BEGIN SOLUTION
    total = gradient.sum(axis=operation.axis, keepdims=True)
    return (gradient - np.exp(operation.output) * total,)
    ### END SOLUTION


# %% [markdown]
"""
**Test: activations.** Measured slopes on both sides of the bend; the slopes at exactly zero; softmax along each axis; scores of ±1000, where nothing may overflow.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "autograd-activations-test", "points": 7}
def test_activation_gradients():
    x, zero, one = np.array([[-2.5, -1.0, -0.1], [0.2, 1.3, 2.4]]), np.zeros(1), np.ones(1)
    for name in ("relu", "sigmoid", "tanh", "gelu"):
        assert_gradient(name, x)
    assert_gradient("leaky_relu", x, negative_slope=0.3)
    assert run_rule("relu", one, zero, output=zero)[0] == 0.0
    assert run_rule("leaky_relu", one, zero, negative_slope=0.5)[0] == 0.5
    x, large = np.array([[0.5, -1.0, 2.0], [0.0, 0.3, -0.7]]), np.array([[1000.0, 0.0, -1000.0]])
    for name, slopes in (("softmax", [[0.0, 0.0, 0.0]]), ("log_softmax", [[-2.0, 1.0, 1.0]])):
        for axis in (0, 1, -1):
            assert_gradient(name, x, axis=axis)
        z = operations[name](axis=1).forward(large)
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            found = run_rule(name, np.ones((1, 3)), large, output=z, axis=1)
        assert found[0].tolist() == slopes


test_activation_gradients()

# %% [markdown]
r"""
## Step 8: Losses

The three operations of module 05. Each turns scores or probabilities into a loss, and each slope says how far the prediction is from the target:

- Cross-entropy of scores `(N, C)` with the right class of each example in `operation.targets`, an integer array `(N,)`, one loss an example. The slope of an example's loss by its scores is $\mathrm{softmax}(x) - \mathrm{onehot}(t)$: the probabilities, with 1 taken off at the right class. That the logarithm and the exponential cancel into this is why the two are one operation.
- Binary cross-entropy of scores $x$: $\mathrm{sigmoid}(x) - t$, for the same reason.
- Binary cross-entropy of probabilities $p$: $(p - t) / (p\,(1 - p))$. At $p = 0$ and $p = 1$ this divides by zero, so hold the denominator at $10^{-12}$ or more, as PyTorch does.

Softmax and sigmoid must be written without overflow here too, as in module 03.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "autograd-losses"}
#| exporti
@gradient_of("cross_entropy")
def cross_entropy_gradient(operation, gradient):
    """z = -log(softmax(x)[target]) an example: dx = dz * (softmax(x) - 1 at the target).

    `np.arange(len(x))` and `operation.targets` are the index of the targets, `gradient[:, None]`
    multiplies row i by gradient[i].
    """
    ### BEGIN SOLUTION
    (x,) = operation.inputs
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    slopes = powers / powers.sum(axis=1, keepdims=True)
    slopes[np.arange(len(x)), operation.targets] -= 1
    return (slopes * gradient[:, None],)
    ### END SOLUTION


@gradient_of("bce")
def bce_gradient(operation, gradient):
    """z = -t * log(p) - (1 - t) * log(1 - p): dp = dz * (p - t) / (p * (1 - p)), held as above."""
    ### BEGIN SOLUTION
    (p,) = operation.inputs
    return (gradient * (p - operation.targets) / np.maximum(p * (1 - p), 1e-12),)
    ### END SOLUTION


@gradient_of("bce_with_logits")
def bce_with_logits_gradient(operation, gradient):
    """z = the same with p = sigmoid(x): dx = dz * (exp(min(x, 0)) / (1 + exp(-|x|)) - t)."""
    ### BEGIN SOLUTION
    (x,) = operation.inputs
    p = np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))
    return (gradient * (p - operation.targets),)
    ### END SOLUTION


# %% [markdown]
"""
**Test: losses.** Against measured slopes of your operations from module 05; scores of ±1000; probabilities of exactly 0 and 1, where the slope is large but finite; a batch without examples.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "autograd-losses-test", "points": 5}
def test_loss_gradients():
    x, targets = [[0.5, -1.0, 2.0], [3.0, 0.0, -0.5]], np.array([1, 0])
    assert_gradient("cross_entropy", x, targets=targets)
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        large = np.array([[1000.0, -1000.0]])
        (slopes,) = run_rule("cross_entropy", np.array([2.0]), large, targets=targets[:1])
    assert slopes.tolist() == [[2.0, -2.0]]
    (none,) = run_rule("cross_entropy", np.ones(0), np.ones((0, 3)), targets=targets[:0])
    assert none.shape == (0, 3)
    t, large = np.array([0.0, 1.0, 0.25]), np.array([1000.0, -1000.0])
    assert_gradient("bce", [0.2, 0.9, 0.5], targets=t)
    assert_gradient("bce_with_logits", [-2.0, 0.5, 3.0], targets=t)
    (slopes,) = run_rule("bce", 3 * np.ones(2), np.array([0.0, 1.0]), targets=np.ones(2))
    np.testing.assert_allclose(slopes, [-3e12, 0.0])
    with np.errstate(over="raise", invalid="raise"):
        (slopes,) = run_rule("bce_with_logits", np.ones(2), large, targets=np.zeros(2))
    assert slopes.tolist() == [1.0, 0.0]


test_loss_gradients()

# %% [markdown]
"""
## Step 9: The walk

Now the rules are called in the right order. A tensor that was used three times gets three contributions, and its own rule may only be called when all three have arrived: called earlier, it would have to be called again, and so would everything below it. This is how a walk along all paths comes to double its cost with each use.

So count first. `_count_uses` visits every node once and counts how often it is somebody's parent. Then the walk takes one off the count with each contribution, and a node whose count has come to zero is ready. This order is called *topological*. Both functions keep a list of what is still to be visited instead of calling themselves: Python allows some thousand calls inside each other, and a graph may be a million operations deep.

Contributions to a node are summed in `totals`. The first one is put there as it is, without a copy. It may be the very array that another node or tensor holds, so the second one must not be added *into* it: their sum is a new array. This one is ours, and the third and all later ones are added in place.

At a leaf the gradient is added to `grad`: that is what lets a program call `backward` for several small batches before it takes one step, and why it must forget the gradient afterwards. If there is none yet, the array itself becomes the `grad` if the rule made it for this leaf alone, else a copy does.

And each node is released as soon as the walk has passed it, so that the memory of the graph goes down while the gradients come up.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "autograd-walk"}
#| export
def _count_uses(last):
    """A dict: `last` and each node it was made from, to how often the node is a parent.

    Begin with `{last: 0}` and a list that holds `last`. Until the list is empty, `pop` a node and
    call its `check()`. Each of its `parents` which is a _Node counts one more; one that is new is
    put into the list too.
    """
    ### BEGIN SOLUTION
    uses, waiting = {last: 0}, [last]
    while waiting:
        node = waiting.pop()
        node.check()
        for parent in node.parents:
            if isinstance(parent, _Node):
                if parent not in uses:
                    uses[parent] = 0
                    waiting.append(parent)
                uses[parent] += 1
    return uses
    ### END SOLUTION


def _add_to_leaf(leaf, part, fresh):
    """Add `part` to `leaf.grad`, in place; the first becomes it, as a copy if it is not `fresh`."""
    ### BEGIN SOLUTION
    if leaf.grad is not None:
        leaf.grad += part
    else:
        leaf.grad = part if fresh else part.copy()
    ### END SOLUTION


def _add_to_node(totals, own, node, part):
    """Add `part` to `totals[node]`: the first as it is, the second in a new array, others in place.

    `own` is the set of nodes with such a new array. Make it by `np.asarray(a + b)`: the sum of
    two single numbers would be no array.
    """
    ### BEGIN SOLUTION
    if node not in totals:
        totals[node] = part
    elif node in own:
        totals[node] += part
    else:
        totals[node] = np.asarray(totals[node] + part)
        own.add(node)
    ### END SOLUTION


def backward(tensor, gradient=None, retain_graph=False):
    """Add the gradient of `tensor` to the `grad` of every leaf it was computed from.

    `gradient`: an array or tensor of the shape of `tensor`, the slope by which everything is
    multiplied; not needed for a single number. `retain_graph` keeps the graph for another walk.
    Raises RuntimeError if the walk is impossible; then no gradient has changed.

    1. If the tensor is a leaf (`tensor.node` is None), `_add_to_leaf` the gradient and return.
    2. Count the uses; `totals` holds the gradient of the tensor's node, and that node is ready.
    3. Pop a ready node, take its total out of `totals` (None if there is none), and go through
       `node.parts(total)`, triples (parent, part, fresh): a part, unless None, goes to the leaf or
       the total; and every parent that is a _Node has one use less to wait for, part or not.
    4. `node.release()`, unless the graph is to be retained. On with 3 while a node is ready.
    """
    gradient = _first_gradient(tensor, gradient)
    ### BEGIN SOLUTION
    if tensor.node is None:
        _add_to_leaf(tensor, gradient, True)
        return
    uses, totals, own = _count_uses(tensor.node), {tensor.node: gradient}, set()
    ready = [tensor.node]
    while ready:
        node = ready.pop()
        for parent, part, fresh in node.parts(totals.pop(node, None)):
            if isinstance(parent, Tensor):
                if part is not None:
                    _add_to_leaf(parent, part, fresh)
            elif parent is not None:
                if part is not None:
                    _add_to_node(totals, own, parent, part)
                uses[parent] -= 1
                if uses[parent] == 0:
                    ready.append(parent)
        if not retain_graph:
            node.release()
    ### END SOLUTION


# %% [markdown]
"""
**Test: the walk.** First the parts: the counts of a small graph, and sums that must neither change somebody else's array nor make a new one where they own it. Then whole computations with known slopes; a tensor used several times, along ways of different length; two calls that add up; a given gradient. The number of rules called, by counting: one for each operation, also where the number of paths is 2 to the power of 1,000 and the chain is deeper than Python allows functions to call themselves. Memory that is let go, unless it is to be retained. And the errors: each names what is wrong, and no gradient changes.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "autograd-walk-test", "points": 10}
def test_counting_and_adding():
    x, part, totals, own = Variable([1.0, 2.0]), np.ones(2), {}, set()
    y = x * 2
    z = y * y + y.sum()
    uses = _count_uses(z.node)
    assert (len(uses), uses[y.node], uses[z.node]) == (4, 3, 0)
    _add_to_leaf(x, part, True)
    assert x.grad is part
    for _ in range(2):
        _add_to_node(totals, own, "node", part)
    ours = totals["node"]
    _add_to_node(totals, own, "node", part)
    assert totals["node"] is ours
    assert (ours.tolist(), part.tolist()) == ([3.0, 3.0], [1.0, 1.0])


def test_backward_adds_up_without_sharing():
    x, w = Variable([1.0, 2.0]), Variable([[3.0], [4.0]])
    (x @ w + w.sum()).backward()
    assert (x.grad.tolist(), w.grad.tolist()) == ([3.0, 4.0], [[2.0], [3.0]])
    (x * x).backward([1.0, 10.0])
    assert x.grad.tolist() == [5.0, 44.0]
    x.zero_grad()
    y = x * 3
    backward(((y * y).exp().log() + y).sum() + (y * x).sum() + x.sum())
    np.testing.assert_allclose(x.grad, 24 * x.data + 4, rtol=1e-6)
    assert (x.grad.dtype, y.grad) == (np.float32, None)
    x, y, given = Variable([1.0, 2.0]), Variable([3.0, 4.0]), np.full(2, 2, dtype=np.float32)
    (x + y).backward(given)
    x.backward(given)
    given += 100
    x.grad += 10
    assert (x.grad.tolist(), y.grad.tolist()) == ([14.0, 14.0], [2.0, 2.0])
    a, b = x * 1, y * 1
    ((a + b) + a * 5 + a).backward([1.0, 1.0])
    assert (x.grad.tolist(), y.grad.tolist()) == ([21.0, 21.0], [3.0, 3.0])


def test_each_rule_is_called_once():
    import weakref

    calls, rules = [], dict(gradients)
    counted = lambda name: lambda *given: (calls.append(name), rules[name](*given))[1]  # noqa: E731
    x = y = Variable(1.0)
    for _ in range(1000):
        y = (y + y) * 0.5
        for node in (y.node, y.node.parents[0]):
            node.operation.gradient = counted(node.operation.name)
    kept = weakref.ref(y.node.operation)
    backward(y, retain_graph=True)
    assert (len(calls), x.grad) == (2000, 1.0)
    backward(y, Tensor(2.0))
    assert (len(calls), x.grad, kept()) == (4000, 3.0, None)


def test_errors_of_backward():
    x, constant = Variable([1.0, 2.0]), Tensor([1.0, 2.0])
    y, changed = (x * x).sum(), x * constant
    y.backward()
    x.zero_grad()
    constant += 1
    refused = lambda said, call: np.testing.assert_raises_regex(Exception, said, call)  # noqa: E731
    refused("one number", (x * 2).backward)
    refused("retain_graph", y.backward)
    refused("requires no gradient", Tensor(1.0).backward)
    refused(r"shape \(1,\)", lambda: (x * 2).backward([1.0]))
    refused("in place", (changed.sum() + x.sum()).backward)
    assert x.grad is None


test_counting_and_adding()
test_backward_adds_up_without_sharing()
test_each_rule_is_called_once()
test_errors_of_backward()

# %% [markdown]
"""
## Step 10: Switching it off, and rules of your own

A model that is only used needs no graph, and an update of the weights must not be recorded as if it were part of the model. Inside `no_grad()` the recorder rests: `recorder.enabled` is False. Blocks may stand in each other, so leaving one restores what was before it, also after an error.

`Function` is for operations of your own: a class with `forward` and `backward` side by side, called by `Square.apply(x)`. It goes through the one door like all others, as the operation called "function", whose setting `call` holds an object of your class. `forward` of that operation is given; it calls yours and keeps inputs and output for you. Its rule is for you to write.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "autograd-function"}
#| export
class no_grad:  # noqa: N801
    """Record nothing: `with no_grad():`, or `@no_grad()` above a function.

    The switch is one for the whole program: with threads, it also rests for the others.
    """

    def __enter__(self):
        """Keep `_State.recorder.enabled` as `self.before`, and set it to False."""
        ### BEGIN SOLUTION
        self.before = _State.recorder.enabled
        _State.recorder.enabled = False
        ### END SOLUTION

    def __exit__(self, *error):
        """Set it to what it was before."""
        ### BEGIN SOLUTION
        _State.recorder.enabled = self.before
        ### END SOLUTION

    def __call__(self, function):
        @functools.wraps(function)
        def quiet(*inputs, **settings):
            with no_grad():
                return function(*inputs, **settings)

        return quiet


class Function(Operation):
    """An operation of your own: define `forward(self, *arrays)` and `backward(self, gradient)`.

    Both work on NumPy arrays. `backward` finds `self.inputs`, `self.output` and the settings of
    `apply`, and returns one array (or None) for each input, alone or in a tuple.
    """

    def backward(self, gradient):
        raise NotImplementedError(f"{type(self).__name__} has no backward")

    @classmethod
    def apply(cls, *inputs, **settings):
        """Run it on tensors: a new tensor, whose gradient `backward` gives."""
        return apply("function", *inputs, name=cls.__name__, call=cls(**settings))


class _Call(Operation):
    """The operation that runs a Function, `self.call`."""

    name = "function"

    def forward(self, *arrays):
        self.call.inputs = arrays
        output = np.asarray(self.call.forward(*arrays))
        self.call.inputs = ()  # kept by the recorder while they are needed
        return output


@gradient_of("function")
def _function_gradient(operation, gradient):
    """What the user's `backward` returns, as a tuple.

    1. Give `operation.call` the `inputs` and the `output` of this operation.
    2. Call its `backward`; make a tuple of an answer that is no tuple or list.
    3. Copy each array that is not None: the user may keep it.
    """
    ### BEGIN SOLUTION
    operation.call.inputs, operation.call.output = operation.inputs, operation.output
    parts = operation.call.backward(gradient)
    parts = parts if isinstance(parts, (tuple, list)) else (parts,)
    return tuple(None if part is None else np.array(part) for part in parts)
    ### END SOLUTION


# %% [markdown]
"""
**Test: no_grad and functions.** Nested blocks, an error inside, a decorated function that calls itself; a function with a setting, one with two inputs of which one has no slope, one whose `backward` returns its own array, and one whose answer has the wrong shape, which must be refused by name.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "autograd-function-test", "points": 5}
def test_no_grad():
    x = Variable([1.0, 2.0])
    with no_grad():
        with no_grad():
            assert not (x * 2).requires_grad
        assert not (x * 2).requires_grad
        x += 1
    deeper = no_grad()(lambda n: deeper(n - 1) if n else x * 2)
    assert not deeper(2).requires_grad
    np.testing.assert_raises(ValueError, no_grad()(lambda: x.reshape(7)))
    assert (x * 2).requires_grad


class Planted(Function):
    """x**2 * y * scale; its gradient is what `slope` gives."""

    def forward(self, x, y=1.0):
        return x * x * y * self.scale

    def backward(self, gradient):
        assert self.output.tolist() == self.forward(*self.inputs).tolist()
        return self.slope(*self.inputs, gradient)


def test_function():
    x, y, mine = Variable([1.0, 2.0]), Variable(10.0), np.ones(2, dtype=np.float32)
    z = Planted.apply(x, y, scale=0.5, slope=lambda x, y, gradient: (x * y * gradient, None))
    z.sum().backward()
    assert (z.tolist(), x.grad.tolist(), y.grad) == ([5.0, 20.0], [10.0, 20.0], None)
    x.zero_grad()
    Planted.apply(x, scale=1, slope=lambda *_: mine).sum().backward()
    x.grad += 1
    assert mine.tolist() == [1.0, 1.0]
    wrong = Planted.apply(x, scale=1, slope=lambda *_: np.ones(3)).sum()
    np.testing.assert_raises_regex(ValueError, r"'Planted'.*\(3,\)", wrong.backward)


test_no_grad()
test_function()

# %% [markdown]
"""
## Step 11: Recompute instead of keeping

A network of 100 blocks keeps what each of them computed until the walk comes back. `checkpoint(block, x)` keeps only `x`: it runs the block without recording, and when the walk arrives, runs it once more, this time recorded, and walks through it at once. Memory of one block at a time, for the time of one more forward pass.

The second run must give what the first one gave. Dropout draws random numbers, so the state of the generator is noted before the first run and restored for the second.

`checkpoint` itself is given. While it runs the block for the first time, the recorder *rehearses*: results announce whether they require a gradient, but no node is made. You write what the walk calls.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "autograd-checkpoint"}
#| export
class _Recomputed(Operation):
    """What `checkpoint` records: the function, and the state of the random generator before it."""

    def run(self, tensors, rehearsing=False):
        """The function on these tensors, recorded, with the same random numbers each time."""
        recorder, random = _State.recorder, generator().bit_generator
        before, state = (recorder.enabled, recorder.rehearsing), random.state
        recorder.enabled, recorder.rehearsing, random.state = True, rehearsing, self.state
        try:
            return self.function(*tensors)
        finally:
            recorder.enabled, recorder.rehearsing = before
            random.state = random.state if rehearsing else state


def _recompute(operation, gradient):
    """Run the function of a checkpoint again, recorded, and walk through it.

    1. Make a leaf of each of `operation.inputs`, without a copy: `Tensor._wrap(array)`. Set its
       `requires_grad` to what `operation.needs` says.
    2. `operation.run(leaves)` gives the output again, recorded. Walk: `backward(output, gradient)`.
    3. Return the `grad` of each leaf. Parameters which the function uses have theirs by now.
    """
    ### BEGIN SOLUTION
    leaves = [Tensor._wrap(array) for array in operation.inputs]
    for leaf, needed in zip(leaves, operation.needs, strict=True):
        leaf.requires_grad = needed
    backward(operation.run(leaves), gradient)
    return tuple(leaf.grad for leaf in leaves)
    ### END SOLUTION


def checkpoint(function, *inputs):
    """`function(*inputs)`, whose inside is computed again in backward instead of being kept.

    `inputs` are tensors, the result is one. Whatever else the function uses must be parameters or
    constants, not results of other operations that require a gradient.
    """
    recorder = _State.recorder
    if not recorder.enabled or recorder.rehearsing:
        return function(*inputs)
    state = generator().bit_generator.state
    operation = _Recomputed(function=function, state=state, gradient=_recompute, name="checkpoint")
    result = operation.run(inputs, rehearsing=True)
    output = result.detach()
    if result.requires_grad:
        output.requires_grad = True
        operation.inputs = tuple(tensor.data for tensor in inputs)
        recorder.record(operation, inputs, output)
    return output


# %% [markdown]
"""
**Test: checkpoint.** The same result and the same gradients as without, for inputs and for a parameter which the function merely uses, with random numbers inside, and one checkpoint in another. The function runs exactly twice. Where no gradient is required, nothing is recorded, and the random numbers that follow are those that would have followed anyway.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "autograd-checkpoint-test", "points": 3}
def test_checkpoint():
    w, runs, found = Variable([[1.0, 2.0], [3.0, -1.0]]), [], []

    def block(x):
        runs.append(1)
        return ((x @ w).exp() * rand(2, 2)).log()

    once = lambda x: checkpoint(block, x)  # noqa: E731
    for call in (block, once, lambda x: checkpoint(once, x)):
        for needed in (True, False):
            manual_seed(5)
            x = Tensor([[0.5, 1.0], [-1.0, 0.2]], requires_grad=needed)
            w.zero_grad()
            z = call(x)
            after = rand(3).tolist()
            (z * z).sum().backward()
            after += rand(3).tolist()
            found.append((z.tolist(), after, w.grad.tolist(), needed and x.grad.tolist()))
    assert found[:2] == found[2:4] == found[4:]
    assert len(runs) == 2 * (1 + 2 + 3)
    assert not no_grad()(once)(x).requires_grad
    assert not checkpoint(lambda x: x * 2, x).requires_grad


test_checkpoint()

# %% [markdown]
"""
## Systems analysis

Measurements on your own machine; they run when this file runs as a script, or when you call them in the notebook.

**Memory.** A chain of layers, each with 1 MB of results. Without a graph one or two results live at a time (the number printed is the most at any moment); with it, all that the rules read stay until the walk comes by. An addition keeps nothing, a ReLU its output, and a GELU its input: the activation decides what a layer costs. After the walk only the gradients are left.

**Time.** For large products the arithmetic decides: two products backwards for one forwards. For small tensors the price is that of the bookkeeping, some microseconds an operation, and it grows in proportion to the number of operations, not to the number of paths. Last, forty layers in blocks of four: what does `checkpoint` save, and what does it cost?
"""

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "autograd-analysis-memory"}
import timeit
import tracemalloc


def chain(x, weights, activation):
    for weight in weights:
        x = activation(x @ weight + 1.0)
    return x


def seconds(action, runs=5):
    """The least time of some runs: other programs can only make a run slower."""
    return min(timeit.repeat(action, number=1, repeat=runs))


def analyze_graph_memory():
    manual_seed(0)
    weights, x = [Variable(randn(256, 256) / 16) for _ in range(10)], randn(1024, 256)
    for activation in (relu, gelu):
        tracemalloc.start()
        no_grad()(chain)(x, weights, activation)
        quiet = tracemalloc.get_traced_memory()[1]
        loss = chain(x, weights, activation).sum()
        held = tracemalloc.get_traced_memory()[0]
        loss.backward()
        after = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        sizes = f"{quiet / 1e6:5.1f}, with {held / 1e6:5.1f}, after backward {after / 1e6:4.1f}"
        print(f"10 layers, {activation.__name__:4}: MB without graph {sizes}")
        for weight in weights:
            weight.zero_grad()


def analyze_backward_time():
    for batch, width in ((4, 8), (128, 128), (256, 512)):
        weights = [Variable(randn(width, width) / width**0.5) for _ in range(4)]
        given = randn(batch, width), weights, relu
        plain = seconds(lambda g=given: no_grad()(chain)(*g))
        recorded = seconds(lambda g=given: chain(*g))
        both = seconds(lambda g=given: chain(*g).sum().backward())
        times = f"forward {plain * 1e3:6.2f} ms, recorded {recorded * 1e3:6.2f} ms, backward"
        print(f"4 layers ({batch:4}, {width:3}): {times} {(both - recorded) / plain:.1f} x forward")
    for count in (1_000, 10_000, 100_000):
        y = Variable(1.0)
        for _ in range(count // 2):
            y = y + y * 0.0
        each = seconds(y.backward, 1) / count * 1e6
        print(f"{count:7,} operations on one number: backward {each:.1f} us each")


def analyze_checkpoint():
    x = randn(256, 128)
    blocks = [[Variable(randn(128, 128) / 11) for _ in range(4)] for _ in range(10)]

    def step(run):
        y = x
        for weights in blocks:
            y = run(lambda x, w=weights: chain(x, w, gelu), y)
        y.sum().backward()

    for name, run in (("kept", lambda block, x: block(x)), ("recomputed", checkpoint)):
        taken = seconds(lambda r=run: step(r), 3)
        tracemalloc.start()
        step(run)
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        print(f"40 layers, {name:10}: peak {peak:6.1f} MB, {taken * 1e3:6.1f} ms a step")


# %% [markdown]
"""
## Integration

All modules so far in one: layers, an activation, a loss, and now the slopes of the loss by each of the parameters. Walking downhill, each parameter a little against its slope, is learning; module 07 makes it good. "Exclusive or" is the problem that no linear model solves (module 03).

**Test: a network learns.** From a fixed start, 300 steps bring the loss of exclusive or close to zero, and all four answers are right. Every parameter gets a gradient in each step, in its own dtype.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "autograd-integration-test", "points": 2}
def test_a_network_learns_exclusive_or():
    from tinytorch.core.activations import Tanh
    from tinytorch.core.layers import Linear, Sequential

    manual_seed(1)
    model, measure = Sequential(Linear(2, 8), Tanh(), Linear(8, 1)), MSELoss()
    x = Tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = Tensor([[0.0], [1.0], [1.0], [0.0]])
    for _ in range(300):
        model.zero_grad()
        (loss := measure(model(x), y)).backward()
        with no_grad():
            for parameter in model.parameters():
                assert parameter.grad.dtype == parameter.dtype
                parameter -= 0.3 * parameter.grad
    assert loss.item() < 0.05
    assert ((model(x).data > 0.5) == (y.data > 0.5)).all()


test_a_network_learns_exclusive_or()

# %% [markdown]
"""
## Production context

PyTorch's autograd is this module in C++: `grad_fn` is your node, `next_functions` are its parents, saved tensors carry versions, and the engine walks with counts of what is still to come. The rules stand in one file, `derivatives.yaml`, as one line of mathematics for each operation, from which code is generated. What it can do and yours cannot: differentiate the walk itself, since its rules are made of recorded operations (`create_graph=True`), and use several devices at once.

JAX draws the line elsewhere: `jax.grad` turns a function into another function, by running it on stand-ins that note what happens to them, and so can be applied twice, or compiled. TensorFlow's `GradientTape` is a recorder that you switch on in a `with` block, the opposite of `no_grad`. Recomputing is standard for large models: `torch.utils.checkpoint` and `jax.checkpoint` are your step 11.
"""

# %% [markdown]
"""
## Comprehensive testing

Everything together: whole functions checked against measured slopes; and a wrong rule, which `grad_check` must find and describe.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "autograd-comprehensive-test", "points": 3}
def test_whole_functions():
    x, w = randn(3, 4, dtype=np.float64), randn(4, 2, dtype=np.float64)
    assert grad_check(lambda x, w: gelu(x @ w).max(axis=0) / w.sum().exp(), x, w)
    assert grad_check(
        lambda x: (x - x.mean(axis=1, keepdims=True)) / (x.std(axis=1) + 1)[:, None], x
    )
    assert grad_check(lambda x, w: cat([x[:, [0, 0]], where(w > 0, w * w, -w)]) * x[0, 0], x, w)
    assert grad_check(lambda x, i: x[i].abs().sqrt() ** x[1], x.data + 10, np.array([2, 2, 0]))


def test_a_wrong_rule_is_found():
    half = lambda x, gradient: x * gradient  # noqa: E731
    function = lambda y, x: y + Planted.apply(x, scale=1.0, slope=half)  # noqa: E731
    told = r"input 1 is wrong at \(0, 1\): backward gives .*, measured"
    with np.testing.assert_raises_regex(AssertionError, told):
        grad_check(function, 1.0, [[0.0, 2.0]])


test_whole_functions()
test_a_wrong_rule_is_found()

# %%
if __name__ == "__main__":
    run_tests()
    analyze_graph_memory()
    analyze_backward_time()
    analyze_checkpoint()

# %% [markdown]
"""
## 🤔 ML Systems Thinking: Interactive Questions

Answer in your own words, from the code you wrote and the numbers you measured. Two or three sentences each are enough.

**Question 1: counting.** A student leaves out `_count_uses` and calls a node's rule whenever a contribution arrives. For which networks is the result still right, and why does it become unusable for a network with 50 residual connections `x + f(x)`?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "autograd-question-counting", "points": 1}
"""
Model answer: rules are linear in the gradient, so calling one for each contribution and adding up at the leaves gives the right numbers for every network. But each residual connection gives two ways into what lies below it, and everything below is walked once for each way: 2 to the power of 50 calls. With counts each rule is called once, after its contributions have been summed.
"""

# %% [markdown]
"""
**Question 2: memory.** In `analyze_graph_memory`, why does the chain with GELU hold more than the chain with ReLU? What would change if the rule of ReLU were written with its input instead of its output?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "autograd-question-memory", "points": 1}
"""
Model answer: the output of an activation is the input of the next product, which keeps it anyway. ReLU's rule needs nothing else, so a layer holds one array; GELU's rule reads its input, a second array of the same size. Written with the input, ReLU would hold two as well.
"""

# %% [markdown]
"""
**Question 3: recomputing.** From `analyze_checkpoint`: what did recomputing save, and what did it cost? A network has n equal layers. Into how many blocks would you cut it so that memory is least, if each block keeps its input and one block at a time keeps everything inside?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "autograd-question-recompute", "points": 2}
"""
Model answer: the peak fell to about a third, for one more forward pass, so a step took a third to a half longer. With b blocks, b inputs and n / b layers inside one block are held: least where both are equal, at the square root of n blocks.
"""

# %% [markdown]
"""
## 🎯 MODULE SUMMARY: Autograd

You wrote the calculus of the whole framework as a table of short rules, one for each operation, and one walk that applies them to any computation: each rule once, sums in place, memory given back on the way. `no_grad` switches it off, `Function` adds rules of your own, `checkpoint` trades time for memory, and `grad_check` tells whether a rule can be trusted. From now on, whoever adds an operation adds its rule beside it.

Put it into the package with `tito module export 06`, and see what you can do now: `tito checkpoint test 08`. In module 07 the slopes are put to use: optimizers.
"""
