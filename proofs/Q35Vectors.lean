module

public import Q35Vectors.Float
public import Q35Vectors.Json
public import Q35Vectors.Mx
public import Q35Vectors.Product
public import Q35Vectors.Rows
public import Q35Vectors.Tiled
public import Q35.Accumulate
public import Q35.Block
public import Q35.Codebook
public import Q35.Half
public import Q35.SafeLength
public import Q35.Stream

@[expose] public section

/-! The golden vectors: inputs chosen here, answers given by the definitions of Q35. Each `...File` is the text of one
JSON file of `spec/vectors`. A group is flagged with the bugs that its rows would reveal.

Run by `q35.spec_vectors`, which compiles this file and the modules that it imports as one. -/

namespace Q35.Vectors

/-! ### Inputs -/

/-- `count` pseudo-random pairs of int8 numbers. -/
def someActivations : (count seed : Nat) → List (Int × Int)
  | 0, _ => []
  | count + 1, seed => ((below 256 seed : Int) - 128, (below 256 (next seed) : Int) - 128)
      :: someActivations count (next (next seed))

/-! ### codes.json -/

def codesFile : String := file [``decode, ``hi, ``lo, ``encode, ``decodeByte] [
  group ["sign-not-extended", "twos-complement-off-by-one", "slots-swapped"] <| Id.run do
    let mut rows := #[]
    for n in List.range 128 do
      let c : Code := Fin.ofNat 128 n
      rows := rows.push (object [("code", nat n), ("hi", int (hi c)), ("lo", int (lo c)),
        ("encoded", nullable ((encode (decode c)).map fun c => nat c.val))])
    return rows,
  group ["byte-not-rejected"] <| Id.run do
    let mut rows := #[]
    for b in List.range 260 do
      rows := rows.push (object [("byte", nat b), ("pair", nullable ((decodeByte b).map pair))])
    return rows,
  group ["range-not-checked"] <| Id.run do
    let mut rows := #[]
    for a in upTo 10 do
      for b in upTo 6 do
        rows := rows.push (object [("pair", pair (a, b)), ("code", nullable ((encode (a, b)).map fun c => nat c.val))])
    return rows]

/-! ### rounding.json -/

def roundingRow (x : Rat) : String := object [("x", rat x), ("rounded", int (roundHalfEven x))]

/-- Numbers beyond the exact integers of float32 and of double, and their ties. -/
def bigPoints : List Rat :=
  pointsOf [16777216, 16777217, 9007199254740992, 9007199254740993, 100000000000000000001] fun k =>
    [(k : Rat), k + 1 / 2, k + 1 / 4, -(k : Rat), -(k : Rat) - 1 / 2, -(k : Rat) - 3 / 4]

def roundingFile : String := file [``roundHalfEven] [
  group ["ties-away", "ties-up", "ties-to-zero"] (rowsOf (pointsOf (upTo 20) fun k => around (k + 1 / 2)) roundingRow),
  group ["truncation"] (rowsOf (pointsOf (upTo 20) fun k => around k) roundingRow),
  group ["overflow", "float-rounding"] (rowsOf bigPoints roundingRow)]

/-! ### slots.json -/

def slotRows (name : String) (low high : Int) : Array String :=
  let row (x : Rat) := object [("slot", quoted name), ("low", int low), ("high", int high), ("x", rat x),
    ("q", int (quantizeSlot low high x))]
  let far : List Rat := pointsOf [100, 128, 32768, 2147483648, 1000000000000000000000] fun k => [(k : Rat), -(k : Rat)]
  rowsOf (pointsOf (upTo 10) (fun k => around (k + 1 / 2)) |>.foldr List.cons far) row

def slotsFile : String := file [``quantizeSlot, ``clamp, ``roundHalfEven] [
  group ["ties-away", "clip-missing", "clip-asymmetric"] (slotRows "hi" (-8) 7),
  group ["ties-away", "clip-missing", "clip-asymmetric"] (slotRows "lo" (-4) 3)]

/-! ### half.json -/

def halfRow (b : Nat) : String := object [("bits", nat b), ("value", nullable ((halfToRat b).map rat))]

