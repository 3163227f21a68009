module

public import Q35.Accumulate
public import Q35.FloatRound
public import Q35.Linear

@[expose] public section

/-! Sums in floating point, in any order.

A computation of a sum is a tree: its leaves are the terms, its nodes the operations, and every operation rounds once.
The bound on its error depends on the depth of the tree, on how often it rounds and on the sizes of the terms, so it
holds for every order and grouping: left to right, tiled, split over several accumulators, with fused operations or
without. Integer sums need no bound: in int32 neither order nor grouping changes the result. -/

namespace Q35

/-- `fl` rounds every number with an error of at most `u` relative to it plus `eta`. -/
structure IsRounding (fl : Rat → Rat) (u eta : Rat) : Prop where
  /-- The relative error is not negative. -/
  u_nonneg : 0 ≤ u
  /-- The absolute error is not negative. -/
  eta_nonneg : 0 ≤ eta
  /-- What is lost by rounding. -/
  error_le : ∀ x, abs (x - fl x) ≤ u * abs x + eta

/-- A way to compute a sum of numbers and products. -/
inductive SumTree where
  /-- A number that is at hand. -/
  | leaf (x : Rat)
  /-- The rounded product of two numbers. -/
  | product (a b : Rat)
  /-- The rounded sum of two computed sums. -/
  | add (left right : SumTree)
  /-- The product `a * b` added to a computed sum with one rounding for both. -/
  | fma (a b : Rat) (rest : SumTree)

namespace SumTree

/-- The sum without any rounding. -/
def exactValue : SumTree → Rat
  | leaf x => x
  | product a b => a * b
  | add l r => l.exactValue + r.exactValue
  | fma a b t => a * b + t.exactValue

/-- The sum as computed: `fl` is applied to the exact result of every operation. -/
def eval (fl : Rat → Rat) : SumTree → Rat
  | leaf x => x
  | product a b => fl (a * b)
  | add l r => fl (l.eval fl + r.eval fl)
  | fma a b t => fl (a * b + t.eval fl)

/-- The largest number of roundings that a term goes through. -/
def depth : SumTree → Nat
  | leaf _ => 0
  | product _ _ => 1
  | add l r => max l.depth r.depth + 1
  | fma _ _ t => t.depth + 1

/-- The number of roundings. -/
def roundings : SumTree → Nat
  | leaf _ => 0
  | product _ _ => 1
  | add l r => l.roundings + r.roundings + 1
  | fma _ _ t => t.roundings + 1

/-- The sum of the absolute values of the terms. -/
def magnitude : SumTree → Rat
  | leaf x => abs x
  | product a b => abs (a * b)
  | add l r => l.magnitude + r.magnitude
  | fma a b t => abs (a * b) + t.magnitude

/-- Every operation's result has the property `p`. -/
def AllResults (fl : Rat → Rat) (p : Rat → Prop) : SumTree → Prop
  | leaf _ => True
  | product a b => p ((product a b).eval fl)
  | add l r => l.AllResults fl p ∧ r.AllResults fl p ∧ p ((add l r).eval fl)
  | fma a b t => t.AllResults fl p ∧ p ((fma a b t).eval fl)

/-- The exact terms before those of `others`. -/
def termsBefore (others : List Rat) : SumTree → List Rat
  | leaf x => x :: others
  | product a b => a * b :: others
  | add l r => l.termsBefore (r.termsBefore others)
  | fma a b t => a * b :: t.termsBefore others

/-- The exact terms of the sum. -/
def terms (t : SumTree) : List Rat := t.termsBefore []

/-- Trees added to a first one, from left to right. -/
def chain (first : SumTree) : List SumTree → SumTree
  | [] => first
  | t :: rest => chain (add first t) rest

/-- `2 ^ k` equal terms, added in pairs, the sums in pairs, and so on. -/
def balanced (x : Rat) : Nat → SumTree
  | 0 => leaf x
  | k + 1 => add (balanced x k) (balanced x k)

end SumTree

/-- The bound on the error of a sum of terms of the total size `magnitude` that is rounded `roundings` times, each term
at most `depth` times. -/
def sumErrorBound (u eta : Rat) (depth roundings : Nat) (magnitude : Rat) : Rat :=
  ((1 + u) ^ depth - 1) * magnitude + roundings * ((1 + u) ^ depth * eta)

/-- The bound on the error of a tree. -/
def SumTree.errorBound (u eta : Rat) (t : SumTree) : Rat := sumErrorBound u eta t.depth t.roundings t.magnitude

/-! ### Powers of 1 + u -/

