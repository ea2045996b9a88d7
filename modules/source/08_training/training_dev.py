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
# Module 08: Training

A step of learning is three lines: compute the loss, walk backwards, let the optimizer update. Training is what stands around these lines: going through the data again and again, measuring on examples the model has never seen, keeping the best model, stopping in time, and surviving a power cut in the ninth hour. None of it is hard, and nearly all of it can be wrong without an error message: a mean that gives the last batch too much weight, a model that is measured with its dropout switched on, a run that was resumed and silently became another one.

You build the `Trainer` that does this for every model of this course, from exclusive or to a GPT, with a `History` of what happened, an `Accuracy` that sums over batches, an evaluation that tells which class is taken for which, and checkpoints from which a run goes on bit for bit as if it had never stopped.
"""

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "training-start"}
from tinytorch.core.setup import run_tests, warnings_to_stdout

warnings_to_stdout()

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "training-imports"}
#| default_exp core.training
#| export
import itertools
import math
import os
import sys
import time

import numpy as np

from tinytorch.core.autograd import no_grad
from tinytorch.core.layers import Module
from tinytorch.core.losses import CrossEntropyLoss
from tinytorch.core.optimizers import clip_grad_norm_
from tinytorch.core.tensor import Tensor, generator

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "training-test-material"}
# For the tests of this file: modules that a trainer is given, examples, a small model.
import contextlib
import io
import tempfile

from tinytorch.core.activations import Tanh
from tinytorch.core.layers import Dropout, Linear, Sequential
from tinytorch.core.losses import MSELoss
from tinytorch.core.optimizers import SGD, Adam, CosineAnnealingLR, OneCycleLR, StepLR
from tinytorch.core.tensor import manual_seed

refused = np.testing.assert_raises_regex  # (kind of error, what it says, function, inputs…)


def clouds(count, seed=0, size=8):
    """Batches of points around three centres, and the number of the centre of each."""
    rng, centres = np.random.default_rng(seed), np.array([[0.0, 2.0], [2.0, -1.0], [-2.0, -1.0]])
    classes = rng.integers(0, 3, count)
    points = centres[classes] + 0.7 * rng.standard_normal((count, 2))
    return [(Tensor(points[i : i + size]), classes[i : i + size]) for i in range(0, count, size)]


def network(seed=0, dropout=0.0, width=8):
    manual_seed(seed)
    return Sequential(Linear(2, width), Tanh(), Dropout(dropout), Linear(width, 3))


# %% [markdown]
r"""
## Mathematical background

**What is minimised.** The loss of a model with parameters $\theta$ on $N$ examples is the mean $L(\theta) = \frac{1}{N} \sum_{i=1}^{N} \ell_i(\theta)$. Its gradient needs all $N$ examples. A *batch* of $n$ of them, drawn at random, gives a gradient that is right on average and $N/n$ times cheaper. One *update* uses one batch; one *epoch* uses each example once, so it makes $\lceil N/n \rceil$ updates.

**Means of means.** The loss of a batch is a mean already. With 10 examples in batches of 4, 4 and 2, the mean of the three losses gives each of the last two examples double weight. The right mean multiplies each loss by the size of its batch and divides the sum by the number of examples:

$$\bar{L} = \frac{\sum_b n_b L_b}{\sum_b n_b}$$

**Accumulation.** The same formula holds for gradients, since the gradient of a sum is the sum of gradients. If a batch of 512 does not fit into memory, take 8 of 64, multiply each loss by $n_b / \sum n_b$, and let the gradients add up (module 06 adds them anyway). The sum is exactly the gradient of the large batch, for the memory of a small one.

**When to stop.** The training loss goes on falling while the model begins to learn its examples by heart. The loss on *validation* examples, which are never trained on, falls and then rises. The model wanted is that of the lowest validation loss; stopping after some epochs without a new lowest is called early stopping, and the number of epochs is its patience.

**Training as one long function.** Everything the next epoch depends on is the *state*: weights, what the optimizer remembers, the place in the schedule, the random generator, the number of the epoch. Next state = function of this state and the data. Whoever saves all of it can stop and go on with the same numbers to the last bit; whoever forgets one part gets another run. **Cost.** An update costs about three forward passes and the memory of all results in between; evaluation costs one, and without a graph the memory of a layer or two. A checkpoint with SGD is as large as the weights, with momentum twice, with Adam three times.
"""

# %% [markdown]
"""
## Step 1: A history

What was the loss in epoch 7? A `History` is a dict of lists, one list for each quantity and one number for each epoch, so that `history["loss"][7]` reads as it sounds and a plot needs no conversion.

All lists must be equally long, or the numbers of one epoch no longer stand at the same place. A quantity may be missing in some epochs, for example `val_loss` if a run began without validation data: then None stands there. And a program can be interrupted at any moment, with Ctrl-C even in the middle of `append`. So build all new lists first and put them into the dict with one `update`.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "training-history"}
#| export
class History(dict):
    """What happened in each epoch: a dict from names to lists of numbers, all equally long.

    After `{"loss": 0.5}` and `{"loss": 0.2, "val_loss": 0.7}`: loss [0.5, 0.2], val_loss [None, 0.7].
    """

    @property
    def epochs(self):
        """How many epochs are recorded."""
        return max(map(len, self.values()), default=0)

    def append(self, values):
        """Record one epoch: `values` is a dict from names to numbers.

        1. For each name known so far or in `values` (`{**self, **values}` has both), a new list:
           the numbers so far (of a new name, None for each epoch before), and the one of `values`,
           made a `float`, or None if it is not given. Leave the old list as it is.
        2. Collect the lists in a dict; then put them in by one `self.update(...)`.
        """
        ### BEGIN SOLUTION
        columns = {}
        for name in {**self, **values}:
            earlier = self.get(name, [None] * self.epochs)
            columns[name] = [*earlier, float(values[name]) if name in values else None]
        self.update(columns)
        ### END SOLUTION


# %% [markdown]
"""
**Test: the history.** Numbers of three epochs: one quantity in all of them, one that begins late, one that ends early. NumPy's numbers become Python's. If a value is no number, the error leaves the history as it was.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "training-history-test", "points": 3}
def test_history():
    history = History()
    assert history.epochs == 0
    history.append({"loss": np.float32(2.0), "lr": 1})
    kept = history["loss"]
    history.append({"loss": 1.5, "val_loss": 3})
    history.append({"loss": 1.0, "val_loss": 2})
    expected = {"loss": [2.0, 1.5, 1.0], "lr": [1.0, None, None], "val_loss": [None, 3.0, 2.0]}
    assert history == expected
    assert (history.epochs, kept, type(kept[0])) == (3, [2.0], float)
    refused(ValueError, "fast", history.append, {"loss": 0.5, "lr": "fast"})
    assert history == expected


test_history()

# %% [markdown]
"""
## Step 2: Count what is right

The loss is what training lowers; people ask how often the model is right. The predicted class of an example is the one with the highest score, so for scores of shape `(N, C)` it is `argmax` over axis 1. Scores may have more dimensions, as in module 05: `(N, C, d1, …)` has a class for each of `(N, d1, …)`.

Data comes in batches, one pair `(outputs, targets)` at a time. Averaging the accuracies of batches would be the mean of means again, so `Accuracy` counts: right ones, all of them, and divides at the end. Every metric of this course has a `name` and three methods: `reset()` before an epoch, `update(outputs, targets)` for each batch, `compute()` at the end. You can write your own.

