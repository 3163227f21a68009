// A fuzz run of the entry points: pack, unpack, quantize, encode, dequantize, tile, untile and products.
//
//   q35_kernel_fuzz SECONDS [SEED]
//
// Every case draws a shape, a misalignment and contents: valid ones, any bits at all, or valid ones with one bad value.
// Buffers end exactly where their arrays end, so a build with the sanitizers sees every access outside. All instruction
// sets must agree bit for bit, refuse exactly what is bad, name its place, and undo each other. The first difference
// ends the run with the number of its case, which alone reproduces it: q35_kernel_fuzz 0 CASE. (UBSan ends a run before
// the case is named: repeat it with its seed.)
#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "half.hpp"
#include "kernels.hpp"
#include "tiled.hpp"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace {

using namespace q35;

std::uint64_t case_number = 0;
std::size_t compared = 0;

void name_case() { std::printf("case %llu\n", static_cast<unsigned long long>(case_number)); }

void check(bool holds, const char* what) {
  ++compared;
  if (holds) return;
  std::printf("FAILED %s: ", what);
  name_case();
  std::exit(1);
}

// --- Random contents

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t bits() { return engine_(); }
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(bits() % limit); }
  std::size_t between(std::size_t low, std::size_t high) { return low + below(high - low + 1); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  std::uint8_t byte() { return static_cast<std::uint8_t>(bits() >> 56); }
  // Lengths around vector widths and block sizes are as likely as all others together.
  std::size_t length(std::size_t least) {
    constexpr std::size_t widths[] = {1, 8, 16, 32, 64, 128, 256};
    if (one_in(2)) return between(least, 300);
    return std::max(least, widths[below(std::size(widths))] + below(3) - 1);
  }

 private:
  std::mt19937_64 engine_;
};

// `count` elements that end where the allocation ends, `offset` bytes behind where it begins.
template <class T>
class Array {
 public:
  Array(std::size_t count, std::size_t offset)
      : count_(count), offset_(offset), bytes_(new std::uint8_t[offset + count * sizeof(T)]()) {}
  T* data() { return reinterpret_cast<T*>(bytes_.get() + offset_); }
  std::size_t size() const { return count_; }
  void set(std::size_t i, T value) { std::memcpy(bytes_.get() + offset_ + i * sizeof(T), &value, sizeof(T)); }
  T get(std::size_t i) const {
    T value;
    std::memcpy(&value, bytes_.get() + offset_ + i * sizeof(T), sizeof(T));
    return value;
  }
  bool operator==(const Array& other) const {
    return count_ == other.count_ && (count_ == 0 || std::memcmp(bytes_.get() + offset_, other.bytes_.get() +
                                                                 other.offset_, count_ * sizeof(T)) == 0);
  }

 private:
  std::size_t count_, offset_;
  std::unique_ptr<std::uint8_t[]> bytes_;
};

using Bytes = Array<std::uint8_t>;
using Floats = Array<float>;
using Halves = Array<std::uint16_t>;
using Int8s = Array<std::int8_t>;

// Matrix functions take arrays of their element's alignment, everything else any address.
template <class T>
Array<T> array(Random& rng, std::size_t count) {
  return Array<T>(count, sizeof(T) * rng.below(9));
}

float special(Random& rng) {
  constexpr std::uint32_t patterns[] = {0x00000000, 0x80000000, 0x00000001, 0x807FFFFF, 0x00800000,
                                        0x7F7FFFFF, 0xFF7FFFFF, 0x3F800000, 0x33000000, 0x477FE000};
  return std::bit_cast<float>(patterns[rng.below(std::size(patterns))]);
}

