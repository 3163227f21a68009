import Q35.Accumulate
import Q35.Bits
import Q35.MxScale
import Q35.Size
import Q35.Slot
import Q35.Table

open Q35

/-! The nearest entry of a table, distances, and covered regions. -/

/-- A distance in the plane is at least that in the first coordinate. -/
theorem field_nearest_1 (p : Rat × Rat) (e : Int × Int) : (p.1 - e.1) * (p.1 - e.1) ≤ distSq p e := by
  sorry

/-- Of one entry the nearest is that one. -/
theorem field_nearest_2 (T : Table 1) (p : Rat × Rat) : nearest T p = 0 := by
  sorry

/-- The step 0 gives zeros. -/
theorem field_nearest_3 (T : Table 128) (c : Code) : dequantize T 0 c = (0, 0) := by
  sorry

/-- A multiple of the step is the same multiple of the weights. -/
theorem field_nearest_4 (T : Table 128) (k d : Rat) (c : Code) :
    dequantize T (k * d) c = (k * (dequantize T d c).1, k * (dequantize T d c).2) := by
  sorry

/-- What is covered within a radius is covered within a larger one. -/
theorem field_nearest_5 (T : Table 128) (region : Rat × Rat → Prop) (r s : Rat) (h : Covers T region r) (hr : 0 ≤ r)
    (hs : r ≤ s) : Covers T region s := by
  sorry

/-- A part of a covered region is covered. -/
theorem field_nearest_6 (T : Table 128) (region part : Rat × Rat → Prop) (r : Rat) (h : Covers T region r)
    (hp : ∀ p, part p → region p) : Covers T part r := by
  sorry

/-- More entries cover at least as much. -/
theorem field_nearest_7 (T T' : Table 128) (region : Rat × Rat → Prop) (r : Rat) (h : Covers T region r)
    (hT : ∀ c, ∃ c', T' c' = T c) : Covers T' region r := by
  sorry

/-- Only an entry is at distance zero from itself. -/
theorem field_nearest_8 (p : Rat × Rat) (e : Int × Int) (h : distSq p e = 0) : p.1 = e.1 ∧ p.2 = e.2 := by
  sorry

/-- Distances do not depend on the direction. -/
theorem field_nearest_9 (p q : Rat × Rat) : pointDistSq p q = pointDistSq q p := by
  sorry

/-- Distances scale with the square. -/
theorem field_nearest_10 (k : Rat) (p q : Rat × Rat) :
    pointDistSq (k * p.1, k * p.2) (k * q.1, k * q.2) = k * k * pointDistSq p q := by
  sorry

/-- A nearer entry than all others is found. -/
theorem field_nearest_11 (T : Table 128) (p : Rat × Rat) (c : Code)
    (h : ∀ c', c' ≠ c → distSq p (T c) < distSq p (T c')) : nearest T p = c := by
  sorry

/-- The nearest entry of a symmetric table is no farther than the opposite one. -/
theorem field_nearest_12 (T : Table 128) (p : Rat × Rat) (flip : Code → Code) :
    distSq p (T (nearest T p)) ≤ distSq p (T (flip (nearest T p))) := by
  sorry

/-- Two entries with the same distance are equally far from twice the point and twice themselves. -/
theorem field_nearest_13 (p : Rat × Rat) (a b : Int × Int) (h : distSq p a = distSq p b) :
    distSq (2 * p.1, 2 * p.2) (2 * a.1, 2 * a.2) = distSq (2 * p.1, 2 * p.2) (2 * b.1, 2 * b.2) := by
  sorry

/-- A point within `r` of an entry and within `s` of another: the entries are within `r + s`. -/
theorem field_nearest_14 (p : Rat × Rat) (a b : Int × Int) (r s : Rat) (hr : 0 ≤ r) (hs : 0 ≤ s)
    (ha : distSq p a ≤ r * r) (hb : distSq p b ≤ s * s) : distSq (entryPoint a) b ≤ (r + s) * (r + s) := by
  sorry
