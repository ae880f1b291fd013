"""torch's fused recurrent networks.

Nothing but native overrides of the ops of ``polynet/ops/recurrent.py``. torch has them for the usual activations and
without masks; elsewhere, and inside of ``torch.func``'s transformations, which do not know them, the body of the op
is run. ``torch.compile`` cannot compile them, and takes long for bodies of many steps: in its graph, going through time
is one operator, and so is its gradient. For the usual LSTM these are loops over preallocated tensors, and serve eager
calls with a mask too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor

from polynet.op import OPS
from polynet.ops.recurrent import check_recurrent
from polynet.spec import Spec
from polynet.values import dtype_of


def _is_fused(usual: bool, mask: Any, x: Any, *others: Any) -> bool:
    return (
        usual
        and mask is None
        and x.numel() > 0
        and not _are_fake(x, *others)
        and not _in_transform()
    )


def _in_transform() -> bool:
    """Is one of ``torch.func``'s transformations running?"""
    return torch._C._functorch.peek_interpreter_stack() is not None


def _are_fake(*tensors: Any) -> bool:
    """Is one of the tensors a stand-in, inside of compilation?"""
    return torch.compiler.is_compiling() or any(isinstance(x, FakeTensor) for x in tensors)


def _run(name: str, x: Any, states: Any, weights: Sequence[Any], go_backwards: bool) -> Any:
    """One of torch's functions, for one layer of weights that it has gates first."""
    if go_backwards:
        x = x.flip(1)
    if x.is_cuda:  # in one piece of memory, as cuDNN wants them
        weights = [
            part.view(weight.shape)
            for part, weight in zip(
                torch.cat([weight.reshape(-1) for weight in weights]).split(
                    [weight.numel() for weight in weights]
                ),
                weights,
                strict=True,
            )
        ]
    train = torch.is_grad_enabled() and any(
        tensor.requires_grad for tensor in (x, *states, *weights)
    )
    first = tuple(state.unsqueeze(0) for state in states)
    given = first if len(first) > 1 else first[0]
    y, *last = getattr(torch._VF, name)(
        *(x, given, list(weights), len(weights) == 4, 1, 0.0, train, False, True)
    )
    return (y, *(state.squeeze(0) for state in last))


def _weights(kernel: Any, recurrent_kernel: Any, bias: Any) -> list[Any]:
    """Gates first; torch has a second bias, which is zero unless there are two."""
    found = [kernel.t(), recurrent_kernel.t()]
    if bias is not None:
        found += [bias, torch.zeros_like(bias)] if bias.ndim == 1 else list(bias)
    return found


def _reset_first(x: Any) -> Any:
    """The update and the reset gate, along the last axis, exchanged."""
    update, reset, candidate = x.chunk(3, -1)
    return torch.cat([reset, update, candidate], -1)


# ------------------------------------------------------------------------- operators in a graph


def _static(texts: str) -> tuple[Any, ...]:
    """The arguments without data of an op that goes through time, which an operator takes as one text."""
    return tuple({"True": True, "False": False}.get(text, text) for text in texts.split())


@torch.library.custom_op("polynet::recurrent_steps", mutates_args=())
def _steps(
    name: str, tensors: list[torch.Tensor], mask: torch.Tensor | None, texts: str
) -> list[torch.Tensor]:
    """An op that goes through time."""
    if (name, texts) == _USUAL:
        return _lstm_forth(*tensors, mask)
    found = OPS[f"{name}_steps"].function(tensors, mask, *_static(texts))
    return [result.clone() if any(result is t for t in tensors) else result for result in found]


@torch.library.custom_op("polynet::recurrent_gradient", mutates_args=())
def _gradient(
    name: str,
    cotangents: list[torch.Tensor],
    saved: list[torch.Tensor],
    mask: torch.Tensor | None,
    texts: str,
) -> list[torch.Tensor]:
    """Its gradient."""
    if (name, texts) == _USUAL:
        return _lstm_back(cotangents, saved, mask)
    found = OPS[f"{name}_gradient"].function(cotangents, saved, mask, *_static(texts))
    return [result.clone() if any(result is t for t in cotangents) else result for result in found]


_USUAL = ("lstm", "tanh sigmoid")


def _lstm_forth(z: Any, h: Any, c: Any, recurrent_kernel: Any, mask: Any) -> list[Any]:
    units = h.shape[-1]
    gates = z.clone()
    states, cells = (z.new_empty((*z.shape[:2], units)) for _ in range(2))
    for t in range(len(z)):
        now, new, cell = gates[t], states[t], cells[t]
        now.addmm_(h, recurrent_kernel)
        i, f, a, o = now.split(units, 1)
        now[:, : 2 * units].sigmoid_()
        a.tanh_()
        o.sigmoid_()
        torch.mul(f, c, out=cell).addcmul_(i, a)
        torch.tanh(cell, out=new).mul_(o)
        if mask is not None:
            new.copy_(torch.where(mask[t], new, h))
            cell.copy_(torch.where(mask[t], cell, c))
        h, c = new, cell
    return [states, cells, gates, h.clone(), c.clone()]


