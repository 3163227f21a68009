module

public import Q35Vectors.Float
public import Q35.Linear
public import Q35.MxBlock

@[expose] public section

/-! The vectors of the Microscaling formats: scales, elements, blocks. Whatever the standard leaves open is a field of
the rows. -/

namespace Q35.Vectors

/-! ### Names -/

/-- Every element format. -/
def elements : List (String × MxElement) :=
  [("e2m1", .e2m1), ("e2m3", .e2m3), ("e3m2", .e3m2), ("e4m3", .e4m3), ("e5m2", .e5m2), ("int8", .int8)]

/-- Every rule for the scale. -/
def rules : List (String × ScaleRule) := [("floor", .floor), ("ceil", .ceil), ("rceil", .rceil), ("even", .even)]

def ruleName : ScaleRule → String
  | .floor => "floor"
  | .ceil => "ceil"
  | .rceil => "rceil"
  | .even => "even"

def overflowName : ScaleOverflow → String
  | .clamp => "clamp"
  | .nan => "nan"

def zeroScaleName : ZeroScale → String
  | .smallest => "smallest"
  | .one => "one"

def zeroSignName : ZeroSign → String
  | .positive => "positive"
  | .kept => "kept"

def lowestName : Int8Lowest → String
  | .used => "used"
  | .unused => "unused"

/-- Every choice of a policy. -/
def policyFields (P : MxPolicy) : List (String × String) :=
  [("rule", quoted (ruleName P.rule)), ("overflow", quoted (overflowName P.overflow)),
    ("zero_scale", quoted (zeroScaleName P.zeroScale)), ("zero", quoted (zeroSignName P.zero)),
    ("lowest", quoted (lowestName P.lowest))]

/-! ### mx_scales.json -/

def scaleRow (b : Nat) : String := object [("scale", nat b), ("value", nullable ((scaleToRat b).map rat))]

def log2Row (x : Rat) : String :=
  object [("x", rat x), ("floor_log2", int (floorLog2 x)), ("ceil_log2", int (ceilLog2 x))]

/-- The bits of `2 ^ k` in binary32, for `k` from -149 to 127. -/
def float32PowBits (k : Int) : Nat := if k < -126 then 2 ^ (k + 149).toNat else (k + 127).toNat * 2 ^ 23

/-- A positive number and its neighbours in binary32. -/
def float32Neighbours (b : Nat) : List Rat :=
  let sizes := [float32.magnitude (b - 1), float32.magnitude b, float32.magnitude (b + 1)]
  if b = 1 then [float32.magnitude 1, float32.magnitude 2] else sizes

/-- Every power of two of binary32 and its neighbours. -/
def float32Powers : List Rat :=
  pointsOf ((List.range 277).map fun (n : Nat) => (n : Int) - 149) fun k => float32Neighbours (float32PowBits k)

/-- The exponents of scales for a largest absolute value, by rule. -/
def exponentRow (E : MxElement) (m : Rat) : String :=
  object (("m", rat m) :: rules.map fun r => (r.1, int (scaleExponent r.2 E.emax E.largest E.mantissaBits m)))

/-- Where the rules change for an element, at the power `2 ^ k`: the power itself, the largest element times it, and the
number from which the rule `even` rounds up; each with neighbours, of which the outer ones are binary32 numbers. -/
def thresholds (E : MxElement) (k : Int) : List Rat :=
  let d : Rat := 1 / 65536
  let e : Rat := 1 / 1099511627776
  let up := 2 - twoPow (-(E.mantissaBits + 1))
  let points := [1, up, E.largest / twoPow E.emax, 3 / 2].map fun c => c * twoPow k
  points.foldr (fun x rest => x * (1 - d) :: x * (1 - e) :: x :: x * (1 + e) :: x * (1 + d) :: rest) []

def exponentGroups : List String := elements.map fun E =>
  sharing [("element", quoted E.1)] ["scale-rule", "emax-forgotten", "float-log2"]
    (rowsOf (pointsOf [-149, -130, -127, -126, -10, -1, 0, 1, 2, 10, 100, 126, 127] (thresholds E.2)) (exponentRow E.2))

/-- Scale bits for an exponent, for both rules beyond the largest. -/
def scaleBitsRow (e : Int) : String :=
  object [("exponent", int e), ("clamp", nat (scaleBits .clamp e)), ("nan", nat (scaleBits .nan e))]

