module

public import Q35.Compile
public import Q35.MxRound

@[expose] public section

/-! A Microscaling (MX) block: one scale, and 32 elements that it multiplies. Quantizing divides by the scale, then
rounds and clamps to the elements; the clamp comes before the scale is applied. -/

namespace Q35

/-! ### Definitions -/

/-- The scale of a block of zeros. The standard is silent. -/
inductive ZeroScale where
  /-- The smallest scale, `0x00`. -/
  | smallest
  /-- The scale 1, `0x7F`. -/
  | one
  deriving DecidableEq

/-- The scale bits of a block of zeros. -/
def ZeroScale.bits : ZeroScale → Nat
  | .smallest => 0
  | .one => 127

/-- Every choice that the standard leaves to the quantizer. -/
structure MxPolicy where
  /-- How the scale follows from the largest absolute value. -/
  rule : ScaleRule
  /-- What becomes of a scale beyond `2 ^ 127`. -/
  overflow : ScaleOverflow
  /-- The scale of a block of zeros. -/
  zeroScale : ZeroScale
  /-- What a negative number becomes whose size rounds to zero. -/
  zero : ZeroSign
  /-- Whether MXINT8 uses the code `0x80`. -/
  lowest : Int8Lowest
  deriving DecidableEq

/-- The standard's scale rule, and the most common choice where it is silent. -/
def MxPolicy.standard : MxPolicy := ⟨.floor, .clamp, .smallest, .kept, .unused⟩

/-- The same with the rule `rceil`. -/
def MxPolicy.rceil : MxPolicy := { MxPolicy.standard with rule := .rceil }

/-- The same with the rule `even`. -/
def MxPolicy.even : MxPolicy := { MxPolicy.standard with rule := .even }

/-- The bits of a block. -/
structure MxBlock where
  /-- The bits of the scale. -/
  scale : Nat
  /-- The bits of the elements. -/
  elements : List Nat

/-- How many elements share a scale. -/
def mxBlockSize : Nat := 32

/-- The largest absolute value of a block; `none`, which stands for an infinity or a NaN, if one of its values is. -/
def mxMaxAbs : List (Option Rat) → Option Rat
  | [] => some 0
  | none :: _ => none
  | some v :: rest =>
    match mxMaxAbs rest with
    | none => none
    | some m => some (if m < abs v then abs v else m)

/-- The scale bits of a block of values: NaN if one of them is no number. -/
def mxScaleBits (P : MxPolicy) (E : MxElement) (values : List (Option Rat)) : Nat :=
  match mxMaxAbs values with
  | none => scaleNaN
  | some m =>
    if m = 0 then P.zeroScale.bits
    else scaleBits P.overflow (scaleExponent P.rule E.emax E.largest E.mantissaBits m)

/-- The element bits of a value in a block with the given scale bits; 0 where there is no number or no scale. -/
def mxElementBits (P : MxPolicy) (E : MxElement) (scale : Nat) (value : Option Rat) : Nat :=
  match scaleToRat scale, value with
  | some X, some v => E.ofRat P.zero P.lowest (v / X)
  | _, _ => 0

/-- A block of values as scale bits and element bits. -/
def quantizeBlockMx (P : MxPolicy) (E : MxElement) (values : List (Option Rat)) : MxBlock :=
  ⟨mxScaleBits P E values, values.map (mxElementBits P E (mxScaleBits P E values))⟩

/-- What scale bits and element bits stand for together: the product, or `none` if one of them is no number. -/
def mxValue (E : MxElement) (scale b : Nat) : Option Rat :=
  match scaleToRat scale, E.toRat b with
  | some X, some p => some (X * p)
  | _, _ => none

/-- The values of a block. -/
def dequantizeBlockMx (E : MxElement) (B : MxBlock) : List (Option Rat) := B.elements.map (mxValue E B.scale)

/-- What a block of values comes back as. -/
def restoreBlockMx (P : MxPolicy) (E : MxElement) (values : List (Option Rat)) : List (Option Rat) :=
  dequantizeBlockMx E (quantizeBlockMx P E values)

/-- The elements of a block as integers, in units. -/
def mxUnits (E : MxElement) (B : MxBlock) : List Int := B.elements.map E.units

/-- Bits of a block: the elements and the scale. -/
def mxBlockBits (E : MxElement) : Nat := mxBlockSize * E.width + 8

/-- Bytes of a row of `n` values, whole blocks. -/
def mxRowBytes (E : MxElement) (n : Nat) : Nat := (n + mxBlockSize - 1) / mxBlockSize * (mxBlockBits E / 8)

/-- Bytes of a key-value cache: a key and a value of `dim` numbers for each layer, head and token. -/
def mxKvCacheBytes (E : MxElement) (layers heads dim tokens : Nat) : Nat :=
  2 * layers * heads * tokens * mxRowBytes E dim

/-- Bytes of the same cache in fp16. -/
def fp16KvCacheBytes (layers heads dim tokens : Nat) : Nat := 2 * layers * heads * tokens * (2 * dim)

/-! ### The largest absolute value -/

/-- A block has a largest absolute value exactly when all of its values are numbers. -/
theorem mxMaxAbs_eq_none_iff {values : List (Option Rat)} : mxMaxAbs values = none ↔ none ∈ values := by
  induction values with
  | nil => simp [mxMaxAbs]
  | cons v rest ih =>
    cases v with
    | none => simp [mxMaxAbs]
    | some v =>
      rw [mxMaxAbs, List.mem_cons, ← ih]
      cases mxMaxAbs rest <;> simp

example : mxMaxAbs [some 1, none] = none := mxMaxAbs_eq_none_iff.2 (by simp)

/-- The largest absolute value is at least that of each value. -/
theorem abs_le_mxMaxAbs {values : List (Option Rat)} {m : Rat} (h : mxMaxAbs values = some m) {v : Rat}
    (hv : some v ∈ values) : abs v ≤ m := by
  induction values generalizing m with
  | nil => simp at hv
  | cons u rest ih =>
    cases u with
    | none => simp [mxMaxAbs] at h
    | some u =>
      rw [mxMaxAbs] at h
      cases hr : mxMaxAbs rest with
      | none => simp [hr] at h
      | some r =>
        rw [hr] at h
        have hm := Option.some.inj h
        rcases List.mem_cons.1 hv with hv | hv
        · obtain rfl := Option.some.inj hv
          grind
        · have := ih hr hv
          grind

example : abs (-5) ≤ 5 := abs_le_mxMaxAbs (values := [some 1, some (-5)]) (by decide +kernel) (by simp)

