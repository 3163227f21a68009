module

public import Q35.CodebookTable

@[expose] public section

/-! The learned table of the `codebook` scheme: what it holds, and how far a point of the plane can be from it. -/

namespace Q35

/-- The learned table: the pair of integers that each code stands for. -/
def codebookTable : Table 128 := fun c => codebookEntries.find 64 c.val

/-! ### The entries -/

/-- Whether all entries are so: the kernel goes through the tree once, without looking each code up. -/
private def EntryTree.all (p : Int × Int → Bool) : EntryTree → Bool
  | .entry a b => p (a, b)
  | .halves low high => low.all p && high.all p

/-- What holds of all entries holds of the one that is found. -/
private theorem EntryTree.find_of_all {p : Int × Int → Bool} {tree : EntryTree} (h : tree.all p = true) (half i : Nat) :
    p (tree.find half i) = true := by
  induction tree generalizing half i with
  | entry a b => exact h
  | halves low high ihl ihh =>
    have ⟨hl, hh⟩ := Bool.and_eq_true_iff.1 h
    rw [find]
    split
    · exact ihl hl _ _
    · exact ihh hh _ _

/-- Every entry is a pair of int8. -/
theorem codebookTable_int8 (c : Code) :
    (-128 ≤ (codebookTable c).1 ∧ (codebookTable c).1 ≤ 127) ∧
    (-128 ≤ (codebookTable c).2 ∧ (codebookTable c).2 ≤ 127) := by
  have h : codebookEntries.all fun e => (-128 ≤ e.1 ∧ e.1 ≤ 127) ∧ (-128 ≤ e.2 ∧ e.2 ≤ 127) := by decide +kernel
  exact of_decide_eq_true (EntryTree.find_of_all h ..)

/-- An entry as one number; the codes are in the order of these numbers. -/
def codebookKey (c : Code) : Int := 256 * (codebookTable c).1 + (codebookTable c).2

/-- Each entry but the first comes after the one before it. -/
theorem codebookKey_lt_next : ∀ i : Fin 127, codebookKey ⟨i.val, by omega⟩ < codebookKey ⟨i.val + 1, by omega⟩ := by
  decide +kernel

/-- The entries are in order: first by their first number, then by their second. -/
theorem codebookKey_lt {c c' : Code} (h : c < c') : codebookKey c < codebookKey c' := by
  obtain ⟨j, hj⟩ := c'
  have h : c.val < j := h
  induction j with
  | zero => omega
  | succ j ih =>
    have hnext := codebookKey_lt_next ⟨j, by omega⟩
    by_cases hcj : c.val = j
    · have : c = ⟨j, by omega⟩ := Fin.ext hcj
      rw [this]
      exact hnext
    · exact Int.lt_trans (ih (by omega) (by simp [Fin.lt_def]; omega) (by omega)) hnext

example : codebookKey 3 < codebookKey 100 := codebookKey_lt (by decide)

/-- The entries are distinct. -/
theorem codebookTable_injective (c c' : Code) (h : codebookTable c = codebookTable c') : c = c' := by
  have hkey : codebookKey c = codebookKey c' := by rw [codebookKey, h, codebookKey]
  rcases Nat.lt_trichotomy c.val c'.val with hlt | heq | hlt
  · have := codebookKey_lt (c := c) (c' := c') hlt
    omega
  · exact Fin.ext heq
  · have := codebookKey_lt (c := c') (c' := c) hlt
    omega

/-- Encoding what was dequantized gives the code back: the learned table is idempotent. -/
theorem codebook_nearest_dequantize {d : Rat} (hd : d ≠ 0) (c : Code) :
    nearest codebookTable ((dequantize codebookTable d c).1 / d, (dequantize codebookTable d c).2 / d) = c :=
  nearest_dequantize codebookTable_injective hd c

example : nearest codebookTable ((dequantize codebookTable (-1/3) 100).1 / (-1/3),
    (dequantize codebookTable (-1/3) 100).2 / (-1/3)) = 100 := codebook_nearest_dequantize (by decide +kernel) 100

/-! ### The regions and their covering radii -/

