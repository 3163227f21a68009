// The AVX2 kernels (with FMA and F16C). Compiled for more than the baseline, so nothing in it may be an inline function
// that other files share: it uses no standard containers and only headers with internal linkage.
#include "kernels.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#include "avx2_product.hpp"
#include "exact.hpp"
#include "half.hpp"

namespace q35 {
namespace {

constexpr std::size_t kBytes = 32, kFloats = 8, kDoubles = 4;

// What is left of `count` elements from `start` on.
std::size_t left(std::size_t count, std::size_t start) { return count > start ? count - start : 0; }

// Reads and writes of the first elements only, at most a whole vector; absent elements read as zero. The masked
// instructions exist for words; bytes go through a copy.
__m256i floats_below(std::size_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count < kFloats ? count : kFloats)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

__m256 load_floats(const float* source, std::size_t count) {
  return count >= kFloats ? _mm256_loadu_ps(source) : _mm256_maskload_ps(source, floats_below(count));
}

void store_floats(float* target, std::size_t count, __m256 values) {
  if (count >= kFloats) {
    _mm256_storeu_ps(target, values);
  } else {
    _mm256_maskstore_ps(target, floats_below(count), values);
  }
}

__m256d load_doubles(const float* source, std::size_t count) {
  const __m128i mask = _mm256_castsi256_si128(floats_below(count));
  return _mm256_cvtps_pd(count >= kDoubles ? _mm_loadu_ps(source) : _mm_maskload_ps(source, mask));
}

__m256i load_bytes(const void* source, std::size_t count) {
  if (count >= kBytes) return _mm256_loadu_si256(static_cast<const __m256i*>(source));
  alignas(32) std::uint8_t bytes[kBytes] = {};
  __builtin_memcpy(bytes, source, count);
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(bytes));
}

void store_bytes(void* target, std::size_t count, __m256i values) {
  if (count >= kBytes) return _mm256_storeu_si256(static_cast<__m256i*>(target), values);
  alignas(32) std::uint8_t bytes[kBytes];
  _mm256_store_si256(reinterpret_cast<__m256i*>(bytes), values);
  __builtin_memcpy(target, bytes, count);
}

__m256 absolute(__m256 x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x); }

std::size_t first_invalid_code(const std::uint8_t* codes, std::size_t count) {
  for (std::size_t i = 0; i < count; i += kBytes) {
    const unsigned invalid = static_cast<unsigned>(_mm256_movemask_epi8(load_bytes(codes + i, count - i)));
    if (invalid != 0) return i + static_cast<std::size_t>(__builtin_ctz(invalid));
  }
  return count;
}

std::size_t first_not_finite(const float* weights, std::size_t count) {
  const __m256i largest = _mm256_set1_epi32(0x7F7FFFFF);
  for (std::size_t i = 0; i < count; i += kFloats) {
    const __m256i magnitude = _mm256_castps_si256(absolute(load_floats(weights + i, count - i)));
    const __m256 bad = _mm256_castsi256_ps(_mm256_cmpgt_epi32(magnitude, largest));
    const unsigned lanes = static_cast<unsigned>(_mm256_movemask_ps(bad));
    if (lanes != 0) return i + static_cast<std::size_t>(__builtin_ctz(lanes));
  }
  return count;
}

// 32 codes are 28 bytes of a stream: 14 for each half of a vector.
constexpr std::size_t kStreamBytes = kCodeBits * kBytes / 8;

// The 28 bytes of 32 codes: written whole, as two overlapping vectors, `begin` at 0 and `end` at 12.
struct Stream {
  __m128i begin;
  __m128i end;

  void store(std::uint8_t* stream) const {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(stream), begin);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(stream + kStreamBytes - kBytes / 2), end);
  }
};

Stream pack32(__m256i codes) {
  // 2 codes to 14 bits: the codes are the signed operand, so that the factor 128 fits the unsigned one.
  const __m256i bits14 = _mm256_maddubs_epi16(_mm256_set1_epi16(static_cast<short>(128 << 8 | 1)), codes);
  const __m256i bits28 = _mm256_madd_epi16(bits14, _mm256_set1_epi32(1 << 30 | 1));
  const __m256i low = _mm256_and_si256(bits28, _mm256_set1_epi64x(0x0FFFFFFF));
  const __m256i high = _mm256_and_si256(_mm256_srli_epi64(bits28, 4), _mm256_set1_epi64x(0x0FFFFFFFLL << 28));
  const __m256i gather = _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, -1, -1,  //
                                          -1, -1, 0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14);
  const __m256i bytes = _mm256_shuffle_epi8(_mm256_or_si256(low, high), gather);
  const __m128i first = _mm256_castsi256_si128(bytes), last = _mm256_extracti128_si256(bytes, 1);
  return {_mm_or_si128(first, _mm_slli_si128(last, 12)), _mm_or_si128(last, _mm_srli_si128(first, 12))};
}

