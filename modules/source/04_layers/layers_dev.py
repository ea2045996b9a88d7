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
# Module 04: Layers

A layer is a function with memory: it takes a tensor, returns a tensor, and holds the numbers that training will change. A network is layers put one after the other. Every model in this course, from a classifier of digits to a GPT, is made of the pieces you write here: `Linear`, which does most of the work in all of them, two small ones, `Dropout` and `Flatten`, and `Sequential`, which chains them. You also write what makes a pile of layers one model: the walk that finds every layer and every parameter, and the functions that save a model and load it again. An optimizer (module 07), a trainer (08) and a profiler (15) know a model only through this walk.
"""

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "layers-start"}
from tinytorch.core.setup import run_tests, warnings_to_stdout
from tinytorch.core.tensor import manual_seed

warnings_to_stdout()

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "layers-imports"}
#| default_exp core.layers
#| export
import math

import numpy as np

from tinytorch.core.tensor import Parameter, Tensor, generator

# %% [markdown]
r"""
## Mathematical background

**A linear layer** turns `n` features into `m`: each output is a weighted sum of all inputs plus a number of its own, the bias.

$$y_j = \sum_{i=1}^{n} x_i W_{ij} + b_j \qquad\text{or, for all outputs at once,}\qquad y = xW + b$$

Here `x` has shape `(n,)`, `W` has shape `(n, m)` and `b` has shape `(m,)`. For a batch of `B` examples `x` is a `(B, n)` matrix with one example a row, and the same formula gives a `(B, m)` matrix. It takes about `2·B·n·m` additions and multiplications, and the layer holds `n·m + m` numbers. Two linear layers in a row are `(xV)W = x(VW)`, which is one linear layer. It takes a nonlinearity (module 03) between them for the second to add anything.

**Where the weights start.** If all started at zero, all outputs of a layer would be equal and would stay equal. If they started large, the numbers would grow from layer to layer. PyTorch draws them evenly between `-1/√n` and `+1/√n`: the sum of `n` such terms does not grow with `n`. You do the same.
"""

# %% [markdown]
"""
## What every layer shares: Module

The next cell is given. `Module` is the base class of everything that holds parameters. A layer of yours has three parts: `__init__` stores settings and creates parameters, `forward` computes the output, `__repr__` says what the layer is. The rest comes from `Module`.

Nothing has to be registered. A module finds what it holds by looking at its own attributes, `vars(self)`, in the order in which they were assigned. A `Parameter` among them is a parameter; what can be called is a child, whether a `Module` or a plain callable such as the `ReLU()` of module 03; lists and tuples are looked through. The name of a parameter is the path to it: the attribute `weight` of the first layer of a `Sequential` is called `"0.weight"`. A *buffer* is an array that belongs to the model but is not trained, such as the running mean of a normalization layer (module 09). `register_buffer` marks it, so that it is saved with the parameters. Four methods call functions that you write below: `named_modules` and `named_parameters` (Step 2), `state_dict` and `load_state_dict` (Step 5). The others build on these.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "layers-module"}
#| export
class Module:
    """A layer or a model. `training` says whether it learns at the moment."""

    training = True
    _buffer_names = ()

    def forward(self, *inputs):
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __call__(self, *inputs, **settings):
        return self.forward(*inputs, **settings)

    def __repr__(self):
        lines = [f"\n({name}): {getattr(c, '__name__', c)}" for name, c in self.named_children()]
        body = "".join(lines).replace("\n", "\n  ") + "\n" * bool(lines)
        return f"{type(self).__name__}({body})"

    def contents(self):
        """(name, value) of every attribute; the items of lists and tuples one by one."""
        left = list(vars(self).items())
        while left:
            name, value = left.pop(0)
            if isinstance(value, (list, tuple)):
                left = [(f"{name}.{index}", item) for index, item in enumerate(value)] + left
            else:
                yield name, value

    def named_children(self):
        """(name, child) for every module and plain callable that it holds itself."""
        return ((n, v) for n, v in self.contents() if callable(v) and not isinstance(v, type))

    def children(self):
        yield from {id(child): child for _, child in self.named_children()}.values()

    def named_modules(self):
        """(dotted name, module): itself as "", then all below it, each once."""
        return _modules_of(self, "", set())

    def modules(self):
        return (module for _, module in self.named_modules())

    def named_parameters(self):
        """(dotted name, parameter) of itself and all below it, each parameter once."""
        return _parameters_of(self)

    def parameters(self):
        return (parameter for _, parameter in self.named_parameters())

    def register_buffer(self, name, array):
        """Make a copy of `array` an attribute that is saved but not trained: change it in place."""
        if hasattr(self, name):
            raise ValueError(f"{type(self).__name__} has an attribute {name!r} already")
        setattr(self, name, np.array(array))
        self._buffer_names = (*self._buffer_names, name)

    def named_buffers(self):
        """(dotted name, array) of every buffer of itself and all below it."""
        for path, module in self.named_modules():
            for name in getattr(module, "_buffer_names", ()):
                yield f"{path}.{name}".lstrip("."), getattr(module, name)

    def train(self, mode=True):
        """Switch this module and all below it to training, or to evaluation. Returns itself."""
        for module in self.modules():
            if isinstance(module, Module):
                module.training = bool(mode)
        return self

    def eval(self):
        return self.train(False)

    def zero_grad(self):
        for parameter in self.parameters():
            parameter.zero_grad()

    def state_dict(self):
        """A dict from dotted names to copies of the parameters' and buffers' arrays."""
        return _state_of(self)

    def load_state_dict(self, state):
        """Take over a `state_dict`. ValueError, and no change, if an entry does not fit."""
        _load_state(self, state)


