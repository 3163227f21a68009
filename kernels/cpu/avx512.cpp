// The AVX-512 kernels (F, BW, VL, DQ, VBMI, VNNI). Compiled for more than the baseline, so nothing in it may be
// an inline function that other files share: it uses no standard containers and only headers with internal linkage.
#include "kernels.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#include "avx512_product.hpp"
#include "exact.hpp"
#include "half.hpp"

namespace q35 {
namespace {

constexpr std::size_t kBytes = 64, kFloats = 16, kDoubles = 8;
// Bytes of the stream that 64 codes take.
constexpr std::size_t kStreamBytes = stream_size(kBytes);

// Masks of the lanes below `count`; lanes that are masked off are neither read nor written.
__mmask64 bytes_below(std::size_t count) { return count >= 64 ? ~__mmask64{0} : (__mmask64{1} << count) - 1; }
__mmask16 floats_below(std::size_t count) { return static_cast<__mmask16>(count >= 16 ? 0xFFFFu : (1u << count) - 1); }

std::size_t first_invalid_code(const std::uint8_t* codes, std::size_t count) {
  for (std::size_t i = 0; i < count; i += kBytes) {
    const __mmask64 invalid = _mm512_movepi8_mask(_mm512_maskz_loadu_epi8(bytes_below(count - i), codes + i));
    if (invalid != 0) return i + static_cast<std::size_t>(__builtin_ctzll(invalid));
  }
  return count;
}

std::size_t first_not_finite(const float* weights, std::size_t count) {
  constexpr int nan_or_infinity = 0x01 | 0x08 | 0x10 | 0x80;
  for (std::size_t i = 0; i < count; i += kFloats) {
    const __m512 w = _mm512_maskz_loadu_ps(floats_below(count - i), weights + i);
    const __mmask16 bad = _mm512_fpclass_ps_mask(w, nan_or_infinity);
    if (bad != 0) return i + static_cast<std::size_t>(__builtin_ctz(bad));
  }
  return count;
}

// Byte i of the result of `spread` is byte (i / 8) * 7 + i % 8 of a stream: eight codes to a quadword, the eighth byte
// belonging to the next; of `gather`, byte i is byte (i / 7) * 8 + i % 7 of the quadwords; `twice` doubles every byte.
struct Permutations {
  alignas(64) std::uint8_t spread[64];
  alignas(64) std::uint8_t gather[64];
  alignas(64) std::uint8_t twice[64];
};

constexpr Permutations make_permutations() {
  Permutations p{};
  for (unsigned i = 0; i < 64; ++i) {
    p.spread[i] = static_cast<std::uint8_t>(i / 8 * 7 + i % 8);
    p.gather[i] = static_cast<std::uint8_t>(i < 56 ? i / 7 * 8 + i % 7 : 0);
    p.twice[i] = static_cast<std::uint8_t>(i / 2);
  }
  return p;
}

constexpr Permutations kPermutations = make_permutations();

// The 56 stream bytes of 64 codes, and 8 bytes more that are not part of them.
__m512i pack64(__m512i codes) {
  // 2 codes to 14 bits: the codes are the signed operand, so that the factor 128 fits the unsigned one.
  const __m512i bits14 = _mm512_maddubs_epi16(_mm512_set1_epi16(static_cast<short>(128 << 8 | 1)), codes);
  const __m512i bits28 = _mm512_madd_epi16(bits14, _mm512_set1_epi32(1 << 30 | 1));
  const __m512i low = _mm512_and_si512(bits28, _mm512_set1_epi64(0x0FFFFFFF));
  const __m512i high = _mm512_and_si512(_mm512_srli_epi64(bits28, 4), _mm512_set1_epi64(0x0FFFFFFFLL << 28));
  return _mm512_permutexvar_epi8(_mm512_load_si512(kPermutations.gather), _mm512_or_si512(low, high));
}

// The 64 codes of the first 56 of 64 stream bytes.
__m512i unpack64(__m512i bytes) {
  const __m512i quads = _mm512_permutexvar_epi8(_mm512_load_si512(kPermutations.spread), bytes);
  const __m512i fields = _mm512_multishift_epi64_epi8(_mm512_set1_epi64(0x312A231C150E0700LL), quads);
  return _mm512_and_si512(fields, _mm512_set1_epi8(0x7F));
}

// While the stream has 64 bytes left, whole vectors go in and out (a store through a mask takes several times longer);
// the 8 bytes too many that pack writes belong to the next codes, which come after.
void pack(const std::uint8_t* codes, std::size_t pairs, std::uint8_t* stream) {
  const std::size_t size = stream_size(pairs);
  std::size_t i = 0, byte = 0;
  for (; byte + kBytes <= size; i += kBytes, byte += kStreamBytes) {
    _mm512_storeu_si512(stream + byte, pack64(_mm512_loadu_si512(codes + i)));
  }
  for (; i < pairs; i += kBytes, byte += kStreamBytes) {
    const __m512i code = _mm512_maskz_loadu_epi8(bytes_below(pairs - i), codes + i);
    const std::size_t left = size - byte < kStreamBytes ? size - byte : kStreamBytes;
    _mm512_mask_storeu_epi8(stream + byte, bytes_below(left), pack64(code));
  }
}

void unpack(const std::uint8_t* stream, std::size_t pairs, std::uint8_t* codes) {
  const std::size_t size = stream_size(pairs);
  std::size_t i = 0, byte = 0;
  for (; byte + kBytes <= size; i += kBytes, byte += kStreamBytes) {
    _mm512_storeu_si512(codes + i, unpack64(_mm512_loadu_si512(stream + byte)));
  }
  for (; i < pairs; i += kBytes, byte += kStreamBytes) {
    const __m512i bytes = _mm512_maskz_loadu_epi8(bytes_below(size - byte), stream + byte);
    _mm512_mask_storeu_epi8(codes + i, bytes_below(pairs - i), unpack64(bytes));
  }
}

// The look-up of 64 codes, interleaved: weights 0..63 of the 128 in `low`, 64..127 in `high`.
struct Decoded {
  __m512i low;
  __m512i high;
};

Decoded look_up(__m512i codes, const Table& table) {
  const __m512i first =
      _mm512_permutex2var_epi8(_mm512_loadu_si512(table.first), codes, _mm512_loadu_si512(table.first + kBytes));
  const __m512i second =
      _mm512_permutex2var_epi8(_mm512_loadu_si512(table.second), codes, _mm512_loadu_si512(table.second + kBytes));
  const __m512i even = _mm512_unpacklo_epi8(first, second), odd = _mm512_unpackhi_epi8(first, second);
  const __m512i low_order = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
  const __m512i high_order = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
  return {_mm512_permutex2var_epi64(even, low_order, odd), _mm512_permutex2var_epi64(even, high_order, odd)};
}

void decode(const std::uint8_t* codes, std::size_t pairs, const Table& table, std::int8_t* values) {
  for (std::size_t i = 0; i < pairs; i += kBytes) {
    const std::size_t count = 2 * (pairs - i);
    const Decoded decoded = look_up(_mm512_maskz_loadu_epi8(bytes_below(pairs - i), codes + i), table);
    _mm512_mask_storeu_epi8(values + 2 * i, bytes_below(count), decoded.low);
    if (count > kBytes) _mm512_mask_storeu_epi8(values + 2 * i + kBytes, bytes_below(count - kBytes), decoded.high);
  }
}

// The table in registers: a row's blocks are looked up without loading it again.
struct WideTable {
  __m512i first[2];
  __m512i second[2];

