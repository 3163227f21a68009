module

public import Q35.Rows

@[expose] public section

/-! One weight of a row: its column is a step, a zero point and a slot, which is hi for even columns and lo for odd
ones. A row of columns comes back weight by weight: sharing a code with a neighbour and padding make no difference. -/

namespace Q35

/-- How the weights of one column are quantized: a step, and the integer that stands for 0. -/
structure Column where
  /-- The step. -/
  step : Rat
  /-- The zero point. -/
  zero : Int

/-- Where a weight lies in its slot, in units of the step; with the step 0 it is 0. -/
def Column.position (c : Column) (w : Rat) : Rat := if c.step = 0 then 0 else w / c.step + c.zero

/-- What the integer `q` of the slot comes back as. -/
def Column.value (c : Column) (q : Int) : Rat := c.step * (q - c.zero)

/-- The integer of a weight in the slot from `low` to `high`. -/
def Column.quantize (low high : Int) (c : Column) (w : Rat) : Int := quantizeSlot low high (c.position w)

/-- What a weight comes back as. -/
def Column.restore (low high : Int) (c : Column) (w : Rat) : Rat := c.value (c.quantize low high w)

/-- With a step that is not 0, a weight is quantized with the step and the zero point. -/
theorem Column.quantize_eq {c : Column} (hs : c.step ≠ 0) (low high : Int) (w : Rat) :
    c.quantize low high w = quantizeAffine low high c.step c.zero w := by
  rw [Column.quantize, Column.position, if_neg hs, quantizeAffine]

/-- What comes back is off by the error of that quantization. -/
theorem Column.abs_sub_restore {c : Column} (hs : c.step ≠ 0) (low high : Int) (w : Rat) :
    abs (w - c.restore low high w) = affineError low high c.step c.zero w := by
  rw [Column.restore, Column.quantize_eq hs, Column.value, affineError]

/-- With the step 0 every weight comes back as 0. -/
theorem Column.restore_zero_step {c : Column} (hs : c.step = 0) (low high : Int) (w : Rat) :
    c.restore low high w = 0 := by
  rw [Column.restore, Column.value, hs, Rat.zero_mul]

/-- Always: at most half a step, plus the step times the distance to what the slot covers. -/
theorem Column.restore_error_le {low high : Int} (h : low ≤ high) {c : Column} (hs : c.step ≠ 0) (w : Rat) :
    abs (w - c.restore low high w) ≤ abs c.step * (1/2 + excess (low - 1/2) (high + 1/2) (w / c.step + c.zero)) := by
  rw [Column.abs_sub_restore hs]
  exact affineError_le h hs c.zero w

/-- At most half a step exactly when nothing clips. -/
theorem Column.restore_error_le_half_iff {low high : Int} (h : low ≤ high) {c : Column} (hs : c.step ≠ 0) (w : Rat) :
    abs (w - c.restore low high w) ≤ abs c.step / 2 ↔
      (low : Rat) - 1/2 ≤ w / c.step + c.zero ∧ w / c.step + c.zero ≤ high + 1/2 := by
  rw [Column.abs_sub_restore hs]
  exact affineError_le_half_step_iff h hs c.zero w

/-- Quantizing what came back gives the same integer, with every step and zero point. -/
theorem Column.quantize_restore {low high : Int} (h : low ≤ high) (c : Column) (w : Rat) :
    c.quantize low high (c.restore low high w) = c.quantize low high w := by
  by_cases hs : c.step = 0
  · rw [Column.quantize, Column.quantize, Column.position, Column.position, if_pos hs, if_pos hs]
  · have ⟨hl, hh⟩ := quantizeSlot_mem h (c.position w)
    have hback : c.position (c.restore low high w) = c.quantize low high w := by
      rw [Column.position, if_neg hs, Column.restore, Column.value]
      grind
    rw [Column.quantize, hback]
    exact quantizeSlot_intCast hl hh

/-- A column that was restored from its codes is restored to itself: a model may be quantized again. -/
theorem Column.restore_restore {low high : Int} (h : low ≤ high) (c : Column) (w : Rat) :
    c.restore low high (c.restore low high w) = c.restore low high w := by
  have hf := c.quantize_restore h
  grind [Column.value, Column.quantize, Column.restore]

