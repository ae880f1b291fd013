"""Recurrent loops over whole sequences: ``simple_rnn``, ``gru``, ``lstm``, and ``rnn`` over any step function.

The three named ones are ops without a public name, for the recurrent layers. Each projects its input for all steps at
once and leaves the rest to an op that goes through time (``lstm_steps``, ...), whose gradient is backpropagation
through time, written out. A backend may have a faster method for either. Layers, cells and weights are elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from polynet import errors, spec, tree
from polynet.op import op
from polynet.ops import primitives as ops
from polynet.ops.activations import hard_sigmoid, relu, sigmoid
from polynet.ops.contraction import affine
from polynet.ops.control import scan
from polynet.spec import Kind, Settled
from polynet.tensor import Tensor
from polynet.values import dtype_of, shape_of

__all__: list[str] = []

Function = Callable[[Any], Any]

# --------------------------------------------------------------------------------- activations


def _ones(y: Tensor) -> Tensor:
    return ops.full(tuple(y.shape), 1, dtype_of(y))


def _positive(y: Tensor) -> Tensor:
    return ops.cast(ops.greater(y, 0), dtype_of(y))


def _between(y: Tensor) -> Tensor:
    inside = ops.logical_and(ops.greater(y, 0), ops.less(y, 1))
    return ops.cast(inside, dtype_of(y)) * (1 / 6)


ACTIVATIONS: dict[str, tuple[Function, Function]] = {
    "hard_sigmoid": (hard_sigmoid, _between),
    "linear": (lambda x: x, _ones),
    "relu": (relu, _positive),
    "sigmoid": (sigmoid, lambda y: y * (1 - y)),
    "tanh": (ops.tanh, lambda y: 1 - y * y),
}
"""What the ops of this file can apply: each function, and its slope as a function of its result."""


def _activation(name: str, parameter: str) -> tuple[Function, Function]:
    if name not in ACTIVATIONS:
        raise ValueError(
            f"{parameter}: expected one of {', '.join(ACTIVATIONS)}; got {name!r}. For any other use rnn with "
            f"a step of your own."
        )
    return ACTIVATIONS[name]


# ----------------------------------------------------------------------------------- arguments


def _numbers_and_mask(kinds: Sequence[Kind]) -> Settled:
    """Numbers meet at their common floating dtype; a mask, which is bool and comes last, stays."""
    masked = kinds[-1] == "bool"
    numbers = kinds[: len(kinds) - masked]
    common = spec.without_complex(spec.elementwise_float)(numbers)[1]
    return [common] * len(numbers) + ["bool"] * masked, common


def check_recurrent(
    x: Tensor,
    states: dict[str, Tensor],
    kernel: Tensor,
    recurrent_kernel: Tensor,
    bias: Tensor | None,
    bias_shape: tuple[int, ...],
    mask: Tensor | None,
) -> None:
    """Raise what is wrong with the shapes of a recurrent op; ``bias_shape`` counts in units."""
    if len(x.shape) != 3:
        raise errors.ShapeError(f"x: expected shape (batch, time, features); got {tuple(x.shape)}.")
    batch, time, features = x.shape
    gates = bias_shape[-1]
    if len(recurrent_kernel.shape) != 2:
        raise errors.ShapeError(
            f"recurrent_kernel: expected 2 dimensions; got shape {tuple(recurrent_kernel.shape)}."
        )
    units = recurrent_kernel.shape[0]
    expected = {
        "kernel": (kernel, (features, gates * units)),
        "recurrent_kernel": (recurrent_kernel, (units, gates * units)),
        **{name: (state, (batch, units)) for name, state in states.items()},
        "bias": (bias, (*bias_shape[:-1], gates * units)),
        "mask": (mask, (batch, time)),
    }
    for name, (value, shape) in expected.items():
        if value is not None and tuple(value.shape) != shape:
            raise errors.ShapeError(
                f"{name}: expected shape {_known(shape)} for x of shape {_known(x.shape)} and {units} units; "
                f"got {_known(value.shape)}."
            )


def _known(shape: Sequence[int]) -> tuple[int | None, ...]:
    """A shape to show: ``None`` where a length is not known."""
    return tuple(None if spec.is_stand_in(length) else length for length in shape)


def _projected(
    x: Tensor, kernel: Tensor, bias: Tensor | None, mask: Tensor | None, go_backwards: bool
) -> tuple[Tensor, Tensor | None]:
    """``x @ kernel + bias`` for all steps at once, and the mask, time first, in the order of the steps."""
    if go_backwards:
        x = ops.flip(x, 1)
        mask = None if mask is None else ops.flip(mask, 1)
    batch, time, features = x.shape
    rows = ops.reshape(ops.transpose(x, (1, 0, 2)), (time * batch, features))
    z = ops.matmul(rows, kernel) if bias is None else affine(rows, kernel, bias)
    if mask is not None:
        mask = ops.reshape(ops.transpose(mask), (time, batch, 1))
    return ops.reshape(z, (time, batch, kernel.shape[-1])), mask


def _outputs(states: Tensor, mask: Tensor | None, zero_output_for_mask: bool) -> Tensor:
    """The states of all steps as a layer shows them: batch first, and zeros where that is wanted."""
    if mask is not None and zero_output_for_mask:
        states = ops.where(mask, states, 0)
    return ops.transpose(states, (1, 0, 2))


def _parts(x: Tensor, number: int) -> list[Tensor]:
    """The gates that lie side by side on the last axis."""
    units = x.shape[-1] // number
    return [x[..., i * units : (i + 1) * units] for i in range(number)]


def _before(first: Tensor, states: Tensor) -> Tensor:
    """The state that each step began with, as rows."""
    time, batch, units = states.shape
    every = ops.concatenate([ops.reshape(first, (1, batch, units)), states], 0)
    return ops.reshape(every[:time, ...], (time * batch, units))


def _rows(x: Tensor) -> Tensor:
    """Steps and examples as one axis."""
    return ops.reshape(x, (x.shape[0] * x.shape[1], x.shape[2]))


def _kept(mask: Tensor | None, new: Tensor, old: Tensor) -> Tensor:
    """A state after a step: the old one where the step does not count."""
    return new if mask is None else ops.where(mask, new, old)


def _split(mask: Tensor | None, g: Tensor) -> tuple[Tensor, Tensor | float]:
    """What of a state's cotangent goes through the step, and what goes around it."""
    if mask is None:
        return g, 0.0
    return ops.where(mask, g, 0), ops.where(mask, 0, g)


