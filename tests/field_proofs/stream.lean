import Q35.Accumulate
import Q35.Bits
import Q35.MxScale
import Q35.Size
import Q35.Slot
import Q35.Table

open Q35

/-! Digits, streams of codes, and their bytes. -/

/-- Digits one after the other. -/
theorem field_stream_1 (b : Nat) (xs ys : List Nat) :
    ofDigits b (xs ++ ys) = ofDigits b xs + b ^ xs.length * ofDigits b ys := by
  induction xs with
  | nil => simp [ofDigits]
  | cons x xs ih =>
    simp only [List.cons_append, ofDigits, ih, List.length_cons, Nat.pow_succ]
    grind

/-- The digits of zero. -/
theorem field_stream_2 (b n : Nat) : toDigits b n 0 = List.replicate n 0 := by
  induction n with
  | zero => rfl
  | succ n ih => simp [toDigits, ih, List.replicate_succ]

/-- More digits continue where fewer stop. -/
theorem field_stream_3 (b m n v : Nat) : toDigits b (m + n) v = toDigits b m v ++ toDigits b n (v / b ^ m) := by
  induction m generalizing v with
  | zero => simp [toDigits]
  | succ m ih => rw [Nat.succ_add, toDigits, toDigits, ih, List.cons_append, Nat.pow_succ', Nat.div_div_eq_div_mul]

/-- One digit. -/
theorem field_stream_4 (b a : Nat) : ofDigits b [a] = a := by
  simp [ofDigits]

/-- A stream's number has 7 bits a code. -/
theorem field_stream_5 (codes : List Code) : streamValue codes < 128 ^ codes.length := by
  induction codes with
  | nil => simp [streamValue]
  | cons c cs ih =>
    rw [streamValue, List.length_cons, Nat.pow_succ]
    omega

/-- Two streams take at least as many bytes as one with all codes. -/
theorem field_stream_6 (m n : Nat) : streamSize (m + n) ≤ streamSize m + streamSize n := by
  unfold streamSize
  omega

/-- The lowest digit is what is left after division. -/
theorem field_stream_7 (b d : Nat) (ds : List Nat) (h : d < b) : ofDigits b (d :: ds) % b = d := by
  rw [ofDigits, Nat.add_mul_mod_self_left, Nat.mod_eq_of_lt h]

/-- Longer streams take no fewer bytes. -/
theorem field_stream_8 (w m n : Nat) (h : m ≤ n) : bitSize w m ≤ bitSize w n := by
  have := Nat.mul_le_mul_left w h
  unfold bitSize
  omega

/-- Both parts of a list have digits below the base exactly when the whole has. -/
theorem field_stream_9 (b : Nat) (xs ys : List Nat) : allBelow b (xs ++ ys) = (allBelow b xs && allBelow b ys) := by
  induction xs with
  | nil => rfl
  | cons x xs ih => simp [allBelow, ih, Bool.and_assoc]

/-- Digits below a base are below a larger one. -/
theorem field_stream_10 (a b : Nat) (xs : List Nat) (h : a ≤ b) (hx : allBelow a xs) : allBelow b xs := by
  rw [allBelow_iff] at *
  intro d hd
  exact Nat.lt_of_lt_of_le (hx d hd) h

/-- As many codes as asked for. -/
theorem field_stream_11 (n v : Nat) : (codesOf n v).length = n := by
  induction n generalizing v with
  | zero => rfl
  | succ n ih => simp [codesOf, ih]

/-- Zeros stand for zero. -/
theorem field_stream_12 (b n : Nat) : ofDigits b (List.replicate n 0) = 0 := by
  induction n with
  | zero => rfl
  | succ n ih => simp [List.replicate_succ, ofDigits, ih]

/-- The stream of one code is its byte. -/
theorem field_stream_13 (c : Code) : packStream [c] = [c.val] := by
  have := c.isLt
  simp [packStream, streamSize, streamValue, toDigits]
  omega

/-- A digit is read where it was written. -/
theorem field_stream_14 (b n v : Nat) : (toDigits b (n + 1) v).head? = some (v % b) := by
  rfl

/-- A stream of codes reads back, also as part of a larger computation. -/
theorem field_stream_15 (w : Nat) (codes : List Nat) (h : allBelow (2 ^ w) codes) :
    (unpackBits w codes.length (packBits w codes)).map List.sum = some codes.sum := by
  rw [unpackBits_packBits h]
  rfl

/-- Every digit taken modulo the base is a digit. -/
theorem field_stream_16 (b : Nat) (hb : 0 < b) (xs : List Nat) : allBelow b (xs.map (· % b)) := by
  rw [allBelow_iff]
  intro d hd
  obtain ⟨x, _, rfl⟩ := List.mem_map.mp hd
  exact Nat.mod_lt x hb
