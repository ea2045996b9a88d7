"""Transforms of module 10 against a plain loop over the images, and what must hold of any."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinytorch.core.dataloader as module
from tinytorch.core.dataloader import Compose, Normalize, RandomCrop, RandomHorizontalFlip
from tinytorch.core.tensor import Tensor, manual_seed

Array = np.ndarray


def images(count: int, channels: int = 3, height: int = 5, width: int = 6) -> Array:
    shape = (count, channels, height, width)
    return np.random.default_rng(0).random(shape, dtype=np.float32) + 0.1


def normalized(transform: Any, batch: Array, random: np.random.Generator) -> list[Array]:
    def of(values: Array, channel: int) -> float:
        return float(values[channel if len(values) > 1 else 0])

    return [
        np.array([
            [[(x - of(transform.mean, c)) / of(transform.std, c) for x in row] for row in plane]
            for c, plane in enumerate(image)
        ])
        for image in batch
    ]  # fmt: skip


def flipped(transform: Any, batch: Array, random: np.random.Generator) -> list[Array]:
    return [
        np.array([[row[::-1] for row in plane] for plane in image]) if draw < transform.p else image
        for image, draw in zip(batch, random.random(len(batch)), strict=True)
    ]


def cropped(transform: Any, batch: Array, random: np.random.Generator) -> list[Array]:
    (h, w), p = transform.size, transform.padding
    height, width = batch.shape[2] + 2 * p, batch.shape[3] + 2 * p
    rows = random.integers(0, height - h + 1, len(batch))
    columns = random.integers(0, width - w + 1, len(batch))
    results = []
    for image, top, left in zip(batch, rows, columns, strict=True):
        padded = np.zeros((len(image), height, width))
        padded[:, p : p + batch.shape[2], p : p + batch.shape[3]] = image
        results.append(padded[:, top : top + h, left : left + w])
    return results


CASES: list[tuple[Any, Callable[..., list[Array]]]] = [
    (Normalize([0.1, 0.5, 0.9], [0.5, 1.0, 2.0]), normalized),
    (Normalize(0.5, 0.25), normalized),
    (Normalize((0.5,), [1.0, 2.0, 3.0]), normalized),
    (RandomHorizontalFlip(), flipped),
    (RandomHorizontalFlip(0.0), flipped),
    (RandomHorizontalFlip(1), flipped),
    (RandomCrop(4), cropped),
    (RandomCrop((5, 6)), cropped),
    (RandomCrop(5, padding=4), cropped),
    (RandomCrop((13, 2), padding=4), cropped),
]
NAMES = [str(transform) for transform, _ in CASES]


def transforms() -> set[str]:
    """The public transforms of the module, but the chain of others."""
    found = {n for n, v in vars(module).items() if isinstance(v, type) and n[0] != "_"}
    return {n for n in found if issubclass(getattr(module, n), module._Transform)}


def test_every_transform_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = {type(transform).__name__ for transform, _ in CASES}
    assert transforms() == compared
    monkeypatch.setattr(module, "New", type("New", (module._Transform,), {}), raising=False)
    assert transforms() != compared


def test_the_public_names_are_these() -> None:
    datasets = {"Dataset", "TensorDataset", "Subset", "DigitsDataset", "CIFAR10Dataset"}
    others = {"DataLoader", "Compose", "random_split", "download_cifar10"}
    assert set(module.__all__) == datasets | others | transforms()


@pytest.mark.parametrize(("transform", "plain"), CASES, ids=NAMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_transform_equals_the_loop_over_images(transform: Any, plain: Any, dtype: Any) -> None:
    batch = images(50).astype(dtype)
    before = batch.copy()
    found = transform(batch, np.random.default_rng(4))
    expected = np.array(plain(transform, batch, np.random.default_rng(4)))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert found.dtype == dtype
    np.testing.assert_array_equal(batch, before)
    assert not np.shares_memory(found, batch)
    found += 1  # nothing that the transform keeps or was given changes
    again = transform(batch, np.random.default_rng(4))
    np.testing.assert_allclose(again, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("transform", "plain"), CASES, ids=NAMES)
def test_one_image_a_tensor_and_no_image_keep_their_form(transform: Any, plain: Any) -> None:
    one = images(1)
    expected = np.array(plain(transform, one, np.random.default_rng(2)))
    alone = transform(one[0], np.random.default_rng(2))
    assert type(alone) is np.ndarray
    np.testing.assert_allclose(alone, expected[0], rtol=1e-5)
    tensor = transform(Tensor(one), np.random.default_rng(2))
    assert isinstance(tensor, Tensor)
    np.testing.assert_allclose(tensor.data, expected, rtol=1e-5)
    assert transform(images(0), np.random.default_rng(2)).shape == (0, *expected.shape[1:])


@pytest.mark.parametrize(("transform", "plain"), CASES, ids=NAMES)
@pytest.mark.parametrize("shape", [(5, 6), (6,), (1, 2, 3, 5, 6), ()])
def test_what_are_no_images_is_refused(transform: Any, plain: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"images have shape \(N, C, H, W\)"):
        transform(np.zeros(shape))


@pytest.mark.parametrize("dtype", [np.uint8, np.bool_, np.int64, np.float16])
def test_flips_and_crops_take_every_dtype(dtype: Any) -> None:
    batch = (images(9) * 2).astype(dtype)
    for transform in (RandomHorizontalFlip(), RandomCrop(3, padding=1)):
        assert transform(batch).dtype == dtype


def test_without_a_generator_manual_seed_decides() -> None:
    for transform in (RandomHorizontalFlip(), RandomCrop(3)):
        manual_seed(0)
        first, second = transform(images(30)), transform(images(30))
        manual_seed(0)
        np.testing.assert_array_equal(transform(images(30)), first)
        assert not np.array_equal(first, second)


@given(
    n=st.integers(0, 4), c=st.integers(1, 3), h=st.integers(1, 6), w=st.integers(1, 6),
    padding=st.integers(0, 3), seed=st.integers(0, 99), data=st.data(),
)  # fmt: skip
def test_a_crop_is_a_window_of_the_padded_image(
    n: int, c: int, h: int, w: int, padding: int, seed: int, data: st.DataObject
) -> None:
    size = (
        data.draw(st.integers(1, h + 2 * padding)),
        data.draw(st.integers(1, w + 2 * padding)),
    )
    batch = np.arange(1, n * c * h * w + 1.0).reshape(n, c, h, w)
    result = RandomCrop(size, padding)(batch, np.random.default_rng(seed))
    assert result.shape == (n, c, *size)
    for image, crop in zip(batch, result, strict=True):
        edges = ((0, 0), (padding, padding), (padding, padding))
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, edges), (c, *size))
        assert any(np.array_equal(crop, window) for window in windows.reshape(-1, c, *size))


@given(p=st.floats(0, 1), seed=st.integers(0, 99), n=st.integers(0, 9))
def test_flipping_by_the_same_draws_twice_changes_nothing(p: float, seed: int, n: int) -> None:
    batch, flip = images(n), RandomHorizontalFlip(p)
    once = flip(batch, np.random.default_rng(seed))
    np.testing.assert_array_equal(flip(once, np.random.default_rng(seed)), batch)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=4), st.data())
def test_normalizing_can_be_undone(mean: list[float], data: st.DataObject) -> None:
    std = [data.draw(st.floats(0.1, 5)) for _ in mean]
    batch = images(3, channels=len(mean)).astype(np.float64)
    result = Normalize(mean, std)(batch)
    back = result * np.reshape(std, (-1, 1, 1)) + np.reshape(mean, (-1, 1, 1))
    np.testing.assert_allclose(back, batch, atol=1e-9)


def test_a_chain_applies_in_order_with_one_generator() -> None:
    chain = Compose([RandomCrop(4, padding=1), RandomHorizontalFlip(), Normalize(0.5, 0.5)])
    random, batch = np.random.default_rng(1), images(20)
    expected = batch
    for transform in chain.transforms:
        expected = transform(expected, random)
    np.testing.assert_array_equal(chain(batch, np.random.default_rng(1)), expected)
    assert Compose([])(batch) is batch


def test_a_transform_says_what_it_is() -> None:
    assert repr(Compose([RandomHorizontalFlip(0.3), RandomCrop(4, padding=1)])) == (
        "Compose([RandomHorizontalFlip(p=0.3), RandomCrop(size=(4, 4), padding=1)])"
    )
    assert repr(Normalize([0.5, 0.25], 2)) == "Normalize(mean=[0.5  0.25], std=[2])"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Normalize(0.5, 0.0), r"must be above 0, not \[0.0\]"),
        (lambda: Normalize(0.5, [1.0, -1.0]), "must be above 0"),
        (lambda: Normalize(0.5, float("nan")), "must be above 0"),
        (lambda: RandomHorizontalFlip(1.5), "between 0 and 1, not at 1.5"),
        (lambda: RandomHorizontalFlip(-0.1), "between 0 and 1"),
        (lambda: RandomCrop(7)(images(2)), "does not fit into padded images of 5 x 6"),
        (lambda: RandomCrop((1, 9), padding=1)(images(2)), "does not fit"),
        (lambda: Normalize([0, 0], 1)(images(2)), r"does not fit float32 .* \(2, 3, 5, 6\)"),
        (lambda: Normalize([0, 0, 0], 1)(images(2, channels=1)), "does not fit"),
        (lambda: Normalize(0, 1)(np.zeros((1, 3, 2, 2), dtype=np.uint8)), "does not fit uint8"),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
