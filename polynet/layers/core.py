"""Layers at the heart of most models: dense maps, embeddings, and layers around functions and other layers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from polynet import activations, constraints, errors, initializers, ops, regularizers, tree
from polynet.configurable import deserialize
from polynet.layers.input_spec import InputSpec
from polynet.layers.layer import Layer
from polynet.ops.contraction import affine, biased_einsum
from polynet.ranges import check_range
from polynet.symbolic import Input, KerasTensor


class InputLayer(Layer):
    """Where data enters a graph of layers; ``polynet.Input`` is the usual way to write one.

    Example:
        >>> import polynet
        >>> polynet.layers.InputLayer((3,)).output.shape
        (None, 3)
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: Any = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self._tensor = Input(
            shape,
            batch_size,
            dtype,
            sparse,
            ragged,
            batch_shape,
            self.name,
            input_tensor,
            optional,
        )
        self._tensor.layer = self  # type: ignore[attr-defined]
        self.built = True

    @classmethod
    def of(cls, tensor: KerasTensor) -> InputLayer:
        """The layer of a tensor that ``Input`` made."""
        layer = getattr(tensor, "layer", None)
        if layer is None:
            layer = cls(
                batch_shape=tensor.shape,
                dtype=tensor.dtype,
                optional=getattr(tensor, "optional", False),
                name=tensor.name,
            )
            layer._tensor = tensor
            tensor.layer = layer  # type: ignore[attr-defined]
        return layer

    def copy(self) -> InputLayer:
        """Another input of the same name, shape and dtype."""
        return InputLayer.from_config(self.get_config())

    @property
    def batch_shape(self) -> tuple[int | None, ...]:
        """The shape of the data, that of a whole batch."""
        return self._tensor.shape

    @property
    def output(self) -> KerasTensor:
        """The symbolic tensor."""
        return self._tensor

    def call(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{self._title()}: an input is not called; use its output.")

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "batch_shape": list(self.batch_shape),
            "dtype": self._tensor.dtype,
            "optional": getattr(self._tensor, "optional", False),
        }


class Identity(Layer):
    """Gives its input back.

    Example:
        >>> import polynet
        >>> polynet.layers.Identity()(polynet.ops.ones((2,)))
        array([1., 1.], dtype=float32)
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs


class Dense(Layer):
    """``activation(inputs @ kernel + bias)`` along the last axis.

    Args:
        units: the length of the outputs' last axis.
        activation: a name or function; none by default.
        use_bias: add a bias?

    Example:
        >>> import polynet
        >>> polynet.layers.Dense(4, activation="relu")(polynet.ops.ones((2, 3))).shape
        (2, 4)
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        refuse_later(self, lora_rank=lora_rank, quantization_config=quantization_config)
        self.units = positive(units, "units", self)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        if len(input_shape) < 2:
            raise errors.ShapeError(
                f"{self._title()}: input: expected at least 2 dimensions; got shape {tuple(input_shape)}."
            )
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1]})

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        kernel, bias = self.kernel, self.bias
        x = ops.matmul(inputs, kernel) if bias is None else affine(inputs, kernel, bias)
        return x if self.activation is None else self.activation(x)


