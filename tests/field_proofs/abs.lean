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
  grind [abs]

/-- The sizes of two numbers differ by at most the numbers' difference. -/
theorem field_abs_2 (x y : Rat) : abs (abs x - abs y) ≤ abs (x - y) := by
  grind [abs]

/-- Twice a product is at most the sum of the squares. -/
theorem field_abs_3 (x y : Rat) : 2 * x * y ≤ x * x + y * y := by
  have := mul_self_nonneg (x - y)
  grind

/-- A number of size at most 1 has such a square. -/
theorem field_abs_4 (x : Rat) (h : abs x ≤ 1) : x * x ≤ 1 := by
  have := mul_self_le_mul_self h
  grind

/-- Bounds of factors bound the product. -/
theorem field_abs_5 (x y a b : Rat) (hx : abs x ≤ a) (hy : abs y ≤ b) : abs (x * y) ≤ a * b := by
  rw [abs_mul]
  exact mul_le_mul hx hy (abs_nonneg x) (Rat.le_trans (abs_nonneg y) hy)

/-- The larger of two numbers by their difference. -/
theorem field_abs_6 (a b : Rat) : (a + b + abs (a - b)) / 2 = if a ≤ b then b else a := by
  grind [abs]

/-- The size of a quotient. -/
theorem field_abs_7 (x y : Rat) (hy : y ≠ 0) : abs (x / y) = abs x / abs y := by
  have h : abs (x / y) * abs y = abs x := by
    rw [← abs_mul]
    congr 1
    grind
  have : abs y ≠ 0 := fun h0 => hy (abs_eq_zero_iff.mp h0)
  grind

/-- The way by a third number is no shorter. -/
theorem field_abs_8 (x y z : Rat) : abs (x - z) ≤ abs (x - y) + abs (y - z) := by
  have := abs_add_le (x - y) (y - z)
  grind

/-- Fractions are compared across. -/
theorem field_abs_9 (a b c d : Rat) (hb : 0 < b) (hd : 0 < d) : a / b ≤ c / d ↔ a * d ≤ c * b := by
  rw [div_le_iff hb, show c / d * b = c * b / d by grind, le_div_iff hd]

/-- A mean lies between the two numbers. -/
theorem field_abs_10 (x y : Rat) (h : x ≤ y) : x ≤ (x + y) / 2 ∧ (x + y) / 2 ≤ y := by
  grind

/-- A number and its reciprocal are together at least 2. -/
theorem field_abs_11 (x : Rat) (h : 0 < x) : 2 ≤ x + 1 / x := by
  have : x + 1 / x = (x * x + 1) / x := by
    grind
  rw [this, le_div_iff h]
  have := mul_self_nonneg (x - 1)
  grind

/-- The distance to an interval is at most that to a point of it. -/
theorem field_abs_12 (low high x y : Rat) (hl : low ≤ y) (hh : y ≤ high) : excess low high x ≤ abs (x - y) := by
  grind [excess, abs]

/-- The square of a sum of three. -/
theorem field_abs_13 (x y z : Rat) : (x + y + z) * (x + y + z) ≤ 3 * (x * x + y * y + z * z) := by
  have := mul_self_nonneg (x - y)
  have := mul_self_nonneg (y - z)
  have := mul_self_nonneg (x - z)
  grind

/-- Only zeros have squares whose sum is zero. -/
theorem field_abs_14 (x y : Rat) (h : x * x + y * y = 0) : x = 0 ∧ y = 0 := by
  have := mul_self_nonneg x
  have := mul_self_nonneg y
  have hx : x * x = 0 := by
    grind
  have hy : y * y = 0 := by
    grind
  exact ⟨by grind, by grind⟩

/-- A larger divisor gives a smaller quotient. -/
theorem field_abs_15 (a s t : Rat) (ha : 0 ≤ a) (hs : 0 < s) (hst : s ≤ t) : a / t ≤ a / s := by
  rw [div_le_iff (by grind)]
  have h : a / s * s = a := by
    grind
  have : 0 ≤ a / s := (le_div_iff hs).mpr (by grind)
  have := Rat.mul_le_mul_of_nonneg_left hst this
  grind

/-- The order of squares is that of sizes. -/
theorem field_abs_16 (x y : Rat) : x * x ≤ y * y ↔ abs x ≤ abs y := by
  constructor
  · intro h
    exact abs_le_of_mul_self_le (abs_nonneg y) (by rw [abs_mul_abs]; exact h)
  · exact mul_self_le_of_abs_le
