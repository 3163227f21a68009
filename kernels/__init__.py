"""CPU kernels of the Q35 formats: C++, a scalar reference beside AVX2 and AVX-512 versions, bit for bit the same.

Every function takes `isa`: "auto" (the fastest available), or one of `available_isas()` by name; a name that is not
available here is an error, never a silent fallback. Arrays may be of any memory layout (a copy is made where the kernel
needs contiguous rows) but must have the documented type; shapes are in the docstrings, with

    pairs  = ceil(cols / 2)           an odd row is padded with one zero weight
    blocks = ceil(cols / block_size)  along a row, the last one may be short

`threads` rows are worked on at a time: no result depends on how many. `out` is a contiguous array of the result's type
and shape, apart from the inputs, that is written and returned; a call that meets a bad value leaves it half written.
Memory that was used before is several times faster to write than new memory; large results of row-affine are fastest
where rows start cache lines (64 bytes), as they do in a result of these functions whose rows are whole lines.

Numeric decisions (rounding, ties, zero blocks, sign of zero) are those of `q35spec.formats()["numerics"]`. The kernels
are tested against the proved definitions, not proved.
"""

from __future__ import annotations

from q35kernels.schemes import Scheme, scheme_named
from q35kernels.sources import source_sha256_of
from q35kernels.tiled import (
    TiledWeights,
    linear,
    linear_int8,
    quantize_activations,
    tile_mx,
    tile_weights,
    untile_mx,
    untile_weights,
)
from q35kernels.wrappers import (
    BadValue,
    Quantized,
    available_isas,
    block_dots,
    check_codes,
    check_finite,
    dequantize,
    dequantize_row_affine,
    dequantize_stream,
    encode_blocks,
    extension_path,
    matmul,
    matmul_int32,
    max_safe_k,
    pack_stream,
    quantize,
    resolve_isa,
    source_sha256,
    stream_size,
    unpack_stream,
)

__all__ = [
    "BadValue",
    "Quantized",
    "Scheme",
    "TiledWeights",
    "available_isas",
    "block_dots",
    "check_codes",
    "check_finite",
    "dequantize",
    "dequantize_row_affine",
    "dequantize_stream",
    "encode_blocks",
    "extension_path",
    "linear",
    "linear_int8",
    "matmul",
    "matmul_int32",
    "max_safe_k",
    "pack_stream",
    "quantize",
    "quantize_activations",
    "resolve_isa",
    "scheme_named",
    "source_sha256",
    "source_sha256_of",
    "stream_size",
    "tile_mx",
    "tile_weights",
    "unpack_stream",
    "untile_mx",
    "untile_weights",
]