/-- Powers of `1 + u` are at least 1. -/
theorem one_le_pow {u : Rat} (hu : 0 ≤ u) (n : Nat) : 1 ≤ (1 + u) ^ n := by
  induction n with
  | zero => rw [Rat.pow_zero]; exact Rat.le_refl
  | succ n ih =>
    rw [Rat.pow_succ]
    generalize (1 + u) ^ n = p at *
    have := Rat.mul_nonneg (a := p) (b := u) (by grind) hu
    grind

/-- Powers of `1 + u` grow with the exponent. -/
theorem pow_le_pow {u : Rat} (hu : 0 ≤ u) {m n : Nat} (h : m ≤ n) : (1 + u) ^ m ≤ (1 + u) ^ n := by
  induction n with
  | zero => rw [show m = 0 by omega]; exact Rat.le_refl
  | succ n ih =>
    rcases Nat.lt_or_ge n m with hlt | hge
    · rw [show m = n + 1 by omega]; exact Rat.le_refl
    · have := ih hge
      have := one_le_pow hu n
      rw [Rat.pow_succ]
      generalize (1 + u) ^ n = p at *
      have := Rat.mul_nonneg (a := p) (b := u) (by grind) hu
      grind

/-- Higham's bound in its division-free form. -/
theorem pow_mul_le_one {u : Rat} (hu : 0 ≤ u) (n : Nat) : (1 + u) ^ n * (1 - n * u) ≤ 1 := by
  induction n with
  | zero => rw [Rat.pow_zero, Rat.natCast_ofNat]; grind
  | succ n ih =>
    have := one_le_pow hu n
    rw [Rat.pow_succ, Rat.natCast_add, Rat.natCast_ofNat]
    generalize (1 + u) ^ n = p at *
    have := Rat.mul_nonneg (a := p) (b := n * (u * u)) (by grind)
      (Rat.mul_nonneg Rat.natCast_nonneg (mul_self_nonneg u))
    have := Rat.mul_nonneg (a := p) (b := u * u) (by grind) (mul_self_nonneg u)
    generalize (n : Rat) = m at *
    grind

/-- Higham's gamma: `n` roundings have a relative error of at most `n u / (1 - n u)`. -/
theorem pow_sub_one_le {u : Rat} (hu : 0 ≤ u) {n : Nat} (hn : n * u < 1) : (1 + u) ^ n - 1 ≤ n * u / (1 - n * u) := by
  rw [le_div_iff (by grind)]
  have := pow_mul_le_one hu n
  generalize (1 + u) ^ n = p at *
  grind

example : ((1 + 1/8 : Rat)) ^ 3 - 1 ≤ (3 : Nat) * (1/8) / (1 - (3 : Nat) * (1/8)) :=
  pow_sub_one_le (by decide +kernel) (by decide +kernel)

/-! ### The error of a sum -/

/-- One operation: operands off by at most `e` whose exact result is at most `m` give a result off by at most
`(1 + u) e + u m + eta`. -/
theorem IsRounding.step {fl : Rat → Rat} {u eta : Rat} (h : IsRounding fl u eta) {x y e m : Rat}
    (he : abs (x - y) ≤ e) (hm : abs x ≤ m) : abs (x - fl y) ≤ (1 + u) * e + u * m + eta := by
  have hfl := h.error_le y
  have hy : abs y ≤ m + e := by
    have := abs_le_iff.1 he
    have := abs_le_iff.1 hm
    exact abs_le_iff.2 ⟨by grind, by grind⟩
  have := Rat.mul_le_mul_of_nonneg_left hy h.u_nonneg
  have := abs_add_le (x - y) (y - fl y)
  have hsum : x - y + (y - fl y) = x - fl y := by grind
  rw [hsum] at this
  grind

/-- The bound grows with the depth. -/
theorem sumErrorBound_mono {u eta m : Rat} (hu : 0 ≤ u) (heta : 0 ≤ eta) (hm : 0 ≤ m) {j k r s : Nat} (hjk : j ≤ k)
    (hrs : r ≤ s) : sumErrorBound u eta j r m ≤ sumErrorBound u eta k s m := by
  have hpow := pow_le_pow hu hjk
  have hone := one_le_pow hu j
  have hrs : (r : Rat) ≤ s := Rat.natCast_le_natCast.2 hrs
  have hr : (0 : Rat) ≤ r := Rat.natCast_nonneg
  rw [sumErrorBound, sumErrorBound]
  generalize (1 + u) ^ j = p at *
  generalize (1 + u) ^ k = q at *
  have := Rat.mul_le_mul_of_nonneg_left (show p - 1 ≤ q - 1 by grind) hm
  have hp := mul_le_mul (a := p) (b := q) (c := eta) (d := eta) hpow Rat.le_refl (by grind) heta
  have := mul_le_mul hrs hp hr (Rat.mul_nonneg (by grind) heta)
  grind

