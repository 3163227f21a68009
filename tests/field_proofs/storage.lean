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
  unfold streamRowBytes byteRowBytes streamSize
  omega

/-- The blocks of a row hold it. -/
theorem field_storage_2 (b n : Nat) (hb : 0 < b) : n ≤ blockCount b n * b := by
  have := Nat.div_add_mod' (n + b - 1) b
  have := Nat.mod_lt (n + b - 1) hb
  unfold blockCount
  omega

/-- The pairs of a row hold it, with at most one place to spare. -/
theorem field_storage_3 (n : Nat) : n ≤ 2 * pairCount n ∧ 2 * pairCount n ≤ n + 1 := by
  unfold pairCount
  omega

/-- A step costs bits. -/
theorem field_storage_4 (c s b : Nat) : (c : Rat) / 2 ≤ bitsPerWeight c s b := by
  have h : (0 : Rat) ≤ s / b := by
    rcases Nat.eq_zero_or_pos b with rfl | hb
    · simp [Rat.div_def, Rat.le_refl]
    · rw [le_div_iff (Rat.natCast_pos.mpr hb), Rat.zero_mul]
      exact Rat.natCast_nonneg
  unfold bitsPerWeight
  grind

/-- The bytes of two parts. -/
theorem field_storage_5 (m n : Nat) (bits : Rat) : bytesOf (m + n) bits = bytesOf m bits + bytesOf n bits := by
  unfold bytesOf
  rw [Rat.natCast_add]
  grind

/-- A row with a weight has a block. -/
theorem field_storage_6 (b n : Nat) (hb : 0 < b) (hn : 0 < n) : 0 < blockCount b n := by
  unfold blockCount
  exact Nat.div_pos (by omega) hb

/-- Seven bits with a step for 256 weights. -/
theorem field_storage_7 : bitsPerWeight 7 16 256 = 57 / 16 := by
  decide +kernel

/-- Blocks of one weight. -/
theorem field_storage_8 (n : Nat) : blockCount 1 n = n := by
  simp [blockCount]

/-- Larger blocks are no more in number. -/
theorem field_storage_9 (a b n : Nat) (ha : 0 < a) (h : a ≤ b) : blockCount b n ≤ blockCount a n := by
  unfold blockCount
  rw [← Nat.lt_succ_iff, Nat.div_lt_iff_lt_mul (by omega)]
  have h₁ := Nat.div_add_mod' (n + a - 1) a
  have h₂ := Nat.mod_lt (n + a - 1) ha
  have h₃ := Nat.mul_le_mul_left ((n + a - 1) / a) h
  rw [Nat.succ_mul]
  omega

/-- A row of whole blocks of 64 in the stream is an eighth shorter than in the byte layout, steps apart. -/
theorem field_storage_10 (k : Nat) : 8 * (streamRowBytes 64 (64 * k) - 2 * k) = 7 * (byteRowBytes 64 (64 * k) - 2 * k) := by
  rw [streamRowBytes_64, byteRowBytes_64]
  omega

/-- More bits, more bytes. -/
theorem field_storage_11 (n : Nat) (a b : Rat) (h : a ≤ b) : bytesOf n a ≤ bytesOf n b := by
  unfold bytesOf
  have := Rat.mul_le_mul_of_nonneg_left h (c := (n : Rat)) Rat.natCast_nonneg
  exact div_le_div (by decide) this

/-- Whole groups of eight codes, and the rest. -/
theorem field_storage_12 (k r : Nat) : bitSize 7 (8 * k + r) = 7 * k + bitSize 7 r := by
  unfold bitSize
  omega

/-- Codes of any width in whole groups of eight, and the rest. -/
theorem field_storage_13 (w k r : Nat) : bitSize w (8 * k + r) = w * k + bitSize w r := by
  unfold bitSize
  rw [Nat.mul_add, Nat.mul_left_comm]
  omega

/-- A step for more weights costs fewer bits. -/
theorem field_storage_14 (c s k : Nat) (hk : 0 < k) : bitsPerWeight c s (2 * k) < bitsPerWeight c s k ∨ s = 0 := by
  rcases Nat.eq_zero_or_pos s with h | h
  · exact .inr h
  · left
    have hs : (0 : Rat) < s := Rat.natCast_pos.mpr h
    have hk : (0 : Rat) < k := Rat.natCast_pos.mpr hk
    have := div_pos hs hk
    have : (s : Rat) / ((2 * k : Nat) : Rat) = s / k / 2 := by
      rw [Rat.natCast_mul]
      grind
    unfold bitsPerWeight
    grind
