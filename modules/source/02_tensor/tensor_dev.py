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
# Module 02: Tensor

A tensor is an array of numbers that knows its shape, its type and, later, how it was computed. Every model you will build, from a single neuron to a GPT, is tensors going through operations.

In this module you write those operations. The container itself is given: it stores an array and passes every request on to an operation of yours. In module 06 the same operations learn to compute gradients, and nothing you write here has to change for that.
"""

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "tensor-start"}
from tinytorch.core.setup import run_tests, warnings_to_stdout

warnings_to_stdout()

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "tensor-imports"}
#| default_exp core.tensor
#| export
import math

import numpy as np

# %% [markdown]
"""
## Mathematical background

A tensor of shape `(2, 3)` holds 6 numbers in 2 rows of 3. Element-wise operations take `O(n)` time for `n` numbers; the product of an `(m, k)` and a `(k, n)` matrix takes `O(m·k·n)`.

**Broadcasting.** Two shapes fit together if, counted from the right, each pair of sizes is equal or one of them is 1 (or missing). The size 1 is repeated without copying:

    (4, 3) + (3,)      each row gets the same 3 numbers added
    (4, 1) * (1, 5)    a table of all 20 products

NumPy broadcasts for you. What you have to know is the rule, because a shape that fits by accident gives a wrong result and no error.
"""

# %% [markdown]
"""
## The container and its one door

The next two cells are given. Read them once: they are the whole machinery.

`Operation` is one kind of computation on NumPy arrays. Defining a subclass with a `name` puts it into the table `operations`.

`apply("add", a, b)` is the one door through which every computation goes: it takes the arrays out of the tensors, calls your `forward`, and wraps the result. It also looks into two more tables. `gradients` stays empty until module 06, and `kernels` holds faster versions of the same operations that later modules bring.
"""

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "tensor-operations"}
#| exporti
operations = {}
gradients = {}
kernels = {}


class _State:
    """What can be switched: the default dtype, kernels, the random generator, the recorder."""

    dtype = np.dtype(np.float32)
    kernels_on = False
    random = None
    recorder = None


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "tensor-operation"}
#| export
class Operation:
    """One kind of computation on arrays. A subclass sets `name` and defines `forward`.

    Settings such as `axis` become attributes: `Sum(axis=0).forward(x)` reads `self.axis`.
    `apply` keeps the arrays it passed to `forward` as `self.inputs` and the result as
    `self.output`, for the gradient.
    """

    name = ""

    def __init__(self, **settings):
        self.inputs = ()
        self.output = None
        vars(self).update(settings)

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if cls.name:
            earlier = operations.get(cls.name)
            # The same cell may run twice in a notebook; two operations of one name may not exist.
            if earlier is not None and earlier.__qualname__ != cls.__qualname__:
                raise TypeError(f"the operation {cls.name!r} is {earlier.__name__} already")
            operations[cls.name] = cls

    def forward(self, *arrays):
        """The result for these arrays, as a new array or a view."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")


def gradient_of(name):
    """Register the gradient of the operation `name`: `(operation, gradient) -> one each input`.

    `gradient` has the shape of the output. Each value returned is an array of the shape of that
    input, or None if the operation does not depend on it smoothly.
    """

    def register(function):
        gradients[name] = function
        return function

    return register


def apply(name, *inputs, **settings):
    """Run the operation `name` on tensors or numbers and return a new tensor.

    Raises NotImplementedError if no operation of that name is defined yet.
    """
    if name not in operations:
        raise NotImplementedError(f"the operation {name!r} is not defined yet")
    operation = operations[name](**settings)
    tensors = _as_tensors(inputs)
    operation.inputs = tuple(tensor.data for tensor in tensors)
    forward, operation.gradient = operations[name].forward, gradients.get(name)
    if _State.kernels_on and name in kernels:
        forward, operation.gradient = kernels[name]
    data = np.asarray(forward(operation, *operation.inputs))
    if data.dtype == np.float64 and not any(x.dtype.kind == "f" for x in operation.inputs):
        data = data.astype(_State.dtype)  # whole numbers divided, as in PyTorch
    operation.output = data
    output = Tensor._wrap(data)
    recorder = _State.recorder
    if recorder is not None and recorder.enabled and any(t.requires_grad for t in tensors):
        output.requires_grad = True
        recorder.record(operation, tensors, output)
    return output


