module

public import Q35.Bits
public import Q35.Size

@[expose] public section

/-! The tiled layout of a matrix of weights, made for products: 32 rows lie side by side in vector lanes, so that no sum
crosses lanes, and a matrix is read once, front to back.

A matrix is its tiles of 32 rows, one after the other. A tile is its blocks in order; a block the 32 steps of its rows
(fp16, 2 bytes each, the lower one first) and then its units; a unit the codes of 32 consecutive weights of each row, as
8 vectors of 64. Vector `2 q + h` holds in lane `4 r + i` code `4 q + i` of the unit, of row `16 h + r` of the tile.

At the width `stream` vectors 0 to 6 take a byte a code, and bit 7 of the byte in vector `v` is bit `v` of the code in
the same lane of vector 7: seven bits a code. At the width `byte` vector 7 has bytes of its own. Rows and columns that a
matrix lacks are filled up with the code 0 and the step 0. -/

namespace Q35

/-! ### Lists -/

/-- Element `i` of a list; `other` beyond its end. -/
def item {α : Type} (other : α) : List α → Nat → α
  | [], _ => other
  | x :: _, 0 => x
  | _ :: xs, i + 1 => item other xs i

/-- Element `j` of row `i` of a matrix; `other` outside it. -/
def entry {α : Type} (other : α) (rows : List (List α)) (i j : Nat) : α := item other (item [] rows i) j

/-- The parts, one after the other. -/
def joinParts {α : Type} : List (List α) → List α
  | [] => []
  | part :: parts => part.foldr List.cons (joinParts parts)

/-- `f 0`, `f 1`, … `f (count - 1)`. -/
def listOf {α : Type} (count : Nat) (f : Nat → α) : List α := (List.range count).map f

/-- A matrix has so many rows of so many columns each. -/
def HasShape {α : Type} (rows cols : Nat) (matrix : List (List α)) : Prop :=
  matrix.length = rows ∧ ∀ row ∈ matrix, row.length = cols

/-! ### Definitions -/

/-- A code as it is stored: the upper bit of each slot is flipped, so that both count from 0. -/
def storedCode (c : Code) : Nat := c.val ^^^ 68

/-- The code of a byte that holds a stored code; bit 7 is not looked at. -/
def codeOfStored (byte : Nat) : Code := Fin.ofNat 128 (byte ^^^ 68)

/-- How codes are stored. -/
inductive Width where
  /-- Seven bits a code. -/
  | stream
  /-- A byte a code, bit 7 zero. -/
  | byte
  deriving DecidableEq

/-- Bits of a code, which is also the number of vectors that a unit takes. -/
def Width.bits : Width → Nat
  | .stream => 7
  | .byte => 8

/-- The byte of vector `v` in a lane with the 8 stored codes `codes`. -/
def laneByte (width : Width) (codes : Nat → Nat) (v : Nat) : Nat :=
  match width with
  | .stream => codes v + 128 * (codes 7 / 2 ^ v % 2)
  | .byte => codes v

/-- The stored code of vector `v` in a lane with the bytes `bytes`. -/
def laneCode (width : Width) (bytes : Nat → Nat) (v : Nat) : Nat :=
  match width with
  | .stream => if v < 7 then bytes v % 128 else ofDigits 2 (listOf 7 fun k => bytes k / 128)
  | .byte => bytes v

/-- Where a tile has the code of row `row` and number `pair`: unit, vector and lane. -/
def tilePlace (row pair : Nat) : Nat × Nat × Nat :=
  (pair / 16, 2 * (pair % 16 / 4) + row / 16, 4 * (row % 16) + pair % 4)

/-- The row of the tile and the number of the code that has this place. -/
def placeCode (unit vector lane : Nat) : Nat × Nat :=
  (16 * (vector % 2) + lane / 4, 16 * unit + 4 * (vector / 2) + lane % 4)

/-- A matrix of weights and how it is tiled. -/
structure TiledShape where
  /-- Its rows. -/
  rows : Nat
  /-- Its columns. -/
  cols : Nat
  /-- Units of 32 weights in a block. -/
  blockUnits : Nat
  /-- How codes are stored. -/
  width : Width

namespace TiledShape

/-- Weights of a block. -/
def blockSize (S : TiledShape) : Nat := 32 * S.blockUnits

/-- Tiles of 32 rows; the last may be filled up. -/
def tiles (S : TiledShape) : Nat := (S.rows + 31) / 32

/-- Blocks of a row; the last may be filled up. -/
def blocks (S : TiledShape) : Nat := blockCount S.blockSize S.cols

/-- Bytes of a unit. -/
def unitBytes (S : TiledShape) : Nat := S.width.bits * 64

/-- Bytes of a block of a tile: its steps and its units. -/
def blockBytes (S : TiledShape) : Nat := 64 + S.blockUnits * S.unitBytes

/-- Bytes of a tile. -/
def tileBytes (S : TiledShape) : Nat := S.blocks * S.blockBytes

