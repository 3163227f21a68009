module

public import Q35.AlignedAdder
public import Q35.MatMul
public import Q35.MxProduct

@[expose] public section

/-! Products of fp16 or bfloat16 activations with quantized weights on matrix units.

A kernel takes the dot product of each group of activations and entries that share a step on a matrix unit, multiplies
it by the step and adds the groups in float32. The products are exact in float32; what the matrix unit does to their sum
is a parameter. The entries are int8 numbers of a table, with float16 steps, or MX elements, with powers of two as
steps. -/

namespace Q35

/-! ### Definitions -/

/-- Weights of a row that share a step, as stored, with the activations that they meet. -/
structure FloatBlock where
  /-- The step, or the scale of an MX block. -/
  step : Rat
  /-- `step * entry` is the stored weight. -/
  entries : List Rat
  /-- The activations. -/
  activations : List Rat
  /-- The dot product of activations and entries as it was computed. -/
  dot : Rat

/-- The products of two lists, place by place. -/
def productsOf : List Rat → List Rat → List Rat
  | x :: xs, t :: ts => x * t :: productsOf xs ts
  | _, _ => []

namespace FloatBlock

/-- The exact dot product of a block. -/
def exactDot (b : FloatBlock) : Rat := dotRat b.activations b.entries

/-- The sum of the sizes of a block's products. -/
def magnitude (b : FloatBlock) : Rat := dotRat (b.activations.map abs) (b.entries.map abs)

/-- The weights of a block as stored. -/
def storedWeights (b : FloatBlock) : List Rat := b.entries.map fun t => b.step * t

/-- The dot product was computed by adders, in any order, of the exact products and any number of zeros, and no product
goes through more than `levels` levels. -/
def Computed (u eta : Rat) (levels : Nat) (b : FloatBlock) : Prop :=
  ∃ (t : AdderTree) (zeros : Nat), t.Obeys u eta ∧ t.operands = [b.dot] ∧
    t.terms.Perm (productsOf b.activations b.entries ++ List.replicate zeros 0) ∧ t.depth ≤ levels ∧
    t.roundings ≤ levels

end FloatBlock

/-- The exact output with the stored weights. -/
def storedRow (row : List FloatBlock) : Rat := sumRat (row.map fun b => b.step * b.exactDot)

/-- What is added up after the matrix unit: for each block the step times the computed dot product. -/
def floatTerms (row : List FloatBlock) : List Rat := row.map fun b => b.step * b.dot

/-- The sum of the sizes of activations times stored weights. -/
def rowMagnitude (row : List FloatBlock) : Rat := sumRat (row.map fun b => abs b.step * b.magnitude)

/-- The sum of the sizes of the steps. -/
def stepSizes (row : List FloatBlock) : Rat := sumRat (row.map fun b => abs b.step)

/-- The bound of an output before it is rounded to its format: `u`, `eta` and `levels` are the matrix unit's, `v` and
`theta` those of the operations after it, `groups` the number of blocks, `size` and `steps` what `rowMagnitude` and
`stepSizes` are, and `others` the size of what else is added, as a bias is. -/
def linearFloatBound (u eta v theta : Rat) (levels groups : Nat) (size steps others : Rat) : Rat :=
  (1 + v) ^ (groups + 2) * ((1 + u) ^ levels * (size + levels * (eta * steps)) + others +
    (3 * (groups + 1) : Nat) * theta) - size - others

/-- The bound of an output that is rounded once more, `exact` being what it stands for. -/
def outputBound (u eta bound exact : Rat) : Rat := (1 + u) * bound + u * abs exact + eta

/-- One prescribed order: the blocks in order from 0, each product rounded, then the bias. -/
def floatTree (row : List FloatBlock) (bias : Rat) : SumTree :=
  .add (.chain (.leaf 0) (row.map fun b => .product b.step b.dot)) (.leaf bias)

/-! ### Products are exact -/

/-- A significand of at most `M + 1` bits times a power of two from the unit on rounds to itself. -/
theorem round_mul_twoPow (F : FloatFormat) {n : Int} (hn : n.natAbs ≤ 2 * 2 ^ F.mantissaBits) {e : Int}
    (he : -(F.unitExponent : Int) ≤ e) : F.round (n * twoPow e) = n * twoPow e := by
  obtain ⟨k, rfl⟩ : ∃ k : Nat, e = k - F.unitExponent := ⟨(e + F.unitExponent).toNat, by omega⟩
  refine F.round_significand (s := n.natAbs) (k := k) hn ?_
  have hpos := twoPow_pos ((k : Int) - F.unitExponent)
  have hscale : twoPow ((k : Int) - F.unitExponent) * twoPow F.unitExponent = (2 ^ k : Nat) := by
    rw [← twoPow_add, Int.sub_add_cancel, twoPow_natCast]
  rw [abs_mul, abs_intCast, FloatFormat.unitsOfOne, ← twoPow_natCast, Rat.natCast_mul, ← hscale]
  grind [abs]

