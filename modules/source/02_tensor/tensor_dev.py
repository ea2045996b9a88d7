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
import operator

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

The next cells, up to step 1, are given. Read them once: they are the whole machinery.

`Operation` is one kind of computation on NumPy arrays. Defining a subclass with a `name` puts it into the table `operations`.

`apply("add", a, b)` is the one door through which every computation goes: it takes the arrays out of the tensors, calls your `forward`, and wraps the result. It also looks into two more tables. `gradients` stays empty until module 06, and `kernels` holds faster versions of the same operations that later modules bring.

Which dtype a result has is decided before your `forward` sees the arrays, by PyTorch's rule. Floating numbers beat whole ones, and those beat booleans; within one kind, a tensor beats a plain number. So `float32 tensor * 0.5` stays float32, `uint8 tensor + 1` stays uint8, and `whole tensor * 0.5` becomes the default dtype, float32. Whole numbers that give fractions (`/`, `exp`, `mean`) become the default dtype too.

NumPy warns about `1 / 0`, `log(0)` and the mean of nothing. The result is still `inf`, `-inf` or `nan`, as in PyTorch: the warning is there to tell you where it came from.
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
    For the gradient, `apply` keeps the arrays it passed to `forward` as `self.inputs`, the result
    as `self.output` and the gradient's function, if there is one, as `self.gradient`.
    """

    name = ""

    def __init__(self, **settings):
        self.inputs = ()
        self.output = None
        self.gradient = None
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


def apply(name, /, *inputs, **settings):
    """Run the operation `name` on tensors, numbers or arrays and return a new tensor.

    `inputs` can receive a gradient; `settings` are everything else and cannot.
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
    floating = data.dtype.kind == "f"
    if floating and not any(x.dtype.kind == "f" for x in operation.inputs):
        data = data.astype(_State.dtype, copy=False)  # whole numbers divided, as in PyTorch
    operation.output = data
    output = Tensor._wrap(data)
    _share_versions(tensors, output)
    recorder = _State.recorder
    recording = recorder is not None and recorder.enabled and floating
    if recording and any(t.requires_grad for t in tensors):
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
    if dtype not in (np.float32, np.float64):
        raise TypeError(f"the default dtype must be float32 or float64, got {dtype}")
    _State.dtype = dtype


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "tensor-conversion"}
#| exporti
def _of_numbers(data):
    """`data` as an array, not copied if it is one. Anything but numbers is refused."""
    array = data if isinstance(data, np.ndarray) else np.asarray(data)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"a tensor holds numbers, not {array.dtype}: {str(data)[:60]}")
    return array


def _as_array(data, dtype=None):
    """A new array: numbers become the default dtype; integer and boolean arrays keep theirs."""
    data = data.data if isinstance(data, Tensor) else data
    array = _of_numbers(data)
    kind = array.dtype.kind
    if dtype is None:
        of_arrays = isinstance(data, (np.ndarray, np.generic))
        keeps = kind == "b" or (kind in "iu" and of_arrays)
        dtype = array.dtype if keeps else _State.dtype
    elif np.dtype(dtype).kind not in "fiub":
        raise TypeError(f"a tensor holds numbers, not {np.dtype(dtype)}")
    return np.array(array, dtype=dtype)


_LEVELS = {"b": 0, "i": 1, "u": 1, "f": 2}


def _as_tensors(inputs):
    """Tensors of the operands, all in the dtype that PyTorch's rule gives.

    Only floating tensors stay as they are, since they may require a gradient: NumPy computes
    float32 beside float64 in float64.
    """
    dtypes = {x.data.dtype if isinstance(x, Tensor) else None for x in inputs}
    if len(dtypes) == 1 and None not in dtypes:
        return list(inputs)
    arrays = [x.data if isinstance(x, Tensor) else _of_numbers(x) for x in inputs]
    level = max((_LEVELS[array.dtype.kind] for array in arrays), default=0)
    deciding = [
        array.dtype
        for x, array in zip(inputs, arrays, strict=True)
        if _LEVELS[array.dtype.kind] == level
        and (isinstance(x, Tensor) or (level < 2 and array.ndim))
    ]
    if not deciding:
        dtype = (np.bool_, np.int64, _State.dtype)[level]
    else:
        dtype = deciding[0] if len(deciding) == 1 else np.result_type(*deciding)
    tensors = []
    for x, array in zip(inputs, arrays, strict=True):
        stays = isinstance(x, Tensor) and (array.dtype.kind == "f" or array.dtype == dtype)
        tensors.append(x if stays else Tensor._wrap(array.astype(dtype, copy=False)))
    return tensors


def _share_versions(tensors, output):
    """A view is changed together with what it shows: both count versions as one."""
    for tensor in tensors:
        shown = output.data is tensor.data or output.data.base is not None
        if shown and np.may_share_memory(output.data, tensor.data):
            output._version = tensor._version


def _raw(value):
    """Arrays in place of tensors, also inside an index; Python's numbers in place of NumPy's."""
    if isinstance(value, tuple):
        return tuple(_raw(item) for item in value)
    if isinstance(value, Tensor):
        return value.data
    return value.item() if isinstance(value, np.generic) else value


def _own(setting):
    """Like `_raw`, with copies of tensors: nobody changes a setting before the gradient reads it."""
    if isinstance(setting, tuple):
        return tuple(_own(item) for item in setting)
    return setting.data.copy() if isinstance(setting, Tensor) else _raw(setting)


def _listed(numbers):
    """`reshape(2, 3)` and `reshape((2, 3))` mean the same."""
    if len(numbers) == 1 and isinstance(numbers[0], (tuple, list)):
        return tuple(numbers[0])
    return numbers


def generator():
    """The one random generator (np.random.Generator), made when it is first asked for."""
    if _State.random is None:
        _State.random = np.random.default_rng()
    return _State.random


