// Matrix functions: loops over rows and blocks, shared by every instruction set.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "half.hpp"
#include "kernels.hpp"

namespace q35 {
namespace {

std::size_t blocks_of(std::size_t cols, std::size_t block_size) { return (cols + block_size - 1) / block_size; }

// The least visit(row, part) of all rows, each `none` or the position of a bad value; `part` < `threads` names the
// thread's own scratch. Every thread has rows of its own, in order, stops at its first bad one, and calls `finish`.
template <class Visit>
std::size_t for_each_row(std::size_t rows, int threads, Visit visit, void (*finish)() = [] {}) {
  std::size_t first = none;
#pragma omp parallel for num_threads(threads) schedule(static, 1) reduction(min : first) if (threads > 1)
  for (int part = 0; part < threads; ++part) {
    const auto own = static_cast<std::size_t>(part), all = static_cast<std::size_t>(threads);
    for (std::size_t row = rows * own / all; row < rows * (own + 1) / all && first == none; ++row) {
      first = visit(row, own);
    }
    finish();
  }
  return first;
}

// Calls visit(weights, pairs, start) for every block of a row; a block of odd length is padded with one zero weight.
template <class Visit>
void for_each_block(const float* row, std::size_t cols, std::size_t block_size, Visit visit) {
  float padded[kMaxBlock];
  for (std::size_t start = 0; start < cols; start += block_size) {
    const std::size_t count = std::min(block_size, cols - start);
    const float* weights = row + start;
    if (count % 2 != 0) {
      std::memcpy(padded, weights, count * sizeof(float));
      padded[count] = 0;
      weights = padded;
    }
    visit(weights, pairs_of(count), start);
  }
}

// The codes of `cols` weights that share one step: encode(weights, pairs, step, codes) unless the step is 0.
template <class Encode>
void encode_with_step(const float* weights, std::size_t cols, std::uint16_t bits, std::uint8_t* codes, Encode encode) {
  const float step = step_value(bits);
  if (step == 0) {
    std::fill_n(codes, pairs_of(cols), std::uint8_t{0});
    return;
  }
  for_each_block(weights, cols, kMaxBlock, [&](const float* block, std::size_t pairs, std::size_t start) {
    encode(block, pairs, step, codes + start / 2);
  });
}

template <class Encode>
std::size_t encode_blocks(const float* weights, std::size_t rows, std::size_t cols, std::size_t block_size,
                          const std::uint16_t* steps, std::uint8_t* codes, Encode encode) {
  const std::size_t pairs = pairs_of(cols), blocks = blocks_of(cols, block_size);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t start = 0, block = row * blocks; start < cols; start += block_size, ++block) {
      if (std::isnan(step_value(steps[block]))) return block;
      encode_with_step(weights + row * cols + start, std::min(block_size, cols - start), steps[block],
                       codes + row * pairs + start / 2, encode);
    }
  }
  return none;
}

// The two ways to encode a block that has a step.
auto arithmetic_encoder(const Isa& isa, Scales scales) {
  return [&isa, scales](const float* weights, std::size_t pairs, float step, std::uint8_t* codes) {
    isa.encode_arithmetic(weights, pairs, scales, step, codes);
  };
}

auto nearest_encoder(const Isa& isa, const Table& table) {
  return [&isa, &table](const float* weights, std::size_t pairs, float step, std::uint8_t* codes) {
    isa.encode_nearest(weights, pairs, table, step, codes);
  };
}

// The loop of the two block schemes: search(weights, pairs, magnitudes) -> step, encode(weights, pairs, step, codes).
template <class Search, class Encode>
std::size_t quantize_blocks(const Isa& isa, const float* weights, std::size_t rows, std::size_t cols,
                            std::size_t block_size, Candidates candidates, std::uint8_t* codes, std::uint16_t* steps,
                            int threads, Search search, Encode encode) {
  const std::size_t pairs = pairs_of(cols), blocks = blocks_of(cols, block_size);
  return for_each_row(rows, threads, [&](std::size_t row, std::size_t) {
    std::uint16_t magnitudes[kMaxCandidates];
    const std::size_t bad = isa.first_not_finite(weights + row * cols, cols);
    if (bad != cols) return row * cols + bad;
    for_each_block(
        weights + row * cols, cols, block_size, [&](const float* block, std::size_t count, std::size_t start) {
          const double largest = static_cast<double>(isa.max_abs(block, 2 * count));
          isa.step_sizes(largest, candidates, magnitudes);
          const std::uint16_t bits = largest == 0 ? std::uint16_t{0} : search(block, count, magnitudes);
          steps[row * blocks + start / block_size] = bits;
          encode_with_step(block, 2 * count, bits, codes + row * pairs + start / 2, encode);
        });
    return none;
  });
}

