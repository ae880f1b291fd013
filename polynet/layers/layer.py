"""``Layer``: weights and a computation, and everything that surrounds a call.

A leaf writes ``__init__``, ``build`` and ``call``.  Here is what all of them share: building from the first input's
shape, casting to the policy's dtypes, passing ``training`` and masks down, keeping track of weights and of layers
within layers, regularizers, names, descriptions.  No computation of any particular layer belongs in this file, and no
training (``training/``).
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Self

from polynet import configurable, dtype_policies, dtypes, errors, masking, plugins, tree
from polynet.backend import get_uid
from polynet.configurable import snake_case
from polynet.layers.calls import autocast, building, calls
from polynet.layers.input_spec import check
from polynet.layers.within import Within
from polynet.op import OPS, from_host
from polynet.ops.core import convert_to_tensor
from polynet.plugins import state
from polynet.spec import abstract, concrete, is_abstract, is_stand_in
from polynet.symbolic import (
    KerasTensor,
    Node,
    infer_by_running,
    infer_symbolic,
    record_call,
    symbolic_leaves,
)
from polynet.tensor import Held, Traced
from polynet.values import as_value, dtype_of, kind_of
from polynet.variable import (
    StatelessScope,
    Variable,
    _name_scopes,
    start_observing,
    stop_observing,
)


class _Signature:
    """What is known of a class's ``call`` and ``build``."""

    def __init__(self, cls: type[Layer]) -> None:
        parameters = list(inspect.signature(cls.call).parameters.values())[1:]
        self.names = [
            parameter.name
            for parameter in parameters
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ]
        named = [
            parameter.name
            for parameter in parameters
            if parameter.kind is not parameter.VAR_KEYWORD
        ]
        self.anything = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
        self.training = "training" in named
        self.training_place = self.names.index("training") if "training" in self.names else -1
        self.masks = [name for name in named if name == "mask" or name.endswith("_mask")]
        self.makes_mask = cls.compute_mask is not Layer.compute_mask
        self.build_names = [
            parameter.name
            for parameter in list(inspect.signature(cls.build).parameters.values())[1:]
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ]
        self.builds = cls.build is not Layer.build


