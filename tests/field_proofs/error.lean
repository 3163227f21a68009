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
  rw [abs_sub_mul (by grind), show abs d = d by grind [abs]]
  have := Rat.mul_le_mul_of_nonneg_left h (c := d) (by grind)
  grind

/-- A factor scales an error. -/
theorem field_error_2 (a w w' e : Rat) (h : abs (w - w') ≤ e) : abs (a * w - a * w') ≤ abs a * e := by
  rw [show a * w - a * w' = a * (w - w') by grind, abs_mul]
  exact Rat.mul_le_mul_of_nonneg_left h (abs_nonneg a)

/-- Errors of a sum add up. -/
theorem field_error_3 (x y x' y' e f : Rat) (h : abs (x - x') ≤ e) (h' : abs (y - y') ≤ f) :
    abs (x + y - (x' + y')) ≤ e + f := by
  grind [abs]

/-- The error of a product. -/
theorem field_error_4 (x y x' y' e f : Rat) (h : abs (x - x') ≤ e) (h' : abs (y - y') ≤ f) :
    abs (x * y - x' * y') ≤ abs x * f + e * abs y' := by
  have h₁ : abs (x * (y - y')) ≤ abs x * f := by
    rw [abs_mul]
    exact Rat.mul_le_mul_of_nonneg_left h' (abs_nonneg x)
  have h₂ : abs ((x - x') * y') ≤ e * abs y' := by
    rw [abs_mul]
    have := Rat.mul_le_mul_of_nonneg_left h (abs_nonneg y')
    grind
  have := abs_add_le (x * (y - y')) ((x - x') * y')
  rw [show x * y - x' * y' = x * (y - y') + (x - x') * y' by grind]
  grind

/-- An error that is small against the value keeps the sign. -/
theorem field_error_5 (x x' : Rat) (h : abs (x - x') < x) : 0 < x' := by
  grind [abs]

/-- The error of a dot product of two terms. -/
theorem field_error_6 (a b w v w' v' e : Rat) (hw : abs (w - w') ≤ e) (hv : abs (v - v') ≤ e) :
    abs (a * w + b * v - (a * w' + b * v')) ≤ (abs a + abs b) * e := by
  have h₁ := Rat.mul_le_mul_of_nonneg_left hw (abs_nonneg a)
  have h₂ := Rat.mul_le_mul_of_nonneg_left hv (abs_nonneg b)
  have := abs_add_le (a * (w - w')) (b * (v - v'))
  rw [abs_mul, abs_mul] at this
  rw [show a * w + b * v - (a * w' + b * v') = a * (w - w') + b * (v - v') by grind]
  grind

/-- The size of a sum of a list. -/
theorem field_error_7 (xs : List Rat) : abs xs.sum ≤ (xs.map abs).sum := by
  induction xs with
  | nil => decide +kernel
  | cons x xs ih =>
    have := abs_add_le x xs.sum
    simp only [List.sum_cons, List.map_cons]
    grind

/-- Two relative errors one after the other. -/
theorem field_error_8 (x y z e : Rat) (he : 0 ≤ e) (h : abs (y - x) ≤ e * abs x) (h' : abs (z - y) ≤ e * abs y) :
    abs (z - x) ≤ (2 * e + e * e) * abs x := by
  have hy : abs y ≤ (1 + e) * abs x := by
    grind [abs]
  have := Rat.mul_le_mul_of_nonneg_left hy he
  have := abs_add_le (z - y) (y - x)
  rw [show z - y + (y - x) = z - x by grind] at this
  grind

/-- A dot product of exact activations and rounded weights, by induction over the row. -/
theorem field_error_9 (as : List Rat) (e : Rat) (f : Rat → Rat) (he : ∀ x, abs (x - f x) ≤ e) :
    abs ((as.map fun a => a - f a).sum) ≤ as.length * e := by
  induction as with
  | nil => simp; decide +kernel
  | cons a as ih =>
    have := he a
    have := abs_add_le (a - f a) (as.map fun a => a - f a).sum
    simp only [List.map_cons, List.sum_cons, List.length_cons, Rat.natCast_add]
    grind

/-- A squared error is at most the square of the largest. -/
theorem field_error_10 (x y e : Rat) (h : abs (x - y) ≤ e) : (x - y) * (x - y) ≤ e * e := by
  exact mul_self_le_mul_self h

/-- A mean of two errors is no larger than the larger. -/
theorem field_error_11 (x y e : Rat) (hx : abs x ≤ e) (hy : abs y ≤ e) : abs ((x + y) / 2) ≤ e := by
  grind [abs]

/-- An integer within one half of another is that one, if it is nearer than one half. -/
theorem field_error_12 (m n : Int) (x : Rat) (hm : abs (x - m) < 1 / 2) (hn : abs (x - n) ≤ 1 / 2) : m = n := by
  apply intCast_eq_of_close <;> grind [abs]
