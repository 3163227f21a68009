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
void write_code(std::uint8_t* unit, Place place, Width width, unsigned code) {
  constexpr std::size_t last = kUnitVectors - 1;
  const auto add = [&](std::size_t vector, unsigned bits) {
    std::uint8_t& byte = unit[kVectorBytes * vector + place.lane];
    byte = static_cast<std::uint8_t>(byte | bits);
  };
  if (width == Width::fp6) {
    const std::size_t stored = 3 * (place.vector / 2);
    add(stored + place.vector % 2 * 2, code & 0x3F);
    if (place.vector % 2 == 0) return add(stored + 1, code >> 6);
    for (std::size_t v = 0; v < 3; ++v) add(stored + v, (code >> (6 + 2 * v) & 3) << 6);
  } else if (place.vector < last || width != Width::stream) {
    add(place.vector, code);
  } else {
    for (std::size_t v = 0; v < last; ++v) add(v, (code >> v & 1) << 7);
  }
}

// Calls visit(row, pair of the matrix, unit's offset in the tiled bytes, place) for every code that the layout holds.
template <class Visit>
void for_each_code(const TiledShape& shape, Visit visit) {
  for (std::size_t row = 0; row < shape.tiles() * kTileRows; ++row) {
    for (std::size_t unit = 0; unit < shape.padded_cols() / kUnitWeights; ++unit) {
      const std::size_t block = unit / shape.units_of_block();
      const std::size_t offset = row / kTileRows * shape.tile_bytes() + block * shape.block_bytes() +
                                 step_bytes(shape.width) + unit % shape.units_of_block() * shape.unit_bytes();
      for (std::size_t pair = 0; pair < kUnitPairs; ++pair) {
        visit(row, unit * kUnitPairs + pair, offset, place_of(row % kTileRows, pair));
      }
    }
  }
}

std::size_t step_offset(const TiledShape& shape, std::size_t row, std::size_t block) {
  return row / kTileRows * shape.tile_bytes() + block * shape.block_bytes() +
         row % kTileRows * (step_bytes(shape.width) / kTileRows);
}

