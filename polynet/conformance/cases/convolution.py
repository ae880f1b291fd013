"""Rows for the ops of ``polynet/ops/convolution.py``; nothing but rows."""

from typing import Any

from polynet.conformance.case import Case, array, bad, case, ints
from polynet.errors import ShapeError

_CONV = "conv_loops(inputs, kernel, strides, padding, data_format, dilation_rate)"
_DEPTHWISE = "depthwise_loops(inputs, kernel, strides, padding, data_format, dilation_rate)"
_SEPARABLE = (
    "conv_loops(depthwise_loops(inputs, depthwise_kernel, strides, padding, data_format, "
    "dilation_rate), pointwise_kernel, 1, 'valid', data_format, 1)"
)
_TRANSPOSE = (
    "conv_transpose_loops(inputs, kernel, strides, padding, output_padding, data_format, "
    "dilation_rate)"
)
_MAX = "pool_loops(inputs, pool_size, strides, padding, data_format)"
_MEAN = "pool_loops(inputs, pool_size, strides, padding, data_format, np.mean)"
_FIRST = "channels_first"
_LAST = "channels_last"
_BIASED = "conv_loops(x, kernel, strides, {!r}, data_format, dilation) + "
_BIASED_VALID, _BIASED_SAME = _BIASED.format("valid") + "bias", _BIASED.format("same") + "bias"
_BIASED_FIRST = _BIASED.format("valid") + "bias.reshape(-1, 1, 1)"

_SUMS = (2e-5, 2e-5)  # a library may add the products in another order for another layout


def _case(op: str, *args: Any, **kwargs: Any) -> Case:
    return case(op, *args, tolerance=_SUMS, **kwargs)