  explicit WideTable(const Table& table)
      : first{_mm512_loadu_si512(table.first), _mm512_loadu_si512(table.first + kBytes)},
        second{_mm512_loadu_si512(table.second), _mm512_loadu_si512(table.second + kBytes)} {}
};

// The 64 values of 32 codes, of which those of `count` weights are wanted; absent codes are read as code 0.
__m512i values64(const std::uint8_t* codes, std::size_t count, const WideTable& table) {
  const __mmask32 mask = static_cast<__mmask32>(bytes_below(count < kBytes ? pairs_of(count) : kBytes / 2));
  const __m512i code = _mm512_castsi256_si512(_mm256_maskz_loadu_epi8(mask, codes));
  const __m512i twice = _mm512_permutexvar_epi8(_mm512_load_si512(kPermutations.twice), code);
  return _mm512_mask_blend_epi8(0xAAAAAAAAAAAAAAAA, _mm512_permutex2var_epi8(table.first[0], twice, table.first[1]),
                                _mm512_permutex2var_epi8(table.second[0], twice, table.second[1]));
}

// Sixteen floats from `count` left; absent ones are zero.
__m512 load_floats(const float* weights, std::size_t count) {
  return count < kFloats ? _mm512_maskz_loadu_ps(floats_below(count), weights) : _mm512_loadu_ps(weights);
}

// Writes the first min(count, 16) of sixteen floats; past the caches only to an aligned place.
template <bool PastCache = false>
void store_floats(__m512 values, std::size_t count, float* weights) {
  if (count < kFloats) {
    _mm512_mask_storeu_ps(weights, floats_below(count), values);
  } else if constexpr (PastCache) {
    _mm512_stream_ps(weights, values);
  } else {
    _mm512_storeu_ps(weights, values);
  }
}

// Calls visit(bytes, first, left) with each sixteen of 64 bytes: the first min(left, 16) of them are among the first
// `count`. Of a whole vector all are, which the compiler then knows.
template <class Visit>
void for_each_sixteen(__m512i bytes, std::size_t count, Visit visit) {
  const auto each = [&](std::size_t left) __attribute__((always_inline)) {
    visit(_mm512_castsi512_si128(bytes), std::size_t{0}, left);
    if (left > 16) visit(_mm512_extracti32x4_epi32(bytes, 1), std::size_t{16}, left - 16);
    if (left > 32) visit(_mm512_extracti32x4_epi32(bytes, 2), std::size_t{32}, left - 32);
    if (left > 48) visit(_mm512_extracti32x4_epi32(bytes, 3), std::size_t{48}, left - 48);
  };
  if (count >= kBytes) {
    each(kBytes);
  } else {
    each(count);
  }
}

void dequantize(const std::uint8_t* codes, std::size_t cols, std::size_t block_size, const std::uint16_t* steps,
                const Table& table, float* weights) {
  const WideTable wide(table);
  for (std::size_t start = 0, block = 0; start < cols; start += block_size, ++block) {
    const std::size_t end = cols - start < block_size ? cols : start + block_size;
    const __m512 step = _mm512_set1_ps(step_value(steps[block]));
    for (std::size_t j = start; j < end; j += kBytes) {
      const __m512i values = values64(codes + j / 2, end - j, wide);
      for_each_sixteen(values, end - j, [&](__m128i bytes, std::size_t first, std::size_t left) {
        const __m512 product = _mm512_mul_ps(step, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)));
        store_floats(product, left, weights + j + first);
      });
    }
  }
}

