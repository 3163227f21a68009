import Q35.Accumulate
import Q35.Bits
import Q35.MxScale
import Q35.Size
import Q35.Slot
import Q35.Table

open Q35

/-! Powers of two as shared scales, their bits, and exact logarithms. -/

/-- The three powers around 1. -/
theorem field_scale_1 : twoPow (-1) = 1 / 2 ∧ twoPow 0 = 1 ∧ twoPow 1 = 2 := by
  sorry

/-- A difference of exponents is a quotient. -/
theorem field_scale_2 (a b : Int) : twoPow (a - b) = twoPow a / twoPow b := by
  sorry

/-- A scale and its reciprocal. -/
theorem field_scale_3 (e : Int) : twoPow (-e) * twoPow e = 1 := by
  sorry

/-- Twice the exponent is the square. -/
theorem field_scale_4 (e : Int) : twoPow (2 * e) = twoPow e * twoPow e := by
  sorry

/-- No scale is zero. -/
theorem field_scale_5 (e : Int) : twoPow e ≠ 0 := by
  sorry

/-- Different exponents are different scales. -/
theorem field_scale_6 (a b : Int) (h : twoPow a = twoPow b) : a = b := by
  sorry

/-- Clamped scale bits are never NaN. -/
theorem field_scale_7 (e : Int) : scaleBits .clamp e ≤ 254 := by
  sorry

/-- Larger exponents have no smaller bits. -/
theorem field_scale_8 (a b : Int) (h : a ≤ b) : scaleBits .clamp a ≤ scaleBits .clamp b := by
  sorry

/-- Exactly the bits from 255 on are no scale. -/
theorem field_scale_9 (b : Nat) : scaleToRat b = none ↔ 255 ≤ b := by
  sorry

/-- The logarithm of half a number. -/
theorem field_scale_10 (x : Rat) (hx : 0 < x) : floorLog2 (x / 2) = floorLog2 x - 1 := by
  sorry

/-- Below a power of two the logarithm is below its exponent. -/
theorem field_scale_11 (x : Rat) (hx : 0 < x) (k : Int) (h : x < twoPow k) : floorLog2 x < k := by
  sorry

/-- A shared scale is taken out of an error. -/
theorem field_scale_12 (x y : Rat) (k : Int) : abs (x * twoPow k - y * twoPow k) = abs (x - y) * twoPow k := by
  sorry

/-- A number over its power of two is its significand, from 1 up to 2. -/
theorem field_scale_13 (x : Rat) (hx : 0 < x) : 1 ≤ x / twoPow (floorLog2 x) ∧ x / twoPow (floorLog2 x) < 2 := by
  sorry

/-- The two logarithms are at most one apart. -/
theorem field_scale_14 (x : Rat) : floorLog2 x ≤ ceilLog2 x ∧ ceilLog2 x ≤ floorLog2 x + 1 := by
  sorry

/-- The logarithms agree exactly on powers of two. -/
theorem field_scale_15 (x : Rat) (hx : 0 < x) : floorLog2 x = ceilLog2 x ↔ x = twoPow (floorLog2 x) := by
  sorry

/-- The bits of a scale that was stored. -/
theorem field_scale_16 (b : Nat) (h : b ≤ 254) : scaleBits .nan ((b : Int) - 127) = b := by
  sorry

/-- A product of two scales is a scale, unless it is too large or too small. -/
theorem field_scale_17 (a b : Nat) (X Y : Rat) (hX : scaleToRat a = some X) (hY : scaleToRat b = some Y) (h : 127 ≤ a + b)
    (h' : a + b ≤ 381) : scaleToRat (a + b - 127) = some (X * Y) := by
  sorry

/-- The rule `floor` uses the whole range of the elements up to a factor of two. -/
theorem field_scale_18 (emax : Int) (largest m : Rat) (M : Nat) (hm : 0 < m) :
    m < twoPow (scaleExponent .floor emax largest M m) * twoPow (emax + 1) := by
  sorry
