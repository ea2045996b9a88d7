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
# Module 10: DataLoader

A network learns from examples, and somebody has to hand them over: in a new order each time, a few at a time, turned into numbers it can use, and fast enough that it never waits. What you build here stands between the files on a disk and the training loop of module 08. It has three parts. A *dataset* knows how many examples there are and gives any of them by its number. A *loader* decides which come together in a batch, and prepares the next batch while the network is still busy with this one. *Transforms* change images a little each time they are shown, so that a network cannot simply learn them by heart.

At the end a real dataset comes in: CIFAR-10, 60,000 small photographs in ten classes. It is fetched from another machine, and so you also learn what every program must check about files that strangers made.
"""

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-start"}
from tinytorch.core.setup import run_tests, warnings_to_stdout
from tinytorch.core.tensor import Tensor, manual_seed

warnings_to_stdout()

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-imports"}
#| default_exp core.dataloader
#| export
import os
import sys

import numpy as np

from tinytorch.core.tensor import Tensor, _State, generator, kernels

# %% [markdown]
r"""
## Mathematical background

**Batches.** The loss we want to make small is the mean over all $n$ examples. Its slope is the mean of $n$ slopes, and computing all of them for one step is a waste: the mean over $B$ examples, drawn at random, points the same way on average. Its error shrinks with $1/\sqrt{B}$, so four times the work halves it. That is why batches are small, and why a step costs the same however large the dataset is.

**Drawing without putting back.** If examples were drawn with putting back, then after $n$ draws about $1/e$, or 37 %, of them would never have been seen. A *permutation*, a random order of all of them cut into pieces, shows each exactly once. One pass through it is an *epoch*: $\lceil n/B \rceil$ batches, of which the last may be smaller. The order must change: a dataset sorted by class, read as it lies, would show a network only cats for a thousand steps.

**Numbers of a fitting size.** The pixels of a channel with mean $\mu$ and standard deviation $\sigma$ become $(x - \mu)/\sigma$: mean 0 and variance 1, which is what the starting values of module 04 expect.

**Free examples.** A mirrored horse is a horse. Every change that leaves the answer as it is makes a new example from an old one, and tells the network something we know about the world: it does not matter where in the picture the horse stands. This is called *augmentation*.

**Time.** Loading a batch takes $t_l$, training on it $t_t$. One after the other that is $t_l + t_t$ for each batch; at the same time it is the larger of the two.
"""

# %% [markdown]
"""
## What a dataset is

The next cell is given. A dataset is anything with a length and a `dataset[index]` that gives one example, usually a pair `(x, y)`. Your own need no more than that. `batch(indices, random)` asks for several at once; this slow version fetches them one after the other and stacks them. `random` is a NumPy generator for datasets that change their examples at random; this one does not.

`_gather(array, indices)` takes rows out of an array. `array[indices]` is all it takes, and the kernel below does the same into an array that is already there.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-dataset"}
#| export
class Dataset:
    """Examples by number. A subclass defines `__len__` and `__getitem__(index) -> (x, y)`."""

    def __len__(self):
        raise NotImplementedError(f"{type(self).__name__} has no __len__: how many examples?")

    def __getitem__(self, index):
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__(index) -> (x, y)")

    def batch(self, indices, random=None):
        """The examples of `indices` as a tuple of tensors, one for each part of an example."""
        rows = [self[int(index)] for index in indices]
        rows = [row if isinstance(row, tuple) else (row,) for row in rows]
        rows = [[part.data if isinstance(part, Tensor) else part for part in row] for row in rows]
        return _tensors(_array_of(np.stack(column)) for column in zip(*rows, strict=True))


def _array_of(data):
    """The array of a tensor; else `data` as an array, floating numbers in the default dtype."""
    if isinstance(data, Tensor):
        return data.data
    array = np.asarray(data)
    return Tensor(array).data if array.dtype.kind == "f" and array.dtype != _State.dtype else array


def _tensors(arrays):
    """A tuple of tensors around these very arrays, without copies."""
    return tuple(x if isinstance(x, Tensor) else Tensor._wrap(np.asarray(x)) for x in arrays)


def _gather(array, indices):
    """The rows of `array` with these numbers, as a new array."""
    fast = _State.kernels_on and "gather" in kernels
    return kernels["gather"][0](array, indices) if fast else array[indices]


def _gather_into(array, indices):
    """As `array[indices]`, in one call that checks the numbers once instead of at each row."""
    indices = np.asarray(indices)
    least, most = indices.min(initial=0), indices.max(initial=0)
    if indices.dtype.kind != "i" or least < 0 or most >= len(array):
        return array[indices]  # which counts from the end, or says what is wrong
    buffer = np.empty(indices.shape + array.shape[1:], array.dtype)
    return np.take(array, indices, axis=0, out=buffer, mode="clip")


kernels["gather"] = (_gather_into, None)

# %% [markdown]
"""
## Step 1: A dataset of arrays

`TensorDataset(x, y)` holds arrays whose first dimension counts the examples: example 3 is `(x[3], y[3])`. Nothing is copied, the dataset only points to them.

`batch` is where all loading ends up. It gathers the rows of each array. The first array holds the inputs, and only these go through `prepare`, which subclasses use to make numbers from bytes, and through the transform, which works on a whole batch at once. `dataset[3]` is a batch of one with its first dimension taken off, so one example and many can never differ.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "dataloader-tensor-dataset"}
#| export
class TensorDataset(Dataset):
    """Arrays or tensors of the same length, the inputs first.

    `transform(inputs, random) -> inputs` is applied to each batch of inputs.

    >>> TensorDataset(np.eye(3), np.arange(3))[2]
    (Tensor([0., 0., 1.]), Tensor(2, dtype=int64))
    """

    def __init__(self, *arrays, transform=None):
        """Keep `self.arrays`, a list, and `self.transform`.

        1. Make each an array with `_array_of`.
        2. Raise ValueError, with the shapes in it, if there is none, if one has no dimension, or
           if their lengths differ.
        """
        ### BEGIN SOLUTION
        self.arrays = [_array_of(array) for array in arrays]
        self.transform = transform
        shapes = [array.shape for array in self.arrays]
        if not shapes or () in shapes or len({shape[0] for shape in shapes}) > 1:
            raise ValueError(f"a dataset needs arrays of one length, not of shapes {shapes}")
        ### END SOLUTION

    def __len__(self):
        """How many examples there are."""
        ### BEGIN SOLUTION
        return len(self.arrays[0])
        ### END SOLUTION

    def prepare(self, inputs):
        """What is done to gathered inputs before the transform: here nothing."""
        return inputs

    def batch(self, indices, random=None):
        """The examples of `indices` as a tuple of tensors, one for each array.

        1. Gather the rows of each array with `_gather`.
        2. Send the first through `self.prepare`, then, if there is a transform, through
           `self.transform(inputs, random)`.
        3. `_tensors` makes tensors of them.
        """
        ### BEGIN SOLUTION
        inputs, *others = [_gather(array, indices) for array in self.arrays]
        inputs = self.prepare(inputs)
        if self.transform is not None:
            inputs = self.transform(inputs, random)
        return _tensors([inputs, *others])
        ### END SOLUTION

    def __getitem__(self, index):
        """One example: the batch of this one index, each part without its first dimension."""
        ### BEGIN SOLUTION
        return tuple(part[0] for part in self.batch(np.array([index])))
        ### END SOLUTION


# %% [markdown]
"""
**Test: a dataset of arrays.** Lengths, single examples, also counted from the end, and batches in any order. The type of the targets is kept; what is given is not copied, and a batch never is a window into the dataset, so that changing it does no harm. The transform sees inputs that are prepared, and nothing else. Arrays of different lengths are refused.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-tensor-dataset-test", "points": 5}
def test_tensor_dataset():
    x, y = np.arange(12.0, dtype=np.float32).reshape(6, 2), np.arange(6, dtype=np.uint8) * 10
    dataset = TensorDataset(x, y, y * 0.5)
    assert len(dataset) == 6
    assert dataset.arrays[0] is x
    assert [part.tolist() for part in dataset[4]] == [[8.0, 9.0], 40, 20.0]
    assert dataset[-1][0].tolist() == [10.0, 11.0]
    parts = dataset.batch([3, 0, 3])
    assert parts[0].tolist() == [[6.0, 7.0], [0.0, 1.0], [6.0, 7.0]]
    assert [part.tolist() for part in parts[1:]] == [[30, 0, 30], [15.0, 0.0, 15.0]]
    assert [part.dtype for part in parts] == [np.float32, np.uint8, np.float32]
    assert not np.shares_memory(parts[0].data, x)
    dataset.transform, dataset.prepare = lambda x, random: x + (random or 1), lambda x: x * 2
    assert [part.tolist() for part in dataset.batch([1], 3)] == [[[7.0, 9.0]], [10], [5.0]]
    assert dataset[0][0].tolist() == [1.0, 3.0]
    for wrong in ([], [np.zeros(2), np.zeros(3)], [np.zeros(2), 5.0], [5.0]):
        with np.testing.assert_raises_regex(ValueError, r"shapes \[.*\]"):
            TensorDataset(*wrong)