Which class is taken for which? The *confusion matrix* has a row for each true class and a column for each predicted one, and counts. Each pair (true, predicted) gets a number of its own, `true * classes + predicted`, like the place of a cell in a table read row by row; `np.bincount` counts how often each number occurs. The diagonal holds the right answers; a row divided by its sum says what happens to the examples of that class.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "training-metrics"}
#| export
def _classes(outputs, targets):
    """The predicted and the true classes, two flat arrays of whole numbers.

    `outputs`: scores (N, C, d1, …); `targets`: (N, d1, …). ValueError if these do not fit.
    """
    scores, actual = (x.data if isinstance(x, Tensor) else np.asarray(x) for x in (outputs, targets))  # fmt: skip
    if actual.shape != scores.shape[:1] + scores.shape[2:] or scores.ndim < 2:
        hint = "classes need scores (N, C) and one whole number for each example"
        raise ValueError(f"outputs {scores.shape} and targets {actual.shape} do not fit: {hint}")
    # 1. The place of the highest score along axis 1. 2. Flatten both with `.reshape(-1)`;
    # `actual.astype(np.int64)` makes whole numbers. Return (predicted, actual).
    ### BEGIN SOLUTION
    predicted = scores.argmax(axis=1)
    return predicted.reshape(-1), actual.reshape(-1).astype(np.int64)
    ### END SOLUTION


class Accuracy:
    """The part of all examples whose highest score is that of their class."""

    name, right, seen = "accuracy", 0, 0

    def reset(self):
        """Forget everything: `self.right` and `self.seen` are 0 again."""
        ### BEGIN SOLUTION
        self.right = self.seen = 0
        ### END SOLUTION

    def update(self, outputs, targets):
        """Add a batch: how many of its classes are right, and how many it has."""
        ### BEGIN SOLUTION
        predicted, actual = _classes(outputs, targets)
        self.right += int((predicted == actual).sum())
        self.seen += actual.size
        ### END SOLUTION

    def compute(self):
        """Right ones divided by all; `math.nan` if nothing was seen."""
        ### BEGIN SOLUTION
        return self.right / self.seen if self.seen else math.nan
        ### END SOLUTION


def _count_pairs(predicted, actual, classes):
    """A (classes, classes) array: in row i, column j, how often class i was taken for class j.

    1. One number for each pair: `actual * classes + predicted`.
    2. `np.bincount` with `minlength=classes * classes` counts them. 3. Reshape.
    """
    found = np.union1d(predicted, actual)
    if found.size and not 0 <= found[0] <= found[-1] < classes:
        raise ValueError(f"classes are 0 to {classes - 1}, not {found[0]} to {found[-1]}")
    ### BEGIN SOLUTION
    pairs = actual * classes + predicted
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
    ### END SOLUTION


class _Confusion:
    """Given. A metric: the confusion matrix of everything seen; None before."""

    name, matrix = "confusion", None

    def __init__(self, classes=None):
        self.classes = classes

    def reset(self):
        self.matrix = None

    def update(self, outputs, targets):
        counts = _count_pairs(*_classes(outputs, targets), self.classes or outputs.shape[1])
        self.matrix = counts if self.matrix is None else self.matrix + counts

    def compute(self):
        return self.matrix


# %% [markdown]
"""
**Test: counting.** Two batches of different size: the mean of means would be 0.75, the truth is 0.6. More dimensions; nothing seen; a second epoch that must not remember the first. Targets in a column, `(N, 1)`, would broadcast into a table of comparisons and must be refused. The matrix by hand, with rows for the truth, and one class that never occurs.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "training-metrics-test", "points": 7}
def test_counting():
    accuracy, scores = Accuracy(), Tensor([[3.0, 1.0, 2.0], [0.0, -1.0, 5.0], [0.0, 2.0, 1.0]])
    assert math.isnan(accuracy.compute())
    accuracy.update(scores, np.array([1, 2, 0]))
    accuracy.update(scores[:2], Tensor(np.array([0, 2])))
    assert accuracy.compute() == 0.6
    accuracy.reset()
    accuracy.update(Tensor([[[3.0, 0.0], [1.0, 2.0]]]), np.array([[0, 0]]))
    assert accuracy.compute() == 0.5
    found = [(x.shape, x.dtype) for x in _classes(np.zeros((2, 3, 4)), np.ones((2, 4)))]
    assert found == [((8,), np.int64)] * 2
    for outputs, targets in ((scores, np.zeros((3, 1))), (scores[0], np.zeros(3))):
        refused(ValueError, "do not fit", accuracy.update, outputs, targets)
    matrix = _count_pairs(np.array([0, 1, 1, 0, 1]), np.array([0, 0, 0, 1, 1]), 3)
    assert matrix.tolist() == [[1, 2, 0], [1, 1, 0], [0, 0, 0]]


test_counting()

# %% [markdown]
"""
## Step 3: Evaluate

Data is anything that can be gone through in a `for` loop and gives pairs `(inputs, targets)`: a list in the tests, the `DataLoader` of module 10 later. `_batches`, given, checks that; it makes tensors of arrays and leaves out batches without examples.

To measure a model is not to change it. Three things must be right. The model is in evaluation mode, or dropout throws away half of what it knows. Nothing is recorded, or every batch builds a graph that nobody walks. And afterwards each part is in the mode it was in before, whatever happened: a part that was frozen in evaluation mode on purpose must not wake up in training mode. `_in_mode` is a `with` block that does this, so that it also holds after an error or Ctrl-C. `_measure` goes through the data once and gives the mean loss, weighted as it should be, and what the metrics say. The rest is then short.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "training-evaluate"}
#| export
def _batches(data):
    """Given. Pairs of an input tensor and targets, batch after batch. ValueError without any."""
    found = False
    for batch in data:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise ValueError(f"a batch is a pair (inputs, targets), not {type(batch).__name__}")
        inputs, targets = batch
        inputs = inputs if isinstance(inputs, Tensor) else Tensor(inputs)
        if len(inputs):
            found = True
            yield inputs, targets
    if not found:
        raise ValueError("the data gave no examples. A generator gives them once: pass a list")


class _in_mode:  # noqa: N801
    """`with _in_mode(model, False):` inside, all of the model is in evaluation mode, or training."""

    def __init__(self, model, training):
        parts = model.modules() if isinstance(model, Module) else ()  # a function has no modes
        self.modules, self.training = [x for x in parts if isinstance(x, Module)], training

    def __enter__(self):
        """Note the `training` of each of `self.modules` in `self.before`; then set it."""
        ### BEGIN SOLUTION
        self.before = [module.training for module in self.modules]
        for module in self.modules:
            module.training = self.training
        ### END SOLUTION

    def __exit__(self, *error):
        """Give each module the mode it had. `zip(self.modules, self.before)` makes pairs."""
        ### BEGIN SOLUTION
        for module, training in zip(self.modules, self.before, strict=True):
            module.training = training
        ### END SOLUTION


