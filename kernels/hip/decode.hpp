// Bits to values: each function is one trick that the kernels decode with, for one value or for four in a word.
//
// The codes of Q35 are those of `Q35.Code` in proofs/Q35/Code.lean, stored as proofs/Q35/Tiled.lean says (code ^ 0x44,
// which is 8 (hi + 8) + (lo + 4)); MX elements and scales those of proofs/Q35/MxElement.lean and MxScale.lean. All is
// integer arithmetic except `step_value`.
#pragma once

#include "platform.hpp"

namespace q35::gpu {

// --- One code

inline constexpr uint32_t kCodes = 128, kStoredOffset = 0x44;

// Bits 6 to 3 in four-bit two's complement, -8 to 7.
Q35_FUNCTION int32_t decode_hi(uint32_t code) { return static_cast<int32_t>((code >> 3 & 15) ^ 8) - 8; }

// Bits 2 to 0 in three-bit two's complement, -4 to 3.
Q35_FUNCTION int32_t decode_lo(uint32_t code) { return static_cast<int32_t>((code & 7) ^ 4) - 4; }

// The code of a stored byte, whatever its bit 7 is.
Q35_FUNCTION uint32_t code_of_stored(uint32_t byte) { return (byte ^ kStoredOffset) & (kCodes - 1); }

// --- Four stored codes in a word, each in a byte whose bit 7 may hold anything

// The stored codes of vector 7: bit v of each is bit 7 of its lane in vector v.
Q35_FUNCTION uint32_t eighth_vector(const uint32_t (&words)[7]) {
  uint32_t eighth = 0;
  for (unsigned v = 0; v < 7; ++v) eighth |= (words[v] >> 7 & 0x01010101u) << v;
  return eighth;
}

// a - b in each byte, for bytes of a below 128 and bytes of b of at most 128: bit 7 is lent, so that no byte borrows.
Q35_FUNCTION uint32_t subtract_bytes(uint32_t a, uint32_t b) { return ((a | 0x80808080u) - b) ^ 0x80808080u; }

// hi of each code as int8.
Q35_FUNCTION uint32_t stored_hi(uint32_t word) { return subtract_bytes(word >> 3 & 0x0F0F0F0Fu, 0x08080808u); }

// kScale * lo of each code as int8, kScale a power of two of at most 16.
template <uint32_t kScale>
Q35_FUNCTION uint32_t stored_lo(uint32_t word) {
  return subtract_bytes((word & 0x07070707u) * kScale, 0x04040404u * kScale);
}

// --- Steps

// The value of fp16 bits; of bits that are no step, a NaN. A subnormal is an integer in the last places of 2^23 first,
// so that the result is exact where float32 subnormals are flushed to zero, too.
Q35_FUNCTION float step_value(uint32_t bits) {
  const uint32_t sign = (bits & 0x8000u) << 16, exponent = bits >> 10 & 31, mantissa = bits & 0x3FF;
  const float units = float_of_bits(0x4B000000u | mantissa) - 0x1p23f;
  const uint32_t subnormal = bits_of_float(units * 0x1p-24f);
  const uint32_t normal = ((exponent + 112) << 23) + (mantissa << 13);
  const uint32_t finite = exponent == 0 ? subnormal : normal;
  return float_of_bits(sign | (exponent == 31 ? 0x7FC00000u : finite));
}

// The bits of a step as fp16; of what is no step, the one NaN.
Q35_FUNCTION uint16_t step_bits(uint16_t bits) { return (bits & 0x7C00) == 0x7C00 ? uint16_t{0x7E00} : bits; }

// --- int8 to fp16

// The bits of the fp16 number kMagic + value: from 1024 to 2047 the last place of an fp16 is worth 1. Subtracting
// kMagic gives the value exactly.
inline constexpr uint16_t kMagicBits = 0x6400 | 128;  // 1024 + 128

Q35_FUNCTION uint16_t magic_half_bits(int8_t value) {
  return static_cast<uint16_t>(0x6400u | (static_cast<uint8_t>(value) ^ 0x80u));
}

// --- Elements and scales of the MX formats

enum class Specials { none, one_nan, ieee };  // no NaN; one with all bits set; infinity and NaNs as IEEE has them

struct E2M1 {
  static constexpr uint32_t exponent_bits = 2, mantissa_bits = 1, bias = 1;
  static constexpr Specials specials = Specials::none;
};
struct E2M3 {
  static constexpr uint32_t exponent_bits = 2, mantissa_bits = 3, bias = 1;
  static constexpr Specials specials = Specials::none;
};
struct E3M2 {
  static constexpr uint32_t exponent_bits = 3, mantissa_bits = 2, bias = 3;
  static constexpr Specials specials = Specials::none;
};
struct E4M3 {
  static constexpr uint32_t exponent_bits = 4, mantissa_bits = 3, bias = 7;
  static constexpr Specials specials = Specials::one_nan;
};
struct E5M2 {
  static constexpr uint32_t exponent_bits = 5, mantissa_bits = 2, bias = 15;
  static constexpr Specials specials = Specials::ieee;
};

// The bits of the float32 with an element's value.
template <class Element>
Q35_FUNCTION uint32_t element_to_float_bits(uint32_t bits) {
  constexpr uint32_t m = Element::mantissa_bits, e = Element::exponent_bits, top = (1u << e) - 1;
  const uint32_t sign = (bits >> (e + m) & 1) << 31, exponent = bits >> m & top, mantissa = bits & ((1u << m) - 1);
  const uint32_t normal = ((exponent + 127 - Element::bias) << 23) + (mantissa << (23 - m));
  // A subnormal's leading bit, at place 0, 1 or 2, becomes the implicit one: it is added to an exponent one too small.
  const uint32_t leading = static_cast<uint32_t>(mantissa > 1) + static_cast<uint32_t>(mantissa > 3);
  const uint32_t subnormal = ((127 - Element::bias - m + leading) << 23) + (mantissa << (23 - leading));
  uint32_t size = exponent != 0 ? normal : mantissa != 0 ? subnormal : 0;
  if (Element::specials == Specials::one_nan && (bits & 0x7F) == 0x7F) size = 0x7FC00000u;
  if (Element::specials == Specials::ieee && exponent == top) size = mantissa != 0 ? 0x7FC00000u : 0x7F800000u;
  return sign | size;
}

// The bits of the float32 2^(bits - 127), which is subnormal for 0; a NaN for 255.
Q35_FUNCTION uint32_t scale_to_float_bits(uint32_t bits) {
  return bits == 0 ? 0x00400000u : bits == 255 ? 0x7FC00000u : bits << 23;
}

}  // namespace q35::gpu
