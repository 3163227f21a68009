module

public import Q35.Half

@[expose] public section

/-! When a kernel's arithmetic loses nothing: integers as floats, and the product of a step and a table entry, which is
exact in float32, and in fp16 or bfloat16 only while its significand fits. -/

namespace Q35

/-! ### Integers -/

/-- Integers of up to `M + 1` bits, and the next power of two, are numbers of the format. -/
theorem round_intCast (F : FloatFormat) {n : Int} (hn : n.natAbs ≤ 2 * 2 ^ F.mantissaBits) : F.round n = n :=
  F.round_significand (k := F.unitExponent) hn (by rw [abs_intCast, Rat.natCast_mul]; rfl)

/-- The sum of a block's products, an integer of up to 2^24, becomes a float32 without loss. -/
theorem float32_intCast {n : Int} (hn : -16777216 ≤ n ∧ n ≤ 16777216) : float32.round n = n :=
  round_intCast float32 (by have : 2 * 2 ^ float32.mantissaBits = 16777216 := by decide
                            omega)

example : float32.round ((16777216 : Int) : Rat) = (16777216 : Int) := float32_intCast (by decide)

/-- The first integers that the formats lack: 2^24 + 1, 2^11 + 1 and 2^8 + 1 become their even neighbours. -/
theorem first_integers_lost :
    float32.round 16777217 = 16777216 ∧ float16.round 2049 = 2048 ∧ bfloat16.round 257 = 256 := by decide +kernel

example : bfloat16.round ((-256 : Int) : Rat) = (-256 : Int) := round_intCast bfloat16 (by decide)

/-! ### The product of a number and an integer -/

/-- A number of `G` with the significand `s`, times an integer: exact in a format with units as small, while the product
of the significand and the integer fits. -/
theorem round_mul_intCast (F G : FloatFormat) (hunit : G.unitExponent ≤ F.unitExponent) {x : Rat} {s k : Nat}
    (hx : abs x * (G.unitsOfOne : Nat) = (s * 2 ^ k : Nat)) {t : Int} (hs : s * t.natAbs ≤ 2 * 2 ^ F.mantissaBits) :
    F.round (x * t) = x * t := by
  refine F.round_significand (s := s * t.natAbs) (k := k + (F.unitExponent - G.unitExponent)) hs ?_
  have hone : F.unitsOfOne = G.unitsOfOne * 2 ^ (F.unitExponent - G.unitExponent) := by
    rw [FloatFormat.unitsOfOne, FloatFormat.unitsOfOne, ← Nat.pow_add]; congr 1; omega
  rw [abs_mul, abs_intCast, hone, Nat.pow_add]
  generalize G.unitsOfOne = U at *
  generalize 2 ^ (F.unitExponent - G.unitExponent) = V at *
  generalize 2 ^ k = K at *
  have hcast : ((s * t.natAbs * (K * V) : Nat) : Rat) = ((s * K : Nat) : Rat) * (t.natAbs : Nat) * (V : Nat) := by
    rw [← Rat.natCast_mul, ← Rat.natCast_mul]; congr 1; grind
  rw [hcast, ← hx, Rat.natCast_mul]
  grind

example : float16.round (3 * (5 : Int)) = 3 * (5 : Int) :=
  round_mul_intCast float16 float16 (by decide) (s := 3) (k := 24) (by decide +kernel) (by decide)

/-- A step times a power of two is exact in fp16, as long as it is no larger than the largest half. -/
theorem float16_mul_two_pow {b : Nat} {d : Rat} (h : halfToRat b = some d) (j : Nat) :
    float16.round (d * (2 ^ j : Nat)) = d * (2 ^ j : Nat) := by
  obtain ⟨a, -, hd⟩ := halfToRat_eq_some h
  obtain ⟨k, s, -, hs, rfl, hu⟩ := floatUnits_split 10 a
  refine float16.round_significand (s := s) (k := k + j) (Nat.le_of_lt hs) ?_
  have hpow : abs ((2 ^ j : Nat) : Rat) = (2 ^ j : Nat) := by have := two_pow_pos j; grind [abs]
  have hsize : abs d * (float16.unitsOfOne : Nat) = (s * 2 ^ k : Nat) := by
    have hm := float16.magnitude_mul (k * 2 ^ 10 + s)
    have hp := float16.magnitude_nonneg (k * 2 ^ 10 + s)
    have hu : floatUnits float16.mantissaBits (k * 2 ^ 10 + s) = s * 2 ^ k := hu
    rw [hu] at hm
    rw [← hm]
    congr 1
    rcases hd with ⟨-, rfl⟩ | ⟨-, rfl⟩ <;> grind [abs, halfValue]
  rw [abs_mul, hpow, Nat.pow_add, ← Nat.mul_assoc, Rat.natCast_mul, ← hsize]
  grind

example : float16.round (-1 * (2 ^ 3 : Nat)) = -1 * (2 ^ 3 : Nat) :=
  float16_mul_two_pow halfToRat_landmarks.2.2.2.2.2.2.2.1 3

/-- Other entries lose bits in fp16: three times the half after 1 is no half, and rounds up. -/
theorem float16_mul_inexact :
    halfToRat 15361 = some (1025 / 1024) ∧ float16.round (1025 / 1024 * 3) = 3076 / 1024 := by decide +kernel

/-- In fp16 a product of a step and an entry that is not subnormal is off by at most one part in 2048. -/
theorem float16_mul_error_le {d : Rat} {t : Int} (h : float16.smallestNormal ≤ abs (d * t)) :
    abs (d * t - float16.round (d * t)) ≤ abs (d * t) / 2048 := by
  have := float16.abs_sub_round_le_of_normal h
  rw [show float16.unitRoundoff = 1 / 2048 by decide +kernel] at this
  grind

example : abs (1025 / 1024 * (3 : Int) - float16.round (1025 / 1024 * (3 : Int))) ≤ abs (1025 / 1024 * (3 : Int)) / 2048 :=
  float16_mul_error_le (by decide +kernel)

/-- Twice the largest half is beyond it: such a product overflows in fp16. -/
theorem float16_mul_overflows : float16.largest < float16.round (65504 * (2 : Int)) := by decide +kernel

/-- The roundoffs: 2^-24, 2^-11 and 2^-8. -/
theorem unitRoundoffs : float32.unitRoundoff = 1 / 2 ^ 24 ∧ float16.unitRoundoff = 1 / 2 ^ 11 ∧
    bfloat16.unitRoundoff = 1 / 2 ^ 8 := by decide +kernel

/-- The unit roundoff is tight: half a spacing above 1 is a tie, which goes down to 1. -/
theorem unitRoundoff_attained :
    abs (1 + 1 / 2 ^ 24 - float32.round (1 + 1 / 2 ^ 24)) = 1 / 2 ^ 24 ∧
    abs (1 + 1 / 2 ^ 11 - float16.round (1 + 1 / 2 ^ 11)) = 1 / 2 ^ 11 ∧
    abs (1 + 1 / 2 ^ 8 - bfloat16.round (1 + 1 / 2 ^ 8)) = 1 / 2 ^ 8 := by decide +kernel

/-- Flushing subnormals to zero is not rounding: the smallest float32 has a relative error of one. -/
theorem smallest_subnormals : float32.round (1 / 2 ^ 149) = 1 / 2 ^ 149 ∧ float16.round (1 / 2 ^ 24) = 1 / 2 ^ 24 ∧
    bfloat16.round (1 / 2 ^ 133) = 1 / 2 ^ 133 ∧ float32.round (1 / 2 ^ 150) = 0 := by decide +kernel

end Q35
