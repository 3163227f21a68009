// Products with tiled weights for AVX2. As in avx2.cpp nothing here may be shared inline.
//
// AVX2 multiplies unsigned by signed bytes into sums of two, which saturate at 16 bits. An entry of a table, made
// unsigned, is therefore taken apart into nibbles: a product with nibbles of all 32 weights of a unit is a sum of
// 32 / 2 such pairs in 8 steps, at most 8 * 2 * 15 * 128 = 30720 in size, and fits whatever the activations hold.
#include "avx2_product.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

namespace q35 {
namespace {

// A vector of 64 codes is two parts; part p of the vectors of half h belongs to the 8 rows of octet 2 h + p.
constexpr std::size_t kParts = 2, kOctets = 4, kQuads = kUnitWeights / 8, kPartBytes = 32;
// Rows of activations for which a unit is decoded once.
constexpr std::size_t kRows = 32;

__m256i load(const void* source) { return _mm256_loadu_si256(static_cast<const __m256i*>(source)); }

// The bits 7 of the first seven vectors, each at its own place; bit 7 of the result is 0.
__m256i gather_top_bits(const __m256i (&codes)[2][kQuads]) {
  const __m256i top = _mm256_set1_epi8(static_cast<char>(0x80));
  __m256i bits = _mm256_setzero_si256();
  for (std::size_t v = 0; v < kUnitVectors - 1; ++v) {
    bits = _mm256_srli_epi16(_mm256_or_si256(bits, _mm256_and_si256(codes[v % 2][v / 2], top)), 1);
  }
  return bits;
}

// The element that is stored in the bits 6 and 7 of three others, from below.
__m256i gather_fourth(const __m256i (&stored)[3]) {
  const __m256i low = _mm256_and_si256(_mm256_srli_epi16(stored[0], 6), _mm256_set1_epi8(0x03));
  const __m256i middle = _mm256_and_si256(_mm256_srli_epi16(stored[1], 4), _mm256_set1_epi8(0x0C));
  const __m256i high = _mm256_and_si256(_mm256_srli_epi16(stored[2], 2), _mm256_set1_epi8(0x30));
  return _mm256_or_si256(_mm256_or_si256(low, middle), high);
}

__m256i low_nibbles(__m256i bytes) { return _mm256_and_si256(bytes, _mm256_set1_epi8(0x0F)); }
__m256i high_nibbles(__m256i bytes) { return low_nibbles(_mm256_srli_epi16(bytes, 4)); }

__m256i sixteen(const std::uint8_t* bytes) {
  return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(bytes)));
}

// The nibbles of 32 entries, by slot. An entry plus kOffset is the sum over the planes of nibble * kWeight[plane].
template <std::size_t kPlanes>
struct Nibbles {
  __m256i slots[kPlanes][2];
};

// Tables of 16 kChunks bytes that are read at the same indices.
template <std::size_t kChunks, std::size_t kTables>
struct ChunkedTables {
  // Each sixteen bytes xor the sixteen before them: the xor of all up to an index's own are its own.
  __m256i chunks[kChunks][kTables];

  ChunkedTables(const std::uint8_t* first, const std::uint8_t* second) {
    for (std::size_t table = 0; table < kTables; ++table) {
      __m256i last = _mm256_setzero_si256();
      for (std::size_t c = 0; c < kChunks; ++c) {
        const __m256i next = sixteen((table == 0 ? first : second) + 16 * c);
        chunks[c][table] = _mm256_xor_si256(next, last);
        last = next;
      }
    }
  }

  template <std::size_t kCount>
  void find(__m256i (&index)[kCount], __m256i (&found)[kCount][kTables]) const {
#pragma GCC unroll 8
    for (std::size_t c = 0; c < kChunks; ++c) {
#pragma GCC unroll 4
      for (std::size_t i = 0; i < kCount; ++i) {
        // A shuffle gives 0 where the index is negative: for the chunks beyond its own.
        for (std::size_t table = 0; table < kTables; ++table) {
          const __m256i here = _mm256_shuffle_epi8(chunks[c][table], index[i]);
          found[i][table] = c == 0 ? here : _mm256_xor_si256(found[i][table], here);
        }
        index[i] = _mm256_sub_epi8(index[i], _mm256_set1_epi8(16));
      }
    }
  }
};

// The table (hi, 2 lo), by moving bits; bit 7 of a code is of no account.
struct Arithmetic {
  static constexpr std::size_t kPlanes = 1;
  static constexpr std::int16_t kWeight[] = {1};
  static constexpr int kOffset = 8;
  explicit Arithmetic(const StoredTable&) {}