float max_abs(const float* weights, std::size_t count) {
  __m512 largest = _mm512_setzero_ps();
  for (std::size_t j = 0; j < count; j += kFloats) {
    const __m512 w = _mm512_maskz_loadu_ps(floats_below(count - j), weights + j);
    largest = _mm512_max_ps(largest, _mm512_abs_ps(w));
  }
  return _mm512_reduce_max_ps(largest);
}

// Eight weights from `count` left, as doubles; absent ones are zero.
__m512d load_doubles(const float* weights, std::size_t count) {
  const __mmask8 mask = static_cast<__mmask8>(floats_below(count));
  return _mm512_cvtps_pd(_mm256_maskz_loadu_ps(mask, weights));
}

// (hi, lo) in alternating lanes.
__m512d alternate(double hi, double lo) { return _mm512_setr_pd(hi, lo, hi, lo, hi, lo, hi, lo); }

// clamp(rint(x)) of each slot; see quantize_slot in scalar.cpp.
__m512d quantize_slots(__m512d x, __m512d low, __m512d high) {
  const __m512d rounded = _mm512_roundscale_pd(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  return _mm512_min_pd(_mm512_max_pd(rounded, low), high);
}

// Four codes from four (hi, lo) pairs of slots.
void store_codes(__m512d slots, std::size_t count, std::uint8_t* codes) {
  const __m512i q = _mm512_cvtpd_epi64(slots);
  const __m512i hi = _mm512_slli_epi64(_mm512_and_si512(q, _mm512_set1_epi64((1 << kHiBits) - 1)), kLoBits);
  const __m512i lo = _mm512_and_si512(_mm512_unpackhi_epi64(q, q), _mm512_set1_epi64((1 << kLoBits) - 1));
  const __m128i packed = _mm512_cvtepi64_epi8(_mm512_maskz_compress_epi64(0x55, _mm512_or_si512(hi, lo)));
  _mm_mask_storeu_epi8(codes, static_cast<__mmask16>(floats_below(count) & 0xFu), packed);
}

// Codes of up to eight pairs by quotients in double, which decide every tie; see quantize_slot in scalar.cpp.
void encode_ties(const float* weights, std::size_t pairs, Scales scales, float step, std::uint8_t* codes) {
  const __m512d steps = _mm512_mul_pd(_mm512_set1_pd(step), alternate(scales.hi, scales.lo));
  const __m512d low = alternate(kHiLow, kLoLow), high = alternate(kHiHigh, kLoHigh);
  for (std::size_t i = 0; i < pairs && i < kDoubles; i += kDoubles / 2) {
    const __m512d w = load_doubles(weights + 2 * i, 2 * (pairs - i));
    store_codes(quantize_slots(_mm512_div_pd(w, steps), low, high), pairs - i, codes + i);
  }
}

// (hi, lo) in alternating lanes, as floats.
__m512 alternate_floats(float hi, float lo) {
  return _mm512_mask_blend_ps(0xAAAA, _mm512_set1_ps(hi), _mm512_set1_ps(lo));
}

// Eight codes, of which `count` are wanted, from sixteen slots of two's complement (hi, lo).
void store_slots(__m512i slots, std::size_t count, std::uint8_t* codes) {
  constexpr long long hi_bits = (1 << kHiBits) - 1, lo_bits = (1 << kLoBits) - 1;
  const __m512i used = _mm512_and_si512(slots, _mm512_set1_epi64(lo_bits << 32 | hi_bits));
  // The pair is a quadword, hi in its lower half.
  const __m512i code = _mm512_or_si512(_mm512_slli_epi64(used, kLoBits), _mm512_srli_epi64(used, 32));
  const __m128i packed = _mm512_cvtepi64_epi8(code);
  if (count < kDoubles) {
    _mm_mask_storeu_epi8(codes, static_cast<__mmask16>(floats_below(count)), packed);
  } else {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(codes), packed);
  }
}

// Whether a float quotient x, clamped to its slot, is so far from every tie that the integer nearest to it is nearest
// to the exact quotient X too. Let x be less than 2^-16 from X wherever |X| <= 9; further out both are clamped. Then X
// clamps where x does (a slot ends at an integer, half a unit from a tie), and elsewhere no tie lies between the two.
constexpr float kFarFromTies = 0.5f - 0x1p-16f;
static_assert(-kHiLow <= 8 && -kLoLow <= 8);

// Adding 1.5 * 2^23 rounds a small float to an integer, ties to even, and leaves it in the low bits of the sum.
struct Rounded {
  __m512i slots;
  bool certain;

  Rounded(__m512 quotient, __m512 low, __m512 high) {
    const __m512 x = _mm512_min_ps(_mm512_max_ps(quotient, low), high), rounder = _mm512_set1_ps(0x1.8p23f);
    const __m512 sum = _mm512_add_ps(x, rounder);
    const __m512 distance = _mm512_abs_ps(_mm512_sub_ps(x, _mm512_sub_ps(sum, rounder)));
    slots = _mm512_castps_si512(sum);
    certain = _mm512_cmp_ps_mask(distance, _mm512_set1_ps(kFarFromTies), _CMP_GT_OQ) == 0;
  }
};

// With the rounded inverse of a slot's step, itself exact (11 bits times at most 5), x is within 2.1 u |X| of X,
// u = 2^-24: less than 2^-19 where kFarFromTies asks.
void encode_arithmetic(const float* weights, std::size_t pairs, Scales scales, float step, std::uint8_t* codes) {
  const __m512 steps = alternate_floats(step * static_cast<float>(scales.hi), step * static_cast<float>(scales.lo));
  const __m512 inverse = _mm512_div_ps(_mm512_set1_ps(1.0f), steps);
  const __m512 low = alternate_floats(kHiLow, kLoLow), high = alternate_floats(kHiHigh, kLoHigh);
  for (std::size_t i = 0; i < pairs; i += kFloats / 2) {
    const __m512 w = load_floats(weights + 2 * i, 2 * (pairs - i));
    const Rounded rounded(_mm512_mul_ps(w, inverse), low, high);
    if (rounded.certain) {
      store_slots(rounded.slots, pairs - i, codes + i);
    } else {
      encode_ties(weights + 2 * i, pairs - i, scales, step, codes + i);
    }
  }
}