void pack(const std::uint8_t* codes, std::size_t pairs, std::uint8_t* stream) {
  std::size_t i = 0;
  for (; i + kBytes <= pairs; i += kBytes) pack32(load_bytes(codes + i, kBytes)).store(stream + i / 8 * kCodeBits);
  if (i == pairs) return;
  std::uint8_t last[kStreamBytes];
  pack32(load_bytes(codes + i, pairs - i)).store(last);
  __builtin_memcpy(stream + i / 8 * kCodeBits, last, stream_size(pairs - i));
}

// 32 codes from the 28 bytes of a stream at `stream`; both halves are read within these.
__m256i unpack32(const std::uint8_t* stream) {
  const __m128i begin = _mm_loadu_si128(reinterpret_cast<const __m128i*>(stream));
  const __m128i end = _mm_loadu_si128(reinterpret_cast<const __m128i*>(stream + kStreamBytes - kBytes / 2));
  const __m256i spread = _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, -1, 7, 8, 9, 10, 11, 12, 13, -1,  //
                                          2, 3, 4, 5, 6, 7, 8, -1, 9, 10, 11, 12, 13, 14, 15, -1);
  const __m256i bits56 = _mm256_shuffle_epi8(_mm256_set_m128i(end, begin), spread);
  // Halves the fields, three times: 56 bits of a quadword, 28 of a word, 14 of a half word, 7 of a byte.
  const auto split = [](__m256i low, __m256i shifted, __m256i mask) {
    return _mm256_or_si256(_mm256_and_si256(low, mask), _mm256_andnot_si256(mask, shifted));
  };
  const __m256i bits28 = split(bits56, _mm256_slli_epi64(bits56, 4), _mm256_set1_epi64x(0x0FFFFFFF));
  const __m256i bits14 = split(bits28, _mm256_slli_epi32(bits28, 2), _mm256_set1_epi32(0x3FFF));
  const __m256i bits7 = split(bits14, _mm256_slli_epi16(bits14, 1), _mm256_set1_epi16(0x7F));
  return _mm256_and_si256(bits7, _mm256_set1_epi8(0x7F));
}

void unpack(const std::uint8_t* stream, std::size_t pairs, std::uint8_t* codes) {
  std::size_t i = 0;
  for (; i + kBytes <= pairs; i += kBytes) store_bytes(codes + i, kBytes, unpack32(stream + i / 8 * kCodeBits));
  if (i == pairs) return;
  std::uint8_t last[kStreamBytes] = {};
  __builtin_memcpy(last, stream + i / 8 * kCodeBits, stream_size(pairs - i));
  store_bytes(codes + i, pairs - i, unpack32(last));
}

// The look-up of 32 codes, interleaved: weights 0..31 of the 64 in `low`, 32..63 in `high`.
struct Decoded {
  __m256i low;
  __m256i high;
};

Decoded look_up(__m256i codes, const Table& table) {
  const auto sixteen = [](const std::int8_t* entries) {
    return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(entries)));
  };
  __m256i first = _mm256_setzero_si256(), second = first;
  for (std::size_t e = 0; e < kCodes; e += 16) {
    // A shuffle gives 0 where bit 7 of the index is set: after this sum, wherever the code's upper bits are not e's.
    const __m256i here = _mm256_xor_si256(codes, _mm256_set1_epi8(static_cast<char>(e)));
    const __m256i index = _mm256_add_epi8(here, _mm256_set1_epi8(0x70));
    first = _mm256_or_si256(first, _mm256_shuffle_epi8(sixteen(table.first + e), index));
    second = _mm256_or_si256(second, _mm256_shuffle_epi8(sixteen(table.second + e), index));
  }
  const __m256i even = _mm256_unpacklo_epi8(first, second), odd = _mm256_unpackhi_epi8(first, second);
  return {_mm256_permute2x128_si256(even, odd, 0x20), _mm256_permute2x128_si256(even, odd, 0x31)};
}

void decode(const std::uint8_t* codes, std::size_t pairs, const Table& table, std::int8_t* values) {
  for (std::size_t i = 0; i < pairs; i += kBytes) {
    const std::size_t count = 2 * (pairs - i);
    const Decoded decoded = look_up(load_bytes(codes + i, pairs - i), table);
    store_bytes(values + 2 * i, count, decoded.low);
    if (count > kBytes) store_bytes(values + 2 * i + kBytes, count - kBytes, decoded.high);
  }
}

// The entries of the codes i .. i + 31 of `pairs`, in order.
struct Entries {
  alignas(32) std::int8_t values[2 * kBytes];

  Entries(const std::uint8_t* codes, std::size_t pairs, const Table& table) {
    const Decoded decoded = look_up(load_bytes(codes, pairs), table);
    _mm256_store_si256(reinterpret_cast<__m256i*>(values), decoded.low);
    _mm256_store_si256(reinterpret_cast<__m256i*>(values + kBytes), decoded.high);
  }

  __m256i eight(std::size_t j) const {
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(values + j)));
  }
};

void dequantize_block(const std::uint8_t* codes, std::size_t count, const Table& table, float step, float* weights) {
  const __m256 steps = _mm256_set1_ps(step);
  for (std::size_t start = 0; start < count; start += 2 * kBytes) {
    const std::size_t rest = count - start;
    const Entries entries(codes + start / 2, pairs_of(rest), table);
    for (std::size_t j = 0; j < 2 * kBytes && j < rest; j += kFloats) {
      store_floats(weights + start + j, rest - j, _mm256_mul_ps(steps, _mm256_cvtepi32_ps(entries.eight(j))));
    }
  }
}

