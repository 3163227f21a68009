// How programs start the kernels: memory of the device, launches, and the choice of a kernel for a product.
#pragma once

#if defined(__HIP__)
#include <hip/hip_runtime_api.h>
#endif

#include <stdexcept>
#include <string>
#include <tuple>

#include "kernels.hpp"

namespace q35::gpu {

#if defined(__CUDACC__)
#define Q35_RUNTIME(name) cuda##name
inline constexpr const char* kPlatform = "cuda";
#elif defined(__HIP__)
#define Q35_RUNTIME(name) hip##name
inline constexpr const char* kPlatform = "hip";
#else
inline constexpr const char* kPlatform = "simt";
#endif

#if defined(Q35_RUNTIME)

inline void check(Q35_RUNTIME(Error_t) status) {
  if (status != Q35_RUNTIME(Success)) throw std::runtime_error(Q35_RUNTIME(GetErrorString)(status));
}

// An array in the device's memory, filled from the host's.
template <class T>
class DeviceArray {
 public:
  DeviceArray(T* host, size_t count) : host_(host), bytes_(count * sizeof(T)) {
    check(Q35_RUNTIME(Malloc)(&memory_, bytes_));
    check(Q35_RUNTIME(Memcpy)(memory_, host, bytes_, Q35_RUNTIME(MemcpyHostToDevice)));
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { static_cast<void>(Q35_RUNTIME(Free)(memory_)); }

  T* data() const { return static_cast<T*>(memory_); }
  // Waits for the kernels and copies back what they wrote.
  void fetch() { check(Q35_RUNTIME(Memcpy)(host_, memory_, bytes_, Q35_RUNTIME(MemcpyDeviceToHost))); }

 private:
  T* host_;
  size_t bytes_;
  void* memory_ = nullptr;
};

#else

// The host's own memory: there is nothing to copy.
template <class T>
class DeviceArray {
 public:
  DeviceArray(T* host, size_t) : host_(host) {}
  T* data() const { return host_; }
  void fetch() {}

 private:
  T* host_;
};

#endif

// An array that kernels only read; of the constant memory a DeviceArray copies from.
template <class T>
DeviceArray<T> input(const T* host, size_t count) {
  return DeviceArray<T>(const_cast<T*>(host), count);
}

struct Grid {
  uint64_t x;
  uint64_t y = 1;
};

// Starts `kernel` as grid.x * grid.y blocks of threads. On the host it has run when this returns, and raises Misuse.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), Grid grid, unsigned threads, Arguments... arguments) {
  if (grid.x >= 0x80000000u || grid.y >= 0x10000u) throw std::runtime_error("the array is too large for one launch");
  const unsigned x = static_cast<unsigned>(grid.x), y = static_cast<unsigned>(grid.y);
#if defined(Q35_RUNTIME)
  std::tuple<Parameters...> values(arguments...);
  std::apply(
      [&](auto&... value) {
        void* addresses[] = {&value...};
        const auto function = reinterpret_cast<const void*>(kernel);
        check(Q35_RUNTIME(LaunchKernel)(function, dim3(x, y), dim3(threads), addresses, 0, nullptr));
      },
      values);
#else
  machine.run(x, y, threads, [=] { kernel(arguments...); });
#endif
}

inline uint64_t groups(uint64_t count, uint64_t size) { return (count + size - 1) / size; }

// The scale of the lo slot where the table is (hi, lo) or (hi, 2 lo), else kLookup.
inline unsigned lo_scale_of(const int8_t* table) {
  for (int scale : {1, 2}) {
    bool arithmetic = true;
    for (uint32_t code = 0; code < kCodes; ++code) {
      arithmetic = arithmetic && table[2 * code] == decode_hi(code) && table[2 * code + 1] == scale * decode_lo(code);
    }
    if (arithmetic) return static_cast<unsigned>(scale);
  }
  return kLookup;
}

// y float32 [m, rows] = a int8 [m, cols] times the weights, transposed. All pointers are the device's; `lo_scale` is
// that of the table.
inline void launch_linear(Weights weights, unsigned lo_scale, const int8_t* table, const int8_t* a, const float* scales,
                          unsigned m, float* y) {
  if (m == 1) {
    const auto kernel = lo_scale == 1 ? linear_row<1> : lo_scale == 2 ? linear_row<2> : linear_row<kLookup>;
    launch(kernel, {weights.tiles()}, kRowThreads, weights, table, a, scales, y);
  } else {
    const auto kernel = lo_scale == 1 ? linear<1> : lo_scale == 2 ? linear<2> : linear<kLookup>;
    const Grid grid{groups(weights.rows, kLinearCols), groups(m, kLinearRows)};
    launch(kernel, grid, kLinearThreads, weights, table, a, scales, m, y);
  }
}

}  // namespace q35::gpu
