// Kernels of the Q35 and MX formats: one source for NVIDIA, AMD and the host's shim (platform.hpp).
//
// Weights are in the tiled layout of kernels/cpu/tiled.hpp with seven bits a code, proved to read back in
// proofs/Q35/Tiled.lean. As a GPU sees it, with words of four bytes: a unit is 7 vectors of 16 words, word r of vector
// 2 q + h holds the codes 4 q .. 4 q + 3 of row 16 h + r, which are its weights 8 q .. 8 q + 7, first and second slots
// in turn; what stands for vector 7 is spread over the bits 7 of the same word r of all others. So a thread that reads
// word r of every vector has all of the unit's codes of two rows, and needs nobody else's.
#pragma once

#include "decode.hpp"

namespace q35::gpu {

inline constexpr unsigned kTileRows = 32, kUnitWeights = 32, kUnitVectors = 7, kVectorBytes = 64;
inline constexpr unsigned kStepBytes = 2 * kTileRows, kUnitBytes = kUnitVectors * kVectorBytes;
inline constexpr unsigned kUnitWords = kUnitWeights / 4, kMaxBlock = 256;

// A matrix of weights [rows, cols] in the tiled layout.
struct Weights {
  const uint8_t* data;  // aligned to 4 bytes
  unsigned rows, cols;
  unsigned block_size;  // a multiple of 32, at most kMaxBlock

