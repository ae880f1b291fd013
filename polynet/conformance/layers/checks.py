"""The checks that every row about a layer goes through.  What a row is: ``row.py``; rows: the files of families."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from polynet.backend import Backend
from polynet.conformance import stored
from polynet.conformance.layers.row import Row, summary, weight_values
from polynet.conformance.stored import host, near
from polynet.conformance.suite import NotApplicable
from polynet.conformance.trial import has_dtype

POLICIES = ("float32", "mixed_float16", "mixed_bfloat16")


class Trial:
    """A row about a layer on a backend, and what its checks share."""

    def __init__(self, row: Row, backend: Backend, expected: dict[str, Any] | None) -> None:
        self.row = row
        self.backend = backend
        self._expected = expected

    @property
    def expected(self) -> dict[str, Any]:
        """What the reference gave."""
        if self._expected is None:
            raise AssertionError(
                "no stored result of this row. `tests/oracle/write_golden.py layers` writes it."
            )
        return self._expected

    # ------------------------------------------------------------------------ layers and calls

    def make(self, **kwargs: Any) -> Any:
        """A new layer."""
        import polynet

        return self.row.make(polynet, **kwargs)

    def tensors(self, dtype: str = "float32") -> list[Any]:
        """New tensors for the inputs, with their masks."""
        from polynet import ops

        return self.masked([ops.convert_to_tensor(array) for array in self.row.arrays(dtype)])

    def masked(self, tensors: list[Any]) -> list[Any]:
        """The tensors, with the masks of the row."""
        from polynet import masking, ops

        for tensor, mask in zip(tensors, self.row.masks or (), strict=False):
            if mask is not None:
                masking.set_mask(tensor, ops.convert_to_tensor(mask))
        return tensors

    def call(self, layer: Any, tensors: Sequence[Any]) -> list[Any]:
        """The leaves of what the layer makes of tensors."""
        from polynet import tree

        args, kwargs = self.row.arguments(list(tensors))
        return list(tree.flatten(layer(*args, **kwargs)))

    def ready(self, layer: Any, tensors: Sequence[Any]) -> Any:
        """The layer, built and with the row's weights."""
        args, kwargs = self.row.arguments(list(tensors))
        if not layer.built or not layer.weights:
            quiet = {"training": False} if "training" in kwargs else {}
            layer(*args, **{**kwargs, **quiet})
        layer.set_weights(weight_values(layer))
        return layer

    @functools.cached_property
    def layer(self) -> Any:
        """The layer that ``outputs`` come from."""
        return self.ready(self.make(), self.tensors())

    @functools.cached_property
    def outputs(self) -> list[np.ndarray]:
        """What the layer gives, on the host; once, for it may remember."""
        from polynet import masking

        layer, tensors = self.layer, self.tensors()
        leaves = self.call(layer, tensors)
        self.given = [host(tensor) for tensor in tensors]
        mask = masking.get_mask(leaves[0])
        self.mask = None if mask is None else host(mask)
        self.after = [host(weight.value) for weight in layer.weights if not weight.trainable]
        return [host(leaf) for leaf in leaves]

    # ------------------------------------------------------------------------ a program

    def snippet(self) -> str:
        """A program that makes the row's call, to paste into an interpreter."""
        row = self.row

        def described(made: Any) -> str:
            if isinstance(made, list):
                return "[" + ", ".join(map(described, made)) + "]"
            return f"layers.{made[0]}({stored.keywords(made[1])})"

        inner = [f"{name}={described(made)}" for name, made in row.within.items()]
        arguments = ", ".join([*filter(None, [stored.keywords(row.kwargs)]), *inner])
        lines = [
            "from polynet import layers, masking, ops",
            "from polynet.conformance.layers.row import weight_values",
            "",
            f"layer = layers.{row.layer}({arguments})",
        ]
        names = [f"x{i}" for i in range(len(row.shapes()))]
        for name, array in zip(names, row.arrays(), strict=True):
            values = stored.literal(array.round(6)) if array.size <= 64 else None
            if values is None:
                number = names.index(name)
                values = (
                    f"(np.arange({array.size}) * 7 % {row.integers}).astype('int32')"
                    if row.integers
                    else f"(1.5 * np.sin((np.arange({array.size}) + 1) * {1.3 + 0.37 * number})"
                    f" + {0.2 * number}).astype('float32')"
                ) + f".reshape({array.shape})"
            lines.append(f"{name} = ops.convert_to_tensor({values})")
        for name, mask in zip(names, row.masks or (), strict=False):
            if mask is not None:
                lines.append(
                    f"masking.set_mask({name}, ops.convert_to_tensor({stored.literal(mask)}))"
                )
        given = ", ".join(names)
        if isinstance(row.inputs, dict):
            given = ", ".join(f"{k}={name}" for k, name in zip(row.inputs, names, strict=True))
        elif isinstance(row.inputs, list):
            given = f"[{given}]"
        more = "".join(f", {part}" for part in [stored.keywords(row.call)] if part)
        lines += [f"layer({given}{more})", "layer.set_weights(weight_values(layer))"]
        return stored.program(self.backend, *lines, f"print(layer({given}{more}))")


