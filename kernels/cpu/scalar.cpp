// The reference kernels: plain loops, one to one with the proofs' definitions, short enough to audit by eye.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "exact.hpp"
#include "half.hpp"
#include "kernels.hpp"

namespace q35 {
namespace {

std::size_t first_invalid_code(const std::uint8_t* codes, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (codes[i] >= kCodes) return i;
  }
  return count;
}

// Unaligned pointers are allowed everywhere, so floats are read and written through memcpy (a plain move when
// compiled).
float load(const float* source) {
  float value;
  std::memcpy(&value, source, sizeof value);
  return value;
}

void store(float* target, float value) { std::memcpy(target, &value, sizeof value); }

std::size_t first_not_finite(const float* weights, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (!std::isfinite(load(weights + i))) return i;
  }
  return count;
}

// Code i occupies the bits 7 i .. 7 i + 6; bit j of the stream is bit j % 8 of byte j / 8.
void pack(const std::uint8_t* codes, std::size_t pairs, std::uint8_t* stream) {
  std::fill_n(stream, stream_size(pairs), std::uint8_t{0});
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::size_t byte = kCodeBits * i / 8, shift = kCodeBits * i % 8;
    const unsigned bits = static_cast<unsigned>(codes[i]) << shift;
    stream[byte] = static_cast<std::uint8_t>(stream[byte] | (bits & 0xFFu));
    if (shift + kCodeBits > 8) stream[byte + 1] = static_cast<std::uint8_t>(bits >> 8);
  }
}

void unpack(const std::uint8_t* stream, std::size_t pairs, std::uint8_t* codes) {
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::size_t byte = kCodeBits * i / 8, shift = kCodeBits * i % 8;
    unsigned bits = stream[byte];
    if (shift + kCodeBits > 8) bits |= static_cast<unsigned>(stream[byte + 1]) << 8;
    codes[i] = static_cast<std::uint8_t>((bits >> shift) & (kCodes - 1));
  }
}

std::int8_t slot(const Table& table, const std::uint8_t* codes, std::size_t j) {
  return j % 2 == 0 ? table.first[codes[j / 2]] : table.second[codes[j / 2]];
}

void decode(const std::uint8_t* codes, std::size_t pairs, const Table& table, std::int8_t* values) {
  for (std::size_t j = 0; j < 2 * pairs; ++j) values[j] = slot(table, codes, j);
}

void dequantize(const std::uint8_t* codes, std::size_t cols, std::size_t block_size, const std::uint16_t* steps,
                const Table& table, float* weights) {
  for (std::size_t start = 0, block = 0; start < cols; start += block_size, ++block) {
    const float step = step_value(steps[block]);
    const std::size_t end = std::min(start + block_size, cols);
    for (std::size_t j = start; j < end; ++j) store(weights + j, step * static_cast<float>(slot(table, codes, j)));
  }
}

float max_abs(const float* weights, std::size_t count) {
  float largest = 0;
  for (std::size_t j = 0; j < count; ++j) largest = std::max(largest, std::fabs(load(weights + j)));
  return largest;
}

// clamp(rint(x)): x is a quotient of a float by a step, correctly rounded to double. A quotient that is no tie is at
// least 2^-24 (relative) away from every tie that matters, so rounding it to double neither reaches nor crosses one.
int quantize_slot(int low, int high, double x) {
  return static_cast<int>(std::clamp(std::nearbyint(x), static_cast<double>(low), static_cast<double>(high)));
}

std::uint8_t encode(int hi, int lo) {
  const unsigned u4 = static_cast<unsigned>(hi) & ((1u << kHiBits) - 1),
                 u3 = static_cast<unsigned>(lo) & ((1u << kLoBits) - 1);
  return static_cast<std::uint8_t>((u4 << kLoBits) | u3);
}

void encode_arithmetic(const float* weights, std::size_t pairs, Scales scales, float step, std::uint8_t* codes) {
  const double hi_step = static_cast<double>(step) * scales.hi, lo_step = static_cast<double>(step) * scales.lo;
  for (std::size_t i = 0; i < pairs; ++i) {
    const int hi = quantize_slot(kHiLow, kHiHigh, static_cast<double>(load(weights + 2 * i)) / hi_step);
    const int lo = quantize_slot(kLoLow, kLoHigh, static_cast<double>(load(weights + 2 * i + 1)) / lo_step);
    codes[i] = encode(hi, lo);
  }
}

void encode_nearest(const float* weights, std::size_t pairs, const Table& table, float step, std::uint8_t* codes) {
  for (std::size_t i = 0; i < pairs; ++i) {
    codes[i] = nearest_code(table, step, load(weights + 2 * i), load(weights + 2 * i + 1));
  }
}

