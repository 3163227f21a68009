module

public import Q35.Round

@[expose] public section

/-! One slot of a code: rounding a weight, in units of the step, to an integer of the slot's range. When nothing clips
the error is at most half a step; the theorems say exactly when that is, and exactly how large the error is otherwise. -/

namespace Q35

/-- The integer from `low` to `high` that is nearest to `v`. -/
def clamp (low high v : Int) : Int := if v < low then low else if high < v then high else v

/-- The nearest integer of the slot from `low` to `high`; ties to even. -/
def quantizeSlot (low high : Int) (x : Rat) : Int := clamp low high (roundHalfEven x)

/-- The error of one weight `w` quantized with the step `s` and dequantized again. -/
def slotError (low high : Int) (s w : Rat) : Rat := abs (w - s * quantizeSlot low high (w / s))

/-- Quantization with a step and a zero point: `clip(round(w/s + z), low, high)`. -/
def quantizeAffine (low high : Int) (s : Rat) (z : Int) (w : Rat) : Int := quantizeSlot low high (w / s + z)

/-- The error of one weight `w` quantized with the step `s` and the zero point `z` and dequantized again. -/
def affineError (low high : Int) (s : Rat) (z : Int) (w : Rat) : Rat :=
  abs (w - s * (quantizeAffine low high s z w - z))

/-! ### Clamping -/

/-- A clamped integer lies in the slot. -/
theorem clamp_mem {low high : Int} (h : low ≤ high) (v : Int) : low ≤ clamp low high v ∧ clamp low high v ≤ high := by
  grind [clamp]

/-- An integer of the slot is not moved by clamping. -/
theorem clamp_of_mem {low high v : Int} (hl : low ≤ v) (hh : v ≤ high) : clamp low high v = v := by grind [clamp]

/-- Clamping keeps the order. -/
theorem clamp_mono {low high v w : Int} (h : low ≤ high) (hvw : v ≤ w) : clamp low high v ≤ clamp low high w := by
  grind [clamp]

example : clamp (-4) 3 7 = 3 ∧ clamp (-4) 3 (-7) = -4 ∧ clamp (-4) 3 2 = 2 := by decide

/-! ### Quantizing in units of the step -/

/-- A quantized weight lies in the slot. -/
theorem quantizeSlot_mem {low high : Int} (h : low ≤ high) (x : Rat) :
    low ≤ quantizeSlot low high x ∧ quantizeSlot low high x ≤ high := clamp_mem h _

/-- Quantization keeps the order. -/
theorem quantizeSlot_mono {low high : Int} (h : low ≤ high) {x y : Rat} (hxy : x ≤ y) :
    quantizeSlot low high x ≤ quantizeSlot low high y := clamp_mono h (roundHalfEven_mono hxy)

/-- An integer of the slot is quantized to itself. -/
theorem quantizeSlot_intCast {low high v : Int} (hl : low ≤ v) (hh : v ≤ high) : quantizeSlot low high v = v := by
  rw [quantizeSlot, roundHalfEven_intCast, clamp_of_mem hl hh]

/-- Quantizing what is quantized changes nothing. -/
theorem quantizeSlot_quantizeSlot {low high : Int} (h : low ≤ high) (x : Rat) :
    quantizeSlot low high (quantizeSlot low high x) = quantizeSlot low high x := by
  apply quantizeSlot_intCast
  · simp_all [quantizeSlot]
    grind [clamp, roundHalfEven]
  · simp_all [quantizeSlot]
    grind [clamp, roundHalfEven]

/-- From int8 to int4 is as good as at once: a wider range on the way does no harm. -/
theorem quantizeSlot_of_wider {low high low' high' : Int} (hl : low' ≤ low) (h : low ≤ high) (hh : high ≤ high')
    (x : Rat) : quantizeSlot low high (quantizeSlot low' high' x) = quantizeSlot low high x := by
  simp_all [quantizeSlot]
  simp [clamp, roundHalfEven]
  grind

