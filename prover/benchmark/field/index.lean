/-! Indices: blocks, tails, offsets, rows and columns. -/

/-- An index lies in its block. -/
theorem field_index_1 (i b : Nat) (hb : 0 < b) : i / b * b ≤ i ∧ i < (i / b + 1) * b := by
  sorry

/-- Block and offset give the index back. -/
theorem field_index_2 (i : Nat) : i / 64 * 64 + i % 64 = i := by
  sorry

/-- Padding to whole blocks of 64 adds less than a block. -/
theorem field_index_3 (n : Nat) : (n + 63) / 64 * 64 - n < 64 := by
  sorry

/-- Whole blocks hold all. -/
theorem field_index_4 (n b : Nat) (hb : 0 < b) : n ≤ (n + b - 1) / b * b := by
  sorry

/-- A place of a matrix is a place of its list. -/
theorem field_index_5 (rows cols i j : Nat) (hi : i < rows) (hj : j < cols) : i * cols + j < rows * cols := by
  sorry

/-- Row and column from a place. -/
theorem field_index_6 (cols i j : Nat) (hj : j < cols) : (i * cols + j) / cols = i ∧ (i * cols + j) % cols = j := by
  sorry

/-- No place has two rows and columns. -/
theorem field_index_7 (c i j i' j' : Nat) (hj : j < c) (hj' : j' < c) (h : i * c + j = i' * c + j') :
    i = i' ∧ j = j' := by
  sorry

/-- Full bytes and the last one. -/
theorem field_index_8 (n : Nat) : 7 * n / 8 + (7 * n % 8 + 7) / 8 = (7 * n + 7) / 8 := by
  sorry

/-- A code of the stream touches at most two bytes. -/
theorem field_index_9 (i : Nat) : (7 * i + 6) / 8 ≤ 7 * i / 8 + 1 := by
  sorry

/-- An index lies in the first `m` blocks. -/
theorem field_index_10 (n k m : Nat) (hk : 0 < k) : n / k < m ↔ n < m * k := by
  sorry

/-- Indices of the same offset are whole blocks apart. -/
theorem field_index_11 (a b n : Nat) (h : a % n = b % n) (hab : a ≤ b) : n ∣ b - a := by
  sorry

/-- The byte within a group of 32. -/
theorem field_index_12 (n : Nat) : n % 32 / 8 = n / 8 % 4 := by
  sorry

/-- Blocks of blocks. -/
theorem field_index_13 (x m n : Nat) : x / (m * n) = x / m / n := by
  sorry

/-- Rounding up is rounding down the negative. -/
theorem field_index_14 (x n : Int) (hn : 0 < n) : (x + n - 1) / n = -(-x / n) := by
  sorry

/-- A tail takes one block more. -/
theorem field_index_15 (n b : Nat) (hb : 0 < b) (h : ¬b ∣ n) : (n + b - 1) / b = n / b + 1 := by
  sorry

/-- The distance from an index to the end of its block. -/
theorem field_index_16 (i : Nat) : i + (32 - i % 32) = (i / 32 + 1) * 32 := by
  sorry

/-- Whole blocks have no tail. -/
theorem field_index_17 (k b : Nat) (hb : 0 < b) : (k * b + b - 1) / b = k := by
  sorry
