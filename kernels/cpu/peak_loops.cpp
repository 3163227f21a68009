// Loops of AVX-512 and AMX instructions on registers alone. Written out: a compiler would keep the sums in memory.
#include "roofline.hpp"

#if defined(__x86_64__)

#include <cstdint>

// One instruction with each of twelve sums, zmm0 to zmm11: enough to hide the latency of two a cycle. Factors are
// zmm12.
#define Q35_TWELVE(instruction)                                                                                  \
  instruction "0\n\t" instruction "1\n\t" instruction "2\n\t" instruction "3\n\t" instruction "4\n\t" instruction \
              "5\n\t" instruction "6\n\t" instruction "7\n\t" instruction "8\n\t" instruction "9\n\t" instruction \
              "10\n\t" instruction "11\n\t"
#define Q35_LOOP(instruction)                                                                                    \
  asm volatile("vzeroall\n1:\n\t" Q35_TWELVE(instruction) "dec %0\n\tjnz 1b\n\tvzeroupper"                       \
               : "+r"(iterations)                                                                                \
               :                                                                                                 \
               : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
                 "xmm11", "xmm12", "xmm13", "xmm14", "xmm15")

namespace q35 {
namespace {

void run_fp32(std::size_t iterations) { Q35_LOOP("vfmadd231ps %%zmm12, %%zmm12, %%zmm"); }

void run_vnni(std::size_t iterations) { Q35_LOOP("vpdpbusd %%zmm12, %%zmm12, %%zmm"); }

// All eight tile registers: 16 rows of 64 bytes.
struct TileConfiguration {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfiguration) == 64);

// Four sums of products of two times two factors.
void run_amx(std::size_t iterations) {
  const TileConfiguration configuration;
  asm volatile(
      "ldtilecfg %1\n\t"
      "tilezero %%tmm0\n\ttilezero %%tmm1\n\ttilezero %%tmm2\n\ttilezero %%tmm3\n\t"
      "tilezero %%tmm4\n\ttilezero %%tmm5\n\ttilezero %%tmm6\n\ttilezero %%tmm7\n"
      "1:\n\t"
      "tdpbssd %%tmm6, %%tmm4, %%tmm0\n\ttdpbssd %%tmm7, %%tmm4, %%tmm1\n\t"
      "tdpbssd %%tmm6, %%tmm5, %%tmm2\n\ttdpbssd %%tmm7, %%tmm5, %%tmm3\n\t"
      "dec %0\n\tjnz 1b\n\ttilerelease"
      : "+r"(iterations)
      : "m"(configuration)
      : "cc");
}

}  // namespace

PeakLoop fp32_loop() { return {run_fp32, 12 * 2.0 * 16}; }
PeakLoop vnni_loop() { return {run_vnni, 12 * 2.0 * 64}; }
PeakLoop amx_loop() { return {run_amx, 4 * 2.0 * 16 * 16 * 64}; }

}  // namespace q35

#else

namespace q35 {
PeakLoop fp32_loop() { return {}; }
PeakLoop vnni_loop() { return {}; }
PeakLoop amx_loop() { return {}; }
}  // namespace q35

#endif
