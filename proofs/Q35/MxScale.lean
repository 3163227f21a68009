module

public import Q35.FloatRound

@[expose] public section

/-! The shared scale of a Microscaling (MX) block: a power of two, kept as the eight bits of E8M0, and the rules that
choose it from the largest absolute value of the block. Every logarithm is exact. -/

namespace Q35

/-! ### Powers of two and exact logarithms -/

/-- `2 ^ e`. -/
def twoPow (e : Int) : Rat := 2 ^ e

/-- The exponent of the largest power of two that is at most `x > 0`. -/
def floorLog2 (x : Rat) : Int :=
  let guess : Int := x.num.toNat.log2 - x.den.log2
  if twoPow guess ≤ x then guess else guess - 1

/-- The exponent of the smallest power of two that is at least `x > 0`. -/
def ceilLog2 (x : Rat) : Int := if x ≤ twoPow (floorLog2 x) then floorLog2 x else floorLog2 x + 1

/-! ### E8M0 -/

/-- The scale bits that stand for NaN. -/
def scaleNaN : Nat := 255

/-- The value of scale bits: `2 ^ (b - 127)`; `none` for NaN and for numbers that are not eight bits. -/
def scaleToRat (b : Nat) : Option Rat := if scaleNaN ≤ b then none else some (twoPow (b - 127))

/-- What becomes of an exponent beyond the largest one, 127. The standard is silent. -/
inductive ScaleOverflow where
  /-- The largest scale, `2 ^ 127`. -/
  | clamp
  /-- NaN, and with it the whole block. -/
  | nan
  deriving DecidableEq

/-- The scale bits for `2 ^ e`; an exponent below -127 becomes -127. -/
def scaleBits (overflow : ScaleOverflow) (e : Int) : Nat :=
  if e ≤ 127 then (e + 127).toNat
  else match overflow with
    | .clamp => 254
    | .nan => scaleNaN

/-! ### Rules -/

/-- How the exponent of the scale follows from the largest absolute value `m` of a block. -/
inductive ScaleRule where
  /-- The standard's: the largest power of two up to `m`, over the largest one of the elements. -/
  | floor
  /-- The smallest power of two from `m` on, over the largest one of the elements. -/
  | ceil
  /-- The smallest power of two from `m` over the largest element on: the smallest scale that clips nothing. -/
  | rceil
  /-- As `floor`, after rounding `m` to the element's mantissa, a half up. -/
  | even
  deriving DecidableEq

/-- The exponent of the scale for the largest absolute value `m > 0` and elements with the largest power of two
`2 ^ emax`, the largest number `largest` and `mantissaBits` bits of mantissa. -/
def scaleExponent (rule : ScaleRule) (emax : Int) (largest : Rat) (mantissaBits : Nat) (m : Rat) : Int :=
  match rule with
  | .floor => floorLog2 m - emax
  | .ceil => ceilLog2 m - emax
  | .rceil => ceilLog2 (m / largest)
  | .even =>
    let e := floorLog2 m
    if twoPow e * (2 - twoPow (-(mantissaBits + 1))) ≤ m then e + 1 - emax else e - emax

/-! ### Powers of two -/

/-- Every power of two is positive. -/
theorem twoPow_pos (e : Int) : 0 < twoPow e := Rat.zpow_pos (by decide)

/-- Exponents add up. -/
theorem twoPow_add (a b : Int) : twoPow (a + b) = twoPow a * twoPow b := Rat.zpow_add (by decide) a b

/-- The power of two of a natural number. -/
theorem twoPow_natCast (k : Nat) : twoPow k = (2 ^ k : Nat) := by
  rw [twoPow, Rat.zpow_natCast, Rat.natCast_pow]; rfl

/-- The next power of two is twice as large. -/
theorem twoPow_succ (e : Int) : twoPow (e + 1) = 2 * twoPow e := by
  rw [twoPow_add, Rat.mul_comm]; rfl

/-- A smaller exponent is a smaller power of two. -/
theorem twoPow_lt_iff {a b : Int} : twoPow a < twoPow b ↔ a < b := by
  have key : ∀ {a b : Int}, a < b → twoPow a < twoPow b := fun {a b} h => by
    obtain ⟨k, rfl⟩ : ∃ k : Nat, b = a + k + 1 := ⟨(b - a - 1).toNat, by omega⟩
    have hk : (1 : Rat) ≤ (2 ^ k : Nat) := by
      have : ((1 : Nat) : Rat) ≤ (2 ^ k : Nat) := Rat.natCast_le_natCast.2 (Nat.two_pow_pos k)
      exact this
    have := Rat.mul_le_mul_of_nonneg_left hk (Rat.le_of_lt (twoPow_pos a))
    have := twoPow_pos a
    rw [twoPow_succ, twoPow_add, twoPow_natCast]
    grind
  constructor
  · intro h
    rcases Int.lt_or_le a b with hab | hab
    · exact hab
    · rcases Int.lt_or_eq_of_le hab with hab | rfl
      · have := key hab; grind
      · grind
  · exact key

/-- A smaller exponent is no larger power of two. -/
theorem twoPow_le_iff {a b : Int} : twoPow a ≤ twoPow b ↔ a ≤ b := by
  rw [← Rat.not_lt, twoPow_lt_iff]; omega

