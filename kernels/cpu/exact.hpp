// Which of two table entries is nearer to w / d, decided exactly. Internal linkage, see half.hpp.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "kernels.hpp"

namespace q35 {

struct Expansion {
  double sum;
  double error;
};

// sum + error = a + b exactly (Knuth's two-sum).
static inline Expansion two_sum(double a, double b) {
  const double sum = a + b, b_part = sum - a;
  return {sum, (a - (sum - b_part)) + (b - b_part)};
}

// a + b + c < 0, exactly (no overflow among the sums).
static inline bool sum_is_negative(double a, double b, double c) {
  const double sum = (a + b) + c;
  // Two roundings, each within 2^-53 of a partial sum that is at most |a| + |b| + |c| up to rounding.
  const double doubt = 0x1p-51 * (std::fabs(a) + std::fabs(b) + std::fabs(c));
  if (std::fabs(sum) > doubt) return sum < 0;
  // Growing an expansion keeps its parts non-overlapping, so the largest part that is not zero has the sum's sign.
  const Expansion low = two_sum(a, b);
  const Expansion middle = two_sum(c, low.error);
  const Expansion high = two_sum(middle.sum, low.sum);
  if (high.sum != 0) return high.sum < 0;
  return (high.error != 0 ? high.error : middle.error) < 0;
}

// |w - d T[e]|^2 < |w - d T[f]|^2, exactly. Divided by |d|, the difference of the two sides is a sum of three products,
// each exact in double: an 11-bit step or a 24-bit weight times an integer below 2^17.
static inline bool nearer(const Table& table, std::size_t e, std::size_t f, float step, float w0, float w1) {
  const int a = table.first[e], b = table.second[e], p = table.first[f], q = table.second[f];
  const double norms = static_cast<double>(std::fabs(step)) * (a * a + b * b - p * p - q * q);
  const double twice = step < 0 ? 2.0 : -2.0;
  return sum_is_negative(norms, twice * (a - p) * static_cast<double>(w0), twice * (b - q) * static_cast<double>(w1));
}

// The nearest entry to (w0 / step, w1 / step), ties to the lower code.
static inline std::uint8_t nearest_code(const Table& table, float step, float w0, float w1) {
  std::size_t best = 0;
  for (std::size_t code = 1; code < kCodes; ++code) {
    if (nearer(table, code, best, step, w0, w1)) best = code;
  }
  return static_cast<std::uint8_t>(best);
}

}  // namespace q35
