module

public import Q35.Float

@[expose] public section

/-! The values of a floating-point format, and what rounding to it does: to the nearest number, ties to the even one,
with a relative error of at most the unit roundoff where there is a leading 1. -/

namespace Q35

namespace FloatFormat

/-! ### Values -/

/-- The largest number has bits below the sign bit. -/
theorem largestBits_lt (F : FloatFormat) : F.largestBits < F.signBit := by
  have : 0 < F.signBit := Nat.two_pow_pos _
  have := Nat.two_pow_pos F.mantissaBits
  unfold largestBits
  split <;> omega

/-- There is at least one unit in 1. -/
theorem unitsOfOne_pos (F : FloatFormat) : (0 : Rat) < (F.unitsOfOne : Nat) := two_pow_pos _

/-- A size is its units, as a rational number. -/
theorem magnitude_mul (F : FloatFormat) (a : Nat) :
    F.magnitude a * (F.unitsOfOne : Nat) = floatUnits F.mantissaBits a := by
  have := F.unitsOfOne_pos
  rw [magnitude]; grind

/-- A size is not negative. -/
theorem magnitude_nonneg (F : FloatFormat) (a : Nat) : 0 ≤ F.magnitude a :=
  (le_div_iff F.unitsOfOne_pos).2 (by rw [Rat.zero_mul]; exact Rat.natCast_nonneg)

/-- The bits 0 are zero. -/
theorem magnitude_zero (F : FloatFormat) : F.magnitude 0 = 0 := by
  rw [magnitude, floatUnits_zero]; simp [Rat.div_def, Rat.zero_mul]

/-- Codes are monotone: the bits of sizes are in the order of the sizes. -/
theorem magnitude_lt (F : FloatFormat) {a b : Nat} (h : a < b) : F.magnitude a < F.magnitude b := by
  have hlt : (floatUnits F.mantissaBits a : Rat) < floatUnits F.mantissaBits b :=
    Rat.natCast_lt_natCast.2 (floatUnits_lt _ h)
  have hpos := F.unitsOfOne_pos
  rw [← magnitude_mul, ← magnitude_mul] at hlt
  rw [Rat.mul_comm, Rat.mul_comm (F.magnitude b)] at hlt
  exact (Rat.mul_lt_mul_left hpos).1 hlt

example : e4m3.magnitude 5 < e4m3.magnitude 126 := magnitude_lt _ (by decide)

/-- Smaller bits are no larger size. -/
theorem magnitude_le (F : FloatFormat) {a b : Nat} (h : a ≤ b) : F.magnitude a ≤ F.magnitude b := by
  rcases Nat.lt_or_eq_of_le h with h | rfl
  · exact Rat.le_of_lt (F.magnitude_lt h)
  · exact Rat.le_refl

example : e4m3.magnitude 5 ≤ e4m3.magnitude 5 := magnitude_le _ (by decide)

/-- Sizes are distinct. -/
theorem magnitude_injective (F : FloatFormat) {a b : Nat} (h : F.magnitude a = F.magnitude b) : a = b := by
  rcases Nat.lt_trichotomy a b with hlt | heq | hlt
  · have := F.magnitude_lt hlt; grind
  · exact heq
  · have := F.magnitude_lt hlt; grind

example : (5 : Nat) = 5 := magnitude_injective e4m3 rfl

