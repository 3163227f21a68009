module

public import Q35.Code

@[expose] public section

/-! How many products of int8 activations and table entries an int32 accumulator holds.

The unit is the pair: a code contributes `a0 * t0 + a1 * t1`. A single slot is the pair whose other entry is zero. The
largest safe number of pairs follows from the least and the greatest contribution of a table, and it is exact: one pair
more can overflow. -/

namespace Q35

/-! ### int32 -/

/-- `v` is an int8 number. -/
abbrev InInt8 (v : Int) : Prop := -128 ≤ v ∧ v ≤ 127

/-- `v` is an int32 number. -/
abbrev InInt32 (v : Int) : Prop := -2 ^ 31 ≤ v ∧ v ≤ 2 ^ 31 - 1

/-- The int32 number that is left of `v` when only 32 bits are kept. -/
def wrap32 (v : Int) : Int := (v + 2 ^ 31) % 2 ^ 32 - 2 ^ 31

/-- A sum in int32 arithmetic: every addition keeps 32 bits. -/
def sum32 (values : List Int) : Int := values.foldl (fun acc v => wrap32 (acc + v)) 0

/-- What is left of a number in 32 bits is an int32 number. -/
theorem wrap32_inInt32 (v : Int) : InInt32 (wrap32 v) := by unfold wrap32; omega

/-- An int32 number loses nothing in 32 bits. -/
theorem wrap32_eq {v : Int} (h : InInt32 v) : wrap32 v = v := by unfold wrap32; omega

example : wrap32 (-2 ^ 31) = -2 ^ 31 := wrap32_eq (by decide)

/-- It makes no difference at which additions the upper bits are dropped. -/
theorem wrap32_add (u v : Int) : wrap32 (wrap32 u + v) = wrap32 (u + v) := by unfold wrap32; omega

/-- A sum in int32 arithmetic is the exact sum, cut to 32 bits once. -/
theorem sum32_eq_wrap32 (values : List Int) : sum32 values = wrap32 values.sum := by
  have step : ∀ (vs : List Int) (acc : Int),
      vs.foldl (fun acc v => wrap32 (acc + v)) (wrap32 acc) = wrap32 (acc + vs.sum) := by
    intro vs
    induction vs with
    | nil => simp
    | cons v vs ih => intro acc; simp only [List.foldl_cons, wrap32_add, ih, List.sum_cons, Int.add_assoc]
  simpa [sum32, wrap32_eq] using step values 0

/-- A sum in int32 arithmetic is exact when the exact sum is an int32 number. -/
theorem sum32_eq_sum {values : List Int} (h : InInt32 values.sum) : sum32 values = values.sum := by
  rw [sum32_eq_wrap32, wrap32_eq h]

example : sum32 [2 ^ 31 - 1, 1, -1] = [2 ^ 31 - 1, 1, -1].sum := sum32_eq_sum (by decide)

/-! ### The largest safe number of terms -/

/-- The largest number of terms between `least` and `greatest` whose sum stays in int32 whatever they are. -/
def maxSafeTerms (least greatest : Int) : Nat :=
  (min (2 ^ 31 / max 1 (-least)) ((2 ^ 31 - 1) / max 1 greatest)).toNat

/-- What a safe number of terms is: that many extreme terms of either sign still fit. -/
theorem le_maxSafeTerms_iff {least greatest : Int} {K : Nat} :
    K ≤ maxSafeTerms least greatest ↔ K * max 1 (-least) ≤ 2 ^ 31 ∧ K * max 1 greatest ≤ 2 ^ 31 - 1 := by
  have hlow : (0 : Int) ≤ 2 ^ 31 / max 1 (-least) := Int.ediv_nonneg (by decide) (by omega)
  have hhigh : (0 : Int) ≤ (2 ^ 31 - 1) / max 1 greatest := Int.ediv_nonneg (by decide) (by omega)
  rw [← Int.le_ediv_iff_mul_le (by omega), ← Int.le_ediv_iff_mul_le (by omega), maxSafeTerms]
  omega