class use_kernels:  # noqa: N801
    """Switch the faster versions of operations on or off, by a call or in a `with` block."""

    def __init__(self, enabled=True):
        self.before = _State.kernels_on
        _State.kernels_on = bool(enabled)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        _State.kernels_on = self.before


def set_default_dtype(dtype):
    """The dtype of new floating tensors: float32 at the start, or float64."""
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise TypeError(f"the default dtype must be floating, got {dtype}")
    _State.dtype = dtype


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "tensor-conversion"}
#| exporti
def _as_array(data, dtype=None):
    """A new array: numbers become the default dtype; integer and boolean arrays keep theirs."""
    if isinstance(data, Tensor):
        data = data.data
    array = np.array(data, dtype=dtype)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"a tensor holds numbers, not {array.dtype}: {str(data)[:60]}")
    of_numbers = not isinstance(data, (np.ndarray, np.generic)) and array.dtype.kind in "iu"
    if dtype is None and (array.dtype.kind == "f" or of_numbers):
        array = array.astype(_State.dtype, copy=False)
    return array


def _as_tensors(inputs):
    """Tensors of the operands: beside a floating tensor, numbers and integers take its dtype."""
    floats = [x.data.dtype for x in inputs if isinstance(x, Tensor) and x.data.dtype.kind == "f"]
    if not floats:
        return [x if isinstance(x, Tensor) else Tensor._wrap(_beside_integers(x)) for x in inputs]
    dtype = floats[0] if len(floats) == 1 else np.result_type(*floats)
    tensors = []
    for x in inputs:
        if not isinstance(x, Tensor):
            x = Tensor._wrap(np.asarray(x).astype(dtype, copy=False))
        elif x.data.dtype.kind in "iu":
            x = Tensor._wrap(x.data.astype(dtype))
        tensors.append(x)
    return tensors