test_tensor_dataset()

# %% [markdown]
"""
## Step 2: Parts of a dataset

Whoever measures a network on the examples it learned from measures its memory. So some examples are put aside before training starts. `Subset` shows only the examples of certain numbers and copies nothing. `random_split` deals out all examples to several subsets, each to exactly one: it cuts one permutation into pieces. The split must stay the same tomorrow, when training goes on, and that is what `seed` is for.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "dataloader-subset"}
#| export
class Subset(Dataset):
    """The examples of `dataset` whose numbers stand in `indices`, in that order."""

    def __init__(self, dataset, indices):
        self.dataset, self.indices = dataset, np.asarray(indices, dtype=np.int64)
        count = len(dataset)
        for index in self.indices[(self.indices < 0) | (self.indices >= count)].tolist():
            raise IndexError(f"there is no example {index} in a dataset of {count}")

    def __len__(self):
        """How many examples it shows."""
        ### BEGIN SOLUTION
        return len(self.indices)
        ### END SOLUTION

    def __getitem__(self, index):
        """Its example number `index`: that of the dataset with the number `self.indices[index]`."""
        ### BEGIN SOLUTION
        return self.dataset[int(self.indices[index])]
        ### END SOLUTION

    def batch(self, indices, random=None):
        """As `__getitem__`, for many: hand the dataset its own numbers, and `random`."""
        ### BEGIN SOLUTION
        return self.dataset.batch(self.indices[indices], random)
        ### END SOLUTION


def random_split(dataset, lengths, seed=None):
    """Deal out all examples at random: a list of Subsets of these `lengths`.

    >>> [len(part) for part in random_split(TensorDataset(np.zeros(10)), [7, 3], seed=0)]
    [7, 3]

    1. Raise ValueError, naming both numbers, unless the lengths add up to `len(dataset)`.
    2. With a seed the generator is `np.random.default_rng(seed)`, without one `generator()`.
    3. Cut one `permutation` of all numbers into pieces of these lengths.
    """
    ### BEGIN SOLUTION
    if sum(lengths) != len(dataset):
        raise ValueError(f"lengths of {sum(lengths)} in all do not split {len(dataset)} examples")
    random = generator() if seed is None else np.random.default_rng(seed)
    order, stops = random.permutation(len(dataset)), np.cumsum(lengths)
    return [Subset(dataset, order[e - n : e]) for n, e in zip(lengths, stops, strict=True)]
    ### END SOLUTION


# %% [markdown]
"""
**Test: parts of a dataset.** A subset of a subset counts through both, one by one and in batches, and passes the generator on. A split gives each example to exactly one part, in an order that is not the old one. The same seed gives the same split, without one it follows `manual_seed`, and a second split is another.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-subset-test", "points": 5}
def shown(dataset):
    """The inputs of its examples, one by one."""
    return [dataset[index][0].item() for index in range(len(dataset))]


def test_subset():
    whole = TensorDataset(np.arange(10) * 10, transform=lambda x, random: x + (random or 0))
    inner = Subset(Subset(whole, [9, 7, 5, 3]), [3, 0, 1])
    assert len(inner) == 3
    assert shown(inner) == [30, 90, 70]
    assert inner.batch([2, 0], 4)[0].tolist() == [74, 34]
    for wrong in ([10], [-1]):
        with np.testing.assert_raises_regex(IndexError, "of 10"):
            Subset(whole, wrong)


def test_random_split():
    whole = TensorDataset(np.arange(50))
    parts = [shown(part) for part in random_split(whole, [30, 0, 15, 5], seed=3)]
    assert [len(part) for part in parts] == [30, 0, 15, 5]
    everything = [x for part in parts for x in part]
    assert sorted(everything) == list(range(50)) != everything
    assert shown(random_split(whole, [50], seed=3)[0]) == everything
    manual_seed(0)
    first, second = (shown(random_split(whole, [50])[0]) for _ in range(2))
    assert first != second
    manual_seed(0)
    assert shown(random_split(whole, [50])[0]) == first
    for lengths in ([30, 19], [50, 1]):
        with np.testing.assert_raises_regex(ValueError, f"{sum(lengths)}.*50"):
            random_split(whole, lengths)


test_subset()
test_random_split()

# %% [markdown]
"""
## Step 3: The order of an epoch

Which examples make up which batch is decided before the first is loaded: the numbers from 0 to `count`, shuffled or not, cut into pieces of `batch_size`. What is left at the end is a smaller batch, or nothing, if `drop_last` says so. A batch of one example, for instance, has no variance, and a normalization that divides by it (module 09) would rather not see it.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "dataloader-order"}
#| exporti
def _order(count, batch_size, shuffle, drop_last, random):
    """The batches of one epoch: a list of arrays of example numbers.

    With count 5 and batch_size 2, neither shuffled nor dropped: [0, 1], [2, 3], [4].

    1. The numbers: `random.permutation(count)` if `shuffle`, else `np.arange(count)`.
    2. With `drop_last`, only as many as fill whole batches.
    3. A list of slices, `batch_size` apart.
    """
    ### BEGIN SOLUTION
    indices = random.permutation(count) if shuffle else np.arange(count)
    used = count - count % batch_size if drop_last else count
    return [indices[start : start + batch_size] for start in range(0, used, batch_size)]
    ### END SOLUTION


# %% [markdown]
"""
**Test: the order of an epoch.** For many lengths and batch sizes: all numbers appear once, every batch but the last is full, none is empty. Dropping leaves out less than one batch. Without shuffling, nothing is drawn from the generator; with it, the order follows from its seed, and the whole dataset is mixed, not each batch by itself.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-order-test", "points": 5}
def test_order():
    def order(*settings, seed=0):
        return [batch.tolist() for batch in _order(*settings, np.random.default_rng(seed))]

    assert order(5, 2, False, False) == [[0, 1], [2, 3], [4]]
    assert order(5, 2, False, True) == [[0, 1], [2, 3]]
    for count, size in np.ndindex(9, 10):
        batches = order(count, size + 1, True, False)
        assert sorted(x for batch in batches for x in batch) == list(range(count))
        assert all(0 < len(batch) <= size + 1 for batch in batches)
        full = [batch for batch in batches if len(batch) == size + 1]
        assert len(batches) - len(full) <= 1
        assert order(count, size + 1, True, True) == full
    assert order(100, 10, True, False) == order(100, 10, True, False)
    assert order(100, 10, True, False) != order(100, 10, True, False, seed=1)
    assert np.ptp(order(100, 10, True, False)[0]) > 50


test_order()

