module

public import Q35.LinearFloat

@[expose] public section

/-! From stored weights to the original ones: what each format loses of a weight, times its activation, is added to the
bound of a product on matrix units. -/

namespace Q35

/-! ### What is stored -/

/-- Dequantized codes are the stored weights of a block whose entries are those of the codes. -/
theorem storedWeights_table (S : Scheme) (d : Rat) (size : Nat) (codes : List Code) (xs : List Rat) (y : Rat) :
    (FloatBlock.mk d ((entriesOf S size codes).map fun t : Int => (t : Rat)) xs y).storedWeights =
      dequantizeBlock S.table d size codes := by
  rw [dequantizeBlock_eq, FloatBlock.storedWeights, scaleBlock, List.map_map]
  rfl

/-- A dequantized MX block of numbers is the stored weights of a block with the scale as its step and the elements as
its entries. -/
theorem storedWeights_mx {E : MxElement} {B : MxBlock} {X : Rat} (hX : scaleToRat B.scale = some X) {ps : List Rat}
    (hp : B.elements.map E.toRat = ps.map some) (xs : List Rat) (y : Rat) :
    (FloatBlock.mk X ps xs y).storedWeights.map some = dequantizeBlockMx E B := by
  obtain ⟨scale, elements⟩ := B
  simp only [FloatBlock.storedWeights, dequantizeBlockMx] at *
  induction elements generalizing ps with
  | nil =>
    cases ps with
    | nil => rfl
    | cons p ps => simp at hp
  | cons b bs ih =>
    cases ps with
    | nil => simp at hp
    | cons p ps =>
      rw [List.map_cons, List.map_cons] at hp
      have ⟨hhead, htail⟩ := List.cons.inj hp
      rw [List.map_cons, List.map_cons, List.map_cons, ih htail, mxValue, hX, hhead]

/-! ### Errors of weights, block by block -/

