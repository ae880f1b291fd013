"""Rows for the ops of ``polynet/ops/activations.py``; nothing but rows."""

from polynet.conformance.case import array, bad, bools, case, ints
from polynet.errors import AxisError, ShapeError

_NOTABLE = array(values=[-1e4, -88.8, -3.0, -1.0, -0.5, 0.3, 0.5, 1.0, 3.0, 6.0, 88.8, 1e4])
_INFINITE = array(values=[float("-inf"), float("inf"), float("nan"), 0.0, 1.5])
_KINKS = "the derivative at a kink is a convention"

_REFERENCES = {
    "celu": "np.where(x > 0, x, np.expm1(np.minimum(x, 0)))",
    "elu": "np.where(x > 0, x, np.expm1(np.minimum(x, 0)))",
    "gelu": "0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))",
    "hard_shrink": "np.where(np.abs(x) > 0.5, x, 0)",
    "hard_sigmoid": "np.clip(x / 6 + 0.5, 0, 1)",
    "hard_silu": "x * np.clip(x / 6 + 0.5, 0, 1)",
    "hard_tanh": "np.clip(x, -1, 1)",
    "leaky_relu": "np.where(x > 0, x, 0.2 * x)",
    "log_sigmoid": "special.log_expit(x)",
    "relu": "np.maximum(x, 0)",
    "relu6": "np.clip(x, 0, 6)",
    "selu": "1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * special.expm1(-abs(x)))",
    "sigmoid": "special.expit(x)",
    "silu": "x * special.expit(x)",
    "soft_shrink": "np.sign(x) * np.maximum(np.abs(x) - 0.5, 0)",
    "softplus": "np.logaddexp(x, 0)",
    "softsign": "x / (1 + np.abs(x))",
    "sparse_plus": "np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4))",
    "sparse_sigmoid": "np.clip((x + 1) / 2, 0, 1)",
    "squareplus": "(x + np.sqrt(x * x + 4)) / 2",
    "tanh_shrink": "x - np.tanh(x)",
}

# Where a large number meets a small one, float32 cannot be more exact than this.
_CANCELS = {"squareplus": (1e-5, 1e-3), "tanh_shrink": (1e-5, 1e-3)}

