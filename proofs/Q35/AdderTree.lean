module

public import Q35.FloatSum
public import Q35.MxScale

@[expose] public section

/-! Sums by adders of several operands, as matrix units have them.

Nothing is said about how an adder works. It has any number of operands, and what comes out of it is as near to their
exact sum as `levels` roundings would leave it. Rounded additions and fused operations are such adders, and so are
adders that align several operands, cut them off and add what is left. The bound on the error of a tree of them has the
form of the one for rounded operations, so it holds for every order, grouping and split of the terms. -/

namespace Q35

/-- How the terms of a sum are added, and what came out on the way. -/
inductive AdderTree where
  /-- A number that is at hand. -/
  | leaf (x : Rat)
  /-- Operands side by side, for the adder above them. -/
  | beside (left right : AdderTree)
  /-- An adder: how many roundings it counts for, what came out of it, and its operands. -/
  | adder (levels : Nat) (result : Rat) (inputs : AdderTree)

namespace AdderTree

/-- The numbers that the tree hands to the adder above it. -/
def operands : AdderTree → List Rat
  | leaf x => [x]
  | beside l r => l.operands.foldr List.cons r.operands
  | adder _ y _ => [y]

/-- The exact terms of the sum. -/
def terms : AdderTree → List Rat
  | leaf x => [x]
  | beside l r => l.terms.foldr List.cons r.terms
  | adder _ _ t => t.terms

/-- The largest number of levels that a term goes through. -/
def depth : AdderTree → Nat
  | leaf _ => 0
  | beside l r => max l.depth r.depth
  | adder k _ t => k + t.depth

/-- The levels of all adders together. -/
def roundings : AdderTree → Nat
  | leaf _ => 0
  | beside l r => l.roundings + r.roundings
  | adder k _ t => k + t.roundings

/-- Every adder is as good as its levels say: its result is as near to the exact sum of its operands as a sum of them
that rounds each `levels` times, and `levels` times in all. -/
def Obeys (u eta : Rat) : AdderTree → Prop
  | leaf _ => True
  | beside l r => l.Obeys u eta ∧ r.Obeys u eta
  | adder k y t =>
    abs (sumRat t.operands - y) ≤ sumErrorBound u eta k k (sumRat (t.operands.map abs)) ∧ t.Obeys u eta

/-- No adder counts for more roundings than the additions of two numbers that it stands for. -/
def Counted : AdderTree → Prop
  | leaf _ => True
  | beside l r => l.Counted ∧ r.Counted
  | adder k _ t => k + 1 ≤ t.operands.length ∧ t.Counted

/-- Every adder's result has the property `p`. -/
def AllResults (p : Rat → Prop) : AdderTree → Prop
  | leaf _ => True
  | beside l r => l.AllResults p ∧ r.AllResults p
  | adder _ y t => t.AllResults p ∧ p y

/-- The bound on the error of a tree. -/
def errorBound (u eta : Rat) (t : AdderTree) : Rat :=
  sumErrorBound u eta t.depth t.roundings (sumRat (t.terms.map abs))

end AdderTree

/-! ### Sizes and bounds -/

/-- A sum of sizes is not negative. -/
theorem sumRat_abs_nonneg (xs : List Rat) : 0 ≤ sumRat (xs.map abs) := by
  induction xs with
  | nil => exact Rat.le_refl
  | cons x xs ih => have := abs_nonneg x; rw [List.map_cons, sumRat]; grind

/-- No sum is larger than the sum of the sizes of its terms. -/
theorem abs_sumRat_le (xs : List Rat) : abs (sumRat xs) ≤ sumRat (xs.map abs) := by
  induction xs with
  | nil => decide +kernel
  | cons x xs ih => have := abs_add_le x (sumRat xs); rw [List.map_cons, sumRat, sumRat]; grind

/-- Bernoulli: `n` roundings lose at least `n` times what one loses. -/
theorem one_add_mul_le_pow {u : Rat} (hu : 0 ≤ u) (n : Nat) : 1 + n * u ≤ (1 + u) ^ n := by
  induction n with
  | zero => rw [Rat.pow_zero, Rat.natCast_ofNat]; grind
  | succ n ih =>
    have := one_le_pow hu n
    rw [Rat.pow_succ, Rat.natCast_add, Rat.natCast_ofNat]
    generalize (1 + u) ^ n = p at *
    have := Rat.mul_nonneg (a := p - 1) (b := u) (by grind) hu
    grind

