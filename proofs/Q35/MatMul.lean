module

public import Q35.Block
public import Q35.FloatExact
public import Q35.FloatSum

@[expose] public section

/-! From codes to a matrix product: how far one output of a quantized layer can be from the exact one.

Three errors add up. The weights come back from the table, each off by what its scheme promises; the activations are
rounded to int8; and the kernel adds one product of step and integer dot product for each block in floating point. The
bound names all three, is computed from what is known when the product is taken, and holds for the prescribed order of
operations as for every other one. -/

namespace Q35

/-! ### Definitions -/

/-- One block of a row of weights with the activations that it meets. -/
structure ProductBlock where
  /-- The weights as they were. -/
  weights : List Rat
  /-- How far from each of them the weight can be that comes back. -/
  errors : List Rat
  /-- The step. -/
  step : Rat
  /-- The table's entries: `step * entry` is the weight that comes back. -/
  entries : List Int
  /-- The activations as they were. -/
  activations : List Rat
  /-- The integers that stand for them: with the activation scale `s` the product uses `s * int`. -/
  ints : List Int

/-- The activations' errors: the absolute values of `x - s q`. -/
def activationErrors (s : Rat) : List Rat → List Int → List Rat
  | x :: xs, q :: qs => abs (x - s * q) :: activationErrors s xs qs
  | _, _ => []

/-- The integers of activations with the scale `s`: the nearest int8 numbers, ties to even. -/
def quantizeActivations (s : Rat) (xs : List Rat) : List Int := xs.map fun x => quantizeSlot (-128) 127 (x / s)

/-- Two lists of the same length agree up to the errors at each place. -/
def Within : List Rat → List Rat → List Rat → Prop
  | [], [], [] => True
  | e :: errors, x :: xs, y :: ys => abs (x - y) ≤ e ∧ Within errors xs ys
  | _, _, _ => False

namespace ProductBlock

/-- The dot product of the integers, exact. -/
def dot (b : ProductBlock) : Int := dotInt b.ints b.entries

/-- What a block adds to the exact output. -/
def exactProduct (b : ProductBlock) : Rat := dotRat b.activations b.weights

/-- What quantizing the weights and the activations of a block can change: each weight's error times its activation,
and each activation's error times the weight that comes back. -/
def quantizationBound (s : Rat) (b : ProductBlock) : Rat :=
  dotRat (b.activations.map abs) b.errors +
    dotRat (activationErrors s b.activations b.ints) (b.entries.map fun t : Int => abs (b.step * t))

/-- The errors are bounds of the weights' errors, and each activation has its integer. -/
def Valid (b : ProductBlock) : Prop :=
  Within b.errors b.weights (scaleBlock b.step b.entries) ∧ b.activations.length = b.ints.length

end ProductBlock

/-- The exact output: the sum over all blocks of activations times weights. -/
def exactRow (row : List ProductBlock) : Rat := sumRat (row.map ProductBlock.exactProduct)

/-- What the kernel sees of a row: for each block the step and the integer dot product. -/
def operands (row : List ProductBlock) : List (Rat × Int) := row.map fun b => (b.step, b.dot)

/-- The terms of an output: for each block the step times the integer dot product. -/
def blockTerms (blocks : List (Rat × Int)) : List Rat := blocks.map fun b => b.1 * b.2

/-- The accumulator after the blocks in order: `acc = fl (acc + fl (step * dot))`. -/
def accumulate (fl : Rat → Rat) (acc : Rat) : List (Rat × Int) → Rat
  | [] => acc
  | b :: rest => accumulate fl (fl (acc + fl (b.1 * b.2))) rest

/-- One output as the kernels compute it: the blocks in order from 0, then the activation scale, every operation
rounded. -/
def matmulRow (fl : Rat → Rat) (s : Rat) (blocks : List (Rat × Int)) : Rat := fl (accumulate fl 0 blocks * s)

/-- The quantization part of the bound of an output. -/
def quantizationBound (s : Rat) (row : List ProductBlock) : Rat :=
  sumRat (row.map (ProductBlock.quantizationBound s))

/-- The floating-point part of the bound of an output of `n` blocks: `2 n` roundings, at most `n + 1` a term, and the
product with the activation scale. -/
def roundingBound (u eta s : Rat) (blocks : List (Rat × Int)) : Rat :=
  abs s * sumErrorBound u eta (blocks.length + 2) (2 * blocks.length) (sumRat ((blockTerms blocks).map abs)) + eta

/-- The bound of an output: what quantization and what floating point can change. -/
def matmulBound (u eta s : Rat) (row : List ProductBlock) : Rat :=
  quantizationBound s row + roundingBound u eta s (operands row)

/-! ### Weights and activations that are off -/

/-- Weights that are off change a dot product by at most their errors times the sizes of the activations. -/
theorem dotRat_weights_error_le {errors ws vs : List Rat} (h : Within errors ws vs) (xs : List Rat) :
    abs (dotRat xs ws - dotRat xs vs) ≤ dotRat (xs.map abs) errors := by
  induction xs generalizing errors ws vs with
  | nil => simp only [dotRat, List.map_nil]; grind [abs]
  | cons x xs ih =>
    match errors, ws, vs, h with
    | [], [], [], _ => simp only [dotRat, List.map_cons]; grind [abs]
    | e :: errors, w :: ws, v :: vs, ⟨he, h⟩ =>
      have := ih h
      have hx := Rat.mul_le_mul_of_nonneg_left he (abs_nonneg x)
      rw [← abs_mul] at hx
      have := abs_add_le (x * (w - v)) (dotRat xs ws - dotRat xs vs)
      have hsum : x * (w - v) + (dotRat xs ws - dotRat xs vs) = x * w + dotRat xs ws - (x * v + dotRat xs vs) := by
        grind
      rw [hsum] at this
      simp only [dotRat, List.map_cons]
      grind

