module

public import Q35.AccumulateCodebook

@[expose] public section

/-! The largest safe K: how many weights a dot product in int32 may have. A row of K weights is its whole pairs and, if K
is odd, the first slot of one more. -/

namespace Q35

/-- A table with its second slot left out. -/
def firstSlot {n : Nat} (T : Fin n → Int × Int) : Fin n → Int × Int := fun c => ((T c).1, 0)

/-- One more weight after the largest safe number of pairs fits: neither the least nor the greatest sum leaves int32. -/
abbrev FitsOneMore {n : Nat} (T : Fin n → Int × Int) : Prop :=
  -2 ^ 31 ≤ maxSafePairs T * leastPair n T + leastPair n (firstSlot T) ∧
  maxSafePairs T * greatestPair n T + greatestPair n (firstSlot T) ≤ 2 ^ 31 - 1

/-- The largest number of weights for which no dot product with int8 activations, nor a part of one, leaves int32. -/
def maxSafeK {n : Nat} (T : Fin n → Int × Int) : Nat := 2 * maxSafePairs T + if FitsOneMore T then 1 else 0

/-- The greatest contribution is not negative. -/
theorem greatestPair_nonneg {n : Nat} (T : Fin n → Int × Int) : 0 ≤ greatestPair n T := by
  induction n with
  | zero => simp [greatestPair]
  | succ n ih => have := ih fun c => T c.castSucc; simp only [greatestPair]; omega

/-- The first slot alone has no lesser contribution than the pair. -/
theorem leastPair_le_firstSlot {n : Nat} (T : Fin n → Int × Int) : leastPair n T ≤ leastPair n (firstSlot T) := by
  induction n with
  | zero => simp [leastPair]
  | succ n ih =>
    have := ih fun c => T c.castSucc
    have hself : leastPair (n + 1) (firstSlot T) = min (leastPair n (firstSlot fun c => T c.castSucc))
        (leastProduct (T (.last n)).1 + leastProduct 0) := rfl
    have hzero : leastProduct 0 = 0 := rfl
    have hsecond : leastProduct (T (.last n)).2 ≤ 0 := by unfold leastProduct; omega
    rw [hself, leastPair]
    exact Int.le_min.2 ⟨Int.le_trans (Int.min_le_left ..) this, Int.le_trans (Int.min_le_right ..) (by omega)⟩

/-- The first slot alone has no greater contribution than the pair. -/
theorem greatestPair_firstSlot_le {n : Nat} (T : Fin n → Int × Int) :
    greatestPair n (firstSlot T) ≤ greatestPair n T := by
  induction n with
  | zero => simp [greatestPair]
  | succ n ih =>
    have := ih fun c => T c.castSucc
    have hself : greatestPair (n + 1) (firstSlot T) = max (greatestPair n (firstSlot fun c => T c.castSucc))
        (greatestProduct (T (.last n)).1 + greatestProduct 0) := rfl
    have hzero : greatestProduct 0 = 0 := rfl
    have hsecond : 0 ≤ greatestProduct (T (.last n)).2 := by unfold greatestProduct; omega
    rw [hself, greatestPair]
    exact Int.max_le.2 ⟨Int.le_trans this (Int.le_max_left ..), Int.le_trans (by omega) (Int.le_max_right ..)⟩

/-- The products of a single weight lie between the least and the greatest of its slot. -/
theorem single_bounds {n : Nat} (T : Fin n → Int × Int) {a : Int} (ha : InInt8 a) (c : Fin n) :
    leastPair n (firstSlot T) ≤ a * (T c).1 ∧ a * (T c).1 ≤ greatestPair n (firstSlot T) := by
  have h := dotPair_bounds (firstSlot T) c (a := (a, 0)) ⟨ha, show InInt8 0 by decide⟩
  simp only [dotPair, firstSlot, Int.mul_zero, Int.add_zero] at h
  exact h

example : leastPair 128 (firstSlot decode) ≤ -128 * (decode 3).1 ∧
    -128 * (decode 3).1 ≤ greatestPair 128 (firstSlot decode) := single_bounds decode (by decide) 3

/-- No overflow with an even number of weights up to the largest safe K. -/
theorem dot_inInt32_of_even {n : Nat} (T : Fin n → Int × Int) {as : List (Int × Int)} {codes : List (Fin n)}
    (h : ∀ a ∈ as, InInt8 a.1 ∧ InInt8 a.2) (hK : 2 * codes.length ≤ maxSafeK T) : InInt32 (dot T as codes) := by
  refine dot_inInt32 T h ?_
  unfold maxSafeK at hK
  split at hK <;> omega

