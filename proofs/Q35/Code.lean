module

@[expose] public section

/-! The 3.5-bit code: 7 bits that hold a signed 4-bit number (`hi`) above a signed 3-bit number (`lo`).

Two signed slots of any size make a code in the same way: with `hiCount` values above and `loCount` values below there
are `hiCount * loCount` codes. Q35 is the case 16 and 8; its siblings of 5 and 3 bits are 8 and 4, 4 and 2. -/

namespace Q35

/-! ### Two's complement -/

/-- The number that the pattern `n` stands for in two's complement with `count` patterns: the upper half is negative. -/
def signed (count n : Nat) : Int := if 2 * n < count then n else (n : Int) - count

/-- The pattern of the number `v` in two's complement with `count` patterns. -/
def unsigned (count : Nat) (v : Int) : Nat := (v % count).toNat

/-- `v` is one of the numbers of a slot with `count` patterns: from `-count/2` up to, but not including, `count/2`. -/
abbrev InSlot (count : Nat) (v : Int) : Prop := -(count : Int) ≤ 2 * v ∧ 2 * v < count

/-- A pattern stands for a number of its slot. -/
theorem inSlot_signed {count n : Nat} (h : n < count) : InSlot count (signed count n) := by
  unfold signed; split <;> omega

example : InSlot 16 (signed 16 15) := inSlot_signed (by decide)

/-- The pattern of a number is one of the slot's patterns. -/
theorem unsigned_lt {count : Nat} (v : Int) (h : 0 < count) : unsigned count v < count := by
  have := Int.emod_nonneg v (b := count) (by omega)
  have := Int.emod_lt_of_pos v (b := count) (by omega)
  unfold unsigned; omega

example : unsigned 16 (-1) < 16 := unsigned_lt (-1) (by decide)

/-- A pattern is read and written back unchanged. -/
theorem unsigned_signed {count n : Nat} (h : n < count) : unsigned count (signed count n) = n := by
  unfold unsigned signed
  split
  · rw [Int.emod_eq_of_lt] <;> omega
  · rw [Int.sub_emod_right, Int.emod_eq_of_lt] <;> omega

example : unsigned 16 (signed 16 15) = 15 := unsigned_signed (by decide)

/-- A number of the slot is written and read back unchanged. -/
theorem signed_unsigned {count : Nat} {v : Int} (h : InSlot count v) : signed count (unsigned count v) = v := by
  obtain ⟨low, high⟩ := h
  unfold unsigned signed
  by_cases hv : 0 ≤ v
  · rw [Int.emod_eq_of_lt hv (by omega)]
    rw [if_pos] <;> omega
  · have : v % (count : Int) = v + count := by
      rw [← Int.add_emod_right, Int.emod_eq_of_lt] <;> omega
    rw [this, if_neg] <;> omega

example : signed 16 (unsigned 16 (-8)) = -8 := signed_unsigned (by decide)

/-! ### Codes of two slots -/

/-- The two numbers of a code: the upper slot, then the lower one. -/
def decodeSlots (hiCount loCount : Nat) (c : Fin (hiCount * loCount)) : Int × Int :=
  (signed hiCount (c.val / loCount), signed loCount (c.val % loCount))

/-- Two patterns make one code: the upper one counts `loCount`, the lower one 1. -/
theorem join_lt {hiCount loCount u v : Nat} (hu : u < hiCount) (hv : v < loCount) :
    u * loCount + v < hiCount * loCount :=
  calc u * loCount + v < u * loCount + loCount := by omega
    _ = (u + 1) * loCount := by rw [Nat.add_mul, Nat.one_mul]
    _ ≤ hiCount * loCount := Nat.mul_le_mul_right _ hu

example : 15 * 8 + 7 < 16 * 8 := join_lt (by decide) (by decide)

/-- The code of two numbers; `none` if one of them lies outside its slot. -/
def encodeSlots (hiCount loCount : Nat) (p : Int × Int) : Option (Fin (hiCount * loCount)) :=
  if h : InSlot hiCount p.1 ∧ InSlot loCount p.2 then
    some ⟨unsigned hiCount p.1 * loCount + unsigned loCount p.2,
      join_lt (unsigned_lt _ (by omega)) (unsigned_lt _ (by omega))⟩
  else none

