"""The engine of module 06 beyond what its own tests show a student: memory, errors, odd inputs."""

from __future__ import annotations

import doctest
import gc
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinytorch.core.autograd as module
from tinytorch.core import tensor as tensors
from tinytorch.core.activations import gelu, relu, tanh
from tinytorch.core.autograd import Function, Variable, backward, checkpoint, grad_check, no_grad
from tinytorch.core.layers import Dropout, Linear, Sequential
from tinytorch.core.tensor import Operation, Tensor, apply, gradient_of, gradients, manual_seed

F32, F64 = np.float32, np.float64


def test_the_public_names_are_these() -> None:
    names = "backward Function no_grad grad_check checkpoint Variable"
    assert set(module.__all__) == set(names.split())


def test_examples_of_the_docstrings_hold() -> None:
    found = doctest.testmod(module)
    assert found.attempted > found.failed == 0


# Whose memory a gradient is


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: x + y,
        lambda x, y: x - y,
        lambda x, y: x.reshape(2, 1).reshape(2) + y,
        lambda x, y: x.T + y.T,
        lambda x, y: x.broadcast_to(2) + y.broadcast_to(2),
        lambda x, y: tensors.cat([x, y]),
        lambda x, y: tensors.stack([x, y]).T,
        lambda x, y: x[:] + y[...],
        lambda x, y: x + y + x + y + x,
        lambda x, y: x * y,
        lambda x, _: x,
    ],
)
def test_no_gradient_shares_memory_with_anything(function: Any) -> None:
    x, y = Variable([1.0, 2.0]), Variable([3.0, 4.0])
    output = function(x, y)
    given = np.ones(output.shape, dtype=F32)
    output.backward(given)
    arrays = [x.data, y.data, given, output.data, *(t.grad for t in (x, y) if t.grad is not None)]
    shared = [
        (i, j)
        for i in range(len(arrays))
        for j in range(i)
        if max(i, j) > 3 and np.shares_memory(arrays[i], arrays[j])
    ]
    assert shared == []


def test_rules_that_return_one_array_twice_or_a_view_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(operation: Any, gradient: Any) -> Any:
        made = gradient * 1
        return made, made

    def view(operation: Any, gradient: Any) -> Any:
        made = gradient * 1
        return made, made[:]

    for rule in (twice, view):
        monkeypatch.setitem(gradients, "add", rule)
        x, y = Variable([1.0, 2.0]), Variable([3.0, 4.0])
        (x + y).sum().backward()
        assert not np.shares_memory(x.grad, y.grad)


def test_a_fresh_gradient_is_adopted_and_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[np.ndarray] = []

    def rule(operation: Any, gradient: Any) -> Any:
        made.append(gradient * operation.output)
        return (made[0],)

    monkeypatch.setitem(gradients, "exp", rule)
    x = Variable([1.0, 2.0])
    x.exp().sum().backward()
    assert x.grad is made[0]


def test_gradients_add_up_in_place() -> None:
    x = Variable([1.0, 2.0])
    (x * 2).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    assert x.grad is first
    assert first.tolist() == [5.0, 5.0]


# What a graph holds


def test_what_no_rule_reads_is_not_kept() -> None:
    x, kept = Variable(np.ones(10)), []
    for function in (lambda x: x + 1.0, lambda x: -x, lambda x: x.sum(), lambda x: x.reshape(5, 2)):
        z = function(x * 1.0)
        assert not hasattr(z.node.operation, "inputs")
        assert not hasattr(z.node.operation, "output")
        kept.append(z)
    z = relu(x * 1.0)
    assert not hasattr(z.node.operation, "inputs")
    assert z.node.operation.output is z.data
    assert gelu(x * 1.0).node.operation.inputs


def test_memory_is_released_while_the_walk_goes_on() -> None:
    size = 100_000
    x = Variable(np.ones(size))
    y = x
    for _ in range(20):
        y = tanh(y)
    total = y.sum()
    del y
    gc.collect()
    tracemalloc.start()
    held = tracemalloc.get_traced_memory()[0]
    total.backward()
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - held < 5 * size * 4
    assert after - held <= 1.1 * size * 4


def test_steps_leave_no_cycles_behind() -> None:
    model = Sequential(Linear(4, 8), Dropout(0.5), Linear(8, 2))
    gc.collect()
    gc.disable()
    try:
        loss = (model(Tensor(np.ones((3, 4)))) ** 2).sum()
        seen = weakref.ref(loss), weakref.ref(loss.node.operation)
        loss.backward()
        del loss
        assert [each() for each in seen] == [None, None]
    finally:
        gc.enable()