# %% [markdown]
"""
## Step 1: Linear

`weight` has shape `(in_features, out_features)`, so that the formula can be written as it reads: `y = x @ W + b`. `weight` and `bias` are `Parameter`s, tensors that want to be trained. The product itself gets a name, `matmul(a, b)`, because later modules put faster ones beside it.

`generator()` gives the one source of random numbers of this course, a NumPy generator. `manual_seed(0)` starts it anew, and then a model starts with the same weights every time. Nothing has to be done for batches: `@` works on the last dimension of `x` and leaves those before it alone, and `+` adds the bias to every row by broadcasting.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "layers-linear"}
#| export
def matmul(a, b):
    """The matrix product `a @ b` of shapes `(…, m, k)` and `(…, k, n)`: shape `(…, m, n)`."""
    ### BEGIN SOLUTION
    return a @ b
    ### END SOLUTION


class Linear(Module):
    """y = x @ weight + bias: `(…, in_features)` becomes `(…, out_features)`.

    >>> Linear(3, 2)(Tensor([[1.0, 2.0, 3.0]])).shape
    (1, 2)
    """

    def __init__(self, in_features, out_features, bias=True):
        """Create `self.weight`, `(in_features, out_features)`, and `self.bias`, `(out_features,)`.

        1. The bound is 1 / √in_features.
        2. Draw the weight with `generator().uniform(-bound, bound, shape)`; make it a Parameter.
        3. Draw the bias in the same way, with the same bound; without one, `self.bias` is None.
        """
        self.in_features, self.out_features = in_features, out_features
        ### BEGIN SOLUTION
        bound = 1 / math.sqrt(in_features)
        self.weight = Parameter(generator().uniform(-bound, bound, (in_features, out_features)))
        self.bias = Parameter(generator().uniform(-bound, bound, out_features)) if bias else None
        ### END SOLUTION

    def forward(self, x):
        """The product of `x` and the weight, and the bias if there is one."""
        if x.shape[-1:] != (self.in_features,):
            raise ValueError(f"{self} got shape {x.shape}: its last size must be in_features")
        ### BEGIN SOLUTION
        y = matmul(x, self.weight)
        return y if self.bias is None else y + self.bias
        ### END SOLUTION

    def __repr__(self):
        settings = f"in_features={self.in_features}, out_features={self.out_features}"
        return f"Linear({settings}, bias={self.bias is not None})"


# %% [markdown]
"""
**Test: the linear layer.** With weights set by hand the output is known: two sums of products, each plus its bias. Then the shapes: a batch, a single example, two dimensions before the last, and a batch without examples. Without a bias nothing may be added. How it starts: all numbers lie within the bound and fill it on both sides. The bound depends on what comes in, not on what goes out. The same seed gives the same layer, and the next layer is another.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "layers-linear-test", "points": 7}
def test_linear_values_and_shapes():
    assert matmul(Tensor([[1.0, 2.0]]), Tensor([[2.0], [5.0]])).tolist() == [[12.0]]
    layer = Linear(2, 3)
    layer.weight.data[...] = [[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]
    layer.bias.data[...] = [0.5, 0.0, -0.5]
    assert layer(Tensor([[1.0, 0.0], [1.0, 2.0]])).tolist() == [[1.5, 2.0, 2.5], [21.5, 42.0, 62.5]]
    assert layer(Tensor([0.0, 1.0])).tolist() == [10.5, 20.0, 29.5]
    assert layer(Tensor(np.ones((4, 5, 2)))).shape == (4, 5, 3)
    assert layer(Tensor(np.ones((0, 2)))).shape == (0, 3)
    layer.bias = Linear(2, 3, bias=False).bias
    assert layer(Tensor([[1.0, 2.0]])).tolist() == [[21.0, 42.0, 63.0]]


def test_linear_starts_within_its_bound():
    manual_seed(0)
    layer = Linear(25, 400)
    assert (layer.weight.shape, layer.bias.shape) == ((25, 400), (400,))
    for parameter, edge in ((layer.weight, 0.199), (layer.bias, 0.18)):
        assert isinstance(parameter, Parameter)
        assert -0.20001 < parameter.data.min() < -edge
        assert edge < parameter.data.max() < 0.20001
        assert abs(parameter.data.mean()) < 0.03
    assert not np.array_equal(Linear(25, 400).weight.data, layer.weight.data)
    assert not np.array_equal(layer.bias.data, layer.weight.data[0])
    manual_seed(0)
    np.testing.assert_array_equal(Linear(25, 400).weight.data, layer.weight.data)


test_linear_values_and_shapes()
test_linear_starts_within_its_bound()

# %% [markdown]
"""
## Step 2: Find every module and every parameter

A model holds layers, and a layer may hold layers of its own, to any depth. To visit them all, visit the module itself, then do the same with each of its children. The same layer may stand in two places on purpose and must still be visited once: that is what the set `seen` is for. A plain callable is visited, but has no children to look for.

An optimizer asks a model for its parameters and changes those. One that this walk misses is never trained, and nothing complains. One that it gives twice is changed twice in every step: a GPT uses one matrix both to read tokens and to predict them, and it may be given only once. Two parameters with equal numbers, on the other hand, are two: what counts is whether they are the same object, which `id` tells.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "layers-walk"}
#| exporti
def _modules_of(module, name, seen):
    """Yield (dotted name, module) for `module` and all below it, parents before children.

    1. If `id(module)` is in the set `seen`, return: it was visited. If not, put it in.
    2. Yield the pair `(name, module)`.
    3. If it is a Module: for each pair of `module.named_children()`, call this function with the
       child, its path and the same `seen`; `yield from` passes on all that a generator yields.
       The path is `f"{name}.{child_name}"`, without the dot in front if `name` is empty.
    """
    ### BEGIN SOLUTION
    if id(module) in seen:
        return
    seen.add(id(module))
    yield name, module
    if isinstance(module, Module):
        for child_name, child in module.named_children():
            yield from _modules_of(child, f"{name}.{child_name}".lstrip("."), seen)
    ### END SOLUTION


def _parameters_of(module):
    """Yield (dotted name, parameter) for every Parameter of `module` and of all below it.

    1. Walk over `module.named_modules()`; skip what is not a Module.
    2. Of each, look at the pairs of `contents()`: which values are a Parameter?
    3. Yield its path and it, unless its `id` was met before: keep a set of those.
    """
    ### BEGIN SOLUTION
    seen = set()
    for path, part in module.named_modules():
        for name, value in part.contents() if isinstance(part, Module) else ():
            if isinstance(value, Parameter) and id(value) not in seen:
                seen.add(id(value))
                yield f"{path}.{name}".lstrip("."), value
    ### END SOLUTION


# %% [markdown]
"""
**Test: modules and parameters.** A child, a grandchild, a list of layers, a plain function and a layer that stands in two places: names are paths, parents come before children. Two modules that hold each other must not send the walk round in a circle, and `eval` reaches every depth. Then the parameters: order and names, a parameter in a list, one of the model itself; a tensor that is no parameter and a missing bias are left out. A matrix shared by two layers appears once, two equal ones appear both.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "layers-walk-test", "points": 7}
def test_modules_are_found():
    model, inner = Module(), Module()
    inner.first, inner.blocks, inner.parent = Linear(2, 2), [Linear(2, 2), (Linear(2, 1),)], model
    model.size, model.body, model.activation, model.again = 3, inner, abs, inner.first
    names = ["", "body", "body.first", "body.blocks.0", "body.blocks.1.0", "activation"]
    assert [name for name, _ in model.named_modules()] == names
    assert list(model.modules())[3:] == [inner.blocks[0], *inner.blocks[1], abs]
    assert [m.training for m in (model.eval(), inner, inner.blocks[1][0])] == [False] * 3


