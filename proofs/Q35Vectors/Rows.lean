module

public import Q35Vectors.Json
public import Q35.Planar
public import Q35.Schemes
public import Q35.Siblings

@[expose] public section

/-! The vectors of the siblings and of streams of any width, of whole rows of the published schemes, and of the planar
layout. -/

namespace Q35.Vectors

/-! ### siblings.json -/

/-- `count` pseudo-random numbers below `bound`. -/
def someNumbers (bound : Nat) : (count seed : Nat) → List Nat
  | 0, _ => []
  | count + 1, seed => below bound seed :: someNumbers bound count (next seed)

/-- A list of natural numbers. -/
def nats (ns : List Nat) : String := array (ns.map nat)

/-- A list of rationals. -/
def rats (xs : List Rat) : String := array (xs.map rat)

/-- The two slot counts of a code. -/
def counts (hiCount loCount : Nat) : List (String × String) := [("hi_count", nat hiCount), ("lo_count", nat loCount)]

/-- Every code of two slots. -/
def slotCodeRows (hiCount loCount : Nat) [NeZero hiCount] [NeZero loCount] : List String :=
  (List.range (hiCount * loCount)).map fun n =>
    let c : Fin (hiCount * loCount) := Fin.ofNat _ n
    let p := decodeSlots hiCount loCount c
    object (("code", nat n) :: ("hi", int p.1) :: ("lo", int p.2)
      :: ("encoded", nullable ((encodeSlots hiCount loCount p).map fun c => nat c.val)) :: counts hiCount loCount)

/-- Pairs in and around the two slots. -/
def slotPairRows (hiCount loCount : Nat) : List String := Id.run do
  let mut rows := #[]
  for a in upTo 6 do
    for b in upTo 4 do
      rows := rows.push (object (("pair", pair (a, b))
        :: ("code", nullable ((encodeSlots hiCount loCount (a, b)).map fun c => nat c.val)) :: counts hiCount loCount))
  return rows.toList

/-- The points whose coordinates are halves, up to 11/2 and 9/2 in size: all ties of the siblings' slots. -/
def siblingPoints : List (Rat × Rat) := Id.run do
  let mut points := #[]
  for a in upTo 11 do
    for b in upTo 9 do
      points := points.push ((a : Rat) / 2, (b : Rat) / 2)
  return points.toList

/-- All ties of a table of two slots, and points beyond. -/
def slotPointRows (hiCount loCount : Nat) [NeZero hiCount] [NeZero loCount] (loScale : Int) : List String :=
  siblingPoints.map fun p =>
    let c := encodeSlotTable hiCount loCount loScale p
    object (("x", rat p.1) :: ("y", rat p.2) :: ("lo_scale", int loScale) :: ("code", nat c.val)
      :: ("distance_squared", rat (distSq p (slotTable hiCount loCount loScale c))) :: counts hiCount loCount)

/-- The largest safe number of pairs of a table of two slots. -/
def slotLimitRow (hiCount loCount : Nat) (loScale : Int) : String :=
  let T := slotTable hiCount loCount loScale
  object (("lo_scale", int loScale) :: ("least", int (leastPair _ T)) :: ("greatest", int (greatestPair _ T))
    :: ("max_safe_pairs", nat (maxSafePairs T)) :: counts hiCount loCount)

/-- The rows of several lists. -/
def oneAfterTheOther (lists : List (List String)) : Array String :=
  lists.foldl (fun rows list => list.foldl (fun rows row => rows.push row) rows) #[]

/-- What a stream of `n` codes of `width` bits reads as. -/
def unpackBitsRow (width n : Nat) (bytes : List Nat) : String :=
  object [("width", nat width), ("count", nat n), ("stream", hex bytes),
    ("codes", nullable ((unpackBits width n bytes).map nats))]

