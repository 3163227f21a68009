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

/-- Whether an encoder uses the code `0x80` of MXINT8, which stands for -2. The standard lets it unused. -/
inductive Int8Lowest where
  /-- Numbers reach down to -2. -/
  | used
  /-- Numbers reach down to -127/64, as far as up. -/
  | unused
  deriving DecidableEq

/-- The value of eight bits of MXINT8: two's complement, in units of `1 / 64`. -/
def int8ToRat (b : Nat) : Option Rat :=
  if 256 ≤ b then none else some ((if b < 128 then (b : Int) else (b : Int) - 256 : Int) / 64)

/-- The bits of the MXINT8 number nearest to `x`: ties to even, saturating at both ends. -/
def int8OfRat (lowest : Int8Lowest) (x : Rat) : Nat :=
  let low : Int := match lowest with
    | .used => -128
    | .unused => -127
  let n := roundHalfEven (x * 64)
  let n := if n < low then low else if 127 < n then 127 else n
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

end MxElement

end Q35
