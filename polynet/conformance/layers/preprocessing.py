"""Rows about rescaling, normalization of data and images; nothing but rows."""

# ruff: noqa: E501 - messages stand here as they are read

from polynet.conformance.layers.row import Row
from polynet.conformance.stored import Wrong

FIRST = {"data_format": "channels_first"}
IMAGES = (2, 6, 8, 3)
ROWS = [
    Row("Rescaling", (2, 3), {"scale": 1 / 127.5, "offset": -1.0}),
    Row("Rescaling", IMAGES, {"scale": [0.5, 1.0, 2.0], "offset": [0.0, 1.0, -1.0]}, open=(1, 2)),
    Row("Rescaling", (2, 3), {"scale": 0.5}, integers=9, gradient=False),
    Row("Normalization", (4, 3)),
    Row("Normalization", (4, 3), {"mean": [1.0, 2.0, 3.0], "variance": [4.0, 1.0, 0.25]}),
    Row("Normalization", (4, 3), {"axis": None, "mean": 2.0, "variance": 4.0}),
    Row("Normalization", (4, 3), {"mean": 2.0, "variance": 4.0, "invert": True}),
    Row("Normalization", IMAGES, {"axis": (-1, 1)}, open=(2,)),
    Row("Normalization", IMAGES, {"axis": 2, "invert": True}, open=(1,)),
    Row("Normalization", (4, 3), integers=9, gradient=False, note="integers"),
    Row("Resizing", IMAGES, {"height": 4, "width": 5}, open=(1, 2)),
    Row("Resizing", (2, 3, 6, 8), {"height": 9, "width": 4, "interpolation": "nearest", **FIRST}),
    Row("Resizing", IMAGES, {"height": 4, "width": 4, "crop_to_aspect_ratio": True}),
    Row(
        "Resizing",
        IMAGES,
        {"height": 4, "width": 4, "pad_to_aspect_ratio": True, "fill_value": 2.0},
    ),
    Row(
        "Resizing", IMAGES, {"height": 3, "width": 4, "antialias": True, "interpolation": "bicubic"}
    ),
    Row("CenterCrop", IMAGES, {"height": 3, "width": 4}),
    Row("CenterCrop", (2, 3, 6, 8), {"height": 4, "width": 5, **FIRST}),
    Row("CenterCrop", IMAGES, {"height": 8, "width": 4}),
]

WRONG = [
    Wrong(
        "Normalization",
        "layers.Normalization(mean=1.0)",
        "ValueError",
        "Normalization: variance: expected mean and variance, or neither; got None.",
    ),
    Wrong(
        "Normalization",
        "layers.Normalization(mean=[1.0], variance=1.0)",
        "ShapeError",
        "Normalization: variance: expected the shape of mean, (1,); got ().",
    ),
    Wrong(
        "Normalization",
        "layers.Normalization(mean=[[1.0]], variance=[[1.0]])",
        "ShapeError",
        "Normalization: mean: expected at most 1 dimensions, as axis=-1 says; got shape (1, 1).",
    ),
    Wrong(
        "Normalization",
        "layers.Normalization(axis='last')",
        "TypeError",
        "Normalization: axis: expected an integer, several, or None; got 'last'.",
    ),
    Wrong(
        "Normalization",
        "layers.Normalization(mean=0.0, variance=1.0).adapt(np.ones((2, 2)))",
        "ValueError",
        "Normalization 'normalization': adapt: the layer was made with a mean and a variance. Leave them out to learn them.",
    ),
    Wrong(
        "Normalization",
        "layers.Normalization(mean=[1.0, 2.0], variance=[1.0, 1.0])(ops.ones((2, 3)))",
        "ShapeError",
        "Normalization 'normalization': mean: expected a shape that broadcasts to (3,), the lengths of axis=(-1,) of an input of shape (2, 3); got (2,).",
    ),
    Wrong(
        "Normalization",
        "layers.Normalization(axis=2)(ops.ones((2, 3)))",
        "AxisError",
        "Normalization 'normalization': axis: expected an integer from -2 to 1 for an input of 2 dimensions; got 2.",
    ),
    Wrong(
        "Rescaling",
        "layers.Rescaling('half')",
        "TypeError",
        "Rescaling: scale: expected a number or several; got str.",
    ),
    Wrong(
        "Resizing",
        "layers.Resizing(0, 2)",
        "ValueError",
        "Resizing: height: expected an integer of 1 or more; got 0.",
    ),
    Wrong(
        "Resizing",
        "layers.Resizing(2, 2, 'cubic')",
        "ValueError",
        "Resizing: interpolation: expected 'bilinear' or 'nearest' or 'bicubic' or 'lanczos3' or 'lanczos5'; got 'cubic'. Did you mean 'bicubic'?",
    ),
    Wrong(
        "Resizing",
        "layers.Resizing(2, 2, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True)",
        "ValueError",
        "Resizing: crop_to_aspect_ratio, pad_to_aspect_ratio: expected one of them at most.",
    ),
    Wrong(
        "CenterCrop",
        "layers.CenterCrop(2, 2)(ops.ones((2, 3)))",
        "ShapeError",
        "CenterCrop 'center_crop': input: expected an image or a batch of them, 3 or 4 dimensions; got shape (2, 3).",
    ),
]