/-- Every number of a format is a significand times a power of two from the unit on. -/
theorem toRat_significand (F : FloatFormat) {b : Nat} {x : Rat} (h : F.toRat b = some x) :
    ∃ (n : Int) (e : Int), n.natAbs ≤ 2 * 2 ^ F.mantissaBits ∧ -(F.unitExponent : Int) ≤ e ∧ x = n * twoPow e := by
  have key : ∀ a, ∃ (n : Nat) (e : Int), n ≤ 2 * 2 ^ F.mantissaBits ∧ -(F.unitExponent : Int) ≤ e ∧
      F.magnitude a = n * twoPow e := fun a => by
    obtain ⟨k, s, -, hs, -, hu⟩ := floatUnits_split F.mantissaBits a
    refine ⟨s, k - F.unitExponent, by omega, by omega, ?_⟩
    have hpow : twoPow (k - F.unitExponent) * twoPow F.unitExponent = twoPow k := by
      rw [← twoPow_add, Int.sub_add_cancel]
    have hmul := F.magnitude_mul a
    rw [hu, Rat.natCast_mul, FloatFormat.unitsOfOne, ← twoPow_natCast, ← twoPow_natCast, ← hpow, ← Rat.mul_assoc]
      at hmul
    exact eq_of_mul_eq_mul_right hmul (twoPow_pos _)
  obtain ⟨a, -, ⟨-, rfl⟩ | ⟨-, rfl⟩⟩ := F.toRat_eq_some h
  · obtain ⟨n, e, hn, he, hv⟩ := key a
    exact ⟨n, e, by omega, he, by rw [hv, Rat.intCast_natCast]⟩
  · obtain ⟨n, e, hn, he, hv⟩ := key a
    exact ⟨-n, e, by omega, he, by rw [hv, Rat.intCast_neg, Rat.intCast_natCast, Rat.neg_mul]⟩

/-- The product of two significands that fit 24 bits together, and whose powers of two are those of float32 together, is
exact in float32. -/
theorem float32_mul_exact {m n : Int} {d e : Int} (hmn : m.natAbs * n.natAbs ≤ 2 ^ 24) (hde : -149 ≤ d + e) :
    float32.round ((m * twoPow d) * (n * twoPow e)) = (m * twoPow d) * (n * twoPow e) := by
  have h := float32_round_mul_twoPow (n := m * n) (by rw [Int.natAbs_mul]; exact hmn) hde
  have heq : (m * twoPow d) * (n * twoPow e) = ((m * n : Int) : Rat) * twoPow (d + e) := by
    rw [Rat.intCast_mul, twoPow_add]; grind
  rw [heq, h]

/-- An fp16 or bfloat16 number, subnormal or not, times an int8 entry is exact in float32: 11 bits or 8 bits times 8. -/
theorem float32_mul_int8 {F : FloatFormat} (hF : F = float16 ∨ F = bfloat16) {b : Nat} {x : Rat}
    (h : F.toRat b = some x) {t : Int} (ht : -128 ≤ t ∧ t ≤ 127) : float32.round (x * t) = x * t := by
  obtain ⟨n, e, hn, he, rfl⟩ := toRat_significand F h
  have hrow : 2 * 2 ^ F.mantissaBits ≤ 2048 ∧ F.unitExponent ≤ 133 := by rcases hF with rfl | rfl <;> decide
  have hsize := Nat.mul_le_mul (show n.natAbs ≤ 2048 by omega) (show t.natAbs ≤ 128 by omega)
  have hexact := float32_mul_exact (m := n) (n := t) (d := e) (e := 0) (Nat.le_trans hsize (by decide)) (by omega)
  rwa [show twoPow 0 = 1 by decide +kernel, Rat.mul_one] at hexact

