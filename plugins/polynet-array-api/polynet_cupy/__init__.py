"""The plugin of CuPy, for NVIDIA's GPUs.  Imports nothing heavy.

What the standard has no word for, such as memory read as another dtype, CuPy has itself.
"""

from typing import Any

from polynet.backend import Backend, BackendInfo, implementation


@implementation
def polynet_backend_info() -> BackendInfo:
    """Facts that need no import."""
    return BackendInfo(
        library="CuPy",
        distribution="cupy-cuda12x",
        modules=("cupy", "array_api_compat"),
        install="pip install 'polynet-array-api[cupy]'",
    )


@implementation
def polynet_backend() -> Backend:
    """The backend itself."""
    import cupy
    from array_api_compat import cupy as xp
    from polynet_array_api.backend import ArrayApiBackend

    class CupyBackend(ArrayApiBackend):
        """CuPy by the standard's names, and by its own where the standard has none."""

        def to_numpy(self, x: Any) -> Any:
            return cupy.asnumpy(x)

        def view(self, x: Any, dtype: str | None = None) -> Any:
            return x if dtype is None else cupy.asarray(x, order="C").view(self.native_dtype(dtype))

        def devices(self) -> list[str]:
            return [f"gpu:{number}" for number in range(cupy.cuda.runtime.getDeviceCount())]

        def device_of(self, x: Any) -> str:
            return f"gpu:{x.device.id}"

        def device_scope(self, device: str) -> Any:
            return cupy.cuda.Device(int(device.partition(":")[2]))

    return CupyBackend(xp)
