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
# Module 07: Optimizers

Module 06 tells for each parameter which way is downhill. It does not tell how far to go. A step that is too long jumps over the valley, one that is too short never arrives, and the right length is another one for every parameter and changes as training goes on. An optimizer decides it, from the gradients of this step and from what it remembers of those before.

You write the four that nearly all networks are trained with: SGD with momentum, RMSprop, Adam and AdamW. Then three schedules, which change the learning rate while training runs, and the clipping of gradients that are too large. Each is a handful of lines of arithmetic on arrays. They decide whether a model learns in an hour or never, and how much memory training takes: with Adam, three times that of the model itself.
"""

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-start"}
from tinytorch.core.setup import run_tests, warnings_to_stdout
from tinytorch.core.tensor import Parameter, manual_seed, use_kernels

warnings_to_stdout()

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-imports"}
#| default_exp core.optimizers
#| export
import math

import numpy as np

from tinytorch.core.autograd import no_grad
from tinytorch.core.tensor import Tensor, _State, kernels

# %% [markdown]
r"""
## Mathematical background

Let $\theta$ be a parameter, $g$ the gradient of the loss by it, and $\eta$ the learning rate, `lr`. All formulas hold for each element of an array by itself.

**Gradient descent** goes against the slope: $\theta \leftarrow \theta - \eta\, g$. Suppose the loss is $\frac{1}{2} c\, \theta^2$, with curvature $c$. Then $g = c\,\theta$, and a step multiplies $\theta$ by $1 - \eta c$. It converges only if $\eta < 2 / c$. The steepest direction of a loss therefore bounds the learning rate for all, and a direction a thousand times flatter then needs thousands of steps. This is the problem that the others solve.

**Two averages.** Momentum averages *gradients*: what changes its sign at every step cancels out, what keeps it adds up. RMSprop averages *squares* of gradients and divides by the root: steep and flat directions then move equally fast. Adam does both. All averages are exponential, $m \leftarrow \beta\, m + (1 - \beta)\, g$: one array of memory, in which a gradient counts for about $1 / (1 - \beta)$ steps.

| optimizer | arrays it keeps | step |
| --- | --- | --- |
| SGD | none | $\eta\, g$ |
| SGD with momentum $\mu$ | $b \leftarrow \mu\, b + g$ | $\eta\, b$ |
| RMSprop | $v \leftarrow \alpha\, v + (1 - \alpha)\, g^2$ | $\eta\, g / (\sqrt{v} + \varepsilon)$ |
| Adam | $m \leftarrow \beta_1 m + (1 - \beta_1)\, g$ and $v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2$ | $\eta\, \hat m / (\sqrt{\hat v} + \varepsilon)$ |

**Cost.** A step reads and writes each array once and does some ten operations for each number: `O(n)`, and its time is that of moving memory, not of computing.
"""

# %% [markdown]
"""
## What every optimizer shares

The next cell is given. An optimizer is made with parameters and settings: `SGD(model.parameters(), lr=0.1)`. Parameters may also come in groups with settings of their own, each a dict: `[{"params": first}, {"params": second, "lr": 0.01}]`. A training step is then three lines: `optimizer.zero_grad()`, `loss.backward()`, `optimizer.step()`.

`step` goes over all groups and parameters and calls `update(data, gradient, state, group)`, which you write for each optimizer. `data` is the parameter's array, and `update` changes it **in place**: a model, a view or a second optimizer may hold the same array, so `data -= …` and never `data = data - …`. The gradient belongs to the user and stays as it is. `group` holds the settings. `state` is a dict for this one parameter, in which an optimizer remembers things from step to step: `_kept(state, "name", data)` gives the array of that name, which starts with zeros. Change it in place as well. A parameter without gradient took no part in the loss and is passed over: a step of zero would be wrong, since momentum would move it all the same.

`state_dict` copies everything that the next steps depend on, so that training which stops can go on from a file (module 08), and `load_state_dict` takes it over, completely or not at all. Where the table `kernels` has a faster version, `use_kernels` switches it on; you find these at the end of the module.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-optimizer"}
#| export
def _kept(state, name, data):
    """The array `name` of a parameter's state; zeros in the shape and dtype of `data` at first."""
    if name not in state:
        state[name] = np.zeros(data.shape, data.dtype)
    return state[name]