// ((l0 + l4) + (l2 + l6)) + ((l1 + l5) + (l3 + l7)), the prescribed order.
double reduce(__m512d lanes) {
  const __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(lanes), _mm512_extractf64x4_pd(lanes, 1));
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(two) + _mm_cvtsd_f64(_mm_unpackhi_pd(two, two));
}

// sum + (w - product)^2 with every operation rounded: no fma.
__m512d add_square(__m512d sum, __m512d w, __m512d product) {
  const __m512d error = _mm512_sub_pd(w, product);
  return _mm512_add_pd(sum, _mm512_mul_pd(error, error));
}

double block_error(const float* weights, std::size_t pairs, const Table& table, float step, const std::uint8_t* codes) {
  alignas(64) std::int8_t values[2 * kBytes];
  __m512d sum = _mm512_setzero_pd();
  for (std::size_t i = 0; i < pairs; i += kBytes) {
    const std::size_t count = 2 * (pairs - i);
    const Decoded decoded = look_up(_mm512_maskz_loadu_epi8(bytes_below(pairs - i), codes + i), table);
    _mm512_store_si512(values, decoded.low);
    _mm512_store_si512(values + kBytes, decoded.high);
    for (std::size_t j = 0; j < 2 * kBytes && j < count; j += kDoubles) {
      const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(values + j));
      const __m512d entry = _mm512_cvtepi32_pd(_mm256_cvtepi8_epi32(bytes));
      const __mmask8 mask = static_cast<__mmask8>(floats_below(count - j));
      const __m512d product = _mm512_maskz_mul_pd(mask, _mm512_set1_pd(step), entry);
      sum = add_square(sum, load_doubles(weights + 2 * i + j, count - j), product);
    }
  }
  return reduce(sum);
}

// Keeps the first of the least errors.
struct Best {
  double error = __builtin_inf();
  std::uint16_t bits = 0;

  void offer(double candidate, std::uint16_t candidate_bits) {
    if (!(candidate < error)) return;
    error = candidate;
    bits = candidate_bits;
  }
};

// A step is never -0.
std::uint16_t negated(std::uint16_t magnitude) {
  return static_cast<std::uint16_t>(magnitude == 0 ? 0 : magnitude | 0x8000u);
}

// The step of candidate i: +magnitude, -magnitude of each size in order.
std::uint16_t candidate(const std::uint16_t* magnitudes, std::size_t i) {
  return i % 2 == 0 ? magnitudes[i / 2] : negated(magnitudes[i / 2]);
}

// A number that lies in [low, high].
struct Interval {
  float low;
  float high;
};

// How far a block's error of the codes that float quotients give, summed in float, may be from the least one:
// - rounding, u = 2^-24: 2 u of each square (its root is rounded) and u for each of at most 16 + 4 sums, all terms
//   positive: less than 2^-19 of the sum; underflow: 2^-150 a term;
// - a code that is not the nearest: its quotient and the exact one, less than 2^-19 apart, lie on two sides of a tie,
//   so that with a step S its squared error is at most 2 * 2^-19 S^2 more.
// The factor 2^-17 of both leaves room for the roundings of this test itself and of the prescribed sum (2^-46).
constexpr float kErrorDoubt = 0x1p-17f;
// Weights whose squares, 256 of them, are far from the largest float.
constexpr float kLargestSummed = 0x1p58f;

Interval enclose(__m512 errors, float lanes_doubt) {
  const float sum = _mm512_reduce_add_ps(errors), doubt = kErrorDoubt * sum + lanes_doubt;
  return {sum - doubt, sum + doubt};
}