/-- Bytes of the matrix. -/
def bytes (S : TiledShape) : Nat := S.tiles * S.tileBytes

/-- The first byte of a unit, its units counted through all blocks of the tile. -/
def unitOffset (S : TiledShape) (tile unit : Nat) : Nat :=
  tile * S.tileBytes + (unit / S.blockUnits * S.blockBytes + (64 + unit % S.blockUnits * S.unitBytes))

/-- The first byte of a step. -/
def stepOffset (S : TiledShape) (row block : Nat) : Nat :=
  row / 32 * S.tileBytes + (block * S.blockBytes + row % 32 * 2)

end TiledShape

/-- The bytes of a unit of a tile, vector by vector. -/
def tileUnit (width : Width) (codes : List (List Code)) (tile unit : Nat) : List Nat :=
  joinParts <| listOf width.bits fun v => listOf 64 fun lane =>
    laneByte width (fun k =>
      let p := placeCode unit k lane
      storedCode (entry 0 codes (32 * tile + p.1) p.2)) v

/-- The bytes of the 32 steps of a block of a tile. -/
def tileSteps (steps : List (List Nat)) (tile block : Nat) : List Nat :=
  joinParts <| listOf 32 fun row =>
    let s := entry 0 steps (32 * tile + row) block
    [s % 256, s / 256]

/-- The bytes of a block of a tile: its steps, then its units. -/
def tileBlock (S : TiledShape) (codes : List (List Code)) (steps : List (List Nat)) (tile block : Nat) : List Nat :=
  joinParts [tileSteps steps tile block,
    joinParts (listOf S.blockUnits fun unit => tileUnit S.width codes tile (block * S.blockUnits + unit))]

/-- The bytes of a matrix with these codes and these steps (fp16 bits), row by row. -/
def tileMatrix (S : TiledShape) (codes : List (List Code)) (steps : List (List Nat)) : List Nat :=
  joinParts <| listOf S.tiles fun tile => joinParts <| listOf S.blocks fun block => tileBlock S codes steps tile block

/-- The code of row `row` and number `pair` in the bytes of a matrix. -/
def codeAt (S : TiledShape) (bytes : List Nat) (row pair : Nat) : Code :=
  let p := tilePlace (row % 32) pair
  let first := S.unitOffset (row / 32) p.1
  codeOfStored (laneCode S.width (fun v => item 0 bytes (first + (v * 64 + p.2.2))) p.2.1)

/-- The step of row `row` and block `block` in the bytes of a matrix. -/
def stepAt (S : TiledShape) (bytes : List Nat) (row block : Nat) : Nat :=
  item 0 bytes (S.stepOffset row block) + 256 * item 0 bytes (S.stepOffset row block + 1)

/-- The codes and the steps of a matrix, row by row, from its bytes. -/
def untileMatrix (S : TiledShape) (bytes : List Nat) : List (List Code) × List (List Nat) :=
  (listOf S.rows fun row => listOf (pairCount S.cols) fun pair => codeAt S bytes row pair,
    listOf S.rows fun row => listOf S.blocks fun block => stepAt S bytes row block)

/-! ### Lists: what is proved of them -/

/-- Beyond the end of a list stands what was asked for. -/
theorem item_eq {α : Type} (other : α) (xs : List α) (i : Nat) : item other xs i = xs[i]?.getD other := by
  induction xs generalizing i with
  | nil => rfl
  | cons x xs ih => cases i <;> simp [item, ih]

/-- The parts one after the other are their concatenation. -/
theorem joinParts_eq {α : Type} (parts : List (List α)) : joinParts parts = parts.flatten := by
  induction parts <;> simp_all [joinParts]

/-- Element `i` of a list that is given by a function. -/
theorem item_listOf {α : Type} (other : α) {count i : Nat} (f : Nat → α) (h : i < count) :
    item other (listOf count f) i = f i := by
  simp [item_eq, listOf, h]

example : item 0 (listOf 3 fun k => 2 * k) 2 = 4 := item_listOf 0 (fun k => 2 * k) (by decide)

/-- The length of parts of one size. -/
theorem length_joinParts {α : Type} {count size : Nat} {f : Nat → List α} (h : ∀ i < count, (f i).length = size) :
    (joinParts (listOf count f)).length = count * size := by
  induction count with
  | zero => simp [listOf, joinParts]
  | succ n ih =>
    have := ih fun i hi => h i (by omega)
    have hn := h n (by omega)
    rw [joinParts_eq, listOf] at this ⊢
    rw [List.range_succ, List.map_append, List.flatten_append, List.length_append, this, Nat.succ_mul]
    simp [hn]

example : (joinParts (listOf 3 fun k => [k, k])).length = 3 * 2 := length_joinParts fun _ _ => rfl