/-- One more rounding of a sum whose parts keep the bound keeps the bound. -/
theorem sumErrorBound_succ {u eta m : Rat} (hu : 0 ≤ u) (heta : 0 ≤ eta) (k r : Nat) :
    (1 + u) * sumErrorBound u eta k r m + u * m + eta ≤ sumErrorBound u eta (k + 1) (r + 1) m := by
  have := one_le_pow hu (k + 1)
  rw [Rat.pow_succ] at this
  rw [sumErrorBound, sumErrorBound, Rat.pow_succ, Rat.natCast_add, Rat.natCast_ofNat]
  generalize (1 + u) ^ k = p at *
  have := Rat.mul_nonneg (a := p * (1 + u) - 1) (b := eta) (by grind) heta
  grind

namespace SumTree

/-- The size of a sum is not negative. -/
theorem magnitude_nonneg (t : SumTree) : 0 ≤ t.magnitude := by
  induction t with
  | leaf x => exact abs_nonneg x
  | product a b => exact abs_nonneg _
  | add l r ihl ihr => simp only [magnitude]; grind
  | fma a b t ih => have := abs_nonneg (a * b); simp only [magnitude]; grind

/-- No sum is larger than the sum of the absolute values of its terms. -/
theorem abs_exactValue_le (t : SumTree) : abs t.exactValue ≤ t.magnitude := by
  induction t with
  | leaf x => exact Rat.le_refl
  | product a b => exact Rat.le_refl
  | add l r ihl ihr => have := abs_add_le l.exactValue r.exactValue; simp only [magnitude, exactValue]; grind
  | fma a b t ih => have := abs_add_le (a * b) t.exactValue; simp only [magnitude, exactValue]; grind

/-- The main theorem: whatever the order and the grouping, with fused operations or without, a computed sum is off by at
most `((1 + u) ^ depth - 1)` times the sum of the absolute values of its terms, plus `(1 + u) ^ depth eta` for each
rounding. -/
theorem error_le {fl : Rat → Rat} {u eta : Rat} (h : IsRounding fl u eta) (t : SumTree) :
    abs (t.exactValue - t.eval fl) ≤ t.errorBound u eta := by
  have ⟨hu, heta, _⟩ := h
  have hzero {x y m : Rat} (hxy : x = y) : abs (x - y) ≤ sumErrorBound u eta 0 0 m := by
    rw [sumErrorBound, Rat.pow_zero, Rat.natCast_ofNat]; grind [abs]
  induction t with
  | leaf x => exact hzero rfl
  | product a b => exact Rat.le_trans (h.step (hzero rfl) Rat.le_refl) (sumErrorBound_succ hu heta 0 0)
  | add l r ihl ihr =>
    have hl := sumErrorBound_mono hu heta l.magnitude_nonneg (Nat.le_max_left l.depth r.depth) (Nat.le_refl l.roundings)
    have hr := sumErrorBound_mono hu heta r.magnitude_nonneg (Nat.le_max_right l.depth r.depth)
      (Nat.le_refl r.roundings)
    have hsplit := abs_add_le (l.exactValue - l.eval fl) (r.exactValue - r.eval fl)
    refine Rat.le_trans (h.step ?_ (add l r).abs_exactValue_le) (sumErrorBound_succ hu heta _ _)
    simp only [exactValue, magnitude, errorBound, sumErrorBound, Rat.natCast_add] at *
    generalize (1 + u) ^ max l.depth r.depth = p at *
    grind
  | fma a b t ih =>
    refine Rat.le_trans (h.step ?_ (fma a b t).abs_exactValue_le) (sumErrorBound_succ hu heta _ _)
    have hab := abs_nonneg (a * b)
    have hp := one_le_pow hu t.depth
    simp only [exactValue, magnitude, errorBound, sumErrorBound] at *
    generalize (1 + u) ^ t.depth = p at *
    have := Rat.mul_nonneg (a := p - 1) (b := abs (a * b)) (by grind) hab
    grind

/-- A computed sum is no larger than the size of its terms and the bound on its error. -/
theorem abs_eval_le {fl : Rat → Rat} {u eta : Rat} (h : IsRounding fl u eta) (t : SumTree) :
    abs (t.eval fl) ≤ t.magnitude + t.errorBound u eta := by
  have := abs_le_iff.1 (t.error_le h)
  have := abs_le_iff.1 t.abs_exactValue_le
  exact abs_le_iff.2 ⟨by grind, by grind⟩

