module

public import Q35.Columns

@[expose] public section

/-! Rounding and quantizing: what they do to signs, to shifts, and when they are done twice. -/

namespace Q35

/-- An even shift passes through rounding: an even zero point may be added before or after it. -/
theorem roundHalfEven_add_even (x : Rat) (n : Int) : roundHalfEven (x + 2 * n) = roundHalfEven x + 2 * n := by
  sorry

/-- Rounding does not leave a range of integers that is symmetric about 0: what fits before fits after. -/
theorem natAbs_roundHalfEven_le {x : Rat} {n : Nat} (h : abs x ≤ n) : (roundHalfEven x).natAbs ≤ n := by
  sorry

/-- To round a sum, or to add what was rounded, differs by at most 1: what a fused addition may gain. -/
theorem roundHalfEven_add_le (x y : Rat) : roundHalfEven (x + y) ≤ roundHalfEven x + roundHalfEven y + 1 := by
  sorry

/-- On a symmetric range a weight and its negative have the same error. -/
theorem slotError_neg {high : Int} (h : 0 ≤ high) (s w : Rat) :
    slotError (-high) high s (-w) = slotError (-high) high s w := by
  sorry
