"""What a backend gives: the public, versioned interface between the core and an array library.

A backend author reads this file and ``ops/primitives.py``.  ``Backend`` holds what every library does in its own
way; each primitive op is a method of the same name, and any composite op may be overridden by one.  How a backend
is found and chosen is in ``plugins.py``.  The functions at the end are those that Keras keeps at ``keras.backend``.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import pluggy

from polynet import config, dtypes, errors

if TYPE_CHECKING:
    import numpy as np

specification = pluggy.HookspecMarker("polynet")
implementation = pluggy.HookimplMarker("polynet")


@dataclasses.dataclass(frozen=True)
class BackendInfo:
    """What is known of a backend without importing its array library.

    Args:
        library: the library's name as people write it, ``"NumPy"``.
        distribution: its distribution on the package index, whose version is shown.
        modules: the top-level modules that its tensors come from.
        install: the command that installs what is missing.
        spec_version: the version of this interface that the backend was written for.
        bridges: layers around the library's own models: the name of each, and the module that defines it, which
            must not import the library. They are found as ``polynet.layers.<name>``; see ``Bridge`` in
            ``polynet.layers.bridges``.
        environment: environment variables under which the conformance suite runs, unless they are set otherwise: to
            have every dtype, say, or to compile thousands of small programs quickly. They are set before the library
            is imported.
    """

    library: str
    distribution: str
    modules: tuple[str, ...]
    install: str
    spec_version: int = 1
    bridges: Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False)
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False)


@specification(firstresult=True)
def polynet_backend_info() -> BackendInfo:  # type: ignore[empty-body]
    """Describe the backend; must not import the array library."""


@specification(firstresult=True)
def polynet_backend() -> Backend:  # type: ignore[empty-body]
    """Import the array library and return an instance of the backend's class."""


class NativeTape:
    """The library's own recording of gradients, under ``GradientTape``; for backends that have one."""

    def watch(self, value: Any, copy: bool) -> Any:
        """A tensor with the same values whose uses are recorded; ``value`` itself unless ``copy``."""
        raise NotImplementedError

    def reread(self, source: Any, value: Any) -> Any:
        """``value`` for a reader of the variable that ``source`` stands for, assigned since; still connected."""
        raise NotImplementedError

    def release(self, watched: Any) -> None:
        """Stop recording a tensor that ``watch`` returned as it was."""

    def pause(self) -> contextlib.AbstractContextManager[Any]:
        """A block in which nothing is recorded."""
        raise NotImplementedError

    def recording(self) -> contextlib.AbstractContextManager[Any]:
        """A block in which things are recorded, also where somebody around it has stopped that."""
        return contextlib.nullcontext()

    def is_recorded(self, x: Any) -> bool:
        """Does the library know how ``x`` was computed?"""
        raise NotImplementedError

    def gradient(
        self,
        targets: Sequence[Any],
        sources: Sequence[Any],
        weights: Sequence[Any],
        keep: bool,
        higher: bool,
    ) -> Sequence[Any]:
        """The gradients by the sources, ``None`` where a source is not connected.

        Args:
            weights: the cotangents of the targets, ``None`` for ones.
            keep: will the same graph be asked again?
            higher: will the gradients themselves be differentiated?
        """
        raise NotImplementedError


FlatFunction = Callable[[Sequence[Any]], tuple[list[Any], Any]]
"""A function of a list of tensors that returns a list of tensors and an auxiliary result, a tree of anything."""


class Transforms:
    """The library's own transformations of functions, for backends that have them."""

    def vjp(
        self, function: FlatFunction, primals: Sequence[Any], once: bool = False
    ) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]], Any]:
        """Outputs, the function that pulls cotangents back, and the auxiliary result.

        For a function with one scalar output the cotangent may be ``None``, which means 1.

        Args:
            once: will the pull-back be called a single time?
        """
        raise NotImplementedError

    def jvp(
        self, function: FlatFunction, primals: Sequence[Any], tangents: Sequence[Any]
    ) -> tuple[list[Any], list[Any], Any]:
        """Outputs, their derivatives along ``tangents``, and the auxiliary result."""
        raise NotImplementedError

    def vmap(
        self, function: Callable[[Sequence[Any]], list[Any]], tensors: Sequence[Any]
    ) -> list[Any]:
        """``function`` over the first axis of every tensor; results are stacked along theirs."""
        raise NotImplementedError

    def custom_gradient(
        self,
        function: Callable[[Sequence[Any]], tuple[list[Any], Callable[..., Any]]],
        primals: Sequence[Any],
    ) -> list[Any]:
        """The outputs of ``function``, whose second result takes cotangents to those of ``primals``."""
        raise NotImplementedError

    def is_recorded(self, x: Any) -> bool:
        """Is ``x`` a tensor whose derivative may be asked for?"""
        raise NotImplementedError

    def refusing(self, function: Callable[..., Any], message: str) -> Callable[..., Any]:
        """``function`` of tensors, whose derivative is an error."""

        def refuse(cotangents: Sequence[Any]) -> Any:
            raise TypeError(message)

        def call(*args: Any) -> Any:
            places = [i for i, arg in enumerate(args) if self.is_recorded(arg)]
            if not places:
                return function(*args)
            single = True

            def flat(primals: Sequence[Any]) -> tuple[list[Any], Callable[..., Any]]:
                nonlocal single
                values = list(args)
                for i, primal in zip(places, primals, strict=True):
                    values[i] = primal
                outputs = function(*values)
                single = not isinstance(outputs, list | tuple)
                return [outputs] if single else list(outputs), refuse

            found = self.custom_gradient(flat, [args[i] for i in places])
            return found[0] if single else tuple(found)

        return call

    def checkpoint(
        self, function: Callable[[Sequence[Any]], list[Any]], primals: Sequence[Any]
    ) -> list[Any]:
        """The outputs of ``function``, which is run again, instead of remembered, on the way back."""
        raise NotImplementedError

    def jit(
        self, function: Callable[[Sequence[Any]], list[Any]]
    ) -> Callable[[Sequence[Any]], list[Any]]:
        """``function`` compiled; called with tensors of other shapes or dtypes it compiles again."""
        raise NotImplementedError

    def trace(self, function: Callable[[Sequence[Any]], list[Any]], tensors: Sequence[Any]) -> None:
        """Run ``function`` on stand-ins for ``tensors``, without computing anything."""
        raise NotImplementedError


