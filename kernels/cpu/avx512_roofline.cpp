// Loops of AVX-512 instructions that touch registers alone. Compiled for more than the baseline, see avx512.cpp.
#include "roofline.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

namespace q35 {
namespace {

// Enough accumulators to hide the latency of two instructions a cycle.
constexpr int kChains = 12;

void run_fp32(std::size_t iterations) {
  const __m512 factor = _mm512_set1_ps(0.5f);
  __m512 chains[kChains];
  for (__m512& chain : chains) chain = _mm512_set1_ps(1.0f);
  for (std::size_t i = 0; i < iterations; ++i) {
    for (__m512& chain : chains) {
      chain = _mm512_fmadd_ps(chain, factor, factor);
      asm volatile("" : "+v"(chain));
    }
  }
}

void run_vnni(std::size_t iterations) {
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i chains[kChains];
  for (__m512i& chain : chains) chain = _mm512_setzero_si512();
  for (std::size_t i = 0; i < iterations; ++i) {
    for (__m512i& chain : chains) {
      chain = _mm512_dpbusd_epi32(chain, ones, ones);
      asm volatile("" : "+v"(chain));
    }
  }
}

}  // namespace

PeakLoop avx512_fp32_loop() {
  const bool here = __builtin_cpu_supports("avx512f") != 0;
  return here ? PeakLoop{run_fp32, 2.0 * 16 * kChains} : PeakLoop{};
}

PeakLoop avx512_vnni_loop() {
  const bool here = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vnni") != 0;
  return here ? PeakLoop{run_vnni, 2.0 * 64 * kChains} : PeakLoop{};
}

}  // namespace q35

#else

namespace q35 {
PeakLoop avx512_fp32_loop() { return {}; }
PeakLoop avx512_vnni_loop() { return {}; }
}  // namespace q35

#endif
