// How AVX-512 turns the stored codes of a unit into unsigned bytes. Everything has internal linkage: the files that
// include this are compiled for different instruction sets.
#pragma once

#include <immintrin.h>

#include "tiled.hpp"

namespace q35 {
namespace {

constexpr std::size_t kHalves = 2, kQuads = kUnitWeights / 8;

constexpr int kSelect = 0xCA;  // of three vectors: where the first has ones the second, else the third

__m512i select(int mask, __m512i where_set, __m512i elsewhere) {
  return _mm512_ternarylogic_epi64(_mm512_set1_epi8(static_cast<char>(mask)), where_set, elsewhere, kSelect);
}

// The bits 7 of seven vectors, each at its own place; bit 7 of the result is of no account.
__m512i gather_top_bits(const __m512i* v) {
  // Bit by bit from below: what has been gathered where the mask has ones, the next vector's bit above it.
  __m512i bits = _mm512_srli_epi16(v[0], 7);
  bits = select(0x01, bits, _mm512_srli_epi16(v[1], 6));
  bits = select(0x03, bits, _mm512_srli_epi16(v[2], 5));
  bits = select(0x07, bits, _mm512_srli_epi16(v[3], 4));
  bits = select(0x0F, bits, _mm512_srli_epi16(v[4], 3));
  bits = select(0x1F, bits, _mm512_srli_epi16(v[5], 2));
  return select(0x3F, bits, _mm512_srli_epi16(v[6], 1));
}

// The codes of a unit: vector(v, slot) has them for that slot of the weights, and maybe other bits above them. The
// codes of pairs are the same for both slots.
template <Width kWidth>
struct UnitCodes {
  static constexpr std::size_t kBytes = unit_bytes_of(kWidth), kStored = kBytes / kVectorBytes;
  const std::uint8_t* unit;
  __m512i last;

  explicit UnitCodes(const std::uint8_t* first_byte) : unit(first_byte) {
    __m512i stored[kStored];
    for (std::size_t v = 0; v < kStored; ++v) stored[v] = _mm512_loadu_si512(unit + kVectorBytes * v);
    if constexpr (kWidth == Width::stream) {
      last = gather_top_bits(stored);
    } else {
      last = stored[kStored - 1];
    }
  }
  __m512i vector(std::size_t v, std::size_t) const {
    return v == kUnitVectors - 1 ? last : _mm512_loadu_si512(unit + kVectorBytes * v);
  }
};

template <>
struct UnitCodes<Width::fp6> {
  static constexpr std::size_t kBytes = unit_bytes_of(Width::fp6);
  const std::uint8_t* unit;

  explicit UnitCodes(const std::uint8_t* first_byte) : unit(first_byte) {}
  __m512i stored(std::size_t v) const { return _mm512_loadu_si512(unit + kVectorBytes * v); }
  __m512i vector(std::size_t v, std::size_t slot) const {
    const std::size_t first = 3 * (v / 2), place = v % 2 * 2 + slot;
    if (place < 3) return stored(first + place);
    const __m512i low = select(0x03, _mm512_srli_epi16(stored(first), 6), _mm512_srli_epi16(stored(first + 1), 4));
    return select(0x0F, low, _mm512_srli_epi16(stored(first + 2), 2));
  }
};

// What codes stand for, as unsigned bytes. entry(codes, slot, part) is kScale times the value of that part of a weight,
// plus kScale * kOffset.

// The table (hi, 2 lo), by moving bits.
struct Arithmetic {
  static constexpr int kScale = 8, kOffset = 8, kParts = 1;
  explicit Arithmetic(const StoredTable&) {}
  __m512i entry(__m512i codes, std::size_t slot, int) const {
    if (slot == 0) return _mm512_and_si512(codes, _mm512_set1_epi8(0x78));
    return _mm512_and_si512(_mm512_slli_epi16(codes, 4), _mm512_set1_epi8(0x70));
  }
};

// Any table of 128 pairs, by look-up; the instruction ignores bit 7 of an index.
struct LookUp {
  static constexpr int kScale = 1, kOffset = kEntryOffset, kParts = 1;
  __m512i low[2], high[2];
  explicit LookUp(const StoredTable& table)
      : low{_mm512_load_si512(table.first), _mm512_load_si512(table.second)},
        high{_mm512_load_si512(table.first + 64), _mm512_load_si512(table.second + 64)} {}
  __m512i entry(__m512i codes, std::size_t slot, int) const {
    return _mm512_permutex2var_epi8(low[slot], codes, high[slot]);
  }
};

// MX elements of four bits.
struct LookUp4 {
  static constexpr int kScale = 1, kOffset = kEntryOffset, kParts = 1;
  __m512i units;
  explicit LookUp4(const StoredTable& table)
      : units(_mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(table.first)))) {}
  __m512i entry(__m512i codes, std::size_t slot, int) const {
    const __m512i nibbles = slot == 0 ? codes : _mm512_srli_epi16(codes, 4);
    return _mm512_shuffle_epi8(units, _mm512_and_si512(nibbles, _mm512_set1_epi8(0x0F)));
  }
};

// MX elements of six bits; the instruction ignores bits 6 and 7 of an index. The second part counts kHighUnits.
template <int kPartsOfElement>
struct LookUp6 {
  static constexpr int kScale = 1, kOffset = kEntryOffset, kParts = kPartsOfElement;
  __m512i units[2];
  explicit LookUp6(const StoredTable& table) : units{_mm512_load_si512(table.first), _mm512_load_si512(table.second)} {}
  __m512i entry(__m512i codes, std::size_t, int part) const { return _mm512_permutexvar_epi8(codes, units[part]); }
};

// Sixteen fp16 steps from `first` on, divided by an integer scale: a power of two moves from the integers to the step
// without any rounding. Of an MX format sixteen E8M0 scales, as mx_step_value has them.
template <Width kWidth>
__m512 steps_over(const std::uint8_t* steps, std::size_t first, int scale, int unit_exponent) {
  if constexpr (is_mx(kWidth)) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(steps + first));
    const __m512i bits = _mm512_cvtepu8_epi32(bytes);
    const __m512i field = _mm512_sub_epi32(bits, _mm512_set1_epi32(unit_exponent));
    const __mmask16 normal = _mm512_cmpgt_epi32_mask(field, _mm512_setzero_si512());
    const __m512i subnormal = _mm512_sllv_epi32(_mm512_set1_epi32(1), _mm512_add_epi32(field, _mm512_set1_epi32(22)));
    const __m512i words = _mm512_mask_slli_epi32(subnormal, normal, field, 23);
    const __mmask16 nan = _mm512_cmpeq_epi32_mask(bits, _mm512_set1_epi32(0xFF));
    return _mm512_mask_mov_ps(_mm512_castsi512_ps(words), nan, _mm512_set1_ps(__builtin_nanf("")));
  } else {
    const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(steps + 2 * first));
    return _mm512_mul_ps(_mm512_cvtph_ps(halves), _mm512_set1_ps(1.0f / static_cast<float>(scale)));
  }
}

__mmask16 outputs_from(std::size_t first, std::size_t outputs) {
  if (outputs <= first) return 0;
  const std::size_t count = outputs - first;
  return static_cast<__mmask16>(count >= 16 ? 0xFFFFu : (1u << count) - 1);
}

}  // namespace
}  // namespace q35