# %% [markdown]
"""
Many methods of the class differ in one name only. The next cell makes them: `_operator("add")` gives the two methods for `tensor + 1` and `1 + tensor`, and so on.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "tensor-methods"}
#| exporti
def _operator(name):
    return (
        lambda self, other: apply(name, self, other),
        lambda self, other: apply(name, other, self),
    )


def _function(name):
    return lambda self: apply(name, self)


def _on_item(function):
    return lambda self: function(self.item())


def _reduction(name):
    def method(self, axis=None, keepdims=False):
        return apply(name, self, axis=axis, keepdims=keepdims)

    return method


def _in_place(function):
    def method(self, other):
        # same_kind: float64 may be written into float32, but a fraction not into whole numbers.
        return self._write(
            other, lambda value: function(self.data, value, out=self.data, casting="same_kind")
        )

    return method


def _comparison(function):
    def method(self, other):
        other = _raw(other)
        if np.asarray(other).dtype.kind not in "fiub":
            return NotImplemented  # Python then says that `tensor == None` is False
        return Tensor._wrap(np.asarray(function(self.data, other)))

    return method


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "tensor-class"}
#| export
class Tensor:
    """An array of numbers with operations.

    `data`: a number, nested lists or an array (copied). Floating data and Python numbers become
    the default dtype; integer and boolean arrays keep theirs. `dtype` overrides both.
    `grad` is None or a NumPy array of the tensor's shape. `version` counts the changes in place.
    """

    __array_ufunc__ = None  # so that `array + tensor` asks the tensor
    __hash__ = object.__hash__

    def __init__(self, data, dtype=None, requires_grad=False):
        self.data = _as_array(data, dtype)
        self.grad = None
        self.node = None
        self._version = [0]  # a list, so that a view can share it
        if requires_grad and self.data.dtype.kind != "f":
            raise TypeError(f"only floating tensors can require a gradient, not {self.data.dtype}")
        self.requires_grad = bool(requires_grad)

    @classmethod
    def _wrap(cls, array):
        """A tensor around this very array, without a copy or a conversion."""
        tensor = object.__new__(Tensor)
        tensor.data, tensor.grad, tensor.node, tensor._version = array, None, None, [0]
        tensor.requires_grad = False
        return tensor

    # What it is
    version = property(
        lambda self: self._version[0], lambda self, number: self._version.__setitem__(0, number)
    )
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
        name = type(self).__name__
        body = np.array2string(self.data, separator=", ", prefix=f"{name}(")
        kind = "" if self.dtype == _State.dtype else f", dtype={self.dtype}"
        return f"{name}({body}{kind}{', requires_grad=True' if self.requires_grad else ''})"

    def __format__(self, spec):
        return format(self.item(), spec) if spec else repr(self)

    def __getstate__(self):
        if self.node is not None:
            raise RuntimeError("this tensor was computed: copy or save its detach() instead")
        return dict(vars(self))

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
        tensor = Tensor._wrap(self.data)
        tensor._version = self._version
        return tensor

    def __array__(self, dtype=None, copy=None):
        if self.requires_grad:
            raise RuntimeError("NumPy records no gradient: pass this tensor's detach() instead")
        return np.array(self.data, dtype=dtype, copy=copy)

    __float__ = _on_item(float)
    __int__ = _on_item(int)
    __index__ = _on_item(operator.index)

    def __bool__(self):
        if self.data.size != 1:
            raise ValueError(
                f"a tensor of shape {self.shape} is neither true nor false as a whole: "
                "ask for (...).data.all() or (...).data.any()"
            )
        return bool(self.data.item())

    # Arithmetic
    __add__, __radd__ = _operator("add")
    __sub__, __rsub__ = _operator("sub")
    __mul__, __rmul__ = _operator("mul")
    __truediv__, __rtruediv__ = _operator("div")
    __pow__, __rpow__ = _operator("pow")
    __matmul__, __rmatmul__ = _operator("matmul")
    __neg__ = _function("neg")
    __abs__ = _function("abs")

    # In place
    def _write(self, value, compute):
        """Change the data where it lies, unless a gradient would be wrong after it."""
        recorder = _State.recorder
        if recorder is not None and recorder.enabled:
            if self.requires_grad:
                raise RuntimeError(
                    "this tensor requires a gradient and cannot be changed in place: "
                    "write y = y + 1 instead of y += 1, or change it inside no_grad()"
                )
            if isinstance(value, Tensor) and value.requires_grad:
                raise RuntimeError(
                    "the value requires a gradient, which would be lost in place: "
                    "write y = y + x instead of y += x, or write its detach()"
                )
        compute(_raw(value))
        self._version[0] += 1
        return self

    __iadd__ = _in_place(np.add)
    __isub__ = _in_place(np.subtract)
    __imul__ = _in_place(np.multiply)
    __itruediv__ = _in_place(np.divide)
    __ipow__ = _in_place(np.power)

    def __setitem__(self, index, value):
        self._write(value, lambda value: self.data.__setitem__(_raw(index), value))

    # Comparison with numbers gives a boolean tensor
    __eq__ = _comparison(np.equal)
    __ne__ = _comparison(np.not_equal)
    __lt__ = _comparison(np.less)
    __le__ = _comparison(np.less_equal)
    __gt__ = _comparison(np.greater)
    __ge__ = _comparison(np.greater_equal)

    # One number each
    exp = _function("exp")
    log = _function("log")
    sqrt = _function("sqrt")
    abs = _function("abs")

    def pow(self, exponent):
        return apply("pow", self, exponent)

    def clip(self, min=None, max=None):
        if isinstance(min, Tensor) or isinstance(max, Tensor):
            raise TypeError("the bounds of clip are numbers: a tensor would get no gradient there")
        if min is None and max is None:
            raise ValueError("clip needs min, max or both")
        return apply("clip", self, min=_raw(min), max=_raw(max))

    # Reductions: over all elements, or along an axis or a tuple of axes
    sum = _reduction("sum")
    mean = _reduction("mean")
    max = _reduction("max")
    min = _reduction("min")

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

    def _dim(self, dim, more=0):
        """`dim` counted from the start, in a tensor that has `more` dimensions than this one."""
        count = self.ndim + more
        if not -count <= dim < count:
            raise IndexError(f"dimension {dim} is out of range, this tensor has {count}")
        return dim % count

    def transpose(self, dim0=-2, dim1=-1):
        """Swap two dimensions."""
        dims = list(range(self.ndim))
        dim0, dim1 = self._dim(dim0), self._dim(dim1)
        dims[dim0], dims[dim1] = dims[dim1], dims[dim0]
        return self.permute(*dims)

    def squeeze(self, dim=None):
        """Without the dimensions of size 1, or without this one if its size is 1."""
        drop = range(self.ndim) if dim is None else (self._dim(dim),)
        return self.reshape(*(n for i, n in enumerate(self.shape) if n != 1 or i not in drop))

    def unsqueeze(self, dim):
        """With a new dimension of size 1 at `dim`."""
        shape = list(self.shape)
        shape.insert(self._dim(dim, more=1), 1)
        return self.reshape(*shape)

    def flatten(self, start_dim=0, end_dim=-1):
        """Dimensions `start_dim` to `end_dim` in one."""
        if not self.ndim:
            return self.reshape(1)
        start, end = self._dim(start_dim), self._dim(end_dim)
        if start > end:
            raise ValueError(f"start_dim {start_dim} comes after end_dim {end_dim}")
        inner = math.prod(self.shape[start : end + 1])
        return self.reshape(*self.shape[:start], inner, *self.shape[end + 1 :])

    def broadcast_to(self, *shape):
        return apply("broadcast_to", self, shape=_listed(shape))

    def __getitem__(self, index):
        return apply("getitem", self, index=_own(index))

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


# %% [markdown]
"""
Three functions take several tensors, so they are no methods. They too call operations of yours (step 7).
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "tensor-several-functions"}
#| export
def cat(tensors, axis=0):
    """The tensors one after the other along `axis`: (2, 3) and (4, 3) give (6, 3)."""
    return apply("cat", *tensors, axis=axis)


