module

public import Q35.Round

@[expose] public section

/-! Binary floating-point formats, each one row of data, as exact rational numbers.

All numbers of a format are integer multiples of its smallest positive one, the *unit*. The bits of a number without its
sign, taken as a number, count the sizes in order: `floatUnits` is that increasing list, in units, and rounding finds a
number's place in it. A format says how many mantissa bits there are, which power of two the unit is, and where the list
ends; so fp16, bfloat16, float32 and the elements of the MX standard are instances of one definition. -/

namespace Q35

/-! ### Formats -/

/-- What the highest bit patterns of a format stand for. -/
inductive Specials where
  /-- Numbers: there is no infinity and no NaN. -/
  | none
  /-- All bits set is NaN; there is no infinity. -/
  | nan
  /-- The highest exponent field is for infinity (mantissa 0) and NaNs, as in IEEE 754. -/
  | ieee
  deriving DecidableEq

/-- What a negative number becomes whose size rounds to zero. -/
inductive ZeroSign where
  /-- The zero without a sign bit. -/
  | positive
  /-- The zero with the sign bit. -/
  | kept
  deriving DecidableEq

/-- A binary floating-point format: one sign bit, then the exponent field, then the mantissa field. -/
structure FloatFormat where
  /-- Width of the exponent field. -/
  exponentBits : Nat
  /-- Width of the mantissa field. -/
  mantissaBits : Nat
  /-- What the exponent field is more than the exponent. -/
  bias : Nat
  /-- What the highest bit patterns stand for. -/
  specials : Specials
  deriving DecidableEq

/-- IEEE 754 binary32. -/
def float32 : FloatFormat := ⟨8, 23, 127, .ieee⟩

/-- IEEE 754 binary16, the format of the steps. -/
def float16 : FloatFormat := ⟨5, 10, 15, .ieee⟩

/-- bfloat16: the upper half of a binary32. -/
def bfloat16 : FloatFormat := ⟨8, 7, 127, .ieee⟩

/-- The element of MXFP4. -/
def e2m1 : FloatFormat := ⟨2, 1, 1, .none⟩

/-- An element of MXFP6. -/
def e2m3 : FloatFormat := ⟨2, 3, 1, .none⟩

/-- An element of MXFP6. -/
def e3m2 : FloatFormat := ⟨3, 2, 3, .none⟩

/-- An element of MXFP8: no infinity, and only the highest bits are NaN. -/
def e4m3 : FloatFormat := ⟨4, 3, 7, .nan⟩

/-- An element of MXFP8, with infinities and NaNs. -/
def e5m2 : FloatFormat := ⟨5, 2, 15, .ieee⟩

/-- The size, in units, of the number with the exponent field `a / 2 ^ mantissaBits` and the mantissa field
`a % 2 ^ mantissaBits`: subnormals have the exponent field 0, all others a leading 1. -/
def floatUnits (mantissaBits a : Nat) : Nat :=
  if a / 2 ^ mantissaBits = 0 then a % 2 ^ mantissaBits
  else (2 ^ mantissaBits + a % 2 ^ mantissaBits) * 2 ^ (a / 2 ^ mantissaBits - 1)

namespace FloatFormat

/-- The unit is `2 ^ -unitExponent`. -/
def unitExponent (F : FloatFormat) : Nat := F.bias + F.mantissaBits - 1

/-- How many units are 1. -/
def unitsOfOne (F : FloatFormat) : Nat := 2 ^ F.unitExponent

/-- The sign bit, as a number. -/
def signBit (F : FloatFormat) : Nat := 2 ^ (F.exponentBits + F.mantissaBits)

/-- The bits of the largest number. -/
def largestBits (F : FloatFormat) : Nat :=
  match F.specials with
  | .none => F.signBit - 1
  | .nan => F.signBit - 2
  | .ieee => F.signBit - 2 ^ F.mantissaBits - 1

/-- The value of the bits `a` without a sign. -/
def magnitude (F : FloatFormat) (a : Nat) : Rat := floatUnits F.mantissaBits a / (F.unitsOfOne : Nat)

/-- The largest number. -/
def largest (F : FloatFormat) : Rat := F.magnitude F.largestBits

/-- The smallest number with a leading 1. -/
def smallestNormal (F : FloatFormat) : Rat := F.magnitude (2 ^ F.mantissaBits)

