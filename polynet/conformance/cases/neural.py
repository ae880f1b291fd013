"""Rows for the ops of ``polynet/ops/neural.py``; nothing but rows."""

from polynet.conformance.case import array, bad, bools, case, ints
from polynet.errors import AxisError, ShapeError

_KINKS = "the derivative at a kink is a convention"
_BATCH_NORM = "(x - mean) / np.sqrt(variance + epsilon)"
_LAYER_NORM = (
    "(x - x.mean({axis}, keepdims=True)) / np.sqrt(x.var({axis}, keepdims=True) + {epsilon})"
)
_RMS_NORM = "x / np.sqrt((x * x).mean({axis}, keepdims=True) + {epsilon})"
_BINARY_LOGITS = "-target * special.log_expit(output) - (1 - target) * special.log_expit(-output)"
_BINARY = (
    "-target * np.log(np.clip(output, 1e-7, 1 - 1e-7))"
    " - (1 - target) * np.log(np.clip(1 - output, 1e-7, 1 - 1e-7))"
)
_LOG_SHARES = "np.log(np.clip(output / output.sum({axis}, keepdims=True), 1e-7, 1 - 1e-7))"
_ATTENTION = "attention_loops(query, key, value, bias, mask, scale, is_causal)"


def _positive(*shape: int) -> object:
    return array(*shape, low=0.5, high=2.0)