// Encloses the least errors of a block at +step and -step. rint(-x) = -rint(x), so only the clamp differs: with -d the
// slot is clamp(-rint(x)) and the product -d * clamp(-rint(x)) = d * -clamp(-rint(x)).
void enclose_errors(const __m512* w, std::size_t groups, Scales scales, float step, Interval* errors) {
  const float hi = step * static_cast<float>(scales.hi), lo = step * static_cast<float>(scales.lo);
  const __m512 steps = alternate_floats(hi, lo), inverse = _mm512_div_ps(_mm512_set1_ps(1.0f), steps);
  const __m512 low = alternate_floats(kHiLow, kLoLow), high = alternate_floats(kHiHigh, kLoHigh);
  const __m512 minus_low = alternate_floats(-kHiLow, -kLoLow), minus_high = alternate_floats(-kHiHigh, -kLoHigh);
  __m512 plus = _mm512_setzero_ps(), minus = plus;
  for (std::size_t g = 0; g < groups; ++g) {
    const __m512 x = _mm512_roundscale_ps(_mm512_mul_ps(w[g], inverse), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m512 plus_error = _mm512_fnmadd_ps(_mm512_min_ps(_mm512_max_ps(x, low), high), steps, w[g]);
    const __m512 minus_error = _mm512_fnmadd_ps(_mm512_min_ps(_mm512_max_ps(x, minus_high), minus_low), steps, w[g]);
    plus = _mm512_fmadd_ps(plus_error, plus_error, plus);
    minus = _mm512_fmadd_ps(minus_error, minus_error, minus);
  }
  const float longer = hi > lo ? hi : lo;
  const float lanes_doubt = kErrorDoubt * static_cast<float>(kFloats * groups) * longer * longer;
  errors[0] = enclose(plus, lanes_doubt);
  errors[1] = enclose(minus, lanes_doubt);
}

// Marks the candidates that may be the best, and returns how many they are: at least one. One is dropped when its error
// is certainly more than another's. Where a sum could overflow or a step is 0, nothing is dropped.
std::size_t possible_steps(const float* weights, std::size_t pairs, Scales scales, const std::uint16_t* magnitudes,
                           std::size_t candidates, bool* kept) {
  bool bounded = max_abs(weights, 2 * pairs) < kLargestSummed;
  for (std::size_t c = 0; c < candidates; ++c) bounded = bounded && magnitudes[c] != 0;
  __m512 w[kMaxBlock / kFloats];
  const std::size_t groups = (2 * pairs + kFloats - 1) / kFloats;
  for (std::size_t g = 0; g < groups; ++g) w[g] = load_floats(weights + kFloats * g, 2 * pairs - kFloats * g);
  Interval errors[2 * kMaxCandidates];
  float threshold = __builtin_inff();
  for (std::size_t c = 0; bounded && c < candidates; ++c) {
    enclose_errors(w, groups, scales, step_value(magnitudes[c]), errors + 2 * c);
    for (std::size_t i = 2 * c; i < 2 * c + 2; ++i) threshold = errors[i].high < threshold ? errors[i].high : threshold;
  }
  std::size_t count = 0;
  for (std::size_t i = 0; i < 2 * candidates; ++i) {
    kept[i] = !bounded || errors[i].low <= threshold;
    count += kept[i] ? 1 : 0;
  }
  return count;
}

// The errors of the candidates that are left, in the prescribed arithmetic; both signs of a step share one division.
std::uint16_t search_arithmetic(const float* weights, std::size_t pairs, Scales scales, const std::uint16_t* magnitudes,
                                std::size_t candidates) {
  bool kept[2 * kMaxCandidates];
  if (possible_steps(weights, pairs, scales, magnitudes, candidates, kept) == 1) {
    std::size_t only = 0;
    while (!kept[only]) ++only;
    return candidate(magnitudes, only);
  }
  __m512d w[kMaxBlock / kDoubles];
  const std::size_t groups = (2 * pairs + kDoubles - 1) / kDoubles;
  __m512d zero_error = _mm512_setzero_pd();
  for (std::size_t g = 0; g < groups; ++g) {
    w[g] = load_doubles(weights + kDoubles * g, 2 * pairs - kDoubles * g);
    zero_error = add_square(zero_error, w[g], _mm512_setzero_pd());
  }
  const __m512d scale = alternate(scales.hi, scales.lo);
  const __m512d low = alternate(kHiLow, kLoLow), high = alternate(kHiHigh, kLoHigh);
  const __m512d minus_low = alternate(-kHiLow, -kLoLow), minus_high = alternate(-kHiHigh, -kLoHigh);
  Best best;
  for (std::size_t c = 0; c < candidates; ++c) {
    if (!kept[2 * c] && !kept[2 * c + 1]) continue;
    if (magnitudes[c] == 0) {
      best.offer(reduce(zero_error), 0);
      continue;
    }
    const __m512d steps = _mm512_mul_pd(_mm512_set1_pd(step_value(magnitudes[c])), scale);
    __m512d plus = _mm512_setzero_pd(), minus = _mm512_setzero_pd();
    for (std::size_t g = 0; g < groups; ++g) {
      const __m512d x = _mm512_div_pd(w[g], steps);
      plus = add_square(plus, w[g], _mm512_mul_pd(steps, quantize_slots(x, low, high)));
      minus = add_square(minus, w[g], _mm512_mul_pd(steps, quantize_slots(x, minus_high, minus_low)));
    }
    best.offer(reduce(plus), magnitudes[c]);
    best.offer(reduce(minus), negated(magnitudes[c]));
  }
  return best.bits;
}

// With -mfma the remainder behind a candidate's rounding is one instruction, not a call.
void step_sizes(double largest, Candidates candidates, std::uint16_t* magnitudes) {
  for (std::size_t i = 0; i < candidates.count; ++i) {
    magnitudes[i] = half_of_ratio(largest * candidates.numerators[i], candidates.denominator);
  }
}

// The table as floats, with half the squared norm of each entry: the nearest entry to w / d is the one of largest
// score a w0 + b w1 - |d| h (weights negated when d < 0).
struct Scores {
  float a[kCodes];
  float b[kCodes];
  float h[kCodes];
  float reach;  // largest |a|, |b|, and at least 1; h is at most reach^2

  explicit Scores(const Table& table) {
    const __m512 half = _mm512_set1_ps(0.5f);
    __m512 largest = _mm512_set1_ps(1.0f);
    for (std::size_t e = 0; e < kCodes; e += kFloats) {
      const __m512 first = floats(table.first + e), second = floats(table.second + e);
      _mm512_storeu_ps(a + e, first);
      _mm512_storeu_ps(b + e, second);
      const __m512 norm = _mm512_add_ps(_mm512_mul_ps(first, first), _mm512_mul_ps(second, second));
      _mm512_storeu_ps(h + e, _mm512_mul_ps(half, norm));
      largest = _mm512_max_ps(largest, _mm512_max_ps(_mm512_abs_ps(first), _mm512_abs_ps(second)));
    }
    reach = _mm512_reduce_max_ps(largest);
  }

  static __m512 floats(const std::int8_t* values) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values))));
  }
};

