"""Can I process spatial data like images with convolutional operations?

Edges are found in an image and compared with sums done by hand, every layer is held against
measured slopes and known statistics, and a small network learns to tell shapes it has to find.
"""

import sys

import numpy as np

# Each test imports what it uses: with a part missing, the checkpoint says which test that stops.


def shapes(count, seed):
    """Noisy images (count, 1, 10, 10), each with a bar, a stroke or a corner at some place."""
    rng = np.random.default_rng(seed)
    patterns = np.zeros((4, 4, 4))
    patterns[0, 1], patterns[1, :, 1] = 1.0, 1.0
    patterns[2] = np.eye(4)
    patterns[3, 0, :3], patterns[3, :3, 0] = 1.0, 1.0
    images, classes = 0.2 * rng.standard_normal((count, 1, 10, 10)), rng.integers(0, 4, count)
    for image, kind, (i, j) in zip(images, classes, rng.integers(0, 7, (count, 2)), strict=True):
        image[0, i : i + 4, j : j + 4] += patterns[kind]
    return images, classes


def test_edges_are_found():
    """A kernel of differences finds the edges of a square, where they are and nowhere else."""
    from tinytorch.core.spatial import Conv2d, conv2d_naive
    from tinytorch.core.tensor import Tensor

    image = np.zeros((1, 1, 6, 8))
    image[..., 2:4, 3:6] = 1.0
    layer = Conv2d(1, 2, 3, padding=1)
    across = np.array([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
    layer.weight.data[...] = np.stack([across, across.T])[:, None]
    layer.bias.data[...] = [0.0, 10.0]
    found = layer(Tensor(image)).data
    assert found[0, 0, 2].tolist() == [0, 0, -3, -3, 0, 3, 3, 0]
    assert found[0, 0, 0].tolist() == [0] * 8
    assert found[0, 1, 1].tolist() == [10, 10, 9, 7, 6, 7, 9, 10]
    loops = conv2d_naive(image, layer.weight.data, layer.bias.data, padding=1)
    np.testing.assert_allclose(found, loops, atol=1e-6)
    moved = layer(Tensor(np.roll(image, (1, 2), axis=(2, 3)))).data
    np.testing.assert_allclose(moved[:, :, 1:, 2:], found[:, :, :-1, :-2], atol=1e-6)


def test_settings_of_the_convolution():
    """Stride, padding, dilation and groups give the sizes and the numbers that they should."""
    from tinytorch.core.spatial import Conv2d, conv2d_naive
    from tinytorch.core.tensor import Tensor

    rng = np.random.default_rng(1)
    x = rng.standard_normal((2, 4, 7, 9))
    layer = Conv2d(4, 6, (3, 2), stride=(2, 3), padding=(1, 0))
    expected = conv2d_naive(x, layer.weight.data, layer.bias.data, (2, 3), (1, 0))
    assert expected.shape == (2, 6, 4, 3)
    np.testing.assert_allclose(layer(Tensor(x)).data, expected, atol=1e-5)
    layer = Conv2d(4, 6, 2, dilation=(1, 3), groups=2, bias=False)
    assert layer.weight.shape == (6, 2, 2, 2)
    spread = np.zeros((6, 4, 2, 4))
    spread[:3, :2, :, ::3], spread[3:, 2:, :, ::3] = layer.weight.data[:3], layer.weight.data[3:]
    np.testing.assert_allclose(layer(Tensor(x)).data, conv2d_naive(x, spread), atol=1e-5)
    assert layer(Tensor(x[:0])).shape == (0, 6, 6, 6)
    try:
        Conv2d(4, 6, 8)(Tensor(x))
    except ValueError as error:
        assert str(error)
    else:
        raise AssertionError("a kernel larger than the image was accepted")


def test_pooling():
    """Largest numbers and means of windows are known, and the slope goes to the largest."""
    from tinytorch.core.spatial import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
    from tinytorch.core.tensor import Tensor

    x = Tensor(np.arange(16.0).reshape(1, 1, 4, 4) - 20, requires_grad=True)
    assert MaxPool2d(2)(x).tolist() == [[[[-15, -13], [-7, -5]]]]
    assert MaxPool2d(3, stride=2, padding=1)(x).tolist() == [[[[-15, -13], [-7, -5]]]]
    assert AvgPool2d(2)(x).tolist() == [[[[-17.5, -15.5], [-9.5, -7.5]]]]
    np.testing.assert_allclose(AdaptiveAvgPool2d((1, 2))(x).data, [[[[-13.5, -11.5]]]], rtol=1e-6)
    MaxPool2d(2, stride=1)(x).sum().backward()
    assert x.grad[0, 0].tolist() == [[0] * 4] + [[0, 1, 1, 1]] * 3
    assert MaxPool2d(2)(Tensor(np.zeros((0, 1, 4, 4)))).shape == (0, 1, 2, 2)


def test_normalization_remembers():
    """A batch is normalized by its own numbers; in evaluation by what training has seen."""
    from tinytorch.core.spatial import BatchNorm2d
    from tinytorch.core.tensor import Tensor

    rng, layer = np.random.default_rng(2), BatchNorm2d(2)
    centres, widths = np.array([[[5.0]], [[-1.0]]]), np.array([[[3.0]], [[0.5]]])
    for _ in range(100):
        x = Tensor(rng.standard_normal((16, 2, 6, 6)) * widths + centres)
        y = layer(x).data
        np.testing.assert_allclose(y.mean(axis=(0, 2, 3)), [0.0, 0.0], atol=1e-5)
        np.testing.assert_allclose(y.var(axis=(0, 2, 3)), [1.0, 1.0], atol=1e-3)
    np.testing.assert_allclose(layer.running_mean, [5.0, -1.0], atol=0.2)
    np.testing.assert_allclose(layer.running_var, [9.0, 0.25], rtol=0.1)
    state, alone = layer.state_dict(), layer.eval()(Tensor(centres[None])).data
    np.testing.assert_allclose(alone, np.zeros((1, 2, 1, 1)), atol=0.2)
    fresh = BatchNorm2d(2)
    fresh.load_state_dict(state)
    np.testing.assert_array_equal(fresh.eval()(x).data, layer(x).data)


def test_slopes_through_every_layer():
    """The slopes by the image and by all parameters agree with measured ones."""
    from tinytorch.core.activations import tanh
    from tinytorch.core.autograd import grad_check
    from tinytorch.core.spatial import AdaptiveAvgPool2d, AvgPool2d, BatchNorm2d, Conv2d, MaxPool2d

    rng = np.random.default_rng(3)
    first, norm = Conv2d(2, 4, 3, stride=(1, 2), padding=1, groups=2), BatchNorm2d(4)
    second = Conv2d(4, 2, 2, dilation=(2, 1))

    def network(x, *parameters):
        first.weight, first.bias, norm.weight, norm.bias, second.weight, second.bias = parameters
        y = AvgPool2d(2, stride=1)(tanh(norm(first(x))))
        return AdaptiveAvgPool2d((2, 1))(MaxPool2d((2, 1), stride=1)(second(y)))

    parameters = [p for layer in (first, norm, second) for p in layer.parameters()]
    drawn = [rng.standard_normal(p.shape) for p in parameters]
    for mode in (True, False):
        norm.train(mode)
        assert grad_check(network, rng.standard_normal((2, 2, 7, 8)), *drawn)


def test_what_a_network_sees():
    """The receptive field, measured by slopes, grows as it should; the weights stay few."""
    from tinytorch.core.layers import Sequential
    from tinytorch.core.spatial import Conv2d, MaxPool2d
    from tinytorch.core.tensor import Tensor

    image = np.random.default_rng(4).standard_normal((1, 1, 31, 31))
    wide, model = [], Sequential()
    for layer in (Conv2d(1, 4, 3), Conv2d(4, 4, 3), Conv2d(4, 4, 3, stride=2), Conv2d(4, 1, 3)):
        x = Tensor(image, requires_grad=True)
        y = model.append(layer)(x)
        y[0, 0, 5, 5].backward()
        wide.append(int((x.grad != 0).any(axis=(0, 1, 2)).sum()))
    assert wide == [3, 5, 7, 11]
    assert sum(p.numel() for p in model.parameters()) == 40 + 2 * 148 + 37
    assert MaxPool2d(2)(y).shape == (1, 1, 5, 5)


def test_a_network_learns_shapes():
    """A network of 550 weights tells four shapes apart, at places where it never saw them."""
    from tinytorch.core.activations import ReLU
    from tinytorch.core.autograd import no_grad
    from tinytorch.core.layers import Flatten, Linear, Sequential
    from tinytorch.core.losses import CrossEntropyLoss
    from tinytorch.core.optimizers import Adam
    from tinytorch.core.spatial import BatchNorm2d, Conv2d, MaxPool2d
    from tinytorch.core.tensor import Tensor, manual_seed

    manual_seed(0)
    model = Sequential(
        Conv2d(1, 6, 3, padding=1, bias=False), BatchNorm2d(6), ReLU(), MaxPool2d(2),
        Conv2d(6, 8, 3, bias=False), BatchNorm2d(8), ReLU(), MaxPool2d(3), Flatten(), Linear(8, 4),
    )  # fmt: skip
    assert sum(p.numel() for p in model.parameters()) == 550
    (images, classes), (others, truths) = shapes(384, 5), shapes(400, 6)
    optimizer, measure, losses = Adam(model.parameters(), lr=0.02), CrossEntropyLoss(), []
    rng = np.random.default_rng(7)
    for _ in range(12):
        for chosen in np.split(rng.permutation(384), 6):
            optimizer.zero_grad()
            loss = measure(model(Tensor(images[chosen])), classes[chosen])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert np.mean(losses[-6:]) < 0.2 * np.mean(losses[:3])
    with no_grad():
        answers = model.eval()(Tensor(others)).argmax(axis=1).data
    assert (answers == truths).mean() > 0.9


def main():
    """Run the tests in order; stop at the first that fails."""
    tests = [value for name, value in globals().items() if name.startswith("test_")]
    for test in tests:
        try:
            test()
        except Exception as error:
            print(f"✗ {test.__doc__}\n  {test.__name__}: {type(error).__name__}: {error}")
            return 1
        print(f"✓ {test.__doc__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
