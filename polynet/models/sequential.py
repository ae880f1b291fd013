"""``Sequential``: layers one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from polynet import configurable
from polynet.graph import Function
from polynet.layers.core import InputLayer
from polynet.layers.layer import Layer
from polynet.models.model import Model
from polynet.symbolic import Input, KerasTensor


class Sequential(Model):
    """A stack of layers, each with one input and one output.

    Args:
        layers: the layers; an ``Input`` first says the shape, so that everything is built at once.
        name: the model's name.

    Example:
        >>> import polynet
        >>> model = polynet.Sequential([polynet.layers.Dense(8, activation="relu"), polynet.layers.Dense(2)])
        >>> model(polynet.ops.ones((5, 3))).shape
        (5, 2)
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        for key, value in zip(("layers", "trainable", "name"), args, strict=False):
            kwargs[key] = value
        layers = kwargs.pop("layers", None)
        super().__init__(**kwargs)
        self._stack: list[Layer] = []
        self._input: KerasTensor | None = None
        if layers is not None and not isinstance(layers, list | tuple):
            raise TypeError(
                f"{self._title()}: layers: expected a list of layers; got {type(layers).__name__}."
            )
        for layer in layers or ():
            self.add(layer, rebuild=False)
        self._rebuild()

    _deferred = False
    """Is the shape of the input known from the first call only?"""

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top of the stack."""
        if isinstance(layer, KerasTensor) and layer.node is None:
            layer = InputLayer.of(layer)
        if not isinstance(layer, Layer):
            hint = " Wrap a function in layers.Lambda." if callable(layer) else ""
            raise TypeError(
                f"{self._title()}: add: expected a layer; got {type(layer).__name__}.{hint}"
            )
        if isinstance(layer, InputLayer):
            if self._stack or self._input is not None:
                raise ValueError(
                    f"{self._title()}: add: an Input comes first, and once; there are layers already."
                )
            self._input = layer.output
        else:
            if any(known.name == layer.name for known in self._stack):
                raise ValueError(
                    f"{self._title()}: add: expected a name that occurs once; there is a layer named "
                    f"{layer.name!r} already."
                )
            if not self._stack and self._input is None and layer._input_shape is not None:
                self._input = Input(layer._input_shape, dtype=layer.input_dtype)
            self._stack.append(layer)
        if rebuild:
            self._rebuild()

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the top layer off the stack."""
        if not self._stack:
            raise ValueError(f"{self._title()}: pop: there are no layers.")
        layer = self._stack.pop()
        layer._nodes.clear()
        if rebuild:
            self._rebuild()
        return layer

    def _rebuild(self) -> None:
        """Make the graph anew, when the shape of the input is known."""
        self.__dict__["_graph"] = None
        self.built = False
        self._forget_functions()
        if self._input is not None and self._stack:
            self.build(self._input.shape)

    def build(self, input_shape: Any = None) -> None:
        """Build each layer, for inputs of this shape."""
        if not self._stack:
            raise ValueError(f"{self._title()}: build: there are no layers. Add some first.")
        if self._input is None:
            if input_shape is None or not all(n is None or isinstance(n, int) for n in input_shape):
                raise ValueError(
                    f"{self._title()}: build: expected the shape of one input tensor; got {input_shape!r}."
                )
            self.__dict__["_deferred"] = True
            self._input = Input(
                batch_shape=(None, *input_shape[1:]), dtype=self._stack[0].input_dtype
            )
        x: Any = self._input
        for layer in self._stack:
            layer._nodes.clear()
            x = layer(x)
        self._set_graph(Function(self._input, x, name=self.name))
        if self._deferred:
            # the first batch says what to build, not what later ones must be like: the layers check that
            self.input_spec = None

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Compute layer after layer."""
        x = super().call(inputs, mask=mask) if self._graph is not None else self._through(inputs)
        return x

    def _through(self, x: Any) -> Any:
        for layer in self._stack:
            x = layer(x)
        return x

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input."""
        return [*self._stack]

    @property
    def _layers(self) -> list[Layer]:
        return [*self._stack]

    def get_config(self) -> dict[str, Any]:
        """The layers' descriptions."""
        if type(self).__init__ is not Sequential.__init__:
            return Layer.get_config(self)
        layers = [configurable.serialize(layer) for layer in self._stack]
        if self._input is not None and not self._deferred:
            layers.insert(0, configurable.serialize(InputLayer.of(self._input)))
        return {
            "name": self.name,
            "trainable": self._trainable,
            "dtype": self.dtype_policy.name,
            "layers": layers,
            **(
                {"build_input_shape": self._input.shape}
                if self._deferred and self._input is not None
                else {}
            ),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """A new model, with new layers, from what ``get_config`` gave."""
        with configurable.custom_object_scope(custom_objects or {}):
            if cls.__init__ is not Sequential.__init__:
                return super().from_config(config)
            arguments = {
                **config,
                "layers": configurable.deserialize(config["layers"], kind="layers"),
            }
            shape = arguments.pop("build_input_shape", None)
            model = cls(**arguments)
            if shape is not None and not model.built:
                model.build(shape)
            return model
