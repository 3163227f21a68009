module

public import Q35.Columns
public import Q35.FloatRound

@[expose] public section

/-! The two published schemes as programs over whole rows. `row-absmax` gives a row one step, the half nearest to a
seventh of its largest absolute value; `row-affine` gives each column a step and a zero point, from its least and
greatest weight. -/

namespace Q35

/-! ### `row-absmax` -/

/-- The step of a row as fp16 bits: the half nearest to a seventh of its largest absolute value. -/
def absmaxStep (weights : List Rat) : Nat := ratToHalf (maxAbs weights / 7)

/-- The columns of a row with one step, given as fp16 bits, and no zero points. -/
def absmaxColumns (step : Nat) (_ : Nat) : Column := ⟨stepValue step, 0⟩

/-- A row's step and codes. -/
def rowAbsmax (weights : List Rat) : Nat × List Code :=
  (absmaxStep weights, encodeRow (columnPlaces (absmaxColumns (absmaxStep weights))) 0 weights)

/-- The weights that a row's step and codes stand for. -/
def restoreAbsmax (size : Nat) (row : Nat × List Code) : List Rat :=
  decodeRow (columnPlaces (absmaxColumns row.1)) 0 size row.2

/-- With one step and no zero points, the places of a row are those of the published table. -/
theorem columnPlace_absmax (step : Nat) (j : Nat) (w : Rat × Rat) :
    (columnPlaces (absmaxColumns step) j).encode w =
      (stepPlace ⟨rowTable, encodeArithmetic 1⟩ (stepValue step)).encode w ∧
    ∀ c, (columnPlaces (absmaxColumns step) j).decode c = dequantize rowTable (stepValue step) c := by
  constructor
  · by_cases hs : stepValue step = 0
    · have hzero : encodeArithmetic 1 (0, 0) = 0 := by decide +kernel
      rw [hs, stepPlace_encode_zero]
      simp [columnPlaces, columnPlace, absmaxColumns, Column.position, hs, hzero]
    · rw [stepPlace_encode _ hs]
      simp [columnPlaces, columnPlace, absmaxColumns, Column.position, hs, Rat.add_zero]
  · intro c
    simp only [columnPlaces, columnPlace, absmaxColumns, Column.value, dequantize, rowTable, arithmeticTable_eq]
    rw [Int.one_mul, Rat.intCast_zero, Rat.sub_eq_add_neg, Rat.sub_eq_add_neg]
    grind

/-- Weight `j` comes back as its slot restores it at the row's step. -/
theorem getElem_restoreAbsmax (weights : List Rat) {j : Nat} (hj : j < weights.length) :
    (restoreAbsmax weights.length (rowAbsmax weights))[j]? =
      some (Column.restore (slotRange j).1 (slotRange j).2 ⟨stepValue (absmaxStep weights), 0⟩ weights[j]) := by
  have h := restoreRow_columns (absmaxColumns (absmaxStep weights)) 0 weights
  have hget := getElem_restoreColumns (absmaxColumns (absmaxStep weights)) 0 weights hj
  rw [Nat.zero_add] at hget
  rw [restoreAbsmax, rowAbsmax, ← restoreRow, h, Nat.mul_zero, List.getElem?_eq_getElem (by
    rwa [length_restoreColumns]), hget]
  rfl

/-- A row of zeros has the step 0, and comes back as zeros. -/
theorem rowAbsmax_zero {weights : List Rat} (h : ∀ w ∈ weights, w = 0) :
    absmaxStep weights = 0 ∧ ∀ j (hj : j < weights.length),
      (restoreAbsmax weights.length (rowAbsmax weights))[j]? = some weights[j] := by
  have hmax : maxAbs weights = 0 := by
    induction weights with
    | nil => rfl
    | cons v rest ih =>
      have := h v List.mem_cons_self
      have := ih fun w hw => h w (List.mem_cons_of_mem _ hw)
      grind [maxAbs, abs]
  have hstep : absmaxStep weights = 0 := by
    rw [absmaxStep, hmax]
    decide +kernel
  have hvalue : stepValue 0 = 0 := by decide +kernel
  refine ⟨hstep, fun j hj => ?_⟩
  rw [getElem_restoreAbsmax weights hj, hstep, Column.restore_zero_step hvalue, h _ (List.getElem_mem hj)]

example : absmaxStep [0, 0, 0] = 0 := (rowAbsmax_zero (by simp)).1