/-- Element `j` of part `i` of parts of one size. -/
theorem item_joinParts {α : Type} (other : α) {count size i j : Nat} {f : Nat → List α}
    (h : ∀ i < count, (f i).length = size) (hi : i < count) (hj : j < size) :
    item other (joinParts (listOf count f)) (i * size + j) = item other (f i) j := by
  induction count with
  | zero => omega
  | succ n ih =>
    have hlen := length_joinParts (count := n) fun i hi => h i (by omega)
    have hn := h n (by omega)
    simp only [item_eq, joinParts_eq, listOf] at ih hlen ⊢
    rw [List.range_succ, List.map_append, List.flatten_append]
    by_cases hin : i < n
    · rw [List.getElem?_append_left (by rw [hlen]; exact join_lt hin hj)]
      exact ih (fun i hi => h i (by omega)) hin
    · obtain rfl : i = n := by omega
      rw [List.getElem?_append_right (by omega), hlen]
      simp

example : item 0 (joinParts (listOf 3 fun k => [k, 2 * k])) (2 * 2 + 1) = item 0 [2, 2 * 2] 1 :=
  item_joinParts 0 (f := fun k => [k, 2 * k]) (fun _ _ => rfl) (by decide) (by decide)

/-- What stands in one of the parts. -/
theorem mem_joinParts {α : Type} {count : Nat} {f : Nat → List α} {x : α} (h : x ∈ joinParts (listOf count f)) :
    ∃ i < count, x ∈ f i := by
  simp only [joinParts_eq, listOf, List.mem_flatten, List.mem_map, List.mem_range] at h
  obtain ⟨_, ⟨i, hi, rfl⟩, hx⟩ := h
  exact ⟨i, hi, hx⟩

example : ∃ i < 3, 4 ∈ [i, 2 * i] := mem_joinParts (f := fun k => [k, 2 * k]) (by decide)

/-- What holds of all elements of a matrix, and of what stands outside it, holds of every entry. -/
theorem entry_of_forall {α : Type} {p : α → Prop} {other : α} (hother : p other) {rows : List (List α)}
    (h : ∀ row ∈ rows, ∀ x ∈ row, p x) (i j : Nat) : p (entry other rows i j) := by
  unfold entry
  rw [item_eq, item_eq]
  cases hrow : rows[i]? with
  | none => simpa
  | some row =>
    cases hx : row[j]? with
    | none => simpa [hx]
    | some x => simpa [hx] using h row (List.mem_of_getElem? hrow) x (List.mem_of_getElem? hx)

example : entry 0 [[3, 5], [7]] 1 1 < 8 := entry_of_forall (p := (· < 8)) (by decide) (by decide) 1 1