def _beside_integers(x):
    """A whole number keeps an integer tensor whole; everything else is the default dtype."""
    return np.asarray(x) if isinstance(x, (bool, int, np.integer)) else _as_array(x)


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "tensor-class"}
#| export
class Tensor:
    """An array of numbers with operations.

    `data`: a number, nested lists or an array (copied). Floating data and Python numbers become
    the default dtype; integer and boolean arrays keep theirs. `dtype` overrides both.
    `grad` is None or a NumPy array of the tensor's shape.
    """

    __array_ufunc__ = None  # so that `array + tensor` asks the tensor
    __hash__ = object.__hash__

    def __init__(self, data, dtype=None, requires_grad=False):
        self.data = _as_array(data, dtype)
        self.grad = None
        self.version = 0
        self.node = None
        if requires_grad and self.data.dtype.kind != "f":
            raise TypeError(f"only floating tensors can require a gradient, not {self.data.dtype}")
        self.requires_grad = bool(requires_grad)

    @classmethod
    def _wrap(cls, array):
        """A tensor around this very array, without a copy or a conversion."""
        tensor = object.__new__(Tensor)
        tensor.data, tensor.grad, tensor.version, tensor.node = array, None, 0, None
        tensor.requires_grad = False
        return tensor

    # What it is
    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    dtype = property(lambda self: self.data.dtype)
    T = property(lambda self: self.permute(*reversed(range(self.ndim))))

    def size(self, dim=None):
        """The shape, or the length of one dimension."""
        return self.shape if dim is None else self.shape[dim]

    def numel(self):
        """How many numbers it holds."""
        return self.data.size

    def __len__(self):
        if not self.ndim:
            raise TypeError("a tensor without dimensions has no length")
        return self.shape[0]

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __repr__(self):
        body = np.array2string(self.data, separator=", ", prefix="Tensor(")
        kind = "" if self.dtype == _State.dtype else f", dtype={self.dtype}"
        return f"Tensor({body}{kind}{', requires_grad=True' if self.requires_grad else ''})"

    # Out of the tensor
    def numpy(self):
        """The array itself, not a copy."""
        return self.data

    def tolist(self):
        """Nested lists of Python numbers."""
        return self.data.tolist()

    def item(self):
        """The one number of a tensor with one element."""
        if self.data.size != 1:
            raise ValueError(f"item() needs one element, this tensor has shape {self.shape}")
        return self.data.item()

    def detach(self):
        """The same data, without its history."""
        return Tensor._wrap(self.data)

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __bool__(self):
        return bool(self.item())

    # Arithmetic
    def __add__(self, other):
        return apply("add", self, other)

    def __radd__(self, other):
        return apply("add", other, self)

    def __sub__(self, other):
        return apply("sub", self, other)

    def __rsub__(self, other):
        return apply("sub", other, self)

    def __mul__(self, other):
        return apply("mul", self, other)

    def __rmul__(self, other):
        return apply("mul", other, self)

    def __truediv__(self, other):
        return apply("div", self, other)

    def __rtruediv__(self, other):
        return apply("div", other, self)

    def __pow__(self, other):
        return apply("pow", self, other)

    def __rpow__(self, other):
        return apply("pow", other, self)

    def __matmul__(self, other):
        return apply("matmul", self, other)

    def __rmatmul__(self, other):
        return apply("matmul", other, self)

    def __neg__(self):
        return apply("neg", self)

    # In place
    def _write(self, compute):
        """Change the data where it lies, unless a gradient would be wrong after it."""
        recorder = _State.recorder
        if self.requires_grad and recorder is not None and recorder.enabled:
            raise RuntimeError(
                "this tensor requires a gradient and cannot be changed in place: "
                "write y = y + 1 instead of y += 1, or change it inside no_grad()"
            )
        compute()
        self.version += 1
        return self

    def __iadd__(self, other):
        return self._write(
            lambda: np.add(self.data, _raw(other), out=self.data, casting="same_kind")
        )

    def __isub__(self, other):
        return self._write(
            lambda: np.subtract(self.data, _raw(other), out=self.data, casting="same_kind")
        )

    def __imul__(self, other):
        return self._write(
            lambda: np.multiply(self.data, _raw(other), out=self.data, casting="same_kind")
        )

    def __itruediv__(self, other):
        return self._write(
            lambda: np.divide(self.data, _raw(other), out=self.data, casting="same_kind")
        )

    def __setitem__(self, index, value):
        self._write(lambda: self.data.__setitem__(_raw(index), _raw(value)))

    # Comparison gives a boolean tensor
    def __eq__(self, other):
        return Tensor._wrap(np.asarray(self.data == _raw(other)))

    def __ne__(self, other):
        return Tensor._wrap(np.asarray(self.data != _raw(other)))

    def __lt__(self, other):
        return Tensor._wrap(np.asarray(self.data < _raw(other)))

    def __le__(self, other):
        return Tensor._wrap(np.asarray(self.data <= _raw(other)))

    def __gt__(self, other):
        return Tensor._wrap(np.asarray(self.data > _raw(other)))

    def __ge__(self, other):
        return Tensor._wrap(np.asarray(self.data >= _raw(other)))

    # One number each
    def exp(self):
        return apply("exp", self)

    def log(self):
        return apply("log", self)

    def sqrt(self):
        return apply("sqrt", self)

    def abs(self):
        return apply("abs", self)

    def pow(self, exponent):
        return apply("pow", self, exponent)

    def clip(self, min=None, max=None):
        return apply("clip", self, min=min, max=max)

    # Reductions: over all elements, or along an axis or a tuple of axes
    def sum(self, axis=None, keepdims=False):
        return apply("sum", self, axis=axis, keepdims=keepdims)

    def mean(self, axis=None, keepdims=False):
        return apply("mean", self, axis=axis, keepdims=keepdims)

    def max(self, axis=None, keepdims=False):
        return apply("max", self, axis=axis, keepdims=keepdims)

    def min(self, axis=None, keepdims=False):
        return apply("min", self, axis=axis, keepdims=keepdims)

    def var(self, axis=None, correction=1, keepdims=False):
        return apply("var", self, axis=axis, correction=correction, keepdims=keepdims)

    def std(self, axis=None, correction=1, keepdims=False):
        return self.var(axis, correction, keepdims).sqrt()

    def argmax(self, axis=None, keepdims=False):
        return Tensor._wrap(np.asarray(self.data.argmax(axis=axis, keepdims=keepdims)))

    # Shape
    def reshape(self, *shape):
        return apply("reshape", self, shape=_listed(shape))

    def permute(self, *dims):
        return apply("permute", self, dims=_listed(dims))

    def transpose(self, dim0=-2, dim1=-1):
        """Swap two dimensions."""
        dims = list(range(self.ndim))
        dims[dim0], dims[dim1] = dims[dim1], dims[dim0]
        return self.permute(*dims)

    def squeeze(self, dim=None):
        """Without the dimensions of size 1, or without this one if its size is 1."""
        drop = range(self.ndim) if dim is None else (dim % self.ndim,)
        return self.reshape(*(n for i, n in enumerate(self.shape) if n != 1 or i not in drop))

    def unsqueeze(self, dim):
        """With a new dimension of size 1 at `dim`."""
        shape = list(self.shape)
        shape.insert(dim if dim >= 0 else dim + self.ndim + 1, 1)
        return self.reshape(*shape)

    def flatten(self, start_dim=0, end_dim=-1):
        """Dimensions `start_dim` to `end_dim` in one."""
        if not self.ndim:
            return self.reshape(1)
        start, end = start_dim % self.ndim, end_dim % self.ndim
        inner = math.prod(self.shape[start : end + 1])
        return self.reshape(*self.shape[:start], inner, *self.shape[end + 1 :])

    def broadcast_to(self, *shape):
        return apply("broadcast_to", self, shape=_listed(shape))

    def __getitem__(self, index):
        return apply("getitem", self, index=_raw(index))

    # Gradients
    def backward(self, gradient=None):
        """Compute the gradient of this tensor with respect to everything it was made from."""
        if _State.recorder is None:
            raise RuntimeError("backward() comes with module 06 (autograd)")
        _State.recorder.backward(self, gradient)

    def zero_grad(self):
        """Forget the gradient."""
        self.grad = None