/-- The bound grows with the depth, the number of roundings and the size. -/
theorem sumErrorBound_le {u eta m n : Rat} (hu : 0 ≤ u) (heta : 0 ≤ eta) (hm : 0 ≤ m) {j k r s : Nat} (hjk : j ≤ k)
    (hrs : r ≤ s) (hmn : m ≤ n) : sumErrorBound u eta j r m ≤ sumErrorBound u eta k s n := by
  refine Rat.le_trans (sumErrorBound_mono hu heta hm hjk hrs) ?_
  have := one_le_pow hu k
  rw [sumErrorBound, sumErrorBound]
  generalize (1 + u) ^ k = p at *
  have := Rat.mul_le_mul_of_nonneg_left hmn (c := p - 1) (by grind)
  grind

/-- An adder whose error is at most `k u` times the size of its operands plus `k eta` counts for `k` levels; for `k = 1`
this is the usual model of one rounding. -/
theorem mul_le_sumErrorBound {u eta m : Rat} (hu : 0 ≤ u) (heta : 0 ≤ eta) (hm : 0 ≤ m) (k : Nat) :
    k * u * m + k * eta ≤ sumErrorBound u eta k k m := by
  have h₁ := one_add_mul_le_pow hu k
  have h₂ := one_le_pow hu k
  have hk : (0 : Rat) ≤ k := Rat.natCast_nonneg
  rw [sumErrorBound]
  generalize (1 + u) ^ k = p at *
  have := Rat.mul_nonneg (a := p - (1 + k * u)) (b := m) (by grind) hm
  have := Rat.mul_nonneg (a := k * (p - 1)) (b := eta) (Rat.mul_nonneg hk (by grind)) heta
  grind

/-- Powers of a sum of exponents. -/
theorem pow_add (x : Rat) (j k : Nat) : x ^ (j + k) = x ^ j * x ^ k := by
  induction k with
  | zero => rw [Nat.add_zero, Rat.pow_zero, Rat.mul_one]
  | succ k ih => rw [← Nat.add_assoc, Rat.pow_succ, ih, Rat.pow_succ, Rat.mul_assoc]

/-- Errors of `j` levels below, then `k` levels: as good as `k + j` levels. -/
theorem sumErrorBound_add {u eta m : Rat} (hu : 0 ≤ u) (heta : 0 ≤ eta) (j k r s : Nat) :
    (1 + u) ^ k * sumErrorBound u eta j r m + sumErrorBound u eta k s m ≤ sumErrorBound u eta (k + j) (s + r) m := by
  have hp := one_le_pow hu j
  have hq := one_le_pow hu k
  have hs : (0 : Rat) ≤ s := Rat.natCast_nonneg
  have hpow : (1 + u) ^ (k + j) = (1 + u) ^ k * (1 + u) ^ j := pow_add ..
  rw [sumErrorBound, sumErrorBound, sumErrorBound, hpow, Rat.natCast_add]
  generalize (1 + u) ^ j = p at *
  generalize (1 + u) ^ k = q at *
  have := Rat.mul_nonneg (a := s * (q * eta)) (b := p - 1) (Rat.mul_nonneg hs (Rat.mul_nonneg (by grind) heta))
    (by grind)
  grind

namespace AdderTree

/-! ### The error of a sum -/

/-- The operands of two trees side by side. -/
theorem operands_beside (l r : AdderTree) : (beside l r).operands = l.operands ++ r.operands :=
  List.foldr_cons_eq_append'

/-- The terms of two trees side by side. -/
theorem terms_beside (l r : AdderTree) : (beside l r).terms = l.terms ++ r.terms := List.foldr_cons_eq_append'