class EinsumDense(Layer):
    """``einsum(equation, inputs, kernel)``, with a bias along chosen axes.

    Args:
        equation: such as ``"abc,cd->abd"``; an ellipsis stands for any axes.
        output_shape: lengths of the outputs' axes but the first; ``None`` for those that follow from the input.
        bias_axes: the letters of the axes that the bias has.

    Example:
        >>> import polynet
        >>> layer = polynet.layers.EinsumDense("abc,cd->abd", output_shape=(None, 5), bias_axes="d")
        >>> layer(polynet.ops.ones((2, 3, 4))).shape
        (2, 3, 5)
    """

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        refuse_later(self, lora_rank=lora_rank, quantization_config=quantization_config)
        if not isinstance(equation, str) or not re.fullmatch(
            r"[A-Za-z.]+,[A-Za-z]+->[A-Za-z.]+", equation.replace(" ", "")
        ):
            raise ValueError(
                f"EinsumDense: equation: expected one of an input, a kernel and an output, such as 'ab,bc->ac'; "
                f"got {equation!r}."
            )
        self.equation = equation
        self.partial_output_shape = (
            (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        )
        self.activation = activations.get(activation)
        self.bias_axes = bias_axes
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape: Any) -> None:
        kernel_shape, bias_shape = self._weight_shapes(tuple(input_shape))
        self.kernel = self.add_weight(
            name="kernel",
            shape=kernel_shape,
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if bias_shape is not None:
            self.bias = self.add_weight(
                name="bias",
                shape=bias_shape,
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def _weight_shapes(self, input_shape: tuple[Any, ...]) -> tuple[Any, Any]:
        """The shapes of kernel and bias, from the letters of the equation."""
        equation = self.equation.replace(" ", "")
        try:
            operands, outputs = equation.split("->")
            inputs, kernel = operands.split(",")
        except ValueError:
            raise ValueError(
                f"{self._title()}: equation: expected 'inputs,kernel->outputs'; got {self.equation!r}."
            ) from None
        # letters are counted from the left, or from the right where an ellipsis stands before them
        lengths = _lengths(inputs, input_shape, self._title())
        from_left = not outputs.startswith("...")
        out_letters = outputs.replace("...", "")
        missing = len(out_letters) - len(self.partial_output_shape)
        given = (None,) * max(missing, 0) + self.partial_output_shape
        if from_left and "..." not in outputs and len(given) != len(out_letters):
            raise ValueError(
                f"{self._title()}: output_shape: expected {len(out_letters) - 1} lengths for {self.equation!r}; "
                f"got {self.partial_output_shape}."
            )
        out_lengths = dict(zip(reversed(out_letters), reversed(given), strict=False))
        for letter, length in out_lengths.items():
            known = lengths.get(letter)
            if length is not None and known is not None and known != length:
                raise ValueError(
                    f"{self._title()}: output_shape: length {length} of axis {letter!r} is not that of the input, "
                    f"{known}."
                )
        merged = {
            letter: lengths.get(letter) if out_lengths.get(letter) is None else out_lengths[letter]
            for letter in {*lengths, *out_lengths}
        }
        for letter in kernel:
            if letter not in merged:
                raise ValueError(
                    f"{self._title()}: equation: axis {letter!r} of the kernel is neither in the inputs nor in the "
                    f"outputs of {self.equation!r}."
                )
        bias_shape = None
        if self.bias_axes:
            for letter in self.bias_axes:
                if letter not in out_letters:
                    raise ValueError(
                        f"{self._title()}: bias_axes: axis {letter!r} is not among the outputs {outputs!r}."
                    )
            first = min(out_letters.index(letter) for letter in self.bias_axes)
            bias_shape = tuple(
                merged[letter] if letter in self.bias_axes else 1 for letter in out_letters[first:]
            )
        return tuple(merged[letter] for letter in kernel), bias_shape

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        kernel, bias = self.kernel, self.bias
        if bias is None:
            x = ops.einsum(self.equation, inputs, kernel)
        else:
            x = biased_einsum(inputs, kernel, bias, self.equation)
        return x if self.activation is None else self.activation(x)


def _lengths(letters: str, shape: tuple[Any, ...], title: str) -> dict[str, Any]:
    """The length of each letter of an operand with this shape."""
    if "..." in letters:
        before, after = letters.split("...")
    else:
        before, after = letters, ""
        if len(before) != len(shape):
            raise ValueError(
                f"{title}: the equation's input {letters!r} has {len(before)} axes; got shape {shape}."
            )
    found = dict(zip(before, shape, strict=False))
    if after:
        found.update(zip(after, shape[len(shape) - len(after) :], strict=True))
    return found


class Embedding(Layer):
    """A vector for each integer.

    Args:
        input_dim: how many integers there are: 0 to ``input_dim - 1``.
        output_dim: the length of the vectors.
        mask_zero: is 0 padding, to be masked?
        weights: initial vectors.

    Example:
        >>> import polynet
        >>> polynet.layers.Embedding(10, 4)(polynet.ops.convert_to_tensor([[1, 2, 3]])).shape
        (1, 3, 4)
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        input_length = kwargs.pop("input_length", None)
        if input_length is not None and "input_shape" not in kwargs:
            kwargs["input_shape"] = (input_length,)
        super().__init__(**kwargs)
        refuse_later(self, lora_rank=lora_rank, quantization_config=quantization_config)
        self.input_dim = positive(input_dim, "input_dim", self)
        self.output_dim = positive(output_dim, "output_dim", self)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.autocast = False
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, list) else [weights])

    def build(self, input_shape: Any = None) -> None:
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.input_dim, self.output_dim),
            initializer=self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
        )

    def call(self, inputs: Any) -> Any:
        if not _is_integer(inputs):
            inputs = ops.cast(inputs, "int32")
        check_range(inputs, self.input_dim, "input")
        vectors = ops.take(self.embeddings, inputs, axis=0)
        return ops.cast(vectors, self.compute_dtype)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None


def _is_integer(x: Any) -> bool:
    from polynet.values import dtype_of

    return "int" in dtype_of(x)


class Masking(Layer):
    """Masks the time steps whose every value is ``mask_value``; a mask of them goes to the layers after it.

    Example:
        >>> import numpy as np, polynet
        >>> layer = polynet.layers.Masking()
        >>> layer.compute_mask(np.array([[[1.0, 2.0], [0.0, 0.0]]], "float32"))
        array([[ True, False]])
    """

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(mask_value, int | float) and not hasattr(mask_value, "shape"):
            raise ValueError(f"Masking: mask_value: expected a number; got {mask_value!r}.")
        self.mask_value = mask_value
        self.supports_masking = True
        self.built = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Any) -> Any:
        kept = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        return inputs * ops.cast(kept, inputs.dtype)


class Lambda(Layer):
    """A function as a layer.

    Such a layer can be saved only if the function is registered (``polynet.saving.register_serializable``).

    Args:
        function: called with the inputs, and with ``mask`` and ``training`` if it takes them.
        output_shape: the shape of one output, if it cannot be inferred from the function.
        mask: a mask, or a function of inputs and mask that makes it.
        arguments: keyword arguments for the function.

    Example:
        >>> import polynet
        >>> polynet.layers.Lambda(lambda x: x * 2)(polynet.ops.ones((2,)))
        array([2., 2.], dtype=float32)
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(
                f"{self._title()}: function: expected a function; got {type(function).__name__}."
            )
        self.function = function
        self.arguments = arguments or {}
        self.mask = mask
        self.supports_masking = mask is not None
        self._output_shape = output_shape
        self.built = True
        taken = inspect.signature(function).parameters
        self._takes = [name for name in ("mask", "training") if name in taken]

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        given = {"mask": mask, "training": training}
        return self.function(
            inputs, **self.arguments, **{name: given[name] for name in self._takes}
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self._output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        batch = tree.flatten(input_shape)[0] if isinstance(input_shape, tuple) else None
        shape = self._output_shape
        return (batch, *((shape,) if isinstance(shape, int) else shape))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self.mask(inputs, mask) if callable(self.mask) else self.mask


class Wrapper(Layer):
    """A layer around another layer, ``self.layer``; to be derived from.

    Example:
        >>> import polynet
        >>> class Twice(polynet.layers.Wrapper):
        ...     def call(self, inputs):
        ...         return self.layer(self.layer(inputs))
        >>> Twice(polynet.layers.Dense(3))(polynet.ops.ones((2, 3))).shape
        (2, 3)
    """

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        if isinstance(layer, dict):
            layer = deserialize(layer, kind="layers")
        if not isinstance(layer, Layer):
            raise TypeError(
                f"{type(self).__name__}: layer: expected a layer; got {type(layer).__name__}."
            )
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)


def positive(value: Any, name: str, layer: Layer) -> int:
    """An argument that must be an integer above 0."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < 1:
        raise ValueError(
            f"{type(layer).__name__}: {name}: expected an integer of 1 or more; got {value!r}."
        )
    return int(value.__index__())


def refuse_later(layer: Layer, **arguments: Any) -> None:
    """Arguments of Keras that polynet does not offer must keep their default."""
    for name, value in arguments.items():
        if value is not None:
            raise NotImplementedError(
                f"{type(layer).__name__}: {name}: polynet does not offer this yet; leave it None."
            )
