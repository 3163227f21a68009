module

public import Q35.Stream

@[expose] public section

/-! How large quantized weights are, and what the published memory figures are worth. All figures are exact rationals:
bits per weight as `Rat`, whole files in bytes as `Nat`. -/

namespace Q35

/-- Bits per weight: codes of `codeBits` bits for two weights, one step of `stepBits` bits for `blockSize` weights. -/
def bitsPerWeight (codeBits stepBits blockSize : Nat) : Rat := (codeBits : Rat) / 2 + stepBits / blockSize

/-- Codes of a row of `n` weights: two weights a code, an odd row padded with one zero. -/
def pairCount (n : Nat) : Nat := (n + 1) / 2

/-- Blocks of a row of `n` weights; the last may be short. -/
def blockCount (blockSize n : Nat) : Nat := (n + blockSize - 1) / blockSize

/-- Bytes of a row of `n` weights in the stream layout, its fp16 steps included. -/
def streamRowBytes (blockSize n : Nat) : Nat := streamSize (pairCount n) + 2 * blockCount blockSize n

/-- Bytes of a row of `n` weights in the byte layout, its fp16 steps included. -/
def byteRowBytes (blockSize n : Nat) : Nat := pairCount n + 2 * blockCount blockSize n

/-! ### Bits per weight -/

/-- A code alone: 3.5 bits a weight in the stream, 4 in the byte layout. -/
theorem bitsPerWeight_codes : bitsPerWeight 7 0 1 = 7 / 2 ∧ bitsPerWeight 8 0 1 = 4 := by decide +kernel

/-- With an fp16 step for 64 weights: 3.75 bits. -/
theorem bitsPerWeight_64 : bitsPerWeight 7 16 64 = 15 / 4 := by decide +kernel

/-- With an fp16 step for 32 weights: 4 bits. -/
theorem bitsPerWeight_32 : bitsPerWeight 7 16 32 = 4 := by decide +kernel

/-- With an fp16 step for 128 weights: 3.625 bits. -/
theorem bitsPerWeight_128 : bitsPerWeight 7 16 128 = 29 / 8 := by decide +kernel

/-- The byte layout with an fp16 step for 64 weights: 4.25 bits. -/
theorem bitsPerWeight_byte_64 : bitsPerWeight 8 16 64 = 17 / 4 := by decide +kernel

/-- The siblings alone: 5-bit codes have 2.5 bits a weight, 3-bit codes 1.5. -/
theorem bitsPerWeight_siblings : bitsPerWeight 5 0 1 = 5 / 2 ∧ bitsPerWeight 3 0 1 = 3 / 2 := by decide +kernel

/-! ### Bytes of a row -/

/-- Whole groups of 16 weights take 7 bytes in the stream: exactly 3.5 bits a weight. -/
theorem streamSize_of_weights (k : Nat) : streamSize (pairCount (16 * k)) = 7 * k := by
  unfold streamSize pairCount; omega

/-- Whole blocks of 64 weights take 30 bytes in the stream, step included: exactly 3.75 bits a weight. -/
theorem streamRowBytes_64 (k : Nat) : streamRowBytes 64 (64 * k) = 30 * k := by
  unfold streamRowBytes streamSize pairCount blockCount; omega

/-- Whole blocks of 32 weights take 16 bytes in the stream, step included: exactly 4 bits a weight. -/
theorem streamRowBytes_32 (k : Nat) : streamRowBytes 32 (32 * k) = 16 * k := by
  unfold streamRowBytes streamSize pairCount blockCount; omega

/-- Whole blocks of 128 weights take 58 bytes in the stream, step included: exactly 3.625 bits a weight. -/
theorem streamRowBytes_128 (k : Nat) : streamRowBytes 128 (128 * k) = 58 * k := by
  unfold streamRowBytes streamSize pairCount blockCount; omega

/-- Whole blocks of 64 weights take 34 bytes in the byte layout, step included. -/
theorem byteRowBytes_64 (k : Nat) : byteRowBytes 64 (64 * k) = 34 * k := by
  unfold byteRowBytes pairCount blockCount; omega

/-- A row of any length: the stream takes at least 3.5 bits a weight, and at most 10.5 bits more for its last byte. -/
theorem streamSize_pairCount_bounds (n : Nat) :
    7 * n ≤ 16 * streamSize (pairCount n) ∧ 16 * streamSize (pairCount n) ≤ 7 * n + 21 := by
  unfold streamSize pairCount; omega