/-- The largest absolute value is that of a value of the block, or zero. -/
theorem mxMaxAbs_attained {values : List (Option Rat)} {m : Rat} (h : mxMaxAbs values = some m) (hm : m ≠ 0) :
    ∃ v, some v ∈ values ∧ abs v = m := by
  induction values generalizing m with
  | nil =>
    rw [mxMaxAbs] at h
    exact absurd (Option.some.inj h).symm hm
  | cons u rest ih =>
    cases u with
    | none => simp [mxMaxAbs] at h
    | some u =>
      rw [mxMaxAbs] at h
      cases hr : mxMaxAbs rest with
      | none => simp [hr] at h
      | some r =>
        rw [hr] at h
        have h := Option.some.inj h
        by_cases hlt : r < abs u
        · rw [if_pos hlt] at h
          exact ⟨u, List.mem_cons_self, h⟩
        · rw [if_neg hlt] at h
          subst h
          obtain ⟨v, hv, habs⟩ := ih hr hm
          exact ⟨v, List.mem_cons_of_mem _ hv, habs⟩

example : ∃ v, some v ∈ [some (1 : Rat), some (-5)] ∧ abs v = 5 := mxMaxAbs_attained (by decide +kernel) (by decide)

/-- The largest absolute value is not negative. -/
theorem mxMaxAbs_nonneg {values : List (Option Rat)} {m : Rat} (h : mxMaxAbs values = some m) : 0 ≤ m := by
  by_cases hm : m = 0
  · grind
  · obtain ⟨v, -, rfl⟩ := mxMaxAbs_attained h hm
    exact abs_nonneg v

example : (0 : Rat) ≤ 5 := mxMaxAbs_nonneg (values := [some 1, some (-5)]) (by decide +kernel)

/-- The largest absolute value is zero exactly in a block of zeros. -/
theorem mxMaxAbs_eq_zero_iff {values : List (Option Rat)} :
    mxMaxAbs values = some 0 ↔ ∀ value ∈ values, value = some 0 := by
  constructor
  · intro h value hv
    cases value with
    | none => rw [mxMaxAbs_eq_none_iff.2 hv] at h; exact absurd h (by simp)
    | some v =>
      have := abs_le_mxMaxAbs h hv
      congr 1
      grind [abs]
  · intro h
    induction values with
    | nil => rfl
    | cons u rest ih =>
      obtain rfl := h u List.mem_cons_self
      rw [mxMaxAbs, ih fun v hv => h v (List.mem_cons_of_mem _ hv)]
      decide +kernel

/-! ### What a block comes back as -/

/-- As many elements as values. -/
theorem length_quantizeBlockMx (P : MxPolicy) (E : MxElement) (values : List (Option Rat)) :
    (quantizeBlockMx P E values).elements.length = values.length := by simp [quantizeBlockMx]

/-- A list beside its image: each entry beside what becomes of it. -/
theorem mem_zip_map {f : α → β} {xs : List α} {p : α × β} (h : p ∈ xs.zip (xs.map f)) : p.1 ∈ xs ∧ p.2 = f p.1 := by
  induction xs with
  | nil => simp at h
  | cons x xs ih =>
    rw [List.map_cons, List.zip_cons_cons] at h
    rcases List.mem_cons.1 h with rfl | h
    · exact ⟨List.mem_cons_self, rfl⟩
    · exact ⟨List.mem_cons_of_mem _ (ih h).1, (ih h).2⟩

example : (2 : Nat) = 2 := (mem_zip_map (f := (· + 1)) (xs := [1]) (p := (1, 2)) (by simp)).2

/-- Each value of a block comes back as what its element and the scale stand for. -/
theorem restoreBlockMx_eq (P : MxPolicy) (E : MxElement) (values : List (Option Rat)) :
    restoreBlockMx P E values =
      values.map fun v => mxValue E (mxScaleBits P E values) (mxElementBits P E (mxScaleBits P E values) v) := by
  simp only [restoreBlockMx, dequantizeBlockMx, quantizeBlockMx, List.map_map]
  rfl

/-- What one value of a block comes back as. -/
theorem mem_zip_restoreBlockMx {P : MxPolicy} {E : MxElement} {values : List (Option Rat)} {p : Option Rat × Option Rat}
    (h : p ∈ values.zip (restoreBlockMx P E values)) :
    p.1 ∈ values ∧ p.2 = mxValue E (mxScaleBits P E values) (mxElementBits P E (mxScaleBits P E values) p.1) := by
  rw [restoreBlockMx_eq] at h
  exact mem_zip_map h

example : some 6 = mxValue .e2m1 127 (mxElementBits .standard .e2m1 127 (some 7)) :=
  (mem_zip_restoreBlockMx (P := .standard) (E := .e2m1) (values := [some 7]) (p := (some 7, some 6))
    (by decide +kernel)).2

/-- A scale that is NaN, or bits that are no scale, leave no value in the block. -/
theorem dequantizeBlockMx_of_scale_none {E : MxElement} {B : MxBlock} (h : scaleToRat B.scale = none) :
    ∀ value ∈ dequantizeBlockMx E B, value = none := by
  intro value hv
  simp only [dequantizeBlockMx, List.mem_map] at hv
  obtain ⟨b, -, rfl⟩ := hv
  rw [mxValue, h]

example : ∀ value ∈ dequantizeBlockMx .e2m1 ⟨255, [0, 7]⟩, value = none := dequantizeBlockMx_of_scale_none rfl

/-- A block with an infinity or a NaN among its values has the scale NaN: no value comes back. -/
theorem quantizeBlockMx_scale_of_none {P : MxPolicy} {E : MxElement} {values : List (Option Rat)} (h : none ∈ values) :
    (quantizeBlockMx P E values).scale = scaleNaN := by
  simp only [quantizeBlockMx, mxScaleBits, mxMaxAbs_eq_none_iff.2 h]

example : (quantizeBlockMx .standard .e2m1 [some 1, none]).scale = scaleNaN := quantizeBlockMx_scale_of_none (by simp)

/-- Numbers alone never make the scale NaN, unless the policy makes it so beyond `2 ^ 127`. -/
theorem scaleToRat_quantizeBlockMx {P : MxPolicy} {E : MxElement} {values : List (Option Rat)} (h : none ∉ values)
    (hP : P.overflow = .clamp) : ∃ X, scaleToRat (quantizeBlockMx P E values).scale = some X := by
  have hle : (quantizeBlockMx P E values).scale ≤ 254 := by
    cases hm : mxMaxAbs values with
    | none => exact absurd (mxMaxAbs_eq_none_iff.1 hm) h
    | some m =>
      simp only [quantizeBlockMx, mxScaleBits, hm, hP]
      split
      · cases P.zeroScale <;> decide
      · rw [scaleBits.eq_def]; split
        · omega
        · exact Nat.le_refl _
  exact ⟨_, scaleToRat_eq_some_iff.2 ⟨hle, rfl⟩⟩

