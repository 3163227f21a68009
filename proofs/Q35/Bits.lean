module

public import Q35.Stream

@[expose] public section

/-! Streams of codes of any width: `width` bits a code without gaps, in the order of the 7-bit stream.

The codes are the digits of one number in base `2 ^ width`, least significant first, and the bytes are the digits of the
same number in base 256. The 7-bit stream is the case `width = 7`; the siblings' streams are 5 and 3. -/

namespace Q35

/-- Bytes of a stream of `n` codes of `width` bits: `width * n / 8`, rounded up. -/
def bitSize (width n : Nat) : Nat := (width * n + 7) / 8

/-- The bytes of a stream of codes of `width` bits. -/
def packBits (width : Nat) (codes : List Nat) : List Nat :=
  toDigits 256 (bitSize width codes.length) (ofDigits (2 ^ width) codes)

/-- The `n` codes of `width` bits of a stream; `none` if the number of bytes is wrong, one is not a byte, or a bit after
the last code is not zero. -/
def unpackBits (width n : Nat) (bytes : List Nat) : Option (List Nat) :=
  let v := ofDigits 256 bytes
  if bytes.length = bitSize width n ∧ allBelow 256 bytes ∧ v < (2 ^ width) ^ n then some (toDigits (2 ^ width) n v)
  else none

/-! ### Sizes -/

/-- A stream is the shortest whole number of bytes that holds `width` bits a code. -/
theorem bitSize_bounds (width n : Nat) : width * n ≤ 8 * bitSize width n ∧ 8 * bitSize width n < width * n + 8 := by
  unfold bitSize; omega

/-- Eight codes take as many bytes as a code has bits. -/
theorem bitSize_eight_mul (width k : Nat) : bitSize width (8 * k) = width * k := by
  rw [bitSize, Nat.mul_left_comm]; omega

/-- More codes never take fewer bytes. -/
theorem bitSize_mono (width : Nat) {m n : Nat} (h : m ≤ n) : bitSize width m ≤ bitSize width n := by
  simp_all [bitSize]
  have hm := Nat.mul_le_mul_left width h
  omega

example : bitSize 7 3 ≤ bitSize 7 4 := bitSize_mono 7 (by decide)

/-- A block of whole bytes takes no part of the byte after it. -/
theorem bitSize_add {width m : Nat} (h : width * m % 8 = 0) (n : Nat) :
    bitSize width (m + n) = bitSize width m + bitSize width n := by
  grind [bitSize]

example : bitSize 7 (8 + 3) = bitSize 7 8 + bitSize 7 3 := bitSize_add (by decide) 3

/-- The size of the 7-bit stream. -/
theorem bitSize_seven (n : Nat) : bitSize 7 n = streamSize n := rfl

/-- A stream of `n` codes has `bitSize width n` bytes. -/
theorem length_packBits (width : Nat) (codes : List Nat) : (packBits width codes).length = bitSize width codes.length :=
  length_toDigits ..

/-- Every byte of a stream lies below 256. -/
theorem packBits_lt (width : Nat) (codes : List Nat) : ∀ b ∈ packBits width codes, b < 256 :=
  allBelow_iff.1 (allBelow_toDigits (by decide) ..)

example : 63 < 256 := packBits_lt 5 [31, 1] 63 (by decide)

/-! ### Reading back -/

/-- The bytes hold all bits of the codes. -/
theorem ofDigits_packBits {width : Nat} {codes : List Nat} (h : allBelow (2 ^ width) codes) :
    ofDigits 256 (packBits width codes) = ofDigits (2 ^ width) codes := by
  unfold packBits
  rw [ofDigits_toDigits]
  apply Nat.mod_eq_of_lt
  calc ofDigits (2 ^ width) codes < (2 ^ width) ^ codes.length := ofDigits_lt h
    _ = 2 ^ (width * codes.length) := by rw [← Nat.pow_mul]
    _ ≤ 2 ^ (8 * bitSize width codes.length) := Nat.pow_le_pow_right (by decide) (bitSize_bounds ..).1
    _ = 256 ^ bitSize width codes.length := by rw [show 256 = 2 ^ 8 from rfl, ← Nat.pow_mul]

example : ofDigits 256 (packBits 5 [31, 1]) = ofDigits 32 [31, 1] := ofDigits_packBits (width := 5) (by decide)

/-- A stream reads back: any number of codes of any width, the tail included. -/
theorem unpackBits_packBits {width : Nat} {codes : List Nat} (h : allBelow (2 ^ width) codes) :
    unpackBits width codes.length (packBits width codes) = some codes := by
  have isByte : allBelow 256 (packBits width codes) := allBelow_toDigits (by decide) ..
  simp only [unpackBits, ofDigits_packBits h, toDigits_ofDigits h]
  exact if_pos ⟨length_packBits width codes, isByte, ofDigits_lt h⟩

example : unpackBits 5 2 [63, 0] = some [31, 1] := unpackBits_packBits (width := 5) (codes := [31, 1]) (by decide)

