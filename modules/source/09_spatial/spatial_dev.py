# ---
# jupyter:
#   jupytext:
#     comment_magics: false
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
"""
# Module 09: Spatial

A `Linear` layer does not know that pixels have neighbours. Shuffle the pixels of every image in the same way, and it learns as well as before. But what makes a picture is how near pixels relate: an edge is a bright one beside a dark one, wherever it is. Here you build layers that look at small windows and use the same few weights in every window: `Conv2d`, which made networks see, pooling, which makes images smaller, and `BatchNorm2d`, which lets deep networks train at all.

Each of these is an operation with its own gradient beside it. You write convolution twice: as six nested loops, which say what it is, and as one matrix product, which is thousands of times faster.
"""

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "spatial-start"}
from tinytorch.core.autograd import Variable, grad_check
from tinytorch.core.setup import run_tests, warnings_to_stdout
from tinytorch.core.tensor import manual_seed, randn

warnings_to_stdout()

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "spatial-imports"}
#| default_exp core.spatial
#| export
import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

from tinytorch.core.autograd import _unbroadcast
from tinytorch.core.layers import Module
from tinytorch.core.tensor import (
    Operation,
    Parameter,
    Tensor,
    apply,
    generator,
    gradient_of,
    kernels,
)

# %% [markdown]
r"""
## Mathematical background

**Images** are arrays of shape `(N, C, H, W)`: `N` images, each with `C` channels (red, green and blue, or what an earlier layer found) of `H` rows and `W` columns.

**Convolution** lays a small kernel of weights on every window of the image, multiplies, and sums:

$$y_{n,m,i,j} = b_m + \sum_{c,u,v} w_{m,c,u,v} \; x_{n,\,c,\,i s + u,\,j s + v}$$

Here $m$ counts the kernels, $u$ and $v$ the rows and columns of one, and $s$ is the stride. Each kernel gives one output channel, a map of where its pattern was found.

**Weight sharing.** A linear layer from a 3×32×32 image to 32 maps of the same size would hold 3072 · 32768, about 100 million weights. A 3×3 convolution holds 3 · 9 · 32 = 864. Two assumptions pay for that: what matters is near, and what is worth finding here is worth finding there. Shift the image, and the output shifts with it.

**Receptive field.** After one 3×3 layer a number depends on 3×3 pixels, after two on 5×5, after $L$ on $(2L + 1)^2$. A stride of 2 doubles the reach of every layer after it. Small kernels in many layers see as far as one large kernel, with fewer weights and a nonlinearity between.

**Cost.** `N·M·OH·OW·C·KH·KW` multiplications: nearly all the time of a convolutional network goes into this sum.
"""

# %% [markdown]
"""
## What the layers share

The next cell is given. Settings such as the stride may be one whole number, for both directions, or a pair `(vertical, horizontal)`: `_pair` makes a pair of both. `_images` refuses what is no batch of images and says what to do.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "spatial-given"}
#| exporti
def _pair(value, name, least=1):
    """(vertical, horizontal) of a whole number or of a pair; each is at least `least`."""
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2 or not all(isinstance(n, (int, np.integer)) and n >= least for n in pair):
        whole = f"a whole number of at least {least}, or a pair of them"
        raise ValueError(f"{name} is {whole}, not {value!r}")
    return int(pair[0]), int(pair[1])


def _images(x, layer, channels=None):
    """`x` as a floating tensor (N, C, H, W), with that many channels if given; else ValueError."""
    x = x if isinstance(x, Tensor) else Tensor(x)
    if x.ndim != 4:
        hint = ": for one image, x.unsqueeze(0)" if x.ndim == 3 else ""
        raise ValueError(f"{layer} takes images of shape (N, C, H, W), not {x.shape}{hint}")
    if channels not in (None, x.shape[1]):
        raise ValueError(
            f"{layer} takes {channels} channels, images of shape {x.shape} have {x.shape[1]}"
        )
    return x if x.dtype.kind == "f" else x / 1


# %% [markdown]
r"""
## Step 1: How large is the result?

A kernel of size $k$ fits into a row of $n$ pixels at $n - k + 1$ places. Three settings change that.

- **Padding** $p$ puts $p$ zeros around the image on each side, so the row has $n + 2p$ pixels. With $p = (k - 1) / 2$ the result is as large as the image.
- **Dilation** $d$ spreads the kernel: its weights meet every $d$-th pixel, and it covers $d(k - 1) + 1$ pixels. A wide view at no cost.
- **Stride** $s$ takes every $s$-th place only, beginning with the first. The result is smaller by that factor.

$$\text{size} = \left\lfloor \frac{n + 2p - d(k - 1) - 1}{s} \right\rfloor + 1$$
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "spatial-size"}
#| exporti
def _output_size(size, kernel, stride=1, padding=0, dilation=1):
    """How many places a kernel has in one direction. ValueError if it does not fit once.

    >>> _output_size(32, 3, padding=1)
    32

    1. `room`: the pixels with padding on both sides, less those that the kernel covers.
    2. If it is negative, raise a ValueError that names the kernel's and the image's size.
    3. Return the formula, with `//` for the division.
    """
    ### BEGIN SOLUTION
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    if room < 0:
        covered = f"a kernel of {kernel} (dilation {dilation}) is larger than an image"
        raise ValueError(f"{covered} of {size} with padding {padding}: pad more or pool less")
    return room // stride + 1
    ### END SOLUTION


# %% [markdown]
"""
**Test: sizes.** Each setting alone, then all at once; a stride that leaves pixels over at the end; a kernel that fits exactly once, and one that is a single pixel too large, which must be told rather than give an empty image.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "spatial-size-test", "points": 4}
def test_output_size():
    assert [_output_size(n, 3) for n in (3, 4, 32)] == [1, 2, 30]
    assert [_output_size(32, k, padding=k // 2) for k in (1, 3, 5)] == [32, 32, 32]
    assert [_output_size(n, 2, 2) for n in (2, 3, 4, 5)] == [1, 1, 2, 2]
    assert [_output_size(9, 3, dilation=d) for d in (1, 2, 4)] == [7, 5, 1]
    assert _output_size(20, 4, stride=3, padding=2, dilation=5) == 3
    assert _output_size(1, 3, padding=1) == 1
    for wrong in ((2, 3), (4, 3, 1, 0, 2), (0, 5, 1, 2)):
        with np.testing.assert_raises_regex(ValueError, f"{wrong[1]}.*{wrong[0]}"):
            _output_size(*wrong)


test_output_size()

# %% [markdown]
"""
## Step 2: Convolution, as it reads

Before the fast way, the sure way: one loop for each letter of the formula. It takes seconds where the next steps take milliseconds, and every one of them can be read aloud. Later you hold the fast one against it.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "spatial-naive"}
#| export
def conv2d_naive(x, weight, bias=None, stride=1, padding=0):
    """The convolution of arrays with loops: for reading and for checking.

    `x`: (N, C, H, W); `weight`: (M, C, KH, KW); `bias`: (M,) or None; `stride`, `padding`: a
    whole number or a pair. Returns an array of shape (N, M, OH, OW) in the dtype of `x`.

    1. Make pairs of the settings: `_pair(stride, "stride")`, `_pair(padding, "padding", 0)`.
    2. Put zeros around: `np.pad(x, ((0, 0), (0, 0), (rows, rows), (columns, columns)))`.
    3. `y`: zeros of the output's shape; the sizes by `_output_size`.
    4. For each n, m, i and j (`np.ndindex(*y.shape)`) add up, in three more loops over c, u and v,
       the weight times the pixel it meets, in row `i * stride + u`. Add the bias of m once.
    """
    ### BEGIN SOLUTION
    (down, right), (rows, columns) = _pair(stride, "stride"), _pair(padding, "padding", 0)
    channels, height, width = weight.shape[1:]
    high = _output_size(x.shape[2], height, down, rows)
    wide = _output_size(x.shape[3], width, right, columns)
    x = np.pad(x, ((0, 0), (0, 0), (rows, rows), (columns, columns)))
    y = np.zeros((x.shape[0], weight.shape[0], high, wide), dtype=x.dtype)
    for n, m, i, j in np.ndindex(*y.shape):
        for c in range(channels):
            for u in range(height):
                for v in range(width):
                    y[n, m, i, j] += weight[m, c, u, v] * x[n, c, i * down + u, j * right + v]
        if bias is not None:
            y[n, m, i, j] += bias[m]
    return y
    ### END SOLUTION