class Optimizer:
    """Changes parameters, given their gradients. A subclass has a `name` and defines `update`.

    `parameters`: tensors, or dicts with "params" and settings of their own.
    `defaults`: the settings of the groups that do not name them.
    """

    name = ""

    def __init__(self, parameters, defaults):
        self.defaults, self.param_groups, self.state = dict(defaults), [], {}
        groups = [parameters] if isinstance(parameters, (Tensor, dict)) else list(parameters)
        if not groups:
            raise ValueError(f"{type(self).__name__} got no parameters: has the model any?")
        in_groups = isinstance(groups[0], dict)
        for group in groups if in_groups else [{"params": groups}]:
            self.add_param_group(group)

    def __repr__(self):
        groups = [{**group, "params": len(group["params"])} for group in self.param_groups]
        return f"{type(self).__name__}({', '.join(map(str, groups))})"

    def add_param_group(self, group):
        """One more group of parameters: a dict with "params" and any settings."""
        params, about = group["params"], type(self).__name__
        params = [params] if isinstance(params, Tensor) else list(params)
        seen = {id(p) for g in self.param_groups for p in g["params"]}
        for p in params:
            if not isinstance(p, Tensor) or p.dtype.kind != "f":
                raise TypeError(f"{about} changes floating tensors, not {p!r:.60}")
            if p.node is not None:
                raise ValueError(f"{about} got a computed tensor: pass what it was computed from")
            if id(p) in seen:
                raise ValueError(f"{about} got a parameter of shape {p.shape} twice")
            seen.add(id(p))
        group = {**self.defaults, **group, "params": params}
        for name, value in group.items():
            numbers = value if name == "betas" else [value] * isinstance(value, (int, float))
            if not all(0 <= number < (1 if name == "betas" else math.inf) for number in numbers):
                below = " and below 1" if name == "betas" else ""
                raise ValueError(f"{about}: {name} must be at least 0{below}, got {value}")
        self.param_groups.append(group)

    def zero_grad(self):
        """Forget the gradients of all parameters."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.zero_grad()

    def step(self):
        """Change every parameter that has a gradient."""
        with no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        self._change(parameter, group)

    def _change(self, parameter, group):
        data = parameter.data
        gradient = np.asarray(parameter.grad, dtype=data.dtype, order="C")
        if gradient.shape != data.shape:
            raise ValueError(f"the gradient has shape {gradient.shape}, its parameter {data.shape}")
        # A subclass with an update of its own does not inherit the kernel of this name.
        kernel = kernels.get(vars(type(self)).get("name")) if _State.kernels_on else None
        update = kernel[0] if kernel and data.flags.c_contiguous else self.update
        update(data, gradient, self.state.setdefault(parameter, {}), group)
        parameter.version += 1

    def update(self, data, gradient, state, group):
        """Change `data` in place by one step."""
        raise NotImplementedError(f"{type(self).__name__} has no update")

    def state_dict(self):
        """Copies of what the optimizer remembers, and its settings, in dicts and lists.

        "state" has a dict for each parameter, in order. In "param_groups" the parameters are
        replaced by their numbers in this order.
        """
        states, groups = [], []
        for group in self.param_groups:
            known = [self.state.get(p, {}) for p in group["params"]]
            numbers = list(range(len(states), len(states) + len(known)))
            settings = {n: list(v) if isinstance(v, tuple) else v for n, v in group.items()}
            groups.append({**settings, "params": numbers})
            states += [
                {n: np.array(v) if isinstance(v, np.ndarray) else v for n, v in entry.items()}
                for entry in known
            ]
        return {"state": states, "param_groups": groups}

    def load_state_dict(self, state):
        """Take over a `state_dict`. ValueError, and no change, if anything does not fit."""
        faults, params = [], [p for group in self.param_groups for p in group["params"]]
        about, known = f"this is no state of {type(self).__name__}: ", {}
        try:
            groups, counts = state["param_groups"], [len(g["params"]) for g in self.param_groups]
            if [len(group["params"]) for group in groups] != counts:
                faults.append(f"it must have groups of {counts} parameters")
            missing = {name for group in groups for name in set(self.defaults) - set(group)}
            faults += [f"the setting {name!r} is missing" for name in sorted(missing)]
            for number, (p, entry) in enumerate(zip(params, state["state"], strict=True)):
                for name, value in entry.items():
                    if isinstance(value, np.ndarray) and value.shape != p.shape:
                        faults.append(
                            f"{name} of parameter {number} is {value.shape}, not {p.shape}"
                        )
                    array = isinstance(value, np.ndarray)
                    entry = {**entry, name: np.array(value, p.dtype, order="C") if array else value}
                known[p] = entry
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            faults.append(f"{type(error).__name__}: {error}")
        if faults:
            raise ValueError(about + "; ".join(faults))
        self.state = {p: entry for p, entry in known.items() if entry}
        for group, saved in zip(self.param_groups, groups, strict=True):
            for name, value in saved.items():
                if name != "params":
                    group[name] = tuple(value) if isinstance(value, list) else value


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-walk"}
def walk(kind, slopes, start, **settings):
    """The optimizer, and where the parameter stood after each step with these gradients."""
    parameter = Parameter(start, dtype=np.float64)
    optimizer, array, path = kind([parameter], **settings), parameter.data, []
    for number, slope in enumerate(slopes, start=1):
        parameter.grad = gradient = np.array(slope, dtype=np.float64)
        optimizer.step()
        np.testing.assert_array_equal(gradient, slope, "the gradient was changed")
        assert parameter.data is array
        assert parameter.version == number
        path.append(array.tolist())
    return optimizer, path


SLOPES = [[1.0, -0.5], [0.5, 2.0], [-2.0, 0.25]]


# %% [markdown]
"""
## Step 1: Stochastic gradient descent

*Stochastic*, because the gradient is that of a batch of examples and not of all of them: cheap and noisy. The plain step is one line. Three settings improve it.

**Weight decay** pulls every parameter a little towards zero, so that only those stay large which the data keeps pushing: add `weight_decay * data` to the gradient before anything else. It is the gradient of `weight_decay / 2` times the sum of squares, a penalty on large weights.

**Momentum** keeps a buffer that is multiplied by `momentum` and added to in each step, and moves by the buffer instead of the gradient: a heavy ball, which rolls on. With 0.9, a gradient that stays the same is taken ten times, one that alternates only about half a time.

**Nesterov's** momentum looks ahead: it moves by `gradient + momentum * buffer`, with the buffer of this step. That is where the ball will be one step later, so it brakes earlier in front of a rise.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "optimizers-sgd"}
#| export
class SGD(Optimizer):
    """Gradient descent, with momentum and weight decay if these settings are not 0."""

    name = "sgd"

    def __init__(self, parameters, lr=1e-3, momentum=0, weight_decay=0, nesterov=False):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "nesterov": nesterov})  # fmt: skip
        if any(group["nesterov"] and not group["momentum"] for group in self.param_groups):
            raise ValueError("Nesterov's momentum looks ahead by the momentum: set momentum=0.9")

    def update(self, data, gradient, state, group):
        """Change `data` in place by one step. `data` and `gradient` have the same shape.

        1. If `group["weight_decay"]` is not 0, add that much of `data` to the gradient. Make a
           new array, `gradient + …`: the given one is the user's.
        2. If `group["momentum"]` is not 0: get `_kept(state, "momentum_buffer", data)`, multiply
           it by the momentum and add the gradient, both in place. Go on with the buffer as the
           gradient or, if `group["nesterov"]`, with the gradient plus momentum times the buffer.
        3. Subtract `group["lr"]` times the gradient from `data`, in place.
        """
        ### BEGIN SOLUTION
        if group["weight_decay"]:
            gradient = gradient + group["weight_decay"] * data
        if group["momentum"]:
            buffer = _kept(state, "momentum_buffer", data)
            buffer *= group["momentum"]
            buffer += gradient
            gradient = gradient + group["momentum"] * buffer if group["nesterov"] else buffer
        data -= group["lr"] * gradient
        ### END SOLUTION


