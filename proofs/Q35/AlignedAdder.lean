module

public import Q35.AdderTree
public import Q35.Block

@[expose] public section

/-! An adder that aligns its operands at the largest of them, cuts off what lies behind a number of bits, adds what is
left and cuts the sum off to float32: the model that measurements of tensor cores agree with. It is as good as the
additions of two numbers that it stands for, so the bound of a tree of adders holds for it too. -/

namespace Q35

/-- The multiple of `grid` next to `x` on the side of zero. -/
def truncateTo (grid x : Rat) : Rat :=
  let size := (abs x / grid).floor * grid
  if x < 0 then -size else size

/-- The place of the last bit of a number of this size that has `bits` bits after its leading one: at least
`2 ^ low`. -/
def gridOf (bits : Nat) (low : Int) (size : Rat) : Rat :=
  twoPow (if size = 0 then low else max (floorLog2 size - bits) low)

/-- `x` without what lies behind `bits` bits after its leading one, or below `2 ^ low`. -/
def truncate (bits : Nat) (low : Int) (x : Rat) : Rat := truncateTo (gridOf bits low (abs x)) x

/-- The sum of numbers that are cut off where the largest of them has its last bit but `bits` after the leading one. -/
def alignedSum (bits : Nat) (low : Int) (xs : List Rat) : Rat :=
  sumRat (xs.map (truncateTo (gridOf bits low (maxAbs xs))))

/-- What an aligned adder gives as a float32 number: its sum, cut off behind the 24 bits of a significand. -/
def alignedAdder (bits : Nat) (low : Int) (xs : List Rat) : Rat := truncate 23 low (alignedSum bits low xs)

/-- Cutting off loses less than the grid and enlarges nothing. -/
theorem truncateTo_spec {grid : Rat} (hg : 0 < grid) (x : Rat) :
    abs (x - truncateTo grid x) ≤ grid ∧ abs (truncateTo grid x) ≤ abs x := by
  have hx := abs_nonneg x
  have hle := (le_div_iff hg).1 (Rat.floor_le (abs x / grid))
  have hlt : ¬((abs x / grid).floor + 1 : Int) ≤ abs x / grid := Rat.not_le.2 (Rat.lt_floor_add_one _)
  rw [le_div_iff hg, Rat.intCast_add] at hlt
  have h0 : (0 : Rat) ≤ (abs x / grid).floor :=
    Rat.intCast_nonneg.2 (Rat.le_floor_iff.2 ((le_div_iff hg).2 (by rw [Rat.intCast_zero, Rat.zero_mul]; exact hx)))
  have hpos := Rat.mul_nonneg h0 (Rat.le_of_lt hg)
  have hone : ((1 : Int) : Rat) = 1 := rfl
  simp only [truncateTo]
  generalize ((abs x / grid).floor : Rat) = n at *
  split <;> constructor <;> grind [abs]

/-- The last bit of a number of `bits` bits is small beside it, unless it is the lowest there is. -/
theorem gridOf_le (bits : Nat) (low : Int) {size : Rat} (h : 0 ≤ size) :
    gridOf bits low size ≤ twoPow (-bits) * size + twoPow low := by
  have hlow := twoPow_pos low
  have hmul := Rat.mul_nonneg (Rat.le_of_lt (twoPow_pos (-bits))) h
  rw [gridOf]
  split
  · grind
  · rename_i h0
    have hspec := (floorLog2_spec (x := size) (by grind)).1
    rcases Int.le_total (floorLog2 size - bits) low with hle | hle
    · rw [Int.max_eq_right hle]; grind
    · have hsum : floorLog2 size - bits = -(bits : Int) + floorLog2 size := by omega
      rw [Int.max_eq_left hle, hsum, twoPow_add]
      have := Rat.mul_le_mul_of_nonneg_left hspec (Rat.le_of_lt (twoPow_pos (-bits)))
      grind

