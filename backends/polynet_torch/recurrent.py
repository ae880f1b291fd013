"""torch's fused recurrent networks.

Nothing but native overrides of the ops of ``polynet/ops/recurrent.py``. torch has them for the usual activations and
without masks; elsewhere, and inside of ``torch.func``'s transformations, which do not know them, the body of the op
is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from polynet.op import OPS
from polynet.ops.recurrent import check_recurrent


def _is_fused(x: Any, mask: Any, usual: bool) -> bool:
    return (
        usual
        and mask is None
        and x.numel() > 0
        and torch._C._functorch.peek_interpreter_stack() is None
    )


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


class Recurrent:
    """Simple recurrent networks, LSTM and GRU."""

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
        if not _is_fused(x, mask, activation in ("tanh", "relu")):
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
        if not _is_fused(x, mask, usual):
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
        if not _is_fused(x, mask, usual):
            return OPS["gru"].function(
                *(x, h, kernel, recurrent_kernel, bias, mask, activation, recurrent_activation),
                *(reset_after, go_backwards, zero_output_for_mask),
            )
        check_recurrent(x, {"h": h}, kernel, recurrent_kernel, bias, (2, 3), mask)
        bias = None if bias is None else _reset_first(bias)
        weights = _weights(_reset_first(kernel), _reset_first(recurrent_kernel), bias)
        return _run("gru", x, (h,), weights, go_backwards)