void dequantize(const std::uint8_t* codes, std::size_t cols, std::size_t block_size, const std::uint16_t* steps,
                const Table& table, float* weights) {
  for (std::size_t start = 0; start < cols; start += block_size) {
    const std::size_t count = cols - start < block_size ? cols - start : block_size;
    dequantize_block(codes + start / 2, count, table, step_value(*steps++), weights + start);
  }
}

float largest_of(__m256 x) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

float max_abs(const float* weights, std::size_t count) {
  __m256 largest = _mm256_setzero_ps();
  for (std::size_t j = 0; j < count; j += kFloats) {
    largest = _mm256_max_ps(largest, absolute(load_floats(weights + j, count - j)));
  }
  return largest_of(largest);
}

// (hi, lo) in alternating lanes.
__m256d alternate(double hi, double lo) { return _mm256_setr_pd(hi, lo, hi, lo); }
__m256 alternate(float hi, float lo) { return _mm256_setr_ps(hi, lo, hi, lo, hi, lo, hi, lo); }

// x / step, on a grid of 2^-30 and by the step's reciprocal, which is within 2^-53 (relative): a tie between integers
// comes out as itself. A quotient that is no tie is at least 2^-25 away from every tie that matters (see quantize_slot
// and quantize_int8 in scalar.cpp; those ties are between 1/2 and 128), so it stays on its side.
__m256d quotient(__m256d x, __m256d reciprocal) {
  const __m256d grid = _mm256_set1_pd(0x1.8p22);  // 2^-30 is one unit in its last place
  return _mm256_sub_pd(_mm256_fmadd_pd(x, reciprocal, grid), grid);
}

__m256d clamp(__m256d x, __m256d low, __m256d high) { return _mm256_min_pd(_mm256_max_pd(x, low), high); }

// How slots are rounded: clamp(rint(x / step)) of each, `low` and `high` being integers.
struct Rounding {
  __m256d reciprocal;
  __m256d low;
  __m256d high;

  // The integers of four weights; the conversion rounds to nearest, ties to even.
  __m128i four(const float* weights, std::size_t count) const {
    return _mm256_cvtpd_epi32(clamp(quotient(load_doubles(weights, count), reciprocal), low, high));
  }

  __m128i sixteen(const float* w, std::size_t count) const {
    const __m128i begin = _mm_packs_epi32(four(w, count), four(w + 4, left(count, 4)));
    const __m128i end = _mm_packs_epi32(four(w + 8, left(count, 8)), four(w + 12, left(count, 12)));
    return _mm_packs_epi16(begin, end);
  }
};

// Eight codes from eight (hi, lo) pairs of bytes.
void store_codes(__m128i slots, std::size_t count, std::uint8_t* codes) {
  constexpr int hi_mask = (1 << kHiBits) - 1, lo_mask = (1 << kLoBits) - 1;
  const __m128i fields = _mm_and_si128(slots, _mm_set1_epi16(lo_mask << 8 | hi_mask));
  const __m128i words = _mm_maddubs_epi16(fields, _mm_set1_epi16(1 << 8 | 1 << kLoBits));
  const long long eight = _mm_cvtsi128_si64(_mm_packus_epi16(words, words));
  if (count >= sizeof eight) {
    __builtin_memcpy(codes, &eight, sizeof eight);
  } else {
    __builtin_memcpy(codes, &eight, count);
  }
}

Rounding slot_rounding(Scales scales, float step) {
  const double d = static_cast<double>(step);
  return {alternate(1 / (d * scales.hi), 1 / (d * scales.lo)), alternate(double{kHiLow}, double{kLoLow}),
          alternate(double{kHiHigh}, double{kLoHigh})};
}

void encode_arithmetic(const float* weights, std::size_t pairs, Scales scales, float step, std::uint8_t* codes) {
  const Rounding rounding = slot_rounding(scales, step);
  for (std::size_t i = 0; i < pairs; i += 8) {
    store_codes(rounding.sixteen(weights + 2 * i, 2 * (pairs - i)), pairs - i, codes + i);
  }
}

void quantize_int8(const float* x, std::size_t count, float scale, std::int8_t* values) {
  const Rounding rounding{_mm256_set1_pd(1 / static_cast<double>(scale)), _mm256_set1_pd(-128), _mm256_set1_pd(127)};
  for (std::size_t j = 0; j < count; j += 16) {
    const __m256i bytes = _mm256_castsi128_si256(rounding.sixteen(x + j, count - j));
    store_bytes(values + j, count - j < 16 ? count - j : 16, bytes);
  }
}

// The eight double lanes of the prescribed order: four and four.
struct Lanes {
  __m256d low = _mm256_setzero_pd();
  __m256d high = _mm256_setzero_pd();

  // sum + (w - product)^2 with every operation rounded: no fma.
  static __m256d add_square(__m256d sum, __m256d w, __m256d product) {
    const __m256d error = _mm256_sub_pd(w, product);
    return _mm256_add_pd(sum, _mm256_mul_pd(error, error));
  }

