"""NumPy's recurrent loops: one step after the other, into arrays that were made before.

Nothing but native overrides of the ops of ``polynet/ops/recurrent.py`` that go through time, forwards and back. The
logistic function is computed as ``tanh(x / 2) / 2 + 1 / 2``, so that all gates take one call. Activations other than
the usual ones run the body of the op; float16 is computed in float32.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from polynet.op import OPS

_USUAL = ("tanh", "sigmoid")


def _usual(method: Callable[..., Any]) -> Callable[..., Any]:
    """``method`` for the usual activations, the body of its op for others; in float32 where it is given float16."""
    name = method.__name__

    def wide(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [wide(entry) for entry in value]
        return value.astype(np.float32) if getattr(value, "dtype", None) == np.float16 else value

    @functools.wraps(method)
    def run(self: Any, *args: Any) -> Any:
        named = tuple(arg for arg in args if isinstance(arg, str))
        if named != _USUAL[: len(named)]:
            return OPS[name].function(*args)
        if args[0][0].dtype != np.float16:
            return method(self, *args)
        return tuple(part.astype(np.float16) for part in method(self, *map(wide, args)))

    return run


def _none(g: Any) -> bool:
    """Is a cotangent zero everywhere, as that of a result that nobody used?"""
    return not (g[(slice(0, 1),) * g.ndim] if not any(g.strides) else g).any()


def _halves(width: int, curve: slice, dtype: Any) -> tuple[Any, Any]:
    """What gates side by side are multiplied with, before tanh and after it, and what is added then."""
    factor = np.full(width, 0.5, dtype)
    factor[curve] = 1
    return factor, 1 - factor


def _to_kernel(first: Any, states: Any, dz: Any) -> Any:
    """The gradient by a recurrent kernel: of each step the state before it and the cotangent of their product."""
    units, width = states.shape[-1], dz.shape[-1]
    if not len(dz):
        return np.zeros((units, width), dz.dtype)
    found = first.T @ dz[0]
    found += states[:-1].reshape(-1, units).T @ dz[1:].reshape(-1, width)
    return found


class Recurrent:
    """The loops of simple recurrent networks, LSTM and GRU."""

    # ------------------------------------------------------------------------------------- simple

    @_usual
    def simple_rnn_steps(self, tensors: Any, mask: Any, activation: str) -> Any:
        z, h, recurrent_kernel = tensors
        states = np.array(z)
        product = np.empty_like(h)
        for t in range(len(z)):
            new = states[t]
            new += np.matmul(h, recurrent_kernel, product)
            np.tanh(new, new)
            if mask is not None:
                np.copyto(new, h, where=~mask[t])
            h = new
        return states, h

    @_usual
    def simple_rnn_gradient(self, cotangents: Any, saved: Any, mask: Any, activation: str) -> Any:
        g, dh = cotangents
        states, first, recurrent_kernel = saved
        dz = np.subtract(1, states * states)
        back, dh = np.ascontiguousarray(recurrent_kernel.T), np.array(dh)
        for t in reversed(range(len(dz))):
            dh += g[t]
            d = dz[t]
            d *= dh
            if mask is None:
                np.matmul(d, back, dh)
            else:
                d *= mask[t]
                dh *= ~mask[t]
                dh += d @ back
        return dz, dh, _to_kernel(first, states, dz)

    # --------------------------------------------------------------------------------------- LSTM

    @_usual
    def lstm_steps(
        self, tensors: Any, mask: Any, activation: str, recurrent_activation: str
    ) -> Any:
        z, h, c, recurrent_kernel = tensors
        (time, batch, width), units, dtype = z.shape, h.shape[-1], z.dtype
        factor, added = _halves(width, slice(2 * units, 3 * units), dtype)
        gates, kernel = z * factor, recurrent_kernel * factor
        states, cells = np.empty((2, time, batch, units), dtype)
        product, part = np.empty((batch, width), dtype), np.empty((batch, units), dtype)
        for t in range(time):
            now, new, cell = gates[t], states[t], cells[t]
            now += np.matmul(h, kernel, product)
            np.tanh(now, now)
            now *= factor
            now += added
            i, f, a, o = (now[:, at : at + units] for at in range(0, width, units))
            np.multiply(f, c, cell)
            cell += np.multiply(i, a, part)
            np.multiply(o, np.tanh(cell, part), new)
            if mask is not None:
                away = ~mask[t]
                np.copyto(new, h, where=away)
                np.copyto(cell, c, where=away)
            h, c = new, cell
        return states, cells, gates, h, c

    @_usual
    def lstm_gradient(
        self, cotangents: Any, saved: Any, mask: Any, activation: str, recurrent_activation: str
    ) -> Any:
        g_states, g_cells, g_gates, dh, dc = cotangents
        states, cells, gates, first, first_cell, recurrent_kernel = saved
        (time, batch, width), units, dtype = gates.shape, states.shape[-1], gates.dtype
        dh, dc, back = np.array(dh), np.array(dc), np.ascontiguousarray(recurrent_kernel.T)
        no_states, no_cells, no_gates = map(_none, (g_states, g_cells, g_gates))
        dz = np.empty_like(gates)
        slope, shown, part = np.empty((batch, width), dtype), *np.empty((2, batch, units), dtype)
        candidate = slice(2 * units, 3 * units)
        kept: Any = None
        for t in reversed(range(time)):
            now, d = gates[t], dz[t]
            i, f, a, o = (now[:, at : at + units] for at in range(0, width, units))
            if not no_states:
                dh += g_states[t]
            if not no_cells:
                dc += g_cells[t]
            if mask is not None:
                away = ~mask[t]
                kept = dh * away, dc * away
                dh *= mask[t]
                dc *= mask[t]
            np.tanh(cells[t], shown)
            np.multiply(dh, shown, d[:, 3 * units :])
            np.multiply(shown, shown, part)
            np.subtract(1, part, part)
            part *= o
            part *= dh
            dc += part
            np.multiply(dc, a, d[:, :units])
            np.multiply(dc, cells[t - 1] if t else first_cell, d[:, units : 2 * units])
            np.multiply(dc, i, d[:, candidate])
            if not no_gates:
                d += g_gates[t]
            np.multiply(now, now, slope)
            np.subtract(now, slope, slope)
            np.multiply(a, a, part)
            np.subtract(1, part, slope[:, candidate])
            d *= slope
            dc *= f
            np.matmul(d, back, dh)
            if kept is not None:
                dh += kept[0]
                dc += kept[1]
        return dz, dh, dc, _to_kernel(first, states, dz)

    # ---------------------------------------------------------------------------------------- GRU

    @_usual
    def gru_steps(
        self,
        tensors: Any,
        mask: Any,
        activation: str,
        recurrent_activation: str,
        reset_after: bool,
    ) -> Any:
        z, h, recurrent_kernel, *biases = tensors
        (time, batch, _), units, dtype = z.shape, h.shape[-1], z.dtype
        gates = np.array(z)
        states, inners = np.empty((2, time, batch, units), dtype)
        both = slice(0, 2 * units)
        of_gates = recurrent_kernel if reset_after else recurrent_kernel[:, both]
        of_candidate = np.ascontiguousarray(recurrent_kernel[:, 2 * units :])
        of_gates = np.ascontiguousarray(of_gates)
        product = np.empty((batch, of_gates.shape[-1]), dtype)
        for t in range(time):
            now, new, inner = gates[t], states[t], inners[t]
            np.matmul(h, of_gates, product)
            for bias in biases:
                product += bias
            two, candidate = now[:, both], now[:, 2 * units :]
            two += product[:, both]
            two *= 0.5
            np.tanh(two, two)
            two *= 0.5
            two += 0.5
            update, reset = two[:, :units], two[:, units:]
            if reset_after:
                inner[...] = product[:, 2 * units :]
                candidate += np.multiply(reset, inner, new)
            else:
                np.multiply(reset, h, inner)
                candidate += np.matmul(inner, of_candidate, new)
            np.tanh(candidate, candidate)
            np.subtract(h, candidate, new)
            new *= update
            new += candidate
            if mask is not None:
                np.copyto(new, h, where=~mask[t])
            h = new
        return states, gates, inners, h

    @_usual
    def gru_gradient(
        self,
        cotangents: Any,
        saved: Any,
        mask: Any,
        activation: str,
        recurrent_activation: str,
        reset_after: bool,
    ) -> Any:
        g_states, g_gates, g_inner, dh = cotangents
        states, gates, inners, first, recurrent_kernel, *biases = saved
        (time, batch, width), units, dtype = gates.shape, states.shape[-1], gates.dtype
        dh, back = np.array(dh), np.ascontiguousarray(recurrent_kernel.T)
        no_states, no_gates, no_inner = map(_none, (g_states, g_gates, g_inner))
        both, last = slice(0, 2 * units), slice(2 * units, 3 * units)
        dz = np.empty_like(gates)
        products = np.empty_like(gates)  # cotangents of what the state was multiplied to
        slope, part = np.empty((batch, width), dtype), np.empty((batch, units), dtype)
        for t in reversed(range(time)):
            now, d, of_product, h = gates[t], dz[t], products[t], states[t - 1] if t else first
            update, reset, candidate = (now[:, at : at + units] for at in range(0, width, units))
            if not no_states:
                dh += g_states[t]
            kept = 0 if mask is None else dh * ~mask[t]
            if mask is not None:
                dh *= mask[t]
            np.multiply(now, now, slope)
            np.subtract(now, slope, slope)
            np.multiply(candidate, candidate, part)
            np.subtract(1, part, slope[:, last])
            np.subtract(h, candidate, part)
            np.multiply(dh, part, d[:, :units])
            np.subtract(1, update, part)
            np.multiply(dh, part, d[:, last])
            d[:, units : 2 * units] = 0
            if not no_gates:
                d += g_gates[t]
            d[:, last] *= slope[:, last]
            dh *= update
            if reset_after:
                d[:, units : 2 * units] += d[:, last] * inners[t]
                np.multiply(d[:, last], reset, of_product[:, last])
                if not no_inner:
                    of_product[:, last] += g_inner[t]
                d[:, both] *= slope[:, both]
                of_product[:, both] = d[:, both]
                dh += of_product @ back
            else:
                np.matmul(d[:, last], back[last], part)
                if not no_inner:
                    part += g_inner[t]
                dh += part * reset
                d[:, units : 2 * units] += np.multiply(part, h, part)
                d[:, both] *= slope[:, both]
                dh += d[:, both] @ back[both]
            if mask is not None:
                dh += kept
        if reset_after:
            of_kernel = _to_kernel(first, states, products)
            return (dz, dh, of_kernel, *(products.sum((0, 1)) for _ in biases))
        of_kernel = np.empty_like(recurrent_kernel)
        of_kernel[:, both] = _to_kernel(first, states, dz[:, :, both])
        of_kernel[:, last] = inners.reshape(-1, units).T @ dz[:, :, last].reshape(-1, units)
        return dz, dh, of_kernel
