// The tiled layout of a weight matrix, and products with it.
//
// The weights of 32 rows lie side by side in vector lanes, so that a product needs no sum across lanes and reads the
// whole matrix once, front to back:
//
//   matrix   tiles of 32 rows, one after the other; missing rows have steps 0
//   tile     its blocks in order: the block's 32 fp16 steps, then its units; missing columns have code 0
//   unit     32 consecutive weights of each of the 32 rows, which are 8 vectors of 64 codes
//   vector   number 2 q + h holds the codes 4 q .. 4 q + 3 of the unit, for each of the tile's rows 16 h .. 16 h + 15
//
// A code is stored as code ^ 0x44, which makes both slots plain binary numbers: hi + 8 and lo + 4. Vectors 0 to 6 take
// a byte a code; bit 7 of vector v's byte is bit v of the code in the same lane of vector 7. That makes seven bits a
// code, and a table look-up that ignores bit 7 needs no unpacking. With Width::byte vector 7 has bytes of its own.
//
// Source: Q35.tileMatrix in proofs/Q35/Tiled.lean, which proves that the layout reads back.
#pragma once

#include <cstddef>
#include <cstdint>

namespace q35 {

struct Isa;
struct Table;

inline constexpr std::size_t kTileRows = 32, kUnitWeights = 32, kVectorBytes = 64, kUnitVectors = 8;
inline constexpr std::size_t kStepBytes = 2 * kTileRows;
inline constexpr std::uint8_t kStoredOffset = 0x44;
// What is added to an entry of a table so that it is an unsigned byte.
inline constexpr int kEntryOffset = 128;

// How many bits a stored code takes: seven or eight.
enum class Width { stream, byte };

// The stored code in a lane of a vector of a unit. (Internal linkage, see half.hpp.)
static inline std::uint8_t stored_code(const std::uint8_t* unit, std::size_t vector, std::size_t lane, Width width) {
  constexpr std::size_t last = kUnitVectors - 1;
  if (vector < last || width == Width::byte) return unit[kVectorBytes * vector + lane] & 0x7F;
  unsigned code = 0;
  for (std::size_t v = 0; v < last; ++v) code |= (unit[kVectorBytes * v + lane] >> 7 & 1u) << v;
  return static_cast<std::uint8_t>(code);
}

struct TiledShape {
  std::size_t rows;        // of the weight matrix: the outputs of a product
  std::size_t cols;        // its inputs
  std::size_t block_size;  // a multiple of kUnitWeights, at most kMaxBlock
  Width width;

  std::size_t tiles() const { return (rows + kTileRows - 1) / kTileRows; }
  std::size_t blocks() const { return (cols + block_size - 1) / block_size; }
  std::size_t units_of_block() const { return block_size / kUnitWeights; }
  std::size_t padded_cols() const { return blocks() * block_size; }
  std::size_t unit_bytes() const { return (width == Width::stream ? kUnitVectors - 1 : kUnitVectors) * kVectorBytes; }
  std::size_t block_bytes() const { return kStepBytes + units_of_block() * unit_bytes(); }
  std::size_t tile_bytes() const { return blocks() * block_bytes(); }
  std::size_t bytes() const { return tiles() * tile_bytes(); }
};

// Valid codes [rows, pairs] and steps [rows, blocks], row-major, to shape.bytes() bytes; and back.
void tile_weights(const TiledShape& shape, const std::uint8_t* codes, const std::uint16_t* steps, std::uint8_t* tiled);
void untile_weights(const TiledShape& shape, const std::uint8_t* tiled, std::uint8_t* codes, std::uint16_t* steps);

// The table by stored code, each entry plus kEntryOffset.
struct StoredTable {
  alignas(64) std::uint8_t first[128];
  alignas(64) std::uint8_t second[128];
  bool arithmetic;  // whether it is the table (hi, 2 lo)
};

// Rows of int8 activations, filled up with zeros to padded_cols, in the order of the units: the 16 that meet first
// slots, then the 16 that meet second slots. A row begins `stride` bytes after the one before; `sums` [rows, blocks] are
// the sums of each block's values.
struct Activations {
  std::size_t rows;
  const std::int8_t* values;
  std::size_t stride;
  const std::int32_t* sums;
  const float* scales;
};

// Products for one tile: y[m * stride + r] for all rows m of activations and r < outputs (at most kTileRows). Numbers,
// not a TiledShape: a file compiled for wider instructions must not share inline functions with others.
struct TileProduct {
  const StoredTable* table;
  const std::uint8_t* tile;
  std::size_t blocks;
  std::size_t units_of_block;
  Width width;
  Activations activations;
  float* y;
  std::size_t stride;
  std::size_t outputs;
};

// y [rows of activations, shape.rows]: for each block in order acc = acc + step * float(dot), without fma, then
// acc * scale (matmulRow in the proofs). The same bits for every instruction set and any number of threads.
// linear_int8 takes natural order [m, cols]; linear quantizes rows x [m, cols] first (see quantize_activations).
void linear_int8(const Isa& isa, const TiledShape& shape, const Table& table, const std::uint8_t* tiled,
                 const std::int8_t* a, const float* scales, std::size_t m, float* y, int threads);
void linear(const Isa& isa, const TiledShape& shape, const Table& table, const std::uint8_t* tiled, const float* x,
            std::size_t m, float* y, int threads);

// a [m, cols]: the nearest int8 of x / scale, ties to even (quantizeActivations in the proofs), with scales[row] =
// max|x| / 127 as float32 divides. A scale of 0 gives zeros; a row with a NaN or an infinity zeros and the scale NaN.
void quantize_activations(const Isa& isa, const float* x, std::size_t m, std::size_t cols, std::int8_t* a,
                          float* scales, int threads);

}  // namespace q35
