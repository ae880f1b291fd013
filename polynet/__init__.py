"""polynet: one deep-learning API over any array library.

This page is the contents; each name is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers, which do not run __getattr__
    from polynet import (
        activations,
        backend,
        callbacks,
        config,
        constraints,
        dtype_policies,
        errors,
        initializers,
        layers,
        losses,
        metrics,
        models,
        ops,
        optimizers,
        random,
        regularizers,
        saving,
        testing,
        tree,
        utils,
    )
    from polynet.autodiff.batching import vmap
    from polynet.autodiff.custom import checkpoint, custom_gradient, remat
    from polynet.autodiff.functions import (
        grad,
        hessian,
        jacobian,
        jvp,
        stop_gradient,
        value_and_grad,
        vjp,
    )
    from polynet.autodiff.jit import jit
    from polynet.autodiff.tape import GradientTape
    from polynet.callbacks.checkpointer import Checkpointer
    from polynet.conversion import convert, device
    from polynet.dtype_policies import DTypePolicy, FloatDTypePolicy
    from polynet.graph import Function
    from polynet.initializers import Initializer
    from polynet.layers.input_spec import InputSpec
    from polynet.layers.layer import Layer
    from polynet.losses import Loss
    from polynet.metrics.metric import Metric
    from polynet.models.model import Model
    from polynet.models.sequential import Sequential
    from polynet.optimizers.optimizer import Optimizer
    from polynet.plugins import list_backends, namespace, set_backend, use_backend
    from polynet.regularizers import Regularizer
    from polynet.saving.model_files import load_model
    from polynet.spec import Spec
    from polynet.symbolic import Input, KerasTensor
    from polynet.variable import StatelessScope, Variable, name_scope

__version__ = "0.1.0"

_MODULES = frozenset(
    {
        "activations",
        "backend",
        "callbacks",
        "config",
        "constraints",
        "dtype_policies",
        "errors",
        "initializers",
        "layers",
        "losses",
        "metrics",
        "models",
        "ops",
        "optimizers",
        "random",
        "regularizers",
        "saving",
        "testing",
        "tree",
        "utils",
    }
)
_NAMES = {
    "Checkpointer": "callbacks.checkpointer",
    "DTypePolicy": "dtype_policies",
    "FloatDTypePolicy": "dtype_policies",
    "Function": "graph",
    "GradientTape": "autodiff.tape",
    "Initializer": "initializers",
    "Input": "symbolic",
    "InputSpec": "layers.input_spec",
    "KerasTensor": "symbolic",
    "Layer": "layers.layer",
    "Loss": "losses",
    "Metric": "metrics.metric",
    "Model": "models.model",
    "Optimizer": "optimizers.optimizer",
    "Regularizer": "regularizers",
    "Sequential": "models.sequential",
    "Spec": "spec",
    "StatelessScope": "variable",
    "Variable": "variable",
    "checkpoint": "autodiff.custom",
    "convert": "conversion",
    "custom_gradient": "autodiff.custom",
    "device": "conversion",
    "grad": "autodiff.functions",
    "hessian": "autodiff.functions",
    "jacobian": "autodiff.functions",
    "jit": "autodiff.jit",
    "jvp": "autodiff.functions",
    "list_backends": "plugins",
    "load_model": "saving.model_files",
    "name_scope": "variable",
    "namespace": "plugins",
    "remat": "autodiff.custom",
    "set_backend": "plugins",
    "stop_gradient": "autodiff.functions",
    "use_backend": "plugins",
    "value_and_grad": "autodiff.functions",
    "vjp": "autodiff.functions",
    "vmap": "autodiff.batching",
}
"""Where each public name is defined."""

__all__ = [
    "Checkpointer",
    "DTypePolicy",
    "FloatDTypePolicy",
    "Function",
    "GradientTape",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Regularizer",
    "Sequential",
    "Spec",
    "StatelessScope",
    "Variable",
    "__version__",
    "activations",
    "backend",
    "callbacks",
    "checkpoint",
    "config",
    "constraints",
    "convert",
    "custom_gradient",
    "device",
    "dtype_policies",
    "errors",
    "grad",
    "hessian",
    "initializers",
    "jacobian",
    "jit",
    "jvp",
    "layers",
    "list_backends",
    "load_model",
    "losses",
    "metrics",
    "models",
    "name_scope",
    "namespace",
    "ops",
    "optimizers",
    "random",
    "regularizers",
    "remat",
    "saving",
    "set_backend",
    "stop_gradient",
    "testing",
    "tree",
    "use_backend",
    "utils",
    "value_and_grad",
    "version",
    "vjp",
    "vmap",
]


def version() -> str:
    """The version of polynet.

    Example:
        >>> import polynet
        >>> polynet.version() == polynet.__version__
        True
    """
    return __version__


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"polynet.{name}")
    if name in _NAMES:
        value = getattr(importlib.import_module(f"polynet.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'polynet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