/-! ### Exact logarithms -/

/-- What the integer logarithm is: `x` lies between its power of two and the next. -/
theorem floorLog2_spec {x : Rat} (hx : 0 < x) : twoPow (floorLog2 x) ≤ x ∧ x < twoPow (floorLog2 x + 1) := by
  have hnum : 0 < x.num := by
    have := Rat.num_nonneg.2 (Rat.le_of_lt hx)
    have : x.num ≠ 0 := fun h => by have := Rat.num_eq_zero.1 h; grind
    omega
  have hfraction : x * x.den = (x.num.toNat : Nat) := by
    have h₁ : x = x.num / x.den := by
      have := Rat.num_divInt_den x
      rw [Rat.divInt_eq_div] at this
      exact this.symm
    have h₂ : ((x.den : Nat) : Rat) ≠ 0 := by
      have : (0 : Rat) < (x.den : Nat) := Rat.natCast_pos.2 (Nat.pos_of_ne_zero x.den_nz)
      grind
    have h₃ : ((x.num.toNat : Nat) : Rat) = x.num := by
      rw [← Rat.intCast_natCast]; congr 1; omega
    rw [h₃]
    grind
  have hn : x.num.toNat ≠ 0 := by omega
  have hd : x.den ≠ 0 := x.den_nz
  have hn₁ := Rat.natCast_le_natCast.2 (Nat.log2_self_le hn)
  have hn₂ := Rat.natCast_lt_natCast.2 (Nat.lt_log2_self (n := x.num.toNat))
  have hd₁ := Rat.natCast_le_natCast.2 (Nat.log2_self_le hd)
  have hd₂ := Rat.natCast_lt_natCast.2 (Nat.lt_log2_self (n := x.den))
  rw [← twoPow_natCast] at hn₁ hn₂ hd₁ hd₂
  rw [Int.natCast_add, Int.cast_ofNat_Int, twoPow_succ] at hn₂ hd₂
  have hguess : twoPow ((x.num.toNat.log2 : Int) - x.den.log2) * twoPow x.den.log2 = twoPow x.num.toNat.log2 := by
    rw [← twoPow_add]; congr 1; omega
  have hpos := twoPow_pos x.den.log2
  rw [floorLog2]
  generalize (x.num.toNat.log2 : Int) - x.den.log2 = guess at *
  -- the guess is right or one too large
  have hhigh : x < 2 * twoPow guess := by
    have := Rat.mul_le_mul_of_nonneg_left hd₁ (Rat.le_of_lt hx)
    refine (Rat.mul_lt_mul_left hpos).1 ?_
    grind
  have hlow : twoPow guess < 2 * x := by
    have := Rat.mul_lt_mul_of_pos_left hd₂ hx
    refine (Rat.mul_lt_mul_left hpos).1 ?_
    grind
  have hhalf := twoPow_succ (guess - 1)
  rw [Int.sub_add_cancel] at hhalf
  split
  · rw [twoPow_succ]; exact ⟨by assumption, hhigh⟩
  · rw [Int.sub_add_cancel]; grind

example : twoPow (floorLog2 (1/3)) ≤ 1/3 := (floorLog2_spec (by decide +kernel)).1

/-- The integer logarithm is the one exponent whose power of two is the largest up to `x`. -/
theorem floorLog2_eq_iff {x : Rat} (hx : 0 < x) {e : Int} : floorLog2 x = e ↔ twoPow e ≤ x ∧ x < twoPow (e + 1) := by
  have ⟨h₁, h₂⟩ := floorLog2_spec hx
  constructor
  · rintro rfl
    exact ⟨h₁, h₂⟩
  · intro ⟨h₃, h₄⟩
    have := twoPow_lt_iff.1 (Std.lt_of_le_of_lt h₁ h₄)
    have := twoPow_lt_iff.1 (Std.lt_of_le_of_lt h₃ h₂)
    omega

example : floorLog2 (1/3) = -2 := (floorLog2_eq_iff (by decide +kernel)).2 (by decide +kernel)

/-- A power of two is at most `x` exactly when its exponent is at most the integer logarithm. -/
theorem le_floorLog2_iff {x : Rat} (hx : 0 < x) {e : Int} : e ≤ floorLog2 x ↔ twoPow e ≤ x := by
  have ⟨h₁, h₂⟩ := floorLog2_spec hx
  constructor
  · exact fun h => Rat.le_trans (twoPow_le_iff.2 h) h₁
  · intro h
    have := twoPow_lt_iff.1 (Std.lt_of_le_of_lt h h₂)
    omega

example : -2 ≤ floorLog2 (1/3) := (le_floorLog2_iff (by decide +kernel)).2 (by decide +kernel)

/-- The logarithm of a power of two. -/
theorem floorLog2_twoPow (e : Int) : floorLog2 (twoPow e) = e :=
  (floorLog2_eq_iff (twoPow_pos e)).2 ⟨Rat.le_refl, twoPow_lt_iff.2 (by omega)⟩

/-- Larger numbers have no smaller logarithm. -/
theorem floorLog2_mono {x y : Rat} (hx : 0 < x) (h : x ≤ y) : floorLog2 x ≤ floorLog2 y :=
  (le_floorLog2_iff (by grind)).2 (Rat.le_trans (floorLog2_spec hx).1 h)

