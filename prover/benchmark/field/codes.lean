import Q35.Accumulate
import Q35.Bits
import Q35.MxScale
import Q35.Size
import Q35.Slot
import Q35.Table

open Q35

/-! The 128 codes and their two slots. -/

/-- A code is its two slots in place, up to the sign. -/
theorem field_codes_1 (c : Code) : 8 * hi c + (c.val % 8 : Nat) = if c.val < 64 then (c.val : Int) else c.val - 128 := by
  sorry

/-- The lower half of the codes has an upper slot that is not negative. -/
theorem field_codes_2 (c : Code) : c.val < 64 ↔ 0 ≤ hi c := by
  sorry

/-- A code is even when its lower slot is. -/
theorem field_codes_3 (c : Code) : c.val % 2 = 0 ↔ lo c % 2 = 0 := by
  sorry

/-- Codes with the same slots are the same. -/
theorem field_codes_4 (c c' : Code) (h : hi c = hi c') (h' : lo c = lo c') : c = c' := by
  sorry

/-- The pattern of a number depends only on what is left after division. -/
theorem field_codes_5 (n : Nat) (v : Int) : unsigned n (v + n) = unsigned n v := by
  sorry

/-- The pattern of a number of the slot, by its sign. -/
theorem field_codes_6 (n : Nat) (v : Int) (h : InSlot n v) : (unsigned n v : Int) = if v < 0 then v + n else v := by
  sorry

/-- Four bits in two's complement by arithmetic. -/
theorem field_codes_7 (n : Nat) (h : n < 16) : signed 16 n = ((n : Int) + 8) % 16 - 8 := by
  sorry

/-- The slots of a code make the code. -/
theorem field_codes_8 (c : Code) : encode (hi c, lo c) = some c := by
  sorry

/-- A pair of the range has a code with the pair's upper number. -/
theorem field_codes_9 (p : Int × Int) (h : InRange p) : ∃ c, encode p = some c ∧ hi c = p.1 := by
  sorry

/-- Exactly the bytes from 128 on are no codes. -/
theorem field_codes_10 (b : Nat) : decodeByte b = none ↔ 128 ≤ b := by
  sorry

/-- No pair that is 16 too far up has a code. -/
theorem field_codes_11 (p : Int × Int) (h : InRange p) : encode (p.1 + 16, p.2) = none := by
  sorry

/-- Two numbers have the same pattern exactly when they leave the same remainder. -/
theorem field_codes_12 (n : Nat) (hn : 0 < n) (a b : Int) : unsigned n a = unsigned n b ↔ a % n = b % n := by
  sorry

/-- The codes whose two numbers are zero. -/
theorem field_codes_13 (c : Code) (h : decode c = (0, 0)) : c = 0 := by
  sorry

/-- The sum of the upper slots of all codes. -/
theorem field_codes_14 : ((List.range 128).map fun n => hi (Fin.ofNat 128 n)).sum = -64 := by
  sorry

/-- A code of any two slots lies in the row of its upper one. -/
theorem field_codes_15 (m n : Nat) (p : Int × Int) (c : Fin (m * n)) (h : encodeSlots m n p = some c) :
    signed m (c.val / n) = p.1 ∧ signed n (c.val % n) = p.2 := by
  sorry

/-- The numbers of a slot with an even number of patterns are as many above zero, zero included, as below. -/
theorem field_codes_16 (n : Nat) (v : Int) : InSlot (2 * n) v ↔ InSlot (2 * n) (-1 - v) := by
  sorry
