module

public import Q35.AlignedAdder

@[expose] public section

/-! Sums and dot products: in parts, in another order, scaled. -/

namespace Q35

/-- A dot product in two parts: what tiles rest on. -/
theorem dotInt_append {as qs : List Int} (h : as.length = qs.length) (as' qs' : List Int) :
    dotInt (as ++ as') (qs ++ qs') = dotInt as qs + dotInt as' qs' := by
  sorry

/-- The largest size of scaled weights: the step scales with the block. -/
theorem maxAbs_map_mul (k : Rat) (ws : List Rat) : maxAbs (ws.map (k * ·)) = abs k * maxAbs ws := by
  sorry

/-- Bounding a dot product by the largest size of one factor and the sum of the other's. -/
theorem abs_dotRat_le (xs ws : List Rat) : abs (dotRat xs ws) ≤ sumRat (xs.map abs) * maxAbs ws := by
  sorry