float finite(Random& rng, std::size_t kind) {
  const auto fraction = static_cast<float>(static_cast<double>(rng.bits() >> 11) * 0x1p-52 - 1.0);
  switch (kind) {
    case 0: return fraction;
    case 1: return std::ldexp(fraction, static_cast<int>(rng.between(0, 276)) - 149);
    case 2: return static_cast<float>(static_cast<int>(rng.below(33)) - 16) * 0.25f;
    case 3: return special(rng);
    default: {
      const auto bits = static_cast<std::uint32_t>(rng.bits());
      return std::bit_cast<float>((bits & 0x7F800000u) == 0x7F800000u ? bits & 0xBFFFFFFFu : bits);
    }
  }
}

// Weights, now and then with values that are not finite.
Floats weights_of(Random& rng, std::size_t count) {
  Floats weights = array<float>(rng, count);
  const std::size_t kind = rng.below(6);
  for (std::size_t i = 0; i < count; ++i) weights.set(i, finite(rng, kind == 5 ? rng.below(5) : kind));
  while (count != 0 && rng.one_in(4)) {
    const auto bits = static_cast<std::uint32_t>(rng.bits()) | 0x7F800000u;
    weights.set(rng.below(count), std::bit_cast<float>(rng.one_in(2) ? bits & 0xFF800000u : bits));
  }
  return weights;
}

std::size_t first_not_finite(const Floats& weights) {
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!std::isfinite(weights.get(i))) return i;
  }
  return none;
}

// Codes, now and then with bytes that are none.
Bytes codes_of(Random& rng, std::size_t count) {
  Bytes codes = array<std::uint8_t>(rng, count);
  for (std::size_t i = 0; i < count; ++i) codes.set(i, static_cast<std::uint8_t>(rng.byte() & 0x7Fu));
  while (count != 0 && rng.one_in(4)) codes.set(rng.below(count), static_cast<std::uint8_t>(rng.byte() | 0x80u));
  return codes;
}

std::size_t first_no_code(const Bytes& codes) {
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (codes.get(i) >= kCodes) return i;
  }
  return none;
}

Table table_of(Random& rng) {
  Table table;
  const unsigned spread = static_cast<unsigned>(rng.between(0, 7));
  for (std::size_t code = 0; code < kCodes; ++code) {
    table.first[code] = static_cast<std::int8_t>(static_cast<std::int8_t>(rng.byte()) >> spread);
    table.second[code] = static_cast<std::int8_t>(static_cast<std::int8_t>(rng.byte()) >> spread);
  }
  return table;
}

constexpr Scales kScales[] = {{1, 1}, {1, 2}, {-1, 3}};

std::vector<const Isa*> isas() {
  std::vector<const Isa*> found;
  for (const char* name : available_isas()) found.push_back(find_isa(name));
  return found;
}

// --- Cases

void streams(Random& rng) {
  const std::size_t rows = rng.below(4), pairs = rng.length(0), width = stream_size(pairs);
  Bytes codes = codes_of(rng, rows * pairs), expected = array<std::uint8_t>(rng, rows * width);
  const std::size_t bad = first_no_code(codes);
  for (const Isa* isa : isas()) {
    Bytes stream = array<std::uint8_t>(rng, rows * width), back = array<std::uint8_t>(rng, rows * pairs);
    check(pack_stream(*isa, codes.data(), rows, pairs, stream.data()) == bad, "pack refuses what is no code");
    if (bad != none) continue;
    if (isa == &scalar_isa()) expected = std::move(stream);
    else check(stream == expected, "pack");
    check(unpack_stream(*isa, expected.data(), rows, pairs, back.data()) == none && back == codes, "unpack of pack");
  }
}