def mxScalesFile : String := file [``scaleToRat, ``scaleBits, ``floorLog2, ``ceilLog2, ``scaleExponent] <| together [
  [group ["scale-bias", "scale-as-zero", "nan-as-number"]
    ((List.range 258).foldl (fun rows b => rows.push (scaleRow b)) #[]),
  group ["float-log2", "subnormal-flushed"] (rowsOf float32Powers log2Row),
  group ["float-log2"] (rowsOf [1 / 3, 2 / 3, 5 / 3, 7 / 3, 10 / 3, 2 ^ 200, 2 ^ 200 - 1, 1 / 2 ^ 300, 3 / 2 ^ 300,
    (2 ^ 300 - 1) / 2 ^ 300, (2 ^ 53 + 1) / 2 ^ 53, 1000000007 / 998244353] log2Row),
  group ["scale-bias", "overflow-to-infinity"]
    ((upTo 300).foldl (fun rows e => rows.push (scaleBitsRow e)) #[])],
  exponentGroups]

/-! ### mx_elements.json -/

/-- All parameters of an element. -/
def elementRow (name : String) (E : MxElement) : String :=
  object [("element", quoted name), ("format", if E.format.isSome then quoted name else "null"),
    ("width", nat E.width), ("emax", int E.emax), ("mantissa_bits", nat E.mantissaBits), ("largest", rat E.largest),
    ("units_of_one", rat (E.unitsOfOne : Nat)), ("largest_units", nat E.largestUnits),
    ("top_spacing", rat E.topSpacing), ("clip_gap", rat E.clipGap), ("block_size", nat mxBlockSize), ("block_bits", nat (mxBlockBits E))]

/-- The value of an element and its signed number of units. -/
def elementValueRow (E : MxElement) (b : Nat) : String :=
  object [("bits", nat b), ("value", nullable ((E.toRat b).map rat)), ("units", rat (E.units b : Int))]

def int8Row (x : Rat) : String :=
  object [("x", rat x), ("unused", nat (int8OfRat .unused x)), ("used", nat (int8OfRat .used x))]

/-- Every tie of MXINT8 and its neighbours, and beyond both ends. -/
def int8Points : List Rat :=
  let e : Rat := 1 / 1099511627776
  let ties := pointsOf (upTo 130) fun k =>
    let tie := (2 * k + 1 : Rat) / 128
    [(k : Rat) / 64, tie - e, tie, tie + e]
  ties.foldr List.cons [1000, -1000, 2 ^ 200, -2 ^ 200]

/-- The sizes of rows and caches. -/
def rowBytesRow (name : String) (E : MxElement) (n : Nat) : String :=
  object [("element", quoted name), ("count", nat n), ("row_bytes", nat (mxRowBytes E n))]

def cacheRow (name : String) (E : MxElement) (layers heads dim tokens : Nat) : String :=
  object [("element", quoted name), ("layers", nat layers), ("heads", nat heads), ("dim", nat dim),
    ("tokens", nat tokens), ("cache_bytes", nat (mxKvCacheBytes E layers heads dim tokens)),
    ("fp16_cache_bytes", nat (fp16KvCacheBytes layers heads dim tokens))]

def mxElementsFile : String := file [``MxElement.toRat, ``MxElement.units, ``MxElement.emax, ``MxElement.largest,
    ``MxElement.width, ``MxElement.mantissaBits, ``MxElement.unitsOfOne, ``MxElement.largestUnits,
    ``MxElement.topSpacing, ``MxElement.clipGap, ``int8OfRat, ``int8ToRat, ``mxBlockBits,
    ``mxRowBytes, ``mxKvCacheBytes, ``fp16KvCacheBytes] <| together [
  [group ["parameter-wrong", "emax-forgotten", "stride"]
    (elements.foldl (fun rows E => rows.push (elementRow E.1 E.2)) #[])],
  elements.map fun E => sharing [("element", quoted E.1)]
    ["subnormal-as-normal", "nan-as-number", "infinity-as-number", "sign-not-extended", "twos-complement-off-by-one"]
    ((List.range (2 ^ E.2.width + 2)).foldl (fun rows b => rows.push (elementValueRow E.2 b)) #[]),
  [sharing [("element", quoted "int8"), ("ties", quoted "even")] ["ties-away", "clip-missing", "clip-asymmetric"]
    (rowsOf int8Points int8Row),
  group ["stride", "tail-lost"] <| Id.run do
    let mut rows := #[]
    for E in elements do
      for n in [0, 1, 31, 32, 33, 64, 384, 4096, 4097] do
        rows := rows.push (rowBytesRow E.1 E.2 n)
    return rows,
  group ["scale-not-counted"] <| Id.run do
    let mut rows := #[]
    for E in elements do
      for shape in [(32, 32, 128, 4096), (80, 8, 128, 8192), (1, 1, 1, 1), (2, 3, 80, 5)] do
        rows := rows.push (cacheRow E.1 E.2 shape.1 shape.2.1 shape.2.2.1 shape.2.2.2)
    return rows]]

/-! ### mx_blocks.json -/

/-- A block of values as the quantizer makes it, and as it reads back. -/
def mxBlockRow (P : MxPolicy) (E : MxElement) (values : List (Option Rat)) : String :=
  let B := quantizeBlockMx P E values
  object [("values", array (values.map fun v => nullable (v.map rat))), ("scale", nat B.scale),
    ("elements", hex B.elements), ("decoded", array ((dequantizeBlockMx E B).map fun v => nullable (v.map rat)))]

/-- A policy and an element with several blocks: one group. -/
def blockGroup (flags : List String) (P : MxPolicy) (name : String) (E : MxElement) (blocks : List (List (Option Rat))) :
    String :=
  sharing (("element", quoted name) :: ("ties", quoted "even") :: policyFields P) flags
    (blocks.foldl (fun rows values => rows.push (mxBlockRow P E values)) #[])

/-- `count` pseudo-random numbers of 17 bits in units of `unit`, bell-shaped as weights are. -/
def someValues (unit : Rat) : (count seed : Nat) → List (Option Rat)
  | 0, _ => []
  | count + 1, seed =>
    let b := next seed
    let c := next b
    let sum := below 65536 seed + below 65536 b + below 65536 c
    some (((sum : Int) - 98304 : Int) * unit) :: someValues unit count (next c)

/-- A block that is zero but for one value at one place. -/
def lone (place : Nat) (v : Option Rat) : List (Option Rat) :=
  (List.range mxBlockSize).map fun k => if k = place then v else some 0

/-- 32 numbers next to ties of the elements under the scale `2 ^ e`; the first is a power of two that makes that scale
the standard's. -/
def tiedValues (E : MxElement) (e : Int) (first : Nat) : List (Option Rat) :=
  some (twoPow (E.emax + e)) :: (List.range 31).map fun (k : Nat) =>
    let a := first + k / 2
    let middle := match E.format with
      | some F => (F.magnitude a + F.magnitude (a + 1)) / 2
      | none => (2 * a + 1 : Nat) / 128
    let x : Rat := match k % 3 with
      | 0 => middle
      | 1 => middle * (1 - 1 / 262144)
      | _ => middle * (1 + 1 / 262144)
    some ((if k % 2 = 0 then x else -x) * twoPow e)

/-- Values of every size at once: the large ones make the small ones subnormal elements, and zeros of both signs. -/
def spreadValues (seed : Nat) : List (Option Rat) :=
  (List.range mxBlockSize).map fun (k : Nat) =>
    some ((if (seed + k) % 3 = 0 then -1 else 1) * (below 1000 (next (seed + k)) + 1 : Nat) / 2 ^ (k * 2 / 3) : Rat)

def standardWith (rule : ScaleRule) : MxPolicy := { MxPolicy.standard with rule }

/-- Blocks around the largest number of binary32: the scale reaches its end there. -/
def hugeBlocks : List (List (Option Rat)) :=
  [lone 3 (some float32.largest), lone 0 (some (-twoPow 127)), lone 31 (some (twoPow 126)),
    (lone 1 (some float32.largest)).map fun v => v.map fun x => -x,
    someValues (twoPow 110) 32 5]

/-- Blocks of subnormals of binary32, down to its smallest number. -/
def tinyBlocks : List (List (Option Rat)) :=
  [lone 5 (some (twoPow (-149))), lone 0 (some (-twoPow (-126))), someValues (twoPow (-149)) 32 6,
    someValues (twoPow (-140)) 32 7, lone 31 (some (3 * twoPow (-149)))]

/-- Blocks that hold what is no number. -/
def brokenBlocks : List (List (Option Rat)) :=
  [lone 0 none, lone 31 none, none :: someValues (1 / 1024) 31 8, (List.range 32).map fun _ => none]

/-- Blocks of zeros, and blocks whose small numbers become zeros of either sign. -/
def zeroBlocks : List (List (Option Rat)) :=
  [lone 0 (some 0), lone 7 (some (-1)), some 1024 :: (List.range 31).map fun (k : Nat) =>
    some ((if k % 2 = 0 then -1 else 1) / 2 ^ (k + 1) : Rat)]

/-- Two different blocks of every kind: neighbours that must not share a scale. -/
def differentBlocks (seed : Nat) : List (List (Option Rat)) :=
  [someValues (1 / 1048576) 32 seed, someValues 16 32 (seed + 1), spreadValues seed, someValues (1 / 7) 32 (seed + 2)]

/-- For every element and every rule a group. -/
def perRule (flags : List String) (blocks : MxElement → List (List (Option Rat))) : List String :=
  together (elements.map fun E => rules.map fun r => blockGroup flags (standardWith r.2) E.1 E.2 (blocks E.2))

/-- For every element a group of each policy. -/
def perPolicy (flags : List String) (policies : List MxPolicy) (blocks : List (List (Option Rat))) : List String :=
  together (elements.map fun E => policies.map fun P => blockGroup flags P E.1 E.2 blocks)

/-- The integer dot product of the elements of two blocks, in units of both. -/
def mxDotRow (E E' : String × MxElement) (a b : List Nat) : String :=
  object [("element", quoted E.1), ("other", quoted E'.1), ("a", hex a), ("b", hex b),
    ("units", rat (dotInt (mxUnits E.2 ⟨127, a⟩) (mxUnits E'.2 ⟨127, b⟩)))]

/-- `count` pseudo-random bits of elements. -/
def someElements (E : MxElement) : (count seed : Nat) → List Nat
  | 0, _ => []
  | count + 1, seed => below (2 ^ E.width) seed :: someElements E count (next seed)

/-- The largest element, often. -/
def extremeElements (E : MxElement) : List Nat :=
  let b := match E.format with
    | some F => F.largestBits
    | none => 127
  (List.range mxBlockSize).map fun _ => b

def mxDotRows : Array String := Id.run do
  let mut rows := #[]
  for E in elements do
    for E' in elements do
      rows := rows.push (mxDotRow E E' (extremeElements E.2) (extremeElements E'.2))
      for n in [1, 2] do
        rows := rows.push (mxDotRow E E' (someElements E.2 32 (next n)) (someElements E'.2 32 (next (n + 100))))
  return rows

def mxBlocksFile : String := file [``quantizeBlockMx, ``dequantizeBlockMx, ``mxValue, ``mxMaxAbs, ``mxScaleBits,
    ``mxElementBits, ``mxUnits, ``dotInt, ``scaleExponent] <| together [
  perRule ["stride", "scale-of-neighbour-block", "scale-rule", "emax-forgotten"] fun _ =>
    differentBlocks 35,
  perRule ["ties-away", "clip-after-scaling", "nearest-wrong"] fun E =>
    [tiedValues E 0 0, tiedValues E (-20) 2, tiedValues E 100 1],
  perPolicy ["zero-block", "negative-zero"]
    [⟨.floor, .clamp, .smallest, .kept, .unused⟩, ⟨.floor, .clamp, .one, .kept, .unused⟩,
      ⟨.floor, .clamp, .smallest, .positive, .unused⟩, ⟨.rceil, .nan, .one, .positive, .used⟩] zeroBlocks,
  perPolicy ["nan-as-number"] [MxPolicy.standard, ⟨.even, .nan, .one, .positive, .used⟩] brokenBlocks,
  perPolicy ["overflow-to-infinity", "scale-overflow", "float-log2"]
    [⟨.floor, .clamp, .smallest, .kept, .unused⟩, ⟨.ceil, .clamp, .smallest, .kept, .unused⟩,
      ⟨.ceil, .nan, .smallest, .kept, .unused⟩, ⟨.rceil, .clamp, .smallest, .kept, .unused⟩,
      ⟨.rceil, .nan, .smallest, .kept, .unused⟩, ⟨.even, .clamp, .smallest, .kept, .unused⟩,
      ⟨.even, .nan, .smallest, .kept, .unused⟩] hugeBlocks,
  perRule ["subnormal-flushed", "float-log2", "scale-as-zero"] fun _ => tinyBlocks,
  [blockGroup ["clip-asymmetric"] ⟨.floor, .clamp, .smallest, .kept, .used⟩ "int8" .int8
    [lone 2 (some (-2)), lone 3 (some (-255 / 128)), lone 4 (some (-1.999)), spreadValues 3],
  blockGroup ["clip-asymmetric"] ⟨.floor, .clamp, .smallest, .kept, .unused⟩ "int8" .int8
    [lone 2 (some (-2)), lone 3 (some (-255 / 128)), lone 4 (some (-1.999)), spreadValues 3],
  group ["sign-not-extended", "subnormal-as-normal", "float-accumulator", "int16-accumulator"] mxDotRows]]

end Q35.Vectors