# ------------------------------------------------------------------------------------ the checks


def check_values(trial: Trial) -> None:
    """Shapes of weights, and shapes and values of outputs, beside those of the reference."""
    if trial.row.draws:
        raise NotApplicable("draws random numbers")
    wanted = trial.expected
    outputs = trial.outputs
    stored.equal(
        [list(weight.shape) for weight in trial.layer.weights], wanted["weights"], "the weights"
    )
    stored.equal([list(leaf.shape) for leaf in outputs], wanted["shapes"], "the outputs' shapes")
    for number, (leaf, numbers) in enumerate(zip(outputs, wanted["values"], strict=True)):
        what = f"output {number}, a projection of it and some of its values"
        near(summary(leaf), numbers, what, 2e-5, 2e-5 * max(1.0, leaf.size**0.5))


def check_masks(trial: Trial) -> None:
    """The mask that the first output carries, beside that of the reference."""
    _ = trial.outputs
    wanted = trial.expected["mask"]
    if wanted is None and trial.mask is None and trial.row.masks is None:
        raise NotApplicable("no masks")
    found = None if trial.mask is None else trial.mask.astype(int).tolist()
    stored.equal(found, wanted, "the mask of the output")


def check_state(trial: Trial) -> None:
    """What the call has changed, beside the reference."""
    _ = trial.outputs
    if trial.row.draws or not trial.expected["after"]:
        raise NotApplicable("the layer remembers nothing")
    for number, (value, wanted) in enumerate(
        zip(trial.after, trial.expected["after"], strict=True)
    ):
        near(summary(value), wanted, f"state {number}", 2e-5, 2e-5)


def check_draws(trial: Trial) -> None:
    """Two calls that draw, beside what the bits of ``polynet.random`` give; without training nothing is drawn."""
    row = trial.row
    if not row.draws:
        raise NotApplicable("draws nothing")
    calls = [trial.outputs, [host(leaf) for leaf in trial.call(trial.layer, trial.tensors())]]
    for number, (leaves, wanted) in enumerate(zip(calls, trial.expected["draws"], strict=True)):
        for leaf, numbers in zip(leaves, wanted, strict=True):
            near(summary(leaf), numbers, f"call {number}", 2e-5, 2e-5 * max(1.0, leaf.size**0.5))
    if all(np.array_equal(one, other) for one, other in zip(*calls, strict=True)):
        raise AssertionError("the second call draws what the first drew.")
    states = [host(variable.value) for variable in trial.layer.variables]
    args, kwargs = row.arguments(trial.tensors())
    one, other = (
        host(_first(trial.layer(*args, **{**kwargs, "training": False}))) for _ in range(2)
    )
    near(one, other, "a second call without training", 1e-6, 1e-6)
    for variable, state in zip(trial.layer.variables, states, strict=True):
        stored.equal(host(variable.value), state, f"{variable.path} after a call without training")


def _first(outputs: Any) -> Any:
    from polynet import tree

    return tree.flatten(outputs)[0]


def check_untouched(trial: Trial) -> None:
    """The call leaves its inputs as they are."""
    _ = trial.outputs
    dtype = "int32" if trial.row.integers else "float32"
    for number, (found, was) in enumerate(zip(trial.given, trial.row.arrays(dtype), strict=True)):
        near(found, was, f"input {number} after the call", 0, 0)


def check_config(trial: Trial) -> None:
    """A layer made of another one's description, as JSON, has the same description and does the same."""
    from polynet import layers

    if trial.row.draws:
        raise NotApplicable("draws random numbers")
    _ = trial.outputs
    described = json.loads(json.dumps(layers.serialize(trial.layer)))
    again = layers.deserialize(described)
    stored.equal(type(again), type(trial.layer), "the class of what the description makes")
    config = trial.layer.get_config()
    copy = type(trial.layer).from_config(config)
    stored.equal(copy.get_config(), config, "the description of what the description makes")
    trial.ready(again, trial.tensors())
    for number, (one, other) in enumerate(
        zip(trial.call(again, trial.tensors()), trial.outputs, strict=True)
    ):
        near(host(one), other, f"output {number} of what the description makes", 0, 0)


def check_symbolic(trial: Trial) -> None:
    """Shapes and dtypes on symbolic inputs with open lengths, under the three policies."""
    import polynet

    row = trial.row
    if row.fixed_batch or row.draws:
        raise NotApplicable("drawn" if row.draws else "the states fit one batch alone")
    dtype = "int32" if row.integers else "float32"
    for policy in POLICIES:
        if not has_dtype(trial.backend, policy.removeprefix("mixed_")):
            continue  # NumPy without ml_dtypes; a library that has no float16
        symbols = [polynet.Input(batch_shape=shape, dtype=dtype) for shape in row.symbolic_shapes()]
        outputs = trial.call(trial.make(dtype=policy), symbols)
        shapes = [list(output.shape) for output in outputs]
        stored.equal(shapes, trial.expected["symbolic"], f"shapes under {policy}")
        dtypes = [output.dtype for output in outputs]
        stored.equal(dtypes, trial.expected["dtypes"][policy], f"dtypes under {policy}")