bool tail_is_zero(const std::uint8_t* stream, std::size_t pairs) {
  const std::size_t used = kCodeBits * pairs % 8;
  return used == 0 || (stream[stream_size(pairs) - 1] >> used) == 0;
}

// The step and zero point of one column whose range, zero included, is [low, high].
void affine_step(float low, float high, int slot_low, int slot_high, std::uint16_t& step, std::int8_t& zero_point) {
  step = half_of_ratio(sum_to_odd(high, -low), slot_high - slot_low);
  const double value = static_cast<double>(step_value(step));
  if (value == 0) {
    zero_point = 0;
    return;
  }
  // As in the encoders: a double quotient of a float by a step never reaches a tie that the exact one does not have.
  const double rounded = std::nearbyint(slot_low - static_cast<double>(low) / value);
  zero_point =
      static_cast<std::int8_t>(std::clamp(rounded, static_cast<double>(slot_low), static_cast<double>(slot_high)));
}

// Results of this size are written past the caches where they would drive a row's steps out. Fresh pages are not, as
// the system has just cleared them through the caches.
constexpr std::size_t kPastCacheBytes = std::size_t{32} << 20;

std::vector<float> step_values(const std::uint16_t* steps, std::size_t cols) {
  std::vector<float> values(2 * pairs_of(cols), 0.0f);  // the padding weight has step 0
  for (std::size_t j = 0; j < cols; ++j) values[j] = step_value(steps[j]);
  return values;
}

// Calls visit(row, block, start, count, values) with the decoded table values of every block of every row of codes.
template <class Visit>
void for_each_decoded_block(const Isa& isa, const std::uint8_t* codes, std::size_t rows, std::size_t cols,
                            const Table& table, std::size_t block_size, Visit visit) {
  std::vector<std::int8_t> values(2 * pairs_of(std::min(block_size, cols)));
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t start = 0, block = 0; start < cols; start += block_size, ++block) {
      const std::size_t count = std::min(block_size, cols - start);
      isa.decode(codes + row * pairs_of(cols) + start / 2, pairs_of(count), table, values.data());
      visit(row, block, start, count, values.data());
    }
  }
}

}  // namespace

std::size_t pack_stream(const Isa& isa, const std::uint8_t* codes, std::size_t rows, std::size_t pairs,
                        std::uint8_t* stream, int threads) {
  return for_each_row(rows, threads, [&](std::size_t row, std::size_t) {
    const std::size_t bad = isa.first_invalid_code(codes + row * pairs, pairs);
    if (bad != pairs) return row * pairs + bad;
    isa.pack(codes + row * pairs, pairs, stream + row * stream_size(pairs));
    return none;
  });
}

std::size_t unpack_stream(const Isa& isa, const std::uint8_t* stream, std::size_t rows, std::size_t pairs,
                          std::uint8_t* codes, int threads) {
  return for_each_row(rows, threads, [&](std::size_t row, std::size_t) {
    const std::uint8_t* const source = stream + row * stream_size(pairs);
    if (!tail_is_zero(source, pairs)) return row;
    isa.unpack(source, pairs, codes + row * pairs);
    return none;
  });
}

std::size_t dequantize(const Isa& isa, const std::uint8_t* codes, const std::uint16_t* steps, const Table& table,
                       std::size_t rows, std::size_t cols, std::size_t block_size, float* weights, int threads) {
  const std::size_t pairs = pairs_of(cols), blocks = blocks_of(cols, block_size);
  return for_each_row(rows, threads, [&](std::size_t row, std::size_t) {
    const std::size_t bad = isa.first_invalid_code(codes + row * pairs, pairs);
    if (bad != pairs) return row * pairs + bad;
    isa.dequantize(codes + row * pairs, cols, block_size, steps + row * blocks, table, weights + row * cols);
    return none;
  });
}

