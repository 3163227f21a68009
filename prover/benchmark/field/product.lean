/-! Products of integers and rationals: bounds, shifts, signs. -/

/-- The range of an int8 number times a 4-bit one. -/
theorem field_product_1 (a b : Int) (ha : -128 ≤ a ∧ a ≤ 127) (hb : -8 ≤ b ∧ b ≤ 7) : -1016 ≤ a * b ∧ a * b ≤ 1024 := by
  sorry

/-- A product of rationals that are not negative. -/
theorem field_product_2 (a b : Rat) (ha : 0 ≤ a) (hb : 0 ≤ b) : 0 ≤ a * b := by
  sorry

/-- A product of larger numbers. -/
theorem field_product_3 (a b c d : Int) (ha : 0 ≤ a) (hab : a ≤ b) (hc : 0 ≤ c) (hcd : c ≤ d) : a * c ≤ b * d := by
  sorry

/-- Squares leave 0 or 1 when divided by 4. -/
theorem field_product_4 (x : Int) : x * x % 4 = 0 ∨ x * x % 4 = 1 := by
  sorry

/-- The larger of two numbers that are not negative has the larger square. -/
theorem field_product_5 (x y : Int) (hx : 0 ≤ x) (hy : x ≤ y) : x * x ≤ y * y := by
  sorry

/-- Many products of int8 numbers in 32 bits. -/
theorem field_product_6 (n : Nat) (h : n ≤ 131072) (b : Int) (hb : b.natAbs ≤ 16129) : (n * b).natAbs < 2 ^ 31 := by
  sorry

/-- A positive factor keeps the order. -/
theorem field_product_7 (a b c : Int) (h : 0 < c) : a * c ≤ b * c ↔ a ≤ b := by
  sorry

/-- A product from a table of squares. -/
theorem field_product_8 (a b : Int) : a * b = ((a + b) * (a + b) - (a - b) * (a - b)) / 4 := by
  sorry

/-- The largest product of two slots. -/
theorem field_product_9 (a b : Int) (ha : a.natAbs ≤ 8) (hb : b.natAbs ≤ 4) : (a * b).natAbs ≤ 32 := by
  sorry

/-- To multiply by eight is to shift by three. -/
theorem field_product_10 (x : Int) : x <<< 3 = x * 8 := by
  sorry

/-- To shift right is to divide and round down. -/
theorem field_product_11 (x : Int) (k : Nat) : x >>> k = x / 2 ^ k := by
  sorry

/-- A product is zero only if a factor is. -/
theorem field_product_12 (a b : Int) (h : a * b = 0) (ha : a ≠ 0) : b = 0 := by
  sorry

/-- Rational factors change places. -/
theorem field_product_13 (a b c : Rat) : a * (b * c) - c * (a * b) = 0 := by
  sorry

/-- A convex combination lies below the larger of the two. -/
theorem field_product_14 (a b t m : Rat) (h₀ : 0 ≤ t) (h₁ : t ≤ 1) (ha : a ≤ m) (hb : b ≤ m) :
    t * a + (1 - t) * b ≤ m := by
  sorry

/-- A positive product has factors of the same sign. -/
theorem field_product_15 (a b : Int) (h : 0 < a * b) (ha : 0 < a) : 0 < b := by
  sorry

/-- What is left over after a product is added and taken off. -/
theorem field_product_16 (a b c : Int) : (a + b * c) % b = a % b := by
  sorry

/-- Cauchy and Schwarz for two activations and two weights. -/
theorem field_product_17 (a b c d : Int) : (a * c + b * d) * (a * c + b * d) ≤ (a * a + b * b) * (c * c + d * d) := by
  sorry