def siblingsFile : String := file [``decodeSlots, ``encodeSlots, ``slotTable, ``encodeSlotTable, ``packBits,
    ``unpackBits, ``bitSize, ``maxSafePairs] [
  group ["sign-not-extended", "twos-complement-off-by-one", "slots-swapped"]
    (oneAfterTheOther [slotCodeRows 8 4, slotCodeRows 4 2, slotCodeRows 3 3]),
  group ["range-not-checked"]
    (oneAfterTheOther [slotPairRows 8 4, slotPairRows 4 2, slotPairRows 3 3]),
  group ["ties-away", "slots-swapped", "clip-missing"]
    (oneAfterTheOther [slotPointRows 8 4 1, slotPointRows 4 2 1]),
  group ["ties-away", "slots-swapped", "clip-missing", "lo-scale-missing"]
    (oneAfterTheOther [slotPointRows 8 4 2, slotPointRows 4 2 2]),
  group ["safe-length-wrong"]
    #[slotLimitRow 8 4 1, slotLimitRow 8 4 2, slotLimitRow 4 2 1, slotLimitRow 4 2 2, slotLimitRow 3 3 1],
  group ["bit-order", "byte-order", "tail-lost"] <| Id.run do
    let mut rows := #[]
    for width in [3, 4, 5, 7] do
      for n in List.range 20 do
        let cs := someNumbers (2 ^ width) n (next (300 + 20 * width + n))
        let stream := packBits width cs
        rows := rows.push (object [("width", nat width), ("codes", nats cs), ("stream", hex stream),
          ("read", nullable ((unpackBits width n stream).map nats))])
    return rows,
  group ["tail-not-checked", "length-not-checked"] <| Id.run do
    let mut rows := #[]
    for width in [3, 5] do
      for n in List.range 9 do
        for bit in List.range 8 do
          let zeros := toDigits 256 (bitSize width n - 1) 0
          rows := rows.push (unpackBitsRow width n (zeros.foldr List.cons [2 ^ bit]))
        for size in List.range 8 do
          rows := rows.push (unpackBitsRow width n (toDigits 256 size 0))
    return rows]

/-! ### rows.json -/

/-- A row of `row-absmax`: its step, its codes and what it comes back as. -/
def absmaxRow (weights : List Rat) : String :=
  let row := rowAbsmax weights
  object [("weights", rats weights), ("step", nat row.1), ("codes", codes row.2),
    ("restored", rats (restoreAbsmax weights.length row))]

/-- A matrix of `row-affine`, with the first `columns` of its columns. -/
def affineRow (columns : Nat) (rows : List (List Rat)) : String :=
  let parameters := (List.range columns).map (affineColumn rows)
  object [("matrix", array (rows.map rats)), ("steps", nats (parameters.map fun p => p.1)),
    ("zeros", array (parameters.map fun p => int p.2)), ("matrix_codes", array ((rowAffine rows).map codes)),
    ("matrix_restored", array (rows.map fun row => rats (restoreAffine rows row)))]