/-- Activations that are off change a dot product by at most their errors times the sizes of the weights. -/
theorem dotRat_activations_error_le (s : Rat) {xs : List Rat} {qs : List Int} (h : xs.length = qs.length)
    (vs : List Rat) :
    abs (dotRat xs vs - dotRat (scaleBlock s qs) vs) ≤ dotRat (activationErrors s xs qs) (vs.map abs) := by
  induction xs generalizing qs vs with
  | nil =>
    match qs, h with
    | [], _ => simp only [dotRat, scaleBlock, List.map_nil, activationErrors]; grind [abs]
  | cons x xs ih =>
    match qs, h with
    | q :: qs, h =>
      cases vs with
      | nil => simp only [dotRat, scaleBlock, List.map_nil, List.map_cons, activationErrors]; grind [abs]
      | cons v vs =>
        have := ih (qs := qs) (by simpa using h) vs
        have hq := abs_mul (x - s * q) v
        have := abs_add_le ((x - s * q) * v) (dotRat xs vs - dotRat (scaleBlock s qs) vs)
        have hsum : (x - s * q) * v + (dotRat xs vs - dotRat (scaleBlock s qs) vs) =
            x * v + dotRat xs vs - (s * q * v + dotRat (scaleBlock s qs) vs) := by grind
        rw [hsum] at this
        simp only [dotRat, scaleBlock, scaleSlot, List.map_cons, activationErrors] at *
        grind

/-- A block's part of the output is off by at most its quantization bound. -/
theorem ProductBlock.error_le {b : ProductBlock} (h : b.Valid) (s : Rat) :
    abs (b.exactProduct - s * (b.step * b.dot)) ≤ b.quantizationBound s := by
  have hw := dotRat_weights_error_le h.1 b.activations
  have hx := dotRat_activations_error_le s h.2 (scaleBlock b.step b.entries)
  rw [dotRat_scaleBlock] at hx
  have hmap : (scaleBlock b.step b.entries).map abs = b.entries.map fun t : Int => abs (b.step * t) := List.map_map ..
  rw [hmap] at hx
  have := abs_add_le (dotRat b.activations b.weights - dotRat b.activations (scaleBlock b.step b.entries))
    (dotRat b.activations (scaleBlock b.step b.entries) - s * b.step * dotInt b.ints b.entries)
  rw [quantizationBound, exactProduct, dot]
  grind

/-- Without floating point an output is off by at most the quantization bound. -/
theorem quantization_error_le {row : List ProductBlock} (h : ∀ b ∈ row, b.Valid) (s : Rat) :
    abs (exactRow row - s * sumRat (blockTerms (operands row))) ≤ quantizationBound s row := by
  induction row with
  | nil =>
    simp only [exactRow, quantizationBound, operands, blockTerms, List.map_nil, sumRat]
    grind [abs]
  | cons b row ih =>
    have hb := b.error_le (h b List.mem_cons_self) s
    have ih := ih fun c hc => h c (List.mem_cons_of_mem _ hc)
    have := abs_add_le (b.exactProduct - s * (b.step * b.dot))
      (exactRow row - s * sumRat (blockTerms (operands row)))
    simp only [exactRow, quantizationBound, operands, blockTerms, List.map_cons, sumRat] at *
    grind

/-! ### The operations of an output -/

/-- The prescribed order of operations as a tree. -/
def matmulTree (blocks : List (Rat × Int)) : SumTree :=
  .chain (.leaf 0) (blocks.map fun b => .product b.1 b.2)

/-- The kernel computes the tree, then multiplies by the scale. -/
theorem matmulRow_eq (fl : Rat → Rat) (s : Rat) (blocks : List (Rat × Int)) :
    matmulRow fl s blocks = fl ((matmulTree blocks).eval fl * s) := by
  have general : ∀ first : SumTree, accumulate fl (first.eval fl) blocks =
      (SumTree.chain first (blocks.map fun b => .product b.1 b.2)).eval fl := by
    induction blocks with
    | nil => intro first; rfl
    | cons b rest ih => intro first; exact ih (.add first (.product b.1 b.2))
  rw [matmulRow, matmulTree, ← general, SumTree.eval]

