module

public import Q35.MxScale

@[expose] public section

/-! The elements of a Microscaling (MX) block: five small floating-point formats, and the two's complement of MXINT8. -/

namespace Q35

/-- The element formats of the standard. -/
inductive MxElement where
  /-- MXFP4. -/
  | e2m1
  /-- MXFP6 with more mantissa. -/
  | e2m3
  /-- MXFP6 with more exponent. -/
  | e3m2
  /-- MXFP8 with more mantissa. -/
  | e4m3
  /-- MXFP8 with more exponent. -/
  | e5m2
  /-- MXINT8. -/
  | int8
  deriving DecidableEq

/-- Whether an encoder uses the code `0x80` of MXINT8, which stands for -2. The standard allows both. -/
inductive Int8Lowest where
  /-- Numbers reach down to -2. -/
  | used
  /-- Numbers reach down to -127/64, as far as up. -/
  | unused
  deriving DecidableEq

/-- The value of eight bits of MXINT8: two's complement, in units of `1 / 64`. -/
def int8ToRat (b : Nat) : Option Rat :=
  if 256 ≤ b then none else some ((if b < 128 then (b : Int) else (b : Int) - 256 : Int) / 64)

/-- The smallest number of units that an encoder of MXINT8 uses. -/
def Int8Lowest.units : Int8Lowest → Int
  | .used => -128
  | .unused => -127

/-- `x` in units of MXINT8, rounded to the nearest, ties to even, and clamped at both ends. -/
def int8Units (lowest : Int8Lowest) (x : Rat) : Int :=
  let n := roundHalfEven (x * 64)
  if n < lowest.units then lowest.units else if 127 < n then 127 else n

/-- The bits of the MXINT8 number nearest to `x`: ties to even, saturating at both ends. -/
def int8OfRat (lowest : Int8Lowest) (x : Rat) : Nat :=
  let n := int8Units lowest x
  if n < 0 then (n + 256).toNat else n.toNat

namespace MxElement

/-- The floating-point format of an element; MXINT8 has none. -/
def format : MxElement → Option FloatFormat
  | .e2m1 => some Q35.e2m1
  | .e2m3 => some Q35.e2m3
  | .e3m2 => some Q35.e3m2
  | .e4m3 => some Q35.e4m3
  | .e5m2 => some Q35.e5m2
  | .int8 => none

/-- Bits of an element. -/
def width : MxElement → Nat
  | .e2m1 => 4
  | .e2m3 | .e3m2 => 6
  | .e4m3 | .e5m2 | .int8 => 8

/-- The exponent of the largest power of two among the elements. -/
def emax : MxElement → Int
  | .e2m1 | .e2m3 => 2
  | .e3m2 => 4
  | .e4m3 => 8
  | .e5m2 => 15
  | .int8 => 0

/-- Bits after the leading one of the largest elements. -/
def mantissaBits (E : MxElement) : Nat :=
  match E.format with
  | some F => F.mantissaBits
  | none => 6

/-- The largest element. -/
def largest (E : MxElement) : Rat :=
  match E.format with
  | some F => F.largest
  | none => 127 / 64

/-- How many units are 1: every element is a whole number of units. -/
def unitsOfOne (E : MxElement) : Nat :=
  match E.format with
  | some F => F.unitsOfOne
  | none => 64

/-- The value of the bits of an element; `none` for infinities, NaNs and numbers that have too many bits. -/
def toRat (E : MxElement) (b : Nat) : Option Rat :=
  match E.format with
  | some F => F.toRat b
  | none => int8ToRat b

/-- The bits of the element nearest to `x`: ties to even, saturating at the largest. -/
def ofRat (E : MxElement) (zero : ZeroSign) (lowest : Int8Lowest) (x : Rat) : Nat :=
  match E.format with
  | some F => F.ofRat zero x
  | none => int8OfRat lowest x