def _measure(model, data, loss_fn, metrics=()):
    """The mean loss and the metrics of a model on data: a dict, "loss" first.

    1. `reset()` every metric.
    2. With `no_grad()` and `_in_mode(model, False)`: for each pair of `_batches(data)`, compute
       the outputs; add `loss_fn(outputs, targets).item()` times the batch's size, `len(inputs)`,
       to a sum, and the size to another; `update` every metric.
    3. The dict: the mean loss, then `metric.compute()` under `metric.name` for each. If `loss_fn`
       is None, no loss is computed, and none is in the dict.
    """
    ### BEGIN SOLUTION
    total = examples = 0
    for metric in metrics:
        metric.reset()
    with no_grad(), _in_mode(model, False):
        for inputs, targets in _batches(data):
            outputs = model(inputs)
            if loss_fn is not None:
                total += loss_fn(outputs, targets).item() * len(inputs)
                examples += len(inputs)
            for metric in metrics:
                metric.update(outputs, targets)
    values = {} if loss_fn is None else {"loss": total / examples}
    return values | {metric.name: metric.compute() for metric in metrics}
    ### END SOLUTION


def evaluate_model(model, data, loss_fn=None, metrics=()):
    """How good a classifier is: a dict with "loss", "accuracy" and "class_accuracy".

    `data`: pairs (inputs, targets) in batches; `loss_fn`: `CrossEntropyLoss()` if None; further
    `metrics` stand under their names. "class_accuracy" is a list with a number for each class.

    1. `_measure` with an `Accuracy()`, the `metrics`, and a `_Confusion()`.
    2. Take the matrix, "confusion", out of the dict (`pop`). Each number of its diagonal divided
       by the sum of its row, as a `float`, is the accuracy of a class; `math.nan` if that is 0.
    """
    ### BEGIN SOLUTION
    metrics = [Accuracy(), *metrics, _Confusion()]
    values = _measure(model, data, loss_fn or CrossEntropyLoss(), metrics)
    rows = enumerate(values.pop("confusion"))
    values["class_accuracy"] = [float(r[i] / r.sum()) if r.any() else math.nan for i, r in rows]
    return values
    ### END SOLUTION


def compute_confusion_matrix(model, data, num_classes=None):
    """An array (C, C) of counts: in row i, column j, examples of class i predicted as class j.

    `num_classes`: C, if it is not the number of scores. `_measure` without a loss does it.
    """
    ### BEGIN SOLUTION
    return _measure(model, data, None, [_Confusion(num_classes)])["confusion"]
    ### END SOLUTION


# %% [markdown]
"""
**Test: evaluation.** Modes come back as they were, each its own, also after an error. A model that notes how it was called must see evaluation mode and no recording. Losses of batches with 3 and 1 examples, weighted; metrics that are reset first; accuracy by class; the matrix with a class of its own that has no scores.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "training-evaluate-test", "points": 8}
def test_measure():
    model, accuracy = Sequential(Sequential(Dropout(0.5)), Dropout(0.5), Linear(1, 1)), Accuracy()
    modes, _ = lambda: [m.training for m in model.modules()], model[0].eval()
    for mode in (True, False):
        with np.testing.assert_raises(KeyboardInterrupt), _in_mode(model, mode):
            assert modes() == [mode] * 5
            raise KeyboardInterrupt
        assert modes() == [True, False, False, True, True]
    model[2].weight.data[...], model[2].bias.data[...] = 1.0, 0.0
    data = [(Tensor(x), Tensor(y)) for x, y in (([[1.0]] * 3, [[0.0]] * 3), ([[2.0]], [[5.0]]))]
    seen, loss_fn = [], lambda y, t: (seen.append(y.requires_grad), MSELoss()(y, t))[1]
    assert _measure(model, data, loss_fn) == {"loss": 3.0}
    assert (seen, modes()[3], model(data[0][0]).requires_grad) == ([False, False], True, True)
    accuracy.update(np.eye(2), np.array([0, 0]))
    assert _measure(abs, [(np.eye(2), np.array([0, 1]))], None, [accuracy]) == {"accuracy": 1}
    refused(ValueError, "no examples", _measure, abs, iter([]), None)


def test_evaluate_model():
    data = [([[4.0, 0, 1, 0], [2.0, 0, 0, 0]], np.array([0, 1])), (np.eye(3, 4), np.arange(3))]
    found, other = evaluate_model(abs, data), _Confusion()
    scores, classes = np.concatenate([x for x, _ in data]), np.array([0, 1, 0, 1, 2])
    losses = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(5), classes]
    np.testing.assert_allclose(found["loss"], losses.mean(), rtol=1e-6)
    assert (found["accuracy"], list(found)) == (0.8, ["loss", "accuracy", "class_accuracy"])
    assert str(found["class_accuracy"]) == "[1.0, 0.5, 1.0, nan]"
    expected = [[2, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert compute_confusion_matrix(abs, data).tolist() == expected
    assert compute_confusion_matrix(abs, data, num_classes=5).shape == (5, 5)
    other.name = "other"
    found = evaluate_model(abs, data, lambda *_: Tensor(7.0), [other])
    assert (found["loss"], found["other"].sum()) == (7.0, 5)


test_measure()
test_evaluate_model()

# %% [markdown]
"""
## The trainer

