module

public import Q35.Bits
public import Q35.MxSize

@[expose] public section

/-! How a Microscaling (MX) block is stored. The standard prescribes no layout: here the byte of the scale comes first,
then the elements as a stream of their width without gaps. Two elements of MXFP4 share a byte, in one of two orders. -/

namespace Q35

/-- Which elements of an MXFP4 block share a byte; the first one of the two has its low nibble. -/
inductive NibbleOrder where
  /-- Neighbours: byte `j` has the elements `2 j` and `2 j + 1`, as in torch. -/
  | lowFirst
  /-- Halves: byte `j` has the elements `j` and `j + 16`, as in ggml. -/
  | halves
  deriving DecidableEq

/-! ### Definitions -/

/-- Two lists, taken in turn. -/
def interleave : List Nat → List Nat → List Nat
  | a :: as, b :: bs => a :: b :: interleave as bs
  | _, _ => []

/-- A list whose entries are dealt out in turn to two lists: the inverse of `interleave`. -/
def deal : List Nat → List Nat × List Nat
  | a :: b :: rest => (a :: (deal rest).1, b :: (deal rest).2)
  | _ => ([], [])

/-- The first `n` entries of a list, and the others. -/
def cut : Nat → List Nat → List Nat × List Nat
  | n + 1, x :: xs => (x :: (cut n xs).1, (cut n xs).2)
  | _, xs => ([], xs)

/-- The elements of a block in the order of their storage. -/
def storageOrder (order : NibbleOrder) (E : MxElement) (elements : List Nat) : List Nat :=
  match E, order with
  | .e2m1, .halves => interleave (cut 16 elements).1 (cut 16 elements).2
  | _, _ => elements

/-- The elements of a block from the order of their storage. -/
def blockOrder (order : NibbleOrder) (E : MxElement) (stored : List Nat) : List Nat :=
  match E, order with
  | .e2m1, .halves => (deal stored).1.foldr List.cons (deal stored).2
  | _, _ => stored

/-- The bytes of a block: its scale, then its elements. -/
def mxBlockBytes (order : NibbleOrder) (E : MxElement) (B : MxBlock) : List Nat :=
  B.scale :: packBits E.width (storageOrder order E B.elements)

/-- The block that bytes stand for; `none` if they are too few or too many, or one is not a byte. -/
def mxBlockOfBytes (order : NibbleOrder) (E : MxElement) : List Nat → Option MxBlock
  | [] => none
  | scale :: rest =>
    match unpackBits E.width mxBlockSize rest with
    | none => none
    | some stored => if scale < 256 then some ⟨scale, blockOrder order E stored⟩ else none

/-! ### Orders -/

/-- What is taken in turn from lists of the same length is dealt back. -/
theorem deal_interleave {as bs : List Nat} (h : as.length = bs.length) : deal (interleave as bs) = (as, bs) := by
  induction as generalizing bs with
  | nil => cases bs with
    | nil => rfl
    | cons b bs => simp at h
  | cons a as ih => cases bs with
    | nil => simp at h
    | cons b bs => simp [interleave, deal, ih (by simpa using h)]

example : deal (interleave [1, 2] [3, 4]) = ([1, 2], [3, 4]) := deal_interleave rfl

/-- The two parts of a list make the list. -/
theorem cut_append (n : Nat) (xs : List Nat) : (cut n xs).1 ++ (cut n xs).2 = xs := by
  induction n generalizing xs with
  | zero => rfl
  | succ n ih => cases xs with
    | nil => rfl
    | cons x xs => simp [cut, ih]

/-- The first part has `n` entries, if there are so many. -/
theorem length_cut {n : Nat} {xs : List Nat} (h : n ≤ xs.length) : (cut n xs).1.length = n := by
  induction n generalizing xs with
  | zero => rfl
  | succ n ih => cases xs with
    | nil => simp at h
    | cons x xs => simp [cut, ih (by simpa using h)]

example : (cut 2 [5, 6, 7]).1.length = 2 := length_cut (by decide)