def stack(tensors, axis=0):
    """Tensors of one shape along a new dimension: two of shape (3,) give (2, 3)."""
    return apply("stack", *tensors, axis=axis)


def where(condition, x, y):
    """x where `condition` (a boolean tensor or array) is true, y elsewhere; all three broadcast."""
    condition = np.asarray(_own(condition))
    if condition.dtype != np.bool_:
        raise TypeError(f"the condition must be boolean, not {condition.dtype}: write `x > 0`")
    return apply("where", x, y, condition=condition)


# %% [markdown]
"""
## Step 1: Add

The result holds, at every place, the sum of the two numbers there. NumPy's `+` does this for whole arrays and broadcasts shapes that fit together.

`forward` gets NumPy arrays and returns one; `apply` makes a tensor of it.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "tensor-add"}
#| exporti
class Add(Operation):
    """x + y, element by element; the shapes broadcast.

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
## Step 2: The rest of arithmetic

Subtraction, negation, multiplication, division and powers, all element by element: `*` is not the matrix product, which has its own sign, `@`. Order matters: `5 - tensor` calls the same operation with the number first, and in `2 ** tensor` the tensor is the exponent.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "tensor-arithmetic"}
#| exporti
class Subtract(Operation):
    """x - y, with broadcasting.

    >>> (5 - Tensor([1.0, 2.0])).tolist()
    [4.0, 3.0]
    """

    name = "sub"

    def forward(self, x, y):
        ### BEGIN SOLUTION
        return x - y
        ### END SOLUTION


class Negate(Operation):
    """-x."""

    name = "neg"

    def forward(self, x):
        ### BEGIN SOLUTION
        return -x
        ### END SOLUTION


class Multiply(Operation):
    """x * y, with broadcasting."""

    name = "mul"

    def forward(self, x, y):
        ### BEGIN SOLUTION
        return x * y
        ### END SOLUTION


class Divide(Operation):
    """x / y, with broadcasting.

    >>> (1 / Tensor([2.0, 4.0])).tolist()
    [0.5, 0.25]
    """

    name = "div"

    def forward(self, x, y):
        ### BEGIN SOLUTION
        return x / y
        ### END SOLUTION


class Power(Operation):
    """x to the power y, with broadcasting.

    >>> (Tensor([1.0, 2.0, 3.0]) ** 2).tolist()
    [1.0, 4.0, 9.0]
    """

    name = "pow"

    def forward(self, x, y):
        ### BEGIN SOLUTION
        return x**y
        ### END SOLUTION


# %% [markdown]
"""
**Test: arithmetic.** The number first and last; a column against a row, which gives a whole table; whole numbers, whose quotient must be floating; and dtypes: a plain number beside a float64 tensor must not bring it down to float32, nor one beside float32 lift it up.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "tensor-arithmetic-test", "points": 5}
def test_subtract_and_negate():
    assert (Tensor([1.0, 2.0]) - 1).tolist() == [0.0, 1.0]
    assert (5 - Tensor([1.0, 2.0])).tolist() == [4.0, 3.0]
    differences = Tensor([[1.0], [2.0]]) - Tensor([0.0, 10.0])
    assert differences.tolist() == [[1.0, -9.0], [2.0, -8.0]]
    assert (-Tensor([1.0, -2.0])).tolist() == [-1.0, 2.0]


def test_multiply_and_divide():
    table = Tensor([[1.0], [2.0]]) * Tensor([3.0, 4.0])
    assert table.tolist() == [[3.0, 4.0], [6.0, 8.0]]
    assert (1 / Tensor([2.0, 4.0])).tolist() == [0.5, 0.25]
    halves = Tensor(np.array([1, 2])) / 2
    assert halves.tolist() == [0.5, 1.0]
    assert halves.dtype == np.float32


def test_power():
    assert (Tensor([1.0, 3.0]) ** 2).tolist() == [1.0, 9.0]
    assert (2 ** Tensor([0.0, 3.0])).tolist() == [1.0, 8.0]
    np.testing.assert_allclose((Tensor([4.0, 9.0]) ** 0.5).data, [2.0, 3.0], rtol=1e-6)
    assert (Tensor([2.0]) ** np.float64(2)).dtype == np.float32
    assert (Tensor([2.0], dtype=np.float64) ** np.float32(2)).dtype == np.float64


test_subtract_and_negate()
test_multiply_and_divide()
test_power()

# %% [markdown]
r"""
## Step 3: Functions of one number

`exp` and `log` undo each other and turn products into sums, $\log(ab) = \log a + \log b$: so probabilities are multiplied without becoming too small to store. `sqrt` measures lengths, `abs` forgets the sign. Each is the NumPy function of that name.

`clip` holds numbers between `self.min` and `self.max`; a bound is `None` where there is none, as `np.clip` understands it. With only `min=0` it is the most used activation function of all (module 03).
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "tensor-functions"}
#| exporti
class Exponential(Operation):
    """e to the power x."""

    name = "exp"

    def forward(self, x):
        ### BEGIN SOLUTION
        return np.exp(x)
        ### END SOLUTION


class Logarithm(Operation):
    """The natural logarithm: -inf at 0, nan below it."""

    name = "log"

    def forward(self, x):
        ### BEGIN SOLUTION
        return np.log(x)
        ### END SOLUTION