/-- The signed number of units of an element; 0 where it is no number. -/
def units (E : MxElement) (b : Nat) : Int :=
  match E.toRat b with
  | some p => (p * E.unitsOfOne).num
  | none => 0

/-- The largest number of units of an element, without its sign. -/
def largestUnits : MxElement → Nat
  | .e2m1 => 12
  | .e2m3 => 60
  | .e3m2 => 448
  | .e4m3 => 229376
  | .e5m2 => 3758096384
  | .int8 => 128

/-- The distance of the largest elements from each other. -/
def topSpacing (E : MxElement) : Rat := twoPow (E.emax - E.mantissaBits)

/-- The distance from the largest element to the power of two after it. -/
def clipGap (E : MxElement) : Rat := twoPow (E.emax + 1) - E.largest

/-- Whether an encoder may give the bits `b`: all but `0x80` of MXINT8 where it is unused. -/
def Usable (E : MxElement) (lowest : Int8Lowest) (b : Nat) : Prop := E = .int8 ∧ lowest = .unused → b ≠ 128

/-! ### The tables of the standard -/

/-- All 16 codes of E2M1. -/
theorem e2m1_table : (List.range 16).map (toRat .e2m1) = (
    [0, 1/2, 1, 3/2, 2, 3, 4, 6, 0, -1/2, -1, -3/2, -2, -3, -4, -6] : List Rat).map some := by
  decide +kernel

/-- All 64 codes of E2M3. -/
theorem e2m3_table : (List.range 64).map (toRat .e2m3) = (
    [0, 1/8, 1/4, 3/8, 1/2, 5/8, 3/4, 7/8, 1, 9/8, 5/4, 11/8, 3/2, 13/8, 7/4, 15/8, 2, 9/4, 5/2, 11/4, 3, 13/4, 7/2,
     15/4, 4, 9/2, 5, 11/2, 6, 13/2, 7, 15/2, 0, -1/8, -1/4, -3/8, -1/2, -5/8, -3/4, -7/8, -1, -9/8, -5/4, -11/8,
     -3/2, -13/8, -7/4, -15/8, -2, -9/4, -5/2, -11/4, -3, -13/4, -7/2, -15/4, -4, -9/2, -5, -11/2, -6, -13/2, -7,
     -15/2] : List Rat).map some := by
  decide +kernel

/-- All 64 codes of E3M2. -/
theorem e3m2_table : (List.range 64).map (toRat .e3m2) = (
    [0, 1/16, 1/8, 3/16, 1/4, 5/16, 3/8, 7/16, 1/2, 5/8, 3/4, 7/8, 1, 5/4, 3/2, 7/4, 2, 5/2, 3, 7/2, 4, 5, 6, 7, 8,
     10, 12, 14, 16, 20, 24, 28, 0, -1/16, -1/8, -3/16, -1/4, -5/16, -3/8, -7/16, -1/2, -5/8, -3/4, -7/8, -1, -5/4,
     -3/2, -7/4, -2, -5/2, -3, -7/2, -4, -5, -6, -7, -8, -10, -12, -14, -16, -20, -24, -28] : List Rat).map some := by
  decide +kernel

/-- Landmarks of E4M3: zero, the smallest subnormal and normal, one, the largest, NaN, and the same with a sign. -/
theorem e4m3_landmarks : [0x00, 0x01, 0x08, 0x38, 0x7E, 0x7F, 0x80, 0x81, 0x88, 0xB8, 0xFE, 0xFF, 0x100].map
    (toRat .e4m3) = [some 0, some (1 / 2 ^ 9 : Rat), some (1 / 2 ^ 6 : Rat), some 1, some 448, none, some 0,
      some (-1 / 2 ^ 9 : Rat), some (-1 / 2 ^ 6 : Rat), some (-1), some (-448), none, none] := by
  decide +kernel