def test_parameters_are_found():
    model, inner = Module(), Module()
    inner.scales, inner.table = [Parameter(1.0), Parameter(1.0)], Tensor([1.0, 2.0])
    model.layer, model.twin, model.inner = Linear(2, 3), Linear(2, 3, bias=False), inner
    model.shift, model.twin.weight, model.f = Parameter([0.0]), model.layer.weight, abs
    expected = ["shift", "layer.weight", "layer.bias", "inner.scales.0", "inner.scales.1"]
    assert [name for name, _ in model.named_parameters()] == expected
    assert dict(model.named_parameters())["layer.bias"] is model.layer.bias


test_modules_are_found()
test_parameters_are_found()

# %% [markdown]
"""
## Step 3: Dropout

A network can learn its training examples by heart. Dropout makes that harder: while training, every number is set to zero with probability `p`, each time others, so that no output can rely on one input alone. Zeroing numbers makes sums smaller: on average `1 - p` of a sum remains. So the survivors are divided by `1 - p`, and the average stays what it was. This is *inverted* dropout: the correction happens while training, and in evaluation the layer returns its input as it is. The zeros and the factor together are one tensor, the *mask*, and the layer multiplies by it. The mask is a constant, not a parameter: when module 06 brings gradients, the gradient passes where the number passed.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "layers-dropout"}
#| export
class Dropout(Module):
    """While training, zero each number with probability `p` and divide the others by 1 - p.

    In evaluation the input is returned as it is. Raises ValueError if p is not between 0 and 1.

    >>> Dropout(1.0)(Tensor([1.0, 2.0])).tolist()
    [0.0, 0.0]
    """

    def __init__(self, p=0.5):
        if not 0 <= p <= 1:
            raise ValueError(f"p is a probability, between 0 and 1, not {p}")
        self.p = p

    def forward(self, x):
        """The same shape and dtype as `x`.

        1. If `self.training` is False, return `x`.
        2. Draw a number from 0 to 1 for each element, `generator().random(x.shape)`. Keep an
           element if its number is at least p.
        3. The mask is 1 / (1 - p) where an element is kept and 0 elsewhere (`np.where`). With
           p = 1 nothing is kept, and 1 / (1 - p) would divide by zero: take care of it.
        4. Multiply `x` by the mask: a `Tensor`, with `dtype=x.dtype`.
        """
        ### BEGIN SOLUTION
        if not self.training:
            return x
        keep = generator().random(x.shape) >= self.p
        scale = 1 / (1 - self.p) if self.p < 1 else 0.0
        return x * Tensor(np.where(keep, scale, 0.0), dtype=x.dtype)
        ### END SOLUTION

    def __repr__(self):
        return f"Dropout(p={self.p})"


# %% [markdown]
"""
**Test: dropout.** Of 40,000 numbers a quarter vanishes with p = 0.25 and the rest grows by 4/3. Elements vanish one by one, not whole rows or columns, and others in the next call, but the same ones after the same seed. In evaluation nothing changes. With p = 0 nothing vanishes, with p = 1 everything, without a division by zero.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "layers-dropout-test", "points": 5}
def test_dropout():
    manual_seed(1)
    x, layer = Tensor(np.full((200, 200), -3.0)), Dropout(0.25)
    y = layer(x).data
    assert abs((y == 0).mean() - 0.25) < 0.01
    np.testing.assert_allclose(y[y != 0], -4, rtol=1e-6)
    assert (y == 0).mean(axis=0).max() < 0.5 > (y == 0).mean(axis=1).max()
    assert not np.array_equal(layer(x).data, y)
    manual_seed(1)
    np.testing.assert_array_equal(layer(x).data, y)
    for dtype in (np.float32, np.float64):
        assert layer(Tensor(np.ones(5), dtype=dtype)).dtype == dtype
    np.testing.assert_array_equal(Dropout(0.9).eval()(x).data, x.data)
    np.testing.assert_array_equal(Dropout(0.0)(x).data, x.data)
    np.testing.assert_array_equal(Dropout(1.0)(x).data, 0 * x.data)


