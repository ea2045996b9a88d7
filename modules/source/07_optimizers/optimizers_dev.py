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
import copy
import math

import numpy as np

from tinytorch.core.autograd import no_grad
from tinytorch.core.tensor import Tensor, _State, kernels

# %% [markdown]
r"""
## Mathematical background

Let $\theta$ be a parameter, $g$ the gradient of the loss by it, and $\eta$ the learning rate, `lr`. All formulas hold for each element of an array by itself.

**Gradient descent** goes against the slope: $\theta \leftarrow \theta - \eta\, g$. Suppose the loss is $\frac{1}{2} c\, \theta^2$, with curvature $c$. Then $g = c\,\theta$, and a step multiplies $\theta$ by $1 - \eta c$. It converges only if $\eta < 2 / c$. The steepest direction of a loss therefore bounds the learning rate for all, and a direction a thousand times flatter then needs thousands of steps. This is the problem that the others solve.

**Two averages.** Momentum averages *gradients*: what changes its sign at every step cancels out, what keeps it adds up. RMSprop averages *squares* of gradients and divides by the root: steep and flat directions then move equally fast. Adam does both. The averages are exponential, $m \leftarrow \beta\, m + (1 - \beta)\, g$ (SGD's momentum leaves out the factor $1 - \beta$): one array of memory, in which a gradient counts for about $1 / (1 - \beta)$ steps. A step of any of them takes `O(n)` time for `n` numbers, most of it for moving memory.

| optimizer | arrays it keeps | step |
| --- | --- | --- |
| SGD | none | $\eta\, g$ |
| SGD with momentum $\mu$ | $b \leftarrow \mu\, b + g$ | $\eta\, b$ |
| RMSprop | $v \leftarrow \alpha\, v + (1 - \alpha)\, g^2$ | $\eta\, g / (\sqrt{v} + \varepsilon)$ |
| Adam | $m \leftarrow \beta_1 m + (1 - \beta_1)\, g$ and $v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2$ | $\eta\, \hat m / (\sqrt{\hat v} + \varepsilon)$ |
"""

# %% [markdown]
"""
## What every optimizer shares

The next cell is given. An optimizer is made with parameters and settings: `SGD(model.parameters(), lr=0.1)`. Parameters may also come in groups with settings of their own, each a dict: `[{"params": first}, {"params": second, "lr": 0.01}]`. A training step is then three lines: `optimizer.zero_grad()`, `loss.backward()`, `optimizer.step()`.

`step` goes over all groups and parameters and calls `update(data, gradient, state, group)`, which you write for each optimizer. `data` is the parameter's array, and `update` changes it **in place**: a model, a view or a second optimizer may hold the same array, so `data -= …` and never `data = data - …`. The gradient belongs to the user and stays as it is. `group` holds the settings. `state` is a dict for this one parameter, in which an optimizer remembers things from step to step: `_kept(state, "name", data)` gives the array of that name, which starts with zeros. Change it in place as well. A parameter without gradient took no part in the loss and is passed over: a step of zero would be wrong, since momentum would move it all the same. `state_dict` copies everything that the next steps depend on, so that training which stops can go on from a file (module 08), and `load_state_dict` takes it over, completely or not at all. Where the table `kernels` has a faster version, `use_kernels` switches it on; you find one at the end of the module.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-optimizer"}
#| export
def _kept(state, name, data):
    """The array `name` of a parameter's state; zeros in the shape and dtype of `data` at first."""
    if name not in state:
        state[name] = np.zeros(data.shape, data.dtype)
    return state[name]