/-- A safe number of pairs, all of the least or all of the greatest contribution, fits. -/
private theorem pairs_fit {n : Nat} {T : Fin n → Int × Int} {K : Nat} (h : K ≤ maxSafePairs T) :
    -2 ^ 31 ≤ K * leastPair n T ∧ K * greatestPair n T ≤ 2 ^ 31 - 1 := by
  have ⟨hlow, hhigh⟩ := le_maxSafeTerms_iff.1 h
  have h₁ := Int.mul_le_mul_of_nonneg_left (Int.le_max_right 1 (-leastPair n T)) (Int.natCast_nonneg K)
  have h₂ := Int.mul_le_mul_of_nonneg_left (Int.le_max_right 1 (greatestPair n T)) (Int.natCast_nonneg K)
  rw [Int.mul_neg] at h₁
  exact ⟨Int.neg_le_of_neg_le (Int.le_trans h₁ hlow), Int.le_trans h₂ hhigh⟩

/-- No overflow with an odd number of weights up to the largest safe K: whole pairs, and the first slot of one more. -/
theorem dot_add_single_inInt32 {n : Nat} (T : Fin n → Int × Int) {as : List (Int × Int)} {codes : List (Fin n)}
    (h : ∀ a ∈ as, InInt8 a.1 ∧ InInt8 a.2) {a : Int} (ha : InInt8 a) (c : Fin n)
    (hK : 2 * codes.length + 1 ≤ maxSafeK T) : InInt32 (dot T as codes + a * (T c).1) := by
  have hroom : -2 ^ 31 ≤ codes.length * leastPair n T + leastPair n (firstSlot T) ∧
      codes.length * greatestPair n T + greatestPair n (firstSlot T) ≤ 2 ^ 31 - 1 := by
    unfold maxSafeK at hK
    split at hK
    case isTrue hmore =>
      have hpairs : (codes.length : Int) ≤ maxSafePairs T := Int.ofNat_le.2 (by omega)
      have h₁ := Int.mul_le_mul_of_nonpos_right hpairs (leastPair_nonpos T)
      have h₂ := Int.mul_le_mul_of_nonneg_right hpairs (greatestPair_nonneg T)
      omega
    case isFalse =>
      -- one pair fewer than the largest safe number leaves room for a whole pair, hence for its first slot
      have hfit := pairs_fit (T := T) (K := codes.length + 1) (by omega)
      have hleast := leastPair_le_firstSlot T
      have hgreatest := greatestPair_firstSlot_le T
      simp only [Int.natCast_add, Int.natCast_one, Int.add_mul, Int.one_mul] at hfit
      omega
  have hlength := Int.ofNat_le.2 (length_products_le T as codes)
  have h₁ := Int.mul_le_mul_of_nonpos_right hlength (leastPair_nonpos T)
  have h₂ := Int.mul_le_mul_of_nonneg_right hlength (greatestPair_nonneg T)
  have hsum := sum_bounds (products_bounds T h codes)
  have hsingle := single_bounds T ha c
  unfold dot
  clear hK
  omega