/-- The error of the operands that a tree hands on, and their size. -/
theorem error_and_size_le {u eta : Rat} (hu : 0 ≤ u) (heta : 0 ≤ eta) {t : AdderTree} (h : t.Obeys u eta) :
    abs (sumRat t.terms - sumRat t.operands) ≤ t.errorBound u eta ∧
    sumRat (t.operands.map abs) ≤ sumRat (t.terms.map abs) + t.errorBound u eta := by
  induction t with
  | leaf x =>
    rw [errorBound, sumErrorBound]
    simp only [terms, operands, depth, roundings, Rat.pow_zero, Rat.natCast_ofNat]
    grind [abs]
  | beside l r ihl ihr =>
    have ⟨hl, hls⟩ := ihl h.1
    have ⟨hr, hrs⟩ := ihr h.2
    have h₁ := sumErrorBound_mono hu heta (sumRat_abs_nonneg l.terms) (Nat.le_max_left l.depth r.depth)
      (Nat.le_refl l.roundings)
    have h₂ := sumErrorBound_mono hu heta (sumRat_abs_nonneg r.terms) (Nat.le_max_right l.depth r.depth)
      (Nat.le_refl r.roundings)
    have hparts : (beside l r).errorBound u eta =
        sumErrorBound u eta (max l.depth r.depth) l.roundings (sumRat (l.terms.map abs)) +
        sumErrorBound u eta (max l.depth r.depth) r.roundings (sumRat (r.terms.map abs)) := by
      simp only [errorBound, sumErrorBound, terms_beside, depth, roundings, List.map_append, sumRat_append,
        Rat.natCast_add]
      grind
    have hsplit := abs_add_le (sumRat l.terms - sumRat l.operands) (sumRat r.terms - sumRat r.operands)
    rw [← errorBound] at h₁ h₂
    simp only [terms_beside, operands_beside, List.map_append, sumRat_append]
    clear ihl ihr
    constructor <;> grind
  | adder k y t ih =>
    obtain ⟨hy, ht⟩ := h
    have ⟨he, hs⟩ := ih ht
    have hone := one_le_pow hu k
    have hsum := sumErrorBound_add (m := sumRat (t.terms.map abs)) hu heta t.depth k t.roundings k
    have herror : abs (sumRat t.terms - y) ≤ (adder k y t).errorBound u eta := by
      simp only [errorBound, terms, depth, roundings]
      refine Rat.le_trans ?_ hsum
      have h₁ := abs_add_le (sumRat t.terms - sumRat t.operands) (sumRat t.operands - y)
      rw [errorBound] at he hs
      generalize sumErrorBound u eta t.depth t.roundings (sumRat (t.terms.map abs)) = e at *
      rw [sumErrorBound] at hy ⊢
      generalize (1 + u) ^ k = q at *
      have := Rat.mul_le_mul_of_nonneg_left hs (c := q - 1) (by grind)
      grind
    refine ⟨?_, ?_⟩
    · simpa only [terms, operands, sumRat, Rat.add_zero] using herror
    · simp only [operands, terms, List.map_cons, List.map_nil, sumRat, Rat.add_zero]
      have hall := abs_le_iff.1 (abs_sumRat_le t.terms)
      have herror := abs_le_iff.1 herror
      clear he hs hy hone hsum
      exact abs_le_iff.2 ⟨by grind, by grind⟩

/-- The main theorem: a computed sum of any terms, by adders of any number of operands in any order, grouping and
split, is off by at most `((1 + u) ^ depth - 1)` times the sum of the terms' sizes plus `(1 + u) ^ depth eta` for each
level. -/
theorem error_le {u eta : Rat} (hu : 0 ≤ u) (heta : 0 ≤ eta) {t : AdderTree} (h : t.Obeys u eta) :
    abs (sumRat t.terms - sumRat t.operands) ≤ t.errorBound u eta := (error_and_size_le hu heta h).1

/-- No term goes through more levels than there are other terms, if each adder counts for at most the additions that it
stands for. -/
theorem depth_le {t : AdderTree} (h : t.Counted) :
    t.depth + t.operands.length ≤ t.terms.length ∧ t.roundings + t.operands.length ≤ t.terms.length := by
  induction t with
  | leaf x => exact ⟨Nat.le_refl 1, Nat.le_refl 1⟩
  | beside l r ihl ihr =>
    have := ihl h.1
    have := ihr h.2
    simp only [depth, roundings, operands_beside, terms_beside, List.length_append]
    omega
  | adder k y t ih =>
    obtain ⟨hk, ht⟩ := h
    have := ih ht
    simp only [depth, roundings, operands, terms, List.length_cons, List.length_nil]
    omega

