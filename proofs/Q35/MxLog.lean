module

public import Q35.MxScale

@[expose] public section

/-! Why the logarithm of the scale must be exact: taken in float32 it is wrong just below nearly every power of two,
even if it is correctly rounded. -/

namespace Q35

/-- The float32 number before `2 ^ k`. -/
def belowTwoPow (k : Int) : Rat := twoPow k * (1 - twoPow (-24))

/-- It is a float32 number, from the smallest with a leading 1 on. -/
theorem float32_belowTwoPow (zero : ZeroSign) {k : Int} (h : -125 ≤ k ∧ k ≤ 128) :
    float32.toRat (float32.ofRat zero (belowTwoPow k)) = some (belowTwoPow k) := by
  have hvalue : belowTwoPow k = ((2 ^ 24 - 1 : Int) : Rat) * twoPow (k - 24) := by
    have hsplit : twoPow k = twoPow (k - 24) * twoPow 24 := by rw [← twoPow_add, Int.sub_add_cancel]
    rw [belowTwoPow, hsplit, show twoPow 24 = 16777216 by decide +kernel,
      show twoPow (-24) = 1 / 16777216 by decide +kernel, show ((2 ^ 24 - 1 : Int) : Rat) = 16777215 by decide +kernel]
    grind
  have hpos := twoPow_pos k
  have hsmall : 0 < twoPow (-24) ∧ twoPow (-24) < 1 := by decide +kernel
  have hbelow := Rat.mul_pos hpos hsmall.1
  have hlt := Rat.mul_lt_mul_of_pos_left hsmall.2 hpos
  have hle : twoPow k ≤ twoPow 128 := twoPow_le_iff.2 h.2
  have habs : abs (belowTwoPow k) < twoPow 128 := by
    rw [belowTwoPow]
    grind [abs]
  rw [hvalue] at habs ⊢
  exact (float32_mul_twoPow_iff zero (by decide) (by omega)).2 habs

example : float32.toRat (float32.ofRat .kept (belowTwoPow 0)) = some (belowTwoPow 0) :=
  float32_belowTwoPow .kept (by decide)

/-- Its exact logarithm is `k - 1`. -/
theorem floorLog2_belowTwoPow (k : Int) : floorLog2 (belowTwoPow k) = k - 1 := by
  have hpos := twoPow_pos (k + -24)
  have hvalue : belowTwoPow k = twoPow k - twoPow (k + -24) := by rw [belowTwoPow, twoPow_add]; grind
  rw [hvalue]
  refine floorLog2_below hpos ?_
  rw [← twoPow_succ]
  exact twoPow_le_iff.2 (by omega)

/-- The real logarithm of it is at least `k - 2 ^ -23`, stated without logarithms: its `n`-th power is at least half of
`2 ^ (k n)`, up to `n = 2 ^ 23`. -/
theorem twoPow_le_belowTwoPow_pow (k : Int) {n : Nat} (hn : n ≤ 2 ^ 23) : twoPow (k * n) ≤ 2 * belowTwoPow k ^ n := by
  have hpos := twoPow_pos k
  have ha : 0 < twoPow (-24) := twoPow_pos _
  have ha1 : twoPow (-24) < 1 := by decide +kernel
  -- Bernoulli's inequality, scaled
  have bernoulli : ∀ n : Nat, (1 - n * twoPow (-24)) * twoPow (k * n) ≤ belowTwoPow k ^ n := fun n => by
    induction n with
    | zero =>
      rw [Rat.pow_zero, show twoPow (k * (0 : Nat)) = 1 by rw [Int.natCast_zero, Int.mul_zero]; decide +kernel]
      grind
    | succ n ih =>
      have hp := twoPow_pos (k * n)
      have hstep : twoPow (k * (n + 1 : Nat)) = twoPow (k * n) * twoPow k := by
        rw [← twoPow_add]; congr 1; grind
      have hx : 0 ≤ belowTwoPow k := Rat.le_of_lt (Rat.mul_pos hpos (by grind))
      have h := Rat.mul_le_mul_of_nonneg_right ih hx
      have hn0 : (0 : Rat) ≤ n := Rat.natCast_nonneg
      have hcross : 0 ≤ n * (twoPow (-24) * twoPow (-24)) * (twoPow (k * n) * twoPow k) :=
        Rat.mul_nonneg (Rat.mul_nonneg hn0 (Rat.mul_nonneg (Rat.le_of_lt ha) (Rat.le_of_lt ha)))
          (Rat.mul_nonneg (Rat.le_of_lt hp) (Rat.le_of_lt hpos))
      rw [Rat.pow_succ, hstep, Rat.natCast_add]
      refine Rat.le_trans ?_ h
      rw [belowTwoPow]
      generalize twoPow (-24) = a at *
      generalize twoPow (k * n) = P at *
      generalize twoPow k = K at *
      have : ((1 : Nat) : Rat) = 1 := rfl
      grind
  have h := bernoulli n
  have hhalf : (n : Rat) * twoPow (-24) ≤ 1 / 2 := by
    have := Rat.mul_le_mul_of_nonneg_right (Rat.natCast_le_natCast.2 hn) (Rat.le_of_lt ha)
    rw [show ((2 ^ 23 : Nat) : Rat) * twoPow (-24) = 1 / 2 by decide +kernel] at this
    exact this
  have := Rat.mul_le_mul_of_nonneg_right hhalf (Rat.le_of_lt (twoPow_pos (k * n)))
  grind

