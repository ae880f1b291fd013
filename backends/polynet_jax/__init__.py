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
        environment={
            "JAX_ENABLE_X64": "1",
            # thousands of small programs are compiled once and run once: compile four times as fast
            "XLA_FLAGS": "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=0 "
            "--xla_llvm_disable_expensive_passes=true --xla_cpu_parallel_codegen_split_count=1",
        },
    )


@implementation
def polynet_backend() -> Backend:
    """The backend itself."""
    from polynet_jax.backend import JaxBackend

    return JaxBackend()