# %% [markdown]
"""
## Step 4: The loader

`for x, y in loader` asks the loader for an iterator; that is one epoch. Here its random numbers are decided, once and for all: one generator of its own shuffles, and is then handed to the dataset with each batch, for the transforms. Nobody else draws from it, so the epoch comes out the same whatever happens outside, dropout for instance.

With a `seed`, this generator is made from two numbers, the seed and the epoch's. The second epoch differs from the first, and yet epoch 17 can be had again without running the sixteen before: a training that was interrupted goes on where it was, with `set_epoch`. Without a seed, one number drawn from `generator()` decides, so that `manual_seed` is enough.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "dataloader-loader"}
#| export
class DataLoader:
    """Batches of a dataset, as tuples of tensors: each `for` loop over it is one epoch.

    `shuffle`: in a new random order each epoch. `drop_last`: without the last batch, if it is not
    full. `seed`: a whole number from which, with the number of the epoch, all that is random
    follows. `prefetch`: how many batches a thread prepares ahead; it changes nothing else.
    """

    def __init__(self, dataset, batch_size=1, shuffle=False, drop_last=False, seed=None,
                 prefetch=0):  # fmt: skip
        self.dataset, self.shuffle, self.drop_last = dataset, shuffle, drop_last
        self.batch_size = _whole("batch_size", batch_size, 1)
        self.prefetch = _whole("prefetch", prefetch)
        self.seed = seed if seed is None else _whole("seed", seed)
        self.set_epoch(0)

    def set_epoch(self, epoch):
        """The number of the epoch that comes next."""
        self.epoch = _whole("epoch", epoch)

    def __len__(self):
        """How many batches an epoch has."""
        ### BEGIN SOLUTION
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full if self.drop_last or not rest else full + 1
        ### END SOLUTION

    def load(self, indices, random):
        """One batch of the dataset, which may be any object with a length and `[index]`."""
        batch = getattr(self.dataset, "batch", None)
        return batch(indices, random) if batch else Dataset.batch(self.dataset, indices)

    def __iter__(self):
        """Start an epoch: an iterator over its batches.

        1. A new generator for this epoch, `np.random.default_rng(...)`, made from the list
           `[self.seed, self.epoch]`; without a seed from one draw, `generator().integers(2**63)`.
        2. Count `self.epoch` up.
        3. The `_order` of this epoch, and `self.load(indices, random)` for each of its batches, as
           a generator expression: nothing is loaded before somebody asks.
        4. With `self.prefetch`, return `_ahead(batches, self.prefetch)` (step 5) instead.
        """
        ### BEGIN SOLUTION
        start = generator().integers(2**63) if self.seed is None else [self.seed, self.epoch]
        random = np.random.default_rng(start)
        self.epoch += 1
        count = len(self.dataset)
        order = _order(count, self.batch_size, self.shuffle, self.drop_last, random)
        batches = (self.load(indices, random) for indices in order)
        return _ahead(batches, self.prefetch) if self.prefetch else batches
        ### END SOLUTION


def _whole(name, value, least=0):
    """`value`, if it is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be a whole number from {least} up, not {value!r}")
    return int(value)


# %% [markdown]
"""
**Test: the loader.** Every epoch shows each example once, with its own target, and the length is the number of batches that come. With a seed: two loaders agree epoch by epoch, epochs differ, and `set_epoch` brings one back; what is drawn elsewhere has no influence. Without: `manual_seed` decides, when the loop starts, and a hundred epochs are a hundred orders. The transform gets the epoch's generator, the same one for all its batches. Nothing is loaded before it is asked for.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-loader-test", "points": 6}
def epoch_of(loader):
    """The inputs of one epoch, batch by batch."""
    return [x.tolist() for x, *_ in loader]


def test_each_example_once_with_its_target():
    dataset = TensorDataset(np.arange(10.0), np.arange(10) ** 2)
    for size, drop, lengths in ((1, 0, [1] * 10), (3, 1, [3] * 3), (4, 0, [4, 4, 2]), (20, 1, [])):
        for shuffle in (True, False):
            loader, seen = DataLoader(dataset, size, shuffle, bool(drop)), []
            for x, y in loader:
                assert isinstance(x, Tensor)
                assert (x.data.astype(int) ** 2).tolist() == y.tolist()
                seen.append(x.tolist())
            assert [len(batch) for batch in seen] == lengths
            assert len(loader) == len(lengths)
            seen = [number for batch in seen for number in batch]
            assert len(set(seen)) == len(seen)
            assert shuffle or seen == list(range(len(seen)))
    assert epoch_of(DataLoader([(3.0, 1), (4.0, 2)], 2)) == [[3.0, 4.0]]
    assert epoch_of(DataLoader(TensorDataset(np.zeros((0, 2))), 4, shuffle=True)) == []


def test_an_epoch_follows_from_seed_and_number():
    dataset = TensorDataset(np.arange(40))
    loader, twin, other = (DataLoader(dataset, 8, shuffle=True, seed=s) for s in (5, 5, 6))
    epochs = [epoch_of(loader) for _ in range(3)]
    assert loader.epoch == 3
    for epoch in epochs:
        generator().random()
        assert epoch_of(twin) == epoch
        assert epochs.count(epoch) == 1
    twin.set_epoch(1)
    assert [epoch_of(twin), epoch_of(twin)] == epochs[1:]
    assert epoch_of(other) != epochs[0]
    free, found = DataLoader(dataset, 8, shuffle=True), []
    for _ in range(2):
        manual_seed(1)
        iterator = iter(free)
        found.append([epoch_of(free), epoch_of(iterator)])
    assert found[0] == found[1]
    assert found[0][0] != found[0][1]
    assert len({str(epoch_of(free)) for _ in range(100)}) == 100


def test_one_generator_for_the_epoch_and_nothing_is_loaded_early():
    seen = []
    dataset = TensorDataset(np.zeros(6), transform=lambda x, random: (seen.append(random), x)[1])
    iterator = iter(DataLoader(dataset, 2, seed=0))
    for number in range(3):
        assert len(seen) == number
        next(iterator)
    assert seen[0] is seen[1] is seen[2]
    assert seen[0].random() == np.random.default_rng([0, 0]).random()


test_each_example_once_with_its_target()
test_an_epoch_follows_from_seed_and_number()
test_one_generator_for_the_epoch_and_nothing_is_loaded_early()

# %% [markdown]
"""
## Step 5: Work ahead

While the network is busy, a *thread*, a second line of work within the same program, can prepare what comes next. NumPy lets other threads run while it gathers or multiplies, so both really happen at the same time. The two meet in a *queue*: one puts batches in, the other takes them out and waits if there is none.

Three things make this harder than it looks, and are why threads have a bad name. The one ahead must not run too far ahead, or all of the dataset ends up in memory. If it fails, nobody sees its error, and the other waits forever. And if nobody wants the rest, it must stop.

You write the thread's part, `_produce`, with two functions to do it: `allowed()` waits for the permission to make one more batch, and returns False if no more are wanted; `put((batch, error))` hands something over. The other side, `_ahead`, is given. It hands out as many permissions as batches may lie ready, one more for each batch it takes, and at the end, however it comes, it takes back its word. An error that arrives is raised there, where somebody sees it.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "dataloader-produce"}
#| exporti
def _produce(batches, allowed, put):
    """Put `(batch, None)` for each batch of the iterator, one for each time `allowed()` is true.

    After the last batch comes `(None, None)`. If making one fails, `(None, error)` comes instead,
    and that is the end. If `allowed()` is false, just return.

    1. Ask `allowed()` first, then get `next(batches)`: never make what was not permitted.
    2. The end of the iterator is the exception StopIteration. Everything else is an error, also
       what is no Exception, such as KeyboardInterrupt: catch BaseException.
    """
    ### BEGIN SOLUTION
    made = True
    while made and allowed():
        made, error = None, None
        try:
            made = next(batches)
        except StopIteration:
            pass
        except BaseException as problem:
            error = problem
        put((made, error))
    ### END SOLUTION


def _ahead(batches, count):
    """The same batches, of which a thread has up to `count` ready ahead."""
    from queue import SimpleQueue
    from threading import Thread

    permissions, ready, ended = SimpleQueue(), SimpleQueue(), []
    given = (batches, lambda: permissions.get() and not ended, ready.put)
    try:
        for _ in range(count):
            permissions.put(True)
        Thread(target=_produce, args=given, name="tinytorch-prefetch", daemon=True).start()
        while True:
            batch, error = ready.get()
            if error is not None:
                raise error
            if batch is None:
                return
            permissions.put(True)
            yield batch
    finally:  # also when the loop is left by break, and when this iterator is thrown away
        ended.append(True)
        permissions.put(False)