/-- The convex hull of the entries. -/
def codebookHull : Rat × Rat → Prop := InRegion codebookHullBox codebookHullSides

/-- The convex hull of the entries at half its size: where twice the point lies in the hull. -/
def codebookCore (p : Rat × Rat) : Prop := codebookHull (2 * p.1, 2 * p.2)

/-- Every entry lies in the hull, in integers. -/
theorem codebookHull_entry_int (c : Code) :
    ((codebookHullBox.left ≤ (codebookTable c).1 ∧ (codebookTable c).1 ≤ codebookHullBox.right) ∧
      (codebookHullBox.bottom ≤ (codebookTable c).2 ∧ (codebookTable c).2 ≤ codebookHullBox.top)) ∧
    ∀ h ∈ codebookHullSides, h.a * (codebookTable c).1 + h.b * (codebookTable c).2 ≤ h.c := by
  -- most entries lie in the hull by their size; only for the others the kernel looks at all sides
  have hmul (a : Int) {x : Int} (hx : x.natAbs ≤ 72) : a * x ≤ (a.natAbs * 72 : Nat) :=
    Int.le_trans Int.le_natAbs (Int.ofNat_le.2 (Int.natAbs_mul a x ▸ Nat.mul_le_mul_left _ hx))
  have hsizes : ∀ h ∈ codebookHullSides, ((h.a.natAbs * 72 + h.b.natAbs * 72 : Nat) : Int) ≤ h.c := by decide +kernel
  have hall : codebookEntries.all fun e =>
      ((codebookHullBox.left ≤ e.1 ∧ e.1 ≤ codebookHullBox.right) ∧
        (codebookHullBox.bottom ≤ e.2 ∧ e.2 ≤ codebookHullBox.top)) ∧
      (e.1.natAbs ≤ 72 ∧ e.2.natAbs ≤ 72 ∨ ∀ h ∈ codebookHullSides, h.a * e.1 + h.b * e.2 ≤ h.c) := by decide +kernel
  have ⟨hbox, hsides⟩ := of_decide_eq_true (EntryTree.find_of_all hall 64 c.val)
  exact ⟨hbox, hsides.elim (fun ⟨hx, hy⟩ h hh =>
    Int.le_trans (Int.add_le_add (hmul h.a hx) (hmul h.b hy)) (hsizes h hh)) id⟩

/-- Every entry lies in the hull. -/
theorem codebookHull_entry (c : Code) : codebookHull (entryPoint (codebookTable c)) := by
  have ⟨⟨⟨hl, hr⟩, ⟨hb, ht⟩⟩, hsides⟩ := codebookHull_entry_int c
  constructor
  · simp only [Box.Holds, entryPoint, Rat.intCast_one, Rat.one_mul, Rat.intCast_le_intCast]
    exact ⟨⟨hl, hr⟩, ⟨hb, ht⟩⟩
  · intro h hh
    have := Rat.intCast_le_intCast.mpr (hsides h hh)
    simpa only [Rat.intCast_add, Rat.intCast_mul] using this

/-- The entry of the code `c` lies on the line that bounds the half plane. -/
def OnLine (h : HalfPlane) (c : Code) : Prop := h.a * (codebookTable c).1 + h.b * (codebookTable c).2 = h.c

instance (h : HalfPlane) (c : Code) : Decidable (OnLine h c) := inferInstanceAs (Decidable (_ = _))

/-- Every side of the hull passes through two entries: the hull is no larger than it must be. -/
theorem codebookHull_tight : ∀ h ∈ codebookHullSides, ∃ c, OnLine h c ∧ ∃ c', OnLine h c' ∧ c < c' := by
  let ends : List (Code × Code) := [(0, 7), (7, 56), (56, 96), (96, 120), (120, 125), (125, 127), (123, 127),
    (116, 123), (92, 116), (55, 92), (20, 55), (6, 20), (0, 6)]
  have hpairs : ∀ h ∈ codebookHullSides, ∃ p ∈ ends, OnLine h p.1 ∧ OnLine h p.2 ∧ p.1 < p.2 := by decide +kernel
  exact fun h hh => have ⟨p, _, h₁, h₂, hlt⟩ := hpairs h hh; ⟨p.1, h₁, p.2, h₂, hlt⟩

