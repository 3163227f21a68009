"""The C++ kernels for GPUs: one source for NVIDIA (nvcc), AMD (hipcc) and, through a shim, this machine's processor.

    library = Library(build())                            # on the host: for tests, not for speed
    library = Library(build("cuda"))                      # on a GPU
    y = library.linear_int8(a, scales, tiled)             # the bits of q35kernels.linear_int8

`device_code("gfx90a")` compiles the kernels alone, without a GPU; `build(program="benchmark")` the program that times
products. What the kernels are is said in `kernels.hpp`, and by which tricks they decode in `decode.hpp`.
"""

from __future__ import annotations

from q35kernels.hip.library import Library
from q35kernels.hip.toolchain import ARCHITECTURES, SOURCES, DeviceCode, build, compiler_of, device_code

__all__ = ["ARCHITECTURES", "SOURCES", "DeviceCode", "Library", "build", "compiler_of", "device_code"]