test_dropout()

# %% [markdown]
"""
## Step 4: Flatten and Sequential

A linear layer wants one row of features an example; an image has height, width and channels. `Flatten` puts all dimensions from `start_dim` on into one. The first dimension counts the examples and stays, so `start_dim` is 1 unless told otherwise.

Most of a network is a chain: the output of each layer is the input of the next. `Sequential(a, b, c)(x)` is `c(b(a(x)))`, and since it is a module itself, chains can stand in chains. Its list-like methods are given. It overrides `contents` so that its layers are called "0", "1" … and not "layers.0": these are the names in PyTorch's files.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "layers-sequential"}
#| export
class Flatten(Module):
    """Dimensions `start_dim` to the last in one: `(B, 3, 4)` becomes `(B, 12)`."""

    def __init__(self, start_dim=1):
        self.start_dim = start_dim

    def forward(self, x):
        """The tensor's own method `flatten` takes the dimension at which to start."""
        ### BEGIN SOLUTION
        return x.flatten(self.start_dim)
        ### END SOLUTION

    def __repr__(self):
        return f"Flatten(start_dim={self.start_dim})"


class Sequential(Module):
    """Layers one after the other. A layer is anything that can be called on a tensor."""

    def __init__(self, *layers):
        self.layers = []
        for layer in layers:
            self.append(layer)

    def append(self, layer):
        if isinstance(layer, type) or not callable(layer):
            raise TypeError(f"a layer is called on a tensor, as ReLU() is, not {layer!r}")
        self.layers.append(layer)
        return self

    def forward(self, x):
        """Send `x` through `self.layers`, one after the other. Without layers, return `x`."""
        ### BEGIN SOLUTION
        for layer in self.layers:
            x = layer(x)
        return x
        ### END SOLUTION

    def contents(self):
        return ((name.removeprefix("layers."), value) for name, value in super().contents())

    def __getitem__(self, index):
        chosen = self.layers[index]
        return Sequential(*chosen) if isinstance(index, slice) else chosen

    def __len__(self):
        return len(self.layers)

    def __repr__(self):
        return Module.__repr__(self)  # its layers say what it is