std::size_t dequantize_stream(const Isa& isa, const std::uint8_t* stream, const std::uint16_t* steps,
                              const Table& table, std::size_t rows, std::size_t cols, std::size_t block_size,
                              float* weights, int threads) {
  const std::size_t pairs = pairs_of(cols), blocks = blocks_of(cols, block_size);
  std::vector<std::vector<std::uint8_t>> scratch(static_cast<std::size_t>(threads), std::vector<std::uint8_t>(pairs));
  return for_each_row(rows, threads, [&](std::size_t row, std::size_t part) {
    const std::uint8_t* const source = stream + row * stream_size(pairs);
    if (!tail_is_zero(source, pairs)) return row;
    std::uint8_t* const codes = scratch[part].data();
    isa.unpack(source, pairs, codes);
    isa.dequantize(codes, cols, block_size, steps + row * blocks, table, weights + row * cols);
    return none;
  });
}

std::size_t dequantize_affine(const Isa& isa, const std::uint8_t* codes, const std::uint16_t* steps,
                              const std::int8_t* zero_points, std::size_t rows, std::size_t cols, float* weights,
                              bool used, int threads) {
  const std::size_t pairs = pairs_of(cols);
  const std::vector<float> values = step_values(steps, cols);
  const bool past_cache = used && rows * cols * sizeof(float) >= kPastCacheBytes;
  const auto visit = [&](std::size_t row, std::size_t) {
    const std::size_t bad = isa.first_invalid_code(codes + row * pairs, pairs);
    if (bad != pairs) return row * pairs + bad;
    isa.dequantize_affine(codes + row * pairs, cols, values.data(), zero_points, weights + row * cols, past_cache);
    return none;
  };
  return for_each_row(rows, threads, visit, isa.finish_stores);
}

std::size_t quantize_block(const Isa& isa, const float* weights, std::size_t rows, std::size_t cols,
                           std::size_t block_size, Scales scales, Candidates candidates, std::uint8_t* codes,
                           std::uint16_t* steps, int threads) {
  return quantize_blocks(
      isa, weights, rows, cols, block_size, candidates, codes, steps, threads,
      [&](const float* block, std::size_t pairs, const std::uint16_t* magnitudes) {
        return isa.search_arithmetic(block, pairs, scales, magnitudes, candidates.count);
      },
      arithmetic_encoder(isa, scales));
}

std::size_t quantize_codebook(const Isa& isa, const float* weights, std::size_t rows, std::size_t cols,
                              std::size_t block_size, const Table& table, Candidates candidates, std::uint8_t* codes,
                              std::uint16_t* steps, int threads) {
  return quantize_blocks(
      isa, weights, rows, cols, block_size, candidates, codes, steps, threads,
      [&](const float* block, std::size_t pairs, const std::uint16_t* magnitudes) {
        return isa.search_nearest(block, pairs, table, magnitudes, candidates.count);
      },
      nearest_encoder(isa, table));
}

std::size_t encode_block(const Isa& isa, const float* weights, std::size_t rows, std::size_t cols,
                         std::size_t block_size, Scales scales, const std::uint16_t* steps, std::uint8_t* codes) {
  return encode_blocks(weights, rows, cols, block_size, steps, codes, arithmetic_encoder(isa, scales));
}

std::size_t encode_codebook(const Isa& isa, const float* weights, std::size_t rows, std::size_t cols,
                            std::size_t block_size, const Table& table, const std::uint16_t* steps,
                            std::uint8_t* codes) {
  return encode_blocks(weights, rows, cols, block_size, steps, codes, nearest_encoder(isa, table));
}

std::size_t quantize_row_absmax(const Isa& isa, const float* weights, std::size_t rows, std::size_t cols, Scales scales,
                                std::int32_t divisor, std::uint8_t* codes, std::uint16_t* steps, int threads) {
  const std::size_t pairs = pairs_of(cols);
  return for_each_row(rows, threads, [&](std::size_t row, std::size_t) {
    const float* const source = weights + row * cols;
    const std::size_t bad = isa.first_not_finite(source, cols);
    if (bad != cols) return row * cols + bad;
    steps[row] = half_of_ratio(static_cast<double>(isa.max_abs(source, cols)), divisor);
    encode_with_step(source, cols, steps[row], codes + row * pairs, arithmetic_encoder(isa, scales));
    return none;
  });
}