# %% [markdown]
"""
**Test: the loops.** A kernel that subtracts each pixel from its left neighbour finds the one edge of an image. A kernel with a single 1 moves the image by a pixel and lets zeros in from the padding. Then channels are summed, each kernel with its own bias, with a stride and a padding that differ in the two directions. An image that the kernel does not fit is refused, and so is a padding below zero.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "spatial-naive-test", "points": 6}
def test_naive_convolution():
    image = np.array([[[[0.0, 0.0, 5.0, 5.0], [0.0, 0.0, 5.0, 5.0]]]])
    assert conv2d_naive(image, np.array([[[[-1.0, 1.0]]]])).tolist() == [[[[0, 5, 0]] * 2]]
    assert conv2d_naive(image, np.array([[[[-1.0], [1.0]]]])).tolist() == [[[[0] * 4]]]
    x, corner = np.arange(1.0, 7.0).reshape(1, 1, 2, 3), np.zeros((1, 1, 3, 3))
    corner[0, 0, 0, 1] = 1.0
    assert conv2d_naive(x, corner, padding=1).tolist() == [[[[0, 0, 0], [1, 2, 3]]]]
    x = np.arange(2 * 2 * 3 * 5, dtype=np.float32).reshape(2, 2, 3, 5)
    weight = np.array([[[[1.0, 0.0]], [[0.0, 2.0]]], [[[0.0, 0.0]], [[-1.0, 0.0]]]])
    y = conv2d_naive(x, weight, np.array([0.5, -0.5]), stride=(2, 3), padding=(0, 1))
    assert (y.shape, y.dtype) == ((2, 2, 2, 2), np.float32)
    assert y[0].tolist() == [[[30.5, 38.5], [50.5, 68.5]], [[-0.5, -17.5], [-0.5, -27.5]]]
    assert y[1, 0].tolist() == [[90.5, 128.5], [110.5, 158.5]]
    assert conv2d_naive(x[:0], weight).shape == (0, 2, 3, 4)
    for height, padding, said in ((4, 0, ""), (1, -1, "padding")):
        with np.testing.assert_raises_regex(ValueError, said):
            conv2d_naive(x, np.ones((1, 2, height, 1)), padding=padding)


test_naive_convolution()

# %% [markdown]
"""
## Step 3: Windows

The loops ask: which pixels does this window meet? Turn the question round: which pixels does this *weight* meet, over all windows? The weight at row `u` and column `v` of the kernel meets, for the windows 0, 1, 2, …, the rows `u`, `u + s`, `u + 2s`, …: that is a slice of the image with step `s`, and NumPy copies a slice at once. A 3×3 kernel needs nine slices, however large the image is. That is `_places`; with dilation it begins at `u·d`.

`_gather` collects these slices in one array of shape `(N, C, KH, KW, OH, OW)`, all windows of all images. It is `KH·KW` times as large as the image, since neighbouring windows share pixels.

`_scatter` is the way back, for gradients. What was copied to several windows gets the sum of their slopes: add each slice to where it came from. The two functions differ in one line, with its two sides exchanged.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "spatial-windows"}
#| exporti
def _places(kernel, output, stride, dilation):
    """Yield (u, v, index) for each weight of a kernel; `padded[index]` is what it meets.

    All four arguments are pairs; `output` is how many windows there are in each direction.

    1. Loop over `u` and `v` with `np.ndindex(*kernel)`.
    2. The slice of rows begins at `u * dilation[0]`, has the step `stride[0]` and `output[0]`
       numbers. The columns alike, with v and [1].
    3. Yield `u, v, (..., rows, columns)`.
    """
    ### BEGIN SOLUTION
    for u, v in np.ndindex(*kernel):
        top, left = u * dilation[0], v * dilation[1]
        rows = slice(top, top + stride[0] * output[0], stride[0])
        columns = slice(left, left + stride[1] * output[1], stride[1])
        yield u, v, (..., rows, columns)
    ### END SOLUTION


def _padded(x, padding, fill=0.0):
    """`x` with `padding` rows and columns of `fill` on each side."""
    rows, columns = padding
    around = ((0, 0), (0, 0), (rows, rows), (columns, columns))
    return np.pad(x, around, constant_values=fill) if rows or columns else x


def _gather(x, kernel, stride, padding=(0, 0), dilation=(1, 1), fill=0.0):
    """All windows of the images `x`, (N, C, H, W): an array (N, C, KH, KW, OH, OW).

    1. `x` becomes `_padded`. 2. Make the array with `np.empty`, in the dtype of `x`.
    3. For each of the `_places`: `patches[:, :, u, v]` is what the weight meets.
    """
    output = tuple(map(_output_size, x.shape[2:], kernel, stride, padding, dilation))
    ### BEGIN SOLUTION
    x = _padded(x, padding, fill)
    patches = np.empty((*x.shape[:2], *kernel, *output), dtype=x.dtype)
    for u, v, index in _places(kernel, output, stride, dilation):
        patches[:, :, u, v] = x[index]
    return patches
    ### END SOLUTION


def _scatter(patches, shape, stride, padding=(0, 0), dilation=(1, 1)):
    """The sum, for each pixel, over the windows that hold it: an array of `shape`, (N, C, H, W).

    1. `x`: zeros of the padded shape, in the dtype of `patches`.
    2. For each of the `_places`, add `patches[:, :, u, v]` to what the weight meets.
    3. Cut the padding off.
    """
    kernel, output = patches.shape[2:4], patches.shape[4:]
    ### BEGIN SOLUTION
    (rows, columns), (height, width) = padding, shape[2:]
    x = np.zeros((*shape[:2], height + 2 * rows, width + 2 * columns), dtype=patches.dtype)
    for u, v, index in _places(kernel, output, stride, dilation):
        x[index] += patches[:, :, u, v]
    return x[:, :, rows : rows + height, columns : columns + width]
    ### END SOLUTION


# %% [markdown]
"""
**Test: windows.** Each window is compared with the piece cut out of the padded image, for strides, paddings, dilations and kernels that differ in the two directions, and with a fill other than 0. For the way back, two checks. Pixels of ones: the sum counts in how many windows each pixel lies. And whatever the numbers are, `(gather(x) * p).sum()` equals `(x * scatter(p)).sum()`: that is what it means that one is the gradient of the other.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "spatial-windows-test", "points": 8}
SETTINGS = (
    ((2, 2), (1, 1), (0, 0), (1, 1)),
    ((1, 1), (2, 3), (0, 0), (1, 1)),
    ((3, 2), (1, 2), (1, 0), (1, 1)),
    ((2, 3), (2, 1), (0, 2), (3, 1)),
    ((2, 2), (3, 2), (2, 1), (1, 2)),
)


def test_gather_cuts_every_window():
    x = np.random.default_rng(0).standard_normal((2, 3, 6, 7)).astype(np.float32)
    for kernel, stride, padding, dilation in SETTINGS:
        patches = _gather(x, kernel, stride, padding, dilation, fill=-9.0)
        around = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)), constant_values=-9.0)
        sizes = map(_output_size, (6, 7), kernel, stride, padding, dilation)
        assert (patches.shape, patches.dtype) == ((2, 3, *kernel, *sizes), np.float32)
        for i, j in np.ndindex(*patches.shape[4:]):
            rows = i * stride[0] + dilation[0] * np.arange(kernel[0])
            columns = j * stride[1] + dilation[1] * np.arange(kernel[1])
            window = around[:, :, rows[:, None], columns]
            np.testing.assert_array_equal(patches[..., i, j], window)
    assert _gather(x, (3, 3), (1, 1), (1, 1))[0, 0, 0, 0, 0].tolist() == [0.0] * 7
    assert _gather(x[:0], (2, 2), (2, 2)).shape == (0, 3, 2, 2, 3, 3)


def test_scatter_sums_what_gather_copied():
    rng = np.random.default_rng(1)
    counts = _scatter(np.ones((1, 1, 2, 2, 2, 2), dtype=np.float32), (1, 1, 3, 3), (1, 1))
    assert counts.tolist() == [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]
    assert counts.dtype == np.float32
    for kernel, stride, padding, dilation in SETTINGS:
        x = rng.standard_normal((2, 3, 6, 7))
        patches = _gather(x, kernel, stride, padding, dilation)
        p = rng.standard_normal(patches.shape)
        back = _scatter(p, x.shape, stride, padding, dilation)
        assert back.shape == x.shape
        np.testing.assert_allclose((patches * p).sum(), (x * back).sum(), rtol=1e-10)


test_gather_cuts_every_window()
test_scatter_sums_what_gather_copied()

# %% [markdown]
r"""
## Step 4: Convolution as a matrix product

Write the numbers of one window under each other as a column of length $K = C \cdot KH \cdot KW$, and all windows of an image side by side: a matrix $X$ of shape $(K, P)$, with $P = OH \cdot OW$. Write each kernel as a row of the same length: a matrix $W$ of shape $(M, K)$. Then

$$Y = W X$$

is the whole convolution, and matrix products are what a processor is best at. This rearrangement is called *im2col*, image to columns, and your `_gather` has done it already: its result only has to be reshaped.

With `groups = g`, the channels are cut into `g` parts, and each part has `M / g` kernels of its own, which see only it: `g` small products side by side. `@` takes care of that: `(g, M/g, K) @ (N, g, K, P)` multiplies the matrices of every image and group. With as many groups as channels each channel is filtered alone, which is called depthwise.

**The gradient** is that of a product (module 06), $dW = dY \, X^T$ and $dX = W^T dY$, with the sum over the images for $dW$, since all use the same weights. The columns of $dX$ go back to their pixels by `_scatter`. The bias was added everywhere, so its gradient is summed over everything that broadcasting repeated.

The columns are nine times as large as the image for a 3×3 kernel. So the gradient makes them again from `x` instead of keeping them until the walk comes by.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "spatial-convolution"}
#| exporti
def _columns(x, kernel, operation):
    """The windows of `x` as columns: (N, groups, C / groups * KH * KW, OH * OW)."""
    patches = _gather(x, kernel, operation.stride, operation.padding, operation.dilation)
    length = math.prod(patches.shape[1:4]) // operation.groups
    return patches.reshape(len(x), operation.groups, length, math.prod(patches.shape[4:]))


