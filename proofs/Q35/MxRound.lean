module

public import Q35.MxElement

@[expose] public section

/-! What rounding to the elements of a Microscaling (MX) block costs, and the elements as integers. -/

namespace Q35

/-! ### The error of rounding -/

/-- Larger sizes have no smaller spacing. -/
theorem floatSpacing_mono (M : Nat) {x y : Rat} (h : x ≤ y) : floatSpacing M x ≤ floatSpacing M y := by
  have hfloor : x.floor.toNat ≤ y.floor.toNat := by
    have := Rat.floor_monotone h
    omega
  rw [floatSpacing, floatSpacing]
  by_cases h0 : x.floor.toNat = 0
  · rw [h0, Nat.log2_zero]; omega
  · have := (Nat.le_log2 (n := y.floor.toNat) (by omega)).2 (Nat.le_trans (Nat.log2_self_le h0) hfloor)
    omega

example : floatSpacing 1 3 ≤ floatSpacing 1 12 := floatSpacing_mono 1 (by decide +kernel)

namespace FloatFormat

/-- Up to the largest number the clamp does nothing. -/
theorem toRat_ofRat_of_le (F : FloatFormat) (zero : ZeroSign) {x : Rat} (h : abs x ≤ F.largest) :
    F.toRat (F.ofRat zero x) = some (F.round x) := by
  refine F.toRat_ofRat_eq_round zero ?_
  have h₁ := F.round_mono (abs_le_iff.1 h).1
  have h₂ := F.round_mono (abs_le_iff.1 h).2
  rw [round_neg] at h₁
  rw [largest, round_magnitude] at h₁ h₂
  exact abs_le_iff.2 ⟨h₁, h₂⟩

example : e2m1.toRat (e2m1.ofRat .kept (1/3)) = some (e2m1.round (1/3)) :=
  toRat_ofRat_of_le e2m1 .kept (by decide +kernel)

/-- Up to the largest number rounding moves a number by at most half the spacing of the largest numbers. -/
theorem abs_sub_round_le_of_le (F : FloatFormat) {x : Rat} (h : abs x ≤ F.largest) :
    abs (x - F.round x) * (F.unitsOfOne : Nat) ≤
      (2 ^ floatSpacing F.mantissaBits (F.largest * (F.unitsOfOne : Nat)) : Nat) / 2 := by
  have hpos := F.unitsOfOne_pos
  have hy : 0 ≤ abs x * (F.unitsOfOne : Nat) := Rat.mul_nonneg (abs_nonneg x) (Rat.le_of_lt hpos)
  have hspacing := floatSpacing_mono F.mantissaBits (Rat.mul_le_mul_of_nonneg_right h (Rat.le_of_lt hpos))
  have hpow := Rat.natCast_le_natCast.2 (Nat.pow_le_pow_right (n := 2) (by decide) hspacing)
  have := abs_sub_floatBits_le (M := F.mantissaBits) hy
  rw [abs_sub_round_mul]
  grind

example : abs (1/3 - e2m1.round (1/3)) * (e2m1.unitsOfOne : Nat) ≤
    (2 ^ floatSpacing e2m1.mantissaBits (e2m1.largest * (e2m1.unitsOfOne : Nat)) : Nat) / 2 :=
  abs_sub_round_le_of_le e2m1 (by decide +kernel)

end FloatFormat

namespace MxElement

