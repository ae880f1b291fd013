"""Rows for the ops of ``polynet/ops/manipulation.py``; nothing but rows."""

from typing import Any

import numpy as np

from polynet.conformance.case import array, bad, bools, case, ints
from polynet.errors import AxisError, ShapeError

_IMAGE = array(2, 4, 6, 3)
_CHANNELS_FIRST = array(2, 3, 4, 6)
_BLOCKS = (
    "x.reshape(2, 2, 2, 3, 2, 3).transpose(0, 1, 3, 2, 4, 5).reshape(2, 2, 3, 12)",
    "x.reshape(2, 3, 2, 2, 3, 2).transpose(0, 3, 5, 1, 2, 4).reshape(2, 12, 2, 3)",
    "x.reshape(2, 2, 3, 2, 2, 3).transpose(0, 1, 3, 2, 4, 5).reshape(2, 4, 6, 3)",
    "x.reshape(2, 2, 2, 3, 2, 3).transpose(0, 3, 4, 1, 5, 2).reshape(2, 3, 4, 6)",
)
_DEEP = array(2, 2, 3, 12)
_DEEP_FIRST = array(2, 12, 2, 3)


def _rows(*rows: tuple[Any, ...]) -> tuple[tuple[Any, ...], ...]:
    """Columns of several types."""
    return rows