double block_error(const float* weights, std::size_t pairs, const Table& table, float step, const std::uint8_t* codes) {
  double lane[8] = {};
  for (std::size_t j = 0; j < 2 * pairs; ++j) {
    const double product = static_cast<double>(step) * static_cast<double>(slot(table, codes, j));
    const double error = static_cast<double>(load(weights + j)) - product;
    lane[j % 8] += error * error;
  }
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

void step_sizes(double largest, Candidates candidates, std::uint16_t* magnitudes) {
  for (std::size_t i = 0; i < candidates.count; ++i) {
    magnitudes[i] = half_of_ratio(largest * candidates.numerators[i], candidates.denominator);
  }
}

// The table of an arithmetic scheme: code -> (hi_scale * hi, lo_scale * lo).
Table arithmetic_table(Scales scales) {
  Table table{};
  for (int hi = kHiLow; hi <= kHiHigh; ++hi) {
    for (int lo = kLoLow; lo <= kLoHigh; ++lo) {
      const std::size_t code = encode(hi, lo);
      table.first[code] = static_cast<std::int8_t>(hi * scales.hi);
      table.second[code] = static_cast<std::int8_t>(lo * scales.lo);
    }
  }
  return table;
}

// Tries +magnitude, -magnitude of every candidate; `encode_block(step, codes)` fills the codes of a step that is not 0.
template <class Encode>
std::uint16_t best_step(const float* weights, std::size_t pairs, const Table& table, const std::uint16_t* magnitudes,
                        std::size_t candidates, Encode encode_block) {
  std::uint8_t codes[kMaxBlock / 2];
  double least = std::numeric_limits<double>::infinity();
  std::uint16_t best = 0;
  for (std::size_t i = 0; i < 2 * candidates; ++i) {
    const std::uint16_t magnitude = magnitudes[i / 2];
    const std::uint16_t bits =
        static_cast<std::uint16_t>(i % 2 != 0 && magnitude != 0 ? magnitude | 0x8000u : magnitude);
    const float step = step_value(bits);
    if (bits == 0) {
      std::fill_n(codes, pairs, std::uint8_t{0});
    } else {
      encode_block(step, codes);
    }
    const double error = block_error(weights, pairs, table, step, codes);
    if (error < least) {
      least = error;
      best = bits;
    }
  }
  return best;
}

std::uint16_t search_arithmetic(const float* weights, std::size_t pairs, Scales scales, const std::uint16_t* magnitudes,
                                std::size_t candidates) {
  return best_step(weights, pairs, arithmetic_table(scales), magnitudes, candidates,
                   [&](float step, std::uint8_t* codes) { encode_arithmetic(weights, pairs, scales, step, codes); });
}

std::uint16_t search_nearest(const float* weights, std::size_t pairs, const Table& table,
                             const std::uint16_t* magnitudes, std::size_t candidates) {
  return best_step(weights, pairs, table, magnitudes, candidates,
                   [&](float step, std::uint8_t* codes) { encode_nearest(weights, pairs, table, step, codes); });
}

void extend_ranges(const float* weights, std::size_t cols, float* low, float* high) {
  for (std::size_t j = 0; j < cols; ++j) {
    const float weight = load(weights + j);
    store(low + j, std::min(load(low + j), weight));
    store(high + j, std::max(load(high + j), weight));
  }
}

// w / s + z is as far from a tie as w / s is (z is an integer), so the same argument as for quantize_slot holds.
int affine_slot(int low, int high, float weight, float step, int zero_point) {
  if (step == 0) return 0;
  return quantize_slot(low, high, static_cast<double>(weight) / static_cast<double>(step) + zero_point);
}

void encode_affine(const float* weights, std::size_t pairs, const float* steps, const std::int8_t* zero_points,
                   std::uint8_t* codes) {
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::size_t j = 2 * i;
    codes[i] = encode(affine_slot(kHiLow, kHiHigh, load(weights + j), load(steps + j), zero_points[j]),
                      affine_slot(kLoLow, kLoHigh, load(weights + j + 1), load(steps + j + 1), zero_points[j + 1]));
  }
}

void dequantize_affine(const std::uint8_t* codes, std::size_t cols, const float* steps, const std::int8_t* zero_points,
                       float* weights, bool) {
  const Table plain = arithmetic_table({1, 1});
  for (std::size_t j = 0; j < cols; ++j) {
    store(weights + j, load(steps + j) * static_cast<float>(slot(plain, codes, j) - zero_points[j]));
  }
}

void finish_stores() {}

std::int32_t dot(const std::int8_t* a, const std::int8_t* b, std::size_t count) {
  std::int32_t sum = 0;
  for (std::size_t j = 0; j < count; ++j) sum += a[j] * b[j];
  return sum;
}

// The argument of quantize_slot holds here too: near a tie x is at least about half a scale, so that 2 x and an odd
// multiple of the scale are both multiples of the scale's last place, and differ by at least that if they differ.
void quantize_int8(const float* x, std::size_t count, float scale, std::int8_t* values) {
  for (std::size_t j = 0; j < count; ++j) {
    const double quotient = static_cast<double>(load(x + j)) / static_cast<double>(scale);
    values[j] = static_cast<std::int8_t>(quantize_slot(-128, 127, quotient));
  }
}

