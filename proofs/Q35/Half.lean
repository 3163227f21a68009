module

public import Q35.FloatRound

@[expose] public section

/-! fp16 (IEEE 754 binary16), the format of the steps: an instance of the floating-point formats. A positive half has
bits up to 31743, the largest, 65504; the next are infinity and the NaNs. A step is never -0. -/

namespace Q35

/-- The value of the positive half with the bits `a`. -/
def halfValue (a : Nat) : Rat := float16.magnitude a

/-- The value of 16 bits as fp16; `none` for infinities, NaNs and numbers that are not 16 bits. -/
def halfToRat (b : Nat) : Option Rat := float16.toRat b

/-- The bits of the half nearest to `x`: ties to even, at most 65504 in size, and never -0. -/
def ratToHalf (x : Rat) : Nat := float16.ofRat .positive x

/-- The sign bit of fp16. -/
theorem float16_signBit : float16.signBit = 32768 := by decide

/-- The bits of the largest half. -/
theorem float16_largestBits : float16.largestBits = 31743 := by decide

/-! ### Values -/

/-- Landmarks: zero, the smallest subnormal and normal, one, the largest, and the first bits without a value. -/
theorem halfToRat_landmarks :
    halfToRat 0 = some 0 ∧ halfToRat 1 = some (1 / 2 ^ 24 : Rat) ∧ halfToRat 1024 = some (1 / 2 ^ 14 : Rat) ∧
    halfToRat 15360 = some 1 ∧ halfToRat 31743 = some 65504 ∧ halfToRat 31744 = none ∧
    halfToRat 32768 = some 0 ∧ halfToRat 48128 = some (-1) ∧ halfToRat 65536 = none := by
  decide +kernel

/-- Exactly infinities, NaNs and numbers that are not 16 bits have no value. -/
theorem halfToRat_eq_none_iff {b : Nat} : halfToRat b = none ↔ 65536 ≤ b ∨ 31744 ≤ b % 32768 := by
  rw [halfToRat, FloatFormat.toRat_eq_none_iff, float16_signBit, float16_largestBits]
  omega

example : halfToRat 64512 = none := halfToRat_eq_none_iff.2 (by decide)

/-- The value of finite bits: a sign, and the bits without it counted up the list of halves. -/
theorem halfToRat_eq_some {b : Nat} {v : Rat} (h : halfToRat b = some v) :
    ∃ a ≤ 31743, (b = a ∧ v = halfValue a) ∨ (b = 32768 + a ∧ v = -halfValue a) :=
  float16.toRat_eq_some h

example : ∃ a ≤ 31743, (48128 = a ∧ (-1 : Rat) = halfValue a) ∨
    (48128 = 32768 + a ∧ (-1 : Rat) = -halfValue a) :=
  halfToRat_eq_some halfToRat_landmarks.2.2.2.2.2.2.2.1

/-- No half is larger than 65504. -/
theorem abs_halfToRat_le {b : Nat} {v : Rat} (h : halfToRat b = some v) : abs v ≤ 65504 := by
  have := float16.abs_toRat_le h
  rwa [show float16.largest = 65504 by decide +kernel] at this

example : abs (-1) ≤ 65504 := abs_halfToRat_le halfToRat_landmarks.2.2.2.2.2.2.2.1

/-- The product of a step and an int8 entry is exact in float32: 18 bits times a power of two from 2^-24 to 2^5. -/
theorem half_mul_int8_exact {b : Nat} {d : Rat} (h : halfToRat b = some d) {t : Int} (ht : -128 ≤ t ∧ t ≤ 127) :
    ∃ (m : Int) (k : Nat), (-2 ^ 18 < m ∧ m < 2 ^ 18) ∧ k ≤ 29 ∧ d * t = m * (2 ^ k : Nat) / 2 ^ 24 := by
  obtain ⟨a, ha, hd⟩ := halfToRat_eq_some h
  obtain ⟨k, s, hk, hs, rfl, hu⟩ := floatUnits_split 10 a
  have hst : -(2047 * 128) ≤ (s : Int) * t ∧ (s : Int) * t ≤ 2047 * 128 := by
    have h₁ := Int.mul_le_mul_of_nonneg_left ht.1 (Int.natCast_nonneg s)
    have h₂ := Int.mul_le_mul_of_nonneg_left ht.2 (Int.natCast_nonneg s)
    omega
  have hvalue : halfValue (k * 2 ^ 10 + s) = s * (2 ^ k : Nat) / 2 ^ 24 := by
    have hone : ((float16.unitsOfOne : Nat) : Rat) = 2 ^ 24 := by decide +kernel
    rw [halfValue, FloatFormat.magnitude, hone, ← Rat.natCast_mul, ← hu]
    rfl
  rw [hvalue] at hd
  rcases hd with ⟨-, rfl⟩ | ⟨-, rfl⟩
  · refine ⟨s * t, k, by omega, by omega, ?_⟩
    rw [Rat.intCast_mul, Rat.intCast_natCast]; grind
  · refine ⟨-(s * t), k, by omega, by omega, ?_⟩
    rw [Rat.intCast_neg, Rat.intCast_mul, Rat.intCast_natCast]; grind

example : ∃ (m : Int) (k : Nat), (-2 ^ 18 < m ∧ m < 2 ^ 18) ∧ k ≤ 29 ∧
    (-1 : Rat) * (-128 : Int) = m * (2 ^ k : Nat) / 2 ^ 24 :=
  half_mul_int8_exact halfToRat_landmarks.2.2.2.2.2.2.2.1 (by decide)