/-- The bound of a part is no larger than that of the whole. -/
theorem errorBound_le {u eta : Rat} (hu : 0 ≤ u) (heta : 0 ≤ eta) {s t : SumTree} (hd : s.depth ≤ t.depth)
    (hr : s.roundings ≤ t.roundings) (hm : s.magnitude ≤ t.magnitude) : s.errorBound u eta ≤ t.errorBound u eta := by
  refine Rat.le_trans ?_ (sumErrorBound_mono hu heta t.magnitude_nonneg hd hr)
  have hone := one_le_pow hu s.depth
  rw [errorBound, sumErrorBound, sumErrorBound]
  generalize (1 + u) ^ s.depth = p at *
  have := Rat.mul_le_mul_of_nonneg_left hm (c := p - 1) (by grind)
  grind

/-- No operation on the way has a larger result than the size of all terms and the bound on the whole error. -/
theorem allResults_le {fl : Rat → Rat} {u eta b : Rat} (h : IsRounding fl u eta) {t : SumTree}
    (hb : t.magnitude + t.errorBound u eta ≤ b) : t.AllResults fl fun y => abs y ≤ b := by
  have ⟨hu, heta, _⟩ := h
  induction t with
  | leaf x => exact trivial
  | product x y => exact Rat.le_trans ((product x y).abs_eval_le h) hb
  | add l r ihl ihr =>
    have hl : l.magnitude ≤ (add l r).magnitude := by have := r.magnitude_nonneg; rw [magnitude]; grind
    have hr : r.magnitude ≤ (add l r).magnitude := by have := l.magnitude_nonneg; rw [magnitude]; grind
    have := errorBound_le hu heta (s := l) (t := add l r) (by rw [depth]; omega) (by rw [roundings]; omega) hl
    have := errorBound_le hu heta (s := r) (t := add l r) (by rw [depth]; omega) (by rw [roundings]; omega) hr
    exact ⟨ihl (by grind), ihr (by grind), Rat.le_trans ((add l r).abs_eval_le h) hb⟩
  | fma x y t ih =>
    have ht : t.magnitude ≤ (fma x y t).magnitude := by have := abs_nonneg (x * y); rw [magnitude]; grind
    have := errorBound_le hu heta (s := t) (t := fma x y t) (by rw [depth]; omega) (by rw [roundings]; omega) ht
    exact ⟨ih (by grind), Rat.le_trans ((fma x y t).abs_eval_le h) hb⟩

/-! ### Any order -/

/-- The terms come before others. -/
theorem termsBefore_eq (t : SumTree) (others : List Rat) : t.termsBefore others = t.terms ++ others := by
  induction t generalizing others with
  | leaf x => rfl
  | product a b => rfl
  | add l r ihl ihr =>
    rw [terms, termsBefore, termsBefore, ihr, ihl, ihr, ihl, List.append_assoc, List.append_assoc]
    rfl
  | fma a b t ih => rw [terms, termsBefore, termsBefore, ih, ih, List.cons_append, List.append_assoc]; rfl

/-- The terms of a sum of two sums. -/
theorem terms_add (l r : SumTree) : (add l r).terms = l.terms ++ r.terms := l.termsBefore_eq _

/-- The terms of a fused operation. -/
theorem terms_fma (a b : Rat) (t : SumTree) : (fma a b t).terms = a * b :: t.terms := rfl

end SumTree

/-- The sum of two lists of rational numbers, one after the other. -/
theorem sumRat_append (xs ys : List Rat) : sumRat (xs ++ ys) = sumRat xs + sumRat ys := by
  induction xs with
  | nil => rw [List.nil_append, sumRat]; grind
  | cons x xs ih => rw [List.cons_append, sumRat, sumRat, ih]; grind

/-- The order of the terms does not change an exact sum. -/
theorem sumRat_perm {xs ys : List Rat} (h : xs.Perm ys) : sumRat xs = sumRat ys := by
  induction h with
  | nil => rfl
  | cons x _ ih => rw [sumRat, sumRat, ih]
  | swap x y _ => simp only [sumRat]; grind
  | trans _ _ ih₁ ih₂ => rw [ih₁, ih₂]

namespace SumTree

