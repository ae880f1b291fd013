"""The ops of neural networks: a page that only gathers, as ``keras.ops.nn`` is one."""

from polynet.ops.activations import *  # noqa: F403
from polynet.ops.convolution import *  # noqa: F403
from polynet.ops.neural import *  # noqa: F403
