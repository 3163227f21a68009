// Stand-alone tests of the kernels: every instruction set against the scalar reference, and that against plain
// arithmetic, on arrays between guard pages. Prints what each group compared; a group that compared nothing is a
// failure.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "amx_tests.hpp"
#include "exact.hpp"
#include "harness.hpp"

namespace {

using namespace q35;
using namespace q35::test;

// --- The parts that all kernels share

void test_halves() {
  begin("halves");
  for (std::uint32_t bits = 0; bits < 0x7C00; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const double value = static_cast<double>(step_value(half));
    check(nearest_half(value) == half, "round trip", bits);
    check(step_value(static_cast<std::uint16_t>(half | 0x8000u)) == -step_value(half), "sign", bits);
    if (bits + 1 == 0x7C00) break;
    const double next = static_cast<double>(step_value(static_cast<std::uint16_t>(bits + 1)));
    const double middle = (value + next) / 2;
    const auto even = static_cast<std::uint16_t>(bits + bits % 2);
    check(nearest_half(middle) == even, "tie to even", bits);
    check(nearest_half(std::nextafter(middle, 0.0)) == half, "below the tie", bits);
    check(nearest_half(std::nextafter(middle, 1e9)) == half + 1, "above the tie", bits);
    // 7 * (tie) / 7 is a tie; the least change of the numerator is none, although its quotient rounds to the tie.
    check(half_of_ratio(7 * middle, 7) == even, "ratio at a tie", bits);
    check(half_of_ratio(std::nextafter(7 * middle, 0.0), 7) == half, "ratio below a tie", bits);
    check(half_of_ratio(std::nextafter(7 * middle, 1e9), 7) == half + 1, "ratio above a tie", bits);
  }
  for (std::uint32_t bits = 0x7C00; bits <= 0x7FFF; ++bits) {
    check(std::isnan(step_value(static_cast<std::uint16_t>(bits))), "not finite", bits);
  }
  check(nearest_half(1e300) == 0x7BFF, "saturates", 0);
  check(half_of_ratio(0, 3) == 0, "zero", 0);
  // 15 * tie + the smallest float: the double sum is the tie itself, rounding to odd keeps what is lost.
  const float tie = 1.0f + 0x1p-11f;
  check(half_of_ratio(sum_to_odd(15 * tie, 0), 15) == 0x3C00, "sum at a tie", 0);
  check(half_of_ratio(sum_to_odd(15 * tie, 0x1p-149f), 15) == 0x3C01, "sum above a tie", 0);
}

void test_exact_sign() {
  begin("exact sign of a sum");
  const auto one = [](int exponent, int mantissa) { return std::ldexp(static_cast<double>(mantissa), exponent); };
  for (int i = 0; i < 200000; ++i) {
    const int exponents[3] = {rng.between(0, 60), rng.between(0, 60), rng.between(0, 60)};
    int mantissas[3] = {rng.between(-999, 999), rng.between(-999, 999), rng.between(-999, 999)};
    if (i % 2 == 0) mantissas[2] = -mantissas[0];  // cancels where the exponents agree
    const int third = i % 4 == 0 ? exponents[0] : exponents[2];
    const __int128_t exact = (static_cast<__int128_t>(mantissas[0]) << exponents[0]) +
                             (static_cast<__int128_t>(mantissas[1]) << exponents[1]) +
                             (static_cast<__int128_t>(mantissas[2]) << third);
    check(sum_is_negative(one(exponents[0], mantissas[0]), one(exponents[1], mantissas[1]), one(third, mantissas[2])) ==
              (exact < 0),
          "sign", static_cast<std::size_t>(i));
  }
  check(sum_is_negative(1e30, -1e30, -0x1p-149), "cancellation leaves the small part", 0);
  check(!sum_is_negative(1e30, 0x1p-149, -1e30), "cancellation leaves the small part", 0);
}

// --- The reference against plain arithmetic

void test_codes(const Isa& isa) {
  begin(std::string("codes, ") + isa.name);
  const Table table = arithmetic_table();
  for (std::size_t code = 0; code < kCodes; ++code) {
    for (const std::uint16_t bits : {std::uint16_t{0x3C00}, std::uint16_t{0xBC00}, std::uint16_t{0x0001}}) {
      const float step = step_value(bits);
      const float pair[2] = {step * table.first[code], step * table.second[code]};
      std::uint8_t found = 0xFF;
      isa.encode_arithmetic(pair, 1, kScales, step, &found);
      check(found == code, "encode of an entry", code);
      found = 0xFF;
      isa.encode_nearest(pair, 1, table, step, &found);
      check(found == code, "nearest to an entry", code);
    }
  }
  for (std::size_t pairs = 0; pairs <= 200; ++pairs) {
    const Bytes codes = random_codes(pairs);
    Bytes stream(stream_size(pairs)), back(pairs);
    isa.pack(codes.data(), pairs, stream.data());
    Bytes bits(stream.size());
    for (std::size_t j = 0; j < kCodeBits * pairs; ++j) {
      const unsigned bit = (codes[j / kCodeBits] >> (j % kCodeBits)) & 1u;
      bits[j / 8] = static_cast<std::uint8_t>(bits[j / 8] | (bit << (j % 8)));
    }
    same(bits, stream, "stream, bit by bit");
    isa.unpack(stream.data(), pairs, back.data());
    same(codes, back, "stream read back");
  }
}

void test_bad_values(const Isa& isa) {
  begin(std::string("bad values, ") + isa.name);
  for (const std::size_t size : kSizes) {
    for (const Place place : kPlaces) {
      for (std::size_t at = 0; at <= size; at += 1 + size / 13) {
        Bytes codes = random_codes(size);
        Floats weights = weights_of(Kind::huge, size);
        if (at < size) {
          codes[at] = static_cast<std::uint8_t>(kCodes + rng.below(kCodes));
          weights[at] = rng.below(2) == 0 ? std::numeric_limits<float>::quiet_NaN()
                                          : std::copysign(std::numeric_limits<float>::infinity(), rng.uniform());
        }
        check(isa.first_invalid_code(Guarded(codes, place).data(), size) == at, "first invalid code", size);
        check(isa.first_not_finite(Guarded(weights, place).data(), size) == at, "first not finite", size);
      }
    }
  }
}

// --- One instruction set against the reference, a function at a time

void compare_bytes(const Isa& isa, const Isa& reference, std::size_t size, Place place) {
  const Bytes codes = random_codes(size);
  Bytes stream(stream_size(size));
  reference.pack(codes.data(), size, stream.data());
  {
    Guarded<std::uint8_t> in(codes, place), out(stream.size(), place);
    isa.pack(in.data(), size, out.data());
    same(stream, out.values(), "pack");
    untouched(out, "pack");
  }
  {
    Guarded<std::uint8_t> in(stream, place), out(size, place);
    isa.unpack(in.data(), size, out.data());
    same(codes, out.values(), "unpack");
    untouched(out, "unpack");
  }
  const Table table = random_table(127);
  Int8s values(2 * size);
  reference.decode(codes.data(), size, table, values.data());
  Guarded<std::uint8_t> in(codes, place);
  Guarded<std::int8_t> out(2 * size, place);
  isa.decode(in.data(), size, table, out.data());
  same(values, out.values(), "decode");
  untouched(out, "decode");
}

void compare_dequantize(const Isa& isa, const Isa& reference, std::size_t count, Place place) {
  const Bytes codes = random_codes(pairs_of(count));
  const Table table = random_table(127);
  Guarded<std::uint8_t> in(codes, place);
  for (const std::size_t block_size : {2u, 30u, 32u, 64u, 128u, 1000u}) {
    Halves bits((count + block_size - 1) / block_size);
    for (auto& step : bits) step = random_step();
    bits[rng.below(bits.size())] = rng.below(2) == 0 ? 0x8000 : 0x7E00;  // -0, NaN
    Floats weights(count);
    reference.dequantize(codes.data(), count, block_size, bits.data(), table, weights.data());
    Guarded<float> out(count, place);
    Guarded<std::uint16_t> in_steps(bits, place == Place::misaligned ? Place::end : place);
    isa.dequantize(in.data(), count, block_size, in_steps.data(), table, out.data());
    same(weights, out.values(), "dequantize");
    untouched(out, "dequantize");
  }
  Floats steps(count), weights(count);
  Int8s zero_points(count);
  for (std::size_t j = 0; j < count; ++j) {
    steps[j] = rng.below(5) == 0 ? 0.0f : step_value(random_step());
    zero_points[j] = static_cast<std::int8_t>(rng.between(-8, 7));
  }
  reference.dequantize_affine(codes.data(), count, steps.data(), zero_points.data(), weights.data(), false);
  Guarded<float> in_steps(steps, place);
  Guarded<std::int8_t> in_zeros(zero_points, place);
  for (const bool past_cache : {false, true}) {
    Guarded<float> out(count, place);
    isa.dequantize_affine(in.data(), count, in_steps.data(), in_zeros.data(), out.data(), past_cache);
    same(weights, out.values(), "dequantize_affine");
    untouched(out, "dequantize_affine");
  }
}

void compare_ranges(const Isa& isa, const Isa& reference, Kind kind, std::size_t count, Place place) {
  const Floats weights = weights_of(kind, count);
  Guarded<float> in(weights, place);
  check(reference.max_abs(weights.data(), count) == isa.max_abs(in.data(), count), "max_abs", count);
  Floats low = weights_of(Kind::bell, count), high = low;
  Guarded<float> out_low(low, place), out_high(high, place);
  reference.extend_ranges(weights.data(), count, low.data(), high.data());
  isa.extend_ranges(in.data(), count, out_low.data(), out_high.data());
  same(low, out_low.values(), "lower ends");
  same(high, out_high.values(), "upper ends");
  untouched(out_low, "lower ends");
  untouched(out_high, "upper ends");
}

void compare_encoders(const Isa& isa, const Isa& reference, Kind kind, std::size_t pairs, Place place) {
  const Floats weights = weights_of(kind, 2 * pairs);
  const float step = kind == Kind::ties ? 0.5f : step_value(random_step());
  Guarded<float> in(weights, place);
  Bytes codes(pairs);
  {
    Guarded<std::uint8_t> out(pairs, place);
    reference.encode_arithmetic(weights.data(), pairs, kScales, step, codes.data());
    isa.encode_arithmetic(in.data(), pairs, kScales, step, out.data());
    same(codes, out.values(), "encode_arithmetic");
    untouched(out, "encode_arithmetic");
  }
  for (const Table& table : tables()) {
    Guarded<std::uint8_t> out(pairs, place);
    reference.encode_nearest(weights.data(), pairs, table, step, codes.data());
    isa.encode_nearest(in.data(), pairs, table, step, out.data());
    same(codes, out.values(), "encode_nearest");
    untouched(out, "encode_nearest");
    const double expected = reference.block_error(weights.data(), pairs, table, step, codes.data());
    const double actual = isa.block_error(in.data(), pairs, table, step, Guarded(codes, place).data());
    check(std::bit_cast<std::uint64_t>(expected) == std::bit_cast<std::uint64_t>(actual), "block_error", pairs);
  }
  Floats steps(2 * pairs);
  Int8s zero_points(2 * pairs);
  for (std::size_t j = 0; j < 2 * pairs; ++j) {
    steps[j] = rng.below(5) == 0 ? 0.0f : std::fabs(step_value(random_step()));
    zero_points[j] = static_cast<std::int8_t>(rng.between(-8, 7));
  }
  Guarded<std::uint8_t> out(pairs, place);
  reference.encode_affine(weights.data(), pairs, steps.data(), zero_points.data(), codes.data());
  isa.encode_affine(in.data(), pairs, Guarded(steps, place).data(), Guarded(zero_points, place).data(), out.data());
  same(codes, out.values(), "encode_affine");
  untouched(out, "encode_affine");
}

void compare_searches(const Isa& isa, const Isa& reference, Kind kind, std::size_t pairs, Place place) {
  const Floats weights = weights_of(kind, 2 * pairs);
  Guarded<float> in(weights, place);
  const double largest = static_cast<double>(reference.max_abs(weights.data(), 2 * pairs));
  for (const std::size_t candidates : {std::size_t{1}, std::size_t{7}, std::size_t{12}}) {
    for (const Table& table : tables()) {
      const double reach = static_cast<double>(rng.between(4, 140));
      Halves magnitudes(candidates);
      for (auto& magnitude : magnitudes) magnitude = half_of_ratio(largest * rng.between(7, 14), 10 * reach);
      if (rng.below(4) == 0) magnitudes[rng.below(candidates)] = 0;
      check(reference.search_arithmetic(weights.data(), pairs, kScales, magnitudes.data(), candidates) ==
                isa.search_arithmetic(in.data(), pairs, kScales, magnitudes.data(), candidates),
            "search_arithmetic", pairs);
      check(reference.search_nearest(weights.data(), pairs, table, magnitudes.data(), candidates) ==
                isa.search_nearest(in.data(), pairs, table, magnitudes.data(), candidates),
            "search_nearest", pairs);
    }
  }
}

void compare_dots(const Isa& isa, const Isa& reference, std::size_t count, Place place) {
  const Int8s a = random_int8s(count), b = random_int8s(count);
  const std::int32_t expected = reference.dot(a.data(), b.data(), count);
  check(expected == isa.dot(Guarded(a, place).data(), Guarded(b, place).data(), count), "dot", count);
}

void compare(const Isa& isa, const Isa& reference) {
  begin(std::string(isa.name) + " against " + reference.name + ": bytes");
  for (const std::size_t size : kSizes) {
    for (const Place place : kPlaces) compare_bytes(isa, reference, size, place);
  }
  begin(std::string(isa.name) + " against " + reference.name + ": dequantize");
  for (const std::size_t size : kSizes) {
    for (const Place place : kPlaces) compare_dequantize(isa, reference, size, place);
  }
  begin(std::string(isa.name) + " against " + reference.name + ": ranges");
  for (const std::size_t size : kSizes) {
    for (const Place place : kPlaces) {
      for (const Kind kind : kKinds) compare_ranges(isa, reference, kind, size, place);
    }
  }
  begin(std::string(isa.name) + " against " + reference.name + ": encoders");
  for (const std::size_t size : kSizes) {
    if (2 * size > kMaxBlock) continue;
    for (const Place place : kPlaces) {
      for (const Kind kind : kKinds) compare_encoders(isa, reference, kind, size, place);
    }
  }
  begin(std::string(isa.name) + " against " + reference.name + ": step searches");
  for (const std::size_t size : {1u, 2u, 3u, 15u, 16u, 17u, 31u, 32u, 33u, 64u, 65u, 128u}) {
    for (const Kind kind : kKinds) compare_searches(isa, reference, kind, size, kPlaces[size % 3]);
  }
  begin(std::string(isa.name) + " against " + reference.name + ": dots");
  for (const std::size_t size : kSizes) {
    for (const Place place : kPlaces) compare_dots(isa, reference, size, place);
  }
}

// --- Matrix functions

// The sum that is furthest from zero, over `k` weights that all take the codes of one extreme entry.
struct Extreme {
  Int8s a;
  Bytes codes;
  std::int64_t sum = 0;
};

Extreme extreme(const Table& table, std::size_t k, bool positive) {
  const auto best = [positive](int t) { return (t >= 0) == positive ? std::int8_t{127} : std::int8_t{-128}; };
  const auto product = [&](int t) { return static_cast<std::int64_t>(best(t)) * t; };
  const auto more = [positive](std::int64_t x, std::int64_t y) { return positive ? x > y : x < y; };
  std::size_t pair = 0, single = 0;
  for (std::size_t c = 0; c < kCodes; ++c) {
    if (more(product(table.first[c]) + product(table.second[c]),
             product(table.first[pair]) + product(table.second[pair]))) {
      pair = c;
    }
    if (more(product(table.first[c]), product(table.first[single]))) single = c;
  }
  Extreme worst{Int8s(k), Bytes(pairs_of(k), static_cast<std::uint8_t>(pair)), 0};
  if (k % 2 != 0) worst.codes.back() = static_cast<std::uint8_t>(single);
  for (std::size_t j = 0; j < k; ++j) {
    const std::size_t code = worst.codes[j / 2];
    const int t = j % 2 == 0 ? table.first[code] : table.second[code];
    worst.a[j] = best(t);
    worst.sum += product(t);
  }
  return worst;
}

void test_largest_sums(const Isa& isa) {
  begin(std::string("largest safe K, ") + isa.name);
  constexpr std::int64_t low = std::numeric_limits<std::int32_t>::min(),
                         high = std::numeric_limits<std::int32_t>::max();
  for (const Table& table : {arithmetic_table(), random_table(127), random_table(1)}) {
    const std::size_t k = max_safe_k(table);
    for (const bool positive : {false, true}) {
      const Extreme worst = extreme(table, k, positive);
      std::int32_t found = 0;
      check(block_dots(isa, worst.a.data(), 1, k, worst.codes.data(), 1, table, k + k % 2, &found) == none, "codes", k);
      check(found == worst.sum, "extreme sum", k);
      check(worst.sum >= low && worst.sum <= high, "fits", k);
    }
    const std::int64_t beyond_low = extreme(table, k + 1, false).sum, beyond_high = extreme(table, k + 1, true).sum;
    check(beyond_low < low || beyond_high > high, "one more overflows", k);
  }
}

void test_matrices(const Isa& isa, const Isa& reference) {
  begin(std::string("matrices, ") + isa.name + " against " + reference.name);
  constexpr std::int32_t numerators[] = {20, 25, 30, 36};
  const Candidates candidates{numerators, std::size(numerators), 256}, finer{numerators, std::size(numerators), 2560};
  const Table learned = random_table(90), block_table = arithmetic_table();
  for (const std::size_t cols : {1u, 2u, 5u, 63u, 64u, 65u, 130u, 257u}) {
    for (const std::size_t block_size : {2u, 32u, 64u, 128u}) {
      constexpr std::size_t rows = 3;
      const std::size_t pairs = pairs_of(cols), blocks = (cols + block_size - 1) / block_size;
      for (const Kind kind : kKinds) {
        const Floats weights = weights_of(kind, rows * cols);
        Guarded<float> in(weights, Place::end);
        Bytes codes[2] = {Bytes(rows * pairs), Bytes(rows * pairs)};
        Halves steps[2] = {Halves(rows * blocks), Halves(rows * blocks)};
        Floats back[2] = {Floats(rows * cols), Floats(rows * cols)};
        const Isa* const both[2] = {&reference, &isa};
        for (int learned_table = 0; learned_table < 2; ++learned_table) {
          const Table& table = learned_table != 0 ? learned : block_table;
          for (int i = 0; i < 2; ++i) {
            Guarded<std::uint8_t> out(rows * pairs, Place::end);
            Guarded<std::uint16_t> out_steps(rows * blocks, Place::end);
            const std::size_t bad = learned_table != 0
                                        ? quantize_codebook(*both[i], in.data(), rows, cols, block_size, table, finer,
                                                            out.data(), out_steps.data())
                                        : quantize_block(*both[i], in.data(), rows, cols, block_size, kScales,
                                                         candidates, out.data(), out_steps.data());
            check(bad == none, "no bad weight", cols);
            codes[i] = out.values();
            steps[i] = out_steps.values();
            dequantize(*both[i], codes[i].data(), steps[i].data(), table, rows, cols, block_size, back[i].data());
            Bytes again(rows * pairs, 0xFF);
            if (learned_table != 0) {
              encode_codebook(*both[i], in.data(), rows, cols, block_size, table, steps[i].data(), again.data());
            } else {
              encode_block(*both[i], in.data(), rows, cols, block_size, kScales, steps[i].data(), again.data());
            }
            same(codes[i], again, "codes of the chosen steps");
          }
          same(codes[0], codes[1], "codes");
          same(steps[0], steps[1], "steps");
          same(back[0], back[1], "weights");
        }
        Halves column_steps[2] = {Halves(cols), Halves(cols)};
        Int8s zero_points[2] = {Int8s(cols), Int8s(cols)};
        Halves row_steps[2] = {Halves(rows), Halves(rows)};
        for (int i = 0; i < 2; ++i) {
          quantize_row_absmax(*both[i], in.data(), rows, cols, {1, 1}, 7, codes[i].data(), row_steps[i].data());
        }
        same(codes[0], codes[1], "row-absmax codes");
        same(row_steps[0], row_steps[1], "row-absmax steps");
        for (int i = 0; i < 2; ++i) {
          quantize_row_affine(*both[i], in.data(), rows, cols, codes[i].data(), column_steps[i].data(),
                              zero_points[i].data());
          dequantize_affine(*both[i], codes[i].data(), column_steps[i].data(), zero_points[i].data(), rows, cols,
                            back[i].data());
        }
        same(codes[0], codes[1], "row-affine codes");
        same(column_steps[0], column_steps[1], "row-affine steps");
        same(zero_points[0], zero_points[1], "row-affine zero points");
        same(back[0], back[1], "row-affine weights");
      }
    }
  }
}

void test_products(const Isa& isa) {
  begin(std::string("products, ") + isa.name);
  const Table table = random_table(127);
  for (const std::size_t k : {1u, 2u, 33u, 64u, 65u, 200u}) {
    for (const std::size_t block_size : {2u, 32u, 64u}) {
      constexpr std::size_t m = 3, n = 4;
      const std::size_t pairs = pairs_of(k), blocks = (k + block_size - 1) / block_size;
      const Int8s a = random_int8s(m * k);
      const Bytes codes = random_codes(n * pairs);
      const Floats scale = weights_of(Kind::bell, m);
      Halves steps(n * blocks);
      for (auto& step : steps) step = random_step();
      Guarded<std::int8_t> in(a, Place::end);
      Guarded<std::uint8_t> in_codes(codes, Place::end);
      Guarded<std::int32_t> dots(m * n * blocks, Place::end);
      Guarded<float> y(m * n, Place::end);
      block_dots(isa, in.data(), m, k, in_codes.data(), n, table, block_size, dots.data());
      matmul(isa, in.data(), scale.data(), m, k, in_codes.data(), steps.data(), n, table, block_size, y.data());
      std::vector<std::int32_t> expected_dots(m * n * blocks);
      Floats expected(m * n);
      for (std::size_t i = 0; i < m; ++i) {
        for (std::size_t row = 0; row < n; ++row) {
          float sum = 0;
          for (std::size_t b = 0; b < blocks; ++b) {
            std::int32_t& dot = expected_dots[(i * n + row) * blocks + b];
            for (std::size_t j = b * block_size; j < std::min(k, (b + 1) * block_size); ++j) {
              const std::size_t code = codes[row * pairs + j / 2];
              dot += a[i * k + j] * (j % 2 == 0 ? table.first[code] : table.second[code]);
            }
            const float product = step_value(steps[row * blocks + b]) * static_cast<float>(dot);
            sum = sum + product;
          }
          expected[i * n + row] = sum * scale[i];
        }
      }
      same(expected_dots, dots.values(), "block_dots");
      same(expected, y.values(), "matmul");
    }
  }
}

// Every unused bit of a stream of every residue, in the middle one of three rows.
void test_tail_bits(const Isa& isa) {
  begin(std::string("tail bits, ") + isa.name);
  const Table table = arithmetic_table();
  constexpr std::size_t rows = 3;
  for (std::size_t pairs = 1; pairs <= 16; ++pairs) {
    const std::size_t width = stream_size(pairs), used = kCodeBits * pairs % 8;
    const Bytes codes = random_codes(rows * pairs);
    const Halves steps(rows, 0x3C00);
    Bytes stream(rows * width), back(rows * pairs);
    Floats weights(rows * 2 * pairs);
    check(pack_stream(isa, codes.data(), rows, pairs, stream.data()) == none, "valid codes", pairs);
    for (std::size_t bit = 0; bit < 8; ++bit) {
      Bytes spoiled = stream;
      std::uint8_t& last = spoiled[2 * width - 1];
      last = static_cast<std::uint8_t>(last ^ (1u << bit));
      const std::size_t row = used != 0 && bit >= used ? 1 : none;
      check(unpack_stream(isa, spoiled.data(), rows, pairs, back.data()) == row, "unpack_stream", pairs);
      check(dequantize_stream(isa, spoiled.data(), steps.data(), table, rows, 2 * pairs, 64, weights.data()) == row,
            "dequantize_stream", pairs);
    }
  }
}

void test_rejections(const Isa& isa) {
  begin(std::string("rejections, ") + isa.name);
  const Table table = arithmetic_table();
  constexpr std::size_t rows = 3, cols = 37, pairs = pairs_of(cols), width = stream_size(pairs);
  const Halves steps(rows * cols, 0x3C00);
  Floats weights(rows * cols);
  Bytes codes = random_codes(rows * pairs), stream(rows * width), back(rows * pairs);
  check(pack_stream(isa, codes.data(), rows, pairs, stream.data()) == none, "valid codes", 0);
  check(unpack_stream(isa, stream.data(), rows, pairs, back.data()) == none, "valid stream", 0);
  same(codes, back, "stream of rows");
  check(dequantize_stream(isa, stream.data(), steps.data(), table, rows, cols, 64, weights.data()) == none, "stream",
        0);
  Floats direct(rows * cols);
  dequantize(isa, codes.data(), steps.data(), table, rows, cols, 64, direct.data());
  same(direct, weights, "dequantize_stream");
  codes[pairs + 4] |= 0x80u;
  const Int8s a(cols, 1);
  std::vector<std::int32_t> dots(rows);
  Floats y(rows);
  const float scale = 1;
  check(pack_stream(isa, codes.data(), rows, pairs, stream.data()) == pairs + 4, "pack: bad code", 0);
  check(dequantize(isa, codes.data(), steps.data(), table, rows, cols, 64, direct.data()) == pairs + 4, "bad code", 0);
  check(block_dots(isa, a.data(), 1, cols, codes.data(), rows, table, 64, dots.data()) == pairs + 4, "bad code", 0);
  check(matmul(isa, a.data(), &scale, 1, cols, codes.data(), steps.data(), rows, table, 64, y.data()) == pairs + 4,
        "bad code", 0);
  weights.assign(rows * cols, 1.0f);
  weights[cols + 9] = std::numeric_limits<float>::infinity();
  constexpr std::int32_t numerator = 30;
  const Candidates candidates{&numerator, 1, 256};
  Halves out(rows * cols);
  Int8s zeros(cols);
  check(quantize_block(isa, weights.data(), rows, cols, 64, kScales, candidates, back.data(), out.data()) == cols + 9,
        "inf", 0);
  check(quantize_codebook(isa, weights.data(), rows, cols, 64, table, candidates, back.data(), out.data()) == cols + 9,
        "inf", 0);
  check(quantize_row_absmax(isa, weights.data(), rows, cols, {1, 1}, 7, back.data(), out.data()) == cols + 9, "inf", 0);
  check(quantize_row_affine(isa, weights.data(), rows, cols, back.data(), out.data(), zeros.data()) == cols + 9, "inf",
        0);
  Halves bad_steps(rows, 0x3C00);
  bad_steps[2] = 0xFC00;
  weights[cols + 9] = 1;
  check(encode_block(isa, weights.data(), rows, cols, 64, kScales, bad_steps.data(), back.data()) == 2, "step", 0);
  check(encode_codebook(isa, weights.data(), rows, cols, 64, table, bad_steps.data(), back.data()) == 2, "step", 0);
}

void test_dispatch() {
  begin("dispatch");
  check(find_isa("scalar") == &scalar_isa(), "scalar by name", 0);
  check(find_isa("avx2") == avx2_isa(), "avx2 by name", 0);
  check(find_isa("avx512") == avx512_isa(), "avx512 by name", 0);
  check(find_isa("amx") == amx_isa(), "amx by name", 0);
  check(find_isa("auto") == find_isa(available_isas().back()), "auto", 0);
  check(find_isa("sse2") == nullptr && find_isa("") == nullptr, "unknown names", 0);
  for (const char* name : available_isas()) check(find_isa(name)->name == std::string(name), "list", 0);
}

}  // namespace

// Without an argument everything; with the name of an instruction set what concerns that one.
int main(int argc, char** argv) {
  const bool all = argc < 2;
  const Isa* const only = find_isa(all ? "auto" : argv[1]);
  if (only == nullptr) {
    std::fprintf(stderr, "%s does not run on this processor\n", argv[1]);
    return 2;
  }
  if (all) {
    test_halves();
    test_exact_sign();
    test_dispatch();
  }
  for (const char* name : available_isas()) {
    const Isa* const isa = find_isa(name);
    if (!all && isa != only) continue;
    test_codes(*isa);
    test_bad_values(*isa);
    test_products(*isa);
    test_largest_sums(*isa);
    test_tail_bits(*isa);
    test_rejections(*isa);
    compare(*isa, scalar_isa());  // the reference against itself still meets the guard pages
    test_matrices(*isa, scalar_isa());
    test_tiled(*isa);
  }
  if (all && avx512_isa() != nullptr) {
    Isa imitated = *avx512_isa();
    imitated.name = "amx, imitated";
    imitated.multiply_tile = multiply_tile_imitated;
    test_tiled(imitated);
  }
  return report();
}
