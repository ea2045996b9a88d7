"""The container of module 02: changes in place, versions, what is recorded, copies."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import tinytorch as tt
from tinytorch import Parameter, Tensor
from tinytorch.core import tensor as module
from tinytorch.core.tensor import Operation, apply, gradient_of, gradients, kernels, operations

F32, F64, I64 = np.float32, np.float64, np.int64


class Recorder:
    """The least that fulfils the protocol of `apply`: module 06 writes the real one."""

    def __init__(self) -> None:
        self.enabled = True
        self.nodes: list[tuple[Any, Any, Any]] = []

    def record(self, operation: Any, tensors: Any, output: Any) -> None:
        output.node = operation
        self.nodes.append((operation, tensors, output))


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    monkeypatch.setattr(module._State, "recorder", made)
    return made


def whole(*values: int, dtype: Any = I64) -> Tensor:
    return Tensor(np.array(values, dtype=dtype))


# In place, views and versions


def test_augmented_assignment_changes_the_array_itself() -> None:
    x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    same, array = x, x.data
    x += 1
    x -= Tensor([1.0, 2.0])
    x *= np.array([[2.0], [4.0]])
    x /= np.float64(2)
    x **= 2
    assert x is same
    assert x.data is array
    assert x.dtype == F32
    assert x.tolist() == [[1.0, 1.0], [36.0, 36.0]]
    assert x.version == 5
    x[0, 1] = 7
    x[Tensor([[False, False], [True, True]])] = Tensor([8.0, 9.0])
    assert x.tolist() == [[1.0, 7.0], [8.0, 9.0]]
    assert x.version == 7


def test_in_place_keeps_dtype_and_shape_or_refuses() -> None:
    x, n = Tensor([1.0, 2.0]), whole(1, 2)
    x += Tensor([0.5, 0.5], dtype=F64)
    x += n
    assert (x.dtype, x.tolist()) == (F32, [2.5, 4.5])
    n += 1
    assert (n.dtype, n.tolist()) == (I64, [2, 3])
    with pytest.raises(TypeError):
        n += 0.5
    with pytest.raises(TypeError):
        n /= 2
    with pytest.raises(ValueError, match="broadcast"):
        x += tt.zeros(3, 2)
    assert (x.version, n.version) == (2, 1)
    scalar = Tensor(1.0)
    scalar += 1
    assert (scalar.item(), scalar.shape, scalar.version) == (2.0, (), 1)


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.reshape(-1),
        lambda x: x.T,
        lambda x: x[0],
        lambda x: x[1:, ::2],
        lambda x: x.broadcast_to(2, 3),
        lambda x: x.detach(),
        lambda x: x.T.reshape(3, 2)[0],
        copy.copy,
    ],
)
def test_a_view_counts_versions_with_what_it_shows(view: Any) -> None:
    x = Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    shown = view(x)
    x += 1
    assert shown.version == x.version == 1
    assert np.shares_memory(shown.data, x.data)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x + 0,
        lambda x: x.T.reshape(-1),
        lambda x: x[np.array([0, 1])],
        lambda x: x[0, 0],
        lambda x: tt.cat([x]),
        lambda x: x.clip(0),
        Tensor,
        copy.deepcopy,
    ],
)
def test_a_copy_counts_versions_by_itself(make: Any) -> None:
    x = Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    made = make(x)
    before = made.tolist()
    x += 1
    assert (made.version, x.version) == (0, 1)
    assert made.tolist() == before


def test_a_broadcast_view_cannot_be_written() -> None:
    x = Tensor([1.0]).broadcast_to(3)
    with pytest.raises(ValueError, match="read-only"):
        x += 1


def test_in_place_is_refused_where_a_gradient_would_be_wrong(recorder: Recorder) -> None:
    w, x = Parameter([1.0, 2.0]), Tensor([1.0, 2.0])
    with pytest.raises(RuntimeError, match="changed in place"):
        w += 1
    with pytest.raises(RuntimeError, match="changed in place"):
        w[0] = 1
    with pytest.raises(RuntimeError, match="would be lost"):
        x += w
    with pytest.raises(RuntimeError, match="would be lost"):
        x[0] = w[0]
    x += w.detach()
    assert x.tolist() == [2.0, 4.0]
    assert (w.version, x.version) == (0, 1)
    recorder.enabled = False
    w -= x
    x += w
    assert (w.tolist(), w.version, x.version) == ([-1.0, -2.0], 1, 2)


# What is recorded


def test_apply_records_only_what_needs_a_gradient(recorder: Recorder) -> None:
    w, x = Parameter([1.0, 2.0]), Tensor([3.0, 4.0])
    assert not (x + 1).requires_grad
    y = w * x
    assert y.requires_grad
    [(operation, tensors, output)] = recorder.nodes
    assert output is y
    assert tensors[0] is w
    assert tensors[1] is x
    assert operation.inputs[0] is w.data
    assert operation.output is y.data
    assert operation.gradient is gradients.get("mul")
    assert not (w > 1).requires_grad
    assert not w.argmax().requires_grad
    recorder.enabled = False
    assert not (w * x).requires_grad
    assert len(recorder.nodes) == 1


class Places(Operation):
    """Planted: whole numbers out of floating ones, which have no gradient."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x.astype(np.int64)


