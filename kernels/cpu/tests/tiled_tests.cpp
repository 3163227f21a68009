// The tiled layout, and the products with it against `matmul` of the scalar reference, on arrays between guard pages.
#include <algorithm>
#include <bit>

#include "harness.hpp"

namespace q35::test {
namespace {

struct Matrix {
  TiledShape shape;
  Table table;
  Bytes codes;
  Halves steps;
  Bytes tiled;
};

Matrix random_matrix(const TiledShape& shape, const Table& table) {
  Matrix matrix{shape, table, random_codes(shape.rows * pairs_of(shape.cols)), Halves(shape.rows * shape.blocks()),
                Bytes(shape.bytes())};
  for (auto& step : matrix.steps) step = rng.below(9) == 0 ? std::uint16_t{0} : random_step();
  return matrix;
}

void test_layout(Matrix& matrix, Place place) {
  Guarded<std::uint8_t> tiled(matrix.tiled.size(), place), codes(matrix.codes.size(), place);
  Halves steps(matrix.steps.size());
  tile_weights(matrix.shape, Guarded(matrix.codes, place).data(), matrix.steps.data(), tiled.data());
  untouched(tiled, "tile_weights");
  matrix.tiled = tiled.values();
  untile_weights(matrix.shape, Guarded(matrix.tiled, place).data(), codes.data(), steps.data());
  untouched(codes, "untile_weights");
  same(matrix.codes, codes.values(), "codes read back");
  same(matrix.steps, steps, "steps read back");
}

void test_product(const Isa& isa, const Matrix& matrix, std::size_t m, int threads, Place place) {
  const TiledShape& shape = matrix.shape;
  const Int8s a = rng.below(4) == 0 ? Int8s(m * shape.cols, -128) : random_int8s(m * shape.cols);
  Floats scales = weights_of(Kind::bell, m), expected(m * shape.rows);
  matmul(scalar_isa(), a.data(), scales.data(), m, shape.cols, matrix.codes.data(), matrix.steps.data(), shape.rows,
         matrix.table, shape.block_size, expected.data());
  Guarded<float> y(m * shape.rows, place);
  linear_int8(isa, shape, {matrix.table, 0}, Guarded(matrix.tiled, place).data(), Guarded(a, place).data(),
              Guarded(scales, place).data(), m, y.data(), threads);
  untouched(y, "linear_int8");
  same(expected, y.values(), "linear_int8");
}

void test_linear(const Isa& isa, const Matrix& matrix, std::size_t m, Kind kind, int threads, Place place) {
  const TiledShape& shape = matrix.shape;
  const Floats x = weights_of(kind, m * shape.cols);
  Int8s a(m * shape.cols);
  Floats scales(m), expected(m * shape.rows);
  quantize_activations(scalar_isa(), x.data(), m, shape.cols, a.data(), scales.data(), 1);
  const Values values{matrix.table, 0};
  linear_int8(scalar_isa(), shape, values, matrix.tiled.data(), a.data(), scales.data(), m, expected.data(), 1);
  Guarded<float> y(m * shape.rows, place);
  linear(isa, shape, values, Guarded(matrix.tiled, place).data(), Guarded(x, place).data(), m, y.data(), threads);
  untouched(y, "linear");
  same(expected, y.values(), "linear");
}

void test_activations(const Isa& isa) {
  begin(std::string("activations, ") + isa.name);
  for (const std::size_t cols : {1, 7, 8, 9, 31, 64, 100}) {
    for (const Kind kind : kKinds) {
      for (const Place place : kPlaces) {
        const Floats x = weights_of(kind, 2 * cols);
        Guarded<std::int8_t> a(2 * cols, place);
        Floats scales(2);
        quantize_activations(isa, Guarded(x, place).data(), 2, cols, a.data(), scales.data(), 1);
        untouched(a, "quantize_activations");
        for (std::size_t j = 0; j < 2 * cols; ++j) {
          const long double scale = scales[j / cols], value = x[j];
          const int q = a.values()[j];
          if (scale == 0) {
            check(q == 0, "a row without a scale", cols);
            continue;
          }
          // |x - q s| <= s / 2, and at a tie q is even: all exact in long double.
          const long double doubled = 2 * std::fabs(value - q * scale);
          const bool clipped = q == -128 || q == 127;
          check(doubled < scale || (doubled == scale && q % 2 == 0) || clipped, "nearest", cols);
        }
      }
    }
  }
  // Ties: a row whose largest value is 127 has the scale 1.
  Floats ties{127.0f, 0.5f, 1.5f, -0.5f, -1.5f, -2.5f, std::nextafter(0.5f, 1.0f), std::nextafter(2.5f, 0.0f), 2.5f};
  Int8s a(ties.size());
  float scale = 0;
  quantize_activations(isa, ties.data(), 1, ties.size(), a.data(), &scale, 1);
  same(Int8s{127, 0, 2, 0, -2, -2, 1, 2, 2}, a, "ties to even");
  ties[3] = std::numeric_limits<float>::infinity();
  quantize_activations(isa, ties.data(), 1, ties.size(), a.data(), &scale, 1);
  check(std::isnan(scale) && a == Int8s(ties.size(), 0), "a row with an infinity", 0);
}

// An MX format whose elements stand for random units, against sums in plain arithmetic.
void test_mx(const Isa& isa, const TiledShape& shape, bool split, std::size_t m, int threads, Place place) {
  const std::size_t blocks = shape.blocks(), bits = shape.width == Width::fp4 ? 4 : 6;
  const int unit_exponent = rng.between(0, 4);
  Table units{};
  for (std::size_t e = 0; e < (std::size_t{1} << bits); ++e) {
    units.first[e] = static_cast<std::int8_t>(rng.between(-112, 112));
    units.second[e] = static_cast<std::int8_t>(split ? rng.between(-28, 28) : 0);
  }
  Bytes elements(shape.rows * shape.cols), scales(shape.rows * blocks);
  for (auto& e : elements) e = static_cast<std::uint8_t>(rng.below(std::size_t{1} << bits));
  for (auto& s : scales) s = static_cast<std::uint8_t>(rng.below(3) == 0 ? rng.below(256) : 100 + rng.below(50));
  Guarded<std::uint8_t> tiled(shape.bytes(), place), back(elements.size(), place), scales_back(scales.size(), place);
  tile_mx(shape, Guarded(elements, place).data(), Guarded(scales, place).data(), tiled.data());
  untouched(tiled, "tile_mx");
  untile_mx(shape, tiled.data(), back.data(), scales_back.data());
  same(elements, back.values(), "elements read back");
  same(scales, scales_back.values(), "scales read back");
  const Int8s a = random_int8s(m * shape.cols);
  const Floats of_rows = weights_of(Kind::bell, m);
  Floats expected(m * shape.rows);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t row = 0; row < shape.rows; ++row) {
      float sum = 0;
      for (std::size_t block = 0; block < blocks; ++block) {
        int dot = 0;
        for (std::size_t k = 32 * block; k < std::min(shape.cols, 32 * block + 32); ++k) {
          const std::uint8_t e = elements[row * shape.cols + k];
          dot += a[i * shape.cols + k] * (units.first[e] + 16 * units.second[e]);
        }
        const int scale = scales[row * blocks + block];
        const float step = scale == 255 ? std::numeric_limits<float>::quiet_NaN()
                                        : static_cast<float>(std::ldexp(1.0, scale - 127 - unit_exponent));
        sum = sum + step * static_cast<float>(dot);
      }
      expected[i * shape.rows + row] = sum * of_rows[i];
    }
  }
  Guarded<float> y(m * shape.rows, place);
  linear_int8(isa, shape, {units, unit_exponent}, tiled.data(), a.data(), of_rows.data(), m, y.data(), threads);
  untouched(y, "linear_int8, MX");
  const Floats found = y.values();
  for (std::size_t i = 0; i < found.size(); ++i) {
    const bool equal = std::bit_cast<std::uint32_t>(found[i]) == std::bit_cast<std::uint32_t>(expected[i]);
    check(equal || (std::isnan(found[i]) && std::isnan(expected[i])), "linear_int8, MX", i);
  }
}

}  // namespace

