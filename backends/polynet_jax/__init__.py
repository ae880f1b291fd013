"""The plugin of the JAX backend: what is known of it, and how it is made.  Imports nothing heavy."""

from polynet.backend import Backend, BackendInfo, implementation


@implementation
def polynet_backend_info() -> BackendInfo:
    """Facts that need no import."""
    return BackendInfo(
        "JAX",
        "jax",
        ("jax", "jaxlib"),
        "pip install 'polynet-dl[jax]'",
        bridges={"FlaxLayer": "polynet_jax.bridges", "JaxLayer": "polynet_jax.bridges"},
    )


@implementation
def polynet_backend() -> Backend:
    """The backend itself."""
    from polynet_jax.backend import JaxBackend

    return JaxBackend()