The next cell is given. A `Trainer` holds what takes part in training and the history so far. What it *does* you write in the next two steps: `fit` calls your `_fit`, this calls `run_epoch`, which calls your `_run_epoch`, which calls your `_update`. Given are the parts around it: checks of what was passed, the line that is printed after each epoch, the count that is shown within a long one if the output is a terminal, the clock, and an error that explains a loss which is no number. `plot_training_history`, also given, draws the history; it needs matplotlib, which this course does not otherwise use, and says how to install it. A loader with a method `set_epoch` is told the number of the epoch: its shuffling then depends on that number and not on how often it was used, and so a resumed run shuffles as the first one would have.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "training-trainer"}
#| export
class Trainer:
    """Trains `model` with `optimizer` to lower `loss_fn(outputs, targets)`, a batch's mean loss.

    `metrics`: objects like `Accuracy()`. `scheduler`: a schedule, stepped as its `interval` says.
    `accumulation_steps`: how many batches make an update. `max_grad_norm`: see `clip_grad_norm_`.
    """

    def __init__(self, model, optimizer, loss_fn, metrics=None, scheduler=None,
                 accumulation_steps=1, max_grad_norm=None):  # fmt: skip
        self.model, self.optimizer, self.loss_fn = model, optimizer, loss_fn
        self.metrics, self.scheduler = list(metrics or ()), scheduler
        self.accumulation_steps, self.max_grad_norm = accumulation_steps, max_grad_norm
        self.interval = None if scheduler is None else getattr(scheduler, "interval", "epoch")
        self.history, self.verbose, self.save_last = History(), False, None
        if {id(p) for p in model.parameters()}.isdisjoint(map(id, self.parameters())):
            way = "make it from model.parameters() of the model that is trained"
            raise ValueError(f"the optimizer updates nothing of this model: {way}")
        if accumulation_steps < 1 or not (max_grad_norm is None or max_grad_norm > 0):
            raise ValueError(f"there is no update with {accumulation_steps=}, {max_grad_norm=}")

    def fit(self, train, validation=None, epochs=1, save_best=None, early_stopping_patience=None,
            verbose=True, save_last=None):  # fmt: skip
        """Train until `epochs` epochs are recorded in all, and return the history.

        `train`, `validation`: pairs (inputs, targets) in batches. `save_best`: path for a checkpoint
        of the epoch with the lowest validation loss (training loss without validation); `save_last`:
        of the latest. `early_stopping_patience`: stop after so many epochs without a new lowest.
        `verbose`: print a line after each. FloatingPointError if a loss is no number.
        """
        if early_stopping_patience is not None and early_stopping_patience < 1:
            raise ValueError(f"the patience is 1 or more, or None, not {early_stopping_patience}")
        self.verbose, self.save_last, before = verbose, save_last, self.history.epochs
        try:
            _fit(self, train, validation, epochs, save_best, early_stopping_patience)
        except KeyboardInterrupt:
            self.say(f"\nstopped in epoch {self.history.epochs + 1}; the history has those before")
            raise
        if before >= epochs:
            self.say(f"{before} epochs are done: epochs={epochs} counts all of them")
        elif self.history.epochs < epochs:
            self.say(f"stopped early: nothing better in {early_stopping_patience} epochs")
        return self.history

    def say(self, text):
        if self.verbose:
            print(text, flush=True)

    def evaluate(self, data):
        """The loss and the metrics on `data`, as a dict."""
        return _measure(self.model, data, self.loss_fn, self.metrics)

    def save_checkpoint(self, path):
        """Save everything that training needs to go on."""
        save_checkpoint(path, self.model, self.optimizer, self.scheduler, self.history)

    def load_checkpoint(self, path):
        """Take over a saved state; `fit` then goes on at the epoch after it."""
        self.history = load_checkpoint(path, self.model, self.optimizer, self.scheduler)

    def parameters(self):
        """The parameters that the optimizer updates."""
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def run_epoch(self, train, validation=None):
        """One epoch of training, then validation; both go into the history."""
        start, rate = time.perf_counter(), self.optimizer.param_groups[0]["lr"]
        for data in (train, validation):
            if hasattr(data, "set_epoch"):
                data.set_epoch(self.history.epochs)
        values = {**_run_epoch(self, train, validation), "lr": rate}
        self.history.append({**values, "seconds": time.perf_counter() - start})

    def batches(self, data):
        """The batches of `data`. On a terminal, after a second, a line counts them meanwhile."""
        shows, shown, text = self.verbose and sys.stdout.isatty(), time.perf_counter(), ""
        of = f" of {len(data)}" if hasattr(data, "__len__") else ""
        for number, batch in enumerate(_batches(data), 1):
            yield batch
            if shows and time.perf_counter() - shown > 1:
                shown, text = time.perf_counter(), f"batch {number}{of}"
                print(f"\r{text}", end="", flush=True)
        if text:
            print("\r" + " " * len(text), end="\r", flush=True)

    def finish_epoch(self, epochs, saved=False):
        """What fit was asked for: save the state, and print the epoch as one line."""
        if self.save_last is not None:
            self.save_checkpoint(self.save_last)
        last = {name: column[-1] for name, column in self.history.items()}
        end = f"{last.pop('seconds'):.1f} s" + "  saved" * saved
        numbers = "".join(f"{n} {x:.4g}  " for n, x in last.items() if x is not None)
        self.say(f"epoch {self.history.epochs}/{epochs}  {numbers}{end}")

    def check(self, value, inputs):
        """FloatingPointError, with what to do, if the loss of a batch is no number."""
        if not math.isfinite(value):
            way = "take a smaller learning rate, or max_grad_norm=1.0, and begin again"
            if not np.isfinite(inputs.data).all():
                way = "the inputs of this batch hold nan or inf: clean the data"
            rate, epoch = self.optimizer.param_groups[0]["lr"], self.history.epochs + 1
            raise FloatingPointError(f"the loss is {value} in epoch {epoch}, at lr {rate:g}: {way}")


def plot_training_history(history, path=None):
    """Draw each quantity of a history over the epochs; save the picture if `path` is given.

    Returns the figure. ImportError without matplotlib.
    """
    names = [n for n in history if not n.startswith("val_") and n != "seconds"]
    try:
        from matplotlib import pyplot
    except ModuleNotFoundError as error:
        way = "it is not installed. Type: pip install matplotlib"
        raise ImportError(f"plot_training_history draws with matplotlib, and {way}") from error
    figure = pyplot.figure(figsize=(4 * max(1, len(names)), 3), layout="constrained")
    for number, name in enumerate(names, 1):
        place = figure.add_subplot(1, len(names), number, title=name, xlabel="epoch")
        for column, label in ((name, "training"), (f"val_{name}", "validation")):
            if column in history:  # in the array, None becomes nan: a gap
                place.plot(np.array([None, *history[column]], float), marker=".", label=label)
        place.legend()
    if path is not None:
        figure.savefig(path)
    return figure


# %% [markdown]
r"""
## Step 4: One update

Usually one batch makes one update. With `accumulation_steps=4`, four batches make a *group*, and the group makes one update, with the gradient of the one large batch that it stands for. What is the factor of each batch? Its share of the examples of the group: $n_b / \sum n_b$. Many programs divide by `accumulation_steps` instead. That is wrong for the last group of an epoch, which may have fewer batches, and for the last batch, which may have fewer examples. Since a group is complete before its first batch is used, its size is known.

The order within an update matters. Gradients are cleared first, since module 06 adds. The loss is checked before it walks backwards, so that a bad batch does not spoil the weights. Clipping comes after the last walk and before the optimizer, and it must see the summed gradient: clipping each batch's part would give another direction. The schedule comes last.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "training-update"}
#| exporti
def _groups(batches, size):
    """Lists of `size` batches each, as a generator; the last list may be shorter, but not empty.

    `itertools.islice(iterator, size)` takes up to `size` from an iterator: until it gives none.
    """
    ### BEGIN SOLUTION
    iterator = iter(batches)
    while group := list(itertools.islice(iterator, size)):
        yield group
    ### END SOLUTION


def _update(trainer, group):
    """One update of the weights by a list of batches: (sum of the losses of its examples, number).

    1. `optimizer.zero_grad()`. Count the examples of the group: the sum of `len(inputs)`.
    2. For each batch: the outputs of `trainer.model`, the loss, its value by `.item()`;
       `trainer.check(value, inputs)`; then backward of the loss times the batch's share.
       Add the value times the batch's size to a sum. `update` each of `trainer.metrics`.
    3. If `trainer.max_grad_norm` is not None: `clip_grad_norm_(trainer.parameters(), ...)`.
    4. `optimizer.step()`; and `scheduler.step()` if `trainer.interval` is "step".
    """
    ### BEGIN SOLUTION
    trainer.optimizer.zero_grad()
    total, examples = 0.0, sum(len(inputs) for inputs, _ in group)
    for inputs, targets in group:
        outputs = trainer.model(inputs)
        loss = trainer.loss_fn(outputs, targets)
        value = loss.item()
        trainer.check(value, inputs)
        (loss * (len(inputs) / examples)).backward()
        total += value * len(inputs)
        for metric in trainer.metrics:
            metric.update(outputs, targets)
    if trainer.max_grad_norm is not None:
        clip_grad_norm_(trainer.parameters(), trainer.max_grad_norm)
    trainer.optimizer.step()
    if trainer.interval == "step":
        trainer.scheduler.step()
    return total, examples
    ### END SOLUTION


# %% [markdown]
"""
**Test: updates.** One weight and numbers that can be computed by hand: batches of 3 and 1 examples as one group must do what the batch of 4 does. A second update must not remember the gradients of the first. Clipping applies to the sum and shortens it to the length allowed. A schedule that counts updates is asked, one that counts epochs is not. A loss that is no number raises an error before any weight changes, and says if the data is to blame.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "training-update-test", "points": 9}
def one_weight(**settings):
    """A trainer of y = w x, w = 0, whose loss (wx - t)² has the slope 2x(wx - t)."""
    model = Linear(1, 1, bias=False)
    model.weight.data[...] = 0.0
    return Trainer(model, SGD(model.parameters(), lr=0.5), MSELoss(), **settings)