example : floorLog2 (1/3) ≤ floorLog2 7 := floorLog2_mono (by decide +kernel) (by decide +kernel)

/-- Scaling by a power of two shifts the logarithm. -/
theorem floorLog2_mul_twoPow {x : Rat} (hx : 0 < x) (k : Int) : floorLog2 (x * twoPow k) = floorLog2 x + k := by
  have ⟨h₁, h₂⟩ := floorLog2_spec hx
  have hk := twoPow_pos k
  rw [floorLog2_eq_iff (Rat.mul_pos hx hk), show floorLog2 x + k + 1 = floorLog2 x + 1 + k by omega,
    twoPow_add, twoPow_add _ k]
  exact ⟨Rat.mul_le_mul_of_nonneg_right h₁ (Rat.le_of_lt hk), Rat.mul_lt_mul_of_pos_right h₂ hk⟩

example : floorLog2 (1/3 * twoPow 5) = floorLog2 (1/3) + 5 := floorLog2_mul_twoPow (by decide +kernel) 5

/-- Just below a power of two the logarithm is one less: `d` may be as small as one likes. A logarithm taken in floating
point rounds up there. -/
theorem floorLog2_below {e : Int} {d : Rat} (hd : 0 < d) (h : 2 * d ≤ twoPow e) :
    floorLog2 (twoPow e - d) = e - 1 := by
  have hhalf := twoPow_succ (e - 1)
  rw [Int.sub_add_cancel] at hhalf
  rw [floorLog2_eq_iff (by grind), Int.sub_add_cancel]
  grind

example : floorLog2 (twoPow 3 - twoPow (-20)) = 3 - 1 := floorLog2_below (by decide +kernel) (by decide +kernel)

/-- What the upper logarithm is: `x` lies above half its power of two, and at most there. -/
theorem ceilLog2_spec {x : Rat} (hx : 0 < x) : twoPow (ceilLog2 x - 1) < x ∧ x ≤ twoPow (ceilLog2 x) := by
  have ⟨h₁, h₂⟩ := floorLog2_spec hx
  have : twoPow (floorLog2 x - 1) < twoPow (floorLog2 x) := twoPow_lt_iff.2 (by omega)
  rw [ceilLog2]
  split
  · grind
  · rw [Int.add_sub_cancel]; grind

example : 1/3 ≤ twoPow (ceilLog2 (1/3)) := (ceilLog2_spec (by decide +kernel)).2

/-- The upper logarithm is the one exponent whose power of two is the smallest from `x` on. -/
theorem ceilLog2_eq_iff {x : Rat} (hx : 0 < x) {e : Int} : ceilLog2 x = e ↔ twoPow (e - 1) < x ∧ x ≤ twoPow e := by
  have ⟨h₁, h₂⟩ := ceilLog2_spec hx
  constructor
  · rintro rfl
    exact ⟨h₁, h₂⟩
  · intro ⟨h₃, h₄⟩
    have := twoPow_lt_iff.1 (Std.lt_of_lt_of_le h₁ h₄)
    have := twoPow_lt_iff.1 (Std.lt_of_lt_of_le h₃ h₂)
    omega

example : ceilLog2 (1/3) = -1 := (ceilLog2_eq_iff (by decide +kernel)).2 (by decide +kernel)

/-- A power of two is at least `x` exactly when its exponent is at least the upper logarithm. -/
theorem ceilLog2_le_iff {x : Rat} (hx : 0 < x) {e : Int} : ceilLog2 x ≤ e ↔ x ≤ twoPow e := by
  have ⟨h₁, h₂⟩ := ceilLog2_spec hx
  constructor
  · exact fun h => Rat.le_trans h₂ (twoPow_le_iff.2 h)
  · intro h
    have := twoPow_lt_iff.1 (Std.lt_of_lt_of_le h₁ h)
    omega

example : ceilLog2 5 ≤ 3 := (ceilLog2_le_iff (by decide +kernel)).2 (by decide +kernel)

/-- The upper logarithm of a power of two. -/
theorem ceilLog2_twoPow (e : Int) : ceilLog2 (twoPow e) = e :=
  (ceilLog2_eq_iff (twoPow_pos e)).2 ⟨twoPow_lt_iff.2 (by omega), Rat.le_refl⟩

/-- Larger numbers have no smaller upper logarithm. -/
theorem ceilLog2_mono {x y : Rat} (hx : 0 < x) (h : x ≤ y) : ceilLog2 x ≤ ceilLog2 y :=
  (ceilLog2_le_iff hx).2 (Rat.le_trans h (ceilLog2_spec (by grind)).2)

example : ceilLog2 (1/3) ≤ ceilLog2 7 := ceilLog2_mono (by decide +kernel) (by decide +kernel)

/-- Scaling by a power of two shifts the upper logarithm. -/
theorem ceilLog2_mul_twoPow {x : Rat} (hx : 0 < x) (k : Int) : ceilLog2 (x * twoPow k) = ceilLog2 x + k := by
  have ⟨h₁, h₂⟩ := ceilLog2_spec hx
  have hk := twoPow_pos k
  rw [ceilLog2_eq_iff (Rat.mul_pos hx hk), show ceilLog2 x + k - 1 = ceilLog2 x - 1 + k by omega,
    twoPow_add, twoPow_add _ k]
  exact ⟨Rat.mul_lt_mul_of_pos_right h₁ hk, Rat.mul_le_mul_of_nonneg_right h₂ (Rat.le_of_lt hk)⟩