# %% [markdown]
"""
**Test: working ahead.** Nothing is made without permission, and no more than was permitted; the end is told; an error is handed over and nothing is made after it, also if it is no ordinary exception. Then with a real thread: prefetching changes nothing in what comes out, random transforms included, and an error in the dataset reaches the loop after the batches before it. After a `break` the thread is gone.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-produce-test", "points": 4}
def test_produce():
    def run(permissions, failing=None, error=None):
        made, told, answers = [], [], iter([True] * permissions + [False])

        def batches():
            for number in range(1, 4):
                if number == failing:
                    raise error
                made.append(number)
                yield number

        _produce(batches(), lambda: next(answers), told.append)
        return made, told

    two = [(1, None), (2, None)]
    assert run(0) == ([], [])
    assert run(2) == ([1, 2], two)
    assert run(9) == ([1, 2, 3], [*two, (3, None), (None, None)])
    for error in (ValueError("no such file"), KeyboardInterrupt(), SystemExit()):
        assert run(9, 3, error) == ([1, 2], [*two, (None, error)])


def test_prefetching_changes_nothing_and_leaves_nothing_behind():
    import threading

    noisy = TensorDataset(np.arange(20.0), transform=lambda x, random: x + random.random(x.shape))
    for count in (1, 2, 50):
        plain, ahead = (DataLoader(noisy, 3, True, seed=4, prefetch=n) for n in (0, count))
        assert [epoch_of(ahead), epoch_of(ahead)] == [epoch_of(plain), epoch_of(plain)]
    seen, before, ahead = [], set(threading.enumerate()), DataLoader([0, 1, 2], prefetch=2)
    ahead.load = lambda indices, _: 1 / (1 - int(indices[0]))
    with np.testing.assert_raises(ZeroDivisionError):
        seen.extend(ahead)
    assert seen == [1.0]
    for _ in DataLoader(noisy, prefetch=2):
        new = set(threading.enumerate()) - before
        break
    assert len(new) == 1
    for thread in new:
        thread.join(5)
        assert not thread.is_alive()


test_produce()
test_prefetching_changes_nothing_and_leaves_nothing_behind()

# %% [markdown]
"""
## Step 6: Normalize

From here on, transforms. A transform works on the images of a whole batch, an array `(N, C, H, W)` of N images with C channels, H rows and W columns; the given base class also takes a single image and a tensor, and gives back what it got. It returns new images and never changes those it was given. What it draws, it draws from `random`. `Compose` chains transforms as `Sequential` chains layers.

`Normalize(mean, std)` has one mean and one standard deviation for each channel. They must line up with the second dimension of four: broadcasting counts from the right, so they need the shape `(C, 1, 1)`.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-transform"}
#| exporti
class _Transform:
    """Changes images: `transform(images, random) -> images`. A subclass defines `forward`."""

    def __call__(self, images, random=None):
        array = images.data if isinstance(images, Tensor) else np.asarray(images)
        if array.ndim not in (3, 4):
            raise ValueError(f"images have shape (N, C, H, W), or (C, H, W) for one: {array.shape}")
        random = generator() if random is None else random
        result = self.forward(array if array.ndim == 4 else array[None], random)
        result = result if array.ndim == 4 else result[0]
        return Tensor._wrap(result) if isinstance(images, Tensor) else result

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in vars(self).items())})"


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "dataloader-normalize"}
#| export
class Compose:
    """Several transforms, one after the other, all with the same `random`."""

    def __init__(self, transforms):
        self.transforms = list(transforms)

    def __call__(self, images, random=None):
        """Send the images through each of `self.transforms`, in their order."""
        ### BEGIN SOLUTION
        for transform in self.transforms:
            images = transform(images, random)
        return images
        ### END SOLUTION

    def __repr__(self):
        return f"Compose({self.transforms})"


class Normalize(_Transform):
    """(image - mean) / std, with one mean and one std for each channel, or one for all."""

    def __init__(self, mean, std):
        self.mean, self.std = np.atleast_1d(mean), np.atleast_1d(std)
        if not (self.std > 0).all():
            raise ValueError(f"a standard deviation must be above 0, not {self.std.tolist()}")

    def forward(self, images, random):
        """The normalized images, in their own dtype.

        1. Make `self.mean` and `self.std` arrays of the dtype of `images`, of shape `(C, 1, 1)`:
           `.astype(...)` and `.reshape(-1, 1, 1)`.
        2. Subtract and divide.
        """
        if images.dtype.kind != "f" or {self.mean.size, self.std.size} - {1, images.shape[1]}:
            raise ValueError(f"{self} does not fit {images.dtype} images of shape {images.shape}")
        ### BEGIN SOLUTION
        mean, std = (x.astype(images.dtype).reshape(-1, 1, 1) for x in (self.mean, self.std))
        return (images - mean) / std
        ### END SOLUTION


# %% [markdown]
"""
**Test: normalizing.** Against a loop over the channels. One number for all channels, a single image, and a tensor work; the dtype stays, and the given images are not changed. In a chain the order counts, and each gets the same generator.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-normalize-test", "points": 4}
def some_images(count, *shape):
    return np.random.default_rng(0).random((count, *shape), dtype=np.float32)


def test_normalize():
    images, means, stds = some_images(5, 3, 4, 3), [0.1, 0.5, 0.9], [0.5, 1.0, 2.0]
    before, result = images.copy(), Normalize(means, stds)(images)
    for channel in range(3):
        expected = (before[:, channel] - means[channel]) / stds[channel]
        np.testing.assert_allclose(result[:, channel], expected, rtol=1e-5, atol=1e-7)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(Normalize(means, stds)(images[2]), result[2])
    np.testing.assert_array_equal(Normalize(means, stds)(Tensor(images)).data, result)
    np.testing.assert_allclose(Normalize(0.5, 0.25)(images), (images - 0.5) / 0.25, rtol=1e-5)


def test_compose():
    half, more = (lambda x, random: x / random), (lambda x, random: x + random)
    assert (Compose([half, more])(4.0, 2), Compose([more, half])(4.0, 2)) == (4.0, 3.0)
    assert Compose([])(4.0) == 4.0


test_normalize()
test_compose()

# %% [markdown]
"""
## Step 7: Flip and crop

Two random changes, each image with its own draw, and no loop over the images.

`RandomHorizontalFlip(p)` mirrors an image, left to right, with probability `p`. `RandomCrop(size, padding)` adds `padding` rows and columns of zeros on each side, and then cuts out a window of `size` at a random place: with size 32 and padding 4 a picture of 32×32 is shifted by up to four pixels in each direction.

For the windows: `sliding_window_view(padded, (h, w), axis=(2, 3))` shows *all* windows at once as an array `(N, C, rows, columns, h, w)`, without copying a number; its element `[i, :, r, c]` is the window of image `i` that starts in row `r` and column `c`. Indexing this view with three arrays of length N picks one window for each image and copies only those.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "dataloader-crop"}
#| export
class RandomHorizontalFlip(_Transform):
    """Mirrors each image, left to right, with probability `p`."""

    def __init__(self, p=0.5):
        self.p = p
        if not 0 <= p <= 1:
            raise ValueError(f"a probability lies between 0 and 1, not at {p}")

    def forward(self, images, random):
        """A copy of the images in which some are mirrored.

        1. `random.random(n)` draws numbers from 0 to 1; an image is mirrored if its is below `p`.
        2. Reverse the last dimension of those.
        """
        ### BEGIN SOLUTION
        mirrored = random.random(len(images)) < self.p
        result = images.copy()
        result[mirrored] = images[mirrored, :, :, ::-1]
        return result
        ### END SOLUTION


