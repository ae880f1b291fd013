"""Attention as layers: dropout, masks, what subclasses may do; the rest is in polynet/conformance/layers."""

import numpy as np
import pytest
from scipy import special

import polynet
from polynet import layers, masking, ops
from polynet.conformance.stored import host

S = np.array([[True, True, True, False], [True, False, True, True]])


MAKE = {
    "Attention": lambda **k: layers.Attention(**k),
    "AdditiveAttention": lambda **k: layers.AdditiveAttention(**k),
    "MultiHeadAttention": lambda **k: layers.MultiHeadAttention(2, 3, **k),
    "GroupQueryAttention": lambda **k: layers.GroupQueryAttention(3, 4, 2, **k),
}


@pytest.mark.parametrize("name", MAKE)
def test_dropout(name):
    """Half of the weights are dropped in training, and the outputs keep their mean."""
    x = np.ones((1, 64, 4), "float32")
    layer = MAKE[name](dropout=0.5, seed=3)
    args = ([x, x],) if "H" not in name and "G" not in name else (x, x)
    still, _ = layer(*args, return_attention_scores=True)
    first = host(layer(*args, training=True))
    second = host(layer(*args, training=True))
    assert not np.allclose(first, second) and not np.allclose(first, host(still))
    np.testing.assert_array_equal(host(layer(*args)), host(layer(*args)))
    again = MAKE[name](dropout=0.5, seed=3)
    again(*args)
    again.set_weights(layer.get_weights())
    np.testing.assert_allclose(host(again(*args, training=True)), first, rtol=1e-5, atol=1e-6)


def test_masks_go_on():
    x = ops.ones((2, 4, 6))
    masking.set_mask(x, ops.convert_to_tensor(S))
    for layer in (layers.MultiHeadAttention(2, 3), layers.GroupQueryAttention(3, 4, 2)):
        assert host(masking.get_mask(layer(x, x))).tolist() == S.tolist()
        hidden = host(x).copy()
        hidden[~S] = 100.0
        plain = host(layer(x, x, query_mask=S, value_mask=S))
        other = host(layer(hidden, hidden, query_mask=S, value_mask=S))
        np.testing.assert_allclose(plain[S], other[S], rtol=1e-5)


def test_causal_looks_back_only():
    x = np.random.default_rng(0).normal(size=(1, 6, 4)).astype("float32")
    changed = x.copy()
    changed[:, 4:] += 1.0
    for layer in (
        layers.MultiHeadAttention(2, 3),
        layers.MultiHeadAttention(2, 3, dropout=0.1),
        layers.GroupQueryAttention(3, 4, 2),
    ):
        one, other = (host(layer(a, a, use_causal_mask=True)) for a in (x, changed))
        np.testing.assert_allclose(one[:, :4], other[:, :4], rtol=1e-5)
        assert np.abs(one[:, 4:] - other[:, 4:]).max() > 1e-3


def test_a_subclass_computes_attention_itself():
    seen = []

    class Mine(layers.MultiHeadAttention):
        def _compute_attention(
            self, query, key, value, attention_mask=None, training=None, scores=False
        ):
            seen.append(None if attention_mask is None else tuple(attention_mask.shape))
            return super()._compute_attention(query, key, value, attention_mask, training, scores)

    x = np.random.default_rng(0).normal(size=(1, 5, 4)).astype("float32")
    layer, plain = Mine(2, 3), layers.MultiHeadAttention(2, 3)
    plain(x, x)
    layer(x, x)
    layer.set_weights(plain.get_weights())
    np.testing.assert_allclose(
        host(layer(x, x, use_causal_mask=True)),
        host(plain(x, x, use_causal_mask=True)),
        rtol=1e-4,
        atol=1e-6,
    )
    assert seen == [None, (1, 5, 5)]


def test_projections_can_be_reached():
    layer = layers.MultiHeadAttention(2, 3, use_gate=True)
    x = ops.ones((1, 4, 6))
    layer(x, x)
    assert layer.query_dense.kernel.shape == layer.key_dense.kernel.shape == (6, 2, 3)
    assert (layer.value_dense.name, layer.output_dense.name) == ("value", "attention_output")
    kernels = [w.numpy() for w in layer.weights if w.name == "kernel"][:3]
    assert not np.allclose(kernels[0], kernels[1]), "each projection has numbers of its own"
    assert layer.attention_axes == (1,) and layer.num_heads == 2 and layer.key_dim == 3


# -------------------------------------------------------------------------------- more than fits in a block


@pytest.mark.parametrize(("batch", "length"), [(5, 128), (1, 400)])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_of_many_and_its_gradients(batch, length, masked):
    generator = np.random.default_rng(3)
    q, k, v, g = (
        generator.standard_normal((batch, length, 2, 8), dtype="float32") for _ in range(4)
    )
    k[0, 3] *= 60  # powers overflow in one block
    mask = None
    if masked:
        mask = generator.random((batch, 1, length, length)) < 0.7
        mask[0, 0, 5] = False  # looks at nothing: the mean of all values
    variables = [polynet.Variable(x) for x in (q, k, v)]
    with polynet.GradientTape() as tape:
        y = ops.dot_product_attention(*variables, mask=mask, scale=0.3)
        total = ops.sum(ops.multiply(y, g))
    found = [ops.convert_to_numpy(x) for x in (y, *tape.gradient(total, variables))]
    q, k, v, g = (x.astype("float64") for x in (q, k, v, g))
    logits = 0.3 * np.einsum("bthd,bshd->bhts", q, k)
    if masked:
        logits = np.where(mask, logits, -1e30)
    weights = special.softmax(logits, -1)
    of_weights = np.einsum("bthd,bshd->bhts", g, v)
    slopes = weights * (of_weights - (of_weights * weights).sum(-1, keepdims=True))
    if masked:
        slopes = slopes * mask
    expected = (
        np.einsum("bhts,bshd->bthd", weights, v),
        0.3 * np.einsum("bhts,bshd->bthd", slopes, k),
        0.3 * np.einsum("bhts,bthd->bshd", slopes, q),
        np.einsum("bhts,bthd->bshd", weights, g),
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=5e-4)