def check_half(trial: Trial) -> None:
    """Computed in half precision, the outputs have the dtype that was inferred, and are near."""
    from polynet import backend

    if "float16" not in trial.backend.dtypes:
        raise NotApplicable(f"no float16: {trial.backend.explain_dtype('float16')}")
    if trial.row.draws:
        raise NotApplicable("draws random numbers")
    layer = trial.ready(trial.make(dtype="mixed_float16"), trial.tensors())
    outputs = trial.call(layer, trial.tensors())
    found = [backend.standardize_dtype(output.dtype) for output in outputs]
    if not trial.row.fixed_batch:
        stored.equal(found, trial.expected["dtypes"]["mixed_float16"], "the outputs' dtypes")
    for number, (output, value) in enumerate(zip(outputs, trial.outputs, strict=True)):
        scale = max(1.0, float(np.abs(value).max(initial=0)))
        near(host(output).astype("float32"), value, f"output {number}", 0.02, 0.02 * scale)


def check_compiled(trial: Trial) -> None:
    """The layer in a compiled function gives what it gives outside."""
    import polynet

    stored.needs_compiler(trial.backend)
    if trial.row.masks is not None or trial.row.draws:
        raise NotApplicable("masks and seeds are arguments that a compiled function does not take")
    _ = trial.outputs
    layer = trial.ready(trial.make(), trial.tensors())
    outputs = polynet.jit(lambda *tensors: trial.call(layer, tensors))(*trial.tensors())
    for number, (one, other) in enumerate(zip(outputs, trial.outputs, strict=True)):
        near(host(one), other, f"output {number}, compiled", 1e-5, 1e-5)
    after = [host(weight.value) for weight in layer.weights if not weight.trainable]
    for number, (one, other) in enumerate(zip(after, trial.after, strict=True)):
        near(one, other, f"state {number}, compiled", 1e-5, 1e-5)


def check_gradients(trial: Trial) -> None:
    """Derivatives by inputs and trainable weights, beside finite differences along one direction, in float64."""
    import polynet
    from polynet import ops

    row = trial.row
    if not row.gradient or row.draws:
        raise NotApplicable("no derivative, or none that finite differences find")
    stored.needs_double(trial.backend)
    hosts = row.arrays("float64")
    layer = trial.ready(trial.make(dtype="float64"), trial.tensors("float64"))
    weights = layer.trainable_weights
    inputs = [] if row.integers else [polynet.Variable(array) for array in hosts]
    variables = [*weights, *inputs]
    if not variables:
        raise NotApplicable("no weights, and integers as inputs")
    start = [host(variable.value) for variable in variables]
    states = layer.get_weights()

    def loss() -> Any:
        tensors = [v.value for v in inputs] or [ops.convert_to_tensor(x) for x in hosts]
        total = ops.convert_to_tensor(np.float64(0))
        for output in trial.call(layer, trial.masked(tensors)):
            factors = np.cos(np.arange(int(np.prod(output.shape))) * 0.7).reshape(output.shape)
            total = total + ops.sum(output * ops.convert_to_tensor(factors))
        return total

    # compiled, where that is what the backend does: once for the three calls
    both = polynet.jit(polynet.value_and_grad(loss, variables=variables))
    _, gradients = both()
    for number, (variable, gradient) in enumerate(zip(variables, gradients, strict=True)):
        is_weight = number < len(weights)
        if gradient is None or (is_weight and not np.abs(host(gradient)).max() > 0):
            raise AssertionError(f"no gradient reaches {variable.path}.")
    directions = [np.sin(np.arange(v.size) * 2.3 + 1).reshape(v.shape) for v in start]
    found = sum(float((host(g) * d).sum()) for g, d in zip(gradients, directions, strict=True))
    values = []
    step = 1e-6
    for sign in (1, -1):
        layer.set_weights(states)
        for variable, value, direction in zip(variables, start, directions, strict=True):
            variable.assign(value + sign * step * direction)
        values.append(float(both()[0]))
    wanted = (values[0] - values[1]) / (2 * step)
    near(found, wanted, "the derivative along a direction", 1e-5, 1e-6)


def check_names(trial: Trial) -> None:
    """Other names of the class are the class; the function of a layer that merges does what the layer does."""
    from polynet import layers

    row = trial.row
    function = getattr(layers, row.layer.lower(), None)
    if not callable(function) or isinstance(function, type) or row.masks is not None:
        raise NotApplicable("no function of the layer's name")
    found = function(trial.tensors(), **row.kwargs)
    near(host(found), trial.outputs[0], f"layers.{row.layer.lower()}", 0, 0)


CHECKS = {
    "values": check_values,
    "masks": check_masks,
    "state": check_state,
    "draws": check_draws,
    "untouched": check_untouched,
    "config": check_config,
    "names": check_names,
    "symbolic": check_symbolic,
    "gradients": check_gradients,
    "compiled": check_compiled,
    "half": check_half,
}