class Parameter(Tensor):
    """A tensor that a model learns: it requires a gradient."""

    def __init__(self, data, dtype=None, requires_grad=True):
        super().__init__(data, dtype, requires_grad)


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "tensor-small"}
#| exporti
def _raw(value):
    """Arrays in place of tensors, also inside an index."""
    if isinstance(value, tuple):
        return tuple(_raw(item) for item in value)
    if isinstance(value, Tensor):
        return value.data
    return value.item() if isinstance(value, np.generic) else value


def _listed(numbers):
    """`reshape(2, 3)` and `reshape((2, 3))` mean the same."""
    if len(numbers) == 1 and isinstance(numbers[0], (tuple, list)):
        return tuple(numbers[0])
    return numbers


# %% [markdown]
"""
## Step 1: Add

The result holds, at every place, the sum of the two numbers there. NumPy's `+` does this for whole arrays and broadcasts shapes that fit together.

`forward` gets NumPy arrays and returns one; `apply` makes a tensor of it.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "tensor-add"}
#| exporti
class Add(Operation):
    """x + y, element by element.

    Shapes: any two that broadcast; the result has the broadcast shape.

    >>> (Tensor([1.0, 2.0]) + 10).tolist()
    [11.0, 12.0]
    """

    name = "add"

    def forward(self, x, y):
        ### BEGIN SOLUTION
        return x + y
        ### END SOLUTION


# %% [markdown]
"""
**Test: adding.** Equal shapes, a number on either side, and a row added to every row of a matrix. A careless version that flattens or loops over the first shape alone fails on the last.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "tensor-add-test", "points": 2}
def test_add():
    assert (Tensor([1.0, 2.0]) + Tensor([3.0, 4.0])).tolist() == [4.0, 6.0]
    assert (1 + Tensor([1.0, 2.0])).tolist() == [2.0, 3.0]
    rows = Tensor([[0.0, 0.0], [1.0, 1.0]]) + Tensor([5.0, 7.0])
    assert rows.tolist() == [[5.0, 7.0], [6.0, 8.0]]
    assert rows.dtype == np.float32