/-- Landmarks of E5M2: zero, the smallest subnormal and normal, one, the largest, infinity, NaN, and some with a
sign. -/
theorem e5m2_landmarks : [0x00, 0x01, 0x04, 0x3C, 0x7B, 0x7C, 0x7D, 0x7F, 0x80, 0x81, 0xBC, 0xFB, 0xFC, 0x100].map
    (toRat .e5m2) = [some 0, some (1 / 2 ^ 16 : Rat), some (1 / 2 ^ 14 : Rat), some 1, some 57344, none, none, none,
      some 0, some (-1 / 2 ^ 16 : Rat), some (-1), some (-57344), none, none] := by
  decide +kernel

/-- Landmarks of MXINT8: zero, one unit, one, the largest, the lowest, its neighbour, and minus one unit. -/
theorem int8_landmarks : [0x00, 0x01, 0x40, 0x7F, 0x80, 0x81, 0xC0, 0xFF, 0x100].map (toRat .int8) =
    [some 0, some (1 / 64 : Rat), some 1, some (127 / 64 : Rat), some (-2), some (-127 / 64 : Rat), some (-1),
      some (-1 / 64 : Rat), none] := by
  decide +kernel

/-- The codes without a value: 2 NaNs of E4M3; 6 NaNs and 2 infinities of E5M2; no others. -/
theorem count_without_value :
    [e2m1, e2m3, e3m2, e4m3, e5m2, int8].map
      (fun E => ((List.range (2 ^ E.width)).filter fun b => (E.toRat b).isNone).length) = [0, 0, 0, 2, 8, 0] := by
  decide +kernel

/-- The largest elements, and the exponents of the largest powers of two. -/
theorem largest_table :
    [e2m1, e2m3, e3m2, e4m3, e5m2, int8].map largest = [6, 15/2, 28, 448, 57344, 127/64] ∧
    [e2m1, e2m3, e3m2, e4m3, e5m2, int8].map (fun E => twoPow E.emax) = [4, 4, 16, 256, 32768, 1] := by
  decide +kernel

/-- The smallest elements with a leading 1, and the smallest without: one unit. -/
theorem smallest_table :
    [Q35.e2m1, Q35.e2m3, Q35.e3m2, Q35.e4m3, Q35.e5m2].map FloatFormat.smallestNormal =
      [1, 1, 1/4, 1/64, 1/16384] ∧
    [Q35.e2m1, Q35.e2m3, Q35.e3m2, Q35.e4m3, Q35.e5m2].map (FloatFormat.magnitude · 1) =
      [1/2, 1/8, 1/16, 1/512, 1/65536] := by
  decide +kernel

/-- The relative error of elements with a leading 1, and the absolute error of the smaller ones. -/
theorem error_table :
    [Q35.e2m1, Q35.e2m3, Q35.e3m2, Q35.e4m3, Q35.e5m2].map FloatFormat.unitRoundoff = [1/4, 1/16, 1/8, 1/16, 1/8] ∧
    [Q35.e2m1, Q35.e2m3, Q35.e3m2, Q35.e4m3, Q35.e5m2].map FloatFormat.underflowError =
      [1/4, 1/16, 1/32, 1/1024, 1/131072] := by
  decide +kernel

/-- Half the spacing of the largest elements, and their distance to the next power of two: the larger error of
clipping. -/
theorem topSpacing_table :
    [e2m1, e2m3, e3m2, e4m3, e5m2, int8].map (·.topSpacing / 2) = [1, 1/4, 2, 16, 4096, 1/128] ∧
    [e2m1, e2m3, e3m2, e4m3, e5m2, int8].map clipGap = [2, 1/2, 4, 64, 8192, 1/64] := by
  decide +kernel

/-- The ties of E2M1 go to the even code. -/
theorem e2m1_ties :
    ([1/4, 3/4, 5/4, 7/4, 5/2, 7/2, 5] : List Rat).map (fun x => toRat .e2m1 (ofRat .e2m1 .kept .unused x)) =
      ([0, 1, 1, 2, 2, 4, 4] : List Rat).map some := by
  decide +kernel

