// How AVX-512 turns the stored codes of a unit into unsigned bytes. Everything has internal linkage: the files that
// include this are compiled for different instruction sets.
#pragma once

#include <immintrin.h>

#include "tiled.hpp"

namespace q35 {
namespace {

constexpr std::size_t kHalves = 2, kQuads = kUnitWeights / 8;

// The bits 7 of seven vectors, each at its own place; bit 7 of the result is of no account.
__m512i gather_top_bits(const __m512i* v) {
  // Bit by bit from below: what has been gathered where the mask has ones, the next vector's bit above it.
  __m512i bits = _mm512_srli_epi16(v[0], 7);
  const auto add = [&](int mask, __m512i shifted) {
    constexpr int select = 0xCA;
    bits = _mm512_ternarylogic_epi64(_mm512_set1_epi8(static_cast<char>(mask)), bits, shifted, select);
  };
  add(0x01, _mm512_srli_epi16(v[1], 6));
  add(0x03, _mm512_srli_epi16(v[2], 5));
  add(0x07, _mm512_srli_epi16(v[3], 4));
  add(0x0F, _mm512_srli_epi16(v[4], 3));
  add(0x1F, _mm512_srli_epi16(v[5], 2));
  add(0x3F, _mm512_srli_epi16(v[6], 1));
  return bits;
}

// The table (hi, 2 lo) times kScale, plus kOffset a slot before scaling, by moving bits.
struct Arithmetic {
  static constexpr int kScale = 8, kOffset = 8;
  explicit Arithmetic(const StoredTable&) {}
  __m512i first(__m512i codes) const { return _mm512_and_si512(codes, _mm512_set1_epi8(0x78)); }
  __m512i second(__m512i codes) const {
    return _mm512_and_si512(_mm512_slli_epi16(codes, 4), _mm512_set1_epi8(0x70));
  }
};

// Any table, by look-up; the instruction ignores bit 7 of an index.
struct LookUp {
  static constexpr int kScale = 1, kOffset = kEntryOffset;
  __m512i first_low, first_high, second_low, second_high;
  explicit LookUp(const StoredTable& table)
      : first_low(_mm512_load_si512(table.first)),
        first_high(_mm512_load_si512(table.first + 64)),
        second_low(_mm512_load_si512(table.second)),
        second_high(_mm512_load_si512(table.second + 64)) {}
  __m512i first(__m512i codes) const { return _mm512_permutex2var_epi8(first_low, codes, first_high); }
  __m512i second(__m512i codes) const { return _mm512_permutex2var_epi8(second_low, codes, second_high); }
};

// The codes of the eight vectors of a unit; bit 7 of each is of no account.
template <Width kWidth>
struct UnitCodes {
  static constexpr std::size_t kStored = kWidth == Width::stream ? kUnitVectors - 1 : kUnitVectors;
  static constexpr std::size_t kBytes = kStored * kVectorBytes;
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
  __m512i vector(std::size_t v) const {
    return v == kUnitVectors - 1 ? last : _mm512_loadu_si512(unit + kVectorBytes * v);
  }
};

// Sixteen steps of a block, divided by an integer scale: a power of two moves from the integers to the step without any
// rounding.
__m512 steps_over(const std::uint8_t* steps, int scale) {
  const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(steps));
  return _mm512_mul_ps(_mm512_cvtph_ps(halves), _mm512_set1_ps(1.0f / static_cast<float>(scale)));
}

__mmask16 outputs_from(std::size_t first, std::size_t outputs) {
  if (outputs <= first) return 0;
  const std::size_t count = outputs - first;
  return static_cast<__mmask16>(count >= 16 ? 0xFFFFu : (1u << count) - 1);
}

}  // namespace
}  // namespace q35