/-- An fp16 or bfloat16 number times an MX element is exact in float32, also where the smallest of both meet. -/
theorem float32_mul_element {F : FloatFormat} (hF : F = float16 ∨ F = bfloat16) {b : Nat} {x : Rat}
    (h : F.toRat b = some x) {E : MxElement} {c : Nat} {p : Rat} (hp : E.toRat c = some p) :
    float32.round (x * p) = x * p := by
  obtain ⟨n, e, hn, he, rfl⟩ := toRat_significand F h
  obtain ⟨m, d, hm, hd, rfl⟩ := E.toRat_significand hp
  have hrow : 2 * 2 ^ F.mantissaBits ≤ 2048 ∧ F.unitExponent ≤ 133 := by rcases hF with rfl | rfl <;> decide
  exact float32_mul_exact (Nat.le_trans (Nat.mul_le_mul (show n.natAbs ≤ 2048 by omega) hm) (by decide)) (by omega)

/-- Such a product of an fp16 number is far from overflow: it is below `2 ^ 32`. -/
theorem abs_float16_mul_lt {b : Nat} {x : Rat} (h : float16.toRat b = some x) {t : Rat} (ht : abs t ≤ 57344) :
    abs (x * t) < twoPow 32 := by
  have hx := float16.abs_toRat_le h
  have := mul_le_mul hx ht (abs_nonneg x) (by decide +kernel)
  have hlt : float16.largest * 57344 < twoPow 32 := by decide +kernel
  rw [abs_mul]
  grind

/-- int8 entries are fp16 and bfloat16 numbers, so that operands lose nothing. -/
theorem operand_int8 {F : FloatFormat} (hF : F = float16 ∨ F = bfloat16) {t : Int} (ht : -128 ≤ t ∧ t ≤ 127) :
    F.round t = t ∧ abs (t : Rat) ≤ F.largest := by
  have hrow : 256 ≤ 2 * 2 ^ F.mantissaBits ∧ (128 : Nat) ≤ F.largest := by
    rcases hF with rfl | rfl <;> decide +kernel
  refine ⟨round_intCast F (by omega), Rat.le_trans ?_ hrow.2⟩
  rw [abs_intCast]
  exact Rat.natCast_le_natCast.2 (by omega)

/-- MX elements are fp16 and bfloat16 numbers. -/
theorem operand_element {F : FloatFormat} (hF : F = float16 ∨ F = bfloat16) {E : MxElement} {c : Nat} {p : Rat}
    (hp : E.toRat c = some p) : F.round p = p := by
  obtain ⟨m, d, hm, hd, rfl⟩ := E.toRat_significand hp
  have hrow : 256 ≤ 2 * 2 ^ F.mantissaBits ∧ 16 ≤ F.unitExponent := by rcases hF with rfl | rfl <;> decide
  exact round_mul_twoPow F (by omega) (by omega)

/-! ### One block -/

/-- The sum of products, and the sum of their sizes. -/
theorem sumRat_productsOf (xs ts : List Rat) : sumRat (productsOf xs ts) = dotRat xs ts ∧
    sumRat ((productsOf xs ts).map abs) = dotRat (xs.map abs) (ts.map abs) := by
  induction xs generalizing ts with
  | nil => exact ⟨rfl, rfl⟩
  | cons x xs ih =>
    cases ts with
    | nil => exact ⟨rfl, rfl⟩
    | cons t ts => simp only [productsOf, sumRat, dotRat, List.map_cons, ih ts, abs_mul, and_self]

/-- Zeros add nothing. -/
theorem sumRat_replicate_zero (n : Nat) : sumRat (List.replicate n 0) = 0 := by
  induction n with
  | zero => rfl
  | succ n ih => rw [List.replicate_succ, sumRat, ih, Rat.add_zero]

/-- The dot product of a block is off by at most the bound of a sum of its products, whatever the order. -/
theorem FloatBlock.dot_error_le {u eta : Rat} (hu : 0 ≤ u) (heta : 0 ≤ eta) {levels : Nat} {b : FloatBlock}
    (h : b.Computed u eta levels) :
    abs (b.exactDot - b.dot) ≤ sumErrorBound u eta levels levels b.magnitude ∧
    abs b.dot ≤ b.magnitude + sumErrorBound u eta levels levels b.magnitude := by
  obtain ⟨t, zeros, hobeys, hdot, hperm, hd, hr⟩ := h
  have ⟨hsum, hsize⟩ := sumRat_productsOf b.activations b.entries
  have hzero : abs (0 : Rat) = 0 := by decide +kernel
  have ⟨herror, habs⟩ := AdderTree.error_and_size_le hu heta hobeys
  have hmono := sumErrorBound_mono hu heta (sumRat_abs_nonneg t.terms) hd hr
  rw [AdderTree.errorBound] at herror habs
  rw [hdot] at herror habs
  simp only [sumRat_perm hperm, sumRat_perm (hperm.map abs), List.map_append, sumRat_append, List.map_replicate, hzero,
    sumRat_replicate_zero, hsum, hsize, List.map_cons, List.map_nil, sumRat, Rat.add_zero] at herror habs hmono
  exact ⟨Rat.le_trans herror hmono, by rw [magnitude]; grind⟩

