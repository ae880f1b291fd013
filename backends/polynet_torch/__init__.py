"""The plugin of the PyTorch backend: what is known of it, and how it is made.  Imports nothing heavy."""

from polynet.backend import Backend, BackendInfo, implementation


@implementation
def polynet_backend_info() -> BackendInfo:
    """Facts that need no import."""
    return BackendInfo(
        "PyTorch",
        "torch",
        ("torch",),
        "pip install 'polynet-dl[torch]'",
        bridges={"TorchModuleWrapper": "polynet_torch.bridges"},
    )


@implementation
def polynet_backend() -> Backend:
    """The backend itself."""
    from polynet_torch.backend import TorchBackend

    return TorchBackend()
