"""Independent references for ops that neither NumPy nor SciPy has: slow, obvious NumPy code.

A row of the conformance cases names these functions in its ``reference``.  Nothing here may call
polynet, and nothing here is meant to be fast: what a function computes should be plain from its
loops.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

# ------------------------------------------------------------------------------------ activations


def sparsemax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """The level that leaves a sum of 1 above it, found by bisection for each row."""
    y = np.moveaxis(np.array(x, "float64"), axis, -1)
    result = np.zeros_like(y)
    for row in np.ndindex(y.shape[:-1]):
        low, high = y[row].min() - 1.0, y[row].max()
        for _ in range(200):
            level = (low + high) / 2
            if np.maximum(y[row] - level, 0).sum() > 1:
                low = level
            else:
                high = level
        result[row] = np.maximum(y[row] - level, 0)
    return np.moveaxis(result, -1, axis)


# ---------------------------------------------------------------------- convolutions and pooling


def _each(value: object, rank: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,) * rank


def _same_or_valid(length: int, span: int, stride: int, padding: str) -> tuple[int, int]:
    """How many results there are, and how much padding before the first."""
    if padding.lower() == "valid":
        return (length - span) // stride + 1, 0
    if padding.lower() == "causal":
        return (length - 1) // stride + 1, span - 1
    results = -(-length // stride)
    return results, max((results - 1) * stride + span - length, 0) // 2


def _last(x: np.ndarray, data_format: str | None) -> np.ndarray:
    return np.moveaxis(x, 1, -1) if data_format == "channels_first" else x


def _as_given(x: np.ndarray, data_format: str | None) -> np.ndarray:
    return np.moveaxis(x, -1, 1) if data_format == "channels_first" else x


def conv_loops(
    inputs: np.ndarray,
    kernel: np.ndarray,
    strides: object = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: object = 1,
) -> np.ndarray:
    """Every result, every kernel element, one at a time."""
    x, rank = _last(inputs, data_format), inputs.ndim - 2
    strides, dilation = _each(strides, rank), _each(dilation_rate, rank)
    *size, channels, filters = kernel.shape
    groups = x.shape[-1] // channels
    results, before = [], []
    for i in range(rank):
        span = (size[i] - 1) * dilation[i] + 1
        found = _same_or_valid(x.shape[1 + i], span, strides[i], padding)
        results.append(found[0])
        before.append(found[1])
    y = np.zeros((x.shape[0], *results, filters))
    for place in np.ndindex(*results):
        for offset in np.ndindex(*size):
            at = [place[i] * strides[i] - before[i] + offset[i] * dilation[i] for i in range(rank)]
            if all(0 <= at[i] < x.shape[1 + i] for i in range(rank)):
                for group in range(groups):
                    of = slice(group * channels, (group + 1) * channels)
                    to = slice(group * filters // groups, (group + 1) * filters // groups)
                    y[(slice(None), *place, to)] += (
                        x[(slice(None), *at, of)] @ kernel[(*offset, slice(None), to)]
                    )
    return _as_given(y, data_format)


def depthwise_loops(
    inputs: np.ndarray,
    kernel: np.ndarray,
    strides: object = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: object = 1,
) -> np.ndarray:
    """A convolution of each channel alone."""
    x = _last(inputs, data_format)
    parts = [
        conv_loops(
            x[..., i : i + 1], kernel[..., i : i + 1, :], strides, padding, None, dilation_rate
        )
        for i in range(x.shape[-1])
    ]
    return _as_given(np.concatenate(parts, -1), data_format)


def conv_transpose_loops(
    inputs: np.ndarray,
    kernel: np.ndarray,
    strides: object = 1,
    padding: str = "valid",
    output_padding: object = None,
    data_format: str | None = None,
    dilation_rate: object = 1,
) -> np.ndarray:
    """Each input element adds a scaled kernel to the result, of which a part is then cut out."""
    x, rank = _last(inputs, data_format), inputs.ndim - 2
    strides, dilation = _each(strides, rank), _each(dilation_rate, rank)
    extra = _each(output_padding, rank)
    size = kernel.shape[:rank]
    spans = [(size[i] - 1) * dilation[i] + 1 for i in range(rank)]
    whole = [(x.shape[1 + i] - 1) * strides[i] + spans[i] for i in range(rank)]
    room = [n + strides[i] + spans[i] + (extra[i] or 0) for i, n in enumerate(whole)]
    y = np.zeros((x.shape[0], *room, kernel.shape[-2]))
    for place in np.ndindex(*x.shape[1:-1]):
        for offset in np.ndindex(*size):
            at = [place[i] * strides[i] + offset[i] * dilation[i] for i in range(rank)]
            y[(slice(None), *at)] += x[(slice(None), *place)] @ kernel[offset].T
    for i in range(rank):
        n, stride, span, more = x.shape[1 + i], strides[i], spans[i], extra[i]
        if padding == "valid":
            cut = 0
            length = (n - 1) * stride + (max(span, stride) if more is None else span + more)
        elif more is None:
            # What is cut in front is what "same" adds in front, and never less than nothing.
            cut, length = max(span - 1 - (stride + span - 1) // 2, 0), n * stride
        else:
            length = (n - 1) * stride + span % 2 + more
            total = span + span % 2 - 2 + more
            cut = span - 1 - min(total - total // 2, span - 1)
        y = np.take(y, range(cut, cut + length), axis=1 + i)
    return _as_given(y, data_format)


def pool_loops(
    inputs: np.ndarray,
    pool_size: object,
    strides: object = None,
    padding: str = "valid",
    data_format: str | None = None,
    reduce: object = np.max,
) -> np.ndarray:
    """Every window, without what padding would add, reduced."""
    x, rank = _last(inputs, data_format), inputs.ndim - 2
    size = _each(pool_size, rank)
    strides = size if strides is None else _each(strides, rank)
    found = [_same_or_valid(x.shape[1 + i], size[i], strides[i], padding) for i in range(rank)]
    y = np.zeros((x.shape[0], *(n for n, _ in found), x.shape[-1]))
    for place in np.ndindex(*y.shape[1:-1]):
        key = []
        for i in range(rank):
            first = place[i] * strides[i] - found[i][1]
            key.append(slice(max(first, 0), first + size[i]))
        y[(slice(None), *place)] = reduce(x[(slice(None), *key)], axis=tuple(range(1, rank + 1)))
    return _as_given(y, data_format)


def adaptive_pool_loops(
    inputs: np.ndarray, output_size: object, data_format: str | None, reduce: object
) -> np.ndarray:
    """Window i of n goes from the floor of i/n to the ceiling of (i + 1)/n of the length."""
    x, rank = _last(inputs, data_format), inputs.ndim - 2
    size = _each(output_size, rank)
    y = np.zeros((x.shape[0], *size, x.shape[-1]))
    for place in np.ndindex(*size):
        key = []
        for i in range(rank):
            n = x.shape[1 + i]
            first = int(np.floor(place[i] * n / size[i]))
            key.append(slice(first, int(np.ceil((place[i] + 1) * n / size[i]))))
        y[(slice(None), *place)] = reduce(x[(slice(None), *key)], axis=tuple(range(1, rank + 1)))
    return _as_given(y, data_format)


def unfold_loops(
    x: np.ndarray,
    kernel_size: object,
    dilation: object = 1,
    padding: object = 0,
    stride: object = 1,
) -> np.ndarray:
    """One column a patch, one row a channel and window element."""
    size, steps, around, strides = (_each(v, 2) for v in (kernel_size, dilation, padding, stride))
    x = np.pad(x, ((0, 0), (0, 0), (around[0],) * 2, (around[1],) * 2))
    columns = []
    for top in range(0, x.shape[2] - (size[0] - 1) * steps[0], strides[0]):
        for left in range(0, x.shape[3] - (size[1] - 1) * steps[1], strides[1]):
            bottom, right = top + size[0] * steps[0], left + size[1] * steps[1]
            patch = x[:, :, top : bottom : steps[0], left : right : steps[1]]
            columns.append(patch.reshape(x.shape[0], -1))
    return np.stack(columns, -1)


def fold_loops(
    x: np.ndarray,
    output_size: object,
    kernel_size: object,
    dilation: object = 1,
    padding: object = 0,
    stride: object = 1,
) -> np.ndarray:
    """Each entry is added to the pixel that ``unfold_loops`` takes it from."""
    height, width = _each(output_size, 2)
    count = int(np.prod(_each(kernel_size, 2)))
    y = np.zeros((x.shape[0], x.shape[1] // count, height * width), x.dtype)
    names = np.arange(1, height * width + 1).reshape(1, 1, height, width)
    places = unfold_loops(names, kernel_size, dilation, padding, stride)[0]
    for channel in range(y.shape[1]):
        for row in range(count):
            for column, name in enumerate(places[row]):
                if name:
                    y[:, channel, name - 1] += x[:, channel * count + row, column]
    return y.reshape(*y.shape[:2], height, width)


# --------------------------------------------------------------------------------------------- nn


def attention_loops(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    bias: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    cap: float | None = None,
) -> np.ndarray:
    """Each head of each example on its own."""
    batch, targets, heads, size = query.shape
    sources, key_heads = key.shape[1:3]
    scale = size**-0.5 if scale is None else scale
    full = (batch, heads, targets, sources)
    bias = np.broadcast_to(0.0 if bias is None else bias, full)
    mask = np.broadcast_to(True if mask is None else mask, full).astype(bool)
    y = np.zeros((batch, targets, heads, value.shape[-1]))
    for b in range(batch):
        for head in range(heads):
            of = head // (heads // key_heads)
            for t in range(targets):
                logits = key[b, :, of] @ query[b, t, head] * scale
                if cap is not None:
                    logits = cap * np.tanh(logits / cap)
                logits = logits + bias[b, head, t]
                seen = mask[b, head, t] & ((np.arange(sources) <= t) | (not is_causal))
                # A target that sees nothing looks at everything alike.
                logits = np.where(seen, logits, -1e300)
                chances = np.exp(logits - logits.max())
                y[b, t, head] = chances / chances.sum() @ value[b, :, of]
    return y


def _log_softmax(x: np.ndarray) -> np.ndarray:
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def _spelled(frames: tuple[int, ...], blank: int) -> tuple[int, ...]:
    """What a class for each frame spells: repeats once, and no blanks."""
    kept = [c for i, c in enumerate(frames) if i == 0 or c != frames[i - 1]]
    return tuple(c for c in kept if c != blank)


def ctc_loss_ways(
    target: np.ndarray,
    output: np.ndarray,
    target_length: np.ndarray,
    output_length: np.ndarray,
    mask_index: int = 0,
) -> np.ndarray:
    """The probabilities of all the ways to spell the target, one by one."""
    losses = []
    for i in range(len(target)):
        chances = np.exp(_log_softmax(output[i]))[: output_length[i]]
        wanted = tuple(target[i][: target_length[i]])
        total = 0.0
        for way in np.ndindex(*(chances.shape[1],) * len(chances)):
            if _spelled(way, mask_index) == wanted:
                total += np.prod([chances[frame, c] for frame, c in enumerate(way)])
        losses.append(-np.log(total))
    return np.array(losses)


def ctc_decode_ways(
    inputs: np.ndarray, sequence_lengths: np.ndarray, top_paths: int, mask_index: int
) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest spellings, from the probabilities of all ways."""
    batch, frames, classes = inputs.shape
    labels = np.full((top_paths, batch, frames), -1)
    scores = np.zeros((batch, top_paths))
    for i in range(batch):
        chances = np.exp(_log_softmax(inputs[i]))[: sequence_lengths[i]]
        found: dict[tuple[int, ...], float] = {}
        for way in np.ndindex(*(classes,) * len(chances)):
            spelled = _spelled(way, mask_index)
            chance = np.prod([chances[frame, c] for frame, c in enumerate(way)])
            found[spelled] = found.get(spelled, 0.0) + chance
        for place, spelled in enumerate(sorted(found, key=found.get, reverse=True)[:top_paths]):
            labels[place, i, : len(spelled)] = spelled
            scores[i, place] = np.log(found[spelled])
    return labels, scores