CASES = [
    *(
        case(
            "label_loss",
            ints(*(1 if i == axis else n for i, n in enumerate(shape)), low=0, high=shape[axis]),
            array(*shape),
            axis,
            reference="special.logsumexp(logits, axis, keepdims=True) - np.take_along_axis(logits, labels, axis)",
        )
        for shape, axis in (((5, 4), 1), ((2, 3, 4), 1))
    ),
    # -------------------------------------------------------------------------- batch normalization
    case("batch_normalization", array(4, 3), array(3), _positive(3), -1, reference=_BATCH_NORM),
    case(
        "batch_normalization",
        array(2, 4, 5, 3),
        array(3),
        _positive(3),
        3,
        offset=array(3),
        scale=array(3),
        reference=_BATCH_NORM + " * scale + offset",
    ),
    case(
        "batch_normalization",
        array(2, 3, 4),
        array(3),
        _positive(3),
        1,
        scale=array(3),
        epsilon=0.1,
        reference="(x - mean[:, None]) / np.sqrt(variance + epsilon)[:, None] * scale[:, None]",
    ),
    case(
        "batch_normalization",
        array(2, 3, 4),
        array(3),
        _positive(3),
        -2,
        offset=array(3),
        reference="(x - mean[:, None]) / np.sqrt(variance + epsilon)[:, None] + offset[:, None]",
    ),
    case("batch_normalization", ints(4, 3), array(3), _positive(3), -1, reference=_BATCH_NORM),
    case("batch_normalization", array(0, 3), array(3), _positive(3), -1, reference=_BATCH_NORM),
    # -------------------------------------------------------------------------------------- moments
    case("moments", array(3, 4), axes=[0], reference="x.mean(0), x.var(0)"),
    case("moments", array(3, 4), axes=-1, reference="x.mean(-1), x.var(-1)"),
    case("moments", array(3, 4), axes=None, reference="x.mean(), x.var()"),
    case("moments", array(2, 3, 4), axes=(0, -1), reference="x.mean((0, 2)), x.var((0, 2))"),
    case(
        "moments",
        array(2, 3, 4),
        axes=(0, 1),
        keepdims=True,
        synchronized=True,
        reference="x.mean((0, 1), keepdims=True), x.var((0, 1), keepdims=True)",
    ),
    case("moments", ints(3, 4), axes=[0], reference="x.mean(0), x.var(0)"),
    case("moments", array(1, 4), axes=[0], reference="x.mean(0), x.var(0)"),
    # ------------------------------------------------------------------------ layer normalization
    case("layer_normalization", array(3, 4), reference=_LAYER_NORM.format(axis=-1, epsilon=1e-7)),
    case(
        "layer_normalization",
        array(2, 3, 4),
        array(4),
        array(4),
        epsilon=0.1,
        reference=_LAYER_NORM.format(axis=-1, epsilon=0.1) + " * gamma + beta",
    ),
    case(
        "layer_normalization",
        array(2, 3, 4),
        array(3, 4),
        array(3, 4),
        axis=(-1, 1),
        reference=_LAYER_NORM.format(axis=(1, 2), epsilon=1e-7) + " * gamma + beta",
    ),
    case(
        "layer_normalization",
        array(2, 3, 4),
        gamma=array(3),
        axis=1,
        reference=_LAYER_NORM.format(axis=1, epsilon=1e-7) + " * gamma[:, None]",
    ),
    case(
        "layer_normalization",
        array(2, 3, 4, 2),
        beta=array(3, 2),
        axis=[1, 3],
        reference=_LAYER_NORM.format(axis=(1, 3), epsilon=1e-7) + " + beta[:, None, :]",
    ),
    case(
        "layer_normalization",
        array(3, 4),
        gamma=array(4),
        rms_scaling=True,
        reference="x / np.sqrt(x.var(-1, keepdims=True) + 1e-7) * gamma",
    ),
    case(
        "layer_normalization",
        array(3, 4, low=1000.0, high=1001.0),
        epsilon=0.001,
        reference=_LAYER_NORM.format(axis=-1, epsilon=0.001),
        tolerance=(1e-3, 1e-3),
        label="far from 0",
    ),
    case("layer_normalization", ints(3, 4), reference=_LAYER_NORM.format(axis=-1, epsilon=1e-7)),
    case("layer_normalization", array(0, 4), array(4), reference="x * gamma"),
    case("rms_normalization", array(3, 4), reference=_RMS_NORM.format(axis=-1, epsilon=1e-7)),
    case(
        "rms_normalization",
        array(2, 3, 4),
        array(4),
        epsilon=0.1,
        reference=_RMS_NORM.format(axis=-1, epsilon=0.1) + " * scale",
    ),
    case(
        "rms_normalization",
        array(2, 3, 4),
        array(3, 4),
        axis=(1, 2),
        reference=_RMS_NORM.format(axis=(1, 2), epsilon=1e-7) + " * scale",
    ),
    case(
        "rms_normalization", array(5), 2.0, reference=_RMS_NORM.format(axis=-1, epsilon=1e-7) + "*2"
    ),
    case("rms_normalization", ints(3, 4), reference=_RMS_NORM.format(axis=-1, epsilon=1e-7)),
    # ------------------------------------------------------------------------------------ normalize
    case("normalize", array(3, 4), reference="x / np.linalg.norm(x, axis=-1, keepdims=True)"),
    case(
        "normalize", array(3, 4), axis=0, reference="x / np.linalg.norm(x, axis=0, keepdims=True)"
    ),
    case(
        "normalize",
        array(2, 3, 4),
        axis=(0, 2),
        reference="x / np.sqrt((x * x).sum((0, 2), keepdims=True))",
    ),
    case("normalize", array(3, 4), axis=None, reference="x / np.sqrt((x * x).sum())"),
    case("normalize", array(3, 4), order=1, reference="x / np.abs(x).sum(-1, keepdims=True)"),
    case(
        "normalize",
        array(3, 4),
        order=3,
        reference="x / (np.abs(x) ** 3).sum(-1, keepdims=True) ** (1 / 3)",
    ),
    case("normalize", array(3, 4), epsilon=100.0, reference="x / 100.0"),
    case("normalize", array(3, 4), epsilon=100.0, order=1, reference="x / 100.0"),
    case(
        "normalize",
        array(values=[[0.0, 0.0], [3.0, 4.0]]),
        reference="[[0.0, 0], [0.6, 0.8]]",
        grad=False,
        why="the second derivative at 0 is that of a kink",
    ),
    case("normalize", ints(3, 4, low=1), reference="x / np.linalg.norm(x, axis=-1, keepdims=True)"),
    case("normalize", array(0, 4), reference="x"),
    # --------------------------------------------------------------------------------------- losses
    case(
        "binary_crossentropy", array(3, 4), array(3, 4), from_logits=True, reference=_BINARY_LOGITS
    ),
    case(
        "binary_crossentropy",
        array(2, 3, low=0.0, high=1.0),
        array(2, 3, low=0.05, high=0.95),
        reference=_BINARY,
    ),
    case(
        "binary_crossentropy",
        array(values=[0.0, 1.0, 0.0, 1.0, 0.3]),
        array(values=[0.0, 0.0, 1.0, 1.0, 0.5]),
        reference=_BINARY,
        grad=False,
        why=_KINKS,
        tolerance=(2e-2, 1e-6),
    ),
    case(
        "binary_crossentropy",
        array(values=[0.0, 1.0, 1.0]),
        array(values=[-200.0, -200.0, 200.0]),
        from_logits=True,
        reference=_BINARY_LOGITS,
    ),
    case(
        "binary_crossentropy",
        bools(4),
        array(4),
        from_logits=True,
        reference=_BINARY_LOGITS.replace("-target", "-1 * target").replace(
            "1 - target", "1 - target * 1"
        ),
    ),
    case("binary_crossentropy", array(0, 3), array(0, 3), from_logits=True, reference="output"),
    *(
        case(
            "categorical_crossentropy",
            array(*shape, low=0.0, high=1.0),
            array(*shape),
            from_logits=True,
            axis=axis,
            reference="-(target * special.log_softmax(output, axis)).sum(axis)",
        )
        for shape, axis in (((3, 4), -1), ((2, 3, 4), 1), ((2, 3, 4), -3), ((5,), 0))
    ),
    *(
        case(
            "categorical_crossentropy",
            array(*shape, low=0.0, high=1.0),
            _positive(*shape),
            axis=axis,
            reference=f"-(target * {_LOG_SHARES.format(axis=axis)}).sum(axis)",
        )
        for shape, axis in (((3, 4), -1), ((2, 3, 4), 1))
    ),
    case(
        "categorical_crossentropy",
        array(values=[[1.0, 0.0], [0.0, 1.0]]),
        array(values=[[0.0, 1.0], [0.0, 1.0]]),
        reference=f"-(target * {_LOG_SHARES.format(axis=-1)}).sum(axis)",
        grad=False,
        why=_KINKS,
    ),
    case(
        "categorical_crossentropy",
        ints(3, 4, low=0, high=2),
        array(3, 4),
        from_logits=True,
        reference="-(target * special.log_softmax(output, axis)).sum(axis)",
    ),
    case(
        "sparse_categorical_crossentropy",
        ints(5, low=0, high=4),
        array(5, 4),
        from_logits=True,
        reference="-special.log_softmax(output, -1)[np.arange(5), target]",
    ),
    case(
        "sparse_categorical_crossentropy",
        ints(2, 3, low=0, high=4),
        array(2, 3, 4),
        from_logits=True,
        reference="-np.take_along_axis(special.log_softmax(output, -1), target[..., None], -1)[..., 0]",
    ),
    case(
        "sparse_categorical_crossentropy",
        ints(2, 3, 1, low=0, high=4, dtype="int64"),
        array(2, 3, 4),
        from_logits=True,
        reference="-np.take_along_axis(special.log_softmax(output, -1), target, -1)[..., 0]",
    ),
    case(
        "sparse_categorical_crossentropy",
        ints(2, 3, low=0, high=4, dtype="uint8"),
        array(2, 4, 3),
        from_logits=True,
        axis=1,
        reference="-np.take_along_axis(special.log_softmax(output, 1), target[:, None], 1)[:, 0]",
    ),
    case(
        "sparse_categorical_crossentropy",
        ints(5, low=0, high=4),
        _positive(5, 4),
        reference=f"-{_LOG_SHARES.format(axis=-1)}[np.arange(5), target]",
    ),
    case(
        "sparse_categorical_crossentropy",
        ints(values=[1, -1, 0]),
        array(3, 4),
        from_logits=True,
        reference="np.array([1, 0, 1]) * -special.log_softmax(output, -1)[np.arange(3), target]",
        label="a negative label",
    ),
    case(
        "sparse_categorical_crossentropy",
        ints(low=0, high=4),
        array(4),
        from_logits=True,
        reference="-special.log_softmax(output, -1)[target]",
    ),
    # --------------------------------------------------------------------------------------- labels
    case("one_hot", ints(5, low=0, high=4), 4, reference="np.eye(4)[x]"),
    case(
        "one_hot",
        ints(2, 3, low=0, high=4),
        4,
        axis=0,
        reference="np.moveaxis(np.eye(4)[x], -1, 0)",
    ),
    case(
        "one_hot",
        ints(2, 3, low=0, high=4),
        4,
        axis=-2,
        reference="np.moveaxis(np.eye(4)[x], -1, -2)",
    ),
    case("one_hot", ints(low=0, high=4), 4, reference="np.eye(4)[x]"),
    case("one_hot", ints(3, low=0, high=4), 4, dtype="int32", reference="np.eye(4, dtype=int)[x]"),
    case("one_hot", ints(3, low=0, high=4), 4, dtype="bool", reference="np.eye(4)[x] > 0"),
    case("one_hot", ints(3, low=0, high=4, dtype="uint8"), 4, reference="np.eye(4)[x]"),
    case("one_hot", ints(values=[-1, 0, 7]), 2, reference="np.array([[0, 0], [1, 0], [0, 0]])"),
    case("one_hot", ints(0, low=0, high=4), 4, reference="np.zeros((0, 4))"),
    case("one_hot", bools(3), 2, reference="np.eye(2)[x * 1]"),
    case("multi_hot", ints(values=[0, 3, 3]), 5, reference="np.array([1, 0, 0, 1, 0])"),
    case("multi_hot", ints(2, 3, low=0, high=4), 4, reference="np.eye(4)[inputs].max(1)"),
    case("multi_hot", ints(2, 3, 4, low=0, high=4), 4, reference="np.eye(4)[inputs].max(1)"),
    case(
        "multi_hot",
        ints(2, 3, low=0, high=4),
        4,
        axis=2,
        dtype="int32",
        reference="np.eye(4, dtype=int)[inputs].max(1)",
    ),
    case("multi_hot", ints(2, 0, low=0, high=4), 4, reference="np.zeros((2, 4))"),
    # ------------------------------------------------------------------------------------ attention
    case(
        "dot_product_attention",
        array(2, 3, 4, 5),
        array(2, 6, 4, 5),
        array(2, 6, 4, 5),
        reference=_ATTENTION,
    ),
    case(
        "dot_product_attention",
        array(2, 5, 2, 3),
        array(2, 5, 2, 3),
        array(2, 5, 2, 3),
        is_causal=True,
        reference=_ATTENTION,
    ),
    *(
        case(
            "dot_product_attention",
            array(1, targets, 2, 3),
            array(1, sources, 2, 3),
            array(1, sources, 2, 3),
            is_causal=True,
            reference=_ATTENTION,
        )
        for targets, sources in ((2, 4), (4, 2))
    ),
    *(
        case(
            "dot_product_attention",
            array(2, 3, 4, 5),
            array(2, 6, key_heads, 5),
            array(2, 6, key_heads, 5),
            mask=bools(2, 1, 3, 6),
            reference=_ATTENTION,
        )
        for key_heads in (1, 2)
    ),
    case(
        "dot_product_attention",
        array(2, 3, 2, 5),
        array(2, 6, 2, 5),
        array(2, 6, 2, 4),
        bias=array(1, 2, 3, 6),
        scale=0.3,
        reference=_ATTENTION,
        label="bias, scale and another value size",
    ),
    case(
        "dot_product_attention",
        array(2, 4, 2, 5),
        array(2, 4, 2, 5),
        array(2, 4, 2, 5),
        bias=array(4, 4),
        mask=bools(2, 2, 4, 4),
        is_causal=True,
        reference=_ATTENTION,
        label="bias, mask and causal",
    ),
    case(
        "dot_product_attention",
        array(1, 2, 1, 3),
        array(1, 3, 1, 3),
        array(1, 3, 1, 3),
        mask=bools(values=[[[[False, False, False], [True, False, True]]]]),
        reference=_ATTENTION,
        label="a target that sees nothing",
    ),
    case(
        "dot_product_attention",
        array(1, 2, 2, 3),
        array(1, 3, 2, 3),
        array(1, 3, 2, 3),
        mask=ints(1, 1, 2, 3, low=0, high=2),
        flash_attention=False,
        reference=_ATTENTION,
    ),
    case(
        "dot_product_attention",
        array(1, 2, 2, 3),
        array(1, 3, 2, 3),
        array(1, 3, 2, 3),
        attn_logits_soft_cap=0.5,
        reference="attention_loops(query, key, value, cap=attn_logits_soft_cap)",
    ),
    # ------------------------------------------------------------------------------------ distances
    case("cdist", array(3, 4), array(5, 4), reference="scipy.spatial.distance.cdist(x, y)"),
    case(
        "cdist",
        array(2, 3, 4),
        array(1, 5, 4),
        reference="np.linalg.norm(x[:, :, None] - y[:, None], axis=-1)",
    ),
    case("cdist", ints(3, 2), ints(4, 2), reference="scipy.spatial.distance.cdist(x, y)"),
    case(
        "cdist",
        array(values=[[1.0, 2.0]]),
        array(values=[[1.0, 2.0]]),
        reference="np.zeros((1, 1))",
        grad=False,
        why=_KINKS,
    ),
    case("cdist", array(0, 4), array(5, 4), reference="np.zeros((0, 5))"),
    case(
        "psnr",
        array(2, 4, 3),
        array(2, 4, 3),
        1.0,
        reference="20 * np.log10(max_val) - 10 * np.log10(np.mean((x1 - x2) ** 2))",
    ),
    case(
        "psnr",
        ints(5, low=0, high=255),
        ints(5, low=0, high=255),
        255,
        reference="20 * np.log10(max_val) - 10 * np.log10(np.mean((x1 - x2) ** 2))",
    ),
    # ------------------------------------------------------------------------------------------ CTC
    case(
        "ctc_loss",
        ints(values=[[1, 2, 1], [2, 2, 0], [3, 0, 0], [1, 1, 1]]),
        array(4, 6, 4),
        ints(values=[3, 2, 1, 0]),
        ints(values=[6, 4, 6, 5]),
        reference="ctc_loss_ways(target, output, target_length, output_length)",
    ),
    case(
        "ctc_loss",
        ints(values=[[1, 0], [0, 0]]),
        array(2, 4, 3),
        ints(values=[2, 2]),
        ints(values=[4, 3]),
        mask_index=2,
        reference="ctc_loss_ways(target, output, target_length, output_length, mask_index)",
    ),
    case(
        "ctc_loss",
        ints(values=[[1]]),
        array(1, 1, 3),
        ints(values=[1]),
        ints(values=[1]),
        reference="-special.log_softmax(output[0, :, 1:2] * 0 + output[0], -1)[:, 1]",
    ),
    case(
        "ctc_decode",
        array(2, 6, 4),
        ints(values=[6, 4]),
        reference="ctc_greedy(inputs, sequence_lengths, merge_repeated, mask_index)",
        grad=False,
        why="what is decoded are labels",
    ),
    case(
        "ctc_decode",
        array(3, 7, 3),
        ints(values=[7, 5, 0]),
        merge_repeated=False,
        mask_index=None,
        reference="ctc_greedy(inputs, sequence_lengths, False, 2)",
        grad=False,
        why="what is decoded are labels",
    ),
    *(
        case(
            "ctc_decode",
            array(2, frames, classes),
            ints(values=lengths),
            strategy="beam_search",
            beam_width=width,
            top_paths=paths,
            mask_index=blank,
            reference=f"ctc_decode_ways(inputs, sequence_lengths, top_paths, {blank})",
            grad=False,
            why="what is decoded are labels",
        )
        for frames, classes, lengths, width, paths, blank in (
            (4, 3, [4, 2], 50, 3, 0),
            (5, 3, [5, 5], 80, 1, 2),
            (4, 4, [3, 4], 100, 4, 1),
        )
    ),
]

