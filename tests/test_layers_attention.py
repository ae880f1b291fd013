"""Attention as layers, beside Keras's numbers: scores, masks, heads; dropout; what wrong inputs get."""

import numpy as np
import pytest
from layer_checks import (
    check_config,
    check_gradient,
    check_half,
    check_symbolic,
    check_values,
    host,
    parameters,
)
from layer_rows import Row

from polynet import layers, masking, ops

Q = np.array([[True, True, True, False], [True, True, False, False]])
V = np.array([[True, True, False, True, False], [True, False, True, True, True]])
S = np.array([[True, True, True, False], [True, False, True, True]])
LOOK = np.tril(np.ones((1, 4, 5), bool), 1)
TWO = [(2, 4, 6), (2, 5, 6)]
THREE = [(2, 4, 6), (2, 5, 3), (2, 5, 6)]
SELF = {"query": (2, 4, 6), "value": (2, 4, 6)}
CROSS = {"query": (2, 4, 6), "value": (2, 5, 3)}
OTHER = {"query": (2, 4, 6), "value": (2, 5, 6)}
ALL = {"query": (2, 4, 6), "value": (2, 5, 3), "key": (2, 5, 4)}
HEADS = {"num_heads": 2, "key_dim": 3}
GROUPS = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
CAUSAL = {"use_causal_mask": True}
SCORES = {"return_attention_scores": True}

ROWS = [
    Row("Attention", TWO),
    Row("Attention", THREE, {"use_scale": True}),
    Row("Attention", TWO, {"score_mode": "concat", "use_scale": True}),
    Row("Attention", TWO, {"score_mode": "concat"}, CAUSAL),
    Row("Attention", TWO, call=CAUSAL),
    Row("Attention", TWO, call=SCORES),
    Row("Attention", TWO, {"use_scale": True}, {**CAUSAL, **SCORES}, masks=[Q, V]),
    Row("Attention", TWO, masks=[Q, V]),
    Row("Attention", THREE, masks=[None, V, None]),
    Row("Attention", TWO, {"dropout": 0.5}, masks=[Q, V]),
    Row("AdditiveAttention", TWO),
    Row("AdditiveAttention", THREE, {"use_scale": False}, masks=[Q, V, V]),
    Row("AdditiveAttention", TWO, {"dropout": 0.3}, {**CAUSAL, **SCORES}),
    Row("MultiHeadAttention", SELF, HEADS),
    Row("MultiHeadAttention", ALL, {**HEADS, "value_dim": 5}),
    Row("MultiHeadAttention", CROSS, {**HEADS, "use_bias": False, "output_shape": 7}),
    Row("MultiHeadAttention", CROSS, {**HEADS, "output_shape": (3, 2)}),
    Row("MultiHeadAttention", SELF, {**HEADS, "use_gate": True, "value_dim": 4}),
    Row("MultiHeadAttention", SELF, HEADS, CAUSAL, open=(1,)),
    Row("MultiHeadAttention", SELF, HEADS, SCORES),
    Row("MultiHeadAttention", SELF, HEADS, {**CAUSAL, **SCORES}, masks=[S, None]),
    Row("MultiHeadAttention", SELF, HEADS, masks=[S, S]),
    Row("MultiHeadAttention", ALL, HEADS, CAUSAL, masks=[None, V, V]),
    Row("MultiHeadAttention", CROSS, HEADS, {"attention_mask": LOOK}),
    Row("MultiHeadAttention", CROSS, HEADS, {"attention_mask": LOOK}, masks=[None, V]),
    Row("MultiHeadAttention", SELF, {**HEADS, "sliding_window": 2}),
    Row("MultiHeadAttention", SELF, {**HEADS, "sliding_window": 2}, {**CAUSAL, **SCORES}),
    Row("MultiHeadAttention", SELF, {**HEADS, "dropout": 0.5}),
    Row("MultiHeadAttention", SELF, {**HEADS, "dropout": 0.5}, CAUSAL, masks=[S, S]),
    Row("MultiHeadAttention", {"query": (2, 3, 4, 5), "value": (2, 3, 4, 5)}, HEADS),
    Row(
        "MultiHeadAttention",
        {"query": (2, 3, 4, 5), "value": (2, 3, 4, 5)},
        {**HEADS, "attention_axes": 2},
    ),
    Row(
        "MultiHeadAttention",
        {"query": (2, 3, 4, 5), "value": (2, 3, 4, 5)},
        {**HEADS, "attention_axes": (-3,), "dropout": 0.1},
    ),
    Row("GroupQueryAttention", SELF, GROUPS),
    Row("GroupQueryAttention", OTHER, {**GROUPS, "use_bias": False}),
    Row("GroupQueryAttention", SELF, {**GROUPS, "use_gate": True}, CAUSAL, open=(1,)),
    Row("GroupQueryAttention", SELF, GROUPS, {**CAUSAL, **SCORES}),
    Row("GroupQueryAttention", SELF, {**GROUPS, "sliding_window": 2}, masks=[S, S]),
    Row("GroupQueryAttention", OTHER, {**GROUPS, "dropout": 0.2}, {"attention_mask": LOOK}),
]


