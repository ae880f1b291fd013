"""PyTorch's own differentiation, batching and compilation, for polynet.

Plain tensors go through ``torch.autograd``, which is the faster; inside ``torch.func``'s transformations, where that is
not allowed, through ``torch.func``.  Compilation traces the function with ``make_fx``, gradients included, so that
``torch.compile`` gets one graph and never breaks it.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch

from polynet.backend import FlatFunction, NativeTape, Transforms
from polynet.ops.updates import LARGE


def in_transform() -> bool:
    """Is one of ``torch.func``'s transformations running?"""
    return torch._C._functorch.peek_interpreter_stack() is not None


class TorchTape(NativeTape):
    """``torch.autograd`` under ``GradientTape``."""

    def __init__(self) -> None:
        self._switched: dict[
            int, int
        ] = {}  # tensors that tapes switched to recording, and how many tapes did

    def watch(self, value: Any, copy: bool) -> Any:
        if not copy and (id(value) in self._switched or not value.requires_grad):
            self._switched[id(value)] = self._switched.get(id(value), 0) + 1
            return value.requires_grad_()
        return value if value.requires_grad else value.detach().requires_grad_()

    def reread(self, source: Any, value: Any) -> Any:
        return value.detach() + (source - source.detach())

    def release(self, watched: Any) -> None:
        tapes = self._switched.get(id(watched), 0)
        if tapes > 1:
            self._switched[id(watched)] = tapes - 1
        elif tapes == 1:
            del self._switched[id(watched)]
            watched.requires_grad_(False)

    def pause(self) -> contextlib.AbstractContextManager[Any]:
        return torch.no_grad()

    def recording(self) -> contextlib.AbstractContextManager[Any]:
        return torch.enable_grad()

    def is_recorded(self, x: Any) -> bool:
        return bool(x.requires_grad)

    def gradient(
        self,
        targets: Sequence[Any],
        sources: Sequence[Any],
        weights: Sequence[Any],
        keep: bool,
        higher: bool,
    ) -> Sequence[Any]:
        pairs = [
            (t, w)
            for t, w in zip(targets, weights, strict=True)
            if getattr(t, "requires_grad", False)
        ]
        if not pairs:
            return [None] * len(sources)
        plain = all(w is None and not t.shape for t, w in pairs)  # else torch imports much more
        return torch.autograd.grad(
            [t for t, _ in pairs],
            list(sources),
            None if plain else [torch.ones_like(t) if w is None else _like(w, t) for t, w in pairs],
            retain_graph=keep or higher,
            create_graph=higher,
            allow_unused=True,
        )


def _like(weight: Any, target: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(weight, dtype=target.dtype, device=target.device).expand(target.shape)


class TorchTransforms(Transforms):
    """``torch.autograd``, ``torch.func`` and ``torch.compile``."""

    def __init__(self) -> None:
        self._depth = 0  # how many of our gradients are being computed around this one

    def vjp(
        self, function: FlatFunction, primals: Sequence[Any], once: bool = False
    ) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]], Any]:
        if in_transform():
            return _func_vjp(function, primals)
        higher = self._depth > 0 or any(primal.requires_grad for primal in primals)
        leaves = [p.view_as(p) if p.requires_grad else p.detach().requires_grad_() for p in primals]
        self._depth += 1
        try:
            if torch.is_grad_enabled():
                outputs, aux = function(leaves)
            else:
                with torch.enable_grad():
                    outputs, aux = function(leaves)
        finally:
            self._depth -= 1
        recorded = [i for i, y in enumerate(outputs) if y.requires_grad]

        def pull_back(cotangents: Sequence[Any]) -> list[Any]:
            if not recorded:
                return [torch.zeros_like(p) for p in primals]
            found = torch.autograd.grad(
                [outputs[i] for i in recorded],
                leaves,
                None if cotangents[0] is None else [_transposed(cotangents[i]) for i in recorded],
                retain_graph=not once or higher,
                create_graph=higher,
                allow_unused=True,
            )
            if once and not higher:
                _release(leaves)
            return [
                torch.zeros_like(p) if g is None else _transposed(g)
                for g, p in zip(found, primals, strict=True)
            ]

        shown = outputs if higher else [y.detach() for y in outputs]
        return shown, pull_back, aux

    def jvp(
        self, function: FlatFunction, primals: Sequence[Any], tangents: Sequence[Any]
    ) -> tuple[list[Any], list[Any], Any]:
        kept: list[Any] = []

        def plain(*values: Any) -> Any:
            outputs, aux = function(list(values))
            kept.append(aux)
            return tuple(outputs)

        outputs, derivatives = torch.func.jvp(plain, tuple(primals), tuple(tangents))
        return list(outputs), list(derivatives), kept[-1]

    def vmap(
        self, function: Callable[[Sequence[Any]], list[Any]], tensors: Sequence[Any]
    ) -> list[Any]:
        return list(
            torch.func.vmap(lambda *values: tuple(function(values)), randomness="different")(
                *tensors
            )
        )

    def custom_gradient(
        self,
        function: Callable[[Sequence[Any]], tuple[list[Any], Callable[..., Any]]],
        primals: Sequence[Any],
    ) -> list[Any]:
        custom = _CustomInTransform if in_transform() else _Custom
        return list(custom.apply(function, *primals))

    def is_recorded(self, x: Any) -> bool:
        return isinstance(x, torch.Tensor) and (x.requires_grad or in_transform())

    def checkpoint(
        self, function: Callable[[Sequence[Any]], list[Any]], primals: Sequence[Any]
    ) -> list[Any]:
        from torch.utils.checkpoint import checkpoint

        return list(
            checkpoint(lambda *values: tuple(function(values)), *primals, use_reentrant=False)
        )

    def jit(
        self, function: Callable[[Sequence[Any]], list[Any]]
    ) -> Callable[[Sequence[Any]], list[Any]]:
        compiled: dict[Any, Callable[..., Any]] = {}

        def call(tensors: Sequence[Any]) -> list[Any]:
            key = tuple((tuple(t.shape), t.dtype, t.device, t.stride()) for t in tensors)
            if key not in compiled:
                compiled[key] = torch.compile(_graph(function, tensors), fullgraph=True)
            return list(compiled[key](*tensors))

        return call

    def trace(self, function: Callable[[Sequence[Any]], list[Any]], tensors: Sequence[Any]) -> None:
        _graph(function, tensors)