example : ceilLog2 (1/3 * twoPow 5) = ceilLog2 (1/3) + 5 := ceilLog2_mul_twoPow (by decide +kernel) 5

/-! ### E8M0 -/

/-- Landmarks: there is no zero and no infinity, `0x7F` is 1, and `0xFF` alone is NaN. -/
theorem scaleToRat_landmarks :
    scaleToRat 0 = some (1 / 2 ^ 127 : Rat) ∧ scaleToRat 127 = some 1 ∧ scaleToRat 128 = some 2 ∧
    scaleToRat 254 = some (2 ^ 127 : Rat) ∧ scaleToRat 255 = none ∧ scaleToRat 256 = none := by
  decide +kernel

/-- The bits up to 254 stand for powers of two; no others have a value. -/
theorem scaleToRat_eq_some_iff {b : Nat} {X : Rat} : scaleToRat b = some X ↔ b ≤ 254 ∧ X = twoPow (b - 127) := by
  rw [scaleToRat, scaleNaN]
  split
  · simp; omega
  · simp only [Option.some.injEq]
    constructor
    · rintro rfl
      exact ⟨by omega, rfl⟩
    · exact fun h => h.2.symm

/-- A scale is positive: never zero, never negative. -/
theorem scaleToRat_pos {b : Nat} {X : Rat} (h : scaleToRat b = some X) : 0 < X :=
  (scaleToRat_eq_some_iff.1 h).2 ▸ twoPow_pos _

example : (0 : Rat) < 1 / 2 ^ 127 := scaleToRat_pos scaleToRat_landmarks.1

/-- Larger bits are a larger scale. -/
theorem scaleToRat_strictMono {b c : Nat} {X Y : Rat} (hX : scaleToRat b = some X) (hY : scaleToRat c = some Y)
    (h : b < c) : X < Y := by
  rw [(scaleToRat_eq_some_iff.1 hX).2, (scaleToRat_eq_some_iff.1 hY).2, twoPow_lt_iff]
  omega

example : (1 : Rat) < 2 := scaleToRat_strictMono (b := 127) (c := 128) rfl rfl (by decide)

/-- Scales of the same value have the same bits. -/
theorem scaleToRat_injective {b c : Nat} {X : Rat} (hb : scaleToRat b = some X) (hc : scaleToRat c = some X) :
    b = c := by
  rcases Nat.lt_trichotomy b c with h | h | h
  · have := scaleToRat_strictMono hb hc h; grind
  · exact h
  · have := scaleToRat_strictMono hc hb h; grind

example : (127 : Nat) = 127 := scaleToRat_injective (X := 1) rfl rfl

/-- From -127 to 127 an exponent has its own scale. -/
theorem scaleToRat_scaleBits (overflow : ScaleOverflow) {e : Int} (h : -127 ≤ e ∧ e ≤ 127) :
    scaleToRat (scaleBits overflow e) = some (twoPow e) := by
  rw [scaleBits.eq_def, if_pos h.2, scaleToRat_eq_some_iff]
  exact ⟨by omega, by congr 1; omega⟩

example : scaleToRat (scaleBits .nan (-127)) = some (twoPow (-127)) := scaleToRat_scaleBits .nan (by decide)

/-- Every scale is found again from its exponent. -/
theorem scaleBits_of_scaleToRat (overflow : ScaleOverflow) {b : Nat} {e : Int} (h : scaleToRat b = some (twoPow e)) :
    scaleBits overflow e = b := by
  have ⟨hb, he⟩ := scaleToRat_eq_some_iff.1 h
  have h₁ := twoPow_le_iff.1 (he ▸ Rat.le_refl : twoPow e ≤ twoPow (b - 127))
  have h₂ := twoPow_le_iff.1 (he ▸ Rat.le_refl : twoPow (b - 127) ≤ twoPow e)
  exact scaleToRat_injective (scaleToRat_scaleBits overflow (by omega)) h

example : scaleBits .clamp 0 = 127 := scaleBits_of_scaleToRat .clamp (by decide +kernel)

/-- Below -127 the smallest scale is taken. -/
theorem scaleBits_low (overflow : ScaleOverflow) {e : Int} (h : e ≤ -127) : scaleBits overflow e = 0 := by
  rw [scaleBits.eq_def, if_pos (by omega)]; omega

example : scaleBits .nan (-151) = 0 := scaleBits_low .nan (by decide)

/-- Above 127 the policy decides: the largest scale, or NaN. -/
theorem scaleBits_high {e : Int} (h : 127 < e) : scaleBits .clamp e = 254 ∧ scaleBits .nan e = scaleNaN := by
  rw [scaleBits.eq_def, scaleBits.eq_def, if_neg (by omega), if_neg (by omega)]
  exact ⟨rfl, rfl⟩

example : scaleBits .clamp 128 = 254 ∧ scaleBits .nan 128 = scaleNaN := scaleBits_high (by decide)