/-- The exact value is the sum of the terms. -/
theorem exactValue_eq (t : SumTree) : t.exactValue = sumRat t.terms := by
  induction t with
  | leaf x => rw [exactValue, terms, termsBefore, sumRat, sumRat, Rat.add_zero]
  | product a b => rw [exactValue, terms, termsBefore, sumRat, sumRat, Rat.add_zero]
  | add l r ihl ihr => rw [exactValue, terms_add, sumRat_append, ihl, ihr]
  | fma a b t ih => rw [exactValue, terms_fma, sumRat, ih]

/-- The size of a sum is that of its terms. -/
theorem magnitude_eq (t : SumTree) : t.magnitude = sumRat (t.terms.map abs) := by
  induction t with
  | leaf x => rw [magnitude, terms, termsBefore, List.map, List.map, sumRat, sumRat, Rat.add_zero]
  | product a b => rw [magnitude, terms, termsBefore, List.map, List.map, sumRat, sumRat, Rat.add_zero]
  | add l r ihl ihr => rw [magnitude, terms_add, List.map_append, sumRat_append, ihl, ihr]
  | fma a b t ih => rw [magnitude, terms_fma, List.map_cons, sumRat, ih]

/-- No term is rounded more often than there are terms, and there are fewer than two roundings a term: one for each
product and one for each operation that joins two sums. -/
theorem depth_le (t : SumTree) : t.depth ≤ t.terms.length ∧ t.roundings + 1 ≤ 2 * t.terms.length := by
  induction t with
  | leaf x => exact ⟨Nat.zero_le _, by simp [roundings, terms, termsBefore]⟩
  | product a b => simp [depth, roundings, terms, termsBefore]
  | add l r ihl ihr => rw [terms_add, List.length_append, depth, roundings]; omega
  | fma a b t ih => rw [terms_fma, List.length_cons, depth, roundings]; omega

/-- The bound without the tree: every way to compute the sum of `n` terms, in any order and any grouping, with fused
operations or without, is off by at most `(1 + u) ^ n - 1` times the sum of their absolute values, plus
`2 n (1 + u) ^ n eta`. -/
theorem error_le_of_terms {fl : Rat → Rat} {u eta : Rat} (h : IsRounding fl u eta) {t : SumTree} {terms : List Rat}
    (ht : t.terms.Perm terms) :
    abs (sumRat terms - t.eval fl) ≤
      sumErrorBound u eta terms.length (2 * terms.length) (sumRat (terms.map abs)) := by
  have hsum := t.error_le h
  have hdepth := t.depth_le
  have hm := t.magnitude_nonneg
  rw [ht.length_eq] at hdepth
  rw [exactValue_eq, sumRat_perm ht] at hsum
  rw [errorBound, magnitude_eq, sumRat_perm (ht.map abs)] at hsum
  rw [magnitude_eq, sumRat_perm (ht.map abs)] at hm
  exact Rat.le_trans hsum (sumErrorBound_mono h.u_nonneg h.eta_nonneg hm hdepth.1 (by omega))

/-- Two ways to compute the sum of the same terms differ by at most the sum of their bounds. -/
theorem sub_le_of_perm {fl : Rat → Rat} {u eta : Rat} (h : IsRounding fl u eta) {s t : SumTree}
    (hst : s.terms.Perm t.terms) : abs (s.eval fl - t.eval fl) ≤ s.errorBound u eta + t.errorBound u eta := by
  have hs := s.error_le h
  have ht := t.error_le h
  rw [exactValue_eq] at hs ht
  rw [sumRat_perm hst] at hs
  have := abs_le_iff.1 hs
  have := abs_le_iff.1 ht
  clear hs ht
  exact abs_le_iff.2 ⟨by grind, by grind⟩

/-- The bound in terms of Higham's gamma, for a rounding without underflow. -/
theorem error_le_gamma {fl : Rat → Rat} {u : Rat} (h : IsRounding fl u 0) {t : SumTree} (ht : t.depth * u < 1) :
    abs (t.exactValue - t.eval fl) ≤ t.depth * u / (1 - t.depth * u) * t.magnitude := by
  refine Rat.le_trans (t.error_le h) ?_
  have := Rat.mul_le_mul_of_nonneg_left (pow_sub_one_le h.u_nonneg ht) t.magnitude_nonneg
  rw [errorBound, sumErrorBound]
  grind

/-! ### Orders in use -/