# %% [markdown]
"""
**Test: flattening and chaining.** Examples stay apart and numbers in order, from another `start_dim` as well. An empty batch still has 12 features: guessing a size with -1 fails there. In a chain, the size of a number and then its negative is not the same the other way round, so the order shows; there are a chain in a chain, a function used twice, no layer at all, and the names of the parameters.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "layers-sequential-test", "points": 4}
def test_flatten_and_sequential():
    x = Tensor(np.arange(24.0).reshape(2, 3, 4))
    np.testing.assert_array_equal(Flatten()(x).data, np.arange(24.0).reshape(2, 12))
    assert [Flatten(n)(x).shape for n in (0, 2)] == [(24,), (2, 3, 4)]
    assert Flatten()(Tensor(np.zeros((0, 3, 4)))).shape == (0, 12)
    x, size, negate = Tensor([-1.0, 2.0]), Tensor.abs, Tensor.__neg__
    assert Sequential(size, negate)(x).tolist() == [-1.0, -2.0]
    assert Sequential(Sequential(negate), negate, negate)(x).tolist() == [1.0, -2.0]
    assert Sequential()(x).tolist() == [-1.0, 2.0]
    model = Sequential(Linear(2, 2), size).append(Sequential(Linear(2, 1, bias=False)))
    assert [n for n, _ in model.named_parameters()] == ["0.weight", "0.bias", "2.0.weight"]


test_flatten_and_sequential()

# %% [markdown]
"""
## Step 5: Save and load a model

