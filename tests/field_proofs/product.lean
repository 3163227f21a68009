/-! Products of integers and rationals: bounds, shifts, signs. -/

/-- The range of an int8 number times a 4-bit one. -/
theorem field_product_1 (a b : Int) (ha : -128 ≤ a ∧ a ≤ 127) (hb : -8 ≤ b ∧ b ≤ 7) : -1016 ≤ a * b ∧ a * b ≤ 1024 := by
  rcases (by omega : b = -8 ∨ b = -7 ∨ b = -6 ∨ b = -5 ∨ b = -4 ∨ b = -3 ∨ b = -2 ∨ b = -1 ∨ b = 0 ∨ b = 1 ∨ b = 2 ∨
    b = 3 ∨ b = 4 ∨ b = 5 ∨ b = 6 ∨ b = 7) with h | h | h | h | h | h | h | h | h | h | h | h | h | h | h | h <;>
    subst h <;> omega

/-- A product of rationals that are not negative. -/
theorem field_product_2 (a b : Rat) (ha : 0 ≤ a) (hb : 0 ≤ b) : 0 ≤ a * b := by
  exact Rat.mul_nonneg ha hb

/-- A product of larger numbers. -/
theorem field_product_3 (a b c d : Int) (ha : 0 ≤ a) (hab : a ≤ b) (hc : 0 ≤ c) (hcd : c ≤ d) : a * c ≤ b * d := by
  exact Int.mul_le_mul hab hcd hc (Int.le_trans ha hab)

/-- Squares leave 0 or 1 when divided by 4. -/
theorem field_product_4 (x : Int) : x * x % 4 = 0 ∨ x * x % 4 = 1 := by
  rcases (by omega : x % 4 = 0 ∨ x % 4 = 1 ∨ x % 4 = 2 ∨ x % 4 = 3) with h | h | h | h <;> simp [Int.mul_emod, h]

/-- The larger of two numbers that are not negative has the larger square. -/
theorem field_product_5 (x y : Int) (hx : 0 ≤ x) (hy : x ≤ y) : x * x ≤ y * y := by
  exact Int.mul_le_mul hy hy hx (Int.le_trans hx hy)

/-- Many products of int8 numbers in 32 bits. -/
theorem field_product_6 (n : Nat) (h : n ≤ 131072) (b : Int) (hb : b.natAbs ≤ 16129) : (n * b).natAbs < 2 ^ 31 := by
  rw [Int.natAbs_mul]
  have := Nat.mul_le_mul h hb
  simp only [Int.natAbs_natCast]
  omega

/-- A positive factor keeps the order. -/
theorem field_product_7 (a b c : Int) (h : 0 < c) : a * c ≤ b * c ↔ a ≤ b := by
  exact Int.mul_le_mul_right h

/-- A product from a table of squares. -/
theorem field_product_8 (a b : Int) : a * b = ((a + b) * (a + b) - (a - b) * (a - b)) / 4 := by
  have : (a + b) * (a + b) - (a - b) * (a - b) = 4 * (a * b) := by
    grind
  omega

/-- The largest product of two slots. -/
theorem field_product_9 (a b : Int) (ha : a.natAbs ≤ 8) (hb : b.natAbs ≤ 4) : (a * b).natAbs ≤ 32 := by
  rw [Int.natAbs_mul]
  exact Nat.mul_le_mul ha hb

/-- To multiply by eight is to shift by three. -/
theorem field_product_10 (x : Int) : x <<< 3 = x * 8 := by
  rw [Int.shiftLeft_eq]
  rfl

/-- To shift right is to divide and round down. -/
theorem field_product_11 (x : Int) (k : Nat) : x >>> k = x / 2 ^ k := by
  rw [Int.shiftRight_eq_div_pow]
  norm_cast

/-- A product is zero only if a factor is. -/
theorem field_product_12 (a b : Int) (h : a * b = 0) (ha : a ≠ 0) : b = 0 := by
  exact (Int.mul_eq_zero.mp h).resolve_left ha

/-- Rational factors change places. -/
theorem field_product_13 (a b c : Rat) : a * (b * c) - c * (a * b) = 0 := by
  grind

/-- A convex combination lies below the larger of the two. -/
theorem field_product_14 (a b t m : Rat) (h₀ : 0 ≤ t) (h₁ : t ≤ 1) (ha : a ≤ m) (hb : b ≤ m) :
    t * a + (1 - t) * b ≤ m := by
  have := Rat.mul_le_mul_of_nonneg_left ha h₀
  have := Rat.mul_le_mul_of_nonneg_left hb (c := 1 - t) (by grind)
  grind

/-- A positive product has factors of the same sign. -/
theorem field_product_15 (a b : Int) (h : 0 < a * b) (ha : 0 < a) : 0 < b := by
  exact Int.pos_of_mul_pos_left (Int.mul_comm a b ▸ h) ha

/-- What is left over after a product is added and taken off. -/
theorem field_product_16 (a b c : Int) : (a + b * c) % b = a % b := by
  simp

/-- Cauchy and Schwarz for two activations and two weights. -/
theorem field_product_17 (a b c d : Int) : (a * c + b * d) * (a * c + b * d) ≤ (a * a + b * b) * (c * c + d * d) := by
  have : 0 ≤ (a * d - b * c) * (a * d - b * c) := by
    rcases Int.le_total 0 (a * d - b * c) with h | h
    · exact Int.mul_nonneg h h
    · exact Int.mul_nonneg_of_nonpos_of_nonpos h h
  grind