/-- A stream has only one reading, and no second stream has the same one: packing what was read gives the bytes back. -/
theorem packBits_unpackBits {width n : Nat} {bytes codes : List Nat} (h : unpackBits width n bytes = some codes) :
    packBits width codes = bytes ∧ codes.length = n ∧ allBelow (2 ^ width) codes := by
  simp only [unpackBits] at h
  split at h
  case isTrue ok =>
    obtain ⟨size, isByte, tail⟩ := ok
    obtain rfl := Option.some.inj h
    refine ⟨?_, length_toDigits .., allBelow_toDigits (Nat.two_pow_pos width) ..⟩
    rw [packBits, length_toDigits, ofDigits_toDigits, Nat.mod_eq_of_lt tail, ← size, toDigits_ofDigits isByte]
  case isFalse => exact absurd h (by simp)

example : packBits 5 [31, 1] = [63, 0] ∧ [31, 1].length = 2 ∧ allBelow (2 ^ 5) [31, 1] :=
  packBits_unpackBits (width := 5) (n := 2) (by decide)

/-- Exactly the streams of `n` codes are accepted. -/
theorem exists_unpackBits_iff {width n : Nat} {bytes : List Nat} :
    (∃ codes, unpackBits width n bytes = some codes) ↔
      ∃ codes, codes.length = n ∧ allBelow (2 ^ width) codes ∧ packBits width codes = bytes :=
  ⟨fun ⟨codes, h⟩ => have ⟨hp, hn, hb⟩ := packBits_unpackBits h; ⟨codes, hn, hb, hp⟩,
   fun ⟨codes, hn, hb, hp⟩ => ⟨codes, by rw [← hn, ← hp]; exact unpackBits_packBits hb⟩⟩

/-- A stream of the wrong length is rejected. -/
theorem unpackBits_reject_length {width n : Nat} {bytes : List Nat} (h : bytes.length ≠ bitSize width n) :
    unpackBits width n bytes = none := if_neg fun ok => h ok.1

example : unpackBits 5 2 [1] = none := unpackBits_reject_length (by decide)

/-- A stream with an element that is not a byte is rejected. -/
theorem unpackBits_reject_byte {width n : Nat} {bytes : List Nat} {b : Nat} (hb : b ∈ bytes) (h : 256 ≤ b) :
    unpackBits width n bytes = none := if_neg fun ok => absurd (allBelow_iff.1 ok.2.1 b hb) (by omega)

example : unpackBits 5 1 [256] = none := unpackBits_reject_byte (b := 256) (by decide) (by decide)

/-- A stream with a bit after its last code is rejected. -/
theorem unpackBits_reject_tail {width n : Nat} {bytes : List Nat} (h : (2 ^ width) ^ n ≤ ofDigits 256 bytes) :
    unpackBits width n bytes = none := if_neg fun ok => absurd ok.2.2 (by omega)

example : unpackBits 5 1 [32] = none := unpackBits_reject_tail (by decide)

/-- Streams of as many codes are equal only if the codes are, at any width. -/
theorem packBits_injective {width : Nat} {us vs : List Nat} (hu : allBelow (2 ^ width) us)
    (hv : allBelow (2 ^ width) vs) (hlen : us.length = vs.length) (h : packBits width us = packBits width vs) :
    us = vs := by
  have hf := unpackBits_packBits hu
  have hf1 := unpackBits_packBits hv
  grind

example : packBits 3 [1, 2] ≠ packBits 3 [2, 1] :=
  fun h => absurd (packBits_injective (us := [1, 2]) (vs := [2, 1]) (by decide) (by decide) rfl h) (by decide)

/-! ### Blocks of whole bytes -/

/-- In a block of whole bytes the bytes' digits reach as far as the codes'. -/
theorem pow_bitSize {width n : Nat} (h : width * n % 8 = 0) : 256 ^ bitSize width n = (2 ^ width) ^ n := by
  rw [bitSize, ← Nat.pow_mul, show 256 = 2 ^ 8 from rfl, ← Nat.pow_mul]
  congr 1
  omega

example : 256 ^ bitSize 3 8 = (2 ^ 3) ^ 8 := pow_bitSize (by decide)

/-- Blocks of any width that fill whole bytes can be written, and found, one by one. -/
theorem packBits_append {width : Nat} {us : List Nat} (hu : allBelow (2 ^ width) us)
    (h : width * us.length % 8 = 0) (vs : List Nat) :
    packBits width (us ++ vs) = packBits width us ++ packBits width vs := by
  have hpos : 0 < 256 ^ bitSize width us.length := Nat.pow_pos (by decide)
  have hlt : ofDigits (2 ^ width) us < 256 ^ bitSize width us.length := by rw [pow_bitSize h]; exact ofDigits_lt hu
  rw [packBits, List.length_append, bitSize_add h, toDigits_append, ofDigits_append, ← pow_bitSize h,
    toDigits_add_pow_mul (by decide), Nat.add_mul_div_left _ _ hpos, Nat.div_eq_of_lt hlt, Nat.zero_add]
  rfl

