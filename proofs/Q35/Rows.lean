module

public import Q35.Block
public import Q35.Size

@[expose] public section

/-! A whole row, in every scheme: pair by pair, each pair by the rule of its place. What holds for every place holds for
the row: lengths, the padding of an odd row, and that quantizing again with the same steps changes nothing. -/

namespace Q35

/-- A table and how a point, in units of the step, is encoded with it. -/
structure TableForm (n : Nat) where
  /-- What the codes stand for. -/
  table : Table n
  /-- The code of a point. -/
  encode : Rat × Rat → Fin n

/-- One place of a row: how its pair of weights becomes a code, and what a code comes back as. -/
structure Place (n : Nat) where
  /-- The code of a pair of weights. -/
  encode : Rat × Rat → Fin n
  /-- The pair of weights of a code. -/
  decode : Fin n → Rat × Rat

/-- A pair of weights in units of the step `d`; `none` for the step 0. -/
def inSteps (d : Rat) (w : Rat × Rat) : Option (Rat × Rat) := if d = 0 then none else some (w.1 / d, w.2 / d)

/-- A place with the step `d`; with the step 0 every code is 0. -/
def stepPlace {n : Nat} [NeZero n] (F : TableForm n) (d : Rat) : Place n where
  encode w := match inSteps d w with
    | none => 0
    | some p => F.encode p
  decode c := dequantize F.table d c

/-- The pair of the last weight of an odd row: a zero is its partner. -/
def alone (w : Rat) : Rat × Rat := (w, 0)

/-- The codes of a row whose first pair has the place `i`; an odd last weight is followed by a zero. -/
@[specialize] def encodeRow {n : Nat} (P : Nat → Place n) : (i : Nat) → List Rat → List (Fin n)
  | _, [] => []
  | i, [w] => [(P i).encode (alone w)]
  | i, w :: v :: rest => (P i).encode (w, v) :: encodeRow P (i + 1) rest

/-- The first `size` weights of a row of codes whose first one has the place `i`. -/
@[specialize] def decodeRow {n : Nat} (P : Nat → Place n) : (i size : Nat) → List (Fin n) → List Rat
  | _, 0, _ => []
  | _, _, [] => []
  | i, 1, c :: _ => [((P i).decode c).1]
  | i, size + 2, c :: rest => ((P i).decode c).1 :: ((P i).decode c).2 :: decodeRow P (i + 1) size rest

/-- What a row comes back as. -/
def restoreRow {n : Nat} (P : Nat → Place n) (i : Nat) (weights : List Rat) : List Rat :=
  decodeRow P i weights.length (encodeRow P i weights)

/-- The table and the encoder of a scheme with one step a block. -/
def Scheme.form (S : Scheme) : TableForm 128 :=
  ⟨fun c => S.table c, fun p => S.encode p⟩

/-- With the step 0 every code is 0. -/
theorem stepPlace_encode_zero {n : Nat} [NeZero n] (F : TableForm n) (w : Rat × Rat) :
    (stepPlace F 0).encode w = 0 := by
  simp [stepPlace, inSteps]

/-- With any other step the code is that of the quotient. -/
theorem stepPlace_encode {n : Nat} [NeZero n] (F : TableForm n) {d : Rat} (hd : d ≠ 0) (w : Rat × Rat) :
    (stepPlace F d).encode w = F.encode (w.1 / d, w.2 / d) := by
  simp [stepPlace, inSteps, hd]

/-- A code comes back as the step times its entry. -/
theorem stepPlace_decode {n : Nat} [NeZero n] (F : TableForm n) (d : Rat) (c : Fin n) :
    (stepPlace F d).decode c = dequantize F.table d c := rfl

/-- The places of a scheme with one step a block encode as the block does. -/
theorem stepPlace_encodePair (S : Scheme) (d : Rat) (w : Rat × Rat) :
    (stepPlace S.form d).encode w = encodePair S d w := by
  by_cases hd : d = 0
  · rw [hd, stepPlace_encode_zero, encodePair_zero]
  · rw [stepPlace_encode S.form hd, encodePair, if_neg hd]
    rfl