/-! ### One output -/

/-- What the matrix unit changes in a row, and how large what it hands on can be. -/
theorem floatTerms_error_le {u eta : Rat} (hu : 0 ≤ u) (heta : 0 ≤ eta) {levels : Nat} {row : List FloatBlock}
    (hrow : ∀ b ∈ row, b.Computed u eta levels) :
    abs (storedRow row - sumRat (floatTerms row)) ≤
      (1 + u) ^ levels * (rowMagnitude row + levels * (eta * stepSizes row)) - rowMagnitude row ∧
    sumRat ((floatTerms row).map abs) ≤ (1 + u) ^ levels * (rowMagnitude row + levels * (eta * stepSizes row)) := by
  induction row with
  | nil =>
    simp only [storedRow, floatTerms, rowMagnitude, stepSizes, List.map_nil, sumRat]
    constructor <;> grind [abs]
  | cons b row ih =>
    have ⟨he, hs⟩ := FloatBlock.dot_error_le hu heta (hrow b List.mem_cons_self)
    have ⟨ihe, ihs⟩ := ih fun c hc => hrow c (List.mem_cons_of_mem _ hc)
    have hstep := abs_nonneg b.step
    have h₁ := Rat.mul_le_mul_of_nonneg_left he hstep
    have h₂ := Rat.mul_le_mul_of_nonneg_left hs hstep
    rw [← abs_mul] at h₁ h₂
    rw [sumErrorBound] at h₁ h₂
    have htriangle := abs_add_le (b.step * (b.exactDot - b.dot)) (storedRow row - sumRat (floatTerms row))
    have hsplit : b.step * (b.exactDot - b.dot) + (storedRow row - sumRat (floatTerms row)) =
        b.step * b.exactDot + storedRow row - (b.step * b.dot + sumRat (floatTerms row)) := by grind
    rw [hsplit] at htriangle
    simp only [storedRow, floatTerms, rowMagnitude, stepSizes, List.map_cons, sumRat] at *
    generalize (1 + u) ^ levels = p at *
    constructor <;> grind

/-- The main theorem: one output before it is rounded to its format, computed on a matrix unit in any order and then in
float32 in any order, grouping and split, fused or not, is off from the exact output of the stored weights, and what
else is added, by at most `linearFloatBound`. -/
theorem linearFloat_error_le {fl : Rat → Rat} {u eta v theta : Rat} (hfl : IsRounding fl v theta) (hu : 0 ≤ u)
    (heta : 0 ≤ eta) {levels : Nat} {row : List FloatBlock} (hrow : ∀ b ∈ row, b.Computed u eta levels)
    {s : SumTree} {others : List Rat} (hs : s.terms.Perm (floatTerms row ++ others)) (hd : s.depth ≤ row.length + 2)
    (hr : s.roundings ≤ 3 * (row.length + 1)) :
    abs (storedRow row + sumRat others - s.eval fl) ≤ linearFloatBound u eta v theta levels row.length
      (rowMagnitude row) (stepSizes row) (sumRat (others.map abs)) := by
  have ⟨he, hm⟩ := floatTerms_error_le hu heta hrow
  have hsum := s.error_le hfl
  have hmono := sumErrorBound_le (n := (1 + u) ^ levels * (rowMagnitude row + levels * (eta * stepSizes row)) +
    sumRat (others.map abs)) hfl.u_nonneg hfl.eta_nonneg s.magnitude_nonneg hd hr (by
      rw [s.magnitude_eq, sumRat_perm (hs.map abs), List.map_append, sumRat_append]; grind)
  rw [SumTree.errorBound] at hsum
  have hsum := Rat.le_trans hsum hmono
  rw [s.exactValue_eq, sumRat_perm hs, sumRat_append, sumErrorBound] at hsum
  rw [linearFloatBound]
  have htriangle := abs_add_le (storedRow row - sumRat (floatTerms row))
    (sumRat (floatTerms row) + sumRat others - s.eval fl)
  generalize (1 + v) ^ (row.length + 2) = q at *
  generalize (1 + u) ^ levels * (rowMagnitude row + levels * (eta * stepSizes row)) = g at *
  generalize ((3 * (row.length + 1) : Nat) : Rat) = r at *
  grind