/-- Larger weights never come back smaller, whatever the sign of the step. -/
theorem Column.restore_mono {low high : Int} (h : low ≤ high) (c : Column) {w v : Rat} (hwv : w ≤ v) :
    c.restore low high w ≤ c.restore low high v := by
  have scaled {s x y : Rat} (hs : 0 ≤ s) (hxy : x ≤ y) : s * x ≤ s * y := Rat.mul_le_mul_of_nonneg_left hxy hs
  by_cases hs : c.step = 0
  · rw [Column.restore_zero_step hs, Column.restore_zero_step hs]
    exact Rat.le_refl
  · simp only [Column.restore, Column.value, Column.quantize, Column.position, if_neg hs]
    rcases Rat.le_total (a := 0) (b := c.step) with hpos | hneg
    · have := quantizeSlot_mono h (x := w / c.step + c.zero) (y := v / c.step + c.zero)
        (by have := div_le_div (s := c.step) (by grind) hwv; grind)
      exact scaled hpos (by have := Rat.intCast_le_intCast.mpr this; grind)
    · have hflip : v / c.step ≤ w / c.step := by
        have := div_le_div (s := -c.step) (by grind) hwv
        have h1 : w / -c.step = -(w / c.step) := by grind
        have h2 : v / -c.step = -(v / c.step) := by grind
        grind
      have := Rat.intCast_le_intCast.mpr (quantizeSlot_mono h (x := v / c.step + c.zero) (y := w / c.step + c.zero)
        (by grind))
      have := scaled (s := -c.step) (by grind) this
      grind

/-- The integers of larger weights are no smaller at a positive step. -/
theorem Column.quantize_mono {low high : Int} (h : low ≤ high) {c : Column} (hs : 0 < c.step) {w v : Rat}
    (hwv : w ≤ v) : c.quantize low high w ≤ c.quantize low high v := by
  simp only [Column.quantize, Column.position, if_neg (Rat.ne_of_gt hs)]
  refine quantizeSlot_mono h ?_
  have := div_le_div hs hwv
  grind

/-- At a negative step they are no larger. -/
theorem Column.quantize_antitone {low high : Int} (h : low ≤ high) {c : Column} (hs : c.step < 0) {w v : Rat}
    (hwv : w ≤ v) : c.quantize low high v ≤ c.quantize low high w := by
  simp only [Column.quantize, Column.position, if_neg (Rat.ne_of_lt hs)]
  refine quantizeSlot_mono h ?_
  have := div_le_div (s := -c.step) (by grind) hwv
  have h1 : w / -c.step = -(w / c.step) := by grind
  have h2 : v / -c.step = -(v / c.step) := by grind
  grind

/-! ### Signs -/

/-- In a slot from `-(high + 1)` to an odd `high`, as the slots of 4, 3 and 2 bits are, the negative of a weight has the
negative integer exactly when the weight lies below `high + 1/2` in size: only the lower end has no counterpart. -/
theorem quantizeSlot_neg_iff {high : Int} (hpos : 0 < high) (hodd : high % 2 = 1) (x : Rat) :
    quantizeSlot (-(high + 1)) high (-x) = -quantizeSlot (-(high + 1)) high x ↔ abs x < high + 1/2 := by
  have hround : abs x < high + 1/2 ↔ -high ≤ roundHalfEven x ∧ roundHalfEven x ≤ high := by
    have upper (y : Rat) : y < high + 1/2 ↔ roundHalfEven y ≤ high := by
      have hy := abs_le_iff.mp (abs_sub_roundHalfEven_le y)
      constructor
      · intro hlt
        have : (roundHalfEven y : Rat) < ((high + 1 : Int) : Rat) := by rw [Rat.intCast_add]; grind
        have := Rat.intCast_lt_intCast.mp this
        omega
      · intro hle
        have hle' : (roundHalfEven y : Rat) ≤ high := Rat.intCast_le_intCast.mpr hle
        by_cases htie : y = high + 1/2
        · have : roundHalfEven y = high + 1 := by
            rw [roundHalfEven_eq_iff, htie, Rat.intCast_add]
            exact ⟨by grind [abs], fun _ => by omega⟩
          omega
        · grind
    have h1 := upper x
    have h2 := upper (-x)
    rw [roundHalfEven_neg] at h2
    have : abs x < high + 1/2 ↔ x < high + 1/2 ∧ -x < high + 1/2 := by grind [abs]
    rw [this, h1, h2]
    omega
  rw [hround, quantizeSlot, quantizeSlot, roundHalfEven_neg]
  unfold clamp
  grind