/-- Errors that hold block by block hold for the row. -/
theorem within_flatMap {row : List α} {e w v : α → List Rat} (h : ∀ p ∈ row, Within (e p) (w p) (v p)) :
    Within (row.flatMap e) (row.flatMap w) (row.flatMap v) := by
  have append : ∀ {a b c a' b' c' : List Rat}, Within a b c → Within a' b' c' →
      Within (a ++ a') (b ++ b') (c ++ c') := by
    intro a b c a' b' c' h h'
    induction a generalizing b c with
    | nil =>
      match b, c, h with
      | [], [], _ => exact h'
    | cons x a ih =>
      match b, c, h with
      | y :: b, z :: c, ⟨hx, h⟩ => exact ⟨hx, ih h⟩
  induction row with
  | nil => exact trivial
  | cons p row ih =>
    rw [List.flatMap_cons, List.flatMap_cons, List.flatMap_cons]
    exact append (h p List.mem_cons_self) (ih fun q hq => h q (List.mem_cons_of_mem _ hq))

/-- A row of blocks, each with its original weights and a bound for the error of each: an output that is off by `bound`
from the exact output of the stored weights is off from that of the original weights by at most the errors times the
activations more. -/
theorem linearFloat_weights_error_le {row : List (FloatBlock × List Rat × List Rat)}
    (hrow : ∀ p ∈ row, p.1.activations.length = p.1.entries.length ∧ Within p.2.2 p.2.1 p.1.storedWeights)
    {bias y bound : Rat} (h : abs (storedRow (row.map Prod.fst) + bias - y) ≤ bound) :
    abs (dotRat (row.flatMap fun p => p.1.activations) (row.flatMap fun p => p.2.1) + bias - y) ≤
      dotRat ((row.flatMap fun p => p.1.activations).map abs) (row.flatMap fun p => p.2.2) + bound := by
  have hw := within_flatMap fun p hp => (hrow p hp).2
  have hflat (f : FloatBlock → List Rat) : (row.map Prod.fst).flatMap f = row.flatMap fun p => f p.1 := by
    rw [List.flatMap_map]
  have herror := dotRat_weights_error_le hw (row.flatMap fun p => p.1.activations)
  have hlen : ∀ b ∈ row.map Prod.fst, b.activations.length = b.entries.length := fun b hb => by
    obtain ⟨p, hp, rfl⟩ := List.mem_map.1 hb
    exact (hrow p hp).1
  rw [storedRow_eq hlen, hflat, hflat] at h
  have hsum (a s : Rat) : a - s + (s + bias - y) = a + bias - y := by grind
  rw [← hsum _ (dotRat (row.flatMap fun p => p.1.activations) (row.flatMap fun p => p.1.storedWeights))]
  refine Rat.le_trans (abs_add_le _ _) ?_
  grind

/-! ### The formats -/

/-- The `block` scheme: half a step for each weight of a hi slot and a step for each of a lo slot, and what lies outside
the slots. -/
theorem block_within_stored {b : FloatBlock} {weights : List Rat}
    (h : b.storedWeights = restoreBlock .block b.step weights) :
    Within (pairErrors (blockError b.step) weights) weights b.storedWeights := by
  rw [h]; exact block_within b.step weights

/-- The `codebook` scheme: 23.02 steps for each weight, and the pair's distance to the hull of the table. -/
theorem codebook_within_stored {b : FloatBlock} {outside : Rat × Rat → Rat} {weights : List Rat}
    (hout : b.step ≠ 0 → ∀ w ∈ pairUp weights, 0 ≤ outside w ∧
      ∃ q, codebookHull q ∧ pointDistSq (w.1 / b.step, w.2 / b.step) q ≤ outside w * outside w)
    (h : b.storedWeights = restoreBlock .codebook b.step weights) :
    Within (pairErrors (codebookError outside b.step) weights) weights b.storedWeights := by
  rw [h]; exact codebook_within hout

/-- An MX format with any rule whose promise is an error of at most `e`: that for each weight. -/
theorem mx_within_stored {P : MxPolicy} {E : MxElement} {b : FloatBlock} {weights : List Rat} {e : Rat}
    (h : b.storedWeights.map some = restoreBlockMx P E (weights.map some))
    (he : ∀ v value, (some v, value) ∈ (weights.map some).zip (restoreBlockMx P E (weights.map some)) →
      ∃ v', value = some v' ∧ abs (v - v') ≤ e) :
    Within (List.replicate weights.length e) weights b.storedWeights := by
  rw [← h] at he
  have hlen : weights.length = b.storedWeights.length := by
    have := congrArg List.length h
    rw [restoreBlockMx_eq] at this
    simpa using this.symm
  clear h
  generalize b.storedWeights = vs at *
  induction weights generalizing vs with
  | nil => cases vs with
    | nil => exact trivial
    | cons v vs => simp at hlen
  | cons w ws ih => cases vs with
    | nil => simp at hlen
    | cons v vs =>
      obtain ⟨v', hv', hle⟩ := he w (some v) (by simp)
      refine ⟨by rw [Option.some.inj hv']; exact hle, ih _ (fun x value hx => he x value ?_) (by simpa using hlen)⟩
      rw [List.map_cons, List.map_cons, List.zip_cons_cons]
      exact List.mem_cons_of_mem _ hx

/-- The standard's rule: less than the scale times the distance from the largest element to the next power of two. -/
theorem mx_floor_within_stored {P : MxPolicy} (hP : P.rule = .floor) {E : MxElement} {b : FloatBlock}
    {weights : List Rat} {m : Rat} (hmax : mxMaxAbs (weights.map some) = some m) (hm : m < twoPow (E.emax + 128))
    (hstep : scaleToRat (quantizeBlockMx P E (weights.map some)).scale = some b.step)
    (h : b.storedWeights.map some = restoreBlockMx P E (weights.map some)) :
    Within (List.replicate weights.length (b.step * E.clipGap)) weights b.storedWeights := by
  obtain ⟨X, hX, hle⟩ := restoreBlockMx_floor_error_lt hP E hmax hm
  obtain rfl := Option.some.inj (hX.symm.trans hstep)
  exact mx_within_stored h fun v value hv => by
    obtain ⟨v', hv', hlt⟩ := hle v value hv
    exact ⟨v', hv', Rat.le_of_lt hlt⟩

/-! ### The hypotheses can be met -/

example : Within ([1, 2].flatMap fun x : Rat => [x]) ([1, 2].flatMap fun x : Rat => [x])
    ([1, 2].flatMap fun _ : Rat => [0]) :=
  within_flatMap fun p hp => ⟨by
    simp only [List.mem_cons, List.not_mem_nil, or_false] at hp
    rcases hp with rfl | rfl <;> decide +kernel, trivial⟩

/-- An MXFP4 block of the weights 7 and 5, which come back as 6 and 4, times two activations. -/
def mxFloatBlock : FloatBlock := ⟨1, [6, 4], [1/2, -3], -9⟩

example : mxFloatBlock.storedWeights.map some = dequantizeBlockMx .e2m1 ⟨127, [7, 6]⟩ :=
  storedWeights_mx (E := .e2m1) (B := ⟨127, [7, 6]⟩) (X := 1) (by decide +kernel) (by decide +kernel) _ _

/-- Its errors by the standard's rule. -/
theorem mxFloatBlock_within :
    Within (List.replicate 2 (mxFloatBlock.step * MxElement.clipGap .e2m1)) [7, 5] mxFloatBlock.storedWeights :=
  mx_floor_within_stored (P := .standard) rfl (E := .e2m1) (weights := [7, 5]) (m := 7) (by decide +kernel)
    (by decide +kernel) (by decide +kernel) (by decide +kernel)

example : abs (dotRat [1/2, -3] [7, 5] + 0 - -9) ≤
    dotRat ([1/2, -3].map abs) (List.replicate 2 (mxFloatBlock.step * MxElement.clipGap .e2m1)) + 0 :=
  linearFloat_weights_error_le
    (row := [(mxFloatBlock, [7, 5], List.replicate 2 (mxFloatBlock.step * MxElement.clipGap .e2m1))])
    (fun p hp => by obtain rfl := List.mem_singleton.1 hp; exact ⟨rfl, mxFloatBlock_within⟩) (by decide +kernel)
example : Within (pairErrors (blockError 2) [5, 6]) [5, 6] (FloatBlock.mk 2 [2, 4] [1, 1] 6).storedWeights :=
  block_within_stored (b := ⟨2, [2, 4], [1, 1], 6⟩) (by decide +kernel)
example : Within (pairErrors (codebookError (fun _ => 7) 0) [5, 6]) [5, 6]
    (FloatBlock.mk 0 [2, 4] [1, 1] 6).storedWeights :=
  codebook_within_stored (b := ⟨0, [2, 4], [1, 1], 6⟩) (fun h => absurd rfl h) (by decide +kernel)

end Q35