/-- Up to the largest element rounding moves a number by at most half the spacing of the largest elements. -/
theorem abs_sub_le_topSpacing (E : MxElement) {zero : ZeroSign} {lowest : Int8Lowest} {x w : Rat}
    (hw : E.toRat (E.ofRat zero lowest x) = some w) (hx : abs x ≤ E.largest) : abs (x - w) ≤ E.topSpacing / 2 := by
  cases hE : E.format with
  | some F =>
    simp only [toRat, ofRat, largest, hE] at hw hx
    rw [F.toRat_ofRat_of_le zero hx] at hw
    obtain rfl := Option.some.inj hw
    have hpos := F.unitsOfOne_pos
    have h := F.abs_sub_round_le_of_le hx
    rw [(format_facts hE).2.2.2] at h
    refine Rat.le_of_mul_le_mul_left (c := (F.unitsOfOne : Nat)) ?_ hpos
    grind
  | none =>
    obtain rfl := format_eq_none hE
    obtain rfl := Option.some.inj ((int8ToRat_int8OfRat lowest x).symm.trans hw)
    have hx : abs x ≤ 127 / 64 := hx
    have hx := abs_le_iff.1 hx
    have hhalf := abs_sub_roundHalfEven_le (x * 64)
    have h₁ := roundHalfEven_mono (x := ((-127 : Int) : Rat)) (y := x * 64) (by
      have : ((-127 : Int) : Rat) = -127 := rfl
      grind)
    have h₂ := roundHalfEven_mono (x := x * 64) (y := ((127 : Int) : Rat)) (by
      have : ((127 : Int) : Rat) = 127 := rfl
      grind)
    rw [roundHalfEven_intCast] at h₁ h₂
    have hunits : int8Units lowest x = roundHalfEven (x * 64) := by
      cases lowest <;> simp only [int8Units, Int8Lowest.units] <;> rw [if_neg (by omega), if_neg (by omega)]
    rw [hunits, show topSpacing .int8 / 2 = 1 / 128 by decide +kernel]
    have hhalf := abs_le_iff.1 hhalf
    clear hw hx h₁ h₂
    exact abs_le_iff.2 ⟨by grind, by grind⟩

example : abs (5 - 4) ≤ topSpacing .e2m1 / 2 :=
  abs_sub_le_topSpacing .e2m1 (zero := .kept) (lowest := .unused) (by decide +kernel) (by decide +kernel)

/-- The bound of rounding is attained, midway between the two largest elements. -/
theorem topSpacing_attained (E : MxElement) (zero : ZeroSign) (lowest : Int8Lowest) :
    ∃ x w, abs x ≤ E.largest ∧ E.toRat (E.ofRat zero lowest x) = some w ∧ abs (x - w) = E.topSpacing / 2 := by
  refine ⟨E.largest - E.topSpacing / 2, (E.toRat (E.ofRat zero lowest (E.largest - E.topSpacing / 2))).getD 0, ?_⟩
  cases E <;> cases zero <;> cases lowest <;> decide +kernel

/-- Both signs of the largest element have a code that an encoder may use. -/
theorem largest_code (E : MxElement) (lowest : Int8Lowest) :
    (∃ b, E.Usable lowest b ∧ E.toRat b = some E.largest) ∧ ∃ b, E.Usable lowest b ∧ E.toRat b = some (-E.largest) := by
  have hus : ∀ b, b ≠ 128 → E.Usable lowest b := fun b hb _ => hb
  cases E
  · exact ⟨⟨7, hus _ (by decide), by decide +kernel⟩, ⟨15, hus _ (by decide), by decide +kernel⟩⟩
  · exact ⟨⟨31, hus _ (by decide), by decide +kernel⟩, ⟨63, hus _ (by decide), by decide +kernel⟩⟩
  · exact ⟨⟨31, hus _ (by decide), by decide +kernel⟩, ⟨63, hus _ (by decide), by decide +kernel⟩⟩
  · exact ⟨⟨126, hus _ (by decide), by decide +kernel⟩, ⟨254, hus _ (by decide), by decide +kernel⟩⟩
  · exact ⟨⟨123, hus _ (by decide), by decide +kernel⟩, ⟨251, hus _ (by decide), by decide +kernel⟩⟩
  · exact ⟨⟨127, hus _ (by decide), by decide +kernel⟩, ⟨129, hus _ (by decide), by decide +kernel⟩⟩