/-- On a symmetric range the quantizer is odd: negated weights have negated codes. -/
theorem quantizeSlot_neg {high : Int} (h : 0 ≤ high) (x : Rat) :
    quantizeSlot (-high) high (-x) = -quantizeSlot (-high) high x := by
  simp_all [quantizeSlot]
  rw [roundHalfEven_neg]
  grind [clamp, roundHalfEven]

/-- From the upper end of the slot on, everything is quantized to the upper end. -/
theorem quantizeSlot_of_ge {low high : Int} (h : low ≤ high) {x : Rat} (hx : (high : Rat) ≤ x) :
    quantizeSlot low high x = high := by
  have := roundHalfEven_mono hx
  rw [roundHalfEven_intCast] at this
  grind [quantizeSlot, clamp]

/-- Up to the lower end of the slot, everything is quantized to the lower end. -/
theorem quantizeSlot_of_le {low high : Int} (h : low ≤ high) {x : Rat} (hx : x ≤ low) :
    quantizeSlot low high x = low := by
  have := roundHalfEven_mono hx
  rw [roundHalfEven_intCast] at this
  grind [quantizeSlot, clamp]

/-- Within the slot, quantization is rounding. -/
theorem quantizeSlot_of_mem {low high : Int} {x : Rat} (hl : (low : Rat) ≤ x) (hh : x ≤ high) :
    quantizeSlot low high x = roundHalfEven x := by
  have hl' := roundHalfEven_mono hl
  have hh' := roundHalfEven_mono hh
  rw [roundHalfEven_intCast] at hl' hh'
  exact clamp_of_mem hl' hh'

/-- No integer of the slot is nearer to `x` than the one it is quantized to. -/
theorem quantizeSlot_nearest {low high : Int} (x : Rat) {n : Int} (hl : low ≤ n) (hh : n ≤ high) :
    abs (x - quantizeSlot low high x) ≤ abs (x - n) := by
  have hlow : (low : Rat) ≤ n := Rat.intCast_le_intCast.mpr hl
  have hhigh : (n : Rat) ≤ high := Rat.intCast_le_intCast.mpr hh
  by_cases hx : (low : Rat) ≤ x ∧ x ≤ high
  · rw [quantizeSlot_of_mem hx.1 hx.2]
    exact roundHalfEven_nearest x n
  · by_cases habove : (high : Rat) ≤ x
    · rw [quantizeSlot_of_ge (by omega) habove]
      grind [abs]
    · rw [quantizeSlot_of_le (by omega) (by grind)]
      grind [abs]

/-- The error in units of the step, everywhere: at most one half, plus the distance to what the slot covers. -/
theorem abs_sub_quantizeSlot_le {low high : Int} (h : low ≤ high) (x : Rat) :
    abs (x - quantizeSlot low high x) ≤ 1/2 + excess (low - 1/2) (high + 1/2) x := by
  have hlh : (low : Rat) ≤ high := Rat.intCast_le_intCast.mpr h
  by_cases hx : (low : Rat) ≤ x ∧ x ≤ high
  · rw [quantizeSlot_of_mem hx.1 hx.2]
    have := abs_sub_roundHalfEven_le x
    have := excess_nonneg (low - 1/2) (high + 1/2) x
    grind
  · by_cases habove : (high : Rat) ≤ x
    · rw [quantizeSlot_of_ge h habove]
      grind [abs, excess]
    · rw [quantizeSlot_of_le h (by grind)]
      grind [abs, excess]

/-- The error in units of the step is at most one half exactly when nothing clips. -/
theorem abs_sub_quantizeSlot_le_half_iff {low high : Int} (h : low ≤ high) (x : Rat) :
    abs (x - quantizeSlot low high x) ≤ 1/2 ↔ (low : Rat) - 1/2 ≤ x ∧ x ≤ high + 1/2 := by
  constructor
  · have ⟨hl, hh⟩ := quantizeSlot_mem h x
    have hl' : (low : Rat) ≤ quantizeSlot low high x := Rat.intCast_le_intCast.mpr hl
    have hh' : (quantizeSlot low high x : Rat) ≤ high := Rat.intCast_le_intCast.mpr hh
    intro hx
    have := abs_le_iff.mp hx
    constructor <;> grind
  · rintro ⟨hl, hh⟩
    have := abs_sub_quantizeSlot_le h x
    rw [excess_eq_zero hl hh] at this
    grind

