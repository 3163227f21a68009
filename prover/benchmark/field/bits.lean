/-! Codes, bytes and words as bit vectors: masks, shifts, packing and unpacking. -/

/-- The upper slot is at most four bits long: a mask changes nothing. -/
theorem field_bits_1 (c : BitVec 7) : (c >>> 3) &&& 0x0f#7 = c >>> 3 := by
  sorry

/-- The upper slot of two slots put together. -/
theorem field_bits_2 (h : BitVec 4) (l : BitVec 3) : (h ++ l).extractLsb' 3 4 = h := by
  sorry

/-- Two fields put together, as numbers. -/
theorem field_bits_3 {m n : Nat} (h : BitVec m) (l : BitVec n) : (h ++ l).toNat = h.toNat * 2 ^ n + l.toNat := by
  sorry

/-- A key is taken off by putting it on again. -/
theorem field_bits_4 {w : Nat} (a b : BitVec w) : (a ^^^ b) ^^^ b = a := by
  sorry

/-- A code in a byte leaves the highest bit free. -/
theorem field_bits_5 (c : BitVec 7) : c.zeroExtend 8 &&& 0x80#8 = 0#8 := by
  sorry

/-- A byte below 128 is its lower seven bits. -/
theorem field_bits_6 (b : BitVec 8) (h : b < 128#8) : (b.truncate 7).zeroExtend 8 = b := by
  sorry

/-- The lower of two codes in a word. -/
theorem field_bits_7 (a b : BitVec 7) : ((a.zeroExtend 14 <<< 7) ||| b.zeroExtend 14).truncate 7 = b := by
  sorry

/-- The upper of two codes in a word. -/
theorem field_bits_8 (a b : BitVec 7) : (((a.zeroExtend 14 <<< 7) ||| b.zeroExtend 14) >>> 7).truncate 7 = a := by
  sorry

/-- To shift up and down again is to mask the upper bits. -/
theorem field_bits_9 {w : Nat} (x : BitVec w) (n : Nat) : (x <<< n) >>> n = x &&& (BitVec.allOnes w >>> n) := by
  sorry

/-- A byte is its upper nibble in place plus its lower nibble. -/
theorem field_bits_10 (x : BitVec 8) : (x >>> 4 <<< 4) + (x &&& 0x0f#8) = x := by
  sorry

/-- A mask of ones keeps every bit. -/
theorem field_bits_11 {w : Nat} (x : BitVec w) : x &&& BitVec.allOnes w = x := by
  sorry

/-- Fields that do not overlap may be added or joined. -/
theorem field_bits_12 (x y : BitVec 32) (h : x &&& y = 0#32) : x + y = x ||| y := by
  sorry

/-- The nibbles of a byte change places, twice. -/
theorem field_bits_13 (x : BitVec 8) : (x.rotateLeft 4).rotateLeft 4 = x := by
  sorry

/-- The slots of a byte's lower seven bits. -/
theorem field_bits_14 (b : BitVec 8) : b.toNat / 8 % 16 * 8 + b.toNat % 8 = b.toNat % 128 := by
  sorry

/-- A bit of byte `k` of a word. -/
theorem field_bits_15 (x : BitVec 32) (k i : Nat) :
    (x.extractLsb' (8 * k) 8).getLsbD i = (decide (i < 8) && x.getLsbD (8 * k + i)) := by
  sorry

/-- Bits shifted past the code are lost to the code only. -/
theorem field_bits_16 (x : BitVec 16) (h : x &&& 0x7f#16 = 0#16) : x >>> 7 <<< 7 = x := by
  sorry

/-- A word that is put together from two halves is taken apart into them, and only into them. -/
theorem field_bits_17 {m n : Nat} (a a' : BitVec m) (b b' : BitVec n) (h : a ++ b = a' ++ b') : a = a' ∧ b = b' := by
  sorry