test_add()

# %% [markdown]
"""
## Step 2: Subtract and negate

Order matters here: `5 - tensor` calls the same operation with the number first.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "tensor-subtract"}
#| exporti
class Subtract(Operation):
    """x - y, element by element, with broadcasting.

    >>> (5 - Tensor([1.0, 2.0])).tolist()
    [4.0, 3.0]
    """

    name = "sub"

    def forward(self, x, y):
        ### BEGIN SOLUTION
        return x - y
        ### END SOLUTION


class Negate(Operation):
    """-x, element by element.

    >>> (-Tensor([1.0, -2.0])).tolist()
    [-1.0, 2.0]
    """

    name = "neg"

    def forward(self, x):
        ### BEGIN SOLUTION
        return -x
        ### END SOLUTION


# %% [markdown]
"""
**Test: subtracting and negating.** The number first and last, and a column against a row, which gives all differences.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "tensor-subtract-test", "points": 2}
def test_subtract_and_negate():
    assert (Tensor([1.0, 2.0]) - 1).tolist() == [0.0, 1.0]
    assert (5 - Tensor([1.0, 2.0])).tolist() == [4.0, 3.0]
    differences = Tensor([[1.0], [2.0]]) - Tensor([0.0, 10.0])
    assert differences.tolist() == [[1.0, -9.0], [2.0, -8.0]]
    assert (-Tensor([1.0, -2.0])).tolist() == [-1.0, 2.0]


test_subtract_and_negate()

# %% [markdown]
"""
## Step 3: Multiply and divide

Both work element by element: `*` is not the matrix product, which has its own sign, `@`.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "tensor-multiply"}
#| exporti
class Multiply(Operation):
    """x * y, element by element, with broadcasting.

    >>> (Tensor([1.0, 2.0]) * Tensor([3.0, 4.0])).tolist()
    [3.0, 8.0]
    """

    name = "mul"

    def forward(self, x, y):
        ### BEGIN SOLUTION
        return x * y
        ### END SOLUTION


class Divide(Operation):
    """x / y, element by element, with broadcasting.

    >>> (1 / Tensor([2.0, 4.0])).tolist()
    [0.5, 0.25]
    """

    name = "div"

    def forward(self, x, y):
        ### BEGIN SOLUTION
        return x / y
        ### END SOLUTION


# %% [markdown]
"""
**Test: multiplying and dividing.** A table of products from a column and a row, a number divided by a tensor, and whole numbers, whose quotient must be floating.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "tensor-multiply-test", "points": 2}
def test_multiply_and_divide():
    table = Tensor([[1.0], [2.0]]) * Tensor([3.0, 4.0])
    assert table.tolist() == [[3.0, 4.0], [6.0, 8.0]]
    assert (1 / Tensor([2.0, 4.0])).tolist() == [0.5, 0.25]
    halves = Tensor(np.array([1, 2])) / 2
    assert halves.tolist() == [0.5, 1.0]
    assert halves.dtype == np.float32


test_multiply_and_divide()

# %%
if __name__ == "__main__":
    run_tests()