/-- Beyond the largest number E4M3 gives 448 and E5M2 57344: neither a NaN nor an infinity. -/
theorem no_overflow : toRat .e4m3 (ofRat .e4m3 .kept .unused 480) = some 448 ∧
    toRat .e5m2 (ofRat .e5m2 .kept .unused 65536) = some 57344 := by
  decide +kernel

/-! ### Refuted decoders -/

/-- The published decoder of E2M1: `(1 + m) 2 ^ (e - 1)`, and zero at `e = m = 0`. -/
def publishedE2m1 (b : Nat) : Option Rat :=
  let size := if b % 8 = 0 then 0 else (1 + (b % 2 : Nat)) * twoPow ((b / 2 % 4 : Nat) - 1)
  some (if b < 8 then size else -size)

/-- Refuted: the published decoder of E2M1 is wrong for 8 of 16 codes, those with the mantissa bit. -/
theorem publishedE2m1_wrong :
    (List.range 16).filter (fun b => publishedE2m1 b ≠ toRat .e2m1 b) = [1, 3, 5, 7, 9, 11, 13, 15] := by
  decide +kernel

/-- The published decoder of E2M3: `(1 + m / 8) 2 ^ (e - 1)`, and zero at `e = m = 0`. -/
def publishedE2m3 (b : Nat) : Option Rat :=
  let size := if b % 32 = 0 then 0 else (1 + (b % 8 : Nat) / 8) * twoPow ((b / 8 % 4 : Nat) - 1)
  some (if b < 32 then size else -size)

/-- Refuted: the published decoder of E2M3 is wrong for 14 of 64 codes, the subnormal numbers. -/
theorem publishedE2m3_wrong :
    (List.range 64).filter (fun b => publishedE2m3 b ≠ toRat .e2m3 b) =
      [1, 2, 3, 4, 5, 6, 7, 33, 34, 35, 36, 37, 38, 39] := by
  decide +kernel

/-! ### Facts of each format -/

/-- Only MXINT8 is no floating-point format. -/
theorem format_eq_none {E : MxElement} (h : E.format = none) : E = .int8 := by cases E <;> simp [format] at h ⊢

example : int8 = .int8 := format_eq_none (E := .int8) rfl

/-- The row of data of an element agrees with its floating-point format. -/
theorem format_facts {E : MxElement} {F : FloatFormat} (h : E.format = some F) :
    F.mantissaBits ≠ 0 ∧ F.largestBits ≠ 0 ∧ 2 * F.signBit = 2 ^ E.width ∧
    (2 ^ floatSpacing F.mantissaBits (F.largest * (F.unitsOfOne : Nat)) : Nat) / 2 =
      E.topSpacing / 2 * (F.unitsOfOne : Nat) := by
  cases E <;> simp only [format, Option.some.injEq, reduceCtorEq] at h <;> subst h <;> decide +kernel

example : Q35.e4m3.mantissaBits ≠ 0 := (format_facts (E := .e4m3) rfl).1

/-- The exponent `emax` is that of the largest element's binade. -/
theorem floorLog2_largest (E : MxElement) : floorLog2 E.largest = E.emax := by cases E <;> decide +kernel

/-- The largest power of two among the elements is one, and the next power of two is beyond the largest element. -/
theorem largest_bounds (E : MxElement) : twoPow E.emax ≤ E.largest ∧ E.largest < twoPow (E.emax + 1) := by
  cases E <;> decide +kernel

/-- The largest power of two among the elements has bits. -/
theorem toRat_ofRat_twoPow_emax (E : MxElement) (zero : ZeroSign) (lowest : Int8Lowest) :
    E.toRat (E.ofRat zero lowest (twoPow E.emax)) = some (twoPow E.emax) := by
  cases E <;> cases zero <;> cases lowest <;> decide +kernel

/-- The largest element lies below the midpoint where the rule `even` goes up. -/
theorem largest_lt_even (E : MxElement) : E.largest < twoPow E.emax * (2 - twoPow (-(E.mantissaBits + 1))) := by
  cases E <;> decide +kernel