  void decode(const __m256i (&codes)[kQuads], Nibbles<kPlanes> (&decoded)[kQuads]) const {
    for (std::size_t quad = 0; quad < kQuads; ++quad) {
      const __m256i twice = _mm256_add_epi8(codes[quad], codes[quad]);
      decoded[quad].slots[0][0] = low_nibbles(_mm256_srli_epi16(codes[quad], 3));
      decoded[quad].slots[0][1] = _mm256_and_si256(twice, _mm256_set1_epi8(0x0E));
    }
  }
};

// Any table of 128 pairs, by look-up.
struct LookUp {
  static constexpr std::size_t kPlanes = 2;
  static constexpr std::int16_t kWeight[] = {1, 16};
  static constexpr int kOffset = kEntryOffset;
  ChunkedTables<8, 2> tables;
  explicit LookUp(const StoredTable& table) : tables(table.first, table.second) {}

  void decode(const __m256i (&codes)[kQuads], Nibbles<kPlanes> (&decoded)[kQuads]) const {
    __m256i index[kQuads], entries[kQuads][2];
    for (std::size_t quad = 0; quad < kQuads; ++quad) {
      index[quad] = _mm256_and_si256(codes[quad], _mm256_set1_epi8(0x7F));
    }
    tables.find(index, entries);
    for (std::size_t quad = 0; quad < kQuads; ++quad) {
      for (std::size_t slot = 0; slot < 2; ++slot) {
        decoded[quad].slots[0][slot] = low_nibbles(entries[quad][slot]);
        decoded[quad].slots[1][slot] = high_nibbles(entries[quad][slot]);
      }
    }
  }
};

// MX elements of four bits, two in a code.
struct LookUp4 {
  static constexpr std::size_t kPlanes = 2;
  static constexpr std::int16_t kWeight[] = {1, 16};
  static constexpr int kOffset = kEntryOffset;
  __m256i units[kPlanes];
  explicit LookUp4(const StoredTable& table)
      : units{low_nibbles(sixteen(table.first)), high_nibbles(sixteen(table.first))} {}

  void decode(const __m256i (&codes)[kQuads], Nibbles<kPlanes> (&decoded)[kQuads]) const {
    for (std::size_t quad = 0; quad < kQuads; ++quad) {
      for (std::size_t plane = 0; plane < kPlanes; ++plane) {
        decoded[quad].slots[plane][0] = _mm256_shuffle_epi8(units[plane], low_nibbles(codes[quad]));
        decoded[quad].slots[plane][1] = _mm256_shuffle_epi8(units[plane], high_nibbles(codes[quad]));
      }
    }
  }
};

// MX elements of six bits, in vectors by slot. The second part of an element counts kHighUnits.
template <std::size_t kPartsOfElement>
struct LookUp6 {
  static constexpr std::size_t kPlanes = 2 * kPartsOfElement;
  static constexpr std::int16_t kWeight[] = {1, 16, kHighUnits, 16 * kHighUnits};
  static constexpr int kOffset = kEntryOffset * (kPartsOfElement == 2 ? 1 + kHighUnits : 1);
  ChunkedTables<4, kPartsOfElement> tables;
  explicit LookUp6(const StoredTable& table) : tables(table.first, table.second) {}

  void decode(const __m256i (&elements)[kQuads][2], Nibbles<kPlanes> (&decoded)[kQuads]) const {
    for (std::size_t quad = 0; quad < kQuads; ++quad) {
      __m256i index[2], units[2][kPartsOfElement];
      for (std::size_t slot = 0; slot < 2; ++slot) {
        index[slot] = _mm256_and_si256(elements[quad][slot], _mm256_set1_epi8(0x3F));
      }
      tables.find(index, units);
      for (std::size_t slot = 0; slot < 2; ++slot) {
        for (std::size_t part = 0; part < kPartsOfElement; ++part) {
          decoded[quad].slots[2 * part][slot] = low_nibbles(units[slot][part]);
          decoded[quad].slots[2 * part + 1][slot] = high_nibbles(units[slot][part]);
        }
      }
    }
  }
};

// A decoded unit.
template <class Entries, Width kWidth>
struct Unit {
  Nibbles<Entries::kPlanes> nibbles[kOctets][kQuads];