def _through(mask: Tensor | None, *tensors: Tensor) -> tuple[Tensor, ...]:
    """What a scan goes through: the tensors, and the mask if there is one."""
    return tensors if mask is None else (*tensors, mask)


def _taken(mask: Tensor | None, slices: Sequence[Tensor]) -> tuple[Any, ...]:
    """One step of ``_through``, the mask or ``None`` last."""
    return (*slices, None) if mask is None else tuple(slices)


# ------------------------------------------------------------------------------------- simple


@op(dtypes=_numbers_and_mask)
def simple_rnn(
    x: Tensor,
    h: Tensor,
    kernel: Tensor,
    recurrent_kernel: Tensor,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    activation: str = "tanh",
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[Tensor, Tensor]:
    """``h = activation(x @ kernel + bias + h @ recurrent_kernel)`` step by step.

    Args:
        x: of shape ``(batch, time, features)``.
        h: the first state, of shape ``(batch, units)``.
        kernel: of shape ``(features, units)``.
        recurrent_kernel: of shape ``(units, units)``.
        bias: of shape ``(units,)``.
        mask: bools of shape ``(batch, time)``; a step that is ``False`` leaves the state as it is.
        activation: a name in ``ACTIVATIONS``.
        go_backwards: begin with the last step; results stand in the order in which they are made.
        zero_output_for_mask: are results of masked steps zero, instead of the state?

    Returns:
        The state after each step, of shape ``(batch, time, units)``, and the last one.
    """
    check_recurrent(x, {"h": h}, kernel, recurrent_kernel, bias, (1,), mask)
    z, mask = _projected(x, kernel, bias, mask, go_backwards)
    states, last = simple_rnn_steps([z, h, recurrent_kernel], mask, activation)
    return _outputs(states, mask, zero_output_for_mask), last


@op(dtypes=_numbers_and_mask)
def simple_rnn_steps(
    tensors: Sequence[Tensor], mask: Tensor | None, activation: str
) -> tuple[Tensor, Tensor]:
    """From ``[projected input, first state, recurrent_kernel]``, time first: all states and the last."""
    z, h, recurrent_kernel = tensors
    apply, _ = _activation(activation, "activation")

    def step(h: Tensor, x: Any) -> Any:
        z_t, here = _taken(mask, x)
        h = _kept(here, apply(z_t + ops.matmul(h, recurrent_kernel)), h)
        return h, h

    last, states = scan(step, h, _through(mask, z))
    return states, last


@op(dtypes=_numbers_and_mask)
def simple_rnn_gradient(
    cotangents: Sequence[Tensor], saved: Sequence[Tensor], mask: Tensor | None, activation: str
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of ``simple_rnn_steps`` by its tensors; ``saved``: states, first state, recurrent_kernel."""
    states, first, recurrent_kernel = saved
    _, slope = _activation(activation, "activation")
    back = ops.transpose(recurrent_kernel)

    def step(dh: Tensor, x: Any) -> Any:
        g, h, here = _taken(mask, x)
        dh, around = _split(here, dh + g)
        dz = dh * slope(h)
        return ops.matmul(dz, back) + around, dz

    dh, dz = scan(step, cotangents[1], _through(mask, cotangents[0], states), reverse=True)
    return dz, dh, ops.matmul(ops.transpose(_before(first, states)), _rows(dz))


simple_rnn_steps.vjp(
    lambda g, y, tensors, mask, activation: simple_rnn_gradient(
        list(g), [y[0], *tensors[1:]], mask, activation
    ),
    None,
)

# --------------------------------------------------------------------------------------- LSTM


@op(dtypes=_numbers_and_mask)
def lstm(
    x: Tensor,
    h: Tensor,
    c: Tensor,
    kernel: Tensor,
    recurrent_kernel: Tensor,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """A long short-term memory over a sequence.

    The kernels hold, side by side, what goes to the input gate, the forget gate, the candidate and the output gate.

    Args:
        x: of shape ``(batch, time, features)``.
        h: the first state, of shape ``(batch, units)``.
        c: the first cell state, likewise.
        kernel: of shape ``(features, 4 * units)``.
        recurrent_kernel: of shape ``(units, 4 * units)``.
        bias: of shape ``(4 * units,)``.
        mask: bools of shape ``(batch, time)``; a step that is ``False`` leaves the states as they are.
        activation: a name in ``ACTIVATIONS``, for candidate and cell.
        recurrent_activation: likewise, for the gates.
        go_backwards: begin with the last step; results stand in the order in which they are made.
        zero_output_for_mask: are results of masked steps zero, instead of the state?

    Returns:
        The state after each step, of shape ``(batch, time, units)``, the last one, and the last cell state.
    """
    check_recurrent(x, {"h": h, "c": c}, kernel, recurrent_kernel, bias, (4,), mask)
    z, mask = _projected(x, kernel, bias, mask, go_backwards)
    states, _, _, last, cell = lstm_steps(
        [z, h, c, recurrent_kernel], mask, activation, recurrent_activation
    )
    return _outputs(states, mask, zero_output_for_mask), last, cell


@op(dtypes=_numbers_and_mask)
def lstm_steps(
    tensors: Sequence[Tensor], mask: Tensor | None, activation: str, recurrent_activation: str
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """From ``[projected input, first states, recurrent_kernel]``, time first.

    Results are the states, cell states and gates of all steps, and the last state and cell state.
    """
    z, h, c, recurrent_kernel = tensors
    apply, _ = _activation(activation, "activation")
    gate, _ = _activation(recurrent_activation, "recurrent_activation")

    def step(carry: Any, x: Any) -> Any:
        h, c = carry
        z_t, here = _taken(mask, x)
        i, f, a, o = _parts(z_t + ops.matmul(h, recurrent_kernel), 4)
        i, f, a, o = gate(i), gate(f), apply(a), gate(o)
        new = f * c + i * a
        h, c = _kept(here, o * apply(new), h), _kept(here, new, c)
        return (h, c), (h, c, ops.concatenate([i, f, a, o], -1))

    (h, c), (states, cells, gates) = scan(step, (h, c), _through(mask, z))
    return states, cells, gates, h, c


@op(dtypes=_numbers_and_mask)
def lstm_gradient(
    cotangents: Sequence[Tensor],
    saved: Sequence[Tensor],
    mask: Tensor | None,
    activation: str,
    recurrent_activation: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The gradients of ``lstm_steps`` by its tensors.

    ``saved`` holds states, cell states and gates, the first states, and recurrent_kernel.
    """
    states, cells, gates, first, first_cell, recurrent_kernel = saved
    apply, slope = _activation(activation, "activation")
    _, gate_slope = _activation(recurrent_activation, "recurrent_activation")
    back = ops.transpose(recurrent_kernel)
    earlier = ops.reshape(_before(first_cell, cells), tuple(cells.shape))

    def step(carry: Any, x: Any) -> Any:
        g_h, g_c, g_gates, gates, c, before, here = _taken(mask, x)
        dh, h_around = _split(here, carry[0] + g_h)
        dc, c_around = _split(here, carry[1] + g_c)
        i, f, a, o = _parts(gates, 4)
        g_i, g_f, g_a, g_o = _parts(g_gates, 4)
        shown = apply(c)
        dc = dc + dh * o * slope(shown)
        parts = [
            (dc * a + g_i) * gate_slope(i),
            (dc * before + g_f) * gate_slope(f),
            (dc * i + g_a) * slope(a),
            (dh * shown + g_o) * gate_slope(o),
        ]
        dz = ops.concatenate(parts, -1)
        return (ops.matmul(dz, back) + h_around, dc * f + c_around), dz

    xs = _through(mask, *cotangents[:3], gates, cells, earlier)
    (dh, dc), dz = scan(step, (cotangents[3], cotangents[4]), xs, reverse=True)
    return dz, dh, dc, ops.matmul(ops.transpose(_before(first, states)), _rows(dz))


lstm_steps.vjp(
    lambda g, y, tensors, mask, activation, recurrent_activation: lstm_gradient(
        list(g), [*y[:3], *tensors[1:]], mask, activation, recurrent_activation
    ),
    None,
)

# ---------------------------------------------------------------------------------------- GRU


@op(dtypes=_numbers_and_mask)
def gru(
    x: Tensor,
    h: Tensor,
    kernel: Tensor,
    recurrent_kernel: Tensor,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    reset_after: bool = True,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[Tensor, Tensor]:
    """A gated recurrent unit over a sequence.

    The kernels hold, side by side, what goes to the update gate, the reset gate and the candidate.

    Args:
        x: of shape ``(batch, time, features)``.
        h: the first state, of shape ``(batch, units)``.
        kernel: of shape ``(features, 3 * units)``.
        recurrent_kernel: of shape ``(units, 3 * units)``.
        bias: of shape ``(2, 3 * units)``, for the input and for the state, with ``reset_after``; else ``(3 * units,)``.
        mask: bools of shape ``(batch, time)``; a step that is ``False`` leaves the state as it is.
        activation: a name in ``ACTIVATIONS``, for the candidate.
        recurrent_activation: likewise, for the gates.
        reset_after: does the reset gate act after the product with recurrent_kernel, instead of before?
        go_backwards: begin with the last step; results stand in the order in which they are made.
        zero_output_for_mask: are results of masked steps zero, instead of the state?

    Returns:
        The state after each step, of shape ``(batch, time, units)``, and the last one.
    """
    bias_shape = (2, 3) if reset_after else (3,)
    check_recurrent(x, {"h": h}, kernel, recurrent_kernel, bias, bias_shape, mask)
    tensors = [h, recurrent_kernel]
    if bias is not None and reset_after:
        bias, recurrent_bias = (ops.index(bias, [], (i,)) for i in range(2))
        tensors.append(recurrent_bias)
    z, mask = _projected(x, kernel, bias, mask, go_backwards)
    states, _, _, last = gru_steps(
        [z, *tensors], mask, activation, recurrent_activation, reset_after
    )
    return _outputs(states, mask, zero_output_for_mask), last


@op(dtypes=_numbers_and_mask)
def gru_steps(
    tensors: Sequence[Tensor],
    mask: Tensor | None,
    activation: str,
    recurrent_activation: str,
    reset_after: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """From ``[projected input, first state, recurrent_kernel]`` and perhaps a recurrent bias, time first.

    Results are the states, the gates, and what the reset gate made or met (the state after it, or the product before
    it) of all steps, and the last state.
    """
    z, h, recurrent_kernel, *biases = tensors
    apply, _ = _activation(activation, "activation")
    gate, _ = _activation(recurrent_activation, "recurrent_activation")
    units = h.shape[-1]
    of_gates, of_candidate = (
        recurrent_kernel[:, : 2 * units],
        recurrent_kernel[:, 2 * units :],
    )

    def step(h: Tensor, x: Any) -> Any:
        z_t, here = _taken(mask, x)
        to_update, to_reset, candidate = _parts(z_t, 3)
        if reset_after:
            product = ops.matmul(h, recurrent_kernel)
            for bias in biases:
                product = product + bias
            update, reset, inner = _parts(product, 3)
            update, reset = gate(to_update + update), gate(to_reset + reset)
            candidate = apply(candidate + reset * inner)
        else:
            update, reset = _parts(ops.matmul(h, of_gates), 2)
            update, reset = gate(to_update + update), gate(to_reset + reset)
            inner = reset * h
            candidate = apply(candidate + ops.matmul(inner, of_candidate))
        h = _kept(here, update * h + (1 - update) * candidate, h)
        return h, (h, ops.concatenate([update, reset, candidate], -1), inner)

    last, (states, gates, inner) = scan(step, h, _through(mask, z))
    return states, gates, inner, last


@op(dtypes=_numbers_and_mask)
def gru_gradient(
    cotangents: Sequence[Tensor],
    saved: Sequence[Tensor],
    mask: Tensor | None,
    activation: str,
    recurrent_activation: str,
    reset_after: bool,
) -> tuple[Tensor, ...]:
    """The gradients of ``gru_steps`` by its tensors.

    ``saved`` holds states, gates and inner values, the first state, recurrent_kernel, and perhaps a recurrent bias.
    """
    states, gates, inner, first, recurrent_kernel, *biases = saved
    _, slope = _activation(activation, "activation")
    _, gate_slope = _activation(recurrent_activation, "recurrent_activation")
    units = states.shape[-1]
    back = ops.transpose(recurrent_kernel)
    before = _before(first, states)

    def step(dh: Tensor, x: Any) -> Any:
        g, g_gates, g_inner, gates, inner, h, here = _taken(mask, x)
        update, reset, candidate = _parts(gates, 3)
        g_update, g_reset, g_candidate = _parts(g_gates, 3)
        dh, around = _split(here, dh + g)
        d_update = (dh * (h - candidate) + g_update) * gate_slope(update)
        d_candidate = (dh * (1 - update) + g_candidate) * slope(candidate)
        dh = dh * update + around
        if reset_after:
            d_reset = (d_candidate * inner + g_reset) * gate_slope(reset)
            d_inner = d_candidate * reset + g_inner
            dh = dh + ops.matmul(ops.concatenate([d_update, d_reset, d_inner], -1), back)
        else:
            d_inner = ops.matmul(d_candidate, back[2 * units :, :]) + g_inner
            d_reset = (d_inner * h + g_reset) * gate_slope(reset)
            both = ops.concatenate([d_update, d_reset], -1)
            dh = dh + d_inner * reset + ops.matmul(both, back[: 2 * units, :])
        return dh, (ops.concatenate([d_update, d_reset, d_candidate], -1), d_inner)

    earlier = ops.reshape(before, tuple(states.shape))
    xs = _through(mask, *cotangents[:3], gates, inner, earlier)
    dh, (dz, d_inner) = scan(step, cotangents[3], xs, reverse=True)
    rows, inner_rows = _rows(dz), _rows(d_inner)
    before = ops.transpose(before)
    if reset_after:
        product = ops.concatenate([rows[:, : 2 * units], inner_rows], -1)
        of_kernel = ops.matmul(before, product)
        return (dz, dh, of_kernel, *(ops.sum(product, 0) for _ in biases))
    of_gates = ops.matmul(before, rows[:, : 2 * units])
    of_candidate = ops.matmul(ops.transpose(_rows(inner)), rows[:, 2 * units :])
    return dz, dh, ops.concatenate([of_gates, of_candidate], -1)


gru_steps.vjp(
    lambda g, y, tensors, mask, activation, recurrent_activation, reset_after: gru_gradient(
        list(g), [*y[:3], *tensors[1:]], mask, activation, recurrent_activation, reset_after
    ),
    None,
)

# ------------------------------------------------------------------------------------ any step


def rnn(
    step_function: Callable[[Any, Any], tuple[Any, Any]],
    inputs: Any,
    initial_states: Any,
    go_backwards: bool = False,
    mask: Tensor | None = None,
    constants: Sequence[Any] | None = None,
    unroll: bool = False,
    input_length: Any = None,
    time_major: bool = False,
    zero_output_for_mask: bool = False,
    return_all_outputs: bool = True,
) -> tuple[Any, Any, Any]:
    """A step function applied along time, its states handed from one step to the next.

    Args:
        step_function: takes the inputs of one step and the states; returns its output and the new states.
        inputs: a tree of tensors of shape ``(batch, time, ...)``.
        initial_states: a tree, whose first leaf (that of the last cell, if states are nested) is like the output.
        go_backwards: begin with the last step; outputs stand in the order in which they are made.
        mask: of shape ``(batch, time)``; a step that is ``False`` leaves the states as they are, and its output is the
            first state.
        constants: handed to each step after the states.
        unroll: does compiled code hold each step by itself?
        input_length: not needed; lengths are known from the inputs.
        time_major: is time the first axis of inputs, mask and outputs?
        zero_output_for_mask: are outputs of masked steps zero?
        return_all_outputs: the outputs of all steps, or the last one only (along an axis of length 1)?

    Returns:
        The last output, the outputs, and the last states.
    """
    xs = inputs if time_major else tree.map_structure(_time_first, inputs)
    if mask is not None:
        mask = ops.cast(mask, "bool")
        mask = mask if time_major else _time_first(mask)
        mask = ops.reshape(mask, tuple(mask.shape)[:2])
    more = tuple(constants or ())
    structure = type(initial_states) if type(initial_states) in (list, tuple) else None

    def step(states: Any, x: Any) -> Any:
        x, here = x if mask is not None else (x, None)
        output, new = step_function(x, (*states, *more) if more else states)
        if structure is not None and type(new) in (list, tuple):
            new = structure(new)
        new = tree.map_structure(lambda old, after: _like(old, after), states, new)
        if here is None:
            return new, output
        shown = 0 if zero_output_for_mask else _previous(states, output)
        output = tree.map_structure(lambda leaf: ops.where(_wide(here, leaf), leaf, shown), output)
        return tree.map_structure(
            lambda old, after: ops.where(_wide(here, old), after, old), states, new
        ), output

    if go_backwards:
        xs = tree.map_structure(lambda x: ops.flip(x, 0), xs)
        mask = None if mask is None else ops.flip(mask, 0)
    states, outputs = scan(
        step, initial_states, xs if mask is None else (xs, mask), unroll=bool(unroll) or 1
    )
    last = tree.map_structure(lambda y: y[-1, ...], outputs)
    if not return_all_outputs:
        outputs = tree.map_structure(lambda y: y[-1:, ...], outputs)
    return last, outputs if time_major else tree.map_structure(_time_first, outputs), states


def _time_first(x: Tensor) -> Tensor:
    """The first two axes exchanged."""
    return ops.transpose(x, (1, 0, *range(2, len(shape_of(x)))))


def _wide(mask: Tensor, x: Tensor) -> Tensor:
    """The mask of one step with as many axes as ``x``."""
    return ops.reshape(mask, (*mask.shape, *(1,) * (len(x.shape) - len(mask.shape))))


def _like(old: Tensor, new: Tensor) -> Tensor:
    """A new state in the dtype of the old one."""
    return new if dtype_of(new) == dtype_of(old) else ops.cast(new, dtype_of(old))


def _previous(states: Any, output: Any) -> Tensor:
    """What stands for the output of the step before: the first state of the last cell."""
    first = states[0] if type(states) in (list, tuple) else states
    if tree.is_nested(first):
        first = tree.flatten(states[-1])[0]
    if shape_of(first) != shape_of(output):
        raise errors.ShapeError(
            f"rnn: a masked step repeats the output before it, for which the first state is taken; its shape is "
            f"{shape_of(first)}, that of the output {shape_of(output)}. Use zero_output_for_mask=True, or put "
            f"the output first among the states."
        )
    return first