/-- A sum lies between its number of terms times the least and times the greatest term. -/
theorem sum_bounds {least greatest : Int} {values : List Int} (h : ∀ v ∈ values, least ≤ v ∧ v ≤ greatest) :
    values.length * least ≤ values.sum ∧ values.sum ≤ values.length * greatest := by
  induction values with
  | nil => simp
  | cons v vs ih =>
    have hv := h v (by simp)
    have hvs := ih fun w hw => h w (by simp [hw])
    simp only [List.length_cons, List.sum_cons, Int.natCast_add, Int.add_mul, Int.natCast_one, Int.one_mul]
    omega

example : 2 * (-3) ≤ [-3, 5].sum ∧ [-3, 5].sum ≤ 2 * 5 :=
  sum_bounds (values := [-3, 5]) (least := -3) (greatest := 5) (by decide)

/-- No overflow: up to `maxSafeTerms` terms between `least` and `greatest` have a sum in int32. -/
theorem sum_inInt32 {least greatest : Int} {values : List Int} (h : ∀ v ∈ values, least ≤ v ∧ v ≤ greatest)
    (hK : values.length ≤ maxSafeTerms least greatest) : InInt32 values.sum := by
  have hsum := sum_bounds h
  have ⟨hlow, hhigh⟩ := le_maxSafeTerms_iff.1 hK
  have hl := Int.mul_le_mul_of_nonneg_left (show -least ≤ max 1 (-least) by omega) (Int.natCast_nonneg values.length)
  have hg := Int.mul_le_mul_of_nonneg_left (show greatest ≤ max 1 greatest by omega) (Int.natCast_nonneg values.length)
  rw [Int.mul_neg] at hl
  omega

example : InInt32 [1024, -1016].sum :=
  sum_inInt32 (least := -1016) (greatest := 1024) (values := [1024, -1016]) (by decide) (by decide)

/-- No overflow on the way: every part of the terms, so every partial sum in any order, is in int32 too. -/
theorem partial_sum_inInt32 {least greatest : Int} {part values : List Int} (hpart : part.Sublist values)
    (h : ∀ v ∈ values, least ≤ v ∧ v ≤ greatest) (hK : values.length ≤ maxSafeTerms least greatest) : InInt32 part.sum :=
  sum_inInt32 (fun v hv => h v (hpart.subset hv)) (Nat.le_trans hpart.length_le hK)

example : InInt32 [1024].sum :=
  partial_sum_inInt32 (least := -1016) (greatest := 1024) (values := [1024, -1016]) (by decide) (by decide) (by decide)

/-- The sum of equal terms. -/
theorem sum_replicate (n : Nat) (v : Int) : (List.replicate n v).sum = n * v := by
  induction n with
  | zero => simp
  | succ n ih => simp only [List.replicate_succ, List.sum_cons, ih, Int.natCast_add, Int.add_mul]; omega

/-- The sum of two lists, one after the other. -/
theorem sum_append (us vs : List Int) : (us ++ vs).sum = us.sum + vs.sum := by
  induction us with
  | nil => simp
  | cons u us ih => simp only [List.cons_append, List.sum_cons, ih, Int.add_assoc]

/-- Tight: one term more than `maxSafeTerms` overflows, when all are the greatest or all are the least. -/
theorem maxSafeTerms_tight {least greatest : Int} (hl : least ≤ 0) (hg : 0 < greatest) :
    ∃ v, (v = least ∨ v = greatest) ∧ ¬InInt32 (List.replicate (maxSafeTerms least greatest + 1) v).sum := by
  have hgreatest := Int.lt_mul_ediv_self_add (x := 2 ^ 31 - 1) hg
  have hmax : max 1 greatest = greatest := by omega
  have hnonneg : (0 : Int) ≤ (2 ^ 31 - 1) / greatest := Int.ediv_nonneg (by decide) (by omega)
  have hlownonneg : (0 : Int) ≤ 2 ^ 31 / max 1 (-least) := Int.ediv_nonneg (by decide) (by omega)
  simp only [sum_replicate, maxSafeTerms, hmax, Int.natCast_add, Int.natCast_one, Int.add_mul, Int.one_mul]
  by_cases h : (2 ^ 31 - 1) / greatest ≤ 2 ^ 31 / max 1 (-least)
  · refine ⟨greatest, .inr rfl, ?_⟩
    rw [Int.min_eq_right h, Int.toNat_of_nonneg hnonneg, Int.mul_comm _ greatest]
    omega
  · -- the least term is below -1, since its quotient is smaller than one of 2^31 - 1
    have hsmall : (2 ^ 31 - 1) / greatest ≤ 2 ^ 31 - 1 := Int.ediv_le_self _ (by decide)
    have hone : max 1 (-least) ≠ 1 := fun h1 => by rw [h1, Int.ediv_one] at h; omega
    have hneg : max 1 (-least) = -least := by omega
    have hleast := Int.lt_mul_ediv_self_add (x := 2 ^ 31) (k := -least) (by omega)
    refine ⟨least, .inl rfl, ?_⟩
    rw [hneg] at h hlownonneg ⊢
    rw [Int.min_eq_left (by omega), Int.toNat_of_nonneg hlownonneg, Int.mul_comm _ least]
    rw [Int.neg_mul] at hleast
    omega