CASES = [
    # ------------------------------------------------------------------ axes
    case("reshape", array(2, 3, 4), (4, 6), reference="x.reshape(newshape)"),
    case("reshape", array(2, 3, 4), (-1, 4), reference="x.reshape(newshape)"),
    case("reshape", array(2, 3), (None, 2), reference="x.reshape(-1, 2)"),
    case("reshape", array(1, 1), (), reference="x.reshape(newshape)"),
    case("reshape", array(3, 0), (0, 3), reference="x.reshape(newshape)"),
    case("reshape", ints(4), 4, reference="x"),
    case("ravel", array(2, 3), reference="x.ravel()"),
    case("ravel", array(), reference="x.reshape(1)"),
    case("squeeze", array(2, 1, 3, 1), reference="x.squeeze()"),
    case("squeeze", array(1, 2, 1), axis=-1, reference="x.squeeze(axis)"),
    case("squeeze", array(1, 2, 1), axis=(0, 2), reference="x.squeeze(axis)"),
    case("expand_dims", array(2, 3), 1, reference="np.expand_dims(x, axis)"),
    case("expand_dims", array(2, 3), (0, -1), reference="np.expand_dims(x, axis)"),
    case("expand_dims", bools(), 0, reference="np.expand_dims(x, axis)"),
    case("swapaxes", array(2, 3, 4), 0, -1, reference="x.swapaxes(axis1, axis2)"),
    case("moveaxis", array(2, 3, 4), 0, -1, reference="np.moveaxis(x, source, destination)"),
    case(
        "moveaxis", array(2, 3, 4), (0, 1), (-1, 0), reference="np.moveaxis(x, source, destination)"
    ),
    case("moveaxis", array(2, 3), 1, 1, reference="x"),
    case("fliplr", array(2, 3), reference="np.fliplr(x)"),
    case("flipud", array(3), reference="np.flipud(x)"),
    *(case("rot90", array(2, 3, 2), k=k, reference="np.rot90(array, k)") for k in (-1, 0, 1, 2)),
    case("rot90", array(2, 3, 2), axes=(2, 1), reference="np.rot90(array, k, axes)"),
    case("roll", array(2, 3), 2, reference="np.roll(x, shift)"),
    case("roll", array(2, 3), -1, axis=1, reference="np.roll(x, shift, axis)"),
    case("roll", array(2, 3), (1, 5), axis=(0, -1), reference="np.roll(x, shift, axis)"),
    case("roll", array(0, 3), 1, axis=0, reference="np.roll(x, shift, axis)"),
    # ------------------------------------------------------------------ repeating
    case("repeat", array(2, 3), 2, reference="np.repeat(x, repeats)"),
    case("repeat", array(2, 3), 2, axis=-1, reference="np.repeat(x, repeats, axis)"),
    case("repeat", array(2, 3), 0, axis=0, reference="np.repeat(x, repeats, axis)"),
    case("repeat", array(2, 3), [1, 0, 2], axis=1, reference="np.repeat(x, repeats, axis)"),
    case("repeat", ints(3), np.array([2]), reference="np.repeat(x, repeats)"),
    case("tile", array(2, 3), 2, reference="np.tile(x, repeats)"),
    case("tile", array(3), (2, 1, 2), reference="np.tile(x, repeats)"),
    case("tile", array(2, 3), (0, 1), reference="np.tile(x, repeats)"),
    case("tile", bools(), (2,), reference="np.tile(x, repeats)"),
    # ------------------------------------------------------------------ joining and splitting
    case("append", array(2, 3), array(2), reference="np.append(x1, x2)"),
    case("append", array(2, 3), ints(2, 1), axis=1, reference="np.append(x1, x2, axis)"),
    *(
        case(op, [array(*shape), array(*shape)], reference=f"np.{op}(xs)")
        for op in ("hstack", "vstack", "dstack")
        for shape in ((), (3,), (2, 3), (2, 3, 1))
    ),
    *(
        case(op, array(2, *rest), reference=f"np.{op}(list(xs))")
        for op in ("hstack", "vstack", "dstack")
        for rest in ((), (3,), (3, 2), (3, 2, 2))
    ),
    case("vstack", [ints(2), array(1, 2)], reference="np.vstack(xs)"),
    case("split", array(4, 3), 2, reference="np.split(x, indices_or_sections)"),
    case("split", array(4, 3), [1, 3], axis=0, reference="np.split(x, indices_or_sections)"),
    case("split", array(2, 5), [2, 9], axis=-1, reference="np.split(x, [2, 9], axis)"),
    case("array_split", array(5, 2), 3, reference="np.array_split(x, 3)"),
    case("array_split", array(2), 3, reference="np.array_split(x, 3)"),
    case("hsplit", array(2, 4), 2, reference="np.hsplit(x, 2)"),
    case("hsplit", array(4), 2, reference="np.hsplit(x, 2)"),
    case("vsplit", array(4, 2), 2, reference="np.vsplit(x, 2)"),
    case("dsplit", array(2, 1, 4), [1], reference="np.dsplit(x, [1])"),
    case("unstack", array(2, 3), axis=1, reference="list(x.T)"),
    case("unstack", array(2, 3), num=3, axis=-1, reference="list(x.T)"),
    case("unstack", array(2, 3), num=2, reference="list(x)"),
    # ------------------------------------------------------------------ padding
    *(
        case("pad", array(3, 4), width, reference="np.pad(x, pad_width)")
        for width in (1, (1, 2), ((0, 1), (2, 0)), ((1, 2),))
    ),
    case("pad", array(2, 3), 1, constant_values=5.0, reference="np.pad(x, 1, constant_values=5)"),
    case(
        "pad",
        array(2, 3),
        1,
        constant_values=(1, 2),
        reference="np.pad(x, 1, constant_values=(1, 2))",
    ),
    case("pad", ints(3), 1, constant_values=2.5, reference="np.pad(x, 1, constant_values=2)"),
    case("pad", array(0, 2), 1, reference="np.pad(x, 1)"),
    *(
        case("pad", array(3, 4), width, mode=mode, reference="np.pad(x, pad_width, mode)")
        for mode in ("edge", "reflect", "symmetric", "wrap", "linear_ramp", "mean")
        for width in ((1, 2), ((0, 9), (7, 0)))
    ),
    *(
        case(
            "pad",
            array(1, 3),
            (2, 1),
            mode=mode,
            reference="np.pad(x, pad_width, mode)",
            label=f"{mode} of one",
        )
        for mode in ("reflect", "symmetric", "wrap", "maximum", "minimum")
    ),
    *(
        case("pad", ints(3), 2, mode=mode, reference="np.pad(x, pad_width, mode)")
        for mode in ("reflect", "linear_ramp", "maximum")
    ),
    case("pad", array(2, 3), 1, mode="empty", reference="np.pad(x, 1)"),
    # ------------------------------------------------------------------ diagonals and more
    *(
        case("diagonal", array(3, 4), offset=k, reference="np.diagonal(x, offset)")
        for k in (-1, 0, 2)
    ),
    case("diagonal", array(2, 3, 4), axis1=-1, axis2=0, reference="np.diagonal(x, 0, -1, 0)"),
    case("diagonal", array(2, 3), offset=5, reference="np.diagonal(x, 5)"),
    case("trace", array(3, 3), reference="np.trace(x)"),
    case("trace", array(2, 3, 4), offset=1, axis1=2, axis2=1, reference="np.trace(x, 1, 2, 1)"),
    case("trace", bools(3, 3), reference="np.trace(x)"),
    case("trace", ints(2, 2, dtype="int8"), reference="np.trace(x)"),
    *(case("diff", array(3, 5), n=n, reference="np.diff(a, n)") for n in (0, 1, 2, 6)),
    case("diff", array(3, 2), axis=0, reference="np.diff(a, 1, 0)"),
    case("diff", bools(5), reference="np.diff(a)"),
    case("cross", array(2, 3), array(2, 3), reference="np.cross(x1, x2)"),
    case("cross", array(3, 2), array(3), axisa=0, reference="np.cross(x1, x2, axisa=0)"),
    case("cross", array(3, 2), array(3, 2), axis=0, reference="np.cross(x1, x2, axis=0)"),
    case("cross", array(3, 2), array(2, 3), axisa=0, axisc=0, reference="np.cross(x1.T, x2).T"),
    case(
        "cross",
        array(2, 2),
        array(2, 2),
        reference="x1[..., 0] * x2[..., 1] - x1[..., 1] * x2[..., 0]",
    ),
    case("cross", ints(2), array(4, 3), reference="np.cross(np.append(x1, 0), x2)"),
    case("cross", array(3), array(2), reference="np.cross(x1, np.append(x2, 0))"),
    case("kron", array(2, 2), array(3), reference="np.kron(x1, x2)"),
    case("kron", array(2), array(2, 1, 3), reference="np.kron(x1, x2)"),
    case("kron", array(), ints(2), reference="np.kron(x1, x2)"),
    # ------------------------------------------------------------------ blocks of an image
    case("space_to_depth", _IMAGE, 2, reference=_BLOCKS[0]),
    case("space_to_depth", _CHANNELS_FIRST, 2, data_format="channels_first", reference=_BLOCKS[1]),
    case("depth_to_space", _DEEP, 2, reference=_BLOCKS[2]),
    case("depth_to_space", _DEEP_FIRST, 2, data_format="channels_first", reference=_BLOCKS[3]),
    # ------------------------------------------------------------------ rearrange
    *(
        case("rearrange", array(2, 3, 4), pattern, reference=reference, **lengths)
        for pattern, reference, lengths in _rows(
            ("a b c -> c a b", "tensor.transpose(2, 0, 1)", {}),
            ("a b c -> (c a) b", "tensor.transpose(2, 0, 1).reshape(8, 3)", {}),
            ("a b (c d) -> a d b c", "tensor.reshape(2, 3, 2, 2).transpose(0, 3, 1, 2)", {"c": 2}),
            ("... c -> c ...", "np.moveaxis(tensor, -1, 0)", {}),
            ("a ... -> (... a)", "np.moveaxis(tensor, 0, -1).ravel()", {}),
            ("a b c -> a 1 b () c", "tensor[:, None, :, None]", {}),
            ("a b c -> a b c", "tensor", {}),
        )
    ),
    case("rearrange", array(2, 1, 3), "a 1 b -> b a", reference="tensor[:, 0].T"),
    case("rearrange", array(6), "(a b) -> b a", b=3, reference="tensor.reshape(2, 3).T"),
]