/-- The value of bits; `none` for infinities, NaNs and numbers that have too many bits. -/
def toRat (F : FloatFormat) (b : Nat) : Option Rat :=
  if 2 * F.signBit ≤ b ∨ F.largestBits < b % F.signBit then none
  else some (if b < F.signBit then F.magnitude b else -F.magnitude (b - F.signBit))

end FloatFormat

/-- Around `y` units numbers with `mantissaBits` are `2 ^ floatSpacing mantissaBits y` units apart. -/
def floatSpacing (mantissaBits : Nat) (y : Rat) : Nat := y.floor.toNat.log2 - mantissaBits

/-- The bits of the number nearest to `y ≥ 0` units, ties to even, if there were no largest number. -/
def floatBits (mantissaBits : Nat) (y : Rat) : Nat :=
  floatSpacing mantissaBits y * 2 ^ mantissaBits +
    (roundHalfEven (y / (2 ^ floatSpacing mantissaBits y : Nat))).toNat

namespace FloatFormat

/-- The bits of the size nearest to that of `x`: ties to even, at most the largest number. -/
def sizeBits (F : FloatFormat) (x : Rat) : Nat :=
  min F.largestBits (floatBits F.mantissaBits (abs x * (F.unitsOfOne : Nat)))

/-- The bits of the number nearest to `x`: ties to even, saturating at the largest number. -/
def ofRat (F : FloatFormat) (zero : ZeroSign) (x : Rat) : Nat :=
  if x < 0 ∧ (F.sizeBits x ≠ 0 ∨ zero = .kept) then F.signBit + F.sizeBits x else F.sizeBits x

/-- `x` rounded to the nearest number, ties to even, if there were no largest number: the result of an arithmetic
operation whose exact result is `x`. -/
def round (F : FloatFormat) (x : Rat) : Rat :=
  let size := F.magnitude (floatBits F.mantissaBits (abs x * (F.unitsOfOne : Nat)))
  if x < 0 then -size else size

/-- The unit roundoff `2 ^ -(mantissaBits + 1)`: the largest relative error of rounding a number with a leading 1. -/
def unitRoundoff (F : FloatFormat) : Rat := 1 / (2 ^ (F.mantissaBits + 1) : Nat)

/-- Half the unit: the largest error of rounding a number below the smallest one with a leading 1. -/
def underflowError (F : FloatFormat) : Rat := 1 / (2 * F.unitsOfOne : Nat)

end FloatFormat

/-! ### The list of sizes -/

/-- An exponent field `q` and a mantissa field `m`. -/
theorem floatUnits_fields {M q m : Nat} (hm : m < 2 ^ M) :
    floatUnits M (q * 2 ^ M + m) = if q = 0 then m else (2 ^ M + m) * 2 ^ (q - 1) := by
  have hpos := Nat.two_pow_pos M
  have hdiv : (q * 2 ^ M + m) / 2 ^ M = q := by
    rw [Nat.add_comm, Nat.add_mul_div_right _ _ hpos, Nat.div_eq_of_lt hm, Nat.zero_add]
  have hmod : (q * 2 ^ M + m) % 2 ^ M = m := by
    rw [Nat.add_comm, Nat.add_mul_mod_self_right, Nat.mod_eq_of_lt hm]
  rw [floatUnits, hdiv, hmod]

example : floatUnits 10 (15 * 2 ^ 10 + 0) = (2 ^ 10 + 0) * 2 ^ (15 - 1) := floatUnits_fields (by decide)

/-- A spacing of `2 ^ k` units and a significand `s` make the bits `k * 2 ^ M + s`. -/
theorem floatUnits_join {M k s : Nat} (hk : k = 0 ∨ 2 ^ M ≤ s) (hs : s ≤ 2 * 2 ^ M) :
    floatUnits M (k * 2 ^ M + s) = s * 2 ^ k := by
  by_cases h0 : s < 2 ^ M
  · obtain rfl : k = 0 := by omega
    rw [floatUnits_fields h0, if_pos rfl, Nat.pow_zero, Nat.mul_one]
  by_cases h1 : s < 2 * 2 ^ M
  · have ha : k * 2 ^ M + s = (k + 1) * 2 ^ M + (s - 2 ^ M) := by rw [Nat.add_mul]; omega
    have hs : 2 ^ M + (s - 2 ^ M) = s := by omega
    rw [ha, floatUnits_fields (by omega), if_neg (by omega), hs, Nat.add_sub_cancel]
  · obtain rfl : s = 2 * 2 ^ M := by omega
    have ha : k * 2 ^ M + 2 * 2 ^ M = (k + 2) * 2 ^ M + 0 := by rw [Nat.add_mul, Nat.add_zero]
    have hp : 2 ^ (k + 2 - 1) = 2 * 2 ^ k := Nat.pow_succ'
    rw [ha, floatUnits_fields (Nat.two_pow_pos M), if_neg (by omega), hp]
    grind