/-- The bound without the tree: every way to add `n` terms to the number `y`, whatever the adders, the order and the
split, goes through at most `n - 1` levels. -/
theorem error_le_of_terms {u eta : Rat} (hu : 0 ≤ u) (heta : 0 ≤ eta) {t : AdderTree} (h : t.Obeys u eta)
    (hcounted : t.Counted) {y : Rat} (hy : t.operands = [y]) {terms : List Rat} (ht : t.terms.Perm terms) :
    abs (sumRat terms - y) ≤
      sumErrorBound u eta (terms.length - 1) (terms.length - 1) (sumRat (terms.map abs)) := by
  have hdepth := depth_le hcounted
  have herror := error_le hu heta h
  rw [hy, ht.length_eq, List.length_cons, List.length_nil] at hdepth
  rw [errorBound, hy, sumRat_perm ht, sumRat_perm (ht.map abs), sumRat, sumRat, Rat.add_zero] at herror
  exact Rat.le_trans herror
    (sumErrorBound_mono hu heta (sumRat_abs_nonneg terms) (by omega) (by omega))

/-- No adder on the way has a larger result than the size of all terms and the bound on the whole error. -/
theorem allResults_le {u eta b : Rat} (hu : 0 ≤ u) (heta : 0 ≤ eta) {t : AdderTree} (h : t.Obeys u eta)
    (hb : sumRat (t.terms.map abs) + t.errorBound u eta ≤ b) : t.AllResults fun y => abs y ≤ b := by
  induction t with
  | leaf x => exact trivial
  | beside l r ihl ihr =>
    have hl := sumRat_abs_nonneg l.terms
    have hr := sumRat_abs_nonneg r.terms
    simp only [errorBound, terms_beside, depth, roundings, List.map_append, sumRat_append] at hb
    have h₁ := sumErrorBound_le (n := sumRat (l.terms.map abs) + sumRat (r.terms.map abs)) hu heta hl
      (Nat.le_max_left l.depth r.depth) (Nat.le_add_right l.roundings r.roundings) (by grind)
    have h₂ := sumErrorBound_le (n := sumRat (l.terms.map abs) + sumRat (r.terms.map abs)) hu heta hr
      (Nat.le_max_right l.depth r.depth) (Nat.le_add_left r.roundings l.roundings) (by grind)
    exact ⟨ihl h.1 (by rw [errorBound]; grind), ihr h.2 (by rw [errorBound]; grind)⟩
  | adder k y t ih =>
    have hsize := (error_and_size_le hu heta h).2
    have hmono := sumErrorBound_mono hu heta (sumRat_abs_nonneg t.terms) (Nat.le_add_left t.depth k)
      (Nat.le_add_left t.roundings k)
    simp only [errorBound, terms, operands, depth, roundings, List.map_cons, List.map_nil, sumRat, Rat.add_zero] at *
    exact ⟨ih h.2 (by grind), Rat.le_trans hsize hb⟩

end AdderTree

/-! ### Rounded operations are such adders -/

/-- An adder that rounds the exact sum of its operands once. -/
theorem IsRounding.adder {fl : Rat → Rat} {u eta : Rat} (h : IsRounding fl u eta) (xs : List Rat) :
    abs (sumRat xs - fl (sumRat xs)) ≤ sumErrorBound u eta 1 1 (sumRat (xs.map abs)) := by
  have h₁ := h.error_le (sumRat xs)
  have h₂ := Rat.mul_le_mul_of_nonneg_left (abs_sumRat_le xs) h.u_nonneg
  have h₃ := mul_le_sumErrorBound h.u_nonneg h.eta_nonneg (sumRat_abs_nonneg xs) 1
  rw [Rat.natCast_ofNat] at h₃
  grind

/-- The rounded operations of a computation as adders. -/
def SumTree.adders (fl : Rat → Rat) : SumTree → AdderTree
  | leaf x => .leaf x
  | product a b => .adder 1 (fl (a * b)) (.leaf (a * b))
  | add l r => .adder 1 (fl (l.eval fl + r.eval fl)) (.beside (l.adders fl) (r.adders fl))
  | fma a b t => .adder 1 (fl (a * b + t.eval fl)) (.beside (.leaf (a * b)) (t.adders fl))