def toHalfRow (x : Rat) : String := object [("x", rat x), ("bits", nat (ratToHalf x))]

/-- The midpoint of two neighbouring positive halves, both signs, and its neighbours. -/
def halfMidpoints (a : Nat) : List Rat :=
  let m := (halfValue a + halfValue (a + 1)) / 2
  let e : Rat := 1 / 1099511627776
  [m * (1 - e), m, m * (1 + e), -m * (1 - e), -m, -m * (1 + e)]

def halfFile : String := file [``halfToRat, ``ratToHalf, ``halfValue] [
  group ["subnormal-as-normal", "nan-as-number", "infinity-as-number", "sign-lost"] <| Id.run do
    let mut rows := #[]
    for sign in [0, 1] do
      for e in List.range 32 do
        for m in [0, 1, 2, 511, 512, 513, 682, 1022, 1023] do
          rows := rows.push (halfRow (sign * 32768 + e * 1024 + m))
    return (rows.push (halfRow 65536)).push (halfRow 98304),
  group ["ties-away", "negative-zero"] <|
    rowsOf (pointsOf ((List.range 1024).map fun (k : Nat) => (15360 + k : Int)) fun a =>
      [(halfValue a.toNat + halfValue (a.toNat + 1)) / 2]) toHalfRow,
  group ["ties-away", "subnormal-flushed", "negative-zero"] <|
    rowsOf (pointsOf ((List.range 40).map fun (k : Nat) => (k : Int)) fun a => halfMidpoints a.toNat) toHalfRow,
  group ["ties-away", "subnormal-as-normal", "exponent-carry"] <|
    rowsOf (pointsOf [1022, 1023, 1024, 1025, 2046, 2047, 2048, 16383, 16384, 30719, 30720, 31741, 31742] fun a =>
      halfMidpoints a.toNat) toHalfRow,
  group ["overflow-to-infinity"] <|
    rowsOf (pointsOf [65504, 65505, 65519, 65520, 65521, 65535, 65536, 131008, 1000000000000] fun k =>
      [(k : Rat), -(k : Rat)]) toHalfRow,
  group ["subnormal-flushed", "negative-zero"] <|
    rowsOf (pointsOf [1, 2, 3, 1000] fun k => [(k : Rat) / 33554432, -(k : Rat) / 33554432, (k : Rat) / 2 ^ 149,
      -(k : Rat) / 2 ^ 149, 0]) toHalfRow]

/-! ### streams.json -/

/-- What a stream of `n` codes reads as. -/
def unpackRow (n : Nat) (bytes : List Nat) : String :=
  object [("count", nat n), ("stream", hex bytes), ("codes", nullable ((unpackStream n bytes).map codes))]

def streamsFile : String := file [``packStream, ``unpackStream, ``packBytes, ``unpackBytes, ``streamSize] [
  group ["bit-order", "byte-order", "tail-lost"] <| Id.run do
    let mut rows := #[]
    for n in List.range 65 do
      let cs := someCodes n (next (35 + n))
      rows := rows.push (object [("codes", codes cs), ("stream", hex (packStream cs)), ("bytes", hex (packBytes cs)),
        ("read", nullable ((unpackStream n (packStream cs)).map codes)),
        ("read_bytes", nullable ((unpackBytes (packBytes cs)).map codes))])
    return rows,
  group ["bit-order"] <| Id.run do
    let mut rows := #[]
    for i in List.range 9 do
      for j in List.range 7 do
        let cs := (List.range 9).map fun k => if k = i then Fin.ofNat 128 (2 ^ j) else (0 : Code)
        rows := rows.push (object [("codes", codes cs), ("stream", hex (packStream cs)), ("bytes", hex (packBytes cs))])
    return rows,
  group ["tail-not-checked"] <| Id.run do
    let mut rows := #[]
    for n in List.range 9 do
      for bit in List.range 8 do
        -- the last byte of a stream of zeros with one bit set: a code's bit, or one after the last code
        let zeros := toDigits 256 (streamSize n - 1) 0
        rows := rows.push (unpackRow n (zeros.foldr List.cons [2 ^ bit]))
    return rows,
  group ["length-not-checked"] <| Id.run do
    let mut rows := #[]
    for n in List.range 17 do
      for size in List.range 16 do
        rows := rows.push (unpackRow n (toDigits 256 size 0))
    return rows,
  group ["byte-not-rejected"] <| Id.run do
    let mut rows := #[]
    for bytes in [[128], [255], [0, 128], [127, 127, 200, 1], [1, 2, 3, 127]] do
      rows := rows.push (object [("bytes", hex bytes), ("codes", nullable ((unpackBytes bytes).map codes))])
    return rows]

