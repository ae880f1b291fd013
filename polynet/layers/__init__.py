"""Every layer; each is defined in the file of its family."""

from __future__ import annotations

from polynet.configurable import Catalogue
from polynet.layers.core import (
    Dense,
    EinsumDense,
    Embedding,
    Identity,
    Lambda,
    Masking,
    Wrapper,
)
from polynet.layers.input_spec import InputSpec
from polynet.layers.layer import Layer
from polynet.symbolic import Input

_catalogue = Catalogue("layers", Layer, "layer")
serialize = _catalogue.serialize
deserialize = _catalogue.deserialize

__all__ = [
    "Dense",
    "EinsumDense",
    "Embedding",
    "Identity",
    "Input",
    "InputSpec",
    "Lambda",
    "Layer",
    "Masking",
    "Wrapper",
    "deserialize",
    "serialize",
]
