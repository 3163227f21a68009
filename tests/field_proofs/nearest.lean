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
  have := mul_self_nonneg (p.2 - e.2)
  unfold distSq
  grind

/-- Of one entry the nearest is that one. -/
theorem field_nearest_2 (T : Table 1) (p : Rat × Rat) : nearest T p = 0 := by
  exact Subsingleton.elim _ _

/-- The step 0 gives zeros. -/
theorem field_nearest_3 (T : Table 128) (c : Code) : dequantize T 0 c = (0, 0) := by
  simp [dequantize]

/-- A multiple of the step is the same multiple of the weights. -/
theorem field_nearest_4 (T : Table 128) (k d : Rat) (c : Code) :
    dequantize T (k * d) c = (k * (dequantize T d c).1, k * (dequantize T d c).2) := by
  unfold dequantize
  grind

/-- What is covered within a radius is covered within a larger one. -/
theorem field_nearest_5 (T : Table 128) (region : Rat × Rat → Prop) (r s : Rat) (h : Covers T region r) (hr : 0 ≤ r)
    (hs : r ≤ s) : Covers T region s := by
  intro p hp
  obtain ⟨c, hc⟩ := h p hp
  exact ⟨c, Rat.le_trans hc (mul_le_mul hs hs hr (Rat.le_trans hr hs))⟩

/-- A part of a covered region is covered. -/
theorem field_nearest_6 (T : Table 128) (region part : Rat × Rat → Prop) (r : Rat) (h : Covers T region r)
    (hp : ∀ p, part p → region p) : Covers T part r := by
  intro p hp'
  exact h p (hp p hp')

/-- More entries cover at least as much. -/
theorem field_nearest_7 (T T' : Table 128) (region : Rat × Rat → Prop) (r : Rat) (h : Covers T region r)
    (hT : ∀ c, ∃ c', T' c' = T c) : Covers T' region r := by
  intro p hp
  obtain ⟨c, hc⟩ := h p hp
  obtain ⟨c', hc'⟩ := hT c
  exact ⟨c', hc' ▸ hc⟩

/-- Only an entry is at distance zero from itself. -/
theorem field_nearest_8 (p : Rat × Rat) (e : Int × Int) (h : distSq p e = 0) : p.1 = e.1 ∧ p.2 = e.2 := by
  have h₁ := mul_self_nonneg (p.1 - e.1)
  have h₂ := mul_self_nonneg (p.2 - e.2)
  unfold distSq at h
  have e₁ : (p.1 - e.1) * (p.1 - e.1) = 0 := by
    grind
  have e₂ : (p.2 - e.2) * (p.2 - e.2) = 0 := by
    grind
  exact ⟨by grind, by grind⟩

/-- Distances do not depend on the direction. -/
theorem field_nearest_9 (p q : Rat × Rat) : pointDistSq p q = pointDistSq q p := by
  unfold pointDistSq
  grind

/-- Distances scale with the square. -/
theorem field_nearest_10 (k : Rat) (p q : Rat × Rat) :
    pointDistSq (k * p.1, k * p.2) (k * q.1, k * q.2) = k * k * pointDistSq p q := by
  unfold pointDistSq
  grind

/-- A nearer entry than all others is found. -/
theorem field_nearest_11 (T : Table 128) (p : Rat × Rat) (c : Code)
    (h : ∀ c', c' ≠ c → distSq p (T c) < distSq p (T c')) : nearest T p = c := by
  apply nearest_eq
  · intro c'
    by_cases hc : c' = c
    · rw [hc]
      exact Rat.le_refl
    · exact Rat.le_of_lt (h c' hc)
  · intro c' hc
    exact h c' (Fin.ne_of_lt hc)

/-- The nearest entry of a symmetric table is no farther than the opposite one. -/
theorem field_nearest_12 (T : Table 128) (p : Rat × Rat) (flip : Code → Code) :
    distSq p (T (nearest T p)) ≤ distSq p (T (flip (nearest T p))) := by
  exact distSq_nearest_le T p _

/-- Two entries with the same distance are equally far from twice the point and twice themselves. -/
theorem field_nearest_13 (p : Rat × Rat) (a b : Int × Int) (h : distSq p a = distSq p b) :
    distSq (2 * p.1, 2 * p.2) (2 * a.1, 2 * a.2) = distSq (2 * p.1, 2 * p.2) (2 * b.1, 2 * b.2) := by
  simp only [distSq, Rat.intCast_mul] at *
  grind

/-- A point within `r` of an entry and within `s` of another: the entries are within `r + s`. -/
theorem field_nearest_14 (p : Rat × Rat) (a b : Int × Int) (r s : Rat) (hr : 0 ≤ r) (hs : 0 ≤ s)
    (ha : distSq p a ≤ r * r) (hb : distSq p b ≤ s * s) : distSq (entryPoint a) b ≤ (r + s) * (r + s) := by
  have := triangle_sq (a := a.1 - p.1) (b := a.2 - p.2) (c := p.1 - b.1) (d := p.2 - b.2) hr hs
    (by unfold distSq at ha; grind) (by unfold distSq at hb; grind)
  unfold distSq entryPoint
  grind