/-- The largest of some numbers is no larger than the sum of their sizes. -/
theorem maxAbs_le_sumRat (xs : List Rat) : 0 ≤ maxAbs xs ∧ maxAbs xs ≤ sumRat (xs.map abs) := by
  induction xs with
  | nil => exact ⟨Rat.le_refl, Rat.le_refl⟩
  | cons x xs ih =>
    have := abs_nonneg x
    simp only [maxAbs, List.map_cons, sumRat]
    split <;> constructor <;> grind

/-- Numbers that are each off by at most `e` have a sum that is off by at most `e` a number. -/
theorem sumRat_map_error_le {f : Rat → Rat} {e : Rat} (h : ∀ x, abs (x - f x) ≤ e) (xs : List Rat) :
    abs (sumRat xs - sumRat (xs.map f)) ≤ xs.length * e := by
  induction xs with
  | nil => simp only [List.map_nil, sumRat, List.length_nil, Rat.natCast_ofNat]; grind [abs]
  | cons x xs ih =>
    have := h x
    have := abs_add_le (x - f x) (sumRat xs - sumRat (xs.map f))
    have hone : ((1 : Nat) : Rat) = 1 := rfl
    simp only [List.map_cons, sumRat, List.length_cons, Rat.natCast_add]
    grind

/-- Numbers that are made no larger have no larger sum of sizes. -/
theorem sumRat_map_abs_le {f : Rat → Rat} (h : ∀ x, abs (f x) ≤ abs x) (xs : List Rat) :
    abs (sumRat (xs.map f)) ≤ sumRat (xs.map abs) := by
  induction xs with
  | nil => simp only [List.map_nil, sumRat]; decide +kernel
  | cons x xs ih =>
    have := h x
    have := abs_add_le (f x) (sumRat (xs.map f))
    simp only [List.map_cons, sumRat]
    grind

/-- An aligned sum is off by at most the last bit of the largest operand for each operand, and it is no larger than
their sizes together. -/
theorem alignedSum_spec (bits : Nat) (low : Int) (xs : List Rat) :
    abs (sumRat xs - alignedSum bits low xs) ≤
      xs.length * (twoPow (-bits) * sumRat (xs.map abs) + twoPow low) ∧
    abs (alignedSum bits low xs) ≤ sumRat (xs.map abs) := by
  have hgrid : 0 < gridOf bits low (maxAbs xs) := twoPow_pos _
  have ⟨hmax, hle⟩ := maxAbs_le_sumRat xs
  refine ⟨?_, sumRat_map_abs_le (fun x => (truncateTo_spec hgrid x).2) xs⟩
  refine Rat.le_trans (sumRat_map_error_le (fun x => (truncateTo_spec hgrid x).1) xs)
    (Rat.mul_le_mul_of_nonneg_left ?_ Rat.natCast_nonneg)
  have := gridOf_le bits low hmax
  have := Rat.mul_le_mul_of_nonneg_left hle (Rat.le_of_lt (twoPow_pos (-bits)))
  grind

/-- Cutting off to `bits` bits after the leading one is a rounding. -/
theorem truncate_isRounding (bits : Nat) (low : Int) :
    IsRounding (truncate bits low) (twoPow (-bits)) (twoPow low) where
  u_nonneg := Rat.le_of_lt (twoPow_pos _)
  eta_nonneg := Rat.le_of_lt (twoPow_pos _)
  error_le x := Rat.le_trans (truncateTo_spec (twoPow_pos _) x).1 (gridOf_le bits low (abs_nonneg x))