  // ((l0 + l4) + (l2 + l6)) + ((l1 + l5) + (l3 + l7))
  double sum() const {
    const __m256d four = _mm256_add_pd(low, high);
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(two) + _mm_cvtsd_f64(_mm_unpackhi_pd(two, two));
  }
};

double block_error(const float* weights, std::size_t pairs, const Table& table, float step, const std::uint8_t* codes) {
  const __m256d steps = _mm256_set1_pd(static_cast<double>(step));
  const std::size_t count = 2 * pairs;
  Lanes lanes;
  for (std::size_t start = 0; start < count; start += 2 * kBytes) {
    Entries entries(codes + start / 2, pairs - start / 2, table);
    const std::size_t rest = count - start;
    // An entry without a weight must not count.
    if (rest < 2 * kBytes) __builtin_memset(entries.values + rest, 0, 2 * kBytes - rest);
    for (std::size_t j = 0; j < 2 * kBytes && j < rest; j += kFloats) {
      const __m256i eight = entries.eight(j);
      const float* const w = weights + start + j;
      const __m256d low = _mm256_mul_pd(steps, _mm256_cvtepi32_pd(_mm256_castsi256_si128(eight)));
      const __m256d high = _mm256_mul_pd(steps, _mm256_cvtepi32_pd(_mm256_extracti128_si256(eight, 1)));
      lanes.low = Lanes::add_square(lanes.low, load_doubles(w, rest - j), low);
      lanes.high = Lanes::add_square(lanes.high, load_doubles(w + 4, left(rest, j + 4)), high);
    }
  }
  return lanes.sum();
}

// Candidates that may be the best, by number: 2 c is +magnitude of size c, 2 c + 1 is -magnitude.
struct Kept {
  std::size_t count = 0;
  std::uint8_t numbers[2 * kMaxCandidates];

  void keep(std::size_t number) { numbers[count++] = static_cast<std::uint8_t>(number); }
};

// The step of a candidate; it is never -0.
std::uint16_t candidate(const std::uint16_t* magnitudes, std::size_t number) {
  const std::uint16_t magnitude = magnitudes[number / 2];
  return static_cast<std::uint16_t>(number % 2 == 0 || magnitude == 0 ? magnitude : magnitude | 0x8000u);
}

// The first of least error among those kept: error_of(step).
template <class Error>
std::uint16_t first_of_least(const Kept& kept, const std::uint16_t* magnitudes, Error error_of) {
  if (kept.count == 1) return candidate(magnitudes, kept.numbers[0]);
  double least = __builtin_inf();
  std::uint16_t best = 0;
  for (std::size_t i = 0; i < kept.count; ++i) {
    const std::uint16_t bits = candidate(magnitudes, kept.numbers[i]);
    const double error = error_of(step_value(bits));
    if (!(error < least)) continue;
    least = error;
    best = bits;
  }
  return best;
}

float sum_of(__m256 x) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

// Squared errors of both signs of a step, in float, for at most kMaxBlock weights below 2^56: each is within 2^-16
// (relative, and 2^-120 for underflow) of the exact one. The quotient is within 2^-20 of the exact one wherever a tie
// is near, so that a slot on the wrong side of a tie changes a square by less than 2^-16.8; 35 roundings of a sum of
// squares and 3 of a square add less than 2^-18.7.
struct BothErrors {
  float plus;
  float minus;
};