/-- Larger exponents have no smaller scale bits. -/
theorem scaleBits_mono (overflow : ScaleOverflow) {e f : Int} (h : e ≤ f) :
    scaleBits overflow e ≤ scaleBits overflow f := by
  cases overflow <;> simp only [scaleBits, scaleNaN] <;> split <;> split <;> omega

example : scaleBits .clamp (-3) ≤ scaleBits .clamp 4 := scaleBits_mono .clamp (by decide)

/-- The published reading of the scale bits as a plain int8 exponent, without the bias. -/
def publishedScale (b : Nat) : Option Rat := some (twoPow (if b < 128 then b else b - 256))

/-- Refuted: "E8M0 is a plain int8". All 256 codes are wrong. -/
theorem publishedScale_wrong :
    ((List.range 256).filter fun b => publishedScale b ≠ scaleToRat b).length = 256 := by
  rw [List.filter_eq_self.2 fun b hb => ?_, List.length_range]
  refine decide_eq_true fun h => ?_
  have hlog := congrArg floorLog2 (scaleToRat_eq_some_iff.1 h.symm).2
  rw [floorLog2_twoPow, floorLog2_twoPow] at hlog
  omega

/-! ### Rules

`emax`, `largest` and `mantissaBits` are those of the elements; `X` is the power of two that the rule chooses. -/

/-- The standard's rule divides the largest value into the elements' top binade: never below `2 ^ emax`, always below
`2 ^ (emax + 1)`. What lies beyond the largest element is clipped. -/
theorem scaleExponent_floor {m : Rat} (hm : 0 < m) (emax : Int) (largest : Rat) (M : Nat) :
    twoPow emax ≤ m / twoPow (scaleExponent .floor emax largest M m) ∧
    m / twoPow (scaleExponent .floor emax largest M m) < twoPow (emax + 1) := by
  have ⟨h₁, h₂⟩ := floorLog2_spec hm
  have hpos := twoPow_pos (floorLog2 m - emax)
  rw [scaleExponent, le_div_iff hpos, ← Rat.not_le, le_div_iff hpos, Rat.not_le, ← twoPow_add, ← twoPow_add,
    show emax + (floorLog2 m - emax) = floorLog2 m by omega,
    show emax + 1 + (floorLog2 m - emax) = floorLog2 m + 1 by omega]
  exact ⟨h₁, h₂⟩

example : twoPow 2 ≤ 7 / twoPow (scaleExponent .floor 2 6 1 7) := (scaleExponent_floor (by decide) 2 6 1).1

/-- The rule `floor` gives the only such exponent. -/
theorem scaleExponent_floor_unique {m : Rat} (hm : 0 < m) (emax : Int) (largest : Rat) (M : Nat) {e : Int}
    (h₁ : twoPow emax ≤ m / twoPow e) (h₂ : m / twoPow e < twoPow (emax + 1)) :
    scaleExponent .floor emax largest M m = e := by
  have hpos := twoPow_pos e
  rw [le_div_iff hpos, ← twoPow_add] at h₁
  rw [← Rat.not_le, le_div_iff hpos, Rat.not_le, ← twoPow_add] at h₂
  have : floorLog2 m = emax + e :=
    (floorLog2_eq_iff hm).2 ⟨h₁, by rwa [show emax + e + 1 = emax + 1 + e by omega]⟩
  rw [scaleExponent]; omega

example : scaleExponent .floor 2 6 1 7 = 0 :=
  scaleExponent_floor_unique (by decide) 2 6 1 (by decide +kernel) (by decide +kernel)

/-- The rule `ceil` divides the largest value to at most `2 ^ emax`, and above half of it. -/
theorem scaleExponent_ceil {m : Rat} (hm : 0 < m) (emax : Int) (largest : Rat) (M : Nat) :
    twoPow (emax - 1) < m / twoPow (scaleExponent .ceil emax largest M m) ∧
    m / twoPow (scaleExponent .ceil emax largest M m) ≤ twoPow emax := by
  have ⟨h₁, h₂⟩ := ceilLog2_spec hm
  have hpos := twoPow_pos (ceilLog2 m - emax)
  rw [scaleExponent, div_le_iff hpos, ← Rat.not_le, div_le_iff hpos, Rat.not_le, ← twoPow_add, ← twoPow_add,
    show emax + (ceilLog2 m - emax) = ceilLog2 m by omega,
    show emax - 1 + (ceilLog2 m - emax) = ceilLog2 m - 1 by omega]
  exact ⟨h₁, h₂⟩

example : 7 / twoPow (scaleExponent .ceil 2 6 1 7) ≤ twoPow 2 := (scaleExponent_ceil (by decide) 2 6 1).2

/-- A power of two clips nothing under the rule `rceil` exactly from its exponent on: it chooses the least one. -/
theorem scaleExponent_rceil_le_iff {m largest : Rat} (hm : 0 < m) (hl : 0 < largest) (emax : Int) (M : Nat)
    {e : Int} : scaleExponent .rceil emax largest M m ≤ e ↔ m ≤ twoPow e * largest := by
  rw [scaleExponent, ceilLog2_le_iff (div_pos hm hl), div_le_iff hl]

