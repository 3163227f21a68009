// The CPU kernels of the Q35 code: what an instruction set has to provide, and the matrix functions on top of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tiled.hpp"

namespace q35 {

// A code is (u4 << 3) | u3; the binding refuses to load when the spec states other widths.
inline constexpr int kHiBits = 4, kLoBits = 3, kCodeBits = kHiBits + kLoBits;
inline constexpr int kHiLow = -(1 << (kHiBits - 1)), kHiHigh = -kHiLow - 1;
inline constexpr int kLoLow = -(1 << (kLoBits - 1)), kLoHigh = -kLoLow - 1;
inline constexpr std::size_t kCodes = std::size_t{1} << kCodeBits;
// Longest block that a step search takes (its scratch lives on the stack).
inline constexpr std::size_t kMaxBlock = 256;
// Most sizes that a step search tries, each with both signs.
inline constexpr std::size_t kMaxCandidates = 64;

inline constexpr std::size_t pairs_of(std::size_t cols) { return (cols + 1) / 2; }
inline constexpr std::size_t stream_size(std::size_t pairs) { return (kCodeBits * pairs + 7) / 8; }

// code -> pair of int8, one array a slot: the layout that a byte permutation reads.
struct Table {
  alignas(64) std::int8_t first[kCodes];
  alignas(64) std::int8_t second[kCodes];
};

// The integers that an arithmetic table gives a slot: multiples of `scale` in [low, high] * scale.
struct Scales {
  int hi;
  int lo;
};

// The sizes a step search tries: max|w| * numerator / denominator.
struct Candidates {
  const std::int32_t* numerators;
  std::size_t count;
  std::int32_t denominator;
};

// One instruction set's kernels. `pairs` counts codes; a block of weights holds 2 * pairs floats (the caller pads odd
// ones); steps are finite and non-zero where an encoder or an error takes one. No pointer needs any alignment, but
// fp16 steps lie at even addresses.
struct Isa {
  const char* name;
  // Index of the first code byte >= 128, or `count`.
  std::size_t (*first_invalid_code)(const std::uint8_t* codes, std::size_t count);
  // Index of the first NaN or infinity, or `count`.
  std::size_t (*first_not_finite)(const float* weights, std::size_t count);
  // The 7-bit little-endian stream of valid codes; writes stream_size(pairs) bytes, tail bits zero.
  void (*pack)(const std::uint8_t* codes, std::size_t pairs, std::uint8_t* stream);
  void (*unpack)(const std::uint8_t* stream, std::size_t pairs, std::uint8_t* codes);
  // The table's pairs, interleaved: 2 * pairs values.
  void (*decode)(const std::uint8_t* codes, std::size_t pairs, const Table& table, std::int8_t* values);
  // A row of `cols` weights step * T[c], a step for each block (any bits: one that is not finite gives NaN); an odd
  // count leaves the last code's second weight out.
  void (*dequantize)(const std::uint8_t* codes, std::size_t cols, std::size_t block_size, const std::uint16_t* steps,
                     const Table& table, float* weights);
  // Largest absolute value (no NaN among the weights).
  float (*max_abs)(const float* weights, std::size_t count);
  // Nearest entry of the table (hi_scale * hi, lo_scale * lo), ties to even in each slot.
  void (*encode_arithmetic)(const float* weights, std::size_t pairs, Scales scales, float step, std::uint8_t* codes);
  // Nearest entry of any table, exactly, ties to the lower code.
  void (*encode_nearest)(const float* weights, std::size_t pairs, const Table& table, float step, std::uint8_t* codes);
  // Squared error of the codes in the prescribed arithmetic: eight double lanes, no fma (see spec/formats.json).
  double (*block_error)(const float* weights, std::size_t pairs, const Table& table, float step,
                        const std::uint8_t* codes);
  // The fp16 numbers nearest to largest * numerator / denominator, which is exact.
  void (*step_sizes)(double largest, Candidates candidates, std::uint16_t* magnitudes);
  // The fp16 step of least block_error among +magnitude, -magnitude of each candidate in order, ties to the first.
  std::uint16_t (*search_arithmetic)(const float* weights, std::size_t pairs, Scales scales,
                                     const std::uint16_t* magnitudes, std::size_t candidates);
  std::uint16_t (*search_nearest)(const float* weights, std::size_t pairs, const Table& table,
                                  const std::uint16_t* magnitudes, std::size_t candidates);
  // low[j] = min(low[j], weights[j]), high likewise.
  void (*extend_ranges)(const float* weights, std::size_t cols, float* low, float* high);
  // One row of the affine scheme: q = clamp(rint(w / s + z)) a slot; s = 0 gives q = 0. Arrays of 2 * pairs.
  void (*encode_affine)(const float* weights, std::size_t pairs, const float* steps, const std::int8_t* zero_points,
                        std::uint8_t* codes);
  // `cols` weights s * (q - z). `past_cache` prefers stores that leave the caches alone; finish_stores makes them
  // visible to other threads.
  void (*dequantize_affine)(const std::uint8_t* codes, std::size_t cols, const float* steps,
                            const std::int8_t* zero_points, float* weights, bool past_cache);
  void (*finish_stores)();
  // Sum of products in int32; the caller keeps `count` within the largest safe length.
  std::int32_t (*dot)(const std::int8_t* a, const std::int8_t* b, std::size_t count);
  // The nearest int8 of x / scale, ties to even; x finite, scale positive.
  void (*quantize_int8)(const float* x, std::size_t count, float scale, std::int8_t* values);
  // A row of activations in the order of the units (see Activations): `count` values, zeros up to the last block's end.
  void (*arrange_activations)(const std::int8_t* row, std::size_t count, std::size_t block_size, std::int8_t* values,
                              std::int32_t* sums);
  void (*multiply_tile)(const TileProduct& product);
};

const Isa& scalar_isa();
// Null where the processor, its operating system or the build lacks it.
const Isa* avx2_isa();
const Isa* avx512_isa();
const Isa* amx_isa();  // avx512 with products of many rows on AMX int8

// The hash of these sources; the build writes its definition.
extern const char* const source_sha256;

// "auto" is the fastest available; null for a name that is unknown or not available here.
const Isa* find_isa(std::string_view name);
std::vector<const char*> available_isas();

// The position of a bad value; `none` when there is no bad value.
inline constexpr std::size_t none = static_cast<std::size_t>(-1);

// All matrices are row-major and contiguous; functions that can meet a bad value return the first one's index (or row)
// or `none`. Rows are shared out among `threads`: no result depends on how many they are.
std::size_t pack_stream(const Isa&, const std::uint8_t* codes, std::size_t rows, std::size_t pairs,
                        std::uint8_t* stream, int threads = 1);
std::size_t unpack_stream(const Isa&, const std::uint8_t* stream, std::size_t rows, std::size_t pairs,
                          std::uint8_t* codes, int threads = 1);
std::size_t dequantize(const Isa&, const std::uint8_t* codes, const std::uint16_t* steps, const Table&,
                       std::size_t rows, std::size_t cols, std::size_t block_size, float* weights, int threads = 1);
// As dequantize, from the stream layout; returns the row of a non-zero tail bit.
std::size_t dequantize_stream(const Isa&, const std::uint8_t* stream, const std::uint16_t* steps, const Table&,
                              std::size_t rows, std::size_t cols, std::size_t block_size, float* weights,
                              int threads = 1);
// `used` says that the memory of the weights was written before: fresh pages are best written through the caches.
std::size_t dequantize_affine(const Isa&, const std::uint8_t* codes, const std::uint16_t* steps,
                              const std::int8_t* zero_points, std::size_t rows, std::size_t cols, float* weights,
                              bool used = false, int threads = 1);

std::size_t quantize_block(const Isa&, const float* weights, std::size_t rows, std::size_t cols, std::size_t block_size,
                           Scales, Candidates, std::uint8_t* codes, std::uint16_t* steps, int threads = 1);
std::size_t quantize_codebook(const Isa&, const float* weights, std::size_t rows, std::size_t cols,
                              std::size_t block_size, const Table&, Candidates, std::uint8_t* codes,
                              std::uint16_t* steps, int threads = 1);
// The inner half of the two: codes for given steps (finite, any sign; 0 gives code 0 everywhere). Any even block size.
// Weights must be finite; returns the index of a step that is not.
std::size_t encode_block(const Isa&, const float* weights, std::size_t rows, std::size_t cols, std::size_t block_size,
                         Scales, const std::uint16_t* steps, std::uint8_t* codes);
std::size_t encode_codebook(const Isa&, const float* weights, std::size_t rows, std::size_t cols,
                            std::size_t block_size, const Table&, const std::uint16_t* steps, std::uint8_t* codes);
// One positive step a row, max|w| / divisor, shared by both slots.
std::size_t quantize_row_absmax(const Isa&, const float* weights, std::size_t rows, std::size_t cols, Scales,
                                std::int32_t divisor, std::uint8_t* codes, std::uint16_t* steps, int threads = 1);
// One step and zero point a column.
std::size_t quantize_row_affine(const Isa&, const float* weights, std::size_t rows, std::size_t cols,
                                std::uint8_t* codes, std::uint16_t* steps, std::int8_t* zero_points, int threads = 1);

// Largest number of weights whose products with int8 values cannot leave int32, in any order, whatever both hold.
std::size_t max_safe_k(const Table&);

// dots[m, n, b] = sum over block b of a[m, k] * T[codes[n]]_k; returns the index of a byte >= 128.
std::size_t block_dots(const Isa&, const std::int8_t* a, std::size_t m, std::size_t k, const std::uint8_t* codes,
                       std::size_t n, const Table&, std::size_t block_size, std::int32_t* dots);
// y[m, n]: acc = acc + step * dot block by block in float32 without fma, then times a_scale[m].
std::size_t matmul(const Isa&, const std::int8_t* a, const float* a_scale, std::size_t m, std::size_t k,
                   const std::uint8_t* codes, const std::uint16_t* steps, std::size_t n, const Table&,
                   std::size_t block_size, float* y);

}  // namespace q35
