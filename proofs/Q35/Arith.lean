module

@[expose] public section

/-! Rational arithmetic that the proofs need and the core library lacks: absolute value, squares, the distance to an
interval, and the triangle inequality of the plane without square roots. -/

namespace Q35

/-- The absolute value of a rational number. -/
def abs (x : Rat) : Rat := if 0 ≤ x then x else -x

/-- The distance from `x` to the interval from `low` to `high`; 0 inside it. -/
def excess (low high x : Rat) : Rat :=
  if x < low then low - x else if high < x then x - high else 0

/-! ### Absolute value -/

/-- An absolute value is not negative. -/
theorem abs_nonneg (x : Rat) : 0 ≤ abs x := by grind [abs]

/-- The absolute value is at most `b` exactly when the number lies between `-b` and `b`. -/
theorem abs_le_iff {x b : Rat} : abs x ≤ b ↔ -b ≤ x ∧ x ≤ b := by grind [abs]

/-- A number and its negative have the same absolute value. -/
theorem abs_neg (x : Rat) : abs (-x) = abs x := by grind [abs]

/-- Only zero has the absolute value zero. -/
theorem abs_eq_zero_iff {x : Rat} : abs x = 0 ↔ x = 0 := by grind [abs]

/-- The triangle inequality on the line. -/
theorem abs_add_le (x y : Rat) : abs (x + y) ≤ abs x + abs y := by
  have hx := abs_le_iff.1 (Rat.le_refl (a := abs x))
  have hy := abs_le_iff.1 (Rat.le_refl (a := abs y))
  exact abs_le_iff.2 ⟨by grind, by grind⟩

/-- The absolute value of a product is the product of the absolute values. -/
theorem abs_mul (x y : Rat) : abs (x * y) = abs x * abs y := by
  have key : ∀ {a b : Rat}, 0 ≤ a → 0 ≤ b → 0 ≤ a * b := Rat.mul_nonneg
  have up : ∀ {a : Rat}, 0 ≤ a → abs a = a := fun h => if_pos h
  have down : ∀ {a : Rat}, a ≤ 0 → abs a = -a := fun h => by grind [abs]
  rcases Rat.le_total (a := 0) (b := x) with hx | hx <;> rcases Rat.le_total (a := 0) (b := y) with hy | hy
  · rw [up hx, up hy, up (key hx hy)]
  · have := key hx (b := -y) (by grind)
    rw [up hx, down hy, down (a := x * y) (by grind)]
    grind
  · have := key (a := -x) (by grind) hy
    rw [down hx, up hy, down (a := x * y) (by grind)]
    grind
  · have := key (a := -x) (b := -y) (by grind) (by grind)
    rw [down hx, down hy, up (a := x * y) (by grind)]
    grind

/-- Multiplying by `d` and dividing by `d` first scales an absolute value by that of `d`. -/
theorem abs_sub_mul {d : Rat} (hd : d ≠ 0) (w t : Rat) : abs (w - d * t) = abs d * abs (w / d - t) := by
  rw [← abs_mul]
  congr 1
  grind

/-- The absolute value of an integer, as a rational number. -/
theorem abs_intCast (n : Int) : abs (n : Rat) = (n.natAbs : Nat) := by
  rw [← Rat.intCast_natCast]
  rcases Int.le_total 0 n with hn | hn
  · have : ((0 : Int) : Rat) ≤ n := Rat.intCast_le_intCast.2 hn
    rw [Int.natAbs_of_nonneg hn]; grind [abs]
  · have : ((n : Int) : Rat) ≤ (0 : Int) := Rat.intCast_le_intCast.2 hn
    rw [Int.ofNat_natAbs_of_nonpos hn, Rat.intCast_neg]; grind [abs]

/-- A factor that is not negative can be taken into an absolute difference. -/
theorem abs_sub_mul_right {c : Rat} (hc : 0 ≤ c) (a b : Rat) : abs (a - b) * c = abs (a * c - b * c) := by
  have habs : abs c = c := by grind [abs]
  have : a * c - b * c = (a - b) * c := by grind
  rw [this, abs_mul, habs]

