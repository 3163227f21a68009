/-! Codes, bytes and words as bit vectors: masks, shifts, packing and unpacking. -/

/-- The upper slot is at most four bits long: a mask changes nothing. -/
theorem field_bits_1 (c : BitVec 7) : (c >>> 3) &&& 0x0f#7 = c >>> 3 := by
  revert c
  decide

/-- The upper slot of two slots put together. -/
theorem field_bits_2 (h : BitVec 4) (l : BitVec 3) : (h ++ l).extractLsb' 3 4 = h := by
  revert h l
  decide

/-- Two fields put together, as numbers. -/
theorem field_bits_3 {m n : Nat} (h : BitVec m) (l : BitVec n) : (h ++ l).toNat = h.toNat * 2 ^ n + l.toNat := by
  rw [BitVec.toNat_append, ← Nat.shiftLeft_add_eq_or_of_lt l.isLt, Nat.shiftLeft_eq]

/-- A key is taken off by putting it on again. -/
theorem field_bits_4 {w : Nat} (a b : BitVec w) : (a ^^^ b) ^^^ b = a := by
  rw [BitVec.xor_assoc, BitVec.xor_self, BitVec.xor_zero]

/-- A code in a byte leaves the highest bit free. -/
theorem field_bits_5 (c : BitVec 7) : c.zeroExtend 8 &&& 0x80#8 = 0#8 := by
  revert c
  decide

/-- A byte below 128 is its lower seven bits. -/
theorem field_bits_6 (b : BitVec 8) (h : b < 128#8) : (b.truncate 7).zeroExtend 8 = b := by
  bv_omega

/-- The lower of two codes in a word. -/
theorem field_bits_7 (a b : BitVec 7) : ((a.zeroExtend 14 <<< 7) ||| b.zeroExtend 14).truncate 7 = b := by
  ext i hi
  simp

/-- The upper of two codes in a word. -/
theorem field_bits_8 (a b : BitVec 7) : (((a.zeroExtend 14 <<< 7) ||| b.zeroExtend 14) >>> 7).truncate 7 = a := by
  ext i hi
  simp
  grind

/-- To shift up and down again is to mask the upper bits. -/
theorem field_bits_9 {w : Nat} (x : BitVec w) (n : Nat) : (x <<< n) >>> n = x &&& (BitVec.allOnes w >>> n) := by
  ext i hi
  simp
  grind

/-- A byte is its upper nibble in place plus its lower nibble. -/
theorem field_bits_10 (x : BitVec 8) : (x >>> 4 <<< 4) + (x &&& 0x0f#8) = x := by
  revert x
  decide

/-- A mask of ones keeps every bit. -/
theorem field_bits_11 {w : Nat} (x : BitVec w) : x &&& BitVec.allOnes w = x := by
  simp

/-- Fields that do not overlap may be added or joined. -/
theorem field_bits_12 (x y : BitVec 32) (h : x &&& y = 0#32) : x + y = x ||| y := by
  exact BitVec.add_eq_or_of_and_eq_zero x y h

/-- The nibbles of a byte change places, twice. -/
theorem field_bits_13 (x : BitVec 8) : (x.rotateLeft 4).rotateLeft 4 = x := by
  revert x
  decide

/-- The slots of a byte's lower seven bits. -/
theorem field_bits_14 (b : BitVec 8) : b.toNat / 8 % 16 * 8 + b.toNat % 8 = b.toNat % 128 := by
  omega

/-- A bit of byte `k` of a word. -/
theorem field_bits_15 (x : BitVec 32) (k i : Nat) :
    (x.extractLsb' (8 * k) 8).getLsbD i = (decide (i < 8) && x.getLsbD (8 * k + i)) := by
  simp

/-- Bits shifted past the code are lost to the code only. -/
theorem field_bits_16 (x : BitVec 16) (h : x &&& 0x7f#16 = 0#16) : x >>> 7 <<< 7 = x := by
  ext i hi
  have := congrArg (·.getLsbD i) h
  have mask : ∀ j, j < 16 → (0x7f#16).getLsbD j = decide (j < 7) := by
    decide
  simp [mask i hi] at this
  simp
  grind

/-- A word that is put together from two halves is taken apart into them, and only into them. -/
theorem field_bits_17 {m n : Nat} (a a' : BitVec m) (b b' : BitVec n) (h : a ++ b = a' ++ b') : a = a' ∧ b = b' := by
  have hl := congrArg (BitVec.extractLsb' 0 n) h
  have hh := congrArg (BitVec.extractLsb' n m) h
  simp [BitVec.extractLsb'_append_eq_right, BitVec.extractLsb'_append_eq_left] at hl hh
  exact ⟨hh, hl⟩