/-- What float32 gives for the product of a step and an int8 entry is the product itself. -/
theorem float32_half_mul_int8 {b : Nat} {d : Rat} (h : halfToRat b = some d) {t : Int} (ht : -128 ≤ t ∧ t ≤ 127) :
    float32.round (d * t) = d * t := by
  obtain ⟨m, k, hm, -, hd⟩ := half_mul_int8_exact h ht
  refine float32.round_significand (s := m.natAbs) (k := k + 125) ?_ ?_
  · have : 2 * 2 ^ float32.mantissaBits = 16777216 := by decide
    omega
  · have hone : ((float32.unitsOfOne : Nat) : Rat) = 2 ^ 24 * (2 ^ 125 : Nat) := by decide +kernel
    have hpow := two_pow_pos k
    have habs := abs_intCast m
    have hsize : abs (d * t) * 2 ^ 24 = (m.natAbs : Nat) * (2 ^ k : Nat) := by
      have h24 : abs ((2 : Rat) ^ 24) = 2 ^ 24 := by decide +kernel
      have hk : abs ((2 ^ k : Nat) : Rat) = (2 ^ k : Nat) := by grind [abs]
      rw [← h24, ← abs_mul, ← habs, ← hk, ← abs_mul]
      congr 1
      rw [hd]
      grind
    rw [hone, Nat.pow_add, Rat.natCast_mul, Rat.natCast_mul, ← Rat.mul_assoc, hsize]
    grind

example : float32.round (-1 * (-128 : Int)) = -1 * (-128 : Int) :=
  float32_half_mul_int8 halfToRat_landmarks.2.2.2.2.2.2.2.1 (by decide)

/-! ### Rounding to a half -/

/-- The value of rounded bits: the sign of `x`, and the nearest half of its size. -/
theorem halfToRat_ratToHalf (x : Rat) :
    halfToRat (ratToHalf x) =
      some (if x < 0 then -halfValue (float16.sizeBits x) else halfValue (float16.sizeBits x)) :=
  float16.toRat_ofRat .positive x

/-- Rounding to a half always gives a value, and no half is nearer. -/
theorem ratToHalf_nearest (x : Rat) : ∃ w, halfToRat (ratToHalf x) = some w ∧
    ∀ b v, halfToRat b = some v → abs (x - w) ≤ abs (x - v) := float16.ofRat_nearest .positive x

/-- Every half but -0 rounds to itself. -/
theorem ratToHalf_halfToRat {b : Nat} {v : Rat} (h : halfToRat b = some v) (h0 : b ≠ 32768) : ratToHalf v = b :=
  float16.ofRat_toRat .positive h (by rw [float16_signBit]; exact h0)

example : ratToHalf 65504 = 31743 := ratToHalf_halfToRat halfToRat_landmarks.2.2.2.2.1 (by decide)

/-- Rounding never gives -0. -/
theorem ratToHalf_ne_negZero (x : Rat) : ratToHalf x ≠ 32768 := by
  have := float16.sizeBits_le x
  rw [float16_largestBits] at this
  rw [ratToHalf, FloatFormat.ofRat, float16_signBit]
  split
  · rename_i h
    have : float16.sizeBits x ≠ 0 := h.2.resolve_right (by decide)
    omega
  · omega

/-- Rounding gives the bits of a finite half. -/
theorem ratToHalf_finite (x : Rat) : ratToHalf x < 65536 ∧ ratToHalf x % 32768 ≤ 31743 := by
  have := float16.sizeBits_le x
  rw [float16_largestBits] at this
  rw [ratToHalf, FloatFormat.ofRat, float16_signBit]
  split <;> omega

/-- Midway between two neighbouring halves the even bits win. -/
theorem ratToHalf_tie {a : Nat} (h : a < 31743) {v w : Rat} (hv : halfToRat a = some v)
    (hw : halfToRat (a + 1) = some w) : ratToHalf ((v + w) / 2) = if a % 2 = 0 then a else a + 1 := by
  rw [halfToRat, float16.toRat_pos (by rw [float16_largestBits]; omega)] at hv hw
  obtain rfl := Option.some.inj hv
  obtain rfl := Option.some.inj hw
  exact float16.ofRat_tie .positive (by decide) h

example : ratToHalf ((0 + 1 / 2 ^ 24) / 2) = 0 :=
  ratToHalf_tie (a := 0) (by decide) halfToRat_landmarks.1 halfToRat_landmarks.2.1

/-- Beyond the largest half rounding saturates. -/
theorem ratToHalf_saturates {x : Rat} (h : 65504 ≤ x) : ratToHalf x = 31743 ∧ ratToHalf (-x) = 32768 + 31743 :=
  float16.ofRat_saturates .positive (by decide) (by rwa [show float16.largest = 65504 by decide +kernel])

example : ratToHalf 100000 = 31743 ∧ ratToHalf (-100000) = 32768 + 31743 := ratToHalf_saturates (by decide +kernel)

/-- Rounding commutes with the change of sign, zero aside. -/
theorem ratToHalf_neg {x : Rat} (h : 0 < x) (h0 : ratToHalf x ≠ 0) : ratToHalf (-x) = 32768 + ratToHalf x :=
  float16.ofRat_neg .positive h h0

example : ratToHalf (-1) = 32768 + ratToHalf 1 := ratToHalf_neg (by decide +kernel) (by decide +kernel)

end Q35