# %% [markdown]
"""
**Test: SGD.** Three steps of a parameter with two numbers, by hand: without momentum, with it, with Nesterov's, and with weight decay. The array of the parameter must be the same object afterwards, the gradient untouched, and without momentum nothing may be kept. Then what holds for every optimizer: parameters without gradient stay as they are and remember nothing, each group uses its own settings, and the shapes `()` and `(0,)` work.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-sgd-test", "points": 9}
def test_sgd_by_hand():
    for settings, expected in (
        ({}, [[0.9, -1.95], [0.85, -2.15], [1.05, -2.175]]),
        ({"momentum": 0.5}, [[0.9, -1.95], [0.8, -2.125], [0.95, -2.2375]]),
        ({"momentum": 0.5, "nesterov": True}, [[0.85, -1.925], [0.75, -2.2125], [1.025, -2.29375]]),
        ({"weight_decay": 0.5}, [[0.85, -1.85], [0.7575, -1.9575], [0.919625, -1.884625]]),
        (
            {"momentum": 0.5, "weight_decay": 0.5},
            [[0.85, -1.85], [0.6825, -1.8825], [0.764625, -1.829625]],
        ),
    ):
        optimizer, path = walk(SGD, SLOPES, [1.0, -2.0], lr=0.1, **settings)
        np.testing.assert_allclose(path, expected, rtol=1e-12, err_msg=str(settings))
        (state,) = optimizer.state.values()
        assert list(state) == ["momentum_buffer"] * ("momentum" in settings)


def test_groups_shapes_and_parameters_without_gradient():
    shapes = [(), (0,), (3, 1), (2, 3)]
    first, second = ([Parameter(np.ones(shape)) for shape in shapes] for _ in range(2))
    second[2].grad = np.ones((3, 1), dtype=np.float32)
    optimizer = SGD([{"params": first, "lr": 0.5}, {"params": second}], lr=0.25, momentum=0.5)
    for p in first:
        p.grad = np.ones(p.shape, dtype=np.float32)
    for _ in range(2):
        optimizer.step()
    for p in first:
        np.testing.assert_array_equal(p.data, np.full(p.shape, -0.25, dtype=np.float32))
        buffer = optimizer.state[p]["momentum_buffer"]
        assert (buffer.shape, buffer.dtype, p.dtype) == (p.shape, np.float32, np.float32)
    assert [p.data.sum() for p in second] == [1.0, 0.0, 1.125, 6.0]
    assert len(optimizer.state) == 5
    optimizer.zero_grad()
    assert all(p.grad is None for p in first + second)


test_sgd_by_hand()
test_groups_shapes_and_parameters_without_gradient()

# %% [markdown]
"""
## Step 2: RMSprop

Two parameters, one with gradients around 100, one around 0.01: no single learning rate suits both. RMSprop measures how large the gradients of each number usually are, as the root of a moving average of their squares, and divides by it. What is left is about 1 in size for every parameter, and `lr` becomes the length of a step. The small `eps` keeps a parameter whose gradients are all zero from dividing by zero.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "optimizers-rmsprop"}
#| export
class RMSprop(Optimizer):
    """Steps divided by the usual size of the gradient, for each number by itself."""

    name = "rmsprop"

    def __init__(self, parameters, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0):
        super().__init__(parameters, {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum})  # fmt: skip

    def update(self, data, gradient, state, group):
        """Change `data` in place by one step.

        1. Weight decay, as in SGD.
        2. `_kept(state, "square_avg", data)`: multiply it by `group["alpha"]`, and add
           (1 - alpha) times the square of the gradient, both in place.
        3. Divide the gradient by the root of this average plus `group["eps"]`.
        4. With momentum, a "momentum_buffer" as in SGD: now of what step 3 gave.
        5. Subtract `group["lr"]` times this from `data`, in place.
        """
        ### BEGIN SOLUTION
        if group["weight_decay"]:
            gradient = gradient + group["weight_decay"] * data
        square = _kept(state, "square_avg", data)
        square *= group["alpha"]
        square += (1 - group["alpha"]) * gradient * gradient
        gradient = gradient / (np.sqrt(square) + group["eps"])
        if group["momentum"]:
            buffer = _kept(state, "momentum_buffer", data)
            buffer *= group["momentum"]
            buffer += gradient
            gradient = buffer
        data -= group["lr"] * gradient
        ### END SOLUTION


# %% [markdown]
"""
**Test: RMSprop.** Known values for three steps, with a large `eps` so that a wrong place for it shows. Then the point of it: gradients a million times larger give the same step. A gradient that is zero all the time leaves its number where it was, without `nan`.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-rmsprop-test", "points": 5}
def test_rmsprop():
    for settings, expected in (
        (
            {"eps": 0.5},
            [
                [0.8333333333, -1.909090909],
                [0.7515478298, -2.192339059],
                [1.026032006, -2.227720762],
            ],
        ),
        (
            {"alpha": 0.75, "momentum": 0.5, "weight_decay": 0.5},
            [
                [0.8000000027, -1.800000003],
                [0.5861010458, -1.829244171],
                [0.6351886956, -1.761664409],
            ],
        ),
    ):
        optimizer, path = walk(RMSprop, SLOPES, [1.0, -2.0], **{"lr": 0.1, **settings})
        np.testing.assert_allclose(path, expected, rtol=1e-9, err_msg=str(settings))
        (state,) = optimizer.state.values()
        assert list(state) == ["square_avg", "momentum_buffer"][: 1 + ("momentum" in settings)]
    _, path = walk(RMSprop, [[1e-3, 1e3, 0.0]] * 2, [5.0, 5.0, 5.0], lr=0.1, alpha=0.75)
    np.testing.assert_allclose(path[0], [4.8, 4.8, 5.0], rtol=1e-4)


test_rmsprop()

# %% [markdown]
r"""
## Step 3: Adam

Adam takes the average of the gradients (`exp_avg`, the direction) and divides it by the root of the average of their squares (`exp_avg_sq`, the usual size). Where the gradients agree, this ratio is near 1 and the step is `lr` long; where they are noise around zero, it is near 0. Adam is careful where it is uncertain.

**Bias correction.** Both averages start at zero and are too small in the first steps: after $t$ steps their weights add up to $1 - \beta^t$ only, not to 1. Dividing by that makes them true averages. Without it, the first step would be about three times too long ($0.1 / \sqrt{0.001}$), and the following ones as well, until $\beta_2^t$ has faded after some thousand steps.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "optimizers-adam"}
#| export
class Adam(Optimizer):
    """Averaged gradients, divided by the root of averaged squares."""

    name = "adam"

    def __init__(self, parameters, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0):
        super().__init__(parameters, {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay})  # fmt: skip

    def update(self, data, gradient, state, group):
        """Change `data` in place by one step.

        1. Weight decay, as in SGD.
        2. Count the steps: `state["step"]`, an int, is 1 in the first.
        3. "exp_avg" is the average of gradients, with `group["betas"][0]`, and "exp_avg_sq" that
           of their squares, with `group["betas"][1]`: update both in place, as in RMSprop.
        4. Divide each by 1 - beta**step, into new arrays: the kept ones stay uncorrected.
        5. Subtract lr times the first, divided by the root of the second plus `eps`, in place.
        """
        ### BEGIN SOLUTION
        if group["weight_decay"]:
            gradient = gradient + group["weight_decay"] * data
        beta1, beta2 = group["betas"]
        state["step"] = step = state.get("step", 0) + 1
        mean, square = _kept(state, "exp_avg", data), _kept(state, "exp_avg_sq", data)
        mean *= beta1
        mean += (1 - beta1) * gradient
        square *= beta2
        square += (1 - beta2) * gradient * gradient
        size = np.sqrt(square / (1 - beta2**step)) + group["eps"]
        data -= group["lr"] / (1 - beta1**step) * mean / size
        ### END SOLUTION


