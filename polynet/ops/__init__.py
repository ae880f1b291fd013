"""Every op, at its Keras name: ``polynet.ops.matmul``; by subject too: ``polynet.ops.linalg.qr``.

This page only gathers.  The primitives are in ``primitives.py``, the composites in one file per subject.
"""

from polynet.autodiff.custom import custom_gradient as custom_gradient
from polynet.autodiff.functions import jvp as jvp
from polynet.autodiff.functions import stop_gradient as stop_gradient
from polynet.op import OPS as _OPS
from polynet.ops import image as image
from polynet.ops import linalg as linalg
from polynet.ops import nn as nn
from polynet.ops import numpy as numpy
from polynet.ops.activations import *  # noqa: F403
from polynet.ops.contraction import *  # noqa: F403
from polynet.ops.control import *  # noqa: F403
from polynet.ops.convolution import *  # noqa: F403
from polynet.ops.core import *  # noqa: F403
from polynet.ops.creation import *  # noqa: F403
from polynet.ops.elementwise import *  # noqa: F403
from polynet.ops.fourier import *  # noqa: F403
from polynet.ops.indexing import *  # noqa: F403
from polynet.ops.indexing import get_item as _get_item
from polynet.ops.linalg import *  # noqa: F403
from polynet.ops.manipulation import *  # noqa: F403
from polynet.ops.neural import *  # noqa: F403
from polynet.ops.primitives import *  # noqa: F403
from polynet.ops.recurrent import *  # noqa: F403
from polynet.ops.reductions import *  # noqa: F403
from polynet.ops.sorting import *  # noqa: F403
from polynet.tensor import bind_operators as _bind_operators

_bind_operators({name: op.call for name, op in _OPS.items()} | {"get_item": _get_item})