example : floatUnits 10 (3 * 2 ^ 10 + 1025) = 1025 * 2 ^ 3 := floatUnits_join (.inr (by decide)) (by decide)

/-- Every size has a spacing and a significand of `M + 1` bits. -/
theorem floatUnits_split (M a : Nat) :
    ∃ k s, (k = 0 ∨ 2 ^ M ≤ s) ∧ s < 2 * 2 ^ M ∧ a = k * 2 ^ M + s ∧ floatUnits M a = s * 2 ^ k := by
  have hpos := Nat.two_pow_pos M
  have hm := Nat.mod_lt a hpos
  have ha : a = a / 2 ^ M * 2 ^ M + a % 2 ^ M := (Nat.div_add_mod' a (2 ^ M)).symm
  generalize a / 2 ^ M = q at ha
  generalize a % 2 ^ M = m at ha hm
  subst ha
  cases q with
  | zero => exact ⟨0, m, .inl rfl, by omega, rfl, floatUnits_join (.inl rfl) (by omega)⟩
  | succ k =>
    have ha : (k + 1) * 2 ^ M + m = k * 2 ^ M + (2 ^ M + m) := by rw [Nat.add_mul]; omega
    exact ⟨k, 2 ^ M + m, .inr (by omega), by omega, ha, ha ▸ floatUnits_join (.inr (by omega)) (by omega)⟩

/-- The next size is larger. -/
theorem floatUnits_lt_succ (M a : Nat) : floatUnits M a < floatUnits M (a + 1) := by
  obtain ⟨k, s, hk, hs, rfl, hu⟩ := floatUnits_split M a
  rw [hu, Nat.add_assoc, floatUnits_join (by omega) (by omega)]
  exact Nat.mul_lt_mul_of_pos_right (by omega) (Nat.two_pow_pos k)

/-- The bits of sizes are in the order of the sizes. -/
theorem floatUnits_lt (M : Nat) {a b : Nat} (h : a < b) : floatUnits M a < floatUnits M b := by
  induction b with
  | zero => omega
  | succ b ih =>
    rcases Nat.lt_or_ge a b with hab | hab
    · exact Nat.lt_trans (ih hab) (floatUnits_lt_succ M b)
    · obtain rfl : a = b := by omega
      exact floatUnits_lt_succ M a

example : floatUnits 23 1 < floatUnits 23 31743 := floatUnits_lt 23 (by decide)

/-- Smaller bits are no larger size. -/
theorem floatUnits_le (M : Nat) {a b : Nat} (h : a ≤ b) : floatUnits M a ≤ floatUnits M b := by
  rcases Nat.lt_or_eq_of_le h with h | rfl
  · exact Nat.le_of_lt (floatUnits_lt M h)
  · exact Nat.le_refl _

example : floatUnits 2 1 ≤ floatUnits 2 31743 := floatUnits_le 2 (by decide)

/-- The bits 0 are zero. -/
theorem floatUnits_zero (M : Nat) : floatUnits M 0 = 0 := by
  simpa using floatUnits_join (M := M) (k := 0) (s := 0) (.inl rfl) (by omega)

/-! ### Rounding in units -/

/-- A natural number lies below `y` exactly when it lies below the integer part. -/
theorem le_floor_toNat {y : Rat} (hy : 0 ≤ y) {n : Nat} : n ≤ y.floor.toNat ↔ (n : Rat) ≤ y := by
  have h0 : 0 ≤ y.floor := Rat.le_floor_iff.2 (by simpa using hy)
  have : (n : Int) ≤ y.floor ↔ ((n : Int) : Rat) ≤ y := Rat.le_floor_iff
  rw [Rat.intCast_natCast] at this
  rw [← this]; omega

example : 2 ≤ (5 / 2 : Rat).floor.toNat := (le_floor_toNat (by decide +kernel)).2 (by decide +kernel)

/-- What the spacing is: `y` has `M + 1` bits before the point, or fewer if the spacing is one unit. -/
theorem floatSpacing_eq_iff {M : Nat} {y : Rat} (hy : 0 ≤ y) {k : Nat} :
    floatSpacing M y = k ↔ (k = 0 ∨ ((2 ^ (M + k) : Nat) : Rat) ≤ y) ∧ y < (2 ^ (M + 1 + k) : Nat) := by
  have hlow := le_floor_toNat hy (n := 2 ^ (M + k))
  have hhigh := le_floor_toNat hy (n := 2 ^ (M + 1 + k))
  rw [← hlow, ← Rat.not_le, ← hhigh, floatSpacing]
  generalize y.floor.toNat = n
  by_cases hn : n = 0
  · subst hn
    have := Nat.two_pow_pos (M + k)
    have := Nat.two_pow_pos (M + 1 + k)
    simp only [Nat.log2_zero]; omega
  · rw [← Nat.le_log2 hn, ← Nat.le_log2 hn]; omega

example : floatSpacing 10 5000 = 2 := (floatSpacing_eq_iff (by decide +kernel)).2 (by decide +kernel)

/-- A power of two is positive, also as a rational number. -/
theorem two_pow_pos (k : Nat) : (0 : Rat) < (2 ^ k : Nat) := Rat.natCast_pos.2 (Nat.two_pow_pos k)

/-- A power of two of a sum is a product, also as a rational number. -/
theorem two_pow_add (j k : Nat) : ((2 ^ (j + k) : Nat) : Rat) = (2 ^ j : Nat) * (2 ^ k : Nat) := by
  rw [Nat.pow_add, Rat.natCast_mul]

/-- Where a number lands: on a multiple of its spacing with a significand of `M + 1` bits, or on the next power of two. -/
theorem floatBits_spec {M : Nat} {y : Rat} (hy : 0 ≤ y) :
    ∃ s : Nat, (s : Int) = roundHalfEven (y / (2 ^ floatSpacing M y : Nat)) ∧
      (floatSpacing M y = 0 ∨ 2 ^ M ≤ s) ∧ s ≤ 2 * 2 ^ M ∧ floatBits M y = floatSpacing M y * 2 ^ M + s := by
  obtain ⟨hlow, hhigh⟩ := (floatSpacing_eq_iff (M := M) hy).1 rfl
  have hpos := two_pow_pos (floatSpacing M y)
  rw [floatBits]
  generalize floatSpacing M y = k at *
  have h0 : roundHalfEven ((0 : Int) : Rat) ≤ roundHalfEven (y / (2 ^ k : Nat)) :=
    roundHalfEven_mono ((le_div_iff hpos).2 (by grind))
  have htop : roundHalfEven (y / (2 ^ k : Nat)) ≤ roundHalfEven (((2 ^ (M + 1) : Nat) : Int) : Rat) := by
    refine roundHalfEven_mono ((div_le_iff hpos).2 ?_)
    rw [two_pow_add] at hhigh
    rw [Rat.intCast_natCast]
    exact Rat.le_of_lt hhigh
  rw [roundHalfEven_intCast] at h0 htop
  have hp : 2 ^ (M + 1) = 2 * 2 ^ M := Nat.pow_succ'
  refine ⟨(roundHalfEven (y / (2 ^ k : Nat))).toNat, by omega, ?_, by omega, rfl⟩
  refine hlow.imp id fun hlow => ?_
  have hbottom : roundHalfEven (((2 ^ M : Nat) : Int) : Rat) ≤ roundHalfEven (y / (2 ^ k : Nat)) := by
    refine roundHalfEven_mono ((le_div_iff hpos).2 ?_)
    rw [two_pow_add] at hlow
    rw [Rat.intCast_natCast]
    exact hlow
  rw [roundHalfEven_intCast] at hbottom
  omega

example : ∃ s : Nat, (s : Int) = roundHalfEven (5001 / (2 ^ floatSpacing 10 5001 : Nat)) ∧
    (floatSpacing 10 5001 = 0 ∨ 2 ^ 10 ≤ s) ∧ s ≤ 2 * 2 ^ 10 ∧
    floatBits 10 5001 = floatSpacing 10 5001 * 2 ^ 10 + s := floatBits_spec (by decide +kernel)

/-- No size is nearer to `y` units than the one that rounding gives, if there were no largest number. -/
theorem floatBits_nearest {M : Nat} {y : Rat} (hy : 0 ≤ y) (a : Nat) :
    abs (y - floatUnits M (floatBits M y)) ≤ abs (y - floatUnits M a) := by
  obtain ⟨s, hs, hk, hle, hbits⟩ := floatBits_spec (M := M) hy
  obtain ⟨hlow, -⟩ := (floatSpacing_eq_iff (M := M) hy).1 rfl
  have hpos := two_pow_pos (floatSpacing M y)
  rw [hbits, floatUnits_join hk hle]
  generalize floatSpacing M y = k at *
  -- an integer multiple of the spacing is at least as near as `a`
  have hmultiple : ∃ j : Int, abs (y - (2 ^ k : Nat) * j) ≤ abs (y - floatUnits M a) := by
    obtain ⟨k', s', -, hs', -, hu⟩ := floatUnits_split M a
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
    · refine ⟨(2 ^ M : Nat), ?_⟩
      have hsmall : s' * 2 ^ k' ≤ 2 ^ (M + k) := by
        calc s' * 2 ^ k' ≤ 2 ^ (M + 1) * 2 ^ k' := Nat.mul_le_mul_right _ (by rw [Nat.pow_succ']; omega)
          _ = 2 ^ (M + 1 + k') := (Nat.pow_add ..).symm
          _ ≤ 2 ^ (M + k) := Nat.pow_le_pow_right (by decide) (by omega)
      have hsmall : ((s' * 2 ^ k' : Nat) : Rat) ≤ (2 ^ (M + k) : Nat) := Rat.natCast_le_natCast.2 hsmall
      have hlow : ((2 ^ (M + k) : Nat) : Rat) ≤ y := hlow.resolve_left (by omega)
      rw [two_pow_add] at hsmall hlow
      rw [Rat.intCast_natCast, Rat.mul_comm]
      generalize ((2 ^ M : Nat) : Rat) * (2 ^ k : Nat) = p at *
      grind [abs]
  obtain ⟨j, hj⟩ := hmultiple
  refine Rat.le_trans ?_ hj
  rw [Rat.natCast_mul, Rat.mul_comm, abs_sub_mul (by grind), abs_sub_mul (by grind), ← Rat.intCast_natCast s, hs]
  exact Rat.mul_le_mul_of_nonneg_left (roundHalfEven_nearest _ j) (abs_nonneg _)

example : abs ((3 : Rat) - floatUnits 1 (floatBits 1 3)) ≤ abs ((3 : Rat) - floatUnits 1 7) :=
  floatBits_nearest (by decide +kernel) 7

/-- A size rounds to itself. -/
theorem floatBits_floatUnits (M a : Nat) : floatBits M (floatUnits M a) = a := by
  have hnear := floatBits_nearest (M := M) (Rat.natCast_nonneg (a := floatUnits M a)) a
  have heq : (floatUnits M (floatBits M (floatUnits M a)) : Rat) = floatUnits M a := by grind [abs]
  have heq : floatUnits M (floatBits M (floatUnits M a)) = floatUnits M a := Rat.natCast_inj.1 heq
  rcases Nat.lt_trichotomy (floatBits M (floatUnits M a)) a with h | h | h
  · have := floatUnits_lt M h; omega
  · exact h
  · have := floatUnits_lt M h; omega

/-- Midway between two neighbours the even bits win; so with at least one mantissa bit the even mantissa does. -/
theorem floatBits_tie {M : Nat} (hM : M ≠ 0) (a : Nat) :
    floatBits M (((floatUnits M a : Rat) + floatUnits M (a + 1)) / 2) = if a % 2 = 0 then a else a + 1 := by
  obtain ⟨k, s, hk, hs, rfl, hu⟩ := floatUnits_split M a
  have hpos := two_pow_pos k
  have heven : (k * 2 ^ M) % 2 = 0 := by
    obtain ⟨N, rfl⟩ := Nat.exists_eq_succ_of_ne_zero hM
    have : k * 2 ^ (N + 1) = 2 * (k * 2 ^ N) := by grind
    rw [Nat.succ_eq_add_one]; omega
  rw [hu, Nat.add_assoc, floatUnits_join (by omega) (by omega)]
  generalize hy : (((s * 2 ^ k : Nat) : Rat) + ((s + 1) * 2 ^ k : Nat)) / 2 = y
  have hy : y = (2 ^ k : Nat) * (s + 1 / 2) := by
    rw [← hy]; simp only [Rat.natCast_mul, Rat.natCast_add, Rat.natCast_ofNat]; grind
  have hs0 : (0 : Rat) ≤ s := Rat.natCast_nonneg
  have hs1 : (s : Rat) + 1 ≤ (2 ^ (M + 1) : Nat) := by
    have : ((s + 1 : Nat) : Rat) ≤ (2 ^ (M + 1) : Nat) := Rat.natCast_le_natCast.2 (by rw [Nat.pow_succ']; omega)
    simpa using this
  have hy0 : 0 ≤ y := by rw [hy]; exact Rat.mul_nonneg (Rat.le_of_lt hpos) (by grind)
  have hspacing : floatSpacing M y = k := by
    rw [floatSpacing_eq_iff hy0, two_pow_add, two_pow_add, hy]
    constructor
    · refine hk.imp id fun hk => ?_
      have hk : ((2 ^ M : Nat) : Rat) ≤ s := Rat.natCast_le_natCast.2 hk
      rw [Rat.mul_comm]
      exact Rat.mul_le_mul_of_nonneg_left (by grind) (Rat.le_of_lt hpos)
    · rw [Rat.mul_comm _ ((2 ^ k : Nat) : Rat)]
      exact Rat.mul_lt_mul_of_pos_left (by grind) hpos
  have hround : roundHalfEven (y / (2 ^ k : Nat)) = if s % 2 = 0 then (s : Int) else s + 1 := by
    have : y / (2 ^ k : Nat) = s + 1 / 2 := by
      rw [hy, Rat.div_def, Rat.mul_comm, ← Rat.mul_assoc, Rat.inv_mul_cancel _ (Rat.ne_of_gt hpos), Rat.one_mul]
    rw [this, roundHalfEven_eq_iff]
    split
    · rw [Rat.intCast_natCast, show (s : Rat) + 1 / 2 - s = 1 / 2 by grind]
      exact ⟨by decide +kernel, fun _ => by omega⟩
    · rw [Rat.intCast_add, Rat.intCast_natCast, show (s : Rat) + 1 / 2 - (s + (1 : Int)) = -1 / 2 by grind]
      exact ⟨by decide +kernel, fun _ => by omega⟩
  rw [floatBits, hspacing, hround]
  rw [Nat.add_mod, heven, Nat.zero_add, Nat.mod_mod]
  split <;> rfl

example : floatBits 1 (((floatUnits 1 5 : Rat) + floatUnits 1 6) / 2) = 6 := floatBits_tie (by decide) 5

/-- Larger numbers have no smaller bits: rounding keeps the order. -/
theorem floatBits_mono {M : Nat} {x y : Rat} (hx : 0 ≤ x) (h : x ≤ y) : floatBits M x ≤ floatBits M y := by
  rcases Nat.lt_or_ge (floatBits M y) (floatBits M x) with hlt | hge
  · -- both are nearest to a point midway, so the two numbers are equal
    have hy : 0 ≤ y := Rat.le_trans hx h
    have hsizes : (floatUnits M (floatBits M y) : Rat) < floatUnits M (floatBits M x) :=
      Rat.natCast_lt_natCast.2 (floatUnits_lt M hlt)
    have hnearx := floatBits_nearest (M := M) hx (floatBits M y)
    have hneary := floatBits_nearest (M := M) hy (floatBits M x)
    have hx := mul_self_le_of_abs_le hnearx
    have hy := mul_self_le_of_abs_le hneary
    have : ¬x < y := fun hxy => by
      have := Rat.mul_pos ((Rat.lt_iff_sub_pos ..).1 hsizes) ((Rat.lt_iff_sub_pos ..).1 hxy)
      grind
    have : x = y := Rat.le_antisymm h (Rat.not_lt.1 this)
    subst this
    omega
  · exact hge

example : floatBits 1 3 ≤ floatBits 1 4 := floatBits_mono (by decide) (by decide +kernel)

/-- Rounding moves a number by at most half the spacing around it. -/
theorem abs_sub_floatBits_le {M : Nat} {y : Rat} (hy : 0 ≤ y) :
    abs (y - floatUnits M (floatBits M y)) ≤ (2 ^ floatSpacing M y : Nat) / 2 := by
  obtain ⟨s, hs, hk, hle, hbits⟩ := floatBits_spec (M := M) hy
  have hpos := two_pow_pos (floatSpacing M y)
  rw [hbits, floatUnits_join hk hle, Rat.natCast_mul, Rat.mul_comm, abs_sub_mul (by grind), ← Rat.intCast_natCast s, hs]
  have := Rat.mul_le_mul_of_nonneg_left (abs_sub_roundHalfEven_le (y / (2 ^ floatSpacing M y : Nat))) (Rat.le_of_lt hpos)
  grind [abs]

example : abs (5001 - floatUnits 10 (floatBits 10 5001)) ≤ (2 ^ floatSpacing 10 5001 : Nat) / 2 :=
  abs_sub_floatBits_le (by decide +kernel)

end Q35