def pair(inputs, targets):
    return Tensor([[x] for x in inputs]), Tensor([[t] for t in targets])


THREE, ONE, FOUR = pair([1, 1, 1], [1, 1, 1]), pair([2], [3]), pair([1, 1, 1, 2], [1, 1, 1, 3])


def test_a_group_is_one_large_batch():
    assert [list(_groups(iter(x), 2)) for x in ("abc", "ab", "")] == [[["a", "b"], ["c"]], [["a", "b"]], []]  # fmt: skip
    for group in ([THREE, ONE], [ONE, THREE], [FOUR]):
        trainer = one_weight()
        assert _update(trainer, group) == (12.0, 4)
        assert trainer.model.weight.grad.tolist() == [[-4.5]]
        assert trainer.model.weight.tolist() == [[2.25]]
        assert _update(trainer, group)[0] == 3 * 1.25**2 + 1.5**2
        assert trainer.model.weight.tolist() == [[0.5625]]


def test_what_belongs_to_an_update():
    for allowed, weight in ((0.5, 0.25), (4.6, 2.25)):
        trainer = one_weight(max_grad_norm=allowed)
        _update(trainer, [THREE, ONE])
        np.testing.assert_allclose(trainer.model.weight.data, weight, rtol=1e-5)
    optimizer, metric = SGD((model := network()).parameters(), lr=1.0), Accuracy()
    for scheduler in (OneCycleLR(optimizer, 1.0, 5), StepLR(optimizer, 1, 0.5)):
        trainer = Trainer(model, optimizer, CrossEntropyLoss(), [metric], scheduler)
        before = optimizer.param_groups[0]["lr"]
        _update(trainer, clouds(8, size=4))
        assert (optimizer.param_groups[0]["lr"] != before) == (scheduler.interval == "step")
    assert metric.seen == 16
    for bad, said in ((math.nan, "inputs"), (1.0, "smaller learning rate")):
        trainer, group = one_weight(), [THREE, pair([bad], [math.inf])]
        refused(FloatingPointError, f"epoch 1, at lr 0.5: .*{said}", _update, trainer, group)
        assert trainer.model.weight.tolist() == [[0.0]]
        assert trainer.model.weight.grad.tolist() == [[-1.5]]


test_a_group_is_one_large_batch()
test_what_belongs_to_an_update()

# %% [markdown]
"""
## Step 5: Epochs, the best model, and when to stop

One epoch: all groups once, in training mode, then validation, then the schedule if it counts epochs. The loss of an epoch is the mean over its examples, each measured at the moment when it was used: the model of the last update is better than the one of the first, so the training loss may well lie above the validation loss.

`_since_best` answers two questions with one number: how many epochs ago was the lowest loss? If 0, this is the best model so far: save it. If as many as the patience allows: stop. It looks at the history alone, and so a resumed run stops where the first one would have. A loss that is nan is never lowest (each comparison with nan is false).
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "training-epochs"}
#| exporti
def _run_epoch(trainer, train, validation=None):
    """Train once with all of `train`; a dict: "loss", each metric by its name, then "val_…".

    1. `reset()` the metrics. With `_in_mode(trainer.model, True)`, `_update` with each of the
       `_groups` of `trainer.batches(train)`; add up the losses and the numbers of examples.
    2. The dict: the mean loss, and `compute()` of each metric. Before validation resets them!
    3. If `validation` is not None: `trainer.evaluate(trainer.batches(validation))` gives a dict;
       put each of its values in, under its name with "val_" in front.
    4. `scheduler.step()` if `trainer.interval` is "epoch".
    """
    ### BEGIN SOLUTION
    for metric in trainer.metrics:
        metric.reset()
    total = examples = 0
    with _in_mode(trainer.model, True):
        for group in _groups(trainer.batches(train), trainer.accumulation_steps):
            loss, count = _update(trainer, group)
            total += loss
            examples += count
    values = {"loss": total / examples, **{m.name: m.compute() for m in trainer.metrics}}
    if validation is not None:
        for name, value in trainer.evaluate(trainer.batches(validation)).items():
            values[f"val_{name}"] = value
    if trainer.interval == "epoch":
        trainer.scheduler.step()
    return values
    ### END SOLUTION


def _since_best(losses):
    """How many epochs ago the lowest loss was: 0 if it is the last. Of equal ones, the first.

    Skip each None. Of the others keep the lowest so far, at the start `math.inf`, and count: 0 at
    each new lowest, else 1 more. [3.0, 1.0, 2.0, 1.0] gives 2.
    """
    ### BEGIN SOLUTION
    lowest, epochs = math.inf, 0
    for loss in losses:
        if loss is not None:
            epochs = 0 if loss < lowest else epochs + 1
            lowest = loss if epochs == 0 else lowest
    return epochs
    ### END SOLUTION


def _fit(trainer, train, validation, epochs, save_best, patience):
    """Run epochs until `epochs` are in `trainer.history`, or until nothing gets better.

    Watch "val_loss" of the history, or "loss" if `validation` is None. While the history has fewer
    than `epochs` epochs:
    1. If there is a `patience`, and the best was so many epochs ago or more, return. (Before the
       first epoch the history has no such list: `trainer.history.get(name, [])`.)
    2. `trainer.run_epoch(train, validation)`.
    3. If `save_best` is not None and this epoch is the best: `trainer.save_checkpoint(save_best)`.
    4. `trainer.finish_epoch(epochs, saved)`; `saved` tells whether it was saved.
    """
    ### BEGIN SOLUTION
    watched = "loss" if validation is None else "val_loss"
    while trainer.history.epochs < epochs:
        losses = trainer.history.get(watched, [])
        if patience is not None and _since_best(losses) >= patience:
            return
        trainer.run_epoch(train, validation)
        saved = save_best is not None and _since_best(trainer.history[watched]) == 0
        if saved:
            trainer.save_checkpoint(save_best)
        trainer.finish_epoch(epochs, saved)
    ### END SOLUTION


# %% [markdown]
"""
**Test: epochs.** The losses of an epoch by hand: a group, a shorter last group, and validation with the weight after the last update. The model is in training mode meanwhile and afterwards as it was. Metrics of training and of validation are kept apart. Then which epochs are saved, and when it stops: a scripted loss rises, falls and stays; equal is not better, nan neither. A schedule per epoch. What is printed, and what not.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "training-epochs-test", "points": 9}
def test_an_epoch():
    trainer, modes = one_weight(accumulation_steps=2, metrics=[metric := Accuracy()]), []
    metric.update = lambda *batch: modes.append((trainer.model.training, len(batch[1])))
    metric.reset, metric.compute = lambda: modes.append(0), lambda: len(modes)
    trainer.model.eval()
    # Two updates: to 2.25 by the first group, then by the slope 2 (2.25 - 3.25) to 3.25.
    train, validation = iter([THREE, ONE, pair([1], [3.25])]), [pair([2, 2], [1, 0])]
    values, expected = _run_epoch(trainer, train, validation), [13 / 5, 4, 36.25, 6]
    assert list(values) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    np.testing.assert_allclose(list(values.values()), expected, rtol=1e-6)
    assert modes == [0, (True, 3), (True, 1), (True, 1), 0, (False, 2)]
    assert not trainer.model.training