/-! ### Quantizing with a step -/

/-- The error of a weight is the step times the error in units of the step. -/
theorem slotError_eq {s : Rat} (hs : s ≠ 0) (low high : Int) (w : Rat) :
    slotError low high s w = abs s * abs (w / s - quantizeSlot low high (w / s)) := abs_sub_mul hs w _

/-- Scaling by a step that is not zero keeps the order of sizes. -/
theorem abs_mul_le_abs_mul_iff {s : Rat} (hs : s ≠ 0) {x b : Rat} : abs s * x ≤ abs s * b ↔ x ≤ b := by
  have hpos : 0 < abs s := by grind [abs]
  exact ⟨fun h => Rat.le_of_mul_le_mul_left h hpos, fun h => Rat.mul_le_mul_of_nonneg_left h (by grind)⟩

/-- The error is at most half a step exactly when nothing clips: `w / s` is within one half of the slot. -/
theorem slotError_le_half_step_iff {low high : Int} (h : low ≤ high) {s : Rat} (hs : s ≠ 0) (w : Rat) :
    slotError low high s w ≤ abs s / 2 ↔ (low : Rat) - 1/2 ≤ w / s ∧ w / s ≤ high + 1/2 := by
  have hhalf : abs s / 2 = abs s * (1/2) := by grind
  rw [slotError_eq hs, hhalf, abs_mul_le_abs_mul_iff hs, abs_sub_quantizeSlot_le_half_iff h]

example : slotError (-4) 3 2 7 ≤ abs 2 / 2 :=
  (slotError_le_half_step_iff (by decide) (by decide) 7).mpr (by decide +kernel)

/-- Above the slot the error is exactly the distance to its upper end. -/
theorem slotError_above {low high : Int} (h : low ≤ high) {s : Rat} (hs : s ≠ 0) {w : Rat}
    (hw : (high : Rat) ≤ w / s) : slotError low high s w = abs s * (w / s - high) := by
  rw [slotError_eq hs, quantizeSlot_of_ge h hw]
  congr 1
  grind [abs]

example : slotError (-4) 3 2 9 = abs 2 * (9 / 2 - (3 : Int)) :=
  slotError_above (by decide) (by decide) (by decide +kernel)

/-- Below the slot the error is exactly the distance to its lower end. -/
theorem slotError_below {low high : Int} (h : low ≤ high) {s : Rat} (hs : s ≠ 0) {w : Rat}
    (hw : w / s ≤ low) : slotError low high s w = abs s * (low - w / s) := by
  rw [slotError_eq hs, quantizeSlot_of_le h hw]
  congr 1
  grind [abs]

example : slotError (-4) 3 2 (-9) = abs 2 * ((-4 : Int) - (-9) / 2) :=
  slotError_below (by decide) (by decide) (by decide +kernel)

/-- The error of every weight: at most half a step, plus the step times the distance to what the slot covers. -/
theorem slotError_le {low high : Int} (h : low ≤ high) {s : Rat} (hs : s ≠ 0) (w : Rat) :
    slotError low high s w ≤ abs s * (1/2 + excess (low - 1/2) (high + 1/2) (w / s)) := by
  rw [slotError_eq hs, abs_mul_le_abs_mul_iff hs]
  exact abs_sub_quantizeSlot_le h _

example : slotError (-4) 3 2 9 ≤ abs 2 * (1/2 + excess ((-4 : Int) - 1/2) ((3 : Int) + 1/2) (9 / 2)) :=
  slotError_le (by decide) (by decide) 9