class Optimizer:
    """Changes parameters by their gradients. A subclass has a `name` and defines `update`.

    `parameters`: tensors, or dicts of "params" and settings. `defaults`: all other settings.
    """

    name = ""

    def __init__(self, parameters, defaults):
        self.defaults, self.param_groups, self.state = dict(defaults), [], {}
        groups = [parameters] if isinstance(parameters, (Tensor, dict)) else list(parameters)
        if not groups:
            raise ValueError(f"{type(self).__name__} got no parameters: has the model any?")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, group):
        """One more group of parameters: a dict with "params" and any settings."""
        params, about = group["params"], type(self).__name__
        params = [params] if isinstance(params, Tensor) else list(params)
        group = {**self.defaults, **group, "params": params}
        for name, value in group.items():
            most, numbers = (1, value) if name == "betas" else (math.inf, [value])
            if not all(0 <= n < most for n in numbers if isinstance(n, (int, float))):
                raise ValueError(f"{about}: {name} must be from 0 to below {most}, got {value}")
        for p in params:
            if not isinstance(p, Tensor) or p.dtype.kind != "f" or p.node is not None:
                raise ValueError(f"{about} changes floating tensors and parameters, not {p!r:.60}")
        known = [*self._parameters(), *params]
        if len(set(known)) < len(known):
            raise ValueError(f"{about} got a parameter twice: each step would change it twice")
        self.param_groups.append(group)

    def _parameters(self):
        return [parameter for group in self.param_groups for parameter in group["params"]]

    def zero_grad(self):
        """Forget the gradients of all parameters."""
        for parameter in self._parameters():
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
        gradient = np.asarray(parameter.grad, dtype=data.dtype)
        if gradient.shape != data.shape:
            raise ValueError(f"the gradient has shape {gradient.shape}, its parameter {data.shape}")
        # A subclass with an update of its own does not inherit the kernel of this name.
        kernel = kernels.get(vars(type(self)).get("name")) if _State.kernels_on else None
        update = kernel[0] if kernel and data.flags.c_contiguous else self.update
        update(data, gradient, self.state.setdefault(parameter, {}), group)
        parameter.version += 1

    def update(self, data, gradient, state, group):
        raise NotImplementedError(f"{type(self).__name__} has no update")

    def state_dict(self):
        """Copies of what the next steps depend on: "state", a dict for each parameter, and
        "param_groups", in which parameters are named by their place there.
        """
        numbers, groups = iter(range(len(self._parameters()))), []
        for group in self.param_groups:
            settings = {n: list(v) if isinstance(v, tuple) else v for n, v in group.items()}
            groups.append({**settings, "params": [next(numbers) for _ in group["params"]]})
        states = [self.state.get(parameter, {}) for parameter in self._parameters()]
        return {"state": copy.deepcopy(states), "param_groups": groups}

    def load_state_dict(self, state):
        """Take over a `state_dict`. ValueError, and no change, if anything does not fit."""
        groups, params = self.param_groups, self._parameters()
        try:
            states, saved = copy.deepcopy((state["state"], state["param_groups"]))
            if [len(g.pop("params")) for g in saved] != [len(g["params"]) for g in groups]:
                raise ValueError(f"not for groups of {[len(g['params']) for g in groups]} tensors")
            if missing := [n for n in self.defaults if any(n not in g for g in saved)]:
                raise ValueError(f"without {', '.join(missing)}")
            for number, (p, entry) in enumerate(zip(params, states, strict=True)):
                for name in [n for n in entry if isinstance(entry[n], np.ndarray)]:
                    if (shape := entry[name].shape) != p.shape:
                        raise ValueError(f"{name} of parameter {number} is {shape}, not {p.shape}")
                    entry[name] = np.asarray(entry[name], dtype=p.dtype, order="C")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this is no state of this {type(self).__name__}: {error}") from error
        self.state = dict(zip(params, states, strict=True))
        for group, settings in zip(groups, saved, strict=True):
            group.update({n: tuple(v) if isinstance(v, list) else v for n, v in settings.items()})


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-walk"}
def walk(kind, expected, slopes=([1.0, -0.5], [0.5, 2.0], [-2.0, 0.25]), **settings):
    """Steps from (1, -2) with these gradients, compared with known values. Returns the state."""
    parameter = Parameter([1.0, -2.0], dtype=np.float64)
    optimizer, array, found = kind([parameter], **{"lr": 0.1, **settings}), parameter.data, []
    for slope in slopes:
        parameter.grad = gradient = np.array(slope)
        optimizer.step()
        assert gradient.tolist() == slope, "the gradient was changed"
        assert parameter.data is array, "the parameter was not changed in place"
        found += array.tolist()
    np.testing.assert_allclose(found, expected, rtol=1e-7, err_msg=f"{kind.__name__} {settings}")
    return optimizer.state[parameter]


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
        settings = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(parameters, {**settings, "nesterov": nesterov})
        if any(group["nesterov"] and not group["momentum"] for group in self.param_groups):
            raise ValueError("Nesterov's momentum looks ahead by the momentum: set momentum=0.9")

    def update(self, data, gradient, state, group):
        """Change `data` in place by one step. `data` and `gradient` have the same shape.

        1. If `group["weight_decay"]` is not 0, add that much of `data` to the gradient, into a new
           array: the given one is the user's.
        2. If `group["momentum"]` is not 0: get `_kept(state, "momentum_buffer", data)`, multiply
           it by the momentum and add the gradient, both in place. Go on with the buffer or, if
           `group["nesterov"]`, with the gradient plus momentum times the buffer. 3. Subtract
           `group["lr"]` times this from `data`, in place.
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
**Test: SGD.** Three steps of a parameter with two numbers, known by hand: without momentum, with it, with Nesterov's, with weight decay, with both. The array must be the same object afterwards, the gradient untouched, and without momentum nothing may be kept. Then what holds for every optimizer: each group uses its own settings, a parameter without gradient stays as it is and remembers nothing, and the shapes `()`, `(0,)` and `(3, 1)` keep shape and dtype.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-sgd-test", "points": 9}
def test_sgd_by_hand():
    half, decay = {"momentum": 0.5}, {"weight_decay": 0.5}
    assert walk(SGD, [0.9, -1.95, 0.85, -2.15, 1.05, -2.175]) == {}
    assert list(walk(SGD, [0.9, -1.95, 0.8, -2.125, 0.95, -2.2375], **half)) == ["momentum_buffer"]
    walk(SGD, [0.85, -1.925, 0.75, -2.2125, 1.025, -2.29375], nesterov=True, **half)
    walk(SGD, [0.85, -1.85, 0.7575, -1.9575, 0.919625, -1.884625], **decay)
    walk(SGD, [0.85, -1.85, 0.6825, -1.8825, 0.764625, -1.829625], **half, **decay)


def test_groups_shapes_and_parameters_without_gradient():
    first = [Parameter(np.ones(shape)) for shape in ((), (0,), (3, 1))]
    second, third = Parameter([1.0]), Parameter([1.0])
    optimizer = SGD([{"params": first, "lr": 0.5}, {"params": [second, third]}], 0.25, momentum=0.5)
    for p in (*first, second):
        p.grad = np.ones(p.shape, dtype=np.float32)
    optimizer.step()
    optimizer.step()
    for p in first:
        np.testing.assert_array_equal(p.data, np.full(p.shape, -0.25, dtype=np.float32))
        buffer = optimizer.state[p]["momentum_buffer"]
        assert (buffer.shape, buffer.dtype, p.dtype) == (p.shape, np.float32, np.float32)
    assert (second.item(), third.item(), third in optimizer.state) == (0.375, 1.0, False)


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
        settings = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay}
        super().__init__(parameters, {**settings, "momentum": momentum})

    def update(self, data, gradient, state, group):
        """Change `data` in place by one step.

        1. Weight decay, as in SGD. 2. `_kept(state, "square_avg", data)`: alpha times it, plus
           (1 - alpha) times the square of the gradient, into the same array: `square[...] = …`.
        3. Divide the gradient by the root of this average plus `group["eps"]`.
        4. With momentum, a "momentum_buffer" as in SGD, of what step 3 gave. 5. Subtract.
        """
        ### BEGIN SOLUTION
        if group["weight_decay"]:
            gradient = gradient + group["weight_decay"] * data
        square = _kept(state, "square_avg", data)
        square[...] = group["alpha"] * square + (1 - group["alpha"]) * gradient**2
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
**Test: RMSprop.** Known values for three steps, with a large `eps` so that a wrong place for it shows. Then the point of it: a gradient a million times larger gives the same step, and one of zero leaves its number where it was, without `nan`.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-rmsprop-test", "points": 5}
def test_rmsprop():
    known = [0.83333333, -1.90909091, 0.75154783, -2.19233906, 1.02603201, -2.22772076]
    assert list(walk(RMSprop, known, eps=0.5)) == ["square_avg"]
    known = [0.8, -1.8, 0.58610104, -1.82924417, 0.63518869, -1.76166441]
    walk(RMSprop, known, alpha=0.75, momentum=0.5, weight_decay=0.5)
    for large in (1e-1, 1e5):
        walk(RMSprop, [0.8, -2.0], slopes=[[large, 0.0]], alpha=0.75, eps=1e-12)


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
        settings = {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay}
        super().__init__(parameters, settings)

    def update(self, data, gradient, state, group):
        """Change `data` in place by one step.

        1. Weight decay, as in SGD. Count the steps: `state["step"]`, an int, is 1 in the first.
        2. "exp_avg" is the average of gradients, with `group["betas"][0]`, and "exp_avg_sq" that
           of their squares, with `group["betas"][1]`: write into the kept arrays, as in RMSprop.
        3. Divide each by 1 - beta**step, into new arrays: the kept ones stay uncorrected.
        4. Subtract lr times the first, divided by the root of the second plus `eps`, in place.
        """
        ### BEGIN SOLUTION
        if group["weight_decay"]:
            gradient = gradient + group["weight_decay"] * data
        beta1, beta2 = group["betas"]
        state["step"] = step = state.get("step", 0) + 1
        mean, square = _kept(state, "exp_avg", data), _kept(state, "exp_avg_sq", data)
        mean[...] = beta1 * mean + (1 - beta1) * gradient
        square[...] = beta2 * square + (1 - beta2) * gradient**2
        size = np.sqrt(square / (1 - beta2**step)) + group["eps"]
        data -= group["lr"] / (1 - beta1**step) * mean / size
        ### END SOLUTION


# %% [markdown]
"""
**Test: Adam.** The first step is `lr` long in every direction, whatever the size of the gradient: that is the bias correction. Known values for three steps follow, with the usual settings and with others. The averages that are kept are those without the correction.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-adam-test", "points": 8}
def test_adam():
    walk(Adam, [0.9, -1.9], slopes=[[1e-1, -1e5]])
    walk(Adam, [0.900000001, -1.900000002, 0.8067820383, -1.955950351, 0.8274177409, -2.006579682])
    others = {"betas": (0.5, 0.75), "eps": 0.5, "weight_decay": 0.5}
    walk(Adam, [0.925, -1.925, 0.8587070563, -1.935910411, 0.8803789643, -1.914849867], **others)
    state = walk(Adam, [1.0, -2.0] * 3, lr=0.0, betas=(0.5, 0.75))
    assert state["step"] == 3
    np.testing.assert_allclose(state["exp_avg"], [-0.75, 0.5625])
    np.testing.assert_allclose(state["exp_avg_sq"], [1.1875, 0.80078125])