/-- A chain: no deeper than its deepest part and one rounding for each part that is added. -/
theorem depth_chain_le {k : Nat} {first : SumTree} (hfirst : first.depth ≤ k) {rest : List SumTree}
    (hrest : ∀ t ∈ rest, t.depth ≤ k) : (chain first rest).depth ≤ k + rest.length := by
  have general : ∀ (j : Nat) (rest : List SumTree) (first : SumTree), first.depth ≤ k + j →
      (∀ t ∈ rest, t.depth ≤ k) → (chain first rest).depth ≤ k + j + rest.length := by
    intro j rest
    induction rest generalizing j with
    | nil => intro first h _; exact h
    | cons t rest ih =>
      intro first h hrest
      have ht := hrest t List.mem_cons_self
      have := ih (j + 1) (add first t) (by rw [depth]; omega) fun s hs => hrest s (List.mem_cons_of_mem _ hs)
      rw [chain, List.length_cons]
      omega
  simpa using general 0 rest first hfirst hrest

/-- Adding in pairs rounds each of `2 ^ k` terms only `k` times. -/
theorem depth_balanced (x : Rat) (k : Nat) : (balanced x k).depth = k := by
  induction k with
  | zero => rfl
  | succ k ih => rw [balanced, depth, ih, Nat.max_self]

/-- The bound is tight: for every `u` there is a rounding, and for every number of terms `2 ^ k` a sum, whose error is
the bound. -/
theorem error_attained {u x : Rat} (hu : 0 ≤ u) (hx : 0 ≤ x) (k : Nat) :
    IsRounding (fun y => (1 + u) * y) u 0 ∧
      abs ((balanced x k).exactValue - (balanced x k).eval fun y => (1 + u) * y) = (balanced x k).errorBound u 0 := by
  refine ⟨⟨hu, Rat.le_refl, fun y => ?_⟩, ?_⟩
  · have : y - (1 + u) * y = -(u * y) := by grind
    rw [this, abs_neg, abs_mul]
    grind [abs]
  · have hvalues : ∀ k, (balanced x k).magnitude = (balanced x k).exactValue ∧
        (balanced x k).eval (fun y => (1 + u) * y) = (1 + u) ^ k * (balanced x k).exactValue := by
      intro k
      induction k with
      | zero => simp only [balanced, magnitude, exactValue, eval, Rat.pow_zero]; grind [abs]
      | succ k ih =>
        simp only [balanced, magnitude, exactValue, eval, ih, Rat.pow_succ]
        generalize (1 + u) ^ k = p
        grind
    obtain ⟨hm, he⟩ := hvalues k
    have hpos := (balanced x k).magnitude_nonneg
    have hone := one_le_pow hu k
    rw [hm] at hpos
    rw [errorBound, sumErrorBound, depth_balanced, hm, he]
    generalize (1 + u) ^ k = p at *
    have := Rat.mul_nonneg (a := p - 1) (b := (balanced x k).exactValue) (by grind) hpos
    grind [abs]

end SumTree

/-! ### int32: order and grouping are free -/

/-- A way to add int32 numbers. -/
inductive IntSum where
  /-- A number. -/
  | leaf (v : Int)
  /-- The sum of two sums. -/
  | add (left right : IntSum)

namespace IntSum

/-- The sum without overflow. -/
def exactValue : IntSum → Int
  | leaf v => v
  | add l r => l.exactValue + r.exactValue

/-- The sum in int32 arithmetic: every number and every sum keeps 32 bits. -/
def eval32 : IntSum → Int
  | leaf v => wrap32 v
  | add l r => wrap32 (l.eval32 + r.eval32)

/-- The numbers before `others`. -/
def termsBefore (others : List Int) : IntSum → List Int
  | leaf v => v :: others
  | add l r => l.termsBefore (r.termsBefore others)

/-- The numbers of the sum. -/
def terms (t : IntSum) : List Int := t.termsBefore []

/-- The exact value is the sum of the numbers. -/
theorem exactValue_eq (t : IntSum) : t.exactValue = t.terms.sum := by
  have general : ∀ others, (t.termsBefore others).sum = t.exactValue + others.sum := by
    induction t with
    | leaf v => intro others; rw [termsBefore, List.sum_cons, exactValue]
    | add l r ihl ihr => intro others; rw [termsBefore, ihl, ihr, exactValue, Int.add_assoc]
  rw [terms, general, List.sum_nil, Int.add_zero]

/-- Any grouping in int32 arithmetic gives the exact sum, cut to 32 bits. -/
theorem eval32_eq (t : IntSum) : t.eval32 = wrap32 t.exactValue := by
  induction t with
  | leaf v => rfl
  | add l r ihl ihr =>
    rw [eval32, exactValue, ihl, ihr, wrap32_add, Int.add_comm, wrap32_add, Int.add_comm]

end IntSum