/-- The tree's sum, size and number of roundings. -/
theorem matmulTree_spec (blocks : List (Rat × Int)) :
    (matmulTree blocks).exactValue = sumRat (blockTerms blocks) ∧
    (matmulTree blocks).magnitude = sumRat ((blockTerms blocks).map abs) ∧
    (matmulTree blocks).roundings = 2 * blocks.length ∧
    (matmulTree blocks).depth ≤ blocks.length + 1 := by
  have general : ∀ first : SumTree,
      let t := SumTree.chain first (blocks.map fun b => .product b.1 b.2)
      t.exactValue = first.exactValue + sumRat (blockTerms blocks) ∧
      t.magnitude = first.magnitude + sumRat ((blockTerms blocks).map abs) ∧
      t.roundings = first.roundings + 2 * blocks.length := by
    induction blocks with
    | nil => intro first; exact ⟨(Rat.add_zero _).symm, (Rat.add_zero _).symm, rfl⟩
    | cons b rest ih =>
      intro first
      obtain ⟨hv, hm, hr⟩ := ih (.add first (.product b.1 b.2))
      simp only [List.map_cons, SumTree.chain, hv, hm, hr, blockTerms, sumRat, SumTree.exactValue, SumTree.magnitude,
        SumTree.roundings, List.length_cons, Rat.add_assoc]
      exact ⟨trivial, trivial, by omega⟩
  obtain ⟨hv, hm, hr⟩ := general (.leaf 0)
  refine ⟨?_, ?_, ?_, ?_⟩
  · rw [matmulTree, hv, SumTree.exactValue, Rat.zero_add]
  · rw [matmulTree, hm, SumTree.magnitude, show abs 0 = 0 by decide +kernel, Rat.zero_add]
  · rw [matmulTree, hr, SumTree.roundings, Nat.zero_add]
  · have := SumTree.depth_chain_le (k := 1) (first := .leaf 0) (rest := blocks.map fun b => .product b.1 b.2)
      (Nat.zero_le _) fun t ht => by
        obtain ⟨b, -, rfl⟩ := List.mem_map.1 ht
        exact Nat.le_refl _
    rw [List.length_map] at this
    rw [matmulTree]
    omega

/-- Nothing overflows in the accumulator while the sum of the terms' sizes, with its bound, is a number of the format:
then rounding without a largest number, as here, is what the format does. -/
theorem matmulTree_fits (F : FloatFormat) {blocks : List (Rat × Int)}
    (h : sumRat ((blockTerms blocks).map abs) + sumErrorBound F.unitRoundoff F.underflowError (blocks.length + 1)
      (2 * blocks.length) (sumRat ((blockTerms blocks).map abs)) ≤ F.largest) :
    (matmulTree blocks).AllResults F.round fun y => abs y ≤ F.largest := by
  obtain ⟨-, hm, hr, hd⟩ := matmulTree_spec blocks
  have hmagnitude := (matmulTree blocks).magnitude_nonneg
  refine SumTree.allResults_le F.isRounding (Rat.le_trans ?_ h)
  rw [hm] at hmagnitude
  rw [SumTree.errorBound, hm, hr]
  have := sumErrorBound_mono F.isRounding.u_nonneg F.isRounding.eta_nonneg hmagnitude hd
    (Nat.le_refl (2 * blocks.length))
  grind

/-- A computed sum times a scale: one more rounding. -/
theorem scaled_error_le {fl : Rat → Rat} {u eta : Rat} (h : IsRounding fl u eta) (t : SumTree) (s : Rat) :
    abs (s * t.exactValue - fl (t.eval fl * s)) ≤
      abs s * sumErrorBound u eta (t.depth + 1) t.roundings t.magnitude + eta := by
  have he : abs (s * t.exactValue - t.eval fl * s) ≤ abs s * t.errorBound u eta := by
    have : s * t.exactValue - t.eval fl * s = s * (t.exactValue - t.eval fl) := by grind
    rw [this, abs_mul]
    exact Rat.mul_le_mul_of_nonneg_left (t.error_le h) (abs_nonneg s)
  have hm : abs (s * t.exactValue) ≤ abs s * t.magnitude := by
    rw [abs_mul]
    exact Rat.mul_le_mul_of_nonneg_left t.abs_exactValue_le (abs_nonneg s)
  refine Rat.le_trans (h.step he hm) ?_
  rw [SumTree.errorBound, sumErrorBound, sumErrorBound, Rat.pow_succ]
  generalize (1 + u) ^ t.depth = p
  grind

/-! ### The bound of an output -/

/-- Any kernel: if a tree computes the sum of the blocks' terms, in whatever order, grouping and number of accumulators,
the output is off by at most the quantization bound and the tree's own bound, scaled. -/
theorem matmul_tree_error_le {fl : Rat → Rat} {u eta : Rat} (h : IsRounding fl u eta) {row : List ProductBlock}
    (hrow : ∀ b ∈ row, b.Valid) {t : SumTree} (ht : t.exactValue = sumRat (blockTerms (operands row))) (s : Rat) :
    abs (exactRow row - fl (t.eval fl * s)) ≤
      quantizationBound s row + (abs s * sumErrorBound u eta (t.depth + 1) t.roundings t.magnitude + eta) := by
  have hq := quantization_error_le hrow s
  have hf := scaled_error_le h t s
  rw [ht] at hf
  have := abs_le_iff.1 hq
  have := abs_le_iff.1 hf
  clear hq hf
  exact abs_le_iff.2 ⟨by grind, by grind⟩

/-- The end-to-end theorem: one output as the kernels compute it, from int8 activations, codes and steps, is off from
the exact product of the original activations and weights by at most `matmulBound`. -/
theorem matmulRow_error_le {fl : Rat → Rat} {u eta : Rat} (h : IsRounding fl u eta) {row : List ProductBlock}
    (hrow : ∀ b ∈ row, b.Valid) (s : Rat) :
    abs (exactRow row - matmulRow fl s (operands row)) ≤ matmulBound u eta s row := by
  obtain ⟨hv, hm, hr, hd⟩ := matmulTree_spec (operands row)
  have hmagnitude := (matmulTree (operands row)).magnitude_nonneg
  rw [matmulRow_eq]
  refine Rat.le_trans (matmul_tree_error_le h hrow hv s) ?_
  rw [hm] at hmagnitude
  rw [hm, hr, matmulBound, roundingBound]
  have := Rat.mul_le_mul_of_nonneg_left (sumErrorBound_mono h.u_nonneg h.eta_nonneg hmagnitude (j := _ + 1)
    (Nat.succ_le_succ hd) (Nat.le_refl (2 * (operands row).length))) (abs_nonneg s)
  grind