def _lstm_back(cotangents: Any, saved: Any, mask: Any) -> list[Any]:
    g_states, g_cells, g_gates, dh, dc = cotangents
    states, cells, gates, first, first_cell, recurrent_kernel = saved
    units, width = first.shape[-1], gates.shape[-1]
    dh, dc, back = dh.clone(), dc.clone(), recurrent_kernel.t().contiguous()
    none = [not bool(g.any()) for g in (g_states, g_cells, g_gates)]
    dz = torch.empty_like(gates)
    for t in reversed(range(len(gates))):
        now, d = gates[t], dz[t]
        i, f, a, o = now.split(units, 1)
        d_i, d_f, d_a, d_o = d.split(units, 1)
        if not none[0]:
            dh += g_states[t]
        if not none[1]:
            dc += g_cells[t]
        kept = None
        if mask is not None:
            kept = torch.where(mask[t], 0, dh), torch.where(mask[t], 0, dc)
            dh, dc = torch.where(mask[t], dh, 0), torch.where(mask[t], dc, 0)
        shown = cells[t].tanh()
        torch.mul(dh, shown, out=d_o)
        dc.addcmul_(dh, shown.square_().neg_().add_(1).mul_(o))
        torch.mul(dc, a, out=d_i)
        torch.mul(dc, cells[t - 1] if t else first_cell, out=d_f)
        torch.mul(dc, i, out=d_a)
        if not none[2]:
            d += g_gates[t]
        slope = torch.addcmul(now, now, now, value=-1)
        torch.mul(a, a, out=slope[:, 2 * units : 3 * units]).neg_().add_(1)
        d.mul_(slope)
        dc.mul_(f)
        torch.mm(d, back, out=dh)
        if kept is not None:
            dh += kept[0]
            dc += kept[1]
    before = torch.cat([first.unsqueeze(0), states[:-1]]).reshape(-1, units)
    return [dz, dh, dc, before.t() @ dz.reshape(-1, width)]


@_steps.register_fake
def _(name: str, tensors: Any, mask: Any, texts: Any) -> Any:
    specs = [Spec(tuple(tensor.shape), dtype_of(tensor)) for tensor in tensors]
    there = None if mask is None else Spec(tuple(mask.shape), "bool")
    found = OPS[f"{name}_steps"].infer((specs, there, *_static(texts)))
    return [tensors[0].new_empty(spec.shape) for spec in found]


@_gradient.register_fake
def _(name: str, cotangents: Any, saved: Any, mask: Any, texts: Any) -> Any:
    time, batch, _ = saved[0].shape
    first = {"simple_rnn": 1, "lstm": 3, "gru": 3}[name]
    given = [state.new_empty(state.shape) for state in saved[first:]]  # states, then weights
    width = given[-1].shape[-1]
    return [saved[0].new_empty((time, batch, width)), *given]


def _remember(ctx: Any, inputs: Any, output: Any) -> None:
    ctx.name, tensors, mask, ctx.texts = inputs
    ctx.masked = mask is not None
    masks = [] if mask is None else [mask]
    ctx.save_for_backward(*masks, *_kept(ctx.name, output), *tensors[1:])


def _kept(name: str, results: Any) -> Any:
    """The results of an op that its gradient needs: all but the last states."""
    return results[:1] if name == "simple_rnn" else results[:3]


def _back(ctx: Any, cotangents: Any) -> Any:
    saved = list(ctx.saved_tensors)
    mask = saved.pop(0) if ctx.masked else None
    return None, list(_gradient(ctx.name, list(cotangents), saved, mask, ctx.texts)), None, None


def _remember_gradient(ctx: Any, inputs: Any, output: Any) -> None:
    ctx.name, cotangents, saved, mask, ctx.texts = inputs
    ctx.count, ctx.masked = len(cotangents), mask is not None
    ctx.save_for_backward(*([] if mask is None else [mask]), *cotangents, *saved)


