"""``ConvLSTM1D``, ``2D``, ``3D``: long short-term memories whose products are convolutions.

The input is convolved for all steps at once; only the convolution of the state goes from step to step.  Cells and
loops that they share with other recurrent layers are in ``recurrent.py``.
"""

from __future__ import annotations

from typing import Any

from polynet import errors, ops, random
from polynet.layers.arguments import channels, data_format, one_of, per_axis
from polynet.layers.core import positive
from polynet.layers.input_spec import InputSpec
from polynet.layers.recurrent import (
    CELL_ARGUMENTS,
    LOOP_ARGUMENTS,
    RNN,
    RecurrentCell,
    activated,
    forget_bias,
    given,
    of_cell,
)
from polynet.ops import recurrent
from polynet.spec import Spec, abstract

_CONVOLUTION = ("kernel_size", "strides", "padding", "data_format", "dilation_rate")


class _ConvLSTMCell(RecurrentCell):
    """One step of a convolutional long short-term memory; its arguments are those of ``ConvLSTM2D``."""

    gates = 4

    def __init__(self, rank: int, filters: int, arguments: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rank = rank
        self.filters = positive(filters, "filters", self)
        self._settle(self.filters, arguments)
        self.kernel_size = per_axis(arguments["kernel_size"], rank, "kernel_size", self)
        self.strides = per_axis(arguments["strides"], rank, "strides", self)
        self.padding = one_of(arguments["padding"], ("valid", "same"), "padding", self)
        self.data_format = data_format(arguments["data_format"], self)
        self.dilation_rate = per_axis(arguments["dilation_rate"], rank, "dilation_rate", self)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{type(self).__name__}: strides, dilation_rate: expected one of them to be 1; got "
                f"{self.strides} and {self.dilation_rate}."
            )
        self.unit_forget_bias = arguments["unit_forget_bias"]
        self.input_spec = InputSpec(ndim=rank + 2)
        self.state_size = [self.filters, self.filters]
        self._axis = 1 if self.data_format == "channels_first" else -1

    def build(self, input_shape: Any) -> None:
        found = channels(input_shape, self.rank, self.data_format, self)
        wide = 4 * self.filters
        self._add("kernel", (*self.kernel_size, found, wide), "kernel", self.kernel_initializer)
        self._add(
            "recurrent_kernel",
            (*self.kernel_size, self.filters, wide),
            "recurrent",
            self.recurrent_initializer,
        )
        self.bias = None
        if self.use_bias:
            initializer = self.bias_initializer
            if self.unit_forget_bias:
                initializer = forget_bias(initializer, self.filters)
            self._add("bias", (wide,), "bias", initializer)
        self._step_shape = tuple(input_shape)[1:]

    # ------------------------------------------------------------------------------------ states

    def state_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the states for one step's inputs of this shape."""
        with abstract():
            kernel = Spec((*self.kernel.shape[:-1], self.filters), self.compute_dtype)
            shape: tuple[int, ...] = self._convolved(
                Spec(input_shape, self.compute_dtype), kernel
            ).shape
        return shape

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        if batch_size is None or None in self._step_shape:
            raise errors.ShapeError(
                f"{self._title()}: get_initial_state: expected known lengths; got batch_size={batch_size} and steps of "
                f"shape {self._step_shape}."
            )
        shape = self.state_shape((batch_size, *self._step_shape))
        return [ops.zeros(shape, dtype=self.compute_dtype) for _ in range(2)]

    # ------------------------------------------------------------------------------------ steps

    def masks_for(self, inputs: tuple[int, ...], states: tuple[int, ...]) -> list[Any]:
        """What inputs and states of these shapes are multiplied with in training, one factor for each gate."""
        found: list[Any] = []
        for rate, shape in ((self.dropout, inputs), (self.recurrent_dropout, states)):
            if not 0 < rate < 1:
                found.append(None)
                continue
            ones = ops.ones(shape, dtype=self.compute_dtype)
            found.append([random.dropout(ones, rate, seed=self.seed_generator) for _ in range(4)])
        return found

    def _convolved(self, x: Any, kernel: Any) -> Any:
        return ops.conv(x, kernel, self.strides, self.padding, self.data_format, self.dilation_rate)

    def _state_convolved(self, h: Any, kernel: Any) -> Any:
        return ops.conv(h, kernel, 1, "same", self.data_format)

    def _by_gate(self, convolve: Any, x: Any, kernel: Any, factors: Any) -> Any:
        if factors is None:
            return convolve(x, kernel)
        parts = ops.split(kernel, 4, axis=-1)
        return ops.concatenate(
            [convolve(x * factor, part) for factor, part in zip(factors, parts, strict=True)],
            self._axis,
        )

    def of_inputs(self, x: Any, factors: Any) -> Any:
        """What the inputs add to the four gates; ``x`` holds steps or whole batches of them."""
        z = self._by_gate(self._convolved, x, self.kernel, factors)
        if self.bias is None:
            return z
        shape = (-1, *(1,) * self.rank) if self._axis == 1 else (-1,)
        return z + ops.reshape(self.bias, shape)

    def step(self, z: Any, states: Any, factors: Any) -> tuple[Any, Any]:
        """One step, from what the inputs add to the gates."""
        h, c = states
        z = z + self._by_gate(self._state_convolved, h, self.recurrent_kernel, factors)
        i, f, a, o = ops.split(z, 4, axis=self._axis)
        gate = self.recurrent_activation
        c = activated(gate, f) * c + activated(gate, i) * activated(self.activation, a)
        h = activated(gate, o) * activated(self.activation, c)
        return h, [h, c]

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, Any]:
        of_input, of_state = None, None
        if training:
            of_input, of_state = self.masks_for(tuple(inputs.shape), tuple(states[0].shape))
        return self.step(self.of_inputs(inputs, of_input), states, of_state)