CASES = [
    # ---------------------------------------------------------------- conv: rank, stride, padding
    _case("conv", array(2, 7, 3), array(3, 3, 4), reference=_CONV),
    _case("conv", array(2, 7, 6, 3), array(3, 2, 3, 4), reference=_CONV),
    _case("conv", array(1, 4, 5, 3, 2), array(2, 3, 2, 2, 3), reference=_CONV),
    _case("conv", array(1, 3, 2, 3, 2, 2), array(2, 2, 2, 1, 2, 1), reference=_CONV),
    *(
        _case(
            "conv",
            array(2, length, 6, 2),
            array(size, 3, 2, 3),
            strides=(stride, 2),
            padding=padding,
            reference=_CONV,
        )
        for length in (6, 7)
        for size in (1, 2, 3, 4)
        for stride in (1, 2, 3)
        for padding in ("valid", "same")
    ),
    _case("conv", array(1, 6, 2), array(1, 2, 3), strides=3, padding="same", reference=_CONV),
    _case("conv", array(2, 7, 2), array(3, 2, 3), padding="causal", reference=_CONV),
    _case(
        "conv",
        array(2, 9, 2),
        array(3, 2, 3),
        strides=2,
        padding="causal",
        dilation_rate=2,
        reference=_CONV,
    ),
    _case("conv", array(2, 7, 2), array(3, 2, 3), padding="SAME", reference=_CONV),
    _case("conv", array(2, 4, 4, 1), array(2, 3, 1, 2), strides=(1, 3), reference=_CONV),
    _case("conv", array(2, 4, 4, 4, 1), array(2, 3, 3, 1, 2), strides=(1, 1, 2), reference=_CONV),
    # dilation, also with strides
    _case("conv", array(1, 9, 8, 2), array(3, 2, 2, 2), dilation_rate=(2, 3), reference=_CONV),
    _case(
        "conv",
        array(1, 9, 8, 2),
        array(3, 2, 2, 2),
        dilation_rate=[2, 3],
        padding="same",
        reference=_CONV,
    ),
    _case(
        "conv",
        array(1, 11, 2),
        array(3, 2, 2),
        strides=2,
        dilation_rate=2,
        padding="same",
        reference=_CONV,
    ),
    # groups, up to one for each channel
    _case("conv", array(2, 6, 5, 4), array(3, 3, 2, 6), padding="same", reference=_CONV),
    _case("conv", array(2, 6, 4), array(3, 1, 8), strides=2, reference=_CONV),
    _case("conv", array(2, 6, 4), array(3, 1, 4), strides=2, padding="same", reference=_CONV),
    _case("conv", array(2, 6, 5, 4), array(3, 2, 1, 4), dilation_rate=2, reference=_CONV),
    # channels_first
    _case("conv", array(2, 3, 7), array(3, 3, 4), data_format=_FIRST, reference=_CONV),
    _case(
        "conv",
        array(2, 3, 7, 6),
        array(3, 2, 3, 4),
        strides=2,
        padding="same",
        data_format=_FIRST,
        reference=_CONV,
    ),
    _case(
        "conv",
        array(2, 4, 7, 6),
        array(3, 2, 2, 4),
        strides=(2, 1),
        data_format=_FIRST,
        reference=_CONV,
    ),
    _case("conv", array(1, 2, 4, 5, 3), array(2, 3, 2, 2, 3), data_format=_FIRST, reference=_CONV),
    _case(
        "conv",
        array(2, 4, 7, 6),
        array(3, 2, 1, 8),
        padding="same",
        data_format=_FIRST,
        reference=_CONV,
    ),
    _case("conv", array(2, 5, 5, 3), array(1, 1, 3, 4), reference=_CONV),
    _case("conv", array(2, 5, 5, 3), array(1, 1, 3, 4), strides=2, reference=_CONV),
    _case("conv", array(0, 5, 5, 3), array(2, 2, 3, 4), reference=_CONV),
    _case("conv", ints(1, 5, 2), ints(2, 2, 3), reference=_CONV),
    _case("conv", array(1, 5, 2), ints(2, 2, 3), reference=_CONV),
    # ------------------------------------------------- one filter; steps over single elements
    _case("conv", array(2, 5, 6, 3), array(3, 2, 3, 1), strides=(1, 2), reference=_CONV),
    _case("conv", array(4, 4, 5, 2), array(1, 1, 2, 8), strides=(2, 1), reference=_CONV),
    # ------------------------------------------------------------------------------- with a bias
    *(
        _case(
            "biased_convolution",
            array(2, *spatial, 3),
            array(*(2,) * len(spatial), 3, 4),
            array(4),
            strides=(1,) * len(spatial),
            padding=((0, 0),) * len(spatial),
            dilation=(1,) * len(spatial),
            groups=1,
            data_format=_LAST,
            reference=_BIASED_VALID,
        )
        for spatial in ((6,), (5, 4), (3, 4, 3), (2, 3, 2, 3))
    ),
    _case(
        "biased_convolution",
        array(2, 6, 5, 4),
        array(3, 2, 2, 6),
        array(6),
        strides=(2, 1),
        padding=((0, 1), (0, 1)),
        dilation=(1, 1),
        groups=2,
        data_format=_LAST,
        reference=_BIASED_SAME,
    ),
    _case(
        "biased_convolution",
        array(2, 4, 6, 5),
        array(2, 2, 4, 1),
        array(1),
        strides=(1, 1),
        padding=((0, 0), (0, 0)),
        dilation=(2, 1),
        groups=1,
        data_format=_FIRST,
        reference=_BIASED_FIRST,
    ),
    # ------------------------------------------------------------------- depthwise and separable
    _case("depthwise_conv", array(2, 6, 3), array(3, 3, 1), reference=_DEPTHWISE),
    _case("depthwise_conv", array(2, 6, 5, 3), array(3, 2, 3, 2), reference=_DEPTHWISE),
    _case(
        "depthwise_conv",
        array(2, 6, 5, 3),
        array(3, 2, 3, 1),
        strides=2,
        padding="same",
        reference=_DEPTHWISE,
    ),
    _case(
        "depthwise_conv",
        array(2, 3, 6, 5),
        array(2, 2, 3, 2),
        dilation_rate=2,
        data_format=_FIRST,
        reference=_DEPTHWISE,
    ),
    _case("depthwise_conv", array(1, 4, 4, 3, 2), array(2, 2, 2, 2, 1), reference=_DEPTHWISE),
    _case("separable_conv", array(2, 6, 3), array(3, 3, 2), array(1, 6, 4), reference=_SEPARABLE),
    _case(
        "separable_conv",
        array(2, 6, 5, 3),
        array(3, 2, 3, 1),
        array(1, 1, 3, 4),
        strides=2,
        padding="same",
        reference=_SEPARABLE,
    ),
    _case(
        "separable_conv",
        array(2, 3, 7, 6),
        array(2, 2, 3, 2),
        array(1, 1, 6, 2),
        dilation_rate=2,
        data_format=_FIRST,
        reference=_SEPARABLE,
    ),
    # ------------------------------------------------------------------------------- transposed
    *(
        _case(
            "conv_transpose",
            array(2, 4, 3, 2),
            array(size, 3, 3, 2),
            strides=(stride, 2),
            padding=padding,
            reference=_TRANSPOSE,
        )
        for size in (1, 2, 3, 4)
        for stride in (1, 2, 3)
        for padding in ("valid", "same")
    ),
    *(
        _case(
            "conv_transpose",
            array(2, 4, 2),
            array(size, 3, 2),
            strides=2,
            padding=padding,
            output_padding=extra,
            reference=_TRANSPOSE,
        )
        for size in (2, 3, 5)
        for extra in (0, 1)
        for padding in ("valid", "same")
    ),
    _case("conv_transpose", array(2, 4, 2), array(3, 3, 2), dilation_rate=2, reference=_TRANSPOSE),
    _case(
        "conv_transpose",
        array(2, 4, 2),
        array(3, 3, 2),
        strides=2,
        padding="same",
        dilation_rate=2,
        reference=_TRANSPOSE,
    ),
    _case(
        "conv_transpose",
        array(2, 2, 4, 3),
        array(3, 2, 3, 2),
        strides=(2, 1),
        padding="same",
        output_padding=(1, 0),
        data_format=_FIRST,
        reference=_TRANSPOSE,
    ),
    _case(
        "conv_transpose",
        array(1, 2, 3, 2, 2),
        array(2, 3, 2, 3, 2),
        strides=2,
        reference=_TRANSPOSE,
    ),
    _case("conv_transpose", array(0, 4, 2), array(3, 3, 2), reference=_TRANSPOSE),
    # ---------------------------------------------------------------------------------- pooling
    *(
        case(
            op,
            array(2, length, 5, 3),
            (size, 2),
            strides=strides,
            padding=padding,
            reference=reference,
        )
        for op, reference in (("max_pool", _MAX), ("average_pool", _MEAN))
        for length in (6, 7)
        for size in (2, 3)
        for strides in (None, 1, (2, 3))
        for padding in ("valid", "same")
    ),
    *(
        case(op, inputs, 2, padding=padding, data_format=data_format, reference=reference)
        for op, reference in (("max_pool", _MAX), ("average_pool", _MEAN))
        for padding in ("valid", "same")
        for inputs, data_format in (
            (array(2, 5, 3), None),
            (array(1, 3, 4, 5, 2), None),
            (array(2, 3, 5), _FIRST),
            (array(2, 3, 5, 4), _FIRST),
            (array(1, 2, 3, 4, 5), _FIRST),
            (array(1, 3, 2, 3, 3, 1), None),
            (array(0, 5, 5, 2), None),
        )
    ),
    case("max_pool", ints(2, 5, 5, 3), 2, padding="same", reference=_MAX),
    case("max_pool", ints(2, 5, 3, low=-9, high=-1), 3, strides=2, padding="same", reference=_MAX),
    case("max_pool", array(1, 6, 2, low=-3.0, high=-2.0), 3, padding="same", reference=_MAX),
    case("average_pool", ints(2, 5, 5, 3), 2, padding="same", reference=_MEAN),
    case(
        "max_pool",
        array(values=[[[float("nan")], [1.0], [2.0], [3.0]]]),
        2,
        reference=_MAX,
        grad=False,
        why="not a number",
    ),
    # equal elements: the first one has the gradient
    case(
        "max_pool",
        array(values=[[[1.0], [1.0], [2.0], [2.0], [2.0], [0.0]]]),
        3,
        strides=1,
        reference=_MAX,
        grad=False,
        why="the gradient where elements are equal is a convention",
    ),
    *(
        case(
            op,
            inputs,
            size,
            data_format=data_format,
            reference=f"adaptive_pool_loops(inputs, output_size, data_format, {reduce})",
        )
        for op, reduce in (("adaptive_max_pool", "np.max"), ("adaptive_average_pool", "np.mean"))
        for inputs, size, data_format in (
            (array(2, 7, 3), 3, None),
            (array(2, 6, 3), 3, None),
            (array(2, 7, 6, 3), (3, 4), None),
            (array(2, 3, 7, 5), 2, _FIRST),
            (array(2, 4, 5, 3), 1, None),
            (array(1, 3, 5, 4, 2), (2, 3, 4), None),
            (array(1, 3, 2), 5, None),
            (array(2, 5, 3), [5], None),
            (ints(2, 5, 3), 2, None),
        )
    ),
    # ---------------------------------------------------------------------------------- patches
    *(
        case(
            "unfold",
            array(2, 3, 6, 5),
            size,
            dilation=dilation,
            padding=padding,
            stride=stride,
            reference="unfold_loops(x, kernel_size, dilation, padding, stride)",
        )
        for size, dilation, padding, stride in (
            (2, 1, 0, 1),
            ((3, 2), 1, 1, 2),
            (2, (2, 1), (0, 2), (1, 3)),
        )
    ),
    case("unfold", ints(1, 2, 4, 4), 2, reference="unfold_loops(x, kernel_size)"),
    *(
        case(
            "fold",
            patches,
            output,
            size,
            dilation=dilation,
            padding=padding,
            stride=stride,
            reference="fold_loops(x, output_size, kernel_size, dilation, padding, stride)",
        )
        for patches, output, size, dilation, padding, stride in (
            (array(2, 12, 20), (6, 5), 2, 1, 0, 1),
            (array(2, 18, 9), (6, 5), (3, 2), 1, 1, 2),
            (array(1, 4, 12), (6, 5), 2, (2, 1), (0, 2), (1, 3)),
        )
    ),
]

