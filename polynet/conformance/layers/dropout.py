"""Rows about layers that disturb what passes through; nothing but rows."""

from typing import Any

from polynet.conformance.layers.row import Row
from polynet.conformance.stored import Wrong

RANDOM: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("Dropout", {"rate": 0.3}, (4, 5)),
    ("Dropout", {"rate": 0.3, "noise_shape": (None, 1)}, (40, 5)),
    ("SpatialDropout1D", {"rate": 0.3}, (4, 5, 6)),
    ("SpatialDropout2D", {"rate": 0.3}, (4, 3, 3, 6)),
    ("SpatialDropout2D", {"rate": 0.3, "data_format": "channels_first"}, (4, 6, 3, 3)),
    ("SpatialDropout3D", {"rate": 0.3}, (4, 2, 3, 3, 6)),
    ("AlphaDropout", {"rate": 0.3}, (4, 5)),
    ("AlphaDropout", {"rate": 0.3, "noise_shape": (40, 1)}, (40, 5)),
    ("GaussianDropout", {"rate": 0.3}, (4, 5)),
    ("GaussianNoise", {"stddev": 0.3}, (4, 5)),
]
ROWS = [
    *[Row(cls, shape, kwargs, gradient=False, note="inference") for cls, kwargs, shape in RANDOM],
    *[
        Row(cls, (4, 5), {name: 0.0}, {"training": True}, gradient=False)
        for cls, name in (
            ("Dropout", "rate"),
            ("AlphaDropout", "rate"),
            ("GaussianDropout", "rate"),
            ("GaussianNoise", "stddev"),
        )
    ],
    Row("Dropout", (4, 5), {"rate": 1.0}, {"training": True}, gradient=False),
    Row("ActivityRegularization", (2, 3), {"l1": 0.1, "l2": 0.2}, gradient=False),
    *[
        Row(cls, shape, {**kwargs, "seed": 7}, {"training": True}, draws=True)
        for cls, kwargs, shape in RANDOM
    ],
]

WRONG = [
    Wrong(
        "Dropout",
        "layers.Dropout(rate=1.5)",
        "ValueError",
        "Dropout: rate: expected a number from 0 to 1; got 1.5.",
    ),
    Wrong(
        "Dropout",
        "layers.Dropout(rate='half')",
        "ValueError",
        "Dropout: rate: expected a number from 0 to 1; got 'half'.",
    ),
    Wrong(
        "Dropout",
        "layers.Dropout(rate=0.5, noise_shape=3)",
        "ValueError",
        "Dropout: noise_shape: expected a length for each axis, or None; got 3.",
    ),
    Wrong(
        "SpatialDropout1D",
        "layers.SpatialDropout1D(rate=-0.1)",
        "ValueError",
        "SpatialDropout1D: rate: expected a number from 0 to 1; got -0.1.",
    ),
    Wrong(
        "AlphaDropout",
        "layers.AlphaDropout(rate=1.0)",
        "ValueError",
        "AlphaDropout: rate: expected a number from 0 up to, without, 1; got 1.0.",
    ),
    Wrong(
        "GaussianDropout",
        "layers.GaussianDropout(rate=1)",
        "ValueError",
        "GaussianDropout: rate: expected a number from 0 up to, without, 1; got 1.",
    ),
    Wrong(
        "GaussianNoise",
        "layers.GaussianNoise(stddev=-1.0)",
        "ValueError",
        "GaussianNoise: stddev: expected a number of 0 or more; got -1.0.",
    ),
    Wrong(
        "SpatialDropout2D",
        "layers.SpatialDropout2D(0.5)(ops.ones((2, 3, 4)), training=True)",
        "ShapeError",
        "SpatialDropout2D 'spatial_dropout2d': input: expected 4 dimensions; got shape (2, 3, 4).",
    ),
    Wrong(
        "Dropout",
        "layers.Dropout(0.5, sed=1)",
        "TypeError",
        "Dropout: unknown arguments ['sed']. Did you mean 'seed'?",
    ),
]
