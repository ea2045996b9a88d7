"""Can I add nonlinearity – the key to neural network intelligence?

Shown with your own tensors and activations: what straight layers cannot do, what one bend adds,
and that the bends are right and stay finite.
"""

import math

import numpy as np

import tinytorch


def misfit_of_the_best_line(inputs, outputs):
    """The largest error of the straight function that fits best, by least squares."""
    columns = np.hstack([inputs, np.ones((len(inputs), 1))])
    weights = np.linalg.lstsq(columns, outputs, rcond=None)[0]
    return float(np.abs(columns @ weights - outputs).max())


def test_layers_without_an_activation_collapse():
    """two layers without an activation are one layer; with ReLU between them they are not"""
    random = np.random.default_rng(2)
    shapes = [(64, 3), (3, 5), (1, 5), (5, 2), (1, 2)]
    x, a, b, c, d = (
        tinytorch.Tensor(random.standard_normal(shape), dtype=np.float64) for shape in shapes
    )
    straight = (x @ a + b) @ c + d
    one_layer = x @ (a @ c) + (b @ c + d)
    np.testing.assert_allclose(straight.data, one_layer.data, rtol=1e-9, atol=1e-9)
    assert misfit_of_the_best_line(x.data, straight.data) < 1e-9

    bent = tinytorch.relu(x @ a + b) @ c + d
    assert misfit_of_the_best_line(x.data, bent.data) > 0.1


def test_a_network_computes_exclusive_or():
    """a network of nine numbers computes exclusive or, which no straight layer can"""
    x = tinytorch.Tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    exclusive_or = [[0.0], [1.0], [1.0], [0.0]]
    assert misfit_of_the_best_line(x.data, np.array(exclusive_or)) > 0.49

    inner = tinytorch.Tensor([[1.0, 1.0], [1.0, 1.0]]), tinytorch.Tensor([0.0, -1.0])
    outer = tinytorch.Tensor([[1.0], [-2.0]]), tinytorch.Tensor([0.0])
    hidden = tinytorch.ReLU()(x @ inner[0] + inner[1])
    assert (hidden @ outer[0] + outer[1]).tolist() == exclusive_or


def test_each_curve_has_its_known_values():
    """each activation follows its formula, in float32 and in float64"""

    def gelu(x):
        return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))

    formulas = {
        tinytorch.relu: lambda x: max(x, 0.0),
        tinytorch.leaky_relu: lambda x: x if x > 0 else 0.01 * x,
        tinytorch.sigmoid: lambda x: 1 / (1 + math.exp(-x)),
        tinytorch.tanh: math.tanh,
        tinytorch.gelu: gelu,
    }
    points = [-30.0, -3.0, -1.0, -0.25, 0.0, 0.5, 1.0, 2.0, 8.0]
    for activation, formula in formulas.items():
        expected = [formula(point) for point in points]
        for dtype, tolerance in [(np.float32, 1e-5), (np.float64, 1e-11)]:
            result = activation(tinytorch.Tensor(points, dtype=dtype))
            assert result.dtype == dtype, activation.__name__
            np.testing.assert_allclose(
                result.data,
                expected,
                rtol=tolerance,
                atol=tolerance / 100,
                err_msg=activation.__name__,
            )
    # Relative to its size, so that a loss can take the logarithm of it.
    small = tinytorch.sigmoid(tinytorch.Tensor([-30.0])).item()
    assert math.isclose(small, math.exp(-30.0), rel_tol=1e-5)


def test_probabilities_survive_large_scores():
    """softmax gives probabilities for scores of ±1000, and log_softmax their exact logarithms"""
    scores = [[1000.0, 1000.0, -1000.0], [0.0, math.log(3.0), -1000.0], [-1000.0, -1000.0, -1000.0]]
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        for dtype, tolerance in [(np.float32, 1e-6), (np.float64, 1e-12)]:
            x = tinytorch.Tensor(scores, dtype=dtype)
            rows = tinytorch.softmax(x).data
            np.testing.assert_allclose(rows.sum(axis=1), np.ones(3), rtol=tolerance)
            expected = [[0.5, 0.5, 0.0], [0.25, 0.75, 0.0], [1 / 3, 1 / 3, 1 / 3]]
            np.testing.assert_allclose(rows, expected, rtol=tolerance)
            columns = tinytorch.softmax(x, axis=0).data
            np.testing.assert_allclose(columns.sum(axis=0), np.ones(3), rtol=tolerance)
            logs = tinytorch.log_softmax(x).data
            np.testing.assert_allclose(np.exp(logs), expected, rtol=tolerance)
            assert logs[0, 2] == logs[0, 0] - 2000


def test_objects_do_what_the_functions_do():
    """every activation as an object gives what its function gives, and shows its settings"""
    x = tinytorch.Tensor([[-2.0, 0.5, 1.0], [3.0, -0.5, 0.0]])
    for activation, shown, expected in [
        (tinytorch.ReLU(), "ReLU()", tinytorch.relu(x)),
        (tinytorch.LeakyReLU(0.2), "LeakyReLU(negative_slope=0.2)", tinytorch.leaky_relu(x, 0.2)),
        (tinytorch.Sigmoid(), "Sigmoid()", tinytorch.sigmoid(x)),
        (tinytorch.Tanh(), "Tanh()", tinytorch.tanh(x)),
        (tinytorch.GELU(), "GELU()", tinytorch.gelu(x)),
        (tinytorch.Softmax(axis=0), "Softmax(axis=0)", tinytorch.softmax(x, axis=0)),
        (tinytorch.LogSoftmax(), "LogSoftmax(axis=-1)", tinytorch.log_softmax(x)),
    ]:
        assert activation(x).tolist() == expected.tolist(), shown
        assert repr(activation) == shown


if __name__ == "__main__":
    for test in [
        test_layers_without_an_activation_collapse,
        test_a_network_computes_exclusive_or,
        test_each_curve_has_its_known_values,
        test_probabilities_survive_large_scores,
        test_objects_do_what_the_functions_do,
    ]:
        try:
            test()
        except Exception as error:
            failure = f"✗ {test.__doc__}\n  {test.__name__}: {type(error).__name__}: {error}"
            raise SystemExit(failure) from error
        print(f"✓ {test.__doc__}")
