// What differs between the three ways to compile the kernels: for NVIDIA (nvcc), for AMD (hipcc, or any clang without
// headers) and for the host, where `simt.hpp` runs the threads of a block as fibers.
#pragma once

#include <stdint.h>

#if defined(__CUDACC__)
#include <cuda_fp16.h>
// A kernel that is started with so many threads a block.
#define Q35_KERNEL(threads) __global__ __launch_bounds__(threads)
#define Q35_FUNCTION __host__ __device__ inline
#define Q35_DEVICE __device__ inline
#define Q35_SHARED __shared__
#elif defined(__HIP__)
// No header of HIP is needed here: what the kernels ask for are attributes and builtins of the compiler.
#define Q35_KERNEL(threads) __attribute__((global, amdgpu_flat_work_group_size(threads, threads)))
#define Q35_FUNCTION __attribute__((host)) __attribute__((device)) inline
#define Q35_DEVICE __attribute__((device)) inline
#define Q35_SHARED __attribute__((shared))
#else
#include "simt.hpp"
#define Q35_KERNEL(threads) inline
#define Q35_FUNCTION inline
#define Q35_DEVICE inline
#define Q35_SHARED static thread_local
#endif

namespace q35::gpu {

Q35_FUNCTION float float_of_bits(uint32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, sizeof(value));
  return value;
}

Q35_FUNCTION uint32_t bits_of_float(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof(bits));
  return bits;
}

#if defined(__CUDACC__)

template <class T, unsigned kCount>
using SharedArray = T[kCount];
using Half = __half;

Q35_DEVICE unsigned thread_index() { return threadIdx.x; }
Q35_DEVICE unsigned block_x() { return blockIdx.x; }
Q35_DEVICE unsigned block_y() { return blockIdx.y; }
Q35_DEVICE void barrier() { __syncthreads(); }
Q35_DEVICE int32_t dot4(uint32_t a, uint32_t b, int32_t sum) {
  return __dp4a(static_cast<int>(a), static_cast<int>(b), sum);
}
template <uint32_t kSelector>
Q35_DEVICE uint32_t permute(uint32_t low, uint32_t high) {
  return __byte_perm(low, high, kSelector);
}
Q35_DEVICE float multiply(float a, float b) { return __fmul_rn(a, b); }
Q35_DEVICE float add(float a, float b) { return __fadd_rn(a, b); }
Q35_DEVICE Half half_of_bits(uint16_t bits) { return __ushort_as_half(bits); }
Q35_DEVICE Half multiply(Half a, Half b) { return __hmul_rn(a, b); }
Q35_DEVICE Half subtract(Half a, Half b) { return __hsub_rn(a, b); }
Q35_DEVICE void atomic_min(uint64_t* to, uint64_t value) {
  atomicMin(reinterpret_cast<unsigned long long*>(to), static_cast<unsigned long long>(value));
}

#elif defined(__HIP__)

template <class T, unsigned kCount>
using SharedArray = T[kCount];
using Half = _Float16;

Q35_DEVICE unsigned thread_index() { return __builtin_amdgcn_workitem_id_x(); }
Q35_DEVICE unsigned block_x() { return __builtin_amdgcn_workgroup_id_x(); }
Q35_DEVICE unsigned block_y() { return __builtin_amdgcn_workgroup_id_y(); }
Q35_DEVICE void barrier() {
  __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
  __builtin_amdgcn_s_barrier();
  __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
}
Q35_DEVICE int32_t dot4(uint32_t a, uint32_t b, int32_t sum) {
  return __builtin_amdgcn_sdot4(static_cast<int>(a), static_cast<int>(b), sum, false);
}
template <uint32_t kSelector>
Q35_DEVICE uint32_t permute(uint32_t low, uint32_t high) {
  constexpr uint32_t bytes = (kSelector & 7) | (kSelector & 0x70) << 4 | (kSelector & 0x700) << 8 |
                             (kSelector & 0x7000) << 12;  // a byte where kSelector has a nibble
  return __builtin_amdgcn_perm(high, low, bytes);
}
// An operation without the flag "contract" is never fused with another one, whatever the compiler's options are.
Q35_DEVICE float multiply(float a, float b) {
#pragma clang fp contract(off)
  return a * b;
}
Q35_DEVICE float add(float a, float b) {
#pragma clang fp contract(off)
  return a + b;
}
Q35_DEVICE Half half_of_bits(uint16_t bits) { return __builtin_bit_cast(Half, bits); }
Q35_DEVICE Half multiply(Half a, Half b) {
#pragma clang fp contract(off)
  return a * b;
}
Q35_DEVICE Half subtract(Half a, Half b) {
#pragma clang fp contract(off)
  return a - b;
}
Q35_DEVICE void atomic_min(uint64_t* to, uint64_t value) {
  __hip_atomic_fetch_min(to, value, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);
}

#endif

}  // namespace q35::gpu
