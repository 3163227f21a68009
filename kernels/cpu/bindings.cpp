// Python's view of the kernels: checks every shape that a pointer depends on, and holds no numerics.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels.hpp"
#include "roofline.hpp"

namespace nb = nanobind;
namespace q = q35;

namespace {

template <class T>
using Matrix = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T>
using Vector = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Cube = nb::ndarray<T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

using Codes = Matrix<const std::uint8_t>;
using Weights = Matrix<const float>;
using Steps = Matrix<const std::uint16_t>;
using Entries = Matrix<const std::int8_t>;

// The index of a bad value, or -1. Arrays come by reference: the kernels run without the interpreter's lock, and must
// not touch reference counts.
using Position = std::int64_t;

Position position(std::size_t index) { return index == q::none ? -1 : static_cast<Position>(index); }

void require(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

const q::Isa& isa_named(const std::string& name) {
  if (const q::Isa* isa = q::find_isa(name)) return *isa;
  throw std::invalid_argument("instruction set '" + name + "' is not available here");
}

q::Table table_of(const Entries& entries) {
  require(entries.shape(0) == q::kCodes && entries.shape(1) == 2, "the table must be int8 [128, 2]");
  q::Table table;
  for (std::size_t code = 0; code < q::kCodes; ++code) {
    table.first[code] = entries(code, 0);
    table.second[code] = entries(code, 1);
  }
  return table;
}

q::Scales scales_of(int hi_scale, int lo_scale) {
  // 8 * 15 and 4 * 31 still fit int8.
  require(hi_scale >= 1 && hi_scale <= 15 && lo_scale >= 1 && lo_scale <= 31,
          "a slot's scale does not fit int8 entries");
  return {hi_scale, lo_scale};
}

q::Candidates candidates_of(const Vector<const std::int32_t>& numerators, int denominator) {
  // Below 2^20, max|w| * p is exact in double and a quotient keeps its distance to every fp16 tie.
  constexpr std::int32_t limit = 1 << 20;
  require(numerators.shape(0) > 0 && numerators.shape(0) <= q::kMaxCandidates && denominator > 0 && denominator < limit,
          "a search needs 1 to 64 candidates p / q");
  for (std::size_t i = 0; i < numerators.shape(0); ++i) {
    require(numerators(i) > 0 && numerators(i) < limit, "a candidate's numerator must be in 1 .. 2^20 - 1");
  }
  return {numerators.data(), numerators.shape(0), denominator};
}

std::size_t blocks_of(std::size_t cols, std::size_t block_size) { return (cols + block_size - 1) / block_size; }

template <class Bytes>
void check_layout(const Matrix<Bytes>& codes, std::size_t rows, std::size_t cols) {
  require(codes.shape(0) == rows && codes.shape(1) == q::pairs_of(cols), "codes must be uint8 [rows, ceil(cols / 2)]");
}

template <class Bytes>
void check_stream(const Matrix<Bytes>& stream, std::size_t rows, std::size_t pairs) {
  require(stream.shape(0) == rows && stream.shape(1) == q::stream_size(pairs),
          "the stream must be uint8 [rows, ceil(7 * pairs / 8)]");
}

template <class Bits>
void check_blocks(const Matrix<Bits>& steps, std::size_t rows, std::size_t cols, std::size_t block_size) {
  require(block_size >= 2 && block_size % 2 == 0, "the block size must be even and positive");
  require(steps.shape(0) == rows && steps.shape(1) == blocks_of(cols, block_size),
          "steps must be float16 [rows, ceil(cols / block_size)]");
}

Position first_invalid_code(const std::string& isa, const Codes& codes) {
  const std::size_t count = codes.size(), index = isa_named(isa).first_invalid_code(codes.data(), count);
  return position(index == count ? q::none : index);
}

// Threads of a call.
int count_of(int threads) {
  require(threads >= 1 && threads <= 1024, "a call needs 1 to 1024 threads");
  return threads;
}

Position pack_stream(const std::string& isa, const Codes& codes, const Matrix<std::uint8_t>& stream, int threads) {
  check_stream(stream, codes.shape(0), codes.shape(1));
  return position(q::pack_stream(isa_named(isa), codes.data(), codes.shape(0), codes.shape(1), stream.data(),
                                 count_of(threads)));
}

Position unpack_stream(const std::string& isa, const Codes& stream, const Matrix<std::uint8_t>& codes, int threads) {
  check_stream(stream, codes.shape(0), codes.shape(1));
  return position(q::unpack_stream(isa_named(isa), stream.data(), codes.shape(0), codes.shape(1), codes.data(),
                                   count_of(threads)));
}

Position dequantize(const std::string& isa, const Codes& codes, const Steps& steps, const Entries& table,
                    std::size_t block_size, const Matrix<float>& weights, int threads) {
  const std::size_t rows = weights.shape(0), cols = weights.shape(1);
  check_layout(codes, rows, cols);
  check_blocks(steps, rows, cols, block_size);
  return position(q::dequantize(isa_named(isa), codes.data(), steps.data(), table_of(table), rows, cols, block_size,
                                weights.data(), count_of(threads)));
}

Position dequantize_stream(const std::string& isa, const Codes& stream, const Steps& steps, const Entries& table,
                           std::size_t block_size, const Matrix<float>& weights, int threads) {
  const std::size_t rows = weights.shape(0), cols = weights.shape(1);
  check_stream(stream, rows, q::pairs_of(cols));
  check_blocks(steps, rows, cols, block_size);
  return position(q::dequantize_stream(isa_named(isa), stream.data(), steps.data(), table_of(table), rows, cols,
                                       block_size, weights.data(), count_of(threads)));
}

Position dequantize_affine(const std::string& isa, const Codes& codes, const Vector<const std::uint16_t>& steps,
                           const Vector<const std::int8_t>& zero_points, const Matrix<float>& weights, bool used,
                           int threads) {
  const std::size_t rows = weights.shape(0), cols = weights.shape(1);
  check_layout(codes, rows, cols);
  require(steps.shape(0) == cols && zero_points.shape(0) == cols, "steps and zero points must be [cols]");
  return position(q::dequantize_affine(isa_named(isa), codes.data(), steps.data(), zero_points.data(), rows, cols,
                                       weights.data(), used, count_of(threads)));
}

void check_search(const Weights& weights, const Matrix<std::uint8_t>& codes, const Matrix<std::uint16_t>& steps,
                  std::size_t block_size) {
  check_layout(codes, weights.shape(0), weights.shape(1));
  check_blocks(steps, weights.shape(0), weights.shape(1), block_size);
  require(block_size <= q::kMaxBlock, "the block is longer than a step search takes");
}

Position quantize_block(const std::string& isa, const Weights& weights, std::size_t block_size, int hi_scale,
                        int lo_scale, const Vector<const std::int32_t>& numerators, int denominator,
                        const Matrix<std::uint8_t>& codes, const Matrix<std::uint16_t>& steps, int threads) {
  check_search(weights, codes, steps, block_size);
  return position(q::quantize_block(isa_named(isa), weights.data(), weights.shape(0), weights.shape(1), block_size,
                                    scales_of(hi_scale, lo_scale), candidates_of(numerators, denominator), codes.data(),
                                    steps.data(), count_of(threads)));
}

Position quantize_codebook(const std::string& isa, const Weights& weights, std::size_t block_size, const Entries& table,
                           const Vector<const std::int32_t>& numerators, int denominator,
                           const Matrix<std::uint8_t>& codes, const Matrix<std::uint16_t>& steps, int threads) {
  check_search(weights, codes, steps, block_size);
  return position(q::quantize_codebook(isa_named(isa), weights.data(), weights.shape(0), weights.shape(1), block_size,
                                       table_of(table), candidates_of(numerators, denominator), codes.data(),
                                       steps.data(), count_of(threads)));
}

Position encode_block(const std::string& isa, const Weights& weights, const Steps& steps, std::size_t block_size,
                      int hi_scale, int lo_scale, const Matrix<std::uint8_t>& codes) {
  check_layout(codes, weights.shape(0), weights.shape(1));
  check_blocks(steps, weights.shape(0), weights.shape(1), block_size);
  return position(q::encode_block(isa_named(isa), weights.data(), weights.shape(0), weights.shape(1), block_size,
                                  scales_of(hi_scale, lo_scale), steps.data(), codes.data()));
}

Position encode_codebook(const std::string& isa, const Weights& weights, const Steps& steps, std::size_t block_size,
                         const Entries& table, const Matrix<std::uint8_t>& codes) {
  check_layout(codes, weights.shape(0), weights.shape(1));
  check_blocks(steps, weights.shape(0), weights.shape(1), block_size);
  return position(q::encode_codebook(isa_named(isa), weights.data(), weights.shape(0), weights.shape(1), block_size,
                                     table_of(table), steps.data(), codes.data()));
}

Position first_not_finite(const std::string& isa, const Weights& weights) {
  const std::size_t count = weights.size(), index = isa_named(isa).first_not_finite(weights.data(), count);
  return position(index == count ? q::none : index);
}

Position quantize_row_absmax(const std::string& isa, const Weights& weights, int hi_scale, int lo_scale, int divisor,
                             const Matrix<std::uint8_t>& codes, const Matrix<std::uint16_t>& steps, int threads) {
  check_layout(codes, weights.shape(0), weights.shape(1));
  require(steps.shape(0) == weights.shape(0) && steps.shape(1) == 1, "steps must be float16 [rows, 1]");
  require(divisor > 0, "the divisor must be positive");
  return position(q::quantize_row_absmax(isa_named(isa), weights.data(), weights.shape(0), weights.shape(1),
                                         scales_of(hi_scale, lo_scale), divisor, codes.data(), steps.data(),
                                         count_of(threads)));
}

Position quantize_row_affine(const std::string& isa, const Weights& weights, const Matrix<std::uint8_t>& codes,
                             const Vector<std::uint16_t>& steps, const Vector<std::int8_t>& zero_points, int threads) {
  check_layout(codes, weights.shape(0), weights.shape(1));
  require(steps.shape(0) == weights.shape(1) && zero_points.shape(0) == weights.shape(1),
          "steps and zero points must be [cols]");
  return position(q::quantize_row_affine(isa_named(isa), weights.data(), weights.shape(0), weights.shape(1),
                                         codes.data(), steps.data(), zero_points.data(), count_of(threads)));
}

std::size_t max_safe_k(const Entries& table) { return q::max_safe_k(table_of(table)); }

Position block_dots(const std::string& isa, const Entries& a, const Codes& codes, const Entries& table,
                    std::size_t block_size, const Cube<std::int32_t>& dots) {
  const std::size_t m = a.shape(0), k = a.shape(1), n = codes.shape(0);
  check_layout(codes, n, k);
  require(block_size >= 2 && block_size % 2 == 0, "the block size must be even and positive");
  require(dots.shape(0) == m && dots.shape(1) == n && dots.shape(2) == blocks_of(k, block_size),
          "dots must be int32 [M, N, blocks]");
  const q::Table entries = table_of(table);
  require(std::min(block_size, k) <= q::max_safe_k(entries), "the block is longer than the largest safe K");
  return position(q::block_dots(isa_named(isa), a.data(), m, k, codes.data(), n, entries, block_size, dots.data()));
}

Position matmul(const std::string& isa, const Entries& a, const Vector<const float>& a_scale, const Codes& codes,
                const Steps& steps, const Entries& table, std::size_t block_size, const Matrix<float>& y) {
  const std::size_t m = a.shape(0), k = a.shape(1), n = codes.shape(0);
  check_layout(codes, n, k);
  check_blocks(steps, n, k, block_size);
  require(a_scale.shape(0) == m && y.shape(0) == m && y.shape(1) == n, "y must be float32 [M, N], a_scale [M]");
  const q::Table entries = table_of(table);
  require(std::min(block_size, k) <= q::max_safe_k(entries), "the block is longer than the largest safe K");
  return position(q::matmul(isa_named(isa), a.data(), a_scale.data(), m, k, codes.data(), steps.data(), n, entries,
                            block_size, y.data()));
}

q::TiledShape shape_of(std::size_t rows, std::size_t cols, std::size_t block_size, const std::string& width) {
  require(block_size > 0 && block_size % q::kUnitWeights == 0 && block_size <= q::kMaxBlock,
          "the block size must be a multiple of 32, at most 256");
  constexpr std::pair<std::string_view, q::Width> widths[] = {
      {"stream", q::Width::stream}, {"byte", q::Width::byte}, {"fp4", q::Width::fp4}, {"fp6", q::Width::fp6}};
  for (const auto& [name, value] : widths) {
    if (width == name) return {rows, cols, block_size, value};
  }
  throw std::invalid_argument("unknown width '" + width + "'");
}

using Bytes = Vector<const std::uint8_t>;

std::size_t tiled_size(std::size_t rows, std::size_t cols, std::size_t block_size, const std::string& width) {
  return shape_of(rows, cols, block_size, width).bytes();
}

// The index of a bad code; steps are the caller's to check.
Position tile_weights(const Codes& codes, const Steps& steps, std::size_t cols, std::size_t block_size,
                      const std::string& width, const Vector<std::uint8_t>& tiled) {
  const q::TiledShape shape = shape_of(codes.shape(0), cols, block_size, width);
  check_layout(codes, shape.rows, cols);
  check_blocks(steps, shape.rows, cols, block_size);
  require(tiled.shape(0) == shape.bytes(), "the tiled weights have another size");
  const std::size_t count = codes.size(), bad = q::find_isa("auto")->first_invalid_code(codes.data(), count);
  if (bad != count) return position(bad);
  q::tile_weights(shape, codes.data(), steps.data(), tiled.data());
  return position(q::none);
}

void untile_weights(const Bytes& tiled, std::size_t cols, std::size_t block_size, const std::string& width,
                    const Matrix<std::uint8_t>& codes, const Matrix<std::uint16_t>& steps) {
  const q::TiledShape shape = shape_of(codes.shape(0), cols, block_size, width);
  check_layout(codes, shape.rows, cols);
  check_blocks(steps, shape.rows, cols, block_size);
  require(tiled.shape(0) == shape.bytes(), "the tiled weights have another size");
  q::untile_weights(shape, tiled.data(), codes.data(), steps.data());
}

// Elements and scales are the caller's to check.
void tile_mx(const Codes& elements, const Codes& scales, const std::string& width, const Vector<std::uint8_t>& tiled) {
  const q::TiledShape shape = shape_of(elements.shape(0), elements.shape(1), q::kUnitWeights, width);
  require(scales.shape(0) == shape.rows && scales.shape(1) == shape.blocks(), "scales must be [rows, blocks]");
  require(q::is_mx(shape.width) && tiled.shape(0) == shape.bytes(), "the tiled weights have another size");
  q::tile_mx(shape, elements.data(), scales.data(), tiled.data());
}

void untile_mx(const Bytes& tiled, const std::string& width, const Matrix<std::uint8_t>& elements,
               const Matrix<std::uint8_t>& scales) {
  const q::TiledShape shape = shape_of(elements.shape(0), elements.shape(1), q::kUnitWeights, width);
  require(scales.shape(0) == shape.rows && scales.shape(1) == shape.blocks(), "scales must be [rows, blocks]");
  require(q::is_mx(shape.width) && tiled.shape(0) == shape.bytes(), "the tiled weights have another size");
  q::untile_mx(shape, tiled.data(), elements.data(), scales.data());
}

void check_exponent(int unit_exponent) {
  // 2^-(127 + 22) is the least power of two that a float32 holds.
  require(unit_exponent >= 0 && unit_exponent <= 22, "the unit of an MX format is 2^0 .. 2^-22");
}

void quantize_activations(const std::string& isa, const Weights& x, const Matrix<std::int8_t>& a,
                          const Vector<float>& scales, int threads) {
  require(a.shape(0) == x.shape(0) && a.shape(1) == x.shape(1) && scales.shape(0) == x.shape(0),
          "a must be int8 [M, K], scales float32 [M]");
  q::quantize_activations(isa_named(isa), x.data(), x.shape(0), x.shape(1), a.data(), scales.data(),
                          count_of(threads));
}

void linear(const std::string& isa, const Weights& x, const Bytes& tiled, const Entries& table,
            int unit_exponent, std::size_t block_size, const std::string& width, const Matrix<float>& y, int threads) {
  check_exponent(unit_exponent);
  const q::TiledShape shape = shape_of(y.shape(1), x.shape(1), block_size, width);
  require(tiled.shape(0) == shape.bytes() && y.shape(0) == x.shape(0), "y must be float32 [M, N]");
  const q::Table entries = table_of(table);
  q::linear(isa_named(isa), shape, {entries, unit_exponent}, tiled.data(), x.data(), x.shape(0), y.data(),
            count_of(threads));
}

void linear_int8(const std::string& isa, const Entries& a, const Vector<const float>& scales, const Bytes& tiled,
                 const Entries& table, int unit_exponent, std::size_t block_size, const std::string& width,
                 const Matrix<float>& y, int threads) {
  check_exponent(unit_exponent);
  const q::TiledShape shape = shape_of(y.shape(1), a.shape(1), block_size, width);
  require(tiled.shape(0) == shape.bytes() && y.shape(0) == a.shape(0) && scales.shape(0) == a.shape(0),
          "y must be float32 [M, N], scales [M]");
  const q::Table entries = table_of(table);
  q::linear_int8(isa_named(isa), shape, {entries, unit_exponent}, tiled.data(), a.data(), scales.data(), a.shape(0),
                 y.data(), count_of(threads));
}

double roofline_read(std::size_t bytes, int passes, int threads) {
  require(bytes > 0 && passes > 0, "bytes and passes are at least 1");
  return q::roofline_read(bytes, passes, count_of(threads));
}

template <double (*kPeak)(int threads)>
double roofline_peak(int threads) {
  return kPeak(count_of(threads));
}

}  // namespace

NB_MODULE(_cpu, module) {
  using unlocked = nb::call_guard<nb::gil_scoped_release>;
  module.attr("HI_BITS") = q::kHiBits;
  module.attr("LO_BITS") = q::kLoBits;
  module.attr("MAX_BLOCK") = q::kMaxBlock;
  module.attr("UNIT_WEIGHTS") = q::kUnitWeights;
  module.def("source_sha256", []() { return q::source_sha256; });
  module.def("available_isas", &q::available_isas);
  module.def("resolve_isa", [](const std::string& name) { return std::string(isa_named(name).name); });
  module.def("roofline_read", &roofline_read, unlocked());
  module.def("roofline_clock", &q::roofline_clock, unlocked());
  module.def("roofline_fp32", &roofline_peak<q::roofline_fp32>, unlocked());
  module.def("roofline_vnni", &roofline_peak<q::roofline_vnni>, unlocked());
  module.def("roofline_amx", &roofline_peak<q::roofline_amx>, unlocked());
  module.def("max_safe_k", &max_safe_k);
  module.def("first_invalid_code", &first_invalid_code, unlocked());
  module.def("first_not_finite", &first_not_finite, unlocked());
  module.def("pack_stream", &pack_stream, unlocked());
  module.def("unpack_stream", &unpack_stream, unlocked());
  module.def("dequantize", &dequantize, unlocked());
  module.def("dequantize_stream", &dequantize_stream, unlocked());
  module.def("dequantize_affine", &dequantize_affine, unlocked());
  module.def("quantize_block", &quantize_block, unlocked());
  module.def("quantize_codebook", &quantize_codebook, unlocked());
  module.def("encode_block", &encode_block, unlocked());
  module.def("encode_codebook", &encode_codebook, unlocked());
  module.def("quantize_row_absmax", &quantize_row_absmax, unlocked());
  module.def("quantize_row_affine", &quantize_row_affine, unlocked());
  module.def("block_dots", &block_dots, unlocked());
  module.def("matmul", &matmul, unlocked());
  module.def("tiled_size", &tiled_size);
  module.def("tile_weights", &tile_weights, unlocked());
  module.def("untile_weights", &untile_weights, unlocked());
  module.def("tile_mx", &tile_mx, unlocked());
  module.def("untile_mx", &untile_mx, unlocked());
  module.def("quantize_activations", &quantize_activations, unlocked());
  module.def("linear", &linear, unlocked());
  module.def("linear_int8", &linear_int8, unlocked());
}
