"""Rows about layers that move, repeat, cut and add elements; nothing but rows."""

# ruff: noqa: E501 - messages stand here as they are read

import numpy as np

from polynet.conformance.layers.row import Row
from polynet.conformance.stored import Wrong

FIRST = {"data_format": "channels_first"}
STEPS = np.array([[True, True, False], [True, False, False]])
ROWS = [
    Row("Flatten", (2, 3, 4)),
    Row("Flatten", (2, 3, 4, 2), FIRST),
    Row("Flatten", (2,)),
    Row("Flatten", (2, 3, 4), open=(1,), note="open"),
    Row("Reshape", (2, 12), {"target_shape": (3, 4)}),
    Row("Reshape", (2, 3, 4), {"target_shape": (-1,)}),
    Row("Reshape", (2, 3, 4), {"target_shape": (6, -1)}),
    Row("Reshape", (2, 34), {"target_shape": (-1, 17)}, open=(1,), note="open"),
    Row("Reshape", (2, 6), {"target_shape": (2, 3)}, open=(1,), note="open"),
    Row("Reshape", (2, 1), {"target_shape": ()}),
    Row("Permute", (2, 3, 4), {"dims": (2, 1)}, open=(1,)),
    Row("Permute", (2, 3, 4, 5), {"dims": (3, 1, 2)}),
    Row("RepeatVector", (2, 3), {"n": 4}),
    Row("Cropping1D", (2, 7, 3), open=(1,)),
    Row("Cropping1D", (2, 7, 3), {"cropping": (2, 0)}),
    Row("Cropping1D", (2, 7, 3), {"cropping": 2}),
    Row("Cropping2D", (2, 5, 6, 3), {"cropping": 1}, open=(1, 2)),
    Row("Cropping2D", (2, 5, 6, 3), {"cropping": (1, 2)}),
    Row("Cropping2D", (2, 3, 5, 6), {"cropping": ((0, 1), (2, 0)), **FIRST}, open=(2,)),
    Row("Cropping3D", (2, 4, 5, 6, 2)),
    Row("Cropping3D", (2, 2, 4, 5, 6), {"cropping": ((1, 0), (0, 2), (1, 1)), **FIRST}),
    Row("ZeroPadding1D", (2, 3, 2), open=(1,)),
    Row("ZeroPadding1D", (2, 2, 3), {"padding": (2, 0), **FIRST}),
    Row("ZeroPadding2D", (2, 3, 4, 2), {"padding": (1, 2)}, open=(1, 2)),
    Row("ZeroPadding2D", (2, 2, 3, 4), {"padding": ((0, 1), (2, 0)), **FIRST}),
    Row("ZeroPadding3D", (2, 2, 3, 2, 2)),
    Row("ZeroPadding3D", (2, 2, 2, 3, 2), {"padding": ((1, 0), (0, 2), (1, 1)), **FIRST}),
    Row("UpSampling1D", (2, 3, 2), open=(1,)),
    Row("UpSampling1D", (2, 3, 2), {"size": 3}),
    Row("UpSampling2D", (2, 3, 4, 2), open=(1, 2)),
    Row("UpSampling2D", (2, 2, 3, 4), {"size": (1, 3), **FIRST}),
    *[
        Row("UpSampling2D", (2, 3, 4, 2), {"size": (2, 3), "interpolation": name})
        for name in ("bilinear", "bicubic")
    ],
    Row("UpSampling2D", (2, 2, 3, 4), {"size": 2, "interpolation": "bilinear", **FIRST}, open=(2,)),
    Row("UpSampling3D", (2, 2, 3, 2, 2)),
    Row("UpSampling3D", (2, 2, 2, 3, 2), {"size": (1, 2, 3), **FIRST}, open=(2, 3)),
    Row("Flatten", (2, 3), integers=9, gradient=False),
    Row("Permute", (2, 3, 2), {"dims": (2, 1)}, integers=9, gradient=False),
]

