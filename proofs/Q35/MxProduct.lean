module

public import Q35.Accumulate
public import Q35.Linear
public import Q35.MxBlock

@[expose] public section

/-! Products of Microscaling (MX) blocks: dot products in integers, and what float32 makes of a scale times an
element. -/

namespace Q35

/-! ### Dot products -/

/-- The values of a block of numbers are one step, the scale over the units of 1, times its integers. -/
theorem dequantizeBlockMx_units {E : MxElement} {B : MxBlock} {X : Rat} (hX : scaleToRat B.scale = some X)
    {vs : List Rat} (hv : dequantizeBlockMx E B = vs.map some) :
    vs = scaleBlock (X / (E.unitsOfOne : Nat)) (mxUnits E B) := by
  obtain ⟨scale, elements⟩ := B
  simp only [dequantizeBlockMx, mxUnits] at *
  induction elements generalizing vs with
  | nil =>
    cases vs with
    | nil => rfl
    | cons v vs => simp at hv
  | cons b bs ih =>
    cases vs with
    | nil => simp at hv
    | cons v vs =>
      rw [List.map_cons, List.map_cons] at hv
      have ⟨hhead, htail⟩ := List.cons.inj hv
      have hvalue : v = X / (E.unitsOfOne : Nat) * E.units b := by
        cases hb : E.toRat b with
        | none => simp [mxValue, hX, hb] at hhead
        | some p =>
          simp only [mxValue, hX, hb, Option.some.injEq] at hhead
          have hpos := E.unitsOfOne_pos
          rw [← hhead, ← E.mul_unitsOfOne hb]
          generalize ((E.unitsOfOne : Nat) : Rat) = U at *
          grind
      rw [ih htail, hvalue]
      rfl

example : [6, -1] = scaleBlock (1 / (MxElement.unitsOfOne .e2m1 : Nat)) (mxUnits .e2m1 ⟨127, [7, 10]⟩) :=
  dequantizeBlockMx_units (X := 1) rfl (by decide +kernel)