/-- Quantizing what was dequantized changes nothing. -/
theorem quantizeSlot_dequantize {low high v : Int} (hl : low ≤ v) (hh : v ≤ high) {s : Rat} (hs : s ≠ 0) :
    quantizeSlot low high (s * v / s) = v := by
  have : s * v / s = v := by grind
  rw [this, quantizeSlot_intCast hl hh]

example : quantizeSlot (-4) 3 (1/3 * (-4 : Int) / (1/3)) = -4 :=
  quantizeSlot_dequantize (by decide) (by decide) (by decide +kernel)

/-! ### The published row-absmax scheme: one step, a seventh of the row's largest absolute value, for both slots -/

/-- In units of a seventh of the row's largest absolute value, every weight lies between -7 and 7. -/
theorem rowAbsmax_range {m w : Rat} (hm : 0 < m) (hw : abs w ≤ m) : -7 ≤ w / (m/7) ∧ w / (m/7) ≤ 7 := by
  have hs : 0 < m/7 := by grind
  have := abs_le_iff.mp hw
  rw [le_div_iff hs, div_le_iff hs]
  constructor <;> grind

/-- Between -7 and 7 the hi slot is at most half a step off. -/
theorem hi_error_le_half {x : Rat} (hl : -7 ≤ x) (hh : x ≤ 7) : abs (x - quantizeSlot (-8) 7 x) ≤ 1/2 :=
  (abs_sub_quantizeSlot_le_half_iff (by decide) x).mpr (by constructor <;> grind)

/-- Between -7 and 7 the lo slot is at most four steps off. -/
theorem lo_error_le_four {x : Rat} (hl : -7 ≤ x) (hh : x ≤ 7) : abs (x - quantizeSlot (-4) 3 x) ≤ 4 := by
  have := abs_sub_quantizeSlot_le (low := -4) (high := 3) (by decide) x
  grind [excess]

/-- In a row of zeros nothing is lost. -/
theorem slotError_zero (low high : Int) : slotError low high 0 0 = 0 := by
  have : (0 : Rat) - 0 * quantizeSlot low high (0 / 0) = 0 := by grind
  rw [slotError, this]
  decide +kernel

/-- With the step `m/7`, `m` the row's largest absolute value, the hi slot's error is at most half a step. -/
theorem rowAbsmax_hi_error_le {m w : Rat} (hw : abs w ≤ m) : slotError (-8) 7 (m/7) w ≤ (m/7) / 2 := by
  have := abs_nonneg w
  by_cases hm : m = 0
  · have : w = 0 := abs_eq_zero_iff.mp (by grind)
    have hz : m/7 = 0 := by grind
    rw [this, hz, slotError_zero]
    decide +kernel
  · have ⟨hl, hh⟩ := rowAbsmax_range (by grind) hw
    have := Rat.mul_le_mul_of_nonneg_left (hi_error_le_half hl hh) (abs_nonneg (m/7))
    have hs : abs (m/7) = m/7 := by grind [abs]
    rw [slotError_eq (by grind)]
    grind

/-- With the same step the lo slot's error is at most four steps: everything above three and a half saturates. -/
theorem rowAbsmax_lo_error_le {m w : Rat} (hw : abs w ≤ m) : slotError (-4) 3 (m/7) w ≤ 4 * (m/7) := by
  have := abs_nonneg w
  by_cases hm : m = 0
  · have : w = 0 := abs_eq_zero_iff.mp (by grind)
    have hz : m/7 = 0 := by grind
    rw [this, hz, slotError_zero]
    decide +kernel
  · have ⟨hl, hh⟩ := rowAbsmax_range (by grind) hw
    have := Rat.mul_le_mul_of_nonneg_left (lo_error_le_four hl hh) (abs_nonneg (m/7))
    have hs : abs (m/7) = m/7 := by grind [abs]
    rw [slotError_eq (by grind)]
    grind