class Conv2dOperation(Operation):
    """The convolution of `x`, (N, C, H, W), with `weight`, (M, C / groups, KH, KW), and `bias`.

    `bias`, (M,), may be left out. Settings: the pairs `self.stride`, `self.padding`,
    `self.dilation`, and the number `self.groups`. The result has shape (N, M, OH, OW).

    1. `_columns`, with `weight.shape[2:]` as the kernel.
    2. `weight` reshaped to (groups, M / groups, K), where K is the length of a column.
    3. The product, reshaped to (N, M, OH, OW). Sizes as numbers: -1 is unknown for no images.
    4. Plus the bias, reshaped to (M, 1, 1), if there is one: `bias` is a tuple of one or none.
    """

    name = "conv2d"

    def forward(self, x, weight, *bias):
        settings = (weight.shape[2:], self.stride, self.padding, self.dilation)
        high, wide = map(_output_size, x.shape[2:], *settings)
        ### BEGIN SOLUTION
        columns = _columns(x, weight.shape[2:], self)
        y = weight.reshape(self.groups, -1, columns.shape[2]) @ columns
        y = y.reshape(len(x), len(weight), high, wide)
        return y + bias[0].reshape(-1, 1, 1) if bias else y
        ### END SOLUTION


@gradient_of("conv2d")
def conv2d_gradient(operation, gradient):
    """dx, dweight and, if there are three inputs, dbias; None for what nobody needs.

    1. `dy`: `gradient` reshaped to (N, groups, M / groups, P). `w`: the weight as in forward.
    2. If `operation.needs[0]`: w transposed (swapaxes) times dy are columns; reshaped to
       (N, C, KH, KW, OH, OW) they are patches to `_scatter`.
    3. If `operation.needs[1]`: dy times the `_columns` transposed, summed over the images (axis 0),
       in the shape of the weight.
    4. The bias was (M, 1, 1): `_unbroadcast` to that, then reshaped to (M,).
    """
    x, weight = operation.inputs[:2]
    (images, kernels, *output), kernel = gradient.shape, weight.shape[2:]
    dx = dweight = None
    ### BEGIN SOLUTION
    dy = gradient.reshape(images, operation.groups, kernels // operation.groups, math.prod(output))
    if operation.needs[0]:
        w = weight.reshape(operation.groups, -1, math.prod(weight.shape[1:]))
        patches = (w.swapaxes(1, 2) @ dy).reshape(images, x.shape[1], *kernel, *output)
        dx = _scatter(patches, x.shape, operation.stride, operation.padding, operation.dilation)
    if operation.needs[1]:
        columns = _columns(x, kernel, operation)
        dweight = (dy @ columns.swapaxes(2, 3)).sum(axis=0).reshape(weight.shape)
    if len(operation.needs) == 2:
        return dx, dweight
    return dx, dweight, _unbroadcast(gradient, (kernels, 1, 1)).reshape(kernels)
    ### END SOLUTION


# %% [markdown]
"""
**Test: the product.** Held against the loops of step 2, with and without a bias. The loops know no dilation and no groups, but both can be said without them: a spread kernel is one with zeros between its weights, and groups are kernels whose weights for the other channels are zero. Gradients against measured slopes, for every setting; for a batch without images they are zero; and what nobody needs is not computed.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "spatial-convolution-test", "points": 9}
def convolve(*inputs, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return apply("conv2d", *inputs, **settings)


def test_convolution_agrees_with_the_loops():
    manual_seed(2)
    x, bias = randn(2, 4, 5, 6, dtype=np.float64), randn(6, dtype=np.float64)
    for kernel, stride, padding, _ in SETTINGS:
        w, settings = randn(6, 4, *kernel, dtype=np.float64), {"stride": stride, "padding": padding}
        expected = conv2d_naive(x.data, w.data, bias.data, **settings)
        np.testing.assert_allclose(convolve(x, w, bias, **settings).data, expected, atol=1e-12)
    w, apart, spread = (
        randn(6, 2, 2, 2, dtype=np.float64),
        np.zeros((6, 4, 2, 2)),
        np.zeros((6, 4, 3, 4)),
    )
    apart[:3, :2], apart[3:, 2:] = w.data[:3], w.data[3:]
    spread[:, :, ::2, ::3] = apart
    for dilation, same in (((1, 1), apart), ((2, 3), spread)):
        found = convolve(x, w, dilation=dilation, groups=2).data
        np.testing.assert_allclose(found, conv2d_naive(x.data, same), atol=1e-12)
    assert convolve(x[:0], w, groups=2).shape == (0, 6, 4, 5)


def test_gradient_of_the_convolution():
    for kernel, stride, padding, dilation in SETTINGS:
        settings = {"stride": stride, "padding": padding, "dilation": dilation}
        for groups, biases in ((1, ()), (2, (randn(4),))):
            function = lambda *t, g=groups, s=settings: convolve(*t, groups=g, **s)  # noqa: E731
            assert grad_check(function, randn(2, 2, 4, 5), randn(4, 2 // groups, *kernel), *biases)
    nothing = [Variable(np.ones(shape)) for shape in ((0, 2, 3, 3), (4, 2, 2, 2), (4,))]
    convolve(*nothing).sum().backward()
    assert [float(t.grad.sum()) for t in nothing] == [0.0] * 3
    operation = Conv2dOperation(stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1)
    operation.inputs = np.ones((1, 2, 3, 3)), np.ones((4, 2, 2, 2))
    for operation.needs in ((True, False), (False, True)):
        parts = conv2d_gradient(operation, np.ones((1, 4, 2, 2)))
        assert tuple(part is not None for part in parts) == operation.needs


test_convolution_agrees_with_the_loops()
test_gradient_of_the_convolution()

# %% [markdown]
"""
## Step 5: The layer

`Conv2d` holds the weight and the bias of one convolution. Both start evenly between -1/√n and 1/√n, as in module 04, where n is how many numbers go into one output: `in_channels / groups · KH · KW`.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "spatial-layer"}
#| export
class Conv2d(Module):
    """A convolution: (N, in_channels, H, W) becomes (N, out_channels, OH, OW).

    `kernel_size`, `stride`, `padding`, `dilation`: a whole number or a pair (vertical, horizontal).
    `groups` must divide both numbers of channels.

    >>> Conv2d(3, 8, kernel_size=3, padding=1)(Tensor(np.zeros((2, 3, 32, 32)))).shape
    (2, 8, 32, 32)
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True):  # fmt: skip
        """Create `self.weight`, (out_channels, in_channels / groups, KH, KW), and `self.bias`.

        1. n, the numbers that go into one output; the bound is 1 / √n.
        2. Draw the weight with `generator().uniform(-bound, bound, shape)`; make it a Parameter.
        3. Draw the bias, (out_channels,), with the same bound; without one, `self.bias` is None.
        """
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = _pair(kernel_size, "kernel_size")
        self.stride, self.padding = _pair(stride, "stride"), _pair(padding, "padding", 0)
        self.dilation = _pair(dilation, "dilation")
        if (
            min(in_channels, out_channels, groups) < 1
            or in_channels % groups
            or out_channels % groups
        ):
            channels = f"{in_channels} channels in and {out_channels} out"
            raise ValueError(f"{channels} cannot be cut into groups={groups} equal parts")
        ### BEGIN SOLUTION
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        self.weight = Parameter(generator().uniform(-bound, bound, shape))
        self.bias = Parameter(generator().uniform(-bound, bound, out_channels)) if bias else None
        ### END SOLUTION

    def forward(self, x):
        """The operation "conv2d" by `apply`: x, weight and, if there is one, bias; four settings."""
        x = _images(x, self, self.in_channels)
        ### BEGIN SOLUTION
        inputs = (x, self.weight) if self.bias is None else (x, self.weight, self.bias)
        settings = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        return apply("conv2d", *inputs, groups=self.groups, **settings)
        ### END SOLUTION

    def __repr__(self):
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"
        text += f", stride={self.stride}, padding={self.padding}, dilation={self.dilation}"
        return f"Conv2d({text}, groups={self.groups}, bias={self.bias is not None})"


# %% [markdown]
"""
**Test: the layer.** Shapes of the parameters, with groups and without a bias. How they start: within the bound, filling it on both sides, the same for the same seed. Then the output against the operation with every setting, each of which must arrive; and the mistakes that happen: wrong channels, one image without a batch, groups that do not divide.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "spatial-layer-test", "points": 5}
def test_convolution_layer_starts_as_it_should():
    manual_seed(0)
    layer = Conv2d(4, 100, (1, 3), groups=2)
    assert (layer.weight.shape, layer.bias.shape) == ((100, 2, 1, 3), (100,))
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
    for parameter in (layer.weight, layer.bias):
        assert -0.40825 < parameter.data.min() < -0.38
        assert 0.38 < parameter.data.max() < 0.40825  # 1 / √6
        assert abs(parameter.data.mean()) < 0.06
    assert [p.shape for p in Conv2d(4, 2, 3, bias=False).parameters()] == [(2, 4, 3, 3)]
    manual_seed(0)
    np.testing.assert_array_equal(Conv2d(4, 100, (1, 3), groups=2).weight.data, layer.weight.data)


