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
// Weights in a Microscaling (MX) format have 32 E8M0 bytes for steps, and blocks of 32. Width::fp4 is as Width::byte, a
// code being two elements, the first one in the low nibble. Width::fp6 has vectors of elements: the four of a quad
// (first slots of half 0, second slots of half 0, then of half 1) in three, whose bits 6 and 7 are two bits each of the
// fourth.
//
// Source: Q35.tileMatrix in proofs/Q35/Tiled.lean, which proves that the layout reads back, and Q35.foldFour in
// proofs/Q35/TiledMx.lean for the four elements in three.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace q35 {

struct Isa;
struct Table;

inline constexpr std::size_t kTileRows = 32, kUnitWeights = 32, kVectorBytes = 64, kUnitVectors = 8;
inline constexpr std::uint8_t kStoredOffset = 0x44;
// What is added to an entry of a table so that it is an unsigned byte.
inline constexpr int kEntryOffset = 128;

// How codes are stored: seven or eight bits a pair of weights; MX elements of four or six bits a weight.
enum class Width { stream, byte, fp4, fp6 };

// (Internal linkage for all that files compiled for different instruction sets share, see half.hpp.)
static constexpr bool is_mx(Width width) { return width == Width::fp4 || width == Width::fp6; }
static constexpr std::size_t step_bytes(Width width) { return kTileRows * (is_mx(width) ? 1 : 2); }
static constexpr std::size_t unit_bytes_of(Width width) {
  return (width == Width::stream ? 7 : width == Width::fp6 ? 12 : 8) * kVectorBytes;
}

// The stored code in a lane of a vector of a unit; of an MX format the two elements, the first one in the low half.
static inline unsigned stored_code(const std::uint8_t* unit, std::size_t vector, std::size_t lane, Width width) {
  constexpr std::size_t last = kUnitVectors - 1;
  const auto byte = [&](std::size_t v) -> unsigned { return unit[kVectorBytes * v + lane]; };
  if (width == Width::fp6) {
    const std::size_t stored = 3 * (vector / 2);
    const auto fourth = [&]() {
      return byte(stored) >> 6 | byte(stored + 1) >> 6 << 2 | byte(stored + 2) >> 6 << 4;
    };
    const unsigned first = byte(stored + vector % 2 * 2) & 0x3F;
    return first | (vector % 2 == 0 ? byte(stored + 1) & 0x3F : fourth()) << 6;
  }
  if (vector < last || width != Width::stream) return byte(vector);
  unsigned code = 0;
  for (std::size_t v = 0; v < last; ++v) code |= (byte(v) >> 7) << v;
  return code;
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
  std::size_t unit_bytes() const { return unit_bytes_of(width); }
  std::size_t block_bytes() const { return step_bytes(width) + units_of_block() * unit_bytes(); }
  std::size_t tile_bytes() const { return blocks() * block_bytes(); }
  std::size_t bytes() const { return tiles() * tile_bytes(); }
};

// Valid codes [rows, pairs] and fp16 steps [rows, blocks], row-major, to shape.bytes() bytes; and back.
void tile_weights(const TiledShape& shape, const std::uint8_t* codes, const std::uint16_t* steps, std::uint8_t* tiled);
void untile_weights(const TiledShape& shape, const std::uint8_t* tiled, std::uint8_t* codes, std::uint16_t* steps);
// Elements [rows, cols] and E8M0 scales [rows, blocks] of an MX format; and back.
void tile_mx(const TiledShape& shape, const std::uint8_t* elements, const std::uint8_t* scales, std::uint8_t* tiled);
void untile_mx(const TiledShape& shape, const std::uint8_t* tiled, std::uint8_t* elements, std::uint8_t* scales);

// What the codes stand for: entries of a table of pairs; or, for an MX format, element -> (low, high), which stands for
// low + 16 high units of 2^-unit_exponent.
struct Values {
  const Table& table;
  int unit_exponent;
};

// The values by stored code, each entry plus kEntryOffset.
struct StoredTable {
  alignas(64) std::uint8_t first[128];
  alignas(64) std::uint8_t second[128];
  bool arithmetic;    // whether it is the table (hi, 2 lo)
  bool split;         // whether some element has a high part
  int unit_exponent;  // of an MX format
};

// What the second part of a split element counts.
inline constexpr int kHighUnits = 16;

// The E8M0 scale 2^(bits - 127), over 2^unit_exponent; NaN for 255.
static inline float mx_step_value(std::uint8_t bits, int unit_exponent) {
  if (bits == 0xFF) return std::numeric_limits<float>::quiet_NaN();
  const int field = bits - unit_exponent;
  const unsigned word = field > 0 ? static_cast<unsigned>(field) << 23 : 1u << (22 + field);
  return std::bit_cast<float>(word);
}

// Rows of int8 activations, filled up with zeros to padded_cols, in the order of the units: the 16 that meet first
// slots, then the 16 that meet second slots. A row begins `stride` bytes after the one before; `sums` [rows, blocks]
// are the sums of each block's values.
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
void linear_int8(const Isa& isa, const TiledShape& shape, const Values& values, const std::uint8_t* tiled,
                 const std::int8_t* a, const float* scales, std::size_t m, float* y, int threads);
void linear(const Isa& isa, const TiledShape& shape, const Values& values, const std::uint8_t* tiled, const float* x,
            std::size_t m, float* y, int threads);

// a [m, cols]: the nearest int8 of x / scale, ties to even (quantizeActivations in the proofs), with scales[row] =
// max|x| / 127 as float32 divides. A scale of 0 gives zeros; a row with a NaN or an infinity zeros and the scale NaN.
void quantize_activations(const Isa& isa, const float* x, std::size_t m, std::size_t cols, std::int8_t* a,
                          float* scales, int threads);

}  // namespace q35
