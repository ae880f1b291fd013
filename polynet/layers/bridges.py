"""What every bridge to the models of an array library shares; the bridges themselves belong to the backends.

A *bridge* is a layer around something of one array library: a module of it, a function on its tensors.  A backend names
its bridges in ``BackendInfo.bridges`` and defines them, as subclasses of ``Bridge``, in a module that does not import
the library; ``polynet.layers`` finds them there by their names.  So they exist whatever backend is active, and say
which one they need when they are constructed.  The other direction, a polynet model in the library's own form, is
``Backend.as_native``.  No array library is named or imported here.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from polynet import errors, plugins, tree
from polynet.layers.layer import Layer
from polynet.op import from_host
from polynet.spec import Spec, concrete, is_stand_in, with_stand_in
from polynet.symbolic import KerasTensor, infer_by_running
from polynet.values import dtype_of, shape_of
from polynet.variable import Observer, StatelessScope, Variable

# ------------------------------------------------------------------------------------------ finding


def bridges() -> dict[str, tuple[str, str]]:
    """The name of every bridge of the installed backends, with its backend and the module that defines it.

    Example:
        >>> "numpy" in {backend for backend, _ in bridges().values()}
        False
    """
    found: dict[str, tuple[str, str]] = {}
    for backend in plugins.list_backends():
        with contextlib.suppress(errors.BackendError):  # a broken plugin is no reason to fail here
            for name, module in plugins.info(backend).bridges.items():
                found.setdefault(name, (backend, module))
    return found


def find_bridge(name: str) -> type[Bridge]:
    """The bridge of that name; imports the backend's module, but no array library.

    Example:
        >>> find_bridge("TorchModuleWrapper").__mro__[1].__name__
        'Bridge'
    """
    known = bridges()
    if name not in known:
        raise KeyError(name)
    found: type[Bridge] = getattr(importlib.import_module(known[name][1]), name)
    return found


# ------------------------------------------------------------------------------------------ the base


class Bridge(Layer):
    """The base of layers around what only one array library has.

    A subclass sets ``needs``, and calls ``super().__init__`` before it touches the library.  The outputs' shapes are
    found by the library's own abstract evaluation.

    Example:
        >>> class OnMars(Bridge):
        ...     needs = "mars"
        >>> OnMars()
        Traceback (most recent call last):
            ...
        polynet.errors.BackendError: OnMars needs the backend 'mars'; 'numpy' is active. ...
    """

    needs: ClassVar[str] = ""
    """The name of the backend on which the layer works."""

    def __init__(self, **kwargs: Any) -> None:
        active = plugins.current().name
        if active != self.needs:
            raise errors.BackendError(
                f"{type(self).__name__} needs the backend {self.needs!r}; {active!r} is active. Set "
                f"POLYNET_BACKEND={self.needs}, call polynet.set_backend({self.needs!r}) before anything is made, or "
                f"make and use the layer inside polynet.use_backend({self.needs!r})."
            )
        super().__init__(**kwargs)

    def track(self, variable: Variable) -> Variable:
        """Count a variable, made elsewhere, among the layer's weights; returns it."""
        if all(known is not variable for known in self._own):
            self._own.append(variable)
            plugins.state.changes += 1
        return variable

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        if not self.built:
            self._build_for(self._tensor_arguments(args, kwargs))
        with StatelessScope(), concrete():
            return infer_by_running(self._abstractly, args, kwargs)

    def _run(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], first: tuple[Any, ...], given_mask: Any
    ) -> Any:
        lengths = [n for x in tree.flatten((args, kwargs)) if isinstance(x, Spec) for n in x.shape]
        if not lengths:
            return super()._run(args, kwargs, first, given_mask)

        # within a model whose shapes are inferred: the library knows no specs, and no lengths that stand for others
        def symbol(x: Any) -> Any:
            if not isinstance(x, Spec):
                return x
            shape = [None if n > _LARGE or is_stand_in(n) else n for n in x.shape]
            return KerasTensor(shape, x.dtype)

        args, kwargs = tree.map_structure(symbol, (args, kwargs))
        second = with_stand_in((None,), 1)[0]
        which = int(any(n >= second and n % second == 0 for n in lengths))
        return tree.map_structure(
            lambda y: (
                Spec(with_stand_in(y.shape, which), y.dtype) if isinstance(y, KerasTensor) else y
            ),
            self.compute_output_spec(*args, **kwargs),
        )

    def _abstractly(self, *args: Any, **kwargs: Any) -> Any:
        """Shapes and dtypes of the outputs, without computing them."""
        backend = plugins.current()
        tensors = [x for x in tree.flatten((args, kwargs)) if isinstance(x, backend.tensor_types)]
        specs: Any = None

        def run(values: Any) -> list[Any]:
            nonlocal specs
            rest = iter(values)
            swapped_args, swapped_kwargs = tree.map_structure(
                lambda x: next(rest) if isinstance(x, backend.tensor_types) else x, (args, kwargs)
            )
            outputs = self._run(swapped_args, swapped_kwargs, swapped_args[:1], None)
            specs = tree.map_structure(
                lambda y: Spec(shape_of(y), dtype_of(y)) if hasattr(y, "shape") else y, outputs
            )
            return [y for y in tree.flatten(outputs) if isinstance(y, backend.tensor_types)]

        if backend.transforms is None:
            run(tensors)
        else:
            backend.transforms.trace(run, tensors)
        return specs

    def get_config(self) -> dict[str, Any]:
        try:
            return super().get_config()
        except TypeError as error:
            raise TypeError(
                f"{self._title()}: get_config: what it is around is code, which no description holds ({error}) Keep "
                f"the weights (save_weights), and make the layer anew in the program that loads them."
            ) from None


