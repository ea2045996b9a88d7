"""Module of module 04: what it finds among its attributes, what it saves, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinytorch.core.activations import ReLU
from tinytorch.core.layers import Dropout, Flatten, Linear, Module, Sequential
from tinytorch.core.tensor import Parameter, Tensor, manual_seed


@pytest.fixture(autouse=True)
def _seeded() -> None:
    manual_seed(0)


class Normal(Module):
    """A layer with a parameter, a buffer and a setting."""

    def __init__(self, size: int) -> None:
        self.scale = Parameter(np.ones(size))
        self.register_buffer("mean", np.zeros(size))
        self.size = size

    def forward(self, x: Tensor, shift: float = 0.0) -> Tensor:
        return (x - self.mean) * self.scale + shift


def test_a_module_without_forward_says_so() -> None:
    class Empty(Module):
        pass

    with pytest.raises(NotImplementedError, match="Empty has no forward"):
        Empty()(Tensor([1.0]))


def test_a_call_passes_settings_on() -> None:
    assert Normal(2)(Tensor([1.0, 2.0]), shift=1.0).tolist() == [2.0, 3.0]


def test_a_subclass_may_call_the_parents_init_or_not() -> None:
    class Careful(Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = Linear(1, 1)

    assert [name for name, _ in Careful().named_parameters()] == ["layer.weight", "layer.bias"]
    assert Careful().training is True


def test_names_and_order_are_those_of_assignment() -> None:
    model = Module()
    model.b, model.a = Linear(1, 1, bias=False), Normal(1)
    model.steps = (Linear(1, 1, bias=False), [ReLU(), Normal(1)])
    names = ["b.weight", "a.scale", "steps.0.weight", "steps.1.1.scale"]
    assert [name for name, _ in model.named_parameters()] == names
    assert [name for name, _ in model.named_buffers()] == ["a.mean", "steps.1.1.mean"]
    assert [name for name, _ in model.named_modules()] == [
        "", "b", "a", "steps.0", "steps.1.0", "steps.1.1",
    ]  # fmt: skip


def test_children_are_direct_and_each_once() -> None:
    relu, inner = ReLU(), Sequential(Linear(1, 1))
    model = Sequential(relu, inner, relu)
    assert list(model.children()) == [relu, inner]
    assert list(model.modules()) == [model, relu, inner, inner[0]]


def test_a_class_a_tensor_and_a_number_are_no_children() -> None:
    model = Module()
    model.kind, model.table, model.size, model.name = Linear, Tensor([1.0]), 3, "x"
    assert list(model.children()) == []
    assert list(model.parameters()) == []


def test_equal_parameters_are_two_and_shared_ones_are_one() -> None:
    model = Sequential(Linear(2, 2, bias=False), Linear(2, 2, bias=False))
    model[1].weight.data[...] = model[0].weight.data
    assert len(list(model.parameters())) == 2
    model[1].weight = model[0].weight
    assert [name for name, _ in model.named_parameters()] == ["0.weight"]
    assert list(model.state_dict()) == ["0.weight"]
    fresh = Sequential(Linear(2, 2, bias=False), Linear(2, 2, bias=False))
    fresh[1].weight = fresh[0].weight
    fresh.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(fresh[1].weight.data, model[0].weight.data)


def test_parameters_in_lists_are_found() -> None:
    model = Module()
    model.scales = [Parameter([1.0]), (Parameter([1.0]), "no parameter")]
    assert [name for name, _ in model.named_parameters()] == ["scales.0", "scales.1.0"]


def test_a_layer_used_twice_keeps_its_first_name() -> None:
    layer = Linear(2, 2)
    assert [n for n, _ in Sequential(ReLU(), layer, layer).named_parameters()] == [
        "1.weight", "1.bias",
    ]  # fmt: skip


def test_a_parameter_that_is_frozen_is_still_a_parameter() -> None:
    model = Module()
    model.fixed = Parameter([1.0], requires_grad=False)
    assert list(model.parameters()) == [model.fixed]


def test_train_and_eval_return_the_module_and_reach_all_of_it() -> None:
    relu = ReLU()
    model = Sequential(Dropout(0.5), relu, Sequential(Dropout(0.5)))
    parts = [model, model[0], model[2], model[2][0]]
    assert model.eval() is model
    assert [part.training for part in parts] == [False] * 4
    assert model.train() is model
    assert [part.training for part in parts] == [True] * 4
    model.train(False)
    assert not model[2][0].training
    assert not hasattr(relu, "training")
    assert Dropout(0.5).training


def test_zero_grad_reaches_every_parameter() -> None:
    model = Sequential(Linear(2, 3), Sequential(Normal(3)))
    for parameter in model.parameters():
        parameter.grad = np.ones(parameter.shape)
    model.zero_grad()
    assert [parameter.grad for parameter in model.parameters()] == [None] * 3


def test_repr_shows_the_tree() -> None:
    model = Sequential(Linear(2, 3), Sequential(ReLU(), Dropout(0.25)), abs, Flatten())
    assert repr(model) == (
        "Sequential(\n"
        "  (0): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (1): Sequential(\n"
        "    (0): ReLU()\n"
        "    (1): Dropout(p=0.25)\n"
        "  )\n"
        "  (2): abs\n"
        "  (3): Flatten(start_dim=1)\n"
        ")"
    )
    assert repr(Sequential()) == "Sequential()"
    assert repr(Linear(1, 2, bias=False)) == "Linear(in_features=1, out_features=2, bias=False)"


# Saving and loading


def test_a_buffer_is_a_copy_that_is_saved_and_not_trained() -> None:
    source = np.zeros(2)
    model = Module()
    model.register_buffer("mean", source)
    source += 1
    assert model.mean.tolist() == [0.0, 0.0]
    assert list(model.parameters()) == []
    assert list(model.state_dict()) == ["mean"]
    model.mean = np.array([3.0, 4.0])
    state = model.state_dict()
    model.mean += 1
    assert state["mean"].tolist() == [3.0, 4.0]
    model.load_state_dict(state)
    assert model.mean.tolist() == [3.0, 4.0]


@pytest.mark.parametrize("name", ["training", "forward", "weight"])
def test_a_buffer_may_not_hide_an_attribute(name: str) -> None:
    with pytest.raises(ValueError, match=f"Linear has an attribute '{name}' already"):
        Linear(1, 1).register_buffer(name, np.zeros(1))


def test_a_state_makes_a_fresh_model_the_same() -> None:
    first, second = (Sequential(Linear(3, 4), ReLU(), Normal(4)) for _ in range(2))
    first[2].mean[...] = 0.5
    x = Tensor(np.linspace(-1, 1, 6).reshape(2, 3))
    expected = first(x).data
    assert not np.array_equal(second(x).data, expected)
    assert second.load_state_dict(first.state_dict()) is None
    np.testing.assert_array_equal(second(x).data, expected)
    assert list(first.state_dict()) == ["0.weight", "0.bias", "2.scale", "2.mean"]


def test_a_state_shares_no_array_with_the_model() -> None:
    layer = Linear(2, 2)
    before = layer.weight.data.copy()
    state = layer.state_dict()
    layer.weight.data += 1
    np.testing.assert_array_equal(state["weight"], before)
    layer.load_state_dict(state)
    state["weight"] += 1
    np.testing.assert_array_equal(layer.weight.data, before)


def test_loading_keeps_the_parameter_objects_and_their_dtype() -> None:
    layer = Linear(2, 2)
    weight = layer.weight
    state = {name: array.astype(np.float64) for name, array in layer.state_dict().items()}
    layer.load_state_dict(state)
    assert layer.weight is weight
    assert layer.weight.dtype == np.float32


def test_lists_and_tensors_are_accepted_as_values() -> None:
    layer = Linear(1, 2)
    layer.load_state_dict({"weight": [[1.0, 2.0]], "bias": Tensor([3.0, 4.0])})
    assert layer(Tensor([1.0])).tolist() == [4.0, 6.0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("0.bias"), ["missing: 0.bias"]),
        (lambda s: s.pop("1.mean"), ["missing: 1.mean"]),
        (lambda s: s.update({"2.weight": np.zeros(1)}), ["unexpected: 2.weight"]),
        (lambda s: s.update({"0.weight": np.zeros((3, 2))}), ["0.weight", "(3, 2)", "(2, 3)"]),
        (lambda s: s.update({"0.bias": np.zeros(1)}), ["0.bias", "(1,)", "(3,)"]),
        (lambda s: s.update({"1.mean": np.zeros((1, 3))}), ["1.mean", "(1, 3)"]),
        (lambda s: s.clear(), ["0.weight", "0.bias", "1.scale", "1.mean"]),
        (lambda s: s.update({"1.mean": ["a", "b", "c"]}), []),
        (lambda s: s.update({"1.mean": [[1.0], [1.0, 2.0]]}), []),
    ],
)
def test_a_wrong_state_is_refused_before_anything_changes(
    change: Callable[[dict[str, Any]], object], said: list[str]
) -> None:
    model = Sequential(Linear(2, 3), Normal(3))
    before = model.state_dict()
    state: dict[str, Any] = {name: array + 1 for name, array in before.items()}
    change(state)
    with pytest.raises((ValueError, TypeError)) as caught:
        model.load_state_dict(state)
    for part in said:
        assert part in str(caught.value)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_every_fault_of_a_state_is_named_at_once() -> None:
    with pytest.raises(ValueError, match="missing: bias\nunexpected: other\nweight has shape"):
        Linear(2, 3).load_state_dict({"weight": np.zeros(2), "other": np.zeros(1)})