/-! ### Lengths -/

/-- A row of `n` weights has `n / 2` codes, rounded up. -/
theorem length_encodeRow {n : Nat} (P : Nat → Place n) (i : Nat) (weights : List Rat) :
    (encodeRow P i weights).length = pairCount weights.length := by
  fun_induction encodeRow P i weights with
  | case1 => rfl
  | case2 => simp [pairCount]
  | case3 i w v rest ih => simp only [List.length_cons, ih, pairCount]; omega

/-- As many weights come back as went in: the padding of an odd row does not. -/
theorem length_restoreRow {n : Nat} (P : Nat → Place n) (i : Nat) (weights : List Rat) :
    (restoreRow P i weights).length = weights.length := by
  rw [restoreRow]
  fun_induction encodeRow P i weights with
  | case1 => rfl
  | case2 => rfl
  | case3 i w v rest ih => simp only [List.length_cons, decodeRow, ih]

/-! ### Quantizing again with the same steps -/

/-- Quantizing the pair that a pair of weights comes back as gives the same code. -/
def Place.Settles {n : Nat} (P : Place n) : Prop := ∀ w, P.encode (P.decode (P.encode w)) = P.encode w

/-- The same for the last weight of an odd row, whose partner is zero again. -/
def Place.SettlesAlone {n : Nat} (P : Place n) : Prop :=
  ∀ w, P.encode (alone (P.decode (P.encode (alone w))).1) = P.encode (alone w)

/-- Encoding an entry of the table gives its code back. -/
def TableForm.Retracts {n : Nat} (F : TableForm n) : Prop := ∀ c, F.encode (entryPoint (F.table c)) = c

/-- A table whose entries encode to their codes settles with every step, whatever its sign, 0 included. -/
theorem stepPlace_settles {n : Nat} [NeZero n] {F : TableForm n} (hF : F.Retracts) (d : Rat) :
    (stepPlace F d).Settles := by
  intro w
  by_cases hd : d = 0
  · rw [hd, stepPlace_encode_zero, stepPlace_encode_zero]
  · have cancel (t : Int) : d * (t : Rat) / d = t := by grind
    rw [stepPlace_decode, stepPlace_encode F hd (dequantize F.table d _), dequantize, cancel, cancel]
    exact hF _

/-- One theorem for every scheme: if all places settle, quantizing the row that came back with the same steps gives the
same codes. Only an odd row asks more, of the place of its last weight. -/
theorem encodeRow_restoreRow {n : Nat} {P : Nat → Place n} (h : ∀ i, (P i).Settles) (i : Nat) (weights : List Rat)
    (hodd : weights.length % 2 = 1 → ∀ i, (P i).SettlesAlone) :
    encodeRow P i (restoreRow P i weights) = encodeRow P i weights := by
  rw [restoreRow]
  fun_induction encodeRow P i weights with
  | case1 => rfl
  | case2 i w => simp only [List.length_singleton, decodeRow, encodeRow, hodd rfl i w]
  | case3 i w v rest ih =>
    have := h i (w, v)
    simp only [List.length_cons, decodeRow, encodeRow, ih fun hr => hodd (by simp only [List.length_cons]; omega), this]

/-- So the row itself does not change any more either. -/
theorem restoreRow_restoreRow {n : Nat} {P : Nat → Place n} (h : ∀ i, (P i).Settles) (i : Nat) (weights : List Rat)
    (hodd : weights.length % 2 = 1 → ∀ i, (P i).SettlesAlone) :
    restoreRow P i (restoreRow P i weights) = restoreRow P i weights := by
  have hagain := encodeRow_restoreRow h i weights hodd
  have hlength := length_restoreRow P i weights
  unfold restoreRow at *
  rw [hagain, hlength]

/-! ### The schemes with one step a block are rows of this kind -/

/-- A whole row in blocks of `pairs` pairs, block `b` with the step `steps b`. -/
def blockPlaces (S : Scheme) (pairs : Nat) (steps : Nat → Rat) (i : Nat) : Place 128 :=
  stepPlace S.form (steps (i / pairs))