/-- The hi slot's worst case is attained: half a step. -/
theorem rowAbsmax_hi_error_attained {m : Rat} (hm : 0 < m) :
    ∃ w, abs w ≤ m ∧ slotError (-8) 7 (m/7) w = (m/7) / 2 := by
  refine ⟨m/14, by grind [abs], ?_⟩
  have hx : m/14 / (m/7) = 1/2 := by grind
  have hq : quantizeSlot (-8) 7 (1/2) = 0 := by decide +kernel
  rw [slotError, hx, hq]
  grind [abs]

/-- The lo slot's worst case is attained, at the row's largest weight: four steps. -/
theorem rowAbsmax_lo_error_attained {m : Rat} (hm : 0 < m) :
    ∃ w, abs w ≤ m ∧ slotError (-4) 3 (m/7) w = 4 * (m/7) := by
  refine ⟨m, by grind [abs], ?_⟩
  have hx : m / (m/7) = 7 := by grind
  have hq : quantizeSlot (-4) 3 7 = 3 := by decide +kernel
  rw [slotError, hx, hq]
  grind [abs]

example : slotError (-8) 7 (7/7) (5/2) ≤ (7/7) / 2 := rowAbsmax_hi_error_le (by decide +kernel)
example : slotError (-4) 3 (7/7) (13/2) ≤ 4 * (7/7) := rowAbsmax_lo_error_le (by decide +kernel)
example : ∃ w, abs w ≤ 3 ∧ slotError (-4) 3 (3/7) w = 4 * (3/7) := rowAbsmax_lo_error_attained (by decide)

/-- The published bound, "the error is at most scale/2 for every x", is false in either slot. -/
theorem published_bound_false :
    (¬ ∀ s w : Rat, 0 < s → slotError (-8) 7 s w ≤ s / 2) ∧ (¬ ∀ s w : Rat, 0 < s → slotError (-4) 3 s w ≤ s / 2) :=
  ⟨fun h => absurd (h 1 8 (by decide)) (by decide +kernel), fun h => absurd (h 1 7 (by decide)) (by decide +kernel)⟩

/-- In the lo slot it is false even for the weights of the row that the published scale was computed from. -/
theorem published_bound_false_in_its_row : ¬ ∀ m w : Rat, abs w ≤ m → slotError (-4) 3 (m/7) w ≤ (m/7) / 2 :=
  fun h => absurd (h 7 7 (by decide +kernel)) (by decide +kernel)

/-- A witness against the published bound: at scale 1 the weight 7 in the lo slot comes back as 3. -/
theorem published_bound_witness : 1 * (quantizeSlot (-4) 3 (7 / 1) : Rat) = 3 ∧ slotError (-4) 3 1 7 = 4 := by
  decide +kernel

/-! ### The published row-affine scheme: a step and a zero point a column -/

/-- A zero point shifts the weight by that many steps: the error is that of the shifted weight. -/
theorem affineError_eq {s : Rat} (hs : s ≠ 0) (low high z : Int) (w : Rat) :
    affineError low high s z w = slotError low high s (w + s * z) := by
  have hx : (w + s * z) / s = w / s + z := by grind
  rw [affineError, slotError, quantizeAffine, hx]
  congr 1
  grind

/-- With a zero point too, the error is at most half a step exactly when nothing clips. -/
theorem affineError_le_half_step_iff {low high : Int} (h : low ≤ high) {s : Rat} (hs : s ≠ 0) (z : Int) (w : Rat) :
    affineError low high s z w ≤ abs s / 2 ↔ (low : Rat) - 1/2 ≤ w / s + z ∧ w / s + z ≤ high + 1/2 := by
  have hx : (w + s * z) / s = w / s + z := by grind
  rw [affineError_eq hs, slotError_le_half_step_iff h hs, hx]

example : affineError (-8) 7 2 (-3) 19 ≤ abs 2 / 2 :=
  (affineError_le_half_step_iff (by decide) (by decide) (-3) 19).mpr (by decide +kernel)

