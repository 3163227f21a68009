module

public import Q35.Accumulate
public import Q35.Bits
public import Q35.Size
public import Q35.SlotTable

@[expose] public section

/-! The siblings of the 7-bit code: 5-bit codes of a 3-bit and a 2-bit slot (2.5 bits a weight), and 3-bit codes of a
2-bit and a 1-bit slot (1.5 bits a weight). Every definition is the 7-bit code's at other slot counts. -/

namespace Q35

/-- A 5-bit code. -/
abbrev Code5 := Fin 32

/-- A 3-bit code. -/
abbrev Code3 := Fin 8

/-- The two numbers of a 5-bit code: -4 to 3 in bits 4 to 2, -2 to 1 in bits 1 and 0. -/
def decode5 (c : Code5) : Int × Int := decodeSlots 8 4 c

/-- The two numbers of a 3-bit code: -2 to 1 in bits 2 and 1, -1 or 0 in bit 0. -/
def decode3 (c : Code3) : Int × Int := decodeSlots 4 2 c

/-- The 5-bit code of a pair; `none` outside [-4, 3] x [-2, 1]. -/
def encode5 (p : Int × Int) : Option Code5 := encodeSlots 8 4 p

/-- The 3-bit code of a pair; `none` outside [-2, 1] x [-1, 0]. -/
def encode3 (p : Int × Int) : Option Code3 := encodeSlots 4 2 p

/-- The table `(hi, lo)` of the 5-bit code. -/
def rowTable5 : Table 32 := slotTable 8 4 1

/-- The table `(hi, 2 lo)` of the 5-bit code. -/
def blockTable5 : Table 32 := slotTable 8 4 2

/-- The table `(hi, lo)` of the 3-bit code. -/
def rowTable3 : Table 8 := slotTable 4 2 1

/-- The table `(hi, 2 lo)` of the 3-bit code. -/
def blockTable3 : Table 8 := slotTable 4 2 2

/-- Each slot rounded half to even and clamped: the 5-bit code of a point. -/
def encodeTable5 (loScale : Int) (p : Rat × Rat) : Code5 := encodeSlotTable 8 4 loScale p

/-- Each slot rounded half to even and clamped: the 3-bit code of a point. -/
def encodeTable3 (loScale : Int) (p : Rat × Rat) : Code3 := encodeSlotTable 4 2 loScale p

/-! ### The codes -/

/-- The pair `p` has a 5-bit code: it lies in [-4, 3] x [-2, 1]. -/
abbrev InRange5 (p : Int × Int) : Prop := (-4 ≤ p.1 ∧ p.1 ≤ 3) ∧ (-2 ≤ p.2 ∧ p.2 ≤ 1)

/-- The pair `p` has a 3-bit code: it lies in [-2, 1] x [-1, 0]. -/
abbrev InRange3 (p : Int × Int) : Prop := (-2 ≤ p.1 ∧ p.1 ≤ 1) ∧ (-1 ≤ p.2 ∧ p.2 ≤ 0)

/-- The slots of a 5-bit code are bits 4 to 2 and bits 1 and 0, in two's complement. -/
theorem decode5_eq_toInt (c : Code5) :
    decode5 c = ((BitVec.ofNat 3 (c.val >>> 2)).toInt, (BitVec.ofNat 2 c.val).toInt) := by revert c; decide

/-- The slots of a 3-bit code are bits 2 and 1 and bit 0, in two's complement. -/
theorem decode3_eq_toInt (c : Code3) :
    decode3 c = ((BitVec.ofNat 2 (c.val >>> 1)).toInt, (BitVec.ofNat 1 c.val).toInt) := by revert c; decide

/-- Encoding a decoded 5-bit code gives the code back. -/
theorem encode5_decode5 (c : Code5) : encode5 (decode5 c) = some c :=
  encodeSlots_decodeSlots (hiCount := 8) (loCount := 4) c