class _ConvLSTM(RNN):
    """The layer of any rank."""

    rank: int
    filters = of_cell("filters")
    kernel_size = of_cell("kernel_size")
    strides = of_cell("strides")
    padding = of_cell("padding")
    data_format = of_cell("data_format")
    dilation_rate = of_cell("dilation_rate")
    activation = of_cell("activation")
    recurrent_activation = of_cell("recurrent_activation")
    use_bias = of_cell("use_bias")
    unit_forget_bias = of_cell("unit_forget_bias")
    dropout = of_cell("dropout")
    recurrent_dropout = of_cell("recurrent_dropout")

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ) -> None:
        arguments = {**locals()}
        names = (*CELL_ARGUMENTS, *_CONVOLUTION, "recurrent_activation", "unit_forget_bias")
        cell = _ConvLSTMCell(
            self.rank,
            filters,
            given([name for name in names if name != "units"], arguments),
            name="conv_lstm_cell",
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
        )
        loop = [name for name in LOOP_ARGUMENTS if name != "unroll"]
        super().__init__(cell, **given(loop, arguments), **kwargs)
        self.input_spec = InputSpec(ndim=self.rank + 3)

    def get_initial_state(self, batch_size: Any) -> list[Any]:
        return list(self.cell.get_initial_state(batch_size=batch_size))

    def _zeros(self, sequences: Any) -> list[Any]:
        batch, _, *rest = sequences.shape
        shape = self.cell.state_shape((batch, *rest))
        return [ops.zeros(shape, dtype=self.cell.compute_dtype) for _ in range(2)]

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> tuple[Any, Any, Any]:
        cell = self.cell
        batch, time, *rest = sequences.shape
        of_input, of_state = None, None
        if training:
            of_input, of_state = cell.masks_for((batch, *rest), tuple(initial_state[0].shape))
        if of_input is not None:
            of_input = [_every(factor, time) for factor in of_input]
        z = cell.of_inputs(ops.reshape(sequences, (batch * time, *rest)), of_input)
        z = ops.reshape(z, (batch, time, *tuple(z.shape)[1:]))
        return recurrent.rnn(
            lambda inputs, states: cell.step(inputs, states, of_state),
            z,
            initial_state,
            go_backwards=self.go_backwards,
            mask=mask,
            unroll=self.unroll,
            zero_output_for_mask=self.zero_output_for_mask,
            return_all_outputs=self.return_sequences,
        )


def _every(factor: Any, time: int) -> Any:
    """One factor of each example for all its steps, in the order of rows of ``(batch * time, ...)``."""
    return ops.repeat(factor, time, axis=0)


class ConvLSTM1D(_ConvLSTM):
    """A long short-term memory of series, whose products are convolutions.

    Args:
        filters: how many channels the outputs have.
        kernel_size: the length of the kernels.
        strides: of the convolution of the input.
        padding: of the input: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"``: ``(batch, time, steps, channels)``; ``"channels_first"``:
            ``(batch, time, channels, steps)``.
        dilation_rate: of the convolution of the input.
        activation: a name or function, for candidate and cell state.
        recurrent_activation: a name or function, for the gates.
        unit_forget_bias: begin with a bias of 1 for the forget gate?
        return_sequences: give the outputs of all steps, instead of the last one?
        return_state: give the last states too?

    Example:
        >>> import polynet
        >>> polynet.layers.ConvLSTM1D(4, 3)(polynet.ops.ones((2, 5, 8, 3))).shape
        (2, 6, 4)
    """

    rank = 1


class ConvLSTM2D(_ConvLSTM):
    """A long short-term memory of images, whose products are convolutions.

    Args:
        filters: how many channels the outputs have.
        kernel_size: one length for both axes of the kernels, or two.
        strides: of the convolution of the input.
        padding: of the input: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"``: ``(batch, time, height, width, channels)``; ``"channels_first"``:
            ``(batch, time, channels, height, width)``.
        dilation_rate: of the convolution of the input.
        activation: a name or function, for candidate and cell state.
        recurrent_activation: a name or function, for the gates.
        unit_forget_bias: begin with a bias of 1 for the forget gate?
        return_sequences: give the outputs of all steps, instead of the last one?
        return_state: give the last states too?

    Example:
        >>> import polynet
        >>> layer = polynet.layers.ConvLSTM2D(4, 3, padding="same", return_sequences=True)
        >>> layer(polynet.ops.ones((2, 5, 8, 8, 3))).shape
        (2, 5, 8, 8, 4)
    """

    rank = 2


class ConvLSTM3D(_ConvLSTM):
    """A long short-term memory of volumes, whose products are convolutions.

    Args:
        filters: how many channels the outputs have.
        kernel_size: one length for all axes of the kernels, or three.
        strides: of the convolution of the input.
        padding: of the input: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"``: ``(batch, time, depth, height, width, channels)``; ``"channels_first"``:
            ``(batch, time, channels, depth, height, width)``.
        dilation_rate: of the convolution of the input.
        activation: a name or function, for candidate and cell state.
        recurrent_activation: a name or function, for the gates.
        unit_forget_bias: begin with a bias of 1 for the forget gate?
        return_sequences: give the outputs of all steps, instead of the last one?
        return_state: give the last states too?

    Example:
        >>> import polynet
        >>> polynet.layers.ConvLSTM3D(2, 2)(polynet.ops.ones((1, 2, 4, 4, 4, 3))).shape
        (1, 3, 3, 3, 2)
    """

    rank = 3