/-- A positive factor on the right can be dropped from an inequality. -/
theorem le_of_mul_le_mul_right {a b c : Rat} (h : a * c ≤ b * c) (hc : 0 < c) : a ≤ b :=
  Rat.le_of_mul_le_mul_left (c := c) (by grind) hc

/-- A positive factor on the right can be dropped from an equation. -/
theorem eq_of_mul_eq_mul_right {a b c : Rat} (h : a * c = b * c) (hc : 0 < c) : a = b :=
  Rat.le_antisymm (le_of_mul_le_mul_right (by grind) hc) (le_of_mul_le_mul_right (by grind) hc)

/-! ### Squares -/

/-- A square is not negative. -/
theorem mul_self_nonneg (x : Rat) : 0 ≤ x * x := by
  rcases Rat.le_total (a := 0) (b := x) with h | h
  · exact Rat.mul_nonneg h h
  · have := Rat.mul_nonneg (a := -x) (b := -x) (by grind) (by grind)
    grind

/-- Products of numbers that are not negative grow with each factor. -/
theorem mul_le_mul {a b c d : Rat} (hab : a ≤ b) (hcd : c ≤ d) (ha : 0 ≤ a) (hd : 0 ≤ d) : a * c ≤ b * d := by
  have := Rat.mul_nonneg (a := a) (b := d - c) ha (by grind)
  have := Rat.mul_nonneg (a := b - a) (b := d) (by grind) hd
  grind

/-- A square is the square of the absolute value. -/
theorem abs_mul_abs (x : Rat) : abs x * abs x = x * x := by grind [abs]

/-- The number of smaller absolute value has the smaller square. -/
theorem mul_self_le_of_abs_le {x y : Rat} (h : abs x ≤ abs y) : x * x ≤ y * y := by
  rw [← abs_mul_abs x, ← abs_mul_abs y]
  exact mul_le_mul h h (abs_nonneg x) (abs_nonneg y)

/-- A number of absolute value at most `b` has a square of at most that of `b`. -/
theorem mul_self_le_mul_self {x b : Rat} (h : abs x ≤ b) : x * x ≤ b * b := by
  have := abs_nonneg x
  exact mul_self_le_of_abs_le (Rat.le_trans h (by grind [abs]))

/-- Among numbers that are not negative the greater has the greater square. -/
theorem mul_self_lt {a b : Rat} (ha : 0 ≤ a) (hab : a < b) : a * a < b * b := by
  have := Rat.mul_nonneg (a := b - a) (b := a) (by grind) ha
  have := Rat.mul_pos (a := b - a) (b := b) (by grind) (by grind)
  grind

/-- A number whose square is at most that of `b` has an absolute value of at most `b`. -/
theorem abs_le_of_mul_self_le {x b : Rat} (hb : 0 ≤ b) (h : x * x ≤ b * b) : abs x ≤ b := by
  rw [← abs_mul_abs x] at h
  have : ¬ b < abs x := fun hlt => by
    have := mul_self_lt hb hlt
    grind
  grind

/-! ### The plane -/

/-- Cauchy and Schwarz in the plane. -/
theorem cauchy_schwarz (a b c d : Rat) :
    (a * c + b * d) * (a * c + b * d) ≤ (a * a + b * b) * (c * c + d * d) := by
  have := mul_self_nonneg (a * d - b * c)
  grind

/-- The triangle inequality of the plane without roots: legs of length at most `r` and `s` end within `r + s`. -/
theorem triangle_sq {a b c d r s : Rat} (hr : 0 ≤ r) (hs : 0 ≤ s)
    (hab : a * a + b * b ≤ r * r) (hcd : c * c + d * d ≤ s * s) :
    (a + c) * (a + c) + (b + d) * (b + d) ≤ (r + s) * (r + s) := by
  have hcs := cauchy_schwarz a b c d
  have hprod : (a * a + b * b) * (c * c + d * d) ≤ (r * r) * (s * s) := by
    have := mul_self_nonneg a
    have := mul_self_nonneg b
    have := mul_self_nonneg s
    exact mul_le_mul hab hcd (by grind) (by grind)
  have hdot : abs (a * c + b * d) ≤ r * s :=
    abs_le_of_mul_self_le (Rat.mul_nonneg hr hs) (by grind)
  have := (abs_le_iff.mp hdot).2
  grind