class RandomCrop(_Transform):
    """A window of `size`, a number or (rows, columns), at a random place of each padded image."""

    def __init__(self, size, padding=0):
        self.size = (size, size) if isinstance(size, int) else tuple(size)
        self.padding = padding

    def forward(self, images, random):
        """Images of shape `(N, C, *self.size)`.

        1. `np.pad` adds `self.padding` zeros on each side of the last two dimensions.
        2. For each image draw the row where its window starts, then for each the column:
           `random.integers(0, count, n)`, where `count` is how many places there are. The last
           is the one at which the window ends where the image ends.
        3. Choose the windows from `np.lib.stride_tricks.sliding_window_view`.
        """
        height, width = (size + 2 * self.padding for size in images.shape[2:])
        if height < self.size[0] or width < self.size[1]:
            raise ValueError(f"{self} does not fit into padded images of {height} x {width}")
        ### BEGIN SOLUTION
        around = (self.padding, self.padding)
        padded = np.pad(images, ((0, 0), (0, 0), around, around))
        rows = random.integers(0, height - self.size[0] + 1, len(images))
        columns = random.integers(0, width - self.size[1] + 1, len(images))
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.size, axis=(2, 3))
        return windows[np.arange(len(images)), :, rows, columns]
        ### END SOLUTION


# %% [markdown]
"""
**Test: flipping and cropping.** Each flipped image is either the image or its mirror image, about as many as `p` says, and all its channels together. Each crop is compared with every window there is, cut out by hand, and over many images every place must occur, and about as often as the others. Rows and columns are drawn independently, and everything follows from the generator.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-crop-test", "points": 6}
def test_flip():
    images = some_images(2000, 2, 3, 4)
    before, result = images.copy(), RandomHorizontalFlip(0.3)(images, np.random.default_rng(0))
    same = (result == images).all(axis=(1, 2, 3))
    mirrored = (result == images[..., ::-1]).all(axis=(1, 2, 3))
    assert (same ^ mirrored).all()
    assert 0.25 < mirrored.mean() < 0.35
    np.testing.assert_array_equal(images, before)
    again = RandomHorizontalFlip(0.3)(images, np.random.default_rng(0))
    np.testing.assert_array_equal(again, result)
    np.testing.assert_array_equal(RandomHorizontalFlip(1)(images[0]), images[0, :, :, ::-1])
    assert not np.shares_memory(RandomHorizontalFlip(0)(images), images)


def test_crop():
    images = some_images(1200, 2, 3, 4) + 1
    for (h, w), p in (((2, 2), 0), ((4, 3), 1), ((3, 3), 0), ((2, 5), 1)):
        padded = np.zeros((1200, 2, 3 + 2 * p, 4 + 2 * p), dtype=np.float32)
        padded[:, :, p : p + 3, p : p + 4] = images
        result = RandomCrop((h, w), p)(images, np.random.default_rng(1))
        assert (result.shape, result.dtype) == ((1200, 2, h, w), np.float32)
        places = np.ndindex(padded.shape[2] - h + 1, padded.shape[3] - w + 1)
        windows = [padded[:, :, r : r + h, c : c + w] for r, c in places]
        found = np.array([(result == window).all(axis=(1, 2, 3)) for window in windows])
        assert found.any(axis=0).all()
        shares = found.sum(axis=1) * len(windows) / 1200
        assert 0.7 < shares.min() <= shares.max() < 1.3
        again = RandomCrop((h, w), p)(images, np.random.default_rng(1))
        np.testing.assert_array_equal(again, result)
    assert RandomCrop(2)(images[:0]).shape == (0, 2, 2, 2)


test_flip()
test_crop()

# %% [markdown]
"""
## Step 8: From bytes to images

A file of CIFAR-10 is a row of records and nothing else. Each record has 3,073 bytes: one for the class, from 0 to 9, then 1,024 for red, 1,024 for green and 1,024 for blue, each channel row by row. That is the order `(3, 32, 32)`, so no byte has to be moved.

The images stay bytes in memory, which is a quarter of the size of float32, and become numbers from 0 to 1 only in the batch that is needed: `prepare` does it. The handwritten digits that come with scikit-learn are another small dataset: 8×8 pixels with values from 0 to 16.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "dataloader-records"}
#| export
def _read_records(path):
    """(images, labels) of a file of CIFAR-10: uint8 `(n, 3, 32, 32)` and int64 `(n,)`.

    1. `np.fromfile(path, dtype=np.uint8)` reads all bytes.
    2. Raise ValueError, with the path in it, if there is no byte, or if they are no whole records.
    3. Make rows of 3,073. The labels are their first column, as int64; raise ValueError if one is
       above 9. The images are the rest of each row.
    """
    ### BEGIN SOLUTION
    data = np.fromfile(path, dtype=np.uint8)
    if data.size == 0 or data.size % 3073:
        raise ValueError(f"{path} holds {data.size} bytes, which are no whole records of 3073")
    rows = data.reshape(-1, 3073)
    labels = rows[:, 0].astype(np.int64)
    if labels.max() > 9:
        raise ValueError(f"{path} holds a class {labels.max()}: they go from 0 to 9")
    return rows[:, 1:].reshape(-1, 3, 32, 32), labels
    ### END SOLUTION


class DigitsDataset(TensorDataset):
    """Digits of 8×8 pixels: inputs `(1, 8, 8)` in [0, 1], targets as they are.

    `features`: `(n, 64)` or `(n, 8, 8)` with values from 0 to 16, as scikit-learn has them.
    """

    def __init__(self, features, targets, transform=None):
        """Give the parent's `__init__` images of shape `(n, 1, 8, 8)` with values from 0 to 1."""
        features = np.asarray(features)
        known = features.shape[1:] in ((64,), (8, 8))
        if not known or features.min(initial=0) < 0 or features.max(initial=0) > 16:
            raise ValueError(f"no digits: 8×8 values from 0 to 16, not of shape {features.shape}")
        ### BEGIN SOLUTION
        super().__init__(features.reshape(-1, 1, 8, 8) / 16, targets, transform=transform)
        ### END SOLUTION


# %% [markdown]
"""
**Test: from bytes to images.** Records made by hand, with a pixel set in each channel; a file that is cut off, is empty, or holds an impossible class is refused by name. Digits keep their order and reach exactly 1.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-records-test", "points": 4}
def test_records_become_images():
    import tempfile

    content = np.zeros((4, 3073), dtype=np.uint8)
    content[:, 0] = [7, 9, 0, 3]
    content[1, 1 + 2] = 200  # red, first row, third column
    content[1, 1 + 1024 + 32] = 100  # green, second row, first column
    content[2, 3072] = 50  # blue, last row, last column
    with tempfile.TemporaryDirectory() as folder:
        content.tofile(path := os.path.join(folder, "some_batch.bin"))
        images, labels = _read_records(path)
        assert (images.shape, images.dtype) == ((4, 3, 32, 32), np.uint8)
        assert (labels.tolist(), labels.dtype) == ([7, 9, 0, 3], np.int64)
        assert [images[1, 0, 0, 2], images[1, 1, 1, 0], images[2, 2, 31, 31]] == [200, 100, 50]
        content[2, 0] = 10
        for wrong in (content[:2].ravel()[:-1], content[:0], content):
            wrong.tofile(path)
            with np.testing.assert_raises_regex(ValueError, "some_batch.bin"):
                _read_records(path)
    features = np.arange(128).reshape(2, 64) % 17
    for given in (features, features.reshape(2, 8, 8)):
        dataset = DigitsDataset(given, [3, 8], transform=lambda x, random: x * random)
        x, y = dataset.batch([1, 0], 2)
        assert (x.shape, x.dtype, y.tolist()) == ((2, 1, 8, 8), np.float32, [8, 3])
        np.testing.assert_allclose(x.data.reshape(2, 64) * 8, features[::-1])


test_records_become_images()

# %% [markdown]
"""
## Step 9: Files from strangers

An archive that comes over a network is a list of instructions: create this file, with this name, of this size. Whoever follows them blindly lets a stranger write on their disk. A name such as `../../.bashrc` or `/etc/passwd` leads out of the folder. A link may point anywhere, and the next member is then written through it. A file of zeros takes a thousandth of its size in the archive and fills the disk when it is unpacked. This has happened to many programs.

