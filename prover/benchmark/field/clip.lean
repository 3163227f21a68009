import Q35.Accumulate
import Q35.Bits
import Q35.MxScale
import Q35.Size
import Q35.Slot
import Q35.Table

open Q35

/-! Clipping and quantizing one number. -/

/-- Clipping twice is clipping once. -/
theorem field_clip_1 (low high v : Int) (h : low ≤ high) : clamp low high (clamp low high v) = clamp low high v := by
  sorry

/-- Clipping as a minimum and a maximum. -/
theorem field_clip_2 (low high v : Int) (h : low ≤ high) : clamp low high v = max low (min high v) := by
  sorry

/-- Clipping to an interval around zero commutes with the change of sign. -/
theorem field_clip_3 (b v : Int) (h : 0 ≤ b) : clamp (-b) b (-v) = -clamp (-b) b v := by
  sorry

/-- What is too large becomes the largest number. -/
theorem field_clip_4 : quantizeSlot (-8) 7 100 = 7 := by
  sorry

/-- Clipping brings numbers no further apart. -/
theorem field_clip_5 (low high v w : Int) (h : low ≤ high) :
    (clamp low high v - clamp low high w).natAbs ≤ (v - w).natAbs := by
  sorry

/-- Exactly the numbers of the interval are not clipped. -/
theorem field_clip_6 (low high v : Int) : clamp low high v = v ↔ low ≤ v ∧ v ≤ high := by
  sorry

/-- Clipping to a part of an interval needs no clipping to the whole. -/
theorem field_clip_7 (v : Int) : clamp (-4) 3 (clamp (-8) 7 v) = clamp (-4) 3 v := by
  sorry

/-- A quantized number is quantized to itself. -/
theorem field_clip_8 (low high : Int) (h : low ≤ high) (x : Rat) :
    quantizeSlot low high (quantizeSlot low high x) = quantizeSlot low high x := by
  sorry

/-- The upper slot's numbers have four bits. -/
theorem field_clip_9 (x : Rat) : InSlot 16 (quantizeSlot (-8) 7 x) := by
  sorry

/-- Zero is quantized without error. -/
theorem field_clip_10 (low high : Int) (s : Rat) (hl : low ≤ 0) (hh : 0 ≤ high) : slotError low high s 0 = 0 := by
  sorry

/-- Errors are not negative. -/
theorem field_clip_11 (low high : Int) (s w : Rat) : 0 ≤ slotError low high s w := by
  sorry

/-- A wider interval clips less. -/
theorem field_clip_12 (low high high' v : Int) (h : high ≤ high') : clamp low high v ≤ clamp low high' v := by
  sorry

/-- Two quantized numbers have a code. -/
theorem field_clip_13 (x y : Rat) : (encode (quantizeSlot (-8) 7 x, quantizeSlot (-4) 3 y)).isSome := by
  sorry

/-- What lies between two integers of the slot is quantized to one of them. -/
theorem field_clip_14 (low high n : Int) (hl : low ≤ n) (hh : n + 1 ≤ high) (x : Rat) (h : n ≤ x) (h' : x ≤ (n + 1 : Int)) :
    quantizeSlot low high x = n ∨ quantizeSlot low high x = n + 1 := by
  sorry

/-- With the zero point 0 a number is quantized as without one. -/
theorem field_clip_15 (low high : Int) (s w : Rat) : quantizeAffine low high s 0 w = quantizeSlot low high (w / s) := by
  sorry

/-- The error inside the slot is at most one half. -/
theorem field_clip_16 (x : Rat) (hl : -8 ≤ x) (hh : x ≤ 7) : abs (x - quantizeSlot (-8) 7 x) ≤ 1 / 2 := by
  sorry