/-- With a zero point too, always: at most half a step, plus the step times the distance to what the slot covers. -/
theorem affineError_le {low high : Int} (h : low ≤ high) {s : Rat} (hs : s ≠ 0) (z : Int) (w : Rat) :
    affineError low high s z w ≤ abs s * (1/2 + excess (low - 1/2) (high + 1/2) (w / s + z)) := by
  have hx : (w + s * z) / s = w / s + z := by grind
  rw [affineError_eq hs, ← hx]
  exact slotError_le h hs _

/-- The zero point of a column whose least weight is `least`: the slot's lower end stands for `least`. -/
def zeroPoint (low : Int) (s least : Rat) : Int := roundHalfEven (low - least / s)

/-- The step that spreads the weights from `least` to `greatest` over the slot. -/
def affineStep (low high : Int) (least greatest : Rat) : Rat := (greatest - least) / (high - low)

/-- With the exact step and its zero point no weight of the column clips: the error is at most half a step. -/
theorem rowAffine_error_le {low high : Int} (h : low < high) {least greatest w : Rat} (hrange : least < greatest)
    (hl : least ≤ w) (hg : w ≤ greatest) :
    let s := affineStep low high least greatest
    affineError low high s (zeroPoint low s least) w ≤ s / 2 := by
  intro s
  have hlh : (low : Rat) < high := Rat.intCast_lt_intCast.mpr h
  have hs : 0 < s := div_pos (by grind) (by grind)
  have hspread : greatest / s = least / s + (high - low) := by
    have : s * (high - low) = greatest - least := by grind [affineStep]
    grind
  have hz := abs_le_iff.mp (abs_sub_roundHalfEven_le (low - least / s))
  have habs : abs s = s := by grind [abs]
  have hbound := (affineError_le_half_step_iff (Int.le_of_lt h) (Rat.ne_of_gt hs) (zeroPoint low s least) w).mpr
  rw [habs] at hbound
  have := div_le_div hs hl
  have := div_le_div hs hg
  apply hbound
  simp only [zeroPoint]
  constructor <;> grind

example : affineError (-8) 7 (affineStep (-8) 7 (-1) 5) (zeroPoint (-8) (affineStep (-8) 7 (-1) 5) (-1)) 3
    ≤ affineStep (-8) 7 (-1) 5 / 2 :=
  rowAffine_error_le (by decide) (by decide +kernel) (by decide +kernel) (by decide +kernel)

/-- If the range holds 0, the zero point is itself an integer of the slot. -/
theorem zeroPoint_mem {low high : Int} (h : low < high) {least greatest : Rat} (hl : least ≤ 0) (hg : 0 ≤ greatest)
    (hrange : least < greatest) :
    let z := zeroPoint low (affineStep low high least greatest) least
    low ≤ z ∧ z ≤ high := by
  have hlh : (low : Rat) < high := Rat.intCast_lt_intCast.mpr h
  have hs : 0 < affineStep low high least greatest := div_pos (by grind) (by grind)
  have hspread : affineStep low high least greatest * (high - low) = greatest - least := by grind [affineStep]
  generalize affineStep low high least greatest = s at hs hspread ⊢
  have hbelow : least / s ≤ 0 := (div_le_iff hs).mpr (by grind)
  have habove : (low : Rat) - high ≤ least / s := (le_div_iff hs).mpr (by grind)
  constructor
  · have := roundHalfEven_mono (x := low) (y := low - least / s) (by grind)
    rwa [roundHalfEven_intCast] at this
  · have := roundHalfEven_mono (x := low - least / s) (y := high) (by grind)
    rwa [roundHalfEven_intCast] at this

example : -8 ≤ zeroPoint (-8) (affineStep (-8) 7 (-1) 5) (-1) ∧ zeroPoint (-8) (affineStep (-8) 7 (-1) 5) (-1) ≤ 7 :=
  zeroPoint_mem (by decide) (by decide +kernel) (by decide +kernel) (by decide +kernel)

