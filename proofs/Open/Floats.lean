module

public import Q35.FloatRound

@[expose] public section

/-! Floating-point numbers: rounding keeps sizes, bounds and order, and differences of near numbers are exact. -/

namespace Q35.FloatFormat

/-- Rounding and taking the size may be exchanged. -/
theorem round_abs (F : FloatFormat) (x : Rat) : F.round (abs x) = abs (F.round x) := by
  sorry

/-- What is at most a number of the format is so after rounding: a bound that is a number need not be widened. -/
theorem round_le_of_le (F : FloatFormat) {b : Nat} {v x : Rat} (h : F.toRat b = some v) (hx : x ≤ v) :
    F.round x ≤ v := by
  sorry

/-- A larger number never has the bits of a smaller size. -/
theorem sizeBits_mono (F : FloatFormat) {x y : Rat} (h : abs x ≤ abs y) : F.sizeBits x ≤ F.sizeBits y := by
  sorry

/-- Sterbenz: the difference of two numbers of the format within a factor of 2 of each other is exact. -/
theorem round_sub_exact (F : FloatFormat) {a b : Nat} {v w : Rat} (hv : F.toRat a = some v) (hw : F.toRat b = some w)
    (h₁ : v ≤ 2 * w) (h₂ : w ≤ 2 * v) : F.round (v - w) = v - w := by
  sorry
