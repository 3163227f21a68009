module

public import Q35.Accumulate
public import Q35.Codebook

@[expose] public section

/-! The largest safe row of the learned table in int32. -/

namespace Q35

/-- The learned table: 100,462 pairs (200,924 weights) are safe, and one more can overflow. -/
theorem maxSafePairs_codebook : maxSafePairs codebookTable = 100462 := by
  have h : leastPair 128 codebookTable = -21209 ∧ greatestPair 128 codebookTable = 21376 :=
    extremes_eq (c₀ := 7) (c₁ := 7) (by decide +kernel) (by decide +kernel) (by decide +kernel)
  rw [maxSafePairs, h.1, h.2]
  decide

/-- The learned table overflows int32 with 100,463 pairs. -/
theorem codebook_overflow : ∃ a c, (InInt8 a.1 ∧ InInt8 a.2) ∧
    ¬InInt32 (dot codebookTable (.replicate 100463 a) (.replicate 100463 c)) := by
  have := maxSafePairs_tight (T := codebookTable) (c₀ := 0) (by decide +kernel)
  rwa [maxSafePairs_codebook] at this

/-- The int32 dot product of a row of the learned table is exact up to 100,462 pairs. -/
theorem codebook_dot32_eq_dot {as : List (Int × Int)} {codes : List Code} (h : ∀ a ∈ as, InInt8 a.1 ∧ InInt8 a.2)
    (hK : codes.length ≤ 100462) : dot32 codebookTable as codes = dot codebookTable as codes :=
  dot32_eq_dot codebookTable h (by rw [maxSafePairs_codebook]; exact hK)

example : dot32 codebookTable [(-128, 127)] [3] = dot codebookTable [(-128, 127)] [3] :=
  codebook_dot32_eq_dot (by decide) (by decide)

end Q35