/-! ### The hypotheses can be met -/

example : -4 ≤ clamp (-4) 3 9 ∧ clamp (-4) 3 9 ≤ 3 := clamp_mem (by decide) 9
example : clamp (-4) 3 2 = 2 := clamp_of_mem (by decide) (by decide)
example : clamp (-4) 3 2 ≤ clamp (-4) 3 9 := clamp_mono (by decide) (by decide)
example : -4 ≤ quantizeSlot (-4) 3 9 ∧ quantizeSlot (-4) 3 9 ≤ 3 := quantizeSlot_mem (by decide) 9
example : quantizeSlot (-4) 3 (1/2) ≤ quantizeSlot (-4) 3 9 := quantizeSlot_mono (by decide) (by decide +kernel)
example : quantizeSlot (-4) 3 (2 : Int) = 2 := quantizeSlot_intCast (by decide) (by decide)
example : quantizeSlot (-4) 3 (quantizeSlot (-4) 3 9) = quantizeSlot (-4) 3 9 :=
  quantizeSlot_quantizeSlot (by decide) 9
example : quantizeSlot (-4) 3 (quantizeSlot (-8) 7 9) = quantizeSlot (-4) 3 9 :=
  quantizeSlot_of_wider (by decide) (by decide) (by decide) 9
example : quantizeSlot (-7) 7 (-(5/2)) = -quantizeSlot (-7) 7 (5/2) := quantizeSlot_neg (by decide) _
example : quantizeSlot (-4) 3 9 = 3 := quantizeSlot_of_ge (by decide) (by decide +kernel)
example : quantizeSlot (-4) 3 (-9) = -4 := quantizeSlot_of_le (by decide) (by decide +kernel)
example : quantizeSlot (-4) 3 (5/2) = roundHalfEven (5/2) := quantizeSlot_of_mem (by decide +kernel) (by decide +kernel)
example : abs (5/2 - quantizeSlot (-4) 3 (5/2)) ≤ abs (5/2 - (3 : Int)) :=
  quantizeSlot_nearest (5/2) (by decide) (by decide)
example : abs (9 - quantizeSlot (-4) 3 9) ≤ 1/2 + excess ((-4 : Int) - 1/2) ((3 : Int) + 1/2) 9 :=
  abs_sub_quantizeSlot_le (by decide) 9
example : ¬ abs (9 - quantizeSlot (-4) 3 9) ≤ 1/2 :=
  fun h => absurd ((abs_sub_quantizeSlot_le_half_iff (by decide) 9).mp h) (by decide +kernel)
example : slotError (-4) 3 2 9 = abs 2 * abs (9 / 2 - quantizeSlot (-4) 3 (9 / 2)) := slotError_eq (by decide) _ _ 9
example : abs 2 * 3 ≤ abs 2 * 4 := (abs_mul_le_abs_mul_iff (by decide)).mpr (by decide)
example : -7 ≤ -3 / ((3 : Rat)/7) ∧ -3 / ((3 : Rat)/7) ≤ 7 := rowAbsmax_range (by decide) (by decide +kernel)
example : abs (7 - quantizeSlot (-8) 7 7) ≤ 1/2 := hi_error_le_half (by decide) (by decide)
example : abs (7 - quantizeSlot (-4) 3 7) ≤ 4 := lo_error_le_four (by decide) (by decide)
example : ∃ w, abs w ≤ 3 ∧ slotError (-8) 7 (3/7) w = (3/7) / 2 := rowAbsmax_hi_error_attained (by decide)
example : affineError (-8) 7 2 (-3) 19 = slotError (-8) 7 2 (19 + 2 * (-3 : Int)) := affineError_eq (by decide) _ _ _ 19
example : affineError (-8) 7 2 3 19 ≤ abs 2 * (1/2 + excess ((-8 : Int) - 1/2) ((7 : Int) + 1/2) (19 / 2 + (3 : Int))) :=
  affineError_le (by decide) (by decide) 3 19

end Q35
