"""Datasets and the loader of module 10 beyond what its own tests show a student."""

from __future__ import annotations

import doctest
import gc
import threading
import time
import traceback
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinytorch.core.dataloader as module
from tinytorch.core.dataloader import (
    DataLoader,
    Dataset,
    DigitsDataset,
    Subset,
    TensorDataset,
    random_split,
)
from tinytorch.core.tensor import (
    Tensor,
    generator,
    kernels,
    manual_seed,
    set_default_dtype,
    use_kernels,
)


def inputs(loader: Any) -> list[Any]:
    return [x.tolist() for x, *_ in loader]


def loading_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "tinytorch-prefetch"]


def none_is_left() -> bool:
    for thread in loading_threads():
        thread.join(10)
    return not loading_threads()


@pytest.fixture(autouse=True)
def _no_thread_survives() -> Iterator[None]:
    yield
    if loading_threads():
        gc.collect()  # an iterator that nobody holds ends its thread; half a second, so only now
    assert none_is_left()


def noisy(count: int) -> TensorDataset:
    """Examples which say who they are, with targets, changed at random."""
    numbers = np.arange(count)
    return TensorDataset(numbers * 1.0, numbers, transform=lambda x, r: x + r.random(x.shape) / 2)


# Datasets


def test_examples_of_the_docstrings_hold() -> None:
    found = doctest.testmod(module)
    assert found.attempted >= 2
    assert found.failed == 0


def test_a_dataset_says_what_is_missing() -> None:
    class Empty(Dataset):
        pass

    with pytest.raises(NotImplementedError, match="Empty has no __len__"):
        len(Empty())
    with pytest.raises(NotImplementedError, match="Empty has no __getitem__"):
        Empty()[0]


class Pairs(Dataset):
    """A dataset as a user writes one."""

    def __init__(self, *examples: Any) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Any:
        return self.examples[index]


@pytest.mark.parametrize(
    ("example", "dtypes"),
    [
        ((0.5, 3), ["float32", "int64"]),
        ((np.zeros(2), np.uint8(3)), ["float32", "uint8"]),
        ((Tensor([1.0]), Tensor(np.array(True))), ["float32", "bool"]),
        (([1.0, 2.0], np.float32(1)), ["float32", "float32"]),
        (0.25, ["float32"]),
        ((1.0, 2.0, np.int32(1)), ["float32", "float32", "int32"]),
    ],
)
def test_examples_of_any_kind_are_stacked(example: Any, dtypes: list[str]) -> None:
    for dataset in (Pairs(example, example, example), [example] * 3):
        first, last = DataLoader(dataset, batch_size=2)
        assert isinstance(first, tuple)
        assert [str(part.dtype) for part in first] == dtypes
        assert [part.shape[0] for part in (*first, *last)] == [2] * len(dtypes) + [1] * len(dtypes)


def test_the_default_dtype_counts_and_a_tensors_own_stays() -> None:
    wide = Tensor(np.zeros((3, 2)), dtype=np.float64)
    assert TensorDataset(wide)[0][0].dtype == np.float64
    assert TensorDataset(wide.data)[0][0].dtype == np.float32
    try:
        set_default_dtype(np.float64)
        assert TensorDataset(wide.data.astype(np.float32))[0][0].dtype == np.float64
        assert DigitsDataset(np.zeros((2, 64)), [0, 1])[0][0].dtype == np.float64
    finally:
        set_default_dtype(np.float32)


def test_whole_numbers_stay_what_they_are() -> None:
    tokens = np.arange(6).reshape(3, 2)
    x, y = next(iter(DataLoader(TensorDataset(tokens, tokens == 2), batch_size=3)))
    assert (x.dtype, y.dtype) == (tokens.dtype, np.bool_)


def test_a_dataset_of_arrays_copies_nothing_and_gives_nothing_of_its_own_away() -> None:
    array = np.zeros((1000, 1000), dtype=np.float32)
    tracemalloc.start()
    dataset = Subset(TensorDataset(array), range(900))
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert held < 100_000
    for part in (*dataset[3], *dataset.batch([3]), *next(iter(DataLoader(dataset)))):
        assert not np.shares_memory(part.data, array)


def test_a_dataset_ends_so_that_it_can_be_walked_through() -> None:
    assert [x.item() for x, _ in TensorDataset([1.0, 2.0], [0, 1])] == [1.0, 2.0]
    with pytest.raises(IndexError):
        TensorDataset([1.0])[1]
    with pytest.raises(IndexError):
        Subset(TensorDataset([1.0, 2.0]), [1])[1]


