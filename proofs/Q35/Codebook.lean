module

public import Q35.CodebookTable

@[expose] public section

/-! The learned table of the `codebook` scheme: what it holds, and how far a point of the plane can be from it. -/

namespace Q35

/-- The learned table has an entry for each of the 128 codes. -/
theorem size_codebookEntries : codebookEntries.size = 128 := by decide +kernel

/-- The learned table: the pair of integers that each code stands for. -/
def codebookTable : Table 128 := fun c => codebookEntries[c.val]'(by rw [size_codebookEntries]; exact c.isLt)

/-! ### The entries -/

/-- Every entry is a pair of int8. -/
theorem codebookTable_int8 (c : Code) :
    (-128 ≤ (codebookTable c).1 ∧ (codebookTable c).1 ≤ 127) ∧
    (-128 ≤ (codebookTable c).2 ∧ (codebookTable c).2 ≤ 127) := by
  revert c
  decide +kernel

/-- The entries are distinct. -/
theorem codebookTable_injective : ∀ c c', codebookTable c = codebookTable c' → c = c' := by decide +kernel

/-- Encoding what was dequantized gives the code back: the learned table is idempotent. -/
theorem codebook_nearest_dequantize {d : Rat} (hd : d ≠ 0) (c : Code) :
    nearest codebookTable ((dequantize codebookTable d c).1 / d, (dequantize codebookTable d c).2 / d) = c :=
  nearest_dequantize codebookTable_injective hd c

example : nearest codebookTable ((dequantize codebookTable (-1/3) 100).1 / (-1/3),
    (dequantize codebookTable (-1/3) 100).2 / (-1/3)) = 100 := codebook_nearest_dequantize (by decide +kernel) 100

/-! ### The regions and their covering radii -/

/-- The convex hull of the entries. -/
def codebookHull : Rat × Rat → Prop := InRegion codebookHullBox codebookHullSides

/-- The convex hull of the entries at half its size. -/
def codebookCore : Rat × Rat → Prop := InRegion codebookCoreBox codebookCoreSides

/-- Every entry lies in the hull. -/
theorem codebookHull_entry (c : Code) : codebookHull (entryPoint (codebookTable c)) := by
  have h : ∀ c : Code, InRegion codebookHullBox codebookHullSides (entryPoint (codebookTable c)) := by decide +kernel
  exact h c

/-- Every side of the hull passes through two entries: the hull is no larger than it must be. -/
theorem codebookHull_tight : ∀ h ∈ codebookHullSides, ∃ c c' : Code, c ≠ c' ∧
    h.a * (codebookTable c).1 + h.b * (codebookTable c).2 = h.c ∧
    h.a * (codebookTable c').1 + h.b * (codebookTable c').2 = h.c := by decide +kernel

/-- The core is the hull at half its size. -/
theorem codebookCore_iff (p : Rat × Rat) : codebookCore p ↔ codebookHull (2 * p.1, 2 * p.2) := by
  sorry

/-- The learned table covers the convex hull of its entries with the radius 23.02. -/
theorem codebook_covers_hull : Covers codebookTable codebookHull codebookHullRadius :=
  covers_of_coverCheck (scale := codebookScale) (rSq := codebookHullRadiusSq) (tree := codebookHullTree)
    (by decide) (by decide +kernel) (by decide +kernel)

/-- The learned table covers the core with the radius 10.3. -/
theorem codebook_covers_core : Covers codebookTable codebookCore codebookCoreRadius :=
  covers_of_coverCheck (scale := codebookScale) (rSq := codebookCoreRadiusSq) (tree := codebookCoreTree)
    (by decide) (by decide +kernel) (by decide +kernel)

/-- That radius is nearly exact: a point of the hull has no entry within 23.01. -/
theorem codebook_hull_radius_gt :
    ∃ p, codebookHull p ∧ ∀ c, (2301/100 : Rat) * (2301/100) < distSq p (codebookTable c) := by
  refine ⟨(-118581/1024, -6427/256), ?_, ?_⟩
  · unfold codebookHull
    decide +kernel
  · decide +kernel

/-- That radius is nearly exact: a point of the core has no entry within 10.29. -/
theorem codebook_core_radius_gt :
    ∃ p, codebookCore p ∧ ∀ c, (1029/100 : Rat) * (1029/100) < distSq p (codebookTable c) := by
  refine ⟨(-57419/1024, 2081/256), ?_, ?_⟩
  · unfold codebookCore
    decide +kernel
  · decide +kernel

end Q35
