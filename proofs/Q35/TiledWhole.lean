module

public import Q35.Tiled

@[expose] public section

/-! Whole tiles of the tiled layout waste no bit: not only is every matrix read back from its bytes, every sequence of
as many bytes is also that of a matrix. -/

namespace Q35

/-- A matrix of whole tiles of whole blocks: no row and no column is filled up. -/
def TiledShape.Whole (S : TiledShape) : Prop :=
  S.rows = 32 * S.tiles ∧ pairCount S.cols = 16 * (S.blocks * S.blockUnits)

/-- Matrices of `32 t` rows and `b` blocks of `32 u` columns are such. -/
theorem whole_of_multiples (t b : Nat) {u : Nat} (hu : 0 < u) (width : Width) :
    (TiledShape.mk (32 * t) (32 * u * b) u width).Whole := by
  have hblocks : blockCount (32 * u) (32 * u * b) = b := by
    rw [blockCount, Nat.add_sub_assoc (by omega), Nat.mul_add_div (by omega), Nat.div_eq_of_lt (by omega), Nat.add_zero]
  have hcols : 32 * u * b = 32 * (b * u) := by rw [Nat.mul_assoc, Nat.mul_comm u]
  refine ⟨?_, ?_⟩
  · simp only [TiledShape.tiles]; omega
  · simp only [TiledShape.blocks, TiledShape.blockSize, hblocks, pairCount]; omega

example : (TiledShape.mk (32 * 2) (32 * 5 * 3) 5 .stream).Whole := whole_of_multiples 2 3 (by decide) .stream

/-! ### Elements -/