/-- An aligned adder of four or more operands that keeps `f` bits, and not more than float32 needs, is as good as one
addition for each operand but one, each with the error `2 ^ (1 - f)`. With `f = 24` that is the error of cutting off to
float32; more bits than that change nothing, since the result is cut off. -/
theorem alignedAdder_obeys {bits f : Nat} (hf : f ≤ 24) (hbits : f ≤ bits) (low : Int) {xs : List Rat}
    (hn : 4 ≤ xs.length) :
    abs (sumRat xs - alignedAdder bits low xs) ≤
      sumErrorBound (twoPow (1 - f)) (twoPow (low + 1)) (xs.length - 1) (xs.length - 1) (sumRat (xs.map abs)) := by
  have ⟨hsum, hsize⟩ := alignedSum_spec bits low xs
  have hcut := (truncate_isRounding 23 low).error_le (alignedSum bits low xs)
  have hS := sumRat_abs_nonneg xs
  have hb := twoPow_pos (-f)
  have hL := twoPow_pos low
  have hu : twoPow (1 - f) = 2 * twoPow (-f) := by rw [← twoPow_succ]; congr 1; omega
  have hfine : twoPow (-bits) ≤ twoPow (-f) := twoPow_le_iff.2 (by omega)
  have h23 : twoPow (-(23 : Nat)) ≤ 2 * twoPow (-f) := by rw [← hu]; exact twoPow_le_iff.2 (by omega)
  have h₁ := Rat.mul_le_mul_of_nonneg_right hfine hS
  have h₂ := mul_le_mul h23 hsize (Rat.le_of_lt (twoPow_pos _)) hS
  have h₃ := mul_le_sumErrorBound (u := twoPow (1 - f)) (eta := twoPow (low + 1)) (Rat.le_of_lt (twoPow_pos _))
    (Rat.le_of_lt (twoPow_pos _)) hS (xs.length - 1)
  refine Rat.le_trans ?_ h₃
  have htriangle := abs_add_le (sumRat xs - alignedSum bits low xs) (alignedSum bits low xs - alignedAdder bits low xs)
  rw [hu, twoPow_succ]
  obtain ⟨k, hk⟩ : ∃ k, xs.length = k + 4 := ⟨xs.length - 4, by omega⟩
  have hpred : xs.length - 1 = k + 3 := by omega
  rw [hpred]
  rw [hk] at hsum
  have hk0 : (0 : Rat) ≤ k := Rat.natCast_nonneg
  have h4 : ((4 : Nat) : Rat) = 4 := rfl
  have h3 : ((3 : Nat) : Rat) = 3 := rfl
  rw [Rat.natCast_add] at hsum ⊢
  rw [h4] at hsum
  rw [h3]
  rw [alignedAdder] at htriangle ⊢
  generalize truncate 23 low (alignedSum bits low xs) = y at *
  generalize alignedSum bits low xs = a at *
  generalize sumRat (xs.map abs) = S at *
  generalize sumRat xs = x at *
  generalize twoPow (-f) = b at *
  generalize twoPow (-bits) = c at *
  generalize twoPow low = l at *
  generalize (k : Rat) = n at *
  have hbS := Rat.mul_nonneg (Rat.le_of_lt hb) hS
  have := Rat.mul_le_mul_of_nonneg_left h₁ (c := n + 4) (by grind)
  have := Rat.mul_nonneg hk0 hbS
  have := Rat.mul_nonneg hk0 (Rat.le_of_lt hL)
  grind

/-! ### In use, and tight within a factor of two -/

/-- Four operands of which three are just too small to be kept. -/
def lostOperands : List Rat := [1, 1023 / 2 ^ 34, 1023 / 2 ^ 34, 1023 / 2 ^ 34]

/-- An aligned adder of 24 bits loses all three, where float32 additions in another order would lose none: the error is
more than 0.49 of what is allowed. -/
theorem alignedAdder_nearly_tight :
    alignedAdder 24 (-149) lostOperands = 1 ∧ float32.round (sumRat lostOperands) = 1 + 1 / 2 ^ 23 ∧
    49/100 * sumErrorBound (twoPow (1 - (24 : Nat))) (twoPow (-149 + 1)) 3 3 (sumRat (lostOperands.map abs)) ≤
      abs (sumRat lostOperands - alignedAdder 24 (-149) lostOperands) := by decide +kernel