BothErrors both_errors(const __m256* w, std::size_t groups, Scales scales, float step) {
  const float hi = step * static_cast<float>(scales.hi), lo = step * static_cast<float>(scales.lo);
  const __m256 steps = alternate(hi, lo), reciprocal = alternate(1 / hi, 1 / lo);
  const __m256 low = alternate(float{kHiLow}, float{kLoLow}), high = alternate(float{kHiHigh}, float{kLoHigh});
  const __m256 minus_low = alternate(float{-kHiLow}, float{-kLoLow});
  const __m256 minus_high = alternate(float{-kHiHigh}, float{-kLoHigh});
  const auto add_square = [&](__m256 sum, __m256 weight, __m256 slot) {
    const __m256 error = _mm256_fnmadd_ps(steps, slot, weight);
    return _mm256_fmadd_ps(error, error, sum);
  };
  __m256 plus = _mm256_setzero_ps(), minus = plus;
  for (std::size_t g = 0; g < groups; ++g) {
    const __m256 x = _mm256_round_ps(_mm256_mul_ps(w[g], reciprocal), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    plus = add_square(plus, w[g], _mm256_min_ps(_mm256_max_ps(x, low), high));
    // With -d the slot is clamp(-rint(x)) and the product -d * clamp(-rint(x)) = d * -clamp(-rint(x)).
    minus = add_square(minus, w[g], _mm256_min_ps(_mm256_max_ps(x, minus_high), minus_low));
  }
  return {sum_of(plus), sum_of(minus)};
}

// The prescribed error of the codes that encode_arithmetic gives.
double arithmetic_error(const float* weights, std::size_t count, Scales scales, float step) {
  const double d = static_cast<double>(step);
  const Rounding rounding = slot_rounding(scales, step);
  const __m256d steps = alternate(d * scales.hi, d * scales.lo);
  const auto product = [&](__m256d w) {
    const __m256d slots = clamp(quotient(w, rounding.reciprocal), rounding.low, rounding.high);
    return _mm256_mul_pd(steps, _mm256_round_pd(slots, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  };
  const bool zero = step == 0;
  Lanes lanes;
  for (std::size_t j = 0; j < count; j += kFloats) {
    const __m256d low = load_doubles(weights + j, count - j), high = load_doubles(weights + j + 4, left(count, j + 4));
    lanes.low = Lanes::add_square(lanes.low, low, zero ? _mm256_setzero_pd() : product(low));
    lanes.high = Lanes::add_square(lanes.high, high, zero ? _mm256_setzero_pd() : product(high));
  }
  return lanes.sum();
}

// Errors in float drop what is certainly not the best; the prescribed error, which is within 2^-46 (relative) of the
// exact one, decides among the few that are left.
std::uint16_t search_arithmetic(const float* weights, std::size_t pairs, Scales scales, const std::uint16_t* magnitudes,
                                std::size_t candidates) {
  const std::size_t count = 2 * pairs, groups = (count + kFloats - 1) / kFloats;
  const bool bounded = max_abs(weights, count) < 0x1p56f;
  __m256 w[kMaxBlock / kFloats];
  for (std::size_t g = 0; g < groups; ++g) w[g] = load_floats(weights + kFloats * g, count - kFloats * g);
  float errors[2 * kMaxCandidates], least = __builtin_inff();
  for (std::size_t c = 0; c < candidates; ++c) {
    // A step of 0 is always kept, and everything is where a square could overflow.
    BothErrors both{0, 0};
    if (bounded && magnitudes[c] != 0) {
      both = both_errors(w, groups, scales, step_value(magnitudes[c]));
      const float less = both.plus < both.minus ? both.plus : both.minus;
      if (less < least) least = less;
    }
    errors[2 * c] = both.plus;
    errors[2 * c + 1] = both.minus;
  }
  const float limit = least * (1 + 0x1p-14f) + 0x1p-110f;
  Kept kept;
  for (std::size_t number = 0; number < 2 * candidates; ++number) {
    if (errors[number] <= limit) kept.keep(number);
  }
  return first_of_least(kept, magnitudes,
                        [&](float step) { return arithmetic_error(weights, count, scales, step); });
}

// The table as floats, with half the squared norm of each entry: the nearest entry to w / d is the one of largest
// score a w0 + b w1 - |d| h (weights negated when d < 0).
struct Scores {
  alignas(32) float a[kCodes];
  alignas(32) float b[kCodes];
  alignas(32) float h[kCodes];
  float reach;  // largest |a|, |b|, and at least 1; h is at most reach^2

  explicit Scores(const Table& table) {
    __m256 largest = _mm256_set1_ps(1.0f);
    for (std::size_t e = 0; e < kCodes; e += kFloats) {
      const __m256 first = floats(table.first + e), second = floats(table.second + e);
      const __m256 norm = _mm256_add_ps(_mm256_mul_ps(first, first), _mm256_mul_ps(second, second));
      _mm256_store_ps(a + e, first);
      _mm256_store_ps(b + e, second);
      _mm256_store_ps(h + e, _mm256_mul_ps(_mm256_set1_ps(0.5f), norm));
      largest = _mm256_max_ps(largest, _mm256_max_ps(absolute(first), absolute(second)));
    }
    reach = largest_of(largest);
  }

  static __m256 floats(const std::int8_t* values) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(values))));
  }
};

// Eight pairs from `count` left, as one vector a slot; absent ones are zero.
struct Pairs {
  __m256 first;
  __m256 second;
};

Pairs load_pairs(const float* weights, std::size_t count) {
  const __m256 low = load_floats(weights, 2 * count), high = load_floats(weights + kFloats, left(2 * count, kFloats));
  const auto ordered = [](__m256 x) {
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(x), 0xD8));
  };
  return {ordered(_mm256_shuffle_ps(low, high, 0x88)), ordered(_mm256_shuffle_ps(low, high, 0xDD))};
}

// How far a float score may be from the exact one, u = 2^-24. fma(b, w1, a w0): 2 u (|a w0| + |b w1|); |d| h: u |d| h;
// their difference: u of both; underflow of the first product: 2^-150. In sum at most
// 3.1 u reach (|w0| + |w1|) + 2.1 u |d| reach^2 + 2^-149, which these factors leave room around.
constexpr float kWeightDoubt = 4 * 0x1p-24f, kStepDoubt = 3 * 0x1p-24f, kTinyDoubt = 0x1p-148f;

