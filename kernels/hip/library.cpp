// The kernels as functions of C, on arrays of the host; `q35kernels.hip.Library` calls them after it has checked
// shapes. Each returns null, or what went wrong.
#include <cstring>
#include <exception>

#include "launch.hpp"

namespace {

using namespace q35::gpu;

template <class Body>
const char* reported(Body body) {
  static thread_local std::string error;
  try {
    body();
    return nullptr;
  } catch (const std::exception& exception) {
    error = exception.what();
    return error.c_str();
  }
}

size_t bytes_of(const Weights& weights) {
  const uint8_t* const begin = weights.block(0, 0);
  return static_cast<size_t>(weights.block(weights.tiles(), 0) - begin);
}

// The weights with their data on the device.
Weights placed(Weights weights, const DeviceArray<uint8_t>& data) {
  weights.data = data.data();
  return weights;
}

template <class Out>
void run_dequantize(const Weights& weights, const int8_t* table, void* out) {
  const auto data = input(weights.data, bytes_of(weights));
  const auto entries = input(table, 2 * kCodes);
  DeviceArray<Out> values(static_cast<Out*>(out), size_t{weights.rows} * weights.cols);
  const Grid grid{weights.tiles(), groups(weights.cols, kUnitWeights)};
  launch(dequantize<Out>, grid, kDequantizeThreads, placed(weights, data), entries.data(), values.data());
  values.fetch();
}

}  // namespace

extern "C" {

const char* q35_platform() { return kPlatform; }

// *first_bad: the least index of a byte that is no code, or `count`.
const char* q35_decode(const uint8_t* codes, uint64_t count, int8_t* slots, uint64_t* first_bad) {
  return reported([&] {
    *first_bad = count;
    const auto in = input(codes, count);
    DeviceArray<int8_t> out(slots, 2 * count);
    DeviceArray<uint64_t> bad(first_bad, 1);
    launch(decode, {groups(count, kDecodeThreads)}, kDecodeThreads, in.data(), count, out.data(), bad.data());
    out.fetch();
    bad.fetch();
  });
}

const char* q35_decode_mx(const char* element, const uint8_t* elements, const uint8_t* scales, uint64_t count,
                          float* values) {
  return reported([&] {
    const std::string name = element;
    const auto kernel = name == "e2m1"   ? decode_mx<E2M1>
                        : name == "e2m3" ? decode_mx<E2M3>
                        : name == "e3m2" ? decode_mx<E3M2>
                        : name == "e4m3" ? decode_mx<E4M3>
                        : name == "e5m2" ? decode_mx<E5M2>
                                         : nullptr;
    if (kernel == nullptr) throw std::runtime_error("no element format " + name);
    const auto in = input(elements, count), of_blocks = input(scales, groups(count, 32));
    DeviceArray<float> out(values, count);
    launch(kernel, {groups(count, kDecodeThreads)}, kDecodeThreads, in.data(), of_blocks.data(), count, out.data());
    out.fetch();
  });
}

const char* q35_dequantize(const uint8_t* tiled, unsigned rows, unsigned cols, unsigned block_size, const int8_t* table,
                           int half, void* out) {
  return reported([&] {
    const Weights weights{tiled, rows, cols, block_size};
    half != 0 ? run_dequantize<Half>(weights, table, out) : run_dequantize<float>(weights, table, out);
  });
}

const char* q35_linear(const uint8_t* tiled, unsigned rows, unsigned cols, unsigned block_size, const int8_t* table,
                       const int8_t* a, const float* scales, unsigned m, float* y) {
  return reported([&] {
    const Weights weights{tiled, rows, cols, block_size};
    const auto data = input(tiled, bytes_of(weights));
    const auto entries = input(table, 2 * kCodes);
    const auto activations = input(a, size_t{m} * cols);
    const auto of_rows = input(scales, m);
    DeviceArray<float> out(y, size_t{m} * rows);
    launch_linear(placed(weights, data), lo_scale_of(table), entries.data(), activations.data(), of_rows.data(), m,
                  out.data());
    out.fetch();
  });
}

}  // extern "C"