/-- Nothing overflows after the matrix unit while the sizes of all terms and the bound together are a number of the
format: then rounding without a largest number, as here, is what the format does. For the unit itself it is
`AdderTree.allResults_le`. -/
theorem linearFloat_fits (F : FloatFormat) {u eta : Rat} (hu : 0 ≤ u) (heta : 0 ≤ eta) {levels : Nat}
    {row : List FloatBlock} (hrow : ∀ b ∈ row, b.Computed u eta levels) {s : SumTree} {others : List Rat}
    (hs : s.terms.Perm (floatTerms row ++ others)) (hd : s.depth ≤ row.length + 2)
    (hr : s.roundings ≤ 3 * (row.length + 1))
    (hb : rowMagnitude row + sumRat (others.map abs) + linearFloatBound u eta F.unitRoundoff F.underflowError levels
      row.length (rowMagnitude row) (stepSizes row) (sumRat (others.map abs)) ≤ F.largest) :
    s.AllResults F.round fun y => abs y ≤ F.largest := by
  obtain ⟨-, hm⟩ := floatTerms_error_le hu heta hrow
  have ⟨hv, htheta, _⟩ := F.isRounding
  have hsize : s.magnitude ≤ (1 + u) ^ levels * (rowMagnitude row + levels * (eta * stepSizes row)) +
      sumRat (others.map abs) := by
    rw [s.magnitude_eq, sumRat_perm (hs.map abs), List.map_append, sumRat_append]; grind
  have hmono := sumErrorBound_le hv htheta s.magnitude_nonneg hd hr hsize
  refine SumTree.allResults_le F.isRounding (Rat.le_trans ?_ hb)
  simp only [SumTree.errorBound, sumErrorBound, linearFloatBound] at hmono ⊢
  generalize (1 + F.unitRoundoff) ^ s.depth = p at *
  generalize (1 + F.unitRoundoff) ^ (row.length + 2) = q at *
  generalize (1 + u) ^ levels * (rowMagnitude row + levels * (eta * stepSizes row)) = g at *
  generalize ((3 * (row.length + 1) : Nat) : Rat) = r at *
  grind

/-- Rounded to the format of outputs, fp16 or bfloat16: one more rounding of the computed sum. -/
theorem linearFloat_output_error_le {fl : Rat → Rat} {u eta bound exact y : Rat} (hfl : IsRounding fl u eta)
    (h : abs (exact - y) ≤ bound) : abs (exact - fl y) ≤ outputBound u eta bound exact :=
  hfl.step h Rat.le_refl

/-- The prescribed order is one of those: its terms, depth and roundings. -/
theorem floatTree_spec (row : List FloatBlock) (bias : Rat) :
    (floatTree row bias).terms.Perm (floatTerms row ++ [0, bias]) ∧ (floatTree row bias).depth ≤ row.length + 2 ∧
    (floatTree row bias).roundings ≤ 3 * (row.length + 1) := by
  have general : ∀ first : SumTree,
      let t := SumTree.chain first (row.map fun b => .product b.step b.dot)
      t.terms = first.terms ++ floatTerms row ∧ t.roundings = first.roundings + 2 * row.length := by
    induction row with
    | nil => intro first; exact ⟨(List.append_nil _).symm, rfl⟩
    | cons b rest ih =>
      intro first
      obtain ⟨ht, hr⟩ := ih (.add first (.product b.step b.dot))
      simp only [List.map_cons, SumTree.chain, ht, hr, SumTree.terms_add, SumTree.roundings, List.length_cons]
      exact ⟨List.append_assoc .., by omega⟩
  obtain ⟨ht, hr⟩ := general (.leaf 0)
  have hdepth := SumTree.depth_chain_le (k := 1) (first := .leaf 0)
    (rest := row.map fun b => .product b.step b.dot) (Nat.zero_le _) fun t ht => by
      obtain ⟨b, -, rfl⟩ := List.mem_map.1 ht
      exact Nat.le_refl _
  rw [List.length_map] at hdepth
  refine ⟨?_, ?_, ?_⟩
  · rw [floatTree, SumTree.terms_add, ht]
    exact (List.perm_append_comm (l₁ := [0]) (l₂ := floatTerms row)).append_right [bias] |>.trans
      (by rw [List.append_assoc]; exact List.Perm.refl _)
  · simp only [floatTree, SumTree.depth]; omega
  · simp only [floatTree, SumTree.roundings, hr]; omega