/-- The same bound for every other order: tiled, split over several accumulators, with fused operations or without. -/
theorem matmul_any_order_error_le {fl : Rat → Rat} {u eta : Rat} (h : IsRounding fl u eta) {row : List ProductBlock}
    (hrow : ∀ b ∈ row, b.Valid) {t : SumTree} (ht : t.terms.Perm (blockTerms (operands row))) (s : Rat) :
    abs (exactRow row - fl (t.eval fl * s)) ≤ matmulBound u eta s row := by
  refine Rat.le_trans (matmul_tree_error_le h hrow (by rw [t.exactValue_eq, sumRat_perm ht]) s) ?_
  have hdepth := t.depth_le
  have hmagnitude := t.magnitude_nonneg
  rw [ht.length_eq, blockTerms, List.length_map] at hdepth
  rw [t.magnitude_eq, sumRat_perm (ht.map abs)] at hmagnitude
  rw [t.magnitude_eq, sumRat_perm (ht.map abs), matmulBound, roundingBound]
  have := Rat.mul_le_mul_of_nonneg_left (sumErrorBound_mono h.u_nonneg h.eta_nonneg hmagnitude
    (show t.depth + 1 ≤ (operands row).length + 2 by omega)
    (show t.roundings ≤ 2 * (operands row).length by omega)) (abs_nonneg s)
  grind

/-! ### The activations -/

/-- An activation that does not clip is off by at most half the scale. -/
theorem activation_error_le {s x : Rat} (hs : s ≠ 0) (hx : -257/2 ≤ x / s ∧ x / s ≤ 255/2) :
    abs (x - s * quantizeSlot (-128) 127 (x / s)) ≤ abs s / 2 :=
  (slotError_le_half_step_iff (by decide) hs x).2 (by constructor <;> grind)

/-- Each activation has one integer. -/
theorem length_quantizeActivations (s : Rat) (xs : List Rat) : xs.length = (quantizeActivations s xs).length := by
  rw [quantizeActivations, List.length_map]

/-- Activations that do not clip add at most half the scale times the sum of the weights' sizes. -/
theorem activations_bound_le {s : Rat} (hs : s ≠ 0) {xs : List Rat} (h : ∀ x ∈ xs, -257/2 ≤ x / s ∧ x / s ≤ 255/2)
    (vs : List Rat) :
    dotRat (activationErrors s xs (quantizeActivations s xs)) (vs.map abs) ≤ abs s / 2 * sumRat (vs.map abs) := by
  have hhalf : 0 ≤ abs s / 2 := by have := abs_nonneg s; grind
  have hsum : ∀ vs : List Rat, 0 ≤ sumRat (vs.map abs) := by
    intro vs
    induction vs with
    | nil => exact Rat.le_refl
    | cons v vs ih => have := abs_nonneg v; rw [List.map_cons, sumRat]; grind
  induction xs generalizing vs with
  | nil =>
    have := Rat.mul_nonneg hhalf (hsum vs)
    simpa only [quantizeActivations, List.map_nil, activationErrors, dotRat] using this
  | cons x xs ih =>
    cases vs with
    | nil =>
      simp only [quantizeActivations, List.map_cons, List.map_nil, activationErrors, dotRat, sumRat, Rat.mul_zero]
      exact Rat.le_refl
    | cons v vs =>
      have := ih (fun y hy => h y (List.mem_cons_of_mem _ hy)) vs
      have := Rat.mul_le_mul_of_nonneg_left (activation_error_le hs (h x List.mem_cons_self)) (abs_nonneg v)
      simp only [quantizeActivations, List.map_cons, activationErrors, dotRat, sumRat] at *
      grind

/-! ### The weights -/

/-- The first `size` entries that codes stand for. -/
def entriesOf (S : Scheme) : (size : Nat) → List Code → List Int
  | 0, _ => []
  | _, [] => []
  | 1, c :: _ => [(S.table c).1]
  | size + 2, c :: rest => (S.table c).1 :: (S.table c).2 :: entriesOf S size rest

/-- A bound for the errors of each pair of weights, as a list of one error a weight. -/
def pairErrors (bound : Rat × Rat → Rat × Rat) : List Rat → List Rat
  | [] => []
  | [w] => [(bound (w, 0)).1]
  | w :: v :: rest => (bound (w, v)).1 :: (bound (w, v)).2 :: pairErrors bound rest

/-- What the `block` scheme can lose of a pair with the step `d`: half a step and a step, each plus what lies outside
the slot; with the step 0 everything. -/
def blockError (d : Rat) (w : Rat × Rat) : Rat × Rat :=
  if d = 0 then (abs w.1, abs w.2)
  else (abs d * (1/2 + excess (-17/2) (15/2) (w.1 / d)), abs d * (1 + excess (-9) 7 (w.2 / d)))

/-- What the `codebook` scheme can lose of a pair with the step `d` that is `outside w` steps away from the hull of the
table: 23.02 steps and that distance; with the step 0 everything. -/
def codebookError (outside : Rat × Rat → Rat) (d : Rat) (w : Rat × Rat) : Rat × Rat :=
  if d = 0 then (abs w.1, abs w.2)
  else (abs d * (codebookHullRadius + outside w), abs d * (codebookHullRadius + outside w))