/-- The largest element is positive. -/
theorem largest_pos (E : MxElement) : 0 < E.largest := by cases E <;> decide +kernel

/-- Clipping below the next power of two costs more than rounding does. -/
theorem topSpacing_lt_clipGap (E : MxElement) : E.topSpacing / 2 < E.clipGap := by cases E <;> decide +kernel

/-- The rules, in order, for the elements of the standard: all within one power of two. -/
theorem scaleExponent_order (E : MxElement) {m : Rat} (hm : 0 < m) :
    let exponent (rule : ScaleRule) := scaleExponent rule E.emax E.largest E.mantissaBits m
    exponent .floor ≤ exponent .even ∧ exponent .even ≤ exponent .rceil ∧ exponent .rceil ≤ exponent .ceil ∧
      exponent .ceil ≤ exponent .floor + 1 :=
  ⟨scaleExponent_floor_le_even .., scaleExponent_even_le_rceil hm E.largest_bounds.1 E.largest_lt_even,
    scaleExponent_rceil_le_ceil hm E.largest_bounds.1 _, scaleExponent_ceil_le_floor_add_one ..⟩

example : scaleExponent .even 8 448 3 500 ≤ scaleExponent .rceil 8 448 3 500 := by
  have := (scaleExponent_order .e4m3 (m := 500) (by decide)).2.1
  rwa [show e4m3.emax = 8 from rfl, show e4m3.largest = 448 by decide +kernel] at this

/-- The scale bits that the standard's rule gives to blocks of finite float32 values, for each format: all up to
`254 - emax`. -/
theorem scaleBits_reachable (E : MxElement) (overflow : ScaleOverflow) {s : Nat} :
    (∃ b v, float32.toRat b = some v ∧ v ≠ 0 ∧
      scaleBits overflow (scaleExponent .floor E.emax E.largest E.mantissaBits (abs v)) = s) ↔
    (s : Int) ≤ 254 - E.emax := by
  obtain ⟨n, hn, hle⟩ : ∃ n : Nat, E.emax = n ∧ n ≤ 15 := by cases E <;> exact ⟨_, rfl, by decide⟩
  rw [hn, scaleBits_floor_reachable overflow _ _ (by omega)]
  omega

/-- That is 252 in MXFP4 and E2M3, 250 in E3M2, 246 in E4M3, 239 in E5M2, and 254 in MXINT8. -/
theorem reachable_table : [e2m1, e2m3, e3m2, e4m3, e5m2, int8].map (254 - ·.emax) = [252, 252, 250, 246, 239, 254] := by
  decide

end MxElement

/-! ### MXINT8 -/

/-- What an encoder of MXINT8 gives lies between its ends. -/
theorem int8Units_bounds (lowest : Int8Lowest) (x : Rat) :
    -128 ≤ int8Units lowest x ∧ lowest.units ≤ int8Units lowest x ∧ int8Units lowest x ≤ 127 := by
  cases lowest <;> simp only [int8Units, Int8Lowest.units] <;> split <;> (try split) <;> omega

/-- The value of the two's complement of `n` units. -/
theorem int8ToRat_units {n : Int} (h : -128 ≤ n ∧ n ≤ 127) :
    int8ToRat (if n < 0 then (n + 256).toNat else n.toNat) = some ((n : Rat) / 64) := by
  rw [int8ToRat]
  split
  · rw [if_neg (by omega), if_neg (by omega)]; congr 3; omega
  · rw [if_neg (by omega), if_pos (by omega)]; congr 3; omega

example : int8ToRat (if (-1 : Int) < 0 then (-1 + 256 : Int).toNat else (-1 : Int).toNat) =
    some (((-1 : Int) : Rat) / 64) := int8ToRat_units (by decide)