/-- The order of the terms does not change an integer sum. -/
theorem sum_perm {us vs : List Int} (h : us.Perm vs) : us.sum = vs.sum := by
  induction h with
  | nil => rfl
  | cons x _ ih => rw [List.sum_cons, List.sum_cons, ih]
  | swap x y _ => simp only [List.sum_cons]; omega
  | trans _ _ ih₁ ih₂ => rw [ih₁, ih₂]

/-- A sum in int32 arithmetic does not depend on the order of the terms, even if it overflows. -/
theorem sum32_perm {us vs : List Int} (h : us.Perm vs) : sum32 us = sum32 vs := by
  rw [sum32_eq_wrap32, sum32_eq_wrap32, sum_perm h]

/-- int32 sums of two parts, added in int32, are the int32 sum of the whole: a product may be split over threads. -/
theorem sum32_append (us vs : List Int) : sum32 (us ++ vs) = wrap32 (sum32 us + sum32 vs) := by
  simp only [sum32_eq_wrap32]
  grind [wrap32, sum_append]

/-- A sum in int32 arithmetic does not depend on order or grouping: every way to add the same numbers gives the same. -/
theorem IntSum.eval32_eq_sum32 {t : IntSum} {values : List Int} (h : t.terms.Perm values) :
    t.eval32 = sum32 values := by
  rw [eval32_eq, exactValue_eq, sum32_eq_wrap32, sum_perm h]

/-! ### Binary floating-point formats -/

namespace FloatFormat

/-- Rounding to a format is a rounding: its unit roundoff, and half its unit where numbers are too small for that. -/
theorem isRounding (F : FloatFormat) : IsRounding F.round F.unitRoundoff F.underflowError where
  u_nonneg := Rat.le_of_lt (div_pos (by decide) (two_pow_pos _))
  eta_nonneg := Rat.le_of_lt (div_pos (by decide)
    (Rat.natCast_pos.2 (Nat.mul_pos (by decide) (Nat.two_pow_pos F.unitExponent))))
  error_le := F.abs_sub_round_le

end FloatFormat

/-- "The order of a sum does not matter" is false in float32: 2^24 + 1 is not a number of the format, 2^24 + 2 is. -/
theorem float32_order_matters :
    ∃ s t : SumTree, s.terms.Perm t.terms ∧ s.eval float32.round ≠ t.eval float32.round := by
  refine ⟨.chain (.leaf 16777216) [.leaf 1, .leaf 1], .chain (.leaf 1) [.leaf 1, .leaf 16777216], ?_, ?_⟩
  · exact List.perm_append_comm (l₁ := [(16777216 : Rat)]) (l₂ := [1, 1])
  · decide +kernel

/-- Nor is the grouping free: with the terms in the same order, (2^24 + 1) + 1 = 2^24 and 2^24 + (1 + 1) = 2^24 + 2. -/
theorem float32_grouping_matters :
    (SumTree.add (.add (.leaf 16777216) (.leaf 1)) (.leaf 1)).eval float32.round = 16777216 ∧
    (SumTree.add (.leaf 16777216) (.add (.leaf 1) (.leaf 1))).eval float32.round = 16777218 := by
  decide +kernel

/-- Nor is it free to fuse: 4097 * 4097 = 2^24 + 2^13 + 1 loses its 1 when it is rounded before 2^24 + 2^13 is taken
away. -/
theorem float32_fma_matters :
    (SumTree.add (.leaf (-16785408)) (.product 4097 4097)).eval float32.round = 0 ∧
    (SumTree.fma 4097 4097 (.leaf (-16785408))).eval float32.round = 1 := by
  decide +kernel

/-- In float16 itself the bound is nearly attained: 2048 + 1 loses 1, and the bound is 2049/2048. -/
theorem float16_sum_nearly_tight :
    let t := SumTree.add (.leaf 2048) (.leaf 1)
    abs (t.exactValue - t.eval float16.round) = 1 ∧ t.errorBound float16.unitRoundoff 0 = 2049/2048 := by
  decide +kernel

/-! ### The hypotheses can be met -/

/-- A product, a sum of two tiles and a fused operation: five roundings, four deep. -/
def exampleTree : SumTree :=
  .fma (1/3) 3 (.add (.add (.product 5 (1/5)) (.leaf (1/2))) (.product 7 (1/7)))

example : abs (exampleTree.exactValue - exampleTree.eval float32.round) ≤
    exampleTree.errorBound float32.unitRoundoff float32.underflowError := exampleTree.error_le float32.isRounding
