// The tiled layout and the loops of the products with it, shared by every instruction set.
#include "tiled.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels.hpp"

namespace q35 {
namespace {

constexpr std::size_t kUnitPairs = kUnitWeights / 2;

// A place in a unit: which of its 8 vectors, which of its 64 lanes.
struct Place {
  std::size_t vector;
  std::size_t lane;
};

constexpr Place place_of(std::size_t row, std::size_t pair) {
  return {2 * (pair / 4) + row / 16, 4 * (row % 16) + pair % 4};
}

// The unit's bytes are zero before its first code is written.
void write_code(std::uint8_t* unit, Place place, Width width, std::uint8_t code) {
  constexpr std::size_t last = kUnitVectors - 1;
  if (place.vector < last || width == Width::byte) {
    unit[kVectorBytes * place.vector + place.lane] |= code;
    return;
  }
  for (std::size_t v = 0; v < last; ++v) {
    unit[kVectorBytes * v + place.lane] |= static_cast<std::uint8_t>((code >> v & 1) << 7);
  }
}

// Calls visit(row, pair of the matrix, unit's offset in the tiled bytes, place) for every code that the layout holds.
template <class Visit>
void for_each_code(const TiledShape& shape, Visit visit) {
  for (std::size_t row = 0; row < shape.tiles() * kTileRows; ++row) {
    for (std::size_t unit = 0; unit < shape.padded_cols() / kUnitWeights; ++unit) {
      const std::size_t block = unit / shape.units_of_block();
      const std::size_t offset = row / kTileRows * shape.tile_bytes() + block * shape.block_bytes() + kStepBytes +
                                 unit % shape.units_of_block() * shape.unit_bytes();
      for (std::size_t pair = 0; pair < kUnitPairs; ++pair) {
        visit(row, unit * kUnitPairs + pair, offset, place_of(row % kTileRows, pair));
      }
    }
  }
}

std::size_t step_offset(const TiledShape& shape, std::size_t row, std::size_t block) {
  return row / kTileRows * shape.tile_bytes() + block * shape.block_bytes() + 2 * (row % kTileRows);
}

StoredTable stored_table(const Table& table) {
  StoredTable stored{};
  stored.arithmetic = true;
  for (std::size_t index = 0; index < kCodes; ++index) {
    const std::size_t code = index ^ kStoredOffset;
    stored.first[index] = static_cast<std::uint8_t>(table.first[code] + kEntryOffset);
    stored.second[index] = static_cast<std::uint8_t>(table.second[code] + kEntryOffset);
    const int hi = static_cast<int>(index >> kLoBits) + kHiLow, lo = static_cast<int>(index & 7) + kLoLow;
    stored.arithmetic = stored.arithmetic && table.first[code] == hi && table.second[code] == 2 * lo;
  }
  return stored;
}

// The owner of what Activations points to. Rows lie a cache line further apart than they are long: at a distance of a
// power of two they would share their places in the cache.
struct ActivationBuffer {
  static constexpr std::size_t kGap = 64;
  std::size_t rows, stride, blocks;
  std::vector<std::int8_t> values;
  std::vector<std::int32_t> sums;
  std::vector<float> scales;

  ActivationBuffer(const TiledShape& shape, std::size_t m)
      : rows(m),
        stride(shape.padded_cols() + kGap),
        blocks(shape.blocks()),
        values(m * stride),
        sums(m * shape.blocks()),
        scales(m) {}

