"""A torch module as a layer.  Torch is not imported until a layer is made; the other direction is in ``native.py``."""

from __future__ import annotations

import threading
from typing import Any, ClassVar

from polynet import dtype_policies, tree
from polynet.layers.bridges import Bridge
from polynet.symbolic import KerasTensor
from polynet.variable import name_scope


class TorchModuleWrapper(Bridge):
    """A ``torch.nn.Module`` as a layer.

    The module's parameters and buffers become the layer's weights, and stay those of the module: the layer's variables
    and the module share each tensor, and whichever of them changes it, the other sees the new value. A parameter that
    requires no gradient is a weight that does not train, and freezing either side freezes both.

    The module is run on the values that the variables have where it is called, so that tapes, ``value_and_grad``,
    ``jit`` and ``fit`` reach its parameters, and what it does to its buffers becomes an assignment. It is in training
    mode for ``training=True`` and in evaluation mode otherwise. Calls from several threads take turns.

    Args:
        module: the module; a lazy one must have been initialized.
        output_shape: the shape of the outputs; by default found by the library's abstract evaluation.

    Example:
        A module of torch, trained by ``fit``::

            model = polynet.Sequential([TorchModuleWrapper(torch.nn.Linear(3, 1))])
            model.compile("sgd", "mse")
            model.fit(x, y)
    """

    needs: ClassVar[str] = "torch"

    def __init__(
        self, module: Any, name: str | None = None, output_shape: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **{**_dtype_of(module, kwargs), **kwargs})
        from polynet_torch.native import Places, device_here, expect_module

        expect_module(module, f"{type(self).__name__} {self.name!r}")
        self.module = module.to(device_here())
        self.output_shape = output_shape
        with name_scope(self.name):
            self._places = Places(self.module)
        for variable in self._places.variables:
            self.track(variable)
        self._turns = _Turns()
        self.built = True

    def call(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        with self._turns.lock:
            self.module.train(bool(training))
            with self._places.swapped():
                return self.module(*args, **kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        if self.output_shape is None:
            return super().compute_output_spec(*args, **kwargs)
        return tree.map_shape_structure(
            lambda shape: KerasTensor(shape, self.compute_dtype), self.output_shape
        )

    def parameters(self, recurse: bool = True) -> Any:
        """The module's parameters."""
        return self.module.parameters(recurse=recurse)

    def save_own_variables(self, store: Any) -> None:
        """Put the values of the module's parameters and buffers into ``store``, by torch's names."""
        for name, variable in self._places.named_variables():
            store[name] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Take the values from what ``save_own_variables`` filled."""
        names = [name for name, _ in self._places.named_variables()]
        if sorted(store) != sorted(names):
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: expected the weights {names}; the file has {list(store)}."
            )
        for name, variable in self._places.named_variables():
            variable.assign(store[name])


class _Turns:
    """A lock that a copy of its owner does not share."""

    def __init__(self) -> None:
        self.lock = threading.RLock()

    def __reduce__(self) -> Any:
        return _Turns, ()


def _dtype_of(module: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The dtype of the module's weights as an argument, where it is not that of the policy in force."""
    if kwargs.get("dtype") is not None or not hasattr(module, "parameters"):
        return {}
    kept = dtype_policies.get(None).variable_dtype
    for parameter in module.parameters():
        found = str(parameter.dtype).removeprefix("torch.")
        if "float" in found:
            return {} if found == kept else {"dtype": found}
    return {}