example : twoPow (3 * (2 ^ 10 : Nat)) ≤ 2 * belowTwoPow 3 ^ 2 ^ 10 := twoPow_le_belowTwoPow_pow 3 (by decide)

/-- A whole number of units between the midpoints before and after an even size rounds to that size. -/
private theorem floatBits_eq_of_even {M a n : Nat} (hM : M ≠ 0) (ha : a % 2 = 1)
    (hlow : floatUnits M a + floatUnits M (a + 1) ≤ 2 * n)
    (hhigh : 2 * n ≤ floatUnits M (a + 1) + floatUnits M (a + 2)) : floatBits M n = a + 1 := by
  have hends := And.intro (Rat.natCast_le_natCast.2 hlow) (Rat.natCast_le_natCast.2 hhigh)
  have hpos : (0 : Rat) ≤ (floatUnits M a + floatUnits M (a + 1) : Nat) := Rat.natCast_nonneg
  simp only [Rat.natCast_add, Rat.natCast_mul, Rat.natCast_ofNat] at hends hpos
  have h₁ := (floatBits_tie hM a).trans (if_neg (by omega))
  have h₂ := (floatBits_tie hM (a + 1)).trans (if_pos (by omega))
  exact Nat.le_antisymm (Nat.le_trans (floatBits_mono Rat.natCast_nonneg (by grind)) (Nat.le_of_eq h₂))
    (Nat.le_trans (Nat.le_of_eq h₁.symm) (floatBits_mono (by grind) (by grind)))

/-- But whatever lies between `k - 2 ^ -23` and `k` rounds to `k` in float32, unless `k` is -1, 0, 1 or 2: such a
logarithm is rounded up, and the scale that follows from it is twice too large. -/
theorem float32_round_log {k : Int} (h : -149 ≤ k ∧ k ≤ -2 ∨ 3 ≤ k ∧ k ≤ 128) {y : Rat} (hlow : k - twoPow (-23) ≤ y)
    (hhigh : y ≤ k) : float32.round y = k := by
  -- integers have even bits, and no size around them is nearer than twice `2 ^ -23`: in units, `2 ^ 127`
  have hall : ∀ n ∈ List.range 150, 2 ≤ n → ∃ a ∈ [(126 + n.log2) * 2 ^ 23 + n * 2 ^ (23 - n.log2) - 1],
      (a % 2 = 1 ∧ n * 2 ^ 149 = floatUnits 23 (a + 1)) ∧
      floatUnits 23 a + min (n - 2) 1 * 2 ^ 127 ≤ n * 2 ^ 149 ∧
      n * 2 ^ 149 + 2 ^ 127 ≤ floatUnits 23 (a + 2) := by decide +kernel
  obtain ⟨a, -, ⟨ha, hunits⟩, hl, hh⟩ := hall k.natAbs (List.mem_range.2 (by omega)) (by omega)
  have hk : abs (k : Rat) * (float32.unitsOfOne : Nat) = (k.natAbs * 2 ^ 149 : Nat) := by
    rw [abs_intCast, Rat.natCast_mul]; rfl
  have hexact : float32.round k = k := float32.round_significand (show k.natAbs ≤ 2 * 2 ^ 23 by omega) hk
  have hsize : abs (k - twoPow (-23)) * (float32.unitsOfOne : Nat) = ((k * 2 ^ 149 - 2 ^ 126).natAbs : Nat) := by
    rw [abs_sub_mul_right Rat.natCast_nonneg, show twoPow (-23) * _ = ((2 ^ 126 : Int) : Rat) by decide +kernel,
      show ((float32.unitsOfOne : Nat) : Rat) = (2 ^ 149 : Int) from rfl, ← Rat.intCast_mul, ← Rat.intCast_sub,
      abs_intCast]
  have hsign : k - twoPow (-23) < 0 ↔ (k : Rat) < 0 := by
    have hsmall : 0 < twoPow (-23) ∧ twoPow (-23) < 1 := by decide +kernel
    rcases (show k ≤ -1 ∨ 1 ≤ k by omega) with h | h <;> have := Rat.intCast_le_intCast.2 h <;> grind
  have hround : float32.round (k - twoPow (-23)) = float32.round k := by
    simp only [FloatFormat.round, show float32.mantissaBits = 23 from rfl, hsize, hk, hunits, hsign,
      floatBits_floatUnits, floatBits_eq_of_even (M := 23) (by decide) ha (n := (k * 2 ^ 149 - 2 ^ 126).natAbs)
        (by omega) (by omega)]
  have h₁ := float32.round_mono hlow
  rw [hround, hexact] at h₁
  exact Rat.le_antisymm (hexact ▸ float32.round_mono hhigh) h₁

example : float32.round (5 - twoPow (-24)) = (5 : Int) := float32_round_log (by decide) (by decide +kernel)
  (by decide +kernel)

end Q35
