/-! Two's complement: ranges, sign extension, sums and products that fit. -/

/-- The range of four bits. -/
theorem field_twos_1 (v : BitVec 4) : -8 ≤ v.toInt ∧ v.toInt ≤ 7 := by
  sorry

/-- Any width reaches down to minus half its patterns. -/
theorem field_twos_2 {w : Nat} (v : BitVec (w + 1)) : -2 ^ w ≤ v.toInt := by
  sorry

/-- A number in the range of seven bits survives being written. -/
theorem field_twos_3 (v : Int) (h : -64 ≤ v ∧ v < 64) : (BitVec.ofInt 7 v).toInt = v := by
  sorry

/-- Sign extension keeps the number. -/
theorem field_twos_4 {m n : Nat} (h : m ≤ n) (x : BitVec m) : (x.signExtend n).toInt = x.toInt := by
  sorry

/-- Sign extension of four bits by arithmetic. -/
theorem field_twos_5 (n : Nat) (h : n < 16) : ((n : Int) + 8) % 16 - 8 = if n < 8 then (n : Int) else n - 16 := by
  sorry

/-- Sign extension of four bits by turning the sign bit over. -/
theorem field_twos_6 (n : Nat) (h : n < 16) : ((n ^^^ 8 : Nat) : Int) - 8 = if n < 8 then (n : Int) else n - 16 := by
  sorry

/-- A sum of bytes that fits is the sum of the numbers. -/
theorem field_twos_7 (a b : BitVec 8) (h : -128 ≤ a.toInt + b.toInt ∧ a.toInt + b.toInt ≤ 127) :
    (a + b).toInt = a.toInt + b.toInt := by
  sorry

/-- A product of two bytes fits into two bytes. -/
theorem field_twos_8 (a b : BitVec 8) : (a.signExtend 16 * b.signExtend 16).toInt = a.toInt * b.toInt := by
  sorry

/-- Every byte but the lowest has its negative. -/
theorem field_twos_9 (a : BitVec 8) (h : a ≠ 128#8) : (-a).toInt = -a.toInt := by
  sorry

/-- Patterns of the same number are the same. -/
theorem field_twos_10 {w : Nat} (x y : BitVec w) : x.toInt = y.toInt ↔ x = y := by
  sorry

/-- The sign bit tells the sign. -/
theorem field_twos_11 {w : Nat} (x : BitVec w) : x.msb = true ↔ x.toInt < 0 := by
  sorry

/-- The offset form of a slot. -/
theorem field_twos_12 (x : Int) (h : -8 ≤ x ∧ x < 8) : (x % 16 + 8) % 16 = x + 8 := by
  sorry

/-- The comparison of signed bytes compares the numbers. -/
theorem field_twos_13 (x y : BitVec 8) : x.slt y = decide (x.toInt < y.toInt) := by
  sorry

/-- One bit more holds every sum of two bytes. -/
theorem field_twos_14 (a b : BitVec 8) : (a.signExtend 9 + b.signExtend 9).toInt = a.toInt + b.toInt := by
  sorry

/-- A negative number's pattern is its distance from the number of patterns. -/
theorem field_twos_15 (x : BitVec 7) (h : x.toInt < 0) : (x.toNat : Int) = x.toInt + 128 := by
  sorry

/-- Shifting right with the sign divides and rounds down. -/
theorem field_twos_16 (x : BitVec 8) : (x.sshiftRight 3).toInt = x.toInt / 8 := by
  sorry