test_adam()

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
**Test: AdamW.** With a gradient of zero only the decay acts, by `lr * weight_decay` in each step: this also shows that the settings of the group survive the first one. Then known values.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-adamw-test", "points": 3}
def test_adamw():
    walk(AdamW, [0.75, -1.5, 0.5625, -1.125], slopes=[[0.0, 0.0]] * 2, lr=0.5, weight_decay=0.5)
    known = [0.850000001, -1.800000002, 0.7142820382, -1.765950351, 0.6992036389, -1.728282165]
    walk(AdamW, known, weight_decay=0.5)


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

    Returns the norm before, a float. If it is infinite or nan, nothing is scaled.

    1. Sum the squares of all gradients that are not None. Square in float64, by
       `np.square(parameter.grad, dtype=np.float64)`: large float32 numbers would overflow.
    2. The norm is the root of it, the factor `max_norm / (norm + 1e-6)`. If the norm is finite
       and the factor below 1, multiply every gradient by it, in place.
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
**Test: clipping.** Two gradients with the common norm 13 are left alone with the limit 20 and halved with 6.5, in place. Gradients of zero, missing ones and empty ones do no harm, and a gradient of 1e30 has the norm it has.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-clip-test", "points": 5}
def test_clipping():
    a, b, c, d = all_four = [Parameter(np.zeros(shape)) for shape in ((2,), (1, 1), (3,), (0, 2))]
    a.grad, b.grad = np.array([3.0, -4.0], np.float32), np.array([[12.0]], np.float32)
    d.grad, kept = np.zeros((0, 2), np.float32), a.grad
    for limit, after in ((20.0, [3.0, -4.0]), (6.5, [1.5, -2.0])):
        assert clip_grad_norm_(iter(all_four), limit) == 13.0
        np.testing.assert_allclose(a.grad, after, rtol=1e-6)
        np.testing.assert_allclose(b.grad, [[-3 * after[1]]], rtol=1e-6)
    assert (a.grad is kept, a.grad.dtype, c.grad) == (True, np.float32, None)
    assert clip_grad_norm_(c, 1.0) == clip_grad_norm_([], 1.0) == clip_grad_norm_([d], 1.0) == 0.0
    for given, after in ((0, 0), (1, 0.5), (3e36, 1)):
        a.grad[...] = [given * 1e-6, 0]
        np.testing.assert_allclose(clip_grad_norm_(a, 1e-6), given * 1e-6, rtol=1e-6)
        np.testing.assert_allclose(a.grad, [after * 1e-6, 0], rtol=1e-6)
    a.grad[...] = [np.inf, 1.0]
    assert (clip_grad_norm_(a, 1.0), a.grad.tolist()) == (np.inf, [np.inf, 1.0])


