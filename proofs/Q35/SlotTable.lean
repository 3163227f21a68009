module

public import Q35.Table

@[expose] public section

/-! Tables of two slots of any size. A code holds two numbers, `hi` and `lo`; it stands for `(hi, loScale * lo)`, and
encoding rounds each slot by itself. That finds a nearest entry, and the covering radius is exact. The 7-bit code and
its siblings of 5 and 3 bits are three instances. -/

namespace Q35

/-! ### The ends of a slot -/

/-- The least number of a slot with `count` patterns. -/
def slotLow (count : Nat) : Int := -((count : Int) / 2)

/-- The greatest number of a slot with `count` patterns. -/
def slotHigh (count : Nat) : Int := ((count : Int) - 1) / 2

/-- The numbers of a slot are those between its ends. -/
theorem inSlot_iff {count : Nat} {v : Int} : InSlot count v ↔ slotLow count ≤ v ∧ v ≤ slotHigh count := by
  unfold slotLow slotHigh
  omega

/-- Zero is in every slot that has a pattern. -/
theorem slot_holds_zero (count : Nat) [NeZero count] : slotLow count ≤ 0 ∧ 0 ≤ slotHigh count := by
  have := Nat.pos_of_ne_zero (NeZero.ne count)
  unfold slotLow slotHigh
  omega

/-- The ends of a slot are in order. -/
theorem slotLow_le_slotHigh (count : Nat) [NeZero count] : slotLow count ≤ slotHigh count :=
  Int.le_trans (slot_holds_zero count).1 (slot_holds_zero count).2

/-- The slots of 4, 3, 2 and 1 bits. -/
theorem slot_ends : (slotLow 16 = -8 ∧ slotHigh 16 = 7) ∧ (slotLow 8 = -4 ∧ slotHigh 8 = 3) ∧
    (slotLow 4 = -2 ∧ slotHigh 4 = 1) ∧ (slotLow 2 = -1 ∧ slotHigh 2 = 0) := by decide

/-! ### Tables: each slot an integer of its own, the lo slot counted `loScale` times -/

/-- The table `(hi, loScale * lo)` of the codes of two slots. -/
def slotTable (hiCount loCount : Nat) (loScale : Int) : Table (hiCount * loCount) := fun c =>
  ((decodeSlots hiCount loCount c).1, loScale * (decodeSlots hiCount loCount c).2)

/-- The two slots, each rounded half to even and clamped, in units of the step. -/
def quantizePair (hiCount loCount : Nat) (loScale : Int) (p : Rat × Rat) : Int × Int :=
  (quantizeSlot (slotLow hiCount) (slotHigh hiCount) p.1,
    quantizeSlot (slotLow loCount) (slotHigh loCount) (p.2 / loScale))

variable {hiCount loCount : Nat} [NeZero hiCount] [NeZero loCount]

/-- Two slots that have patterns make at least one code. -/
instance : NeZero (hiCount * loCount) := ⟨Nat.mul_ne_zero (NeZero.ne hiCount) (NeZero.ne loCount)⟩

/-- The two quantized slots make a code. -/
theorem isSome_encodeSlots_quantizePair (loScale : Int) (p : Rat × Rat) :
    (encodeSlots hiCount loCount (quantizePair hiCount loCount loScale p)).isSome := by
  rw [Option.isSome_iff_ne_none, Ne, encodeSlots_eq_none_iff, inSlot_iff, inSlot_iff]
  exact fun h => h ⟨quantizeSlot_mem (slotLow_le_slotHigh _) _, quantizeSlot_mem (slotLow_le_slotHigh _) _⟩

/-- Each slot rounded half to even and clamped: the code of a point for a table of two slots. -/
@[inline] def encodeSlotTable (hiCount loCount : Nat) [NeZero hiCount] [NeZero loCount] (loScale : Int)
    (p : Rat × Rat) : Fin (hiCount * loCount) :=
  (encodeSlots hiCount loCount (quantizePair hiCount loCount loScale p)).get (isSome_encodeSlots_quantizePair loScale p)