/-- Rounding to MXINT8 gives the clamped number of units. -/
theorem int8ToRat_int8OfRat (lowest : Int8Lowest) (x : Rat) :
    int8ToRat (int8OfRat lowest x) = some ((int8Units lowest x : Rat) / 64) := by
  have h := int8Units_bounds lowest x
  exact int8ToRat_units ⟨h.1, h.2.2⟩

/-- The value of eight bits is a number of units between -128 and 127, and -128 has the bits `0x80` alone. -/
theorem int8ToRat_eq_some {b : Nat} {v : Rat} (h : int8ToRat b = some v) :
    ∃ n : Int, (-128 ≤ n ∧ n ≤ 127) ∧ v = n / 64 ∧ b = (if n < 0 then (n + 256).toNat else n.toNat) := by
  rw [int8ToRat] at h
  split at h
  · exact absurd h (by simp)
  · obtain rfl := Option.some.inj h
    refine ⟨if b < 128 then (b : Int) else (b : Int) - 256, ?_, rfl, ?_⟩ <;> split <;> (try split) <;> omega

example : ∃ n : Int, (-128 ≤ n ∧ n ≤ 127) ∧ (-2 : Rat) = n / 64 ∧
    128 = (if n < 0 then (n + 256).toNat else n.toNat) :=
  int8ToRat_eq_some (by decide +kernel)

/-- Of two numbers on the same side of `x` the nearer one is nearer. -/
private theorem abs_sub_le_of_between {x a b : Rat} (h : x ≤ a ∧ a ≤ b ∨ b ≤ a ∧ a ≤ x) :
    abs (x - a) ≤ abs (x - b) := by
  have hb := abs_le_iff.1 (Rat.le_refl (a := abs (x - b)))
  have h0 := abs_nonneg (x - b)
  generalize abs (x - b) = d at *
  exact abs_le_iff.2 ⟨by grind, by grind⟩

/-- Clamped rounding to units gives the nearest number of units between the ends. -/
theorem int8Units_nearest (lowest : Int8Lowest) (x : Rat) {n : Int} (h : lowest.units ≤ n ∧ n ≤ 127) :
    abs (x * 64 - int8Units lowest x) ≤ abs (x * 64 - n) := by
  have hnear := roundHalfEven_nearest (x * 64) n
  have hhalf := abs_le_iff.1 (abs_sub_roundHalfEven_le (x * 64))
  have h₁ : (lowest.units : Rat) ≤ n := Rat.intCast_le_intCast.2 h.1
  have h₂ : (n : Rat) ≤ (127 : Int) := Rat.intCast_le_intCast.2 h.2
  simp only [int8Units]
  split
  · rename_i hlt
    have : ((roundHalfEven (x * 64) + 1 : Int) : Rat) ≤ lowest.units := Rat.intCast_le_intCast.2 hlt
    rw [Rat.intCast_add] at this
    have : ((1 : Int) : Rat) = 1 := rfl
    exact abs_sub_le_of_between (.inl ⟨by grind, h₁⟩)
  · split
    · rename_i hlt
      have : ((127 + 1 : Int) : Rat) ≤ roundHalfEven (x * 64) := Rat.intCast_le_intCast.2 hlt
      rw [Rat.intCast_add] at this
      have : ((1 : Int) : Rat) = 1 := rfl
      exact abs_sub_le_of_between (.inr ⟨h₂, by grind⟩)
    · exact hnear

example : abs (5 * 64 - int8Units .unused 5) ≤ abs (5 * 64 - (100 : Int)) := int8Units_nearest .unused 5 (by decide)

namespace MxElement

/-! ### Rounding to an element -/