BAD = [
    bad("reshape", array(2, 3), (4, -1), error=ShapeError, match="does not hold the 6 elements"),
    bad(
        "squeeze",
        array(2, 3),
        axis=0,
        error=ShapeError,
        match="axis 0 of shape (2, 3) has length 2",
    ),
    bad("expand_dims", array(2), 3, error=AxisError, match="axis: 3 is out of range"),
    bad("moveaxis", array(2, 3), (0, 1), 0, error=AxisError, match="expected as many of each"),
    bad("moveaxis", array(2, 3), (0, 0), (0, 1), error=AxisError, match="names an axis twice"),
    bad("swapaxes", array(2, 3), 0, 2, error=AxisError, match="axis2: 2 is out of range"),
    bad("fliplr", array(3), error=ShapeError, match="expected two dimensions or more"),
    bad("rot90", array(3, 3), axes=(0, 0), error=AxisError, match="names an axis twice"),
    bad("roll", array(3), (1, 2), axis=0, error=AxisError, match="expected as many of each"),
    bad("repeat", array(3), [1, 2], axis=0, error=ShapeError, match="repeats: expected 3 numbers"),
    bad("repeat", array(3), -1, error=ValueError, match="repeats: expected 0 or more; got -1"),
    bad("repeat", array(3), 1.5, error=TypeError, match="repeat: repeats: expected integers"),
    bad("tile", array(3), (-1,), error=ValueError, match="repeats: expected 0 or more"),
    bad(
        "append", array(2, 3), array(3, 2), axis=0, error=ShapeError, match="differ in another axis"
    ),
    bad("split", array(4), 3, error=ShapeError, match="does not divide into 3 equal parts"),
    bad("split", array(4), 0, error=ValueError, match="expected 1 part or more; got 0"),
    bad("vsplit", array(4), 2, error=ShapeError, match="expected two dimensions or more"),
    bad("unstack", array(4), num=3, error=ShapeError, match="num: 3 is not the length of axis 0"),
    bad("pad", array(2), -1, error=ValueError, match="pad_width: expected 0 or more"),
    bad("pad", array(2), 1.5, error=TypeError, match="pad_width: expected integers"),
    bad(
        "pad",
        array(2),
        ((1, 2), (3, 4)),
        error=ShapeError,
        match="pad_width: expected a number, a pair, or 1 pairs",
    ),
    bad("pad", array(2), 1, mode="reflekt", error=ValueError, match="Did you mean 'reflect'?"),
    bad(
        "pad",
        array(2),
        1,
        mode="edge",
        constant_values=1,
        error=ValueError,
        match="goes with mode 'constant'",
    ),
    bad(
        "pad",
        array(0, 2),
        1,
        mode="wrap",
        error=ShapeError,
        match="axis 0 of shape (0, 2) is empty",
    ),
    bad("diagonal", array(3), error=ShapeError, match="expected two dimensions or more"),
    bad(
        "diagonal",
        array(3, 3),
        axis1=0,
        axis2=-2,
        error=AxisError,
        match="expected two different axes",
    ),
    bad("diff", array(3), n=-1, error=ValueError, match="n: expected 0 or more; got -1"),
    bad("cross", array(4), array(3), error=ShapeError, match="x1: expected 2 or 3 components"),
    bad(
        "space_to_depth",
        array(1, 3, 4, 1),
        2,
        error=ShapeError,
        match="does not divide into blocks of 2 x 2",
    ),
    bad("depth_to_space", array(1, 2, 2, 3), 2, error=ShapeError, match="3 channels do not divide"),
    bad("depth_to_space", array(2, 3), 2, error=ShapeError, match="expected four dimensions"),
    *(
        bad("rearrange", array(2, 3), pattern, error=error, match=match, **lengths)
        for pattern, error, match, lengths in _rows(
            ("a b c -> a", ValueError, "b, c stands on the left side", {}),
            (
                "a b c -> c b a",
                ShapeError,
                "the left side has 3 axes; the tensor has the shape (2, 3)",
                {},
            ),
            ("a (b c) -> a b c", ValueError, "the lengths of b, c are unknown", {}),
            ("a (b c) -> a b c", ShapeError, "an axis of length 3 does not divide by 2", {"b": 2}),
            ("a 1 -> a", ShapeError, "an axis has the length 3; expected 1", {}),
            ("a (b -> a b", ValueError, "parentheses must come in pairs", {}),
            ("a a -> a", ValueError, "'a' stands twice", {}),
            ("a b", ValueError, "one '->' between", {}),
            ("a b -> b a", ValueError, "lengths are given for c", {"c": 1}),
        )
    ),
]