/-- Lists of one length with the same elements are the same. -/
theorem eq_of_item {α : Type} (other : α) {xs ys : List α} (hlen : xs.length = ys.length)
    (h : ∀ i < ys.length, item other xs i = item other ys i) : xs = ys := by
  refine List.ext_getElem hlen fun i hi hi' => ?_
  simpa [item_eq, hi, hi'] using h i hi'

/-- An entry of a matrix that is given by a function. -/
theorem entry_listOf {α : Type} (other : α) {rows cols i j : Nat} (f : Nat → Nat → α) (hi : i < rows) (hj : j < cols) :
    entry other (listOf rows fun i => listOf cols fun j => f i j) i j = f i j := by
  rw [entry, item_listOf [] _ hi, item_listOf other _ hj]

/-- A code of a lane of seven bytes has seven bits. -/
theorem laneCode_lt {bytes : Nat → Nat} (h : ∀ k < 7, bytes k < 256) (v : Nat) : laneCode .stream bytes v < 128 := by
  have hbelow : allBelow 2 (listOf 7 fun k => bytes k / 128) = true := by
    refine allBelow_iff.2 fun d hd => ?_
    obtain ⟨k, hk, rfl⟩ := List.mem_map.1 hd
    exact Nat.div_lt_of_lt_mul (h k (List.mem_range.1 hk))
  simp only [laneCode]
  split
  · exact Nat.mod_lt _ (by decide)
  · exact Nat.lt_of_lt_of_eq (ofDigits_lt hbelow) (by simp [listOf])

/-- A byte of a unit is that of its lane. -/
theorem item_tileUnit (width : Width) (codes : List (List Code)) (tile unit : Nat) {v lane : Nat} (hv : v < width.bits)
    (hl : lane < 64) :
    item 0 (tileUnit width codes tile unit) (v * 64 + lane) =
      laneByte width (fun k => storedCode (entry 0 codes (32 * tile + (placeCode unit k lane).1)
        (placeCode unit k lane).2)) v := by
  rw [tileUnit, item_joinParts 0 (size := 64) (fun _ _ => by simp [listOf]) hv hl, item_listOf 0 _ hl]

/-- The codes that are read from bytes, one by one. -/
theorem entry_codes_untileMatrix {S : TiledShape} (bytes : List Nat) {row pair : Nat} (hr : row < S.rows)
    (hp : pair < pairCount S.cols) : entry 0 (untileMatrix S bytes).1 row pair = codeAt S bytes row pair :=
  entry_listOf 0 (codeAt S bytes) hr hp

/-- The steps that are read from bytes, one by one. -/
theorem entry_steps_untileMatrix {S : TiledShape} (bytes : List Nat) {row block : Nat} (hr : row < S.rows)
    (hb : block < S.blocks) : entry 0 (untileMatrix S bytes).2 row block = stepAt S bytes row block :=
  entry_listOf 0 (stepAt S bytes) hr hb

/-- Bytes lie below 256, and what stands beyond their end too. -/
theorem item_lt_of_bytes {bytes : List Nat} (h : ∀ x ∈ bytes, x < 256) (i : Nat) : item 0 bytes i < 256 := by
  rw [item_eq]
  cases hi : bytes[i]? with
  | none => decide
  | some x => exact h x (List.mem_of_getElem? hi)

/-! ### Writing back -/

/-- The bytes of a step are read and written at the same place. -/
theorem item_tileSteps_untileMatrix {S : TiledShape} (hS : S.Whole) {bytes : List Nat} (hbytes : ∀ x ∈ bytes, x < 256)
    {tile block i : Nat} (ht : tile < S.tiles) (hb : block < S.blocks) (hi : i < 64) :
    item 0 (tileSteps (untileMatrix S bytes).2 tile block) i =
      item 0 bytes (tile * S.tileBytes + (block * S.blockBytes + i)) := by
  have hrow : i / 2 < 32 := by omega
  have hitem := item_joinParts 0 (size := 2) (i := i / 2) (j := i % 2) (f := fun row =>
    let s := entry 0 (untileMatrix S bytes).2 (32 * tile + row) block
    [s % 256, s / 256]) (fun _ _ => rfl) hrow (Nat.mod_lt _ (by decide))
  rw [Nat.div_add_mod'] at hitem
  have hstep := entry_steps_untileMatrix bytes (row := 32 * tile + i / 2) (by have := hS.1; omega) hb
  rw [stepAt, TiledShape.stepOffset, Nat.mul_add_div (by decide), Nat.mul_add_mod, Nat.div_eq_of_lt hrow,
    Nat.mod_eq_of_lt hrow, Nat.add_zero] at hstep
  rw [tileSteps, hitem]
  simp only [hstep]
  have h0 := item_lt_of_bytes hbytes (tile * S.tileBytes + (block * S.blockBytes + i / 2 * 2))
  clear ht hi hrow
  rcases Nat.mod_two_eq_zero_or_one i with h | h
  · simp only [h, item]
    rw [show i / 2 * 2 = i by omega] at h0 ⊢
    omega
  · simp only [h, item]
    rw [show tile * S.tileBytes + (block * S.blockBytes + i) =
      tile * S.tileBytes + (block * S.blockBytes + i / 2 * 2) + 1 by omega]
    omega

/-- The bytes of a unit are read and written at the same places. -/
theorem item_tileUnit_untileMatrix {S : TiledShape} (hS : S.Whole) (hw : S.width = .stream) {bytes : List Nat}
    (hbytes : ∀ x ∈ bytes, x < 256) {tile unit i : Nat} (ht : tile < S.tiles) (hu : unit < S.blocks * S.blockUnits)
    (hi : i < S.unitBytes) :
    item 0 (tileUnit S.width (untileMatrix S bytes).1 tile unit) i = item 0 bytes (S.unitOffset tile unit + i) := by
  have hlane : ∀ k < 7, item 0 bytes (S.unitOffset tile unit + (k * 64 + i % 64)) < 256 := fun k _ =>
    item_lt_of_bytes hbytes _
  have hv : i / 64 < 7 := by rw [TiledShape.unitBytes, hw] at hi; simp only [Width.bits] at hi; omega
  have hl : i % 64 < 64 := Nat.mod_lt _ (by decide)
  have hcode : ∀ k < 8, storedCode (entry 0 (untileMatrix S bytes).1 (32 * tile + (placeCode unit k (i % 64)).1)
      (placeCode unit k (i % 64)).2) =
        laneCode .stream (fun v => item 0 bytes (S.unitOffset tile unit + (v * 64 + i % 64))) k := fun k hk => by
    obtain ⟨hrow, hpair⟩ := placeCode_lt hu hk hl
    have hplace := tilePlace_placeCode hk hl unit
    rw [entry_codes_untileMatrix bytes (by have := hS.1; omega) (by have := hS.2; omega), codeAt,
      show (32 * tile + (placeCode unit k (i % 64)).1) / 32 = tile by omega,
      show (32 * tile + (placeCode unit k (i % 64)).1) % 32 = (placeCode unit k (i % 64)).1 by omega, hplace, hw,
      storedCode_codeOfStored, Nat.mod_eq_of_lt (laneCode_lt hlane k)]
  have hitem := item_tileUnit S.width (untileMatrix S bytes).1 tile unit (v := i / 64) (by rw [hw]; exact hv) hl
  have hback := laneByte_laneCode hlane hv
  rw [Nat.div_add_mod'] at hitem hback
  rw [hitem, ← hback, hw]
  simp only [laneByte]
  rw [hcode _ (by omega), hcode 7 (by decide)]

/-- Whole tiles waste no bit: every sequence of as many bytes is that of a matrix, of the one that is read from it. -/
theorem tileMatrix_untileMatrix {S : TiledShape} (hS : S.Whole) (hw : S.width = .stream) {bytes : List Nat}
    (hlen : bytes.length = S.bytes) (hbytes : ∀ x ∈ bytes, x < 256) :
    tileMatrix S (untileMatrix S bytes).1 (untileMatrix S bytes).2 = bytes := by
  refine eq_of_item 0 (by rw [length_tileMatrix, hlen]) fun i hi => ?_
  rw [hlen, TiledShape.bytes] at hi
  have ht : i / S.tileBytes < S.tiles := Nat.div_lt_of_lt_mul (Nat.mul_comm _ _ ▸ hi)
  have hpos : 0 < S.tileBytes := Nat.pos_of_ne_zero fun h => by rw [h, Nat.mul_zero] at hi; omega
  have hrest := Nat.mod_lt i hpos
  have htile := Nat.div_add_mod' i S.tileBytes
  revert ht hrest htile
  generalize i / S.tileBytes = tile
  generalize i % S.tileBytes = rest
  rintro ht hrest rfl
  rw [TiledShape.tileBytes] at hrest
  have hb : rest / S.blockBytes < S.blocks := Nat.div_lt_of_lt_mul (Nat.mul_comm _ _ ▸ hrest)
  have hpos' : 0 < S.blockBytes := by simp only [TiledShape.blockBytes]; omega
  have hrest' := Nat.mod_lt rest hpos'
  have hblock := Nat.div_add_mod' rest S.blockBytes
  revert hb hrest' hblock
  generalize rest / S.blockBytes = block
  generalize rest % S.blockBytes = off
  rintro hb hoff rfl
  rw [item_tileMatrix S _ _ ht hb hoff]
  by_cases hsteps : off < 64
  · rw [item_tileBlock_steps S _ _ _ _ hsteps, item_tileSteps_untileMatrix hS hbytes ht hb hsteps]
  · obtain ⟨w, rfl⟩ := Nat.exists_eq_add_of_le (Nat.le_of_not_lt hsteps)
    have hw' : w < S.blockUnits * S.unitBytes := by simp only [TiledShape.blockBytes] at hoff; omega
    have hposu : 0 < S.unitBytes := by rw [TiledShape.unitBytes, hw]; decide
    have hu : w / S.unitBytes < S.blockUnits := Nat.div_lt_of_lt_mul (Nat.mul_comm _ _ ▸ hw')
    have hz := Nat.mod_lt w hposu
    have hunit := Nat.div_add_mod' w S.unitBytes
    revert hu hz hunit
    generalize w / S.unitBytes = unit
    generalize w % S.unitBytes = z
    rintro hu hz rfl
    have hposb : 0 < S.blockUnits := by omega
    rw [item_tileBlock_units S _ _ _ _ hu hz, item_tileUnit_untileMatrix hS hw hbytes ht (join_lt hb hu) hz,
      TiledShape.unitOffset, show (block * S.blockUnits + unit) / S.blockUnits = block by
        rw [Nat.add_comm, Nat.add_mul_div_right _ _ hposb, Nat.div_eq_of_lt hu, Nat.zero_add],
      show (block * S.blockUnits + unit) % S.blockUnits = unit by
        rw [Nat.add_comm, Nat.add_mul_mod_self_right, Nat.mod_eq_of_lt hu]]
    congr 1
    omega

/-! ### The hypotheses can be met -/

/-- One tile of one block of 32 weights. -/
def wholeShape : TiledShape := ⟨32, 32, 1, .stream⟩

example : tileMatrix wholeShape (untileMatrix wholeShape (List.replicate 512 255)).1
    (untileMatrix wholeShape (List.replicate 512 255)).2 = List.replicate 512 255 :=
  tileMatrix_untileMatrix (whole_of_multiples 1 1 (u := 1) (by decide) .stream) rfl List.length_replicate
    fun x h => by rw [List.eq_of_mem_replicate h]; decide
example : item 0 (tileSteps (untileMatrix wholeShape [9, 7]).2 0 0) 1 =
    item 0 [9, 7] (0 * wholeShape.tileBytes + (0 * wholeShape.blockBytes + 1)) :=
  item_tileSteps_untileMatrix (whole_of_multiples 1 1 (u := 1) (by decide) .stream) (by decide) (by decide)
    (by decide) (by decide)
example : item 0 (tileUnit wholeShape.width (untileMatrix wholeShape [9, 7]).1 0 0) 5 =
    item 0 [9, 7] (wholeShape.unitOffset 0 0 + 5) :=
  item_tileUnit_untileMatrix (whole_of_multiples 1 1 (u := 1) (by decide) .stream) rfl (by decide)
    (by decide) (by decide) (by decide)
example : item 0 [9, 7] 600 < 256 := item_lt_of_bytes (by decide) 600
example : entry 0 (untileMatrix wholeShape []).1 31 15 = codeAt wholeShape [] 31 15 :=
  entry_codes_untileMatrix [] (by decide) (by decide)
example : entry 0 (untileMatrix wholeShape []).2 31 0 = stepAt wholeShape [] 31 0 :=
  entry_steps_untileMatrix [] (by decide) (by decide)
example : item 0 (tileUnit .byte [[5]] 0 0) (7 * 64 + 3) =
    laneByte .byte (fun k => storedCode (entry 0 [[5]] (32 * 0 + (placeCode 0 k 3).1) (placeCode 0 k 3).2)) 7 :=
  item_tileUnit .byte [[5]] 0 0 (by decide) (by decide)
example : laneCode .stream (fun k => 40 * k) 7 < 128 :=
  laneCode_lt (bytes := fun k => 40 * k) (fun k h => show 40 * k < 256 by omega) 7
example : entry 0 (listOf 3 fun i => listOf 2 fun j => 10 * i + j) 2 1 = 21 :=
  entry_listOf 0 (fun i j => 10 * i + j) (by decide) (by decide)
example : listOf 2 (fun i => i + i) = [0, 2] := eq_of_item 0 rfl (by decide)

end Q35
