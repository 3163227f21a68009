module

public import Q35Vectors.Json
public import Q35.Float

@[expose] public section

/-! The vectors of the floating-point formats: parameters, values, conversions at every tie of the small formats and at
chosen ties of the large ones, and rounding of results. -/

namespace Q35.Vectors

/-! ### Formats -/

/-- The formats whose every number is a row. -/
def smallFormats : List (String × FloatFormat) :=
  [("e2m1", e2m1), ("e2m3", e2m3), ("e3m2", e3m2), ("e4m3", e4m3), ("e5m2", e5m2)]

/-- The formats of which landmarks are rows. -/
def largeFormats : List (String × FloatFormat) :=
  [("float16", float16), ("bfloat16", bfloat16), ("float32", float32)]

/-- Every format. -/
def allFormats : List (String × FloatFormat) := smallFormats.foldr List.cons largeFormats

/-- The name of what the highest bit patterns stand for. -/
def specialsName : Specials → String
  | .none => "none"
  | .nan => "nan"
  | .ieee => "ieee"

/-- All parameters of a format and all figures derived from them. -/
def formatRow (name : String) (F : FloatFormat) : String :=
  object [("format", quoted name), ("exponent_bits", nat F.exponentBits), ("mantissa_bits", nat F.mantissaBits),
    ("bias", nat F.bias), ("specials", quoted (specialsName F.specials)), ("unit_exponent", nat F.unitExponent),
    ("units_of_one", rat (F.unitsOfOne : Nat)), ("sign_bit", nat F.signBit), ("largest_bits", nat F.largestBits),
    ("largest", rat F.largest), ("smallest_normal", rat F.smallestNormal), ("unit_roundoff", rat F.unitRoundoff),
    ("underflow_error", rat F.underflowError)]

/-! ### Values -/

def valueRow (F : FloatFormat) (b : Nat) : String :=
  object [("bits", nat b), ("value", nullable ((F.toRat b).map rat))]

/-- All bits of a format, and numbers that have too many. -/
def allBits (F : FloatFormat) : List Nat := List.range (2 * F.signBit + 3)

/-- Bits at both ends of a few exponent fields, of both signs, and numbers that have too many bits. -/
def someBits (F : FloatFormat) : List Nat := Id.run do
  let top := 2 ^ F.exponentBits - 1
  let one := 2 ^ F.mantissaBits
  let mut all := #[]
  for sign in [0, F.signBit] do
    for e in [0, 1, 2, F.bias - 1, F.bias, F.bias + 1, top - 2, top - 1, top] do
      for m in [0, 1, 2, one / 2 - 1, one / 2, one / 2 + 1, one - 2, one - 1] do
        all := all.push (sign + e * one + m)
  return ((all.push (2 * F.signBit)).push (2 * F.signBit + 1)).push (3 * F.signBit) |>.toList

/-! ### Conversions -/

/-- A number and the numbers next to it, nearer than any number of a format, of both signs. -/
def nextTo (x : Rat) : List Rat :=
  let e : Rat := 1 / 1099511627776
  [x * (1 - e), x, x * (1 + e), -x * (1 - e), -x, -x * (1 + e)]

/-- The middles of the sizes with the bits `a` and the next larger ones, and the numbers next to them. -/
def middles (F : FloatFormat) (as : List Nat) : List Rat :=
  pointsOf (as.map fun (a : Nat) => (a : Int)) fun a =>
    nextTo ((F.magnitude a.toNat + F.magnitude (a.toNat + 1)) / 2)

/-- The largest number, what would come next, and far beyond. -/
def beyond (F : FloatFormat) : List Rat :=
  (nextTo F.largest).foldr List.cons <| (nextTo (F.magnitude (F.largestBits + 1))).foldr List.cons <|
    [2 * F.largest, -2 * F.largest, 1000 * F.largest, -1000 * F.largest, F.largest * 2 ^ 300, -F.largest * 2 ^ 300]