example : scaleExponent .rceil 2 6 1 7 ≤ 1 :=
  (scaleExponent_rceil_le_iff (by decide) (by decide) 2 1).2 (by decide +kernel)

/-- The rule `rceil` never clips: the largest value is at most the scale times the largest element. -/
theorem le_twoPow_scaleExponent_rceil {m largest : Rat} (hm : 0 < m) (hl : 0 < largest) (emax : Int) (M : Nat) :
    m ≤ twoPow (scaleExponent .rceil emax largest M m) * largest :=
  (scaleExponent_rceil_le_iff hm hl emax M).1 (Int.le_refl _)

example : 7 ≤ twoPow (scaleExponent .rceil 2 6 1 7) * 6 := le_twoPow_scaleExponent_rceil (by decide) (by decide) 2 1

/-- The rule `even` is one above `floor` exactly from the midpoint on between the largest significand of `M + 1` bits
and the next power of two. -/
theorem scaleExponent_even (emax : Int) (largest : Rat) (M : Nat) (m : Rat) :
    scaleExponent .even emax largest M m = scaleExponent .floor emax largest M m +
      if twoPow (floorLog2 m) * (2 - twoPow (-(M + 1))) ≤ m then 1 else 0 := by
  simp only [scaleExponent]; split <;> omega

/-- The rule `floor` chooses no larger scale than `even`. -/
theorem scaleExponent_floor_le_even (emax : Int) (largest : Rat) (M : Nat) (m : Rat) :
    scaleExponent .floor emax largest M m ≤ scaleExponent .even emax largest M m := by
  rw [scaleExponent_even]; split <;> omega

/-- The rule `even` chooses no larger scale than `rceil`, for elements whose largest significand has at most `M + 1`
bits. -/
theorem scaleExponent_even_le_rceil {emax : Int} {largest : Rat} {M : Nat} {m : Rat} (hm : 0 < m)
    (h₁ : twoPow emax ≤ largest) (h₂ : largest < twoPow emax * (2 - twoPow (-(M + 1)))) :
    scaleExponent .even emax largest M m ≤ scaleExponent .rceil emax largest M m := by
  have hl : 0 < largest := by have := twoPow_pos emax; grind
  have ⟨hlow, hhigh⟩ := scaleExponent_floor hm emax largest M
  -- neither exponent clips a value beyond what it reaches
  have key : ∀ e, (∀ f, f < e → ¬m ≤ twoPow f * largest) → e ≤ scaleExponent .rceil emax largest M m := fun e h => by
    rcases Int.lt_or_le (scaleExponent .rceil emax largest M m) e with hlt | hge
    · exact absurd (le_twoPow_scaleExponent_rceil hm hl emax M) (h _ hlt)
    · exact hge
  have htop : largest < twoPow (emax + 1) := by
    have := Rat.mul_pos (twoPow_pos emax) (twoPow_pos (-(M + 1)))
    rw [twoPow_succ]; grind
  have hpow : ∀ f, f + emax < floorLog2 m → ¬m ≤ twoPow f * largest := fun f hf h => by
    have h₃ := Rat.mul_lt_mul_of_pos_left htop (twoPow_pos f)
    rw [← twoPow_add] at h₃
    have h₄ : twoPow (f + (emax + 1)) ≤ twoPow (floorLog2 m) := twoPow_le_iff.2 (by omega)
    have h₅ := (floorLog2_spec hm).1
    grind
  rw [scaleExponent_even]
  split
  · rename_i hup
    refine key _ fun f hf => ?_
    rw [scaleExponent] at hf
    rcases Int.lt_or_le (f + emax) (floorLog2 m) with hlt | hge
    · exact hpow f hlt
    · obtain rfl : f = floorLog2 m - emax := by omega
      have h₃ := Rat.mul_lt_mul_of_pos_left h₂ (twoPow_pos (floorLog2 m - emax))
      rw [← Rat.mul_assoc, ← twoPow_add, Int.sub_add_cancel] at h₃
      grind
  · refine key _ fun f hf => hpow f ?_
    rw [scaleExponent] at hf
    omega

example : scaleExponent .even 2 6 1 7 ≤ scaleExponent .rceil 2 6 1 7 :=
  scaleExponent_even_le_rceil (by decide) (by decide +kernel) (by decide +kernel)

/-- The rule `rceil` chooses no larger scale than `ceil`. -/
theorem scaleExponent_rceil_le_ceil {emax : Int} {largest m : Rat} (hm : 0 < m) (h : twoPow emax ≤ largest) (M : Nat) :
    scaleExponent .rceil emax largest M m ≤ scaleExponent .ceil emax largest M m := by
  have hpos := twoPow_pos (scaleExponent .ceil emax largest M m)
  have h₁ := (scaleExponent_ceil hm emax largest M).2
  rw [div_le_iff hpos] at h₁
  have h₂ := Rat.mul_le_mul_of_nonneg_right h (Rat.le_of_lt hpos)
  rw [scaleExponent_rceil_le_iff hm (by have := twoPow_pos emax; grind), Rat.mul_comm]
  exact Rat.le_trans h₁ h₂

example : scaleExponent .rceil 2 6 1 7 ≤ scaleExponent .ceil 2 6 1 7 :=
  scaleExponent_rceil_le_ceil (by decide) (by decide +kernel) 1