Two defences, and you write the heart of both. A *checksum* tells if the archive is, byte for byte, the one its makers published; it is computed piece by piece, because the archive need not fit into memory. And no member is unpacked unless it is exactly what we expect: `_refusal` says what is wrong with it. A list of what is allowed is short and complete; a list of what is forbidden never is.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-names"}
#| export
_FOLDER, _PYTHON_FOLDER = "cifar-10-batches-bin", "cifar-10-batches-py"
_TRAINING, _TEST = tuple(f"data_batch_{number}" for number in range(1, 6)), ("test_batch",)
_RECORDS = {f"{_FOLDER}/{name}.bin" for name in (*_TRAINING, *_TEST)}
_TEXTS = {f"{_FOLDER}/batches.meta.txt", f"{_FOLDER}/readme.html"}


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "dataloader-archive"}
#| exporti
def _checksum(path, algorithm="md5"):
    """The checksum of a file, as hexadecimal digits, with at most a megabyte of it in memory.

    1. `hashlib.new(algorithm)` starts one (import hashlib here).
    2. `.update(piece)` for each piece that `file.read(1_000_000)` gives, until one is empty.
    3. `.hexdigest()`.
    """
    ### BEGIN SOLUTION
    import hashlib

    total = hashlib.new(algorithm)
    with open(path, "rb") as file:
        while piece := file.read(1_000_000):
            total.update(piece)
    return total.hexdigest()
    ### END SOLUTION


def _refusal(member):
    """Why a member of an archive is not unpacked, in a few words, or "" if it may be.

    `member` has a `name`, a `size` in bytes, and the methods `isdir()` and `isreg()`: a directory,
    a regular file. Links and devices are neither.

    1. The directory `_FOLDER` itself is fine. For everything else:
    2. its name must stand in `_RECORDS` or in `_TEXTS`; 3. it must be a regular file;
    4. records: at least 1 and at most 10,000 of 3,073 bytes, and no broken one;
       texts: at most 10,000 bytes.
    """
    ### BEGIN SOLUTION
    if member.isdir() and member.name == _FOLDER:
        return ""
    if member.name not in _RECORDS | _TEXTS:
        return "it is not part of CIFAR-10"
    if not member.isreg():
        return "it is no regular file"
    if member.name in _TEXTS:
        return "it is too large" if member.size > 10_000 else ""
    records, rest = divmod(member.size, 3073)
    return "" if 1 <= records <= 10_000 and not rest else f"a size of {member.size} is wrong"
    ### END SOLUTION


# %% [markdown]
"""
**Test: files from strangers.** The checksum is compared with one known for a file of several megabytes, and memory is watched. Of the members, the real ones pass with the least and the most records; refused are names that lead outside or are merely unknown, links and devices under a right name, a directory in the place of a file, sizes that are too large, zero, or off by one byte.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-archive-test", "points": 4}
def test_checksum():
    import tempfile
    import tracemalloc

    with tempfile.TemporaryDirectory() as folder:
        np.full(6_000_000, 7, dtype=np.uint8).tofile(path := os.path.join(folder, "archive"))
        tracemalloc.start()
        found, peak = _checksum(path), tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found == "f20ceff261c1d2dbcfa2e8549e445a32"
        assert peak < 4_000_000
        assert _checksum(path, "sha256").startswith("063486d4133b16366507ca8e66f6978a")


def test_only_expected_members_are_unpacked():
    import tarfile

    def refused(name, size=3073, kind=tarfile.REGTYPE):
        member = tarfile.TarInfo(name)
        member.size, member.type = size, kind
        return bool(_refusal(member))

    folder = "cifar-10-batches-bin"
    batch, text = f"{folder}/data_batch_1.bin", f"{folder}/readme.html"
    expected = [batch, f"{folder}/data_batch_5.bin", f"{folder}/test_batch.bin"]
    assert not any(refused(name, size) for name in expected for size in (3073, 30_730_000))
    assert not any(refused(text, size) for size in (0, 88, 10_000))
    assert not refused(f"{folder}/batches.meta.txt", 61)
    assert not refused(folder, 0, tarfile.DIRTYPE)
    outside = f"../{batch}", f"/{batch}", f"{folder}/../{batch}", "test_batch.bin", f"{folder}/.rc"
    assert all(refused(name) for name in (*outside, folder))
    for kind in "SYMTYPE", "LNKTYPE", "CHRTYPE", "FIFOTYPE", "DIRTYPE":
        assert refused(batch, 3073, getattr(tarfile, kind))
        assert refused(text, 0, getattr(tarfile, kind))
    assert refused("other", 0, tarfile.DIRTYPE)
    assert all(refused(batch, size) for size in (0, 1, 3072, 3074, 30_730_001, 30_733_073))
    assert refused(text, 10_001)


test_checksum()
test_only_expected_members_are_unpacked()

# %% [markdown]
"""
## Given: CIFAR-10

The next cells are given and put your pieces to use. `CIFAR10Dataset(root)` reads what `download_cifar10(root)` fetched. There is also a layout for Python, in which each file is a *pickle*. Reading a pickle is running a program: it may call any function there is, and so it must never be done with a stranger's file. `_read_pickled` runs it in a world with only four names in it, those that these files need, and all of them are stand-ins that merely keep what they are given.

`download_cifar10` fetches the archive into a file that ends in `.part`. If the connection breaks, the next attempt asks the server for the rest only. Then comes the checksum. Another address may hold the same archive, so the same checksum is asked for, unless you pass the one of your own archive, or `checksum=False` for none at all. Then each member is unpacked into a folder of a name nobody knows, and only when all of it is there and right is the folder renamed, in one step. So there is a complete dataset or none, whenever the power fails.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-pickled"}
#| export
class _Pickled:
    """Stands in for the arrays and dtypes of a pickle: keeps what it is given, calls nothing."""

    def __init__(self, *given):
        self.given = given

    def __setstate__(self, state):
        self.state = state

    def array(self):
        """The array of bytes that was saved; anything else raises an error."""
        _, shape, dtype, by_columns, content = self.state
        if dtype.given[0] not in ("u1", b"u1") or by_columns:
            raise ValueError("its data are no bytes in rows")
        return np.frombuffer(content, np.uint8).reshape(shape)


def _read_pickled(path):
    """As `_read_records`, for a file of the Python layout, without running what it asks for."""
    import pickle

    known = {("numpy", "ndarray"): _Pickled, ("numpy", "dtype"): _Pickled}
    known |= {(f"numpy.{core}.multiarray", "_reconstruct"): _Pickled for core in ("core", "_core")}
    known["_codecs", "encode"] = lambda text, _: text.encode("latin1")

    class Unpickler(pickle._Unpickler):  # the one in Python: the faster one trusts sizes it reads
        def find_class(self, module, name):
            if (module, name) not in known:
                raise pickle.UnpicklingError(f"it asks for {module}.{name}")
            return known[module, name]

    try:
        with open(path, "rb") as file:
            content = Unpickler(file, encoding="bytes").load()
        entries = {k.decode() if isinstance(k, bytes) else k: v for k, v in content.items()}
        images, labels = entries["data"].array().reshape(-1, 3, 32, 32), entries["labels"]
        if not len(images) == len(labels) > 0 or not {*labels} <= {*range(10)}:
            raise ValueError("its labels do not fit")
        return images, np.array(labels, dtype=np.int64)
    except Exception as error:  # hostile files find every kind of error there is
        raise ValueError(f"{path} is no batch of CIFAR-10: {error!r}"[:500]) from error