def rowsFile : String := file [``rowAbsmax, ``restoreAbsmax, ``absmaxStep, ``affineParameters, ``affineColumn,
    ``rowAffine, ``restoreAffine, ``encodeRow, ``decodeRow] [
  group ["nearest-wrong", "clip-missing", "slots-swapped", "odd-length"] <| Id.run do
    let mut rows := #[]
    for n in [1, 2, 3, 4, 7, 16, 33] do
      rows := rows.push (absmaxRow (someWeights (1 / 65536) n (next (400 + n))))
    return rows,
  group ["ties-away", "clip-missing", "step-not-rounded"]
    #[absmaxRow [7 / 2, 7, 5 / 2, 5 / 2, -7 / 2, -7 / 2, -1 / 2, -1 / 2], absmaxRow [1 / 2, 7], absmaxRow [0, 3],
      absmaxRow [-7, -7], absmaxRow [7, -7, 13 / 2, 13 / 2, -13 / 2, -13 / 2]],
  group ["zero-block", "negative-zero"] #[absmaxRow [], absmaxRow [0], absmaxRow [0, 0, 0]],
  group ["subnormal-flushed", "overflow-to-infinity"]
    #[absmaxRow [1 / 2 ^ 149, 1 / 2 ^ 149], absmaxRow [10 / 16777216], absmaxRow [10 / 16777216, -5 / 16777216],
      absmaxRow [1 / 4194304, 7 / 33554432, 3 / 16777216], absmaxRow [2 ^ 20, -(2 ^ 19), 2 ^ 18, 1]],
  group ["scale-of-neighbour-column", "slots-swapped", "odd-length"] <| Id.run do
    let mut rows := #[]
    for n in [1, 2, 3, 5] do
      let row (k : Nat) := someWeights (1 / 65536) n (next (500 + 10 * n + k))
      rows := rows.push (affineRow (n + n % 2) [row 1, row 2, row 3])
    return rows,
  group ["zero-point-not-clamped", "ties-away", "step-not-rounded"]
    #[affineRow 2 [[-1, -1], [1, 1]], affineRow 2 [[5, -5], [3, -3]], affineRow 2 [[-10, 10], [2, -2]],
      affineRow 2 [[15, 7], [-15, 0], [0, -7]], affineRow 2 [[15 / 2, 7 / 2], [-15 / 2, -7 / 2], [1 / 2, 1 / 2]]],
  group ["zero-block", "subnormal-flushed", "overflow-to-infinity"]
    #[affineRow 2 [[0, 0], [0, 0]], affineRow 2 [[1 / 2 ^ 149, -1 / 2 ^ 149]],
      affineRow 4 [[1 / 2097152, -1 / 4194304, 2 ^ 24, -(2 ^ 24)], [-1 / 2097152, 1 / 4194304, 1, 2 ^ 20]]]]

/-! ### planar.json -/

/-- Codes, their stream and their planar layout, and what that reads as. -/
def planarRow (cs : List Code) : String :=
  object [("codes", codes cs), ("stream", hex (packStream cs)), ("planar", hex (packPlanar cs)),
    ("read", nullable ((unpackPlanar cs.length (packPlanar cs)).map codes))]

/-- What a planar layout of `n` codes reads as. -/
def unpackPlanarRow (n : Nat) (bytes : List Nat) : String :=
  object [("count", nat n), ("planar", hex bytes), ("codes", nullable ((unpackPlanar n bytes).map codes))]

/-- A list of `size` zero bytes in which byte `place` has the bit `bit` set. -/
def bitAt (size place bit : Nat) : List Nat := (List.range size).map fun k => if k = place then 2 ^ bit else 0

def planarFile : String := file [``packPlanar, ``unpackPlanar, ``planarSize, ``planarOfStream, ``streamOfPlanar] [
  group ["bit-order", "slots-swapped", "tail-lost", "odd-length"] <| Id.run do
    let mut rows := #[]
    for n in List.range 34 do
      rows := rows.push (planarRow (someCodes n (next (600 + n))))
    return rows,
  group ["bit-order", "nibble-order"] <| Id.run do
    let mut rows := #[]
    for i in List.range 9 do
      for j in List.range 7 do
        rows := rows.push (planarRow ((List.range 9).map fun k => if k = i then Fin.ofNat 128 (2 ^ j) else (0 : Code)))
    return rows,
  group ["tail-not-checked"] <| Id.run do
    let mut rows := #[]
    for n in [1, 2, 3, 5, 7, 8] do
      for bit in List.range 8 do
        rows := rows.push (unpackPlanarRow n (bitAt (planarSize n) (bitSize 4 n - 1) bit))
        rows := rows.push (unpackPlanarRow n (bitAt (planarSize n) (planarSize n - 1) bit))
    return rows,
  group ["length-not-checked"] <| Id.run do
    let mut rows := #[]
    for n in List.range 9 do
      for size in List.range 10 do
        rows := rows.push (unpackPlanarRow n (toDigits 256 size 0))
    return rows]

end Q35.Vectors