/-! ### pairs.json -/

/-- The points of a grid of halves and their neighbours: all ties of the arithmetic tables, and points beyond. -/
def gridPoints : List (Rat × Rat) := Id.run do
  let mut points := #[]
  for a in upTo 19 do
    for b in upTo 19 do
      points := points.push ((a : Rat) / 2, (b : Rat) / 2)
  return points.toList

/-- Midpoints of neighbouring entries of the learned table, which are ties of two entries or near a third. -/
def midpoints : List (Rat × Rat) := Id.run do
  let mut points := #[]
  for n in List.range 127 do
    let e := codebookTable (Fin.ofNat 128 n)
    let f := codebookTable (Fin.ofNat 128 (n + 1))
    points := points.push (((e.1 + f.1 : Int) : Rat) / 2, ((e.2 + f.2 : Int) : Rat) / 2)
  return points.toList

/-- Pseudo-random points with both coordinates between `-bound` and `bound`, in steps of 1/1024. -/
def somePoints (bound : Nat) : (count seed : Nat) → List (Rat × Rat)
  | 0, _ => []
  | count + 1, seed =>
    let coordinate (s : Nat) : Rat := ((below (2048 * bound + 1) s : Int) - 1024 * bound : Int) / 1024
    (coordinate seed, coordinate (next seed)) :: somePoints bound count (next (next seed))

def pairRows (table : String) (encode : Rat × Rat → Code) (T : Table 128) (points : List (Rat × Rat)) : Array String :=
  points.foldl (fun rows p => rows.push (object [("table", quoted table), ("x", rat p.1), ("y", rat p.2),
    ("code", nat (encode p).val), ("distance_squared", rat (distSq p (T (encode p))))])) #[]

def pairsFile : String :=
  file [``encodeArithmetic, ``nearest, ``rowTable, ``blockTable, ``codebookTable, ``distSq] [
    group ["ties-away", "slots-swapped", "clip-missing"] (pairRows "row" (encodeArithmetic 1) rowTable gridPoints),
    group ["ties-away", "slots-swapped", "clip-missing", "lo-scale-missing"]
      (pairRows "block" (encodeArithmetic 2) blockTable gridPoints),
    group ["nearest-wrong"] (pairRows "row" (encodeArithmetic 1) rowTable (somePoints 10 100 1)),
    group ["nearest-wrong"] (pairRows "block" (encodeArithmetic 2) blockTable (somePoints 10 100 2)),
    group ["ties-to-higher-code", "nearest-wrong"]
      (pairRows "codebook" (nearest codebookTable) codebookTable midpoints),
    group ["nearest-wrong"] (pairRows "codebook" (nearest codebookTable) codebookTable (somePoints 140 200 3))]

/-! ### blocks.json -/

/-- A weight at one place of a block of zeros. -/
def spike (count place : Nat) (w : Rat) : List Rat := (List.range count).map fun k => if k = place then w else 0

/-- A weight and its negative, in the same slot, in turn: both signs of a step have the same error. -/
def mirrored (count : Nat) (w : Rat) : List Rat :=
  (List.range count).map fun k => if k % 4 = 0 then w else if k % 4 = 2 then -w else 0

/-- The schemes with one step a block, by name. -/
def schemes : List (String × Scheme) := [("block", .block), ("codebook", .codebook)]