BAD = [
    bad(
        "batch_normalization",
        array(2, 3),
        array(2),
        array(3),
        -1,
        error=ShapeError,
        match="mean: expected a vector of length 3",
    ),
    bad(
        "batch_normalization",
        array(2, 3),
        array(3),
        array(3),
        2,
        error=AxisError,
        match="axis: 2 is out of range",
    ),
    bad("moments", array(2, 3), 2, error=AxisError, match="axes: 2 is out of range"),
    bad(
        "layer_normalization",
        array(2, 3),
        array(4),
        error=ShapeError,
        match="gamma: expected shape \\(3,\\)",
    ),
    bad("normalize", array(2, 3), order=0, error=ValueError, match="order: expected an integer"),
    bad(
        "binary_crossentropy",
        array(2, 3),
        array(3, 2),
        error=ShapeError,
        match="target: shape \\(2, 3\\) differs",
    ),
    bad(
        "categorical_crossentropy",
        array(),
        array(),
        error=ShapeError,
        match="output: expected an axis of classes",
    ),
    bad(
        "sparse_categorical_crossentropy",
        ints(3, low=0, high=2),
        array(2, 2),
        error=ShapeError,
        match="target: expected shape \\(2,\\)",
    ),
    bad(
        "sparse_categorical_crossentropy",
        ints(values=[0, 2]),
        array(2, 2),
        error=ValueError,
        match="target: label 2 is out of range for 2 classes",
    ),
    bad("one_hot", ints(3), 4, axis=3, error=AxisError, match="axis: 3 is out of range"),
    bad("one_hot", ints(3), 4, sparse=True, error=ValueError, match="sparse: polynet has no"),
    bad("multi_hot", ints(), 4, error=ShapeError, match="inputs: expected an axis of labels"),
    bad(
        "dot_product_attention",
        array(1, 2, 3),
        array(1, 2, 3, 4),
        array(1, 2, 3, 4),
        error=ShapeError,
        match="query: expected shape \\(batch, length, heads, size\\)",
    ),
    bad(
        "dot_product_attention",
        array(1, 2, 3, 4),
        array(1, 2, 2, 4),
        array(1, 2, 2, 4),
        error=ShapeError,
        match="2 heads do not divide the 3 heads",
    ),
    bad(
        "dot_product_attention",
        array(1, 2, 3, 4),
        array(1, 2, 3, 4),
        array(1, 2, 3, 4),
        mask=bools(1, 2, 3),
        error=ShapeError,
        match="mask: shape \\(1, 2, 3\\) does not broadcast",
    ),
    bad("cdist", array(3, 2), array(3, 4), error=ShapeError, match="expected rows of one length"),
    bad("psnr", array(3), array(4), 1.0, error=ShapeError, match="x1: shape \\(3,\\) differs"),
    bad(
        "ctc_loss",
        ints(2, 3),
        array(3, 4, 5),
        ints(2),
        ints(2),
        error=ShapeError,
        match="target: expected shapes",
    ),
    bad(
        "ctc_decode",
        array(1, 3, 2),
        ints(1),
        strategy="gready",
        error=ValueError,
        match="Did you mean 'greedy'",
    ),
]
