// All kernels, for compilers that are asked for a GPU's machine code alone.
#include "kernels.hpp"

namespace q35::gpu {

template Q35_KERNEL(kDecodeThreads) void decode_mx<E2M1>(const uint8_t*, const uint8_t*, uint64_t, float*);
template Q35_KERNEL(kDecodeThreads) void decode_mx<E2M3>(const uint8_t*, const uint8_t*, uint64_t, float*);
template Q35_KERNEL(kDecodeThreads) void decode_mx<E3M2>(const uint8_t*, const uint8_t*, uint64_t, float*);
template Q35_KERNEL(kDecodeThreads) void decode_mx<E4M3>(const uint8_t*, const uint8_t*, uint64_t, float*);
template Q35_KERNEL(kDecodeThreads) void decode_mx<E5M2>(const uint8_t*, const uint8_t*, uint64_t, float*);
template Q35_KERNEL(kDequantizeThreads) void dequantize<float>(Weights, const int8_t*, float*);
template Q35_KERNEL(kDequantizeThreads) void dequantize<Half>(Weights, const int8_t*, Half*);
template Q35_KERNEL(kLinearThreads) void linear<kLookup>(Weights, const int8_t*, const int8_t*, const float*, unsigned,
                                                         float*);
template Q35_KERNEL(kLinearThreads) void linear<1>(Weights, const int8_t*, const int8_t*, const float*, unsigned,
                                                   float*);
template Q35_KERNEL(kLinearThreads) void linear<2>(Weights, const int8_t*, const int8_t*, const float*, unsigned,
                                                   float*);
template Q35_KERNEL(kRowThreads) void linear_row<kLookup>(Weights, const int8_t*, const int8_t*, const float*, float*);
template Q35_KERNEL(kRowThreads) void linear_row<1>(Weights, const int8_t*, const int8_t*, const float*, float*);
template Q35_KERNEL(kRowThreads) void linear_row<2>(Weights, const int8_t*, const int8_t*, const float*, float*);

}  // namespace q35::gpu
