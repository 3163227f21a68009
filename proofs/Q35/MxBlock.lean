module

public import Q35.MxElement
public import Q35.Compile

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

/-- The integer dot product of the elements of two blocks, in units of both. -/
def mxDotUnits (E E' : MxElement) : List Nat → List Nat → Int
  | b :: bs, c :: cs => E.units b * E'.units c + mxDotUnits E E' bs cs
  | _, _ => 0

/-- Bits of a block: the elements and the scale. -/
def mxBlockBits (E : MxElement) : Nat := mxBlockSize * E.width + 8

/-- Bytes of a row of `n` values, whole blocks. -/
def mxRowBytes (E : MxElement) (n : Nat) : Nat := (n + mxBlockSize - 1) / mxBlockSize * (mxBlockBits E / 8)

/-- Bytes of a key-value cache: a key and a value of `dim` numbers for each layer, head and token. -/
def mxKvCacheBytes (E : MxElement) (layers heads dim tokens : Nat) : Nat :=
  2 * layers * heads * tokens * mxRowBytes E dim

/-- Bytes of the same cache in fp16. -/
def fp16KvCacheBytes (layers heads dim tokens : Nat) : Nat := 2 * layers * heads * tokens * (2 * dim)

end Q35
