module

public import Q35.Round

@[expose] public section

/-! fp16 (IEEE 754 binary16), the format of the steps, as exact rational numbers.

All halves are integer multiples of the smallest subnormal, 2^-24, the *unit*: 16777216 units are 1. The bits of a
positive half, taken as a number, count the halves in order, up to 31743 for the largest, 65504; the next are infinity
and the NaNs. `halfUnits` is that increasing list, and rounding finds a number's place in it. -/

namespace Q35

/-- The size, in units, of the half with exponent field `a / 1024` and mantissa field `a % 1024`: subnormals have the
exponent field 0, all others a leading 1. -/
def halfUnits (a : Nat) : Nat := if a / 1024 = 0 then a % 1024 else (1024 + a % 1024) * 2 ^ (a / 1024 - 1)

/-- The value of the positive half with the bits `a`. -/
def halfValue (a : Nat) : Rat := halfUnits a / 16777216

/-- The value of 16 bits as fp16; `none` for infinities, NaNs and numbers that are not 16 bits. -/
def halfToRat (b : Nat) : Option Rat :=
  if 65536 ≤ b ∨ 31743 < b % 32768 then none
  else some (if b < 32768 then halfValue b else -halfValue (b - 32768))

/-- Around `y` units the halves are `2 ^ halfSpacing y` units apart. -/
def halfSpacing (y : Rat) : Nat := y.floor.toNat.log2 - 10

/-- The bits of the half nearest to `y ≥ 0` units, ties to even, if there were no largest half. -/
def halfBits (y : Rat) : Nat := halfSpacing y * 1024 + (roundHalfEven (y / (2 ^ halfSpacing y : Nat))).toNat

/-- The bits of the half nearest to `x`: ties to even, at most 65504 in size, and never -0. -/
def ratToHalf (x : Rat) : Nat :=
  let a := min 31743 (halfBits (abs x * 16777216))
  if x < 0 ∧ a ≠ 0 then 32768 + a else a

/-! ### The list of halves -/

/-- A half with an exponent field that is not 0 has a leading 1. -/
theorem halfUnits_normal {a m q : Nat} (hm : a % 1024 = m) (hq : a / 1024 = q) (h : q ≠ 0) :
    halfUnits a = (1024 + m) * 2 ^ (q - 1) := by
  rw [halfUnits, hm, hq, if_neg h]

example : halfUnits 15360 = (1024 + 0) * 2 ^ (15 - 1) := halfUnits_normal (by decide) (by decide) (by decide)

/-- A spacing of `2 ^ k` units and a significand `s` make the bits `1024 k + s`. -/
theorem halfUnits_join {k s : Nat} (hk : k = 0 ∨ 1024 ≤ s) (hs : s ≤ 2048) : halfUnits (k * 1024 + s) = s * 2 ^ k := by
  by_cases h0 : s < 1024
  · obtain rfl : k = 0 := by omega
    have hm : (0 * 1024 + s) % 1024 = s := by omega
    rw [halfUnits, if_pos (by omega), hm, Nat.pow_zero, Nat.mul_one]
  by_cases h1 : s < 2048
  · have hu := halfUnits_normal (a := k * 1024 + s) (m := s - 1024) (q := k + 1) (by omega) (by omega) (by omega)
    have hs : 1024 + (s - 1024) = s := by omega
    rw [hu, hs, Nat.add_sub_cancel]
  · obtain rfl : s = 2048 := by omega
    have hu := halfUnits_normal (a := k * 1024 + 2048) (m := 0) (q := k + 2) (by omega) (by omega) (by omega)
    have hp : 2 ^ (k + 2 - 1) = 2 * 2 ^ k := Nat.pow_succ'
    generalize 2 ^ (k + 2 - 1) = p at *
    generalize 2 ^ k = p' at *
    omega

example : halfUnits (3 * 1024 + 1025) = 1025 * 2 ^ 3 := halfUnits_join (.inr (by decide)) (by decide)