class Loops:
    """The library's own control flow, for values that are not known while a function is compiled.

    The functions take and return flat lists of tensors; shapes and dtypes have been checked.
    """

    def switch(
        self,
        index: Any,
        branches: Sequence[Callable[[Sequence[Any]], list[Any]]],
        operands: Sequence[Any],
    ) -> list[Any]:
        """The result of the branch with that number, an int32 tensor, moved into range."""
        raise NotImplementedError

    def while_loop(
        self,
        cond: Callable[[Sequence[Any]], Any],
        body: Callable[[Sequence[Any]], list[Any]],
        values: Sequence[Any],
    ) -> list[Any]:
        """``body`` applied to the values as long as ``cond`` of them holds."""
        raise NotImplementedError

    def scan(
        self,
        function: Callable[[Sequence[Any], Sequence[Any]], tuple[list[Any], list[Any]]],
        init: Sequence[Any],
        xs: Sequence[Any],
        length: int,
        reverse: bool,
        unroll: int | bool,
    ) -> tuple[list[Any], list[Any]]:
        """The last carry, and the results of ``function(carry, slices) -> (carry, results)``, stacked."""
        raise NotImplementedError


class Backend:
    """The base of every backend.

    A subclass sets the class attributes, writes the methods of the section "must be written" and one method for
    each primitive of ``polynet.ops.primitives``, with the parameters of the primitive.  It decides no dtype: an op
    receives tensors of the dtype that the core settled on and returns that dtype, unless the primitive's docstring
    names another.  It may write a method for any composite op too (``softmax``, ``conv``, ...): a native override,
    which must agree with the op's body.
    """

    # -------------------------------------------------------------------------------- facts to set

    name: str = ""
    """Set by the plugin loader from the entry point's name."""

    tensor_types: tuple[type, ...] = ()
    """The classes of the library's tensors, for ``isinstance``."""

    dtypes: Mapping[str, Any] = {}
    """The native dtype of every supported dtype name."""

    capabilities: frozenset[str] = frozenset()
    """Among ``autodiff``, ``jit``, ``vmap``, ``complex``, ``devices``, ``dlpack``, ``native_rng``."""

    scalar_ops: frozenset[str] = frozenset()
    """Ops whose methods take a Python number beside a tensor as it is, keeping the tensor's dtype."""

    tape: NativeTape | None = None
    """The library's own recording of gradients; ``None``: values are watched as boxes."""

    transforms: Transforms | None = None
    """The library's own ``vjp``, ``vmap``, ``jit``; ``None``: those of ``polynet.autodiff``, and no compilation."""

    loops: Loops | None = None
    """The library's own control flow, where compilation needs one; ``None``: Python's serves everywhere."""

    compiles: bool = False
    """Does ``polynet.jit`` compile without being asked?"""

    unwritten: ClassVar[str] = "Backend {backend!r} does not have the primitive {op!r} yet."

    def __init__(self) -> None:
        self.hot: dict[Any, Callable[..., Any]] = {}
        self._dtype_names = {native: name for name, native in self.dtypes.items()}
        for name, native in self.dtypes.items():
            dtypes.remember(native, name)

    # ------------------------------------------------------------------------------ must be written

    def asarray(self, value: Any, dtype: str) -> Any:
        """A tensor of that dtype from a NumPy array, a Python number or one of the library's tensors."""
        raise NotImplementedError(f"{type(self).__name__}.asarray")

    def to_numpy(self, x: Any) -> np.ndarray:
        """The tensor's values on the host."""
        raise NotImplementedError(f"{type(self).__name__}.to_numpy")

    # ------------------------------------------------------------------------------ may be written

    def as_argument(self, value: Any, dtype: str) -> Any:
        """What a compiled function takes for a NumPy array or a number; nobody else writes into it."""
        return self.asarray(value, dtype)

    def dtype_of(self, x: Any) -> str:
        """The dtype name of a tensor."""
        name = self._dtype_names.get(x.dtype)
        return name if name is not None else dtypes.standardize(x.dtype)

    def shape_of(self, x: Any) -> tuple[int, ...]:
        """The shape of a tensor as a tuple of integers."""
        return tuple(x.shape)

    def native_dtype(self, dtype: str) -> Any:
        """The library's dtype of that name, or an error that says what to do instead."""
        try:
            return self.dtypes[dtype]
        except KeyError:
            raise errors.DTypeError(self.explain_dtype(dtypes.standardize(dtype))) from None

    def host_dtype(self, dtype: str) -> str:
        """The dtype in which NumPy data of the given one comes in.

        Another one than given must be a smaller integer dtype; the values are then checked to fit.
        """
        return dtype

    def method(self, op: str, kinds: Sequence[str | type]) -> Callable[..., Any] | None:
        """The function that computes an op, or ``None``; looked up once for each combination of dtypes.

        Args:
            op: the op's name.
            kinds: for each tensor argument its dtype, or the type of a Python number that ``scalar_ops`` let through.
        """
        found: Callable[..., Any] | None = getattr(self, op, None)
        return found

    def explain_dtype(self, dtype: str) -> str:
        """Why a dtype is missing, and what to set or use."""
        return f"Backend {self.name!r} has no dtype {dtype}; it has {', '.join(self.dtypes)}."

    def from_dlpack(self, x: Any) -> Any:
        """A tensor that shares the memory of ``x``, an object with ``__dlpack__``."""
        raise NotImplementedError

    def copy(self, x: Any) -> Any:
        """The same values in memory of their own."""
        return self.asarray(self.to_numpy(x).copy(), self.dtype_of(x))

    def is_shared(self, x: Any) -> bool:
        """May the memory of ``x`` be seen by anybody who does not hold ``x`` itself: a view, a recorded graph?

        Optimizers write into tensors of which this is denied and that nobody but a variable holds, if a native
        override takes ``owned``.
        """
        return True

    def is_traced(self, x: Any) -> bool:
        """Does ``x`` stand for a value that is not known yet, inside the library's own compilation?"""
        return False

    def install_protocol(self, kind: type) -> None:
        """Add the library's conversion protocol to ``kind``, such as ``__jax_array__`` or ``__torch_function__``.

        ``kind`` has a method ``_polynet_value()`` that gives the tensor which it stands for.
        """

    def free_memory(self) -> None:
        """Let go of what is kept for speed alone, such as compiled programs, of which tests make thousands."""

    def devices(self) -> list[str]:
        """The devices in sight, as ``"cpu:0"`` or ``"gpu:0"``."""
        return ["cpu:0"]

    def device_scope(self, device: str) -> contextlib.AbstractContextManager[Any]:
        """A context in which new tensors live on ``device``, one of ``devices()``."""
        return contextlib.nullcontext()

    def device_of(self, x: Any) -> str:
        """The device on which a tensor lives."""
        return "cpu:0"

    def as_native(self, layer: Any) -> Any:
        """A built layer in the form in which the library has models, with the same weights; see ``Model.as_native``."""
        raise errors.BackendError(
            f"as_native: the library of backend {self.name!r} has no models of its own. Make the model on a backend "
            f"whose library has them: polynet.set_backend(name)."
        )

    def library_version(self) -> str:
        """The version of the array library."""
        from importlib.metadata import version

        from polynet import plugins

        return version(plugins.info(self.name).distribution)

    def __repr__(self) -> str:
        return f"<backend {self.name}>"