void arrange_activations(const std::int8_t* row, std::size_t count, std::size_t block_size, std::int8_t* values,
                         std::int32_t* sums) {
  for (std::size_t start = 0, block = 0; start < count; start += block_size, ++block) {
    sums[block] = 0;
    for (std::size_t j = start; j < start + block_size; ++j) {
      const std::int8_t value = j < count ? row[j] : std::int8_t{0};
      const std::size_t unit = j / kUnitWeights, place = j % kUnitWeights;
      values[unit * kUnitWeights + place % 2 * (kUnitWeights / 2) + place / 2] = value;
      sums[block] += value;
    }
  }
}

// What the two weights of a stored code are multiples of a step of.
void decode_stored(const TileProduct& product, unsigned code, std::int16_t& first, std::int16_t& second) {
  const auto entry = [](std::uint8_t stored) { return stored - kEntryOffset; };
  const StoredTable& table = *product.table;
  if (is_mx(product.width)) {
    const unsigned bits = product.width == Width::fp4 ? 4 : 6, mask = (1u << bits) - 1;
    const auto units = [&](unsigned e) { return entry(table.first[e]) + kHighUnits * entry(table.second[e]); };
    first = static_cast<std::int16_t>(units(code & mask));
    second = static_cast<std::int16_t>(units(code >> bits & mask));
  } else {
    first = static_cast<std::int16_t>(entry(table.first[code & 0x7F]));
    second = static_cast<std::int16_t>(entry(table.second[code & 0x7F]));
  }
}

// The entries of one block of a tile, in the order of the activations: entries[row][unit * 32 + place].
void decode_block(const TileProduct& product, const std::uint8_t* units, std::int16_t (*entries)[kMaxBlock]) {
  for (std::size_t u = 0; u < product.units_of_block; ++u) {
    for (std::size_t vector = 0; vector < kUnitVectors; ++vector) {
      for (std::size_t lane = 0; lane < kVectorBytes; ++lane) {
        const unsigned code = stored_code(units + u * unit_bytes_of(product.width), vector, lane, product.width);
        std::int16_t* const out = entries[vector % 2 * 16 + lane / 4] + u * kUnitWeights + vector / 2 * 4 + lane % 4;
        decode_stored(product, code, out[0], out[kUnitWeights / 2]);
      }
    }
  }
}

float tile_step(const TileProduct& product, const std::uint8_t* steps, std::size_t row) {
  if (is_mx(product.width)) return mx_step_value(steps[row], product.table->unit_exponent);
  std::uint16_t bits;
  std::memcpy(&bits, steps + 2 * row, sizeof bits);
  return step_value(bits);
}

void multiply_tile(const TileProduct& product) {
  const std::size_t block_size = product.units_of_block * kUnitWeights;
  const std::size_t block_bytes = step_bytes(product.width) + product.units_of_block * unit_bytes_of(product.width);
  const Activations& activations = product.activations;
  const auto for_each_output = [&](auto visit) {
    for (std::size_t m = 0; m < activations.rows; ++m) {
      for (std::size_t row = 0; row < product.outputs; ++row) visit(m, row, product.y + m * product.stride + row);
    }
  };
  for_each_output([](std::size_t, std::size_t, float* y) { store(y, 0.0f); });
  for (std::size_t block = 0; block < product.blocks; ++block) {
    const std::uint8_t* const steps = product.tile + block * block_bytes;
    std::int16_t entries[kTileRows][kMaxBlock];
    decode_block(product, steps + step_bytes(product.width), entries);
    for_each_output([&](std::size_t m, std::size_t row, float* y) {
      const std::int8_t* const a = activations.values + m * activations.stride + block * block_size;
      std::int32_t sum = 0;
      for (std::size_t j = 0; j < block_size; ++j) sum += a[j] * entries[row][j];
      store(y, load(y) + tile_step(product, steps, row) * static_cast<float>(sum));
    });
  }
  for_each_output([&](std::size_t m, std::size_t, float* y) { store(y, load(y) * activations.scales[m]); });
}

}  // namespace

const Isa& scalar_isa() {
  static constexpr Isa isa{
      .name = "scalar",
      .first_invalid_code = first_invalid_code,
      .first_not_finite = first_not_finite,
      .pack = pack,
      .unpack = unpack,
      .decode = decode,
      .dequantize = dequantize,
      .max_abs = max_abs,
      .encode_arithmetic = encode_arithmetic,
      .encode_nearest = encode_nearest,
      .block_error = block_error,
      .step_sizes = step_sizes,
      .search_arithmetic = search_arithmetic,
      .search_nearest = search_nearest,
      .extend_ranges = extend_ranges,
      .encode_affine = encode_affine,
      .dequantize_affine = dequantize_affine,
      .finish_stores = finish_stores,
      .dot = dot,
      .quantize_int8 = quantize_int8,
      .arrange_activations = arrange_activations,
      .multiply_tile = multiply_tile,
  };
  return isa;
}

}  // namespace q35