// Any bytes are a stream unless a bit after the last code is set.
void foreign_streams(Random& rng) {
  const std::size_t rows = rng.between(1, 3), pairs = rng.length(1), width = stream_size(pairs);
  Bytes stream = array<std::uint8_t>(rng, rows * width);
  for (std::size_t i = 0; i < stream.size(); ++i) stream.set(i, rng.byte());
  const std::size_t used = kCodeBits * pairs % 8;
  std::size_t bad = none;
  for (std::size_t row = rows; row-- > 0 && used != 0;) {
    const std::size_t last = (row + 1) * width - 1;
    if (!rng.one_in(3)) stream.set(last, static_cast<std::uint8_t>(stream.get(last) & ((1u << used) - 1)));
    if (stream.get(last) >> used != 0) bad = row;
  }
  for (const Isa* isa : isas()) {
    Bytes codes = array<std::uint8_t>(rng, rows * pairs), again = array<std::uint8_t>(rng, rows * width);
    check(unpack_stream(*isa, stream.data(), rows, pairs, codes.data()) == bad, "unpack refuses tail bits");
    if (bad != none) continue;
    check(pack_stream(*isa, codes.data(), rows, pairs, again.data()) == none && again == stream, "pack of unpack");
  }
}

// Equal bit for bit, but a NaN equals any NaN.
bool same_floats(const Floats& left, const Floats& right) {
  for (std::size_t i = 0; i < left.size(); ++i) {
    const float a = left.get(i), b = right.get(i);
    if (std::isnan(a) != std::isnan(b)) return false;
    if (!std::isnan(a) && std::bit_cast<std::uint32_t>(a) != std::bit_cast<std::uint32_t>(b)) return false;
  }
  return left.size() == right.size();
}

// What one way to quantize made: equal for all instruction sets.
struct Made {
  std::size_t bad;
  Bytes codes;
  Halves steps;
};

bool valid(const Made& made) {
  for (std::size_t i = 0; i < made.steps.size(); ++i) {
    if (std::isnan(step_value(made.steps.get(i)))) return false;
  }
  return first_no_code(made.codes) == none;
}

void blocks(Random& rng) {
  const std::size_t rows = rng.between(1, 3), cols = rng.length(1), pairs = pairs_of(cols);
  const std::size_t size = 2 * rng.between(1, kMaxBlock / 2), count = (cols + size - 1) / size;
  const Table table = table_of(rng);
  const Scales scales = kScales[rng.below(std::size(kScales))];
  const bool learned = rng.one_in(2);
  Floats weights = weights_of(rng, rows * cols);
  std::vector<std::int32_t> numerators(rng.between(1, 20));
  for (std::int32_t& numerator : numerators) numerator = static_cast<std::int32_t>(rng.between(1, 40));
  const Candidates candidates{numerators.data(), numerators.size(), static_cast<std::int32_t>(rng.between(1, 2048))};
  std::vector<Made> all;
  for (const Isa* isa : isas()) {
    Made made{none, array<std::uint8_t>(rng, rows * pairs), array<std::uint16_t>(rng, rows * count)};
    made.bad = learned ? quantize_codebook(*isa, weights.data(), rows, cols, size, table, candidates,
                                           made.codes.data(), made.steps.data())
                       : quantize_block(*isa, weights.data(), rows, cols, size, scales, candidates, made.codes.data(),
                                        made.steps.data());
    check(made.bad == first_not_finite(weights), "quantize refuses what is not finite");
    if (made.bad != none) continue;
    check(valid(made), "quantize gives codes and steps");
    all.push_back(std::move(made));
    check(all.back().codes == all[0].codes && all.back().steps == all[0].steps, "quantize");
    Bytes again = array<std::uint8_t>(rng, rows * pairs);
    const std::size_t refused =
        learned ? encode_codebook(*isa, weights.data(), rows, cols, size, table, all[0].steps.data(), again.data())
                : encode_block(*isa, weights.data(), rows, cols, size, scales, all[0].steps.data(), again.data());
    check(refused == none && again == all[0].codes, "encode with the steps of quantize");
  }
}

