/-! Sums: accumulators, their bounds, and what may be done in another order. -/

/-- A common factor is taken out of a sum. -/
theorem field_sum_1 (c : Int) (xs : List Int) : (xs.map (c * ·)).sum = c * xs.sum := by
  induction xs with
  | nil => simp
  | cons x xs ih => simp [ih, Int.mul_add]

/-- A sum in two parts. -/
theorem field_sum_2 (xs : List Int) (k : Nat) : (xs.take k).sum + (xs.drop k).sum = xs.sum := by
  induction xs generalizing k with
  | nil => simp
  | cons x xs ih => cases k <;> simp [ih, Int.add_assoc]

/-- A sum of numbers that are not negative. -/
theorem field_sum_3 (xs : List Int) (h : ∀ x ∈ xs, 0 ≤ x) : 0 ≤ xs.sum := by
  induction xs with
  | nil => simp
  | cons x xs ih =>
    simp_all
    omega

/-- A sum of at most `b` a term. -/
theorem field_sum_4 (xs : List Nat) (b : Nat) (h : ∀ x ∈ xs, x ≤ b) : xs.sum ≤ xs.length * b := by
  induction xs with
  | nil => simp
  | cons x xs ih =>
    simp_all [Nat.add_mul]
    omega

/-- The size of a sum is at most the sum of the sizes. -/
theorem field_sum_5 (xs : List Int) : xs.sum.natAbs ≤ (xs.map Int.natAbs).sum := by
  induction xs with
  | nil => simp
  | cons x xs ih => grind

/-- An accumulator that does not start at zero. -/
theorem field_sum_6 (xs : List Int) (a : Int) : xs.foldl (· + ·) a = a + xs.sum := by
  induction xs generalizing a with
  | nil => simp
  | cons x xs ih => grind

/-- A sum from the other end. -/
theorem field_sum_7 (xs : List Int) : xs.reverse.sum = xs.sum := by
  have append (us vs : List Int) : (us ++ vs).sum = us.sum + vs.sum := by
    induction us with
    | nil => simp
    | cons u us ih => simp [ih, Int.add_assoc]
  induction xs with
  | nil => rfl
  | cons x xs ih => simp [append, ih, Int.add_comm]

/-- A sum of equal terms. -/
theorem field_sum_8 (n v : Nat) : (List.replicate n v).sum = n * v := by
  simp

/-- Whether a sum is odd. -/
theorem field_sum_9 (xs : List Nat) : xs.sum % 2 = (xs.map (· % 2)).sum % 2 := by
  induction xs with
  | nil => simp
  | cons x xs ih => grind

/-- Both columns of a list of pairs. -/
theorem field_sum_10 (ps : List (Int × Int)) :
    (ps.map fun p => p.1 + p.2).sum = (ps.map (·.1)).sum + (ps.map (·.2)).sum := by
  induction ps with
  | nil => simp
  | cons p ps ih => grind

/-- A dot product does not depend on which list comes first. -/
theorem field_sum_11 (xs ys : List Int) : (List.zipWith (· * ·) xs ys).sum = (List.zipWith (· * ·) ys xs).sum := by
  rw [List.zipWith_comm]
  simp only [Int.mul_comm]

/-- No term is larger than a sum of natural numbers. -/
theorem field_sum_12 (xs : List Nat) (x : Nat) (h : x ∈ xs) : x ≤ xs.sum := by
  induction xs with
  | nil => simp at h
  | cons y ys ih => grind

/-- A dot product with zeros. -/
theorem field_sum_13 (xs : List Int) (n : Nat) : (List.zipWith (· * ·) xs (List.replicate n 0)).sum = 0 := by
  induction xs generalizing n with
  | nil => simp
  | cons x xs ih => cases n <;> simp_all [List.replicate_succ]

/-- A sum of rationals that are not negative. -/
theorem field_sum_14 (xs : List Rat) (h : ∀ x ∈ xs, 0 ≤ x) : 0 ≤ xs.sum := by
  induction xs with
  | nil => exact Rat.le_refl
  | cons x xs ih =>
    simp_all
    grind

/-- Larger terms, larger sum. -/
theorem field_sum_15 (f g : Nat → Int) (xs : List Nat) (h : ∀ x ∈ xs, f x ≤ g x) : (xs.map f).sum ≤ (xs.map g).sum := by
  induction xs with
  | nil => simp
  | cons x xs ih => grind

/-- A dot product of int8 numbers and 4-bit numbers grows by at most 1024 a term. -/
theorem field_sum_16 (as ws : List Int) (h : ∀ p ∈ as.zip ws, (p.1 * p.2).natAbs ≤ 1024) :
    (List.zipWith (· * ·) as ws).sum.natAbs ≤ 1024 * (as.zip ws).length := by
  induction as generalizing ws with
  | nil => simp
  | cons a as ih =>
    cases ws with
    | nil => simp
    | cons w ws =>
      have := ih ws fun p hp => h p (by simp [hp])
      have : (a * w).natAbs ≤ 1024 := h (a, w) (by simp)
      simp only [List.zipWith_cons_cons, List.sum_cons, List.zip_cons_cons, List.length_cons]
      omega

/-- Padding with zeros changes no sum. -/
theorem field_sum_17 (xs : List Int) (n : Nat) : (xs ++ List.replicate n 0).sum = xs.sum := by
  induction xs with
  | nil => induction n <;> simp_all [List.replicate_succ]
  | cons x xs ih => simp [ih]