/-- A half nearest to a number in the range of the normal halves is off by at most a 2048th of it. -/
theorem stepValue_ratToHalf {x : Rat} (hl : 1/16384 ≤ x) (hh : x ≤ 65504) :
    abs (x - stepValue (ratToHalf x)) ≤ x / 2048 ∧ 0 < stepValue (ratToHalf x) := by
  have habs : abs x = x := by grind [abs]
  have herror := float16.abs_sub_round_le_of_normal (x := x)
    (by rw [habs, show float16.smallestNormal = 1/16384 by decide +kernel]; exact hl)
  rw [habs, show float16.unitRoundoff = 1/2048 by decide +kernel] at herror
  have hmono := float16.round_mono hh
  have hlargest : float16.round 65504 = 65504 := by decide +kernel
  have hnonneg := float16.round_nonneg (x := x) (by grind)
  have hvalue := float16.toRat_ofRat_eq_round .positive (x := x)
    (by rw [show float16.largest = 65504 by decide +kernel]; grind [abs])
  have hstep : stepValue (ratToHalf x) = float16.round x := by
    rw [stepValue, halfToRat, ratToHalf, hvalue, Option.getD_some]
  rw [hstep]
  have := abs_le_iff.mp herror
  exact ⟨by grind, by grind⟩

example : abs (1/3 - stepValue (ratToHalf (1/3))) ≤ 1/3 / 2048 :=
  (stepValue_ratToHalf (by decide +kernel) (by decide +kernel)).1