class SquareRoot(Operation):
    """The root of x: nan below 0.

    >>> Tensor([4.0, 9.0]).sqrt().tolist()
    [2.0, 3.0]
    """

    name = "sqrt"

    def forward(self, x):
        ### BEGIN SOLUTION
        return np.sqrt(x)
        ### END SOLUTION


class Absolute(Operation):
    """x without its sign."""

    name = "abs"

    def forward(self, x):
        ### BEGIN SOLUTION
        return np.abs(x)
        ### END SOLUTION


class Clip(Operation):
    """x held between `self.min` and `self.max`; None means no bound on that side.

    >>> Tensor([-2.0, 0.5, 3.0]).clip(0, 1).tolist()
    [0.0, 0.5, 1.0]
    """

    name = "clip"

    def forward(self, x):
        ### BEGIN SOLUTION
        return np.clip(x, self.min, self.max)
        ### END SOLUTION


# %% [markdown]
"""
**Test: functions.** Known values at two places each (a single place such as `log(1)` would not tell bases apart); whole numbers, which must give float32 and not NumPy's float64; and `clip` with both bounds and with each alone.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "tensor-functions-test", "points": 5}
def test_exp_log_sqrt_abs():
    np.testing.assert_allclose(Tensor([[0.0], [1.0]]).exp().data, [[1.0], [math.e]], rtol=1e-6)
    np.testing.assert_allclose(Tensor([1.0, math.e**2]).log().data, [0.0, 2.0], rtol=1e-6)
    assert Tensor(np.array([0, 1])).exp().dtype == np.float32
    assert Tensor([4.0, 9.0]).sqrt().tolist() == [2.0, 3.0]
    assert abs(Tensor([[-1.5, 2.0]])).tolist() == [[1.5, 2.0]]


def test_clip():
    x = Tensor([-2.0, 0.5, 3.0])
    assert x.clip(0, 1).tolist() == [0.0, 0.5, 1.0]
    assert x.clip(min=0).tolist() == [0.0, 0.5, 3.0]
    assert x.clip(max=1).tolist() == [-2.0, 0.5, 1.0]
    assert x.clip(np.float64(-1), 1).dtype == np.float32
    assert x.tolist() == [-2.0, 0.5, 3.0]


test_exp_log_sqrt_abs()
test_clip()

# %% [markdown]
r"""
## Step 4: Matrix product

Row $i$ of the first matrix times column $j$ of the second, summed: $C_{ij} = \sum_k A_{ik} B_{kj}$. A layer of a neural network is this product and little else: `(batch, inputs) @ (inputs, outputs)` gives `(batch, outputs)`. More than two dimensions are a batch of matrices, and the batch broadcasts. A one-dimensional tensor is a row on the left and a column on the right; that dimension is gone in the result.

For `(m, k) @ (k, n)` the computer multiplies `m·k·n` times, but reads only `m·k + k·n` numbers. So much arithmetic on so little data is what processors are best at: NumPy hands it to a library (BLAS) written for this.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "tensor-matmul"}
#| exporti
class MatrixProduct(Operation):
    """x @ y: (..., m, k) and (..., k, n) give (..., m, n); the dimensions in front broadcast.

    >>> (Tensor([[1.0, 2.0]]) @ Tensor([[3.0], [4.0]])).tolist()
    [[11.0]]
    """

    name = "matmul"

    def forward(self, x, y):
        ### BEGIN SOLUTION
        return x @ y
        ### END SOLUTION


# %% [markdown]
"""
**Test: matrix product.** Sizes that are all different (so that a swapped or transposed operand fails), vectors on either side, a batch of matrices times one matrix, an array on the left, and an inner dimension that does not fit.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "tensor-matmul-test", "points": 5}
def test_matmul():
    a = Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    b = Tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]])
    assert (a @ b).tolist() == [[7.0, 8.0], [16.0, 17.0]]
    assert (np.array([[1.0, 1.0]]) @ a).tolist() == [[5.0, 7.0, 9.0]]
    assert (a @ Tensor([1.0, 1.0, 1.0])).tolist() == [6.0, 15.0]
    assert (Tensor([1.0, 1.0]) @ a).tolist() == [5.0, 7.0, 9.0]
    batch = Tensor([[[1.0, 0.0]], [[0.0, 1.0]], [[2.0, 2.0]]])
    assert (batch @ a).tolist() == [[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]], [[10.0, 14.0, 18.0]]]
    assert (batch @ Tensor(np.ones((3, 2, 1)))).tolist() == [[[1.0]], [[1.0]], [[4.0]]]
    np.testing.assert_raises(ValueError, lambda: a @ a)


test_matmul()

# %% [markdown]
r"""
## Step 5: Reductions

A reduction takes an axis of numbers down to one. `axis` says which dimension disappears: for a shape `(batch, features)`, `axis=0` gives one number per feature, `axis=1` (or `-1`) one per example, `axis=(0, 1)` or none at all a single number. `keepdims=True` leaves a dimension of size 1 in its place. That makes `x - x.mean(axis=1, keepdims=True)` broadcast as intended: without it, `(3, 3) - (3,)` would subtract the mean of row 0 from *column* 0, with no error.

`max` and `min` return the values alone (PyTorch's return the places as well); where the largest value stands is what the given `argmax` tells. PyTorch refuses the mean of whole numbers and booleans; here it is a floating number, so the mean of `predictions == targets` is an accuracy.

The *variance* says how far the numbers lie from their mean, squared, on average: $\frac{1}{n - c} \sum_i (x_i - \bar{x})^2$. The *correction* $c$ is 1 by default, since the mean comes from the same numbers and so lies closer to them than the true mean. Layers that normalise, module 14, use 0. The shorter formula $\overline{x^2} - \bar{x}^2$ subtracts two large, nearly equal numbers: in float32 nothing right is left.

Arrays have methods `sum`, `mean`, `max`, `min` and `var` with `axis` and `keepdims`; `var` calls the correction `ddof`.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "tensor-reductions"}
#| exporti
class Sum(Operation):
    """The sum over `self.axis`: None (everything), one axis or a tuple; see `self.keepdims`.

    >>> Tensor([[1.0, 2.0], [3.0, 4.0]]).sum(axis=0).tolist()
    [4.0, 6.0]
    """

    name = "sum"

    def forward(self, x):
        ### BEGIN SOLUTION
        return x.sum(axis=self.axis, keepdims=self.keepdims)
        ### END SOLUTION


class Mean(Operation):
    """The mean over `self.axis`, as for the sum."""

    name = "mean"

    def forward(self, x):
        ### BEGIN SOLUTION
        return x.mean(axis=self.axis, keepdims=self.keepdims)
        ### END SOLUTION


