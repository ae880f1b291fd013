"""Rows about attention; nothing but rows."""

# ruff: noqa: E501 - messages stand here as they are read

import numpy as np

from polynet.conformance.layers.row import Row
from polynet.conformance.stored import Wrong

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
    *[
        Row(layer, inputs, {**kwargs, "dropout": 0.4, "seed": 7}, {"training": True}, draws=True)
        for layer, inputs, kwargs in (
            ("Attention", TWO, {}),
            ("AdditiveAttention", TWO, {}),
            ("MultiHeadAttention", SELF, HEADS),
            ("GroupQueryAttention", SELF, GROUPS),
        )
    ],
]

WRONG = [
    Wrong(
        "MultiHeadAttention",
        "layers.MultiHeadAttention(0, 3)",
        "ValueError",
        "MultiHeadAttention: num_heads: expected an integer of 1 or more; got 0.",
    ),
    Wrong(
        "MultiHeadAttention",
        "layers.MultiHeadAttention(2, -3)",
        "ValueError",
        "MultiHeadAttention: key_dim: expected an integer of 1 or more; got -3.",
    ),
    Wrong(
        "MultiHeadAttention",
        "layers.MultiHeadAttention(2, 3, value_dim=0)",
        "ValueError",
        "MultiHeadAttention: value_dim: expected an integer of 1 or more; got 0.",
    ),
    Wrong(
        "MultiHeadAttention",
        "layers.MultiHeadAttention(2, 3, output_shape='x')",
        "ValueError",
        "MultiHeadAttention: output_shape: expected a length or several; got 'x'.",
    ),
    Wrong(
        "MultiHeadAttention",
        "layers.MultiHeadAttention(2, 3, attention_axes='x')",
        "ValueError",
        "MultiHeadAttention: attention_axes: expected an axis or several; got 'x'.",
    ),
    Wrong(
        "MultiHeadAttention",
        "layers.MultiHeadAttention(2, 3, sliding_window=0)",
        "ValueError",
        "MultiHeadAttention: sliding_window: expected an integer of 1 or more; got 0.",
    ),
    Wrong(
        "MultiHeadAttention",
        "layers.MultiHeadAttention(2, 3, dropout=2.0)",
        "ValueError",
        "MultiHeadAttention: dropout: expected a number from 0 to 1; got 2.0.",
    ),
    Wrong(
        "MultiHeadAttention",
        "layers.MultiHeadAttention(2, 3, dropout=0.5, flash_attention=True)",
        "ValueError",
        "MultiHeadAttention: flash_attention: expected dropout=0 with it; got dropout=0.5.",
    ),
    Wrong(
        "GroupQueryAttention",
        "layers.GroupQueryAttention(3, 4, 3)",
        "ValueError",
        "GroupQueryAttention: num_key_value_heads: expected a divisor of num_query_heads, 4; got 3.",
    ),
    Wrong(
        "Attention",
        "layers.Attention(score_mode='dott')",
        "ValueError",
        "Attention: score_mode: expected 'dot' or 'concat'; got 'dott'. Did you mean 'dot'?",
    ),
    Wrong(
        "Attention",
        "layers.Attention(dropout=-1)",
        "ValueError",
        "Attention: dropout: expected a number from 0 to 1; got -1.",
    ),
    Wrong(
        "Attention",
        "layers.Attention()([ops.ones((2, 3, 4))])",
        "ValueError",
        "Attention 'attention': inputs: expected a list, [query, value] or [query, value, key]; got 1 of them.",
    ),
    Wrong(
        "Attention",
        "layers.Attention()(ops.ones((2, 3, 4)))",
        "ValueError",
        "Attention 'attention': inputs: expected a list, [query, value] or [query, value, key]; got a single tensor.",
    ),
    Wrong(
        "Attention",
        "layers.Attention()([ops.ones((2, 3, 4)), ops.ones((2, 3, 5))])",
        "ShapeError",
        "Attention 'attention': inputs: expected query (batch, targets, size), value (batch, sources, any) and key (batch, sources, size); got shapes (2, 3, 4), (2, 3, 5) and (2, 3, 5).",
    ),
    Wrong(
        "Attention",
        "layers.Attention()([ops.ones((2, 3, 4)), ops.ones((2, 3, 5)), ops.ones((2, 4, 4))])",
        "ShapeError",
        "Attention 'attention': inputs: expected query (batch, targets, size), value (batch, sources, any) and key (batch, sources, size); got shapes (2, 3, 4), (2, 3, 5) and (2, 4, 4).",
    ),
    Wrong(
        "AdditiveAttention",
        "layers.AdditiveAttention()([ops.ones((2, 4)), ops.ones((2, 3, 4))])",
        "ShapeError",
        "AdditiveAttention 'additive_attention': inputs: expected query (batch, targets, size), value (batch, sources, any) and key (batch, sources, size); got shapes (2, 4), (2, 3, 4) and (2, 3, 4).",
    ),
    Wrong(
        "MultiHeadAttention",
        "layers.MultiHeadAttention(2, 3)(ops.ones((2, 3)), ops.ones((2, 3)))",
        "ShapeError",
        "MultiHeadAttention 'multi_head_attention': query: expected a batch axis, axes of steps and one of features, as query has; got shape (2, 3) (query: (2, 3)).",
    ),
    Wrong(
        "MultiHeadAttention",
        "layers.MultiHeadAttention(2, 3)(ops.ones((2, 3, 4)), ops.ones((2, 3)))",
        "ShapeError",
        "MultiHeadAttention 'multi_head_attention': value: expected a batch axis, axes of steps and one of features, as query has; got shape (2, 3) (query: (2, 3, 4)).",
    ),
    Wrong(
        "MultiHeadAttention",
        "layers.MultiHeadAttention(2, 3)(ops.ones((2, 3, 4)), ops.ones((2, 3, 4)), ops.ones((2, 5, 4)))",
        "ShapeError",
        "MultiHeadAttention 'multi_head_attention': key: expected the steps of value; got shape (2, 5, 4) beside value of shape (2, 3, 4).",
    ),
    Wrong(
        "MultiHeadAttention",
        "layers.MultiHeadAttention(2, 3, attention_axes=2)(ops.ones((2, 3, 4)), ops.ones((2, 3, 4)))",
        "AxisError",
        "MultiHeadAttention 'multi_head_attention': attention_axes: expected different axes from 1 to 1; got (2,).",
    ),
    Wrong(
        "GroupQueryAttention",
        "layers.GroupQueryAttention(3, 4, 2)(ops.ones((2, 3, 4, 5)), ops.ones((2, 3, 4, 5)))",
        "ShapeError",
        "GroupQueryAttention 'group_query_attention': query: expected 3 dimensions, (batch, steps, features); got shape (2, 3, 4, 5).",
    ),
    Wrong(
        "MultiHeadAttention",
        "layers.MultiHeadAttention(2, 3, flash_attention=True)(ops.ones((1, 3, 4)), ops.ones((1, 3, 4)), return_attention_scores=True)",
        "ValueError",
        "MultiHeadAttention 'multi_head_attention': return_attention_scores: the kernel of flash_attention keeps no scores; leave flash_attention None.",
    ),
]