/-- A block with the step `step` (fp16 bits): its codes and its exact squared error. -/
def blockFields (name : String) (S : Scheme) (step : Nat) (weights : List Rat) : List (String × String) :=
  [("scheme", quoted name), ("weights", array (weights.map rat)), ("step", nat step),
    ("codes", codes (encodeBlock S (stepValue step) (pairUp weights))),
    ("squared_error", rat (squaredError S (stepValue step) (pairUp weights)))]

/-- A block with its best step. -/
def bestRow (name : String) (S : Scheme) (size : Nat) (weights : List Rat) : String :=
  object (("block_size", nat size)
    :: ("candidates", array ((stepCandidates S.numerators S.denominator (maxAbs weights)).map nat))
    :: blockFields name S (bestStep S weights) weights)

/-- For both schemes, the rows of blocks with the block size that each belongs to. -/
def bestRows (blocks : List (Nat × List Rat)) : Array String := Id.run do
  let mut rows := #[]
  for s in schemes do
    for b in blocks do
      rows := rows.push (bestRow s.1 s.2 b.1 b.2)
  return rows

/-- Steps given: zero, both signs, the largest, the smallest, and -0, which counts as zero. -/
def givenSteps : List Nat := [0, 1, 32769, 15360, 48128, 11878, 44646, 31743, 64511, 32768]

/-- Weights at the ties of the lo slot and the hi slot for the step 1, and around them. -/
def tiedWeights : List Rat :=
  pointsOf [-9, -7, -5, -3, -1, 1, 3, 5, 7, 13, 15] fun k =>
    [(k : Rat) / 2, (k : Rat), (k : Rat) / 2 + 1 / 65536, -(k : Rat)]

def blocksFile : String := file [``bestStep, ``stepCandidates, ``encodeBlock, ``encodePair, ``squaredError, ``maxAbs,
    ``ratToHalf, ``Scheme.table, ``Scheme.encode, ``Scheme.numerators] [
  group ["nearest-wrong", "scale-of-neighbour-block", "step-sign-lost"] <| bestRows
    [(32, someWeights (1 / 65536) 32 1), (64, someWeights (1 / 65536) 64 2), (128, someWeights (1 / 65536) 128 3),
      (32, someWeights (1 / 16) 32 5)],
  group ["tail-lost", "odd-length"] <| bestRows
    [(32, someWeights (1 / 65536) 1 6), (32, someWeights (1 / 65536) 2 7), (64, someWeights (1 / 65536) 3 8),
      (64, someWeights (1 / 65536) 37 9), (128, someWeights (1 / 65536) 35 10), (32, [1]), (64, [-1]), (128, [0, 3])],
  group ["zero-block", "negative-zero"] <| bestRows
    [(32, spike 32 0 0), (64, spike 64 0 0), (128, spike 128 0 0), (32, [0]), (32, spike 32 31 (-5 / 4)),
      (64, spike 9 8 1), (128, spike 8 0 (-1))],
  group ["candidate-tie"] <| bestRows
    [(32, mirrored 32 1), (64, mirrored 8 (3 / 4)), (128, mirrored 16 (-7))],
  group ["overflow-to-infinity"] <| bestRows
    [(32, someWeights (2 ^ 90) 16 11), (64, someWeights (2 ^ 9) 17 12), (32, [2 ^ 127, -(2 ^ 127)]),
      (64, someWeights (2 ^ 10) 16 13)],
  group ["subnormal-flushed", "negative-zero"] <| bestRows
    [(32, someWeights (1 / 2 ^ 149) 16 14), (64, someWeights (1 / 2 ^ 32) 17 15), (32, someWeights (1 / 2 ^ 28) 16 16),
      (32, [1 / 2 ^ 149]), (64, [1 / 2 ^ 21, -1 / 2 ^ 22])],
  group ["ties-away", "clip-missing", "zero-block", "step-sign-lost", "subnormal-flushed"] <| Id.run do
    let mut rows := #[]
    for s in schemes do
      for step in givenSteps do
        rows := rows.push (object (blockFields s.1 s.2 step tiedWeights))
        rows := rows.push (object (blockFields s.1 s.2 step (someWeights (1 / 128) 9 (17 + step))))
    return rows]

/-! ### accumulate.json -/

