// The AMX products on imitated tile registers, so that they are tested where the processor has none: all but the
// instructions themselves. Compiled for AVX-512, and entered only where that is there.
#include "amx_tests.hpp"

#if defined(__x86_64__)

#include <cstring>

#include "amx_product.hpp"
#include "avx512_product.hpp"

namespace q35::test {
namespace {

struct ImitatedTiles {
  static inline thread_local TileSizes sizes{};
  static inline thread_local std::uint8_t content[kTileRegisters][kTileHeight][kVectorBytes];

  static void configure(const TileSizes& wanted) {
    sizes = wanted;
    std::memset(content, 0, sizeof content);
  }
  template <int kRegister>
  static void zero() {
    std::memset(content[kRegister], 0, sizeof content[kRegister]);
  }
  // What lies outside the configured size is zero.
  template <int kRegister>
  static void load(const void* first, std::size_t stride) {
    zero<kRegister>();
    for (std::size_t r = 0; r < sizes.height[kRegister]; ++r) {
      std::memcpy(content[kRegister][r], static_cast<const std::uint8_t*>(first) + r * stride, sizes.bytes[kRegister]);
    }
  }
  template <int kRegister>
  static void store(void* first, std::size_t stride) {
    for (std::size_t r = 0; r < sizes.height[kRegister]; ++r) {
      std::memcpy(static_cast<std::uint8_t*>(first) + r * stride, content[kRegister][r], sizes.bytes[kRegister]);
    }
  }
  // sums[r][c] += sum over k, i of signed[r][4 k + i] * unsigned[k][4 c + i].
  template <int kSums, int kSigned, int kUnsigned>
  static void multiply() {
    for (std::size_t r = 0; r < sizes.height[kSums]; ++r) {
      for (std::size_t c = 0; c < sizes.bytes[kSums] / 4u; ++c) {
        std::int32_t sum;
        std::memcpy(&sum, content[kSums][r] + 4 * c, sizeof sum);
        for (std::size_t k = 0; k < sizes.bytes[kSigned] / 4u; ++k) {
          for (std::size_t i = 0; i < 4; ++i) {
            sum += static_cast<std::int8_t>(content[kSigned][r][4 * k + i]) * content[kUnsigned][k][4 * c + i];
          }
        }
        std::memcpy(content[kSums][r] + 4 * c, &sum, sizeof sum);
      }
    }
  }
  static void release() { sizes = {}; }
};

}  // namespace

void multiply_tile_imitated(const TileProduct& product) {
  if (!fits_tiles(product)) return avx512_multiply_tile(product);
  multiply_tile_in<ImitatedTiles>(product);
}

}  // namespace q35::test

#else

namespace q35::test {
void multiply_tile_imitated(const TileProduct&) {}
}  // namespace q35::test

#endif
