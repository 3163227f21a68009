module

public import Q35.MatMul
public import Q35.Tiled

@[expose] public section

/-! Products with the tiled layout. The kernels multiply int8 activations by operands from 0 to 255, which they look up
in a table or make of the stored code itself, and take the offset of the operands out of each block's sum at its end.
What is left is the exact dot product with the table's entries. -/

namespace Q35

/-! ### Definitions -/

/-- The entries that codes stand for, code by code. -/
def tableEntries (T : Table 128) : List Code → List Int
  | [] => []
  | c :: cs => (T c).1 :: (T c).2 :: tableEntries T cs

/-- The two operands of each byte of the layout. -/
def operandsOf (look : Nat → Int × Int) : List Nat → List Int
  | [] => []
  | b :: bs => (look b).1 :: (look b).2 :: operandsOf look bs

/-- The operands of a byte by look-up: the entries of its code, plus 128. -/
def tableOperands (T : Table 128) (byte : Nat) : Int × Int :=
  ((T (codeOfStored byte)).1 + 128, (T (codeOfStored byte)).2 + 128)

/-- The operands of a byte by arithmetic: bits 3 to 6 where they stand, and bits 0 to 2 shifted to bits 4 to 6. -/
def arithmeticOperands (byte : Nat) : Int × Int := ((byte % 128 / 8 * 8 : Nat), (byte % 8 * 16 : Nat))

/-- The dot product of a block with looked-up operands: the sum of products less 128 times the sum of activations. -/
def tableDot (T : Table 128) (as : List Int) (bytes : List Nat) : Int :=
  dotInt as (operandsOf (tableOperands T) bytes) - 128 * as.sum

/-- The dot product of a block with operands by arithmetic: the sum of products less 64 times the sum of activations,
divided by 8. -/
def arithmeticDot (as : List Int) (bytes : List Nat) : Int :=
  (dotInt as (operandsOf arithmeticOperands bytes) - 64 * as.sum) / 8

/-! ### The operands -/

/-- As many entries as weights. -/
theorem length_tableEntries (T : Table 128) (codes : List Code) :
    (tableEntries T codes).length = 2 * codes.length := by
  induction codes with
  | nil => rfl
  | cons c cs ih => simp only [tableEntries, List.length_cons, ih]; omega

/-- The entries of whole pairs are those of the matrix product's bound. -/
theorem tableEntries_eq_entriesOf (S : Scheme) (codes : List Code) :
    tableEntries S.table codes = entriesOf S (2 * codes.length) codes := by
  induction codes with
  | nil => rfl
  | cons c cs ih => simp only [tableEntries, List.length_cons, Nat.mul_succ, entriesOf, ih]

/-- What a stored code is looked up as, whatever bit 7 of its byte holds of the eighth code of the lane. -/
theorem tableOperands_laneByte (T : Table 128) (width : Width) (codes : Nat → Code) (v : Nat) :
    tableOperands T (laneByte width (fun k => storedCode (codes k)) v) =
      ((T (codes v)).1 + 128, (T (codes v)).2 + 128) := by
  have h : codeOfStored (laneByte width (fun k => storedCode (codes k)) v) = codes v := by
    rw [← codeOfStored_storedCode (codes v), ← laneByte_mod width (codes := fun k => storedCode (codes k)) (v := v)
      (storedCode_lt _), ← storedCode_codeOfStored, codeOfStored_storedCode]
  simp only [tableOperands, h]

/-- What arithmetic makes of a byte: 8 (hi + 8) and 16 (lo + 4) of its code. -/
theorem arithmeticOperands_eq (byte : Nat) :
    arithmeticOperands byte = (8 * (hi (codeOfStored byte) + 8), 16 * (lo (codeOfStored byte) + 4)) := by
  have hstored := storedCode_codeOfStored byte
  have heq := storedCode_eq (codeOfStored byte)
  have hrange := decode_inRange (codeOfStored byte)
  rw [decode_eq] at hrange
  simp only [InRange] at hrange
  simp only [arithmeticOperands, Prod.mk.injEq]
  omega

/-- Looked-up operands of int8 entries are bytes. -/
theorem tableOperands_bounds {T : Table 128} (h : ∀ c, InInt8 (T c).1 ∧ InInt8 (T c).2) (bytes : List Nat) :
    ∀ q ∈ operandsOf (tableOperands T) bytes, 0 ≤ q ∧ q ≤ 255 := by
  induction bytes with
  | nil => simp [operandsOf]
  | cons b bs ih =>
    have := h (codeOfStored b)
    simp only [operandsOf, List.mem_cons, forall_eq_or_imp, tableOperands]
    exact ⟨by omega, by omega, ih⟩

/-- Operands by arithmetic are at most 120. -/
theorem arithmeticOperands_bounds (bytes : List Nat) :
    ∀ q ∈ operandsOf arithmeticOperands bytes, 0 ≤ q ∧ q ≤ 120 := by
  induction bytes with
  | nil => simp [operandsOf]
  | cons b bs ih =>
    simp only [operandsOf, List.mem_cons, forall_eq_or_imp, arithmeticOperands]
    exact ⟨by omega, by omega, ih⟩

/-! ### The products -/

