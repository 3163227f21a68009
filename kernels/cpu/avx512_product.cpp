// Products with tiled weights for AVX-512 with VBMI and VNNI. As in avx512.cpp nothing here may be shared inline.
#include "avx512_product.hpp"

#if defined(__x86_64__)

#include "avx512_entries.hpp"

namespace q35 {
namespace {

__m512i broadcast(const std::int8_t* four) {
  int value;
  __builtin_memcpy(&value, four, sizeof value);
  return _mm512_set1_epi32(value);
}

// sums += the products of four unsigned and four signed bytes a lane. Written out, because GCC 12 copies the sums of
// the intrinsic from register to register, and out of them.
__m512i add_products(__m512i sums, __m512i entries, __m512i activations) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(entries), "v"(activations));
  return sums;
}

// The tile times kRows rows of activations from row `m` on. The sums of a block start at minus what the offset adds.
template <class Entries, Width kWidth, int kRows>
void multiply_rows(const TileProduct& product, const Entries& entries, std::size_t m) {
  constexpr int kParts = Entries::kParts;
  constexpr bool kManySums = kRows * kParts > 4;
  const std::size_t units = product.units_of_block, stride = product.activations.stride;
  const std::int8_t* a = product.activations.values + m * stride;
  const std::int32_t* const sums = product.activations.sums + m * product.blocks;
  const std::uint8_t* p = product.tile;
  __m512 y[kRows][kHalves];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) y[r][0] = y[r][1] = _mm512_setzero_ps();
  for (std::size_t block = 0; block < product.blocks; ++block) {
    const std::uint8_t* const steps = p;
    p += step_bytes(kWidth);
    __m512i dots[kRows][kParts][kHalves];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const std::int32_t sum = sums[static_cast<std::size_t>(r) * product.blocks + block];
      const __m512i start = _mm512_set1_epi32(-Entries::kScale * Entries::kOffset * sum);
#pragma GCC unroll 2
      for (int part = 0; part < kParts; ++part) dots[r][part][0] = dots[r][part][1] = start;
    }
    for (std::size_t unit = 0; unit < units; ++unit) {
      const UnitCodes<kWidth> codes(p);
      // Many sums need the registers: the codes are loaded again.
      if constexpr (kManySums) asm volatile("" : : : "memory");
#pragma GCC unroll 4
      for (std::size_t quad = 0; quad < kQuads; ++quad) {
#pragma GCC unroll 2
        for (std::size_t slot = 0; slot < 2; ++slot) {
          const __m512i pair[] = {codes.vector(2 * quad, slot), codes.vector(2 * quad + 1, slot)};
#pragma GCC unroll 2
          for (int part = 0; part < kParts; ++part) {
            const __m512i entry0 = entries.entry(pair[0], slot, part), entry1 = entries.entry(pair[1], slot, part);
#pragma GCC unroll 8
            for (int r = 0; r < kRows; ++r) {
              const std::size_t four = 4 * quad + slot * (kUnitWeights / 2);
              const __m512i values = broadcast(a + static_cast<std::size_t>(r) * stride + four);
              dots[r][part][0] = add_products(dots[r][part][0], entry0, values);
              dots[r][part][1] = add_products(dots[r][part][1], entry1, values);
            }
          }
          if constexpr (kManySums) asm volatile("" : : : "memory");
        }
      }
      p += UnitCodes<kWidth>::kBytes;
      a += kUnitWeights;
    }
#pragma GCC unroll 2
    for (std::size_t half = 0; half < kHalves; ++half) {
      const __m512 step = steps_over<kWidth>(steps, 16 * half, Entries::kScale, product.table->unit_exponent);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        __m512i dot = dots[r][0][half];
        if constexpr (kParts == 2) {
          static_assert(kHighUnits == 1 << 4);
          dot = _mm512_add_epi32(dot, _mm512_slli_epi32(dots[r][1][half], 4));
        }
        y[r][half] = _mm512_add_ps(y[r][half], _mm512_mul_ps(step, _mm512_cvtepi32_ps(dot)));
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    const std::size_t row = m + static_cast<std::size_t>(r);
    const __m512 scale = _mm512_set1_ps(product.activations.scales[row]);
    for (std::size_t half = 0; half < kHalves; ++half) {
      _mm512_mask_storeu_ps(product.y + row * product.stride + 16 * half, outputs_from(16 * half, product.outputs),
                            _mm512_mul_ps(y[r][half], scale));
    }
  }
}

