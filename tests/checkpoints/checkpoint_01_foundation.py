"""Can I create and manipulate the building blocks of ML?

Creates tensors, broadcasts, reduces, reshapes and joins them, and with them finds a line through
points and the statistics of a small table, all against values known beforehand.
"""

from __future__ import annotations

import sys

import numpy as np

import tinytorch


def test_tensors_are_created_in_every_way() -> None:
    table = tinytorch.Tensor([[1, 2, 3], [4, 5, 6]])
    assert table.shape == (2, 3)
    assert table.dtype == np.float32
    assert tinytorch.zeros(2, 2).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert (tinytorch.ones(2) * 3 == tinytorch.full(2, 3.0)).tolist() == [True, True]
    assert (tinytorch.eye(3) @ tinytorch.arange(3.0)).tolist() == [0.0, 1.0, 2.0]
    tinytorch.manual_seed(0)
    first = tinytorch.randn(4)
    tinytorch.manual_seed(0)
    assert tinytorch.randn(4).tolist() == first.tolist()
    even, bell = tinytorch.rand(1000), tinytorch.randn(1000)
    assert 0.0 <= even.min().item() < 0.05 < 0.95 < even.max().item() < 1.0
    assert abs(bell.mean().item()) < 0.2
    assert abs(bell.std().item() - 1.0) < 0.2


def test_shapes_broadcast_and_change() -> None:
    column, row = tinytorch.Tensor([[1.0], [2.0], [3.0]]), tinytorch.Tensor([10.0, 20.0])
    table = column * row - 1
    assert table.tolist() == [[9.0, 19.0], [19.0, 39.0], [29.0, 59.0]]
    assert (table + row)[2].tolist() == [39.0, 79.0]
    assert row.broadcast_to(2, 2).tolist() == [[10.0, 20.0], [10.0, 20.0]]
    assert table.T.reshape(-1).tolist() == [9.0, 19.0, 29.0, 19.0, 39.0, 59.0]
    assert table.reshape(2, 3).tolist() == [[9.0, 19.0, 19.0], [39.0, 29.0, 59.0]]
    image = tinytorch.Tensor(np.arange(24.0).reshape(2, 3, 4))
    moved = image.permute(2, 0, 1)
    assert moved.shape == (4, 2, 3)
    assert moved[3, 1, 2].item() == 23.0
    joined = tinytorch.cat([table[:1], table[1:]], axis=0)
    assert (joined == table).data.all()
    assert tinytorch.cat([table, column], axis=1)[1].tolist() == [19.0, 39.0, 2.0]
    pair = tinytorch.stack([table, -table], axis=1)
    assert pair.shape == (3, 2, 2)
    assert pair.sum().item() == 0.0
    assert tinytorch.where(table > 25, table, 0).tolist() == [[0.0, 0.0], [0.0, 39.0], [29.0, 59.0]]


def test_statistics_of_a_table_are_the_known_ones() -> None:
    # Four people: centimetres and kilograms.
    table = tinytorch.Tensor([[150.0, 50.0], [160.0, 60.0], [170.0, 80.0], [180.0, 90.0]])
    assert table.mean(axis=0).tolist() == [165.0, 70.0]
    np.testing.assert_allclose(table.var(axis=0).data, [500 / 3, 1000 / 3], rtol=1e-6)
    assert table.mean(axis=1).tolist() == [100.0, 110.0, 125.0, 135.0]
    assert table.var(axis=1).tolist() == [5000.0, 5000.0, 4050.0, 4050.0]
    assert table.max(axis=0).tolist() == [180.0, 90.0]
    assert table.min(axis=1).tolist() == [50.0, 60.0, 80.0, 90.0]
    centred = table - table.mean(axis=0, keepdims=True)
    scores = centred / table.std(axis=0)
    correlation = (scores[:, 0] * scores[:, 1]).sum() / 3
    np.testing.assert_allclose(correlation.item(), 0.98994949, rtol=1e-5)


def test_scores_become_probabilities() -> None:
    odds = tinytorch.Tensor([[1.0, 2.0, 5.0], [3.0, 1.0, 4.0]])
    scores = odds.log() + 20
    powers = (scores - scores.max(axis=-1, keepdims=True)).exp()
    probabilities = powers / powers.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(probabilities.data, odds.data / 8, rtol=1e-5)
    np.testing.assert_allclose(odds.log().exp().data, odds.data, rtol=1e-5)
    assert probabilities.sum(axis=1).shape == (2,)
    assert probabilities.argmax(axis=1).tolist() == [2, 2]
    distance = ((odds[0] - odds[1]) ** 2).sum().sqrt()
    np.testing.assert_allclose(distance.item(), 6**0.5, rtol=1e-6)
    assert (odds - 3).abs().clip(1, 2).tolist() == [[2.0, 1.0, 2.0], [1.0, 2.0, 1.0]]


def test_a_line_is_found_through_noisy_points() -> None:
    # Least squares: the slope that steepest descent on the squared error settles at.
    x = tinytorch.Tensor([0.0, 1.0, 2.0, 3.0, 4.0], dtype=np.float64)
    y = tinytorch.Tensor([1.1, 2.9, 5.2, 6.8, 9.0], dtype=np.float64)
    inputs = tinytorch.stack([x, tinytorch.ones(5, dtype=np.float64)], axis=1)
    line = tinytorch.zeros(2, dtype=np.float64)
    for _ in range(2000):
        line -= 0.02 * (inputs.T @ (inputs @ line - y))
    np.testing.assert_allclose(line.data, [1.97, 1.06], rtol=1e-9)


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            shown = name.removeprefix("test_").replace("_", " ")
            try:
                test()
            except Exception as error:
                print(f"✗ {shown}: {type(error).__name__}: {error}")
                sys.exit(1)
            print(f"✓ {shown}")