/-- Both parts of 32 elements have 16. -/
theorem length_halves {elements : List Nat} (h : elements.length = mxBlockSize) :
    (cut 16 elements).1.length = 16 ∧ (cut 16 elements).2.length = 16 := by
  have h₁ := length_cut (n := 16) (xs := elements) (by rw [h]; decide)
  have h₂ := congrArg List.length (cut_append 16 elements)
  rw [List.length_append, h, h₁, mxBlockSize] at h₂
  exact ⟨h₁, by omega⟩

example : (cut 16 (List.range 32)).2.length = 16 := (length_halves (by decide)).2

/-- Two lists of the same length, taken in turn, have all their entries. -/
theorem mem_interleave {as bs : List Nat} {x : Nat} (h : x ∈ interleave as bs) : x ∈ as ++ bs := by
  induction as generalizing bs with
  | nil => simp [interleave] at h
  | cons a as ih => cases bs with
    | nil => simp [interleave] at h
    | cons b bs =>
      simp only [interleave, List.mem_cons] at h
      have := @ih bs
      simp only [List.mem_append, List.mem_cons] at *
      rcases h with h | h | h
      · exact .inl (.inl h)
      · exact .inr (.inl h)
      · rcases this h with h | h
        · exact .inl (.inr h)
        · exact .inr (.inr h)

example : (3 : Nat) ∈ [1, 2] ++ [3, 4] := mem_interleave (by decide)

/-- Two lists of the same length, taken in turn, have twice as many entries. -/
theorem length_interleave {as bs : List Nat} (h : as.length = bs.length) :
    (interleave as bs).length = 2 * as.length := by
  induction as generalizing bs with
  | nil => simp [interleave]
  | cons a as ih => cases bs with
    | nil => simp at h
    | cons b bs =>
      have := ih (bs := bs) (by simpa using h)
      simp only [interleave, List.length_cons]
      omega

example : (interleave [1, 2] [3, 4]).length = 2 * 2 := length_interleave (as := [1, 2]) rfl

/-- As many elements are stored as the block has, and no others. -/
theorem storageOrder_spec (order : NibbleOrder) (E : MxElement) {elements : List Nat}
    (h : elements.length = mxBlockSize) :
    (storageOrder order E elements).length = mxBlockSize ∧ (∀ b ∈ storageOrder order E elements, b ∈ elements) ∧
      blockOrder order E (storageOrder order E elements) = elements := by
  have ⟨h₁, h₂⟩ := length_halves h
  have hlen := length_interleave (h₁.trans h₂.symm)
  have hdeal := deal_interleave (h₁.trans h₂.symm)
  have happend := cut_append 16 elements
  have halves : (interleave (cut 16 elements).1 (cut 16 elements).2).length = mxBlockSize ∧
      (∀ b ∈ interleave (cut 16 elements).1 (cut 16 elements).2, b ∈ elements) ∧
      (deal (interleave (cut 16 elements).1 (cut 16 elements).2)).1.foldr List.cons
        (deal (interleave (cut 16 elements).1 (cut 16 elements).2)).2 = elements := by
    refine ⟨by rw [hlen, h₁]; rfl, fun b hb => ?_, ?_⟩
    · have := mem_interleave hb
      rwa [happend] at this
    · rw [hdeal]
      simpa using happend
  cases E <;> cases order <;> first | exact halves | exact ⟨h, fun _ hb => hb, rfl⟩

example : (storageOrder .halves .e2m1 (List.range 32)).length = mxBlockSize :=
  (storageOrder_spec .halves .e2m1 (by decide)).1

/-! ### Bytes -/

/-- A block of 32 elements takes its scale's byte and `4 * width` more: 17 bytes in MXFP4, 25 in MXFP6, 33 in MXFP8 and
MXINT8. -/
theorem length_mxBlockBytes (order : NibbleOrder) (E : MxElement) {B : MxBlock} (h : B.elements.length = mxBlockSize) :
    (mxBlockBytes order E B).length = mxBlockBits E / 8 := by
  rw [mxBlockBytes, List.length_cons, length_packBits, (storageOrder_spec order E h).1]
  cases E <;> rfl

example : (mxBlockBytes .halves .e2m1 ⟨127, List.range 32⟩).length = mxBlockBits .e2m1 / 8 :=
  length_mxBlockBytes .halves .e2m1 (by decide)