/-- What is at most as far from `x` as two numbers of one size is also at most as far as the nearer of them. -/
private theorem le_abs_abs_sub {d x v : Rat} (h₁ : d ≤ abs (x - v)) (h₂ : d ≤ abs (x - -v)) : d ≤ abs (abs x - v) := by
  by_cases hx : 0 ≤ x
  · rwa [show abs x = x from if_pos hx]
  · rwa [show abs x = -x from if_neg hx, ← abs_neg, show -(-x - v) = x - -v by grind]

/-- Below the power of two after the largest element, the error of rounding and clamping is less than the distance of
that power to the largest element. -/
theorem abs_sub_lt_clipGap (E : MxElement) {zero : ZeroSign} {lowest : Int8Lowest} {x w : Rat}
    (hw : E.toRat (E.ofRat zero lowest x) = some w) (hx : abs x < twoPow (E.emax + 1)) : abs (x - w) < E.clipGap := by
  have hgap := E.topSpacing_lt_clipGap
  by_cases hle : abs x ≤ E.largest
  · have := E.abs_sub_le_topSpacing hw hle
    grind
  -- an element that an encoder may use lies on the side of zero, as far out as the largest
  obtain ⟨w', hw', -, hnear⟩ := E.ofRat_nearest zero lowest x
  obtain rfl := Option.some.inj (hw.symm.trans hw')
  rw [clipGap]
  obtain ⟨⟨b, hb, hv⟩, ⟨c, hc, hu⟩⟩ := E.largest_code lowest
  have hside := le_abs_abs_sub (hnear b _ hb hv) (hnear c _ hc hu)
  rw [show abs (abs x - E.largest) = abs x - E.largest from if_pos (by grind)] at hside
  grind

example : abs (7 - 6) < clipGap .e2m1 :=
  abs_sub_lt_clipGap .e2m1 (zero := .kept) (lowest := .unused) (by decide +kernel) (by decide +kernel)

/-- The bound of clamping is sharp: every smaller one is exceeded by a number between the largest element, which it is
clamped to, and the power of two after it. -/
theorem clipGap_sharp (E : MxElement) (zero : ZeroSign) (lowest : Int8Lowest) {c : Rat} (hc : c < E.clipGap) :
    ∃ x, E.largest ≤ x ∧ x < twoPow (E.emax + 1) ∧ E.toRat (E.ofRat zero lowest x) = some E.largest ∧
      c < abs (x - E.largest) := by
  have hg : 0 < E.clipGap := by
    have := E.largest_bounds.2
    rw [clipGap]; grind
  have key : ∀ d, 0 ≤ d → c < d → d < E.clipGap → ∃ x, E.largest ≤ x ∧ x < twoPow (E.emax + 1) ∧
      E.toRat (E.ofRat zero lowest x) = some E.largest ∧ c < abs (x - E.largest) := fun d h₀ h₁ h₂ => by
    rw [clipGap] at h₂
    exact ⟨E.largest + d, by grind, by grind, E.ofRat_saturates zero lowest (by grind), by grind [abs]⟩
  by_cases h : 0 ≤ c
  · exact key ((c + E.clipGap) / 2) (by grind) (by grind) (by grind)
  · exact key (E.clipGap / 2) (by grind) (by grind) (by grind)

example : ∃ x, largest .e2m1 ≤ x ∧ x < twoPow (emax .e2m1 + 1) ∧
    toRat .e2m1 (ofRat .e2m1 .kept .unused x) = some (largest .e2m1) ∧ 199/100 < abs (x - largest .e2m1) :=
  clipGap_sharp .e2m1 .kept .unused (by decide +kernel)

/-- Elements with a leading 1: a relative error of at most the unit roundoff. -/
theorem abs_sub_le_of_normal {E : MxElement} {F : FloatFormat} (hE : E.format = some F) {zero : ZeroSign}
    {lowest : Int8Lowest} {x w : Rat} (hw : E.toRat (E.ofRat zero lowest x) = some w) (h₁ : F.smallestNormal ≤ abs x)
    (h₂ : abs x ≤ E.largest) : abs (x - w) ≤ F.unitRoundoff * abs x := by
  simp only [toRat, ofRat, largest, hE] at hw h₂
  rw [F.toRat_ofRat_of_le zero h₂] at hw
  obtain rfl := Option.some.inj hw
  exact F.abs_sub_round_le_of_normal h₁

example : abs (5 - 4) ≤ Q35.e2m1.unitRoundoff * abs 5 :=
  abs_sub_le_of_normal (E := .e2m1) rfl (zero := .kept) (lowest := .unused) (by decide +kernel) (by decide +kernel)
    (by decide +kernel)

/-- Small elements: an error of at most half a unit. -/
theorem abs_sub_le_of_subnormal {E : MxElement} {F : FloatFormat} (hE : E.format = some F) {zero : ZeroSign}
    {lowest : Int8Lowest} {x w : Rat} (hw : E.toRat (E.ofRat zero lowest x) = some w)
    (h₁ : abs x < 2 * F.smallestNormal) (h₂ : abs x ≤ E.largest) : abs (x - w) ≤ F.underflowError := by
  simp only [toRat, ofRat, largest, hE] at hw h₂
  rw [F.toRat_ofRat_of_le zero h₂] at hw
  obtain rfl := Option.some.inj hw
  exact F.abs_sub_round_le_of_subnormal h₁

example : abs (1/3 - 1/2) ≤ Q35.e2m1.underflowError :=
  abs_sub_le_of_subnormal (E := .e2m1) rfl (zero := .kept) (lowest := .unused) (by decide +kernel) (by decide +kernel)
    (by decide +kernel)

/-! ### Clamping under the rule `even` -/

/-- Up to where the rule `even` goes up, clamping costs no more than rounding: in all formats but E4M3, whose largest
number gives its place to NaN. -/
theorem abs_sub_le_topSpacing_of_even {E : MxElement} (hE : E ≠ .e4m3) {zero : ZeroSign} {lowest : Int8Lowest}
    {x w : Rat} (hw : E.toRat (E.ofRat zero lowest x) = some w)
    (hx : abs x ≤ twoPow E.emax * (2 - twoPow (-(E.mantissaBits + 1)))) : abs (x - w) ≤ E.topSpacing / 2 := by
  have hedge : twoPow E.emax * (2 - twoPow (-(E.mantissaBits + 1))) = E.largest + E.topSpacing / 2 := by
    cases E <;> first | exact absurd rfl hE | decide +kernel
  by_cases hle : abs x ≤ E.largest
  · exact E.abs_sub_le_topSpacing hw hle
  obtain ⟨w', hw', -, hnear⟩ := E.ofRat_nearest zero lowest x
  obtain rfl := Option.some.inj (hw.symm.trans hw')
  obtain ⟨⟨b, hb, hv⟩, ⟨c, hc, hu⟩⟩ := E.largest_code lowest
  refine Rat.le_trans (le_abs_abs_sub (hnear b _ hb hv) (hnear c _ hc hu)) ?_
  rw [show abs (abs x - E.largest) = abs x - E.largest from if_pos (by grind)]
  grind

example : abs (7 - 6) ≤ topSpacing .e2m1 / 2 :=
  abs_sub_le_topSpacing_of_even (E := .e2m1) (by decide) (zero := .kept) (lowest := .unused) (by decide +kernel)
    (by decide +kernel)

/-! ### Elements as integers -/

/-- Every element is its whole number of units. -/
theorem mul_unitsOfOne (E : MxElement) {b : Nat} {p : Rat} (h : E.toRat b = some p) :
    p * (E.unitsOfOne : Nat) = E.units b := by
  have key : ∀ n : Int, p * (E.unitsOfOne : Nat) = n → p * (E.unitsOfOne : Nat) = E.units b := fun n hn => by
    rw [units, h]
    simp only [hn, Rat.num_intCast]
  cases hE : E.format with
  | some F =>
    have hunits : E.unitsOfOne = F.unitsOfOne := by rw [unitsOfOne, hE]
    simp only [toRat, hE] at h
    obtain ⟨a, -, ⟨-, rfl⟩ | ⟨-, rfl⟩⟩ := F.toRat_eq_some h
    · refine key (floatUnits F.mantissaBits a) ?_
      rw [hunits, F.magnitude_mul, Rat.intCast_natCast]
    · refine key (-(floatUnits F.mantissaBits a)) ?_
      rw [hunits, Rat.neg_mul, F.magnitude_mul, Rat.intCast_neg, Rat.intCast_natCast]
  | none =>
    obtain rfl := format_eq_none hE
    obtain ⟨n, -, rfl, -⟩ := int8ToRat_eq_some h
    refine key n ?_
    rw [show ((unitsOfOne .int8 : Nat) : Rat) = 64 by decide +kernel]
    grind

example : (-6) * (unitsOfOne .e2m1 : Nat) = (units .e2m1 15 : Rat) := mul_unitsOfOne .e2m1 (by decide +kernel)

/-- There is at least one unit in 1. -/
theorem unitsOfOne_pos (E : MxElement) : (0 : Rat) < (E.unitsOfOne : Nat) := by cases E <;> decide +kernel

/-- No element is larger in size than its largest number of units. -/
theorem natAbs_units_le (E : MxElement) (b : Nat) : (E.units b).natAbs ≤ E.largestUnits := by
  cases h : E.toRat b with
  | none =>
    rw [units, h]
    exact Nat.zero_le _
  | some p =>
    have habs : abs p * (E.unitsOfOne : Nat) ≤ (E.largestUnits : Nat) := by
      cases hE : E.format with
      | some F =>
        have htop : F.largest * (E.unitsOfOne : Nat) = (E.largestUnits : Nat) := by
          cases E <;> simp only [format, Option.some.injEq, reduceCtorEq] at hE <;> subst hE <;> decide +kernel
        have hp := E.unitsOfOne_pos
        simp only [toRat, hE] at h
        rw [← htop]
        exact Rat.mul_le_mul_of_nonneg_right (F.abs_toRat_le h) (Rat.le_of_lt hp)
      | none =>
        obtain rfl := format_eq_none hE
        obtain ⟨n, hn, rfl, -⟩ := int8ToRat_eq_some h
        have h₁ : ((-128 : Int) : Rat) ≤ n := Rat.intCast_le_intCast.2 hn.1
        have h₂ : (n : Rat) ≤ (127 : Int) := Rat.intCast_le_intCast.2 hn.2
        rw [show ((-128 : Int) : Rat) = -128 from rfl] at h₁
        rw [show ((127 : Int) : Rat) = 127 from rfl] at h₂
        rw [show ((unitsOfOne .int8 : Nat) : Rat) = 64 by decide +kernel,
          show ((largestUnits .int8 : Nat) : Rat) = 128 by decide +kernel]
        grind [abs]
    have hunits := E.mul_unitsOfOne h
    have hp := E.unitsOfOne_pos
    have hsize : abs (p * (E.unitsOfOne : Nat)) ≤ (E.largestUnits : Nat) := by
      rw [abs_mul]; grind [abs]
    rw [hunits, abs_le_iff, ← Rat.intCast_natCast, ← Rat.intCast_neg, Rat.intCast_le_intCast,
      Rat.intCast_le_intCast] at hsize
    omega

/-- The largest numbers of units are attained. -/
theorem largestUnits_attained : [(e2m1, 7), (e2m3, 31), (e3m2, 31), (e4m3, 126), (e5m2, 123), (int8, 128)].map
    (fun (E, b) => (E.units b).natAbs == E.largestUnits) = [true, true, true, true, true, true] := by
  decide +kernel

/-! ### Codes that an encoder may use -/

/-- No code that an encoder may use, `0x80` of MXINT8 aside, is larger in size than the largest element. -/
theorem abs_toRat_le (E : MxElement) {b : Nat} {p : Rat} (hb : E.Usable .unused b) (h : E.toRat b = some p) :
    abs p ≤ E.largest := by
  cases hE : E.format with
  | some F =>
    simp only [toRat, largest, hE] at h ⊢
    exact F.abs_toRat_le h
  | none =>
    obtain rfl := format_eq_none hE
    obtain ⟨n, hn, rfl, rfl⟩ := int8ToRat_eq_some h
    have hlow := hb ⟨rfl, rfl⟩
    have h₁ : ((-127 : Int) : Rat) ≤ n := Rat.intCast_le_intCast.2 (by split at hlow <;> omega)
    have h₂ : (n : Rat) ≤ (127 : Int) := Rat.intCast_le_intCast.2 hn.2
    rw [show ((-127 : Int) : Rat) = -127 from rfl] at h₁
    rw [show ((127 : Int) : Rat) = 127 from rfl] at h₂
    show _ ≤ (127 / 64 : Rat)
    grind [abs]

example : abs (-28) ≤ largest .e3m2 :=
  abs_toRat_le .e3m2 (b := 63) (fun h => absurd h.1 (by decide)) (by decide +kernel)

/-- Both signs of the largest power of two have a code that an encoder may use. -/
theorem twoPow_emax_code (E : MxElement) (lowest : Int8Lowest) :
    (∃ b, E.Usable lowest b ∧ E.toRat b = some (twoPow E.emax)) ∧
    ∃ b, E.Usable lowest b ∧ E.toRat b = some (-twoPow E.emax) := by
  have hus : ∀ b, b ≠ 128 → E.Usable lowest b := fun b hb _ => hb
  cases E
  · exact ⟨⟨6, hus _ (by decide), by decide +kernel⟩, ⟨14, hus _ (by decide), by decide +kernel⟩⟩
  · exact ⟨⟨24, hus _ (by decide), by decide +kernel⟩, ⟨56, hus _ (by decide), by decide +kernel⟩⟩
  · exact ⟨⟨28, hus _ (by decide), by decide +kernel⟩, ⟨60, hus _ (by decide), by decide +kernel⟩⟩
  · exact ⟨⟨120, hus _ (by decide), by decide +kernel⟩, ⟨248, hus _ (by decide), by decide +kernel⟩⟩
  · exact ⟨⟨120, hus _ (by decide), by decide +kernel⟩, ⟨248, hus _ (by decide), by decide +kernel⟩⟩
  · exact ⟨⟨64, hus _ (by decide), by decide +kernel⟩, ⟨192, hus _ (by decide), by decide +kernel⟩⟩

/-- From the largest power of two on, numbers round to elements of at least that size. -/
theorem twoPow_emax_le_abs (E : MxElement) {zero : ZeroSign} {lowest : Int8Lowest} {x w : Rat}
    (hw : E.toRat (E.ofRat zero lowest x) = some w) (hx : twoPow E.emax ≤ abs x) : twoPow E.emax ≤ abs w := by
  obtain ⟨w', hw', -, hnear⟩ := E.ofRat_nearest zero lowest x
  obtain rfl := Option.some.inj (hw.symm.trans hw')
  obtain ⟨⟨b, hb, hv⟩, ⟨c, hc, hu⟩⟩ := E.twoPow_emax_code lowest
  have hside := le_abs_abs_sub (hnear b _ hb hv) (hnear c _ hc hu)
  rw [show abs (abs x - twoPow E.emax) = abs x - twoPow E.emax from if_pos (by grind)] at hside
  have hsum := abs_add_le (x - w) w
  rw [show x - w + w = x by grind] at hsum
  grind

example : twoPow (emax .e2m1) ≤ abs 4 :=
  twoPow_emax_le_abs .e2m1 (zero := .kept) (lowest := .unused) (x := 5) (by decide +kernel) (by decide +kernel)

/-- The value of a code that an encoder may use rounds to itself. -/
theorem toRat_ofRat_self (E : MxElement) (zero : ZeroSign) (lowest : Int8Lowest) {b : Nat} {v : Rat}
    (hb : E.Usable lowest b) (h : E.toRat b = some v) : E.toRat (E.ofRat zero lowest v) = some v := by
  obtain ⟨w, hw, -, hnear⟩ := E.ofRat_nearest zero lowest v
  have := hnear b v hb h
  have : w = v := by grind [abs]
  rw [hw, this]

example : toRat .e4m3 (ofRat .e4m3 .positive .unused 0) = some 0 :=
  toRat_ofRat_self .e4m3 .positive .unused (b := 128) (fun h => absurd h.1 (by decide)) (by decide +kernel)

/-! ### Significands -/

/-- Every element is a significand of at most 8 bits times a power of two from `2 ^ -16` on. -/
theorem toRat_significand (E : MxElement) {b : Nat} {p : Rat} (h : E.toRat b = some p) :
    ∃ (n : Int) (e : Int), n.natAbs ≤ 2 ^ 8 ∧ -16 ≤ e ∧ p = n * twoPow e := by
  cases hE : E.format with
  | some F =>
    have hrow : F.mantissaBits ≤ 3 ∧ F.unitExponent ≤ 16 := by
      cases E <;> simp only [format, Option.some.injEq, reduceCtorEq] at hE <;> subst hE <;> decide
    simp only [toRat, hE] at h
    have key : ∀ a, ∃ (n : Nat) (e : Int), n ≤ 2 ^ 8 ∧ -16 ≤ e ∧ F.magnitude a = n * twoPow e := fun a => by
      obtain ⟨k, s, -, hs, -, hu⟩ := floatUnits_split F.mantissaBits a
      have hM : 2 ^ F.mantissaBits ≤ 2 ^ 3 := Nat.pow_le_pow_right (by decide) hrow.1
      refine ⟨s, k - F.unitExponent, by omega, by omega, ?_⟩
      have hpow : twoPow (k - F.unitExponent) * twoPow F.unitExponent = twoPow k := by
        rw [← twoPow_add, Int.sub_add_cancel]
      have hmul := F.magnitude_mul a
      have hpos := twoPow_pos F.unitExponent
      rw [hu, Rat.natCast_mul, FloatFormat.unitsOfOne, ← twoPow_natCast, ← twoPow_natCast, ← hpow] at hmul
      generalize twoPow F.unitExponent = U at *
      generalize twoPow (k - F.unitExponent) = D at *
      have : (F.magnitude a - s * D) * U = 0 := by grind
      rcases Rat.mul_eq_zero.1 this with h | h <;> grind
    obtain ⟨a, -, ⟨-, rfl⟩ | ⟨-, rfl⟩⟩ := F.toRat_eq_some h
    · obtain ⟨n, e, hn, he, hv⟩ := key a
      exact ⟨n, e, by omega, he, by rw [hv, Rat.intCast_natCast]⟩
    · obtain ⟨n, e, hn, he, hv⟩ := key a
      exact ⟨-n, e, by omega, he, by rw [hv, Rat.intCast_neg, Rat.intCast_natCast, Rat.neg_mul]⟩
  | none =>
    obtain rfl := format_eq_none hE
    obtain ⟨n, hn, rfl, -⟩ := int8ToRat_eq_some h
    refine ⟨n, -6, by omega, by decide, ?_⟩
    rw [show twoPow (-6) = 1 / 64 by decide +kernel]
    grind

example : ∃ (n : Int) (e : Int), n.natAbs ≤ 2 ^ 8 ∧ -16 ≤ e ∧ (-28 : Rat) = n * twoPow e :=
  toRat_significand .e3m2 (b := 63) (by decide +kernel)

end MxElement

end Q35