What a model has learned is in its parameters and buffers, and nowhere else. `state_dict` gives them as a dict from names to arrays, which any file format can hold. The arrays must be copies: otherwise the next step of training would change what was saved, and the best model of a run would silently become the last one.

Loading is where mistakes show: the file belongs to another model, a layer was renamed, a size was changed. Each of these must be said, all at once, and before anything is changed. A model with half of its weights loaded works, gives wrong answers, and does not tell. So the function works in two rounds: the first collects what is wrong, and only if nothing is, the second copies.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "layers-state"}
#| exporti
def _state_of(module):
    """A dict from dotted names to copies of the arrays.

    1. For each pair of `module.named_parameters()`: a copy of the parameter's `data`.
    2. After these, for each pair of `module.named_buffers()`: a copy of the array.
    """
    ### BEGIN SOLUTION
    state = {name: parameter.data.copy() for name, parameter in module.named_parameters()}
    return state | {name: array.copy() for name, array in module.named_buffers()}
    ### END SOLUTION


def _load_state(module, state):
    """Copy the arrays of `state` into the parameters and buffers of `module`.

    1. `targets`: a dict from names to the arrays to write into, a parameter's `data` or a buffer.
    2. `arrays`: the entries of `state` whose names are known, each made an array of its target's
       dtype by `Tensor(value, dtype=...).data`.
    3. Collect a line for every fault: a name of `targets` missing in `state`, a name of `state`
       missing in `targets`, a shape that differs (say both shapes). If there are any, raise
       `ValueError("\\n".join(lines))`.
    4. Write each array into its target with `target[...] = array`.
    """
    ### BEGIN SOLUTION
    targets = {name: parameter.data for name, parameter in module.named_parameters()}
    targets.update(module.named_buffers())
    arrays = {n: Tensor(state[n], dtype=targets[n].dtype).data for n in state if n in targets}
    faults = [f"missing: {name}" for name in targets if name not in state]
    faults += [f"unexpected: {name}" for name in state if name not in targets]
    for name, array in arrays.items():
        if array.shape != targets[name].shape:
            faults.append(f"{name} has shape {array.shape}, not {targets[name].shape}")
    if faults:
        raise ValueError("\n".join(faults))
    for name, array in arrays.items():
        targets[name][...] = array
    ### END SOLUTION


