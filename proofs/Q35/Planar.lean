module

public import Q35.Bits

@[expose] public section

/-! The planar layout of a list of codes, for kernels that look slots up apart: first the upper slots of all codes as
4-bit patterns, two a byte; then the lower slots of all codes as 3-bit patterns, eight in three bytes. Both planes are
streams (`packBits`) and begin at a byte; the bits after each plane's last pattern are zero. -/

namespace Q35

/-- Bytes of the planar layout of `n` codes. -/
def planarSize (n : Nat) : Nat := bitSize 4 n + bitSize 3 n

/-- The 4-bit patterns of the upper slots. -/
def hiPlane (codes : List Code) : List Nat := codes.map fun c => c.val / 8

/-- The 3-bit patterns of the lower slots. -/
def loPlane (codes : List Code) : List Nat := codes.map fun c => c.val % 8

/-- The codes of upper and lower patterns. -/
def joinPlanes : List Nat → List Nat → List Code
  | u :: us, v :: vs => Fin.ofNat 128 (8 * u + v) :: joinPlanes us vs
  | _, _ => []

/-- The bytes of the planar layout: the plane of the upper slots, then the plane of the lower ones. -/
def packPlanar (codes : List Code) : List Nat :=
  (packBits 4 (hiPlane codes)).foldr List.cons (packBits 3 (loPlane codes))

/-- The first `n` bytes, and the bytes after them. -/
def splitBytes : Nat → List Nat → List Nat × List Nat
  | n + 1, b :: bytes => let rest := splitBytes n bytes; (b :: rest.1, rest.2)
  | _, bytes => ([], bytes)

/-- The `n` codes of a planar layout; `none` if the number of bytes is wrong, one is not a byte, or a bit after the last
pattern of a plane is not zero. -/
def unpackPlanar (n : Nat) (bytes : List Nat) : Option (List Code) :=
  let planes := splitBytes (bitSize 4 n) bytes
  match unpackBits 4 n planes.1, unpackBits 3 n planes.2 with
  | some us, some vs => some (joinPlanes us vs)
  | _, _ => none

/-- The planar layout of the `n` codes of a stream. -/
def planarOfStream (n : Nat) (stream : List Nat) : Option (List Nat) := (unpackStream n stream).map packPlanar

/-- The stream of the `n` codes of a planar layout. -/
def streamOfPlanar (n : Nat) (planar : List Nat) : Option (List Nat) := (unpackPlanar n planar).map packStream

/-! ### Sizes -/

/-- Eight codes take seven bytes: four of upper slots, three of lower ones. -/
theorem planarSize_eight_mul (k : Nat) : planarSize (8 * k) = 7 * k := by
  rw [planarSize, bitSize_eight_mul, bitSize_eight_mul]; omega

/-- The planar layout is at most one byte longer than the stream. -/
theorem planarSize_bounds (n : Nat) : streamSize n ≤ planarSize n ∧ planarSize n ≤ streamSize n + 1 := by
  unfold planarSize bitSize streamSize; omega

/-- That byte is needed for some numbers of codes: three codes take 3 bytes as a stream and 4 as planes. -/
theorem planarSize_longer : streamSize 3 = 3 ∧ planarSize 3 = 4 := by decide

/-- The planar layout is one plane after the other. -/
theorem packPlanar_eq (codes : List Code) :
    packPlanar codes = packBits 4 (hiPlane codes) ++ packBits 3 (loPlane codes) := by
  simp [packPlanar]

/-- Splitting takes and drops. -/
theorem splitBytes_eq (n : Nat) (bytes : List Nat) : splitBytes n bytes = (bytes.take n, bytes.drop n) := by
  induction n generalizing bytes with
  | zero => rfl
  | succ n ih => cases bytes <;> simp [splitBytes, ih]

/-- A planar layout of `n` codes has `planarSize n` bytes. -/
theorem length_packPlanar (codes : List Code) : (packPlanar codes).length = planarSize codes.length := by
  simp only [packPlanar_eq, List.length_append, length_packBits, hiPlane, loPlane, List.length_map, planarSize]