/-- Blocks in order from 0, then the bias. -/
theorem linearFloat_in_order_error_le {fl : Rat → Rat} {u eta v theta : Rat} (hfl : IsRounding fl v theta) (hu : 0 ≤ u)
    (heta : 0 ≤ eta) {levels : Nat} {row : List FloatBlock} (hrow : ∀ b ∈ row, b.Computed u eta levels) (bias : Rat) :
    abs (storedRow row + bias - (floatTree row bias).eval fl) ≤
      linearFloatBound u eta v theta levels row.length (rowMagnitude row) (stepSizes row) (abs bias) := by
  obtain ⟨hs, hd, hr⟩ := floatTree_spec row bias
  have h := linearFloat_error_le hfl hu heta hrow hs hd hr
  have hzero : abs (0 : Rat) = 0 := by decide +kernel
  simpa only [List.map_cons, List.map_nil, sumRat, hzero, Rat.zero_add, Rat.add_zero] using h

/-! ### The original weights and activations -/

/-- The order of the factors does not matter. -/
theorem dotRat_comm (xs ws : List Rat) : dotRat xs ws = dotRat ws xs := by
  induction xs generalizing ws with
  | nil => cases ws <;> rfl
  | cons x xs ih =>
    cases ws with
    | nil => rfl
    | cons w ws => rw [dotRat, dotRat, ih, Rat.mul_comm]

/-- The dot product of lists in two parts of matching lengths. -/
theorem dotRat_append {xs ws : List Rat} (h : xs.length = ws.length) (ys vs : List Rat) :
    dotRat (xs ++ ys) (ws ++ vs) = dotRat xs ws + dotRat ys vs := by
  induction xs generalizing ws with
  | nil => cases ws with
    | nil => exact (Rat.zero_add _).symm
    | cons w ws => simp at h
  | cons x xs ih => cases ws with
    | nil => simp at h
    | cons w ws => rw [List.cons_append, List.cons_append, dotRat, dotRat, ih (by simpa using h)]; grind

/-- Activations and stored weights of a whole row give the exact output. -/
theorem storedRow_eq {row : List FloatBlock} (h : ∀ b ∈ row, b.activations.length = b.entries.length) :
    storedRow row = dotRat (row.flatMap FloatBlock.activations) (row.flatMap FloatBlock.storedWeights) := by
  have scaled (d : Rat) (xs ts : List Rat) : dotRat xs (ts.map fun t => d * t) = d * dotRat xs ts := by
    induction xs generalizing ts with
    | nil => simp only [dotRat, Rat.mul_zero]
    | cons x xs ih =>
      cases ts with
      | nil => simp only [List.map_nil, dotRat, Rat.mul_zero]
      | cons t ts => rw [List.map_cons, dotRat, dotRat, ih]; grind
  induction row with
  | nil => rfl
  | cons b row ih =>
    have hb := h b List.mem_cons_self
    rw [List.flatMap_cons, List.flatMap_cons, dotRat_append (by rw [FloatBlock.storedWeights, List.length_map, hb]),
      ← ih fun c hc => h c (List.mem_cons_of_mem _ hc), FloatBlock.storedWeights, scaled, ← FloatBlock.exactDot]
    rfl

/-- End to end: from the original weights and activations, each off by at most its error from what the unit reads, to an
output that is off by `bound` from the exact output of what the unit reads. -/
theorem linearFloat_original_error_le {row : List FloatBlock}
    (hlen : ∀ b ∈ row, b.activations.length = b.entries.length) {weights weightErrors xs activationErrors : List Rat}
    (hw : Within weightErrors weights (row.flatMap FloatBlock.storedWeights))
    (hx : Within activationErrors xs (row.flatMap FloatBlock.activations)) {bias y bound : Rat}
    (h : abs (storedRow row + bias - y) ≤ bound) :
    abs (dotRat xs weights + bias - y) ≤
      dotRat (xs.map abs) weightErrors +
      dotRat activationErrors ((row.flatMap FloatBlock.storedWeights).map abs) + bound := by
  have h₁ := dotRat_weights_error_le hw xs
  have h₂ := dotRat_weights_error_le hx (row.flatMap FloatBlock.storedWeights)
  rw [dotRat_comm _ xs, dotRat_comm _ (row.flatMap FloatBlock.activations), dotRat_comm _ activationErrors,
    ← storedRow_eq hlen] at h₂
  have := abs_add_le (dotRat xs weights - dotRat xs (row.flatMap FloatBlock.storedWeights))
    (dotRat xs (row.flatMap FloatBlock.storedWeights) - storedRow row)
  have := abs_add_le (dotRat xs weights - storedRow row) (storedRow row + bias - y)
  grind

