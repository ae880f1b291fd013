"""Models, and what makes them from descriptions and from other models."""

from polynet.models.cloning import clone_model
from polynet.models.model import Model, model_from_json
from polynet.models.sequential import Sequential
from polynet.saving.model_files import load_model, save_model

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]