example : ∃ X, scaleToRat (quantizeBlockMx .standard .e2m1 [some 1]).scale = some X :=
  scaleToRat_quantizeBlockMx (by simp) rfl

/-! ### The nearest element, and the error of a block -/

/-- The size of a number is the scale times that of its quotient by the scale. -/
theorem mul_abs_div {X : Rat} (hX : 0 < X) (v : Rat) : X * abs (v / X) = abs v := by
  have h : abs X = X := by grind [abs]
  rw [← h, ← abs_mul, h]
  congr 1
  grind

example : 4 * abs (-7 / 4) = abs (-7) := mul_abs_div (by decide) (-7)

/-- One value at the scale `X`: it comes back as `X` times an element, and `X` times no other element that the encoder
may use is nearer. -/
theorem mxValue_mxElementBits (P : MxPolicy) (E : MxElement) {scale : Nat} {X : Rat} (hX : scaleToRat scale = some X)
    (v : Rat) :
    ∃ w, E.toRat (E.ofRat P.zero P.lowest (v / X)) = some w ∧
      mxValue E scale (mxElementBits P E scale (some v)) = some (X * w) ∧
      ∀ b u, E.Usable P.lowest b → E.toRat b = some u → abs (v - X * w) ≤ abs (v - X * u) := by
  obtain ⟨w, hw, -, hnear⟩ := E.ofRat_nearest P.zero P.lowest (v / X)
  have hpos := scaleToRat_pos hX
  refine ⟨w, hw, by simp [mxValue, mxElementBits, hX, hw], fun b u hb hu => ?_⟩
  rw [abs_sub_mul (by grind), abs_sub_mul (by grind)]
  exact Rat.mul_le_mul_of_nonneg_left (hnear b u hb hu) (abs_nonneg X)

example : ∃ w, MxElement.toRat .e2m1 (MxElement.ofRat .e2m1 .kept .unused (5 / 2)) = some w ∧
    mxValue .e2m1 128 (mxElementBits .standard .e2m1 128 (some 5)) = some (2 * w) :=
  let ⟨w, h, h', _⟩ := mxValue_mxElementBits .standard .e2m1 (scale := 128) (X := 2) rfl 5
  ⟨w, h, h'⟩

/-- Each value of a block comes back as the nearest product of the block's scale and an element. -/
theorem restoreBlockMx_nearest (P : MxPolicy) (E : MxElement) {values : List (Option Rat)} {X : Rat}
    (hX : scaleToRat (quantizeBlockMx P E values).scale = some X) {v : Rat} {value : Option Rat}
    (h : (some v, value) ∈ values.zip (restoreBlockMx P E values)) :
    ∃ w, value = some (X * w) ∧
      ∀ b u, E.Usable P.lowest b → E.toRat b = some u → abs (v - X * w) ≤ abs (v - X * u) := by
  obtain ⟨w, -, hw, hnear⟩ := mxValue_mxElementBits P E hX v
  exact ⟨w, (mem_zip_restoreBlockMx h).2.trans hw, hnear⟩

example : ∃ w, some 6 = some (1 * w) ∧ ∀ b u, MxElement.Usable .e2m1 .unused b → MxElement.toRat .e2m1 b = some u →
    abs (7 - 1 * w) ≤ abs (7 - 1 * u) :=
  restoreBlockMx_nearest .standard .e2m1 (values := [some 7, some (1/3)]) (X := 1) (by decide +kernel)
    (by decide +kernel)