/-- Every code of two slots decodes to two numbers of those slots. -/
theorem inSlot_decodeSlots {hiCount loCount : Nat} (c : Fin (hiCount * loCount)) :
    InSlot hiCount (decodeSlots hiCount loCount c).1 ∧ InSlot loCount (decodeSlots hiCount loCount c).2 := by
  have hlo : 0 < loCount := Nat.pos_of_ne_zero fun h => by have := c.isLt; simp [h] at this
  exact ⟨inSlot_signed ((Nat.div_lt_iff_lt_mul hlo).2 c.isLt), inSlot_signed (Nat.mod_lt _ hlo)⟩

/-- Encoding what a code of two slots decodes to gives the code back. -/
theorem encodeSlots_decodeSlots {hiCount loCount : Nat} (c : Fin (hiCount * loCount)) :
    encodeSlots hiCount loCount (decodeSlots hiCount loCount c) = some c := by
  have hlo : 0 < loCount := Nat.pos_of_ne_zero fun h => by have := c.isLt; simp [h] at this
  unfold encodeSlots
  rw [dif_pos (inSlot_decodeSlots c)]
  simp only [decodeSlots, unsigned_signed ((Nat.div_lt_iff_lt_mul hlo).2 c.isLt), unsigned_signed (Nat.mod_lt _ hlo)]
  exact congrArg some (Fin.ext (Nat.div_add_mod' _ _))

/-- Decoding the code of two numbers gives the two numbers back. -/
theorem decodeSlots_encodeSlots {hiCount loCount : Nat} {p : Int × Int} {c : Fin (hiCount * loCount)}
    (h : encodeSlots hiCount loCount p = some c) : decodeSlots hiCount loCount c = p := by
  unfold encodeSlots at h
  split at h
  case isTrue fits =>
    obtain rfl := Option.some.inj h
    have hlo : 0 < loCount := by omega
    have hv := unsigned_lt p.2 hlo
    simp only [decodeSlots, Nat.add_comm _ (unsigned loCount p.2), Nat.add_mul_div_right _ _ hlo,
      Nat.add_mul_mod_self_right, Nat.div_eq_of_lt hv, Nat.mod_eq_of_lt hv, Nat.zero_add,
      signed_unsigned fits.1, signed_unsigned fits.2]
  case isFalse => exact absurd h (by simp)

example : decodeSlots 8 4 ⟨31, by decide⟩ = (-1, -1) := decodeSlots_encodeSlots (by decide)

/-- Exactly the pairs outside the two slots have no code. -/
theorem encodeSlots_eq_none_iff {hiCount loCount : Nat} {p : Int × Int} :
    encodeSlots hiCount loCount p = none ↔ ¬(InSlot hiCount p.1 ∧ InSlot loCount p.2) := by
  unfold encodeSlots; split <;> simp_all

/-! ### The 7-bit code -/

/-- A 7-bit code. -/
abbrev Code := Fin 128

/-- The two numbers of a code. -/
def decode (c : Code) : Int × Int := decodeSlots 16 8 c

/-- The upper slot of a code: bits 6 to 3 in two's complement, -8 to 7. -/
def hi (c : Code) : Int := (decode c).1

/-- The lower slot of a code: bits 2 to 0 in two's complement, -4 to 3. -/
def lo (c : Code) : Int := (decode c).2

/-- The code of a pair; `none` outside [-8, 7] x [-4, 3]. -/
def encode (p : Int × Int) : Option Code := encodeSlots 16 8 p

/-- The pair of a byte that holds a code; `none` for 128 and above, which are not codes. -/
def decodeByte (b : Nat) : Option (Int × Int) := if h : b < 128 then some (decode ⟨b, h⟩) else none

/-- The pair `p` has a code: it lies in [-8, 7] x [-4, 3]. -/
abbrev InRange (p : Int × Int) : Prop := (-8 ≤ p.1 ∧ p.1 ≤ 7) ∧ (-4 ≤ p.2 ∧ p.2 ≤ 3)

/-- The range of the pairs, in the terms of the two slots. -/
theorem inRange_iff {p : Int × Int} : InRange p ↔ InSlot 16 p.1 ∧ InSlot 8 p.2 := by
  constructor <;> intro h <;> refine ⟨⟨?_, ?_⟩, ⟨?_, ?_⟩⟩ <;> omega

/-- A code is its two slots. -/
theorem decode_eq (c : Code) : decode c = (hi c, lo c) := rfl

/-- The upper slot is bits 6 to 3 read as a 4-bit two's complement number. -/
theorem hi_eq_toInt (c : Code) : hi c = (BitVec.ofNat 4 (c.val >>> 3)).toInt := by revert c; decide

/-- The lower slot is bits 2 to 0 read as a 3-bit two's complement number. -/
theorem lo_eq_toInt (c : Code) : lo c = (BitVec.ofNat 3 c.val).toInt := by revert c; decide

/-- Every code decodes into [-8, 7] x [-4, 3]. -/
theorem decode_inRange (c : Code) : InRange (decode c) :=
  inRange_iff.2 (inSlot_decodeSlots (hiCount := 16) (loCount := 8) c)

/-- Encoding a decoded code gives the code back, for each of the 128 codes. -/
theorem encode_decode (c : Code) : encode (decode c) = some c :=
  encodeSlots_decodeSlots (hiCount := 16) (loCount := 8) c

/-- Decoding the code of a pair gives the pair back. -/
theorem decode_encode {p : Int × Int} {c : Code} (h : encode p = some c) : decode c = p := decodeSlots_encodeSlots h

example : decode 127 = (-1, -1) := decode_encode (by decide)

/-- Two codes with the same pair are the same code. -/
theorem decode_injective {c c' : Code} (h : decode c = decode c') : c = c' :=
  Option.some.inj (by rw [← encode_decode c, h, encode_decode c'])

example : (5 : Code) = 5 := decode_injective rfl

/-- Every pair in [-8, 7] x [-4, 3] has a code that decodes to it, and only one. -/
theorem exists_unique_decode {p : Int × Int} (h : InRange p) : ∃ c, decode c = p ∧ ∀ c', decode c' = p → c' = c := by
  cases hc : encode p with
  | none => exact absurd (inRange_iff.1 h) (encodeSlots_eq_none_iff.1 hc)
  | some c => exact ⟨c, decode_encode hc, fun c' h' => decode_injective (h'.trans (decode_encode hc).symm)⟩

example : ∃ c, decode c = (-8, 3) ∧ ∀ c', decode c' = (-8, 3) → c' = c := exists_unique_decode (by decide)

/-- The decoded pairs are exactly those of [-8, 7] x [-4, 3]. -/
theorem exists_decode_iff {p : Int × Int} : (∃ c, decode c = p) ↔ InRange p :=
  ⟨fun ⟨c, h⟩ => h ▸ decode_inRange c, fun h => (exists_unique_decode h).imp fun _ hc => hc.1⟩

/-- A pair has no code exactly when it lies outside [-8, 7] x [-4, 3]. -/
theorem encode_eq_none_iff {p : Int × Int} : encode p = none ↔ ¬InRange p :=
  encodeSlots_eq_none_iff.trans (not_congr inRange_iff.symm)

/-- A pair with a code survives encoding and decoding: "lossless" on [-8, 7] x [-4, 3]. -/
theorem map_decode_encode {p : Int × Int} (h : InRange p) : (encode p).map decode = some p := by
  cases hc : encode p with
  | none => exact absurd h (encode_eq_none_iff.1 hc)
  | some c => exact congrArg some (decode_encode hc)

example : (encode (7, -4)).map decode = some (7, -4) := map_decode_encode (by decide)

/-- Refuted: "decode after encode is lossless". It fails for integers outside the range, such as (8, 0). -/
theorem not_lossless : ¬∀ p : Int × Int, (encode p).map decode = some p := fun h => absurd (h (8, 0)) (by decide)

/-- A byte below 128 is read as its code. -/
theorem decodeByte_accept {b : Nat} (h : b < 128) : decodeByte b = some (decode ⟨b, h⟩) := dif_pos h

example : decodeByte 127 = some (decode 127) := decodeByte_accept (by decide)

/-- A byte of 128 or more is rejected. -/
theorem decodeByte_reject {b : Nat} (h : 128 ≤ b) : decodeByte b = none := dif_neg (by omega)

example : decodeByte 255 = none := decodeByte_reject (by decide)

end Q35
