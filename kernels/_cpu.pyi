# The extension's functions: each fills the output arrays it is given and returns the position of a bad value, or -1.
from numpy import float32, int8, int32, uint8, uint16
from numpy.typing import NDArray

HI_BITS: int
LO_BITS: int
MAX_BLOCK: int
UNIT_WEIGHTS: int

def source_sha256() -> str: ...
def available_isas() -> list[str]: ...
def resolve_isa(name: str, /) -> str: ...
def roofline_read(bytes: int, passes: int, threads: int, /) -> float: ...
def roofline_clock() -> float: ...
def roofline_fp32(threads: int, /) -> float: ...
def roofline_vnni(threads: int, /) -> float: ...
def roofline_amx(threads: int, /) -> float: ...
def max_safe_k(table: NDArray[int8], /) -> int: ...
def first_invalid_code(isa: str, codes: NDArray[uint8], /) -> int: ...
def first_not_finite(isa: str, weights: NDArray[float32], /) -> int: ...
def pack_stream(isa: str, codes: NDArray[uint8], stream: NDArray[uint8], threads: int, /) -> int: ...
def unpack_stream(isa: str, stream: NDArray[uint8], codes: NDArray[uint8], threads: int, /) -> int: ...
def dequantize(
    isa: str,
    codes: NDArray[uint8],
    steps: NDArray[uint16],
    table: NDArray[int8],
    block_size: int,
    weights: NDArray[float32],
    threads: int,
    /,
) -> int: ...
def dequantize_stream(
    isa: str,
    stream: NDArray[uint8],
    steps: NDArray[uint16],
    table: NDArray[int8],
    block_size: int,
    weights: NDArray[float32],
    threads: int,
    /,
) -> int: ...
def dequantize_affine(
    isa: str,
    codes: NDArray[uint8],
    steps: NDArray[uint16],
    zero_points: NDArray[int8],
    weights: NDArray[float32],
    used: bool,
    threads: int,
    /,
) -> int: ...
def quantize_block(
    isa: str,
    weights: NDArray[float32],
    block_size: int,
    hi_scale: int,
    lo_scale: int,
    numerators: NDArray[int32],
    denominator: int,
    codes: NDArray[uint8],
    steps: NDArray[uint16],
    threads: int,
    /,
) -> int: ...
def quantize_codebook(
    isa: str,
    weights: NDArray[float32],
    block_size: int,
    table: NDArray[int8],
    numerators: NDArray[int32],
    denominator: int,
    codes: NDArray[uint8],
    steps: NDArray[uint16],
    threads: int,
    /,
) -> int: ...
def encode_block(
    isa: str,
    weights: NDArray[float32],
    steps: NDArray[uint16],
    block_size: int,
    hi_scale: int,
    lo_scale: int,
    codes: NDArray[uint8],
    /,
) -> int: ...
def encode_codebook(
    isa: str,
    weights: NDArray[float32],
    steps: NDArray[uint16],
    block_size: int,
    table: NDArray[int8],
    codes: NDArray[uint8],
    /,
) -> int: ...
def quantize_row_absmax(
    isa: str,
    weights: NDArray[float32],
    hi_scale: int,
    lo_scale: int,
    divisor: int,
    codes: NDArray[uint8],
    steps: NDArray[uint16],
    threads: int,
    /,
) -> int: ...
def quantize_row_affine(
    isa: str,
    weights: NDArray[float32],
    codes: NDArray[uint8],
    steps: NDArray[uint16],
    zero_points: NDArray[int8],
    threads: int,
    /,
) -> int: ...
def block_dots(
    isa: str,
    a: NDArray[int8],
    codes: NDArray[uint8],
    table: NDArray[int8],
    block_size: int,
    dots: NDArray[int32],
    /,
) -> int: ...
def matmul(
    isa: str,
    a: NDArray[int8],
    a_scale: NDArray[float32],
    codes: NDArray[uint8],
    steps: NDArray[uint16],
    table: NDArray[int8],
    block_size: int,
    y: NDArray[float32],
    /,
) -> int: ...
def tiled_size(rows: int, cols: int, block_size: int, width: str, /) -> int: ...
def tile_weights(
    codes: NDArray[uint8],
    steps: NDArray[uint16],
    cols: int,
    block_size: int,
    width: str,
    tiled: NDArray[uint8],
    /,
) -> int: ...
def untile_weights(
    tiled: NDArray[uint8],
    cols: int,
    block_size: int,
    width: str,
    codes: NDArray[uint8],
    steps: NDArray[uint16],
    /,
) -> None: ...
def quantize_activations(
    isa: str, x: NDArray[float32], a: NDArray[int8], scales: NDArray[float32], threads: int, /
) -> None: ...
def linear(
    isa: str,
    x: NDArray[float32],
    tiled: NDArray[uint8],
    table: NDArray[int8],
    unit_exponent: int,
    block_size: int,
    width: str,
    y: NDArray[float32],
    threads: int,
    /,
) -> None: ...
def linear_int8(
    isa: str,
    a: NDArray[int8],
    scales: NDArray[float32],
    tiled: NDArray[uint8],
    table: NDArray[int8],
    unit_exponent: int,
    block_size: int,
    width: str,
    y: NDArray[float32],
    threads: int,
    /,
) -> None: ...
def tile_mx(elements: NDArray[uint8], scales: NDArray[uint8], width: str, tiled: NDArray[uint8], /) -> None: ...
def untile_mx(tiled: NDArray[uint8], width: str, elements: NDArray[uint8], scales: NDArray[uint8], /) -> None: ...