/-! ### The hypotheses can be met -/

/-- Four weights: fp16 activations, entries of the table (hi, 2 lo), and what a unit of four products with 24 bits makes
of them. -/
def firstFloatBlock : FloatBlock :=
  ⟨3 / 2 ^ 10, [-8, 6, 7, -4], [1/2, 1025/1024, -3, 1/2 ^ 24],
    alignedAdder 24 (-149) [0, 1/2 * (-8), 1025/1024 * 6, -3 * 7, 1/2 ^ 24 * (-4)]⟩

/-- Four more weights of the row. -/
def secondFloatBlock : FloatBlock :=
  ⟨-5 / 2 ^ 9, [1, 2, -3, 4], [3, 1/1024, 65504, 1],
    alignedAdder 24 (-149) [0, 3 * 1, 1/1024 * 2, 65504 * (-3), 1 * 4]⟩

/-- A row of both blocks. -/
def floatRow : List FloatBlock := [firstFloatBlock, secondFloatBlock]

/-- Five operands side by side. -/
def fiveOperands (a b c d e : Rat) : AdderTree :=
  .beside (.leaf a) (.beside (.beside (.leaf b) (.leaf c)) (.beside (.leaf d) (.leaf e)))

/-- A dot product of four by one aligned adder that starts from 0. -/
theorem computed_by_alignedAdder {d x₁ x₂ x₃ x₄ t₁ t₂ t₃ t₄ : Rat} :
    (FloatBlock.mk d [t₁, t₂, t₃, t₄] [x₁, x₂, x₃, x₄]
      (alignedAdder 24 (-149) [0, x₁ * t₁, x₂ * t₂, x₃ * t₃, x₄ * t₄])).Computed
        (twoPow (1 - (24 : Nat))) (twoPow (-149 + 1)) 4 :=
  ⟨.adder 4 (alignedAdder 24 (-149) [0, x₁ * t₁, x₂ * t₂, x₃ * t₃, x₄ * t₄])
      (fiveOperands 0 (x₁ * t₁) (x₂ * t₂) (x₃ * t₃) (x₄ * t₄)), 1,
    ⟨alignedAdder_obeys (f := 24) (by decide) (by decide) (-149)
      (xs := [0, x₁ * t₁, x₂ * t₂, x₃ * t₃, x₄ * t₄]) (by simp),
      trivial, ⟨trivial, trivial⟩, trivial, trivial⟩,
    rfl, List.perm_append_comm (l₁ := [0]) (l₂ := productsOf [x₁, x₂, x₃, x₄] [t₁, t₂, t₃, t₄]),
    Nat.le_refl 4, Nat.le_refl 4⟩

/-- The blocks of `floatRow` were computed so. -/
theorem floatRow_computed : ∀ b ∈ floatRow, b.Computed (twoPow (1 - (24 : Nat))) (twoPow (-149 + 1)) 4 := by
  simp only [floatRow, List.mem_cons, List.not_mem_nil, or_false]
  rintro b (rfl | rfl)
  · exact computed_by_alignedAdder
  · exact computed_by_alignedAdder

/-- The bound of an output is met in earnest: an aligned adder loses a product, and the error is not zero. -/
theorem floatRow_error :
    let y := (floatTree floatRow (1/3)).eval float32.round
    let bound := linearFloatBound (twoPow (-23)) (twoPow (-148)) float32.unitRoundoff float32.underflowError 4 2
      (rowMagnitude floatRow) (stepSizes floatRow) (abs (1/3))
    0 < abs (storedRow floatRow + 1/3 - y) ∧ abs (storedRow floatRow + 1/3 - y) ≤ bound ∧ bound < 1/200 := by
  decide +kernel

example : abs (storedRow floatRow + 1/3 - (floatTree floatRow (1/3)).eval float32.round) ≤
    linearFloatBound (twoPow (1 - (24 : Nat))) (twoPow (-149 + 1)) float32.unitRoundoff float32.underflowError 4
      floatRow.length (rowMagnitude floatRow) (stepSizes floatRow) (abs (1/3)) :=
  linearFloat_in_order_error_le float32.isRounding (by decide +kernel) (by decide +kernel) floatRow_computed (1/3)
