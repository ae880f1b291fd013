"""Functions of JAX and modules of Flax as layers.  JAX and Flax are not imported until a layer is made.

The other direction, a polynet model as a pure function, is in ``native.py``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from polynet import dtypes, tree
from polynet.layers.bridges import Bridge, placeholder
from polynet.random import SeedGenerator
from polynet.random.seed_generator import make_default_seed
from polynet.values import dtype_of


class JaxLayer(Bridge):
    """A function of JAX, with its parameters and its state, as a layer.

    Args:
        call_fn: computes the outputs. Its arguments are, by these names: ``inputs``, one array or a tree of them;
            and of those that it has, ``params``, ``state``, ``rng`` (a key while training, else ``None``) and
            ``training``. With ``state`` it returns ``(outputs, new_state)``.
        init_fn: makes the parameters, or ``(params, state)`` where ``call_fn`` takes a state, of ``rng``, ``inputs``
            (ones in the shape of the inputs, unknown lengths 1) and ``training``.
        params: a tree of the parameters, instead of those of ``init_fn``.
        state: a tree of the state, likewise.
        seed: an integer, from which every ``rng`` follows.
        native_serialization_platforms: of no effect; it is there for programs written for Keras.

    Example:
        A straight line, trained by ``fit``::

            def line(params, inputs):
                return inputs @ params["w"] + params["b"]

            layer = JaxLayer(line, params={"w": jnp.zeros((3, 1)), "b": jnp.zeros(1)})
            model = polynet.Sequential([layer])
    """

    needs: ClassVar[str] = "jax"

    def __init__(
        self,
        call_fn: Callable[..., Any],
        init_fn: Callable[..., Any] | None = None,
        params: Any = None,
        state: Any = None,
        seed: int | None = None,
        native_serialization_platforms: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_functions(call_fn, init_fn, seed)
        if params is None and state is None:
            takes = [name for name in ("params", "state") if name in self._call_takes]
            if takes and init_fn is None:
                raise ValueError(
                    f"{self._title()}: call_fn takes {' and '.join(takes)}; expected init_fn, params or state; got "
                    f"none of them."
                )
        self._given = (params, state)
        if params is not None or state is not None or not {"params", "state"} & self._call_takes:
            self.build(None)

    def _set_functions(
        self, call_fn: Callable[..., Any], init_fn: Callable[..., Any] | None, seed: int | None
    ) -> None:
        allowed = ("params", "state", "rng", "inputs", "training")
        self._call_takes = self._checked(call_fn, "call_fn", allowed)
        self._init_takes = (
            frozenset() if init_fn is None else self._checked(init_fn, "init_fn", allowed[2:])
        )
        self.call_fn, self.init_fn = call_fn, init_fn
        self.seed_generator = SeedGenerator(seed) if "rng" in self._call_takes else None
        self._seed = seed
        self._input_dtypes: Any = None
        self._trees: dict[str, _Tree] = {}

    def _checked(self, function: Any, name: str, allowed: Sequence[str]) -> frozenset[str]:
        """The names of a function's parameters, which must be among those that the layer can give."""
        if not callable(function):
            raise TypeError(
                f"{self._title()}: {name}: expected a function; got {type(function).__name__}."
            )
        found = frozenset(inspect.signature(function).parameters)
        for parameter in sorted(found.difference(allowed)):
            raise ValueError(
                f"{self._title()}: {name}: expected the parameters {', '.join(allowed)}, or some of them; "
                f"got {parameter!r}."
            )
        if "inputs" not in found:
            raise ValueError(
                f"{self._title()}: {name}: expected a parameter 'inputs'; got {', '.join(sorted(found)) or 'none'}."
            )
        return found

    # -------------------------------------------------------------------------------- weights

    @property
    def params(self) -> Any:
        """The parameters' variables, in the structure of the parameters; ``None`` before they exist."""
        return self._trees["params"].variables() if "params" in self._trees else None

    @property
    def state(self) -> Any:
        """The state's variables, in the structure of the state; ``None`` before they exist."""
        return self._trees["state"].variables() if "state" in self._trees else None

    def _build_for(self, tensors: dict[str, Any]) -> None:
        self._input_dtypes = [dtype_of(x) for x in tree.flatten(next(iter(tensors.values())))]
        super()._build_for(tensors)

    def build(self, input_shape: Any) -> None:
        params, state = self._given
        if params is None and state is None and self.init_fn is not None:
            params, state = self._initialized(input_shape)
        if params is not None:
            self._trees["params"] = _Tree(self, params, trainable=True)
        if state is not None:
            self._trees["state"] = _Tree(self, state, trainable=False)

    def _initialized(self, input_shape: Any) -> tuple[Any, Any]:
        kinds = iter(self._input_dtypes or ())
        inputs = tree.map_shape_structure(
            lambda shape: placeholder(shape, next(kinds, "float32")), input_shape
        )
        given = {"rng": self._init_rng(), "inputs": inputs, "training": True}
        assert self.init_fn is not None
        made = self.init_fn(**{name: given[name] for name in given if name in self._init_takes})
        if "state" not in self._call_takes:
            return made, None
        if not isinstance(made, tuple) or len(made) != 2:
            raise ValueError(
                f"{self._title()}: init_fn: expected (params, state), because call_fn takes a state; got "
                f"{type(made).__name__}."
            )
        return made

    def _init_rng(self) -> Any:
        from polynet_jax.native import key_of_seed

        return key_of_seed(make_default_seed() if self._seed is None else self._seed)

    # -------------------------------------------------------------------------------- calling

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        given: dict[str, Any] = {"inputs": inputs, "training": bool(training)}
        for name in ("params", "state"):
            if name in self._call_takes:
                given[name] = self._trees[name].values() if name in self._trees else None
        if self.seed_generator is not None:
            given["rng"] = self._call_rng() if training else None
        made = self.call_fn(**{name: given[name] for name in given if name in self._call_takes})
        if "state" not in self._call_takes:
            return made
        if not isinstance(made, tuple) or len(made) != 2:
            raise ValueError(
                f"{self._title()}: call_fn: expected (outputs, state), because it takes a state; got "
                f"{type(made).__name__}."
            )
        outputs, state = made
        if "state" in self._trees:
            self._trees["state"].assign(state, self._title())
        return outputs

    def _call_rng(self) -> Any:
        from polynet_jax.native import as_key

        assert self.seed_generator is not None
        return as_key(self.seed_generator.next())


