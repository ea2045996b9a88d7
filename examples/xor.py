"""XOR: the smallest problem that no straight line solves, learned by two layers.

    python examples/xor.py
    python examples/xor.py --seed 7

Needs modules 01 to 07.
"""

from __future__ import annotations

import argparse

from tinytorch import (
    Adam,
    BCEWithLogitsLoss,
    Linear,
    Sequential,
    Tanh,
    Tensor,
    manual_seed,
    no_grad,
)

INPUTS = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
TARGETS = [[0.0], [1.0], [1.0], [0.0]]


def train(seed: int, steps: int = 300) -> tuple[Sequential, list[float]]:
    """The trained model, and the loss of every step."""
    manual_seed(seed)
    model = Sequential(Linear(2, 8), Tanh(), Linear(8, 1))
    optimizer = Adam(model.parameters(), lr=0.05)
    loss_function = BCEWithLogitsLoss()
    x, target = Tensor(INPUTS), Tensor(TARGETS)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_function(model(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, losses


def predict(model: Sequential) -> list[int]:
    """0 or 1 for each of the four inputs. A logit above 0 is a probability above one half."""
    with no_grad():
        return [int(logit > 0) for [logit] in model(Tensor(INPUTS)).tolist()]


def main() -> None:
    parser = argparse.ArgumentParser(description="Let two layers learn XOR.")
    parser.add_argument("--seed", type=int, default=0, help="of the first weights (default: 0)")
    options = parser.parse_args()
    model, losses = train(options.seed)
    print(f"loss: {losses[0]:.3f} at first, {losses[-1]:.4f} after {len(losses)} steps")
    answers = predict(model)
    for (a, b), answer, [target] in zip(INPUTS, answers, TARGETS, strict=True):
        print(f"{a:.0f} xor {b:.0f} = {answer}   {'right' if answer == target else 'wrong'}")
    right = sum(answer == target for answer, [target] in zip(answers, TARGETS, strict=True))
    print(f"accuracy: {right / len(answers):.0%}")


if __name__ == "__main__":
    main()