/-- A block none of whose values is beyond the scale times the largest element: every value is off by at most the scale
times half the spacing of the largest elements. -/
theorem restoreBlockMx_error_le (P : MxPolicy) (E : MxElement) {values : List (Option Rat)} {X : Rat}
    (hX : scaleToRat (quantizeBlockMx P E values).scale = some X) {v : Rat} {value : Option Rat}
    (hv : abs v ≤ X * E.largest) (h : (some v, value) ∈ values.zip (restoreBlockMx P E values)) :
    ∃ v', value = some v' ∧ abs (v - v') ≤ X * (E.topSpacing / 2) := by
  obtain ⟨w, hw, hvalue, -⟩ := mxValue_mxElementBits P E hX v
  have hpos := scaleToRat_pos hX
  have hle : abs (v / X) ≤ E.largest := Rat.le_of_mul_le_mul_left (by rwa [mul_abs_div hpos]) hpos
  refine ⟨X * w, (mem_zip_restoreBlockMx h).2.trans hvalue, ?_⟩
  rw [abs_sub_mul (by grind), show abs X = X by grind [abs]]
  exact Rat.mul_le_mul_of_nonneg_left (E.abs_sub_le_topSpacing hw hle) (Rat.le_of_lt hpos)

example : ∃ v', some 4 = some v' ∧ abs (5 - v') ≤ 1 * (MxElement.topSpacing .e2m1 / 2) :=
  restoreBlockMx_error_le .standard .e2m1 (values := [some 7, some 5]) (X := 1) (by decide +kernel)
    (by decide +kernel) (by decide +kernel)

/-- The scale of a block of numbers that are not all zero. -/
theorem mxScaleBits_eq (P : MxPolicy) (E : MxElement) {values : List (Option Rat)} {m : Rat}
    (hmax : mxMaxAbs values = some m) (hm : m ≠ 0) :
    mxScaleBits P E values = scaleBits P.overflow (scaleExponent P.rule E.emax E.largest E.mantissaBits m) := by
  simp only [mxScaleBits, hmax, if_neg hm]

example : mxScaleBits .standard .e2m1 [some 7] = scaleBits .clamp (scaleExponent .floor 2 6 1 7) :=
  mxScaleBits_eq .standard .e2m1 (m := 7) (by decide +kernel) (by decide)

/-- Up to the exponent 127 the scale is at least its power of two. -/
theorem scaleToRat_scaleBits_ge (overflow : ScaleOverflow) {e : Int} (h : e ≤ 127) :
    ∃ X, scaleToRat (scaleBits overflow e) = some X ∧ twoPow e ≤ X := by
  rcases Int.lt_or_le e (-127) with hlow | hhigh
  · refine ⟨twoPow (-127), ?_, twoPow_le_iff.2 (by omega)⟩
    rw [scaleBits_low overflow (by omega)]
    decide +kernel
  · exact ⟨_, scaleToRat_scaleBits overflow ⟨hhigh, h⟩, Rat.le_refl⟩

example : ∃ X, scaleToRat (scaleBits .nan (-151)) = some X ∧ twoPow (-151) ≤ X :=
  scaleToRat_scaleBits_ge .nan (by decide)

/-- The standard's rule, for values below `2 ^ (emax + 128)`, as all finite float32 values are: every value is off by
less than the scale times the distance from the largest element to the next power of two. -/
theorem restoreBlockMx_floor_error_lt {P : MxPolicy} (hP : P.rule = .floor) (E : MxElement) {values : List (Option Rat)}
    {m : Rat} (hmax : mxMaxAbs values = some m) (hm : m < twoPow (E.emax + 128)) :
    ∃ X, scaleToRat (quantizeBlockMx P E values).scale = some X ∧
      ∀ v value, (some v, value) ∈ values.zip (restoreBlockMx P E values) →
        ∃ v', value = some v' ∧ abs (v - v') < X * E.clipGap := by
  have hscale : ∃ X, scaleToRat (quantizeBlockMx P E values).scale = some X ∧ m < X * twoPow (E.emax + 1) := by
    by_cases h0 : m = 0
    · have hbits : (quantizeBlockMx P E values).scale = P.zeroScale.bits := by
        simp only [quantizeBlockMx, mxScaleBits, hmax, if_pos h0]
      have hle : P.zeroScale.bits ≤ 254 := by cases P.zeroScale <;> decide
      rw [hbits]
      exact ⟨_, scaleToRat_eq_some_iff.2 ⟨hle, rfl⟩, by rw [h0]; exact Rat.mul_pos (twoPow_pos _) (twoPow_pos _)⟩
    · have hpos : 0 < m := by have := mxMaxAbs_nonneg hmax; grind
      have hlog : floorLog2 m < E.emax + 128 := twoPow_lt_iff.1 (Std.lt_of_le_of_lt (floorLog2_spec hpos).1 hm)
      obtain ⟨X, hX, hge⟩ := scaleToRat_scaleBits_ge P.overflow (e := floorLog2 m - E.emax) (by omega)
      refine ⟨X, ?_, ?_⟩
      · rw [quantizeBlockMx, mxScaleBits_eq P E hmax h0, hP, scaleExponent]
        exact hX
      · have h₁ := (floorLog2_spec hpos).2
        have h₂ := Rat.mul_le_mul_of_nonneg_right hge (Rat.le_of_lt (twoPow_pos (E.emax + 1)))
        rw [← twoPow_add, show floorLog2 m - E.emax + (E.emax + 1) = floorLog2 m + 1 by omega] at h₂
        grind
  obtain ⟨X, hX, hlt⟩ := hscale
  refine ⟨X, hX, fun v value h => ?_⟩
  obtain ⟨w, hw, hvalue, -⟩ := mxValue_mxElementBits P E hX v
  have hpos := scaleToRat_pos hX
  have hv := abs_le_mxMaxAbs hmax (mem_zip_restoreBlockMx h).1
  have hsmall : abs (v / X) < twoPow (E.emax + 1) := by
    refine (Rat.mul_lt_mul_left hpos).1 ?_
    rw [mul_abs_div hpos]
    grind
  refine ⟨X * w, (mem_zip_restoreBlockMx h).2.trans hvalue, ?_⟩
  rw [abs_sub_mul (by grind), show abs X = X by grind [abs]]
  exact Rat.mul_lt_mul_of_pos_left (E.abs_sub_lt_clipGap hw hsmall) hpos

example : ∃ X, scaleToRat (quantizeBlockMx .standard .e2m1 [some 7, some (1/3)]).scale = some X ∧
    ∀ v value, (some v, value) ∈ [some 7, some (1/3)].zip (restoreBlockMx .standard .e2m1 [some 7, some (1/3)]) →
      ∃ v', value = some v' ∧ abs (v - v') < X * MxElement.clipGap .e2m1 :=
  restoreBlockMx_floor_error_lt rfl .e2m1 (m := 7) (by decide +kernel) (by decide +kernel)

/-- That bound is sharp: every smaller multiple of the scale is exceeded in some block. -/
theorem restoreBlockMx_floor_sharp {P : MxPolicy} (hP : P.rule = .floor) (E : MxElement) {c : Rat}
    (hc : c < E.clipGap) :
    ∃ x, (quantizeBlockMx P E [some x]).scale = 127 ∧ restoreBlockMx P E [some x] = [some E.largest] ∧
      c < abs (x - E.largest) := by
  obtain ⟨x, h₁, h₂, hsat, hgap⟩ := E.clipGap_sharp P.zero P.lowest hc
  have hl := E.largest_pos
  have hlow := E.largest_bounds.1
  have habs : abs x = x := by grind [abs]
  have hlog : floorLog2 x = E.emax := (floorLog2_eq_iff (by grind)).2 ⟨Rat.le_trans hlow h₁, h₂⟩
  have hmax : mxMaxAbs [some x] = some x := by
    simp only [mxMaxAbs, habs, if_pos (show 0 < x by grind)]
  have hscale : mxScaleBits P E [some x] = 127 := by
    rw [mxScaleBits_eq P E hmax (by grind), hP, scaleExponent, hlog, Int.sub_self, scaleBits.eq_def]
    rfl
  refine ⟨x, hscale, ?_, hgap⟩
  have hone : scaleToRat 127 = some 1 := scaleToRat_landmarks.2.1
  rw [restoreBlockMx_eq, hscale]
  simp only [List.map_cons, List.map_nil, mxValue, mxElementBits, hone, show x / 1 = x by grind, hsat]
  congr 2
  grind

example : ∃ x, (quantizeBlockMx .standard .e2m1 [some x]).scale = 127 ∧
    restoreBlockMx .standard .e2m1 [some x] = [some (MxElement.largest .e2m1)] ∧
    199/100 < abs (x - MxElement.largest .e2m1) := restoreBlockMx_floor_sharp rfl .e2m1 (by decide +kernel)

/-- The rule `rceil`, for values up to the largest scale times the largest element: nothing is clipped, and every value
is off by at most the scale times half the spacing of the largest elements. -/
theorem restoreBlockMx_rceil_error_le {P : MxPolicy} (hP : P.rule = .rceil) (E : MxElement) {values : List (Option Rat)}
    {m : Rat} (hmax : mxMaxAbs values = some m) (hm : m ≤ twoPow 127 * E.largest) :
    ∃ X, scaleToRat (quantizeBlockMx P E values).scale = some X ∧ m ≤ X * E.largest ∧
      ∀ v value, (some v, value) ∈ values.zip (restoreBlockMx P E values) →
        ∃ v', value = some v' ∧ abs (v - v') ≤ X * (E.topSpacing / 2) := by
  have hl := E.largest_pos
  have hscale : ∃ X, scaleToRat (quantizeBlockMx P E values).scale = some X ∧ m ≤ X * E.largest := by
    by_cases h0 : m = 0
    · have hbits : (quantizeBlockMx P E values).scale = P.zeroScale.bits := by
        simp only [quantizeBlockMx, mxScaleBits, hmax, if_pos h0]
      have hle : P.zeroScale.bits ≤ 254 := by cases P.zeroScale <;> decide
      rw [hbits]
      exact ⟨_, scaleToRat_eq_some_iff.2 ⟨hle, rfl⟩, by
        rw [h0]; exact Rat.mul_nonneg (Rat.le_of_lt (twoPow_pos _)) (Rat.le_of_lt hl)⟩
    · have hpos : 0 < m := by have := mxMaxAbs_nonneg hmax; grind
      have he := (scaleExponent_rceil_le_iff hpos hl E.emax E.mantissaBits).2 hm
      obtain ⟨X, hX, hge⟩ := scaleToRat_scaleBits_ge P.overflow he
      refine ⟨X, ?_, ?_⟩
      · rw [quantizeBlockMx, mxScaleBits_eq P E hmax h0, hP]
        exact hX
      · exact Rat.le_trans (le_twoPow_scaleExponent_rceil hpos hl E.emax E.mantissaBits)
          (Rat.mul_le_mul_of_nonneg_right hge (Rat.le_of_lt hl))
  obtain ⟨X, hX, hle⟩ := hscale
  refine ⟨X, hX, hle, fun v value h => ?_⟩
  have hv := abs_le_mxMaxAbs hmax (mem_zip_restoreBlockMx h).1
  exact restoreBlockMx_error_le P E hX (Rat.le_trans hv hle) h

example : ∃ X, scaleToRat (quantizeBlockMx .rceil .e2m1 [some 7, some (1/3)]).scale = some X ∧
    7 ≤ X * MxElement.largest .e2m1 :=
  let ⟨X, h, h', _⟩ := restoreBlockMx_rceil_error_le (P := .rceil) rfl .e2m1 (values := [some 7, some (1/3)]) (m := 7)
    (by decide +kernel) (by decide +kernel)
  ⟨X, h, h'⟩

/-- That bound is attained, in each format, at the scale 1, by a block of the largest element and the number midway to
the one before it. -/
theorem restoreBlockMx_rceil_attained (E : MxElement) :
    ∃ v', (quantizeBlockMx .rceil E [some E.largest, some (E.largest - E.topSpacing / 2)]).scale = 127 ∧
      restoreBlockMx .rceil E [some E.largest, some (E.largest - E.topSpacing / 2)] = [some E.largest, some v'] ∧
      abs (E.largest - E.topSpacing / 2 - v') = E.topSpacing / 2 := by
  -- the tie goes to the even code: with E4M3 that is the largest
  refine ⟨if E = .e4m3 then E.largest else E.largest - E.topSpacing, ?_⟩
  cases E <;> decide +kernel

/-- The rule `even`, for values below half the largest scale times `2 ^ (emax + 1)`: every value is off by at most the
scale times half the spacing of the largest elements, in all formats but E4M3. -/
theorem restoreBlockMx_even_error_le {P : MxPolicy} (hP : P.rule = .even) {E : MxElement} (hE : E ≠ .e4m3)
    {values : List (Option Rat)} {m : Rat} (hmax : mxMaxAbs values = some m) (h0 : m ≠ 0)
    (hm : m < twoPow (E.emax + 127)) :
    ∃ X, scaleToRat (quantizeBlockMx P E values).scale = some X ∧
      ∀ v value, (some v, value) ∈ values.zip (restoreBlockMx P E values) →
        ∃ v', value = some v' ∧ abs (v - v') ≤ X * (E.topSpacing / 2) := by
  have hpos : 0 < m := by have := mxMaxAbs_nonneg hmax; grind
  have hlog : floorLog2 m < E.emax + 127 := twoPow_lt_iff.1 (Std.lt_of_le_of_lt (floorLog2_spec hpos).1 hm)
  have heven := scaleExponent_even E.emax E.largest E.mantissaBits m
  obtain ⟨X, hX, hge⟩ := scaleToRat_scaleBits_ge P.overflow
    (e := scaleExponent .even E.emax E.largest E.mantissaBits m) (by
      rw [heven, scaleExponent]; split <;> omega)
  have hX : scaleToRat (quantizeBlockMx P E values).scale = some X := by
    rw [quantizeBlockMx, mxScaleBits_eq P E hmax h0, hP]
    exact hX
  have hpos' := scaleToRat_pos hX
  -- the largest value does not pass the edge, at the rule's own power of two and so at the scale
  have hedge : 0 ≤ twoPow E.emax * (2 - twoPow (-(E.mantissaBits + 1))) ∧
      twoPow E.emax ≤ twoPow E.emax * (2 - twoPow (-(E.mantissaBits + 1))) := by cases E <;> decide +kernel
  have hle : m ≤ X * (twoPow E.emax * (2 - twoPow (-(E.mantissaBits + 1)))) := by
    refine Rat.le_trans ?_ (Rat.mul_le_mul_of_nonneg_right hge hedge.1)
    rw [heven]
    split
    · have h₁ := (floorLog2_spec hpos).2
      have h₂ := Rat.mul_le_mul_of_nonneg_left hedge.2 (Rat.le_of_lt (twoPow_pos (floorLog2 m - E.emax + 1)))
      rw [← twoPow_add, show floorLog2 m - E.emax + 1 + E.emax = floorLog2 m + 1 by omega] at h₂
      rw [scaleExponent]
      grind
    · rename_i h
      rw [scaleExponent, Int.add_zero, ← Rat.mul_assoc, ← twoPow_add, Int.sub_add_cancel]
      grind
  refine ⟨X, hX, fun v value h => ?_⟩
  obtain ⟨w, hw, hvalue, -⟩ := mxValue_mxElementBits P E hX v
  have hv := abs_le_mxMaxAbs hmax (mem_zip_restoreBlockMx h).1
  have hsmall : abs (v / X) ≤ twoPow E.emax * (2 - twoPow (-(E.mantissaBits + 1))) :=
    Rat.le_of_mul_le_mul_left (by rw [mul_abs_div hpos']; exact Rat.le_trans hv hle) hpos'
  refine ⟨X * w, (mem_zip_restoreBlockMx h).2.trans hvalue, ?_⟩
  rw [abs_sub_mul (by grind), show abs X = X by grind [abs]]
  exact Rat.mul_le_mul_of_nonneg_left (MxElement.abs_sub_le_topSpacing_of_even hE hw hsmall) (Rat.le_of_lt hpos')

example : ∃ X, scaleToRat (quantizeBlockMx .even .e2m1 [some (27/4)]).scale = some X ∧
    ∀ v value, (some v, value) ∈ [some (27/4)].zip (restoreBlockMx .even .e2m1 [some (27/4)]) →
      ∃ v', value = some v' ∧ abs (v - v') ≤ X * (MxElement.topSpacing .e2m1 / 2) :=
  restoreBlockMx_even_error_le rfl (by decide) (m := 27/4) (by decide +kernel) (by decide +kernel) (by decide +kernel)

/-- With E4M3 it does not hold: at the scale 1 the value 479 comes back as 448, off by 31; half the spacing is 16. -/
theorem restoreBlockMx_even_e4m3 :
    (quantizeBlockMx .even .e4m3 [some 479]).scale = 127 ∧ restoreBlockMx .even .e4m3 [some 479] = [some 448] ∧
    MxElement.topSpacing .e4m3 / 2 = 16 := by
  decide +kernel

/-! ### Scaling a block -/

/-- The largest absolute value of a block times a power of two. -/
theorem mxMaxAbs_mul_twoPow (k : Int) (values : List (Option Rat)) :
    mxMaxAbs (values.map (Option.map (· * twoPow k))) = (mxMaxAbs values).map (· * twoPow k) := by
  have hk := twoPow_pos k
  have habs : ∀ v, abs (v * twoPow k) = abs v * twoPow k := fun v => by
    rw [abs_mul]
    congr 1
    grind [abs]
  induction values with
  | nil => simp [mxMaxAbs, Rat.zero_mul]
  | cons u rest ih =>
    cases u with
    | none => rfl
    | some u =>
      simp only [List.map_cons, Option.map_some, mxMaxAbs, ih]
      cases mxMaxAbs rest with
      | none => rfl
      | some r =>
        have hiff : r * twoPow k < abs u * twoPow k ↔ r < abs u := by
          rw [Rat.mul_comm, Rat.mul_comm (abs u)]
          exact Rat.mul_lt_mul_left hk
        simp only [Option.map_some, habs, hiff]
        split <;> rfl

/-- A block times a power of two has the same elements and a shifted scale, under every rule, as long as both scales
are in range. -/
theorem quantizeBlockMx_mul_twoPow (P : MxPolicy) (E : MxElement) {values : List (Option Rat)} {m : Rat} {k : Int}
    (hmax : mxMaxAbs values = some m) (h0 : m ≠ 0)
    (hrange : -127 ≤ scaleExponent P.rule E.emax E.largest E.mantissaBits m ∧
      scaleExponent P.rule E.emax E.largest E.mantissaBits m ≤ 127)
    (hrange' : -127 ≤ scaleExponent P.rule E.emax E.largest E.mantissaBits m + k ∧
      scaleExponent P.rule E.emax E.largest E.mantissaBits m + k ≤ 127) :
    (quantizeBlockMx P E (values.map (Option.map (· * twoPow k)))).elements = (quantizeBlockMx P E values).elements ∧
    ((quantizeBlockMx P E (values.map (Option.map (· * twoPow k)))).scale : Int) =
      (quantizeBlockMx P E values).scale + k := by
  have hk := twoPow_pos k
  have hpos : 0 < m := by have := mxMaxAbs_nonneg hmax; grind
  have hmax' : mxMaxAbs (values.map (Option.map (· * twoPow k))) = some (m * twoPow k) := by
    rw [mxMaxAbs_mul_twoPow, hmax]; rfl
  have hscale := mxScaleBits_eq P E hmax h0
  have hscale' := mxScaleBits_eq P E hmax' (by have := Rat.mul_pos hpos hk; grind)
  rw [scaleExponent_mul_twoPow P.rule E.emax E.largest_pos E.mantissaBits hpos] at hscale'
  generalize scaleExponent P.rule E.emax E.largest E.mantissaBits m = e at *
  have hX := scaleToRat_scaleBits P.overflow hrange
  have hX' := scaleToRat_scaleBits P.overflow hrange'
  rw [← hscale] at hX
  rw [← hscale'] at hX'
  constructor
  · simp only [quantizeBlockMx, List.map_map]
    refine List.map_congr_left fun value _ => ?_
    cases value with
    | none => simp [mxElementBits]
    | some v =>
      have hdiv : v * twoPow k / twoPow (e + k) = v / twoPow e := by
        have he := twoPow_pos e
        rw [twoPow_add]
        generalize twoPow e = a at *
        generalize twoPow k = b at *
        grind
      simp only [Function.comp_apply, Option.map_some, mxElementBits, hX, hX', hdiv]
  · simp only [quantizeBlockMx]
    rw [hscale, hscale', scaleBits.eq_def, scaleBits.eq_def, if_pos (by omega), if_pos (by omega)]
    omega

example : (quantizeBlockMx .standard .e2m1 ([some 7, some (1/3)].map (Option.map (· * twoPow 5)))).elements =
    (quantizeBlockMx .standard .e2m1 [some 7, some (1/3)]).elements :=
  (quantizeBlockMx_mul_twoPow .standard .e2m1 (m := 7) (by decide +kernel) (by decide) (by decide +kernel)
    (by decide +kernel)).1

/-! ### Blocks of zeros, and blocks with NaN -/

/-- Zero has the bits 0. -/
theorem MxElement.ofRat_zero (E : MxElement) (zero : ZeroSign) (lowest : Int8Lowest) : E.ofRat zero lowest 0 = 0 :=
  E.ofRat_toRat zero lowest (by cases E <;> decide +kernel) (fun _ => by decide) (fun _ => rfl)

/-- A block of zeros has the scale that the policy says, elements of bits 0, and comes back as it was. -/
theorem quantizeBlockMx_zero (P : MxPolicy) (E : MxElement) {values : List (Option Rat)}
    (h : ∀ value ∈ values, value = some 0) :
    (quantizeBlockMx P E values).scale = P.zeroScale.bits ∧ (∀ b ∈ (quantizeBlockMx P E values).elements, b = 0) ∧
      restoreBlockMx P E values = values := by
  have hscale : mxScaleBits P E values = P.zeroScale.bits := by
    simp only [mxScaleBits, mxMaxAbs_eq_zero_iff.2 h, if_true]
  have hX : ∃ X, scaleToRat P.zeroScale.bits = some X := by cases P.zeroScale <;> exact ⟨_, rfl⟩
  obtain ⟨X, hX⟩ := hX
  have hbits : mxElementBits P E P.zeroScale.bits (some 0) = 0 := by
    simp only [mxElementBits, hX, show (0 : Rat) / X = 0 by grind, E.ofRat_zero]
  refine ⟨hscale, ?_, ?_⟩
  · simp only [quantizeBlockMx, hscale, List.mem_map]
    rintro b ⟨value, hv, rfl⟩
    rw [h value hv, hbits]
  · rw [restoreBlockMx_eq, hscale]
    refine (List.map_congr_left fun value hv => ?_).trans (List.map_id values)
    have hzero : E.toRat 0 = some 0 := by cases E <;> decide +kernel
    rw [h value hv, hbits, mxValue, hX, hzero]
    simp

example : restoreBlockMx .standard .e4m3 [some 0, some 0] = [some 0, some 0] :=
  (quantizeBlockMx_zero .standard .e4m3 (by simp)).2.2

/-- Of a block with an infinity or a NaN among its values nothing comes back. -/
theorem restoreBlockMx_of_none {P : MxPolicy} {E : MxElement} {values : List (Option Rat)} (h : none ∈ values) :
    ∀ value ∈ restoreBlockMx P E values, value = none := by
  refine dequantizeBlockMx_of_scale_none ?_
  rw [quantizeBlockMx_scale_of_none h]
  rfl

example : ∀ value ∈ restoreBlockMx .standard .e2m1 [some 1, none], value = none := restoreBlockMx_of_none (by simp)

/-! ### Quantizing again -/

/-- What came back at a scale comes back unchanged at the same scale. -/
theorem mxValue_again (P : MxPolicy) (E : MxElement) (scale : Nat) (value : Option Rat) :
    mxValue E scale (mxElementBits P E scale (mxValue E scale (mxElementBits P E scale value))) =
      mxValue E scale (mxElementBits P E scale value) := by
  cases hX : scaleToRat scale with
  | none => simp [mxValue, hX]
  | some X =>
    have hcode : ∃ w, E.toRat (mxElementBits P E scale value) = some w ∧
        E.Usable P.lowest (mxElementBits P E scale value) := by
      cases value with
      | none =>
        simp only [mxElementBits, hX]
        exact ⟨0, by cases E <;> decide +kernel, fun _ => by decide⟩
      | some v =>
        simp only [mxElementBits, hX]
        obtain ⟨w, hw, hu, -⟩ := E.ofRat_nearest P.zero P.lowest (v / X)
        exact ⟨w, hw, hu⟩
    obtain ⟨w, hw, hu⟩ := hcode
    have hpos := scaleToRat_pos hX
    have hself := E.toRat_ofRat_self P.zero P.lowest hu hw
    have hvalue : mxValue E scale (mxElementBits P E scale value) = some (X * w) := by simp [mxValue, hX, hw]
    rw [hvalue]
    simp only [mxElementBits, hX, show X * w / X = w by grind, mxValue, hself]

/-- If the scale is found again, so is every value. -/
theorem restoreBlockMx_again {P : MxPolicy} {E : MxElement} {values : List (Option Rat)}
    (h : mxScaleBits P E (restoreBlockMx P E values) = mxScaleBits P E values) :
    restoreBlockMx P E (restoreBlockMx P E values) = restoreBlockMx P E values := by
  rw [restoreBlockMx_eq P E (restoreBlockMx P E values), h]
  conv => lhs; rw [restoreBlockMx_eq P E values]
  conv => rhs; rw [restoreBlockMx_eq P E values]
  rw [List.map_map]
  exact List.map_congr_left fun value _ => mxValue_again P E _ value

example : restoreBlockMx .standard .e2m1 (restoreBlockMx .standard .e2m1 [some 7]) =
    restoreBlockMx .standard .e2m1 [some 7] := restoreBlockMx_again (by decide +kernel)

/-- Scale bits are at most those of NaN. -/
theorem mxScaleBits_le (P : MxPolicy) (E : MxElement) (values : List (Option Rat)) :
    mxScaleBits P E values ≤ scaleNaN := by
  rw [mxScaleBits.eq_def]
  split
  · exact Nat.le_refl _
  · split
    · cases P.zeroScale <;> decide
    · rw [scaleBits.eq_def, scaleNaN]
      split
      · omega
      · split <;> omega

/-- Unless `0x80` of MXINT8 is used, no value comes back larger than the scale times the largest element. -/
theorem abs_restoreBlockMx_le {P : MxPolicy} {E : MxElement} (hE : E = .int8 → P.lowest = .unused)
    {values : List (Option Rat)} {X : Rat} (hX : scaleToRat (quantizeBlockMx P E values).scale = some X) {v' : Rat}
    (h : some v' ∈ restoreBlockMx P E values) : abs v' ≤ X * E.largest := by
  have hpos := scaleToRat_pos hX
  have hX : scaleToRat (mxScaleBits P E values) = some X := hX
  rw [restoreBlockMx_eq, List.mem_map] at h
  obtain ⟨value, -, h⟩ := h
  have hcode : ∃ w, E.toRat (mxElementBits P E (mxScaleBits P E values) value) = some w ∧
      E.Usable .unused (mxElementBits P E (mxScaleBits P E values) value) := by
    cases value with
    | none =>
      simp only [mxElementBits, hX]
      exact ⟨0, by cases E <;> decide +kernel, fun _ => by decide⟩
    | some v =>
      simp only [mxElementBits, hX]
      obtain ⟨w, hw, hu, -⟩ := E.ofRat_nearest P.zero P.lowest (v / X)
      exact ⟨w, hw, fun h => hu ⟨h.1, hE h.1⟩⟩
  obtain ⟨w, hw, hu⟩ := hcode
  simp only [mxValue, hX, hw, Option.some.injEq] at h
  have := E.abs_toRat_le hu hw
  rw [← h, abs_mul, show abs X = X by grind [abs]]
  exact Rat.mul_le_mul_of_nonneg_left this (Rat.le_of_lt hpos)

example : abs 6 ≤ 1 * MxElement.largest .e2m1 :=
  abs_restoreBlockMx_le (P := .standard) (values := [some 7]) (fun h => absurd h (by decide)) (by decide +kernel)
    (by decide +kernel)

/-- Under the standard's rule quantizing again changes nothing: what came back once comes back the same, at every scale,
clipped or not, as long as MXINT8 leaves `0x80` unused. -/
theorem restoreBlockMx_floor_idempotent {P : MxPolicy} (hP : P.rule = .floor) {E : MxElement}
    (hE : E = .int8 → P.lowest = .unused) (values : List (Option Rat)) :
    restoreBlockMx P E (restoreBlockMx P E values) = restoreBlockMx P E values := by
  have hle := mxScaleBits_le P E values
  have hnan : mxScaleBits P E values = scaleNaN →
      restoreBlockMx P E (restoreBlockMx P E values) = restoreBlockMx P E values := fun hs => by
    refine restoreBlockMx_again (hs ▸ ?_)
    cases values with
    | nil => exact hs
    | cons v rest =>
      refine quantizeBlockMx_scale_of_none (P := P) (E := E) ?_
      rw [restoreBlockMx_eq, hs, List.map_cons]
      exact List.mem_cons_self
  cases hmax : mxMaxAbs values with
  | none => exact hnan (quantizeBlockMx_scale_of_none (mxMaxAbs_eq_none_iff.1 hmax))
  | some m =>
    by_cases h0 : m = 0
    · subst h0
      have := (quantizeBlockMx_zero P E (mxMaxAbs_eq_zero_iff.1 hmax)).2.2
      rw [this, this]
    by_cases hs : mxScaleBits P E values = scaleNaN
    · exact hnan hs
    have hX : scaleToRat (mxScaleBits P E values) = some (twoPow (mxScaleBits P E values - 127)) :=
      scaleToRat_eq_some_iff.2 ⟨by rw [scaleNaN] at *; omega, rfl⟩
    have hpos := scaleToRat_pos hX
    have hscale := mxScaleBits_eq P E hmax h0
    rw [hP, scaleExponent] at hscale
    have hm : 0 < m := by have := mxMaxAbs_nonneg hmax; grind
    -- what came back is all numbers
    cases hmax' : mxMaxAbs (restoreBlockMx P E values) with
    | none =>
      have := mxMaxAbs_eq_none_iff.1 hmax'
      rw [restoreBlockMx_eq, List.mem_map] at this
      obtain ⟨value, hv, h⟩ := this
      cases value with
      | none => exact absurd (mxMaxAbs_eq_none_iff.2 hv) (by simp [hmax])
      | some v =>
        obtain ⟨w, -, hw, -⟩ := mxValue_mxElementBits P E hX v
        exact absurd (hw.symm.trans h) (by simp)
    | some m' =>
      by_cases h0' : m' = 0
      · subst h0'
        exact (quantizeBlockMx_zero P E (mxMaxAbs_eq_zero_iff.1 hmax')).2.2
      refine restoreBlockMx_again ?_
      have hm' : 0 < m' := by have := mxMaxAbs_nonneg hmax'; grind
      rw [mxScaleBits_eq P E hmax' h0', hP, scaleExponent]
      -- its largest absolute value is below the power of two after the largest product
      have hhigh : floorLog2 m' < (mxScaleBits P E values : Int) - 127 + (E.emax + 1) := by
        obtain ⟨v', hv', rfl⟩ := mxMaxAbs_attained hmax' h0'
        have h₁ := abs_restoreBlockMx_le hE hX hv'
        have h₂ := Rat.mul_lt_mul_of_pos_left E.largest_bounds.2 hpos
        rw [← twoPow_add] at h₂
        have h₃ := (floorLog2_spec hm').1
        exact twoPow_lt_iff.1 (by grind)
      rcases Int.lt_or_le (floorLog2 m - E.emax) (-127) with hlow | hfit
      · have hzero : mxScaleBits P E values = 0 := by rw [hscale, scaleBits_low P.overflow (by omega)]
        rw [hzero] at hhigh ⊢
        exact scaleBits_low P.overflow (by omega)
      · -- and at least the scale times the largest power of two
        have hexponent : (mxScaleBits P E values : Int) - 127 ≤ floorLog2 m - E.emax := by
          have := hscale
          rw [scaleBits.eq_def] at this
          split at this
          · omega
          · rw [scaleNaN] at *; omega
        have hlow : (mxScaleBits P E values : Int) - 127 + E.emax ≤ floorLog2 m' := by
          obtain ⟨v, hv, habs⟩ := mxMaxAbs_attained hmax h0
          obtain ⟨w, hw, hvalue, -⟩ := mxValue_mxElementBits P E hX v
          have hmem : some (twoPow (mxScaleBits P E values - 127) * w) ∈ restoreBlockMx P E values := by
            rw [restoreBlockMx_eq, List.mem_map]
            exact ⟨_, hv, hvalue⟩
          have hge := abs_le_mxMaxAbs hmax' hmem
          have hbig : twoPow E.emax ≤ abs (v / twoPow (mxScaleBits P E values - 127)) := by
            refine Rat.le_of_mul_le_mul_left ?_ hpos
            rw [mul_abs_div hpos, habs, ← twoPow_add]
            exact (le_floorLog2_iff hm).1 (by omega)
          have hw := Rat.mul_le_mul_of_nonneg_left (E.twoPow_emax_le_abs hw hbig) (Rat.le_of_lt hpos)
          rw [abs_mul, show abs (twoPow (mxScaleBits P E values - 127)) = twoPow (mxScaleBits P E values - 127) by
            grind [abs]] at hge
          rw [← twoPow_add] at hw
          exact (le_floorLog2_iff hm').2 (Rat.le_trans hw hge)
        have : floorLog2 m' - E.emax = (mxScaleBits P E values : Int) - 127 := by omega
        rw [this]
        exact scaleBits_of_scaleToRat P.overflow hX

example : restoreBlockMx .standard .e5m2 (restoreBlockMx .standard .e5m2 [some 60000, some (1/3)]) =
    restoreBlockMx .standard .e5m2 [some 60000, some (1/3)] :=
  restoreBlockMx_floor_idempotent rfl (fun h => absurd h (by decide)) _

/-- With `0x80` of MXINT8 in use quantizing again can change a value: -255/128 comes back as -2, which asks for a larger
scale, and then 1/64 is lost. -/
theorem restoreBlockMx_int8_used :
    let P := { MxPolicy.standard with lowest := .used }
    restoreBlockMx P .int8 [some (-255/128 : Rat), some (1/64 : Rat)] = [some (-2), some (1/64 : Rat)] ∧
    restoreBlockMx P .int8 [some (-2), some (1/64 : Rat)] = [some (-2), some 0] := by
  decide +kernel

/-- Under the rule `rceil` the scale need not come back, though the values do here: 16/5 comes back as 3 at the scale 1,
and 3 is 6 at the scale 1/2. -/
theorem quantizeBlockMx_rceil_scale :
    (quantizeBlockMx .rceil .e2m1 [some (16/5 : Rat)]).scale = 127 ∧
    restoreBlockMx .rceil .e2m1 [some (16/5 : Rat)] = [some 3] ∧
    (quantizeBlockMx .rceil .e2m1 [some 3]).scale = 126 ∧ restoreBlockMx .rceil .e2m1 [some 3] = [some 3] := by
  decide +kernel

end Q35