class _Tree:
    """A tree of JAX's with a variable for each array in it; other leaves stay as they are."""

    def __init__(self, layer: JaxLayer, values: Any, trainable: bool) -> None:
        import jax

        paths, self._structure = jax.tree_util.tree_flatten_with_path(values)
        self.leaves: list[Any] = []
        self._places: list[int] = []
        for number, (path, leaf) in enumerate(paths):
            if not _is_number(leaf):
                self.leaves.append(leaf)
                continue
            dtype = dtype_of(leaf)
            floating = dtypes.is_float(dtype)
            self._places.append(number)
            self.leaves.append(
                layer.add_weight(
                    np.shape(leaf),
                    initializer=leaf,
                    dtype=None if floating else dtype,
                    trainable=trainable and floating,
                    autocast=trainable,
                    name=_name_of(path),
                )
            )

    def variables(self) -> Any:
        """The tree with its variables."""
        import jax

        # a variable is a tree to JAX, so the leaves go back as they are
        return jax.tree_util.tree_unflatten(self._structure, self.leaves)

    def values(self) -> Any:
        """The tree with the variables' values."""
        import jax

        leaves = list(self.leaves)
        for place in self._places:
            leaves[place] = leaves[place].value
        return jax.tree_util.tree_unflatten(self._structure, leaves)

    def assign(self, values: Any, title: str) -> None:
        """Assign the variables from a tree of the same structure."""
        import jax

        leaves, structure = jax.tree_util.tree_flatten(values)
        if structure != self._structure:
            raise ValueError(
                f"{title}: call_fn: expected a new state of the structure of the old one, {self._structure}; got "
                f"{structure}."
            )
        for place in self._places:
            if leaves[place] is not self.leaves[place].value:
                self.leaves[place].assign(leaves[place])


def _name_of(path: Any) -> str | None:
    """A name for the leaf at a path, without what says nothing."""
    parts = [_part(key) for key in path]
    if parts[-1:] == ["value"] and len(parts) > 1:  # where flax.nnx keeps a variable's array
        parts.pop()
    return ".".join(part for part in parts if part != "params") or None


def _part(key: Any) -> str:
    """One step of a path in a tree, as text for a name."""
    for name in ("key", "name", "idx"):
        if hasattr(key, name):
            return str(getattr(key, name)).replace("/", "_")
    return str(key).strip(".[]'").replace("/", "_")


def _is_number(leaf: Any) -> bool:
    """Is it a tensor or number, and not, say, a random key?"""
    import jax

    if isinstance(leaf, jax.Array):
        return not jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return isinstance(leaf, np.ndarray | np.generic | bool | int | float)


class FlaxLayer(JaxLayer):
    """A module of Flax, of ``flax.linen`` or ``flax.nnx``, as a layer.

    The collection ``params`` (of ``nnx``: every ``Param``) trains; every other collection is state, which calls
    update. A module whose call has a parameter ``training`` is given it; one of ``nnx`` is also switched by ``train()``
    and ``eval()``. While training, random numbers follow from the layer's seed, under the name ``dropout``.

    Args:
        module: the module.
        method: what to call instead of ``__call__``: the name of a method, a method, or a function of the module.
        variables: what ``module.init`` returns, instead of doing that at the first call. Not for ``nnx``, whose modules
            hold their variables.

    Example:
        A module of Flax, trained by ``fit``::

            model = polynet.Sequential([FlaxLayer(flax.linen.Dense(1))])
            model.compile("sgd", "mse")
            model.fit(x, y)
    """

    def __init__(
        self,
        module: Any,
        method: Any = None,
        variables: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        seed = kwargs.pop("seed", None)
        Bridge.__init__(self, **kwargs)
        from polynet_jax.native import LinenFunctions, NnxFunctions, is_nnx

        self.module, self.method = module, method
        if is_nnx(module):
            if variables is not None:
                raise ValueError(
                    f"{self._title()}: variables: expected None, because a module of flax.nnx holds its own."
                )
            functions: Any = NnxFunctions(module, method)
            self._given = functions.given
        else:
            functions = LinenFunctions(module, method, self._title())
            self._given = (None, None) if variables is None else functions.split(variables)
        self._set_functions(functions.call, functions.init, seed)
        if "training" not in functions.takes and not is_nnx(module):
            self._call_takes -= {"training"}
            self._init_takes -= {"training"}
        if self._given[0] is not None:
            self.build(None)

    def get_config(self) -> dict[str, Any]:
        return {key: value for key, value in super().get_config().items() if key != "seed"} | {
            "seed": self._seed
        }