@pytest.mark.parametrize("row", parameters(ROWS))
class TestRows:
    def test_values(self, row):
        check_values(row, "attention")

    def test_symbolic(self, row):
        check_symbolic(row, "attention")

    def test_half(self, row):
        check_half(row, "attention")

    def test_config(self, row):
        check_config(row)

    def test_gradient(self, row):
        check_gradient(row)


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


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: layers.MultiHeadAttention(0, 3), "MultiHeadAttention: num_heads: .* got 0"),
        (lambda: layers.MultiHeadAttention(2, -3), "key_dim: .* got -3"),
        (lambda: layers.MultiHeadAttention(2, 3, value_dim=0), "value_dim: .* got 0"),
        (lambda: layers.MultiHeadAttention(2, 3, output_shape="x"), "output_shape: .* got 'x'"),
        (lambda: layers.MultiHeadAttention(2, 3, attention_axes="x"), "attention_axes: .* got 'x'"),
        (lambda: layers.MultiHeadAttention(2, 3, sliding_window=0), "sliding_window: .* got 0"),
        (lambda: layers.MultiHeadAttention(2, 3, dropout=2.0), r"dropout: .* got 2\.0"),
        (
            lambda: layers.MultiHeadAttention(2, 3, dropout=0.5, flash_attention=True),
            "flash_attention",
        ),
        (lambda: layers.GroupQueryAttention(3, 4, 3), "num_key_value_heads: expected a divisor"),
        (lambda: layers.Attention(score_mode="dott"), "Did you mean 'dot'"),
        (lambda: layers.Attention(dropout=-1), "Attention: dropout: .* got -1"),
    ],
)
def test_wrong_arguments(make, text):
    with pytest.raises(ValueError, match=text):
        make()


@pytest.mark.parametrize(
    ("make", "shapes", "text"),
    [
        (layers.Attention, [(2, 3, 4)], r"inputs: expected a list, \[query, value\] .* 1 of them"),
        (layers.Attention, (2, 3, 4), "inputs: expected a list, .* a single tensor"),
        (layers.Attention, [(2, 3, 4), (2, 3, 5)], "inputs: expected query"),
        (layers.Attention, [(2, 3, 4), (2, 3, 5), (2, 4, 4)], "inputs: expected query"),
        (layers.AdditiveAttention, [(2, 4), (2, 3, 4)], "inputs: expected query"),
    ],
)
def test_wrong_inputs(make, shapes, text):
    layer = make()
    given = [ops.ones(s) for s in shapes] if isinstance(shapes, list) else ops.ones(shapes)
    with pytest.raises(ValueError, match=f"{type(layer).__name__} '{layer.name}': .*{text}"):
        layer(given)


@pytest.mark.parametrize(
    ("make", "shapes", "text"),
    [
        (lambda: layers.MultiHeadAttention(2, 3), [(2, 3), (2, 3)], "query: expected a batch axis"),
        (
            lambda: layers.MultiHeadAttention(2, 3),
            [(2, 3, 4), (2, 3)],
            "value: expected a batch axis",
        ),
        (
            lambda: layers.MultiHeadAttention(2, 3),
            [(2, 3, 4), (2, 3, 4), (2, 5, 4)],
            "key: expected the steps",
        ),
        (
            lambda: layers.MultiHeadAttention(2, 3, attention_axes=2),
            [(2, 3, 4)] * 2,
            "attention_axes: .* from 1 to 1",
        ),
        (
            lambda: layers.GroupQueryAttention(3, 4, 2),
            [(2, 3, 4, 5)] * 2,
            "query: expected 3 dimensions",
        ),
    ],
)
def test_wrong_heads(make, shapes, text):
    layer = make()
    with pytest.raises(ValueError, match=f"{type(layer).__name__} '{layer.name}': .*{text}"):
        layer(*map(ops.ones, shapes))
    assert not layer.built


def test_scores_of_a_fused_kernel():
    x = ops.ones((1, 3, 4))
    layer = layers.MultiHeadAttention(2, 3, flash_attention=True)
    with pytest.raises(ValueError, match=r"return_attention_scores: .* keeps no scores"):
        layer(x, x, return_attention_scores=True)
