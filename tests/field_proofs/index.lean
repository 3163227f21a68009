/-! Indices: blocks, tails, offsets, rows and columns. -/

/-- An index lies in its block. -/
theorem field_index_1 (i b : Nat) (hb : 0 < b) : i / b * b ≤ i ∧ i < (i / b + 1) * b := by
  constructor
  · exact Nat.div_mul_le_self i b
  · exact Nat.lt_mul_of_div_lt (Nat.lt_succ_self _) hb

/-- Block and offset give the index back. -/
theorem field_index_2 (i : Nat) : i / 64 * 64 + i % 64 = i := by
  omega

/-- Padding to whole blocks of 64 adds less than a block. -/
theorem field_index_3 (n : Nat) : (n + 63) / 64 * 64 - n < 64 := by
  omega

/-- Whole blocks hold all. -/
theorem field_index_4 (n b : Nat) (hb : 0 < b) : n ≤ (n + b - 1) / b * b := by
  have := Nat.div_add_mod' (n + b - 1) b
  have := Nat.mod_lt (n + b - 1) hb
  omega

/-- A place of a matrix is a place of its list. -/
theorem field_index_5 (rows cols i j : Nat) (hi : i < rows) (hj : j < cols) : i * cols + j < rows * cols := by
  have := Nat.mul_le_mul_right cols hi
  rw [Nat.succ_mul] at this
  omega

/-- Row and column from a place. -/
theorem field_index_6 (cols i j : Nat) (hj : j < cols) : (i * cols + j) / cols = i ∧ (i * cols + j) % cols = j := by
  constructor
  · rw [Nat.add_comm, Nat.add_mul_div_right _ _ (by omega), Nat.div_eq_of_lt hj, Nat.zero_add]
  · rw [Nat.add_comm, Nat.add_mul_mod_self_right, Nat.mod_eq_of_lt hj]

/-- No place has two rows and columns. -/
theorem field_index_7 (c i j i' j' : Nat) (hj : j < c) (hj' : j' < c) (h : i * c + j = i' * c + j') :
    i = i' ∧ j = j' := by
  have h₁ := congrArg (· / c) h
  have h₂ := congrArg (· % c) h
  simp only [Nat.add_comm _ j, Nat.add_comm _ j', Nat.add_mul_mod_self_right, Nat.mod_eq_of_lt hj, Nat.mod_eq_of_lt hj',
    Nat.add_mul_div_right _ _ (show 0 < c by omega), Nat.div_eq_of_lt hj, Nat.div_eq_of_lt hj', Nat.zero_add] at h₁ h₂
  exact ⟨h₁, h₂⟩

/-- Full bytes and the last one. -/
theorem field_index_8 (n : Nat) : 7 * n / 8 + (7 * n % 8 + 7) / 8 = (7 * n + 7) / 8 := by
  omega

/-- A code of the stream touches at most two bytes. -/
theorem field_index_9 (i : Nat) : (7 * i + 6) / 8 ≤ 7 * i / 8 + 1 := by
  omega

/-- An index lies in the first `m` blocks. -/
theorem field_index_10 (n k m : Nat) (hk : 0 < k) : n / k < m ↔ n < m * k := by
  exact Nat.div_lt_iff_lt_mul hk

/-- Indices of the same offset are whole blocks apart. -/
theorem field_index_11 (a b n : Nat) (h : a % n = b % n) (hab : a ≤ b) : n ∣ b - a := by
  have ha := Nat.div_add_mod a n
  have hb := Nat.div_add_mod b n
  refine ⟨b / n - a / n, ?_⟩
  rw [Nat.mul_sub]
  omega

/-- The byte within a group of 32. -/
theorem field_index_12 (n : Nat) : n % 32 / 8 = n / 8 % 4 := by
  omega

/-- Blocks of blocks. -/
theorem field_index_13 (x m n : Nat) : x / (m * n) = x / m / n := by
  rw [Nat.div_div_eq_div_mul]

/-- Rounding up is rounding down the negative. -/
theorem field_index_14 (x n : Int) (hn : 0 < n) : (x + n - 1) / n = -(-x / n) := by
  have h₁ := Int.emod_add_mul_ediv (x + n - 1) n
  have h₂ := Int.emod_add_mul_ediv (-x) n
  have h₃ := Int.emod_nonneg (x + n - 1) (b := n) (by omega)
  have h₄ := Int.emod_nonneg (-x) (b := n) (by omega)
  have h₅ := Int.emod_lt_of_pos (x + n - 1) hn
  have h₆ := Int.emod_lt_of_pos (-x) hn
  generalize (x + n - 1) / n = q at *
  generalize -x / n = r at *
  have h₇ : n * (q + r) < n * 1 := by
    rw [Int.mul_add]
    omega
  have h₈ : n * (-1) < n * (q + r) := by
    rw [Int.mul_add]
    omega
  have := Int.lt_of_mul_lt_mul_left h₇ (by omega)
  have := Int.lt_of_mul_lt_mul_left h₈ (by omega)
  omega

/-- A tail takes one block more. -/
theorem field_index_15 (n b : Nat) (hb : 0 < b) (h : ¬b ∣ n) : (n + b - 1) / b = n / b + 1 := by
  have hpos : 0 < n % b := Nat.pos_of_ne_zero fun h0 => h (Nat.dvd_of_mod_eq_zero h0)
  have := Nat.div_add_mod' n b
  have : n + b - 1 = (n % b - 1) + (n / b + 1) * b := by
    rw [Nat.add_mul]
    omega
  rw [this, Nat.add_mul_div_right _ _ hb, Nat.div_eq_of_lt, Nat.zero_add]
  have := Nat.mod_lt n hb
  omega

/-- The distance from an index to the end of its block. -/
theorem field_index_16 (i : Nat) : i + (32 - i % 32) = (i / 32 + 1) * 32 := by
  omega

/-- Whole blocks have no tail. -/
theorem field_index_17 (k b : Nat) (hb : 0 < b) : (k * b + b - 1) / b = k := by
  rw [show k * b + b - 1 = (b - 1) + k * b by omega, Nat.add_mul_div_right _ _ hb, Nat.div_eq_of_lt (by omega),
    Nat.zero_add]
