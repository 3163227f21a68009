import Q35.Accumulate
import Q35.Bits
import Q35.MxScale
import Q35.Size
import Q35.Slot
import Q35.Table

open Q35

/-! Small floating-point formats as lists of sizes. -/

/-- The sizes of the element of MXFP4, in halves. -/
theorem field_float_1 : (List.range 8).map (floatUnits 1) = [0, 1, 2, 3, 4, 6, 8, 12] := by
  decide

/-- Subnormal numbers are their bits. -/
theorem field_float_2 (M a : Nat) (h : a < 2 ^ M) : floatUnits M a = a := by
  rw [floatUnits, Nat.div_eq_of_lt h, if_pos rfl, Nat.mod_eq_of_lt h]

/-- Different bits are different sizes. -/
theorem field_float_3 (M a b : Nat) (h : floatUnits M a = floatUnits M b) : a = b := by
  rcases Nat.lt_trichotomy a b with hab | hab | hab
  · have := floatUnits_lt M hab
    omega
  · exact hab
  · have := floatUnits_lt M hab
    omega

/-- A size is at least its bits. -/
theorem field_float_4 (M a : Nat) : a ≤ floatUnits M a := by
  induction a with
  | zero => omega
  | succ a ih =>
    have := floatUnits_lt_succ M a
    omega

/-- The largest elements. -/
theorem field_float_5 : e2m1.largest = 6 ∧ e4m3.largest = 448 ∧ e5m2.largest = 57344 := by
  decide +kernel

/-- The infinity of fp16 is no number. -/
theorem field_float_6 : float16.toRat 0x7c00 = none := by
  decide +kernel

/-- A format's numbers are those below its largest bits. -/
theorem field_float_7 (F : FloatFormat) (b : Nat) (h : b < F.signBit) (h' : b ≤ F.largestBits) :
    F.toRat b = some (F.magnitude b) := by
  have := Nat.mod_eq_of_lt h
  unfold FloatFormat.toRat
  rw [if_neg (by omega), if_pos h]

/-- Rounding saturates at the largest number. -/
theorem field_float_8 (F : FloatFormat) (x : Rat) : F.sizeBits x ≤ F.largestBits := by
  exact Nat.min_le_left _ _

/-- The size that a number is rounded to does not depend on its sign. -/
theorem field_float_9 (F : FloatFormat) (x : Rat) : F.sizeBits (-x) = F.sizeBits x := by
  unfold FloatFormat.sizeBits
  rw [abs_neg]

/-- Rounding a number that is not zero commutes with the change of sign. -/
theorem field_float_10 (F : FloatFormat) (x : Rat) (h : x ≠ 0) : F.round (-x) = -F.round x := by
  unfold FloatFormat.round
  rw [abs_neg]
  grind

/-- No size is negative. -/
theorem field_float_11 (F : FloatFormat) (a : Nat) : 0 ≤ F.magnitude a := by
  have h : (0 : Rat) < (F.unitsOfOne : Nat) := two_pow_pos _
  rw [FloatFormat.magnitude, le_div_iff h, Rat.zero_mul]
  exact Rat.natCast_nonneg

/-- Larger bits are larger sizes. -/
theorem field_float_12 (F : FloatFormat) (a b : Nat) (h : a ≤ b) : F.magnitude a ≤ F.magnitude b := by
  exact div_le_div (two_pow_pos _) (Rat.natCast_le_natCast.mpr (floatUnits_le _ h))

/-- Two of the 256 bytes of the element E4M3 are NaN. -/
theorem field_float_13 : ((List.range 256).filter fun b => (e4m3.toRat b).isNone).length = 2 := by
  decide +kernel

/-- A size is twice as large one exponent further. -/
theorem field_float_14 (M a : Nat) (h : 2 ^ M ≤ a) : floatUnits M (a + 2 ^ M) = 2 * floatUnits M a := by
  obtain ⟨k, s, hk, hs, rfl, hu⟩ := floatUnits_split M a
  have hs' : 2 ^ M ≤ s := by
    rcases hk with rfl | hk
    · simpa using h
    · exact hk
  have := floatUnits_join (M := M) (k := k + 1) (s := s) (.inr hs') (by omega)
  rw [hu, show k * 2 ^ M + s + 2 ^ M = (k + 1) * 2 ^ M + s by rw [Nat.add_mul]; omega, this, Nat.pow_succ]
  grind

/-- Zero is zero in every format. -/
theorem field_float_15 (F : FloatFormat) : F.magnitude 0 = 0 := by
  rw [FloatFormat.magnitude, floatUnits_zero]
  grind

/-- A number has one bit more than the largest of its size and sign. -/
theorem field_float_16 (F : FloatFormat) (b : Nat) (v : Rat) (h : F.toRat b = some v) : b < 2 * F.signBit := by
  unfold FloatFormat.toRat at h
  split at h
  · simp at h
  · omega