/-- What the `codebook` scheme can lose of a pair in the hull of the table. -/
def hullError (d : Rat) : Rat × Rat := (abs d * codebookHullRadius, abs d * codebookHullRadius)

/-- A block that a scheme encodes with the step `d`, with the errors that are claimed for its weights and with its
activations rounded to int8 at the scale `s`. -/
def quantizedBlock (S : Scheme) (d : Rat) (errors weights : List Rat) (s : Rat) (activations : List Rat) :
    ProductBlock where
  weights := weights
  errors := errors
  step := d
  entries := entriesOf S weights.length (encodeBlock S d (pairUp weights))
  activations := activations
  ints := quantizeActivations s activations

/-- Dequantized codes are the step times their entries. -/
theorem dequantizeBlock_eq (S : Scheme) (d : Rat) (size : Nat) (codes : List Code) :
    dequantizeBlock S.table d size codes = scaleBlock d (entriesOf S size codes) := by
  fun_induction entriesOf S size codes with
  | case1 => simp [dequantizeBlock, scaleBlock]
  | case2 => simp [dequantizeBlock, scaleBlock]
  | case3 => simp [dequantizeBlock, scaleBlock, dequantize, scaleSlot]
  | case4 size c rest ih =>
    simp only [dequantizeBlock, ih, scaleBlock, List.map_cons, scaleSlot, dequantize]

/-- A block is valid when the weights that come back are within the errors that are claimed. -/
theorem quantizedBlock_valid {S : Scheme} {d : Rat} {errors weights : List Rat}
    (h : Within errors weights (restoreBlock S d weights)) (s : Rat) (xs : List Rat) :
    (quantizedBlock S d errors weights s xs).Valid := by
  refine ⟨?_, length_quantizeActivations s xs⟩
  rwa [quantizedBlock, ← dequantizeBlock_eq, dequantizeBlock_encodeBlock]

/-- Errors that hold for each pair hold for the list. -/
theorem pairErrors_within {S : Scheme} {d : Rat} {bound : Rat × Rat → Rat × Rat} {weights : List Rat}
    (h : ∀ w ∈ pairUp weights,
      abs (w.1 - (restorePair S d w).1) ≤ (bound w).1 ∧ abs (w.2 - (restorePair S d w).2) ≤ (bound w).2) :
    Within (pairErrors bound weights) weights (restoreBlock S d weights) := by
  fun_induction pairUp weights with
  | case1 => exact trivial
  | case2 w => exact ⟨(h (w, 0) (by simp)).1, trivial⟩
  | case3 w v rest ih =>
    exact ⟨(h (w, v) (by simp)).1, (h (w, v) (by simp)).2, ih fun u hu => h u (by simp [hu])⟩

/-- With the step 0 all of a weight is lost. -/
theorem restorePair_zero_error (S : Scheme) (w : Rat × Rat) :
    abs (w.1 - (restorePair S 0 w).1) ≤ abs w.1 ∧ abs (w.2 - (restorePair S 0 w).2) ≤ abs w.2 := by
  rw [restorePair_zero]
  grind [abs]

/-- The `block` scheme, always. -/
theorem block_within (d : Rat) (weights : List Rat) :
    Within (pairErrors (blockError d) weights) weights (restoreBlock .block d weights) := by
  refine pairErrors_within fun w _ => ?_
  by_cases hd : d = 0
  · subst hd
    simpa only [blockError, if_true] using restorePair_zero_error .block w
  · simpa only [blockError, if_neg hd] using block_error_le hd w

/-- The `block` scheme, weights of at most 7 steps: half a step in the hi slot, a step in the lo slot. -/
theorem block_within_of_le {d : Rat} {weights : List Rat} (h : ∀ w ∈ weights, abs w ≤ 7 * abs d) :
    Within (pairErrors (fun _ => (abs d / 2, abs d)) weights) weights (restoreBlock .block d weights) := by
  have hpos := abs_nonneg d
  refine pairErrors_within fun w hw => ?_
  have ⟨h1, h2⟩ := abs_le_of_mem_pairUp (by grind) h w hw
  by_cases hd : d = 0
  · subst hd
    have := restorePair_zero_error .block w
    grind [abs]
  · have h1 := abs_le_iff.mp (abs_div_le hd h1)
    have h2 := abs_le_iff.mp (abs_div_le hd h2)
    have ⟨e1, e2⟩ := block_error_le hd w
    rw [excess_eq_zero (by grind) (by grind)] at e1 e2
    constructor <;> grind

/-- The `codebook` scheme, always: `outside` says how many steps each pair is away from some point of the hull. -/
theorem codebook_within {d : Rat} {outside : Rat × Rat → Rat} {weights : List Rat}
    (h : d ≠ 0 → ∀ w ∈ pairUp weights, 0 ≤ outside w ∧
      ∃ q, codebookHull q ∧ pointDistSq (w.1 / d, w.2 / d) q ≤ outside w * outside w) :
    Within (pairErrors (codebookError outside d) weights) weights (restoreBlock .codebook d weights) := by
  refine pairErrors_within fun w hw => ?_
  by_cases hd : d = 0
  · subst hd
    simpa only [codebookError, if_true] using restorePair_zero_error .codebook w
  · obtain ⟨ha, q, hq, hpq⟩ := h hd w hw
    simpa only [codebookError, if_neg hd] using codebook_pair_error_le hd ha hq hpq