/-- The dot product of two blocks of numbers is exact in integers: the product of the scales, over the units, times the
integer dot product of the elements. -/
theorem dotRat_dequantizeBlockMx {E E' : MxElement} {B C : MxBlock} {X Y : Rat} (hX : scaleToRat B.scale = some X)
    (hY : scaleToRat C.scale = some Y) {vs us : List Rat} (hv : dequantizeBlockMx E B = vs.map some)
    (hu : dequantizeBlockMx E' C = us.map some) :
    dotRat vs us = X * Y / (E.unitsOfOne * E'.unitsOfOne : Nat) * dotInt (mxUnits E B) (mxUnits E' C) := by
  have h₁ := E.unitsOfOne_pos
  have h₂ := E'.unitsOfOne_pos
  rw [dequantizeBlockMx_units hX hv, dequantizeBlockMx_units hY hu, dotRat_scaleBlock, Rat.natCast_mul]
  congr 1
  generalize ((E.unitsOfOne : Nat) : Rat) = U at *
  generalize ((E'.unitsOfOne : Nat) : Rat) = V at *
  grind

example : dotRat [6, -1] [1/2, 4] = 1 * 2 / (2 * 8 : Nat) * dotInt (mxUnits .e2m1 ⟨127, [7, 10]⟩)
    (mxUnits .e2m3 ⟨128, [2, 16]⟩) :=
  dotRat_dequantizeBlockMx (E := .e2m1) (E' := .e2m3) (B := ⟨127, [7, 10]⟩) (C := ⟨128, [2, 16]⟩) (X := 1) (Y := 2)
    rfl rfl (by decide +kernel) (by decide +kernel)

/-- The formats whose elements are at most 448 units: all but MXFP8. -/
def MxElement.Small (E : MxElement) : Prop := E.largestUnits ≤ 448

/-- Of two blocks in MXFP4, MXFP6 or MXINT8, mixed or not, the integer dot product stays below `2 ^ 23`: within int32,
and even within the significand of float32. -/
theorem natAbs_mxDot_le {E E' : MxElement} (hE : E.Small) (hE' : E'.Small) {B : MxBlock} (C : MxBlock)
    (hB : B.elements.length ≤ mxBlockSize) : (dotInt (mxUnits E B) (mxUnits E' C)).natAbs ≤ 6422528 := by
  have hbound : ∀ {E : MxElement} {B : MxBlock}, E.Small → ∀ n ∈ mxUnits E B, n.natAbs ≤ 448 := fun {E B} hE n hn => by
    simp only [mxUnits, List.mem_map] at hn
    obtain ⟨b, -, rfl⟩ := hn
    exact Nat.le_trans (E.natAbs_units_le b) hE
  have h := natAbs_dotInt_le (hbound hE (B := B)) (hbound hE' (B := C))
  have hlen : (mxUnits E B).length ≤ 32 := by simpa [mxUnits] using hB
  have := Nat.mul_le_mul_right (448 * 448) hlen
  omega

example : (dotInt (mxUnits .e3m2 ⟨127, [31, 63]⟩) (mxUnits .int8 ⟨127, [128, 127]⟩)).natAbs ≤ 6422528 :=
  natAbs_mxDot_le (by unfold MxElement.Small; decide) (by unfold MxElement.Small; decide) _ (by decide)

/-- So such a dot product is an int32 number. -/
theorem mxDot_inInt32 {E E' : MxElement} (hE : E.Small) (hE' : E'.Small) {B : MxBlock} (C : MxBlock)
    (hB : B.elements.length ≤ mxBlockSize) : InInt32 (dotInt (mxUnits E B) (mxUnits E' C)) := by
  have := natAbs_mxDot_le hE hE' C hB
  unfold InInt32
  omega

example : InInt32 (dotInt (mxUnits .e3m2 ⟨127, [31, 63]⟩) (mxUnits .int8 ⟨127, [128, 127]⟩)) :=
  mxDot_inInt32 (by unfold MxElement.Small; decide) (by unfold MxElement.Small; decide) _ (by decide)

/-- MXFP8 is different: the product of two largest elements alone is beyond int32, in units. -/
theorem mxfp8_not_inInt32 : ¬InInt32 (dotInt (mxUnits .e4m3 ⟨127, [126]⟩) (mxUnits .e4m3 ⟨127, [126]⟩)) ∧
    ¬InInt32 (dotInt (mxUnits .e5m2 ⟨127, [123]⟩) (mxUnits .e5m2 ⟨127, [123]⟩)) := by
  decide +kernel

/-! ### Products in float32 -/

/-- The product of a scale and an element is a float32 number, also where it is subnormal, exactly when it lies below
`2 ^ 128`. -/
theorem mxValue_float32_iff (zero : ZeroSign) {E : MxElement} {scale b : Nat} {v : Rat}
    (h : mxValue E scale b = some v) :
    float32.toRat (float32.ofRat zero v) = some v ↔ abs v < twoPow 128 := by
  cases hX : scaleToRat scale with
  | none => simp [mxValue, hX] at h
  | some X =>
    cases hp : E.toRat b with
    | none => simp [mxValue, hX, hp] at h
    | some p =>
      simp only [mxValue, hX, hp, Option.some.injEq] at h
      obtain ⟨n, e, hn, he, rfl⟩ := E.toRat_significand hp
      have hscale := (scaleToRat_eq_some_iff.1 hX).2
      have hv : v = n * twoPow (scale - 127 + e) := by
        rw [← h, hscale, twoPow_add]
        grind
      rw [hv]
      exact float32_mul_twoPow_iff zero (by omega) (by omega)

example : float32.toRat (float32.ofRat .kept (3 * twoPow 126)) = some (3 * twoPow 126) :=
  (mxValue_float32_iff .kept (E := .e2m1) (scale := 254) (b := 3) (by decide +kernel)).2 (by decide +kernel)

/-- When that is: the scale bits and the element's integer logarithm add up to at most 254. -/
theorem abs_mxValue_lt_iff {E : MxElement} {scale b : Nat} {p v : Rat} (hp : E.toRat b = some p)
    (h : mxValue E scale b = some v) (h0 : p ≠ 0) :
    abs v < twoPow 128 ↔ (scale : Int) + floorLog2 (abs p) ≤ 254 := by
  cases hX : scaleToRat scale with
  | none => simp [mxValue, hX] at h
  | some X =>
    simp only [mxValue, hX, hp, Option.some.injEq] at h
    have hpos : 0 < abs p := by grind [abs]
    have hX0 := scaleToRat_pos hX
    have hsize : abs v = abs p * twoPow (scale - 127) := by
      rw [← h, abs_mul, ← (scaleToRat_eq_some_iff.1 hX).2]
      grind [abs]
    rw [hsize, ← Rat.not_le, ← le_floorLog2_iff (Rat.mul_pos hpos (twoPow_pos _)), floorLog2_mul_twoPow hpos]
    omega

example : abs (3 * twoPow 126) < twoPow 128 :=
  (abs_mxValue_lt_iff (E := .e2m1) (scale := 254) (b := 3) (p := 3/2) (by decide +kernel) (by decide +kernel)
    (by decide +kernel)).2 (by decide +kernel)

/-- The largest product of MXFP4, `6 * 2 ^ 127`, overflows float32; so do 8 products with the scale bits 254 and 4 with
253, but none with 252. -/
theorem mxfp4_overflow :
    mxValue .e2m1 254 7 = some (6 * twoPow 127) ∧ ¬6 * twoPow 127 ≤ float32.largest ∧
    [254, 253, 252].map (fun scale => ((List.range 16).filter fun b =>
      twoPow 128 ≤ abs ((mxValue .e2m1 scale b).getD 0)).length) = [8, 4, 0] := by
  decide +kernel

/-- The smallest products of MXFP4 and of MXFP6 E3M2, `2 ^ -128` and `2 ^ -131`, are subnormal float32 numbers: those
with the bits `2 ^ 21` and `2 ^ 18`. Arithmetic that flushes them to zero loses them. -/
theorem smallest_products :
    mxValue .e2m1 0 1 = some (twoPow (-128)) ∧ float32.toRat (2 ^ 21) = some (twoPow (-128)) ∧
    mxValue .e3m2 0 1 = some (twoPow (-131)) ∧ float32.toRat (2 ^ 18) = some (twoPow (-131)) ∧
    twoPow (-128) < float32.smallestNormal := by
  decide +kernel

/-- Under the standard's rule a block of values below `2 ^ 128`, as finite float32 values are, comes back below
`2 ^ 128`: every product is a float32 number. -/
theorem restoreBlockMx_floor_float32 {P : MxPolicy} (hP : P.rule = .floor) {E : MxElement}
    (hE : E = .int8 → P.lowest = .unused) {values : List (Option Rat)} {m : Rat} (hmax : mxMaxAbs values = some m)
    (hm : m < twoPow 128) {v' : Rat} (h : some v' ∈ restoreBlockMx P E values) : abs v' < twoPow 128 := by
  by_cases h0 : m = 0
  · subst h0
    have hzero := mxMaxAbs_eq_zero_iff.1 hmax
    rw [(quantizeBlockMx_zero P E hzero).2.2] at h
    obtain rfl := Option.some.inj (hzero _ h)
    decide +kernel
  · have hpos : 0 < m := by have := mxMaxAbs_nonneg hmax; grind
    have hemax : 0 ≤ E.emax ∧ E.emax ≤ 15 := by cases E <;> decide
    have hlog : floorLog2 m < 128 := twoPow_lt_iff.1 (Std.lt_of_le_of_lt (floorLog2_spec hpos).1 hm)
    have hscale := mxScaleBits_eq P E hmax h0
    rw [hP, scaleExponent, scaleBits.eq_def, if_pos (by omega)] at hscale
    have hX : scaleToRat (quantizeBlockMx P E values).scale = some (twoPow (mxScaleBits P E values - 127)) :=
      scaleToRat_eq_some_iff.2 ⟨by rw [quantizeBlockMx]; simp only; omega, rfl⟩
    have h₁ := abs_restoreBlockMx_le hE hX h
    have h₂ := Rat.mul_lt_mul_of_pos_left E.largest_bounds.2 (twoPow_pos (mxScaleBits P E values - 127))
    rw [← twoPow_add] at h₂
    have h₃ : twoPow (mxScaleBits P E values - 127 + (E.emax + 1)) ≤ twoPow 128 := twoPow_le_iff.2 (by omega)
    grind

example : abs (6 * twoPow 125) < twoPow 128 :=
  restoreBlockMx_floor_float32 (P := .standard) rfl (E := .e2m1) (fun h => absurd h (by decide))
    (values := [some float32.largest]) (m := float32.largest) (by decide +kernel) (by decide +kernel)
    (by decide +kernel)

/-- Refuted for the rules that round the scale up: with them the largest float32 number comes back from MXFP4 as
`2 ^ 128`, which float32 does not have. -/
theorem restoreBlockMx_float32_overflow :
    [ScaleRule.rceil, .even, .ceil].map
        (fun rule => restoreBlockMx { MxPolicy.standard with rule := rule } .e2m1 [some float32.largest]) =
      [[some (twoPow 128)], [some (twoPow 128)], [some (twoPow 128)]] := by
  decide +kernel

/-! ### Clipping after scaling -/

/-- The published decoder of MXFP4 clips to the elements' range after the scale is applied. -/
def publishedClip (v : Rat) : Rat := if v < -6 then -6 else if 6 < v then 6 else v

/-- Refuted: "clip to [-6, 6] after scaling". A block whose value 24 comes back exactly is cut to 6. -/
theorem publishedClip_wrong :
    restoreBlockMx .standard .e2m1 [some 24] = [some 24] ∧
    (restoreBlockMx .standard .e2m1 [some 24]).map (Option.map publishedClip) = [some 6] := by
  decide +kernel

end Q35