/-- The stream is never longer than the byte layout. -/
theorem streamSize_le (n : Nat) : streamSize n ≤ n := by unfold streamSize; omega

/-! ### The published figures -/

/-- Bytes of `n` weights at `bits` bits a weight. -/
def bytesOf (n : Nat) (bits : Rat) : Rat := n * bits / 8

/-- The weights of "LLaMA-70B", as published. -/
def llama70B : Nat := 70000000000

/-- 10^9 bytes. -/
def gigabyte : Rat := 1000000000

/-- 2^30 bytes. -/
def gibibyte : Rat := 1073741824

/-- LLaMA-70B at 3.5 bits takes 30.625 GB. -/
theorem llama70B_stream : bytesOf llama70B (7 / 2) = (30625 / 1000) * gigabyte := by decide +kernel

/-- 30.625 GB are between 28.52 and 28.53 GiB. -/
theorem llama70B_stream_gibibytes :
    (2852 / 100) * gibibyte < bytesOf llama70B (7 / 2) ∧ bytesOf llama70B (7 / 2) < (2853 / 100) * gibibyte := by
  decide +kernel

/-- LLaMA-70B in the byte layout takes 35 GB. -/
theorem llama70B_byte : bytesOf llama70B 4 = 35 * gigabyte := by decide +kernel

/-- LLaMA-70B with an fp16 step for 64 weights takes 32.8125 GB. -/
theorem llama70B_block_64 : bytesOf llama70B (bitsPerWeight 7 16 64) = (328125 / 10000) * gigabyte := by
  decide +kernel

/-- Refuted: "LLaMA-70B in 19 GB". Not in GB, not in GiB, not as 19.06. -/
theorem not_19_gigabytes :
    ¬bytesOf llama70B (7 / 2) ≤ 19 * gigabyte ∧ ¬bytesOf llama70B (7 / 2) ≤ (1906 / 100) * gibibyte := by
  decide +kernel

/-- 19.06 GB for 70e9 weights would be less than 2.2 bits a weight. -/
theorem bits_of_19_gigabytes : bytesOf llama70B (22 / 10) > (1906 / 100) * gigabyte := by decide +kernel

/-- 3.5 bits are 12.5 % smaller than int4's 4 bits, before scales. -/
theorem saving_against_int4 : 1 - (7 / 2 : Rat) / 4 = 125 / 1000 := by decide +kernel

/-- Refuted: "46 % smaller than INT4". -/
theorem not_46_percent_smaller : ¬(7 / 2 : Rat) ≤ (1 - 46 / 100) * 4 := by decide +kernel

/-- With its steps at block 64, Q35 is 6.25 % smaller than int4 without any scale. -/
theorem saving_against_int4_block_64 : 1 - bitsPerWeight 7 16 64 / 4 = 625 / 10000 := by decide +kernel

/-- Against float32, the stream without scales is between 9.14 and 9.15 times smaller: the published 9.13 holds. -/
theorem ratio_stream : (914 / 100 : Rat) < 32 / (7 / 2) ∧ (32 / (7 / 2) : Rat) < 915 / 100 := by decide +kernel

/-- The published 9.13 does not hold with steps at block 64 (8.53), at block 128 (8.83), or in the byte layout (8). -/
theorem ratio_not_otherwise :
    32 / bitsPerWeight 7 16 64 < 854 / 100 ∧ 32 / bitsPerWeight 7 16 128 < 883 / 100 ∧ (32 / 4 : Rat) = 8 := by
  decide +kernel

/-- The byte layout alone is 8 times smaller than float32. -/
theorem ratio_byte : 32 / bitsPerWeight 8 0 1 = 8 := by decide +kernel

/-- The published "7.97 times, 3.5-bit" is more than 4 bits a weight: between the byte layout alone and the byte layout
with an fp16 step for 1024 weights. -/
theorem ratio_797 : (32 / (797 / 100) : Rat) > 4 ∧ (32 / (797 / 100) : Rat) < bitsPerWeight 8 16 1024 := by
  decide +kernel

/-- MXFP6 with its scale has 6.25 bits a value: 39.0625 % of fp16, not 37.5 %; a cut of 60.9375 %. -/
theorem mxfp6_of_fp16 : (6 + 8 / 32 : Rat) / 16 = 390625 / 1000000 ∧ (6 + 8 / 32 : Rat) / 16 ≠ 375 / 1000 := by
  decide +kernel

end Q35
