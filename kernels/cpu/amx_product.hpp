// Products with tiled weights on AMX int8, over a set of tile registers: the processor's own, or the tests' imitation.
//
// For each block the tile's entries are written out as the right-hand operand, four weights of a row side by side, once
// for kChunk rows of activations; the left-hand operand is the activations as they lie. Only the sums of whole blocks
// leave the tile registers, as integers.
#pragma once

#include "avx512_entries.hpp"

namespace q35 {
namespace {

constexpr std::size_t kTileHeight = 16, kChunk = 128, kMaxQuads = 64;

// The numbers of the tile registers: sums and entries of the two halves, activations.
enum TileRegister { kSums0, kSums1, kEntries0, kEntries1, kActivations, kTileRegisters };

struct TileSizes {
  std::uint8_t height[kTileRegisters];
  std::uint16_t bytes[kTileRegisters];
};

template <class Entries, Width kWidth>
void write_entries(const Entries& entries, const std::uint8_t* units, std::size_t count,
                   std::uint8_t (*written)[kMaxQuads][kVectorBytes]) {
  for (std::size_t unit = 0; unit < count; ++unit) {
    const UnitCodes<kWidth> codes(units + unit * UnitCodes<kWidth>::kBytes);
    for (std::size_t v = 0; v < kUnitVectors; ++v) {
      std::uint8_t(*const quads)[kVectorBytes] = written[v % kHalves] + unit * 2 * kQuads + v / kHalves;
      for (std::size_t slot = 0; slot < 2; ++slot) {
        _mm512_store_si512(quads[slot * kQuads], entries.entry(codes.vector(v, slot), slot, 0));
      }
    }
  }
}

// At most kTileHeight rows of activations from `m` on times one block: adds step * float(sum) to the rows of `y`.
template <class Tiles, class Entries>
void multiply_block(const TileProduct& product, const std::uint8_t (*written)[kMaxQuads][kVectorBytes],
                    const __m512* steps, std::size_t block, std::size_t m, std::size_t height,
                    float (*y)[kTileRows]) {
  const std::size_t block_size = product.units_of_block * kUnitWeights, stride = product.activations.stride;
  const std::size_t quads = block_size / 4, high = quads < kTileHeight ? quads : kTileHeight;
  const std::int8_t* const a = product.activations.values + m * stride + block * block_size;
  Tiles::template zero<kSums0>();
  Tiles::template zero<kSums1>();
  for (std::size_t quad = 0; quad < quads; quad += high) {
    Tiles::template load<kActivations>(a + 4 * quad, stride);
    Tiles::template load<kEntries0>(written[0] + quad, kVectorBytes);
    Tiles::template load<kEntries1>(written[1] + quad, kVectorBytes);
    Tiles::template multiply<kSums0, kActivations, kEntries0>();
    Tiles::template multiply<kSums1, kActivations, kEntries1>();
  }
  alignas(64) std::int32_t sums[kHalves][kTileHeight][16];
  Tiles::template store<kSums0>(sums[0], kVectorBytes);
  Tiles::template store<kSums1>(sums[1], kVectorBytes);
  for (std::size_t r = 0; r < height; ++r) {
    const std::int32_t of_activations = product.activations.sums[(m + r) * product.blocks + block];
    const __m512i offset = _mm512_set1_epi32(Entries::kScale * Entries::kOffset * of_activations);
    for (std::size_t half = 0; half < kHalves; ++half) {
      const __m512i dot = _mm512_sub_epi32(_mm512_load_si512(sums[half][r]), offset);
      const __m512 term = _mm512_mul_ps(steps[half], _mm512_cvtepi32_ps(dot));
      _mm512_store_ps(y[r] + 16 * half, _mm512_add_ps(_mm512_load_ps(y[r] + 16 * half), term));
    }
  }
}

template <class Tiles>
void configure(std::size_t height, std::size_t high) {
  const auto rows = static_cast<std::uint8_t>(height), entries = static_cast<std::uint8_t>(high);
  TileSizes sizes{};
  sizes.height[kSums0] = sizes.height[kSums1] = sizes.height[kActivations] = rows;
  sizes.height[kEntries0] = sizes.height[kEntries1] = entries;
  for (std::uint16_t& bytes : sizes.bytes) bytes = kVectorBytes;
  sizes.bytes[kActivations] = static_cast<std::uint16_t>(4 * high);
  Tiles::configure(sizes);
}

template <class Tiles, class Entries, Width kWidth>
void multiply_in_tiles(const TileProduct& product) {
  const Entries entries(*product.table);
  const std::size_t rows = product.activations.rows, units = product.units_of_block;
  const std::size_t quads = units * kUnitWeights / 4, high = quads < kTileHeight ? quads : kTileHeight;
  alignas(64) std::uint8_t written[kHalves][kMaxQuads][kVectorBytes];
  alignas(64) float y[kChunk][kTileRows];
  for (std::size_t first = 0; first < rows; first += kChunk) {
    const std::size_t chunk = rows - first < kChunk ? rows - first : kChunk;
    for (std::size_t r = 0; r < chunk; ++r) {
      for (std::size_t half = 0; half < kHalves; ++half) _mm512_store_ps(y[r] + 16 * half, _mm512_setzero_ps());
    }
    const std::uint8_t* p = product.tile;
    for (std::size_t block = 0; block < product.blocks; ++block) {
      const int unit_exponent = product.table->unit_exponent;
      const __m512 steps[] = {steps_over<kWidth>(p, 0, Entries::kScale, unit_exponent),
                              steps_over<kWidth>(p, 16, Entries::kScale, unit_exponent)};
      write_entries<Entries, kWidth>(entries, p + step_bytes(kWidth), units, written);
      p += step_bytes(kWidth) + units * UnitCodes<kWidth>::kBytes;
      std::size_t configured = 0;
      for (std::size_t r = 0; r < chunk; r += kTileHeight) {
        const std::size_t height = chunk - r < kTileHeight ? chunk - r : kTileHeight;
        // Other code on this thread may change the tiles' sizes, and the last rows need smaller ones.
        if (height != configured) configure<Tiles>(configured = height, high);
        multiply_block<Tiles, Entries>(product, written, steps, block, first + r, height, y + r);
      }
    }
    for (std::size_t r = 0; r < chunk; ++r) {
      const __m512 scale = _mm512_set1_ps(product.activations.scales[first + r]);
      for (std::size_t half = 0; half < kHalves; ++half) {
        _mm512_mask_storeu_ps(product.y + (first + r) * product.stride + 16 * half,
                              outputs_from(16 * half, product.outputs),
                              _mm512_mul_ps(_mm512_load_ps(y[r] + 16 * half), scale));
      }
    }
  }
  Tiles::release();
}

// Whether multiply_tile_in has the format: elements of two parts would need twice the registers.
bool fits_tiles(const TileProduct& product) { return product.width != Width::fp6 || !product.table->split; }

template <class Tiles>
void multiply_tile_in(const TileProduct& product) {
  const bool arithmetic = product.table->arithmetic;
  switch (product.width) {
    case Width::stream:
      return (arithmetic ? multiply_in_tiles<Tiles, Arithmetic, Width::stream>
                         : multiply_in_tiles<Tiles, LookUp, Width::stream>)(product);
    case Width::byte:
      return (arithmetic ? multiply_in_tiles<Tiles, Arithmetic, Width::byte>
                         : multiply_in_tiles<Tiles, LookUp, Width::byte>)(product);
    case Width::fp4: return multiply_in_tiles<Tiles, LookUp4, Width::fp4>(product);
    case Width::fp6: return multiply_in_tiles<Tiles, LookUp6<1>, Width::fp6>(product);
  }
}

}  // namespace
}  // namespace q35
