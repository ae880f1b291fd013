"""Rows about convolutions; nothing but rows."""

# ruff: noqa: E501 - messages stand here as they are read

from polynet.conformance.layers.row import Row
from polynet.conformance.stored import Wrong

FIRST = {"data_format": "channels_first"}
X1, X2, X3 = (2, 9, 4), (2, 7, 6, 4), (1, 4, 5, 4, 2)
F1, F2, F3 = (2, 4, 9), (2, 4, 7, 6), (1, 2, 4, 5, 4)
ROWS = [
    Row("Conv1D", X1, {"filters": 3, "kernel_size": 3}, open=(1,)),
    Row("Conv1D", X1, {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, open=(1,)),
    Row("Conv1D", X1, {"filters": 3, "kernel_size": 3, "dilation_rate": 2, "padding": "causal"}),
    Row("Conv1D", X1, {"filters": 4, "kernel_size": 2, "groups": 2, "activation": "relu"}),
    Row("Conv1D", F1, {"filters": 3, "kernel_size": 3, "padding": "causal", "strides": 2, **FIRST}),
    Row("Conv2D", X2, {"filters": 3, "kernel_size": 3}, open=(1, 2)),
    Row(
        "Conv2D",
        X2,
        {"filters": 3, "kernel_size": (3, 2), "strides": (1, 2), "padding": "same"},
        open=(1,),
    ),
    Row("Conv2D", X2, {"filters": 2, "kernel_size": 2, "dilation_rate": (2, 1), "use_bias": False}),
    Row("Conv2D", X2, {"filters": 6, "kernel_size": 2, "groups": 2, "padding": "SAME"}),
    Row(
        "Conv2D",
        F2,
        {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", **FIRST},
        open=(2, 3),
    ),
    Row("Conv2D", F2, {"filters": 4, "kernel_size": 2, "groups": 4, "activation": "tanh", **FIRST}),
    Row("Conv3D", X3, {"filters": 3, "kernel_size": 2}, open=(1, 2, 3)),
    Row("Conv3D", X3, {"filters": 2, "kernel_size": (1, 2, 3), "strides": 2, "padding": "same"}),
    Row("Conv3D", F3, {"filters": 2, "kernel_size": 2, "dilation_rate": 2, **FIRST}),
    Row("Conv1DTranspose", X1, {"filters": 3, "kernel_size": 3}, open=(1,)),
    Row(
        "Conv1DTranspose",
        X1,
        {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"},
        open=(1,),
    ),
    Row("Conv1DTranspose", X1, {"filters": 3, "kernel_size": 4, "strides": 3, "output_padding": 1}),
    Row("Conv1DTranspose", F1, {"filters": 3, "kernel_size": 2, "dilation_rate": 2, **FIRST}),
    Row("Conv2DTranspose", X2, {"filters": 3, "kernel_size": 3, "strides": 2}, open=(1, 2)),
    Row(
        "Conv2DTranspose",
        X2,
        {"filters": 3, "kernel_size": (2, 3), "strides": 2, "padding": "same", "output_padding": 1},
    ),
    Row(
        "Conv2DTranspose",
        F2,
        {"filters": 3, "kernel_size": 3, "strides": (2, 1), "padding": "same", **FIRST},
        open=(2,),
    ),
    Row(
        "Conv2DTranspose",
        X2,
        {"filters": 2, "kernel_size": 2, "use_bias": False, "activation": "relu"},
    ),
    Row("Conv3DTranspose", X3, {"filters": 3, "kernel_size": 2, "strides": 2}, open=(1, 2, 3)),
    Row(
        "Conv3DTranspose",
        F3,
        {"filters": 2, "kernel_size": 2, "padding": "same", "strides": 2, **FIRST},
    ),
    Row("DepthwiseConv1D", X1, {"kernel_size": 3, "padding": "same"}, open=(1,)),
    Row("DepthwiseConv1D", F1, {"kernel_size": 3, "depth_multiplier": 2, **FIRST}),
    Row(
        "DepthwiseConv2D",
        X2,
        {"kernel_size": 3, "depth_multiplier": 2, "activation": "relu"},
        open=(1, 2),
    ),
    Row(
        "DepthwiseConv2D",
        X2,
        {"kernel_size": 3, "strides": 2, "padding": "same", "use_bias": False},
    ),
    Row("DepthwiseConv2D", F2, {"kernel_size": 2, "dilation_rate": 2, **FIRST}),
    Row("SeparableConv1D", X1, {"filters": 3, "kernel_size": 3}, open=(1,)),
    Row(
        "SeparableConv1D",
        X1,
        {"filters": 3, "kernel_size": 3, "padding": "same", "dilation_rate": 2},
    ),
    Row(
        "SeparableConv1D",
        F1,
        {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", **FIRST},
    ),
    Row(
        "SeparableConv2D", X2, {"filters": 3, "kernel_size": 3, "depth_multiplier": 2}, open=(1, 2)
    ),
    Row("SeparableConv2D", X2, {"filters": 3, "kernel_size": 2, "strides": 2, "padding": "same"}),
    Row(
        "SeparableConv2D",
        F2,
        {"filters": 3, "kernel_size": 2, "dilation_rate": 2, "use_bias": False, **FIRST},
    ),
]

WRONG = [
    Wrong(
        "Conv2D",
        "layers.Conv2D(filters=0, kernel_size=2)",
        "ValueError",
        "Conv2D: filters: expected an integer of 1 or more; got 0.",
    ),
    Wrong(
        "Conv2D",
        "layers.Conv2D(filters=2.5, kernel_size=2)",
        "ValueError",
        "Conv2D: filters: expected an integer of 1 or more; got 2.5.",
    ),
    Wrong(
        "Conv2D",
        "layers.Conv2D(filters=3, kernel_size=2, groups=2)",
        "ValueError",
        "Conv2D: filters: expected a multiple of groups, 2; got 3.",
    ),
    Wrong(
        "Conv2D",
        "layers.Conv2D(filters=3, kernel_size=2, groups=0)",
        "ValueError",
        "Conv2D: groups: expected an integer of 1 or more; got 0.",
    ),
    Wrong(
        "Conv2D",
        "layers.Conv2D(filters=3, kernel_size=(2, 0))",
        "ValueError",
        "Conv2D: kernel_size: expected an integer of 1 or more, or 2 of them; got (2, 0).",
    ),
    Wrong(
        "Conv2D",
        "layers.Conv2D(filters=3, kernel_size=(2, 2, 2))",
        "ValueError",
        "Conv2D: kernel_size: expected an integer of 1 or more, or 2 of them; got (2, 2, 2).",
    ),
    Wrong(
        "Conv2D",
        "layers.Conv2D(filters=3, kernel_size=2, strides=0)",
        "ValueError",
        "Conv2D: strides: expected an integer of 1 or more, or 2 of them; got 0.",
    ),
    Wrong(
        "Conv2D",
        "layers.Conv2D(filters=3, kernel_size=2, padding='sane')",
        "ValueError",
        "Conv2D: padding: expected 'valid' or 'same'; got 'sane'. Did you mean 'same'?",
    ),
    Wrong(
        "Conv2D",
        "layers.Conv2D(filters=3, kernel_size=2, padding='causal')",
        "ValueError",
        "Conv2D: padding: expected 'valid' or 'same'; got 'causal'.",
    ),
    Wrong(
        "Conv1DTranspose",
        "layers.Conv1DTranspose(filters=3, kernel_size=2, padding='causal')",
        "ValueError",
        "Conv1DTranspose: padding: expected 'valid' or 'same'; got 'causal'.",
    ),
    Wrong(
        "Conv2D",
        "layers.Conv2D(filters=3, kernel_size=2, data_format='channel_first')",
        "ValueError",
        "Conv2D: data_format: expected 'channels_last' or 'channels_first'; got 'channel_first'. Did you mean 'channels_first'?",
    ),
    Wrong(
        "Conv2D",
        "layers.Conv2D(filters=3, kernel_size=2, strides=2, dilation_rate=2)",
        "ValueError",
        "Conv2D: strides, dilation_rate: expected one of them at most to be more than 1; got (2, 2) and (2, 2).",
    ),
    Wrong(
        "Conv2D",
        "layers.Conv2D(filters=3, kernel_size=2, activation='rellu')",
        "ValueError",
        "activations: unknown activation 'rellu'. Did you mean 'relu'?",
    ),
    Wrong(
        "Conv2D",
        "layers.Conv2D(filters=3, kernel_size=2, kernel_initialiser='zeros')",
        "TypeError",
        "Conv2D: unknown arguments ['kernel_initialiser']. Did you mean 'kernel_initializer'?",
    ),
    Wrong(
        "Conv2DTranspose",
        "layers.Conv2DTranspose(filters=3, kernel_size=2, strides=2, output_padding=2)",
        "ValueError",
        "Conv2DTranspose: output_padding: expected less than strides, (2, 2); got 2.",
    ),
    Wrong(
        "DepthwiseConv2D",
        "layers.DepthwiseConv2D(kernel_size=2, depth_multiplier=0)",
        "ValueError",
        "DepthwiseConv2D: depth_multiplier: expected an integer of 1 or more; got 0.",
    ),
    Wrong(
        "SeparableConv1D",
        "layers.SeparableConv1D(filters=-1, kernel_size=2)",
        "ValueError",
        "SeparableConv1D: filters: expected an integer of 1 or more; got -1.",
    ),
    Wrong(
        "Conv2D",
        "layers.Conv2D(kernel_size=3, filters=3)(ops.ones((5, 28, 28)))",
        "ShapeError",
        "Conv2D 'conv2d': input: expected 4 dimensions, (batch, height, width, channels); got shape (5, 28, 28). If the channel axis is missing, add it with ops.expand_dims.",
    ),
    Wrong(
        "Conv2D",
        "layers.Conv2D(kernel_size=3, filters=3, data_format='channels_first')(ops.ones((5, 28, 28)))",
        "ShapeError",
        "Conv2D 'conv2d': input: expected 4 dimensions, (batch, channels, height, width); got shape (5, 28, 28). If the channel axis is missing, add it with ops.expand_dims.",
    ),
    Wrong(
        "Conv1D",
        "layers.Conv1D(kernel_size=3, filters=3)(ops.ones((5, 28)))",
        "ShapeError",
        "Conv1D 'conv1d': input: expected 3 dimensions, (batch, steps, channels); got shape (5, 28). If the channel axis is missing, add it with ops.expand_dims.",
    ),
    Wrong(
        "Conv2D",
        "layers.Conv2D(kernel_size=3, filters=3)(ops.ones((5, 28, 28, 3, 1)))",
        "ShapeError",
        "Conv2D 'conv2d': input: expected 4 dimensions, (batch, height, width, channels); got shape (5, 28, 28, 3, 1).",
    ),
    Wrong(
        "Conv2D",
        "layers.Conv2D(kernel_size=3, filters=3)(ops.ones((5, 3, 2, 3)))",
        "ShapeError",
        "Conv2D 'conv2d': kernel_size: (3, 3) is larger than an input of shape (5, 3, 2, 3). Use padding='same' or a smaller kernel.",
    ),
    Wrong(
        "Conv1D",
        "layers.Conv1D(kernel_size=3, filters=3, dilation_rate=3)(ops.ones((5, 6, 3)))",
        "ShapeError",
        "Conv1D 'conv1d': kernel_size: (3,) with dilation_rate (3,) is larger than an input of shape (5, 6, 3). Use padding='same' or a smaller kernel.",
    ),
    Wrong(
        "Conv2D",
        "layers.Conv2D(kernel_size=3, filters=4, groups=2)(ops.ones((5, 8, 8, 3)))",
        "ShapeError",
        "Conv2D 'conv2d': groups: expected a divisor of the input's 3 channels; got 2 for an input of shape (5, 8, 8, 3).",
    ),
    Wrong(
        "DepthwiseConv2D",
        "layers.DepthwiseConv2D(kernel_size=3)(ops.ones((5, 2, 8, 3)))",
        "ShapeError",
        "DepthwiseConv2D 'depthwise_conv2d': kernel_size: (3, 3) is larger than an input of shape (5, 2, 8, 3). Use padding='same' or a smaller kernel.",
    ),
    Wrong(
        "SeparableConv1D",
        "layers.SeparableConv1D(kernel_size=3, filters=3)(ops.ones((5, 2, 3)))",
        "ShapeError",
        "SeparableConv1D 'separable_conv1d': kernel_size: (3,) is larger than an input of shape (5, 2, 3). Use padding='same' or a smaller kernel.",
    ),
    Wrong(
        "Conv2D",
        "layers.Conv2D(3, 3)(polynet.Input((8, 8, None)))",
        "ShapeError",
        "Conv2D 'conv2d': input: the length of the channel axis must be known (channels_last); got shape (None, 8, 8, None). Give it in Input, or set data_format.",
    ),
    Wrong(
        "Conv2D",
        "(lambda layer: (layer(ops.ones((1, 5, 5, 2))), layer(ops.ones((1, 5, 5, 3)))))(layers.Conv2D(3, 3))",
        "ShapeError",
        "Conv2D 'conv2d': input: expected length 2 along axis -1; got shape (1, 5, 5, 3).",
    ),
    Wrong(
        "Conv2D",
        "(lambda layer: (layer(ops.ones((1, 5, 5, 2))), layer(ops.ones((1, 2, 5, 2)))))(layers.Conv2D(3, 3))",
        "ShapeError",
        "Conv2D 'conv2d': inputs: spatial shape (2, 5) is too small for a kernel of (3, 3), and nothing would be left. Use padding='same' or a smaller window.",
    ),
    Wrong(
        "Conv3D",
        "layers.Conv3D(2, 2)(ops.ones((1, 4, 4, 4)))",
        "ShapeError",
        "Conv3D 'conv3d': input: expected 5 dimensions, (batch, depth, height, width, channels); got shape (1, 4, 4, 4). If the channel axis is missing, add it with ops.expand_dims.",
    ),
    Wrong(
        "Conv2DTranspose",
        "layers.Conv2DTranspose(2, 2)(ops.ones((1, 4, 4)))",
        "ShapeError",
        "Conv2DTranspose 'conv2d_transpose': input: expected 4 dimensions, (batch, height, width, channels); got shape (1, 4, 4). If the channel axis is missing, add it with ops.expand_dims.",
    ),
]