def _graph(
    function: Callable[[Sequence[Any]], list[Any]], tensors: Sequence[Any]
) -> torch.fx.GraphModule:
    """``function`` as one graph of tensor operations, what it does to gradients included."""
    from torch.fx.experimental.proxy_tensor import make_fx

    # Constants made on the way (a scalar beside a tensor) are real tensors among fake ones.
    return make_fx(
        lambda *values: tuple(function(values)), tracing_mode="fake", _allow_non_fake_inputs=True
    )(*tensors)


def _release(leaves: Sequence[torch.Tensor]) -> None:
    """Let go of the memory of weights, which a graph still holds that some auxiliary result hangs on.

    The graph has done its work.  Optimizers write into weights only when nobody else sees their memory.
    """
    for leaf in leaves:
        if leaf.numel() >= LARGE and leaf._use_count() <= 2 and sys.getrefcount(leaf) <= _IN_GRAPH:
            leaf.data = leaf.new_empty(0)


def _references_in_graph() -> int:
    """What is counted in ``_release`` of a tensor that only a graph and the list hold; versions of torch differ."""
    leaves = [torch.zeros(1, requires_grad=True)]
    graph = leaves[0] * 1.0
    for leaf in leaves:
        return sys.getrefcount(leaf) if graph.requires_grad else 0
    return 0


_IN_GRAPH = _references_in_graph()


def _transposed(g: torch.Tensor) -> torch.Tensor:
    """Between torch's gradients of complex tensors, which are conjugated, and plain transposes."""
    return g.conj() if g.is_complex() else g


class _Custom(torch.autograd.Function):
    """A function with a gradient of its own; for higher derivatives it runs again, on values that are recorded."""

    @staticmethod
    def forward(ctx: Any, function: Any, *primals: Any) -> Any:
        outputs, pull = function([p.detach() for p in primals])
        ctx.function, ctx.pull = function, pull
        ctx.save_for_backward(*primals)
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        pull = ctx.function(list(ctx.saved_tensors))[1] if torch.is_grad_enabled() else ctx.pull
        return None, *pull(list(cotangents))


class _Start(torch.autograd.Function):
    """A scalar whose gradient by ``y`` is the cotangent: of a scalar, torch asks for none, and imports much less."""

    @staticmethod
    def forward(ctx: Any, y: Any, cotangent: Any) -> Any:
        ctx.save_for_backward(cotangent)
        return y.new_zeros(())

    @staticmethod
    def backward(ctx: Any, weight: Any) -> Any:
        return ctx.saved_tensors[0] * weight if torch.is_grad_enabled() else ctx.saved_tensors[
            0
        ], None


def once_differentiable(
    kernel: Callable[..., Any], body: Callable[..., Any], primals: Sequence[Any]
) -> Any:
    """``kernel(*primals)``, whose derivative has none itself: where one is asked for, ``body`` is differentiated."""
    recorded = [primal.requires_grad for primal in primals]

    def run(parts: Sequence[Any]) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]]]:
        higher = torch.is_grad_enabled()  # on the way back, where a graph is made of it
        if not higher:
            parts = [p.detach().requires_grad_(r) for p, r in zip(parts, recorded, strict=True)]
        with torch.enable_grad():
            y = (body if higher else kernel)(*parts)

        def pull(cotangents: Sequence[Any]) -> list[Any]:
            leaves = [part for part, r in zip(parts, recorded, strict=True) if r]
            with torch.enable_grad():
                start = _Start.apply(y, *cotangents)
            found = iter(torch.autograd.grad(start, leaves, retain_graph=True, create_graph=higher))
            return [next(found) if r else None for r in recorded]

        return [y.detach()], pull

    return _Custom.apply(run, *primals)[0]


class _CustomInTransform(torch.autograd.Function):
    """The same inside ``torch.func``'s transformations, which let nothing but tensors through."""

    generate_vmap_rule = True

    @staticmethod
    def forward(function: Any, *primals: Any) -> Any:
        return tuple(function(list(primals))[0])

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.function = inputs[0]
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        return None, *ctx.function(list(ctx.saved_tensors))[1](list(cotangents))


def _func_vjp(
    function: FlatFunction, primals: Sequence[Any]
) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]], Any]:
    kept: list[Any] = []

    def plain(*values: Any) -> Any:
        outputs, aux = function(list(values))
        kept.append(aux)
        return tuple(outputs)

    outputs, pull = torch.func.vjp(plain, *primals)

    def pull_back(cotangents: Sequence[Any]) -> list[Any]:
        if cotangents[0] is None:
            cotangents = [torch.ones_like(outputs[0])]
        return [_transposed(g) for g in pull(tuple(_transposed(g) for g in cotangents))]

    return list(outputs), pull_back, kept[-1]