example : ∃ v, (v = -1016 ∨ v = 1024) ∧ ¬InInt32 (List.replicate (maxSafeTerms (-1016) 1024 + 1) v).sum :=
  maxSafeTerms_tight (by decide) (by decide)

/-! ### The contributions of a table -/

/-- What one code adds: two activations times the two entries. -/
def dotPair (a t : Int × Int) : Int := a.1 * t.1 + a.2 * t.2

/-- The least product of an int8 number and `t`. -/
def leastProduct (t : Int) : Int := min (-128 * t) (127 * t)

/-- The greatest product of an int8 number and `t`. -/
def greatestProduct (t : Int) : Int := max (-128 * t) (127 * t)

/-- The int8 number whose product with `t` is the greatest. -/
def greatestFactor (t : Int) : Int := if t < 0 then -128 else 127

/-- The int8 number whose product with `t` is the least. -/
def leastFactor (t : Int) : Int := if t < 0 then 127 else -128

/-- The least contribution of a code of the table; 0 for a table that only adds. -/
def leastPair : (n : Nat) → (Fin n → Int × Int) → Int
  | 0, _ => 0
  | n + 1, T => min (leastPair n fun c => T c.castSucc) (leastProduct (T (.last n)).1 + leastProduct (T (.last n)).2)

/-- The greatest contribution of a code of the table. -/
def greatestPair : (n : Nat) → (Fin n → Int × Int) → Int
  | 0, _ => 0
  | n + 1, T =>
    max (greatestPair n fun c => T c.castSucc) (greatestProduct (T (.last n)).1 + greatestProduct (T (.last n)).2)

/-- The largest number of pairs of a table that int32 holds whatever the codes and the int8 activations are. -/
def maxSafePairs {n : Nat} (T : Fin n → Int × Int) : Nat := maxSafeTerms (leastPair n T) (greatestPair n T)

/-- A product of an int8 number lies between the least and the greatest one. -/
theorem product_bounds {a : Int} (h : InInt8 a) (t : Int) : leastProduct t ≤ a * t ∧ a * t ≤ greatestProduct t := by
  unfold leastProduct greatestProduct
  by_cases ht : 0 ≤ t
  · have h₁ := Int.mul_le_mul_of_nonneg_right h.1 ht
    have h₂ := Int.mul_le_mul_of_nonneg_right h.2 ht
    omega
  · have h₁ := Int.mul_le_mul_of_nonpos_right h.1 (show t ≤ 0 by omega)
    have h₂ := Int.mul_le_mul_of_nonpos_right h.2 (show t ≤ 0 by omega)
    omega

example : leastProduct (-8) ≤ (-128) * (-8) ∧ (-128) * (-8) ≤ greatestProduct (-8) := product_bounds (by decide) (-8)

/-- The greatest product is attained by an int8 number. -/
theorem greatestFactor_spec (t : Int) : InInt8 (greatestFactor t) ∧ greatestFactor t * t = greatestProduct t := by
  unfold greatestFactor greatestProduct; split <;> omega

/-- The least product is attained by an int8 number. -/
theorem leastFactor_spec (t : Int) : InInt8 (leastFactor t) ∧ leastFactor t * t = leastProduct t := by
  unfold leastFactor leastProduct; split <;> omega