/-- Every byte of a planar layout lies below 256. -/
theorem packPlanar_lt (codes : List Code) : ∀ b ∈ packPlanar codes, b < 256 := fun b hb =>
  (List.mem_append.1 (packPlanar_eq codes ▸ hb)).elim (packBits_lt 4 _ b) (packBits_lt 3 _ b)

example : 240 < 256 := packPlanar_lt [0, 127] 240 (by decide)

/-! ### The planes -/

/-- An upper slot has 4 bits. -/
theorem allBelow_hiPlane (codes : List Code) : allBelow (2 ^ 4) (hiPlane codes) := by
  refine allBelow_iff.2 fun u hu => ?_
  obtain ⟨c, -, rfl⟩ := List.mem_map.1 hu
  omega

/-- A lower slot has 3 bits. -/
theorem allBelow_loPlane (codes : List Code) : allBelow (2 ^ 3) (loPlane codes) := by
  refine allBelow_iff.2 fun v hv => ?_
  obtain ⟨c, -, rfl⟩ := List.mem_map.1 hv
  omega

/-- The patterns of codes make the codes again. -/
theorem joinPlanes_planes (codes : List Code) : joinPlanes (hiPlane codes) (loPlane codes) = codes := by
  induction codes with
  | nil => rfl
  | cons c cs ih =>
    simp only [hiPlane, loPlane] at ih
    simp only [hiPlane, loPlane, List.map_cons, joinPlanes, ih, List.cons.injEq, and_true]
    refine Fin.ext ?_
    rw [Fin.val_ofNat, Nat.div_add_mod]
    omega

/-- Equally many patterns are the patterns of the codes that they make. -/
theorem planes_joinPlanes {us vs : List Nat} (hlen : us.length = vs.length) (hu : allBelow (2 ^ 4) us)
    (hv : allBelow (2 ^ 3) vs) :
    (joinPlanes us vs).length = us.length ∧ hiPlane (joinPlanes us vs) = us ∧ loPlane (joinPlanes us vs) = vs := by
  fun_induction joinPlanes us vs with
  | case1 u us v vs ih =>
    simp only [allBelow, Bool.and_eq_true, decide_eq_true_eq] at hu hv
    have ⟨h1, h2, h3⟩ := ih (Nat.succ.inj hlen) hu.2 hv.2
    simp only [hiPlane, loPlane] at h2 h3
    simp only [List.length_cons, hiPlane, loPlane, List.map_cons, h1, h2, h3, Fin.val_ofNat, List.cons.injEq, and_true,
      true_and]
    omega
  | case2 us vs h =>
    cases us with
    | nil => cases vs <;> simp_all [hiPlane, loPlane]
    | cons u us => cases vs with
      | nil => simp at hlen
      | cons v vs => exact absurd rfl (h u us v vs rfl)

example : (joinPlanes [15, 0] [7, 1]).length = 2 ∧ hiPlane (joinPlanes [15, 0] [7, 1]) = [15, 0] ∧
    loPlane (joinPlanes [15, 0] [7, 1]) = [7, 1] := planes_joinPlanes (by decide) (by decide) (by decide)

/-! ### Reading back -/

/-- The planar layout reads back: any number of codes, odd ones and the tails of both planes included. -/
theorem unpackPlanar_packPlanar (codes : List Code) : unpackPlanar codes.length (packPlanar codes) = some codes := by
  have hlen : (packBits 4 (hiPlane codes)).length = bitSize 4 codes.length := by
    rw [length_packBits, hiPlane, List.length_map]
  have hhi := unpackBits_packBits (allBelow_hiPlane codes)
  have hlo := unpackBits_packBits (allBelow_loPlane codes)
  rw [hiPlane, List.length_map, ← hiPlane] at hhi
  rw [loPlane, List.length_map, ← loPlane] at hlo
  simp only [unpackPlanar, packPlanar_eq, splitBytes_eq, ← hlen, List.take_left, List.drop_left]
  rw [hhi, hlo]
  exact congrArg some (joinPlanes_planes codes)