class Same(Operation):
    """Planted: its result is its input, in the same memory."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x


def test_whole_results_require_no_gradient(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(operations, "places", Places)
    assert not apply("places", Parameter([1.5])).requires_grad
    assert recorder.nodes == []


def test_an_operation_may_return_its_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(operations, "same", Same)
    x = Tensor([1.0])
    y = apply("same", x)
    x += 1
    assert (y.item(), y.version) == (2.0, 1)


def test_a_kernel_brings_its_own_gradient(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gradient(operation: Any, upstream: Any) -> Any:
        return (upstream,)

    monkeypatch.setitem(kernels, "exp", (operations["exp"].forward, gradient))
    with tt.use_kernels():
        Parameter([1.0]).exp()
    Parameter([1.0]).exp()
    found = [node[0].gradient for node in recorder.nodes]
    assert found == [gradient, gradients.get("exp")]
    assert found[0] is not found[1]


def test_a_floating_input_is_recorded_itself_and_never_a_converted_copy(recorder: Recorder) -> None:
    w, wide = Parameter([1.0]), Parameter([1.0], dtype=F64)
    for other in (1, 2.5, np.float64(2), np.ones(1), whole(2), Tensor([True]), wide):
        assert (other * w).dtype == (F64 if other is wide else F32)
        assert any(t is w for t in recorder.nodes[-1][1])
    assert any(t is wide for t in recorder.nodes[-1][1])


def test_a_condition_and_an_index_cannot_change_after_use(recorder: Recorder) -> None:
    w, mask, rows = Parameter([1.0, 2.0]), Tensor([True, False]), whole(1, 0)
    tt.where(mask, w, 0.0)
    w[rows]
    w[mask,]
    mask[0] = False
    rows[0] = 0
    settings = [node[0] for node in recorder.nodes]
    assert settings[0].condition.tolist() == [True, False]
    assert settings[1].index.tolist() == [1, 0]
    assert settings[2].index[0].tolist() == [True, False]


def test_kernels_and_gradients_are_read_from_their_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    x = Tensor([1.0, 2.0])

    def kernel(operation: Any, a: Any, b: Any) -> Any:
        return a + b + 100

    monkeypatch.setitem(kernels, "add", (kernel, None))
    assert (x + x).tolist() == [2.0, 4.0]
    with tt.use_kernels():
        assert (x + x).tolist() == [102.0, 104.0]
        with tt.use_kernels(False):
            assert (x + x).tolist() == [2.0, 4.0]
        assert (x + x).tolist() == [102.0, 104.0]
    assert (x + x).tolist() == [2.0, 4.0]
    monkeypatch.delitem(gradients, "add", raising=False)

    @gradient_of("add")
    def both(operation: Any, gradient: Any) -> Any:
        return gradient, gradient

    assert gradients["add"] is both


def test_the_table_of_operations_refuses_a_second_meaning() -> None:
    with pytest.raises(TypeError, match="'add' is Add already"):

        class Other(Operation):
            name = "add"

    assert operations["add"].__name__ == "Add"
    with pytest.raises(NotImplementedError, match="'missing'"):
        apply("missing", Tensor(1.0))


# Copies and files


@pytest.mark.parametrize("kind", [Tensor, Parameter])
@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_deep_copy_and_pickle_keep_everything_but_memory(kind: Any, again: Any) -> None:
    for data in ([1.0, 2.0], 3.0):
        x = kind(data)
        x.grad = np.ones(x.shape, dtype=F32)
        made = again(x)
        assert type(made) is kind
        assert (made.tolist(), made.dtype, made.requires_grad) == (x.tolist(), F32, x.requires_grad)
        assert made.grad.tolist() == x.grad.tolist()
        assert not np.shares_memory(made.data, x.data)


def test_a_computed_tensor_is_not_copied_with_its_history(recorder: Recorder) -> None:
    y = Parameter([1.0]) * 2
    for use in (copy.deepcopy, pickle.dumps):
        with pytest.raises(RuntimeError, match="detach"):
            use(y)
    assert copy.deepcopy(y.detach()).tolist() == [2.0]


# Random numbers


def test_one_generator_for_all_random_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module._State, "random", None)
    tt.rand(1)
    assert isinstance(module._State.random, np.random.Generator)
    assert module.generator() is module._State.random
    tt.manual_seed(3)
    first = module.generator().random(3)
    tt.manual_seed(3)
    np.testing.assert_array_equal(tt.rand(3, dtype=F64).data, first)
