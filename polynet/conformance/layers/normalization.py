"""Rows about normalizations; nothing but rows."""

# ruff: noqa: E501 - messages stand here as they are read

import numpy as np

from polynet.conformance.layers.row import Row
from polynet.conformance.stored import Wrong

STEPS = np.array([[True, True, False], [True, False, False], [True, True, True], [False] * 3])
TRAIN = {"training": True}
DENSE = {"layer": ("Dense", {"units": 3})}
CONV = {"layer": ("Conv2D", {"filters": 3, "kernel_size": 2})}
X2, X3, X4 = (5, 4), (4, 3, 6), (2, 3, 4, 6)
ROWS = [
    Row("BatchNormalization", X2),
    Row("BatchNormalization", X2, call=TRAIN),
    Row("BatchNormalization", X2, {"momentum": 0.5, "epsilon": 0.1}, TRAIN),
    Row("BatchNormalization", X4, call=TRAIN, open=(1, 2)),
    Row("BatchNormalization", X4, {"axis": 1}, TRAIN, open=(2,)),
    Row("BatchNormalization", X4, {"axis": 1, "scale": False}),
    Row("BatchNormalization", X3, {"center": False}, TRAIN),
    Row("BatchNormalization", X3, {"center": False, "scale": False}, TRAIN),
    Row("BatchNormalization", X2, {"trainable": False}, TRAIN),
    Row("BatchNormalization", X3, call=TRAIN, masks=[STEPS]),
    Row("BatchNormalization", X3, masks=[STEPS]),
    Row("BatchNormalization", X2, {"renorm": True}, TRAIN, gradient=False),
    Row("BatchNormalization", X2, {"renorm": True, "scale": False}),
    Row(
        "BatchNormalization",
        X4,
        {
            "renorm": True,
            "renorm_clipping": {"rmax": 1.2, "rmin": 0.9, "dmax": 0.3},
            "renorm_momentum": 0.7,
            "momentum": 0.6,
        },
        TRAIN,
        gradient=False,
    ),
    Row("LayerNormalization", X2),
    Row("LayerNormalization", X4, open=(1, 2)),
    Row("LayerNormalization", X4, {"axis": [1, 2]}),
    Row("LayerNormalization", X4, {"axis": (-1, -2), "center": False}, open=(1,)),
    Row("LayerNormalization", X3, {"axis": 1, "scale": False, "epsilon": 0.1}),
    Row("GroupNormalization", X4, {"groups": 2}, open=(1, 2)),
    Row("GroupNormalization", X4, {"groups": 3, "center": False, "epsilon": 0.1}),
    Row("GroupNormalization", (2, 6, 3, 4), {"groups": 2, "axis": 1}, open=(2, 3)),
    Row("GroupNormalization", X3, {"groups": -1, "scale": False}),
    Row("GroupNormalization", X2, {"groups": 1}),
    Row("RMSNormalization", X2),
    Row("RMSNormalization", X4, {"axis": (2, 3), "epsilon": 0.1}),
    Row("UnitNormalization", X2),
    Row("UnitNormalization", X4, {"axis": [1, 2]}, open=(1, 2)),
    Row("SpectralNormalization", (2, 4), within=DENSE, gradient=False),
    Row("SpectralNormalization", (2, 4), call=TRAIN, within=DENSE, gradient=False),
    Row(
        "SpectralNormalization",
        (2, 4, 4, 2),
        {"power_iterations": 3},
        TRAIN,
        within=CONV,
        gradient=False,
    ),
]

