// Loops of AVX-512 and AMX instructions that touch registers alone. Compiled for more than the baseline, see avx512.cpp.
#include "roofline.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>

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

// All eight tile registers: 16 rows of 64 bytes.
struct TileConfiguration {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// Written out, as in amx.cpp: four sums from four factors.
void run_amx(std::size_t iterations) {
  const TileConfiguration configuration;
  asm volatile(
      "ldtilecfg %0\n\t"
      "tilezero %%tmm0\n\ttilezero %%tmm1\n\ttilezero %%tmm2\n\ttilezero %%tmm3\n\t"
      "tilezero %%tmm4\n\ttilezero %%tmm5\n\ttilezero %%tmm6\n\ttilezero %%tmm7"
      :
      : "m"(configuration));
  for (std::size_t i = 0; i < iterations; ++i) {
    asm volatile(
        "tdpbssd %tmm6, %tmm4, %tmm0\n\ttdpbssd %tmm7, %tmm4, %tmm1\n\t"
        "tdpbssd %tmm6, %tmm5, %tmm2\n\ttdpbssd %tmm7, %tmm5, %tmm3");
  }
  asm volatile("tilerelease");
}

}  // namespace

PeakLoop fp32_loop() { return {run_fp32, 2.0 * 16 * kChains}; }
PeakLoop vnni_loop() { return {run_vnni, 2.0 * 64 * kChains}; }
PeakLoop amx_loop() { return {run_amx, 2.0 * 16 * 16 * 64 * 4}; }

}  // namespace q35

#else

namespace q35 {
PeakLoop fp32_loop() { return {}; }
PeakLoop vnni_loop() { return {}; }
PeakLoop amx_loop() { return {}; }
}  // namespace q35

#endif