_LARGE = 100_000
"""Lengths beyond it may be computed from one that stands for an unknown length."""


# ------------------------------------------------------------------------------------------ variables


class SharedVariable(Variable):
    """A variable whose tensor is held by something of the array library, so that both always see one value.

    A subclass says where the tensor is: ``fetch`` gives it, detached from whatever the library records, and ``store``
    puts another one there.  Reading, assigning, tapes and compilation go through these two.

    Example:
        >>> import numpy as np
        >>> place = {"w": np.zeros(2, "float32")}
        >>> class InDict(SharedVariable):
        ...     def fetch(self):
        ...         return place["w"]
        ...     def store(self, value):
        ...         place["w"] = value
        >>> v = InDict.around(name="v")
        >>> _ = v.assign_add([1.0, 2.0])
        >>> place["w"]
        array([1., 2.], dtype=float32)
    """

    def fetch(self) -> Any:
        """The tensor as it is now."""
        raise NotImplementedError(f"{type(self).__name__}.fetch")

    def store(self, value: Any) -> None:
        """Put ``value``, of the same shape and dtype, in the tensor's place; nothing is written into the old one."""
        raise NotImplementedError(f"{type(self).__name__}.store")

    @property
    def _value(self) -> Any:
        return self.fetch()

    @_value.setter
    def _value(self, value: Any) -> None:
        self.store(value)

    def _initial(self, initializer: Any, shape: Any, dtype: Any) -> Any:
        return self.fetch()

    @classmethod
    def around(cls, name: str, trainable: bool = True, autocast: bool = True, **where: Any) -> Self:
        """A new variable for a tensor that exists; ``where`` are the attributes by which ``fetch`` finds it."""
        variable = cls.__new__(cls)
        variable.__dict__.update(where)
        Variable.__init__(variable, None, trainable=trainable, autocast=autocast, name=name)
        return variable

    @classmethod
    def move(cls, variable: Variable, **where: Any) -> Self:
        """Let a variable that exists share its tensor from now on; it stays the same object."""
        variable.__dict__.pop("_value", None)
        variable.__dict__.update(where)
        variable.__class__ = cls
        assert isinstance(variable, cls)
        return variable

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_backend": self._backend.name}

    def __setstate__(self, saved: dict[str, Any]) -> None:
        self.__dict__.update(saved)
        self._backend = plugins.get(saved["_backend"])