/-- The tables of the accumulation, by name. -/
def tables : List (String × Table 128) :=
  [("hi", fun c => (hi c, 0)), ("lo", fun c => (0, lo c)), ("row", rowTable), ("block", blockTable),
    ("codebook", codebookTable)]

def limitRow (name : String) (T : Table 128) : String :=
  object [("table", quoted name), ("least", int (leastPair 128 T)), ("greatest", int (greatestPair 128 T)),
    ("max_safe_pairs", nat (maxSafePairs T)), ("max_safe_k", nat (maxSafeK T))]

/-- The lowest code whose entry has the greatest value. -/
def extremeCode (T : Table 128) (value : Int × Int → Int) : Code :=
  (List.range 128).foldl (fun best n =>
    let c : Code := Fin.ofNat 128 n
    if value (T best) < value (T c) then c else best) 0

/-- A dot product of runs: how often, with which activations, which code. -/
def runsRow (name : String) (T : Table 128) (runs : List (Nat × (Int × Int) × Code)) : String :=
  object [("table", quoted name),
    ("runs", array (runs.map fun r => array [nat r.1, int r.2.1.1, int r.2.1.2, nat r.2.2.val])),
    ("dot", int (dotRuns T runs)), ("dot32", int (wrap32 (dotRuns T runs)))]

/-- The extreme sums of a table at its largest safe number of pairs, and one pair beyond it. -/
def extremeRows (name : String) (T : Table 128) : List String :=
  let top := extremeCode T fun t => greatestProduct t.1 + greatestProduct t.2
  let bottom := extremeCode T fun t => -(leastProduct t.1 + leastProduct t.2)
  let rise := (greatestFactor (T top).1, greatestFactor (T top).2)
  let fall := (leastFactor (T bottom).1, leastFactor (T bottom).2)
  let K := maxSafePairs T
  [runsRow name T [(K, rise, top)], runsRow name T [(K + 1, rise, top)], runsRow name T [(K, fall, bottom)],
    runsRow name T [(K + 1, fall, bottom)], runsRow name T [(K / 2, rise, top), (K - K / 2, fall, bottom)],
    runsRow name T [(40, rise, top)], runsRow name T [(4096, rise, top), (4096, fall, bottom)]]

def dotRow (name : String) (T : Table 128) (as : List (Int × Int)) (cs : List Code) : String :=
  object [("table", quoted name), ("activations", array (as.map pair)), ("codes", codes cs), ("dot", int (dot T as cs)),
    ("dot32", int (dot32 T as cs))]

def accumulateFile : String :=
  file [``maxSafePairs, ``maxSafeK, ``leastPair, ``greatestPair, ``dotRuns, ``dot, ``dot32, ``wrap32] [
    group ["safe-length-wrong"] (tables.foldl (fun rows t => rows.push (limitRow t.1 t.2)) #[]),
    group ["int16-accumulator", "float-accumulator", "saturating-accumulator"]
      (tables.foldl (fun rows t => (extremeRows t.1 t.2).foldl Array.push rows) #[]),
    group ["slots-swapped", "sign-not-extended", "tail-lost"] <| Id.run do
      let mut rows := #[]
      for t in tables do
        for n in [0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64] do
          rows := rows.push (dotRow t.1 t.2 (someActivations n (next (100 + n))) (someCodes n (next (200 + n))))
      return rows]

/-- Every file by its name. -/
def files : List (String × String) :=
  [("codes", codesFile), ("rounding", roundingFile), ("slots", slotsFile), ("half", halfFile), ("streams", streamsFile),
    ("pairs", pairsFile), ("blocks", blocksFile), ("accumulate", accumulateFile), ("floats", floatsFile),
    ("mx_scales", mxScalesFile), ("mx_elements", mxElementsFile), ("mx_blocks", mxBlocksFile), ("products", productsFile),
    ("siblings", siblingsFile), ("rows", rowsFile), ("planar", planarFile),
    ("tiled", tiledFile)]

/-- Write every file into `folder`. -/
def write (folder : String) : IO Unit := do
  for f in files do
    IO.FS.writeFile (folder ++ "/" ++ f.1 ++ ".json") f.2

end Q35.Vectors