def test_convolution_layer():
    x = Tensor(np.random.default_rng(4).standard_normal((2, 4, 7, 8)))
    settings = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 3), "groups": 2}
    for bias in (True, False):
        layer = Conv2d(4, 6, (3, 2), bias=bias, **settings)
        inputs = (x, layer.weight, layer.bias) if bias else (x, layer.weight)
        np.testing.assert_array_equal(layer(x).data, convolve(*inputs, **settings).data)
    layer(x).sum().backward()
    assert layer.weight.grad.shape == layer.weight.shape
    assert Conv2d(4, 6, 3, stride=2, padding=1)(x).shape == (2, 6, 4, 4)
    wrong = ((Tensor(np.ones((2, 3, 7, 8))), "3"), (x[0], "unsqueeze"), (x[:, :, :, :1], "kernel"))
    for images, told in wrong:
        with np.testing.assert_raises_regex(ValueError, told):
            Conv2d(4, 6, 3)(images)
    for kernel, groups in ((3, 4), (0, 1), ((1, 2, 3), 1)):
        with np.testing.assert_raises(ValueError):
            Conv2d(4, 6, kernel, groups=groups)


test_convolution_layer_starts_as_it_should()
test_convolution_layer()

# %% [markdown]
"""
## Step 6: Pooling

Where exactly an edge is matters less and less, the further up a network it is used. Pooling keeps one number for each window: the largest (was the pattern anywhere here?) or the mean. There is nothing to learn in it. Windows of 2×2 that do not overlap quarter the image, and with it the work of all layers that follow, and double what each of their weights sees.

All windows come from `_gather`, for the maximum with a padding of minus infinity, so that it is never the largest. The way back goes by `_scatter`. The mean of `n` numbers hands on one `n`-th of its slope to each of them. The maximum hands all of it to the largest number; of several equal ones to the first, in the order of reading, as in PyTorch. (After a ReLU, windows full of zeros are common.) If the stride is not given, it is the kernel's size.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "spatial-pooling"}
#| exporti
def _by_window(x, operation, fill=0.0):
    """The windows of `x` with the numbers of each in one dimension: (N, C, KH * KW, OH, OW)."""
    patches = _gather(x, operation.kernel_size, operation.stride, operation.padding, fill=fill)
    return patches.reshape(*x.shape[:2], math.prod(operation.kernel_size), *patches.shape[4:])


def _back(windows, operation):
    """The sum, for each pixel of the input, over the `windows`, (N, C, KH * KW, OH, OW)."""
    shape = operation.shapes[0]
    patches = windows.reshape(*shape[:2], *operation.kernel_size, *windows.shape[3:])
    return _scatter(patches, shape, operation.stride, operation.padding)


class MaxPool2dOperation(Operation):
    """The largest number of each window of `x`, (N, C, H, W): (N, C, OH, OW).

    Settings: the pairs `self.kernel_size`, `self.stride` and `self.padding`.
    """

    name = "max_pool2d"

    def forward(self, x):
        """`_by_window`, filled with -np.inf; its maximum along axis 2."""
        ### BEGIN SOLUTION
        return _by_window(x, self, fill=-np.inf).max(axis=2)
        ### END SOLUTION


@gradient_of("max_pool2d")
def max_pool2d_gradient(operation, gradient):
    """The first largest number of each window gets the slope of its window, the others 0.

    1. The windows as in forward. `first`: `argmax(axis=2, keepdims=True)`, a place for each.
    2. Zeros of the windows' shape; `np.put_along_axis(zeros, first, values, axis=2)` writes the
       gradient, with a dimension put in as axis 2, into those places. Then `_back`.
    """
    ### BEGIN SOLUTION
    windows = _by_window(operation.inputs[0], operation, fill=-np.inf)
    first = windows.argmax(axis=2, keepdims=True)
    slopes = np.zeros_like(windows)
    np.put_along_axis(slopes, first, gradient[:, :, None], axis=2)
    return (_back(slopes, operation),)
    ### END SOLUTION


class AvgPool2dOperation(Operation):
    """The mean of each window of `x`, (N, C, H, W), zeros of the padding included."""

    name = "avg_pool2d"

    def forward(self, x):
        """`_by_window`; its mean along axis 2."""
        ### BEGIN SOLUTION
        return _by_window(x, self).mean(axis=2)
        ### END SOLUTION


@gradient_of("avg_pool2d")
def avg_pool2d_gradient(operation, gradient):
    """Each number of a window gets the window's slope divided by their count, KH * KW.

    Put a dimension in as axis 2, `np.broadcast_to` (N, C, KH * KW, OH, OW), and `_back`.
    """
    ### BEGIN SOLUTION
    count = math.prod(operation.kernel_size)
    images, channels, *output = gradient.shape
    slopes = np.broadcast_to(gradient[:, :, None] / count, (images, channels, count, *output))
    return (_back(slopes, operation),)
    ### END SOLUTION


# %% [markdown]
"""
**Test: pooling.** Known numbers, windows that overlap, negative numbers beside the padding: 0 must not win there. Where numbers are equal, the first of each window gets the slope. All gradients against measured slopes, and a batch without images.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "spatial-pooling-test", "points": 6}
def pool(name, x, kernel_size, stride, padding=(0, 0)):
    return apply(name, x, kernel_size=kernel_size, stride=stride, padding=padding)


def test_pooling():
    x = Tensor(np.array([[[[1.0, 2.0, 3.0], [6.0, 5.0, 4.0], [7.0, 9.0, 8.0]]]]))
    assert pool("max_pool2d", x, (2, 2), (1, 1)).tolist() == [[[[6, 5], [9, 9]]]]
    assert pool("avg_pool2d", x, (2, 2), (1, 1)).tolist() == [[[[3.5, 3.5], [6.75, 6.5]]]]
    assert pool("max_pool2d", x, (3, 1), (1, 2)).tolist() == [[[[7, 8]]]]
    assert pool("max_pool2d", -x, (2, 2), (2, 2), (1, 1)).tolist() == [[[[-1, -2], [-6, -4]]]]
    assert pool("avg_pool2d", x, (2, 2), (2, 2), (1, 1)).tolist() == [[[[0.25, 1.25], [3.25, 6.5]]]]
    for name in ("max_pool2d", "avg_pool2d"):
        assert pool(name, x[:0], (2, 2), (2, 2)).shape == (0, 1, 1, 1)


def test_gradients_of_pooling():
    flat = Variable(np.zeros((1, 1, 2, 4)))
    pool("max_pool2d", flat, (2, 2), (2, 2)).backward([[[[3.0, 5.0]]]])
    assert flat.grad.tolist() == [[[[3, 0, 5, 0], [0, 0, 0, 0]]]]
    x = np.random.default_rng(5).permutation(252).reshape(2, 3, 6, 7) * 0.01 - 2.0
    for name in ("max_pool2d", "avg_pool2d"):
        for how in (((2, 2),) * 2, ((3, 2), (1, 2), (1, 0)), ((2, 3), (3, 1), (0, 1))):
            assert grad_check(lambda t, n=name, h=how: pool(n, t, *h), x)
        nothing = Variable(x[:0])
        pool(name, nothing, (2, 2), (2, 2)).sum().backward()
        assert nothing.grad.shape == (0, 3, 6, 7)


test_pooling()
test_gradients_of_pooling()