def test_the_best_epoch():
    nan, inf = math.nan, math.inf
    for losses in ([], [5.0], [2.0, 1.0], [1.0, None], [nan, 5.0]):
        assert _since_best(losses) == 0
    for losses in ([1.0, 1.0], [nan], [3.0, None, 1.0, nan]):
        assert _since_best(losses) == 1
    assert _since_best([inf, inf]) == _since_best([3.0, 1.0, nan, 2.0]) == 2
    trainer, saved, losses = one_weight(), [], [5.0, 6.0, 4.0, 4.0, 3.0, 3.5, 3.5, 9.0, 1.0]
    trainer.save_checkpoint = lambda path: saved.append((path, trainer.history.epochs))
    values = lambda name: {"loss": 0, "seconds": 1, name: losses[trainer.history.epochs]}  # noqa: E731
    trainer.run_epoch = lambda _, val: trainer.history.append(values("val_loss" if val else "loss"))
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        trainer.fit([], [1], 2)
        trainer.fit([], [1], 9, save_best="best", early_stopping_patience=3)
        assert trainer.fit([], [1], 9, early_stopping_patience=3) is trainer.history
        assert (trainer.history.epochs, saved) == (8, [("best", 3), ("best", 5)])
        trainer.fit([], [1], 9, verbose=False)
        trainer.fit([], [1], 9)
    lines, trainer.history = printed.getvalue().splitlines(), History()
    assert [line.split("  ")[0] for line in lines[:3]] == ["epoch 1/2", "epoch 2/2", "epoch 3/9"]
    assert (lines[2][9:], lines[3][9:]) == ("  loss 0  val_loss 4  1.0 s  saved", "  loss 0  val_loss 4  1.0 s")  # fmt: skip
    assert ["stopped early" in line for line in lines[8:]] == [True, True, False]
    assert "9 epochs are done" in lines[-1]
    trainer.fit([], None, 9, "it", early_stopping_patience=4, verbose=False)
    assert saved[2:] == [("it", 1), ("it", 3), ("it", 5), ("it", 9)]


test_an_epoch()
test_the_best_epoch()

# %% [markdown]
"""
## The format of a checkpoint

The next cell is given. NumPy's `.npz` is a zip archive of arrays, which any NumPy program can read: `np.load("best.npz")["model/0.weight"]`. The arrays of a checkpoint stand in it one by one; how they belong together, and all plain numbers, texts and lists, stand in one entry more, as JSON. `_encoded` makes such arrays of a state, that is of nested dicts and lists; `_read` reads a file back.

Why not `pickle`, which saves anything in one line? A pickle is a program for rebuilding objects, and reading it runs that program: a checkpoint from the internet could delete your files. `np.load` with `allow_pickle=False` reads numbers and nothing else. A file is also cut off sometimes, or is not a checkpoint at all. Zip archives have a checksum for each entry and their table of contents at the end, so `_read` notices, and refuses with an error that says what to do, before anything is changed.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "training-format"}
#| exporti
_FORMAT, _VERSION = "TinyTorch checkpoint", 1


def _packed(value, path, arrays):
    """`value` in the words of JSON; its arrays go into the dict `arrays`, by their paths."""
    if isinstance(value, dict):
        return {key: _packed(item, f"{path}/{key}", arrays) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_packed(item, f"{path}/{i}", arrays) for i, item in enumerate(value)]
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufcU":
        arrays[path] = np.asarray(value)
        return {"array" if isinstance(value, np.ndarray) else "number": path, "of": "file"}
    return value


def _encoded(state):
    """The arrays of a checkpoint file, by name, for a dict of states; texts are its keys."""
    import json

    arrays = {}
    packed = {name: _packed(part, name, arrays) for name, part in state.items()}
    text = json.dumps({"format": _FORMAT, "version": _VERSION, "state": packed})
    return {"checkpoint": np.frombuffer(text.encode(), dtype=np.uint8), **arrays}


def _read(path):
    """The dict of states in the file at `path`. ValueError if it is no whole checkpoint."""
    import json

    def unpack(entry):
        if entry.get("of") != "file":
            return entry
        return arrays[entry["array"]] if "array" in entry else arrays[entry["number"]][()]

    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as entries:
                arrays = {name: entries[name] for name in entries.files}
            told = json.loads(arrays.pop("checkpoint").tobytes(), object_hook=unpack)
            version = told["version"] if told["format"] == _FORMAT else None
            if version == _VERSION:
                state = told["state"]
                state["history"] = History({n: list(c) for n, c in state["history"].items()})
        except Exception as error:  # a broken file can raise nearly anything
            what = "is cut off, damaged, or no checkpoint of TinyTorch: take an earlier one"
            raise ValueError(f"{path} {what} ({repr(error)[:200]})") from error
    if version != _VERSION:
        raise ValueError(f"{path} has format {version}, not {_VERSION}: update TinyTorch")
    return state


class _Random:
    """The random generator, saved and loaded like everything else."""

    state_dict = staticmethod(lambda: generator().bit_generator.state)
    load_state_dict = staticmethod(lambda state: setattr(generator().bit_generator, "state", state))


def _parts(model, optimizer=None, scheduler=None):
    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "random": _Random}
    return {name: part for name, part in parts.items() if part is not None}


# %% [markdown]
"""
## Step 6: Stop and go on

Opening a file for writing empties it. If the program dies a moment later, the old checkpoint is gone and the new one is not there. So `_write` never writes over the only copy: it writes to another name in the same folder, makes sure that the bytes are on the disk, then renames. `os.replace` is *atomic*: whoever looks at the name sees the old file or the new one, never something in between. Whatever happens on the way, an error or Ctrl-C, the unfinished file is removed. What must be in the file is the state of the mathematical background. Leave out the random generator, and dropout and shuffling differ from the first resumed batch on. Leave out the optimizer, and its momentum begins at zero again.