class Maximum(Operation):
    """The largest number over `self.axis`. An axis of length 0 has none: an error.

    >>> Tensor([[1.0, 5.0], [3.0, 2.0]]).max(axis=1).tolist()
    [5.0, 3.0]
    """

    name = "max"

    def forward(self, x):
        ### BEGIN SOLUTION
        return x.max(axis=self.axis, keepdims=self.keepdims)
        ### END SOLUTION


class Minimum(Operation):
    """The smallest number over `self.axis`, in the same way."""

    name = "min"

    def forward(self, x):
        ### BEGIN SOLUTION
        return x.min(axis=self.axis, keepdims=self.keepdims)
        ### END SOLUTION


class Variance(Operation):
    """The variance over `self.axis`, divided by n - `self.correction`.

    >>> Tensor([1.0, 2.0, 3.0]).var().item()
    1.0
    """

    name = "var"

    def forward(self, x):
        ### BEGIN SOLUTION
        return x.var(axis=self.axis, ddof=self.correction, keepdims=self.keepdims)
        ### END SOLUTION


# %% [markdown]
"""
**Test: reductions.** Each axis, negative axes, two axes at once, kept dimensions; a batch without examples, whose sum is zero; negative numbers only, where a search for the largest that starts at 0 fails; the correction; and numbers around 10,000, where the short formula for the variance has lost every digit.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "tensor-reductions-test", "points": 9}
def test_sum_and_mean():
    x = Tensor([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]])
    assert x.sum().item() == 21.0
    assert x.sum(axis=1).tolist() == [[9.0, 12.0]]
    assert x.sum(axis=-1, keepdims=True).tolist() == [[[3.0], [7.0], [11.0]]]
    assert x.sum(axis=(0, 2)).tolist() == [3.0, 7.0, 11.0]
    assert Tensor(np.zeros((0, 2))).sum(axis=0).tolist() == [0.0, 0.0]
    assert x.mean().item() == 3.5
    assert x.mean(axis=1).tolist() == [[3.0, 4.0]]
    assert x.mean(axis=(0, -1), keepdims=True).tolist() == [[[1.5], [3.5], [5.5]]]
    right = Tensor(np.array([1, 2, 3, 4])) == np.array([1, 2, 3, 0])
    assert right.sum().item() == 3
    assert (right.mean().item(), right.mean().dtype) == (0.75, np.float32)


def test_max_and_min():
    x = Tensor([[-1.0, -5.0, -3.0], [-4.0, -2.0, -6.0]])
    assert (x.max().item(), x.min().item()) == (-1.0, -6.0)
    assert x.max(axis=0).tolist() == [-1.0, -2.0, -3.0]
    assert x.min(axis=0).tolist() == [-4.0, -5.0, -6.0]
    assert x.max(axis=-1, keepdims=True).tolist() == [[-1.0], [-2.0]]
    assert x.min(axis=-1, keepdims=True).tolist() == [[-5.0], [-6.0]]
    assert x.argmax(axis=1).tolist() == [0, 1]


def test_variance():
    x = Tensor([[1.0, 2.0, 3.0], [2.0, 6.0, 10.0]])
    assert x.var(axis=1).tolist() == [1.0, 16.0]
    np.testing.assert_allclose(x.var(axis=-1, correction=0).data, [2 / 3, 32 / 3], rtol=1e-6)
    assert x.var(axis=0, keepdims=True).tolist() == [[0.5, 8.0, 24.5]]
    assert x.std(axis=1).tolist() == [1.0, 4.0]
    far = Tensor([10000.0, 10001.0, 10002.0])
    np.testing.assert_allclose(far.var().item(), 1.0, rtol=1e-5)


test_sum_and_mean()
test_max_and_min()
test_variance()

# %% [markdown]
"""
## Step 6: Shapes and parts

The same numbers, seen differently. In memory they lie in one line, last axis fastest; the shape says how to read the line.

- `reshape` reads it in another shape with as many numbers; one size may be -1, "whatever is left".
- `permute` orders the dimensions anew: result dimension `i` is input dimension `dims[i]`. An image `(height, width, colour)` becomes `(colour, height, width)` with `permute(2, 0, 1)`. The given `transpose` and `T` call it. `reshape(3, 2)` of a `(2, 3)` matrix is *not* its transpose.
- `broadcast_to` repeats dimensions of size 1 (or missing ones) up to the given shape.
- Square brackets pick a part: `x[0]` the first row, `x[:, 1]` a column, `x[x > 0]` the numbers where a boolean tensor is true, `x[rows, columns]` single numbers by two lists of places.

None of these copies where NumPy finds a way: the result is a *view*, and writing into it in place writes into the original, as in PyTorch. Boolean and list indices copy, and so does picking one single number. Writing, as in `x[0] = 5`, is given.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "tensor-shapes"}
#| exporti
class Reshape(Operation):
    """The same numbers in the shape `self.shape`, which may hold one -1.

    >>> Tensor([[1.0, 2.0], [3.0, 4.0]]).reshape(-1).tolist()
    [1.0, 2.0, 3.0, 4.0]
    """

    name = "reshape"

    def forward(self, x):
        ### BEGIN SOLUTION
        return x.reshape(self.shape)
        ### END SOLUTION


class Permute(Operation):
    """The dimensions in the order `self.dims`: np.transpose does this.

    >>> Tensor([[1.0, 2.0], [3.0, 4.0]]).permute(1, 0).tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    """

    name = "permute"

    def forward(self, x):
        ### BEGIN SOLUTION
        return np.transpose(x, self.dims)
        ### END SOLUTION


class BroadcastTo(Operation):
    """x repeated up to the shape `self.shape`: np.broadcast_to does this without a copy."""

    name = "broadcast_to"

    def forward(self, x):
        ### BEGIN SOLUTION
        return np.broadcast_to(x, self.shape)
        ### END SOLUTION


class GetItem(Operation):
    """The part of x that `self.index` picks. The index is ready for NumPy.

    >>> Tensor([[1.0, 2.0], [3.0, 4.0]])[:, 1].tolist()
    [2.0, 4.0]
    """

    name = "getitem"

    def forward(self, x):
        ### BEGIN SOLUTION
        return x[self.index]
        ### END SOLUTION