def test_examples_that_do_not_fit_together_are_told() -> None:
    with pytest.raises(ValueError, match="shape"):
        list(DataLoader([np.zeros(2), np.zeros(3)], batch_size=2))
    with pytest.raises(ValueError, match="zip"):
        list(DataLoader([(1.0, 2), (1.0,)], batch_size=2))


def test_a_subset_of_a_plain_list() -> None:
    dataset = Subset(Pairs(*"abc"), [2, 0])
    assert (len(dataset), dataset[0]) == (2, "c")
    assert len(Subset(Pairs(), [])) == 0


@pytest.mark.parametrize(
    "features",
    [np.zeros((2, 63)), np.zeros((2, 8, 9)), np.zeros(64), np.full((1, 64), 17), [[-1.0] * 64]],
)
def test_what_is_no_digit_is_refused(features: Any) -> None:
    with pytest.raises(ValueError, match="no digits"):
        DigitsDataset(features, np.zeros(len(features)))


def test_digits_and_targets_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="arrays of one length"):
        DigitsDataset(np.zeros((2, 64)), [1, 2, 3])
    assert len(DigitsDataset(np.zeros((0, 64)), [])) == 0


@given(st.lists(st.integers(0, 20), max_size=5), st.integers(0, 2**40))
def test_a_split_deals_out_everything_once(lengths: list[int], seed: int) -> None:
    count = sum(lengths)
    parts = random_split(TensorDataset(np.arange(count)), lengths, seed=seed)
    assert [len(part) for part in parts] == lengths
    assert sorted(i for part in parts for i in part.indices.tolist()) == list(range(count))


# The gather kernel


@given(st.data())
def test_the_gather_kernel_equals_the_readable_version(data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 9))
    shape = (count, *data.draw(st.lists(st.integers(0, 3), max_size=3)))
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    array = array.astype(data.draw(st.sampled_from(["f4", "f8", "u1", "i8"])))
    array = data.draw(st.sampled_from([array, array[::-1], array.astype("f4", order="F")]))
    wanted = data.draw(st.lists(st.integers(-count, count - 1), max_size=12)) if count else []
    indices = np.array(wanted, dtype=np.int64)
    found, expected = kernels["gather"][0](array, indices), array[indices]
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(found, expected)
    assert not np.shares_memory(found, array)


@pytest.mark.parametrize("indices", [[3], [-4], [0, 99]])
def test_the_gather_kernel_refuses_what_the_readable_version_refuses(indices: list[int]) -> None:
    with pytest.raises(IndexError), use_kernels():
        TensorDataset(np.zeros((3, 2))).batch(indices)
    assert kernels["gather"][0](np.arange(3), np.array([True, False, True])).tolist() == [0, 2]


def test_batches_are_the_same_with_kernels_and_stay_while_they_are_held() -> None:
    dataset = TensorDataset(np.arange(600.0).reshape(60, 10), np.arange(60))
    loader = DataLoader(dataset, batch_size=7, shuffle=True, seed=3)
    readable = list(loader)
    loader.set_epoch(0)
    with use_kernels():
        fast = list(loader)
    for (x, y), (u, v) in zip(readable, fast, strict=True):
        np.testing.assert_array_equal(x.data, u.data)
        np.testing.assert_array_equal(y.data, v.data)


# The loader