Loading has to be all or nothing. The weights may fit and the optimizer not, because the file belongs to a run with other settings; then the new weights with the old optimizer would be a run that never was. So note the state of all parts first, and if one refuses, give each its own back.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "training-checkpoint"}
#| export
def _write(path, arrays):
    """Write a dict of arrays to `path` as .npz: completely, or not at all. Its folder is made.

    1. `np.savez(file, **arrays)` into `temporary`, opened with "wb". Before you close it:
       `file.flush()` and `os.fsync(file.fileno())`, which waits until the disk has it.
    2. `os.replace(temporary, path)`.
    3. Both inside `try:`, so that in `finally:` the temporary file, if it exists, is removed.
    """
    path = os.path.abspath(os.fspath(path))
    temporary = f"{path}.{os.getpid()}.tmp"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    ### BEGIN SOLUTION
    try:
        with open(temporary, "wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)
    ### END SOLUTION


def save_checkpoint(path, model, optimizer=None, scheduler=None, history=None):
    """Save the state of training in one .npz file, under exactly this name.

    1. A dict with the `state_dict()` of each of `_parts(model, optimizer, scheduler)`, by name.
    2. Under "history": `dict(history)`; an empty dict without one.
    3. `_write` what `_encoded` makes of it.
    """
    ### BEGIN SOLUTION
    parts = _parts(model, optimizer, scheduler)
    states = {name: part.state_dict() for name, part in parts.items()}
    _write(path, _encoded({**states, "history": dict(history or {})}))
    ### END SOLUTION


def load_checkpoint(path, model, optimizer=None, scheduler=None):
    """Load what `save_checkpoint` wrote, and return the History that was saved.

    The parts given and the random generator take over the saved state. ValueError, and nothing is
    changed, if the file is damaged, does not hold a part, or if a part refuses.

    1. Note the `state_dict()` of each part.
    2. Let each part `load_state_dict` its state. If one raises an Exception, let all load what you
       noted, and raise a ValueError with the path, the part's name and the error in it.
    3. Return `state["history"]`.
    """
    state, parts = _read(path), _parts(model, optimizer, scheduler)
    for name in parts:
        if name not in state:
            raise ValueError(f"{path} holds no {name}: was it saved without?")
    ### BEGIN SOLUTION
    before = {name: part.state_dict() for name, part in parts.items()}
    for name, part in parts.items():
        try:
            part.load_state_dict(state[name])
        except Exception as error:
            for other, changed in parts.items():
                changed.load_state_dict(before[other])
            raise ValueError(f"{path} does not fit, nothing changed: {name}: {error}") from error
    return state["history"]
    ### END SOLUTION


# %% [markdown]
"""
**Test: checkpoints.** Writing first: under exactly this name, in a folder that was not there, over an old file, with every byte on the disk before it has its name; and when something breaks with half of the file written, the old one must be whole, with nothing beside it. Then a run of six epochs, and one that is stopped after three and continued by a new trainer with new objects: losses and weights must be equal to the last bit, with dropout, random order, momentum, a schedule and accumulation. The history is part of it. Last, files that must be refused: empty, cut off, changed in one byte, foreign, for another model, or without a schedule. After each refusal every number, the optimizer and the random generator are what they were.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "training-checkpoint-test", "points": 13}
class Breaking:
    """Interrupts when NumPy asks for its numbers. The old file must be whole at that moment."""

    def __array__(self, dtype=None, copy=None):
        assert len(os.listdir(os.path.dirname(self.path))) == 2, "write beside the old file"
        with np.load(self.path) as old:
            assert old["a"].tolist() == [1, 1, 1]
        raise KeyboardInterrupt


def test_writing():
    from unittest import mock

    on_disk = []
    note = mock.patch("os.fsync", lambda number: on_disk.append(os.fstat(number).st_size))
    with tempfile.TemporaryDirectory() as folder, note:
        path = Breaking.path = os.path.join(folder, "new", "checkpoint")
        _write(path, {"a": np.zeros(1)})
        _write(path, {"a": np.ones(3)})
        assert on_disk[1:] == [os.path.getsize(path)], "all of it must reach the disk"
        refused(KeyboardInterrupt, "", _write, path, {"a": np.zeros(9), "b": Breaking()})
        assert os.listdir(os.path.dirname(path)) == ["checkpoint"]
        with np.load(path) as found:
            assert (found.files, found["a"].tolist()) == (["a"], [1, 1, 1])


class Shuffled(list):
    __iter__ = lambda self: (self[i] for i in generator().permutation(len(self)))  # noqa: E731


def trainer_of(seed, width=8):
    optimizer = Adam((model := network(seed, 0.3, width)).parameters(), lr=0.02)
    schedule = CosineAnnealingLR(optimizer, T_max=4)
    return Trainer(model, optimizer, CrossEntropyLoss(), [Accuracy()], schedule, 2, 1.0)


def fingerprint(trainer):
    parts = _parts(trainer.model, trainer.optimizer, trainer.scheduler)
    states = {name: part.state_dict() for name, part in parts.items()}
    return {name: array.tobytes() for name, array in _encoded(states).items()}


def test_resuming_is_not_stopping():
    data, (whole, first, second) = Shuffled(clouds(40)), map(trainer_of, (1, 1, 2))
    with tempfile.TemporaryDirectory() as folder:
        for trainer, epochs in ((whole, 4), (first, 2)):
            manual_seed(5)
            trainer.fit(data, clouds(8), epochs, verbose=False)
        first.save_checkpoint(path := os.path.join(folder, "run"))
        manual_seed(77)
        second.load_checkpoint(path)
        second.fit(data, clouds(8), 4, verbose=False)
        for name in ("loss", "val_loss", "accuracy", "lr"):
            assert second.history[name] == whole.history[name], name
        assert fingerprint(second) == fingerprint(whole)
        save_checkpoint(path, first.model)
        assert load_checkpoint(path, second.model) == {}
        assert second.model[0].weight.tolist() == first.model[0].weight.tolist()


def test_what_does_not_fit_is_refused():
    ours, wide, alien = trainer_of(1), trainer_of(2, 9), trainer_of(3)
    alien.optimizer, history, cases = Linear(1, 1), ours.history, []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "file")
        for trainer, said in ((ours, ""), (wide, "model: "), (alien, "optimizer: ")):
            trainer.save_checkpoint(path)
            cases.append((np.fromfile(path, np.uint8).tobytes(), f"not fit.*{said}"))
        own, _ = cases.pop(0)
        save_checkpoint(path, ours.model, ours.optimizer)
        cases.append((np.fromfile(path, np.uint8).tobytes(), "holds no scheduler"))
        (flipped := bytearray(own))[len(own) // 2] ^= 1
        cases += [(bad, "earlier one") for bad in (b"", own[:99], own[:-1], flipped)]
        before = generator().random() and fingerprint(ours)  # its state is not the saved one
        for bad, said in cases:
            np.frombuffer(bad, np.uint8).tofile(path)
            refused(ValueError, f"file .*{said}", ours.load_checkpoint, path)
            assert (fingerprint(ours), ours.history is history) == (before, True)


test_writing()
test_resuming_is_not_stopping()
test_what_does_not_fit_is_refused()

# %% [markdown]
"""
## Systems analysis

Measurements on your own machine; they run when this file runs as a script, or when you call them in the notebook.

**Accumulation.** 2,048 examples as one batch, and as 8 or 64 smaller ones of one group. The memory shown is the most at any moment of an update. The result is the same up to rounding; how does the time change? Two things pull against each other: what fits into the processor's cache is quicker to work on, and every operation has a fixed price, however small its arrays are. **Checkpoints.** How large is a file, and how fast is it written? What the optimizer remembers is as large as the weights, once or twice.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "training-analysis"}
def analyze_accumulation():
    import timeit
    import tracemalloc

    gradients = []
    for steps in (1, 8, 64):
        model, group = network(width=512), clouds(2048, 0, 2048 // steps)
        optimizer = SGD(model.parameters(), lr=0.0)
        trainer = Trainer(model, optimizer, CrossEntropyLoss())
        update = lambda t=trainer, g=group: _update(t, g)  # noqa: E731
        taken = min(timeit.repeat(update, number=1, repeat=3)) * 1e3
        tracemalloc.start()
        update()
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        gradients.append(model[0].weight.grad)
        far = np.abs(gradients[-1] - gradients[0]).max() / np.abs(gradients[0]).max()
        print(f"{steps:2} batches: {peak:5.2f} MB, {taken:5.1f} ms, gradient differs by {far:.0e}")


def analyze_checkpoints():
    for kind, settings in ((SGD, {}), (SGD, {"momentum": 0.9}), (Adam, {})):
        optimizer = kind((model := network(width=300_000)).parameters(), lr=0.01, **settings)
        Trainer(model, optimizer, CrossEntropyLoss()).fit(clouds(8), verbose=False)
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            save_checkpoint(path := f"{folder}/it.npz", model, optimizer)
            taken, size = time.perf_counter() - start, os.path.getsize(path)
        ratio = size / sum(parameter.data.nbytes for parameter in model.parameters())
        print(
            f"{kind.__name__} {settings}: {ratio:.2f} x the weights, {size / taken / 1e6:.0f} MB/s"
        )


# %% [markdown]
"""
## Integration

Everything from module 02 to 07 in one run: a network with dropout, cross-entropy, an optimizer with a schedule that counts updates, accumulation and clipping.

**Test: learning.** Three clouds of points, of which the validation set was never trained on. After twelve epochs nine of ten are right, the best epoch is in the file, and the model loaded from there gives the validation loss that the history says.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "training-integration-test", "points": 2}
def test_a_network_learns():
    train, validation, model = clouds(120, 1, 16), clouds(60, 2), network(1, 0.2)
    optimizer = Adam(model.parameters(), lr=0.01)
    schedule = OneCycleLR(optimizer, max_lr=0.05, total_steps=12 * 4)
    trainer = Trainer(model, optimizer, CrossEntropyLoss(), [Accuracy()], schedule, 2, 1.0)
    with tempfile.TemporaryDirectory() as folder:
        history = trainer.fit(train, validation, 12, path := f"{folder}/best.npz", verbose=False)
        saved = load_checkpoint(path, best := network(9))
    found = evaluate_model(best, validation)
    np.testing.assert_allclose(found["loss"], min(history["val_loss"]), rtol=1e-6)
    assert saved.epochs == 1 + int(np.argmin(history["val_loss"]))
    assert found["accuracy"] > 0.9 > 2 * history["loss"][-1]


test_a_network_learns()

# %% [markdown]
"""
## Production context

PyTorch has no trainer: its tutorials write the loop out, and libraries such as Lightning, Accelerate and the Trainer of Transformers write it for you. Keras has `fit` with the arguments you know from here, and `History`. What these add is several machines: each takes its share of a batch, and the gradients are averaged over the network, which is your accumulation with other processors in place of the time. `torch.save` writes a pickle. Since `torch.load` reads only tensors and plain values unless it is told otherwise (`weights_only=True`, the default since version 2.6), foreign checkpoints no longer run programs; the format *safetensors* was made for the same reason and is, like yours, a table of contents and raw numbers. Large runs save every few minutes, because among thousands of machines one fails every few hours; they write in the background and from all machines at once, and keep the last few files, since the newest may be the broken one. Dividing by `accumulation_steps`, the mistake of step 4, stood in widely used libraries for years: it was found in 2024, by people who trained language models, whose batches hold different numbers of tokens.
"""

# %% [markdown]
"""
## Comprehensive testing

What a run meets in practice: a loader that is told the epoch, validation that begins late, Ctrl-C in the middle, and going on afterwards.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "training-comprehensive-test", "points": 3}
class Numbered(list):
    told = ()

    def set_epoch(self, epoch):
        self.told += (epoch,)

    def __iter__(self):
        yield from super().__iter__()
        if len(self.told) == 3:
            raise KeyboardInterrupt


def test_a_run_with_interruptions():
    optimizer = SGD((model := network().eval()).parameters(), lr=0.1, momentum=0.9)
    schedule, data = StepLR(optimizer, 2, 0.5), Numbered(clouds(32))
    trainer = Trainer(model, optimizer, CrossEntropyLoss(), scheduler=schedule)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        trainer.fit(data, epochs=1)
        refused(KeyboardInterrupt, "", trainer.fit, data, clouds(8), 4)
        assert (trainer.history.epochs, model.training, model[2].training) == (2, False, False)
        history = trainer.fit(data, clouds(8), epochs=4)
    assert (data.told, history["lr"]) == ((0, 1, 2, 2, 3), [0.1, 0.1, 0.05, 0.05])
    assert [value is None for value in history["val_loss"]] == [True, False, False, False]
    assert "stopped in epoch 3" in printed.getvalue()
    assert history["loss"][-1] < history["loss"][0]


test_a_run_with_interruptions()

# %%
if __name__ == "__main__":
    run_tests()
    analyze_accumulation()
    analyze_checkpoints()

# %% [markdown]
"""
## 🤔 ML Systems Thinking: Interactive Questions

Answer in your own words, from the code you wrote and the numbers you measured, in two or three sentences each.

**Question 1: means.** A set of 1,000 validation examples is measured in batches of 300, so the last batch has 100. Someone averages the four accuracies. The model is right for all examples of the last batch and for 80 % of the others. What do they get, what is true, and why does nobody notice?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "training-question-means", "points": 2}
"""
Model answer: they get (3 · 0.8 + 1) / 4 = 0.85; true is (900 · 0.8 + 100) / 1000 = 0.82, since the last batch has a tenth of the examples and not a quarter. The number looks reasonable and there is no error; it changes with the size of the batches, which is how it is found.
"""

# %% [markdown]
"""
**Question 2: what accumulation saves.** From `analyze_accumulation`: what happened to memory and time when the 2,048 examples were cut into 8 and into 64 batches? Which part of the memory cannot be saved this way?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "training-question-accumulation", "points": 2}
"""
Model answer: the peak fell nearly as the size of a batch does, to an eighth and to a sixtieth. With 8 batches the time fell as well, because arrays of half a megabyte stay in the cache; with 64 it rose again, because the fixed price of each operation is paid 64 times. Weights, gradients and the optimizer's state have the size of the model, whatever the batch: they remain, and from some point on they are all that is left.
"""

# %% [markdown]
"""
**Question 3: a forgotten part.** A run with Adam, dropout and a cosine schedule is saved after half of its epochs, but only the weights are. Name what differs after resuming, and how each difference would show in the losses.
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "training-question-state", "points": 2}
"""
Model answer: Adam's averages begin at zero, so the first steps are as uncertain as at the very start, and the loss jumps up for a while. The schedule begins again at its highest rate, which drives the loss up and makes the run end at a rate that is too high. Dropout and the order of the examples draw other numbers: the losses are no worse, but other ones, so that an error can no longer be reproduced.
"""

# %% [markdown]
"""
## 🎯 MODULE SUMMARY: Training

You wrote what stands around the three lines of learning: updates by groups of batches that are exactly one large batch, epochs with training and validation apart, means that count examples, a model that is measured without being changed, early stopping, and checkpoints that are whole or not there and from which a run goes on bit for bit. From now on every model of this course is trained by your `Trainer`.

Put it into the package with `tito module export 08`, and see what you can do now: `tito checkpoint test 10`. Module 09 brings layers that look at images: convolutions.
"""
