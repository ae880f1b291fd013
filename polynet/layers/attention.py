"""Attention as layers: plain, additive, with several heads, and with heads that share keys.

The computation for ready heads is an op, ``dot_product_attention``; it is used wherever neither the scores nor dropout
on them are asked for.  Here are the projections, the masks, and the way around where they are.
"""

from __future__ import annotations

import math
import string
from typing import Any

from polynet import config, constraints, errors, initializers, ops, random, regularizers
from polynet.layers.activation import Softmax
from polynet.layers.arguments import is_integer, one_of, share
from polynet.layers.core import EinsumDense, positive
from polynet.layers.dropout import Dropout
from polynet.layers.layer import Layer
from polynet.values import dtype_of


class Attention(Layer):
    """For each query the values, weighted by how well their keys fit: ``softmax(query @ key) @ value``.

    It is called on a list, ``[query, value]`` or ``[query, value, key]``, of shape ``(batch, steps, features)`` each.

    Args:
        use_scale: multiply the scores with a learned factor?
        score_mode: ``"dot"`` for products, ``"concat"`` for ``sum(tanh(query + key))`` times a learned factor.
        dropout: the share of the weights that is dropped in training.
        seed: an integer makes the dropout repeatable.

    Example:
        >>> import polynet
        >>> query, value = polynet.ops.ones((2, 4, 8)), polynet.ops.ones((2, 6, 8))
        >>> polynet.layers.Attention()([query, value]).shape
        (2, 4, 8)
    """

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.use_scale = use_scale
        self.score_mode = one_of(score_mode, ("dot", "concat"), "score_mode", self)
        self.dropout = share(dropout, "dropout", self)
        self.seed = seed
        self.supports_masking = True
        if self.dropout > 0:
            self.seed_generator = random.SeedGenerator(seed)

    def build(self, input_shape: Any) -> None:
        self._check_shapes(input_shape)
        self.scale = self.concat_score_weight = None
        if self.use_scale:
            self.scale = self.add_weight(name="scale", shape=(), initializer="ones")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight(
                name="concat_score_weight", shape=(), initializer="ones"
            )

    def _check_shapes(self, input_shape: Any) -> None:
        title = self._title()
        several = isinstance(input_shape, list | tuple) and all(
            isinstance(shape, list | tuple) for shape in input_shape
        )
        if not several or len(input_shape) not in (2, 3):
            count = f"{len(input_shape)} of them" if several else "a single tensor"
            raise ValueError(
                f"{title}: inputs: expected a list, [query, value] or [query, value, key]; got {count}."
            )
        query, value = tuple(input_shape[0]), tuple(input_shape[1])
        key = tuple(input_shape[2]) if len(input_shape) == 3 else value
        apart = len(query) < 2 or len({len(query), len(value), len(key)}) > 1
        if apart or _differ(query[-1], key[-1]) or _differ(key[-2], value[-2]):
            raise errors.ShapeError(
                f"{title}: inputs: expected query (batch, targets, size), value (batch, sources, any) and key (batch, "
                f"sources, size); got shapes {query}, {value} and {key}."
            )

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        query, value = inputs[0], inputs[1]
        key = inputs[2] if len(inputs) > 2 else value
        of_query, of_value = self._two_masks(mask)
        drops = bool(training) and self.dropout > 0
        scores = None
        if (
            self.score_mode == "dot"
            and len(query.shape) == 3
            and not (drops or return_attention_scores)
        ):
            outputs = self._fused(query, value, key, of_value, use_causal_mask)
        else:
            scores = self._calculate_scores(query, key)
            if of_value is not None:
                of_value = ops.expand_dims(of_value, -2)
            kept = _both(of_value, _past(scores) if use_causal_mask else None)
            if kept is not None:
                least = 65504.0 if dtype_of(scores) == "float16" else 1e9
                scores = ops.where(kept, scores, ops.subtract(scores, least))
            scores = ops.softmax(scores, -1)
            if drops:
                scores = random.dropout(scores, self.dropout, seed=self.seed_generator)
            outputs = ops.matmul(scores, value)
        if of_query is not None:
            outputs = ops.where(ops.expand_dims(of_query, -1), outputs, 0)
        return (outputs, scores) if return_attention_scores else outputs

    def _two_masks(self, mask: Any) -> tuple[Any, Any]:
        if mask is None:
            return None, None
        if not isinstance(mask, list | tuple) or len(mask) not in (2, 3):
            raise ValueError(
                f"{self._title()}: mask: expected a list, [query_mask, value_mask]; got "
                f"{len(mask) if isinstance(mask, list | tuple) else type(mask).__name__}."
            )
        return tuple(None if one is None else ops.cast(one, "bool") for one in mask[:2])  # type: ignore[return-value]

    def _fused(self, query: Any, value: Any, key: Any, mask: Any, causal: bool) -> Any:
        """By the op, as a single head."""
        if self.scale is not None:
            query = ops.multiply(query, self.scale)
        if mask is not None:
            mask = ops.reshape(mask, (mask.shape[0], 1, 1, mask.shape[1]))
        query, key, value = (ops.expand_dims(x, 2) for x in (query, key, value))
        outputs = ops.dot_product_attention(
            query, key, value, mask=mask, scale=1.0, is_causal=causal
        )
        return ops.squeeze(outputs, 2)

    def _calculate_scores(self, query: Any, key: Any) -> Any:
        """How well each key fits each query."""
        if self.score_mode == "dot":
            scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
            return scores if self.scale is None else ops.multiply(scores, self.scale)
        sums = ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3))
        if self.scale is not None:
            sums = ops.multiply(sums, self.scale)
        return ops.multiply(ops.sum(ops.tanh(sums), -1), self.concat_score_weight)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """That of the query."""
        return None if mask is None else mask[0]