example : packBits 4 ([1, 2] ++ [3]) = packBits 4 [1, 2] ++ packBits 4 [3] :=
  packBits_append (width := 4) (us := [1, 2]) (by decide) (by decide) [3]

/-! ### Where the bits lie -/

/-- Digit `i` of the number that digits below the base stand for. -/
theorem getElem_eq_ofDigits {base : Nat} {ds : List Nat} (h : allBelow base ds) {i : Nat} (hi : i < ds.length) :
    ds[i] = ofDigits base ds / base ^ i % base := by
  have := getElem_toDigits base ds.length (ofDigits base ds) i (by rwa [length_toDigits])
  simpa only [toDigits_ofDigits h] using this

example : [7, 3, 5][2] = ofDigits 8 [7, 3, 5] / 8 ^ 2 % 8 := getElem_eq_ofDigits (by decide) (by decide)

/-- Bit `k % 8` of byte `k / 8` is bit `k` of the stream's number. -/
theorem testBit_packBits {width : Nat} {codes : List Nat} {k : Nat} (h : k / 8 < (packBits width codes).length) :
    (packBits width codes)[k / 8].testBit (k % 8) = (ofDigits (2 ^ width) codes).testBit k := by
  simp only [packBits, getElem_toDigits]
  rw [show 256 = 2 ^ 8 from rfl, ← Nat.pow_mul, Nat.testBit_mod_two_pow, Nat.testBit_div_two_pow]
  simp [Nat.mod_lt, Nat.mod_add_div]

example : (packBits 5 [31, 1])[5 / 8].testBit (5 % 8) = (ofDigits (2 ^ 5) [31, 1]).testBit 5 :=
  testBit_packBits (by decide)

/-- The byte that holds bit `j` of code `i` is one of the stream's. -/
theorem bit_in_stream {width j i : Nat} {codes : List Nat} (hi : i < codes.length) (hj : j < width) :
    (width * i + j) / 8 < (packBits width codes).length := by
  have := Nat.mul_le_mul_left width hi
  rw [Nat.mul_succ] at this
  rw [length_packBits, bitSize]
  omega

example : 5 / 8 < (packBits 5 [31, 1]).length :=
  bit_in_stream (width := 5) (j := 0) (i := 1) (codes := [31, 1]) (by decide) (by decide)

/-- Where every bit lies: bit `j` of code `i` is bit `(width * i + j) % 8` of byte `(width * i + j) / 8`. -/
theorem packBits_bit {width : Nat} {codes : List Nat} (h : allBelow (2 ^ width) codes) {i j : Nat}
    (hi : i < codes.length) (hj : j < width) :
    ((packBits width codes)[(width * i + j) / 8]'(bit_in_stream hi hj)).testBit ((width * i + j) % 8)
      = codes[i].testBit j := by
  rw [testBit_packBits, getElem_eq_ofDigits h hi, ← Nat.pow_mul, Nat.testBit_mod_two_pow, Nat.testBit_div_two_pow]
  simp [hj, Nat.add_comm]

example : (packBits 5 [31, 1])[5 / 8].testBit 5 = Nat.testBit 1 0 :=
  packBits_bit (width := 5) (codes := [31, 1]) (i := 1) (j := 0) (by decide) (by decide) (by decide)

/-! ### The 7-bit stream -/

/-- A code takes 7 bits. -/
theorem allBelow_packBytes (codes : List Code) : allBelow (2 ^ 7) (packBytes codes) :=
  allBelow_iff.2 (packBytes_lt codes)

/-- The number of a stream of codes is that of its digits in base 128. -/
theorem streamValue_eq (codes : List Code) : streamValue codes = ofDigits (2 ^ 7) (packBytes codes) := by
  induction codes with
  | nil => rfl
  | cons c cs ih => simp only [streamValue, packBytes, ofDigits, ih]

/-- The stream of 7-bit codes is the stream of their numbers at the width 7. -/
theorem packStream_eq_packBits (codes : List Code) : packStream codes = packBits 7 (packBytes codes) := by
  rw [packStream, packBits, streamValue_eq, length_packBytes, bitSize_seven]

/-- Blocks of eight codes fill whole bytes: they can be written, and found, one by one. -/
theorem packStream_append {us : List Code} (h : us.length % 8 = 0) (vs : List Code) :
    packStream (us ++ vs) = packStream us ++ packStream vs := by
  simp only [packStream_eq_packBits, packBytes_append]
  exact packBits_append (allBelow_packBytes us) (by rw [length_packBytes]; omega) _

example : packStream ([1, 2, 3, 4, 5, 6, 7, 8] ++ [9]) = packStream [1, 2, 3, 4, 5, 6, 7, 8] ++ packStream [9] :=
  packStream_append (by decide) [9]

end Q35
