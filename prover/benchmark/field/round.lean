import Q35.Accumulate
import Q35.Bits
import Q35.MxScale
import Q35.Size
import Q35.Slot
import Q35.Table

open Q35

/-! Rounding half to even, and the integer part. -/

/-- An integer added before rounding may be added after. -/
theorem field_round_1 (x : Rat) (n : Int) (h : n % 2 = 0) : roundHalfEven (x + n) = roundHalfEven x + n := by
  sorry

/-- One half and three halves go to different even numbers. -/
theorem field_round_2 : roundHalfEven (1 / 2) = 0 ∧ roundHalfEven (3 / 2) = 2 := by
  sorry

/-- Rounding gives the integer part or one more. -/
theorem field_round_3 (x : Rat) : x.floor ≤ roundHalfEven x ∧ roundHalfEven x ≤ x.floor + 1 := by
  sorry

/-- What is not negative does not become negative. -/
theorem field_round_4 (x : Rat) (h : 0 ≤ x) : 0 ≤ roundHalfEven x := by
  sorry

/-- A number smaller than one half becomes zero. -/
theorem field_round_5 (x : Rat) (h : abs x < 1 / 2) : roundHalfEven x = 0 := by
  sorry

/-- Rounding twice is rounding once. -/
theorem field_round_6 (x : Rat) : roundHalfEven (roundHalfEven x) = roundHalfEven x := by
  sorry

/-- A rounded number plus one half is not below the number. -/
theorem field_round_7 (x : Rat) : x ≤ roundHalfEven x + 1 / 2 := by
  sorry

/-- Rounding makes a number larger by at most one half. -/
theorem field_round_8 (x : Rat) : abs (roundHalfEven x) ≤ abs x + 1 / 2 := by
  sorry

/-- Numbers with the same rounding are at most one apart. -/
theorem field_round_9 (x y : Rat) (h : roundHalfEven x = roundHalfEven y) : abs (x - y) ≤ 1 := by
  sorry

/-- Only numbers up to one half become zero. -/
theorem field_round_10 (x : Rat) (h : roundHalfEven x = 0) : abs x ≤ 1 / 2 := by
  sorry

/-- A tie goes to an even number. -/
theorem field_round_11 (n : Int) : roundHalfEven (n + 1 / 2) % 2 = 0 := by
  sorry

/-- The integer part of a number between an integer and the next. -/
theorem field_round_12 (x : Rat) (n : Int) (h : n ≤ x) (h' : x < n + 1) : x.floor = n := by
  sorry

/-- A larger number has no smaller integer part. -/
theorem field_round_13 (x y : Rat) (h : x ≤ y) : x.floor ≤ y.floor := by
  sorry

/-- The integer part moves with integers. -/
theorem field_round_14 (x : Rat) (n : Int) : (x + n).floor = x.floor + n := by
  sorry

/-- Rounding up by one half at the most: the other way to round differs at ties only. -/
theorem field_round_15 (x : Rat) (h : x - x.floor ≠ 1 / 2) : roundHalfEven x = (x + 1 / 2).floor := by
  sorry

/-- Numbers at most one apart are rounded to integers at most one apart, or two. -/
theorem field_round_16 (x y : Rat) (h : abs (x - y) ≤ 1) : abs ((roundHalfEven x : Rat) - roundHalfEven y) ≤ 2 := by
  sorry