/-- Rounding always gives a value, and no code that the encoder may use is nearer: in each format. -/
theorem ofRat_nearest (E : MxElement) (zero : ZeroSign) (lowest : Int8Lowest) (x : Rat) :
    ∃ w, E.toRat (E.ofRat zero lowest x) = some w ∧ E.Usable lowest (E.ofRat zero lowest x) ∧
      ∀ b v, E.Usable lowest b → E.toRat b = some v → abs (x - w) ≤ abs (x - v) := by
  cases hE : E.format with
  | some F =>
    obtain ⟨w, hw, hnear⟩ := F.ofRat_nearest zero x
    have hint : ¬E = .int8 := fun h => by subst h; exact absurd hE (by simp [format])
    simp only [toRat, ofRat, hE]
    exact ⟨w, hw, fun h => absurd h.1 hint, fun b v _ => hnear b v⟩
  | none =>
    obtain rfl := format_eq_none hE
    have hb := int8Units_bounds lowest x
    refine ⟨_, int8ToRat_int8OfRat lowest x, fun ⟨_, h⟩ => ?_, fun b v hb hv => ?_⟩
    · subst h
      simp only [ofRat, hE, int8OfRat]
      simp only [Int8Lowest.units] at hb
      split <;> omega
    · obtain ⟨n, hn, rfl, rfl⟩ := int8ToRat_eq_some hv
      have hn' : lowest.units ≤ n ∧ n ≤ 127 := by
        refine ⟨?_, hn.2⟩
        cases lowest with
        | used => exact hn.1
        | unused =>
          have := hb ⟨rfl, rfl⟩
          simp only [Int8Lowest.units]
          split at this <;> omega
      have hunits (m : Int) : (m : Rat) / 64 * 64 = m := by grind
      refine le_of_mul_le_mul_right (c := 64) ?_ (by decide)
      rw [abs_sub_mul_right (by decide), abs_sub_mul_right (by decide), hunits, hunits]
      exact int8Units_nearest lowest x hn'

/-- Every value is found again: its code comes back, but for the zero with a sign bit. -/
theorem ofRat_toRat (E : MxElement) (zero : ZeroSign) (lowest : Int8Lowest) {b : Nat} {v : Rat} (h : E.toRat b = some v)
    (hb : E.Usable lowest b) (h0 : v = 0 → b = 0) : E.ofRat zero lowest v = b := by
  cases hE : E.format with
  | some F =>
    simp only [toRat, ofRat, hE] at h ⊢
    refine F.ofRat_toRat zero h fun hs => ?_
    have hzero : F.toRat F.signBit = some (-F.magnitude 0) := F.toRat_neg (Nat.zero_le _)
    rw [← hs, h, F.magnitude_zero] at hzero
    have h₁ := h0 (by have := Option.some.inj hzero; grind)
    have h₂ := Nat.two_pow_pos (F.exponentBits + F.mantissaBits)
    rw [FloatFormat.signBit] at hs
    omega
  | none =>
    obtain rfl := format_eq_none hE
    obtain ⟨n, hn, rfl, rfl⟩ := int8ToRat_eq_some h
    have hlow : lowest.units ≤ n := by
      cases lowest with
      | used => exact hn.1
      | unused =>
        have := hb ⟨rfl, rfl⟩
        simp only [Int8Lowest.units]
        split at this <;> omega
    have hround : roundHalfEven ((n : Rat) / 64 * 64) = n := by
      rw [show (n : Rat) / 64 * 64 = n by grind, roundHalfEven_intCast]
    have hunits : int8Units lowest (n / 64) = n := by
      simp only [int8Units, hround]
      rw [if_neg (by omega), if_neg (by omega)]
    simp only [ofRat, hE, int8OfRat, hunits]

example : ofRat .e3m2 .kept .unused (-28) = 63 :=
  ofRat_toRat .e3m2 .kept .unused (by decide +kernel) (fun h => absurd h.1 (by decide)) (fun h => absurd h (by decide))