/-- Tight: one weight more than the largest safe K overflows, as one more first slot or as its second one. -/
theorem maxSafeK_tight {n : Nat} {T : Fin n → Int × Int} {c₀ : Fin n} (h : T c₀ ≠ (0, 0)) :
    ∃ a c, (InInt8 a.1 ∧ InInt8 a.2) ∧
      ((maxSafeK T = 2 * maxSafePairs T + 1 ∧
        ¬InInt32 (dot T (.replicate (maxSafePairs T + 1) a) (.replicate (maxSafePairs T + 1) c))) ∨
      (maxSafeK T = 2 * maxSafePairs T ∧ ∃ b c', InInt8 b ∧
        ¬InInt32 (dot T (.replicate (maxSafePairs T) a) (.replicate (maxSafePairs T) c) + b * (T c').1))) := by
  by_cases hmore : FitsOneMore T
  · obtain ⟨a, c, ha, hover⟩ := maxSafePairs_tight h
    exact ⟨a, c, ha, .inl ⟨by rw [maxSafeK, if_pos hmore], hover⟩⟩
  · have hK : maxSafeK T = 2 * maxSafePairs T := by rw [maxSafeK, if_neg hmore, Nat.add_zero]
    have hfit := pairs_fit (Nat.le_refl (maxSafePairs T))
    rcases Classical.not_and_iff_not_or_not.1 hmore with hless | hmoreThan
    · -- the least sum leaves int32: repeat the code of the least pair, then the one of the least first slot
      rcases leastPair_attained (firstSlot T) with h0 | ⟨c', hc'⟩
      · omega
      · simp only [firstSlot, leastProduct, Int.mul_zero, Int.min_self, Int.add_zero] at hc'
        have hb := leastFactor_spec (T c').1
        rcases leastPair_attained T with h0 | ⟨c, hc⟩
        · have := leastPair_le_firstSlot T
          have := leastPair_nonpos (firstSlot T)
          rw [h0, Int.mul_zero] at hless
          omega
        · refine ⟨(leastFactor (T c).1, leastFactor (T c).2), c,
            ⟨(leastFactor_spec _).1, (leastFactor_spec _).1⟩, .inr ⟨hK, leastFactor (T c').1, c', hb.1, ?_⟩⟩
          simp only [dot, products_replicate, sum_replicate, dotPair, leastFactor_spec, hc]
          simp only [leastProduct, hc']
          omega
    · rcases greatestPair_attained (firstSlot T) with h0 | ⟨c', hc'⟩
      · omega
      · simp only [firstSlot, greatestProduct, Int.mul_zero, Int.max_self, Int.add_zero] at hc'
        have hb := greatestFactor_spec (T c').1
        rcases greatestPair_attained T with h0 | ⟨c, hc⟩
        · have := greatestPair_firstSlot_le T
          rw [h0, Int.mul_zero] at hmoreThan
          omega
        · refine ⟨(greatestFactor (T c).1, greatestFactor (T c).2), c,
            ⟨(greatestFactor_spec _).1, (greatestFactor_spec _).1⟩,
            .inr ⟨hK, greatestFactor (T c').1, c', hb.1, ?_⟩⟩
          simp only [dot, products_replicate, sum_replicate, dotPair, greatestFactor_spec, hc]
          simp only [greatestProduct, hc']
          omega

example : ∃ a c, (InInt8 a.1 ∧ InInt8 a.2) ∧
    ((maxSafeK decode = 2 * maxSafePairs decode + 1 ∧
      ¬InInt32 (dot decode (.replicate (maxSafePairs decode + 1) a) (.replicate (maxSafePairs decode + 1) c))) ∨
    (maxSafeK decode = 2 * maxSafePairs decode ∧ ∃ b c', InInt8 b ∧
      ¬InInt32 (dot decode (.replicate (maxSafePairs decode) a) (.replicate (maxSafePairs decode) c) +
        b * (decode c').1))) := maxSafeK_tight (c₀ := 1) (by decide)

/-- The published pair (hi, lo): 2,796,202 weights are safe, and no more. -/
theorem maxSafeK_row : maxSafeK (fun c : Code => (hi c, lo c)) = 2796202 := by
  have hfirst : leastPair 128 (firstSlot (fun c : Code => (hi c, lo c))) = -1016 ∧
      greatestPair 128 (firstSlot (fun c : Code => (hi c, lo c))) = 1024 := extremes_hi
  have h : ¬FitsOneMore (fun c : Code => (hi c, lo c)) := by
    simp only [FitsOneMore, maxSafePairs_row, extremes_row, hfirst]; decide
  rw [maxSafeK, if_neg h, maxSafePairs_row]

/-- The pair (hi, 2 lo): 2,097,151 weights are safe, and no more. -/
theorem maxSafeK_block : maxSafeK (fun c : Code => (hi c, 2 * lo c)) = 2097151 := by
  have hfirst : leastPair 128 (firstSlot (fun c : Code => (hi c, 2 * lo c))) = -1016 ∧
      greatestPair 128 (firstSlot (fun c : Code => (hi c, 2 * lo c))) = 1024 := extremes_hi
  have h : FitsOneMore (fun c : Code => (hi c, 2 * lo c)) := by
    simp only [FitsOneMore, maxSafePairs_block, extremes_block, hfirst]; decide
  rw [maxSafeK, if_pos h, maxSafePairs_block]

/-- The learned table: 200,924 weights are safe, and no more. -/
theorem maxSafeK_codebook : maxSafeK codebookTable = 200924 := by
  -- no first slot more: the greatest sum would leave int32 by the codes 7 and 0
  have hpairs := (dotPair_bounds codebookTable 7 (a := (-128, -128)) (by decide)).2
  have hfirst := (single_bounds codebookTable (a := -128) (by decide) 0).2
  rw [show dotPair (-128, -128) (codebookTable 7) = 21376 by decide +kernel] at hpairs
  rw [show -128 * (codebookTable 0).1 = 16256 by decide +kernel] at hfirst
  have h : ¬FitsOneMore codebookTable := fun ⟨_, h⟩ => by rw [maxSafePairs_codebook] at h; omega
  rw [maxSafeK, if_neg h, maxSafePairs_codebook]

/-! ### The hypotheses can be met -/

example : InInt32 (dot decode [(-128, 127)] [3]) :=
  dot_inInt32_of_even decode (by decide) (by rw [show maxSafeK decode = 2796202 from maxSafeK_row]; decide)
example : InInt32 (dot decode [(-128, 127)] [3] + -128 * (decode 64).1) :=
  dot_add_single_inInt32 decode (by decide) (by decide) 64
    (by rw [show maxSafeK decode = 2796202 from maxSafeK_row]; decide)

end Q35