/-- Every code of the table contributes between the least and the greatest contribution. -/
theorem dotPair_bounds {n : Nat} (T : Fin n → Int × Int) (c : Fin n) {a : Int × Int}
    (h : InInt8 a.1 ∧ InInt8 a.2) : leastPair n T ≤ dotPair a (T c) ∧ dotPair a (T c) ≤ greatestPair n T := by
  induction n with
  | zero => exact c.elim0
  | succ n ih =>
    have h₁ := product_bounds h.1 (T c).1
    have h₂ := product_bounds h.2 (T c).2
    refine Fin.lastCases (motive := fun c => c = _ → _) (fun hc => ?_) (fun c' hc => ?_) c rfl
    · subst hc; simp only [leastPair, greatestPair, dotPair]; omega
    · subst hc
      have := ih (fun c => T c.castSucc) c'
      simp only [leastPair, greatestPair]; omega

example : leastPair 128 decode ≤ dotPair (-128, 127) (decode 3) ∧
    dotPair (-128, 127) (decode 3) ≤ greatestPair 128 decode :=
  dotPair_bounds decode 3 (by decide)

/-- The least contribution is not positive. -/
theorem leastPair_nonpos {n : Nat} (T : Fin n → Int × Int) : leastPair n T ≤ 0 := by
  induction n with
  | zero => simp [leastPair]
  | succ n ih => have := ih fun c => T c.castSucc; simp only [leastPair]; omega

/-- The least contribution is 0 or attained by a code. -/
theorem leastPair_attained {n : Nat} (T : Fin n → Int × Int) :
    leastPair n T = 0 ∨ ∃ c, leastProduct (T c).1 + leastProduct (T c).2 = leastPair n T := by
  induction n with
  | zero => exact .inl rfl
  | succ n ih =>
    simp only [leastPair]
    rcases Int.le_total (leastPair n fun c => T c.castSucc)
      (leastProduct (T (.last n)).1 + leastProduct (T (.last n)).2) with h | h
    · rw [Int.min_eq_left h]
      exact (ih fun c => T c.castSucc).imp id fun ⟨c, hc⟩ => ⟨c.castSucc, hc⟩
    · rw [Int.min_eq_right h]; exact .inr ⟨.last n, rfl⟩

/-- The greatest contribution is 0 or attained by a code. -/
theorem greatestPair_attained {n : Nat} (T : Fin n → Int × Int) :
    greatestPair n T = 0 ∨ ∃ c, greatestProduct (T c).1 + greatestProduct (T c).2 = greatestPair n T := by
  induction n with
  | zero => exact .inl rfl
  | succ n ih =>
    simp only [greatestPair]
    rcases Int.le_total (greatestPair n fun c => T c.castSucc)
      (greatestProduct (T (.last n)).1 + greatestProduct (T (.last n)).2) with h | h
    · rw [Int.max_eq_right h]; exact .inr ⟨.last n, rfl⟩
    · rw [Int.max_eq_left h]
      exact (ih fun c => T c.castSucc).imp id fun ⟨c, hc⟩ => ⟨c.castSucc, hc⟩

/-! ### Dot products -/

/-- The contributions of a row: activation pair by activation pair, code by code. -/
def products {n : Nat} (T : Fin n → Int × Int) : List (Int × Int) → List (Fin n) → List Int
  | a :: as, c :: cs => dotPair a (T c) :: products T as cs
  | _, _ => []

/-- The exact dot product of int8 activations and a row of codes. -/
def dot {n : Nat} (T : Fin n → Int × Int) (as : List (Int × Int)) (codes : List (Fin n)) : Int :=
  (products T as codes).sum

/-- The dot product as an int32 accumulator computes it. -/
def dot32 {n : Nat} (T : Fin n → Int × Int) (as : List (Int × Int)) (codes : List (Fin n)) : Int :=
  sum32 (products T as codes)

/-- A row of `K` codes has at most `K` contributions. -/
theorem length_products_le {n : Nat} (T : Fin n → Int × Int) (as : List (Int × Int)) (codes : List (Fin n)) :
    (products T as codes).length ≤ codes.length := by
  induction codes generalizing as with
  | nil => cases as <;> simp [products]
  | cons c cs ih => cases as <;> simp [products, ih]

/-- Every contribution of a row lies between the table's least and greatest one. -/
theorem products_bounds {n : Nat} (T : Fin n → Int × Int) {as : List (Int × Int)}
    (h : ∀ a ∈ as, InInt8 a.1 ∧ InInt8 a.2) (codes : List (Fin n)) :
    ∀ p ∈ products T as codes, leastPair n T ≤ p ∧ p ≤ greatestPair n T := by
  induction as generalizing codes with
  | nil => simp [products]
  | cons a as ih =>
    cases codes with
    | nil => simp [products]
    | cons c cs =>
      simp only [products, List.mem_cons, forall_eq_or_imp]
      exact ⟨dotPair_bounds T c (h a (by simp)), ih (fun b hb => h b (by simp [hb])) cs⟩

example : ∀ p ∈ products decode [(-128, 127)] [3], leastPair 128 decode ≤ p ∧ p ≤ greatestPair 128 decode :=
  products_bounds decode (by decide) [3]

/-- No overflow: a row of up to `maxSafePairs` codes has its dot product with int8 activations in int32. -/
theorem dot_inInt32 {n : Nat} (T : Fin n → Int × Int) {as : List (Int × Int)} {codes : List (Fin n)}
    (h : ∀ a ∈ as, InInt8 a.1 ∧ InInt8 a.2) (hK : codes.length ≤ maxSafePairs T) : InInt32 (dot T as codes) :=
  sum_inInt32 (products_bounds T h codes) (Nat.le_trans (length_products_le T as codes) hK)

/-- The int32 dot product of a row of up to `maxSafePairs` codes is exact. -/
theorem dot32_eq_dot {n : Nat} (T : Fin n → Int × Int) {as : List (Int × Int)} {codes : List (Fin n)}
    (h : ∀ a ∈ as, InInt8 a.1 ∧ InInt8 a.2) (hK : codes.length ≤ maxSafePairs T) : dot32 T as codes = dot T as codes :=
  sum32_eq_sum (dot_inInt32 T h hK)

/-- Equal activations and equal codes contribute equally. -/
theorem products_replicate {n : Nat} (T : Fin n → Int × Int) (K : Nat) (a : Int × Int) (c : Fin n) :
    products T (.replicate K a) (.replicate K c) = .replicate K (dotPair a (T c)) := by
  induction K with
  | zero => rfl
  | succ K ih => simp [List.replicate_succ, products, ih]

/-- A dot product of runs: `K` times the activations `a` with the code `c`, then the next run. -/
def dotRuns {n : Nat} (T : Fin n → Int × Int) : List (Nat × (Int × Int) × Fin n) → Int
  | [] => 0
  | (K, a, c) :: runs => K * dotPair a (T c) + dotRuns T runs

/-- A run before the rest of a row adds its length times its contribution. -/
theorem products_replicate_append {n : Nat} (T : Fin n → Int × Int) (K : Nat) (a : Int × Int) (c : Fin n)
    (as : List (Int × Int)) (codes : List (Fin n)) :
    products T (.replicate K a ++ as) (.replicate K c ++ codes) =
      .replicate K (dotPair a (T c)) ++ products T as codes := by
  induction K with
  | zero => rfl
  | succ K ih => simp [List.replicate_succ, products, ih]

/-- The dot product of runs is the dot product of the row that they stand for. -/
theorem dotRuns_eq_dot {n : Nat} (T : Fin n → Int × Int) (runs : List (Nat × (Int × Int) × Fin n)) :
    dotRuns T runs =
      dot T (runs.flatMap fun r => .replicate r.1 r.2.1) (runs.flatMap fun r => .replicate r.1 r.2.2) := by
  induction runs with
  | nil => simp [dotRuns, dot, products]
  | cons r runs ih =>
    obtain ⟨K, a, c⟩ := r
    simp only [dotRuns, ih, dot, List.flatMap_cons, products_replicate_append, sum_append, sum_replicate]

/-- The int32 dot product of the row that runs stand for. -/
theorem wrap32_dotRuns {n : Nat} (T : Fin n → Int × Int) (runs : List (Nat × (Int × Int) × Fin n)) :
    wrap32 (dotRuns T runs) =
      dot32 T (runs.flatMap fun r => .replicate r.1 r.2.1) (runs.flatMap fun r => .replicate r.1 r.2.2) := by
  rw [dotRuns_eq_dot, dot32, sum32_eq_wrap32, dot]

/-- Tight: a table with an entry that is not zero overflows int32 with one code more than `maxSafePairs`. -/
theorem maxSafePairs_tight {n : Nat} {T : Fin n → Int × Int} {c₀ : Fin n} (h : T c₀ ≠ (0, 0)) :
    ∃ a c, (InInt8 a.1 ∧ InInt8 a.2) ∧
      ¬InInt32 (dot T (.replicate (maxSafePairs T + 1) a) (.replicate (maxSafePairs T + 1) c)) := by
  have hpos : 0 < greatestPair n T := by
    have hc := dotPair_bounds T c₀ (a := (greatestFactor (T c₀).1, greatestFactor (T c₀).2))
      ⟨(greatestFactor_spec _).1, (greatestFactor_spec _).1⟩
    simp only [dotPair, greatestFactor_spec, greatestProduct] at hc
    have : (T c₀).1 ≠ 0 ∨ (T c₀).2 ≠ 0 := by
      by_cases h₁ : (T c₀).1 = 0
      · exact .inr fun h₂ => h (Prod.ext h₁ h₂)
      · exact .inl h₁
    omega
  simp only [dot, products_replicate]
  obtain ⟨v, rfl | rfl, hv⟩ := maxSafeTerms_tight (leastPair_nonpos T) hpos
  · rcases leastPair_attained T with h0 | ⟨c, hc⟩
    · refine absurd ?_ hv
      rw [h0, sum_replicate]; omega
    · refine ⟨(leastFactor (T c).1, leastFactor (T c).2), c,
        ⟨(leastFactor_spec _).1, (leastFactor_spec _).1⟩, ?_⟩
      simp only [dotPair, leastFactor_spec, hc]; exact hv
  · rcases greatestPair_attained T with h0 | ⟨c, hc⟩
    · omega
    · refine ⟨(greatestFactor (T c).1, greatestFactor (T c).2), c,
        ⟨(greatestFactor_spec _).1, (greatestFactor_spec _).1⟩, ?_⟩
      simp only [dotPair, greatestFactor_spec, hc]; exact hv

/-- Any table of int8 pairs is safe up to 65,535 pairs (131,070 weights). -/
theorem int8_table_safe {n : Nat} {T : Fin n → Int × Int} (h : ∀ c, InInt8 (T c).1 ∧ InInt8 (T c).2) :
    65535 ≤ maxSafePairs T := by
  have hleast : -32768 ≤ leastPair n T := by
    rcases leastPair_attained T with h0 | ⟨c, hc⟩
    · omega
    · have := h c; unfold leastProduct at hc; omega
  have hgreatest : greatestPair n T ≤ 32768 := by
    rcases greatestPair_attained T with h0 | ⟨c, hc⟩
    · omega
    · have := h c; unfold greatestProduct at hc; omega
  exact le_maxSafeTerms_iff.2 (by omega)

/-- A table whose entries are at most `B` in size is safe up to `(2^31 - 1) / (256 B)` pairs. -/
theorem bounded_table_safe {n : Nat} {T : Fin n → Int × Int} {B : Int} (hB : 0 < B)
    (h : ∀ c, (-B ≤ (T c).1 ∧ (T c).1 ≤ B) ∧ (-B ≤ (T c).2 ∧ (T c).2 ≤ B)) :
    ((2 ^ 31 - 1) / (256 * B)).toNat ≤ maxSafePairs T := by
  have hleast : -(256 * B) ≤ leastPair n T := by
    rcases leastPair_attained T with h0 | ⟨c, hc⟩
    · omega
    · have := h c; unfold leastProduct at hc; omega
  have hgreatest : greatestPair n T ≤ 256 * B := by
    rcases greatestPair_attained T with h0 | ⟨c, hc⟩
    · omega
    · have := h c; unfold greatestProduct at hc; omega
  have hK : (0 : Int) ≤ (2 ^ 31 - 1) / (256 * B) := Int.ediv_nonneg (by decide) (by omega)
  have hmul : (2 ^ 31 - 1) / (256 * B) * (256 * B) ≤ 2 ^ 31 - 1 := Int.ediv_mul_le _ (by omega)
  have h₁ := Int.mul_le_mul_of_nonneg_left (show max 1 (-leastPair n T) ≤ 256 * B by omega) hK
  have h₂ := Int.mul_le_mul_of_nonneg_left (show max 1 (greatestPair n T) ≤ 256 * B by omega) hK
  refine le_maxSafeTerms_iff.2 ?_
  rw [Int.toNat_of_nonneg hK]
  omega

/-- Bounds of all contributions that codes attain are the least and the greatest contribution. -/
theorem extremes_eq {n : Nat} {T : Fin n → Int × Int} {least greatest : Int} {c₀ c₁ : Fin n}
    (h : ∀ c, least ≤ leastProduct (T c).1 + leastProduct (T c).2 ∧
      greatestProduct (T c).1 + greatestProduct (T c).2 ≤ greatest)
    (h₀ : leastProduct (T c₀).1 + leastProduct (T c₀).2 = least ∧ least ≤ 0)
    (h₁ : greatestProduct (T c₁).1 + greatestProduct (T c₁).2 = greatest ∧ 0 ≤ greatest) :
    leastPair n T = least ∧ greatestPair n T = greatest := by
  have hlow := (dotPair_bounds T c₀ (a := (leastFactor _, leastFactor _))
    ⟨(leastFactor_spec (T c₀).1).1, (leastFactor_spec (T c₀).2).1⟩).1
  have hhigh := (dotPair_bounds T c₁ (a := (greatestFactor _, greatestFactor _))
    ⟨(greatestFactor_spec (T c₁).1).1, (greatestFactor_spec (T c₁).2).1⟩).2
  simp only [dotPair, leastFactor_spec, greatestFactor_spec] at hlow hhigh
  constructor
  · rcases leastPair_attained T with h' | ⟨c, hc⟩
    · omega
    · have := h c; omega
  · rcases greatestPair_attained T with h' | ⟨c, hc⟩
    · omega
    · have := h c; omega

/-! ### The tables of Q35 -/

/-- The slots of a code lie in their ranges. -/
private theorem slots_bounds (c : Code) : (-8 ≤ hi c ∧ hi c ≤ 7) ∧ -4 ≤ lo c ∧ lo c ≤ 3 := decode_inRange c

/-- The least and the greatest contribution of the upper slot alone. -/
theorem extremes_hi :
    leastPair 128 (fun c : Code => (hi c, 0)) = -1016 ∧ greatestPair 128 (fun c : Code => (hi c, 0)) = 1024 :=
  extremes_eq (c₀ := 64) (c₁ := 64)
    (fun c => by have := slots_bounds c; simp only [leastProduct, greatestProduct]; omega) (by decide) (by decide)

/-- The least and the greatest contribution of the lower slot alone. -/
theorem extremes_lo :
    leastPair 128 (fun c : Code => (0, lo c)) = -508 ∧ greatestPair 128 (fun c : Code => (0, lo c)) = 512 :=
  extremes_eq (c₀ := 4) (c₁ := 4)
    (fun c => by have := slots_bounds c; simp only [leastProduct, greatestProduct]; omega) (by decide) (by decide)

/-- The least and the greatest contribution of the pair (hi, lo). -/
theorem extremes_row :
    leastPair 128 (fun c : Code => (hi c, lo c)) = -1524 ∧ greatestPair 128 (fun c : Code => (hi c, lo c)) = 1536 :=
  extremes_eq (c₀ := 68) (c₁ := 68)
    (fun c => by have := slots_bounds c; simp only [leastProduct, greatestProduct]; omega) (by decide) (by decide)

/-- The least and the greatest contribution of the pair (hi, 2 lo). -/
theorem extremes_block :
    leastPair 128 (fun c : Code => (hi c, 2 * lo c)) = -2032 ∧
      greatestPair 128 (fun c : Code => (hi c, 2 * lo c)) = 2048 :=
  extremes_eq (c₀ := 68) (c₁ := 68)
    (fun c => by have := slots_bounds c; simp only [leastProduct, greatestProduct]; omega) (by decide) (by decide)

/-- int8 x int4, the upper slot alone: 2,097,151 products are safe, and 2,097,152 can overflow. -/
theorem maxSafePairs_hi : maxSafePairs (fun c : Code => (hi c, 0)) = 2097151 := by
  rw [maxSafePairs, extremes_hi.1, extremes_hi.2]; decide

/-- int8 x int3, the lower slot alone: 4,194,303 products are safe, and one more can overflow. -/
theorem maxSafePairs_lo : maxSafePairs (fun c : Code => (0, lo c)) = 4194303 := by
  rw [maxSafePairs, extremes_lo.1, extremes_lo.2]; decide

/-- The pair (hi, lo): 1,398,101 pairs are safe, and one more can overflow. -/
theorem maxSafePairs_row : maxSafePairs (fun c : Code => (hi c, lo c)) = 1398101 := by
  rw [maxSafePairs, extremes_row.1, extremes_row.2]; decide

/-- The pair (hi, 2 lo): 1,048,575 pairs are safe, and one more can overflow. -/
theorem maxSafePairs_block : maxSafePairs (fun c : Code => (hi c, 2 * lo c)) = 1048575 := by
  rw [maxSafePairs, extremes_block.1, extremes_block.2]; decide

example : InInt32 (dot (fun c : Code => (hi c, 2 * lo c)) [(-128, -128)] [68]) :=
  dot_inInt32 _ (by decide) (by rw [maxSafePairs_block]; decide)

example : dot32 (fun c : Code => (hi c, 2 * lo c)) [(-128, -128)] [68] = 2048 := by
  rw [dot32_eq_dot _ (by decide) (by rw [maxSafePairs_block]; decide)]; decide

/-- int8 x int4 overflows with 2,097,152 products. -/
theorem hi_overflow : ∃ a c, (InInt8 a.1 ∧ InInt8 a.2) ∧
    ¬InInt32 (dot (fun c : Code => (hi c, 0)) (.replicate 2097152 a) (.replicate 2097152 c)) := by
  have := maxSafePairs_tight (T := fun c : Code => (hi c, 0)) (c₀ := 8) (by decide)
  rwa [maxSafePairs_hi] at this

/-- int8 x int3 overflows with 4,194,304 products. -/
theorem lo_overflow : ∃ a c, (InInt8 a.1 ∧ InInt8 a.2) ∧
    ¬InInt32 (dot (fun c : Code => (0, lo c)) (.replicate 4194304 a) (.replicate 4194304 c)) := by
  have := maxSafePairs_tight (T := fun c : Code => (0, lo c)) (c₀ := 1) (by decide)
  rwa [maxSafePairs_lo] at this

/-- The pair (hi, lo) overflows with 1,398,102 pairs. -/
theorem row_overflow : ∃ a c, (InInt8 a.1 ∧ InInt8 a.2) ∧
    ¬InInt32 (dot (fun c : Code => (hi c, lo c)) (.replicate 1398102 a) (.replicate 1398102 c)) := by
  have := maxSafePairs_tight (T := fun c : Code => (hi c, lo c)) (c₀ := 1) (by decide)
  rwa [maxSafePairs_row] at this

/-- The pair (hi, 2 lo) overflows with 1,048,576 pairs. -/
theorem block_overflow : ∃ a c, (InInt8 a.1 ∧ InInt8 a.2) ∧
    ¬InInt32 (dot (fun c : Code => (hi c, 2 * lo c)) (.replicate 1048576 a) (.replicate 1048576 c)) := by
  have := maxSafePairs_tight (T := fun c : Code => (hi c, 2 * lo c)) (c₀ := 1) (by decide)
  rwa [maxSafePairs_block] at this

/-- The published claim: 8,192 products of int8 and int4 do not overflow int32. -/
theorem published_K_safe {as : List (Int × Int)} {codes : List Code} (h : ∀ a ∈ as, InInt8 a.1 ∧ InInt8 a.2)
    (hK : codes.length ≤ 8192) : InInt32 (dot (fun c : Code => (hi c, 0)) as codes) :=
  dot_inInt32 _ h (by rw [maxSafePairs_hi]; omega)

example : InInt32 (dot (fun c : Code => (hi c, 0)) [(-128, 0)] [64]) := published_K_safe (by decide) (by decide)

/-- The published claim is far from tight: 255 times as many products are still safe. -/
theorem published_K_not_tight : 255 * 8192 ≤ maxSafePairs (fun c : Code => (hi c, 0)) := by
  rw [maxSafePairs_hi]; decide

example : 65535 ≤ maxSafePairs decode := int8_table_safe fun c => by have := decode_inRange c; omega

example : ((2 ^ 31 - 1) / (256 * 8) : Int).toNat ≤ maxSafePairs decode :=
  bounded_table_safe (by decide) fun c => by have := decode_inRange c; omega

end Q35
