"""What activations are, written in NumPy and SciPy; `golden_rows.py` stores it.

A formula for each row of polynet/conformance/activations.py, in the same order, from inputs in float64.
"""

import numpy as np
from scipy import special


def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """The three cases, one element at a time."""
    found = []
    for value in x.tolist():
        if max_value is not None and value >= max_value and value > threshold:
            found.append(max_value)
        elif value > threshold:
            found.append(value)
        else:
            found.append(negative_slope * (value - threshold))
    return np.array(found)


def sparsemax(x):
    """By bisection for the number that is taken off."""
    low, high = x.max() - 1, x.max()
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(x - middle, 0).sum() > 1 else (low, middle)
    return np.maximum(x - low, 0)


FORMULAS = [
    lambda x: x,
    np.exp,
    relu,
    lambda x: relu(x, 0.1),
    lambda x: relu(x, 0.0, 5.0),
    lambda x: relu(x, 0.0, None, 1.0),
    lambda x: relu(x, 0.1, 5.0, 1.0),
    lambda x: x * special.ndtr(x),
    lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    lambda x: x * np.tanh(np.logaddexp(0, x)),
    lambda x: np.maximum(x, 0) + np.minimum(np.expm1(x), 0),
    lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    lambda x: np.where(x > 0, x, 2 * np.expm1(np.minimum(x, 0))),
    lambda x: x * (abs(x) > 0.5),
    lambda x: np.clip(x / 6 + 0.5, 0, 1),
    lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    lambda x: np.clip(x, -1, 1),
    lambda x: np.where(x > 0, x, 0.2 * x),
    special.log_expit,
    special.log_softmax,
    lambda x: np.clip(x, 0, 6),
    lambda x: (
        1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))
    ),
    special.expit,
    lambda x: x * special.expit(x),
    lambda x: np.sign(x) * np.maximum(abs(x) - 0.5, 0),
    special.softmax,
    lambda x: np.logaddexp(0, x),
    lambda x: x / (1 + abs(x)),
    lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
    lambda x: np.clip((x + 1) / 2, 0, 1),
    sparsemax,
    lambda x: (x + np.sqrt(x**2 + 4)) / 2,
    lambda x: x * special.expit(x),
    np.tanh,
    lambda x: x - np.tanh(x),
    lambda x: np.where(x > 1, x, -3),
    lambda x: x[: x.size // 2] * special.expit(x[x.size // 2 :]),
]