BAD = [
    bad("conv", array(3, 4), array(3, 4), error=ShapeError, match="conv: inputs: expected a batch"),
    bad("conv", array(1, 5, 3), array(2, 2, 3, 4), error=ShapeError, match="expected 3 axes"),
    bad("conv", array(1, 5, 3), array(2, 2, 4), error=ShapeError, match="works on 2 channels"),
    bad("conv", array(1, 5, 4), array(2, 2, 3), error=ShapeError, match="do not divide into the 2"),
    bad("conv", array(1, 2, 3), array(3, 3, 4), error=ShapeError, match="is too small for"),
    bad(
        "conv",
        array(1, 5, 3),
        array(2, 3, 4),
        padding="sane",
        error=ValueError,
        match="got 'sane'. Did you mean 'same'",
    ),
    bad(
        "conv",
        array(1, 5, 5, 3),
        array(2, 2, 3, 4),
        padding="causal",
        error=ValueError,
        match="expected 'valid' or 'same'; got 'causal'",
    ),
    bad(
        "conv",
        array(1, 5, 3),
        array(2, 3, 4),
        data_format="channel_last",
        error=ValueError,
        match="Did you mean 'channels_last'",
    ),
    bad(
        "conv", array(1, 5, 3), array(2, 3, 4), (1, 1), error=ValueError, match="strides: expected"
    ),
    bad("conv", array(1, 5, 3), array(2, 3, 4), 0, error=ValueError, match="of at least 1"),
    bad("conv", array(1, 5, 3), array(2, 3, 4), 1.5, error=TypeError, match="strides: expected an"),
    bad(
        "depthwise_conv",
        array(1, 5, 3),
        array(2, 2, 1),
        error=ShapeError,
        match="works on 2 channels",
    ),
    bad(
        "separable_conv",
        array(1, 5, 3),
        array(2, 3, 2),
        array(1, 5, 4),
        error=ShapeError,
        match="pointwise_kernel: expected shape",
    ),
    bad(
        "conv_transpose",
        array(1, 5, 3),
        array(2, 3, 4),
        error=ShapeError,
        match="works on 4 channels",
    ),
    bad("max_pool", array(4, 4), 2, error=ShapeError, match="inputs: expected a batch axis"),
    bad("max_pool", array(1, 4, 4, 1), (2, 2, 2), error=ValueError, match="pool_size: expected"),
    bad("max_pool", array(1, 2, 1), 3, error=ShapeError, match="is too small for a pool_size"),
    bad("average_pool", array(1, 4, 1), 2, padding="full", error=ValueError, match="got 'full'"),
    bad("adaptive_max_pool", array(1, 4, 1), (2, 2), error=ValueError, match="output_size: exp"),
    bad("unfold", array(3, 4, 4), 2, error=ShapeError, match="expected shape \\(batch, channels"),
    bad("unfold", array(1, 1, 2, 2), 3, error=ShapeError, match="are too small for a kernel"),
    bad("fold", array(1, 12, 7), 3, 2, error=ShapeError, match="does not hold patches"),
]
