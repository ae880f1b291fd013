"""The plugin of the NumPy backend: what is known of it, and how it is made.  Imports nothing heavy."""

from polynet.backend import Backend, BackendInfo, implementation


@implementation
def polynet_backend_info() -> BackendInfo:
    """Facts that need no import."""
    return BackendInfo("NumPy", "numpy", ("numpy", "ml_dtypes"), "pip install numpy")


@implementation
def polynet_backend() -> Backend:
    """The backend itself."""
    from polynet_numpy.backend import NumpyBackend

    return NumpyBackend()
