"""What the bridges of ``bridges.py`` do with JAX and Flax, and a polynet model as a pure function of JAX."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from polynet import config, errors, use_backend
from polynet.layers.bridges import Substitution, expect_built, nested, unnested, weight_names
from polynet.variable import Variable, observing

# ------------------------------------------------------------------------------------------ keys


def key_of_seed(seed: int) -> jax.Array:
    """JAX's key of a seed of 32 bits."""
    return jnp.array([0, seed], jnp.uint32)


def as_key(words: jax.Array) -> jax.Array:
    """JAX's key with the bits of polynet's."""
    return jax.lax.bitcast_convert_type(words, jnp.uint32)


# ------------------------------------------------------------------------------------------ modules of Flax


def is_nnx(module: Any) -> bool:
    """Is it a module of ``flax.nnx``?"""
    import sys

    page = sys.modules.get("flax.nnx")
    return page is not None and isinstance(module, page.Module)


class LinenFunctions:
    """A module of ``flax.linen`` as the functions that ``JaxLayer`` takes."""

    def __init__(self, module: Any, method: Any, title: str) -> None:
        from flax import linen

        if not isinstance(module, linen.Module):
            raise TypeError(
                f"{title}: module: expected a module of flax.linen or flax.nnx; got {type(module).__name__}."
            )
        self.module, self.method = module, method
        function = getattr(type(module), method) if isinstance(method, str) else method
        self.takes = frozenset(inspect.signature(function or module.__call__).parameters)

    def call(self, params: Any, state: Any, rng: Any, inputs: Any, training: bool = False) -> Any:
        """The outputs, and the collections that are state."""
        return self.module.apply(
            {**(params or {}), **(state or {})},
            inputs,
            rngs={} if rng is None else {"dropout": rng},
            method=self.method,
            mutable=list(state or {}),
            **self._training(training),
        )

    def init(self, rng: Any, inputs: Any, training: bool = False) -> Any:
        """The collection that trains, and the others."""
        first, second = jax.random.split(rng)
        rngs = {"params": first, "dropout": second}
        return self.split(
            self.module.init(rngs, inputs, method=self.method, **self._training(training))
        )

    def split(self, variables: Mapping[str, Any]) -> tuple[Any, Any]:
        """What trains, and what is state."""
        params = {name: part for name, part in variables.items() if name == "params"}
        return params, {name: part for name, part in variables.items() if name != "params"}

    def _training(self, training: bool) -> dict[str, bool]:
        return {"training": training} if "training" in self.takes else {}


class NnxFunctions:
    """A module of ``flax.nnx`` as the functions that ``JaxLayer`` takes; the module itself stays as it is."""

    init = None

    def __init__(self, module: Any, method: Any) -> None:
        from flax import nnx

        self.graph, params, self.keys, state = nnx.split(module, nnx.Param, nnx.RngState, ...)
        self.given = (params, state)
        self.method = getattr(type(module), method) if isinstance(method, str) else method
        function = self.method or type(module).__call__
        self.method = getattr(function, "__func__", function)
        self.takes = frozenset(inspect.signature(self.method).parameters)

    def call(self, params: Any, state: Any, rng: Any, inputs: Any, training: bool = False) -> Any:
        """The outputs, and what the call made of the state."""
        from flax import nnx

        module = nnx.merge(self.graph, params, self._fresh(rng), state)
        module.train() if training else module.eval()
        more = {"training": training} if "training" in self.takes else {}
        outputs = self.method(module, inputs, **more)
        return outputs, nnx.split(module, nnx.Param, nnx.RngState, ...)[3]

    def _fresh(self, rng: Any) -> Any:
        """The module's random keys, each drawn anew from ``rng``."""
        if rng is None:
            return self.keys
        leaves, structure = jax.tree_util.tree_flatten(self.keys)
        for number, leaf in enumerate(leaves):
            if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
                leaves[number] = jax.random.wrap_key_data(jax.random.fold_in(rng, number))
        return jax.tree_util.tree_unflatten(structure, leaves)


# ------------------------------------------------------------------------------------------ a model as a function


class NativeApply:
    """A polynet model as a pure function: ``apply(params, *inputs, training=False, state=None)``.

    ``params`` are the trainable weights as nested dicts of arrays, ``state`` the other variables (moving averages,
    seeds). Without ``state`` the outputs are returned, for the state that the model has; with it
    ``(outputs, new_state)``. The model itself does not change: ``assign`` puts trained values into it.
    """

    def __init__(self, layer: Any) -> None:
        expect_built(layer)
        self._layer = layer
        self._trainable: list[Variable] = layer.trainable_variables
        self._others: list[Variable] = layer.non_trainable_variables
        names = weight_names(layer, [*self._trainable, *self._others])
        self._names = names[: len(self._trainable)]
        self._names_of_others = names[len(self._trainable) :]

    def params(self) -> dict[str, Any]:
        """The trainable weights as the model has them."""
        return nested(self._names, [variable.value for variable in self._trainable])

    def state(self) -> dict[str, Any]:
        """The other variables as the model has them."""
        return nested(self._names_of_others, [variable.value for variable in self._others])

    def assign(self, params: Any, state: Any = None) -> None:
        """Put these values into the model."""
        pairs = self._pairs(params, state)
        for variable, value in pairs:
            variable.assign(value)

    def __call__(
        self, params: Any, *args: Any, state: Any = None, training: bool = False, **kwargs: Any
    ) -> Any:
        with contextlib.ExitStack() as stack:
            if config.backend() != "jax":
                stack.enter_context(use_backend("jax"))
            given = stack.enter_context(observing(Substitution(self._pairs(params, state))))
            outputs = self._layer(*args, training=training, **kwargs)
        if state is not None:
            new = [
                given.assigned.get(id(variable), (variable, value))[1]
                for variable, value in self._pairs(params, state)[len(self._trainable) :]
            ]
            return outputs, nested(self._names_of_others, new)
        changed = [variable.path for variable, _ in given.assigned.values()]
        if changed and training:
            raise ValueError(
                f"{self._layer._title()}: apply: state: with training=True the call changes {changed[0]!r}; got None. "
                f"Pass the state, at first apply.state(), and take the new one: "
                f"outputs, state = apply(params, x, training=True, state=state)."
            )
        return outputs

    def _pairs(self, params: Any, state: Any) -> list[tuple[Variable, Any]]:
        """Each variable with its value in ``params`` or ``state``."""
        pairs = list(zip(self._trainable, unnested(self._names, params, "params"), strict=True))
        if state is not None:
            values = unnested(self._names_of_others, state, "state")
            pairs += zip(self._others, values, strict=True)
        for variable, value in pairs:
            if jnp.shape(value) != variable.shape:
                raise errors.ShapeError(
                    f"apply: weight {variable.path!r} has shape {variable.shape}; got a value of shape "
                    f"{jnp.shape(value)}."
                )
        return pairs

    def __repr__(self) -> str:
        return f"<{self._layer._title()} as a function of JAX>"
