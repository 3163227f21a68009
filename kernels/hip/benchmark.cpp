// Times the matrix product with Q35 weights and judges it: see usage().
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "launch.hpp"

namespace {

using namespace q35::gpu;

struct Options {
  unsigned m = 0, n = 0, k = 0;
  unsigned iterations = 10, block_size = 64;
  bool learned = true;
  int device = 0;
};

int usage() {
  std::fputs(
      "benchmark --matrix-size MxNxK [--iterations 10] [--block-size 64] [--table learned|arithmetic] [--device 0]\n"
      "Times y [M, N] = a [M, K] * weights [N, K] transposed: int8 activations, Q35 weights of 3.5 bits and a step.\n"
      "Prints the median time, TFLOP/s (2 M N K operations), GB/s (operands and result once each), and the error "
      "against\n"
      "a plain computation on the host. Exit status: 0 no error, 1 the result is wrong or cannot be computed, 2 "
      "usage.\n",
      stderr);
  return 2;
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) return false;
    const std::string name = argv[i], value = argv[i + 1];
    const auto number = [&](auto& to) {
      using Number = std::remove_reference_t<decltype(to)>;
      char* end = nullptr;
      const long parsed = std::strtol(value.c_str(), &end, 10);
      to = static_cast<Number>(parsed);
      return end != value.c_str() && *end == 0 && parsed >= 0 && parsed < (1L << 20);
    };
    bool valid = false;
    if (name == "--matrix-size") {
      char rest = 0;
      valid = std::sscanf(value.c_str(), "%6ux%6ux%6u%c", &options.m, &options.n, &options.k, &rest) == 3;
    } else if (name == "--iterations") {
      valid = number(options.iterations) && options.iterations > 0;
    } else if (name == "--block-size") {
      valid = number(options.block_size) && options.block_size % kUnitWeights == 0 && options.block_size > 0 &&
              options.block_size <= kMaxBlock;
    } else if (name == "--device") {
      valid = number(options.device);
    } else if (name == "--table") {
      options.learned = value == "learned";
      valid = options.learned || value == "arithmetic";
    }
    if (!valid) return false;
  }
  return options.m > 0 && options.n > 0 && options.k > 0;
}

// The operands. The reference reads `codes` and `steps`, the kernels only `tiled`.
struct Problem {
  std::vector<uint8_t> codes;  // [n, pairs]
  std::vector<float> steps;    // [n, blocks]
  std::vector<int8_t> table;   // [128, 2]
  std::vector<int8_t> a;       // [m, k]
  std::vector<float> scales;   // [m]
  std::vector<uint8_t> tiled;
  size_t pairs = 0, blocks = 0;
};

Problem random_problem(const Options& options) {
  std::mt19937 random(35);
  const auto below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
  Problem problem;
  problem.pairs = (options.k + 1) / 2;
  problem.blocks = (options.k + options.block_size - 1) / options.block_size;
  problem.codes.resize(options.n * problem.pairs);
  problem.steps.resize(options.n * problem.blocks);
  problem.a.resize(size_t{options.m} * options.k);
  problem.scales.resize(options.m);
  for (auto& code : problem.codes) code = static_cast<uint8_t>(below(128));
  for (auto& value : problem.a) value = static_cast<int8_t>(below(256));
  for (auto& scale : problem.scales) scale = static_cast<float>(below(1000) + 1) / 1000;
  for (int code = 0; code < 128; ++code) {
    const int hi = code / 8 - (code >= 64 ? 16 : 0), lo = code % 8 - (code % 8 >= 4 ? 8 : 0);
    problem.table.push_back(static_cast<int8_t>(options.learned ? below(256) : static_cast<unsigned>(hi)));
    problem.table.push_back(static_cast<int8_t>(options.learned ? below(256) : static_cast<unsigned>(2 * lo)));
  }
  // The layout as its description says it (kernels.hpp), code by code; steps are fp16 numbers from 2^-10 to 2^5.
  const Weights shape{nullptr, options.n, options.k, options.block_size};
  const size_t unit_pairs = kUnitWeights / 2, block_bytes = kStepBytes + size_t{shape.units_of_block()} * kUnitBytes;
  problem.tiled.assign(shape.tiles() * problem.blocks * block_bytes, 0);
  for (size_t row = 0; row < options.n; ++row) {
    uint8_t* const tile = problem.tiled.data() + row / kTileRows * problem.blocks * block_bytes;
    for (size_t block = 0; block < problem.blocks; ++block) {
      const unsigned sign = below(2), exponent = 5 + below(16), mantissa = below(1024);
      const unsigned bits = sign << 15 | exponent << 10 | mantissa;
      problem.steps[row * problem.blocks + block] = std::ldexp(
          sign != 0 ? -1.0f - static_cast<float>(mantissa) / 1024 : 1.0f + static_cast<float>(mantissa) / 1024,
          static_cast<int>(exponent) - 15);
      tile[block * block_bytes + 2 * (row % kTileRows)] = static_cast<uint8_t>(bits & 255);
      tile[block * block_bytes + 2 * (row % kTileRows) + 1] = static_cast<uint8_t>(bits >> 8);
    }
    for (size_t pair = 0; pair < problem.pairs; ++pair) {
      const size_t unit = pair / unit_pairs, block = unit / shape.units_of_block();
      uint8_t* const bytes = tile + block * block_bytes + kStepBytes + unit % shape.units_of_block() * kUnitBytes;
      const size_t vector = pair % unit_pairs / 4 * 2 + row % kTileRows / 16, lane = 4 * (row % 16) + pair % 4;
      const unsigned stored = problem.codes[row * problem.pairs + pair] ^ 0x44u;
      for (size_t bit = 0; bit < 7; ++bit) {
        const unsigned value = stored >> bit & 1;
        const size_t place = vector < 7 ? kVectorBytes * vector + lane : kVectorBytes * bit + lane;
        bytes[place] = static_cast<uint8_t>(bytes[place] | (vector < 7 ? value << bit : value << 7));
      }
    }
  }
  return problem;
}