/-- Every half has a spacing and a significand of 11 bits. -/
theorem halfUnits_split (a : Nat) :
    ∃ k s, (k = 0 ∨ 1024 ≤ s) ∧ s ≤ 2047 ∧ a = k * 1024 + s ∧ halfUnits a = s * 2 ^ k := by
  have hk : a / 1024 - 1 = 0 ∨ 1024 ≤ a - (a / 1024 - 1) * 1024 := by omega
  have hs : a - (a / 1024 - 1) * 1024 ≤ 2047 := by omega
  have ha : a = (a / 1024 - 1) * 1024 + (a - (a / 1024 - 1) * 1024) := by omega
  refine ⟨_, _, hk, hs, ha, ?_⟩
  conv => lhs; rw [ha]
  exact halfUnits_join hk (by omega)

/-- The next half is larger. -/
theorem halfUnits_lt_succ (a : Nat) : halfUnits a < halfUnits (a + 1) := by
  obtain ⟨k, s, hk, hs, rfl, hu⟩ := halfUnits_split a
  rw [hu, Nat.add_assoc, halfUnits_join (by omega) (by omega)]
  exact Nat.mul_lt_mul_of_pos_right (by omega) (Nat.two_pow_pos k)

/-- The bits of positive halves are in the order of the values. -/
theorem halfUnits_lt {a b : Nat} (h : a < b) : halfUnits a < halfUnits b := by
  induction b with
  | zero => omega
  | succ b ih =>
    rcases Nat.lt_or_ge a b with hab | hab
    · exact Nat.lt_trans (ih hab) (halfUnits_lt_succ b)
    · obtain rfl : a = b := by omega
      exact halfUnits_lt_succ a

example : halfUnits 1 < halfUnits 31743 := halfUnits_lt (by decide)

/-- A half with smaller bits is not larger. -/
theorem halfUnits_le {a b : Nat} (h : a ≤ b) : halfUnits a ≤ halfUnits b := by
  rcases Nat.lt_or_eq_of_le h with h | rfl
  · exact Nat.le_of_lt (halfUnits_lt h)
  · exact Nat.le_refl _

example : halfUnits 1 ≤ halfUnits 31743 := halfUnits_le (by decide)

/-! ### Rounding in units -/

/-- A natural number lies below `y` exactly when it lies below the integer part. -/
theorem le_floor_toNat {y : Rat} (hy : 0 ≤ y) {n : Nat} : n ≤ y.floor.toNat ↔ (n : Rat) ≤ y := by
  have h0 : 0 ≤ y.floor := Rat.le_floor_iff.2 (by simpa using hy)
  have : (n : Int) ≤ y.floor ↔ ((n : Int) : Rat) ≤ y := Rat.le_floor_iff
  rw [Rat.intCast_natCast] at this
  rw [← this]; omega

example : 2 ≤ (5 / 2 : Rat).floor.toNat := (le_floor_toNat (by decide +kernel)).2 (by decide +kernel)

/-- What the spacing is: `y` has 11 bits before the point, or fewer if the spacing is one unit. -/
theorem halfSpacing_eq_iff {y : Rat} (hy : 0 ≤ y) {k : Nat} :
    halfSpacing y = k ↔ (k = 0 ∨ ((2 ^ (10 + k) : Nat) : Rat) ≤ y) ∧ y < (2 ^ (11 + k) : Nat) := by
  have hlow := le_floor_toNat hy (n := 2 ^ (10 + k))
  have hhigh := le_floor_toNat hy (n := 2 ^ (11 + k))
  rw [← hlow, ← Rat.not_le, ← hhigh, halfSpacing]
  generalize y.floor.toNat = n
  by_cases hn : n = 0
  · subst hn
    have := Nat.two_pow_pos (10 + k)
    have := Nat.two_pow_pos (11 + k)
    simp only [Nat.log2_zero]; omega
  · rw [← Nat.le_log2 hn, ← Nat.le_log2 hn]; omega

example : halfSpacing 5000 = 2 := (halfSpacing_eq_iff (by decide +kernel)).2 (by decide +kernel)

/-- A power of two is positive, also as a rational number. -/
theorem two_pow_pos (k : Nat) : (0 : Rat) < (2 ^ k : Nat) := Rat.natCast_pos.2 (Nat.two_pow_pos k)

