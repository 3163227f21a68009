// The functions of avx2_product.cpp, for the table of functions at the end of avx2.cpp.
#pragma once

#include "tiled.hpp"

namespace q35 {

void avx2_arrange_activations(const std::int8_t* row, std::size_t count, std::size_t block_size, std::int8_t* values,
                              std::int32_t* sums);
void avx2_multiply_tile(const TileProduct& product);

}  // namespace q35