def ctc_greedy(
    inputs: np.ndarray, sequence_lengths: np.ndarray, merge_repeated: bool, mask_index: int
) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest class of each frame, then what they spell."""
    labels = np.full((1, *inputs.shape[:2]), -1)
    scores = np.zeros((len(inputs), 1))
    for i, length in enumerate(sequence_lengths):
        frames = tuple(inputs[i, :length].argmax(-1))
        scores[i] = -inputs[i, :length].max(-1, initial=-np.inf).sum()
        kept = _spelled(frames, mask_index)
        if not merge_repeated:
            kept = tuple(c for c in frames if c != mask_index)
        labels[0, i, : len(kept)] = kept
    return labels, scores


# ---------------------------------------------------------------------- elements and control flow


def scattered(x: np.ndarray, indices: object, updates: np.ndarray, function: object) -> np.ndarray:
    """Each row of indices names a place of ``x``; ``None`` puts the update there, a function combines."""
    result = np.array(x)
    for row, update in zip(np.asarray(indices), updates, strict=True):
        place = tuple(row)
        result[place] = update if function is None else function(result[place], update)
    return result


def repeated(cond: object, body: object, loop_vars: object, most: int = 10**6) -> object:
    """A loop over a tuple of values, or a single one."""
    several = isinstance(loop_vars, list | tuple)
    values = tuple(loop_vars) if several else (loop_vars,)
    rounds = 0
    while rounds < most and cond(*values):
        result = body(*values)
        values = tuple(result) if several else (result,)
        rounds += 1
    return values if several else values[0]


def counted(lower: int, upper: int, f: object, value: object) -> object:
    """A loop over numbers."""
    for i in range(lower, upper):
        value = f(i, value)
    return value


def _part(xs: object, i: int) -> object:
    if isinstance(xs, dict):
        return {key: _part(value, i) for key, value in xs.items()}
    return None if xs is None else xs[i]


def _joined(parts: list) -> object:
    if isinstance(parts[0], tuple):
        return tuple(_joined(list(column)) for column in zip(*parts, strict=True))
    return None if parts[0] is None else np.stack(parts)


def scanned(
    f: object, carry: object, xs: object, length: object = None, reverse: bool = False
) -> object:
    """A carry handed from slice to slice, and the results in the order of the slices."""
    if xs is not None:
        length = len(next(iter(xs.values())) if isinstance(xs, dict) else xs)
    order = range(length)[::-1] if reverse else range(length)
    results = {}
    for i in order:
        carry, results[i] = f(carry, _part(xs, i))
    return carry, _joined([results[i] for i in range(length)])


def partial(f: object, elems: tuple) -> tuple:
    """The partial results of an associative function of tuples of slices."""
    rows = [tuple(x[i : i + 1] for x in elems) for i in range(len(elems[0]))]
    results = rows[:1]
    for row in rows[1:]:
        results.append(f(results[-1], row))
    return tuple(np.concatenate(column) for column in zip(*results, strict=True))


# -------------------------------------------------------------------------------- linear algebra


def each_lu(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """LU factors and pivots of each matrix of a stack."""
    pairs = [scipy.linalg.lu_factor(matrix) for matrix in x]
    return np.stack([lu for lu, _ in pairs]), np.stack([pivots for _, pivots in pairs])


def plu(x: np.ndarray) -> list[np.ndarray]:
    """LU factors in one matrix, the row that each was exchanged with, and the order of the rows that results."""
    if x.ndim > 2:
        return [np.stack(parts) for parts in zip(*map(plu, x), strict=True)]
    lu, pivots = scipy.linalg.lu_factor(x)
    order = list(range(len(x)))
    for i, other in enumerate(pivots):
        order[i], order[other] = order[other], order[i]
    return [lu, pivots, np.array(order)]


# ---------------------------------------------------------------------------------- random bits


def threefry(key: tuple[int, int], counter: tuple[int, int]) -> tuple[int, int]:
    """Threefry-2x32 with 20 rounds, written from its paper with Python integers."""
    mask = 0xFFFFFFFF
    keys = (*key, key[0] ^ key[1] ^ 0x1BD11BDA)
    x, y = ((c + k) & mask for c, k in zip(counter, key, strict=True))
    rotations = (13, 15, 26, 6, 17, 29, 16, 24)
    for i in range(20):
        x = (x + y) & mask
        by = rotations[i % 8]
        y = ((y << by | y >> (32 - by)) & mask) ^ x
        if i % 4 == 3:
            s = i // 4 + 1
            x = (x + keys[s % 3]) & mask
            y = (y + keys[(s + 1) % 3] + s) & mask
    return x, y


def threefry_bits(key: tuple[int, int], shape: tuple[int, ...]) -> np.ndarray:
    """Words of Threefry as int32: first the first ones of all blocks, then the second ones."""
    first, second = (int(word) & 0xFFFFFFFF for word in key)
    count = int(np.prod(shape, dtype=int))
    blocks = [threefry((first, second), (i, 0)) for i in range(-(-count // 2))]
    words = [word for word, _ in blocks] + [word for _, word in blocks]
    return np.array(words[:count], np.uint32).view(np.int32).reshape(shape)


# ------------------------------------------------------------------------------- indices in keys


def filled_key(key: tuple[object, ...], indices: list[np.ndarray]) -> tuple[object, ...]:
    """A key as NumPy takes it: what is no number, slice or the like is a place for an index."""
    rest = iter(indices)
    known = (int, slice, type(None), type(Ellipsis))
    return tuple(entry if isinstance(entry, known) else next(rest) for entry in key)


def updated_by_index(
    x: np.ndarray,
    indices: list[np.ndarray],
    updates: np.ndarray,
    key: tuple[object, ...],
    reduction: str | None,
) -> np.ndarray:
    """One element after the other, by its place in memory."""
    y = np.array(x)
    places = np.arange(x.size).reshape(x.shape)[filled_key(key, indices)]
    for place, update in zip(
        places.ravel(), np.broadcast_to(updates, places.shape).ravel(), strict=True
    ):
        old = y.flat[place]
        combined = {None: update, "add": old + update, "multiply": old * update}
        combined |= {"max": max(old, update), "min": min(old, update)}
        y.flat[place] = combined[reduction]
    return y


# --------------------------------------------------------------------------------------- recurrent


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


_CURVES = {
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
}


def _unrolled(x, states, mask, go_backwards, zero_output_for_mask, step):  # type: ignore[no-untyped-def]
    """The first state after each step, and all of them after the last one, for each example by itself."""
    batch, time, _ = x.shape
    outputs = np.zeros((batch, time, states[0].shape[-1]))
    ends = [np.array(state) for state in states]
    for example in range(batch):
        current = [state[example] for state in states]
        order = list(range(time))[:: -1 if go_backwards else 1]
        for place, t in enumerate(order):
            here = mask is None or mask[example, t]
            if here:
                current = step(x[example, t], *current)
            outputs[example, place] = current[0] * (here or not zero_output_for_mask)
        for end, state in zip(ends, current, strict=True):
            end[example] = state
    return (outputs, *ends)


def simple_rnn_loops(  # type: ignore[no-untyped-def]
    x, h, kernel, recurrent_kernel, bias, mask, activation, go_backwards, zero_output_for_mask
):
    """One step after the other, one example after the other."""

    def step(x, h):  # type: ignore[no-untyped-def]
        return [
            _CURVES[activation](x @ kernel + h @ recurrent_kernel + (0 if bias is None else bias))
        ]

    return _unrolled(x, [h], mask, go_backwards, zero_output_for_mask, step)


def lstm_loops(  # type: ignore[no-untyped-def]
    x,
    h,
    c,
    kernel,
    recurrent_kernel,
    bias,
    mask,
    activation,
    recurrent_activation,
    go_backwards,
    zero_output_for_mask,
):
    """One step after the other, one example after the other."""
    curve, gate = _CURVES[activation], _CURVES[recurrent_activation]

    def step(x, h, c):  # type: ignore[no-untyped-def]
        z = x @ kernel + h @ recurrent_kernel + (0 if bias is None else bias)
        i, f, a, o = np.split(z, 4)
        c = gate(f) * c + gate(i) * curve(a)
        return [gate(o) * curve(c), c]

    return _unrolled(x, [h, c], mask, go_backwards, zero_output_for_mask, step)


def gru_loops(  # type: ignore[no-untyped-def]
    x,
    h,
    kernel,
    recurrent_kernel,
    bias,
    mask,
    activation,
    recurrent_activation,
    reset_after,
    go_backwards,
    zero_output_for_mask,
):
    """One step after the other, one example after the other."""
    curve, gate = _CURVES[activation], _CURVES[recurrent_activation]
    nothing = np.zeros(kernel.shape[-1])
    of_input, of_state = nothing if bias is None else bias, nothing
    if reset_after and bias is not None:
        of_input, of_state = bias
    update_kernel, reset_kernel, candidate_kernel = np.split(recurrent_kernel, 3, axis=1)
    update_bias, reset_bias, candidate_bias = np.split(of_state, 3)

    def step(x, h):  # type: ignore[no-untyped-def]
        z, r, a = np.split(x @ kernel + of_input, 3)
        z = gate(z + h @ update_kernel + update_bias)
        r = gate(r + h @ reset_kernel + reset_bias)
        if reset_after:
            a = curve(a + r * (h @ candidate_kernel + candidate_bias))
        else:
            a = curve(a + (r * h) @ candidate_kernel)
        return [z * h + (1 - z) * a]

    return _unrolled(x, [h], mask, go_backwards, zero_output_for_mask, step)


# ------------------------------------------------------------------------------------------ images


def read_at(x, places, order, mode, value=0.0):
    """`image.map_coordinates` by SciPy, which has other words for two of the modes."""
    import scipy.ndimage

    mode = {"wrap": "grid-wrap", "constant": "grid-constant"}.get(mode, mode)
    return scipy.ndimage.map_coordinates(x, places, order=order, mode=mode, cval=value)


def warped(images, transform, mode):
    """`image.affine_transform` of a batch, channel by channel."""
    height, width = images.shape[1:3]
    y, x = np.mgrid[:height, :width]
    a0, a1, a2, b0, b1, b2, c0, c1 = transform
    k = c0 * x + c1 * y + 1
    places = [(b0 * x + b1 * y + b2) / k, (a0 * x + a1 * y + a2) / k]
    each = [
        [read_at(image[..., i], places, 1, mode) for i in range(image.shape[-1])]
        for image in images
    ]
    return np.moveaxis(np.array(each), 1, -1)


def recoloured(images, name):
    """A function of `colorsys`, pixel by pixel."""
    import colorsys

    function = getattr(colorsys, name)
    pixels = [function(*pixel) for pixel in images.reshape(-1, 3)]
    return np.array(pixels).reshape(images.shape)


def resized(images, size, mode, antialias):
    """`image.resize` with the channels first: each pixel weighs the old ones near its place, by rows and by columns."""

    def kernel(x):
        x = np.abs(x)
        if mode == "bilinear":
            return np.maximum(1 - x, 0)
        near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        return np.where(x < 1, near, np.where(x < 2, far, 0))

    for axis, new in ((2, size[0]), (3, size[1])):
        old = images.shape[axis]
        stretch = max(old / new, 1) if antialias else 1
        weights = np.zeros((new, old))
        for i in range(new):
            for j in range(old):
                weights[i, j] = kernel(((j + 0.5) - (i + 0.5) * old / new) / stretch)
            weights[i] /= weights[i].sum()
        images = np.moveaxis(np.tensordot(images, weights, (axis, 1)), -1, axis)
    return images


def bell(size, sigma):
    """Weights along a bell curve that sum to 1."""
    weights = np.exp(-(((np.arange(size) - (size - 1) / 2) / sigma) ** 2) / 2)
    return weights / weights.sum()


def blurred(images, kernel_size, sigma):
    """`image.gaussian_blur` of a batch by SciPy."""
    import scipy.ndimage

    for axis, size, width in ((2, kernel_size[0], sigma[0]), (1, kernel_size[1], sigma[1])):
        images = scipy.ndimage.correlate1d(images, bell(size, width), axis, mode="constant")
    return images


def steep(images, axis, other):
    """One of the two results of `image.sobel_edges`, by SciPy."""
    import scipy.ndimage

    rise = scipy.ndimage.correlate1d(images, [-1, 0, 1], axis, mode="constant")
    return scipy.ndimage.correlate1d(rise, [1, 2, 1], other, mode="constant")


def alike(x, y, size, sigma, top):
    """`image.ssim` of one image, window by window."""
    weights = np.outer(bell(size, sigma), bell(size, sigma))[..., None]
    c1, c2 = (0.01 * top) ** 2, (0.03 * top) ** 2
    found = []
    for i in range(x.shape[0] - size + 1):
        for j in range(x.shape[1] - size + 1):
            a, b = x[i : i + size, j : j + size], y[i : i + size, j : j + size]
            ma, mb = (weights * a).sum((0, 1)), (weights * b).sum((0, 1))
            va = (weights * (a - ma) ** 2).sum((0, 1))
            vb = (weights * (b - mb) ** 2).sum((0, 1))
            both = (weights * (a - ma) * (b - mb)).sum((0, 1))
            shape = (2 * ma * mb + c1) * (2 * both + c2)
            found.append(shape / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    return np.mean(found)