# %% [markdown]
"""
**Test: Adam.** The first step is `lr` long in every direction, whatever the size of the gradient, because of the bias correction. Known values for three steps follow, once with the usual settings and once with others. The averages that are kept are those without the correction, in the dtype of the parameter.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-adam-test", "points": 8}
def test_adam():
    _, path = walk(Adam, [[1e-3, -1e3, 0.0]], [5.0, 5.0, 5.0], lr=0.1)
    np.testing.assert_allclose(path[0], [4.9, 5.1, 5.0], rtol=1e-5)
    for settings, expected in (
        (
            {},
            [
                [0.900000001, -1.900000002],
                [0.8067820383, -1.955950351],
                [0.8274177409, -2.006579682],
            ],
        ),
        (
            {"betas": (0.5, 0.75), "eps": 0.5, "weight_decay": 0.5},
            [[0.925, -1.925], [0.8587070563, -1.935910411], [0.8803789643, -1.914849867]],
        ),
    ):
        optimizer, path = walk(Adam, SLOPES, [1.0, -2.0], **{"lr": 0.1, **settings})
        np.testing.assert_allclose(path, expected, rtol=1e-9, err_msg=str(settings))
    optimizer, _ = walk(Adam, SLOPES, [1.0, -2.0], betas=(0.5, 0.75))
    (state,) = optimizer.state.values()
    assert state["step"] == 3
    np.testing.assert_allclose(state["exp_avg"], [-0.75, 0.5625])
    np.testing.assert_allclose(state["exp_avg_sq"], [1.1875, 0.80078125])


def test_adam_keeps_the_parameters_shape_and_dtype():
    for shape in ((), (0,), (3, 1)):
        p = Parameter(np.ones(shape))
        optimizer = Adam([p], lr=0.5)
        for _ in range(2):
            p.grad = np.ones(shape, dtype=np.float32)
            optimizer.step()
        np.testing.assert_allclose(p.data, np.zeros(shape), atol=1e-6)
        for array in (optimizer.state[p]["exp_avg"], optimizer.state[p]["exp_avg_sq"]):
            assert (array.shape, array.dtype) == (shape, np.float32)


test_adam()
test_adam_keeps_the_parameters_shape_and_dtype()

# %% [markdown]
"""
## Step 4: AdamW

In SGD, weight decay added to the gradient pulls every weight towards zero in proportion to its size. In Adam the same line does something else: what was added is divided by the usual size of the gradient, so that weights with large gradients hardly decay. AdamW *decouples* the two: shrink the parameter first, then take a step of Adam without decay. It is what transformers are trained with.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "optimizers-adamw"}
#| export
class AdamW(Adam):
    """Adam, with a weight decay that the gradients do not see."""

    name = "adamw"

    def __init__(self, parameters, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(parameters, lr, betas, eps, weight_decay)

    def update(self, data, gradient, state, group):
        """Change `data` in place by one step.

        1. Multiply `data` by 1 - lr * weight_decay, in place.
        2. `super().update(…)` with a group in which the weight decay is 0: a copy, `{**group, …}`.
        """
        ### BEGIN SOLUTION
        data *= 1 - group["lr"] * group["weight_decay"]
        super().update(data, gradient, state, {**group, "weight_decay": 0})
        ### END SOLUTION


# %% [markdown]
"""
**Test: AdamW.** A gradient of zero: only the decay acts, by `lr * weight_decay`, and Adam would not care how large the gradient is. The settings of the group are unchanged after the step. Then known values.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-adamw-test", "points": 3}
def test_adamw():
    optimizer, path = walk(AdamW, [[0.0, 0.0]] * 2, [4.0, -2.0], lr=0.5, weight_decay=0.5)
    np.testing.assert_allclose(path, [[3.0, -1.5], [2.25, -1.125]], rtol=1e-12)
    assert optimizer.param_groups[0]["weight_decay"] == 0.5
    _, path = walk(AdamW, SLOPES, [1.0, -2.0], lr=0.1, weight_decay=0.5)
    np.testing.assert_allclose(
        path,
        [[0.850000001, -1.800000002], [0.7142820382, -1.765950351], [0.6992036389, -1.728282165]],
        rtol=1e-9,
    )
    assert AdamW([Parameter([1.0])]).defaults["weight_decay"] == 0.01


test_adamw()

# %% [markdown]
"""
## Step 5: Clipping

Now and then a batch has a gradient a hundred times as large as usual, and one step in its direction undoes what a thousand others built. Clipping bounds the *norm* of all gradients together, the root of the sum of all their squares. If it exceeds the limit, every gradient is multiplied by the same factor: the step becomes shorter and keeps its direction. Clipping each array or each number by itself would turn it. Call it between `backward` and `step`.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "optimizers-clip"}
#| export
def clip_grad_norm_(parameters, max_norm):
    """Scale all gradients in place so that their common norm is at most `max_norm`.

    Returns the norm before, a float: 0.0 if there are no gradients. One that is not finite is
    returned as it is, and nothing is scaled.

    1. Sum the squares of all gradients that are not None. Square in float64, by
       `np.square(parameter.grad, dtype=np.float64)`: large float32 numbers would overflow.
    2. The norm is the root of it, the factor `max_norm / (norm + 1e-6)`.
    3. If the norm is finite and the factor below 1, multiply every gradient by it, in place.
    """
    parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    ### BEGIN SOLUTION
    having = [p for p in parameters if p.grad is not None]
    norm = math.sqrt(sum(float(np.square(p.grad, dtype=np.float64).sum()) for p in having))
    factor = max_norm / (norm + 1e-6)
    if math.isfinite(norm) and factor < 1:
        for p in having:
            p.grad *= factor
    return norm
    ### END SOLUTION