# %% [markdown]
"""
**Test: shapes and parts.** Three dimensions in an order that is not its own reverse (`(1, 2, 0)` undone is `(2, 0, 1)`), the methods built on top, writing through a view, every kind of index, and shapes that do not fit.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "tensor-shapes-test", "points": 7}
def test_reshape():
    x = Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert x.reshape(3, 2).tolist() == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    assert x.unsqueeze(1).shape == (2, 1, 3)
    assert x.unsqueeze(-1).squeeze().flatten().tolist() == x.reshape((-1,)).tolist()
    np.testing.assert_raises(ValueError, lambda: x.reshape(4, 2))
    x.reshape(6)[0] = 10.0
    assert (x.tolist()[0][0], x.version) == (10.0, 1)


def test_permute_and_broadcast_to():
    x = Tensor(np.arange(24.0).reshape(2, 3, 4))
    assert x.permute(1, 2, 0).shape == (3, 4, 2)
    assert x.permute((1, 2, 0)).tolist()[2][3][1] == x.tolist()[1][2][3]
    assert Tensor([[1.0, 2.0, 3.0]]).T.tolist() == [[1.0], [2.0], [3.0]]
    column = Tensor([[1.0], [2.0]])
    assert column.broadcast_to(2, 3).tolist() == [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]
    np.testing.assert_raises(ValueError, lambda: column.broadcast_to(3, 3))


def test_getitem():
    x = Tensor([[1.0, -2.0, 3.0], [-4.0, 5.0, -6.0]])
    assert x[-1, 1].item() == 5.0
    assert x[:, 1:].tolist() == [[-2.0, 3.0], [5.0, -6.0]]
    assert x[x > 0].tolist() == [1.0, 3.0, 5.0]
    assert x[Tensor(np.array([0, 1])), Tensor(np.array([2, 0]))].tolist() == [3.0, -4.0]
    assert x[:, None].shape == (2, 1, 3)
    assert [row.tolist() for row in x] == x.tolist()
    first = x[0]
    first += 1
    assert x.tolist()[0] == [2.0, -1.0, 4.0]


test_reshape()
test_permute_and_broadcast_to()
test_getitem()

# %% [markdown]
"""
## Step 7: Several tensors

`cat` puts tensors one after the other along an axis they have already: two `(2, 3)` give `(4, 3)` with `axis=0`. `stack` lays them along a *new* axis: two `(2, 3)` give `(2, 2, 3)`; so a batch is made of examples. NumPy calls them `np.concatenate` and `np.stack`, and both take a list of arrays and `axis`.

`where(condition, x, y)` takes, at every place, the number of `x` where the condition is true and that of `y` where it is not: the `if` of tensors. All three broadcast. The condition is a setting (`self.condition`, a boolean array) and not an input, because an input is something that can receive a gradient, and a yes or no cannot.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "tensor-several"}
#| exporti
class Cat(Operation):
    """The arrays one after the other along `self.axis`; all other sizes must be equal."""

    name = "cat"

    def forward(self, *arrays):
        ### BEGIN SOLUTION
        return np.concatenate(arrays, axis=self.axis)
        ### END SOLUTION


class Stack(Operation):
    """The arrays along a new dimension at `self.axis`; all shapes must be equal."""

    name = "stack"

    def forward(self, *arrays):
        ### BEGIN SOLUTION
        return np.stack(arrays, axis=self.axis)
        ### END SOLUTION


class Where(Operation):
    """x where `self.condition` is true, y elsewhere: np.where does this."""

    name = "where"

    def forward(self, x, y):
        ### BEGIN SOLUTION
        return np.where(self.condition, x, y)
        ### END SOLUTION


# %% [markdown]
"""
**Test: several tensors.** Different lengths along the joined axis, an axis other than 0, negative axes (for `stack`, -1 is behind the last one); which side of `where` is which, numbers on either side, and broadcasting.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "tensor-several-test", "points": 5}
def test_cat_and_stack():
    x, y = Tensor([[1.0, 2.0]]), Tensor([[3.0, 4.0], [5.0, 6.0]])
    assert cat([x, y, x]).tolist() == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [1.0, 2.0]]
    assert cat([y, y * 10], axis=-1).tolist() == [[3.0, 4.0, 30.0, 40.0], [5.0, 6.0, 50.0, 60.0]]
    np.testing.assert_raises(ValueError, lambda: cat([x, y], axis=1))
    a, b = Tensor([1.0, 2.0, 3.0]), Tensor([4.0, 5.0, 6.0])
    assert stack([a, b]).tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert stack((a, b), axis=-1).tolist() == [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]


def test_where():
    x = Tensor([[1.0, -2.0], [-3.0, 4.0]])
    assert where(x > 0, x, 0).tolist() == [[1.0, 0.0], [0.0, 4.0]]
    assert where(x > 0, 0, x).tolist() == [[0.0, -2.0], [-3.0, 0.0]]
    table = where(np.array([[True], [False]]), Tensor([1.0, 2.0]), 9.0)
    assert table.tolist() == [[1.0, 2.0], [9.0, 9.0]]
    np.testing.assert_raises(TypeError, lambda: where(x, x, 0))


test_cat_and_stack()
test_where()

# %% [markdown]
"""
## Step 8: Creating tensors

Each function asks NumPy for an array and hands it to `Tensor(array, dtype, requires_grad)`, which knows the default dtype. `zeros(2, 3)` and `zeros((2, 3))` mean the same: `_listed(shape)` is `(2, 3)` for both. As in PyTorch, whole numbers stay whole in `full(shape, 7)` and `arange(10)`, which is what places and labels need.

Models start from random numbers, and an experiment that nobody can repeat proves little. So all random numbers come from one generator: `generator()` gives it, and after `manual_seed(n)` the same numbers follow. It has the methods `random(shape, dtype=...)` for numbers from 0 up to 1 and `standard_normal(shape)` for the bell curve with mean 0 and deviation 1. One trap: `random` gives numbers *below* 1, but the float64 number 0.99999999 rounds to exactly 1 as float32, so ask `random` for the right dtype at once.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "tensor-creating"}
#| export
def zeros(*shape, dtype=None, requires_grad=False):
    """Zeros in this shape, by np.zeros: `zeros(2).tolist()` is [0.0, 0.0]."""
    ### BEGIN SOLUTION
    return Tensor(np.zeros(_listed(shape)), dtype, requires_grad)
    ### END SOLUTION