/-- A weight and its negative come back as negatives of each other exactly when neither reaches the end of the slot. -/
theorem Column.restore_neg_iff {high : Int} (hpos : 0 < high) (hodd : high % 2 = 1) {s : Rat} (hs : s ≠ 0) (w : Rat) :
    Column.restore (-(high + 1)) high ⟨s, 0⟩ (-w) = -Column.restore (-(high + 1)) high ⟨s, 0⟩ w ↔
      abs (w / s) < high + 1/2 := by
  have hneg : -w / s = -(w / s) := by grind
  simp only [Column.restore, Column.value, Column.quantize, Column.position, if_neg hs, Rat.intCast_zero, Rat.add_zero,
    hneg, ← quantizeSlot_neg_iff hpos hodd (w / s), ← Rat.intCast_inj, Rat.intCast_neg]
  constructor <;> intro h <;> grind

/-- Refuted: "the sign of a weight makes no difference". With the step 1, -8 comes back as -8 and 8 as 7. -/
theorem not_sign_symmetric :
    Column.restore (-8) 7 ⟨1, 0⟩ (-8) = -8 ∧ Column.restore (-8) 7 ⟨1, 0⟩ 8 = 7 := by decide +kernel

/-- The sign of the step is that of the weights: a weight with the negative step comes back as the negative of what its
negative does. -/
theorem Column.restore_neg_step (low high : Int) (s w : Rat) :
    Column.restore low high ⟨-s, 0⟩ w = -Column.restore low high ⟨s, 0⟩ (-w) := by
  by_cases hs : s = 0
  · rw [Column.restore_zero_step (by show -s = 0; grind), Column.restore_zero_step hs]; grind
  · have hs' : -s ≠ 0 := by grind
    have hx : w / -s = -w / s := by grind
    simp only [Column.restore, Column.value, Column.quantize, Column.position, if_neg hs, if_neg hs', hx]
    grind

/-! ### A row of columns -/

/-- The slot of column `j`: hi for the even ones, lo for the odd ones. -/
def slotRange (j : Nat) : Int × Int := if j % 2 = 0 then (-8, 7) else (-4, 3)

/-- The ends of a column's slot are in order. -/
theorem slotRange_le (j : Nat) : (slotRange j).1 ≤ (slotRange j).2 := by
  unfold slotRange; split <;> decide

/-- The place of a pair: two columns that share a code. -/
def columnPlace (first second : Column) : Place 128 where
  encode w := encodeArithmetic 1 (first.position w.1, second.position w.2)
  decode c := (first.value (hi c), second.value (lo c))

/-- The places of a row whose column `j` is `columns j`. -/
def columnPlaces (columns : Nat → Column) (i : Nat) : Place 128 := columnPlace (columns (2 * i)) (columns (2 * i + 1))

/-- What a row comes back as, column by column, the first weight being that of column `j`. -/
def restoreColumns (columns : Nat → Column) : (j : Nat) → List Rat → List Rat
  | _, [] => []
  | j, w :: rest => (columns j).restore (slotRange j).1 (slotRange j).2 w :: restoreColumns columns (j + 1) rest

/-- The two slots of a pair are quantized each by itself. -/
theorem columnPlace_encode (a b : Column) (w : Rat × Rat) :
    hi ((columnPlace a b).encode w) = a.quantize (-8) 7 w.1 ∧
    lo ((columnPlace a b).encode w) = b.quantize (-4) 3 w.2 := by
  have h := decode_encodeArithmetic 1 (a.position w.1, b.position w.2)
  rw [decode_eq] at h
  have ⟨h1, h2⟩ := Prod.mk.inj h
  have hone : b.position w.2 / ((1 : Int) : Rat) = b.position w.2 := by
    rw [show ((1 : Int) : Rat) = 1 from rfl]; grind
  rw [hone] at h2
  exact ⟨h1, h2⟩

/-- A pair comes back weight by weight. -/
theorem columnPlace_restore (a b : Column) (w : Rat × Rat) :
    (columnPlace a b).decode ((columnPlace a b).encode w) = (a.restore (-8) 7 w.1, b.restore (-4) 3 w.2) := by
  have ⟨h1, h2⟩ := columnPlace_encode a b w
  show (a.value (hi ((columnPlace a b).encode w)), b.value (lo ((columnPlace a b).encode w))) = _
  rw [h1, h2]
  rfl

/-- A row comes back column by column: sharing a code and padding an odd row make no difference to any weight. -/
theorem restoreRow_columns (columns : Nat → Column) (i : Nat) (weights : List Rat) :
    restoreRow (columnPlaces columns) i weights = restoreColumns columns (2 * i) weights := by
  have even (i : Nat) : slotRange (2 * i) = (-8, 7) := by unfold slotRange; rw [if_pos (by omega)]
  have odd (i : Nat) : slotRange (2 * i + 1) = (-4, 3) := by unfold slotRange; rw [if_neg (by omega)]
  rw [restoreRow]
  fun_induction encodeRow (columnPlaces columns) i weights with
  | case1 => rfl
  | case2 i w =>
    simp only [List.length_singleton, decodeRow, columnPlaces, columnPlace_restore, restoreColumns, even, alone]
  | case3 i w v rest ih =>
    have hnext : 2 * (i + 1) = 2 * i + 1 + 1 := by omega
    rw [hnext] at ih
    simp only [List.length_cons, decodeRow, ih]
    simp only [columnPlaces, columnPlace_restore, restoreColumns, even, odd]

/-- As many weights come back as went in. -/
theorem length_restoreColumns (columns : Nat → Column) (j : Nat) (weights : List Rat) :
    (restoreColumns columns j weights).length = weights.length := by
  induction weights generalizing j with
  | nil => rfl
  | cons w rest ih => simp only [restoreColumns, List.length_cons, ih]

/-- Weight `k` of a row comes back as its column restores it. -/
theorem getElem_restoreColumns (columns : Nat → Column) (j : Nat) (weights : List Rat) {k : Nat}
    (hk : k < weights.length) :
    (restoreColumns columns j weights)[k]'(by rwa [length_restoreColumns]) =
      (columns (j + k)).restore (slotRange (j + k)).1 (slotRange (j + k)).2 weights[k] := by
  induction weights generalizing j k with
  | nil => simp at hk
  | cons w rest ih =>
    cases k with
    | zero => rfl
    | succ k =>
      have := ih (j + 1) (k := k) (by simpa using hk)
      simp only [restoreColumns, List.getElem_cons_succ, this]
      rw [show j + 1 + k = j + (k + 1) by omega]

/-- Places of two columns settle, also for the last weight of an odd row. -/
theorem columnPlace_settles (a b : Column) : (columnPlace a b).Settles ∧ (columnPlace a b).SettlesAlone := by
  have same {w v : Rat × Rat} (h1 : a.quantize (-8) 7 w.1 = a.quantize (-8) 7 v.1)
      (h2 : b.quantize (-4) 3 w.2 = b.quantize (-4) 3 v.2) :
      (columnPlace a b).encode w = (columnPlace a b).encode v := by
    have ⟨e1, e2⟩ := columnPlace_encode a b w
    have ⟨f1, f2⟩ := columnPlace_encode a b v
    refine decode_injective ?_
    rw [decode_eq, decode_eq, e1, e2, f1, f2, h1, h2]
  constructor
  · intro w
    rw [columnPlace_restore]
    exact same (a.quantize_restore (by decide) w.1) (b.quantize_restore (by decide) w.2)
  · intro w
    rw [columnPlace_restore]
    exact same (a.quantize_restore (by decide) w) rfl

/-- Quantizing a row again with its columns changes nothing: for rows of any length and all steps and zero points. -/
theorem column_row_idempotent (columns : Nat → Column) (weights : List Rat) :
    encodeRow (columnPlaces columns) 0 (restoreRow (columnPlaces columns) 0 weights) =
      encodeRow (columnPlaces columns) 0 weights :=
  encodeRow_restoreRow (fun _ => (columnPlace_settles _ _).1) 0 weights fun _ _ => (columnPlace_settles _ _).2

/-! ### The hypotheses can be met -/

example : Column.quantize (-8) 7 ⟨-1/2, 3⟩ 1 = quantizeAffine (-8) 7 (-1/2) 3 1 :=
  Column.quantize_eq (c := ⟨-1/2, 3⟩) (by decide +kernel) _ _ 1
example : abs (1 - Column.restore (-8) 7 ⟨-1/2, 3⟩ 1) = affineError (-8) 7 (-1/2) 3 1 :=
  Column.abs_sub_restore (c := ⟨-1/2, 3⟩) (by decide +kernel) _ _ 1
example : Column.restore (-8) 7 ⟨0, 3⟩ 1 = 0 := Column.restore_zero_step rfl _ _ 1
example : Column.restore (-4) 3 ⟨2, 1⟩ (Column.restore (-4) 3 ⟨2, 1⟩ 9) = Column.restore (-4) 3 ⟨2, 1⟩ 9 :=
  Column.restore_restore (by decide) _ 9
example : abs (9 - Column.restore (-4) 3 ⟨2, 1⟩ 9) ≤
    abs 2 * (1/2 + excess ((-4 : Int) - 1/2) ((3 : Int) + 1/2) (9 / 2 + (1 : Int))) :=
  Column.restore_error_le (c := ⟨2, 1⟩) (by decide) (by decide) 9
example : abs (5 - Column.restore (-4) 3 ⟨2, 1⟩ 5) ≤ abs 2 / 2 :=
  (Column.restore_error_le_half_iff (c := ⟨2, 1⟩) (by decide) (by decide) 5).mpr (by decide +kernel)
example : Column.quantize (-4) 3 ⟨2, 1⟩ (Column.restore (-4) 3 ⟨2, 1⟩ 9) = Column.quantize (-4) 3 ⟨2, 1⟩ 9 :=
  Column.quantize_restore (by decide) _ 9
example : Column.restore (-4) 3 ⟨-2, 1⟩ 5 ≤ Column.restore (-4) 3 ⟨-2, 1⟩ 9 :=
  Column.restore_mono (by decide) _ (by decide)
example : Column.quantize (-4) 3 ⟨2, 1⟩ 1 ≤ Column.quantize (-4) 3 ⟨2, 1⟩ 3 :=
  Column.quantize_mono (by decide) (by decide) (by decide)
example : Column.quantize (-4) 3 ⟨-2, 1⟩ 3 ≤ Column.quantize (-4) 3 ⟨-2, 1⟩ 1 :=
  Column.quantize_antitone (by decide) (by decide +kernel) (by decide)
example : quantizeSlot (-(7 + 1)) 7 (-(15/2)) ≠ -quantizeSlot (-(7 + 1)) 7 (15/2) :=
  fun h => absurd ((quantizeSlot_neg_iff (by decide) (by decide) (15/2)).mp h) (by decide +kernel)
example : Column.restore (-(3 + 1)) 3 ⟨-2, 0⟩ (-5) = -Column.restore (-(3 + 1)) 3 ⟨-2, 0⟩ 5 :=
  (Column.restore_neg_iff (by decide) (by decide) (by decide) 5).mpr (by decide +kernel)
example : (restoreColumns (fun _ => ⟨1, 0⟩) 0 [1, 7])[1] = Column.restore (-4) 3 ⟨1, 0⟩ 7 :=
  getElem_restoreColumns (fun _ => ⟨1, 0⟩) 0 [1, 7] (k := 1) (by decide)

end Q35
