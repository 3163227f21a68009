module

public import Q35.Code
public import Q35.Compile

@[expose] public section

/-! The two layouts of a list of codes.

`stream`: 7 bits a code without gaps. The codes are the digits of one number in base 128, least significant first, and
the bytes are the digits of the same number in base 256. So bit `7 i + j` of the stream is bit `j` of code `i`, and bit
`k` of the stream is bit `k % 8` of byte `k / 8`. The bits after the last code are zero.

`byte`: one code a byte, bit 7 zero. -/

namespace Q35

/-! ### Digits -/

/-- The `count` lowest digits of `v` in base `base`, least significant first. -/
def toDigits (base : Nat) : (count v : Nat) → List Nat
  | 0, _ => []
  | count + 1, v => v % base :: toDigits base count (v / base)

/-- The number with these digits in base `base`, least significant first. -/
def ofDigits (base : Nat) : List Nat → Nat
  | [] => 0
  | d :: ds => d + base * ofDigits base ds

/-- Every element lies below `bound`. -/
def allBelow (bound : Nat) : List Nat → Bool
  | [] => true
  | d :: ds => decide (d < bound) && allBelow bound ds

/-- `allBelow` says what its name says. -/
theorem allBelow_iff {bound : Nat} {ds : List Nat} : allBelow bound ds = true ↔ ∀ d ∈ ds, d < bound := by
  induction ds <;> simp_all [allBelow]

/-- As many digits as asked for. -/
theorem length_toDigits (base count v : Nat) : (toDigits base count v).length = count := by
  induction count generalizing v <;> simp_all [toDigits]

/-- Every digit lies below the base. -/
theorem allBelow_toDigits {base : Nat} (h : 0 < base) (count v : Nat) : allBelow base (toDigits base count v) := by
  induction count generalizing v <;> simp_all [toDigits, allBelow, Nat.mod_lt]

example : allBelow 256 (toDigits 256 3 70000) := allBelow_toDigits (by decide) 3 70000