/-- A block's codes are those of a row with one step. -/
theorem encodeRow_block (S : Scheme) (d : Rat) (i : Nat) (weights : List Rat) :
    encodeRow (fun _ => stepPlace S.form d) i weights = encodeBlock S d (pairUp weights) := by
  fun_induction encodeRow (fun _ => stepPlace S.form d) i weights with
  | case1 => rfl
  | case2 => simp only [stepPlace_encodePair]; rfl
  | case3 i w v rest ih => simp only [pairUp, encodeBlock, ih, stepPlace_encodePair]

/-- A block comes back as a row with one step does. -/
theorem restoreRow_block (S : Scheme) (d : Rat) (i : Nat) (weights : List Rat) :
    restoreRow (fun _ => stepPlace S.form d) i weights = restoreBlock S d weights := by
  rw [restoreRow]
  fun_induction encodeRow (fun _ => stepPlace S.form d) i weights with
  | case1 => rfl
  | case2 => simp only [stepPlace_encodePair]; rfl
  | case3 i w v rest ih =>
    simp only [List.length_cons, decodeRow, restoreBlock, stepPlace_encodePair, ih]
    rfl

/-- Encoding an entry of either scheme's table gives its code back. -/
theorem Scheme.form_retracts (S : Scheme) : S.form.Retracts := fun c => by
  cases S with
  | block => exact encodeSlotTable_entryPoint (hiCount := 16) (loCount := 8) (loScale := 2) (by decide) c
  | codebook => exact nearest_entryPoint codebookTable_injective c

/-- Quantizing a row of whole pairs again with its steps changes nothing, in both schemes. -/
theorem block_row_idempotent (S : Scheme) (pairs : Nat) (steps : Nat → Rat) {weights : List Rat}
    (heven : weights.length % 2 = 0) :
    encodeRow (blockPlaces S pairs steps) 0 (restoreRow (blockPlaces S pairs steps) 0 weights) =
      encodeRow (blockPlaces S pairs steps) 0 weights :=
  encodeRow_restoreRow (fun _ => stepPlace_settles S.form_retracts _) 0 weights fun h => by omega

example : encodeRow (blockPlaces .codebook 32 fun _ => -1/16) 0
      (restoreRow (blockPlaces .codebook 32 fun _ => -1/16) 0 [3, -2]) =
    encodeRow (blockPlaces .codebook 32 fun _ => -1/16) 0 [3, -2] := block_row_idempotent .codebook 32 _ (by decide)

/-- In the codebook scheme the last weight of an odd row can change: what comes back is paired with a zero again, not
with the entry's second number. With the step 1 the weight -108 comes back as -111, and -111 as -127. -/
theorem codebook_odd_row_not_idempotent :
    restoreBlock .codebook 1 [-108] = [-111] ∧ restoreBlock .codebook 1 [-111] = [-127] := by
  simp only [restoreBlock, restorePair, encodePair, Scheme.encode, nearest, Compile.nearestUpTo_eq]
  decide +kernel

/-! ### Tables of two slots -/

/-- The table `(hi, loScale * lo)` of two slots of any size and its encoder. -/
def slotForm (hiCount loCount : Nat) [NeZero hiCount] [NeZero loCount] (loScale : Int) :
    TableForm (hiCount * loCount) :=
  ⟨fun c => slotTable hiCount loCount loScale c, fun p => encodeSlotTable hiCount loCount loScale p⟩