/-- The rule `ceil` is at most one above `floor`; so all four rules lie within one power of two. -/
theorem scaleExponent_ceil_le_floor_add_one (emax : Int) (largest : Rat) (M : Nat) (m : Rat) :
    scaleExponent .ceil emax largest M m ≤ scaleExponent .floor emax largest M m + 1 := by
  simp only [scaleExponent, ceilLog2]; split <;> omega

/-- On the elements of MXFP4 the four rules differ: at 5 only `ceil` goes up, at 13/2 `rceil` does too, at 7 all but
`floor` do, and at 4 none does. -/
theorem scaleExponent_differ :
    [ScaleRule.floor, .even, .rceil, .ceil].map (scaleExponent · 2 6 1 5) = [0, 0, 0, 1] ∧
    [ScaleRule.floor, .even, .rceil, .ceil].map (scaleExponent · 2 6 1 (13/2)) = [0, 0, 1, 1] ∧
    [ScaleRule.floor, .even, .rceil, .ceil].map (scaleExponent · 2 6 1 7) = [0, 1, 1, 1] ∧
    [ScaleRule.floor, .even, .rceil, .ceil].map (scaleExponent · 2 6 1 4) = [0, 0, 0, 0] := by
  decide +kernel

/-- Scaling a block by a power of two shifts its exponent, under every rule. -/
theorem scaleExponent_mul_twoPow (rule : ScaleRule) (emax : Int) {largest : Rat} (hl : 0 < largest) (M : Nat) {m : Rat}
    (hm : 0 < m) (k : Int) :
    scaleExponent rule emax largest M (m * twoPow k) = scaleExponent rule emax largest M m + k := by
  cases rule with
  | floor => simp only [scaleExponent, floorLog2_mul_twoPow hm]; omega
  | ceil => simp only [scaleExponent, ceilLog2_mul_twoPow hm]; omega
  | rceil =>
    simp only [scaleExponent]
    rw [← ceilLog2_mul_twoPow (div_pos hm hl)]
    congr 1
    grind
  | even =>
    have hk := twoPow_pos k
    have hiff : twoPow (floorLog2 m + k) * (2 - twoPow (-(M + 1))) ≤ m * twoPow k ↔
        twoPow (floorLog2 m) * (2 - twoPow (-(M + 1))) ≤ m := by
      rw [twoPow_add, show twoPow (floorLog2 m) * twoPow k * (2 - twoPow (-(M + 1))) =
        twoPow k * (twoPow (floorLog2 m) * (2 - twoPow (-(M + 1)))) by grind, Rat.mul_comm m]
      exact ⟨fun h => Rat.le_of_mul_le_mul_left h hk, fun h => Rat.mul_le_mul_of_nonneg_left h (Rat.le_of_lt hk)⟩
    simp only [scaleExponent, floorLog2_mul_twoPow hm, hiff]
    split <;> omega

example : scaleExponent .even 2 6 1 (7 * twoPow 5) = scaleExponent .even 2 6 1 7 + 5 :=
  scaleExponent_mul_twoPow .even 2 (by decide) 1 (by decide) 5

/-! ### Scales of float32 values -/

/-- Where rounding to a format changes nothing and the size lies below the end of its list, the number is in it. -/
theorem abs_le_largest_of_round_eq (F : FloatFormat) {x : Rat} (h : F.round x = x)
    (hlt : abs x < F.magnitude (F.largestBits + 1)) : abs x ≤ F.largest := by
  have hp := F.magnitude_nonneg (floatBits F.mantissaBits (abs x * (F.unitsOfOne : Nat)))
  have hx : abs x = F.magnitude (floatBits F.mantissaBits (abs x * (F.unitsOfOne : Nat))) := by
    rw [FloatFormat.round] at h
    grind [abs]
  rcases Nat.lt_or_ge F.largestBits (floatBits F.mantissaBits (abs x * (F.unitsOfOne : Nat))) with hgt | hle
  · have := F.magnitude_le (a := F.largestBits + 1) hgt
    grind
  · rw [FloatFormat.largest, hx]
    exact F.magnitude_le hle

example : abs (-6) ≤ e2m1.largest := abs_le_largest_of_round_eq e2m1 (by decide +kernel) (by decide +kernel)

/-- The list of float32 would go on with `2 ^ 128`. -/
theorem float32_magnitude_overflow : float32.magnitude (float32.largestBits + 1) = twoPow 128 := by decide +kernel

/-- All float32 numbers are less than `2 ^ 128` in size. -/
theorem abs_float32_lt {b : Nat} {v : Rat} (h : float32.toRat b = some v) : abs v < twoPow 128 := by
  have := float32.abs_toRat_le h
  have := float32.magnitude_lt (Nat.lt_succ_self float32.largestBits)
  rw [Nat.succ_eq_add_one, float32_magnitude_overflow] at this
  rw [FloatFormat.largest] at *
  grind

example : abs (-1) < twoPow 128 := abs_float32_lt (b := 0xBF800000) (by decide +kernel)

