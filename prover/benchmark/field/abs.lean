import Q35.Accumulate
import Q35.Bits
import Q35.MxScale
import Q35.Size
import Q35.Slot
import Q35.Table

open Q35

/-! Absolute values, squares and quotients of rational numbers. -/

/-- A difference has the same size from both ends. -/
theorem field_abs_1 (x y : Rat) : abs (x - y) = abs (y - x) := by
  sorry

/-- The sizes of two numbers differ by at most the numbers' difference. -/
theorem field_abs_2 (x y : Rat) : abs (abs x - abs y) ≤ abs (x - y) := by
  sorry

/-- Twice a product is at most the sum of the squares. -/
theorem field_abs_3 (x y : Rat) : 2 * x * y ≤ x * x + y * y := by
  sorry

/-- A number of size at most 1 has such a square. -/
theorem field_abs_4 (x : Rat) (h : abs x ≤ 1) : x * x ≤ 1 := by
  sorry

/-- Bounds of factors bound the product. -/
theorem field_abs_5 (x y a b : Rat) (hx : abs x ≤ a) (hy : abs y ≤ b) : abs (x * y) ≤ a * b := by
  sorry

/-- The larger of two numbers by their difference. -/
theorem field_abs_6 (a b : Rat) : (a + b + abs (a - b)) / 2 = if a ≤ b then b else a := by
  sorry

/-- The size of a quotient. -/
theorem field_abs_7 (x y : Rat) (hy : y ≠ 0) : abs (x / y) = abs x / abs y := by
  sorry

/-- The way by a third number is no shorter. -/
theorem field_abs_8 (x y z : Rat) : abs (x - z) ≤ abs (x - y) + abs (y - z) := by
  sorry

/-- Fractions are compared across. -/
theorem field_abs_9 (a b c d : Rat) (hb : 0 < b) (hd : 0 < d) : a / b ≤ c / d ↔ a * d ≤ c * b := by
  sorry

/-- A mean lies between the two numbers. -/
theorem field_abs_10 (x y : Rat) (h : x ≤ y) : x ≤ (x + y) / 2 ∧ (x + y) / 2 ≤ y := by
  sorry

/-- A number and its reciprocal are together at least 2. -/
theorem field_abs_11 (x : Rat) (h : 0 < x) : 2 ≤ x + 1 / x := by
  sorry

/-- The distance to an interval is at most that to a point of it. -/
theorem field_abs_12 (low high x y : Rat) (hl : low ≤ y) (hh : y ≤ high) : excess low high x ≤ abs (x - y) := by
  sorry

/-- The square of a sum of three. -/
theorem field_abs_13 (x y z : Rat) : (x + y + z) * (x + y + z) ≤ 3 * (x * x + y * y + z * z) := by
  sorry

/-- Only zeros have squares whose sum is zero. -/
theorem field_abs_14 (x y : Rat) (h : x * x + y * y = 0) : x = 0 ∧ y = 0 := by
  sorry

/-- A larger divisor gives a smaller quotient. -/
theorem field_abs_15 (a s t : Rat) (ha : 0 ≤ a) (hs : 0 < s) (hst : s ≤ t) : a / t ≤ a / s := by
  sorry

/-- The order of squares is that of sizes. -/
theorem field_abs_16 (x y : Rat) : x * x ≤ y * y ↔ abs x ≤ abs y := by
  sorry