example : ((1 : Rat) + 2) * (1 + 2) + (1 + 2) * (1 + 2) ≤ (2 + 3) * (2 + 3) :=
  triangle_sq (by decide) (by decide) (by decide +kernel) (by decide +kernel)

/-! ### Division -/

/-- A quotient by a positive number is at most `c` exactly when the dividend is at most `c` times it. -/
theorem div_le_iff {a b c : Rat} (hb : 0 < b) : a / b ≤ c ↔ a ≤ c * b := by
  have hab : b * (a / b) = a := by grind
  constructor
  · intro h
    have := Rat.mul_le_mul_of_nonneg_left h (c := b) (by grind)
    grind
  · intro h
    exact Rat.le_of_mul_le_mul_left (c := b) (by grind) hb

/-- A quotient by a positive number is at least `c` exactly when the dividend is at least `c` times it. -/
theorem le_div_iff {a b c : Rat} (hb : 0 < b) : c ≤ a / b ↔ c * b ≤ a := by
  have hab : b * (a / b) = a := by grind
  constructor
  · intro h
    have := Rat.mul_le_mul_of_nonneg_left h (c := b) (by grind)
    grind
  · intro h
    exact Rat.le_of_mul_le_mul_left (c := b) (by grind) hb

example : (3 : Rat) / 2 ≤ 2 := (div_le_iff (by decide)).mpr (by decide +kernel)

/-- Division by a positive number keeps the order. -/
theorem div_le_div {a b s : Rat} (hs : 0 < s) (h : a ≤ b) : a / s ≤ b / s := by
  have hb : b / s * s = b := by grind
  rw [div_le_iff hs, hb]
  exact h

/-- A quotient of positive numbers is positive. -/
theorem div_pos {a s : Rat} (ha : 0 < a) (hs : 0 < s) : 0 < a / s := by
  have ha' : s * (a / s) = a := by grind
  exact (Rat.mul_lt_mul_left hs).mp (by grind)

/-! ### The distance to an interval -/

/-- A distance is not negative. -/
theorem excess_nonneg (low high x : Rat) : 0 ≤ excess low high x := by grind [excess]

/-- Inside the interval the distance to it is zero. -/
theorem excess_eq_zero {low high x : Rat} (hl : low ≤ x) (hh : x ≤ high) : excess low high x = 0 := by grind [excess]

/-! ### The hypotheses can be met -/

example : abs (5 - (-2) * 3) = abs (-2) * abs (5 / (-2) - 3) := abs_sub_mul (d := -2) (by decide) 5 3
example : abs (1 - 4) * 2 = abs (1 * 2 - 4 * (2 : Rat)) := abs_sub_mul_right (by decide) 1 4
example : (1 : Rat) ≤ 2 := le_of_mul_le_mul_right (c := 3) (by decide +kernel) (by decide)
example : (4 : Rat) / 2 = 2 := eq_of_mul_eq_mul_right (c := 3) (by decide +kernel) (by decide)
example : (1 : Rat) * 2 ≤ 2 * 3 := mul_le_mul (by decide) (by decide) (by decide) (by decide)
example : (-1 : Rat) * (-1) ≤ 2 * 2 := mul_self_le_of_abs_le (by decide +kernel)
example : (-1 : Rat) * (-1) ≤ 2 * 2 := mul_self_le_mul_self (by decide +kernel)
example : (1 : Rat) * 1 < 2 * 2 := mul_self_lt (by decide) (by decide)
example : abs (-1) ≤ 2 := abs_le_of_mul_self_le (by decide) (by decide +kernel)
example : (1 : Rat) ≤ 3 / 2 := (le_div_iff (by decide)).mpr (by decide +kernel)
example : (1 : Rat) / 2 ≤ 3 / 2 := div_le_div (by decide) (by decide)
example : (0 : Rat) < 3 / 2 := div_pos (by decide) (by decide)
example : excess 0 2 1 = 0 := excess_eq_zero (by decide) (by decide)

end Q35