/-- A significand of at most 24 bits times a power of two from `2 ^ -149` on rounds to itself. -/
theorem float32_round_mul_twoPow {n : Int} (hn : n.natAbs ≤ 2 ^ 24) {e : Int} (he : -149 ≤ e) :
    float32.round (n * twoPow e) = n * twoPow e := by
  obtain ⟨k, rfl⟩ : ∃ k : Nat, e = k - 149 := ⟨(e + 149).toNat, by omega⟩
  refine float32.round_significand (s := n.natAbs) (k := k) hn ?_
  have habs : abs (n : Rat) = (n.natAbs : Nat) := by
    rcases Int.le_total 0 n with h | h
    · have : ((n.natAbs : Nat) : Rat) = n := by rw [← Rat.intCast_natCast]; congr 1; omega
      have := Rat.intCast_nonneg.2 h
      grind [abs]
    · have : ((n.natAbs : Nat) : Rat) = -n := by rw [← Rat.intCast_natCast, ← Rat.intCast_neg]; congr 1; omega
      have : ((n : Int) : Rat) ≤ (0 : Int) := Rat.intCast_le_intCast.2 h
      grind [abs]
  have hpos := twoPow_pos ((k : Int) - 149)
  have hunits : ((float32.unitsOfOne : Nat) : Rat) = twoPow 149 := by decide +kernel
  have hscale : twoPow ((k : Int) - 149) * twoPow 149 = (2 ^ k : Nat) := by
    rw [← twoPow_add, Int.sub_add_cancel, twoPow_natCast]
  rw [abs_mul, habs, hunits, Rat.natCast_mul, ← hscale]
  grind [abs]

example : float32.round ((-12 : Int) * twoPow (-128)) = (-12 : Int) * twoPow (-128) :=
  float32_round_mul_twoPow (by decide) (by decide)

/-- Such a number is a float32 number exactly when it lies below `2 ^ 128`. -/
theorem float32_mul_twoPow_iff (zero : ZeroSign) {n : Int} (hn : n.natAbs ≤ 2 ^ 24) {e : Int} (he : -149 ≤ e) :
    float32.toRat (float32.ofRat zero (n * twoPow e)) = some (n * twoPow e) ↔ abs (n * twoPow e) < twoPow 128 := by
  have hround := float32_round_mul_twoPow hn he
  constructor
  · exact abs_float32_lt
  · intro h
    rw [← float32_magnitude_overflow] at h
    have hle := abs_le_largest_of_round_eq float32 hround h
    rw [float32.toRat_ofRat_eq_round zero (by rw [hround]; exact hle), hround]

example : float32.toRat (float32.ofRat .kept ((3 : Int) * twoPow 126)) = some ((3 : Int) * twoPow 126) :=
  (float32_mul_twoPow_iff .kept (by decide) (by decide)).2 (by decide +kernel)

/-- The scales that the standard's rule gives to blocks of finite float32 values are those up to `254 - emax`: 252 for
E2M1 and E2M3, 250 for E3M2, 246 for E4M3, 239 for E5M2, and all of them for MXINT8. Larger ones must still be read. -/
theorem scaleBits_floor_reachable (overflow : ScaleOverflow) (largest : Rat) (M : Nat) {emax s : Nat} (h : emax ≤ 254) :
    (∃ b v, float32.toRat b = some v ∧ v ≠ 0 ∧
      scaleBits overflow (scaleExponent .floor emax largest M (abs v)) = s) ↔ s ≤ 254 - emax := by
  constructor
  · rintro ⟨b, v, hb, hv, rfl⟩
    have hpos : 0 < abs v := by grind [abs]
    have hlog : floorLog2 (abs v) < 128 :=
      twoPow_lt_iff.1 (Std.lt_of_le_of_lt (floorLog2_spec hpos).1 (abs_float32_lt hb))
    rw [scaleExponent, scaleBits.eq_def, if_pos (by omega)]
    omega
  · intro hs
    have hone : ((1 : Int) : Rat) * twoPow (s - 127 + emax) = twoPow (s - 127 + emax) := by
      rw [show ((1 : Int) : Rat) = 1 from rfl, Rat.one_mul]
    have hpos := twoPow_pos (s - 127 + emax)
    have habs : abs (twoPow (s - 127 + emax)) = twoPow (s - 127 + emax) := by grind [abs]
    have hvalue := (float32_mul_twoPow_iff .kept (n := 1) (by decide) (e := s - 127 + emax) (by omega)).2
      (by rw [hone, habs, twoPow_lt_iff]; omega)
    rw [hone] at hvalue
    refine ⟨_, _, hvalue, by grind, ?_⟩
    rw [habs, scaleExponent, floorLog2_twoPow, scaleBits.eq_def, if_pos (by omega)]
    omega

example : ∃ b v, float32.toRat b = some v ∧ v ≠ 0 ∧
    scaleBits .clamp (scaleExponent .floor (2 : Nat) 6 1 (abs v)) = 252 :=
  (scaleBits_floor_reachable .clamp 6 1 (by decide)).2 (by decide)

/-- Under `rceil` the largest float32 number needs the scale bits 253 with E2M1, which `floor` never gives. -/
theorem scaleBits_rceil_float32_largest :
    scaleBits .clamp (scaleExponent .rceil 2 6 1 float32.largest) = 253 ∧
    scaleBits .clamp (scaleExponent .floor 2 6 1 float32.largest) = 252 := by decide +kernel

end Q35
