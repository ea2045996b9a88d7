"""The container of module 02: dtypes, operands, comparison, truth, shapes, errors."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tinytorch as tt
from tinytorch import Parameter, Tensor
from tinytorch.core import tensor as module

F32, F64, I64, U8, BOOL = np.float32, np.float64, np.int64, np.uint8, np.bool_


@pytest.fixture
def no_recorder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module._State, "recorder", None)


def whole(*values: int, dtype: Any = I64) -> Tensor:
    return Tensor(np.array(values, dtype=dtype))


# Creation


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1, F32),
        (1.5, F32),
        ([1, 2], F32),
        ([[1, 2], [3, 4]], F32),
        (True, BOOL),
        ([True, False], BOOL),
        (np.float64(1), F32),
        (np.ones(2), F32),
        (np.ones(2, dtype=np.float16), F32),
        (np.arange(2), I64),
        (np.int8(3), np.int8),
        (np.ones(2, dtype=U8), U8),
        (np.array([True]), BOOL),
        ([], F32),
    ],
)
def test_the_dtype_of_new_data(data: Any, dtype: Any) -> None:
    assert Tensor(data).dtype == dtype
    assert Tensor(data, dtype=F64).dtype == F64
    assert Tensor(Tensor(data)).dtype == dtype


def test_the_default_dtype_can_be_changed() -> None:
    tt.set_default_dtype("float64")
    try:
        assert Tensor(1.0).dtype == tt.zeros(2).dtype == tt.rand(2).dtype == F64
        assert (whole(1) * 0.5).dtype == whole(1, 2).mean().dtype == F64
    finally:
        tt.set_default_dtype(np.float32)
    for wrong in (np.int64, np.float16):
        with pytest.raises(TypeError, match="float32 or float64"):
            tt.set_default_dtype(wrong)


@pytest.mark.parametrize("data", [None, "5", [1, None], [1j], object(), [2**70]])
@pytest.mark.parametrize("dtype", [None, F32])
def test_what_is_no_number_is_refused(data: Any, dtype: Any) -> None:
    with pytest.raises(TypeError, match="holds numbers"):
        Tensor(data, dtype=dtype)
    if data != "5":
        return
    with pytest.raises(TypeError, match="holds numbers"):
        Tensor(1.0, dtype=complex)


def test_data_is_copied() -> None:
    array = np.ones(2, dtype=F32)
    x = Tensor(array)
    y = Tensor(x)
    array[0] = 5
    x[1] = 7
    assert x.tolist() == [1.0, 7.0]
    assert y.tolist() == [1.0, 1.0]


def test_r06_requires_grad_is_accepted_from_module_02_on(no_recorder: None) -> None:
    for x in (
        Tensor([1.0, 2.0], requires_grad=True),
        Parameter([1.0, 2.0]),
        tt.ones(2, requires_grad=True),
    ):
        assert x.requires_grad
        assert x.grad is None
        y = (x * 2 + 1).sum()
        assert y.item() > 0
        with pytest.raises(RuntimeError, match="module 06"):
            y.backward()
    assert not Tensor([1.0]).requires_grad


def test_only_floating_tensors_require_a_gradient() -> None:
    for data in (np.array([1, 2]), np.array([True])):
        with pytest.raises(TypeError, match="floating"):
            Tensor(data, requires_grad=True)


# dtypes of results


@pytest.mark.parametrize(
    ("result", "dtype"),
    [
        (lambda x: x.f + 1, F32),
        (lambda x: x.f + np.float64(1), F32),
        (lambda x: x.f + np.ones(2), F32),
        (lambda x: np.ones(2) + x.f, F32),
        (lambda x: x.f + x.i, F32),
        (lambda x: x.f * x.b, F32),
        (lambda x: x.f - x.b, F32),
        (lambda x: x.f + Tensor(x.f, dtype=F64), F64),
        (lambda x: x.i + 1, I64),
        (lambda x: x.i + 1.5, F32),
        (lambda x: x.i * np.float64(1.5), F32),
        (lambda x: x.i + np.ones(2), F32),
        (lambda x: x.i / 2, F32),
        (lambda x: x.i**2, I64),
        (lambda x: x.i**0.5, F32),
        (lambda x: 2.0**x.i, F32),
        (lambda x: x.i @ x.i, I64),
        (lambda x: x.i.exp(), F32),
        (lambda x: x.u + 1, U8),
        (lambda x: x.u + np.int64(1), U8),
        (lambda x: x.u + x.i, I64),
        (lambda x: x.u + np.arange(2), I64),
        (lambda x: x.u.sqrt(), F32),
        (lambda x: x.u / 255, F32),
        (lambda x: x.b + 1, I64),
        (lambda x: x.b + True, BOOL),
        (lambda x: x.b * 1.0, F32),
        (lambda x: x.b.sum(), I64),
        (lambda x: x.i.mean(), F32),
        (lambda x: x.b.mean(), F32),
        (lambda x: x.i.var(), F32),
        (lambda x: x.i.max(), I64),
        (lambda x: x.i.clip(0, 1), I64),
        (lambda x: x.f.clip(np.float64(0), np.float64(1)), F32),
        (lambda x: x.f.argmax(), I64),
        (lambda x: x.f > 0, BOOL),
        (lambda x: tt.where(x.b, 1.0, 0.0), F32),
        (lambda x: tt.where(x.b, 1, 0), I64),
        (lambda x: tt.where(x.b, x.u, 0), U8),
        (lambda x: tt.cat([x.f, x.i]), F32),
        (lambda x: tt.stack([x.b, x.b]), BOOL),
    ],
)
def test_the_dtype_of_results(result: Any, dtype: Any) -> None:
    operands = SimpleNamespace(
        f=Tensor([1.0, 2.0]), i=whole(1, 2), u=whole(1, 2, dtype=U8), b=Tensor([True, False])
    )
    x = result(operands)
    assert isinstance(x, Tensor)
    assert x.dtype == dtype
    assert isinstance(x.data, np.ndarray)


@pytest.mark.parametrize("dtype", [F32, F64])
def test_scalars_and_zero_sizes_keep_their_dtype(dtype: Any) -> None:
    x = Tensor(2.0, dtype=dtype)
    for y in (x + 1, 1 - x, x * x, x**2, x.exp(), x.sum(), x.reshape(1), x[None], tt.stack([x, x])):
        assert y.dtype == dtype
    empty = Tensor(np.zeros((0, 3)), dtype=dtype)
    for y in (
        empty * 2,
        empty.sum(axis=0),
        empty.max(axis=1),
        empty.mean(axis=-1),
        empty @ empty.T,
    ):
        assert y.dtype == dtype
    assert (empty @ empty.T).shape == (0, 0)
    with pytest.raises(ValueError, match="zero-size"):
        empty.max(axis=0)


def test_operands_that_are_no_numbers_are_refused() -> None:
    for wrong in (None, "a", {}, [None]):
        with pytest.raises(TypeError, match="holds numbers"):
            Tensor([1.0]) + wrong


def test_settings_reach_the_operation() -> None:
    x = Tensor([[1.0, 3.0], [2.0, 6.0]])
    assert x.var(axis=1, correction=0).tolist() == [1.0, 4.0]
    assert x.var(1, 0, True).tolist() == [[1.0], [4.0]]
    assert x.std(axis=1, correction=0, keepdims=True).tolist() == [[1.0], [2.0]]
    assert x.argmax(axis=0, keepdims=True).tolist() == [[1, 1]]
    assert x.argmax().item() == 3
    with pytest.raises(TypeError, match="must be boolean"):
        tt.where(x, x, 0)
    x.grad = x.data
    x.zero_grad()
    assert x.grad is None


def test_settings_that_carry_no_gradient_are_refused() -> None:
    x = Tensor([1.0])
    with pytest.raises(TypeError, match="bounds of clip"):
        x.clip(Tensor(0.0), 1)
    with pytest.raises(TypeError, match="bounds of clip"):
        x.clip(0, Tensor(1.0))
    with pytest.raises(ValueError, match="min, max or both"):
        x.clip()


# Arrays beside tensors


def test_an_array_beside_a_tensor_asks_the_tensor() -> None:
    array, x = np.array([1.0, 2.0]), Tensor([3.0, 5.0])
    results = [array + x, array - x, array * x, array / x, array**x, array @ x]
    expected = [array + x.data, array - x.data, array * x.data, array / x.data, array**x.data, 13.0]
    for result, right in zip(results, expected, strict=True):
        assert isinstance(result, Tensor)
        np.testing.assert_allclose(result.data, right, rtol=1e-6)
    assert isinstance(np.float64(2) * x, Tensor)
    assert (array == x).tolist() == [False, False]
    assert (array < x).tolist() == [True, True]
    with pytest.raises(TypeError, match="ufunc"):
        np.exp(x)


def test_numpy_takes_a_tensor_that_needs_no_gradient() -> None:
    x = Tensor([1.0, 2.0])
    assert np.asarray(x) is x.data
    assert np.array(x) is not x.data
    assert np.array([x, x]).shape == (2, 2)
    assert Tensor([x, x * 2]).tolist() == [[1.0, 2.0], [2.0, 4.0]]
    with pytest.raises(RuntimeError, match="detach"):
        np.asarray(Parameter([1.0]))
    with pytest.raises(RuntimeError, match="detach"):
        Tensor([Parameter(1.0), Parameter(2.0)])


# Comparison, truth, hash, iteration


def test_comparison_gives_booleans_by_place() -> None:
    x, y = Tensor([1.0, 2.0, 3.0]), Tensor([3.0, 2.0, 1.0])
    assert (x == y).tolist() == [False, True, False]
    assert (x != y).tolist() == [True, False, True]
    assert (x < y).tolist() == [True, False, False]
    assert (x <= y).tolist() == [True, True, False]
    assert (x > 1).tolist() == [False, True, True]
    assert (x >= 2).tolist() == [False, True, True]
    assert (np.float32(1) < x).tolist() == [False, True, True]
    assert (x == [1.0, 2.0, 4.0]).tolist() == [True, True, False]
    assert (Tensor(0.1) == np.float64(0.1)).item() is True
    with pytest.raises(ValueError, match="broadcast"):
        x == Tensor([1.0, 2.0])  # noqa: B015


def test_a_tensor_equals_nothing_that_is_no_number() -> None:
    x = Tensor([1.0, 2.0])
    for other in (None, "a", object()):
        assert (x == other) is False
        assert (x != other) is True
        with pytest.raises(TypeError):
            x < other  # noqa: B015


def test_tensors_are_hashed_by_identity() -> None:
    x, y = Tensor([1.0]), Tensor([1.0])
    assert {x: 1, y: 2}[x] == 1
    assert len({x, y, x}) == 2


def test_truth_and_numbers() -> None:
    assert bool(Tensor([[1.0]]))
    assert not Tensor(0.0)
    for shape in ((2,), (0,)):
        with pytest.raises(ValueError, match=r"neither true nor false"):
            bool(tt.zeros(shape))
    assert (float(Tensor([2.5])), int(Tensor(2.5))) == (2.5, 2)
    assert list(range(Tensor(np.int64(2)))) == [0, 1]
    with pytest.raises(TypeError):
        range(Tensor(2.0))
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        Tensor([1.0, 2.0]).item()
    assert f"{Tensor(1.23456):.2f}" == "1.23"
    assert f"{Tensor([1.0])}" == "Tensor([1.])"


def test_iteration_and_length() -> None:
    assert [row.tolist() for row in Tensor([[1.0, 2.0], [3.0, 4.0]])] == [[1.0, 2.0], [3.0, 4.0]]
    assert len(tt.zeros(3, 2)) == 3
    assert list(tt.zeros(0)) == []
    for use in (len, iter):
        with pytest.raises(TypeError, match="without dimensions"):
            use(Tensor(1.0))


def test_repr_shows_what_differs_from_the_usual() -> None:
    assert repr(Tensor([1.0, 2.0])) == "Tensor([1., 2.])"
    assert repr(whole(1)) == "Tensor([1], dtype=int64)"
    assert repr(Parameter([1.0])) == "Parameter([1.], requires_grad=True)"


# Shapes


def test_dimensions_out_of_range_are_refused() -> None:
    x = tt.zeros(2, 1, 3)
    for wrong in (
        lambda: x.squeeze(3),
        lambda: x.unsqueeze(4),
        lambda: x.unsqueeze(-5),
        lambda: x.flatten(0, 3),
        lambda: x.transpose(0, 3),
        lambda: x.squeeze(-4),
    ):
        with pytest.raises(IndexError, match="out of range"):
            wrong()
    with pytest.raises(ValueError, match="comes after"):
        x.flatten(2, 1)


def test_methods_that_only_change_the_shape() -> None:
    x = tt.zeros(2, 1, 3)
    shapes = {
        (2, 3): [x.squeeze(), x.squeeze(1), x.squeeze(-2)],
        (2, 1, 3): [x.squeeze(0), x.T.T],
        (1, 2, 1, 3): [x.unsqueeze(0), x.unsqueeze(-4)],
        (2, 1, 3, 1): [x.unsqueeze(3), x.unsqueeze(-1)],
        (6,): [x.flatten(), x.reshape(-1), x.reshape([6])],
        (2, 3, 1): [x.transpose(), x.transpose(1, 2), x.permute([0, 2, 1])],
        (3, 1, 2): [x.T, x.transpose(0, -1)],
    }
    for shape, tensors in shapes.items():
        assert [t.shape for t in tensors] == [shape] * len(tensors)
    assert x.flatten(1).shape == (2, 3)
    assert Tensor(1.0).flatten().shape == (1,)
    assert Tensor(1.0).T.shape == Tensor([[1.0]]).squeeze().shape == ()
    assert (x.size(), x.size(-1), x.ndim, x.numel()) == ((2, 1, 3), 3, 3, 6)