class CIFAR10Dataset(TensorDataset):
    """The 50,000 images for training, or the 10,000 for testing: `(3, 32, 32)` and a class number.

    `root` is the folder that `download_cifar10` returned, or the one it is in. Images are bytes in
    memory and floating numbers from 0 to 1 in a batch, before the transform.
    """

    classes = (
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    )

    def __init__(self, root="data", train=True, transform=None):
        root, names = os.fspath(root), _TRAINING if train else _TEST
        for folder in (root, *(os.path.join(root, name) for name in (_FOLDER, _PYTHON_FOLDER))):
            for ending, read in ((".bin", _read_records), ("", _read_pickled)):
                paths = [os.path.join(folder, name + ending) for name in names]
                if all(os.path.isfile(path) for path in paths):
                    images, labels = map(np.concatenate, zip(*map(read, paths), strict=True))
                    return super().__init__(images, labels, transform=transform)
        way = f"download_cifar10({root!r}) fetches it"
        raise FileNotFoundError(f"there is no complete CIFAR-10 in {root!r}: {way}")

    def prepare(self, inputs):
        return np.divide(inputs, 255, dtype=_State.dtype)


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-fetch"}
#| export
_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
_MOST = 200_000_000  # bytes: the real archive has 170 million, and 184 million unpacked


def _size(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def _fetch(url, path):
    """Download to `path`, going on where an earlier attempt stopped, as long as more arrives."""
    from http.client import HTTPException
    from urllib.error import HTTPError

    while True:
        before, problem = _size(path), "the connection ended early"
        try:
            if _receive(url, path):
                return
        except (OSError, HTTPException) as error:
            problem = error
        if isinstance(problem, HTTPError) or _size(path) <= before:
            kept = f"{_size(path):,} bytes are kept, and the next call goes on from there"
            way = f"{kept}; another address can be given as url= or in TINYTORCH_CIFAR10_URL"
            raise ConnectionError(f"{url} cannot be read to its end ({problem}): {way}")


def _receive(url, path):
    """One attempt: append what is missing to the file at `path`. True if it is complete."""
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    have = _size(path)
    try:
        wanted = {"Range": f"bytes={have}-"} if have else {}
        response = urlopen(Request(url, headers=wanted), timeout=30)
    except HTTPError as error:
        with error:
            end = error.headers.get("Content-Range") if error.code == 416 else None
        if have and end == f"bytes */{have}":
            return True  # there is nothing after what we have
        if have and end:
            os.remove(path)  # longer than the archive: it belongs to something else
        raise
    with response:
        part = response.headers.get("Content-Range", "")
        if response.status == 206 and not part.startswith(f"bytes {have}-"):
            os.remove(path)  # not the part we asked for
            return False
        have *= response.status == 206  # "partial content"; otherwise it begins at the beginning
        length = response.headers.get("Content-Length")
        total = None if length is None else have + int(length)
        with open(path, "ab" if have else "wb") as file:
            while piece := response.read(1 << 16):
                have += file.write(piece)
                if have > _MOST:
                    raise ValueError(f"more than {_MOST:,} bytes arrive: this is not CIFAR-10")
                if sys.stderr.isatty() and (have == total or have % (1 << 20) < 1 << 16):
                    of, end = f" of {total / 1e6:.0f}" if total else "", "\n" * (have == total)
                    print(f"\rCIFAR-10: {have / 1e6:.0f}{of} MB", end=end, file=sys.stderr)
    return total is None or have >= total


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-unpack"}
#| export
class _Bounded:
    """A file that gives at most `_MOST` bytes: a few bytes can unpack to as many as you like."""

    def __init__(self, file):
        self.file, self.left = file, _MOST

    def read(self, size):
        content = self.file.read(min(size, self.left + 1))
        self.left -= len(content)
        if self.left < 0:
            raise ValueError(f"it unpacks to more than {_MOST:,} bytes")
        return content


def _complete(folder):
    """Whether all six batches are there, each of whole records."""
    sizes = [_size(os.path.join(folder, os.path.basename(name))) for name in _RECORDS]
    return all(size and size % 3073 == 0 for size in sizes)


def _unpack(archive, folder):
    """Make `folder` from the archive, all of it or nothing. ValueError if the archive is wrong."""
    import gzip
    import shutil
    import tarfile
    import tempfile
    import zlib

    aside = tempfile.mkdtemp(prefix=".cifar-10-", dir=os.path.dirname(folder))
    try:
        new = os.path.join(aside, "new")
        os.mkdir(new)
        with gzip.open(archive) as file, tarfile.open(fileobj=_Bounded(file), mode="r|") as members:
            for member in members:
                _unpack_member(members, member, new)
            while members.fileobj.fileobj.read(1 << 16):
                pass  # to the end: only there gzip finds out if a byte is wrong
        if not _complete(new):
            raise ValueError("not all six batches are in it")
        if os.path.lexists(folder):
            kept = tempfile.mkdtemp(prefix=f"{_FOLDER}-incomplete-", dir=os.path.dirname(folder))
            os.rename(folder, os.path.join(kept, _FOLDER))
            print(f"the incomplete {folder} is kept in {kept}")
        os.rename(new, folder)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"it is damaged: {error}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _unpack_member(members, member, folder):
    """Write one member, if there is nothing against it, under a name of ours."""
    target = os.path.join(folder, os.path.basename(member.name))
    if reason := _refusal(member) or "it comes twice" * os.path.lexists(target):
        raise ValueError(f"{member.name[:100]!r} in it is refused: {reason}")
    if member.isreg():
        with open(target, "xb") as file, members.extractfile(member) as content:
            file.write(content.read())


def download_cifar10(root="data", url=None, checksum=None):
    """The folder of CIFAR-10's binary version inside `root`, fetched if it is not there: 170 MB.

    `url`: another address than the official one, also by TINYTORCH_CIFAR10_URL. `checksum`: the
    MD5 or SHA-256 of that archive; without one it must be the official archive; False checks none.
    Raises ConnectionError if the address does not deliver, what came is kept and the next call
    goes on from there; ValueError if what it delivers is refused, and then nothing is kept.
    """
    import hashlib

    root = os.fspath(root)
    folder = os.path.join(root, _FOLDER)
    if _complete(folder):
        return folder
    url = url or os.environ.get("TINYTORCH_CIFAR10_URL") or _URL
    expected = _MD5 if checksum is None else str(checksum or "").lower()
    algorithm = {32: "md5", 64: "sha256"}.get(len(expected))
    if algorithm is None and checksum is not False:
        raise ValueError(f"{checksum!r} is neither an MD5 nor a SHA-256: 32 or 64 digits")
    os.makedirs(root, exist_ok=True)
    archive = os.path.join(root, f"cifar-10-{hashlib.sha256(url.encode()).hexdigest()[:8]}.part")
    try:
        _fetch(url, archive)
        if expected and (found := _checksum(archive, algorithm)) != expected:
            way = "if this archive is right, pass its own checksum, or checksum=False to trust it"
            raise ValueError(f"its {algorithm} is {found}, not {expected}: {way}")
        _unpack(archive, folder)
        os.remove(archive)
    except ValueError as error:
        if os.path.exists(archive):
            os.remove(archive)
        raise ValueError(f"the archive from {url} is refused: {error}") from error
    return folder


# %% [markdown]
"""
## Systems analysis

Measurements on your own machine; they run when this file runs as a script, or when you call them in the notebook.

**Gathering.** An epoch over 3×32×32 images, one example at a time and as whole batches. The arithmetic is none, every number is only moved; what differs is how often Python is asked.

**Working ahead.** Loading with transforms alone, then with a computation beside it, without and with a thread. How close does it come to the larger of the two, and what do batches that lie ready cost in memory?
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-analysis"}
def seconds(action):
    """The least time of some runs: other programs can only make a run slower."""
    import timeit

    return min(timeit.repeat(action, number=1, repeat=3))


def analyze_gathering():
    dataset = TensorDataset(some_images(4096, 3, 32, 32), np.arange(4096))
    single = [dataset[index] for index in range(256)]
    print("\nbatch size   microseconds an image: gathered   one at a time")
    for size in (1, 8, 64, 512):
        loaders = [DataLoader(examples, size, shuffle=True) for examples in (dataset, single)]
        many, one = (seconds(lambda x=x: list(x)) / len(x.dataset) * 1e6 for x in loaders)
        print(f"{size:10} {many:31.2f} {one:15.2f}")


def analyze_working_ahead():
    import tracemalloc

    change = Compose([RandomCrop(32, padding=4), RandomHorizontalFlip(), Normalize(0.5, 0.25)])
    dataset, weights = TensorDataset(some_images(2048, 3, 32, 32), transform=change), np.eye(600)

    def epoch(prefetch, runs):
        for _ in DataLoader(dataset, 256, prefetch=prefetch):
            for _ in range(runs):
                weights @ weights

    print(f"\nan epoch of loading takes {seconds(lambda: epoch(0, 0)) * 1e3:.1f} ms")
    for prefetch in (0, 1, 2, 8):
        both = seconds(lambda p=prefetch: epoch(p, 1)) * 1e3
        tracemalloc.start()
        epoch(prefetch, 1)
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        print(f"with 8 matrix products, prefetch {prefetch}: {both:.1f} ms, at most {peak:.0f} MB")


# %% [markdown]
"""
## Integration

The Trainer of module 08 asks its data for no more than a loop over pairs, and your loader is one.

**Test: the loader and the trainer.** A linear model learns to tell drawn digits apart, shown in a new order in each epoch by a loader that works ahead. On examples that it never saw, put aside by `random_split`, nearly all answers are right. A second run gives the same losses to the last bit.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-integration-test", "points": 1}
def test_a_model_learns_from_a_loader():
    from tinytorch.core.layers import Flatten, Linear, Sequential
    from tinytorch.core.losses import CrossEntropyLoss
    from tinytorch.core.optimizers import SGD
    from tinytorch.core.training import Trainer, evaluate_model

    random = np.random.default_rng(10)
    targets = np.arange(300) % 3
    templates = random.integers(0, 9, (3, 64))
    dataset = DigitsDataset(templates[targets] + random.integers(0, 8, (300, 64)), targets)
    training, validation = random_split(dataset, [240, 60], seed=0)
    losses = []
    for prefetch in (0, 2):
        manual_seed(0)
        model = Sequential(Flatten(), Linear(64, 3))
        trainer = Trainer(model, SGD(model.parameters(), lr=0.1), CrossEntropyLoss())
        loader = DataLoader(training, 32, shuffle=True, seed=1, prefetch=prefetch)
        history = trainer.fit(loader, epochs=5, verbose=False)
        losses.append(list(history["loss"]))
        assert evaluate_model(model, DataLoader(validation, 60))["accuracy"] > 0.95
    assert losses[0] == losses[1]
    assert losses[0][-1] < losses[0][0]


test_a_model_learns_from_a_loader()

# %% [markdown]
"""
## Production context

PyTorch's `Dataset`, `DataLoader`, `Subset` and `random_split` are what you built, under the same names. Its loader fetches examples one by one and stacks them, in separate *processes* (`num_workers`) instead of a thread: decoding a JPEG in Python holds the interpreter's lock, and a second process has a lock of its own. The price is that every process imports everything again and that batches travel through shared memory. Where an example is a row of an array, gathering whole batches in one process, as yours does, is several times faster.

TensorFlow describes the same steps as a graph, `tf.data.Dataset.shuffle(…).batch(…).prefetch(…)`, and runs them outside Python. It shuffles within a buffer, because a stream from many files has no numbers to permute. JAX brings no loader of its own; Grain, which is used with it, makes every example follow from a seed and an index, the way your epochs follow from a seed and a number. For datasets that fill many disks, examples are packed into large files that are read from front to back (WebDataset, TFRecord), since disks dislike jumping about.
"""

# %% [markdown]
"""
## Comprehensive testing

Everything together, on files in the layout of CIFAR-10 that the test writes itself: bytes are read and become numbers, a part is put aside, random crops and flips change the images, and a thread works ahead. Each image has a color of its own, so it can be recognized whatever happened to it, and its class must still be with it.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "dataloader-comprehensive-test", "points": 2}
def test_the_whole_way_from_files_to_batches():
    import tempfile

    with tempfile.TemporaryDirectory() as root:
        for number in range(1, 6):
            colors = np.arange(8)[:, None] + 8 * number
            records = np.repeat(colors, 3073, axis=1).astype(np.uint8)
            records[:, 0] %= 10
            records.tofile(os.path.join(root, f"data_batch_{number}.bin"))
        dataset = CIFAR10Dataset(root)
        with np.testing.assert_raises_regex(FileNotFoundError, "download_cifar10"):
            CIFAR10Dataset(root, train=False)
    x, y = dataset[2]
    assert (x.shape, x.dtype, dataset.classes[y.item()]) == ((3, 32, 32), np.float32, "airplane")
    np.testing.assert_allclose(x.data, 10 / 255, rtol=1e-6)
    change = [RandomCrop(32, padding=4), RandomHorizontalFlip(), Normalize(0.5, 0.25)]
    dataset.transform, seen = Compose(change), []
    for part in random_split(dataset, [30, 10], seed=1):
        for images, classes in DataLoader(part, 7, shuffle=True, seed=2, prefetch=2):
            colors = np.rint((images.data[:, 0, 15, 15] * 0.25 + 0.5) * 255).astype(int)
            assert (colors % 10).tolist() == classes.tolist()
            seen += colors.tolist()
    assert sorted(seen) == list(range(8, 48))


test_the_whole_way_from_files_to_batches()

# %%
if __name__ == "__main__":
    run_tests()
    analyze_gathering()
    analyze_working_ahead()

# %% [markdown]
"""
## 🤔 ML Systems Thinking: Interactive Questions

Answer in your own words, from the code you wrote and the numbers you measured. Two or three sentences each are enough.

**Question 1: reproducibility.** Your loader gives each epoch a generator of its own, made from the seed and the number of the epoch. What would go wrong with one generator for the whole training, drawn from by the shuffling, by the transforms in the thread, and by dropout?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "dataloader-question-seed", "points": 1}
"""
Model answer: which of them draws first would depend on how fast the thread happens to run, so two runs with the same seed would differ, and prefetching would change the result. Nor could a training be taken up at epoch 17 without drawing everything that was drawn before it.
"""