def ones(*shape, dtype=None, requires_grad=False):
    """Ones in this shape, by np.ones."""
    ### BEGIN SOLUTION
    return Tensor(np.ones(_listed(shape)), dtype, requires_grad)
    ### END SOLUTION


def full(shape, value, dtype=None, requires_grad=False):
    """The number `value` everywhere in `shape` (a number or a tuple), by np.full."""
    ### BEGIN SOLUTION
    return Tensor(np.full(shape, value), dtype, requires_grad)
    ### END SOLUTION


def arange(start, end=None, step=1, dtype=None, requires_grad=False):
    """From `start` up to, not including, `end`, by np.arange; `arange(n)` counts from 0.

    >>> arange(2, 8, 2).tolist()
    [2, 4, 6]
    """
    ### BEGIN SOLUTION
    if end is None:
        start, end = 0, start
    return Tensor(np.arange(start, end, step), dtype, requires_grad)
    ### END SOLUTION


def eye(n, m=None, dtype=None, requires_grad=False):
    """An (n, m) matrix, square without `m`: ones on the diagonal, else zeros, by np.eye."""
    ### BEGIN SOLUTION
    return Tensor(np.eye(n, m), dtype, requires_grad)
    ### END SOLUTION


def manual_seed(seed):
    """Put a new np.random.default_rng(seed) where `generator()` looks: `_State.random`."""
    ### BEGIN SOLUTION
    _State.random = np.random.default_rng(seed)
    ### END SOLUTION


def rand(*shape, dtype=None, requires_grad=False):
    """Random numbers from 0 up to, not including, 1. Without `dtype`, of `_State.dtype`."""
    ### BEGIN SOLUTION
    dtype = dtype or _State.dtype
    return Tensor(generator().random(_listed(shape), dtype=dtype), dtype, requires_grad)
    ### END SOLUTION


def randn(*shape, dtype=None, requires_grad=False):
    """Random numbers of the bell curve with mean 0 and deviation 1."""
    ### BEGIN SOLUTION
    return Tensor(generator().standard_normal(_listed(shape)), dtype, requires_grad)
    ### END SOLUTION


# %% [markdown]
"""
**Test: creating.** Values, both ways to write a shape, dtypes, `requires_grad`; the same seed gives the same numbers and another draw others; mean, spread and bounds of many. With the seed 23565 one of the first thousand float64 numbers is so close to 1 that float32 would round it up.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "tensor-creating-test", "points": 6}
def test_created_values():
    assert zeros(2, 3).tolist() == zeros((2, 3)).tolist() == [[0.0] * 3] * 2
    assert ones([1, 2]).tolist() == [[1.0, 1.0]]
    assert full((2, 1), 0.5).tolist() == [[0.5], [0.5]]
    assert arange(3).tolist() == [0, 1, 2]
    assert arange(2, 5).tolist() == [2, 3, 4]
    assert arange(1.0, 0.0, -0.25).tolist() == [1.0, 0.75, 0.5, 0.25]
    assert eye(2).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert eye(2, 3).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert arange(3).dtype == full(2, 7).dtype == zeros(2, dtype=np.int64).dtype == np.int64


def test_created_dtypes():
    for create in (zeros, ones, rand, randn, lambda n, **o: full(n, 0.5, **o), arange, eye):
        x = create(4, dtype=np.float64, requires_grad=True)
        assert (x.dtype, x.requires_grad) == (np.float64, True)
        assert (create(4.0 if create is arange else 4)).dtype == np.float32
        assert not create(4).requires_grad


def test_random():
    for draw in (rand, randn):
        manual_seed(7)
        first, second = draw(2, 3), draw((2, 3))
        assert (first != second).data.all()
        manual_seed(7)
        assert draw(2, 3).tolist() == first.tolist()
        manual_seed(8)
        assert draw(2, 3).tolist() != first.tolist()
    uniform, normal = rand(10000).data, randn(10000).data
    assert 0.0 <= uniform.min() < 0.01 < 0.99 < uniform.max() < 1.0
    np.testing.assert_allclose([uniform.mean(), normal.mean()], [0.5, 0.0], atol=0.05)
    np.testing.assert_allclose([normal.std(), (abs(normal) < 1).mean()], [1.0, 0.683], atol=0.05)
    manual_seed(23565)
    assert rand(1000).data.max() < 1.0


test_created_values()
test_created_dtypes()
test_random()

# %% [markdown]
"""
## Systems analysis

Measurements on your own machine; they run when this file runs as a script, or when you call them in the notebook.

**Memory.** A model of a billion numbers is 4 GB in float32 and 8 GB in float64. This is why float32 is the default here, and why module 17 goes down to 8 bits. A view costs the same for ten numbers as for ten million.
"""

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "tensor-analysis-memory"}
import time


def seconds(action):
    """The least time of five runs: other programs can only make a run slower."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def analyze_dtype_memory():
    for dtype in (np.float64, np.float32, np.int64, np.bool_):
        x = zeros(1000, 1000, dtype=dtype)
        print(f"a million of {x.dtype!s:8} {x.data.nbytes / 1e6:4.1f} MB")


def analyze_views_and_copies():
    x = rand(2000, 2000)
    for name, action in {
        "x.reshape(-1)": lambda: x.reshape(-1),
        "x.T": lambda: x.T,
        "x[:1000]": lambda: x[:1000],
        "x[list of 1000]": lambda: x[np.arange(1000)],
        "x.T.reshape(-1)": lambda: x.T.reshape(-1),
    }.items():
        kind = "view" if np.shares_memory(action().data, x.data) else "copy"
        print(f"{name:16} {kind} {seconds(action) * 1e6:10.1f} microseconds")


# %% [markdown]
"""
**Speed.** A Python loop spends nearly all its time on finding out, for each number again, what `+` means; one call on a whole array finds out once. And the processor fetches 64 bytes at a time, 16 float32 numbers: along a row all of them are used, down a column one of 16.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "tensor-analysis-speed"}
def analyze_loops_and_arrays():
    for n in (100, 10_000, 1_000_000):
        x, y = rand(n), rand(n)
        a, b = x.tolist(), y.tolist()
        loop = seconds(lambda a=a, b=b: [p + q for p, q in zip(a, b, strict=True)])
        whole = seconds(lambda x=x, y=y: x + y)
        print(f"add {n:9,}: loop {loop * 1e6:9.1f} us, x + y {whole * 1e6:9.1f} us")


def analyze_order_in_memory():
    x = rand(4096, 4096).data
    rows, columns = seconds(lambda: x[:256].copy()), seconds(lambda: x[:, ::16].copy())
    print(f"copy a million of 16 million: whole rows {rows * 1e3:.2f} ms, every 16th column")
    print(f"{columns * 1e3:.2f} ms, which is {columns / rows:.1f} times as long")
    for n in (128, 256, 512):
        a = rand(n, n)
        taken = seconds(lambda a=a: a @ a)
        print(f"({n}, {n}) @ ({n}, {n}): {2 * n**3 / taken / 1e9:.1f} GFLOP/s")


# %% [markdown]
"""
## Integration