/-- The slots of the code are the quantized slots. -/
theorem decodeSlots_encodeSlotTable (loScale : Int) (p : Rat × Rat) :
    decodeSlots hiCount loCount (encodeSlotTable hiCount loCount loScale p) = quantizePair hiCount loCount loScale p :=
  decodeSlots_encodeSlots (Option.some_get _).symm

/-- The entry of the code: the quantized slots, the lo slot counted `loScale` times. -/
theorem slotTable_encodeSlotTable (loScale : Int) (p : Rat × Rat) :
    slotTable hiCount loCount loScale (encodeSlotTable hiCount loCount loScale p) =
      (quantizeSlot (slotLow hiCount) (slotHigh hiCount) p.1,
        loScale * quantizeSlot (slotLow loCount) (slotHigh loCount) (p.2 / loScale)) := by
  rw [slotTable, decodeSlots_encodeSlotTable, quantizePair]

/-- The distance to an interval scales with it. -/
theorem excess_mul {s : Rat} (hs : 0 < s) (low high x : Rat) :
    excess (low * s) (high * s) (s * x) = s * excess low high x := by
  have hlow : s * x < low * s ↔ x < low := by rw [Rat.mul_comm low, Rat.mul_lt_mul_left hs]
  have hhigh : high * s < s * x ↔ high < x := by rw [Rat.mul_comm high, Rat.mul_lt_mul_left hs]
  grind [excess]

