module

public import Q35.Float

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

end Q35