/-- A stored block reads back: its scale and all of its elements, in each format and order. -/
theorem mxBlockOfBytes_mxBlockBytes (order : NibbleOrder) (E : MxElement) {B : MxBlock}
    (h : B.elements.length = mxBlockSize) (hscale : B.scale < 256) (helements : ∀ b ∈ B.elements, b < 2 ^ E.width) :
    mxBlockOfBytes order E (mxBlockBytes order E B) = some B := by
  have ⟨hlen, hmem, hback⟩ := storageOrder_spec order E h
  have hunpack := unpackBits_packBits (allBelow_iff.2 fun b hb => helements b (hmem b hb))
  rw [hlen] at hunpack
  simp only [mxBlockOfBytes, mxBlockBytes, hunpack, if_pos hscale, hback]

example : mxBlockOfBytes .halves .e2m1 (mxBlockBytes .halves .e2m1 ⟨127, List.replicate 32 7⟩) =
    some ⟨127, List.replicate 32 7⟩ :=
  mxBlockOfBytes_mxBlockBytes .halves .e2m1 (by decide) (by decide) (by decide)

/-- A quantized block of 32 values, stored, reads back. -/
theorem mxBlockOfBytes_quantizeBlockMx (order : NibbleOrder) (P : MxPolicy) (E : MxElement)
    {values : List (Option Rat)} (h : values.length = mxBlockSize) :
    mxBlockOfBytes order E (mxBlockBytes order E (quantizeBlockMx P E values)) = some (quantizeBlockMx P E values) := by
  refine mxBlockOfBytes_mxBlockBytes order E ?_ ?_ fun b hb => ?_
  · rw [length_quantizeBlockMx, h]
  · exact Nat.lt_of_le_of_lt (mxScaleBits_le P E values) (by decide)
  · simp only [quantizeBlockMx, List.mem_map] at hb
    obtain ⟨value, -, rfl⟩ := hb
    rw [mxElementBits.eq_def]
    split
    · exact E.ofRat_lt ..
    · exact Nat.two_pow_pos _

example : mxBlockOfBytes .lowFirst .e3m2 (mxBlockBytes .lowFirst .e3m2
    (quantizeBlockMx .standard .e3m2 (List.replicate 32 (some 5)))) =
    some (quantizeBlockMx .standard .e3m2 (List.replicate 32 (some 5))) :=
  mxBlockOfBytes_quantizeBlockMx .lowFirst .standard .e3m2 (by decide)

/-- A byte of MXFP4 has its first element in the low nibble. -/
theorem packBits_four {a b : Nat} (ha : a < 16) (hb : b < 16) (rest : List Nat) :
    packBits 4 (a :: b :: rest) = (a + 16 * b) :: packBits 4 rest := by
  have hsize : bitSize 4 (rest.length + 1 + 1) = bitSize 4 rest.length + 1 := by unfold bitSize; omega
  simp only [packBits, List.length_cons, hsize, toDigits, ofDigits]
  congr 1
  · omega
  · congr 1
    omega

example : packBits 4 [1, 2, 3, 4] = (1 + 16 * 2) :: packBits 4 [3, 4] := packBits_four (by decide) (by decide) _

/-- In the order `lowFirst` the bytes of the elements 0, 1, …, 15, 0, 1, …, 15 are `0x10`, `0x32`, …; in the order
`halves` they are `0x00`, `0x11`, …: a block read in the other order is another block. -/
theorem mxBlockBytes_orders :
    mxBlockBytes .lowFirst .e2m1 ⟨127, List.range 16 ++ List.range 16⟩ =
      [127, 0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE, 0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE] ∧
    mxBlockBytes .halves .e2m1 ⟨127, List.range 16 ++ List.range 16⟩ =
      [127, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF] := by
  decide +kernel

/-- MXFP6 packs 4 elements into 3 bytes, from the low bits up. -/
theorem mxBlockBytes_six :
    (mxBlockBytes .lowFirst .e2m3 ⟨127, [1, 2, 3, 4, 63] ++ List.replicate 27 0⟩).take 7 =
      [127, 0x81, 0x30, 0x10, 0x3F, 0x00, 0x00] := by
  decide +kernel

end Q35