/-- Every code of a value is one of the format's width. -/
theorem lt_of_toRat_eq_some (E : MxElement) {b : Nat} {v : Rat} (h : E.toRat b = some v) : b < 2 ^ E.width := by
  cases hE : E.format with
  | some F =>
    simp only [toRat, hE] at h
    have hnone : ¬F.toRat b = none := by rw [h]; simp
    rw [F.toRat_eq_none_iff] at hnone
    have := (format_facts hE).2.2.1
    omega
  | none =>
    obtain rfl := format_eq_none hE
    obtain ⟨n, hn, -, rfl⟩ := int8ToRat_eq_some h
    show _ < 256
    split <;> omega

example : (63 : Nat) < 2 ^ width .e3m2 := lt_of_toRat_eq_some .e3m2 (v := -28) (by decide +kernel)

/-- The bits that rounding gives fit the format's width. -/
theorem ofRat_lt (E : MxElement) (zero : ZeroSign) (lowest : Int8Lowest) (x : Rat) :
    E.ofRat zero lowest x < 2 ^ E.width :=
  have ⟨_, hw, _⟩ := E.ofRat_nearest zero lowest x
  E.lt_of_toRat_eq_some hw

/-- From the largest element on all numbers round to it. -/
theorem ofRat_saturates (E : MxElement) (zero : ZeroSign) (lowest : Int8Lowest) {x : Rat} (h : E.largest ≤ x) :
    E.toRat (E.ofRat zero lowest x) = some E.largest := by
  cases hE : E.format with
  | some F =>
    simp only [toRat, ofRat, largest, hE] at h ⊢
    rw [(F.ofRat_saturates zero (format_facts hE).2.1 h).1]
    exact F.toRat_pos (Nat.le_refl _)
  | none =>
    obtain rfl := format_eq_none hE
    have hround : roundHalfEven ((127 : Int) : Rat) ≤ roundHalfEven (x * 64) := by
      refine roundHalfEven_mono ?_
      have h : (127 / 64 : Rat) ≤ x := h
      have : ((127 : Int) : Rat) = 127 := rfl
      grind
    rw [roundHalfEven_intCast] at hround
    have hunits : int8Units lowest x = 127 := by
      cases lowest <;> simp only [int8Units, Int8Lowest.units] <;> rw [if_neg (by omega)] <;> split <;> omega
    refine (int8ToRat_int8OfRat lowest x).trans ?_
    rw [hunits]
    rfl

example : toRat .e4m3 (ofRat .e4m3 .kept .unused 1000) = some (largest .e4m3) :=
  ofRat_saturates .e4m3 .kept .unused (by decide +kernel)

/-- From the negative of the largest element downwards all numbers round to it, unless `0x80` of MXINT8 is used. -/
theorem ofRat_saturates_neg (E : MxElement) (zero : ZeroSign) (lowest : Int8Lowest) (hl : E = .int8 → lowest = .unused)
    {x : Rat} (h : E.largest ≤ x) : E.toRat (E.ofRat zero lowest (-x)) = some (-E.largest) := by
  cases hE : E.format with
  | some F =>
    simp only [toRat, ofRat, largest, hE] at h ⊢
    rw [(F.ofRat_saturates zero (format_facts hE).2.1 h).2]
    exact F.toRat_neg (Nat.le_refl _)
  | none =>
    obtain rfl := format_eq_none hE
    obtain rfl := hl rfl
    have hround : roundHalfEven (-x * 64) ≤ roundHalfEven ((-127 : Int) : Rat) := by
      refine roundHalfEven_mono ?_
      have h : (127 / 64 : Rat) ≤ x := h
      have : ((-127 : Int) : Rat) = -127 := rfl
      grind
    rw [roundHalfEven_intCast] at hround
    have hunits : int8Units .unused (-x) = -127 := by
      simp only [int8Units, Int8Lowest.units]
      split <;> (try split) <;> omega
    refine (int8ToRat_int8OfRat .unused (-x)).trans ?_
    rw [hunits]
    decide +kernel

example : toRat .int8 (ofRat .int8 .kept .unused (-3)) = some (-largest .int8) :=
  ofRat_saturates_neg .int8 .kept .unused (fun _ => rfl) (by decide +kernel)

end MxElement

end Q35