test_clipping()

# %% [markdown]
r"""
## Step 6: Steps and cosines

Long steps are good far away from the minimum, short ones close to it: a *schedule* changes the learning rate as training goes on. The base class is given. When a schedule is made, it notes each group's learning rate as `initial_lr`; each `step()` counts `last_epoch` up by one and sets every group's `lr` to `rate(initial_lr)`, which you write. A rate depends on this count alone and not on the rate before, so a schedule that was loaded goes on as if it had never stopped. `interval` tells the trainer of module 08 whether to call `step` after each epoch or after each batch.

`StepLR` multiplies the rate by `gamma` each time `step_size` epochs are over. `CosineAnnealingLR` lets it fall smoothly from the initial rate to `eta_min` in `T_max` epochs, along half a period of the cosine: slowly at first, fast in the middle, slowly at the end. With $p$ from 0 to 1 on the way from $a$ to $b$, that is $b + (a - b)\,(1 + \cos \pi p) / 2$.
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
        """Its count and its settings: numbers, and a list of the initial rates."""
        return copy.deepcopy({n: v for n, v in vars(self).items() if n != "optimizer"})

    def load_state_dict(self, state):
        """Take over a `state_dict` and set the learning rates. ValueError if it does not fit."""
        names = set(self.state_dict())
        if set(state or ()) != names or len(state["base_lrs"]) != len(self.base_lrs):
            raise ValueError(f"this is no state of a {type(self).__name__} with as many groups")
        vars(self).update(copy.deepcopy(state))
        self._set()


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
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer)

    def rate(self, initial):
        """`_between` the two rates; the part is `self.last_epoch` by `self.T_max`."""
        ### BEGIN SOLUTION
        return _between(initial, self.eta_min, self.last_epoch / self.T_max)
        ### END SOLUTION


# %% [markdown]
"""
**Test: the two schedules.** Each over its whole length, with two groups that begin at different rates. After each step it is saved and loaded into a new one, which must give the same rates.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-schedules-test", "points": 5}
def two_groups(kind=SGD):
    return kind([{"params": Parameter([1.0])}, {"params": Parameter([1.0]), "lr": 0.25}], lr=1.0)