def _back_again(ctx: Any, cotangents: Any) -> Any:
    """The second derivative, through the body of the gradient."""
    leaves = list(ctx.saved_tensors)
    mask = leaves.pop(0) if ctx.masked else None
    higher = torch.is_grad_enabled()
    leaves = [
        leaf.view_as(leaf) if higher and leaf.requires_grad else leaf.detach().requires_grad_()
        for leaf in leaves
    ]
    with torch.enable_grad():
        results = OPS[f"{ctx.name}_gradient"].function(
            leaves[: ctx.count], leaves[ctx.count :], mask, *_static(ctx.texts)
        )
    found = torch.autograd.grad(
        list(results),
        leaves,
        list(cotangents),
        create_graph=higher,
        allow_unused=True,
        materialize_grads=True,
    )
    return None, list(found[: ctx.count]), list(found[ctx.count :]), None, None


_steps.register_autograd(_back, setup_context=_remember)
_gradient.register_autograd(_back_again, setup_context=_remember_gradient)


def _through(name: str, tensors: Any, mask: Any, *static: Any) -> Any:
    """An op that goes through time: an operator in a graph and for the usual LSTM, else its body."""
    usual = (name, *static) == ("lstm", "tanh", "sigmoid") and not _in_transform()
    if not (usual or _are_fake(*tensors)) or not tensors[0].numel():
        return OPS[f"{name}_steps"].function(tensors, mask, *static)
    return tuple(_steps(name, list(tensors), mask, " ".join(map(str, static))))


class Recurrent:
    """Simple recurrent networks, LSTM and GRU."""

    @staticmethod
    def simple_rnn_steps(tensors: Any, mask: Any, activation: str) -> Any:
        return _through("simple_rnn", tensors, mask, activation)

    @staticmethod
    def lstm_steps(tensors: Any, mask: Any, activation: str, recurrent_activation: str) -> Any:
        return _through("lstm", tensors, mask, activation, recurrent_activation)

    @staticmethod
    def gru_steps(
        tensors: Any,
        mask: Any,
        activation: str,
        recurrent_activation: str,
        reset_after: bool,
    ) -> Any:
        return _through("gru", tensors, mask, activation, recurrent_activation, reset_after)

    @staticmethod
    def simple_rnn(
        x: Any,
        h: Any,
        kernel: Any,
        recurrent_kernel: Any,
        bias: Any = None,
        mask: Any = None,
        activation: str = "tanh",
        go_backwards: bool = False,
        zero_output_for_mask: bool = False,
    ) -> Any:
        if not _is_fused(
            activation in ("tanh", "relu"), mask, x, h, kernel, recurrent_kernel, bias
        ):
            return OPS["simple_rnn"].function(
                *(x, h, kernel, recurrent_kernel, bias, mask, activation, go_backwards),
                zero_output_for_mask,
            )
        check_recurrent(x, {"h": h}, kernel, recurrent_kernel, bias, (1,), mask)
        weights = _weights(kernel, recurrent_kernel, bias)
        return _run(f"rnn_{activation}", x, (h,), weights, go_backwards)

    @staticmethod
    def lstm(
        x: Any,
        h: Any,
        c: Any,
        kernel: Any,
        recurrent_kernel: Any,
        bias: Any = None,
        mask: Any = None,
        activation: str = "tanh",
        recurrent_activation: str = "sigmoid",
        go_backwards: bool = False,
        zero_output_for_mask: bool = False,
    ) -> Any:
        usual = (activation, recurrent_activation) == ("tanh", "sigmoid")
        if not _is_fused(usual, mask, x, h, c, kernel, recurrent_kernel, bias):
            return OPS["lstm"].function(
                *(x, h, c, kernel, recurrent_kernel, bias, mask, activation),
                *(recurrent_activation, go_backwards, zero_output_for_mask),
            )
        check_recurrent(x, {"h": h, "c": c}, kernel, recurrent_kernel, bias, (4,), mask)
        weights = _weights(kernel, recurrent_kernel, bias)
        return _run("lstm", x, (h, c), weights, go_backwards)

    @staticmethod
    def gru(
        x: Any,
        h: Any,
        kernel: Any,
        recurrent_kernel: Any,
        bias: Any = None,
        mask: Any = None,
        activation: str = "tanh",
        recurrent_activation: str = "sigmoid",
        reset_after: bool = True,
        go_backwards: bool = False,
        zero_output_for_mask: bool = False,
    ) -> Any:
        usual = (activation, recurrent_activation, reset_after) == ("tanh", "sigmoid", True)
        if not _is_fused(usual, mask, x, h, kernel, recurrent_kernel, bias):
            return OPS["gru"].function(
                *(x, h, kernel, recurrent_kernel, bias, mask, activation, recurrent_activation),
                *(reset_after, go_backwards, zero_output_for_mask),
            )
        check_recurrent(x, {"h": h}, kernel, recurrent_kernel, bias, (2, 3), mask)
        bias = None if bias is None else _reset_first(bias)
        weights = _weights(_reset_first(kernel), _reset_first(recurrent_kernel), bias)
        return _run("gru", x, (h,), weights, go_backwards)