/-- Where a number lands: on a multiple of its spacing with a significand of 11 bits, or on the next power of two. -/
theorem halfBits_spec {y : Rat} (hy : 0 ≤ y) : ∃ s : Nat, (s : Int) = roundHalfEven (y / (2 ^ halfSpacing y : Nat)) ∧
    (halfSpacing y = 0 ∨ 1024 ≤ s) ∧ s ≤ 2048 ∧ halfBits y = halfSpacing y * 1024 + s := by
  obtain ⟨hlow, hhigh⟩ := (halfSpacing_eq_iff hy).1 rfl
  have hpos := two_pow_pos (halfSpacing y)
  rw [halfBits]
  generalize halfSpacing y = k at *
  have h0 : roundHalfEven ((0 : Int) : Rat) ≤ roundHalfEven (y / (2 ^ k : Nat)) :=
    roundHalfEven_mono ((le_div_iff hpos).2 (by grind))
  have h2048 : roundHalfEven (y / (2 ^ k : Nat)) ≤ roundHalfEven ((2048 : Int) : Rat) := by
    refine roundHalfEven_mono ((div_le_iff hpos).2 ?_)
    rw [Nat.pow_add, Rat.natCast_mul] at hhigh
    grind
  rw [roundHalfEven_intCast] at h0 h2048
  refine ⟨(roundHalfEven (y / (2 ^ k : Nat))).toNat, by omega, ?_, by omega, rfl⟩
  refine hlow.imp id fun hlow => ?_
  have h1024 : roundHalfEven ((1024 : Int) : Rat) ≤ roundHalfEven (y / (2 ^ k : Nat)) := by
    refine roundHalfEven_mono ((le_div_iff hpos).2 ?_)
    rw [Nat.pow_add, Rat.natCast_mul] at hlow
    grind
  rw [roundHalfEven_intCast] at h1024
  omega

example : halfBits 5001 = 2 * 1024 + 1250 := by decide +kernel

