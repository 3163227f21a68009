module

public import Q35Vectors.Rows
public import Q35.Tiled

@[expose] public section

/-! The vectors of the tiled layout. -/

namespace Q35.Vectors

/-! ### tiled.json -/

/-- Every code as it is stored. -/
def storedRows : Array String :=
  (List.range 128).foldl (fun rows n =>
    rows.push (object [("code", nat n), ("stored", nat (storedCode (Fin.ofNat 128 n)))])) #[]

/-- The bits of the `n`-th finite half, of 63,488. -/
def finiteHalf (n : Nat) : Nat := if n < 31744 then n else n + 1024

/-- A matrix of pseudo-random codes and finite steps, and its bytes in both widths. -/
def tiledRow (rows cols blockUnits : Nat) : String :=
  let S (width : Width) : TiledShape := ⟨rows, cols, blockUnits, width⟩
  let codesOfRow (row : Nat) := someCodes (pairCount cols) (next (700 + 40 * cols + row))
  let stepsOfRow (row : Nat) := (someNumbers 63488 (S .stream).blocks (next (800 + 40 * cols + row))).map finiteHalf
  let matrix := listOf rows codesOfRow
  let steps := listOf rows stepsOfRow
  object [("block_size", nat (S .stream).blockSize), ("cols", nat cols), ("matrix_codes", array (matrix.map codes)),
    ("matrix_steps", array (steps.map nats)), ("tiled", hex (tileMatrix (S .stream) matrix steps)),
    ("tiled_bytes", hex (tileMatrix (S .byte) matrix steps))]

def tiledFile : String := file [``storedCode, ``tileMatrix, ``tileBlock, ``tileUnit, ``tileSteps, ``laneByte,
    ``placeCode] [
  group ["slots-swapped", "sign-not-extended"] storedRows,
  group ["byte-order", "bit-order", "scale-of-neighbour-block", "tail-lost"]
    #[tiledRow 3 70 1, tiledRow 33 64 2, tiledRow 40 40 1, tiledRow 32 129 4],
  group ["odd-length", "tail-lost"] #[tiledRow 1 1 1, tiledRow 2 33 1, tiledRow 1 7 4]]

end Q35.Vectors