// Sixteen pairs from `count` left, as one vector a slot; absent ones are zero.
struct Pairs {
  __m512 first;
  __m512 second;
};

Pairs load_pairs(const float* weights, std::size_t count) {
  const __m512 low = _mm512_maskz_loadu_ps(floats_below(2 * count), weights);
  const std::size_t rest = count > kFloats / 2 ? 2 * count - kFloats : 0;
  const __m512 high = rest > 0 ? _mm512_maskz_loadu_ps(floats_below(rest), weights + kFloats) : _mm512_setzero_ps();
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  return {_mm512_permutex2var_ps(low, even, high), _mm512_permutex2var_ps(low, odd, high)};
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
  const __m512 magnitude = _mm512_set1_ps(step < 0 ? -step : step);
  const __m512 sign = _mm512_set1_ps(step < 0 ? -1.0f : 1.0f);
  const __m512 step_doubt =
      _mm512_set1_ps(kStepDoubt * scores.reach * scores.reach * (step < 0 ? -step : step) + kTinyDoubt);
  for (std::size_t i = 0; i < pairs; i += kFloats) {
    const Pairs w = load_pairs(weights + 2 * i, pairs - i);
    const __m512 x = _mm512_mul_ps(w.first, sign), y = _mm512_mul_ps(w.second, sign);
    __m512 best = _mm512_set1_ps(-__builtin_inff()), second = best;
    __m512i code = _mm512_setzero_si512();
    for (std::size_t e = 0; e < kCodes; ++e) {
      const __m512 product =
          _mm512_fmadd_ps(_mm512_set1_ps(scores.b[e]), y, _mm512_mul_ps(_mm512_set1_ps(scores.a[e]), x));
      const __m512 score = _mm512_sub_ps(product, _mm512_mul_ps(magnitude, _mm512_set1_ps(scores.h[e])));
      const __mmask16 better = _mm512_cmp_ps_mask(score, best, _CMP_GT_OQ);
      second = _mm512_max_ps(second, _mm512_min_ps(score, best));
      best = _mm512_max_ps(best, score);
      code = _mm512_mask_mov_epi32(code, better, _mm512_set1_epi32(static_cast<int>(e)));
    }
    const __m512 size = _mm512_add_ps(_mm512_abs_ps(x), _mm512_abs_ps(y));
    const __m512 weight_doubt =
        _mm512_mul_ps(_mm512_set1_ps(kWeightDoubt), _mm512_mul_ps(_mm512_set1_ps(scores.reach), size));
    const __m512 doubt = _mm512_mul_ps(_mm512_set1_ps(3.0f), _mm512_add_ps(weight_doubt, step_doubt));
    const __mmask16 wanted = floats_below(pairs - i);
    const __mmask16 sure = _mm512_cmp_ps_mask(_mm512_sub_ps(best, second), doubt, _CMP_GT_OQ);
    _mm_mask_storeu_epi8(codes + i, wanted, _mm512_cvtepi32_epi8(code));
    for (unsigned doubtful = wanted & ~static_cast<unsigned>(sure); doubtful != 0; doubtful &= doubtful - 1) {
      const std::size_t pair = i + static_cast<std::size_t>(__builtin_ctz(doubtful));
      float exact[2];
      __builtin_memcpy(exact, weights + 2 * pair, sizeof exact);
      codes[pair] = nearest_code(table, step, exact[0], exact[1]);
    }
  }
}

void encode_nearest(const float* weights, std::size_t pairs, const Table& table, float step, std::uint8_t* codes) {
  encode_nearest_with(Scores(table), weights, pairs, table, step, codes);
}

// Candidates whose best scores are accumulated together: 4 sizes x 2 signs x 2 vectors fill 16 registers.
constexpr std::size_t kTile = 4, kVectors = 2;

// Sum of the lanes of `Vectors` vectors that hold `pairs` pairs, in double.
template <std::size_t Vectors>
double sum_of_pairs(const __m512 (&lanes)[Vectors][kTile], std::size_t c, std::size_t pairs) {
  __m512d sum = _mm512_setzero_pd();
  for (std::size_t v = 0; v < Vectors; ++v) {
    const __m512 wanted = _mm512_maskz_mov_ps(floats_below(pairs - v * kFloats), lanes[v][c]);
    sum = _mm512_add_pd(sum, _mm512_cvtps_pd(_mm512_castps512_ps256(wanted)));
    sum = _mm512_add_pd(sum, _mm512_cvtps_pd(_mm512_extractf32x8_ps(wanted, 1)));
  }
  return reduce(sum);
}

// Adds the best scores of `pairs` pairs, which begin in the last of `Vectors` vectors, under kTile steps d of both
// signs. With t = a w0 + b w1, computed once for all: plus[c] += max over the entries of t - d h, and minus[c] += max
// of -t - d h, that is -(min of t + d h).
template <std::size_t Vectors>
void add_best_scores(const Scores& scores, const float* weights, std::size_t pairs, const float (*scaled_norms)[kTile],
                     double* plus, double* minus) {
  Pairs w[Vectors];
  __m512 highest[Vectors][kTile], lowest[Vectors][kTile];
  for (std::size_t v = 0; v < Vectors; ++v) {
    w[v] = load_pairs(weights + 2 * v * kFloats, pairs - v * kFloats);
    for (std::size_t c = 0; c < kTile; ++c) {
      highest[v][c] = _mm512_set1_ps(-__builtin_inff());
      lowest[v][c] = _mm512_set1_ps(__builtin_inff());
    }
  }
  for (std::size_t e = 0; e < kCodes; ++e) {
    const __m512 a = _mm512_set1_ps(scores.a[e]), b = _mm512_set1_ps(scores.b[e]);
    for (std::size_t v = 0; v < Vectors; ++v) {
      const __m512 product = _mm512_fmadd_ps(b, w[v].second, _mm512_mul_ps(a, w[v].first));
      for (std::size_t c = 0; c < kTile; ++c) {
        const __m512 norm = _mm512_set1_ps(scaled_norms[e][c]);
        highest[v][c] = _mm512_max_ps(highest[v][c], _mm512_sub_ps(product, norm));
        lowest[v][c] = _mm512_min_ps(lowest[v][c], _mm512_add_ps(product, norm));
      }
    }
  }
  for (std::size_t c = 0; c < kTile; ++c) {
    plus[c] += sum_of_pairs<Vectors>(highest, c, pairs);
    minus[c] -= sum_of_pairs<Vectors>(lowest, c, pairs);
  }
}

