"""Recurrent layers: cells, which compute one step, and the layers that take them through time.

``SimpleRNN``, ``GRU`` and ``LSTM`` hand whole sequences to ops of ``polynet/ops/recurrent.py`` where these can do what
was asked; ``RNN`` takes any cell through time, step by step.  No loop is written here, and no gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from polynet import (
    activations,
    constraints,
    dtypes,
    errors,
    initializers,
    masking,
    ops,
    random,
    regularizers,
    tree,
)
from polynet.layers.arguments import one_of, share
from polynet.layers.core import Wrapper, positive
from polynet.layers.input_spec import InputSpec
from polynet.layers.layer import Layer
from polynet.ops import recurrent
from polynet.spec import is_abstract
from polynet.values import dtype_of
from polynet.variable import Variable

# -------------------------------------------------------------------------------------------- cells


class RecurrentCell(Layer):
    """What the cells of polynet share: weights side by side for each gate, and dropout of inputs and states."""

    gates: int
    """How many gates' weights lie side by side."""

    kernel: Variable
    recurrent_kernel: Variable
    bias: Variable | None
    state_size: Any
    activation: Any
    recurrent_activation: Any
    kernel_initializer: Any
    recurrent_initializer: Any
    bias_initializer: Any

    def _settle(self, units: int, arguments: dict[str, Any]) -> None:
        """Check and keep the arguments that all cells have."""
        self.units = positive(units, "units", self)
        self.use_bias = arguments["use_bias"]
        for name in ("activation", "recurrent_activation"):
            if name in arguments:
                setattr(self, name, activations.get(arguments[name]))
        for part in ("kernel", "recurrent", "bias"):
            for kind, page in _PAGES.items():
                name = f"{part}_{kind}"
                setattr(self, name, page.get(arguments[name]))
        self.dropout = share(arguments["dropout"], "dropout", self)
        self.recurrent_dropout = share(arguments["recurrent_dropout"], "recurrent_dropout", self)
        self.seed = arguments["seed"]
        if self.dropout > 0 or self.recurrent_dropout > 0:
            self.seed_generator = (
                self.seed
                if isinstance(self.seed, random.SeedGenerator)
                else random.SeedGenerator(self.seed)
            )
        # With recurrent dropout each gate has a mask of its own.
        self.implementation = 1 if self.recurrent_dropout else arguments.get("implementation", 2)
        self.output_size = self.units

    def build(self, input_shape: Any) -> None:
        self._add(
            "kernel", (input_shape[-1], self.units * self.gates), "kernel", self.kernel_initializer
        )
        self._add(
            "recurrent_kernel",
            (self.units, self.units * self.gates),
            "recurrent",
            self.recurrent_initializer,
        )
        self.bias = None
        if self.use_bias:
            self._add("bias", self._bias_shape(), "bias", self._bias_initializer())

    def _add(self, name: str, shape: tuple[int, ...], part: str, initializer: Any) -> None:
        weight = self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            regularizer=getattr(self, f"{part}_regularizer"),
            constraint=getattr(self, f"{part}_constraint"),
        )
        setattr(self, name, weight)

    def _bias_shape(self) -> tuple[int, ...]:
        return (self.units * self.gates,)

    def _bias_initializer(self) -> Any:
        return self.bias_initializer

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Zeros for each state.

        Args:
            batch_size: the number of examples.
        """
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in sizes]

    # ------------------------------------------------------------------------------------ dropout

    def draw_masks(self, batch_size: int) -> list[Any]:
        """What inputs and states are multiplied with in training, at every step: one factor, or one for each gate.

        ``None`` stands for no dropout.
        """
        rates = (self.dropout, self.kernel.shape[0]), (self.recurrent_dropout, self.units)
        number = self.gates if self.implementation == 1 and self.gates > 1 else 1
        found: list[Any] = []
        for rate, length in rates:
            if not 0 < rate < 1:
                found.append(None)
                continue
            ones = ops.ones((batch_size, length), dtype=self.compute_dtype)
            drawn = [random.dropout(ones, rate, seed=self.seed_generator) for _ in range(number)]
            found.append(drawn if number > 1 else drawn[0])
        return found

    def _masks(self, inputs: Any, training: Any, dropped: Any) -> list[Any]:
        """The masks of one step: those given, or new ones if the step stands alone."""
        if not training:
            return [None, None]
        return self.draw_masks(inputs.shape[0]) if dropped is None else dropped

    def _product(self, x: Any, kernel: Any, factors: Any) -> Any:
        """``x @ kernel``, with ``x`` multiplied by one factor or by one for each gate."""
        if not isinstance(factors, list):
            return ops.matmul(x if factors is None else x * factors, kernel)
        return ops.concatenate(
            [
                ops.matmul(x * factor, part)
                for factor, part in zip(factors, _gates(kernel, len(factors)), strict=True)
            ],
            -1,
        )


_PAGES: dict[str, Any] = {
    "initializer": initializers,
    "regularizer": regularizers,
    "constraint": constraints,
}


def _gates(x: Any, number: int) -> list[Any]:
    """The parts of the gates, which lie side by side on the last axis."""
    units = x.shape[-1] // number
    return [x[..., i * units : (i + 1) * units] for i in range(number)]


def activated(activation: Any, x: Any) -> Any:
    """``activation(x)``, or ``x`` itself without one."""
    return x if activation is None else activation(x)


class SimpleRNNCell(RecurrentCell):
    """One step of a simple recurrent network: ``activation(inputs @ kernel + state @ recurrent_kernel + bias)``.

    Args:
        units: the length of the state.
        activation: a name or function.
        use_bias: add a bias?
        dropout: the share of the inputs that is dropped in training.
        recurrent_dropout: the share of the state that is dropped in training.
        seed: an integer makes the draws repeatable.

    Example:
        >>> import polynet
        >>> cell = polynet.layers.SimpleRNNCell(4)
        >>> output, states = cell(polynet.ops.ones((2, 3)), [polynet.ops.zeros((2, 4))])
        >>> output.shape
        (2, 4)
    """

    gates = 1

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        arguments = {**locals()}
        super().__init__(**kwargs)
        self._settle(units, arguments)
        self.state_size = self.units

    def call(
        self, sequence: Any, states: Any, training: bool = False, dropped: Any = None
    ) -> tuple[Any, Any]:
        state = states[0] if tree.is_nested(states) else states
        of_input, of_state = self._masks(sequence, training, dropped)
        z = self._product(sequence, self.kernel, of_input)
        if self.bias is not None:
            z = z + self.bias
        output = activated(
            self.activation, z + self._product(state, self.recurrent_kernel, of_state)
        )
        return output, [output] if tree.is_nested(states) else output


class GRUCell(RecurrentCell):
    """One step of a gated recurrent unit.

    Args:
        units: the length of the state.
        activation: a name or function, for the candidate.
        recurrent_activation: a name or function, for the gates.
        use_bias: add biases?
        dropout: the share of the inputs that is dropped in training.
        recurrent_dropout: the share of the state that is dropped in training.
        reset_after: does the reset gate act after the product with the recurrent kernel, instead of before?
        seed: an integer makes the draws repeatable.

    Example:
        >>> import polynet
        >>> cell = polynet.layers.GRUCell(4)
        >>> output, states = cell(polynet.ops.ones((2, 3)), [polynet.ops.zeros((2, 4))])
        >>> output.shape
        (2, 4)
    """

    gates = 3

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        arguments = {**locals(), "implementation": kwargs.pop("implementation", 2)}
        super().__init__(**kwargs)
        self._settle(units, arguments)
        self.reset_after = reset_after
        self.state_size = self.units

    def _bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def call(
        self, inputs: Any, states: Any, training: bool = False, dropped: Any = None
    ) -> tuple[Any, Any]:
        state = states[0] if tree.is_nested(states) else states
        of_input, of_state = self._masks(inputs, training, dropped)
        z = self._product(inputs, self.kernel, of_input)
        recurrent_bias = None
        if self.bias is not None:
            bias = self.bias[0] if self.reset_after else self.bias
            recurrent_bias = self.bias[1] if self.reset_after else None
            z = z + bias
        to_update, to_reset, candidate = _gates(z, 3)
        gate = self.recurrent_activation
        if self.reset_after:
            product = self._product(state, self.recurrent_kernel, of_state)
            if recurrent_bias is not None:
                product = product + recurrent_bias
            update, reset, inner = _gates(product, 3)
            update, reset = activated(gate, to_update + update), activated(gate, to_reset + reset)
            candidate = candidate + reset * inner
        else:
            both, last = 2 * self.units, state
            factors = of_state
            if isinstance(of_state, list):
                factors, last = of_state[:2], state * of_state[2]
            elif of_state is not None:
                last = state * of_state
            kernel = self.recurrent_kernel
            update, reset = _gates(self._product(state, kernel[:, :both], factors), 2)
            update, reset = activated(gate, to_update + update), activated(gate, to_reset + reset)
            candidate = candidate + ops.matmul(reset * last, kernel[:, both:])
        output = update * state + (1 - update) * activated(self.activation, candidate)
        return output, [output] if tree.is_nested(states) else output


class LSTMCell(RecurrentCell):
    """One step of a long short-term memory.

    Args:
        units: the length of the states.
        activation: a name or function, for candidate and cell state.
        recurrent_activation: a name or function, for the gates.
        use_bias: add a bias?
        unit_forget_bias: begin with a bias of 1 for the forget gate?
        dropout: the share of the inputs that is dropped in training.
        recurrent_dropout: the share of the state that is dropped in training.
        seed: an integer makes the draws repeatable.

    Example:
        >>> import polynet
        >>> cell = polynet.layers.LSTMCell(4)
        >>> output, states = cell(polynet.ops.ones((2, 3)), [polynet.ops.zeros((2, 4))] * 2)
        >>> output.shape, len(states)
        ((2, 4), 2)
    """

    gates = 4

    def __init__(
        self,
        units: int,
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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        arguments = {**locals(), "implementation": kwargs.pop("implementation", 2)}
        super().__init__(**kwargs)
        self._settle(units, arguments)
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [self.units, self.units]

    def _bias_initializer(self) -> Any:
        if not self.unit_forget_bias:
            return self.bias_initializer
        return forget_bias(self.bias_initializer, self.units)

    def call(
        self, inputs: Any, states: Any, training: bool = False, dropped: Any = None
    ) -> tuple[Any, Any]:
        h, c = states
        of_input, of_state = self._masks(inputs, training, dropped)
        z = self._product(inputs, self.kernel, of_input)
        z = z + self._product(h, self.recurrent_kernel, of_state)
        if self.bias is not None:
            z = z + self.bias
        i, f, a, o = _gates(z, 4)
        gate = self.recurrent_activation
        c = activated(gate, f) * c + activated(gate, i) * activated(self.activation, a)
        h = activated(gate, o) * activated(self.activation, c)
        return h, [h, c]


def forget_bias(initializer: Callable[..., Any], units: int) -> Callable[..., Any]:
    """An initializer of the bias of an LSTM, 1 for the forget gate."""

    def initialize(shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        parts = [
            initializer((units,), dtype=dtype),
            ops.ones((units,), dtype=dtype),
            initializer((units * 2,), dtype=dtype),
        ]
        return ops.concatenate(parts)

    return initialize


class StackedRNNCells(Layer):
    """Several cells as one: each is given the output of the one before.

    Args:
        cells: the cells.

    Example:
        >>> import polynet
        >>> cells = [polynet.layers.LSTMCell(8), polynet.layers.GRUCell(4)]
        >>> polynet.layers.RNN(polynet.layers.StackedRNNCells(cells))(polynet.ops.ones((2, 5, 3))).shape
        (2, 4)
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for cell in cells:
            _check_cell(cell, self, "cells")
        if not len(cells):
            raise ValueError("StackedRNNCells: cells: expected at least one cell; got none.")
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        """The state sizes of all cells."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """The length of the last cell's output."""
        return _output_size(self.cells[-1])

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Zeros, or what each cell says, for every state.

        Args:
            batch_size: the number of examples.
        """
        return [_initial_state(cell, batch_size, self.compute_dtype) for cell in self.cells]

    def draw_masks(self, batch_size: int) -> list[Any]:
        """The masks of each cell, as ``LSTMCell`` and the others draw them."""
        return [
            cell.draw_masks(batch_size) if hasattr(cell, "draw_masks") else None
            for cell in self.cells
        ]

    def build(self, input_shape: Any) -> None:
        for cell in self.cells:
            _build_cell(cell, input_shape)
            input_shape = (input_shape[0], _output_size(cell))

    def call(
        self, inputs: Any, states: Any, training: bool = False, dropped: Any = None
    ) -> tuple[Any, Any]:
        new = []
        for number, (cell, state) in enumerate(zip(self.cells, states, strict=True)):
            masks = None if dropped is None else dropped[number]
            inputs, after = _stepped(cell, inputs, state, training, masks)
            new.append(after)
        return inputs, new


def _check_cell(cell: Any, layer: Layer, name: str) -> None:
    for attribute in ("call", "state_size"):
        if not hasattr(cell, attribute):
            raise ValueError(
                f"{type(layer).__name__}: {name}: expected a cell, with a method call and a state_size; "
                f"{type(cell).__name__} has no {attribute}."
            )


def _build_cell(cell: Any, input_shape: Any) -> None:
    """Build a cell; one without a method for that builds what is within when it is called."""
    if isinstance(cell, Layer) and not cell.built and cell._signature.builds:
        cell.build(input_shape)


def _output_size(cell: Any) -> int:
    size = getattr(cell, "output_size", None)
    if size is None:
        size = cell.state_size
        size = size[0] if isinstance(size, list | tuple) else size
    return int(size)


def _initial_state(cell: Any, batch_size: Any, dtype: str) -> Any:
    """The first state of a cell: what it says, or zeros."""
    own = getattr(cell, "get_initial_state", None)
    if own is not None:
        return own(batch_size=batch_size)
    dtype = getattr(cell, "compute_dtype", dtype)
    sizes = cell.state_size if isinstance(cell.state_size, list | tuple) else [cell.state_size]
    return [ops.zeros((batch_size, size), dtype=dtype) for size in sizes]


def _stepped(cell: Any, inputs: Any, states: Any, training: Any, masks: Any) -> tuple[Any, Any]:
    """One step of any cell; the new states are nested as the old ones."""
    more: dict[str, Any] = {}
    if isinstance(cell, Layer) and cell._signature.training:
        more["training"] = training
    if masks is not None:
        more["dropped"] = masks
    given = list(states) if tree.is_nested(states) else [states]
    call = cell if callable(cell) else cell.call
    output, new = call(inputs, given, **more)
    flat = tree.flatten(new)
    if len(flat) != len(tree.flatten(states)):
        raise ValueError(
            f"{type(cell).__name__}: expected {len(tree.flatten(states))} new states; got {len(flat)}."
        )
    return output, tree.pack_sequence_as(states, flat)


# -------------------------------------------------------------------------------------- the layers


class RNN(Layer):
    """Takes a cell through time.

    Args:
        cell: a cell, or a list of cells, each of which is given the output of the one before. A cell has a method
            ``call(inputs, states)`` that returns an output and the new states, and a ``state_size``.
        return_sequences: give the outputs of all steps, instead of the last one?
        return_state: give the last states too?
        go_backwards: begin with the last step? Outputs stand in the order in which they are made.
        stateful: begin with the states that the call before ended with? The batch size must be known then.
        unroll: does compiled code hold each step by itself?
        zero_output_for_mask: are outputs of masked steps zero, instead of the output before?

    Example:
        >>> import polynet
        >>> layer = polynet.layers.RNN(polynet.layers.LSTMCell(4), return_sequences=True)
        >>> layer(polynet.ops.ones((2, 5, 3))).shape
        (2, 5, 4)
    """

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(cell, list | tuple):
            cell = StackedRNNCells(cell)
        _check_cell(cell, self, "cell")
        self.cell = cell
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.supports_masking = True
        self.states: Any = None
        size = cell.state_size
        if not isinstance(size, list | tuple | int):
            raise ValueError(
                f"{type(self).__name__}: cell: its state_size: expected an integer or a list of them; got {size!r}."
            )
        self.single_state = isinstance(size, int)
        self.state_size = [size] if isinstance(size, int) else list(size)

    # -------------------------------------------------------------------------------- states

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        _build_cell(self.cell, (sequences_shape[0], *sequences_shape[2:]))
        if self.stateful and self.states is None:
            if sequences_shape[0] is None:
                raise errors.ShapeError(
                    f"{self._title()}: stateful=True needs a batch size that is known; got the input shape "
                    f"{tuple(sequences_shape)}. Give it in Input(batch_shape=...)."
                )
            self.states = tree.map_structure(
                lambda value: Variable(
                    value, trainable=False, dtype=self.variable_dtype, name="rnn_state"
                ),
                self.get_initial_state(sequences_shape[0]),
            )

    def get_initial_state(self, batch_size: Any) -> list[Any]:
        """The states to begin with: what the cell says, or zeros.

        Args:
            batch_size: the number of examples.
        """
        state = _initial_state(self.cell, batch_size, self.compute_dtype)
        return list(state) if tree.is_nested(state) else [state]

    def _zeros(self, sequences: Any) -> list[Any]:
        return self.get_initial_state(sequences.shape[0])

    def reset_state(self) -> None:
        """Begin with zeros again, after ``stateful`` calls."""
        if self.states is not None:
            for state in tree.flatten(self.states):
                state.assign(ops.zeros(state.shape, dtype=state.dtype))

    def reset_states(self) -> None:
        """``reset_state`` under its older name."""
        self.reset_state()

    def _first_states(self, sequences: Any, initial_state: Any) -> Any:
        """The states to begin with, in the compute dtype of the cell."""
        if initial_state is None and not self.stateful:
            return self._zeros(sequences)
        if initial_state is None:
            batch = tree.flatten(self.states)[0].shape[0]
            if sequences.shape[0] != batch:
                raise errors.ShapeError(
                    f"{self._title()}: stateful=True: expected {batch} examples, as in the first call; got the "
                    f"input shape {tuple(sequences.shape)}. Use batches of one size."
                )
            initial_state = self.states
        states = list(initial_state) if tree.is_nested(initial_state) else [initial_state]
        dtype = getattr(self.cell, "compute_dtype", self.compute_dtype)
        expected = len(tree.flatten(self.state_size))
        if len(tree.flatten(states)) != expected:
            raise ValueError(
                f"{self._title()}: initial_state: expected {expected} states; got {len(tree.flatten(states))}."
            )
        return tree.map_structure(lambda state: ops.cast(state, dtype), states)

    # -------------------------------------------------------------------------------- calling

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> tuple[Any, Any, Any]:
        """The last output, all outputs (or ``None`` where they are not wanted), and the last states."""
        masks = None
        if training and hasattr(self.cell, "draw_masks"):
            masks = self.cell.draw_masks(sequences.shape[0])
        return recurrent.rnn(
            lambda inputs, states: _stepped(self.cell, inputs, states, training, masks),
            sequences,
            initial_state,
            go_backwards=self.go_backwards,
            mask=mask,
            unroll=self.unroll,
            zero_output_for_mask=self.zero_output_for_mask,
            return_all_outputs=self.return_sequences,
        )

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False
    ) -> Any:
        if mask is None:
            mask = masking.get_mask(sequences)
        elif tree.is_nested(mask):
            mask = tree.flatten(mask)[0]
        states = self._first_states(sequences, initial_state)
        last, outputs, states = self.inner_loop(sequences, states, mask, training=bool(training))
        if self.stateful and not is_abstract():
            for variable, state in zip(
                tree.flatten(self.states), tree.flatten(states), strict=True
            ):
                variable.assign(ops.cast(state, variable.dtype))
        output = ops.cast(outputs if self.return_sequences else last, self.compute_dtype)
        if not self.return_state:
            return output
        states = tree.map_structure(lambda state: ops.cast(state, self.compute_dtype), states)
        return (output, *states)

    def compute_mask(self, sequences: Any, mask: Any = None) -> Any:
        mask = tree.flatten(mask)[0] if tree.is_nested(mask) else mask
        mask = mask if self.return_sequences else None
        return [mask] + [None] * len(self.state_size) if self.return_state else mask


def of_cell(name: str) -> Any:
    """A property of a layer that its cell has."""

    def read(self: Any) -> Any:
        return getattr(self.cell, name)

    return property(read, doc=f"The cell's ``{name}``.")


_NAMES: tuple[tuple[Callable[..., Any] | None, str], ...] = (
    (None, "linear"),
    (activations.linear, "linear"),
    (activations.tanh, "tanh"),
    (activations.sigmoid, "sigmoid"),
    (activations.relu, "relu"),
    (activations.hard_sigmoid, "hard_sigmoid"),
)


def _name_of(activation: Any) -> str | None:
    """The name by which the ops know an activation; ``None``: they do not."""
    return next((name for function, name in _NAMES if function is activation), None)


class _Whole(RNN):
    """A layer whose whole loop is an op, unless states are dropped or an activation is unusual."""

    units = of_cell("units")
    activation = of_cell("activation")
    use_bias = of_cell("use_bias")
    kernel_initializer = of_cell("kernel_initializer")
    recurrent_initializer = of_cell("recurrent_initializer")
    bias_initializer = of_cell("bias_initializer")
    kernel_regularizer = of_cell("kernel_regularizer")
    recurrent_regularizer = of_cell("recurrent_regularizer")
    bias_regularizer = of_cell("bias_regularizer")
    kernel_constraint = of_cell("kernel_constraint")
    recurrent_constraint = of_cell("recurrent_constraint")
    bias_constraint = of_cell("bias_constraint")
    dropout = of_cell("dropout")
    recurrent_dropout = of_cell("recurrent_dropout")
    seed = of_cell("seed")
    _activations: tuple[str, ...] = ("activation", "recurrent_activation")

    def __init__(self, cell: RecurrentCell, **kwargs: Any) -> None:
        super().__init__(cell, **kwargs)
        self.input_spec = InputSpec(ndim=3)

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> tuple[Any, Any, Any]:
        cell = self.cell
        names = [_name_of(getattr(cell, name)) for name in self._activations]
        if None in names or (training and (cell.recurrent_dropout or cell.implementation == 1)):
            return super().inner_loop(sequences, initial_state, mask, training)
        if training and 0 < cell.dropout < 1:
            factor, _ = cell.draw_masks(sequences.shape[0])
            sequences = sequences * ops.expand_dims(factor, 1)
        if mask is not None:
            mask = ops.reshape(ops.cast(mask, "bool"), tuple(sequences.shape)[:2])
        outputs, *states = self._whole(
            sequences, *initial_state, *self._weights(), mask, *names, *self._more()
        )
        last = states[0]
        if mask is not None and self.zero_output_for_mask and not self.return_sequences:
            last = outputs[:, -1, ...]
        return last, outputs, states

    def _weights(self) -> tuple[Any, ...]:
        bias = self.cell.bias
        weights = self.cell.kernel.value, self.cell.recurrent_kernel.value
        return (*weights, None if bias is None else bias.value)

    def _more(self) -> tuple[Any, ...]:
        return self.go_backwards, self.zero_output_for_mask

    def _whole(self, *args: Any) -> Any:
        """The op of the whole loop."""
        raise NotImplementedError


def given(names: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """Some of the arguments."""
    return {name: arguments[name] for name in names}


CELL_ARGUMENTS = (
    *("units", "activation", "use_bias"),
    *("kernel_initializer", "recurrent_initializer", "bias_initializer"),
    *("kernel_regularizer", "recurrent_regularizer", "bias_regularizer"),
    *("kernel_constraint", "recurrent_constraint", "bias_constraint"),
    *("dropout", "recurrent_dropout", "seed"),
)
LOOP_ARGUMENTS = (
    *("return_sequences", "return_state", "go_backwards", "stateful", "unroll"),
    "activity_regularizer",
)


def _cell_kwargs(names: Sequence[str], arguments: dict[str, Any], name: str) -> dict[str, Any]:
    """What a layer hands to its cell."""
    kwargs = arguments["kwargs"]
    found = {**given((*CELL_ARGUMENTS, *names), arguments), "name": name}
    found["dtype"], found["trainable"] = kwargs.get("dtype"), kwargs.get("trainable", True)
    return found


class SimpleRNN(_Whole):
    """A simple recurrent network, whose output goes back into its input.

    Args:
        units: the length of the output.
        activation: a name or function.
        use_bias: add a bias?
        dropout: the share of the inputs that is dropped in training.
        recurrent_dropout: the share of the state that is dropped in training.
        return_sequences: give the outputs of all steps, instead of the last one?
        return_state: give the last state too?
        go_backwards: begin with the last step? Outputs stand in the order in which they are made.
        stateful: begin with the state that the call before ended with?
        unroll: does compiled code hold each step by itself?
        seed: an integer makes the draws repeatable.

    Example:
        >>> import polynet
        >>> polynet.layers.SimpleRNN(4)(polynet.ops.ones((2, 5, 3))).shape
        (2, 4)
    """

    _activations = ("activation",)

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        arguments = {**locals()}
        cell = SimpleRNNCell(**_cell_kwargs((), arguments, "simple_rnn_cell"))
        super().__init__(cell, **given(LOOP_ARGUMENTS, arguments), **kwargs)

    def _whole(self, *args: Any) -> Any:
        return recurrent.simple_rnn(*args)


class GRU(_Whole):
    """A gated recurrent unit.

    Args:
        units: the length of the output.
        activation: a name or function, for the candidate.
        recurrent_activation: a name or function, for the gates.
        use_bias: add biases?
        dropout: the share of the inputs that is dropped in training.
        recurrent_dropout: the share of the state that is dropped in training.
        seed: an integer makes the draws repeatable.
        return_sequences: give the outputs of all steps, instead of the last one?
        return_state: give the last state too?
        go_backwards: begin with the last step? Outputs stand in the order in which they are made.
        stateful: begin with the state that the call before ended with?
        unroll: does compiled code hold each step by itself?
        reset_after: does the reset gate act after the product with the recurrent kernel, instead of before?
        use_cudnn: accepted; each library chooses the fastest of its loops.

    Example:
        >>> import polynet
        >>> polynet.layers.GRU(4, return_sequences=True)(polynet.ops.ones((2, 5, 3))).shape
        (2, 5, 4)
    """

    recurrent_activation = of_cell("recurrent_activation")
    reset_after = of_cell("reset_after")

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
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
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ) -> None:
        arguments = {**locals(), "implementation": kwargs.pop("implementation", 2)}
        names = ("recurrent_activation", "reset_after", "implementation")
        cell = GRUCell(**_cell_kwargs(names, arguments, "gru_cell"))
        super().__init__(cell, **given(LOOP_ARGUMENTS, arguments), **kwargs)
        self.use_cudnn = _checked_cudnn(use_cudnn, self)

    def _more(self) -> tuple[Any, ...]:
        return self.cell.reset_after, self.go_backwards, self.zero_output_for_mask

    def _whole(self, *args: Any) -> Any:
        return recurrent.gru(*args)


class LSTM(_Whole):
    """A long short-term memory.

    Args:
        units: the length of the output.
        activation: a name or function, for candidate and cell state.
        recurrent_activation: a name or function, for the gates.
        use_bias: add a bias?
        unit_forget_bias: begin with a bias of 1 for the forget gate?
        dropout: the share of the inputs that is dropped in training.
        recurrent_dropout: the share of the state that is dropped in training.
        seed: an integer makes the draws repeatable.
        return_sequences: give the outputs of all steps, instead of the last one?
        return_state: give the last states too?
        go_backwards: begin with the last step? Outputs stand in the order in which they are made.
        stateful: begin with the states that the call before ended with?
        unroll: does compiled code hold each step by itself?
        use_cudnn: accepted; each library chooses the fastest of its loops.

    Example:
        >>> import polynet
        >>> outputs, h, c = polynet.layers.LSTM(4, return_state=True)(polynet.ops.ones((2, 5, 3)))
        >>> outputs.shape, c.shape
        ((2, 4), (2, 4))
    """

    recurrent_activation = of_cell("recurrent_activation")
    unit_forget_bias = of_cell("unit_forget_bias")

    def __init__(
        self,
        units: int,
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
        unroll: bool = False,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ) -> None:
        arguments = {**locals(), "implementation": kwargs.pop("implementation", 2)}
        names = ("recurrent_activation", "unit_forget_bias", "implementation")
        cell = LSTMCell(**_cell_kwargs(names, arguments, "lstm_cell"))
        super().__init__(cell, **given(LOOP_ARGUMENTS, arguments), **kwargs)
        self.use_cudnn = _checked_cudnn(use_cudnn, self)

    def _whole(self, *args: Any) -> Any:
        return recurrent.lstm(*args)


def _checked_cudnn(value: Any, layer: Layer) -> Any:
    if value not in ("auto", True, False):
        raise ValueError(
            f"{type(layer).__name__}: use_cudnn: expected 'auto', True or False; got {value!r}."
        )
    return value


# --------------------------------------------------------------------------------- around other layers

_MERGES = ("sum", "mul", "ave", "concat", None)


class Bidirectional(Layer):
    """A recurrent layer in both directions of time, and what comes of both together.

    Args:
        layer: the layer that goes forwards; it is made anew, without its weights.
        merge_mode: how outputs are put together: ``"sum"``, ``"mul"``, ``"ave"``, ``"concat"``; ``None`` gives both.
        weights: initial weights of both layers, those of the forward one first.
        backward_layer: the layer that goes backwards; by default one like ``layer``.

    Example:
        >>> import polynet
        >>> layer = polynet.layers.Bidirectional(polynet.layers.LSTM(4))
        >>> layer(polynet.ops.ones((2, 5, 3))).shape
        (2, 8)
    """

    def __init__(
        self,
        layer: Layer,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Layer | None = None,
        **kwargs: Any,
    ) -> None:
        for name, value in (("layer", layer), ("backward_layer", backward_layer)):
            if not isinstance(value, Layer) and not (name == "backward_layer" and value is None):
                raise ValueError(
                    f"Bidirectional: {name}: expected a layer; got {type(value).__name__}."
                )
            for needed in ("go_backwards", "return_sequences", "return_state", "stateful"):
                if value is not None and not hasattr(value, needed):
                    raise ValueError(
                        f"Bidirectional: {name}: expected a recurrent layer; {type(value).__name__} has no {needed}."
                    )
        if merge_mode is not None:
            merge_mode = one_of(
                merge_mode, [merge for merge in _MERGES if merge], "merge_mode", self
            )
        super().__init__(**kwargs)
        self.merge_mode = merge_mode
        given: Any = backward_layer
        if given is None:
            given = _again(layer, "backward", go_backwards=True)
        self.forward_layer: Any = _again(layer, "forward")
        self.backward_layer: Any = given
        self._check_pair()
        self.stateful = self.forward_layer.stateful
        self.return_sequences = self.forward_layer.return_sequences
        self.return_state = self.forward_layer.return_state
        both: tuple[Any, Any] = self.forward_layer, self.backward_layer
        for one in both:
            if getattr(one, "zero_output_for_mask", None) is not None:
                one.zero_output_for_mask = one.return_sequences
        self.supports_masking = True
        self.input_spec = layer.input_spec
        self._initial_weights = weights

    def _check_pair(self) -> None:
        forward: Any = self.forward_layer
        backward: Any = self.backward_layer
        if forward.go_backwards == backward.go_backwards:
            raise ValueError(
                "Bidirectional: go_backwards: expected one layer in each direction; both have "
                f"go_backwards={forward.go_backwards}."
            )
        for name in ("stateful", "return_sequences", "return_state"):
            one, other = getattr(forward, name), getattr(backward, name)
            if one != other:
                raise ValueError(
                    f"Bidirectional: {name}: expected the same of both layers; got {one} forwards and {other} "
                    f"backwards."
                )

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        for one in (self.forward_layer, self.backward_layer):
            if not one.built:
                one.build(sequences_shape)
        if self._initial_weights:
            half = len(self._initial_weights) // 2
            self.forward_layer.set_weights(self._initial_weights[:half])
            self.backward_layer.set_weights(self._initial_weights[half:])

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool | None = None,
    ) -> Any:
        states: tuple[Any, Any] = None, None
        if initial_state is not None:
            half = len(initial_state) // 2
            states = initial_state[:half], initial_state[half:]
        if mask is None:
            mask = masking.get_mask(sequences)
        outputs, ends = [], []
        for one, state in zip((self.forward_layer, self.backward_layer), states, strict=True):
            more: dict[str, Any] = {} if state is None else {"initial_state": state}
            if mask is not None:
                more["mask"] = mask
            if one._signature.training:
                more["training"] = training
            found = one(sequences, **more)
            if self.return_state:
                found, *end = found
                ends += [ops.cast(state, self.compute_dtype) for state in tree.flatten(end)]
            outputs.append(ops.cast(found, self.compute_dtype))
        forward, backward = outputs
        if self.return_sequences:
            backward = ops.flip(backward, axis=1)
        merged = self._merged(forward, backward)
        if not self.return_state:
            return merged
        return (*merged, *ends) if self.merge_mode is None else (merged, *ends)

    def _merged(self, forward: Any, backward: Any) -> Any:
        if self.merge_mode == "concat":
            return ops.concatenate([forward, backward], axis=-1)
        if self.merge_mode == "sum":
            return forward + backward
        if self.merge_mode == "ave":
            return (forward + backward) / 2
        if self.merge_mode == "mul":
            return forward * backward
        return forward, backward

    def compute_mask(self, sequences: Any, mask: Any = None) -> Any:
        mask = tree.flatten(mask)[0] if tree.is_nested(mask) else mask
        mask = mask if self.return_sequences else None
        masks = [mask, mask] if self.merge_mode is None else [mask]
        if self.return_state:
            masks += [None] * (2 * len(self.forward_layer.state_size))
        return masks if len(masks) > 1 else mask

    @property
    def states(self) -> Any:
        """The states that ``stateful`` layers ended with, those of the forward one first."""
        if not self.forward_layer.states:
            return None
        return tuple(self.forward_layer.states) + tuple(self.backward_layer.states)

    def reset_state(self) -> None:
        """Begin with zeros again, after ``stateful`` calls."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self) -> None:
        """``reset_state`` under its older name."""
        self.reset_state()