CASES = [
    *(case(op, array(2, 3, 4), reference=reference) for op, reference in _REFERENCES.items()),
    *(
        case(op, _NOTABLE, reference=reference, grad=False, why=_KINKS, tolerance=_CANCELS.get(op))
        for op, reference in _REFERENCES.items()
    ),
    *(case(op, array(), reference=reference) for op, reference in _REFERENCES.items()),
    *(case(op, array(0, 3), reference=reference) for op, reference in _REFERENCES.items()),
    *(case(op, ints(5), reference=reference) for op, reference in _REFERENCES.items()),
    *(
        case(op, ints(3, dtype="int8"), reference=_REFERENCES[op])
        for op in ("relu", "hard_tanh", "relu6")
    ),
    *(
        case(op, bools(3), reference=_REFERENCES[op])
        for op in ("relu", "hard_tanh", "relu6", "softplus")
    ),
    *(
        case(op, _INFINITE, reference=_REFERENCES[op], grad=False, why="infinite")
        for op in (
            "elu",
            "hard_tanh",
            "leaky_relu",
            "relu",
            "relu6",
            "selu",
            "sigmoid",
            "softplus",
            "log_sigmoid",
        )
    ),
    case(
        "celu",
        array(5),
        alpha=0.5,
        reference="np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))",
    ),
    case(
        "elu",
        array(5),
        alpha=2.5,
        reference="np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))",
    ),
    case("gelu", array(3, 4), approximate=False, reference="x * special.ndtr(x)"),
    case("gelu", array(), approximate=False, reference="x * special.ndtr(x)"),
    case("gelu", ints(4), approximate=False, reference="x * special.ndtr(x)"),
    case("hard_shrink", array(9), threshold=1.0, reference="np.where(np.abs(x) > threshold, x, 0)"),
    case(
        "leaky_relu",
        array(9),
        negative_slope=1.5,
        reference="np.where(x > 0, x, negative_slope * x)",
    ),
    case("leaky_relu", array(9), negative_slope=0.0, reference="np.maximum(x, 0)"),
    case(
        "soft_shrink",
        array(9),
        threshold=0.1,
        reference="np.sign(x) * np.maximum(np.abs(x) - threshold, 0)",
    ),
    case("squareplus", array(9), b=0.5, reference="(x + np.sqrt(x * x + b)) / 2"),
    case("threshold", array(3, 3), 0.5, 9.0, reference="np.where(x > threshold, x, default_value)"),
    case("threshold", array(3, 3), -1, 0, reference="np.where(x > threshold, x, default_value)"),
    case("threshold", ints(5), 1, -1, reference="np.where(x > threshold, x, default_value)"),
    # relu, hard_tanh and relu6 at their corners: the derivative is 0
    case(
        "relu",
        array(values=[-1.0, 0.0, -0.0, 2.0]),
        reference="np.maximum(x, 0)",
        grad=False,
        why=_KINKS,
    ),
    # gated
    case("glu", array(3, 4), reference="x[:, :2] * special.expit(x[:, 2:])"),
    case("glu", array(4, 3, 2), axis=0, reference="x[:2] * special.expit(x[2:])"),
    case("glu", array(2, 4, 3), axis=-2, reference="x[:, :2] * special.expit(x[:, 2:])"),
    case("glu", array(0, 2), reference="x[:, :1]"),
    case("glu", ints(6), reference="x[:3] * special.expit(x[3:])"),
    # normalizing
    case("softmax", array(3, 4), reference="special.softmax(x, axis)"),
    case("softmax", array(3, 4), axis=0, reference="special.softmax(x, axis)"),
    case("softmax", array(2, 3, 4), axis=(1, -1), reference="special.softmax(x, (1, 2))"),
    case("softmax", array(2, 3, 4), axis=[0, 2], reference="special.softmax(x, (0, 2))"),
    case("softmax", array(3, 4), axis=None, reference="special.softmax(x)"),
    case("softmax", array(3, 1), reference="np.ones_like(x)"),
    case("softmax", array(0, 4), reference="x"),
    case("softmax", array(3, 0), reference="x"),
    case(
        "softmax",
        array(values=[[1e4, -1e4, 0.0], [-9e5, -9e5, -9e5]]),
        reference="special.softmax(x, axis)",
        grad=False,
        why="finite differences lose all digits beside such numbers",
    ),
    case(
        "softmax",
        array(values=[[0.0, float("-inf")], [1.0, 1.0]]),
        reference="special.softmax(x, axis)",
    ),
    case("softmax", ints(3, 4), reference="special.softmax(x, axis)"),
    case("softmax", bools(3, 4), reference="special.softmax(x.astype(float), axis)"),
    case("log_softmax", array(3, 4), reference="special.log_softmax(x, axis)"),
    case("log_softmax", array(3, 4), axis=0, reference="special.log_softmax(x, axis)"),
    case("log_softmax", array(2, 3, 4), axis=(1, -1), reference="special.log_softmax(x, (1, 2))"),
    case("log_softmax", array(3, 4), axis=None, reference="special.log_softmax(x)"),
    case("log_softmax", array(3, 0), reference="x"),
    case(
        "log_softmax",
        array(values=[[1e4, -1e4, 0.0], [5.0, 5.0, 5.0]]),
        reference="special.log_softmax(x, axis)",
    ),
    case("log_softmax", ints(3, 4), reference="special.log_softmax(x, axis)"),
    case("sparsemax", array(3, 5), reference="sparsemax(x, axis)"),
    case("sparsemax", array(3, 5, low=-0.2, high=0.2), reference="sparsemax(x, axis)"),
    case("sparsemax", array(4, 2, 3), axis=0, reference="sparsemax(x, axis)"),
    case("sparsemax", array(4, 2, 3), axis=-2, reference="sparsemax(x, axis)"),
    case("sparsemax", array(2, 0), reference="x"),
    case("sparsemax", array(3, 1), reference="np.ones_like(x)"),
    case(
        "sparsemax",
        array(values=[1.0, 1.0, 1.0]),
        reference="sparsemax(x, axis)",
        grad=False,
        why=_KINKS,
    ),
    case("sparsemax", ints(3, 4), reference="sparsemax(x, axis)"),
]

BAD = [
    bad("glu", array(2, 3), error=ShapeError, match="its length must be even"),
    bad("glu", array(2, 4), axis=2, error=AxisError, match="axis: 2 is out of range"),
    bad("softmax", array(2, 3), axis=2, error=AxisError, match="axis: 2 is out of range"),
    bad("softmax", array(2, 3), axis=(0, -2), error=AxisError, match="names an axis twice"),
    bad("softmax", array(), error=AxisError, match="a 0-d tensor has no axis"),
    bad("log_softmax", array(2, 3), axis=-3, error=AxisError, match="axis: -3 is out of range"),
    bad("sparsemax", array(2, 3), axis=5, error=AxisError, match="axis: 5 is out of range"),
]
