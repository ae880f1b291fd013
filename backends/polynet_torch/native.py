"""Tensors that polynet's variables share with torch modules, and a polynet model as a torch module.

A variable reads a parameter detached and assigns it by ``.data``, so that the parameter stays the same object, as
torch's optimizers expect, and nothing is written into a tensor that somebody may hold.  Torch's own steps
write in place, which the variable sees because the memory is the same.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch

from polynet import config, plugins, use_backend
from polynet.layers.bridges import (
    SharedVariable,
    Substitution,
    expect_built,
    weight_names,
)
from polynet.variable import Variable, observing

# ------------------------------------------------------------------------------------------ shared tensors


class TorchVariable(SharedVariable):
    """A variable whose tensor is a parameter or buffer of a module: ``owner``, and its name there."""

    owner: torch.nn.Module
    key: str
    is_parameter: bool

    @property
    def shelf(self) -> dict[str, Any]:
        """Where the module keeps its tensor."""
        owner = self.owner
        return owner._parameters if self.is_parameter else owner._buffers

    @property
    def tensor(self) -> torch.Tensor:
        """The parameter or buffer itself."""
        return self.shelf[self.key]

    def fetch(self) -> torch.Tensor:
        tensor = self.shelf[self.key]
        kept = self.__dict__.get("kept")
        # one object as long as the memory is the same, so that tapes take two readings for one value
        if kept is None or not _same_memory(kept, tensor):
            kept = self.__dict__["kept"] = tensor.detach()
        return kept

    def store(self, value: torch.Tensor) -> None:
        value = value.detach() if value.requires_grad else value
        if value is not self.__dict__.get("kept"):
            self.shelf[self.key].data = value
            self.__dict__["kept"] = value

    @property
    def trainable(self) -> bool:  # type: ignore[override]
        """Does the parameter require a gradient?"""
        return bool(self.is_parameter and self.tensor.requires_grad)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        tensor = self.tensor
        if self.is_parameter and tensor.requires_grad != value:
            tensor.requires_grad_(value)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in super().__getstate__().items() if key != "kept"}

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        new = object.__new__(type(self))
        memo[id(self)] = new
        new.__dict__.update(self.__dict__)
        new.__dict__.pop("kept", None)
        new.owner = copy.deepcopy(self.owner, memo)
        return new


def _same_memory(one: torch.Tensor, other: torch.Tensor) -> bool:
    try:
        return (
            one.data_ptr() == other.data_ptr()
            and one.dtype == other.dtype
            and one.shape == other.shape
        )
    except RuntimeError:  # what stands for a tensor inside a transformation has no memory
        return False


def device_here() -> Any:
    """Where new tensors of the backend live."""
    return plugins.get("torch").asarray(0.0, "float32").device


def expect_module(module: Any, title: str) -> None:
    """Raise unless it is a module whose parameters exist."""
    if not isinstance(module, torch.nn.Module):
        raise TypeError(
            f"{title}: module: expected a torch.nn.Module; got {type(module).__name__}."
        )
    for part in module.modules():
        if (
            isinstance(part, torch.nn.modules.lazy.LazyModuleMixin)
            and part.has_uninitialized_params()
        ):
            raise ValueError(
                f"{title}: module: {type(part).__name__} has parameters whose shapes are not known yet. Call the "
                f"module once, on an input of the right shape, before."
            )


# ------------------------------------------------------------------------------------------ a module as a layer


class Places:
    """The parameters and buffers of a module, each with its variable and all names under which modules keep it."""

    def __init__(self, module: torch.nn.Module) -> None:
        self.module = module
        self._found: list[tuple[TorchVariable, list[tuple[torch.nn.Module, str]]]] = []
        known: dict[int, int] = {}
        for prefix, owner in module.named_modules():
            for is_parameter, shelf in ((True, owner._parameters), (False, owner._buffers)):
                for key, tensor in shelf.items():
                    if tensor is None:
                        continue
                    if id(tensor) in known:
                        self._found[known[id(tensor)]][1].append((owner, key))
                        continue
                    known[id(tensor)] = len(self._found)
                    variable = TorchVariable.around(
                        name=f"{prefix}.{key}" if prefix else key,
                        trainable=tensor.requires_grad,
                        autocast=is_parameter,
                        owner=owner,
                        key=key,
                        is_parameter=is_parameter,
                    )
                    self._found.append((variable, [(owner, key)]))

    @property
    def variables(self) -> list[TorchVariable]:
        """The variables, in the order of ``named_modules``."""
        return [variable for variable, _ in self._found]

    def named_variables(self) -> list[tuple[str, TorchVariable]]:
        """The variables with torch's names of their tensors."""
        return [(variable.name, variable) for variable, _ in self._found]

    @contextlib.contextmanager
    def swapped(self) -> Iterator[None]:
        """A block in which the module has the values that its variables have here.

        What the block does to buffers is assigned to their variables at its end; if it fails, nothing is.
        """
        training = any(module.training for module in self.module.modules())
        given: list[tuple[torch.Tensor, Any]] = []
        values: list[torch.Tensor] = []
        for variable, _ in self._found:
            value = variable.value
            if not variable.is_parameter:
                value = value.clone()  # modules write into their buffers
            values.append(value)
            given.append((value, _writes(value)))
        before = [variable.tensor for variable, _ in self._found]
        try:
            self._put(values)
            yield
            after = [variable.tensor for variable, _ in self._found]
        finally:
            self._put(before)
        for (variable, _), new, (old, writes) in zip(self._found, after, given, strict=True):
            # batch normalization, in training, writes without being counted
            if not variable.is_parameter and (training or new is not old or _writes(new) != writes):
                variable.assign(new)

    def _put(self, tensors: list[torch.Tensor]) -> None:
        for (variable, places), tensor in zip(self._found, tensors, strict=True):
            for owner, key in places:
                shelf = owner._parameters if variable.is_parameter else owner._buffers
                shelf[key] = tensor