StoredTable stored_table(const Values& values, Width width) {
  StoredTable stored{};
  stored.arithmetic = !is_mx(width);
  stored.unit_exponent = values.unit_exponent;
  for (std::size_t index = 0; index < kCodes; ++index) {
    const std::size_t code = is_mx(width) ? index : index ^ kStoredOffset;
    const int first = values.table.first[code], second = values.table.second[code];
    stored.first[index] = static_cast<std::uint8_t>(first + kEntryOffset);
    stored.second[index] = static_cast<std::uint8_t>(second + kEntryOffset);
    const int hi = static_cast<int>(index >> kLoBits) + kHiLow, lo = static_cast<int>(index & 7) + kLoLow;
    stored.arithmetic = stored.arithmetic && first == hi && second == 2 * lo;
    stored.split = stored.split || second != 0;
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

void multiply(const Isa& isa, const TiledShape& shape, const Values& values, const std::uint8_t* tiled,
              const Activations& activations, float* y, [[maybe_unused]] int threads) {
  const StoredTable stored = stored_table(values, shape.width);
  // In portions, as threads come: one that wakes late takes fewer. Whose a tile is changes no bit of it.
  [[maybe_unused]] const std::size_t portion =
      std::clamp(shape.tiles() / (8 * static_cast<std::size_t>(threads)), std::size_t{1}, std::size_t{4});
#pragma omp parallel for schedule(dynamic, portion) num_threads(threads) if (threads > 1)
  for (std::size_t tile = 0; tile < shape.tiles(); ++tile) {
    const std::size_t first = tile * kTileRows;
    isa.multiply_tile({&stored, tiled + tile * shape.tile_bytes(), shape.blocks(), shape.units_of_block(), shape.width,
                       activations, y + first, shape.rows, std::min(kTileRows, shape.rows - first)});
  }
}

// Steps of kBytes each, row-major, to and from their places: copy(step, place in the tiled bytes).
template <std::size_t kBytes, class Byte, class Copy>
void for_each_step(const TiledShape& shape, Byte* steps, Copy copy) {
  for (std::size_t row = 0; row < shape.rows; ++row) {
    for (std::size_t block = 0; block < shape.blocks(); ++block) {
      copy(steps + kBytes * (row * shape.blocks() + block), step_offset(shape, row, block));
    }
  }
}

}  // namespace

void tile_weights(const TiledShape& shape, const std::uint8_t* codes, const std::uint16_t* steps, std::uint8_t* tiled) {
  const std::size_t pairs = pairs_of(shape.cols);
  std::memset(tiled, 0, shape.bytes());
  for_each_code(shape, [&](std::size_t row, std::size_t pair, std::size_t unit, Place place) {
    const unsigned code = row < shape.rows && pair < pairs ? codes[row * pairs + pair] : 0u;
    write_code(tiled + unit, place, shape.width, code ^ kStoredOffset);
  });
  for_each_step<2>(shape, reinterpret_cast<const std::uint8_t*>(steps),
                   [&](const std::uint8_t* step, std::size_t place) { std::memcpy(tiled + place, step, 2); });
}

void untile_weights(const TiledShape& shape, const std::uint8_t* tiled, std::uint8_t* codes, std::uint16_t* steps) {
  const std::size_t pairs = pairs_of(shape.cols);
  for_each_code(shape, [&](std::size_t row, std::size_t pair, std::size_t unit, Place place) {
    if (row >= shape.rows || pair >= pairs) return;
    const unsigned stored = stored_code(tiled + unit, place.vector, place.lane, shape.width) & 0x7F;
    codes[row * pairs + pair] = static_cast<std::uint8_t>(stored ^ kStoredOffset);
  });
  for_each_step<2>(shape, reinterpret_cast<std::uint8_t*>(steps),
                   [&](std::uint8_t* step, std::size_t place) { std::memcpy(step, tiled + place, 2); });
}

void tile_mx(const TiledShape& shape, const std::uint8_t* elements, const std::uint8_t* scales, std::uint8_t* tiled) {
  const std::size_t cols = shape.cols;
  const int bits = shape.width == Width::fp4 ? 4 : 6;
  std::memset(tiled, 0, shape.bytes());
  for_each_code(shape, [&](std::size_t row, std::size_t pair, std::size_t unit, Place place) {
    const auto element = [&](std::size_t col) -> unsigned {
      return row < shape.rows && col < cols ? elements[row * cols + col] : 0u;
    };
    write_code(tiled + unit, place, shape.width, element(2 * pair) | element(2 * pair + 1) << bits);
  });
  for_each_step<1>(shape, scales, [&](const std::uint8_t* scale, std::size_t place) { tiled[place] = *scale; });
}

void untile_mx(const TiledShape& shape, const std::uint8_t* tiled, std::uint8_t* elements, std::uint8_t* scales) {
  const std::size_t cols = shape.cols;
  const unsigned bits = shape.width == Width::fp4 ? 4 : 6, mask = (1u << bits) - 1;
  for_each_code(shape, [&](std::size_t row, std::size_t pair, std::size_t unit, Place place) {
    if (row >= shape.rows || 2 * pair >= cols) return;
    const unsigned stored = stored_code(tiled + unit, place.vector, place.lane, shape.width);
    elements[row * cols + 2 * pair] = static_cast<std::uint8_t>(stored & mask);
    if (2 * pair + 1 < cols) elements[row * cols + 2 * pair + 1] = static_cast<std::uint8_t>(stored >> bits & mask);
  });
  for_each_step<1>(shape, scales, [&](std::uint8_t* scale, std::size_t place) { *scale = tiled[place]; });
}

void quantize_activations(const Isa& isa, const float* x, std::size_t m, std::size_t cols, std::int8_t* a,
                          float* scales, [[maybe_unused]] int threads) {
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1 && m > 1)
  for (std::size_t row = 0; row < m; ++row) {
    scales[row] = quantize_row(isa, x + row * cols, cols, a + row * cols);
  }
}

void linear_int8(const Isa& isa, const TiledShape& shape, const Values& values, const std::uint8_t* tiled,
                 const std::int8_t* a, const float* scales, std::size_t m, float* y, int threads) {
  ActivationBuffer buffer(shape, m);
  std::copy_n(scales, m, buffer.scales.begin());
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1 && m > 1)
  for (std::size_t row = 0; row < m; ++row) arrange(isa, shape, a + row * shape.cols, row, buffer);
  multiply(isa, shape, values, tiled, buffer.view(), y, threads);
}

void linear(const Isa& isa, const TiledShape& shape, const Values& values, const std::uint8_t* tiled, const float* x,
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
  multiply(isa, shape, values, tiled, buffer.view(), y, threads);
}

}  // namespace q35