/-- Two steps of a unit with four products at a time: the second one adds to the result of the first one. -/
def twoUnits : AdderTree :=
  let first := alignedAdder 25 (-149) [0, 1/3, 5, -7/9, 2]
  .adder 4 (alignedAdder 25 (-149) [first, 1/7, -6, 1/11, 1/13])
    (.beside (.adder 4 first (.beside (.leaf 0) (.beside (.beside (.leaf (1/3)) (.leaf 5))
      (.beside (.leaf (-7/9)) (.leaf 2)))))
      (.beside (.beside (.leaf (1/7)) (.leaf (-6))) (.beside (.leaf (1/11)) (.leaf (1/13)))))

/-- Two aligned adders make a tree that obeys. -/
theorem twoUnits_obeys : twoUnits.Obeys (twoPow (1 - (24 : Nat))) (twoPow (-149 + 1)) :=
  ⟨alignedAdder_obeys (f := 24) (by decide) (by decide) (-149) (xs := [_, 1/7, -6, 1/11, 1/13]) (by decide),
    ⟨alignedAdder_obeys (f := 24) (by decide) (by decide) (-149) (xs := [0, 1/3, 5, -7/9, 2]) (by decide),
      trivial, ⟨trivial, trivial⟩, trivial, trivial⟩, ⟨trivial, trivial⟩, trivial, trivial⟩

example : abs (sumRat twoUnits.terms - sumRat twoUnits.operands) ≤
    twoUnits.errorBound (twoPow (1 - (24 : Nat))) (twoPow (-149 + 1)) :=
  AdderTree.error_le (by decide +kernel) (by decide +kernel) twoUnits_obeys
example : sumRat (twoUnits.operands.map abs) ≤
    sumRat (twoUnits.terms.map abs) + twoUnits.errorBound (twoPow (1 - (24 : Nat))) (twoPow (-149 + 1)) :=
  (AdderTree.error_and_size_le (by decide +kernel) (by decide +kernel) twoUnits_obeys).2
example : twoUnits.depth + twoUnits.operands.length ≤ twoUnits.terms.length :=
  (AdderTree.depth_le (by simp [twoUnits, AdderTree.Counted, AdderTree.operands])).1
example : twoUnits.AllResults fun y => abs y ≤ float32.largest :=
  AdderTree.allResults_le (by decide +kernel) (by decide +kernel) twoUnits_obeys (by decide +kernel)
example : abs (sumRat [0, 1/3, 5, -7/9, 2, 1/7, -6, 1/11, 1/13] - sumRat twoUnits.operands) ≤
    sumErrorBound (twoPow (1 - (24 : Nat))) (twoPow (-149 + 1)) 8 8
      (sumRat ([0, 1/3, 5, -7/9, 2, 1/7, -6, 1/11, 1/13].map abs)) :=
  AdderTree.error_le_of_terms (by decide +kernel) (by decide +kernel) twoUnits_obeys
    (by simp [twoUnits, AdderTree.Counted, AdderTree.operands]) (y := sumRat twoUnits.operands) (by decide +kernel)
    (List.Perm.refl _)

/-! ### The hypotheses can be met -/

example : abs (5/3 - truncateTo (1/2) (5/3)) ≤ 1/2 := (truncateTo_spec (by decide +kernel) _).1
example : gridOf 3 (-9) (5/3) ≤ twoPow (-(3 : Nat)) * (5/3) + twoPow (-9) := gridOf_le 3 (-9) (by decide +kernel)
example : abs (sumRat [5/3, -7/3] - sumRat ([5/3, -7/3].map (truncateTo 1))) ≤ 2 * 1 :=
  sumRat_map_error_le (fun x => (truncateTo_spec (by decide) x).1) _
example : abs (sumRat ([5/3, -7/3].map (truncateTo 1))) ≤ sumRat ([5/3, -7/3].map abs) :=
  sumRat_map_abs_le (fun x => (truncateTo_spec (by decide) x).2) _

end Q35
