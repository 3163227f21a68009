/-! Sums: accumulators, their bounds, and what may be done in another order. -/

/-- A common factor is taken out of a sum. -/
theorem field_sum_1 (c : Int) (xs : List Int) : (xs.map (c * ·)).sum = c * xs.sum := by
  sorry

/-- A sum in two parts. -/
theorem field_sum_2 (xs : List Int) (k : Nat) : (xs.take k).sum + (xs.drop k).sum = xs.sum := by
  sorry

/-- A sum of numbers that are not negative. -/
theorem field_sum_3 (xs : List Int) (h : ∀ x ∈ xs, 0 ≤ x) : 0 ≤ xs.sum := by
  sorry

/-- A sum of at most `b` a term. -/
theorem field_sum_4 (xs : List Nat) (b : Nat) (h : ∀ x ∈ xs, x ≤ b) : xs.sum ≤ xs.length * b := by
  sorry

/-- The size of a sum is at most the sum of the sizes. -/
theorem field_sum_5 (xs : List Int) : xs.sum.natAbs ≤ (xs.map Int.natAbs).sum := by
  sorry

/-- An accumulator that does not start at zero. -/
theorem field_sum_6 (xs : List Int) (a : Int) : xs.foldl (· + ·) a = a + xs.sum := by
  sorry

/-- A sum from the other end. -/
theorem field_sum_7 (xs : List Int) : xs.reverse.sum = xs.sum := by
  sorry

/-- A sum of equal terms. -/
theorem field_sum_8 (n v : Nat) : (List.replicate n v).sum = n * v := by
  sorry

/-- Whether a sum is odd. -/
theorem field_sum_9 (xs : List Nat) : xs.sum % 2 = (xs.map (· % 2)).sum % 2 := by
  sorry

/-- Both columns of a list of pairs. -/
theorem field_sum_10 (ps : List (Int × Int)) :
    (ps.map fun p => p.1 + p.2).sum = (ps.map (·.1)).sum + (ps.map (·.2)).sum := by
  sorry

/-- A dot product does not depend on which list comes first. -/
theorem field_sum_11 (xs ys : List Int) : (List.zipWith (· * ·) xs ys).sum = (List.zipWith (· * ·) ys xs).sum := by
  sorry

/-- No term is larger than a sum of natural numbers. -/
theorem field_sum_12 (xs : List Nat) (x : Nat) (h : x ∈ xs) : x ≤ xs.sum := by
  sorry

/-- A dot product with zeros. -/
theorem field_sum_13 (xs : List Int) (n : Nat) : (List.zipWith (· * ·) xs (List.replicate n 0)).sum = 0 := by
  sorry

/-- A sum of rationals that are not negative. -/
theorem field_sum_14 (xs : List Rat) (h : ∀ x ∈ xs, 0 ≤ x) : 0 ≤ xs.sum := by
  sorry

/-- Larger terms, larger sum. -/
theorem field_sum_15 (f g : Nat → Int) (xs : List Nat) (h : ∀ x ∈ xs, f x ≤ g x) : (xs.map f).sum ≤ (xs.map g).sum := by
  sorry

/-- A dot product of int8 numbers and 4-bit numbers grows by at most 1024 a term. -/
theorem field_sum_16 (as ws : List Int) (h : ∀ p ∈ as.zip ws, (p.1 * p.2).natAbs ≤ 1024) :
    (List.zipWith (· * ·) as ws).sum.natAbs ≤ 1024 * (as.zip ws).length := by
  sorry

/-- Padding with zeros changes no sum. -/
theorem field_sum_17 (xs : List Int) (n : Nat) : (xs ++ List.replicate n 0).sum = xs.sum := by
  sorry
