"""Updates of all weights at once by torch's functions of lists, which take one call for all of them.

The meaning is that of the bodies in ``polynet.ops.updates``.  A tensor that is given is written into only where the
caller owns it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from polynet.ops.updates import LARGE

_DTYPES = frozenset({"float32", "int32", "int64"})


class Updates:
    """Optimizers' updates of float32 weights; those of other dtypes are the composites'."""

    is_traced: Callable[[Any], bool]

    def method(self, op: str, kinds: Sequence[str | type]) -> Callable[..., Any] | None:
        if op in Updates.__dict__ and op != "method" and not _DTYPES.issuperset(kinds):
            return None
        return super().method(op, kinds)  # type: ignore[misc]

    def finite_each(self, tensors: Any) -> Any:
        floats = bool(tensors) and all(x.is_floating_point() for x in tensors)
        if floats and not self.is_traced(tensors[0]):
            # a sum of squares takes a tenth of the time; it may overflow though all is finite
            norms = torch.isfinite(torch.stack(torch._foreach_norm(tensors)))
            if norms.all():
                return norms
        return torch.stack([torch.isfinite(x).all() for x in tensors])

    @staticmethod
    def sgd_step(
        parameters: Any,
        gradients: Any,
        momentums: Any,
        learning_rate: Any,
        momentum: float,
        nesterov: bool,
        owned: bool = False,
    ) -> Any:
        steps = torch._foreach_mul(gradients, -learning_rate)
        if not momentums:
            torch._foreach_add_(steps, parameters)
            return steps, []
        new = torch._foreach_mul(momentums, momentum)
        torch._foreach_add_(new, steps)
        if nesterov:
            torch._foreach_add_(steps, new, alpha=momentum)
            torch._foreach_add_(steps, parameters)
            return steps, new
        return torch._foreach_add(parameters, new), new

    def adam_step(
        self,
        parameters: Any,
        gradients: Any,
        momentums: Any,
        velocities: Any,
        peaks: Any,
        learning_rate: Any,
        step: Any,
        beta_1: float,
        beta_2: float,
        epsilon: float,
        owned: bool = False,
    ) -> Any:
        t = step.to(torch.float32)
        rate = learning_rate * torch.sqrt(1.0 - torch.pow(beta_2, t)) / (1.0 - torch.pow(beta_1, t))
        if gradients and not self.is_traced(gradients[0]):
            return _fused_adam(
                parameters,
                gradients,
                momentums,
                velocities,
                peaks,
                rate,
                beta_1,
                beta_2,
                epsilon,
                owned,
            )
        m = torch._foreach_lerp(momentums, gradients, 1 - beta_1)
        v = torch._foreach_mul(velocities, beta_2)
        torch._foreach_addcmul_(v, gradients, gradients, 1 - beta_2)
        new_peaks = torch._foreach_maximum(peaks, v) if peaks else []
        divisors = torch._foreach_sqrt(new_peaks or v)
        torch._foreach_add_(divisors, epsilon)
        torch._foreach_mul_(divisors, -1.0 / rate)
        return torch._foreach_addcdiv(parameters, m, divisors), m, v, new_peaks

    @staticmethod
    def rmsprop_step(
        parameters: Any,
        gradients: Any,
        velocities: Any,
        momentums: Any,
        averages: Any,
        learning_rate: Any,
        rho: float,
        momentum: float,
        epsilon: float,
        owned: bool = False,
    ) -> Any:
        v = torch._foreach_mul(velocities, rho)
        torch._foreach_addcmul_(v, gradients, gradients, 1 - rho)
        average: Any = []
        if averages:
            average = torch._foreach_lerp(averages, gradients, 1 - rho)
            divisors = torch._foreach_addcmul(v, average, average, -1.0)
            torch._foreach_add_(divisors, epsilon)
        else:
            divisors = torch._foreach_add(v, epsilon)
        torch._foreach_sqrt_(divisors)
        if not momentums:
            torch._foreach_mul_(divisors, -1.0 / learning_rate)
            return torch._foreach_addcdiv(parameters, gradients, divisors), v, [], average
        torch._foreach_mul_(divisors, 1.0 / learning_rate)
        m = torch._foreach_mul(momentums, momentum)
        torch._foreach_addcdiv_(m, gradients, divisors)
        return torch._foreach_sub(parameters, m), v, m, average

    @staticmethod
    def decay_step(parameters: Any, learning_rate: Any, weight_decay: float) -> Any:
        return torch._foreach_mul(parameters, 1.0 - learning_rate * weight_decay)

    @staticmethod
    def average_step(averages: Any, parameters: Any, momentum: Any) -> Any:
        new = torch._foreach_mul(averages, momentum)
        torch._foreach_add_(new, torch._foreach_mul(parameters, 1 - momentum))
        return new

    @staticmethod
    def clip_global_norm(gradients: Any, limit: float) -> Any:
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        factor = torch.where(norm.isfinite(), limit / norm.clamp(min=limit), torch.nan)
        return torch._foreach_mul(gradients, factor)


_LATE = 1e9  # a step so late that nothing is left to correct: the rate is corrected already


def _fused_adam(
    parameters: Any,
    gradients: Any,
    momentums: Any,
    velocities: Any,
    peaks: Any,
    rate: Any,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    owned: bool,
) -> Any:
    """Adam's update in one pass, over copies of what is not owned; torch's kernel wants memory in one order."""
    p, m, v, new_peaks = (_writable(xs, owned) for xs in (parameters, momentums, velocities, peaks))
    late = torch.full((), _LATE, device=rate.device)
    torch._fused_adam_(
        p,
        [g.contiguous() for g in gradients],
        m,
        v,
        new_peaks,
        [late] * len(p),
        lr=rate,
        beta1=beta_1,
        beta2=beta_2,
        weight_decay=0.0,
        eps=epsilon,
        amsgrad=bool(peaks),
        maximize=False,
    )
    return p, m, v, new_peaks


def _writable(xs: Any, owned: bool) -> list[Any]:
    """The tensors in memory of their own, in one order: themselves where they are owned, else copies."""
    taken = [owned and x.numel() >= LARGE and x.is_contiguous() for x in xs]
    copies = iter(_clones([x.contiguous() for x, free in zip(xs, taken, strict=True) if not free]))
    return [x if free else next(copies) for x, free in zip(xs, taken, strict=True)]


def _clones(xs: list[Any]) -> Any:
    if xs and hasattr(torch, "_foreach_clone"):  # in newer versions; a third of the time
        return torch._foreach_clone(xs)
    return [x.clone() for x in xs]