# %% [markdown]
r"""
## Step 7: Pooling layers

`MaxPool2d` and `AvgPool2d` are given: they keep the settings. `AdaptiveAvgPool2d` turns the question round: it is told the size of the *result*, and chooses windows for whatever image comes, so that a network can take images of any size. Row $i$ of $m$ is the mean of the rows from $\lfloor i n / m \rfloor$ up to, not including, $\lceil (i + 1) n / m \rceil$. If $m$ does not divide $n$, the windows overlap.

Such a mean is a weighted sum with fixed weights, so all rows together are a matrix product $A\,x$, with one row of $A$ a window; and the columns are another, from the right. Both are operations you have: there is no new gradient to write.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "spatial-adaptive"}
#| export
class _Pool2d(Module):
    """What the two pooling layers share; a subclass sets the `name` of its operation."""

    def __init__(self, kernel_size, stride=None, padding=0):
        self.kernel_size = _pair(kernel_size, "kernel_size")
        self.stride = self.kernel_size if stride is None else _pair(stride, "stride")
        self.padding = _pair(padding, "padding", 0)
        if any(2 * p > k for p, k in zip(self.padding, self.kernel_size, strict=True)):
            limit = f"padding={self.padding} is more than half of kernel_size={self.kernel_size}"
            raise ValueError(f"{limit}: there would be windows without a pixel")

    def forward(self, x):
        settings = {"kernel_size": self.kernel_size, "stride": self.stride, "padding": self.padding}
        return apply(self.name, _images(x, self), **settings)

    def __repr__(self):
        settings = f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
        return f"{type(self).__name__}({settings})"


class MaxPool2d(_Pool2d):
    """The largest number of each window: (N, C, H, W) becomes (N, C, OH, OW).

    `stride` is the kernel's size if not given; `padding` is at most half of it and never wins.
    """

    name = "max_pool2d"


class AvgPool2d(_Pool2d):
    """The mean of each window: (N, C, H, W) becomes (N, C, OH, OW).

    `stride` is the kernel's size if not given; zeros of the padding are counted.
    """

    name = "avg_pool2d"


def _averages(size, count):
    """A matrix (count, size) of weights: `_averages(n, m) @ x` are m means of n rows.

    >>> _averages(3, 2).tolist()
    [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]

    1. Zeros. 2. For each i, where its window starts and ends: whole numbers by `//`; rounded up
    it is `-(-a // b)`. 3. Write one over the window's length there.
    """
    ### BEGIN SOLUTION
    matrix = np.zeros((count, size))
    for i in range(count):
        start, end = i * size // count, -(-(i + 1) * size // count)
        matrix[i, start:end] = 1 / (end - start)
    return matrix
    ### END SOLUTION


class AdaptiveAvgPool2d(Module):
    """Means of windows chosen so that the result has the given size: (N, C, *output_size).

    `output_size`: a whole number or a pair.
    """

    def __init__(self, output_size):
        self.output_size = _pair(output_size, "output_size")

    def forward(self, x):
        """`_averages` of the rows, times x, times `_averages` of the columns, transposed (`.T`)."""
        x = _images(x, self)
        ### BEGIN SOLUTION
        high, wide = self.output_size
        return _averages(x.shape[2], high) @ x @ _averages(x.shape[3], wide).T
        ### END SOLUTION

    def __repr__(self):
        return f"AdaptiveAvgPool2d(output_size={self.output_size})"


# %% [markdown]
"""
**Test: pooling layers.** A size of 1 is the mean of the image, the image's own size changes nothing, half of it equals `AvgPool2d(2)`. Sizes that do not divide are compared with windows cut by hand, larger ones repeat pixels, and the two directions differ. The gradient against measured slopes.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "spatial-adaptive-test", "points": 3}
def test_adaptive_pooling():
    x = np.random.default_rng(6).standard_normal((2, 3, 4, 6)).astype(np.float32)
    means = x.mean(axis=(2, 3), keepdims=True)
    np.testing.assert_allclose(AdaptiveAvgPool2d(1)(Tensor(x)).data, means, atol=1e-6)
    np.testing.assert_allclose(AdaptiveAvgPool2d((4, 6))(Tensor(x)).data, x, atol=1e-6)
    halves = AvgPool2d(2)(Tensor(x))
    np.testing.assert_allclose(AdaptiveAvgPool2d((2, 3))(Tensor(x)).data, halves.data, atol=1e-6)
    y = AdaptiveAvgPool2d((3, 4))(Tensor(x))
    np.testing.assert_allclose(y.data[:, :, 1, 2], x[:, :, 1:3, 3:5].mean(axis=(2, 3)), atol=1e-6)
    np.testing.assert_allclose(y.data[:, :, 2, 0], x[:, :, 2:4, 0:2].mean(axis=(2, 3)), atol=1e-6)
    assert (y.shape, y.dtype) == ((2, 3, 3, 4), np.float32)
    assert _averages(2, 4).tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]
    assert grad_check(AdaptiveAvgPool2d((3, 5)), x[:, :1])
    assert MaxPool2d((2, 3))(Tensor(x)).shape == (2, 3, 2, 2)


test_adaptive_pooling()

# %% [markdown]
r"""
## Step 8: Batch normalization

In a deep network, each layer learns from numbers that the layers before it keep changing. If they grow or drift, those after them are thrown off, and only tiny steps are safe. Batch normalization puts each channel back to mean 0 and variance 1, over all images of the batch and all pixels:

$$\hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} \qquad z = w\,\hat x + b$$

$w$ and $b$, one each for a channel, are learned: the network may choose another mean and width if it wants one, but now by two numbers and not by everything below. The variance here divides by the number of values, $m = N \cdot H \cdot W$.

**Running statistics.** In use there may be one image, and its answer should not depend on what else is in the batch. So training also keeps an average of what it saw, for evaluation: after each batch the old one moves a little, by `momentum`, towards the new. It stores the variance that divides by $m - 1$, the fair estimate for images to come. These arrays are buffers: saved, not trained.

**The gradient.** Write $g = \frac{\partial L}{\partial \hat x} = w \, dz$ and $s = 1 / \sqrt{\sigma^2 + \varepsilon}$. A pixel $x_i$ moves the result in three ways: directly, through $\mu$, and through $\sigma^2$. Directly it gives $s\,g_i$. Adding the same number to all $x$ changes nothing in $\hat x$, so the part of the gradient that is the same for all must vanish: subtract the mean of $g$. Multiplying all differences from the mean by a factor changes nothing either (apart from $\varepsilon$), so the part along $\hat x$ must vanish: subtract $\hat x$ times the mean of $g\,\hat x$. Differentiating $\mu$ and $\sigma^2$ by $x_i$, which are $\frac1m$ and $\frac2m (x_i - \mu)$, gives exactly these two terms:

$$dx = s\,\left( g - \overline{g} - \hat x \; \overline{g\,\hat x} \right)$$

And $dw = \sum dz\,\hat x$, $db = \sum dz$, each over the channel: what broadcasting repeated. Since $g = w\,dz$, the two means are $w\,db / m$ and $w\,dw / m$: they come for free.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "spatial-normalization"}
#| exporti
class BatchNorm2dOperation(Operation):
    """w x̂ + b for a batch in training: `x` (N, C, H, W), `weight` and `bias` (C,); shape of `x`.

    Settings: arrays `self.running_mean` and `self.running_var`, (C,), changed in place; the
    numbers `self.momentum` and `self.eps`. There are at least two values a channel.

    1. Mean and variance over the axes (0, 2, 3), with keepdims=True. Keep `self.mean` and
       `self.scale`, which is 1 / sqrt(variance + eps), for the gradient.
    2. Move `self.running_mean` in place: times (1 - momentum), plus momentum times the mean. The
       same for `self.running_var`, with the variance times m / (m - 1). Both reshaped to (C,).
    3. Return the formula, with weight and bias reshaped to (C, 1, 1).
    """

    name = "batch_norm2d"

    def forward(self, x, weight, bias):
        ### BEGIN SOLUTION
        count = x.size // weight.size
        self.mean = x.mean(axis=(0, 2, 3), keepdims=True)
        variance = x.var(axis=(0, 2, 3), keepdims=True)
        self.scale = 1 / np.sqrt(variance + self.eps)
        fair = variance * (count / (count - 1))
        for running, new in ((self.running_mean, self.mean), (self.running_var, fair)):
            running *= 1 - self.momentum
            running += self.momentum * new.reshape(-1)
        return (x - self.mean) * self.scale * weight[:, None, None] + bias[:, None, None]
        ### END SOLUTION


@gradient_of("batch_norm2d")
def batch_norm2d_gradient(operation, gradient):
    """dx, dweight and dbias.

    1. x̂ from `operation.inputs`, `operation.mean` and `operation.scale`; m = gradient.size // C.
    2. db and dw by `_unbroadcast` to the shape of `operation.mean`, (1, C, 1, 1).
    3. dx = s * w * (dz - db / m - x̂ * dw / m). Return dw and db reshaped to (C,).
    """
    ### BEGIN SOLUTION
    x, weight, _ = operation.inputs
    count, shape = gradient.size // weight.size, operation.mean.shape
    normal = (x - operation.mean) * operation.scale
    dbias, dweight = _unbroadcast(gradient, shape), _unbroadcast(gradient * normal, shape)
    dx = gradient - dbias / count - normal * (dweight / count)
    return operation.scale * weight[:, None, None] * dx, dweight.reshape(-1), dbias.reshape(-1)
    ### END SOLUTION


# %% [markdown]
"""
**Test: normalization.** Each channel of the result has mean 0 and variance 1, whatever came in, then gets its own weight and bias. The running arrays after one batch and after two are known: they start at 0 and 1 and move by a tenth, towards the variance that divides by m - 1. The gradient of all three inputs against measured slopes, with more images than one and with one alone.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "spatial-normalization-test", "points": 6}
def normalize(x, weight, bias, running=None, momentum=0.1, eps=1e-5):
    mean, variance = running or (np.zeros(weight.shape), np.ones(weight.shape))
    settings = {"running_mean": mean, "running_var": variance, "momentum": momentum, "eps": eps}
    return apply("batch_norm2d", x, weight, bias, **settings)


def test_normalization_of_a_batch():
    x = np.random.default_rng(7).standard_normal((4, 3, 2, 5)) * [[[2.0]], [[0.5]], [[1.0]]] + 3.0
    running = np.zeros(3), np.ones(3)
    w, b = np.array([1.0, -2.0, 0.5]), np.array([0.0, 10.0, 1.0])
    given = [Tensor(a, dtype=np.float64) for a in (x, w, b)]
    y = normalize(*given, running).data
    np.testing.assert_allclose(y.mean(axis=(0, 2, 3)), b, atol=1e-12)
    np.testing.assert_allclose(y.std(axis=(0, 2, 3)), abs(w), rtol=1e-4)
    expected = (x[:, 1] - x[:, 1].mean()) / x[:, 1].std()
    np.testing.assert_allclose((y[:, 1] - 10) / -2, expected, rtol=1e-4)
    mean, fair = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3), ddof=1)
    np.testing.assert_allclose(running[0], 0.1 * mean, rtol=1e-12)
    np.testing.assert_allclose(running[1], 0.9 + 0.1 * fair, rtol=1e-12)
    normalize(*given, running, momentum=0.5, eps=3.0)
    np.testing.assert_allclose(running[0], 0.55 * mean, rtol=1e-12)
    np.testing.assert_allclose(running[1], 0.45 + 0.55 * fair, rtol=1e-12)
    flat = normalize(Tensor(np.ones((2, 3, 1, 1))), *(Tensor(a) for a in (w, b))).data
    np.testing.assert_allclose(flat, np.broadcast_to(b[:, None, None], flat.shape))