  Unit(const Entries& entries, const std::uint8_t* unit) {
    for (std::size_t part = 0; part < kParts; ++part) {
      const auto stored = [&](std::size_t v) { return load(unit + kVectorBytes * v + kPartBytes * part); };
      if constexpr (kWidth == Width::fp6) {
        __m256i elements[2][kQuads][2];
        for (std::size_t quad = 0; quad < kQuads; ++quad) {
          const __m256i three[] = {stored(3 * quad), stored(3 * quad + 1), stored(3 * quad + 2)};
          elements[0][quad][0] = three[0];
          elements[0][quad][1] = three[1];
          elements[1][quad][0] = three[2];
          elements[1][quad][1] = gather_fourth(three);
        }
        for (std::size_t half = 0; half < 2; ++half) entries.decode(elements[half], nibbles[2 * half + part]);
      } else {
        constexpr std::size_t kStored = unit_bytes_of(kWidth) / kVectorBytes;
        __m256i codes[2][kQuads];
        for (std::size_t v = 0; v < kStored; ++v) codes[v % 2][v / 2] = stored(v);
        if constexpr (kWidth == Width::stream) codes[1][kQuads - 1] = gather_top_bits(codes);
        for (std::size_t half = 0; half < 2; ++half) entries.decode(codes[half], nibbles[2 * half + part]);
      }
    }
  }

  // Adds the products with a row's 32 activations to the sums of the 32 outputs. (Inlined, the compiler would take the
  // whole unit to registers before the loop over rows, and from there to the stack.)
  [[gnu::noinline]] void add_products(const std::int8_t* a, std::int32_t* dots) const {
    __m256i activations[kQuads][2];
    for (std::size_t quad = 0; quad < kQuads; ++quad) {
      for (std::size_t slot = 0; slot < 2; ++slot) {
        int four;
        __builtin_memcpy(&four, a + slot * (kUnitWeights / 2) + 4 * quad, sizeof four);
        activations[quad][slot] = _mm256_set1_epi32(four);
      }
    }
#pragma GCC unroll 4
    for (std::size_t octet = 0; octet < kOctets; ++octet) {
      __m256i total = load(dots + 8 * octet);
#pragma GCC unroll 4
      for (std::size_t plane = 0; plane < Entries::kPlanes; ++plane) {
        __m256i sum = _mm256_setzero_si256();
#pragma GCC unroll 4
        for (std::size_t quad = 0; quad < kQuads; ++quad) {
          for (std::size_t slot = 0; slot < 2; ++slot) {
            const __m256i nibble = nibbles[octet][quad].slots[plane][slot];
            sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(nibble, activations[quad][slot]));
          }
        }
        total = _mm256_add_epi32(total, _mm256_madd_epi16(sum, _mm256_set1_epi16(Entries::kWeight[plane])));
      }
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(dots + 8 * octet), total);
    }
  }
};

// Eight steps from `first` on: fp16, or of an MX format E8M0 scales, as mx_step_value has them.
template <Width kWidth>
__m256 steps_from(const std::uint8_t* steps, std::size_t first, int unit_exponent) {
  if constexpr (is_mx(kWidth)) {
    const __m256i bits = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(steps + first)));
    const __m256i field = _mm256_sub_epi32(bits, _mm256_set1_epi32(unit_exponent));
    const __m256i subnormal = _mm256_sllv_epi32(_mm256_set1_epi32(1), _mm256_add_epi32(field, _mm256_set1_epi32(22)));
    const __m256i normal = _mm256_cmpgt_epi32(field, _mm256_setzero_si256());
    const __m256i words = _mm256_blendv_epi8(subnormal, _mm256_slli_epi32(field, 23), normal);
    const __m256 nan = _mm256_castsi256_ps(_mm256_cmpeq_epi32(bits, _mm256_set1_epi32(0xFF)));
    return _mm256_blendv_ps(_mm256_castsi256_ps(words), _mm256_set1_ps(__builtin_nanf("")), nan);
  } else {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(steps + 2 * first)));
  }
}

