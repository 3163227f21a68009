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
  sorry

/-- The digits of zero. -/
theorem field_stream_2 (b n : Nat) : toDigits b n 0 = List.replicate n 0 := by
  sorry

/-- More digits continue where fewer stop. -/
theorem field_stream_3 (b m n v : Nat) : toDigits b (m + n) v = toDigits b m v ++ toDigits b n (v / b ^ m) := by
  sorry

/-- One digit. -/
theorem field_stream_4 (b a : Nat) : ofDigits b [a] = a := by
  sorry

/-- A stream's number has 7 bits a code. -/
theorem field_stream_5 (codes : List Code) : streamValue codes < 128 ^ codes.length := by
  sorry

/-- Two streams take at least as many bytes as one with all codes. -/
theorem field_stream_6 (m n : Nat) : streamSize (m + n) ≤ streamSize m + streamSize n := by
  sorry

/-- The lowest digit is what is left after division. -/
theorem field_stream_7 (b d : Nat) (ds : List Nat) (h : d < b) : ofDigits b (d :: ds) % b = d := by
  sorry

/-- Longer streams take no fewer bytes. -/
theorem field_stream_8 (w m n : Nat) (h : m ≤ n) : bitSize w m ≤ bitSize w n := by
  sorry

/-- Both parts of a list have digits below the base exactly when the whole has. -/
theorem field_stream_9 (b : Nat) (xs ys : List Nat) : allBelow b (xs ++ ys) = (allBelow b xs && allBelow b ys) := by
  sorry

/-- Digits below a base are below a larger one. -/
theorem field_stream_10 (a b : Nat) (xs : List Nat) (h : a ≤ b) (hx : allBelow a xs) : allBelow b xs := by
  sorry

/-- As many codes as asked for. -/
theorem field_stream_11 (n v : Nat) : (codesOf n v).length = n := by
  sorry

/-- Zeros stand for zero. -/
theorem field_stream_12 (b n : Nat) : ofDigits b (List.replicate n 0) = 0 := by
  sorry

/-- The stream of one code is its byte. -/
theorem field_stream_13 (c : Code) : packStream [c] = [c.val] := by
  sorry

/-- A digit is read where it was written. -/
theorem field_stream_14 (b n v : Nat) : (toDigits b (n + 1) v).head? = some (v % b) := by
  sorry

/-- A stream of codes reads back, also as part of a larger computation. -/
theorem field_stream_15 (w : Nat) (codes : List Nat) (h : allBelow (2 ^ w) codes) :
    (unpackBits w codes.length (packBits w codes)).map List.sum = some codes.sum := by
  sorry

/-- Every digit taken modulo the base is a digit. -/
theorem field_stream_16 (b : Nat) (hb : 0 < b) (xs : List Nat) : allBelow b (xs.map (· % b)) := by
  sorry