// The code of largest score where best and second best are further apart than twice the doubt (and half as much again
// for rounding the comparison itself); the exact search for the few lanes where they are not. An overflow makes the
// doubt infinite or the gap NaN, so that the lane is left to the exact search too.
void encode_nearest_with(const Scores& scores, const float* weights, std::size_t pairs, const Table& table, float step,
                         std::uint8_t* codes) {
  const float magnitude = step < 0 ? -step : step;
  const __m256 sign = _mm256_set1_ps(step < 0 ? -1.0f : 1.0f);
  const __m256 step_doubt = _mm256_set1_ps(kStepDoubt * scores.reach * scores.reach * magnitude + kTinyDoubt);
  alignas(32) float norms[kCodes];
  for (std::size_t e = 0; e < kCodes; e += kFloats) {
    _mm256_store_ps(norms + e, _mm256_mul_ps(_mm256_set1_ps(magnitude), _mm256_load_ps(scores.h + e)));
  }
  for (std::size_t i = 0; i < pairs; i += kFloats) {
    const std::size_t count = pairs - i < kFloats ? pairs - i : kFloats;
    const Pairs w = load_pairs(weights + 2 * i, count);
    const __m256 x = _mm256_mul_ps(w.first, sign), y = _mm256_mul_ps(w.second, sign);
    __m256 best = _mm256_set1_ps(-__builtin_inff()), second = best, code = _mm256_setzero_ps();
    for (std::size_t e = 0; e < kCodes; ++e) {
      const __m256 product =
          _mm256_fmadd_ps(_mm256_set1_ps(scores.b[e]), y, _mm256_mul_ps(_mm256_set1_ps(scores.a[e]), x));
      const __m256 score = _mm256_sub_ps(product, _mm256_set1_ps(norms[e]));
      const __m256 better = _mm256_cmp_ps(score, best, _CMP_GT_OQ);
      second = _mm256_max_ps(second, _mm256_min_ps(score, best));
      best = _mm256_max_ps(best, score);
      code = _mm256_blendv_ps(code, _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(e))), better);
    }
    const __m256 size = _mm256_add_ps(absolute(x), absolute(y));
    const __m256 weight_doubt =
        _mm256_mul_ps(_mm256_set1_ps(kWeightDoubt), _mm256_mul_ps(_mm256_set1_ps(scores.reach), size));
    const __m256 doubt = _mm256_mul_ps(_mm256_set1_ps(3.0f), _mm256_add_ps(weight_doubt, step_doubt));
    const __m256 sure = _mm256_cmp_ps(_mm256_sub_ps(best, second), doubt, _CMP_GT_OQ);
    alignas(32) std::uint32_t found[kFloats];
    _mm256_store_ps(reinterpret_cast<float*>(found), code);
    const unsigned certain = static_cast<unsigned>(_mm256_movemask_ps(sure));
    for (std::size_t lane = 0; lane < count; ++lane) {
      codes[i + lane] = static_cast<std::uint8_t>(found[lane]);
      if ((certain >> lane & 1) != 0) continue;
      float exact[2];
      __builtin_memcpy(exact, weights + 2 * (i + lane), sizeof exact);
      codes[i + lane] = nearest_code(table, step, exact[0], exact[1]);
    }
  }
}

void encode_nearest(const float* weights, std::size_t pairs, const Table& table, float step, std::uint8_t* codes) {
  encode_nearest_with(Scores(table), weights, pairs, table, step, codes);
}

// Candidates whose best scores are accumulated together: 4 sizes x 2 signs take half of the registers.
constexpr std::size_t kTile = 4;

// Sum of the first `count` lanes, in double.
double sum_of_pairs(__m256 lanes, std::size_t count) {
  const __m256 wanted = _mm256_and_ps(lanes, _mm256_castsi256_ps(floats_below(count)));
  const __m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128(wanted));
  return Lanes{low, _mm256_cvtps_pd(_mm256_extractf128_ps(wanted, 1))}.sum();
}

// Adds the best scores of eight pairs, `count` of them wanted, under kTile steps d of both signs. With
// t = a w0 + b w1, computed once for all: plus[c] += max over the entries of t - d h, and minus[c] += max of -t - d h,
// that is -(min of t + d h).
void add_best_scores(const Scores& scores, const Pairs& w, std::size_t count, const float (*scaled_norms)[kTile],
                     double* plus, double* minus) {
  __m256 highest[kTile], lowest[kTile];
  for (std::size_t c = 0; c < kTile; ++c) {
    highest[c] = _mm256_set1_ps(-__builtin_inff());
    lowest[c] = _mm256_set1_ps(__builtin_inff());
  }
  for (std::size_t e = 0; e < kCodes; ++e) {
    const __m256 a = _mm256_set1_ps(scores.a[e]), b = _mm256_set1_ps(scores.b[e]);
    const __m256 product = _mm256_fmadd_ps(b, w.second, _mm256_mul_ps(a, w.first));
    for (std::size_t c = 0; c < kTile; ++c) {
      const __m256 norm = _mm256_set1_ps(scaled_norms[e][c]);
      highest[c] = _mm256_max_ps(highest[c], _mm256_sub_ps(product, norm));
      lowest[c] = _mm256_min_ps(lowest[c], _mm256_add_ps(product, norm));
    }
  }
  for (std::size_t c = 0; c < kTile; ++c) {
    plus[c] += sum_of_pairs(highest[c], count);
    minus[c] -= sum_of_pairs(lowest[c], count);
  }
}

// Sum of |w| and of w^2 over the block, and its largest |w|.
struct Sizes {
  double absolute_sum = 0;
  double squared = 0;
  float largest;

