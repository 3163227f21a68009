import Q35.Accumulate
import Q35.Bits
import Q35.MxScale
import Q35.Size
import Q35.Slot
import Q35.Table

open Q35

/-! How many bytes rows, blocks and files take. -/

/-- The stream takes no more than the byte layout. -/
theorem field_storage_1 (b n : Nat) : streamRowBytes b n ≤ byteRowBytes b n := by
  sorry

/-- The blocks of a row hold it. -/
theorem field_storage_2 (b n : Nat) (hb : 0 < b) : n ≤ blockCount b n * b := by
  sorry

/-- The pairs of a row hold it, with at most one place to spare. -/
theorem field_storage_3 (n : Nat) : n ≤ 2 * pairCount n ∧ 2 * pairCount n ≤ n + 1 := by
  sorry

/-- A step costs bits. -/
theorem field_storage_4 (c s b : Nat) : (c : Rat) / 2 ≤ bitsPerWeight c s b := by
  sorry

/-- The bytes of two parts. -/
theorem field_storage_5 (m n : Nat) (bits : Rat) : bytesOf (m + n) bits = bytesOf m bits + bytesOf n bits := by
  sorry

/-- A row with a weight has a block. -/
theorem field_storage_6 (b n : Nat) (hb : 0 < b) (hn : 0 < n) : 0 < blockCount b n := by
  sorry

/-- Seven bits with a step for 256 weights. -/
theorem field_storage_7 : bitsPerWeight 7 16 256 = 57 / 16 := by
  sorry

/-- Blocks of one weight. -/
theorem field_storage_8 (n : Nat) : blockCount 1 n = n := by
  sorry

/-- Larger blocks are no more in number. -/
theorem field_storage_9 (a b n : Nat) (ha : 0 < a) (h : a ≤ b) : blockCount b n ≤ blockCount a n := by
  sorry

/-- A row of whole blocks of 64 in the stream is an eighth shorter than in the byte layout, steps apart. -/
theorem field_storage_10 (k : Nat) : 8 * (streamRowBytes 64 (64 * k) - 2 * k) = 7 * (byteRowBytes 64 (64 * k) - 2 * k) := by
  sorry

/-- More bits, more bytes. -/
theorem field_storage_11 (n : Nat) (a b : Rat) (h : a ≤ b) : bytesOf n a ≤ bytesOf n b := by
  sorry

/-- Whole groups of eight codes, and the rest. -/
theorem field_storage_12 (k r : Nat) : bitSize 7 (8 * k + r) = 7 * k + bitSize 7 r := by
  sorry

/-- Codes of any width in whole groups of eight, and the rest. -/
theorem field_storage_13 (w k r : Nat) : bitSize w (8 * k + r) = w * k + bitSize w r := by
  sorry

/-- A step for more weights costs fewer bits. -/
theorem field_storage_14 (c s k : Nat) (hk : 0 < k) : bitsPerWeight c s (2 * k) < bitsPerWeight c s k ∨ s = 0 := by
  sorry
