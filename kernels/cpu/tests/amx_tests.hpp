// The AMX products of amx_product.hpp on imitated tile registers.
#pragma once

#include "tiled.hpp"

namespace q35::test {

void multiply_tile_imitated(const TileProduct& product);

}  // namespace q35::test
