"""What losses are, written in NumPy and SciPy, one example at a time where that is plainer; `golden_rows.py` stores it.

A formula for each row of polynet/conformance/losses, in the same order, from targets and outputs in float64.
"""

import itertools
import math

import numpy as np
from scipy import special

EPSILON = 1e-7
LABELS = np.array([0, 1, 3, 2, 1])
ONE_HOT = np.eye(4)[LABELS]


def cross_entropy(t, p):
    return -(t * np.log(np.clip(p, EPSILON, 1 - EPSILON))).sum(-1)


def binary_cross_entropy(t, p):
    p = np.clip(p, EPSILON, 1 - EPSILON)
    return -(t * np.log(p) + (1 - t) * np.log(1 - p))


def binary_focal(t, p, gamma=2.0, alpha=None):
    focused = (1 - t * p - (1 - t) * (1 - p)) ** gamma * binary_cross_entropy(t, p)
    return (focused if alpha is None else (t * alpha + (1 - t) * (1 - alpha)) * focused).mean(-1)


def focal(t, p):
    return -(0.25 * (1 - p) ** 2 * t * np.log(p)).sum(-1)


def huber(t, p, delta=1.0):
    e = abs(t - p)
    return np.where(e <= delta, e**2 / 2, delta * (e - delta / 2)).mean(-1)


def cosine(t, p, axis=-1):
    return -(t * p).sum(axis) / np.linalg.norm(t, axis=axis) / np.linalg.norm(p, axis=axis)


def categorical_hinge(t, p):
    found = []
    for row, label in zip(p, t.argmax(-1), strict=True):
        wrong = max(0.0, *np.delete(row, label))  # the right class counts as 0 there
        found.append(max(wrong - row[label] + 1, 0))
    return np.array(found)


def overlap(t, p, alpha, beta, axis):
    both, missed, invented = (t * p).sum(axis), (t * (1 - p)).sum(axis), (p * (1 - t)).sum(axis)
    return 1 - both / (both + alpha * missed + beta * invented + EPSILON)


def circle(t, p, gamma=80.0, margin=0.4, remove_diagonal=True):
    found = []
    for i, label in enumerate(t):
        similar, dissimilar = [], []
        for j, other in enumerate(t):
            s = min(p[i] @ p[j], 1.0)
            if label == other and not (remove_diagonal and i == j):
                similar.append(-gamma * max(1 + margin - s, 0) * (s - 1 + margin))
            elif label != other:
                dissimilar.append(gamma * max(s + margin, 0) * (s - margin))
        total = sum(np.exp(x + y) for x in similar for y in dissimilar)
        found.append(np.log1p(total))
    return np.array(found)


def ctc(t, p):
    """Over all ways in which the frames may spell the labels."""
    found = []
    for labels, frames in zip(t, special.softmax(p, -1), strict=True):
        wanted = [label for label in labels.tolist() if label]
        total = 0.0
        for path in itertools.product(range(frames.shape[1]), repeat=len(frames)):
            spelt = [x for x, _ in itertools.groupby(path) if x]
            if spelt == wanted:
                total += math.prod(frames[i, x] for i, x in enumerate(path))
        found.append(-math.log(total))
    return np.array(found)


def smooth(t, by):
    return t * (1 - by) + by / t.shape[-1]


FORMULAS = [
    lambda t, p: ((t - p) ** 2).mean(-1),
    lambda t, p: abs(t - p).mean(-1),
    lambda t, p: 100 * abs((t - p) / t).mean(-1),
    lambda t, p: ((np.log(t + 1) - np.log(np.maximum(p, EPSILON) + 1)) ** 2).mean(-1),
    cosine,
    lambda t, p: cosine(t, p, 0),
    huber,
    lambda t, p: huber(t, p, 0.3),
    lambda t, p: np.log(np.cosh(p - t)).mean(-1),
    lambda t, p: np.maximum(1 - t * p, 0).mean(-1),
    lambda t, p: np.maximum(1 - (2 * t - 1) * p, 0).mean(-1),
    lambda t, p: (np.maximum(1 - (2 * t - 1) * p, 0) ** 2).mean(-1),
    categorical_hinge,
    lambda t, p: special.rel_entr(t, p).sum(-1),
    lambda t, p: (p - t * np.log(p + EPSILON)).mean(-1),
    lambda t, p: binary_cross_entropy(t, p).mean(-1),
    lambda t, p: binary_cross_entropy(0.8 * t + 0.1, special.expit(p)).mean(0),
    binary_focal,
    lambda t, p: binary_focal(t, special.expit(p), 1.5, 0.3),
    lambda t, p: cross_entropy(t, p / p.sum(-1, keepdims=True)),
    lambda t, p: cross_entropy(smooth(t, 0.2), special.softmax(p, -1)),
    lambda t, p: cross_entropy(smooth(t.T, 0.2), special.softmax(p.T, -1)),
    lambda t, p: focal(t, p / p.sum(-1, keepdims=True)),
    lambda t, p: cross_entropy(
        np.array([0.1, 0.2, 0.3, 0.4]) * (1 - special.softmax(p, -1)) ** 3 * t,
        special.softmax(p, -1),
    ),
    lambda t, p: cross_entropy(ONE_HOT, p / p.sum(-1, keepdims=True)),
    lambda t, p: cross_entropy(ONE_HOT, special.softmax(p, -1)),
    lambda t, p: cross_entropy(ONE_HOT, special.softmax(p.T, -1)),
    lambda t, p: np.where(t == 1, 0, cross_entropy(ONE_HOT, special.softmax(p, -1))),
    lambda t, p: (1 - p[range(5), LABELS] ** 0.3) / 0.3,
    lambda t, p: overlap(t, p, 0.5, 0.5, None),
    lambda t, p: overlap(t, p, 0.5, 0.5, 1),
    lambda t, p: overlap(t, p, 0.3, 0.9, 1),
    lambda t, p: circle(t, p, 10.0),
    lambda t, p: circle(t[:, 0], p, 5.0, 0.2, False),
    ctc,
]


def slopes(formula, t, p):
    """The derivatives of the sum of a loss by the outputs, by differences."""
    found = np.empty_like(p)
    for place in np.ndindex(p.shape):
        step = np.zeros_like(p)
        step[place] = 1e-5
        found[place] = (formula(t, p + step) - formula(t, p - step)).sum() / 2e-5
    return found