/-- Digits below the base stand for a number below the base's power. -/
theorem ofDigits_lt {base : Nat} {ds : List Nat} (h : allBelow base ds) : ofDigits base ds < base ^ ds.length := by
  induction ds with
  | nil => simp [ofDigits]
  | cons d ds ih =>
    simp only [allBelow, Bool.and_eq_true, decide_eq_true_eq] at h
    have := Nat.mul_le_mul_left base (ih h.2)
    simp only [ofDigits, List.length_cons, Nat.pow_succ', Nat.mul_succ] at this ⊢
    omega

example : ofDigits 256 [255, 255] < 256 ^ 2 := ofDigits_lt (by decide)

/-- Reading back the written digits gives the number, up to the digits that were not written. -/
theorem ofDigits_toDigits (base count v : Nat) : ofDigits base (toDigits base count v) = v % base ^ count := by
  induction count generalizing v with
  | zero => simp [toDigits, ofDigits, Nat.mod_one]
  | succ count ih => simp only [toDigits, ofDigits, ih, Nat.pow_succ', Nat.mod_mul]

/-- Digits below the base are read and written back unchanged. -/
theorem toDigits_ofDigits {base : Nat} {ds : List Nat} (h : allBelow base ds) :
    toDigits base ds.length (ofDigits base ds) = ds := by
  induction ds with
  | nil => rfl
  | cons d ds ih =>
    simp only [allBelow, Bool.and_eq_true, decide_eq_true_eq] at h
    simp only [List.length_cons, toDigits, ofDigits, Nat.add_mul_mod_self_left, Nat.mod_eq_of_lt h.1,
      Nat.add_mul_div_left _ _ (Nat.zero_lt_of_lt h.1), Nat.div_eq_of_lt h.1, Nat.zero_add, ih h.2]

example : toDigits 256 2 (ofDigits 256 [1, 255]) = [1, 255] := toDigits_ofDigits (ds := [1, 255]) (by decide)

/-- The number of a list in two parts, the first of which has the low digits. -/
theorem ofDigits_append (base : Nat) (us vs : List Nat) :
    ofDigits base (us ++ vs) = ofDigits base us + base ^ us.length * ofDigits base vs := by
  induction us <;> simp_all [ofDigits, List.length, Nat.pow_succ]
  grind [ofDigits, List.length]

/-- Digits in two parts: the low ones, and those of what is left. -/
theorem toDigits_append (base m n v : Nat) :
    toDigits base (m + n) v = toDigits base m v ++ toDigits base n (v / base ^ m) := by
  induction m generalizing base n v <;> simp_all [toDigits, Nat.pow_succ, Nat.div_div_eq_div_mul, Nat.add_right_comm]
  grind [toDigits]

/-- What is above the digits that are written does not change them. -/
theorem toDigits_add_pow_mul {base : Nat} (h : 0 < base) (count v w : Nat) :
    toDigits base count (v + base ^ count * w) = toDigits base count v := by
  induction count generalizing v w <;> simp_all [toDigits, Nat.pow_succ', Nat.mul_assoc, Nat.add_mul_div_left]

example : toDigits 8 2 (11 + 8 ^ 2 * 5) = toDigits 8 2 11 := toDigits_add_pow_mul (by decide) 2 11 5

/-- Digit `i` of `v`. -/
theorem getElem_toDigits (base count v i : Nat) (h : i < (toDigits base count v).length) :
    (toDigits base count v)[i] = v / base ^ i % base := by
  induction count generalizing v i with
  | zero => simp [toDigits] at h
  | succ count ih =>
    cases i with
    | zero => simp [toDigits]
    | succ i => simp [toDigits, ih, Nat.pow_succ', Nat.div_div_eq_div_mul]

example : (toDigits 256 3 70000)[1] = 70000 / 256 % 256 := getElem_toDigits 256 3 70000 1 (by decide)

/-! ### The stream -/

/-- Bytes of a stream of `n` codes: `7 n / 8`, rounded up. -/
def streamSize (n : Nat) : Nat := (7 * n + 7) / 8

/-- The stream as one number: the codes are its digits in base 128. -/
def streamValue : List Code → Nat
  | [] => 0
  | c :: cs => c.val + 128 * streamValue cs

/-- The `n` lowest digits of `v` in base 128, as codes. -/
def codesOf : (n v : Nat) → List Code
  | 0, _ => []
  | n + 1, v => Fin.ofNat 128 v :: codesOf n (v / 128)

/-- The bytes of a stream of codes. -/
def packStream (codes : List Code) : List Nat := toDigits 256 (streamSize codes.length) (streamValue codes)

/-- The `n` codes of a stream; `none` if the number of bytes is wrong, one is not a byte, or a bit after the last code
is not zero. -/
def unpackStream (n : Nat) (bytes : List Nat) : Option (List Code) :=
  let v := ofDigits 256 bytes
  if bytes.length = streamSize n ∧ allBelow 256 bytes ∧ v < 128 ^ n then some (codesOf n v) else none

/-- Eight codes take seven bytes. -/
theorem streamSize_eight_mul (k : Nat) : streamSize (8 * k) = 7 * k := by unfold streamSize; omega

/-- A stream is the shortest whole number of bytes that holds 7 bits a code. -/
theorem streamSize_bounds (n : Nat) : 7 * n ≤ 8 * streamSize n ∧ 8 * streamSize n < 7 * n + 8 := by
  unfold streamSize; omega

/-- A stream of `n` codes has `streamSize n` bytes. -/
theorem length_packStream (codes : List Code) : (packStream codes).length = streamSize codes.length :=
  length_toDigits ..

/-- Every byte of a stream lies below 256. -/
theorem packStream_lt (codes : List Code) : ∀ b ∈ packStream codes, b < 256 :=
  allBelow_iff.1 (allBelow_toDigits (by decide) ..)

example : 192 < 256 := packStream_lt [64, 127] 192 (by decide)

/-- `n` codes make a number below `128 ^ n`. -/
theorem streamValue_lt (codes : List Code) : streamValue codes < 128 ^ codes.length := by
  induction codes with
  | nil => simp [streamValue]
  | cons c cs ih => have := c.isLt; simp only [streamValue, List.length_cons, Nat.pow_succ']; omega

/-- As many codes as asked for. -/
theorem length_codesOf (n v : Nat) : (codesOf n v).length = n := by
  induction n generalizing v <;> simp_all [codesOf]

/-- The codes of a stream's number are the stream's codes. -/
theorem codesOf_streamValue (codes : List Code) : codesOf codes.length (streamValue codes) = codes := by
  induction codes with
  | nil => rfl
  | cons c cs ih =>
    have hmod : (c.val + 128 * streamValue cs) % 128 = c.val := by omega
    have hdiv : (c.val + 128 * streamValue cs) / 128 = streamValue cs := by omega
    simp only [List.length_cons, codesOf, streamValue, hdiv, ih, List.cons.injEq, and_true]
    exact Fin.ext hmod

/-- A number below `128 ^ n` is the number of its `n` codes. -/
theorem streamValue_codesOf {n v : Nat} (h : v < 128 ^ n) : streamValue (codesOf n v) = v := by
  induction n generalizing v with
  | zero => simp [codesOf, streamValue]; omega
  | succ n ih =>
    have := ih (v := v / 128) (by rw [Nat.pow_succ] at h; omega)
    simp only [codesOf, streamValue, this, Fin.val_ofNat]
    omega

example : streamValue (codesOf 2 16383) = 16383 := streamValue_codesOf (by decide)

/-- The bytes hold all bits of the codes. -/
theorem ofDigits_packStream (codes : List Code) : ofDigits 256 (packStream codes) = streamValue codes := by
  unfold packStream
  rw [ofDigits_toDigits]
  apply Nat.mod_eq_of_lt
  calc streamValue codes < 128 ^ codes.length := streamValue_lt codes
    _ = 2 ^ (7 * codes.length) := by rw [show 128 = 2 ^ 7 from rfl, ← Nat.pow_mul]
    _ ≤ 2 ^ (8 * streamSize codes.length) := Nat.pow_le_pow_right (by decide) (streamSize_bounds _).1
    _ = 256 ^ streamSize codes.length := by rw [show 256 = 2 ^ 8 from rfl, ← Nat.pow_mul]

/-- A stream reads back: any number of codes, the tail included. -/
theorem unpackStream_packStream (codes : List Code) : unpackStream codes.length (packStream codes) = some codes := by
  have isByte : allBelow 256 (packStream codes) := allBelow_toDigits (by decide) ..
  simp only [unpackStream, ofDigits_packStream, codesOf_streamValue]
  exact if_pos ⟨length_packStream codes, isByte, streamValue_lt codes⟩

/-- Streams of as many codes are equal only if the codes are: a stream may stand for its codes in a cache. -/
theorem packStream_injective {codes codes' : List Code} (hlen : codes.length = codes'.length)
    (h : packStream codes = packStream codes') : codes = codes' := by
  have hf := unpackStream_packStream codes
  have hf1 := unpackStream_packStream codes'
  grind

example : packStream [1, 2] ≠ packStream [2, 1] :=
  fun h => absurd (packStream_injective (codes := [1, 2]) (codes' := [2, 1]) rfl h) (by decide)

/-- A stream has only one reading, and no second stream has the same one: packing what was read gives the bytes back. -/
theorem packStream_unpackStream {n : Nat} {bytes : List Nat} {codes : List Code}
    (h : unpackStream n bytes = some codes) : packStream codes = bytes ∧ codes.length = n := by
  simp only [unpackStream] at h
  split at h
  case isTrue ok =>
    obtain ⟨size, isByte, tail⟩ := ok
    obtain rfl := Option.some.inj h
    refine ⟨?_, length_codesOf ..⟩
    rw [packStream, length_codesOf, streamValue_codesOf tail, ← size, toDigits_ofDigits isByte]
  case isFalse => exact absurd h (by simp)

example : packStream [127, 1] = [255, 0] ∧ [(127 : Code), 1].length = 2 :=
  packStream_unpackStream (n := 2) (by decide)

/-- Exactly the streams of `n` codes are accepted. -/
theorem exists_unpackStream_iff {n : Nat} {bytes : List Nat} :
    (∃ codes, unpackStream n bytes = some codes) ↔ ∃ codes, codes.length = n ∧ packStream codes = bytes :=
  ⟨fun ⟨codes, h⟩ => ⟨codes, (packStream_unpackStream h).2, (packStream_unpackStream h).1⟩,
   fun ⟨codes, hn, hb⟩ => ⟨codes, by rw [← hn, ← hb]; exact unpackStream_packStream codes⟩⟩

/-- A stream of the wrong length is rejected. -/
theorem unpackStream_reject_length {n : Nat} {bytes : List Nat} (h : bytes.length ≠ streamSize n) :
    unpackStream n bytes = none := if_neg fun ok => h ok.1

example : unpackStream 2 [1] = none := unpackStream_reject_length (by decide)

/-- A stream with an element that is not a byte is rejected. -/
theorem unpackStream_reject_byte {n : Nat} {bytes : List Nat} {b : Nat} (hb : b ∈ bytes) (h : 256 ≤ b) :
    unpackStream n bytes = none := if_neg fun ok => absurd (allBelow_iff.1 ok.2.1 b hb) (by omega)

example : unpackStream 1 [256] = none := unpackStream_reject_byte (b := 256) (by decide) (by decide)

/-- A stream with a bit after its last code is rejected. -/
theorem unpackStream_reject_tail {n : Nat} {bytes : List Nat} (h : 128 ^ n ≤ ofDigits 256 bytes) :
    unpackStream n bytes = none := if_neg fun ok => absurd ok.2.2 (by omega)

example : unpackStream 1 [128] = none := unpackStream_reject_tail (by decide)

/-! ### The bits of the stream -/

/-- Code `i` is digit `i` of the stream's number in base 128. -/
theorem getElem_eq_streamValue (codes : List Code) (i : Nat) (h : i < codes.length) :
    codes[i].val = streamValue codes / 128 ^ i % 128 := by
  induction codes generalizing i with
  | nil => simp at h
  | cons c cs ih =>
    cases i with
    | zero => simp only [List.getElem_cons_zero, streamValue, Nat.pow_zero, Nat.div_one]; omega
    | succ i =>
      have hdiv : (c.val + 128 * streamValue cs) / 128 = streamValue cs := by omega
      simp only [List.getElem_cons_succ, streamValue, Nat.pow_succ', ← Nat.div_div_eq_div_mul, hdiv]
      exact ih i (by simpa using h)

example : 64 = streamValue [0, 64] / 128 ^ 1 % 128 := getElem_eq_streamValue [0, 64] 1 (by decide)

/-- Bit `7 i + j` of the stream's number is bit `j` of code `i`. -/
theorem testBit_streamValue (codes : List Code) {i j : Nat} (hi : i < codes.length) (hj : j < 7) :
    (streamValue codes).testBit (7 * i + j) = codes[i].val.testBit j := by
  rw [getElem_eq_streamValue codes i hi, show 128 = 2 ^ 7 from rfl, ← Nat.pow_mul, Nat.testBit_mod_two_pow,
    Nat.testBit_div_two_pow]
  simp [hj, Nat.add_comm]

example : (streamValue [0, 64]).testBit 13 = Nat.testBit 64 6 :=
  testBit_streamValue [0, 64] (i := 1) (j := 6) (by decide) (by decide)

/-- Bit `k` of the stream's number is bit `k % 8` of byte `k / 8`. -/
theorem testBit_packStream (codes : List Code) {k : Nat} (h : k / 8 < (packStream codes).length) :
    (packStream codes)[k / 8].testBit (k % 8) = (streamValue codes).testBit k := by
  simp only [packStream, getElem_toDigits]
  rw [show 256 = 2 ^ 8 from rfl, ← Nat.pow_mul, Nat.testBit_mod_two_pow, Nat.testBit_div_two_pow]
  simp [Nat.mod_lt, Nat.mod_add_div]

example : (packStream [0, 64])[13 / 8].testBit (13 % 8) = (streamValue [0, 64]).testBit 13 :=
  testBit_packStream [0, 64] (by decide)

/-- Where every bit lies: bit `j` of code `i` is bit `(7 i + j) % 8` of byte `(7 i + j) / 8`. -/
theorem packStream_bit (codes : List Code) {i j : Nat} (hi : i < codes.length) (hj : j < 7) :
    ((packStream codes)[(7 * i + j) / 8]'(by rw [length_packStream, streamSize]; omega)).testBit ((7 * i + j) % 8)
      = codes[i].val.testBit j := by
  rw [testBit_packStream, testBit_streamValue codes hi hj]

example : (packStream [0, 64])[1].testBit 5 = Nat.testBit 64 6 :=
  packStream_bit [0, 64] (i := 1) (j := 6) (by decide) (by decide)

/-! ### The byte layout -/

/-- One code a byte. -/
def packBytes : List Code → List Nat
  | [] => []
  | c :: cs => c.val :: packBytes cs

/-- The codes of bytes; `none` if one of them is 128 or more. -/
def unpackBytes : List Nat → Option (List Code)
  | [] => some []
  | b :: bs => if h : b < 128 then (unpackBytes bs).map (⟨b, h⟩ :: ·) else none

/-- `n` codes take `n` bytes. -/
theorem length_packBytes (codes : List Code) : (packBytes codes).length = codes.length := by
  induction codes <;> simp_all [packBytes]

/-- Every byte of the byte layout has bit 7 zero. -/
theorem packBytes_lt (codes : List Code) : ∀ b ∈ packBytes codes, b < 128 := by
  induction codes with
  | nil => simp [packBytes]
  | cons c cs ih => simp only [packBytes, List.mem_cons, forall_eq_or_imp]; exact ⟨c.isLt, ih⟩

example : 127 < 128 := packBytes_lt [64, 127] 127 (by decide)

/-- The byte layout reads back. -/
theorem unpackBytes_packBytes (codes : List Code) : unpackBytes (packBytes codes) = some codes := by
  induction codes <;> simp_all [packBytes, unpackBytes]

/-- The byte layout of two lists is that of each, one after the other. -/
theorem packBytes_append (us vs : List Code) : packBytes (us ++ vs) = packBytes us ++ packBytes vs := by
  induction us <;> simp_all [packBytes]

/-- Bytes have only one reading: packing what was read gives the bytes back. -/
theorem packBytes_unpackBytes {bytes : List Nat} {codes : List Code} (h : unpackBytes bytes = some codes) :
    packBytes codes = bytes := by
  induction bytes generalizing codes with
  | nil => obtain rfl := Option.some.inj h; rfl
  | cons b bs ih =>
    rw [unpackBytes] at h
    split at h
    · obtain ⟨cs, hcs, rfl⟩ := Option.map_eq_some_iff.1 h
      simp [packBytes, ih hcs]
    · exact absurd h (by simp)

example : packBytes [3, 127] = [3, 127] := packBytes_unpackBytes (by decide)

/-- A byte of 128 or more anywhere is rejected, and nothing else is. -/
theorem unpackBytes_eq_none_iff {bytes : List Nat} : unpackBytes bytes = none ↔ ∃ b ∈ bytes, 128 ≤ b := by
  induction bytes with
  | nil => simp [unpackBytes]
  | cons b bs ih =>
    rw [unpackBytes]
    split <;> simp_all
    omega

example : unpackBytes [3, 128] = none := unpackBytes_eq_none_iff.2 (by decide)

/-! ### From one layout to the other -/

/-- The stream of the codes of a byte layout. -/
def streamOfBytes (bytes : List Nat) : Option (List Nat) := (unpackBytes bytes).map packStream

/-- The byte layout of the `n` codes of a stream. -/
def bytesOfStream (n : Nat) (stream : List Nat) : Option (List Nat) := (unpackStream n stream).map packBytes

/-- From bytes to the stream and back nothing changes. -/
theorem bytesOfStream_streamOfBytes {bytes stream : List Nat} (h : streamOfBytes bytes = some stream) :
    bytesOfStream bytes.length stream = some bytes := by
  obtain ⟨codes, hc, rfl⟩ := Option.map_eq_some_iff.1 h
  obtain rfl := packBytes_unpackBytes hc
  simp [bytesOfStream, length_packBytes, unpackStream_packStream]

example : bytesOfStream 2 [255, 0] = some [127, 1] := bytesOfStream_streamOfBytes (bytes := [127, 1]) (by decide)

/-- From the stream to bytes and back nothing changes. -/
theorem streamOfBytes_bytesOfStream {n : Nat} {bytes stream : List Nat} (h : bytesOfStream n stream = some bytes) :
    streamOfBytes bytes = some stream ∧ bytes.length = n := by
  obtain ⟨codes, hc, rfl⟩ := Option.map_eq_some_iff.1 h
  obtain ⟨rfl, rfl⟩ := packStream_unpackStream hc
  simp [streamOfBytes, unpackBytes_packBytes, length_packBytes]

example : streamOfBytes [127, 1] = some [255, 0] ∧ [127, 1].length = 2 :=
  streamOfBytes_bytesOfStream (n := 2) (by decide)

end Q35