void rows_of_one_step(Random& rng) {
  const std::size_t rows = rng.between(1, 4), cols = rng.length(1), pairs = pairs_of(cols);
  const bool affine = rng.one_in(2);
  Floats weights = weights_of(rng, rows * cols);
  std::vector<Made> all;
  std::vector<Int8s> zeros;
  for (const Isa* isa : isas()) {
    Made made{none, array<std::uint8_t>(rng, rows * pairs), array<std::uint16_t>(rng, affine ? cols : rows)};
    Int8s zero_points = array<std::int8_t>(rng, affine ? cols : 0);
    made.bad = affine ? quantize_row_affine(*isa, weights.data(), rows, cols, made.codes.data(), made.steps.data(),
                                            zero_points.data())
                      : quantize_row_absmax(*isa, weights.data(), rows, cols, {1, 1}, 7, made.codes.data(),
                                            made.steps.data());
    check(made.bad == first_not_finite(weights), "quantize refuses what is not finite");
    if (made.bad != none) continue;
    check(valid(made), "quantize gives codes and steps");
    all.push_back(std::move(made));
    zeros.push_back(std::move(zero_points));
    check(all.back().codes == all[0].codes && all.back().steps == all[0].steps && zeros.back() == zeros[0],
          "quantize of rows");
  }
}

// Any bits as steps, and codes that may be none.
void decoded(Random& rng) {
  const std::size_t rows = rng.between(1, 3), cols = rng.length(1), pairs = pairs_of(cols);
  const std::size_t size = 2 * rng.between(1, 200), count = (cols + size - 1) / size;
  const Table table = table_of(rng);
  Bytes codes = codes_of(rng, rows * pairs);
  Halves steps = array<std::uint16_t>(rng, rows * count);
  for (std::size_t i = 0; i < steps.size(); ++i) steps.set(i, static_cast<std::uint16_t>(rng.bits()));
  const std::size_t bad = first_no_code(codes);
  Floats expected = array<float>(rng, rows * cols);
  for (const Isa* isa : isas()) {
    Floats weights = array<float>(rng, rows * cols);
    check(dequantize(*isa, codes.data(), steps.data(), table, rows, cols, size, weights.data()) == bad,
          "dequantize refuses what is no code");
    if (bad != none) continue;
    if (isa == &scalar_isa()) expected = std::move(weights);
    else check(weights == expected, "dequantize");
    Bytes stream = array<std::uint8_t>(rng, rows * stream_size(pairs));
    Floats direct = array<float>(rng, rows * cols);
    check(pack_stream(*isa, codes.data(), rows, pairs, stream.data()) == none, "pack of codes");
    check(dequantize_stream(*isa, stream.data(), steps.data(), table, rows, cols, size, direct.data()) == none &&
              direct == expected,
          "dequantize of a stream");
  }
}

// The kernels themselves take codes, values and floats at any address.
void misaligned(Random& rng) {
  const std::size_t pairs = rng.length(0);
  const Table table = table_of(rng);
  const Scales scales = kScales[rng.below(std::size(kScales))];
  Floats weights(2 * pairs, rng.below(64));
  const std::size_t kind = rng.below(5);
  for (std::size_t i = 0; i < weights.size(); ++i) weights.set(i, finite(rng, kind));
  const float step = step_value(static_cast<std::uint16_t>(rng.between(1, 0x7BFF) | (rng.below(2) << 15)));
  const std::size_t size = 2 * rng.between(1, 200);
  Halves steps((2 * pairs + size - 1) / size, 2 * rng.below(32));  // steps are read as they are
  for (std::size_t i = 0; i < steps.size(); ++i) steps.set(i, static_cast<std::uint16_t>(rng.bits()));
  std::vector<Bytes> arithmetic, nearest;
  std::vector<Int8s> values;
  std::vector<Floats> dequantized;
  for (const Isa* isa : isas()) {
    arithmetic.emplace_back(pairs, rng.below(64));
    isa->encode_arithmetic(weights.data(), pairs, scales, step, arithmetic.back().data());
    nearest.emplace_back(pairs, rng.below(64));
    isa->encode_nearest(weights.data(), pairs, table, step, nearest.back().data());
    values.emplace_back(2 * pairs, rng.below(64));
    isa->decode(nearest[0].data(), pairs, table, values.back().data());
    dequantized.emplace_back(2 * pairs, rng.below(64));
    isa->dequantize(nearest[0].data(), 2 * pairs, size, steps.data(), table, dequantized.back().data());
    check(arithmetic.back() == arithmetic[0], "encode_arithmetic");
    check(nearest.back() == nearest[0], "encode_nearest");
    check(values.back() == values[0], "decode");
    check(dequantized.back() == dequantized[0], "dequantize of a row");
  }
}