__m256i below(std::size_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

// The tile times at most kRows rows of activations, from row `m` on.
template <class Entries, Width kWidth>
void multiply_rows(const TileProduct& product, const Entries& entries, std::size_t m, std::size_t rows) {
  const std::size_t units = product.units_of_block, stride = product.activations.stride;
  const std::int8_t* const a = product.activations.values + m * stride;
  const std::int32_t* const sums = product.activations.sums + m * product.blocks;
  const std::uint8_t* p = product.tile;
  __m256 y[kRows][kOctets];
  for (std::size_t row = 0; row < rows; ++row) {
    for (__m256& octet : y[row]) octet = _mm256_setzero_ps();
  }
  for (std::size_t block = 0; block < product.blocks; ++block) {
    const std::uint8_t* const steps = p;
    p += step_bytes(kWidth);
    // The sums start at minus what the offset adds.
    std::int32_t dots[kRows][kTileRows];
    for (std::size_t row = 0; row < rows; ++row) {
      const __m256i start = _mm256_set1_epi32(-Entries::kOffset * sums[row * product.blocks + block]);
      for (std::size_t octet = 0; octet < kOctets; ++octet) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(dots[row] + 8 * octet), start);
      }
    }
    for (std::size_t unit = 0; unit < units; ++unit) {
      const Unit<Entries, kWidth> decoded(entries, p);
      const std::size_t start = (block * units + unit) * kUnitWeights;
      for (std::size_t row = 0; row < rows; ++row) decoded.add_products(a + row * stride + start, dots[row]);
      p += unit_bytes_of(kWidth);
    }
    for (std::size_t octet = 0; octet < kOctets; ++octet) {
      const __m256 step = steps_from<kWidth>(steps, 8 * octet, product.table->unit_exponent);
      for (std::size_t row = 0; row < rows; ++row) {
        const __m256 dot = _mm256_cvtepi32_ps(load(dots[row] + 8 * octet));
        y[row][octet] = _mm256_add_ps(y[row][octet], _mm256_mul_ps(step, dot));
      }
    }
  }
  for (std::size_t row = 0; row < rows; ++row) {
    const __m256 scale = _mm256_set1_ps(product.activations.scales[m + row]);
    for (std::size_t octet = 0; octet < kOctets && 8 * octet < product.outputs; ++octet) {
      float* const out = product.y + (m + row) * product.stride + 8 * octet;
      _mm256_maskstore_ps(out, below(product.outputs - 8 * octet), _mm256_mul_ps(y[row][octet], scale));
    }
  }
}

template <class Entries, Width kWidth>
void multiply_all_rows(const TileProduct& product) {
  const Entries entries(*product.table);
  const std::size_t rows = product.activations.rows;
  for (std::size_t m = 0; m < rows; m += kRows) {
    multiply_rows<Entries, kWidth>(product, entries, m, rows - m < kRows ? rows - m : kRows);
  }
}

// Even bytes of the 32 in the lower 16, odd ones in the upper 16.
__m256i unit_of(__m256i natural) {
  const __m128i evens_first = _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
  const __m256i words = _mm256_shuffle_epi8(natural, _mm256_broadcastsi128_si256(evens_first));
  return _mm256_permute4x64_epi64(words, 0xD8);
}

std::int32_t sum_of(__m256i lanes) {
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
}

}  // namespace

void avx2_arrange_activations(const std::int8_t* row, std::size_t count, std::size_t block_size, std::int8_t* values,
                              std::int32_t* sums) {
  for (std::size_t start = 0; start < count; start += block_size) {
    __m256i sum = _mm256_setzero_si256();
    for (std::size_t j = start; j < start + block_size; j += kUnitWeights) {
      std::int8_t last[kUnitWeights] = {};
      const std::size_t rest = j < count ? count - j : 0;
      if (rest < kUnitWeights) __builtin_memcpy(last, row + (rest > 0 ? j : 0), rest);
      const __m256i natural = load(rest < kUnitWeights ? last : row + j);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(values + j), unit_of(natural));
      const __m256i twos = _mm256_maddubs_epi16(_mm256_set1_epi8(1), natural);
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(twos, _mm256_set1_epi16(1)));
    }
    *sums++ = sum_of(sum);
  }
}

void avx2_multiply_tile(const TileProduct& product) {
  const StoredTable& table = *product.table;
  switch (product.width) {
    case Width::stream:
      return table.arithmetic ? multiply_all_rows<Arithmetic, Width::stream>(product)
                              : multiply_all_rows<LookUp, Width::stream>(product);
    case Width::byte:
      return table.arithmetic ? multiply_all_rows<Arithmetic, Width::byte>(product)
                              : multiply_all_rows<LookUp, Width::byte>(product);
    case Width::fp4: return multiply_all_rows<LookUp4, Width::fp4>(product);
    case Width::fp6:
      return table.split ? multiply_all_rows<LookUp6<2>, Width::fp6>(product)
                         : multiply_all_rows<LookUp6<1>, Width::fp6>(product);
  }
}

}  // namespace q35

#endif