example : abs (storedRow floatRow + sumRat [1/3] -
    (SumTree.fma secondFloatBlock.step secondFloatBlock.dot
      (.add (.leaf (1/3)) (.product firstFloatBlock.step firstFloatBlock.dot))).eval float32.round) ≤
    linearFloatBound (twoPow (1 - (24 : Nat))) (twoPow (-149 + 1)) float32.unitRoundoff float32.underflowError 4
      floatRow.length (rowMagnitude floatRow) (stepSizes floatRow) (sumRat ([1/3].map abs)) :=
  linearFloat_error_le float32.isRounding (by decide +kernel) (by decide +kernel) floatRow_computed
    (List.perm_append_comm (l₁ := [secondFloatBlock.step * secondFloatBlock.dot, 1/3])
      (l₂ := [firstFloatBlock.step * firstFloatBlock.dot])) (by decide) (by decide)
example : ∀ b ∈ floatRow, abs (b.exactDot - b.dot) ≤
    sumErrorBound (twoPow (1 - (24 : Nat))) (twoPow (-149 + 1)) 4 4 b.magnitude := fun b hb =>
  (FloatBlock.dot_error_le (by decide +kernel) (by decide +kernel) (floatRow_computed b hb)).1
example : sumRat ((floatTerms floatRow).map abs) ≤ (1 + twoPow (1 - (24 : Nat))) ^ 4 *
    (rowMagnitude floatRow + (4 : Nat) * (twoPow (-149 + 1) * stepSizes floatRow)) :=
  (floatTerms_error_le (by decide +kernel) (by decide +kernel) floatRow_computed).2
example : storedRow floatRow =
    dotRat (floatRow.flatMap FloatBlock.activations) (floatRow.flatMap FloatBlock.storedWeights) :=
  storedRow_eq (by decide)
example : dotRat ([1] ++ [2]) ([3] ++ [4]) = dotRat [1] [3] + dotRat [2] [4] :=
  dotRat_append (xs := [1]) (ws := [3]) rfl _ _
example : ∃ (n : Int) (e : Int), n.natAbs ≤ 2 * 2 ^ float16.mantissaBits ∧ -(float16.unitExponent : Int) ≤ e ∧
    (-65504 : Rat) = n * twoPow e := toRat_significand float16 (b := 64511) (by decide +kernel)
example : float32.round (((3 : Int) * twoPow (-100)) * ((5 : Int) * twoPow (-49))) =
    ((3 : Int) * twoPow (-100)) * ((5 : Int) * twoPow (-49)) := float32_mul_exact (by decide) (by decide)
example : (floatTree floatRow (1/3)).AllResults float32.round fun y => abs y ≤ float32.largest :=
  linearFloat_fits float32 (by decide +kernel) (by decide +kernel) floatRow_computed
    (floatTree_spec floatRow (1/3)).1 (floatTree_spec floatRow (1/3)).2.1 (floatTree_spec floatRow (1/3)).2.2
    (by decide +kernel)
example : abs (1/3 - float16.round (float32.round (1/3))) ≤
    outputBound float16.unitRoundoff float16.underflowError (1/10 ^ 8) (1/3) :=
  linearFloat_output_error_le float16.isRounding (by decide +kernel)
example : abs (dotRat [5] [13/2] + 1 - 31) ≤ dotRat ([5].map abs) [1/2] + dotRat [0] ([2 * 3].map abs) + 0 :=
  linearFloat_original_error_le (row := [⟨2, [3], [5], 15⟩]) (by decide)
    (show Within [1/2] [13/2] [2 * 3] by simp only [Within]; decide +kernel)
    (show Within [0] [5] [5] by simp only [Within]; decide +kernel) (by decide +kernel)
example : float16.round ((-3 : Int) * twoPow (-24)) = (-3 : Int) * twoPow (-24) :=
  round_mul_twoPow float16 (by decide) (by decide)
example : float32.round (-65504 * (127 : Int)) = -65504 * (127 : Int) :=
  float32_mul_int8 (.inl rfl) (b := 64511) (by decide +kernel) (by decide)
example : float32.round (1 / 2 ^ 133 * (1 / 2 ^ 16)) = 1 / 2 ^ 133 * (1 / 2 ^ 16) :=
  float32_mul_element (.inr rfl) (b := 1) (by decide +kernel) (E := .e5m2) (c := 1) (by decide +kernel)
example : abs (-65504 * (57344 : Rat)) < twoPow 32 :=
  abs_float16_mul_lt (b := 64511) (by decide +kernel) (by decide +kernel)
example : bfloat16.round ((-128 : Int) : Rat) = (-128 : Int) := (operand_int8 (.inr rfl) (by decide)).1
example : float16.round (-57344) = -57344 := operand_element (.inl rfl) (E := .e5m2) (c := 251) (by decide +kernel)

end Q35
