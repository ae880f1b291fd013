"""The table that ``Model.summary`` prints."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from polynet import tree
from polynet.layers.core import InputLayer
from polynet.layers.layer import Layer


def print_summary(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """See ``Model.summary``."""
    text = summary_text(
        model, line_length, positions, expand_nested, show_trainable, layer_range, print_fn is None
    )
    (print_fn or print)(text)


def summary_text(
    model: Any,
    line_length: int | None,
    positions: Sequence[float] | None,
    expand_nested: bool,
    show_trainable: bool,
    layer_range: Sequence[str] | None,
    color: bool,
) -> str:
    """The table as text, in color only for a terminal."""
    import io
    import sys

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    connected = not _is_stack(model)
    columns = ["Layer (type)", "Output shape", "Param #"]
    if connected:
        columns.append("Connected to")
    if show_trainable:
        columns.append("Trainable")
    if positions is not None and len(positions) < len(columns):
        raise ValueError(
            f"summary: positions: expected {len(columns)} fractions; got {len(positions)}."
        )
    terminal = color and sys.stdout.isatty()
    width = line_length or (max(72, min(110, Console().width)) if terminal else 88)
    table = Table(box=box.SIMPLE_HEAD, width=width, title=None, pad_edge=False)
    ends = [0.0, *(positions or ())]
    for number, name in enumerate(columns):
        wide = int(width * (ends[number + 1] - ends[number])) if positions else None
        table.add_column(
            name, justify="right" if name == "Param #" else "left", width=wide, overflow="fold"
        )
    for layer, depth in _rows(model, expand_nested, layer_range):
        cells = [
            Text.assemble("  " * depth, layer.name, (f" ({type(layer).__name__})", "dim")),
            Text(_output_shape(layer)),
            Text(_count(layer)),
        ]
        if connected:
            cells.append(Text(_sources(model, layer)))
        if show_trainable:
            trains = bool(layer.weights) and bool(layer.trainable_weights)
            cells.append(Text("-" if not layer.weights else "yes" if trains else "no"))
        table.add_row(*cells)
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=terminal,
        color_system="auto" if terminal else None,
    )
    title = (
        f"Model: {model.name!r}"
        if type(model).__name__ in ("Model", "Sequential")
        else (f"{type(model).__name__}: {model.name!r}")
    )
    console.print(Text(title, style="bold"))
    console.print(table)
    for line in _totals(model):
        console.print(Text(line))
    return console.file.getvalue().rstrip("\n")  # type: ignore[attr-defined]


def _is_stack(model: Any) -> bool:
    """Does each layer only feed the next, so that the table need not say what is connected to what?"""
    from polynet.models.sequential import Sequential

    if model._graph is None or isinstance(model, Sequential):
        return True
    tensors: list[Any] = [*model._graph.inputs]
    for node in model._graph.nodes:
        if len(node.parents) != 1 or node.parents[0] is not tensors[-1]:
            return False
        tensors = tree.flatten(node.outputs)
    return len(model._graph.inputs) == 1


def _rows(
    model: Any, nested: bool, layer_range: Sequence[str] | None, depth: int = 0
) -> Iterator[tuple[Layer, int]]:
    layers = model.layers
    if layer_range is not None:
        if len(layer_range) != 2:
            raise ValueError("summary: layer_range: expected two names, the first and the last.")
        names = [layer.name for layer in layers]
        places = [
            [i for i, name in enumerate(names) if name == wanted or re.fullmatch(wanted, name)]
            for wanted in layer_range
        ]
        for wanted, found in zip(layer_range, places, strict=True):
            if not found:
                raise ValueError(
                    f"summary: layer_range: no layer matches {wanted!r}; names: {names}."
                )
        layers = layers[places[0][0] : places[1][-1] + 1]
    for layer in layers:
        yield layer, depth
        if nested and hasattr(layer, "layers"):
            yield from _rows(layer, nested, None, depth + 1)


def _output_shape(layer: Any) -> str:
    if isinstance(layer, InputLayer):
        return str(tuple(layer.batch_shape))
    structure = getattr(getattr(layer, "_graph", None), "_outputs_struct", None)
    if layer._nodes:
        structure = layer._nodes[-1].outputs
    if structure is not None:
        shapes = [tuple(tensor.shape) for tensor in tree.flatten(structure)]
    else:
        shapes = getattr(layer, "_output_shapes", [])
    return ", ".join(map(str, shapes)) or "?"


def _count(layer: Any) -> str:
    return f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"


def _sources(model: Any, layer: Any) -> str:
    names: list[str] = []
    for node in model._graph.nodes:
        if node.operation is layer:
            for tensor in node.parents:
                made_by = tensor.node.operation if tensor.node else None
                names.append(getattr(made_by, "name", None) or tensor.name)
    return ", ".join(dict.fromkeys(names)) or "-"


def _totals(model: Any) -> Iterator[str]:
    def line(name: str, variables: list[Any]) -> str:
        count = sum(_size(variable) for variable in variables)
        return f"{name}: {count:,} ({_bytes(variables)})"

    optimizer = getattr(model, "optimizer", None)
    slots = list(optimizer.variables) if optimizer is not None else []
    yield line("Total params", [*model.weights, *slots])
    yield line("Trainable params", model.trainable_weights)
    yield line("Non-trainable params", model.non_trainable_weights)
    if slots:
        yield line("Optimizer params", slots)


def _size(variable: Any) -> int:
    count = 1
    for length in variable.shape:
        count *= length
    return count


_BITS = {"bool": 8, "bfloat16": 16}


def _bytes(variables: list[Any]) -> str:
    bits = 0
    for variable in variables:
        digits = "".join(filter(str.isdigit, variable.dtype))
        bits += _size(variable) * _BITS.get(variable.dtype, int(digits or 32))
    size = bits / 8
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            return f"{size:.2f} {unit}"
        size /= 1024
    raise AssertionError