/-- The formula of a format: the exponent field `q` and the mantissa field `m` give `m * 2^(1 - bias - M)` if `q` is 0, and
`(1 + m / 2^M) * 2^(q - bias)` otherwise. -/
theorem magnitude_formula (F : FloatFormat) (hb : F.bias ≠ 0) {q m : Nat} (hm : m < 2 ^ F.mantissaBits) :
    F.magnitude (q * 2 ^ F.mantissaBits + m) =
      if q = 0 then (m : Rat) / (2 ^ F.mantissaBits : Nat) * 2 / (2 ^ F.bias : Nat)
      else (1 + (m : Rat) / (2 ^ F.mantissaBits : Nat)) * (2 ^ q : Nat) / (2 ^ F.bias : Nat) := by
  have hM := two_pow_pos F.mantissaBits
  have hB := two_pow_pos F.bias
  have hone : ((F.unitsOfOne : Nat) : Rat) * 2 = (2 ^ F.mantissaBits : Nat) * (2 ^ F.bias : Nat) := by
    have : F.unitsOfOne * 2 = 2 ^ F.mantissaBits * 2 ^ F.bias := by
      rw [unitsOfOne, unitExponent, ← Nat.pow_succ, ← Nat.pow_add]; congr 1; omega
    rw [← Rat.natCast_mul, ← this, Rat.natCast_mul]; rfl
  have hpos := F.unitsOfOne_pos
  rw [magnitude, floatUnits_fields hm]
  generalize ((F.unitsOfOne : Nat) : Rat) = U at *
  split
  · generalize ((2 ^ F.mantissaBits : Nat) : Rat) = P at *
    generalize ((2 ^ F.bias : Nat) : Rat) = B at *
    grind
  · have hq : ((2 ^ q : Nat) : Rat) = 2 * (2 ^ (q - 1) : Nat) := by
      have : 2 ^ q = 2 * 2 ^ (q - 1) := by rw [← Nat.pow_succ']; congr 1; omega
      rw [this, Rat.natCast_mul]; rfl
    rw [hq, Rat.natCast_mul, Rat.natCast_add]
    generalize ((2 ^ F.mantissaBits : Nat) : Rat) = P at *
    generalize ((2 ^ F.bias : Nat) : Rat) = B at *
    generalize ((2 ^ (q - 1) : Nat) : Rat) = Q at *
    grind

example : e2m1.magnitude (3 * 2 ^ 1 + 1) = (1 + ((1 : Nat) : Rat) / (2 ^ 1 : Nat)) * (2 ^ 3 : Nat) / (2 ^ 1 : Nat) :=
  magnitude_formula e2m1 (by decide) (q := 3) (m := 1) (by decide)

/-- The value of the bits `a` without a sign. -/
theorem toRat_pos (F : FloatFormat) {a : Nat} (h : a ≤ F.largestBits) : F.toRat a = some (F.magnitude a) := by
  have := F.largestBits_lt
  rw [toRat, Nat.mod_eq_of_lt (by omega), if_neg (by omega), if_pos (by omega)]

example : e2m1.toRat 7 = some (e2m1.magnitude 7) := toRat_pos _ (by decide)

/-- The sign bit gives the negative value. -/
theorem toRat_neg (F : FloatFormat) {a : Nat} (h : a ≤ F.largestBits) :
    F.toRat (F.signBit + a) = some (-F.magnitude a) := by
  have := F.largestBits_lt
  rw [toRat, Nat.add_mod_left, Nat.mod_eq_of_lt (by omega), if_neg (by omega), if_neg (by omega),
    Nat.add_sub_cancel_left]

example : e2m1.toRat (8 + 7) = some (-e2m1.magnitude 7) := toRat_neg _ (by decide)

/-- Exactly infinities, NaNs and numbers of too many bits have no value. -/
theorem toRat_eq_none_iff (F : FloatFormat) {b : Nat} :
    F.toRat b = none ↔ 2 * F.signBit ≤ b ∨ F.largestBits < b % F.signBit := by
  rw [toRat]; split <;> simp_all

/-- The value of finite bits: a sign, and the bits without it counted up the list of sizes. -/
theorem toRat_eq_some (F : FloatFormat) {b : Nat} {v : Rat} (h : F.toRat b = some v) :
    ∃ a ≤ F.largestBits, (b = a ∧ v = F.magnitude a) ∨ (b = F.signBit + a ∧ v = -F.magnitude a) := by
  rw [toRat] at h
  split at h
  · exact absurd h (by simp)
  · rename_i hb
    obtain rfl := Option.some.inj h
    split
    · rename_i hlt
      rw [Nat.mod_eq_of_lt hlt] at hb
      exact ⟨b, by omega, .inl ⟨rfl, rfl⟩⟩
    · rename_i hge
      have hmod : b % F.signBit = b - F.signBit := by
        rw [Nat.mod_eq_sub_mod (by omega), Nat.mod_eq_of_lt (by omega)]
      exact ⟨b - F.signBit, by omega, .inr ⟨by omega, rfl⟩⟩

example : ∃ a ≤ e2m1.largestBits, (15 = a ∧ (-6 : Rat) = e2m1.magnitude a) ∨
    (15 = e2m1.signBit + a ∧ (-6 : Rat) = -e2m1.magnitude a) := toRat_eq_some e2m1 (by decide +kernel)

/-- No value is larger in size than the largest number. -/
theorem abs_toRat_le (F : FloatFormat) {b : Nat} {v : Rat} (h : F.toRat b = some v) : abs v ≤ F.largest := by
  obtain ⟨a, ha, hv⟩ := F.toRat_eq_some h
  have := F.magnitude_le ha
  have := F.magnitude_nonneg a
  rw [largest]
  rcases hv with ⟨-, rfl⟩ | ⟨-, rfl⟩ <;> grind [abs]

example : abs (-6) ≤ e2m1.largest := abs_toRat_le e2m1 (b := 15) (by decide +kernel)

/-- Bits of the same value that is not zero are the same bits. -/
theorem toRat_injective (F : FloatFormat) {b b' : Nat} {v : Rat} (h : F.toRat b = some v) (h' : F.toRat b' = some v)
    (hv : v ≠ 0) : b = b' := by
  obtain ⟨a, -, hb⟩ := F.toRat_eq_some h
  obtain ⟨a', -, hb'⟩ := F.toRat_eq_some h'
  have := F.magnitude_nonneg a
  have := F.magnitude_nonneg a'
  rcases hb with ⟨rfl, hb⟩ | ⟨rfl, hb⟩ <;> rcases hb' with ⟨rfl, hb'⟩ | ⟨rfl, hb'⟩
  · exact F.magnitude_injective (by grind)
  · grind
  · grind
  · rw [F.magnitude_injective (a := a) (b := a') (by grind)]

example : (15 : Nat) = 15 :=
  toRat_injective e2m1 (v := -6) (by decide +kernel) (by decide +kernel) (by decide)

/-! ### Rounding to bits -/

/-- Up to the largest number, rounding in units is saturated rounding. -/
theorem sizeBits_nearest (F : FloatFormat) (x : Rat) {a : Nat} (ha : a ≤ F.largestBits) :
    abs (abs x - F.magnitude (F.sizeBits x)) ≤ abs (abs x - F.magnitude a) := by
  have hpos := F.unitsOfOne_pos
  have hy : 0 ≤ abs x * (F.unitsOfOne : Nat) := Rat.mul_nonneg (abs_nonneg x) (Rat.le_of_lt hpos)
  have scaled : ∀ b, abs (abs x - F.magnitude b) * (F.unitsOfOne : Nat) =
      abs (abs x * (F.unitsOfOne : Nat) - floatUnits F.mantissaBits b) := fun b => by
    rw [abs_sub_mul_right (Rat.le_of_lt hpos), magnitude_mul]
  refine le_of_mul_le_mul_right ?_ hpos
  rw [scaled, scaled, sizeBits]
  generalize abs x * (F.unitsOfOne : Nat) = y at *
  rcases Nat.lt_or_ge F.largestBits (floatBits F.mantissaBits y) with h | h
  · rw [Nat.min_eq_left (by omega)]
    have hnear := floatBits_nearest (M := F.mantissaBits) hy F.largestBits
    have h₁ : (floatUnits F.mantissaBits F.largestBits : Rat) < floatUnits F.mantissaBits (floatBits F.mantissaBits y) :=
      Rat.natCast_lt_natCast.2 (floatUnits_lt _ h)
    have h₂ : (floatUnits F.mantissaBits a : Rat) ≤ floatUnits F.mantissaBits F.largestBits :=
      Rat.natCast_le_natCast.2 (floatUnits_le _ ha)
    grind [abs]
  · rw [Nat.min_eq_right h]; exact floatBits_nearest hy a

example : abs (abs (-3) - e2m1.magnitude (e2m1.sizeBits (-3))) ≤ abs (abs (-3) - e2m1.magnitude 7) :=
  sizeBits_nearest e2m1 (-3) (by decide)

/-- Rounded bits are those of a number. -/
theorem sizeBits_le (F : FloatFormat) (x : Rat) : F.sizeBits x ≤ F.largestBits := Nat.min_le_left ..

/-- A number and its negative have the same size. -/
theorem sizeBits_neg (F : FloatFormat) (x : Rat) : F.sizeBits (-x) = F.sizeBits x := by
  rw [sizeBits, sizeBits, abs_neg]

/-- The value of rounded bits: the sign of `x`, and the size nearest to that of `x`. -/
theorem toRat_ofRat (F : FloatFormat) (zero : ZeroSign) (x : Rat) :
    F.toRat (F.ofRat zero x) =
      some (if x < 0 then -F.magnitude (F.sizeBits x) else F.magnitude (F.sizeBits x)) := by
  have ha := F.sizeBits_le x
  rw [ofRat]
  by_cases hx : x < 0
  · by_cases h0 : F.sizeBits x ≠ 0 ∨ zero = .kept
    · rw [if_pos ⟨hx, h0⟩, if_pos hx]
      exact F.toRat_neg ha
    · rw [if_neg (fun h => h0 h.2), if_pos hx]
      have : F.sizeBits x = 0 := by
        rcases Nat.eq_zero_or_pos (F.sizeBits x) with h | h
        · exact h
        · exact absurd (.inl (Nat.ne_of_gt h)) h0
      rw [this, F.toRat_pos (Nat.zero_le _), magnitude_zero]
      rfl
  · rw [if_neg (fun h => hx h.1), if_neg hx]
    exact F.toRat_pos ha

/-- A number is at least as far from another as their sizes are from each other. -/
private theorem abs_abs_sub_le (x : Rat) {q v : Rat} (hq : 0 ≤ q) (hv : v = q ∨ v = -q) :
    abs (abs x - q) ≤ abs (x - v) := by
  have h := abs_le_iff.1 (Rat.le_refl (a := abs (x - v)))
  refine abs_le_iff.2 ?_
  generalize abs (x - v) = d at *
  unfold abs
  split <;> rcases hv with rfl | rfl <;> constructor <;> grind

/-- Rounding always gives a value, and no number of the format is nearer. -/
theorem ofRat_nearest (F : FloatFormat) (zero : ZeroSign) (x : Rat) :
    ∃ w, F.toRat (F.ofRat zero x) = some w ∧ ∀ b v, F.toRat b = some v → abs (x - w) ≤ abs (x - v) := by
  refine ⟨_, F.toRat_ofRat zero x, fun b v hv => ?_⟩
  obtain ⟨a, ha, hv⟩ := F.toRat_eq_some hv
  refine Rat.le_trans ?_ (abs_abs_sub_le x (F.magnitude_nonneg a) (hv.imp And.right And.right))
  refine Rat.le_trans ?_ (F.sizeBits_nearest x ha)
  generalize F.magnitude (F.sizeBits x) = p
  refine (congrArg (· ≤ abs (abs x - p)) ?_).mpr Rat.le_refl
  by_cases hx : x < 0
  · rw [if_pos hx, show abs x = -x from if_neg (Rat.not_le.2 hx), ← abs_neg]
    congr 1
    grind
  · rw [if_neg hx, show abs x = x from if_pos (Rat.not_lt.1 hx)]

/-- Rounding gives the bits of a number: not of infinity, not of NaN. -/
theorem ofRat_finite (F : FloatFormat) (zero : ZeroSign) (x : Rat) : (F.toRat (F.ofRat zero x)).isSome := by
  rw [toRat_ofRat]; rfl

/-- Every number but -0 rounds to its own bits. -/
theorem ofRat_toRat (F : FloatFormat) (zero : ZeroSign) {b : Nat} {v : Rat} (h : F.toRat b = some v)
    (h0 : b ≠ F.signBit) : F.ofRat zero v = b := by
  obtain ⟨a, ha, hv⟩ := F.toRat_eq_some h
  have hp := F.magnitude_nonneg a
  have habs : abs v = F.magnitude a := by rcases hv with ⟨-, rfl⟩ | ⟨-, rfl⟩ <;> grind [abs]
  have hsize : F.sizeBits v = a := by
    rw [sizeBits, habs, magnitude_mul, floatBits_floatUnits, Nat.min_eq_right ha]
  rw [ofRat, hsize]
  rcases hv with ⟨rfl, rfl⟩ | ⟨rfl, rfl⟩
  · rw [if_neg (fun h => by grind)]
  · have hlt := F.magnitude_lt (a := 0) (b := a) (by omega)
    rw [magnitude_zero] at hlt
    rw [if_pos ⟨by grind, .inl (by omega)⟩]

example : e2m1.ofRat .kept (-6) = 15 := ofRat_toRat e2m1 .kept (by decide +kernel) (by decide)

/-- Midway between two neighbours the even bits win. -/
theorem ofRat_tie (F : FloatFormat) (zero : ZeroSign) (hM : F.mantissaBits ≠ 0) {a : Nat} (h : a < F.largestBits) :
    F.ofRat zero ((F.magnitude a + F.magnitude (a + 1)) / 2) = if a % 2 = 0 then a else a + 1 := by
  have hp := F.magnitude_nonneg a
  have hq := F.magnitude_nonneg (a + 1)
  have hnonneg : ¬(F.magnitude a + F.magnitude (a + 1)) / 2 < 0 := by grind
  have habs : abs ((F.magnitude a + F.magnitude (a + 1)) / 2) * (F.unitsOfOne : Nat) =
      ((floatUnits F.mantissaBits a : Rat) + floatUnits F.mantissaBits (a + 1)) / 2 := by
    rw [← magnitude_mul, ← magnitude_mul]; grind [abs]
  rw [ofRat, if_neg (fun h => hnonneg h.1), sizeBits, habs, floatBits_tie hM]
  split <;> omega

example : e2m1.ofRat .kept ((e2m1.magnitude 6 + e2m1.magnitude (6 + 1)) / 2) = 6 :=
  ofRat_tie e2m1 .kept (by decide) (by decide)

/-- From the largest number on, rounding saturates. -/
theorem sizeBits_saturates (F : FloatFormat) {x : Rat} (h : F.largest ≤ abs x) : F.sizeBits x = F.largestBits := by
  have hnear := F.sizeBits_nearest x (Nat.le_refl F.largestBits)
  have hle := F.sizeBits_le x
  have hpos := F.magnitude_le hle
  rw [largest] at h
  exact F.magnitude_injective (by grind [abs])

example : e2m1.sizeBits (-1000) = e2m1.largestBits := sizeBits_saturates e2m1 (by decide +kernel)

/-- Beyond the largest number its bits come out, with the sign: numbers are clamped, never infinite. -/
theorem ofRat_saturates (F : FloatFormat) (zero : ZeroSign) (hF : F.largestBits ≠ 0) {x : Rat} (h : F.largest ≤ x) :
    F.ofRat zero x = F.largestBits ∧ F.ofRat zero (-x) = F.signBit + F.largestBits := by
  have h0 : 0 < F.largest := by
    have := F.magnitude_lt (a := 0) (b := F.largestBits) (by omega)
    rwa [magnitude_zero] at this
  have hsize := F.sizeBits_saturates (x := x) (by grind [abs])
  constructor
  · rw [ofRat, hsize, if_neg (fun h => by grind)]
  · rw [ofRat, sizeBits_neg, hsize, if_pos ⟨by grind, .inl hF⟩]

example : e4m3.ofRat .kept 1000 = 126 ∧ e4m3.ofRat .kept (-1000) = 128 + 126 :=
  ofRat_saturates e4m3 .kept (by decide) (by decide +kernel)

/-- Rounding commutes with the change of sign, zero aside. -/
theorem ofRat_neg (F : FloatFormat) (zero : ZeroSign) {x : Rat} (h : 0 < x) (h0 : F.ofRat zero x ≠ 0) :
    F.ofRat zero (-x) = F.signBit + F.ofRat zero x := by
  have h₁ : ¬x < 0 := by grind
  rw [ofRat, if_neg (fun h => h₁ h.1)] at h0
  rw [ofRat, sizeBits_neg, if_pos ⟨by grind, .inl h0⟩, ofRat, if_neg (fun h => h₁ h.1)]

example : e2m1.ofRat .kept (-6) = 8 + e2m1.ofRat .kept 6 :=
  ofRat_neg e2m1 .kept (by decide) (by decide +kernel)

/-! ### Rounding the result of an operation -/

/-- Rounding to the format, and the number nearest to `x`, agree unless the size exceeds the largest number. -/
theorem toRat_ofRat_eq_round (F : FloatFormat) (zero : ZeroSign) {x : Rat} (h : abs (F.round x) ≤ F.largest) :
    F.toRat (F.ofRat zero x) = some (F.round x) := by
  have hbits : F.sizeBits x = floatBits F.mantissaBits (abs x * (F.unitsOfOne : Nat)) := by
    rw [sizeBits]
    apply Nat.min_eq_right
    rcases Nat.lt_or_ge F.largestBits (floatBits F.mantissaBits (abs x * (F.unitsOfOne : Nat))) with hlt | hge
    · have := F.magnitude_lt hlt
      have := F.magnitude_nonneg (floatBits F.mantissaBits (abs x * (F.unitsOfOne : Nat)))
      rw [round, largest] at h
      grind [abs]
    · exact hge
  rw [toRat_ofRat, hbits, round]

example : float16.toRat (float16.ofRat .kept (1/3)) = some (float16.round (1/3)) :=
  toRat_ofRat_eq_round float16 .kept (by decide +kernel)

/-- The size of a rounded number, in units. -/
theorem abs_round_mul (F : FloatFormat) (x : Rat) : abs (F.round x) * (F.unitsOfOne : Nat) =
    floatUnits F.mantissaBits (floatBits F.mantissaBits (abs x * (F.unitsOfOne : Nat))) := by
  rw [← magnitude_mul]
  congr 1
  have := F.magnitude_nonneg (floatBits F.mantissaBits (abs x * (F.unitsOfOne : Nat)))
  simp only [round]
  grind [abs]

/-- The error of rounding, in units. -/
theorem abs_sub_round_mul (F : FloatFormat) (x : Rat) : abs (x - F.round x) * (F.unitsOfOne : Nat) =
    abs (abs x * (F.unitsOfOne : Nat) -
      floatUnits F.mantissaBits (floatBits F.mantissaBits (abs x * (F.unitsOfOne : Nat)))) := by
  have hpos := F.unitsOfOne_pos
  rw [← magnitude_mul, ← abs_sub_mul_right (Rat.le_of_lt hpos)]
  congr 1
  have := F.magnitude_nonneg (floatBits F.mantissaBits (abs x * (F.unitsOfOne : Nat)))
  simp only [round]
  grind [abs]

/-- Zero rounds to zero. -/
theorem round_zero (F : FloatFormat) : F.round 0 = 0 := by
  have h : abs (0 : Rat) * (F.unitsOfOne : Nat) = floatUnits F.mantissaBits 0 := by
    have : abs (0 : Rat) = 0 := by decide +kernel
    rw [floatUnits_zero, this]; simp
  simp only [round, h, floatBits_floatUnits, magnitude_zero]
  decide +kernel

/-- Rounding commutes with the change of sign. -/
theorem round_neg (F : FloatFormat) (x : Rat) : F.round (-x) = -F.round x := by
  by_cases h0 : x = 0
  · subst h0
    rw [show (-0 : Rat) = 0 by decide +kernel, round_zero]
    decide +kernel
  · simp only [round, abs_neg]
    grind

/-- Every size is rounded to itself. -/
theorem round_magnitude (F : FloatFormat) (a : Nat) : F.round (F.magnitude a) = F.magnitude a := by
  have hp := F.magnitude_nonneg a
  have habs : abs (F.magnitude a) = F.magnitude a := by grind [abs]
  rw [round, habs, magnitude_mul, floatBits_floatUnits, if_neg (by grind)]

/-- Every number of the format is rounded to itself. -/
theorem round_toRat (F : FloatFormat) {b : Nat} {v : Rat} (h : F.toRat b = some v) : F.round v = v := by
  obtain ⟨a, -, ⟨-, rfl⟩ | ⟨-, rfl⟩⟩ := F.toRat_eq_some h
  · exact F.round_magnitude a
  · rw [round_neg, round_magnitude]

example : e2m1.round (-6) = -6 := round_toRat e2m1 (b := 15) (by decide +kernel)

/-- Rounding twice is rounding once. -/
theorem round_round (F : FloatFormat) (x : Rat) : F.round (F.round x) = F.round x := by
  simp only [round.eq_1 F x]
  split
  · rw [round_neg, round_magnitude]
  · exact F.round_magnitude _

/-- Rounding keeps the sign. -/
theorem round_nonneg (F : FloatFormat) {x : Rat} (h : 0 ≤ x) : 0 ≤ F.round x := by
  rw [round, if_neg (by grind)]
  exact F.magnitude_nonneg _

example : 0 ≤ float32.round (1/3) := round_nonneg _ (by decide +kernel)

/-- Rounding keeps the order. -/
theorem round_mono (F : FloatFormat) {x y : Rat} (h : x ≤ y) : F.round x ≤ F.round y := by
  have hpos := F.unitsOfOne_pos
  have key : ∀ {x y : Rat}, 0 ≤ x → x ≤ y → F.round x ≤ F.round y := fun {x y} hx hxy => by
    have habsx : abs x = x := by grind [abs]
    have habsy : abs y = y := by grind [abs]
    rw [round, round, if_neg (by grind), if_neg (by grind), habsx, habsy]
    have hle := Rat.mul_le_mul_of_nonneg_right hxy (Rat.le_of_lt hpos)
    exact F.magnitude_le (floatBits_mono (Rat.mul_nonneg hx (Rat.le_of_lt hpos)) hle)
  rcases Rat.le_total (a := 0) (b := x) with hx | hx
  · exact key hx h
  · rcases Rat.le_total (a := 0) (b := y) with hy | hy
    · have h₁ := F.round_nonneg (x := -x) (by grind)
      have h₂ := F.round_nonneg hy
      rw [round_neg] at h₁
      grind
    · have := key (x := -y) (y := -x) (by grind) (by grind)
      rw [round_neg, round_neg] at this
      grind

example : float32.round (1/3) ≤ float32.round (1/2) := round_mono _ (by decide +kernel)

/-- No number of the format is nearer to `x` than the rounded one. -/
theorem round_nearest (F : FloatFormat) (x : Rat) {b : Nat} {v : Rat} (h : F.toRat b = some v) :
    abs (x - F.round x) ≤ abs (x - v) := by
  obtain ⟨a, -, hv⟩ := F.toRat_eq_some h
  have hpos := F.unitsOfOne_pos
  have hy : 0 ≤ abs x * (F.unitsOfOne : Nat) := Rat.mul_nonneg (abs_nonneg x) (Rat.le_of_lt hpos)
  have hnear := floatBits_nearest (M := F.mantissaBits) hy a
  have hsize : abs (x - F.round x) ≤ abs (abs x - F.magnitude a) := by
    refine le_of_mul_le_mul_right ?_ hpos
    rwa [abs_sub_round_mul, abs_sub_mul_right (Rat.le_of_lt hpos), magnitude_mul]
  exact Rat.le_trans hsize (abs_abs_sub_le x (F.magnitude_nonneg a) (hv.imp And.right And.right))

example : abs (5 - e2m1.round 5) ≤ abs (5 - 6) := round_nearest e2m1 5 (b := 7) (by decide +kernel)

/-! ### The error of rounding -/

/-- Normal numbers: a relative error of at most the unit roundoff. -/
theorem abs_sub_round_le_of_normal (F : FloatFormat) {x : Rat} (h : F.smallestNormal ≤ abs x) :
    abs (x - F.round x) ≤ F.unitRoundoff * abs x := by
  have hpos := F.unitsOfOne_pos
  have hM := two_pow_pos F.mantissaBits
  have hy : 0 ≤ abs x * (F.unitsOfOne : Nat) := Rat.mul_nonneg (abs_nonneg x) (Rat.le_of_lt hpos)
  have hle := abs_sub_floatBits_le (M := F.mantissaBits) hy
  obtain ⟨hlow, -⟩ := (floatSpacing_eq_iff (M := F.mantissaBits) hy).1 rfl
  -- the spacing is at most `|x|` over `2 ^ M`, also where it is one unit
  have hspacing : ((2 ^ F.mantissaBits : Nat) : Rat) * (2 ^ floatSpacing F.mantissaBits (abs x * (F.unitsOfOne : Nat)) : Nat)
      ≤ abs x * (F.unitsOfOne : Nat) := by
    rw [← two_pow_add]
    rcases hlow with hzero | hlow
    · have hn := Rat.mul_le_mul_of_nonneg_right h (Rat.le_of_lt hpos)
      have hunits : floatUnits F.mantissaBits (2 ^ F.mantissaBits) = 2 ^ F.mantissaBits := by
        simpa using floatUnits_join (M := F.mantissaBits) (k := 0) (s := 2 ^ F.mantissaBits) (.inl rfl) (by omega)
      rw [smallestNormal, magnitude_mul, hunits] at hn
      rw [hzero, Nat.add_zero]
      exact hn
    · exact hlow
  have hu : F.unitRoundoff * (2 * (2 ^ F.mantissaBits : Nat)) = 1 := by
    rw [unitRoundoff, Nat.pow_succ', Rat.natCast_mul]
    have : ((2 : Nat) : Rat) = 2 := rfl
    grind
  refine le_of_mul_le_mul_right ?_ hpos
  rw [abs_sub_round_mul]
  refine Rat.le_trans hle ?_
  have huM := Rat.mul_le_mul_of_nonneg_left hspacing (c := F.unitRoundoff)
    (Rat.le_of_lt (div_pos (by decide) (two_pow_pos _)))
  clear hle hlow hspacing
  generalize ((2 ^ floatSpacing F.mantissaBits (abs x * (F.unitsOfOne : Nat)) : Nat) : Rat) = S at *
  generalize ((2 ^ F.mantissaBits : Nat) : Rat) = P at *
  generalize F.unitRoundoff = u at *
  have : u * (P * S) = S / 2 := by
    have : u * P = 1 / 2 := by grind
    rw [← Rat.mul_assoc, this]
    grind
  grind

example : abs (1/3 - float32.round (1/3)) ≤ float32.unitRoundoff * abs (1/3) :=
  abs_sub_round_le_of_normal _ (by decide +kernel)

/-- Numbers up to twice the smallest one with a leading 1: an error of at most half a unit. -/
theorem abs_sub_round_le_of_subnormal (F : FloatFormat) {x : Rat} (h : abs x < 2 * F.smallestNormal) :
    abs (x - F.round x) ≤ F.underflowError := by
  have hpos := F.unitsOfOne_pos
  have hy : 0 ≤ abs x * (F.unitsOfOne : Nat) := Rat.mul_nonneg (abs_nonneg x) (Rat.le_of_lt hpos)
  have hle := abs_sub_floatBits_le (M := F.mantissaBits) hy
  have hspacing : floatSpacing F.mantissaBits (abs x * (F.unitsOfOne : Nat)) = 0 := by
    refine (floatSpacing_eq_iff hy).2 ⟨.inl rfl, ?_⟩
    have hunits : floatUnits F.mantissaBits (2 ^ F.mantissaBits) = 2 ^ F.mantissaBits := by
      simpa using floatUnits_join (M := F.mantissaBits) (k := 0) (s := 2 ^ F.mantissaBits) (.inl rfl) (by omega)
    have hm := F.magnitude_mul (2 ^ F.mantissaBits)
    rw [hunits] at hm
    have hlt := Rat.mul_lt_mul_of_pos_right h hpos
    rw [smallestNormal, Rat.mul_assoc, hm] at hlt
    have : ((2 ^ (F.mantissaBits + 1 + 0) : Nat) : Rat) = 2 * (2 ^ F.mantissaBits : Nat) := by
      rw [Nat.add_zero, Nat.pow_succ', Rat.natCast_mul]; rfl
    rwa [this]
  rw [hspacing] at hle
  have hu : F.underflowError * (F.unitsOfOne : Nat) = 1 / 2 := by
    rw [underflowError, Rat.natCast_mul]
    have : ((2 : Nat) : Rat) = 2 := rfl
    grind
  refine le_of_mul_le_mul_right ?_ hpos
  rw [abs_sub_round_mul, hu]
  refine Rat.le_trans hle ?_
  decide +kernel

example : abs (1/3 - e2m1.round (1/3)) ≤ e2m1.underflowError := abs_sub_round_le_of_subnormal _ (by decide +kernel)

/-- Always: at most the relative error of normal numbers plus half a unit. -/
theorem abs_sub_round_le (F : FloatFormat) (x : Rat) :
    abs (x - F.round x) ≤ F.unitRoundoff * abs x + F.underflowError := by
  have hu : 0 ≤ F.unitRoundoff * abs x :=
    Rat.mul_nonneg (Rat.le_of_lt (div_pos (by decide) (two_pow_pos _))) (abs_nonneg x)
  have heta : 0 ≤ F.underflowError := by
    refine Rat.le_of_lt (div_pos (by decide) (Rat.natCast_pos.2 ?_))
    have := Nat.two_pow_pos F.unitExponent
    rw [unitsOfOne]; omega
  have hnormal : 0 ≤ F.smallestNormal := F.magnitude_nonneg _
  by_cases h : F.smallestNormal ≤ abs x
  · have := F.abs_sub_round_le_of_normal h
    grind
  · have := F.abs_sub_round_le_of_subnormal (x := x) (by grind)
    grind

/-- A whole number of units has a relative error of at most the unit roundoff, however small it is: a sum or a
difference of numbers of the format never underflows. -/
theorem abs_sub_round_le_of_units (F : FloatFormat) {x : Rat} {n : Int} (h : x * (F.unitsOfOne : Nat) = n) :
    abs (x - F.round x) ≤ F.unitRoundoff * abs x := by
  by_cases hx : F.smallestNormal ≤ abs x
  · exact F.abs_sub_round_le_of_normal hx
  · have hu : 0 ≤ F.unitRoundoff * abs x :=
      Rat.mul_nonneg (Rat.le_of_lt (div_pos (by decide) (two_pow_pos _))) (abs_nonneg x)
    -- the size is that of a subnormal number, which is rounded to itself
    have hpos := F.unitsOfOne_pos
    have habs : abs x * (F.unitsOfOne : Nat) = (n.natAbs : Nat) := by
      have h₁ : abs x * (F.unitsOfOne : Nat) = abs (x * (F.unitsOfOne : Nat)) := by rw [abs_mul]; grind [abs]
      rw [h₁, h, abs_intCast]
    have hlt : n.natAbs < 2 ^ F.mantissaBits := by
      have hunits : floatUnits F.mantissaBits (2 ^ F.mantissaBits) = 2 ^ F.mantissaBits := by
        simpa using floatUnits_join (M := F.mantissaBits) (k := 0) (s := 2 ^ F.mantissaBits) (.inl rfl) (by omega)
      have hm := F.magnitude_mul (2 ^ F.mantissaBits)
      rw [hunits] at hm
      have := Rat.mul_lt_mul_of_pos_right (Rat.not_le.1 hx) hpos
      rw [smallestNormal, hm, habs] at this
      exact Rat.natCast_lt_natCast.1 this
    have hself : floatUnits F.mantissaBits n.natAbs = n.natAbs := by
      simpa using floatUnits_join (M := F.mantissaBits) (k := 0) (s := n.natAbs) (.inl rfl) (by omega)
    have hzero : abs (x - F.round x) * (F.unitsOfOne : Nat) = 0 := by
      have hround := floatBits_floatUnits F.mantissaBits n.natAbs
      rw [hself] at hround
      rw [abs_sub_round_mul, habs, hround, hself]
      grind [abs]
    have : abs (x - F.round x) = 0 := by
      rcases Rat.mul_eq_zero.1 hzero with h | h
      · exact h
      · grind
    grind

example : abs (1/2 - e2m1.round (1/2)) ≤ e2m1.unitRoundoff * abs (1/2) :=
  abs_sub_round_le_of_units e2m1 (n := 1) (by decide +kernel)

/-- A product of a power of two of units and a significand of at most `M + 1` bits is exact. -/
theorem round_significand (F : FloatFormat) {x : Rat} {s k : Nat} (hs : s ≤ 2 * 2 ^ F.mantissaBits)
    (hx : abs x * (F.unitsOfOne : Nat) = (s * 2 ^ k : Nat)) : F.round x = x := by
  -- such a size has bits: shift the significand up until it has a leading 1 or the power of two is used up
  have hbits : ∃ a, floatUnits F.mantissaBits a = s * 2 ^ k := by
    clear hx
    induction k generalizing s with
    | zero => exact ⟨s, by simpa using floatUnits_join (M := F.mantissaBits) (k := 0) (.inl rfl) hs⟩
    | succ k ih =>
      by_cases hlt : s < 2 ^ F.mantissaBits
      · obtain ⟨a, ha⟩ := ih (s := 2 * s) (by omega)
        exact ⟨a, by rw [ha, Nat.pow_succ]; grind⟩
      · exact ⟨_, floatUnits_join (.inr (by omega)) hs⟩
  obtain ⟨a, ha⟩ := hbits
  have hpos := F.unitsOfOne_pos
  have hm : abs x = F.magnitude a := eq_of_mul_eq_mul_right (by rw [hx, magnitude_mul, ha]) hpos
  rcases Rat.le_total (a := 0) (b := x) with h | h
  · have : x = F.magnitude a := by grind [abs]
    rw [this, round_magnitude]
  · have : x = -F.magnitude a := by grind [abs]
    rw [this, round_neg, round_magnitude]

example : float32.round (16777215 / 2 ^ 149) = 16777215 / 2 ^ 149 :=
  round_significand float32 (s := 16777215) (k := 0) (by decide) (by decide +kernel)

end FloatFormat

end Q35