def test_rates_over_the_whole_length():
    cosine = [0.5 + 0.5 * math.cos(k * math.pi / 4) for k in range(5)]
    steps, cosines = (StepLR, {"step_size": 2, "gamma": 0.5}), (CosineAnnealingLR, {"T_max": 4})
    for (kind, settings), expected in ((steps, [1.0, 1.0, 0.5, 0.5, 0.25]), (cosines, cosine)):
        schedule = kind(two_groups(), **settings)
        for rate in expected:
            np.testing.assert_allclose(schedule.get_last_lr(), [rate, rate / 4], atol=1e-12)
            schedule.step()
            before, schedule = schedule, kind(two_groups(), **settings)
            schedule.load_state_dict(before.state_dict())
            assert schedule.get_last_lr() == before.get_last_lr()
        np.testing.assert_raises(ValueError, schedule.load_state_dict, {"last_epoch": 3})
    schedule = CosineAnnealingLR(two_groups(), 2, eta_min=0.05)
    schedule.step()
    np.testing.assert_allclose(schedule.get_last_lr(), [0.525, 0.15])


test_rates_over_the_whole_length()

# %% [markdown]
"""
## Step 7: One cycle

Start low, rise to a rate so large that it would not train for long, then fall to almost nothing. During the warm-up the averages of momentum and Adam fill while steps are short; the high rate in the middle crosses the landscape and keeps out of narrow valleys; the long end settles. Momentum runs the other way, from 0.95 down to 0.85 and up again, since long steps and a heavy ball together overshoot. As in PyTorch, the peak is at step `pct_start * total_steps - 1`, which need not be whole, and the end at `total_steps - 1`.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "optimizers-onecycle"}
#| export
class OneCycleLR(_Schedule):
    """From `max_lr / div_factor` to `max_lr`, and down to the first rate / `final_div_factor`.

    `max_lr`: a number or a list, one for each group. The momentum (Adam: beta 1) goes opposite.
    """

    interval = "step"

    def __init__(
        self, optimizer, max_lr, total_steps, pct_start=0.3, div_factor=25.0, final_div_factor=1e4,
        cycle_momentum=True, base_momentum=0.85, max_momentum=0.95,
    ):  # fmt: skip
        if cycle_momentum and not {"momentum", "betas"} & set(optimizer.defaults):
            raise ValueError("this optimizer has no momentum: set cycle_momentum=False")
        peaks = max_lr if isinstance(max_lr, list) else [max_lr] * len(optimizer.param_groups)
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["initial_lr"] = peak / div_factor
        self.total_steps, self.pct_start, self.div_factor = total_steps, pct_start, div_factor
        self.final_div_factor, self.cycle_momentum = final_div_factor, cycle_momentum
        self.base_momentum, self.max_momentum = base_momentum, max_momentum
        super().__init__(optimizer)

    def value(self, start, peak, end):
        """What goes from `start` to `peak` and on to `end`, at the step `self.last_epoch`.

        1. Up to the step of the peak, included: `_between` start and peak; the part is the step
           by that of the peak, or 1 if that is 0.
        2. After it: `_between` peak and end; the part is how far the step has come from the peak
           to the last one, or 1 if these two are the same.
        """
        top, last = self.pct_start * self.total_steps - 1, self.total_steps - 1
        ### BEGIN SOLUTION
        if self.last_epoch <= top:
            return _between(start, peak, self.last_epoch / top if top else 1)
        return _between(peak, end, (self.last_epoch - top) / (last - top) if last > top else 1)
        ### END SOLUTION

    def rate(self, initial):
        """The `value` between `initial`, `div_factor` times it, and it by `final_div_factor`."""
        ### BEGIN SOLUTION
        return self.value(initial, initial * self.div_factor, initial / self.final_div_factor)
        ### END SOLUTION

    def _set(self):
        super()._set()
        momentum = self.value(self.max_momentum, self.base_momentum, self.max_momentum)
        for group in self.optimizer.param_groups if self.cycle_momentum else ():
            name = "betas" if "betas" in group else "momentum"
            group[name] = (momentum, group["betas"][1]) if name == "betas" else momentum

    def step(self):
        if self.last_epoch >= self.total_steps:
            raise ValueError(f"OneCycleLR was made for {self.total_steps} steps, and they are over")
        super().step()


# %% [markdown]
"""
**Test: one cycle.** Ten steps with the peak at the fourth, and the momentum against it. A step too many is refused. Then peaks that lie between two steps, at the first and at the last.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-onecycle-test", "points": 6}
def test_one_cycle():
    optimizer, found = two_groups(), []
    schedule = OneCycleLR(optimizer, 1.0, 10, pct_start=0.4, div_factor=10, final_div_factor=10)
    for _ in range(10):
        found.append([schedule.get_last_lr()[1], optimizer.param_groups[1]["momentum"]])
        schedule.step()
    down = [math.cos(k * math.pi / 6) for k in range(1, 7)]
    rates = [0.1, 0.325, 0.775, 1.0, *(0.505 + 0.495 * c for c in down)]
    momenta = [0.95, 0.925, 0.875, 0.85, *(0.9 - 0.05 * c for c in down)]
    np.testing.assert_allclose(np.transpose(found), [rates, momenta], rtol=1e-12)
    np.testing.assert_raises(ValueError, schedule.step)
    OneCycleLR(optimizer := Adam([Parameter([1.0])]), 1.0, 10)
    assert optimizer.param_groups[0]["betas"] == (0.95, 0.999)