  Q35_FUNCTION unsigned tiles() const { return (rows + kTileRows - 1) / kTileRows; }
  Q35_FUNCTION unsigned blocks() const { return (cols + block_size - 1) / block_size; }
  Q35_FUNCTION unsigned units_of_block() const { return block_size / kUnitWeights; }
  // A block of a tile: its 32 fp16 steps, then its units.
  Q35_FUNCTION const uint8_t* block(unsigned tile, unsigned number) const {
    const uint64_t bytes = kStepBytes + uint64_t{units_of_block()} * kUnitBytes;
    return data + (uint64_t{tile} * blocks() + number) * bytes;
  }
};

// --- Memory

// The bytes of a T at an address that is a multiple of its size.
template <class T>
Q35_DEVICE T load(const void* from) {
  T value;
  __builtin_memcpy(&value, __builtin_assume_aligned(from, sizeof(T)), sizeof(T));
  return value;
}

Q35_DEVICE float load_step(const uint8_t* block, unsigned row) { return step_value(load<uint16_t>(block + 2 * row)); }

// Word r of the vector of a unit: four stored codes, whose bits 7 may hold anything.
Q35_DEVICE uint32_t load_codes(const uint8_t* unit, unsigned vector, unsigned r) {
  if (vector < kUnitVectors) return load<uint32_t>(unit + kVectorBytes * vector + 4 * r);
  uint32_t words[kUnitVectors];
  for (unsigned v = 0; v < kUnitVectors; ++v) words[v] = load<uint32_t>(unit + kVectorBytes * v + 4 * r);
  return eighth_vector(words);
}

// Four values of first and four of second slots, an int8 in each byte.
struct Slots {
  uint32_t first, second;
};

// Eight activations of a row from index k on, a multiple of 8; zeros beyond the row's end.
Q35_DEVICE Slots load_activations(const int8_t* row, unsigned k, unsigned cols) {
  uint32_t low = 0, high = 0;
  if (k + 8 <= cols && reinterpret_cast<uintptr_t>(row + k) % 4 == 0) {
    low = load<uint32_t>(row + k);
    high = load<uint32_t>(row + k + 4);
  } else {
    for (unsigned j = 0; j < 4; ++j) {
      if (k + j < cols) low |= static_cast<uint32_t>(static_cast<uint8_t>(row[k + j])) << 8 * j;
      if (k + 4 + j < cols) high |= static_cast<uint32_t>(static_cast<uint8_t>(row[k + 4 + j])) << 8 * j;
    }
  }
  return {permute<0x6420>(low, high), permute<0x7531>(low, high)};
}

// `count` of eight neighbours; all at once where they lie on a multiple of 16 bytes.
template <class T>
Q35_DEVICE void store(T* to, const T (&values)[8], unsigned count) {
  if (count >= 8 && reinterpret_cast<uintptr_t>(to) % 16 == 0) {
    __builtin_memcpy(__builtin_assume_aligned(static_cast<void*>(to), 16), values, sizeof(values));
  } else {
    for (unsigned j = 0; j < 8; ++j) {
      if (j < count) to[j] = values[j];
    }
  }
}

// --- Codes, elements and weights

// Codes [count] to slots [count, 2], hi and lo. A byte of 128 or more is no code: `first_bad` becomes the least index
// of one, and its slots are zeros.
inline constexpr unsigned kDecodeThreads = 256;

Q35_KERNEL(kDecodeThreads) void decode(const uint8_t* codes, uint64_t count, int8_t* slots, uint64_t* first_bad) {
  const uint64_t i = uint64_t{kDecodeThreads} * block_x() + thread_index();
  if (i >= count) return;
  const uint32_t code = codes[i];
  const bool valid = code < kCodes;
  if (!valid) atomic_min(first_bad, i);
  slots[2 * i] = static_cast<int8_t>(valid ? decode_hi(code) : 0);
  slots[2 * i + 1] = static_cast<int8_t>(valid ? decode_lo(code) : 0);
}

// MX elements [count], the bits of one in each byte, and a scale for each 32 of them, to float32 [count].
template <class Element>
Q35_KERNEL(kDecodeThreads)
void decode_mx(const uint8_t* elements, const uint8_t* scales, uint64_t count, float* values) {
  const uint64_t i = uint64_t{kDecodeThreads} * block_x() + thread_index();
  if (i >= count) return;
  const float element = float_of_bits(element_to_float_bits<Element>(elements[i]));
  values[i] = multiply(element, float_of_bits(scale_to_float_bits(scales[i / 32])));
}

Q35_DEVICE float weight_of(float step, int8_t entry, float) { return multiply(step, static_cast<float>(entry)); }
// Rounded once: the entry is exact.
Q35_DEVICE Half weight_of(Half step, int8_t entry, Half) {
  return multiply(step, subtract(half_of_bits(magic_half_bits(entry)), half_of_bits(kMagicBits)));
}

Q35_DEVICE float step_as(const uint8_t* block, unsigned row, float) { return load_step(block, row); }
Q35_DEVICE Half step_as(const uint8_t* block, unsigned row, Half) {
  return half_of_bits(step_bits(load<uint16_t>(block + 2 * row)));
}

// All weights, step * table[code], to out [rows, cols]; `table` int8 [128, 2]. A block of threads does a unit, a thread
// the four codes of a word.
inline constexpr unsigned kDequantizeThreads = kTileRows * kUnitWeights / 8;

template <class Out>
Q35_KERNEL(kDequantizeThreads)
void dequantize(Weights weights, const int8_t* table, Out* out) {
  const unsigned q = thread_index() % 4, row = thread_index() / 4, tile = block_x();
  const unsigned number = block_y() / weights.units_of_block(), unit = block_y() % weights.units_of_block();
  const unsigned y = kTileRows * tile + row, x = kUnitWeights * block_y() + 8 * q;
  if (y >= weights.rows || x >= weights.cols) return;
  const uint8_t* const block = weights.block(tile, number);
  const uint32_t codes = load_codes(block + kStepBytes + unit * kUnitBytes, 2 * q + row / 16, row % 16);
  const Out step = step_as(block, row, Out{});
  Out values[8];
  for (unsigned j = 0; j < 8; ++j) {
    const uint32_t code = code_of_stored(codes >> 8 * (j / 2));
    values[j] = weight_of(step, table[2 * code + j % 2], Out{});
  }
  store(out + uint64_t{y} * weights.cols + x, values, weights.cols - x);
}

// --- Products

// How the entries of codes are found: by look-up in a table of 128 pairs, or, where the table is (hi, kLoScale * lo),
// by arithmetic on four of them at once.
inline constexpr unsigned kLookup = 0;

// The table in shared memory: the pair of the *stored* code i in halfword i, its first entry in the low byte.
using Table = SharedArray<uint16_t, kCodes>;

Q35_DEVICE void stage_table(const int8_t* from, Table& table, unsigned threads) {
  for (unsigned i = thread_index(); i < kCodes; i += threads) {
    const unsigned code = code_of_stored(i);
    const unsigned first = static_cast<uint8_t>(from[2 * code]), second = static_cast<uint8_t>(from[2 * code + 1]);
    table[i] = static_cast<uint16_t>(first | second << 8);
  }
}

template <unsigned kLoScale>
Q35_DEVICE Slots entries_of(uint32_t codes, Table& table) {
  if constexpr (kLoScale != kLookup) {
    return {stored_hi(codes), stored_lo<kLoScale>(codes)};
  } else {
    uint32_t pair[4];
    for (unsigned j = 0; j < 4; ++j) pair[j] = table[codes >> 8 * j & (kCodes - 1)];
    const uint32_t low = permute<0x5140>(pair[0], pair[1]), high = permute<0x5140>(pair[2], pair[3]);
    return {permute<0x5410>(low, high), permute<0x7632>(low, high)};
  }
}

// Products of many rows: int8 activations a [m, cols] with `scales` float32 [m] times the weights, transposed, to
// y float32 [m, rows]. Source: matmulRow in proofs/Q35/MatMul.lean; for each block in order acc = acc + step * dot in
// float32 without fma, the dot exact in int32, then acc * scale.
//
// A block of threads makes 64 x 64 outputs, a thread 4 x 8 of them. For each unit of 32 weights both operands go to
// shared memory as words of four int8: word 2 q + s holds slot s of the codes 4 q .. 4 q + 3.
inline constexpr unsigned kLinearThreads = 128, kLinearRows = 64, kLinearCols = 2 * kTileRows;

template <unsigned kLoScale>
Q35_KERNEL(kLinearThreads)
void linear(Weights weights, const int8_t* entries, const int8_t* a, const float* scales, unsigned m, float* y) {
  constexpr unsigned kOwnRows = 4, kOwnCols = 8;
  // Four words more than a line takes: the words that neighbouring threads write lie in different banks.
  constexpr unsigned kLine = 64 + 4;
  Q35_SHARED Table table;
  Q35_SHARED SharedArray<uint32_t, kUnitWords * kLine> left;
  Q35_SHARED SharedArray<uint32_t, kUnitWords * kLine> right;
  Q35_SHARED SharedArray<float, kLinearCols> steps;

  const unsigned thread = thread_index(), own_row = thread / 8, own_col = thread % 8;
  const unsigned first_row = kLinearRows * block_y(), first_tile = kLinearCols / kTileRows * block_x();
  // Of the staging: a line of a word of the weights (32 threads, so that a warp has one q), and of the activations.
  const unsigned weight_q = thread / 32, weight_tile = thread % 32 / 16, r = thread % 16;
  const bool exists = first_tile + weight_tile < weights.tiles();
  const unsigned activation_q = thread % 4;

  if constexpr (kLoScale == kLookup) stage_table(entries, table, kLinearThreads);
  float sums[kOwnRows][kOwnCols] = {};
  for (unsigned number = 0; number < weights.blocks(); ++number) {
    int32_t dots[kOwnRows][kOwnCols] = {};
    const uint8_t* const block = weights.block(first_tile + weight_tile, number);
    for (unsigned unit = 0; unit < weights.units_of_block(); ++unit) {
      barrier();  // what is written now was read by all
      for (unsigned h = 0; h < 2; ++h) {
        const uint8_t* const from = block + kStepBytes + unit * kUnitBytes;
        const uint32_t codes = exists ? load_codes(from, 2 * weight_q + h, r) : 0;
        const Slots slots = entries_of<kLoScale>(codes, table);
        const unsigned col = kTileRows * weight_tile + 16 * h + r;
        right[2 * weight_q * kLine + col] = slots.first;
        right[(2 * weight_q + 1) * kLine + col] = slots.second;
        if (unit == 0 && weight_q == 0) steps[col] = exists ? load_step(block, 16 * h + r) : 0;
      }
      for (unsigned row = thread / 4; row < kLinearRows; row += kLinearThreads / 4) {
        const unsigned k = number * weights.block_size + unit * kUnitWeights + 8 * activation_q;
        const uint64_t from = uint64_t{first_row + row} * weights.cols;
        const Slots slots = first_row + row < m ? load_activations(a + from, k, weights.cols) : Slots{0, 0};
        left[2 * activation_q * kLine + row] = slots.first;
        left[(2 * activation_q + 1) * kLine + row] = slots.second;
      }
      barrier();
      for (unsigned word = 0; word < kUnitWords; ++word) {
        uint32_t x[kOwnRows], w[kOwnCols];
        for (unsigned i = 0; i < kOwnRows; ++i) x[i] = left[word * kLine + own_row + 16 * i];
        for (unsigned j = 0; j < kOwnCols; ++j) w[j] = right[word * kLine + own_col + 8 * j];
        for (unsigned i = 0; i < kOwnRows; ++i) {
          for (unsigned j = 0; j < kOwnCols; ++j) dots[i][j] = dot4(x[i], w[j], dots[i][j]);
        }
      }
    }
    for (unsigned i = 0; i < kOwnRows; ++i) {
      for (unsigned j = 0; j < kOwnCols; ++j) {
        sums[i][j] = add(sums[i][j], multiply(steps[own_col + 8 * j], static_cast<float>(dots[i][j])));
      }
    }
  }
  for (unsigned i = 0; i < kOwnRows; ++i) {
    const unsigned row = first_row + own_row + 16 * i;
    for (unsigned j = 0; j < kOwnCols; ++j) {
      const unsigned col = kLinearCols * block_x() + own_col + 8 * j;
      if (row < m && col < weights.rows) y[uint64_t{row} * weights.rows + col] = multiply(sums[i][j], scales[row]);
    }
  }
}

// The product of one row, bound by the reading of the weights: y float32 [rows] of a int8 [cols] and its scale.
//
// A block of threads makes the 32 outputs of a tile. Each 16 threads take a block of the row, a thread in it word r of
// all vectors: the rows r and 16 + r. Their step * dot go to shared memory, from where one thread an output adds them
// in order. As many threads as there can be, so that as much of the weights as possible is on its way.
inline constexpr unsigned kRowThreads = 1024;

template <unsigned kLoScale>
Q35_KERNEL(kRowThreads)
void linear_row(Weights weights, const int8_t* entries, const int8_t* a, const float* scale, float* y) {
  constexpr unsigned kChunk = kRowThreads / 16;  // blocks at a time
  Q35_SHARED Table table;
  Q35_SHARED SharedArray<uint32_t, kChunk * kMaxBlock / 4> activations;
  Q35_SHARED SharedArray<float, kChunk * kTileRows> products;

  const unsigned thread = thread_index(), r = thread % 16, number = thread / 16, tile = block_x();
  const unsigned units = weights.units_of_block();
  if constexpr (kLoScale == kLookup) stage_table(entries, table, kRowThreads);
  float sum = 0;
  for (unsigned first = 0; first < weights.blocks(); first += kChunk) {
    const unsigned left = weights.blocks() - first, count = left < kChunk ? left : kChunk;
    for (unsigned i = thread; i < count * weights.block_size / 8; i += kRowThreads) {
      const Slots slots = load_activations(a, first * weights.block_size + 8 * i, weights.cols);
      activations[2 * i] = slots.first;
      activations[2 * i + 1] = slots.second;
    }
    barrier();
    if (number < count) {
      const uint8_t* const block = weights.block(tile, first + number);
      int32_t dots[2] = {};
      for (unsigned unit = 0; unit < units; ++unit) {
        uint32_t words[kUnitVectors];
        for (unsigned v = 0; v < kUnitVectors; ++v) {
          words[v] = load<uint32_t>(block + kStepBytes + unit * kUnitBytes + kVectorBytes * v + 4 * r);
        }
        for (unsigned v = 0; v <= kUnitVectors; ++v) {
          const uint32_t codes = v < kUnitVectors ? words[v] : eighth_vector(words);
          const Slots slots = entries_of<kLoScale>(codes, table);
          const unsigned word = (number * units + unit) * kUnitWords + v / 2 * 2;
          dots[v % 2] = dot4(slots.first, activations[word], dots[v % 2]);
          dots[v % 2] = dot4(slots.second, activations[word + 1], dots[v % 2]);
        }
      }
      for (unsigned h = 0; h < 2; ++h) {
        const unsigned row = 16 * h + r;
        products[kTileRows * number + row] = multiply(load_step(block, row), static_cast<float>(dots[h]));
      }
    }
    barrier();
    for (unsigned i = 0; thread < kTileRows && i < count; ++i) sum = add(sum, products[kTileRows * i + thread]);
  }
  const unsigned row = kTileRows * tile + thread;
  if (thread < kTileRows && row < weights.rows) y[row] = multiply(sum, *scale);
}

}  // namespace q35::gpu