std::size_t quantize_row_affine(const Isa& isa, const float* weights, std::size_t rows, std::size_t cols,
                                std::uint8_t* codes, std::uint16_t* steps, std::int8_t* zero_points, int threads) {
  std::vector<float> low(cols, 0.0f), high(cols, 0.0f);  // the range of a column includes zero
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t bad = isa.first_not_finite(weights + row * cols, cols);
    if (bad != cols) return row * cols + bad;
    isa.extend_ranges(weights + row * cols, cols, low.data(), high.data());
  }
  for (std::size_t j = 0; j < cols; ++j) {
    const bool hi = j % 2 == 0;
    affine_step(low[j], high[j], hi ? kHiLow : kLoLow, hi ? kHiHigh : kLoHigh, steps[j], zero_points[j]);
  }
  const std::size_t pairs = pairs_of(cols);
  const std::vector<float> values = step_values(steps, cols);
  std::vector<std::int8_t> zeros(2 * pairs, 0);
  std::copy_n(zero_points, cols, zeros.begin());
  return for_each_row(rows, threads, [&](std::size_t row, std::size_t) {
    for_each_block(
        weights + row * cols, cols, kMaxBlock, [&](const float* block, std::size_t count, std::size_t start) {
          isa.encode_affine(block, count, values.data() + start, zeros.data() + start, codes + row * pairs + start / 2);
        });
    return none;
  });
}

std::size_t max_safe_k(const Table& table) {
  constexpr std::int64_t low = std::numeric_limits<std::int8_t>::min(), high = std::numeric_limits<std::int8_t>::max();
  // Largest and smallest product of any int8 value with t; both bounds include 0, as shorter sums must fit too.
  const auto largest = [](std::int64_t t) { return std::max(low * t, high * t); };
  const auto smallest = [](std::int64_t t) { return std::min(low * t, high * t); };
  std::int64_t pair_high = 0, pair_low = 0, first_high = 0, first_low = 0;
  for (std::size_t code = 0; code < kCodes; ++code) {
    const std::int64_t a = table.first[code], b = table.second[code];
    first_high = std::max(first_high, largest(a));
    first_low = std::min(first_low, smallest(a));
    pair_high = std::max(pair_high, largest(a) + largest(b));
    pair_low = std::min(pair_low, smallest(a) + smallest(b));
  }
  // Length K holds K / 2 whole pairs and, when odd, one first slot.
  const auto longest = [](std::int64_t limit, std::int64_t pair, std::int64_t first) -> std::uint64_t {
    if (pair == 0) return std::numeric_limits<std::int32_t>::max();  // a table of zeros never grows
    const std::int64_t whole = limit / pair;
    return static_cast<std::uint64_t>(2 * whole + (whole * pair + first <= limit ? 1 : 0));
  };
  constexpr std::int64_t limit = std::numeric_limits<std::int32_t>::max();
  return std::min(longest(limit, pair_high, first_high), longest(limit + 1, -pair_low, -first_low));
}

std::size_t block_dots(const Isa& isa, const std::int8_t* a, std::size_t m, std::size_t k, const std::uint8_t* codes,
                       std::size_t n, const Table& table, std::size_t block_size, std::int32_t* dots) {
  const std::size_t bad = isa.first_invalid_code(codes, n * pairs_of(k));
  if (bad != n * pairs_of(k)) return bad;
  const std::size_t blocks = blocks_of(k, block_size);
  for_each_decoded_block(
      isa, codes, n, k, table, block_size,
      [&](std::size_t row, std::size_t block, std::size_t start, std::size_t count, const std::int8_t* values) {
        for (std::size_t i = 0; i < m; ++i) {
          dots[(i * n + row) * blocks + block] = isa.dot(a + i * k + start, values, count);
        }
      });
  return none;
}

std::size_t matmul(const Isa& isa, const std::int8_t* a, const float* a_scale, std::size_t m, std::size_t k,
                   const std::uint8_t* codes, const std::uint16_t* steps, std::size_t n, const Table& table,
                   std::size_t block_size, float* y) {
  const std::size_t bad = isa.first_invalid_code(codes, n * pairs_of(k));
  if (bad != n * pairs_of(k)) return bad;
  const std::size_t blocks = blocks_of(k, block_size);
  std::fill_n(y, m * n, 0.0f);
  for_each_decoded_block(
      isa, codes, n, k, table, block_size,
      [&](std::size_t row, std::size_t block, std::size_t start, std::size_t count, const std::int8_t* values) {
        const float step = step_value(steps[row * blocks + block]);
        for (std::size_t i = 0; i < m; ++i) {
          const std::int32_t dot = isa.dot(a + i * k + start, values, count);
          y[i * n + row] = y[i * n + row] + step * static_cast<float>(dot);
        }
      });
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t row = 0; row < n; ++row) y[i * n + row] *= a_scale[i];
  }
  return none;
}

}  // namespace q35