void test_tiled(const Isa& isa) {
  test_activations(isa);
  begin(std::string("tiled products, ") + isa.name);
  const std::vector<Table> chosen = tables();
  std::size_t turn = 0;
  for (const Width width : {Width::stream, Width::byte}) {
    for (const std::size_t block_size : {32, 64, 128, 256}) {
      for (const std::size_t rows : {1, 16, 33, 70}) {
        for (const std::size_t cols : {1, 32, 65, 127}) {
          Matrix matrix = random_matrix({rows, cols, block_size, width}, chosen[turn % chosen.size()]);
          const Place place = kPlaces[turn % 3];
          test_layout(matrix, place);
          constexpr std::size_t counts[] = {1, 2, 3, 4, 7, 8, 9, 15, 17, 33};
          test_product(isa, matrix, counts[turn % std::size(counts)], 1 + static_cast<int>(turn % 3), place);
          test_linear(isa, matrix, counts[turn / 2 % std::size(counts)], kKinds[turn % std::size(kKinds)],
                      1 + static_cast<int>(turn % 2), place);
          ++turn;
        }
      }
    }
  }
  begin(std::string("tiled MX products, ") + isa.name);
  for (const Width width : {Width::fp4, Width::fp6}) {
    for (const bool split : {false, true}) {
      for (const std::size_t rows : {1, 33, 70}) {
        for (const std::size_t cols : {1, 32, 100}) {
          for (const std::size_t m : {1, 5, 10, 20}) {
            if (width == Width::fp6 || !split) {
              test_mx(isa, {rows, cols, 32, width}, split, m, 1 + static_cast<int>(m % 3), kPlaces[m % 3]);
            }
          }
        }
      }
    }
  }
}

}  // namespace q35::test