/-- A row whose step is a normal half: every weight of an even column is off by at most half a step, every weight of an
odd column by at most 4 + 1/256 steps, since its slot ends at 3. -/
theorem rowAbsmax_error_le {weights : List Rat} (hl : 1/16384 ≤ maxAbs weights / 7) (hh : maxAbs weights / 7 ≤ 65504)
    {j : Nat} (hj : j < weights.length) :
    let s := stepValue (absmaxStep weights)
    let w' := Column.restore (slotRange j).1 (slotRange j).2 ⟨s, 0⟩ weights[j]
    abs (weights[j] - w') ≤ s * if j % 2 = 0 then 1/2 else 4 + 1/256 := by
  intro s w'
  have ⟨hclose, hpos⟩ := stepValue_ratToHalf hl hh
  have hs : stepValue (ratToHalf (maxAbs weights / 7)) = s := rfl
  rw [hs] at hclose hpos
  have hclose := abs_le_iff.mp hclose
  have hw := abs_le_iff.mp (abs_le_maxAbs (List.getElem_mem hj))
  -- the largest weight is a little over 7 steps
  have hupper : weights[j] / s ≤ 7 + 1/256 := (div_le_iff hpos).mpr (by grind)
  have hlower : -(7 + 1/256) ≤ weights[j] / s := (le_div_iff hpos).mpr (by grind)
  have herror := Column.restore_error_le (slotRange_le j) (c := ⟨s, 0⟩) (Rat.ne_of_gt hpos) weights[j]
  have habs : abs s = s := by grind [abs]
  rw [habs] at herror
  refine Rat.le_trans herror (Rat.mul_le_mul_of_nonneg_left ?_ (Rat.le_of_lt hpos))
  simp only [Rat.intCast_zero, Rat.add_zero]
  unfold slotRange
  split
  · have hends : ((-8 : Int) : Rat) = -8 ∧ ((7 : Int) : Rat) = 7 := by decide +kernel
    simp only [hends]
    grind [excess]
  · have hends : ((-4 : Int) : Rat) = -4 ∧ ((3 : Int) : Rat) = 3 := by decide +kernel
    simp only [hends]
    grind [excess]

example : abs ([3, 7, -2][1] - Column.restore (-4) 3 ⟨stepValue (absmaxStep [3, 7, -2]), 0⟩ 7) ≤
    stepValue (absmaxStep [3, 7, -2]) * (4 + 1/256) :=
  rowAbsmax_error_le (weights := [3, 7, -2]) (j := 1) (by decide +kernel) (by decide +kernel) (by decide)

/-- Tight: in the row (1/2, 7), whose step is 1, the first weight is off by half a step and the second by 4 steps. -/
theorem rowAbsmax_error_attained :
    stepValue (absmaxStep [1/2, 7]) = 1 ∧ restoreAbsmax 2 (rowAbsmax [1/2, 7]) = [0, 3] := by decide +kernel

/-- Where the step is no normal half, the even columns clip too: at 10 units of the smallest half the step is one unit,
and 10 comes back as 7. -/
theorem rowAbsmax_subnormal_clips :
    restoreAbsmax 1 (rowAbsmax [10 / 16777216]) = [7 / 16777216] := by decide +kernel

/-- Refuted: "quantizing a quantized row changes nothing". When the step is computed again it does: (0, 7) comes back as
(0, 3), and (0, 3) as less than 2. -/
theorem rowAbsmax_not_idempotent :
    restoreAbsmax 2 (rowAbsmax [0, 7]) = [0, 3] ∧ restoreAbsmax 2 (rowAbsmax [0, 3]) = [0, 5265 / 4096] := by
  decide +kernel

/-! ### `row-affine` -/

/-- The step, as fp16 bits, and the zero point of weights from `least` to `greatest`, widened to hold 0. -/
def affineParameters (low high : Int) (least greatest : Rat) : Nat × Int :=
  let least := if least < 0 then least else 0
  let greatest := if 0 < greatest then greatest else 0
  let step := ratToHalf (affineStep low high least greatest)
  (step, if stepValue step = 0 then 0 else clamp low high (zeroPoint low (stepValue step) least))

/-- Weight `j` of a row; 0 beyond its end. -/
def weightAt : List Rat → Nat → Rat
  | [], _ => 0
  | w :: _, 0 => w
  | _ :: rest, j + 1 => weightAt rest j

/-- The least and the greatest weight of column `j`, and of 0. -/
def columnExtent (j : Nat) : List (List Rat) → Rat × Rat
  | [] => (0, 0)
  | row :: rows =>
    let extent := columnExtent j rows
    let w := weightAt row j
    (if w < extent.1 then w else extent.1, if extent.2 < w then w else extent.2)

/-- The step, as fp16 bits, and the zero point of column `j` of a matrix. -/
def affineColumn (rows : List (List Rat)) (j : Nat) : Nat × Int :=
  affineParameters (slotRange j).1 (slotRange j).2 (columnExtent j rows).1 (columnExtent j rows).2

/-- The columns of a matrix. A column beyond its rows, as the padding of an odd row is, has the step 0. -/
def affineColumns (rows : List (List Rat)) (j : Nat) : Column :=
  let parameters := affineColumn rows j
  ⟨stepValue parameters.1, parameters.2⟩

/-- The codes of each row of a matrix. -/
def rowAffine (rows : List (List Rat)) : List (List Code) :=
  rows.map fun row => encodeRow (columnPlaces (affineColumns rows)) 0 row

/-- What a row of the matrix comes back as. -/
def restoreAffine (rows : List (List Rat)) (row : List Rat) : List Rat :=
  decodeRow (columnPlaces (affineColumns rows)) 0 row.length (encodeRow (columnPlaces (affineColumns rows)) 0 row)

/-- Every weight lies between the ends of its column, and so does 0. -/
theorem columnExtent_spec {rows : List (List Rat)} {row : List Rat} (h : row ∈ rows) (j : Nat) :
    (columnExtent j rows).1 ≤ weightAt row j ∧ weightAt row j ≤ (columnExtent j rows).2 := by
  induction rows with
  | nil => simp at h
  | cons first rows ih =>
    simp only [columnExtent]
    rcases List.mem_cons.mp h with rfl | h
    · grind
    · have := ih h
      grind

/-- Zero lies between the ends of every column. -/
theorem columnExtent_zero (rows : List (List Rat)) (j : Nat) :
    (columnExtent j rows).1 ≤ 0 ∧ 0 ≤ (columnExtent j rows).2 := by
  induction rows with
  | nil => exact ⟨Rat.le_refl, Rat.le_refl⟩
  | cons row rows ih => simp only [columnExtent]; grind

/-- A slot of a column whose step is a normal half: with the rounded step and its clamped zero point no weight is off by
more than half a step and a 128th. -/
theorem affineParameters_error_le {low high : Int} (h : low < high) (hwide : high - low ≤ 15) {least greatest w : Rat}
    (hl0 : least ≤ 0) (hg0 : 0 ≤ greatest) (hl : least ≤ w) (hg : w ≤ greatest)
    (hnormal : 1/16384 ≤ affineStep low high least greatest) (hlargest : affineStep low high least greatest ≤ 65504) :
    let p := affineParameters low high least greatest
    abs (w - Column.restore low high ⟨stepValue p.1, p.2⟩ w) ≤ stepValue p.1 * (1/2 + 1/128) := by
  intro p
  have hwidened : p = (ratToHalf (affineStep low high least greatest),
      if stepValue (ratToHalf (affineStep low high least greatest)) = 0 then 0
      else clamp low high (zeroPoint low (stepValue (ratToHalf (affineStep low high least greatest))) least)) := by
    have e1 : (if least < 0 then least else 0) = least := by grind
    have e2 : (if 0 < greatest then greatest else 0) = greatest := by grind
    show affineParameters low high least greatest = _
    simp only [affineParameters, e1, e2]
  have ⟨hclose, hpos⟩ := stepValue_ratToHalf hnormal hlargest
  have hclose := abs_le_iff.mp hclose
  rw [if_neg (Rat.ne_of_gt hpos)] at hwidened
  rw [hwidened]
  simp only
  have hlh : (low : Rat) < high := Rat.intCast_lt_intCast.mpr h
  have hspread : affineStep low high least greatest * (high - low) = greatest - least := by grind [affineStep]
  have hwide' : (high : Rat) - low ≤ 15 := by
    have := Rat.intCast_le_intCast.mpr hwide
    rw [Rat.intCast_sub] at this
    exact this
  generalize affineStep low high least greatest = x at *
  generalize stepValue (ratToHalf x) = s at *
  -- the column spreads over a 128th of a step more than the slot
  have hx : x ≤ s * (1 + 1/2047) := by grind
  have hrange : (greatest - least) / s ≤ high - low + 1/128 := by
    refine (div_le_iff hpos).mpr ?_
    have h1 := Rat.mul_le_mul_of_nonneg_right hx (show (0 : Rat) ≤ high - low by grind)
    have h2 := Rat.mul_le_mul_of_nonneg_left (show ((high : Rat) - low) / 2047 ≤ 1/128 by grind) (Rat.le_of_lt hpos)
    grind
  have hmin : (greatest - least) / s = greatest / s - least / s := by grind
  have hleast : least / s ≤ 0 := (div_le_iff hpos).mpr (by grind)
  have hgreatest : 0 ≤ greatest / s := (le_div_iff hpos).mpr (by grind)
  -- so the zero point is one of the slot's integers before it is clamped
  have hz := abs_le_iff.mp (abs_sub_roundHalfEven_le (low - least / s))
  have hzero : clamp low high (zeroPoint low s least) = zeroPoint low s least := by
    refine clamp_of_mem ?_ ?_
    · have := roundHalfEven_mono (x := low) (y := low - least / s) (by grind)
      rwa [roundHalfEven_intCast] at this
    · have : (zeroPoint low s least : Rat) < ((high + 1 : Int) : Rat) := by
        rw [Rat.intCast_add, show ((1 : Int) : Rat) = 1 from rfl, zeroPoint]
        grind
      have := Rat.intCast_lt_intCast.mp this
      omega
  rw [hzero]
  have herror := Column.restore_error_le (Int.le_of_lt h) (c := ⟨s, zeroPoint low s least⟩) (Rat.ne_of_gt hpos) w
  have habs : abs s = s := by grind [abs]
  rw [habs] at herror
  refine Rat.le_trans herror (Rat.mul_le_mul_of_nonneg_left ?_ (Rat.le_of_lt hpos))
  have := div_le_div hpos hl
  have := div_le_div hpos hg
  simp only [zeroPoint]
  grind [excess]

/-- Weight `j` of a row of the matrix comes back as its column restores it. -/
theorem getElem_restoreAffine (rows : List (List Rat)) (row : List Rat) {j : Nat} (hj : j < row.length) :
    (restoreAffine rows row)[j]? =
      some ((affineColumns rows j).restore (slotRange j).1 (slotRange j).2 row[j]) := by
  have hget := getElem_restoreColumns (affineColumns rows) 0 row hj
  rw [Nat.zero_add] at hget
  rw [restoreAffine, ← restoreRow, restoreRow_columns, Nat.mul_zero, List.getElem?_eq_getElem (by
    rwa [length_restoreColumns]), hget]

/-- Quantizing what a matrix comes back as with the same columns changes nothing. -/
theorem rowAffine_idempotent (rows : List (List Rat)) (row : List Rat) :
    encodeRow (columnPlaces (affineColumns rows)) 0 (restoreAffine rows row) =
      encodeRow (columnPlaces (affineColumns rows)) 0 row := column_row_idempotent _ row

/-- The weight that `weightAt` finds is the row's. -/
theorem weightAt_eq (row : List Rat) {j : Nat} (hj : j < row.length) : weightAt row j = row[j] := by
  induction row generalizing j with
  | nil => simp at hj
  | cons w rest ih =>
    cases j with
    | zero => rfl
    | succ j => simpa [weightAt] using ih (by simpa using hj)

example : weightAt [3, 4] 1 = [3, 4][1] := weightAt_eq [3, 4] (by decide)

/-- A column whose step is a normal half: every weight is off by at most half a step and a 128th. -/
theorem affineColumns_error_le {rows : List (List Rat)} {row : List Rat} (hrow : row ∈ rows) {j : Nat}
    (hj : j < row.length)
    (hnormal : 1/16384 ≤ affineStep (slotRange j).1 (slotRange j).2 (columnExtent j rows).1 (columnExtent j rows).2)
    (hlargest : affineStep (slotRange j).1 (slotRange j).2 (columnExtent j rows).1 (columnExtent j rows).2 ≤ 65504) :
    let w' := (affineColumns rows j).restore (slotRange j).1 (slotRange j).2 row[j]
    abs (row[j] - w') ≤ (affineColumns rows j).step * (1/2 + 1/128) := by
  have ⟨hl, hg⟩ := columnExtent_spec hrow j
  have ⟨hl0, hg0⟩ := columnExtent_zero rows j
  rw [weightAt_eq row hj] at hl hg
  exact affineParameters_error_le (by unfold slotRange; split <;> decide) (by unfold slotRange; split <;> decide)
    hl0 hg0 hl hg hnormal hlargest

/-- The 128th is needed: half a step is not enough once the step is rounded to a half. In the column (-1, 1) of step
273/2048 the weight 1 comes back as 1911/2048, more than half a step off. -/
theorem rowAffine_half_step_false :
    (affineColumns [[-1], [1]] 0).step = 273 / 2048 ∧ restoreAffine [[-1], [1]] [1] = [1911 / 2048] ∧
    ¬abs (1 - 1911 / 2048) ≤ (273 / 2048 : Rat) / 2 := by decide +kernel

/-- A column of zeros has the step 0 and the zero point 0. -/
theorem affineParameters_zero (low high : Int) : affineParameters low high 0 0 = (0, 0) := by
  have hstep : affineStep low high 0 0 = 0 := by rw [affineStep]; grind
  have hbits : ratToHalf 0 = 0 ∧ stepValue 0 = 0 := by decide +kernel
  simp [affineParameters, hstep, hbits]

/-! ### The hypotheses can be met -/

example : (restoreAbsmax 2 (rowAbsmax [1, 7]))[1]? =
    some (Column.restore (-4) 3 ⟨stepValue (absmaxStep [1, 7]), 0⟩ 7) :=
  getElem_restoreAbsmax [1, 7] (j := 1) (by decide)
example : (restoreAffine [[1, 7]] [1, 7])[1]? = some ((affineColumns [[1, 7]] 1).restore (-4) 3 7) :=
  getElem_restoreAffine [[1, 7]] [1, 7] (j := 1) (by decide)
example : (columnExtent 1 [[1, 7], [2, -3]]).1 ≤ -3 := (columnExtent_spec (row := [2, -3]) (by simp) 1).1
example :
    let p := affineParameters (-8) 7 (-1) 5
    abs (5 - Column.restore (-8) 7 ⟨stepValue p.1, p.2⟩ 5) ≤ stepValue p.1 * (1/2 + 1/128) :=
  affineParameters_error_le (by decide) (by decide) (by decide +kernel) (by decide +kernel) (by decide +kernel)
    (by decide +kernel) (by decide +kernel) (by decide +kernel)
example : abs (7 - (affineColumns [[1, 7], [2, -3]] 1).restore (-4) 3 7) ≤
    (affineColumns [[1, 7], [2, -3]] 1).step * (1/2 + 1/128) :=
  affineColumns_error_le (rows := [[1, 7], [2, -3]]) (row := [1, 7]) (j := 1) (by simp) (by decide) (by decide +kernel)
    (by decide +kernel)

end Q35