WRONG = [
    Wrong(
        "Reshape",
        "layers.Reshape(target_shape=(-1, -1))",
        "ValueError",
        "Reshape: target_shape: only one length may be -1; got (-1, -1).",
    ),
    Wrong(
        "Reshape",
        "layers.Reshape(target_shape=(2.5,))",
        "ValueError",
        "Reshape: target_shape: expected lengths without that of the batch, -1 for one that follows; got (2.5,).",
    ),
    Wrong(
        "Permute",
        "layers.Permute(dims=(0, 1))",
        "ValueError",
        "Permute: dims: expected the axes 1, 2, ... in some order, without the batch; got (0, 1).",
    ),
    Wrong(
        "RepeatVector",
        "layers.RepeatVector(n=0)",
        "ValueError",
        "RepeatVector: n: expected an integer of 1 or more; got 0.",
    ),
    Wrong(
        "RepeatVector",
        "layers.RepeatVector(n='two')",
        "TypeError",
        "RepeatVector: n: expected an integer; got 'two'.",
    ),
    Wrong(
        "Cropping1D",
        "layers.Cropping1D(cropping=(1, 2, 3))",
        "ValueError",
        "Cropping1D: cropping: expected an integer of 0 or more, or (before, after); got (1, 2, 3).",
    ),
    Wrong(
        "Cropping2D",
        "layers.Cropping2D(cropping=-1)",
        "ValueError",
        "Cropping2D: cropping: expected an integer of 0 or more, 2 of them, or 2 pairs (before, after); got -1.",
    ),
    Wrong(
        "ZeroPadding2D",
        "layers.ZeroPadding2D(padding=(1, 2, 3))",
        "ValueError",
        "ZeroPadding2D: padding: expected an integer of 0 or more, 2 of them, or 2 pairs (before, after); got (1, 2, 3).",
    ),
    Wrong(
        "UpSampling2D",
        "layers.UpSampling2D(size=0)",
        "ValueError",
        "UpSampling2D: size: expected an integer of 1 or more, or 2 of them; got 0.",
    ),
    Wrong(
        "UpSampling2D",
        "layers.UpSampling2D(interpolation='bilinaer')",
        "ValueError",
        "UpSampling2D: interpolation: expected 'nearest' or 'bilinear' or 'bicubic' or 'lanczos3' or 'lanczos5'; got 'bilinaer'. Did you mean 'bilinear'?",
    ),
    Wrong(
        "UpSampling3D",
        "layers.UpSampling3D(data_format='channel_last')",
        "ValueError",
        "UpSampling3D: data_format: expected 'channels_last' or 'channels_first'; got 'channel_last'. Did you mean 'channels_last'?",
    ),
    Wrong(
        "Reshape",
        "layers.Reshape(target_shape=(4, 4))(ops.ones((2, 12)))",
        "ShapeError",
        "Reshape 'reshape': target_shape: (4, 4) does not hold the 12 elements of an input of shape (12,) without the batch.",
    ),
    Wrong(
        "Reshape",
        "layers.Reshape(target_shape=(-1, 5))(ops.ones((2, 12)))",
        "ShapeError",
        "Reshape 'reshape': target_shape: (-1, 5) does not hold the 12 elements of an input of shape (12,) without the batch.",
    ),
    Wrong(
        "Permute",
        "layers.Permute(dims=(2, 1))(ops.ones((2, 3)))",
        "ShapeError",
        "Permute 'permute': input: expected 3 dimensions; got shape (2, 3).",
    ),
    Wrong(
        "RepeatVector",
        "layers.RepeatVector(n=2)(ops.ones((2, 3, 4)))",
        "ShapeError",
        "RepeatVector 'repeat_vector': input: expected 2 dimensions; got shape (2, 3, 4).",
    ),
    Wrong(
        "Cropping1D",
        "layers.Cropping1D(cropping=3)(ops.ones((2, 6, 1)))",
        "ShapeError",
        "Cropping1D 'cropping1d': cropping: (3, 3) leaves nothing of an input of shape (2, 6, 1) (channels_last).",
    ),
    Wrong(
        "Cropping2D",
        "layers.Cropping2D(cropping=3)(ops.ones((2, 9, 6, 1)))",
        "ShapeError",
        "Cropping2D 'cropping2d': cropping: ((3, 3), (3, 3)) leaves nothing of an input of shape (2, 9, 6, 1) (channels_last).",
    ),
    Wrong(
        "ZeroPadding2D",
        "layers.ZeroPadding2D()(ops.ones((2, 9, 6)))",
        "ShapeError",
        "ZeroPadding2D 'zero_padding2d': input: expected 4 dimensions; got shape (2, 9, 6).",
    ),
    Wrong(
        "UpSampling1D",
        "layers.UpSampling1D()(ops.ones((2, 9)))",
        "ShapeError",
        "UpSampling1D 'up_sampling1d': input: expected 3 dimensions; got shape (2, 9).",
    ),
]