/-- Operands that are `scale` times an entry plus `offset` give `scale` times the dot product plus `offset` times the
sum of the activations. Activations may be fewer than entries: the others count as 0. -/
theorem dotInt_affine (scale offset : Int) {as qs : List Int} (h : as.length ≤ qs.length) :
    dotInt as (qs.map fun q => scale * q + offset) = scale * dotInt as qs + offset * as.sum := by
  induction as generalizing qs with
  | nil => simp [dotInt]
  | cons a as ih =>
    cases qs with
    | nil => simp at h
    | cons q qs =>
      have := ih (qs := qs) (by simpa using h)
      simp only [List.map_cons, dotInt, this, List.sum_cons]
      grind

example : dotInt [3, -5] ([1, 2, 9].map fun q => 8 * q + 64) = 8 * dotInt [3, -5] [1, 2, 9] + 64 * [3, -5].sum :=
  dotInt_affine 8 64 (by decide)

/-- Operands that are the same function of the entries, byte by byte. -/
theorem operandsOf_eq_map {T : Table 128} {look : Nat → Int × Int} {f : Int → Int}
    (h : ∀ b, look b = (f (T (codeOfStored b)).1, f (T (codeOfStored b)).2)) (bytes : List Nat) :
    operandsOf look bytes = (tableEntries T (bytes.map codeOfStored)).map f := by
  induction bytes with
  | nil => rfl
  | cons b bs ih => simp only [operandsOf, List.map_cons, tableEntries, ih, h b]

/-- The product with looked-up operands is the exact dot product with the table's entries, for every table. -/
theorem tableDot_eq (T : Table 128) {as : List Int} {bytes : List Nat} (h : as.length ≤ 2 * bytes.length) :
    tableDot T as bytes = dotInt as (tableEntries T (bytes.map codeOfStored)) := by
  rw [tableDot, operandsOf_eq_map (T := T) (f := fun q => 1 * q + 128) (fun b => by
      simp only [tableOperands, Int.one_mul]),
    dotInt_affine 1 128 (by simpa only [length_tableEntries, List.length_map])]
  omega

/-- The product with operands by arithmetic is the exact dot product with the entries (hi, 2 lo); 8 divides it. -/
theorem arithmeticDot_eq {as : List Int} {bytes : List Nat} (h : as.length ≤ 2 * bytes.length) :
    8 ∣ dotInt as (operandsOf arithmeticOperands bytes) - 64 * as.sum ∧
    arithmeticDot as bytes = dotInt as (tableEntries blockTable (bytes.map codeOfStored)) := by
  have heq : dotInt as (operandsOf arithmeticOperands bytes) - 64 * as.sum =
      8 * dotInt as (tableEntries blockTable (bytes.map codeOfStored)) := by
    rw [operandsOf_eq_map (T := blockTable) (f := fun q => 8 * q + 64) (fun b => by
        simp only [arithmeticOperands_eq, blockTable, arithmeticTable_eq, Prod.mk.injEq]; omega),
      dotInt_affine 8 64 (by simpa only [length_tableEntries, List.length_map])]
    omega
  exact ⟨⟨_, heq⟩, by rw [arithmeticDot, heq]; omega⟩

/-! ### int32 on the way -/

/-- The sum of products of a block of at most 256 weights, the offset's part and what is left of it are int32 numbers.
A part of the sum, in whatever order it is taken, is such a sum of fewer products. -/
theorem operands_inInt32 {as qs : List Int} (ha : ∀ a ∈ as, InInt8 a) (hq : ∀ q ∈ qs, 0 ≤ q ∧ q ≤ 255)
    (hlen : as.length ≤ 256) {offset : Int} (hoffset : 0 ≤ offset ∧ offset ≤ 128) :
    InInt32 (dotInt as qs) ∧ InInt32 (offset * as.sum) ∧ InInt32 (dotInt as qs - offset * as.sum) := by
  have hdot := natAbs_dotInt_le (L := 128) (L' := 255) (fun a h => by have := ha a h; omega) fun q h => by
    have := hq q h; omega
  have hsum := sum_bounds ha
  have hlow := Int.mul_le_mul_of_nonneg_left (show -32768 ≤ as.sum by omega) hoffset.1
  have hhigh := Int.mul_le_mul_of_nonneg_left (show as.sum ≤ 32768 by omega) hoffset.1
  omega

example : InInt32 (dotInt [-128, 127] (operandsOf (tableOperands codebookTable) [3])) :=
  (operands_inInt32 (by decide) (tableOperands_bounds codebookTable_int8 [3]) (by decide) (offset := 128)
    (by decide)).1
example : InInt32 (dotInt [-128, 127] (operandsOf arithmeticOperands [3]) - 64 * [-128, 127].sum) :=
  (operands_inInt32 (by decide) (fun q hq => by have := arithmeticOperands_bounds [3] q hq; omega) (by decide)
    (offset := 64) (by decide)).2.2

/-! ### The hypotheses can be met -/

example : tableDot codebookTable [-128, 127, 5] [3, 200] =
    dotInt [-128, 127, 5] (tableEntries codebookTable ([3, 200].map codeOfStored)) := tableDot_eq _ (by decide)
example : arithmeticDot [-128, 127, 5] [3, 200] =
    dotInt [-128, 127, 5] (tableEntries blockTable ([3, 200].map codeOfStored)) := (arithmeticDot_eq (by decide)).2
example : operandsOf (tableOperands rowTable) [200] = (tableEntries rowTable ([200].map codeOfStored)).map (· + 128) :=
  operandsOf_eq_map (look := tableOperands rowTable) (fun _ => rfl) [200]

end Q35
