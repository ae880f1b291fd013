"""JAX's own differentiation, batching and compilation, for polynet.

Auxiliary results may be trees of anything: their arrays travel through JAX, the rest beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax

from polynet import tree
from polynet.backend import FlatFunction, Transforms
from polynet_jax.recurrent import forward_mode


class _Beside:
    """Runs a flat function so that JAX sees arrays only, and puts its auxiliary result together again."""

    def __init__(self, function: FlatFunction) -> None:
        self._function = function
        self._structure: Any = None

    def __call__(self, *values: Any) -> tuple[tuple[Any, ...], list[Any]]:
        outputs, aux = self._function(list(values))
        arrays: list[Any] = []

        def place(leaf: Any) -> Any:
            if not isinstance(leaf, jax.Array):
                return leaf
            arrays.append(leaf)
            return _Place(len(arrays) - 1)

        self._structure = tree.map_structure(place, aux)
        return tuple(outputs), arrays

    def auxiliary(self, arrays: Sequence[Any]) -> Any:
        return tree.map_structure(
            lambda leaf: arrays[leaf.number] if isinstance(leaf, _Place) else leaf, self._structure
        )


class _Place:
    """Where an array of the auxiliary result belongs."""

    def __init__(self, number: int) -> None:
        self.number = number


class JaxTransforms(Transforms):
    """``jax.vjp``, ``jax.jvp``, ``jax.vmap``, ``jax.jit``."""

    def vjp(
        self, function: FlatFunction, primals: Sequence[Any], once: bool = False
    ) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]], Any]:
        beside = _Beside(function)
        outputs, pull, arrays = jax.vjp(beside, *primals, has_aux=True)

        def pull_back(cotangents: Sequence[Any]) -> list[Any]:
            if cotangents[0] is None:
                cotangents = [jax.numpy.ones_like(outputs[0])]
            return list(pull(tuple(cotangents)))

        return list(outputs), pull_back, beside.auxiliary(arrays)

    def jvp(
        self, function: FlatFunction, primals: Sequence[Any], tangents: Sequence[Any]
    ) -> tuple[list[Any], list[Any], Any]:
        beside = _Beside(function)
        with forward_mode():
            outputs, derivatives, arrays = jax.jvp(
                beside, tuple(primals), tuple(tangents), has_aux=True
            )
        return list(outputs), list(derivatives), beside.auxiliary(arrays)

    def vmap(
        self, function: Callable[[Sequence[Any]], list[Any]], tensors: Sequence[Any]
    ) -> list[Any]:
        return list(jax.vmap(lambda *values: tuple(function(values)))(*tensors))

    def custom_gradient(
        self,
        function: Callable[[Sequence[Any]], tuple[list[Any], Callable[..., Any]]],
        primals: Sequence[Any],
    ) -> list[Any]:
        @jax.custom_gradient
        def call(*values: Any) -> Any:
            outputs, pull = function(list(values))
            return tuple(outputs), lambda cotangents: tuple(pull(list(cotangents)))

        return list(call(*primals))

    def is_recorded(self, x: Any) -> bool:
        return isinstance(x, jax.core.Tracer)

    def checkpoint(
        self, function: Callable[[Sequence[Any]], list[Any]], primals: Sequence[Any]
    ) -> list[Any]:
        return list(jax.checkpoint(lambda *values: tuple(function(values)))(*primals))

    def jit(
        self, function: Callable[[Sequence[Any]], list[Any]]
    ) -> Callable[[Sequence[Any]], list[Any]]:
        return jax.jit(function)

    def trace(self, function: Callable[[Sequence[Any]], list[Any]], tensors: Sequence[Any]) -> None:
        jax.eval_shape(function, list(tensors))