# ------------------------------------------------------------------- the names of ``keras.backend``

epsilon = config.epsilon
set_epsilon = config.set_epsilon
floatx = config.floatx
set_floatx = config.set_floatx
image_data_format = config.image_data_format
set_image_data_format = config.set_image_data_format
standardize_dtype = dtypes.standardize
result_type = dtypes.result_type


def backend() -> str:
    """The name of the active backend.

    Example:
        >>> import polynet
        >>> polynet.backend.backend()
        'numpy'
    """
    return config.backend()


def is_float_dtype(dtype: Any) -> bool:
    """Is it a floating point dtype?"""
    return dtypes.is_float(dtypes.standardize(dtype))


def is_int_dtype(dtype: Any) -> bool:
    """Is it an integer dtype?"""
    return dtypes.is_int(dtypes.standardize(dtype))


def is_keras_tensor(x: Any) -> bool:
    """Is it a symbolic tensor, as ``Input`` makes them?"""
    from polynet.symbolic import KerasTensor

    return isinstance(x, KerasTensor)


_uids: dict[str, int] = {}


def get_uid(prefix: str = "") -> int:
    """The next number for names that begin with ``prefix``."""
    _uids[prefix] = _uids.get(prefix, 0) + 1
    return _uids[prefix]


def clear_session(free_memory: bool = True) -> None:
    """Forget the numbers of ``get_uid``, so that automatic names begin anew."""
    _uids.clear()
    if free_memory:
        import gc

        gc.collect()
