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
  decide +kernel

/-- A difference of exponents is a quotient. -/
theorem field_scale_2 (a b : Int) : twoPow (a - b) = twoPow a / twoPow b := by
  have := twoPow_add (a - b) b
  rw [Int.sub_add_cancel] at this
  have := twoPow_pos b
  grind

/-- A scale and its reciprocal. -/
theorem field_scale_3 (e : Int) : twoPow (-e) * twoPow e = 1 := by
  rw [← twoPow_add, Int.add_left_neg]
  rfl

/-- Twice the exponent is the square. -/
theorem field_scale_4 (e : Int) : twoPow (2 * e) = twoPow e * twoPow e := by
  rw [← twoPow_add]
  congr 1
  omega

/-- No scale is zero. -/
theorem field_scale_5 (e : Int) : twoPow e ≠ 0 := by
  have := twoPow_pos e
  grind

/-- Different exponents are different scales. -/
theorem field_scale_6 (a b : Int) (h : twoPow a = twoPow b) : a = b := by
  have h₁ := twoPow_le_iff.mp (h ▸ Rat.le_refl : twoPow a ≤ twoPow b)
  have h₂ := twoPow_le_iff.mp (h ▸ Rat.le_refl : twoPow b ≤ twoPow a)
  omega

/-- Clamped scale bits are never NaN. -/
theorem field_scale_7 (e : Int) : scaleBits .clamp e ≤ 254 := by
  unfold scaleBits
  split
  · omega
  · simp

/-- Larger exponents have no smaller bits. -/
theorem field_scale_8 (a b : Int) (h : a ≤ b) : scaleBits .clamp a ≤ scaleBits .clamp b := by
  grind [scaleBits]

/-- Exactly the bits from 255 on are no scale. -/
theorem field_scale_9 (b : Nat) : scaleToRat b = none ↔ 255 ≤ b := by
  simp [scaleToRat, scaleNaN]

/-- The logarithm of half a number. -/
theorem field_scale_10 (x : Rat) (hx : 0 < x) : floorLog2 (x / 2) = floorLog2 x - 1 := by
  have := floorLog2_mul_twoPow hx (-1)
  rw [show x * twoPow (-1) = x / 2 by rw [show twoPow (-1) = 1 / 2 by decide +kernel]; grind] at this
  omega

/-- Below a power of two the logarithm is below its exponent. -/
theorem field_scale_11 (x : Rat) (hx : 0 < x) (k : Int) (h : x < twoPow k) : floorLog2 x < k := by
  have := le_floorLog2_iff hx (e := k)
  rcases Int.lt_or_le (floorLog2 x) k with h' | h'
  · exact h'
  · have := this.mp h'
    grind

/-- A shared scale is taken out of an error. -/
theorem field_scale_12 (x y : Rat) (k : Int) : abs (x * twoPow k - y * twoPow k) = abs (x - y) * twoPow k := by
  rw [abs_sub_mul_right (Rat.le_of_lt (twoPow_pos k))]

/-- A number over its power of two is its significand, from 1 up to 2. -/
theorem field_scale_13 (x : Rat) (hx : 0 < x) : 1 ≤ x / twoPow (floorLog2 x) ∧ x / twoPow (floorLog2 x) < 2 := by
  obtain ⟨h₁, h₂⟩ := floorLog2_spec hx
  have hp := twoPow_pos (floorLog2 x)
  rw [twoPow_succ] at h₂
  constructor
  · rw [le_div_iff hp]
    grind
  · have := le_div_iff hp (a := x) (c := 2)
    grind

/-- The two logarithms are at most one apart. -/
theorem field_scale_14 (x : Rat) : floorLog2 x ≤ ceilLog2 x ∧ ceilLog2 x ≤ floorLog2 x + 1 := by
  unfold ceilLog2
  split <;> omega

/-- The logarithms agree exactly on powers of two. -/
theorem field_scale_15 (x : Rat) (hx : 0 < x) : floorLog2 x = ceilLog2 x ↔ x = twoPow (floorLog2 x) := by
  have h := (floorLog2_spec hx).1
  unfold ceilLog2
  constructor
  · intro h'
    split at h'
    · grind
    · omega
  · intro h'
    rw [if_pos (by grind)]

/-- The bits of a scale that was stored. -/
theorem field_scale_16 (b : Nat) (h : b ≤ 254) : scaleBits .nan ((b : Int) - 127) = b := by
  unfold scaleBits
  split <;> omega

/-- A product of two scales is a scale, unless it is too large or too small. -/
theorem field_scale_17 (a b : Nat) (X Y : Rat) (hX : scaleToRat a = some X) (hY : scaleToRat b = some Y) (h : 127 ≤ a + b)
    (h' : a + b ≤ 381) : scaleToRat (a + b - 127) = some (X * Y) := by
  obtain ⟨ha, rfl⟩ := scaleToRat_eq_some_iff.mp hX
  obtain ⟨hb, rfl⟩ := scaleToRat_eq_some_iff.mp hY
  rw [scaleToRat_eq_some_iff, ← twoPow_add]
  exact ⟨by omega, congrArg twoPow (by omega)⟩

/-- The rule `floor` uses the whole range of the elements up to a factor of two. -/
theorem field_scale_18 (emax : Int) (largest m : Rat) (M : Nat) (hm : 0 < m) :
    m < twoPow (scaleExponent .floor emax largest M m) * twoPow (emax + 1) := by
  rw [scaleExponent, ← twoPow_add, show floorLog2 m - emax + (emax + 1) = floorLog2 m + 1 by omega]
  exact (floorLog2_spec hm).2
