// A loop of AMX int8 products on tile registers alone. Compiled for more than the baseline, see avx512.cpp.
#include "roofline.hpp"

#if defined(__x86_64__) && defined(__linux__) && defined(__AMX_INT8__)

#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace q35 {
namespace {

constexpr int kTiles = 8, kTileRows = 16, kRowBytes = 64, kAccumulators = 4;

struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};

void run_int8(std::size_t iterations) {
  TileConfig config;
  for (int tile = 0; tile < kTiles; ++tile) {
    config.row_bytes[tile] = kRowBytes;
    config.rows[tile] = kTileRows;
  }
  // GCC 12 takes only the first 8 bytes for an input of the next instruction and drops the stores to the others.
  asm volatile("" : : "r"(&config) : "memory");
  _tile_loadconfig(&config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  for (std::size_t i = 0; i < iterations; ++i) {
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  }
  _tile_release();
}

// Linux lets a process use the tiles only after it asked for them.
bool tiles_granted() {
  constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

}  // namespace

PeakLoop amx_int8_loop() {
  static const bool here =
      __builtin_cpu_supports("amx-tile") != 0 && __builtin_cpu_supports("amx-int8") != 0 && tiles_granted();
  return here ? PeakLoop{run_int8, 2.0 * kTileRows * kTileRows * kRowBytes * kAccumulators} : PeakLoop{};
}

}  // namespace q35

#else

namespace q35 {
PeakLoop amx_int8_loop() { return {}; }
}  // namespace q35

#endif