/-- Every computation with rounded products, sums and fused operations is a tree of adders of two operands that obeys,
with the same terms, result, depth and roundings. -/
theorem SumTree.adders_spec {fl : Rat → Rat} {u eta : Rat} (h : IsRounding fl u eta) (t : SumTree) :
    (t.adders fl).Obeys u eta ∧ (t.adders fl).operands = [t.eval fl] ∧ (t.adders fl).terms = t.terms ∧
    (t.adders fl).depth = t.depth ∧ (t.adders fl).roundings = t.roundings := by
  have two (x y : Rat) : sumRat [x, y] = x + y := by simp only [sumRat, Rat.add_zero]
  induction t with
  | leaf x => exact ⟨trivial, rfl, rfl, rfl, rfl⟩
  | product a b =>
    refine ⟨⟨?_, trivial⟩, rfl, rfl, rfl, rfl⟩
    have := h.adder [a * b]
    simpa only [AdderTree.operands, sumRat, Rat.add_zero] using this
  | add l r ihl ihr =>
    obtain ⟨hl, hlo, hlt, hld, hlr⟩ := ihl
    obtain ⟨hr, hro, hrt, hrd, hrr⟩ := ihr
    refine ⟨⟨?_, hl, hr⟩, rfl, ?_, ?_, ?_⟩
    · have := h.adder [l.eval fl, r.eval fl]
      simp only [AdderTree.operands_beside, hlo, hro, List.singleton_append]
      rwa [two] at this ⊢
    · rw [adders, AdderTree.terms, AdderTree.terms_beside, hlt, hrt, terms_add]
    · rw [adders, AdderTree.depth, AdderTree.depth, hld, hrd, depth, Nat.add_comm]
    · rw [adders, AdderTree.roundings, AdderTree.roundings, hlr, hrr, roundings, Nat.add_comm]
  | fma a b t ih =>
    obtain ⟨ht, hto, htt, htd, htr⟩ := ih
    refine ⟨⟨?_, trivial, ht⟩, rfl, ?_, ?_, ?_⟩
    · have := h.adder [a * b, t.eval fl]
      rw [AdderTree.operands_beside, hto, AdderTree.operands, List.singleton_append]
      rwa [two] at this ⊢
    · rw [adders, AdderTree.terms, AdderTree.terms_beside, AdderTree.terms, htt, terms_fma, List.singleton_append]
    · simp only [adders, AdderTree.depth, htd, depth]; omega
    · simp only [adders, AdderTree.roundings, htr, roundings]; omega

/-- The bound is tight: for every `u` and every number of terms `2 ^ k` there is a tree whose error is the bound. -/
theorem AdderTree.error_attained {u x : Rat} (hu : 0 ≤ u) (hx : 0 ≤ x) (k : Nat) :
    ∃ t : AdderTree, t.Obeys u 0 ∧ t.terms.length = 2 ^ k ∧
      abs (sumRat t.terms - sumRat t.operands) = t.errorBound u 0 := by
  obtain ⟨hround, heq⟩ := SumTree.error_attained hu hx k
  obtain ⟨hobeys, hops, hterms, hdepth, hroundings⟩ := (SumTree.balanced x k).adders_spec hround
  refine ⟨_, hobeys, ?_, ?_⟩
  · rw [hterms]
    clear hobeys hops hterms hdepth hroundings heq
    induction k with
    | zero => rfl
    | succ k ih => rw [SumTree.balanced, SumTree.terms_add, List.length_append, ih, Nat.pow_succ]; omega
  · rw [errorBound, hterms, hops, hdepth, hroundings, sumRat, sumRat, Rat.add_zero, ← SumTree.exactValue_eq,
      ← SumTree.magnitude_eq]
    exact heq

/-! ### The hypotheses can be met -/

example : sumErrorBound (1/8) 1 2 3 5 ≤ sumErrorBound (1/8) 1 3 4 6 :=
  sumErrorBound_le (by decide +kernel) (by decide) (by decide) (by decide) (by decide) (by decide)
example : (1 + (1/8 : Rat)) ^ 2 * sumErrorBound (1/8) 1 1 3 5 + sumErrorBound (1/8) 1 2 4 5 ≤
    sumErrorBound (1/8) 1 (2 + 1) (4 + 3) 5 := sumErrorBound_add (by decide +kernel) (by decide) 1 2 3 4
example : abs (sumRat [1/3, 1/7, 5] - float32.round (sumRat [1/3, 1/7, 5])) ≤
    sumErrorBound float32.unitRoundoff float32.underflowError 1 1 (sumRat ([1/3, 1/7, 5].map abs)) :=
  float32.isRounding.adder _
example : (exampleTree.adders float32.round).Obeys float32.unitRoundoff float32.underflowError :=
  (exampleTree.adders_spec float32.isRounding).1
example : ∃ t : AdderTree, t.Obeys (1/16) 0 ∧ t.terms.length = 2 ^ 3 ∧
    abs (sumRat t.terms - sumRat t.operands) = t.errorBound (1/16) 0 :=
  AdderTree.error_attained (x := 1) (by decide +kernel) (by decide) 3

end Q35
