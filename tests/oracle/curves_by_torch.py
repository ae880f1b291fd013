"""The models of polynet/conformance/curves.py written out in torch, in float64: what their losses must be at each step.

Forward passes are written here by hand, derivatives are torch's, Adam is written from its paper as Keras arranges it.
Of polynet come only the bits: which elements are dropped, and the order of examples.  `golden_rows.py` stores the
curves.
"""

import torch
import torch.nn.functional as F

from polynet.conformance import curves
from polynet.random import host
from polynet.random.seed_generator import make_default_seed, set_random_seed


def dropped(x, rate, seed, step, shape=None):
    """`x` with the elements set to 0 that a layer drops at its `step`-th call."""
    kept = torch.from_numpy(host.keep((seed, step), tuple(shape or x.shape), rate))
    return torch.where(kept, x / (1 - rate), torch.zeros_like(x))


def mlp(x, w, step):
    h = torch.relu(x @ w[0] + w[1])
    return dropped(h, 0.3, 11, step) @ w[2] + w[3]


def cnn(x, w, step):
    kernel, bias, gamma, beta, dense, last = w
    h = F.conv2d(x.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), bias, padding=1)
    h = torch.relu(h).permute(0, 2, 3, 1)
    mean, variance = h.mean((0, 1, 2)), h.var((0, 1, 2), correction=0)
    h = gamma * (h - mean) / torch.sqrt(variance + 1e-3) + beta
    h = h.reshape(len(x), 5, 2, 5, 2, 4).amax((2, 4))
    h = dropped(h, 0.2, 12, step, (len(x), 1, 1, 4))
    return h.reshape(len(x), -1) @ dense + last


def lstm(x, w, step):
    kernel, recurrent, bias, dense, last = w
    units = recurrent.shape[0]
    factor = dropped(torch.ones(len(x), x.shape[2], dtype=x.dtype), 0.1, 13, step)
    h = c = torch.zeros(len(x), units, dtype=x.dtype)
    for t in range(x.shape[1]):
        gates = (x[:, t] * factor) @ kernel + h @ recurrent + bias
        i, f, g, o = gates.split(units, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
    return h @ dense + last


def transformer(x, w, step):
    (table, q, qb, k, kb, v, vb, o, ob, gamma, beta, wide, wide_b, back, back_b, dense, last) = w
    h = table[x.long()]
    queries, keys, values = (
        torch.einsum("btd,dhe->bhte", h, each) + b[None, :, None]
        for each, b in ((q, qb), (k, kb), (v, vb))
    )
    scores = torch.softmax(queries @ keys.transpose(2, 3) / 4**0.5, dim=-1)
    mixed = dropped(scores, 0.1, 14, step) @ values
    h = h + torch.einsum("bhte,hed->btd", mixed, o) + ob
    mean, variance = h.mean(-1, keepdim=True), h.var(-1, correction=0, keepdim=True)
    h = gamma * (h - mean) / torch.sqrt(variance + 1e-3) + beta
    h = h + F.gelu(h @ wide + wide_b) @ back + back_b
    return h.mean(1) @ dense + last


SHAPES = {
    "mlp": [("kernel", (12, 24)), ("bias", (24,)), ("kernel", (24, 4)), ("bias", (4,))],
    "cnn": [
        *[("kernel", (3, 3, 1, 4)), ("bias", (4,)), ("gamma", (4,)), ("beta", (4,))],
        *[("kernel", (100, 4)), ("bias", (4,))],
    ],
    "lstm": [
        *[("kernel", (5, 32)), ("recurrent_kernel", (8, 32)), ("bias", (32,))],
        *[("kernel", (8, 4)), ("bias", (4,))],
    ],
    "transformer": [
        ("embeddings", (11, 8)),
        *[("kernel", (8, 2, 4)), ("bias", (2, 4))] * 3,
        *[("kernel", (2, 4, 8)), ("bias", (8,)), ("gamma", (8,)), ("beta", (8,))],
        *[("kernel", (8, 16)), ("bias", (16,)), ("kernel", (16, 8)), ("bias", (8,))],
        *[("kernel", (8, 4)), ("bias", (4,))],
    ],
}
"""Names and shapes of trainable weights, in the order of a polynet model."""


def losses(row):
    """The loss at each step."""
    forward = globals()[row.id]
    weights = [
        torch.tensor(value, requires_grad=True) for value in curves.weight_values(SHAPES[row.id])
    ]
    x, y = (torch.from_numpy(part) for part in row.data("float64"))
    set_random_seed(curves.SEED)
    order_seed = make_default_seed()
    first = [torch.zeros_like(w) for w in weights]
    second = [torch.zeros_like(w) for w in weights]
    found = []
    for epoch in range(curves.EPOCHS):
        order = host.permutation((order_seed, epoch), curves.EXAMPLES)
        for at in range(0, curves.EXAMPLES, curves.BATCH):
            rows = torch.from_numpy(order[at : at + curves.BATCH].astype("int64"))
            step = len(found)
            loss = F.cross_entropy(forward(x[rows], weights, step), y[rows])
            found.append(loss.item())
            for w, m, v, g in zip(
                weights, first, second, torch.autograd.grad(loss, weights), strict=True
            ):
                m += 0.1 * (g - m)
                v += 0.001 * (g * g - v)
                rate = curves.RATE * (1 - 0.999 ** (step + 1)) ** 0.5 / (1 - 0.9 ** (step + 1))
                w.data -= rate * m / (torch.sqrt(v) + 1e-7)
    return found
