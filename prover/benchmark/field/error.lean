import Q35.Accumulate
import Q35.Bits
import Q35.MxScale
import Q35.Size
import Q35.Slot
import Q35.Table

open Q35

/-! Errors of weights, of products and of dot products. -/

/-- An error in steps is an error in weights. -/
theorem field_error_1 (w d : Rat) (q : Int) (hd : 0 < d) (h : abs (w / d - q) ≤ 1 / 2) : abs (w - d * q) ≤ d / 2 := by
  sorry

/-- A factor scales an error. -/
theorem field_error_2 (a w w' e : Rat) (h : abs (w - w') ≤ e) : abs (a * w - a * w') ≤ abs a * e := by
  sorry

/-- Errors of a sum add up. -/
theorem field_error_3 (x y x' y' e f : Rat) (h : abs (x - x') ≤ e) (h' : abs (y - y') ≤ f) :
    abs (x + y - (x' + y')) ≤ e + f := by
  sorry

/-- The error of a product. -/
theorem field_error_4 (x y x' y' e f : Rat) (h : abs (x - x') ≤ e) (h' : abs (y - y') ≤ f) :
    abs (x * y - x' * y') ≤ abs x * f + e * abs y' := by
  sorry

/-- An error that is small against the value keeps the sign. -/
theorem field_error_5 (x x' : Rat) (h : abs (x - x') < x) : 0 < x' := by
  sorry

/-- The error of a dot product of two terms. -/
theorem field_error_6 (a b w v w' v' e : Rat) (hw : abs (w - w') ≤ e) (hv : abs (v - v') ≤ e) :
    abs (a * w + b * v - (a * w' + b * v')) ≤ (abs a + abs b) * e := by
  sorry

/-- The size of a sum of a list. -/
theorem field_error_7 (xs : List Rat) : abs xs.sum ≤ (xs.map abs).sum := by
  sorry

/-- Two relative errors one after the other. -/
theorem field_error_8 (x y z e : Rat) (he : 0 ≤ e) (h : abs (y - x) ≤ e * abs x) (h' : abs (z - y) ≤ e * abs y) :
    abs (z - x) ≤ (2 * e + e * e) * abs x := by
  sorry

/-- A dot product of exact activations and rounded weights, by induction over the row. -/
theorem field_error_9 (as : List Rat) (e : Rat) (f : Rat → Rat) (he : ∀ x, abs (x - f x) ≤ e) :
    abs ((as.map fun a => a - f a).sum) ≤ as.length * e := by
  sorry

/-- A squared error is at most the square of the largest. -/
theorem field_error_10 (x y e : Rat) (h : abs (x - y) ≤ e) : (x - y) * (x - y) ≤ e * e := by
  sorry

/-- A mean of two errors is no larger than the larger. -/
theorem field_error_11 (x y e : Rat) (hx : abs x ≤ e) (hy : abs y ≤ e) : abs ((x + y) / 2) ≤ e := by
  sorry

/-- An integer within one half of another is that one, if it is nearer than one half. -/
theorem field_error_12 (m n : Int) (x : Rat) (hm : abs (x - m) < 1 / 2) (hn : abs (x - n) ≤ 1 / 2) : m = n := by
  sorry