# Where the walk goes


def test_one_result_of_two_paths_of_which_one_has_no_slope() -> None:
    class Blind(Function):
        def forward(self, x: np.ndarray) -> np.ndarray:
            return x + 0

        def backward(self, gradient: np.ndarray) -> None:
            return None

    x = Variable([1.0, 2.0])
    y = x * 3
    (Blind.apply(y * 2) + y).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    z = Variable(1.0)
    Blind.apply(z * 2).backward()
    assert z.grad is None


def test_floats_of_two_sizes() -> None:
    x, y = Variable([1.0, 2.0]), Tensor([3.0, 4.0], dtype=F64, requires_grad=True)
    z = x * y
    assert z.dtype == F64
    z.sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == (F32, F64)
    assert (x.grad.tolist(), y.grad.tolist()) == ([3.0, 4.0], [1.0, 2.0])


def test_retaining_the_graph() -> None:
    x = Variable([1.0, 2.0])
    y = (x.exp() * x).sum()
    backward(y, retain_graph=True)
    once = x.grad.copy()
    backward(y, retain_graph=True)
    y.backward()
    np.testing.assert_allclose(x.grad, 3 * once, rtol=1e-6)
    assert y.node.parents == ()  # who keeps the loss does not keep the graph
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.backward()


def test_a_part_that_another_walk_has_freed() -> None:
    x = Variable([1.0, 2.0])
    shared = x.exp()
    shared.sum().backward()
    x.zero_grad()
    with pytest.raises(RuntimeError, match="freed"):
        (shared * 2 + x).sum().backward()
    assert x.grad is None


def test_backward_works_inside_no_grad() -> None:
    x = Variable([1.0, 2.0])
    y = (x * x).sum()
    with no_grad():
        y.backward()
    assert x.grad.tolist() == [2.0, 4.0]


@pytest.mark.parametrize("shape", [(0,), (0, 3)])
def test_a_batch_without_examples(shape: tuple[int, ...]) -> None:
    x, bias = Variable(np.zeros(shape)), Variable(np.zeros(shape[1:]))
    (x * 2 + bias).sum().backward()
    assert x.grad.shape == shape
    assert bias.grad.tolist() == np.zeros(shape[1:]).tolist()


# In place


CHANGES: list[tuple[Callable[[Tensor, Tensor], Tensor], bool]] = [
    (lambda w, x: w * x, True),
    (lambda w, x: w + x, False),
    (lambda w, x: (w + x).exp(), False),
    (lambda w, x: w * x.reshape(2), True),
    (lambda w, x: w * x.detach(), True),
    (lambda w, x: w - x, False),
]


@pytest.mark.parametrize(("function", "needed"), CHANGES)
def test_only_a_change_of_what_is_needed_is_an_error(function: Any, needed: bool) -> None:
    w, x = Variable([1.0, 2.0]), Tensor([3.0, 4.0])
    z = function(w, x).sum()
    x += 1
    if needed:
        with pytest.raises(RuntimeError, match="changed in place"):
            z.backward()
        assert w.grad is None
    else:
        z.backward()
        assert w.grad is not None


def test_a_result_that_its_own_rule_needs() -> None:
    x = Variable([1.0, 2.0])
    z = x.exp()
    with no_grad():
        z += 1
    with pytest.raises(RuntimeError, match="'exp'"):
        z.sum().backward()


# What is refused


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        (lambda _, g: g, TypeError, "tuple of 1"),
        (lambda _, g: (g, g), TypeError, "tuple of 1"),
        (lambda _, g: (g[:1],), ValueError, r"shape \(1,\), the input has \(2,\)"),
        (lambda _, g: (g[:, None],), ValueError, r"shape \(2, 1\), the input has \(2,\)"),
        (lambda *_: (np.ones(3),), ValueError, r"shape \(3,\)"),
        (lambda *_: (1.0,), ValueError, r"shape \(\)"),
    ],
)
def test_an_answer_that_does_not_fit(
    monkeypatch: pytest.MonkeyPatch, rule: Any, error: Any, message: str
) -> None:
    monkeypatch.setitem(gradients, "neg", rule)
    with pytest.raises(error, match=f"'neg'.*{message}"):
        (-Variable([1.0, 2.0])).sum().backward()