@settings(deadline=None)
@given(
    count=st.integers(0, 40),
    size=st.integers(1, 45),
    shuffle=st.booleans(),
    drop=st.booleans(),
    prefetch=st.integers(0, 3),
    seed=st.none() | st.integers(0, 2**70),
)
def test_every_epoch_shows_each_example_once(
    count: int, size: int, shuffle: bool, drop: bool, prefetch: int, seed: int | None
) -> None:
    loader = DataLoader(noisy(count), size, shuffle, drop, seed, prefetch)
    for _ in range(2):
        batches = list(loader)
        assert len(batches) == len(loader)
        shown = [int(number) for _, y in batches for number in y.data]
        assert len(set(shown)) == len(shown) == (count - count % size if drop else count)
        assert all(np.array_equal(x.data // 1, y.data) for x, y in batches)
        assert shuffle or shown == list(range(len(shown)))


def test_orders_differ_from_epoch_to_epoch_and_are_fair() -> None:
    loader = DataLoader(TensorDataset(np.arange(5)), shuffle=True, batch_size=5, seed=0)
    orders = np.array([inputs(loader)[0] for _ in range(600)])
    for place in range(5):
        assert np.bincount(orders[:, place], minlength=5).min() > 80
    assert len({tuple(order) for order in orders.tolist()}) > 100


@pytest.mark.parametrize("prefetch", [1, 2, 7, 100])
def test_prefetching_yields_exactly_what_is_yielded_without(prefetch: int) -> None:
    for seed in (3, None):
        found = []
        for count in (0, prefetch):
            manual_seed(8)
            loader = DataLoader(noisy(23), 4, shuffle=True, seed=seed, prefetch=count)
            epochs = []
            for _ in range(3):
                batches = []
                for x, y in loader:
                    generator().random(3)  # dropout, for instance
                    batches.append((x.tolist(), y.tolist()))
                epochs.append(batches)
            found.append(epochs)
        assert found[0] == found[1]
        assert found[0][0] != found[0][1]


def test_an_epoch_can_be_had_again() -> None:
    loader = DataLoader(noisy(12), 5, shuffle=True, seed=1)
    epochs = [inputs(loader) for _ in range(4)]
    other = DataLoader(noisy(12), 5, shuffle=True, seed=1)
    other.set_epoch(2)
    assert [inputs(other), inputs(other)] == epochs[2:]
    assert other.epoch == 4


def test_two_iterators_of_one_loader_do_not_disturb_each_other() -> None:
    first, second = (DataLoader(noisy(9), 2, shuffle=True, seed=1) for _ in range(2))
    together = list(zip(iter(first), iter(first), strict=True))
    epochs = [inputs(second), inputs(second)]
    assert [x.tolist() for (x, _), _ in together] == epochs[0]
    assert [x.tolist() for _, (x, _) in together] == epochs[1]


def test_what_is_made_ahead_is_bounded() -> None:
    made: list[int] = []

    class Counting(TensorDataset):
        def batch(self, indices: Any, random: Any = None) -> Any:
            made.append(len(made))
            return super().batch(indices, random)

    for taken, _ in enumerate(DataLoader(Counting(np.arange(30)), prefetch=3), 1):
        time.sleep(0.002)
        assert len(made) <= taken + 3
    assert len(made) == 30


def test_a_thread_begins_with_the_loop_and_ends_with_it() -> None:
    loader = DataLoader(noisy(20), prefetch=2)
    iterator = iter(loader)
    assert not loading_threads()
    next(iterator)
    assert len(loading_threads()) == 1
    for _ in iterator:
        pass
    assert none_is_left()
    with pytest.raises(StopIteration):
        next(iterator)


def test_abandoned_iterators_leave_no_thread() -> None:
    loader = DataLoader(noisy(50), prefetch=4)
    for _ in loader:
        break
    assert none_is_left()
    kept = iter(loader)
    next(kept)
    assert loading_threads()
    cycle: list[Any] = [kept]
    cycle.append(cycle)
    del kept, cycle
    gc.collect()
    assert none_is_left()
    with pytest.raises(ZeroDivisionError):
        [1 / 0 for _ in loader]
    gc.collect()
    assert none_is_left()


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, StopIteration, MemoryError])
@pytest.mark.parametrize("prefetch", [0, 1, 5])
def test_an_error_in_a_dataset_reaches_the_loop(kind: type[BaseException], prefetch: int) -> None:
    class Broken(Dataset):
        def __len__(self) -> int:
            return 8

        def __getitem__(self, index: int) -> int:
            if index == 5:
                raise kind("cannot read this one")
            return index

    seen, iterator = [], iter(DataLoader(Broken(), batch_size=2, prefetch=prefetch))
    # A StopIteration inside a generator is an error of its own in Python.
    with pytest.raises(RuntimeError if kind is StopIteration else kind) as caught:
        seen.extend(x.tolist() for (x,) in iterator)
    assert seen == [[0, 1], [2, 3]]
    told = "".join(traceback.format_exception(caught.value))
    assert "cannot read this one" in told
    assert "in __getitem__" in told
    assert next(iterator, None) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 0}, {"batch_size": -1}, {"batch_size": 2.0}, {"batch_size": None},
        {"batch_size": True}, {"prefetch": -1}, {"prefetch": 0.5}, {"seed": -1}, {"seed": 1.5},
    ],
)  # fmt: skip
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be a whole number from"):
        DataLoader(TensorDataset(np.zeros(3)), **wrong)


def test_wrong_epochs_are_refused() -> None:
    with pytest.raises(ValueError, match="epoch must be a whole number from 0 up, not -1"):
        DataLoader(TensorDataset(np.zeros(3))).set_epoch(-1)


def test_memory_stays_flat_over_epochs() -> None:
    dataset = TensorDataset(np.zeros((2000, 500), dtype=np.float32))
    loader = DataLoader(dataset, batch_size=100, shuffle=True, prefetch=2)
    inputs_of = [sum(len(x) for (x,) in loader)]
    tracemalloc.start()
    inputs_of += [sum(len(x) for (x,) in loader) for _ in range(5)]
    assert none_is_left()
    gc.collect()
    left, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert inputs_of == [2000] * 6
    assert left < 100_000
    assert peak < 8 * 100 * 500 * 4
