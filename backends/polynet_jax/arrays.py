"""Arrays and control flow that JAX does better than the bodies of the ops.

Only native overrides and ``JaxLoops`` stand here; the primitives are in ``backend.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jax import lax

from polynet.backend import Loops


class JaxLoops(Loops):
    """``lax.switch``, ``lax.while_loop`` and ``lax.scan``."""

    def switch(
        self,
        index: Any,
        branches: Sequence[Callable[[Sequence[Any]], list[Any]]],
        operands: Sequence[Any],
    ) -> list[Any]:
        pure = [lambda *values, branch=branch: tuple(branch(list(values))) for branch in branches]
        return list(lax.switch(index, pure, *operands))

    def while_loop(
        self,
        cond: Callable[[Sequence[Any]], Any],
        body: Callable[[Sequence[Any]], list[Any]],
        values: Sequence[Any],
    ) -> list[Any]:
        return list(
            lax.while_loop(
                lambda given: cond(list(given)),
                lambda given: tuple(body(list(given))),
                tuple(values),
            )
        )

    def scan(
        self,
        function: Callable[[Sequence[Any], Sequence[Any]], tuple[list[Any], list[Any]]],
        init: Sequence[Any],
        xs: Sequence[Any],
        length: int,
        reverse: bool,
        unroll: int | bool,
    ) -> tuple[list[Any], list[Any]]:
        def step(carry: Any, x: Any) -> Any:
            new, made = function(list(carry), list(x))
            return tuple(new), tuple(made)

        carry, ys = lax.scan(step, tuple(init), tuple(xs), length, reverse, unroll)
        return list(carry), list(ys)
