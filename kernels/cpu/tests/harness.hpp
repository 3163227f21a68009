// What the test programs share: counting of what was compared, random inputs, tables.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "guarded.hpp"
#include "half.hpp"
#include "kernels.hpp"

namespace q35::test {

using Bytes = std::vector<std::uint8_t>;
using Floats = std::vector<float>;
using Int8s = std::vector<std::int8_t>;
using Halves = std::vector<std::uint16_t>;

// --- Counting

struct Group {
  std::string name;
  std::size_t compared = 0;
  std::size_t failed = 0;
};

inline std::vector<Group> groups;

// Prints what was compared; the exit status.
inline int report() {
  std::size_t compared = 0, failed = 0;
  for (const Group& group : groups) {
    std::printf("%-45s %10zu compared %6zu failed\n", group.name.c_str(), group.compared, group.failed);
    compared += group.compared;
    failed += group.failed + (group.compared == 0 ? 1 : 0);
  }
  for (const char* isa : available_isas()) std::printf("ran on: %s\n", isa);
  std::printf("total: %zu compared, %zu failed\n", compared, failed);
  return failed == 0 && compared > 0 ? 0 : 1;
}

// A group that failed ends the run: what comes after it stands on it.
inline void begin(const std::string& name) {
  if (!groups.empty() && groups.back().failed != 0) std::exit(report());
  groups.push_back({name});
}

inline void check(bool holds, const char* what, std::size_t size) {
  Group& group = groups.back();
  ++group.compared;
  if (holds) return;
  if (group.failed++ < 5) std::printf("FAILED %s: %s (size %zu)\n", group.name.c_str(), what, size);
}

// Equal bit for bit; counts the elements.
template <class T>
void same(const std::vector<T>& expected, const std::vector<T>& actual, const char* what) {
  const bool equal =
      expected.size() == actual.size() &&
      (expected.empty() || std::memcmp(expected.data(), actual.data(), expected.size() * sizeof(T)) == 0);
  check(equal, what, expected.size());
  groups.back().compared += expected.size();
}

template <class T>
void untouched(const Guarded<T>& buffer, const char* what) {
  check(buffer.surroundings_untouched(), what, 0);
}

// --- Inputs

class Random {
 public:
  std::uint64_t bits() {  // splitmix64
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(bits() % limit); }
  int between(int low, int high) { return low + static_cast<int>(below(static_cast<std::size_t>(high - low + 1))); }
  float uniform() { return static_cast<float>(static_cast<double>(bits() >> 11) * 0x1p-52 - 1.0); }
  float bell() { return uniform() + uniform() + uniform(); }

 private:
  std::uint64_t state_ = 35;
};

inline Random rng;

enum class Kind { bell, denormal, huge, ties, sparse, wide, constant };
constexpr Kind kKinds[] = {Kind::bell,   Kind::denormal, Kind::huge,    Kind::ties,
                           Kind::sparse, Kind::wide,     Kind::constant};

inline float weight(Kind kind) {
  switch (kind) {
    case Kind::bell: return rng.bell();
    case Kind::denormal: return static_cast<float>(rng.between(-200, 200)) * std::numeric_limits<float>::denorm_min();
    case Kind::huge: return rng.uniform() * std::numeric_limits<float>::max();
    case Kind::ties: return static_cast<float>(rng.between(-20, 20)) * 0.25f;
    case Kind::sparse: return rng.below(4) == 0 ? rng.bell() : (rng.below(2) == 0 ? 0.0f : -0.0f);
    case Kind::wide: return std::ldexp(rng.uniform(), rng.between(-140, 120));
    case Kind::constant: return -3.0f;
  }
  return 0;
}

inline Floats weights_of(Kind kind, std::size_t count) {
  Floats weights(count);
  for (float& w : weights) w = weight(kind);
  return weights;
}

inline Bytes random_codes(std::size_t count) {
  Bytes codes(count);
  for (auto& code : codes) code = static_cast<std::uint8_t>(rng.below(kCodes));
  return codes;
}

inline Int8s random_int8s(std::size_t count) {
  Int8s values(count);
  for (auto& value : values) value = static_cast<std::int8_t>(rng.between(-128, 127));
  return values;
}

// A finite step that is not zero: any bits, or one of the extremes.
inline std::uint16_t random_step() {
  constexpr std::uint16_t extremes[] = {0x0001, 0x8001, 0x03FF, 0x0400, 0x7BFF, 0xFBFF, 0x3C00, 0xBC00};
  if (rng.below(4) == 0) return extremes[rng.below(std::size(extremes))];
  const std::uint16_t magnitude = static_cast<std::uint16_t>(1 + rng.below(0x7BFF));
  return static_cast<std::uint16_t>(magnitude | (rng.below(2) << 15));
}

constexpr Scales kScales{1, 2};

inline Table arithmetic_table() {
  Table table;
  for (std::size_t code = 0; code < kCodes; ++code) {
    const int u4 = static_cast<int>(code >> kLoBits), u3 = static_cast<int>(code & ((1u << kLoBits) - 1));
    table.first[code] = static_cast<std::int8_t>((u4 > kHiHigh ? u4 - (1 << kHiBits) : u4) * kScales.hi);
    table.second[code] = static_cast<std::int8_t>((u3 > kLoHigh ? u3 - (1 << kLoBits) : u3) * kScales.lo);
  }
  return table;
}

// `spread` 0 makes all entries equal: every choice is a tie. A small one has many equal entries and ties.
inline Table random_table(int spread) {
  Table table;
  for (std::size_t code = 0; code < kCodes; ++code) {
    table.first[code] = static_cast<std::int8_t>(std::max(-128, rng.between(-spread, spread)));
    table.second[code] = static_cast<std::int8_t>(std::max(-128, rng.between(-spread, spread)));
  }
  return table;
}

inline std::vector<Table> tables() {
  return {arithmetic_table(), random_table(0), random_table(3), random_table(60), random_table(127)};
}

constexpr std::size_t kSizes[] = {1,  2,  3,  4,  5,  7,  8,   9,   15,  16,  17,  31,  32, 33,
                                  47, 48, 63, 64, 65, 96, 100, 127, 128, 129, 191, 256, 300};

// The tests of tiled_tests.cpp.
void test_tiled(const Isa& isa);

}  // namespace q35::test