// Sum of |w| and of w^2 over the block, and its largest |w|.
struct Sizes {
  double absolute;
  double squared;
  float largest;

  Sizes(const float* weights, std::size_t count) {
    __m512d sum = _mm512_setzero_pd(), squares = sum;
    for (std::size_t j = 0; j < count; j += kDoubles) {
      const __m512d w = load_doubles(weights + j, count - j);
      sum = _mm512_add_pd(sum, _mm512_abs_pd(w));
      squares = _mm512_fmadd_pd(w, w, squares);
    }
    absolute = reduce(sum);
    squared = reduce(squares);
    largest = max_abs(weights, count);
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
  alignas(64) float scaled_norms[kCodes][kTile];
  const __m512 step = _mm512_broadcast_f32x4(_mm_loadu_ps(steps));
  for (std::size_t e = 0; e < kCodes; e += kFloats / kTile) {
    const __m512i each = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    const __m512 norms = _mm512_permutexvar_ps(each, _mm512_castps128_ps512(_mm_loadu_ps(scores.h + e)));
    _mm512_store_ps(scaled_norms[e], _mm512_mul_ps(step, norms));
  }
  double plus[kTile] = {}, minus[kTile] = {};
  for (std::size_t i = 0; i < pairs; i += kVectors * kFloats) {
    const std::size_t left = pairs - i;
    const auto add = left > kFloats ? add_best_scores<kVectors> : add_best_scores<1>;
    add(scores, weights + 2 * i, left, scaled_norms, plus, minus);
  }
  for (std::size_t c = 0; c < kTile; ++c) {
    const double reach = scores.reach, size = steps[c];
    const double doubt = kWeightDoubt * reach * sizes.absolute +
                         static_cast<double>(pairs) * (kStepDoubt * size * reach * reach + kTinyDoubt);
    gains[2 * c] = enclose(plus[c], size, doubt);
    gains[2 * c + 1] = enclose(minus[c], size, doubt);
  }
}

// Writes the candidates that may be the best to `kept`, in order, and returns how many they are: at least one.
// Every candidate's gain is enclosed in float; one is dropped when its gain is certainly below another's. The
// prescribed double error of a block of at most 256 is within 2^-46 (relative) of the exact error E = sum w^2 - 2 gain,
// so c can only win over c' when gain(c) >= gain(c') - 2^-45 E(c'), and E(c') <= sum w^2 + 2 |gain(c')|; the slack
// below is larger (2^-40), to cover the roundings of this test itself. Where a score could overflow, nothing is
// dropped.
std::size_t possible_candidates(const Scores& scores, const float* weights, std::size_t pairs,
                                const std::uint16_t* magnitudes, std::size_t candidates, std::uint8_t* kept) {
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
  std::size_t count = 0;
  for (std::size_t i = 0; i < 2 * candidates; ++i) {
    if (!bounded || gains[i].high >= threshold) kept[count++] = static_cast<std::uint8_t>(i);
  }
  return count;
}

std::uint16_t search_nearest(const float* weights, std::size_t pairs, const Table& table,
                             const std::uint16_t* magnitudes, std::size_t candidates) {
  const Scores scores(table);
  std::uint8_t kept[2 * kMaxCandidates];
  const std::size_t count = possible_candidates(scores, weights, pairs, magnitudes, candidates, kept);
  if (count == 1) return candidate(magnitudes, kept[0]);
  Best best;
  std::uint8_t codes[kMaxBlock / 2];
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint16_t bits = candidate(magnitudes, kept[i]);
    const float step = step_value(bits);
    if (bits == 0) {
      __builtin_memset(codes, 0, pairs);
    } else {
      encode_nearest_with(scores, weights, pairs, table, step, codes);
    }
    best.offer(block_error(weights, pairs, table, step, codes), bits);
  }
  return best.bits;
}

void extend_ranges(const float* weights, std::size_t cols, float* low, float* high) {
  for (std::size_t j = 0; j < cols; j += kFloats) {
    const __m512 w = load_floats(weights + j, cols - j);
    store_floats(_mm512_min_ps(w, load_floats(low + j, cols - j)), cols - j, low + j);
    store_floats(_mm512_max_ps(w, load_floats(high + j, cols - j)), cols - j, high + j);
  }
}

// Eight int8 values from `count` left, as int32.
__m256i load_bytes(const std::int8_t* values, std::size_t count) {
  return _mm256_cvtepi8_epi32(_mm_maskz_loadu_epi8(static_cast<__mmask16>(floats_below(count) & 0xFFu), values));
}