# %% [markdown]
"""
**Test: saving and loading.** Parameters come first, then buffers, as plain arrays. Training goes on, and the saved arrays stay what they were. A second model that loads them gives the first one's outputs and does not share arrays with the dict. A wrong state: three kinds of fault are named in one error. A bias of shape `(1,)` would fit by broadcasting into one of shape `(3,)` and is refused all the same, as is a transposed weight. After a refusal every number of the model is what it was.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "layers-state-test", "points": 7}
def test_a_state_is_saved_and_loaded():
    first, second = (Sequential(Module(), Linear(2, 3)) for _ in range(2))
    first[0].register_buffer("mean", np.array([0.25, 0.5]))
    second[0].register_buffer("mean", np.zeros(2))
    x, state = Tensor([[1.0, -1.0]]), first.state_dict()
    expected = first[1](x).data
    assert list(state) == ["1.weight", "1.bias", "0.mean"]
    assert {type(array) for array in state.values()} == {np.ndarray}
    for array in (first[1].weight.data, first[1].bias.data, first[0].mean):
        array += 1.0
    second.load_state_dict(state)
    for array in state.values():
        array += 1.0
    np.testing.assert_array_equal(second[1](x).data, expected)
    assert second[0].mean.tolist() == [0.25, 0.5]


def test_a_wrong_state_is_refused_and_changes_nothing():
    model = Sequential(Linear(2, 3), Linear(3, 1))
    before = model.state_dict()
    wrong = {name: array + 1 for name, array in before.items()}
    wrong["0.bias"], wrong["0.weight"] = np.zeros(1), np.zeros((3, 2))
    wrong["head.weight"] = wrong.pop("1.weight")
    message = ""
    try:
        model.load_state_dict(wrong)
    except ValueError as error:
        message = str(error)
    for part in ("1.weight", "head.weight", "0.bias", "(3,)", "(3, 2)"):
        assert part in message, f"{part} is not named in {message!r}"
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


test_a_state_is_saved_and_loaded()
test_a_wrong_state_is_refused_and_changes_nothing()

# %% [markdown]
"""
## Systems analysis

How many bytes does a layer hold? What does a larger batch cost? In which operation is the time spent? These functions run your layers and measure.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "layers-analysis"}
def analyze_memory():
    """Parameters grow with the product of the widths, the output with one of them."""
    print("\nlayer                 parameters        bytes   bytes of the output, batch 64")
    for n, m in ((784, 128), (128, 10), (1024, 1024), (2048, 2048)):
        layer = Linear(n, m)
        count = sum(parameter.numel() for parameter in layer.parameters())
        held = sum(parameter.data.nbytes for parameter in layer.parameters())
        flows = layer(Tensor(np.zeros((64, n)))).data.nbytes
        print(f"Linear({n:4}, {m:4}) {count:15,} {held:12,} {flows:12,}")


def analyze_time():
    """A larger batch reads the same weights once for more examples."""
    import timeit

    codes = ("matmul(x, layer.weight)", "layer(x)")
    print("\nwidth  batch   microseconds   an example   share of the matrix product")
    for width, batch in ((16, 256), (128, 256), (1024, 1), (1024, 16), (1024, 256)):
        layer, x = Linear(width, width), Tensor(np.ones((batch, width)))
        here = {"matmul": matmul, "layer": layer, "x": x}
        # The shortest of some runs: what else the machine does can only make one slower.
        product, whole = (min(timeit.repeat(c, number=1, repeat=9, globals=here)) for c in codes)
        each = whole / batch * 1e6
        print(f"{width:5} {batch:6} {whole * 1e6:14.0f} {each:12.2f} {product / whole:9.0%}")


# %% [markdown]
"""
## Integration

A classifier in four pieces: two linear layers, the nonlinearity of module 03 between them, and the softmax that makes probabilities of scores. In the test the hidden layer of both rows is (1, 0, 1) after ReLU, so the scores are 1 and 1 + log 2, and the probabilities one to two.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "layers-integration-test", "points": 2}
def test_a_network_with_activations():
    from tinytorch.core.activations import ReLU, Softmax

    model = Sequential(Linear(2, 3), ReLU(), Linear(3, 2), Softmax())
    model[0].weight.data[...] = [[1.0, -1.0, 0.0], [0.0, 0.0, 2.0]]
    model[0].bias.data[...] = [0.0, 0.0, -1.0]
    model[2].weight.data[...] = [[1.0, 0.0], [5.0, 5.0], [0.0, 1.0]]
    model[2].bias.data[...] = [0.0, math.log(2.0)]
    np.testing.assert_allclose(model(Tensor(np.ones((2, 2)))).data, [[1 / 3, 2 / 3]] * 2, rtol=1e-6)


test_a_network_with_activations()

# %% [markdown]
"""
## Production context