def test_gradient_of_normalization():
    manual_seed(8)
    for shape in ((3, 2, 2, 3), (1, 2, 3, 3), (4, 1, 1, 1)):
        inputs = randn(*shape) * 2, randn(shape[1]), randn(shape[1])
        assert grad_check(normalize, *inputs)
        assert grad_check(lambda *t: normalize(*t, eps=0.5), *inputs)


test_normalization_of_a_batch()
test_gradient_of_normalization()

# %% [markdown]
"""
## Step 9: The layer that remembers

`BatchNorm2d` holds the weight, which starts at 1, the bias, which starts at 0, and the two running arrays. In evaluation all four are fixed numbers, so the layer is one multiplication and one addition for each channel. Written with the operations you have, it needs no gradient of its own.

Two cases need care. With a single value in a channel, the value is its own mean, and every answer would be the bias: that is refused while training. A batch without images teaches nothing, so the running arrays stay as they are.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "spatial-batch-norm"}
#| export
class BatchNorm2d(Module):
    """Each of `num_features` channels to mean 0 and variance 1, then times weight plus bias.

    In training by the numbers of the batch, in evaluation by `running_mean` and `running_var`.
    """

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight, self.bias = Parameter(np.ones(num_features)), Parameter(np.zeros(num_features))
        self.register_buffer("running_mean", np.zeros(num_features, dtype=self.weight.dtype))
        self.register_buffer("running_var", np.ones(num_features, dtype=self.weight.dtype))

    def forward(self, x):
        """The operation while training, unless there are no images; else running statistics.

        1. While training and if `x.numel()` is not 0: `apply` "batch_norm2d", with four settings.
        2. Else: `scale` = weight / sqrt(running_var + eps), and `shift` = bias - running_mean *
           scale. Reshape both to (C, 1, 1) and return x * scale + shift.
        """
        x = _images(x, self, self.num_features)
        if self.training and x.numel() == self.num_features:
            hint = "train with more images or larger ones, or call eval()"
            raise ValueError(f"{self} needs more than one value a channel, got {x.shape}: {hint}")
        ### BEGIN SOLUTION
        if self.training and x.numel():
            settings = {"running_mean": self.running_mean, "running_var": self.running_var}
            settings |= {"momentum": self.momentum, "eps": self.eps}
            return apply("batch_norm2d", x, self.weight, self.bias, **settings)
        scale = self.weight / np.sqrt(self.running_var + self.eps)
        shift = self.bias - self.running_mean * scale
        return x * scale.reshape(-1, 1, 1) + shift.reshape(-1, 1, 1)
        ### END SOLUTION

    def __repr__(self):
        return f"BatchNorm2d({self.num_features}, eps={self.eps}, momentum={self.momentum})"


# %% [markdown]
"""
**Test: the layer.** In training the batch decides and is remembered; in evaluation the running arrays decide and stay as they are, so that an image gets the same answer alone and in a batch. The buffers belong to the state. Batches without images pass in both modes, and change nothing. One value a channel and wrong channels are refused.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "spatial-batch-norm-test", "points": 5}
def test_batch_norm_in_training_and_evaluation():
    x = Tensor(np.random.default_rng(9).standard_normal((4, 2, 3, 3)) * 3 + 1)
    layer = BatchNorm2d(2, eps=0.1, momentum=0.5)
    assert sorted(layer.state_dict()) == ["bias", "running_mean", "running_var", "weight"]
    layer.weight.data[...], layer.bias.data[...] = [2.0, -1.0], [0.0, 1.0]
    expected = normalize(x, layer.weight, layer.bias, momentum=0.5, eps=0.1)
    np.testing.assert_array_equal(layer(x).data, expected.data)
    mean, variance = layer.running_mean.copy(), layer.running_var.copy()
    np.testing.assert_allclose(mean, 0.5 * x.data.mean(axis=(0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(variance, 0.5 + 0.5 * x.data.var(axis=(0, 2, 3), ddof=1), rtol=1e-5)
    layer(x[:0]).sum().backward()
    layer.eval()
    shape = (2, 1, 1)
    away = (x.data - mean.reshape(shape)) / np.sqrt(variance.reshape(shape) + 0.1)
    expected = away * layer.weight.data.reshape(shape) + layer.bias.data.reshape(shape)
    np.testing.assert_allclose(layer(x).data, expected, atol=1e-5)
    np.testing.assert_allclose(layer(x[:1]).data, expected[:1], atol=1e-5)
    assert (layer(x[:0]).shape, layer(x).dtype) == ((0, 2, 3, 3), np.float32)
    np.testing.assert_array_equal(layer.running_mean, mean)
    np.testing.assert_array_equal(layer.running_var, variance)


def test_batch_norm_refuses():
    layer = BatchNorm2d(2)
    for images, told in ((np.ones((1, 2, 1, 1)), "one value"), (np.ones((2, 3, 1, 1)), "3")):
        with np.testing.assert_raises_regex(ValueError, told):
            layer(Tensor(images))
    assert layer.running_mean.tolist() == [0.0, 0.0]
    assert layer.eval()(Tensor(np.ones((1, 2, 1, 1)))).shape == (1, 2, 1, 1)


test_batch_norm_in_training_and_evaluation()
test_batch_norm_refuses()

# %% [markdown]
"""
## Given: kernels

The versions above are written to be read. `use_kernels()` puts faster ones in their place: `apply` then asks the table `kernels`, which holds a forward and a gradient for the name of an operation (module 02), and the same numbers come out. Three ideas carry them, and module 16 goes on from there.

**One matrix product.** Copy the windows of some images into a matrix, one row for each place of the output, and the convolution is a single product with the weights. Backwards it is the same again: the slope of a pixel is a convolution of the output's slopes with the kernel turned round, and the very rows which that needs give the weight's slopes by a second product.

**Channels last.** The images are stored as (N, H, W, C) and shown as (N, C, H, W): a transposed view costs nothing. The channels of a pixel, or of a whole row of a window, then lie side by side and are copied in one piece.

**Blocks.** Work through the images in blocks that fit into the processor's cache, and each number is fetched from memory once and not once for every operation.
"""

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "spatial-kernels-convolution"}
#| exporti
_BLOCK = 1 << 20  # numbers in a block of windows: 4 MB in float32


def _last(x):
    """(N, C, H, W) seen as (N, H, W, C)."""
    return x.transpose(0, 2, 3, 1)


def _first(x):
    """(N, H, W, C) seen as (N, C, H, W)."""
    return x.transpose(0, 3, 1, 2)


def _lines(x):
    """(N, H, W, C), contiguous, as a matrix (N * H, W * C): long rows make fast loops."""
    return x.reshape(x.shape[0] * x.shape[1], x.shape[2] * x.shape[3])


def _line_sums(lines, channels):
    """The sum over all pixels, for each channel. A product with ones is the fastest sum."""
    total = np.ones(len(lines), lines.dtype) @ lines
    return total.reshape(-1, channels).sum(axis=0)


class _Windows:
    """The windows of `x`, (N, H, W, C), as matrices: one row for each place of the output.

    A row holds KH * KW * C numbers. The first window begins `before` rows and columns above and
    left of the image, which is surrounded by zeros. Iterating gives (images, rows, matrix): two
    slices of the output, and the windows of the places in them.
    """

    def __init__(self, x, kernel, output, stride, before, dilation):
        channels, length = x.shape[3], x.shape[3] * kernel[0] * kernel[1]
        self.x, self.output, self.before = x, output, before
        self.images = max(1, min(len(x), _BLOCK // (output[0] * output[1] * length)))
        self.rows = max(1, min(output[0], _BLOCK // (output[1] * length)))
        settings = zip(output, stride, kernel, dilation, strict=True)
        size = [(o - 1) * s + (k - 1) * d + 1 for o, s, k, d in settings]
        self.padded = np.zeros((self.images, *size, channels), x.dtype)
        image, row, pixel, number = self.padded.strides
        shape, strides = (*kernel, channels), (row * dilation[0], pixel * dilation[1], number)
        if dilation[1] == 1:  # a line of the window lies in one piece
            shape, strides = (kernel[0], kernel[1] * channels), (row * dilation[0], number)
        strides = (image, row * stride[0], pixel * stride[1], *strides)
        self.view = as_strided(self.padded, (self.images, *output, *shape), strides)
        self.matrix = np.empty((self.images * self.rows * output[1], length), x.dtype)

    def __iter__(self):
        inside, source = [slice(None)], [slice(None)]
        for before, size, room in zip(
            self.before, self.x.shape[1:3], self.padded.shape[1:3], strict=True
        ):
            end = min(size, room - before)
            source.append(slice(max(-before, 0), end))
            inside.append(slice(max(before, 0), before + end))
        for first in range(0, len(self.x), self.images):
            part = self.x[first : first + self.images]
            self.padded[: len(part)][tuple(inside)] = part[tuple(source)]
            for row in range(0, self.output[0], self.rows):
                windows = self.view[: len(part), row : row + self.rows]
                matrix = self.matrix[: math.prod(windows.shape[:3])]
                matrix.reshape(windows.shape)[...] = windows
                yield slice(first, first + len(part)), slice(row, row + windows.shape[1]), matrix


def _convolve(operation, x, weight, bias):
    """One group: `x` (N, H, W, C) with `weight` (KH, KW, C, M): (N, OH, OW, M)."""
    settings = operation.stride, operation.padding, operation.dilation
    output = tuple(map(_output_size, x.shape[1:3], weight.shape[:2], *settings))
    y = np.empty((len(x), *output, weight.shape[3]), np.result_type(x, weight))
    flat = weight.reshape(-1, weight.shape[3])
    line = None if bias is None else np.tile(bias, output[1])
    for images, rows, matrix in _Windows(x, weight.shape[:2], output, *settings):
        place = y[images, rows]
        np.matmul(matrix, flat, out=place.reshape(len(matrix), -1))
        if line is not None:
            _lines(place)[...] += line
    return y


def _convolution_kernel(operation, x, weight, *bias):
    """As `Conv2dOperation.forward`."""
    count = operation.groups
    biases = np.split(bias[0], count) if bias else [None] * count
    pieces = (
        np.split(_last(x), count, axis=3),
        np.split(weight.transpose(2, 3, 1, 0), count, axis=3),
    )
    parts = [_convolve(operation, *group) for group in zip(*pieces, biases, strict=True)]
    return _first(parts[0] if count == 1 else np.concatenate(parts, axis=3))


def _convolve_back(operation, x, weight, dy):
    """dx and dweight of one group by the windows of `dy`: (N, H, W, C) and (M, C, KH, KW)."""
    kernel, dilation, stride = weight.shape[2:], operation.dilation, operation.stride
    size = [(n - 1) * s + 1 for n, s in zip(dy.shape[1:3], stride, strict=True)]
    spread = dy if stride == (1, 1) else np.zeros((len(dy), *size, dy.shape[3]), dy.dtype)
    if spread is not dy:
        spread[:, :: stride[0], :: stride[1]] = dy
    flat = weight[:, :, ::-1, ::-1].transpose(2, 3, 0, 1).reshape(-1, x.shape[3])
    before = [d * (k - 1) - p for d, k, p in zip(dilation, kernel, operation.padding, strict=True)]
    dx = np.empty(x.shape, dy.dtype)
    dweight = np.zeros((x.shape[3], len(flat)), dy.dtype)
    for images, rows, matrix in _Windows(spread, kernel, x.shape[1:3], (1, 1), before, dilation):
        np.matmul(matrix, flat, out=dx[images, rows].reshape(len(matrix), -1))
        if operation.needs[1]:
            dweight += x[images, rows].reshape(len(matrix), -1).T @ matrix
    return dx, dweight.reshape(-1, *kernel, dy.shape[3])[:, ::-1, ::-1].transpose(3, 0, 1, 2)


def _weight_back(operation, x, weight, dy):
    """dweight of one group by the windows of `x`, where nobody needs dx: None in its place."""
    settings = operation.stride, operation.padding, operation.dilation
    dweight = np.zeros((weight[0].size, len(weight)), dy.dtype)
    for images, rows, matrix in _Windows(x, weight.shape[2:], dy.shape[1:3], *settings):
        dweight += matrix.T @ dy[images, rows].reshape(len(matrix), -1)
    return None, dweight.reshape(*weight.shape[2:], -1, len(weight)).transpose(3, 2, 0, 1)


def _convolution_kernel_gradient(operation, gradient):
    """As `conv2d_gradient`."""
    x, weight = operation.inputs[:2]
    dy, count = np.ascontiguousarray(_last(gradient)), operation.groups
    pieces = np.split(_last(x), count, axis=3), np.split(weight, count), np.split(dy, count, axis=3)
    back = _convolve_back if operation.needs[0] else _weight_back
    parts = [back(operation, *group) for group in zip(*pieces, strict=True)]
    dx, dweight = zip(*parts, strict=True)
    dx = _first(np.concatenate(dx, axis=3) if count > 1 else dx[0]) if operation.needs[0] else None
    dweight = np.concatenate(dweight) if count > 1 else dweight[0]
    if len(operation.needs) == 2:
        return dx, dweight
    return dx, dweight, _line_sums(_lines(dy), dy.shape[3])


kernels["conv2d"] = (_convolution_kernel, _convolution_kernel_gradient)

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "spatial-kernels-others"}
#| exporti
_LINES = 1 << 16  # numbers in a block of lines: 256 KB in float32


def _relu_kernel(operation, x):
    """As `relu`: clip is several times as fast as maximum."""
    return np.clip(x, 0, np.inf)


def _relu_kernel_gradient(operation, gradient):
    return (gradient * (operation.output > 0),)


def _taps(x, operation, output):
    """For each place in the window: what all windows of `x`, (N, H, W, C), have there."""
    for _, _, index in _places(operation.kernel_size, output, operation.stride, (1, 1)):
        yield x[(slice(None), *index[1:])]


def _max_pool_kernel(operation, x):
    """As `MaxPool2dOperation.forward`, without copying the windows."""
    settings = operation.kernel_size, operation.stride, operation.padding
    output = tuple(map(_output_size, x.shape[2:], *settings))
    y, *others = _taps(_last(_padded(x, operation.padding, -np.inf)), operation, output)
    y = y.copy()
    for other in others:
        np.maximum(y, other, out=y)
    return _first(y)


def _max_pool_kernel_gradient(operation, gradient):
    """As `max_pool2d_gradient`: the first place that holds the maximum takes the whole slope."""
    x = _last(_padded(operation.inputs[0], operation.padding, -np.inf))
    y, left = _last(operation.output), _last(gradient).copy()
    dx = np.zeros(x.shape, gradient.dtype)
    taps = zip(_taps(x, operation, y.shape[1:3]), _taps(dx, operation, y.shape[1:3]), strict=True)
    for pixels, slopes in taps:
        taken = left * (pixels == y)
        left -= taken
        slopes += taken
    (rows, columns), (height, width) = operation.padding, operation.shapes[0][2:]
    return (_first(dx[:, rows : rows + height, columns : columns + width]),)


def _blocks_of(*lines):
    """The same block of lines from each matrix, one block after the other."""
    step = max(1, _LINES // lines[0].shape[1])
    for start in range(0, len(lines[0]), step):
        yield tuple(matrix[start : start + step] for matrix in lines)


def _batch_norm_kernel(operation, x, weight, bias):
    """As `BatchNorm2dOperation.forward`: a scale and a shift for each channel."""
    x = np.ascontiguousarray(_last(x))
    lines, (wide, channels), count = _lines(x), x.shape[2:], x.size // weight.size
    mean = _line_sums(lines, channels) / count
    means, squares = np.tile(mean, wide), np.zeros(lines.shape[1], x.dtype)
    for (block,) in _blocks_of(lines):
        away = block - means
        squares += np.einsum("ij,ij->j", away, away)
    variance = squares.reshape(wide, channels).sum(axis=0) / count
    for running, new in (
        (operation.running_mean, mean),
        (operation.running_var, variance * (count / (count - 1))),
    ):
        running *= 1 - operation.momentum
        running += operation.momentum * new
    operation.mean, operation.scale = mean, 1 / np.sqrt(variance + operation.eps)
    scale = weight * operation.scale
    scales, shifts = np.tile(scale, wide), np.tile(bias - mean * scale, wide)
    y = np.empty(lines.shape, scales.dtype)
    for block, result in _blocks_of(lines, y):
        np.multiply(block, scales, out=result)
        result += shifts
    return _first(y.reshape(x.shape))


def _batch_norm_kernel_gradient(operation, gradient):
    """As `batch_norm2d_gradient`: dx is a sum of the slope, the pixel and a number, each scaled."""
    x, weight = operation.inputs[:2]
    x, dy = np.ascontiguousarray(_last(x)), np.ascontiguousarray(_last(gradient))
    lines, slopes, (wide, channels) = _lines(x), _lines(dy), x.shape[2:]
    means, products = np.tile(operation.mean, wide), np.zeros(lines.shape[1], dy.dtype)
    for block, slope in _blocks_of(lines, slopes):
        products += np.einsum("ij,ij->j", block - means, slope)
    dweight = products.reshape(wide, channels).sum(axis=0) * operation.scale
    dbias, count = _line_sums(slopes, channels), x.size // channels
    scale = weight * operation.scale
    pull = -scale * operation.scale * dweight / count
    shift = -scale * dbias / count - pull * operation.mean
    scales, pulls, shifts = (np.tile(each, wide) for each in (scale, pull, shift))
    dx = np.empty(slopes.shape, dy.dtype)
    for block, slope, result in _blocks_of(lines, slopes, dx):
        np.multiply(slope, scales, out=result)
        away = block * pulls
        away += shifts
        result += away
    return _first(dx.reshape(x.shape)), dweight, dbias


kernels["relu"] = (_relu_kernel, _relu_kernel_gradient)
kernels["max_pool2d"] = (_max_pool_kernel, _max_pool_kernel_gradient)
kernels["batch_norm2d"] = (_batch_norm_kernel, _batch_norm_kernel_gradient)

# %% [markdown]
"""
## Systems analysis

What did the matrix product gain, and what does it cost in memory? And how far does a network see? The last one is measured, not computed: a pixel belongs to the receptive field of an output if the output has a slope by it.
"""

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "spatial-analysis"}
import timeit
import tracemalloc


def seconds(action, runs=3):
    """The least time of some runs: other programs can only make a run slower."""
    return min(timeit.repeat(action, number=1, repeat=runs))


def analyze_loops_and_product():
    """The same multiplications, one by one and as matrix products."""
    print("\nimages             kernels        loops, ms   product, ms   gradient, ms")
    rng = np.random.default_rng(0)
    for images, channels, size, many in ((1, 1, 8, 4), (1, 3, 16, 8), (64, 3, 32, 16)):
        x, w = rng.random((images, channels, size, size)), rng.random((many, channels, 3, 3))
        given = [Tensor(a, requires_grad=True) for a in (x, w)]
        slow = seconds(lambda x=x[:1], w=w: conv2d_naive(x, w), 1) * images
        fast = seconds(lambda g=given: convolve(*g))
        both = seconds(lambda g=given: convolve(*g).sum().backward())
        row = f"({images:2}, {channels}, {size:2}, {size:2})   {w.shape!s:14}"
        print(f"{row} {slow * 1e3:10.1f} {fast * 1e3:13.2f} {(both - fast) * 1e3:14.2f}")


def analyze_memory():
    """Weights are few and results are many: the opposite of a linear layer."""
    print("\nlayer, 32 images of 32 x 32   weights, KB   result, MB   most held meanwhile, MB")
    for channels, kernel in ((16, 1), (16, 3), (16, 5), (32, 3)):
        layer, x = (
            Conv2d(channels, channels, kernel, padding=kernel // 2),
            randn(32, channels, 32, 32),
        )
        tracemalloc.start()
        result = layer(x).data.nbytes
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        weights = layer.weight.data.nbytes / 1e3
        name = f"{channels} channels, kernel {kernel} x {kernel}"
        print(f"{name:29} {weights:11.1f} {result / 1e6:12.1f} {most / 1e6:25.1f}")


def analyze_receptive_field():
    """Which pixels does the number in the middle depend on?"""
    print()
    same, layers = Conv2d(1, 1, 3, padding=1), []
    for name, layer in (*[("3 x 3", same)] * 3, ("pool 2", AvgPool2d(2)), ("3 x 3", same)):
        layers.append((name, layer))
        x = y = Variable(randn(1, 1, 63, 63))
        for _, step in layers:
            y = step(y)
        y[0, 0, y.shape[2] // 2, y.shape[3] // 2].backward()
        wide = (x.grad != 0).any(axis=(0, 1, 2)).sum()
        print(f"{', '.join(name for name, _ in layers):36} sees {wide:2} x {wide:2} pixels")


# %% [markdown]
"""
## Integration

A network for images, made of layers from four modules: convolution, normalization, ReLU, pooling, then the linear layer that decides. It must tell horizontal from vertical bars, wherever in the image they are. A linear layer would have to learn every place by itself; here six kernels serve them all.

**Test: a network that sees.** After a few steps against the gradient, all bars are told apart, also in evaluation, with running statistics. Every parameter has a gradient.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "spatial-integration-test", "points": 2}
def bars(count):
    """(count, 1, 6, 6): a bar of three pixels in noise, horizontal (class 0) or vertical (1)."""
    rng = np.random.default_rng(10)
    images, classes = rng.standard_normal((count, 1, 6, 6)) * 0.1, np.arange(count) % 2
    for image, kind, (i, j) in zip(images, classes, rng.integers(0, 4, (count, 2)), strict=True):
        image[0, i : i + (1, 3)[kind], j : j + (3, 1)[kind]] += 1.0
    return Tensor(images), classes


def test_a_network_sees():
    from tinytorch.core.activations import ReLU
    from tinytorch.core.autograd import no_grad
    from tinytorch.core.layers import Flatten, Linear, Sequential
    from tinytorch.core.losses import CrossEntropyLoss

    manual_seed(2)
    model = Sequential(Conv2d(1, 6, 3, padding=1, bias=False), BatchNorm2d(6), ReLU())
    model.append(MaxPool2d(6)).append(Flatten()).append(Linear(6, 2))
    (x, classes), measure = bars(48), CrossEntropyLoss()
    for _ in range(40):
        model.zero_grad()
        measure(model(x), classes).backward()
        with no_grad():
            for parameter in model.parameters():
                assert parameter.grad.shape == parameter.shape
                parameter -= 0.3 * parameter.grad
    for mode in (True, False):
        assert (model.train(mode)(x).data.argmax(axis=1) == classes).mean() > 0.95


test_a_network_sees()

# %% [markdown]
"""
## Production context

PyTorch's `Conv2d`, `MaxPool2d` and `BatchNorm2d` have the names, settings, shapes and starting values of yours, and the `state_dict` of these layers fits in both directions, but for a counter that PyTorch's `BatchNorm2d` keeps beside. What is behind them differs by machine: oneDNN on processors and cuDNN on graphics cards hold several algorithms, im2col among them, and choose by the shapes. For small kernels and many channels, Winograd's trades multiplications for additions (module 16); for large kernels a Fourier transform wins. Nearly all prefer channels last, `(N, H, W, C)`, as TensorFlow always did, because the channels of a pixel are what a product sums over.

In use, a batch normalization after a convolution costs nothing: both are linear, so exporters multiply `scale` into the convolution's weights and add `shift` to its bias. Transformers use layer normalization instead (module 14), which does not mix the examples of a batch.
"""

# %% [markdown]
"""
## Comprehensive testing

Everything chained, in float64, with settings that differ in the two directions: the slopes by the image and by every parameter, against measured ones, through the layers rather than the operations; in training and in evaluation.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "spatial-comprehensive-test", "points": 2}
def test_gradients_through_all_layers():
    rng = np.random.default_rng(11)
    first, norm = Conv2d(2, 4, (3, 2), stride=(1, 2), padding=1, groups=2), BatchNorm2d(4)
    second = Conv2d(4, 2, 2, dilation=(2, 1), bias=False)

    def network(x, *parameters):
        first.weight, first.bias, norm.weight, norm.bias, second.weight = parameters
        y = MaxPool2d(2, stride=1)(norm(first(x)))
        return AdaptiveAvgPool2d((1, 2))(AvgPool2d((2, 1), padding=(1, 0))(second(y)))

    x = rng.standard_normal((2, 2, 6, 7))
    layers = (first, norm, second)
    drawn = [rng.standard_normal(p.shape) for layer in layers for p in layer.parameters()]
    for mode in (True, False):
        norm.train(mode)
        assert grad_check(network, x, *drawn)


test_gradients_through_all_layers()

# %%
if __name__ == "__main__":
    run_tests()
    analyze_loops_and_product()
    analyze_memory()
    analyze_receptive_field()

# %% [markdown]
"""
## 🤔 ML Systems Thinking: Interactive Questions

Answer in your own words, from the code you wrote and the numbers you measured. Two or three sentences each are enough.

**Question 1: memory.** In `analyze_memory`, compare the weights, the result, and the most that was held for kernels of 1, 3 and 5. What grows, and by which factor? Why does the gradient make the columns anew instead of keeping them?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "spatial-question-memory", "points": 1}
"""
Model answer: the result stays the same, the weights and the columns grow with the number of places in the kernel, 1, 9 and 25. The columns of a 3×3 layer take nine times the memory of its input. Kept in every layer until the walk comes by, they would multiply the memory of training by nearly ten; copying them once more takes a small part of the time of the products.
"""

# %% [markdown]
"""
**Question 2: sharing.** An image of 3×224×224 goes to 64 maps of 224×224. How many weights does a 3×3 convolution hold, how many would a linear layer? For which kind of data would the convolution be the wrong choice, however many weights it saves?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "spatial-question-sharing", "points": 1}
"""
Model answer: the convolution holds 64 · 3 · 9 = 1,728 weights, the linear layer (3 · 224 · 224) · (64 · 224 · 224), about 480 billion. Convolution assumes that neighbours belong together and that a pattern means the same everywhere. A table with the columns age, income and postcode has no neighbours; there the shared weights would be wrong.
"""

# %% [markdown]
"""
**Question 3: depth.** From `analyze_receptive_field`: how many 3×3 layers see what one 7×7 layer sees? Compare their weights for C channels in and out. What did the pooling do to the layer after it?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "spatial-question-depth", "points": 1}
"""
Model answer: three 3×3 layers see 7×7 pixels, with 3 · 9 · C² = 27 C² weights instead of 49 C², and with two more nonlinearities between them. Pooling by 2 made the step of everything after it twice as large, so that the next 3×3 layer added four pixels instead of two.
"""

# %% [markdown]
"""
**Question 4: two modes.** A model with BatchNorm2d was trained well. In use someone forgets `eval()` and sends one image at a time. What is computed instead, and what happens to the model itself while it is used?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "spatial-question-modes", "points": 1}
"""
Model answer: each image is normalized by its own mean and variance instead of those of the training data, so what made it brighter or darker than others is removed, and answers change with what else is in the batch. In addition every call moves the running statistics, so the model drifts towards the last images it saw, and calling eval() later no longer restores it.
"""

# %% [markdown]
"""
## 🎯 MODULE SUMMARY: Spatial

You built convolution twice, as loops that can be read aloud and as a product that a processor likes, with windows that are gathered on the way forward and scattered on the way back. On the same two functions stand both kinds of pooling. Batch normalization brought the first gradient that you derived yourself. Together they are the layers of every network for images.

Put it into the package with `tito module export 09`, and see what you can do now: `tito checkpoint test 05`. In module 10 you feed such networks with real images: loading data.
"""
