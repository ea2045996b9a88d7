"""Can I build the fundamental building blocks of neural networks?

A network of linear layers, activations, dropout and flattening is built, given weights whose
outputs are known, saved, loaded into a fresh network, and switched between learning and use.
"""

import sys

import numpy as np

# Each test imports what it uses: with a part missing, the checkpoint says which test that stops.


def image_network(seed=0):
    """A classifier of 2 by 3 images in two classes, with every layer of module 04."""
    from tinytorch.core.activations import ReLU, Softmax
    from tinytorch.core.layers import Dropout, Flatten, Linear, Sequential
    from tinytorch.core.tensor import manual_seed

    manual_seed(seed)
    head = Sequential(Linear(4, 2), Softmax())
    return Sequential(Flatten(), Linear(6, 4), ReLU(), Dropout(0.5), head)


def test_known_weights_give_known_outputs():
    """A network with weights set by hand computes exclusive or."""
    from tinytorch.core.activations import ReLU
    from tinytorch.core.layers import Linear, Sequential
    from tinytorch.core.tensor import Tensor

    model = Sequential(Linear(2, 2), ReLU(), Linear(2, 1))
    model[0].weight.data[...] = [[1.0, 2.0], [1.0, 2.0]]
    model[0].bias.data[...] = [0.0, -2.0]
    model[2].weight.data[...] = [[1.0], [-1.0]]
    model[2].bias.data[...] = [0.5]
    # hidden = (a + b, relu(2a + 2b - 2)); output = their difference + 0.5
    y = model(Tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [2.0, 1.0]]))
    assert y.tolist() == [[0.5], [1.5], [1.5], [0.5], [-0.5]]
    # One example without a batch, and rows that must not be mixed up with columns.
    assert model[0](Tensor([3.0, 1.0])).tolist() == [4.0, 6.0]
    wide = Linear(2, 3, bias=False)
    wide.weight.data[...] = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert wide(Tensor([[1.0, -1.0]])).tolist() == [[-3.0, -3.0, -3.0]]


def test_a_network_turns_images_into_probabilities():
    """Images go through every layer and come out as one probability for each class."""
    from tinytorch.core.tensor import Tensor

    images = np.linspace(-1.0, 1.0, 30).reshape(5, 2, 3)
    model = image_network().eval()
    state = model.state_dict()
    hidden = np.maximum(images.reshape(5, 6) @ state["1.weight"] + state["1.bias"], 0)
    scores = np.exp(hidden @ state["4.0.weight"] + state["4.0.bias"])
    y = model(Tensor(images)).data
    np.testing.assert_allclose(y, scores / scores.sum(axis=1, keepdims=True), rtol=1e-4, atol=1e-6)
    assert model(Tensor(np.zeros((0, 2, 3)))).shape == (0, 2)


def test_every_parameter_is_found_once():
    """The model names its parameters, in order, counts each once, and starts them small."""
    from tinytorch.core.layers import Linear, Sequential

    model = image_network()
    names = [name for name, _ in model.named_parameters()]
    assert names == ["1.weight", "1.bias", "4.0.weight", "4.0.bias"]
    assert sum(parameter.numel() for parameter in model.parameters()) == 6 * 4 + 4 + 4 * 2 + 2
    for layer, inputs in ((model[1], 6), (model[4][0], 4)):
        for parameter in (layer.weight, layer.bias):
            assert 0 < np.abs(parameter.data).max() <= 1 / np.sqrt(inputs) + 1e-6
    shared = Linear(3, 3)
    assert len(list(Sequential(shared, shared, Linear(3, 1)).parameters())) == 4


def test_a_saved_model_lives_on_in_a_fresh_one():
    """A fresh network answers otherwise, and the same after loading; a wrong state is refused."""
    from tinytorch.core.tensor import Tensor

    images = Tensor(np.linspace(-1.0, 1.0, 30).reshape(5, 2, 3))
    trained, fresh = image_network(1).eval(), image_network(2).eval()
    state, expected = trained.state_dict(), trained(images).data.copy()
    assert np.abs(fresh(images).data - expected).max() > 1e-6
    for parameter in trained.parameters():
        parameter.data[...] = 9.0  # training goes on; what was saved may not change with it
    fresh.load_state_dict(state)
    np.testing.assert_array_equal(fresh(images).data, expected)
    message = "nothing: it was accepted"
    try:
        fresh.load_state_dict({"1.weight": np.zeros((6, 4)), "1.bias": np.zeros(4)})
    except ValueError as error:
        message = str(error)
    assert "4.0.weight" in message, f"a state without the last layer gave {message}"
    np.testing.assert_array_equal(fresh(images).data, expected)


def test_only_dropout_tells_learning_from_use():
    """train() and eval() change what Dropout does, and nothing else."""
    from tinytorch.core.layers import Dropout
    from tinytorch.core.tensor import Tensor

    x = Tensor(np.full((100, 100), 3.0))
    layer = Dropout(0.25)
    y = layer(x).data
    assert 0.2 < (y == 0).mean() < 0.3
    np.testing.assert_allclose(y[y != 0], 4.0, rtol=1e-6)
    np.testing.assert_array_equal(layer.eval()(x).data, x.data)
    assert (layer.train()(x).data == 0).any()

    model, images = image_network(), Tensor(np.linspace(-1.0, 1.0, 6000).reshape(1000, 2, 3))
    before = model.state_dict()
    without = model[:3]
    model.train()
    learning, first = model(images).data, without(images).data
    model.eval()
    assert np.abs(model(images).data - learning).max() > 1e-6
    np.testing.assert_array_equal(model(images).data, model(images).data)
    np.testing.assert_array_equal(without(images).data, first)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


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