def test_where_the_peak_lies():
    for part, expected in (
        (0.3, [0.04, 0.950484632, 0.611262022, 0.188258346, 4e-6]),
        (0.25, [1.0, 0.750001, 0.250003, 4e-6]),
        (1.0, [0.04, 0.52, 1.0]),
    ):
        schedule = OneCycleLR(two_groups(), [1.0, 2.0], len(expected), pct_start=part)
        for rate in expected:
            np.testing.assert_allclose(schedule.get_last_lr(), [rate, 2 * rate], rtol=1e-6)
            schedule.step()
    np.testing.assert_allclose(schedule.get_last_lr(), [4e-6, 8e-6], rtol=1e-6)


test_one_cycle()
test_where_the_peak_lies()

# %% [markdown]
"""
## Given: a kernel

Your `update` of Adam reads and writes arrays of the parameter's size about twenty times. If they are larger than the processor's caches, each of these passes waits for memory. The kernel below does the same arithmetic on blocks of 65,536 numbers, one after the other: a block of each array and one of scratch space fit into the cache together, so that memory is read and written once in a step.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-kernels"}
#| exporti
def _adam_blocks(data, gradient, state, group, decoupled=False):
    """Adam.update in blocks; AdamW.update if `decoupled`."""
    lr, (beta1, beta2), decay = group["lr"], group["betas"], group["weight_decay"]
    state["step"] = step = state.get("step", 0) + 1
    root, size = math.sqrt(1 - beta2**step), 65536
    rate, eps = lr * root / (1 - beta1**step), group["eps"] * root
    kept = [_kept(state, name, data) for name in ("exp_avg", "exp_avg_sq")]
    scratch = np.empty(min(size, data.size), data.dtype)
    for start in range(0, data.size, size):
        x, g, m, v = (a.reshape(-1)[start : start + size] for a in (data, gradient, *kept))
        s = scratch[: x.size]
        if decay and decoupled:
            x *= 1 - lr * decay
        elif decay:
            g = g + decay * x
        m *= beta1
        m += np.multiply(g, 1 - beta1, out=s)
        v *= beta2
        v += np.multiply(np.multiply(g, g, out=s), 1 - beta2, out=s)
        np.add(np.sqrt(v, out=s), eps, out=s)
        x -= np.multiply(np.divide(m, s, out=s), rate, out=s)


kernels["adam"] = (_adam_blocks, None)
kernels["adamw"] = (lambda *arguments: _adam_blocks(*arguments, decoupled=True), None)

# %% [markdown]
"""
## Systems analysis

