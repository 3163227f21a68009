// The instruction set "amx": all of AVX-512, with products of many rows on the AMX tile registers.
#include "kernels.hpp"

#if defined(__x86_64__) && defined(__linux__)

#include <sys/syscall.h>
#include <unistd.h>

#include "amx_product.hpp"
#include "avx512_product.hpp"

namespace q35 {
namespace {

// Below this many rows of activations most of a tile register would be empty.
constexpr std::size_t kFewestRows = 9;

// Written out: GCC 12's intrinsics take no register number from a template, and let `ldtilecfg` read 8 bytes only.
struct ProcessorTiles {
  // The layout that `ldtilecfg` reads: palette 1, then bytes a row and rows of each register.
  struct Configuration {
    std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
    std::uint16_t bytes[16] = {};
    std::uint8_t height[16] = {};
  };
  static_assert(sizeof(Configuration) == 64);

  static void configure(const TileSizes& sizes) {
    Configuration configuration;
    for (int i = 0; i < kTileRegisters; ++i) {
      configuration.bytes[i] = sizes.bytes[i];
      configuration.height[i] = sizes.height[i];
    }
    asm volatile("ldtilecfg %0" : : "m"(configuration));
  }
  template <int kRegister>
  static void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(kRegister));
  }
  template <int kRegister>
  static void load(const void* first, std::size_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(first), "r"(stride), "i"(kRegister) : "memory");
  }
  template <int kSums, int kSigned, int kUnsigned>
  static void multiply() {
    asm volatile("tdpbsud %%tmm%c0, %%tmm%c1, %%tmm%c2" : : "i"(kUnsigned), "i"(kSigned), "i"(kSums));
  }
  template <int kRegister>
  static void store(void* first, std::size_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(first), "r"(stride), "i"(kRegister) : "memory");
  }
  static void release() { asm volatile("tilerelease"); }
};

void multiply_tile(const TileProduct& product) {
  if (product.activations.rows < kFewestRows || !fits_tiles(product)) return avx512_multiply_tile(product);
  multiply_tile_in<ProcessorTiles>(product);
}

// Linux hands the tile registers out on request.
bool granted() {
  constexpr long request_permission = 0x1023, tile_data = 18;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

// GCC 12's __builtin_cpu_supports does not know AMX: leaf 7, EDX bits 24 (tiles) and 25 (int8).
bool processor_has_tiles() {
  unsigned eax = 7, ebx = 0, ecx = 0, edx = 0;
  asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
  return (edx >> 24 & 3) == 3;
}

}  // namespace

const Isa* amx_isa() {
  static const Isa* const isa = []() -> const Isa* {
    if (avx512_isa() == nullptr || !processor_has_tiles() || !granted()) return nullptr;
    static Isa with_tiles = *avx512_isa();
    with_tiles.name = "amx";
    with_tiles.multiply_tile = multiply_tile;
    return &with_tiles;
  }();
  return isa;
}

}  // namespace q35

#else

namespace q35 {
const Isa* amx_isa() { return nullptr; }
}  // namespace q35

#endif