class Layer(Within):
    """Weights and a computation; the base of every layer and model.

    Args:
        activity_regularizer: a function of the outputs whose result is added to the losses.
        trainable: are the weights to be trained?
        dtype: a dtype or policy: in what to compute, and in what to keep the weights.
        autocast: cast floating inputs and weights to the compute dtype?
        name: by default the class's name in snake case, numbered.

    Example:
        >>> import polynet
        >>> class Scale(polynet.Layer):
        ...     def build(self, input_shape):
        ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones")
        ...     def call(self, x):
        ...         return x * self.factor
        >>> layer = Scale()
        >>> layer(polynet.ops.ones((2, 3))).shape, layer.count_params()
        ((2, 3), 3)
    """

    _signature: _Signature
    _own: list[Variable]
    _nodes: list[Node]
    input_spec: Any
    _convert_inputs: bool = True
    """Are arrays among the arguments made tensors and cast? Layers that take strings say no."""

    _accepted: Any = frozenset()
    """Class, dtype and shape of the single arguments that need no checking and no casting any more."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = _building_once(cls.build)  # type: ignore[method-assign]
        cls._signature = _Signature(cls)

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        layer = object.__new__(cls)
        layer.__dict__["_own"] = []
        layer.__dict__["_nodes"] = []
        return layer

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        input_shape = kwargs.pop("input_shape", None)
        if input_shape is None and "input_dim" in kwargs:
            input_shape = (kwargs.pop("input_dim"),)
        if kwargs:
            accepted = list(configurable.constructed_with(self))
            raise TypeError(
                f"{type(self).__name__}: unknown arguments {sorted(kwargs)}."
                f"{errors.closest(min(kwargs), {*accepted, 'name', 'dtype', 'trainable'} - {*kwargs})}"
            )
        if name is not None and (not isinstance(name, str) or not name or "/" in name):
            raise ValueError(f"name: expected a string without '/'; got {name!r}.")
        self.name = name or _automatic_name(type(self))
        self.built = False
        self.autocast = autocast
        self.input_spec = None
        self.activity_regularizer = activity_regularizer
        if activity_regularizer is not None:
            from polynet import regularizers

            self.activity_regularizer = regularizers.get(activity_regularizer)
        self._trainable = bool(trainable)
        self._path: str | None = None
        self._input_shape = None if input_shape is None else tuple(input_shape)
        self.supports_masking = not self._signature.makes_mask
        self.dtype_policy = dtype_policies.get(dtype)

    # -------------------------------------------------------------------------------- dtypes

    @property
    def dtype_policy(self) -> dtype_policies.DTypePolicy:
        """In what the layer computes, and in what it keeps its weights."""
        policy = self._policy
        if isinstance(policy, dtype_policies.DTypePolicyMap) and self._path:
            return policy[self._path]
        return policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        self._policy = dtype_policies.get(value)
        self._compute_dtype = self._policy.compute_dtype
        self._casts = self.autocast and self._compute_dtype != self._policy.variable_dtype
        self._accepted = set()

    @property
    def dtype(self) -> str:
        """The dtype of the weights."""
        return self.variable_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights."""
        return self.dtype_policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype of the computation."""
        return self.dtype_policy.compute_dtype

    @property
    def input_dtype(self) -> str:
        """The dtype to which floating inputs are cast."""
        return self.dtype_policy.compute_dtype

    @property
    def path(self) -> str | None:
        """The names of the layers around this one and its own, joined by ``/``; known once it is built."""
        return self._path

    # -------------------------------------------------------------------------------- to be written

    def build(self, input_shape: Any) -> None:
        """Create the weights, for inputs of this shape; called once, before the first ``call``."""
        self._build_by_calling(input_shape)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs."""
        raise NotImplementedError(
            f"{type(self).__name__} has no call method. Write call(self, inputs) in that class."
        )

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the outputs; by default that of the inputs."""
        return previous_mask

    # -------------------------------------------------------------------------------- calling

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if (
            len(args) == 1
            and not masking._masks
            and (not kwargs or kwargs.keys() == _ONLY_TRAINING)
        ):
            x = args[0]
            kind = x.__class__, getattr(x, "dtype", None), getattr(x, "shape", None)
            if kind in self._accepted:
                return self._run(args, kwargs, args, None)
        if "name" not in self.__dict__:
            raise self._not_initialized()
        return self._call_checking(args, kwargs)

    def _call_checking(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Everything that surrounds ``call`` the first time that an input of this kind is met."""
        simple = len(args) == 1 and not kwargs.keys() - _ONLY_TRAINING
        if self._convert_inputs:
            args = tuple(self._converted(arg) for arg in args)
            kwargs = {
                key: value if key == "training" else self._converted(value)
                for key, value in kwargs.items()
            }
        tensors = self._tensor_arguments(args, kwargs)
        if args and not tensors and self._convert_inputs and (not self.built or self.input_spec):
            raise errors.DTypeError(
                f"{self._title()}: input: expected a tensor or numbers; got {type(args[0]).__name__}."
            )
        if not self.built:
            self._build_for(tensors)
        if self.input_spec is not None and tensors:
            check(self.input_spec, next(iter(tensors.values())), self._title())
        if symbolic_leaves((args, kwargs)):
            return self._call_symbolically(args, kwargs)
        kwargs, given = self._with_masks(tensors, args, kwargs)
        first = tuple(tensors.values())[:1] or args[:1]
        result = self._run(args, kwargs, first, given)
        self.__dict__["_output_shapes"] = [_shape_for_build(leaf) for leaf in tree.flatten(result)]
        if simple and len(self._accepted) < 64:
            self._accept(args[0])
        return result

    def _accept(self, x: Any) -> None:
        kinds: Any = (*plugins.current().tensor_types, Held)  # a value that a tape watches, too
        if isinstance(x, kinds):
            self._accepted.add((x.__class__, x.dtype, x.shape))

    def _run(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], first: tuple[Any, ...], given_mask: Any
    ) -> Any:
        """``call``, with ``training`` passed down, variables cast, and the outputs' losses and masks."""
        signature = self._signature
        outer_training, outer_dtype = calls.training, calls.compute_dtype
        training = outer_training
        if kwargs and "training" in kwargs:
            if kwargs["training"] is not None:
                training = kwargs["training"]
            if not signature.training and not signature.anything:
                kwargs = {key: value for key, value in kwargs.items() if key != "training"}
        elif 0 <= signature.training_place < len(args):
            training = args[signature.training_place]
        if signature.training and training is not None and "training" not in kwargs:
            if not 0 <= signature.training_place < len(args):
                kwargs = {**kwargs, "training": training}
        elif signature.training and kwargs.get("training") is None and training is not None:
            kwargs = {**kwargs, "training": training}
        observe = self._casts and outer_dtype is None
        if calls.depth == 0 and calls.losses:
            self._clear_losses()
        calls.depth += 1
        calls.training = training
        if self._casts or outer_dtype is not None:
            calls.compute_dtype = self._compute_dtype
        calls.layers.append(self)
        if observe:
            start_observing(autocast)
        try:
            outputs = self.call(*args, **kwargs)
        except errors.PolynetError as error:
            raise self._named(error) from error.__cause__
        finally:
            if observe:
                stop_observing(autocast)
            calls.layers.pop()
            calls.compute_dtype = outer_dtype
            calls.training = outer_training
            calls.depth -= 1
        if self.activity_regularizer is not None:
            for output in tree.flatten(outputs):
                self.add_loss(self.activity_regularizer(output))
        if signature.makes_mask or (given_mask is not None and self.supports_masking):
            self._mask_outputs(first[0] if first else None, outputs, given_mask)
        return outputs

    def _call_symbolically(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        outputs = self._inferred(args, kwargs)
        record_call(self, args, kwargs, outputs, self.name)
        found = symbolic_leaves(outputs)
        if found and found[0].node is not None:
            self._nodes.append(found[0].node)
        return outputs

    def _converted(self, value: Any) -> Any:
        """An argument with its arrays as tensors, floating ones in the compute dtype."""
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, list | tuple | dict):
            leaves = tree.flatten(value)
            if isinstance(value, list) and leaves and all(type(n) in (int, float) for n in leaves):
                return self._converted_leaf(convert_to_tensor(value))
            return tree.map_structure(self._converted_leaf, value)
        return self._converted_leaf(value)

    def _converted_leaf(self, x: Any) -> Any:
        backend = plugins.current()
        if isinstance(x, Traced):
            kind = dtype_of(x)
        elif isinstance(x, backend.tensor_types):
            kind = backend.dtype_of(x)
        elif hasattr(x, "__array__") or hasattr(x, "__dlpack__"):
            x = as_value(self._title(), x, backend)
            kind = str(kind_of(x))
            floating = self.autocast and dtypes.is_float(kind)
            return from_host(x, backend, self._compute_dtype if floating else None)
        else:
            return x
        if self.autocast and kind != self._compute_dtype and dtypes.is_float(kind):
            y = OPS["cast"].call(x, self._compute_dtype)
            if masking._masks:
                masking.set_mask(y, masking.get_mask(x))
            return y
        return x

    def _tensor_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments that hold tensors, by their names in ``call``; masks are not among them."""
        signature = self._signature
        named = dict(zip(signature.names, args, strict=False))
        if len(args) > len(signature.names):
            named.update({f"*{i}": arg for i, arg in enumerate(args[len(signature.names) :])})
        named.update(kwargs)
        return {
            name: value
            for name, value in named.items()
            if name not in signature.masks
            and name != "training"
            and any(
                hasattr(leaf, "shape") and hasattr(leaf, "dtype") for leaf in tree.flatten(value)
            )
        }

    def _with_masks(
        self, tensors: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[dict[str, Any], Any]:
        """The arguments with the masks of the tensors among them, and that of the first."""
        signature = self._signature
        mask = kwargs.get("mask")
        if mask is None and "mask" in signature.names:
            place = signature.names.index("mask")
            mask = args[place] if place < len(args) else None
        if not masking.any_masks() or not tensors:
            return kwargs, mask
        masks = {name: _masks_of(value) for name, value in tensors.items()}
        if mask is None:
            mask = next(iter(masks.values()))
        taken = {*signature.names[: len(args)], *kwargs}
        for name, found in masks.items():
            parameter = "mask" if len(masks) == 1 else f"{name}_mask"
            if found is None or parameter not in signature.masks:
                continue
            if parameter not in taken or kwargs.get(parameter, 0) is None:
                kwargs = {**kwargs, parameter: found}
        return kwargs, mask

    def _mask_outputs(self, inputs: Any, outputs: Any, previous: Any) -> None:
        masks = self.compute_mask(inputs, previous)
        if masks is None:
            return
        flat = tree.flatten(outputs)
        flat_masks = tree.flatten(masks)
        if len(flat) > 1 and len(flat_masks) == 1 and not self._signature.makes_mask:
            return
        for output, mask in zip(flat, flat_masks, strict=False):
            if (
                mask is not None
                and getattr(output, "shape", None)
                and masking.get_mask(output) is None
            ):
                masking.set_mask(output, mask)

    # -------------------------------------------------------------------------------- building

    def _build_for(self, tensors: dict[str, Any]) -> None:
        """Build from the arguments of the first call."""
        signature = self._signature
        self.__dict__["_built_for"] = {"call": tree.map_structure(_described_symbol, tensors)}
        if not signature.builds:
            # what is within builds itself when it is called
            self._begin_path()
            self.built = True
            return
        shapes = {
            name: tree.map_structure(_shape_for_build, value) for name, value in tensors.items()
        }
        names = signature.build_names
        by_name = {
            name: shapes[name.removesuffix("_shape")]
            for name in names
            if name.removesuffix("_shape") in shapes
        }
        if len(names) > 1 and by_name:
            self.build(**by_name)
        elif not shapes:
            self.build(None) if names else self.build()  # type: ignore[call-arg]
        elif names:
            self.build(next(iter(shapes.values())))
        else:
            self.build()  # type: ignore[call-arg]

    def _begin_path(self) -> None:
        """Settle the path, from the layers around this one."""
        if self._path is None:
            around = calls.layers[-1]._path if calls.layers else "/".join(_name_scopes.get())
            self._path = f"{around}/{self.name}" if around else self.name
            if isinstance(self._policy, dtype_policies.DTypePolicyMap):
                self._compute_dtype = self.compute_dtype
                self._casts = self.autocast and self._compute_dtype != self.variable_dtype

    def _build_by_calling(self, input_shape: Any) -> None:
        """Let the layers within build themselves, by calling this one on symbolic tensors."""
        if input_shape is None or self.built:
            self.built = True
            return
        self.built = True
        try:
            inputs = tree.map_shape_structure(
                lambda shape: KerasTensor(shape, self.input_dtype), input_shape
            )
            self._inferred((inputs,), {})
        except BaseException:
            self.built = False
            raise

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Create a weight.

        Args:
            shape: its shape; ``()`` by default.
            initializer: a name, a function of ``(shape, dtype=...)``, or a value; by default Glorot's uniform
                for floats and zeros for others.
            regularizer: a function of its value that is added to the losses.
            constraint: a function from a new value to the one that the optimizer assigns.
        """
        if "name" not in self.__dict__:
            raise self._not_initialized()
        shape = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
        for length in shape:
            if length is None or is_stand_in(length):
                raise errors.ShapeError(
                    f"{self._title()}: weight {name or ''!r}: shape "
                    f"{tuple(None if n is None or is_stand_in(n) else n for n in shape)} has an unknown length. "
                    f"Give the input that length, as in Input((784,))."
                )
        dtype = self.variable_dtype if dtype is None else dtypes.standardize(dtype)
        if initializer is None:
            initializer = "glorot_uniform" if dtypes.is_float(dtype) else "zeros"
        from polynet import constraints, initializers, regularizers

        if isinstance(initializer, str | dict) or inspect.isclass(initializer):
            initializer = initializers.get(initializer)
        with concrete():
            variable = Variable(
                initializer,
                shape=shape if callable(initializer) else None,
                dtype=dtype,
                trainable=trainable,
                autocast=autocast,
                aggregation=aggregation,
                name=name,
            )
        if variable._backend.is_traced(variable._value):
            raise RuntimeError(
                f"{self._title()}: weight {variable.path!r} was created inside a compiled function. Build the layer "
                f"before: call it once, or call build(input_shape)."
            )
        variable.overwrite_with_gradient = overwrite_with_gradient
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        if not self._trainable:
            variable.trainable = False
        self._own.append(variable)
        state.changes += 1
        return variable

    def add_variable(
        self,
        shape: Any,
        initializer: Any,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Variable:
        """``add_weight`` under another name."""
        return self.add_weight(
            shape=shape,
            initializer=initializer,
            dtype=dtype,
            trainable=trainable,
            autocast=autocast,
            regularizer=regularizer,
            constraint=constraint,
            name=name,
        )

    # -------------------------------------------------------------------------------- losses

    def add_loss(self, loss: Any) -> None:
        """Add a scalar to what training makes small; call it from ``call``, or give a list."""
        losses = calls.losses.setdefault(self, [])
        for one in tree.flatten(loss):
            if isinstance(one, int | float):
                one = plugins.current().asarray(one, self.compute_dtype)
            if len(one.shape) != 0:
                raise errors.ShapeError(
                    f"{self._title()}: add_loss: expected a scalar; got shape {tuple(one.shape)}. "
                    f"Take its sum or mean."
                )
            losses.append(one)

    @property
    def losses(self) -> list[Any]:
        """The losses that the last call added, and those of the weights' regularizers."""
        found: list[Any] = []
        if calls.losses:
            for layer in self._flatten_layers():
                found += calls.losses.get(layer, ())
        frozen = self.__dict__.get("_frozen")
        for variable in self.trainable_variables if frozen is None else frozen[1]:
            if variable.regularizer is not None:
                found.append(variable.regularizer(variable))
        return found

    def _clear_losses(self) -> None:
        if not calls.losses:
            return
        for layer in self._flatten_layers():
            calls.losses.pop(layer, None)

    # -------------------------------------------------------------------------------- shapes

    def _inferred(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The outputs as symbolic tensors: what the class says, else what ``call`` makes of specs."""
        cls = type(self)
        if cls.compute_output_spec is not Layer.compute_output_spec:
            return self.compute_output_spec(*args, **kwargs)
        return self._inferred_by_call(args, kwargs)

    def _inferred_by_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        first = tuple(self._tensor_arguments(args, kwargs).values())[:1]

        def run(*args: Any, **kwargs: Any) -> Any:
            with abstract():
                return self._run(args, kwargs, first, None)

        try:
            return infer_symbolic(run, args, kwargs)
        except (errors.PolynetError, RecursionError):
            raise
        except Exception:
            # call uses the array library's own functions, which know no specs
            if type(self).compute_output_shape is not Layer.compute_output_shape:
                shapes = [tree.map_structure(lambda x: x.shape, arg) for arg in args]
                return tree.map_shape_structure(
                    lambda shape: KerasTensor(shape, self.compute_dtype),
                    self.compute_output_shape(*shapes),
                )
            with StatelessScope():
                return infer_by_running(
                    lambda *args, **kwargs: self._run(args, kwargs, first, None), args, kwargs
                )

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Shape and dtype of the outputs for symbolic arguments, as a tree of ``KerasTensor``s."""
        layer = self if self.built else copy.deepcopy(self)
        tensors = layer._tensor_arguments(args, kwargs)
        if not layer.built:
            layer._build_for(tensors)
        return layer._inferred_by_call(args, kwargs)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shape of the outputs for inputs of these shapes, as a tree of tuples.

        Example:
            >>> import polynet
            >>> polynet.layers.Dense(8).compute_output_shape((None, 3))
            (None, 8)
        """

        def symbol(shape: Any) -> KerasTensor:
            return KerasTensor(shape, self.input_dtype)

        args = tuple(tree.map_shape_structure(symbol, arg) for arg in args)
        kwargs = {
            name.removesuffix("_shape"): tree.map_shape_structure(symbol, value)
            for name, value in kwargs.items()
        }
        if not args and "input" in kwargs:
            args = (kwargs.pop("input"),)
        outputs = Layer.compute_output_spec(self, *args, **kwargs)
        return tree.map_structure(lambda output: getattr(output, "shape", None), outputs)

    @property
    def input(self) -> Any:
        """The symbolic input of the layer's only call on symbolic tensors."""
        node = self._single_node("input")
        tensors = [arg for arg in (*node.args, *node.kwargs.values()) if symbolic_leaves(arg)]
        return tensors[0] if len(tensors) == 1 else tensors

    @property
    def output(self) -> Any:
        """The symbolic output of the layer's only call on symbolic tensors."""
        return self._single_node("output").outputs

    def _single_node(self, what: str) -> Any:
        if not self._nodes:
            raise AttributeError(
                f"{self._title()} has no {what}: it was never called on a symbolic tensor (polynet.Input)."
            )
        if len(self._nodes) > 1:
            raise AttributeError(
                f"{self._title()} has several {what}s: it was called {len(self._nodes)} times. Keep what each call "
                f"returned instead."
            )
        return self._nodes[0]

    # -------------------------------------------------------------------------------- without state

    def stateless_call(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> Any:
        """The outputs for these values of the variables, and the new values of those that do not train.

        Returns:
            ``(outputs, non_trainable_variables)``, or with ``return_losses`` a third entry, the losses.
        """
        if not self.built:
            raise ValueError(
                f"{self._title()}: stateless_call: the layer is not built. Call it, or build(input_shape), first."
            )
        mapping: list[tuple[Variable, Any]] = []
        for kind, own, given in (
            ("trainable", self.trainable_variables, trainable_variables),
            ("non_trainable", self.non_trainable_variables, non_trainable_variables),
        ):
            if len(own) != len(given):
                raise ValueError(
                    f"{self._title()}: stateless_call: expected {len(own)} {kind}_variables; got {len(given)}."
                )
            mapping += zip(own, given, strict=True)
        with StatelessScope(mapping) as scope:
            outputs = self(*args, **kwargs)
            losses = self.losses if return_losses else None
        new = [scope.get_current_value(variable) for variable in self.non_trainable_variables]
        return (outputs, new, losses) if return_losses else (outputs, new)

    # -------------------------------------------------------------------------------- descriptions

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, and name, trainable and dtype."""
        config: dict[str, Any] = {"name": self.name, "trainable": self._trainable}
        policy = self._policy
        config["dtype"] = (
            policy.name
            if type(policy) in (dtype_policies.DTypePolicy, dtype_policies.FloatDTypePolicy)
            else configurable.serialize(policy)
        )
        for name, value in configurable.constructed_with(self).items():
            if name not in config:
                config[name] = configurable.serialize(value)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """A new layer, without weights, from what ``get_config`` gave."""
        arguments = {name: configurable.deserialize(value) for name, value in config.items()}
        parameters = inspect.signature(cls.__init__).parameters
        late: dict[str, Any] = {}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            late = {
                name: arguments.pop(name)
                for name in ("name", "trainable", "dtype")
                if name in arguments and name not in parameters
            }
        layer = cls(**arguments)
        if "name" in late:
            layer.name = late["name"]
        if "dtype" in late:
            layer.dtype_policy = late["dtype"]
        if not late.get("trainable", True):
            layer.trainable = False
        return layer

    def _title(self) -> str:
        return f"{type(self).__name__} {self.__dict__.get('name', '')!r}"

    def _named(self, error: errors.PolynetError) -> errors.PolynetError:
        """An error from within with the layer's name in front, unless it names a layer already."""
        if error.layer is not None:
            return error
        text, title = str(error), self._title()
        named = type(error)(text if text.startswith(title) else f"{title}: {text}")
        named.op, named.layer = error.op, self.name
        return named.with_traceback(error.__traceback__)

    def _not_initialized(self) -> RuntimeError:
        return RuntimeError(
            f"{type(self).__name__}: its constructor did not call super().__init__(). Call it first thing in "
            f"{type(self).__name__}.__init__."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.__dict__.get('name')}, built={self.__dict__.get('built')}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        new = type(self).__new__(type(self))
        memo[id(self)] = new
        for name, value in self.__dict__.items():
            if name not in _OF_THIS_ONE:
                new.__dict__[name] = copy.deepcopy(value, memo)
        new.__dict__["_nodes"] = []
        return new

    def __getstate__(self) -> dict[str, Any]:
        kept = {name: value for name, value in self.__dict__.items() if name not in _OF_THIS_ONE}
        return {**kept, "_nodes": [], "_accepted": set()}


_OF_THIS_ONE = frozenset(
    {"_compiled", "_frozen", "_nodes", "_output_shapes", "_structure", "_uncompiled"}
)
"""Attributes that a copy begins without: it has to be compiled anew."""

_ONLY_TRAINING = {"training"}

Layer._signature = _Signature(Layer)


def _automatic_name(cls: type) -> str:
    prefix = snake_case(cls.__name__.lstrip("_"))
    number = get_uid(prefix)
    return prefix if number == 1 else f"{prefix}_{number - 1}"


def _building_once(build: Callable[..., None]) -> Callable[..., None]:
    """``build`` under the layer's path; if it fails, the layer is as before."""

    @functools.wraps(build)
    def wrapped(self: Layer, *args: Any, **kwargs: Any) -> None:
        if "name" not in self.__dict__:
            raise self._not_initialized()
        if calls.layers and calls.layers[-1] is self and self.__dict__.get("_in_build"):
            build(self, *args, **kwargs)  # by super().build(...)
            return
        with building:
            if self.built:
                return
            self._begin_path()
            assert self._path is not None
            before = {**self.__dict__, "_own": [*self._own]}
            token = _name_scopes.set(tuple(self._path.split("/")))
            calls.layers.append(self)
            self.__dict__["_in_build"] = True
            try:
                self.__dict__.setdefault("_built_for", {"build": [*args, *kwargs.values()]})
                with concrete():
                    build(self, *args, **kwargs)
            except BaseException as error:
                self.__dict__.clear()
                self.__dict__.update(before)
                state.changes += 1
                if isinstance(error, errors.PolynetError):
                    raise self._named(error) from error.__cause__
                raise
            finally:
                self.__dict__.pop("_in_build", None)
                calls.layers.pop()
                _name_scopes.reset(token)
            self.built = True

    return wrapped


def _shape_for_build(x: Any) -> Any:
    """The shape of an argument, as ``build`` gets it: ``None`` where a length is not known."""
    shape = getattr(x, "shape", None)
    if shape is None:
        return None
    if is_abstract():
        return tuple(None if length is None or is_stand_in(length) else length for length in shape)
    return tuple(shape)


def _described_symbol(x: Any) -> Any:
    """Shape and dtype of an argument for which a layer is built, as data."""
    if not hasattr(x, "shape") or not hasattr(x, "dtype"):
        return None
    shape = _shape_for_build(x)
    config = {"shape": [None, *shape[1:]] if shape else [], "dtype": dtype_of(x)}
    return {"kind": "python", "class_name": "tensor", "config": config}


def _masks_of(value: Any) -> Any:
    """The masks of a tree of tensors, or ``None`` when none of them has one."""
    masks = tree.map_structure(masking.get_mask, value)
    return masks if any(mask is not None for mask in tree.flatten(masks)) else None
