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
  obtain ⟨hr, heven⟩ := roundHalfEven_spec x
  rw [roundHalfEven_eq_iff, Rat.intCast_add, show x + n - (roundHalfEven x + n) = x - roundHalfEven x by grind]
  exact ⟨hr, fun ht => by have := heven ht; omega⟩

/-- One half and three halves go to different even numbers. -/
theorem field_round_2 : roundHalfEven (1 / 2) = 0 ∧ roundHalfEven (3 / 2) = 2 := by
  decide +kernel

/-- Rounding gives the integer part or one more. -/
theorem field_round_3 (x : Rat) : x.floor ≤ roundHalfEven x ∧ roundHalfEven x ≤ x.floor + 1 := by
  have := roundHalfEven_cases x
  omega

/-- What is not negative does not become negative. -/
theorem field_round_4 (x : Rat) (h : 0 ≤ x) : 0 ≤ roundHalfEven x := by
  have := roundHalfEven_mono h
  rwa [show roundHalfEven 0 = 0 from roundHalfEven_intCast 0] at this

/-- A number smaller than one half becomes zero. -/
theorem field_round_5 (x : Rat) (h : abs x < 1 / 2) : roundHalfEven x = 0 := by
  rw [roundHalfEven_eq_iff]
  grind [abs]

/-- Rounding twice is rounding once. -/
theorem field_round_6 (x : Rat) : roundHalfEven (roundHalfEven x) = roundHalfEven x := by
  exact roundHalfEven_intCast _

/-- A rounded number plus one half is not below the number. -/
theorem field_round_7 (x : Rat) : x ≤ roundHalfEven x + 1 / 2 := by
  have := (abs_le_iff.mp (abs_sub_roundHalfEven_le x)).2
  grind

/-- Rounding makes a number larger by at most one half. -/
theorem field_round_8 (x : Rat) : abs (roundHalfEven x) ≤ abs x + 1 / 2 := by
  have := abs_sub_roundHalfEven_le x
  grind [abs]

/-- Numbers with the same rounding are at most one apart. -/
theorem field_round_9 (x y : Rat) (h : roundHalfEven x = roundHalfEven y) : abs (x - y) ≤ 1 := by
  have := abs_sub_roundHalfEven_le x
  have := abs_sub_roundHalfEven_le y
  grind [abs]

/-- Only numbers up to one half become zero. -/
theorem field_round_10 (x : Rat) (h : roundHalfEven x = 0) : abs x ≤ 1 / 2 := by
  have := abs_sub_roundHalfEven_le x
  rw [h, Rat.intCast_zero] at this
  grind [abs]

/-- A tie goes to an even number. -/
theorem field_round_11 (n : Int) : roundHalfEven (n + 1 / 2) % 2 = 0 := by
  apply roundHalfEven_even_of_tie
  rcases roundHalfEven_cases (n + 1 / 2) with ⟨h, _⟩ | ⟨h, _⟩
  · have h₁ := Rat.floor_le ((n : Rat) + 1 / 2)
    have h₂ := Rat.lt_floor_add_one ((n : Rat) + 1 / 2)
    have : ((n : Rat) + 1 / 2).floor = n := intCast_eq_of_close (by grind) (by rw [Rat.intCast_add] at h₂; grind)
    rw [h, this]
    grind [abs]
  · have h₁ := Rat.floor_le ((n : Rat) + 1 / 2)
    have h₂ := Rat.lt_floor_add_one ((n : Rat) + 1 / 2)
    have : ((n : Rat) + 1 / 2).floor = n := intCast_eq_of_close (by grind) (by rw [Rat.intCast_add] at h₂; grind)
    rw [h, this, Rat.intCast_add]
    grind [abs]

/-- The integer part of a number between an integer and the next. -/
theorem field_round_12 (x : Rat) (n : Int) (h : n ≤ x) (h' : x < n + 1) : x.floor = n := by
  have h₁ := Rat.floor_le x
  have h₂ := Rat.lt_floor_add_one x
  rw [Rat.intCast_add] at h₂
  exact intCast_eq_of_close (by grind) (by grind)

/-- A larger number has no smaller integer part. -/
theorem field_round_13 (x y : Rat) (h : x ≤ y) : x.floor ≤ y.floor := by
  rw [Rat.le_floor_iff]
  exact Rat.le_trans (Rat.floor_le x) h

/-- The integer part moves with integers. -/
theorem field_round_14 (x : Rat) (n : Int) : (x + n).floor = x.floor + n := by
  have h₁ := Rat.floor_le x
  have h₂ := Rat.lt_floor_add_one x
  have h₃ := Rat.floor_le (x + n)
  have h₄ := Rat.lt_floor_add_one (x + n)
  rw [Rat.intCast_add] at h₂ h₄
  apply intCast_eq_of_close <;> rw [Rat.intCast_add] <;> grind

/-- Rounding up by one half at the most: the other way to round differs at ties only. -/
theorem field_round_15 (x : Rat) (h : x - x.floor ≠ 1 / 2) : roundHalfEven x = (x + 1 / 2).floor := by
  have h₁ := Rat.floor_le x
  have h₂ := Rat.lt_floor_add_one x
  have h₃ := Rat.floor_le (x + 1 / 2)
  have h₄ := Rat.lt_floor_add_one (x + 1 / 2)
  rw [Rat.intCast_add] at h₂ h₄
  rcases roundHalfEven_cases x with ⟨hr, _⟩ | ⟨hr, _⟩ <;> rw [hr] <;> apply intCast_eq_of_close <;> grind

/-- Numbers at most one apart are rounded to integers at most one apart, or two. -/
theorem field_round_16 (x y : Rat) (h : abs (x - y) ≤ 1) : abs ((roundHalfEven x : Rat) - roundHalfEven y) ≤ 2 := by
  have := abs_sub_roundHalfEven_le x
  have := abs_sub_roundHalfEven_le y
  grind [abs]
