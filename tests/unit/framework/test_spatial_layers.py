"""The contract of module 09, beyond what the module's own tests show a student."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinytorch.core import spatial
from tinytorch.core.autograd import checkpoint, no_grad
from tinytorch.core.layers import Flatten, Linear, Sequential
from tinytorch.core.losses import CrossEntropyLoss
from tinytorch.core.spatial import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    MaxPool2d,
    conv2d_naive,
)
from tinytorch.core.tensor import Tensor, manual_seed


@pytest.fixture(autouse=True)
def _seeded() -> None:
    manual_seed(0)


def images(*shape: int, seed: int = 1) -> Tensor:
    return Tensor(np.random.default_rng(seed).standard_normal(shape))


LAYERS: list[Callable[[], Any]] = [
    lambda: Conv2d(2, 3, 1),
    lambda: MaxPool2d(1),
    lambda: AvgPool2d(1),
    lambda: AdaptiveAvgPool2d(1),
    lambda: BatchNorm2d(2),
]


def test_the_public_names_are_these() -> None:
    assert set(spatial.__all__) == {
        "Conv2d", "MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d", "BatchNorm2d", "conv2d_naive",
    }  # fmt: skip


# What all layers share


@pytest.mark.parametrize("make", LAYERS)
def test_what_is_no_batch_of_images_is_refused(make: Callable[[], Any]) -> None:
    layer = make()
    with pytest.raises(ValueError, match=r"shape \(N, C, H, W\), not \(2, 5, 5\).*unsqueeze"):
        layer(images(2, 5, 5))
    with pytest.raises(ValueError, match=r"not \(7,\)$"):
        layer(images(7))


@pytest.mark.parametrize("make", LAYERS)
def test_arrays_and_whole_numbers_become_the_default_dtype(make: Callable[[], Any]) -> None:
    pixels = np.arange(2 * 2 * 3 * 3, dtype=np.uint8).reshape(2, 2, 3, 3)
    layer = make().eval()
    expected = layer(Tensor(pixels.astype(np.float32)))
    for given in (pixels, Tensor(pixels), pixels.astype(np.float64)):
        found = layer(given)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found.data, expected.data)


@pytest.mark.parametrize("make", LAYERS)
def test_a_batch_without_images_passes_in_both_modes(make: Callable[[], Any]) -> None:
    layer = make()
    for mode in (True, False):
        x = Tensor(np.zeros((0, 2, 3, 3)), requires_grad=True)
        y = layer.train(mode)(x)
        assert y.shape[0] == 0
        y.sum().backward()
        assert x.grad is not None
        assert x.grad.shape == (0, 2, 3, 3)
        for parameter in layer.parameters():
            np.testing.assert_array_equal(parameter.grad, np.zeros(parameter.shape))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("make", LAYERS)
def test_the_default_dtype_holds_for_everything(make: Callable[[], Any]) -> None:
    layer = make()
    assert {array.dtype for array in layer.state_dict().values()} <= {np.dtype(np.float64)}
    for mode in (True, False):
        assert layer.train(mode)(images(2, 2, 3, 3)).dtype == np.float64


def test_layers_say_what_they_are() -> None:
    assert repr(Conv2d(2, 4, 3, 1, (0, 2), groups=2, bias=False)) == (
        "Conv2d(2, 4, kernel_size=(3, 3), stride=(1, 1), padding=(0, 2), dilation=(1, 1), "
        "groups=2, bias=False)"
    )
    assert repr(MaxPool2d(2)) == "MaxPool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0))"
    assert repr(AvgPool2d((2, 3), 1)).startswith("AvgPool2d(kernel_size=(2, 3), stride=(1, 1)")
    assert repr(AdaptiveAvgPool2d((1, 2))) == "AdaptiveAvgPool2d(output_size=(1, 2))"
    assert repr(BatchNorm2d(3, momentum=0.2)) == "BatchNorm2d(3, eps=1e-05, momentum=0.2)"


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "3", (1, 0), (1, 2, 3), (), None, [1, 1.0]])
def test_a_setting_that_is_no_size_is_named(wrong: Any) -> None:
    for make, name in (
        (lambda: Conv2d(1, 1, wrong), "kernel_size"),
        (lambda: Conv2d(1, 1, 1, stride=wrong), "stride"),
        (lambda: Conv2d(1, 1, 1, dilation=wrong), "dilation"),
        (lambda: AdaptiveAvgPool2d(wrong), "output_size"),
        (lambda: MaxPool2d(wrong), "kernel_size"),
        (lambda: AvgPool2d(2, wrong if wrong is not None else 0), "stride"),
        (lambda: MaxPool2d(2, padding=-1 if wrong == 0 else wrong), "padding"),
        (lambda: Conv2d(1, 1, 1, padding=-1 if wrong == 0 else wrong), "padding"),
    ):
        if name == "padding" and wrong == (1, 0):
            continue  # a padding may be 0
        with pytest.raises(ValueError, match=f"^{name} is a whole number of at least"):
            make()


def test_sizes_may_be_numbers_of_numpy() -> None:
    three = np.int64(3)
    assert Conv2d(1, 1, three, padding=(three, np.int32(1))).padding == (3, 1)


# Convolution


@pytest.mark.parametrize(("channels", "groups"), [((3, 4), 2), ((4, 3), 2), ((2, 2), 0), ((0, 1), 1)])  # fmt: skip
def test_channels_that_groups_do_not_divide_are_refused(
    channels: tuple[int, int], groups: int
) -> None:
    with pytest.raises(ValueError, match=f"{channels[0]} channels in.*groups={groups}"):
        Conv2d(*channels, 1, groups=groups)


def test_wrong_channels_are_refused() -> None:
    for layer in (Conv2d(3, 4, 1), BatchNorm2d(3)):
        with pytest.raises(ValueError, match=r"takes 3 channels.*\(2, 1, 5, 5\) have 1"):
            layer(images(2, 1, 5, 5))


@pytest.mark.parametrize(
    ("kernel", "settings"),
    [(4, {}), (6, {"padding": 1}), ((1, 5), {}), (2, {"dilation": 3}), ((4, 1), {"stride": 2})],
)
def test_a_kernel_larger_than_the_image_is_refused(kernel: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"a kernel of . .* is larger than an image of 3"):
        Conv2d(1, 1, kernel, **settings)(images(2, 1, 3, 3))
    if "dilation" not in settings:
        weight = np.ones((1, 1, *np.broadcast_to(kernel, 2)))
        with pytest.raises(ValueError, match="is larger than an image"):
            conv2d_naive(images(2, 1, 3, 3).data, weight, None, **settings)


@pytest.mark.parametrize("layer", [MaxPool2d, AvgPool2d])
def test_windows_that_do_not_fit_are_refused(layer: Any) -> None:
    with pytest.raises(ValueError, match="larger than an image of 3"):
        layer(4)(images(1, 1, 3, 3))
    with pytest.raises(ValueError, match="more than half"):
        layer((2, 3), padding=(0, 2))
    assert layer(3, padding=1).padding == (1, 1)


def test_weights_start_as_pytorch_starts_them(torch: Any) -> None:
    for args, settings in (((3, 50, 3), {}), ((8, 60, (1, 5)), {"groups": 4})):
        mine, other = Conv2d(*args, **settings), torch.nn.Conv2d(*args, **settings)
        for name, parameter in mine.named_parameters():
            theirs = getattr(other, name).detach().numpy()
            assert parameter.shape == theirs.shape
            bound = 1 / np.sqrt(np.prod(mine.weight.shape[1:]))
            for found in (parameter.data, theirs):
                assert 0.8 * bound < abs(found).max() <= bound * (1 + 1e-6)
    assert not np.array_equal(Conv2d(1, 1, 2).weight.data, Conv2d(1, 1, 2).weight.data)


def test_the_first_layer_makes_no_gradient_for_the_images() -> None:
    layer, x = Conv2d(2, 3, 3), images(2, 2, 5, 5)
    layer(x).sum().backward()
    assert x.grad is None
    weight = layer.weight.grad
    layer.zero_grad()
    x = Tensor(x.data, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(layer.weight.grad, weight)


def test_the_columns_are_not_kept_for_the_gradient() -> None:
    y = Conv2d(4, 4, 3, padding=1)(images(2, 4, 16, 16))
    node: Any = y.node
    kept = vars(node.operation)
    assert sorted(name for name, value in kept.items() if isinstance(value, np.ndarray)) == []
    assert [x.shape for x in kept["inputs"]] == [(2, 4, 16, 16), (4, 4, 3, 3), (4,)]
    assert "output" not in kept


def test_layers_leave_their_input_alone() -> None:
    x = images(2, 2, 4, 4)
    before = x.data.copy()
    for make in LAYERS:
        y = make()(x)
        y.data[...] = 7.0
        np.testing.assert_array_equal(x.data, before)


# Batch normalization


def test_running_statistics_over_several_batches_are_those_of_pytorch(torch: Any) -> None:
    mine, other = BatchNorm2d(3, momentum=0.3), torch.nn.BatchNorm2d(3, momentum=0.3)
    for seed, count in enumerate((4, 1, 7, 2)):
        x = images(count, 3, 2, 3, seed=seed) * (seed + 1.0) + 5.0
        ours, theirs = mine(x).data, other(torch.from_numpy(x.data)).detach().numpy()
        np.testing.assert_allclose(ours, theirs, atol=2e-6)
        for name in ("running_mean", "running_var"):
            found = getattr(mine, name)
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, getattr(other, name).numpy(), rtol=2e-6)
    x = images(5, 3, 2, 3)
    theirs = other.eval()(torch.from_numpy(x.data)).detach().numpy()
    np.testing.assert_allclose(mine.eval()(x).data, theirs, atol=2e-6)


def test_evaluation_without_recording_and_training_again() -> None:
    layer = BatchNorm2d(2)
    layer(images(4, 2, 3, 3))
    before = layer.state_dict()
    with no_grad():
        layer.eval()(images(4, 2, 3, 3, seed=2) + 9.0)
    for name, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    with no_grad():
        layer.train()(images(4, 2, 3, 3, seed=2))  # as in PyTorch, the mode alone decides
    assert not np.array_equal(layer.running_mean, before["running_mean"])


def test_two_values_a_channel_are_enough() -> None:
    x = Tensor([[[[1.0, 3.0]]]], dtype=np.float64, requires_grad=True)
    layer = BatchNorm2d(1, eps=0.0, momentum=1.0)
    assert layer(x).tolist() == [[[[-1.0, 1.0]]]]
    assert (layer.running_mean.tolist(), layer.running_var.tolist()) == ([2.0], [2.0])
    with pytest.raises(ValueError, match="more than one value a channel"):
        layer(x[:, :, :, :1])


def test_large_offsets_cost_no_accuracy() -> None:
    x = images(8, 2, 4, 4)
    found, expected = (BatchNorm2d(2)(Tensor(x.data + shift)).data for shift in (4096.0, 0.0))
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_a_state_goes_to_pytorch_and_comes_back(torch: Any) -> None:
    mine = Sequential(Conv2d(2, 4, 3, bias=False), BatchNorm2d(4), Conv2d(4, 2, (1, 3), groups=2))
    nn = torch.nn
    other = nn.Sequential(
        nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Conv2d(4, 2, (1, 3), groups=2)
    )
    x = images(3, 2, 6, 6)
    mine(x)
    missing = other.load_state_dict(
        {name: torch.from_numpy(array) for name, array in mine.state_dict().items()}, strict=False
    )
    assert set(missing.missing_keys) <= {"1.num_batches_tracked"}
    assert missing.unexpected_keys == []
    expected = other.eval()(torch.from_numpy(x.data)).detach().numpy()
    np.testing.assert_allclose(mine.eval()(x).data, expected, atol=1e-6)
    state = {n: v.numpy() for n, v in other.state_dict().items() if "tracked" not in n}
    fresh = Sequential(Conv2d(2, 4, 3, bias=False), BatchNorm2d(4), Conv2d(4, 2, (1, 3), groups=2))
    fresh.load_state_dict(state)
    np.testing.assert_array_equal(fresh.eval()(x).data, mine(x).data)


def test_a_checkpointed_block_has_the_same_gradients() -> None:
    block = Sequential(Conv2d(2, 3, 3, padding=1), BatchNorm2d(3), MaxPool2d(2))
    found = []
    for call in (block, lambda x: checkpoint(block, x)):
        x = images(2, 2, 4, 4)
        x.requires_grad = True
        block.zero_grad()
        y = call(x)
        (y * y).sum().backward()
        found.append([x.grad, *(p.grad.copy() for p in block.parameters())])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


# A whole network


@pytest.mark.usefixtures("float64")
def test_losses_of_a_network_are_those_of_pytorch(torch: Any) -> None:
    """The same start, the same batches, fifty steps in float64."""
    nn = torch.nn
    model = Sequential(
        Conv2d(2, 6, 3, padding=1, bias=False), BatchNorm2d(6), MaxPool2d(2),
        Conv2d(6, 4, 3, groups=2), AdaptiveAvgPool2d(2), Flatten(), Linear(16, 3),
    )  # fmt: skip
    other = nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.MaxPool2d(2),
        nn.Conv2d(6, 4, 3, groups=2), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3),
    ).double()  # fmt: skip
    with torch.no_grad():
        for (name, mine), theirs in zip(model.named_parameters(), other.parameters(), strict=True):
            array = mine.data.T if name == "6.weight" else mine.data
            theirs.copy_(torch.from_numpy(array))
    sgd = torch.optim.SGD(other.parameters(), lr=0.05)
    rng = np.random.default_rng(6)
    for _ in range(50):
        x, classes = rng.standard_normal((8, 2, 8, 8)), rng.integers(0, 3, 8)
        model.zero_grad()
        loss = CrossEntropyLoss()(model(Tensor(x)), classes)
        loss.backward()
        with no_grad():
            for parameter in model.parameters():
                parameter -= 0.05 * parameter.grad
        sgd.zero_grad()
        expected = nn.functional.cross_entropy(
            other(torch.from_numpy(x)), torch.from_numpy(classes)
        )
        expected.backward()
        sgd.step()
        assert abs(loss.item() - expected.item()) < 1e-9