  Activations view() const { return {rows, values.data(), stride, sums.data(), scales.data()}; }
};

// A row's values from natural order to that of the units.
void arrange(const Isa& isa, const TiledShape& shape, const std::int8_t* row, std::size_t m, ActivationBuffer& buffer) {
  isa.arrange_activations(row, shape.cols, shape.block_size, buffer.values.data() + m * buffer.stride,
                          buffer.sums.data() + m * buffer.blocks);
}

float quantize_row(const Isa& isa, const float* x, std::size_t cols, std::int8_t* a) {
  if (isa.first_not_finite(x, cols) != cols) {
    std::fill_n(a, cols, std::int8_t{0});
    return std::numeric_limits<float>::quiet_NaN();
  }
  const float scale = isa.max_abs(x, cols) / 127.0f;
  if (scale == 0) {
    std::fill_n(a, cols, std::int8_t{0});
  } else {
    isa.quantize_int8(x, cols, scale, a);
  }
  return scale;
}

void multiply(const Isa& isa, const TiledShape& shape, const Table& table, const std::uint8_t* tiled,
              const Activations& activations, float* y, [[maybe_unused]] int threads) {
  const StoredTable stored = stored_table(table);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
  for (std::size_t tile = 0; tile < shape.tiles(); ++tile) {
    const std::size_t first = tile * kTileRows;
    isa.multiply_tile({&stored, tiled + tile * shape.tile_bytes(), shape.blocks(), shape.units_of_block(), shape.width,
                       activations, y + first, shape.rows, std::min(kTileRows, shape.rows - first)});
  }
}

}  // namespace

void tile_weights(const TiledShape& shape, const std::uint8_t* codes, const std::uint16_t* steps, std::uint8_t* tiled) {
  const std::size_t pairs = pairs_of(shape.cols), blocks = shape.blocks();
  std::memset(tiled, 0, shape.bytes());
  for_each_code(shape, [&](std::size_t row, std::size_t pair, std::size_t unit, Place place) {
    const std::uint8_t code = row < shape.rows && pair < pairs ? codes[row * pairs + pair] : std::uint8_t{0};
    write_code(tiled + unit, place, shape.width, code ^ kStoredOffset);
  });
  for (std::size_t row = 0; row < shape.rows; ++row) {
    for (std::size_t block = 0; block < blocks; ++block) {
      std::memcpy(tiled + step_offset(shape, row, block), steps + row * blocks + block, sizeof(std::uint16_t));
    }
  }
}

void untile_weights(const TiledShape& shape, const std::uint8_t* tiled, std::uint8_t* codes, std::uint16_t* steps) {
  const std::size_t pairs = pairs_of(shape.cols), blocks = shape.blocks();
  for_each_code(shape, [&](std::size_t row, std::size_t pair, std::size_t unit, Place place) {
    if (row < shape.rows && pair < pairs) {
      codes[row * pairs + pair] = stored_code(tiled + unit, place.vector, place.lane, shape.width) ^ kStoredOffset;
    }
  });
  for (std::size_t row = 0; row < shape.rows; ++row) {
    for (std::size_t block = 0; block < blocks; ++block) {
      std::memcpy(steps + row * blocks + block, tiled + step_offset(shape, row, block), sizeof(std::uint16_t));
    }
  }
}

void quantize_activations(const Isa& isa, const float* x, std::size_t m, std::size_t cols, std::int8_t* a,
                          float* scales, [[maybe_unused]] int threads) {
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1 && m > 1)
  for (std::size_t row = 0; row < m; ++row) {
    scales[row] = quantize_row(isa, x + row * cols, cols, a + row * cols);
  }
}

void linear_int8(const Isa& isa, const TiledShape& shape, const Table& table, const std::uint8_t* tiled,
                 const std::int8_t* a, const float* scales, std::size_t m, float* y, int threads) {
  ActivationBuffer buffer(shape, m);
  std::copy_n(scales, m, buffer.scales.begin());
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1 && m > 1)
  for (std::size_t row = 0; row < m; ++row) arrange(isa, shape, a + row * shape.cols, row, buffer);
  multiply(isa, shape, table, tiled, buffer.view(), y, threads);
}

void linear(const Isa& isa, const TiledShape& shape, const Table& table, const std::uint8_t* tiled, const float* x,
            std::size_t m, float* y, int threads) {
  ActivationBuffer buffer(shape, m);
#pragma omp parallel num_threads(threads) if (threads > 1 && m > 1)
  {
    std::vector<std::int8_t> a(shape.cols);
#pragma omp for schedule(static)
    for (std::size_t row = 0; row < m; ++row) {
      buffer.scales[row] = quantize_row(isa, x + row * shape.cols, shape.cols, a.data());
      arrange(isa, shape, a.data(), row, buffer);
    }
  }
  multiply(isa, shape, table, tiled, buffer.view(), y, threads);
}

}  // namespace q35