Module 01 gave you `warnings_to_stdout`, which every notebook of this course calls first. Here is where it matters: real data meets a zero sooner or later, NumPy warns, and a line on the error stream would cost the points of the cell.

**Test: a warning and a result.** The logarithm of zero is `-inf`, the warning arrives on standard output, and nothing on the error stream.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "tensor-integration-test", "points": 1}
def test_warnings_of_operations_go_to_stdout():
    import contextlib
    import io
    import warnings

    out, err = io.StringIO(), io.StringIO()
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        warnings.simplefilter("always")
        warnings_to_stdout()
        assert Tensor([1.0, 0.0]).log().tolist() == [0.0, -math.inf]
    assert "divide by zero" in out.getvalue()
    assert err.getvalue() == ""


test_warnings_of_operations_go_to_stdout()

# %% [markdown]
"""
## Production context

PyTorch's tensor is built like yours: a thin object (shape, strides, dtype, pointer to memory) in front of a *dispatcher*, one door through which every operation goes. Where `apply` looks into three tables, PyTorch looks into one table per kind of device and feature: CPU or GPU, gradient recording, tracing for the compiler. New hardware registers its kernels there, and no line of user code changes.

PyTorch counts versions of tensors as you do, and views share the count with what they show, so that a change in place between forward and backward is an error and not a wrong gradient. JAX forbids changes in place altogether: its compiler may then reorder and fuse at will, and `x = x.at[0].set(5)` is what it costs. TensorFlow began with graphs built before anything ran; running at once, as here, became its default in 2019.
"""

# %% [markdown]
"""
## Comprehensive testing

Everything together, as later modules will use it: columns are standardised, a line is fitted, scores become probabilities, also for a batch without examples; gradients are announced.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "tensor-comprehensive-test", "points": 2}
def test_standardise_and_fit_a_line():
    manual_seed(1)
    x = randn(50, 4) * 3 + arange(4)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    np.testing.assert_allclose(z.var(axis=0).data, np.ones(4), rtol=1e-5)
    x = arange(10, dtype=np.float64)
    table = stack([x, ones(10, dtype=np.float64)], axis=1)
    (a, b), (_, d) = (table.T @ table).tolist()
    inverse = Tensor([[d, -b], [-b, a]], dtype=np.float64) / (a * d - b * b)
    line = inverse @ (table.T @ (2.5 * x - 1.0))
    np.testing.assert_allclose(line.data, [2.5, -1.0], rtol=1e-10)


def test_probabilities():
    for batch in (5, 0):
        scores = randn(batch, 3)
        powers = (scores - scores.max(axis=1, keepdims=True)).exp()
        p = powers / powers.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(p.sum(axis=-1).data, np.ones(batch), rtol=1e-6)
        assert (p.argmax(axis=1) == scores.argmax(axis=1)).data.all()


def test_every_operation_is_there():
    names = "add sub mul div neg pow matmul exp log sqrt abs clip sum mean max min var "
    names += "reshape permute broadcast_to getitem cat stack where"
    assert set(names.split()) <= set(operations)
    assert (Parameter([1.0, 2.0]) * 2).sum().item() == 6.0


test_standardise_and_fit_a_line()
test_probabilities()
test_every_operation_is_there()

# %%
if __name__ == "__main__":
    run_tests()
    analyze_dtype_memory()
    analyze_views_and_copies()
    analyze_loops_and_arrays()
    analyze_order_in_memory()

# %% [markdown]
"""
## 🤔 ML Systems Thinking: Interactive Questions

Answer in your own words, from the code you wrote and the numbers you measured. Two or three sentences each are enough.

**Question 1.** In `analyze_views_and_copies`, `x.T` and `x.reshape(-1)` are views, but `x.T.reshape(-1)` is a copy. Why can the reshape not be a view any more? What does that mean for a layer that permutes a large batch and then flattens it?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "tensor-question-views", "points": 1}
"""
Model answer: a view is a pointer with one step (stride) per dimension. Reading the transposed array in one line would need a step inside a column and a jump back at its end, which no single stride describes, so the numbers are copied into the new order. The layer pays memory and time of the whole batch at the flatten, not at the permute; a layout chosen earlier avoids it.
"""

# %% [markdown]
"""
**Question 2.** A colleague computes `x - x.mean(axis=1)` for `x` of shape `(3, 3)`, gets no error and wrong numbers; for shape `(4, 3)` the same line fails. Explain both with the rule of broadcasting. Which setting repairs it?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "tensor-question-broadcasting", "points": 1}
"""
Model answer: the means have shape (3,) and are lined up from the right with the columns. With 3 columns this fits by accident and subtracts row 0's mean from column 0; with shape (4, 3), the 4 means do not fit 3 columns. keepdims=True keeps (3, 1) or (4, 1), which is repeated along each row as intended.
"""

# %% [markdown]
"""
**Question 3.** Each call of `apply` takes some microseconds however small the tensors are. Use your measurement of loops against whole arrays to say from which size on this does not matter, and what it means for training with a batch of 1 against a batch of 128.
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "tensor-question-overhead", "points": 1}
"""
Model answer: the time of one operation stays nearly constant up to some thousands of numbers and grows in proportion only above, so below that size we pay for the door and not for the arithmetic. A batch of 1 pays it for every example; a batch of 128 pays it once for 128 examples and gives the processor arrays long enough to work at full speed.
"""

# %% [markdown]
"""
## 🎯 MODULE SUMMARY: Tensor

You wrote 24 operations, and nearly all that follows, up to the GPT of module 14, is made of them; the few that later modules add are registered in the same way. Shapes decide everything; broadcasting fits them from the right, and `keepdims=True` keeps a reduction in its place. Views are free, copies cost memory and time. One call on a large array beats many on small ones. One door, `apply`, makes gradients (module 06) and faster kernels (module 16) possible without touching a line of yours.

Next: module 03, activations. Export your work with `tito module export 02`.
"""