# %% [markdown]
"""
**Test: clipping.** Two gradients with the common norm 13, clipped to 6.5, are halved, in place and in their dtype; with the limit 20 nothing changes. Gradients of zero, missing ones and empty ones do no harm, a generator is as good as a list, and float32 gradients of 1e30 have the norm they have.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-clip-test", "points": 5}
def test_clipping():
    a, b, c, d = (Parameter(np.zeros(shape)) for shape in ((2,), (1, 1), (3,), (0, 2)))
    a.grad, b.grad = np.array([3.0, -4.0], np.float32), np.array([[12.0]], np.float32)
    d.grad, kept = np.zeros((0, 2), np.float32), a.grad
    assert clip_grad_norm_((p for p in (a, b, c, d)), 20.0) == 13.0
    assert (a.grad.tolist(), b.grad.tolist()) == ([3.0, -4.0], [[12.0]])
    assert clip_grad_norm_([a, b, c, d], 6.5) == 13.0
    np.testing.assert_allclose(a.grad, [1.5, -2.0], rtol=1e-6)
    np.testing.assert_allclose(b.grad, [[6.0]], rtol=1e-6)
    assert (a.grad is kept, a.grad.dtype, c.grad) == (True, np.float32, None)
    assert clip_grad_norm_(c, 1.0) == clip_grad_norm_([], 1.0) == clip_grad_norm_([d], 1.0) == 0.0
    a.grad[...] = 0.0
    assert (clip_grad_norm_(a, 1.0), a.grad.tolist()) == (0.0, [0.0, 0.0])
    a.grad[...] = [3e30, 4e30]
    np.testing.assert_allclose(clip_grad_norm_(a, 1.0), 5e30, rtol=1e-6)
    np.testing.assert_allclose(a.grad, [0.6, 0.8], rtol=1e-6)
    a.grad[...] = [np.inf, 1.0]
    assert (clip_grad_norm_(a, 1.0), a.grad.tolist()) == (math.inf, [math.inf, 1.0])


test_clipping()

# %% [markdown]
"""
## What every schedule shares

Long steps are good far away from the minimum, short ones close to it. A schedule changes the learning rate of an optimizer as training goes on. The next cell is given. When a schedule is made, it notes each group's learning rate as `initial_lr`; each `step()` counts `last_epoch` up by one and sets every group's `lr` to `rate(initial_lr)`, which you write. A rate depends on this count alone, not on the rate before: a schedule that was loaded goes on as if it had never stopped. `interval` tells the trainer of module 08 whether to call `step` after each epoch or after each batch.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-schedule"}
#| exporti
class _Schedule:
    """Sets the learning rate of every group to `rate(initial_lr)`, now and after each `step()`."""

    interval = "epoch"

    def __init__(self, optimizer):
        self.optimizer, self.last_epoch = optimizer, 0
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self._set()

    def rate(self, initial):
        """The learning rate at `self.last_epoch` of a group that began with `initial`."""
        raise NotImplementedError(f"{type(self).__name__} has no rate")

    def _set(self):
        for group, initial in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = self.rate(initial)

    def step(self):
        self.last_epoch += 1
        self._set()

    def get_last_lr(self):
        """The learning rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self):
        """Its count and its settings: numbers, and lists of them."""
        state = {name: value for name, value in vars(self).items() if name != "optimizer"}
        return {**state, "base_lrs": list(self.base_lrs)}

    def load_state_dict(self, state):
        """Take over a `state_dict` and set the learning rates. ValueError if it does not fit."""
        names = set(self.state_dict())
        if not isinstance(state, dict) or set(state) != names:
            raise ValueError(f"a state of {type(self).__name__} has {', '.join(sorted(names))}")
        if len(state["base_lrs"]) != len(self.base_lrs):
            raise ValueError(
                f"a state of {len(state['base_lrs'])} groups, not {len(self.base_lrs)}"
            )
        vars(self).update({**state, "base_lrs": list(state["base_lrs"])})
        self._set()


def _at_least_one(**numbers):
    for name, number in numbers.items():
        if not isinstance(number, int) or number < 1:
            raise ValueError(f"{name} must be a whole number, at least 1, got {number!r}")


# %% [markdown]
r"""
## Step 6: Steps and cosines

`StepLR` multiplies the rate by `gamma` each time `step_size` epochs are over. `CosineAnnealingLR` lets it fall smoothly from the initial rate to `eta_min` in `T_max` epochs, along half a period of the cosine: slowly at first, fast in the middle, slowly at the end. With $p$ from 0 to 1 on the way from $a$ to $b$, that is $b + (a - b)\,(1 + \cos \pi p) / 2$.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "optimizers-schedules"}
#| export
def _between(start, end, part):
    """From `start` (where `part` is 0) to `end` (where it is 1) along half a cosine."""
    ### BEGIN SOLUTION
    return end + (start - end) * (1 + math.cos(math.pi * part)) / 2
    ### END SOLUTION


class StepLR(_Schedule):
    """The rate times `gamma` after every `step_size` epochs."""

    def __init__(self, optimizer, step_size, gamma=0.1):
        _at_least_one(step_size=step_size)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def rate(self, initial):
        """`initial` times gamma, as often as `step_size` fits into `self.last_epoch`."""
        ### BEGIN SOLUTION
        return initial * self.gamma ** (self.last_epoch // self.step_size)
        ### END SOLUTION


class CosineAnnealingLR(_Schedule):
    """From the initial rate to `eta_min` in `T_max` epochs, along a cosine, and up again."""

    def __init__(self, optimizer, T_max, eta_min=0.0):  # noqa: N803
        _at_least_one(T_max=T_max)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer)

    def rate(self, initial):
        """`_between` the two rates; the part is `self.last_epoch` by `self.T_max`."""
        ### BEGIN SOLUTION
        return _between(initial, self.eta_min, self.last_epoch / self.T_max)
        ### END SOLUTION


# %% [markdown]
"""
**Test: the two schedules.** Each over its whole length, with two groups that begin at different rates. Then a schedule is saved halfway and loaded into a new one, and both go on alike.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-schedules-test", "points": 5}
def two_groups(kind=SGD, **settings):
    one, two = Parameter([1.0]), Parameter([1.0])
    return kind([{"params": one}, {"params": two, "lr": 0.25}], lr=1.0, **settings)


def test_rates_over_the_whole_length():
    root = math.sqrt(0.5)
    for make, expected in (
        (lambda o: StepLR(o, 2, gamma=0.5), [1.0, 1.0, 0.5, 0.5, 0.25]),
        (lambda o: StepLR(o, 3), [1.0, 1.0, 1.0, 0.1, 0.1]),
        (lambda o: CosineAnnealingLR(o, 4), [1, (1 + root) / 2, 0.5, (1 - root) / 2, 0.0]),
    ):
        optimizer, rates = two_groups(), []
        schedule = make(optimizer)
        for epoch in range(5):
            rates.append(schedule.get_last_lr())
            if epoch == 2:
                schedule.optimizer = None  # nobody steps the first optimizer any more
                resumed, state = make(two_groups()), schedule.state_dict()
                resumed.load_state_dict(state)
                assert resumed.get_last_lr() == rates[-1]
                schedule = resumed
            schedule.step()
        np.testing.assert_allclose(rates, np.outer(expected, [1.0, 0.25]), atol=1e-12)
        assert [group["initial_lr"] for group in schedule.optimizer.param_groups] == [1.0, 0.25]
    schedule = CosineAnnealingLR(two_groups(), 2, eta_min=0.05)
    schedule.step()
    np.testing.assert_allclose(schedule.get_last_lr(), [0.525, 0.15])
    np.testing.assert_allclose(_between(1.0, 3.0, 1 / 3), 1.5)


test_rates_over_the_whole_length()

# %% [markdown]
"""
## Step 7: One cycle