/-- In a slot no entry is nearer than the rounded one, whatever it is scaled by. -/
theorem scaled_nearest {low high loScale : Int} (hL : loScale ≠ 0) (y : Rat) {n : Int} (hl : low ≤ n) (hh : n ≤ high) :
    abs (y - loScale * (quantizeSlot low high (y / loScale) : Rat)) ≤ abs (y - loScale * (n : Rat)) := by
  have hL' : (loScale : Rat) ≠ 0 := by
    intro h
    exact hL (Rat.intCast_inj.mp h)
  rw [abs_sub_mul hL', abs_sub_mul hL', abs_mul_le_abs_mul_iff hL']
  exact quantizeSlot_nearest _ hl hh

/-- Rounding each slot finds a nearest entry: no code of the table is nearer. -/
theorem encodeSlotTable_nearest {loScale : Int} (hL : loScale ≠ 0) (p : Rat × Rat) (c : Fin (hiCount * loCount)) :
    distSq p (slotTable hiCount loCount loScale (encodeSlotTable hiCount loCount loScale p)) ≤
      distSq p (slotTable hiCount loCount loScale c) := by
  have ⟨h1, h2⟩ := inSlot_decodeSlots c
  rw [inSlot_iff] at h1 h2
  have hhi := mul_self_le_of_abs_le (quantizeSlot_nearest p.1 h1.1 h1.2)
  have hlo := mul_self_le_of_abs_le (scaled_nearest hL p.2 h2.1 h2.2)
  rw [slotTable_encodeSlotTable]
  simp only [distSq, slotTable, Rat.intCast_mul]
  grind

/-- Rounding each slot and searching the whole table find entries at the same distance. -/
theorem distSq_encodeSlotTable {loScale : Int} (hL : loScale ≠ 0) (p : Rat × Rat) :
    distSq p (slotTable hiCount loCount loScale (encodeSlotTable hiCount loCount loScale p)) =
      distSq p (slotTable hiCount loCount loScale (nearest (slotTable hiCount loCount loScale) p)) :=
  Rat.le_antisymm (encodeSlotTable_nearest hL p _) (distSq_nearest_le _ p _)

/-- What the table covers: every point within half an entry's spacing of some entry, slot by slot. -/
def slotRegion (hiCount loCount : Nat) (loScale : Int) (p : Rat × Rat) : Prop :=
  ((slotLow hiCount : Rat) - 1/2 ≤ p.1 ∧ p.1 ≤ slotHigh hiCount + 1/2) ∧
  (((slotLow loCount : Rat) - 1/2) * loScale ≤ p.2 ∧ p.2 ≤ ((slotHigh loCount : Rat) + 1/2) * loScale)

/-- The error in the hi slot: at most one half, plus the distance to what the slot covers. -/
theorem encodeSlotTable_hi_error_le (loScale : Int) (p : Rat × Rat) :
    abs (p.1 - (slotTable hiCount loCount loScale (encodeSlotTable hiCount loCount loScale p)).1) ≤
      1/2 + excess (slotLow hiCount - 1/2) (slotHigh hiCount + 1/2) p.1 := by
  rw [slotTable_encodeSlotTable]
  exact abs_sub_quantizeSlot_le (slotLow_le_slotHigh _) p.1

/-- The error in the lo slot: at most half its scale, plus the distance to what the slot covers. -/
theorem encodeSlotTable_lo_error_le {loScale : Int} (hL : 0 < loScale) (p : Rat × Rat) :
    abs (p.2 - (slotTable hiCount loCount loScale (encodeSlotTable hiCount loCount loScale p)).2) ≤
      loScale / 2 + excess ((slotLow loCount - 1/2) * loScale) ((slotHigh loCount + 1/2) * loScale) p.2 := by
  have hL' : (0 : Rat) < loScale := Rat.intCast_lt_intCast.mpr hL
  have hne := Rat.ne_of_gt hL'
  have habs : abs (loScale : Rat) = loScale := by grind [abs]
  have hp : p.2 = loScale * (p.2 / loScale) := by grind
  have hle := abs_sub_quantizeSlot_le (slotLow_le_slotHigh loCount) (p.2 / loScale)
  have := Rat.mul_le_mul_of_nonneg_left hle (Rat.le_of_lt hL')
  have hscale := excess_mul hL' (slotLow loCount - 1/2) (slotHigh loCount + 1/2) (p.2 / loScale)
  rw [← hp] at hscale
  rw [slotTable_encodeSlotTable, Rat.intCast_mul, abs_sub_mul hne, habs, hscale]
  grind

/-- Both slots are within half a spacing exactly inside the region that the table covers. -/
theorem encodeSlotTable_error_le_iff {loScale : Int} (hL : 0 < loScale) (p : Rat × Rat) :
    (abs (p.1 - (slotTable hiCount loCount loScale (encodeSlotTable hiCount loCount loScale p)).1) ≤ 1/2 ∧
      abs (p.2 - (slotTable hiCount loCount loScale (encodeSlotTable hiCount loCount loScale p)).2) ≤ loScale / 2) ↔
    slotRegion hiCount loCount loScale p := by
  have hL' : (0 : Rat) < loScale := Rat.intCast_lt_intCast.mpr hL
  have hhi := abs_sub_quantizeSlot_le_half_iff (slotLow_le_slotHigh hiCount) p.1
  have hlo := slotError_le_half_step_iff (slotLow_le_slotHigh loCount) (Rat.ne_of_gt hL') p.2
  have habs : abs (loScale : Rat) = loScale := by grind [abs]
  rw [slotError, habs, le_div_iff hL', div_le_iff hL'] at hlo
  rw [slotTable_encodeSlotTable, Rat.intCast_mul, hhi, hlo]
  rfl

/-- Inside its region the table has an entry within the squared distance `(1 + loScale²) / 4`. -/
theorem slotTable_covers {loScale : Int} (hL : 0 < loScale) {p : Rat × Rat}
    (hp : slotRegion hiCount loCount loScale p) :
    distSq p (slotTable hiCount loCount loScale (encodeSlotTable hiCount loCount loScale p)) ≤
      (1 + loScale * loScale) / 4 := by
  have hL' : (0 : Rat) < loScale := Rat.intCast_lt_intCast.mpr hL
  have ⟨hhi, hlo⟩ := (encodeSlotTable_error_le_iff hL p).mpr hp
  have hhi' := mul_self_le_of_abs_le (y := 1/2) (Rat.le_trans hhi (by decide +kernel))
  have hlo' := mul_self_le_of_abs_le (y := (loScale : Rat) / 2) (Rat.le_trans hlo (by grind [abs]))
  simp only [distSq]
  grind

/-- That covering radius is exact: a point of the region has no entry at a lesser distance. -/
theorem slotTable_covers_exactly {loScale : Int} (hL : 0 < loScale) :
    ∃ p, slotRegion hiCount loCount loScale p ∧
      ∀ c, (1 + (loScale : Rat) * loScale) / 4 ≤ distSq p (slotTable hiCount loCount loScale c) := by
  have hL' : (0 : Rat) < loScale := Rat.intCast_lt_intCast.mpr hL
  have ⟨hl, hh⟩ := slot_holds_zero hiCount
  have ⟨hl', hh'⟩ := slot_holds_zero loCount
  rw [← Rat.intCast_le_intCast] at hl hh hl' hh'
  refine ⟨(1/2, loScale / 2), ⟨⟨by grind, by grind⟩, ?_, ?_⟩, fun c => ?_⟩
  · have := Rat.mul_le_mul_of_nonneg_right hl' (Rat.le_of_lt hL')
    grind
  · have := Rat.mul_le_mul_of_nonneg_right hh' (Rat.le_of_lt hL')
    grind
  have half (n : Int) : (1/2 : Rat) * (1/2) ≤ (1/2 - n) * (1/2 - n) := by
    refine mul_self_le_of_abs_le ?_
    have hr := roundHalfEven_nearest (1/2) n
    have : roundHalfEven (1/2) = 0 := by decide +kernel
    rw [this] at hr
    have : (1/2 : Rat) - (0 : Int) = 1/2 := by decide +kernel
    rwa [this] at hr
  have hhi := half (decodeSlots hiCount loCount c).1
  have hlo := Rat.mul_le_mul_of_nonneg_left (half (decodeSlots hiCount loCount c).2) (mul_self_nonneg (loScale : Rat))
  simp only [distSq, slotTable, Rat.intCast_mul]
  grind

omit [NeZero hiCount] [NeZero loCount] in
/-- The entries of the table are distinct. -/
theorem slotTable_injective {loScale : Int} (hL : loScale ≠ 0) {c c' : Fin (hiCount * loCount)}
    (h : slotTable hiCount loCount loScale c = slotTable hiCount loCount loScale c') : c = c' := by
  have ⟨h1, h2⟩ := Prod.mk.inj h
  refine Option.some.inj ?_
  rw [← encodeSlots_decodeSlots c, ← encodeSlots_decodeSlots c']
  exact congrArg _ (Prod.ext h1 (Int.eq_of_mul_eq_mul_left hL h2))

/-- Encoding an entry of the table gives its code back. -/
theorem encodeSlotTable_entryPoint {loScale : Int} (hL : loScale ≠ 0) (c : Fin (hiCount * loCount)) :
    encodeSlotTable hiCount loCount loScale (entryPoint (slotTable hiCount loCount loScale c)) = c := by
  have hL' : (loScale : Rat) ≠ 0 := fun h => hL (Rat.intCast_inj.mp h)
  have ⟨h1, h2⟩ := inSlot_decodeSlots c
  rw [inSlot_iff] at h1 h2
  have hlo : loScale * ((decodeSlots hiCount loCount c).2 : Rat) / loScale = (decodeSlots hiCount loCount c).2 := by
    grind
  refine slotTable_injective hL ?_
  rw [slotTable_encodeSlotTable]
  simp only [entryPoint, slotTable, Rat.intCast_mul, hlo]
  rw [quantizeSlot_intCast h1.1 h1.2, quantizeSlot_intCast h2.1 h2.2]

/-- Encoding what was dequantized gives the code back: tables of two slots are idempotent. -/
theorem encodeSlotTable_dequantize {loScale : Int} (hL : loScale ≠ 0) {d : Rat} (hd : d ≠ 0)
    (c : Fin (hiCount * loCount)) :
    let w := dequantize (slotTable hiCount loCount loScale) d c
    encodeSlotTable hiCount loCount loScale (w.1 / d, w.2 / d) = c := by
  have cancel (t : Int) : d * (t : Rat) / d = t := by grind
  simp only [dequantize, cancel]
  exact encodeSlotTable_entryPoint hL c

/-! ### The tables of the 7-bit code: slots of 4 and 3 bits -/

/-- The table `(hi, loScale * lo)`. -/
def arithmeticTable (loScale : Int) : Table 128 := slotTable 16 8 loScale

/-- The published table: both slots count once. -/
def rowTable : Table 128 := arithmeticTable 1

/-- The table of the `block` scheme: the lo slot counts twice. -/
def blockTable : Table 128 := arithmeticTable 2

/-- What a code of the 7-bit code stands for. -/
theorem arithmeticTable_eq (loScale : Int) (c : Code) : arithmeticTable loScale c = (hi c, loScale * lo c) := rfl

/-- The two slots, each rounded half to even and clamped, in units of the step. -/
def quantizeSlots (loScale : Int) (p : Rat × Rat) : Int × Int :=
  (quantizeSlot (-8) 7 p.1, quantizeSlot (-4) 3 (p.2 / loScale))

/-- Each slot rounded half to even and clamped: the code of a point for an arithmetic table. -/
def encodeArithmetic (loScale : Int) (p : Rat × Rat) : Code := encodeSlotTable 16 8 loScale p

/-- The slots of the code are the quantized slots. -/
theorem decode_encodeArithmetic (loScale : Int) (p : Rat × Rat) :
    decode (encodeArithmetic loScale p) = quantizeSlots loScale p := decodeSlots_encodeSlotTable loScale p

/-- The entry of the code: the quantized slots, the lo slot counted `loScale` times. -/
theorem arithmeticTable_encodeArithmetic (loScale : Int) (p : Rat × Rat) :
    arithmeticTable loScale (encodeArithmetic loScale p) =
      (quantizeSlot (-8) 7 p.1, loScale * quantizeSlot (-4) 3 (p.2 / loScale)) := slotTable_encodeSlotTable loScale p

/-- Rounding each slot finds a nearest entry: no code of the table is nearer. -/
theorem encodeArithmetic_nearest {loScale : Int} (hL : loScale ≠ 0) (p : Rat × Rat) (c : Code) :
    distSq p (arithmeticTable loScale (encodeArithmetic loScale p)) ≤ distSq p (arithmeticTable loScale c) :=
  encodeSlotTable_nearest (hiCount := 16) (loCount := 8) hL p c

/-- Rounding each slot and searching the whole table find entries at the same distance. -/
theorem distSq_encodeArithmetic {loScale : Int} (hL : loScale ≠ 0) (p : Rat × Rat) :
    distSq p (arithmeticTable loScale (encodeArithmetic loScale p)) =
      distSq p (arithmeticTable loScale (nearest (arithmeticTable loScale) p)) :=
  distSq_encodeSlotTable (hiCount := 16) (loCount := 8) hL p

example : distSq (1/2, 5) (blockTable (encodeArithmetic 2 (1/2, 5))) =
    distSq (1/2, 5) (blockTable (nearest blockTable (1/2, 5))) :=
  distSq_encodeArithmetic (by decide) _

/-- What the arithmetic table covers: every point within half an entry's spacing of some entry, slot by slot. -/
def arithmeticRegion (loScale : Int) (p : Rat × Rat) : Prop :=
  (-17/2 ≤ p.1 ∧ p.1 ≤ 15/2) ∧ (-9/2 * loScale ≤ p.2 ∧ p.2 ≤ 7/2 * loScale)

/-- What the slots of 4 and 3 bits cover, in numbers. -/
theorem slot_cover_ends :
    ((slotLow 16 : Rat) - 1/2 = -17/2 ∧ (slotHigh 16 : Rat) + 1/2 = 15/2) ∧
    ((slotLow 8 : Rat) - 1/2 = -9/2 ∧ (slotHigh 8 : Rat) + 1/2 = 7/2) := by decide +kernel

/-- The region of the 7-bit code's tables is that of its two slots. -/
theorem slotRegion_iff {loScale : Int} {p : Rat × Rat} : slotRegion 16 8 loScale p ↔ arithmeticRegion loScale p := by
  have ⟨⟨hl, hh⟩, hl', hh'⟩ := slot_cover_ends
  rw [slotRegion, arithmeticRegion, hl, hh, hl', hh']

/-- The error in the hi slot: at most one half, plus the distance to what the slot covers. -/
theorem encodeArithmetic_hi_error_le (loScale : Int) (p : Rat × Rat) :
    abs (p.1 - (arithmeticTable loScale (encodeArithmetic loScale p)).1) ≤ 1/2 + excess (-17/2) (15/2) p.1 := by
  have h := encodeSlotTable_hi_error_le (hiCount := 16) (loCount := 8) loScale p
  rwa [slot_cover_ends.1.1, slot_cover_ends.1.2] at h

/-- The error in the lo slot: at most half its scale, plus the distance to what the slot covers. -/
theorem encodeArithmetic_lo_error_le {loScale : Int} (hL : 0 < loScale) (p : Rat × Rat) :
    abs (p.2 - (arithmeticTable loScale (encodeArithmetic loScale p)).2) ≤
      loScale / 2 + excess (-9/2 * loScale) (7/2 * loScale) p.2 := by
  have h := encodeSlotTable_lo_error_le (hiCount := 16) (loCount := 8) hL p
  rwa [slot_cover_ends.2.1, slot_cover_ends.2.2] at h

/-- Both slots are within half a spacing exactly inside the region that the table covers. -/
theorem encodeArithmetic_error_le_iff {loScale : Int} (hL : 0 < loScale) (p : Rat × Rat) :
    (abs (p.1 - (arithmeticTable loScale (encodeArithmetic loScale p)).1) ≤ 1/2 ∧
      abs (p.2 - (arithmeticTable loScale (encodeArithmetic loScale p)).2) ≤ loScale / 2) ↔
    arithmeticRegion loScale p :=
  (encodeSlotTable_error_le_iff (hiCount := 16) (loCount := 8) hL p).trans slotRegion_iff

example : abs ((15/2 : Rat) - (blockTable (encodeArithmetic 2 (15/2, -9))).1) ≤ 1/2 :=
  ((encodeArithmetic_error_le_iff (loScale := 2) (by decide) (15/2, -9)).mpr
    (by unfold arithmeticRegion; decide +kernel)).1

/-- Inside its region an arithmetic table has an entry within the squared distance `(1 + loScale²) / 4`. -/
theorem arithmetic_covers {loScale : Int} (hL : 0 < loScale) {p : Rat × Rat} (hp : arithmeticRegion loScale p) :
    distSq p (arithmeticTable loScale (encodeArithmetic loScale p)) ≤ (1 + loScale * loScale) / 4 :=
  slotTable_covers (hiCount := 16) (loCount := 8) hL (slotRegion_iff.mpr hp)

/-- That covering radius is exact: a point of the region has no entry at a lesser distance. -/
theorem arithmetic_covers_exactly {loScale : Int} (hL : 0 < loScale) :
    ∃ p, arithmeticRegion loScale p ∧ ∀ c, (1 + (loScale : Rat) * loScale) / 4 ≤ distSq p (arithmeticTable loScale c) :=
  let ⟨p, hp, h⟩ := slotTable_covers_exactly (hiCount := 16) (loCount := 8) hL
  ⟨p, slotRegion_iff.mp hp, h⟩

example : ∃ p, arithmeticRegion 2 p ∧ ∀ c, (1 + ((2 : Int) : Rat) * (2 : Int)) / 4 ≤ distSq p (blockTable c) :=
  arithmetic_covers_exactly (by decide)

/-- The entries of an arithmetic table are distinct. -/
theorem arithmeticTable_injective {loScale : Int} (hL : loScale ≠ 0) {c c' : Code}
    (h : arithmeticTable loScale c = arithmeticTable loScale c') : c = c' :=
  slotTable_injective (hiCount := 16) (loCount := 8) hL h

/-- Encoding what was dequantized gives the code back: arithmetic tables are idempotent. -/
theorem encodeArithmetic_dequantize {loScale : Int} (hL : loScale ≠ 0) {d : Rat} (hd : d ≠ 0) (c : Code) :
    let w := dequantize (arithmeticTable loScale) d c
    encodeArithmetic loScale (w.1 / d, w.2 / d) = c :=
  encodeSlotTable_dequantize (hiCount := 16) (loCount := 8) hL hd c

example :
    encodeArithmetic 2 ((dequantize blockTable (-1/3) 77).1 / (-1/3), (dequantize blockTable (-1/3) 77).2 / (-1/3))
      = 77 := encodeArithmetic_dequantize (loScale := 2) (by decide) (by decide +kernel) 77

/-! ### The hypotheses can be met -/

example : abs (5 - (2 : Int) * (quantizeSlot (-4) 3 (5 / (2 : Int)) : Rat)) ≤ abs (5 - (2 : Int) * ((3 : Int) : Rat)) :=
  scaled_nearest (by decide) 5 (by decide) (by decide)
example : excess (-3 * 2) (1 * 2) (2 * 4) = 2 * excess (-3) 1 4 := excess_mul (by decide) (-3) 1 4
example : distSq (1, 5) (blockTable (encodeArithmetic 2 (1, 5))) ≤ distSq (1, 5) (blockTable 3) :=
  encodeArithmetic_nearest (by decide) (1, 5) 3
example : abs (20 - ((blockTable (encodeArithmetic 2 (1, 20))).2 : Rat)) ≤
    ((2 : Int) : Rat) / 2 + excess (-9/2 * (2 : Int)) (7/2 * (2 : Int)) 20 :=
  encodeArithmetic_lo_error_le (loScale := 2) (by decide) (1, 20)
example : distSq (1/2, 1) (blockTable (encodeArithmetic 2 (1/2, 1))) ≤ (1 + ((2 : Int) : Rat) * (2 : Int)) / 4 :=
  arithmetic_covers (loScale := 2) (by decide) (by unfold arithmeticRegion; decide +kernel)
example : (5 : Code) = 5 := arithmeticTable_injective (loScale := 2) (by decide) rfl

/-- A ternary table, of three numbers a slot: the same definitions, no power of two. -/
def ternaryTable : Table 9 := slotTable 3 3 1

example : distSq (9, 1/3) (ternaryTable (encodeSlotTable 3 3 1 (9, 1/3))) ≤ distSq (9, 1/3) (ternaryTable 4) :=
  encodeSlotTable_nearest (hiCount := 3) (loCount := 3) (by decide) _ 4
example : distSq (9, 1/3) (ternaryTable (encodeSlotTable 3 3 1 (9, 1/3))) =
    distSq (9, 1/3) (ternaryTable (nearest ternaryTable (9, 1/3))) :=
  distSq_encodeSlotTable (hiCount := 3) (loCount := 3) (by decide) _
example : abs (9 - ((ternaryTable (encodeSlotTable 3 3 1 (1/3, 9))).2 : Rat)) ≤
    ((1 : Int) : Rat) / 2 + excess ((slotLow 3 - 1/2) * (1 : Int)) ((slotHigh 3 + 1/2) * (1 : Int)) 9 :=
  encodeSlotTable_lo_error_le (hiCount := 3) (loCount := 3) (loScale := 1) (by decide) (1/3, 9)
example : distSq (3/2, -1/2) (ternaryTable (encodeSlotTable 3 3 1 (3/2, -1/2))) ≤
    (1 + ((1 : Int) : Rat) * (1 : Int)) / 4 :=
  slotTable_covers (hiCount := 3) (loCount := 3) (loScale := 1) (by decide) (by unfold slotRegion; decide +kernel)
example : abs (3/2 - ((ternaryTable (encodeSlotTable 3 3 1 (3/2, 0))).1 : Rat)) ≤ 1/2 :=
  ((encodeSlotTable_error_le_iff (hiCount := 3) (loCount := 3) (loScale := 1) (by decide) (3/2, 0)).mpr
    (by unfold slotRegion; decide +kernel)).1
example : ∃ p, slotRegion 3 3 1 p ∧ ∀ c, (1 + ((1 : Int) : Rat) * (1 : Int)) / 4 ≤ distSq p (ternaryTable c) :=
  slotTable_covers_exactly (hiCount := 3) (loCount := 3) (by decide)
example : (5 : Fin 9) = 5 := slotTable_injective (hiCount := 3) (loCount := 3) (loScale := 1) (by decide) rfl
example : encodeSlotTable 3 3 1 (entryPoint (ternaryTable 5)) = (5 : Fin 9) :=
  encodeSlotTable_entryPoint (hiCount := 3) (loCount := 3) (loScale := 1) (by decide) 5
example : encodeSlotTable 3 3 1 ((dequantize ternaryTable (-2) 5).1 / -2, (dequantize ternaryTable (-2) 5).2 / -2)
    = (5 : Fin 9) := encodeSlotTable_dequantize (hiCount := 3) (loCount := 3) (by decide) (by decide) 5

end Q35
