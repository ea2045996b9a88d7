"""The contract of module 04, beyond what the module's own tests show a student."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

import tinytorch.core.layers as layers
from tinytorch.core.activations import ReLU
from tinytorch.core.layers import Dropout, Flatten, Linear, Sequential, matmul
from tinytorch.core.tensor import Parameter, Tensor, manual_seed


@pytest.fixture(autouse=True)
def _seeded() -> None:
    manual_seed(0)


def test_the_public_names_are_these() -> None:
    assert set(layers.__all__) == {
        "Module", "Linear", "Dropout", "Flatten", "Sequential", "matmul",
    }  # fmt: skip


# Linear


def test_matmul_is_the_operator() -> None:
    a, b = np.arange(12.0).reshape(2, 2, 3), np.arange(12.0).reshape(3, 4)
    np.testing.assert_allclose(matmul(Tensor(a), Tensor(b)).data, a @ b)


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3), (2, 1, 5, 3), (0, 3), (4, 0, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_takes_any_dimensions_before_the_last(shape: tuple[int, ...], bias: bool) -> None:
    layer = Linear(3, 2, bias=bias)
    x = np.random.default_rng(1).normal(size=shape)
    expected = x @ layer.weight.data + (layer.bias.data if bias else 0)
    y = layer(Tensor(x))
    assert y.shape == (*shape[:-1], 2)
    np.testing.assert_allclose(y.data, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(), (2,), (3, 2), (3, 0)])
def test_linear_names_the_shape_it_cannot_take(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"Linear\(in_features=3.*got shape"):
        Linear(3, 2)(Tensor(np.zeros(shape)))


@pytest.mark.parametrize("in_features", [1, 4, 100])
@pytest.mark.parametrize("out_features", [1, 50])
def test_linear_starts_within_one_over_the_root_of_its_inputs(
    in_features: int, out_features: int
) -> None:
    bound = 1 / np.sqrt(in_features)
    many = [Linear(in_features, out_features) for _ in range(200)]
    for arrays in ([m.weight.data for m in many], [m.bias.data for m in many]):
        drawn = np.stack(arrays)
        assert np.abs(drawn).max() <= bound * (1 + 1e-6)
        assert drawn.max() > 0.9 * bound
        assert drawn.min() < -0.9 * bound
        assert abs(np.abs(drawn).mean() - bound / 2) < 0.1 * bound


def test_linear_starts_from_the_seed_of_the_course() -> None:
    manual_seed(3)
    first, second = Linear(4, 4), Linear(4, 4)
    manual_seed(3)
    again = Linear(4, 4)
    np.testing.assert_array_equal(again.weight.data, first.weight.data)
    np.testing.assert_array_equal(again.bias.data, first.bias.data)
    assert not np.array_equal(second.weight.data, first.weight.data)
    assert not np.array_equal(first.weight.data[0], first.bias.data)


def test_parameters_require_gradients_and_follow_the_default_dtype(float64: None) -> None:
    layer = Linear(2, 3)
    for parameter in layer.parameters():
        assert isinstance(parameter, Parameter)
        assert parameter.requires_grad
        assert parameter.dtype == np.float64
    assert layer(Tensor([1.0, 2.0])).dtype == np.float64


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3), (0, 3)])
def test_linear_gives_what_pytorch_gives(torch: Any, bias: bool, shape: tuple[int, ...]) -> None:
    ours, theirs = Linear(3, 4, bias=bias), torch.nn.Linear(3, 4, bias=bias)
    state = {name: value.detach().numpy() for name, value in theirs.state_dict().items()}
    state["weight"] = state["weight"].T
    ours.load_state_dict(state)
    x = np.random.default_rng(2).normal(size=shape).astype(np.float32)
    expected = theirs(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(ours(Tensor(x)).data, expected, rtol=1e-5, atol=1e-6)


def test_linear_starts_as_in_pytorch(torch: Any) -> None:
    ours, theirs = Linear(64, 500), torch.nn.Linear(64, 500)
    for name, value in theirs.state_dict().items():
        there, here = value.numpy(), ours.state_dict()[name]
        assert abs(np.abs(here).max() - np.abs(there).max()) < 0.01 * np.abs(there).max()
        assert abs(here.std() - there.std()) < 0.1 * there.std()


def test_names_are_those_of_pytorch(torch: Any) -> None:
    ours = Sequential(Linear(2, 3), ReLU(), Sequential(Linear(3, 1, bias=False), Dropout(0.1)))
    nn = torch.nn
    inner = nn.Sequential(nn.Linear(3, 1, bias=False), nn.Dropout(0.1))
    theirs = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), inner)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [n for n, _ in ours.named_modules()] == [n for n, _ in theirs.named_modules()]


# Dropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_dropout_keeps_the_expected_value(p: float) -> None:
    y = Dropout(p)(Tensor(np.ones((300, 300)))).data
    assert abs((y == 0).mean() - p) < 0.01
    np.testing.assert_allclose(y[y != 0], 1 / (1 - p), rtol=1e-6)
    assert abs(y.mean() - 1) < 0.03


def test_dropout_follows_the_seed_of_the_course() -> None:
    x, layer = Tensor(np.ones(200)), Dropout(0.5)
    manual_seed(5)
    first, second = layer(x).data, layer(x).data
    manual_seed(5)
    np.testing.assert_array_equal(layer(x).data, first)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("p", [0, 0.0])
def test_no_dropout_changes_nothing(p: float, training: bool) -> None:
    x = Tensor(np.linspace(-1, 1, 50))
    np.testing.assert_array_equal(Dropout(p).train(training)(x).data, x.data)


@pytest.mark.parametrize("p", [1, 1.0])
def test_full_dropout_gives_zeros_and_no_warning(p: float) -> None:
    x = Tensor(np.ones((3, 4)))
    y = Dropout(p)(x)
    np.testing.assert_array_equal(y.data, np.zeros((3, 4)))
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(Dropout(p).eval()(x).data, x.data)


@pytest.mark.parametrize("p", [-0.1, 1.0001, 2, float("nan"), float("inf")])
def test_dropout_refuses_what_is_no_probability(p: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Dropout(p)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (0,), (2, 3, 4)])
def test_dropout_keeps_shape_and_dtype(shape: tuple[int, ...], dtype: type) -> None:
    y = Dropout(0.3)(Tensor(np.ones(shape), dtype=dtype))
    assert y.shape == shape
    assert y.dtype == dtype


def test_dropout_is_exact_in_float64() -> None:
    y = Dropout(0.3)(Tensor(np.ones(100), dtype=np.float64)).data
    assert set(y.tolist()) == {0.0, 1 / 0.7}


def test_dropout_leaves_its_input_alone() -> None:
    x = Tensor(np.ones(100))
    Dropout(0.5)(x)
    assert x.tolist() == [1.0] * 100


# What the recorder of module 06 will see


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[bool]]]:
    """Each operation that is run: its name, and which of its inputs require a gradient."""
    tensor = importlib.import_module("tinytorch.core.tensor")
    seen: list[tuple[str, list[bool]]] = []

    class Recorder:
        enabled = True

        def record(self, operation: Any, tensors: Any, output: Tensor) -> None:
            seen.append((operation.name, [t.requires_grad for t in tensors]))

    monkeypatch.setattr(tensor._State, "recorder", Recorder())
    return seen


def test_the_mask_of_dropout_is_a_constant_factor(recorded: list[Any]) -> None:
    assert Dropout(0.5)(Tensor([1.0, 2.0], requires_grad=True)).requires_grad
    assert recorded == [("mul", [True, False])]


def test_a_network_is_one_chain_of_operations(recorded: list[Any]) -> None:
    model = Sequential(Flatten(), Linear(4, 2), Linear(2, 1, bias=False))
    assert model(Tensor(np.ones((3, 2, 2)), requires_grad=True)).requires_grad
    assert recorded == [
        ("reshape", [True]),
        ("matmul", [True, True]),
        ("add", [True, True]),
        ("matmul", [True, True]),
    ]


# Flatten and Sequential


@pytest.mark.parametrize(
    ("start", "expected"),
    [(0, (24,)), (1, (2, 12)), (2, (2, 3, 4)), (-1, (2, 3, 4)), (-2, (2, 12))],
)
def test_flatten_from_any_dimension(start: int, expected: tuple[int, ...]) -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    y = Flatten(start)(Tensor(x))
    np.testing.assert_array_equal(y.data, x.reshape(expected))


def test_flatten_of_an_empty_batch_keeps_the_features() -> None:
    assert Flatten()(Tensor(np.zeros((0, 3, 4)))).shape == (0, 12)


def test_sequential_is_a_list_of_layers() -> None:
    first, second, third = Linear(2, 3), ReLU(), Linear(3, 1)
    model = Sequential(first, second)
    assert model.append(third) is model
    assert len(model) == 3
    assert list(model) == [first, second, third]
    assert model[0] is first
    assert model[-1] is third
    assert isinstance(model[1:], Sequential)
    assert list(model[1:]) == [second, third]
    with pytest.raises(IndexError):
        model[3]


def test_sequential_runs_in_order_and_may_be_empty() -> None:
    x = Tensor([2.0])
    assert Sequential(lambda t: t + 1, lambda t: t * 10)(x).tolist() == [30.0]
    assert Sequential()(x) is x
    twice = Linear(2, 2)
    chain = Sequential(twice, twice)
    y = Tensor([1.0, -1.0])
    np.testing.assert_array_equal(chain(y).data, twice(twice(y)).data)


@pytest.mark.parametrize("wrong", [5, None, ReLU, [ReLU()], "relu"])
def test_sequential_refuses_what_is_no_layer(wrong: object) -> None:
    with pytest.raises(TypeError, match="a layer is called on a tensor"):
        Sequential(Flatten(), wrong)
    model = Sequential()
    with pytest.raises(TypeError):
        model.append(wrong)
    assert len(model) == 0


def test_a_subclass_of_sequential_may_hold_more() -> None:
    class Scaled(Sequential):
        def __init__(self, *layers: Any) -> None:
            super().__init__(*layers)
            self.factor = Parameter([2.0])

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * self.factor

    model = Scaled(Linear(1, 1, bias=False))
    assert [name for name, _ in model.named_parameters()] == ["factor", "0.weight"]