/-- The bits of the nearest number, for both rules for the sign of a zero. -/
def nearestRow (F : FloatFormat) (x : Rat) : String :=
  object [("x", rat x), ("kept", nat (F.ofRat .kept x)), ("positive", nat (F.ofRat .positive x))]

/-- Sizes of a large format at whose middles rounding is tried: subnormals, normals, around powers of two, the end. -/
def someSizes (F : FloatFormat) : List Nat :=
  let one := 2 ^ F.mantissaBits
  [0, 1, 2, 3, one / 2, one - 2, one - 1, one, one + 1, 2 * one - 2, 2 * one - 1, 2 * one, F.bias * one - 2,
    F.bias * one - 1, F.bias * one, F.bias * one + 1, F.largestBits - 2, F.largestBits - 1]

def roundRow (F : FloatFormat) (x : Rat) : String := object [("x", rat x), ("rounded", rat (F.round x))]

/-- Rationals that are no binary fractions. -/
def thirds : List Rat := pointsOf [1, 2, 10, 1000, 65535] fun k => [(k : Rat) / 3, -(k : Rat) / 7, 1 / (11 * k : Rat)]

/-- For every format a group of rows. -/
def perFormat (formats : List (String × FloatFormat)) (flags : List String) (ties : Bool)
    (rows : FloatFormat → Array String) : List String :=
  formats.map fun f =>
    sharing (("format", quoted f.1) :: if ties then [("ties", quoted "even")] else []) flags (rows f.2)

/-- The rows of several lists of groups, one after the other. -/
def together (groups : List (List String)) : List String := groups.foldr (fun g rest => g.foldr List.cons rest) []

def floatsFile : String := file [``FloatFormat.toRat, ``FloatFormat.ofRat, ``FloatFormat.round, ``FloatFormat.magnitude,
    ``FloatFormat.largest, ``FloatFormat.smallestNormal, ``FloatFormat.unitRoundoff, ``FloatFormat.underflowError,
    ``floatUnits, ``floatBits] <| together [
  [group ["parameter-wrong"] (allFormats.foldl (fun rows f => rows.push (formatRow f.1 f.2)) #[])],
  perFormat smallFormats ["subnormal-as-normal", "nan-as-number", "infinity-as-number", "sign-lost"] false fun F =>
    (allBits F).foldl (fun rows b => rows.push (valueRow F b)) #[],
  perFormat largeFormats ["subnormal-as-normal", "nan-as-number", "infinity-as-number", "sign-lost"] false fun F =>
    (someBits F).foldl (fun rows b => rows.push (valueRow F b)) #[],
  perFormat smallFormats ["ties-away", "nearest-wrong", "negative-zero", "subnormal-flushed", "exponent-carry"] true
    fun F => rowsOf (0 :: middles F (List.range F.largestBits)) (nearestRow F),
  perFormat largeFormats ["ties-away", "nearest-wrong", "negative-zero", "subnormal-flushed", "exponent-carry"] true
    fun F => rowsOf (0 :: middles F (someSizes F)) (nearestRow F),
  perFormat allFormats ["overflow-to-infinity", "overflow-to-nan"] true fun F => rowsOf (beyond F) (nearestRow F),
  perFormat allFormats ["ties-away", "nearest-wrong"] true fun F => rowsOf thirds (nearestRow F),
  perFormat largeFormats ["ties-away", "saturation-wrong", "subnormal-flushed"] true fun F =>
    rowsOf (0 :: (middles F (someSizes F)).foldr List.cons (thirds.foldr List.cons (beyond F))) (roundRow F),
  perFormat smallFormats ["ties-away", "saturation-wrong", "subnormal-flushed"] true fun F =>
    rowsOf (0 :: (middles F [0, 1, 2, 3, F.largestBits - 1]).foldr List.cons (beyond F)) (roundRow F)]

end Q35.Vectors