Start low, rise to a rate so large that it would not train for long, then fall to almost nothing. The warm-up lets the averages of momentum and Adam fill while steps are short; the high rate in the middle crosses the landscape and keeps out of narrow valleys; the long end settles. Good results in a tenth of the epochs are common. Momentum runs the other way, from 0.95 down to 0.85 and up again, since long steps and a heavy ball together overshoot.

The first `pct_start` of all steps lead up, the others down. As in PyTorch, the peak is at step `pct_start * total_steps - 1`, which need not be whole, and the end at `total_steps - 1`.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "optimizers-onecycle"}
#| export
class OneCycleLR(_Schedule):
    """From `max_lr / div_factor` up to `max_lr` and down to `final_div_factor` times less than it
    began with, in `total_steps` batches. `max_lr` is a number, or one for each group.

    With `cycle_momentum`, the momentum (of Adam: beta 1) goes the opposite way.
    """

    interval = "step"

    def __init__(self, optimizer, max_lr, total_steps, pct_start=0.3, div_factor=25.0, final_div_factor=1e4, cycle_momentum=True, base_momentum=0.85, max_momentum=0.95):  # fmt: skip
        _at_least_one(total_steps=total_steps)
        if not 0 <= pct_start <= 1:
            raise ValueError(f"pct_start must be between 0 and 1, got {pct_start}")
        if cycle_momentum and not {"momentum", "betas"} & set(optimizer.defaults):
            raise ValueError("this optimizer has no momentum: set cycle_momentum=False")
        self.total_steps, self.pct_start = total_steps, pct_start
        self.div_factor, self.final_div_factor = div_factor, final_div_factor
        self.cycle_momentum = cycle_momentum
        self.base_momentum, self.max_momentum = base_momentum, max_momentum
        groups = optimizer.param_groups
        peaks = max_lr if isinstance(max_lr, (list, tuple)) else [max_lr] * len(groups)
        for group, peak in zip(groups, peaks, strict=True):
            group["initial_lr"] = peak / div_factor
        super().__init__(optimizer)

    def value(self, start, peak, end):
        """What goes from `start` to `peak` and on to `end`, at the step `self.last_epoch`.

        1. `top` is the step of the peak, `last` the last step.
        2. Up to `top`, included: `_between` start and peak; the part is step / top, or 1 if top
           is 0. 3. After it: `_between` peak and end; the part runs from 0 at `top` to 1 at
           `last`, and is 1 if the two are the same.
        """
        ### BEGIN SOLUTION
        top, last, step = (
            self.pct_start * self.total_steps - 1,
            self.total_steps - 1,
            self.last_epoch,
        )
        if step <= top:
            return _between(start, peak, step / top if top else 1)
        return _between(peak, end, (step - top) / (last - top) if last > top else 1)
        ### END SOLUTION

    def rate(self, initial):
        """The value between `initial`, `div_factor` times as much, and initial / final_div_factor."""
        ### BEGIN SOLUTION
        return self.value(initial, initial * self.div_factor, initial / self.final_div_factor)
        ### END SOLUTION

    def _set(self):
        super()._set()
        if self.cycle_momentum:
            momentum = self.value(self.max_momentum, self.base_momentum, self.max_momentum)
            for group in self.optimizer.param_groups:
                if "betas" in group:
                    group["betas"] = (momentum, group["betas"][1])
                else:
                    group["momentum"] = momentum

    def step(self):
        if self.last_epoch >= self.total_steps:
            raise ValueError(f"OneCycleLR was made for {self.total_steps} steps, and they are over")
        super().step()


# %% [markdown]
"""
**Test: one cycle.** Ten steps with the peak at the fourth, and the momentum of SGD, beta 1 of Adam, against it. Peaks that lie between two steps, at the first or at the last. A step too many is refused.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-onecycle-test", "points": 6}
def test_one_cycle():
    for kind, read in ((SGD, lambda g: g["momentum"]), (Adam, lambda g: g["betas"][0])):
        optimizer, rates, momenta = two_groups(kind), [], []
        schedule = OneCycleLR(optimizer, 1.0, 10, pct_start=0.4, div_factor=10, final_div_factor=10)
        for _ in range(10):
            rates.append(schedule.get_last_lr()[1])
            momenta.append(read(optimizer.param_groups[1]))
            schedule.step()
        expected = [
            0.1,
            0.325,
            0.775,
            1.0,
            *(0.505 + 0.495 * math.cos(k * math.pi / 6) for k in range(1, 7)),
        ]
        np.testing.assert_allclose(rates, expected, rtol=1e-12)
        expected = [0.95, 0.925, 0.875, *(0.9 - 0.05 * math.cos(k * math.pi / 6) for k in range(7))]
        np.testing.assert_allclose(momenta, expected, rtol=1e-12)
        refused = False
        try:
            schedule.step()
        except ValueError:
            refused = True
        assert refused
        assert schedule.last_epoch == 10


def test_where_the_peak_lies():
    for steps, part, expected in (
        (5, 0.3, [0.04, 0.950484632, 0.611262022, 0.188258346, 4e-6]),
        (4, 0.25, [1.0, 0.750001, 0.250003, 4e-6]),
        (3, 1.0, [0.04, 0.52, 1.0, 4e-6]),
    ):
        schedule = OneCycleLR(two_groups(), [1.0, 2.0], steps, pct_start=part)
        rates = [schedule.get_last_lr()]
        for _ in expected[1:]:
            schedule.step()
            rates.append(schedule.get_last_lr())
        np.testing.assert_allclose(rates, np.outer(expected, [1.0, 2.0]), rtol=1e-6)


test_one_cycle()
test_where_the_peak_lies()

# %% [markdown]
"""
## Given: kernels

Your `update` of Adam reads and writes arrays of the parameter's size about twenty times. If they are larger than the processor's caches, each of these passes waits for memory. The kernels below do the same arithmetic on blocks of 65,536 numbers, one after the other: a block of each array and one of scratch space fit into the cache together, so that memory is read and written once in a step. Nothing else is allocated. `use_kernels()` switches them on.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-kernels"}
#| exporti
_BLOCK = 65536


