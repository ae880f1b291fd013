"""The ops that NumPy has too, under its names: a page that only gathers, as ``keras.ops.numpy`` is one."""

from polynet.ops.contraction import *  # noqa: F403
from polynet.ops.creation import *  # noqa: F403
from polynet.ops.elementwise import *  # noqa: F403
from polynet.ops.indexing import *  # noqa: F403
from polynet.ops.manipulation import *  # noqa: F403
from polynet.ops.primitives import *  # noqa: F403
from polynet.ops.reductions import *  # noqa: F403
from polynet.ops.sorting import *  # noqa: F403
