"""Saving and loading: models, weights, and the names that files may use; each is defined elsewhere."""

from polynet.configurable import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_serializable,
)
from polynet.configurable import custom_object_scope as CustomObjectScope
from polynet.configurable import deserialize as deserialize_keras_object
from polynet.configurable import register_serializable as register_keras_serializable
from polynet.configurable import serialize as serialize_keras_object
from polynet.saving.model_files import load_model, load_weights, save_model, save_weights

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "register_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]