What does an optimizer keep for each parameter of four bytes? How long is a step for few and for many numbers, with your `update` and, for Adam, with the kernel? Divide the numbers by the time: where are most done in a microsecond, and why not where there are most of them?
"""

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-analysis"}
import timeit


def analyze_cost():
    makes = SGD, lambda p: SGD(p, momentum=0.9), RMSprop, Adam
    for name, make in zip(("SGD", "momentum", "RMSprop", "Adam"), makes, strict=True):
        for size in (100, 10_000, 4_000_000):
            p, taken = Parameter(np.ones(size)), []
            optimizer, p.grad = make([p]), np.linspace(-1, 1, size, dtype=np.float32)
            for on in (False, True) if name == "Adam" else (False,):
                with use_kernels(on):
                    shortest = min(timeit.repeat(optimizer.step, number=1, repeat=9))
                taken.append(f"{shortest * 1e6:9.1f} us")
            kept = sum(getattr(value, "nbytes", 0) for value in optimizer.state[p].values()) // size
            print(f"{name:8} keeps {kept} bytes; {size:9,} numbers: {', kernel'.join(taken)}")


# %% [markdown]
"""
## Integration

Layers, losses, gradients, and now the last piece of a training loop: its three lines. **Test: every optimizer trains.** A small classifier tells two half rings apart, with each of the optimizers, with a schedule and with clipping. Halfway, model, optimizer and schedule are saved and loaded into new ones, which must go on with exactly the losses of those that did not stop.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-integration-test", "points": 3}
def test_every_optimizer_trains_and_goes_on_after_a_break():
    from tinytorch.core.activations import Tanh
    from tinytorch.core.layers import Linear, Sequential
    from tinytorch.core.losses import CrossEntropyLoss

    angles, classes = np.linspace(0, math.pi, 40), np.arange(40) % 2
    rings = np.stack([np.cos(angles), np.sin(angles)], 1) * (1 - 2 * classes)[:, None]
    points = Tensor(rings + classes[:, None] * [1.0, 0.5])
    for kind, lr in ((SGD, 0.5), (RMSprop, 0.01), (Adam, 0.1), (AdamW, 0.1)):
        runs, losses = [], ([], [])
        for _ in range(2):
            manual_seed(3)
            model = Sequential(Linear(2, 16), Tanh(), Linear(16, 2))
            optimizer = kind(model.parameters(), lr=lr)
            runs.append((model, optimizer, OneCycleLR(optimizer, lr, 60)))
        for step in range(60):
            if step == 30:
                for old, new in zip(*runs, strict=True):
                    new.load_state_dict(old.state_dict())
            for model, optimizer, schedule in runs[: 1 + step // 30]:
                optimizer.zero_grad()
                loss = CrossEntropyLoss()(model(points), classes)
                loss.backward()
                clip_grad_norm_(model.parameters(), 5.0)
                optimizer.step()
                schedule.step()
                losses[model is runs[1][0]].append(loss.item())
        assert losses[0][30:] == losses[1], f"{kind.__name__} went on otherwise than before"
        assert losses[0][-1] < 0.2 * losses[0][0], f"{kind.__name__} did not learn: {losses[0]}"


test_every_optimizer_trains_and_goes_on_after_a_break()

# %% [markdown]
"""
## Production context

PyTorch's optimizers have these names, settings, groups and states. They can go over all parameters of a group at once (`foreach`), or update each number in a single pass through memory (`fused`), which your kernel approaches with blocks. The arrays of Adam take twice the memory of the model, and where that is too much, people keep them in 8 bits, factor them into rows and columns (Adafactor), or spread them over machines (ZeRO). JAX has no optimizers with state of their own: in Optax an optimizer is a pair of functions, `init` and `update`, and schedules, clipping and weight decay are transformations of gradients, put one after the other. In Keras the learning rate itself may be a function of the step.
"""

# %% [markdown]
"""
## Comprehensive testing

What does not fit is refused: a state of another optimizer, of a wrong shape or of too few parameters, which changes nothing, and settings and parameters that make no sense.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "optimizers-comprehensive-test", "points": 2}
def test_what_does_not_fit_is_refused():
    p = Parameter([1.0, -2.0])
    optimizer, p.grad = Adam([p]), np.ones(2)
    optimizer.step()
    before, wrong = str(optimizer.state_dict()), optimizer.state_dict()
    wrong["state"][0]["exp_avg"] = np.zeros(3)
    for state in (wrong, {**wrong, "state": []}, SGD([p]).state_dict()):
        np.testing.assert_raises(ValueError, optimizer.load_state_dict, state)
    assert str(optimizer.state_dict()) == before
    for given in ([], [p, p], [p * 2], [{"params": p, "lr": -1}], [{"params": p, "betas": (1, 0)}]):
        np.testing.assert_raises(ValueError, Adam, given)
    np.testing.assert_raises(ValueError, SGD, [p], nesterov=True)


test_what_does_not_fit_is_refused()

# %%
if __name__ == "__main__":
    run_tests()
    analyze_cost()

# %% [markdown]
"""
## 🤔 ML Systems Thinking: Interactive Questions

**Question 1: memory.** A model has a billion parameters in float32. How many gigabytes do parameters, gradients and the optimizer's arrays take with plain SGD, with momentum, and with Adam? Which part is still needed once training is over?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "optimizers-question-memory", "points": 1}
"""
Model answer: parameters and gradients take 4 GB each. Plain SGD keeps nothing, 8 GB in all; momentum keeps one array, 12 GB; Adam two, 16 GB. To use the model only the 4 GB of parameters are needed; to go on training later, the optimizer's arrays as well.
"""

# %% [markdown]
"""
**Question 2: time.** In `analyze_cost`, the kernel of Adam is much faster for four million numbers and slower for a hundred. Why? What does this mean for a model of a thousand small parameters?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "optimizers-question-time", "points": 1}
"""
Model answer: large arrays do not fit into the cache, so the readable version waits for memory in each of its passes and the blocks wait once. A hundred numbers are in the cache anyway; there the time is that of some fifteen calls into NumPy, and cutting into blocks adds a few. A thousand small parameters cost a thousand times that, which only joining them into one large array would save.
"""

# %% [markdown]
"""
**Question 3: going on.** Someone saves the parameters of a model that is trained with Adam, but not the optimizer's state, and goes on the next day. Which numbers are lost? Describe the first steps after the break, with the bias correction in mind.
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "optimizers-question-resume", "points": 2}
"""
Model answer: both averages and the count of steps are lost. The count starts at 1 again, so the first step divides the gradient by its own size: it is `lr` long in every direction, also where the averages knew that there is only noise. The model is shaken, and the loss jumps up before it falls again. A schedule that starts anew makes it worse.
"""

# %% [markdown]
"""
## 🎯 MODULE SUMMARY: Optimizers

You wrote four optimizers, three schedules and the clipping of gradients. All rest on two averages, of gradients and of their squares, kept in arrays of the parameter's shape and changed in place. A schedule depends on a count alone, so training can stop and go on with the same losses. You measured what an optimizer costs: up to twice the model in memory, and time that goes into moving numbers, not into computing with them.

Put it into the package with `tito module export 07`, and see what you can do now: `tito checkpoint test 09`. In module 08 the three lines become a trainer, with epochs, metrics and files.
"""