def _writes(tensor: torch.Tensor) -> Any:
    """How often something was written into a tensor."""
    try:
        return tensor._version
    except RuntimeError:  # in torch.inference_mode nobody counts
        return object()


# ------------------------------------------------------------------------------------------ a model as a module


class NativeModule(torch.nn.Module):
    """A polynet model as a ``torch.nn.Module``.

    Each trainable weight is a parameter and each other weight a buffer, at its path in the model (``dense.kernel``),
    and both share their memory with the model's variables. So a loop of torch trains the model, ``fit`` trains the
    module, and ``state_dict`` and ``load_state_dict`` are the model's weights. ``train()`` and ``eval()`` say what
    ``training`` is, and ``requires_grad`` is the variable's ``trainable``.
    """

    def __init__(self, layer: Any) -> None:
        super().__init__()
        expect_built(layer)
        self.layer = layer
        variables = layer.weights
        self._places: list[tuple[Variable, torch.nn.Module, str]] = []
        for variable, parts in zip(variables, weight_names(layer, variables), strict=True):
            owner: torch.nn.Module = self
            for part in parts[:-1]:
                owner = _container(owner, part)
            key = _free(owner, parts[-1])
            self._places.append((variable, owner, key))
            if isinstance(variable, TorchVariable):
                tensor, is_parameter = variable.tensor, variable.is_parameter
            else:
                is_parameter = variable.created_trainable and variable.differentiable
                tensor = variable.value
                if is_parameter:
                    trains = variable.trainable
                    tensor = torch.nn.Parameter(tensor, requires_grad=trains)
            if is_parameter:
                owner.register_parameter(key, tensor)
            else:
                owner.register_buffer(key, tensor)
            if not isinstance(variable, TorchVariable):
                trainable = variable.__dict__.pop("_trainable")
                TorchVariable.move(variable, owner=owner, key=key, is_parameter=is_parameter)
                variable.trainable = trainable

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The model's outputs; ``training`` is as ``train()`` or ``eval()`` said, unless it is given."""
        kwargs.setdefault("training", self.training)
        return self._reading(lambda: self.layer(*args, **kwargs))

    def losses(self) -> list[torch.Tensor]:
        """What the last ``forward`` and the weights' regularizers add to the loss."""
        return self._reading(lambda: list(self.layer.losses))

    def _reading(self, function: Callable[[], Any]) -> Any:
        """``function`` where the model reads this module's parameters, so that torch sees what becomes of them."""
        with contextlib.ExitStack() as stack:
            if config.backend() != "torch":
                stack.enter_context(use_backend("torch"))
            given = Substitution([(v, _shelf(o, key)[key]) for v, o, key in self._places])
            with observing(given):
                result = function()
        places = {id(variable): (owner, key) for variable, owner, key in self._places}
        for variable, value in given.assigned.values():
            owner, key = places.get(id(variable), (None, ""))
            if owner is None or _shelf(owner, key)[key] is variable.tensor:
                variable.assign(value)
            else:  # torch.func.functional_call has put another tensor here, and takes it back
                _shelf(owner, key)[key] = value.detach()
        return result

    def extra_repr(self) -> str:
        """The model's name."""
        return f"{type(self.layer).__name__} {self.layer.name!r}"


def _shelf(owner: torch.nn.Module, key: str) -> dict[str, Any]:
    return owner._parameters if key in owner._parameters else owner._buffers


def _container(owner: torch.nn.Module, part: str) -> torch.nn.Module:
    """The module named ``part`` in another one, made when it is not there."""
    found = owner._modules.get(part)
    if found is None:
        part = _free(owner, part)
        found = owner._modules.get(part)
    if found is None:
        found = torch.nn.Module()
        owner.add_module(part, found)
    return found


def _free(owner: torch.nn.Module, name: str) -> str:
    """``name``, unless modules have an attribute of that name (``forward``, say)."""
    return f"{name}_" if hasattr(torch.nn.Module, name) or name in ("training", "layer") else name
