// fp16 bits <-> values, exactly as the proofs' halfToRat and ratToHalf state them.
// Everything here has internal linkage on purpose: a shared inline function compiled for AVX-512 could otherwise be the
// copy that the linker keeps for the baseline code too.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace q35 {

// The value of a step; a step that is not finite is not a step, and reads as the one quiet NaN.
static inline float step_value(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1Fu;
  const std::uint32_t mantissa = bits & 0x3FFu;
  if (exponent == 0x1F) return std::numeric_limits<float>::quiet_NaN();
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

// Moves a rounded positive `value` to its neighbour with an odd last bit, on the side of the `residual` = exact -
// value. Rounding such a "round to odd" result once more, to at most 51 bits, gives what rounding the exact value
// gives.
static inline double sticky(double value, double residual) {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(value);
  if (residual == 0 || (bits & 1) != 0) return value;
  return std::bit_cast<double>(residual > 0 ? bits + 1 : bits - 1);
}

// Nearest fp16 of a non-negative `value`, ties to even, saturating at 65504.
static inline std::uint16_t nearest_half(double value) {
  if (value >= 65504.0) return 0x7BFF;
  if (value < 0x1p-14) {  // subnormal: a multiple of 2^-24; adding 2^52 rounds to an integer, ties to even
    return static_cast<std::uint16_t>((value * 0x1p24 + 0x1p52) - 0x1p52);
  }
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t rounded = bits + ((std::uint64_t{1} << 41) - 1) + ((bits >> 42) & 1);
  return static_cast<std::uint16_t>((rounded >> 42) - (std::uint64_t{1023 - 15} << 10));
}

// ratToHalf(numerator / denominator) of a non-negative numerator (exact, or rounded to odd) and a small positive
// integer.
static inline std::uint16_t half_of_ratio(double numerator, double denominator) {
  const double quotient = numerator / denominator;
  return nearest_half(sticky(quotient, std::fma(-quotient, denominator, numerator)));
}

// a + b of two non-negative floats, rounded to odd.
static inline double sum_to_odd(float a, float b) {
  const double x = a, y = b, sum = x + y, y_part = sum - x;
  return sticky(sum, (x - (sum - y_part)) + (y - y_part));
}

}  // namespace q35