/-- Encoding a decoded 3-bit code gives the code back. -/
theorem encode3_decode3 (c : Code3) : encode3 (decode3 c) = some c :=
  encodeSlots_decodeSlots (hiCount := 4) (loCount := 2) c

/-- Decoding the 5-bit code of a pair gives the pair back. -/
theorem decode5_encode5 {p : Int × Int} {c : Code5} (h : encode5 p = some c) : decode5 c = p :=
  decodeSlots_encodeSlots h

example : decode5 31 = (-1, -1) := decode5_encode5 (by decide)

/-- Decoding the 3-bit code of a pair gives the pair back. -/
theorem decode3_encode3 {p : Int × Int} {c : Code3} (h : encode3 p = some c) : decode3 c = p :=
  decodeSlots_encodeSlots h

example : decode3 7 = (-1, -1) := decode3_encode3 (by decide)

/-- A pair has no 5-bit code exactly when it lies outside [-4, 3] x [-2, 1]. -/
theorem encode5_eq_none_iff {p : Int × Int} : encode5 p = none ↔ ¬InRange5 p :=
  encodeSlots_eq_none_iff.trans (not_congr (by constructor <;> intro h <;> refine ⟨⟨?_, ?_⟩, ?_, ?_⟩ <;> omega))

/-- A pair has no 3-bit code exactly when it lies outside [-2, 1] x [-1, 0]. -/
theorem encode3_eq_none_iff {p : Int × Int} : encode3 p = none ↔ ¬InRange3 p :=
  encodeSlots_eq_none_iff.trans (not_congr (by constructor <;> intro h <;> refine ⟨⟨?_, ?_⟩, ?_, ?_⟩ <;> omega))