def _again(layer: Layer, prefix: str, **changes: Any) -> Any:
    """A layer like another one, with a prefix to its name and other arguments."""
    name = f"{prefix}_{layer.name.removeprefix(f'{prefix}_')}"
    again: Any = type(layer).from_config({**layer.get_config(), "name": name, **changes})
    if hasattr(layer, "use_cudnn"):
        again.use_cudnn = layer.use_cudnn
    return again


class TimeDistributed(Wrapper):
    """A layer applied to every step of a sequence by itself.

    Args:
        layer: the layer.

    Example:
        >>> import polynet
        >>> layer = polynet.layers.TimeDistributed(polynet.layers.Dense(4))
        >>> layer(polynet.ops.ones((2, 5, 3))).shape
        (2, 5, 4)
    """

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        if not isinstance(input_shape, list | tuple) or len(input_shape) < 3:
            raise errors.ShapeError(
                f"{self._title()}: input: expected at least 3 dimensions, (batch, time, ...); got shape {input_shape}."
            )
        if not self.layer.built:
            self.layer.build((input_shape[0], *input_shape[2:]))

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        batch, time, *rest = inputs.shape
        if mask is not None and tuple(mask.shape)[:2] != (batch, time):
            raise errors.ShapeError(
                f"{self._title()}: mask: expected a shape that begins with {(batch, time)}, as that of the input; "
                f"got {tuple(mask.shape)}."
            )
        signature = self.layer._signature
        more: dict[str, Any] = {"training": training} if signature.training else {}
        masked = mask is not None and "mask" in signature.masks
        if training and self.layer.non_trainable_variables:
            # what a step does in training, to statistics for example, may change the next one
            every = []
            for t in range(time):
                if masked:
                    more["mask"] = mask[:, t]
                every.append(self.layer(inputs[:, t, ...], **more))
            outputs = tree.map_structure(lambda *steps: ops.stack(steps, axis=1), *every)
        else:
            if masked:
                more["mask"] = ops.reshape(mask, (batch * time, *mask.shape[2:]))
            outputs = self.layer(ops.reshape(inputs, (batch * time, *rest)), **more)
            outputs = tree.map_structure(
                lambda y: ops.reshape(y, (batch, time, *tuple(y.shape)[1:])), outputs
            )
        return tree.map_structure(self._in_own_dtype, outputs)

    def _in_own_dtype(self, y: Any) -> Any:
        return ops.cast(y, self.compute_dtype) if dtypes.is_float(dtype_of(y)) else y