/-- A matrix is the list of the lists of its entries. -/
theorem listOf_entry {α : Type} (other : α) {rows cols : Nat} {matrix : List (List α)} (h : HasShape rows cols matrix) :
    (listOf rows fun i => listOf cols fun j => entry other matrix i j) = matrix := by
  obtain ⟨hrows, hcols⟩ := h
  refine List.ext_getElem (by simp [listOf, hrows]) fun i hi hi' => ?_
  have hlen := hcols matrix[i] (List.getElem_mem hi')
  refine List.ext_getElem (by simp [listOf, hlen]) fun j hj hj' => ?_
  simp [listOf, entry, item_eq, hi', hj']

example : (listOf 2 fun i => listOf 1 fun j => entry 0 [[3], [7]] i j) = [[3], [7]] :=
  listOf_entry 0 ⟨rfl, by decide⟩

/-! ### Stored codes -/

/-- The stored code is both slots as numbers from 0 on: `hi + 8` above `lo + 4`. -/
theorem storedCode_eq (c : Code) : (storedCode c : Int) = 8 * (hi c + 8) + (lo c + 4) := by revert c; decide

/-- A stored code has 7 bits. -/
theorem storedCode_lt (c : Code) : storedCode c < 128 := by revert c; decide

/-- The code of a stored code is the code. -/
theorem codeOfStored_storedCode (c : Code) : codeOfStored (storedCode c) = c := by revert c; decide

/-- The look-up does not see bit 7: every byte stands for the code that its other bits store. -/
theorem storedCode_codeOfStored (byte : Nat) : storedCode (codeOfStored byte) = byte % 128 := by
  have h : ∀ n : Fin 128, storedCode (codeOfStored n.val) = n.val := by decide
  refine .trans (congrArg storedCode (Fin.ext ?_)) (h ⟨byte % 128, Nat.mod_lt _ (by decide)⟩)
  change (byte ^^^ 68) % 2 ^ 7 = (byte % 2 ^ 7 ^^^ 68) % 2 ^ 7
  rw [Nat.xor_mod_two_pow, Nat.xor_mod_two_pow, Nat.mod_mod]

/-! ### Lanes -/

/-- The stored codes of a lane are read back from its bytes, in both widths. -/
theorem laneCode_laneByte (width : Width) {codes : Nat → Nat} (h : ∀ k < 8, codes k < 128) {v : Nat} (hv : v < 8) :
    laneCode width (laneByte width codes) v = codes v := by
  cases width with
  | byte => rfl
  | stream =>
    have := h v hv
    simp only [laneCode, laneByte]
    split
    · omega
    · obtain rfl : v = 7 := by omega
      have hbits : (listOf 7 fun k => (codes k + 128 * (codes 7 / 2 ^ k % 2)) / 128) =
          listOf 7 fun k => codes 7 / 2 ^ k % 2 :=
        List.map_congr_left fun k hk => by have := List.mem_range.1 hk; have := h k (by omega); omega
      have hdigits : (listOf 7 fun k => codes 7 / 2 ^ k % 2) = toDigits 2 7 (codes 7) :=
        List.ext_getElem (by simp [listOf, length_toDigits]) fun _ _ _ => by simp [listOf, getElem_toDigits]
      rw [hbits, hdigits, ofDigits_toDigits, Nat.mod_eq_of_lt this]

/-- No bit of a lane is wasted: any seven bytes are those of the eight stored codes that are read from them. -/
theorem laneByte_laneCode {bytes : Nat → Nat} (h : ∀ k < 7, bytes k < 256) {v : Nat} (hv : v < 7) :
    laneByte .stream (laneCode .stream bytes) v = bytes v := by
  have hbelow : allBelow 2 (listOf 7 fun k => bytes k / 128) = true := by
    refine allBelow_iff.2 fun d hd => ?_
    obtain ⟨k, hk, rfl⟩ := List.mem_map.1 hd
    have := h k (List.mem_range.1 hk)
    omega
  have hbit := getElem_eq_ofDigits hbelow (i := v) (by simp [listOf, hv])
  have := h v hv
  simp only [listOf, List.getElem_map, List.getElem_range] at hbit
  simp only [laneCode, laneByte, if_pos hv, Nat.lt_irrefl, if_false, listOf, ← hbit]
  omega

/-- What is read from a lane depends on the bytes of the vectors that are stored, and on no others. -/
theorem laneCode_congr (width : Width) {bytes others : Nat → Nat} (h : ∀ k < width.bits, bytes k = others k) {v : Nat}
    (hv : v < 8) : laneCode width bytes v = laneCode width others v := by
  cases width with
  | byte => exact h v hv
  | stream =>
    have hupper : (listOf 7 fun k => bytes k / 128) = listOf 7 fun k => others k / 128 :=
      List.map_congr_left fun k hk => by rw [h k (List.mem_range.1 hk)]
    simp only [laneCode, hupper]
    split
    · rename_i h7; rw [h v h7]
    · rfl

/-- A byte of a lane is the stored code of its vector, but for bit 7. -/
theorem laneByte_mod (width : Width) {codes : Nat → Nat} {v : Nat} (h : codes v < 128) :
    laneByte width codes v % 128 = codes v := by
  cases width <;> simp only [laneByte] <;> omega

/-- A byte of a lane lies below 256. -/
theorem laneByte_lt (width : Width) {codes : Nat → Nat} {v : Nat} (h : codes v < 128) :
    laneByte width codes v < 256 := by
  cases width <;> simp only [laneByte] <;> omega

/-! ### Places -/

/-- Quotient and remainder of `d` times a number and less than `d` more. -/
private theorem div_mod_of_lt {d n r : Nat} (h : r < d) : (d * n + r) / d = n ∧ (d * n + r) % d = r :=
  ⟨by rw [Nat.mul_add_div (by omega), Nat.div_eq_of_lt h, Nat.add_zero], by rw [Nat.mul_add_mod, Nat.mod_eq_of_lt h]⟩

/-- Every code of the 32 rows has a place, and the code at that place is the code. -/
theorem placeCode_tilePlace {row : Nat} (h : row < 32) (pair : Nat) :
    placeCode (tilePlace row pair).1 (tilePlace row pair).2.1 (tilePlace row pair).2.2 = (row, pair) := by
  have hvector := div_mod_of_lt (d := 2) (n := pair % 16 / 4) (r := row / 16) (by omega)
  have hlane := div_mod_of_lt (n := row % 16) (Nat.mod_lt pair (show 0 < 4 by decide))
  simp only [placeCode, tilePlace, Prod.mk.injEq, hvector, hlane]
  constructor <;> omega

/-- Every place has a code, and its place is the place. -/
theorem tilePlace_placeCode {vector lane : Nat} (hv : vector < 8) (hl : lane < 64) (unit : Nat) :
    tilePlace (placeCode unit vector lane).1 (placeCode unit vector lane).2 = (unit, vector, lane) := by
  have hrest : 4 * (vector / 2) + lane % 4 < 16 := by omega
  have hrow := div_mod_of_lt (n := vector % 2) (show lane / 4 < 16 by omega)
  have hpair := div_mod_of_lt (n := unit) hrest
  have hlane := div_mod_of_lt (n := vector / 2) (Nat.mod_lt lane (show 0 < 4 by decide))
  simp only [placeCode, tilePlace, Prod.mk.injEq, Nat.add_assoc, hrow, hpair, hlane]
  refine ⟨trivial, Nat.div_add_mod .., ?_⟩
  omega

/-- Places lie in their ranges: `16 n` codes of 32 rows fill the 8 vectors of 64 lanes of `n` units. -/
theorem tilePlace_lt {row pair units : Nat} (hr : row < 32) (hp : pair < 16 * units) :
    (tilePlace row pair).1 < units ∧ (tilePlace row pair).2.1 < 8 ∧ (tilePlace row pair).2.2 < 64 := by
  simp only [tilePlace]; omega

/-- Codes lie in their ranges: the places of `n` units hold `16 n` codes of 32 rows. -/
theorem placeCode_lt {unit vector lane units : Nat} (hu : unit < units) (hv : vector < 8) (hl : lane < 64) :
    (placeCode unit vector lane).1 < 32 ∧ (placeCode unit vector lane).2 < 16 * units := by
  simp only [placeCode]; omega

/-! ### Sizes -/

/-- A unit takes 64 bytes for each vector that is stored. -/
theorem length_tileUnit (width : Width) (codes : List (List Code)) (tile unit : Nat) :
    (tileUnit width codes tile unit).length = width.bits * 64 :=
  length_joinParts fun _ _ => by simp [listOf]

/-- The steps of a block take 64 bytes. -/
theorem length_tileSteps (steps : List (List Nat)) (tile block : Nat) : (tileSteps steps tile block).length = 64 :=
  length_joinParts (count := 32) (size := 2) fun _ _ => rfl

/-- A block of a tile has `blockBytes` bytes. -/
theorem length_tileBlock (S : TiledShape) (codes : List (List Code)) (steps : List (List Nat)) (tile block : Nat) :
    (tileBlock S codes steps tile block).length = S.blockBytes := by
  have h := length_joinParts (count := S.blockUnits)
    fun unit _ => length_tileUnit S.width codes tile (block * S.blockUnits + unit)
  simp only [tileBlock, joinParts_eq, List.flatten_cons, List.flatten_nil, List.length_append, List.append_nil] at h ⊢
  rw [length_tileSteps, h, TiledShape.blockBytes, TiledShape.unitBytes]

/-- A matrix has `bytes` bytes. -/
theorem length_tileMatrix (S : TiledShape) (codes : List (List Code)) (steps : List (List Nat)) :
    (tileMatrix S codes steps).length = S.bytes :=
  length_joinParts fun tile _ => length_joinParts fun block _ => length_tileBlock S codes steps tile block

/-- Every byte of a unit lies below 256. -/
theorem tileUnit_lt (width : Width) (codes : List (List Code)) (tile unit : Nat) :
    ∀ b ∈ tileUnit width codes tile unit, b < 256 := by
  intro b hb
  obtain ⟨v, -, hb⟩ := mem_joinParts hb
  obtain ⟨lane, -, rfl⟩ := List.mem_map.1 hb
  exact laneByte_lt width (storedCode_lt _)

/-- Every byte of a tiled matrix lies below 256. -/
theorem tileMatrix_lt (S : TiledShape) (codes : List (List Code)) {steps : List (List Nat)}
    (h : ∀ row ∈ steps, ∀ s ∈ row, s < 65536) : ∀ b ∈ tileMatrix S codes steps, b < 256 := by
  intro b hb
  obtain ⟨tile, -, hb⟩ := mem_joinParts hb
  obtain ⟨block, -, hb⟩ := mem_joinParts hb
  simp only [tileBlock, joinParts_eq, List.flatten_cons, List.flatten_nil, List.append_nil, List.mem_append] at hb
  simp only [← joinParts_eq] at hb
  rcases hb with hb | hb
  · obtain ⟨row, -, hb⟩ := mem_joinParts hb
    have := entry_of_forall (p := (· < 65536)) (other := 0) (by decide) h (32 * tile + row) block
    simp only [List.mem_cons, List.not_mem_nil, or_false] at hb
    omega
  · obtain ⟨unit, -, hb⟩ := mem_joinParts hb
    exact tileUnit_lt S.width codes _ _ b hb

/-- Whole tiles of whole blocks have no byte that is not a code's or a step's: a code's bits for two weights, and 16
bits of a step for the weights of a block. -/
theorem bits_of_whole_tiles (t b : Nat) {u : Nat} (hu : 0 < u) (width : Width) :
    (8 * (TiledShape.mk (32 * t) (32 * u * b) u width).bytes : Rat) =
      bitsPerWeight width.bits 16 (32 * u) * ((32 * t : Nat) * (32 * u * b : Nat)) := by
  have htiles : (32 * t + 31) / 32 = t := by omega
  have hblocks : (32 * u * b + 32 * u - 1) / (32 * u) = b := by
    rw [Nat.add_sub_assoc (by omega), Nat.mul_add_div (by omega), Nat.div_eq_of_lt (by omega), Nat.add_zero]
  simp only [TiledShape.bytes, TiledShape.tiles, TiledShape.tileBytes, TiledShape.blocks, TiledShape.blockBytes,
    TiledShape.unitBytes, TiledShape.blockSize, blockCount, bitsPerWeight, htiles, hblocks, Rat.natCast_mul,
    Rat.natCast_add]
  have : (u : Rat) ≠ 0 := fun h => by have := Rat.natCast_eq_zero_iff.1 h; omega
  grind

/-- With blocks of 64 weights whole tiles take 3.75 bits a weight: 960 bytes for 2,048 weights. -/
theorem tiled_bits_64 (t b : Nat) :
    (8 * (TiledShape.mk (32 * t) (64 * b) 2 .stream).bytes : Rat) = 15 / 4 * ((32 * t : Nat) * (64 * b : Nat)) ∧
    (TiledShape.mk 32 64 2 .stream).bytes = 960 :=
  ⟨bitsPerWeight_64 ▸ bits_of_whole_tiles t b (u := 2) (by decide) .stream, by decide⟩

/-- With blocks of 32 weights whole tiles take 4 bits a weight: 512 bytes for 1,024 weights. -/
theorem tiled_bits_32 (t b : Nat) :
    (8 * (TiledShape.mk (32 * t) (32 * b) 1 .stream).bytes : Rat) = 4 * ((32 * t : Nat) * (32 * b : Nat)) ∧
    (TiledShape.mk 32 32 1 .stream).bytes = 512 :=
  ⟨bitsPerWeight_32 ▸ bits_of_whole_tiles t b (u := 1) (by decide) .stream, by decide⟩

/-- With blocks of 128 weights whole tiles take 3.625 bits a weight: 1,856 bytes for 4,096 weights. -/
theorem tiled_bits_128 (t b : Nat) :
    (8 * (TiledShape.mk (32 * t) (128 * b) 4 .stream).bytes : Rat) = 29 / 8 * ((32 * t : Nat) * (128 * b : Nat)) ∧
    (TiledShape.mk 32 128 4 .stream).bytes = 1856 :=
  ⟨bitsPerWeight_128 ▸ bits_of_whole_tiles t b (u := 4) (by decide) .stream, by decide⟩

/-! ### Reading back -/

/-- The stored code that a unit has in a lane of a vector is that of the code with this place. -/
theorem laneCode_tileUnit (width : Width) (codes : List (List Code)) (tile unit : Nat) {v lane : Nat} (hv : v < 8)
    (hl : lane < 64) :
    laneCode width (fun k => item 0 (tileUnit width codes tile unit) (k * 64 + lane)) v =
      storedCode (entry 0 codes (32 * tile + (placeCode unit v lane).1) (placeCode unit v lane).2) := by
  have hbyte : ∀ k < width.bits, item 0 (tileUnit width codes tile unit) (k * 64 + lane) =
      laneByte width (fun k => storedCode (entry 0 codes (32 * tile + (placeCode unit k lane).1)
        (placeCode unit k lane).2)) k := fun k hk => by
    rw [tileUnit, item_joinParts 0 (size := 64) (fun _ _ => by simp [listOf]) hk hl, item_listOf 0 _ hl]
  exact (laneCode_congr width hbyte hv).trans (laneCode_laneByte width (fun _ _ => storedCode_lt _) hv)

/-- The bytes of block `block` of tile `tile`, where the matrix has them. -/
theorem item_tileMatrix (S : TiledShape) (codes : List (List Code)) (steps : List (List Nat)) {tile block i : Nat}
    (ht : tile < S.tiles) (hb : block < S.blocks) (hi : i < S.blockBytes) :
    item 0 (tileMatrix S codes steps) (tile * S.tileBytes + (block * S.blockBytes + i)) =
      item 0 (tileBlock S codes steps tile block) i := by
  have hblock := fun tile block => length_tileBlock S codes steps tile block
  have htile := fun tile => length_joinParts (count := S.blocks) fun block _ => hblock tile block
  exact (item_joinParts 0 (fun tile _ => htile tile) ht (join_lt hb hi)).trans
    (item_joinParts 0 (fun block _ => hblock tile block) hb hi)

/-- The steps stand before the units of their block. -/
theorem item_tileBlock_steps (S : TiledShape) (codes : List (List Code)) (steps : List (List Nat)) (tile block : Nat)
    {i : Nat} (hi : i < 64) :
    item 0 (tileBlock S codes steps tile block) i = item 0 (tileSteps steps tile block) i := by
  simp only [tileBlock, joinParts_eq, List.flatten_cons, List.flatten_nil, List.append_nil, item_eq]
  rw [List.getElem?_append_left (by rw [length_tileSteps]; exact hi)]

/-- The units of a block stand after its steps. -/
theorem item_tileBlock_units (S : TiledShape) (codes : List (List Code)) (steps : List (List Nat)) (tile block : Nat)
    {unit i : Nat} (hu : unit < S.blockUnits) (hi : i < S.unitBytes) :
    item 0 (tileBlock S codes steps tile block) (64 + (unit * S.unitBytes + i)) =
      item 0 (tileUnit S.width codes tile (block * S.blockUnits + unit)) i := by
  have hunit := fun unit (_ : unit < S.blockUnits) => length_tileUnit S.width codes tile (block * S.blockUnits + unit)
  rw [← item_joinParts (α := Nat) 0 hunit hu hi]
  simp only [tileBlock, joinParts_eq, List.flatten_cons, List.flatten_nil, List.append_nil, item_eq]
  rw [List.getElem?_append_right (by rw [length_tileSteps]; omega), length_tileSteps, Nat.add_sub_cancel_left]
  rfl

/-- Every code of the tiles is read back from its place, those that fill up rows and columns included. -/
theorem codeAt_tileMatrix (S : TiledShape) (codes : List (List Code)) (steps : List (List Nat)) {row pair : Nat}
    (hr : row < 32 * S.tiles) (hp : pair < 16 * (S.blocks * S.blockUnits)) :
    codeAt S (tileMatrix S codes steps) row pair = entry 0 codes row pair := by
  have hrow : row % 32 < 32 := Nat.mod_lt _ (by decide)
  obtain ⟨hu, hv, hl⟩ := tilePlace_lt (pair := pair) (units := S.blocks * S.blockUnits) hrow hp
  have hback := placeCode_tilePlace hrow pair
  have hpos : 0 < S.blockUnits := Nat.pos_of_ne_zero fun h => by rw [h, Nat.mul_zero] at hu; omega
  simp only [codeAt]
  generalize tilePlace (row % 32) pair = p at hu hv hl hback ⊢
  obtain ⟨unit, v, lane⟩ := p
  have hlane : ∀ k < S.width.bits,
      item 0 (tileMatrix S codes steps) (S.unitOffset (row / 32) unit + (k * 64 + lane)) =
        item 0 (tileUnit S.width codes (row / 32) unit) (k * 64 + lane) := fun k hk => by
    have hrest := Nat.mod_lt unit hpos
    have hinner : k * 64 + lane < S.unitBytes := join_lt hk hl
    rw [TiledShape.unitOffset, Nat.add_assoc, Nat.add_assoc, Nat.add_assoc,
      item_tileMatrix S codes steps (by omega) ((Nat.div_lt_iff_lt_mul hpos).2 hu)
        (by have := join_lt hrest hinner; simp only [TiledShape.blockBytes]; omega),
      item_tileBlock_units S codes steps _ _ hrest hinner, Nat.div_add_mod']
  have hcode := laneCode_tileUnit S.width codes (row / 32) unit hv hl
  rw [hback, Nat.div_add_mod] at hcode
  rw [← codeOfStored_storedCode (entry 0 codes row pair), ← hcode]
  exact congrArg codeOfStored (laneCode_congr S.width hlane hv)

/-- Every step of the tiles is read back from its place. -/
theorem stepAt_tileMatrix (S : TiledShape) (codes : List (List Code)) (steps : List (List Nat)) {row block : Nat}
    (hr : row < 32 * S.tiles) (hb : block < S.blocks) :
    stepAt S (tileMatrix S codes steps) row block = entry 0 steps row block := by
  have hrow : row % 32 < 32 := Nat.mod_lt _ (by decide)
  have hbyte : ∀ j < 2, item 0 (tileMatrix S codes steps) (S.stepOffset row block + j) =
      item 0 [entry 0 steps row block % 256, entry 0 steps row block / 256] j := fun j hj => by
    have hi : row % 32 * 2 + j < 64 := by omega
    rw [TiledShape.stepOffset, Nat.add_assoc, Nat.add_assoc,
      item_tileMatrix S codes steps (by omega) hb (by simp only [TiledShape.blockBytes]; omega),
      item_tileBlock_steps S codes steps _ _ hi, tileSteps, item_joinParts 0 (size := 2) (fun _ _ => rfl) hrow hj,
      Nat.div_add_mod]
  have h0 := hbyte 0 (by decide)
  have h1 := hbyte 1 (by decide)
  simp only [Nat.add_zero, item] at h0 h1
  rw [stepAt, h0, h1]
  omega

/-- The tiled layout reads back: codes and steps of every matrix, of any number of rows and columns. -/
theorem untileMatrix_tileMatrix {S : TiledShape} (hu : 0 < S.blockUnits) {codes : List (List Code)}
    {steps : List (List Nat)} (hcodes : HasShape S.rows (pairCount S.cols) codes)
    (hsteps : HasShape S.rows S.blocks steps) : untileMatrix S (tileMatrix S codes steps) = (codes, steps) := by
  have htiles : S.rows ≤ 32 * S.tiles := by unfold TiledShape.tiles; omega
  have hpairs : pairCount S.cols ≤ 16 * (S.blocks * S.blockUnits) := by
    have hdiv := Nat.div_add_mod (S.cols + 32 * S.blockUnits - 1) (32 * S.blockUnits)
    have hlt := Nat.mod_lt (S.cols + 32 * S.blockUnits - 1) (show 0 < 32 * S.blockUnits by omega)
    rw [Nat.mul_assoc, Nat.mul_comm S.blockUnits] at hdiv
    simp only [TiledShape.blocks, TiledShape.blockSize, blockCount, pairCount]
    omega
  rw [untileMatrix]
  refine Prod.ext ?_ ?_
  · refine .trans (List.map_congr_left fun row hrow => List.map_congr_left fun pair hpair => ?_)
      (listOf_entry 0 hcodes)
    rw [List.mem_range] at hrow hpair
    exact codeAt_tileMatrix S codes steps (by omega) (by omega)
  · refine .trans (List.map_congr_left fun row hrow => List.map_congr_left fun block hblock => ?_)
      (listOf_entry 0 hsteps)
    rw [List.mem_range] at hrow hblock
    exact stepAt_tileMatrix S codes steps (by omega) hblock

/-! ### The hypotheses can be met -/

/-- One row of one weight. -/
def smallShape : TiledShape := ⟨1, 1, 1, .stream⟩

example : untileMatrix smallShape (tileMatrix smallShape [[5]] [[15360]]) = ([[5]], [[15360]]) :=
  untileMatrix_tileMatrix (by decide) ⟨rfl, by decide⟩ ⟨rfl, by decide⟩
example : codeAt smallShape (tileMatrix smallShape [[5]] [[15360]]) 31 15 = 0 :=
  codeAt_tileMatrix smallShape [[5]] [[15360]] (by decide) (by decide)
example : stepAt smallShape (tileMatrix smallShape [[5]] [[15360]]) 0 0 = 15360 :=
  stepAt_tileMatrix smallShape [[5]] [[15360]] (by decide) (by decide)
example : ∀ b ∈ tileMatrix smallShape [[5]] [[15360]], b < 256 := tileMatrix_lt smallShape [[5]] (by decide)
example : ∀ b ∈ tileUnit .stream [[5]] 0 0, b < 256 := tileUnit_lt .stream [[5]] 0 0
example : laneCode .stream (laneByte .stream fun k => 15 * k) 7 = 105 :=
  laneCode_laneByte .stream (codes := fun k => 15 * k) (fun k h => show 15 * k < 128 by omega) (v := 7) (by decide)
example : laneByte .stream (laneCode .stream fun k => 40 * k) 6 = 240 :=
  laneByte_laneCode (bytes := fun k => 40 * k) (fun k h => show 40 * k < 256 by omega) (v := 6) (by decide)
example : laneCode .stream (fun k => 40 * k) 7 = laneCode .stream (fun k => if k < 7 then 40 * k else 0) 7 :=
  laneCode_congr .stream (fun k h => (if_pos h).symm) (by decide)
example : laneByte .stream (fun k => 15 * k) 6 % 128 = 90 :=
  laneByte_mod .stream (codes := fun k => 15 * k) (v := 6) (by decide)
example : placeCode 1 3 57 = (30, 21) := placeCode_tilePlace (row := 30) (by decide) 21
example : tilePlace 30 21 = (1, 3, 57) := tilePlace_placeCode (vector := 3) (lane := 57) (by decide) (by decide) 1
example : (tilePlace 30 21).1 < 2 ∧ (tilePlace 30 21).2.1 < 8 ∧ (tilePlace 30 21).2.2 < 64 :=
  tilePlace_lt (units := 2) (by decide) (by decide)
example : (placeCode 1 3 57).1 < 32 ∧ (placeCode 1 3 57).2 < 32 :=
  placeCode_lt (units := 2) (by decide) (by decide) (by decide)
example : laneByte .stream (fun k => 15 * k) 6 < 256 :=
  laneByte_lt .stream (codes := fun k => 15 * k) (v := 6) (by decide)
example : laneCode .byte (fun k => item 0 (tileUnit .byte [[5]] 0 0) (k * 64 + 0)) 0 =
    storedCode (entry 0 [[5]] (32 * 0 + (placeCode 0 0 0).1) (placeCode 0 0 0).2) :=
  laneCode_tileUnit .byte [[5]] 0 0 (by decide) (by decide)
example : item 0 (tileMatrix smallShape [[5]] [[15360]]) (0 * smallShape.tileBytes + (0 * smallShape.blockBytes + 1)) =
    item 0 (tileBlock smallShape [[5]] [[15360]] 0 0) 1 := item_tileMatrix _ _ _ (by decide) (by decide) (by decide)
example : item 0 (tileBlock smallShape [[5]] [[15360]] 0 0) 1 = item 0 (tileSteps [[15360]] 0 0) 1 :=
  item_tileBlock_steps _ _ _ _ _ (by decide)
example : item 0 (tileBlock smallShape [[5]] [[15360]] 0 0) (64 + (0 * smallShape.unitBytes + 3)) =
    item 0 (tileUnit .stream [[5]] 0 (0 * 1 + 0)) 3 := item_tileBlock_units smallShape _ _ _ _ (by decide) (by decide)
example : (8 * (TiledShape.mk (32 * 2) (32 * 5 * 3) 5 .byte).bytes : Rat) =
    bitsPerWeight 8 16 (32 * 5) * ((32 * 2 : Nat) * (32 * 5 * 3 : Nat)) := bits_of_whole_tiles 2 3 (by decide) .byte

end Q35