/-- Decoding is a bijection of the 32 codes onto [-4, 3] x [-2, 1]: every pair there has one code, and only one. -/
theorem exists_unique_decode5 {p : Int × Int} (h : InRange5 p) :
    ∃ c, decode5 c = p ∧ ∀ c', decode5 c' = p → c' = c := by
  cases hc : encode5 p with
  | none => exact absurd h (encode5_eq_none_iff.1 hc)
  | some c => exact ⟨c, decode5_encode5 hc, fun c' h' => by
      have := encode5_decode5 c'
      rw [h', hc] at this
      exact (Option.some.inj this).symm⟩

example : ∃ c, decode5 c = (-4, 1) ∧ ∀ c', decode5 c' = (-4, 1) → c' = c := exists_unique_decode5 (by decide)

/-- Decoding is a bijection of the 8 codes onto [-2, 1] x [-1, 0]: every pair there has one code, and only one. -/
theorem exists_unique_decode3 {p : Int × Int} (h : InRange3 p) :
    ∃ c, decode3 c = p ∧ ∀ c', decode3 c' = p → c' = c := by
  cases hc : encode3 p with
  | none => exact absurd h (encode3_eq_none_iff.1 hc)
  | some c => exact ⟨c, decode3_encode3 hc, fun c' h' => by
      have := encode3_decode3 c'
      rw [h', hc] at this
      exact (Option.some.inj this).symm⟩

example : ∃ c, decode3 c = (-2, 0) ∧ ∀ c', decode3 c' = (-2, 0) → c' = c := exists_unique_decode3 (by decide)

/-! ### The tables: nearest, errors, covering radius -/

/-- No 5-bit code is nearer than the one of the rounded slots. -/
theorem encodeTable5_nearest {loScale : Int} (hL : loScale ≠ 0) (p : Rat × Rat) (c : Code5) :
    distSq p (slotTable 8 4 loScale (encodeTable5 loScale p)) ≤ distSq p (slotTable 8 4 loScale c) :=
  encodeSlotTable_nearest (hiCount := 8) (loCount := 4) hL p c

example : distSq (9, 1/3) (blockTable5 (encodeTable5 2 (9, 1/3))) ≤ distSq (9, 1/3) (blockTable5 13) :=
  encodeTable5_nearest (by decide) _ 13

/-- No 3-bit code is nearer than the one of the rounded slots. -/
theorem encodeTable3_nearest {loScale : Int} (hL : loScale ≠ 0) (p : Rat × Rat) (c : Code3) :
    distSq p (slotTable 4 2 loScale (encodeTable3 loScale p)) ≤ distSq p (slotTable 4 2 loScale c) :=
  encodeSlotTable_nearest (hiCount := 4) (loCount := 2) hL p c

example : distSq (9, 1/3) (blockTable3 (encodeTable3 2 (9, 1/3))) ≤ distSq (9, 1/3) (blockTable3 3) :=
  encodeTable3_nearest (by decide) _ 3

/-- What the table of a sibling covers, in numbers: [-4.5, 3.5] x [-2.5, 1.5] and [-2.5, 1.5] x [-1.5, 0.5], the second
slot times its scale. -/
theorem sibling_cover_ends :
    (((slotLow 8 : Rat) - 1/2 = -9/2 ∧ (slotHigh 8 : Rat) + 1/2 = 7/2) ∧
      ((slotLow 4 : Rat) - 1/2 = -5/2 ∧ (slotHigh 4 : Rat) + 1/2 = 3/2)) ∧
    ((slotLow 2 : Rat) - 1/2 = -3/2 ∧ (slotHigh 2 : Rat) + 1/2 = 1/2) := by decide +kernel

/-- The 5-bit code, always: the hi slot is off by at most a half, the lo slot by at most half its scale, each plus the
distance to what the slot covers. -/
theorem encodeTable5_error_le {loScale : Int} (hL : 0 < loScale) (p : Rat × Rat) :
    let e := slotTable 8 4 loScale (encodeTable5 loScale p)
    abs (p.1 - e.1) ≤ 1/2 + excess (-9/2) (7/2) p.1 ∧
    abs (p.2 - e.2) ≤ loScale / 2 + excess (-5/2 * loScale) (3/2 * loScale) p.2 := by
  have h1 := encodeSlotTable_hi_error_le (hiCount := 8) (loCount := 4) loScale p
  have h2 := encodeSlotTable_lo_error_le (hiCount := 8) (loCount := 4) hL p
  have ⟨⟨⟨hl, hh⟩, hl', hh'⟩, _⟩ := sibling_cover_ends
  rw [hl, hh] at h1
  rw [hl', hh'] at h2
  exact ⟨h1, h2⟩

example : abs ((9 : Rat) - (rowTable5 (encodeTable5 1 (9, 1/3))).1) ≤ 1/2 + excess (-9/2) (7/2) 9 :=
  (encodeTable5_error_le (loScale := 1) (by decide) (9, 1/3)).1

/-- The 3-bit code, always: the hi slot is off by at most a half, the lo slot by at most half its scale, each plus the
distance to what the slot covers. -/
theorem encodeTable3_error_le {loScale : Int} (hL : 0 < loScale) (p : Rat × Rat) :
    let e := slotTable 4 2 loScale (encodeTable3 loScale p)
    abs (p.1 - e.1) ≤ 1/2 + excess (-5/2) (3/2) p.1 ∧
    abs (p.2 - e.2) ≤ loScale / 2 + excess (-3/2 * loScale) (1/2 * loScale) p.2 := by
  have h1 := encodeSlotTable_hi_error_le (hiCount := 4) (loCount := 2) loScale p
  have h2 := encodeSlotTable_lo_error_le (hiCount := 4) (loCount := 2) hL p
  have ⟨⟨_, hl, hh⟩, hl', hh'⟩ := sibling_cover_ends
  rw [hl, hh] at h1
  rw [hl', hh'] at h2
  exact ⟨h1, h2⟩

example : abs ((9 : Rat) - (rowTable3 (encodeTable3 1 (9, 1/3))).1) ≤ 1/2 + excess (-5/2) (3/2) 9 :=
  (encodeTable3_error_le (loScale := 1) (by decide) (9, 1/3)).1

/-- The covering radius of a table `(hi, lo)` is the root of 1/2 and no less, for the 5-bit and the 3-bit code. -/
theorem siblings_cover_row :
    ((∀ p, slotRegion 8 4 1 p → ∃ c, distSq p (rowTable5 c) ≤ 1/2) ∧
      ∃ p, slotRegion 8 4 1 p ∧ ∀ c, 1/2 ≤ distSq p (rowTable5 c)) ∧
    ((∀ p, slotRegion 4 2 1 p → ∃ c, distSq p (rowTable3 c) ≤ 1/2) ∧
      ∃ p, slotRegion 4 2 1 p ∧ ∀ c, 1/2 ≤ distSq p (rowTable3 c)) := by
  have hradius : (1 + ((1 : Int) : Rat) * (1 : Int)) / 4 = 1/2 := by decide +kernel
  have h5 := slotTable_covers_exactly (hiCount := 8) (loCount := 4) (loScale := 1) (by decide)
  have h3 := slotTable_covers_exactly (hiCount := 4) (loCount := 2) (loScale := 1) (by decide)
  rw [hradius] at h5 h3
  exact ⟨⟨fun p hp => ⟨_, hradius ▸ slotTable_covers (hiCount := 8) (loCount := 4) (by decide) hp⟩, h5⟩,
    ⟨fun p hp => ⟨_, hradius ▸ slotTable_covers (hiCount := 4) (loCount := 2) (by decide) hp⟩, h3⟩⟩

example : ∃ c, distSq (1/3, 1) (rowTable5 c) ≤ 1/2 :=
  siblings_cover_row.1.1 (1/3, 1) (by unfold slotRegion; decide +kernel)

/-- The covering radius of a table `(hi, 2 lo)` is the root of 5/4 and no less, for the 5-bit and the 3-bit code. -/
theorem siblings_cover_block :
    ((∀ p, slotRegion 8 4 2 p → ∃ c, distSq p (blockTable5 c) ≤ 5/4) ∧
      ∃ p, slotRegion 8 4 2 p ∧ ∀ c, 5/4 ≤ distSq p (blockTable5 c)) ∧
    ((∀ p, slotRegion 4 2 2 p → ∃ c, distSq p (blockTable3 c) ≤ 5/4) ∧
      ∃ p, slotRegion 4 2 2 p ∧ ∀ c, 5/4 ≤ distSq p (blockTable3 c)) := by
  have hradius : (1 + ((2 : Int) : Rat) * (2 : Int)) / 4 = 5/4 := by decide +kernel
  have h5 := slotTable_covers_exactly (hiCount := 8) (loCount := 4) (loScale := 2) (by decide)
  have h3 := slotTable_covers_exactly (hiCount := 4) (loCount := 2) (loScale := 2) (by decide)
  rw [hradius] at h5 h3
  exact ⟨⟨fun p hp => ⟨_, hradius ▸ slotTable_covers (hiCount := 8) (loCount := 4) (by decide) hp⟩, h5⟩,
    ⟨fun p hp => ⟨_, hradius ▸ slotTable_covers (hiCount := 4) (loCount := 2) (by decide) hp⟩, h3⟩⟩

example : ∃ c, distSq (1/3, 1) (blockTable3 c) ≤ 5/4 :=
  siblings_cover_block.2.1 (1/3, 1) (by unfold slotRegion; decide +kernel)

/-- Dequantizing and encoding again gives the 5-bit code back. -/
theorem encodeTable5_dequantize {loScale : Int} (hL : loScale ≠ 0) {d : Rat} (hd : d ≠ 0) (c : Code5) :
    let w := dequantize (slotTable 8 4 loScale) d c
    encodeTable5 loScale (w.1 / d, w.2 / d) = c :=
  encodeSlotTable_dequantize (hiCount := 8) (loCount := 4) hL hd c

example : encodeTable5 2 ((dequantize blockTable5 (-3) 31).1 / -3, (dequantize blockTable5 (-3) 31).2 / -3) = 31 :=
  encodeTable5_dequantize (by decide) (by decide) 31

/-- Dequantizing and encoding again gives the 3-bit code back. -/
theorem encodeTable3_dequantize {loScale : Int} (hL : loScale ≠ 0) {d : Rat} (hd : d ≠ 0) (c : Code3) :
    let w := dequantize (slotTable 4 2 loScale) d c
    encodeTable3 loScale (w.1 / d, w.2 / d) = c :=
  encodeSlotTable_dequantize (hiCount := 4) (loCount := 2) hL hd c

example : encodeTable3 2 ((dequantize blockTable3 (-3) 7).1 / -3, (dequantize blockTable3 (-3) 7).2 / -3) = 7 :=
  encodeTable3_dequantize (by decide) (by decide) 7

/-! ### Sizes -/

/-- Whole groups of 16 weights take 5 bytes in the 5-bit stream and 3 in the 3-bit stream: 2.5 and 1.5 bits a weight. -/
theorem bitSize_of_weights (k : Nat) :
    bitSize 5 (pairCount (16 * k)) = 5 * k ∧ bitSize 3 (pairCount (16 * k)) = 3 * k := by
  unfold bitSize pairCount; omega

/-- With an fp16 step for 64 weights the siblings take 2.75 and 1.75 bits a weight. -/
theorem bitsPerWeight_siblings_64 : bitsPerWeight 5 16 64 = 11/4 ∧ bitsPerWeight 3 16 64 = 7/4 := by decide +kernel

/-! ### int32 accumulation -/

/-- The largest safe numbers of pairs of the 5-bit tables: 2,796,202 of `(hi, lo)` and 2,097,151 of `(hi, 2 lo)`. -/
theorem maxSafePairs_5 : maxSafePairs rowTable5 = 2796202 ∧ maxSafePairs blockTable5 = 2097151 := by decide +kernel

/-- The largest safe numbers of pairs of the 3-bit tables: 5,592,405 of `(hi, lo)` and 4,194,303 of `(hi, 2 lo)`. -/
theorem maxSafePairs_3 : maxSafePairs rowTable3 = 5592405 ∧ maxSafePairs blockTable3 = 4194303 := by decide +kernel

/-- One pair more overflows int32, for the 5-bit table `(hi, lo)`. -/
theorem row5_overflow : ∃ a c, (InInt8 a.1 ∧ InInt8 a.2) ∧
    ¬InInt32 (dot rowTable5 (.replicate 2796203 a) (.replicate 2796203 c)) := by
  have := maxSafePairs_tight (T := rowTable5) (c₀ := 1) (by decide)
  rwa [maxSafePairs_5.1] at this

/-- One pair more overflows int32, for the 5-bit table `(hi, 2 lo)`. -/
theorem block5_overflow : ∃ a c, (InInt8 a.1 ∧ InInt8 a.2) ∧
    ¬InInt32 (dot blockTable5 (.replicate 2097152 a) (.replicate 2097152 c)) := by
  have := maxSafePairs_tight (T := blockTable5) (c₀ := 1) (by decide)
  rwa [maxSafePairs_5.2] at this

/-- One pair more overflows int32, for the 3-bit table `(hi, lo)`. -/
theorem row3_overflow : ∃ a c, (InInt8 a.1 ∧ InInt8 a.2) ∧
    ¬InInt32 (dot rowTable3 (.replicate 5592406 a) (.replicate 5592406 c)) := by
  have := maxSafePairs_tight (T := rowTable3) (c₀ := 1) (by decide)
  rwa [maxSafePairs_3.1] at this

/-- One pair more overflows int32, for the 3-bit table `(hi, 2 lo)`. -/
theorem block3_overflow : ∃ a c, (InInt8 a.1 ∧ InInt8 a.2) ∧
    ¬InInt32 (dot blockTable3 (.replicate 4194304 a) (.replicate 4194304 c)) := by
  have := maxSafePairs_tight (T := blockTable3) (c₀ := 1) (by decide)
  rwa [maxSafePairs_3.2] at this

end Q35