def _blocks(*arrays):
    """Views of the same block of each array, and of scratch space of its size, block by block."""
    flat = [array.reshape(-1) for array in arrays]
    scratch = np.empty(min(_BLOCK, flat[0].size), flat[0].dtype)
    for start in range(0, flat[0].size, _BLOCK):
        views = [array[start : start + _BLOCK] for array in flat]
        yield (*views, scratch[: views[0].size])


def _contiguous(state, name, data):
    state[name] = np.asarray(_kept(state, name, data), order="C")
    return state[name]


def _sgd_blocks(data, gradient, state, group):
    """SGD.update in blocks."""
    lr, momentum, decay = group["lr"], group["momentum"], group["weight_decay"]
    kept = [_contiguous(state, "momentum_buffer", data)] if momentum else []
    for x, g, *buffer, scratch in _blocks(data, gradient, *kept):
        if decay:
            np.multiply(x, decay, out=scratch)
            scratch += g
            g = scratch
        for b in buffer:
            b *= momentum
            b += g
        if not momentum or group["nesterov"]:
            x -= np.multiply(g, lr, out=scratch)
        for b in buffer:
            x -= np.multiply(b, lr * momentum if group["nesterov"] else lr, out=scratch)


def _adam_blocks(data, gradient, state, group, decoupled=False):
    """Adam.update in blocks; AdamW.update if `decoupled`."""
    lr, (beta1, beta2), decay = group["lr"], group["betas"], group["weight_decay"]
    state["step"] = step = state.get("step", 0) + 1
    root = math.sqrt(1 - beta2**step)
    rate, eps = lr * root / (1 - beta1**step), group["eps"] * root
    mean, square = (_contiguous(state, name, data) for name in ("exp_avg", "exp_avg_sq"))
    for x, g, m, v, scratch in _blocks(data, gradient, mean, square):
        if decay and decoupled:
            x *= 1 - lr * decay
        elif decay:
            g = g + decay * x
        m *= beta1
        m += np.multiply(g, 1 - beta1, out=scratch)
        np.multiply(g, g, out=scratch)
        scratch *= 1 - beta2
        v *= beta2
        v += scratch
        np.sqrt(v, out=scratch)
        scratch += eps
        np.divide(m, scratch, out=scratch)
        scratch *= rate
        x -= scratch


def _adamw_blocks(data, gradient, state, group):
    """AdamW.update in blocks."""
    _adam_blocks(data, gradient, state, group, decoupled=True)


kernels["sgd"] = (_sgd_blocks, None)
kernels["adam"] = (_adam_blocks, None)
kernels["adamw"] = (_adamw_blocks, None)

# %% [markdown]
"""
## Systems analysis

Three measurements. **Memory:** what an optimizer keeps for a model, beside the parameters and their gradients. **Time:** a step for few and for many numbers, your `update` and the kernel. **Steps:** a valley a hundred times steeper in one direction than in the other, each optimizer with a learning rate that suits it; how many steps until the loss is a millionth of what it was?
"""

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-analysis"}
import timeit

KINDS = {
    "SGD": (SGD, {"lr": 0.019}),
    "SGD, momentum": (SGD, {"lr": 0.019, "momentum": 0.9}),
    "SGD, Nesterov": (SGD, {"lr": 0.009, "momentum": 0.9, "nesterov": True}),
    "RMSprop": (RMSprop, {"lr": 0.002}),
    "Adam": (Adam, {"lr": 0.05}),
    "AdamW": (AdamW, {"lr": 0.05}),
}


def prepared(kind, settings, size):
    """An optimizer of one parameter of this size, which has a gradient and made a step."""
    parameter = Parameter(np.ones(size))
    parameter.grad = np.linspace(-1.0, 1.0, size, dtype=np.float32)
    optimizer = kind([parameter], **settings)
    optimizer.step()
    return optimizer


def analyze_memory():
    print("\noptimizer         bytes kept for each parameter of 4 bytes")
    for name, (kind, settings) in KINDS.items():
        (entry,) = prepared(kind, settings, 1000).state.values()
        kept = sum(v.nbytes for v in entry.values() if isinstance(v, np.ndarray)) / 1000
        print(f"{name:15} {kept:6.0f}")