PyTorch's `nn.Module` has the methods you built, under the same names, and a `state_dict` with the same keys. Two differences are worth knowing. `nn.Linear` stores the transpose, `(out_features, in_features)`, and computes `x @ W.T + b`. And parameters are registered at the moment of assignment, which is why a PyTorch module calls `super().__init__()` first, and why a plain list of layers is overlooked there. JAX draws the line elsewhere: a layer is a pure function, and its parameters are a separate nested dict that is passed in on every call; your `state_dict` is the flat form of it. TensorFlow's Keras creates the weights at the first call, when it has seen the size of the input.
"""

# %% [markdown]
"""
## Comprehensive testing

One network with every piece of this module, in evaluation computed a second time with NumPy alone, in training different, and loaded into a fresh network.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "layers-comprehensive-test", "points": 2}
def test_a_whole_network():
    manual_seed(4)
    layers = [[Flatten(), Linear(12, 8), Dropout(0.5)] for _ in range(2)]
    models = [Sequential(*some, Sequential(Tensor.abs, Linear(8, 2))) for some in layers]
    images, state = np.linspace(-1, 1, 60).reshape(5, 3, 4), models[0].state_dict()
    hidden = np.abs(images.reshape(5, 12) @ state["1.weight"] + state["1.bias"])
    expected = hidden @ state["3.1.weight"] + state["3.1.bias"]
    assert np.abs(models[0](Tensor(images)).data - expected).max() > 1e-4
    models[1].load_state_dict(state)
    for model in models:
        np.testing.assert_allclose(model.eval()(Tensor(images)).data, expected, atol=1e-5)


test_a_whole_network()

# %%
if __name__ == "__main__":
    run_tests()
    analyze_memory()
    analyze_time()

# %% [markdown]
"""
## 🤔 ML Systems Thinking: Interactive Questions

**Question 1: memory.** `Linear(4096, 4096)` in float32: how many bytes do its parameters take, and how many does its output take for a batch of 32? What does that say about a server that answers one request at a time?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "layers-question-memory", "points": 2}
"""
The layer holds 4096 · 4096 + 4096, about 16.8 million numbers of 4 bytes: 67 MB. The output for 32 examples has 32 · 4096 numbers: 0.5 MB. With one request at a time all 67 MB are read from memory to produce 16 KB, so the time is that of reading memory, and the processor waits. Servers gather requests into batches, or make the weights smaller (module 17).
"""

# %% [markdown]
"""
**Question 2: shared parameters.** Two layers share one weight matrix. What would go wrong in an optimizer if `named_parameters` gave it twice? What would go wrong if the walk compared numbers instead of objects to find out what is shared?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "layers-question-shared", "points": 2}
"""
Given twice, the matrix would be changed twice in every step, as with twice the learning rate, and an optimizer that keeps a running average for each parameter would update it twice. Comparing numbers would take two different parameters that happen to be equal for one, for example two biases that start at zero: the second would never be trained.
"""

# %% [markdown]
"""
**Question 3: forgetting to switch.** Someone measures the accuracy of a model with `Dropout(0.5)` and forgets `eval()`. What do they see when they measure twice? Why does inverted dropout need no correction in evaluation, and why is training the better place for it?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "layers-question-dropout", "points": 2}
"""
They see two different accuracies, both probably lower than the model deserves, because every run zeroes other numbers. Inverted dropout divides the survivors by 1 - p while training, so the expected value of each number is the same in both modes and evaluation returns its input untouched. A model is trained once and used many times, so the work belongs in training; the deployed model may leave the layer out.
"""

# %% [markdown]
"""
## 🎯 MODULE SUMMARY: Layers

You built what models are made of, `Linear`, `Dropout`, `Flatten` and `Sequential`, and what makes them one model: a walk that finds every module and every parameter exactly once, and a state that is saved as copies and loaded completely or not at all. You measured what layers hold and where their time goes.

Put it into the package with `tito module export 04`, and see what you can do now: `tito checkpoint test 03`. In module 05 you measure how wrong a network is: losses.
"""