template <class Entries, Width kWidth>
void multiply_all_rows(const TileProduct& product) {
  const Entries entries(*product.table);
  const std::size_t rows = product.activations.rows;
  std::size_t m = 0;
  if constexpr (Entries::kParts == 1) {
    for (; m + 8 <= rows; m += 8) multiply_rows<Entries, kWidth, 8>(product, entries, m);
  }
  for (; m + 4 <= rows; m += 4) multiply_rows<Entries, kWidth, 4>(product, entries, m);
  if (m + 2 <= rows) multiply_rows<Entries, kWidth, 2>(product, entries, m), m += 2;
  if (m < rows) multiply_rows<Entries, kWidth, 1>(product, entries, m);
}

// Even bytes of each 32 in the lower 16, odd ones in the upper 16.
__m512i units_of(__m512i natural) {
  const __m512i words = _mm512_shuffle_epi8(
      natural, _mm512_broadcast_i32x4(_mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15)));
  return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 1, 3, 4, 6, 5, 7), words);
}

}  // namespace

void avx512_quantize_int8(const float* x, std::size_t count, float scale, std::int8_t* values) {
  constexpr int nearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  const __m512d divisor = _mm512_set1_pd(scale);
  for (std::size_t j = 0; j < count; j += 8) {
    const __mmask8 mask = static_cast<__mmask8>(count - j >= 8 ? 0xFFu : (1u << (count - j)) - 1);
    const __m512d quotient = _mm512_div_pd(_mm512_cvtps_pd(_mm256_maskz_loadu_ps(mask, x + j)), divisor);
    // Saturating: the quotient is within [-128.5, 127.5] unless the scale is a subnormal that was rounded.
    const __m128i bytes = _mm256_cvtsepi32_epi8(_mm512_cvtpd_epi32(_mm512_roundscale_pd(quotient, nearest)));
    _mm_mask_storeu_epi8(values + j, mask, bytes);
  }
}

void avx512_arrange_activations(const std::int8_t* row, std::size_t count, std::size_t block_size, std::int8_t* values,
                                std::int32_t* sums) {
  for (std::size_t start = 0; start < count; start += block_size) {
    __m512i sum = _mm512_setzero_si512();
    for (std::size_t j = start; j < start + block_size; j += kUnitWeights) {
      const std::size_t rest = j < count ? count - j : 0;
      const __mmask64 mask = rest >= kUnitWeights ? 0xFFFFFFFFu : (__mmask64{1} << rest) - 1;
      const __m512i natural = rest == 0 ? _mm512_setzero_si512() : _mm512_maskz_loadu_epi8(mask, row + j);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(values + j), _mm512_castsi512_si256(units_of(natural)));
      sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), natural);
    }
    *sums++ = _mm512_reduce_add_epi32(sum);
  }
}

void avx512_multiply_tile(const TileProduct& product) {
  const StoredTable& table = *product.table;
  switch (product.width) {
    case Width::stream:
      return (table.arithmetic ? multiply_all_rows<Arithmetic, Width::stream>
                               : multiply_all_rows<LookUp, Width::stream>)(product);
    case Width::byte:
      return (table.arithmetic ? multiply_all_rows<Arithmetic, Width::byte>
                               : multiply_all_rows<LookUp, Width::byte>)(product);
    case Width::fp4: return multiply_all_rows<LookUp4, Width::fp4>(product);
    case Width::fp6:
      return (table.split ? multiply_all_rows<LookUp6<2>, Width::fp6>
                          : multiply_all_rows<LookUp6<1>, Width::fp6>)(product);
  }
}

}  // namespace q35

#endif
