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
  sorry

/-- Subnormal numbers are their bits. -/
theorem field_float_2 (M a : Nat) (h : a < 2 ^ M) : floatUnits M a = a := by
  sorry

/-- Different bits are different sizes. -/
theorem field_float_3 (M a b : Nat) (h : floatUnits M a = floatUnits M b) : a = b := by
  sorry

/-- A size is at least its bits. -/
theorem field_float_4 (M a : Nat) : a ≤ floatUnits M a := by
  sorry

/-- The largest elements. -/
theorem field_float_5 : e2m1.largest = 6 ∧ e4m3.largest = 448 ∧ e5m2.largest = 57344 := by
  sorry

/-- The infinity of fp16 is no number. -/
theorem field_float_6 : float16.toRat 0x7c00 = none := by
  sorry

/-- A format's numbers are those below its largest bits. -/
theorem field_float_7 (F : FloatFormat) (b : Nat) (h : b < F.signBit) (h' : b ≤ F.largestBits) :
    F.toRat b = some (F.magnitude b) := by
  sorry

/-- Rounding saturates at the largest number. -/
theorem field_float_8 (F : FloatFormat) (x : Rat) : F.sizeBits x ≤ F.largestBits := by
  sorry

/-- The size that a number is rounded to does not depend on its sign. -/
theorem field_float_9 (F : FloatFormat) (x : Rat) : F.sizeBits (-x) = F.sizeBits x := by
  sorry

/-- Rounding a number that is not zero commutes with the change of sign. -/
theorem field_float_10 (F : FloatFormat) (x : Rat) (h : x ≠ 0) : F.round (-x) = -F.round x := by
  sorry

/-- No size is negative. -/
theorem field_float_11 (F : FloatFormat) (a : Nat) : 0 ≤ F.magnitude a := by
  sorry

/-- Larger bits are larger sizes. -/
theorem field_float_12 (F : FloatFormat) (a b : Nat) (h : a ≤ b) : F.magnitude a ≤ F.magnitude b := by
  sorry

/-- Two of the 256 bytes of the element E4M3 are NaN. -/
theorem field_float_13 : ((List.range 256).filter fun b => (e4m3.toRat b).isNone).length = 2 := by
  sorry

/-- A size is twice as large one exponent further. -/
theorem field_float_14 (M a : Nat) (h : 2 ^ M ≤ a) : floatUnits M (a + 2 ^ M) = 2 * floatUnits M a := by
  sorry

/-- Zero is zero in every format. -/
theorem field_float_15 (F : FloatFormat) : F.magnitude 0 = 0 := by
  sorry

/-- A number has one bit more than the largest of its size and sign. -/
theorem field_float_16 (F : FloatFormat) (b : Nat) (v : Rat) (h : F.toRat b = some v) : b < 2 * F.signBit := by
  sorry