/-- The `codebook` scheme, pairs in the hull of the table: 23.02 steps for each weight. -/
theorem codebook_within_hull {d : Rat} (hd : d ≠ 0) {weights : List Rat}
    (h : ∀ w ∈ pairUp weights, codebookHull (w.1 / d, w.2 / d)) :
    Within (pairErrors (fun _ => hullError d) weights) weights (restoreBlock .codebook d weights) := by
  refine pairErrors_within fun w hw => ?_
  have hself : pointDistSq (w.1 / d, w.2 / d) (w.1 / d, w.2 / d) ≤ 0 * 0 := by simp only [pointDistSq]; grind
  simpa only [hullError, Rat.add_zero] using codebook_pair_error_le hd (a := 0) (by decide) (h w hw) hself

/-! ### int8 products in float32 -/

/-- The dot product of `K` int8 activations and int8 entries is at most `16384 K` in size. -/
theorem natAbs_dotInt_int8_le {as qs : List Int} (ha : ∀ a ∈ as, InInt8 a) (hq : ∀ q ∈ qs, InInt8 q) :
    (dotInt as qs).natAbs ≤ 16384 * as.length := by
  have := natAbs_dotInt_le (L := 128) (L' := 128) (fun a h => by have := ha a h; omega) fun q h => by
    have := hq q h
    omega
  omega

/-- The dot product of a block of up to 1024 weights is a float32 number: that the kernel converts it costs nothing. -/
theorem float32_round_dotInt {as qs : List Int} (ha : ∀ a ∈ as, InInt8 a) (hq : ∀ q ∈ qs, InInt8 q)
    (hK : as.length ≤ 1024) : float32.round (dotInt as qs) = dotInt as qs := by
  have := natAbs_dotInt_int8_le ha hq
  exact float32_intCast (by omega)

/-- The kernels' outputs: the end-to-end theorem in float32, as long as no number exceeds the largest one
(`matmulTree_fits`). -/
theorem float32_matmulRow_error_le {row : List ProductBlock} (hrow : ∀ b ∈ row, b.Valid) (s : Rat) :
    abs (exactRow row - matmulRow float32.round s (operands row)) ≤
      matmulBound float32.unitRoundoff float32.underflowError s row :=
  matmulRow_error_le float32.isRounding hrow s

/-! ### Whole layers -/

/-- Blocks of the `block` scheme are valid with the errors that the scheme promises. -/
theorem block_row_valid {row : List ProductBlock} {s : Rat}
    (hrow : ∀ b ∈ row, ∃ d weights activations,
      b = quantizedBlock .block d (pairErrors (blockError d) weights) weights s activations) :
    ∀ b ∈ row, b.Valid := fun b hb => by
  obtain ⟨d, weights, activations, rfl⟩ := hrow b hb
  exact quantizedBlock_valid (block_within d weights) s activations

/-- One output of a layer in the `block` scheme, in float32: half a step is lost for each weight of the hi slot and a
step for each of the lo slot, and what lies outside the slots, each times its activation; the rest is what the int8
activations and float32 lose. -/
theorem block_matmul_error_le {row : List ProductBlock} {s : Rat}
    (hrow : ∀ b ∈ row, ∃ d weights activations,
      b = quantizedBlock .block d (pairErrors (blockError d) weights) weights s activations) :
    abs (exactRow row - matmulRow float32.round s (operands row)) ≤
      matmulBound float32.unitRoundoff float32.underflowError s row :=
  float32_matmulRow_error_le (block_row_valid hrow) s

/-- Without clipping: weights of at most 7 steps are off by half a step in the hi slot and a step in the lo slot. -/
theorem block_matmul_error_le_of_le {row : List ProductBlock} {s : Rat}
    (hrow : ∀ b ∈ row, ∃ d weights activations, (∀ w ∈ weights, abs w ≤ 7 * abs d) ∧
      b = quantizedBlock .block d (pairErrors (fun _ => (abs d / 2, abs d)) weights) weights s activations) :
    abs (exactRow row - matmulRow float32.round s (operands row)) ≤
      matmulBound float32.unitRoundoff float32.underflowError s row := by
  refine float32_matmulRow_error_le (fun b hb => ?_) s
  obtain ⟨d, weights, activations, h, rfl⟩ := hrow b hb
  exact quantizedBlock_valid (block_within_of_le h) s activations

/-- One output of a layer in the `codebook` scheme, in float32: 23.02 steps are lost for each weight, and the pair's
distance to the hull of the table, times its activation; the rest is what the int8 activations and float32 lose. -/
theorem codebook_matmul_error_le {row : List ProductBlock} {s : Rat} {outside : Rat → Rat × Rat → Rat}
    (hrow : ∀ b ∈ row, ∃ d weights activations,
      (d ≠ 0 → ∀ w ∈ pairUp weights, 0 ≤ outside d w ∧
        ∃ q, codebookHull q ∧ pointDistSq (w.1 / d, w.2 / d) q ≤ outside d w * outside d w) ∧
      b = quantizedBlock .codebook d (pairErrors (codebookError (outside d) d) weights) weights s activations) :
    abs (exactRow row - matmulRow float32.round s (operands row)) ≤
      matmulBound float32.unitRoundoff float32.underflowError s row := by
  refine float32_matmulRow_error_le (fun b hb => ?_) s
  obtain ⟨d, weights, activations, h, rfl⟩ := hrow b hb
  exact quantizedBlock_valid (codebook_within h) s activations

/-- Without clipping: pairs in the hull of the table are off by 23.02 steps. -/
theorem codebook_matmul_error_le_in_hull {row : List ProductBlock} {s : Rat}
    (hrow : ∀ b ∈ row, ∃ d weights activations, d ≠ 0 ∧ (∀ w ∈ pairUp weights, codebookHull (w.1 / d, w.2 / d)) ∧
      b = quantizedBlock .codebook d (pairErrors (fun _ => hullError d) weights) weights s activations) :
    abs (exactRow row - matmulRow float32.round s (operands row)) ≤
      matmulBound float32.unitRoundoff float32.underflowError s row := by
  refine float32_matmulRow_error_le (fun b hb => ?_) s
  obtain ⟨d, weights, activations, hd, h, rfl⟩ := hrow b hb
  exact quantizedBlock_valid (codebook_within_hull hd h) s activations

/-! ### Tightness, and the hypotheses can be met -/

/-- A row of two blocks of the `block` scheme with every weight half way between two entries. -/
def tightRow : List ProductBlock :=
  [quantizedBlock .block 2 (pairErrors (blockError 2) [5, 6]) [5, 6] 1 [3, -5],
    quantizedBlock .block (-4) (pairErrors (blockError (-4)) [6, -4, 2]) [6, -4, 2] 1 [-7, -1, 1]]

/-- The quantization part of the bound is tight: with every weight half way between two entries and activations of
matching signs the output is off by exactly 33, all of that part, and the floating-point part is less than 0.0001. -/
theorem matmul_bound_attained :
    (∀ b ∈ tightRow, ∃ d weights activations,
      b = quantizedBlock .block d (pairErrors (blockError d) weights) weights 1 activations) ∧
    abs (exactRow tightRow - matmulRow float32.round 1 (operands tightRow)) = 33 ∧ quantizationBound 1 tightRow = 33 ∧
    roundingBound float32.unitRoundoff float32.underflowError 1 (operands tightRow) < 1/10000 := by
  refine ⟨?_, by decide +kernel⟩
  simp only [tightRow, List.mem_cons, List.not_mem_nil, or_false]
  rintro b (rfl | rfl)
  · exact ⟨2, [5, 6], [3, -5], rfl⟩
  · exact ⟨-4, [6, -4, 2], [-7, -1, 1], rfl⟩

/-- The first block of `tightRow`. -/
def tightBlock : ProductBlock := quantizedBlock .block 2 (pairErrors (blockError 2) [5, 6]) [5, 6] 1 [3, -5]

example : abs (exactRow tightRow - matmulRow float32.round 1 (operands tightRow)) ≤
    matmulBound float32.unitRoundoff float32.underflowError 1 tightRow := block_matmul_error_le matmul_bound_attained.1
example : abs (dotRat [3, -5] [5, 6] - dotRat [3, -5] [4, 8]) ≤ dotRat ([3, -5].map abs) [1, 2] :=
  dotRat_weights_error_le (by simp only [Within]; decide +kernel) [3, -5]
example : abs (dotRat [1/3] [7] - dotRat (scaleBlock (1/100) [33]) [7]) ≤
    dotRat (activationErrors (1/100) [1/3] [33]) ([7].map abs) := dotRat_activations_error_le (1/100) (by decide) [7]
example : abs (tightBlock.exactProduct - 1 * (tightBlock.step * tightBlock.dot)) ≤ tightBlock.quantizationBound 1 :=
  tightBlock.error_le (block_row_valid matmul_bound_attained.1 tightBlock List.mem_cons_self) 1
example : abs (exactRow tightRow - 1 * sumRat (blockTerms (operands tightRow))) ≤ quantizationBound 1 tightRow :=
  quantization_error_le (block_row_valid matmul_bound_attained.1) 1
example : (matmulTree [(65504, 2097152), (-9, 2097152)]).AllResults float32.round fun y => abs y ≤ float32.largest :=
  matmulTree_fits float32 (by decide +kernel)
example : abs (1/3 * exampleTree.exactValue - float32.round (exampleTree.eval float32.round * (1/3))) ≤
    abs (1/3) * sumErrorBound float32.unitRoundoff float32.underflowError (exampleTree.depth + 1) exampleTree.roundings
      exampleTree.magnitude + float32.underflowError := scaled_error_le float32.isRounding exampleTree (1/3)

/-- Two accumulators that start at 0, one for each block, the second one filled by a fused operation. -/
def splitTree : SumTree := .add (.add (.leaf 0) (.product 2 (-14))) (.fma (-4) 14 (.leaf 0))

example : abs (exactRow tightRow - float32.round (splitTree.eval float32.round * 1)) ≤ quantizationBound 1 tightRow +
    (abs 1 * sumErrorBound float32.unitRoundoff float32.underflowError (splitTree.depth + 1) splitTree.roundings
      splitTree.magnitude + float32.underflowError) :=
  matmul_tree_error_le float32.isRounding (block_row_valid matmul_bound_attained.1) (t := splitTree)
    (by decide +kernel) 1
example : abs (exactRow tightRow - float32.round ((SumTree.fma (-4) 14 (.product 2 (-14))).eval float32.round * 1)) ≤
    matmulBound float32.unitRoundoff float32.underflowError 1 tightRow :=
  matmul_any_order_error_le float32.isRounding (block_row_valid matmul_bound_attained.1) (by
    rw [show blockTerms (operands tightRow) = [2 * (-14), -4 * 14] by decide +kernel]
    exact List.perm_append_comm (l₁ := [-4 * 14]) (l₂ := [2 * (-14)])) 1
example : abs (exactRow tightRow - matmulRow bfloat16.round 1 (operands tightRow)) ≤
    matmulBound bfloat16.unitRoundoff bfloat16.underflowError 1 tightRow :=
  matmulRow_error_le bfloat16.isRounding (block_row_valid matmul_bound_attained.1) 1
example : abs (exactRow tightRow - matmulRow float32.round 1 (operands tightRow)) ≤
    matmulBound float32.unitRoundoff float32.underflowError 1 tightRow :=
  float32_matmulRow_error_le (block_row_valid matmul_bound_attained.1) 1

/-- A pair of the `codebook` scheme outside the hull: (60, 2) / (-1/2) = (-120, -4), and (-126, -5) is a point of the
hull within 7 of it. -/
def codebookRow : List ProductBlock :=
  [quantizedBlock .codebook (-1/2) (pairErrors (codebookError (fun _ => 7) (-1/2)) [60, 2]) [60, 2] (1/100) [1, -1/3]]

/-- Two weights of the `codebook` scheme in the hull at the step 1/20. -/
def hullBlock : ProductBlock :=
  quantizedBlock .codebook (1/20) (pairErrors (fun _ => hullError (1/20)) [1, -3]) [1, -3] (1/100) [1, 1/3]

example : abs (exactRow codebookRow - matmulRow float32.round (1/100) (operands codebookRow)) ≤
    matmulBound float32.unitRoundoff float32.underflowError (1/100) codebookRow :=
  codebook_matmul_error_le (outside := fun _ _ => 7) fun b hb => by
    simp only [codebookRow, List.mem_singleton] at hb
    refine ⟨-1/2, [60, 2], [1, -1/3], fun _ w hw => ?_, hb⟩
    simp only [pairUp, List.mem_singleton] at hw
    subst hw
    exact ⟨by decide, (-126, -5), by unfold codebookHull; decide +kernel, by decide +kernel⟩
example : abs (exactRow [hullBlock] - matmulRow float32.round (1/100) (operands [hullBlock])) ≤
    matmulBound float32.unitRoundoff float32.underflowError (1/100) [hullBlock] :=
  codebook_matmul_error_le_in_hull fun b hb =>
    ⟨1/20, [1, -3], [1, 1/3], by decide +kernel, by simp only [pairUp, List.mem_singleton, forall_eq, codebookHull]
                                                    decide +kernel, by simpa [hullBlock] using hb⟩

/-- The first block of `tightRow` once more, with the bound for weights of at most 7 steps. -/
def insideBlock : ProductBlock :=
  quantizedBlock .block 2 (pairErrors (fun _ => (abs 2 / 2, abs 2)) [5, 6]) [5, 6] 1 [3, -5]

example : abs (exactRow [insideBlock] - matmulRow float32.round 1 (operands [insideBlock])) ≤
    matmulBound float32.unitRoundoff float32.underflowError 1 [insideBlock] :=
  block_matmul_error_le_of_le fun b hb => ⟨2, [5, 6], [3, -5], by decide +kernel, by simpa [insideBlock] using hb⟩
example : Within (pairErrors (fun _ => (3, 3)) [5, 6]) [5, 6] (restoreBlock .block 2 [5, 6]) :=
  pairErrors_within (by decide +kernel)
example : Within (pairErrors (fun _ => (abs 2 / 2, abs 2)) [5, 6]) [5, 6] (restoreBlock .block 2 [5, 6]) :=
  block_within_of_le (by decide +kernel)
example : Within (pairErrors (codebookError (fun _ => 7) 0) [5, 6]) [5, 6] (restoreBlock .codebook 0 [5, 6]) :=
  codebook_within fun h => absurd rfl h
example : Within (pairErrors (fun _ => hullError (1/20)) [1, -3]) [1, -3] (restoreBlock .codebook (1/20) [1, -3]) :=
  codebook_within_hull (by decide +kernel) (by
    simp only [pairUp, List.mem_singleton, forall_eq, codebookHull]
    decide +kernel)
example : ∀ b ∈ tightRow, b.Valid := block_row_valid matmul_bound_attained.1
example : insideBlock.Valid := quantizedBlock_valid (block_within_of_le (by decide +kernel)) 1 [3, -5]
example : abs (1/3 - 1/100 * quantizeSlot (-128) 127 (1/3 / (1/100))) ≤ abs (1/100) / 2 :=
  activation_error_le (by decide +kernel) (by decide +kernel)
example : dotRat (activationErrors (1/100) [1/3, -1] (quantizeActivations (1/100) [1/3, -1])) ([7, -9].map abs) ≤
    abs (1/100) / 2 * sumRat ([7, -9].map abs) :=
  activations_bound_le (by decide +kernel) (by decide +kernel) [7, -9]
example : (dotInt [-128, 127] [-128, 5]).natAbs ≤ 16384 * 2 := natAbs_dotInt_int8_le (by decide) (by decide)
example : float32.round (dotInt [-128, 127] [-128, 5]) = dotInt [-128, 127] [-128, 5] :=
  float32_round_dotInt (by decide) (by decide) (by decide)

end Q35
