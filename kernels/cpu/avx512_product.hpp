// The functions of avx512_product.cpp, for the table of functions at the end of avx512.cpp.
#pragma once

#include "tiled.hpp"

namespace q35 {

void avx512_quantize_int8(const float* x, std::size_t count, float scale, std::int8_t* values);
void avx512_arrange_activations(const std::int8_t* row, std::size_t count, std::size_t block_size, std::int8_t* values,
                                std::int32_t* sums);
void avx512_multiply_tile(const TileProduct& product);

}  // namespace q35