// The tiled layout reads back, and products with it are those of the plain layout.
void tiled(Random& rng) {
  const std::size_t size = std::size_t{32} << rng.below(3), rows = rng.between(1, 40), cols = rng.length(1);
  const std::size_t m = rng.below(4);
  const TiledShape shape{rows, cols, size, rng.one_in(2) ? Width::stream : Width::byte};
  const Table table = table_of(rng);
  Bytes codes = array<std::uint8_t>(rng, rows * pairs_of(cols)), layout(shape.bytes(), 64);
  for (std::size_t i = 0; i < codes.size(); ++i) codes.set(i, static_cast<std::uint8_t>(rng.byte() & 0x7Fu));
  Halves steps = array<std::uint16_t>(rng, rows * shape.blocks());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto bits = static_cast<std::uint16_t>(rng.bits());
    steps.set(i, (bits & 0x7C00u) == 0x7C00u ? static_cast<std::uint16_t>(bits & 0xBFFFu) : bits);
  }
  tile_weights(shape, codes.data(), steps.data(), layout.data());
  Bytes codes_back = array<std::uint8_t>(rng, codes.size());
  Halves steps_back = array<std::uint16_t>(rng, steps.size());
  untile_weights(shape, layout.data(), codes_back.data(), steps_back.data());
  check(codes_back == codes && steps_back == steps, "untile of tile");
  Floats x = weights_of(rng, m * cols), expected(m * rows, 0), scales(m, 0);
  Int8s a(m * cols, 0);
  quantize_activations(scalar_isa(), x.data(), m, cols, a.data(), scales.data(), 1);
  matmul(scalar_isa(), a.data(), scales.data(), m, cols, codes.data(), steps.data(), rows, table, size, expected.data());
  for (const Isa* isa : isas()) {
    const int threads = rng.one_in(8) ? 3 : 1;
    Int8s own = array<std::int8_t>(rng, m * cols);
    Floats own_scales = array<float>(rng, m), y = array<float>(rng, m * rows), z = array<float>(rng, m * rows);
    quantize_activations(*isa, x.data(), m, cols, own.data(), own_scales.data(), threads);
    check(own == a && same_floats(own_scales, scales), "quantize_activations");
    linear_int8(*isa, shape, {table, 0}, layout.data(), a.data(), scales.data(), m, y.data(), threads);
    check(same_floats(y, expected), "linear_int8");
    linear(*isa, shape, {table, 0}, layout.data(), x.data(), m, z.data(), threads);
    check(same_floats(z, expected), "linear");
  }
}

constexpr void (*kCases[])(Random&) = {streams, foreign_streams, blocks, rows_of_one_step, decoded, misaligned, tiled};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::printf("usage: %s SECONDS [SEED]\n", argv[0]);
    return 2;
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(std::atof(argv[1]));
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : std::random_device{}();
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_set_death_callback([] {
    name_case();
    std::fflush(stdout);
  });
#endif
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  for (const char* name : available_isas()) std::printf("ran on: %s\n", name);
  std::fflush(stdout);
  std::uint64_t cases = 0;
  do {
    case_number = seed + cases++;
    Random rng(case_number);
    kCases[rng.below(std::size(kCases))](rng);
  } while (std::chrono::steady_clock::now() < end);
  std::printf("total: %llu cases, %zu compared\n", static_cast<unsigned long long>(cases), compared);
  return 0;
}