// One output, in the declared order.
float expected(const Options& options, const Problem& problem, size_t row, size_t col) {
  float sum = 0;
  for (size_t block = 0; block < problem.blocks; ++block) {
    int dot = 0;
    const size_t end = std::min<size_t>(options.k, (block + 1) * options.block_size);
    for (size_t k = block * options.block_size; k < end; ++k) {
      const int code = problem.codes[col * problem.pairs + k / 2];
      dot += problem.a[row * options.k + k] * problem.table[static_cast<size_t>(2 * code) + k % 2];
    }
    const float product = problem.steps[col * problem.blocks + block] * static_cast<float>(dot);
    sum = sum + product;
  }
  return sum * problem.scales[row];
}

#if defined(Q35_RUNTIME)

std::string select_device(int device) {
  check(Q35_RUNTIME(SetDevice)(device));
#if defined(__CUDACC__)
  cudaDeviceProp properties;
#else
  hipDeviceProp_t properties;
#endif
  check(Q35_RUNTIME(GetDeviceProperties)(&properties, device));
  return properties.name;
}

template <class Call>
double milliseconds(Call call) {
  Q35_RUNTIME(Event_t) start, stop;
  check(Q35_RUNTIME(EventCreate)(&start));
  check(Q35_RUNTIME(EventCreate)(&stop));
  check(Q35_RUNTIME(EventRecord)(start));
  call();
  check(Q35_RUNTIME(EventRecord)(stop));
  check(Q35_RUNTIME(EventSynchronize)(stop));
  float time = 0;
  check(Q35_RUNTIME(EventElapsedTime)(&time, start, stop));
  check(Q35_RUNTIME(EventDestroy)(start));
  check(Q35_RUNTIME(EventDestroy)(stop));
  return time;
}

#else

std::string select_device(int device) {
  if (device != 0) throw std::runtime_error("the shim has the device 0 alone");
  return "the host's SIMT shim: this ran on a CPU, and its times are no GPU's";
}

template <class Call>
double milliseconds(Call call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

#endif

int run(const Options& options) {
  std::printf("device: %s\n", select_device(options.device).c_str());
  std::printf("matrix size: %u x %u x %u (M x N x K), blocks of %u, %s table\n", options.m, options.n, options.k,
              options.block_size, options.learned ? "learned" : "arithmetic");
  const Problem problem = random_problem(options);
  std::vector<float> y(size_t{options.m} * options.n, std::nanf(""));
  const auto tiled = input(problem.tiled.data(), problem.tiled.size());
  const auto table = input(problem.table.data(), problem.table.size());
  const auto a = input(problem.a.data(), problem.a.size());
  const auto scales = input(problem.scales.data(), problem.scales.size());
  DeviceArray<float> out(y.data(), y.size());
  const Weights weights{tiled.data(), options.n, options.k, options.block_size};
  const unsigned lo_scale = lo_scale_of(problem.table.data());
  std::vector<double> times;
  for (unsigned i = 0; i <= options.iterations; ++i) {  // the first one warms up
    times.push_back(milliseconds(
        [&] { launch_linear(weights, lo_scale, table.data(), a.data(), scales.data(), options.m, out.data()); }));
  }
  out.fetch();
  times.erase(times.begin());
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  const double seconds = times[times.size() / 2] / 1000;
  const double operations = 2.0 * options.m * options.n * options.k;
  const size_t bytes = problem.tiled.size() + problem.a.size() + 4 * (problem.scales.size() + y.size());
  std::printf("time: %.4f ms (median of %u)\n", 1000 * seconds, options.iterations);
  std::printf("TFLOP/s: %.4f\n", operations / seconds / 1e12);
  std::printf("GB/s: %.2f\n", static_cast<double>(bytes) / seconds / 1e9);

  // All outputs, or as many as take some seconds here, evenly spread.
  const size_t affordable = std::max<size_t>(1, (size_t{1} << 30) / options.k);
  const size_t stride = (y.size() + affordable - 1) / affordable;
  size_t compared = 0, different = 0;
  double largest_error = 0;
  for (size_t i = 0; i < y.size(); i += stride, ++compared) {
    const float want = expected(options, problem, i / options.n, i % options.n);
    if (std::memcmp(&want, &y[i], sizeof(want)) == 0) continue;
    ++different;
    const double error = std::fabs(static_cast<double>(want) - static_cast<double>(y[i]));
    largest_error = std::isnan(error) ? error : std::max(largest_error, error);
  }
  std::printf("error: %g (largest absolute one), %zu of %zu compared outputs differ in a bit\n", largest_error,
              different, compared);
  return different == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) return usage();
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "benchmark: %s\n", error.what());
    return 1;
  }
}