def analyze_time():
    print("\noptimizer          numbers    update        kernel")
    for name, (kind, settings) in KINDS.items():
        for size in (100, 10_000, 4_000_000):
            optimizer, runs, each = prepared(kind, settings, size), 5, []
            number = max(1, 20_000 // size)
            for on in (False, True):
                with use_kernels(on):
                    each.append(min(timeit.repeat(optimizer.step, number=number, repeat=runs)))
            slow, fast = (taken / number * 1e6 for taken in each)
            fast = f"{fast:9.1f} us" if kind.name in kernels else "        none"
            print(f"{name:15} {size:10,} {slow:9.1f} us {fast}")


def analyze_steps():
    curvature = np.array([1.0, 100.0])
    print("\noptimizer       steps until the loss is a millionth")
    for name, (kind, settings) in KINDS.items():
        x = Parameter([1.0, 1.0], dtype=np.float64)
        optimizer, steps = kind([x], **settings), 0
        while (curvature * x.data**2).sum() > 1e-6 * curvature.sum() and steps < 2000:
            x.grad = curvature * x.data
            optimizer.step()
            steps += 1
        print(f"{name:15} {steps:6}{'' if steps < 2000 else ' and more'}")


# %% [markdown]
"""
## Integration

Layers, losses, gradients, and now the last piece of a training loop: its three lines. **Test: every optimizer trains.** A small classifier learns to tell two half rings apart with each of the optimizers, with a schedule and with clipping. Halfway, model, optimizer and schedule are saved and loaded into new ones, which must go on with exactly the same losses as those that did not stop.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-integration-test", "points": 3}
def test_every_optimizer_trains_and_goes_on_after_a_break():
    from tinytorch.core.activations import Tanh
    from tinytorch.core.layers import Linear, Sequential
    from tinytorch.core.losses import CrossEntropyLoss

    angles, classes = np.linspace(0, math.pi, 40), np.arange(40) % 2
    side = 1 - 2 * classes
    points = np.stack([np.cos(angles) * side + classes, np.sin(angles) * side + classes / 2], 1)

    def made(kind, settings):
        manual_seed(3)
        model = Sequential(Linear(2, 16), Tanh(), Linear(16, 2))
        optimizer = kind(model.parameters(), **settings)
        return model, optimizer, OneCycleLR(optimizer, settings["lr"], 60)

    def trained(parts, steps):
        model, optimizer, schedule = parts
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = CrossEntropyLoss()(model(Tensor(points)), classes)
            loss.backward()
            clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        return losses

    for kind, settings in (
        (SGD, {"lr": 2.0, "momentum": 0.9, "nesterov": True}),
        (RMSprop, {"lr": 0.02, "momentum": 0.5}),
        (Adam, {"lr": 0.1}),
        (AdamW, {"lr": 0.1}),
    ):
        parts, resumed = made(kind, settings), made(kind, settings)
        first = trained(parts, 30)
        for old, new in zip(parts, resumed, strict=True):
            new.load_state_dict(old.state_dict())
        rest = trained(parts, 30)
        assert rest == trained(resumed, 30)
        assert rest[-1] < 0.2 * first[0], f"{kind.__name__}: {first[0]:.3f} became {rest[-1]:.3f}"


test_every_optimizer_trains_and_goes_on_after_a_break()

# %% [markdown]
"""
## Production context

PyTorch's optimizers have these names, settings, groups and states. By default they go over all parameters of a group at once (`foreach`), or update each number in a single pass through memory (`fused`), which is what your kernels approach with blocks. Momentum buffers and averages are a large part of the memory of training: Adam keeps 8 bytes for a parameter of 4, and with models that barely fit, people keep these arrays in 8 bits, factor them into rows and columns (Adafactor), or spread them over machines (ZeRO).

JAX has no optimizers with state of their own. In Optax an optimizer is a pair of functions, `init` and `update`, and schedules, clipping and weight decay are transformations of gradients put one after the other. Keras builds the schedule into the optimizer: `lr` may be a function of the step.
"""

# %% [markdown]
"""
## Comprehensive testing

What holds for every optimizer. Of a bowl with two curvatures, each finds the bottom. A state with a wrong shape, too few parameters or another optimizer's settings is refused, and afterwards nothing has changed. Wrong settings and wrong parameters are refused at once.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-comprehensive-test", "points": 2}
def test_every_optimizer_finds_the_bottom():
    for kind in (SGD, RMSprop, Adam, AdamW):
        x = Parameter([1.0, -1.0], dtype=np.float64)
        optimizer = kind([x], lr=0.03)
        schedule = CosineAnnealingLR(optimizer, 300)
        for _ in range(300):
            x.grad = np.array([10.0, 50.0]) * x.data
            optimizer.step()
            schedule.step()
        assert abs(x.data).max() < 1e-3, f"{optimizer} ends at {x.data}"


def test_what_does_not_fit_is_refused():
    optimizer, _ = walk(Adam, SLOPES, [1.0, -2.0])
    before, wrong = str(optimizer.state_dict()), optimizer.state_dict()
    wrong["state"][0]["exp_avg"] = np.zeros(3)
    other = SGD([Parameter([1.0, 2.0])]).state_dict()
    computed = Parameter([1.0]) * 2
    for action in (
        lambda: optimizer.load_state_dict(wrong),
        lambda: optimizer.load_state_dict(other),
        lambda: optimizer.load_state_dict({**wrong, "state": []}),
        lambda: Adam([], lr=0.1),
        lambda: Adam([Parameter([1.0])], lr=-0.1),
        lambda: Adam([Parameter([1.0])], betas=(0.9, 1.0)),
        lambda: Adam([computed]),
        lambda: SGD(2 * [optimizer.param_groups[0]["params"][0]]),
        lambda: SGD([Parameter([1.0])], nesterov=True),
    ):
        refused = False
        try:
            action()
        except ValueError:
            refused = True
        assert refused
    assert str(optimizer.state_dict()) == before


test_every_optimizer_finds_the_bottom()
test_what_does_not_fit_is_refused()

# %%
if __name__ == "__main__":
    run_tests()
    analyze_memory()
    analyze_time()
    analyze_steps()

# %% [markdown]
"""
## 🤔 ML Systems Thinking: Interactive Questions

Answer in your own words, from the code you wrote and the numbers you measured. Two or three sentences each are enough.

**Question 1: memory.** A model has a billion parameters in float32. How many gigabytes do parameters, gradients and the optimizer's arrays take with plain SGD, with momentum, and with Adam? Which part could be left out once training is over?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "optimizers-question-memory", "points": 1}
"""
Model answer: parameters and gradients take 4 GB each. Plain SGD keeps nothing, 8 GB in all; momentum keeps one array, 12 GB; Adam two, 16 GB. Afterwards only the 4 GB of parameters are needed, so a model can be used on a machine a quarter of the size; to go on training later, the optimizer's arrays must be saved as well.
"""

# %% [markdown]
"""
**Question 2: time.** In `analyze_time`, the kernel is much faster for four million numbers and hardly or not at all for a hundred. Why? What does this mean for a model of a thousand small parameters?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "optimizers-question-time", "points": 1}
"""
Model answer: large arrays do not fit into the cache, so the readable version waits for memory in each of its passes and the blocks wait once. A hundred numbers are in the cache anyway; there the time is that of about fifteen calls into NumPy, a microsecond each, the same in both. A thousand small parameters cost a thousand times that, which only joining them into one large array would save.
"""

# %% [markdown]
"""
**Question 3: going on.** Someone saves the parameters of a model that is trained with Adam, but not the optimizer's state, and goes on the next day. Which numbers are lost? Describe the first steps after the break, with the bias correction in mind.
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "optimizers-question-resume", "points": 1}
"""
Model answer: both averages and the count of steps are lost. The count starts at 1 again, so the first step divides the gradient by its own size: it is `lr` long in every direction, also where the averages knew that there is only noise. The model is shaken, and the loss jumps up before it falls again. A learning rate schedule that starts anew makes it worse.
"""

# %% [markdown]
"""
**Question 4: a choice.** From `analyze_steps`: why does momentum help SGD so much in this valley, although its steepest direction still bounds the learning rate? Why do AdamW and Adam not need a learning rate chosen for the curvature?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "optimizers-question-choice", "points": 1}
"""
Model answer: along the flat direction all gradients have the same sign and add up in the buffer, to ten times the step with 0.9, while across the valley they alternate and cancel. Adam divides by the size of the gradient, so a direction a hundred times steeper makes no longer steps: `lr` is a length, not a factor of the slope.
"""

# %% [markdown]
"""
## 🎯 MODULE SUMMARY: Optimizers

You wrote four optimizers, three schedules and the clipping of gradients. All rest on two averages, of gradients and of their squares, kept in arrays of the parameter's shape and changed in place. A schedule depends on a count alone, so training can stop and go on with the same losses. You measured what an optimizer costs: up to twice the model in memory, and time that is spent on moving numbers and not on computing with them.

Put it into the package with `tito module export 07`, and see what you can do now: `tito checkpoint test 09`. In module 08 the three lines become a trainer, with epochs, metrics and files.
"""