def test_an_operation_without_a_gradient_is_named_before_anything_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(gradients, "abs")
    x = Variable([1.0, 2.0])
    with pytest.raises(NotImplementedError, match="'abs' has no gradient"):
        (x.abs() + x * 2).sum().backward()
    assert x.grad is None


def test_rules_may_be_any_callable(monkeypatch: pytest.MonkeyPatch) -> None:
    class Rule:
        def __call__(self, operation: Operation, gradient: np.ndarray) -> Any:
            return (gradient * operation.inputs[0],)

    monkeypatch.setitem(gradients, "neg", gradients["neg"])
    gradient_of("neg")(Rule())
    x = Variable([3.0])
    (-x).sum().backward()
    assert x.grad.tolist() == [3.0]


def test_a_function_without_backward_says_so() -> None:
    class Half(Function):
        def forward(self, x: np.ndarray) -> np.ndarray:
            return x / 2

    assert Half.apply(Tensor([1.0])).tolist() == [0.5]
    with pytest.raises(NotImplementedError, match="Half has no backward"):
        Half.apply(Variable([1.0])).sum().backward()
    assert "Half" not in tensors.operations


@pytest.mark.parametrize("data", [3, 2.0, [1, 2], np.ones((2, 2))])
def test_variable(data: Any) -> None:
    x = Variable(data)
    assert (type(x), x.requires_grad, x.dtype) == (Tensor, True, F32)
    with pytest.raises(TypeError, match="floating"):
        Variable(np.array([1, 2]))


def test_grad_check_reports_a_missing_slope_and_nan() -> None:
    with pytest.raises(AssertionError, match=r"input 0 is wrong at \(1,\)"):
        grad_check(lambda x: x * Tensor([1.0, 0.0], dtype=F64) + x.detach()[1], [0.0, 1.0])
    with np.errstate(invalid="ignore"), pytest.raises(AssertionError, match="nan"):
        grad_check(lambda x: x.log(), [1.0, -1.0])
    x = Tensor([1.0, 2.0])
    assert grad_check(lambda x: x * x, x)
    assert x.grad is None


# Recomputing


def test_checkpoint_with_dropout_gives_the_same_gradients() -> None:
    manual_seed(0)
    model = Sequential(Linear(4, 16), Dropout(0.5), Linear(16, 2))
    x = Tensor(np.ones((5, 4)))
    found = []
    for run in (model, lambda x: checkpoint(model, x), lambda x: checkpoint(lambda x: model(x), x)):
        manual_seed(1)
        model.zero_grad()
        y = run(x)
        manual_seed(2)  # what others draw in between changes nothing
        (y * y).sum().backward()
        after = tensors.rand(3).tolist()
        found.append([y.tolist(), after, *(p.grad.tolist() for p in model.parameters())])
    assert found[0] == found[1] == found[2]


@pytest.mark.slow
def test_checkpoint_holds_less() -> None:
    def block(x: Tensor) -> Tensor:
        for _ in range(10):
            x = gelu(x)
        return x

    x, held = Variable(np.ones(100_000)), []
    for run in (block, lambda x: checkpoint(block, x)):
        gc.collect()
        tracemalloc.start()
        y = run(x)
        held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        y.sum().backward()
    assert held[1] < 0.25 * held[0]


def test_an_error_in_a_checkpoint_leaves_the_recorder_as_it_was() -> None:
    x = Variable([1.0])

    def broken(x: Tensor) -> Tensor:
        raise KeyError("planted")

    with pytest.raises(KeyError):
        checkpoint(broken, x)
    y = checkpoint(lambda x: x * 2, x) + x * 3
    y.sum().backward()
    assert x.grad.tolist() == [5.0]


def test_a_changed_input_of_a_checkpoint_is_an_error() -> None:
    w, x = Variable([1.0]), Tensor([2.0])
    y = checkpoint(lambda x: x * w, x)
    x += 1
    with pytest.raises(RuntimeError, match=r"'checkpoint'.*in place"):
        y.sum().backward()


def test_kernels_bring_their_own_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    def rule(operation: Any, gradient: Any) -> Any:
        return (gradient * operation.output * 2,)

    monkeypatch.setitem(tensors.kernels, "exp", (lambda _, x: np.exp(x), rule))
    x = Variable([0.0])
    with tensors.use_kernels():
        y = x.exp()
    y.sum().backward()
    assert x.grad.tolist() == [2.0]
    assert apply("exp", x).node.operation.gradient is gradients["exp"]