/-- A table of two slots settles, also the last weight of an odd row: a zero stays a zero in its slot. -/
theorem slotForm_settles (hiCount loCount : Nat) [NeZero hiCount] [NeZero loCount] {loScale : Int} (hL : loScale ≠ 0)
    (d : Rat) : (stepPlace (slotForm hiCount loCount loScale) d).Settles ∧
      (stepPlace (slotForm hiCount loCount loScale) d).SettlesAlone := by
  have hF : (slotForm hiCount loCount loScale).Retracts := encodeSlotTable_entryPoint hL
  refine ⟨stepPlace_settles hF d, fun w => ?_⟩
  by_cases hd : d = 0
  · rw [hd, stepPlace_encode_zero, stepPlace_encode_zero]
  have hL' : (loScale : Rat) ≠ 0 := fun h => hL (Rat.intCast_inj.mp h)
  have hzero : ((0 : Rat) / d) = 0 := by grind
  -- the code's lo slot is that of 0, so dequantizing the pair gives the second weight 0
  have hlo : quantizeSlot (slotLow loCount) (slotHigh loCount) (0 / loScale) = 0 := by
    have : (0 : Rat) / loScale = ((0 : Int) : Rat) := by grind
    rw [this]
    exact quantizeSlot_intCast (slot_holds_zero loCount).1 (slot_holds_zero loCount).2
  have hsecond : ((stepPlace (slotForm hiCount loCount loScale) d).decode
      ((stepPlace (slotForm hiCount loCount loScale) d).encode (alone w))).2 = 0 := by
    rw [stepPlace_encode _ hd, stepPlace_decode]
    simp only [dequantize, slotForm, slotTable_encodeSlotTable, alone, hzero, hlo, Int.mul_zero, Rat.intCast_zero,
      Rat.mul_zero]
  have hself := stepPlace_settles hF d (alone w)
  rwa [show (stepPlace (slotForm hiCount loCount loScale) d).decode
      ((stepPlace (slotForm hiCount loCount loScale) d).encode (alone w)) = alone _ from Prod.ext rfl hsecond] at hself

/-- Quantizing a row of any length again with its step changes nothing, for every table of two slots: the published
table, the `block` scheme's, and the siblings'. -/
theorem slot_row_idempotent (hiCount loCount : Nat) [NeZero hiCount] [NeZero loCount] {loScale : Int}
    (hL : loScale ≠ 0) (steps : Nat → Rat) (weights : List Rat) :
    let P := fun i => stepPlace (slotForm hiCount loCount loScale) (steps i)
    encodeRow P 0 (restoreRow P 0 weights) = encodeRow P 0 weights :=
  encodeRow_restoreRow (fun _ => (slotForm_settles hiCount loCount hL _).1) 0 weights
    fun _ _ => (slotForm_settles hiCount loCount hL _).2

example :
    let P := fun _ => stepPlace (slotForm 8 4 2) (-1/3 : Rat)
    encodeRow P 0 (restoreRow P 0 [1, 2, 3]) = encodeRow P 0 [1, 2, 3] :=
  slot_row_idempotent 8 4 (by decide) (fun _ => -1/3) [1, 2, 3]

/-! ### The hypotheses can be met -/

example : (stepPlace Scheme.block.form (-1/2)).encode (3, 1) = Scheme.block.form.encode (3 / (-1/2), 1 / (-1/2)) :=
  stepPlace_encode _ (by decide +kernel) _
example : (stepPlace Scheme.codebook.form (1/16)).Settles := stepPlace_settles (Scheme.form_retracts .codebook) _
example :
    encodeRow (fun _ => stepPlace Scheme.codebook.form 1) 0
        (restoreRow (fun _ => stepPlace Scheme.codebook.form 1) 0 [3, 70]) =
      encodeRow (fun _ => stepPlace Scheme.codebook.form 1) 0 [3, 70] :=
  encodeRow_restoreRow (fun _ => stepPlace_settles (Scheme.form_retracts .codebook) 1) 0 [3, 70] fun h => by simp at h
example : (stepPlace (slotForm 4 2 2) 0).SettlesAlone := (slotForm_settles 4 2 (by decide) 0).2

example :
    restoreRow (fun _ => stepPlace Scheme.block.form 1) 0
        (restoreRow (fun _ => stepPlace Scheme.block.form 1) 0 [5]) =
      restoreRow (fun _ => stepPlace Scheme.block.form 1) 0 [5] :=
  restoreRow_restoreRow (fun _ => (slotForm_settles 16 8 (loScale := 2) (by decide) 1).1) 0 [5]
    fun _ _ => (slotForm_settles 16 8 (loScale := 2) (by decide) 1).2

end Q35
