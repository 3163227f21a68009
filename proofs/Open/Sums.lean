module

public import Q35.AlignedAdder

@[expose] public section

/-! Sums and dot products: in parts, in another order, scaled. -/

namespace Q35

/-- int32 sums of two parts, added in int32, are the int32 sum of the whole: a product may be split over threads. -/
theorem sum32_append (us vs : List Int) : sum32 (us ++ vs) = wrap32 (sum32 us + sum32 vs) := by
  sorry

/-- An integer dot product does not mind which factor is the weight. -/
theorem dotInt_comm (as qs : List Int) : dotInt as qs = dotInt qs as := by
  sorry

/-- A dot product in two parts: what tiles rest on. -/
theorem dotInt_append {as qs : List Int} (h : as.length = qs.length) (as' qs' : List Int) :
    dotInt (as ++ as') (qs ++ qs') = dotInt as qs + dotInt as' qs' := by
  sorry

/-- A common factor comes out of a sum: steps may be applied last. -/
theorem sumRat_map_mul (k : Rat) (xs : List Rat) : sumRat (xs.map (k * ·)) = k * sumRat xs := by
  sorry

/-- The largest size of scaled weights: the step scales with the block. -/
theorem maxAbs_map_mul (k : Rat) (ws : List Rat) : maxAbs (ws.map (k * ·)) = abs k * maxAbs ws := by
  sorry

/-- The largest size is the least bound of all sizes. -/
theorem maxAbs_le_iff {b : Rat} (hb : 0 ≤ b) {ws : List Rat} : maxAbs ws ≤ b ↔ ∀ w ∈ ws, abs w ≤ b := by
  sorry

/-- Bounding a dot product by the largest size of one factor and the sum of the other's. -/
theorem abs_dotRat_le (xs ws : List Rat) : abs (dotRat xs ws) ≤ sumRat (xs.map abs) * maxAbs ws := by
  sorry