/-- No half is nearer to `y` units than the one that rounding gives, if there were no largest half. -/
theorem halfBits_nearest {y : Rat} (hy : 0 ≤ y) (a : Nat) :
    abs (y - halfUnits (halfBits y)) ≤ abs (y - halfUnits a) := by
  obtain ⟨s, hs, hk, hle, hbits⟩ := halfBits_spec hy
  obtain ⟨hlow, -⟩ := (halfSpacing_eq_iff hy).1 rfl
  have hpos := two_pow_pos (halfSpacing y)
  rw [hbits, halfUnits_join hk hle]
  generalize halfSpacing y = k at *
  -- an integer multiple of the spacing is at least as near as `a`
  have hmultiple : ∃ j : Int, abs (y - (2 ^ k : Nat) * j) ≤ abs (y - halfUnits a) := by
    obtain ⟨k', s', -, hs', -, hu⟩ := halfUnits_split a
    rw [hu]
    by_cases hkk : k ≤ k'
    · refine ⟨s' * 2 ^ (k' - k), ?_⟩
      have : ((2 ^ k : Nat) : Rat) * ((s' * 2 ^ (k' - k) : Int) : Rat) = ((s' * 2 ^ k' : Nat) : Rat) := by
        rw [show k' = k + (k' - k) by omega, Nat.pow_add, ← Rat.intCast_natCast, ← Rat.intCast_natCast,
          ← Rat.intCast_mul]
        congr 1
        simp only [Nat.add_sub_cancel_left, Int.natCast_mul, Int.natCast_pow]
        grind
      rw [this]
      exact Rat.le_refl
    · refine ⟨1024, ?_⟩
      have hsmall : s' * 2 ^ k' ≤ 2 ^ (10 + k) := by
        calc s' * 2 ^ k' ≤ 2 ^ 11 * 2 ^ k' := Nat.mul_le_mul_right _ (by omega)
          _ = 2 ^ (11 + k') := (Nat.pow_add ..).symm
          _ ≤ 2 ^ (10 + k) := Nat.pow_le_pow_right (by decide) (by omega)
      have hsmall : ((s' * 2 ^ k' : Nat) : Rat) ≤ (2 ^ (10 + k) : Nat) := Rat.natCast_le_natCast.2 hsmall
      have hlow : ((2 ^ (10 + k) : Nat) : Rat) ≤ y := hlow.resolve_left (by omega)
      rw [Nat.pow_add, Rat.natCast_mul] at hsmall hlow
      grind [abs]
  obtain ⟨j, hj⟩ := hmultiple
  refine Rat.le_trans ?_ hj
  rw [Rat.natCast_mul, Rat.mul_comm, abs_sub_mul (by grind), abs_sub_mul (by grind), ← Rat.intCast_natCast s, hs]
  exact Rat.mul_le_mul_of_nonneg_left (roundHalfEven_nearest _ j) (abs_nonneg _)

/-- A half rounds to itself. -/
theorem halfBits_halfUnits (a : Nat) : halfBits (halfUnits a) = a := by
  have hnear := halfBits_nearest (Rat.natCast_nonneg (a := halfUnits a)) a
  have heq : (halfUnits (halfBits (halfUnits a)) : Rat) = halfUnits a := by grind [abs]
  have heq : halfUnits (halfBits (halfUnits a)) = halfUnits a := Rat.natCast_inj.1 heq
  rcases Nat.lt_trichotomy (halfBits (halfUnits a)) a with h | h | h
  · have := halfUnits_lt h; omega
  · exact h
  · have := halfUnits_lt h; omega

/-- Midway between two neighbours the even bits win. -/
theorem halfBits_tie (a : Nat) :
    halfBits (((halfUnits a : Rat) + halfUnits (a + 1)) / 2) = if a % 2 = 0 then a else a + 1 := by
  obtain ⟨k, s, hk, hs, rfl, hu⟩ := halfUnits_split a
  have hpos := two_pow_pos k
  rw [hu, Nat.add_assoc, halfUnits_join (by omega) (by omega)]
  generalize hy : (((s * 2 ^ k : Nat) : Rat) + ((s + 1) * 2 ^ k : Nat)) / 2 = y
  have hy : y = (2 ^ k : Nat) * (s + 1 / 2) := by
    rw [← hy]; simp only [Rat.natCast_mul, Rat.natCast_add, Rat.natCast_ofNat]; grind
  have hs0 : (0 : Rat) ≤ s := Rat.natCast_nonneg
  have hs1 : (s : Rat) ≤ 2047 := by simpa using Rat.natCast_le_natCast.2 hs
  have hy0 : 0 ≤ y := by rw [hy]; exact Rat.mul_nonneg (Rat.le_of_lt hpos) (by grind)
  have hspacing : halfSpacing y = k := by
    rw [halfSpacing_eq_iff hy0, Nat.pow_add, Nat.pow_add, Rat.natCast_mul, Rat.natCast_mul, hy]
    constructor
    · refine hk.imp id fun hk => ?_
      have hk : (1024 : Rat) ≤ s := by simpa using Rat.natCast_le_natCast.2 hk
      rw [Rat.mul_comm]
      exact Rat.mul_le_mul_of_nonneg_left (by grind) (Rat.le_of_lt hpos)
    · rw [Rat.mul_comm _ ((2 ^ k : Nat) : Rat)]
      exact Rat.mul_lt_mul_of_pos_left (by grind) hpos
  have hround : roundHalfEven (y / (2 ^ k : Nat)) = if s % 2 = 0 then (s : Int) else s + 1 := by
    have : y / (2 ^ k : Nat) = s + 1 / 2 := by rw [hy]; grind
    rw [this, roundHalfEven_eq_iff]
    split
    · rw [Rat.intCast_natCast]; grind [abs]
    · rw [Rat.intCast_add, Rat.intCast_natCast]; grind [abs]
  rw [halfBits, hspacing, hround]
  split <;> split <;> omega

/-! ### Values -/

/-- Landmarks: zero, the smallest subnormal and normal, one, the largest, and the first bits without a value. -/
theorem halfToRat_landmarks :
    halfToRat 0 = some 0 ∧ halfToRat 1 = some (1 / 2 ^ 24 : Rat) ∧ halfToRat 1024 = some (1 / 2 ^ 14 : Rat) ∧
    halfToRat 15360 = some 1 ∧ halfToRat 31743 = some 65504 ∧ halfToRat 31744 = none ∧
    halfToRat 32768 = some 0 ∧ halfToRat 48128 = some (-1) ∧ halfToRat 65536 = none := by
  decide +kernel

/-- Exactly infinities, NaNs and numbers that are not 16 bits have no value. -/
theorem halfToRat_eq_none_iff {b : Nat} : halfToRat b = none ↔ 65536 ≤ b ∨ 31744 ≤ b % 32768 := by
  simp only [halfToRat]; split <;> simp_all <;> omega

example : halfToRat 64512 = none := halfToRat_eq_none_iff.2 (by decide)

/-- The value of finite bits: a sign, and the bits without it counted up the list of halves. -/
theorem halfToRat_eq_some {b : Nat} {v : Rat} (h : halfToRat b = some v) :
    ∃ a ≤ 31743, (b = a ∧ v = halfValue a) ∨ (b = 32768 + a ∧ v = -halfValue a) := by
  simp only [halfToRat] at h
  split at h
  · exact absurd h (by simp)
  · obtain rfl := Option.some.inj h
    split
    · exact ⟨b, by omega, .inl ⟨rfl, rfl⟩⟩
    · exact ⟨b - 32768, by omega, .inr ⟨by omega, rfl⟩⟩

example : ∃ a ≤ 31743, (48128 = a ∧ (-1 : Rat) = halfValue a) ∨
    (48128 = 32768 + a ∧ (-1 : Rat) = -halfValue a) :=
  halfToRat_eq_some halfToRat_landmarks.2.2.2.2.2.2.2.1

/-- The value of the positive bits `a`. -/
theorem halfToRat_pos {a : Nat} (h : a ≤ 31743) : halfToRat a = some (halfValue a) := by
  rw [halfToRat, if_neg (by omega), if_pos (by omega)]

example : halfToRat 15360 = some (halfValue 15360) := halfToRat_pos (by decide)

/-- Bit 15 is the sign. -/
theorem halfToRat_neg {a : Nat} (h : a ≤ 31743) : halfToRat (32768 + a) = some (-halfValue a) := by
  rw [halfToRat, if_neg (by omega), if_neg (by omega), Nat.add_sub_cancel_left]

example : halfToRat 48128 = some (-halfValue 15360) := halfToRat_neg (a := 15360) (by decide)

/-- No half is larger than 65504. -/
theorem abs_halfToRat_le {b : Nat} {v : Rat} (h : halfToRat b = some v) : abs v ≤ 65504 := by
  obtain ⟨a, ha, hv⟩ := halfToRat_eq_some h
  have hle : (halfUnits a : Rat) ≤ (65504 * 16777216 : Nat) :=
    Rat.natCast_le_natCast.2 (halfUnits_le ha)
  have h0 : (0 : Rat) ≤ halfUnits a := Rat.natCast_nonneg
  rw [abs_le_iff]
  rcases hv with ⟨-, rfl⟩ | ⟨-, rfl⟩ <;> grind [halfValue]

example : abs (-1) ≤ 65504 := abs_halfToRat_le halfToRat_landmarks.2.2.2.2.2.2.2.1

/-- The product of a step and an int8 entry is exact in float32: 18 bits times a power of two from 2^-24 to 2^5. -/
theorem half_mul_int8_exact {b : Nat} {d : Rat} (h : halfToRat b = some d) {t : Int} (ht : -128 ≤ t ∧ t ≤ 127) :
    ∃ (m : Int) (k : Nat), (-2 ^ 18 < m ∧ m < 2 ^ 18) ∧ k ≤ 29 ∧ d * t = m * (2 ^ k : Nat) / 2 ^ 24 := by
  obtain ⟨a, ha, hd⟩ := halfToRat_eq_some h
  obtain ⟨k, s, hk, hs, rfl, hu⟩ := halfUnits_split a
  have hst : -(2047 * 128) ≤ (s : Int) * t ∧ (s : Int) * t ≤ 2047 * 128 := by
    have h₁ := Int.mul_le_mul_of_nonneg_left ht.1 (Int.natCast_nonneg s)
    have h₂ := Int.mul_le_mul_of_nonneg_left ht.2 (Int.natCast_nonneg s)
    omega
  rw [halfValue, hu, Rat.natCast_mul, show (16777216 : Rat) = 2 ^ 24 by decide +kernel] at hd
  rcases hd with ⟨-, rfl⟩ | ⟨-, rfl⟩
  · refine ⟨s * t, k, by omega, by omega, ?_⟩
    rw [Rat.intCast_mul, Rat.intCast_natCast]; grind
  · refine ⟨-(s * t), k, by omega, by omega, ?_⟩
    rw [Rat.intCast_neg, Rat.intCast_mul, Rat.intCast_natCast]; grind

example : ∃ (m : Int) (k : Nat), (-2 ^ 18 < m ∧ m < 2 ^ 18) ∧ k ≤ 29 ∧
    (-1 : Rat) * (-128 : Int) = m * (2 ^ k : Nat) / 2 ^ 24 :=
  half_mul_int8_exact halfToRat_landmarks.2.2.2.2.2.2.2.1 (by decide)

/-! ### Rounding to a half -/

/-- Up to the largest half, rounding in units is saturated rounding. -/
theorem min_halfBits_nearest {y : Rat} (hy : 0 ≤ y) {a : Nat} (ha : a ≤ 31743) :
    abs (y - halfUnits (min 31743 (halfBits y))) ≤ abs (y - halfUnits a) := by
  rcases Nat.lt_or_ge 31743 (halfBits y) with h | h
  · rw [Nat.min_eq_left (by omega)]
    have hnear := halfBits_nearest hy 31743
    have h₁ : (halfUnits 31743 : Rat) < halfUnits (halfBits y) := Rat.natCast_lt_natCast.2 (halfUnits_lt h)
    have h₂ : (halfUnits a : Rat) ≤ halfUnits 31743 := Rat.natCast_le_natCast.2 (halfUnits_le ha)
    grind [abs]
  · rw [Nat.min_eq_right h]; exact halfBits_nearest hy a

example : abs ((3 : Rat) - halfUnits (min 31743 (halfBits 3))) ≤ abs ((3 : Rat) - halfUnits 7) :=
  min_halfBits_nearest (by decide +kernel) (by decide)

/-- The value of rounded bits: the sign of `x`, and the nearest half of its size. -/
theorem halfToRat_ratToHalf (x : Rat) :
    let size := halfValue (min 31743 (halfBits (abs x * 16777216)))
    halfToRat (ratToHalf x) = some (if x < 0 then -size else size) := by
  simp only [ratToHalf]
  generalize ha : min 31743 (halfBits (abs x * 16777216)) = a
  have ha : a ≤ 31743 := by omega
  by_cases hx : x < 0
  · by_cases h0 : a = 0
    · subst h0
      simp only [hx, ne_eq, not_true_eq_false, and_false, if_true, if_false]
      decide +kernel
    · simp only [hx, ne_eq, h0, not_false_eq_true, and_self, if_true]
      exact halfToRat_neg ha
  · simp only [hx, false_and, if_false]
    exact halfToRat_pos ha

/-- Rounding to a half always gives a value, and no half is nearer. -/
theorem ratToHalf_nearest (x : Rat) : ∃ w, halfToRat (ratToHalf x) = some w ∧
    ∀ b v, halfToRat b = some v → abs (x - w) ≤ abs (x - v) := by
  refine ⟨_, halfToRat_ratToHalf x, fun b v hv => ?_⟩
  have hy : 0 ≤ abs x * 16777216 := Rat.mul_nonneg (abs_nonneg x) (by decide +kernel)
  obtain ⟨a, ha, hv⟩ := halfToRat_eq_some hv
  have hnear := min_halfBits_nearest hy ha
  simp only [halfValue] at hv ⊢
  generalize (halfUnits (min 31743 (halfBits (abs x * 16777216))) : Rat) = p at *
  have hpos : (0 : Rat) ≤ halfUnits a := Rat.natCast_nonneg
  generalize (halfUnits a : Rat) = q at *
  grind [abs]

/-- Every half but -0 rounds to itself. -/
theorem ratToHalf_halfToRat {b : Nat} {v : Rat} (h : halfToRat b = some v) (h0 : b ≠ 32768) : ratToHalf v = b := by
  obtain ⟨a, ha, hv⟩ := halfToRat_eq_some h
  have hpos : (0 : Rat) ≤ halfUnits a := Rat.natCast_nonneg
  have habs : abs v * 16777216 = halfUnits a := by rcases hv with ⟨-, rfl⟩ | ⟨-, rfl⟩ <;> grind [abs, halfValue]
  simp only [ratToHalf, habs, halfBits_halfUnits, Nat.min_eq_right ha]
  rcases hv with ⟨rfl, rfl⟩ | ⟨rfl, rfl⟩
  · rw [if_neg (fun h => by grind [halfValue])]
  · have hlt : 0 < halfUnits a := Nat.lt_of_le_of_lt (Nat.zero_le _) (halfUnits_lt (a := 0) (by omega))
    have hlt : (0 : Rat) < halfUnits a := Rat.natCast_pos.2 hlt
    rw [if_pos ⟨by grind [halfValue], by omega⟩]

example : ratToHalf 65504 = 31743 := ratToHalf_halfToRat halfToRat_landmarks.2.2.2.2.1 (by decide)

/-- Rounding never gives -0. -/
theorem ratToHalf_ne_negZero (x : Rat) : ratToHalf x ≠ 32768 := by
  simp only [ratToHalf]; split <;> omega

/-- Rounding gives the bits of a finite half. -/
theorem ratToHalf_finite (x : Rat) : ratToHalf x < 65536 ∧ ratToHalf x % 32768 ≤ 31743 := by
  simp only [ratToHalf]; split <;> omega

/-- Midway between two neighbouring halves the even bits win. -/
theorem ratToHalf_tie {a : Nat} (h : a < 31743) {v w : Rat} (hv : halfToRat a = some v)
    (hw : halfToRat (a + 1) = some w) : ratToHalf ((v + w) / 2) = if a % 2 = 0 then a else a + 1 := by
  rw [halfToRat_pos (by omega)] at hv hw
  obtain rfl := Option.some.inj hv
  obtain rfl := Option.some.inj hw
  have h₁ : (0 : Rat) ≤ halfUnits a := Rat.natCast_nonneg
  have h₂ : (0 : Rat) ≤ halfUnits (a + 1) := Rat.natCast_nonneg
  have hnonneg : ¬(halfValue a + halfValue (a + 1)) / 2 < 0 := by grind [halfValue]
  have habs : abs ((halfValue a + halfValue (a + 1)) / 2) * 16777216
      = ((halfUnits a : Rat) + halfUnits (a + 1)) / 2 := by grind [abs, halfValue]
  simp only [ratToHalf, hnonneg, false_and, if_false, habs, halfBits_tie]
  split <;> omega

example : ratToHalf ((0 + 1 / 2 ^ 24) / 2) = 0 :=
  ratToHalf_tie (a := 0) (by decide) halfToRat_landmarks.1 halfToRat_landmarks.2.1

/-- Beyond the largest half rounding saturates. -/
theorem ratToHalf_saturates {x : Rat} (h : 65504 ≤ x) : ratToHalf x = 31743 ∧ ratToHalf (-x) = 32768 + 31743 := by
  have habs : abs x = x := by grind [abs]
  have hneg : abs (-x) = x := by rw [abs_neg, habs]
  have hy : 0 ≤ x * 16777216 := by grind
  have hmax : (halfUnits 31743 : Rat) ≤ x * 16777216 := by
    rw [show (halfUnits 31743 : Rat) = 65504 * 16777216 by decide +kernel]; grind
  have hbits : 31743 ≤ halfBits (x * 16777216) := by
    rcases Nat.lt_or_ge (halfBits (x * 16777216)) 31743 with hlt | hge
    · have hnear := halfBits_nearest hy 31743
      have : (halfUnits (halfBits (x * 16777216)) : Rat) < halfUnits 31743 :=
        Rat.natCast_lt_natCast.2 (halfUnits_lt hlt)
      grind [abs]
    · exact hge
  simp only [ratToHalf, habs, hneg, Nat.min_eq_left hbits]
  constructor
  · rw [if_neg (by grind)]
  · rw [if_pos ⟨by grind, by decide⟩]

example : ratToHalf 100000 = 31743 ∧ ratToHalf (-100000) = 32768 + 31743 := ratToHalf_saturates (by decide +kernel)

/-- Rounding commutes with the change of sign, zero aside. -/
theorem ratToHalf_neg {x : Rat} (h : 0 < x) (h0 : ratToHalf x ≠ 0) : ratToHalf (-x) = 32768 + ratToHalf x := by
  have h₁ : ¬x < 0 := by grind
  have h₂ : -x < 0 := by grind
  simp only [ratToHalf, h₁, h₂, abs_neg, false_and, if_false, true_and] at h0 ⊢
  rw [if_pos h0]

example : ratToHalf (-1) = 32768 + ratToHalf 1 := ratToHalf_neg (by decide +kernel) (by decide +kernel)

end Q35
