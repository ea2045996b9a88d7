"""Module 07: what optimizers accept and refuse, what they keep, save and load."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinytorch.core import optimizers
from tinytorch.core.layers import Linear
from tinytorch.core.optimizers import (
    SGD,
    Adam,
    AdamW,
    CosineAnnealingLR,
    OneCycleLR,
    Optimizer,
    RMSprop,
    StepLR,
    clip_grad_norm_,
)
from tinytorch.core.tensor import Parameter, Tensor, kernels, use_kernels

KINDS = [SGD, RMSprop, Adam, AdamW]


def stepped(kind: Callable[..., Any], **settings: Any) -> tuple[Any, list[Parameter]]:
    """An optimizer of two parameters after one step, of which the second has no gradient."""
    parameters = [Parameter([[1.0, -2.0]]), Parameter([3.0])]
    optimizer = kind([{"params": p} for p in parameters], **settings)
    parameters[0].grad = np.array([[0.5, 2.0]], np.float32)
    optimizer.step()
    return optimizer, parameters


@pytest.mark.parametrize("kernels_on", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_step_changes_the_array_in_place_and_counts_the_version(
    kind: Any, kernels_on: bool
) -> None:
    p = Parameter([1.0, 2.0])
    array, p.grad = p.data, np.array([1.0, -1.0])
    before, gradient = array.copy(), p.grad
    with use_kernels(kernels_on):
        kind([p], lr=0.1).step()
    assert p.data is array
    assert (array != before).all()
    assert p.version == 1
    assert gradient.tolist() == [1.0, -1.0]
    assert p.grad is gradient
    assert p.node is None
    assert p.requires_grad


def test_a_graph_that_used_the_old_value_is_refused() -> None:
    p = Parameter([1.0, 2.0])
    loss, p.grad = (p * p).sum(), np.ones(2)
    SGD([p], lr=0.1).step()
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


def test_nothing_is_recorded_in_update_whatever_it_does() -> None:
    seen = []

    class WithTensors(Optimizer):
        def update(self, data: Any, gradient: Any, state: Any, group: Any) -> None:
            result = self.param_groups[0]["params"][0] * 0.5
            seen.append(result.requires_grad)
            data[...] = result.data

    p = Parameter([1.0, 2.0])
    p.grad = np.ones(2)
    WithTensors([p], {"lr": 1.0}).step()
    assert seen == [False]
    assert p.tolist() == [0.5, 1.0]
    assert (p * 1).requires_grad


def test_a_subclass_with_an_update_of_its_own_gets_no_kernel() -> None:
    class Still(Adam):
        def update(self, data: Any, gradient: Any, state: Any, group: Any) -> None:
            pass

    p = Parameter([1.0])
    p.grad = np.ones(1)
    with use_kernels():
        Still([p]).step()
        assert p.tolist() == [1.0]
        Adam([p], lr=0.5).step()
    assert p.item() == pytest.approx(0.5)


def test_the_kernel_is_used_only_when_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setitem(kernels, "adam", (lambda *given: calls.append(given), None))
    p = Parameter([1.0])
    p.grad = np.ones(1)
    optimizer = Adam([p])
    optimizer.step()
    assert calls == []
    with use_kernels():
        optimizer.step()
    ((data, gradient, state, group),) = calls
    assert data is p.data
    assert gradient.tolist() == [1.0]
    assert state is optimizer.state[p]
    assert group is optimizer.param_groups[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_gradient_of_another_dtype_or_a_tensor_is_converted(kind: Any) -> None:
    paths = []
    for gradient in (np.ones(2, np.float32), np.ones(2), Tensor([1.0, 1.0]), [1.0, 1.0]):
        p = Parameter([1.0, 2.0])
        p.grad = gradient
        kind([p], lr=0.1).step()
        assert p.dtype == np.float32
        paths.append(p.tolist())
    assert all(path == paths[0] for path in paths)


def test_a_gradient_of_another_shape_is_refused() -> None:
    p = Parameter([1.0, 2.0])
    p.grad = np.ones(1, np.float32)
    with pytest.raises(ValueError, match=r"\(1,\).*\(2,\)"):
        SGD([p]).step()
    assert p.tolist() == [1.0, 2.0]


def test_parameters_may_come_from_a_generator_alone_or_in_groups() -> None:
    layer = Linear(2, 3)
    given: list[Any] = [
        layer.parameters(),
        list(layer.parameters()),
        [{"params": layer.parameters()}],
        {"params": list(layer.parameters())},
        ({"params": p} for p in layer.parameters()),
    ]
    for parameters in given:
        optimizer = SGD(parameters, lr=0.5)
        found = [p for group in optimizer.param_groups for p in group["params"]]
        assert [id(p) for p in found] == [id(p) for p in layer.parameters()]
        assert {group["lr"] for group in optimizer.param_groups} == {0.5}
    assert len(SGD(layer.weight).param_groups[0]["params"]) == 1


def test_a_group_keeps_names_and_settings_of_its_own() -> None:
    p, q = Parameter([1.0]), Parameter([2.0])
    given = {"params": [q], "lr": 0.5, "name": "head"}
    optimizer = Adam([{"params": [p]}, given], lr=0.1)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.5]
    assert optimizer.param_groups[1]["name"] == "head"
    assert given == {"params": [q], "lr": 0.5, "name": "head"}
    optimizer.add_param_group({"params": Parameter([3.0])})
    assert len(optimizer.param_groups) == 3


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: SGD([]), "no parameters"),
        (lambda: SGD(iter([])), "no parameters"),
        (lambda: SGD([np.ones(2)]), "not array"),
        (lambda: SGD([Tensor(np.arange(3))]), "not Tensor"),
        (lambda: SGD(list(Linear(2, 2).named_parameters())), r"not \('weight'"),
        (lambda: SGD([Parameter([1.0]) * 2]), "not Tensor"),
        (lambda: SGD(2 * [Parameter([1.0])]), "twice"),
        (lambda: SGD([{"params": p} for p in 2 * [Parameter([1.0])]]), "twice"),
        (lambda: SGD([Parameter([1.0])], lr=-1.0), "lr must be"),
        (lambda: SGD([Parameter([1.0])], lr=float("nan")), "lr must be"),
        (lambda: SGD([Parameter([1.0])], momentum=-0.1), "momentum must be"),
        (lambda: SGD([Parameter([1.0])], nesterov=True), "momentum=0.9"),
        (lambda: RMSprop([Parameter([1.0])], alpha=-0.1), "alpha must be"),
        (lambda: Adam([Parameter([1.0])], eps=-1e-8), "eps must be"),
        (lambda: Adam([Parameter([1.0])], betas=(0.9, 1.0)), "betas must be .* below 1"),
        (lambda: AdamW([{"params": Parameter([1.0]), "weight_decay": -1}]), "weight_decay must"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Callable[[], Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make()


def test_a_group_that_is_refused_is_not_added() -> None:
    p = Parameter([1.0])
    optimizer = SGD([p])
    for params in ([p], [Parameter([1.0]) * 1]):
        with pytest.raises(ValueError, match="SGD"):
            optimizer.add_param_group({"params": params})
    assert len(optimizer.param_groups) == 1


def plain(value: Any) -> bool:
    """Is this made of dicts, lists, arrays, numbers, booleans, strings and None only?"""
    if isinstance(value, dict):
        return all(type(k) is str and plain(v) for k, v in value.items())
    if type(value) is list:
        return all(plain(item) for item in value)
    return type(value) in (np.ndarray, int, float, bool, str, type(None))


@pytest.mark.parametrize("kernels_on", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_state_is_plain_and_a_copy(kind: Any, kernels_on: bool) -> None:
    with use_kernels(kernels_on):
        optimizer, parameters = stepped(kind, **({"momentum": 0.9} if kind is SGD else {}))
    schedule = OneCycleLR(optimizer, [0.1, 0.2], 5)
    state = optimizer.state_dict()
    assert plain(state)
    assert plain(schedule.state_dict())
    assert [group["params"] for group in state["param_groups"]] == [[0], [1]]
    assert len(state["state"]) == 2
    assert state["state"][1] == {}
    kept = copy.deepcopy(state)
    parameters[0].grad = np.ones((1, 2), np.float32)
    optimizer.step()
    schedule.step()
    assert str(state) == str(kept)
    fresh, _ = stepped(kind)
    fresh.load_state_dict(state)
    for entry in fresh.state.values():
        for value in entry.values():
            if isinstance(value, np.ndarray):
                value += 1
    assert str(state) == str(kept)
    assert fresh.param_groups[0]["lr"] == state["param_groups"][0]["lr"]
    if "betas" in fresh.defaults:
        assert type(fresh.param_groups[0]["betas"]) is tuple


def spoiled(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def make(state: Any) -> Any:
        change(state)
        return state

    return make


WRONG: list[tuple[Callable[[Any], Any], str]] = [
    (spoiled(lambda s: s["state"][0].update(exp_avg=np.zeros((2, 1)))), r"exp_avg .*\(2, 1\)"),
    (spoiled(lambda s: s["state"][0].update(exp_avg_sq=np.zeros(()))), r"exp_avg_sq .*\(\)"),
    (spoiled(lambda s: s["state"].pop()), "shorter"),
    (spoiled(lambda s: s["state"].append({})), "longer"),
    (spoiled(lambda s: s["state"].insert(0, None)), "no attribute|iterable"),
    (spoiled(lambda s: s["param_groups"].pop()), r"\[1, 1\]"),
    (spoiled(lambda s: s["param_groups"][0]["params"].append(2)), r"\[1, 1\]"),
    (spoiled(lambda s: s["param_groups"][1].pop("betas")), "betas"),
    (spoiled(lambda s: s.pop("param_groups")), "param_groups"),
    (lambda _: {}, "state"),
    (lambda _: None, "not subscriptable"),
    (lambda _: [1, 2], "indices"),
    (lambda _: SGD([Parameter([1.0])]).state_dict(), r"\[1, 1\]"),
    (lambda _: stepped(SGD)[0].state_dict(), "betas, eps"),
    (lambda _: stepped(RMSprop)[0].state_dict(), "betas"),
]


@pytest.mark.parametrize(("change", "told"), WRONG)
def test_a_wrong_state_is_refused_and_changes_nothing(
    change: Callable[[Any], Any], told: str
) -> None:
    optimizer, _ = stepped(Adam)
    before, other = str(optimizer.state_dict()), stepped(Adam, lr=0.5, betas=(0.5, 0.5))[0]
    with pytest.raises(ValueError, match=rf"no state of this Adam: .*({told})"):
        optimizer.load_state_dict(change(other.state_dict()))
    assert str(optimizer.state_dict()) == before


def test_a_state_is_loaded_in_the_parameters_dtype() -> None:
    optimizer, _ = stepped(Adam)
    p = [Parameter([[1.0, -2.0]], dtype=np.float64), Parameter([3.0], dtype=np.float64)]
    other = Adam([{"params": x} for x in p])
    other.load_state_dict(optimizer.state_dict())
    assert other.state[p[0]]["exp_avg"].dtype == np.float64


def test_a_copy_of_an_optimizer_is_independent() -> None:
    optimizer, parameters = stepped(Adam)
    other = copy.deepcopy(optimizer)
    (copied,) = other.param_groups[0]["params"]
    copied.grad = np.ones((1, 2))
    before = parameters[0].tolist()
    other.step()
    assert parameters[0].tolist() == before
    assert other.state[copied]["step"] == 2
    assert optimizer.state[parameters[0]]["step"] == 1


SCHEDULES: list[Callable[[Any], Any]] = [
    lambda optimizer: StepLR(optimizer, 2),
    lambda optimizer: CosineAnnealingLR(optimizer, 4),
    lambda optimizer: OneCycleLR(optimizer, 0.5, 4),
]


@pytest.mark.parametrize("make", SCHEDULES)
def test_a_schedule_refuses_a_wrong_state(make: Callable[[Any], Any]) -> None:
    schedule = make(stepped(SGD)[0])
    schedule.step()
    before, rates = str(schedule.state_dict()), schedule.get_last_lr()
    state = schedule.state_dict()
    others = [other(stepped(SGD)[0]) for other in SCHEDULES if other is not make]
    for wrong in (
        None,
        {},
        {**state, "base_lrs": [0.1]},
        {name: value for name, value in state.items() if name != "last_epoch"},
        *(other.state_dict() for other in others),
    ):
        with pytest.raises(ValueError, match="no state"):
            schedule.load_state_dict(wrong)
        assert str(schedule.state_dict()) == before
        assert schedule.get_last_lr() == rates


def test_when_schedules_want_to_be_called() -> None:
    assert (StepLR.interval, CosineAnnealingLR.interval, OneCycleLR.interval) == (
        "epoch",
        "epoch",
        "step",
    )


def test_one_cycle_needs_something_to_cycle_and_a_peak_for_each_group() -> None:
    class Plain(Optimizer):
        pass

    optimizer = Plain([Parameter([1.0])], {"lr": 0.1})
    with pytest.raises(ValueError, match="cycle_momentum=False"):
        OneCycleLR(optimizer, 1.0, 5)
    assert "initial_lr" not in optimizer.param_groups[0]
    assert OneCycleLR(optimizer, 1.0, 5, cycle_momentum=False).get_last_lr() == [
        pytest.approx(0.04)
    ]
    with pytest.raises(ValueError, match="zip"):
        OneCycleLR(stepped(SGD)[0], [1.0], 5)


def test_clipping_keeps_arrays_and_leaves_what_is_not_finite() -> None:
    for bad in (np.nan, np.inf):
        p = Parameter([1.0, 2.0])
        p.grad = kept = np.array([bad, 1.0], np.float32)
        assert not np.isfinite(clip_grad_norm_(p, 1.0))
        np.testing.assert_array_equal(kept, [bad, 1.0])
    p.grad = kept = np.array([3e30, 4e30], np.float32)
    assert clip_grad_norm_([p], 5.0) == pytest.approx(5e30)
    np.testing.assert_allclose(kept, [3.0, 4.0], rtol=1e-6)
    assert p.grad is kept


def test_the_public_names() -> None:
    assert set(optimizers.__all__) == {
        "Optimizer", "SGD", "RMSprop", "Adam", "AdamW",
        "StepLR", "CosineAnnealingLR", "OneCycleLR", "clip_grad_norm_",
    }  # fmt: skip