example : ∃ c, OnLine ⟨-79, -44, 10253⟩ c ∧ ∃ c', OnLine ⟨-79, -44, 10253⟩ c' ∧ c < c' :=
  codebookHull_tight ⟨-79, -44, 10253⟩ (by decide)

/-- A point of the core lies in the region whose cover is checked: each side of the hull at half its distance. -/
theorem inRegion_of_core {p : Rat × Rat} (hp : codebookCore p) : InRegion codebookCoreBox codebookCoreSides p := by
  have hsides : codebookCoreSides = codebookHullSides.map fun h => ⟨2 * h.a, 2 * h.b, h.c⟩ := by decide +kernel
  obtain ⟨⟨⟨hl, hr⟩, ⟨hb, ht⟩⟩, hpolygon⟩ := hp
  constructor
  · simp only [Box.Holds, codebookHullBox, codebookCoreBox] at *
    exact ⟨⟨by grind, by grind⟩, ⟨by grind, by grind⟩⟩
  · intro h hh
    rw [hsides, List.mem_map] at hh
    obtain ⟨side, hside, rfl⟩ := hh
    have := hpolygon side hside
    simp only [HalfPlane.Holds, Rat.intCast_mul] at *
    grind

/-- The learned table covers the convex hull of its entries with the radius 23.02. -/
theorem codebook_covers_hull : Covers codebookTable codebookHull codebookHullRadius :=
  covers_of_coverCheck (scale := codebookScale) (rSq := codebookHullRadiusSq) (tree := codebookHullTree)
    (by decide) (by decide +kernel) (by decide +kernel)

/-- The learned table covers the core with the radius 10.3. -/
theorem codebook_covers_core : Covers codebookTable codebookCore codebookCoreRadius := fun p hp =>
  covers_of_coverCheck (scale := codebookScale) (rSq := codebookCoreRadiusSq) (tree := codebookCoreTree)
    (by decide) (by decide +kernel) (by decide +kernel) p (inRegion_of_core hp)

/-- That radius is nearly exact: a point of the hull has no entry within 23.01. -/
theorem codebook_hull_radius_gt :
    ∃ p, codebookHull p ∧ ∀ c, (2301/100 : Rat) * (2301/100) < distSq p (codebookTable c) := by
  refine ⟨(-118581/1024, -6427/256), ?_, fun c => ?_⟩
  · unfold codebookHull
    decide +kernel
  · have hall : codebookEntries.all fun e => 2301 * 1024 * (2301 * 1024) <
        100 * (118581 + 1024 * e.1) * (100 * (118581 + 1024 * e.1)) +
        100 * (25708 + 1024 * e.2) * (100 * (25708 + 1024 * e.2)) := by decide +kernel
    have h := Rat.intCast_lt_intCast.mpr (of_decide_eq_true (EntryTree.find_of_all hall 64 c.val))
    simp only [Rat.intCast_add, Rat.intCast_mul] at h
    simp only [distSq, codebookTable]
    grind

/-- That radius is nearly exact: a point of the core has no entry within 10.29. -/
theorem codebook_core_radius_gt :
    ∃ p, codebookCore p ∧ ∀ c, (1029/100 : Rat) * (1029/100) < distSq p (codebookTable c) := by
  refine ⟨(-57419/1024, 2081/256), ?_, fun c => ?_⟩
  · unfold codebookCore codebookHull
    decide +kernel
  · have hall : codebookEntries.all fun e => 1029 * 1024 * (1029 * 1024) <
        100 * (57419 + 1024 * e.1) * (100 * (57419 + 1024 * e.1)) +
        100 * (8324 - 1024 * e.2) * (100 * (8324 - 1024 * e.2)) := by decide +kernel
    have h := Rat.intCast_lt_intCast.mpr (of_decide_eq_true (EntryTree.find_of_all hall 64 c.val))
    simp only [Rat.intCast_add, Rat.intCast_sub, Rat.intCast_mul] at h
    simp only [distSq, codebookTable]
    grind