  Sizes(const float* weights, std::size_t count) : largest(max_abs(weights, count)) {
    Lanes sums, squares;
    for (std::size_t j = 0; j < count; j += kFloats) {
      const __m256 w = absolute(load_floats(weights + j, count - j));
      const __m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128(w));
      const __m256d high = _mm256_cvtps_pd(_mm256_extractf128_ps(w, 1));
      sums = {_mm256_add_pd(sums.low, low), _mm256_add_pd(sums.high, high)};
      squares = {_mm256_fmadd_pd(low, low, squares.low), _mm256_fmadd_pd(high, high, squares.high)};
    }
    absolute_sum = sums.sum();
    squared = squares.sum();
  }
};

// A step's gain d * (sum of best scores) is (sum w^2 - squared error) / 2; `low` and `high` enclose it.
struct Gain {
  double low;
  double high;
};

Gain enclose(double score, double step, double doubt) { return {step * (score - doubt), step * (score + doubt)}; }

// Encloses the gains of kTile steps of both signs: gains[2 c] of +magnitude, gains[2 c + 1] of -magnitude.
void enclose_gains(const Scores& scores, const float* weights, std::size_t pairs, const Sizes& sizes,
                   const float (&steps)[kTile], Gain* gains) {
  alignas(32) float scaled_norms[kCodes][kTile];
  const __m128 four = _mm_loadu_ps(steps);
  for (std::size_t e = 0; e < kCodes; ++e) _mm_store_ps(scaled_norms[e], _mm_mul_ps(four, _mm_set1_ps(scores.h[e])));
  double plus[kTile] = {}, minus[kTile] = {};
  for (std::size_t i = 0; i < pairs; i += kFloats) {
    add_best_scores(scores, load_pairs(weights + 2 * i, pairs - i), pairs - i, scaled_norms, plus, minus);
  }
  for (std::size_t c = 0; c < kTile; ++c) {
    const double reach = static_cast<double>(scores.reach), size = static_cast<double>(steps[c]);
    const double doubt =
        static_cast<double>(kWeightDoubt) * reach * sizes.absolute_sum +
        static_cast<double>(pairs) * (static_cast<double>(kStepDoubt) * size * reach * reach + 0x1p-148);
    gains[2 * c] = enclose(plus[c], size, doubt);
    gains[2 * c + 1] = enclose(minus[c], size, doubt);
  }
}

// The candidates that may be the best: at least one. Every candidate's gain is enclosed in float; one is dropped when
// its gain is certainly below another's. The prescribed double error of a block of at most 256 is within 2^-46
// (relative) of the exact error E = sum w^2 - 2 gain, so c can only win over c' when gain(c) >= gain(c') - 2^-45 E(c'),
// and E(c') <= sum w^2 + 2 |gain(c')|; the slack below is larger (2^-40), to cover the roundings of this test itself.
// Where a score could overflow, nothing is dropped.
Kept possible_candidates(const Scores& scores, const float* weights, std::size_t pairs,
                         const std::uint16_t* magnitudes, std::size_t candidates) {
  const Sizes sizes(weights, 2 * pairs);
  Gain gains[2 * kMaxCandidates];
  const bool bounded = sizes.largest < 0x1p112f;  // 2 * 2^7 * 2^112 is far from the largest float
  double threshold = -__builtin_inf();
  for (std::size_t c = 0; bounded && c < candidates; c += kTile) {
    float steps[kTile];
    for (std::size_t t = 0; t < kTile; ++t) steps[t] = step_value(magnitudes[c + t < candidates ? c + t : c]);
    enclose_gains(scores, weights, pairs, sizes, steps, gains + 2 * c);
    for (std::size_t g = 2 * c; g < 2 * (c + kTile); ++g) {
      if (gains[g].low > threshold) threshold = gains[g].low;
    }
  }
  threshold -= 0x1p-40 * (sizes.squared + 2 * __builtin_fabs(threshold));
  Kept kept;
  for (std::size_t number = 0; number < 2 * candidates; ++number) {
    if (!bounded || gains[number].high >= threshold) kept.keep(number);
  }
  return kept;
}

std::uint16_t search_nearest(const float* weights, std::size_t pairs, const Table& table,
                             const std::uint16_t* magnitudes, std::size_t candidates) {
  const Scores scores(table);
  const Kept kept = possible_candidates(scores, weights, pairs, magnitudes, candidates);
  std::uint8_t codes[kMaxBlock / 2];
  return first_of_least(kept, magnitudes, [&](float step) {
    if (step == 0) {
      __builtin_memset(codes, 0, pairs);
    } else {
      encode_nearest_with(scores, weights, pairs, table, step, codes);
    }
    return block_error(weights, pairs, table, step, codes);
  });
}

void extend_ranges(const float* weights, std::size_t cols, float* low, float* high) {
  for (std::size_t j = 0; j < cols; j += kFloats) {
    const std::size_t count = cols - j;
    const __m256 w = load_floats(weights + j, count);
    store_floats(low + j, count, _mm256_min_ps(w, load_floats(low + j, count)));
    store_floats(high + j, count, _mm256_max_ps(w, load_floats(high + j, count)));
  }
}