// Codes of up to eight pairs by quotients in double.
void encode_affine_ties(const float* weights, std::size_t pairs, const float* steps, const std::int8_t* zero_points,
                        std::uint8_t* codes) {
  const __m512d low = alternate(kHiLow, kLoLow), high = alternate(kHiHigh, kLoHigh);
  for (std::size_t i = 0; i < pairs && i < kDoubles; i += kDoubles / 2) {
    const std::size_t j = 2 * i, count = 2 * (pairs - i);
    const __m512d step = load_doubles(steps + j, count);
    const __mmask8 nonzero = _mm512_cmp_pd_mask(step, _mm512_setzero_pd(), _CMP_NEQ_UQ);
    const __m512d quotient = _mm512_maskz_div_pd(nonzero, load_doubles(weights + j, count), step);
    const __m512d zero = _mm512_maskz_cvtepi32_pd(nonzero, load_bytes(zero_points + j, count));
    store_codes(quantize_slots(_mm512_add_pd(quotient, zero), low, high), pairs - i, codes + i);
  }
}

// Sixteen int8 values from `count` left, as int32.
__m512i load_wide_bytes(const std::int8_t* values, std::size_t count) {
  return _mm512_cvtepi8_epi32(count < kFloats ? _mm_maskz_loadu_epi8(floats_below(count), values)
                                              : _mm_loadu_si128(reinterpret_cast<const __m128i*>(values)));
}

// Where the sum of quotient and zero point is within 9 of zero, the quotient is within 137, and two roundings err by at
// most u (137 + 9) < 2^-16 together: see kFarFromTies.
void encode_affine(const float* weights, std::size_t pairs, const float* steps, const std::int8_t* zero_points,
                   std::uint8_t* codes) {
  const __m512 low = alternate_floats(kHiLow, kLoLow), high = alternate_floats(kHiHigh, kLoHigh);
  for (std::size_t i = 0; i < pairs; i += kFloats / 2) {
    const std::size_t j = 2 * i, count = 2 * (pairs - i);
    const __m512 step = load_floats(steps + j, count);
    const __mmask16 nonzero = _mm512_cmp_ps_mask(step, _mm512_setzero_ps(), _CMP_NEQ_UQ);
    const __m512 quotient = _mm512_maskz_div_ps(nonzero, load_floats(weights + j, count), step);
    const __m512 zero = _mm512_maskz_cvtepi32_ps(nonzero, load_wide_bytes(zero_points + j, count));
    const Rounded rounded(_mm512_add_ps(quotient, zero), low, high);
    if (rounded.certain) {
      store_slots(rounded.slots, pairs - i, codes + i);
    } else {
      encode_affine_ties(weights + j, pairs - i, steps + j, zero_points + j, codes + i);
    }
  }
}

constexpr Table make_slots() {
  Table table{};
  for (int code = 0; code < static_cast<int>(kCodes); ++code) {
    const int u4 = code >> kLoBits, u3 = code & ((1 << kLoBits) - 1);
    table.first[code] = static_cast<std::int8_t>(u4 > kHiHigh ? u4 - (1 << kHiBits) : u4);
    table.second[code] = static_cast<std::int8_t>(u3 > kLoHigh ? u3 - (1 << kLoBits) : u3);
  }
  return table;
}

// The slots of every code, sign-extended.
constexpr Table kSlots = make_slots();

template <bool PastCache>
void dequantize_columns(const std::uint8_t* codes, std::size_t cols, const float* steps, const std::int8_t* zero_points,
                        float* weights) {
  const WideTable wide(kSlots);
  for (std::size_t start = 0; start < cols; start += kBytes) {
    const __m512i slots = values64(codes + start / 2, cols - start, wide);
    for_each_sixteen(slots, cols - start, [&](__m128i bytes, std::size_t first, std::size_t left) {
      const std::size_t j = start + first;
      const __m512i difference = _mm512_sub_epi32(_mm512_cvtepi8_epi32(bytes), load_wide_bytes(zero_points + j, left));
      const __m512 product = _mm512_mul_ps(load_floats(steps + j, left), _mm512_cvtepi32_ps(difference));
      store_floats<PastCache>(product, left, weights + j);
    });
  }
}

void dequantize_affine(const std::uint8_t* codes, std::size_t cols, const float* steps, const std::int8_t* zero_points,
                       float* weights, bool past_cache) {
  const bool aligned = reinterpret_cast<std::uintptr_t>(weights) % kBytes == 0;
  (past_cache && aligned ? dequantize_columns<true> : dequantize_columns<false>)(codes, cols, steps, zero_points,
                                                                                 weights);
}

void finish_stores() { _mm_sfence(); }

std::int32_t dot(const std::int8_t* a, const std::int8_t* b, std::size_t count) {
  __m512i sum = _mm512_setzero_si512();
  for (std::size_t j = 0; j < count; j += 32) {
    const __mmask32 mask = static_cast<__mmask32>(bytes_below(count - j));
    const __m512i x = _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, a + j));
    const __m512i y = _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, b + j));
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(x, y));
  }
  return _mm512_reduce_add_epi32(sum);
}

constexpr Isa kIsa{
    .name = "avx512",
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
    .quantize_int8 = avx512_quantize_int8,
    .arrange_activations = avx512_arrange_activations,
    .multiply_tile = avx512_multiply_tile,
};

}  // namespace

const Isa* avx512_isa() {
  // The compiler's own check also asks the operating system whether it saves the wide registers.
  static const bool supported = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
                                __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
                                __builtin_cpu_supports("avx512vbmi") != 0 && __builtin_cpu_supports("avx512vnni") != 0;
  return supported ? &kIsa : nullptr;
}

}  // namespace q35

#else

namespace q35 {
const Isa* avx512_isa() { return nullptr; }
}  // namespace q35

#endif