WRONG = [
    Wrong(
        "BatchNormalization",
        "layers.BatchNormalization(axis=[1, 2])",
        "TypeError",
        "BatchNormalization: axis: expected one integer; got [1, 2].",
    ),
    Wrong(
        "BatchNormalization",
        "layers.BatchNormalization(epsilon=-1.0)",
        "ValueError",
        "BatchNormalization: epsilon: expected a number of 0 or more; got -1.0.",
    ),
    Wrong(
        "BatchNormalization",
        "layers.BatchNormalization(renorm=True, renorm_clipping={'rmaxx': 1})",
        "ValueError",
        "BatchNormalization: renorm_clipping: expected the keys 'rmax', 'rmin' and 'dmax'; got 'rmaxx'. Did you mean 'rmax'?",
    ),
    Wrong(
        "BatchNormalization",
        "layers.BatchNormalization(renorm_clipping={'rmax': 1, 'rmin': 2})",
        "ValueError",
        "BatchNormalization: renorm_clipping: expected rmin <= rmax; got {'rmax': 1, 'rmin': 2}.",
    ),
    Wrong(
        "BatchNormalization",
        "layers.BatchNormalization(renorm_clipping={'dmax': -1})",
        "ValueError",
        "BatchNormalization: renorm_clipping: expected a dmax of 0 or more; got {'dmax': -1}.",
    ),
    Wrong(
        "GroupNormalization",
        "layers.GroupNormalization(groups=0)",
        "ValueError",
        "GroupNormalization: groups: expected an integer of 1 or more; got 0.",
    ),
    Wrong(
        "UnitNormalization",
        "layers.UnitNormalization(axis=None)",
        "TypeError",
        "UnitNormalization: axis: expected an integer or several; got None.",
    ),
    Wrong(
        "LayerNormalization",
        "layers.LayerNormalization(axes=1)",
        "TypeError",
        "LayerNormalization: unknown arguments ['axes']. Did you mean 'axis'?",
    ),
    Wrong(
        "BatchNormalization",
        "layers.BatchNormalization(3)(ops.ones((2, 3)))",
        "AxisError",
        "BatchNormalization 'batch_normalization': axis: expected an integer from -2 to 1 for an input of 2 dimensions; got 3.",
    ),
    Wrong(
        "LayerNormalization",
        "layers.LayerNormalization([1, 1])(ops.ones((2, 3)))",
        "ValueError",
        "LayerNormalization 'layer_normalization': axis: expected different axes; got [1, 1].",
    ),
    Wrong(
        "LayerNormalization",
        "layers.LayerNormalization(2)(ops.ones((2, 3)))",
        "AxisError",
        "LayerNormalization 'layer_normalization': axis: expected an integer from -2 to 1 for an input of 2 dimensions; got 2.",
    ),
    Wrong(
        "GroupNormalization",
        "layers.GroupNormalization(4)(ops.ones((2, 3, 6)))",
        "ShapeError",
        "GroupNormalization 'group_normalization': groups: expected a divisor of the 6 channels along axis -1; got 4.",
    ),
    Wrong(
        "GroupNormalization",
        "layers.GroupNormalization()(ops.ones((2, 3, 6)))",
        "ShapeError",
        "GroupNormalization 'group_normalization': groups: expected a divisor of the 6 channels along axis -1; got 32.",
    ),
    Wrong(
        "SpectralNormalization",
        "layers.SpectralNormalization(layers.Flatten())(ops.ones((2, 3)))",
        "ValueError",
        "SpectralNormalization 'spectral_normalization': layer: expected a layer with a kernel or embeddings; Flatten has neither.",
    ),
    Wrong(
        "BatchNormalization",
        "layers.BatchNormalization()(polynet.Input((None,)))",
        "ShapeError",
        "BatchNormalization 'batch_normalization': input: the length of axis 1 must be known; got shape (None, None). Give it in Input.",
    ),
    Wrong(
        "BatchNormalization",
        "(lambda layer: (layer(ops.ones((2, 3))), layer(ops.ones((2, 4)))))(layers.BatchNormalization())",
        "ShapeError",
        "BatchNormalization 'batch_normalization': input: expected length 3 along axis 1; got shape (2, 4).",
    ),
    Wrong(
        "BatchNormalization",
        "layers.BatchNormalization()(ops.ones((2, 3)), training=True, mask=ops.ones((2, 3), dtype='bool'))",
        "ShapeError",
        "BatchNormalization 'batch_normalization': mask: expected one axis less than the input of shape (2, 3); got shape (2, 3).",
    ),
]