def _differ(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one != other


def _both(one: Any, other: Any) -> Any:
    """Two masks as one, each of which may be ``None``."""
    if one is None or other is None:
        return other if one is None else one
    return ops.logical_and(one, other)


def _past(scores: Any) -> Any:
    """True where a target may look at a source: not at one after itself; of shape (1, targets, sources)."""
    return _steps(scores.shape[-2], scores.shape[-1], None)


def _steps(targets: int, sources: int, window: int | None) -> Any:
    """A mask (1, targets, sources): of the past, or of a window around each target."""
    rows = ops.reshape(ops.arange(targets, dtype="int32"), (1, targets, 1))
    columns = ops.reshape(ops.arange(sources, dtype="int32"), (1, 1, sources))
    if window is None:
        return ops.greater_equal(rows, columns)
    return ops.less(ops.absolute(ops.subtract(rows, columns)), window)


class AdditiveAttention(Attention):
    """Attention with the scores ``sum(scale * tanh(query + key))``.

    Args:
        use_scale: is there a learned factor for each feature?
        dropout: the share of the weights that is dropped in training.

    Example:
        >>> import polynet
        >>> query, value = polynet.ops.ones((2, 4, 8)), polynet.ops.ones((2, 6, 8))
        >>> polynet.layers.AdditiveAttention()([query, value]).shape
        (2, 4, 8)
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **{"score_mode": "concat", **kwargs})

    def build(self, input_shape: Any) -> None:
        self._check_shapes(input_shape)
        self.scale = None
        if self.use_scale:
            self.scale = self.add_weight(
                name="scale", shape=(input_shape[0][-1],), initializer="glorot_uniform"
            )

    def _calculate_scores(self, query: Any, key: Any) -> Any:
        sums = ops.tanh(ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3)))
        return ops.sum(sums if self.scale is None else ops.multiply(sums, self.scale), -1)


# ------------------------------------------------------------------------------------ several heads


class _Heads(Layer):
    """What attention with several heads has: projections by ``EinsumDense``, masks, dropout on the scores."""

    _scale: float
    """What the products of queries and keys are multiplied with."""

    _query_dense: EinsumDense
    _key_dense: EinsumDense
    _value_dense: EinsumDense
    _output_dense: EinsumDense
    _gate_dense: EinsumDense
    _attention_axes: Any = (1,)

    def _set_up(
        self,
        dropout: float,
        use_bias: bool,
        sliding_window: int | None,
        flash_attention: bool | None,
        use_gate: bool,
        seed: int | None,
        activity_regularizer: Any,
        weights: dict[str, Any],
    ) -> None:
        self.dropout = share(dropout, "dropout", self)
        self.use_bias = use_bias
        self.use_gate = use_gate
        self.seed = seed
        self.sliding_window = sliding_window
        if sliding_window is not None:
            self.sliding_window = positive(sliding_window, "sliding_window", self)
        self.flash_attention = flash_attention
        if flash_attention and self.dropout > 0:
            raise ValueError(
                f"{type(self).__name__}: flash_attention: expected dropout=0 with it; got dropout={dropout}."
            )
        pages: dict[str, Any] = {
            "initializer": initializers.get,
            "regularizer": regularizers.get,
            "constraint": constraints.get,
        }
        self._weights: dict[str, Any] = {
            name: pages[name.rpartition("_")[2]](value) for name, value in weights.items()
        }
        self._inner_regularizer = regularizers.get(activity_regularizer)
        self.supports_masking = True

    def _projection(
        self, name: str, equation: str, output_shape: Any, axes: str, **kwargs: Any
    ) -> Any:
        arguments = {key: _fresh(value) for key, value in self._weights.items()}
        return EinsumDense(
            equation,
            output_shape=output_shape,
            bias_axes=axes if self.use_bias else None,
            activity_regularizer=self._inner_regularizer,
            dtype=self.dtype_policy,
            name=name,
            **arguments,
            **kwargs,
        )

    def _into_heads(self, name: str, shape: Any, heads: int, size: int, **kwargs: Any) -> Any:
        """A projection from the last axis to two: heads, and the size of each."""
        rank = len(shape)
        free, (m, h, d) = _LETTERS[: rank - 1], tuple(_LETTERS[rank - 1 : rank + 2])
        lengths = (*(None,) * (rank - 2), heads, size)
        layer = self._projection(
            name, f"{free}{m},{m}{h}{d}->{free}{h}{d}", lengths, h + d, **kwargs
        )
        layer.build(tuple(shape))
        return layer

    def _out_of_heads(self, shape: Any, heads: int, size: int, lengths: tuple[int, ...]) -> Any:
        """The projection from heads to the outputs."""
        rank = len(shape)
        free, (h, d) = _LETTERS[: rank - 1], tuple(_LETTERS[rank - 1 : rank + 1])
        out = _LETTERS[rank + 1 : rank + 1 + len(lengths)]
        whole = (*(None,) * (rank - 2), *lengths)
        layer = self._projection(
            "attention_output", f"{free}{h}{d},{h}{d}{out}->{free}{out}", whole, out
        )
        layer.build((*shape[:-1], heads, size))
        return layer

    def _add_dropout(self, axes: Any) -> None:
        self._softmax = Softmax(axis=axes, dtype=self.dtype_policy)
        self._dropout_layer = Dropout(self.dropout, seed=self.seed, dtype=self.dtype_policy)

    @property
    def query_dense(self) -> EinsumDense:
        """The projection of the queries."""
        return self._query_dense

    @property
    def key_dense(self) -> EinsumDense:
        """The projection of the keys."""
        return self._key_dense

    @property
    def value_dense(self) -> EinsumDense:
        """The projection of the values."""
        return self._value_dense

    @property
    def output_dense(self) -> EinsumDense:
        """The projection of the outputs."""
        return self._output_dense

    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        if return_attention_scores and self.flash_attention:
            raise ValueError(
                f"{self._title()}: return_attention_scores: the kernel of flash_attention keeps no scores; leave "
                f"flash_attention None."
            )
        key = value if key is None else key
        masks = (query_mask, value_mask, key_mask, attention_mask)
        own = type(self)._compute_attention is _Heads._compute_attention
        causal = (
            use_causal_mask
            and own
            and self.sliding_window is None
            and all(mask is None for mask in masks)
        )
        mask = None
        if not causal:
            mask = self._compute_attention_mask(
                query, value, query_mask, value_mask, key_mask, attention_mask, use_causal_mask
            )
        gate = self._gate_dense(query) if self.use_gate else None
        outputs, scores = self._compute_attention(
            self._query_dense(query),
            self._key_dense(key),
            self._value_dense(value),
            mask,
            training,
            return_attention_scores,
            **({"use_causal_mask": True} if causal else {}),
        )
        if gate is not None:
            outputs = ops.multiply(outputs, gate)
        outputs = self._output_dense(outputs)
        return (outputs, scores) if return_attention_scores else outputs

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """That of the query, for the outputs; scores have none."""
        return mask

    def _compute_attention(
        self,
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> tuple[Any, Any]:
        """Attention of ready heads, and its scores where they were computed; may be overridden."""
        plain = self.dropout == 0 or (not training and attention_mask is None)
        if plain and not return_attention_scores and len(query.shape) == 4:
            if attention_mask is not None:
                attention_mask = self._with_heads(attention_mask, 4)
            flash = self.flash_attention
            if flash is None and not config.is_flash_attention_enabled():
                flash = False
            outputs = ops.dot_product_attention(
                query,
                key,
                value,
                mask=attention_mask,
                scale=self._scale,
                is_causal=use_causal_mask,
                flash_attention=flash,
            )
            return outputs, None
        if use_causal_mask:
            attention_mask = _both(attention_mask, self._compute_causal_mask(query, key))
        key, value = self._repeated(key), self._repeated(value)
        scores = ops.einsum(self._dot_equation, ops.multiply(query, self._scale), key)
        if attention_mask is not None:
            attention_mask = self._with_heads(attention_mask, len(scores.shape))
        scores = self._softmax(scores, mask=attention_mask)
        weights = self._dropout_layer(scores, training=training) if self.dropout else scores
        return ops.einsum(self._combine_equation, weights, value), scores

    _dot_equation = "bthd,bshd->bhts"
    _combine_equation = "bhts,bshd->bthd"

    def _repeated(self, x: Any) -> Any:
        """Keys or values with as many heads as the queries have."""
        return x

    def _with_heads(self, mask: Any, rank: int) -> Any:
        """A mask of targets and sources with axes for the heads."""
        shape = tuple(mask.shape)
        place = len(shape) - 2 * len(self._attention_axes)
        ones = (1,) * (rank - len(shape))
        return ops.reshape(mask, (*shape[:place], *ones, *shape[place:])) if ones else mask

    def _compute_attention_mask(
        self,
        query: Any,
        value: Any,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        use_causal_mask: bool = False,
    ) -> Any:
        """All masks as one, of shape ``(batch, targets, sources)``, or ``None``."""
        found = None
        if query_mask is not None:
            found = ops.expand_dims(ops.cast(query_mask, "bool"), -1)
        for mask in (value_mask, key_mask):
            if mask is not None:
                found = _both(found, ops.expand_dims(ops.cast(mask, "bool"), -2))
        if use_causal_mask:
            found = _both(found, self._compute_causal_mask(query, value))
        if self.sliding_window is not None:
            window = _steps(query.shape[1], value.shape[1], self.sliding_window)
            found = _both(found, window)
        if attention_mask is not None:
            found = _both(ops.cast(attention_mask, "bool"), found)
        return found

    def _compute_causal_mask(self, query: Any, value: Any = None) -> Any:
        """The mask of the past, of shape ``(1, targets, sources)``."""
        sources = query.shape[1] if value is None else value.shape[1]
        return _steps(query.shape[1], sources, None)


_LETTERS = string.ascii_lowercase


def _fresh(value: Any) -> Any:
    """An initializer that draws other numbers than the one given; anything else as it is."""
    if isinstance(value, initializers.Initializer):
        return type(value).from_config(value.get_config())
    return value


class MultiHeadAttention(_Heads):
    """Attention of several heads at once, each with its own projections.

    It is called with ``query`` and ``value``, and ``key`` if it is not the value, of shape
    ``(batch, steps, features)`` each; with masks for each, an ``attention_mask`` of shape
    ``(batch, targets, sources)``, ``use_causal_mask``, and ``return_attention_scores``.

    Args:
        num_heads: how many heads.
        key_dim: the size of each head's queries and keys.
        value_dim: the size of each head's values; by default ``key_dim``.
        dropout: the share of the scores that is dropped in training.
        use_bias: do the projections add biases?
        output_shape: the length or lengths of the outputs' features; by default that of the query.
        attention_axes: the axes of the steps; by default all between batch and features.
        sliding_window: how near a source must be to a target to be looked at.
        flash_attention: ``True`` insists on a fused kernel, ``False`` does without.
        use_gate: multiply what the heads found with a gate made of the query?
        seed: an integer makes the dropout repeatable.

    Example:
        >>> import polynet
        >>> x = polynet.ops.ones((2, 5, 16))
        >>> polynet.layers.MultiHeadAttention(num_heads=4, key_dim=8)(x, x, use_causal_mask=True).shape
        (2, 5, 16)
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Any = None,
        attention_axes: Any = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = positive(num_heads, "num_heads", self)
        self.key_dim = positive(key_dim, "key_dim", self)
        self.value_dim = self.key_dim
        if value_dim is not None:
            self.value_dim = positive(value_dim, "value_dim", self)
        self._scale = 1.0 / math.sqrt(self.key_dim)
        self._lengths: tuple[int, ...] | None = None
        if output_shape is not None:
            given = (output_shape,) if is_integer(output_shape) else output_shape
            if not isinstance(given, list | tuple) or not given:
                raise ValueError(
                    f"{type(self).__name__}: output_shape: expected a length or several; got {output_shape!r}."
                )
            self._lengths = tuple(positive(length, "output_shape", self) for length in given)
        axes = (attention_axes,) if is_integer(attention_axes) else attention_axes
        if axes is not None and not (
            isinstance(axes, list | tuple) and axes and all(map(is_integer, axes))
        ):
            raise ValueError(
                f"{type(self).__name__}: attention_axes: expected an axis or several; got {attention_axes!r}."
            )
        self._attention_axes = axes
        self._set_up(
            dropout,
            use_bias,
            sliding_window,
            flash_attention,
            use_gate,
            seed,
            activity_regularizer,
            {
                "kernel_initializer": kernel_initializer,
                "bias_initializer": bias_initializer,
                "kernel_regularizer": kernel_regularizer,
                "bias_regularizer": bias_regularizer,
                "kernel_constraint": kernel_constraint,
                "bias_constraint": bias_constraint,
            },
        )

    @property
    def attention_axes(self) -> Any:
        """The axes of the steps."""
        return self._attention_axes

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        query, value, key = tuple(query_shape), tuple(value_shape), tuple(key_shape)
        self._check_shapes(query, value, key)
        heads, size = self.num_heads, self.value_dim
        self._query_dense = self._into_heads("query", query, heads, self.key_dim)
        self._key_dense = self._into_heads("key", key, heads, self.key_dim)
        if self.use_gate:
            self._gate_dense = self._into_heads("gate", query, heads, size, activation="sigmoid")
        self._value_dense = self._into_heads("value", value, heads, size)
        self._build_attention(len(query) + 1)
        lengths = (query[-1],) if self._lengths is None else self._lengths
        self._output_dense = self._out_of_heads(query, heads, size, lengths)

    def _check_shapes(self, query: Any, value: Any, key: Any) -> None:
        title = self._title()
        for name, shape in (("query", query), ("value", value), ("key", key)):
            if len(shape) < 3 or len(shape) != len(query):
                raise errors.ShapeError(
                    f"{title}: {name}: expected a batch axis, axes of steps and one of features, as query has; got "
                    f"shape {shape} (query: {query})."
                )
        if any(_differ(one, other) for one, other in zip(value[1:-1], key[1:-1], strict=True)):
            raise errors.ShapeError(
                f"{title}: key: expected the steps of value; got shape {key} beside value of shape {value}."
            )

    def _build_attention(self, rank: int) -> None:
        """Equations for heads of tensors with that many axes."""
        given = tuple(range(1, rank - 2)) if self._attention_axes is None else self._attention_axes
        axes = tuple(axis + rank - 1 if axis < 0 else axis for axis in given)
        if any(not 1 <= axis < rank - 2 for axis in axes) or len(set(axes)) != len(axes):
            raise errors.AxisError(
                f"{self._title()}: attention_axes: expected different axes from 1 to {rank - 3}; got {given}."
            )
        self._attention_axes = axes
        target = _LETTERS[:rank]
        other = iter(_LETTERS[rank:])
        source = "".join(next(other) if i in axes else target[i] for i in range(rank))
        product = "".join(target[i] for i in range(rank - 1) if i not in axes)
        product += "".join(target[i] for i in axes) + "".join(source[i] for i in axes)
        self._dot_equation = f"{target},{source}->{product}"
        self._combine_equation = f"{product},{source}->{target}"
        count = len(axes)
        self._add_dropout(tuple(range(len(product) - count, len(product))))


class GroupQueryAttention(_Heads):
    """Attention of several heads, of which neighbours share their keys and values.

    It is called as ``MultiHeadAttention`` is.

    Args:
        head_dim: the size of each head.
        num_query_heads: how many heads of queries.
        num_key_value_heads: how many heads of keys and values, a divisor of the former.
        dropout: the share of the scores that is dropped in training.
        use_bias: do the projections add biases?
        sliding_window: how near a source must be to a target to be looked at.
        flash_attention: ``True`` insists on a fused kernel, ``False`` does without.
        use_gate: multiply what the heads found with a gate made of the query?
        seed: an integer makes the dropout repeatable.

    Example:
        >>> import polynet
        >>> x = polynet.ops.ones((2, 5, 16))
        >>> polynet.layers.GroupQueryAttention(8, num_query_heads=4, num_key_value_heads=2)(x, x).shape
        (2, 5, 16)
    """

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.head_dim = positive(head_dim, "head_dim", self)
        self.num_query_heads = positive(num_query_heads, "num_query_heads", self)
        self.num_key_value_heads = positive(num_key_value_heads, "num_key_value_heads", self)
        if self.num_query_heads % self.num_key_value_heads:
            raise ValueError(
                f"{type(self).__name__}: num_key_value_heads: expected a divisor of num_query_heads, "
                f"{num_query_heads}; got {num_key_value_heads}."
            )
        self._scale = 1.0 / math.sqrt(self.head_dim)
        self._set_up(
            dropout,
            use_bias,
            sliding_window,
            flash_attention,
            use_gate,
            seed,
            activity_regularizer,
            {
                "kernel_initializer": kernel_initializer,
                "bias_initializer": bias_initializer,
                "kernel_regularizer": kernel_regularizer,
                "bias_regularizer": bias_regularizer,
                "kernel_constraint": kernel_constraint,
                "bias_constraint": bias_constraint,
            },
        )

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        query, value, key = tuple(query_shape), tuple(value_shape), tuple(key_shape)
        for name, shape in (("query", query), ("value", value), ("key", key)):
            if len(shape) != 3:
                raise errors.ShapeError(
                    f"{self._title()}: {name}: expected 3 dimensions, (batch, steps, features); got shape {shape}."
                )
        heads, few, size = self.num_query_heads, self.num_key_value_heads, self.head_dim
        self._query_dense = self._into_heads("query", query, heads, size)
        self._key_dense = self._into_heads("key", key, few, size)
        if self.use_gate:
            self._gate_dense = self._into_heads("gate", query, heads, size, activation="sigmoid")
        self._value_dense = self._into_heads("value", value, few, size)
        self._add_dropout(-1)
        self._output_dense = self._out_of_heads(query, heads, size, (query[-1],))

    def _repeated(self, x: Any) -> Any:
        times = self.num_query_heads // self.num_key_value_heads
        return x if times == 1 else ops.repeat(x, times, axis=2)