// Eight int8 values from `count` left, as int32; absent ones are zero.
__m256i load_eight(const std::int8_t* values, std::size_t count) {
  long long eight = 0;
  if (count >= sizeof eight) {
    __builtin_memcpy(&eight, values, sizeof eight);
  } else {
    __builtin_memcpy(&eight, values, count);
  }
  return _mm256_cvtepi8_epi32(_mm_cvtsi64_si128(eight));
}

void encode_affine(const float* weights, std::size_t pairs, const float* steps, const std::int8_t* zero_points,
                   std::uint8_t* codes) {
  const __m256d low = alternate(double{kHiLow}, double{kLoLow}), high = alternate(double{kHiHigh}, double{kLoHigh});
  // The conversion rounds to nearest, ties to even.
  const auto four = [&](std::size_t j, __m128i zeros) {
    const std::size_t count = left(2 * pairs, j);
    const __m256d step = load_doubles(steps + j, count);
    const __m256d nonzero = _mm256_cmp_pd(step, _mm256_setzero_pd(), _CMP_NEQ_UQ);
    const __m256d divisor = _mm256_blendv_pd(_mm256_set1_pd(1), step, nonzero);
    const __m256d moved = _mm256_add_pd(_mm256_div_pd(load_doubles(weights + j, count), divisor),
                                        _mm256_cvtepi32_pd(zeros));
    return _mm256_cvtpd_epi32(_mm256_and_pd(clamp(moved, low, high), nonzero));
  };
  for (std::size_t i = 0; i < pairs; i += 4) {
    const __m256i zeros = load_eight(zero_points + 2 * i, 2 * (pairs - i));
    const __m128i slots = _mm_packs_epi32(four(2 * i, _mm256_castsi256_si128(zeros)),
                                          four(2 * i + 4, _mm256_extracti128_si256(zeros, 1)));
    store_codes(_mm_packs_epi16(slots, slots), pairs - i < 4 ? pairs - i : 4, codes + i);
  }
}

void dequantize_affine(const std::uint8_t* codes, std::size_t cols, const float* steps, const std::int8_t* zero_points,
                       float* weights, bool) {
  for (std::size_t j = 0; j < cols; j += kFloats) {
    const std::size_t count = cols - j, pairs = pairs_of(count);
    unsigned four = 0;
    __builtin_memcpy(&four, codes + j / 2, pairs < sizeof four ? pairs : sizeof four);
    const __m256i code = _mm256_cvtepu8_epi32(_mm_cvtsi32_si128(static_cast<int>(four)));
    // Each code twice; the hi slot is its bits 6..3 moved to the top and back, the lo slot its bits 2..0.
    const __m256i twice = _mm256_permutevar8x32_epi32(code, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
    const __m256i up = _mm256_setr_epi32(25, 29, 25, 29, 25, 29, 25, 29);
    const __m256i down = _mm256_setr_epi32(28, 29, 28, 29, 28, 29, 28, 29);
    const __m256i slots = _mm256_srav_epi32(_mm256_sllv_epi32(twice, up), down);
    const __m256 difference = _mm256_cvtepi32_ps(_mm256_sub_epi32(slots, load_eight(zero_points + j, count)));
    store_floats(weights + j, count, _mm256_mul_ps(load_floats(steps + j, count), difference));
  }
}

std::int32_t dot(const std::int8_t* a, const std::int8_t* b, std::size_t count) {
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t j = 0; j < count; j += kBytes) {
    const __m256i x = load_bytes(a + j, count - j), y = load_bytes(b + j, count - j);
    const auto low = [](__m256i v) { return _mm256_cvtepi8_epi16(_mm256_castsi256_si128(v)); };
    const auto high = [](__m256i v) { return _mm256_cvtepi8_epi16(_mm256_extracti128_si256(v, 1)); };
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(low(x), low(y)));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(high(x), high(y)));
  }
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
}

constexpr Isa kIsa{
    .name = "avx2",
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
    .step_sizes = nullptr,  // the scalar one: a few numbers a block
    .search_arithmetic = search_arithmetic,
    .search_nearest = search_nearest,
    .extend_ranges = extend_ranges,
    .encode_affine = encode_affine,
    .dequantize_affine = dequantize_affine,
    .finish_stores = nullptr,  // the scalar one: there are none to finish
    .dot = dot,
    .quantize_int8 = quantize_int8,
    .arrange_activations = avx2_arrange_activations,
    .multiply_tile = avx2_multiply_tile,
};

}  // namespace

const Isa* avx2_isa() {
  // The compiler's own check also asks the operating system whether it saves the wide registers.
  static const bool supported = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 &&
                                __builtin_cpu_supports("f16c") != 0;
  if (!supported) return nullptr;
  static const Isa isa = [] {
    Isa all = kIsa;
    all.step_sizes = scalar_isa().step_sizes;
    all.finish_stores = scalar_isa().finish_stores;
    return all;
  }();
  return &isa;
}

}  // namespace q35

#else

namespace q35 {
const Isa* avx2_isa() { return nullptr; }
}  // namespace q35

#endif