example : abs (exampleTree.eval float16.round) ≤
    exampleTree.magnitude + exampleTree.errorBound float16.unitRoundoff float16.underflowError :=
  exampleTree.abs_eval_le float16.isRounding
example : exampleTree.AllResults float16.round fun y => abs y ≤ float16.largest :=
  SumTree.allResults_le float16.isRounding (by decide +kernel)
example : (SumTree.leaf 1).errorBound (1/8) 1 ≤ exampleTree.errorBound (1/8) 1 :=
  SumTree.errorBound_le (by decide +kernel) (by decide) (by decide) (by decide) (by decide +kernel)
example : abs ((1/3 : Rat) - float32.round (1/3)) ≤ (1 + float32.unitRoundoff) * 0 + float32.unitRoundoff * (1/3) +
    float32.underflowError := float32.isRounding.step (by decide +kernel) (by decide +kernel)
example : 1 ≤ (1 + (1/8 : Rat)) ^ 3 := one_le_pow (by decide +kernel) 3
example : (1 + (1/8 : Rat)) ^ 2 ≤ (1 + 1/8) ^ 3 := pow_le_pow (by decide +kernel) (by decide)
example : (1 + (1/8 : Rat)) ^ 3 * (1 - (3 : Nat) * (1/8)) ≤ 1 := pow_mul_le_one (by decide +kernel) 3
example : sumErrorBound (1/8) 1 2 3 5 ≤ sumErrorBound (1/8) 1 3 3 5 :=
  sumErrorBound_mono (by decide +kernel) (by decide) (by decide) (by decide) (by decide)
example : (1 + 1/8) * sumErrorBound (1/8) 1 2 3 5 + 1/8 * 5 + 1 ≤ sumErrorBound (1/8) 1 (2 + 1) (3 + 1) 5 :=
  sumErrorBound_succ (by decide +kernel) (by decide) 2 3
example : sumRat [1, 2] = sumRat [2, 1] := sumRat_perm (List.perm_append_comm (l₁ := [(1 : Rat)]) (l₂ := [2]))
example : abs (sumRat [1/2, 1/3] - (SumTree.add (.leaf (1/3)) (.leaf (1/2))).eval float32.round) ≤
    sumErrorBound float32.unitRoundoff float32.underflowError 2 4 (sumRat [abs (1/2), abs (1/3)]) :=
  SumTree.error_le_of_terms float32.isRounding (List.perm_append_comm (l₁ := [(1/3 : Rat)]) (l₂ := [1/2]))
example : abs ((SumTree.add (.leaf 1) (.leaf (1/3))).eval float32.round -
      (SumTree.add (.leaf (1/3)) (.leaf 1)).eval float32.round) ≤
    (SumTree.add (.leaf 1) (.leaf (1/3))).errorBound float32.unitRoundoff float32.underflowError +
      (SumTree.add (.leaf (1/3)) (.leaf 1)).errorBound float32.unitRoundoff float32.underflowError :=
  SumTree.sub_le_of_perm float32.isRounding (List.perm_append_comm (l₁ := [(1 : Rat)]) (l₂ := [1/3]))
example : abs ((SumTree.balanced 1 3).exactValue - (SumTree.balanced 1 3).eval fun y => (1 + 1/16) * y) ≤
    (SumTree.balanced 1 3).depth * (1/16) / (1 - (SumTree.balanced 1 3).depth * (1/16)) *
      (SumTree.balanced 1 3).magnitude :=
  SumTree.error_le_gamma (SumTree.error_attained (x := 1) (by decide +kernel) (by decide) 3).1
    (by rw [SumTree.depth_balanced]; decide +kernel)
example : (SumTree.chain (.product 1 2) [.leaf 3, .product 4 5]).depth ≤ 1 + 2 :=
  SumTree.depth_chain_le (by decide) (by simp [SumTree.depth])
example : [(3 : Int), 4].sum = [4, 3].sum := sum_perm (List.perm_append_comm (l₁ := [(3 : Int)]) (l₂ := [4]))
example : sum32 [2 ^ 31 - 1, 5] = sum32 [5, 2 ^ 31 - 1] :=
  sum32_perm (List.perm_append_comm (l₁ := [(2 ^ 31 - 1 : Int)]) (l₂ := [5]))
example : (IntSum.add (.add (.leaf (2 ^ 31 - 1)) (.leaf 5)) (.leaf (-7))).eval32 = sum32 [-7, 2 ^ 31 - 1, 5] :=
  IntSum.eval32_eq_sum32 (List.perm_append_comm (l₁ := [(2 ^ 31 - 1 : Int), 5]) (l₂ := [-7]))

end Q35