class Substitution(Observer):
    """A block in which some variables are read as given tensors, exactly these, so that gradients reach them.

    Assignments of any variable are kept in ``assigned`` instead of being made.

    Args:
        values: pairs of a variable and what is read in its place.

    Example:
        >>> import polynet
        >>> from polynet.variable import observing
        >>> v = polynet.Variable(1.0)
        >>> with observing(Substitution([(v, polynet.ops.array(5.0))])) as given:
        ...     _ = v.assign(v + 1.0)
        ...     inside = float(v)
        >>> float(v), inside, [float(value) for _, value in given.assigned.values()]
        (1.0, 6.0, [6.0])
    """

    def __init__(self, values: Any) -> None:
        self._values = {id(variable): (variable, value) for variable, value in values}
        self.assigned: dict[int, tuple[Variable, Any]] = {}

    def read(self, variable: Variable, value: Any) -> Any:
        for known in (self.assigned, self._values):
            if id(variable) in known:
                return known[id(variable)][1]
        return value

    def write(self, variable: Variable, value: Any) -> bool:
        self.assigned[id(variable)] = (variable, value)
        return True


# ------------------------------------------------------------------------------------------ names


def weight_names(layer: Layer, variables: Any) -> list[tuple[str, ...]]:
    """The parts of a name for each variable: its path below the layer, each unlike the others.

    Example:
        >>> import polynet
        >>> model = polynet.Sequential([polynet.Input((3,)), polynet.layers.Dense(2, name="head")], name="net")
        >>> weight_names(model, model.weights)
        [('head', 'kernel'), ('head', 'bias')]
    """
    found: list[tuple[str, ...]] = []
    taken: set[tuple[str, ...]] = set()
    for variable in variables:
        parts = tuple(part for part in variable.path.replace(".", "/").split("/") if part)
        if len(parts) > 1 and parts[0] == layer.name:
            parts = parts[1:]
        name, number = parts, 0
        # neither a name twice, nor a name that is the beginning of another one
        while any(name[: len(other)] == other or other[: len(name)] == name for other in taken):
            number += 1
            name = (*parts[:-1], f"{parts[-1]}_{number}")
        taken.add(name)
        found.append(name)
    return found


def nested(names: Any, values: Any) -> dict[str, Any]:
    """Dicts within dicts, by names as ``weight_names`` gives them.

    Example:
        >>> nested([("a", "b"), ("a", "c")], [1, 2])
        {'a': {'b': 1, 'c': 2}}
    """
    found: dict[str, Any] = {}
    for name, value in zip(names, values, strict=True):
        place = found
        for part in name[:-1]:
            place = place.setdefault(part, {})
        place[name[-1]] = value
    return found


def unnested(names: Any, structure: Any, what: str) -> list[Any]:
    """The values of ``nested`` in the order of the names, or an error that says which name is missing.

    Example:
        >>> unnested([("a", "c"), ("a", "b")], {"a": {"b": 1, "c": 2}}, "params")
        [2, 1]
    """
    found = []
    for name in names:
        place = structure
        for part in name:
            if not isinstance(place, Mapping) or part not in place:
                raise ValueError(
                    f"{what}: expected the structure that as_native gave; {'/'.join(name)!r} is missing."
                )
            place = place[part]
        found.append(place)
    count = sum(1 for _ in tree.flatten(structure))
    if count != len(found):
        raise ValueError(
            f"{what}: expected the structure that as_native gave, of {len(found)} tensors; got {count}."
        )
    return found


def expect_built(layer: Layer) -> None:
    """Raise unless every layer within has its weights."""
    for one in reversed(layer._flatten_layers()):  # those within first
        if not one.built:
            raise ValueError(
                f"{layer._title()}: as_native: layer {one.name!r} has no weights yet. Call the model once, or "
                f"build(input_shape), first."
            )


def placeholder(spec: Any, dtype: str = "float32") -> Any:
    """Ones of a shape in which unknown lengths are 1, for functions that make weights from an example."""
    shape = spec.shape if isinstance(spec, KerasTensor) else spec
    lengths = tuple(1 if length is None else int(length) for length in shape)
    return from_host(np.ones(lengths, np.int8), plugins.current(), dtype)