/-- Planes of as many codes are equal only if the codes are. -/
theorem packPlanar_injective {codes codes' : List Code} (hlen : codes.length = codes'.length)
    (h : packPlanar codes = packPlanar codes') : codes = codes' := by
  have hf := unpackPlanar_packPlanar codes
  have hf1 := unpackPlanar_packPlanar codes'
  grind

example : packPlanar [1, 2] ≠ packPlanar [2, 1] :=
  fun h => absurd (packPlanar_injective (codes := [1, 2]) (codes' := [2, 1]) rfl h) (by decide)

/-- A planar layout has only one reading, and no second one has the same: packing what was read gives the bytes back. -/
theorem packPlanar_unpackPlanar {n : Nat} {bytes : List Nat} {codes : List Code}
    (h : unpackPlanar n bytes = some codes) : packPlanar codes = bytes ∧ codes.length = n := by
  simp only [unpackPlanar, splitBytes_eq] at h
  split at h
  case h_1 us vs hus hvs =>
    obtain rfl := Option.some.inj h
    have ⟨pu, lu, bu⟩ := packBits_unpackBits hus
    have ⟨pv, lv, bv⟩ := packBits_unpackBits hvs
    have ⟨hn, hhi, hlo⟩ := planes_joinPlanes (lu.trans lv.symm) bu bv
    exact ⟨by rw [packPlanar_eq, hhi, hlo, pu, pv, List.take_append_drop], hn.trans lu⟩
  case h_2 => exact absurd h (by simp)

example : packPlanar [127, 1] = [15, 15] ∧ [(127 : Code), 1].length = 2 :=
  packPlanar_unpackPlanar (n := 2) (by decide)

/-- Exactly the planar layouts of `n` codes are accepted. -/
theorem exists_unpackPlanar_iff {n : Nat} {bytes : List Nat} :
    (∃ codes, unpackPlanar n bytes = some codes) ↔ ∃ codes, codes.length = n ∧ packPlanar codes = bytes :=
  ⟨fun ⟨codes, h⟩ => ⟨codes, (packPlanar_unpackPlanar h).2, (packPlanar_unpackPlanar h).1⟩,
   fun ⟨codes, hn, hb⟩ => ⟨codes, by rw [← hn, ← hb]; exact unpackPlanar_packPlanar codes⟩⟩

/-- A planar layout of the wrong length is rejected. -/
theorem unpackPlanar_reject_length {n : Nat} {bytes : List Nat} (h : bytes.length ≠ planarSize n) :
    unpackPlanar n bytes = none := by
  cases hc : unpackPlanar n bytes with
  | none => rfl
  | some codes =>
    have ⟨hb, hn⟩ := packPlanar_unpackPlanar hc
    exact absurd (by rw [← hb, length_packPlanar, hn]) h

example : unpackPlanar 2 [15] = none := unpackPlanar_reject_length (by decide)

/-! ### Where the slots lie -/

/-- The upper slot of code `i` is the lower half of byte `i / 2` if `i` is even, its upper half if `i` is odd. -/
theorem packPlanar_hi (codes : List Code) {i : Nat} (hi : i < codes.length) :
    ((packPlanar codes)[i / 2]'(by rw [length_packPlanar, planarSize, bitSize]; omega)) / 16 ^ (i % 2) % 16 =
      codes[i].val / 8 := by
  have hlen : (hiPlane codes).length = codes.length := List.length_map ..
  have hbyte : i / 2 < (packBits 4 (hiPlane codes)).length := by rw [length_packBits, hlen, bitSize]; omega
  have hdigit := getElem_eq_ofDigits (allBelow_hiPlane codes) (i := i) (by omega)
  have hpower : (2 ^ 4) ^ i = 256 ^ (i / 2) * 16 ^ (i % 2) := by
    rw [show 2 ^ 4 = 16 from rfl, show 256 = 16 ^ 2 from rfl, ← Nat.pow_mul, ← Nat.pow_add, Nat.div_add_mod]
  have hcode : (hiPlane codes)[i]'(by omega) = codes[i].val / 8 := by simp [hiPlane]
  simp only [packPlanar_eq, List.getElem_append_left hbyte]
  rw [← hcode, hdigit, hpower, ← Nat.div_div_eq_div_mul]
  simp only [packBits, getElem_toDigits]
  generalize ofDigits (2 ^ 4) (hiPlane codes) / 256 ^ (i / 2) = x
  rcases Nat.mod_two_eq_zero_or_one i with h | h <;> rw [h]
  · rw [Nat.pow_zero, Nat.div_one, Nat.div_one]
    exact Nat.mod_mod_of_dvd _ (by decide)
  · rw [Nat.pow_one, ← Nat.mod_mul_right_div_self, ← Nat.mod_mul_right_div_self, Nat.mod_mod]

example : (packPlanar [127, 8, 120])[1] / 16 ^ 0 % 16 = 120 / 8 := packPlanar_hi [127, 8, 120] (i := 2) (by decide)

/-- Bit `j` of the lower slot of code `i` is bit `(3 i + j) % 8` of byte `(3 i + j) / 8` of the second plane. -/
theorem packPlanar_lo (codes : List Code) {i j : Nat} (hi : i < codes.length) (hj : j < 3) :
    ((packPlanar codes)[bitSize 4 codes.length + (3 * i + j) / 8]'(by
      rw [length_packPlanar, planarSize, bitSize, bitSize]; omega)).testBit ((3 * i + j) % 8) =
      (codes[i].val % 8).testBit j := by
  have hlen : (packBits 4 (hiPlane codes)).length = bitSize 4 codes.length := by
    rw [length_packBits, hiPlane, List.length_map]
  have hbit := packBits_bit (allBelow_loPlane codes) (i := i) (j := j) (by simpa [loPlane] using hi) hj
  have hcode : (loPlane codes)[i]'(by simpa [loPlane] using hi) = codes[i].val % 8 := by simp [loPlane]
  rw [hcode] at hbit
  rw [← hbit]
  congr 1
  simp only [packPlanar_eq]
  rw [List.getElem_append_right (by omega)]
  simp only [hlen, Nat.add_sub_cancel_left]

example : (packPlanar [127, 8, 3])[2].testBit 6 = Nat.testBit 3 0 :=
  packPlanar_lo [127, 8, 3] (i := 2) (j := 0) (by decide) (by decide)

/-! ### From the stream to the planar layout and back -/

/-- From the stream to planes and back nothing changes. -/
theorem streamOfPlanar_planarOfStream {n : Nat} {stream planar : List Nat} (h : planarOfStream n stream = some planar) :
    streamOfPlanar n planar = some stream := by
  obtain ⟨codes, hc, rfl⟩ := Option.map_eq_some_iff.1 h
  obtain ⟨rfl, rfl⟩ := packStream_unpackStream hc
  simp [streamOfPlanar, unpackPlanar_packPlanar]

example : streamOfPlanar 2 [15, 15] = some [255, 0] := streamOfPlanar_planarOfStream (n := 2) (by decide)

/-- From planes to the stream and back nothing changes. -/
theorem planarOfStream_streamOfPlanar {n : Nat} {stream planar : List Nat}
    (h : streamOfPlanar n planar = some stream) :
    planarOfStream n stream = some planar := by
  obtain ⟨codes, hc, rfl⟩ := Option.map_eq_some_iff.1 h
  obtain ⟨rfl, rfl⟩ := packPlanar_unpackPlanar hc
  simp [planarOfStream, unpackStream_packStream]

example : planarOfStream 2 [255, 0] = some [15, 15] := planarOfStream_streamOfPlanar (n := 2) (by decide)

/-- Every stream of `n` codes has a planar layout, and every planar layout of `n` codes a stream: both accept as many. -/
theorem planar_stream_bijection (n : Nat) (codes : List Code) (h : codes.length = n) :
    planarOfStream n (packStream codes) = some (packPlanar codes) ∧
    streamOfPlanar n (packPlanar codes) = some (packStream codes) := by
  subst h
  simp [planarOfStream, streamOfPlanar, unpackStream_packStream, unpackPlanar_packPlanar]

example : planarOfStream 2 (packStream [127, 1]) = some (packPlanar [127, 1]) :=
  (planar_stream_bijection 2 [127, 1] (by decide)).1

end Q35