# %% [markdown]
"""
**Question 2: working ahead.** From `analyze_working_ahead`: how much of the loading disappeared behind the computation? When does a larger `prefetch` help, when does it not, and what does it cost?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "dataloader-question-prefetch", "points": 1}
"""
Model answer: nearly all of it, as long as a second core is free; the epoch takes about as long as the larger part. If loading is slower on average, the queue is always empty and more places in it change nothing. Larger values only even out batches that take unequally long, and each costs the memory of one batch.
"""

# %% [markdown]
"""
**Question 3: bytes.** CIFAR-10's training images take 154 MB as bytes. What would they take as float32, and when is the conversion done in your code? Why is it not done once, when the files are read, to save it in every epoch?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "dataloader-question-bytes", "points": 1}
"""
Model answer: 614 MB. `prepare` converts each batch when it is loaded. Converting is one pass over a batch that is needed anyway, and reading four times fewer bytes from memory pays for part of it; in a thread it costs nothing that anyone waits for. Four times the memory would be held all the time.
"""

# %% [markdown]
"""
**Question 4: strangers.** The checksum already proves that the archive is the published one. Why does `_refusal` look at every member all the same, and why does it know what is allowed rather than what is forbidden?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "dataloader-question-strangers", "points": 1}
"""
Model answer: the checksum can be left out or belong to another archive that its user trusts too much, and MD5 is no protection against somebody who makes two archives with the same sum. What is allowed can be listed completely. A list of forbidden things misses the trick that nobody thought of, such as a link followed by a member written through it.
"""

# %% [markdown]
"""
## 🎯 MODULE SUMMARY: DataLoader

You built the way from files to batches: datasets that give many examples at once, splits that stay the same, epochs that show each example exactly once in an order that follows from a seed, a thread that works ahead and changes nothing else, and random transforms for whole batches. You read a real dataset from its bytes, and you unpack nothing that you did not expect.

Put it into the package with `tito module export 10`, and see what you can do now: `tito checkpoint test 11`. In module 11 words become numbers: tokenization.
"""