/-! ### The error of a pair of weights -/

/-- A pair whose quotient by the step lies in the hull is off by at most `23.02 |d|` in each weight. -/
theorem codebook_error_le_in_hull {d : Rat} (hd : d ≠ 0) {w : Rat × Rat} (hw : codebookHull (w.1 / d, w.2 / d)) :
    let w' := dequantize codebookTable d (nearest codebookTable (w.1 / d, w.2 / d))
    abs (w.1 - w'.1) ≤ abs d * codebookHullRadius ∧ abs (w.2 - w'.2) ≤ abs d * codebookHullRadius := by
  have h := nearest_weight_error_le codebook_covers_hull (a := 0) (by decide +kernel) (by decide) hd (w := w) hw
    (by simp only [pointDistSq]; grind)
  rwa [Rat.add_zero] at h

/-- A pair whose quotient by the step lies in the core is off by at most `10.3 |d|` in each weight. -/
theorem codebook_error_le_in_core {d : Rat} (hd : d ≠ 0) {w : Rat × Rat} (hw : codebookCore (w.1 / d, w.2 / d)) :
    let w' := dequantize codebookTable d (nearest codebookTable (w.1 / d, w.2 / d))
    abs (w.1 - w'.1) ≤ abs d * codebookCoreRadius ∧ abs (w.2 - w'.2) ≤ abs d * codebookCoreRadius := by
  have h := nearest_weight_error_le codebook_covers_core (a := 0) (by decide +kernel) (by decide) hd (w := w) hw
    (by simp only [pointDistSq]; grind)
  rwa [Rat.add_zero] at h

/-- Always: a pair whose quotient by the step is at most `a` away from a point of the hull is off by at most
`|d| (23.02 + a)` in each weight. -/
theorem codebook_error_le {d a : Rat} (hd : d ≠ 0) (ha : 0 ≤ a) {w q : Rat × Rat} (hq : codebookHull q)
    (hpq : pointDistSq (w.1 / d, w.2 / d) q ≤ a * a) :
    let w' := dequantize codebookTable d (nearest codebookTable (w.1 / d, w.2 / d))
    abs (w.1 - w'.1) ≤ abs d * (codebookHullRadius + a) ∧ abs (w.2 - w'.2) ≤ abs d * (codebookHullRadius + a) :=
  nearest_weight_error_le codebook_covers_hull (by decide +kernel) ha hd hq hpq

/-- A pair outside the hull at the step -1/2: (60, 2) / (-1/2) = (-120, -4), and q = (-126, -5) is within 7 of it. -/
example : abs (60 - (dequantize codebookTable (-1/2) (nearest codebookTable (60 / (-1/2), 2 / (-1/2)))).1) ≤
    abs (-1/2) * (codebookHullRadius + 7) :=
  (codebook_error_le (d := -1/2) (a := 7) (w := (60, 2)) (q := (-126, -5)) (by decide +kernel) (by decide)
    (by unfold codebookHull; decide +kernel) (by decide +kernel)).1

example : abs (1 - (dequantize codebookTable (1/8) (nearest codebookTable (1 / (1/8), 2 / (1/8)))).1) ≤
    abs (1/8) * codebookCoreRadius :=
  (codebook_error_le_in_core (d := 1/8) (w := (1, 2)) (by decide +kernel)
    (by unfold codebookCore codebookHull; decide +kernel)).1

example : abs (10 - (dequantize codebookTable (1/8) (nearest codebookTable (10 / (1/8), 2 / (1/8)))).1) ≤
    abs (1/8) * codebookHullRadius :=
  (codebook_error_le_in_hull (d := 1/8) (w := (10, 2)) (by decide +kernel)
    (by unfold codebookHull; decide +kernel)).1

example : (5 : Code) = 5 := codebookTable_injective 5 5 rfl
example : InRegion codebookCoreBox codebookCoreSides (10, -20) :=
  inRegion_of_core (by unfold codebookCore codebookHull; decide +kernel)

end Q35
